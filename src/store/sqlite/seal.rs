//! From finished items to spans in the outbox.

use rusqlite::{Connection, Transaction};

use super::super::sealing::{self, due_window};
use super::super::{Rules, Sealed, StoreError};
use super::lookup::Lookups;
use super::{observe, tally};
use crate::work::key::Key;
use crate::work::link;
use crate::work::time::Time;

/// An item is due when its time has come, or when the clock was set back.
const DUE: &str = "due_at IS NOT NULL AND (due_at <= ?1 OR due_at > ?2)";

pub(super) fn any_due(connection: &Connection, now: Time, settle: i64) -> Result<bool, StoreError> {
    Ok(connection
        .prepare_cached(&format!("SELECT 1 FROM items WHERE {DUE} LIMIT 1"))?
        .exists(due_window(now, settle))?)
}

pub(super) fn seal(
    transaction: &Transaction<'_>,
    now: Time,
    limit: usize,
    backends: &[String],
    rules: &Rules,
) -> Result<Sealed, StoreError> {
    let (earliest, latest) = due_window(now, rules.settle);
    let due: Vec<(i64, String, u32, Vec<u8>)> = transaction
        .prepare_cached(&format!(
            "SELECT id, key, sealed, state FROM items WHERE {DUE} ORDER BY due_at LIMIT ?3"
        ))?
        .query_map((earliest, latest, limit as i64), |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?
        .collect::<Result<_, _>>()?;

    let mut slice = Slice { transaction, now, backends, rules, lookups: Lookups::new(transaction) };
    let mut sealed = Sealed::default();
    let mut entries = 0;
    for (id, key, before, state) in &due {
        let (finished, put_out) = match slice.seal(key, *before, state, &mut sealed) {
            // An unreadable row must not hold up all others; it is told of once and left alone.
            Err(StoreError::Corrupt(reason)) => {
                tracing::error!(%reason, "an item cannot be exported because its row cannot be read");
                (*before, 0)
            }
            other => other?,
        };
        entries += put_out as i64;
        transaction
            .prepare_cached("UPDATE items SET sealed = ?2, due_at = NULL WHERE id = ?1")?
            .execute((id, finished))?;
    }
    // Their place in the trace is settled now.
    observe::mark(transaction, due.iter().map(|(id, ..)| *id).collect())?;
    for backend in backends {
        tally(transaction, &format!("outbox:{backend}"), entries)?;
    }
    tally(transaction, "due", -(due.len() as i64))?;
    Ok(sealed)
}

/// What the items that are sealed in one transaction have in common.
struct Slice<'t> {
    transaction: &'t Transaction<'t>,
    now: Time,
    backends: &'t [String],
    rules: &'t Rules,
    lookups: Lookups<'t>,
}

impl Slice<'_> {
    /// Seals one item, of which `before` episodes are sealed; says how many are now, and how many of them
    /// are on their way to the backends.
    fn seal(
        &mut self,
        key: &str,
        before: u32,
        state: &[u8],
        sealed: &mut Sealed,
    ) -> Result<(u32, usize), StoreError> {
        let item = sealing::item(key, state)?;
        let place = link::place(&item, &mut self.lookups)?;
        let sealing = sealing::seal(&item, before, &place, self.rules, self.now, sealed);
        // What is not exported settles nothing.
        let settled = place.pins.iter().filter(|_| !sealing.entries.is_empty());
        for (key, pin) in settled {
            self.transaction
                .prepare_cached("INSERT OR IGNORE INTO pins (key, root, parent) VALUES (?1, ?2, ?3)")?
                .execute((key.as_str(), pin.root.as_str(), pin.parent.as_ref().map(Key::as_str)))?;
            self.lookups.pinned(key.clone(), pin.clone());
        }
        for entry in &sealing.entries {
            self.put_out(&item.key, entry)?;
        }
        Ok((sealing.finished, sealing.entries.len()))
    }

    /// Puts an episode's spans into the outbox, for every backend the same bytes.
    fn put_out(&self, key: &Key, entry: &sealing::Entry) -> Result<(), StoreError> {
        for backend in self.backends {
            self.transaction
                .prepare_cached(
                    "INSERT INTO outbox (backend, attempts, source, key, episode, span_count, sealed_at, spans)
                     VALUES (?1, 0, ?2, ?3, ?4, ?5, ?6, ?7)",
                )?
                .execute((
                    backend,
                    key.source().as_str(),
                    key.as_str(),
                    entry.episode,
                    entry.span_count,
                    self.now.micros(),
                    &entry.spans,
                ))?;
        }
        Ok(())
    }
}
