//! What passes between the store and whoever keeps the observations up to date. The store knows
//! which items changed since they were observed ([`Stale`]); the observer reads them with
//! [`super::Store::stale`] and hands them back to [`super::Store::observed`], which forgets that
//! an item is stale only if nothing changed it in between.

use crate::insight::observation::Observation;

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// After how many microseconds an item whose parent was not known is observed again, each time.
/// After the last time it is left as it is, until something is said of it.
pub const REVISITS: [i64; 5] = [10 * SECOND, MINUTE, 10 * MINUTE, HOUR, 24 * HOUR];

/// Some of the observations, in the order of their items' numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ObservationPage {
    /// The item's number in the store, and what is kept of it.
    pub observations: Vec<(i64, Observation)>,
    /// The last item that was read, whether or not its row could be decoded: go on after it.
    /// `None` if there was none left.
    pub reached: Option<i64>,
}

/// An item whose stored observation is out of date, and a new one.
#[derive(Clone, Debug, PartialEq)]
pub struct Stale {
    /// The item's number in the store.
    pub item: i64,
    /// Which of its changes was the last when it was read.
    pub version: i64,
    /// How often it has been observed again because its parent was not known.
    pub attempt: u32,
    /// What is seen now; `None` if a row that it takes cannot be read. Then the stored observation
    /// stays as it is.
    pub observation: Option<Observation>,
    /// Whether it points at something above it that is not known yet.
    pub unresolved: bool,
}

/// What [`super::Store::observed`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Noted {
    /// Items that are no longer stale. The others were changed, or observed by somebody else,
    /// after they had been read.
    pub settled: usize,
    /// Items that have become stale because it was time to look at them again.
    pub revisited: usize,
}
