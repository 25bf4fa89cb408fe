//! What `/api/v1` answers when it cannot answer: `application/problem+json` (RFC 9457). The only
//! place that turns what went wrong into a status code.

use std::borrow::Cow;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::insight::query::QueryError;
use crate::insight::reports::ReportError;
use crate::store::StoreError;

/// The media type of a [`Problem`].
pub const MEDIA_TYPE: &str = "application/problem+json";

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// What kind of problem it is, for programs.
    #[serde(rename = "type")]
    pub kind: ProblemType,
    /// The same for people.
    pub title: Cow<'static, str>,
    /// The status code.
    pub status: u16,
    /// What is wrong this time, and what to do.
    pub detail: String,
    /// The parameter that is at fault, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
}

/// Kinds of problems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub enum ProblemType {
    /// 400: there is no such parameter.
    #[serde(rename = "urn:valuestream:problem:unknown-parameter")]
    UnknownParameter,
    /// 400: a parameter has no usable value, is missing, or is given twice.
    #[serde(rename = "urn:valuestream:problem:invalid-parameter")]
    InvalidParameter,
    /// 401: the token is missing or wrong.
    #[serde(rename = "urn:valuestream:problem:unauthorized")]
    Unauthorized,
    /// 403: another site had the browser send it.
    #[serde(rename = "urn:valuestream:problem:cross-site")]
    CrossSite,
    /// 404: there is no such thing.
    #[serde(rename = "urn:valuestream:problem:not-found")]
    NotFound,
    /// 404: there is no such route.
    #[serde(rename = "urn:valuestream:problem:no-such-route")]
    NoSuchRoute,
    /// 405: everything here is read with GET.
    #[serde(rename = "urn:valuestream:problem:method-not-allowed")]
    MethodNotAllowed,
    /// 421: without a token the console answers only under names of its own machine.
    #[serde(rename = "urn:valuestream:problem:wrong-host")]
    WrongHost,
    /// 429: too many wrong tokens from this address.
    #[serde(rename = "urn:valuestream:problem:too-many-failures")]
    TooManyFailures,
    /// 500: what is stored cannot be read.
    #[serde(rename = "urn:valuestream:problem:store-corrupt")]
    StoreCorrupt,
    /// 500: a fault of this program.
    #[serde(rename = "urn:valuestream:problem:internal")]
    Internal,
    /// 502: another server that was asked did not answer.
    #[serde(rename = "urn:valuestream:problem:remote")]
    Remote,
    /// 503: the items are still being loaded.
    #[serde(rename = "urn:valuestream:problem:loading")]
    Loading,
    /// 503: the store cannot be read now.
    #[serde(rename = "urn:valuestream:problem:store-unavailable")]
    StoreUnavailable,
}

impl ProblemType {
    /// The status code.
    pub fn status(self) -> StatusCode {
        match self {
            Self::UnknownParameter | Self::InvalidParameter => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::CrossSite => StatusCode::FORBIDDEN,
            Self::NotFound | Self::NoSuchRoute => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::WrongHost => StatusCode::MISDIRECTED_REQUEST,
            Self::TooManyFailures => StatusCode::TOO_MANY_REQUESTS,
            Self::StoreCorrupt | Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Remote => StatusCode::BAD_GATEWAY,
            Self::Loading | Self::StoreUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// In a few words.
    pub fn title(self) -> &'static str {
        match self {
            Self::UnknownParameter => "Unknown parameter",
            Self::InvalidParameter => "Invalid parameter",
            Self::Unauthorized => "Token missing or wrong",
            Self::CrossSite => "Sent by another site",
            Self::NotFound => "Not found",
            Self::NoSuchRoute => "No such route",
            Self::MethodNotAllowed => "Method not allowed",
            Self::WrongHost => "Asked under a name that is not its own",
            Self::TooManyFailures => "Too many wrong tokens",
            Self::StoreCorrupt => "A row of the store cannot be read",
            Self::Internal => "A fault of this program",
            Self::Remote => "Another server did not answer",
            Self::Loading => "Still loading",
            Self::StoreUnavailable => "The store cannot be read",
        }
    }

    /// After how many seconds it may be better.
    fn retry_after(self) -> Option<HeaderValue> {
        match self {
            Self::Loading => Some(HeaderValue::from_static("2")),
            Self::StoreUnavailable => Some(HeaderValue::from_static("5")),
            _ => None,
        }
    }
}

impl Problem {
    /// A problem with what to do about it.
    pub fn new(kind: ProblemType, detail: impl Into<String>) -> Self {
        let (title, status) = (Cow::Borrowed(kind.title()), kind.status().as_u16());
        Self { kind, title, status, detail: detail.into(), parameter: None }
    }

    /// A problem with the value of a parameter.
    pub fn with(parameter: &str, detail: impl Into<String>) -> Self {
        Self { parameter: Some(parameter.to_owned()), ..Self::new(ProblemType::InvalidParameter, detail) }
    }

    /// A parameter that there is not.
    pub fn unknown(parameter: &str, known: &str) -> Self {
        let parameter = crate::work::attr::cut(parameter, 80);
        let detail = format!("unknown parameter {parameter:?}: {known}");
        Self { parameter: Some(parameter.to_owned()), ..Self::new(ProblemType::UnknownParameter, detail) }
    }
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Self {
        let kind = match error {
            QueryError::Unknown { .. } => ProblemType::UnknownParameter,
            _ => ProblemType::InvalidParameter,
        };
        Self { parameter: error.parameter().map(str::to_owned), ..Self::new(kind, error.to_string()) }
    }
}

impl From<ReportError> for Problem {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::Query(error) => error.into(),
            ReportError::Store(error) => error.into(),
            ReportError::NotFound(detail) => Self::new(ProblemType::NotFound, detail),
            ReportError::Loading => Self::new(ProblemType::Loading, error.to_string()),
            ReportError::Failed => Self::new(ProblemType::Internal, error.to_string()),
            ReportError::Remote(detail) => Self::new(ProblemType::Remote, detail),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Corrupt(reason) => {
                // The reason names the row; it is for the log, not for whoever asks.
                tracing::error!(reason, "a row of the store cannot be read");
                Self::new(ProblemType::StoreCorrupt, "the log of the server says which one")
            }
            other => Self::new(ProblemType::StoreUnavailable, other.to_string()),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        // Texts and numbers always serialize.
        let body = serde_json::to_string(&self).unwrap_or_default();
        let mut response = (self.kind.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(seconds) = self.kind.retry_after() {
            headers.insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}
