//! A backend's settings as the configuration writes them: all optional, nothing interpreted yet.
//! An empty text counts as not written, because that is how an environment variable is cleared.

use std::fmt;

use secrecy::SecretString;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

/// The keys of `[export]`, and of each `[export.backends.NAME]`, that describe a backend. See
/// [`super::backend::Backend`] for their meaning and their defaults.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BackendSettings {
    /// Where to send: `http://host:port` or `https://host:port`.
    #[serde(deserialize_with = "text")]
    pub endpoint: Option<String>,
    /// `grpc` or `http/protobuf`.
    #[serde(deserialize_with = "text")]
    pub protocol: Option<String>,
    /// Headers to send along, most often a token.
    pub headers: HeaderSettings,
    /// `none` or `gzip`.
    #[serde(deserialize_with = "text")]
    pub compression: Option<String>,
    /// How long one request may take, with its unit, such as `10s`.
    #[serde(deserialize_with = "text")]
    pub timeout: Option<String>,
    /// PEM file with the only authorities to trust, instead of the system's.
    #[serde(deserialize_with = "text")]
    pub ca_certificate: Option<String>,
    /// PEM file with the certificate to show to the backend.
    #[serde(deserialize_with = "text")]
    pub client_certificate: Option<String>,
    /// PEM file with its private key.
    #[serde(deserialize_with = "text")]
    pub client_key: Option<String>,
    /// The most spans in one request.
    #[serde(deserialize_with = "text")]
    pub batch: Option<String>,
}

/// Headers as a table, or as the one text that `OTEL_EXPORTER_OTLP_HEADERS` is.
#[derive(Clone, Debug, Default)]
pub enum HeaderSettings {
    /// Not written.
    #[default]
    Absent,
    /// `name=value,name=value`, values percent-encoded.
    Text(SecretString),
    /// Names and values as they are.
    Table(Vec<(String, SecretString)>),
}

/// A value that is written as a text, a number or a switch, taken as the text that was written.
struct Written(Option<String>);

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Written;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a number")
            }
            fn visit_str<E>(self, text: &str) -> Result<Written, E> {
                let text = text.trim();
                Ok(Written((!text.is_empty()).then(|| text.to_owned())))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Written, E> {
                Ok(Written(Some(number.to_string())))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Written, E> {
                Ok(Written(Some(number.to_string())))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Written, E> {
                Ok(Written(Some(number.to_string())))
            }
            fn visit_bool<E>(self, yes: bool) -> Result<Written, E> {
                Ok(Written(Some(yes.to_string())))
            }
            fn visit_unit<E>(self) -> Result<Written, E> {
                Ok(Written(None))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Written::deserialize(deserializer)?.0)
}

impl<'de> Deserialize<'de> for HeaderSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrTable;
        impl<'de> Visitor<'de> for TextOrTable {
            type Value = HeaderSettings;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of headers or a text such as name=value,name=value")
            }
            fn visit_str<E>(self, text: &str) -> Result<HeaderSettings, E> {
                match text.trim() {
                    "" => Ok(HeaderSettings::Absent),
                    text => Ok(HeaderSettings::Text(text.into())),
                }
            }
            fn visit_unit<E>(self) -> Result<HeaderSettings, E> {
                Ok(HeaderSettings::Absent)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<HeaderSettings, A::Error> {
                let mut headers = Vec::new();
                while let Some((name, Written(value))) = map.next_entry::<String, Written>()? {
                    // A header that is cleared is a header that is not sent.
                    headers.extend(value.map(|value| (name, value.into())));
                }
                headers.sort_by(|(a, _), (b, _)| a.cmp(b));
                Ok(if headers.is_empty() { HeaderSettings::Absent } else { HeaderSettings::Table(headers) })
            }
        }
        deserializer.deserialize_any(TextOrTable)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use config::{Config, File, FileFormat};

    fn read(toml: &str) -> Result<BackendSettings, config::ConfigError> {
        let source = File::from_str(toml, FileFormat::Toml);
        Config::builder().add_source(source).build().unwrap().try_deserialize()
    }

    #[test]
    fn what_is_empty_is_not_written() {
        let settings = read("endpoint = ''\nheaders = ' '\nbatch = ''").unwrap();
        assert_eq!(settings.endpoint, None);
        assert_eq!(settings.batch, None);
        assert!(matches!(settings.headers, HeaderSettings::Absent));
        let settings = read("headers = { authorization = '' }").unwrap();
        assert!(matches!(settings.headers, HeaderSettings::Absent));
    }

    #[test]
    fn a_number_may_be_written_bare_or_as_a_text() {
        assert_eq!(read("batch = 100").unwrap().batch.as_deref(), Some("100"));
        assert_eq!(read("batch = '100'").unwrap().batch.as_deref(), Some("100"));
    }

    #[test]
    fn a_key_that_does_not_exist_is_an_error() {
        let error = read("endpiont = 'http://localhost:4317'").unwrap_err();
        assert!(error.to_string().contains("endpiont"), "{error}");
    }

    #[test]
    fn settings_can_be_part_of_a_larger_section() {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Section {
            #[serde(flatten)]
            backend: BackendSettings,
            settle: String,
        }
        let read = |toml: &str| {
            let source = File::from_str(toml, FileFormat::Toml);
            Config::builder().add_source(source).build().unwrap().try_deserialize::<Section>()
        };
        let section = read("settle = '10s'\nbatch = 7\nheaders = { a = 'b' }").unwrap();
        assert_eq!((section.settle.as_str(), section.backend.batch.as_deref()), ("10s", Some("7")));
        assert!(matches!(section.backend.headers, HeaderSettings::Table(_)));
        assert!(read("settle = '10s'\nsettel = '10s'").is_err());
    }

    #[test]
    fn settings_never_print_a_header() {
        for toml in ["headers = 'authorization=hunter2'", "headers = { authorization = 'hunter2' }"] {
            let printed = format!("{:?}", read(toml).unwrap());
            assert!(!printed.contains("hunter2"), "{printed}");
        }
    }
}
