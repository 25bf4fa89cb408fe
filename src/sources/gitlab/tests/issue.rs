//! Issues, incidents and their comments.

use super::*;
use crate::work::attr::Attr;
use crate::work::event::{Flaw, Outcome, Role};
use crate::work::item::Item;
use crate::work::lattice::Trust;

fn updated(changes: Value) -> Value {
    with(action(issue(), "update"), "/changes", changes)
}

#[test]
fn an_opened_issue_says_when_it_was_created_and_what_it_is() {
    let said = used(gitlab("Issue Hook", &issue()));
    let (key, facts) = one(&said);
    assert_eq!(key, "gitlab:gitlab.example.com/acme/shop/api/issue/12");
    assert_eq!(cycle(facts).opened.unwrap().at, at("2026-01-02T10:00:00Z"));
    assert!(cycle(facts).closed.is_empty());
    for (attr, value) in [
        (Attr::IssueNumber, "12"),
        (Attr::IssueTitle, "Slow"),
        (Attr::IssueUrl, "https://gitlab.example.com/acme/shop/api/-/issues/12"),
        (Attr::IssueType, "(none)"),
        (Attr::UserName, "(none)"),
    ] {
        assert_eq!(text(facts, attr), value, "{}", attr.name());
    }
    let labels: Vec<_> = facts.marks.labels.as_ref().unwrap().value.iter().collect();
    assert_eq!(labels, ["bug", "team::payments"], "a scoped label stays as it is");
    assert_eq!(happenings(facts), ["assigned", "labeled bug", "labeled team::payments"]);
    assert_eq!(refs(&said), ["project:gitlab/api > at:gitlab.example.com/acme/shop/api"]);
    assert!(said.flaws.is_empty());
}

#[test]
fn a_closed_issue_is_whole_though_its_opening_was_never_seen() {
    let closed =
        with(action(issue(), "close"), "/object_attributes/closed_at", json!("2026-01-05 10:00:00 UTC"));
    let said = used(gitlab("Issue Hook", &closed));
    let episodes = Item::new(said.events[0].clone()).episodes();
    assert_eq!(episodes[0].start, at("2026-01-02T10:00:00Z"));
    assert_eq!(episodes[0].end, Some((at("2026-01-05T10:00:00Z"), Outcome::Completed)));
    let said = used(gitlab("Issue Hook", &action(issue(), "close")));
    let close = cycle(one(&said).1).closed.get(&at("2026-01-02T10:00:05Z")).cloned();
    assert_eq!(close.unwrap().value, Outcome::Completed, "at the time of the change");
    let nothing = without(action(issue(), "close"), "/object_attributes/updated_at");
    let nothing = without(nothing, "/object_attributes/closed_at");
    assert_eq!(wrong(gitlab("Issue Hook", &nothing)), "object_attributes.updated_at: is missing");
}

#[test]
fn a_moved_or_duplicate_issue_is_one_that_another_stands_for() {
    for field in ["moved_to_id", "duplicated_to_id"] {
        let body = with(action(issue(), "close"), &format!("/object_attributes/{field}"), json!(4711));
        let said = used(gitlab("Issue Hook", &body));
        let outcomes: Vec<_> = cycle(one(&said).1).closed.iter().map(|(_, close)| close.value).collect();
        assert_eq!(outcomes, [Outcome::Duplicate], "{field}");
    }
    let moved = updated(json!({"moved_to_id": {"previous": null, "current": 4711}}));
    assert_eq!(happenings(one(&used(gitlab("Issue Hook", &moved))).1), ["transferred"]);
}

#[test]
fn a_reopened_issue_has_an_episode_more() {
    let mut item = Item::new(used(gitlab("Issue Hook", &action(issue(), "close"))).events.remove(0));
    let again =
        with(action(issue(), "reopen"), "/object_attributes/updated_at", json!("2026-01-06 10:00:00 UTC"));
    let said = used(gitlab("Issue Hook", &again));
    assert_eq!(happenings(one(&said).1), ["reopened"]);
    item.fold(said.events[0].facts.clone());
    let starts: Vec<_> = item.episodes().iter().map(|episode| episode.start).collect();
    assert_eq!(starts, [at("2026-01-02T10:00:00Z"), at("2026-01-06T10:00:00Z")]);
    assert!(item.is_open());
    let still = with(again.clone(), "/object_attributes/closed_at", json!("2026-01-02 10:00:05 UTC"));
    let said = used(gitlab("Issue Hook", &still));
    let close = cycle(one(&said).1).closed.get(&at("2026-01-02T10:00:05Z")).unwrap().clone();
    assert_eq!(close.stamp.trust, Trust::Near, "how it was closed before is believed less");
    let untimed = without(again, "/object_attributes/updated_at");
    assert_eq!(wrong(gitlab("Issue Hook", &untimed)), "object_attributes.updated_at: is missing");
}

#[test]
fn changes_are_told_by_what_was_before_and_what_is_now() {
    let label = |title: &str| json!({"title": title});
    for (changes, happened) in [
        (
            json!({"labels": {"previous": [label("a"), label("b")], "current": [label("b"), label("c")]}}),
            vec!["labeled c", "unlabeled a"],
        ),
        (json!({"labels": {"previous": null, "current": [label("a")]}}), vec!["labeled a"]),
        (
            json!({"assignees": {"previous": [{"username": "ann"}], "current": [{"username": "bob"}]}}),
            vec!["assigned", "unassigned"],
        ),
        (
            json!({"assignees": {"previous": [{"id": 1, "username": "ann"}], "current": [{"id": 1, "username": "anne"}]}}),
            vec![],
        ),
        (json!({"milestone_id": {"previous": null, "current": 3}}), vec!["milestoned"]),
        (json!({"milestone_id": {"previous": 3, "current": null}}), vec!["demilestoned"]),
        (
            json!({"title": {"previous": "a", "current": "b"}, "description": {"previous": "", "current": "x"}}),
            vec!["edited"],
        ),
        (json!({"updated_at": {"previous": "a", "current": "b"}, "weight": {"current": 1}}), vec![]),
        (json!({"updated_by_id": [null, 1], "draft": [true, false]}), vec!["ready_for_review"]),
        (json!(null), vec![]),
    ] {
        let said = used(gitlab("Issue Hook", &updated(changes.clone())));
        assert_eq!(happenings(one(&said).1), happened, "{changes}");
    }
}

#[test]
fn an_incident_says_so_and_an_epic_is_not_used() {
    for (at, value) in [("type", "Incident"), ("issue_type", "incident")] {
        let body = with(issue(), &format!("/object_attributes/{at}"), json!(value));
        assert_eq!(text(one(&used(gitlab("Issue Hook", &body))).1, Attr::IssueType), "incident", "{at}");
    }
    let task =
        with(with(issue(), "/object_kind", json!("work_item")), "/object_attributes/type", json!("Task"));
    assert_eq!(text(one(&used(gitlab("Issue Hook", &task))).1, Attr::IssueType), "task");
    let epic = with(with(issue(), "/object_attributes/type", json!("Epic")), "/project", json!(null));
    assert_eq!(ignored(gitlab("Issue Hook", &epic)), "an epic is not used");
}

#[test]
fn implausible_times_are_passed_over_where_they_are_optional() {
    let odd =
        with(action(issue(), "update"), "/object_attributes/updated_at", json!("0001-01-01 00:00:00 UTC"));
    let said =
        used(gitlab("Issue Hook", &with(odd, "/object_attributes/closed_at", json!("1970-01-01T00:00:00Z"))));
    assert_eq!(said.flaws, [Flaw::ImplausibleTime]);
    assert!(cycle(one(&said).1).closed.is_empty());
    let nothing = with(issue(), "/object_attributes/created_at", json!("0001-01-01 00:00:00 UTC"));
    assert_eq!(
        wrong(gitlab("Issue Hook", &nothing)),
        "object_attributes.created_at: is not a plausible time (2000 to 2100)"
    );
}

#[test]
fn a_test_delivery_without_an_action_says_what_the_issue_is() {
    let body = without(issue(), "/object_attributes/action");
    let said = used(gitlab("Issue Hook", &body));
    assert!(happenings(one(&said).1).is_empty() && cycle(one(&said).1).opened.is_some());
}

#[test]
fn a_comment_says_in_what_part_somebody_spoke() {
    for (author, username, role) in [
        (json!(1), "ann", Some(Role::Author)),
        (json!(2), "bob", Some(Role::Other)),
        (json!(2), "project_380_bot_4f2", Some(Role::Bot)),
        (json!(2), "group_1_bot", Some(Role::Bot)),
        (json!(2), "service_account_x", Some(Role::Bot)),
        (json!(2), "renovate-bot", Some(Role::Bot)),
        (json!(2), "project_abbot", Some(Role::Other)),
        (json!(null), "ann", None),
    ] {
        let body = with(note("Issue"), "/object_attributes/author_id", author);
        let said = used(gitlab("Note Hook", &with(body, "/user/username", json!(username))));
        let (key, facts) = one(&said);
        assert_eq!(key, "gitlab:gitlab.example.com/acme/shop/api/issue/12");
        let spoken: Vec<_> = facts.happenings.iter().map(|h| (h.what, h.at, h.role)).collect();
        assert_eq!(spoken, [(What::Commented, at("2026-01-03T11:00:00Z"), role)], "{username}");
    }
}

#[test]
fn a_comment_on_a_closed_issue_does_not_open_it() {
    let body = with(note("Issue"), "/issue/state", json!("closed"));
    let said = used(gitlab("Note Hook", &with(body, "/issue/closed_at", json!("2026-01-02 12:00:00 UTC"))));
    assert!(!Item::new(said.events[0].clone()).is_open());
}

#[test]
fn other_notes_are_ignored_with_a_reason() {
    let system = with(note("Issue"), "/object_attributes/system", json!(true));
    assert_eq!(ignored(gitlab("Note Hook", &system)), "a note that GitLab wrote is not used");
    let update = with(note("Issue"), "/object_attributes/action", json!("update"));
    assert_eq!(ignored(gitlab("Note Hook", &update)), "\"update\" of notes is not used");
    for on in ["Commit", "Snippet"] {
        let reason = ignored(gitlab("Note Hook", &note(on)));
        assert_eq!(reason, "a note on neither issue nor merge request is not used");
    }
}
