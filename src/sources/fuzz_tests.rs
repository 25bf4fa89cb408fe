//! Whatever is sent, it is used, ignored or told to be wrong: nothing panics, and nothing
//! overflows the stack.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use axum::http::HeaderMap;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::testing::hostile::{Deep, any_json, cut_short, replaced, survived, without_some};
use super::testing::{Settings, headers, with};
use super::{Delivery, Parsed};
use crate::work::key::Source;

const EVENTS: &[&str] = &[
    "issues",
    "pull_request",
    "pull_request_review",
    "push",
    "workflow_run",
    "workflow_job",
    "check_run",
    "deployment",
    "deployment_status",
    "issue_comment",
    "pull_request_review_comment",
    "release",
    "merge_group",
    "sub_issues",
    "issue_dependencies",
];

fn github(event: &str, body: &[u8]) -> Delivery {
    Settings::default().parse(Source::Github, &headers(&[("X-GitHub-Event", event)]), body)
}

fn jenkins(body: &[u8]) -> Delivery {
    Settings::default().parse(Source::Jenkins, &HeaderMap::new(), body)
}

/// Every parser on one body; what is used must also make an item.
fn all(body: &[u8]) {
    let deliveries = EVENTS.iter().map(|event| github(event, body)).chain([jenkins(body)]);
    for delivery in deliveries {
        survived(delivery.content);
    }
}

/// One payload in the shape of all: what each event needs, so that mutations reach far.
fn payload(action: &str) -> Value {
    let user = json!({"login": "ann", "id": 1, "type": "User"});
    let repository = json!({
        "name": "api", "full_name": "acme/api", "html_url": "https://github.com/acme/api", "default_branch": "main",
        "language": "Rust", "topics": ["team-a"], "custom_properties": {"team": ["x"]},
    });
    let sha = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    let time = "2026-01-02T10:00:00Z";
    let run = json!({
        "id": 42, "run_attempt": 2, "name": "CI", "head_branch": "12-x", "head_sha": sha, "conclusion": "success",
        "created_at": time, "run_started_at": time, "updated_at": time, "head_repository": repository,
        "pull_requests": [{"number": 1, "url": "https://api.github.com/repos/a/b/pulls/1", "base": {"repo": {"name": "b"}}}],
    });
    let issue = json!({
        "number": 12, "title": "t", "state": "open", "created_at": time, "updated_at": time, "closed_at": time,
        "labels": [{"name": "a"}], "milestone": {"title": "m"}, "type": {"name": "Bug"}, "user": user,
    });
    let parameters = json!({
        "type": "deploy", "env": "prod", "ghprbPullId": "1", "ghprbGhRepository": "a/b", "sha": sha, "tag": "v1",
        "gitlabMergeRequestIid": "2", "gitlabSourceRepoHomepage": "https://gitlab.com/a/b/c", "repo": "a/b",
        "branch": "7-x", "upstream_build": "vstrace-jenkins-build-x-7",
    });
    let mut body = json!({
        "action": action, "repository": repository, "sender": user, "label": {"name": "bug"}, "before": sha, "after": sha,
        "issue": issue,
        "changes": {"new_issue": {"number": 2}, "new_repository": {"full_name": "acme/web"}},
        "pull_request": {
            "number": 7, "title": "fixes #12", "body": "closes #3", "state": "open", "created_at": time, "updated_at": time,
            "merged_at": time, "merge_commit_sha": sha, "user": user, "additions": 1,
            "head": {"ref": "12-x", "sha": sha, "repo": repository}, "base": {"ref": "main", "sha": sha},
        },
        "review": {"state": "approved", "submitted_at": time, "user": user},
        "ref": "refs/heads/x", "head_commit": {"id": sha},
        "commits": [{"id": sha, "message": "fixes #1, PROJ-2", "distinct": true, "timestamp": time}],
        "workflow_run": run, "workflow": {"name": "CI", "path": "x.yml"},
        "workflow_job": {
            "id": 9, "run_id": 42, "name": "test", "head_sha": sha, "created_at": time, "started_at": time,
            "completed_at": time, "conclusion": "failure", "labels": ["x"], "runner_id": 1,
            "steps": [{"number": 1, "name": "s", "conclusion": "success", "started_at": time, "completed_at": time}],
        },
        "check_run": {
            "id": 5, "name": "c", "head_sha": sha, "status": "completed", "conclusion": "success", "started_at": time,
            "completed_at": time, "check_suite": {"head_branch": "x"}, "app": {"slug": "other", "name": "Other"},
        },
        "deployment": {
            "id": 8, "sha": sha, "ref": "main", "environment": "prod", "payload": {"team": "x"}, "created_at": time,
            "workflow_run": {"id": 1},
        },
        "deployment_status": {"state": "success", "created_at": time, "log_url": "https://x/y"},
        "name": "PR-12", "display_name": "x", "url": "job/org/job/repo/job/PR-12/",
        "build": {
            "full_url": "https://ci/job/org/job/repo/job/PR-12/7/", "number": 7, "timestamp": 1_790_000_000_000_i64,
            "duration": 5, "phase": "COMPLETED", "status": "SUCCESS", "url": "job/x/7/",
            "scm": {"url": "git@github.com:org/repo.git", "branch": "origin/x", "commit": sha},
            "parameters": parameters,
            "test_summary": {"total": 1, "failed": 0, "skipped": 0},
        },
        "ciUrl": "https://ci/", "fullJobName": "org/x", "jobName": "x", "startTime": 1_790_000_000_000_i64,
        "endTime": 1_790_000_000_000_i64, "result": "SUCCESS", "duration": 5, "number": 7, "buildUrl": "job/x/7/",
        "slaveInfo": {"slaveName": "n", "label": "a b"}, "scmInfo": {}, "queueTime": 1, "buildCause": "Started by timer",
    });
    let more = json!({
        "sub_issue": issue, "parent_issue": issue, "parent_issue_repo": repository,
        "blocked_issue": issue, "blocking_issue": issue, "blocked_issue_repo": repository,
        "comment": {"created_at": time, "user": user, "body": "x"},
        "release": {
            "id": 3, "tag_name": "v1", "target_commitish": sha, "published_at": time, "updated_at": time, "author": user,
        },
        "merge_group": {"head_sha": sha, "head_ref": format!("refs/heads/gh-readonly-queue/main/pr-104-{sha}")},
    });
    if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
        body.extend(more);
    }
    body
}

const ACTIONS: &[&str] = &[
    "opened",
    "closed",
    "reopened",
    "edited",
    "labeled",
    "transferred",
    "synchronize",
    "submitted",
    "completed",
    "in_progress",
    "created",
    "dequeued",
    "published",
    "deleted",
    "checks_requested",
    "sub_issue_added",
    "blocking_added",
];

const TEXTS: &[&str] = &[
    "0001-01-01T00:00:00Z",
    "2026-01-02T10:00:00Z",
    "99999999999999999999",
    "opened",
    "-0",
    "//",
    "https://",
    "%",
    "job/job/job",
    "éé",
];

const NAMES: &[&str] = &[
    "action",
    "issue",
    "pull_request",
    "repository",
    "full_name",
    "number",
    "build",
    "phase",
    "id",
    "ciUrl",
    "result",
    "buildUrl",
    "head",
    "ref",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn any_bytes_are_survived(body in prop::collection::vec(any::<u8>(), 0..200)) {
        all(&body);
    }

    #[test]
    fn any_json_is_survived(body in any_json(TEXTS, NAMES)) {
        all(body.to_string().as_bytes());
    }

    #[test]
    fn a_payload_with_one_value_replaced_is_survived(
        action in prop::sample::select(ACTIONS),
        at in any::<prop::sample::Index>(),
        new in any_json(TEXTS, NAMES),
    ) {
        all(replaced(payload(action), at, new).to_string().as_bytes());
    }

    #[test]
    fn a_payload_without_some_field_is_survived(
        action in prop::sample::select(ACTIONS),
        at in any::<prop::sample::Index>(),
    ) {
        all(without_some(payload(action), at).to_string().as_bytes());
    }

    #[test]
    fn a_payload_cut_short_is_survived(action in prop::sample::select(ACTIONS), at in any::<prop::sample::Index>()) {
        all(&cut_short(&payload(action), at));
    }

    #[test]
    fn any_form_is_survived(body in "(payload=|%7B|%22|%|&|\\+|\\PC){0,40}") {
        let headers = headers(&[("X-GitHub-Event", "issues"), ("Content-Type", "application/x-www-form-urlencoded")]);
        let _ = Settings::default().parse(Source::Github, &headers, body.as_bytes());
    }
}

#[test]
fn the_payload_of_these_tests_is_used_by_every_parser() {
    for (event, action) in [
        ("issues", "opened"),
        ("pull_request", "opened"),
        ("pull_request_review", "submitted"),
        ("workflow_run", "completed"),
        ("workflow_job", "completed"),
        ("check_run", "completed"),
        ("deployment", "created"),
        ("deployment_status", "created"),
        ("push", "opened"),
        ("issue_comment", "created"),
        ("pull_request_review_comment", "created"),
        ("release", "published"),
        ("release", "deleted"),
        ("merge_group", "checks_requested"),
        ("sub_issues", "sub_issue_added"),
        ("issue_dependencies", "blocking_added"),
    ] {
        let delivery = github(event, payload(action).to_string().as_bytes());
        assert!(matches!(delivery.content, Ok(Parsed::Used(_))), "{event}: {:?}", delivery.content);
    }
    assert!(matches!(jenkins(payload("x").to_string().as_bytes()).content, Ok(Parsed::Used(_))));
    let mut statistics = payload("x");
    statistics.as_object_mut().unwrap().remove("build");
    assert_eq!(jenkins(statistics.to_string().as_bytes()).event_type, "statistics");
}

#[test]
fn deep_nesting_does_not_overflow_the_stack() {
    let Deep { open, lists, maps } = Deep::new();
    // Used fields of every type, free maps, lists, and a field that nobody reads.
    let whole = payload("completed");
    for (event, pointer) in [
        ("issues", "/issue"),
        ("issues", "/issue/title"),
        ("issues", "/issue/number"),
        ("issues", "/issue/labels"),
        ("issues", "/action"),
        ("issues", "/repository/topics"),
        ("issues", "/repository/custom_properties"),
        ("issues", "/repository/custom_properties/team"),
        ("issues", "/unread"),
        ("issue_comment", "/issue/pull_request"),
        ("issue_comment", "/comment/user"),
        ("push", "/commits"),
        ("push", "/head_commit"),
        ("deployment", "/deployment/payload"),
        ("deployment", "/deployment/payload/team"),
        ("workflow_job", "/workflow_job/steps"),
        ("jenkins", "/build"),
        ("jenkins", "/build/parameters"),
        ("jenkins", "/build/parameters/env"),
        ("jenkins", "/build/parameters/sha"),
        ("jenkins", "/startTime"),
        ("jenkins", "/unread"),
    ] {
        let mut body = with(whole.clone(), "/unread", json!(null));
        body["action"] = json!(if event == "issues" { "opened" } else { "created" });
        let body = with(body, pointer, json!("HOLE")).to_string();
        for deep in [&open, &maps] {
            let body = body.replace("\"HOLE\"", deep);
            let _ =
                if event == "jenkins" { jenkins(body.as_bytes()) } else { github(event, body.as_bytes()) };
        }
    }
    for body in [&open, &lists, &maps] {
        all(body.as_bytes());
    }
    let text = json!({"deployment": 1}).to_string().replace('1', &serde_json::to_string(&lists).unwrap());
    all(text.as_bytes());
    let mut in_text = payload("created");
    in_text["deployment"]["payload"] = json!(maps);
    assert!(matches!(github("deployment", in_text.to_string().as_bytes()).content, Ok(Parsed::Used(_))));
}
