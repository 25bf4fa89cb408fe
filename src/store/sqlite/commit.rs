//! Writing a batch. Each item is read once and written once per batch, however many of the batch's
//! deliveries speak of it.

use std::collections::HashMap;

use rusqlite::{OptionalExtension, Transaction};

use super::super::batch::{self, Batch, DAY, ItemWrite, Stored};
use super::super::{Committed, Delivery, Quarantined, Rules, StoreError};
use super::{lookup, observe, tally};
use crate::work::event::Pointer;
use crate::work::key::{Key, Source};
use crate::work::time::Time;

pub(super) fn commit(
    transaction: &Transaction<'_>,
    deliveries: Vec<Delivery>,
    rules: &Rules,
) -> Result<Vec<Committed>, StoreError> {
    let mut batch = Batch::default();
    let mut outcomes = Vec::with_capacity(deliveries.len());
    let mut day = 0;
    for delivery in deliveries {
        batch.hear(&delivery);
        day = day.max(delivery.received_at.micros() / DAY);
        outcomes.push(take(transaction, delivery, rules, &mut batch)?);
    }
    let writes = batch.finish()?;
    let ids = write(transaction, writes.items)?;
    point(transaction, writes.refs, &ids, day)?;
    observe::mark(transaction, ids.into_values().collect())?;
    for (source, at) in &writes.heard {
        heard(transaction, *source, *at)?;
    }
    for (name, by) in &writes.tallies {
        tally(transaction, name, *by)?;
    }
    Ok(outcomes)
}

/// Notes when a source was heard last.
fn heard(transaction: &Transaction<'_>, source: Source, at: Time) -> Result<(), StoreError> {
    transaction
        .prepare_cached(
            "INSERT INTO tallies (name, n) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET n = excluded.n WHERE excluded.n > n",
        )?
        .execute((format!("last:{source}"), at.micros()))?;
    Ok(())
}

fn take(
    transaction: &Transaction<'_>,
    delivery: Delivery,
    rules: &Rules,
    batch: &mut Batch,
) -> Result<Committed, StoreError> {
    // Everything that can fail for this delivery alone comes before its first write.
    for key in batch::keys(&delivery) {
        if !batch.has(key) {
            batch.insert(key, load(transaction, key)?);
        }
    }
    if let Some(reason) = batch.refusal(&delivery) {
        return Ok(Committed::Failed(reason));
    }
    let is_new = transaction
        .prepare_cached("INSERT OR IGNORE INTO deliveries (id, day) VALUES (?1, ?2)")?
        .execute((delivery.id.0, delivery.received_at.micros() / DAY))?;
    if is_new == 0 {
        return Ok(Committed::Duplicate);
    }
    batch.take(delivery, rules, |source, at, kept| quarantine(transaction, source, at, kept))
}

fn load(transaction: &Transaction<'_>, key: &Key) -> Result<Option<Stored>, StoreError> {
    Ok(transaction
        .prepare_cached("SELECT id, open, sealed, due_at, state FROM items WHERE key = ?1")?
        .query_row([key.as_str()], |row| {
            Ok(Stored {
                id: row.get(0)?,
                open: row.get(1)?,
                sealed: row.get(2)?,
                due_at: row.get(3)?,
                state: row.get(4)?,
            })
        })
        .optional()?)
}

fn quarantine(
    transaction: &Transaction<'_>,
    source: Source,
    received_at: Time,
    kept: Quarantined,
) -> Result<(), StoreError> {
    let headers =
        serde_json::to_string(&kept.headers).map_err(|e| StoreError::Unavailable(format!("headers: {e}")))?;
    transaction
        .prepare_cached(
            "INSERT INTO quarantine (source, received_at, reason, headers, body)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute((source.as_str(), received_at.micros(), kept.reason, headers, kept.body))?;
    Ok(())
}

/// Writes the items that changed, in the order of their keys, so that neighbours in the index are
/// written together; says which id each has.
fn write(transaction: &Transaction<'_>, items: Vec<ItemWrite>) -> Result<HashMap<Key, i64>, StoreError> {
    let mut ids = HashMap::with_capacity(items.len());
    let mut last = match items.iter().any(|item| item.id.is_none()) {
        true => last_id(transaction)?,
        false => 0,
    };
    for item in items {
        let id = match item.id {
            None => {
                last += 1;
                transaction
                    .prepare_cached(
                        "INSERT INTO items (id, key, kind, open, sealed, due_at, state)
                         VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6)",
                    )?
                    .execute((
                        last,
                        item.key.as_str(),
                        item.key.kind().as_str(),
                        item.open,
                        item.due_at,
                        item.state,
                    ))?;
                last
            }
            Some(id) => {
                transaction
                    .prepare_cached("UPDATE items SET open = ?2, due_at = ?3, state = ?4 WHERE id = ?1")?
                    .execute((id, item.open, item.due_at, item.state))?;
                id
            }
        };
        if let Some((line, at)) = item.moment {
            transaction
                .prepare_cached("INSERT OR IGNORE INTO moments (line, at, item) VALUES (?1, ?2, ?3)")?
                .execute((line.hashed(), at.micros(), id))?;
        }
        ids.insert(item.key, id);
    }
    Ok(ids)
}

/// The greatest number that an item has, or had before it was deleted: none is given twice, since
/// references to what is deleted live a little longer.
fn last_id(transaction: &Transaction<'_>) -> Result<i64, StoreError> {
    Ok(transaction
        .prepare_cached(
            "SELECT max(coalesce((SELECT max(id) FROM items), 0),
                        coalesce((SELECT n FROM tallies WHERE name = 'ids'), 0))",
        )?
        .query_row([], |row| row.get(0))?)
}

/// Writes what references point at. In the order in which they are stored, so that each page is
/// visited once.
fn point(
    transaction: &Transaction<'_>,
    refs: Vec<(i64, Pointer)>,
    ids: &HashMap<Key, i64>,
    day: i64,
) -> Result<(), StoreError> {
    if refs.is_empty() {
        return Ok(());
    }
    let era = lookup::era(transaction)?;
    // No era began before the one before it, whatever the clock says.
    transaction
        .prepare_cached(
            "INSERT OR IGNORE INTO eras (era, day)
             VALUES (?1, max(?2, coalesce((SELECT day FROM eras ORDER BY era DESC LIMIT 1), 0)))",
        )?
        .execute((era, day))?;
    let mut statement =
        transaction.prepare_cached("INSERT OR IGNORE INTO refs (era, ref, pointer) VALUES (?1, ?2, ?3)")?;
    let mut written = 0;
    for (reference, pointer) in refs {
        written += match &pointer {
            Pointer::Item(key) if ids.contains_key(key) => {
                statement.execute((era, reference, ids[key]))? as i64
            }
            other => statement.execute((era, reference, other.to_stored()))? as i64,
        };
    }
    tally(transaction, "refs", written)
}
