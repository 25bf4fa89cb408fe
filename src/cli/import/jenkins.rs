//! `valuestream import jenkins`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::planned;
use super::session::{Session, token};
use crate::cli::output::print;
use crate::cli::{CliError, ConfigArgs};
use crate::import::ImportError;
use crate::import::jenkins::{self, Api, Found, Wanted};
use crate::import::wait::WallClock;
use crate::insight::query;
use crate::show::{Show, Terminal};
use crate::work::key::Source;
use crate::{clock, telemetry};

/// Where the token is, if no file is named.
const TOKEN: &str = "JENKINS_TOKEN";

#[derive(Debug, Args)]
pub(in crate::cli) struct JenkinsArgs {
    /// Where Jenkins is, with the path before /job if it has one
    #[arg(long, value_name = "URL")]
    url: String,
    /// A job, or a folder with all that is in it, such as acme/api or acme/api/feature%2Fx; may be given several times [default: all]
    #[arg(long = "job", value_name = "PATH", value_parser = path)]
    jobs: Vec<String>,
    /// Builds that started since then: a date (2026-03-01), a time (2026-03-01T09:00:00Z), or so many days ago (180d)
    #[arg(long, value_name = "TIME")]
    since: String,
    /// Whose API token it is: the user's id [default: the environment variable JENKINS_USER]
    #[arg(long, env = "JENKINS_USER", hide_env = true)]
    user: Option<String>,
    /// A file that holds the API token [default: the environment variable JENKINS_TOKEN]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Jenkins does not know its own address (Manage Jenkins, System, Jenkins URL): keys have sources.jenkins.default_host, as with its webhooks
    #[arg(long)]
    no_root_url: bool,
    /// Only count the builds that would be imported
    #[arg(long)]
    dry_run: bool,
    /// Where an interrupted import remembers how far it got [default: a file in ~/.local/state/valuestream]
    #[arg(long, value_name = "FILE")]
    progress: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
}

fn path(text: &str) -> Result<String, String> {
    match text.trim_matches('/') {
        path if path.is_empty() || path.contains("//") || path.contains("://") => {
            Err("write the path of a job or a folder, such as acme/api".to_owned())
        }
        path => Ok(path.to_owned()),
    }
}

impl JenkinsArgs {
    /// What the progress is the progress of.
    fn scope(&self) -> String {
        let mut jobs = self.jobs.clone();
        jobs.sort_unstable();
        let jobs = if jobs.is_empty() { "all jobs".to_owned() } else { jobs.join(", ") };
        let host = if self.no_root_url { " without a root URL" } else { "" };
        format!("jenkins {jobs} at {}{host} since {}", self.url, self.since)
    }
}

pub(super) async fn run(args: JenkinsArgs) -> Result<(), CliError> {
    let config = args.config.load()?;
    let since = query::time("since", &args.since, clock::now())
        .map_err(|error| CliError::Failed(format!("--{error}")))?;
    telemetry::init_logs(&config.log)?;
    let show: Arc<dyn Show> = Arc::new(Terminal::default());
    let token = token(args.token_file.as_deref(), TOKEN)?;
    let access = match (args.user.as_deref().filter(|user| !user.is_empty()), &token) {
        (Some(user), Some(token)) => Some((user, token)),
        (None, None) => None,
        (Some(_), None) => {
            return Err(CliError::Failed(format!(
                "--user needs an API token: give it with {TOKEN} or --token-file"
            )));
        }
        (None, Some(_)) => {
            let reason = "an API token needs the id of the user whose it is: give it with --user";
            return Err(CliError::Failed(reason.to_owned()));
        }
    };
    let api = Api::new(&args.url, access, Arc::new(WallClock), show.clone()).map_err(ImportError::source)?;
    let mut wanted = Wanted { jobs: args.jobs.clone(), since, knows_itself: !args.no_root_url };
    if args.dry_run {
        let found = jenkins::count(&api, &wanted).await?;
        let (made, needed) = (api.requests(), found.pages);
        drop((api, show));
        let entries = [("jobs", found.jobs), ("builds", found.builds)].into();
        return Ok(print(&planned(&entries, made, needed))?);
    }
    let mut found = Found::default();
    let session = Session {
        config: &config,
        source: Source::Jenkins,
        scope: args.scope(),
        since,
        progress: args.progress.as_deref(),
        show: &*show,
    };
    let importing = session.run(
        || api.requests(),
        async |intake, progress| {
            wanted.since = progress.since();
            found = jenkins::import(&api, &wanted, intake, progress).await?;
            Ok(())
        },
    );
    let text = importing.await;
    // Its bar would stand in the way of the summary.
    drop((api, show));
    print(&text?)?;
    if found.left_out > 0 {
        return Err(CliError::Failed(format!(
            "{} jobs or folders were left out, for the reasons above: run the command again once these are gone; what is known already is only passed over",
            found.left_out
        )));
    }
    Ok(())
}
