#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod comments;
mod issues;
mod lives;
mod orders;
mod payloads;
mod rubbish;
mod sprints;

use axum::http::HeaderMap;
use serde_json::{Value, json};

use super::super::testing::*;
use super::super::{Delivery, DeliveryId, ParseError, Parsed};
use crate::work::event::Said;
use crate::work::item::{Episode, Item};
use crate::work::key::Source;
use crate::work::time::Time;

fn deliver(body: &Value) -> Delivery {
    Settings::default().parse(Source::Jira, &HeaderMap::new(), body.to_string().as_bytes())
}

fn jira(body: &Value) -> Result<Parsed, ParseError> {
    deliver(body).content
}

fn said(body: &Value) -> Said {
    used(jira(body))
}

/// The one item that deliveries speak of, folded in their order.
fn folded(bodies: &[Value]) -> Item {
    let mut items = bodies.iter().map(|body| said(body).events.remove(0));
    let mut item = Item::new(items.next().unwrap());
    items.for_each(|event| item.fold(event.facts));
    item
}

/// What an item's episodes are, whatever the order of its deliveries.
fn episodes(bodies: &[Value]) -> Vec<Episode> {
    let item = folded(bodies);
    let backwards: Vec<Value> = bodies.iter().rev().chain(bodies).cloned().collect();
    assert_eq!(item, folded(&backwards), "order and repetition do not show");
    item.episodes()
}

/// 2024-03-05, at so many minutes after ten.
fn minute(minutes: i64) -> Time {
    at("2024-03-05T10:00:00Z").plus(minutes * 60_000_000)
}

fn millis_of(time: Time) -> i64 {
    time.micros() / 1000
}

/// As Jira writes it, in another time zone.
fn written(time: Time) -> String {
    let local = time.plus(3_600_000_000).to_string();
    let local = local.trim_end_matches('Z');
    let (seconds, fraction) = local.split_once('.').unwrap_or((local, "0"));
    format!("{seconds}.{fraction:0<3}+0100")
}

fn status(name: &str, id: &str, category: &str) -> Value {
    json!({"self": "https://acme.atlassian.net/rest/api/2/status/1", "name": name, "id": id,
        "statusCategory": {"id": 4, "key": category, "colorName": "yellow", "name": "Whatever"}})
}

fn todo() -> Value {
    status("To Do", "10000", "new")
}

fn doing() -> Value {
    status("In Progress", "3", "indeterminate")
}

fn done() -> Value {
    status("Done", "10002", "done")
}

fn user(id: &str, name: &str) -> Value {
    json!({"self": format!("https://acme.atlassian.net/rest/api/2/user?accountId={id}"), "accountId": id,
        "emailAddress": "ann@example.org", "displayName": name, "active": true, "accountType": "atlassian"})
}

/// An issue as Jira Cloud sends it, created at minute 0 and just moved to In Progress.
fn issue() -> Value {
    json!({
        "timestamp": millis_of(minute(5)), "webhookEvent": "jira:issue_updated", "issue_event_type_name": "issue_generic",
        "user": user("99:b8d8", "Bob"),
        "issue": {
            "id": "10000", "self": "https://acme.atlassian.net/rest/api/2/10000", "key": "PROJ-12",
            "fields": {
                "statuscategorychangedate": written(minute(5)), "created": written(minute(0)), "updated": written(minute(5)),
                "resolution": null, "resolutiondate": null, "summary": "Slow basket", "description": "PROJ-99 is not read",
                "issuetype": {"name": "Story", "subtask": false, "hierarchyLevel": 0}, "priority": {"name": "Medium", "id": "3"},
                "project": {"key": "PROJ", "name": "Project"}, "status": doing(), "labels": ["team:payments", "web"],
                "components": [{"name": "API"}], "fixVersions": [{"name": "1.0"}, {"name": "2.0"}], "issuelinks": [],
                "creator": user("1:ann", "Ann"), "reporter": user("1:ann", "Ann"), "assignee": null,
                "customfield_10020": [
                    {"id": 6, "name": "Sprint 6", "state": "closed", "boardId": 2, "goal": ""},
                    {"id": 7, "name": "Sprint 7", "state": "active", "boardId": 2, "goal": "Faster"},
                ],
                "customfield_10050": {"self": "x", "value": "Payments", "id": "1"}, "customfield_10019": "0|i00007:",
            },
        },
        "changelog": {"id": "10031", "items": [moved(("To Do", "10000"), ("In Progress", "3"))]},
    })
}

fn change(field: &str, from: Value, from_text: Value, to: Value, to_text: Value) -> Value {
    json!({"field": field, "fieldtype": "jira", "fieldId": field, "from": from, "fromString": from_text,
        "to": to, "toString": to_text})
}

fn moved(from: (&str, &str), to: (&str, &str)) -> Value {
    change("status", json!(from.1), json!(from.0), json!(to.1), json!(to.0))
}

fn own(field: &str, from: &str, from_text: &str, to: &str, to_text: &str) -> Value {
    json!({"field": field, "fieldtype": "custom", "fieldId": "customfield_10020", "from": from, "fromString": from_text,
        "to": to, "toString": to_text})
}

/// The issue with other changes at another time.
fn changed(body: Value, at: Time, items: Value) -> Value {
    let body = with(body, "/timestamp", json!(millis_of(at)));
    let body = with(body, "/issue/fields/updated", json!(written(at)));
    with(body, "/changelog/items", items)
}

/// As Data Center sends it: without what only Cloud has.
fn of_data_center(body: Value) -> Value {
    without(body, "/issue/fields/statuscategorychangedate")
}

/// With these fields.
fn fields(body: Value, fields: &[(&str, Value)]) -> Value {
    fields
        .iter()
        .fold(body, |body, (name, value)| with(body, &format!("/issue/fields/{name}"), value.clone()))
}

#[test]
fn a_delivery_is_recognised_by_its_identifier_else_by_its_body() {
    let settings = Settings::default();
    let id = |headers: &HeaderMap, body: &str| settings.parse(Source::Jira, headers, body.as_bytes()).id;
    let named = headers(&[("X-Atlassian-Webhook-Identifier", "d6a1-7")]);
    assert_eq!(id(&named, "{}"), id(&named, "{ }"));
    assert_eq!(id(&named, "{}"), DeliveryId::of(Source::Jira, &["d6a1-7"]));
    assert_ne!(id(&HeaderMap::new(), "{}"), id(&HeaderMap::new(), "{ }"));
    assert_eq!(id(&HeaderMap::new(), "{}"), id(&headers(&[("X-Atlassian-Webhook-Identifier", " ")]), "{}"));
}

#[test]
fn metrics_know_the_event_and_no_payload_invents_one() {
    let event = |body: Value| deliver(&body).event_type;
    assert_eq!(event(issue()), "jira:issue_updated");
    assert_eq!(event(json!({"webhookEvent": "worklog_created"})), "worklog_created");
    assert_eq!(event(json!({"webhookEvent": "mine"})), "other");
    assert_eq!(event(json!({})), "other");
    // Also if what is in it cannot be understood.
    assert_eq!(event(json!({"webhookEvent": "jira:issue_updated", "issue": 5})), "jira:issue_updated");
    assert_eq!(event(json!({"webhookEvent": 5, "issue": 5})), "other");
}

#[test]
fn events_that_are_not_used_are_ignored_with_a_reason_whatever_is_in_them() {
    for event in [
        "worklog_created",
        "board_updated",
        "user_deleted",
        "jira:version_released",
        "comment_updated",
        "brand_new",
    ] {
        let reason = format!("event {event:?} is not used");
        assert_eq!(ignored(jira(&json!({"webhookEvent": event}))), reason);
        // Their shapes need not be understood.
        assert_eq!(
            ignored(jira(&json!({"webhookEvent": event, "issue": 5, "comment": [], "timestamp": "x"}))),
            reason
        );
    }
    assert!(ignored(jira(&json!({"webhookEvent": "issuelink_created"}))).contains("inner ids"));
}

#[test]
fn what_cannot_be_understood_says_which_field() {
    for (pointer, message) in [
        ("/webhookEvent", "webhookEvent: is missing"),
        ("/issue", "issue: is missing"),
        ("/issue/key", "issue.key: is missing"),
        ("/issue/self", "issue.self: is missing"),
        ("/issue/fields", "issue.fields: is missing"),
        ("/issue/fields/created", "issue.fields.created: is missing"),
    ] {
        assert_eq!(wrong(jira(&without(issue(), pointer))), message);
    }
    for (pointer, value, message) in [
        ("/issue/key", json!("12"), "issue.key: is not an issue's key such as PROJ-12"),
        ("/issue/self", json!("nowhere"), "issue.self: is not an address"),
        (
            "/issue/fields/created",
            json!("1970-01-01T00:00:00.000+0000"),
            "issue.fields.created: is not a plausible time (2000 to 2100)",
        ),
    ] {
        assert_eq!(wrong(jira(&with(issue(), pointer, value))), message);
    }
    let message = wrong(jira(&with(issue(), "/issue/fields/summary", json!({"secret": "hunter2"}))));
    assert!(message.starts_with("issue.fields.summary: invalid type: map"), "{message}");
    let message = wrong(jira(&with(issue(), "/issue/fields/labels", json!("hunter2"))));
    assert!(message.starts_with("issue.fields.labels: ") && !message.contains("hunter2"), "{message}");
    let parse = |body: &[u8]| wrong(Settings::default().parse(Source::Jira, &HeaderMap::new(), body).content);
    assert_eq!(parse(b""), "the body is not JSON: it is empty");
    assert!(parse(b"{").starts_with("the body is not JSON"));
    assert!(parse(b"\xff").starts_with("the body is not UTF-8"));
}
