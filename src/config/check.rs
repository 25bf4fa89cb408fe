//! The parts of the configuration held against each other: what cannot work or would be open to
//! everybody is an error, what is probably not meant is a warning.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use secrecy::ExposeSecret;

use super::{BackendSettings, Config, ConfigError, MAIN_BACKEND, StoreUrl};
use crate::export::backend::{Backend, BackendError};
use crate::sources::verify::webhook;
use crate::work::key::Source;

/// A secret shorter than this, in bytes, can be guessed.
const SHORT: usize = 16;
/// Nobody waits longer than this for stragglers.
const LONG_SETTLE: Duration = Duration::from_secs(24 * 3600);
/// Whoever keeps items for less than this probably meant another unit.
const SHORT_RETENTION: Duration = Duration::from_secs(24 * 3600);

/// What works, and is probably not meant. To be told at start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// No source is on.
    #[error(
        "no source is on, so nothing can come in: set the secrets of one, such as sources.github.secrets"
    )]
    NoSource,
    /// A source believes everybody.
    #[error(
        "{0} deliveries are believed without a signature: anybody who can reach the listener can invent them"
    )]
    Unsigned(Source),
    /// A source that has a secret is said to allow what is unsigned.
    #[error("sources.{0}.allow_unsigned has no effect, since there is a secret")]
    UnsignedUnused(Source),
    /// A secret can be guessed.
    #[error(
        "{0} has a secret of less than {SHORT} characters: take a longer one, for instance from openssl rand -hex 32"
    )]
    ShortSecret(String),
    /// The console is open.
    #[error("the console is open to everybody who can reach {0}")]
    OpenConsole(SocketAddr),
    /// The console's token travels in the clear.
    #[error(
        "the console's token is sent without encryption: set console.tls_certificate and console.tls_key, or console.public_url if something in front of it ends TLS"
    )]
    PlainConsole,
    /// Spans are sent late.
    #[error("export.settle is over a day: spans will be sent that much later than the work ended")]
    LongSettle,
    /// Items are deleted soon.
    #[error(
        "{0} is less than a day, and what is past it is deleted for good: m are minutes; write months or M for months"
    )]
    ShortRetention(String),
    /// Credentials travel in the clear.
    #[error("the headers of backend {0} are sent without encryption: use https://")]
    PlainHeaders(String),
}

impl Config {
    /// Whether all of it makes sense together. Reads the files that it names.
    pub fn validate(&self) -> Result<Vec<Warning>, ConfigError> {
        let mut warnings = Vec::new();
        self.check_numbers()?;
        self.check_listeners(&mut warnings)?;
        self.check_sources(&mut warnings)?;
        self.check_export(&mut warnings)?;
        if let StoreUrl::Postgres(_) = self.store.url {
            self.database_access()?;
        }
        let short = self.retention.items.given().filter(|(_, age)| *age < SHORT_RETENTION);
        warnings.extend(short.map(|(kind, _)| Warning::ShortRetention(format!("retention.{kind}"))));
        self.insight()?;
        self.conventions()?;
        check_directives(&self.log.level).map_err(|problem| self.wrong("log.level", problem))?;
        Ok(warnings)
    }

    pub(super) fn wrong(&self, key: &str, problem: impl Into<String>) -> ConfigError {
        ConfigError::Value { key: key.to_owned(), origin: self.loaded.origin(key), problem: problem.into() }
    }

    fn check_numbers(&self) -> Result<(), ConfigError> {
        let ingest = &self.ingest;
        let zero = [
            ("ingest.max_body_bytes", ingest.max_body_bytes == 0),
            ("ingest.header_timeout", ingest.header_timeout.is_zero()),
            ("ingest.body_timeout", ingest.body_timeout.is_zero()),
            ("ingest.max_connections", ingest.max_connections == 0),
            ("ingest.queue", ingest.queue == 0),
            ("ingest.batch", ingest.batch == 0),
            ("ingest.shutdown", ingest.shutdown.is_zero()),
            ("console.session_lifetime", self.console.session_lifetime.is_zero()),
        ];
        if let Some((key, _)) = zero.iter().find(|(_, zero)| *zero) {
            return Err(self.wrong(key, "must be more than zero"));
        }
        let of_kinds =
            [("retention", &self.retention.items), ("insight.stuck_after", &self.insight.stuck_after)];
        for (section, ages) in of_kinds {
            if let Some((kind, _)) = ages.given().find(|(_, age)| age.is_zero()) {
                return Err(self.wrong(&format!("{section}.{kind}"), "must be more than zero, or empty"));
            }
        }
        if self.retention.deliveries.is_some_and(|age| age.is_zero()) {
            return Err(self.wrong("retention.deliveries", "must be more than zero, or empty"));
        }
        if ingest.max_buffered_bytes < ingest.max_body_bytes {
            let problem =
                format!("must be at least ingest.max_body_bytes, which is {}", ingest.max_body_bytes);
            return Err(self.wrong("ingest.max_buffered_bytes", problem));
        }
        Ok(())
    }

    fn check_listeners(&self, warnings: &mut Vec<Warning>) -> Result<(), ConfigError> {
        let (ingest, console) = (self.ingest.listen, self.console.listen);
        let same_address =
            ingest.ip() == console.ip() || ingest.ip().is_unspecified() || console.ip().is_unspecified();
        if ingest.port() != 0 && ingest.port() == console.port() && same_address {
            return Err(ConfigError::SamePort { ingest, console });
        }
        let tokens = self.console_tokens()?;
        if tokens.iter().any(|token| token.expose_secret().len() < SHORT) {
            warnings.push(Warning::ShortSecret("console.token".to_owned()));
        }
        let elsewhere = !is_loopback(console.ip());
        if tokens.is_empty() && elsewhere {
            if !self.console.allow_open {
                return Err(ConfigError::OpenConsole(console));
            }
            warnings.push(Warning::OpenConsole(console));
        }
        let known = self.console.is_encrypted() || self.console.public_url.is_some();
        if !tokens.is_empty() && elsewhere && !known {
            warnings.push(Warning::PlainConsole);
        }
        self.ingest_tls()?;
        self.console_tls()?;
        Ok(())
    }

    fn check_sources(&self, warnings: &mut Vec<Warning>) -> Result<(), ConfigError> {
        let mut any = false;
        for source in Source::ALL {
            let secrets = self.secrets(source)?;
            let unsigned = self.allow_unsigned(source);
            any |= unsigned || !secrets.is_empty();
            match (secrets.is_empty(), unsigned) {
                (true, true) => warnings.push(Warning::Unsigned(source)),
                (false, true) => warnings.push(Warning::UnsignedUnused(source)),
                _ => {}
            }
            let length = |secret: &str| webhook::key(secret).map_or(secret.len(), |key| key.len());
            if secrets.iter().any(|secret| length(secret.expose_secret()) < SHORT) {
                warnings.push(Warning::ShortSecret(format!("sources.{source}")));
            }
        }
        if !any {
            warnings.push(Warning::NoSource);
        }
        let jenkins = &self.sources.jenkins;
        let host = &jenkins.default_host;
        if host.is_empty() || host.contains(|c: char| c == '/' || c.is_whitespace()) {
            return Err(
                self.wrong("sources.jenkins.default_host", "must be a host's name, such as ci.example.org")
            );
        }
        for glob in &jenkins.deploy_jobs {
            crate::work::tags::glob(glob)
                .map_err(|error| self.wrong("sources.jenkins.deploy_jobs", error.to_string()))?;
        }
        Ok(())
    }

    fn check_export(&self, warnings: &mut Vec<Warning>) -> Result<(), ConfigError> {
        if self.export.settle > LONG_SETTLE {
            warnings.push(Warning::LongSettle);
        }
        self.check_backend("export", MAIN_BACKEND, &self.export.main, warnings)?;
        for (name, backend) in &self.export.backends {
            let section = format!("export.backends.{name}");
            if backend.endpoint.is_none() && backend.traces_endpoint.is_none() {
                return Err(
                    self.wrong(&format!("{section}.endpoint"), "is not set: where should its spans go?")
                );
            }
            self.check_backend(&section, name, backend, warnings)?;
        }
        Ok(())
    }

    fn check_backend(
        &self,
        section: &str,
        name: &str,
        settings: &BackendSettings,
        warnings: &mut Vec<Warning>,
    ) -> Result<(), ConfigError> {
        let locate = |error| self.locate(section, error);
        if let Some(backend) = Backend::new(name, settings).map_err(locate)? {
            backend.check_files().map_err(locate)?;
            if backend.exposes_headers() {
                warnings.push(Warning::PlainHeaders(name.to_owned()));
            }
        }
        Ok(())
    }

    /// What is wrong with a backend, with its whole key and where the value comes from.
    fn locate(&self, section: &str, error: BackendError) -> ConfigError {
        match error {
            BackendError::Setting { key, problem, .. } => self.wrong(&format!("{section}.{key}"), problem),
            BackendError::File { key, path, problem, .. } => {
                ConfigError::File { key: format!("{section}.{key}"), path, problem }
            }
            BackendError::Setup { problem, .. } => self.wrong(section, problem),
        }
    }
}

/// Loopback, also in the form of an IPv6 address that holds an IPv4 one.
fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

/// Whether the log understands `directives`. It would take a misspelt level for the name of a part
/// of the program, and then say nothing at all.
fn check_directives(directives: &str) -> Result<(), String> {
    use tracing_subscriber::filter::{EnvFilter, LevelFilter};
    let bare = |part: &&str| !part.is_empty() && !part.contains(['=', '[']);
    let levels = directives.split(',').map(str::trim).filter(bare);
    if let Some(bad) = levels.into_iter().find(|level| level.parse::<LevelFilter>().is_err()) {
        return Err(format!("{bad:?} is no level: write error, warn, info, debug or trace"));
    }
    EnvFilter::builder().parse(directives).map(|_| ()).map_err(|error| error.to_string())
}
