//! What insight answers: plain values that the API writes as JSON, the commands as tables and CSV,
//! and the page as HTML. One shape for all of them. Durations are seconds, instants RFC 3339;
//! what is not known is null and never 0, and every figure comes with its `n`.

mod correlation;
mod delivery;
mod latency;
mod schema;
mod trace;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

pub use self::correlation::*;
pub use self::delivery::*;
pub use self::latency::*;
pub use self::trace::*;
use super::query::Tier;
use crate::work::key::Kind;
use crate::work::time::Time;

/// An instant, written as RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ToSchema)]
#[schema(value_type = String, format = DateTime)]
pub struct At(pub Time);

impl Serialize for At {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for At {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Time::parse(&text).map(At).ok_or_else(|| serde::de::Error::custom("not an RFC 3339 time"))
    }
}

/// What a report is about, and how fresh it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Basis {
    /// The kind of item.
    pub kind: Kind,
    /// Items that ended at or after this.
    pub from: At,
    /// Items that ended before this.
    pub to: At,
    /// The filters, as the parameter `filter` writes them.
    pub filters: Vec<String>,
    /// The environment tier that deployments are of.
    pub tier: Tier,
    /// When it was computed.
    pub as_of: At,
    /// Items whose latest change is not in it yet.
    pub behind: u64,
}

/// A report that says what it is about.
pub trait About {
    /// What it is about.
    fn basis_mut(&mut self) -> &mut Basis;
}

macro_rules! about {
    ($($report:ident),*) => {
        $(impl About for $report {
            fn basis_mut(&mut self) -> &mut Basis {
                &mut self.basis
            }
        })*
    };
}

about!(Summary, Latency, Groups, Trend, Correlations, Dora, Stages, PullRequests, TagKeys);

/// A distribution of durations. Quantiles are of type 7 (linear interpolation).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Quantiles {
    /// How many.
    pub n: u64,
    /// The mean, in seconds.
    pub mean_seconds: f64,
    /// The least.
    pub min_seconds: f64,
    /// The tenth percentile.
    pub p10_seconds: f64,
    /// The lower quartile.
    pub p25_seconds: f64,
    /// The median.
    pub p50_seconds: f64,
    /// The upper quartile.
    pub p75_seconds: f64,
    /// The ninetieth percentile.
    pub p90_seconds: f64,
    /// The 95th percentile.
    pub p95_seconds: f64,
    /// The 99th percentile.
    pub p99_seconds: f64,
    /// The greatest.
    pub max_seconds: f64,
}

/// Runs that ended well or badly. Aborted ones are in neither.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Outcomes {
    /// Ended in failure, error or timeout.
    pub failed: u64,
    /// Ended well.
    pub succeeded: u64,
}

impl Outcomes {
    /// The share that failed; `None` if there is none at all.
    pub fn failure_rate(self) -> Option<f64> {
        let all = self.failed + self.succeeded;
        (all > 0).then(|| self.failed as f64 / all as f64)
    }
}
