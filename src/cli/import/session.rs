//! What an import is, whatever the system: the token from its place, an import into the store of the
//! configuration that can be stopped and goes on where it stopped, and what it says in the end.

use std::path::Path;

use secrecy::SecretString;
use sha2::{Digest, Sha256};
use tokio::signal::unix::{SignalKind, signal};

use super::summary;
use crate::app;
use crate::cli::CliError;
use crate::config::Config;
use crate::import::{ImportError, Intake, Progress};
use crate::show::Show;
use crate::store::{AnyStore, Store};

use crate::work::key::Source;
use crate::work::time::Time;

/// A token from its file, else from the environment.
pub(super) fn token(file: Option<&Path>, variable: &str) -> Result<Option<SecretString>, CliError> {
    let token = match file {
        Some(path) => std::fs::read_to_string(path).map_err(|error| {
            let path = path.display();
            CliError::Failed(format!("--token-file {path}: {error}: name a file that holds the token"))
        })?,
        None => std::env::var(variable).unwrap_or_default(),
    };
    let token = token.trim();
    if token.is_empty() && file.is_some() {
        return Err(CliError::Failed("--token-file holds no token".to_owned()));
    }
    Ok((!token.is_empty()).then(|| SecretString::from(token)))
}

/// What is imported into the store.
pub(super) struct Session<'a> {
    /// Where the store is.
    pub config: &'a Config,
    /// From which kind of system.
    pub source: Source,
    /// What, in words that are the same each time.
    pub scope: String,
    /// Since when, unless an interrupted import goes on.
    pub since: Time,
    /// Where the progress is kept, if somebody says.
    pub progress: Option<&'a Path>,
    /// Who is told.
    pub show: &'a dyn Show,
}

impl Session<'_> {
    /// Imports until it is done or somebody stops it, and tells what came of it.
    pub(super) async fn run(
        self,
        requests: impl Fn() -> u64,
        work: impl AsyncFnOnce(&mut Intake<'_, AnyStore>, &mut Progress) -> Result<(), ImportError>,
    ) -> Result<String, CliError> {
        // Asked for before anything starts, so that no signal is missed.
        let mut terminate = signal(SignalKind::terminate()).map_err(CliError::Runtime)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(CliError::Runtime)?;
        let scope = format!("{} into store {}", self.scope, store_id(self.config));
        let path = self.progress.map_or_else(|| Progress::usual_path(&scope), Path::to_path_buf);
        let progress = Progress::open(&path, &scope, self.since)?;
        let store = app::open_store(self.config).await?;
        let result = tokio::select! {
            result = self.import(&store, progress, requests, work) => result,
            _ = terminate.recv() => Err(stopped()),
            _ = interrupt.recv() => Err(stopped()),
        };
        store.close().await;
        result
    }

    async fn import(
        &self,
        store: &AnyStore,
        mut progress: Progress,
        requests: impl Fn() -> u64,
        work: impl AsyncFnOnce(&mut Intake<'_, AnyStore>, &mut Progress) -> Result<(), ImportError>,
    ) -> Result<String, CliError> {
        if progress.resumed() && store.stats().await?.items == 0 {
            // The store was made anew meanwhile.
            progress.begin_anew()?;
        }
        if progress.resumed() {
            let since = progress.since();
            self.show.say(&format!(
                "going on with the import that was interrupted, of what changed since {since}"
            ));
        }
        let rules = app::rules(self.config)?;
        let understanding = app::understanding(self.config, &rules)?;
        let mut intake = Intake::new(store, self.source, &understanding, &rules);
        let imported = work(&mut intake, &mut progress).await;
        let text = summary(intake.tally(), requests());
        match imported {
            Ok(()) => {
                progress.finish()?;
                Ok(text)
            }
            Err(error) => {
                self.show.say(&format!("{text}This stays, and the same command goes on from here."));
                Err(error.into())
            }
        }
    }
}

fn stopped() -> CliError {
    CliError::Failed("stopped: what was imported stays, and the same command goes on from here".to_owned())
}

/// What tells this store from others; its address itself may hold a password.
fn store_id(config: &Config) -> String {
    let folder = std::env::current_dir().unwrap_or_default();
    let digest = Sha256::digest(format!("{}\0{:?}", folder.display(), config.store.url));
    hex::encode(&digest[..6])
}
