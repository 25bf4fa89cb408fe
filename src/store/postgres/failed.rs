//! What went wrong in the database, sorted by what is to be done: tried again in a new transaction,
//! or told to whoever asked. A transaction that may have been committed although its answer was
//! lost is tried again too: each one says what is to be true afterwards, and a delivery counts once.

use std::time::Duration;

use deadpool_postgres::PoolError;
use rand::RngExt;
use tokio::time::Instant;
use tokio_postgres::error::SqlState;

use super::super::StoreError;

/// How long a failover may last without anybody being told.
const PATIENCE: Duration = Duration::from_secs(4);
/// The longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_millis(400);
/// How often a transaction is tried that another one got in the way of.
const CONFLICTS: u32 = 50;

/// Why a transaction did not come to its end.
#[derive(Debug)]
pub(super) enum Failed {
    /// Another transaction got in the way.
    Conflict(String),
    /// The database could not be reached, or went away.
    Away(String),
    /// It leads to a server that only reads: there has been a failover.
    ReadOnly(String),
    /// Trying again would not help.
    Final(StoreError),
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Failed::Final(error)
    }
}

impl From<tokio_postgres::Error> for Failed {
    fn from(error: tokio_postgres::Error) -> Self {
        let said = told(&error);
        let Some(state) = error.code() else { return Failed::Away(said) };
        match *state {
            SqlState::T_R_SERIALIZATION_FAILURE
            | SqlState::T_R_DEADLOCK_DETECTED
            | SqlState::LOCK_NOT_AVAILABLE => Failed::Conflict(said),
            SqlState::READ_ONLY_SQL_TRANSACTION => Failed::ReadOnly(said),
            SqlState::ADMIN_SHUTDOWN
            | SqlState::CRASH_SHUTDOWN
            | SqlState::CANNOT_CONNECT_NOW
            | SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT
            | SqlState::QUERY_CANCELED => Failed::Away(said),
            // Until somebody makes room: senders are told at once.
            SqlState::DISK_FULL => Failed::Final(StoreError::Unavailable(said)),
            // Connections, and too many of them; resources that come back by themselves.
            _ if state.code().starts_with("08") || state.code().starts_with("53") => Failed::Away(said),
            _ => Failed::Final(StoreError::Unavailable(said)),
        }
    }
}

impl From<PoolError> for Failed {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => match Failed::from(error) {
                // Whatever a server says to somebody who connects is about connecting.
                Failed::Conflict(said) | Failed::ReadOnly(said) => Failed::Away(said),
                other => other,
            },
            PoolError::Closed => Failed::Final(StoreError::Closed),
            PoolError::Timeout(_) => Failed::Away("no connection to the database in time".to_owned()),
            other => Failed::Away(other.to_string()),
        }
    }
}

/// Whether connecting will fail again until somebody changes something: wrong credentials, no such
/// database, a certificate that is not believed.
pub(super) fn is_hopeless(error: &tokio_postgres::Error) -> bool {
    if let Some(state) = error.code() {
        return state.code().starts_with("28") || state.code().starts_with("3D");
    }
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let inner = error.downcast_ref::<std::io::Error>().and_then(|error| error.get_ref());
        let tls = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>());
        if tls.or(error.downcast_ref::<rustls::Error>()).is_some() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// What the database or the way to it says. Not its details, which can repeat what was stored.
pub(super) fn told(error: &tokio_postgres::Error) -> String {
    if let Some(said) = error.as_db_error() {
        return format!("the database says: {} ({})", said.message(), said.code().code());
    }
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// How long one operation goes on trying.
pub(super) struct Patience {
    begun: Instant,
    tries: u32,
    /// Nothing to wait for: the database is known to be away.
    none: bool,
}

impl Patience {
    /// For an operation that begins now.
    pub fn new(known_away: bool) -> Self {
        Self { begun: Instant::now(), tries: 0, none: known_away }
    }

    /// Waits before another try, or says that there is to be none.
    pub async fn again(&mut self, failed: Failed) -> Result<(), StoreError> {
        self.tries += 1;
        let (more, said) = match failed {
            Failed::Final(error) => return Err(error),
            Failed::Conflict(said) => (self.tries < CONFLICTS, said),
            Failed::Away(said) | Failed::ReadOnly(said) => {
                (!self.none && self.begun.elapsed() < PATIENCE, said)
            }
        };
        if !more {
            return Err(StoreError::Unavailable(said));
        }
        let full = Duration::from_millis(4).saturating_mul(1 << self.tries.min(10)).min(LONGEST_WAIT);
        // Two that were in each other's way must not meet again.
        let wait = rand::rng().random_range(full / 4..=full);
        tokio::time::sleep(wait).await;
        Ok(())
    }
}
