//! What the metrics and the commands see and do: counts, the quarantine, rejected exports.

use rusqlite::{Connection, OptionalExtension, Transaction};

use super::super::{
    Backlog, Committed, Delivery, QuarantineEntry, Quarantined, RejectedExport, Rules, Stats, StoreError,
};
use super::{commit, tally};
use crate::work::key::{KeyError, Source};
use crate::work::time::Time;

fn corrupt(what: &str, id: i64, reason: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt(format!("{what} {id}: {reason}"))
}

pub(super) fn stats(connection: &Connection) -> Result<Stats, StoreError> {
    let mut stats = Stats::default();
    let mut statement = connection.prepare_cached("SELECT name, n FROM tallies")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let name: String = row.get(0)?;
        stats.count(&name, row.get(1)?);
    }
    for (backend, Backlog { oldest, .. }) in &mut stats.backlog {
        *oldest = connection
            .prepare_cached("SELECT sealed_at FROM outbox WHERE backend = ?1 ORDER BY attempts, id LIMIT 1")?
            .query_row([backend], |row| row.get(0))
            .optional()?;
    }
    // A count walks all leaves of the table: 4 ms for a million entries, which there are only after
    // an upgrade or new rules. A tally would cost every commit.
    stats.stale = connection.prepare_cached("SELECT count(*) FROM stale")?.query_row([], |row| row.get(0))?;
    Ok(stats)
}

pub(super) fn quarantine(
    connection: &Connection,
    after: i64,
    limit: usize,
) -> Result<Vec<QuarantineEntry>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, source, received_at, length(body), reason FROM quarantine WHERE id > ?1 ORDER BY id LIMIT ?2",
    )?;
    let mut rows = statement.query((after, limit as i64))?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        let id = row.get(0)?;
        let source: String = row.get(1)?;
        entries.push(QuarantineEntry {
            id,
            source: source.parse().map_err(|e: KeyError| corrupt("quarantine", id, e))?,
            received_at: row.get(2)?,
            bytes: row.get(3)?,
            reason: row.get(4)?,
        });
    }
    Ok(entries)
}

pub(super) fn quarantined(
    connection: &Connection,
    id: i64,
) -> Result<Option<(Source, Time, Quarantined)>, StoreError> {
    let found: Option<(String, i64, String, String, Vec<u8>)> = connection
        .prepare_cached("SELECT source, received_at, reason, headers, body FROM quarantine WHERE id = ?1")?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)))
        .optional()?;
    let Some((source, received_at, reason, headers, body)) = found else { return Ok(None) };
    let source = source.parse().map_err(|e: KeyError| corrupt("quarantine", id, e))?;
    let received_at = Time::from_micros(received_at)
        .ok_or_else(|| corrupt("quarantine", id, "implausible time of receipt"))?;
    let headers = serde_json::from_str(&headers).map_err(|e| corrupt("quarantine", id, e))?;
    Ok(Some((source, received_at, Quarantined { reason, headers, body })))
}

pub(super) fn drop_quarantined(transaction: &Transaction<'_>, ids: &[i64]) -> Result<usize, StoreError> {
    let mut dropped = 0;
    for id in ids {
        dropped += transaction.prepare_cached("DELETE FROM quarantine WHERE id = ?1")?.execute([id])?;
    }
    tally(transaction, "quarantined", -(dropped as i64))?;
    Ok(dropped)
}

pub(super) fn release(
    transaction: &Transaction<'_>,
    id: i64,
    delivery: Delivery,
    rules: &Rules,
) -> Result<Committed, StoreError> {
    // The identity was noted when the delivery was quarantined; now it counts for the first time.
    transaction.prepare_cached("DELETE FROM deliveries WHERE id = ?1")?.execute([delivery.id.0])?;
    match commit::commit(transaction, vec![delivery], rules)?.pop() {
        // Nothing of this happens, so it stays where it is.
        Some(Committed::Failed(reason)) => Err(StoreError::Corrupt(reason)),
        Some(committed) => {
            drop_quarantined(transaction, &[id])?;
            Ok(committed)
        }
        None => Err(corrupt("quarantine", id, "nothing was committed")),
    }
}

pub(super) fn rejected(
    connection: &Connection,
    after: i64,
    limit: usize,
) -> Result<Vec<RejectedExport>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, backend, key, episode, span_count, rejected_at, reason FROM rejected
         WHERE id > ?1 ORDER BY id LIMIT ?2",
    )?;
    let rows = statement.query_map((after, limit as i64), |row| {
        Ok(RejectedExport {
            id: row.get(0)?,
            backend: row.get(1)?,
            key: row.get(2)?,
            episode: row.get(3)?,
            spans: row.get(4)?,
            rejected_at: row.get(5)?,
            reason: row.get(6)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn retry_rejected(transaction: &Transaction<'_>, ids: &[i64]) -> Result<usize, StoreError> {
    let chosen: Vec<(i64, String)> = transaction
        .prepare("SELECT id, backend FROM rejected ORDER BY id")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let mut retried = 0;
    for (id, backend) in chosen.iter().filter(|(id, _)| ids.is_empty() || ids.contains(id)) {
        transaction
            .prepare_cached(
                "INSERT INTO outbox (backend, attempts, source, key, episode, span_count, sealed_at, spans)
                 SELECT backend, 0, source, key, episode, span_count, sealed_at, spans FROM rejected WHERE id = ?1",
            )?
            .execute([id])?;
        transaction.prepare_cached("DELETE FROM rejected WHERE id = ?1")?.execute([id])?;
        tally(transaction, &format!("outbox:{backend}"), 1)?;
        tally(transaction, &format!("rejected:{backend}"), -1)?;
        retried += 1;
    }
    Ok(retried)
}

pub(super) fn drop_rejected(transaction: &Transaction<'_>, ids: &[i64]) -> Result<usize, StoreError> {
    let mut dropped = 0;
    for id in ids {
        let backend: Option<String> = transaction
            .prepare_cached("DELETE FROM rejected WHERE id = ?1 RETURNING backend")?
            .query_row([id], |row| row.get(0))
            .optional()?;
        if let Some(backend) = backend {
            tally(transaction, &format!("rejected:{backend}"), -1)?;
            dropped += 1;
        }
    }
    Ok(dropped)
}
