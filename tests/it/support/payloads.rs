//! Payloads in the senders' shapes, with the fields that a test is about.

use serde_json::{Value, json};
use valuestream::work::key::Source;

/// The repository of a payload.
pub fn repository() -> Value {
    json!({
        "id": 1, "name": "api", "full_name": "acme/api", "owner": {"login": "acme"},
        "html_url": "https://github.com/acme/api", "default_branch": "main", "language": "Python",
        "topics": ["team-payments"], "custom_properties": {"deploy_type": "mutable"}
    })
}

/// Time `minute` minutes after 2026-03-02T09:00:00Z, as GitHub writes it.
pub fn time(minute: i64) -> String {
    let start: jiff::Timestamp = "2026-03-02T09:00:00Z".parse().unwrap();
    (start + jiff::SignedDuration::from_mins(minute)).to_string()
}

/// The same in milliseconds, as Jenkins writes it.
pub fn millis(minute: i64) -> i64 {
    time(minute).parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

/// An `issues` payload; `closed` is the minute in which it was closed.
pub fn issue(action: &str, number: u64, updated: i64, closed: Option<i64>) -> Value {
    json!({
        "action": action,
        "issue": {
            "id": 1000 + number, "number": number, "title": "Slow checkout", "body": null,
            "html_url": format!("https://github.com/acme/api/issues/{number}"),
            "state": if closed.is_some() { "closed" } else { "open" },
            "state_reason": closed.map(|_| "completed"),
            "created_at": time(0), "updated_at": time(updated), "closed_at": closed.map(time),
            "labels": [{"name": "bug"}], "user": {"login": "ada", "id": 7, "type": "User"},
        },
        "repository": repository(), "sender": {"login": "ada", "id": 7, "type": "User"},
    })
}

/// The commit that a pull request's branch is at.
pub const HEAD_SHA: &str = "ec26c3e57ca3a959ca5aad62de7213c562f8c821";
/// The commit that its merge made.
pub const MERGE_SHA: &str = "c4295bd74fb0f4fda03689c3df3f2803b658fd85";

/// A `pull_request` payload; `merged` is the minute in which it was merged.
pub fn pull_request(action: &str, number: u64, updated: i64, merged: Option<i64>) -> Value {
    json!({
        "action": action, "number": number,
        "pull_request": {
            "id": 2000 + number, "number": number, "title": "Cache the basket", "body": "Fixes #12",
            "html_url": format!("https://github.com/acme/api/pull/{number}"),
            "state": if merged.is_some() { "closed" } else { "open" }, "draft": false,
            "created_at": time(10), "updated_at": time(updated),
            "closed_at": merged.map(time), "merged_at": merged.map(time), "merged": merged.is_some(),
            "merge_commit_sha": MERGE_SHA,
            "head": {"ref": "12-basket", "sha": HEAD_SHA, "repo": {"full_name": "acme/api", "default_branch": "main", "html_url": "https://github.com/acme/api"}},
            "base": {"ref": "main", "sha": "f95f852bd8fca8fcc58a9a2d6c842781e32a215e", "repo": {"full_name": "acme/api", "default_branch": "main", "html_url": "https://github.com/acme/api"}},
            "labels": [], "user": {"login": "ada", "id": 7, "type": "User"},
            "additions": 12, "deletions": 3, "changed_files": 2, "commits": 1,
        },
        "repository": repository(), "sender": {"login": "ada", "id": 7, "type": "User"},
    })
}

/// A `pull_request_review` payload.
pub fn review(number: u64, at: i64, state: &str) -> Value {
    let mut payload = pull_request("submitted", number, at, None);
    payload["review"] = json!({
        "id": 5, "state": state, "submitted_at": time(at), "commit_id": HEAD_SHA,
        "user": {"login": "grace", "id": 8, "type": "User"},
    });
    payload
}

/// A `workflow_run` payload; `end` is the minute and the conclusion with which it completed.
pub fn workflow_run(action: &str, id: u64, start: i64, end: Option<(i64, &str)>) -> Value {
    json!({
        "action": action,
        "workflow_run": {
            "id": id, "run_attempt": 1, "run_number": 3, "name": "ci", "path": ".github/workflows/ci.yml",
            "display_title": "Cache the basket", "event": "pull_request",
            "status": if end.is_some() { "completed" } else { "in_progress" },
            "conclusion": end.map(|(_, conclusion)| conclusion),
            "html_url": format!("https://github.com/acme/api/actions/runs/{id}"),
            "created_at": time(start), "run_started_at": time(start),
            "updated_at": time(end.map_or(start, |(at, _)| at)),
            "head_sha": HEAD_SHA, "head_branch": "12-basket", "pull_requests": [],
            "head_repository": {"full_name": "acme/api", "html_url": "https://github.com/acme/api"},
        },
        "repository": repository(), "sender": {"login": "ada", "id": 7, "type": "User"},
    })
}

/// A completed `workflow_job` payload with two steps of one name, one of which was skipped.
pub fn workflow_job(id: u64, run: u64, start: i64, end: i64) -> Value {
    let step = |number: u64, conclusion: &str| {
        json!({"name": "Run tests", "number": number, "status": "completed", "conclusion": conclusion,
               "started_at": time(start), "completed_at": time(end)})
    };
    json!({
        "action": "completed",
        "workflow_job": {
            "id": id, "run_id": run, "run_attempt": 1, "name": "test", "workflow_name": "ci",
            "status": "completed", "conclusion": "success", "head_sha": HEAD_SHA, "head_branch": "12-basket",
            "html_url": format!("https://github.com/acme/api/actions/runs/{run}/job/{id}"),
            "created_at": time(start - 1), "started_at": time(start), "completed_at": time(end),
            "runner_id": 4, "runner_name": "runner-4", "labels": ["ubuntu-24.04"],
            "steps": [step(1, "success"), step(2, "skipped")],
        },
        "repository": repository(), "sender": {"login": "ada", "id": 7, "type": "User"},
    })
}

fn deployment_object(id: u64, created: i64) -> Value {
    json!({
        "id": id, "sha": MERGE_SHA, "ref": "main", "task": "deploy", "environment": "production",
        "production_environment": true, "payload": {}, "created_at": time(created), "updated_at": time(created),
    })
}

/// A `deployment` payload.
pub fn deployment(id: u64, created: i64) -> Value {
    json!({"action": "created", "deployment": deployment_object(id, created), "repository": repository()})
}

/// A `deployment_status` payload.
pub fn deployment_status(id: u64, created: i64, at: i64, state: &str) -> Value {
    json!({
        "action": "created",
        "deployment_status": {"id": id * 10, "state": state, "environment": "production", "created_at": time(at), "updated_at": time(at)},
        "deployment": deployment_object(id, created), "repository": repository(),
    })
}

/// A notification of Jenkins' Notification plugin about build `number` of `job` (a path such as
/// `acme/api/PR-15`), in `minute`.
pub fn jenkins(
    job: &str,
    number: u64,
    phase: &str,
    minute: i64,
    duration: i64,
    status: Option<&str>,
) -> Value {
    let path = format!("job/{}/", job.split('/').collect::<Vec<_>>().join("/job/"));
    let mut build = json!({
        "full_url": format!("https://ci.example.org/{path}{number}/"), "number": number, "queue_id": number,
        "timestamp": millis(minute), "duration": duration * 60_000, "phase": phase,
        "url": format!("{path}{number}/"), "scm": {"changes": [], "culprits": []},
        "log": "", "notes": "", "artifacts": {},
    });
    if let Some(status) = status {
        build["status"] = json!(status);
    }
    let name = job.rsplit('/').next().unwrap();
    json!({"name": name, "display_name": name, "url": path, "build": build})
}

/// A `push` payload: commits (sha, message, minute) to a branch that was at `before`.
pub fn push(branch: &str, before: &str, commits: &[(&str, &str, i64)]) -> Value {
    let commit = |(sha, message, minute): &(&str, &str, i64)| {
        json!({"id": sha, "message": message, "timestamp": time(*minute), "distinct": true,
               "author": {"name": "Ada", "email": "ada@example.org", "username": "ada"}})
    };
    let all: Vec<Value> = commits.iter().map(commit).collect();
    let mut repository = repository();
    repository["created_at"] = json!(1_500_000_000);
    json!({
        "ref": format!("refs/heads/{branch}"), "before": before, "after": commits.last().unwrap().0,
        "created": before.bytes().all(|b| b == b'0'), "deleted": false, "forced": false,
        "commits": all, "head_commit": all.last(), "repository": repository,
    })
}

/// When minute `minute` is, as Jira writes it.
pub fn jira_time(minute: i64) -> String {
    time(minute).replace('Z', ".000+0000")
}

/// A Jira delivery about `PAY-{number}` in a status of a category, `minute` minutes after the beginning;
/// `moved` is the status before, if it tells of a move.
pub fn jira_issue(event: &str, number: u64, minute: i64, status: (&str, &str), moved: Option<&str>) -> Value {
    let done = status.1 == "done";
    let mut payload = json!({
        "timestamp": millis(minute), "webhookEvent": event,
        "issue": {
            "id": format!("{}", 10_000 + number), "key": format!("PAY-{number}"),
            "self": format!("https://acme.atlassian.net/rest/api/2/issue/{}", 10_000 + number),
            "fields": {
                "summary": "Slow checkout", "issuetype": {"name": "Story", "hierarchyLevel": 0},
                "project": {"key": "PAY"}, "priority": {"name": "High"}, "labels": ["team:payments"],
                "created": jira_time(0), "updated": jira_time(minute),
                "statuscategorychangedate": jira_time(minute),
                "resolutiondate": done.then(|| jira_time(minute)),
                "resolution": done.then(|| json!({"name": "Done"})),
                "status": {"name": status.0, "statusCategory": {"key": status.1}},
                "customfield_10020": [{"id": 3, "name": "Sprint 3", "state": "active", "boardId": 1,
                                        "startDate": "2026-03-02T08:00:00.000Z"}],
            },
        },
    });
    if let Some(before) = moved {
        payload["changelog"] = json!({"id": "700", "items": [
            {"field": "status", "fieldId": "status", "fromString": before, "toString": status.0, "from": "1", "to": "2"},
        ]});
    }
    payload
}

/// What a source sends about one item, with the headers that are kept of it.
pub fn of_every_source() -> Vec<(Source, Vec<(&'static str, &'static str)>, Value)> {
    let jira = json!({
        "webhookEvent": "jira:issue_created", "timestamp": 1_772_442_000_000_i64,
        "issue": {"id": "10", "key": "PROJ-1", "self": "https://acme.atlassian.net/rest/api/2/issue/10", "fields": {
            "created": "2026-03-02T10:00:00.000+0100", "updated": "2026-03-02T10:00:00.000+0100", "summary": "Slow",
            "project": {"key": "PROJ", "name": "Project"}, "issuetype": {"name": "Bug"},
            "status": {"name": "To Do", "statusCategory": {"key": "new"}},
        }},
    });
    let gitlab = json!({
        "object_kind": "issue", "event_type": "issue", "user": {"username": "ada"},
        "project": {"path_with_namespace": "acme/api", "web_url": "https://gitlab.com/acme/api"},
        "object_attributes": {"iid": 3, "action": "open", "state": "opened", "title": "Slow",
            "created_at": "2026-03-02 09:00:00 UTC", "updated_at": "2026-03-02 09:00:00 UTC",
            "url": "https://gitlab.com/acme/api/-/issues/3"},
    });
    let cdevents = json!({"customData": {}, "subject": {"id": "run-1", "source": "/ci", "type": "pipelineRun", "content": {
            "pipelineName": "ci", "url": "https://ci.example.org/run-1"}},
        "context": {"version": "0.4.1", "id": "e-1", "source": "/ci", "type": "dev.cdevents.pipelinerun.started.0.2.0",
            "timestamp": "2026-03-02T09:00:00Z"},
    });
    let custom = json!({"id": "7", "type": "deploy", "action": "start", "at": "2026-03-02T09:00:00Z"});
    let json = ("content-type", "application/json");
    vec![
        (
            Source::Github,
            vec![json, ("x-github-event", "issues"), ("x-github-delivery", "g-1")],
            issue("opened", 12, 0, None),
        ),
        (Source::Jenkins, vec![], jenkins("asgard", 1, "STARTED", 0, 0, None)),
        (
            Source::Gitlab,
            vec![
                json,
                ("x-gitlab-event", "Issue Hook"),
                ("x-gitlab-instance", "https://gitlab.com"),
                ("idempotency-key", "l-1"),
            ],
            gitlab,
        ),
        (Source::Jira, vec![json, ("x-atlassian-webhook-identifier", "j-1")], jira),
        (
            Source::Cdevents,
            vec![
                json,
                ("ce-id", "e-1"),
                ("ce-source", "/ci"),
                ("ce-specversion", "1.0"),
                ("ce-type", "dev.cdevents.pipelinerun.started.0.2.0"),
                ("ce-time", "2026-03-02T09:00:00Z"),
            ],
            cdevents,
        ),
        (Source::Custom, vec![json, ("webhook-id", "msg_1"), ("webhook-timestamp", "1772442000")], custom),
    ]
}
