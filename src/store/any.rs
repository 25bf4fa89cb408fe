//! The store that the configuration names, whichever backend that is.

use super::postgres::PostgresStore;
use super::sqlite::SqliteStore;
use super::*;

/// One of the backends.
pub enum AnyStore {
    /// The embedded one.
    Sqlite(SqliteStore),
    /// The one that several replicas share.
    Postgres(PostgresStore),
}

/// Hands an operation to whichever it is.
macro_rules! either {
    ($self:ident.$operation:ident($($argument:ident),*)) => {
        match $self {
            AnyStore::Sqlite(store) => store.$operation($($argument),*).await,
            AnyStore::Postgres(store) => store.$operation($($argument),*).await,
        }
    };
}

impl Store for AnyStore {
    fn commits_at_once(&self) -> usize {
        match self {
            AnyStore::Sqlite(store) => store.commits_at_once(),
            AnyStore::Postgres(store) => store.commits_at_once(),
        }
    }

    async fn commit(&self, batch: Vec<Delivery>, rules: &Rules) -> Result<Vec<Committed>, StoreError> {
        either!(self.commit(batch, rules))
    }

    async fn seal(
        &self,
        now: Time,
        limit: usize,
        backends: &[String],
        rules: &Rules,
    ) -> Result<Sealed, StoreError> {
        either!(self.seal(now, limit, backends, rules))
    }

    async fn lease(&self, backend: &str, limit: usize) -> Result<Vec<Leased>, StoreError> {
        either!(self.lease(backend, limit))
    }

    async fn settle(&self, backend: &str, settlements: Vec<Settlement>, now: Time) -> Result<(), StoreError> {
        either!(self.settle(backend, settlements, now))
    }

    async fn probe(&self) -> Result<(), StoreError> {
        either!(self.probe())
    }

    async fn stats(&self) -> Result<Stats, StoreError> {
        either!(self.stats())
    }

    async fn item(&self, key: &Key) -> Result<(Option<Item>, Option<Pin>), StoreError> {
        either!(self.item(key))
    }

    async fn items(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, StoreError> {
        either!(self.items(keys))
    }

    async fn root(&self, key: &Key) -> Result<Key, StoreError> {
        either!(self.root(key))
    }

    async fn place(&self, key: &Key) -> Result<Option<(Item, Place)>, StoreError> {
        either!(self.place(key))
    }

    async fn quarantine(&self, after: i64, limit: usize) -> Result<Vec<QuarantineEntry>, StoreError> {
        either!(self.quarantine(after, limit))
    }

    async fn quarantined(&self, id: i64) -> Result<Option<(Source, Time, Quarantined)>, StoreError> {
        either!(self.quarantined(id))
    }

    async fn drop_quarantined(&self, ids: &[i64]) -> Result<usize, StoreError> {
        either!(self.drop_quarantined(ids))
    }

    async fn release(&self, id: i64, delivery: Delivery, rules: &Rules) -> Result<Committed, StoreError> {
        either!(self.release(id, delivery, rules))
    }

    async fn rejected(&self, after: i64, limit: usize) -> Result<Vec<RejectedExport>, StoreError> {
        either!(self.rejected(after, limit))
    }

    async fn retry_rejected(&self, ids: &[i64]) -> Result<usize, StoreError> {
        either!(self.retry_rejected(ids))
    }

    async fn drop_rejected(&self, ids: &[i64]) -> Result<usize, StoreError> {
        either!(self.drop_rejected(ids))
    }

    async fn observations(&self, after: i64, limit: usize) -> Result<ObservationPage, StoreError> {
        either!(self.observations(after, limit))
    }

    async fn stale(&self, after: i64, limit: usize, rules: &Rules) -> Result<Vec<Stale>, StoreError> {
        either!(self.stale(after, limit, rules))
    }

    async fn observes(&self) -> Result<bool, StoreError> {
        either!(self.observes())
    }

    async fn observed_elsewhere(
        &self,
        after: Option<i64>,
        limit: usize,
    ) -> Result<ObservationPage, StoreError> {
        either!(self.observed_elsewhere(after, limit))
    }

    async fn observed(&self, stale: &[Stale], now: Time) -> Result<Noted, StoreError> {
        either!(self.observed(stale, now))
    }

    async fn observed_with(&self, fingerprint: [u8; 32]) -> Result<bool, StoreError> {
        either!(self.observed_with(fingerprint))
    }

    async fn expires(&self) -> Result<bool, StoreError> {
        either!(self.expires())
    }

    async fn expire(
        &self,
        after: i64,
        limit: usize,
        now: Time,
        rules: &Rules,
        exporting: bool,
    ) -> Result<Expired, StoreError> {
        either!(self.expire(after, limit, now, rules, exporting))
    }

    async fn forget(
        &self,
        after: Option<Mark>,
        limit: usize,
        now: Time,
        rules: &Rules,
    ) -> Result<Forgotten, StoreError> {
        either!(self.forget(after, limit, now, rules))
    }

    async fn check(&self, backends: &[String], show: &Arc<dyn Show>) -> Result<Checked, StoreError> {
        either!(self.check(backends, show))
    }

    async fn repair_counts(&self, drift: &BTreeMap<String, i64>) -> Result<(), StoreError> {
        either!(self.repair_counts(drift))
    }

    async fn close(&self) {
        either!(self.close())
    }
}
