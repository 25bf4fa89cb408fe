//! Ranks with ties. Ranks are held doubled, so that the middle rank of tied values is a whole
//! number and sums of ranks are exact.

use std::ops::Range;

/// The runs of equal values in what is sorted, as ranges of positions.
pub fn runs(sorted: &[f64]) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let first = sorted.get(start)?;
        let mut end = start + 1;
        while sorted.get(end) == Some(first) {
            end += 1;
        }
        let run = start..end;
        start = end;
        Some(run)
    })
}

/// Twice the middle rank (from 1) of a run of ties that takes these positions (from 0).
pub fn twice_mid_rank(run: &Range<usize>) -> u32 {
    (run.start + run.end + 1) as u32
}

/// What a run of `t` equal values adds to the tie term: t³ − t.
pub fn tie(t: usize) -> f64 {
    let t = t as f64;
    t * t * t - t
}

/// Twice the middle rank of every value of what is sorted, and the tie term Σ(t³ − t).
pub fn twice_mid_ranks(sorted: &[f64]) -> (Vec<u32>, f64) {
    let mut ranks = Vec::with_capacity(sorted.len());
    let mut ties = 0.0;
    for run in runs(sorted) {
        ranks.resize(run.end, twice_mid_rank(&run));
        ties += tie(run.len());
    }
    (ranks, ties)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tied_values_share_their_middle_rank() {
        let (ranks, ties) = twice_mid_ranks(&[1.0, 2.0, 2.0, 3.0, 3.0, 3.0]);
        assert_eq!(ranks, [2, 5, 5, 10, 10, 10]);
        assert_eq!(ties, 6.0 + 24.0);
        assert_eq!(twice_mid_ranks(&[]), (vec![], 0.0));
    }
}
