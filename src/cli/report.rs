//! `valuestream report`: what the API and the page show, in the terminal.

use clap::Subcommand;

use super::CliError;
use super::asking::{Asking, Format, Question, written};
use crate::insight::query::Query;
use crate::insight::reports::Reports;

#[derive(Debug, Subcommand)]
pub(super) enum ReportCommand {
    /// Issue lead time and DORA's five, with the period before
    #[command(after_help = "Example:\n  valuestream report summary --from 30d --filter team=payments")]
    Summary(Asking),
    /// How long work takes
    #[command(
        after_help = "Example:\n  valuestream report latency --kind pull_request --from 180d --filter 'language!=go'"
    )]
    Latency(Asking),
    /// How long work takes for each value of a key
    #[command(after_help = "Example:\n  valuestream report groups --group team --from 180d")]
    Groups(Asking),
    /// How long work takes, and how often it fails, over time
    #[command(
        after_help = "Example:\n  valuestream report trend --kind build --group language --interval week"
    )]
    Trend(Asking),
    /// DORA's metrics, and per service
    #[command(after_help = "Example:\n  valuestream report dora --from 90d --tier staging")]
    Dora(Asking),
    /// Where the time goes: coding, pickup, review, deploy, builds
    #[command(after_help = "Example:\n  valuestream report stages --filter team=payments")]
    Stages(Asking),
    /// Pull requests by repository and interval: how many, how long, how large, how discussed
    #[command(
        after_help = "Example:\n  valuestream report pull-requests --interval week --format csv > pull-requests.csv"
    )]
    PullRequests(Asking),
    /// What is open, and for how long
    #[command(after_help = "Example:\n  valuestream report wip --kind pull_request")]
    Wip(Asking),
    /// What has been open for too long, of all kinds: builds whose end never came, forgotten pull requests
    #[command(after_help = "Example:\n  valuestream report stuck --filter team=payments --format csv")]
    Stuck(Asking),
    /// How far the data can be believed
    #[command(after_help = "Example:\n  valuestream report quality --from 30d --format json")]
    Quality(Asking),
    /// Single items, the slowest first
    #[command(after_help = "Example:\n  valuestream report items --slower 604800 --limit 20 --format csv")]
    Items(Asking),
    /// What there is to slice by
    #[command(after_help = "Example:\n  valuestream report tags --kind deploy")]
    Tags(Asking),
}

pub(super) async fn run(command: &ReportCommand) -> Result<(), CliError> {
    let (question, asking) = question(command);
    asking.ask(&question).await
}

/// What a command asks, and how.
pub(super) fn question(command: &ReportCommand) -> (Report, &Asking) {
    match command {
        ReportCommand::Summary(asking) => (Report::Summary, asking),
        ReportCommand::Latency(asking) => (Report::Latency, asking),
        ReportCommand::Groups(asking) => (Report::Groups, asking),
        ReportCommand::Trend(asking) => (Report::Trend, asking),
        ReportCommand::Dora(asking) => (Report::Dora, asking),
        ReportCommand::Stages(asking) => (Report::Stages, asking),
        ReportCommand::PullRequests(asking) => (Report::PullRequests, asking),
        ReportCommand::Wip(asking) => (Report::Wip, asking),
        ReportCommand::Stuck(asking) => (Report::Stuck, asking),
        ReportCommand::Quality(asking) => (Report::Quality, asking),
        ReportCommand::Items(asking) => (Report::Items, asking),
        ReportCommand::Tags(asking) => (Report::Tags, asking),
    }
}

/// Which report.
#[derive(Clone, Copy, Debug)]
pub(super) enum Report {
    Summary,
    Latency,
    Groups,
    Trend,
    Dora,
    Stages,
    PullRequests,
    Wip,
    Stuck,
    Quality,
    Items,
    Tags,
}

impl Question for Report {
    fn parameters(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    async fn answer<R: Reports>(
        &self,
        reports: &R,
        query: &Query,
        format: Format,
    ) -> Result<String, CliError> {
        match self {
            Self::Summary => written(&reports.summary(query).await?, format),
            Self::Latency => written(&reports.latency(query).await?, format),
            Self::Groups => {
                query.grouped().map_err(|_| {
                    CliError::Failed("which key? give it with --group, such as --group team".to_owned())
                })?;
                written(&reports.groups(query).await?, format)
            }
            Self::Trend => written(&reports.trend(query).await?, format),
            Self::Dora => written(&reports.dora(query).await?, format),
            Self::Stages => written(&reports.stages(query).await?, format),
            Self::PullRequests => written(&reports.pull_requests(query).await?, format),
            Self::Wip => written(&reports.wip(query).await?, format),
            Self::Stuck => written(&reports.stuck(query).await?, format),
            Self::Quality => written(&reports.quality(query).await?, format),
            Self::Items => written(&reports.items(query).await?, format),
            Self::Tags => written(&reports.tags(query).await?, format),
        }
    }
}
