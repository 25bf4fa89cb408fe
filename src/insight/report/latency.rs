//! How long work takes: distributions, groups, trends, and the keys to slice by.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{At, Basis, Outcomes, Quantiles};
use crate::insight::query::Interval;

/// `GET /api/v1/latency`: the distribution of the time from opening to the last close.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Latency {
    /// What it is about.
    pub basis: Basis,
    /// The distribution; null if nothing ended in the range.
    pub quantiles: Option<Quantiles>,
    /// On a logarithmic scale; empty if nothing ended in the range.
    pub histogram: Vec<Bin>,
    /// How many ended well and badly (runs only; nothing else fails).
    pub outcomes: Outcomes,
    /// What was selected: a range of latency, by default the slowest tenth.
    pub selection: Option<Selection>,
    /// Items left out, and why.
    pub left_out: LeftOut,
}

/// A bar of a histogram.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Bin {
    /// From this many seconds, inclusive.
    pub from_seconds: f64,
    /// To this many, exclusive (the last bin: inclusive).
    pub to_seconds: f64,
    /// Items in it.
    pub n: u64,
    /// Of these, how many have the tag that `overlay` named.
    #[serde(default)]
    pub overlay: u64,
}

/// A range of latency.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Selection {
    /// From this many seconds, inclusive.
    pub from_seconds: f64,
    /// To this many, inclusive.
    pub to_seconds: f64,
    /// Items in it.
    pub n: u64,
}

/// Items that ended in the range and are not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LeftOut {
    /// Whose beginning is not known.
    pub start_unknown: u64,
    /// Whose interval was negative or absurd.
    pub clamped: u64,
    /// Issues that were not planned or a duplicate, pull requests that were not merged, runs that
    /// were skipped or stopped. A filter on `outcome` brings them in.
    pub outcome: u64,
}

/// `GET /api/v1/groups`: one distribution for each value of a tag.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Groups {
    /// What it is about.
    pub basis: Basis,
    /// The key that it is grouped by.
    pub key: String,
    /// The groups, the largest first. An item with several values is in several.
    pub groups: Vec<Group>,
    /// How many groups there are, with those beyond `limit`.
    pub total_groups: u64,
}

/// The items with one value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Group {
    /// The value; `(none)` for those without any.
    pub value: String,
    /// How many.
    pub n: u64,
    /// Their share of all.
    pub share: f64,
    /// How long they took.
    pub quantiles: Quantiles,
    /// How they ended.
    pub outcomes: Outcomes,
}

/// `GET /api/v1/trend`: figures over time, by the time of the end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Trend {
    /// What it is about.
    pub basis: Basis,
    /// How wide a point is.
    pub interval: Interval,
    /// One series, or one for each of the largest groups.
    pub series: Vec<Series>,
}

/// One line of a trend.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Series {
    /// The group's value; null for the one line of all.
    pub value: Option<String>,
    /// Its points, in order, without gaps.
    pub points: Vec<Point>,
}

/// A day, a week (from Monday) or a month, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Point {
    /// When it begins.
    pub from: At,
    /// Items that ended in it.
    pub n: u64,
    /// Their median; null if there is none.
    pub p50_seconds: Option<f64>,
    /// Their ninetieth percentile.
    pub p90_seconds: Option<f64>,
    /// How they ended.
    pub outcomes: Outcomes,
}

/// `GET /api/v1/tags`: what there is to slice by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TagKeys {
    /// What it is about.
    pub basis: Basis,
    /// The keys, in the order of their names.
    pub keys: Vec<TagKey>,
}

/// A key to slice by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TagKey {
    /// The key.
    pub key: String,
    /// How many values it takes.
    pub distinct: u64,
    /// How many items have it.
    pub n: u64,
    /// Its most frequent values, with how many items have each.
    pub values: Vec<TagValue>,
}

/// A value and how often it is met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TagValue {
    /// The value.
    pub value: String,
    /// Items with it.
    pub n: u64,
}
