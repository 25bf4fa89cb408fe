//! From finished items to spans in the outbox, by one replica at a time: what it settles about a trace
//! the others must know before they settle anything. An item that is being folded into at this moment
//! is left for the next time; nobody waits.

use deadpool_postgres::Transaction;

use super::super::known::Known;
use super::super::sealing::{self, due_window};
use super::super::{Rules, Sealed, StoreError};
use super::failed::Failed;
use super::{lookup, observe, tallies};
use crate::work::item::Item;
use crate::work::key::Key;
use crate::work::link::Pin;
use crate::work::time::Time;

/// An item is due when its time has come, or when the clock was set back.
const DUE: &str = "due_at IS NOT NULL AND (due_at <= $1 OR due_at > $2)";

pub(super) async fn any_due(
    client: &deadpool_postgres::Client,
    now: Time,
    settle: i64,
) -> Result<bool, Failed> {
    let statement =
        client.prepare_cached(&format!("SELECT EXISTS (SELECT 1 FROM items WHERE {DUE})")).await?;
    let (earliest, latest) = due_window(now, settle);
    Ok(client.query_one(&statement, &[&earliest, &latest]).await?.get(0))
}

/// What one transaction of sealing writes.
#[derive(Default)]
struct Out {
    keys: Vec<String>,
    sources: Vec<&'static str>,
    episodes: Vec<i32>,
    counts: Vec<i32>,
    spans: Vec<Vec<u8>>,
    pins: Vec<(Key, Pin)>,
}

pub(super) async fn seal(
    transaction: &Transaction<'_>,
    now: Time,
    limit: usize,
    backends: &[String],
    rules: &Rules,
    shard: i16,
) -> Result<Sealed, Failed> {
    let turn =
        transaction.prepare_cached("SELECT 1 FROM roles WHERE name = 'seal' FOR UPDATE SKIP LOCKED").await?;
    if transaction.query_opt(&turn, &[]).await?.is_none() {
        return Ok(Sealed::default());
    }
    let (earliest, latest) = due_window(now, rules.settle);
    let statement = transaction
        .prepare_cached(&format!(
            "SELECT id, key, sealed, state FROM items WHERE {DUE} ORDER BY due_at LIMIT $3
             FOR UPDATE SKIP LOCKED"
        ))
        .await?;
    let rows = transaction.query(&statement, &[&earliest, &latest, &(limit as i64)]).await?;
    if rows.is_empty() {
        return Ok(Sealed::default());
    }
    let due: Vec<(i64, u32, Result<Item, StoreError>)> = rows
        .iter()
        .map(|row| {
            let sealed: i32 = row.get(2);
            (row.get(0), sealed.unsigned_abs(), sealing::item(row.get(1), row.get(3)))
        })
        .collect();

    let mut known = Known::default();
    let readable = due.iter().filter_map(|(_, _, item)| item.as_ref().ok());
    let prepared = lookup::prepare(transaction, &mut known, readable).await;
    tolerate(prepared)?;
    let mut sealed = Sealed::default();
    let mut out = Out::default();
    let mut finished: Vec<i32> = Vec::with_capacity(due.len());
    for (_, before, item) in &due {
        let sealing = match one(transaction, &mut known, item, *before, rules, now, &mut sealed).await {
            Ok((sealing, pins)) => {
                // What is not exported settles nothing.
                for (key, pin) in pins.into_iter().filter(|_| !sealing.entries.is_empty()) {
                    known.add_pin(key.clone(), Some(pin.clone()));
                    out.pins.push((key, pin));
                }
                sealing
            }
            // An unreadable row must not hold up all others; it is told of once and left alone.
            Err(Failed::Final(StoreError::Corrupt(reason))) => {
                tracing::error!(%reason, "an item cannot be exported because its row cannot be read");
                sealing::Sealing { finished: *before, ..Default::default() }
            }
            Err(failed) => return Err(failed),
        };
        finished.push(sealing.finished as i32);
        if let Ok(item) = item {
            for entry in sealing.entries {
                out.keys.push(item.key.as_str().to_owned());
                out.sources.push(item.key.source().as_str());
                out.episodes.push(entry.episode as i32);
                out.counts.push(entry.span_count as i32);
                out.spans.push(entry.spans);
            }
        }
    }
    let ids: Vec<i64> = due.iter().map(|(id, ..)| *id).collect();
    write(transaction, &ids, &finished, &out, now, backends).await?;
    // Their place in the trace is settled now.
    observe::mark(transaction, ids).await?;
    let mut counts = tallies::counts([("due".to_owned(), -(due.len() as i64))]);
    counts.extend(backends.iter().map(|backend| (format!("outbox:{backend}"), out.keys.len() as i64)));
    tallies::add(transaction, shard, &counts, &Default::default()).await?;
    Ok(sealed)
}

/// What cannot be read is told of when its item's turn comes.
fn tolerate(prepared: Result<(), Failed>) -> Result<(), Failed> {
    match prepared {
        Err(Failed::Final(StoreError::Corrupt(_))) => Ok(()),
        other => other,
    }
}

/// The entries of one item, and what they settle.
async fn one(
    transaction: &Transaction<'_>,
    known: &mut Known,
    item: &Result<Item, StoreError>,
    before: u32,
    rules: &Rules,
    now: Time,
    sealed: &mut Sealed,
) -> Result<(sealing::Sealing, Vec<(Key, Pin)>), Failed> {
    let item = item.as_ref().map_err(Clone::clone)?;
    let place = lookup::place(transaction, known, item).await?;
    Ok((sealing::seal(item, before, &place, rules, now, sealed), place.pins))
}

async fn write(
    transaction: &Transaction<'_>,
    ids: &[i64],
    finished: &[i32],
    out: &Out,
    now: Time,
    backends: &[String],
) -> Result<(), Failed> {
    let statement = transaction
        .prepare_cached(
            "UPDATE items SET sealed = new.sealed, due_at = NULL
             FROM unnest($1::bigint[], $2::int[]) AS new (id, sealed) WHERE items.id = new.id",
        )
        .await?;
    transaction.execute(&statement, &[&ids, &finished]).await?;

    let keys: Vec<&str> = out.pins.iter().map(|(key, _)| key.as_str()).collect();
    let roots: Vec<&str> = out.pins.iter().map(|(_, pin)| pin.root.as_str()).collect();
    let parents: Vec<Option<&str>> =
        out.pins.iter().map(|(_, pin)| pin.parent.as_ref().map(Key::as_str)).collect();
    let statement = transaction
        .prepare_cached(
            "INSERT INTO pins (key, root, parent)
             SELECT key, root, parent FROM unnest($1::text[], $2::text[], $3::text[]) AS new (key, root, parent)
             ON CONFLICT (key) DO NOTHING",
        )
        .await?;
    transaction.execute(&statement, &[&keys, &roots, &parents]).await?;

    let statement = transaction
        .prepare_cached(
            "INSERT INTO outbox (backend, attempts, source, key, episode, span_count, sealed_at, spans)
             SELECT backend, 0, source, key, episode, span_count, $6, spans
             FROM unnest($1::text[], $2::text[], $3::int[], $4::int[], $5::bytea[])
                  AS new (source, key, episode, span_count, spans), unnest($7::text[]) AS backend",
        )
        .await?;
    transaction
        .execute(
            &statement,
            &[&out.sources, &out.keys, &out.episodes, &out.counts, &out.spans, &now.micros(), &backends],
        )
        .await?;
    Ok(())
}
