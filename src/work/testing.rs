//! Short ways to say things about items, for tests.

use std::collections::HashMap;
use std::convert::Infallible;

use super::event::{Cycle, Event, Facts, Outcome, Pointer, Ref, Relation, Run, Target};
use super::item::Item;
use super::key::Key;
use super::lattice::{Instant, Latest, Stamp};
use super::line::{self, Line};
use super::link::{self, Lookup, Pin, Place};
use super::time::Time;

/// `seconds` after 2026-01-01T00:00:00Z.
pub fn at(seconds: i64) -> Time {
    Time::from_micros(1_767_225_600_000_000 + seconds * 1_000_000).unwrap()
}

/// A key from its text.
pub fn key(text: &str) -> Key {
    text.parse().unwrap()
}

/// A key of acme/api on github.com.
pub fn acme(kind_and_id: &str) -> Key {
    key(&format!("github:github.com/acme/api/{kind_and_id}"))
}

/// A stamp at `seconds`.
pub fn stamp(seconds: i64) -> Stamp {
    Stamp::stated(Some(at(seconds)), 0)
}

/// Something opened at a time, and closed at others.
pub fn cycle(key: Key, opened: i64, closed: &[(i64, Outcome)], reopened: &[i64]) -> Event {
    let mut cycle = Cycle { opened: Some(Instant::stated(at(opened))), ..Cycle::default() };
    for (seconds, outcome) in closed {
        cycle.closed.insert(at(*seconds), Latest::new(stamp(*seconds), *outcome));
    }
    cycle.reopened = reopened.iter().map(|seconds| at(*seconds)).collect();
    Event { key, facts: Facts::cycle(cycle) }
}

/// Something that ran from a time to another.
pub fn run(key: Key, started: i64, ended: Option<(i64, Outcome)>) -> Event {
    let run = Run {
        started: Some(Instant::stated(at(started))),
        ended: ended.map(|(seconds, _)| Instant::stated(at(seconds))),
        outcome: ended.map(|(seconds, outcome)| Latest::new(stamp(seconds), outcome)),
        ..Run::default()
    };
    Event { key, facts: Facts::run(run) }
}

/// The event, pointing at others.
pub fn related(mut event: Event, relation: Relation, targets: Vec<Target>) -> Event {
    event.facts.relate(stamp(0), relation, targets);
    event
}

/// The item that only this event speaks of.
pub fn item(event: Event) -> Item {
    Item::new(event)
}

/// Items, references and pins in memory. Who fills it adds what it needs.
#[derive(Default)]
pub struct World {
    /// Items, by key.
    pub items: HashMap<Key, Item>,
    /// What references point at.
    pub refs: HashMap<Ref, Vec<Pointer>>,
    /// What is settled.
    pub pins: HashMap<Key, Pin>,
}

impl World {
    /// Takes in the item that only this event speaks of.
    pub fn see(&mut self, event: Event) -> Item {
        let seen = item(event);
        self.items.insert(seen.key.clone(), seen.clone());
        seen
    }

    /// Settles an item's place.
    pub fn export(&mut self, item: &Item) -> Place {
        let Ok(place) = link::place(item, self);
        self.pins.extend(place.pins.iter().cloned());
        place
    }

    /// Has a reference point at something.
    pub fn point(&mut self, reference: Ref, pointer: Pointer) {
        self.refs.entry(reference).or_default().push(pointer);
    }
}

impl Lookup for World {
    type Error = Infallible;
    fn item(&mut self, key: &Key) -> Result<Option<Item>, Infallible> {
        Ok(self.items.get(key).cloned())
    }
    fn pointers(&mut self, reference: &Ref) -> Result<Vec<Pointer>, Infallible> {
        Ok(self.refs.get(reference).cloned().unwrap_or_default())
    }
    fn pin(&mut self, key: &Key) -> Result<Option<Pin>, Infallible> {
        Ok(self.pins.get(key).cloned())
    }
    fn moments(
        &mut self,
        line: &Line,
        after: Time,
        until: Time,
        limit: usize,
    ) -> Result<Vec<(Time, Key)>, Infallible> {
        let standing = self.items.values().filter_map(|item| Some((line::moment(item)?, item.key.clone())));
        let on_it = standing.filter(|((there, at), _)| there == line && *at > after && *at <= until);
        let mut found: Vec<(Time, Key)> = on_it.map(|((_, at), key)| (at, key)).collect();
        found.sort_unstable();
        Ok(found.split_off(found.len().saturating_sub(limit)))
    }
}
