//! Handing spans to backends and taking their verdicts.

use std::collections::HashSet;

use rusqlite::{Connection, Transaction};

use super::super::{Leased, Settlement, StoreError};
use super::tally;
use crate::work::time::Time;

/// The next entries of a backend's outbox, those first that were tried least: whatever a backend
/// chokes on falls behind, and holds nothing else up.
pub(super) fn next(
    connection: &Connection,
    backend: &str,
    limit: usize,
    held: &HashSet<i64>,
) -> Result<Vec<Leased>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, source, key, spans, span_count FROM outbox INDEXED BY outbox_next
         WHERE backend = ?1 ORDER BY attempts, id LIMIT ?2",
    )?;
    let mut rows = statement.query((backend, (limit + held.len()) as i64))?;
    let mut leased = Vec::with_capacity(limit);
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        if held.contains(&id) {
            continue;
        }
        let (source, key): (String, String) = (row.get(1)?, row.get(2)?);
        let corrupt = |reason: String| StoreError::Corrupt(format!("outbox entry {id}: {reason}"));
        leased.push(Leased {
            id,
            source: source.parse().map_err(|e: crate::work::key::KeyError| corrupt(e.to_string()))?,
            key: key.parse().map_err(|e: crate::work::key::KeyError| corrupt(e.to_string()))?,
            spans: row.get(3)?,
            span_count: row.get(4)?,
        });
        if leased.len() == limit {
            break;
        }
    }
    Ok(leased)
}

pub(super) fn settle(
    transaction: &Transaction<'_>,
    backend: &str,
    settlements: &[Settlement],
    now: Time,
) -> Result<(), StoreError> {
    let (mut gone, mut rejected) = (0, 0);
    for settlement in settlements {
        for id in settlement.ids() {
            match settlement {
                Settlement::Retry(_) => {
                    transaction
                        .prepare_cached("UPDATE outbox SET attempts = attempts + 1 WHERE id = ?1")?
                        .execute([id])?;
                    continue;
                }
                Settlement::Untried(_) => continue,
                Settlement::Rejected(_, reason) => {
                    rejected += transaction
                        .prepare_cached(
                            "INSERT INTO rejected (backend, source, key, episode, span_count, sealed_at,
                                                   rejected_at, reason, spans)
                             SELECT backend, source, key, episode, span_count, sealed_at, ?2, ?3, spans
                             FROM outbox WHERE id = ?1",
                        )?
                        .execute((id, now.micros(), reason))? as i64;
                }
                Settlement::Sent(_) => {}
            }
            gone += transaction.prepare_cached("DELETE FROM outbox WHERE id = ?1")?.execute([id])? as i64;
        }
    }
    tally(transaction, &format!("outbox:{backend}"), -gone)?;
    tally(transaction, &format!("rejected:{backend}"), rejected)
}
