//! From what is listed to what is committed: the details of each entry are asked for, a few entries
//! at a time, put into payloads and handed in; then the progress is noted. Or, for a dry run, all of
//! it is only counted.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::Value;
use tokio::task::JoinSet;

use super::client::{Api, ApiError};
use super::listing::{self, Repository, Sink, Stage, all, segments};
use super::payload;
use crate::import::{Group, ImportError, Intake, Progress};
use crate::store::Store;
use crate::work::event::{Relation, Target};
use crate::work::key::{Key, Kind, Source};
use crate::work::time::Time;

/// How many pages of tags are looked through for those of releases.
const TAG_PAGES: usize = 10;

/// Of what history is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// These repositories, `owner/name`.
    Repositories(Vec<String>),
    /// All of an organisation's that the token may see.
    Organisation(String),
}

/// What an import would bring.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Entries by what they are.
    pub entries: BTreeMap<&'static str, u64>,
    /// Requests that their details take, at least.
    pub requests: u64,
}

/// Imports the history of `scope`, from where `progress` stands. Says how much had to be left out; each
/// with a line that says why.
pub async fn import<S: Store>(
    api: &Arc<Api>,
    scope: &Scope,
    intake: &mut Intake<'_, S>,
    progress: &mut Progress,
) -> Result<u64, ImportError> {
    let since = progress.since();
    let mut importing = Importing { api: api.clone(), intake, progress, tags: HashMap::new(), left_out: 0 };
    let listings = walk(api, scope, since, &mut importing).await?;
    Ok(listings + importing.left_out)
}

/// Counts what an import of `scope` would bring. Asks for lists alone.
pub async fn plan(api: &Arc<Api>, scope: &Scope, since: Time) -> Result<Plan, ImportError> {
    let mut plan = Plan::default();
    walk(api, scope, since, &mut plan).await?;
    Ok(plan)
}

/// Walks over all there is, and says how many listings and repositories were left out.
async fn walk<S: Sink>(api: &Arc<Api>, scope: &Scope, since: Time, sink: &mut S) -> Result<u64, ImportError> {
    let mut left_out = 0;
    for repository in repositories(api, scope).await.map_err(ImportError::source)? {
        for stage in Stage::ALL {
            let Err(error) = listing::list(api, stage, &repository, since, sink).await else { continue };
            let Some(lacks) = lack(api, &repository, &error).await.map_err(ImportError::source)? else {
                return Err(error);
            };
            left_out += 1;
            api.show().say(&format!("left out: {error}"));
            if lacks == Lack::Repository {
                break;
            }
        }
    }
    Ok(left_out)
}

/// What cannot be had of a repository that was there when the walk began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lack {
    /// One of its listings: this GitHub does not have such a thing.
    Listing,
    /// All of it.
    Repository,
}

/// Whether an error is about one repository, so that the others can be imported without it.
async fn lack(api: &Api, repository: &Repository, error: &ImportError) -> Result<Option<Lack>, ApiError> {
    let ImportError::Source(error) = error else { return Ok(None) };
    match error.downcast_ref() {
        Some(ApiError::Blocked { .. }) => Ok(Some(Lack::Repository)),
        Some(ApiError::NotFound { .. } | ApiError::Moved { .. }) => {
            let there = is_there(api, repository).await?;
            Ok(Some(if there { Lack::Listing } else { Lack::Repository }))
        }
        _ => Ok(None),
    }
}

/// Whether a repository is still where it was.
async fn is_there(api: &Api, repository: &Repository) -> Result<bool, ApiError> {
    let url = api.url(&format!("repos/{}", segments(&repository.full_name)))?;
    match api.page(url, &format!("repository {}", repository.full_name)).await {
        Ok(page) => Ok(page.is_some()),
        Err(ApiError::NotFound { .. } | ApiError::Moved { .. } | ApiError::Blocked { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

async fn repositories(api: &Api, scope: &Scope) -> Result<Vec<Arc<Repository>>, ApiError> {
    let mut found = Vec::new();
    match scope {
        Scope::Repositories(names) => {
            for name in names {
                let asked = format!("repository {name}");
                let url = api.url(&format!("repos/{}", segments(name)))?;
                let Some(page) = api.page(url, &asked).await? else {
                    return Err(ApiError::NotFound { asked });
                };
                found.push(Arc::new(Repository::new(page.body, &asked)?));
            }
        }
        Scope::Organisation(name) => {
            let asked = format!("organisation {name}");
            let path =
                format!("orgs/{}/repos?type=all&sort=full_name&direction=asc&per_page=100", segments(name));
            for object in all(api, &path, None, &asked).await? {
                found.push(Arc::new(Repository::new(object, &asked)?));
            }
        }
    }
    Ok(found)
}

/// What an entry is, in full.
#[derive(Debug)]
struct Found {
    /// The entry, or its object in full where the list shows less. Of a run all attempts.
    objects: Vec<Value>,
    /// Its timeline, jobs or statuses.
    more: Vec<Value>,
    /// The parts of an issue, and what it waits for.
    links: [Vec<Value>; 2],
}

impl Found {
    fn new(objects: Vec<Value>, more: Vec<Value>) -> Self {
        Self { objects, more, links: Default::default() }
    }
}

/// What an issue can have to do with others: what says how many, and where they are listed.
const LINKS: [(&str, &str); 2] = [
    ("/sub_issues_summary/total", "sub_issues"),
    ("/issue_dependencies_summary/total_blocked_by", "dependencies/blocked_by"),
];

/// Whether an issue has any of these.
fn has_any(issue: &Value, count: &str) -> bool {
    issue.pointer(count).and_then(Value::as_u64).is_some_and(|count| count > 0)
}

/// Whether nothing ever happened to an issue but its opening, as far as the list tells.
fn is_quiet(issue: &Value) -> bool {
    let none = |name: &str| match issue.get(name) {
        None | Some(Value::Null) => true,
        Some(Value::Array(list)) => list.is_empty(),
        Some(value) => value.as_u64() == Some(0),
    };
    let untouched = issue.get("updated_at").is_some() && issue.get("updated_at") == issue.get("created_at");
    untouched && ["comments", "labels", "assignees", "milestone", "closed_at", "type"].iter().all(|n| none(n))
}

/// How many requests the details of an entry take, at least.
fn requests(stage: Stage, entry: &Value) -> u64 {
    match stage {
        Stage::Issues => {
            let links = LINKS.iter().filter(|(count, _)| has_any(entry, count)).count() as u64;
            links + u64::from(!is_quiet(entry))
        }
        Stage::Commits => 0,
        Stage::PullRequests => 2,
        Stage::Runs => entry.get("run_attempt").and_then(Value::as_u64).unwrap_or(1).max(1),
        Stage::Deployments => 1,
        Stage::Releases => 0,
    }
}

impl Sink for Plan {
    fn reached(&self, _: &str) -> Option<Time> {
        None
    }

    async fn take(
        &mut self,
        stage: Stage,
        _: &Arc<Repository>,
        entries: Vec<Value>,
    ) -> Result<(), ImportError> {
        *self.entries.entry(stage.name()).or_default() += entries.len() as u64;
        self.requests += entries.iter().map(|entry| requests(stage, entry)).sum::<u64>();
        Ok(())
    }

    fn complete(&mut self, _: &str, _: Time) -> Result<(), ImportError> {
        Ok(())
    }
}

struct Importing<'i, 'a, S> {
    api: Arc<Api>,
    intake: &'i mut Intake<'a, S>,
    progress: &'i mut Progress,
    /// The commits of a repository's tags, as far as they were looked up.
    tags: HashMap<String, HashMap<String, String>>,
    /// Entries that GitHub fails at.
    left_out: u64,
}

impl<S: Store> Sink for Importing<'_, '_, S> {
    fn reached(&self, listing: &str) -> Option<Time> {
        self.progress.cursor(listing).and_then(Time::parse)
    }

    async fn take(
        &mut self,
        stage: Stage,
        repository: &Arc<Repository>,
        entries: Vec<Value>,
    ) -> Result<(), ImportError> {
        let mut asking = JoinSet::new();
        let lot = entries.len();
        for (index, entry) in entries.into_iter().enumerate() {
            let (api, repository) = (self.api.clone(), repository.clone());
            asking.spawn(async move { (index, details(&api, stage, &repository, entry).await) });
        }
        let mut found: Vec<Option<Found>> = Vec::new();
        found.resize_with(lot, || None);
        while let Some(joined) = asking.join_next().await {
            let (index, details) = joined.map_err(ImportError::source)?;
            found[index] = match details {
                Ok(details) => details,
                // GitHub has such entries, say with a timeline that it never gets ready. It is only
                // the entry, if all else is answered.
                Err(error @ ApiError::GivenUp { answered: true, .. })
                    if is_there(&self.api, repository).await.map_err(ImportError::source)? =>
                {
                    self.api.show().say(&format!("left out: {error}"));
                    self.left_out += 1;
                    None
                }
                Err(error) => return Err(ImportError::source(error)),
            };
        }
        let mut groups = Vec::new();
        for found in found.into_iter().flatten() {
            groups.push(self.group(stage, repository, found).await?);
        }
        self.intake.take(groups).await
    }

    fn complete(&mut self, listing: &str, until: Time) -> Result<(), ImportError> {
        self.progress.reached(listing, &until.to_string())
    }
}

/// Asks for what the list does not show. `None` if it has gone since it was listed.
async fn details(
    api: &Api,
    stage: Stage,
    repository: &Repository,
    entry: Value,
) -> Result<Option<Found>, ApiError> {
    let id = |name: &str| entry.get(name).and_then(Value::as_u64);
    let asked = listing::listing(stage, repository);
    if stage == Stage::Commits {
        return Ok(Some(Found::new(vec![entry], Vec::new())));
    }
    let Some(number) = id(if matches!(stage, Stage::Issues | Stage::PullRequests) { "number" } else { "id" })
    else {
        return Err(listing::shape(&asked, "an id is missing"));
    };
    let asked = format!("{asked} {number}");
    let timeline = repository.path(&format!("issues/{number}/timeline?per_page=100"));
    let found = match stage {
        Stage::Issues => {
            let mut more = Vec::new();
            if !is_quiet(&entry) {
                more = there(all(api, &timeline, None, &asked).await)?.unwrap_or_default();
            }
            let mut found = Found::new(Vec::new(), more);
            for ((count, list), links) in LINKS.into_iter().zip(&mut found.links) {
                if has_any(&entry, count) {
                    let path = repository.path(&format!("issues/{number}/{list}?per_page=100"));
                    *links = there(all(api, &path, None, &asked).await)?.unwrap_or_default();
                }
            }
            found.objects.push(entry);
            found
        }
        Stage::PullRequests => {
            let url = api.url(&repository.path(&format!("pulls/{number}")))?;
            let Some(page) = there(api.page(url, &asked).await)?.flatten() else { return Ok(None) };
            if !page.body.is_object() {
                return Err(listing::shape(&asked, "a pull request is no object"));
            }
            let more = there(all(api, &timeline, None, &asked).await)?.unwrap_or_default();
            Found::new(vec![page.body], more)
        }
        Stage::Runs => {
            let run = repository.path(&format!("actions/runs/{number}"));
            let mut objects = Vec::new();
            for attempt in 1..id("run_attempt").unwrap_or(1) {
                let url = api.url(&format!("{run}/attempts/{attempt}"))?;
                objects.extend(there(api.page(url, &asked).await)?.flatten().map(|page| page.body));
            }
            objects.push(entry);
            let jobs = format!("{run}/jobs?filter=all&per_page=100");
            let more = there(all(api, &jobs, Some("jobs"), &asked).await)?.unwrap_or_default();
            Found::new(objects, more)
        }
        Stage::Deployments => {
            let statuses = repository.path(&format!("deployments/{number}/statuses?per_page=100"));
            let more = there(all(api, &statuses, None, &asked).await)?.unwrap_or_default();
            Found::new(vec![entry], more)
        }
        Stage::Commits | Stage::Releases => Found::new(vec![entry], Vec::new()),
    };
    Ok(Some(found))
}

/// What was listed a moment ago can have been deleted or moved away since.
fn there<T>(answer: Result<T, ApiError>) -> Result<Option<T>, ApiError> {
    match answer {
        Err(ApiError::NotFound { .. } | ApiError::Moved { .. }) => Ok(None),
        answer => answer.map(Some),
    }
}

impl<S: Store> Importing<'_, '_, S> {
    async fn group(
        &mut self,
        stage: Stage,
        repository: &Repository,
        found: Found,
    ) -> Result<Group, ImportError> {
        let at = payload::repository(&repository.object);
        let object = || found.objects.first().cloned().unwrap_or_default();
        Ok(match stage {
            Stage::Issues => {
                let [parts, blockers] = &found.links;
                let mut group = payload::issue(&at, &object(), &found.more);
                group.extend(payload::issue_links(&at, &object(), parts, blockers));
                group
            }
            Stage::Commits => payload::commit(&at, &object()),
            Stage::PullRequests => payload::pull_request(&at, &object(), &found.more),
            Stage::Runs => payload::runs(&at, &found.objects, &found.more),
            Stage::Deployments => {
                let starter = self.starter(repository, &found.more).await?;
                payload::deployment(&at, &object(), &found.more, starter)
            }
            Stage::Releases => {
                let release = object();
                let tag = release.get("tag_name").and_then(Value::as_str).unwrap_or_default();
                let commit = self.tagged(repository, tag).await?;
                payload::release(&at, &release, commit.as_deref())
            }
        })
    }

    /// The run that started a deployment, and its attempt. The API does not say; but GitHub Actions
    /// gives the deployment's statuses the address of the job, and the job is known by now.
    async fn starter(
        &self,
        repository: &Repository,
        statuses: &[Value],
    ) -> Result<Option<(u64, u64)>, ImportError> {
        let addresses = statuses.iter().flat_map(|status| [status.get("log_url"), status.get("target_url")]);
        let Some(job) = addresses.flatten().filter_map(Value::as_str).find_map(job_of) else {
            return Ok(None);
        };
        let Some(host) = repository.host() else { return Ok(None) };
        let Ok(key) = Key::new(Source::Github, &host, &repository.full_name, Kind::Job, &job.to_string())
        else {
            return Ok(None);
        };
        let (Some(job), _) = self.intake.store().item(&key).await? else { return Ok(None) };
        let runs = job.facts.relations.get(&Relation::Run).map(|latest| latest.value.as_slice());
        Ok(runs.unwrap_or_default().iter().find_map(|target| match target {
            Target::Key(run) => {
                let (id, attempt) = run.id().split_once('.')?;
                Some((id.parse().ok()?, attempt.parse().ok()?))
            }
            _ => None,
        }))
    }

    /// The commit of a tag, if it is among the first that the repository lists.
    async fn tagged(&mut self, repository: &Repository, tag: &str) -> Result<Option<String>, ImportError> {
        if !self.tags.contains_key(&repository.full_name) {
            let tags = tags(&self.api, repository).await.map_err(ImportError::source)?;
            self.tags.insert(repository.full_name.clone(), tags);
        }
        Ok(self.tags.get(&repository.full_name).and_then(|tags| tags.get(tag)).cloned())
    }
}

async fn tags(api: &Api, repository: &Repository) -> Result<HashMap<String, String>, ApiError> {
    let asked = format!("{} tags", repository.full_name);
    let mut tags = HashMap::new();
    let mut next = Some(api.url(&repository.path("tags?per_page=100"))?);
    for _ in 0..TAG_PAGES {
        let Some(url) = next else { break };
        let Some(page) = api.page(url, &asked).await? else { break };
        for tag in page.body.as_array().into_iter().flatten() {
            let name = tag.get("name").and_then(Value::as_str);
            let sha = tag.get("commit").and_then(|commit| commit.get("sha")).and_then(Value::as_str);
            tags.extend(name.zip(sha).map(|(name, sha)| (name.to_owned(), sha.to_owned())));
        }
        next = page.next;
    }
    Ok(tags)
}

/// The job in an address such as `https://github.com/acme/api/actions/runs/7/job/11`, or in the older
/// `https://github.com/acme/api/runs/11`.
fn job_of(address: &str) -> Option<u64> {
    let digits = |text: &str| {
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        text[..end].parse().ok()
    };
    if let Some((_, rest)) = address.split_once("/actions/runs/") {
        return digits(rest.split_once("/job/")?.1);
    }
    digits(address.split_once("/runs/")?.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_job_is_read_from_the_address_of_its_log() {
        assert_eq!(job_of("https://github.com/acme/api/actions/runs/7/job/11"), Some(11));
        assert_eq!(job_of("https://github.com/acme/api/actions/runs/7/job/11#step:2:1"), Some(11));
        assert_eq!(job_of("https://github.com/acme/api/runs/11?check_suite_focus=true"), Some(11));
        assert_eq!(job_of("https://github.com/acme/api/actions/runs/7"), None);
        assert_eq!(job_of("https://ci.example.com/job/api/7/"), None);
    }
}
