#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod links;
mod rubbish;

use axum::http::HeaderMap;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::place::Namespace;
use crate::sources::testing::hostile::{fold, what_is_no_json_is_named};
use crate::sources::testing::{
    Settings, at, cycle, headers, one, received_at, refs, run, targets, text, used, with, without, wrong,
};
use crate::sources::{Delivery, ParseError, Parsed};
use crate::work::attr::Attr;
use crate::work::event::{Event, Flaw, Outcome, Relation, What};
use crate::work::item::Item;
use crate::work::key::Source;
use crate::work::lattice::Trust;
use crate::work::link::place;
use crate::work::testing::World;

const SHA: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

fn deliver(headers: &HeaderMap, body: &Value) -> Delivery {
    Settings::default().parse(Source::Custom, headers, body.to_string().as_bytes())
}

fn parse(body: &Value) -> Result<Parsed, ParseError> {
    deliver(&HeaderMap::new(), body).content
}

fn minute(minute: u32) -> String {
    format!("2026-01-02T10:{minute:02}:00Z")
}

fn event(kind: &str, action: &str, minute_of: u32) -> Value {
    json!({"id": "7", "type": kind, "action": action, "namespace": "ci.example.org/acme/api", "at": minute(minute_of)})
}

fn key(body: &Value) -> String {
    one(&used(parse(body))).0.to_owned()
}

fn facts(body: &Value) -> crate::work::event::Facts {
    used(parse(body)).events.remove(0).facts
}

fn item(bodies: &[Value]) -> Item {
    fold(&bodies.iter().map(|body| used(parse(body)).events.remove(0)).collect::<Vec<_>>())
}

type Ended = Option<(String, Outcome)>;

/// When the episodes began, if that is known, and how they ended.
fn episodes(item: &Item) -> Vec<(Option<String>, Ended)> {
    let show = |e: &crate::work::item::Episode| {
        (e.start_known.then(|| e.start.to_string()), e.end.map(|(at, outcome)| (at.to_string(), outcome)))
    };
    item.episodes().iter().map(show).collect()
}

fn known(start: u32) -> Option<String> {
    Some(minute(start))
}

fn ended(end: u32, outcome: Outcome) -> Ended {
    Some((minute(end), outcome))
}

#[test]
fn a_start_and_an_end_make_a_span_and_an_end_alone_makes_one_without_a_start() {
    let (start, end) = (event("build", "start", 0), event("build", "end", 5));
    assert_eq!(episodes(&item(std::slice::from_ref(&start))), [(known(0), None)]);
    assert_eq!(episodes(&item(&[start, end.clone()])), [(known(0), ended(5, Outcome::Success))]);
    assert_eq!(episodes(&item(std::slice::from_ref(&end))), [(None, ended(5, Outcome::Success))]);
    for (name, value) in [
        ("started_at", json!(minute(1))),
        ("duration_seconds", json!(240)),
        ("durationSeconds", json!("240.0")),
    ] {
        for kind in ["build", "issue"] {
            let whole = with(with(end.clone(), "/type", json!(kind)), &format!("/{name}"), value.clone());
            assert_eq!(episodes(&item(&[whole]))[0].0, known(1), "{name} of {kind}");
        }
    }
}

#[test]
fn an_issue_that_is_started_after_its_end_is_open_again() {
    let bodies =
        [("start", 0), ("end", 5), ("start", 10), ("end", 20)].map(|(action, at)| event("issue", action, at));
    let expected = [(known(0), ended(5, Outcome::Completed)), (known(10), ended(20, Outcome::Completed))];
    assert_eq!(episodes(&item(&bodies)), expected);
    assert!(item(&bodies[..3]).is_open());
    assert_eq!(episodes(&item(&bodies[1..2])), [(None, ended(5, Outcome::Completed))]);
}

#[test]
fn every_type_has_a_kind_and_a_key_that_no_other_type_has() {
    for (kind, id) in [
        ("issue", "issue/7"),
        ("Issue", "issue/7"),
        ("pr", "pull_request/7"),
        ("pull_request", "pull_request/7"),
        ("build", "build/7"),
        ("job", "job/7"),
        ("deploy", "deploy/7"),
        ("deployment", "deploy/7"),
        ("sprint", "sprint/7"),
        ("training", "job/training:7"),
        ("etl/daily run", "job/etl%2Fdaily%20run:7"),
    ] {
        assert_eq!(key(&event(kind, "start", 0)), format!("custom:ci.example.org/acme/api/{id}"), "{kind}");
    }
    let training = facts(&event("training", "start", 0));
    assert_eq!(
        (text(&training, Attr::CustomType), text(&training, Attr::TaskName)),
        ("training".into(), "training".into())
    );
    assert_eq!(
        key(&with(event("build", "start", 0), "/id", json!(12))),
        "custom:ci.example.org/acme/api/build/12"
    );
}

#[test]
fn a_namespace_is_host_and_project_or_a_project_alone() {
    for (namespace, host, project) in [
        ("", "local", "default"),
        ("/", "local", "default"),
        ("acme", "local", "acme"),
        ("ci.example.org/acme/api/", "ci.example.org", "acme/api"),
        ("https://u:p@CI.example.org/acme//api?x", "ci.example.org", "acme/api"),
        ("u:p@host/x", "host", "x"),
    ] {
        let expected = Namespace { host: host.to_owned(), project: project.to_owned() };
        assert_eq!(Namespace::of(namespace), expected, "{namespace}");
    }
    assert_eq!(key(&without(event("build", "start", 0), "/namespace")), "custom:local/default/build/7");
}

#[test]
fn the_originals_names_are_understood_in_any_case() {
    let body = json!({
        "ID": "7", "Type": "build", "ACTION": "end", "Namespace": "acme", "ParentID": "9", "Error": true,
        "Metadata": {"Team": "shop"}, "At": minute(0), "unknown": {"a": [1]},
    });
    let said = used(parse(&body));
    let (key, facts) = one(&said);
    assert_eq!(key, "custom:local/acme/build/7");
    assert_eq!(run(facts).outcome.as_ref().unwrap().value, Outcome::Failure);
    assert_eq!(targets(facts, Relation::Token), ["named:local/acme:9"]);
    assert_eq!(facts.marks.given["team"].value, "shop");
    let mut other = without(body.clone(), "/ParentID");
    other["parent_id"] = json!("9");
    other["id"] = Value::Null;
    assert_eq!(used(parse(&other)).events, said.events, "null says nothing");
}

#[test]
fn a_delivery_is_known_by_its_webhook_id_else_by_its_body() {
    let id = |name: &str, body: &Value| deliver(&headers(&[("webhook-id", name)]), body).id;
    let (one, other) = (event("build", "start", 0), event("build", "end", 0));
    assert_eq!(id("msg_1", &one), id("msg_1", &other));
    assert_ne!(id("msg_1", &one), id("msg_2", &one));
    assert_ne!(id(" ", &one), id("", &other));
    assert_eq!(id("", &one), deliver(&HeaderMap::new(), &one).id);
}

#[test]
fn metrics_know_the_action() {
    for (action, name) in [("start", "start"), ("End", "end"), ("event", "event"), ("pause", "other")] {
        assert_eq!(deliver(&HeaderMap::new(), &event("build", action, 0)).event_type, name);
    }
    assert_eq!(deliver(&HeaderMap::new(), &json!({})).event_type, "other");
}

#[test]
fn a_time_is_a_text_or_a_number_in_any_unit() {
    let expected = at("2026-01-02T10:00:00.5Z");
    for value in [
        json!("2026-01-02T10:00:00.5Z"),
        json!("2026-01-02T11:00:00.500+0100"),
        json!(1_767_348_000.5),
        json!(1_767_348_000_500_i64),
        json!(1_767_348_000_500_000_i64),
        json!(1_767_348_000_500_000_000_i64),
        json!("1767348000.5"),
        json!("1767348000500"),
    ] {
        let said = facts(&with(event("build", "start", 0), "/at", value.clone()));
        assert_eq!(run(&said).started.unwrap().at, expected, "{value}");
    }
    let seconds = facts(&with(event("build", "start", 0), "/at", json!(1_767_348_000)));
    assert_eq!(run(&seconds).started.unwrap().at, at("2026-01-02T10:00:00Z"));
    for value in [
        json!(0),
        json!(-5),
        json!(946_684_799),
        json!(5e300),
        json!(u64::MAX),
        json!("yesterday"),
        json!("1970-01-01T00:00:00Z"),
        json!("1.2.3"),
        json!("9999-12-31T00:00:00Z"),
    ] {
        for name in ["at", "started_at"] {
            let body = with(event("build", "end", 0), &format!("/{name}"), value.clone());
            assert_eq!(
                wrong(parse(&body)),
                format!("{name}: is not a plausible time (2000 to 2100)"),
                "{value}"
            );
        }
    }
}

#[test]
fn without_a_time_that_of_receipt_is_taken_and_believed_least() {
    for body in [without(event("build", "end", 0), "/at"), with(event("build", "end", 0), "/at", json!(""))] {
        let said = used(parse(&body));
        let ended = run(one(&said).1).ended.unwrap();
        assert_eq!((ended.at, ended.trust), (received_at(), Trust::Receipt));
        assert_eq!(said.flaws, [Flaw::TimeOfReceipt]);
    }
    let late = without(event("issue", "start", 0), "/at");
    let item = item(&[late, with(event("issue", "end", 5), "/started_at", json!(minute(1)))]);
    assert_eq!(
        episodes(&item),
        [(known(1), ended(5, Outcome::Completed))],
        "not opened again by coming late"
    );
}

#[test]
fn the_outcome_is_what_is_said_else_whether_there_was_an_error() {
    let outcome = |kind: &str, members: Value| {
        let mut body = event(kind, "end", 0);
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let said = used(parse(&body));
        let facts = one(&said).1;
        let outcome = match &facts.life {
            crate::work::event::Life::Run(run) => run.outcome.as_ref().unwrap().value,
            crate::work::event::Life::Cycle(cycle) => cycle.closed.iter().next().unwrap().1.value,
        };
        (outcome, text(facts, Attr::ErrorMessage), said.flaws)
    };
    let none = || "(none)".to_owned();
    for (kind, members, expected) in [
        ("build", json!({}), Outcome::Success),
        ("build", json!({"error": false}), Outcome::Success),
        ("build", json!({"error": "false"}), Outcome::Success),
        ("build", json!({"error": 0}), Outcome::Success),
        ("build", json!({"error": null}), Outcome::Success),
        ("build", json!({"error": true}), Outcome::Failure),
        ("build", json!({"error": 137}), Outcome::Failure),
        ("build", json!({"error": true, "outcome": "skip"}), Outcome::Skip),
        ("build", json!({"result": "Timed out"}), Outcome::Timeout),
        ("build", json!({"result": "cancelled"}), Outcome::Cancellation),
        ("build", json!({"result": "completed"}), Outcome::Success),
        ("job", json!({"result": "error"}), Outcome::Error),
        ("issue", json!({}), Outcome::Completed),
        ("issue", json!({"result": "not_planned"}), Outcome::NotPlanned),
        ("issue", json!({"result": "closed"}), Outcome::Completed),
        ("pr", json!({}), Outcome::Merged),
        ("pr", json!({"result": "closed"}), Outcome::Closed),
        ("sprint", json!({"result": "success"}), Outcome::Completed),
    ] {
        assert_eq!(outcome(kind, members.clone()), (expected, none(), vec![]), "{kind} {members}");
    }
    assert_eq!(
        outcome("build", json!({"error": " disk full "})),
        (Outcome::Failure, "disk full".to_owned(), vec![])
    );
    assert_eq!(
        outcome("build", json!({"result": "odd"})),
        (Outcome::Unknown, none(), vec![Flaw::UnknownOutcome])
    );
}

#[test]
fn what_happens_on_the_way_is_an_event_of_the_span_whatever_the_word() {
    let detail = |body: &Value| {
        let facts = facts(body);
        let happened: Vec<_> = facts.happenings.iter().cloned().collect();
        assert_eq!((happened.len(), happened[0].what, happened[0].at), (1, What::Event, at(&minute(3))));
        (happened[0].detail.clone().unwrap_or_default(), text(&facts, Attr::PipelineName))
    };
    let body = |action| event("build", action, 3);
    assert_eq!(detail(&body("event")), (String::new(), "(none)".to_owned()));
    assert_eq!(
        detail(&with(body("event"), "/name", json!("cached"))),
        ("cached".to_owned(), "(none)".to_owned())
    );
    let both = with(with(body("event"), "/name", json!("ci")), "/event", json!("cached"));
    assert_eq!(detail(&both), ("cached".to_owned(), "ci".to_owned()));
    assert_eq!(detail(&body("Paused")), ("Paused".to_owned(), "(none)".to_owned()));
    let only = item(&[body("event")]);
    assert!(only.episodes().is_empty(), "an event opens nothing");
}

#[test]
fn tags_are_kept_under_keys_that_can_be_such() {
    let tags = |tags: Value| {
        let facts = facts(&with(event("build", "start", 0), "/tags", tags));
        let given: std::collections::BTreeMap<String, String> =
            facts.marks.given.into_iter().map(|(key, latest)| (key, latest.value)).collect();
        given.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>()
    };
    let odd = json!({
        "Team": " shop ", "cpu count": 8, "gpu": true, "ratio": 0.5, "deploy.type": "x", "none": null, "list": [1], "map": {"a": 1},
        "": "x", "empty": "", "Ünï": "y",
    });
    assert_eq!(tags(odd), ["_n_=y", "cpu_count=8", "deploy.type=x", "gpu=true", "ratio=0.5", "team=shop"]);
    let many: Value = (0..500).map(|n| (format!("k{n}"), json!(n))).collect::<serde_json::Map<_, _>>().into();
    assert_eq!(tags(many).len(), 64);
    let long = tags(json!({"é".repeat(100): "x".repeat(5_000), "k".repeat(100): "y"}));
    assert!(long.iter().all(|tag| tag.len() <= 64 + 1 + 512));
    assert!(tags(Value::Null).is_empty());
    assert!(facts(&event("build", "start", 0)).marks.given.is_empty(), "silence takes nothing back");
}

#[test]
fn what_is_wrong_is_named_without_its_text() {
    let start = event("build", "start", 0);
    for (body, reason) in [
        (without(start.clone(), "/id"), "id: is missing"),
        (with(start.clone(), "/id", json!("")), "id: is missing"),
        (with(start.clone(), "/id", json!({})), "id: invalid type: map, expected a text or a whole number"),
        (
            with(start.clone(), "/id", json!(1.5)),
            "id: invalid type: number, expected a text or a whole number",
        ),
        (with(start.clone(), "/id", json!("x".repeat(2_000))), "id: is too long"),
        (without(start.clone(), "/type"), "type: is missing"),
        (with(start.clone(), "/type", json!(true)), "type: invalid type: boolean `true`"),
        (without(start.clone(), "/action"), "action: is missing"),
        (
            with(start.clone(), "/error", json!([])),
            "error: invalid type: sequence, expected true, false or a text",
        ),
        (with(start.clone(), "/at", json!(true)), "at: invalid type: boolean `true`, expected a time"),
        (
            with(start.clone(), "/duration_seconds", json!(-1)),
            "duration_seconds: invalid value: number, expected a number of seconds",
        ),
        (
            with(start.clone(), "/durationSeconds", json!("hunter2")),
            "durationSeconds: invalid value: text, expected a number",
        ),
        (with(start.clone(), "/tags", json!("hunter2")), "tags: invalid type: string, expected an object"),
        (with(start, "/Parent_ID", json!({"hunter2": 1})), "Parent_ID: invalid type: map"),
    ] {
        let said = wrong(parse(&body));
        assert!(said.starts_with(reason), "{said} instead of {reason}");
        assert!(!said.contains("hunter2"), "{said}");
    }
    what_is_no_json_is_named(Source::Custom);
}

#[test]
fn an_end_closes_a_cycle_and_says_when() {
    let said = facts(&with(event("sprint", "end", 9), "/title", json!("Sprint 4")));
    assert_eq!(cycle(&said).closed.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [at(&minute(9))]);
    assert_eq!(text(&said, Attr::IssueSprint), "Sprint 4");
}
