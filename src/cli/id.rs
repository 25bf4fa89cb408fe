//! `valuestream id KEY`: the ids that anyone can compute. The trace is that of the item's root; if
//! this machine has the store, it knows which that is, else `--root` says it.

use clap::Args;

use super::output::{complain, print};
use super::{CliError, ConfigArgs};
use crate::app;
use crate::config::StoreUrl;
use crate::store::Store;
use crate::work::ids::traceparent;
use crate::work::key::{Key, Kind};

/// Arguments of `id`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  valuestream id github:github.com/acme/api/issue/12\n  valuestream id github:github.com/acme/api/pull_request/15 --root github:github.com/acme/api/issue/12"
)]
pub(super) struct IdArgs {
    /// The item: source:host/project/kind/id
    key: Key,
    /// The root of its trace; without it the store is asked, else the item itself is the root
    #[arg(long)]
    root: Option<Key>,
    /// Which of its episodes, from 0
    #[arg(long, default_value_t = 0)]
    episode: u32,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) async fn run(args: &IdArgs) -> Result<(), CliError> {
    let root = match &args.root {
        Some(root) => root.clone(),
        None => known_root(args).await?,
    };
    print(&format!("{}\n", traceparent(&root, &args.key, args.episode)))?;
    Ok(())
}

async fn known_root(args: &IdArgs) -> Result<Key, CliError> {
    let config = args.config.load()?;
    if let StoreUrl::Sqlite(path) = &config.store.url
        && !path.exists()
    {
        if args.key.kind() != Kind::Issue {
            complain(&format!(
                "there is no store at {}, so the item is taken for the root of its trace; say --root if it is not",
                path.display()
            ));
        }
        return Ok(args.key.clone());
    }
    let store = app::open_store(&config).await?;
    let root = store.root(&args.key).await?;
    store.close().await;
    Ok(root)
}
