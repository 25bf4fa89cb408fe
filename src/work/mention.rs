//! What people write to say that things belong together: closing keywords in a pull request's
//! text (`fixes #12`), `vstrace-…` tokens, issue keys (`PROJ-12`), and the issue number that a
//! branch begins with. [`super::convention`] reads texts of any source with these.

mod closing;
mod gitlab;
mod issue_key;
mod token;

pub use self::closing::closing;
pub use self::gitlab::closing_gitlab;
pub use self::issue_key::issue_keys;
pub use self::token::{tokens, trace_parameter};
use super::key::Source;

/// How many references of one text are kept.
pub const MAX_MENTIONS: usize = 20;

/// How much of a text is looked at, in bytes: GitHub's limit for a body is 65,536 characters.
const MAX_SCAN: usize = 64 * 1024;

/// The repository that a text stands in, or is about.
#[derive(Clone, Copy, Debug)]
pub struct Near<'a> {
    /// Whose it is.
    pub source: Source,
    /// Its host.
    pub host: &'a str,
    /// Its path, `owner/name`.
    pub project: &'a str,
}

impl Near<'_> {
    fn name(&self) -> &str {
        self.project.rsplit('/').next().unwrap_or(self.project)
    }
}

/// The issue number that a branch begins with: 12 for `12-some-title` and `feature/12_title`.
pub fn branch_number(branch: &str) -> Option<u64> {
    let last = branch.rsplit('/').next()?;
    let (digits, _) = last.split_once(['-', '_']).filter(|(_, title)| !title.is_empty())?;
    let fits = (1..=10).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|number| fits && *number > 0)
}

/// A number as ids write it: without leading zeros, and never 0.
fn number_of(digits: &str) -> Option<String> {
    let number: u64 = digits.parse().ok()?;
    (number > 0).then(|| number.to_string())
}

fn word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// As much of a text as is looked at.
pub(super) fn head(text: &str) -> &str {
    let mut end = text.len().min(MAX_SCAN);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The HTML comments of a text, asked for in rising order.
struct Comments<'a> {
    text: &'a str,
    next: Option<(usize, usize)>,
}

impl<'a> Comments<'a> {
    fn new(text: &'a str) -> Self {
        let mut comments = Self { text, next: None };
        comments.find(0);
        comments
    }

    fn find(&mut self, from: usize) {
        self.next = self.text[from..].find("<!--").map(|start| {
            let start = from + start;
            let end = self.text[start..].find("-->").map_or(self.text.len(), |end| start + end + 3);
            (start, end)
        });
    }

    fn cover(&mut self, at: usize) -> bool {
        while let Some((start, end)) = self.next {
            if at < end {
                return at >= start;
            }
            self.find(end);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_branch_may_begin_with_the_number_of_its_issue() {
        for (branch, number) in [
            ("12-some-title", Some(12)),
            ("feature/12-title", Some(12)),
            ("12_title", Some(12)),
            ("12", None),
            ("12-", None),
            ("feature/12", None),
            ("12-a/title", None),
            ("v12-title", None),
            ("0-title", None),
            ("99999999999-title", None),
            ("", None),
        ] {
            assert_eq!(branch_number(branch), number, "{branch}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in "(\\PC|fixes #|vstrace-github-issue-|PROJ-|<!--|-->|[0-9-])*") {
            prop_assert!(closing(&text, "github.com", "acme/api").len() <= MAX_MENTIONS);
            prop_assert!(tokens(&text, None).len() <= MAX_MENTIONS);
            issue_keys(&text);
            branch_number(&text);
            trace_parameter(&text);
        }
    }
}
