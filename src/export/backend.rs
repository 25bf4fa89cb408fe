//! A backend: where spans go, over which protocol, and with what. Made out of the settings of the
//! configuration, which have their types by then; here they are held against each other, and
//! whatever does not fit is said at start, by its key.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use reqwest::Url;

pub use super::headers::Headers;
use super::tls;
use crate::config::BackendSettings;

/// The port that means gRPC where nobody says how to send.
const GRPC_PORT: u16 = 4317;

/// How requests travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// OTLP over gRPC.
    Grpc,
    /// OTLP as protobuf in HTTP/1.1 requests.
    HttpProtobuf,
}

impl FromStr for Protocol {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "grpc" => Ok(Protocol::Grpc),
            "http/protobuf" => Ok(Protocol::HttpProtobuf),
            "http/json" => {
                Err("http/json is not supported; write http/protobuf, which goes to the same port".into())
            }
            other => Err(format!("'{other}' is unknown; write grpc or http/protobuf")),
        }
    }
}

/// Whether requests are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// As they are.
    None,
    /// With gzip.
    Gzip,
}

impl FromStr for Compression {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Compression::None),
            "gzip" => Ok(Compression::Gzip),
            other => Err(format!("'{other}' is unknown; write none or gzip")),
        }
    }
}

/// A certificate that proves who the sender is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// PEM file with the certificate, and those between it and its authority.
    pub certificate: PathBuf,
    /// PEM file with its private key.
    pub key: PathBuf,
}

/// An address to send to: `http` or `https`, with a host and without credentials. Prints without
/// its query, which may hold a key.
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
    pub(crate) fn is_loopback(&self) -> bool {
        let host = self.0.host_str().unwrap_or_default().trim_matches(['[', ']']);
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
    }

    /// The path of a base address, as the OpenTelemetry specification says, unless it is there.
    fn with_traces_path(mut self) -> Self {
        let path = self.0.path().trim_end_matches('/').to_owned();
        if path.ends_with("traces") {
            self.0.set_path(&path);
        } else {
            self.0.set_path(&format!("{path}/v1/traces"));
        }
        self
    }
}

impl FromStr for Endpoint {
    type Err = &'static str;

    /// What is wrong is said without quoting the address: it may hold a key.
    fn from_str(text: &str) -> Result<Self, &'static str> {
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
        Ok(Endpoint(url))
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

/// One backend, checked as far as that goes without the network and the certificates' files.
#[derive(Clone, Debug)]
pub struct Backend {
    /// Its name in the configuration, in logs and in the store.
    pub name: String,
    /// Where requests go, path included.
    pub endpoint: Endpoint,
    /// How they travel.
    pub protocol: Protocol,
    /// What goes along with each.
    pub headers: Headers,
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
        /// The key in its section.
        key: &'static str,
        /// What is wrong, and what to write instead.
        problem: String,
    },
    /// A file that cannot be read or does not hold what it should.
    #[error("export backend '{backend}': {key}: {}: {problem}", path.display())]
    File {
        /// The backend's name.
        backend: String,
        /// The key in its section that names the file.
        key: &'static str,
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

impl Backend {
    /// The backend that `settings` describe; `None` if they do not say where to send. What they do
    /// say has to make sense even then. Reads the file with headers, if there is one.
    pub fn new(name: &str, settings: &BackendSettings) -> Result<Option<Backend>, BackendError> {
        let wrong = |key, problem: &str| BackendError::Setting {
            backend: name.to_owned(),
            key,
            problem: problem.to_owned(),
        };
        if settings.batch == 0 {
            return Err(wrong("batch", "must be more than zero"));
        }
        if settings.timeout.is_zero() {
            return Err(wrong("timeout", "must be more than zero"));
        }
        let together = "client_certificate and client_key belong together: set both or none";
        let client_certificate = match (&settings.client_certificate, &settings.client_key) {
            (None, None) => None,
            (Some(certificate), Some(key)) => {
                Some(ClientCertificate { certificate: certificate.clone(), key: key.clone() })
            }
            (Some(_), None) => return Err(wrong("client_certificate", together)),
            (None, Some(_)) => return Err(wrong("client_key", together)),
        };

        let mut headers = settings.headers.clone();
        if let Some(path) = &settings.headers_file {
            let file = |problem| BackendError::File {
                backend: name.to_owned(),
                key: "headers_file",
                path: path.clone(),
                problem,
            };
            let text = std::fs::read_to_string(path)
                .map_err(|cause| file(format!("the file cannot be read: {cause}")))?;
            headers.extend(Headers::of_lines(text.trim_start_matches('\u{feff}')).map_err(file)?);
        }

        let (written, key, whole) = match (&settings.traces_endpoint, &settings.endpoint) {
            (Some(endpoint), _) => (endpoint.clone(), "traces_endpoint", true),
            (None, Some(endpoint)) => (endpoint.clone(), "endpoint", false),
            (None, None) => return Ok(None),
        };
        let protocol = settings.protocol.unwrap_or(match written.url().port() {
            Some(GRPC_PORT) => Protocol::Grpc,
            _ => Protocol::HttpProtobuf,
        });
        let endpoint = match protocol {
            Protocol::Grpc if written.url().path() != "/" || written.url().query().is_some() => {
                return Err(wrong(key, "gRPC has no path; leave it out, or set protocol to http/protobuf"));
            }
            Protocol::HttpProtobuf if !whole => written.with_traces_path(),
            Protocol::Grpc | Protocol::HttpProtobuf => written,
        };
        if protocol == Protocol::Grpc
            && let Some((name, _)) = headers.iter().find(|(name, _)| name.ends_with("-bin"))
        {
            return Err(wrong("headers", &format!("'{name}' would be binary in gRPC; rename it")));
        }
        Ok(Some(Backend {
            name: name.to_owned(),
            endpoint,
            protocol,
            headers,
            compression: settings.compression,
            timeout: settings.timeout,
            ca_certificate: settings.ca_certificate.clone(),
            client_certificate,
            batch_spans: settings.batch,
        }))
    }

    /// Whether the files that it names are there and hold what they should.
    pub fn check_files(&self) -> Result<(), BackendError> {
        tls::certificates(self).map(|_| ())
    }

    /// Whether credentials would cross a network in the clear.
    pub fn exposes_headers(&self) -> bool {
        !self.headers.is_empty() && !self.endpoint.is_tls() && !self.endpoint.is_loopback()
    }
}

#[cfg(test)]
#[path = "backend_tests.rs"]
mod tests;
