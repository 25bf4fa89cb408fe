//! Runs and jobs of GitHub Actions, as GitHub tells them.

use serde_json::{Value, json};

use super::{Told, commit};
use crate::simulate::scene::{MAIN, Part, Scene, stamp};
use crate::simulate::story::{Ended, Job, JobKind, Of, RunPhase};
use crate::work::time::Time;

fn conclusion(ended: Ended) -> &'static str {
    match ended {
        Ended::Success => "success",
        Ended::Failure => "failure",
        Ended::Stopped => "cancelled",
    }
}

/// The id of a run from the number that was given out.
fn run_id(scene: &Scene<'_>, run: usize) -> u64 {
    14_000_000_000 + scene.numbers.run(run).id * 13
}

/// A run as every event carries it that has to do with one.
pub fn run_body(scene: &Scene<'_>, run: usize, phase: RunPhase, at: Time) -> Value {
    let told = &scene.story.runs[run];
    let id = run_id(scene, run);
    let (branch, part) = match told.of {
        Of::Branch => (scene.branch(told.pull), Part::Author),
        Of::Main => (MAIN.to_owned(), Part::Reviewer),
    };
    let pull_requests = match told.of {
        Of::Main => json!([]),
        Of::Branch => {
            let pull = scene.numbers.pull(told.pull);
            json!([{
                "url": format!("{}/pulls/{}", scene.api_url(), pull.number),
                "id": pull.id,
                "number": pull.number,
                "head": { "ref": branch, "sha": scene.sha(told.commit) },
                "base": { "ref": MAIN, "sha": scene.base_sha() },
            }])
        }
    };
    let mut head_commit = commit(scene, told.commit, part);
    for only_in_pushes in ["distinct", "url", "added", "removed", "modified"] {
        head_commit.as_object_mut().map(|fields| fields.remove(only_in_pushes));
    }
    for who in ["author", "committer"] {
        head_commit[who].as_object_mut().map(|fields| fields.remove("username"));
    }
    let first = &scene.story.runs[told.first.unwrap_or(run)];
    json!({
        "id": id,
        "name": "ci",
        "node_id": format!("WFR_kwLO{id:x}"),
        "check_suite_id": id + 1,
        "head_branch": branch,
        "head_sha": scene.sha(told.commit),
        "path": ".github/workflows/ci.yml",
        "display_title": scene.pull_title(told.pull),
        "run_number": scene.numbers.run(run).number,
        "event": if told.of == Of::Main { "push" } else { "pull_request" },
        "status": match phase {
            RunPhase::Asked => "queued",
            RunPhase::Running => "in_progress",
            RunPhase::Done => "completed",
        },
        "conclusion": if phase == RunPhase::Done { json!(conclusion(told.result)) } else { Value::Null },
        "workflow_id": 90_000_000 + scene.repository.index as u64,
        "url": format!("{}/actions/runs/{id}", scene.api_url()),
        "html_url": format!("{}/actions/runs/{id}", scene.html_url()),
        "pull_requests": pull_requests,
        "created_at": stamp(first.created),
        "updated_at": stamp(at),
        "actor": scene.user(part),
        "triggering_actor": scene.user(part),
        "run_attempt": told.attempt,
        "run_started_at": stamp(told.created),
        "previous_attempt_url": if told.attempt > 1 {
            json!(format!("{}/actions/runs/{id}/attempts/{}", scene.api_url(), told.attempt - 1))
        } else {
            Value::Null
        },
        "head_commit": head_commit,
    })
}

pub fn workflow_run(scene: &Scene<'_>, run: usize, phase: RunPhase, at: Time) -> Told {
    let told = &scene.story.runs[run];
    let action = match phase {
        RunPhase::Asked => "requested",
        RunPhase::Running => "in_progress",
        RunPhase::Done => "completed",
    };
    let part = if told.of == Of::Main { Part::Reviewer } else { Part::Author };
    let workflow_id = 90_000_000 + scene.repository.index as u64;
    let body = json!({
        "action": action,
        "workflow_run": run_body(scene, run, phase, at),
        "workflow": {
            "id": workflow_id,
            "name": "ci",
            "path": ".github/workflows/ci.yml",
            "state": "active",
            "url": format!("{}/actions/workflows/{workflow_id}", scene.api_url()),
            "created_at": "2021-03-01T09:00:00.000Z",
            "updated_at": "2021-03-01T09:00:00.000Z",
        },
    });
    let id = format!("{}.{}", run_id(scene, run), told.attempt);
    (scene.github_item("build", id), "workflow_run", scene.user(part), body)
}

/// The names of a job's steps, and what share of the job's time each takes.
fn steps_of(kind: JobKind, language: &str) -> [(&'static str, i64); 5] {
    let (setup, install, test) = match language {
        "Go" => ("Run actions/setup-go@v5", "Run go mod download", "Run go test ./..."),
        "JavaScript" => ("Run actions/setup-node@v4", "Run npm ci", "Run npm test"),
        _ => ("Run actions/setup-python@v5", "Run pip install -r requirements.txt", "Run pytest"),
    };
    let checkout = "Run actions/checkout@v4";
    match kind {
        JobKind::Test => [("Set up job", 3), (checkout, 4), (setup, 8), (install, 25), (test, 60)],
        JobKind::Lint => {
            [("Set up job", 8), (checkout, 8), (setup, 24), (install, 30), ("Run make lint", 30)]
        }
        JobKind::Deploy => [
            ("Set up job", 4),
            (checkout, 4),
            ("Log in to the registry", 4),
            ("Push the image", 38),
            ("Roll out", 50),
        ],
    }
}

/// A time within a job, as steps write it: with milliseconds.
fn step_stamp(at: Time) -> String {
    stamp(at).replace('Z', ".000Z")
}

fn steps(job: &Job, language: &str, phase: RunPhase) -> Value {
    let seconds = job.ended.since(job.started) / 1_000_000;
    let steps = steps_of(job.kind, language);
    let mut passed = 0;
    let last = steps.len();
    let mut told: Vec<Value> = Vec::with_capacity(last + 1);
    for (number, (name, share)) in (1..).zip(steps) {
        let at = |percent: i64| job.started.plus(seconds * percent / 100 * 1_000_000);
        let (started, ended) = (at(passed), at(passed + share));
        passed += share;
        told.push(match phase {
            RunPhase::Done => {
                // What goes wrong goes wrong in the last step: that is what the job is for.
                let result = if number == last { job.result } else { Ended::Success };
                json!({ "name": name, "status": "completed", "conclusion": conclusion(result), "number": number,
                    "started_at": step_stamp(started), "completed_at": step_stamp(ended) })
            }
            _ if number == 1 => json!({ "name": name, "status": "in_progress", "conclusion": null,
                "number": number, "started_at": step_stamp(started), "completed_at": null }),
            _ => json!({ "name": name, "status": "queued", "conclusion": null, "number": number,
                "started_at": null, "completed_at": null }),
        });
    }
    if phase == RunPhase::Done && job.kind == JobKind::Test {
        // After a failure the report is not uploaded. Numbers leave room for the clean-up steps.
        let result = if job.result == Ended::Success { "success" } else { "skipped" };
        told.push(json!({ "name": "Upload the coverage report", "status": "completed", "conclusion": result,
            "number": last + 1, "started_at": step_stamp(job.ended), "completed_at": step_stamp(job.ended) }));
    }
    json!(told)
}

pub fn workflow_job(scene: &Scene<'_>, run: usize, job: usize, phase: RunPhase) -> Told {
    let told = &scene.story.runs[run];
    let work = &told.jobs[job];
    let run_id = run_id(scene, run);
    // Unique as long as a run has fewer than ten jobs and ten attempts.
    let id = run_id * 100 + u64::from(told.attempt) * 10 + job as u64;
    let branch = if told.of == Of::Main { MAIN.to_owned() } else { scene.branch(told.pull) };
    let (action, name) = (
        match phase {
            RunPhase::Asked => "queued",
            RunPhase::Running => "in_progress",
            RunPhase::Done => "completed",
        },
        match work.kind {
            JobKind::Test => "test",
            JobKind::Lint => "lint",
            JobKind::Deploy => "deploy",
        },
    );
    let runner = if phase == RunPhase::Asked { Value::Null } else { json!(id % 40 + 1) };
    let body = json!({
        "action": action,
        "workflow_job": {
            "id": id,
            "run_id": run_id,
            "workflow_name": "ci",
            "head_branch": branch,
            "run_url": format!("{}/actions/runs/{run_id}", scene.api_url()),
            "run_attempt": told.attempt,
            "node_id": format!("CR_kwDO{id:x}"),
            "head_sha": scene.sha(told.commit),
            "url": format!("{}/actions/jobs/{id}", scene.api_url()),
            "html_url": format!("{}/actions/runs/{run_id}/job/{id}", scene.html_url()),
            "status": action,
            "conclusion": if phase == RunPhase::Done { json!(conclusion(work.result)) } else { Value::Null },
            "created_at": stamp(work.created),
            // As GitHub does, a job in the queue "started" when it was created.
            "started_at": stamp(if phase == RunPhase::Asked { work.created } else { work.started }),
            "completed_at": if phase == RunPhase::Done { json!(stamp(work.ended)) } else { Value::Null },
            "name": name,
            "steps": if phase == RunPhase::Asked { json!([]) } else { steps(work, scene.repository.language, phase) },
            "check_run_url": format!("{}/check-runs/{id}", scene.api_url()),
            "labels": ["ubuntu-latest"],
            "runner_id": runner,
            "runner_name": runner.as_u64().map(|id| format!("GitHub Actions {id}")),
            "runner_group_id": if runner.is_null() { Value::Null } else { json!(2) },
            "runner_group_name": if runner.is_null() { Value::Null } else { json!("GitHub Actions") },
        },
    });
    let part = if told.of == Of::Main { Part::Reviewer } else { Part::Author };
    (scene.github_item("job", id), "workflow_job", scene.user(part), body)
}
