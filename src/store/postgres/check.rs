//! Reads the whole store for [`super::super::check`], as it is at one moment, some thousand rows at a time.

use std::collections::BTreeMap;

use deadpool_postgres::Transaction;
use tokio_postgres::Row;

use super::super::check::{Checked, Checker, ItemRow, SpansRow};
use super::failed::Failed;
use crate::show::Show;

/// How many rows are fetched at a time.
const SLICE: i64 = 2_000;

/// Reads everything and tells what is wrong. The transaction sees one moment.
pub(super) async fn check(
    transaction: &Transaction<'_>,
    backends: &[String],
    show: &dyn Show,
) -> Result<Checked, Failed> {
    // Counting what dangles takes as long as it takes.
    transaction.batch_execute("SET LOCAL statement_timeout = 0").await?;
    let mut tallies: BTreeMap<String, i64> = BTreeMap::new();
    for row in transaction.query("SELECT name, sum(n)::bigint FROM tallies GROUP BY name", &[]).await? {
        tallies.insert(row.get(0), row.get(1));
    }
    let mut checker = Checker::new(backends, show);
    checker.counts(tallies);
    checker.begin("items");
    items(transaction, &mut checker).await?;
    checker.begin("observations");
    observations(transaction, &mut checker).await?;
    checker.begin("stale");
    for row in transaction
        .query(
            "SELECT item FROM stale WHERE NOT EXISTS (SELECT 1 FROM items WHERE id = item) ORDER BY item",
            &[],
        )
        .await?
    {
        checker.stale_without_item(row.get(0));
    }
    checker.begin("outbox");
    entries(transaction, "outbox", |row| checker.outbox(row)).await?;
    checker.begin("rejected");
    entries(transaction, "rejected", |row| checker.rejected(row)).await?;
    checker.begin("quarantine");
    let query = "SELECT id, source, headers FROM quarantine WHERE id > $1 ORDER BY id LIMIT $2";
    by_number(transaction, query, |row| checker.quarantined(row.get(0), row.get(1), row.get(2))).await?;
    checker.begin("pins");
    pins(transaction, &mut checker).await?;
    let missing = "NOT EXISTS (SELECT 1 FROM items WHERE items.id =";
    for (table, query) in [
        ("references", format!("SELECT count(*) FROM refs WHERE item <> 0 AND {missing} refs.item)")),
        ("moments", format!("SELECT count(*) FROM moments WHERE {missing} moments.item)")),
        ("revisits", format!("SELECT count(*) FROM revisit WHERE {missing} revisit.item)")),
    ] {
        checker.begin(table);
        checker.dangling(table, transaction.query_one(&query, &[]).await?.get(0));
    }
    Ok(checker.finish())
}

/// Goes through the rows of a query that begins with their numbers.
async fn by_number(
    transaction: &Transaction<'_>,
    query: &str,
    mut look: impl FnMut(&Row),
) -> Result<(), Failed> {
    let statement = transaction.prepare(query).await?;
    let mut after = i64::MIN;
    loop {
        let rows = transaction.query(&statement, &[&after, &SLICE]).await?;
        rows.iter().for_each(&mut look);
        match rows.last() {
            Some(last) => after = last.get(0),
            None => return Ok(()),
        }
    }
}

async fn items(transaction: &Transaction<'_>, checker: &mut Checker<'_>) -> Result<(), Failed> {
    let query = "SELECT id, key, kind, open, sealed::bigint, due_at IS NOT NULL, state FROM items
                 WHERE id > $1 ORDER BY id LIMIT $2";
    by_number(transaction, query, |row| {
        checker.item(&ItemRow {
            id: row.get(0),
            key: row.get(1),
            kind: row.get(2),
            open: row.get(3),
            sealed: row.get(4),
            due: row.get(5),
            state: row.get(6),
        });
    })
    .await
}

async fn observations(transaction: &Transaction<'_>, checker: &mut Checker<'_>) -> Result<(), Failed> {
    let query = "SELECT item, items.key, observations.state FROM observations
                 LEFT JOIN items ON items.id = item WHERE item > $1 ORDER BY item LIMIT $2";
    by_number(transaction, query, |row| checker.observation(row.get(0), row.get(1), row.get(2))).await?;
    let unobserved = transaction
        .query_one(
            "SELECT count(*) FROM items
             WHERE NOT EXISTS (SELECT 1 FROM observations WHERE observations.item = items.id)
               AND NOT EXISTS (SELECT 1 FROM stale WHERE stale.item = items.id)",
            &[],
        )
        .await?;
    checker.unobserved(unobserved.get(0));
    Ok(())
}

async fn entries(
    transaction: &Transaction<'_>,
    table: &str,
    mut look: impl FnMut(&SpansRow<'_>),
) -> Result<(), Failed> {
    let query = format!(
        "SELECT id, backend, source, key, span_count::bigint, spans FROM {table} WHERE id > $1 ORDER BY id LIMIT $2"
    );
    by_number(transaction, &query, |row| {
        look(&SpansRow {
            id: row.get(0),
            backend: row.get(1),
            source: row.get(2),
            key: row.get(3),
            span_count: row.get(4),
            spans: row.get(5),
        });
    })
    .await
}

async fn pins(transaction: &Transaction<'_>, checker: &mut Checker<'_>) -> Result<(), Failed> {
    let statement = transaction
        .prepare("SELECT key, root, parent FROM pins WHERE key > $1 ORDER BY key LIMIT $2")
        .await?;
    let mut after = String::new();
    loop {
        let rows = transaction.query(&statement, &[&after, &SLICE]).await?;
        for row in &rows {
            checker.pin(row.get(0), row.get(1), row.get(2));
        }
        match rows.last() {
            Some(last) => after = last.get(0),
            None => return Ok(()),
        }
    }
}
