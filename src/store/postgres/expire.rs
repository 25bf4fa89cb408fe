//! Deleting what is past its age, by one replica at a time. What is folded into or sealed at this moment
//! is left for the next walk; nobody waits for it.

use std::collections::BTreeMap;

use deadpool_postgres::{Client, Transaction};
use tokio_postgres::Row as Found;

use super::super::expiry::{self, FIRST_MOMENT, Fate, MomentRow, RefRow, Row, Step};
use super::super::{Forgotten, Mark, Retention, Rules};
use super::failed::Failed;
use super::{observe, tallies};
use crate::work::key::Kind;
use crate::work::time::Time;

/// What items are judged by.
type By<'r> = (Time, &'r Rules, bool);

fn judged(row: &Found, by: By<'_>) -> Option<Row> {
    Row::expired((row.get(0), row.get(1), row.get(2), row.get(3)), row.get(4), by)
}

/// Which of the items after `after` are past their age; how far it looked.
pub(super) async fn past(
    client: &Client,
    after: i64,
    limit: usize,
    by: By<'_>,
) -> Result<(Option<i64>, Vec<i64>), Failed> {
    let statement = client
        .prepare_cached(
            "SELECT id, key, open, due_at IS NOT NULL, state FROM items WHERE id > $1 ORDER BY id LIMIT $2",
        )
        .await?;
    let rows = client.query(&statement, &[&after, &(limit as i64)]).await?;
    let past = rows.iter().filter_map(|row| judged(row, by)).map(|row| row.id).collect();
    Ok((rows.last().map(|row| row.get(0)), past))
}

/// Deletes items that are still past their age; says how many.
pub(super) async fn delete(
    transaction: &Transaction<'_>,
    past: &[i64],
    by: By<'_>,
    shard: i16,
) -> Result<BTreeMap<Kind, usize>, Failed> {
    // Whoever observes meanwhile would leave an observation of what is gone.
    observe::take_turn(transaction).await?;
    let statement = transaction
        .prepare_cached(
            "SELECT id, key, open, due_at IS NOT NULL, state FROM items WHERE id = ANY($1)
             ORDER BY key FOR UPDATE SKIP LOCKED",
        )
        .await?;
    let rows = transaction.query(&statement, &[&past]).await?;
    let gone: Vec<Row> = rows.iter().filter_map(|row| judged(row, by)).collect();
    let mut ids: Vec<i64> = gone.iter().map(|row| row.id).collect();
    ids.sort_unstable();
    let keys: Vec<&str> = gone.iter().map(|row| row.item.key.as_str()).collect();
    // In the order in which commits lock.
    let statement = transaction.prepare_cached("DELETE FROM items WHERE id = ANY($1)").await?;
    transaction.execute(&statement, &[&ids]).await?;
    let statement = transaction.prepare_cached("DELETE FROM pins WHERE key = ANY($1)").await?;
    transaction.execute(&statement, &[&keys]).await?;
    for table in ["stale", "observations", "revisit"] {
        let statement =
            transaction.prepare_cached(&format!("DELETE FROM {table} WHERE item = ANY($1)")).await?;
        transaction.execute(&statement, &[&ids]).await?;
    }
    tallies::add(transaction, shard, &expiry::tallies(&gone), &Default::default()).await?;
    Ok(expiry::by_kind(&gone))
}

/// Forgets what of the slice after a mark is past its age. Each statement stands for itself.
pub(super) async fn forget(
    client: &Client,
    after: Option<Mark>,
    limit: usize,
    now: Time,
    retention: &Retention,
) -> Result<Forgotten, Failed> {
    match after.map(|Mark(step)| step) {
        None => deliveries(client, &[], limit, retention.deliveries_before(now)).await,
        Some(Step::Delivery(last)) => {
            deliveries(client, &last, limit, retention.deliveries_before(now)).await
        }
        // Where nothing is deleted, nothing points at what is.
        Some(_) if !retention.deletes() => Ok(Forgotten::default()),
        Some(Step::Refs) => refs(client, None, limit, retention.refs_before(now)).await,
        Some(Step::Ref(last)) => refs(client, Some(last), limit, retention.refs_before(now)).await,
        Some(Step::Moments) => moments(client, FIRST_MOMENT, limit).await,
        Some(Step::Moment(last)) => moments(client, last, limit).await,
    }
}

async fn deliveries(
    client: &Client,
    last: &[u8],
    limit: usize,
    before: Option<i64>,
) -> Result<Forgotten, Failed> {
    let end = Forgotten { reached: Some(Mark(Step::Refs)), ..Forgotten::default() };
    let Some(before) = before else { return Ok(end) };
    let statement = client
        .prepare_cached("SELECT id, day::bigint < $3 FROM deliveries WHERE id > $1 ORDER BY id LIMIT $2")
        .await?;
    let rows = client.query(&statement, &[&last, &(limit as i64), &before]).await?;
    let Some(reached) = rows.last().map(|row| Mark(Step::Delivery(row.get(0)))) else { return Ok(end) };
    let past: Vec<&[u8]> = rows.iter().filter(|row| row.get(1)).map(|row| row.get(0)).collect();
    let mut deliveries = 0;
    if !past.is_empty() {
        let statement = client.prepare_cached("DELETE FROM deliveries WHERE id = ANY($1)").await?;
        deliveries = client.execute(&statement, &[&past]).await? as usize;
    }
    Ok(Forgotten { reached: Some(reached), deliveries, ..Forgotten::default() })
}

async fn refs(
    client: &Client,
    last: Option<RefRow>,
    limit: usize,
    before: Option<i64>,
) -> Result<Forgotten, Failed> {
    let statement = client
        .prepare_cached(
            "SELECT ref, item, other, day::bigint < $5,
                    CASE WHEN item <> 0 THEN EXISTS (SELECT 1 FROM items WHERE items.id = refs.item)
                         ELSE EXISTS (SELECT 1 FROM items WHERE items.key = refs.other) END
             FROM refs WHERE (ref, item, other) > ($1, $2, $3) ORDER BY ref, item, other LIMIT $4",
        )
        .await?;
    let last = last.unwrap_or(RefRow { era: 0, hash: i64::MIN, item: i64::MIN, other: String::new() });
    let nothing_is_old = i64::MIN;
    let rows = client
        .query(
            &statement,
            &[&last.hash, &last.item, &last.other, &(limit as i64), &before.unwrap_or(nothing_is_old)],
        )
        .await?;
    let (mut reached, mut gone) = (None, Vec::new());
    for row in &rows {
        let found = RefRow { era: 0, hash: row.get(0), item: row.get(1), other: row.get(2) };
        let (old, there): (bool, bool) = (row.get(3), row.get(4));
        let goes = match expiry::fate(&found, there, old) {
            Fate::Stays => false,
            Fate::Goes => true,
            Fate::Asks => !there,
        };
        reached = Some(Mark(Step::Ref(found.clone())));
        if goes {
            gone.push(found);
        }
    }
    let mut refs = 0;
    if !gone.is_empty() {
        let hashes: Vec<i64> = gone.iter().map(|row| row.hash).collect();
        let items: Vec<i64> = gone.iter().map(|row| row.item).collect();
        let others: Vec<&str> = gone.iter().map(|row| row.other.as_str()).collect();
        // Locked in the order in which commits lock.
        let statement = client
            .prepare_cached(
                "WITH gone AS (
                     SELECT refs.ref, refs.item, refs.other FROM refs
                     JOIN unnest($1::bigint[], $2::bigint[], $3::text[]) AS past (ref, item, other)
                          ON refs.ref = past.ref AND refs.item = past.item AND refs.other = past.other
                     ORDER BY refs.ref, refs.item, refs.other FOR UPDATE OF refs)
                 DELETE FROM refs USING gone
                 WHERE refs.ref = gone.ref AND refs.item = gone.item AND refs.other = gone.other",
            )
            .await?;
        refs = client.execute(&statement, &[&hashes, &items, &others]).await? as usize;
    }
    let reached = reached.or(Some(Mark(Step::Moments)));
    Ok(Forgotten { reached, refs, ..Forgotten::default() })
}

/// Moments of items that are gone. An item that moved has left some that only this finds.
async fn moments(client: &Client, last: MomentRow, limit: usize) -> Result<Forgotten, Failed> {
    let statement = client
        .prepare_cached(
            "SELECT line, at, item, EXISTS (SELECT 1 FROM items WHERE items.id = moments.item) FROM moments
             WHERE (line, at, item) > ($1, $2, $3) ORDER BY line, at, item LIMIT $4",
        )
        .await?;
    let rows = client.query(&statement, &[&last.0, &last.1, &last.2, &(limit as i64)]).await?;
    let row = |row: &Found| -> MomentRow { (row.get(0), row.get(1), row.get(2)) };
    let gone: Vec<MomentRow> = rows.iter().filter(|row| !row.get::<_, bool>(3)).map(row).collect();
    let mut moments = 0;
    if !gone.is_empty() {
        let (lines, rest): (Vec<i64>, Vec<(i64, i64)>) = gone.iter().map(|m| (m.0, (m.1, m.2))).unzip();
        let (times, items): (Vec<i64>, Vec<i64>) = rest.into_iter().unzip();
        // Nobody else writes what is of no item: numbers of items are not given twice.
        let statement = client
            .prepare_cached(
                "DELETE FROM moments WHERE (line, at, item) IN (
                     SELECT line, at, item
                     FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS gone (line, at, item))",
            )
            .await?;
        moments = client.execute(&statement, &[&lines, &times, &items]).await? as usize;
    }
    let reached = rows.last().map(|last| Mark(Step::Moment(row(last))));
    Ok(Forgotten { reached, moments, ..Forgotten::default() })
}
