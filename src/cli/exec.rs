//! `valuestream exec -- CMD`: runs a command and reports it as a work item. [`child`] runs it, with
//! its terminal and its signals, and tells how it ended; [`place`] tells it where in which trace it
//! stands; the rest is reporting, which neither holds the command up nor changes how it ends.

mod child;
mod place;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Args;
use secrecy::SecretString;
use serde_json::{Map, Value};

use self::child::Signals;
use super::CliError;
use super::output::complain;
use super::reporter::{ItemArgs, Place, Posted, Reporter, ServerArgs, fresh_id};
use crate::clock;
use crate::work::ids::traceparent;
use crate::work::key::Key;

/// Arguments of `exec`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  VALUESTREAM_TOKEN=… valuestream exec --type deploy --namespace acme/shop --environment production \\\n    --tag deploy.type=container -- ./deploy.sh --fast\n\nThe command gets TRACEPARENT and VALUESTREAM_KEY, so that its own spans, and further `valuestream exec`, join.\nThe exit code is the command's; 128 and the signal's number if it was killed, 127 if there is no such command,\n126 if it cannot be run."
)]
pub(super) struct ExecArgs {
    /// What tells it apart from others of its type and namespace [default: 16 random digits]
    #[arg(long)]
    id: Option<String>,
    #[command(flatten)]
    item: ItemArgs,
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    trace: TraceArgs,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// How the trace is found that the command is told of.
#[derive(Debug, Args)]
#[command(next_help_heading = "Trace")]
struct TraceArgs {
    /// The root of the trace, if you know it
    #[arg(long)]
    root: Option<Key>,
    /// A console to ask which trace the parent belongs to, such as http://127.0.0.1:5001
    #[arg(long, env = "VALUESTREAM_CONSOLE")]
    console: Option<String>,
    /// The console's token
    #[arg(long, env = "VALUESTREAM__CONSOLE__TOKEN", hide_env_values = true)]
    console_token: Option<SecretString>,
}

pub(super) async fn run(args: &ExecArgs) -> Result<ExitCode, CliError> {
    let id = args.id.clone().unwrap_or_else(fresh_id);
    let Place { key, parent } = args.item.place(&id)?;
    if parent.is_none() && args.item.parent(&key).is_some() && args.trace.root.is_none() {
        complain(
            &"what that parent is only the server can tell: without --root, TRACEPARENT is of a trace of its own",
        );
    }
    let root = place::root(&args.trace, parent.as_ref(), &key).await;

    let mut signals = Signals::listen().map_err(CliError::Runtime)?;
    let mut command = child::command(&args.command);
    command.env(place::KEY, key.as_str()).env(place::ROOT, root.as_str());
    // What its caller's tracing system noted belongs to another span.
    command.env("TRACEPARENT", traceparent(&root, &key, 0)).env_remove("TRACESTATE");

    let begun = clock::now();
    let running = child::spawn(&mut command);
    // Even making a client takes a moment, in which the command runs already.
    let reporter = Reporter::new(&args.server).map_err(|error| complain(&unreported(&error))).ok();
    let start = args.item.event(&id, Some(&key), "start", begun);
    let mut tell_start = Box::pin(tell(reporter.as_ref(), &start));
    let (ending, told) = match running {
        Err(ending) => (ending, None),
        Ok(mut running) => {
            let mut told = None;
            let ending = loop {
                tokio::select! {
                    ending = running.wait(&mut signals) => break ending,
                    said = &mut tell_start, if told.is_none() => {
                        if let Err(reason) = &said {
                            complain(&unreported(reason));
                        }
                        told = Some(said);
                    }
                }
            };
            (ending, told)
        }
    };
    drop(tell_start);

    if let Some(problem) = ending.problem() {
        complain(&problem);
    }
    // The end says when it began: it gives the whole span, even if the start was never told.
    let mut end = args.item.event(&id, Some(&key), "end", clock::now());
    end.insert("started_at".to_owned(), begun.to_string().into());
    end.insert("outcome".to_owned(), ending.outcome(signals.passed_on()).as_str().into());
    if let Some(error) = ending.error().filter(|_| ending.outcome(signals.passed_on()).is_error()) {
        end.insert("error".to_owned(), error.into());
    }
    tokio::select! {
        said = tell(reporter.as_ref(), &end) => match said {
            // Once is enough.
            Err(reason) if told != Some(Err(reason.clone())) => complain(&unreported(&reason)),
            _ => {}
        },
        // Whoever wants it to end now is not kept waiting by a report.
        () = signals.further() => complain(&unreported(&"interrupted")),
    }
    Ok(ExitCode::from(ending.code()))
}

fn unreported(reason: &dyn std::fmt::Display) -> String {
    format!("not reported: {reason}")
}

async fn tell(reporter: Option<&Reporter>, event: &Map<String, Value>) -> Result<(), String> {
    let Some(reporter) = reporter else { return Ok(()) };
    match reporter.post(event).await? {
        Posted::Taken(_) => Ok(()),
        Posted::Unused(reason) => Err(format!("the server has no use for the event: {reason}")),
    }
}
