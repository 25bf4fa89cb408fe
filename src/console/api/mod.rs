//! `/api/v1`: one route for each question of [`Reports`], answered as JSON in the shapes of
//! [`crate::insight::report`]. The `table` of routes is what both the router and the OpenAPI
//! document are made of. Everything is read with GET, so nothing here changes anything.

mod document;
pub mod parameters;
pub mod problem;
mod table;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod traceparent;

use std::sync::Arc;

use axum::Router;
use axum::extract::RawQuery;
use axum::routing::get;

use self::problem::{Problem, ProblemType};
use super::{Console, json};
use crate::insight::reports::Reports;
use crate::store::Store;

/// Where all of it is.
pub const BASE: &str = "/api/v1";
/// Where the document is, below [`BASE`].
pub const DOCUMENT: &str = "/openapi.json";

/// Whether a path is the API's, also where there is no such route.
pub fn is_below(path: &str) -> bool {
    path.strip_prefix("/api").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

pub(super) fn no_such_route() -> Problem {
    let detail = format!("no such route: {BASE}{DOCUMENT} has them all; a key in a path is percent-encoded");
    Problem::new(ProblemType::NoSuchRoute, detail)
}

pub(super) fn router<S: Store, R: Reports>() -> Router<Arc<Console<S, R>>> {
    let table = table::routes::<S, R>();
    let document: Arc<str> = document::of(table.iter().map(|route| &route.described)).to_string().into();
    let tell = async move |RawQuery(raw): RawQuery| -> Result<_, Problem> {
        without_parameters(raw.as_deref())?;
        Ok(json(axum::http::StatusCode::OK, document.to_string()))
    };
    let routes = Router::new().route(&format!("{BASE}{DOCUMENT}"), get(tell));
    let add = |routes: Router<_>, route: table::Route<S, R>| {
        routes.route(&route.described.whole_path(), route.method)
    };
    table.into_iter().fold(routes, add).method_not_allowed_fallback(async || {
        Problem::new(ProblemType::MethodNotAllowed, "everything here is read with GET")
    })
}

/// For routes that have none.
fn without_parameters(raw: Option<&str>) -> Result<(), Problem> {
    match form_urlencoded::parse(raw.unwrap_or_default().as_bytes()).next() {
        None => Ok(()),
        Some((name, _)) => Err(Problem::unknown(&name, "this route takes none")),
    }
}
