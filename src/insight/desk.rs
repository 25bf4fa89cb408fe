//! Answers questions from the population and the store: the one implementation of [`Reports`] that
//! has the data itself. The server asks it through the API and the page, commands ask it about the
//! store of the configuration.

use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Semaphore;

use super::cohort::{self, Cohort};
use super::correlate;
use super::delivery::{self, Arrival};
use super::describe;
use super::live::Live;
use super::memo::Memo;
use super::population::{Population, age};
use super::query::{Filter, Measure, Query, QueryError, Tier};
use super::report::{
    About, At, Correlations, Detail, Dora, Finding, Groups, ItemRow, Items, Latency, PullRequests, Quality,
    Stages, Stuck, Summary, TagKeys, Trace, Trend, Wip,
};
use super::reports::{ReportError, Reports};
use super::{groups, latency, listing, sampling, trend, waterfall};
use crate::clock;
use crate::config::TraceUrl;
use crate::store::{Stats, Store};
use crate::work::ids::TraceId;
use crate::work::key::{Key, Kind, Source};
use crate::work::time::{Time, seconds};

/// How many cohorts are remembered: of a million items each takes 12 MB.
const COHORTS: usize = 4;
/// How many reports of a kind are remembered.
const REPORTS: usize = 64;

/// Which items a question is about.
type Subject = (Kind, Time, Time, Vec<Filter>, Option<Tier>);
/// What a cohort is remembered by: it knows items by their rows, which mean the same within a generation.
type CohortKey = (u64, Subject);
/// What a correlation is remembered by: the items, the measure, and the selection's ends.
type CorrelationKey = (Subject, Measure, Option<u64>, Option<u64>);

/// Whoever has the data.
pub struct Desk<S> {
    store: Arc<S>,
    live: Arc<Live>,
    trace_url: Option<TraceUrl>,
    memory: Arc<Memory>,
}

/// What was computed a moment ago.
struct Memory {
    cohorts: Memo<CohortKey, Cohort>,
    /// Whole reports, by their name and the question.
    reports: Memo<(&'static str, Query), Box<dyn Any + Send + Sync>>,
    correlations: Memo<CorrelationKey, Correlations>,
    /// By the generation of the rows that they name.
    arrivals: Memo<u64, Vec<Arrival>>,
    /// Whose turn it is to analyse.
    analysing: Semaphore,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            cohorts: Memo::new(COHORTS),
            reports: Memo::new(REPORTS),
            correlations: Memo::new(REPORTS),
            arrivals: Memo::new(1),
            analysing: Semaphore::new(1),
        }
    }
}

fn about(query: &Query) -> Subject {
    let mut filters = query.filters.clone();
    filters.sort_unstable();
    (query.kind, query.from, query.to, filters, query.tier)
}

impl Memory {
    /// The items that a question is about, and the version of the data that they are of.
    fn cohort(&self, population: &Population, query: &Query) -> Result<Arc<Cohort>, QueryError> {
        let (key, begun) = ((population.generation(), about(query)), Instant::now());
        if let Some(known) = self.cohorts.get(&key, population.version(), begun) {
            return Ok(known);
        }
        let cohort = Cohort::select(population, query)?;
        Ok(self.cohorts.put(key, cohort, population.version(), begun, Instant::now()))
    }

    /// With which deployments changes came to users.
    fn arrivals(&self, population: &Population) -> Arc<Vec<Arrival>> {
        let (key, begun) = (population.generation(), Instant::now());
        let known = self.arrivals.get(&key, population.version(), begun);
        known.unwrap_or_else(|| {
            let arrivals = delivery::arrivals(population);
            self.arrivals.put(key, arrivals, population.version(), begun, Instant::now())
        })
    }
}

/// What a report is computed with.
struct Asked {
    query: Query,
    stats: Stats,
    now: Time,
}

impl Asked {
    fn basis(&self, tier: Tier) -> super::report::Basis {
        cohort::basis(&self.query, tier, self.now, self.stats.stale.unsigned_abs())
    }

    /// A report that is given again: how far behind it is has to be said anew.
    fn renewed<T: About>(&self, mut report: T) -> T {
        report.basis_mut().behind = self.stats.stale.unsigned_abs();
        report
    }

    /// What most reports are about: deployments of any tier, unless one is asked for.
    fn any_tier(&self) -> super::report::Basis {
        self.basis(self.query.tier.unwrap_or(Tier::Any))
    }

    /// What DORA's metrics are about.
    fn production(&self) -> super::report::Basis {
        self.basis(delivery::tier(&self.query))
    }
}

/// A report broke off: a bug.
fn failed(panic: &tokio::task::JoinError) -> ReportError {
    tracing::error!(%panic, "a report could not be computed; please report it");
    ReportError::Failed
}

impl<S: Store> Desk<S> {
    /// A desk at this store, with what `live` knows of it.
    pub fn new(store: Arc<S>, live: Arc<Live>, trace_url: Option<TraceUrl>) -> Self {
        Self { store, live, trace_url, memory: Arc::default() }
    }

    /// Answers on a thread where it may take its time.
    async fn ask<T: Send + 'static>(
        &self,
        query: &Query,
        work: impl FnOnce(&Population, &Memory, &Asked) -> Result<T, QueryError> + Send + 'static,
    ) -> Result<T, ReportError> {
        if !self.live.is_loaded() {
            return Err(ReportError::Loading);
        }
        let stats = self.store.stats().await?;
        let asked = Asked { query: query.clone(), stats, now: clock::now() };
        let (live, memory) = (self.live.clone(), self.memory.clone());
        let task = tokio::task::spawn_blocking(move || work(&live.read(), &memory, &asked));
        match task.await {
            Ok(answer) => Ok(answer?),
            Err(panic) => Err(failed(&panic)),
        }
    }

    /// The same, for a report that depends on nothing but the population: it is remembered.
    async fn recall<T: About + Clone + Send + Sync + 'static>(
        &self,
        name: &'static str,
        query: &Query,
        work: impl FnOnce(&Population, &Memory, &Asked) -> Result<T, QueryError> + Send + 'static,
    ) -> Result<T, ReportError> {
        self.ask(query, move |population, memory, asked| {
            let (key, begun) = ((name, asked.query.clone()), Instant::now());
            let known = memory.reports.get(&key, population.version(), begun);
            if let Some(report) = known.as_ref().and_then(|known| (***known).downcast_ref::<T>()) {
                return Ok(asked.renewed(report.clone()));
            }
            let report = work(population, memory, asked)?;
            memory.reports.put(key, Box::new(report.clone()), population.version(), begun, Instant::now());
            Ok(report)
        })
        .await
    }

    /// The correlations that were computed a moment ago, if they are still good.
    async fn remembered(
        &self,
        key: &CorrelationKey,
        query: &Query,
    ) -> Result<Option<Correlations>, ReportError> {
        let key = key.clone();
        self.ask(query, move |population, memory, asked| {
            let known = memory.correlations.get(&key, population.version(), Instant::now());
            Ok(known.map(|known| asked.renewed((*known).clone())))
        })
        .await
    }

    /// Items for a list, with what the store knows of them.
    async fn item_rows(&self, keys: Vec<Key>, now: Time) -> Result<Vec<ItemRow>, ReportError> {
        let items = self.store.items(&keys).await?;
        let population = self.live.read();
        let row = |(key, item): (Key, Option<crate::work::item::Item>)| {
            let row = population.find(&key)?;
            let life = population.life(row);
            let root = population.key(population.root(row))?;
            let lasted = match (life.closed, life.opened) {
                (Some((end, _)), Some(start)) if life.start_known => Some(end.since(start)),
                _ => age(life, now),
            };
            Some(ItemRow {
                title: item.as_ref().and_then(describe::title),
                url: item.as_ref().and_then(describe::url),
                trace_id: TraceId::of(&root).to_string(),
                opened: life.opened.filter(|_| life.start_known).map(At),
                closed: life.closed.map(|(end, _)| At(end)),
                seconds: lasted.map(seconds),
                outcome: life.closed.map(|(_, outcome)| outcome.as_str().to_owned()),
                reopened: life.reopened,
                waiting: item.as_ref().and_then(describe::waiting),
                tags: waterfall::tags(&population, row),
                key,
            })
        };
        Ok(keys.into_iter().zip(items).filter_map(row).collect())
    }
}

impl<S: Store> Reports for Desk<S> {
    async fn summary(&self, query: &Query) -> Result<Summary, ReportError> {
        self.recall("summary", query, |population, memory, asked| {
            let select = |query: &Query| memory.cohort(population, query);
            delivery::summary(population, &asked.query, asked.production(), asked.now, select)
        })
        .await
    }

    async fn latency(&self, query: &Query) -> Result<Latency, ReportError> {
        self.recall("latency", query, |population, memory, asked| {
            let cohort = memory.cohort(population, &asked.query)?;
            latency::latency(population, &cohort, &asked.query, asked.any_tier())
        })
        .await
    }

    async fn groups(&self, query: &Query) -> Result<Groups, ReportError> {
        self.recall("groups", query, |population, memory, asked| {
            let cohort = memory.cohort(population, &asked.query)?;
            groups::groups(population, &cohort, &asked.query, asked.any_tier())
        })
        .await
    }

    async fn trend(&self, query: &Query) -> Result<Trend, ReportError> {
        self.recall("trend", query, |population, memory, asked| {
            let cohort = memory.cohort(population, &asked.query)?;
            trend::trend(population, &cohort, &asked.query, asked.any_tier())
        })
        .await
    }

    async fn correlations(&self, query: &Query) -> Result<Correlations, ReportError> {
        let key =
            (about(query), query.measure(), query.slower.map(f64::to_bits), query.faster.map(f64::to_bits));
        if let Some(known) = self.remembered(&key, query).await? {
            return Ok(known);
        }
        // One at a time: whoever asks the same at the same moment waits for the one answer.
        let _turn = self.memory.analysing.acquire().await;
        if let Some(known) = self.remembered(&key, query).await? {
            return Ok(known);
        }
        let begun = Instant::now();
        let (kind, measure) = (query.kind, query.measure());
        let (sample, selection, basis, (version, generation)) = self
            .ask(query, move |population, memory, asked| {
                let cohort = memory.cohort(population, &asked.query)?;
                let selection = cohort.selection(&asked.query);
                let sample = sampling::sample(population, &cohort, measure, None);
                let of = (population.version(), population.generation());
                Ok((sample, selection, asked.any_tier(), of))
            })
            .await?;
        let range = selection.map(|selection| (selection.from_seconds, selection.to_seconds));
        let n = sample.len() as u64;
        // The population can change meanwhile: the sample does not.
        let computed = tokio::task::spawn_blocking(move || {
            if kind == Kind::Sprint {
                // Nothing makes a sprint slow.
                let reason = "sprints take as long as they were planned to".to_owned();
                return correlate::Outcome { insufficient_data: Some(reason), ..Default::default() };
            }
            correlate::correlate(&sample, measure, range, &correlate::Options::default())
        });
        let outcome = computed.await.map_err(|panic| failed(&panic))?;
        let population = self.live.read();
        // Where rows have come to mean others there are no examples, until it is computed again.
        let same = population.generation() == generation;
        let findings = outcome.findings.into_iter().map(|found| {
            let roots = found.exemplars.iter().filter(|_| same).map(|row| population.root(*row));
            let keys = roots.filter_map(|row| population.key(row)).map(|key| key.as_str().to_owned());
            Finding { exemplars: keys.collect(), ..found.finding }
        });
        let report = Correlations {
            basis,
            measure,
            n,
            selection,
            insufficient_data: outcome.insufficient_data,
            singles_tested: outcome.singles_tested,
            pairs_tested: outcome.pairs_tested,
            findings: findings.collect(),
            note: "association, not cause".to_owned(),
        };
        Ok((*self.memory.correlations.put(key, report, version, begun, Instant::now())).clone())
    }

    async fn dora(&self, query: &Query) -> Result<Dora, ReportError> {
        self.recall("dora", query, |population, _, asked| {
            delivery::dora(population, &asked.query, asked.production(), asked.now)
        })
        .await
    }

    async fn stages(&self, query: &Query) -> Result<Stages, ReportError> {
        self.recall("stages", query, |population, _, asked| {
            delivery::stages(population, &asked.query, asked.production())
        })
        .await
    }

    async fn pull_requests(&self, query: &Query) -> Result<PullRequests, ReportError> {
        let query = Query { kind: Kind::PullRequest, ..query.clone() };
        self.recall("pull_requests", &query, |population, _, asked| {
            delivery::pull_requests(population, &asked.query, asked.any_tier())
        })
        .await
    }

    async fn wip(&self, query: &Query) -> Result<Wip, ReportError> {
        let (wip, keys, now) = self
            .ask(query, |population, _, asked| {
                let (wip, rows) = delivery::wip(population, &asked.query, asked.any_tier(), asked.now)?;
                Ok((wip, keys(population, &rows), asked.now))
            })
            .await?;
        Ok(Wip { oldest: self.item_rows(keys, now).await?, ..wip })
    }

    async fn stuck(&self, query: &Query) -> Result<Stuck, ReportError> {
        let (stuck, keys, now) = self
            .ask(query, |population, _, asked| {
                let (stuck, rows) = delivery::stuck(population, &asked.query, asked.any_tier(), asked.now)?;
                Ok((stuck, keys(population, &rows), asked.now))
            })
            .await?;
        Ok(Stuck { items: self.item_rows(keys, now).await?, ..stuck })
    }

    async fn quality(&self, query: &Query) -> Result<Quality, ReportError> {
        self.ask(query, |population, _, asked| {
            let stats = &asked.stats;
            let count = i64::unsigned_abs;
            let heard =
                |source: Source| stats.last_delivery.get(&source).copied().and_then(Time::from_micros);
            let stored = delivery::Stored {
                quarantined: count(stats.quarantined),
                rejected_exports: stats.backlog.values().map(|backlog| count(backlog.rejected)).sum(),
                outbox: stats.backlog.values().map(|backlog| count(backlog.entries)).sum(),
                last_delivery: Source::ALL.map(|source| (source, heard(source))).into(),
            };
            delivery::quality(population, &asked.query, asked.any_tier(), stored)
        })
        .await
    }

    async fn items(&self, query: &Query) -> Result<Items, ReportError> {
        let (keys, total, next_cursor, basis) = self
            .ask(query, |population, memory, asked| {
                let cohort = memory.cohort(population, &asked.query)?;
                let (rows, total, next) = listing::slowest(population, &cohort, &asked.query)?;
                Ok((keys(population, &rows), total, next, asked.any_tier()))
            })
            .await?;
        let items = self.item_rows(keys, basis.as_of.0).await?;
        Ok(Items { basis, items, total, next_cursor })
    }

    async fn tags(&self, query: &Query) -> Result<TagKeys, ReportError> {
        self.recall("tags", query, |population, memory, asked| {
            let cohort = memory.cohort(population, &asked.query)?;
            Ok(groups::tags(population, &cohort, asked.any_tier()))
        })
        .await
    }

    async fn detail(&self, query: &Query, key: &str) -> Result<Detail, ReportError> {
        let key = key.to_owned();
        let measure = query.measure();
        let chosen = query.overlay.iter().find(|filter| filter.key == key && !filter.exclude);
        let value = chosen.map(|filter| filter.value.clone());
        let limit = query.limit;
        let there = sampling::SIZES.contains(&key.as_str()) || self.live.read().dimension(&key).is_some();
        if self.live.is_loaded() && !there {
            let key = crate::work::attr::cut(&key, 80);
            let problem = format!("there is no key {key:?}: /api/v1/tags lists those that there are");
            return Err(ReportError::NotFound(problem));
        }
        let (sample, selection, basis, key) = self
            .ask(query, move |population, memory, asked| {
                let cohort = memory.cohort(population, &asked.query)?;
                let selection = cohort.selection(&asked.query);
                let sample = sampling::sample(population, &cohort, measure, Some(&key));
                Ok((sample, selection, asked.any_tier(), key))
            })
            .await?;
        let range = selection.map(|selection| (selection.from_seconds, selection.to_seconds));
        let computed = tokio::task::spawn_blocking(move || {
            let mut values = correlate::values(&sample, &key, range);
            let total_values = values.len() as u64;
            values.truncate(limit);
            let strata = value.as_ref().map(|value| correlate::stratify(&sample, measure, &key, value));
            Detail { basis, key, selection, values, total_values, value, strata: strata.unwrap_or_default() }
        });
        computed.await.map_err(|panic| failed(&panic))
    }

    async fn trace(&self, id: &str) -> Result<Trace, ReportError> {
        if !self.live.is_loaded() {
            return Err(ReportError::Loading);
        }
        let (omitted, keys) = {
            let population = self.live.read();
            let root = root(&population, id).ok_or_else(|| ReportError::NotFound(unknown_trace(id)))?;
            let (rows, omitted) = waterfall::members(&population, root);
            (omitted, keys(&population, &rows))
        };
        let items = self.store.items(&keys).await?;
        let (live, memory, trace_url) = (self.live.clone(), self.memory.clone(), self.trace_url.clone());
        let drawn = tokio::task::spawn_blocking(move || {
            let population = live.read();
            // By their keys: rows can have come to mean others.
            let rows: Vec<u32> = keys.iter().map(|key| population.find(key)).collect::<Option<_>>()?;
            let arrivals = memory.arrivals(&population);
            let arrival = |row: u32| {
                let at = arrivals.binary_search_by_key(&row, |arrival| arrival.change).ok()?;
                arrivals.get(at).copied()
            };
            let address = |id: &str| trace_url.as_ref().map(|template| template.of(id));
            waterfall::waterfall(&population, &rows, &items, omitted, clock::now(), arrival, address)
        });
        let trace = drawn.await.map_err(|panic| failed(&panic))?;
        trace.ok_or_else(|| ReportError::NotFound(unknown_trace(id)))
    }
}

/// The keys of rows. Whatever waits in between knows items by these, not by rows.
fn keys(population: &Population, rows: &[u32]) -> Vec<Key> {
    rows.iter().filter_map(|row| population.key(*row)).collect()
}

/// The root of the trace with this id, or of the one that the item with this key is in.
fn root(population: &Population, id: &str) -> Option<u32> {
    if let Ok(key) = id.parse::<Key>() {
        return population.find(&key).map(|row| population.root(row));
    }
    let mut bytes = [0; 16];
    hex::decode_to_slice(id, &mut bytes).ok()?;
    let wanted = TraceId(bytes);
    let mut roots = population.roots_of_trace(&wanted).into_iter();
    roots.find(|row| population.key(*row).is_some_and(|key| TraceId::of(&key) == wanted))
}

fn unknown_trace(id: &str) -> String {
    let id = crate::work::attr::cut(id, 100);
    format!("there is no trace {id:?}: give a trace id (32 hexadecimal digits) or the key of an item in it")
}
