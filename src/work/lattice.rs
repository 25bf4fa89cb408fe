//! The algebra under the fold. Every fact about an item is an element of a join semilattice: a
//! set that only grows, a register that keeps the greatest of what it was told, an instant that
//! moves one way. Joining is commutative, associative and idempotent, so an item is a function of
//! the *set* of events seen: neither order nor repetition can show.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::time::Time;

/// Something that can take in what another knows.
pub trait Join {
    /// Takes in `other`. Commutative, associative, idempotent.
    fn join(&mut self, other: Self);
}

/// How far a sender's statement can be believed; the greater replaces the lesser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
pub enum Trust {
    /// Only the time of receipt is known.
    Receipt,
    /// Near the truth, such as Jenkins' FINALIZED, which is sent after the clean-up.
    Near,
    /// Computed from other statements, such as end minus duration.
    Derived,
    /// Stated outright.
    Stated,
}

impl From<Trust> for u8 {
    fn from(trust: Trust) -> u8 {
        trust as u8
    }
}

impl TryFrom<u8> for Trust {
    type Error = String;
    fn try_from(n: u8) -> Result<Self, String> {
        [Trust::Receipt, Trust::Near, Trust::Derived, Trust::Stated]
            .get(usize::from(n))
            .copied()
            .ok_or_else(|| format!("no such trust: {n}"))
    }
}

/// When something was said, and how far it can be believed. Ordered: trust, then the sender's
/// time, then `step`, which orders statements of one second (GitHub's times have no finer grain:
/// an issue's `closed` says more than the `opened` of the same second).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stamp {
    /// How far it can be believed.
    pub trust: Trust,
    /// The sender's time, where it gave one.
    pub at: Option<Time>,
    /// The order among statements of the same time.
    pub step: u8,
}

impl Stamp {
    /// A statement made outright at `at`.
    pub fn stated(at: Option<Time>, step: u8) -> Self {
        Self { trust: Trust::Stated, at, step }
    }
}

/// A register that keeps the latest of what it was told, by [`Stamp`]; of two statements with the
/// same stamp the greater value stays, so that the choice does not depend on the order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Latest<T> {
    /// When it was said.
    pub stamp: Stamp,
    /// What was said.
    pub value: T,
}

impl<T> Latest<T> {
    /// A statement.
    pub fn new(stamp: Stamp, value: T) -> Self {
        Self { stamp, value }
    }
}

impl<T: Ord> Join for Latest<T> {
    fn join(&mut self, other: Self) {
        if other > *self {
            *self = other;
        }
    }
}

/// An instant that several messages state with different exactness: the most trusted stays, of
/// equals the earliest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instant {
    /// How far it can be believed.
    pub trust: Trust,
    /// The instant.
    pub at: Time,
}

impl Instant {
    /// An instant stated outright.
    pub fn stated(at: Time) -> Self {
        Self { trust: Trust::Stated, at }
    }
}

impl Join for Instant {
    fn join(&mut self, other: Self) {
        if (other.trust, std::cmp::Reverse(other.at)) > (self.trust, std::cmp::Reverse(self.at)) {
            *self = other;
        }
    }
}

impl<T: Join> Join for Option<T> {
    fn join(&mut self, other: Self) {
        match (self.as_mut(), other) {
            (Some(mine), Some(theirs)) => mine.join(theirs),
            (None, theirs @ Some(_)) => *self = theirs,
            (_, None) => {}
        }
    }
}

impl<K: Ord, V: Join> Join for BTreeMap<K, V> {
    fn join(&mut self, other: Self) {
        for (key, theirs) in other {
            match self.get_mut(&key) {
                Some(mine) => mine.join(theirs),
                None => {
                    self.insert(key, theirs);
                }
            }
        }
    }
}

/// How many members a bounded set or map keeps: far above what people do to one item, far below
/// what a runaway bot could make a row grow to.
pub const BOUND: usize = 256;

/// A set that keeps its [`BOUND`] smallest members. "The smallest of the union" is itself a
/// semilattice, so the bound does not make the order of arrival visible. Members order by time
/// first: what is dropped is what came last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bounded<T: Ord>(BTreeSet<T>);

impl<T: Ord> Default for Bounded<T> {
    fn default() -> Self {
        Self(BTreeSet::new())
    }
}

impl<T: Ord> Bounded<T> {
    /// Adds a member.
    pub fn insert(&mut self, member: T) {
        self.0.insert(member);
        while self.0.len() > BOUND {
            self.0.pop_last();
        }
    }

    /// The members in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `member` is in it.
    pub fn contains(&self, member: &T) -> bool {
        self.0.contains(member)
    }
}

impl<T: Ord> FromIterator<T> for Bounded<T> {
    fn from_iter<I: IntoIterator<Item = T>>(members: I) -> Self {
        let mut set = Self::default();
        for member in members {
            set.insert(member);
        }
        set
    }
}

impl<T: Ord> Join for Bounded<T> {
    fn join(&mut self, other: Self) {
        for member in other.0 {
            self.insert(member);
        }
    }
}

/// A map that keeps the entries of its [`BOUND`] smallest keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BoundedMap<K: Ord, V>(BTreeMap<K, V>);

impl<K: Ord, V> Default for BoundedMap<K, V> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord, V: Join> BoundedMap<K, V> {
    /// Joins `value` into the entry of `key`.
    pub fn insert(&mut self, key: K, value: V) {
        match self.0.get_mut(&key) {
            Some(mine) => mine.join(value),
            None => {
                self.0.insert(key, value);
            }
        }
        while self.0.len() > BOUND {
            self.0.pop_last();
        }
    }

    /// The entries in order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter()
    }

    /// The value of `key`.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.0.get(key)
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<K: Ord, V: Join> Join for BoundedMap<K, V> {
    fn join(&mut self, other: Self) {
        for (key, theirs) in other.0 {
            self.insert(key, theirs);
        }
    }
}
