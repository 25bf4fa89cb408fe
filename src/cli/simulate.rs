//! `valuestream simulate`: posts what the senders of a whole organisation would post over months,
//! signed, in minutes. The deliveries come from [`crate::simulate`]; [`post`] sends them.

pub mod post;
pub mod summary;

use std::io::{self, IsTerminal, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use reqwest::Url;
use secrecy::SecretString;

use self::post::{Poster, Progress, Tally};
use self::summary::Credentials;
use crate::clock;
use crate::simulate::arrival::Arrival;
use crate::simulate::{Settings, Simulation, Talk};
use crate::work::time::Time;

const EXAMPLE: &str = "\
Example:
  valuestream simulate --target http://127.0.0.1:5000 --github-secret s3cret --jenkins-token t0ken
  valuestream simulate --target http://127.0.0.1:5000 --issues 2000 --days 180 --shuffle --duplicates 5

The same seed, organisation and span of time give the same deliveries, byte for byte. For a second
simulation on the same server, give another --organisation: numbers are given out anew each time.";

/// Posts the signed deliveries of a simulated organisation to a server.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The server's ingest listener
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:5000", value_parser = target)]
    pub target: Url,
    /// Signs GitHub's deliveries: one of the server's sources.github.secrets
    #[arg(long, value_name = "SECRET", env = "VALUESTREAM_SIMULATE_GITHUB_SECRET", hide_env_values = true)]
    pub github_secret: Option<SecretString>,
    /// The token that Jenkins sends: one of the server's sources.jenkins.secrets
    #[arg(long, value_name = "TOKEN", env = "VALUESTREAM_SIMULATE_JENKINS_TOKEN", hide_env_values = true)]
    pub jenkins_token: Option<SecretString>,
    /// Decides everything that happens
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How many issues are opened; each brings about 47 deliveries
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub issues: u32,
    /// Over how many days
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=3_650))]
    pub days: u32,
    /// When the last of these days ends, such as 2026-03-31T18:00:00Z [default: now]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub until: Option<Time>,
    /// The organisation's name: the owner on GitHub, the folder on Jenkins
    #[arg(long, value_name = "NAME", default_value = "acme", value_parser = name)]
    pub organisation: String,
    /// How many deliveries are under way at one time
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1_024))]
    pub connections: u16,
    /// Senders say no more than is needed: no pushes, and of a Jenkins build only its end
    #[arg(long)]
    pub terse: bool,
    /// Sends them in any order instead of the senders'
    #[arg(long)]
    pub shuffle: bool,
    /// How many of a hundred are sent twice
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=100))]
    pub duplicates: u8,
}

/// Why a simulation is not a success.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// The HTTP client could not be set up.
    #[error("cannot set up the HTTP client: {0}")]
    Client(#[source] reqwest::Error),
    /// Nobody listens, or no longer.
    #[error(
        "cannot reach {target} ({reason}): start the server with `valuestream serve`, or give its address with --target"
    )]
    Unreachable {
        /// Where.
        target: String,
        /// What the system said.
        reason: String,
    },
    /// The server refused deliveries.
    #[error("{count} deliveries were not taken\n  {}", advice.join("\n  "))]
    NotTaken {
        /// How many, with those that were not even sent.
        count: u64,
        /// What to do, one line for each kind of refusal.
        advice: Vec<String>,
    },
    /// The summary could not be written.
    #[error("cannot write the summary: {0}")]
    Output(#[from] io::Error),
}

fn target(text: &str) -> Result<Url, String> {
    let url: Url = text.parse().map_err(|_| "write a URL such as http://127.0.0.1:5000".to_owned())?;
    let plain = matches!(url.scheme(), "http" | "https") && url.query().is_none() && url.fragment().is_none();
    if plain && url.has_host() {
        Ok(url)
    } else {
        Err("write a URL such as http://127.0.0.1:5000".to_owned())
    }
}

fn time(text: &str) -> Result<Time, String> {
    Time::parse(text).ok_or_else(|| "write a time such as 2026-03-31T18:00:00Z".to_owned())
}

fn name(text: &str) -> Result<String, String> {
    let usable = (1..=39).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !text.starts_with('-');
    if usable { Ok(text.to_owned()) } else { Err("use up to 39 letters, digits and dashes".to_owned()) }
}

impl Args {
    /// What is to be simulated, if it ends now unless said otherwise.
    fn settings(&self, now: Time) -> Settings {
        Settings {
            seed: self.seed,
            issues: self.issues,
            until: self.until.unwrap_or(now),
            days: self.days,
            organisation: self.organisation.clone(),
            talk: if self.terse { Talk::Terse } else { Talk::All },
            github_secret: self.github_secret.clone(),
            jenkins_token: self.jenkins_token.clone(),
        }
    }

    fn credentials(&self) -> Credentials {
        Credentials { github: self.github_secret.is_some(), jenkins: self.jenkins_token.is_some() }
    }
}

/// Posts the simulation and writes the summary to standard output. An error if any delivery was
/// not taken.
pub async fn run(args: Args) -> Result<(), SimulateError> {
    let begun = Instant::now();
    let tally = simulate(&args).await?;
    let mut out = io::stdout().lock();
    out.write_all(summary::table(&tally, begun.elapsed()).as_bytes())?;
    out.flush()?;
    verdict(&args, tally)
}

/// Posts the simulation. An error if any delivery was not taken.
pub(super) async fn post(args: &Args) -> Result<(), SimulateError> {
    let tally = simulate(args).await?;
    verdict(args, tally)
}

/// Whether all was taken, and if not, why.
fn verdict(args: &Args, tally: Tally) -> Result<(), SimulateError> {
    let count = tally.refused() + tally.unsent;
    let advice = summary::advice(&tally, args.credentials());
    match tally.unreachable {
        Some(reason) => {
            let target = args.target.as_str().trim_end_matches('/').to_owned();
            Err(SimulateError::Unreachable { target, reason })
        }
        None if count > 0 => Err(SimulateError::NotTaken { count, advice }),
        None => Ok(()),
    }
}

/// Posts the simulation, showing progress on standard error.
async fn simulate(args: &Args) -> Result<Tally, SimulateError> {
    let poster = Poster::new(&args.target, usize::from(args.connections), !args.shuffle)
        .map_err(SimulateError::Client)?;
    let simulation = Simulation::new(args.settings(clock::now()));
    let arrival = Arrival { shuffle: args.shuffle, duplicates_percent: args.duplicates, seed: args.seed };

    let counted = simulation.clone();
    let census = tokio::task::spawn_blocking(move || counted.census()).await.unwrap_or_default();
    let total = census.deliveries + census.deliveries * u64::from(args.duplicates) / 100;

    let progress = Arc::new(Progress::default());
    let mut shown = Shown::new(total);
    shown.say(&format!(
        "posting {} issues, {} incidents, {} pull requests, {} builds and {} deploys in {} deliveries to {}",
        census.issues,
        census.incidents,
        census.pulls,
        census.builds,
        census.deploys,
        census.deliveries,
        args.target
    ));
    let posting = poster.post(arrival.of(simulation.deliveries()), &progress);
    tokio::pin!(posting);
    let mut ticks = tokio::time::interval(shown.every());
    // The first tick comes at once, when there is nothing to show.
    ticks.tick().await;
    loop {
        tokio::select! {
            () = &mut posting => break,
            _ = ticks.tick() => shown.at(progress.done()),
        }
    }
    Ok(progress.tally())
}

/// Progress on standard error: a bar on a terminal, else a line every few seconds.
struct Shown {
    total: u64,
    bar: Option<ProgressBar>,
}

impl Shown {
    fn new(total: u64) -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{wide_bar} {human_pos}/{human_len} {rate} {eta} left")
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .with_key("rate", |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                    let _ = write!(out, "{:.0}/s", state.per_sec());
                });
            ProgressBar::new(total).with_style(style)
        });
        Self { total, bar }
    }

    fn every(&self) -> Duration {
        if self.bar.is_some() { Duration::from_millis(100) } else { Duration::from_secs(5) }
    }

    fn say(&self, line: &str) {
        // Progress that cannot be shown is no reason to stop.
        let _ = writeln!(io::stderr(), "{line}");
    }

    fn at(&mut self, done: u64) {
        match &self.bar {
            Some(bar) => {
                // How many duplicates there are is only known at the end.
                bar.set_length(self.total.max(done));
                bar.set_position(done);
            }
            None => self.say(&format!("{done} of {} deliveries", self.total.max(done))),
        }
    }
}

/// However it ends, no half of a bar stays on the terminal.
impl Drop for Shown {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests;
