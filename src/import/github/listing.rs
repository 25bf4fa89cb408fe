//! What there is, oldest first: the entries of each listing of a repository since a moment, handed to
//! a [`Sink`] in small lots. A listing that changes while it is read loses nothing: issues and pull
//! requests are followed by the time of their last change, runs by windows of time, the others are
//! read whole, newest first, before the oldest is handed over. A repository can have its issues
//! switched off; its pull requests are then not among them, and are listed by themselves.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::tz::TimeZone;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Url;
use serde_json::{Value, json};

use super::client::{Api, ApiError};
use super::payload;
use crate::import::ImportError;
use crate::work::time::Time;

/// How many entries are handed over at a time: what an interruption can cost.
const LOT: usize = 20;
/// GitHub shows this many runs of a window and no more.
const LARGEST_WINDOW: u64 = 1_000;
/// What is written as it is in a path.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// What of a repository is listed, in the order in which it is imported: what others hang below
/// comes first, so that a server beside finds it when it exports the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Issues,
    PullRequests,
    Commits,
    Runs,
    Deployments,
    Releases,
}

impl Stage {
    pub(super) const ALL: [Stage; 6] = [
        Stage::Issues,
        Stage::PullRequests,
        Stage::Commits,
        Stage::Runs,
        Stage::Deployments,
        Stage::Releases,
    ];

    /// In the words of messages and of the progress file.
    pub(super) fn name(self) -> &'static str {
        match self {
            Stage::Issues => "issues",
            Stage::PullRequests => "pull requests",
            Stage::Commits => "commits that close issues",
            Stage::Runs => "workflow runs",
            Stage::Deployments => "deployments",
            Stage::Releases => "releases",
        }
    }

    /// The time that an entry is listed by.
    pub(super) fn moment(self, entry: &Value) -> Option<Time> {
        let place = match self {
            Stage::Issues | Stage::PullRequests => "/updated_at",
            Stage::Commits => "/commit/committer/date",
            Stage::Runs | Stage::Deployments => "/created_at",
            // Null for a draft.
            Stage::Releases => "/published_at",
        };
        Time::parse(entry.pointer(place)?.as_str()?)
    }

    /// What tells an entry from the others of its listing.
    fn id(self, entry: &Value) -> Option<String> {
        let id = entry.get(if self == Stage::Commits { "sha" } else { "id" })?;
        (!id.is_null()).then(|| id.to_string())
    }
}

/// A repository that is imported.
#[derive(Debug)]
pub(super) struct Repository {
    /// As GitHub writes it.
    pub(super) full_name: String,
    /// The API's object.
    pub(super) object: Value,
}

impl Repository {
    pub(super) fn new(object: Value, asked: &str) -> Result<Self, ApiError> {
        match object.get("full_name").and_then(Value::as_str) {
            Some(full_name) => Ok(Self { full_name: full_name.to_owned(), object }),
            None => Err(shape(asked, "full_name is missing")),
        }
    }

    /// The host in the keys of its items.
    pub(super) fn host(&self) -> Option<String> {
        let address: Url = self.object.get("html_url")?.as_str()?.parse().ok()?;
        let host = address.host_str()?;
        Some(address.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
    }

    /// Whether issues are switched off, as far as GitHub says.
    fn has_no_issues(&self) -> bool {
        self.object.get("has_issues").and_then(Value::as_bool) == Some(false)
    }

    /// The path of something in it.
    pub(super) fn path(&self, rest: &str) -> String {
        format!("repos/{}/{rest}", segments(&self.full_name))
    }
}

/// Where what is listed goes.
pub(super) trait Sink {
    /// Up to when a listing was handed over before.
    fn reached(&self, listing: &str) -> Option<Time>;

    /// Takes entries of a stage, oldest first. When it returns, they are done.
    async fn take(
        &mut self,
        stage: Stage,
        repository: &Arc<Repository>,
        entries: Vec<Value>,
    ) -> Result<(), ImportError>;

    /// Everything of a listing up to `until` is handed over.
    fn complete(&mut self, listing: &str, until: Time) -> Result<(), ImportError>;
}

/// The name of a listing.
pub(super) fn listing(stage: Stage, repository: &Repository) -> String {
    format!("{} {}", repository.full_name, stage.name())
}

pub(super) fn shape(asked: &str, reason: &str) -> ApiError {
    ApiError::Shape { asked: asked.to_owned(), reason: reason.to_owned() }
}

/// `owner/name` as two segments of a path.
pub(super) fn segments(path: &str) -> String {
    let segment = |text| utf8_percent_encode(text, PLAIN).to_string();
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

/// A time in whole seconds, as the API's filters take it.
fn seconds(time: Time) -> String {
    let whole = jiff::Timestamp::from_second(time.micros().div_euclid(1_000_000)).unwrap_or_default();
    whole.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The members of a page: it is a list, or an object that has one.
fn members(body: Value, member: Option<&str>, asked: &str) -> Result<Vec<Value>, ApiError> {
    let list = match (body, member) {
        (Value::Object(mut object), Some(member)) => object.remove(member).unwrap_or_default(),
        (body, _) => body,
    };
    match list {
        Value::Array(list) => Ok(list),
        _ => Err(shape(asked, "a list is missing")),
    }
}

/// All members of all pages from `path` on; of what is gone none.
pub(super) async fn all(
    api: &Api,
    path: &str,
    member: Option<&str>,
    asked: &str,
) -> Result<Vec<Value>, ApiError> {
    let mut found = Vec::new();
    let mut next = Some(api.url(path)?);
    while let Some(url) = next {
        let Some(page) = api.page(url, asked).await? else { break };
        found.extend(members(page.body, member, asked)?);
        next = page.next;
    }
    Ok(found)
}

/// Lists one stage of a repository from where the sink stands, else from `since`.
pub(super) async fn list<S: Sink>(
    api: &Api,
    stage: Stage,
    repository: &Arc<Repository>,
    since: Time,
    sink: &mut S,
) -> Result<(), ImportError> {
    let name = listing(stage, repository);
    let from = sink.reached(&name).map_or(since, |reached| reached.max(since));
    let until = Time::from_micros(api.now().as_microsecond()).unwrap_or(from);
    let mut list = Listing { api, stage, repository, name, from, until, done: 0, sink };
    match stage {
        Stage::Issues if repository.has_no_issues() => Ok(()),
        // By their creation, since that order stands still. Any of them can have changed lately.
        Stage::PullRequests if repository.has_no_issues() => {
            list.newest_first("pulls?state=all&sort=created&direction=desc&per_page=100", Old::AmongNew).await
        }
        Stage::Issues | Stage::PullRequests => list.changes().await,
        Stage::Commits => {
            let path = format!("commits?per_page=100&since={}", seconds(from));
            list.newest_first(&path, Old::AmongNew).await
        }
        Stage::Runs => list.windows().await,
        Stage::Deployments => list.newest_first("deployments?per_page=100", Old::Behind).await,
        Stage::Releases => list.newest_first("releases?per_page=100", Old::Behind).await,
    }
}

/// Where entries that are too old stand in a list that has the newest first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Old {
    /// Behind the others, or nearly so: a page of nothing but these is the last one to read.
    Behind,
    /// Anywhere.
    AmongNew,
}

/// An entry of a long list, without what is not needed of it.
fn kept(stage: Stage, repository: &Repository, entry: Value) -> Option<Value> {
    match stage {
        Stage::Commits => payload::closing_commit(&repository.host()?, &repository.full_name, &entry),
        Stage::PullRequests => {
            let part = |name: &str| entry.get(name).cloned().unwrap_or_default();
            Some(json!({ "id": part("id"), "number": part("number"), "updated_at": part("updated_at") }))
        }
        _ => Some(entry),
    }
}

struct Listing<'a, S> {
    api: &'a Api,
    stage: Stage,
    repository: &'a Arc<Repository>,
    name: String,
    from: Time,
    until: Time,
    done: u64,
    sink: &'a mut S,
}

impl<S: Sink> Listing<'_, S> {
    async fn page(&self, url: Url) -> Result<Option<super::client::Page>, ImportError> {
        self.api.page(url, &self.name).await.map_err(ImportError::source)
    }

    fn url(&self, rest: &str) -> Result<Url, ImportError> {
        self.api.url(&self.repository.path(rest)).map_err(ImportError::source)
    }

    fn begin(&self, total: Option<u64>) {
        self.api.show().begin(&self.name, total);
    }

    async fn hand_over(&mut self, entries: Vec<Value>) -> Result<(), ImportError> {
        let mut entries = entries.into_iter();
        loop {
            let lot: Vec<Value> = entries.by_ref().take(LOT).collect();
            let Some(last) = lot.last() else { return Ok(()) };
            let moment = self.stage.moment(last);
            self.done += lot.len() as u64;
            self.sink.take(self.stage, self.repository, lot).await?;
            if let Some(moment) = moment {
                self.sink.complete(&self.name, moment)?;
            }
            self.api.show().done(self.done);
        }
    }

    /// Issues or pull requests by their last change. Each page asks for what changed since the last
    /// entry of the page before: pages by number would skip one for each that changes meanwhile.
    async fn changes(&mut self) -> Result<(), ImportError> {
        self.begin(None);
        let pulls = self.stage == Stage::PullRequests;
        let mut from = self.from;
        let mut seen: HashSet<(u64, Time)> = HashSet::new();
        let since = |from| {
            format!("issues?state=all&sort=updated&direction=asc&per_page=100&since={}", seconds(from))
        };
        let mut url = self.url(&since(from))?;
        loop {
            let Some(page) = self.page(url).await? else { return Ok(()) };
            let entries = members(page.body, None, &self.name).map_err(ImportError::source)?;
            let last = entries.iter().filter_map(|entry| self.stage.moment(entry)).next_back();
            let mut fresh = Vec::new();
            for entry in entries {
                let Some(mark) = entry.get("number").and_then(Value::as_u64).zip(self.stage.moment(&entry))
                else {
                    return Err(ImportError::source(shape(&self.name, "number or updated_at is missing")));
                };
                if seen.insert(mark) && entry.get("pull_request").is_some() == pulls {
                    fresh.push(entry);
                }
            }
            self.hand_over(fresh).await?;
            let (Some(next), Some(last)) = (page.next, last) else { return Ok(()) };
            url = if last.since(from) >= 1_000_000 {
                from = last;
                seen.retain(|(_, at)| *at == last);
                self.url(&since(from))?
            } else {
                // A page full of one second.
                next
            };
        }
    }

    /// Runs by windows of their creation, each small enough to be shown whole.
    async fn windows(&mut self) -> Result<(), ImportError> {
        let second = 1_000_000;
        let mut windows = vec![(self.from, self.until)];
        let mut told = false;
        while let Some((from, until)) = windows.pop() {
            let window = format!("{}..{}", seconds(from), seconds(until));
            let url = self.url(&format!("actions/runs?per_page=100&created={window}"))?;
            let Some(page) = self.page(url).await? else { return Ok(()) };
            let total = page.body.get("total_count").and_then(Value::as_u64).unwrap_or_default();
            if !told {
                self.begin(Some(total));
                told = true;
            }
            let length = until.since(from);
            if total > LARGEST_WINDOW && length > second {
                let middle = from.plus(length / 2 / second * second);
                windows.push((middle.plus(second), until));
                windows.push((from, middle));
                continue;
            }
            let mut runs =
                members(page.body, Some("workflow_runs"), &self.name).map_err(ImportError::source)?;
            let mut next = page.next;
            while let Some(url) = next {
                let Some(page) = self.page(url).await? else { break };
                runs.extend(
                    members(page.body, Some("workflow_runs"), &self.name).map_err(ImportError::source)?,
                );
                next = page.next;
            }
            self.in_order(runs).await?;
            self.sink.complete(&self.name, until)?;
        }
        Ok(())
    }

    /// What is listed newest first: read until it is too old.
    async fn newest_first(&mut self, path: &str, too_old: Old) -> Result<(), ImportError> {
        let mut found = Vec::new();
        let mut next = Some(self.url(path)?);
        while let Some(url) = next {
            let Some(page) = self.page(url).await? else { break };
            let entries = members(page.body, None, &self.name).map_err(ImportError::source)?;
            let old = |entry: &Value| self.stage.moment(entry).is_some_and(|moment| moment < self.from);
            // A draft has no time; and a release can be published long after its commit, by which
            // they are listed. So it takes a page of nothing but old ones.
            next = page.next.filter(|_| too_old == Old::AmongNew || !entries.iter().all(old));
            let listed = entries.into_iter().filter(|entry| self.stage.moment(entry).is_some());
            let wanted = listed.filter(|entry| !old(entry));
            found.extend(wanted.filter_map(|entry| kept(self.stage, self.repository, entry)));
        }
        self.begin(Some(found.len() as u64));
        self.in_order(found).await
    }

    async fn in_order(&mut self, mut entries: Vec<Value>) -> Result<(), ImportError> {
        entries.sort_by_cached_key(|entry| (self.stage.moment(entry), self.stage.id(entry)));
        // A page that moved on while it was read shows its last entries again.
        entries.dedup_by_key(|entry| self.stage.id(entry));
        self.hand_over(entries).await
    }
}
