//! What passes between the store and whoever has it delete what is past its age: a walk over all items,
//! identities of deliveries and references, slice by slice, each slice a short transaction of its own.
//! What the backends of the store have in common is decided here.

use std::collections::BTreeMap;

use super::{Rules, expired, sealing};
use crate::work::event::Pointer;
use crate::work::item::Item;
use crate::work::key::Kind;
use crate::work::time::Time;

/// What [`super::Store::expire`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expired {
    /// How far it looked: go on after it. `None` if there was nothing left to look at.
    pub reached: Option<i64>,
    /// How many items it deleted, by kind.
    pub items: BTreeMap<Kind, usize>,
}

/// What [`super::Store::forget`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// How far it looked: go on after it. `None` if there was nothing left to look at.
    pub reached: Option<Mark>,
    /// How many identities of deliveries it deleted.
    pub deliveries: usize,
    /// How many references it deleted.
    pub refs: usize,
    /// How many moments of items that are gone it deleted.
    pub moments: usize,
}

/// A place on the walk over deliveries, references and moments. Where one slice ended is where the next begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark(pub(super) Step);

/// What comes after what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// After the delivery with this identity.
    Delivery(Vec<u8>),
    /// After the last delivery, before the first reference.
    Refs,
    /// After this reference.
    Ref(RefRow),
    /// After the last reference, before the first moment.
    Moments,
    /// After this moment.
    Moment(MomentRow),
}

/// A moment's row: the hashed line, the time in microseconds, the number of the item.
pub(super) type MomentRow = (i64, i64, i64);

/// Before every moment.
pub(super) const FIRST_MOMENT: MomentRow = (i64::MIN, i64::MIN, i64::MIN);

/// A reference's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RefRow {
    /// Its era, where there are any.
    pub era: i64,
    /// The hashed reference.
    pub hash: i64,
    /// The number of the item that it points at; 0 if it points at something else.
    pub item: i64,
    /// What else it points at; empty if it points at an item.
    pub other: String,
}

/// An item's row, as far as it matters here.
pub(super) struct Row {
    /// Its number.
    pub id: i64,
    /// Its item.
    pub item: Item,
    /// Whether it counts as waiting to be exported.
    pub due: bool,
}

impl Row {
    /// The row, if what is in it is to be deleted. One that cannot be read is kept: `check-store` names it.
    pub fn expired(
        (id, key, open, due): (i64, &str, bool, bool),
        state: &[u8],
        (now, rules, exporting): (Time, &Rules, bool),
    ) -> Option<Self> {
        if open || (due && exporting) {
            return None;
        }
        let item = sealing::item(key, state).ok()?;
        expired(&item, &rules.retention, now).then_some(Self { id, item, due })
    }
}

/// By how much the counts change when these are deleted.
pub(super) fn tallies(rows: &[Row]) -> BTreeMap<String, i64> {
    let mut tallies = BTreeMap::new();
    for row in rows {
        *tallies.entry("items".to_owned()).or_default() -= 1;
        *tallies.entry("due".to_owned()).or_default() -= i64::from(row.due);
    }
    tallies
}

/// How many of each kind.
pub(super) fn by_kind(rows: &[Row]) -> BTreeMap<Kind, usize> {
    let mut items = BTreeMap::new();
    for row in rows {
        *items.entry(row.item.key.kind()).or_default() += 1;
    }
    items
}

/// What becomes of a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It stays.
    Stays,
    /// It goes.
    Goes,
    /// It goes unless there is an item with this key, which it has as a text.
    Asks,
}

/// What becomes of a reference to `other`, or to an item of which it is known whether it is there.
/// `old` says whether the reference is older than everything that is kept.
pub(super) fn fate(row: &RefRow, item_is_there: bool, old: bool) -> Fate {
    if row.item != 0 {
        return if item_is_there { Fate::Stays } else { Fate::Goes };
    }
    match Pointer::from_stored(&row.other) {
        // Where a project is stays true.
        Some(Pointer::Project(..)) => Fate::Stays,
        _ if !old => Fate::Stays,
        Some(Pointer::Item(_)) => Fate::Asks,
        Some(Pointer::Ref(_) | Pointer::Moment(_)) | None => Fate::Goes,
    }
}
