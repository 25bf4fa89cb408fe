//! Answers questions from the population and the store: the one implementation of [`Reports`] that
//! has the data itself. The server asks it through the API and the page, commands ask it about the
//! store of the configuration.

mod memory;

use std::sync::Arc;
use std::time::Instant;

use memory::{CorrelationKey, Memory, correlation_key};

use super::cohort;
use super::correlate;
use super::delivery::{self, Scope};
use super::describe;
use super::live::Live;
use super::population::{Population, age};
use super::query::{Query, QueryError, Tier};
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
use crate::work::item::Item;
use crate::work::key::{Key, Kind, Source};
use crate::work::time::{Time, seconds};

/// Whoever has the data.
pub struct Desk<S> {
    store: Arc<S>,
    live: Arc<Live>,
    trace_url: Option<TraceUrl>,
    memory: Arc<Memory>,
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

/// What is shown of an item in a list; none if it has gone meanwhile.
fn item_row(population: &Population, key: Key, item: Option<&Item>, now: Time) -> Option<ItemRow> {
    let row = population.find(&key)?;
    let life = population.life(row);
    let root = population.key(population.root(row))?;
    let lasted = match (life.closed, life.opened) {
        (Some((end, _)), Some(start)) if life.start_known => Some(end.since(start)),
        _ => age(life, now),
    };
    Some(ItemRow {
        title: item.and_then(describe::title),
        url: item.and_then(describe::url),
        trace_id: TraceId::of(&root).to_string(),
        opened: life.opened.filter(|_| life.start_known).map(At),
        closed: life.closed.map(|(end, _)| At(end)),
        seconds: lasted.map(seconds),
        outcome: life.closed.map(|(_, outcome)| outcome.as_str().to_owned()),
        reopened: life.reopened,
        waiting: item.and_then(describe::waiting),
        tags: waterfall::tags(population, row),
        key,
    })
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

    /// Reads the population on a thread where it may take its time, and wait: a change waits for the
    /// reports that are under way, and whoever reads after it waits for the change. A thread that also
    /// takes deliveries must never stand there.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Population) -> T + Send + 'static,
    ) -> Result<T, ReportError> {
        let live = self.live.clone();
        let task = tokio::task::spawn_blocking(move || work(&live.read()));
        task.await.map_err(|panic| failed(&panic))
    }

    /// Answers a question.
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
        let memory = self.memory.clone();
        Ok(self.read(move |population| work(population, &memory, &asked)).await??)
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
        self.read(move |population| {
            let known = keys.into_iter().zip(items);
            known.filter_map(|(key, item)| item_row(population, key, item.as_ref(), now)).collect()
        })
        .await
    }
}

impl<S: Store> Reports for Desk<S> {
    async fn summary(&self, query: &Query) -> Result<Summary, ReportError> {
        self.recall("summary", query, |population, memory, asked| {
            let delivery = memory.delivery(population, &asked.query)?;
            let select = |query: &Query| memory.cohort(population, query);
            delivery::summary(&delivery, &asked.query, asked.production(), asked.now, select)
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
        let key = correlation_key(query);
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
        let (insufficient_data, singles_tested, pairs_tested) =
            (outcome.insufficient_data, outcome.singles_tested, outcome.pairs_tested);
        let found = outcome.findings;
        let named = move |population: &Population| {
            // Where rows have come to mean others there are no examples, until it is computed again.
            let same = population.generation() == generation;
            let findings = found.into_iter().map(|found| {
                let roots = found.exemplars.iter().filter(|_| same).map(|row| population.root(*row));
                let keys = roots.filter_map(|row| population.key(row)).map(|key| key.as_str().to_owned());
                Finding { exemplars: keys.collect(), ..found.finding }
            });
            findings.collect()
        };
        let findings: Vec<Finding> = self.read(named).await?;
        let report = Correlations {
            basis,
            measure,
            n,
            selection,
            insufficient_data,
            singles_tested,
            pairs_tested,
            findings,
            note: "association, not cause".to_owned(),
        };
        Ok((*self.memory.correlations.put(key, report, version, begun, Instant::now())).clone())
    }

    async fn dora(&self, query: &Query) -> Result<Dora, ReportError> {
        self.recall("dora", query, |population, memory, asked| {
            let delivery = memory.delivery(population, &asked.query)?;
            Ok(delivery::dora(&delivery, &asked.query, asked.production(), asked.now))
        })
        .await
    }

    async fn stages(&self, query: &Query) -> Result<Stages, ReportError> {
        self.recall("stages", query, |population, memory, asked| {
            let delivery = memory.delivery(population, &asked.query)?;
            delivery::stages(&delivery, &asked.query, asked.production())
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
        let unknown = {
            let key = crate::work::attr::cut(&key, 80);
            format!("there is no key {key:?}: /api/v1/tags lists those that there are")
        };
        let gathered = self
            .ask(query, move |population, memory, asked| {
                if !sampling::SIZES.contains(&key.as_str()) && population.dimension(&key).is_none() {
                    return Ok(None);
                }
                let cohort = memory.cohort(population, &asked.query)?;
                let selection = cohort.selection(&asked.query);
                let sample = sampling::sample(population, &cohort, measure, Some(&key));
                Ok(Some((sample, selection, asked.any_tier(), key)))
            })
            .await?;
        let (sample, selection, basis, key) = gathered.ok_or(ReportError::NotFound(unknown))?;
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
        let unknown = || ReportError::NotFound(unknown_trace(id));
        let wanted = id.to_owned();
        let of_trace = move |population: &Population| {
            let (rows, omitted) = waterfall::members(population, root(population, &wanted)?);
            Some((omitted, keys(population, &rows)))
        };
        let (omitted, keys) = self.read(of_trace).await?.ok_or_else(unknown)?;
        let items = self.store.items(&keys).await?;
        let (memory, trace_url) = (self.memory.clone(), self.trace_url.clone());
        let drawn = move |population: &Population| {
            // By their keys: rows can have come to mean others.
            let rows: Vec<u32> = keys.iter().map(|key| population.find(key)).collect::<Option<_>>()?;
            // Of production there is always a history: it asks for no key that could be missing.
            let history = memory.history(population, &Scope::production()).ok();
            let arrival = |row: u32| history.as_ref()?.arrival(row);
            let address = |id: &str| trace_url.as_ref().map(|template| template.of(id));
            waterfall::waterfall(population, &rows, &items, omitted, clock::now(), arrival, address)
        };
        self.read(drawn).await?.ok_or_else(unknown)
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

#[cfg(test)]
mod tests;
