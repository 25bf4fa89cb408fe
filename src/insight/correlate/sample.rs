//! What correlations are computed from: plain columns, whoever made them.

use std::collections::HashMap;

use crate::insight::query::NONE;
use crate::insight::stats::quantile::within;

/// Items to compare, and what they have. `seconds`, `failed`, `rows` and every column's `codes` are
/// of one length and in one order, the shortest item first.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// How long each item took, in seconds. Sorted, shortest first.
    pub seconds: Vec<f64>,
    /// Whether each item failed; only items that failed or succeeded are in a sample for failures.
    pub failed: Vec<bool>,
    /// What identifies each item, for exemplars.
    pub rows: Vec<u32>,
    /// The keys to slice by, the most telling first: of values that the same items have, that of the
    /// first column stands for all. Identifiers, people and what leaks the outcome are not among them.
    pub columns: Vec<Column>,
}

/// A key and which of its values each item has.
#[derive(Clone, Debug, Default)]
pub struct Column {
    /// The key.
    pub key: String,
    /// The names of the value sets' members: `values[id]`.
    pub values: Vec<String>,
    /// Each distinct set of values that an item has, as ids into `values`, sorted; most have one.
    /// Items without any have a set with the id of `(none)`.
    pub sets: Vec<Vec<u32>>,
    /// For each item, an index into `sets`.
    pub codes: Vec<u32>,
}

impl Sample {
    /// A sample of items in any order: sorted by how long they took, then by their row. Row `i` is
    /// item `i` as given here. The columns hold the items in the order given.
    pub fn new(seconds: Vec<f64>, failed: Vec<bool>, columns: Vec<Column>) -> Self {
        let mut rows: Vec<u32> = (0..seconds.len() as u32).collect();
        rows.sort_by(|a, b| seconds[*a as usize].total_cmp(&seconds[*b as usize]).then(a.cmp(b)));
        let in_order = |column: Column| {
            let codes = rows.iter().map(|row| column.codes[*row as usize]).collect();
            Column { codes, ..column }
        };
        Self {
            seconds: rows.iter().map(|row| seconds[*row as usize]).collect(),
            failed: rows.iter().map(|row| failed[*row as usize]).collect(),
            columns: columns.into_iter().map(in_order).collect(),
            rows,
        }
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.seconds.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.seconds.is_empty()
    }

    /// The column of a key.
    pub fn column(&self, key: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.key == key)
    }

    /// The positions of the items that took from `low` to `high` seconds, both inclusive.
    pub(super) fn within(&self, range: (f64, f64)) -> std::ops::Range<usize> {
        within(&self.seconds, range)
    }
}

impl Column {
    /// A column from the values that each item has; an item without any has `(none)`.
    pub fn new<'a, I>(key: &str, items: impl IntoIterator<Item = I>) -> Self
    where
        I: IntoIterator<Item = &'a str>,
    {
        let mut column = Self { key: key.to_owned(), ..Self::default() };
        let mut ids: HashMap<&str, u32> = HashMap::new();
        let mut codes: HashMap<Vec<u32>, u32> = HashMap::new();
        for item in items {
            let mut id = |value: &'a str| {
                *ids.entry(value).or_insert_with(|| {
                    column.values.push(value.to_owned());
                    column.values.len() as u32 - 1
                })
            };
            let mut set: Vec<u32> = item.into_iter().map(&mut id).collect();
            if set.is_empty() {
                set.push(id(NONE));
            }
            set.sort_unstable();
            set.dedup();
            let code = *codes.entry(set).or_insert_with_key(|set| {
                column.sets.push(set.clone());
                column.sets.len() as u32 - 1
            });
            column.codes.push(code);
        }
        column
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_sorted_and_their_values_go_with_them() {
        let team = Column::new("team", [vec!["a"], vec![], vec!["b", "a", "b"]]);
        let sample = Sample::new(vec![3.0, 1.0, 2.0], vec![true, false, false], vec![team]);
        assert_eq!(sample.seconds, [1.0, 2.0, 3.0]);
        assert_eq!(sample.rows, [1, 2, 0]);
        assert_eq!(sample.failed, [false, false, true]);
        let team = sample.column("team").unwrap();
        assert_eq!(team.values, ["a", NONE, "b"]);
        let sets: Vec<_> = team.codes.iter().map(|code| team.sets[*code as usize].as_slice()).collect();
        assert_eq!(sets, [&[1][..], &[0, 2], &[0]]);
    }

    #[test]
    fn both_ends_of_a_range_are_in_it() {
        let sample = Sample::new(vec![1.0, 2.0, 2.0, 3.0], vec![false; 4], vec![]);
        assert_eq!(sample.within((2.0, 3.0)), 1..4);
        assert_eq!(sample.within((1.5, 1.7)), 1..1);
        assert_eq!(sample.within((9.0, 0.0)), 4..4);
    }
}
