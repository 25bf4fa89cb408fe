//! What slow or failed work has in common. A [`Sample`] of items and the values they have comes in,
//! tested and explained findings go out.
//!
//! Numbers become quartiles; one pass over each column counts its values, and those with enough
//! items on both sides are compared with the rest. Then every two columns are passed over once,
//! which tests all pairs of their values, and tells what is left of a single value's effect within
//! the levels of other keys. What passes the thresholds is walked again for medians, examples, and
//! whether a pair explains a single. All tests follow from sums of ranks or of failures, so nothing
//! is sorted and no set is cut for a candidate; the outcome does not depend on how many threads
//! there are.

mod bins;
mod cells;
mod findings;
mod levels;
mod measured;
mod members;
mod pairs;
mod parallel;
pub mod sample;
mod singles;
mod strata;
mod tracks;
mod values;

#[cfg(test)]
mod tests;

use self::measured::Measured;
pub use self::sample::{Column, Sample};
pub use self::strata::stratify;
pub use self::values::values;
use super::query::Measure;
use super::report::Finding;

/// Fewer items are not compared.
pub const MIN_ITEMS: usize = 20;
/// Fewer failures, or successes, are not compared.
pub const MIN_OUTCOMES: u64 = 3;
/// A group has at least so many items.
pub const MIN_SUPPORT: u64 = 5;
/// More threads than this are not used unless asked for.
const MAX_THREADS: usize = 8;
/// With fewer codes (items times columns) than this, threads cost more than they save.
const WORTH_THREADS: usize = 200_000;

/// How much to compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The most findings. Only these get medians, examples and adjusted effects.
    pub limit: usize,
    /// The most examples of each.
    pub exemplars: usize,
    /// Threads to use; as many as there are processors, up to eight, if not said.
    pub threads: Option<usize>,
}

impl Default for Options {
    fn default() -> Self {
        Self { limit: 50, exemplars: 5, threads: None }
    }
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Singles and pairs together: the significant ones, the strongest score first. Where none is,
    /// the best candidate alone.
    pub findings: Vec<Found>,
    /// How many single values were tested.
    pub singles_tested: u64,
    /// How many pairs were tested.
    pub pairs_tested: u64,
    /// Why nothing could be compared, if so.
    pub insufficient_data: Option<String>,
}

/// A finding, whose examples are rows of the sample: who made the sample knows their keys.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The finding, without exemplars.
    pub finding: Finding,
    /// [`Sample::rows`] of items to look at: the slowest (or the failed) that have it; the fastest
    /// (or those that succeeded) if it goes with better items.
    pub exemplars: Vec<u32>,
}

/// The least number of items on each side of a comparison among `n`: 5, or 1 % if that is more.
pub fn min_support(n: usize) -> u64 {
    MIN_SUPPORT.max(n.div_ceil(100) as u64)
}

/// Compares what items have with how long they took, or with whether they failed. `selection` is a
/// range of seconds, both ends inclusive, that contrasts refer to.
///
/// At most `options.limit` findings are made; singles are held against the five strongest pairs to
/// see whether one of them explains the single. Keys whose names say how an item ended (`result`,
/// `state`, `status`, `outcome`, `conclusion`, `error`) and keys with more values than every second
/// item are left out.
pub fn correlate(
    sample: &Sample,
    measure: Measure,
    selection: Option<(f64, f64)>,
    options: &Options,
) -> Outcome {
    let insufficient = |reason: String| Outcome { insufficient_data: Some(reason), ..Outcome::default() };
    let n = sample.len();
    if n < MIN_ITEMS {
        return insufficient(format!("{n} items; at least {MIN_ITEMS} are needed"));
    }
    let (measured, whole) = Measured::new(sample, measure);
    match measured {
        Measured::Latency(_) if sample.seconds.first() == sample.seconds.last() => {
            return insufficient(format!("all {n} items took equally long"));
        }
        Measured::Failure(_) if whole.failed < MIN_OUTCOMES => {
            return insufficient(format!(
                "{} of {n} failed; at least {MIN_OUTCOMES} are needed",
                whole.failed
            ));
        }
        Measured::Failure(_) if whole.n - whole.failed < MIN_OUTCOMES => {
            let succeeded = whole.n - whole.failed;
            return insufficient(format!("{succeeded} of {n} succeeded; at least {MIN_OUTCOMES} are needed"));
        }
        _ => {}
    }
    debug_assert!(sample.columns.iter().all(|column| column.codes.len() == n));
    let threads = threads(sample, options);
    let support = min_support(n);
    let columns = singles::columns(sample, &measured, threads);
    let candidates = singles::candidates(&columns, &measured, &whole, support);
    if candidates.is_empty() {
        return insufficient(format!(
            "no value that at least {support} of {n} items have and at least {support} do not"
        ));
    }
    let watched = findings::watched(&candidates, &measured, options.limit);
    let (pairs, adjusted) = pairs::search(&pairs::Search {
        columns: &columns,
        candidates: &candidates,
        watched: &watched,
        measured: &measured,
        whole: &whole,
        support,
        block: pairs::BLOCK,
        threads,
    });
    let material = findings::Material {
        sample,
        columns: &columns,
        candidates: &candidates,
        measured: &measured,
        whole: &whole,
        selection,
        exemplars: options.exemplars,
        threads,
    };
    Outcome {
        findings: findings::findings(&material, &pairs, &adjusted, options.limit),
        singles_tested: candidates.len() as u64,
        pairs_tested: pairs.len() as u64,
        insufficient_data: None,
    }
}

fn threads(sample: &Sample, options: &Options) -> usize {
    options.threads.unwrap_or_else(|| {
        if sample.len() * sample.columns.len() < WORTH_THREADS {
            return 1;
        }
        std::thread::available_parallelism().map_or(1, |threads| threads.get().min(MAX_THREADS))
    })
}
