#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use axum::http::HeaderMap;
use serde_json::{Value, json};

use super::super::testing::*;
use super::super::{ParseError, Parsed};
use super::JenkinsOptions;
use crate::work::attr::Attr;
use crate::work::event::{Flaw, Outcome, Relation};
use crate::work::item::Item;
use crate::work::key::Source;
use crate::work::lattice::Trust;

mod links;

const SHA: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const OTHER: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
const T: i64 = 1_790_000_000_000;

/// A message of the Notification plugin.
fn notification(phase: &str) -> Value {
    let ended = matches!(phase, "COMPLETED" | "FINALIZED");
    let mut body = json!({
        "name": "api", "display_name": "api", "url": "job/org/job/api/",
        "build": {
            "full_url": "https://ci.example.org/job/org/job/api/7/", "number": 7, "queue_id": 41,
            "timestamp": if ended { T + 9_000 } else { T }, "duration": if ended { 9_000 } else { 0 },
            "phase": phase, "url": "job/org/job/api/7/",
            "scm": {"url": "git@github.com:org/api.git", "branch": "origin/12-fix", "commit": SHA, "changes": [], "culprits": []},
            "log": "", "artifacts": {},
        },
    });
    if ended {
        body = with(body, "/build/status", json!("SUCCESS"));
    }
    body
}

fn statistics(result: &str) -> Value {
    let going = result == "INPROGRESS";
    json!({
        "ciUrl": "https://ci.example.org/", "jobName": "api", "fullJobName": "org/api", "number": 7,
        "slaveInfo": {"slaveName": "node-1", "executor": "0", "label": "linux docker"},
        "startTime": if going { T } else { T + 9_100 }, "endTime": T + 9_000, "startedUserId": "ann",
        "startedUserName": "Ann", "result": result, "duration": if going { 0 } else { 9_000 }, "parameters": {},
        "scmInfo": {"url": "", "branch": "", "commit": ""}, "queueTime": if going { 1_500 } else { 0 },
        "buildUrl": "job/org/job/api/7/", "contextId": 0, "buildCause": "Started by user Ann",
        "buildFailureCauses": [],
    })
}

fn jenkins(body: &Value) -> Result<Parsed, ParseError> {
    Settings::default().jenkins(body)
}

fn parameters(values: Value) -> Value {
    with(notification("COMPLETED"), "/build/parameters", values)
}

fn key(body: &Value) -> String {
    one(&used(jenkins(body))).0.to_owned()
}

fn related(body: &Value, relation: Relation) -> Vec<String> {
    targets(one(&used(jenkins(body))).1, relation)
}

#[test]
fn each_phase_says_what_it_knows_of_the_times() {
    let queued = used(jenkins(&notification("QUEUED")));
    let life = run(one(&queued).1);
    assert_eq!((life.queued.unwrap().at, life.started, life.ended), (millis(T), None, None));
    let started = used(jenkins(&notification("STARTED")));
    let life = run(one(&started).1);
    assert_eq!((life.started.unwrap().at, life.started.unwrap().trust), (millis(T), Trust::Stated));
    assert!(life.ended.is_none() && life.outcome.is_none() && life.duration.is_none());
    let completed = used(jenkins(&notification("COMPLETED")));
    let life = run(one(&completed).1);
    assert_eq!((life.ended.unwrap().at, life.ended.unwrap().trust), (millis(T + 9_000), Trust::Stated));
    assert_eq!((life.started.unwrap().at, life.started.unwrap().trust), (millis(T), Trust::Derived));
    assert_eq!(life.duration.as_ref().unwrap().value, 9_000_000);
    assert_eq!(life.outcome.as_ref().unwrap().value, Outcome::Success);
    let finalized = used(jenkins(&notification("FINALIZED")));
    let life = run(one(&finalized).1);
    assert_eq!((life.ended.unwrap().trust, life.started.unwrap().trust), (Trust::Near, Trust::Near));
    for said in [queued, started, completed, finalized] {
        assert_eq!(one(&said).0, "jenkins:ci.example.org/org/api/build/7");
        assert!(said.flaws.is_empty());
    }
}

#[test]
fn a_queue_time_of_0_is_no_time_and_no_flaw() {
    let said = used(jenkins(&with(notification("QUEUED"), "/build/timestamp", json!(0))));
    assert!(run(one(&said).1).queued.is_none() && said.flaws.is_empty());
}

#[test]
fn finalized_alone_gives_a_whole_build() {
    let said = used(jenkins(&notification("FINALIZED")));
    let item = Item::new(said.events[0].clone());
    let episode = item.episodes()[0];
    assert_eq!((episode.start, episode.end), (millis(T), Some((millis(T + 9_000), Outcome::Success))));
}

#[test]
fn an_end_without_a_time_takes_that_of_receipt_and_says_so() {
    for body in [
        without(notification("COMPLETED"), "/build/timestamp"),
        with(notification("FINALIZED"), "/build/timestamp", json!(0)),
    ] {
        let said = used(jenkins(&body));
        let life = run(one(&said).1);
        assert_eq!((life.ended.unwrap().at, life.ended.unwrap().trust), (received_at(), Trust::Receipt));
        assert_eq!(life.started.unwrap().trust, Trust::Receipt);
        assert_eq!(said.flaws, [Flaw::TimeOfReceipt]);
    }
    let odd = with(notification("COMPLETED"), "/build/timestamp", json!(5));
    assert_eq!(used(jenkins(&odd)).flaws, [Flaw::ImplausibleTime, Flaw::TimeOfReceipt]);
}

#[test]
fn every_status_has_an_outcome() {
    for (status, outcome, flaw) in [
        (json!("SUCCESS"), Outcome::Success, None),
        (json!("UNSTABLE"), Outcome::Failure, None),
        (json!("FAILURE"), Outcome::Failure, None),
        (json!("ABORTED"), Outcome::Cancellation, None),
        (json!("NOT_BUILT"), Outcome::Skip, None),
        (json!("BRAND_NEW"), Outcome::Unknown, Some(Flaw::UnknownOutcome)),
        (json!(null), Outcome::Unknown, Some(Flaw::MissingOutcome)),
    ] {
        let said = used(jenkins(&with(notification("COMPLETED"), "/build/status", status)));
        assert_eq!(run(one(&said).1).outcome.as_ref().unwrap().value, outcome);
        assert_eq!(said.flaws.first().copied(), flaw);
    }
}

#[test]
fn what_was_checked_out_is_believed_only_at_the_end() {
    let trust = |phase| {
        let said = used(jenkins(&notification(phase)));
        let facts = one(&said).1;
        (
            facts.relations[&Relation::Commit].stamp.trust,
            facts.attrs[&Attr::RefHeadRevision].stamp.trust,
            facts.attrs[&Attr::PipelineName].stamp.trust,
        )
    };
    assert_eq!(trust("STARTED"), (Trust::Near, Trust::Near, Trust::Stated));
    assert_eq!(trust("COMPLETED"), (Trust::Stated, Trust::Stated, Trust::Stated));

    let stale = with(notification("STARTED"), "/build/scm/commit", json!(OTHER));
    let mut item = Item::new(used(jenkins(&notification("COMPLETED"))).events.remove(0));
    item.fold(used(jenkins(&stale)).events.remove(0).facts);
    assert_eq!(targets(&item.facts, Relation::Commit), [format!("sha:{SHA}")]);
}

#[test]
fn a_build_is_known_by_its_repository_branch_and_commit() {
    let said = used(jenkins(&notification("COMPLETED")));
    let facts = one(&said).1;
    assert_eq!(targets(facts, Relation::Branch), ["branch:github.com/org/api:12-fix"]);
    for (attr, value) in [
        (Attr::PipelineName, "org/api"),
        (Attr::PipelineRunId, "7"),
        (Attr::PipelineRunUrl, "https://ci.example.org/job/org/job/api/7/"),
        (Attr::PipelineAction, "BUILD"),
        (Attr::RefHeadName, "12-fix"),
        (Attr::RefHeadRevision, SHA),
        (Attr::RepositoryUrl, "https://github.com/org/api"),
        (Attr::RepositoryName, "api"),
        (Attr::OwnerName, "org"),
        (Attr::ProviderName, "github"),
    ] {
        assert_eq!(text(facts, attr), value, "{}", attr.name());
    }
    for branch in ["origin/main", "master", "detached", "origin/pr/12/merge"] {
        let body = with(notification("COMPLETED"), "/build/scm/branch", json!(branch));
        assert!(related(&body, Relation::Branch).is_empty(), "{branch}");
    }
    let short = with(notification("COMPLETED"), "/build/scm/commit", json!("4"));
    assert!(related(&short, Relation::Commit).is_empty(), "no full sha");
}

#[test]
fn a_password_in_a_clone_address_is_never_kept() {
    let url = json!("https://robot:hunter2@github.com/org/api.git");
    let said = used(jenkins(&with(notification("COMPLETED"), "/build/scm/url", url)));
    assert!(!format!("{said:?}").contains("hunter2"));
}

#[test]
fn a_ghprb_build_names_its_pull_request() {
    let named = json!({
        "ghprbPullLink": "https://github.com/org/api/pull/12", "ghprbPullId": "12", "ghprbGhRepository": "org/api",
        "ghprbActualCommit": OTHER, "ghprbSourceBranch": "vstrace-github-issue-api-9", "ghprbTargetBranch": "main",
    });
    let body = parameters(named.clone());
    assert_eq!(related(&body, Relation::PullRequest), ["=github:github.com/org/api/pull_request/12"]);
    assert_eq!(related(&body, Relation::Commit), [format!("sha:{OTHER}"), format!("sha:{SHA}")]);
    assert_eq!(related(&body, Relation::Token), ["=github:github.com/org/api/issue/9"]);
    let facts = used(jenkins(&body)).events.remove(0).facts;
    assert_eq!(text(&facts, Attr::RefBaseName), "main");
    assert_eq!(text(&facts, Attr::RefHeadRevision), OTHER);
    let unlinked = without(json!({"p": named}), "/p/ghprbPullLink")["p"].clone();
    let body = with(parameters(unlinked), "/build/scm/url", json!("https://ghe.acme.org/org/api"));
    assert_eq!(related(&body, Relation::PullRequest), ["=github:ghe.acme.org/org/api/pull_request/12"]);
}

#[test]
fn a_multibranch_build_hints_at_its_pull_request() {
    let body = |name: &str, scm: Value| {
        let url = format!("https://ci.example.org/job/org/job/repo/job/{name}/7/");
        with(with(notification("COMPLETED"), "/build/full_url", json!(url)), "/build/scm", scm)
    };
    let git = json!({"url": "https://github.com/acme/web.git"});
    for name in ["PR-12", "PR-12-merge", "PR-12-head"] {
        let hint = related(&body(name, git.clone()), Relation::PullRequest);
        assert_eq!(hint, ["?github:github.com/acme/web/pull_request/12"], "{name}");
    }
    let pipeline = body("PR-12", json!({"changes": [], "culprits": []}));
    assert_eq!(related(&pipeline, Relation::PullRequest), ["?github:github.com/org/repo/pull_request/12"]);
    assert!(related(&body("main", git), Relation::PullRequest).is_empty());
    let said = used(jenkins(&pipeline));
    assert_eq!(one(&said).0, "jenkins:ci.example.org/org/repo/PR-12/build/7");
    assert_eq!(text(one(&said).1, Attr::PipelineName), "org/repo", "not a pipeline for each pull request");
    let branch = body("feature%252Fx", json!({"branch": "origin/feature/x"}));
    assert_eq!(key(&branch), "jenkins:ci.example.org/org/repo/feature%2Fx/build/7");
    assert_eq!(text(one(&used(jenkins(&branch))).1, Attr::PipelineName), "org/repo");
}

#[test]
fn a_trace_parameter_is_read_in_any_case() {
    for name in ["vstrace-trace-id", "VSTRACE-TRACE-ID", "vstrace_trace_id"] {
        let body = parameters(json!({name: "vstrace-github-issue-web-36"}));
        assert_eq!(related(&body, Relation::Token), ["project:github/web issue 36"], "{name}");
    }
    let key = "github:github.com/acme/api/issue/12";
    assert_eq!(related(&parameters(json!({"vstrace-trace-id": key})), Relation::Token), [format!("={key}")]);
}

#[test]
fn a_deploy_is_known_by_parameter_name_or_glob() {
    let deploy = "jenkins:ci.example.org/org/api/deploy/7";
    assert_eq!(key(&parameters(json!({"type": "deploy"}))), deploy);
    assert_eq!(key(&with(notification("STARTED"), "/display_name", json!("deploy: api"))), deploy);
    assert_eq!(key(&with(notification("STARTED"), "/name", json!("deploy:api"))), deploy);
    assert_eq!(key(&parameters(json!({"type": "build"}))), "jenkins:ci.example.org/org/api/build/7");
    let jenkins = JenkinsOptions::new("jenkins", &["org/*".to_owned()]).unwrap();
    let settings = Settings { jenkins, ..Settings::default() };
    assert_eq!(one(&used(settings.jenkins(&notification("QUEUED")))).0, deploy);
    assert_eq!(one(&used(settings.jenkins(&statistics("SUCCESS")))).0, deploy);
    assert!(JenkinsOptions::new("jenkins", &["[".to_owned()]).is_err());
}

#[test]
fn a_deploy_says_what_goes_where() {
    let body = parameters(json!({
        "type": "deploy", "ENVIRONMENT": "Production", "app": "shop", "deploy_type": "mutable", "Team": "core",
        "password": "hunter2",
    }));
    let said = used(jenkins(&body));
    let facts = one(&said).1;
    for (attr, value) in [
        (Attr::Environment, "Production"),
        (Attr::ProductionEnvironment, "true"),
        (Attr::DeploymentName, "shop"),
        (Attr::DeploymentId, "7"),
        (Attr::PipelineAction, "RUN"),
    ] {
        assert_eq!(text(facts, attr), value, "{}", attr.name());
    }
    let marks = &facts.marks.parameters.as_ref().unwrap().value;
    assert_eq!(
        marks.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>(),
        ["Team=core", "deploy_type=mutable"]
    );
    assert!(!format!("{said:?}").contains("hunter2"), "only what can be a tag is kept");
    let said = used(jenkins(&parameters(json!({"type": "deploy", "env": "staging"}))));
    assert_eq!(text(one(&said).1, Attr::Environment), "staging");
    assert_eq!(text(one(&said).1, Attr::ProductionEnvironment), "(none)");
    assert_eq!(text(one(&said).1, Attr::DeploymentName), "api");
}

#[test]
fn a_deploy_keeps_its_flags_and_a_build_does_not() {
    let kept = |values: Value| {
        let said = used(jenkins(&parameters(values)));
        let parameters = one(&said).1.marks.parameters.as_ref().map(|latest| &latest.value).cloned();
        parameters.unwrap_or_default().iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>()
    };
    let flags = json!({"type": "deploy", "ROLLBACK": "true", "hotfix": false, "force": "true"});
    assert_eq!(kept(flags), ["ROLLBACK=true", "hotfix=false"]);
    assert_eq!(kept(json!({"ROLLBACK": "true", "hotfix": false})), [] as [&str; 0]);
}

#[test]
fn tests_are_counted() {
    let body = with(
        notification("FINALIZED"),
        "/build/test_summary",
        json!({"total": 3, "failed": 1, "skipped": 0}),
    );
    let facts = used(jenkins(&body)).events.remove(0).facts;
    let counts = [Attr::TestsTotal, Attr::TestsFailed, Attr::TestsSkipped].map(|attr| text(&facts, attr));
    assert_eq!(counts, ["3", "1", "0"]);
}

#[test]
fn a_jenkins_that_does_not_know_its_address_has_the_default_host() {
    let nameless = without(notification("STARTED"), "/build/full_url");
    assert_eq!(key(&nameless), "jenkins:jenkins/org/api/build/7");
    let bare = without(without(nameless, "/build/url"), "/url");
    assert_eq!(key(&bare), "jenkins:jenkins/api/build/7");
    let below = json!("https://x.org/jenkins/job/org/job/api/7/");
    assert_eq!(
        key(&with(notification("STARTED"), "/build/full_url", below)),
        "jenkins:x.org/jenkins/org/api/build/7"
    );
}

#[test]
fn the_statistics_gatherer_says_start_and_end() {
    let said = used(jenkins(&statistics("INPROGRESS")));
    let (name, facts) = one(&said);
    assert_eq!(name, "jenkins:ci.example.org/org/api/build/7");
    let life = run(facts);
    assert_eq!((life.started.unwrap().at, life.queued.unwrap().at), (millis(T), millis(T - 1_500)));
    assert!(life.ended.is_none() && life.outcome.is_none());
    assert_eq!(text(facts, Attr::WorkerName), "node-1");
    assert_eq!(text(facts, Attr::WorkerLabels), "linux,docker");
    assert_eq!(text(facts, Attr::PipelineTrigger), "user");
    assert_eq!(text(facts, Attr::PipelineRunUrl), "https://ci.example.org/job/org/job/api/7/");
    assert!(!format!("{facts:?}").to_lowercase().contains("ann"), "nobody is named");

    let said = used(jenkins(&statistics("FAILURE")));
    let life = run(one(&said).1);
    assert_eq!(life.started.unwrap().at, millis(T), "end minus duration, not startTime");
    assert_eq!((life.ended.unwrap().at, life.queued), (millis(T + 9_000), None));
    assert_eq!(life.outcome.as_ref().unwrap().value, Outcome::Failure);
    let people = Settings { people: true, ..Settings::default() };
    assert_eq!(text(one(&used(people.jenkins(&statistics("FAILURE")))).1, Attr::UserName), "ann");
}

#[test]
fn times_in_seconds_are_told_from_those_in_milliseconds() {
    let body = with(statistics("INPROGRESS"), "/startTime", json!(T / 1_000));
    assert_eq!(run(one(&used(jenkins(&body))).1).started.unwrap().at, millis(T));
    let body = with(statistics("UNKNOWN"), "/endTime", json!(0));
    let said = used(jenkins(&body));
    assert_eq!(run(one(&said).1).ended.unwrap().trust, Trust::Receipt);
    assert_eq!(said.flaws, [Flaw::UnknownOutcome, Flaw::TimeOfReceipt]);
}

#[test]
fn both_plugins_name_one_build_alike() {
    for (path, ci) in [("", "https://ci.example.org/"), ("/jenkins", "https://ci.example.org/jenkins")] {
        let url = "job/org/job/feature%252Fx/7/";
        let full = json!(format!("https://ci.example.org{path}/{url}"));
        let by_notification = key(&with(notification("COMPLETED"), "/build/full_url", full));
        let body = with(with(statistics("SUCCESS"), "/ciUrl", json!(ci)), "/buildUrl", json!(url));
        assert_eq!(key(&body), by_notification);
        let by_name = with(without(body, "/buildUrl"), "/fullJobName", json!("org/feature%2Fx"));
        assert_eq!(key(&by_name), by_notification);
    }
}

#[test]
fn what_else_is_posted_is_ignored_or_told() {
    let queue =
        json!({"ciUrl": "https://x/", "jobName": "a", "entryTime": 1, "status": "LEFT", "duration": 5});
    assert_eq!(ignored(jenkins(&queue)), "statistics of a queue, a step or a project are not used");
    let odd_step = json!({"ciUrl": "https://x/", "buildUrl": "job/a/1/", "startTime": "now"});
    ignored(jenkins(&odd_step));
    let step = json!({"buildStepType": "hudson.tasks.Shell", "buildStepId": "1", "buildUrl": "job/a/1/",
        "startTime": T, "endTime": T, "buildResult": "SUCCESS"});
    ignored(jenkins(&step));
    ignored(jenkins(&json!({"startTime": T, "endTime": T, "buildUrl": "job/a/1/"})));
    assert_eq!(ignored(jenkins(&notification("PROGRESS"))), "phase \"PROGRESS\" is not used");
    for (body, reason) in [
        (json!({}), "build: is missing"),
        (json!({"build": 5}), "build: invalid type: integer `5`"),
        (without(notification("STARTED"), "/build/phase"), "build.phase: is missing"),
        (without(notification("STARTED"), "/build/number"), "build.number: is missing"),
        (
            with(notification("STARTED"), "/build/timestamp", json!("now")),
            "build.timestamp: not a whole number",
        ),
        (with(notification("STARTED"), "/build/scm/url", json!({})), "build.scm.url: invalid type: map"),
        (without(statistics("SUCCESS"), "/number"), "number: is missing"),
        (without(statistics("SUCCESS"), "/result"), "result: is missing"),
    ] {
        let said = wrong(jenkins(&body));
        assert!(said.starts_with(reason), "{said} instead of {reason}");
    }
}

#[test]
fn a_message_is_known_by_build_phase_and_status() {
    let id = |body: &Value| {
        Settings::default().parse(Source::Jenkins, &HeaderMap::new(), body.to_string().as_bytes()).id
    };
    let completed = notification("COMPLETED");
    assert_eq!(id(&completed), id(&with(completed.clone(), "/build/log", json!("more"))));
    assert_ne!(id(&completed), id(&notification("STARTED")));
    assert_ne!(id(&completed), id(&with(completed.clone(), "/build/status", json!("FAILURE"))));
    assert_ne!(id(&statistics("SUCCESS")), id(&completed));
    assert_ne!(id(&statistics("SUCCESS")), id(&statistics("INPROGRESS")));
    assert_ne!(id(&json!({"a": 1})), id(&json!({"a": 2})));
}
