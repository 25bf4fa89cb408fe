//! Work in progress: what is open now, and since when. Figures of what is finished are biased
//! towards what finishes; this is the rest.

use super::seconds;
use crate::insight::cohort::{Sieve, quantiles};
use crate::insight::population::{Population, age};
use crate::insight::query::{Query, QueryError};
use crate::insight::report::{AgeBand, Basis, Wip, WipKind};
use crate::work::key::Kind;
use crate::work::time::Time;

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
        kinds.push(WipKind { kind, n, age: quantiles(&ages), bands: bands(&ages) });
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
