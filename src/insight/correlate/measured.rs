//! What is compared, and the test for it. Both measures come down to one number per item (its rank,
//! or whether it failed), and both tests to the sum of it over a group.

use super::sample::Sample;
use crate::insight::query::Measure;
use crate::insight::report::{Method, Strength};
use crate::insight::stats::{Table, fisher, intervals, mann_whitney, mantel_haenszel, ranks};

/// The greatest q of a finding.
const LEVEL: f64 = 0.05;
/// The bounds of small, medium and large rank-biserial correlations.
const RANK_BISERIAL: [f64; 3] = [0.147, 0.33, 0.474];
/// The bounds of small, medium and large differences of rates.
const DIFFERENCE: [f64; 3] = [0.05, 0.1, 0.2];

/// The number of each item.
pub(super) enum Measured<'a> {
    /// Twice the middle rank of each item's duration.
    Latency(Vec<u32>),
    /// Whether each item failed.
    Failure(&'a [bool]),
}

/// Items of which a group is compared with the others.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Whole {
    pub n: u64,
    /// Failure: how many of them failed.
    pub failed: u64,
    /// Latency: Σ(t³ − t) over runs of equal durations.
    pub ties: f64,
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Test {
    pub effect: f64,
    pub score: f64,
    pub p: f64,
    pub method: Method,
}

impl<'a> Measured<'a> {
    /// The items of a sample by a measure, and all of them as a whole.
    pub fn new(sample: &'a Sample, measure: Measure) -> (Self, Whole) {
        let n = sample.len() as u64;
        match measure {
            Measure::Latency => {
                let (ranks, ties) = ranks::twice_mid_ranks(&sample.seconds);
                (Self::Latency(ranks), Whole { n, failed: 0, ties })
            }
            Measure::Failure => {
                let failed = sample.failed.iter().filter(|failed| **failed).count() as u64;
                (Self::Failure(&sample.failed), Whole { n, failed, ties: 0.0 })
            }
        }
    }

    /// Compares the group of `n` items, of which the numbers' sum is `sum`, with the rest of the
    /// whole. For latency the numbers are twice the ranks within this whole.
    pub fn test(&self, n: u64, sum: u64, whole: &Whole) -> Test {
        match self {
            Self::Latency(_) => {
                let test = mann_whitney::from_ranks(n, whole.n - n, sum, whole.ties);
                let method = if test.exact { Method::MannWhitneyExact } else { Method::MannWhitneyNormal };
                Test { effect: test.effect, score: test.score, p: test.p, method }
            }
            Self::Failure(_) => {
                let table = Table::of(n, sum, whole.n, whole.failed);
                let score = match intervals::newcombe(&table) {
                    Some((low, _)) if low > 0.0 => low,
                    Some((_, high)) if high < 0.0 => high,
                    _ => 0.0,
                };
                let p = fisher::two_sided(&table);
                Test { effect: table.difference(), score, p, method: Method::FisherExact }
            }
        }
    }

    /// The effect alone. 0 if the group or the rest is empty.
    pub fn effect(&self, n: u64, sum: u64, whole: &Whole) -> f64 {
        if n == 0 || n == whole.n {
            return 0.0;
        }
        match self {
            Self::Latency(_) => mann_whitney::effect(n, whole.n - n, sum),
            Self::Failure(_) => Table::of(n, sum, whole.n, whole.failed).difference(),
        }
    }

    /// The mean of the effects within strata, each given as to [`Self::effect`].
    pub fn adjusted(&self, strata: impl Iterator<Item = (u64, u64, Whole)>) -> Option<f64> {
        match self {
            Self::Latency(_) => mantel_haenszel::rank_biserial(
                strata.map(|(n, sum, whole)| (n, whole.n - n, self.effect(n, sum, &whole))),
            ),
            Self::Failure(_) => mantel_haenszel::risk_difference(
                strata.map(|(n, sum, whole)| Table::of(n, sum, whole.n, whole.failed)),
            ),
        }
    }

    /// Whether a test with this q is shown.
    pub fn significant(&self, test: &Test, q: f64) -> bool {
        let large_enough = match self {
            Self::Latency(_) => test.effect.abs() >= RANK_BISERIAL[0],
            Self::Failure(_) => test.score != 0.0,
        };
        q <= LEVEL && large_enough
    }

    /// How strong an effect is.
    pub fn strength(&self, effect: f64) -> Strength {
        let bounds = match self {
            Self::Latency(_) => RANK_BISERIAL,
            Self::Failure(_) => DIFFERENCE,
        };
        match bounds.iter().filter(|bound| effect.abs() >= **bound).count() {
            0 => Strength::Negligible,
            1 => Strength::Small,
            2 => Strength::Medium,
            _ => Strength::Large,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_inclusive() {
        let sample = Sample::default();
        let (latency, _) = Measured::new(&sample, Measure::Latency);
        let (failure, _) = Measured::new(&sample, Measure::Failure);
        let test = |effect, score| Test { effect, score, p: 0.01, method: Method::FisherExact };
        assert!(latency.significant(&test(-0.147, 0.0), 0.05));
        assert!(!latency.significant(&test(0.146, 0.1), 0.05));
        assert!(!latency.significant(&test(0.9, 0.8), 0.051));
        assert!(failure.significant(&test(0.01, -0.001), 0.05));
        assert!(!failure.significant(&test(0.9, 0.0), 0.0));
        let strengths = [0.1, 0.147, 0.33, -0.474].map(|r| latency.strength(r));
        assert_eq!(strengths, [Strength::Negligible, Strength::Small, Strength::Medium, Strength::Large]);
        let strengths = [0.04, 0.05, -0.1, 0.2].map(|d| failure.strength(d));
        assert_eq!(strengths, [Strength::Negligible, Strength::Small, Strength::Medium, Strength::Large]);
    }
}
