//! How delivery goes: DORA's metrics, stages, work in progress, data quality and the summary.
//! [`deployments`] puts deploys in order, [`changes`] finds with which of them each change arrived,
//! [`failures`] what went wrong and when it was right again. From these come [`samples`]: moments
//! with a value each, which make a figure for any range: that which was asked for, the one before,
//! and the slices of a sparkline.

pub mod changes;
pub mod deployments;
pub mod dora;
pub mod failures;
pub mod pull_requests;
pub mod quality;
pub mod samples;
pub mod stages;
pub mod stuck;
pub mod summary;
pub mod wip;

pub use self::dora::dora;
pub use self::pull_requests::pull_requests;
pub use self::quality::{Stored, quality};
pub use self::stages::stages;
pub use self::stuck::stuck;
pub use self::summary::summary;
pub use self::wip::wip;

use self::changes::Changes;
use self::deployments::{Deployments, Ended};
use self::failures::Failures;
use super::cohort::Sieve;
use super::population::{Population, Reach};
use super::query::{Filter, Query, QueryError, Tier};
use crate::work::time::Time;

/// What a deploy has and a pull request has not: filters on these are about the deployment that a
/// change arrives with.
const OF_DEPLOYS: [&str; 2] = ["environment", "pipeline"];

/// Everything about deliveries that a question is about, whatever its range.
pub struct Delivery<'p> {
    /// Where it comes from.
    pub population: &'p Population,
    /// All deployments; those that count are told by [`Delivery::counts`].
    pub deployments: Deployments,
    /// All changes; those that count are told by [`Delivery::counts_change`].
    pub changes: Changes,
    deploys: Sieve<'p>,
    pulls: Sieve<'p>,
}

impl<'p> Delivery<'p> {
    /// For a question. Its range and its filters on outcomes play no part: both sides of a rate are
    /// outcomes. Without a tier it is about production.
    pub fn new(population: &'p Population, query: &Query) -> Result<Self, QueryError> {
        let tier = Some(tier(query));
        let of_deploys = |filter: &&Filter| {
            let of_item = |key| population.dimension(key).is_some_and(|key| key.reach == Reach::Item);
            OF_DEPLOYS.contains(&filter.key.as_str()) && of_item(&filter.key)
        };
        let (arrival, rest): (Vec<&Filter>, Vec<&Filter>) = query.filters.iter().partition(of_deploys);
        let sieve = |filters: Vec<&Filter>| {
            Sieve::new(population, "filter", &filters.into_iter().cloned().collect::<Vec<_>>(), tier)
        };
        let (arrival, pulls) = (sieve(arrival)?, sieve(rest)?);
        let deploys = Sieve::new(population, "filter", &query.filters, tier)?;
        let deployments = Deployments::of(population);
        let changes = Changes::of(population, &deployments, |ended| arrival.passes(ended.row));
        Ok(Self { population, deployments, changes, deploys, pulls })
    }

    /// Whether a deployment is one of those that the question is about.
    pub fn counts(&self, ended: &Ended) -> bool {
        self.deploys.passes(ended.row)
    }

    /// Whether a pull request is one of those that the question is about.
    pub fn counts_change(&self, row: u32) -> bool {
        self.pulls.passes(row)
    }

    /// What went wrong, and what put it right.
    pub fn failures(&self) -> Failures {
        Failures::of(self.population, &self.deployments, &self.changes)
    }
}

/// With which deployment a change came to users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The pull request's row.
    pub change: u32,
    /// The deploy's row.
    pub deploy: u32,
    /// When the change was merged.
    pub merged: Time,
    /// When the deployment ended.
    pub end: Time,
}

/// With which production deployments changes came to users, by the rows of the changes.
pub fn arrivals(population: &Population) -> Vec<Arrival> {
    let deployments = Deployments::of(population);
    let changes = Changes::of(population, &deployments, |ended| ended.tier == Tier::Production);
    let arrived = changes.all().iter().filter_map(|change| {
        let by = deployments.get(change.by?);
        let (deploy, end) = (by.row, by.end);
        Some(Arrival { change: change.row, deploy, merged: change.merged, end })
    });
    arrived.filter(|arrival| arrival.end >= arrival.merged).collect()
}

/// The tier that a question on deployments is about.
pub fn tier(query: &Query) -> Tier {
    query.tier.unwrap_or(Tier::Production)
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod stories;
