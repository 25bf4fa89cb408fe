//! What has been open for so long that nobody believes it: a build whose end was never told, a pull request
//! that everybody forgot. It is reported, and never closed: only its sender knows.

use crate::insight::cohort::Sieve;
use crate::insight::population::{Population, age};
use crate::insight::query::{Query, QueryError};
use crate::insight::report::{Basis, Stuck, StuckKind};
use crate::work::key::Kind;
use crate::work::time::{Time, seconds};

/// The report, and the rows of the stuck items of all kinds, the oldest first, at most `query.limit`, with
/// which the caller fills [`Stuck::items`].
pub fn stuck(
    population: &Population,
    query: &Query,
    basis: Basis,
    now: Time,
) -> Result<(Stuck, Vec<u32>), QueryError> {
    let sieve = Sieve::new(population, "filter", &query.filters, query.tier)?;
    let (mut kinds, mut rows) = (Vec::new(), Vec::new());
    for kind in Kind::ALL {
        let Some(after) = population.settings().stuck_after.get(&kind).copied() else { continue };
        let is_stuck = |row: &u32| age(population.life(*row), now).is_some_and(|age| age > after);
        let before = rows.len();
        rows.extend(population.of_kind(kind).filter(is_stuck).filter(|row| sieve.passes(*row)));
        kinds.push(StuckKind { kind, after_seconds: seconds(after), n: (rows.len() - before) as u64 });
    }
    let total = rows.len() as u64;
    let opened = |row: u32| population.life(row).opened;
    rows.sort_unstable_by(|a, b| {
        opened(*a).cmp(&opened(*b)).then_with(|| population.key(*a).cmp(&population.key(*b)))
    });
    rows.truncate(query.limit);
    Ok((Stuck { basis, kinds, items: Vec::new(), total }, rows))
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
}
