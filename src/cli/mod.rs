//! The commands. Each file is one; this one reads the arguments, loads the configuration for those
//! that need it, and turns what went wrong into one line on standard error and an exit code.

mod analyze;
mod asking;
mod backup;
mod check_config;
mod check_store;
mod chosen;
mod demo;
mod event;
mod exec;
mod exports;
mod findings;
mod healthcheck;
mod id;
mod import;
mod output;
mod quarantine;
mod remote;
mod report;
mod reporter;
mod serve;
mod sheet;
pub mod simulate;
mod tags;
mod telling;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::app::{self, StartError};
use crate::config::{self, Config, ConfigError};
use crate::import::ImportError;
use crate::insight::reports::ReportError;
use crate::store::{AnyStore, Store, StoreError};

/// Software delivery as distributed traces: webhooks in, durable work items, OTLP spans out.
#[derive(Debug, Parser)]
#[command(
    name = "valuestream",
    version,
    arg_required_else_help = true,
    after_help = "Example:\n  VALUESTREAM__SOURCES__GITHUB__SECRETS=… valuestream serve --config valuestream.toml"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Take deliveries, keep them, export spans
    #[command(
        after_help = "Example:\n  VALUESTREAM__SOURCES__GITHUB__SECRETS=… \\\n  VALUESTREAM__EXPORT__ENDPOINT=http://localhost:4317 valuestream serve"
    )]
    Serve(ConfigArgs),
    /// Show the configuration in force and what is wrong with it
    #[command(after_help = "Example:\n  valuestream check-config --config valuestream.toml")]
    CheckConfig(ConfigArgs),
    /// Print the W3C traceparent of an item's span, so that other spans can join its trace
    Id(id::IdArgs),
    /// How long work takes, where it waits, and how far the data can be believed
    #[command(subcommand, after_help = "Example:\n  valuestream report summary --from 30d")]
    Report(Box<report::ReportCommand>),
    /// What slow issues or failed deploys have in common
    #[command(subcommand, after_help = "Example:\n  valuestream analyze latency --from 180d")]
    Analyze(Box<analyze::AnalyzeCommand>),
    /// A whole organisation in a minute: half a year of deliveries, what they have in common, the page
    Demo(demo::DemoArgs),
    /// Send an invented organisation's deliveries to a server
    Simulate(Box<simulate::Args>),
    /// Say from a shell that something began or ended
    #[command(
        subcommand,
        after_help = "Example:\n  VALUESTREAM_TOKEN=… valuestream event start --id 7 --type deploy --namespace acme/shop"
    )]
    Event(Box<event::EventCommand>),
    /// Run a command, and report it as a build, a job or a deploy
    Exec(Box<exec::ExecArgs>),
    /// History from before the first webhook, from a system's API
    #[command(
        subcommand,
        after_help = "Example:\n  GITHUB_TOKEN=… valuestream import github --repo acme/api --since 180d"
    )]
    Import(import::ImportCommand),
    /// Look at deliveries that could not be understood, try them again, or drop them
    #[command(subcommand, after_help = "Example:\n  valuestream quarantine list")]
    Quarantine(quarantine::QuarantineCommand),
    /// Look at spans that a backend rejected, send them again, or drop them
    #[command(subcommand, after_help = "Example:\n  valuestream exports list")]
    Exports(exports::ExportsCommand),
    /// Copy the SQLite store while a server runs on it
    Backup(backup::BackupArgs),
    /// Read everything that is stored and say what is wrong with it
    CheckStore(check_store::CheckStoreArgs),
    /// Look at where an item's tags come from
    #[command(
        subcommand,
        after_help = "Example:\n  valuestream tags explain github:github.com/acme/api/deploy/145988746"
    )]
    Tags(tags::TagsCommand),
    /// Ask a running server whether it is alive; exits with 0 if it is
    #[command(after_help = "Example:\n  valuestream healthcheck --url http://127.0.0.1:5001/readyz")]
    Healthcheck(healthcheck::HealthcheckArgs),
}

/// Where the configuration is.
#[derive(Clone, Debug, Args)]
struct ConfigArgs {
    /// A file over the defaults; the environment (VALUESTREAM__SECTION__KEY) goes over both
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ConfigArgs {
    fn load(&self) -> Result<Config, ConfigError> {
        Config::load(self.config.as_deref(), config::environment())
    }
}

/// Does something with the store that the configuration names, and closes it whatever came of it.
async fn with_store<T>(
    config: &Config,
    work: impl AsyncFnOnce(&AnyStore) -> Result<T, CliError>,
) -> Result<T, CliError> {
    let store = app::existing_store(config).await?;
    let result = work(&store).await;
    store.close().await;
    result
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
enum CliError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Report(#[from] ReportError),
    #[error(transparent)]
    Import(#[from] ImportError),
    #[error(transparent)]
    Simulate(#[from] simulate::SimulateError),
    #[error(transparent)]
    Log(#[from] crate::telemetry::LogError),
    #[error("cannot start: {0}")]
    Runtime(std::io::Error),
    #[error("cannot write the output: {0}")]
    Output(#[from] std::io::Error),
    #[error("{0}")]
    Failed(String),
}

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    match run(cli) {
        Ok(code) => code,
        // Whoever read our output has had enough, as `head` does: no failure.
        Err(CliError::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode, CliError> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(CliError::Runtime)?;
    let patient = !matches!(cli.command, Command::Exec(_));
    let done = runtime.block_on(async {
        match cli.command {
            // These have exit codes of their own.
            Command::Exec(args) => return exec::run(&args).await,
            Command::CheckStore(args) => return check_store::run(&args).await,
            Command::Serve(args) => serve::run(&args.load()?).await,
            Command::CheckConfig(args) => check_config::run(&args.load()?),
            Command::Id(args) => id::run(&args).await,
            Command::Report(command) => report::run(&command).await,
            Command::Analyze(command) => analyze::run(&command).await,
            Command::Demo(args) => demo::run(&args).await,
            Command::Simulate(args) => Ok(simulate::run(*args).await?),
            Command::Event(command) => event::run(*command).await,
            Command::Import(command) => import::run(command).await,
            Command::Quarantine(command) => quarantine::run(command).await,
            Command::Exports(command) => exports::run(command).await,
            Command::Backup(args) => backup::run(&args).await,
            Command::Tags(command) => tags::run(command).await,
            Command::Healthcheck(args) => healthcheck::run(&args).await,
        }
        .map(|()| ExitCode::SUCCESS)
    });
    if !patient {
        // The lookup of a name that nobody waits for any more holds nobody up.
        runtime.shutdown_background();
    }
    done
}
