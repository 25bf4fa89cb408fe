//! Keeps the population up to date. At start all stored observations are loaded; from then on the
//! items that the store calls stale are observed again, a batch at a time, put into the population,
//! and remembered. Of several replicas one does that, the others take in what it remembers. What is past
//! its age goes, whether or not the store has deleted it yet. Deliveries come first: while they come in,
//! this rests nine times as long as it works.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::observation::{self, Lived, Observation};
use super::population::{Population, Settings};
use crate::clock;
use crate::store::{Retention, Rules, Store, StoreError};
use crate::work::time::Time;

/// How many observations are read at once at start.
const PAGE: usize = 4_096;
/// How many stale items are observed at once.
const BATCH: usize = 512;
/// How long to wait after a commit, so that an item's next deliveries are observed with it.
const GATHER: Duration = Duration::from_millis(200);
/// How often to look for what became stale without a commit of this process.
const TICK: Duration = Duration::from_secs(1);
/// How many times as long as it worked it rests, while deliveries come in.
const REST: u32 = 9;
/// How often to look for what is past its age.
const SWEEP: Duration = Duration::from_secs(600);

/// The population, shared between who keeps it up to date and who reads it.
#[derive(Debug)]
pub struct Live {
    population: RwLock<Population>,
    loaded: AtomicBool,
}

impl Live {
    /// Nothing loaded yet.
    pub fn new(settings: Settings) -> Self {
        Self { population: RwLock::new(Population::new(settings)), loaded: AtomicBool::new(false) }
    }

    /// Whether all that is stored has been loaded.
    pub fn is_loaded(&self) -> bool {
        self.loaded.load(Ordering::Acquire)
    }

    /// The population, to be read. Changes wait meanwhile.
    pub fn read(&self) -> RwLockReadGuard<'_, Population> {
        // `apply` does not leave anything half done that a reader could trip over.
        self.population.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps everybody from reading, as a change does that waits for a long report.
    #[cfg(test)]
    pub(super) fn hold(&self) -> std::sync::RwLockWriteGuard<'_, Population> {
        self.population.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the population, on a thread that may wait for readers.
    async fn change(self: &Arc<Self>, change: impl FnOnce(&mut Population) + Send + 'static) {
        let live = self.clone();
        let changed = tokio::task::spawn_blocking(move || {
            change(&mut live.population.write().unwrap_or_else(PoisonError::into_inner));
        });
        if changed.await.is_err() {
            tracing::error!("observations could not be taken in; please report it");
        }
    }

    /// Takes observations in.
    async fn apply(self: &Arc<Self>, observations: Vec<Observation>, retention: Retention) {
        if !observations.is_empty() {
            let now = clock::now();
            let over = move |kind, life: &Lived| retention.is_over(kind, life, now);
            self.change(move |population| {
                population.apply_living(&observations, over);
            })
            .await;
        }
    }

    /// Takes out what is past its age at `now`.
    async fn sweep(self: &Arc<Self>, retention: Retention, now: Time) {
        if retention.deletes() {
            self.change(move |population| {
                population.drop_over(|kind, life| retention.is_over(kind, life, now));
            })
            .await;
        }
    }

    /// Builds the population anew from what is stored, without what was taken out: only so its memory comes
    /// back. Whoever asks meanwhile is answered from the old one. Nobody else may change it meanwhile.
    async fn renew<S: Store>(self: &Arc<Self>, store: &S, retention: Retention) -> Result<(), StoreError> {
        let fresh = Arc::new(Self::new(self.read().settings().clone()));
        fresh.load(store, retention).await?;
        self.change(move |population| {
            let mut fresh = fresh.population.write().unwrap_or_else(PoisonError::into_inner);
            fresh.succeed(population);
            // The old one goes with `fresh`, when readers are no longer held up.
            std::mem::swap(population, &mut fresh);
        })
        .await;
        Ok(())
    }

    /// Loads what is stored; reads on while what was read is taken in.
    async fn load<S: Store>(self: &Arc<Self>, store: &S, retention: Retention) -> Result<(), StoreError> {
        let mut page = store.observations(i64::MIN, PAGE).await?;
        while let Some(reached) = page.reached {
            let observations = page.observations.into_iter().map(|(_, observation)| observation).collect();
            let (next, ()) =
                tokio::join!(store.observations(reached, PAGE), self.apply(observations, retention));
            page = next?;
        }
        Ok(())
    }

    /// Loads what is stored, and observes what is stale without remembering it: for commands, which
    /// leave that to the server.
    pub async fn load_all<S: Store>(self: &Arc<Self>, store: &S, rules: &Rules) -> Result<(), StoreError> {
        self.load(store, rules.retention).await?;
        let mut after = i64::MIN;
        loop {
            let stale = store.stale(after, PAGE, rules).await?;
            let Some(last) = stale.last() else { break };
            after = last.item;
            let observations = stale.into_iter().filter_map(|stale| stale.observation).collect();
            self.apply(observations, rules.retention).await;
        }
        self.loaded.store(true, Ordering::Release);
        Ok(())
    }
}

/// Loads, and then follows what is committed until `stop`. `commits` counts the commits.
pub async fn follow<S: Store>(
    live: Arc<Live>,
    store: Arc<S>,
    rules: Rules,
    mut commits: watch::Receiver<u64>,
    stop: CancellationToken,
) {
    let mut failing = false;
    let begun = Instant::now();
    let mut reached = loop {
        match begin(&live, &*store, &rules).await {
            Ok(reached) => break reached,
            Err(error) => tell(&error, &mut failing),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(TICK) => {}
        }
    };
    live.loaded.store(true, Ordering::Release);
    tracing::info!(
        items = live.read().rows(),
        bytes = live.read().bytes(),
        milliseconds = begun.elapsed().as_millis() as u64,
        "insight has loaded what is stored"
    );
    let mut swept = Instant::now();
    while !stop.is_cancelled() {
        if swept.elapsed() >= SWEEP {
            swept = Instant::now();
            live.sweep(rules.retention, clock::now()).await;
            if live.read().is_sparse() {
                match live.renew(&*store, rules.retention).await {
                    Ok(()) => tracing::debug!(items = live.read().rows(), "insight was built anew"),
                    Err(error) => tell(&error, &mut failing),
                }
            }
        }
        let seen = *commits.borrow_and_update();
        let begun = Instant::now();
        let more = match round(&live, &*store, &rules, &mut reached).await {
            Ok(more) => {
                failing = false;
                more
            }
            Err(error) => {
                tell(&error, &mut failing);
                false
            }
        };
        let rest = match (more, *commits.borrow() != seen) {
            (true, true) => begun.elapsed() * REST,
            (true, false) => Duration::ZERO,
            (false, true) => GATHER,
            (false, false) => TICK,
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(rest) => {}
            Ok(()) = commits.changed(), if rest == TICK => {
                tokio::time::sleep(GATHER).await;
            }
        }
    }
}

/// Tells of the first failure of several in a row.
fn tell(error: &StoreError, failing: &mut bool) {
    if !std::mem::replace(failing, true) {
        tracing::error!(%error, "insight cannot be kept up to date; trying again");
    }
}

/// Makes stale what was observed by other rules, and loads the rest.
/// Says how far it knows what other replicas observe.
async fn begin<S: Store>(live: &Arc<Live>, store: &S, rules: &Rules) -> Result<Option<i64>, StoreError> {
    if store.observed_with(observation::fingerprint(&rules.tagger)).await? {
        tracing::info!("the rules for tags are new: whatever is stored is observed by them");
    }
    // Asked for before loading: what comes in between is taken in twice, not missed.
    let reached = store.observed_elsewhere(None, 0).await?.reached;
    live.load(store, rules.retention).await?;
    Ok(reached)
}

/// Takes in a page of what others observed, and observes a batch of stale items; says whether there
/// may be more.
async fn round<S: Store>(
    live: &Arc<Live>,
    store: &S,
    rules: &Rules,
    reached: &mut Option<i64>,
) -> Result<bool, StoreError> {
    let mut more = false;
    if reached.is_some() {
        let page = store.observed_elsewhere(*reached, PAGE).await?;
        more = page.observations.len() == PAGE;
        let observations = page.observations.into_iter().map(|(_, observation)| observation).collect();
        live.apply(observations, rules.retention).await;
        *reached = page.reached.or(*reached);
    }
    if !store.observes().await? {
        return Ok(more);
    }
    let stale = store.stale(i64::MIN, BATCH, rules).await?;
    let observations = stale.iter().filter_map(|stale| stale.observation.clone()).collect();
    // Readers see it before the store calls it done: nobody finds a thing neither here nor there.
    live.apply(observations, rules.retention).await;
    let noted = store.observed(&stale, clock::now()).await?;
    Ok(more || stale.len() == BATCH || noted.revisited > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::insight::population::testing::settings;
    use crate::sources::DeliveryId;
    use crate::store::sqlite::SqliteStore;
    use crate::store::{Content, Delivery};
    use crate::work::event::{Outcome, Said};
    use crate::work::key::{Kind, Source};
    use crate::work::testing::{acme, at, run};

    /// Builds that ended in a year, each with a number.
    async fn built(store: &SqliteStore, rules: &Rules, year: &str, numbers: std::ops::Range<u16>) {
        let ended = Time::parse(&format!("{year}-06-01T00:00:00Z")).unwrap().since(at(0)) / 1_000_000;
        let delivery = |n: u16| {
            let event = run(acme(&format!("build/{n}.1")), ended - 60, Some((ended, Outcome::Success)));
            let id = DeliveryId((u128::from(n)).to_be_bytes());
            let said = Said { events: vec![event], ..Said::default() };
            Delivery { source: Source::Github, id, received_at: at(0), content: Content::Said(said) }
        };
        store.commit(numbers.map(delivery).collect(), rules).await.unwrap();
    }

    #[tokio::test]
    async fn the_memory_of_what_is_past_its_age_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("store.db"), 1 << 20).unwrap();
        let rules =
            crate::app::rules(&Config::load(None, std::iter::empty::<(String, String)>()).unwrap()).unwrap();
        built(&store, &rules, "2001", 0..600).await;
        built(&store, &rules, "2090", 600..700).await;
        let stale = store.stale(i64::MIN, 1_000, &rules).await.unwrap();
        store.observed(&stale, at(0)).await.unwrap();
        let live = Arc::new(Live::new(settings(&["team"])));
        live.load(&store, Retention::default()).await.unwrap();
        let (rows, bytes, version) = (live.read().rows(), live.read().bytes(), live.read().version());
        assert_eq!((rows, live.read().is_sparse()), (700, false));

        let year = Retention::new([(Kind::Build, 365 * 24 * 3_600_000_000)], None);
        live.sweep(year, Time::parse("2050-01-01T00:00:00Z").unwrap()).await;
        assert_eq!((live.read().rows(), live.read().is_sparse()), (700, true));
        let generation = live.read().generation();
        live.renew(&store, year).await.unwrap();
        let population = live.read();
        assert_eq!((population.rows(), population.is_sparse()), (100, false));
        assert!(population.bytes() * 2 < bytes, "{} of {bytes}", population.bytes());
        assert!(population.version() > version && population.generation() == generation + 1);
        assert_eq!(population.of_kind(Kind::Build).count(), 100);
        assert_eq!(population.find(&acme("build/1.1")), None);
        assert!(population.find(&acme("build/650.1")).is_some());
    }
}
