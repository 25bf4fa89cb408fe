//! `valuestream analyze`: what slow or failed work has in common, in the terminal.

use clap::{Args, Subcommand};

use super::CliError;
use super::asking::{Asking, Format, Question, written};
use super::findings::KeyDetail;
use crate::insight::query::{Filter, Query};
use crate::insight::reports::Reports;

#[derive(Debug, Subcommand)]
pub(super) enum AnalyzeCommand {
    /// What slow items have in common; issues unless --kind says otherwise
    #[command(after_help = "Example:\n  valuestream analyze latency --from 180d --filter 'language!=go'")]
    Latency(Asking),
    /// What failed items have in common; deploys unless --kind says otherwise
    #[command(
        after_help = "Example:\n  valuestream analyze failures --kind build --from 30d --url http://127.0.0.1:5001"
    )]
    Failures(Asking),
    /// All values of a key, and what is left of one's effect within the strata of other keys
    #[command(after_help = "Example:\n  valuestream analyze key deploy.type --value mutable")]
    Key(Box<KeyArgs>),
}

#[derive(Debug, Args)]
pub(super) struct KeyArgs {
    /// The key, such as team
    key: String,
    /// The value whose effect is looked at
    #[arg(long)]
    value: Option<String>,
    /// What is compared: latency or failure [default: latency for issues and pull requests]
    #[arg(long)]
    measure: Option<String>,
    #[command(flatten)]
    asking: Asking,
}

pub(super) async fn run(command: &AnalyzeCommand) -> Result<(), CliError> {
    let (question, asking) = question(command)?;
    asking.ask(&question).await
}

/// What a command asks, and how.
pub(super) fn question(command: &AnalyzeCommand) -> Result<(Analysis<'_>, &Asking), CliError> {
    match command {
        AnalyzeCommand::Latency(asking) => {
            Ok((Analysis::Common(vec![("measure", "latency".to_owned())]), asking))
        }
        AnalyzeCommand::Failures(asking) => {
            let mut own = vec![("measure", "failure".to_owned())];
            if asking.kind.is_none() {
                own.push(("kind", "deploy".to_owned()));
            }
            Ok((Analysis::Common(own), asking))
        }
        AnalyzeCommand::Key(args) if args.key.is_empty() || args.key.contains('=') => {
            let problem = format!("{:?} is not a key: write `analyze key team --value payments`", args.key);
            Err(CliError::Failed(problem))
        }
        AnalyzeCommand::Key(args) => Ok((Analysis::Key(args), &args.asking)),
    }
}

/// Which analysis.
pub(super) enum Analysis<'a> {
    /// What slow or failed items have in common, with the parameters that say which.
    Common(Vec<(&'static str, String)>),
    /// A key in detail.
    Key(&'a KeyArgs),
}

impl Question for Analysis<'_> {
    fn parameters(&self) -> Vec<(&'static str, String)> {
        let args = match self {
            Self::Common(own) => return own.clone(),
            Self::Key(args) => args,
        };
        let measure = args.measure.iter().map(|measure| ("measure", measure.clone()));
        // The first overlay with the key counts, so it goes before those of the options.
        let value = args.value.iter().map(|value| ("overlay", Filter::include(&args.key, value).to_string()));
        measure.chain(value).collect()
    }

    async fn answer<R: Reports>(
        &self,
        reports: &R,
        query: &Query,
        format: Format,
    ) -> Result<String, CliError> {
        match self {
            Self::Common(_) => written(&reports.correlations(query).await?, format),
            Self::Key(args) => {
                let detail = reports.detail(query, &args.key).await?;
                written(&KeyDetail { detail, measure: query.measure() }, format)
            }
        }
    }
}
