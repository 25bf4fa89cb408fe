//! History from before the first webhook, out of a system's own API. What flows: pages of the API →
//! payloads shaped like the webhooks that would have told the same → [`sources::parse`] → batches for
//! [`Store::commit`]. Everything after the payload is what a received delivery goes through, so keys,
//! references and facts agree with it by construction.
//!
//! A source's part walks its API oldest first and hands over [`Group`]s: all payloads of one work
//! item together, so that no server beside sees it half told. Here is what sources share: the
//! [`Intake`] (parsing, batching, committing, counting), and the [`Progress`] that an interrupted import
//! goes on from.
//!
//! [`sources::parse`]: crate::sources::parse
//! [`Store::commit`]: crate::store::Store::commit

pub mod github;
mod http;
mod intake;
pub mod jenkins;
mod progress;
pub mod wait;

use std::path::PathBuf;

pub use self::intake::{Count, Group, Intake, Payload, Tally};
pub use self::progress::Progress;
use crate::store::StoreError;

/// Why an import ended early. What was committed stays, and the next run goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The store could not take a batch.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store could not fold one delivery in.
    #[error("the store could not take {what}: {reason}")]
    Failed {
        /// The item.
        what: String,
        /// Why.
        reason: String,
    },
    /// Somebody imports the same at this moment.
    #[error("another import of the same is under way and holds {path}: wait until it has ended, or stop it")]
    UnderWay {
        /// What it holds.
        path: PathBuf,
    },
    /// The file that remembers how far it got cannot be used.
    #[error("the progress file {path}: {reason}; give another one with --progress")]
    Progress {
        /// Where it is.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The system's API did not answer as needed; the message says what to do.
    #[error("{0}")]
    Source(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl ImportError {
    /// From what a source's client says.
    pub fn source(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Source(Box::new(error))
    }
}
