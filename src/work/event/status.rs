//! An issue's way through the statuses of its workflow. Becomes child spans, one for each stay.

use serde::{Deserialize, Serialize};

/// What a status means, whatever it is called. Jira's status categories (`statusCategory.key`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// To do.
    New,
    /// In progress.
    Indeterminate,
    /// Done.
    Done,
}

impl Category {
    /// Jira's word for it, as it is in `issue.status.category`.
    pub fn as_str(self) -> &'static str {
        match self {
            Category::New => "new",
            Category::Indeterminate => "indeterminate",
            Category::Done => "done",
        }
    }

    /// From Jira's word.
    pub fn from_key(key: &str) -> Option<Self> {
        [Category::New, Category::Indeterminate, Category::Done].into_iter().find(|c| c.as_str() == key)
    }
}

/// A move from one status to another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Move {
    /// The status before, by name; `None` for the first.
    pub from: Option<String>,
    /// The status after, by name.
    pub to: String,
    /// What the status after means, where that was said.
    pub category: Option<Category>,
}
