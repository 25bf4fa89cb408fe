//! The console listener: what people and monitoring see. A request passes the `guard` (is it meant
//! for this server, does it bring the token or a `session`) and comes to the metrics, to the [`api`]
//! or to the page; only the health routes, the `login` and the page's own files are open. Every
//! answer leaves with the headers that keep a browser from using it for anything else.

pub mod api;
pub mod chart;
mod guard;
mod login;
mod origin;
pub mod page;
mod pages;
mod session;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use self::api::problem::{Problem, ProblemType};
pub use self::guard::Gate;
use crate::insight::query::Query;
use crate::insight::reports::Reports;
use crate::store::Store;
use crate::telemetry::{self, Metrics};

/// What the console needs.
pub struct Console<S, R> {
    /// The store.
    pub store: Arc<S>,
    /// Where webhooks are taken, as a URL, for whoever has none yet.
    pub ingest: String,
    /// Who answers questions.
    pub reports: Arc<R>,
    /// The counts.
    pub metrics: Metrics,
    /// Who is let in.
    pub gate: Gate,
    /// Whether it is about to stop, so that nothing should be sent here any more.
    pub draining: Arc<AtomicBool>,
}

/// The console listener's routes. The health routes ask for no token: probes have none. Nor do the
/// page's own files, which the login needs, and which are the same everywhere.
pub fn router<S: Store, R: Reports>(console: Arc<Console<S, R>>) -> Router {
    let guarded = Router::new()
        .route("/metrics", get(metrics::<S, R>))
        .merge(api::router::<S, R>())
        .merge(pages::router::<S, R>())
        .fallback(nothing_there)
        .layer(middleware::from_fn_with_state(console.clone(), guard::admit::<S, R>));
    Router::new()
        .route("/healthz", get(async || answer(StatusCode::OK, "ok", None)))
        .route("/readyz", get(ready::<S, R>))
        .route("/assets/{name}", get(pages::asset))
        .route(login::LOGIN, get(login::form::<S, R>).post(login::begin::<S, R>))
        .route(login::LOGOUT, post(login::end::<S, R>))
        .merge(guarded)
        .layer(middleware::from_fn_with_state(console.clone(), guard::same_site::<S, R>))
        .layer(middleware::from_fn_with_state(console.clone(), guard::sealed::<S, R>))
        .with_state(console)
}

fn json(code: StatusCode, body: String) -> Response {
    (code, [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}

fn answer(code: StatusCode, status: &str, reason: Option<&str>) -> Response {
    let body = match reason {
        Some(reason) => serde_json::json!({ "status": status, "reason": reason }),
        None => serde_json::json!({ "status": status }),
    };
    json(code, body.to_string())
}

async fn nothing_there(request: Request) -> Response {
    if api::is_below(request.uri().path()) {
        return api::no_such_route().into_response();
    }
    if wants_html(&request) {
        return pages::failed(&Problem::new(ProblemType::NoSuchRoute, "there is no such page"));
    }
    answer(StatusCode::NOT_FOUND, "not_found", Some("no such route"))
}

/// Whether it is a browser that asks.
fn wants_html(request: &Request) -> bool {
    let accepted = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|accepted| accepted.contains("text/html"))
}

async fn ready<S: Store, R: Reports>(State(console): State<Arc<Console<S, R>>>) -> Response {
    if console.draining.load(Ordering::Relaxed) {
        return answer(StatusCode::SERVICE_UNAVAILABLE, "stopping", Some("it is about to stop"));
    }
    match console.store.probe().await {
        Ok(()) => answer(StatusCode::OK, "ready", None),
        Err(error) => answer(StatusCode::SERVICE_UNAVAILABLE, "unavailable", Some(&error.to_string())),
    }
}

async fn metrics<S: Store, R: Reports>(State(console): State<Arc<Console<S, R>>>) -> Response {
    match console.store.stats().await {
        Ok(stats) => console.metrics.observe(&stats, crate::clock::now()),
        // The counts of deliveries are of use even so.
        Err(error) => tracing::warn!(%error, "the store's counts are missing from /metrics"),
    }
    let question = Query { limit: 1, ..Query::new(crate::clock::now()) };
    // While items are still being loaded nothing is known to be stuck.
    if let Ok(stuck) = console.reports.stuck(&question).await {
        stuck.kinds.iter().for_each(|of| console.metrics.set_items_stuck(of.kind, of.n));
    }
    ([(header::CONTENT_TYPE, HeaderValue::from_static(telemetry::CONTENT_TYPE))], console.metrics.encode())
        .into_response()
}
