//! The normal distribution.

/// The 97.5th percentile of the standard normal distribution, for intervals of 95 %.
pub const Z_95: f64 = 1.959_963_984_540_054;

/// The probability that a standard normal variable exceeds `z`, precise far out as well.
pub fn survival(z: f64) -> f64 {
    0.5 * libm::erfc(z / std::f64::consts::SQRT_2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_precise_far_out() {
        assert_eq!(survival(0.0), 0.5);
        assert!((survival(Z_95) - 0.025).abs() < 1e-15);
        assert!((survival(-Z_95) - 0.975).abs() < 1e-15);
        // scipy.stats.norm.sf(10)
        assert!((survival(10.0) / 7.619853024160495e-24 - 1.0).abs() < 1e-12);
    }
}
