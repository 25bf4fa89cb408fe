//! Handing spans to backends and taking their verdicts. An entry that a replica sends is leased to it,
//! by the database's clock, and the lease is renewed while the replica lives; what a replica that
//! died had leased, another one takes over once the lease has run out.

use deadpool_postgres::Transaction;

use super::super::{Leased, Settlement, StoreError};
use super::failed::Failed;
use super::tallies;
use crate::work::key::KeyError;
use crate::work::time::Time;

/// How long a lease lasts, as SQL. Renewed every third of it.
const LEASE: &str = "interval '30 seconds'";

/// The next entries of a backend's outbox, those first that were tried least: whatever a backend
/// chokes on falls behind, and holds nothing else up.
pub(super) async fn lease(
    transaction: &Transaction<'_>,
    backend: &str,
    limit: usize,
    holder: i64,
) -> Result<Vec<Leased>, Failed> {
    // An array is made once; with IN (…) a planner may run the selection again, and lease more than the limit.
    let statement = transaction
        .prepare_cached(&format!(
            "UPDATE outbox SET holder = $3, leased_until = now() + {LEASE} WHERE id = ANY(ARRAY(
                 SELECT id FROM outbox
                 WHERE backend = $1 AND (leased_until IS NULL OR leased_until < now())
                 ORDER BY attempts, id LIMIT $2 FOR UPDATE SKIP LOCKED))
             RETURNING attempts, id, source, key, spans, span_count"
        ))
        .await?;
    let mut rows = transaction.query(&statement, &[&backend, &(limit as i64), &holder]).await?;
    rows.sort_unstable_by_key(|row| (row.get::<_, i32>(0), row.get::<_, i64>(1)));
    let mut leased = Vec::with_capacity(rows.len());
    for row in &rows {
        let id: i64 = row.get(1);
        let corrupt = |e: KeyError| StoreError::Corrupt(format!("outbox entry {id}: {e}"));
        let (source, key, count): (&str, &str, i32) = (row.get(2), row.get(3), row.get(5));
        leased.push(Leased {
            id,
            source: source.parse().map_err(corrupt)?,
            key: key.parse().map_err(corrupt)?,
            spans: row.get(4),
            span_count: count.unsigned_abs(),
        });
    }
    Ok(leased)
}

/// Whether anything is to be leased: most of the time not, and finding out must not take a write.
pub(super) async fn any(client: &deadpool_postgres::Client, backend: &str) -> Result<bool, Failed> {
    let statement = client
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM outbox
             WHERE backend = $1 AND (leased_until IS NULL OR leased_until < now()))",
        )
        .await?;
    Ok(client.query_one(&statement, &[&backend]).await?.get(0))
}

/// Holds on to what this replica knows that it has leased. What it was given by a commit whose answer was
/// lost, it does not know of: that runs out. What is being settled at this moment needs no renewal, so
/// nobody waits.
pub(super) async fn renew(
    client: &deadpool_postgres::Client,
    held: &[i64],
    holder: i64,
) -> Result<(), Failed> {
    let statement = client
        .prepare_cached(&format!(
            "UPDATE outbox SET leased_until = now() + {LEASE} WHERE id IN (
                 SELECT id FROM outbox WHERE id = ANY($1) AND holder = $2 FOR UPDATE SKIP LOCKED)"
        ))
        .await?;
    client.execute(&statement, &[&held, &holder]).await?;
    Ok(())
}

/// Gives back what this replica has leased.
pub(super) async fn give_back(client: &deadpool_postgres::Client, holder: i64) -> Result<(), Failed> {
    client
        .execute(
            "UPDATE outbox SET holder = NULL, leased_until = NULL WHERE id IN (
                 SELECT id FROM outbox WHERE holder = $1 FOR UPDATE SKIP LOCKED)",
            &[&holder],
        )
        .await?;
    Ok(())
}

pub(super) async fn settle(
    transaction: &Transaction<'_>,
    backend: &str,
    settlements: &[Settlement],
    now: Time,
    holder: i64,
    shard: i16,
) -> Result<(), Failed> {
    // Locked in one order, whoever else settles them because a lease was lost.
    let all: Vec<i64> = settlements.iter().flat_map(|settlement| settlement.ids()).copied().collect();
    let statement =
        transaction.prepare_cached("SELECT id FROM outbox WHERE id = ANY($1) ORDER BY id FOR UPDATE").await?;
    transaction.query(&statement, &[&all]).await?;
    let (mut gone, mut rejected) = (0, 0);
    for settlement in settlements {
        let ids = settlement.ids();
        match settlement {
            // What another replica has taken over meanwhile is that one's to say.
            Settlement::Retry(_) | Settlement::Untried(_) => {
                let tried = i32::from(matches!(settlement, Settlement::Retry(_)));
                let statement = transaction
                    .prepare_cached(
                        "UPDATE outbox SET attempts = attempts + $3, holder = NULL, leased_until = NULL
                         WHERE id = ANY($1) AND holder = $2",
                    )
                    .await?;
                transaction.execute(&statement, &[&ids, &holder, &tried]).await?;
            }
            // The backend has it, whoever sent it.
            Settlement::Sent(_) => {
                let statement = transaction.prepare_cached("DELETE FROM outbox WHERE id = ANY($1)").await?;
                gone += transaction.execute(&statement, &[&ids]).await? as i64;
            }
            Settlement::Rejected(_, reason) => {
                let statement = transaction
                    .prepare_cached(
                        "WITH gone AS (DELETE FROM outbox WHERE id = ANY($1) AND holder = $2 RETURNING *)
                         INSERT INTO rejected (backend, source, key, episode, span_count, sealed_at,
                                               rejected_at, reason, spans)
                         SELECT backend, source, key, episode, span_count, sealed_at, $3, $4, spans
                         FROM gone ORDER BY id",
                    )
                    .await?;
                let reason = reason.replace('\0', "");
                let moved =
                    transaction.execute(&statement, &[&ids, &holder, &now.micros(), &reason]).await? as i64;
                gone += moved;
                rejected += moved;
            }
        }
    }
    let counts =
        tallies::counts([(format!("outbox:{backend}"), -gone), (format!("rejected:{backend}"), rejected)]);
    tallies::add(transaction, shard, &counts, &Default::default()).await
}
