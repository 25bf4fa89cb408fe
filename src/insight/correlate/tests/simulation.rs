//! Seeded simulations: what is there is found, and what is not is not.

use super::{name, names};
use crate::insight::correlate::sample::{Column, Sample};
use crate::insight::correlate::{Options, Outcome, correlate};
use crate::insight::query::Measure;
use crate::simulate::dice::Dice;

const LANGUAGES: [&str; 3] = ["python", "go", "java"];
const DEPLOYS: [&str; 3] = ["mutable", "immutable", "canary"];
const TEAMS: [&str; 3] = ["payments", "search", "identity"];

fn draw(dice: &mut Dice, n: usize, values: &[&'static str]) -> Vec<&'static str> {
    (0..n).map(|_| values[dice.index(values.len())]).collect()
}

fn column(key: &str, values: &[&'static str]) -> Column {
    Column::new(key, values.iter().map(|value| [*value]))
}

fn run(sample: &Sample, measure: Measure) -> Outcome {
    correlate(sample, measure, None, &Options::default())
}

/// Four times slower where both are there.
fn planted(seed: u64, n: usize) -> Outcome {
    let mut dice = Dice::new(seed, 1);
    let (language, deploy) = (draw(&mut dice, n, &LANGUAGES), draw(&mut dice, n, &DEPLOYS));
    let team = draw(&mut dice, n, &TEAMS);
    let seconds = language.iter().zip(&deploy).map(|both| {
        let slower = if both == (&"python", &"mutable") { 4.0 } else { 1.0 };
        slower * dice.log_normal(36_000.0, 1.0)
    });
    let seconds = seconds.collect();
    let columns = vec![column("language", &language), column("deploy.type", &deploy), column("team", &team)];
    run(&Sample::new(seconds, vec![false; n], columns), Measure::Latency)
}

#[test]
fn a_planted_pair_is_found_first() {
    let first = (0..50).filter(|seed| {
        let outcome = planted(*seed, 300);
        let finding = &outcome.findings[0].finding;
        finding.significant && name(&finding.attributes) == "deploy.type=mutable and language=python"
    });
    let found = first.count();
    assert!(found >= 45, "found in {found} of 50 runs");
}

#[test]
fn the_halves_of_a_planted_pair_are_explained_by_it() {
    let mut halves = 0;
    let mut explained = 0;
    for seed in 0..20 {
        for found in planted(seed, 600).findings {
            let finding = found.finding;
            if ["language=python", "deploy.type=mutable"].contains(&name(&finding.attributes).as_str()) {
                halves += 1;
                let by = finding.explained_by.as_deref().map(name);
                explained += u32::from(by.as_deref() == Some("deploy.type=mutable and language=python"));
            }
        }
    }
    assert!(halves >= 20, "{halves} halves shown");
    assert!(explained * 10 >= halves * 8, "{explained} of {halves} explained");
}

/// In how many of the runs without any effect a single and a pair are significant, for a number of
/// keys with 2 to 5 values.
fn noise(runs: u64, keys: usize, stream: u64) -> (u32, u32) {
    let (mut with_single, mut with_pair) = (0, 0);
    for seed in 0..runs {
        let mut dice = Dice::new(seed, stream);
        let n = 300;
        let key = |key: usize| {
            let values = ["a", "b", "c", "d", "e"];
            column(&format!("key{key}"), &draw(&mut dice, n, &values[..2 + key % 4]))
        };
        let columns = (0..keys).map(key).collect();
        let seconds = (0..n).map(|_| dice.log_normal(36_000.0, 1.2)).collect();
        let failed = (0..n).map(|_| dice.chance(0.2)).collect();
        let sample = Sample::new(seconds, failed, columns);
        for measure in [Measure::Latency, Measure::Failure] {
            let outcome = run(&sample, measure);
            assert!(outcome.singles_tested > 7 && outcome.pairs_tested > 10);
            let mut significant = outcome.findings.iter().filter(|found| found.finding.significant);
            let sizes: Vec<usize> =
                significant.by_ref().map(|found| found.finding.attributes.len()).collect();
            with_single += u32::from(sizes.contains(&1));
            with_pair += u32::from(sizes.contains(&2));
        }
    }
    (with_single, with_pair)
}

/// Of 2,000 runs 11 had a pair (0.55 %).
#[test]
fn noise_among_a_few_keys_hardly_ever_has_a_pair() {
    let (with_single, with_pair) = noise(150, 3, 5);
    assert!(with_pair <= 3, "{with_pair} of 300 runs have a pair");
    assert!(with_single <= 18, "{with_single} of 300 runs have a single finding");
}

/// Of 1,200 runs 42 had a single finding (3.5 %) and 3 a pair (0.25 %).
#[test]
fn noise_among_many_keys_has_few_findings() {
    let (with_single, with_pair) = noise(100, 6, 2);
    assert!(with_pair <= 2, "{with_pair} of 200 runs have a pair");
    assert!(with_single <= 10, "{with_single} of 200 runs have a single finding");
}

/// Python is slow; a label is on most of what is Python and on little else.
#[test]
fn a_label_that_goes_with_the_cause_is_not_taken_for_it() {
    let (mut first, mut marked) = (0, 0);
    for seed in 0..20 {
        let mut dice = Dice::new(seed, 3);
        let n = 400;
        let language = draw(&mut dice, n, &LANGUAGES);
        let label: Vec<&str> = language
            .iter()
            .map(|language| {
                let likely = if *language == "python" { 0.85 } else { 0.1 };
                if dice.chance(likely) { "data" } else { "other" }
            })
            .collect();
        let seconds = language
            .iter()
            .map(|language| if *language == "python" { 4.0 } else { 1.0 } * dice.log_normal(36_000.0, 1.0));
        let seconds = seconds.collect();
        let columns = vec![column("language", &language), column("label", &label)];
        let outcome = run(&Sample::new(seconds, vec![false; n], columns), Measure::Latency);
        first += u32::from(names(&outcome.findings)[0] == "language=python");
        let of = |wanted: &str| {
            let found = outcome.findings.iter().find(|found| name(&found.finding.attributes) == wanted);
            found.map(|found| &found.finding).unwrap()
        };
        assert!(of("language=python").confounded_by.is_empty());
        let label = of("label=data");
        marked += u32::from(label.confounded_by == ["language"] || label.explained_by.is_some());
    }
    assert!(first >= 18, "the cause is first in {first} of 20 runs");
    assert!(marked >= 19, "marked in {marked} of 20 runs");
}

#[test]
fn a_planted_kind_of_deploy_that_fails_is_found() {
    let mut found = 0;
    for seed in 0..20 {
        let mut dice = Dice::new(seed, 4);
        let n = 300;
        let (deploy, team) = (draw(&mut dice, n, &DEPLOYS), draw(&mut dice, n, &TEAMS));
        let failed: Vec<bool> =
            deploy.iter().map(|deploy| dice.chance(if *deploy == "mutable" { 0.35 } else { 0.08 })).collect();
        let columns = vec![column("deploy.type", &deploy), column("team", &team)];
        let seconds = (0..n).map(|_| dice.log_normal(300.0, 0.5)).collect();
        let outcome = run(&Sample::new(seconds, failed, columns), Measure::Failure);
        let first = &outcome.findings[0].finding;
        let right = first.significant && names(&outcome.findings)[0] == "deploy.type=mutable";
        found += u32::from(right && first.failure.is_some_and(|sides| sides.lift > 1.3));
    }
    assert!(found >= 19, "found in {found} of 20 runs");
}

/// Each treatment is better within both sizes, and worse over all (as for the kidney stones).
#[test]
fn a_reversal_within_strata_is_told() {
    let rows =
        [("A", "small", 6, 81), ("A", "large", 71, 192), ("B", "small", 36, 234), ("B", "large", 25, 55)];
    let (mut treatment, mut size, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    // Three times as many patients, for significance.
    for (which, stone, failures, successes) in rows {
        for outcome in [(true, 3 * failures), (false, 3 * successes)] {
            treatment.extend(std::iter::repeat_n(which, outcome.1));
            size.extend(std::iter::repeat_n(stone, outcome.1));
            failed.extend(std::iter::repeat_n(outcome.0, outcome.1));
        }
    }
    let columns = vec![column("treatment", &treatment), column("size", &size)];
    let outcome = run(&Sample::new(vec![1.0; failed.len()], failed, columns), Measure::Failure);
    assert_eq!(names(&outcome.findings)[..2], ["size=large", "treatment=A"]);
    let treatment = &outcome.findings[1].finding;
    assert!((treatment.effect - 0.045714).abs() < 5e-7);
    assert!((treatment.adjusted_effect.unwrap() + 0.053836).abs() < 5e-7);
    assert!(treatment.sign_reversal);
    assert!(treatment.confounded_by.is_empty(), "more than half of it is left, the other way round");
}
