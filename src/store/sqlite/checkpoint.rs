//! Keeps the write-ahead log short without making a delivery wait. Once the log is long enough,
//! this thread copies it into the database in passes; each is shorter than the one before, since
//! it has only what was written meanwhile. The writing thread makes the last, short pass between
//! two transactions: then the whole log is copied and the next transaction starts it anew.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{JoinHandle, Thread};
use std::time::Duration;

use rusqlite::Connection;

use super::{Job, Place, StoreError, Writer};

/// How many pages the log may have before it is copied: 16 MiB.
const LONG: i64 = 8192;
/// How many pages are few enough to be copied between two transactions.
const SHORT: i64 = 64;
/// How many passes are made before the rest is copied however long it is.
const PASSES: u32 = 8;

/// Tells the checkpointing thread how long the log has become.
#[derive(Clone)]
pub(super) struct Signal {
    pages: Arc<AtomicI64>,
    thread: Thread,
}

impl Signal {
    /// Watches the commits of `connection`.
    pub(super) fn watch(&self, connection: &mut Connection) -> Result<(), StoreError> {
        let signal = self.clone();
        connection.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages| {
            signal.pages.store(i64::from(pages), Ordering::Release);
            if i64::from(pages) >= LONG {
                signal.thread.unpark();
            }
            Ok(())
        }))?;
        Ok(())
    }
}

/// Starts the thread. It ends when `closing` is set and it is unparked.
pub(super) fn start(
    place: Place,
    jobs: mpsc::SyncSender<Job>,
    closing: Arc<AtomicBool>,
) -> Result<(Signal, JoinHandle<()>), StoreError> {
    let pages = Arc::new(AtomicI64::new(0));
    let seen = pages.clone();
    let thread = std::thread::Builder::new()
        .name("store-checkpoint".to_owned())
        .spawn(move || {
            while !closing.load(Ordering::Acquire) {
                if seen.load(Ordering::Acquire) < LONG {
                    std::thread::park_timeout(Duration::from_millis(200));
                    continue;
                }
                if let Err(error) = shorten(&place, &seen, &jobs) {
                    tracing::warn!(%error, "the write-ahead log could not be copied; trying again");
                    std::thread::park_timeout(Duration::from_secs(1));
                }
                // A reader can keep the log from being copied whole; do not turn in circles then.
                std::thread::sleep(Duration::from_millis(20));
            }
        })
        .map_err(|e| StoreError::Unavailable(e.to_string()))?;
    Ok((Signal { pages, thread: thread.thread().clone() }, thread))
}

fn shorten(place: &Place, seen: &AtomicI64, jobs: &mpsc::SyncSender<Job>) -> Result<(), StoreError> {
    let connection = place.open_reader()?;
    connection.pragma_update(None, "query_only", false)?;
    for _ in 0..PASSES {
        let copied = pass(&connection)?;
        if seen.load(Ordering::Acquire) - copied <= SHORT {
            break;
        }
    }
    let (done, finished) = mpsc::channel();
    let last: Job = Box::new(move |writer: &mut Writer| {
        if let Some(connection) = &writer.connection {
            let pages = &writer.checkpointer.pages;
            // What could not be copied now is copied next time.
            if let Ok(copied) = pass(connection) {
                pages.fetch_sub(copied, Ordering::AcqRel);
            }
        }
        let _ = done.send(());
    });
    if jobs.send(last).is_ok() {
        let _ = finished.recv();
    }
    Ok(())
}

/// Copies what can be copied without waiting for anybody; says how many pages of the log are in
/// the database now.
fn pass(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(2))?)
}
