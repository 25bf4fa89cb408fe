//! What the metrics and the commands see and do: counts, the quarantine, rejected exports.

use deadpool_postgres::{Client, Transaction};

use super::super::{
    Backlog, Committed, Delivery, QuarantineEntry, Quarantined, RejectedExport, Rules, Stats, StoreError,
};
use super::failed::Failed;
use super::{commit, tallies};
use crate::work::key::{KeyError, Source};
use crate::work::time::Time;

/// How many rejected exports go back in one transaction.
const RETRIED: i64 = if cfg!(test) { 2 } else { 500 };

fn corrupt(what: &str, id: i64, reason: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt(format!("{what} {id}: {reason}"))
}

pub(super) async fn stats(client: &Client) -> Result<Stats, Failed> {
    let mut stats = Stats::default();
    let statement =
        client.prepare_cached("SELECT name, sum(n)::bigint, max(n) FROM tallies GROUP BY name").await?;
    for row in client.query(&statement, &[]).await? {
        let (name, sum, latest): (&str, i64, i64) = (row.get(0), row.get(1), row.get(2));
        stats.count(name, if name.starts_with("last:") { latest } else { sum });
    }
    let statement = client
        .prepare_cached("SELECT sealed_at FROM outbox WHERE backend = $1 ORDER BY attempts, id LIMIT 1")
        .await?;
    for (backend, Backlog { oldest, .. }) in &mut stats.backlog {
        *oldest = client.query_opt(&statement, &[backend]).await?.map(|row| row.get(0));
    }
    let statement = client.prepare_cached("SELECT count(*) FROM stale").await?;
    stats.stale = client.query_one(&statement, &[]).await?.get(0);
    Ok(stats)
}

pub(super) async fn quarantine(
    client: &Client,
    after: i64,
    limit: usize,
) -> Result<Vec<QuarantineEntry>, Failed> {
    let rows = client
        .query(
            "SELECT id, source, received_at, length(body)::bigint, reason FROM quarantine
             WHERE id > $1 ORDER BY id LIMIT $2",
            &[&after, &(limit as i64)],
        )
        .await?;
    let entry = |row: &tokio_postgres::Row| {
        let (id, source): (i64, &str) = (row.get(0), row.get(1));
        Ok(QuarantineEntry {
            id,
            source: source.parse().map_err(|e: KeyError| corrupt("quarantine", id, e))?,
            received_at: row.get(2),
            bytes: row.get(3),
            reason: row.get(4),
        })
    };
    rows.iter().map(entry).collect()
}

pub(super) async fn quarantined(
    client: &Client,
    id: i64,
) -> Result<Option<(Source, Time, Quarantined)>, Failed> {
    let found = client
        .query_opt("SELECT source, received_at, reason, headers, body FROM quarantine WHERE id = $1", &[&id])
        .await?;
    let Some(row) = found else { return Ok(None) };
    let (source, headers): (&str, &str) = (row.get(0), row.get(3));
    let source = source.parse().map_err(|e: KeyError| corrupt("quarantine", id, e))?;
    let received_at = Time::from_micros(row.get(1))
        .ok_or_else(|| corrupt("quarantine", id, "implausible time of receipt"))?;
    let headers = serde_json::from_str(headers).map_err(|e| corrupt("quarantine", id, e))?;
    Ok(Some((source, received_at, Quarantined { reason: row.get(2), headers, body: row.get(4) })))
}

/// Which of these entries of the quarantine there are.
pub(super) async fn quarantined_among(client: &Client, ids: &[i64]) -> Result<Vec<i64>, Failed> {
    let rows = client.query("SELECT id FROM quarantine WHERE id = ANY($1)", &[&ids]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

pub(super) async fn drop_quarantined(
    transaction: &Transaction<'_>,
    ids: &[i64],
    shard: i16,
) -> Result<(), Failed> {
    let dropped = transaction.execute("DELETE FROM quarantine WHERE id = ANY($1)", &[&ids]).await?;
    let counts = tallies::counts([("quarantined".to_owned(), -(dropped as i64))]);
    tallies::add(transaction, shard, &counts, &Default::default()).await
}

pub(super) async fn release(
    transaction: &Transaction<'_>,
    id: i64,
    delivery: Delivery,
    rules: &Rules,
    shard: i16,
) -> Result<Committed, Failed> {
    // The identity was noted when the delivery was quarantined; now it counts for the first time.
    transaction.execute("DELETE FROM deliveries WHERE id = $1", &[&delivery.id.0.as_slice()]).await?;
    match commit::commit(transaction, vec![delivery], rules, shard).await?.pop() {
        // Nothing of this happens, so it stays where it is.
        Some(Committed::Failed(reason)) => Err(StoreError::Corrupt(reason).into()),
        Some(committed) => {
            drop_quarantined(transaction, &[id], shard).await?;
            Ok(committed)
        }
        None => Err(corrupt("quarantine", id, "nothing was committed").into()),
    }
}

pub(super) async fn rejected(
    client: &Client,
    after: i64,
    limit: usize,
) -> Result<Vec<RejectedExport>, Failed> {
    let rows = client
        .query(
            "SELECT id, backend, key, episode, span_count, rejected_at, reason FROM rejected
             WHERE id > $1 ORDER BY id LIMIT $2",
            &[&after, &(limit as i64)],
        )
        .await?;
    let entry = |row: &tokio_postgres::Row| RejectedExport {
        id: row.get(0),
        backend: row.get(1),
        key: row.get(2),
        episode: row.get::<_, i32>(3).unsigned_abs(),
        spans: row.get::<_, i32>(4).unsigned_abs(),
        rejected_at: row.get(5),
        reason: row.get(6),
    };
    Ok(rows.iter().map(entry).collect())
}

/// The number of the newest rejected export: what is rejected after that is not meant by "all".
pub(super) async fn newest_rejected(client: &Client) -> Result<i64, Failed> {
    Ok(client.query_one("SELECT coalesce(max(id), 0) FROM rejected", &[]).await?.get(0))
}

/// The next of the rejected exports that are meant; all of them if `ids` is empty.
pub(super) async fn rejected_among(
    client: &Client,
    ids: &[i64],
    after: i64,
    newest: i64,
) -> Result<Vec<i64>, Failed> {
    let rows = client
        .query(
            "SELECT id FROM rejected WHERE id > $2 AND id <= $3 AND (cardinality($1::bigint[]) = 0 OR id = ANY($1))
             ORDER BY id LIMIT $4",
            &[&ids, &after, &newest, &RETRIED],
        )
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

pub(super) async fn retry_rejected(
    transaction: &Transaction<'_>,
    ids: &[i64],
    shard: i16,
) -> Result<(), Failed> {
    let rows = transaction
        .query(
            "WITH gone AS (DELETE FROM rejected WHERE id = ANY($1) RETURNING *)
             INSERT INTO outbox (backend, attempts, source, key, episode, span_count, sealed_at, spans)
             SELECT backend, 0, source, key, episode, span_count, sealed_at, spans FROM gone ORDER BY id
             RETURNING backend",
            &[&ids],
        )
        .await?;
    let mut counts = std::collections::BTreeMap::new();
    for row in &rows {
        let backend: &str = row.get(0);
        *counts.entry(format!("outbox:{backend}")).or_default() += 1;
        *counts.entry(format!("rejected:{backend}")).or_default() -= 1;
    }
    tallies::add(transaction, shard, &counts, &Default::default()).await
}

pub(super) async fn drop_rejected(
    transaction: &Transaction<'_>,
    ids: &[i64],
    shard: i16,
) -> Result<usize, Failed> {
    let rows =
        transaction.query("DELETE FROM rejected WHERE id = ANY($1) RETURNING backend", &[&ids]).await?;
    let mut counts = std::collections::BTreeMap::new();
    for row in &rows {
        *counts.entry(format!("rejected:{}", row.get::<_, &str>(0))).or_default() -= 1;
    }
    tallies::add(transaction, shard, &counts, &Default::default()).await?;
    Ok(rows.len())
}
