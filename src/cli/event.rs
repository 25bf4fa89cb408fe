//! `valuestream event`: says from a shell that something began or ended.

use clap::{Args, Subcommand};
use serde_json::Value;

use super::CliError;
use super::output::{complain, print};
use super::reporter::{ItemArgs, Posted, Reporter, ServerArgs};
use crate::clock;
use crate::work::event::Outcome;
use crate::work::time::Time;

#[derive(Debug, Subcommand)]
pub(super) enum EventCommand {
    /// Say that something began, and print its key
    #[command(
        after_help = "Example:\n  VALUESTREAM_TOKEN=… valuestream event start --id 2026-11-23 --type deploy --namespace acme/shop \\\n    --environment production --parent github:github.com/acme/shop/issue/12 --tag team=payments"
    )]
    Start(EventArgs),
    /// Say that it ended, and print its key
    #[command(
        after_help = "Example:\n  VALUESTREAM_TOKEN=… valuestream event end --id 2026-11-23 --type deploy --namespace acme/shop --error \"no space left\""
    )]
    End(EndArgs),
}

#[derive(Debug, Args)]
pub(super) struct EventArgs {
    /// What tells it apart from others of its type and namespace
    #[arg(long)]
    id: String,
    /// When it happened, such as 2026-11-23T10:00:00Z [default: now]
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<Time>,
    #[command(flatten)]
    item: ItemArgs,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, Args)]
pub(super) struct EndArgs {
    /// That it failed, and why
    #[arg(long, value_name = "TEXT", num_args = 0..=1)]
    error: Option<Option<String>>,
    /// How it ended: success, failure, error, timeout, cancellation or skip
    #[arg(long, value_parser = outcome)]
    outcome: Option<Outcome>,
    /// When it began, if nobody said so at the time
    #[arg(long, value_name = "TIME", value_parser = time)]
    started_at: Option<Time>,
    #[command(flatten)]
    event: EventArgs,
}

fn time(text: &str) -> Result<Time, String> {
    Time::parse(text).ok_or_else(|| "write a time such as 2026-11-23T10:00:00Z".to_owned())
}

fn outcome(text: &str) -> Result<Outcome, String> {
    let found = Outcome::ALL.into_iter().find(|outcome| outcome.as_str() == text);
    found.ok_or_else(|| {
        let all = Outcome::ALL.map(Outcome::as_str).join(", ");
        format!("one of {all}")
    })
}

pub(super) async fn run(command: EventCommand) -> Result<(), CliError> {
    let (args, action, further) = match command {
        EventCommand::Start(args) => (args, "start", Vec::new()),
        EventCommand::End(EndArgs { error, outcome, started_at, event }) => {
            let error = error.map(|text| text.map_or(Value::Bool(true), Value::from));
            let outcome = outcome.map(|outcome| outcome.as_str().into());
            let started_at = started_at.map(|at| at.to_string().into());
            let further = [("error", error), ("outcome", outcome), ("started_at", started_at)];
            (event, "end", further.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
        }
    };
    let key = args.item.place(&args.id)?.key;
    let mut event = args.item.event(&args.id, Some(&key), action, args.at.unwrap_or_else(clock::now));
    event.extend(further.into_iter().map(|(name, value)| (name.to_owned(), value)));
    match Reporter::new(&args.server)?.post(&event).await.map_err(CliError::Failed)? {
        Posted::Taken(keys) => {
            let key = keys.into_iter().next().unwrap_or_else(|| key.into());
            print(&format!("{key}\n"))?;
        }
        Posted::Unused(reason) => complain(&format!("the server has no use for this event: {reason}")),
    }
    Ok(())
}
