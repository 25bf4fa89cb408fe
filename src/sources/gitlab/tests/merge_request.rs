//! Merge requests and their comments.

use super::*;
use crate::work::attr::Attr;
use crate::work::event::{Outcome, Relation, Role};
use crate::work::item::Item;

fn hook(body: &Value) -> crate::work::event::Said {
    used(gitlab("Merge Request Hook", body))
}

fn attribute(body: Value, name: &str, value: Value) -> Value {
    with(body, &format!("/object_attributes/{name}"), value)
}

#[test]
fn an_opened_merge_request_says_what_it_is_and_what_it_closes() {
    let said = hook(&merge_request());
    let (key, facts) = one(&said);
    assert_eq!(key, "gitlab:gitlab.example.com/acme/shop/api/pull_request/7");
    assert_eq!(cycle(facts).opened.unwrap().at, at("2026-01-03T10:00:00Z"));
    for (attr, value) in [
        (Attr::ChangeId, "7"),
        (Attr::ChangeTitle, "Faster"),
        (Attr::ChangeUrl, "https://gitlab.example.com/acme/shop/api/-/merge_requests/7"),
        (Attr::ChangeDraft, "false"),
        (Attr::RefHeadName, "12-faster"),
        (Attr::RefHeadRevision, HEAD),
        (Attr::RefBaseName, "main"),
        (Attr::ChangeMergeRevision, "(none)"),
    ] {
        assert_eq!(text(facts, attr), value, "{}", attr.name());
    }
    assert_eq!(
        targets(facts, Relation::Closes),
        ["=gitlab:gitlab.example.com/acme/shop/api/issue/12", "=gitlab:gitlab.example.com/other/web/issue/3"]
    );
    assert_eq!(targets(facts, Relation::BranchNumber), ["?gitlab:gitlab.example.com/acme/shop/api/issue/12"]);
    assert_eq!(happenings(facts), ["review_requested"], "of the reviewers it was opened with");
    let item = "gitlab:gitlab.example.com/acme/shop/api/pull_request/7";
    assert_eq!(
        refs(&said),
        [
            format!("sha:{HEAD} > {item}"),
            format!("branch:gitlab.example.com/acme/shop/api:12-faster > {item}"),
            "project:gitlab/api > at:gitlab.example.com/acme/shop/api".to_owned(),
        ]
    );
}

#[test]
fn the_closing_pattern_binds_only_towards_the_default_branch_and_forgets_what_is_no_longer_said() {
    let other = attribute(merge_request(), "target_branch", json!("stable"));
    assert!(targets(one(&hook(&other)).1, Relation::Closes).is_empty());
    let edited = attribute(action(merge_request(), "update"), "description", json!("nothing"));
    let facts = hook(&edited).events.remove(0).facts;
    for relation in [Relation::Closes, Relation::Token, Relation::IssueKey, Relation::Rule] {
        assert!(facts.relations.get(&relation).is_some_and(|said| said.value.is_empty()), "{relation:?}");
    }
}

#[test]
fn tokens_and_issue_keys_are_read_from_branch_title_and_text() {
    let body = attribute(merge_request(), "description", json!("vstrace-gitlab-issue-api-5"));
    let body = attribute(body, "title", json!("SHOP-9 Faster"));
    let facts = hook(&body).events.remove(0).facts;
    assert_eq!(targets(&facts, Relation::Token), ["=gitlab:gitlab.example.com/acme/shop/api/issue/5"]);
    assert_eq!(targets(&facts, Relation::IssueKey), ["issue:SHOP-9"]);
}

#[test]
fn a_merged_merge_request_ends_when_it_was_merged_and_its_merge_points_at_it() {
    let merged = attribute(action(merge_request(), "merge"), "merge_commit_sha", json!(MERGE));
    let merged = attribute(merged, "squash_commit_sha", json!(BEFORE));
    let said = hook(&merged);
    let close = cycle(one(&said).1).closed.iter().map(|(at, close)| (*at, close.value)).collect::<Vec<_>>();
    assert_eq!(close, [(at("2026-01-03T10:00:02Z"), Outcome::Merged)]);
    for sha in [HEAD, MERGE, BEFORE] {
        assert!(refs(&said).iter().any(|said| said.starts_with(&format!("sha:{sha} > gitlab:"))), "{sha}");
    }
    assert_eq!(text(one(&said).1, Attr::ChangeMergeRevision), MERGE);
    let exact = attribute(merged, "merged_at", json!("2026-01-03T10:00:01.500Z"));
    let closed: Vec<_> = cycle(one(&hook(&exact)).1).closed.iter().map(|(at, _)| *at).collect();
    assert_eq!(closed, [at("2026-01-03T10:00:01.500Z")]);
    // Before the merge there may be a sha of a trial.
    let trial = hook(&attribute(merge_request(), "merge_commit_sha", json!(MERGE)));
    assert!(!refs(&trial).iter().any(|said| said.contains(MERGE)));
    assert_eq!(text(one(&trial).1, Attr::ChangeMergeRevision), "(none)");
}

#[test]
fn a_closed_merge_request_is_closed_and_a_reopened_one_open_again() {
    let mut item = Item::new(hook(&action(merge_request(), "close")).events.remove(0));
    assert_eq!(item.episodes()[0].end, Some((at("2026-01-03T10:00:02Z"), Outcome::Closed)));
    let reopened =
        attribute(action(merge_request(), "reopen"), "updated_at", json!("2026-01-04 10:00:00 +0100"));
    let said = hook(&reopened);
    assert_eq!(happenings(one(&said).1), ["reopened"]);
    item.fold(said.events[0].facts.clone());
    assert_eq!((item.episodes().len(), item.is_open()), (2, true));
    let untimed = without(reopened, "/object_attributes/updated_at");
    assert_eq!(wrong(gitlab("Merge Request Hook", &untimed)), "object_attributes.updated_at: is missing");
}

#[test]
fn a_snapshot_of_one_that_is_over_does_not_make_it_work_in_progress() {
    for state in ["merged", "closed"] {
        let labelled = attribute(action(merge_request(), "update"), "state", json!(state));
        let item = Item::new(hook(&labelled).events.remove(0));
        assert!(item.episodes().is_empty(), "{state}");
    }
}

#[test]
fn new_commits_point_at_the_merge_request_with_what_was_before() {
    let pushed = attribute(action(merge_request(), "update"), "oldrev", json!(BEFORE));
    let said = hook(&pushed);
    assert_eq!(happenings(one(&said).1), [format!("synchronize {HEAD}")]);
    assert!(refs(&said).contains(&format!("push:{HEAD} > push:{BEFORE}")));
    for sha in [HEAD, BEFORE] {
        assert!(refs(&said).iter().any(|said| said.starts_with(&format!("sha:{sha} > gitlab:"))), "{sha}");
    }
}

#[test]
fn a_draft_becomes_ready_and_reviewers_are_asked() {
    let update = |changes: Value| with(action(merge_request(), "update"), "/changes", changes);
    let eve = |again: bool| json!([{"id": 3, "username": "eve", "re_requested": again}]);
    for (changes, happened) in [
        (json!({"draft": {"previous": true, "current": false}}), vec!["ready_for_review"]),
        (json!({"draft": {"previous": false, "current": true}}), vec!["converted_to_draft"]),
        (json!({"work_in_progress": {"previous": true, "current": false}}), vec!["ready_for_review"]),
        (json!({"draft": {"previous": null, "current": false}}), vec![]),
        (json!({"reviewers": {"previous": [], "current": eve(false)}}), vec!["review_requested"]),
        (json!({"reviewers": {"previous": eve(false), "current": []}}), vec!["review_request_removed"]),
        (json!({"reviewers": {"previous": eve(false), "current": eve(true)}}), vec!["review_requested"]),
        (json!({"reviewers": {"previous": eve(true), "current": eve(true)}}), vec![]),
    ] {
        assert_eq!(happenings(one(&hook(&update(changes.clone()))).1), happened, "{changes}");
    }
    for (body, draft) in [
        (attribute(merge_request(), "draft", json!(true)), "true"),
        (
            attribute(without(merge_request(), "/object_attributes/draft"), "work_in_progress", json!(true)),
            "true",
        ),
    ] {
        assert_eq!(text(one(&hook(&body)).1, Attr::ChangeDraft), draft);
    }
}

#[test]
fn an_approval_is_a_review_and_says_in_what_part_it_was_given() {
    for (given, id, what, role) in [
        ("approved", json!(2), "reviewed approved", Some(Role::Other)),
        ("approval", json!(1), "reviewed approved", Some(Role::Author)),
        ("unapproved", json!(2), "review_dismissed approved", Some(Role::Other)),
        ("unapproval", json!(null), "review_dismissed approved", None),
    ] {
        let body = with(action(merge_request(), given), "/user/id", id);
        let said = hook(&body);
        let facts = one(&said).1;
        assert_eq!(happenings(facts), [what], "{given}");
        assert_eq!(facts.happenings.iter().next().unwrap().role, role, "{given}");
    }
    let bot = with(action(merge_request(), "approved"), "/user/username", json!("project_1_bot_x"));
    assert_eq!(one(&hook(&bot)).1.happenings.iter().next().unwrap().role, Some(Role::Bot));
}

#[test]
fn a_merge_request_from_a_fork_is_found_by_the_forks_branch() {
    let branches = |body: &Value| -> Vec<String> {
        refs(&hook(body)).into_iter().filter(|said| said.starts_with("branch:")).collect()
    };
    let fork = attribute(merge_request(), "source", json!({"path_with_namespace": "Ann/api"}));
    let fork = attribute(fork, "source_branch", json!("main"));
    let fork = attribute(fork, "source_project_id", json!(9));
    assert_eq!(
        branches(&fork),
        ["branch:gitlab.example.com/ann/api:main > gitlab:gitlab.example.com/acme/shop/api/pull_request/7"]
    );
    let gone = attribute(fork, "source", json!(null));
    assert!(branches(&gone).is_empty(), "the fork was deleted");
    let own = attribute(merge_request(), "source", json!(null));
    assert_eq!(branches(&own).len(), 1, "the same project");
    let main = attribute(merge_request(), "source_branch", json!("main"));
    assert!(branches(&main).is_empty(), "the default branch is nobody's");
}

#[test]
fn a_comment_of_somebody_else_is_told_and_is_no_review() {
    let said = used(gitlab("Note Hook", &note("MergeRequest")));
    let (key, facts) = one(&said);
    assert_eq!(key, "gitlab:gitlab.example.com/acme/shop/api/pull_request/7");
    assert_eq!(happenings(facts), ["commented"]);
    assert_eq!(facts.happenings.iter().next().unwrap().role, Some(Role::Other));
    let own = with(note("MergeRequest"), "/object_attributes/author_id", json!(1));
    assert_eq!(ignored(gitlab("Note Hook", &own)), "a note of the merge request's author is not used");
}
