//! Intervals of 95 % for rates and for their difference.

use super::Table;
use super::normal::Z_95;

/// Wilson's score interval of a rate, lower and upper bound. `None` if nothing was tried.
pub fn wilson(hits: u64, n: u64) -> Option<(f64, f64)> {
    if n == 0 {
        return None;
    }
    let (n, z2) = (n as f64, Z_95 * Z_95);
    let rate = hits as f64 / n;
    let centre = (rate + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = Z_95 / (1.0 + z2 / n) * (rate * (1.0 - rate) / n + z2 / (4.0 * n * n)).max(0.0).sqrt();
    Some(((centre - half).max(0.0), (centre + half).min(1.0)))
}

/// Newcombe's interval of the difference of two rates (with minus without), from Wilson's of each.
/// `None` if a side is empty.
pub fn newcombe(table: &Table) -> Option<(f64, f64)> {
    let (p1, p2) = (table.rate_with(), table.rate_without());
    let (l1, u1) = wilson(table.a, table.n_with())?;
    let (l2, u2) = wilson(table.c, table.n_without())?;
    let difference = p1 - p2;
    Some((difference - (p1 - l1).hypot(u2 - p2), difference + (u1 - p1).hypot(p2 - l2)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(bounds: Option<(f64, f64)>, low: f64, high: f64) -> bool {
        bounds.is_some_and(|(l, h)| (l - low).abs() < 1e-7 && (h - high).abs() < 1e-7)
    }

    #[test]
    fn intervals_are_as_published() {
        assert!(near(wilson(5, 20), 0.1118617, 0.4687009));
        assert!(near(newcombe(&Table { a: 56, b: 14, c: 48, d: 32 }), 0.0524315, 0.3338727));
    }

    #[test]
    fn rates_stay_between_none_and_all() {
        assert_eq!(wilson(0, 0), None);
        assert_eq!(newcombe(&Table { a: 1, b: 1, c: 0, d: 0 }), None);
        let (low, high) = wilson(0, 4).unwrap();
        assert!(low == 0.0 && high < 0.5);
        let (low, high) = wilson(4, 4).unwrap();
        assert!(low > 0.5 && high == 1.0);
    }
}
