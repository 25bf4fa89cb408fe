//! Lives of items of every kind, as their senders would tell them.

use super::*;

/// One delivery of a life.
#[derive(Clone)]
pub(super) struct Told {
    pub(super) source: Source,
    pub(super) event: &'static str,
    pub(super) payload: Value,
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.event, self.payload)
    }
}

fn github(event: &'static str, payload: Value) -> Told {
    Told { source: Source::Github, event, payload }
}

fn jenkins_told(payload: Value) -> Told {
    Told { source: Source::Jenkins, event: "", payload }
}

/// What an issue looks like while its life goes on, as GitHub's snapshots show it.
#[derive(Clone)]
pub(super) struct Issue {
    minute: i64,
    closed: Option<(i64, &'static str)>,
    labels: Vec<&'static str>,
    title: usize,
    pub(super) told: Vec<Told>,
    /// The intervals that it was open for, in minutes.
    pub(super) intervals: Vec<(i64, Option<i64>)>,
}

impl fmt::Debug for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.told).finish()
    }
}

impl Issue {
    fn tell(&mut self, action: &str, more: Value) {
        let mut payload = issue(action, 12, self.minute, self.closed.map(|(at, _)| at));
        payload["issue"]["title"] = json!(format!("title {}", self.title));
        payload["issue"]["state_reason"] = json!(self.closed.map(|(_, reason)| reason));
        let labels: Vec<Value> = self.labels.iter().map(|name| json!({ "name": name })).collect();
        payload["issue"]["labels"] = json!(labels);
        payload.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        self.told.push(github("issues", payload));
    }

    /// A step of its life; those that make no sense now are left out.
    fn step(&mut self, gap: i64, step: usize) {
        self.minute += gap;
        match step {
            0 => {
                self.title += 1;
                self.tell("edited", json!({"changes": {"title": {"from": "before"}}}));
            }
            1 => {
                let label = ["bug", "team:payments", "language/go"][self.told.len() % 3];
                if !self.labels.contains(&label) {
                    self.labels.push(label);
                }
                self.tell("labeled", json!({"label": {"name": label}}));
            }
            2 => {
                if let Some(label) = self.labels.pop() {
                    self.tell("unlabeled", json!({"label": {"name": label}}));
                }
            }
            3 => self.tell("assigned", json!({"assignee": {"login": "grace", "id": 8}})),
            4 if self.closed.is_some() => {
                self.closed = None;
                self.intervals.push((self.minute, None));
                self.tell("reopened", json!({}));
            }
            _ if self.closed.is_none() => {
                let reason = ["completed", "not_planned", "duplicate"][self.told.len() % 3];
                self.closed = Some((self.minute, reason));
                self.intervals.last_mut().unwrap().1 = Some(self.minute);
                self.tell("closed", json!({}));
            }
            _ => {}
        }
    }
}

pub(super) fn issue_life(gaps: impl Strategy<Value = i64> + Clone) -> impl Strategy<Value = Issue> {
    // Closing and reopening more often than they would come by chance.
    let step = select(vec![0, 1, 1, 2, 3, 4, 4, 4, 5, 5, 5]);
    proptest::collection::vec((gaps, step), 0..14).prop_map(|steps| {
        let mut issue = Issue {
            minute: 0,
            closed: None,
            labels: vec!["bug"],
            title: 0,
            told: Vec::new(),
            intervals: vec![(0, None)],
        };
        issue.tell("opened", json!({}));
        steps.into_iter().for_each(|(gap, step)| issue.step(gap, step));
        issue
    })
}

fn pull_request_life() -> impl Strategy<Value = Vec<Told>> {
    let step = select(vec!["synchronize", "labeled", "review", "draft", "close", "close", "merge", "edited"]);
    proptest::collection::vec((0..3i64, step), 0..14).prop_map(|steps| {
        let (mut minute, mut commits, mut merged, mut closed, mut draft) = (10, 1, None, None, false);
        let mut labels: Vec<Value> = Vec::new();
        let mut told = Vec::new();
        let mut body = "Fixes #12".to_owned();
        for (gap, step) in std::iter::once((0, "opened")).chain(steps) {
            minute += gap;
            let mut more = json!({});
            let action = match step {
                _ if merged.is_some() && step != "labeled" => continue,
                "synchronize" => {
                    more = json!({"before": format!("{:040x}", commits), "after": format!("{:040x}", commits + 1)});
                    commits += 1;
                    "synchronize"
                }
                "labeled" => {
                    let label = format!("team/{}", labels.len());
                    more = json!({"label": {"name": label}});
                    labels.push(json!({"name": label}));
                    "labeled"
                }
                "review" => "submitted",
                "draft" => {
                    draft = !draft;
                    if draft { "converted_to_draft" } else { "ready_for_review" }
                }
                "close" if closed.is_some() => {
                    closed = None;
                    "reopened"
                }
                "close" => {
                    closed = Some(minute);
                    "closed"
                }
                "merge" if closed.is_some() => continue,
                "merge" => {
                    merged = Some(minute);
                    "closed"
                }
                "edited" => {
                    body = format!("Fixes #{}", 12 + minute % 3);
                    "edited"
                }
                other => other,
            };
            let mut payload = pull_request(action, 15, minute, merged);
            let pr = &mut payload["pull_request"];
            if let (Some(at), None) = (closed, merged) {
                pr["closed_at"] = json!(time(at));
                pr["state"] = json!("closed");
            }
            pr["head"]["sha"] = json!(format!("{commits:040x}"));
            pr["commits"] = json!(commits);
            pr["draft"] = json!(draft);
            pr["labels"] = json!(labels);
            pr["body"] = json!(body);
            payload.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
            let event = if action == "submitted" { "pull_request_review" } else { "pull_request" };
            if action == "submitted" {
                let state = ["approved", "changes_requested", "commented"][commits % 3];
                payload["review"] = review(15, minute, state)["review"].clone();
                for lacking in ["merged", "additions", "deletions", "changed_files", "commits"] {
                    payload["pull_request"].as_object_mut().unwrap().remove(lacking);
                }
            }
            told.push(github(event, payload));
        }
        told
    })
}

/// The Notification plugin's phases and the Statistics Gatherer's two messages about one build;
/// any of them may be missing.
fn jenkins_life() -> impl Strategy<Value = Vec<Told>> {
    let status = select(vec!["SUCCESS", "UNSTABLE", "FAILURE", "ABORTED", "NOT_BUILT"]);
    (status, 0..2i64, 0..3i64, 0..2i64, any::<bool>(), any::<bool>())
        .prop_map(|(status, wait, duration, cleanup, deploys, without_executor)| {
            let (start, end) = (5 + wait, 5 + wait + duration);
            let parameters = json!({
                "type": if deploys { "deploy" } else { "ci" }, "team": "payments", "environment": "production",
                "ghprbPullId": "15", "ghprbActualCommit": HEAD_SHA, "ghprbGhRepository": "acme/api",
            });
            let notified = |phase: &str, minute: i64, duration: i64, status: Option<&str>, commit: &str| {
                let mut payload = jenkins("acme/ship", 7, phase, minute, duration, status);
                payload["build"]["parameters"] = parameters.clone();
                payload["build"]["scm"] = json!({
                    "url": "https://github.com/acme/api.git", "branch": "origin/12-basket", "commit": commit,
                    "changes": [], "culprits": [],
                });
                payload
            };
            // What is checked out at the start can be what the build before had.
            let mut queued = notified("QUEUED", 5, 0, None, MERGE_SHA);
            if without_executor {
                queued["build"]["timestamp"] = json!(0);
            }
            let statistics = |result: &str, start: i64, end: i64, duration: i64| {
                json!({
                    "ciUrl": "https://ci.example.org/", "jobName": "ship", "fullJobName": "acme/ship", "number": 7,
                    "slaveInfo": {"slaveName": "agent-1", "executor": "0", "label": "linux"},
                    "startTime": millis(start), "endTime": millis(end), "startedUserId": "ada", "result": result,
                    "duration": duration * 60_000, "parameters": parameters, "queueTime": wait * 60_000,
                    "scmInfo": {"url": "https://github.com/acme/api.git", "branch": "origin/12-basket", "commit": HEAD_SHA},
                    "buildUrl": "job/acme/job/ship/7/", "contextId": 0, "buildCause": "Started by an SCM change",
                })
            };
            [
                queued,
                notified("STARTED", start, 0, None, MERGE_SHA),
                notified("COMPLETED", end, duration, Some(status), HEAD_SHA),
                notified("FINALIZED", end + cleanup, duration, Some(status), HEAD_SHA),
                statistics("INPROGRESS", start, start, 0),
                statistics(status, end, end, duration),
            ]
            .map(jenkins_told)
            .to_vec()
        })
        .prop_flat_map(|all| subsequence(all, 1..=6))
}

fn deploy_life() -> impl Strategy<Value = Vec<Told>> {
    let state = select(vec![
        "queued",
        "pending",
        "in_progress",
        "waiting",
        "success",
        "failure",
        "error",
        "inactive",
    ]);
    proptest::collection::vec((0..2i64, state), 0..8).prop_map(|states| {
        let mut minute = 62;
        let mut told = vec![github("deployment", deployment(70, minute))];
        for (gap, state) in states {
            minute += gap;
            told.push(github("deployment_status", deployment_status(70, 62, minute, state)));
        }
        told
    })
}

fn workflow_life() -> impl Strategy<Value = Vec<Told>> {
    let conclusion = select(vec!["success", "failure", "cancelled", "skipped", "timed_out", "neutral"]);
    (conclusion, 0..2i64, 0..3i64).prop_map(|(conclusion, wait, length)| {
        let (start, end) = (12 + wait, 12 + wait + length);
        let mut in_progress = workflow_run("in_progress", 500, 12, None);
        in_progress["workflow_run"]["updated_at"] = json!(time(start));
        let job = |action: &str, steps: bool| {
            let mut payload = workflow_job(900, 500, start, end);
            payload["action"] = json!(action);
            let job = &mut payload["workflow_job"];
            job["conclusion"] = json!((action == "completed").then_some(conclusion));
            if action != "completed" {
                job["completed_at"] = json!(null);
                job["runner_id"] = json!(0);
            }
            match action {
                "queued" => job["started_at"] = job["created_at"].clone(),
                "in_progress" => {
                    for step in job["steps"].as_array_mut().unwrap() {
                        step["conclusion"] = json!(null);
                        step["completed_at"] = json!(null);
                    }
                }
                _ => {}
            }
            if !steps {
                job["steps"] = json!([]);
            }
            github("workflow_job", payload)
        };
        vec![
            github("workflow_run", workflow_run("requested", 500, 12, None)),
            github("workflow_run", in_progress),
            job("queued", false),
            job("in_progress", true),
            job("completed", true),
            github("workflow_run", workflow_run("completed", 500, 12, Some((end, conclusion)))),
        ]
    })
}

pub(super) fn life() -> impl Strategy<Value = Vec<Told>> {
    prop_oneof![
        3 => issue_life(0..3i64).prop_map(|issue| issue.told),
        3 => pull_request_life(),
        2 => jenkins_life(),
        2 => deploy_life(),
        1 => workflow_life(),
    ]
}
