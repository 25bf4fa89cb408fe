//! The ids that a CI job needs to join a trace.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::json;
use super::problem::Problem;
use crate::console::Console;
use crate::insight::query;
use crate::insight::reports::Reports;
use crate::store::Store;
use crate::work::ids::traceparent;
use crate::work::key::Key;

/// `GET /api/v1/traceparent`: where an item's span stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(super) struct Traceparent {
    /// The item.
    #[schema(value_type = String, example = "github:github.com/acme/api/build/14460881260.1")]
    key: Key,
    /// The root of its trace. Of an item that nothing was said about it is a guess: the item itself.
    #[schema(value_type = String, example = "github:github.com/acme/api/issue/12")]
    root: Key,
    /// Whether anything was said about the item.
    known: bool,
    /// The W3C traceparent of its span.
    #[schema(example = "00-dc165dd78f4a17ba2b0f38d1fd61fa6d-d209dbc3c842c121-01")]
    traceparent: String,
}

pub(super) async fn tell<S: Store, R: Reports>(
    State(console): State<Arc<Console<S, R>>>,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let (key, episode) = asked(raw.as_deref())?;
    let (known, root) = tokio::join!(console.store.item(&key), console.store.root(&key));
    let ((item, pin), root) = (known?, root?);
    let traceparent = traceparent(&root, &key, episode);
    let answer = Traceparent { known: item.is_some() || pin.is_some(), key, root, traceparent };
    Ok(json(StatusCode::OK, serde_json::to_string(&answer).unwrap_or_default()))
}

fn asked(raw: Option<&str>) -> Result<(Key, u32), Problem> {
    let (mut key, mut episode) = (None, None);
    for (name, value) in query::decoded(raw.unwrap_or_default())? {
        let twice = match name.as_ref() {
            "key" => key
                .replace(value.parse::<Key>().map_err(|error| Problem::with("key", error.to_string()))?)
                .is_some(),
            "episode" => {
                let number = value.parse().map_err(|_| Problem::with("episode", "write a number, from 0"))?;
                episode.replace(number).is_some()
            }
            other => return Err(Problem::unknown(other, "known are key, episode")),
        };
        if twice {
            return Err(Problem::with(&name, format!("{name} is given more than once")));
        }
    }
    let missing =
        || Problem::with("key", "key is missing: write source:host/project/kind/id, percent-encoded");
    Ok((key.ok_or_else(missing)?, episode.unwrap_or_default()))
}
