//! What became of every deployment and every change, whatever range is asked about and whichever of
//! them count. To find that takes a walk over all of them, and several reports of a page are made of it.

use super::changes::Changes;
use super::deployments::Deployments;
use super::failures::Failures;
use crate::insight::cohort::Sieve;
use crate::insight::population::{Population, Reach};
use crate::insight::query::{Filter, Query, QueryError, Tier};
use crate::work::time::Time;

/// What a deploy has and a pull request has not: filters on these are about the deployment that a
/// change arrives with.
const OF_DEPLOYS: [&str; 2] = ["environment", "pipeline"];

/// With which deployments a change can arrive: all that a history depends on, besides the population.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    tier: Tier,
    filters: Vec<Filter>,
}

impl Scope {
    /// Production, whatever the environment is called.
    pub fn production() -> Self {
        Self { tier: Tier::Production, filters: Vec::new() }
    }

    /// What a question says of it, and the question's other filters, which are about pull requests.
    pub(super) fn of<'q>(population: &Population, query: &'q Query) -> (Self, Vec<&'q Filter>) {
        let of_deploys = |filter: &&Filter| {
            let of_item = |key| population.dimension(key).is_some_and(|key| key.reach == Reach::Item);
            OF_DEPLOYS.contains(&filter.key.as_str()) && of_item(&filter.key)
        };
        let (arrival, rest): (Vec<&Filter>, Vec<&Filter>) = query.filters.iter().partition(of_deploys);
        (Self { tier: super::tier(query), filters: arrival.into_iter().cloned().collect() }, rest)
    }
}

/// Deployments in their order, with which of them each change arrived, and what went wrong.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// All deployments that have ended.
    pub deployments: Deployments,
    /// All changes.
    pub changes: Changes,
    /// What went wrong, and what put it right.
    pub failures: Failures,
}

impl History {
    /// The history of a population.
    ///
    /// # Errors
    ///
    /// The filters name a key that the population has not.
    pub fn of(population: &Population, scope: &Scope) -> Result<Self, QueryError> {
        let arrival = Sieve::new(population, "filter", &scope.filters, Some(scope.tier))?;
        let deployments = Deployments::of(population);
        let changes = Changes::of(population, &deployments, |ended| arrival.passes(ended.row));
        let failures = Failures::of(population, &deployments, &changes);
        Ok(Self { deployments, changes, failures })
    }

    /// With which deployment the change that a pull request became came to users.
    pub fn arrival(&self, pull: u32) -> Option<Arrival> {
        let change = self.changes.get(pull)?;
        let by = self.deployments.get(change.by?);
        let (deploy, end) = (by.row, by.end);
        (end >= change.merged).then_some(Arrival { deploy, merged: change.merged, end })
    }
}

/// With which deployment a change came to users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The deploy's row.
    pub deploy: u32,
    /// When the change was merged.
    pub merged: Time,
    /// When the deployment ended.
    pub end: Time,
}
