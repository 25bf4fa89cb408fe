//! Pull requests at GitHub and merge requests at GitLab: which issue each names and in which way, the
//! pushes to its branch, drafts, reviews, closings and reopenings.

use serde_json::{Value, json};
use valuestream::work::key::Key;

use super::organisation::{API, API_HERE, LENGTH, Organisation, WEB, ZERO, key};
use crate::support::payloads::*;

/// A change, once its life is known.
#[derive(Clone, Debug)]
pub struct Change {
    pub key: Key,
    /// Its repository's path.
    pub path: &'static str,
    pub github: bool,
    pub number: u64,
    pub branch: String,
    pub title: String,
    /// The commits that were its head, with the minutes of their pushes.
    pub heads: Vec<(String, i64)>,
    /// When it was merged, and the commit that this made.
    pub merged: Option<(i64, String)>,
}

impl Change {
    /// The repository as `host/path`.
    pub fn repository(&self) -> String {
        format!("{}/{}", self.key.host(), self.path)
    }

    /// Its newest head.
    pub fn head(&self) -> &str {
        &self.heads.last().unwrap().0
    }
}

/// How a change names issues, and which: the first is its parent.
#[derive(Clone, Debug, Default)]
struct Naming {
    branch: String,
    title: String,
    body: String,
    message: String,
    issues: Vec<Key>,
}

/// What a snapshot shows.
#[derive(Clone, Copy)]
struct Now {
    minute: i64,
    draft: bool,
    closed: Option<i64>,
}

impl Organisation {
    pub fn changes(&mut self, count: usize) -> Vec<Change> {
        let shop = self.shop;
        [API, WEB, shop]
            .into_iter()
            .flat_map(|path| (0..count).map(|_| self.change(path)).collect::<Vec<_>>())
            .collect()
    }

    /// The ways of naming an issue, one by chance.
    fn naming(&mut self, path: &'static str, number: u64) -> Naming {
        let github = path == API || path == WEB;
        let own = if github { self.github.clone() } else { self.gitlab.clone() };
        let (issue, id) = self.one_of(&own);
        let (jira, jira_id) = self.one_of(&self.jira.clone());
        let mut naming = Naming {
            branch: format!("change/nr{number}"),
            title: format!("Change nr {number}"),
            message: "Cache it".to_owned(),
            ..Naming::default()
        };
        // Issues of another repository are named with it.
        let at = if path == WEB { API_HERE } else { "" };
        let word = self.one_of(&["Fixes", "closes:", "Resolves"]);
        let closing = format!("{word} {at}#{id}");
        match self.between(0, 8) {
            0 => {
                naming.body = format!("Caches.\n\n{closing}");
                naming.issues = vec![issue];
            }
            1 => {
                let (source, name) = if github { ("github", "api") } else { ("gitlab", "shop") };
                naming.branch = format!("nr{number}/vstrace-{source}-issue-{name}-{id}");
                naming.issues = vec![issue];
            }
            // A number alone is one of the same repository.
            2 if path != WEB => {
                naming.branch = format!("{id}-cache-of-{number}");
                naming.issues = vec![issue];
            }
            3 => {
                naming.branch = format!("feature/PAY-{jira_id}-nr{number}");
                naming.issues = vec![jira];
            }
            4 => {
                naming.title = format!("pay-{jira_id}: cache nr {number}");
                naming.issues = vec![jira];
            }
            5 => {
                naming.message = format!("[PAY-{jira_id}] Cache it");
                naming.issues = vec![jira];
            }
            6 => {
                naming.title = format!("PAY-{jira_id} Cache nr {number}");
                naming.body = closing;
                naming.issues = vec![issue, jira];
            }
            7 if own.len() > 1 => {
                let others: Vec<(Key, u64)> = own.into_iter().filter(|(key, _)| *key != issue).collect();
                let (other, other_id) = self.one_of(&others);
                naming.body = format!("{closing}, fixes {at}#{other_id}");
                naming.issues = vec![issue, other];
            }
            _ => {}
        }
        naming
    }

    fn change(&mut self, path: &'static str) -> Change {
        let github = path == API || path == WEB;
        let number = self.number();
        let naming = self.naming(path, number);
        let item = match github {
            true => format!("github:github.com/{path}/pull_request/{number}"),
            false => format!("gitlab:gitlab.com/{path}/pull_request/{number}"),
        };
        let opened = self.between(LENGTH / 8, LENGTH / 2);
        let first = self.sha();
        let pushed = opened - self.between(0, 90);
        let mut change = Change {
            key: key(&item),
            path,
            github,
            number,
            branch: naming.branch.clone(),
            title: naming.title.clone(),
            heads: vec![(first, pushed)],
            merged: None,
        };
        self.push(&change, None, &naming.message);
        let mut now = Now { minute: opened, draft: self.chance(0.25), closed: None };
        let mut lives = vec![(opened, None)];
        self.snapshot(&change, &naming, opened, now, "opened", json!({}));
        for _ in 0..self.between(0, 7) {
            now.minute += self.between(1, 400);
            let open = now.closed.is_none();
            match self.between(0, 9) {
                0..=2 if open => {
                    let before = change.head().to_owned();
                    let after = self.sha();
                    change.heads.push((after.clone(), now.minute));
                    self.push(&change, Some(&before), "Add a test");
                    let more = json!({"before": before, "after": after});
                    self.snapshot(&change, &naming, opened, now, "synchronize", more);
                }
                3..=4 if open => {
                    let state = self.one_of(&["approved", "changes_requested", "commented"]);
                    self.snapshot(&change, &naming, opened, now, "submitted", json!({"review": state}));
                }
                5 if open => {
                    now.draft = !now.draft;
                    let action = if now.draft { "converted_to_draft" } else { "ready_for_review" };
                    self.snapshot(&change, &naming, opened, now, action, json!({}));
                }
                6 => self.snapshot(
                    &change,
                    &naming,
                    opened,
                    now,
                    "labeled",
                    json!({"label": {"name": "team/core"}}),
                ),
                7..=8 if open => {
                    now.closed = Some(now.minute);
                    lives.last_mut().unwrap().1 = now.closed;
                    self.snapshot(&change, &naming, opened, now, "closed", json!({}));
                }
                9 if !open => self.reopen(&change, &naming, opened, &mut now, &mut lives),
                _ => {}
            }
        }
        if self.chance(0.85) {
            now.minute += self.between(1, 200);
            if now.closed.is_some() {
                self.reopen(&change, &naming, opened, &mut now, &mut lives);
                now.minute += self.between(1, 200);
            }
            let sha = self.sha();
            change.merged = Some((now.minute, sha));
            now.closed = Some(now.minute);
            lives.last_mut().unwrap().1 = now.closed;
            self.snapshot(&change, &naming, opened, now, "merged", json!({}));
            self.truth.merges.push((change.repository(), now.minute, change.key.clone()));
            self.push_merge(&change, &naming);
        }
        self.truth.lives.insert(change.key.clone(), lives);
        self.truth.parents.insert(change.key.clone(), naming.issues.first().cloned());
        self.truth
            .links
            .extend(naming.issues.iter().skip(1).map(|issue| (change.key.clone(), issue.clone())));
        change
    }

    fn reopen(
        &mut self,
        change: &Change,
        naming: &Naming,
        opened: i64,
        now: &mut Now,
        lives: &mut Vec<(i64, Option<i64>)>,
    ) {
        now.closed = None;
        lives.push((now.minute, None));
        self.snapshot(change, naming, opened, *now, "reopened", json!({}));
    }

    /// A push of the newest head to the branch: a commit or two, made in the minutes before.
    fn push(&mut self, change: &Change, before: Option<&str>, message: &str) {
        let (sha, minute) = change.heads.last().unwrap().clone();
        let first = self.sha();
        let mut commits = vec![(sha.as_str(), message, minute - 1)];
        if self.chance(0.4) {
            commits.insert(0, (first.as_str(), "Begin", minute - 9));
        }
        // A forced push says what it threw away as the state before, as any other does.
        let forced = before.is_some() && self.chance(0.3);
        let before = before.unwrap_or(ZERO);
        if change.github {
            let mut payload = push(&change.branch, before, &commits);
            payload["forced"] = json!(forced);
            self.tell_github(minute, change.path, "push", &payload);
        } else {
            let hook = gitlab_push(change.path, &change.branch, before, &commits);
            self.tell_gitlab(minute, "Push Hook", &hook);
        }
    }

    /// The merge's own commit on the main branch, whose message can name the issue again.
    fn push_merge(&mut self, change: &Change, naming: &Naming) {
        let Some((minute, sha)) = &change.merged else { return };
        if self.chance(0.4) {
            return;
        }
        let message = format!("Merge nr {}\n\n{}", change.number, naming.body);
        let before = self.sha();
        let commits = [(change.head(), "Cache it", minute - 1), (sha.as_str(), message.as_str(), *minute)];
        if change.github {
            self.tell_github(*minute, change.path, "push", &push("main", &before, &commits));
        } else {
            let hook = gitlab_push(change.path, "main", &before, &commits);
            self.tell_gitlab(*minute, "Push Hook", &hook);
        }
    }

    /// A delivery about the change, as it is now.
    fn snapshot(
        &mut self,
        change: &Change,
        naming: &Naming,
        opened: i64,
        now: Now,
        action: &str,
        more: Value,
    ) {
        if change.github {
            self.github_snapshot(change, naming, opened, now, action, more);
        } else {
            self.gitlab_snapshot(change, naming, opened, now, action, more);
        }
    }

    fn github_snapshot(
        &mut self,
        change: &Change,
        naming: &Naming,
        opened: i64,
        now: Now,
        action: &str,
        mut more: Value,
    ) {
        let merged = change.merged.as_ref().map(|(at, _)| *at);
        let told = if action == "merged" { "closed" } else { action };
        let mut payload = pull_request(told, change.number, now.minute, merged);
        let pull = &mut payload["pull_request"];
        pull["created_at"] = json!(time(opened));
        pull["closed_at"] = json!(now.closed.map(time));
        pull["state"] = json!(if now.closed.is_some() { "closed" } else { "open" });
        pull["draft"] = json!(now.draft);
        pull["title"] = json!(naming.title);
        pull["body"] = json!(naming.body);
        pull["head"]["ref"] = json!(naming.branch);
        pull["head"]["sha"] = json!(change.head());
        pull["commits"] = json!(change.heads.len());
        // Until it is merged this is a trial merge, another one with each head.
        let trial = format!("{}{}", &change.head()[20..], &change.head()[..20]);
        pull["merge_commit_sha"] = json!(change.merged.as_ref().map_or(&trial, |(_, sha)| sha));
        if action == "submitted" {
            let state = more["review"].take();
            payload["review"] = review(change.number, now.minute, state.as_str().unwrap())["review"].clone();
            self.tell_github(now.minute, change.path, "pull_request_review", &payload);
            return;
        }
        payload.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        self.tell_github(now.minute, change.path, "pull_request", &payload);
    }

    fn gitlab_snapshot(
        &mut self,
        change: &Change,
        naming: &Naming,
        opened: i64,
        now: Now,
        action: &str,
        more: Value,
    ) {
        let state = match (now.closed, &change.merged) {
            (_, Some(_)) => "merged",
            (Some(_), _) => "closed",
            _ => "opened",
        };
        let told = match action {
            "opened" => "open",
            "closed" => "close",
            "reopened" => "reopen",
            "merged" => "merge",
            "submitted" => "approved",
            _ => "update",
        };
        let times = (opened, now.minute);
        let head = (naming.branch.as_str(), change.head());
        let mut hook = gitlab_merge_request(change.path, told, change.number, times, state, head);
        let attributes = &mut hook["object_attributes"];
        attributes["title"] = json!(naming.title);
        attributes["description"] = json!(naming.body);
        attributes["draft"] = json!(now.draft);
        if let Some((_, sha)) = &change.merged {
            attributes["merge_commit_sha"] = json!(sha);
        }
        match action {
            "synchronize" => attributes["oldrev"] = more["before"].clone(),
            "submitted" => hook["user"] = json!({"id": 8, "username": "grace"}),
            "labeled" => {
                let label = json!([{"title": "team::core"}]);
                hook["changes"] = json!({"labels": {"previous": [], "current": label}});
            }
            "converted_to_draft" | "ready_for_review" => {
                hook["changes"] = json!({"draft": {"previous": !now.draft, "current": now.draft}});
            }
            _ => {}
        }
        self.tell_gitlab(now.minute, "Merge Request Hook", &hook);
    }
}
