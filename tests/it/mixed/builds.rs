//! Builds of every head of a change, and of its merge: workflow runs with attempts and jobs, Jenkins
//! builds that know their change in one way or another, pipelines with jobs.

use serde_json::{Value, json};
use valuestream::work::key::{Key, Source};

use super::changes::Change;
use super::organisation::{API, Organisation, WEB, key};
use crate::support::payloads::*;

/// A build of a change's head or merge.
pub struct Build {
    pub key: Key,
    /// Which change it is of.
    pub change: Key,
    /// Whether it built what the merge made.
    pub of_merge: bool,
}

const CONCLUSIONS: [&str; 4] = ["success", "success", "failure", "timed_out"];
const STATUSES: [&str; 4] = ["success", "success", "failed", "canceled"];
const RESULTS: [&str; 4] = ["SUCCESS", "SUCCESS", "UNSTABLE", "ABORTED"];

impl Organisation {
    pub fn builds(&mut self, changes: &[Change]) -> Vec<Build> {
        let mut builds = Vec::new();
        for change in changes {
            let mut made: Vec<(String, i64, bool)> =
                change.heads.iter().map(|(sha, at)| (sha.clone(), *at, false)).collect();
            made.extend(change.merged.clone().map(|(at, sha)| (sha, at, true)));
            for (sha, at, of_merge) in made {
                if !self.chance(0.75) {
                    continue;
                }
                let keys = match change.path {
                    API => self.workflow_run(change, &sha, at, of_merge),
                    WEB => vec![self.jenkins_build(change, &sha, at, of_merge)],
                    _ => vec![self.pipeline(change, &sha, at, of_merge)],
                };
                for key in keys {
                    self.truth.parents.insert(key.clone(), Some(change.key.clone()));
                    builds.push(Build { key, change: change.key.clone(), of_merge });
                }
            }
        }
        builds
    }

    fn job(&mut self, item: &str, build: &Key, start: i64, end: i64) {
        let job = key(item);
        self.truth.parents.insert(job.clone(), Some(build.clone()));
        self.truth.lives.insert(job, vec![(start, Some(end))]);
    }

    fn workflow_run(&mut self, change: &Change, sha: &str, pushed: i64, of_merge: bool) -> Vec<Key> {
        let id = 500_000 + self.number();
        let named = self.chance(0.3) && !of_merge;
        let created = pushed + self.between(0, 2);
        let mut at = created;
        let mut keys: Vec<Key> = Vec::new();
        for attempt in 1..=self.one_of(&[1, 1, 1, 2, 3]) {
            let (start, end) = (at + self.between(0, 3), at + self.between(8, 30));
            let conclusion = self.one_of(&CONCLUSIONS);
            let run = key(&format!("github:github.com/{API}/build/{id}.{attempt}"));
            let show = |payload: &mut Value, object: &str| {
                let run = &mut payload[object];
                run["run_attempt"] = json!(attempt);
                run["head_sha"] = json!(sha);
                run["head_branch"] = json!(if of_merge { "main" } else { &change.branch });
            };
            for (action, minute, ended) in [
                ("requested", start, None),
                ("in_progress", start, None),
                ("completed", end, Some((end, conclusion))),
            ] {
                let mut payload = workflow_run(action, id, start, ended);
                show(&mut payload, "workflow_run");
                let told = &mut payload["workflow_run"];
                told["created_at"] = json!(time(created));
                told["display_title"] = json!(change.title);
                if named {
                    // GitHub no longer names the pull request once it is merged.
                    let url = format!("https://api.github.com/repos/{API}/pulls/{}", change.number);
                    let named = json!([{"number": change.number, "url": url}]);
                    told["pull_requests"] = if action == "completed" { json!([]) } else { named };
                }
                if action == "completed" || self.chance(0.6) {
                    self.tell_github(minute, API, "workflow_run", &payload);
                }
            }
            for _ in 0..self.between(0, 2) {
                let number = 900_000 + self.number();
                let (from, to) = (start + 1, end - self.between(0, 2));
                for action in ["queued", "completed"] {
                    let mut payload = workflow_job(number, id, from, to);
                    payload["action"] = json!(action);
                    show(&mut payload, "workflow_job");
                    if action == "queued" {
                        for gone in ["conclusion", "completed_at", "steps"] {
                            payload["workflow_job"][gone] = json!(null);
                        }
                    }
                    self.tell_github(
                        if action == "queued" { start } else { to },
                        API,
                        "workflow_job",
                        &payload,
                    );
                }
                self.job(&format!("github:github.com/{API}/job/{number}"), &run, from, to);
            }
            if let Some(before) = keys.last() {
                self.truth.links.insert((run.clone(), before.clone()));
            }
            self.truth.lives.insert(run.clone(), vec![(start, Some(end))]);
            keys.push(run);
            at = end + 1;
        }
        keys
    }

    fn jenkins_build(&mut self, change: &Change, sha: &str, pushed: i64, of_merge: bool) -> Key {
        let number = self.number();
        let (start, end) = (pushed + self.between(0, 2), pushed + self.between(3, 40));
        let result = self.one_of(&RESULTS);
        let branch = if of_merge { "main" } else { &change.branch };
        let scm = |commit: &str| {
            json!({"url": "git@github.com:acme/web.git", "branch": format!("origin/{branch}"), "commit": commit,
                   "changes": [], "culprits": []})
        };
        let before = self.sha();
        let style = if of_merge { 2 } else { self.between(0, 3) };
        let (job, parameters, scms) = match style {
            // The GitHub Pull Request Builder says what it builds.
            0 => {
                let link = format!("https://github.com/{WEB}/pull/{}", change.number);
                let parameters = json!({
                    "ghprbActualCommit": sha, "ghprbPullId": change.number.to_string(), "ghprbPullLink": link,
                    "ghprbSourceBranch": branch, "ghprbTargetBranch": "main", "ghprbGhRepository": WEB,
                });
                ("web-checks".to_owned(), parameters, [json!({}), json!({})])
            }
            // A pipeline does not say what it checks out; its job is named after the pull request.
            1 => (format!("{WEB}/PR-{}", change.number), json!({}), [json!({}), json!({})]),
            // At its start a job can still have the commit before.
            2 => ("web-commits".to_owned(), json!({}), [scm(&before), scm(sha)]),
            _ => ("web-commits".to_owned(), json!({}), [scm(sha), scm(sha)]),
        };
        let phases = [
            ("STARTED", start, None),
            ("COMPLETED", end, Some(result)),
            ("FINALIZED", end + 1, Some(result)),
        ];
        for (phase, minute, status) in phases {
            let over = status.is_some();
            let mut payload =
                jenkins(&job, number, phase, minute, if over { end - start } else { 0 }, status);
            payload["build"]["parameters"] = parameters.clone();
            payload["build"]["scm"] = scms[usize::from(over)].clone();
            if phase == "COMPLETED" || self.chance(0.6) {
                self.tell(minute, Source::Jenkins, "", &payload);
            }
        }
        for ended in [None, Some((end, result))] {
            if self.chance(0.3) {
                let mut payload = jenkins_statistics(&job, number, start, ended);
                payload["parameters"] = parameters.clone();
                payload["scmInfo"] = scms[usize::from(ended.is_some())].clone();
                self.tell(ended.map_or(start, |(at, _)| at), Source::Jenkins, "", &payload);
            }
        }
        let build = key(&format!("jenkins:ci.example.org/{job}/build/{number}"));
        self.truth.lives.insert(build.clone(), vec![(start, Some(end))]);
        build
    }

    fn pipeline(&mut self, change: &Change, sha: &str, pushed: i64, of_merge: bool) -> Key {
        let (id, shop) = (self.number(), self.shop);
        let created = pushed + self.between(0, 2);
        let end = created + self.between(8, 30);
        let status = self.one_of(&STATUSES);
        let branch = if of_merge { "main".to_owned() } else { change.branch.clone() };
        let request = format!("refs/merge-requests/{}/head", change.number);
        // Of a merge request it may have the request's own ref.
        let name = if !of_merge && self.chance(0.3) { &request } else { &branch };
        let named = !of_merge && self.chance(0.5);
        let pipeline = key(&format!("gitlab:gitlab.com/{shop}/build/{id}"));
        let jobs: Vec<(u64, i64, i64)> = (0..self.between(0, 2))
            .map(|n| (600_000 + self.number(), created + 2 + n, end - self.between(0, 3)))
            .collect();
        for (minute, finished) in [(created + 1, None), (end, Some((end, status)))] {
            let builds: Vec<Value> = jobs
                .iter()
                .map(|(job, from, to)| gitlab_build(*job, "test", *from, finished.map(|_| (*to, "success"))))
                .collect();
            let mut hook = gitlab_pipeline(shop, id, (name, sha), created, finished, &builds);
            if named {
                hook["merge_request"] = json!({"iid": change.number, "source_project_id": 30, "target_project_id": 30,
                    "url": format!("https://gitlab.com/{shop}/-/merge_requests/{}", change.number)});
            }
            if finished.is_some() || self.chance(0.6) {
                self.tell_gitlab(minute, "Pipeline Hook", &hook);
            }
        }
        for (job, from, to) in jobs {
            let build = gitlab_build(job, "test", from, Some((to, "success")));
            if self.chance(0.6) {
                self.tell_gitlab(to, "Job Hook", &gitlab_job(shop, id, (name, sha), &build));
            }
            self.job(&format!("gitlab:gitlab.com/{shop}/job/{job}"), &pipeline, from, to);
        }
        self.truth.lives.insert(pipeline.clone(), vec![(created + 1, Some(end))]);
        pipeline
    }
}
