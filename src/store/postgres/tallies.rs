//! Counts that would take a scan, each in the shard of the replica that counts.

use std::collections::BTreeMap;

use deadpool_postgres::Transaction;

use super::failed::Failed;
use crate::work::key::Source;
use crate::work::time::Time;

/// How many shards there are: replicas of the same one still count rightly, only not at the same
/// time.
pub(super) const SHARDS: u64 = 16;

/// Adds to counts, and notes when sources were heard last: one statement, so that the rows are
/// locked in one order.
pub(super) async fn add(
    transaction: &Transaction<'_>,
    shard: i16,
    by: &BTreeMap<String, i64>,
    heard: &BTreeMap<Source, Time>,
) -> Result<(), Failed> {
    let heard = heard.iter().map(|(source, at)| (format!("last:{source}"), at.micros()));
    let mut all: Vec<(String, i64)> = by.iter().map(|(name, n)| (name.clone(), *n)).chain(heard).collect();
    all.retain(|(_, n)| *n != 0);
    if all.is_empty() {
        return Ok(());
    }
    all.sort_unstable();
    let (names, numbers): (Vec<String>, Vec<i64>) = all.into_iter().unzip();
    let statement = transaction
        .prepare_cached(
            "INSERT INTO tallies (name, shard, n)
             SELECT name, $2, n FROM unnest($1::text[], $3::bigint[]) AS new (name, n)
             ON CONFLICT (name, shard) DO UPDATE SET n = CASE
                 WHEN tallies.name LIKE 'last:%' THEN greatest(tallies.n, excluded.n)
                 ELSE tallies.n + excluded.n END",
        )
        .await?;
    transaction.execute(&statement, &[&names, &shard, &numbers]).await?;
    Ok(())
}

/// Counts that one operation changes.
pub(super) fn counts<const N: usize>(changes: [(String, i64); N]) -> BTreeMap<String, i64> {
    changes.into_iter().collect()
}
