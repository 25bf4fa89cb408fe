//! Payloads in the senders' shapes, with the fields that a test is about.

use serde_json::{Value, json};

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

/// A GitLab project by its path, with its groups.
pub fn gitlab_project(path: &str) -> Value {
    json!({
        "id": 30, "name": "Shop", "path_with_namespace": path, "default_branch": "main",
        "web_url": format!("https://gitlab.com/{path}"), "git_http_url": format!("https://gitlab.com/{path}.git"),
    })
}

/// When minute `minute` is, as GitLab writes it.
pub fn gitlab_time(minute: i64) -> String {
    time(minute).replace('T', " ").replace('Z', " UTC")
}

/// An `Issue Hook`; `closed` is the minute in which the issue was closed, if it is.
pub fn gitlab_issue(
    project: &str,
    action: &str,
    number: u64,
    (created, updated): (i64, i64),
    closed: Option<i64>,
) -> Value {
    json!({
        "object_kind": "issue", "event_type": "issue",
        "object_attributes": {
            "id": 7000 + number, "iid": number, "title": "Basket is slow", "author_id": 7, "action": action,
            "url": format!("https://gitlab.com/{project}/-/issues/{number}"),
            "state": if closed.is_some() { "closed" } else { "opened" },
            "created_at": gitlab_time(created), "updated_at": gitlab_time(updated),
            "closed_at": closed.map(gitlab_time),
        },
        "labels": [{"title": "team::payments"}], "user": {"id": 7, "username": "ada"},
        "project": gitlab_project(project),
    })
}

/// A `Merge Request Hook` of a merge request from `branch`, whose newest commit is `head`. In state
/// `merged` the commit that the merge made is to be added.
pub fn gitlab_merge_request(
    project: &str,
    action: &str,
    number: u64,
    (created, updated): (i64, i64),
    state: &str,
    (branch, head): (&str, &str),
) -> Value {
    json!({
        "object_kind": "merge_request", "event_type": "merge_request",
        "object_attributes": {
            "id": 8000 + number, "iid": number, "title": "Cache the basket", "description": "", "author_id": 7,
            "action": action, "state": state, "draft": false,
            "url": format!("https://gitlab.com/{project}/-/merge_requests/{number}"),
            "created_at": gitlab_time(created), "updated_at": gitlab_time(updated),
            "source_branch": branch, "target_branch": "main", "last_commit": {"id": head},
            "source_project_id": 30, "target_project_id": 30, "source": gitlab_project(project),
        },
        "labels": [], "user": {"id": 7, "username": "ada"}, "project": gitlab_project(project),
    })
}

/// A `Push Hook`: commits (sha, message, minute) to a branch that was at `before`.
pub fn gitlab_push(project: &str, branch: &str, before: &str, commits: &[(&str, &str, i64)]) -> Value {
    let commit = |(sha, message, minute): &(&str, &str, i64)| {
        json!({"id": sha, "message": message, "timestamp": time(*minute),
               "url": format!("https://gitlab.com/{project}/-/commit/{sha}"),
               "author": {"name": "Ada", "email": "ada@example.org"}})
    };
    json!({
        "object_kind": "push", "event_name": "push", "before": before, "after": commits.last().unwrap().0,
        "ref": format!("refs/heads/{branch}"), "project": gitlab_project(project),
        "commits": commits.iter().map(commit).collect::<Vec<_>>(), "total_commits_count": commits.len(),
    })
}

/// A job of a GitLab pipeline, as the pipeline's hook has it: it waited a minute.
pub fn gitlab_build(id: u64, name: &str, started: i64, finished: Option<(i64, &str)>) -> Value {
    json!({
        "id": id, "stage": "test", "name": name, "status": finished.map_or("running", |(_, status)| status),
        "created_at": gitlab_time(started - 1), "started_at": gitlab_time(started),
        "finished_at": finished.map(|(at, _)| gitlab_time(at)),
        "duration": finished.map(|(at, _)| 60 * (at - started)), "queued_duration": 60,
        "runner": {"id": 4, "description": "runner-4", "tags": ["linux"]},
    })
}

/// The `Job Hook` about the same job of a pipeline of `branch` at `sha`.
pub fn gitlab_job(project: &str, pipeline: u64, (branch, sha): (&str, &str), build: &Value) -> Value {
    json!({
        "object_kind": "build", "ref": branch, "tag": false, "sha": sha, "pipeline_id": pipeline,
        "build_id": build["id"], "build_name": build["name"], "build_stage": build["stage"],
        "build_status": build["status"], "build_created_at": build["created_at"],
        "build_started_at": build["started_at"], "build_finished_at": build["finished_at"],
        "build_duration": build["duration"], "build_queued_duration": build["queued_duration"],
        "runner": build["runner"], "project": gitlab_project(project),
    })
}

/// A `Pipeline Hook`: asked for in minute `created`, begun a minute later.
pub fn gitlab_pipeline(
    project: &str,
    id: u64,
    (branch, sha): (&str, &str),
    created: i64,
    finished: Option<(i64, &str)>,
    builds: &[Value],
) -> Value {
    json!({
        "object_kind": "pipeline",
        "object_attributes": {
            "id": id, "ref": branch, "tag": false, "sha": sha, "source": "push",
            "status": finished.map_or("running", |(_, status)| status), "created_at": gitlab_time(created),
            "finished_at": finished.map(|(at, _)| gitlab_time(at)), "queued_duration": 60,
            "duration": finished.map(|(at, _)| 60 * (at - created - 1)),
            "url": format!("https://gitlab.com/{project}/-/pipelines/{id}"),
        },
        "user": {"id": 7, "username": "ada"}, "project": gitlab_project(project), "builds": builds,
    })
}

/// A `Deployment Hook`.
pub fn gitlab_deployment(
    project: &str,
    id: u64,
    status: &str,
    minute: i64,
    environment: &str,
    sha: &str,
) -> Value {
    json!({
        "object_kind": "deployment", "status": status, "status_changed_at": gitlab_time(minute),
        "deployment_id": id, "deployable_id": 600_000 + id, "environment": environment,
        "environment_tier": environment, "ref": "main", "short_sha": &sha[..8],
        "commit_url": format!("https://gitlab.com/{project}/-/commit/{sha}"),
        "user": {"id": 7, "username": "ada"}, "project": gitlab_project(project),
    })
}

/// A Jira delivery about sprint `id`, which began in minute `start` and was completed in `complete`.
pub fn jira_sprint(event: &str, id: u64, minute: i64, start: i64, complete: Option<i64>) -> Value {
    json!({
        "timestamp": millis(minute), "webhookEvent": event,
        "sprint": {
            "id": id, "self": format!("https://acme.atlassian.net/rest/agile/1.0/sprint/{id}"),
            "state": if complete.is_some() { "closed" } else { "active" }, "name": format!("Sprint {id}"),
            "originBoardId": 1, "startDate": time(start), "completeDate": complete.map(time),
        },
    })
}

/// A message of Jenkins' Statistics Gatherer about build `number` of `job`, which ran from minute
/// `start`; `end` is when and how it ended.
pub fn jenkins_statistics(job: &str, number: u64, start: i64, end: Option<(i64, &str)>) -> Value {
    let path = format!("job/{}/", job.split('/').collect::<Vec<_>>().join("/job/"));
    let (at, result) = end.unwrap_or((start, "INPROGRESS"));
    json!({
        "ciUrl": "https://ci.example.org/", "jobName": job.rsplit('/').next(), "fullJobName": job, "number": number,
        "buildUrl": format!("{path}{number}/"), "result": result, "duration": (at - start) * 60_000,
        "startTime": millis(at), "endTime": millis(at), "contextId": 0, "parameters": {}, "scmInfo": {},
        "startedUserId": "ada", "buildCause": "Started by an SCM change",
    })
}

/// A CDEvent about the deployment of a service: `deployed`, `upgraded` or `rolledback`.
pub fn cdevents_service(what: &str, id: &str, minute: i64, service: &str, environment: &str) -> Value {
    json!({
        "context": {
            "specversion": "0.5.1", "id": id, "source": "https://cd.example.org/argo",
            "type": format!("dev.cdevents.service.{what}.0.3.0"), "timestamp": time(minute),
        },
        "subject": {"id": service, "content": {
            "environment": {"id": environment}, "artifactId": format!("pkg:oci/{service}@{id}"),
        }},
    })
}
