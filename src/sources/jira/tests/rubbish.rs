//! Whatever is sent, it is used, ignored or told to be wrong: nothing panics, and nothing overflows the
//! stack.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::sources::testing::hostile::{Deep, any_json, cut_short, replaced, survived, without_some};

/// One payload in the shape of all.
fn payload(event: &str) -> Value {
    let body = fields(
        issue(),
        &[
            (
                "parent",
                json!({"key": "PROJ-1", "fields": {"issuetype": {"name": "Epic", "hierarchyLevel": 1}}}),
            ),
            (
                "issuelinks",
                json!([{"type": {"inward": "is blocked by", "outward": "blocks"}, "inwardIssue": {"key": "PROJ-3"}}]),
            ),
            (
                "customfield_10021",
                json!(["com.atlassian.greenhopper.service.sprint.Sprint@1[id=1,state=ACTIVE,name=a,b]"]),
            ),
        ],
    );
    let items = json!([
        moved(("To Do", "10000"), ("In Progress", "3")),
        own("Sprint", "6", "Sprint 6", "6, 7", "Sprint 6, Sprint 7"),
        change("labels", Value::Null, json!("a b"), Value::Null, json!("b c")),
        change("assignee", json!("1"), json!("Ann"), Value::Null, Value::Null),
        {"field": "Key", "fieldtype": "jira", "fromString": "OLD-1", "toString": "PROJ-12"},
        own("Epic Link", "", "", "1", "PROJ-1"),
    ]);
    let mut body = with(body, "/changelog/items", items);
    body["webhookEvent"] = json!(event);
    body["comment"] = json!({"author": {"name": "ann"}, "created": written(minute(3))});
    body["sprint"] = json!({"id": 7, "self": "https://acme.atlassian.net/rest/agile/1.0/sprint/7", "state": "closed",
        "name": "s", "goal": "", "startDate": "2024-03-05T10:00:00.000Z", "completeDate": "2024-03-05T11:00:00.000Z"});
    body["oldValue"] = json!({"state": "closed"});
    body
}

const USED: &[&str] = &[
    "jira:issue_created",
    "jira:issue_updated",
    "jira:issue_deleted",
    "comment_created",
    "sprint_created",
    "sprint_updated",
    "sprint_started",
    "sprint_closed",
    "sprint_deleted",
];

/// Says whether it was used.
fn parsed(body: &[u8]) -> bool {
    let settings = Settings { people: true, ..Settings::default() };
    survived(settings.parse(Source::Jira, &HeaderMap::new(), body).content)
}

const TEXTS: &[&str] = &[
    "",
    "-",
    "PROJ-1",
    "é",
    "/",
    "https://",
    "1, ,2",
    "[",
    "com.atlassian.greenhopper.service.sprint.Sprint@[id=",
    "0001-01-01T00:00:00.000+0000",
    "99999999999999999999",
    "done",
    "closed",
    "status",
    "a=,[,id=é,name=",
];

const NAMES: &[&str] = &["id", "name", "state", "key", "fields", "boardId", "value"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_payload_with_one_value_replaced_is_survived(event in prop::sample::select(USED), at in any::<prop::sample::Index>(), new in any_json(TEXTS, NAMES)) {
        parsed(replaced(payload(event), at, new).to_string().as_bytes());
    }

    #[test]
    fn a_payload_without_some_field_is_survived(event in prop::sample::select(USED), at in any::<prop::sample::Index>()) {
        parsed(without_some(payload(event), at).to_string().as_bytes());
    }

    #[test]
    fn a_payload_cut_short_and_any_bytes_are_survived(at in any::<prop::sample::Index>(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(!parsed(&cut_short(&payload("jira:issue_updated"), at)));
        parsed(&bytes);
    }

    #[test]
    fn any_text_of_an_old_sprint_is_survived(text in "(id=|state=|name=|ACTIVE|,|\\[|\\]|[0-9]|é|goal=){0,30}") {
        let text = format!("com.atlassian.greenhopper.service.sprint.Sprint@{text}");
        prop_assert!(parsed(fields(issue(), &[("customfield_10020", json!([text]))]).to_string().as_bytes()));
    }
}

#[test]
fn the_payload_of_these_tests_is_used_by_every_event() {
    for event in USED {
        assert!(parsed(payload(event).to_string().as_bytes()), "{event}");
    }
}

#[test]
fn deep_nesting_does_not_overflow_the_stack() {
    let Deep { open, lists, maps } = Deep::new();
    for pointer in [
        "/unread",
        "/issue",
        "/issue/fields",
        "/issue/fields/unread",
        "/issue/fields/summary",
        "/issue/fields/labels",
        "/issue/fields/status",
        "/issue/fields/customfield_10020",
        "/issue/fields/customfield_10020/0/goal",
        "/issue/fields/customfield_10050",
        "/issue/fields/customfield_10050/value",
        "/changelog/items",
        "/changelog/items/0/from",
        "/changelog/id",
        "/sprint/name",
        "/webhookEvent",
    ] {
        let mut body = with(payload("jira:issue_updated"), "/unread", json!(null));
        body["issue"]["fields"]["unread"] = json!(null);
        *body.pointer_mut(pointer).unwrap() = json!("HOLE");
        let body = body.to_string();
        for deep in [&open, &lists, &maps] {
            parsed(body.replace("\"HOLE\"", deep).as_bytes());
        }
    }
    parsed(lists.as_bytes());
    parsed(maps.as_bytes());
}

#[test]
fn a_huge_history_has_a_bound() {
    let items: Vec<Value> = (0..5000)
        .map(|n| change("labels", Value::Null, json!(""), Value::Null, json!(format!("l{n}"))))
        .collect();
    let links: Vec<Value> = (1..5000)
        .map(|n| json!({"type": {"inward": "is blocked by"}, "inwardIssue": {"key": format!("P-{n}")}}))
        .collect();
    let labels: Vec<String> = (0..5000).map(|n| format!("l{n}")).collect();
    let body = changed(
        fields(issue(), &[("issuelinks", json!(links)), ("labels", json!(labels))]),
        minute(9),
        json!(items),
    );
    let said = said(&body);
    let facts = one(&said).1;
    assert_eq!(facts.happenings.iter().count(), 64);
    assert_eq!(facts.marks.labels.as_ref().unwrap().value.len(), 256);
    assert_eq!(targets(facts, crate::work::event::Relation::BlockedBy).len(), 20);
}
