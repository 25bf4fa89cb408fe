//! `valuestream backup`: a copy of the SQLite store, while a server runs on it.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::output::print;
use super::{CliError, ConfigArgs};
use crate::app;
use crate::config::StoreUrl;
use crate::show::{Show, Terminal};
use crate::store::sqlite::backup;

/// Arguments of `backup`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  valuestream backup /backup/valuestream.db\n  valuestream backup --force /backup/latest.db\n\nTo restore, put the copy in the place of the store while the server is stopped."
)]
pub(super) struct BackupArgs {
    /// Where the copy goes; it is there once it is whole
    file: PathBuf,
    /// Replace the file if it is there
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) async fn run(args: &BackupArgs) -> Result<(), CliError> {
    let store = match args.config.load()?.store.url {
        StoreUrl::Sqlite(path) => path,
        StoreUrl::Postgres(_) => {
            let instead = "the store is a PostgreSQL database: copy it with pg_dump, or with its own point-in-time recovery";
            return Err(CliError::Failed(instead.to_owned()));
        }
    };
    app::existing_file(&store)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(CliError::Runtime)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(CliError::Runtime)?;
    let (target, force) = (args.file.clone(), args.force);
    let (show, stop): (Arc<dyn Show>, _) = (Arc::new(Terminal::default()), CancellationToken::new());
    let told = stop.clone();
    let mut copying =
        tokio::task::spawn_blocking(move || backup::backup(&store, &target, force, &show, &told));
    let copied = tokio::select! {
        copied = &mut copying => copied,
        _ = terminate.recv() => { stop.cancel(); copying.await }
        _ = interrupt.recv() => { stop.cancel(); copying.await }
    };
    let copied = copied.map_err(|_| CliError::Failed("the copy broke off; please report it".to_owned()))?;
    let done = copied.map_err(|error| CliError::Failed(error.to_string()))?;
    print(&format!("{}: {} items, {} bytes\n", args.file.display(), done.items, done.bytes))?;
    Ok(())
}
