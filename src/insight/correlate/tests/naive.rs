//! The fast way gives what direct computation gives: subsets cut out, all pairs of items compared.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use crate::insight::correlate::measured::Measured;
use crate::insight::correlate::pairs::{self, Search};
use crate::insight::correlate::sample::{Column, Sample};
use crate::insight::correlate::{Options, correlate, min_support, singles, stratify};
use crate::insight::query::{Measure, NONE};
use crate::insight::stats::mann_whitney::mann_whitney;
use crate::insight::stats::{Table, fisher, mantel_haenszel, quantile};

type Items = BTreeSet<usize>;
type Name = (String, String);

/// Every value and the items that have it, by walking the items.
fn members(sample: &Sample) -> BTreeMap<Name, Items> {
    let mut members: BTreeMap<Name, Items> = BTreeMap::new();
    for column in &sample.columns {
        for (item, code) in column.codes.iter().enumerate() {
            for id in &column.sets[*code as usize] {
                let name = (column.key.clone(), column.values[*id as usize].clone());
                members.entry(name).or_default().insert(item);
            }
        }
    }
    members
}

/// Effect and p of a group against others.
fn compare(sample: &Sample, measure: Measure, group: &Items, others: &Items) -> (f64, f64) {
    match measure {
        Measure::Latency => {
            let seconds = |items: &Items| items.iter().map(|i| sample.seconds[*i]).collect::<Vec<_>>();
            let (a, b) = (seconds(group), seconds(others));
            let sign = |x: f64, y: f64| f64::from(u8::from(x > y)) - f64::from(u8::from(x < y));
            let sum: f64 = a.iter().flat_map(|x| b.iter().map(move |y| sign(*x, *y))).sum();
            (sum / (a.len() * b.len()).max(1) as f64, mann_whitney(&a, &b).p)
        }
        Measure::Failure => {
            let table = table(sample, group, others);
            (table.difference(), fisher::two_sided(&table))
        }
    }
}

fn table(sample: &Sample, group: &Items, others: &Items) -> Table {
    let count = |items: &Items, failed| items.iter().filter(|i| sample.failed[**i] == failed).count() as u64;
    Table { a: count(group, true), b: count(group, false), c: count(others, true), d: count(others, false) }
}

/// The candidates, by the definitions.
fn candidates(sample: &Sample, measure: Measure, members: &BTreeMap<Name, Items>) -> BTreeSet<Name> {
    let all: Items = (0..sample.len()).collect();
    let least = min_support(sample.len()) as usize;
    let of_key = |key: &str| members.iter().filter(|((k, _), _)| k == key).collect::<Vec<_>>();
    let effect = |items: &Items| compare(sample, measure, items, &(&all - items)).0;
    let kept = |(name, items): (&Name, &Items)| {
        let two = of_key(&name.0);
        let other = two.iter().find(|(other, _)| *other != name);
        let worse_side = match (two.len(), other) {
            (2, Some((other, others))) if &(&all - items) == *others => match effect(items) {
                0.0 => (name.1 == NONE, &name.1) < (other.1 == NONE, &other.1),
                effect => effect > 0.0,
            },
            _ => true,
        };
        items.len() >= least && all.len() - items.len() >= least && worse_side
    };
    let mut kept: Vec<(&Name, &Items)> = members.iter().filter(|each| kept(*each)).collect();
    kept.sort_by_key(|(name, _)| (name.1 == NONE, *name));
    let mut seen: BTreeSet<&Items> = BTreeSet::new();
    kept.retain(|(_, items)| seen.insert(items));
    kept.into_iter().map(|(name, _)| name.clone()).collect()
}

/// The mean of the effects within the levels of another key.
fn adjusted(
    sample: &Sample,
    measure: Measure,
    members: &BTreeMap<Name, Items>,
    group: &Items,
    key: &str,
) -> Option<f64> {
    let levels = members.iter().filter(|((k, _), _)| k == key).map(|(_, level)| level);
    let strata = levels.map(|level| (level & group, level - group));
    let strata: Vec<(Items, Items)> = strata.filter(|(a, b)| a.len() >= 3 && b.len() >= 3).collect();
    match measure {
        Measure::Latency => mantel_haenszel::rank_biserial(
            strata.iter().map(|(a, b)| (a.len() as u64, b.len() as u64, compare(sample, measure, a, b).0)),
        ),
        Measure::Failure => mantel_haenszel::risk_difference(strata.iter().map(|(a, b)| table(sample, a, b))),
    }
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

fn check(sample: &Sample, measure: Measure) {
    let members = members(sample);
    let all: Items = (0..sample.len()).collect();
    let (measured, whole) = Measured::new(sample, measure);
    let columns = singles::columns(sample, &measured, 1);
    let support = min_support(sample.len());
    let found = singles::candidates(&columns, &measured, &whole, support);
    let name = |index: usize| {
        let attribute = columns[found[index].column].0.attribute(found[index].value);
        (attribute.key, attribute.value)
    };

    let expected = candidates(sample, measure, &members);
    assert_eq!((0..found.len()).map(name).collect::<BTreeSet<_>>(), expected);
    for (index, candidate) in found.iter().enumerate() {
        let items = &members[&name(index)];
        let (effect, p) = compare(sample, measure, items, &(&all - items));
        assert_eq!(candidate.total.n, items.len() as u64);
        assert!(close(candidate.test.effect, effect) && close(candidate.test.p, p), "{:?}", name(index));
        for (column, value) in &candidate.aliases {
            let alias = columns[*column].0.attribute(*value);
            assert_eq!(&members[&(alias.key, alias.value)], items);
        }
    }

    let watched: Vec<usize> = (0..found.len()).collect();
    let (pairs, within) = pairs::search(&Search {
        columns: &columns,
        candidates: &found,
        watched: &watched,
        measured: &measured,
        whole: &whole,
        support,
        block: 7,
        threads: 2,
    });
    let mut tested = BTreeMap::new();
    for pair in &pairs {
        tested.insert((name(pair.of[0]), name(pair.of[1])), pair);
    }
    assert_eq!(tested.len(), pairs.len());
    for (a, first) in expected.iter().map(|name| (name, &members[name])) {
        for (b, second) in expected.iter().map(|name| (name, &members[name])).filter(|(b, _)| a.0 < b.0) {
            let both = first & second;
            let parts = [both.clone(), first - second, second - first, &(&all - first) - second];
            let pair = tested.remove(&(a.clone(), b.clone()));
            if parts.iter().any(|part| (part.len() as u64) < support) {
                assert!(pair.is_none());
                continue;
            }
            let tests = [&all - &both, first - second, second - first]
                .map(|others| compare(sample, measure, &both, &others));
            let one_sign = tests.iter().all(|t| t.0 > 0.0) || tests.iter().all(|t| t.0 < 0.0);
            let p = if one_sign { tests.iter().map(|t| t.1).fold(0.0, f64::max) } else { 1.0 };
            let pair = pair.expect("a pair with enough items in all four cells is tested");
            assert_eq!(pair.n, both.len() as u64);
            assert!(close(pair.test.effect, tests[0].0), "{a:?} {b:?}");
            assert!(close(pair.test.p, p), "{a:?} {b:?}: {} is not {p}", pair.test.p);
        }
    }
    assert!(tested.is_empty(), "not to be tested: {:?}", tested.keys());

    let mut within: BTreeMap<(usize, usize), f64> =
        within.into_iter().map(|each| ((each.candidate, each.column), each.effect)).collect();
    for (index, candidate) in found.iter().enumerate() {
        let (key, value) = name(index);
        let tables = stratify(sample, measure, &key, &value);
        for (column, other) in sample.columns.iter().enumerate().filter(|(_, other)| other.key != key) {
            let levels = members.keys().filter(|(key, _)| *key == other.key).count();
            let group = &members[&(key.clone(), value.clone())];
            let expected = adjusted(sample, measure, &members, group, &other.key);
            let expected = expected.filter(|_| (2..=10).contains(&levels));
            let fast = within.remove(&(index, column));
            assert_eq!(fast.is_some(), expected.is_some());
            assert!(close(fast.unwrap_or_default(), expected.unwrap_or_default()));
            let table = tables.iter().find(|table| table.key == other.key);
            assert_eq!(table.is_some(), (2..=10).contains(&levels));
            let shown = table.and_then(|table| table.adjusted);
            assert!(close(shown.unwrap_or_default(), expected.unwrap_or_default()));
            assert!(table.is_none_or(|table| close(table.crude, candidate.test.effect)));
        }
    }
    assert!(within.is_empty());
    check_findings(sample, measure, &members);
}

/// What only findings have: medians, means, impact, contrast, examples, what explains them.
fn check_findings(sample: &Sample, measure: Measure, members: &BTreeMap<Name, Items>) {
    let all: Items = (0..sample.len()).collect();
    let options = Options { limit: 1_000, exemplars: 3, threads: Some(1) };
    let range = (2.0, 5.0);
    let outcome = correlate(sample, measure, Some(range), &options);
    assert_eq!(outcome, correlate(sample, measure, Some(range), &Options { threads: Some(3), ..options }));
    let items_of = |found: &crate::insight::correlate::Found| {
        let each = found.finding.attributes.iter().map(|a| &members[&(a.key.clone(), a.value.clone())]);
        each.fold(all.clone(), |both, items| &both & items)
    };
    let is_pair = |found: &crate::insight::correlate::Found| found.finding.attributes.len() == 2;
    let pairs: Vec<(usize, Items)> = (outcome.findings.iter().enumerate())
        .filter(|(_, found)| is_pair(found) && found.finding.significant)
        .map(|(place, found)| (place, items_of(found)))
        .take(5)
        .collect();
    for (place, found) in outcome.findings.iter().enumerate() {
        let (finding, items) = (&found.finding, items_of(found));
        let others = &all - &items;
        assert_eq!((finding.n_with, finding.n_without), (items.len() as u64, others.len() as u64));
        let seconds = |items: &Items| items.iter().map(|i| sample.seconds[*i]).collect::<Vec<_>>();
        if let Some(sides) = finding.latency {
            let (with, without) = (seconds(&items), seconds(&others));
            assert_eq!(Some(sides.p50_with_seconds), quantile::quantile(&with, 0.5));
            assert_eq!(Some(sides.p50_without_seconds), quantile::quantile(&without, 0.5));
            let (a, b) = (quantile::mean(&with).unwrap(), quantile::mean(&without).unwrap());
            assert!(close(sides.mean_with_seconds, a) && close(sides.mean_without_seconds, b));
            assert!(close(finding.impact, items.len() as f64 * (a - b)));
        }
        if let Some(sides) = finding.failure {
            let table = table(sample, &items, &others);
            let shown =
                (sides.failed_with, sides.succeeded_with, sides.failed_without, sides.succeeded_without);
            assert_eq!(shown, (table.a, table.b, table.c, table.d));
            assert!(close(finding.impact, items.len() as f64 * table.difference()));
        }
        let inside =
            |items: &Items| items.iter().filter(|i| (2.0..=5.0).contains(&sample.seconds[**i])).count();
        let (selected, n) = (inside(&all), all.len());
        if selected > 0 && selected < n {
            let p = inside(&items) as f64 / selected as f64;
            let q = (items.len() - inside(&items)) as f64 / (n - selected) as f64;
            assert!(close(finding.contrast.unwrap(), (p - q) / (p + q)));
        }
        for row in &found.exemplars {
            let item = sample.rows.iter().position(|r| r == row).unwrap();
            assert!(items.contains(&item));
        }
        // A single is explained by any pair, a pair by a stronger one: what is left of it without the
        // members of that pair is nothing, or differs no more from the others.
        let explains = |(stronger, pair): &(usize, Items)| {
            let (a, b) = (&items - pair, &others - pair);
            (!is_pair(found) || *stronger < place)
                && (a.is_empty() || b.is_empty() || compare(sample, measure, &a, &b).1 > 0.05)
        };
        let by = pairs.iter().find(|pair| explains(pair)).filter(|_| finding.significant);
        let by = by.map(|(stronger, _)| &outcome.findings[*stronger].finding.attributes);
        assert_eq!(finding.explained_by.as_ref(), by);
    }
}

/// Up to 90 items with durations of which many are equal (or none), and two to four keys; the
/// slow ones have some values more often.
fn samples() -> impl Strategy<Value = Sample> {
    (20_usize..90, 2_usize..5, any::<bool>()).prop_flat_map(|(n, keys, tied)| {
        let seconds = prop::collection::vec(if tied { 0..9_u32 } else { 0..1_000_000 }, n);
        let failed = prop::collection::vec(any::<u8>(), n);
        let column = (prop::collection::vec(any::<u8>(), n), 2_u8..5, 0_u8..4, any::<bool>());
        (seconds, failed, prop::collection::vec(column, keys)).prop_map(move |(seconds, failed, keys)| {
            let greatest = seconds.iter().copied().max().unwrap_or(1).max(1);
            let slow = |item: usize| seconds[item] * 2 > greatest;
            let column = |(index, (draws, values, several, follows)): (usize, &(Vec<u8>, u8, u8, bool))| {
                let items = draws.iter().enumerate().map(|(item, draw)| {
                    let follows = *follows && slow(item) && draw & 1 == 1;
                    let first = if follows { 0 } else { draw / 4 % (values + 1) };
                    let names = ["a", "b", "c", "d"];
                    let mut set: Vec<&str> = names.get(first as usize).copied().into_iter().collect();
                    if *several > 1 && draw / 32 < *several {
                        set.push(names[(draw % values) as usize]);
                    }
                    set
                });
                Column::new(&format!("key{index}"), items)
            };
            let columns = keys.iter().enumerate().map(column).collect();
            let failed = failed.iter().enumerate().map(|(i, draw)| *draw < if slow(i) { 150 } else { 60 });
            let scale = if tied { 1.0 } else { 1e-5 };
            let spread =
                |(i, s): (usize, &u32)| f64::from(*s) * scale + if tied { 0.0 } else { i as f64 * 1e-9 };
            let failed = failed.collect();
            Sample::new(seconds.iter().enumerate().map(spread).collect(), failed, columns)
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn latency_is_what_direct_computation_gives(sample in samples()) {
        if sample.seconds.first() != sample.seconds.last() {
            check(&sample, Measure::Latency);
        }
    }

    #[test]
    fn failure_is_what_direct_computation_gives(sample in samples()) {
        let failed = sample.failed.iter().filter(|failed| **failed).count();
        if failed >= 3 && sample.len() - failed >= 3 {
            check(&sample, Measure::Failure);
        }
    }
}
