//! Fetching what is asked for, in sets, within whatever transaction the client is in.

use std::collections::HashMap;

use deadpool_postgres::{GenericClient, Transaction};

use super::super::batch::hashed;
use super::super::known::{Known, Wanted, Window};
use super::super::{StoreError, sealing};
use super::failed::Failed;
use crate::work::event::{Pointer, Ref};
use crate::work::item::Item;
use crate::work::key::{Key, KeyError};
use crate::work::link::{Pin, Place};
use crate::work::time::Time;

fn corrupt(key: &str, reason: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt(format!("{key}: {reason}"))
}

fn parsed(key: &str) -> Result<Key, StoreError> {
    key.parse().map_err(|e: KeyError| corrupt(key, e))
}

/// Items that can be read, or why one cannot; without those that were never spoken of.
pub(super) async fn items(
    client: &impl GenericClient,
    keys: &[&str],
) -> Result<HashMap<String, Result<Item, StoreError>>, Failed> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let statement = client.prepare_cached("SELECT key, state FROM items WHERE key = ANY($1)").await?;
    let rows = client.query(&statement, &[&keys]).await?;
    let read = |row: &tokio_postgres::Row| {
        let (key, state): (&str, &[u8]) = (row.get(0), row.get(1));
        (key.to_owned(), sealing::item(key, state))
    };
    Ok(rows.iter().map(read).collect())
}

/// What is settled about items; without those about which nothing is.
pub(super) async fn pins(client: &impl GenericClient, keys: &[&str]) -> Result<HashMap<String, Pin>, Failed> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let statement = client.prepare_cached("SELECT key, root, parent FROM pins WHERE key = ANY($1)").await?;
    let rows = client.query(&statement, &[&keys]).await?;
    let mut pins = HashMap::with_capacity(rows.len());
    for row in &rows {
        let parent: Option<&str> = row.get(2);
        let pin = Pin { root: parsed(row.get(1))?, parent: parent.map(parsed).transpose()? };
        pins.insert(row.get(0), pin);
    }
    Ok(pins)
}

async fn pointers(client: &impl GenericClient, refs: &[&Ref]) -> Result<HashMap<i64, Vec<Pointer>>, Failed> {
    if refs.is_empty() {
        return Ok(HashMap::new());
    }
    let hashes: Vec<i64> = refs.iter().map(|reference| hashed(reference)).collect();
    // A commit that a hundred pull requests share tells nothing more by the hundredth.
    let statement = client
        .prepare_cached(
            "SELECT wanted.ref, coalesce(items.key, found.other)
             FROM unnest($1::bigint[]) AS wanted (ref)
             CROSS JOIN LATERAL (SELECT item, other FROM refs WHERE refs.ref = wanted.ref LIMIT 64) AS found
             LEFT JOIN items ON found.item > 0 AND items.id = found.item",
        )
        .await?;
    let mut found: HashMap<i64, Vec<Pointer>> = HashMap::new();
    for row in client.query(&statement, &[&hashes]).await? {
        found.entry(row.get(0)).or_default().extend(Pointer::from_stored(row.get(1)));
    }
    Ok(found)
}

async fn moments(client: &impl GenericClient, windows: &[&Window]) -> Result<Vec<Vec<(Time, Key)>>, Failed> {
    let mut found: Vec<Vec<(Time, Key)>> = vec![Vec::new(); windows.len()];
    if windows.is_empty() {
        return Ok(found);
    }
    let numbers: Vec<i32> = (0..windows.len() as i32).collect();
    let lines: Vec<i64> = windows.iter().map(|(line, ..)| line.hashed()).collect();
    let after: Vec<i64> = windows.iter().map(|(_, after, ..)| after.micros()).collect();
    let until: Vec<i64> = windows.iter().map(|(_, _, until, _)| until.micros()).collect();
    let limits: Vec<i64> = windows.iter().map(|(.., limit)| *limit as i64).collect();
    let statement = client
        .prepare_cached(
            "SELECT wanted.number, found.at, items.key
             FROM unnest($1::int[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
                  AS wanted (number, line, after, until, most)
             CROSS JOIN LATERAL (
                 SELECT at, item FROM moments
                 WHERE moments.line = wanted.line AND at > wanted.after AND at <= wanted.until
                 ORDER BY at DESC LIMIT wanted.most) AS found
             JOIN items ON items.id = found.item",
        )
        .await?;
    for row in client.query(&statement, &[&numbers, &lines, &after, &until, &limits]).await? {
        let number: i32 = row.get(0);
        let (Some(at), key) = (Time::from_micros(row.get(1)), parsed(row.get(2))?) else { continue };
        if let Some(moments) = found.get_mut(number as usize) {
            moments.push((at, key));
        }
    }
    Ok(found)
}

/// Fetches what is wanted, all at once.
pub(super) async fn fetch(client: &impl GenericClient, known: &mut Known) -> Result<(), Failed> {
    let Wanted { items: keys, pins: pinned, refs, moments: windows } = known.wanted();
    let item_texts: Vec<&str> = keys.iter().map(Key::as_str).collect();
    let pin_texts: Vec<&str> = pinned.iter().map(Key::as_str).collect();
    let ref_list: Vec<&Ref> = refs.iter().collect();
    let window_list: Vec<&Window> = windows.iter().collect();
    let (mut found_items, mut found_pins, mut found_pointers, found_moments) = tokio::try_join!(
        items(client, &item_texts),
        pins(client, &pin_texts),
        pointers(client, &ref_list),
        moments(client, &window_list),
    )?;
    for key in &keys {
        let item = found_items.remove(key.as_str()).transpose()?;
        known.add_item(key.clone(), item);
    }
    for key in &pinned {
        known.add_pin(key.clone(), found_pins.remove(key.as_str()));
    }
    for reference in &refs {
        let pointers = found_pointers.get(&hashed(reference)).cloned().unwrap_or_default();
        known.add_pointers(reference.clone(), pointers);
    }
    found_pointers.clear();
    for (window, moments) in windows.into_iter().zip(found_moments) {
        known.add_moments(window, moments);
    }
    Ok(())
}

/// An item's place.
pub(super) async fn place(
    client: &impl GenericClient,
    known: &mut Known,
    item: &Item,
) -> Result<Place, Failed> {
    loop {
        match known.place(item) {
            Some(place) => return Ok(place),
            None => fetch(client, known).await?,
        }
    }
}

/// Fetches what the places of all these items take, so that finding each then asks for little.
pub(super) async fn prepare<'i>(
    client: &impl GenericClient,
    known: &mut Known,
    items: impl Iterator<Item = &'i Item> + Clone,
) -> Result<(), Failed> {
    let mut open: Vec<&Item> = items.collect();
    loop {
        open.retain(|item| known.place(item).is_none());
        if open.is_empty() {
            return Ok(());
        }
        fetch(client, known).await?;
    }
}

/// The root of an item's trace.
pub(super) async fn root(transaction: &Transaction<'_>, key: &Key) -> Result<Key, Failed> {
    let mut known = Known::default();
    loop {
        match known.root(key) {
            Some(root) => return Ok(root),
            None => fetch(transaction, &mut known).await?,
        }
    }
}
