//! The domain, as values: what a delivery says ([`event`]), how what was said adds up to a work
//! item ([`lattice`], [`item`]), which items belong together ([`mention`], [`convention`], [`link`]), what people
//! slice by ([`tags`]) and which spans an item becomes ([`ids`], [`span`]).
//!
//! Everything here is pure: no I/O, no clock, no global state. Sources produce [`event::Event`]s,
//! the store joins them into [`item::Item`]s, the sealer asks [`link`] and [`span`] for the spans.

pub mod attr;
pub mod convention;
pub mod event;
pub mod history;
pub mod ids;
pub mod item;
pub mod key;
pub mod lattice;
pub mod line;
pub mod link;
pub mod mention;
pub mod ship;
pub mod span;
pub mod stage;
pub mod tags;
#[cfg(test)]
pub(crate) mod testing;
pub mod time;
