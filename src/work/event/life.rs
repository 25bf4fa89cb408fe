//! When an item lived, and how it ended: what is opened and closed, and what runs once.

use serde::{Deserialize, Serialize};

use crate::work::lattice::{Bounded, BoundedMap, Instant, Join, Latest};
use crate::work::time::Time;

/// How an item ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The sender said that it ended, not how.
    Unknown,
    /// An issue that was done.
    Completed,
    /// An issue that will not be done.
    NotPlanned,
    /// An issue that another one stands for.
    Duplicate,
    /// A pull request that was closed unmerged.
    Closed,
    /// A pull request that was merged.
    Merged,
    /// A run that succeeded.
    Success,
    /// A run that was not needed.
    Skip,
    /// A run that somebody stopped.
    Cancellation,
    /// A run that took too long.
    Timeout,
    /// A run that could not be carried out.
    Error,
    /// A run that failed.
    Failure,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Outcome; 12] = [
        Outcome::Unknown,
        Outcome::Completed,
        Outcome::NotPlanned,
        Outcome::Duplicate,
        Outcome::Closed,
        Outcome::Merged,
        Outcome::Success,
        Outcome::Skip,
        Outcome::Cancellation,
        Outcome::Timeout,
        Outcome::Error,
        Outcome::Failure,
    ];

    /// The name in `valuestream.outcome` and, for runs, in `cicd.pipeline.result`.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Unknown => "unknown",
            Outcome::Completed => "completed",
            Outcome::NotPlanned => "not_planned",
            Outcome::Duplicate => "duplicate",
            Outcome::Closed => "closed",
            Outcome::Merged => "merged",
            Outcome::Success => "success",
            Outcome::Skip => "skip",
            Outcome::Cancellation => "cancellation",
            Outcome::Timeout => "timeout",
            Outcome::Error => "error",
            Outcome::Failure => "failure",
        }
    }

    /// Whether the span's status is ERROR.
    pub fn is_error(self) -> bool {
        matches!(self, Outcome::Failure | Outcome::Error | Outcome::Timeout)
    }
}

/// The life of an item that people open and close, and may open again: issues, pull requests,
/// GitHub deployments.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cycle {
    /// When it was created.
    pub opened: Option<Instant>,
    /// When it was closed, each time, and how.
    pub closed: BoundedMap<Time, Latest<Outcome>>,
    /// When it was reopened.
    pub reopened: Bounded<Time>,
    /// When it was said to be under way (a deployment's `queued`, `in_progress`).
    pub under_way: Bounded<Time>,
    /// When its sender deleted it or moved it away: it is no longer work in progress.
    pub withdrawn: Option<Instant>,
}

impl Join for Cycle {
    fn join(&mut self, other: Self) {
        self.opened.join(other.opened);
        self.closed.join(other.closed);
        self.reopened.join(other.reopened);
        self.under_way.join(other.under_way);
        self.withdrawn.join(other.withdrawn);
    }
}

/// The life of something that runs once: builds, jobs, steps, Jenkins deploys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// When it was asked for.
    pub queued: Option<Instant>,
    /// When it began.
    pub started: Option<Instant>,
    /// When it ended.
    pub ended: Option<Instant>,
    /// How long it ran by the sender's own clock, in microseconds.
    pub duration: Option<Latest<i64>>,
    /// How it ended.
    pub outcome: Option<Latest<Outcome>>,
}

impl Join for Run {
    fn join(&mut self, other: Self) {
        self.queued.join(other.queued);
        self.started.join(other.started);
        self.ended.join(other.ended);
        self.duration.join(other.duration);
        self.outcome.join(other.outcome);
    }
}

/// The two shapes of a life. Which one an item has follows from its source and kind, so the
/// facts of one item never differ in shape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Life {
    /// Opened, closed, perhaps reopened.
    #[serde(rename = "c")]
    Cycle(Cycle),
    /// Runs once.
    #[serde(rename = "r")]
    Run(Run),
}

impl Join for Life {
    fn join(&mut self, other: Self) {
        match (self, other) {
            (Life::Cycle(mine), Life::Cycle(theirs)) => mine.join(theirs),
            (Life::Run(mine), Life::Run(theirs)) => mine.join(theirs),
            // Cannot be built by any source; a run wins in either order.
            (mine @ Life::Cycle(_), theirs @ Life::Run(_)) => *mine = theirs,
            (Life::Run(_), Life::Cycle(_)) => {}
        }
    }
}
