//! Changes on their way to users. A change is a merged pull request; it arrives with the first
//! successful deployment, of the tier that is asked about, that contains it:
//!
//! * *explicitly*: the deploy hangs below the pull request or below one of its builds, or is linked
//!   to either; or it belongs in one of these ways to the pull request's issue (and not to another
//!   pull request) and began after the merge. Where an issue has pull requests of several
//!   repositories, a deploy of one of these counts for that repository only.
//! * *by time*: the merge lies in the deployment's window, see [`super::deployments`], on a line of
//!   the pull request's repository.
//!
//! Redeploys and rollbacks contain nothing. Where all that is explicit ended before the merge, the
//! order is wrong: the change did arrive, nobody knows when, and nothing is guessed by time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

use super::deployments::{Deployments, Ended};
use crate::insight::population::Population;
use crate::work::event::Outcome;
use crate::work::key::Kind;
use crate::work::time::Time;

/// A merged pull request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Merged {
    /// Its row.
    pub row: u32,
    /// When it was merged.
    pub merged: Time,
    /// Its commit time: when its first commit was made, or when it was opened.
    pub committed: Option<Time>,
    /// Whether that is the time of a commit.
    pub by_commit: bool,
    /// The first successful deployment that contains it.
    pub by: Option<u32>,
    /// Whether all deployments that are said to contain it ended before the merge.
    pub wrong_order: bool,
}

impl Merged {
    /// From commit to users, in microseconds; `None` if an end is not known or they are in the wrong
    /// order.
    pub fn lead_time(&self, deployments: &Deployments) -> Option<i64> {
        let lead = deployments.get(self.by?).end.since(self.committed?);
        (lead >= 0).then_some(lead)
    }
}

/// All changes.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// By row.
    all: Vec<Merged>,
}

/// When a pull request was merged.
pub fn merged(population: &Population, row: u32) -> Option<Time> {
    let closed = || population.life(row).closed.filter(|(_, outcome)| *outcome == Outcome::Merged);
    let open = population.life(row).open;
    let at = population.change(row).and_then(|change| change.merged).or_else(|| closed().map(|(at, _)| at));
    at.filter(|_| !open)
}

/// The pull requests and issues that a deploy belongs to. An issue is among them if there is no pull
/// request on the way up to it.
pub fn origins(population: &Population, deploy: u32) -> Vec<u32> {
    let near = population.parent(deploy).into_iter();
    let near = near.chain(population.linked(deploy).iter().copied());
    let near = near.chain(population.shipped_by(deploy).iter().copied());
    let mut origins: Vec<u32> = near
        .filter(|row| population.kind(*row) != Kind::Deploy)
        .filter_map(|row| {
            let up = std::iter::successors(Some(row), |row| population.parent(*row));
            up.into_iter().find(|row| matches!(population.kind(*row), Kind::PullRequest | Kind::Issue))
        })
        .collect();
    origins.sort_unstable();
    origins.dedup();
    origins
}

impl Changes {
    /// The changes of a population, and with which deployments of those in `scope` they arrived.
    pub fn of(population: &Population, deployments: &Deployments, scope: impl Fn(&Ended) -> bool) -> Self {
        let mut all: Vec<Merged> =
            population.of_kind(Kind::PullRequest).filter_map(|row| change(population, row)).collect();
        let arrivals = Arrivals::of(population, deployments, &all, &scope);
        by_time(population, deployments, &mut all, &scope);
        let mut said: Vec<(Option<u32>, bool)> = vec![(None, false); all.len()];
        for (place, by) in arrivals.direct {
            let (in_time, early) = &mut said[place as usize];
            match deployments.get(by).end < all[place as usize].merged {
                true => *early = true,
                false => *in_time = first(deployments, *in_time, by),
            }
        }
        for (change, (in_time, early)) in all.iter_mut().zip(said) {
            let by_issue = arrivals.issues.first(population, deployments, change);
            match by_issue.map_or(in_time, |by| first(deployments, in_time, by)) {
                Some(by) => change.by = first(deployments, change.by, by),
                None if early => (change.by, change.wrong_order) = (None, true),
                None => {}
            }
        }
        Self { all }
    }

    /// All of them, by row.
    pub fn all(&self) -> &[Merged] {
        &self.all
    }

    /// The change that a pull request became.
    pub fn get(&self, row: u32) -> Option<&Merged> {
        let at = self.all.binary_search_by_key(&row, |change| change.row).ok()?;
        self.all.get(at)
    }
}

fn change(population: &Population, row: u32) -> Option<Merged> {
    let merged = merged(population, row)?;
    let commit = population.change(row).and_then(|change| change.first_commit);
    let life = population.life(row);
    Some(Merged {
        row,
        merged,
        committed: commit.or(life.opened.filter(|_| life.start_known)),
        by_commit: commit.is_some(),
        by: None,
        wrong_order: false,
    })
}

/// The one of two deployments that ended first.
fn first(deployments: &Deployments, one: Option<u32>, other: u32) -> Option<u32> {
    let when = |at: u32| (deployments.get(at).end, at);
    Some(one.map_or(other, |one| if when(one) <= when(other) { one } else { other }))
}

/// What is said of which deployments contain which changes.
struct Arrivals {
    /// Places of changes, and deployments.
    direct: Vec<(u32, u32)>,
    issues: Issues,
}

/// An issue and a repository; without one, for the services that are none.
type IssueOf = (u32, Option<u32>);

/// The deployments that belong to issues, with when each began, by the time of their end.
#[derive(Default)]
struct Issues {
    by_issue: HashMap<IssueOf, Vec<(Time, u32)>>,
}

impl Arrivals {
    fn of(
        population: &Population,
        deployments: &Deployments,
        changes: &[Merged],
        scope: &impl Fn(&Ended) -> bool,
    ) -> Self {
        let repositories: HashSet<u32> =
            changes.iter().filter_map(|change| population.repository(change.row)).collect();
        let mut places = vec![u32::MAX; population.rows()];
        for (place, change) in (0u32..).zip(changes) {
            places[change.row as usize] = place;
        }
        let mut direct = Vec::new();
        let mut issues = Issues::default();
        for (at, ended) in (0u32..).zip(deployments.all()) {
            if !ended.fresh() || !scope(ended) {
                continue;
            }
            for origin in origins(population, ended.row) {
                if population.kind(origin) == Kind::Issue {
                    let repository = deployments.line(ended).repository;
                    let repository = repositories.contains(&repository).then_some(repository);
                    issues.by_issue.entry((origin, repository)).or_default().push((ended.start, at));
                } else if places[origin as usize] != u32::MAX {
                    direct.push((places[origin as usize], at));
                }
            }
        }
        for arrivals in issues.by_issue.values_mut() {
            arrivals.sort_unstable_by_key(|(_, at)| (deployments.get(*at).end, *at));
            // Of those by end, only one that began later than all before it can be somebody's first.
            let mut latest = None;
            arrivals.retain(|(start, _)| {
                latest.is_none_or(|latest| *start > latest) && {
                    latest = Some(*start);
                    true
                }
            });
        }
        Self { direct, issues }
    }
}

impl Issues {
    /// The first deployment for one of a change's issues that began after the merge.
    fn first(&self, population: &Population, deployments: &Deployments, change: &Merged) -> Option<u32> {
        if self.by_issue.is_empty() {
            return None;
        }
        let near = population.parent(change.row).into_iter();
        let near = near.chain(population.linked(change.row).iter().copied());
        let issues = near.filter(|row| population.kind(*row) == Kind::Issue);
        let repository = population.repository(change.row);
        let keys = issues.flat_map(|issue| [(issue, None), (issue, repository)]);
        let found = keys.filter_map(|key| {
            let arrivals = self.by_issue.get(&key)?;
            let at = arrivals.partition_point(|(start, _)| *start < change.merged);
            arrivals.get(at).map(|(_, by)| *by)
        });
        found.fold(None, |one, other| first(deployments, one, other))
    }
}

/// Finds, for every change, the first deployment in whose window it was merged: goes through the
/// windows and the merges of a repository by time, with the windows that are open at hand by their end.
fn by_time(
    population: &Population,
    deployments: &Deployments,
    changes: &mut [Merged],
    scope: &impl Fn(&Ended) -> bool,
) {
    let mut merges: Vec<(u32, Time, u32)> = (0u32..)
        .zip(changes.iter())
        .filter_map(|(place, change)| {
            let repository = population.repository(change.row)?;
            let deployed = deployments.of_repository(repository).next().is_some();
            deployed.then_some((repository, change.merged, place))
        })
        .collect();
    merges.sort_unstable();
    for of_repository in merges.chunk_by(|a, b| a.0 == b.0) {
        let lines = deployments.of_repository(of_repository[0].0);
        let windows = lines.flat_map(|line| &line.windows);
        let mut windows: Vec<_> = windows.filter(|window| scope(deployments.get(window.by))).collect();
        windows.sort_unstable_by_key(|window| (window.after, window.by));
        let mut coming = windows.into_iter().peekable();
        let mut open = BinaryHeap::new();
        for (_, merged, place) in of_repository {
            while let Some(window) = coming.next_if(|window| window.after < *merged) {
                open.push(Reverse((deployments.get(window.by).end, window.by, window.until)));
            }
            while open.peek().is_some_and(|Reverse((_, _, until))| until < merged) {
                open.pop();
            }
            changes[*place as usize].by = open.peek().map(|Reverse((_, by, _))| *by);
        }
    }
}
