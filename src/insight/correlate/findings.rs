//! From tests to findings: what is shown, in which order, and all that is said about it. Only here
//! the sample is walked again, for the few that are shown.

use super::Found;
use super::levels::Levels;
use super::measured::{Measured, Whole};
use super::members::Members;
use super::pairs::{Adjusted, Pair};
use super::parallel;
use super::sample::Sample;
use super::singles::{Candidate, Total};
use crate::insight::report::{Attribute, Direction, FailureSides, Finding, LatencySides, Method};
use crate::insight::stats::{Table, intervals, ranks};

/// Singles are held against so many of the strongest pairs.
const EXPLAINING: usize = 5;
/// A single whose p is greater than this without a pair's members is explained by the pair.
const VANISHED: f64 = 0.05;
/// Where nothing is significant, tests with a p up to this come before others.
const NOTABLE: f64 = 0.05;
/// Groups with fewer items are small.
const SMALL: u64 = 30;
/// Less than this share of the crude effect is left where something else confounds it.
const CONFOUNDED: f64 = 0.5;

/// All that findings are made from.
pub(super) struct Material<'a> {
    pub sample: &'a Sample,
    pub columns: &'a [(Levels<'a>, Vec<Total>)],
    pub candidates: &'a [Candidate],
    pub measured: &'a Measured<'a>,
    pub whole: &'a Whole,
    pub selection: Option<(f64, f64)>,
    pub exemplars: usize,
    pub threads: usize,
}

/// A single value, or two.
#[derive(Clone, Debug)]
struct Subject {
    /// The candidates, as ascending indices, which is the order of key and value.
    of: Vec<usize>,
    n: u64,
    effect: f64,
    score: f64,
    p: f64,
    q: f64,
    m: u64,
    method: Method,
    significant: bool,
}

impl Subject {
    fn single(index: usize, candidate: &Candidate, m: usize, measured: &Measured<'_>) -> Self {
        let (test, q) = (&candidate.test, candidate.q);
        Self {
            of: vec![index],
            n: candidate.total.n,
            effect: test.effect,
            score: test.score,
            p: test.p,
            q,
            m: m as u64,
            method: test.method,
            significant: measured.significant(test, q),
        }
    }

    fn pair(pair: &Pair, m: usize, measured: &Measured<'_>) -> Self {
        Self {
            of: pair.of.to_vec(),
            n: pair.n,
            effect: pair.test.effect,
            score: pair.test.score,
            p: pair.test.p,
            q: pair.q,
            m: m as u64,
            method: pair.test.method,
            significant: measured.significant(&pair.test, pair.q),
        }
    }
}

/// The significant first, the strongest score first; then by key and value. Where nothing is
/// significant the best is first, and what chance does often comes after what it does rarely.
fn order(a: &Subject, b: &Subject) -> std::cmp::Ordering {
    let rare = |subject: &Subject| subject.significant || subject.p <= NOTABLE;
    (b.significant.cmp(&a.significant))
        .then(rare(b).cmp(&rare(a)))
        .then(b.score.abs().total_cmp(&a.score.abs()))
        .then_with(|| if a.significant { std::cmp::Ordering::Equal } else { a.p.total_cmp(&b.p) })
        .then_with(|| a.of.cmp(&b.of))
}

/// The candidates whose strata are to be looked into: those that can be shown.
pub(super) fn watched(candidates: &[Candidate], measured: &Measured<'_>, limit: usize) -> Vec<usize> {
    let single = |(index, candidate)| Subject::single(index, candidate, candidates.len(), measured);
    let singles = candidates.iter().enumerate().map(single).collect();
    shown(singles, limit).into_iter().flat_map(|subject| subject.of).collect()
}

/// The significant ones up to a limit, else the best one.
fn shown(mut subjects: Vec<Subject>, limit: usize) -> Vec<Subject> {
    subjects.sort_by(order);
    let significant = subjects.iter().take_while(|subject| subject.significant).count();
    subjects.truncate(significant.min(limit.max(1)).max(1));
    subjects
}

/// What is found, in the order in which it is shown.
pub(super) fn findings(
    material: &Material<'_>,
    pairs: &[Pair],
    adjusted: &[Adjusted],
    limit: usize,
) -> Vec<Found> {
    let (candidates, measured) = (material.candidates, material.measured);
    let mut subjects: Vec<Subject> = (candidates.iter().enumerate())
        .map(|(index, candidate)| Subject::single(index, candidate, candidates.len(), measured))
        .collect();
    subjects.extend(pairs.iter().map(|pair| Subject::pair(pair, pairs.len(), measured)));
    let subjects = shown(subjects, limit);
    let members = parallel::map(material.threads, subjects.len(), |index| {
        let mut each = subjects[index].of.iter().map(|of| {
            let candidate = &candidates[*of];
            Members::new(&material.columns[candidate.column].0, candidate.value)
        });
        let first = each.next();
        first.map(|first| each.fold(first, |all, more| all.and(&more)))
    });
    let members: Vec<Members> = members.into_iter().flatten().collect();
    let explained = explained(material, &subjects, &members);
    let total_seconds = material.sample.seconds.iter().sum();
    parallel::map(material.threads, subjects.len(), |index| {
        let mut found = detailed(material, &subjects[index], &members[index], total_seconds);
        let pair = explained[index].map(|pair| attributes(material, &subjects[pair]));
        found.finding.explained_by = pair;
        confound(material, &subjects[index], adjusted, &mut found.finding);
        found
    })
}

fn attribute(material: &Material<'_>, (column, value): (usize, u32)) -> Attribute {
    material.columns[column].0.attribute(value)
}

fn attributes(material: &Material<'_>, subject: &Subject) -> Vec<Attribute> {
    let candidates = subject.of.iter().map(|of| &material.candidates[*of]);
    candidates.map(|candidate| attribute(material, (candidate.column, candidate.value))).collect()
}

/// For each subject, the first pair that explains it; of another pair, a stronger one.
fn explained(material: &Material<'_>, subjects: &[Subject], members: &[Members]) -> Vec<Option<usize>> {
    let is_pair = |index: &usize| subjects[*index].of.len() == 2;
    let mut pairs: Vec<usize> = (0..subjects.len()).filter(is_pair).collect();
    pairs.retain(|pair| subjects[*pair].significant);
    pairs.truncate(EXPLAINING);
    let vanish = parallel::map(material.threads, pairs.len(), |pair| {
        let place = pairs[pair];
        let pair = &members[place];
        let (numbers, whole) = numbers_without(material, pair);
        let vanishes = |(at, (subject, of)): (usize, (&Subject, &Members))| {
            let of = of.without(pair);
            let sum = || of.iter().map(|item| u64::from(numbers[item])).sum();
            let weaker = subject.of.len() == 1 || place < at;
            weaker
                && subject.significant
                && (of.n() == 0
                    || of.n() == whole.n
                    || material.measured.test(of.n(), sum(), &whole).p > VANISHED)
        };
        subjects.iter().zip(members).enumerate().map(vanishes).collect::<Vec<bool>>()
    });
    let first = |subject: usize| vanish.iter().position(|by| by[subject]).map(|pair| pairs[pair]);
    (0..subjects.len()).map(first).collect()
}

/// The numbers of all items as they are without some of them.
fn numbers_without(material: &Material<'_>, left_out: &Members) -> (Vec<u32>, Whole) {
    let n = material.whole.n - left_out.n();
    match material.measured {
        Measured::Failure(failed) => {
            let gone = left_out.iter().filter(|item| failed[*item]).count() as u64;
            let whole = Whole { n, failed: material.whole.failed - gone, ties: 0.0 };
            (failed.iter().map(|failed| u32::from(*failed)).collect(), whole)
        }
        Measured::Latency(global) => {
            let mut numbers = Vec::with_capacity(global.len());
            let (mut before, mut ties) = (0, 0.0);
            for run in global.chunk_by(|a, b| a == b) {
                let start = numbers.len();
                let left = (start..start + run.len()).filter(|item| !left_out.has(*item)).count();
                numbers.resize(start + run.len(), 2 * before + left as u32 + 1);
                before += left as u32;
                ties += ranks::tie(left);
            }
            (numbers, Whole { n, failed: 0, ties })
        }
    }
}

fn detailed(material: &Material<'_>, subject: &Subject, members: &Members, total_seconds: f64) -> Found {
    let whole = material.whole;
    let (n_with, n_without) = (subject.n, whole.n - subject.n);
    let direction = if subject.effect > 0.0 { Direction::Worse } else { Direction::Better };
    let (mut latency, mut failure) = (None, None);
    let (impact, exemplars) = match material.measured {
        Measured::Latency(_) => {
            let sides = sides(&material.sample.seconds, members, total_seconds);
            let each = sides.mean_with_seconds - sides.mean_without_seconds;
            latency = Some(sides);
            let exemplars: Vec<usize> = match direction {
                Direction::Worse => members.iter_back().take(material.exemplars).collect(),
                Direction::Better => members.iter().take(material.exemplars).collect(),
            };
            (n_with as f64 * each, exemplars)
        }
        Measured::Failure(failed) => {
            let failures = members.iter().filter(|item| failed[*item]).count() as u64;
            let table = Table::of(n_with, failures, whole.n, whole.failed);
            failure = Some(failure_sides(&table));
            let telling = members.iter_back().filter(|item| failed[*item] == (direction == Direction::Worse));
            (n_with as f64 * table.difference(), telling.take(material.exemplars).collect())
        }
    };
    let finding = Finding {
        attributes: attributes(material, subject),
        aliases: aliases(material, subject, members),
        n_with,
        n_without,
        support: n_with as f64 / whole.n as f64,
        effect: subject.effect,
        score: subject.score,
        p: subject.p,
        q: subject.q,
        m: subject.m,
        method: subject.method,
        direction,
        strength: material.measured.strength(subject.effect),
        significant: subject.significant,
        small_sample: n_with.min(n_without) < SMALL,
        impact,
        contrast: material.selection.and_then(|range| contrast(material.sample, members, range)),
        latency,
        failure,
        adjusted_effect: None,
        confounded_by: Vec::new(),
        sign_reversal: false,
        explained_by: None,
        exemplars: Vec::new(),
    };
    let rows = exemplars.iter().filter_map(|item| material.sample.rows.get(*item).copied());
    Found { finding, exemplars: rows.collect() }
}

/// Values that exactly the same items have: a single's are known, a pair's may be a single value.
fn aliases(material: &Material<'_>, subject: &Subject, members: &Members) -> Vec<Attribute> {
    let mut aliases: Vec<Attribute> = match subject.of[..] {
        [single] => {
            let others = material.candidates[single].aliases.iter();
            others.map(|alias| attribute(material, *alias)).collect()
        }
        _ => {
            let same = (members.n(), members.print());
            let same = material.candidates.iter().filter(|c| (c.total.n, c.total.print) == same);
            let values =
                same.flat_map(|c| [(c.column, c.value)].into_iter().chain(c.aliases.iter().copied()));
            values.map(|value| attribute(material, value)).collect()
        }
    };
    aliases.sort();
    aliases
}

/// Medians and means of both sides, neither of which is empty.
fn sides(seconds: &[f64], members: &Members, total: f64) -> LatencySides {
    let (n, all) = (members.n(), seconds.len() as u64);
    let sum: f64 = members.iter().map(|item| seconds[item]).sum();
    let median = |n: u64, side: bool| {
        let at = |position| members.select(position, side).map_or(0.0, |item| seconds[item]);
        let middle = n.saturating_sub(1) / 2;
        let (below, above) = (at(middle), at(n / 2));
        below + (above - below) * 0.5
    };
    LatencySides {
        p50_with_seconds: median(n, true),
        p50_without_seconds: median(all - n, false),
        mean_with_seconds: sum / n.max(1) as f64,
        mean_without_seconds: (total - sum) / (all - n).max(1) as f64,
    }
}

fn failure_sides(table: &Table) -> FailureSides {
    let (difference_low, difference_high) = intervals::newcombe(table).unwrap_or((-1.0, 1.0));
    FailureSides {
        failed_with: table.a,
        succeeded_with: table.b,
        failed_without: table.c,
        succeeded_without: table.d,
        rate_with: table.rate_with(),
        rate_without: table.rate_without(),
        lift: table.lift(),
        difference_low,
        difference_high,
    }
}

fn contrast(sample: &Sample, members: &Members, range: (f64, f64)) -> Option<f64> {
    let selected = sample.within(range);
    let with = members.iter().filter(|item| selected.contains(item)).count();
    contrast_of(with, selected.len(), members.n() as usize, sample.len())
}

/// (p − q) / (p + q) of the shares inside and outside: `with` of `selected` items have it, and
/// `members` of `all`. `None` if a side is empty or nothing has it.
pub(super) fn contrast_of(with: usize, selected: usize, members: usize, all: usize) -> Option<f64> {
    let outside = all - selected;
    if selected == 0 || outside == 0 || members == 0 {
        return None;
    }
    let inside = with as f64 / selected as f64;
    let outside = (members - with) as f64 / outside as f64;
    Some((inside - outside) / (inside + outside))
}

/// What other keys leave of a single's effect.
fn confound(material: &Material<'_>, subject: &Subject, adjusted: &[Adjusted], finding: &mut Finding) {
    let &[single] = &subject.of[..] else { return };
    let crude = subject.effect;
    let key = |adjusted: &Adjusted| material.columns[adjusted.column].0.key;
    let change = |adjusted: &Adjusted| (adjusted.effect - crude).abs();
    let mut all: Vec<&Adjusted> = adjusted.iter().filter(|adjusted| adjusted.candidate == single).collect();
    all.sort_by(|a, b| change(b).total_cmp(&change(a)).then_with(|| key(a).cmp(key(b))));
    finding.adjusted_effect = all.first().map(|adjusted| adjusted.effect);
    finding.sign_reversal = all.iter().any(|adjusted| adjusted.effect * crude < 0.0);
    let confounders = all.iter().filter(|adjusted| adjusted.effect.abs() < CONFOUNDED * crude.abs());
    finding.confounded_by = confounders.map(|adjusted| key(adjusted).to_owned()).collect();
}
