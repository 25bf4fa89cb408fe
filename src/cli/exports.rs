//! `valuestream exports`: spans that a backend rejected for good, until somebody deals with them.

use clap::Subcommand;

use super::chosen::Chosen;
use super::output::{print, printable, table};
use super::{CliError, ConfigArgs, with_store};
use crate::store::{AnyStore, Store};
use crate::work::time::Time;

/// How many entries are read at a time.
const PAGE: usize = 500;

#[derive(Debug, Subcommand)]
pub(super) enum ExportsCommand {
    /// List what was rejected, and what waits for each backend
    #[command(after_help = "Example:\n  valuestream exports list --json")]
    List {
        /// One JSON object a line instead of a table
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Send rejected spans again, under the same ids
    #[command(after_help = "Examples:\n  valuestream exports retry 3 4\n  valuestream exports retry --all")]
    Retry(Chosen),
    /// Drop rejected spans for good
    #[command(after_help = "Examples:\n  valuestream exports drop 3 4\n  valuestream exports drop --all")]
    Drop(Chosen),
}

/// What is wrong with numbers that are none.
const NONE: &str = "are of no rejected export: see `valuestream exports list`";

pub(super) async fn run(command: ExportsCommand) -> Result<(), CliError> {
    match command {
        ExportsCommand::List { json, config } => {
            with_store(&config.load()?, async |store| list(store, json).await).await
        }
        ExportsCommand::Retry(chosen) => {
            let ids = chosen.named();
            let retry = async |store: &AnyStore| Ok(store.retry_rejected(&ids).await?);
            let retried = with_store(&chosen.config.load()?, retry).await?;
            print(&format!("{retried} back in the outbox\n"))?;
            chosen.all_there(ids.len().saturating_sub(retried), NONE)
        }
        ExportsCommand::Drop(chosen) => {
            let drop = async |store: &AnyStore| {
                let page = async |after| {
                    let page = store.rejected(after, PAGE).await?;
                    Ok(page.iter().map(|entry| entry.id).collect())
                };
                let ids = chosen.meant(page).await?;
                Ok((ids.len(), store.drop_rejected(&ids).await?))
            };
            let (asked, dropped) = with_store(&chosen.config.load()?, drop).await?;
            print(&format!("{dropped} dropped\n"))?;
            chosen.all_there(asked.saturating_sub(dropped), NONE)
        }
    }
}

async fn list(store: &AnyStore, json: bool) -> Result<(), CliError> {
    let mut rows =
        vec![["id", "backend", "key", "episode", "spans", "rejected", "reason"].map(str::to_owned).to_vec()];
    let mut after = 0;
    loop {
        let page = store.rejected(after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        for entry in &page {
            if json {
                print(&format!("{}\n", serde_json::to_string(entry).map_err(std::io::Error::from)?))?;
                continue;
            }
            rows.push(vec![
                entry.id.to_string(),
                entry.backend.clone(),
                entry.key.clone(),
                entry.episode.to_string(),
                entry.spans.to_string(),
                Time::from_micros(entry.rejected_at).map(|at| at.to_string()).unwrap_or_default(),
                printable(&entry.reason),
            ]);
        }
    }
    if json {
        return Ok(());
    }
    let mut text = if rows.len() == 1 { "nothing was rejected\n".to_owned() } else { table(&rows) };
    for (backend, backlog) in store.stats().await?.backlog {
        let since = backlog.oldest.and_then(Time::from_micros).map(|at| format!(", the oldest since {at}"));
        text.push_str(&format!("{backend}: {} waiting{}\n", backlog.entries, since.unwrap_or_default()));
    }
    print(&text)?;
    Ok(())
}
