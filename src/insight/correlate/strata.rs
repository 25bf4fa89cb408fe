//! One value against the others within the levels of every other key: the tables of the detail view.

use super::levels::Levels;
use super::measured::{Measured, Whole};
use super::pairs::STRATUM;
use super::sample::Sample;
use crate::insight::query::Measure;
use crate::insight::report::{Stratification, Stratum};
use crate::insight::stats::quantile::quantile;
use crate::insight::stats::ranks;

/// One side of a level: its items' durations in ascending order, and how many of them failed.
#[derive(Clone, Debug, Default)]
struct Side {
    seconds: Vec<f64>,
    failed: u64,
}

/// The effect of a value within the levels of every other key that has 2 to 10, what changes the
/// effect most first; levels by how many items they have. An item with several values of the other
/// key counts in each of their levels. Numbers are in bins, whose names are values. Empty if the
/// sample does not have the value on some items and lack it on others.
pub fn stratify(sample: &Sample, measure: Measure, key: &str, value: &str) -> Vec<Stratification> {
    let Some(own) = sample.column(key).map(Levels::new) else { return Vec::new() };
    let Some(id) = own.present().find(|id| own.values[*id as usize] == value) else { return Vec::new() };
    if own.items[id as usize] == sample.len() as u64 {
        return Vec::new();
    }
    let with = own.sets_with(id);
    let has: Vec<bool> = own.codes.iter().map(|code| with[*code as usize]).collect();

    let (measured, whole) = Measured::new(sample, measure);
    let sum = has.iter().enumerate().filter(|(_, has)| **has).map(|(item, _)| match &measured {
        Measured::Latency(ranks) => u64::from(ranks[item]),
        Measured::Failure(failed) => u64::from(failed[item]),
    });
    let crude = measured.effect(own.items[id as usize], sum.sum(), &whole);

    let others = sample.columns.iter().filter(|column| column.key != key).map(Levels::new);
    let mut tables: Vec<Stratification> = others
        .filter(Levels::stratifies)
        .map(|levels| stratification(sample, &measured, &has, &levels, crude))
        .collect();
    let change =
        |table: &Stratification| table.adjusted.map_or(-1.0, |adjusted| (adjusted - table.crude).abs());
    tables.sort_by(|a, b| change(b).total_cmp(&change(a)).then_with(|| a.key.cmp(&b.key)));
    tables
}

fn stratification(
    sample: &Sample,
    measured: &Measured<'_>,
    has: &[bool],
    levels: &Levels<'_>,
    crude: f64,
) -> Stratification {
    let mut sides = vec![[Side::default(), Side::default()]; levels.values.len()];
    for (item, code) in levels.codes.iter().enumerate() {
        for id in &levels.sets[*code as usize] {
            let side = &mut sides[*id as usize][usize::from(!has[item])];
            match measured {
                Measured::Latency(_) => side.seconds.push(sample.seconds[item]),
                Measured::Failure(failed) => {
                    side.seconds.push(0.0);
                    side.failed += u64::from(failed[item]);
                }
            }
        }
    }
    let mut present: Vec<u32> = levels.present().collect();
    let order = |id: &u32| (std::cmp::Reverse(levels.items[*id as usize]), &levels.values[*id as usize]);
    present.sort_by(|a, b| order(a).cmp(&order(b)));
    let mut strata = Vec::new();
    let rows = present.into_iter().map(|id| {
        let [with, without] = &sides[id as usize];
        let (n_with, n_without) = (with.seconds.len() as u64, without.seconds.len() as u64);
        let stratum = stratum(measured, with, without);
        let large_enough = n_with >= STRATUM && n_without >= STRATUM;
        let effect = large_enough.then(|| measured.effect(stratum.0, stratum.1, &stratum.2));
        if large_enough {
            strata.push(stratum);
        }
        Stratum {
            value: levels.values[id as usize].clone(),
            n_with,
            n_without,
            with: typical(measured, with),
            without: typical(measured, without),
            effect,
        }
    });
    let levels_shown = rows.collect();
    let adjusted = measured.adjusted(strata.into_iter());
    Stratification { key: levels.key.to_owned(), crude, adjusted, levels: levels_shown }
}

/// A level as a group within a whole, with its sum there.
fn stratum(measured: &Measured<'_>, with: &Side, without: &Side) -> (u64, u64, Whole) {
    let n_with = with.seconds.len() as u64;
    let n = n_with + without.seconds.len() as u64;
    match measured {
        Measured::Failure(_) => {
            (n_with, with.failed, Whole { n, failed: with.failed + without.failed, ties: 0.0 })
        }
        Measured::Latency(_) => {
            let mut all = [&with.seconds[..], &without.seconds[..]].concat();
            all.sort_by(f64::total_cmp);
            let (ranks, ties) = ranks::twice_mid_ranks(&all);
            // Both sides are sorted: each duration's rank is found behind that of the one before.
            let mut position = 0;
            let rank = |seconds: &f64| {
                while all[position] < *seconds {
                    position += 1;
                }
                u64::from(ranks[position])
            };
            (n_with, with.seconds.iter().map(rank).sum(), Whole { n, failed: 0, ties })
        }
    }
}

/// The median, or the failure rate.
fn typical(measured: &Measured<'_>, side: &Side) -> Option<f64> {
    let n = side.seconds.len();
    match measured {
        Measured::Latency(_) => quantile(&side.seconds, 0.5),
        Measured::Failure(_) => (n > 0).then(|| side.failed as f64 / n as f64),
    }
}
