//! Folding a batch of deliveries in. Each item is read once and written once per batch, however
//! many of the batch's deliveries speak of it.

use std::collections::hash_map::Entry as Slot;
use std::collections::{BTreeMap, HashMap};

use rusqlite::{OptionalExtension, Transaction};

use super::super::codec;
use super::super::{Committed, Content, Delivery, Recorded, Rules, StoreError, Turn};
use super::{lookup, observe, tally};
use crate::work::event::{Event, Pointer, Ref, Said};
use crate::work::item::{Episode, Item};
use crate::work::key::{Key, Kind, Source};
use crate::work::line;
use crate::work::span::{self, Placement};
use crate::work::tags::Tags;
use crate::work::time::Time;

const DAY: i64 = 24 * 3600 * 1_000_000;

/// An item while a batch is folded into it.
struct Row {
    /// `None` until it is first written.
    id: Option<i64>,
    item: Option<Item>,
    open: bool,
    sealed: u32,
    due_at: Option<i64>,
    /// What the table has, to count what changes.
    stored_open: bool,
    stored_due: bool,
    changed: bool,
}

pub(super) fn commit(
    transaction: &Transaction<'_>,
    batch: Vec<Delivery>,
    rules: &Rules,
) -> Result<Vec<Committed>, StoreError> {
    let mut rows: HashMap<Key, Row> = HashMap::new();
    let mut refs: Vec<(Ref, Pointer)> = Vec::new();
    let mut last: BTreeMap<Source, Time> = BTreeMap::new();
    let mut quarantined = 0;
    let mut outcomes = Vec::with_capacity(batch.len());
    for delivery in batch {
        let latest = last.entry(delivery.source).or_insert(delivery.received_at);
        *latest = delivery.received_at.max(*latest);
        let outcome = match take(transaction, delivery, rules, &mut rows, &mut refs) {
            // One unreadable row fails the deliveries that need it, not the batch.
            Err(StoreError::Corrupt(reason)) => Committed::Failed(reason),
            other => other?,
        };
        quarantined += i64::from(outcome == Committed::Quarantined);
        outcomes.push(outcome);
    }
    let ids = write(transaction, rows)?;
    point(transaction, refs, &ids)?;
    observe::mark(transaction, ids.into_values().collect())?;
    heard(transaction, &last)?;
    tally(transaction, "quarantined", quarantined)?;
    Ok(outcomes)
}

/// Notes when each source was heard last.
fn heard(transaction: &Transaction<'_>, last: &BTreeMap<Source, Time>) -> Result<(), StoreError> {
    for (source, at) in last {
        transaction
            .prepare_cached(
                "INSERT INTO tallies (name, n) VALUES (?1, ?2)
                 ON CONFLICT (name) DO UPDATE SET n = excluded.n WHERE excluded.n > n",
            )?
            .execute((format!("last:{source}"), at.micros()))?;
    }
    Ok(())
}

fn take(
    transaction: &Transaction<'_>,
    delivery: Delivery,
    rules: &Rules,
    rows: &mut HashMap<Key, Row>,
    refs: &mut Vec<(Ref, Pointer)>,
) -> Result<Committed, StoreError> {
    // Everything that can fail for this delivery alone comes before its first write.
    if let Content::Said(said) = &delivery.content {
        for event in &said.events {
            load(transaction, &event.key, rows)?;
        }
    }
    let is_new = transaction
        .prepare_cached("INSERT OR IGNORE INTO deliveries (id, day) VALUES (?1, ?2)")?
        .execute((delivery.id.0, delivery.received_at.micros() / DAY))?;
    if is_new == 0 {
        return Ok(Committed::Duplicate);
    }
    match delivery.content {
        Content::Quarantined(kept) => {
            let headers = serde_json::to_string(&kept.headers)
                .map_err(|e| StoreError::Unavailable(format!("headers: {e}")))?;
            transaction
                .prepare_cached(
                    "INSERT INTO quarantine (source, received_at, reason, headers, body)
                     VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute((
                    delivery.source.as_str(),
                    delivery.received_at.micros(),
                    kept.reason,
                    headers,
                    kept.body,
                ))?;
            Ok(Committed::Quarantined)
        }
        Content::Said(mut said) => {
            refs.append(&mut said.refs);
            Ok(Committed::Recorded(record(said, delivery.received_at, rules, rows)))
        }
    }
}

/// Folds what a delivery says into the items that it speaks of.
fn record(said: Said, received_at: Time, rules: &Rules, rows: &mut HashMap<Key, Row>) -> Recorded {
    let mut recorded = Recorded { flaws: said.flaws, ..Recorded::default() };
    for event in said.events {
        let key = event.key.clone();
        if let Some(row) = rows.get_mut(&key) {
            row.fold(event, received_at, rules, &mut recorded);
        }
        if !recorded.keys.contains(&key) {
            recorded.keys.push(key);
        }
    }
    recorded
}

fn load(transaction: &Transaction<'_>, key: &Key, rows: &mut HashMap<Key, Row>) -> Result<(), StoreError> {
    let Slot::Vacant(slot) = rows.entry(key.clone()) else { return Ok(()) };
    let stored = transaction
        .prepare_cached("SELECT id, open, sealed, due_at, state FROM items WHERE key = ?1")?
        .query_row([key.as_str()], |row| {
            let state: Vec<u8> = row.get(4)?;
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get::<_, Option<i64>>(3)?, state))
        })
        .optional()?;
    let row = match stored {
        None => Row {
            id: None,
            item: None,
            open: false,
            sealed: 0,
            due_at: None,
            stored_open: false,
            stored_due: false,
            changed: false,
        },
        Some((id, open, sealed, due_at, state)) => {
            let facts =
                codec::decode(&state).map_err(|reason| StoreError::Corrupt(format!("{key}: {reason}")))?;
            Row {
                id: Some(id),
                item: Some(Item { key: key.clone(), facts }),
                open,
                sealed,
                due_at,
                stored_open: open,
                stored_due: due_at.is_some(),
                changed: false,
            }
        }
    };
    slot.insert(row);
    Ok(())
}

impl Row {
    fn fold(&mut self, event: Event, received_at: Time, rules: &Rules, recorded: &mut Recorded) {
        let kind = event.key.kind();
        let source = event.key.source();
        // Only an item with exported spans can be changed too late.
        let exported = (self.sealed > 0).then(|| self.item.clone()).flatten();
        let before = self.item.as_ref().map(Item::episodes).unwrap_or_default();
        let item = match &mut self.item {
            Some(item) => {
                item.fold(event.facts);
                item
            }
            none => none.insert(Item::new(event)),
        };
        let after = item.episodes();
        if let Some(exported) = exported
            && spans(&exported, self.sealed) != spans(item, self.sealed)
        {
            recorded.late.push(kind);
        }
        let begun = after.len().saturating_sub(before.len());
        recorded.turns.extend((0..begun).map(|_| Turn { source, kind, ended: None }));
        let ended = |episodes: &[Episode]| episodes.iter().filter(|e| e.end.is_some()).count();
        recorded.turns.extend(after.iter().filter(|e| e.end.is_some()).skip(ended(&before)).map(|episode| {
            let (end, outcome) = episode.end.unwrap_or((episode.start, crate::work::event::Outcome::Unknown));
            let length = episode.start_known.then(|| end.since(episode.start));
            Turn { source, kind, ended: Some((outcome.is_error(), length)) }
        }));
        self.open = after.last().is_some_and(|episode| episode.end.is_none());
        self.due_at = if ended(&after) > self.sealed as usize {
            self.due_at.or(Some(received_at.plus(rules.settle).micros()))
        } else {
            None
        };
        self.changed = true;
    }
}

/// What the exported episodes of an item look like, apart from its place and its tags.
fn spans(item: &Item, sealed: u32) -> Vec<span::Span> {
    let alone = Placement::alone(&item.key);
    item.episodes()
        .iter()
        .take(sealed as usize)
        .flat_map(|episode| span::project(item, episode, &alone, &Tags::new()))
        .collect()
}

/// Writes the items that changed; says which id each item of the batch has.
fn write(transaction: &Transaction<'_>, rows: HashMap<Key, Row>) -> Result<HashMap<Key, i64>, StoreError> {
    let mut ids = HashMap::with_capacity(rows.len());
    let mut open: HashMap<Kind, i64> = HashMap::new();
    let (mut items, mut due) = (0, 0);
    let mut changed: Vec<(Key, Row)> = rows.into_iter().filter(|(_, row)| row.changed).collect();
    // In the order of their keys, so that neighbours in the index are written together.
    changed.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    for (key, row) in changed {
        let Some(item) = &row.item else { continue };
        let state = codec::encode(&item.facts)
            .map_err(|reason| StoreError::Unavailable(format!("{key} cannot be stored: {reason}")))?;
        let id = match row.id {
            None => {
                items += 1;
                transaction
                    .prepare_cached(
                        "INSERT INTO items (key, kind, open, sealed, due_at, state)
                         VALUES (?1, ?2, ?3, 0, ?4, ?5)",
                    )?
                    .execute((key.as_str(), key.kind().as_str(), row.open, row.due_at, state))?;
                transaction.last_insert_rowid()
            }
            Some(id) => {
                transaction
                    .prepare_cached("UPDATE items SET open = ?2, due_at = ?3, state = ?4 WHERE id = ?1")?
                    .execute((id, row.open, row.due_at, state))?;
                id
            }
        };
        if let Some((line, at)) = line::moment(item) {
            transaction
                .prepare_cached("INSERT OR IGNORE INTO moments (line, at, item) VALUES (?1, ?2, ?3)")?
                .execute((line.hashed(), at.micros(), id))?;
        }
        *open.entry(key.kind()).or_default() += i64::from(row.open) - i64::from(row.stored_open);
        due += i64::from(row.due_at.is_some()) - i64::from(row.stored_due);
        ids.insert(key, id);
    }
    for (kind, by) in open {
        tally(transaction, &format!("open:{kind}"), by)?;
    }
    tally(transaction, "items", items)?;
    tally(transaction, "due", due)?;
    Ok(ids)
}

/// Writes what references point at. In the order in which they are stored, so that each page is
/// visited once.
fn point(
    transaction: &Transaction<'_>,
    refs: Vec<(Ref, Pointer)>,
    ids: &HashMap<Key, i64>,
) -> Result<(), StoreError> {
    let mut refs: Vec<(i64, Pointer)> =
        refs.into_iter().map(|(reference, pointer)| (lookup::hashed(&reference), pointer)).collect();
    refs.sort_unstable();
    refs.dedup();
    let era = lookup::era(transaction)?;
    let mut statement =
        transaction.prepare_cached("INSERT OR IGNORE INTO refs (era, ref, pointer) VALUES (?1, ?2, ?3)")?;
    let mut written = 0;
    for (reference, pointer) in refs {
        written += match &pointer {
            Pointer::Item(key) if ids.contains_key(key) => {
                statement.execute((era, reference, ids[key]))? as i64
            }
            other => statement.execute((era, reference, other.to_stored()))? as i64,
        };
    }
    tally(transaction, "refs", written)
}
