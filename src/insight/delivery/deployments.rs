//! Deployments in their order. What was deployed where is a *line*: the deployments of one service
//! to one environment, by the time of their end. A service is a repository, or the deploying job where
//! none is known, and what of it is deployed: a repository can hold several. Going along a line tells, for each deployment,
//! what was current before it, and so whether it is something new, a redeploy or a rollback:
//!
//! * A deployment has ended, in success, in failure, or aborted (stopped or skipped). An aborted one
//!   deployed nothing and counts nowhere.
//! * The *current* one is the last success before it.
//! * A *redeploy* has the commit of the current one.
//! * A *rollback* is flagged as one, or has the commit of an earlier success that is not the current
//!   one. It is *away from* the current one, unless it only restores that after a failed attempt:
//!   it has the same commit, or, where a commit is not known, it comes right after a failure.
//! * Any other success is *fresh*: it brings the changes that were merged after the start of the
//!   fresh success before it and until its own start. Of the first success of a line nobody knows
//!   how far back it goes, so it brings none by time.
//!
//! The tier plays no part here: a question about production looks at the deployments of that tier,
//! on lines that are the same for all questions.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use crate::insight::population::{Deployment, Population, failed};
use crate::insight::query::Tier;
use crate::work::key::Kind;
use crate::work::time::Time;

/// How a deployment ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Well.
    Succeeded,
    /// In failure, error or timeout.
    Failed,
    /// It was stopped or skipped.
    Aborted,
}

/// A deployment that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The deploy's row.
    pub row: u32,
    /// The number of its line.
    pub line: u32,
    /// What its environment is for.
    pub tier: Tier,
    /// When it began; when it ended, if that is not known.
    pub start: Time,
    /// When it ended.
    pub end: Time,
    /// How.
    pub fate: Fate,
    /// The commit, as the population numbers it.
    pub sha: Option<u64>,
    /// Whether it was said to be a hotfix.
    pub hotfix: bool,
    /// Whether it is a rollback: said to be one, or known by its commit.
    pub rollback: bool,
    /// Whether it has the commit of the current one.
    pub redeploy: bool,
    /// The success that was current before it.
    pub current: Option<u32>,
    /// Whether it is a rollback away from the current one.
    pub away: bool,
}

impl Ended {
    /// Whether it ended well.
    pub fn succeeded(&self) -> bool {
        self.fate == Fate::Succeeded
    }

    /// Whether it ended well and brought something new.
    pub fn fresh(&self) -> bool {
        self.succeeded() && !self.rollback && !self.redeploy
    }
}

/// A time in which merged changes came with one deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// After this.
    pub after: Time,
    /// Until this, inclusive.
    pub until: Time,
    /// The deployment.
    pub by: u32,
}

/// The deployments of a service to an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The repository or the deploying job, as the population numbers it.
    pub service: u32,
    /// What of it, likewise.
    pub name: u32,
    /// The environment, likewise.
    pub environment: u32,
    /// The repository whose changes come with its deployments: the service, or else that of what its
    /// deployments brought, if it was one for all of them.
    pub repository: u32,
    /// Its deployments.
    pub all: Range<usize>,
    /// Those that ended well.
    pub successes: Vec<u32>,
    /// Which merges came with which of them, by time, without overlaps.
    pub windows: Vec<Window>,
}

impl Line {
    /// The first success that contains what was merged at an instant.
    pub fn containing(&self, merged: Time) -> Option<u32> {
        let at = self.windows.partition_point(|window| window.until < merged);
        self.windows.get(at).filter(|window| window.after < merged).map(|window| window.by)
    }
}

/// All deployments that have ended.
#[derive(Clone, Debug, Default)]
pub struct Deployments {
    all: Vec<Ended>,
    lines: Vec<Line>,
    by_repository: HashMap<u32, Vec<u32>>,
}

impl Deployments {
    /// The deployments of a population.
    pub fn of(population: &Population) -> Self {
        let names = names(population);
        let numbers: HashMap<LineName, u32> = names.iter().copied().zip(0..).collect();
        let repositories = repositories(population, &numbers);
        let mut all: Vec<Ended> = population
            .deploys()
            .iter()
            .filter_map(|deploy| {
                let life = population.life(deploy.row);
                let (end, outcome) = life.closed.filter(|_| !life.open)?;
                Some(Ended {
                    row: deploy.row,
                    line: *numbers.get(&name(deploy))?,
                    tier: deploy.tier,
                    start: life.opened.filter(|start| life.start_known && *start <= end).unwrap_or(end),
                    end,
                    fate: match failed(Kind::Deploy, outcome) {
                        Some(false) => Fate::Succeeded,
                        Some(true) => Fate::Failed,
                        None => Fate::Aborted,
                    },
                    sha: deploy.sha,
                    hotfix: deploy.hotfix,
                    rollback: deploy.rollback,
                    redeploy: false,
                    current: None,
                    away: false,
                })
            })
            .collect();
        // Keys decide between equals, so that the order in which items came does not show.
        all.sort_unstable_by(|a, b| {
            (a.line, a.end, a.start)
                .cmp(&(b.line, b.end, b.start))
                .then_with(|| population.key(a.row).cmp(&population.key(b.row)))
        });
        let mut lines: Vec<Line> = Vec::with_capacity(names.len());
        let mut from = 0;
        for (number, (service, name, environment)) in (0u32..).zip(names) {
            let to = from + all[from..].partition_point(|ended| ended.line == number);
            let successes = follow(&mut all, from..to);
            let windows = windows(&all, &successes);
            let repository = repositories.get(&number).copied().flatten().unwrap_or(service);
            lines.push(Line { service, name, environment, repository, all: from..to, successes, windows });
            from = to;
        }
        let mut by_repository: HashMap<u32, Vec<u32>> = HashMap::new();
        for (number, line) in (0u32..).zip(&lines) {
            by_repository.entry(line.repository).or_default().push(number);
        }
        Self { all, lines, by_repository }
    }

    /// All of them, line by line, each by the time of the end.
    pub fn all(&self) -> &[Ended] {
        &self.all
    }

    /// One of them.
    pub fn get(&self, at: u32) -> &Ended {
        &self.all[at as usize]
    }

    /// The lines, by the names of service, what of it, and environment.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The line of a deployment.
    pub fn line(&self, of: &Ended) -> &Line {
        &self.lines[of.line as usize]
    }

    /// The lines that changes of a repository come with.
    pub fn of_repository(&self, repository: u32) -> impl Iterator<Item = &Line> {
        let numbers = self.by_repository.get(&repository).into_iter().flatten();
        numbers.map(|number| &self.lines[*number as usize])
    }
}

/// Service, what of it, and environment.
type LineName = (u32, u32, u32);

fn name(deploy: &Deployment) -> LineName {
    (deploy.service, deploy.name, deploy.environment)
}

/// What is deployed where, in the order of the names.
fn names(population: &Population) -> Vec<LineName> {
    let distinct: HashSet<LineName> = population.deploys().iter().map(name).collect();
    let mut names: Vec<LineName> = distinct.into_iter().collect();
    names.sort_unstable_by_key(|(service, name, environment)| {
        (population.text(*service), population.text(*name), population.text(*environment))
    });
    names
}

/// The repository of what the deployments of a line brought; `None` if there are several. What one
/// deployment could not tell another one of its line could.
fn repositories(population: &Population, numbers: &HashMap<LineName, u32>) -> HashMap<u32, Option<u32>> {
    let mut found: HashMap<u32, Option<u32>> = HashMap::new();
    for deploy in population.deploys() {
        if let (Some(repository), Some(line)) = (deploy.repository, numbers.get(&name(deploy))) {
            let known = found.entry(*line).or_insert(Some(repository));
            *known = known.filter(|known| *known == repository);
        }
    }
    found
}

/// Goes along a line, and gives its successes.
fn follow(all: &mut [Ended], line: Range<usize>) -> Vec<u32> {
    let mut successes: Vec<u32> = Vec::new();
    let mut shas: HashSet<u64> = HashSet::new();
    // Whether the last deployment that was not aborted ended well.
    let mut well = false;
    for at in line {
        let current = successes.last().copied();
        let current_sha = current.and_then(|current| all[current as usize].sha);
        let ended = &mut all[at];
        ended.current = current;
        let same = ended.sha.is_some() && ended.sha == current_sha;
        ended.rollback |= !same && ended.sha.is_some_and(|sha| shas.contains(&sha));
        ended.redeploy = same && !ended.rollback;
        let known = ended.sha.is_some() && current_sha.is_some();
        ended.away = ended.rollback && current.is_some() && if known { !same } else { well };
        match ended.fate {
            Fate::Succeeded => {
                shas.extend(ended.sha);
                successes.push(at as u32);
                well = true;
            }
            Fate::Failed => well = false,
            Fate::Aborted => {}
        }
    }
    successes
}

/// Which merges came with which of a line's successes.
fn windows(all: &[Ended], successes: &[u32]) -> Vec<Window> {
    let mut windows = Vec::new();
    let Some(first) = successes.first() else { return windows };
    let mut after = all[*first as usize].start;
    for by in successes {
        let ended = &all[*by as usize];
        // One that began before an earlier one brings nothing that the earlier one did not.
        if ended.fresh() && ended.start > after {
            windows.push(Window { after, until: ended.start, by: *by });
            after = ended.start;
        }
    }
    windows
}
