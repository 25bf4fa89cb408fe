//! The console listener: what people and monitoring see. For now the health of the program, its
//! metrics and the ids that a CI job needs to join a trace.

pub mod chart;
pub mod page;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use subtle::ConstantTimeEq;

use crate::store::{Store, StoreError};
use crate::telemetry::{self, Metrics};
use crate::work::ids::traceparent;
use crate::work::key::Key;

/// What the console needs.
pub struct Console<S> {
    /// The store.
    pub store: Arc<S>,
    /// The counts.
    pub metrics: Metrics,
    /// What requests must bring, if anything.
    pub token: Option<SecretString>,
}

/// The console listener's routes. The health routes ask for no token: probes have none.
pub fn router<S: Store>(console: Arc<Console<S>>) -> Router {
    let guarded = Router::new()
        .route("/metrics", get(metrics::<S>))
        .route("/api/v1/traceparent", get(parent::<S>))
        .layer(middleware::from_fn_with_state(console.clone(), guard::<S>));
    Router::new()
        .route("/healthz", get(async || answer(StatusCode::OK, "ok", None)))
        .route("/readyz", get(ready::<S>))
        .merge(guarded)
        .fallback(async || answer(StatusCode::NOT_FOUND, "not_found", Some("no such route")))
        .with_state(console)
}

fn json(code: StatusCode, body: &serde_json::Value) -> Response {
    (code, [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body.to_string())
        .into_response()
}

fn answer(code: StatusCode, status: &str, reason: Option<&str>) -> Response {
    let body = match reason {
        Some(reason) => serde_json::json!({ "status": status, "reason": reason }),
        None => serde_json::json!({ "status": status }),
    };
    json(code, &body)
}

async fn guard<S: Store>(State(console): State<Arc<Console<S>>>, request: Request, next: Next) -> Response {
    let allowed = console.token.as_ref().is_none_or(|token| brings(request.headers(), token));
    if allowed {
        return next.run(request).await;
    }
    let mut response = answer(
        StatusCode::UNAUTHORIZED,
        "unauthorized",
        Some("send Authorization: Bearer with console.token"),
    );
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

fn brings(headers: &HeaderMap, token: &SecretString) -> bool {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.as_bytes().split_at_checked(7));
    given.is_some_and(|(scheme, given)| {
        scheme.eq_ignore_ascii_case(b"Bearer ") && bool::from(given.ct_eq(token.expose_secret().as_bytes()))
    })
}

async fn ready<S: Store>(State(console): State<Arc<Console<S>>>) -> Response {
    match console.store.probe().await {
        Ok(()) => answer(StatusCode::OK, "ready", None),
        Err(error) => answer(StatusCode::SERVICE_UNAVAILABLE, "unavailable", Some(&error.to_string())),
    }
}

async fn metrics<S: Store>(State(console): State<Arc<Console<S>>>) -> Response {
    match console.store.stats().await {
        Ok(stats) => console.metrics.observe(&stats, crate::clock::now()),
        // The counts of deliveries are of use even so.
        Err(error) => tracing::warn!(%error, "the store's counts are missing from /metrics"),
    }
    ([(header::CONTENT_TYPE, HeaderValue::from_static(telemetry::CONTENT_TYPE))], console.metrics.encode())
        .into_response()
}

#[derive(Deserialize)]
struct Asked {
    key: String,
    #[serde(default)]
    episode: u32,
}

/// The W3C traceparent of an item's span, so that other spans can join its trace.
async fn parent<S: Store>(State(console): State<Arc<Console<S>>>, asked: Query<Asked>) -> Response {
    let key: Key = match asked.key.parse() {
        Ok(key) => key,
        Err(error) => return answer(StatusCode::BAD_REQUEST, "invalid", Some(&format!("key: {error}"))),
    };
    let (known, root) = tokio::join!(console.store.item(&key), console.store.root(&key));
    match known.and_then(|known| Ok((known, root?))) {
        Ok(((item, pin), root)) => {
            let body = serde_json::json!({
                "key": key,
                "root": root,
                // Of an item that nothing was said about the root is a guess: itself.
                "known": item.is_some() || pin.is_some(),
                "traceparent": traceparent(&root, &key, asked.episode),
            });
            json(StatusCode::OK, &body)
        }
        Err(StoreError::Corrupt(reason)) => {
            tracing::error!(reason, "an item's row cannot be read");
            answer(StatusCode::INTERNAL_SERVER_ERROR, "error", Some("the item's row cannot be read"))
        }
        Err(error) => answer(StatusCode::SERVICE_UNAVAILABLE, "unavailable", Some(&error.to_string())),
    }
}
