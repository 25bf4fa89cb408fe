//! The CDEvent in a request, and what the delivery is recognised by. CloudEvents has two ways over
//! HTTP: binary, where the body is the CDEvent and headers say the rest, and structured, where the
//! CDEvent is the member `data` of the body. Which one it is shows in the body, whatever the
//! media type says; a CDEvent without any envelope looks like the first.

use std::borrow::Cow;

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use crate::sources::json::{self, Leaf, Text};
use crate::sources::{DeliveryId, ParseError, Request, text};
use crate::work::key::Source;

const ID: &str = "ce-id";
const SOURCE: &str = "ce-source";
pub(super) const TYPE: &str = "ce-type";

/// A request, opened as far as its envelope.
pub(super) struct Letter<'a> {
    text: Cow<'a, str>,
    /// Whether the CDEvent is the member `data` of the text.
    wrapped: bool,
    /// What the envelope says: id, source, type.
    envelope: [Option<String>; 3],
    context: ContextHead,
}

/// What the body has at its top.
#[derive(Deserialize)]
struct Top<'a> {
    #[serde(borrow, default)]
    id: Leaf<'a>,
    #[serde(default)]
    source: Leaf<'a>,
    #[serde(rename = "type", default)]
    ty: Leaf<'a>,
    data: Option<IgnoredAny>,
    data_base64: Option<Text<'a>>,
    context: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Wrapped<T> {
    data: T,
}

/// Enough of a CDEvent to tell whether it is used.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    context: LeafContext<'a>,
}

#[derive(Deserialize)]
struct LeafContext<'a> {
    #[serde(borrow, default)]
    specversion: Leaf<'a>,
    #[serde(default)]
    version: Leaf<'a>,
    #[serde(default)]
    id: Leaf<'a>,
    #[serde(default)]
    source: Leaf<'a>,
    #[serde(rename = "type", default)]
    ty: Leaf<'a>,
}

struct ContextHead {
    specversion: Option<String>,
    version: Option<String>,
    id: Option<String>,
    source: Option<String>,
    ty: Option<String>,
}

fn owned(leaf: Leaf<'_>) -> Option<String> {
    leaf.0.map(|text| text.0.into_owned()).filter(|text| !text.is_empty())
}

pub(super) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim).filter(|value| !value.is_empty())
}

/// What the headers of a delivery in binary mode identify it by.
pub(super) fn identity_of(headers: &HeaderMap) -> Option<DeliveryId> {
    let [id, source] = [ID, SOURCE].map(|name| header(headers, name));
    Some(identity(id?, source?, header(headers, TYPE).unwrap_or_default()))
}

/// Id and source identify an event. Its type is taken in since samples and tests repeat the other
/// two; a repetition has the same one.
fn identity(id: &str, source: &str, ty: &str) -> DeliveryId {
    DeliveryId::of(Source::Cdevents, &[id, source, ty])
}

impl<'a> Letter<'a> {
    /// Opens a request.
    pub(super) fn open(request: Request<'a>) -> Result<Self, ParseError> {
        let body = text(request.body)?;
        let top: Top<'a> = read(body)?;
        let bare = top.context.is_some() || (top.data.is_none() && top.data_base64.is_none());
        let headers = [ID, SOURCE, TYPE].map(|name| header(request.headers, name).map(str::to_owned));
        let (text, wrapped, envelope) = if bare {
            (Cow::Borrowed(body), false, headers)
        } else {
            let envelope = [owned(top.id), owned(top.source), owned(top.ty)];
            match top.data_base64 {
                Some(data) if top.data.is_none() => (Cow::Owned(decoded(&data)?), false, envelope),
                _ => (Cow::Borrowed(body), true, envelope),
            }
        };
        let context = read_within::<Head<'_>>(&text, wrapped)?.context;
        let context = ContextHead {
            specversion: owned(context.specversion),
            version: owned(context.version),
            id: owned(context.id),
            source: owned(context.source),
            ty: owned(context.ty),
        };
        Ok(Self { text, wrapped, envelope, context })
    }

    /// What the delivery is recognised by: CloudEvents' id and source, else those of the CDEvent,
    /// which are the same where the sender keeps to the binding.
    pub(super) fn identity(&self) -> Option<DeliveryId> {
        let [id, source, ty] = &self.envelope;
        let id = id.as_ref().or(self.context.id.as_ref())?;
        let source = source.as_ref().or(self.context.source.as_ref())?;
        let ty = ty.as_ref().or(self.context.ty.as_ref()).map_or("", |ty| ty);
        Some(identity(id, source, ty))
    }

    /// The CDEvent's own type.
    pub(super) fn ty(&self) -> Option<&str> {
        self.context.ty.as_deref()
    }

    /// The type as far as anybody says it.
    pub(super) fn event_type(&self) -> Option<&str> {
        self.ty().or(self.envelope[2].as_deref())
    }

    /// The version of CDEvents, if it is none that is known.
    pub(super) fn odd_version(&self) -> Result<Option<&str>, ParseError> {
        let ContextHead { specversion, version, .. } = &self.context;
        match (specversion.as_deref(), version.as_deref()) {
            (None, None) => Err(ParseError::missing(&self.path("context.specversion"))),
            (Some(version), _) if version == "0.5" || version.starts_with("0.5.") => Ok(None),
            (None, Some("0.3.0" | "0.4.0" | "0.4.1")) => Ok(None),
            (Some(odd), _) | (None, Some(odd)) => Ok(Some(odd)),
        }
    }

    /// Where a field of the CDEvent stands in the body.
    pub(super) fn path(&self, path: &str) -> String {
        if self.wrapped { format!("data.{path}") } else { path.to_owned() }
    }

    /// Reads the CDEvent.
    pub(super) fn read<'s, T: Deserialize<'s>>(&'s self) -> Result<T, ParseError> {
        read_within(&self.text, self.wrapped)
    }
}

fn decoded(data: &str) -> Result<String, ParseError> {
    let wrong = |reason| ParseError::field("data_base64", reason);
    let bytes = STANDARD.decode(data.trim()).map_err(|_| wrong("is not base64"))?;
    let text = String::from_utf8(bytes).map_err(|_| wrong("does not hold UTF-8"))?;
    if text.trim_start().starts_with('{') { Ok(text) } else { Err(wrong("does not hold a JSON object")) }
}

fn read_within<'a, T: Deserialize<'a>>(text: &'a str, wrapped: bool) -> Result<T, ParseError> {
    if wrapped { read::<Wrapped<T>>(text).map(|wrapped| wrapped.data) } else { read(text) }
}

fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, ParseError> {
    serde_json::from_str(text)
        .map_err(|error| json::syntax(&error).unwrap_or_else(|| json::explain::<T>(text, &error)))
}

/// A list of texts, or nothing.
pub(super) fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Text<'de>>, D::Error> {
    Option::<Vec<Text<'de>>>::deserialize(deserializer).map(Option::unwrap_or_default)
}
