//! What the engine promises about its answers, case by case.

use super::names;
use crate::insight::correlate::sample::{Column, Sample};
use crate::insight::correlate::{Options, Outcome, correlate, min_support, stratify, values};
use crate::insight::query::{Measure, NONE};
use crate::insight::report::{Direction, Method, Strength};

fn run(sample: &Sample, measure: Measure) -> Outcome {
    correlate(sample, measure, None, &Options::default())
}

/// A key, and which of its values an item of so many seconds has.
type Key = (&'static str, fn(usize) -> Vec<&'static str>);

/// Items of 1, 2, 3 … seconds; every key says what an item of so many seconds has.
fn ladder(n: usize, keys: &[Key]) -> Sample {
    let columns = keys.iter().map(|(key, of)| Column::new(key, (1..=n).map(of))).collect();
    let seconds = (1..=n).map(|second| second as f64).collect();
    Sample::new(seconds, (1..=n).map(|second| second % 4 == 0).collect(), columns)
}

#[test]
fn the_slow_half_is_found_with_all_that_is_known_of_it() {
    let sample = ladder(40, &[("team", |s| vec![if s > 20 { "slow" } else { "fast" }])]);
    let outcome = correlate(&sample, Measure::Latency, Some((31.0, 40.0)), &Options::default());
    assert_eq!((outcome.singles_tested, outcome.pairs_tested), (1, 0));
    assert_eq!(names(&outcome.findings), ["team=slow"]);
    let found = &outcome.findings[0];
    let finding = &found.finding;
    assert_eq!((finding.n_with, finding.n_without, finding.support), (20, 20, 0.5));
    assert_eq!(
        (finding.effect, finding.strength, finding.direction),
        (1.0, Strength::Large, Direction::Worse)
    );
    assert_eq!(finding.method, Method::MannWhitneyNormal);
    assert!(finding.significant && finding.small_sample && finding.p < 1e-6 && finding.q == finding.p);
    let sides = finding.latency.unwrap();
    assert_eq!((sides.p50_with_seconds, sides.p50_without_seconds), (30.5, 10.5));
    assert_eq!(finding.impact, 20.0 * 20.0);
    assert_eq!(finding.contrast, Some((1.0 - 1.0 / 3.0) / (1.0 + 1.0 / 3.0)));
    assert_eq!(found.exemplars, [39, 38, 37, 36, 35]);
    assert_eq!(finding.failure, None);
}

#[test]
fn what_goes_with_fast_items_shows_fast_examples() {
    let three = |s| {
        vec![if s <= 20 {
            "quick"
        } else if s % 2 == 0 {
            "even"
        } else {
            "odd"
        }]
    };
    let outcome = run(&ladder(60, &[("team", three)]), Measure::Latency);
    let quick = outcome.findings.iter().find(|found| found.finding.attributes[0].value == "quick").unwrap();
    assert_eq!((quick.finding.direction, quick.finding.effect), (Direction::Better, -1.0));
    assert_eq!(quick.exemplars, [0, 1, 2, 3, 4]);
}

#[test]
fn nothing_is_compared_where_there_is_too_little() {
    let team: Key = ("team", |s| vec![if s % 2 == 0 { "even" } else { "odd" }]);
    let reason = |sample: &Sample, measure| {
        let outcome = run(sample, measure);
        assert!(outcome.findings.is_empty() && outcome.singles_tested == 0);
        outcome.insufficient_data.unwrap()
    };
    assert_eq!(reason(&ladder(19, &[team]), Measure::Latency), "19 items; at least 20 are needed");
    let mut sample = ladder(40, &[team]);
    sample.failed = (0..40).map(|item| item < 2).collect();
    assert_eq!(reason(&sample, Measure::Failure), "2 of 40 failed; at least 3 are needed");
    sample.failed = (0..40).map(|item| item >= 2).collect();
    assert_eq!(reason(&sample, Measure::Failure), "2 of 40 succeeded; at least 3 are needed");
    let rare = ladder(40, &[("team", |s| if s < 5 { vec!["few"] } else { vec![] })]);
    assert!(reason(&rare, Measure::Latency).starts_with("no value that at least 5 of 40 items have"));
    let same = Sample::new(vec![7.0; 40], vec![false; 40], sample.columns);
    assert_eq!(reason(&same, Measure::Latency), "all 40 items took equally long");
}

#[test]
fn a_group_has_five_items_or_one_percent() {
    assert_eq!([20, 500, 501, 1_000, 1_001].map(min_support), [5, 5, 6, 10, 11]);
}

#[test]
fn without_anything_significant_the_best_is_told_as_such() {
    let outcome = run(
        &ladder(
            40,
            &[("team", |s| vec![["a", "b", "c"][s * 7 % 3]]), ("area", |s| vec![["x", "y", "z"][s / 3 % 3]])],
        ),
        Measure::Latency,
    );
    assert_eq!(outcome.findings.len(), 1);
    assert!(!outcome.findings[0].finding.significant);
    assert_eq!(outcome.insufficient_data, None);
    assert!(outcome.singles_tested == 6);
}

#[test]
fn a_missing_value_is_a_value_too() {
    let outcome =
        run(&ladder(40, &[("team", |s| if s > 20 { vec![] } else { vec!["a"] })]), Measure::Latency);
    assert_eq!(names(&outcome.findings), [format!("team={NONE}")]);
}

#[test]
fn values_of_the_same_items_are_one_finding() {
    let outcome = run(
        &ladder(
            60,
            &[
                ("service", |s| {
                    vec![if s > 40 {
                        "billing"
                    } else if s % 2 == 0 {
                        "b"
                    } else {
                        "c"
                    }]
                }),
                ("area", |s| if s > 40 { vec![] } else { vec![["x", "y"][s / 2 % 2]] }),
                ("team", |s| vec![if s > 40 { "money" } else { "others" }]),
            ],
        ),
        Measure::Latency,
    );
    let first = &outcome.findings[0].finding;
    assert_eq!(super::name(&first.attributes), "service=billing");
    assert_eq!(super::name(&first.aliases), format!("area={NONE} and team=money"));
    // billing; b, c; x, y
    assert_eq!(outcome.singles_tested, 5);
}

#[test]
fn names_of_the_outcome_and_identifiers_are_not_compared() {
    let sample = ladder(
        40,
        &[
            ("build.result", |s| vec![if s > 20 { "bad" } else { "good" }]),
            ("team", |s| vec![if s % 2 == 0 { "even" } else { "odd" }]),
        ],
    );
    let mut outcome = run(&sample, Measure::Latency);
    assert_eq!((outcome.singles_tested, names(&outcome.findings)), (1, vec!["team=even".to_owned()]));
    let ids: Vec<String> = (0..40).map(|item| format!("id-{}", item / 5 * 5 % 40 + item % 5)).collect();
    let mut sample = sample;
    sample.columns.push(Column::new("id", ids.iter().map(|id| [id.as_str()])));
    outcome = run(&sample, Measure::Latency);
    assert_eq!(outcome.singles_tested, 1);
    assert!(stratify(&sample, Measure::Latency, "team", "even").is_empty());
}

#[test]
fn several_values_of_one_item_all_count() {
    let labels = |s| match s {
        1..=15 => vec!["docs"],
        16..=20 => vec!["docs", "big"],
        21..=40 => vec!["big", "urgent"],
        _ => vec![],
    };
    let outcome = run(&ladder(60, &[("label", labels)]), Measure::Failure);
    assert_eq!(outcome.singles_tested, 4);
    let outcome = run(&ladder(60, &[("label", labels)]), Measure::Latency);
    let docs = outcome.findings.iter().find(|found| found.finding.attributes[0].value == "docs").unwrap();
    assert_eq!((docs.finding.n_with, docs.finding.effect), (20, -1.0));
}

#[test]
fn no_more_than_the_limit_is_shown_and_nothing_depends_on_the_order_of_columns() {
    let one = |s: usize| vec![["a", "b", "c", "d"][s / 16 % 4]];
    let two = |s: usize| vec![["e", "f", "g", "h"][(s + 5) / 16 % 4]];
    let mut sample = ladder(64, &[("one", one), ("two", two)]);
    let all = run(&sample, Measure::Latency);
    assert!(all.findings.len() > 4);
    let scores: Vec<f64> = all.findings.iter().map(|found| found.finding.score.abs()).collect();
    assert!(scores.is_sorted_by(|a, b| a >= b));
    let few = correlate(&sample, Measure::Latency, None, &Options { limit: 2, ..Options::default() });
    assert_eq!(few.findings.len(), 2);
    assert_eq!(few.pairs_tested, all.pairs_tested);
    assert_eq!(names(&few.findings), names(&all.findings)[..2]);
    sample.columns.reverse();
    assert_eq!(run(&sample, Measure::Latency), all);
}

#[test]
fn a_pair_that_one_value_names_has_that_value_as_an_alias() {
    let slow = |s: usize| s % 12 == 3;
    let keys: Vec<Column> = vec![
        Column::new("a", (0..240).map(|s| [["p", "q", "r", "slow"][s % 4]])),
        Column::new("b", (0..240).map(|s| [["slow", "y", "z"][s % 3]])),
        Column::new("c", (0..240).map(|s| [if slow(s) { "both" } else { ["k", "l"][s / 12 % 2] }])),
    ];
    let seconds = (0..240).map(|s| if slow(s) { 1_000.0 } else { 0.0 } + (s * 7919 % 241) as f64).collect();
    let outcome = run(&Sample::new(seconds, vec![false; 240], keys), Measure::Latency);
    assert_eq!(names(&outcome.findings)[..2], ["a=slow and b=slow", "c=both"]);
    assert_eq!(super::name(&outcome.findings[0].finding.aliases), "c=both");
    let explained = outcome.findings[1].finding.explained_by.as_deref().map(super::name);
    assert_eq!(explained.as_deref(), Some("a=slow and b=slow"));
}

#[test]
fn strata_show_both_sides_of_every_level() {
    let sample = ladder(
        60,
        &[
            ("team", |s| vec![if s > 30 { "slow" } else { "fast" }]),
            ("area", |s| {
                vec![if s <= 20 {
                    "low"
                } else if s <= 40 {
                    "middle"
                } else {
                    "high"
                }]
            }),
            ("one", |_| vec!["only"]),
        ],
    );
    let tables = stratify(&sample, Measure::Latency, "team", "slow");
    assert_eq!(tables.len(), 1);
    assert_eq!((tables[0].key.as_str(), tables[0].crude, tables[0].adjusted), ("area", 1.0, Some(1.0)));
    let levels: Vec<_> =
        tables[0].levels.iter().map(|l| (l.value.as_str(), l.n_with, l.with, l.without, l.effect)).collect();
    assert_eq!(
        levels,
        [
            ("high", 20, Some(50.5), None, None),
            ("low", 0, None, Some(10.5), None),
            ("middle", 10, Some(35.5), Some(25.5), Some(1.0)),
        ]
    );
    let rates = stratify(&sample, Measure::Failure, "team", "slow");
    assert_eq!(rates[0].levels[2].with, Some(0.3));
    assert!(stratify(&sample, Measure::Latency, "team", "nobody").is_empty());
    assert!(stratify(&sample, Measure::Latency, "nothing", "slow").is_empty());
    assert!(stratify(&sample, Measure::Latency, "one", "only").is_empty());
}

#[test]
fn a_key_in_detail_has_all_its_values() {
    let sample = ladder(
        40,
        &[("team", |s| match s {
            1..=10 => vec!["a"],
            11..=20 => vec!["a", "b"],
            _ => vec![],
        })],
    );
    let details = values(&sample, "team", Some((11.0, 20.0)));
    let seen: Vec<_> = details.iter().map(|d| (d.value.as_str(), d.n, d.quantiles.p50_seconds)).collect();
    assert_eq!(seen, [(NONE, 20, 30.5), ("a", 20, 10.5), ("b", 10, 15.5)]);
    let b = &details[2];
    assert_eq!((b.share_inside, b.share_outside, b.contrast), (Some(1.0), Some(0.0), Some(1.0)));
    assert_eq!((b.outcomes.failed, b.outcomes.succeeded), (3, 7));
    assert_eq!(values(&sample, "team", None)[0].share_inside, None);
    assert!(values(&sample, "nothing", None).is_empty());
}
