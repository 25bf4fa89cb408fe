//! Entries that somebody names by their numbers in a list, or all of them.

use clap::Args;

use super::{CliError, ConfigArgs};
use crate::store::StoreError;

/// Which entries are meant.
#[derive(Debug, Args)]
pub(super) struct Chosen {
    /// Their numbers in the list
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    ids: Vec<i64>,
    /// All of them
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    pub config: ConfigArgs,
}

impl Chosen {
    /// The numbers that were named, each once; none if all are meant.
    pub fn named(&self) -> Vec<i64> {
        let mut ids = self.ids.clone();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// The numbers that are meant. `page` has those that follow a number.
    pub async fn meant(
        &self,
        mut page: impl AsyncFnMut(i64) -> Result<Vec<i64>, StoreError>,
    ) -> Result<Vec<i64>, CliError> {
        if !self.all {
            return Ok(self.named());
        }
        let mut ids: Vec<i64> = Vec::new();
        loop {
            let further = page(ids.last().copied().unwrap_or_default()).await?;
            if further.is_empty() {
                return Ok(ids);
            }
            ids.extend(further);
        }
    }

    /// Complains about named numbers that there are not; of all, one that is gone was dealt with by somebody
    /// else meanwhile.
    pub fn all_there(&self, missing: usize, problem: &str) -> Result<(), CliError> {
        if self.all || missing == 0 {
            return Ok(());
        }
        Err(CliError::Failed(format!("{missing} of these numbers {problem}")))
    }
}
