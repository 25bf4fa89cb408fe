//! One key to slice by, as a column: its values as a dictionary, the sets of values that items have
//! as a second one, and for each row the number of its set. Most sets have one member, and a set
//! is stored once however many rows have it, so several values per item cost nothing more.

use std::collections::HashMap;

use hashbrown::HashTable;

use super::codes::Codes;
use crate::insight::query::NONE;

/// How far a key's values reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Values are passed down to children, and count for whatever stands above in the trace.
    Trace,
    /// They are of the item alone.
    Item,
}

/// The number of the set that has no value.
pub const EMPTY: u32 = 0;

/// A key's column.
#[derive(Debug)]
pub struct Dimension {
    /// The key.
    pub key: String,
    /// How far its values reach.
    pub reach: Reach,
    values: Vec<Box<str>>,
    value_ids: HashMap<Box<str>, u32>,
    sets: Vec<Box<[u32]>>,
    set_ids: HashTable<u32>,
    unions: HashMap<(u32, u32), u32>,
    /// What each row says itself.
    own: Codes,
    /// What each row has, with what comes from its trace. Unused where the reach is the item.
    seen: Codes,
}

fn hash(members: &[u32]) -> u64 {
    // FNV-1a: the members are numbers given out here, not chosen by senders.
    members.iter().fold(0xcbf2_9ce4_8422_2325, |hash, member| {
        (hash ^ u64::from(*member)).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(17)
    })
}

impl Dimension {
    /// A key that no row has yet.
    pub fn new(key: &str, reach: Reach) -> Self {
        Self {
            key: key.to_owned(),
            reach,
            values: Vec::new(),
            value_ids: HashMap::new(),
            sets: vec![Box::default()],
            set_ids: HashTable::new(),
            unions: HashMap::new(),
            own: Codes::default(),
            seen: Codes::default(),
        }
    }

    /// The id of a value, given out if it is new.
    pub fn value_id(&mut self, value: &str) -> u32 {
        if let Some(id) = self.value_ids.get(value) {
            return *id;
        }
        let id = self.values.len() as u32;
        self.values.push(value.into());
        self.value_ids.insert(value.into(), id);
        id
    }

    /// The number of the set with these members, which are sorted and distinct.
    pub fn set_id(&mut self, members: &[u32]) -> u32 {
        if members.is_empty() {
            return EMPTY;
        }
        let wanted = hash(members);
        let sets = &self.sets;
        if let Some(id) = self.set_ids.find(wanted, |id| *sets[*id as usize] == *members) {
            return *id;
        }
        let id = self.sets.len() as u32;
        self.sets.push(members.into());
        let sets = &self.sets;
        self.set_ids.insert_unique(wanted, id, |id| hash(&sets[*id as usize]));
        id
    }

    /// The set of all members of two sets.
    pub fn union(&mut self, a: u32, b: u32) -> u32 {
        if a == b || b == EMPTY {
            return a;
        }
        if a == EMPTY {
            return b;
        }
        let pair = (a.min(b), a.max(b));
        if let Some(known) = self.unions.get(&pair) {
            return *known;
        }
        let mut members = [&*self.sets[a as usize], &*self.sets[b as usize]].concat();
        members.sort_unstable();
        members.dedup();
        let id = self.set_id(&members);
        self.unions.insert(pair, id);
        id
    }

    /// Says what a row itself has.
    pub fn set_own(&mut self, row: u32, set: u32) {
        self.own.set(row, set);
    }

    /// What a row itself has.
    pub fn own(&self, row: u32) -> u32 {
        self.own.get(row)
    }

    /// Says what a row has with what comes from its trace.
    pub fn set_seen(&mut self, row: u32, set: u32) {
        self.seen.set(row, set);
    }

    /// The column that is sliced by.
    pub fn codes(&self) -> &Codes {
        match self.reach {
            Reach::Trace => &self.seen,
            Reach::Item => &self.own,
        }
    }

    /// The sets, by number; their members are ids of values.
    pub fn sets(&self) -> &[Box<[u32]>] {
        &self.sets
    }

    /// The values, by id.
    pub fn values(&self) -> &[Box<str>] {
        &self.values
    }

    /// Which sets have `value`, by number; [`NONE`] is had by the empty one.
    pub fn having(&self, value: &str) -> Vec<bool> {
        if value == NONE {
            return self.sets.iter().map(|set| set.is_empty()).collect();
        }
        let id = self.value_ids.get(value);
        self.sets.iter().map(|set| id.is_some_and(|id| set.binary_search(id).is_ok())).collect()
    }

    /// The names of a set's members.
    pub fn names(&self, set: u32) -> impl Iterator<Item = &str> {
        self.sets[set as usize].iter().map(|id| &*self.values[*id as usize])
    }

    /// About how much memory it takes, in bytes.
    pub fn bytes(&self) -> usize {
        let texts: usize = self.values.iter().map(|value| 2 * value.len() + 60).sum();
        let sets: usize = self.sets.iter().map(|set| 4 * set.len() + 24).sum();
        self.own.bytes() + self.seen.bytes() + texts + sets + self.unions.len() * 16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_stored_once() {
        let mut team = Dimension::new("team", Reach::Trace);
        let [a, b, c] = ["a", "b", "c"].map(|value| team.value_id(value));
        let ab = team.set_id(&[a, b]);
        let bc = team.set_id(&[b, c]);
        assert_eq!(team.set_id(&[a, b]), ab);
        let all = team.union(ab, bc);
        assert_eq!(team.names(all).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!((team.union(bc, ab), team.union(ab, EMPTY), team.union(EMPTY, EMPTY)), (all, ab, EMPTY));
        assert_eq!(team.having("c"), [false, false, true, true]);
        assert_eq!(team.having(NONE), [true, false, false, false]);
        assert_eq!(team.having("nobody"), [false; 4]);
    }
}
