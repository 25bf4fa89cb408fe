//! The table of two groups and two outcomes.

/// How many failed and succeeded with something and without it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Failed, with it.
    pub a: u64,
    /// Succeeded, with it.
    pub b: u64,
    /// Failed, without it.
    pub c: u64,
    /// Succeeded, without it.
    pub d: u64,
}

fn share(part: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { part as f64 / all as f64 }
}

impl Table {
    /// Of `n` items `failed` failed; of these, `failed_with` among the `n_with` that have it.
    pub fn of(n_with: u64, failed_with: u64, n: u64, failed: u64) -> Self {
        let (a, c) = (failed_with, failed.saturating_sub(failed_with));
        let n_without = n.saturating_sub(n_with);
        Self { a, b: n_with.saturating_sub(a), c, d: n_without.saturating_sub(c) }
    }

    /// How many have it.
    pub fn n_with(&self) -> u64 {
        self.a + self.b
    }

    /// How many do not.
    pub fn n_without(&self) -> u64 {
        self.c + self.d
    }

    /// The failure rate with it; 0 if nothing has it.
    pub fn rate_with(&self) -> f64 {
        share(self.a, self.n_with())
    }

    /// The failure rate without it; 0 if all have it.
    pub fn rate_without(&self) -> f64 {
        share(self.c, self.n_without())
    }

    /// The difference of the rates.
    pub fn difference(&self) -> f64 {
        self.rate_with() - self.rate_without()
    }

    /// The failure rate with it, divided by that of all; 0 if nothing failed.
    pub fn lift(&self) -> f64 {
        let all = share(self.a + self.c, self.n_with() + self.n_without());
        if all == 0.0 { 0.0 } else { self.rate_with() / all }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_follows_from_its_sums() {
        let table = Table::of(10, 4, 30, 6);
        assert_eq!(table, Table { a: 4, b: 6, c: 2, d: 18 });
        assert_eq!((table.rate_with(), table.rate_without()), (0.4, 0.1));
        assert!((table.lift() - 2.0).abs() < 1e-12);
        assert_eq!((Table::default().lift(), Table::default().difference()), (0.0, 0.0));
    }
}
