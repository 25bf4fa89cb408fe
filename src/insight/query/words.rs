//! The words with which a question chooses one of few.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What an environment is for.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// What users use.
    #[default]
    Production,
    /// What comes before it.
    Staging,
    /// Where things are tried.
    Development,
    /// An environment that no rule of the configuration puts anywhere.
    Other,
    /// All of them (in questions only).
    Any,
}

/// How wide a trend's points are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Interval {
    /// A day in UTC.
    Day,
    /// A week in UTC, from Monday.
    Week,
    /// A month in UTC.
    Month,
}

/// What correlations compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// How long items took.
    Latency,
    /// Whether they failed.
    Failure,
}

impl Tier {
    /// Every tier, as questions and answers write it.
    pub const WORDS: &'static [(&'static str, Self)] = &[
        ("production", Self::Production),
        ("staging", Self::Staging),
        ("development", Self::Development),
        ("other", Self::Other),
        ("any", Self::Any),
    ];
}

impl Interval {
    /// Every interval, as questions and answers write it.
    pub const WORDS: &'static [(&'static str, Self)] =
        &[("day", Self::Day), ("week", Self::Week), ("month", Self::Month)];
}

impl Measure {
    /// Both measures, as questions and answers write them.
    pub const WORDS: &'static [(&'static str, Self)] =
        &[("latency", Self::Latency), ("failure", Self::Failure)];
}

/// A word of an enumeration.
pub(super) fn word<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    let found = words.iter().find(|(word, _)| *word == text);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        format!("write one of {}", known.join(", "))
    })
}

/// A value as the word for it.
pub(in crate::insight) fn written<T: Copy + PartialEq>(value: T, words: &[(&str, T)]) -> String {
    words.iter().find(|(_, known)| *known == value).map(|(word, _)| (*word).to_owned()).unwrap_or_default()
}
