#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod corpus;
mod deploy;
mod fuzz;
mod issue;
mod merge_request;
mod order;
mod pipeline;
mod push;
mod whole;

use serde_json::{Value, json};

use super::super::testing::*;
use super::super::{Delivery, ParseError, Parsed};
use crate::work::event::{Facts, What};
use crate::work::key::Source;

const HEAD: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const MERGE: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
const BEFORE: &str = "cccccccccccccccccccccccccccccccccccccccc";
const ZERO: &str = "0000000000000000000000000000000000000000";

fn deliver(settings: &Settings, event: &str, body: &Value) -> Delivery {
    settings.parse(Source::Gitlab, &headers(&[("X-Gitlab-Event", event)]), body.to_string().as_bytes())
}

fn gitlab(event: &str, body: &Value) -> Result<Parsed, ParseError> {
    deliver(&Settings::default(), event, body).content
}

fn project() -> Value {
    json!({
        "id": 380, "name": "The API", "web_url": "https://gitlab.example.com/acme/shop/api", "namespace": "Shop",
        "path_with_namespace": "acme/shop/api", "default_branch": "main",
        "git_ssh_url": "git@gitlab.example.com:acme/shop/api.git",
        "git_http_url": "https://gitlab.example.com/acme/shop/api.git",
    })
}

fn user() -> Value {
    json!({"id": 2, "name": "Bob", "username": "bob", "email": "bob@example.com"})
}

fn issue() -> Value {
    json!({
        "object_kind": "issue", "event_type": "issue", "user": user(), "project": project(),
        "object_attributes": {
            "id": 990, "iid": 12, "title": "Slow", "description": "d", "state": "opened", "action": "open", "type": "Issue",
            "url": "https://gitlab.example.com/acme/shop/api/-/issues/12", "author_id": 1, "closed_at": null,
            "created_at": "2026-01-02 10:00:00 UTC", "updated_at": "2026-01-02 10:00:05 UTC",
            "moved_to_id": null, "duplicated_to_id": null,
        },
        "labels": [{"id": 1, "title": "team::payments"}, {"id": 2, "title": "bug"}],
        "assignees": [{"id": 1, "username": "ann"}],
        "changes": {},
    })
}

fn merge_request() -> Value {
    json!({
        "object_kind": "merge_request", "event_type": "merge_request", "user": user(), "project": project(),
        "object_attributes": {
            "id": 99, "iid": 7, "title": "Faster", "description": "Closes #12 and other/web#3", "state": "opened",
            "draft": false, "work_in_progress": false, "action": "open", "author_id": 1,
            "url": "https://gitlab.example.com/acme/shop/api/-/merge_requests/7",
            "created_at": "2026-01-03 10:00:00 UTC", "updated_at": "2026-01-03 10:00:02 UTC",
            "merge_commit_sha": null, "last_commit": {"id": HEAD, "message": "faster"},
            "source_branch": "12-faster", "target_branch": "main", "source_project_id": 380, "target_project_id": 380,
            "source": project(), "target": project(),
        },
        "labels": [], "reviewers": [{"id": 3, "username": "eve"}], "changes": {},
    })
}

fn note(on: &str) -> Value {
    json!({
        "object_kind": "note", "event_type": "note", "user": user(), "project": project(),
        "object_attributes": {
            "id": 5, "note": "hm", "noteable_type": on, "author_id": 2, "created_at": "2026-01-03 11:00:00 UTC",
            "system": false, "action": "create",
        },
        "issue": issue()["object_attributes"], "merge_request": merge_request()["object_attributes"],
    })
}

fn pipeline() -> Value {
    json!({
        "object_kind": "pipeline", "user": user(), "project": project(),
        "object_attributes": {
            "id": 31, "iid": 3, "name": "Pipeline for branch 12-faster", "ref": "12-faster", "tag": false, "sha": HEAD,
            "source": "push", "status": "success", "url": "https://gitlab.example.com/acme/shop/api/-/pipelines/31",
            "created_at": "2026-01-03 10:01:00 UTC", "finished_at": "2026-01-03 10:05:00 UTC",
            "duration": 200, "queued_duration": 10,
        },
        "commit": {"id": HEAD, "message": "faster", "url": "https://gitlab.example.com/acme/shop/api/-/commit/x"},
        "builds": [
            {
                "id": 381, "stage": "test", "name": "unit", "status": "success", "when": "on_success",
                "created_at": "2026-01-03 10:01:00 UTC", "started_at": "2026-01-03 10:01:15 UTC",
                "finished_at": "2026-01-03 10:03:15 UTC", "duration": 120.5, "queued_duration": 3.25, "failure_reason": null,
                "runner": {"id": 5, "description": "r5", "tags": ["linux", "docker"]}, "environment": null,
            },
            {
                "id": 382, "stage": "deploy", "name": "to production", "status": "manual", "when": "manual",
                "created_at": "2026-01-03 10:01:00 UTC", "started_at": null, "finished_at": null, "duration": null,
                "queued_duration": null, "failure_reason": null, "runner": null,
                "environment": {"name": "production", "action": "start", "deployment_tier": "production"},
            },
        ],
    })
}

fn job() -> Value {
    json!({
        "object_kind": "build", "ref": "12-faster", "tag": false, "sha": HEAD, "before_sha": BEFORE, "build_id": 381,
        "build_name": "unit", "build_stage": "test", "build_status": "success", "retries_count": 0,
        "build_created_at": "2026-01-03 10:01:00 UTC", "build_started_at": "2026-01-03 10:01:15 UTC",
        "build_finished_at": "2026-01-03 10:03:15 UTC", "build_duration": 120.5, "build_queued_duration": 3.25,
        "build_failure_reason": "unknown_failure", "pipeline_id": 31, "project_id": 380,
        "project_name": "Acme / Shop / The API", "user": user(), "project": project(), "environment": null,
        "runner": {"id": 5, "description": "r5", "tags": ["linux", "docker"]},
    })
}

fn deployment() -> Value {
    json!({
        "object_kind": "deployment", "status": "success", "status_changed_at": "2026-01-04 12:05:00 +0200",
        "deployment_id": 15, "deployable_id": 796, "environment": "prod/eu", "environment_tier": "production",
        "deployable_url": "https://gitlab.example.com/acme/shop/api/-/jobs/796", "project": project(), "ref": "main",
        "short_sha": "bbbbbbbb", "commit_url": format!("https://gitlab.example.com/acme/shop/api/-/commit/{MERGE}"),
        "user": user(),
    })
}

fn push() -> Value {
    json!({
        "object_kind": "push", "event_name": "push", "before": BEFORE, "after": HEAD, "ref": "refs/heads/12-faster",
        "checkout_sha": HEAD, "user_id": 2, "project": project(), "total_commits_count": 2,
        "commits": [
            {"id": MERGE, "message": "SHOP-7: first, closes #12", "timestamp": "2026-01-03T09:00:00+01:00"},
            {"id": HEAD, "message": "second", "timestamp": "2026-01-03T09:30:00Z"},
        ],
    })
}

fn tag_push() -> Value {
    json!({
        "object_kind": "tag_push", "event_name": "tag_push", "before": ZERO, "after": BEFORE, "ref": "refs/tags/v1.0",
        "checkout_sha": HEAD, "project": project(), "commits": [],
    })
}

fn release() -> Value {
    json!({
        "object_kind": "release", "action": "create", "id": 1, "name": "v1.0", "tag": "v1.0", "project": project(),
        "created_at": "2026-01-05 10:00:00 UTC", "released_at": "2026-01-05 11:00:00 UTC",
        "url": "https://gitlab.example.com/acme/shop/api/-/releases/v1.0", "commit": {"id": HEAD},
    })
}

/// Every hook that is used, with its name.
fn all() -> [(&'static str, Value); 10] {
    [
        ("Issue Hook", issue()),
        ("Merge Request Hook", merge_request()),
        ("Note Hook", note("Issue")),
        ("Note Hook", note("MergeRequest")),
        ("Pipeline Hook", pipeline()),
        ("Job Hook", job()),
        ("Deployment Hook", deployment()),
        ("Push Hook", push()),
        ("Tag Push Hook", tag_push()),
        ("Release Hook", release()),
    ]
}

/// An action with the state that goes with it.
fn action(body: Value, action: &str) -> Value {
    let state = match action {
        "close" => "closed",
        "merge" => "merged",
        _ => "opened",
    };
    let body = with(body, "/object_attributes/action", json!(action));
    with(body, "/object_attributes/state", json!(state))
}

/// What happened, as `what detail`.
fn happenings(facts: &Facts) -> Vec<String> {
    let show = |what: What, detail: &Option<String>| match detail {
        Some(detail) => format!("{} {detail}", what.as_str()),
        None => what.as_str().to_owned(),
    };
    facts.happenings.iter().map(|happening| show(happening.what, &happening.detail)).collect()
}
