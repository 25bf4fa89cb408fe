//! Where deliveries become durable. A [`Store`] offers a handful of operations, each one whole
//! transaction: `commit` takes a batch of understood deliveries (dedupe, fold, references, what
//! falls due), `seal` turns finished items into spans in the outbox, `lease` and `settle` hand
//! spans to a backend and take its verdict, `stale` and `observed` keep what insight knows of each
//! item up to date, `expire` and `forget` delete what is past its age, the rest is for commands. Nothing
//! else in the program writes. [`sqlite`] is the embedded
//! backend, [`postgres`] the one that several replicas share; `contract` is the suite that both pass.
//! What they have in common is pure: `batch` folds deliveries into rows, `sealing` makes spans of
//! items, `known` looks up in sets, `retention` says what is past its age; `housekeeping` has it deleted;
//! `check` holds it all against itself.

mod any;
mod batch;
mod check;
mod codec;
mod expiry;
pub mod housekeeping;
mod known;
mod observations;
pub mod postgres;
mod retention;
mod sealing;
pub mod sqlite;

#[cfg(test)]
mod contract;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::insight::environment::Environments;
use crate::show::Show;
use crate::sources::DeliveryId;
use crate::work::event::{Flaw, Said};
use crate::work::item::Item;
use crate::work::key::{Key, Kind, Source};
use crate::work::link::{Pin, Place};
use crate::work::tags::Tagger;
use crate::work::time::Time;

pub use self::any::AnyStore;
pub use self::check::{Checked, Finding, Severity};
pub use self::expiry::{Expired, Forgotten, Mark};
pub use self::observations::{Noted, ObservationPage, REVISITS, Stale};
pub use self::retention::{Retention, expired};

/// Why the store could not do what was asked. Nothing was half done.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// No room, no right to write, or an I/O error: may pass by itself.
    #[error("the store cannot be read or written: {0}")]
    Unavailable(String),
    /// The store's address is not usable.
    #[error("store.url {url:?} cannot be opened: {reason}")]
    Open {
        /// The address as configured.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The store was written by a newer version.
    #[error(
        "the store has schema {found}, this program knows {known}: run the newer version, or restore a backup"
    )]
    Newer {
        /// The schema found.
        found: i64,
        /// The newest schema known.
        known: i64,
    },
    /// What is stored cannot be read.
    #[error("a row of the store cannot be read: {0}")]
    Corrupt(String),
    /// The store has been closed.
    #[error("the store is closed")]
    Closed,
}

/// A verified delivery, understood or not, on its way into the store.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Who sent it.
    pub source: Source,
    /// What makes it the same delivery when it comes again.
    pub id: DeliveryId,
    /// When it came.
    pub received_at: Time,
    /// What it says.
    pub content: Content,
}

/// What a delivery brings.
#[derive(Clone, Debug)]
pub enum Content {
    /// It was understood.
    Said(Said),
    /// It was not; it is kept as it came.
    Quarantined(Quarantined),
}

/// A delivery that could not be understood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    /// Why.
    pub reason: String,
    /// Its headers, without credentials.
    pub headers: Vec<(String, String)>,
    /// Its body as it came.
    pub body: Vec<u8>,
}

/// What became of a delivery. All but `Failed` are durable when they are returned.
#[derive(Clone, Debug, PartialEq)]
pub enum Committed {
    /// It was folded in.
    Recorded(Recorded),
    /// It had been seen before; nothing was changed.
    Duplicate,
    /// It is kept, to be looked at.
    Quarantined,
    /// A row that it needs cannot be read; the rest of its batch is not touched by that.
    Failed(String),
}

/// What a recorded delivery changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recorded {
    /// The items that it spoke of.
    pub keys: Vec<Key>,
    /// What began or ended by it.
    pub turns: Vec<Turn>,
    /// Items whose exported spans it would have changed, had it come in time.
    pub late: Vec<Kind>,
    /// Data-quality flaws that it showed.
    pub flaws: Vec<Flaw>,
}

/// An episode that began or ended, as the metrics count it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Turn {
    /// Who sent it.
    pub source: Source,
    /// The kind of item.
    pub kind: Kind,
    /// `None` if it began; else whether it ended in error, and how long it was, in microseconds,
    /// if its beginning is known.
    pub ended: Option<(bool, Option<i64>)>,
}

/// What turns items into spans: the settings that `commit` and `seal` need.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Tag keys and rules.
    pub tagger: Arc<Tagger>,
    /// Which environments are production.
    pub environments: Arc<Environments>,
    /// How long a closed item waits before it is exported, in microseconds.
    pub settle: i64,
    /// How long what is over is kept.
    pub retention: Retention,
}

/// What one call of `seal` did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sealed {
    /// Items whose finished episodes went to the outbox.
    pub items: usize,
    /// Spans in them.
    pub spans: usize,
    /// Clamped intervals among them.
    pub clamped: usize,
    /// Spans whose beginning was never said.
    pub start_unknown: usize,
    /// Episodes by kind that are not exported, since they ended before what is kept begins.
    pub omitted: BTreeMap<Kind, usize>,
}

/// An entry of the outbox: one episode's spans, for one backend.
#[derive(Clone, Debug, PartialEq)]
pub struct Leased {
    /// The entry.
    pub id: i64,
    /// The resource: who the item is from.
    pub source: Source,
    /// Of which item.
    pub key: Key,
    /// The encoded spans.
    pub spans: Vec<u8>,
    /// How many.
    pub span_count: u32,
}

/// What became of leased entries.
#[derive(Clone, Debug, PartialEq)]
pub enum Settlement {
    /// The backend took them.
    Sent(Vec<i64>),
    /// They are to be tried again.
    Retry(Vec<i64>),
    /// Nothing: they were given back before they were tried.
    Untried(Vec<i64>),
    /// The backend will never take them, for this reason.
    Rejected(Vec<i64>, String),
}

/// An entry of the quarantine, for listing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct QuarantineEntry {
    /// Its number.
    pub id: i64,
    /// Who sent it.
    pub source: Source,
    /// When it came, microseconds since the epoch.
    pub received_at: i64,
    /// The size of its body in bytes.
    pub bytes: i64,
    /// Why it could not be understood.
    pub reason: String,
}

/// A rejected export, for listing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RejectedExport {
    /// Its number.
    pub id: i64,
    /// Which backend would not take it.
    pub backend: String,
    /// Of which item.
    pub key: String,
    /// Which of its episodes.
    pub episode: u32,
    /// How many spans.
    pub spans: u32,
    /// When, microseconds since the epoch.
    pub rejected_at: i64,
    /// What the backend said.
    pub reason: String,
}

/// A backend's part of the outbox.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Backlog {
    /// Entries waiting.
    pub entries: i64,
    /// When the oldest was sealed, microseconds since the epoch.
    pub oldest: Option<i64>,
    /// Entries that it rejected, not yet dealt with.
    pub rejected: i64,
}

/// What `/metrics` and the commands show of the store.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Stats {
    /// Open items by kind.
    pub open: BTreeMap<Kind, i64>,
    /// Items in all.
    pub items: i64,
    /// Closed items that wait for stragglers, or for a backend to be configured.
    pub due: i64,
    /// Deliveries in quarantine.
    pub quarantined: i64,
    /// The outbox by backend.
    pub backlog: BTreeMap<String, Backlog>,
    /// Items whose observation is out of date.
    pub stale: i64,
    /// When each source's last verified delivery came, a duplicate or not, microseconds since the
    /// epoch.
    pub last_delivery: BTreeMap<Source, i64>,
}

/// Durable state. Every operation is one transaction: either all of it is durable when the future
/// is ready with `Ok`, or nothing of it happened. Operations may be called at the same time.
pub trait Store: Send + Sync + 'static {
    /// How many calls of `commit` at the same time do each other good: one where there is one writer,
    /// several where a commit is mostly waiting for a network and a disk.
    fn commits_at_once(&self) -> usize;

    /// Takes a batch of deliveries in one transaction and says what became of each, in order.
    fn commit(
        &self,
        batch: Vec<Delivery>,
        rules: &Rules,
    ) -> impl Future<Output = Result<Vec<Committed>, StoreError>> + Send;

    /// Turns up to `limit` items that are due at `now` into spans for each of `backends`, and
    /// settles their place in their traces.
    fn seal(
        &self,
        now: Time,
        limit: usize,
        backends: &[String],
        rules: &Rules,
    ) -> impl Future<Output = Result<Sealed, StoreError>> + Send;

    /// Up to `limit` entries of a backend's outbox that nobody else holds, those first that were
    /// tried least. They are held until settled, or until the program ends: then, where other replicas
    /// would have them, after a while.
    fn lease(
        &self,
        backend: &str,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Leased>, StoreError>> + Send;

    /// Takes note of what became of leased entries. They stay leased if that fails.
    fn settle(
        &self,
        backend: &str,
        settlements: Vec<Settlement>,
        now: Time,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Whether the store can write now.
    fn probe(&self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Counts for the metrics.
    fn stats(&self) -> impl Future<Output = Result<Stats, StoreError>> + Send;

    /// An item, if it was ever seen, and what its export has settled.
    fn item(&self, key: &Key)
    -> impl Future<Output = Result<(Option<Item>, Option<Pin>), StoreError>> + Send;

    /// Several items at once, in the order of `keys`; `None` where nothing was ever said of one, or
    /// its row cannot be read.
    fn items(&self, keys: &[Key]) -> impl Future<Output = Result<Vec<Option<Item>>, StoreError>> + Send;

    /// The root of the trace that an item is in, or would be in if it were exported now.
    fn root(&self, key: &Key) -> impl Future<Output = Result<Key, StoreError>> + Send;

    /// An item and its place as it would be if it were exported now; `None` if nothing was ever said of
    /// it.
    fn place(&self, key: &Key) -> impl Future<Output = Result<Option<(Item, Place)>, StoreError>> + Send;

    /// The quarantine, oldest first, after entry `after`.
    fn quarantine(
        &self,
        after: i64,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<QuarantineEntry>, StoreError>> + Send;

    /// One entry of the quarantine as it came, with its delivery's identity.
    fn quarantined(
        &self,
        id: i64,
    ) -> impl Future<Output = Result<Option<(Source, Time, Quarantined)>, StoreError>> + Send;

    /// Drops entries of the quarantine; says how many there were.
    fn drop_quarantined(&self, ids: &[i64]) -> impl Future<Output = Result<usize, StoreError>> + Send;

    /// Commits what a quarantined delivery turned out to say, and drops the entry. Where a row that it needs
    /// cannot be read that is [`StoreError::Corrupt`], and the entry stays.
    fn release(
        &self,
        id: i64,
        delivery: Delivery,
        rules: &Rules,
    ) -> impl Future<Output = Result<Committed, StoreError>> + Send;

    /// Rejected exports, oldest first, after entry `after`.
    fn rejected(
        &self,
        after: i64,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<RejectedExport>, StoreError>> + Send;

    /// Puts rejected exports back into the outbox; all of them that there are now if `ids` is empty. Says how many.
    fn retry_rejected(&self, ids: &[i64]) -> impl Future<Output = Result<usize, StoreError>> + Send;

    /// Drops rejected exports for good; says how many there were.
    fn drop_rejected(&self, ids: &[i64]) -> impl Future<Output = Result<usize, StoreError>> + Send;

    /// Up to `limit` stored observations of items with a number above `after`, in their order. One
    /// that cannot be read is left out, and said so in the log.
    fn observations(
        &self,
        after: i64,
        limit: usize,
    ) -> impl Future<Output = Result<ObservationPage, StoreError>> + Send;

    /// Observes up to `limit` items with a number above `after` that have changed since they were
    /// observed, in the order of their numbers, all as they are at one moment. Changes nothing:
    /// they stay stale until they are handed to [`Store::observed`].
    fn stale(
        &self,
        after: i64,
        limit: usize,
        rules: &Rules,
    ) -> impl Future<Output = Result<Vec<Stale>, StoreError>> + Send;

    /// Whether it falls to this process to observe what is stale. One of several replicas does.
    fn observes(&self) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Up to `limit` observations that other processes have stored, after the place `after` in the
    /// order in which they became known; `None` asks only how far that order goes now. Nothing
    /// where there are no others.
    fn observed_elsewhere(
        &self,
        after: Option<i64>,
        limit: usize,
    ) -> impl Future<Output = Result<ObservationPage, StoreError>> + Send;

    /// Remembers observations. An item that changed after it was read stays stale; one whose parent
    /// was not known becomes stale again after the next of [`REVISITS`]. Also makes stale what is
    /// to be looked at again at `now`, even if `stale` is empty.
    fn observed(&self, stale: &[Stale], now: Time) -> impl Future<Output = Result<Noted, StoreError>> + Send;

    /// Says by what observations are made from now on
    /// ([`crate::insight::observation::fingerprint`]). If those that are stored were made by
    /// something else, every item becomes stale: some thousand in one transaction, and if that is interrupted the
    /// rest the next time. Says whether that was so.
    fn observed_with(&self, fingerprint: [u8; 32]) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Whether it falls to this process to delete what is past its age. One of several replicas does.
    fn expires(&self) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Looks at up to `limit` items with a number above `after`, and deletes those that are past their
    /// age at `now` with everything that is kept of them: observation, moments, pin. One that waits to
    /// be exported stays where that is ever going to happen (`exporting`). What is in the outbox,
    /// rejected or in quarantine is not touched.
    fn expire(
        &self,
        after: i64,
        limit: usize,
        now: Time,
        rules: &Rules,
        exporting: bool,
    ) -> impl Future<Output = Result<Expired, StoreError>> + Send;

    /// Looks at up to `limit` identities of deliveries or references after `after`, and deletes those
    /// that nothing needs any more at `now`: identities and references past their age, and references to
    /// items that are deleted.
    fn forget(
        &self,
        after: Option<Mark>,
        limit: usize,
        now: Time,
        rules: &Rules,
    ) -> impl Future<Output = Result<Forgotten, StoreError>> + Send;

    /// Reads everything, as it is at one moment, and says what does not agree with itself. `backends` are
    /// those that the configuration names; `show` is told how far it is.
    fn check(
        &self,
        backends: &[String],
        show: &Arc<dyn Show>,
    ) -> impl Future<Output = Result<Checked, StoreError>> + Send;

    /// Adds to counts what a check found missing. What was counted since then stays counted.
    fn repair_counts(
        &self,
        drift: &BTreeMap<String, i64>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Finishes what was begun and closes the files.
    fn close(&self) -> impl Future<Output = ()> + Send;
}

impl Stats {
    /// Takes in one of the counts that the store keeps, under the name that it has there.
    fn count(&mut self, name: &str, n: i64) {
        match name.split_once(':') {
            None if name == "items" => self.items = n,
            None if name == "due" => self.due = n,
            None if name == "quarantined" => self.quarantined = n,
            Some(("open", kind)) => {
                if let Ok(kind) = kind.parse() {
                    self.open.insert(kind, n);
                }
            }
            Some(("last", source)) => {
                if let Ok(source) = source.parse() {
                    self.last_delivery.insert(source, n);
                }
            }
            Some(("outbox", backend)) => self.backlog.entry(backend.to_owned()).or_default().entries = n,
            Some(("rejected", backend)) => self.backlog.entry(backend.to_owned()).or_default().rejected = n,
            _ => {}
        }
    }
}

impl Settlement {
    /// The entries it is about.
    pub fn ids(&self) -> &[i64] {
        match self {
            Settlement::Sent(ids)
            | Settlement::Retry(ids)
            | Settlement::Untried(ids)
            | Settlement::Rejected(ids, _) => ids,
        }
    }
}
