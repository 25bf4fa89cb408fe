//! A work item: its key and the join of all facts said about it. The fold is [`Item::fold`]; what
//! an item's life amounts to, its episodes, is computed from the facts each time it is asked for.

use serde::{Deserialize, Serialize};

use super::event::{Cycle, Event, Facts, Life, Outcome, Run};
use super::key::{Key, Kind};
use super::lattice::{Join, Trust};
use super::time::Time;

/// A work item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Its global name.
    pub key: Key,
    /// All that is known of it.
    pub facts: Facts,
}

/// One open…closed interval of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Episode {
    /// From 0.
    pub index: u32,
    /// When it began. If that was never said, when it ended.
    pub start: Time,
    /// Whether the beginning was said.
    pub start_known: bool,
    /// When and how it ended, if it has.
    pub end: Option<(Time, Outcome)>,
    /// Whether the sender's interval was negative or absurd and had to be clamped.
    pub clamped: bool,
}

const DAY: i64 = 24 * 3600 * 1_000_000;

/// The longest interval that is believed, in microseconds: 35 days for what machines do (GitHub
/// ends a workflow run after that), 30 years for what people do.
fn longest(kind: Kind) -> i64 {
    match kind {
        Kind::Build | Kind::Job | Kind::Deploy => 35 * DAY,
        Kind::Issue | Kind::PullRequest | Kind::Sprint => 30 * 365 * DAY,
    }
}

impl Item {
    /// The first that is said of an item.
    pub fn new(event: Event) -> Self {
        Self { key: event.key, facts: event.facts }
    }

    /// Takes in what one more delivery says. Order-free and repeatable, as every part is.
    pub fn fold(&mut self, facts: Facts) {
        self.facts.join(facts);
    }

    /// The item's episodes, in order; the last one may be open. Empty only if nothing that was
    /// said has a time, or all of it was withdrawn.
    pub fn episodes(&self) -> Vec<Episode> {
        let mut episodes = match &self.facts.life {
            Life::Cycle(cycle) => cycle_episodes(cycle, self.key.kind()),
            Life::Run(run) => run_episode(run, self.key.kind()).into_iter().collect(),
        };
        for (index, episode) in episodes.iter_mut().enumerate() {
            episode.index = index as u32;
        }
        episodes
    }

    /// Whether it is work in progress.
    pub fn is_open(&self) -> bool {
        self.episodes().last().is_some_and(|episode| episode.end.is_none())
    }

    /// When it was first heard to exist: the start of its first episode.
    pub fn opened(&self) -> Option<Time> {
        self.episodes().first().map(|episode| episode.start)
    }

    /// The episode that was going on at `at`: the last one begun by then, else the first.
    pub fn episode_at(&self, at: Time) -> u32 {
        let begun = self.episodes().iter().filter(|episode| episode.start <= at).count();
        begun.saturating_sub(1) as u32
    }
}

/// An episode with its interval made believable.
fn episode(start: Option<Time>, end: Option<(Time, Outcome)>, kind: Kind) -> Option<Episode> {
    let (start, start_known) = match (start, end) {
        (Some(start), _) => (start, true),
        (None, Some((at, _))) => (at, false),
        (None, None) => return None,
    };
    let believable = end.is_none_or(|(at, _)| (0..=longest(kind)).contains(&at.since(start)));
    let end = end.map(|(at, outcome)| (if believable { at } else { start }, outcome));
    Some(Episode { index: 0, start, start_known, end, clamped: !believable })
}

/// The one episode of something that runs once.
pub(super) fn run_episode(run: &Run, kind: Kind) -> Option<Episode> {
    let duration = run.duration.as_ref().map(|d| d.value);
    let end = match (run.ended, run.started, duration) {
        // FINALIZED alone says when the clean-up was over; start and duration know better.
        (Some(ended), Some(started), Some(duration)) if ended.trust < started.trust => {
            Some(started.at.plus(duration))
        }
        (ended, _, _) => ended.map(|ended| ended.at),
    };
    let outcome = run.outcome.as_ref().map_or(Outcome::Unknown, |o| o.value);
    let start = run.started.map(|started| started.at).or_else(|| match (end, duration) {
        (Some(end), Some(duration)) => Some(end.plus(-duration)),
        (None, _) => run.queued.map(|queued| queued.at),
        _ => None,
    });
    // A skipped run never ran: the senders' times for it are those of whoever skipped it.
    let start = match (start, end) {
        (Some(start), Some(end)) if outcome == Outcome::Skip && start > end => Some(end),
        (start, _) => start,
    };
    episode(start, end.map(|at| (at, outcome)), kind)
}

/// Goes through everything that was said about opening and closing in the order of time. Two
/// things of the same second are taken in the order that makes sense: what is open is closed
/// first, what is closed is reopened first.
///
/// How far a closing is believed counts too. One that is [`Trust::Derived`] says that the item was
/// closed by then, perhaps before: it closes only what is open, and of what is closed it says anew how
/// it ended. One that is [`Trust::Receipt`] says less about its time: it also gives way to any later
/// closing that is believed more.
fn cycle_episodes(cycle: &Cycle, kind: Kind) -> Vec<Episode> {
    let sure =
        cycle.closed.iter().filter(|(_, how)| how.stamp.trust > Trust::Receipt).map(|(at, _)| *at).last();
    let counts = |at: Time, trust: Trust| trust > Trust::Receipt || sure.is_none_or(|sure| at > sure);
    let closing = |at: Time| cycle.closed.get(&at).filter(|how| counts(at, how.stamp.trust));
    let mut times: Vec<Time> = cycle.closed.iter().map(|(at, _)| *at).collect();
    times.extend(cycle.reopened.iter().chain(cycle.under_way.iter()));
    times.sort_unstable();
    times.dedup();

    let mut done: Vec<Episode> = Vec::new();
    let mut open: Option<Option<Time>> = Some(cycle.opened.map(|opened| opened.at));
    for at in times {
        let close = closing(at).map(|how| (at, how.value));
        let late = closing(at).is_some_and(|how| matches!(how.stamp.trust, Trust::Receipt | Trust::Derived));
        let reopen = cycle.reopened.contains(&at);
        if open.is_none() && (reopen || cycle.under_way.contains(&at)) {
            // A deployment that is under way in the very second of its end was under way before.
            let again = reopen || done.last().and_then(|last| last.end).is_none_or(|(end, _)| end < at);
            if again {
                open = Some(Some(at));
                done.extend(close.and_then(|end| episode(Some(at), Some(end), kind)));
                if close.is_some() {
                    open = None;
                }
                continue;
            }
        }
        match (open, close) {
            (Some(start), Some(end)) => {
                done.extend(episode(start, Some(end), kind));
                open = reopen.then_some(Some(at));
            }
            // A later final status of the same deployment: the last word counts, and it counts
            // from when it was first said.
            (None, Some((at, outcome))) if kind == Kind::Deploy => {
                if let Some(last) = done.last_mut()
                    && last.end.is_some_and(|(_, before)| before != outcome)
                {
                    last.end = Some((at, outcome));
                }
            }
            (None, Some((_, outcome))) if late => {
                if let Some(Episode { end: Some((_, known)), .. }) = done.last_mut() {
                    *known = outcome;
                }
            }
            // Closed again, and the reopening between was never seen: when it began is not known.
            (None, Some(end)) => done.extend(episode(None, Some(end), kind)),
            (_, None) => {}
        }
    }
    if let Some(start) = open
        && cycle.withdrawn.is_none()
    {
        done.extend(episode(start, None, kind));
    }
    done
}

#[cfg(test)]
mod tests {
    use super::super::event::{Outcome::*, stated};
    use super::super::lattice::{Instant, Latest, Trust};
    use super::super::testing::{acme, at, cycle, item, run, stamp};
    use super::*;

    fn intervals(item: &Item) -> Vec<(i64, Option<(i64, Outcome)>)> {
        let seconds = |time: Time| time.since(at(0)) / 1_000_000;
        item.episodes().iter().map(|e| (seconds(e.start), e.end.map(|(at, o)| (seconds(at), o)))).collect()
    }

    #[test]
    fn a_reopened_item_has_an_episode_for_each_interval() {
        let issue = item(cycle(acme("issue/1"), 0, &[(10, Completed), (30, NotPlanned)], &[20, 40]));
        assert_eq!(intervals(&issue), [(0, Some((10, Completed))), (20, Some((30, NotPlanned))), (40, None)]);
        assert!(issue.is_open());
        assert_eq!([at(5), at(15), at(25), at(99)].map(|t| issue.episode_at(t)), [0, 0, 1, 2]);
    }

    #[test]
    fn within_one_second_what_is_open_is_closed_first_and_what_is_closed_is_reopened_first() {
        let open_at_last = item(cycle(acme("issue/1"), 0, &[(10, Completed)], &[10]));
        assert_eq!(intervals(&open_at_last), [(0, Some((10, Completed))), (10, None)]);
        let closed_at_last = item(cycle(acme("issue/1"), 0, &[(5, Completed), (10, Completed)], &[10]));
        assert_eq!(intervals(&closed_at_last), [(0, Some((5, Completed))), (10, Some((10, Completed)))]);
    }

    #[test]
    fn a_second_close_without_a_reopening_begins_at_a_time_that_is_not_known() {
        let issue = item(cycle(acme("issue/1"), 0, &[(10, Completed), (30, Completed)], &[]));
        assert_eq!(intervals(&issue), [(0, Some((10, Completed))), (30, Some((30, Completed)))]);
        assert_eq!(issue.episodes().iter().map(|e| e.start_known).collect::<Vec<_>>(), [true, false]);
    }

    #[test]
    fn a_closing_that_may_come_late_closes_only_what_is_open() {
        let issue = |closed: &[(i64, Outcome, Trust)], reopened: &[i64]| {
            let mut event = cycle(acme("issue/1"), 0, &[], reopened);
            let Life::Cycle(life) = &mut event.facts.life else { unreachable!() };
            for (seconds, outcome, trust) in closed {
                let stamp = super::super::lattice::Stamp { trust: *trust, ..stamp(*seconds) };
                life.closed.insert(at(*seconds), Latest::new(stamp, *outcome));
            }
            intervals(&item(event))
        };
        use Trust::{Derived, Near, Receipt, Stated};
        // What is closed stays closed, and how it ended is said anew.
        let late = [(10, Completed, Stated), (20, Completed, Derived), (30, NotPlanned, Receipt)];
        assert_eq!(issue(&late, &[]), [(0, Some((10, NotPlanned)))]);
        // What is open is closed.
        assert_eq!(issue(&[(20, Completed, Derived)], &[]), [(0, Some((20, Completed)))]);
        assert_eq!(issue(&[(20, Completed, Receipt)], &[]), [(0, Some((20, Completed)))]);
        let again = issue(&[(10, Completed, Stated), (30, Completed, Derived)], &[20]);
        assert_eq!(again, [(0, Some((10, Completed))), (20, Some((30, Completed)))]);
        // The least believed gives way to what is said of a later time, whatever lies between.
        let early = issue(&[(10, Completed, Receipt), (30, Completed, Derived)], &[20]);
        assert_eq!(early, [(0, Some((30, Completed)))]);
        // A snapshot of what was reopened is no less believed than before.
        let near = issue(&[(10, Completed, Near), (30, Completed, Stated)], &[20]);
        assert_eq!(near, [(0, Some((10, Completed))), (20, Some((30, Completed)))]);
    }

    #[test]
    fn a_deployments_last_word_counts_from_when_it_was_first_said() {
        let deploy = |closed: &[(i64, Outcome)]| item(cycle(acme("deploy/1"), 0, closed, &[]));
        assert_eq!(intervals(&deploy(&[(10, Success), (20, Success)])), [(0, Some((10, Success)))]);
        assert_eq!(intervals(&deploy(&[(10, Success), (20, Failure)])), [(0, Some((20, Failure)))]);
    }

    #[test]
    fn a_deployment_under_way_after_its_end_is_a_new_episode() {
        let mut event = cycle(acme("deploy/1"), 0, &[(10, Failure), (30, Success)], &[]);
        let Life::Cycle(life) = &mut event.facts.life else { unreachable!() };
        life.under_way = [at(5), at(10), at(20)].into_iter().collect();
        assert_eq!(intervals(&item(event)), [(0, Some((10, Failure))), (20, Some((30, Success)))]);
    }

    #[test]
    fn a_withdrawn_item_is_no_longer_in_progress() {
        let mut event = cycle(acme("issue/1"), 0, &[(10, Completed)], &[20]);
        let Life::Cycle(life) = &mut event.facts.life else { unreachable!() };
        life.withdrawn = stated(Some(at(25)));
        let issue = item(event);
        assert_eq!(intervals(&issue), [(0, Some((10, Completed)))]);
        assert!(!issue.is_open());
    }

    #[test]
    fn negative_and_absurd_intervals_are_clamped() {
        let backwards = item(run(acme("job/1"), 100, Some((40, Success))));
        assert_eq!(intervals(&backwards), [(100, Some((100, Success)))]);
        let months = item(run(acme("job/1"), 0, Some((90 * 24 * 3600, Success))));
        assert_eq!(intervals(&months), [(0, Some((0, Success)))]);
        assert!(backwards.episodes()[0].clamped && months.episodes()[0].clamped);
        let patient = item(cycle(acme("issue/1"), 0, &[(90 * 24 * 3600, Completed)], &[]));
        assert!(!patient.episodes()[0].clamped);
    }

    #[test]
    fn a_skipped_job_that_started_after_its_end_never_ran() {
        let skipped = item(run(acme("job/1"), 100, Some((40, Skip))));
        assert_eq!(intervals(&skipped), [(40, Some((40, Skip)))]);
        assert!(!skipped.episodes()[0].clamped);
    }

    #[test]
    fn a_build_known_only_from_its_last_message_is_whole() {
        let life = Run {
            ended: Some(Instant { trust: Trust::Near, at: at(100) }),
            duration: Some(Latest::new(stamp(100), 60_000_000)),
            outcome: Some(Latest::new(stamp(100), Success)),
            ..Run::default()
        };
        let mut build = item(super::super::event::Event { key: acme("build/1.1"), facts: Facts::run(life) });
        assert_eq!(intervals(&build), [(40, Some((100, Success)))]);
        // Its start was stated: then start and duration say more than the time after the clean-up.
        build.fold(run(acme("build/1.1"), 30, None).facts);
        assert_eq!(intervals(&build), [(30, Some((90, Success)))]);
    }
}
