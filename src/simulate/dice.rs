//! Seeded chance: every draw comes from ChaCha, so that a seed means the same organisation on
//! every machine. Durations are log-normal, as those of delivery work are.

use std::f64::consts::TAU;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// One second in microseconds.
pub const SECOND: i64 = 1_000_000;
/// One minute in seconds.
pub const MINUTE: f64 = 60.0;
/// One hour in seconds.
pub const HOUR: f64 = 3_600.0;
/// One day in seconds.
pub const DAY: f64 = 86_400.0;

/// A stream of chance. Two streams of one seed have nothing to do with each other, so that one
/// story can be told without telling those before it.
#[derive(Clone, Debug)]
pub struct Dice(ChaCha8Rng);

impl Dice {
    /// The given stream of the seed.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self(rng)
    }

    /// True with probability `p`, which is taken as 0 to 1.
    pub fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// Between 0 and 1, without 1.
    pub fn unit(&mut self) -> f64 {
        self.0.random::<f64>()
    }

    /// A whole number from 0 up to, not including, `n`; 0 if `n` is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        if n == 0 { 0 } else { self.0.random_range(0..n) }
    }

    /// An index into something of `len` elements.
    pub fn index(&mut self, len: usize) -> usize {
        self.below(len as u64) as usize
    }

    /// A log-normal duration in seconds: half of all are shorter than `median`; about two thirds
    /// lie within a factor of e^`sigma` of it.
    pub fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        // Box and Muller; 1 − u is never 0.
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        let z = radius * (TAU * self.unit()).cos();
        median * (sigma * z).exp()
    }

    /// A log-normal duration in whole seconds, at least one, as microseconds.
    pub fn seconds(&mut self, median: f64, sigma: f64) -> i64 {
        (self.log_normal(median, sigma).round() as i64).max(1) * SECOND
    }

    /// A log-normal duration in whole milliseconds, at least one, as microseconds.
    pub fn millis(&mut self, median: f64, sigma: f64) -> i64 {
        ((self.log_normal(median, sigma) * 1_000.0).round() as i64).max(1) * 1_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_durations_are_shorter_than_the_median() {
        let mut dice = Dice::new(7, 0);
        let mut all: Vec<f64> = (0..2_001).map(|_| dice.log_normal(HOUR, 0.8)).collect();
        all.sort_by(f64::total_cmp);
        assert!((0.9 * HOUR..1.1 * HOUR).contains(&all[1_000]), "{}", all[1_000]);
        let spread = (all[1_682] / all[1_000]).ln();
        assert!((0.7..0.9).contains(&spread), "{spread}");
    }

    #[test]
    fn streams_of_a_seed_differ_and_repeat() {
        let draw = |seed, stream| Dice::new(seed, stream).below(u64::MAX);
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2), draw(1, 3));
        assert_ne!(draw(1, 2), draw(2, 2));
    }
}
