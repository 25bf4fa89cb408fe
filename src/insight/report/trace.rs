//! Single items and whole traces.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{At, Basis};
use crate::work::key::{Key, Kind};

/// `GET /api/v1/items`: items, the slowest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Items {
    /// What it is about.
    pub basis: Basis,
    /// The items.
    pub items: Vec<ItemRow>,
    /// How many there are in all.
    pub total: u64,
    /// What to give as `cursor` for the next ones; null at the end.
    pub next_cursor: Option<String>,
}

/// One item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ItemRow {
    /// Its key.
    #[schema(value_type = String, example = "github:github.com/acme/api/issue/12")]
    pub key: Key,
    /// Its title or name.
    pub title: Option<String>,
    /// Where people look at it.
    pub url: Option<String>,
    /// The id of its trace.
    pub trace_id: String,
    /// When it was opened.
    pub opened: Option<At>,
    /// When it was closed for the last time; null while it is open.
    pub closed: Option<At>,
    /// How long it took, or how old it is.
    pub seconds: Option<f64>,
    /// How it ended.
    pub outcome: Option<String>,
    /// How often it was reopened.
    pub reopened: u32,
    /// What it waits in while it is open, as far as that was told.
    pub waiting: Option<Waiting>,
    /// Its tags, with those of its trace.
    pub tags: BTreeMap<String, Vec<String>>,
}

/// What an open item waits in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Waiting {
    /// What.
    #[serde(rename = "in")]
    pub what: WaitsIn,
    /// The status of an issue's workflow, where it is one.
    pub status: Option<String>,
    /// Since when.
    pub since: Option<At>,
}

/// What open items wait in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WaitsIn {
    /// A pull request is a draft.
    Draft,
    /// A pull request waits for its first review by a human who is not the author.
    Pickup,
    /// A pull request is in review.
    Review,
    /// A pull request was approved and is not merged.
    Merge,
    /// An issue is in a status of its workflow.
    Status,
    /// A run was asked for, and no beginning was told.
    Queue,
    /// A run began, and no end was told.
    Run,
}

/// `GET /api/v1/traces/{id}`: one delivery as a waterfall.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Trace {
    /// Its id.
    pub trace_id: String,
    /// The key of its root.
    #[schema(value_type = String)]
    pub root: Key,
    /// The root's title.
    pub title: Option<String>,
    /// When the first thing began.
    pub from: Option<At>,
    /// When the last thing ended, or now if something is open.
    pub to: Option<At>,
    /// Where the tracing backend shows it, if the configuration says how its addresses look.
    pub backend_url: Option<String>,
    /// The tags of all its members.
    pub tags: BTreeMap<String, Vec<String>>,
    /// Its spans, parents before children, an item's stages right below it, siblings by start.
    pub spans: Vec<TraceSpan>,
    /// Times between the first beginning and the last end in which nothing but the root was going on.
    pub waits: Vec<Wait>,
    /// Spans beyond the bound, not shown.
    pub omitted: u64,
}

/// One bar of the waterfall.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TraceSpan {
    /// The item's key.
    #[schema(value_type = String)]
    pub key: Key,
    /// The kind of item, `step`, or kind and stage, such as `pull_request.pickup`.
    pub name: String,
    /// The kind of item.
    pub kind: Kind,
    /// Which episode of the item, from 0.
    pub episode: u32,
    /// A step's number.
    pub step: Option<u32>,
    /// Which stage of the item it is, such as `pickup` or `status`; null for items and steps.
    pub stage: Option<String>,
    /// How deep it stands.
    pub depth: u32,
    /// Title, job or step name; of a status its name, of the stage `deploy` what was deployed where.
    pub title: Option<String>,
    /// Where people look at it.
    pub url: Option<String>,
    /// When it began; null if that was never said.
    pub start: Option<At>,
    /// When it ended; null while it is open.
    pub end: Option<At>,
    /// How long it took so far.
    pub seconds: Option<f64>,
    /// How it ended.
    pub outcome: Option<String>,
    /// Whether that was badly.
    pub error: bool,
    /// Time it spent waiting in a queue before it began, in seconds.
    pub queued_seconds: Option<f64>,
    /// What happened during it.
    pub events: Vec<TraceEvent>,
    /// What else it belongs to.
    pub links: Vec<TraceLink>,
}

/// Another item that one belongs to besides its parent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TraceLink {
    /// How, as span links name it: `ships`, `sprint`, `blocked_by` …
    pub relation: String,
    /// The other.
    #[schema(value_type = String)]
    pub key: Key,
}

/// Something that happened during a span.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TraceEvent {
    /// When.
    pub at: At,
    /// What, as the span event is named.
    pub name: String,
    /// More about it.
    pub detail: Option<String>,
}

/// A time in which nothing went on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Wait {
    /// From.
    pub from: At,
    /// To.
    pub to: At,
    /// How long, in seconds.
    pub seconds: f64,
}
