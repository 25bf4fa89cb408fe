//! Objects of GitHub's API in, payloads of its webhooks out: what would have been delivered, had the
//! webhook been there. Pure.
//!
//! The API has an object as it is now and, in its timeline, what happened to it. So an object is
//! brought back to how it was when it was opened and led through its timeline again: each event
//! becomes the delivery of its action, with the object open or closed as it was then and with the
//! event's time as its last change. Of everything else the latest word counts anyway, and that is the
//! object as it is now. An event that has no webhook is no payload.

mod links;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::import::{Group, Payload};
use crate::sources::github::{DELIVERY, EVENT};

pub(super) use links::{closing_commit, commit, issue_links};

/// Members that no payload needs: nothing but addresses and identities of the API itself, and most of
/// an object's bulk.
const BULK: &[&str] = &["node_id", "_links", "reactions", "performed_via_github_app", "permissions"];
/// Addresses that do count.
const ADDRESSES: &[&str] = &["html_url", "target_url", "log_url", "environment_url"];

/// A repository as webhooks show it.
pub(super) fn repository(object: &Value) -> Value {
    trimmed(object)
}

/// An object of the API without its bulk. What is not known to be of no use stays: what the parser of
/// deliveries reads is its own affair.
fn trimmed(value: &Value) -> Value {
    let useful = |name: &str| !BULK.contains(&name) && (!name.ends_with("_url") || ADDRESSES.contains(&name));
    match value {
        Value::Object(members) => {
            let kept = members.iter().filter(|(name, _)| useful(name));
            Value::Object(kept.map(|(name, value)| (name.clone(), trimmed(value))).collect())
        }
        Value::Array(list) => list.iter().map(trimmed).collect(),
        other => other.clone(),
    }
}

fn text<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object.get(name)?.as_str()
}

/// A payload. The same `identity` is the same delivery, whenever it is imported.
fn payload(event: &'static str, identity: &str, body: &Value) -> Option<Payload> {
    let mut headers = HeaderMap::new();
    headers.insert(EVENT.parse::<HeaderName>().ok()?, HeaderValue::from_static(event));
    // Hashed: a branch may have any name, a header may not.
    let identity = hex::encode(Sha256::digest(format!("import/1/{event}/{identity}")));
    headers.insert(DELIVERY.parse::<HeaderName>().ok()?, HeaderValue::from_str(&identity).ok()?);
    Some(Payload { headers, body: body.to_string().into_bytes() })
}

/// An issue and what its timeline tells. Here and below, objects are JSON objects.
pub(super) fn issue(repository: &Value, issue: &Value, timeline: &[Value]) -> Group {
    Story::new(repository, "issue", trimmed(issue)).told(timeline)
}

/// A pull request in full, and what its timeline tells.
pub(super) fn pull_request(repository: &Value, pull: &Value, timeline: &[Value]) -> Group {
    let mut object = trimmed(pull);
    if !object["head"].is_object() {
        object["head"] = json!({});
    }
    for side in ["head", "base"] {
        // Where a branch is counts, not what GitHub knows of that place.
        if let Some(place) = object.get_mut(side).and_then(|side| side.get_mut("repo"))
            && let Value::Object(members) = place
        {
            members.retain(|name, _| matches!(name.as_str(), "full_name" | "name"));
        }
    }
    let mut group = Story::new(repository, "pull_request", object.clone()).told(timeline);
    group.extend(pushed(repository, &object, timeline));
    group
}

/// The commits of a pull request from a branch of its own repository, as one push: where builds and
/// deploys of each find it, and when the first was made.
fn pushed(repository: &Value, pull: &Value, timeline: &[Value]) -> Option<Payload> {
    let head = pull.get("head")?;
    let (branch, sha) = (text(head, "ref")?, text(head, "sha")?);
    let own = text(head.get("repo")?, "full_name")? == text(repository, "full_name")?;
    if !own || text(repository, "default_branch") == Some(branch) {
        return None;
    }
    let commit = |event: &Value| match text(event, "event")? {
        "committed" => Some(json!({
            "id": event.get("sha"),
            "message": event.get("message"),
            "timestamp": event.get("committer").and_then(|committer| committer.get("date")),
        })),
        // It was the head once, before or after; builds of it are to be found either way.
        "head_ref_force_pushed" => Some(json!({ "id": text(event, "commit_id")? })),
        _ => None,
    };
    let commits: Vec<Value> = timeline.iter().filter_map(commit).collect();
    if commits.is_empty() {
        return None;
    }
    let body = json!({
        "ref": format!("refs/heads/{branch}"),
        "after": sha,
        "commits": commits,
        "repository": repository,
    });
    let identity = format!("{}/{branch}/{sha}/{}", name(repository), commits.len());
    payload("push", &identity, &body)
}

fn name(repository: &Value) -> &str {
    text(repository, "full_name").unwrap_or_default()
}

/// An issue or a pull request, led through its timeline again.
struct Story<'a> {
    repository: &'a Value,
    /// The payloads' member that holds it, which is also what tells the two apart.
    object: &'static str,
    now: Value,
    /// As it was when the event happened that is being told.
    then: Value,
    group: Group,
}

impl<'a> Story<'a> {
    fn new(repository: &'a Value, object: &'static str, now: Value) -> Self {
        let then = now.clone();
        let mut story = Self { repository, object, now, then, group: Vec::new() };
        story.open();
        story
    }

    fn is_pull_request(&self) -> bool {
        self.object == "pull_request"
    }

    /// Brings it back to how it is while it is open.
    fn open(&mut self) {
        self.then["state"] = "open".into();
        self.then["closed_at"] = Value::Null;
        if self.is_pull_request() {
            self.then["merged"] = false.into();
            self.then["merged_at"] = Value::Null;
        } else {
            self.then["state_reason"] = Value::Null;
        }
    }

    /// Closes it as an event says; the last time as it says itself, since only it knows of a merge.
    fn close(&mut self, event: &Value, last: bool) {
        self.then["state"] = "closed".into();
        if last && text(&self.now, "state") == Some("closed") {
            for name in ["closed_at", "state_reason", "merged", "merged_at"] {
                if let Some(value) = self.now.get(name) {
                    self.then[name] = value.clone();
                }
            }
            return;
        }
        self.then["closed_at"] = event["created_at"].clone();
        if !self.is_pull_request() {
            self.then["state_reason"] = event["state_reason"].clone();
        }
    }

    fn told(mut self, timeline: &[Value]) -> Group {
        let mut events: Vec<(&str, &Value)> =
            timeline.iter().filter_map(|event| Some((happened_at(event)?, event))).collect();
        // Stable: what happened in one second stays in GitHub's order.
        events.sort_by_key(|(at, _)| *at);
        let last_close = events.iter().rposition(|(_, event)| text(event, "event") == Some("closed"));
        for (index, (at, event)) in events.iter().enumerate() {
            self.then["updated_at"] = (*at).into();
            self.tell(event, Some(index) == last_close, timeline);
        }
        // As it is now. `opened` says nothing of its own.
        let last = std::mem::take(&mut self.now);
        let updated = text(&last, "updated_at").unwrap_or_default().to_owned();
        self.then = last;
        self.emit(self.event(), "opened", &format!("now/{updated}"), json!({}));
        self.group
    }

    /// The webhook event that tells of it.
    fn event(&self) -> &'static str {
        if self.is_pull_request() { "pull_request" } else { "issues" }
    }

    fn tell(&mut self, event: &Value, last_close: bool, timeline: &[Value]) {
        let own = self.event();
        let id = identity(event);
        let sender = || event.get("actor").cloned();
        let with = |name: &str| json!({ "sender": sender(), name: event.get(name) });
        match text(event, "event").unwrap_or_default() {
            "closed" => {
                self.close(event, last_close);
                self.emit(own, "closed", &id, json!({ "sender": sender() }));
            }
            "reopened" => {
                self.open();
                self.emit(own, "reopened", &id, json!({ "sender": sender() }));
            }
            action @ ("labeled" | "unlabeled") => self.emit(own, action, &id, with("label")),
            action @ ("assigned" | "unassigned") => self.emit(own, action, &id, with("assignee")),
            action @ ("milestoned" | "demilestoned") => self.emit(own, action, &id, with("milestone")),
            action @ ("review_requested" | "review_request_removed") => {
                self.emit(own, action, &id, with("requested_reviewer"));
            }
            "ready_for_review" => self.emit(own, "ready_for_review", &id, with("actor")),
            "convert_to_draft" => self.emit(own, "converted_to_draft", &id, with("actor")),
            "added_to_merge_queue" => self.emit(own, "enqueued", &id, with("actor")),
            "removed_from_merge_queue" => self.emit(own, "dequeued", &id, with("reason")),
            "renamed" | "base_ref_changed" => self.emit(own, "edited", &id, with("actor")),
            "issue_type_added" | "issue_type_changed" => self.emit(own, "typed", &id, with("actor")),
            "issue_type_removed" => self.emit(own, "untyped", &id, with("actor")),
            "commented" => {
                self.emit("issue_comment", "created", &id, json!({ "comment": trimmed(event) }));
            }
            "reviewed" => {
                let review = json!({
                    "state": state_when_submitted(event, timeline),
                    "submitted_at": event.get("submitted_at"),
                    "user": event.get("user"),
                });
                self.emit("pull_request_review", "submitted", &id, json!({ "review": review }));
            }
            "review_dismissed" => {
                let extra = json!({ "review": { "state": "dismissed" }, "sender": sender() });
                self.emit("pull_request_review", "dismissed", &id, extra);
            }
            "line-commented" => {
                for comment in event.get("comments").and_then(Value::as_array).into_iter().flatten() {
                    self.then["updated_at"] = comment["created_at"].clone();
                    let extra = json!({ "comment": trimmed(comment) });
                    self.emit("pull_request_review_comment", "created", &identity(comment), extra);
                }
            }
            // Whether the commit is the head before or after the push is not documented. One that is
            // still there is what was pushed; of any other it is only known that it was a head.
            "head_ref_force_pushed" if self.is_pull_request() => {
                let Some(sha) = event.get("commit_id").filter(|sha| sha.is_string()) else { return };
                let there = |event: &Value| event.get("sha") == Some(sha);
                if self.now["head"]["sha"] == *sha || timeline.iter().any(there) {
                    let head = std::mem::replace(&mut self.then["head"]["sha"], sha.clone());
                    self.emit(own, "synchronize", &id, json!({ "after": sha, "sender": sender() }));
                    self.then["head"]["sha"] = head;
                }
            }
            _ => {}
        }
    }

    fn emit(&mut self, event: &'static str, action: &str, id: &str, mut body: Value) {
        body["action"] = action.into();
        body["repository"] = self.repository.clone();
        if event == "issue_comment" {
            body["issue"] = self.then.clone();
            if self.is_pull_request() {
                // GitHub shows a pull request as an issue there.
                body["issue"]["pull_request"] = json!({});
            }
        } else {
            body[self.object] = self.then.clone();
        }
        let number = &self.then["number"];
        let identity = format!("{action}/{}/{number}/{id}", name(self.repository));
        self.group.extend(payload(event, &identity, &body));
    }
}

/// When something of a timeline happened. Commits have no time of their own there.
fn happened_at(event: &Value) -> Option<&str> {
    let first = || text(event.get("comments")?.as_array()?.first()?, "created_at");
    text(event, "created_at").or_else(|| text(event, "submitted_at")).or_else(first)
}

/// What tells an event of a timeline from the others: its id, else its kind and time.
fn identity(event: &Value) -> String {
    match event.get("id").filter(|id| !id.is_null()) {
        Some(id) => id.to_string(),
        None => {
            let what = text(event, "event").or_else(|| text(event, "node_id")).unwrap_or_default();
            format!("{what}/{}", happened_at(event).unwrap_or_default())
        }
    }
}

/// A dismissed review only says that it is; the event of its dismissal says what it was.
fn state_when_submitted(review: &Value, timeline: &[Value]) -> Value {
    let dismissal = || {
        let dismissed = timeline.iter().filter_map(|event| event.get("dismissed_review"));
        dismissed
            .filter(|dismissed| dismissed.get("review_id") == review.get("id"))
            .find_map(|dismissed| dismissed.get("state"))
    };
    let state = review.get("state");
    let dismissed =
        state.and_then(Value::as_str).is_some_and(|state| state.eq_ignore_ascii_case("dismissed"));
    dismissed.then(dismissal).flatten().or(state).cloned().unwrap_or_default()
}

/// All attempts of a workflow run, and the jobs of each.
pub(super) fn runs(repository: &Value, attempts: &[Value], jobs: &[Value]) -> Group {
    let run = |run: &Value| {
        let body = json!({
            "action": action(run, "requested"),
            "workflow_run": trimmed(run),
            "repository": repository,
        });
        let (id, attempt, updated) = (&run["id"], &run["run_attempt"], &run["updated_at"]);
        payload("workflow_run", &format!("{}/{id}/{attempt}/{updated}", name(repository)), &body)
    };
    let job = |job: &Value| {
        let action = action(job, "queued");
        let body = json!({
            "action": action,
            "workflow_job": trimmed(job),
            "repository": repository,
        });
        payload("workflow_job", &format!("{}/{}/{action}", name(repository), job["id"]), &body)
    };
    attempts.iter().filter_map(run).chain(jobs.iter().filter_map(job)).collect()
}

/// The action that has a run or a job come to the status that it has.
fn action(run: &Value, first: &'static str) -> &'static str {
    match text(run, "status") {
        Some("completed") => "completed",
        Some("in_progress") => "in_progress",
        _ => first,
    }
}

/// A deployment with its statuses, and the id and attempt of the run that started it.
pub(super) fn deployment(
    repository: &Value,
    deployment: &Value,
    statuses: &[Value],
    starter: Option<(u64, u64)>,
) -> Group {
    let object = trimmed(deployment);
    let starter = starter.map(|(id, attempt)| json!({ "id": id, "run_attempt": attempt }));
    let project = name(repository);
    let id = &deployment["id"];
    let mut body = json!({
        "action": "created",
        "deployment": object,
        "workflow_run": starter,
        "repository": repository,
    });
    let mut group: Group = payload("deployment", &format!("{project}/{id}"), &body).into_iter().collect();
    for status in statuses {
        // Said of what another deployment replaced, and never delivered.
        if text(status, "state") == Some("inactive") {
            continue;
        }
        body["deployment_status"] = trimmed(status);
        let identity = format!("{project}/{id}/{}", status["id"]);
        group.extend(payload("deployment_status", &identity, &body));
    }
    group
}

/// A published release, and the commit of its tag.
pub(super) fn release(repository: &Value, release: &Value, commit: Option<&str>) -> Group {
    let body = json!({ "action": "published", "release": trimmed(release), "repository": repository });
    let stamp = text(release, "updated_at").or_else(|| text(release, "published_at")).unwrap_or_default();
    let identity = format!("{}/{}/{stamp}", name(repository), release["id"]);
    let mut group: Group = payload("release", &identity, &body).into_iter().collect();
    if let (Some(tag), Some(commit)) = (text(release, "tag_name"), commit) {
        let body = json!({
            "ref": format!("refs/tags/{tag}"),
            "after": commit,
            "head_commit": { "id": commit },
            "repository": repository,
        });
        let identity = format!("{}/tag/{}/{commit}", name(repository), release["id"]);
        group.extend(payload("push", &identity, &body));
    }
    group
}

#[cfg(test)]
mod tests;
