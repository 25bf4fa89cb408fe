//! Issue keys as Jira writes them, `PROJ-12`, in what people write. Much else looks like one
//! (`UTF-8`, `SHA-256`), so a key is a hint: it binds only to an issue that was seen.

use std::sync::LazyLock;

use regex::Regex;

/// How many keys of one text are kept.
const MAX_KEYS: usize = 8;

/// Longer than any project's key, which Jira limits to ten characters unless told otherwise.
const MAX_PROJECT: usize = 32;

#[expect(clippy::expect_used, reason = "a constant pattern, compiled by the tests")]
static KEY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i-u)([a-z][a-z0-9_]+)-([1-9][0-9]{0,9})").expect("the pattern of issue keys is valid")
});

/// The keys in a text, in upper case, in the order named, without repetition.
pub fn issue_keys(text: &str) -> Vec<String> {
    let text = super::head(text);
    let mut keys = Vec::new();
    for found in KEY.captures_iter(text) {
        let (Some(whole), Some(project)) = (found.get(0), found.get(1)) else { continue };
        let inside = text[..whole.start()].ends_with(char::is_alphanumeric)
            || text[whole.end()..].starts_with(char::is_alphanumeric);
        // `vstrace-12` is the beginning of a token, if anything.
        if inside || project.len() > MAX_PROJECT || project.as_str().eq_ignore_ascii_case("vstrace") {
            continue;
        }
        let key = whole.as_str().to_ascii_uppercase();
        if !keys.contains(&key) {
            keys.push(key);
        }
        if keys.len() == MAX_KEYS {
            break;
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_in_any_case_between_whatever_is_no_letter_or_digit() {
        for (text, keys) in [
            ("PROJ-12", vec!["PROJ-12"]),
            ("feature/proj-12-add-basket", vec!["PROJ-12"]),
            ("[PROJ-12] Add, see OPS2-7.", vec!["PROJ-12", "OPS2-7"]),
            ("PROJ-12_x PROJ-12", vec!["PROJ-12"]),
            ("encode as UTF-8", vec!["UTF-8"]),
            ("PROJ-0 PROJ-012 X-1 12-PROJ éPROJ-1 PROJ-1é PROJ-1a", vec![]),
            ("PROJ-12345678901", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(issue_keys(text), keys, "{text}");
        }
    }

    #[test]
    fn a_text_full_of_keys_has_a_bound() {
        let text: String = (1..100).map(|n| format!("PROJ-{n} ")).collect();
        assert_eq!(issue_keys(&text).len(), MAX_KEYS);
    }
}
