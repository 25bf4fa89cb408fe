//! The queue between the items and what insight keeps of them. `mark` is called by whoever changes
//! an item, in the same transaction; the rest reads what is stale and takes the observations. An
//! entry of `stale` is worked off by deleting it at the version that was read: whatever changed
//! the item meanwhile has given it another.

use rusqlite::{Connection, OptionalExtension, Transaction};

use super::super::observations::{self, MARKED, Maker, Seen, revisit_window};
use super::super::{Noted, ObservationPage, REVISITS, Rules, Stale, StoreError, sealing};
use super::lookup::Lookups;
use crate::work::link;
use crate::work::time::Time;

/// The most revisits that become due in one transaction, so that no delivery waits long for it.
const REVISITED: i64 = 1_000;

/// A revisit is due when its time has come, or when the clock was set back.
const DUE: &str = "due_at <= ?1 OR due_at > ?2";

/// A version that no transaction had before.
fn version(transaction: &Transaction<'_>) -> Result<i64, StoreError> {
    Ok(transaction
        .prepare_cached(
            "INSERT INTO tallies (name, n) VALUES ('changes', 1)
             ON CONFLICT (name) DO UPDATE SET n = n + 1 RETURNING n",
        )?
        .query_row([], |row| row.get(0))?)
}

/// Takes note that what is known of these items, or their place, has changed.
pub(super) fn mark(transaction: &Transaction<'_>, mut items: Vec<i64>) -> Result<(), StoreError> {
    if items.is_empty() {
        return Ok(());
    }
    // In the order of the table: neighbours lie on one page.
    items.sort_unstable();
    let version = version(transaction)?;
    let mut statement = transaction.prepare_cached(
        "INSERT INTO stale (item, version, attempt) VALUES (?1, ?2, 0)
         ON CONFLICT (item) DO UPDATE SET version = excluded.version, attempt = 0",
    )?;
    for item in items {
        statement.execute((item, version))?;
    }
    Ok(())
}

fn known_maker(connection: &Connection) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(connection
        .prepare_cached("SELECT fingerprint FROM observed_with")?
        .query_row([], |row| row.get(0))
        .optional()?)
}

/// Whether the observations were made with other rules than these, or not all of them are marked yet.
pub(super) fn made_otherwise(connection: &Connection, fingerprint: &[u8; 32]) -> Result<bool, StoreError> {
    Ok(Maker::goes_on(known_maker(connection)?.as_deref(), fingerprint, false).is_some())
}

/// Marks the next slice of items as observed by other rules than these, and takes note of how far that is. Says
/// whether there was anything to be done; `begun` is whether there has been before.
pub(super) fn make_with(
    transaction: &Transaction<'_>,
    fingerprint: &[u8; 32],
    begun: bool,
) -> Result<bool, StoreError> {
    let Some(after) = Maker::goes_on(known_maker(transaction)?.as_deref(), fingerprint, begun) else {
        return Ok(false);
    };
    let slice: (i64, Option<i64>) = transaction
        .prepare_cached(
            "SELECT count(*), max(id) FROM (SELECT id FROM items WHERE id > ?1 ORDER BY id LIMIT ?2)",
        )?
        .query_row((after, MARKED), |row| Ok((row.get(0)?, row.get(1)?)))?;
    let version = version(transaction)?;
    // Other rules find no parents: a revisit that is planned stays, no other is.
    transaction.execute(
        "INSERT INTO stale (item, version, attempt) SELECT id, ?1, ?2 FROM items WHERE id > ?3 AND id <= ?4
         ON CONFLICT (item) DO UPDATE SET version = excluded.version",
        (version, REVISITS.len() as i64, after, slice.1),
    )?;
    transaction.execute("DELETE FROM observed_with", [])?;
    transaction.execute(
        "INSERT INTO observed_with (fingerprint) VALUES (?1)",
        [Maker::after(fingerprint, slice.0, slice.1)],
    )?;
    Ok(true)
}

pub(super) fn page(connection: &Connection, after: i64, limit: usize) -> Result<ObservationPage, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT item, state FROM observations WHERE item > ?1 ORDER BY item LIMIT ?2")?;
    let rows: Vec<(i64, Vec<u8>)> = statement
        .query_map((after, limit as i64), |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    Ok(ObservationPage::read(rows.iter().map(|(item, state)| (*item, *item, state.as_slice()))))
}

/// Observes stale items, within one read transaction: an item and its ancestors are of one moment.
pub(super) fn stale(
    connection: &Connection,
    after: i64,
    limit: usize,
    rules: &Rules,
) -> Result<Vec<Stale>, StoreError> {
    let transaction = connection.unchecked_transaction()?;
    let mut statement = transaction.prepare_cached(
        "SELECT item, version, attempt, key, state FROM stale LEFT JOIN items ON items.id = item
         WHERE item > ?1 ORDER BY item LIMIT ?2",
    )?;
    let mut rows = statement.query((after, limit as i64))?;
    let mut lookups = Lookups::new(&transaction);
    let mut stale = Vec::new();
    while let Some(row) = rows.next()? {
        let entry: (i64, i64, u32) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (key, state): (Option<String>, Option<Vec<u8>>) = (row.get(3)?, row.get(4)?);
        let seen = match key.zip(state) {
            Some((key, state)) => sealing::item(&key, &state).and_then(|item| {
                let place = link::place(&item, &mut lookups)?;
                Ok((item, place))
            }),
            None => Err(StoreError::Corrupt(format!("item {}: is not there", entry.0))),
        };
        stale.push(observations::stale(entry, seen, &rules.tagger)?);
    }
    Ok(stale)
}

/// Whether it is time to look at anything again.
pub(super) fn any_due(connection: &Connection, now: Time) -> Result<bool, StoreError> {
    Ok(connection
        .prepare_cached(&format!("SELECT 1 FROM revisit WHERE {DUE} LIMIT 1"))?
        .exists(revisit_window(now))?)
}

/// Takes observations in, and has looked at again what it is time for.
pub(super) fn observed(
    transaction: &Transaction<'_>,
    seen: Vec<Seen>,
    now: Time,
) -> Result<Noted, StoreError> {
    let mut settled = 0;
    for seen in seen {
        let current = transaction
            .prepare_cached("DELETE FROM stale WHERE item = ?1 AND version = ?2")?
            .execute((seen.item, seen.version))?;
        if current == 0 {
            // Another observation of it is there, or still to come.
            continue;
        }
        settled += 1;
        if let Some(state) = &seen.state {
            transaction
                .prepare_cached(
                    "INSERT INTO observations (item, state) VALUES (?1, ?2)
                     ON CONFLICT (item) DO UPDATE SET state = excluded.state",
                )?
                .execute((seen.item, state))?;
        }
        if let Some((due_at, attempt)) = seen.revisit(now) {
            transaction
                .prepare_cached("INSERT OR REPLACE INTO revisit (due_at, item, attempt) VALUES (?1, ?2, ?3)")?
                .execute((due_at, seen.item, attempt))?;
        }
    }
    Ok(Noted { settled, revisited: revisit(transaction, now)? })
}

fn revisit(transaction: &Transaction<'_>, now: Time) -> Result<usize, StoreError> {
    let (earliest, latest) = revisit_window(now);
    let mut due: Vec<(i64, u32, i64)> = transaction
        .prepare_cached(&format!("SELECT item, attempt, due_at FROM revisit WHERE {DUE} LIMIT ?3"))?
        .query_map((earliest, latest, REVISITED), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    if due.is_empty() {
        return Ok(0);
    }
    due.sort_unstable();
    let version = version(transaction)?;
    for (item, attempt, due_at) in &due {
        transaction
            .prepare_cached(
                "INSERT INTO stale (item, version, attempt) VALUES (?1, ?2, ?3)
                 ON CONFLICT (item) DO UPDATE SET version = excluded.version,
                                                  attempt = min(attempt, excluded.attempt)",
            )?
            .execute((item, version, attempt))?;
        transaction
            .prepare_cached("DELETE FROM revisit WHERE due_at = ?1 AND item = ?2")?
            .execute((due_at, item))?;
    }
    Ok(due.len())
}
