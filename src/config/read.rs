//! How single values are read: from the merged tree into their types. No message repeats a value
//! that can be a secret.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use config::ValueKind;
use secrecy::SecretString;
use serde::de::{Deserialize, Deserializer, Error};

use super::{Ages, BackendSettings, ConfigError, ExportSettings, RetentionConfig, StoreUrl};
use crate::export::backend::{Compression, Endpoint, Headers, Protocol};
use crate::export::headers;

/// `[export]` as it is written: the main backend's keys stand beside the others.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Export {
    #[serde(deserialize_with = "given")]
    endpoint: Option<Endpoint>,
    #[serde(deserialize_with = "given")]
    traces_endpoint: Option<Endpoint>,
    #[serde(deserialize_with = "given")]
    protocol: Option<Protocol>,
    headers: Headers,
    #[serde(deserialize_with = "given")]
    headers_file: Option<PathBuf>,
    #[serde(deserialize_with = "parsed")]
    compression: Compression,
    #[serde(with = "humantime_serde")]
    timeout: Duration,
    batch: usize,
    #[serde(deserialize_with = "given")]
    ca_certificate: Option<PathBuf>,
    #[serde(deserialize_with = "given")]
    client_certificate: Option<PathBuf>,
    #[serde(deserialize_with = "given")]
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
                traces_endpoint: export.traces_endpoint,
                protocol: export.protocol,
                headers: export.headers,
                headers_file: export.headers_file,
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

/// `[retention]` as it is written: the ages of the kinds stand beside that of deliveries.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Retention {
    #[serde(deserialize_with = "age")]
    issue: Option<Duration>,
    #[serde(deserialize_with = "age")]
    pull_request: Option<Duration>,
    #[serde(deserialize_with = "age")]
    build: Option<Duration>,
    #[serde(deserialize_with = "age")]
    job: Option<Duration>,
    #[serde(deserialize_with = "age")]
    deploy: Option<Duration>,
    #[serde(deserialize_with = "age")]
    sprint: Option<Duration>,
    #[serde(deserialize_with = "age")]
    deliveries: Option<Duration>,
}

impl From<Retention> for RetentionConfig {
    fn from(written: Retention) -> Self {
        let Retention { issue, pull_request, build, job, deploy, sprint, deliveries } = written;
        RetentionConfig { items: Ages { issue, pull_request, build, job, deploy, sprint }, deliveries }
    }
}

/// What a text says, in the words of its type if that is nothing.
pub(super) fn parsed<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    String::deserialize(from)?.parse().map_err(D::Error::custom)
}

/// The same for a text that may be empty, which means that nothing is set.
pub(super) fn given<'de, D, T>(from: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    let text = Some(String::deserialize(from)?).filter(|text| !text.is_empty());
    text.map(|text| text.parse().map_err(D::Error::custom)).transpose()
}

/// How long something is kept; for ever if the text is empty.
pub(super) fn age<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    let text = Some(String::deserialize(from)?).filter(|text| !text.is_empty());
    let parse = |text: String| {
        humantime_serde::re::humantime::parse_duration(&text).map_err(|_| {
            D::Error::custom(format!(
                "{text:?} is no age: write one such as 90days, 18months or 2years, or nothing to keep for ever"
            ))
        })
    };
    text.map(parse).transpose()
}

pub(super) fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SecretString>, D::Error> {
    let Some(token) = given::<D, String>(from)? else { return Ok(None) };
    if is_token(&token) { Ok(Some(token.into())) } else { Err(D::Error::custom(NO_TOKEN)) }
}

/// What a token must be like.
pub(super) const NO_TOKEN: &str =
    "must have only visible ASCII characters and no spaces, since it is sent in a header";

/// Whether a text can be sent in a header as it is.
pub(super) fn is_token(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_graphic())
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
        Some(("postgres" | "postgresql", _)) => match text.parse() {
            Ok(url) => return Ok(StoreUrl::Postgres(url)),
            Err(problem) => return Err(D::Error::custom(problem)),
        },
        _ => "must be sqlite://relative/path.db, sqlite:///absolute/path.db or postgres://user@host/database",
    };
    Err(D::Error::custom(problem))
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
        ValueKind::String(text) => headers::split(&text)?,
        _ => return Err("write { name = \"value\" } or \"name=value,name=value\"".to_owned()),
    };
    pairs.into_iter().map(|(name, value)| Ok((headers::checked(&name, &value)?, value))).collect()
}

/// The secrets in a file, one per line; an empty line is none.
pub(super) fn secret_file(key: &str, path: &Path) -> Result<Vec<SecretString>, ConfigError> {
    let fail = |problem: String| ConfigError::File { key: key.to_owned(), path: path.to_owned(), problem };
    let text = std::fs::read_to_string(path).map_err(|error| fail(error.to_string()))?;
    // Editors of Windows begin a file with a mark that is no part of the first secret.
    let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim).filter(|line| !line.is_empty());
    let secrets: Vec<SecretString> = lines.map(SecretString::from).collect();
    if secrets.is_empty() {
        return Err(fail("holds no secret: write one per line".to_owned()));
    }
    Ok(secrets)
}
