//! What goes wrong after a deploy that went well, and what is done about it.

use crate::simulate::organisation::Repository;
use crate::work::time::Time;

/// What a pull request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// What the story's issue asks for.
    Issue,
    /// Taking back the pull request at that place.
    Revert {
        /// Which one.
        of: usize,
    },
    /// Putting right in a hurry what a deploy broke.
    Hotfix {
        /// The incident that it answers, if one was opened.
        incident: Option<usize>,
    },
}

/// An issue that says that something does not work since a deploy.
#[derive(Clone, Debug)]
pub struct Incident {
    /// Its title.
    pub title: String,
    /// Its labels, which it has from the beginning.
    pub labels: Vec<&'static str>,
    /// When it was opened.
    pub opened: Time,
}

/// What a repository's incidents are about.
pub fn title(repository: &Repository, what: usize) -> String {
    const WHAT: [&str; 4] = [
        "More errors since the last deploy",
        "Answers twice as slow since the last deploy",
        "Wrong results since the last deploy",
        "Jobs pile up since the last deploy",
    ];
    format!("{}: {}", repository.name, WHAT[what % WHAT.len()])
}
