//! From a request's bytes to what it says. [`verify`] tells whether a delivery comes from who it
//! claims; [`parse`] turns it into [`Said`], in neutral terms, or tells why it is not used or
//! cannot be understood. Pure: no I/O, no clock.
//!
//! A payload is parsed once, into small structs that name only the fields used and borrow from
//! the body. Everything else in it is tolerated: senders add fields, actions and values all the
//! time. Only what was parsed in vain is parsed a second time, to say which field is wrong.

use std::fmt;

use axum::http::{HeaderMap, header};
use sha2::{Digest, Sha256};

use crate::work::attr::cut;
use crate::work::convention::Conventions;
use crate::work::event::Said;
use crate::work::key::{Key, Source};
use crate::work::tags::Tagger;
use crate::work::time::Time;

pub mod cdevents;
pub mod custom;
pub mod github;
pub mod gitlab;
pub mod jenkins;
pub mod jira;
mod json;
mod telling;
mod url;
pub mod verify;

#[cfg(test)]
mod corpus_tests;
#[cfg(test)]
mod fuzz_tests;
#[cfg(test)]
mod testing;

/// A verified request.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its body, as received.
    pub body: &'a [u8],
}

/// What parsing needs to know besides the request.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// Whether people's logins are kept.
    pub people: bool,
    /// When the request came, for payloads without a time of their own.
    pub received_at: Time,
    /// Knows which parameters and properties can become tags.
    pub tagger: &'a Tagger,
    /// What texts say that items belong to.
    pub conventions: &'a Conventions,
    /// How Jenkins' messages are read.
    pub jenkins: &'a jenkins::JenkinsOptions,
}

/// What makes two deliveries the same one, in 16 bytes. Deliveries that come together have ids that
/// lie together where the sender's own identity allows it: the store then finds them on the same
/// pages, however many it has seen.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryId(pub [u8; 16]);

impl DeliveryId {
    /// Of a delivery that the sender gives a GUID. GitHub's are of version 1, which hold the time
    /// with its lowest digits first; here it comes first whole. Others are hashed.
    fn of_guid(source: Source, text: &str) -> Self {
        let digits: Vec<u8> = text.bytes().filter(|b| *b != b'-').collect();
        let mut guid = [0; 16];
        if text.len() != 36 || hex::decode_to_slice(&digits, &mut guid).is_err() || guid[6] >> 4 != 1 {
            return Self::of(source, &[text]);
        }
        let [a, b, c, d, e, f, g, h, rest @ ..] = guid;
        let mut id = [g, h, e, f, a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0];
        id[8..].copy_from_slice(&rest);
        Self(id)
    }

    /// Of a message that is told by its build and some of its parts: those of one build, and of
    /// the next build of the job, lie together.
    fn of_build(key: &Key, parts: &[&str]) -> Self {
        let job = Self::of(key.source(), &[key.host(), key.project()]);
        let mut all = vec![key.as_str()];
        all.extend(parts);
        let message = Self::of(key.source(), &all);
        let number: u64 = key.id().parse().unwrap_or_default();
        let mut id = [0; 16];
        id[..6].copy_from_slice(&job.0[..6]);
        id[6..10].copy_from_slice(&number.to_be_bytes()[4..]);
        id[10..].copy_from_slice(&message.0[..6]);
        Self(id)
    }

    /// Of a delivery that is told by some of its parts.
    fn of(source: Source, parts: &[&str]) -> Self {
        let mut hash = Sha256::new().chain_update(source.as_str());
        for part in parts {
            hash = hash.chain_update(b"\0").chain_update(part);
        }
        Self::first(&hash.finalize())
    }

    /// Of a delivery that nothing tells apart but its bytes.
    fn of_body(source: Source, body: &[u8]) -> Self {
        let hash = Sha256::new().chain_update(source.as_str()).chain_update(b"\0\0").chain_update(body);
        Self::first(&hash.finalize())
    }

    fn first(digest: &[u8]) -> Self {
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        Self(id)
    }
}

impl fmt::Debug for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// A parsed delivery.
#[derive(Debug)]
pub struct Delivery {
    /// What it is recognised by if it comes again.
    pub id: DeliveryId,
    /// The kind of message, for metrics: one of few, `other` if it is none that is known.
    pub event_type: &'static str,
    /// What it says. An error means quarantine.
    pub content: Result<Parsed, ParseError>,
}

/// What became of a delivery that could be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// It says something.
    Used(Said),
    /// It says nothing that is used.
    Ignored {
        /// Why, for the reply.
        reason: String,
    },
}

impl Parsed {
    fn ignored(reason: impl Into<String>) -> Self {
        Parsed::Ignored { reason: reason.into() }
    }
}

/// Why a delivery cannot be understood. Never shows texts of the payload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The body is not UTF-8.
    #[error("the body is not UTF-8 from byte {at}")]
    NotUtf8 {
        /// The first byte that is wrong, from 0.
        at: usize,
    },
    /// The body is not JSON.
    #[error("the body is not JSON: {reason}")]
    NotJson {
        /// What is wrong, and where.
        reason: String,
    },
    /// A form without the field that holds the payload.
    #[error("the form has no field \"payload\": set the webhook's content type to application/json")]
    NoPayload,
    /// A header that says what the payload is, is not there.
    #[error("the header {0} is missing")]
    NoHeader(&'static str),
    /// A field is missing, or is not what it must be.
    #[error("{path}: {reason}")]
    Field {
        /// Where in the payload.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// The longest path or reason in an error, in bytes: both can hold names that the sender chose.
const MAX_REASON: usize = 200;

impl ParseError {
    fn field(path: &str, reason: impl AsRef<str>) -> Self {
        ParseError::Field {
            path: cut(path, MAX_REASON).to_owned(),
            reason: cut(reason.as_ref(), MAX_REASON).to_owned(),
        }
    }

    fn missing(path: &str) -> Self {
        Self::field(path, "is missing")
    }

    fn time(path: &str) -> Self {
        Self::field(path, "is not a plausible time (2000 to 2100)")
    }
}

/// Parses a verified delivery.
pub fn parse(source: Source, request: Request<'_>, context: &Context<'_>) -> Delivery {
    match source {
        Source::Github => github::parse(request, context),
        Source::Jenkins => jenkins::parse(request, context),
        Source::Gitlab => gitlab::parse(request, context),
        Source::Jira => jira::parse(request, context),
        Source::Cdevents => cdevents::parse(request, context),
        Source::Custom => custom::parse(request, context),
    }
}

/// The body as text; checked once, so that what parses it need not. Every payload is an object; of
/// an array serde would take the members for a struct's fields.
fn text(body: &[u8]) -> Result<&str, ParseError> {
    let text = std::str::from_utf8(body).map_err(|error| ParseError::NotUtf8 { at: error.valid_up_to() })?;
    match text.trim_start().as_bytes().first() {
        Some(b'{') => Ok(text),
        Some(_) => Err(ParseError::NotJson { reason: "it does not begin with {".to_owned() }),
        None => Err(ParseError::NotJson { reason: "it is empty".to_owned() }),
    }
}

/// Whether the request says that its body is a form.
fn is_form(headers: &HeaderMap) -> bool {
    let media_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next());
    media_type.is_some_and(|media| media.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identity_of_a_delivery_depends_on_source_and_parts() {
        let id = DeliveryId::of(Source::Github, &["a", "b"]);
        assert_eq!(id, DeliveryId::of(Source::Github, &["a", "b"]));
        assert_ne!(id, DeliveryId::of(Source::Jenkins, &["a", "b"]));
        assert_ne!(id, DeliveryId::of(Source::Github, &["ab"]));
        assert_ne!(id, DeliveryId::of_body(Source::Github, b"a\0b"));
    }

    #[test]
    fn guids_of_version_1_lie_in_the_order_of_their_time() {
        let id = |text| DeliveryId::of_guid(Source::Github, text);
        // A tenth of a microsecond apart, across a carry from the lowest part to the next.
        let (first, second) =
            (id("ffffffff-cc78-11e3-81ab-4c9367dc0958"), id("00000000-cc79-11e3-81ab-4c9367dc0958"));
        assert!(first < second);
        assert_ne!(first, id("ffffffff-cc78-11e3-81ab-4c9367dc0959"));
        assert_eq!(first, id("FFFFFFFF-CC78-11E3-81AB-4C9367DC0958"));
        for other in
            ["", "7", "72d3162e-cc78-41e3-81ab-4c9367dc0958", "72d3162ecc7811e381ab4c9367dc0958", "é"]
        {
            assert_eq!(id(other), DeliveryId::of(Source::Github, &[other]), "{other}");
        }
    }

    #[test]
    fn the_messages_of_a_build_lie_together() {
        let id = |number: &str, phase| {
            let key = Key::new(Source::Jenkins, "ci", "api", crate::work::key::Kind::Build, number).unwrap();
            DeliveryId::of_build(&key, &[phase])
        };
        assert_eq!(id("7", "STARTED").0[..10], id("7", "COMPLETED").0[..10]);
        assert_ne!(id("7", "STARTED"), id("7", "COMPLETED"));
        assert!(id("7", "STARTED") < id("8", "STARTED") && id("8", "STARTED") < id("300", "STARTED"));
    }

    #[test]
    fn errors_stay_short() {
        let error = ParseError::field(&"é".repeat(500), "x".repeat(500));
        assert!(error.to_string().len() <= 2 * MAX_REASON + 2);
    }
}
