//! Why a question cannot be answered, in words that say what to write instead.

use crate::work::time::Time;

/// Why a question cannot be answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// There is no such parameter.
    #[error("unknown parameter {name:?}: known are {known}")]
    Unknown {
        /// As given.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// A value is of no use.
    #[error("{name}={value:?}: {problem}")]
    Value {
        /// The parameter.
        name: &'static str,
        /// As given, shortened.
        value: String,
        /// What to write instead.
        problem: String,
    },
    /// A parameter was given twice.
    #[error("{0} is given more than once")]
    Twice(&'static str),
    /// This question needs a parameter that was not given.
    #[error("{0} is missing: this report needs it")]
    Missing(&'static str),
    /// The text of the address is not percent-encoded UTF-8.
    #[error("the query string is not percent-encoded UTF-8: write a percent sign itself as %25")]
    Encoding,
    /// The range has no length.
    #[error("from ({from}) must be before to ({to})")]
    EmptyRange {
        /// Its beginning.
        from: Time,
        /// Its end.
        to: Time,
    },
}

impl QueryError {
    /// A value is of no use; as it was given, shortened.
    pub fn value(name: &'static str, given: &str, problem: impl Into<String>) -> Self {
        Self::Value { name, value: shortened(given), problem: problem.into() }
    }

    /// The parameter that is at fault, if it is one.
    pub fn parameter(&self) -> Option<&str> {
        match self {
            Self::Unknown { name, .. } => Some(name),
            Self::Value { name, .. } | Self::Twice(name) | Self::Missing(name) => Some(name),
            Self::EmptyRange { .. } => Some("from"),
            Self::Encoding => None,
        }
    }
}

/// What was given, short enough to be repeated.
pub(super) fn shortened(text: &str) -> String {
    crate::work::attr::cut(text, 80).to_owned()
}
