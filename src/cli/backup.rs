//! `valuestream backup`: a copy of the SQLite store, while a server runs on it.

use std::path::PathBuf;

use clap::Args;

use super::output::print;
use super::{CliError, ConfigArgs};
use crate::config::StoreUrl;
use crate::store::StoreError;
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
    if !store.exists() {
        let reason = "there is no such file: is this the store.url that the server runs with?".to_owned();
        return Err(StoreError::Open { url: format!("sqlite://{}", store.display()), reason }.into());
    }
    let (target, force) = (args.file.clone(), args.force);
    let copied = tokio::task::spawn_blocking(move || backup::backup(&store, &target, force)).await;
    let copied = copied.map_err(|_| CliError::Failed("the copy broke off; please report it".to_owned()))?;
    let done = copied.map_err(|error| CliError::Failed(error.to_string()))?;
    print(&format!("{}: {} items, {} bytes\n", args.file.display(), done.items, done.bytes))?;
    Ok(())
}
