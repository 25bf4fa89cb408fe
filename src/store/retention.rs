//! How long what is over is kept. Pure: an age by kind, and the questions that follow from it. The
//! store deletes by it ([`super::Store::expire`]), sealing does not export by it what would have been
//! deleted, and insight forgets by it.

use std::collections::BTreeMap;

use super::batch::DAY;
use crate::insight::observation::Lived;
use crate::work::event::Life;
use crate::work::item::Item;
use crate::work::key::Kind;
use crate::work::time::Time;

/// How long items, references and the identities of deliveries are kept, in microseconds. What has no
/// age is kept for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    items: [Option<i64>; Kind::ALL.len()],
    deliveries: Option<i64>,
}

impl Retention {
    /// Ages by kind, and that of the identities of deliveries, in microseconds.
    pub fn new(items: impl IntoIterator<Item = (Kind, i64)>, deliveries: Option<i64>) -> Self {
        let ages: BTreeMap<Kind, i64> = items.into_iter().collect();
        Self { items: Kind::ALL.map(|kind| ages.get(&kind).copied()), deliveries }
    }

    fn age(&self, kind: Kind) -> Option<i64> {
        self.items.into_iter().zip(Kind::ALL).find(|(_, of)| *of == kind)?.0
    }

    /// Whether any item is ever deleted.
    pub fn deletes(&self) -> bool {
        self.items.iter().any(Option::is_some)
    }

    /// An item of this kind that ended before this moment is deleted.
    pub fn horizon(&self, kind: Kind, now: Time) -> Option<Time> {
        Some(now.plus(-self.age(kind)?))
    }

    /// Identities of deliveries that came before this day, counted since the epoch, are forgotten.
    pub fn deliveries_before(&self, now: Time) -> Option<i64> {
        Some(now.plus(-self.deliveries?).micros().div_euclid(DAY))
    }

    /// References written before this day to what is no item are forgotten: nothing that they could
    /// lead to is left. Sprints point at nothing, so how long they are kept does not matter.
    pub fn refs_before(&self, now: Time) -> Option<i64> {
        let ages = Kind::ALL.into_iter().filter(|kind| *kind != Kind::Sprint).map(|kind| self.age(kind));
        let longest = ages.collect::<Option<Vec<i64>>>()?.into_iter().max()?;
        Some(now.plus(-longest).micros().div_euclid(DAY))
    }

    /// Whether what ended at `end` is past its age.
    pub fn is_past(&self, kind: Kind, end: Time, now: Time) -> bool {
        self.horizon(kind, now).is_some_and(|horizon| end < horizon)
    }

    /// Whether an item with this life is past its age, as far as insight knows it.
    pub fn is_over(&self, kind: Kind, life: &Lived, now: Time) -> bool {
        !life.open && life.closed.is_some_and(|(end, _)| self.is_past(kind, end, now))
    }
}

/// Whether an item is past its age: it is not open, and ended before its kind's horizon.
pub fn expired(item: &Item, retention: &Retention, now: Time) -> bool {
    let kind = item.key.kind();
    if retention.age(kind).is_none() || item.is_open() {
        return false;
    }
    over_since(item).is_some_and(|end| retention.is_past(kind, end, now))
}

/// When an item that is not open ended; if it never lived, when it was withdrawn or last spoken of.
fn over_since(item: &Item) -> Option<Time> {
    let ended = item.episodes().last().and_then(|last| last.end).map(|(end, _)| end);
    let withdrawn = match &item.facts.life {
        Life::Cycle(cycle) => cycle.withdrawn.map(|withdrawn| withdrawn.at),
        Life::Run(_) => None,
    };
    let spoken_of = || {
        let described = item.facts.attrs.values().filter_map(|latest| latest.stamp.at);
        described.chain(item.facts.happenings.iter().map(|happening| happening.at)).max()
    };
    ended.max(withdrawn).or_else(spoken_of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::attr::Attr;
    use crate::work::event::{Cycle, Event, Facts, Outcome};
    use crate::work::lattice::Instant;
    use crate::work::testing::{acme, at, cycle, item, run, stamp};

    const HOUR: i64 = 3600;

    fn hours(kinds: &[(Kind, i64)]) -> Retention {
        Retention::new(kinds.iter().map(|(kind, hours)| (*kind, hours * HOUR * 1_000_000)), None)
    }

    fn is_expired(event: Event, now: i64) -> bool {
        expired(&item(event), &hours(&[(Kind::Issue, 1), (Kind::Build, 1)]), at(now))
    }

    #[test]
    fn an_item_is_past_its_age_once_its_last_end_is() {
        let built = || run(acme("build/1.1"), 0, Some((60, Outcome::Success)));
        assert!(!is_expired(built(), 60 + HOUR));
        assert!(is_expired(built(), 61 + HOUR));
        // What was reopened is as old as its last end.
        let again =
            || cycle(acme("issue/1"), 0, &[(60, Outcome::Completed), (900, Outcome::Completed)], &[600]);
        assert!(!is_expired(again(), 900 + HOUR));
        assert!(is_expired(again(), 901 + HOUR));
    }

    #[test]
    fn what_is_open_or_of_a_kind_without_an_age_is_kept_for_ever() {
        let year = 365 * 24 * HOUR;
        assert!(!is_expired(cycle(acme("issue/1"), 0, &[], &[]), year));
        assert!(!is_expired(cycle(acme("issue/1"), 0, &[(60, Outcome::Completed)], &[90]), year));
        let mut spoken_of = cycle(acme("issue/2"), 0, &[], &[]);
        spoken_of.facts.attr(stamp(1), Attr::IssueTitle, Some("open, and spoken of long ago"));
        assert!(!is_expired(spoken_of, year));
        assert!(!is_expired(run(acme("build/1.1"), 0, None), year));
        assert!(!is_expired(run(acme("job/1"), 0, Some((60, Outcome::Success))), year));
        let built = item(run(acme("build/1.1"), 0, Some((60, Outcome::Success))));
        assert!(!expired(&built, &Retention::default(), at(year)));
    }

    #[test]
    fn what_was_withdrawn_or_never_lived_is_as_old_as_the_last_word_about_it() {
        let deleted = Cycle {
            opened: Some(Instant::stated(at(0))),
            withdrawn: Some(Instant::stated(at(500))),
            ..Cycle::default()
        };
        let deleted = || Event { key: acme("issue/1"), facts: Facts::cycle(deleted.clone()) };
        assert!(!is_expired(deleted(), 500 + HOUR));
        assert!(is_expired(deleted(), 501 + HOUR));
        let mut titled = Facts::cycle(Cycle::default());
        titled.attr(stamp(700), Attr::IssueTitle, Some("spoken of"));
        let titled = || Event { key: acme("issue/2"), facts: titled.clone() };
        assert!(!is_expired(titled(), 700 + HOUR));
        assert!(is_expired(titled(), 701 + HOUR));
    }

    #[test]
    fn references_stay_for_as_long_as_anything_that_they_could_lead_to() {
        let day = |seconds: i64| at(seconds).micros().div_euclid(DAY);
        let all = [Kind::Issue, Kind::PullRequest, Kind::Build, Kind::Job, Kind::Deploy];
        let aged: Vec<_> = all.into_iter().zip([48, 240, 24, 24, 24]).collect();
        let now = 100 * 24 * HOUR;
        assert_eq!(hours(&aged).refs_before(at(now)), Some(day(now - 240 * HOUR)));
        assert_eq!(hours(&aged[1..]).refs_before(at(now)), None, "an issue is kept for ever");
        assert_eq!(Retention::default().refs_before(at(now)), None);
    }
}
