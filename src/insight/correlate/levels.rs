//! A column as it is compared: numbers in bins, items counted.

use std::borrow::Cow;

use super::bins;
use super::sample::Column;
use crate::insight::query::NONE;
use crate::insight::report::Attribute;

/// Parts of a key's name that say how items ended: correlating with the outcome itself says nothing.
const LEAKS: [&str; 6] = ["result", "state", "status", "outcome", "conclusion", "error"];
/// The share of distinct values among items above which a key is an identifier.
const IDENTIFIER: f64 = 0.5;
/// How many levels a key may have for its strata to be looked into.
pub(super) const STRATA: std::ops::RangeInclusive<usize> = 2..=10;

/// A column after binning.
pub(super) struct Levels<'a> {
    pub key: &'a str,
    pub values: Cow<'a, [String]>,
    pub sets: Cow<'a, [Vec<u32>]>,
    /// For each item, an index into `sets`.
    pub codes: &'a [u32],
    /// Items of each value.
    pub items: Vec<u64>,
}

impl<'a> Levels<'a> {
    /// The column with its numbers in bins.
    pub fn new(column: &'a Column) -> Self {
        let mut counts = vec![0_u64; column.sets.len()];
        for code in &column.codes {
            counts[*code as usize] += 1;
        }
        Self::counted(column, &counts)
    }

    /// The same, where the items of each set have been counted already.
    pub fn counted(column: &'a Column, counts: &[u64]) -> Self {
        let (values, sets) = match bins::binned(&column.values, &column.sets, counts) {
            Some((values, sets)) => (Cow::Owned(values), Cow::Owned(sets)),
            None => (Cow::Borrowed(&column.values[..]), Cow::Borrowed(&column.sets[..])),
        };
        let mut items = vec![0_u64; values.len()];
        for (set, count) in sets.iter().zip(counts) {
            for id in set {
                items[*id as usize] += count;
            }
        }
        Self { key: &column.key, values, sets, codes: &column.codes, items }
    }

    /// The values that items have.
    pub fn present(&self) -> impl Iterator<Item = u32> {
        (0..self.items.len() as u32).filter(|value| self.items[*value as usize] > 0)
    }

    /// Whether the key's strata can be looked into.
    pub fn stratifies(&self) -> bool {
        self.comparable() && STRATA.contains(&self.present().count())
    }

    /// Whether the key can be compared at all: neither an identifier nor a name for the outcome.
    pub fn comparable(&self) -> bool {
        let distinct = self.present().filter(|value| self.values[*value as usize] != NONE).count();
        !leaks(self.key) && distinct as f64 <= IDENTIFIER * self.codes.len() as f64
    }

    /// The key with one of its values.
    pub fn attribute(&self, value: u32) -> Attribute {
        Attribute { key: self.key.to_owned(), value: self.values[value as usize].clone() }
    }

    /// For each set, whether it has the value.
    pub fn sets_with(&self, value: u32) -> Vec<bool> {
        self.sets.iter().map(|set| set.contains(&value)).collect()
    }
}

/// Whether a key's name, or one of the parts that dots separate, is a word for the outcome.
fn leaks(key: &str) -> bool {
    key.split('.').any(|part| LEAKS.iter().any(|leak| part.eq_ignore_ascii_case(leak)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_outcome_leak_it() {
        for key in ["result", "State", "error.type", "deploy.status", "pipeline.conclusion", "outcome"] {
            assert!(leaks(key), "{key}");
        }
        for key in ["team", "estate", "error_budget", "deploy.type"] {
            assert!(!leaks(key), "{key}");
        }
    }

    #[test]
    fn a_key_with_more_values_than_every_second_item_is_an_identifier() {
        let ids = ["a", "b", "c", "d", "e", "f"].map(|id| [id]);
        assert!(!Levels::new(&Column::new("id", ids)).comparable());
        let names = ["a", "b", "c", "a", "b", "c"].map(|name| [name]);
        assert!(Levels::new(&Column::new("id", names)).comparable());
    }

    #[test]
    fn distinct_numbers_are_no_identifiers() {
        let numbers: Vec<String> = (0..40).map(|n| n.to_string()).collect();
        let column = Column::new("lines", numbers.iter().map(|n| [n.as_str()]));
        let levels = Levels::new(&column);
        assert!(levels.comparable() && levels.stratifies());
        assert_eq!(*levels.values, ["0 to 9", "10 to 19", "20 to 29", "30 to 39"]);
        assert_eq!(levels.items, [10, 10, 10, 10]);
    }
}
