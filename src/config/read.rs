//! How single values are read: from the merged tree into their types. No message repeats a value
//! that can be a secret.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use config::ValueKind;
use hyper::header::{HeaderName, HeaderValue};
use secrecy::SecretString;
use serde::de::{Deserialize, Deserializer, Error};

use super::{BackendSettings, ConfigError, ExportSettings, StoreUrl};

/// `[export]` as it is written: the main backend's keys stand beside the others.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Export {
    #[serde(deserialize_with = "endpoint")]
    endpoint: String,
    #[serde(deserialize_with = "protocol")]
    protocol: String,
    headers: BTreeMap<String, SecretString>,
    #[serde(deserialize_with = "compression")]
    compression: String,
    #[serde(deserialize_with = "duration")]
    timeout: Option<Duration>,
    batch: usize,
    #[serde(deserialize_with = "path")]
    ca_certificate: Option<PathBuf>,
    #[serde(deserialize_with = "path")]
    client_certificate: Option<PathBuf>,
    #[serde(deserialize_with = "path")]
    client_key: Option<PathBuf>,
    #[serde(with = "humantime_serde")]
    settle: Duration,
    backends: BTreeMap<String, BackendSettings>,
}

impl From<Export> for ExportSettings {
    fn from(export: Export) -> Self {
        ExportSettings {
            main: BackendSettings {
                endpoint: export.endpoint,
                protocol: export.protocol,
                headers: export.headers,
                compression: export.compression,
                timeout: export.timeout,
                batch: export.batch,
                ca_certificate: export.ca_certificate,
                client_certificate: export.client_certificate,
                client_key: export.client_key,
            },
            settle: export.settle,
            backends: export.backends,
        }
    }
}

/// A text, or nothing if it is empty.
fn given<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(Some(String::deserialize(from)?).filter(|text| !text.is_empty()))
}

pub(super) fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SecretString>, D::Error> {
    let Some(token) = given(from)? else { return Ok(None) };
    if token.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(Some(token.into()));
    }
    Err(D::Error::custom(
        "must have only visible ASCII characters and no spaces, since it is sent in a header",
    ))
}

pub(super) fn path<'de, D: Deserializer<'de>>(from: D) -> Result<Option<PathBuf>, D::Error> {
    Ok(given(from)?.map(PathBuf::from))
}

pub(super) fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    let parse = |text: String| {
        humantime_serde::re::humantime::parse_duration(&text)
            .map_err(|_| D::Error::custom(format!("{text:?} is not a duration such as \"10s\"")))
    };
    given(from)?.map(parse).transpose()
}

pub(super) fn address<'de, D: Deserializer<'de>>(from: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(from)?;
    text.parse().map_err(|_| {
        D::Error::custom(format!(
            "{text:?} is not an address with a port such as 127.0.0.1:5001 or [::1]:5001"
        ))
    })
}

pub(super) fn store_url<'de, D: Deserializer<'de>>(from: D) -> Result<StoreUrl, D::Error> {
    let text = String::deserialize(from)?;
    // The URL of a database can hold a password, so it is not repeated.
    let problem = match text.split_once("://") {
        Some(("sqlite", "" | "/")) => "names no file: write sqlite://valuestream.db",
        Some(("sqlite", path)) if path.contains('?') => "takes no options: write sqlite:// and a path",
        Some(("sqlite", path)) => return Ok(StoreUrl::Sqlite(PathBuf::from(path))),
        Some(("postgres" | "postgresql", _)) => {
            "PostgreSQL is not supported yet: write sqlite:// and a path, and run one replica"
        }
        _ => "must be sqlite://relative/path.db or sqlite:///absolute/path.db",
    };
    Err(D::Error::custom(problem))
}

pub(super) fn endpoint<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let Some(text) = given(from)? else { return Ok(String::new()) };
    // The text is not repeated: a user's password can be in it.
    let url: hyper::Uri = text.parse().map_err(|_| {
        D::Error::custom("is not a URL such as http://localhost:4317 or https://otlp.example.org")
    })?;
    match (url.scheme_str(), url.authority()) {
        (Some("http" | "https"), Some(authority)) if authority.as_str().contains('@') => {
            Err(D::Error::custom(
                "must not hold a user or a password: put credentials into headers, for instance authorization",
            ))
        }
        (Some("http" | "https"), Some(_)) => Ok(text),
        _ => Err(D::Error::custom("must begin with http:// or https://")),
    }
}

pub(super) fn protocol<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    one_of(from, &["", "grpc", "http/protobuf"])
}

pub(super) fn compression<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    one_of(from, &["gzip", "none"])
}

fn one_of<'de, D: Deserializer<'de>>(from: D, allowed: &[&str]) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    if allowed.contains(&text.as_str()) {
        return Ok(text);
    }
    let allowed: Vec<&str> = allowed.iter().copied().filter(|choice| !choice.is_empty()).collect();
    Err(D::Error::custom(format!("{text:?} is none of {}", allowed.join(", "))))
}

/// Headers from a table, or from `name=value,name=value` with percent-encoded values. Names come
/// out in lower case, so that the same header of two layers is one.
pub(super) fn headers(value: ValueKind) -> Result<BTreeMap<String, String>, String> {
    let pairs: Vec<(String, String)> = match value {
        ValueKind::Table(table) => {
            let text = |(name, value): (String, config::Value)| match value.kind {
                ValueKind::String(text) => Ok((name, text)),
                _ => Err(format!("the value of {name} must be a text, in quotes")),
            };
            table.into_iter().map(text).collect::<Result<_, _>>()?
        }
        ValueKind::String(text) => {
            text.split(',').filter(|p| !p.trim().is_empty()).map(pair).collect::<Result<_, _>>()?
        }
        _ => return Err("write { name = \"value\" } or \"name=value,name=value\"".to_owned()),
    };
    let check = |(name, value): (String, String)| {
        // What is no name may be a secret in the wrong place, and is not repeated.
        let name =
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| "a header's name is not one".to_owned())?;
        HeaderValue::from_str(&value).map_err(|_| format!("the value of {name} cannot stand in a header"))?;
        Ok((name.as_str().to_owned(), value))
    };
    pairs.into_iter().map(check).collect()
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a header without `=`: write name=value,name=value")?;
    let value = percent_encoding::percent_decode_str(value.trim())
        .decode_utf8()
        .map_err(|_| "a header's value is not UTF-8 once percent-decoded")?;
    Ok((name.trim().to_owned(), value.into_owned()))
}

/// The secrets in a file, one per line; an empty line is none.
pub(super) fn secret_file(key: &str, path: &Path) -> Result<Vec<SecretString>, ConfigError> {
    let fail = |problem: String| ConfigError::File { key: key.to_owned(), path: path.to_owned(), problem };
    let text = std::fs::read_to_string(path).map_err(|error| fail(error.to_string()))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let secrets: Vec<SecretString> = lines.map(SecretString::from).collect();
    if secrets.is_empty() {
        return Err(fail("holds no secret: write one per line".to_owned()));
    }
    Ok(secrets)
}
