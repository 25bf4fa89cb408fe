//! Effects within strata, put together again: what is left when a third thing is held still.

use super::Table;

/// Mantel and Haenszel's difference of rates: Σ[(a n₂ − c n₁)/N] / Σ[n₁ n₂/N]. Strata with an empty
/// side weigh nothing; `None` if all do.
pub fn risk_difference(strata: impl IntoIterator<Item = Table>) -> Option<f64> {
    weighted(strata.into_iter().map(|table| {
        let (with, without) = (table.n_with() as f64, table.n_without() as f64);
        let weight = if with + without > 0.0 { with * without / (with + without) } else { 0.0 };
        (weight, table.difference())
    }))
}

/// The mean of rank-biserial correlations, each given with the sizes of its groups and weighted by
/// n_A n_B/(N + 1). Strata with an empty side weigh nothing; `None` if all do.
pub fn rank_biserial(strata: impl IntoIterator<Item = (u64, u64, f64)>) -> Option<f64> {
    weighted(strata.into_iter().map(|(n_a, n_b, effect)| {
        let (n_a, n_b) = (n_a as f64, n_b as f64);
        (n_a * n_b / (n_a + n_b + 1.0), effect)
    }))
}

fn weighted(effects: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let (mut sum, mut weights) = (0.0, 0.0);
    for (weight, effect) in effects {
        sum += weight * effect;
        weights += weight;
    }
    (weights > 0.0).then(|| sum / weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_strata_weigh_nothing() {
        let full = Table { a: 3, b: 1, c: 1, d: 3 };
        let empty = Table { a: 3, b: 5, c: 0, d: 0 };
        assert_eq!(risk_difference([full, empty]), Some(0.5));
        assert_eq!(risk_difference([empty, Table::default()]), None);
        assert_eq!(rank_biserial([(4, 4, 0.5), (9, 0, 1.0)]), Some(0.5));
        assert_eq!(rank_biserial([(0, 4, 0.5)]), None);
    }

    #[test]
    fn larger_strata_count_more() {
        // Weights 9/7 and 36/13.
        let expected = (9.0 / 7.0 * 1.0 - 36.0 / 13.0) / (9.0 / 7.0 + 36.0 / 13.0);
        let mean = rank_biserial([(3, 3, 1.0), (6, 6, -1.0)]).unwrap();
        assert!((mean - expected).abs() < 1e-12);
    }
}
