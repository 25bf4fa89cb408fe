//! `valuestream import`: history from before the first webhook.

mod github;
mod jenkins;
mod session;

use std::collections::BTreeMap;

use clap::Subcommand;

use super::CliError;
use super::output::table;
use crate::import::Tally;
use crate::work::key::Kind;

#[derive(Debug, Subcommand)]
pub(super) enum ImportCommand {
    /// Issues, pull requests, workflow runs, deployments and releases from GitHub's REST API
    #[command(
        after_help = "Examples:\n  GITHUB_TOKEN=… valuestream import github --repo acme/api --repo acme/web --since 180d\n  valuestream import github --org acme --since 2026-01-01 --token-file token --dry-run"
    )]
    Github(github::GithubArgs),
    /// Builds and deploys from Jenkins' JSON API
    #[command(
        after_help = "Examples:\n  JENKINS_TOKEN=… valuestream import jenkins --url https://ci.example.org --user ann --since 180d\n  valuestream import jenkins --url https://ci.example.org --job acme/api --since 30d --user ann --token-file token --dry-run"
    )]
    Jenkins(jenkins::JenkinsArgs),
}

pub(super) async fn run(command: ImportCommand) -> Result<(), CliError> {
    match command {
        ImportCommand::Github(args) => github::run(args).await,
        ImportCommand::Jenkins(args) => jenkins::run(args).await,
    }
}

/// What an import brought, for standard output.
fn summary(tally: &Tally, requests: u64) -> String {
    let mut rows = vec![["kind", "new", "known"].map(str::to_owned).to_vec()];
    let row = |(kind, count): (&Kind, &crate::import::Count)| {
        vec![kind.as_str().to_owned(), count.new.to_string(), count.known.to_string()]
    };
    rows.extend(tally.items.iter().map(row));
    let items = if rows.len() == 1 { "nothing was found\n".to_owned() } else { table(&rows) };
    format!(
        "{items}{requests} requests; {} events recorded, {} already known, {} not used, {} not understood\n",
        tally.recorded, tally.duplicate, tally.not_used, tally.not_understood
    )
}

/// What an import would bring, for standard output.
fn planned(entries: &BTreeMap<&'static str, u64>, made: u64, needed: u64) -> String {
    let mut rows = vec![["what", "n"].map(str::to_owned).to_vec()];
    rows.extend(entries.iter().map(|(what, n)| vec![(*what).to_owned(), n.to_string()]));
    format!(
        "{}{made} requests were made to count this; an import makes these again and at least {needed} more. Nothing was imported.\n",
        table(&rows)
    )
}
