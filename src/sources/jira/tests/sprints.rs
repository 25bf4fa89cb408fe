//! Sprints as items.

use serde_json::{Value, json};

use super::*;
use crate::work::attr::Attr;
use crate::work::event::Outcome;

fn sprint(event: &str, state: &str, minutes: i64) -> Value {
    json!({
        "timestamp": millis_of(minute(minutes)), "webhookEvent": event,
        "sprint": {
            "id": 7, "self": "https://acme.atlassian.net/rest/agile/1.0/sprint/7", "state": state, "name": "Sprint 7",
            "createdDate": "2024-03-01T10:00:00.000Z", "startDate": "2024-03-05T10:00:00.000Z",
            "endDate": "2024-03-19T10:00:00.000Z", "originBoardId": 2, "goal": "Faster",
        },
    })
}

fn closed(minutes: i64) -> Value {
    let body = sprint("sprint_closed", "closed", minutes);
    with(body, "/sprint/completeDate", json!("2024-03-05T11:00:00.000Z"))
}

#[test]
fn a_sprint_lives_from_its_start_to_its_completion() {
    let bodies = [sprint("sprint_created", "future", -60), sprint("sprint_started", "active", 1), closed(61)];
    let item = folded(&bodies);
    assert_eq!(item.key.as_str(), "jira:acme.atlassian.net/agile/sprint/7");
    let [episode] = episodes(&bodies)[..] else { panic!("one") };
    assert_eq!((episode.start, episode.end), (minute(0), Some((minute(60), Outcome::Completed))));
    assert_eq!(text(&item.facts, Attr::IssueSprint), "Sprint 7");
    assert_eq!(text(&item.facts, Attr::SprintGoal), "Faster");
    assert_eq!(text(&item.facts, Attr::IssueUrl), "(none)");
    assert_eq!(episodes(&[closed(61)]), [episode], "the closing alone tells it whole");
}

#[test]
fn a_sprint_that_has_not_started_is_not_work_in_progress() {
    let planned = [sprint("sprint_created", "future", -60), sprint("sprint_updated", "future", -50)];
    assert!(episodes(&planned).is_empty());
    let deleted = sprint("sprint_deleted", "active", 9);
    assert!(episodes(&[sprint("sprint_started", "active", 1), deleted]).is_empty());
}

#[test]
fn when_a_sprint_was_activated_stands_whatever_its_start_is_set_to() {
    let activated = |body: Value| with(body, "/sprint/activatedDate", json!("2024-03-05T10:02:00.000Z"));
    let edited = with(
        activated(sprint("sprint_updated", "active", 9)),
        "/sprint/startDate",
        json!("2024-03-04T10:00:00.000Z"),
    );
    assert_eq!(episodes(&[activated(sprint("sprint_started", "active", 2)), edited])[0].start, minute(2));
    let dateless = without(sprint("sprint_started", "active", 3), "/sprint/startDate");
    assert_eq!(episodes(std::slice::from_ref(&dateless))[0].start, minute(3));
    assert_eq!(episodes(&[dateless, sprint("sprint_updated", "active", 9)])[0].start, minute(0));
}

#[test]
fn a_sprint_closed_without_a_date_is_closed_once() {
    let dateless = sprint("sprint_closed", "closed", 62);
    assert_eq!(episodes(std::slice::from_ref(&dateless))[0].end, Some((minute(62), Outcome::Completed)));
    let dated = with(closed(70), "/webhookEvent", json!("sprint_updated"));
    let all = episodes(&[dateless, dated]);
    assert_eq!((all.len(), all[0].end.unwrap().0), (1, minute(60)));
    assert_eq!(
        wrong(jira(&without(sprint("sprint_closed", "closed", 1), "/timestamp"))),
        "timestamp: is missing"
    );
}

#[test]
fn a_sprint_that_is_opened_again_has_a_second_episode() {
    let again =
        with(sprint("sprint_updated", "active", 80), "/oldValue", json!({"id": 7, "state": "closed"}));
    let all = episodes(&[sprint("sprint_started", "active", 1), closed(61), again]);
    assert_eq!(all.len(), 2);
    assert_eq!((all[1].start, all[1].end), (minute(80), None));
}

#[test]
fn a_goal_that_was_taken_away_is_gone() {
    let gone = with(sprint("sprint_updated", "active", 9), "/sprint/goal", json!(""));
    assert_eq!(text(&folded(&[gone, sprint("sprint_started", "active", 1)]).facts, Attr::SprintGoal), "");
}

#[test]
fn a_sprint_without_what_it_needs_says_which_field() {
    let body = sprint("sprint_started", "active", 1);
    for (pointer, message) in [
        ("/sprint", "sprint: is missing"),
        ("/sprint/id", "sprint.id: is missing"),
        ("/sprint/self", "sprint.self: is missing"),
    ] {
        assert_eq!(wrong(jira(&without(body.clone(), pointer))), message);
    }
    assert_eq!(
        wrong(jira(&with(body.clone(), "/sprint/self", json!("x")))),
        "sprint.self: is not an address"
    );
    assert_eq!(
        wrong(jira(&without(with(body, "/webhookEvent", json!("sprint_deleted")), "/timestamp"))),
        "timestamp: is missing"
    );
}
