//! What correlations are computed from: plain columns, whoever made them.

/// Items to compare, and what they have.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// How long each item took, in seconds. Sorted, shortest first.
    pub seconds: Vec<f64>,
    /// Whether each item failed; only items that failed or succeeded are in a sample for failures.
    pub failed: Vec<bool>,
    /// What identifies each item, for exemplars.
    pub rows: Vec<u32>,
    /// The keys to slice by. Identifiers, people and what leaks the outcome are not among them.
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
