//! Quantiles of type 7: linear interpolation between the two nearest of the sorted values, numpy's
//! and R's default.

/// The quantile `q` (0 to 1) of sorted values; `None` if there are none.
pub fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = q.clamp(0.0, 1.0) * last as f64;
    let below = place.floor() as usize;
    let low = sorted[below];
    let high = sorted[(below + 1).min(last)];
    Some(low + (high - low) * (place - below as f64))
}
