//! What `report` and `analyze` have in common: the question as options, whom to ask, and how the
//! answer is written.

use clap::{Args, ValueEnum};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::output::print;
use super::remote::Remote;
use super::sheet::Told;
use super::{CliError, ConfigArgs};
use crate::insight::query::Query;
use crate::insight::reports::{ReportError, Reports};
use crate::store::Store;
use crate::{app, clock};

/// The parameters of the API, and whom to ask.
#[derive(Debug, Args)]
pub(super) struct Asking {
    /// The kind of item: issue, pull_request, build, job or deploy
    #[arg(long)]
    pub kind: Option<String>,
    /// Items that ended since then: a date (2026-03-01), a time (2026-03-01T09:00:00Z), or so many days before --to [default: 90d]
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Items that ended before then; days count from now [default: now]
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Only items with an attribute, or with != without it; may be given several times
    #[arg(long, value_name = "KEY=VALUE")]
    filter: Vec<String>,
    /// What the environments of deployments are for: production, staging, development, other or any [default: production for DORA's metrics, else any]
    #[arg(long)]
    tier: Option<String>,
    /// The key to group by, such as team
    #[arg(long, value_name = "KEY")]
    group: Option<String>,
    /// How wide a trend's points are: day, week or month [default: by the length of the range]
    #[arg(long)]
    interval: Option<String>,
    /// The selected range of latency begins here, in seconds [default: the slowest tenth]
    #[arg(long, value_name = "SECONDS")]
    slower: Option<String>,
    /// It ends here, in seconds
    #[arg(long, value_name = "SECONDS")]
    faster: Option<String>,
    /// An attribute that is laid over the histogram
    #[arg(long, value_name = "KEY=VALUE")]
    overlay: Vec<String>,
    /// The most rows [default: 50]
    #[arg(long)]
    limit: Option<String>,
    /// Where to go on: next_cursor of the answer before
    #[arg(long)]
    cursor: Option<String>,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// A running server's console, such as http://127.0.0.1:5001 [default: the store is read]
    #[arg(long)]
    url: Option<String>,
    /// The server's console.token
    #[arg(long, env = "VALUESTREAM__CONSOLE__TOKEN", hide_env_values = true)]
    token: Option<SecretString>,
    #[command(flatten)]
    config: ConfigArgs,
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people, with units
    Table,
    /// As the API answers, indented
    Json,
    /// For spreadsheets: seconds and shares as plain numbers
    Csv,
}

/// A report that can be told in rows.
pub(super) trait Tell: Serialize {
    /// What it says.
    fn tell(&self) -> Told;
}

/// What is asked, of whoever answers.
pub(super) trait Question {
    /// The parameters of the API that it sets itself.
    fn parameters(&self) -> Vec<(&'static str, String)>;
    /// Asks, and writes the answer.
    async fn answer<R: Reports>(
        &self,
        reports: &R,
        query: &Query,
        format: Format,
    ) -> Result<String, CliError>;
}

impl Asking {
    /// Asks the question of the server or of the store, and prints the answer.
    pub async fn ask(&self, question: &impl Question) -> Result<(), CliError> {
        let text = match &self.url {
            Some(url) => {
                let token = self.token.clone().filter(|token| !token.expose_secret().is_empty());
                self.answer(question, &Remote::new(url, token)?).await?
            }
            None => {
                let (desk, store) = app::offline(&self.config.load()?).await?;
                let answer = self.answer(question, &desk).await;
                store.close().await;
                answer?
            }
        };
        Ok(print(&text)?)
    }

    /// The answer in its format.
    async fn answer<R: Reports>(&self, question: &impl Question, reports: &R) -> Result<String, CliError> {
        question.answer(reports, &self.query(question.parameters())?, self.format).await
    }

    /// The options as the API's parameters; `own` are those of the question.
    fn query(&self, own: Vec<(&'static str, String)>) -> Result<Query, ReportError> {
        let single = [
            ("kind", &self.kind),
            ("from", &self.from),
            ("to", &self.to),
            ("tier", &self.tier),
            ("group", &self.group),
            ("interval", &self.interval),
            ("slower", &self.slower),
            ("faster", &self.faster),
            ("limit", &self.limit),
            ("cursor", &self.cursor),
        ];
        let single = single.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?)));
        let several = [("filter", &self.filter), ("overlay", &self.overlay)];
        let several =
            several.iter().flat_map(|(name, values)| values.iter().map(|value| (*name, value.as_str())));
        let own = own.iter().map(|(name, value)| (*name, value.as_str()));
        Ok(Query::parse(own.chain(single).chain(several), clock::now())?)
    }
}

/// An answer in its format.
pub(super) fn written(report: &impl Tell, format: Format) -> Result<String, CliError> {
    Ok(match format {
        Format::Table => report.tell().table(),
        Format::Csv => report.tell().csv().map_err(std::io::Error::other)?,
        Format::Json => {
            let text = serde_json::to_string_pretty(report).map_err(std::io::Error::from)?;
            format!("{}\n", escaped(&text))
        }
    })
}

/// JSON escapes the controls of ASCII only; a terminal acts on some others, too. They stand in
/// strings, so that escaping them changes nothing.
fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\u{7f}'..='\u{9f}' => text.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests;
