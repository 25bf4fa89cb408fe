//! The queue between the items and what insight keeps of them, and how replicas tell each other what
//! they observed. One replica observes; it holds the role for a while, by the database's clock, and
//! goes on holding it while it lives.

use deadpool_postgres::{Client, Transaction};

use super::super::known::Known;
use super::super::observations::{self, MARKED, Maker, Seen, revisit_window};
use super::super::{ObservationPage, REVISITS, Rules, Stale, StoreError, sealing};
use super::failed::Failed;
use super::lookup;
use crate::work::time::Time;

/// The most revisits that become due in one transaction, so that no delivery waits long for it.
const REVISITED: i64 = 1_000;

/// A revisit is due when its time has come, or when the clock was set back.
const DUE: &str = "due_at <= $1 OR due_at > $2";

/// Takes note that what is known of these items, or their place, has changed.
pub(super) async fn mark(transaction: &Transaction<'_>, mut items: Vec<i64>) -> Result<(), Failed> {
    if items.is_empty() {
        return Ok(());
    }
    items.sort_unstable();
    let statement = transaction
        .prepare_cached(
            "INSERT INTO stale (item, version, attempt)
             SELECT item, next.version, 0
             FROM unnest($1::bigint[]) AS item, (SELECT nextval('changes') AS version) AS next
             ON CONFLICT (item) DO UPDATE SET version = excluded.version, attempt = 0",
        )
        .await?;
    transaction.execute(&statement, &[&items]).await?;
    Ok(())
}

/// Waits for whoever else is storing observations: their versions must become known in their order.
pub(super) async fn take_turn(transaction: &Transaction<'_>) -> Result<(), Failed> {
    let turn = transaction.prepare_cached("SELECT 1 FROM roles WHERE name = 'observe' FOR UPDATE").await?;
    transaction.query(&turn, &[]).await?;
    Ok(())
}

/// Whether the observations were made with other rules than these, or not all of them are marked yet.
pub(super) async fn made_otherwise(client: &Client, fingerprint: &[u8; 32]) -> Result<bool, Failed> {
    let known = client.query_opt("SELECT fingerprint FROM observed_with", &[]).await?;
    Ok(Maker::goes_on(known.as_ref().map(|row| row.get(0)), fingerprint, false).is_some())
}

/// Marks the next slice of items as observed by other rules than these, and takes note of how far that is. Says
/// whether there was anything to be done; `begun` is whether there has been before.
pub(super) async fn make_with(
    transaction: &Transaction<'_>,
    fingerprint: &[u8; 32],
    begun: bool,
) -> Result<bool, Failed> {
    take_turn(transaction).await?;
    let known = transaction.query_opt("SELECT fingerprint FROM observed_with", &[]).await?;
    let Some(after) = Maker::goes_on(known.as_ref().map(|row| row.get(0)), fingerprint, begun) else {
        return Ok(false);
    };
    // Other rules find no parents: a revisit that is planned stays, no other is.
    let statement = transaction
        .prepare_cached(
            "WITH marked AS (
                 INSERT INTO stale (item, version, attempt)
                 SELECT id, next.version, $1
                 FROM (SELECT id FROM items WHERE id > $2 ORDER BY id LIMIT $3) AS slice,
                      (SELECT nextval('changes') AS version) AS next ORDER BY id
                 ON CONFLICT (item) DO UPDATE SET version = excluded.version RETURNING item)
             SELECT count(*), max(item) FROM marked",
        )
        .await?;
    let row = transaction.query_one(&statement, &[&(REVISITS.len() as i32), &after, &MARKED]).await?;
    let now = Maker::after(fingerprint, row.get(0), row.get(1));
    transaction.execute("DELETE FROM observed_with", &[]).await?;
    transaction.execute("INSERT INTO observed_with (fingerprint) VALUES ($1)", &[&now]).await?;
    Ok(true)
}

pub(super) async fn page(client: &Client, after: i64, limit: usize) -> Result<ObservationPage, Failed> {
    let statement = client
        .prepare_cached("SELECT item, state FROM observations WHERE item > $1 ORDER BY item LIMIT $2")
        .await?;
    let rows = client.query(&statement, &[&after, &(limit as i64)]).await?;
    Ok(ObservationPage::read(rows.iter().map(|row| (row.get(0), row.get(0), row.get(1)))))
}

pub(super) async fn elsewhere(
    client: &Client,
    after: Option<i64>,
    limit: usize,
    observer: i64,
) -> Result<ObservationPage, Failed> {
    let Some(after) = after else {
        let row = client.query_one("SELECT coalesce(max(version), 0) FROM observations", &[]).await?;
        return Ok(ObservationPage { observations: Vec::new(), reached: Some(row.get(0)) });
    };
    let statement = client
        .prepare_cached(
            "SELECT version, item, state FROM observations WHERE version > $1 AND observer <> $2
             ORDER BY version, item LIMIT $3",
        )
        .await?;
    let rows = client.query(&statement, &[&after, &observer, &(limit as i64)]).await?;
    Ok(ObservationPage::read(rows.iter().map(|row| (row.get(0), row.get(1), row.get(2)))))
}

/// Observes stale items, within a transaction that sees one moment.
pub(super) async fn stale(
    transaction: &Transaction<'_>,
    after: i64,
    limit: usize,
    rules: &Rules,
) -> Result<Vec<Stale>, Failed> {
    let statement = transaction
        .prepare_cached(
            "SELECT item, version, attempt, key, state FROM stale LEFT JOIN items ON items.id = item
             WHERE item > $1 ORDER BY item LIMIT $2",
        )
        .await?;
    let rows = transaction.query(&statement, &[&after, &(limit as i64)]).await?;
    let seen: Vec<_> = rows
        .iter()
        .map(|row| {
            let (item, attempt): (i64, i32) = (row.get(0), row.get(2));
            let (key, state): (Option<&str>, Option<&[u8]>) = (row.get(3), row.get(4));
            let read = match key.zip(state) {
                Some((key, state)) => sealing::item(key, state),
                None => Err(StoreError::Corrupt(format!("item {item}: is not there"))),
            };
            ((item, row.get::<_, i64>(1), attempt.unsigned_abs()), read)
        })
        .collect();
    let mut known = Known::default();
    let readable = seen.iter().filter_map(|(_, item)| item.as_ref().ok());
    match lookup::prepare(transaction, &mut known, readable).await {
        // Told of when its item's turn comes.
        Ok(()) | Err(Failed::Final(StoreError::Corrupt(_))) => {}
        Err(failed) => return Err(failed),
    }
    let mut stale = Vec::with_capacity(seen.len());
    for (entry, item) in seen {
        let placed = match item {
            Ok(item) => match lookup::place(transaction, &mut known, &item).await {
                Ok(place) => Ok((item, place)),
                Err(Failed::Final(error)) => Err(error),
                Err(failed) => return Err(failed),
            },
            Err(error) => Err(error),
        };
        stale.push(observations::stale(entry, placed, &rules.tagger)?);
    }
    Ok(stale)
}

/// Whether it is time to look at anything again.
pub(super) async fn any_due(client: &Client, now: Time) -> Result<bool, Failed> {
    let statement =
        client.prepare_cached(&format!("SELECT EXISTS (SELECT 1 FROM revisit WHERE {DUE})")).await?;
    let (earliest, latest) = revisit_window(now);
    Ok(client.query_one(&statement, &[&earliest, &latest]).await?.get(0))
}

/// Takes observations in; says how many of the items are no longer stale.
pub(super) async fn observed(
    transaction: &Transaction<'_>,
    seen: &[Seen],
    now: Time,
    observer: i64,
) -> Result<usize, Failed> {
    take_turn(transaction).await?;
    let items: Vec<i64> = seen.iter().map(|seen| seen.item).collect();
    let versions: Vec<i64> = seen.iter().map(|seen| seen.version).collect();
    // Locked in the order of the items, then deleted: a deletion alone locks in any order.
    let statement = transaction
        .prepare_cached(
            "WITH current AS (
                 SELECT stale.item FROM stale
                 JOIN unnest($1::bigint[], $2::bigint[]) AS seen (item, version)
                      ON seen.item = stale.item AND seen.version = stale.version
                 ORDER BY stale.item FOR UPDATE OF stale)
             DELETE FROM stale USING current WHERE stale.item = current.item RETURNING stale.item",
        )
        .await?;
    let rows = transaction.query(&statement, &[&items, &versions]).await?;
    let settled: std::collections::HashSet<i64> = rows.iter().map(|row| row.get(0)).collect();

    // The others were changed meanwhile: another observation of them is there, or still to come.
    let current: Vec<&Seen> = seen.iter().filter(|seen| settled.contains(&seen.item)).collect();
    let stored = current.iter().filter_map(|seen| Some((seen.item, seen.state.as_deref()?)));
    let (items, states): (Vec<i64>, Vec<&[u8]>) = stored.unzip();
    if !items.is_empty() {
        let statement = transaction
            .prepare_cached(
                "INSERT INTO observations (item, state, version, observer)
                 SELECT item, state, nextval('changes'), $3
                 FROM unnest($1::bigint[], $2::bytea[]) AS new (item, state)
                 ON CONFLICT (item) DO UPDATE SET state = excluded.state, version = excluded.version,
                                                  observer = excluded.observer",
            )
            .await?;
        transaction.execute(&statement, &[&items, &states, &observer]).await?;
    }
    let planned = current.iter().filter_map(|seen| {
        let (due_at, attempt) = seen.revisit(now)?;
        Some((due_at, (seen.item, attempt as i32)))
    });
    let (due, rest): (Vec<i64>, Vec<(i64, i32)>) = planned.unzip();
    let (items, attempts): (Vec<i64>, Vec<i32>) = rest.into_iter().unzip();
    if !items.is_empty() {
        let statement = transaction
            .prepare_cached(
                "INSERT INTO revisit (due_at, item, attempt)
                 SELECT due_at, item, attempt FROM unnest($1::bigint[], $2::bigint[], $3::int[])
                      AS new (due_at, item, attempt)
                 ON CONFLICT (due_at, item) DO UPDATE SET attempt = excluded.attempt",
            )
            .await?;
        transaction.execute(&statement, &[&due, &items, &attempts]).await?;
    }
    Ok(settled.len())
}

/// Has looked at again what it is time for. Not in the transaction that takes observations in: that one
/// has locked stale items in their order, and these would come after them in an order of their own.
pub(super) async fn revisit(transaction: &Transaction<'_>, now: Time) -> Result<usize, Failed> {
    take_turn(transaction).await?;
    let (earliest, latest) = revisit_window(now);
    let statement = transaction
        .prepare_cached(&format!(
            "DELETE FROM revisit WHERE (due_at, item) IN (
                 SELECT due_at, item FROM revisit WHERE {DUE} LIMIT $3)
             RETURNING item, attempt"
        ))
        .await?;
    let rows = transaction.query(&statement, &[&earliest, &latest, &REVISITED]).await?;
    // An item that is to be looked at twice is looked at once, with the chances of the first.
    let mut due: std::collections::BTreeMap<i64, i32> = std::collections::BTreeMap::new();
    for row in &rows {
        let attempt = due.entry(row.get(0)).or_insert(i32::MAX);
        *attempt = (*attempt).min(row.get(1));
    }
    let (items, attempts): (Vec<i64>, Vec<i32>) = due.into_iter().unzip();
    if !items.is_empty() {
        let statement = transaction
            .prepare_cached(
                "INSERT INTO stale (item, version, attempt)
                 SELECT item, next.version, attempt
                 FROM unnest($1::bigint[], $2::int[]) AS new (item, attempt),
                      (SELECT nextval('changes') AS version) AS next
                 ON CONFLICT (item) DO UPDATE SET version = excluded.version,
                                                  attempt = least(stale.attempt, excluded.attempt)",
            )
            .await?;
        transaction.execute(&statement, &[&items, &attempts]).await?;
    }
    Ok(rows.len())
}
