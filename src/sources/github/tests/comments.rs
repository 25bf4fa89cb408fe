//! `issue_comment` and `pull_request_review_comment`.

use super::*;

fn comment(id: u64, kind: &str, login: &str) -> Value {
    json!({
        "created_at": "2026-01-02T11:00:00Z", "body": "SECRET",
        "user": {"login": login, "id": id, "type": kind},
    })
}

pub(super) fn issue_comment() -> Value {
    with(action(issue(), "created"), "/comment", comment(2, "User", "bob"))
}

fn pull_request_comment() -> Value {
    let closed = with(issue_comment(), "/issue/closed_at", json!("2026-01-03T09:00:00Z"));
    let closed = with(closed, "/issue/state", json!("closed"));
    with(closed, "/issue/pull_request", json!({"url": "https://api.github.com/repos/Acme/api/pulls/12"}))
}

fn commented(role: Option<Role>) -> Happening {
    Happening { at: at("2026-01-02T11:00:00Z"), what: What::Commented, detail: None, role, person: None }
}

#[test]
fn a_comment_says_when_it_was_written_and_in_what_part_but_not_what() {
    for (who, role) in [
        (comment(1, "User", "ann"), Role::Author),
        (comment(1, "Bot", "ann[bot]"), Role::Author),
        (comment(2, "User", "bob"), Role::Other),
        (comment(3, "Bot", "helper"), Role::Bot),
        (comment(3, "User", "helper[bot]"), Role::Bot),
    ] {
        let said = used(github("issue_comment", &with(issue_comment(), "/comment", who)));
        let (key, facts) = one(&said);
        assert_eq!(key, "github:github.com/Acme/api/issue/12");
        assert_eq!(facts.happenings.iter().collect::<Vec<_>>(), [&commented(Some(role))]);
        assert!(!format!("{said:?}").contains("SECRET"));
    }
    let ghost = with(issue_comment(), "/comment/user", json!(null));
    let said = used(github("issue_comment", &ghost));
    assert!(one(&said).1.happenings.contains(&commented(None)));
    let people = Settings { people: true, ..Settings::default() };
    let said = used(people.github("issue_comment", &issue_comment()));
    assert_eq!(one(&said).1.happenings.iter().next().unwrap().person.as_deref(), Some("bob"));
}

#[test]
fn a_comment_tells_the_issue_as_it_stands_and_closes_nothing() {
    let said = used(github("issue_comment", &issue_comment()));
    let facts = one(&said).1;
    assert_eq!(cycle(facts).opened.unwrap().at, at("2026-01-02T10:00:00Z"));
    assert!(cycle(facts).closed.is_empty());
    assert_eq!(text(facts, Attr::IssueTitle), "Slow");
    assert_eq!(facts.marks.labels.as_ref().unwrap().value.len(), 2);
    // Of an issue that somebody had closed, the snapshot says so, as that of any other event does.
    let closed = with(issue_comment(), "/issue/closed_at", json!("2026-01-02T10:30:00Z"));
    let closed = with(closed, "/issue/state", json!("closed"));
    let said = used(github("issue_comment", &closed));
    let closed: Vec<_> = cycle(one(&said).1).closed.iter().map(|(at, _)| *at).collect();
    assert_eq!(closed, [at("2026-01-02T10:30:00Z")], "not the time of the comment");
}

#[test]
fn a_comment_under_a_pull_request_is_told_of_the_pull_request() {
    let said = used(github("issue_comment", &pull_request_comment()));
    let (key, facts) = one(&said);
    assert_eq!(key, "github:github.com/Acme/api/pull_request/12");
    assert!(facts.happenings.contains(&commented(Some(Role::Other))));
    assert_eq!(cycle(facts).opened.unwrap().at, at("2026-01-02T10:00:00Z"));
    assert!(cycle(facts).closed.is_empty(), "merged or not is not said here");
    assert_eq!((text(facts, Attr::ChangeId), text(facts, Attr::ChangeTitle)), ("12".into(), "Slow".into()));
    assert_eq!(text(facts, Attr::IssueNumber), "(none)");
}

#[test]
fn a_comment_in_a_review_is_told_of_the_pull_request() {
    let mut body = with(action(pull_request(), "created"), "/comment", comment(1, "User", "ann"));
    for gone in ["merged", "draft", "additions", "commits"] {
        body = without(body, &format!("/pull_request/{gone}"));
    }
    let said = used(github("pull_request_review_comment", &body));
    let (key, facts) = one(&said);
    assert_eq!(key, "github:github.com/Acme/api/pull_request/7");
    assert!(facts.happenings.contains(&commented(Some(Role::Author))));
    assert!(refs(&said).contains(&format!("sha:{HEAD} > {key}")));
    for name in ["edited", "deleted"] {
        let reason = ignored(github("pull_request_review_comment", &action(body.clone(), name)));
        assert_eq!(reason, format!("action {name:?} of pull_request_review_comment is not used"));
    }
    let timeless = without(body, "/comment/created_at");
    assert_eq!(wrong(github("pull_request_review_comment", &timeless)), "comment.created_at: is missing");
}

#[test]
fn a_comment_that_is_changed_says_nothing_and_one_without_its_time_is_wrong() {
    for name in ["edited", "deleted"] {
        let reason = ignored(github("issue_comment", &action(issue_comment(), name)));
        assert_eq!(reason, format!("action {name:?} of issue_comment is not used"));
    }
    for (pointer, reason) in [
        ("/comment", "comment: is missing"),
        ("/comment/created_at", "comment.created_at: is missing"),
        ("/issue/number", "issue.number: is missing"),
        ("/issue/created_at", "issue.created_at: is missing"),
    ] {
        assert_eq!(wrong(github("issue_comment", &without(issue_comment(), pointer))), reason);
        if pointer == "/issue/created_at" {
            assert_eq!(wrong(github("issue_comment", &without(pull_request_comment(), pointer))), reason);
        }
    }
    let odd = with(issue_comment(), "/comment/created_at", json!("0001-01-01T00:00:00Z"));
    assert!(wrong(github("issue_comment", &odd)).starts_with("comment.created_at: is not a plausible time"));
}
