//! The embedded store. One thread owns the only writing connection and runs one transaction after
//! another (`commit`, `seal`, `outbox`, `observe`, `expire`, `keep`); readers have connections of their own; a
//! second thread moves what is committed from the write-ahead log into the database
//! (`checkpoint`), so that no delivery waits for that. Leases are in memory: this process is the
//! only one that sends, and after a crash nothing is held.

pub mod backup;
mod check;
mod checkpoint;
mod commit;
mod expire;
mod keep;
mod lookup;
mod observe;
mod outbox;
mod seal;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use super::*;
use crate::work::link::{self, Lookup};

/// The schema's steps; a store's `user_version` says how many it has taken.
const MIGRATIONS: &[&str] = &[
    include_str!("../../../migrations/sqlite/0001_core.sql"),
    include_str!("../../../migrations/sqlite/0002_insight.sql"),
    include_str!("../../../migrations/sqlite/0003_moments.sql"),
    include_str!("../../../migrations/sqlite/0004_eras.sql"),
];

/// How long to wait for another process that holds the database, such as a command: less than the
/// ten seconds that GitHub waits for its answer.
const BUSY: Duration = Duration::from_secs(5);

/// How many jobs may wait for the writing thread before callers wait for a place.
const JOBS: usize = 64;

type Job = Box<dyn FnOnce(&mut Writer) + Send>;

/// The embedded store.
pub struct SqliteStore {
    jobs: Mutex<Option<mpsc::SyncSender<Job>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    readers: Arc<Mutex<Vec<Connection>>>,
    /// Outbox entries that are being sent, by backend.
    leases: Mutex<HashMap<String, HashSet<i64>>>,
    place: Place,
    closing: Arc<AtomicBool>,
}

/// Where the database is and how it is opened.
#[derive(Clone, Debug)]
struct Place {
    path: PathBuf,
    cache_bytes: u64,
}

/// The writing thread's own: a connection that is opened again after an I/O error.
struct Writer {
    connection: Option<Connection>,
    place: Place,
    checkpointer: checkpoint::Signal,
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        StoreError::Unavailable(reason(&error))
    }
}

/// What SQLite says, with what to do where it is known.
fn reason(error: &rusqlite::Error) -> String {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseCorrupt, DiskFull, NotADatabase, ReadOnly};
    let advice = match error.sqlite_error_code() {
        Some(DatabaseCorrupt) => "the file is damaged: stop the server and restore a backup",
        Some(NotADatabase) => "the file is no store, or its beginning is damaged: restore a backup",
        Some(ReadOnly) => {
            "run this as the user that the server runs as, who may write the file and its folder"
        }
        Some(DiskFull) => "make room on the disk",
        Some(DatabaseBusy) => "another process holds it: try again, or end that one",
        _ => return error.to_string(),
    };
    format!("{error}: {advice}")
}

/// What a file is, as far as it can be told without changing it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// There is no file, or one with nothing in it.
    Nothing,
    /// A database of somebody else.
    Strange,
    /// A store, or what cannot be read: opening it says why.
    Store,
}

/// What is at `path`.
pub fn found(path: &Path) -> Found {
    if path.metadata().map_or(true, |file| file.is_file() && file.len() == 0) {
        return Found::Nothing;
    }
    let look = || {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY)?;
        let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        Ok::<_, rusqlite::Error>(match (schema(&connection)?, tables) {
            (0, 0) => Found::Nothing,
            (0, _) => Found::Strange,
            _ => Found::Store,
        })
    };
    look().unwrap_or(Found::Store)
}

/// How many steps of the schema a file has taken: none if it holds no store.
fn schema(connection: &Connection) -> Result<i64, rusqlite::Error> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while the lock was held leaves plain values; they are as good as before.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Place {
    fn open(&self) -> Result<Connection, rusqlite::Error> {
        let connection = Connection::open(&self.path)?;
        connection.busy_timeout(BUSY)?;
        // Takes effect when the file is made. Small pages, since most of what a busy store writes
        // is one row here and one row there.
        connection.pragma_update(None, "page_size", 2048)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        connection.pragma_update(None, "cache_size", -(self.cache_bytes as i64 / 1024))?;
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(connection)
    }

    fn open_reader(&self) -> Result<Connection, rusqlite::Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "query_only", true)?;
        connection.pragma_update(None, "cache_size", -2048)?;
        connection.set_prepared_statement_cache_capacity(32);
        Ok(connection)
    }
}

impl SqliteStore {
    /// Opens the database at `path`, creating it if it is not there, and brings its schema up to
    /// date. `cache_bytes` bounds the memory for cached pages.
    pub fn open(path: &Path, cache_bytes: u64) -> Result<Self, StoreError> {
        let place = Place { path: path.to_owned(), cache_bytes };
        let cannot =
            |reason: String| StoreError::Open { url: format!("sqlite://{}", path.display()), reason };
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty())
            && !folder.is_dir()
        {
            return Err(cannot(format!("the folder {} does not exist: create it", folder.display())));
        }
        if found(path) == Found::Strange {
            return Err(cannot("this is a database of another program: name another file".to_owned()));
        }
        let mut connection = place.open().map_err(|e| cannot(reason(&e)))?;
        migrate(&mut connection).map_err(|error| match error {
            StoreError::Unavailable(reason) => cannot(reason),
            other => other,
        })?;

        let closing = Arc::new(AtomicBool::new(false));
        let (jobs, queue) = mpsc::sync_channel::<Job>(JOBS);
        let (signal, checkpointer) = checkpoint::start(place.clone(), jobs.clone(), closing.clone())?;
        signal.watch(&mut connection)?;
        let mut writer = Writer { connection: Some(connection), place: place.clone(), checkpointer: signal };
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || {
                for job in queue {
                    job(&mut writer);
                }
            })
            .map_err(|e| StoreError::Unavailable(e.to_string()))?;
        Ok(Self {
            jobs: Mutex::new(Some(jobs)),
            threads: Mutex::new(vec![checkpointer, thread]),
            readers: Arc::default(),
            leases: Mutex::default(),
            place,
            closing,
        })
    }

    /// Runs `work` in a transaction on the writing thread.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, result) = oneshot::channel();
        let job: Job = Box::new(move |writer| {
            let outcome = catch_unwind(AssertUnwindSafe(|| writer.transaction(work)));
            // A panic is a bug, but one delivery's bug must not stop all others.
            let outcome = outcome.unwrap_or_else(|_| {
                writer.connection = None;
                Err(StoreError::Corrupt(
                    "the store's code panicked on this batch; please report it".to_owned(),
                ))
            });
            let _ = answer.send(outcome);
        });
        let jobs = locked(&self.jobs).clone().ok_or(StoreError::Closed)?;
        if let Err(mpsc::TrySendError::Full(job)) = jobs.try_send(job) {
            // Only when many parts write at once; the wait must not hold up the runtime.
            tokio::task::spawn_blocking(move || jobs.send(job)).await.map_err(|_| StoreError::Closed)?.ok();
        }
        result.await.map_err(|_| StoreError::Closed)?
    }

    /// Runs `work` on a reading connection, on a thread where it may block.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        if self.closing.load(Ordering::Acquire) {
            return Err(StoreError::Closed);
        }
        let (readers, place) = (self.readers.clone(), self.place.clone());
        let task = tokio::task::spawn_blocking(move || {
            let idle = locked(&readers).pop();
            let mut connection = match idle {
                Some(connection) => connection,
                None => place.open_reader()?,
            };
            let result = work(&mut connection);
            locked(&readers).push(connection);
            result
        });
        task.await.map_err(|_| StoreError::Closed)?
    }
}

impl Writer {
    fn transaction<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => {
                let mut opened = self.place.open()?;
                self.checkpointer.watch(&mut opened)?;
                none.insert(opened)
            }
        };
        let run = |connection: &mut Connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = work(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        let result = run(connection);
        if matches!(result, Err(StoreError::Unavailable(_))) {
            // A full disk can leave the connection in a state of its own; a new one starts clean.
            self.connection = None;
        }
        result
    }
}

impl Drop for SqliteStore {
    /// Lets the threads end by themselves where [`Store::close`] was not called.
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Release);
    }
}

fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = MIGRATIONS.len() as i64;
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    for step in MIGRATIONS.iter().skip(found as usize) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", known)?;
    transaction.commit()?;
    Ok(())
}

/// Adds to a count in the `tallies` table.
fn tally(transaction: &Transaction<'_>, name: &str, by: i64) -> Result<(), StoreError> {
    if by != 0 {
        transaction
            .prepare_cached(
                "INSERT INTO tallies (name, n) VALUES (?1, ?2)
                 ON CONFLICT (name) DO UPDATE SET n = n + excluded.n",
            )?
            .execute((name, by))?;
    }
    Ok(())
}

impl Store for SqliteStore {
    fn commits_at_once(&self) -> usize {
        1
    }

    async fn commit(&self, batch: Vec<Delivery>, rules: &Rules) -> Result<Vec<Committed>, StoreError> {
        let rules = rules.clone();
        self.write(move |transaction| commit::commit(transaction, batch, &rules)).await
    }

    async fn seal(
        &self,
        now: Time,
        limit: usize,
        backends: &[String],
        rules: &Rules,
    ) -> Result<Sealed, StoreError> {
        let settle = rules.settle;
        // Most of the time nothing is due; finding that out must not take a write.
        if !self.read(move |connection| seal::any_due(connection, now, settle)).await? {
            return Ok(Sealed::default());
        }
        let (backends, rules) = (backends.to_vec(), rules.clone());
        self.write(move |transaction| seal::seal(transaction, now, limit, &backends, &rules)).await
    }

    async fn lease(&self, backend: &str, limit: usize) -> Result<Vec<Leased>, StoreError> {
        let held = locked(&self.leases).get(backend).cloned().unwrap_or_default();
        let name = backend.to_owned();
        let leased = self.read(move |connection| outbox::next(connection, &name, limit, &held)).await?;
        let mut leases = locked(&self.leases);
        let held = leases.entry(backend.to_owned()).or_default();
        // Two callers can have read the same; the first to get here holds it.
        Ok(leased.into_iter().filter(|entry| held.insert(entry.id)).collect())
    }

    async fn settle(&self, backend: &str, settlements: Vec<Settlement>, now: Time) -> Result<(), StoreError> {
        let ids: Vec<i64> = settlements.iter().flat_map(Settlement::ids).copied().collect();
        let name = backend.to_owned();
        self.write(move |transaction| outbox::settle(transaction, &name, &settlements, now)).await?;
        if let Some(held) = locked(&self.leases).get_mut(backend) {
            ids.iter().for_each(|id| {
                held.remove(id);
            });
        }
        Ok(())
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.write(|transaction| tally(transaction, "probes", 1)).await
    }

    async fn stats(&self) -> Result<Stats, StoreError> {
        self.read(|connection| keep::stats(connection)).await
    }

    async fn item(&self, key: &Key) -> Result<(Option<Item>, Option<Pin>), StoreError> {
        let key = key.clone();
        self.read(move |connection| lookup::item_and_pin(connection, &key)).await
    }

    async fn items(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, StoreError> {
        let keys = keys.to_vec();
        self.read(move |connection| lookup::items(connection, &keys)).await
    }

    async fn root(&self, key: &Key) -> Result<Key, StoreError> {
        let key = key.clone();
        self.read(move |connection| link::root_of(&key, &mut lookup::Lookups::new(connection))).await
    }

    async fn place(&self, key: &Key) -> Result<Option<(Item, link::Place)>, StoreError> {
        let key = key.clone();
        self.read(move |connection| {
            let mut lookups = lookup::Lookups::new(connection);
            let Some(item) = lookups.item(&key)? else { return Ok(None) };
            let place = link::place(&item, &mut lookups)?;
            Ok(Some((item, place)))
        })
        .await
    }

    async fn quarantine(&self, after: i64, limit: usize) -> Result<Vec<QuarantineEntry>, StoreError> {
        self.read(move |connection| keep::quarantine(connection, after, limit)).await
    }

    async fn quarantined(&self, id: i64) -> Result<Option<(Source, Time, Quarantined)>, StoreError> {
        self.read(move |connection| keep::quarantined(connection, id)).await
    }

    async fn drop_quarantined(&self, ids: &[i64]) -> Result<usize, StoreError> {
        let ids = ids.to_vec();
        self.write(move |transaction| keep::drop_quarantined(transaction, &ids)).await
    }

    async fn release(&self, id: i64, delivery: Delivery, rules: &Rules) -> Result<Committed, StoreError> {
        let rules = rules.clone();
        self.write(move |transaction| keep::release(transaction, id, delivery, &rules)).await
    }

    async fn rejected(&self, after: i64, limit: usize) -> Result<Vec<RejectedExport>, StoreError> {
        self.read(move |connection| keep::rejected(connection, after, limit)).await
    }

    async fn retry_rejected(&self, ids: &[i64]) -> Result<usize, StoreError> {
        let ids = ids.to_vec();
        self.write(move |transaction| keep::retry_rejected(transaction, &ids)).await
    }

    async fn drop_rejected(&self, ids: &[i64]) -> Result<usize, StoreError> {
        let ids = ids.to_vec();
        self.write(move |transaction| keep::drop_rejected(transaction, &ids)).await
    }

    async fn observations(&self, after: i64, limit: usize) -> Result<ObservationPage, StoreError> {
        self.read(move |connection| observe::page(connection, after, limit)).await
    }

    async fn stale(&self, after: i64, limit: usize, rules: &Rules) -> Result<Vec<Stale>, StoreError> {
        let rules = rules.clone();
        self.read(move |connection| observe::stale(connection, after, limit, &rules)).await
    }

    async fn observes(&self) -> Result<bool, StoreError> {
        // Nobody else does.
        Ok(true)
    }

    async fn observed_elsewhere(&self, _: Option<i64>, _: usize) -> Result<ObservationPage, StoreError> {
        Ok(ObservationPage::default())
    }

    async fn observed(&self, stale: &[Stale], now: Time) -> Result<Noted, StoreError> {
        // Most of the time there is nothing to do; finding that out must not take a write.
        if stale.is_empty() && !self.read(move |connection| observe::any_due(connection, now)).await? {
            return Ok(Noted::default());
        }
        let seen = observations::Seen::all(stale)?;
        self.write(move |transaction| observe::observed(transaction, seen, now)).await
    }

    async fn observed_with(&self, fingerprint: [u8; 32]) -> Result<bool, StoreError> {
        if !self.read(move |connection| observe::made_otherwise(connection, &fingerprint)).await? {
            return Ok(false);
        }
        let mut begun = false;
        while self.write(move |transaction| observe::make_with(transaction, &fingerprint, begun)).await? {
            begun = true;
        }
        Ok(begun)
    }

    async fn expires(&self) -> Result<bool, StoreError> {
        // Nobody else does.
        Ok(true)
    }

    async fn expire(
        &self,
        after: i64,
        limit: usize,
        now: Time,
        rules: &Rules,
        exporting: bool,
    ) -> Result<Expired, StoreError> {
        let by = (now, rules.clone(), exporting);
        let (reached, past) =
            self.read(move |connection| expire::past(connection, after, limit, (by.0, &by.1, by.2))).await?;
        if past.is_empty() {
            return Ok(Expired { reached, ..Expired::default() });
        }
        let by = (now, rules.clone(), exporting);
        let items =
            self.write(move |transaction| expire::delete(transaction, &past, (by.0, &by.1, by.2))).await?;
        Ok(Expired { reached, items })
    }

    async fn forget(
        &self,
        after: Option<Mark>,
        limit: usize,
        now: Time,
        rules: &Rules,
    ) -> Result<Forgotten, StoreError> {
        let retention = rules.retention;
        let slice =
            self.read(move |connection| expire::slice(connection, after, limit, now, &retention)).await?;
        if slice.is_empty() {
            return Ok(Forgotten { reached: slice.reached, ..Forgotten::default() });
        }
        self.write(move |transaction| expire::forget(transaction, slice)).await
    }

    async fn check(&self, backends: &[String], show: &Arc<dyn Show>) -> Result<Checked, StoreError> {
        let (backends, show) = (backends.to_vec(), show.clone());
        self.read(move |connection| check::check(connection, &backends, &show)).await
    }

    async fn repair_counts(&self, drift: &BTreeMap<String, i64>) -> Result<(), StoreError> {
        let drift = drift.clone();
        self.write(move |transaction| drift.iter().try_for_each(|(name, by)| tally(transaction, name, *by)))
            .await
    }

    async fn close(&self) {
        self.closing.store(true, Ordering::Release);
        locked(&self.jobs).take();
        let threads = std::mem::take(&mut *locked(&self.threads));
        let (readers, place) = (self.readers.clone(), self.place.clone());
        let task = tokio::task::spawn_blocking(move || {
            for thread in threads {
                thread.thread().unpark();
                let _ = thread.join();
            }
            locked(&readers).clear();
            // The last connection to go leaves no write-ahead log behind.
            if let Ok(last) = place.open() {
                let _ = last.pragma_query(None, "wal_checkpoint(TRUNCATE)", |_| Ok(()));
            }
        });
        let _ = task.await;
    }
}
