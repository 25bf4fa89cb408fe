//! A custom event as it is sent. Names are read in any case and with or without underscores and
//! dashes, so the names that the original ValueStream had (`Action`, `ParentID`, `Metadata`) are
//! understood too; texts may be written as numbers.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor};

use crate::work::time::Time;

/// A custom event.
#[derive(Default)]
pub(super) struct Body<'a> {
    pub(super) id: Option<Word<'a>>,
    pub(super) kind: Option<Word<'a>>,
    pub(super) action: Option<Word<'a>>,
    pub(super) namespace: Option<Word<'a>>,
    pub(super) parent: Option<Word<'a>>,
    pub(super) error: Option<Fault<'a>>,
    pub(super) outcome: Option<Word<'a>>,
    pub(super) at: Option<Moment<'a>>,
    pub(super) started_at: Option<Moment<'a>>,
    pub(super) duration: Option<Seconds>,
    pub(super) event: Option<Word<'a>>,
    pub(super) name: Option<Word<'a>>,
    pub(super) title: Option<Word<'a>>,
    pub(super) url: Option<Word<'a>>,
    pub(super) environment: Option<Word<'a>>,
    pub(super) service: Option<Word<'a>>,
    pub(super) commit: Option<Word<'a>>,
    pub(super) branch: Option<Word<'a>>,
    pub(super) repository: Option<Word<'a>>,
    pub(super) tags: Tags<'a>,
}

/// A name as all its spellings have it: `ParentID`, `parent_id`, `parent-id`.
fn plain(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-')).map(|c| c.to_ascii_lowercase()).collect()
}

struct BodyVisitor;

impl<'de> Visitor<'de> for BodyVisitor {
    type Value = Body<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut body = Body::default();
        while let Some(Name(name)) = map.next_key()? {
            // What is null says nothing, so it takes nothing back that another spelling said.
            macro_rules! set {
                ($field:ident) => {
                    if let Some(value) = map.next_value()? {
                        body.$field = Some(value);
                    }
                };
            }
            match plain(&name).as_str() {
                "id" => set!(id),
                "type" => set!(kind),
                "action" => set!(action),
                "namespace" => set!(namespace),
                "parent" | "parentid" => set!(parent),
                "error" => set!(error),
                "outcome" | "result" => set!(outcome),
                "at" => set!(at),
                "startedat" => set!(started_at),
                "durationseconds" => set!(duration),
                "event" => set!(event),
                "name" => set!(name),
                "title" => set!(title),
                "url" => set!(url),
                "environment" => set!(environment),
                "service" => set!(service),
                "commit" | "sha" => set!(commit),
                "branch" | "ref" => set!(branch),
                "repository" => set!(repository),
                "tags" | "metadata" => body.tags.0.extend(map.next_value::<Tags<'de>>()?.0),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(body)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Body<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(BodyVisitor)
    }
}

/// A member's name.
struct Name<'a>(Cow<'a, str>);

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Name<'de>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }
    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Name(Cow::Borrowed(text)))
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Name(Cow::Owned(text.to_owned())))
    }
}

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor)
    }
}

/// What a value can be, as far as it is of interest.
enum Any<'a> {
    Null,
    Bool(bool),
    Text(Cow<'a, str>),
    Whole(i128),
    Real(f64),
    List,
    Map,
}

impl Any<'_> {
    /// What it is instead of what it should be, without its text.
    fn unexpected(&self) -> Unexpected<'_> {
        match self {
            Any::Null => Unexpected::Unit,
            Any::Bool(yes) => Unexpected::Bool(*yes),
            Any::Text(_) => Unexpected::Other("text"),
            Any::Whole(_) | Any::Real(_) => Unexpected::Other("number"),
            Any::List => Unexpected::Seq,
            Any::Map => Unexpected::Map,
        }
    }
}

struct AnyVisitor;

impl<'de> Visitor<'de> for AnyVisitor {
    type Value = Any<'de>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }
    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Any::Null)
    }
    fn visit_bool<E: Error>(self, yes: bool) -> Result<Self::Value, E> {
        Ok(Any::Bool(yes))
    }
    fn visit_i64<E: Error>(self, n: i64) -> Result<Self::Value, E> {
        Ok(Any::Whole(n.into()))
    }
    fn visit_u64<E: Error>(self, n: u64) -> Result<Self::Value, E> {
        Ok(Any::Whole(n.into()))
    }
    fn visit_f64<E: Error>(self, n: f64) -> Result<Self::Value, E> {
        Ok(Any::Real(n))
    }
    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Any::Text(Cow::Borrowed(text)))
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Any::Text(Cow::Owned(text.to_owned())))
    }
    // What is deep is skipped by serde_json without recursion.
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Any::List)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Any::Map)
    }
}

fn any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Any<'de>, D::Error> {
    deserializer.deserialize_any(AnyVisitor)
}

/// A text, or a whole number as one.
pub(super) struct Word<'a>(Cow<'a, str>);

impl Deref for Word<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        self.0.trim()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Word<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match any(deserializer)? {
            Any::Text(text) => Ok(Word(text)),
            Any::Whole(n) => Ok(Word(Cow::Owned(n.to_string()))),
            other => Err(D::Error::invalid_type(other.unexpected(), &"a text or a whole number")),
        }
    }
}

/// Whether something went wrong, and perhaps what.
pub(super) enum Fault<'a> {
    /// Yes or no.
    Flag(bool),
    /// What went wrong.
    Message(Cow<'a, str>),
}

impl<'de: 'a, 'a> Deserialize<'de> for Fault<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match any(deserializer)? {
            Any::Bool(yes) => Ok(Fault::Flag(yes)),
            // A command's exit code.
            Any::Whole(code) => Ok(Fault::Flag(code != 0)),
            // A shell writes texts.
            Any::Text(text) => Ok(match text.trim().to_ascii_lowercase().as_str() {
                "" | "false" | "0" => Fault::Flag(false),
                "true" | "1" => Fault::Flag(true),
                _ => Fault::Message(text),
            }),
            other => Err(D::Error::invalid_type(other.unexpected(), &"true, false or a text")),
        }
    }
}

/// An instant as it is written; whether it is plausible is another question.
pub(super) enum Moment<'a> {
    /// A text.
    Text(Cow<'a, str>),
    /// Seconds, milliseconds, microseconds or nanoseconds since the epoch.
    Whole(i128),
    /// The same with a fraction.
    Real(f64),
}

impl<'de: 'a, 'a> Deserialize<'de> for Moment<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match any(deserializer)? {
            Any::Text(text) => Ok(Moment::Text(text)),
            Any::Whole(n) => Ok(Moment::Whole(n)),
            Any::Real(n) => Ok(Moment::Real(n)),
            other => Err(D::Error::invalid_type(other.unexpected(), &"a time, as text or number")),
        }
    }
}

impl Moment<'_> {
    /// Whether nothing is written.
    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Moment::Text(text) if text.trim().is_empty())
    }

    /// The instant, if it is plausible. Between 2000 and 2100 the four units differ in magnitude.
    pub(super) fn time(&self) -> Option<Time> {
        match self {
            Moment::Whole(n) => whole(*n),
            Moment::Real(n) => real(*n),
            Moment::Text(text) => {
                let text = text.trim();
                Time::parse(text).or_else(|| {
                    let digits = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
                    let number = || text.parse().ok().and_then(whole).or_else(|| real(text.parse().ok()?));
                    digits.then(number)?
                })
            }
        }
    }
}

fn whole(n: i128) -> Option<Time> {
    let micros = if n < 100_000_000_000 {
        n.checked_mul(1_000_000)?
    } else if n < 100_000_000_000_000 {
        n * 1_000
    } else if n < 100_000_000_000_000_000 {
        n
    } else {
        n / 1_000
    };
    i64::try_from(micros).ok().and_then(Time::from_micros)
}

fn real(n: f64) -> Option<Time> {
    let micros = match n {
        n if !n.is_finite() => return None,
        n if n < 1e11 => n * 1e6,
        n if n < 1e14 => n * 1e3,
        n if n < 1e17 => n,
        n => n / 1e3,
    };
    // What does not fit becomes the nearest that does, which is not plausible.
    Time::from_micros(micros.round() as i64)
}

/// How long something took, in microseconds.
#[derive(Clone, Copy)]
pub(super) struct Seconds(pub(super) i64);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = any(deserializer)?;
        let seconds = match &value {
            Any::Whole(n) => Some(*n as f64),
            Any::Real(n) => Some(*n),
            Any::Text(text) => text.trim().parse().ok(),
            _ => None,
        };
        // A century is longer than anything that is believed; it keeps the product within bounds.
        let seconds = seconds.filter(|seconds: &f64| (0.0..=3.2e9).contains(seconds));
        let micros = seconds.map(|seconds| Seconds((seconds * 1e6).round() as i64));
        micros
            .ok_or_else(|| D::Error::invalid_value(value.unexpected(), &"a number of seconds, not negative"))
    }
}

/// The members of a free map that are texts, numbers, or yes and no.
#[derive(Default)]
pub(super) struct Tags<'a>(pub(super) Vec<(Cow<'a, str>, Cow<'a, str>)>);

struct TagsVisitor;

impl<'de> Visitor<'de> for TagsVisitor {
    type Value = Tags<'de>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }
    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Tags::default())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut tags = Vec::new();
        while let Some((Name(name), Tag(value))) = map.next_entry()? {
            tags.extend(value.map(|value| (name, value)));
        }
        Ok(Tags(tags))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Tags<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TagsVisitor)
    }
}

struct Tag<'a>(Option<Cow<'a, str>>);

impl<'de> Deserialize<'de> for Tag<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Tag(match any(deserializer)? {
            Any::Text(text) => Some(text),
            Any::Bool(yes) => Some(Cow::Borrowed(if yes { "true" } else { "false" })),
            Any::Whole(n) => Some(Cow::Owned(n.to_string())),
            Any::Real(n) => Some(Cow::Owned(n.to_string())),
            Any::Null | Any::List | Any::Map => None,
        }))
    }
}
