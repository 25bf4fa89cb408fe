//! Work in progress: what is open now, and since when. Figures of what is finished are biased
//! towards what finishes; this is the rest.

use crate::insight::cohort::Sieve;
use crate::insight::population::{Population, age};
use crate::insight::query::{Query, QueryError};
use crate::insight::report::{AgeBand, Basis, Wip, WipKind};
use crate::insight::stats::quantile::summary;
use crate::work::key::Kind;
use crate::work::time::{Time, seconds};

/// Where one band of age ends and the next begins, in days.
const BANDS: [f64; 6] = [1.0, 3.0, 7.0, 14.0, 30.0, 90.0];
/// A day in seconds.
const DAY_SECONDS: f64 = 86_400.0;

/// The report, and the rows of the oldest open items of `query.kind`, at most `query.limit`, with
/// which the caller fills [`Wip::oldest`]. An item whose opening is not known has no age: it counts
/// in `n`, and in neither a band nor the distribution. Where such items are among the oldest they
/// come last.
pub fn wip(
    population: &Population,
    query: &Query,
    basis: Basis,
    now: Time,
) -> Result<(Wip, Vec<u32>), QueryError> {
    let sieve = Sieve::new(population, "filter", &query.filters, query.tier)?;
    let open = |kind: Kind| -> Vec<u32> {
        population.of_kind(kind).filter(|row| population.life(*row).open && sieve.passes(*row)).collect()
    };
    let age_of = |row: u32| age(population.life(row), now).filter(|_| population.life(row).start_known);
    let mut kinds = Vec::new();
    let mut oldest = Vec::new();
    for kind in Kind::ALL {
        let rows = open(kind);
        if rows.is_empty() {
            continue;
        }
        let n = rows.len() as u64;
        let mut ages: Vec<f64> = rows.iter().filter_map(|row| age_of(*row)).map(seconds).collect();
        ages.sort_unstable_by(f64::total_cmp);
        kinds.push(WipKind { kind, n, age: summary(&ages), bands: bands(&ages) });
        if kind == query.kind {
            oldest = rows;
        }
    }
    // By opening and not by age: what was opened after `now` is of age 0, all of it.
    let opened = |row: u32| {
        let life = population.life(row);
        let opened = life.opened.filter(|_| life.start_known);
        (opened.is_none(), opened)
    };
    oldest.sort_unstable_by(|a, b| {
        opened(*a).cmp(&opened(*b)).then_with(|| population.key(*a).cmp(&population.key(*b)))
    });
    oldest.truncate(query.limit);
    Ok((Wip { basis, kinds, oldest: Vec::new() }, oldest))
}

/// How many of these sorted ages are in each band.
fn bands(ages: &[f64]) -> Vec<AgeBand> {
    let mut from = 0.0;
    let mut counted = 0;
    let mut bands = Vec::with_capacity(BANDS.len() + 1);
    for edge in BANDS.into_iter().map(|days| Some(days * DAY_SECONDS)).chain([None]) {
        let below = edge.map_or(ages.len(), |edge| ages.partition_point(|age| *age < edge));
        bands.push(AgeBand { from_seconds: from, to_seconds: edge, n: (below - counted) as u64 });
        (from, counted) = (edge.unwrap_or(from), below);
    }
    bands
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

    fn report(items: &[Seen], change: impl FnOnce(&mut Query)) -> (Wip, Vec<String>) {
        let population = population(items);
        let mut query = Query::new(at(NOW));
        change(&mut query);
        let (wip, rows) = wip(&population, &query, basis(&query, Tier::Any, at(NOW), 0), at(NOW)).unwrap();
        (wip, rows.into_iter().map(|row| population.key(row).unwrap().id().to_owned()).collect())
    }

    fn aged(id: u32, seconds: i64) -> Seen {
        seen(&format!("issue/{id}")).opened(NOW - seconds)
    }

    #[test]
    fn a_band_holds_its_lower_end_and_not_its_upper_one() {
        let ages =
            [0, DAY - 1, DAY, 3 * DAY, 7 * DAY - 1, 7 * DAY, 14 * DAY, 30 * DAY, 90 * DAY - 1, 90 * DAY];
        let items: Vec<_> = (1..).zip(ages).map(|(id, age)| aged(id, age)).collect();
        let (wip, _) = report(&items, |_| {});
        let bands: Vec<_> = wip.kinds[0].bands.iter().map(|band| band.n).collect();
        assert_eq!(bands, [2, 1, 2, 1, 1, 2, 1]);
        assert_eq!(wip.kinds[0].bands[6].to_seconds, None);
        assert_eq!(wip.kinds[0].age.unwrap().max_seconds, 90.0 * 86_400.0);
    }

    #[test]
    fn only_what_is_open_counts_and_each_kind_by_itself() {
        let items = [
            aged(1, 10),
            seen("issue/2").lived(0, 10, Outcome::Completed),
            seen("pull_request/3").opened(NOW - 5),
            seen("pull_request/4").opened(NOW - 7).tag("team", "x"),
        ];
        let (wip, oldest) = report(&items, |query| query.kind = Kind::PullRequest);
        let kinds: Vec<_> = wip.kinds.iter().map(|kind| (kind.kind, kind.n)).collect();
        assert_eq!(kinds, [(Kind::Issue, 1), (Kind::PullRequest, 2)]);
        assert_eq!(oldest, ["4", "3"]);
        let (wip, oldest) = report(&items, |query| {
            query.filters = vec![Filter::include("team", "x")];
        });
        assert_eq!((wip.kinds.len(), wip.kinds[0].n, oldest.len()), (1, 1, 0));
    }

    #[test]
    fn the_oldest_come_first_those_of_unknown_age_last_and_no_more_than_asked_for() {
        let mut unknown = aged(1, 1_000);
        unknown.0.life.start_known = false;
        // Opened after now, as clocks go.
        let items = [unknown, aged(2, 10), aged(3, 500), aged(4, 10), aged(5, -60)];
        let (wip, oldest) = report(&items, |_| {});
        assert_eq!(oldest, ["3", "2", "4", "5", "1"]);
        let kind = &wip.kinds[0];
        assert_eq!((kind.n, kind.age.unwrap().n, kind.age.unwrap().min_seconds), (5, 4, 0.0));
        assert_eq!(kind.bands.iter().map(|band| band.n).sum::<u64>(), 4);
        assert_eq!(report(&items, |query| query.limit = 2).1, ["3", "2"]);
    }

    #[test]
    fn of_nothing_there_is_nothing_to_tell() {
        let (wip, oldest) = report(&[], |_| {});
        assert_eq!((wip.kinds, oldest), (vec![], vec![]));
    }
}
