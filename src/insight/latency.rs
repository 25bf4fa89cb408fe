//! The distribution of how long work takes: quantiles, and a histogram on a logarithmic scale,
//! since lead times span minutes to months.

use super::cohort::{Cohort, Sieve};
use super::population::Population;
use super::query::{Query, QueryError};
use super::report::{Basis, Bin, Latency};
use super::stats::quantile::summary;

/// The most bars of a histogram.
const MAX_BINS: i32 = 40;

/// The report on a cohort.
pub fn latency(
    population: &Population,
    cohort: &Cohort,
    query: &Query,
    basis: Basis,
) -> Result<Latency, QueryError> {
    let mut histogram = histogram(&cohort.seconds);
    if !query.overlay.is_empty() {
        let sieve = Sieve::new(population, "overlay", &query.overlay, None)?;
        let mut from = 0;
        for bin in &mut histogram {
            let to = from + bin.n as usize;
            bin.overlay = cohort.rows[from..to].iter().filter(|row| sieve.passes(**row)).count() as u64;
            from = to;
        }
    }
    Ok(Latency {
        basis,
        quantiles: summary(&cohort.seconds),
        histogram,
        outcomes: cohort.outcomes(population),
        selection: cohort.selection(query),
        left_out: cohort.left_out,
    })
}

/// The bars of sorted seconds. Edges are powers of 2^(1/4), 2^(1/2), 2 or 4, whichever is the finest
/// that needs at most forty bars, so that they do not move when an item is added.
pub fn histogram(sorted: &[f64]) -> Vec<Bin> {
    let (Some(least), Some(greatest)) = (sorted.first(), sorted.last()) else { return Vec::new() };
    // What took less than a second is in the first bar.
    let exponent = |seconds: f64, step: f64| (seconds.max(1.0).log2() / step).floor() as i32;
    let bars = |step: f64| exponent(*greatest, step) - exponent(*least, step) + 1;
    let step = [0.25, 0.5, 1.0, 2.0].into_iter().find(|step| bars(*step) <= MAX_BINS).unwrap_or(4.0);
    let (first, last) = (exponent(*least, step), exponent(*greatest, step));
    let mut bins = Vec::with_capacity((last - first + 1) as usize);
    let mut counted = 0;
    for at in first..=last {
        let from_seconds = if at == 0 { 0.0 } else { (f64::from(at) * step).exp2() };
        let to_seconds = (f64::from(at + 1) * step).exp2();
        let below = if at == last { sorted.len() } else { sorted.partition_point(|s| *s < to_seconds) };
        bins.push(Bin { from_seconds, to_seconds, n: (below - counted) as u64, overlay: 0 });
        counted = below;
    }
    bins
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::cohort::basis;
    use super::super::population::testing::{population, seen};
    use super::super::query::{Filter, Tier};
    use super::*;
    use crate::work::event::Outcome;
    use crate::work::testing::at;

    proptest! {
        #[test]
        fn every_item_is_in_the_one_bar_that_it_belongs_to(mut seconds in prop::collection::vec(0.0..1e9f64, 1..200)) {
            seconds.sort_unstable_by(f64::total_cmp);
            let bins = histogram(&seconds);
            prop_assert!(bins.len() <= MAX_BINS as usize);
            prop_assert!(bins.windows(2).all(|two| two[0].to_seconds == two[1].from_seconds));
            for bin in &bins {
                let inside = seconds.iter().filter(|s| (bin.from_seconds..bin.to_seconds).contains(*s)).count();
                prop_assert_eq!(bin.n, inside as u64, "{:?}", bin);
            }
            prop_assert_eq!(bins.iter().map(|bin| bin.n).sum::<u64>(), seconds.len() as u64);
            prop_assert!(bins[0].n > 0 && bins[bins.len() - 1].n > 0);
        }
    }

    #[test]
    fn one_item_is_one_bar_and_none_is_none() {
        assert_eq!(histogram(&[]), []);
        assert_eq!(histogram(&[0.0]).len(), 1);
        assert_eq!(histogram(&[3600.0; 5]).iter().map(|bin| bin.n).collect::<Vec<_>>(), [5]);
    }

    #[test]
    fn an_overlay_counts_what_has_the_tag_in_each_bar() {
        let items: Vec<_> = (1..=8)
            .map(|n| {
                let it = seen(&format!("issue/{n}")).lived(0, 1 << n, Outcome::Completed);
                if n > 5 { it.tag("team", "slow") } else { it }
            })
            .collect();
        let population = population(&items);
        let mut query = Query { from: at(0), ..Query::new(at(1_000)) };
        query.overlay = vec![Filter::include("team", "slow")];
        let cohort = Cohort::select(&population, &query).unwrap();
        let report = latency(&population, &cohort, &query, basis(&query, Tier::Any, at(0), 0)).unwrap();
        let laid: Vec<_> =
            report.histogram.iter().filter(|bin| bin.n > 0).map(|bin| (bin.n, bin.overlay)).collect();
        assert_eq!(laid, [(1, 0), (1, 0), (1, 0), (1, 0), (1, 0), (1, 1), (1, 1), (1, 1)]);
        query.overlay = vec![Filter::include("colour", "red")];
        assert!(latency(&population, &cohort, &query, report.basis).is_err());
    }
}
