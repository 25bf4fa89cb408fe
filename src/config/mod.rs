//! The configuration: `config/valuestream.toml` documents every key and holds the defaults; over
//! it come the standard `OTEL_EXPORTER_OTLP_*` variables, the file given with `--config` and
//! `VALUESTREAM__SECTION__KEY` in the environment. `layers` makes one tree of them in which every
//! value knows its origin, the structs here give it types, `check` holds the parts against each
//! other, `describe` shows what is in force.
//!
//! A secret is a [`SecretString`] from here on; no error and no description contains one.

mod check;
mod describe;
mod layers;
mod public_url;
mod read;
mod schema;
mod secrets;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use check::Warning;
pub use public_url::PublicUrl;
use secrecy::SecretString;
use serde::Deserialize;

use crate::export::backend::{Backend, BackendError, Compression, Endpoint, Headers, Protocol};
use crate::insight::environment::Environments;
use crate::insight::population;
use crate::insight::query::Tier;
use crate::store::Retention;
use crate::store::postgres::PostgresUrl;
use crate::work::convention::{Conventions, LinkRule, LinkRuleError};
use crate::work::key::Kind;
use crate::work::tags::{Rule, RuleError, Tagger};

/// The file that documents every key and holds the defaults.
pub const DEFAULTS: &str = include_str!("../../config/valuestream.toml");

/// The name of the backend that `[export]` itself describes, beside those of `[export.backends]`.
pub const MAIN_BACKEND: &str = "default";

/// Why there is no usable configuration. Names the key and where its value comes from.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file given with `--config` cannot be read.
    #[error("cannot read the configuration file {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{path} is not TOML: {problem}")]
    Syntax {
        /// The file.
        path: String,
        /// Where and what, without the line itself, which can hold a secret.
        problem: String,
    },
    /// There is no such key.
    #[error("unknown key {key} in {origin}{}", .hint.as_deref().map(|hint| format!(": did you mean {hint}?")).unwrap_or_default())]
    UnknownKey {
        /// The key, with dots.
        key: String,
        /// The file or the environment variable.
        origin: String,
        /// A key that exists and looks much like it, in the terms of the origin.
        hint: Option<String>,
    },
    /// A value is of no use.
    #[error("{key} in {origin}: {problem}")]
    Value {
        /// The key, with dots.
        key: String,
        /// The file or the environment variable; `the defaults` for what nobody set.
        origin: String,
        /// What is wrong and what to write instead.
        problem: String,
    },
    /// A rule that finds items in texts cannot be used.
    #[error(transparent)]
    Links(#[from] LinkRuleError),
    /// A rule or a key for tags cannot be used.
    #[error(transparent)]
    Tags(#[from] RuleError),
    /// The console would be open to everybody.
    #[error(
        "console.listen is {0}, which other machines can reach, and there is no console.token: set VALUESTREAM__CONSOLE__TOKEN, or listen on 127.0.0.1, or set console.allow_open = true if something in front of it asks who is there"
    )]
    OpenConsole(SocketAddr),
    /// Both listeners want the same port.
    #[error(
        "ingest.listen ({ingest}) and console.listen ({console}) want the same port: give them different ones"
    )]
    SamePort {
        /// Where webhooks come in.
        ingest: SocketAddr,
        /// Where the console is.
        console: SocketAddr,
    },
    /// A file that the configuration names cannot be used.
    #[error("{key}: {path}: {problem}")]
    File {
        /// The key that names it.
        key: String,
        /// The file.
        path: PathBuf,
        /// Why not.
        problem: String,
    },
}

/// Everything that can be configured.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Whether people's logins may be kept, shown and exported.
    pub people: bool,
    /// The listener for webhooks.
    pub ingest: IngestConfig,
    /// The listener for people and monitoring.
    pub console: ConsoleConfig,
    /// Where work items are kept.
    pub store: StoreConfig,
    /// How long what is over is kept.
    pub retention: RetentionConfig,
    /// The senders.
    pub sources: SourcesConfig,
    /// Where spans are sent.
    pub export: ExportSettings,
    /// What people slice by.
    pub tags: TagsConfig,
    /// How a company says what belongs together.
    pub links: LinksConfig,
    /// What is made of the items.
    pub insight: InsightConfig,
    /// The program's own log.
    pub log: LogConfig,
    /// What was loaded, and from where, with the secrets masked.
    #[serde(skip)]
    loaded: describe::Loaded,
}

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
    fn given(&self) -> impl Iterator<Item = (Kind, Duration)> {
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
    fn micros(&self) -> impl Iterator<Item = (Kind, i64)> {
        self.given().map(|(kind, age)| (kind, micros(age)))
    }
}

fn micros(age: Duration) -> i64 {
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

/// The address at which a tracing backend shows a trace, as a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceUrl(String);

impl TraceUrl {
    /// The address of one trace.
    pub fn of(&self, trace: &str) -> String {
        self.0.replace(Self::PLACE, trace)
    }

    const PLACE: &str = "{trace_id}";
}

impl std::str::FromStr for TraceUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let web = ["http://", "https://"].iter().any(|scheme| text.starts_with(scheme));
        if web && text.contains(Self::PLACE) {
            Ok(Self(text.to_owned()))
        } else {
            Err("write a URL with {trace_id} in it, such as http://localhost:16686/trace/{trace_id}"
                .to_owned())
        }
    }
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

impl Config {
    /// Puts together the defaults, `file` and `environment`. What is there is of the right type
    /// after this; [`Config::validate`] says whether it makes sense.
    pub fn load<K, V>(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, ConfigError>
    where
        K: AsRef<str>,
        V: AsRef<str>,
    {
        let tree = layers::merge(file, environment)?;
        let loaded = describe::Loaded::of(&tree);
        let config: Config = tree.try_deserialize().map_err(|error| loaded.explain(error))?;
        Ok(Config { loaded, ..config })
    }

    /// What is in force, as TOML, with secrets as `"***"` and the origin of all that is not a
    /// default. Shows what [`Config::load`] read, not what was changed in the fields since.
    pub fn describe(&self) -> String {
        self.loaded.to_string()
    }

    /// The rules and keys for tags, ready for use.
    pub fn tagger(&self) -> Result<Tagger, ConfigError> {
        Ok(Tagger::new(&self.tags.keys, &self.tags.rules)?)
    }

    /// The rules that find items in texts, ready for use.
    pub fn conventions(&self) -> Result<Conventions, ConfigError> {
        Ok(Conventions::new(&self.links.rules)?)
    }

    /// Which environments are for what.
    pub fn environments(&self) -> Result<Environments, ConfigError> {
        let insight = &self.insight;
        let tiers = [
            (Tier::Production, "production", &insight.production),
            (Tier::Staging, "staging", &insight.staging),
            (Tier::Development, "development", &insight.development),
        ];
        for (_, key, globs) in tiers {
            if let Err(error) = Environments::new(&[(Tier::Other, globs)]) {
                return Err(self.wrong(&format!("insight.{key}"), error.to_string()));
            }
        }
        Environments::new(&tiers.map(|(tier, _, globs)| (tier, globs.as_slice())))
            .map_err(|error| self.wrong("insight", error.to_string()))
    }

    /// How long what is over is kept.
    pub fn retention(&self) -> Retention {
        Retention::new(self.retention.items.micros(), self.retention.deliveries.map(micros))
    }

    /// What insight needs to know: the keys of tags, the environments' tiers, and incidents' labels.
    pub fn insight(&self) -> Result<population::Settings, ConfigError> {
        Ok(population::Settings {
            tag_keys: self.tagger()?.keys().to_vec(),
            environments: self.environments()?,
            incident_labels: self.insight.incident_labels.clone(),
            stuck_after: self.insight.stuck_after.micros().collect(),
        })
    }

    /// All backends that have an endpoint, the main one first, the others by name.
    pub fn backends(&self) -> Result<Vec<Backend>, BackendError> {
        let main = std::iter::once((MAIN_BACKEND, &self.export.main));
        let further = self.export.backends.iter().map(|(name, settings)| (name.as_str(), settings));
        main.chain(further).filter_map(|(name, settings)| Backend::new(name, settings).transpose()).collect()
    }
}

/// The process's environment, as [`Config::load`] takes it. What is not UTF-8 comes with the
/// replacement character, which `load` refuses in the variables that concern it.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
}

#[cfg(test)]
mod tests;
