//! How long a million items take. Run in release, by hand:
//! `cargo test --release --lib correlate::tests::speed -- --ignored --nocapture`

use std::time::Instant;

use crate::insight::correlate::sample::{Column, Sample};
use crate::insight::correlate::{Options, correlate};
use crate::insight::query::Measure;
use crate::simulate::dice::Dice;

#[test]
#[ignore = "measures; takes long without optimisation"]
fn a_million_items_with_25_keys() {
    let (n, keys) = (1_000_000, 25);
    let mut dice = Dice::new(1, 1);
    let values: Vec<String> = (0..10).map(|value| format!("value{value}")).collect();
    let mut columns: Vec<Column> = (0..keys)
        .map(|key| Column {
            key: format!("key{key:02}"),
            values: values.clone(),
            sets: (0..10).map(|id| vec![id]).collect(),
            // Some values are more frequent than others.
            codes: (0..n).map(|_| dice.index(10).min(dice.index(14)) as u32).collect(),
        })
        .collect();
    // In one key every twentieth item has two values.
    columns[7].sets.push(vec![1, 2]);
    columns[7].codes.iter_mut().step_by(20).for_each(|code| *code = 10);
    let slow = |item: usize| columns[0].codes[item] == 0 && columns[1].codes[item] == 0;
    let slower = |item: usize| if slow(item) { 4.0 } else { 1.0 + columns[2].codes[item] as f64 / 5.0 };
    for (what, unit) in [("microseconds", 1e-6), ("minutes", 60.0)] {
        let seconds = (0..n).map(|item| slower(item) * dice.log_normal(36_000.0, 1.0));
        let seconds = seconds.map(|seconds| (seconds / unit).floor() * unit).collect();
        let failed = (0..n).map(|item| dice.chance(if slow(item) { 0.4 } else { 0.1 })).collect();
        let sample = Sample::new(seconds, failed, columns.clone());
        for measure in [Measure::Latency, Measure::Failure] {
            for threads in [None, Some(1), None] {
                let start = Instant::now();
                let options = Options { threads, ..Options::default() };
                let outcome = correlate(&sample, measure, Some((100_000.0, f64::MAX)), &options);
                println!(
                    "{what}, {measure:?}, threads {threads:?}: {:?}; {} singles, {} pairs, shown {:?}",
                    start.elapsed(),
                    outcome.singles_tested,
                    outcome.pairs_tested,
                    super::names(&outcome.findings).len()
                );
            }
        }
    }
}
