//! From what the store reports to the metrics.

use std::time::Duration;

use super::{Metrics, OutboxDepth, Quality};
use crate::store::{Committed, Expired, Sealed, Stats};
use crate::work::key::Kind;
use crate::work::time::Time;

fn count(n: i64) -> u64 {
    u64::try_from(n).unwrap_or_default()
}

impl Metrics {
    /// A delivery is durable.
    pub fn recorded(&self, outcome: &Committed) {
        let Committed::Recorded(recorded) = outcome else { return };
        for turn in &recorded.turns {
            match turn.ended {
                None => self.event_started(turn.source, turn.kind),
                Some((error, micros)) => {
                    let took =
                        micros.and_then(|micros| u64::try_from(micros).ok()).map(Duration::from_micros);
                    self.event_ended(turn.source, turn.kind, error, took);
                }
            }
        }
        recorded.late.iter().for_each(|kind| self.late(*kind));
        recorded.flaws.iter().for_each(|flaw| self.quality(Quality::Flaw(*flaw)));
    }

    /// Finished items became spans.
    pub fn sealed(&self, sealed: &Sealed) {
        (0..sealed.clamped).for_each(|_| self.quality(Quality::Clamped));
        (0..sealed.start_unknown).for_each(|_| self.quality(Quality::StartUnknown));
        sealed.omitted.iter().for_each(|(kind, episodes)| self.exports_omitted(*kind, *episodes));
    }

    /// Items past their age were deleted.
    pub fn expired(&self, expired: &Expired) {
        expired.items.iter().for_each(|(kind, items)| self.items_deleted(*kind, *items));
    }

    /// What the store holds at `now`.
    pub fn observe(&self, stats: &Stats, now: Time) {
        for kind in Kind::ALL {
            self.set_items_open(kind, count(stats.open.get(&kind).copied().unwrap_or_default()));
        }
        self.set_due_items(count(stats.due));
        self.set_insight_behind_items(count(stats.stale));
        self.set_quarantine_size(count(stats.quarantined));
        for (backend, backlog) in &stats.backlog {
            let waited = backlog.oldest.map_or(0, |oldest| now.micros() - oldest);
            let age = Duration::from_micros(count(waited));
            self.set_outbox(backend, OutboxDepth { items: count(backlog.entries), age });
            self.set_rejected_exports(backend, count(backlog.rejected));
        }
    }
}
