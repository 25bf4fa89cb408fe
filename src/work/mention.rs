//! What people write to say that things belong together: closing keywords in a pull request's
//! text (`fixes #12`), `vstrace-…` tokens, and the issue number that a branch begins with.

use std::sync::LazyLock;

use regex::Regex;

use super::event::{Ref, Target};
use super::key::{Key, Kind, Source};

/// How many references of one text are kept.
pub const MAX_MENTIONS: usize = 20;

/// How much of a text is looked at, in bytes: GitHub's limit for a body is 65,536 characters.
const MAX_SCAN: usize = 64 * 1024;

/// How many ways of reading one token are tried.
const MAX_READINGS: usize = 3;

/// GitHub's closing keywords before a reference. What must not stand before and after is checked
/// apart: a Unicode `\b` would put the regex engine on its slow path.
#[expect(clippy::expect_used, reason = "a constant pattern, compiled by the tests")]
static CLOSING: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i-u)(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?)(?:[ \t]*:[ \t]*|[ \t]+)(?:https?://([a-z0-9.:-]+)/([a-z0-9-]+/[a-z0-9._-]+)/issues/|([a-z0-9-]+/[a-z0-9._-]+)?#)([0-9]{1,10})",
    )
    .expect("the pattern of closing keywords is valid")
});

#[expect(clippy::expect_used, reason = "a constant pattern, compiled by the tests")]
static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i-u)vstrace-([a-z]{1,20})-(issue|pull_request|pull-request|pr)-([a-z0-9._][a-z0-9._-]{0,199})",
    )
    .expect("the pattern of tokens is valid")
});

/// The issues that `text` closes by keyword, in the order named: `fixes #12`,
/// `Closes: acme/web#3`, `resolved https://github.com/acme/api/issues/7`. `host` and `repository`
/// (`owner/name`) say where the text stands. HTML comments are passed over, as GitHub does: pull
/// request templates explain the keywords in them.
pub fn closing(text: &str, host: &str, repository: &str) -> Vec<Key> {
    let text = head(text);
    let mut comments = Comments::new(text);
    let mut keys = Vec::new();
    for found in CLOSING.captures_iter(text) {
        let (Some(whole), Some(number)) = (found.get(0), found.get(4)) else { continue };
        let inside_word = text[..whole.start()].ends_with(|c| word(c) || c == '-')
            || text[whole.end()..].starts_with(word)
            || comments.cover(whole.start());
        let elsewhere = found.get(1).is_some_and(|named| !named.as_str().eq_ignore_ascii_case(host));
        if inside_word || elsewhere {
            continue;
        }
        let named = found.get(2).or(found.get(3)).map_or(repository, |named| named.as_str());
        let project = if named.eq_ignore_ascii_case(repository) { repository } else { named };
        let Some(key) = number_of(number.as_str())
            .and_then(|number| Key::new(Source::Github, host, project, Kind::Issue, &number).ok())
        else {
            continue;
        };
        if !keys.contains(&key) {
            keys.push(key);
        }
        if keys.len() == MAX_MENTIONS {
            break;
        }
    }
    keys
}

/// The `vstrace-{source}-{issue|pull_request|pr}-{repository}-{number}` tokens of `text`, such as
/// `vstrace-github-issue-valuestream-36`. A token does not name the owner, so its project is to
/// be looked up by its last name.
pub fn tokens(text: &str) -> Vec<Target> {
    read_tokens(text, None)
}

/// The tokens of a text that stands in, or is about, a known repository: one that names this
/// repository needs no looking up.
pub fn tokens_near(text: &str, source: Source, host: &str, project: &str) -> Vec<Target> {
    read_tokens(text, Some(Place { source, host, project }))
}

/// What a build's `vstrace-trace-id` parameter says: a whole key, or tokens.
pub fn trace_parameter(value: &str) -> Vec<Target> {
    match value.trim().parse::<Key>() {
        Ok(key) => vec![Target::Key(key)],
        Err(_) => tokens(value),
    }
}

/// The issue number that a branch begins with: 12 for `12-some-title` and `feature/12_title`.
pub fn branch_number(branch: &str) -> Option<u64> {
    let last = branch.rsplit('/').next()?;
    let (digits, _) = last.split_once(['-', '_']).filter(|(_, title)| !title.is_empty())?;
    let fits = (1..=10).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|number| fits && *number > 0)
}

#[derive(Clone, Copy)]
struct Place<'a> {
    source: Source,
    host: &'a str,
    project: &'a str,
}

impl Place<'_> {
    fn name(&self) -> &str {
        self.project.rsplit('/').next().unwrap_or(self.project)
    }
}

fn read_tokens(text: &str, near: Option<Place<'_>>) -> Vec<Target> {
    let text = head(text);
    let mut targets = Vec::new();
    for found in TOKEN.captures_iter(text) {
        let (Some(whole), Some(source), Some(kind), Some(tail)) =
            (found.get(0), found.get(1), found.get(2), found.get(3))
        else {
            continue;
        };
        if text[..whole.start()].ends_with(word) {
            continue;
        }
        let Ok(source) = source.as_str().to_ascii_lowercase().parse::<Source>() else { continue };
        let kind = if kind.as_str().eq_ignore_ascii_case("issue") { Kind::Issue } else { Kind::PullRequest };
        let after = text[whole.end()..].chars().next();
        let readings = readings(tail.as_str(), after);
        let here = near.filter(|near| near.source == source).and_then(|near| {
            let (_, number) = readings.iter().find(|(name, _)| name.eq_ignore_ascii_case(near.name()))?;
            Key::new(source, near.host, near.project, kind, number).ok()
        });
        match here {
            Some(key) => add(&mut targets, Target::Key(key)),
            None => {
                for (name, id) in readings {
                    add(&mut targets, Target::Token { project: Ref::project(source, name), kind, id });
                }
            }
        }
    }
    targets
}

fn add(targets: &mut Vec<Target>, target: Target) {
    if targets.len() < MAX_MENTIONS && !targets.contains(&target) {
        targets.push(target);
    }
}

/// The ways to read a token's tail as name and number. There can be several: in
/// `api-2-12` the repository may be `api-2`, in `api-36-fix-2-things` it is `api`. A number at
/// the very end is the likeliest, then the first one.
fn readings(tail: &str, after: Option<char>) -> Vec<(&str, String)> {
    let mut found: Vec<(&str, String)> = Vec::new();
    let mut last_is_whole = false;
    for (at, _) in tail.match_indices('-') {
        let rest = &tail[at + 1..];
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let next = rest[digits..].chars().next().or(after);
        if at == 0 || next.is_some_and(char::is_alphanumeric) {
            continue;
        }
        if let Some(number) = number_of(&rest[..digits]) {
            last_is_whole = rest[digits..].trim_end_matches(['.', '-', '_']).is_empty();
            found.push((&tail[..at], number));
        }
    }
    if last_is_whole {
        found.rotate_right(1);
    }
    found.truncate(MAX_READINGS);
    found
}

/// A number as ids write it: without leading zeros, and never 0.
fn number_of(digits: &str) -> Option<String> {
    let number: u64 = digits.parse().ok()?;
    (number > 0).then(|| number.to_string())
}

fn word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn head(text: &str) -> &str {
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
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    fn closes(text: &str) -> Vec<String> {
        closing(text, "github.com", "acme/api").iter().map(|key| key.as_str()[18..].to_owned()).collect()
    }

    fn token(source: Source, name: &str, kind: Kind, id: &str) -> Target {
        Target::Token { project: Ref::project(source, name), kind, id: id.to_owned() }
    }

    #[test]
    fn every_closing_keyword_of_github_counts() {
        for word in
            ["close", "closes", "closed", "fix", "fixes", "fixed", "resolve", "resolves", "resolved", "FIXES"]
        {
            assert_eq!(closes(&format!("this {word} #12.")), ["acme/api/issue/12"], "{word}");
            assert_eq!(closes(&format!("{word}: #12")), ["acme/api/issue/12"], "{word}:");
        }
    }

    #[test]
    fn issues_elsewhere_are_named_by_repository_or_url() {
        assert_eq!(closes("closes acme/web.site#3"), ["acme/web.site/issue/3"]);
        assert_eq!(closes("Fixes https://github.com/acme/web/issues/7"), ["acme/web/issue/7"]);
        assert_eq!(closes("fixes ACME/Api#3"), ["acme/api/issue/3"], "one spelling of one repository");
        assert!(closes("fixes https://gitlab.com/acme/web/issues/7").is_empty(), "another host");
        assert!(closes("fixes https://github.com/acme/web/pull/7").is_empty(), "no issue");
    }

    #[test]
    fn what_only_looks_like_a_keyword_does_not_close() {
        for text in [
            "prefixes #1",
            "hot-fix #1",
            "fixes 1",
            "fixes#1",
            "fixes #1a",
            "fixes #1_2",
            "fixes #0",
            "fixes #12345678901",
            "éfixes #1",
            "see #1",
            "fixes <!-- closes #1 -->",
            "<!-- fixes #1",
        ] {
            assert!(closes(text).is_empty(), "{text}");
        }
        assert_eq!(closes("<!-- fixes #1 --> fixes #2 <!-- fixes #3 -->"), ["acme/api/issue/2"]);
    }

    #[test]
    fn references_keep_their_order_without_repetition_and_have_a_bound() {
        assert_eq!(closes("fixes #9, fixes #3, closes #9"), ["acme/api/issue/9", "acme/api/issue/3"]);
        let many: String = (1..100).map(|n| format!("fixes #{n}\n")).collect();
        assert_eq!(closes(&many).len(), MAX_MENTIONS);
        let late = format!("{}é fixes #1", " ".repeat(MAX_SCAN - 1));
        assert!(closes(&late).is_empty(), "beyond what is looked at");
    }

    #[test]
    fn tokens_of_the_original_are_read() {
        let expected = [token(Source::Github, "valuestream", Kind::Issue, "36")];
        for text in [
            "vstrace-github-issue-valuestream-36",
            "feature/vstrace-github-issue-valuestream-36",
            "part of VSTRACE-GitHub-Issue-ValueStream-36.",
            "(vstrace-github-issue-valuestream-36)",
        ] {
            assert_eq!(tokens(text), expected, "{text}");
        }
        for kind in ["pr", "pull_request", "pull-request"] {
            let text = format!("vstrace-github-{kind}-my.repo-v2-7");
            assert_eq!(tokens(&text), [token(Source::Github, "my.repo-v2", Kind::PullRequest, "7")]);
        }
    }

    #[test]
    fn what_is_no_token_is_passed_over() {
        for text in [
            "vstrace-github-issue-36",
            "xvstrace-github-issue-a-1",
            "vstrace-svn-issue-a-1",
            "vstrace-github-issue-a-1x",
        ] {
            assert!(tokens(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn an_ambiguous_token_is_read_in_the_likeliest_way_first() {
        let numbers = |text: &str| -> Vec<String> {
            tokens(text)
                .into_iter()
                .map(|target| match target {
                    Target::Token { project, id, .. } => format!("{} {id}", project.as_str()),
                    other => panic!("{other:?}"),
                })
                .collect()
        };
        assert_eq!(
            numbers("vstrace-github-issue-api-2-12"),
            ["project:github/api-2 12", "project:github/api 2"]
        );
        assert_eq!(
            numbers("vstrace-github-issue-api-36-fix-2-things"),
            ["project:github/api 36", "project:github/api-36-fix 2"]
        );
    }

    #[test]
    fn a_token_of_the_repository_at_hand_needs_no_looking_up() {
        let near = |text: &str| tokens_near(text, Source::Github, "github.com", "Acme/API");
        let key: Key = "github:github.com/Acme/API/issue/12".parse().unwrap();
        assert_eq!(near("vstrace-github-issue-api-12-and-3-more"), [Target::Key(key)]);
        assert_eq!(near("vstrace-github-issue-web-1"), [token(Source::Github, "web", Kind::Issue, "1")]);
    }

    #[test]
    fn a_trace_parameter_is_a_key_or_a_token() {
        let key = "github:github.com/acme/api/issue/12";
        assert_eq!(trace_parameter(&format!(" {key}\n")), [Target::Key(key.parse().unwrap())]);
        assert_eq!(
            trace_parameter("vstrace-github-issue-api-12"),
            [token(Source::Github, "api", Kind::Issue, "12")]
        );
        assert!(trace_parameter("").is_empty());
    }

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
        fn no_text_is_too_strange(text in "(\\PC|fixes #|vstrace-github-issue-|<!--|-->|[0-9-])*") {
            prop_assert!(closing(&text, "github.com", "acme/api").len() <= MAX_MENTIONS);
            prop_assert!(tokens(&text).len() <= MAX_MENTIONS);
            branch_number(&text);
            trace_parameter(&text);
        }
    }
}
