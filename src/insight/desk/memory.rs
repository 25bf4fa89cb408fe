//! What a desk has computed a moment ago: the parts that several reports are made of, and whole
//! reports.

use std::any::Any;
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::insight::cohort::Cohort;
use crate::insight::delivery::{Delivery, History, Scope};
use crate::insight::memo::Memo;
use crate::insight::population::Population;
use crate::insight::query::{Filter, Measure, Query, QueryError, Tier};
use crate::insight::report::Correlations;
use crate::work::key::Kind;
use crate::work::time::Time;

/// How many cohorts are remembered: of a million items each takes 12 MB.
const COHORTS: usize = 4;
/// How many histories are remembered: each has an entry for every deploy and every change.
const HISTORIES: usize = 4;
/// How many reports of a kind are remembered.
const REPORTS: usize = 64;

/// Which items a question is about.
type Subject = (Kind, Time, Time, Vec<Filter>, Option<Tier>);
/// The generation of the rows by which something knows items; within it they mean the same.
type Generation = u64;
/// What a correlation is remembered by: the items, the measure, and the selection's ends.
pub(super) type CorrelationKey = (Subject, Measure, Option<u64>, Option<u64>);

pub(super) struct Memory {
    cohorts: Memo<(Generation, Subject), Cohort>,
    histories: Memo<(Generation, Scope), History>,
    /// Whole reports, by their name and the question.
    pub(super) reports: Memo<(&'static str, Query), Box<dyn Any + Send + Sync>>,
    pub(super) correlations: Memo<CorrelationKey, Correlations>,
    /// Whose turn it is to analyse.
    pub(super) analysing: Semaphore,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            cohorts: Memo::new(COHORTS),
            histories: Memo::new(HISTORIES),
            reports: Memo::new(REPORTS),
            correlations: Memo::new(REPORTS),
            analysing: Semaphore::new(1),
        }
    }
}

fn subject(query: &Query) -> Subject {
    let mut filters = query.filters.clone();
    filters.sort_unstable();
    (query.kind, query.from, query.to, filters, query.tier)
}

/// What a question's correlations are remembered by.
pub(super) fn correlation_key(query: &Query) -> CorrelationKey {
    (subject(query), query.measure(), query.slower.map(f64::to_bits), query.faster.map(f64::to_bits))
}

impl Memory {
    /// The items that a question is about.
    pub(super) fn cohort(&self, population: &Population, query: &Query) -> Result<Arc<Cohort>, QueryError> {
        let key = (population.generation(), subject(query));
        self.cohorts.recall(&key, population.version(), || Cohort::select(population, query))
    }

    /// What became of the deployments and the changes.
    pub(super) fn history(&self, population: &Population, scope: &Scope) -> Result<Arc<History>, QueryError> {
        let key = (population.generation(), scope.clone());
        self.histories.recall(&key, population.version(), || History::of(population, scope))
    }

    /// What a question on deliveries is about.
    pub(super) fn delivery<'p>(
        &self,
        population: &'p Population,
        query: &Query,
    ) -> Result<Delivery<'p>, QueryError> {
        Delivery::new(population, query, |scope| self.history(population, scope))
    }
}
