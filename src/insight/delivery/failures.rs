//! Which deployments were bad, what put things right, and when. The rules, along a line (see
//! [`super::deployments`]; aborted deployments count nowhere):
//!
//! * A *fix* is a deployment that was said to be a hotfix, or that ships a pull request which is a
//!   hotfix or a revert: one that belongs to it explicitly, unless an earlier success of the line
//!   had it already, or one that it is the first of its line to contain by time.
//! * An *incident* is an issue with one of the incident labels. One that is linked to a deploy, or
//!   in whose trace the deploy or what it ships stands, belongs to that deploy explicitly: it is
//!   *answered* by the deployment if it was opened before that began, else *caused* by it.
//! * Any other incident is caused by the success that was current in production when it was opened,
//!   of its own repository, if that had ended at most 24 hours before. With several production
//!   environments that can be one in each; of several services in the repository it is the one that
//!   was deployed last.
//! * A success is a *change failure* if it caused an incident, if there is a rollback away from it,
//!   or if the deployment after which a fix came at most 24 hours later, end to end, is this one:
//!   a fix speaks of the one that is current, not of all of the day. That a fix or a rollback was
//!   tried is enough. A redeploy fixes nothing.
//! * *Rework* is every fix, rollback, and deployment that answers an incident.
//! * What failed, and what is a change failure, has *recovered* when the next success of the line
//!   ends, or when all incidents that it caused are closed, whichever is first. If incidents are all
//!   that speaks against a success, the next success is the first that ends after one was opened.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::changes::{Changes, origins};
use super::deployments::{Deployments, Ended, Fate};
use crate::insight::population::Population;
use crate::insight::query::{DAY, Tier};
use crate::work::key::Kind;
use crate::work::time::Time;

/// What is known against a deployment, and for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Mark {
    fix: bool,
    answers: bool,
    fixed: bool,
    rolled_back: bool,
}

/// The marks of all deployments.
#[derive(Clone, Debug, Default)]
pub struct Failures {
    marks: Vec<Mark>,
    /// The incidents that a deployment caused.
    caused: HashMap<u32, Vec<u32>>,
}

impl Failures {
    /// What went wrong, and what put it right.
    pub fn of(population: &Population, deployments: &Deployments, changes: &Changes) -> Self {
        let mut failures =
            Self { marks: vec![Mark::default(); deployments.all().len()], caused: HashMap::new() };
        failures.find_fixes(population, deployments, changes);
        failures.find_incidents(population, deployments);
        for at in 0..deployments.all().len() {
            failures.blame(deployments, at);
        }
        failures
    }

    /// Whether a success had to be put right.
    pub fn change_failure(&self, deployments: &Deployments, at: u32) -> bool {
        let mark = self.marks[at as usize];
        deployments.get(at).succeeded() && (mark.fixed || mark.rolled_back || self.caused.contains_key(&at))
    }

    /// Whether it put an earlier one right.
    pub fn rework(&self, deployments: &Deployments, at: u32) -> bool {
        let mark = self.marks[at as usize];
        mark.fix || mark.answers || deployments.get(at).rollback
    }

    /// When the service was right again after a deployment that failed or was a change failure.
    pub fn recovered(&self, population: &Population, deployments: &Deployments, at: u32) -> Option<Time> {
        let ended = deployments.get(at);
        let line = deployments.line(ended);
        let mark = self.marks[at as usize];
        let incidents: &[u32] = self.caused.get(&at).map_or(&[], |incidents| incidents);
        let only_incidents = ended.succeeded() && !mark.fixed && !mark.rolled_back;
        let opened = incidents.iter().filter_map(|incident| opened(population, *incident)).min();
        let since = opened.filter(|_| only_incidents);
        let end = |success: u32| deployments.get(success).end;
        let before = |success: &u32| *success <= at || since.is_some_and(|since| end(*success) < since);
        let next = line.successes.get(line.successes.partition_point(before)).map(|next| end(*next));
        let closed: Option<Vec<Time>> = incidents
            .iter()
            .map(|incident| {
                let life = population.life(*incident);
                life.closed.filter(|_| !life.open).map(|(end, _)| end)
            })
            .collect();
        let resolved = closed.and_then(|closed| closed.into_iter().max());
        // What was resolved before it ended says nothing about how long it took.
        let resolved = resolved.filter(|resolved| *resolved >= ended.end);
        match (resolved, next) {
            (Some(resolved), Some(next)) => Some(resolved.min(next)),
            (resolved, next) => resolved.or(next),
        }
    }

    fn find_fixes(&mut self, population: &Population, deployments: &Deployments, changes: &Changes) {
        // By time.
        let is_fix = |row: u32| population.change(row).is_some_and(|change| change.fix);
        for change in changes.all().iter().filter(|change| is_fix(change.row)) {
            let Some(repository) = population.repository(change.row) else { continue };
            let lines = deployments.of_repository(repository);
            for by in lines.filter_map(|line| line.containing(change.merged)) {
                self.marks[by as usize].fix = true;
            }
        }
        // Explicitly, or said.
        for line in deployments.lines() {
            let mut shipped: HashSet<u32> = HashSet::new();
            for at in line.all.clone() {
                let ended = &deployments.all()[at];
                self.marks[at].fix |= ended.hotfix;
                for pull in origins(population, ended.row).into_iter().filter(|row| is_fix(*row)) {
                    let contained = ended.fresh() || ended.fate == Fate::Failed;
                    self.marks[at].fix |= contained && !shipped.contains(&pull);
                    if ended.succeeded() {
                        shipped.insert(pull);
                    }
                }
            }
        }
    }

    fn find_incidents(&mut self, population: &Population, deployments: &Deployments) {
        let is_incident = population.incident();
        let incidents: Vec<u32> = population.of_kind(Kind::Issue).filter(|row| is_incident(*row)).collect();
        if incidents.is_empty() {
            return;
        }
        let mut explicit: HashSet<u32> = HashSet::new();
        for (at, ended) in (0u32..).zip(deployments.all()) {
            if ended.fate == Fate::Aborted {
                continue;
            }
            let mut near: Vec<u32> = origins(population, ended.row);
            near.extend(near.clone().into_iter().map(|row| population.root(row)));
            near.sort_unstable();
            near.dedup();
            let near = near.into_iter().filter(|row| population.kind(*row) == Kind::Issue);
            for incident in near.filter(|row| is_incident(*row)) {
                match opened(population, incident).is_some_and(|opened| opened >= ended.start) {
                    true => {
                        explicit.insert(incident);
                        self.caused.entry(at).or_default().push(incident);
                    }
                    false => self.marks[at as usize].answers = true,
                }
            }
        }
        for incident in incidents {
            let (Some(opened), Some(repository)) =
                (opened(population, incident), population.repository(incident))
            else {
                continue;
            };
            if explicit.contains(&incident) {
                continue;
            }
            // Of several services in one repository the last one that was deployed.
            let mut current: BTreeMap<u32, (Time, u32)> = BTreeMap::new();
            for line in deployments.of_repository(repository) {
                let after = line.successes.partition_point(|at| deployments.get(*at).end <= opened);
                let Some(at) = after.checked_sub(1).and_then(|at| line.successes.get(at)) else {
                    continue;
                };
                let ended = deployments.get(*at);
                if ended.tier == Tier::Production && opened.since(ended.end) <= DAY {
                    let last = current.entry(line.environment).or_insert((ended.end, *at));
                    *last = (*last).max((ended.end, *at));
                }
            }
            for (_, at) in current.into_values() {
                self.caused.entry(at).or_default().push(incident);
            }
        }
    }

    /// Marks the success that was current before a deployment, if that one came to put it right.
    fn blame(&mut self, deployments: &Deployments, at: usize) {
        let ended: &Ended = &deployments.all()[at];
        let Some(current) = ended.current.filter(|_| ended.fate != Fate::Aborted) else { return };
        let age = ended.end.since(deployments.get(current).end);
        let fix = self.marks[at].fix && !ended.redeploy && !ended.rollback;
        let blamed = &mut self.marks[current as usize];
        blamed.rolled_back |= ended.away;
        blamed.fixed |= fix && age <= DAY;
    }
}

/// When an issue was opened, if that is known.
fn opened(population: &Population, row: u32) -> Option<Time> {
    let life = population.life(row);
    life.opened.filter(|_| life.start_known)
}
