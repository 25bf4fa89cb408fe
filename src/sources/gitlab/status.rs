//! The statuses of pipelines and jobs, which have them in common: what waits, what runs, what ended.

use super::scene::Scene;
use crate::sources::json::Text;
use crate::work::event::{Flaw, Outcome};
use crate::work::lattice::Stamp;
use crate::work::time::Time;

/// What a status says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Nobody has asked for it yet: it waits for jobs before it, for a person or for a date.
    Asleep,
    /// It waits for a runner.
    Queued,
    /// It runs.
    Running,
    /// It is over.
    Ended(Outcome),
}

impl State {
    /// Reads a status. One that is not known here is an end only if the end has a time.
    pub(super) fn of(status: &str, finished_at: Option<&Text<'_>>, scene: &mut Scene<'_, '_>) -> Self {
        match status {
            "created" | "manual" | "scheduled" => State::Asleep,
            "pending" | "preparing" | "waiting_for_resource" | "waiting_for_callback" => State::Queued,
            "running" | "canceling" => State::Running,
            "success" => State::Ended(Outcome::Success),
            "failed" => State::Ended(Outcome::Failure),
            "canceled" => State::Ended(Outcome::Cancellation),
            "skipped" => State::Ended(Outcome::Skip),
            _ => {
                scene.flaw(Flaw::UnknownOutcome);
                let over = finished_at.is_some_and(|at| !at.is_empty());
                if over { State::Ended(Outcome::Unknown) } else { State::Running }
            }
        }
    }

    /// How it ended, if it has.
    pub(super) fn outcome(self) -> Option<Outcome> {
        match self {
            State::Ended(outcome) => Some(outcome),
            _ => None,
        }
    }

    /// Whether it may have ended without ever having begun, and so without a time.
    pub(super) fn may_lack_times(self) -> bool {
        matches!(self, State::Ended(Outcome::Skip | Outcome::Cancellation))
    }

    /// The stamp of what is said in this state. There is no time of the last change, so that the
    /// state orders what is said, and ends are ordered by their time.
    pub(super) fn stamp(self, ended: Option<Time>) -> Stamp {
        match self {
            State::Asleep => Stamp::stated(None, 0),
            State::Queued => Stamp::stated(None, 1),
            State::Running => Stamp::stated(None, 2),
            State::Ended(_) => Stamp::stated(ended, 3),
        }
    }
}
