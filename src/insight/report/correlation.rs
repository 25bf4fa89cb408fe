//! What slow or failed work has in common. An association, not a cause.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Basis, Quantiles, Selection};
use crate::insight::query::Measure;

/// `GET /api/v1/correlations`: which tags go with slow items, or with failed ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Correlations {
    /// What it is about.
    pub basis: Basis,
    /// What is compared: how long items took, or whether they failed.
    pub measure: Measure,
    /// Items compared.
    pub n: u64,
    /// The latency range that contrasts refer to.
    pub selection: Option<Selection>,
    /// Why nothing could be compared, if so.
    pub insufficient_data: Option<String>,
    /// How many single values were tested (one family for the correction).
    pub singles_tested: u64,
    /// How many pairs were tested (the other family).
    pub pairs_tested: u64,
    /// The findings, pairs and single values together, the strongest score first. Where none is
    /// significant, the best candidate alone, marked as such.
    pub findings: Vec<Finding>,
    /// "association, not cause", for whoever reads only this.
    pub note: String,
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub struct Attribute {
    /// The key.
    pub key: String,
    /// The value; `(none)` where it is missing; a range where numbers were put into quartiles.
    pub value: String,
}

/// What one value, or two together, go with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Finding {
    /// One attribute, or two that must both be there.
    pub attributes: Vec<Attribute>,
    /// Other attributes that exactly the same items have.
    pub aliases: Vec<Attribute>,
    /// Items with it.
    pub n_with: u64,
    /// Items without it.
    pub n_without: u64,
    /// `n_with` of all.
    pub support: f64,
    /// Latency: rank-biserial correlation (Cliff's delta), -1 to 1. Failure: the difference of the
    /// failure rates.
    pub effect: f64,
    /// The effect shrunk towards 0 by what chance could have done; ranks the findings.
    pub score: f64,
    /// The probability of an effect at least as large by chance, two-sided.
    pub p: f64,
    /// `p` after Benjamini and Hochberg's correction for the number of tests.
    pub q: f64,
    /// How many tests were made in its family.
    pub m: u64,
    /// How `p` was computed.
    pub method: Method,
    /// Whether the items are slower or fail more, or the opposite.
    pub direction: Direction,
    /// How strong it is.
    pub strength: Strength,
    /// Whether it passes the thresholds.
    pub significant: bool,
    /// Fewer than 30 items on one side.
    pub small_sample: bool,
    /// What it amounts to: `n_with` times the difference of the means in seconds, or of the rates
    /// in failures.
    pub impact: f64,
    /// Share of the selection that has it against the share of the rest: +1 only in the selection,
    /// -1 never, 0 equally often. Null without a selection.
    pub contrast: Option<f64>,
    /// Only for latency.
    pub latency: Option<LatencySides>,
    /// Only for failures.
    pub failure: Option<FailureSides>,
    /// The effect within the strata of the key that changes it most, if one does.
    pub adjusted_effect: Option<f64>,
    /// Keys within whose strata less than half of the effect is left.
    pub confounded_by: Vec<String>,
    /// Whether the effect has the opposite sign within strata.
    pub sign_reversal: bool,
    /// The pair without whose members the effect vanishes; of a pair, a stronger one.
    pub explained_by: Option<Vec<Attribute>>,
    /// Keys of traces to look at, the most telling first.
    pub exemplars: Vec<String>,
}

/// Both sides of a latency finding.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LatencySides {
    /// The median with it, in seconds.
    pub p50_with_seconds: f64,
    /// The median without it.
    pub p50_without_seconds: f64,
    /// The mean with it.
    pub mean_with_seconds: f64,
    /// The mean without it.
    pub mean_without_seconds: f64,
}

/// Both sides of a failure finding: the table, the rates, and the interval of their difference.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FailureSides {
    /// Failed, with it.
    pub failed_with: u64,
    /// Succeeded, with it.
    pub succeeded_with: u64,
    /// Failed, without it.
    pub failed_without: u64,
    /// Succeeded, without it.
    pub succeeded_without: u64,
    /// Failure rate with it.
    pub rate_with: f64,
    /// Failure rate without it.
    pub rate_without: f64,
    /// Failure rate with it against that of all.
    pub lift: f64,
    /// Lower bound of the difference of the rates (95 %, Newcombe).
    pub difference_low: f64,
    /// Upper bound.
    pub difference_high: f64,
}

/// How a probability was computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Mann and Whitney's test, by counting all arrangements.
    MannWhitneyExact,
    /// Mann and Whitney's test, by the normal approximation with corrections for ties and continuity.
    MannWhitneyNormal,
    /// Fisher's exact test, two-sided.
    FisherExact,
}

/// Which way an effect goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Slower, or failing more.
    Worse,
    /// Faster, or failing less.
    Better,
}

/// How strong an effect is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Strength {
    /// Latency below 0.147, failure below 0.05.
    Negligible,
    /// From 0.147, or 0.05.
    Small,
    /// From 0.33, or 0.1.
    Medium,
    /// From 0.474, or 0.2.
    Large,
}

/// `GET /api/v1/tags/{key}`: a key in detail: all its values, selection against baseline, and, if a
/// value is named, what is left of its effect within the strata of other keys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Detail {
    /// What it is about.
    pub basis: Basis,
    /// The key.
    pub key: String,
    /// The latency range that shares refer to.
    pub selection: Option<Selection>,
    /// Its values, the most frequent first.
    pub values: Vec<ValueDetail>,
    /// How many values there are, with those beyond `limit`.
    pub total_values: u64,
    /// The value asked for.
    pub value: Option<String>,
    /// One table for each other key.
    pub strata: Vec<Stratification>,
}

/// One value of a key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ValueDetail {
    /// The value.
    pub value: String,
    /// Items with it.
    pub n: u64,
    /// How long they took.
    pub quantiles: Quantiles,
    /// How they ended.
    pub outcomes: super::Outcomes,
    /// Its share of the selection.
    pub share_inside: Option<f64>,
    /// Its share of the rest.
    pub share_outside: Option<f64>,
    /// (inside - outside) / (inside + outside).
    pub contrast: Option<f64>,
}

/// An effect within the levels of another key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Stratification {
    /// The other key.
    pub key: String,
    /// The effect over all.
    pub crude: f64,
    /// The weighted mean of the effects within the levels; null if no level has three items on
    /// each side.
    pub adjusted: Option<f64>,
    /// The levels.
    pub levels: Vec<Stratum>,
}

/// One level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Stratum {
    /// The other key's value.
    pub value: String,
    /// Items with the value in question.
    pub n_with: u64,
    /// Items without it.
    pub n_without: u64,
    /// Latency: the medians in seconds. Failure: the rates.
    pub with: Option<f64>,
    /// The same without it.
    pub without: Option<f64>,
    /// The effect here; null if a side has less than three items.
    pub effect: Option<f64>,
}
