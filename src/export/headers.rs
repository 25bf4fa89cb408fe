//! The headers that go with each request: read, checked once at start, and from then on kept from
//! every message that people see.

use percent_encoding::percent_decode_str;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use super::settings::HeaderSettings;

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

/// The headers as names in lower case and values; the error says what is wrong without quoting
/// any part of a value.
pub(super) fn read(settings: &HeaderSettings) -> Result<Vec<(String, SecretString)>, String> {
    let headers = match settings {
        HeaderSettings::Absent => Vec::new(),
        HeaderSettings::Text(text) => split(text.expose_secret())?,
        HeaderSettings::Table(headers) => headers.clone(),
    };
    headers.into_iter().map(check).collect()
}

/// `name=value,name=value`, as the OpenTelemetry specification has it: the W3C baggage format
/// without properties, so values are percent-encoded where they must be.
fn split(text: &str) -> Result<Vec<(String, SecretString)>, String> {
    let entries = text.split(',').map(str::trim).enumerate().filter(|(_, entry)| !entry.is_empty());
    entries
        .map(|(index, entry)| {
            let place = index + 1;
            let (name, value) = entry
                .split_once('=')
                .ok_or_else(|| format!("entry {place} has no '='; write name=value,name=value"))?;
            let name = decode(name).ok_or_else(|| format!("the name of entry {place} is not UTF-8"))?;
            let value = decode(value).ok_or_else(|| format!("the value of entry {place} is not UTF-8"))?;
            Ok((name, value.into()))
        })
        .collect()
}

fn decode(text: &str) -> Option<String> {
    Some(percent_decode_str(text.trim()).decode_utf8().ok()?.into_owned())
}

fn check((name, value): (String, SecretString)) -> Result<(String, SecretString), String> {
    let name = name.trim().to_ascii_lowercase();
    let known = HeaderName::from_bytes(name.as_bytes()).map_err(|_| "a name is not a header's name")?;
    if RESERVED.contains(&known.as_str()) || name.starts_with("grpc-") {
        return Err(format!("'{name}' is set by the exporter itself; leave it out"));
    }
    if HeaderValue::from_str(value.expose_secret()).is_err() {
        return Err(format!("the value of '{name}' has a character that no header may have"));
    }
    Ok((name, value))
}

/// As a map for HTTP; gRPC's metadata is made out of the same.
pub(super) fn map(headers: &[(String, SecretString)]) -> HeaderMap {
    let pairs = headers.iter().filter_map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        let mut value = HeaderValue::from_str(value.expose_secret()).ok()?;
        value.set_sensitive(true);
        Some((name, value))
    });
    pairs.collect()
}

/// Blanks out whatever of the headers' values a text repeats: a backend may well answer
/// `invalid key abc…`.
pub(super) fn redact(headers: &[(String, SecretString)], text: &str) -> String {
    let mut clean = text.to_owned();
    for (_, value) in headers {
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Vec<(String, String)>, String> {
        let headers = read(&HeaderSettings::Text(text.into()))?;
        Ok(headers.into_iter().map(|(name, value)| (name, value.expose_secret().to_owned())).collect())
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
        let headers = [
            ("authorization".to_owned(), SecretString::from("Bearer abc123secret")),
            ("x-scope-orgid".to_owned(), SecretString::from("4")),
        ];
        assert_eq!(
            redact(&headers, "HTTP 401: bad token abc123secret (Bearer abc123secret); Bearer expected"),
            "HTTP 401: bad token [redacted] ([redacted]); Bearer expected"
        );
    }
}
