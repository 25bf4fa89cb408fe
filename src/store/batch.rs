//! What a batch of deliveries does to the items that it speaks of: rows as they are stored come in,
//! deliveries are folded into them one after another, and what is to be written comes out, sorted,
//! so that every backend writes it in one order. No I/O: a backend reads the rows, tells which
//! deliveries are new, and writes the outcome, all in one transaction of its own.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use sha2::{Digest, Sha256};

use super::codec;
use super::{Committed, Content, Delivery, Quarantined, Recorded, Rules, StoreError, Turn};
use crate::work::event::{Event, Outcome, Pointer, Ref, Said};
use crate::work::item::{Episode, Item};
use crate::work::key::{Key, Source};
use crate::work::line::{self, Line};
use crate::work::span::{self, Placement};
use crate::work::tags::Tags;
use crate::work::time::Time;

/// How many microseconds a day has: the day of a delivery is stored, not its time.
pub(super) const DAY: i64 = 24 * 3600 * 1_000_000;

/// An item's row.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    /// Its number.
    pub id: i64,
    /// Whether its last episode is open.
    pub open: bool,
    /// How many of its episodes have been exported.
    pub sealed: u32,
    /// When a finished episode is to be exported.
    pub due_at: Option<i64>,
    /// The encoded facts.
    pub state: Vec<u8>,
}

/// An item while a batch is folded into it.
#[derive(Default)]
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

/// A batch on its way into the items.
#[derive(Default)]
pub(super) struct Batch {
    /// The rows that were read, or why one cannot be.
    rows: HashMap<Key, Result<Row, String>>,
    refs: Vec<(Ref, Pointer)>,
    heard: BTreeMap<Source, Time>,
    quarantined: i64,
}

/// What a batch writes.
pub(super) struct Writes {
    /// The items, in the order of their keys.
    pub items: Vec<ItemWrite>,
    /// What references point at, hashed, in the order of the hashes.
    pub refs: Vec<(i64, Pointer)>,
    /// By how much each count changes, in the order of their names.
    pub tallies: BTreeMap<String, i64>,
    /// When each source was heard last.
    pub heard: BTreeMap<Source, Time>,
}

/// An item as it is to be written.
pub(super) struct ItemWrite {
    /// Which item.
    pub key: Key,
    /// Its number; `None` if it is new.
    pub id: Option<i64>,
    /// Whether its last episode is open.
    pub open: bool,
    /// When a finished episode is to be exported.
    pub due_at: Option<i64>,
    /// The encoded facts.
    pub state: Vec<u8>,
    /// Where it stands, if it stands on a line.
    pub moment: Option<(Line, Time)>,
}

/// The form in which a reference is stored: 64 bits of a SHA-256.
pub(super) fn hashed(reference: &Ref) -> i64 {
    let digest = Sha256::digest(reference.as_str());
    let mut short = [0; 8];
    short.copy_from_slice(&digest[..8]);
    i64::from_be_bytes(short)
}

/// The items that a delivery speaks of.
pub(super) fn keys(delivery: &Delivery) -> impl Iterator<Item = &Key> {
    let events = match &delivery.content {
        Content::Said(said) => said.events.as_slice(),
        Content::Quarantined(_) => &[],
    };
    events.iter().map(|event| &event.key)
}

impl Batch {
    /// Whether an item's row was handed in.
    pub fn has(&self, key: &Key) -> bool {
        self.rows.contains_key(key)
    }

    /// Takes an item's row, `None` if it has none. One that cannot be read fails the deliveries that
    /// need it, not the batch.
    pub fn insert(&mut self, key: &Key, stored: Option<Stored>) {
        if let Entry::Vacant(slot) = self.rows.entry(key.clone()) {
            slot.insert(match stored {
                None => Ok(Row::default()),
                Some(stored) => Row::read(key, stored),
            });
        }
    }

    /// Why a delivery cannot be taken, if it cannot. To be asked before it is noted as seen.
    pub fn refusal(&self, delivery: &Delivery) -> Option<String> {
        let failed = |key: &Key| self.rows.get(key).and_then(|row| row.as_ref().err()).cloned();
        keys(delivery).find_map(failed)
    }

    /// Takes note that a source was heard, by a delivery that is new or not.
    pub fn hear(&mut self, delivery: &Delivery) {
        let latest = self.heard.entry(delivery.source).or_insert(delivery.received_at);
        *latest = delivery.received_at.max(*latest);
    }

    /// Folds a delivery in that was not seen before. What is to be kept in quarantine goes to `keep`.
    pub fn take(
        &mut self,
        delivery: Delivery,
        rules: &Rules,
        keep: impl FnOnce(Source, Time, Quarantined) -> Result<(), StoreError>,
    ) -> Result<Committed, StoreError> {
        match delivery.content {
            Content::Quarantined(kept) => {
                keep(delivery.source, delivery.received_at, kept)?;
                self.quarantined += 1;
                Ok(Committed::Quarantined)
            }
            Content::Said(mut said) => {
                self.refs.append(&mut said.refs);
                Ok(Committed::Recorded(self.record(said, delivery.received_at, rules)))
            }
        }
    }

    fn record(&mut self, said: Said, received_at: Time, rules: &Rules) -> Recorded {
        let mut recorded = Recorded { flaws: said.flaws, ..Recorded::default() };
        for event in said.events {
            let key = event.key.clone();
            if let Some(Ok(row)) = self.rows.get_mut(&key) {
                row.fold(event, received_at, rules, &mut recorded);
            }
            if !recorded.keys.contains(&key) {
                recorded.keys.push(key);
            }
        }
        recorded
    }

    /// What is to be written.
    pub fn finish(self) -> Result<Writes, StoreError> {
        let mut tallies: BTreeMap<String, i64> = BTreeMap::new();
        let mut count = |name: String, by: i64| {
            if by != 0 {
                *tallies.entry(name).or_default() += by;
            }
        };
        let mut items = Vec::with_capacity(self.rows.len());
        for (key, row) in self.rows {
            let Ok(row) = row else { continue };
            let Some(item) = row.item.filter(|_| row.changed) else { continue };
            let state = codec::encode(&item.facts)
                .map_err(|reason| StoreError::Unavailable(format!("{key} cannot be stored: {reason}")))?;
            count("items".to_owned(), i64::from(row.id.is_none()));
            count(format!("open:{}", key.kind()), i64::from(row.open) - i64::from(row.stored_open));
            count("due".to_owned(), i64::from(row.due_at.is_some()) - i64::from(row.stored_due));
            let moment = line::moment(&item);
            items.push(ItemWrite { key, id: row.id, open: row.open, due_at: row.due_at, state, moment });
        }
        count("quarantined".to_owned(), self.quarantined);
        items.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        let mut refs: Vec<(i64, Pointer)> =
            self.refs.into_iter().map(|(reference, pointer)| (hashed(&reference), pointer)).collect();
        refs.sort_unstable();
        refs.dedup();
        Ok(Writes { items, refs, tallies, heard: self.heard })
    }
}

impl Row {
    fn read(key: &Key, stored: Stored) -> Result<Row, String> {
        let facts = codec::decode(&stored.state).map_err(|reason| format!("{key}: {reason}"))?;
        Ok(Row {
            id: Some(stored.id),
            item: Some(Item { key: key.clone(), facts }),
            open: stored.open,
            sealed: stored.sealed,
            due_at: stored.due_at,
            stored_open: stored.open,
            stored_due: stored.due_at.is_some(),
            changed: false,
        })
    }

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
            let (end, outcome) = episode.end.unwrap_or((episode.start, Outcome::Unknown));
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
