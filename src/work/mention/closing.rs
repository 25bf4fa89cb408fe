//! GitHub's closing keywords in a text: `fixes #12`.

use std::sync::LazyLock;

use regex::Regex;

use super::{Comments, MAX_MENTIONS, head, number_of, word};
use crate::work::key::{Key, Kind, Source};

/// GitHub's closing keywords before a reference. What must not stand before and after is checked
/// apart: a Unicode `\b` would put the regex engine on its slow path.
#[expect(clippy::expect_used, reason = "a constant pattern, compiled by the tests")]
static CLOSING: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i-u)(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?)(?:[ \t]*:[ \t]*|[ \t]+)(?:https?://([a-z0-9.:-]+)/([a-z0-9-]+/[a-z0-9._-]+)/issues/|([a-z0-9-]+/[a-z0-9._-]+)?#)([0-9]{1,10})",
    )
    .expect("the pattern of closing keywords is valid")
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

#[cfg(test)]
mod tests {
    use super::super::MAX_SCAN;
    use super::*;

    fn closes(text: &str) -> Vec<String> {
        closing(text, "github.com", "acme/api").iter().map(|key| key.as_str()[18..].to_owned()).collect()
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
}
