//! `valuestream import github`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use tokio::signal::unix::{SignalKind, signal};

use super::{planned, summary};
use crate::cli::output::print;
use crate::cli::{CliError, ConfigArgs};
use crate::config::Config;
use crate::import::github::client::Api;
use crate::import::github::walk::{self, Scope};
use crate::import::show::{Show, Terminal};
use crate::import::wait::WallClock;
use crate::import::{ImportError, Intake, Progress};
use crate::ingest::receive::Understanding;
use crate::insight::query;
use crate::store::{Rules, Store};
use crate::work::key::Source;
use crate::{app, clock, telemetry};

/// Where the token is, if no file is named.
const TOKEN: &str = "GITHUB_TOKEN";

#[derive(Debug, Args)]
pub(in crate::cli) struct GithubArgs {
    /// A repository, OWNER/NAME; may be given several times
    #[arg(long = "repo", value_name = "OWNER/NAME", value_parser = repository, required_unless_present = "org", conflicts_with = "org")]
    repos: Vec<String>,
    /// All repositories of an organisation that the token may see
    #[arg(long, value_name = "NAME", value_parser = organisation)]
    org: Option<String>,
    /// What changed since then: a date (2026-03-01), a time (2026-03-01T09:00:00Z), or so many days ago (180d)
    #[arg(long, value_name = "TIME")]
    since: String,
    /// Where the API is; of GitHub Enterprise Server it is https://HOST/api/v3
    #[arg(long, value_name = "URL", default_value = "https://api.github.com")]
    api_url: String,
    /// A file that holds the token [default: the environment variable GITHUB_TOKEN]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Only count what would be imported, and how many requests that takes
    #[arg(long)]
    dry_run: bool,
    /// Where an interrupted import remembers how far it got [default: a file in ~/.local/state/valuestream]
    #[arg(long, value_name = "FILE")]
    progress: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
}

fn plain(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 100
        && !matches!(text, "." | "..")
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

fn repository(text: &str) -> Result<String, String> {
    match text.split_once('/') {
        Some((owner, name)) if plain(owner) && plain(name) => Ok(text.to_owned()),
        _ => Err("write OWNER/NAME, such as acme/api".to_owned()),
    }
}

fn organisation(text: &str) -> Result<String, String> {
    if plain(text) {
        Ok(text.to_owned())
    } else {
        Err("write the organisation's name, such as acme".to_owned())
    }
}

impl GithubArgs {
    /// The token from its file, else from the environment; without one GitHub answers little.
    fn token(&self) -> Result<Option<SecretString>, CliError> {
        let token = match &self.token_file {
            Some(path) => std::fs::read_to_string(path).map_err(|error| {
                CliError::Failed(format!(
                    "--token-file {}: {error}: name a file that holds the token",
                    path.display()
                ))
            })?,
            None => std::env::var(TOKEN).unwrap_or_default(),
        };
        let token = token.trim();
        if token.is_empty() && self.token_file.is_some() {
            return Err(CliError::Failed("--token-file holds no token".to_owned()));
        }
        Ok((!token.is_empty()).then(|| SecretString::from(token)))
    }

    fn scope(&self) -> Scope {
        match &self.org {
            Some(name) => Scope::Organisation(name.clone()),
            None => {
                let mut names = self.repos.clone();
                names.sort_unstable();
                names.dedup();
                Scope::Repositories(names)
            }
        }
    }

    /// What the progress is the progress of.
    fn progress_of(&self, scope: &Scope, store: &str) -> String {
        let what = match scope {
            Scope::Organisation(name) => format!("organisation {name}"),
            Scope::Repositories(names) => names.join(", "),
        };
        format!("github {what} at {} since {} into store {store}", self.api_url, self.since)
    }
}

pub(super) async fn run(args: GithubArgs) -> Result<(), CliError> {
    let config = args.config.load()?;
    let now = clock::now();
    let since =
        query::time("since", &args.since, now).map_err(|error| CliError::Failed(format!("--{error}")))?;
    let rules = app::rules(&config)?;
    let understanding = app::understanding(&config, &rules)?;
    telemetry::init_logs(&config.log)?;
    let show: Arc<dyn Show> = Arc::new(Terminal::default());
    let token = args.token()?;
    if token.is_none() {
        show.say(&format!("without a token ({TOKEN} or --token-file) GitHub answers 60 requests an hour"));
    }
    let api = Api::new(&args.api_url, token.as_ref(), Arc::new(WallClock), show.clone());
    let api = Arc::new(api.map_err(ImportError::source)?);
    let scope = args.scope();
    if args.dry_run {
        let plan = walk::plan(&api, &scope, since).await?;
        drop(show);
        return Ok(print(&planned(&plan.entries, api.requests(), plan.requests))?);
    }
    // Asked for before anything starts, so that no signal is missed.
    let mut terminate = signal(SignalKind::terminate()).map_err(CliError::Runtime)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(CliError::Runtime)?;
    let described = args.progress_of(&scope, &store_id(&config));
    let path = args.progress.clone().unwrap_or_else(|| Progress::usual_path(&described));
    let progress = Progress::open(&path, &described, since)?;
    let store = app::open_store(&config)?;
    let importing = import(&api, &scope, &store, progress, &understanding, &rules, &*show);
    let result = tokio::select! {
        result = importing => result,
        _ = terminate.recv() => Err(stopped()),
        _ = interrupt.recv() => Err(stopped()),
    };
    store.close().await;
    // Its bar would stand in the way of the summary.
    drop((api, show));
    print(&result?)?;
    Ok(())
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

/// Imports, and says what came of it.
async fn import<S: Store>(
    api: &Arc<Api>,
    scope: &Scope,
    store: &S,
    mut progress: Progress,
    understanding: &Understanding,
    rules: &Rules,
    show: &dyn Show,
) -> Result<String, CliError> {
    if progress.resumed() && store.stats().await?.items == 0 {
        // The store was made anew meanwhile.
        progress.begin_anew()?;
    }
    if progress.resumed() {
        show.say(&format!(
            "going on with the import that was interrupted, of what changed since {}",
            progress.since()
        ));
    }
    let mut intake = Intake::new(store, Source::Github, understanding, rules);
    let imported = walk::import(api, scope, &mut intake, &mut progress).await;
    let text = summary(intake.tally(), api.requests());
    match imported {
        Ok(()) => {
            progress.finish()?;
            Ok(text)
        }
        Err(error) => {
            show.say(&format!("{text}This stays, and the same command goes on from here."));
            Err(error.into())
        }
    }
}
