//! Writing a batch in one transaction, a set at a time. The order of the locks is the same for every
//! batch, so that none waits for one that waits for it: the items that are there, by key; the items
//! that are new, by key; deliveries; references; moments; what is stale; counts.

use std::collections::{HashMap, HashSet};

use deadpool_postgres::Transaction;

use super::super::batch::{self, Batch, DAY, ItemWrite, Stored};
use super::super::{Committed, Delivery, Quarantined, Rules, StoreError};
use super::failed::Failed;
use super::{observe, tallies};
use crate::work::event::Pointer;
use crate::work::key::{Key, Source};
use crate::work::time::Time;

pub(super) async fn commit(
    transaction: &Transaction<'_>,
    deliveries: Vec<Delivery>,
    rules: &Rules,
    shard: i16,
) -> Result<Vec<Committed>, Failed> {
    let mut batch = Batch::default();
    load(transaction, &deliveries, &mut batch).await?;
    let mut outcomes: Vec<Option<Committed>> = Vec::with_capacity(deliveries.len());
    for delivery in &deliveries {
        batch.hear(delivery);
        outcomes.push(batch.refusal(delivery).map(Committed::Failed));
    }
    let usable = deliveries.iter().zip(&outcomes).filter(|(_, outcome)| outcome.is_none());
    let mut new = note(transaction, usable.map(|(delivery, _)| delivery).collect()).await?;

    let day = deliveries.iter().map(|delivery| delivery.received_at.micros() / DAY).max().unwrap_or_default();
    let mut kept = Vec::new();
    let mut committed = Vec::with_capacity(outcomes.len());
    for (delivery, refused) in deliveries.into_iter().zip(outcomes) {
        committed.push(match refused {
            Some(failed) => failed,
            // Of several of one identity in the batch the first counts.
            None if !new.remove(&delivery.id.0) => Committed::Duplicate,
            None => batch.take(delivery, rules, |source, at, quarantined| {
                kept.push((source, at, quarantined));
                Ok(())
            })?,
        });
    }
    quarantine(transaction, kept).await?;
    let writes = batch.finish()?;
    let ids = write(transaction, &writes.items).await?;
    let moments = writes.items.iter().filter_map(|item| {
        let (line, at) = item.moment.as_ref()?;
        Some((line.hashed(), at.micros(), ids[&item.key]))
    });
    point(transaction, &writes.refs, &ids, day as i32).await?;
    tokio::try_join!(
        stand(transaction, moments.collect()),
        observe::mark(transaction, ids.values().copied().collect()),
    )?;
    tallies::add(transaction, shard, &writes.tallies, &writes.heard).await?;
    Ok(committed)
}

/// Reads the items that the deliveries speak of, and keeps others from changing them.
async fn load(
    transaction: &Transaction<'_>,
    deliveries: &[Delivery],
    batch: &mut Batch,
) -> Result<(), Failed> {
    let mut keys: Vec<&Key> = deliveries.iter().flat_map(batch::keys).collect();
    keys.sort_unstable();
    keys.dedup();
    if keys.is_empty() {
        return Ok(());
    }
    let texts: Vec<&str> = keys.iter().map(|key| key.as_str()).collect();
    let statement = transaction
        .prepare_cached(
            "SELECT key, id, open, sealed, due_at, state FROM items WHERE key = ANY($1)
             ORDER BY key FOR UPDATE",
        )
        .await?;
    let rows = transaction.query(&statement, &[&texts]).await?;
    let mut stored: HashMap<&str, Stored> = HashMap::with_capacity(rows.len());
    for row in &rows {
        let sealed: i32 = row.get(3);
        let item = Stored {
            id: row.get(1),
            open: row.get(2),
            sealed: sealed.unsigned_abs(),
            due_at: row.get(4),
            state: row.get(5),
        };
        stored.insert(row.get(0), item);
    }
    for key in keys {
        batch.insert(key, stored.remove(key.as_str()));
    }
    Ok(())
}

/// Notes deliveries as seen; says which had not been.
async fn note(
    transaction: &Transaction<'_>,
    deliveries: Vec<&Delivery>,
) -> Result<HashSet<[u8; 16]>, Failed> {
    let mut seen: Vec<(&[u8], i32)> = deliveries
        .iter()
        .map(|delivery| (delivery.id.0.as_slice(), (delivery.received_at.micros() / DAY) as i32))
        .collect();
    seen.sort_unstable();
    seen.dedup_by_key(|(id, _)| *id);
    let (ids, days): (Vec<&[u8]>, Vec<i32>) = seen.into_iter().unzip();
    let statement = transaction
        .prepare_cached(
            "INSERT INTO deliveries (id, day) SELECT id, day FROM unnest($1::bytea[], $2::int[]) AS seen (id, day)
             ON CONFLICT (id) DO NOTHING RETURNING id",
        )
        .await?;
    let rows = transaction.query(&statement, &[&ids, &days]).await?;
    Ok(rows.iter().filter_map(|row| row.get::<_, &[u8]>(0).try_into().ok()).collect())
}

async fn quarantine(
    transaction: &Transaction<'_>,
    kept: Vec<(Source, Time, Quarantined)>,
) -> Result<(), Failed> {
    for (source, at, kept) in kept {
        let headers = serde_json::to_string(&kept.headers)
            .map_err(|e| StoreError::Unavailable(format!("headers: {e}")))?;
        let statement = transaction
            .prepare_cached(
                "INSERT INTO quarantine (source, received_at, reason, headers, body)
                 VALUES ($1, $2, $3, $4, $5)",
            )
            .await?;
        // The type has no place for a zero byte; nothing else is changed.
        let (reason, headers) = (kept.reason.replace('\0', ""), headers.replace('\0', ""));
        transaction
            .execute(&statement, &[&source.as_str(), &at.micros(), &reason, &headers, &kept.body])
            .await?;
    }
    Ok(())
}

/// Writes the items that changed; says which id each has.
async fn write(transaction: &Transaction<'_>, items: &[ItemWrite]) -> Result<HashMap<Key, i64>, Failed> {
    let mut ids = HashMap::with_capacity(items.len());
    let (new, known): (Vec<&ItemWrite>, Vec<&ItemWrite>) = items.iter().partition(|item| item.id.is_none());
    if !known.is_empty() {
        let numbers: Vec<i64> = known.iter().filter_map(|item| item.id).collect();
        let open: Vec<bool> = known.iter().map(|item| item.open).collect();
        let due: Vec<Option<i64>> = known.iter().map(|item| item.due_at).collect();
        let states: Vec<&[u8]> = known.iter().map(|item| item.state.as_slice()).collect();
        let statement = transaction
            .prepare_cached(
                "UPDATE items SET open = new.open, due_at = new.due_at, state = new.state
                 FROM unnest($1::bigint[], $2::bool[], $3::bigint[], $4::bytea[]) AS new (id, open, due_at, state)
                 WHERE items.id = new.id",
            )
            .await?;
        transaction.execute(&statement, &[&numbers, &open, &due, &states]).await?;
        ids.extend(known.iter().filter_map(|item| Some((item.key.clone(), item.id?))));
    }
    if !new.is_empty() {
        let keys: Vec<&str> = new.iter().map(|item| item.key.as_str()).collect();
        let kinds: Vec<&str> = new.iter().map(|item| item.key.kind().as_str()).collect();
        let open: Vec<bool> = new.iter().map(|item| item.open).collect();
        let due: Vec<Option<i64>> = new.iter().map(|item| item.due_at).collect();
        let states: Vec<&[u8]> = new.iter().map(|item| item.state.as_slice()).collect();
        let statement = transaction
            .prepare_cached(
                "INSERT INTO items (key, kind, open, sealed, due_at, state)
                 SELECT key, kind, open, 0, due_at, state
                 FROM unnest($1::text[], $2::text[], $3::bool[], $4::bigint[], $5::bytea[])
                      AS new (key, kind, open, due_at, state)
                 ON CONFLICT (key) DO NOTHING RETURNING key, id",
            )
            .await?;
        let rows = transaction.query(&statement, &[&keys, &kinds, &open, &due, &states]).await?;
        if rows.len() < new.len() {
            // Another replica was first: what it wrote is to be folded with.
            return Err(Failed::Conflict("an item was created by another replica".to_owned()));
        }
        let created: HashMap<&str, i64> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        ids.extend(new.iter().filter_map(|item| Some((item.key.clone(), *created.get(item.key.as_str())?))));
    }
    Ok(ids)
}

/// Writes what references point at.
async fn point(
    transaction: &Transaction<'_>,
    refs: &[(i64, Pointer)],
    ids: &HashMap<Key, i64>,
    day: i32,
) -> Result<(), Failed> {
    if refs.is_empty() {
        return Ok(());
    }
    let mut rows: Vec<(i64, i64, String)> = refs
        .iter()
        .map(|(reference, pointer)| match pointer {
            Pointer::Item(key) if ids.contains_key(key) => (*reference, ids[key], String::new()),
            // A zero byte is in no name that a sender could mean.
            other => (*reference, 0, other.to_stored().replace('\0', "")),
        })
        .collect();
    rows.sort_unstable();
    let hashes: Vec<i64> = rows.iter().map(|row| row.0).collect();
    let items: Vec<i64> = rows.iter().map(|row| row.1).collect();
    let others: Vec<&str> = rows.iter().map(|row| row.2.as_str()).collect();
    let statement = transaction
        .prepare_cached(
            "INSERT INTO refs (ref, item, other, day)
             SELECT ref, item, other, $4 FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS new (ref, item, other)
             ON CONFLICT (ref, item, other) DO NOTHING",
        )
        .await?;
    transaction.execute(&statement, &[&hashes, &items, &others, &day]).await?;
    Ok(())
}

/// Writes where items stand on their lines.
async fn stand(transaction: &Transaction<'_>, mut moments: Vec<(i64, i64, i64)>) -> Result<(), Failed> {
    if moments.is_empty() {
        return Ok(());
    }
    moments.sort_unstable();
    let lines: Vec<i64> = moments.iter().map(|moment| moment.0).collect();
    let times: Vec<i64> = moments.iter().map(|moment| moment.1).collect();
    let items: Vec<i64> = moments.iter().map(|moment| moment.2).collect();
    let statement = transaction
        .prepare_cached(
            "INSERT INTO moments (line, at, item)
             SELECT line, at, item FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS new (line, at, item)
             ON CONFLICT (line, at, item) DO NOTHING",
        )
        .await?;
    transaction.execute(&statement, &[&lines, &times, &items]).await?;
    Ok(())
}
