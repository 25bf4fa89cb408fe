//! The store that several replicas share. Every operation is one transaction, tried again when
//! another one got in its way or the database went away for a moment. Locks are taken in one order
//! (`commit`), what one replica at a time does goes by a row of `roles`, and what one of them is
//! sending is leased to it (`outbox`). Questions are asked in sets, since the database may be a network
//! away (`lookup`).

mod check;
mod commit;
mod connect;
mod expire;
mod failed;
mod keep;
mod lookup;
mod migrate;
mod observe;
mod outbox;
mod roles;
mod seal;
mod tallies;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use deadpool_postgres::{Client, Pool, PoolError};
use rand::RngExt;
use tokio::task::JoinHandle;
use tokio_postgres::IsolationLevel;

pub use self::connect::{Access, PostgresUrl};
use self::failed::{Failed, Patience};
use super::known::Known;
use super::*;
use crate::clock;

/// How often leases are renewed: three times before one runs out.
const RENEWAL: Duration = Duration::from_secs(10);
/// The most commits of one replica at the same time: more of them only make the batches smaller.
const COMMITS: usize = 4;
/// How long a start waits for a database that is not there yet.
const PATIENCE_AT_START: Duration = Duration::from_secs(30);
/// How long one try may take. Longer than any statement may: it is for a way to the database that has
/// gone silent, where no answer will come and nobody says so.
const SILENCE: Duration = Duration::from_secs(70);
/// The same for what goes through the whole store.
const SILENCE_OF_ALL: Duration = Duration::from_secs(6 * 3600);
/// The same for what a sender or a probe waits for.
const SILENCE_TO_SENDERS: Duration = Duration::from_secs(8);
/// How long saying goodbye may take.
const GOODBYE: Duration = Duration::from_secs(3);
/// By how many microseconds a clock may differ from the database's before that is allowed for.
const SAME_TIME: i64 = 2_000_000;

/// The store that several replicas share.
pub struct PostgresStore {
    database: Arc<Database>,
    renewing: JoinHandle<()>,
}

/// The way to the database, and who we are there.
struct Database {
    pool: Pool,
    /// Tells this process from all others that use the database.
    me: i64,
    /// The shard that it counts in.
    shard: i16,
    /// Whether the last operation found nobody there.
    away: AtomicBool,
    closing: AtomicBool,
    /// The entries of the outbox that were handed out and not settled yet.
    held: Mutex<HashSet<i64>>,
    /// The database's clock, in microseconds since the epoch, when `begun` was: when an item is due must
    /// be the same for all replicas, and no step of a machine's clock may change it.
    epoch: AtomicI64,
    begun: Instant,
    /// Whether it was said that the clocks differ.
    apart: AtomicBool,
}

/// Runs what follows in a transaction, again if need be.
macro_rules! transaction {
    ($store:ident, |$transaction:ident| $work:expr) => {
        transaction!($store, SILENCE, |$transaction| $work)
    };
    ($store:ident, $limit:expr, |$transaction:ident| $work:expr) => {
        transaction!($store, $limit, IsolationLevel::ReadCommitted, false, |$transaction| $work)
    };
    ($store:ident, $limit:expr, $isolation:expr, $read_only:expr, |$transaction:ident| $work:expr) => {
        tried!($store, $limit, |client| async {
            let $transaction =
                client.build_transaction().isolation_level($isolation).read_only($read_only).start().await?;
            let value = $work.await?;
            $transaction.commit().await?;
            Ok::<_, Failed>(value)
        })
    };
}

/// Does what follows with a connection, again if need be.
macro_rules! tried {
    ($store:ident, |$client:ident| $work:expr) => {
        tried!($store, SILENCE, |$client| $work)
    };
    ($store:ident, $limit:expr, |$client:ident| $work:expr) => {{
        let database = &$store.database;
        let mut patience = Patience::new(database.away.load(Ordering::Relaxed));
        loop {
            let outcome = match database.client().await {
                Ok(mut $client) => {
                    let _ = &mut $client;
                    match tokio::time::timeout($limit, $work).await {
                        Ok(outcome) => outcome,
                        Err(_) => {
                            // Whoever used the connection next would wait behind what was asked.
                            drop(Client::take($client));
                            Err(Failed::Away("the database does not answer".to_owned()))
                        }
                    }
                }
                Err(failed) => Err(failed),
            };
            match outcome {
                Ok(value) => {
                    database.away.store(false, Ordering::Relaxed);
                    break Ok(value);
                }
                Err(failed) => {
                    if let Failed::ReadOnly(_) = failed {
                        // All connections may lead to the server that was demoted.
                        database.pool.retain(|_, _| false);
                    }
                    let away = matches!(failed, Failed::Away(_) | Failed::ReadOnly(_));
                    if let Err(error) = patience.again(failed).await {
                        database.away.store(away, Ordering::Relaxed);
                        break Err(error);
                    }
                }
            }
        }
    }};
}

impl Database {
    async fn client(&self) -> Result<Client, Failed> {
        if self.closing.load(Ordering::Acquire) {
            return Err(StoreError::Closed.into());
        }
        Ok(self.pool.get().await?)
    }

    /// Holds on to what is leased, for as long as the process lives.
    async fn renew(self: Arc<Self>) {
        loop {
            tokio::time::sleep(RENEWAL).await;
            // Whatever is wrong, those who send and commit say so.
            match tokio::time::timeout(RENEWAL, self.renew_once()).await {
                Ok(Ok(())) => {}
                Ok(Err(failed)) => tracing::debug!(?failed, "leases could not be renewed"),
                Err(_) => tracing::debug!("leases could not be renewed in time"),
            }
        }
    }

    async fn renew_once(&self) -> Result<(), Failed> {
        let client = self.client().await?;
        self.compare_clocks(&client).await?;
        let held: Vec<i64> = self.held().iter().copied().collect();
        outbox::renew(&client, &held, self.me).await
    }

    fn held(&self) -> std::sync::MutexGuard<'_, HashSet<i64>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of what the database's clock says.
    async fn compare_clocks(&self, client: &Client) -> Result<(), Failed> {
        let row =
            client.query_one("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint", &[]).await?;
        self.epoch.store(row.get::<_, i64>(0) - self.begun.elapsed().as_micros() as i64, Ordering::Relaxed);
        let ahead = self.ahead();
        if !self.apart.swap(ahead != 0, Ordering::Relaxed) && ahead != 0 {
            tracing::warn!(
                seconds = ahead / 1_000_000,
                "the database's clock is ahead of this machine's, or behind; the database's counts"
            );
        }
        Ok(())
    }

    /// By how many microseconds the database's clock is ahead of this machine's.
    fn ahead(&self) -> i64 {
        let there = self.epoch.load(Ordering::Relaxed) + self.begun.elapsed().as_micros() as i64;
        let ahead = there - clock::now().micros();
        if ahead.abs() < SAME_TIME { 0 } else { ahead }
    }

    /// An instant of this machine's clock by the database's.
    fn here(&self, time: Time) -> Time {
        time.plus(self.ahead())
    }
}

impl PostgresStore {
    /// Connects, and brings the schema up to date. Waits a while for a database that is just starting.
    pub async fn open(url: &PostgresUrl, access: &Access) -> Result<Self, StoreError> {
        Self::connect(url, access, true).await
    }

    /// The same, where a store is there already: none is made.
    pub async fn open_existing(url: &PostgresUrl, access: &Access) -> Result<Self, StoreError> {
        Self::connect(url, access, false).await
    }

    async fn connect(url: &PostgresUrl, access: &Access, make: bool) -> Result<Self, StoreError> {
        let pool = connect::pool(url, access)?;
        let me: i64 = rand::rng().random();
        let shard = (me.unsigned_abs() % tallies::SHARDS) as i16;
        let database = Arc::new(Database {
            pool,
            me,
            shard,
            away: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            held: Mutex::default(),
            epoch: AtomicI64::new(clock::now().micros()),
            begun: Instant::now(),
            apart: AtomicBool::new(false),
        });
        let store = Self { renewing: tokio::spawn(database.clone().renew()), database };
        let begun = tokio::time::Instant::now();
        let mut told = false;
        loop {
            if let Err(PoolError::Backend(error)) = store.database.pool.get().await
                && failed::is_hopeless(&error)
            {
                return Err(StoreError::Open { url: url.to_string(), reason: failed::told(&error) });
            }
            match transaction!(store, SILENCE_OF_ALL, |transaction| migrate::migrate(&transaction, make)) {
                Ok(false) => {
                    let reason = "there is no store in it: is this the store.url that the server runs with?";
                    return Err(StoreError::Open { url: url.to_string(), reason: reason.to_owned() });
                }
                Ok(true) => {
                    let database = &store.database;
                    tried!(store, |client| database.compare_clocks(&client))?;
                    let missing = tried!(store, |client| connect::unlimited(&client))?;
                    if !missing.is_empty() {
                        tracing::warn!(
                            missing = missing.join(", "),
                            "sessions of the database have no such limit: is there a pooler in front? \
                             docs/deploying.md says how to set them"
                        );
                    }
                    return Ok(store);
                }
                Err(StoreError::Unavailable(reason)) if begun.elapsed() < PATIENCE_AT_START => {
                    if !std::mem::replace(&mut told, true) {
                        tracing::warn!(%url, reason, "waiting for the database");
                    }
                    tokio::time::sleep(Duration::from_millis(250)).await;
                }
                Err(StoreError::Unavailable(reason)) => {
                    return Err(StoreError::Open { url: url.to_string(), reason });
                }
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for PostgresStore {
    fn drop(&mut self) {
        self.renewing.abort();
    }
}

impl Store for PostgresStore {
    fn commits_at_once(&self) -> usize {
        // The rest is for sealing, sending, observing and asking.
        (self.database.pool.status().max_size / 2).clamp(1, COMMITS)
    }

    async fn commit(&self, mut batch: Vec<Delivery>, rules: &Rules) -> Result<Vec<Committed>, StoreError> {
        let shard = self.database.shard;
        for delivery in &mut batch {
            delivery.received_at = self.database.here(delivery.received_at);
        }
        transaction!(self, SILENCE_TO_SENDERS, |transaction| {
            commit::commit(&transaction, batch.clone(), rules, shard)
        })
    }

    async fn seal(
        &self,
        now: Time,
        limit: usize,
        backends: &[String],
        rules: &Rules,
    ) -> Result<Sealed, StoreError> {
        // Most of the time nothing is due; finding that out must not take a write.
        let (now, settle) = (self.database.here(now), rules.settle);
        if !tried!(self, |client| seal::any_due(&client, now, settle))? {
            return Ok(Sealed::default());
        }
        let shard = self.database.shard;
        transaction!(self, |transaction| seal::seal(&transaction, now, limit, backends, rules, shard))
    }

    async fn lease(&self, backend: &str, limit: usize) -> Result<Vec<Leased>, StoreError> {
        if !tried!(self, |client| outbox::any(&client, backend))? {
            return Ok(Vec::new());
        }
        let me = self.database.me;
        let leased = transaction!(self, |transaction| outbox::lease(&transaction, backend, limit, me))?;
        self.database.held().extend(leased.iter().map(|entry| entry.id));
        Ok(leased)
    }

    async fn settle(&self, backend: &str, settlements: Vec<Settlement>, now: Time) -> Result<(), StoreError> {
        let Database { me, shard, .. } = *self.database;
        let now = self.database.here(now);
        transaction!(self, |transaction| outbox::settle(
            &transaction,
            backend,
            &settlements,
            now,
            me,
            shard
        ))?;
        let mut held = self.database.held();
        settlements.iter().flat_map(Settlement::ids).for_each(|id| {
            held.remove(id);
        });
        Ok(())
    }

    async fn probe(&self) -> Result<(), StoreError> {
        let shard = self.database.shard;
        let one = tallies::counts([("probes".to_owned(), 1)]);
        let heard = std::collections::BTreeMap::new();
        transaction!(self, SILENCE_TO_SENDERS, |transaction| tallies::add(&transaction, shard, &one, &heard))
    }

    async fn stats(&self) -> Result<Stats, StoreError> {
        tried!(self, |client| keep::stats(&client))
    }

    async fn item(&self, key: &Key) -> Result<(Option<Item>, Option<Pin>), StoreError> {
        let keys = [key.as_str()];
        let (mut items, mut pins) = tried!(self, |client| async {
            let client = &client;
            tokio::try_join!(lookup::items(client, &keys), lookup::pins(client, &keys))
        })?;
        Ok((items.remove(key.as_str()).transpose()?, pins.remove(key.as_str())))
    }

    async fn items(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, StoreError> {
        let texts: Vec<&str> = keys.iter().map(Key::as_str).collect();
        let found = tried!(self, |client| lookup::items(&client, &texts))?;
        let mut read: std::collections::HashMap<String, Item> = std::collections::HashMap::new();
        for (key, item) in found {
            match item {
                Ok(item) => {
                    read.insert(key, item);
                }
                Err(StoreError::Corrupt(reason)) => {
                    tracing::error!(%reason, "an item is left out because its row cannot be read");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(keys.iter().map(|key| read.get(key.as_str()).cloned()).collect())
    }

    async fn root(&self, key: &Key) -> Result<Key, StoreError> {
        transaction!(self, SILENCE, IsolationLevel::RepeatableRead, true, |transaction| lookup::root(
            &transaction,
            key
        ))
    }

    async fn place(&self, key: &Key) -> Result<Option<(Item, Place)>, StoreError> {
        transaction!(self, SILENCE, IsolationLevel::RepeatableRead, true, |transaction| async {
            let mut found = lookup::items(&transaction, &[key.as_str()]).await?;
            let Some(item) = found.remove(key.as_str()).transpose()? else { return Ok(None) };
            let place = lookup::place(&transaction, &mut Known::default(), &item).await?;
            Ok::<_, Failed>(Some((item, place)))
        })
    }

    async fn quarantine(&self, after: i64, limit: usize) -> Result<Vec<QuarantineEntry>, StoreError> {
        tried!(self, |client| keep::quarantine(&client, after, limit))
    }

    async fn quarantined(&self, id: i64) -> Result<Option<(Source, Time, Quarantined)>, StoreError> {
        tried!(self, |client| keep::quarantined(&client, id))
    }

    async fn drop_quarantined(&self, ids: &[i64]) -> Result<usize, StoreError> {
        let shard = self.database.shard;
        // Counted before: if the answer to the commit is lost, the second try finds none.
        let there = tried!(self, |client| keep::quarantined_among(&client, ids))?;
        transaction!(self, |transaction| keep::drop_quarantined(&transaction, &there, shard))?;
        Ok(there.len())
    }

    async fn release(&self, id: i64, delivery: Delivery, rules: &Rules) -> Result<Committed, StoreError> {
        let shard = self.database.shard;
        transaction!(self, |transaction| keep::release(&transaction, id, delivery.clone(), rules, shard))
    }

    async fn rejected(&self, after: i64, limit: usize) -> Result<Vec<RejectedExport>, StoreError> {
        tried!(self, |client| keep::rejected(&client, after, limit))
    }

    async fn retry_rejected(&self, ids: &[i64]) -> Result<usize, StoreError> {
        let shard = self.database.shard;
        let newest = tried!(self, |client| keep::newest_rejected(&client))?;
        let (mut after, mut retried) = (i64::MIN, 0);
        loop {
            // Counted before: if the answer to the commit is lost, the second try finds none.
            let slice = tried!(self, |client| keep::rejected_among(&client, ids, after, newest))?;
            let Some(last) = slice.last() else { return Ok(retried) };
            after = *last;
            transaction!(self, |transaction| keep::retry_rejected(&transaction, &slice, shard))?;
            retried += slice.len();
        }
    }

    async fn drop_rejected(&self, ids: &[i64]) -> Result<usize, StoreError> {
        let shard = self.database.shard;
        transaction!(self, |transaction| keep::drop_rejected(&transaction, ids, shard))
    }

    async fn observations(&self, after: i64, limit: usize) -> Result<ObservationPage, StoreError> {
        tried!(self, |client| observe::page(&client, after, limit))
    }

    async fn stale(&self, after: i64, limit: usize, rules: &Rules) -> Result<Vec<Stale>, StoreError> {
        transaction!(self, SILENCE, IsolationLevel::RepeatableRead, true, |transaction| {
            observe::stale(&transaction, after, limit, rules)
        })
    }

    async fn observes(&self) -> Result<bool, StoreError> {
        let me = self.database.me;
        tried!(self, |client| roles::hold(&client, "observe", me))
    }

    async fn observed_elsewhere(
        &self,
        after: Option<i64>,
        limit: usize,
    ) -> Result<ObservationPage, StoreError> {
        let me = self.database.me;
        tried!(self, |client| observe::elsewhere(&client, after, limit, me))
    }

    async fn observed(&self, stale: &[Stale], now: Time) -> Result<Noted, StoreError> {
        let mut noted = Noted::default();
        let (now, me) = (self.database.here(now), self.database.me);
        if !stale.is_empty() {
            let seen = observations::Seen::all(stale)?;
            noted.settled =
                transaction!(self, |transaction| observe::observed(&transaction, &seen, now, me))?;
        }
        // Most of the time nothing is due; finding that out must not take a write.
        if tried!(self, |client| observe::any_due(&client, now))? {
            noted.revisited = transaction!(self, |transaction| observe::revisit(&transaction, now))?;
        }
        Ok(noted)
    }

    async fn observed_with(&self, fingerprint: [u8; 32]) -> Result<bool, StoreError> {
        if !tried!(self, |client| observe::made_otherwise(&client, &fingerprint))? {
            return Ok(false);
        }
        let mut begun = false;
        while transaction!(self, |transaction| observe::make_with(&transaction, &fingerprint, begun))? {
            begun = true;
        }
        Ok(begun)
    }

    async fn expires(&self) -> Result<bool, StoreError> {
        let me = self.database.me;
        tried!(self, |client| roles::hold(&client, "expire", me))
    }

    async fn expire(
        &self,
        after: i64,
        limit: usize,
        now: Time,
        rules: &Rules,
        exporting: bool,
    ) -> Result<Expired, StoreError> {
        let by = (now, rules, exporting);
        let (reached, past) = tried!(self, |client| expire::past(&client, after, limit, by))?;
        if past.is_empty() {
            return Ok(Expired { reached, ..Expired::default() });
        }
        let shard = self.database.shard;
        let items = transaction!(self, |transaction| expire::delete(&transaction, &past, by, shard))?;
        Ok(Expired { reached, items })
    }

    async fn forget(
        &self,
        after: Option<Mark>,
        limit: usize,
        now: Time,
        rules: &Rules,
    ) -> Result<Forgotten, StoreError> {
        let retention = &rules.retention;
        tried!(self, |client| expire::forget(&client, after.clone(), limit, now, retention))
    }

    async fn check(&self, backends: &[String], show: &Arc<dyn Show>) -> Result<Checked, StoreError> {
        transaction!(self, SILENCE_OF_ALL, IsolationLevel::RepeatableRead, true, |transaction| {
            check::check(&transaction, backends, &**show)
        })
    }

    async fn repair_counts(&self, drift: &BTreeMap<String, i64>) -> Result<(), StoreError> {
        let shard = self.database.shard;
        // Not tried again once it may have happened: it would count twice.
        let unknown = |error: tokio_postgres::Error| {
            let said = failed::told(&error);
            StoreError::Unavailable(format!(
                "{said}; whether the counts are right now is not known, check again"
            ))
        };
        tried!(self, |client| async {
            let transaction = client.build_transaction().start().await?;
            tallies::add(&transaction, shard, drift, &Default::default()).await?;
            transaction.commit().await.map_err(unknown)?;
            Ok::<_, Failed>(())
        })
    }

    async fn close(&self) {
        self.renewing.abort();
        // Where the database is away, leases and roles run out by themselves.
        let goodbye = async {
            if let Ok(client) = self.database.client().await {
                let _ = outbox::give_back(&client, self.database.me).await;
                let _ = roles::resign(&client, self.database.me).await;
            }
        };
        let _ = tokio::time::timeout(GOODBYE, goodbye).await;
        self.database.closing.store(true, Ordering::Release);
        self.database.pool.close();
    }
}
