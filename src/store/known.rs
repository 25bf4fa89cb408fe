//! Looking up in sets. Where an item hangs is found by a pure function that asks for one thing after
//! another; a database that is a network away is better asked for many at once. [`Known`] answers
//! from what was fetched, and where it knows nothing it says "nothing there" and takes note of the
//! question. Whoever found a place with a question left open throws it away, fetches all that was
//! noted, and tries again; after a few rounds, as many as the questions are deep, none is left.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::convert::Infallible;

use crate::work::event::{Pointer, Ref};
use crate::work::item::Item;
use crate::work::key::Key;
use crate::work::line::Line;
use crate::work::link::{self, Lookup, Pin, Place};
use crate::work::time::Time;

/// A question for [`Lookup::moments`]: line, after, until, limit.
pub(super) type Window = (Line, Time, Time, usize);

/// What was asked for and is not known.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// Items.
    pub items: BTreeSet<Key>,
    /// What is settled about items.
    pub pins: BTreeSet<Key>,
    /// What references point at.
    pub refs: BTreeSet<Ref>,
    /// What stood on lines.
    pub moments: BTreeSet<Window>,
}

/// What has been fetched.
#[derive(Debug, Default)]
pub(super) struct Known {
    items: HashMap<Key, Option<Item>>,
    pins: HashMap<Key, Option<Pin>>,
    refs: HashMap<Ref, Vec<Pointer>>,
    moments: BTreeMap<Window, Vec<(Time, Key)>>,
    wanted: Wanted,
    /// Whether something was asked for since the last place was begun.
    missed: bool,
}

impl Known {
    /// An item's place, if all that it takes is known.
    pub fn place(&mut self, item: &Item) -> Option<Place> {
        self.whole(|known| link::place(item, known))
    }

    /// The root of an item's trace, if all that it takes is known.
    pub fn root(&mut self, key: &Key) -> Option<Key> {
        self.whole(|known| link::root_of(key, known))
    }

    fn whole<T>(&mut self, find: impl FnOnce(&mut Self) -> Result<T, Infallible>) -> Option<T> {
        self.missed = false;
        let Ok(found) = find(self);
        (!self.missed).then_some(found)
    }

    /// Takes what is to be fetched.
    pub fn wanted(&mut self) -> Wanted {
        std::mem::take(&mut self.wanted)
    }

    /// Takes an item in, `None` if nothing was ever said of it.
    pub fn add_item(&mut self, key: Key, item: Option<Item>) {
        self.items.insert(key, item);
    }

    /// Takes in what is settled about an item.
    pub fn add_pin(&mut self, key: Key, pin: Option<Pin>) {
        self.pins.insert(key, pin);
    }

    /// Takes in what a reference points at.
    pub fn add_pointers(&mut self, reference: Ref, mut pointers: Vec<Pointer>) {
        pointers.sort_unstable();
        pointers.dedup();
        self.refs.insert(reference, pointers);
    }

    /// Takes in what stood on a line.
    pub fn add_moments(&mut self, window: Window, moments: Vec<(Time, Key)>) {
        self.moments.insert(window, moments);
    }
}

impl Lookup for Known {
    type Error = Infallible;

    fn item(&mut self, key: &Key) -> Result<Option<Item>, Infallible> {
        if let Some(known) = self.items.get(key) {
            return Ok(known.clone());
        }
        self.missed = true;
        self.wanted.items.insert(key.clone());
        Ok(None)
    }

    fn pointers(&mut self, reference: &Ref) -> Result<Vec<Pointer>, Infallible> {
        if let Some(known) = self.refs.get(reference) {
            return Ok(known.clone());
        }
        self.missed = true;
        self.wanted.refs.insert(reference.clone());
        Ok(Vec::new())
    }

    fn pin(&mut self, key: &Key) -> Result<Option<Pin>, Infallible> {
        if let Some(known) = self.pins.get(key) {
            return Ok(known.clone());
        }
        self.missed = true;
        self.wanted.pins.insert(key.clone());
        Ok(None)
    }

    fn moments(
        &mut self,
        line: &Line,
        after: Time,
        until: Time,
        limit: usize,
    ) -> Result<Vec<(Time, Key)>, Infallible> {
        let window = (line.clone(), after, until, limit);
        if let Some(known) = self.moments.get(&window) {
            return Ok(known.clone());
        }
        self.missed = true;
        self.wanted.moments.insert(window);
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::event::{Outcome, Relation, Target};
    use crate::work::testing::{World, acme, cycle, related, run};

    /// Fetches from a world what is wanted; says how much that was.
    fn fetch(known: &mut Known, world: &mut World) -> usize {
        let wanted = known.wanted();
        let count = wanted.items.len() + wanted.pins.len() + wanted.refs.len() + wanted.moments.len();
        for key in wanted.items {
            let Ok(item) = world.item(&key);
            known.add_item(key, item);
        }
        for key in wanted.pins {
            let Ok(pin) = world.pin(&key);
            known.add_pin(key, pin);
        }
        for reference in wanted.refs {
            let Ok(pointers) = world.pointers(&reference);
            known.add_pointers(reference, pointers);
        }
        for window in wanted.moments {
            let Ok(moments) = world.moments(&window.0, window.1, window.2, window.3);
            known.add_moments(window, moments);
        }
        count
    }

    #[test]
    fn the_place_is_the_one_that_looking_up_one_by_one_finds() {
        let mut world = World::default();
        world.see(cycle(acme("issue/1"), 0, &[], &[]));
        let sha = Ref::commit("ec26c3e57ca3a959ca5aad62de7213c562f8c821").unwrap();
        let change = related(
            cycle(acme("pull_request/2"), 0, &[], &[]),
            Relation::Closes,
            vec![Target::Key(acme("issue/1"))],
        );
        world.see(change);
        world.point(sha.clone(), Pointer::Item(acme("pull_request/2")));
        let build = run(acme("build/5.1"), 10, Some((20, Outcome::Success)));
        let build = world.see(related(build, Relation::Commit, vec![Target::Ref(sha)]));

        let Ok(expected) = link::place(&build, &mut world);
        assert_eq!(expected.root, acme("issue/1"));
        let mut known = Known::default();
        let mut rounds = 0;
        let found = loop {
            match known.place(&build) {
                Some(place) => break place,
                None => rounds += 1,
            }
            assert!(fetch(&mut known, &mut world) > 0, "a place without all that it takes asks for more");
            assert!(rounds < 10, "each round knows more");
        };
        assert_eq!(format!("{found:?}"), format!("{expected:?}"));
        assert!(rounds > 1, "the build, its change and the issue are not found at once");
        assert_eq!(fetch(&mut known, &mut world), 0);
    }
}
