//! Has the store delete what is past its age: walks over all of it soon after a start and then a few
//! times a day, a slice at a time, resting between slices for several times as long as they take, so that
//! deliveries come first. Of several replicas one walks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::{Forgotten, Mark, Rules, Store, StoreError};
use crate::clock;
use crate::telemetry::Metrics;
use crate::work::key::Kind;
use crate::work::time::Time;

/// How long after a start the first walk begins.
const FIRST: Duration = Duration::from_secs(5);
/// How long after a walk the next one begins.
const EVERY: Duration = Duration::from_secs(6 * 3600);
/// The same after one that failed.
const AGAIN: Duration = Duration::from_secs(600);
/// How many rows are looked at in one transaction.
const SLICE: usize = 500;
/// How many times as long as a slice took it rests.
const REST: u32 = 9;
/// How often it says that it is still at it: what one replica does falls to another if it is silent.
const RENEWAL: Duration = Duration::from_secs(3);

/// What one walk deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tidied {
    /// Items by kind.
    pub items: BTreeMap<Kind, usize>,
    /// Identities of deliveries.
    pub deliveries: usize,
    /// References.
    pub refs: usize,
    /// Moments.
    pub moments: usize,
}

/// Walks until `stop`. `exporting` says whether there is a backend for items that wait to be exported.
pub async fn run<S: Store>(
    store: Arc<S>,
    rules: Rules,
    exporting: bool,
    metrics: Metrics,
    stop: CancellationToken,
) {
    let mut wait = FIRST;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
        wait = EVERY;
        let begun = Instant::now();
        let walked = tokio::select! {
            // What was begun is one transaction: it is whole, or it did not happen.
            () = stop.cancelled() => return,
            walked = walk(&*store, &rules, exporting, &metrics, clock::now()) => walked,
        };
        match walked {
            Ok(Some(tidied)) => {
                let Tidied { items, deliveries, refs, moments } = tidied;
                let milliseconds = begun.elapsed().as_millis() as u64;
                let items: usize = items.values().sum();
                if items + deliveries + refs + moments > 0 {
                    tracing::info!(
                        items,
                        deliveries,
                        refs,
                        moments,
                        milliseconds,
                        "what was past its age is deleted"
                    );
                } else {
                    tracing::debug!(milliseconds, "nothing is past its age");
                }
            }
            Ok(None) => {}
            Err(error) => {
                wait = AGAIN;
                tracing::error!(%error, "what is past its age cannot be deleted; trying again later");
            }
        }
    }
}

/// Walks over the whole store once; `None` if that falls to another replica.
pub async fn walk<S: Store>(
    store: &S,
    rules: &Rules,
    exporting: bool,
    metrics: &Metrics,
    now: Time,
) -> Result<Option<Tidied>, StoreError> {
    let mut pace = Pace { renewed: None, begun: Instant::now() };
    let mut tidied = Tidied::default();
    let mut after = Some(i64::MIN).filter(|_| rules.retention.deletes());
    while let Some(from) = after {
        if !pace.goes_on(store).await? {
            return Ok(None);
        }
        let expired = store.expire(from, SLICE, now, rules, exporting).await?;
        metrics.expired(&expired);
        for (kind, items) in expired.items {
            *tidied.items.entry(kind).or_default() += items;
        }
        after = expired.reached;
    }
    let mut mark: Option<Mark> = None;
    loop {
        if !pace.goes_on(store).await? {
            return Ok(None);
        }
        let Forgotten { reached, deliveries, refs, moments } = store.forget(mark, SLICE, now, rules).await?;
        tidied.deliveries += deliveries;
        tidied.refs += refs;
        tidied.moments += moments;
        match reached {
            Some(reached) => mark = Some(reached),
            None => return Ok(Some(tidied)),
        }
    }
}

/// Between slices.
struct Pace {
    renewed: Option<Instant>,
    /// When the slice began.
    begun: Instant,
}

impl Pace {
    /// Rests; whether it is still for this process to go on.
    async fn goes_on<S: Store>(&mut self, store: &S) -> Result<bool, StoreError> {
        if self.renewed.is_some() {
            tokio::time::sleep((self.begun.elapsed() * REST).min(RENEWAL)).await;
        }
        if self.renewed.is_none_or(|renewed| renewed.elapsed() >= RENEWAL) {
            if !store.expires().await? {
                return Ok(false);
            }
            self.renewed = Some(Instant::now());
        }
        self.begun = Instant::now();
        Ok(true)
    }
}
