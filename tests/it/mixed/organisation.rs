//! A small organisation, made by chance: its repositories, its issues at three trackers, and what is
//! told of them. The changes, builds and deploys are made in the modules beside.

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use valuestream::work::key::{Key, Source};

use super::harness::Told;
use super::truth::Truth;
use crate::support::payloads::*;

/// A repository at GitHub whose builds and deploys GitHub runs.
pub const API: &str = "acme/api";
/// A repository at GitHub that Jenkins builds and deploys.
pub const WEB: &str = "acme/web";
/// The length of a history in minutes: two weeks.
pub const LENGTH: i64 = 14 * 24 * 60;
/// Stands for `acme/api` in the texts of payloads that become another repository's.
pub const API_HERE: &str = "@api@";
pub const ZERO: &str = "0000000000000000000000000000000000000000";

pub fn key(text: &str) -> Key {
    text.parse().unwrap()
}

/// An organisation and its history.
pub struct Organisation {
    pub rng: ChaCha8Rng,
    /// Each delivery with the minute of what it tells of.
    deliveries: Vec<(i64, Told)>,
    pub truth: Truth,
    /// The GitLab project: one of a group, or of a group within a group.
    pub shop: &'static str,
    counter: u64,
    /// Issues by tracker: key and number.
    pub github: Vec<(Key, u64)>,
    pub jira: Vec<(Key, u64)>,
    pub gitlab: Vec<(Key, u64)>,
}

/// A whole history.
pub struct History {
    /// In the order in which it happened.
    pub told: Vec<Told>,
    pub truth: Truth,
}

impl History {
    /// The history of an organisation with so many changes and deploys of each repository.
    pub fn new(seed: u64, changes: usize, deploys: usize) -> Self {
        let mut organisation = Organisation {
            rng: ChaCha8Rng::seed_from_u64(seed),
            deliveries: Vec::new(),
            truth: Truth::default(),
            shop: "acme/shop",
            counter: 0,
            github: Vec::new(),
            jira: Vec::new(),
            gitlab: Vec::new(),
        };
        if organisation.chance(0.5) {
            organisation.shop = "acme/teams/emea/shop";
        }
        organisation.issues();
        let changes = organisation.changes(changes);
        let builds = organisation.builds(&changes);
        organisation.deploys(&changes, &builds, deploys);
        organisation.acceptance_tests(&changes);
        let Organisation { mut deliveries, truth, .. } = organisation;
        deliveries.sort_by_key(|(minute, _)| *minute);
        Self { told: deliveries.into_iter().map(|(_, told)| told).collect(), truth }
    }
}

impl Organisation {
    pub fn chance(&mut self, p: f64) -> bool {
        self.rng.random_bool(p)
    }

    /// A whole number from `from` to `to`, inclusive.
    pub fn between(&mut self, from: i64, to: i64) -> i64 {
        self.rng.random_range(from..=to)
    }

    pub fn one_of<T: Clone>(&mut self, of: &[T]) -> T {
        of.choose(&mut self.rng).unwrap().clone()
    }

    /// A number that was never given before.
    pub fn number(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// A commit that was never made before.
    pub fn sha(&mut self) -> String {
        let number = self.number();
        format!("{:08x}{:032x}", self.rng.random::<u32>(), number)
    }

    pub fn tell(&mut self, minute: i64, source: Source, event: &'static str, payload: &Value) {
        self.deliveries.push((minute, Told { source, event, body: payload.to_string() }));
    }

    /// Tells of something at GitHub. The payloads of `acme/api` do for other repositories too.
    pub fn tell_github(&mut self, minute: i64, repository: &str, event: &'static str, payload: &Value) {
        let name = repository.rsplit('/').next().unwrap();
        let mut payload = payload.clone();
        payload["repository"]["name"] = json!(name);
        let body = payload.to_string().replace(API, repository).replace(API_HERE, API);
        self.deliveries.push((minute, Told { source: Source::Github, event, body }));
    }

    pub fn tell_gitlab(&mut self, minute: i64, event: &'static str, payload: &Value) {
        self.tell(minute, Source::Gitlab, event, payload);
    }

    /// When something was open: closed, reopened and closed again as chance has it.
    fn intervals(&mut self, from: i64) -> Vec<(i64, Option<i64>)> {
        let mut intervals = vec![(from, None)];
        let mut minute = from;
        loop {
            minute += self.between(60, LENGTH / 2);
            if self.chance(0.15) {
                break;
            }
            intervals.last_mut().unwrap().1 = Some(minute);
            if !self.chance(0.35) {
                break;
            }
            minute += self.between(1, 600);
            intervals.push((minute, None));
        }
        intervals
    }

    fn issues(&mut self) {
        for _ in 0..self.between(2, 4) {
            self.github_issue();
        }
        for _ in 0..self.between(2, 3) {
            self.jira_issue();
        }
        for _ in 0..self.between(1, 3) {
            self.gitlab_issue();
        }
        let (start, complete) = (self.between(-600, 0), self.between(LENGTH / 2, LENGTH));
        let sprint = key("jira:acme.atlassian.net/agile/sprint/3");
        self.tell(start, Source::Jira, "", &jira_sprint("sprint_started", 3, start, start, None));
        let closed = jira_sprint("sprint_closed", 3, complete, start, Some(complete));
        self.tell(complete, Source::Jira, "", &closed);
        self.truth.parents.insert(sprint.clone(), None);
        self.truth.lives.insert(sprint, vec![(start, Some(complete))]);
    }

    fn live(&mut self, issue: &Key, intervals: Vec<(i64, Option<i64>)>) {
        self.truth.parents.insert(issue.clone(), None);
        self.truth.lives.insert(issue.clone(), intervals);
    }

    fn github_issue(&mut self) {
        let number = self.number();
        let created = self.between(0, LENGTH / 4);
        let intervals = self.intervals(created);
        let labels = [json!([]), json!([{"name": "team:payments"}]), json!([{"name": "bug"}])];
        let mut labelled = labels[0].clone();
        let mut tell = |organisation: &mut Self, action: &str, minute, closed: Option<i64>| {
            if action == "labeled" {
                labelled = organisation.one_of(&labels[1..]);
            }
            let mut payload = issue(action, number, minute, closed);
            payload["issue"]["created_at"] = json!(time(created));
            payload["issue"]["labels"] = labelled.clone();
            if action == "labeled" {
                payload["label"] = labelled[0].clone();
            }
            organisation.tell_github(minute, API, "issues", &payload);
        };
        for (n, (start, end)) in intervals.iter().enumerate() {
            tell(self, if n == 0 { "opened" } else { "reopened" }, *start, None);
            if self.chance(0.5) && end.is_none_or(|end| end > start + 7) {
                tell(self, "labeled", start + 7, None);
            }
            if let Some(end) = end {
                tell(self, "closed", *end, Some(*end));
                if self.chance(0.2) && intervals.len() == n + 1 {
                    tell(self, "labeled", end + 5, Some(*end));
                }
            }
        }
        let item = key(&format!("github:github.com/{API}/issue/{number}"));
        self.live(&item, intervals);
        self.github.push((item, number));
    }

    fn gitlab_issue(&mut self) {
        let number = self.number();
        let created = self.between(0, LENGTH / 4);
        let intervals = self.intervals(created);
        for (n, (start, end)) in intervals.iter().enumerate() {
            let action = if n == 0 { "open" } else { "reopen" };
            let hook = gitlab_issue(self.shop, action, number, (created, *start), None);
            self.tell_gitlab(*start, "Issue Hook", &hook);
            if let Some(end) = end {
                let hook = gitlab_issue(self.shop, "close", number, (created, *end), Some(*end));
                self.tell_gitlab(*end, "Issue Hook", &hook);
            }
        }
        let item = key(&format!("gitlab:gitlab.com/{}/issue/{number}", self.shop));
        self.live(&item, intervals);
        self.gitlab.push((item, number));
    }

    /// To do, in progress, in review, done; and back to what is in progress.
    fn jira_issue(&mut self) {
        let number = self.number();
        let created = self.between(0, LENGTH / 4);
        let intervals = self.intervals(created);
        let (mut status, mut changed) = (("To Do", "new"), created);
        let mut tell = |organisation: &mut Self, minute, to: (&'static str, &'static str)| {
            let before = (minute != created).then_some(status.0);
            if to.1 != status.1 {
                changed = minute;
            }
            status = to;
            let event = if before.is_some() { "jira:issue_updated" } else { "jira:issue_created" };
            let mut payload = jira_issue(event, number, minute, status, before);
            payload["issue"]["fields"]["created"] = json!(jira_time(created));
            payload["issue"]["fields"]["statuscategorychangedate"] = json!(jira_time(changed));
            organisation.tell(minute, Source::Jira, "", &payload);
        };
        for (n, (start, end)) in intervals.iter().enumerate() {
            tell(self, *start, if n == 0 { ("To Do", "new") } else { ("In Progress", "indeterminate") });
            if self.chance(0.7) {
                let review = if n == 0 { "In Progress" } else { "In Review" };
                if end.is_none_or(|end| end > start + 30) {
                    tell(self, start + 30, (review, "indeterminate"));
                }
            }
            if let Some(end) = end {
                tell(self, *end, ("Done", "done"));
            }
        }
        let item = key(&format!("jira:acme.atlassian.net/PAY/issue/PAY-{number}"));
        self.truth.links.insert((item.clone(), key("jira:acme.atlassian.net/agile/sprint/3")));
        self.live(&item, intervals);
        self.jira.push((item, number));
    }
}
