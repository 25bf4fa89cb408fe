//! What an item's life says: whether it counts, whether it failed, how long it took, how old it is.

use crate::insight::observation::Lived;
use crate::work::event::Outcome;
use crate::work::key::Kind;
use crate::work::time::Time;

/// Whether an outcome counts as work that was done: the others are left out unless asked for.
pub fn counts(kind: Kind, outcome: Outcome) -> bool {
    match kind {
        Kind::Issue => !matches!(outcome, Outcome::NotPlanned | Outcome::Duplicate),
        Kind::PullRequest => outcome == Outcome::Merged,
        Kind::Sprint => true,
        Kind::Build | Kind::Job | Kind::Deploy => !matches!(outcome, Outcome::Skip | Outcome::Cancellation),
    }
}

/// Whether items of a kind fail or succeed: runs do.
pub fn fails(kind: Kind) -> bool {
    matches!(kind, Kind::Build | Kind::Job | Kind::Deploy)
}

/// Whether a run failed or succeeded; `None` if it did neither, or is nothing that fails.
pub fn failed(kind: Kind, outcome: Outcome) -> Option<bool> {
    match outcome {
        outcome if outcome.is_error() => fails(kind).then_some(true),
        Outcome::Success => fails(kind).then_some(false),
        _ => None,
    }
}

/// How long an item took, in microseconds, if that is known and to be believed.
pub fn duration(life: &Lived) -> Option<i64> {
    let (end, _) = life.closed?;
    let start = life.opened?;
    (life.start_known && !life.clamped && !life.open).then(|| end.since(start))
}

/// How old an open item is at `now`, in microseconds.
pub fn age(life: &Lived, now: Time) -> Option<i64> {
    if !life.open {
        return None;
    }
    life.opened.map(|opened| now.since(opened).max(0))
}
