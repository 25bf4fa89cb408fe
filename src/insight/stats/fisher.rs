//! Fisher's exact test of a [`Table`]: with the sums of rows and columns given, how probable is a
//! table that is no more probable than the one observed?

use super::Table;

/// Tables count as equally probable within this factor (of their logarithms, that much apart).
const TOLERANCE: f64 = 1e-7;
/// A term that adds less than this share of the sum ends the sum.
const NEGLIGIBLE: f64 = 1e-17;

/// The hypergeometric distribution of a table's first cell.
struct Hypergeometric {
    /// Failed in all, items with it, items in all.
    failed: f64,
    with: f64,
    all: f64,
    constant: f64,
}

impl Hypergeometric {
    fn new(table: &Table) -> Self {
        let failed = (table.a + table.c) as f64;
        let with = table.n_with() as f64;
        let all = with + table.n_without() as f64;
        let constant =
            ln_factorial(failed) + ln_factorial(all - failed) + ln_factorial(with) + ln_factorial(all - with)
                - ln_factorial(all);
        Self { failed, with, all, constant }
    }

    /// Succeeded, without it, if `a` failed with it.
    fn last_cell(&self, a: f64) -> f64 {
        self.all - self.failed - self.with + a
    }

    fn ln_probability(&self, a: f64) -> f64 {
        self.constant
            - ln_factorial(a)
            - ln_factorial(self.failed - a)
            - ln_factorial(self.with - a)
            - ln_factorial(self.last_cell(a))
    }

    /// From `a` away from the mode, each term from the one before, until they no longer count.
    fn tail(&self, mut a: f64, upwards: bool) -> f64 {
        let mut term = self.ln_probability(a).exp();
        let mut sum = term;
        while term > sum * NEGLIGIBLE {
            if upwards {
                term *= (self.failed - a) * (self.with - a) / ((a + 1.0) * (self.last_cell(a) + 1.0));
                a += 1.0;
            } else {
                let below = (self.failed - a + 1.0) * (self.with - a + 1.0);
                term *= a * self.last_cell(a) / below;
                a -= 1.0;
            }
            sum += term;
        }
        sum
    }
}

fn ln_factorial(n: f64) -> f64 {
    libm::lgamma(n + 1.0)
}

/// The two-sided probability: that of all tables with the same sums that are at most as probable as
/// this one (as scipy and R do it). Both tails are summed outwards and end where terms vanish, so
/// that a table of a million takes microseconds.
pub fn two_sided(table: &Table) -> f64 {
    let distribution = Hypergeometric::new(table);
    let Hypergeometric { failed, with, all, .. } = distribution;
    let low = (failed + with - all).max(0.0);
    let high = failed.min(with);
    let mode = ((failed + 1.0) * (with + 1.0) / (all + 2.0)).floor().clamp(low, high);
    let observed = table.a as f64;
    if low == high || observed == mode {
        return 1.0;
    }
    let upper = observed > mode;
    let limit = distribution.ln_probability(observed) + TOLERANCE;
    // On the mode's other side, the distance of the nearest table that is as improbable.
    let farthest = if upper { mode - low } else { high - mode };
    let at = |distance: f64| if upper { mode - distance } else { mode + distance };
    let (mut near, mut far) = (0.0, farthest + 1.0);
    while near < far {
        let middle = ((near + far) / 2.0_f64).floor();
        if distribution.ln_probability(at(middle)) <= limit { far = middle } else { near = middle + 1.0 }
    }
    let other = if near <= farthest { distribution.tail(at(near), !upper) } else { 0.0 };
    (distribution.tail(observed, upper) + other).min(1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn p(a: u64, b: u64, c: u64, d: u64) -> f64 {
        two_sided(&Table { a, b, c, d })
    }

    // Figures of scipy.stats.fisher_exact.
    #[test]
    fn small_tables_are_as_published() {
        assert!((p(3, 1, 1, 3) - 0.4857142857142857).abs() < 1e-12);
        assert!((p(8, 2, 1, 5) - 0.0349650349650350).abs() < 1e-12);
        assert!((p(0, 10, 5, 5) - 0.0325077399380805).abs() < 1e-12);
        assert!((p(5, 0, 0, 5) - 0.0079365079365079).abs() < 1e-12);
    }

    #[test]
    fn tables_of_a_million_are_as_precise() {
        let close = |p: f64, expected: f64| (p / expected - 1.0).abs() < 1e-6;
        assert!(close(p(10_150, 89_850, 89_850, 810_150), 0.09558255596902712));
        assert!(close(p(12_000, 88_000, 95_000, 805_000), 2.2864892234977375e-43));
        assert!(close(p(9_000, 91_000, 91_000, 809_000), 2.1068232109049036e-29));
        assert!(close(p(300, 200, 200_000, 799_500), 6.58129225342758e-85));
    }

    #[test]
    fn a_table_that_could_not_be_otherwise_says_nothing() {
        assert_eq!(p(0, 3, 0, 7), 1.0);
        assert_eq!(p(3, 0, 7, 0), 1.0);
        assert_eq!(p(0, 0, 4, 7), 1.0);
        assert_eq!(p(0, 0, 0, 0), 1.0);
    }

    proptest! {
        #[test]
        fn it_is_the_sum_over_all_tables_that_are_no_more_probable(a in 0_u64..15, b in 0_u64..15,
                                                                   c in 0_u64..15, d in 0_u64..15) {
            let choose = |n: u64, k: u64| (0..k).fold(1_u128, |c, i| c * u128::from(n - i) / u128::from(i + 1));
            let (with, failed, n) = (a + b, a + c, a + b + c + d);
            let ways = |x: u64| choose(failed, x) * choose(n - failed, with - x);
            let tables = (failed + with).saturating_sub(n)..=failed.min(with);
            let extreme: u128 = tables.map(ways).filter(|w| *w <= ways(a)).sum();
            let expected = extreme as f64 / choose(n, with) as f64;
            prop_assert!((p(a, b, c, d) - expected).abs() < 1e-10);
        }
    }
}
