//! Jenkins' builds from before the first webhook. What flows: folders → jobs → which of a job's builds
//! are wanted → pages of these, oldest first → the Notification plugin's messages of each → the intake.
//!
//! A listing has the latest build first and moves on while builds start. So the numbers come first, as
//! a list, and pages are read from its end by where their builds stand now; a build that has slipped out of
//! its page is asked for by its number.

mod client;
mod payload;
mod shape;

use std::collections::HashMap;

pub use self::client::{Api, ApiError};
use self::payload::{Job, messages};
use self::shape::{BUILD, Build, Builds, FOLDER, Folder, ITEM, Item, Listed};
use super::{Group, ImportError, Intake, Progress};
use crate::store::Store;
use crate::work::time::Time;

/// How many builds are listed, and how many are read, with one request.
const LISTED: usize = 1_000;
const READ: usize = 100;
/// How often a page is read whose builds have moved on, before they are asked for one by one.
const TRIES: usize = 3;
/// How deep folders may lie in one another.
const DEEPEST: usize = 32;

/// What is imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Jobs and folders, by the path that people write; none: all.
    pub jobs: Vec<String>,
    /// Builds that started since then.
    pub since: Time,
    /// Whether the Jenkins knows its own address, which its webhooks then tell. If not, keys have the
    /// configured host, as with webhooks.
    pub knows_itself: bool,
}

/// How much there was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Jobs with builds in the range.
    pub jobs: u64,
    /// Their builds.
    pub builds: u64,
    /// Of these, how many still run.
    pub running: u64,
    /// Requests that reading these builds takes at least.
    pub pages: u64,
    /// Jobs and folders that were left out, each with a line that says why.
    pub left_out: u64,
}

/// How far a listing has moved on since its numbers were read.
#[derive(Clone, Copy, Debug, Default)]
struct Moved {
    by: usize,
    /// By how much when it was last looked at: by as much again, perhaps, when it is next.
    lately: usize,
}

/// Walks over a Jenkins.
struct Walk<'a> {
    api: &'a Api,
    wanted: &'a Wanted,
    found: Found,
}

/// Imports what is wanted. All of it is durable when this returns.
pub async fn import<S: Store>(
    api: &Api,
    wanted: &Wanted,
    intake: &mut Intake<'_, S>,
    progress: &mut Progress,
) -> Result<Found, ImportError> {
    let mut walk = Walk { api, wanted, found: Found::default() };
    for job in walk.jobs().await? {
        match walk.job(&job, intake, progress).await {
            Err(Ended::Source(error)) => walk.leave_out(error)?,
            Err(Ended::Import(error)) => return Err(error),
            Ok(()) => {}
        }
    }
    Ok(walk.found)
}

/// How much an import would read. Nothing is committed.
pub async fn count(api: &Api, wanted: &Wanted) -> Result<Found, ImportError> {
    let mut walk = Walk { api, wanted, found: Found::default() };
    for job in walk.jobs().await? {
        match walk.numbers(&job).await {
            Ok(numbers) if numbers.is_empty() => {}
            Ok(numbers) => {
                api.show().say(&format!("{}: {} builds", job.path(), numbers.len()));
                walk.found.jobs += 1;
                walk.found.builds += numbers.len() as u64;
                walk.found.pages += numbers.len().div_ceil(READ) as u64;
            }
            Err(error) => walk.leave_out(error)?,
        }
    }
    Ok(walk.found)
}

/// Why a job was not imported to its end.
enum Ended {
    /// By Jenkins' doing.
    Source(ApiError),
    /// By ours.
    Import(ImportError),
}

impl From<ApiError> for Ended {
    fn from(error: ApiError) -> Self {
        Self::Source(error)
    }
}

impl From<ImportError> for Ended {
    fn from(error: ImportError) -> Self {
        Self::Import(error)
    }
}

/// The names in a path as people write it, or as it stands in an address: `org/repo`,
/// `job/org/job/repo`.
fn names(path: &str) -> Vec<String> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let of_address = parts.len().is_multiple_of(2) && parts.iter().step_by(2).all(|part| *part == "job");
    let names = parts.iter().skip(usize::from(of_address)).step_by(1 + usize::from(of_address));
    names.map(|name| (*name).to_owned()).collect()
}

impl Walk<'_> {
    /// Goes on without a job, if it is only that.
    fn leave_out(&mut self, error: ApiError) -> Result<(), ImportError> {
        if !error.is_about_one_job() {
            return Err(ImportError::source(error));
        }
        self.api.show().say(&format!("left out: {error}"));
        self.found.left_out += 1;
        Ok(())
    }

    /// The jobs that had builds in the range, in the order of their names.
    async fn jobs(&mut self) -> Result<Vec<Job>, ImportError> {
        let mut jobs = Vec::new();
        let mut folders: Vec<Job> = Vec::new();
        if self.wanted.jobs.is_empty() {
            let root: Folder =
                self.api.get("", FOLDER, "the list of jobs").await.map_err(ImportError::source)?;
            self.sort(root, &[], &mut jobs, &mut folders);
        }
        for path in &self.wanted.jobs {
            let job = Job { names: names(path), display_name: None };
            let item: Item = self.api.get(&job.place(), ITEM, path).await.map_err(ImportError::source)?;
            let Some((name, above)) = job.names.split_last() else { continue };
            let folder = Folder { jobs: vec![Item { name: name.clone(), ..item }] };
            self.sort(folder, above, &mut jobs, &mut folders);
        }
        while let Some(folder) = folders.pop() {
            match self.api.get::<Folder>(&folder.place(), FOLDER, &folder.path()).await {
                Ok(inner) => self.sort(inner, &folder.names, &mut jobs, &mut folders),
                Err(error) => self.leave_out(error)?,
            }
        }
        jobs.sort_unstable_by(|a, b| a.names.cmp(&b.names));
        jobs.dedup();
        Ok(jobs)
    }

    /// What stands in a folder: further folders, and jobs that had builds in the range.
    fn sort(&self, folder: Folder, above: &[String], jobs: &mut Vec<Job>, folders: &mut Vec<Job>) {
        for item in folder.jobs.into_iter().filter(|item| !item.name.is_empty()) {
            let mut names = above.to_vec();
            names.push(item.name);
            let job = Job { names, display_name: item.display_name };
            if item.jobs.is_some() {
                if job.names.len() <= DEEPEST {
                    folders.push(job);
                }
            } else if item.last_build.is_some_and(|last| self.is_wanted(last)) {
                jobs.push(job);
            }
        }
    }

    fn is_wanted(&self, build: Listed) -> bool {
        Time::from_millis(build.timestamp).is_some_and(|at| at >= self.wanted.since)
    }

    /// The numbers of the builds that are wanted, the latest first, as they stand in the listing.
    async fn numbers(&self, job: &Job) -> Result<Vec<u64>, ApiError> {
        let mut numbers: Vec<u64> = Vec::new();
        let mut from = 0;
        loop {
            let tree = format!("allBuilds[number,timestamp]{{{from},{}}}", from + LISTED);
            let page: Builds<Listed> = self.api.get(&job.place(), &tree, &job.path()).await?;
            let wanted = page.all.iter().take_while(|build| self.is_wanted(**build)).count();
            for build in &page.all[..wanted] {
                // Those that have slipped back since the page before are known.
                if numbers.last().is_none_or(|last| build.number < *last) {
                    numbers.push(build.number);
                }
            }
            if wanted < LISTED {
                return Ok(numbers);
            }
            from += LISTED;
        }
    }

    async fn job<S: Store>(
        &mut self,
        job: &Job,
        intake: &mut Intake<'_, S>,
        progress: &mut Progress,
    ) -> Result<(), Ended> {
        let path = job.path();
        let numbers = self.numbers(job).await?;
        if numbers.is_empty() {
            return Ok(());
        }
        self.found.jobs += 1;
        let reached = progress.cursor(&path).and_then(|cursor| cursor.parse().ok()).unwrap_or(0);
        self.api.show().begin(&path, Some(numbers.len() as u64));
        let root = self.wanted.knows_itself.then(|| self.api.address(""));
        let mut moved = Moved::default();
        let mut end = numbers.iter().take_while(|number| **number > reached).count();
        let mut done = (numbers.len() - end) as u64;
        while end > 0 {
            self.found.pages += 1;
            let begin = end.saturating_sub(READ);
            let builds = self.page(job, &numbers[begin..end], begin, &mut moved).await?;
            self.found.builds += builds.len() as u64;
            self.found.running += builds.iter().filter(|build| build.building).count() as u64;
            let groups: Vec<Group> =
                builds.iter().rev().map(|build| messages(job, build, root.as_deref())).collect();
            intake.take(groups).await?;
            progress.reached(&path, &numbers[begin].to_string())?;
            done += (end - begin) as u64;
            self.api.show().done(done);
            end = begin;
        }
        Ok(())
    }

    /// The builds with these numbers, the latest first, which stood in the listing from `begin` on.
    /// Those that are gone are not among them.
    async fn page(
        &self,
        job: &Job,
        numbers: &[u64],
        begin: usize,
        moved: &mut Moved,
    ) -> Result<Vec<Build>, ApiError> {
        let path = job.path();
        let mut there: HashMap<u64, Build> = HashMap::new();
        for _ in 0..TRIES {
            let from = begin + moved.by;
            let tree = format!("allBuilds[{BUILD}]{{{from},{}}}", from + numbers.len() + moved.lately);
            let page: Builds<Build> = self.api.get(&job.place(), &tree, &path).await?;
            let newer = |build: &&Build| numbers.first().is_some_and(|first| build.number > *first);
            moved.lately = page.all.iter().filter(newer).count();
            moved.by += moved.lately;
            there.extend(page.all.into_iter().map(|build| (build.number, build)));
            if moved.lately == 0 || numbers.iter().all(|number| there.contains_key(number)) {
                break;
            }
        }
        let mut builds = Vec::new();
        for number in numbers {
            if let Some(build) = there.remove(number) {
                builds.push(build);
                continue;
            }
            let place = format!("{}{number}/", job.place());
            match self.api.get(&place, BUILD, &format!("{path} #{number}")).await {
                Ok(build) => builds.push(build),
                Err(ApiError::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(builds)
    }
}

#[cfg(test)]
mod tests;
