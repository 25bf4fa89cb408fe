//! Deploys to staging and to production, one after the other and at the same time, with failures,
//! repetitions and rollbacks: GitHub deployments, Jenkins deploys that know what they deploy in one way
//! or another, GitLab deployments, CDEvents. And acceptance tests that tell of themselves.

use serde_json::{Value, json};
use valuestream::work::key::{Key, Source};

use super::builds::Build;
use super::changes::Change;
use super::organisation::{API, LENGTH, Organisation, WEB, key};
use super::truth::Deploy;
use crate::support::payloads::*;

/// How Jenkins' deploys of an organisation know what they deploy.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Knows {
    Commit,
    Token,
    Nothing,
}

/// A deploy before it is told of.
struct Planned {
    environment: &'static str,
    start: i64,
    end: i64,
    outcome: bool,
    rollback: bool,
    /// The change whose merge is deployed, if one is.
    change: Option<Change>,
    commit: String,
}

impl Organisation {
    pub fn deploys(&mut self, changes: &[Change], builds: &[Build], count: usize) {
        let knows = self.one_of(&[Knows::Commit, Knows::Token, Knows::Nothing]);
        let by_cdevents = self.chance(0.5);
        for path in [API, WEB, self.shop] {
            let changes: Vec<&Change> = changes.iter().filter(|change| change.path == path).collect();
            for environment in ["staging", "production"] {
                for planned in self.plan(&changes, environment, count) {
                    match path {
                        API => self.github_deploy(planned, builds),
                        WEB => self.jenkins_deploy(planned, builds, knows),
                        _ if by_cdevents => self.cdevents_deploy(planned),
                        _ => self.gitlab_deploy(planned),
                    }
                }
            }
        }
    }

    /// The deploys of a line. No two end in the same minute.
    fn plan(&mut self, changes: &[&Change], environment: &'static str, count: usize) -> Vec<Planned> {
        let mut planned: Vec<Planned> = Vec::new();
        let mut start = LENGTH / 6;
        for _ in 0..count {
            start += self.between(1, LENGTH / (count as i64));
            let mut end = start + self.between(2, 60);
            // One that is slow is over after those that began later.
            if self.chance(0.15) {
                end += LENGTH / 8;
            }
            while planned.iter().any(|other| other.end == end) {
                end += 1;
            }
            let merged = |change: &&&Change| change.merged.as_ref().is_some_and(|(at, _)| *at <= start);
            let mut there: Vec<&Change> = changes.iter().filter(merged).copied().collect();
            there.sort_by_key(|change| change.merged.clone());
            let before = (!planned.is_empty()).then(|| {
                let index = self.between(0, planned.len() as i64 - 1) as usize;
                (planned[index].change.clone(), planned[index].commit.clone())
            });
            let (change, commit, rollback) = match (self.between(0, 9), before) {
                // Again what was deployed before; sometimes said to be a rollback.
                (0..=1, Some((change, commit))) => (change, commit, self.chance(0.5)),
                // A commit that belongs to no change.
                (2, _) => (None, self.sha(), false),
                _ => match there.last() {
                    Some(change) => {
                        let commit = change.merged.clone().map(|(_, sha)| sha).unwrap_or_default();
                        (Some((*change).clone()), commit, false)
                    }
                    None => (None, self.sha(), false),
                },
            };
            let outcome = self.chance(0.75);
            planned.push(Planned { environment, start, end, outcome, rollback, change, commit });
        }
        planned
    }

    /// Notes what is known of a deploy.
    fn deployed(&mut self, planned: &Planned, item: &str, line: String, repository: String) -> Deploy {
        let deploy = Deploy {
            key: key(item),
            line: format!("{line} {}", planned.environment),
            repository,
            production: planned.environment == "production",
            start: planned.start,
            end: planned.end,
            succeeded: planned.outcome,
            commit: Some(planned.commit.clone()),
            rollback: planned.rollback,
            names: planned.change.as_ref().map(|change| change.key.clone()),
            parent: planned.change.as_ref().map(|change| change.key.clone()),
        };
        self.truth.lives.insert(deploy.key.clone(), vec![(planned.start, Some(planned.end))]);
        deploy
    }

    fn github_deploy(&mut self, planned: Planned, builds: &[Build]) {
        let id = self.number();
        let item = format!("github:github.com/{API}/deploy/{id}");
        let mut deploy = self.deployed(&planned, &item, "api".to_owned(), format!("github.com/{API}"));
        // The workflow run on the main branch that starts it.
        let run = planned.change.as_ref().and_then(|change| {
            builds
                .iter()
                .find(|build| build.of_merge && build.change == change.key)
                .map(|build| build.key.clone())
        });
        let run = run.filter(|_| self.chance(0.6));
        if let Some(run) = &run {
            deploy.parent = Some(run.clone());
        }
        let state = if planned.outcome { "success" } else { "failure" };
        // It can be tried again under the same number, once it has failed.
        let again = planned.outcome && planned.end - planned.start > 20 && self.chance(0.3);
        let mut statuses = vec![("in_progress", planned.start + 1)];
        if again {
            let (failed, retried) = (planned.start + 5, planned.start + 10);
            statuses.extend([("failure", failed), ("in_progress", retried)]);
            deploy.start = retried;
            let lives = vec![(planned.start, Some(failed)), (retried, Some(planned.end))];
            self.truth.lives.insert(deploy.key.clone(), lives);
        }
        statuses.push((state, planned.end));
        let mut payloads = vec![("deployment", planned.start, deployment(id, planned.start))];
        for (n, (state, minute)) in statuses.into_iter().enumerate() {
            let mut payload = deployment_status(id, planned.start, minute, state);
            payload["deployment_status"]["environment"] = json!(planned.environment);
            payload["deployment_status"]["id"] = json!(id * 10 + n as u64);
            payloads.push(("deployment_status", minute, payload));
        }
        for (event, minute, mut payload) in payloads {
            let told = &mut payload["deployment"];
            told["sha"] = json!(planned.commit);
            told["environment"] = json!(planned.environment);
            told["production_environment"] = json!(deploy.production);
            if planned.rollback {
                told["payload"] = json!({"rollback": true});
            }
            if let Some(run) = &run {
                let (id, attempt) = run.id().split_once('.').unwrap();
                let number = |text: &str| text.parse::<u64>().unwrap();
                payload["workflow_run"] = json!({"id": number(id), "run_attempt": number(attempt)});
            }
            self.tell_github(minute, API, event, &payload);
        }
        self.truth.deploys.push(deploy);
    }

    fn jenkins_deploy(&mut self, planned: Planned, builds: &[Build], knows: Knows) {
        let number = self.number();
        let item = format!("jenkins:ci.example.org/ops/deploy-web/deploy/{number}");
        let mut deploy = self.deployed(&planned, &item, "web".to_owned(), format!("github.com/{WEB}"));
        let mut parameters = json!({
            "type": "deploy", "service": "web", "environment": planned.environment, "deploy_type": "mutable",
        });
        if planned.rollback {
            parameters["rollback"] = json!("true");
        }
        let mut scm = json!({"changes": [], "culprits": []});
        match knows {
            Knows::Commit => {
                scm = json!({"url": "https://github.com/Acme/Web.git", "branch": "origin/main", "commit": planned.commit,
                             "changes": [], "culprits": []});
            }
            Knows::Token => {
                let named = planned.change.as_ref().map(|change| self.token(change, builds));
                if let Some((parameter, item)) = named {
                    parameters["vstrace-trace-id"] = json!(parameter);
                    deploy.parent = Some(item);
                }
            }
            Knows::Nothing => (deploy.names, deploy.parent) = (None, None),
        }
        if knows != Knows::Commit {
            deploy.commit = None;
        }
        // Without a repository, and without a change that names one, it is called after one.
        let result = if planned.outcome { "SUCCESS" } else { "FAILURE" };
        for (phase, minute, status) in [
            ("STARTED", planned.start, None),
            ("COMPLETED", planned.end, Some(result)),
            ("FINALIZED", planned.end + 1, Some(result)),
        ] {
            let duration = status.map_or(0, |_| planned.end - planned.start);
            let mut payload = jenkins("ops/deploy-web", number, phase, minute, duration, status);
            payload["build"]["parameters"] = parameters.clone();
            payload["build"]["scm"] = scm.clone();
            if phase == "COMPLETED" || self.chance(0.7) {
                self.tell(minute, Source::Jenkins, "", &payload);
            }
        }
        self.truth.deploys.push(deploy);
    }

    /// What names a change, or a build of it, in a parameter; and which of them.
    fn token(&mut self, change: &Change, builds: &[Build]) -> (String, Key) {
        let built: Vec<&Build> = builds.iter().filter(|build| build.change == change.key).collect();
        let built = built.first().filter(|_| self.chance(0.5));
        match built {
            Some(build) if self.chance(0.5) => (build.key.as_str().to_owned(), build.key.clone()),
            // A job that is named after a pull request cannot be told by that alone.
            Some(build) if !build.key.project().contains('/') => {
                let token = format!("vstrace-jenkins-build-{}-{}", build.key.project(), build.key.id());
                (token, build.key.clone())
            }
            _ => (format!("vstrace-github-pr-web-{}", change.number), change.key.clone()),
        }
    }

    fn gitlab_deploy(&mut self, planned: Planned) {
        let (id, shop) = (self.number(), self.shop);
        let item = format!("gitlab:gitlab.com/{shop}/deploy/{id}");
        let mut deploy = self.deployed(&planned, &item, "shop".to_owned(), format!("gitlab.com/{shop}"));
        // GitLab has no word for a rollback.
        deploy.rollback = false;
        let status = if planned.outcome { "success" } else { "failed" };
        if self.chance(0.5) {
            let created =
                gitlab_deployment(shop, id, "created", planned.start, planned.environment, &planned.commit);
            self.tell_gitlab(planned.start, "Deployment Hook", &created);
            let running = planned.start + 1;
            let hook = gitlab_deployment(shop, id, "running", running, planned.environment, &planned.commit);
            self.tell_gitlab(running, "Deployment Hook", &hook);
        } else {
            let hook =
                gitlab_deployment(shop, id, "running", planned.start, planned.environment, &planned.commit);
            self.tell_gitlab(planned.start, "Deployment Hook", &hook);
        }
        let hook = gitlab_deployment(shop, id, status, planned.end, planned.environment, &planned.commit);
        self.tell_gitlab(planned.end, "Deployment Hook", &hook);
        self.truth.deploys.push(deploy);
    }

    /// Told only of once it is over, and only if it succeeded.
    fn cdevents_deploy(&mut self, mut planned: Planned) {
        if !planned.outcome {
            return;
        }
        let id = format!("evt-{}", self.number());
        planned.start = planned.end;
        let item = format!("cdevents:cd.example.org/argo/deploy/shop@{}:{id}", planned.environment);
        let deploy = self.deployed(&planned, &item, "shop".to_owned(), format!("gitlab.com/{}", self.shop));
        let what = if planned.rollback { "rolledback" } else { self.one_of(&["deployed", "upgraded"]) };
        let mut event: Value = cdevents_service(what, &id, planned.end, "shop", planned.environment);
        event["customData"] = json!({"commit": planned.commit});
        self.tell(planned.end, Source::Cdevents, "", &event);
        self.truth.deploys.push(deploy);
    }

    /// Acceptance tests that tell of themselves, below the change that they test.
    pub fn acceptance_tests(&mut self, changes: &[Change]) {
        for change in changes.iter().filter(|change| change.merged.is_some()) {
            if !self.chance(0.3) {
                continue;
            }
            let id = format!("run-{}", self.number());
            let start = change.heads[0].1 + self.between(1, 500);
            let end = start + self.between(1, 20);
            let test = json!({
                "id": id, "type": "acceptance", "action": "end", "namespace": "acme/api", "started_at": time(start),
                "at": time(end), "parent": change.key.as_str(), "tags": {"browser": "firefox"},
            });
            self.tell(end, Source::Custom, "", &test);
            let job = key(&format!("custom:acme/api/job/acceptance:{id}"));
            self.truth.parents.insert(job.clone(), Some(change.key.clone()));
            self.truth.lives.insert(job, vec![(start, Some(end))]);
        }
    }
}
