//! The sections of the configuration file as types, in the file's order. They say what a key means;
//! how a text becomes a value is in `read`, and what the values must be to each other in `check`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;

#[cfg(doc)]
use super::Config;
use super::{PublicUrl, TraceUrl, read};
#[cfg(doc)]
use crate::export::backend::Backend;
use crate::export::backend::{Compression, Endpoint, Headers, Protocol};
use crate::store::postgres::PostgresUrl;
use crate::work::convention::LinkRule;
use crate::work::key::Kind;
use crate::work::tags::Rule;

/// `[ingest]`: the listener for webhooks.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IngestConfig {
    /// Address and port; port 0 takes any free one.
    #[serde(deserialize_with = "read::address")]
    pub listen: SocketAddr,
    /// The largest body, in bytes.
    pub max_body_bytes: usize,
    /// How long a sender may take for a request's head, and take nothing of an answer.
    #[serde(with = "humantime_serde")]
    pub header_timeout: Duration,
    /// How long a sender may take for a request's body.
    #[serde(with = "humantime_serde")]
    pub body_timeout: Duration,
    /// How many connections may be open at the same time.
    pub max_connections: usize,
    /// How much memory the bodies being read may take together, in bytes.
    pub max_buffered_bytes: usize,
    /// How many deliveries may wait for a commit.
    pub queue: usize,
    /// The most deliveries that share one commit.
    pub batch: usize,
    /// How long a commit waits for company.
    #[serde(with = "humantime_serde")]
    pub gather: Duration,
    /// How long a shutdown goes on taking deliveries after `/readyz` has begun to say no.
    #[serde(with = "humantime_serde")]
    pub drain: Duration,
    /// How long a shutdown may take to finish what is in flight.
    #[serde(with = "humantime_serde")]
    pub shutdown: Duration,
    /// How many wrong signatures and tokens of one address are answered with 401 in a minute, before
    /// it is 429; 0 is no limit.
    pub failures_per_minute: u32,
    /// PEM file with the certificate to show; without one the listener speaks HTTP in the clear.
    #[serde(deserialize_with = "read::given")]
    pub tls_certificate: Option<PathBuf>,
    /// PEM file with its key.
    #[serde(deserialize_with = "read::given")]
    pub tls_key: Option<PathBuf>,
}

/// `[console]`: the listener for people and monitoring.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsoleConfig {
    /// Address and port; port 0 takes any free one.
    #[serde(deserialize_with = "read::address")]
    pub listen: SocketAddr,
    /// A token that requests must bring; see [`Config::console_tokens`] for this and those of the
    /// file.
    #[serde(deserialize_with = "read::secret")]
    pub token: Option<SecretString>,
    /// A file with further tokens, one per line.
    #[serde(deserialize_with = "read::given")]
    pub token_file: Option<PathBuf>,
    /// Whether other machines may reach it without a token.
    pub allow_open: bool,
    /// How long somebody who has logged in is let in without the token.
    #[serde(with = "humantime_serde")]
    pub session_lifetime: Duration,
    /// The address under which people reach it, if something is in front of it.
    #[serde(deserialize_with = "read::given")]
    pub public_url: Option<PublicUrl>,
    /// Whether browsers are told to ask this host for nothing but https any more.
    pub hsts: bool,
    /// How many wrong tokens of one address are answered with 401 in a minute, before it is 429; 0
    /// is no limit.
    pub failures_per_minute: u32,
    /// PEM file with the certificate to show; without one the listener speaks HTTP in the clear.
    #[serde(deserialize_with = "read::given")]
    pub tls_certificate: Option<PathBuf>,
    /// PEM file with its key.
    #[serde(deserialize_with = "read::given")]
    pub tls_key: Option<PathBuf>,
}

impl ConsoleConfig {
    /// Whether people reach it over an encrypted connection, its own or that of what is in front.
    pub fn is_encrypted(&self) -> bool {
        self.tls_certificate.is_some() || self.public_url.as_ref().is_some_and(PublicUrl::is_https)
    }
}

/// `[store]`: where work items are kept.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreConfig {
    /// Which database.
    #[serde(deserialize_with = "read::store_url")]
    pub url: StoreUrl,
    /// How much of an SQLite database is kept in memory, in bytes.
    pub cache_bytes: usize,
    /// A file with the password for PostgreSQL.
    #[serde(deserialize_with = "read::given")]
    pub password_file: Option<PathBuf>,
    /// PEM file with the only authorities to trust for PostgreSQL; the system's if `None`.
    #[serde(deserialize_with = "read::given")]
    pub ca_certificate: Option<PathBuf>,
    /// The most connections to PostgreSQL.
    pub connections: usize,
}

/// Which database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreUrl {
    /// An SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL database.
    Postgres(PostgresUrl),
}

/// `[retention]`: how long what is over is kept; for ever where there is no age.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "read::Retention")]
pub struct RetentionConfig {
    /// Items.
    pub items: Ages,
    /// The identities of deliveries.
    pub deliveries: Option<Duration>,
}

/// A time for each kind of item, or none.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ages {
    /// Issues.
    #[serde(deserialize_with = "read::age")]
    pub issue: Option<Duration>,
    /// Pull requests.
    #[serde(deserialize_with = "read::age")]
    pub pull_request: Option<Duration>,
    /// Builds.
    #[serde(deserialize_with = "read::age")]
    pub build: Option<Duration>,
    /// Jobs.
    #[serde(deserialize_with = "read::age")]
    pub job: Option<Duration>,
    /// Deploys.
    #[serde(deserialize_with = "read::age")]
    pub deploy: Option<Duration>,
    /// Sprints.
    #[serde(deserialize_with = "read::age")]
    pub sprint: Option<Duration>,
}

impl Ages {
    /// The time of each kind that has one.
    pub(super) fn given(&self) -> impl Iterator<Item = (Kind, Duration)> {
        let all = [
            (Kind::Issue, self.issue),
            (Kind::PullRequest, self.pull_request),
            (Kind::Build, self.build),
            (Kind::Job, self.job),
            (Kind::Deploy, self.deploy),
            (Kind::Sprint, self.sprint),
        ];
        all.into_iter().filter_map(|(kind, age)| Some((kind, age?)))
    }

    /// The same in microseconds.
    pub(super) fn micros(&self) -> impl Iterator<Item = (Kind, i64)> {
        self.given().map(|(kind, age)| (kind, micros(age)))
    }
}

/// An age in microseconds; one that is longer than can be counted is the longest that can.
pub(super) fn micros(age: Duration) -> i64 {
    i64::try_from(age.as_micros()).unwrap_or(i64::MAX)
}

/// `[sources]`: the senders.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourcesConfig {
    /// GitHub.
    pub github: SourceConfig,
    /// Jenkins.
    pub jenkins: JenkinsConfig,
    /// GitLab.
    pub gitlab: SourceConfig,
    /// Jira.
    pub jira: SourceConfig,
    /// CDEvents.
    pub cdevents: SourceConfig,
    /// Custom events.
    pub custom: SourceConfig,
}

/// `[sources.github]` and others of the same keys.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceConfig {
    /// The webhook's secrets; see [`Config::secrets`] for these and those of the file.
    pub secrets: Vec<SecretString>,
    /// A file with further secrets, one per line.
    #[serde(deserialize_with = "read::given")]
    pub secret_file: Option<PathBuf>,
    /// Whether deliveries are believed unsigned, if there is no secret.
    pub allow_unsigned: bool,
}

/// `[sources.jenkins]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JenkinsConfig {
    /// The tokens; see [`Config::secrets`] for these and those of the file.
    pub secrets: Vec<SecretString>,
    /// A file with further tokens, one per line.
    #[serde(deserialize_with = "read::given")]
    pub secret_file: Option<PathBuf>,
    /// Whether deliveries are believed without a token, if there is none.
    pub allow_unsigned: bool,
    /// The host in the keys of builds whose payload names none.
    pub default_host: String,
    /// Globs on a job's path whose builds are deploys; see [`crate::work::tags::glob`].
    pub deploy_jobs: Vec<String>,
}

/// `[export]`: where spans are sent.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "read::Export")]
pub struct ExportSettings {
    /// The backend that `[export]` itself describes; without an endpoint there is none.
    pub main: BackendSettings,
    /// How long a closed item waits for stragglers before it is exported.
    pub settle: Duration,
    /// Further backends, by name.
    pub backends: BTreeMap<String, BackendSettings>,
}

/// One OTLP backend. [`Backend::new`] holds these against each other.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackendSettings {
    /// Where to send: the base address, which `/v1/traces` is appended to for HTTP.
    #[serde(deserialize_with = "read::given")]
    pub endpoint: Option<Endpoint>,
    /// The whole address, used as it is; wins over `endpoint`.
    #[serde(deserialize_with = "read::given")]
    pub traces_endpoint: Option<Endpoint>,
    /// How requests travel; the endpoint's port decides if `None`.
    #[serde(deserialize_with = "read::given")]
    pub protocol: Option<Protocol>,
    /// Headers of every request.
    pub headers: Headers,
    /// A file with further headers, one per line.
    #[serde(deserialize_with = "read::given")]
    pub headers_file: Option<PathBuf>,
    /// Whether requests are compressed.
    #[serde(deserialize_with = "read::parsed")]
    pub compression: Compression,
    /// How long one request may take, from connecting to the end of the answer.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    /// The most spans in one request.
    pub batch: usize,
    /// PEM file with the only certificates to trust; the system's if `None`.
    #[serde(deserialize_with = "read::given")]
    pub ca_certificate: Option<PathBuf>,
    /// PEM file with the certificate to show.
    #[serde(deserialize_with = "read::given")]
    pub client_certificate: Option<PathBuf>,
    /// PEM file with its key.
    #[serde(deserialize_with = "read::given")]
    pub client_key: Option<PathBuf>,
}

/// `[tags]`: what people slice by.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TagsConfig {
    /// Tag keys besides the built-in ones.
    pub keys: Vec<String>,
    /// Rules that give tags.
    pub rules: Vec<Rule>,
}

/// `[links]`: how a company says what belongs together.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinksConfig {
    /// Rules that find items in texts.
    pub rules: Vec<LinkRule>,
}

/// `[insight]`: what is made of the items.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InsightConfig {
    /// Globs on the environments that users use.
    pub production: Vec<String>,
    /// Globs on the environments before it.
    pub staging: Vec<String>,
    /// Globs on the environments where things are tried.
    pub development: Vec<String>,
    /// Labels that make an issue an incident.
    pub incident_labels: Vec<String>,
    /// Where the tracing backend shows a trace, with `{trace_id}` in it.
    #[serde(deserialize_with = "read::given")]
    pub trace_url: Option<TraceUrl>,
    /// How long an item of each kind may be open before it counts as stuck.
    pub stuck_after: Ages,
}

/// `[log]`: the program's own log.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// How much is said: a level, or directives by part.
    pub level: String,
    /// How it is written.
    pub format: LogFormat,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum LogFormat {
    /// For people on a terminal, else as JSON.
    Auto,
    /// One JSON object a line.
    Json,
    /// For people.
    Human,
}

impl TryFrom<String> for LogFormat {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.as_str() {
            "auto" => Ok(LogFormat::Auto),
            "json" => Ok(LogFormat::Json),
            "human" => Ok(LogFormat::Human),
            _ => Err("write \"json\", \"human\" or \"auto\""),
        }
    }
}
