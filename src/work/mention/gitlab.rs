//! GitLab's closing pattern in a text: `Closes #12, #13 and group/project#14`.

use std::sync::LazyLock;

use regex::Regex;

use super::{MAX_MENTIONS, head, number_of, word};
use crate::work::key::{Key, Kind, Source};

/// The words of the pattern that GitLab has by default.
#[expect(clippy::expect_used, reason = "a constant pattern, compiled by the tests")]
static CLOSING: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i-u)(?:clos(?:e[sd]?|ing)|fix(?:e[sd]|ing)?|resolv(?:e[sd]?|ing)|implement(?:s|ed|ing)?):?[ \t]+",
    )
    .expect("the pattern of closing words is valid")
});

/// One issue after such a word: its address, or `#12` with its project before it, and what joins the
/// next one to it.
#[expect(clippy::expect_used, reason = "a constant pattern, compiled by the tests")]
static ISSUE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i-u)^(?:issues?[ \t]+)?(?:https?://([a-z0-9.:-]{1,253})/([a-z0-9_./-]{1,255}?)/(?:-/)?(?:issues|work_items)/([0-9]{1,10})|([a-z0-9_.][a-z0-9_./-]{0,254})?#([0-9]{1,10}))([ \t]*,?[ \t]+and[ \t]+|[ \t]*,?[ \t]*)",
    )
    .expect("the pattern of issues is valid")
});

/// The issues that `text` closes by GitLab's default pattern, in the order named. `host` and
/// `project` (with all its groups) say where the text stands, `root` below which path GitLab lies
/// on its host (`/gitlab`, or nothing). As in GitLab, what stands in a comment counts as well.
pub fn closing_gitlab(text: &str, host: &str, root: &str, project: &str) -> Vec<Key> {
    let text = head(text);
    let mut keys = Vec::new();
    for found in CLOSING.find_iter(text) {
        if text[..found.start()].ends_with(word) {
            continue;
        }
        let mut rest = &text[found.end()..];
        while let Some(issue) = ISSUE.captures(rest) {
            let (Some(whole), Some(joint)) = (issue.get(0), issue.get(6)) else { break };
            // `#12a` is no issue, and ends the list.
            if rest[joint.start()..].starts_with(word) {
                break;
            }
            let named = match (issue.get(1), issue.get(2), issue.get(4)) {
                (Some(at), Some(path), _) if at.as_str().eq_ignore_ascii_case(host) => {
                    below(root, path.as_str()).map(str::to_owned)
                }
                (Some(_), ..) => None,
                (None, _, Some(path)) => Some(beside(project, path.as_str())),
                (None, _, None) => Some(project.to_owned()),
            };
            let number = issue.get(3).or(issue.get(5)).and_then(|number| number_of(number.as_str()));
            let key = named.zip(number).and_then(|(named, number)| {
                let path = if named.eq_ignore_ascii_case(project) { project } else { &named };
                Key::new(Source::Gitlab, host, path, Kind::Issue, &number).ok()
            });
            if let Some(key) = key.filter(|key| !keys.contains(key)) {
                keys.push(key);
            }
            if keys.len() == MAX_MENTIONS {
                return keys;
            }
            rest = &rest[whole.end()..];
        }
    }
    keys
}

/// The part of an address's path below GitLab's own.
fn below<'a>(root: &str, path: &'a str) -> Option<&'a str> {
    match root.trim_matches('/') {
        "" => Some(path),
        root => path.strip_prefix(root)?.strip_prefix('/'),
    }
}

/// The project that a reference names: its path, or the name alone of one in the same group.
fn beside(project: &str, named: &str) -> String {
    match project.rsplit_once('/') {
        Some((group, _)) if !named.contains('/') => format!("{group}/{named}"),
        _ => named.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn closes_at(text: &str, root: &str) -> Vec<String> {
        let keys = closing_gitlab(text, "gitlab.com", root, "acme/shop/api");
        keys.iter().map(|key| key.as_str()["gitlab:gitlab.com/".len()..].to_owned()).collect()
    }

    fn closes(text: &str) -> Vec<String> {
        closes_at(text, "")
    }

    #[test]
    fn every_word_closes_in_any_case_with_and_without_a_colon() {
        for word in [
            "close",
            "closes",
            "closed",
            "closing",
            "fix",
            "fixes",
            "fixed",
            "fixing",
            "resolve",
            "resolves",
            "resolved",
            "resolving",
            "implement",
            "implements",
            "implemented",
            "implementing",
            "Closes",
            "FIXES",
        ] {
            assert_eq!(closes(&format!("This {word} #12.")), ["acme/shop/api/issue/12"], "{word}");
            assert_eq!(closes(&format!("{word}: #12")), ["acme/shop/api/issue/12"], "{word}:");
        }
    }

    #[test]
    fn several_issues_are_joined_by_commas_and_and() {
        let ids = |text: &str| -> Vec<String> {
            closes(text).iter().map(|key| key.rsplit('/').next().unwrap_or_default().to_owned()).collect()
        };
        assert_eq!(ids("Closes #4, #6, and issue #7 and #8,#9, see #10"), ["4", "6", "7", "8", "9"]);
        assert_eq!(ids("Fix #20, Fixes #21 and Closes group/otherproject#22, also #17"), ["20", "21", "22"]);
        assert_eq!(ids("Closes issues #1 and nothing else, #2"), ["1"]);
        assert_eq!(ids("closes #3, #3"), ["3"], "each once");
    }

    #[test]
    fn issues_elsewhere_are_named_by_project_or_address() {
        for (text, keys) in [
            ("closes other/web#3", vec!["other/web/issue/3"]),
            ("closes a/b/c/d#3", vec!["a/b/c/d/issue/3"]),
            ("closes web#3", vec!["acme/shop/web/issue/3"]),
            ("closes ACME/shop/API#3", vec!["acme/shop/api/issue/3"]),
            ("fixes https://gitlab.com/other/web/-/issues/7#note_1", vec!["other/web/issue/7"]),
            ("fixes https://gitlab.com/other/web/issues/7", vec!["other/web/issue/7"]),
            (
                "fixes http://GitLab.com/a-b/c/-/work_items/7, #8",
                vec!["a-b/c/issue/7", "acme/shop/api/issue/8"],
            ),
            ("fixes https://github.com/other/web/issues/7 and #8", vec!["acme/shop/api/issue/8"]),
            ("fixes https://gitlab.com/other/web/-/merge_requests/7", vec![]),
        ] {
            assert_eq!(closes(text), keys, "{text}");
        }
    }

    #[test]
    fn a_gitlab_below_a_path_has_that_in_its_addresses_and_not_in_its_keys() {
        let text = "closes https://gitlab.com/gitlab/a/b/-/issues/1, https://gitlab.com/gitlabs/b/-/issues/2";
        assert_eq!(closes_at(text, "/gitlab"), ["a/b/issue/1"]);
    }

    #[test]
    fn what_only_looks_like_a_word_does_not_close() {
        for text in [
            "prefixes #1",
            "fixes 1",
            "fixes#1",
            "fixes #1a",
            "fixes #1_2",
            "fixes #0",
            "fixes #12345678901",
            "éfixes #1",
            "see #1",
            "fixer #1",
            "closes !1",
            "closes PROJ-1",
            "closes\n#1",
        ] {
            assert!(closes(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn a_list_has_a_bound() {
        let many: String = (1..100).map(|n| format!("#{n}, ")).collect();
        assert_eq!(closes(&format!("closes {many}")).len(), MAX_MENTIONS);
        let many: String = (1..100).map(|n| format!("closes #{n} ")).collect();
        assert_eq!(closes(&many).len(), MAX_MENTIONS);
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in "(\\PC|closes |https://gitlab.com/|/issues/|a/b|, | and |#|[0-9-])*") {
            prop_assert!(closing_gitlab(&text, "gitlab.com", "", "a/b").len() <= MAX_MENTIONS);
        }
    }
}
