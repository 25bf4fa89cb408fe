//! How delivery goes: DORA's metrics, stages, work in progress, data quality and the summary.
//! [`deployments`] puts deploys in order, [`changes`] finds with which of them each change arrived,
//! [`failures`] what went wrong and when it was right again; together they are the [`history`], which is
//! made once for all reports. From it come [`samples`]: moments with a value each, which make a figure
//! for any range: that which was asked for, the one before, and the slices of a sparkline.

pub mod changes;
pub mod deployments;
pub mod dora;
pub mod failures;
pub mod history;
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

use std::sync::Arc;

use self::deployments::Ended;
pub use self::history::{Arrival, History, Scope};
use super::cohort::Sieve;
use super::population::Population;
use super::query::{Query, QueryError, Tier};

/// Everything about deliveries that a question is about, whatever its range.
pub struct Delivery<'p> {
    /// Where it comes from.
    pub population: &'p Population,
    /// Of all deployments and changes; those that count are told by [`Delivery::counts`] and
    /// [`Delivery::counts_change`].
    pub history: Arc<History>,
    deploys: Sieve<'p>,
    pulls: Sieve<'p>,
}

impl<'p> Delivery<'p> {
    /// For a question. Its range and its filters on outcomes play no part: both sides of a rate are
    /// outcomes. Without a tier it is about production. `history` gives the history of this population,
    /// as [`History::of`] does, or remembers it.
    ///
    /// # Errors
    ///
    /// The filters name a key that the population has not.
    pub fn new(
        population: &'p Population,
        query: &Query,
        history: impl FnOnce(&Scope) -> Result<Arc<History>, QueryError>,
    ) -> Result<Self, QueryError> {
        let tier = Some(tier(query));
        let (scope, rest) = Scope::of(population, query);
        let rest: Vec<_> = rest.into_iter().cloned().collect();
        let pulls = Sieve::new(population, "filter", &rest, tier)?;
        let deploys = Sieve::new(population, "filter", &query.filters, tier)?;
        Ok(Self { population, history: history(&scope)?, deploys, pulls })
    }

    /// Whether a deployment is one of those that the question is about.
    pub fn counts(&self, ended: &Ended) -> bool {
        self.deploys.passes(ended.row)
    }

    /// Whether a pull request is one of those that the question is about.
    pub fn counts_change(&self, row: u32) -> bool {
        self.pulls.passes(row)
    }
}

/// The tier that a question on deployments is about.
pub fn tier(query: &Query) -> Tier {
    query.tier.unwrap_or(Tier::Production)
}

#[cfg(test)]
impl<'p> Delivery<'p> {
    /// With a history of its own.
    pub(crate) fn alone(population: &'p Population, query: &Query) -> Result<Self, QueryError> {
        Self::new(population, query, |scope| History::of(population, scope).map(Arc::new))
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod stories;
