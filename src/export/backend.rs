//! A backend: where spans go, over which protocol, and with what. Made out of the settings of the
//! configuration and, for the default backend, of the `OTEL_EXPORTER_OTLP_*` variables; whatever
//! is wrong with them is said at start, by the name under which it was written.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;
use secrecy::SecretString;

use super::headers;
use super::settings::HeaderSettings;
pub use super::settings::{BackendSettings, HeaderSettings as Headers};

/// The name of the backend that `[export]` itself describes. It alone takes what the
/// configuration leaves out from `OTEL_EXPORTER_OTLP_*`.
pub const DEFAULT: &str = "default";

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
const DEFAULT_BATCH: usize = 512;
const GRPC_PORT: u16 = 4317;

/// How requests travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// OTLP over gRPC.
    Grpc,
    /// OTLP as protobuf in HTTP/1.1 requests.
    HttpProtobuf,
}

/// Whether requests are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// As they are.
    None,
    /// With gzip.
    Gzip,
}

/// A certificate that proves who the sender is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// PEM file with the certificate, and those between it and its authority.
    pub certificate: PathBuf,
    /// PEM file with its private key.
    pub key: PathBuf,
}

/// The address that requests go to, path included: `http` or `https`, with a host and without
/// credentials. Prints without its query, which may hold a key.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint(Url);

impl Endpoint {
    /// The whole address, to connect to and not to print.
    pub fn url(&self) -> &Url {
        &self.0
    }

    /// Whether the connection is encrypted.
    pub fn is_tls(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Whether it is this very machine.
    pub(super) fn is_loopback(&self) -> bool {
        let host = self.0.host_str().unwrap_or_default().trim_matches(['[', ']']);
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.0.clone();
        shown.set_query(None);
        f.write_str(shown.as_str())
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One backend, checked as far as that goes without the network or the file system.
#[derive(Clone, Debug)]
pub struct Backend {
    /// Its name in the configuration, in logs and in the store; [`DEFAULT`] for `[export]`.
    pub name: String,
    /// Where requests go.
    pub endpoint: Endpoint,
    /// How they travel.
    pub protocol: Protocol,
    /// What goes along with each: names in lower case, and values that never print.
    pub headers: Vec<(String, SecretString)>,
    /// Whether they are compressed.
    pub compression: Compression,
    /// How long one may take, from connecting to the end of the answer.
    pub timeout: Duration,
    /// The only authorities to trust; the system's if `None`.
    pub ca_certificate: Option<PathBuf>,
    /// The certificate to show.
    pub client_certificate: Option<ClientCertificate>,
    /// The most spans in one request, at least 1.
    pub batch_spans: usize,
}

/// Why a backend cannot be used as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// A setting that makes no sense.
    #[error("export backend '{backend}': {key}: {problem}")]
    Setting {
        /// The backend's name.
        backend: String,
        /// The key in its section, or the environment variable.
        key: String,
        /// What is wrong, and what to write instead.
        problem: String,
    },
    /// A file that cannot be read or does not hold what it should.
    #[error("export backend '{backend}': {}: {problem}", path.display())]
    File {
        /// The backend's name.
        backend: String,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The client cannot be set up.
    #[error("export backend '{backend}': {problem}")]
    Setup {
        /// The backend's name.
        backend: String,
        /// What is wrong.
        problem: String,
    },
}

/// A value and the name under which it was written.
struct Found {
    value: String,
    key: String,
    /// Whether an `OTEL_` variable holds it, with its own units and meaning.
    otel: bool,
}

/// The two places where a setting can come from.
struct Lookup<'a> {
    backend: &'a str,
    otel: Option<Variables<'a>>,
}

/// Looks up a variable of the environment.
type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Lookup<'_> {
    /// What the configuration says under `key`, else the environment under `OTEL_…_{suffix}`,
    /// where the variable for traces goes before the general one.
    fn find(&self, configured: Option<&String>, key: &str, suffix: &str) -> Option<Found> {
        if let Some(value) = configured {
            return Some(Found { value: value.clone(), key: key.to_owned(), otel: false });
        }
        let otel = self.otel?;
        ["OTEL_EXPORTER_OTLP_TRACES_", "OTEL_EXPORTER_OTLP_"].iter().find_map(|prefix| {
            let key = format!("{prefix}{suffix}");
            let value = otel(&key)?.trim().to_owned();
            (!value.is_empty()).then_some(Found { value, key, otel: true })
        })
    }

    fn error(&self, key: &str, problem: impl Into<String>) -> BackendError {
        BackendError::Setting {
            backend: self.backend.to_owned(),
            key: key.to_owned(),
            problem: problem.into(),
        }
    }
}

impl Backend {
    /// The backend that `settings` describe; `None` if nothing says where to send. `otel` looks up
    /// an environment variable and is asked only for the backend called [`DEFAULT`].
    pub fn resolve(
        name: &str,
        settings: &BackendSettings,
        otel: &impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Backend>, BackendError> {
        let lookup = Lookup { backend: name, otel: (name == DEFAULT).then_some(otel) };

        let Some(endpoint) = lookup.find(settings.endpoint.as_ref(), "endpoint", "ENDPOINT") else {
            return Ok(None);
        };
        let mut url = parse_url(&endpoint.value).map_err(|problem| lookup.error(&endpoint.key, problem))?;
        let protocol = match lookup.find(settings.protocol.as_ref(), "protocol", "PROTOCOL") {
            Some(found) => {
                parse_protocol(&found.value).map_err(|problem| lookup.error(&found.key, problem))?
            }
            None if url.port() == Some(GRPC_PORT) => Protocol::Grpc,
            None => Protocol::HttpProtobuf,
        };
        match protocol {
            Protocol::Grpc if url.path() != "/" || url.query().is_some() => {
                let problem = "gRPC has no path; leave it out, or set protocol to http/protobuf";
                return Err(lookup.error(&endpoint.key, problem));
            }
            Protocol::HttpProtobuf if endpoint.key != "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" => {
                add_traces_path(&mut url);
            }
            Protocol::Grpc | Protocol::HttpProtobuf => {}
        }

        let (headers, key) = match &settings.headers {
            HeaderSettings::Absent => match lookup.find(None, "headers", "HEADERS") {
                Some(found) => (headers::read(&HeaderSettings::Text(found.value.into())), found.key),
                None => (Ok(Vec::new()), String::new()),
            },
            written => (headers::read(written), "headers".to_owned()),
        };
        let headers = headers.map_err(|problem| lookup.error(&key, problem))?;
        if protocol == Protocol::Grpc
            && let Some((name, _)) = headers.iter().find(|(name, _)| name.ends_with("-bin"))
        {
            return Err(lookup.error(&key, format!("'{name}' would be binary in gRPC; rename it")));
        }

        let compression = match lookup.find(settings.compression.as_ref(), "compression", "COMPRESSION") {
            None => Compression::None,
            Some(found) => match found.value.as_str() {
                "none" => Compression::None,
                "gzip" => Compression::Gzip,
                other => {
                    return Err(lookup.error(&found.key, format!("'{other}' is unknown; write none or gzip")));
                }
            },
        };
        let timeout = match lookup.find(settings.timeout.as_ref(), "timeout", "TIMEOUT") {
            None => DEFAULT_TIMEOUT,
            Some(found) => parse_timeout(&found).map_err(|problem| lookup.error(&found.key, problem))?,
        };
        let batch_spans = match &settings.batch {
            None => DEFAULT_BATCH,
            Some(text) => text.parse().ok().filter(|spans| *spans > 0).ok_or_else(|| {
                lookup.error("batch", format!("'{text}' is not a number of spans; write 1 or more"))
            })?,
        };

        let file = |configured: &Option<String>, key: &str, suffix: &str| {
            lookup.find(configured.as_ref(), key, suffix)
        };
        let ca_certificate = file(&settings.ca_certificate, "ca_certificate", "CERTIFICATE");
        let certificate = file(&settings.client_certificate, "client_certificate", "CLIENT_CERTIFICATE");
        let key = file(&settings.client_key, "client_key", "CLIENT_KEY");
        let client_certificate = match (certificate, key) {
            (None, None) => None,
            (Some(certificate), Some(key)) => {
                Some(ClientCertificate { certificate: certificate.value.into(), key: key.value.into() })
            }
            (Some(found), None) | (None, Some(found)) => {
                let problem = "a client certificate and its key go together; set both or none";
                return Err(lookup.error(&found.key, problem));
            }
        };

        Ok(Some(Backend {
            name: name.to_owned(),
            endpoint: Endpoint(url),
            protocol,
            headers,
            compression,
            timeout,
            ca_certificate: ca_certificate.map(|found| found.value.into()),
            client_certificate,
            batch_spans,
        }))
    }
}

/// An address that can be sent to. What is wrong is said without quoting it: it may hold a key.
fn parse_url(text: &str) -> Result<Url, &'static str> {
    const FORM: &str = "write it as http://host:port or https://host:port";
    let mut url = Url::parse(text).map_err(|_| FORM)?;
    // `host:4317` parses too, as an address of the scheme `host`.
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(FORM);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("credentials do not belong into an address; put them into headers");
    }
    url.set_fragment(None);
    Ok(url)
}

fn parse_protocol(text: &str) -> Result<Protocol, String> {
    match text {
        "grpc" => Ok(Protocol::Grpc),
        "http/protobuf" => Ok(Protocol::HttpProtobuf),
        "http/json" => {
            Err("http/json is not supported; write http/protobuf, which goes to the same port".into())
        }
        other => Err(format!("'{other}' is unknown; write grpc or http/protobuf")),
    }
}

/// The path of a base address, as the OpenTelemetry specification says, unless it is the full one.
fn add_traces_path(url: &mut Url) {
    let path = url.path().trim_end_matches('/').to_owned();
    if path.ends_with("traces") {
        url.set_path(&path);
    } else {
        url.set_path(&format!("{path}/v1/traces"));
    }
}

fn parse_timeout(found: &Found) -> Result<Duration, String> {
    let (timeout, form) = if found.otel {
        (found.value.parse().ok().map(Duration::from_millis), "milliseconds, such as 10000")
    } else {
        let parsed = humantime_serde::re::humantime::parse_duration(&found.value);
        (parsed.ok(), "a duration with its unit, such as 10s")
    };
    timeout
        .filter(|timeout| !timeout.is_zero())
        .ok_or_else(|| format!("'{}' is no time to wait; write {form}", found.value))
}

#[cfg(test)]
#[path = "backend_tests.rs"]
mod tests;
