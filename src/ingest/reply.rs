//! The answers of the ingest listener: the only place that turns what became of a request into a
//! status code. Every body is `{"status": …, "reason": …}`.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::committer::NotCommitted;
use crate::sources::verify::Denied;
use crate::store::Committed;
use crate::telemetry::DeliveryStatus;

/// What became of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// Durable, and folded into these items.
    Recorded(Vec<String>),
    /// Seen before.
    Duplicate,
    /// Nothing that is used, for this reason.
    Ignored(String),
    /// Not understood, and kept.
    Quarantined(String),
    /// No or a wrong signature or token.
    Unauthorized(Denied),
    /// The same, from an address that was wrong too often: what is wrong, and how long it will be told
    /// so.
    Throttled(Denied, Duration),
    /// There is no such route.
    NotFound,
    /// The source has no secret.
    Off(&'static str),
    /// Not a POST.
    MethodNotAllowed,
    /// Not a media type that the sender can send.
    UnsupportedMediaType(String),
    /// Larger than the limit in bytes.
    TooLarge(usize),
    /// The body did not come in time.
    TooSlow,
    /// The body broke off.
    Truncated,
    /// Not now, for this reason.
    Unavailable(String),
    /// The route is up.
    Healthy,
}

#[derive(Serialize)]
struct Body<'a> {
    status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keys: Option<&'a [String]>,
}

/// How many seconds a sender is asked to wait.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

impl Reply {
    /// What became of a delivery; `None` for a request that was none.
    pub fn delivery_status(&self) -> Option<DeliveryStatus> {
        Some(match self {
            Reply::Recorded(_) => DeliveryStatus::Recorded,
            Reply::Duplicate => DeliveryStatus::Duplicate,
            Reply::Ignored(_) => DeliveryStatus::Ignored,
            Reply::Quarantined(_) => DeliveryStatus::Quarantined,
            Reply::Unauthorized(_) => DeliveryStatus::Unauthorized,
            Reply::Throttled(..) => DeliveryStatus::Throttled,
            Reply::Off(_) => DeliveryStatus::Off,
            Reply::MethodNotAllowed
            | Reply::UnsupportedMediaType(_)
            | Reply::TooLarge(_)
            | Reply::TooSlow
            | Reply::Truncated => DeliveryStatus::Rejected,
            Reply::Unavailable(_) => DeliveryStatus::Unavailable,
            Reply::NotFound | Reply::Healthy => return None,
        })
    }

    /// The `status` of the body.
    pub fn status(&self) -> &'static str {
        match self {
            Reply::NotFound => "not_found",
            Reply::Healthy => "ok",
            delivery => delivery.delivery_status().map_or("", DeliveryStatus::as_str),
        }
    }

    /// The status code.
    pub fn code(&self) -> StatusCode {
        match self {
            Reply::Recorded(_) => StatusCode::ACCEPTED,
            Reply::Duplicate | Reply::Ignored(_) | Reply::Healthy => StatusCode::OK,
            Reply::Quarantined(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Reply::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Reply::Throttled(..) => StatusCode::TOO_MANY_REQUESTS,
            Reply::NotFound | Reply::Off(_) => StatusCode::NOT_FOUND,
            Reply::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Reply::UnsupportedMediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Reply::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Reply::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Reply::Truncated => StatusCode::BAD_REQUEST,
            Reply::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn reason(&self) -> Option<String> {
        Some(match self {
            Reply::Recorded(_) | Reply::Healthy => return None,
            Reply::Duplicate => "this delivery was seen before".to_owned(),
            Reply::Ignored(reason) | Reply::Quarantined(reason) | Reply::Unavailable(reason) => {
                reason.clone()
            }
            Reply::UnsupportedMediaType(reason) => reason.clone(),
            Reply::Unauthorized(denied) => denied.to_string(),
            Reply::Throttled(denied, _) => {
                format!("{denied} (too often from this address; what is right is taken at once)")
            }
            Reply::NotFound => {
                "no such route: deliveries go to POST /github, /jenkins, /gitlab, /jira, /cdevents or /custom"
                    .to_owned()
            }
            Reply::Off(source) => format!("the source {source} is off: configure sources.{source}.secrets"),
            Reply::MethodNotAllowed => "deliveries are sent with POST".to_owned(),
            Reply::TooLarge(limit) => {
                format!("the body is larger than {limit} bytes (ingest.max_body_bytes)")
            }
            Reply::TooSlow => "the body did not arrive in time (ingest.body_timeout)".to_owned(),
            Reply::Truncated => "the body broke off".to_owned(),
        })
    }
}

impl From<Result<Committed, NotCommitted>> for Reply {
    fn from(result: Result<Committed, NotCommitted>) -> Self {
        match result {
            Ok(Committed::Recorded(recorded)) => {
                Reply::Recorded(recorded.keys.into_iter().map(String::from).collect())
            }
            Ok(Committed::Duplicate) => Reply::Duplicate,
            // The reason is the receiver's; it alone knows what it could not understand.
            Ok(Committed::Quarantined) => Reply::Quarantined(String::new()),
            Ok(Committed::Failed(reason)) => Reply::Unavailable(reason),
            Err(error) => Reply::Unavailable(error.to_string()),
        }
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let reason = self.reason();
        let keys = match &self {
            Reply::Recorded(keys) => Some(keys.as_slice()),
            _ => None,
        };
        let body = Body { status: self.status(), reason: reason.as_deref(), keys };
        // Strings and lists of strings always serialize.
        let text = serde_json::to_string(&body).unwrap_or_default();
        let mut response = (self.code(), text).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match self {
            Reply::Throttled(_, wait) => {
                let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
            }
            Reply::Unavailable(_) => {
                headers.insert(header::RETRY_AFTER, RETRY_AFTER);
            }
            Reply::MethodNotAllowed => {
                headers.insert(header::ALLOW, HeaderValue::from_static("POST"));
            }
            // What is left of the body will not be read.
            Reply::TooLarge(_) | Reply::TooSlow | Reply::Truncated => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
        response
    }
}
