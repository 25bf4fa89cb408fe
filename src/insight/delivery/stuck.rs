//! What has been open for so long that nobody believes it: a build whose end was never told, a pull request
//! that everybody forgot. It is reported, and never closed: only its sender knows.

use crate::insight::cohort::{Sieve, dimension};
use crate::insight::groups::{holders, keys};
use crate::insight::population::{Population, age};
use crate::insight::query::{Query, QueryError};
use crate::insight::report::{Basis, Stuck, StuckGroup, StuckKind};
use crate::work::key::Kind;
use crate::work::time::{Time, seconds};

/// The report, and the rows of the stuck items of all kinds, the oldest first, at most `query.limit` of each
/// kind, so that many of one hide none of another. With them the caller fills [`Stuck::items`].
pub fn stuck(
    population: &Population,
    query: &Query,
    basis: Basis,
    now: Time,
) -> Result<(Stuck, Vec<u32>), QueryError> {
    let sieve = Sieve::new(population, "filter", &query.filters, query.tier)?;
    let opened = |row: u32| population.life(row).opened;
    let old = |row: &u32| age(population.life(*row), now).map(seconds);
    let (mut kinds, mut all, mut listed) = (Vec::new(), Vec::new(), Vec::new());
    for kind in Kind::ALL {
        let Some(after) = population.settings().stuck_after.get(&kind).copied() else { continue };
        let is_stuck = |row: &u32| age(population.life(*row), now).is_some_and(|age| age > after);
        let stuck = population.of_kind(kind).filter(is_stuck).filter(|row| sieve.passes(*row));
        let mut rows: Vec<u32> = stuck.collect();
        rows.sort_unstable_by(|a, b| {
            opened(*a).cmp(&opened(*b)).then_with(|| population.key(*a).cmp(&population.key(*b)))
        });
        let (n, oldest_seconds) = (rows.len() as u64, rows.first().and_then(old));
        kinds.push(StuckKind { kind, after_seconds: seconds(after), n, oldest_seconds });
        listed.extend(rows.iter().take(query.limit));
        all.extend(rows);
    }
    // Stable: of equal age they stay in the order of their kinds.
    listed.sort_by_key(|row| opened(*row));
    let (groups, total_groups) = groups(population, query, &all, old)?;
    let (total, keys) = (all.len() as u64, keys(population, &all));
    Ok((Stuck { basis, kinds, items: Vec::new(), total, groups, total_groups, keys }, listed))
}

/// How many of these rows have each value of the key to group by, if there is one, and how old the oldest is.
fn groups(
    population: &Population,
    query: &Query,
    rows: &[u32],
    old: impl Fn(&u32) -> Option<f64>,
) -> Result<(Vec<StuckGroup>, u64), QueryError> {
    let Some(key) = query.group.as_deref() else { return Ok((Vec::new(), 0)) };
    let dimension = dimension(population, "group", key)?;
    let mut of_set: Vec<(usize, Option<f64>)> = vec![(0, None); dimension.sets().len()];
    for row in rows {
        if let Some((n, oldest)) = of_set.get_mut(dimension.codes().get(*row) as usize) {
            *n += 1;
            *oldest = old(row).into_iter().chain(*oldest).reduce(f64::max);
        }
    }
    let holders = holders(dimension, |set| of_set[set].0);
    let total = holders.len() as u64;
    let groups = holders.into_iter().take(query.limit).map(|holders| StuckGroup {
        value: holders.value,
        n: holders.n as u64,
        oldest_seconds: holders.sets.iter().filter_map(|set| of_set[*set].1).reduce(f64::max),
    });
    Ok((groups.collect(), total))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insight::cohort::basis;
    use crate::insight::population::testing::{Seen, population, seen};
    use crate::insight::query::{Filter, Tier};
    use crate::work::event::Outcome;
    use crate::work::testing::at;

    const DAY: i64 = 86_400;
    const NOW: i64 = 200 * DAY;

    fn report(items: &[Seen], change: impl FnOnce(&mut Query)) -> (Stuck, Vec<String>) {
        let population = population(items);
        let mut query = Query::new(at(NOW));
        change(&mut query);
        let basis = basis(&query, Tier::Any, at(NOW), 0);
        let (stuck, rows) = stuck(&population, &query, basis, at(NOW)).unwrap();
        (stuck, rows.into_iter().map(|row| population.key(row).unwrap().id().to_owned()).collect())
    }

    fn n(stuck: &Stuck, kind: Kind) -> Option<u64> {
        stuck.kinds.iter().find(|of| of.kind == kind).map(|of| of.n)
    }

    #[test]
    fn what_is_open_for_longer_than_its_kind_may_be_is_stuck_the_oldest_first() {
        let (stuck, keys) = report(
            &[
                seen("build/1.1").opened(NOW - DAY),
                seen("build/2.1").opened(NOW - DAY - 1),
                seen("pull_request/3").opened(NOW - 30 * DAY - 1),
                seen("pull_request/4").opened(NOW - 29 * DAY),
                seen("issue/5").opened(NOW - 190 * DAY),
                seen("build/6.1").lived(0, DAY, Outcome::Success),
                seen("sprint/7").opened(0),
            ],
            |_| (),
        );
        assert_eq!(keys, ["5", "3", "2.1"]);
        assert_eq!(
            (n(&stuck, Kind::Build), n(&stuck, Kind::PullRequest), n(&stuck, Kind::Job)),
            (Some(1), Some(1), Some(0))
        );
        assert_eq!(n(&stuck, Kind::Sprint), None, "which has no such time");
        assert_eq!(stuck.total, 3);
        assert_eq!(stuck.kinds[0].after_seconds, 180.0 * 86_400.0);
    }

    #[test]
    fn filters_count_and_the_limit_cuts_what_is_listed_only() {
        let items = [
            seen("build/1.1").opened(0).tag("team", "a"),
            seen("build/2.1").opened(10).tag("team", "b"),
            seen("build/3.1").opened(20).tag("team", "a"),
        ];
        let (stuck, keys) = report(&items, |query| {
            query.filters = vec![Filter::include("team", "a")];
            query.limit = 1;
        });
        assert_eq!((stuck.total, keys), (2, vec!["1.1".to_owned()]));
    }

    #[test]
    fn many_of_one_kind_hide_none_of_another() {
        let items = [
            seen("issue/1").opened(0),
            seen("issue/2").opened(10),
            seen("build/3.1").opened(100),
            seen("build/4.1").opened(200),
        ];
        let (stuck, keys) = report(&items, |query| query.limit = 1);
        assert_eq!((stuck.total, keys), (4, vec!["1".to_owned(), "3.1".to_owned()]));
        let oldest = |kind: Kind| stuck.kinds.iter().find(|of| of.kind == kind).unwrap().oldest_seconds;
        assert_eq!((oldest(Kind::Build), oldest(Kind::Deploy)), (Some((NOW - 100) as f64), None));
    }

    #[test]
    fn they_are_counted_for_each_value_of_a_key() {
        let items = [
            seen("issue/1").opened(0).tag("team", "a"),
            seen("build/2.1").opened(10).tag("team", "b"),
            seen("build/3.1").opened(20).tag("team", "b"),
            seen("build/4.1").opened(30),
            seen("build/5.1").opened(NOW - 10).tag("team", "c"),
        ];
        let keys = |stuck: Stuck| stuck.keys.into_iter().map(|key| (key.key, key.n)).collect::<Vec<_>>();
        assert!(keys(report(&items, |_| ()).0).contains(&("team".to_owned(), 3)), "of those that are stuck");
        let by = |limit: usize| {
            let (stuck, _) = report(&items, |query| {
                query.group = Some("team".to_owned());
                query.limit = limit;
            });
            let groups: Vec<_> =
                stuck.groups.into_iter().map(|g| (g.value, g.n, g.oldest_seconds.unwrap())).collect();
            (groups, stuck.total_groups)
        };
        let group = |value: &str, n: u64, opened: i64| (value.to_owned(), n, (NOW - opened) as f64);
        assert_eq!(by(9), (vec![group("b", 2, 10), group("(none)", 1, 30), group("a", 1, 0)], 3));
        assert_eq!(by(1), (vec![group("b", 2, 10)], 3));
        let population = population(&items);
        let query = Query { group: Some("nonsense".to_owned()), ..Query::new(at(NOW)) };
        let basis = basis(&query, Tier::Any, at(NOW), 0);
        assert!(super::stuck(&population, &query, basis, at(NOW)).is_err());
    }
}
