//! What passes between the store and whoever keeps the observations up to date. The store knows
//! which items changed since they were observed ([`Stale`]); the observer reads them with
//! [`super::Store::stale`] and hands them back to [`super::Store::observed`], which forgets that
//! an item is stale only if nothing changed it in between.

use super::{StoreError, codec};
use crate::insight::observation::{self, Observation};
use crate::work::item::Item;
use crate::work::link::Place;
use crate::work::tags::Tagger;
use crate::work::time::Time;

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// After how many microseconds an item whose parent was not known is observed again, each time.
/// After the last time it is left as it is, until something is said of it.
pub const REVISITS: [i64; 5] = [10 * SECOND, MINUTE, 10 * MINUTE, HOUR, 24 * HOUR];

/// How many items at a time are marked as observed by other rules: deliveries that speak of them wait for no more.
pub(super) const MARKED: i64 = if cfg!(test) { 3 } else { 5_000 };

/// By what the observations in a store are made, as the store keeps it: the rules' fingerprint, and until all items
/// that were observed by other rules are marked, the number of the last one that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Maker {
    /// The rules.
    fingerprint: [u8; 32],
    /// How far the marking has come; `None` once it is done.
    marked: Option<i64>,
}

impl Maker {
    /// After which number to go on marking for these rules, as the store says it; `None` if there is nothing to be
    /// done. Whoever has `begun` and finds other rules leaves it to those: they came later.
    pub fn goes_on(stored: Option<&[u8]>, fingerprint: &[u8; 32], begun: bool) -> Option<i64> {
        match stored.and_then(Self::read).filter(|maker| maker.fingerprint == *fingerprint) {
            Some(ours) => ours.marked,
            None => (!begun).then_some(i64::MIN),
        }
    }

    /// What to store after a slice: so many were marked, and this was the last.
    pub fn after(fingerprint: &[u8; 32], marked: i64, last: Option<i64>) -> Vec<u8> {
        let last = last.filter(|_| marked == MARKED);
        fingerprint.iter().copied().chain(last.into_iter().flat_map(i64::to_be_bytes)).collect()
    }

    fn read(stored: &[u8]) -> Option<Self> {
        let (fingerprint, rest) = stored.split_first_chunk()?;
        let marked = match rest {
            [] => None,
            _ => Some(i64::from_be_bytes(rest.try_into().ok()?)),
        };
        Some(Self { fingerprint: *fingerprint, marked })
    }
}

/// Some of the observations, in the order of their items' numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ObservationPage {
    /// The item's number in the store, and what is kept of it.
    pub observations: Vec<(i64, Observation)>,
    /// How far was read, whether or not each row could be decoded: go on after it.
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

/// An observation on its way into the store.
pub(super) struct Seen {
    /// The item's number in the store.
    pub item: i64,
    /// Which of its changes was the last when it was read.
    pub version: i64,
    /// How often it had been observed again because its parent was not known.
    pub attempt: u32,
    /// The encoded observation, if there is one.
    pub state: Option<Vec<u8>>,
    /// Whether it points at something above it that is not known yet.
    pub unresolved: bool,
}

impl Seen {
    /// Encodes observations, in the order of their items.
    pub fn all(stale: &[Stale]) -> Result<Vec<Self>, StoreError> {
        let mut seen = stale.iter().map(Self::new).collect::<Result<Vec<_>, _>>()?;
        seen.sort_unstable_by_key(|seen| seen.item);
        Ok(seen)
    }

    fn new(stale: &Stale) -> Result<Self, StoreError> {
        let encode = |observation: &Observation| {
            codec::encode_observation(observation).map_err(|reason| {
                StoreError::Unavailable(format!("{} cannot be stored: {reason}", observation.key))
            })
        };
        Ok(Self {
            item: stale.item,
            version: stale.version,
            attempt: stale.attempt,
            state: stale.observation.as_ref().map(encode).transpose()?,
            unresolved: stale.unresolved,
        })
    }

    /// When to look again and which attempt that will be, if it is to be looked at again.
    pub fn revisit(&self, now: Time) -> Option<(i64, u32)> {
        let delay = REVISITS.get(self.attempt as usize).filter(|_| self.unresolved)?;
        Some((now.plus(*delay).micros(), self.attempt + 1))
    }
}

/// A revisit is due until the first of these, or after the second: further ahead than any could
/// lie, so the clock was set back.
pub(super) fn revisit_window(now: Time) -> (i64, i64) {
    let longest = REVISITS.iter().copied().max().unwrap_or_default();
    (now.micros(), now.plus(longest + HOUR).micros())
}

/// What a stale item's observation is, or that there is none because a row that it takes cannot be
/// read.
pub(super) fn stale(
    (item, version, attempt): (i64, i64, u32),
    seen: Result<(Item, Place), StoreError>,
    tagger: &Tagger,
) -> Result<Stale, StoreError> {
    let (observation, unresolved) = match seen {
        Ok((seen, place)) => {
            (Some(observation::observe(&seen, &place, tagger)), observation::unresolved(&seen, &place))
        }
        Err(StoreError::Corrupt(reason)) => {
            tracing::error!(%reason, "an item is not counted because its row cannot be read");
            (None, false)
        }
        Err(error) => return Err(error),
    };
    Ok(Stale { item, version, attempt, observation, unresolved })
}

impl ObservationPage {
    /// A page of stored observations, in their order. One that cannot be read is left out, and said so.
    pub(super) fn read<'a>(rows: impl Iterator<Item = (i64, i64, &'a [u8])>) -> Self {
        let mut page = ObservationPage::default();
        let mut unreadable: Option<(usize, String)> = None;
        for (order, item, bytes) in rows {
            page.reached = Some(order);
            match codec::decode_observation(bytes) {
                Ok(observation) => page.observations.push((item, observation)),
                Err(reason) => unreadable.get_or_insert((0, reason)).0 += 1,
            }
        }
        if let Some((observations, reason)) = unreadable {
            tracing::error!(observations, %reason, "observations cannot be read and are left out");
        }
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marking_goes_on_until_a_slice_is_not_full_unless_others_came_later() {
        let (mine, others) = ([1; 32], [2; 32]);
        let next = |stored: &[u8], begun| Maker::goes_on(Some(stored), &mine, begun);
        assert_eq!(Maker::goes_on(None, &mine, false), Some(i64::MIN), "a new store");
        let half = Maker::after(&mine, MARKED, Some(-7));
        assert_eq!([next(&half, false), next(&half, true)], [Some(-7); 2], "whoever began it");
        for (marked, last) in [(MARKED - 1, Some(9)), (0, None)] {
            let done = Maker::after(&mine, marked, last);
            assert_eq!(done, mine);
            assert_eq!([next(&done, false), next(&done, true)], [None; 2]);
        }
        for stored in [
            others.to_vec(),
            Maker::after(&others, MARKED, Some(5)),
            vec![1, 2],
            [mine.as_slice(), &[0]].concat(),
        ] {
            assert_eq!([next(&stored, false), next(&stored, true)], [Some(i64::MIN), None], "{stored:?}");
        }
    }
}
