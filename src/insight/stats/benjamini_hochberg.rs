//! Many tests at once.

/// The q-value of each probability, in the given order: the share of false findings to be expected
/// if this one, and all that are as probable or less, are believed.
pub fn q_values(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|x, y| p[*y].total_cmp(&p[*x]));
    let m = p.len() as f64;
    let mut q = vec![1.0; p.len()];
    let mut least: f64 = 1.0;
    for (above, index) in order.into_iter().enumerate() {
        let rank = m - above as f64;
        least = least.min(p[index] * m / rank);
        q[index] = least;
    }
    q
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The 15 probabilities of Benjamini and Hochberg's paper of 1995 (thrombolysis in myocardial
    /// infarction), shuffled.
    #[test]
    fn the_example_of_1995_rejects_four() {
        let p = [
            1.0, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590,
            0.0019, 0.0004, 0.0001,
        ];
        let q = q_values(&p);
        let expected = [(14, 0.0015), (13, 0.003), (12, 0.0095), (1, 0.035625), (2, 0.0603), (0, 1.0)];
        for (index, expected) in expected {
            assert!((q[index] - expected).abs() < 1e-12, "{} is not {expected}", q[index]);
        }
        assert_eq!(q.iter().filter(|q| **q <= 0.05).count(), 4);
        // 0.0278 · 15/6 is more than 0.0298 · 15/7: the greater probability has the lesser q.
        assert_eq!(q[3], q[4]);
    }

    #[test]
    fn no_tests_have_no_q() {
        assert!(q_values(&[]).is_empty());
        assert_eq!(q_values(&[0.04]), [0.04]);
    }
}
