//! Mann and Whitney's test: does one group tend to have greater values than another? Everything
//! follows from the sum of one group's ranks and the tie term, so that whoever walks sorted data
//! once can test many groups.

use super::{normal, ranks};

/// The smaller group's size up to which probabilities are counted out where there are no ties.
pub const EXACT_UP_TO: u64 = 8;
/// The greatest n_A · n_B that is counted out. With it, and with numbers of arrangements beyond 64
/// bits, the normal approximation is used: the larger group is then so large that it does as well.
pub const EXACT_CELLS: u64 = 100_000;

/// A comparison of group A with group B.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MannWhitney {
    /// How many pairs (a, b) have a > b, ties counting one half.
    pub u: f64,
    /// Rank-biserial correlation, which is Cliff's delta: 1 if all of A are greater, -1 if all of B.
    pub effect: f64,
    /// The effect drawn towards 0 by 1.96 standard errors, for ranking.
    pub score: f64,
    /// The probability of such a U or a more extreme one by chance, two-sided.
    pub p: f64,
    /// Whether `p` was counted out; else it is the normal approximation with corrections for ties
    /// and continuity.
    pub exact: bool,
}

/// Compares two samples, in any order.
pub fn mann_whitney(a: &[f64], b: &[f64]) -> MannWhitney {
    let mut all: Vec<(f64, bool)> = Vec::with_capacity(a.len() + b.len());
    all.extend(a.iter().map(|value| (*value, true)));
    all.extend(b.iter().map(|value| (*value, false)));
    all.sort_by(|x, y| x.0.total_cmp(&y.0));
    let sorted: Vec<f64> = all.iter().map(|(value, _)| *value).collect();
    let (twice_ranks, ties) = ranks::twice_mid_ranks(&sorted);
    let of_a = all.iter().zip(&twice_ranks).filter(|((_, is_a), _)| *is_a);
    let sum = of_a.map(|(_, rank)| u64::from(*rank)).sum();
    from_ranks(a.len() as u64, b.len() as u64, sum, ties)
}

/// The effect alone: the rank-biserial correlation of a group of `n_a` among `n_a + n_b`, of whose
/// middle ranks the sum, doubled, is `twice_rank_sum`. 0 if a group is empty.
pub fn effect(n_a: u64, n_b: u64, twice_rank_sum: u64) -> f64 {
    if n_a == 0 || n_b == 0 {
        return 0.0;
    }
    let twice_u = twice_rank_sum.saturating_sub(n_a * (n_a + 1)) as f64;
    twice_u / (n_a as f64 * n_b as f64) - 1.0
}

/// The comparison of a group of `n_a` with the other `n_b`, from twice the sum of the group's middle
/// ranks among both, and the tie term Σ(t³ − t) of both.
///
/// `p` is counted out if the smaller group has at most [`EXACT_UP_TO`] items and nothing is tied
/// (and the count is no longer than [`EXACT_CELLS`] allow); else it is the normal approximation.
pub fn from_ranks(n_a: u64, n_b: u64, twice_rank_sum: u64, ties: f64) -> MannWhitney {
    if n_a == 0 || n_b == 0 {
        return MannWhitney { u: 0.0, effect: 0.0, score: 0.0, p: 1.0, exact: false };
    }
    let twice_u = twice_rank_sum.saturating_sub(n_a * (n_a + 1));
    let (u, effect) = (twice_u as f64 / 2.0, effect(n_a, n_b, twice_rank_sum));
    let product = n_a as f64 * n_b as f64;
    let all = (n_a + n_b) as f64;
    let noise = 1.96 * ((all + 1.0) / (3.0 * product)).sqrt();
    let score = if effect.abs() > noise { effect - noise.copysign(effect) } else { 0.0 };
    let counted = if ties == 0.0 { counted_out(n_a.min(n_b), n_a.max(n_b), twice_u / 2) } else { None };
    let p = counted.unwrap_or_else(|| approximate(product, all, u, ties));
    MannWhitney { u, effect, score, p, exact: counted.is_some() }
}

fn approximate(product: f64, all: f64, u: f64, ties: f64) -> f64 {
    let variance = product / 12.0 * (all + 1.0 - ties / (all * (all - 1.0)));
    if variance.is_nan() || variance <= 0.0 {
        return 1.0;
    }
    let z = (u.max(product - u) - product / 2.0 - 0.5) / variance.sqrt();
    (2.0 * normal::survival(z)).min(1.0)
}

/// The two-sided probability by counting the arrangements with each U. Their numbers are the
/// coefficients of the Gaussian binomial ∏ (1 − x^(m+i)) / (1 − x^i), of which only those up to the
/// nearer tail are needed. Sums wrap on the way; the coefficients themselves fit, so they come out
/// right.
fn counted_out(n: u64, m: u64, u: u64) -> Option<f64> {
    if n > EXACT_UP_TO || n.saturating_mul(m) > EXACT_CELLS {
        return None;
    }
    let arrangements =
        (1..=n).try_fold(1_u128, |c, i| Some(c.checked_mul(u128::from(m + i))? / u128::from(i)));
    let arrangements = u64::try_from(arrangements?).ok()?;
    let tail = u.min((n * m).saturating_sub(u)) as usize;
    let mut counts = vec![0_u64; tail + 1];
    counts[0] = 1;
    for i in 1..=n as usize {
        let shift = m as usize + i;
        for k in (shift..=tail).rev() {
            counts[k] = counts[k].wrapping_sub(counts[k - shift]);
        }
        for k in i..=tail {
            counts[k] = counts[k].wrapping_add(counts[k - i]);
        }
    }
    let extreme: u64 = counts.iter().fold(0, |sum, count| sum.wrapping_add(*count));
    Some((2.0 * extreme as f64 / arrangements as f64).min(1.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-9 * b.abs()
    }

    #[test]
    fn small_groups_without_ties_are_counted_out() {
        let test = mann_whitney(&[19.0, 22.0, 16.0, 29.0, 24.0], &[20.0, 11.0, 17.0, 12.0]);
        assert_eq!((test.u, test.exact), (17.0, true));
        assert!(close(test.effect, 0.7));
        assert!(close(test.p, 1.0 / 9.0));
        assert!(close(approximate(20.0, 9.0, 17.0, 0.0), 0.11134688653314041));
    }

    // Figures of scipy.stats.mannwhitneyu(method="exact").
    #[test]
    fn counting_holds_for_groups_of_unlike_size() {
        let b: Vec<f64> = (4..13).map(f64::from).collect();
        assert!(close(mann_whitney(&[1.0, 2.0, 3.0], &b).p, 0.00909090909090909));
        let a = [1.5, 40.5, 33.2, 7.1, 8.8, 2.2, 19.3, 28.4];
        let b: Vec<f64> = (3..60).map(f64::from).collect();
        let (one, other) = (mann_whitney(&a, &b), mann_whitney(&b, &a));
        assert_eq!((one.u, one.exact, other.exact), (123.0, true, true));
        assert!(close(one.p, 0.03513797161790163) && close(other.p, one.p));
        assert!(close(other.effect, -one.effect) && close(other.score, -one.score));
    }

    #[test]
    fn a_huge_other_side_is_approximated_instead_of_counted() {
        assert!(!from_ranks(8, 1_000_000, 9_000_000, 0.0).exact);
        assert!(from_ranks(1, 50_000, 60_000, 0.0).exact);
        assert!(from_ranks(8, 800, 6_000, 0.0).exact);
    }

    #[test]
    fn where_all_is_tied_nothing_differs() {
        let test = mann_whitney(&[3.0; 12], &[3.0; 40]);
        assert_eq!((test.u, test.effect, test.score, test.p), (240.0, 0.0, 0.0, 1.0));
        assert_eq!(mann_whitney(&[], &[1.0]).p, 1.0);
        // A tie term that is rounded.
        assert_eq!(from_ranks(300_000, 700_000, 300_000 * 1_000_001, ranks::tie(1_000_000)).p, 1.0);
    }

    proptest! {
        #[test]
        fn counting_agrees_with_going_through_all_arrangements(n in 1_usize..4, m in 1_usize..6, pick in 0_u32..512) {
            // One arrangement is one choice of n of the n + m ranks.
            let all: Vec<u32> = (0..1_u32 << (n + m)).filter(|bits| bits.count_ones() as usize == n).collect();
            let u = |bits: u32| (0..n + m).filter(|i| bits >> i & 1 == 1)
                .map(|i| i - (bits & ((1 << i) - 1)).count_ones() as usize).sum::<usize>();
            let observed = u(all[pick as usize % all.len()]);
            let nearer = observed.min(n * m - observed);
            let extreme = all.iter().filter(|bits| u(**bits) <= nearer).count();
            let expected = (2.0 * extreme as f64 / all.len() as f64).min(1.0);
            prop_assert!(close(counted_out(n as u64, m as u64, observed as u64).unwrap(), expected));
        }

        #[test]
        fn the_effect_is_that_of_comparing_all_pairs(a in prop::collection::vec(0_u8..9, 1..20),
                                                     b in prop::collection::vec(0_u8..9, 1..20)) {
            let floats = |v: &[u8]| v.iter().map(|x| f64::from(*x)).collect::<Vec<_>>();
            let sign = |x: u8, y: u8| i32::from(x > y) - i32::from(x < y);
            let sum: i32 = a.iter().flat_map(|x| b.iter().map(move |y| sign(*x, *y))).sum();
            let expected = f64::from(sum) / (a.len() * b.len()) as f64;
            prop_assert!((mann_whitney(&floats(&a), &floats(&b)).effect - expected).abs() < 1e-12);
        }
    }
}
