#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod envelope;
mod examples;
mod rubbish;
mod tickets;

use std::path::PathBuf;

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::EVENTS;
use crate::sources::testing::hostile::{fold, what_is_no_json_is_named};
use crate::sources::testing::{
    Settings, at, cycle, headers, ignored, one, refs, run, targets, text, used, with, without, wrong,
};
use crate::sources::{Delivery, ParseError, Parsed};
use crate::work::attr::Attr;
use crate::work::event::{Event, Flaw, Outcome, Relation, Role, Said, What};
use crate::work::item::Item;
use crate::work::key::Source;
use crate::work::link::place;
use crate::work::tags::{Tagger, Tags};
use crate::work::testing::World;

const CI: &str = "https://ci.example.org/acme/api";
const SHA: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const PURL: &str = "pkg:oci/api@sha256%3A0b31b1c02ff458ad";

/// A minute of the day on which everything happens.
fn minute(minute: u32) -> String {
    format!("2026-01-02T10:{minute:02}:00Z")
}

/// An event of CDEvents 0.5 about the subject `7`.
fn event(name: &str, minute_of: u32, content: Value) -> Value {
    let version = match name {
        "change.created" => "0.4.0",
        name if name.starts_with("ticket.") => "0.2.0",
        _ => "0.3.0",
    };
    json!({
        "context": {
            "specversion": "0.5.1", "id": format!("{name}-{minute_of}"), "source": CI,
            "type": format!("dev.cdevents.{name}.{version}"), "timestamp": minute(minute_of),
        },
        "subject": {"id": "7", "content": content},
    })
}

fn deliver(headers: &HeaderMap, body: &Value) -> Delivery {
    Settings::default().parse(Source::Cdevents, headers, body.to_string().as_bytes())
}

fn parse(body: &Value) -> Result<Parsed, ParseError> {
    deliver(&HeaderMap::new(), body).content
}

fn with_settings(settings: &Settings, body: &Value) -> Said {
    used(settings.parse(Source::Cdevents, &HeaderMap::new(), body.to_string().as_bytes()).content)
}

fn key(body: &Value) -> String {
    one(&used(parse(body))).0.to_owned()
}

fn item(bodies: &[Value]) -> Item {
    fold(&bodies.iter().map(|body| used(parse(body)).events.remove(0)).collect::<Vec<_>>())
}

fn service(name: &str, minute: u32) -> Value {
    event(name, minute, json!({"environment": {"id": "production"}, "artifactId": PURL}))
}

fn ticket(name: &str, minute: u32) -> Value {
    let mut content = json!({
        "summary": "Basket loses items", "ticketType": "bug", "group": "shop", "creator": "alice", "assignees": ["bob", "eve@x.org"],
        "priority": "high", "labels": ["team:payments"], "milestone": "v2", "uri": "https://tickets.example.org/SHOP-12",
    });
    if name == "ticket.closed" {
        content["resolution"] = json!("completed");
    }
    event(name, minute, content)
}

fn incident(name: &str, minute: u32) -> Value {
    let mut content = json!({
        "description": "Slow\nsince noon", "environment": {"id": "production"}, "service": {"id": "shop"}, "artifactId": PURL,
    });
    if name == "incident.reported" {
        content["ticketURI"] = json!("https://tickets.example.org/3");
    }
    event(name, minute, content)
}

#[test]
fn a_change_is_opened_reviewed_and_merged() {
    let repository = json!({"repository": {"id": "acme/api", "source": "https://github.com"}});
    let change = item(&[
        with(
            event("change.created", 0, json!({"description": "\nSHOP-12: basket\nmore"})),
            "/customData",
            json!({"Commit": SHA}),
        ),
        event("change.updated", 5, repository.clone()),
        event("change.reviewed", 10, repository.clone()),
        event("change.merged", 20, repository),
    ]);
    let episodes = change.episodes();
    assert_eq!(
        (episodes[0].start, episodes[0].end),
        (at(&minute(0)), Some((at(&minute(20)), Outcome::Merged)))
    );
    let happened: Vec<_> = change.facts.happenings.iter().map(|h| (h.at, h.what, h.role)).collect();
    assert_eq!(
        happened,
        [(at(&minute(5)), What::Synchronize, None), (at(&minute(10)), What::Reviewed, Some(Role::Other))]
    );
    for (attr, value) in [
        (Attr::ChangeId, "7"),
        (Attr::ChangeTitle, "SHOP-12: basket"),
        (Attr::RefHeadRevision, SHA),
        (Attr::RepositoryUrl, "https://github.com/acme/api"),
        (Attr::RepositoryName, "api"),
        (Attr::OwnerName, "acme"),
        (Attr::ProviderName, "github"),
    ] {
        assert_eq!(text(&change.facts, attr), value, "{}", attr.name());
    }
    assert_eq!(targets(&change.facts, Relation::IssueKey), ["issue:SHOP-12"]);
    assert!(!format!("{change:?}").contains("more"), "the text itself is not kept");
}

#[test]
fn a_change_that_was_never_seen_open_is_closed_all_the_same() {
    let abandoned = item(&[event("change.abandoned", 3, json!({}))]).episodes();
    assert_eq!(abandoned[0].end, Some((at(&minute(3)), Outcome::Closed)));
    assert!(!abandoned[0].start_known);
}

#[test]
fn a_commit_in_custom_data_ties_builds_to_changes() {
    let custom = json!({"sha": SHA});
    let change = with(event("change.created", 0, json!({})), "/customData", custom.clone());
    assert_eq!(
        refs(&used(parse(&change))),
        [
            format!("sha:{SHA} > cdevents:ci.example.org/acme/api/pull_request/7"),
            "project:cdevents/api > at:ci.example.org/acme/api".to_owned(),
        ]
    );
    for name in ["pipelinerun.queued", "build.queued"] {
        let facts = used(parse(&with(event(name, 0, json!({})), "/customData", custom.clone())))
            .events
            .remove(0)
            .facts;
        assert_eq!(targets(&facts, Relation::Commit), [format!("sha:{SHA}")]);
    }
    let short = with(event("build.queued", 0, json!({})), "/customData", json!({"sha": "abc"}));
    assert!(targets(one(&used(parse(&short))).1, Relation::Commit).is_empty());
}

#[test]
fn a_pipeline_run_is_queued_started_and_finished() {
    let content = json!({"pipelineName": "ci", "uri": "https://ci.example.org/runs/7"});
    let finished =
        with(with(content.clone(), "/outcome", json!("failure")), "/errors", json!("out of memory"));
    let bodies = [
        event("pipelinerun.queued", 0, content.clone()),
        event("pipelinerun.started", 2, content),
        event("pipelinerun.finished", 9, finished),
    ];
    let build = item(&bodies);
    let episode = build.episodes()[0];
    assert_eq!((episode.start, episode.end), (at(&minute(2)), Some((at(&minute(9)), Outcome::Failure))));
    assert_eq!(run(&build.facts).queued.unwrap().at, at(&minute(0)));
    for (attr, value) in [
        (Attr::PipelineName, "ci"),
        (Attr::PipelineRunId, "7"),
        (Attr::PipelineRunUrl, "https://ci.example.org/runs/7"),
        (Attr::ErrorMessage, "out of memory"),
    ] {
        assert_eq!(text(&build.facts, attr), value, "{}", attr.name());
    }
}

#[test]
fn every_outcome_is_understood_and_an_unknown_one_is_counted() {
    let ended = |name: &str, version: &str, outcome: Value| {
        let mut body = event(name, 0, json!({"outcome": outcome}));
        body["context"]["type"] = json!(format!("dev.cdevents.{name}.{version}"));
        let said = used(parse(&body));
        (run(one(&said).1).outcome.as_ref().unwrap().value, said.flaws)
    };
    for (word, outcome) in [
        ("success", Outcome::Success),
        ("failure", Outcome::Failure),
        ("error", Outcome::Error),
        ("cancel", Outcome::Cancellation),
    ] {
        assert_eq!(ended("pipelinerun.finished", "0.3.0", json!(word)), (outcome, vec![]), "{word}");
    }
    for (word, outcome) in
        [("Canceled", Outcome::Cancellation), ("timeout", Outcome::Timeout), ("skipped", Outcome::Skip)]
    {
        assert_eq!(ended("taskrun.finished", "0.3.0", json!(word)), (outcome, vec![]), "{word}");
    }
    assert_eq!(
        ended("taskrun.finished", "0.3.0", json!("odd")),
        (Outcome::Unknown, vec![Flaw::UnknownOutcome])
    );
    assert_eq!(
        ended("taskrun.finished", "0.3.0", Value::Null),
        (Outcome::Unknown, vec![Flaw::MissingOutcome])
    );
}

#[test]
fn the_address_of_older_versions_is_read_too_and_only_if_a_browser_may_follow_it() {
    for (url, shown) in [("https://ci/7", "https://ci/7"), ("javascript:alert(1)", "(none)")] {
        let mut body = event("taskrun.started", 0, json!({"taskName": "t", "url": url}));
        body["context"] = json!({
            "version": "0.4.1", "id": "1", "source": "/x", "type": "dev.cdevents.taskrun.started.0.2.0",
            "timestamp": minute(0),
        });
        assert_eq!(text(one(&used(parse(&body))).1, Attr::TaskRunUrl), shown);
    }
}

#[test]
fn a_task_run_is_a_job_of_its_pipeline_run() {
    let body = event("taskrun.started", 0, json!({"taskName": "test", "pipelineRun": {"id": "9"}}));
    let said = used(parse(&body));
    assert_eq!(one(&said).0, "cdevents:ci.example.org/acme/api/job/7");
    assert_eq!(targets(one(&said).1, Relation::Run), ["=cdevents:ci.example.org/acme/api/build/9"]);
    assert_eq!(text(one(&said).1, Attr::TaskName), "test");
    let elsewhere = with(body, "/subject/content/pipelineRun/source", json!("/tekton/a"));
    assert_eq!(targets(one(&used(parse(&elsewhere))).1, Relation::Run), ["=cdevents:tekton/a/build/9"]);
}

#[test]
fn a_build_that_made_an_artifact_succeeded_and_its_deploys_find_it() {
    let said = used(parse(&event("build.finished", 0, json!({"artifactId": PURL}))));
    assert_eq!(run(one(&said).1).outcome.as_ref().unwrap().value, Outcome::Success);
    assert_eq!(refs(&said)[0], format!("artifact:{PURL} > cdevents:ci.example.org/acme/api/build/7"));
    let silent = used(parse(&event("build.finished", 0, json!({}))));
    assert_eq!(run(one(&silent).1).outcome.as_ref().unwrap().value, Outcome::Unknown);
    assert_eq!(silent.flaws, [Flaw::MissingOutcome]);
}

#[test]
fn each_deployment_of_a_service_is_a_deploy_of_which_the_end_is_known() {
    let said = used(parse(&service("service.deployed", 4)));
    let (key, facts) = one(&said);
    assert_eq!(key, "cdevents:ci.example.org/acme/api/deploy/7@production:service.deployed-4");
    let episode = Item::new(said.events[0].clone()).episodes()[0];
    assert_eq!((episode.start_known, episode.end), (false, Some((at(&minute(4)), Outcome::Success))));
    for (attr, value) in [
        (Attr::DeploymentName, "7"),
        (Attr::Environment, "production"),
        (Attr::ProductionEnvironment, "true"),
        (Attr::ArtifactId, PURL),
    ] {
        assert_eq!(text(facts, attr), value, "{}", attr.name());
    }
    assert_eq!(targets(facts, Relation::Artifact), [format!("artifact:{PURL}")]);
    assert!(facts.marks.parameters.is_none());
    let keys = [4, 5].map(|minute| one(&used(parse(&service("service.upgraded", minute)))).0.to_owned());
    assert_ne!(keys[0], keys[1]);
}

#[test]
fn a_rollback_is_flagged_whatever_custom_data_says() {
    let body = with(
        service("service.rolledback", 0),
        "/customData",
        json!({"rollback": "false", "team": "shop", "x": "y"}),
    );
    let said = used(parse(&body));
    let marks = &one(&said).1.marks.parameters.as_ref().unwrap().value;
    assert_eq!(
        marks.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>(),
        ["rollback=true", "team=shop"]
    );
}

#[test]
fn an_artifact_leads_from_deploy_and_build_to_the_change() {
    let packaged = event(
        "artifact.packaged",
        1,
        json!({"change": {"id": "12", "source": "my-git.example/an-org/a-repo"}}),
    );
    let packaged = with(packaged, "/subject/id", json!(PURL));
    let bodies = [
        packaged,
        event("build.finished", 2, json!({"artifactId": PURL})),
        with(service("service.deployed", 3), "/subject/id", json!("shop")),
    ];
    let mut world = World::default();
    let mut deploy = None;
    for body in &bodies {
        let said = used(parse(body));
        for (reference, pointer) in said.refs {
            world.refs.entry(reference).or_default().push(pointer);
        }
        for event in said.events {
            deploy = Some(event.key.clone());
            world.items.insert(event.key.clone(), Item::new(event));
        }
    }
    let deploy = world.items[&deploy.unwrap()].clone();
    let place = place(&deploy, &mut world).unwrap();
    let chain: Vec<_> = place.ancestors.iter().map(|ancestor| ancestor.key.as_str()).collect();
    assert_eq!(
        chain,
        ["cdevents:ci.example.org/acme/api/build/7", "cdevents:my-git.example/an-org/a-repo/pull_request/12"]
    );
    let none = with(event("artifact.published", 0, json!({})), "/subject/id", json!(PURL));
    assert_eq!(ignored(parse(&none)), "an artifact that names no change is not used");
}

#[test]
fn custom_data_can_be_tags_and_name_a_parent_and_is_else_not_kept() {
    let custom = json!({
        "Team": "shop", "deploy_type": "container", "password": "hunter2", "vstrace-trace-id": "vstrace-github-issue-api-36",
        "n": 5, "deep": {"er": [1]},
    });
    let said = used(parse(&with(event("pipelinerun.queued", 0, json!({})), "/customData", custom)));
    let facts = one(&said).1;
    assert_eq!(
        facts.marks.parameters.as_ref().unwrap().value.keys().collect::<Vec<_>>(),
        ["Team", "deploy_type"]
    );
    assert_eq!(targets(facts, Relation::Token), ["project:github/api issue 36"]);
    assert!(!format!("{said:?}").contains("hunter2"));
    for odd in [json!("text"), json!([1]), json!(5), Value::Null] {
        used(parse(&with(event("pipelinerun.queued", 0, json!({})), "/customData", odd)));
    }
}

#[test]
fn what_is_not_used_is_ignored_with_a_reason() {
    let of_type = |ty: &str| with(event("change.created", 0, json!({"odd": 1})), "/context/type", json!(ty));
    for (ty, event_type, reason) in [
        ("dev.cdevents.branch.created.0.3.0", "branch.created", "event \"branch.created\" is not used"),
        ("dev.cdevents.service.removed.0.3.0", "service.removed", "event \"service.removed\" is not used"),
        (
            "dev.cdevents.foo.bar.9.9.9",
            "other",
            "event \"dev.cdevents.foo.bar.9.9.9\" is not a version of CDEvents 0.3 to 0.5",
        ),
        (
            "dev.cdevents.change.created.9.9.9",
            "change.created",
            "event \"dev.cdevents.change.created.9.9.9\" is not a version of CDEvents 0.3 to 0.5",
        ),
        (
            "dev.cdevents.change.created.0.4",
            "change.created",
            "event \"dev.cdevents.change.created.0.4\" is not a version of CDEvents 0.3 to 0.5",
        ),
        (
            "dev.cdeventsx.tool-change.created.0.1.0",
            "other",
            "event \"dev.cdeventsx.tool-change.created.0.1.0\" is not a version of CDEvents 0.3 to 0.5",
        ),
    ] {
        let delivery = deliver(&HeaderMap::new(), &of_type(ty));
        assert_eq!(delivery.event_type, event_type);
        assert_eq!(ignored(delivery.content), reason);
    }
    let old = with(event("change.created", 0, json!({})), "/context/specversion", json!("0.6.0"));
    assert_eq!(ignored(parse(&old)), "CDEvents \"0.6.0\" is not one of 0.3 to 0.5");
    let old = with(without(old, "/context/specversion"), "/context/version", json!("0.1.2"));
    assert_eq!(ignored(parse(&old)), "CDEvents \"0.1.2\" is not one of 0.3 to 0.5");
}

#[test]
fn what_is_wrong_is_named_without_its_text() {
    let created = event("change.created", 0, json!({}));
    let run = |content: Value| event("pipelinerun.finished", 0, content);
    for (body, reason) in [
        (json!({}), "context: is missing"),
        (json!({"data": 5}), "data: invalid type: integer `5`"),
        (json!({"data": {"subject": {}}}), "data.context: is missing"),
        (json!({"data_base64": "!"}), "data_base64: is not base64"),
        (json!({"data_base64": STANDARD.encode([255, 0])}), "data_base64: does not hold UTF-8"),
        (json!({"data_base64": STANDARD.encode("5")}), "data_base64: does not hold a JSON object"),
        (without(created.clone(), "/context/type"), "context.type: is missing"),
        (json!({"data": without(created.clone(), "/context/type")}), "data.context.type: is missing"),
        (without(created.clone(), "/context/specversion"), "context.specversion: is missing"),
        (without(created.clone(), "/context/id"), "context.id: is missing"),
        (without(created.clone(), "/context/timestamp"), "context.timestamp: is missing"),
        (without(created.clone(), "/subject/id"), "subject.id: is missing"),
        (without(created.clone(), "/subject/content"), "subject.content: is missing"),
        (with(created.clone(), "/subject/id", json!("")), "subject: field \"id\" is empty"),
        (with(created.clone(), "/subject/id", json!(" ")), "subject.id: is empty, or too long for a key"),
        (
            with(created.clone(), "/subject/id", json!("x".repeat(2_000))),
            "subject.id: is empty, or too long for a key",
        ),
        (
            with(created.clone(), "/context/timestamp", json!("hunter2")),
            "context: has a value that is not of its type",
        ),
        (
            with(created.clone(), "/context/timestamp", json!("1970-01-01T00:00:00Z")),
            "context.timestamp: is not a plausible time",
        ),
        (with(created.clone(), "/context/source", json!("hunter2 \\")), "context: has a value"),
        (with(created.clone(), "/context/hunter2", json!(1)), "context: has a field that this version"),
        (
            with(created.clone(), "/subject/content/hunter2", json!(1)),
            "subject.content: has a field that this version",
        ),
        (
            run(json!({"outcome": "hunter2"})),
            "subject.content: has a value that is not one of `success`, `failure`",
        ),
        (run(json!({"outcome": 5})), "subject.content.outcome: invalid type: integer `5`"),
        (run(json!({"errors": {"hunter2": 1}})), "subject.content.errors: invalid type: map"),
        (
            event("service.deployed", 0, json!({"artifactId": "x"})),
            "subject.content: field \"environment\" is missing",
        ),
        (
            event("service.deployed", 0, json!({"artifactId": "x", "environment": {}})),
            "subject.content.environment.id: is missing",
        ),
        (
            without(ticket("ticket.closed", 0), "/subject/content/resolution"),
            "subject.content: field \"resolution\" is missing",
        ),
    ] {
        let said = wrong(parse(&body));
        assert!(said.starts_with(reason), "{said} instead of {reason}");
        assert!(!said.contains("hunter2"), "{said}");
    }
    what_is_no_json_is_named(Source::Cdevents);
}

#[test]
fn the_names_of_events_are_sorted_and_each_there_once() {
    assert!(EVENTS.windows(2).all(|pair| pair[0].0 < pair[1].0));
}
