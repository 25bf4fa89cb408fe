//! `valuestream demo`: a whole organisation in a minute. Starts the server over a temporary store,
//! posts half a year of deliveries of an invented organisation through the same signed routes that
//! real senders use, says what its data has in common, and serves the page until it is stopped.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use rand::RngExt;
use secrecy::SecretString;
use tokio::signal::unix::{SignalKind, signal};

use super::simulate;
use super::{CliError, findings, output};
use crate::app::{App, StartError};
use crate::config::Config;
use crate::insight::query::{DAY, Measure, Query};
use crate::insight::reports::Reports;
use crate::work::key::Kind;
use crate::{clock, telemetry};

/// How often the demo looks whether the last deliveries are in the page's figures.
const LOOK: Duration = Duration::from_millis(20);

/// What is shown.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  valuestream demo\n  valuestream demo --issues 500 --endpoint http://localhost:4317"
)]
pub(super) struct DemoArgs {
    /// Decides everything that happens in the organisation
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many issues are opened; each brings about 30 deliveries
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(50..=100_000))]
    issues: u32,
    /// Over how many days, until now
    #[arg(long, default_value_t = 182, value_parser = clap::value_parser!(u32).range(7..=3_650))]
    days: u32,
    /// The port of the page; if it is taken, any other. The page is on 127.0.0.1 only
    #[arg(long, default_value_t = 5001)]
    port: u16,
    /// An OTLP backend that gets the traces too, such as http://localhost:4317
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// The address at which that backend shows a trace, with {trace_id} in it
    #[arg(long, value_name = "URL", requires = "endpoint")]
    trace_url: Option<String>,
    /// Ends when all is ready, instead of serving the page
    #[arg(long, hide = true)]
    once: bool,
}

pub(super) async fn run(args: &DemoArgs) -> Result<(), CliError> {
    let begun = Instant::now();
    // Asked for before anything starts, so that no signal is missed.
    let mut terminate = signal(SignalKind::terminate()).map_err(CliError::Runtime)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(CliError::Runtime)?;
    let folder = tempfile::Builder::new().prefix("valuestream-demo-").tempdir();
    let folder = folder.map_err(|error| {
        let within = std::env::temp_dir();
        CliError::Failed(format!(
            "cannot make a folder for the demo's data in {} ({error}): set TMPDIR to a folder that can be written",
            within.display()
        ))
    })?;
    let secrets = [secret(), secret()];
    let config = config(args, folder.path(), &secrets)?;
    telemetry::init_logs(&config.log)?;
    let app = start(config).await?;
    if args.port != 0 && app.console.port() != args.port {
        output::complain(&format!("port {} is taken: the page gets another one", args.port));
    }

    let ready = async {
        simulate::post(&posted(args, &app, secrets)?).await?;
        caught_up(&app).await?;
        tell(&app, begun.elapsed(), args).await
    };
    let stopped = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    tokio::pin!(stopped);
    let outcome = tokio::select! {
        outcome = ready => outcome,
        () = &mut stopped => {
            Err(CliError::Failed("stopped before the demo was ready; nothing of it is left".to_owned()))
        }
    };
    if outcome.is_ok() && !args.once {
        stopped.await;
    }
    app.stop().await;
    outcome
}

/// A secret for this run alone.
fn secret() -> String {
    hex::encode(rand::rng().random::<[u8; 32]>())
}

/// The defaults, with a store of its own, random secrets, and the keys of what is planted.
fn config(args: &DemoArgs, folder: &Path, secrets: &[String; 2]) -> Result<Config, CliError> {
    let store = format!("sqlite://{}", folder.join("demo.db").display());
    let settings = [
        ("STORE__URL", store.as_str()),
        ("INGEST__LISTEN", "127.0.0.1:0"),
        ("CONSOLE__LISTEN", &format!("127.0.0.1:{}", args.port)),
        ("SOURCES__GITHUB__SECRETS", &secrets[0]),
        ("SOURCES__JENKINS__SECRETS", &secrets[1]),
        ("TAGS__KEYS", "size,region"),
        ("EXPORT__ENDPOINT", args.endpoint.as_deref().unwrap_or_default()),
        ("INSIGHT__TRACE_URL", args.trace_url.as_deref().unwrap_or_default()),
        ("LOG__LEVEL", "error"),
        ("LOG__FORMAT", "human"),
    ];
    let environment = settings.map(|(key, value)| (format!("VALUESTREAM__{key}"), value.to_owned()));
    let config = Config::load(None, environment)?;
    config.validate()?;
    Ok(config)
}

/// Starts the server; if its port is taken, on any other.
async fn start(mut config: Config) -> Result<App, CliError> {
    match App::start(&config).await {
        Err(StartError::Listen { source, .. }) if source.kind() == std::io::ErrorKind::AddrInUse => {
            config.console.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            Ok(App::start(&config).await?)
        }
        Err(StartError::Listen { key: "console.listen", address, source }) => Err(CliError::Failed(format!(
            "--port {}: {source}; give another one, such as 5001",
            address.port()
        ))),
        started => Ok(started?),
    }
}

/// What is posted, and where.
fn posted(args: &DemoArgs, app: &App, [github, jenkins]: [String; 2]) -> Result<simulate::Args, CliError> {
    let target = format!("http://{}", app.ingest).parse();
    Ok(simulate::Args {
        target: target.map_err(|_| CliError::Failed("the ingest listener has no address".to_owned()))?,
        github_secret: Some(SecretString::from(github)),
        jenkins_token: Some(SecretString::from(jenkins)),
        seed: args.seed,
        issues: args.issues,
        days: args.days,
        until: None,
        organisation: "acme".to_owned(),
        connections: 64,
        terse: true,
        shuffle: false,
        duplicates: 0,
    })
}

/// Waits until all that was posted is in the figures.
async fn caught_up(app: &App) -> Result<(), CliError> {
    while app.behind().await? > 0 {
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

/// Says what slow issues and failed deploys have in common, and where to look.
async fn tell(app: &App, took: Duration, args: &DemoArgs) -> Result<(), CliError> {
    // What is open the longest was opened on the first day; a few more leave room for what comes.
    let days = args.days + 18;
    let asked = |kind, measure| {
        let mut query = Query::new(clock::now());
        query.kind = kind;
        query.from = query.to.plus(-i64::from(days) * DAY);
        query.measure = Some(measure);
        query
    };
    let desk = app.desk();
    let slow = desk.correlations(&asked(Kind::Issue, Measure::Latency)).await;
    let failing = desk.correlations(&asked(Kind::Deploy, Measure::Failure)).await;
    let told = |report: Result<_, crate::insight::reports::ReportError>| -> Result<String, CliError> {
        let report = report.map_err(|error| CliError::Failed(error.to_string()))?;
        Ok(findings::sentence(&report))
    };
    let mut text = format!(
        "\nWhat slow issues have in common:\n  {}\n\nWhat failed deploys have in common:\n  {}\n\n\
         Ready after {:.1} s. The page: http://{}/?from={days}d\n",
        told(slow)?,
        told(failing)?,
        took.as_secs_f64(),
        app.console,
    );
    if !args.once {
        text.push_str("Ctrl-C ends it and deletes the demo's data.\n");
    }
    output::print(&text)?;
    Ok(())
}
