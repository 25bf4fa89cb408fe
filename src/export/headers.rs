//! The headers that go with each request: read, checked once at start, and from then on kept from
//! every message that people see.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

/// What the transports themselves set.
const RESERVED: &[&str] = &[
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
/// A value shorter than this is no secret, and blanking it out would tear words apart.
const SECRET_LENGTH: usize = 6;

/// The headers of a backend: names in lower case that may be sent, with values that never print. A
/// header without a value is none, which is how one of a lower layer is taken away.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(try_from = "BTreeMap<String, String>")]
pub struct Headers(BTreeMap<String, SecretString>);

impl TryFrom<BTreeMap<String, String>> for Headers {
    type Error = String;

    fn try_from(pairs: BTreeMap<String, String>) -> Result<Self, String> {
        Headers::new(pairs)
    }
}

impl Headers {
    /// Headers of these names and values. What is wrong is said without quoting any value.
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Result<Self, String> {
        let mut headers = BTreeMap::new();
        for (name, value) in pairs {
            let name = checked(&name, &value)?;
            if !value.is_empty() {
                headers.insert(name, value.into());
            }
        }
        Ok(Headers(headers))
    }

    /// Headers as HTTP writes them, `name: value`, one on each line.
    pub fn of_lines(text: &str) -> Result<Self, String> {
        let lines = text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty());
        let pairs: Result<Vec<(String, String)>, String> = lines
            .map(|(index, line)| {
                let (name, value) = line
                    .split_once(':')
                    .ok_or_else(|| format!("line {} has no ':'; write name: value", index + 1))?;
                Ok((name.trim().to_owned(), value.trim().to_owned()))
            })
            .collect();
        let headers = Headers::new(pairs?)?;
        if headers.is_empty() { Err("holds no header: write name: value".to_owned()) } else { Ok(headers) }
    }

    /// Takes others over these.
    pub fn extend(&mut self, others: Headers) {
        self.0.extend(others.0);
    }

    /// Whether none is sent.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &SecretString)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// As a map for HTTP; gRPC's metadata is made out of the same.
    pub(super) fn map(&self) -> HeaderMap {
        let pairs = self.iter().filter_map(|(name, value)| {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            let mut value = HeaderValue::from_str(value.expose_secret()).ok()?;
            value.set_sensitive(true);
            Some((name, value))
        });
        pairs.collect()
    }

    /// Blanks out whatever of the values a text repeats: a backend may well answer
    /// `invalid key abc…`.
    pub(super) fn redact(&self, text: &str) -> String {
        let mut clean = text.to_owned();
        for value in self.0.values() {
            let value = value.expose_secret();
            // The whole first, then its words: the token of `Bearer TOKEN` may be quoted alone.
            for secret in std::iter::once(value).chain(value.split_whitespace()) {
                if secret.len() >= SECRET_LENGTH && !secret.eq_ignore_ascii_case("bearer") {
                    clean = clean.replace(secret, "[redacted]");
                }
            }
        }
        clean
    }
}

/// `name=value,name=value`, as the OpenTelemetry specification has it: the W3C baggage format
/// without properties, so values are percent-encoded where they must be.
pub(crate) fn split(text: &str) -> Result<Vec<(String, String)>, String> {
    let entries = text.split(',').map(str::trim).enumerate().filter(|(_, entry)| !entry.is_empty());
    entries
        .map(|(index, entry)| {
            let place = index + 1;
            let (name, value) = entry
                .split_once('=')
                .ok_or_else(|| format!("entry {place} has no '='; write name=value,name=value"))?;
            let name = decode(name).ok_or_else(|| format!("the name of entry {place} is not UTF-8"))?;
            let value = decode(value).ok_or_else(|| format!("the value of entry {place} is not UTF-8"))?;
            Ok((name, value))
        })
        .collect()
}

fn decode(text: &str) -> Option<String> {
    Some(percent_decode_str(text.trim()).decode_utf8().ok()?.into_owned())
}

/// The name in lower case, if it and the value may be sent.
pub(crate) fn checked(name: &str, value: &str) -> Result<String, String> {
    // What is no name may be a secret in the wrong place, and is not repeated.
    let name = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| "a name is not a header's name")?;
    let name = name.as_str();
    if RESERVED.contains(&name) || name.starts_with("grpc-") {
        return Err(format!("'{name}' is set by the exporter itself; leave it out"));
    }
    if HeaderValue::from_str(value).is_err() {
        return Err(format!("the value of '{name}' has a character that no header may have"));
    }
    Ok(name.to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Vec<(String, String)>, String> {
        let headers = Headers::new(split(text)?)?;
        Ok(headers.iter().map(|(name, value)| (name.to_owned(), value.expose_secret().to_owned())).collect())
    }

    #[test]
    fn reads_what_opentelemetry_writes() {
        assert_eq!(
            read_text("Authorization=Basic%20MTIzOmFiYw==, x-scope-orgid = 7 ,").unwrap(),
            [
                ("authorization".to_owned(), "Basic MTIzOmFiYw==".to_owned()),
                ("x-scope-orgid".to_owned(), "7".to_owned())
            ]
        );
    }

    #[test]
    fn says_which_entry_is_wrong_without_quoting_it() {
        for text in ["a=b,hunter2", "a=hunter2%00", "hunter 2=x", "Content-Type=hunter2", "a=b,c=hunter2%ff"]
        {
            let error = read_text(text).unwrap_err();
            assert!(!error.contains("hunter"), "{error}");
        }
        assert!(read_text("a=b,hunter2").unwrap_err().contains("entry 2"));
    }

    #[test]
    fn a_text_loses_what_it_repeats_of_a_header() {
        let pairs = [("authorization", "Bearer abc123secret"), ("x-scope-orgid", "4")];
        let headers = Headers::new(pairs.map(|(name, value)| (name.to_owned(), value.to_owned()))).unwrap();
        assert_eq!(
            headers.redact("HTTP 401: bad token abc123secret (Bearer abc123secret); Bearer expected"),
            "HTTP 401: bad token [redacted] ([redacted]); Bearer expected"
        );
        assert!(!format!("{headers:?}").contains("abc123secret"));
    }

    #[test]
    fn a_header_that_is_cleared_is_not_sent() {
        assert_eq!(read_text("authorization=,a=b").unwrap(), [("a".to_owned(), "b".to_owned())]);
    }
}
