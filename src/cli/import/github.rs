//! `valuestream import github`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::planned;
use super::session::{Session, token};
use crate::cli::output::print;
use crate::cli::{CliError, ConfigArgs};
use crate::import::ImportError;
use crate::import::github::client::Api;
use crate::import::github::walk::{self, Scope};
use crate::import::wait::WallClock;
use crate::insight::query;
use crate::show::{Show, Terminal};
use crate::work::key::Source;
use crate::{clock, telemetry};

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
    fn progress_of(&self, scope: &Scope) -> String {
        let what = match scope {
            Scope::Organisation(name) => format!("organisation {name}"),
            Scope::Repositories(names) => names.join(", "),
        };
        format!("github {what} at {} since {}", self.api_url, self.since)
    }
}

pub(super) async fn run(args: GithubArgs) -> Result<(), CliError> {
    let config = args.config.load()?;
    let now = clock::now();
    let since =
        query::time("since", &args.since, now).map_err(|error| CliError::Failed(format!("--{error}")))?;
    telemetry::init_logs(&config.log)?;
    let show: Arc<dyn Show> = Arc::new(Terminal::default());
    // Without one GitHub answers little.
    let token = token(args.token_file.as_deref(), TOKEN)?;
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
    let session = Session {
        config: &config,
        source: Source::Github,
        scope: args.progress_of(&scope),
        since,
        progress: args.progress.as_deref(),
        show: &*show,
    };
    let mut left_out = 0;
    let importing = session.run(
        || api.requests(),
        async |intake, progress| {
            left_out = walk::import(&api, &scope, intake, progress).await?;
            Ok(())
        },
    );
    let text = importing.await;
    // Its bar would stand in the way of the summary.
    drop((api, show));
    print(&text?)?;
    if left_out > 0 {
        return Err(CliError::Failed(format!(
            "{left_out} lists or entries were left out, for the reasons above: run the command again once these are gone; what is known already is only passed over"
        )));
    }
    Ok(())
}
