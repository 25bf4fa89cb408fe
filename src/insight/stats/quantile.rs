//! Quantiles of what is sorted already.

use crate::insight::report::Quantiles;

/// The quantile at `p` (0 to 1) of values sorted in ascending order, of type 7: linear between the
/// two values around position `p · (n − 1)`, as numpy does by default. `None` for no values.
pub fn quantile(sorted: &[f64], p: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let position = p.clamp(0.0, 1.0) * last as f64;
    let below = position.floor() as usize;
    let low = *sorted.get(below)?;
    let high = *sorted.get(below + 1).unwrap_or(&low);
    Some(low + (high - low) * (position - below as f64))
}

/// The places of the values from `low` to `high`, both inclusive, among values sorted in ascending order.
pub fn within(sorted: &[f64], (low, high): (f64, f64)) -> std::ops::Range<usize> {
    let start = sorted.partition_point(|value| *value < low);
    start..sorted.partition_point(|value| *value <= high).max(start)
}

/// The mean; `None` for no values.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// A distribution of durations in seconds, sorted in ascending order. `None` if there are none.
pub fn summary(sorted: &[f64]) -> Option<Quantiles> {
    let at = |p| quantile(sorted, p);
    Some(Quantiles {
        n: sorted.len() as u64,
        mean_seconds: mean(sorted)?,
        min_seconds: at(0.0)?,
        p10_seconds: at(0.1)?,
        p25_seconds: at(0.25)?,
        p50_seconds: at(0.5)?,
        p75_seconds: at(0.75)?,
        p90_seconds: at(0.9)?,
        p95_seconds: at(0.95)?,
        p99_seconds: at(0.99)?,
        max_seconds: at(1.0)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_linear_between_neighbours() {
        let values = [1.0, 2.0, 4.0, 8.0];
        assert_eq!(quantile(&values, 0.0), Some(1.0));
        assert_eq!(quantile(&values, 0.5), Some(3.0));
        assert_eq!(quantile(&values, 0.9), Some(4.0 + 4.0 * 0.7000000000000002));
        assert_eq!(quantile(&values, 1.0), Some(8.0));
        assert_eq!(quantile(&[7.0], 0.3), Some(7.0));
    }

    #[test]
    fn nothing_has_no_quantile_and_no_mean() {
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(mean(&[]), None);
        assert_eq!(mean(&[1.0, 2.0]), Some(1.5));
        assert_eq!(summary(&[]), None);
    }

    #[test]
    fn a_summary_has_all_quantiles() {
        let values: Vec<f64> = (0..=100).map(f64::from).collect();
        let summary = summary(&values).unwrap();
        assert_eq!((summary.n, summary.mean_seconds), (101, 50.0));
        assert_eq!((summary.min_seconds, summary.p10_seconds, summary.p25_seconds), (0.0, 10.0, 25.0));
        assert_eq!((summary.p50_seconds, summary.p75_seconds, summary.p90_seconds), (50.0, 75.0, 90.0));
        assert_eq!((summary.p95_seconds, summary.p99_seconds, summary.max_seconds), (95.0, 99.0, 100.0));
    }
}
