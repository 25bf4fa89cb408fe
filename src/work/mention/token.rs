//! `vstrace-…` tokens, with which people name an item in a branch, a text or a parameter: those of
//! the original ValueStream, `vstrace-github-issue-valuestream-36` and
//! `vstrace-jenkins-build-my-job-7`.

use std::sync::LazyLock;

use regex::Regex;

use super::{MAX_MENTIONS, Near, head, number_of, word};
use crate::work::event::{Ref, Target};
use crate::work::key::{Key, Kind, Source};

/// How many ways of reading one token are tried.
const MAX_READINGS: usize = 3;

#[expect(clippy::expect_used, reason = "a constant pattern, compiled by the tests")]
static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i-u)vstrace-([a-z]{1,20})-(issue|pull_request|pull-request|pr|build|deploy|job)-([a-z0-9._][a-z0-9._:-]{0,199})",
    )
    .expect("the pattern of tokens is valid")
});

/// The `vstrace-{source}-{kind}-{project}-{number}` tokens of `text`. A token does not name the
/// owner, so its project is to be looked up by its last name; but one that names the repository
/// that the text stands in, or is about (`near`), needs no looking up.
pub fn tokens(text: &str, near: Option<Near<'_>>) -> Vec<Target> {
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
        let Some(source) = token_source(source.as_str()) else { continue };
        let kind = token_kind(kind.as_str());
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

/// What a build's `vstrace-trace-id` parameter says: a whole key, or tokens.
pub fn trace_parameter(value: &str) -> Vec<Target> {
    match value.trim().parse::<Key>() {
        Ok(key) => vec![Target::Key(key)],
        Err(_) => tokens(value, None),
    }
}

/// The source that a token names. The original called its HTTP source `customhttp`.
fn token_source(word: &str) -> Option<Source> {
    let word = word.to_ascii_lowercase();
    word.parse().ok().or((word == "customhttp").then_some(Source::Custom))
}

fn token_kind(word: &str) -> Kind {
    let word = word.to_ascii_lowercase();
    word.parse().unwrap_or(Kind::PullRequest)
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
            last_is_whole = rest[digits..].trim_end_matches(['.', '-', '_', ':']).is_empty();
            found.push((&tail[..at], number));
        }
    }
    if last_is_whole {
        found.rotate_right(1);
    }
    found.truncate(MAX_READINGS);
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    fn token(source: Source, name: &str, kind: Kind, id: &str) -> Target {
        Target::Token { project: Ref::project(source, name), kind, id: id.to_owned() }
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
            assert_eq!(tokens(text, None), expected, "{text}");
        }
        for kind in ["pr", "pull_request", "pull-request"] {
            let text = format!("vstrace-github-{kind}-my.repo-v2-7");
            assert_eq!(tokens(&text, None), [token(Source::Github, "my.repo-v2", Kind::PullRequest, "7")]);
        }
    }

    #[test]
    fn builds_deploys_and_custom_items_have_tokens_too() {
        for (text, expected) in [
            ("vstrace-jenkins-build-my-job-7", token(Source::Jenkins, "my-job", Kind::Build, "7")),
            ("vstrace-jenkins-build-deploy:api-7", token(Source::Jenkins, "deploy:api", Kind::Build, "7")),
            ("vstrace-customhttp-deploy-shop-42", token(Source::Custom, "shop", Kind::Deploy, "42")),
            ("vstrace-gitlab-issue-api-3: x", token(Source::Gitlab, "api", Kind::Issue, "3")),
        ] {
            assert_eq!(tokens(text, None), [expected], "{text}");
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
            assert!(tokens(text, None).is_empty(), "{text}");
        }
    }

    #[test]
    fn an_ambiguous_token_is_read_in_the_likeliest_way_first() {
        let numbers = |text: &str| -> Vec<String> {
            tokens(text, None)
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
        let near = |text: &str| {
            let near = Near { source: Source::Github, host: "github.com", project: "Acme/API" };
            tokens(text, Some(near))
        };
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
}
