//! From a finished item to the bytes that every backend gets. What is decided here (the place in
//! the trace, the content of the spans) stands. No I/O: a backend of the store reads the item and
//! finds its place, and writes what comes out.

use super::{Rules, Sealed, StoreError, codec};
use crate::export::encode;
use crate::insight::query::Tier;
use crate::work::attr::{Attr, Value};
use crate::work::item::Item;
use crate::work::key::{Key, KeyError, Kind};
use crate::work::line;
use crate::work::link::Place;
use crate::work::span;
use crate::work::time::Time;

const MINUTE: i64 = 60 * 1_000_000;

/// What is due at `now` has its time until the first of these, or after the second: further ahead
/// than any settling could have put it, so the clock was set back.
pub(super) fn due_window(now: Time, settle: i64) -> (i64, i64) {
    (now.micros(), now.plus(settle).plus(MINUTE).micros())
}

/// An item from its row.
pub(super) fn item(key: &str, state: &[u8]) -> Result<Item, StoreError> {
    let corrupt = |reason: String| StoreError::Corrupt(format!("{key}: {reason}"));
    let parsed: Key = key.parse().map_err(|e: KeyError| corrupt(e.to_string()))?;
    Ok(Item { key: parsed, facts: codec::decode(state).map_err(corrupt)? })
}

/// The spans of one finished episode.
pub(super) struct Entry {
    /// Which of the item's episodes.
    pub episode: u32,
    /// How many spans.
    pub span_count: i64,
    /// The encoded spans.
    pub spans: Vec<u8>,
}

/// What sealing makes of an item.
#[derive(Default)]
pub(super) struct Sealing {
    /// What is to be put out.
    pub entries: Vec<Entry>,
    /// How many of its episodes are done with now.
    pub finished: u32,
}

/// The finished episodes of an item of which `before` were exported already; counts them. One that ended
/// before what is kept begins was exported long ago, if the item was ever here: it is done with, but not
/// put out.
pub(super) fn seal(
    item: &Item,
    before: u32,
    place: &Place,
    rules: &Rules,
    now: Time,
    sealed: &mut Sealed,
) -> Sealing {
    let tagger = &rules.tagger;
    let tags = tagger.tags(item, &place.inherited(tagger));
    let finished = item.episodes().into_iter().filter(|episode| episode.end.is_some());
    let mut sealing = Sealing { entries: Vec::new(), finished: before };
    let kind = item.key.kind();
    for episode in finished.skip(before as usize) {
        sealing.finished += 1;
        if episode.end.is_some_and(|(end, _)| rules.retention.is_past(kind, end, now)) {
            *sealed.omitted.entry(kind).or_default() += 1;
            continue;
        }
        let mut spans = span::project(item, &episode, &place.at(episode.start), &tags);
        if is_production(item, rules) {
            spans.extend(span::arrivals(item, &episode, place, &tags));
        }
        sealed.spans += spans.len();
        sealed.clamped += usize::from(episode.clamped);
        sealed.start_unknown += usize::from(!episode.start_known);
        sealing.entries.push(Entry {
            episode: episode.index,
            span_count: spans.len() as i64,
            spans: encode::encode(&spans),
        });
    }
    sealed.items += 1;
    sealing
}

fn is_production(item: &Item, rules: &Rules) -> bool {
    if item.key.kind() != Kind::Deploy {
        return false;
    }
    let environment = line::text(item, Attr::Environment).unwrap_or_default();
    let flag = item.facts.attrs.get(&Attr::ProductionEnvironment).map(|latest| &latest.value);
    rules.environments.tier(environment, flag == Some(&Value::Bool(true))) == Tier::Production
}
