//! Beats as GitHub would tell them: the real field names and shapes, without those that nobody
//! reads (the dozens of `*_url` templates).

mod actions;
mod pull;

use serde_json::{Value, json};

use self::actions::{run_body, workflow_job, workflow_run};
use self::pull::pull_request;
use super::fixed;
use super::scene::{MAIN, Part, Rendered, Scene, stamp};
use super::story::{Act, Ended, IssueAct, RunPhase};
use crate::work::time::Time;

/// What GitHub posts at a beat.
pub fn render(scene: &Scene<'_>, act: Act, at: Time) -> Rendered {
    let (item, event, sender, mut body) = match act {
        Act::Issue(act) => issue(scene, None, act, at),
        Act::Incident(incident, act) => issue(scene, Some(incident), act, at),
        Act::Push(pull, head) => push(scene, pull, Some(head)),
        Act::MergePush(pull) => push(scene, pull, None),
        Act::Pull(pull, act) => pull_request(scene, pull, act, at),
        Act::Run(run, phase) => workflow_run(scene, run, phase, at),
        Act::Job(run, job, phase) => workflow_job(scene, run, job, phase),
        Act::Deployment(deploy) => deployment(scene, deploy, None, at),
        Act::DeploymentStatus(deploy, last) => deployment(scene, deploy, Some(last), at),
        // Not GitHub's to tell; the caller never asks.
        Act::Jenkins(..) | Act::JenkinsDeploy(..) => {
            (String::new(), "ping", fixed::deployer(), json!({ "zen": "Keep it logically awesome." }))
        }
    };
    let mut repository = scene.repository();
    if event == "push" {
        // In a push alone, these are numbers and the owner has a `name`.
        repository = fixed::described(scene.owner(), scene.repository);
        repository["created_at"] = json!(1_557_933_565);
        repository["pushed_at"] = json!(at.micros() / 1_000_000);
        repository["owner"]["name"] = json!(scene.owner());
        repository["master_branch"] = json!(MAIN);
    }
    body["repository"] = repository;
    body["organization"] = fixed::organization();
    body["sender"] = sender;
    Rendered { item, event: Some(event), body }
}

/// The item, the event, who did it, and the body without what every event carries.
type Told = (String, &'static str, Value, Value);

fn label(name: &str) -> Value {
    let color = match name {
        "bug" => "d73a4a",
        "enhancement" => "a2eeef",
        _ => "ededed",
    };
    // A stable id of its own: the same label, the same id.
    let id = name.bytes().fold(1_362_000_000u64, |id, byte| (id * 31 + u64::from(byte)) % 9_000_000_000);
    json!({ "id": id, "node_id": format!("LA_{id:x}"), "name": name, "color": color,
        "default": matches!(name, "bug" | "enhancement"), "description": "" })
}

/// The story's issue, or one of its incidents.
fn issue(scene: &Scene<'_>, incident: Option<usize>, act: IssueAct, at: Time) -> Told {
    let story = scene.story;
    let serial = scene.numbers.issue(incident);
    let past = |wanted: fn(IssueAct) -> bool| story.acts_of(incident, at).filter(|act| wanted(*act)).count();
    let assigned = past(|act| matches!(act, IssueAct::Assigned)) > 0;
    let reopened = past(|act| matches!(act, IssueAct::Reopened)) > 0;
    let (title, opened, labels) = match incident.map(|incident| &story.incidents[incident]) {
        None => {
            let so_far = past(|act| matches!(act, IssueAct::Labeled(_))).min(story.labels.len());
            (&story.title, story.opened, &story.labels[..so_far])
        }
        Some(incident) => (&incident.title, incident.opened, &incident.labels[..]),
    };
    let assignee = if assigned { scene.user(Part::Author) } else { Value::Null };
    let (action, sender) = match act {
        IssueAct::Opened => ("opened", Part::Reporter),
        IssueAct::Labeled(_) => ("labeled", Part::Reporter),
        IssueAct::Assigned => ("assigned", Part::Author),
        IssueAct::Closed(_) => ("closed", Part::Author),
        IssueAct::Reopened => ("reopened", Part::Reporter),
    };
    let (state, closed_at, reason) = match act {
        IssueAct::Closed(reason) => ("closed", json!(stamp(at)), json!(reason.as_str())),
        _ if reopened => ("open", Value::Null, json!("reopened")),
        _ => ("open", Value::Null, Value::Null),
    };
    let number = serial.number;
    let mut body = json!({
        "action": action,
        "issue": {
            "url": format!("{}/issues/{number}", scene.api_url()),
            "repository_url": scene.api_url(),
            "html_url": format!("{}/issues/{number}", scene.html_url()),
            "id": serial.id,
            "node_id": format!("I_kwDO{:x}", serial.id),
            "number": number,
            "title": title,
            "user": scene.user(Part::Reporter),
            "labels": labels.iter().map(|name| label(name)).collect::<Vec<_>>(),
            "state": state,
            "locked": false,
            "assignee": assignee,
            "assignees": if assigned { json!([scene.user(Part::Author)]) } else { json!([]) },
            "milestone": null,
            "comments": 0,
            "created_at": stamp(opened),
            "updated_at": stamp(at),
            "closed_at": closed_at,
            "author_association": "MEMBER",
            "active_lock_reason": null,
            "body": format!("Seen in {}. See the title.", scene.repository.name),
            "state_reason": reason,
        },
    });
    match act {
        IssueAct::Labeled(which) => body["label"] = label(labels[which]),
        IssueAct::Assigned => body["assignee"] = scene.user(Part::Author),
        _ => {}
    }
    (scene.github_item("issue", number), "issues", scene.user(sender), body)
}

fn commit(scene: &Scene<'_>, commit: u16, part: Part) -> Value {
    let login = scene.login(part);
    let who =
        json!({ "name": login, "email": format!("{login}@users.noreply.github.com"), "username": login });
    let sha = scene.sha(commit);
    json!({
        "id": sha,
        "tree_id": scene.other_sha("tree", commit),
        "distinct": true,
        "message": scene.story.title,
        "timestamp": stamp(scene.story.commits[usize::from(commit)]),
        "url": format!("{}/commit/{sha}", scene.html_url()),
        "author": who,
        "committer": who,
        "added": [],
        "removed": [],
        "modified": ["src/main"],
    })
}

/// A push to the branch of a pull request, or of its merge to the default branch.
fn push(scene: &Scene<'_>, pull: usize, head: Option<usize>) -> Told {
    let told = &scene.story.pulls[pull];
    let zeros = "0".repeat(40);
    let (branch, before, after) = match head {
        Some(0) => (scene.branch(pull), zeros, told.heads[0].1),
        Some(head) => (scene.branch(pull), scene.sha(told.heads[head - 1].1), told.heads[head].1),
        None => (MAIN.to_owned(), scene.base_sha(), told.merge.unwrap_or_default()),
    };
    let part = if head.is_some() { Part::Author } else { Part::Reviewer };
    let after_sha = scene.sha(after);
    let head_commit = commit(scene, after, part);
    let login = scene.login(part);
    let body = json!({
        "ref": format!("refs/heads/{branch}"),
        "before": before,
        "after": after_sha,
        "created": head == Some(0),
        "deleted": false,
        "forced": false,
        "base_ref": null,
        "compare": format!("{}/compare/{}...{}", scene.html_url(), &before[..12], &after_sha[..12]),
        "commits": [head_commit],
        "head_commit": head_commit,
        "pusher": { "name": login, "email": format!("{login}@users.noreply.github.com") },
    });
    (scene.github_item("branch", branch), "push", scene.user(part), body)
}

/// A deployment, or a status of it: `Some(true)` for the last one.
fn deployment(scene: &Scene<'_>, deploy: usize, status: Option<bool>, at: Time) -> Told {
    let told = &scene.story.deploys[deploy];
    let id = 1_450_000_000 + scene.numbers.deploy(deploy).id;
    let api = scene.api_url();
    let url = format!("{api}/deployments/{id}");
    let deployment = json!({
        "url": url,
        "id": id,
        "node_id": format!("DE_kwDO{id:x}"),
        "sha": scene.sha(told.commit),
        "ref": MAIN,
        "task": "deploy",
        "payload": {},
        "original_environment": told.environment,
        "environment": told.environment,
        "description": null,
        "creator": fixed::deployer(),
        "created_at": stamp(told.created),
        "updated_at": stamp(at),
        "statuses_url": format!("{url}/statuses"),
        "repository_url": api,
        "transient_environment": false,
        "production_environment": told.environment == "production",
    });
    let run = told.run.map_or(Value::Null, |run| run_body(scene, run, RunPhase::Running, at));
    let mut body = json!({ "action": "created", "deployment": deployment, "workflow_run": run });
    let item = scene.github_item("deploy", id);
    let Some(last) = status else {
        body["workflow"] = Value::Null;
        return (item, "deployment", fixed::deployer(), body);
    };
    let state = match told.result {
        _ if !last => "in_progress",
        Ended::Success => "success",
        Ended::Failure => "failure",
        Ended::Stopped => "error",
    };
    let status_id = id * 10 + 1 + u64::from(last);
    body["deployment_status"] = json!({
        "url": format!("{url}/statuses/{status_id}"),
        "id": status_id,
        "node_id": format!("DES_kwDO{status_id:x}"),
        "state": state,
        "creator": fixed::deployer(),
        "description": "",
        "environment": told.environment,
        "target_url": "",
        "log_url": "",
        "environment_url": format!("https://{}.{}.example", scene.repository.name, scene.owner()),
        "created_at": stamp(at),
        "updated_at": stamp(at),
        "deployment_url": url,
        "repository_url": api,
    });
    (item, "deployment_status", fixed::deployer(), body)
}
