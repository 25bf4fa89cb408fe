//! `valuestream quarantine`: deliveries that could not be understood. After an upgrade that
//! understands them, `retry` folds them in as if they had just come.

use clap::Subcommand;

use super::chosen::Chosen;
use super::output::{print, printable, table};
use super::{CliError, ConfigArgs, with_store};
use crate::app;
use crate::ingest::receive::Understanding;
use crate::sources::{self, Parsed, Request};
use crate::store::{AnyStore, Content, Delivery, Rules, Store, StoreError};
use crate::work::time::Time;
use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// How many entries are read at a time.
const PAGE: usize = 500;

#[derive(Debug, Subcommand)]
pub(super) enum QuarantineCommand {
    /// List what is kept, oldest first
    #[command(after_help = "Example:\n  valuestream quarantine list --json")]
    List {
        /// One JSON object a line instead of a table
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Show one delivery as it came: headers and body
    #[command(after_help = "Example:\n  valuestream quarantine show 7")]
    Show {
        /// Its number in the list
        id: i64,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Try again to understand deliveries, for instance after an upgrade
    #[command(after_help = "Example:\n  valuestream quarantine retry --all")]
    Retry(Chosen),
    /// Drop deliveries for good
    #[command(after_help = "Example:\n  valuestream quarantine drop 7 8")]
    Drop(Chosen),
}

/// What is wrong with numbers that are none.
const NONE: &str = "are not in quarantine: see `valuestream quarantine list`";

pub(super) async fn run(command: QuarantineCommand) -> Result<(), CliError> {
    match command {
        QuarantineCommand::List { json, config } => {
            with_store(&config.load()?, async |store| list(store, json).await).await
        }
        QuarantineCommand::Show { id, config } => {
            with_store(&config.load()?, async |store| show(store, id).await).await
        }
        QuarantineCommand::Retry(chosen) => {
            let config = chosen.config.load()?;
            let rules = app::rules(&config)?;
            let understanding = app::understanding(&config, &rules)?;
            with_store(&config, async |store| retry(store, &chosen, &understanding, &rules).await).await
        }
        QuarantineCommand::Drop(chosen) => {
            let drop = async |store: &AnyStore| {
                let ids = ids(store, &chosen).await?;
                Ok((ids.len(), store.drop_quarantined(&ids).await?))
            };
            let (asked, dropped) = with_store(&chosen.config.load()?, drop).await?;
            print(&format!("{dropped} dropped\n"))?;
            chosen.all_there(asked.saturating_sub(dropped), NONE)
        }
    }
}

/// The numbers that are meant.
async fn ids(store: &AnyStore, chosen: &Chosen) -> Result<Vec<i64>, CliError> {
    let page = async |after| {
        let page = store.quarantine(after, PAGE).await?;
        Ok(page.iter().map(|entry| entry.id).collect())
    };
    chosen.meant(page).await
}

async fn list(store: &AnyStore, json: bool) -> Result<(), CliError> {
    let mut rows = vec![["id", "source", "received", "bytes", "reason"].map(str::to_owned).to_vec()];
    let mut after = 0;
    loop {
        let page = store.quarantine(after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        for entry in &page {
            if json {
                print(&format!("{}\n", serde_json::to_string(entry).map_err(std::io::Error::from)?))?;
                continue;
            }
            let received = Time::from_micros(entry.received_at).map(|at| at.to_string()).unwrap_or_default();
            rows.push(vec![
                entry.id.to_string(),
                entry.source.to_string(),
                received,
                entry.bytes.to_string(),
                printable(&entry.reason),
            ]);
        }
    }
    if !json {
        print(&if rows.len() == 1 { "nothing in quarantine\n".to_owned() } else { table(&rows) })?;
    }
    Ok(())
}

async fn show(store: &AnyStore, id: i64) -> Result<(), CliError> {
    let Some((source, received_at, kept)) = store.quarantined(id).await? else {
        let problem = "nothing in quarantine has the number";
        return Err(CliError::Failed(format!("{problem} {id}: see `valuestream quarantine list`")));
    };
    let mut text =
        format!("source: {source}\nreceived: {received_at}\nreason: {}\n", printable(&kept.reason));
    for (name, value) in &kept.headers {
        text.push_str(&format!("{name}: {}\n", printable(value)));
    }
    text.push('\n');
    print(&text)?;
    let body = String::from_utf8_lossy(&kept.body);
    let shown: String =
        body.chars().map(|c| if c.is_control() && !c.is_whitespace() { '\u{fffd}' } else { c }).collect();
    print(&format!("{shown}\n"))?;
    Ok(())
}

async fn retry(
    store: &AnyStore,
    chosen: &Chosen,
    understanding: &Understanding,
    rules: &Rules,
) -> Result<(), CliError> {
    let (mut understood, mut unused, mut left, mut missing) = (0, 0, 0, 0);
    for id in ids(store, chosen).await? {
        let Some((source, received_at, kept)) = store.quarantined(id).await? else {
            missing += 1;
            continue;
        };
        let headers: HeaderMap = kept
            .headers
            .iter()
            .filter_map(|(name, value)| {
                Some((name.parse::<HeaderName>().ok()?, value.parse::<HeaderValue>().ok()?))
            })
            .collect();
        let request = Request { headers: &headers, body: &kept.body };
        let parsed = sources::parse(source, request, &understanding.context(received_at));
        match parsed.content {
            Ok(Parsed::Used(said)) => {
                let delivery = Delivery { source, id: parsed.id, received_at, content: Content::Said(said) };
                match store.release(id, delivery, rules).await {
                    Ok(_) => understood += 1,
                    Err(StoreError::Corrupt(reason)) => {
                        let damaged = "an item that it speaks of cannot be read";
                        print(&format!("{id}: {damaged}: {}: see `check-store`\n", printable(&reason)))?;
                        left += 1;
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            Ok(Parsed::Ignored { .. }) => {
                store.drop_quarantined(&[id]).await?;
                unused += 1;
            }
            Err(reason) => {
                print(&format!("{id}: {}\n", printable(&reason.to_string())))?;
                left += 1;
            }
        }
    }
    print(&format!("{understood} understood, {unused} not used and dropped, {left} left\n"))?;
    chosen.all_there(missing, NONE)
}
