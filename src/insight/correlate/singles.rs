//! Single values: which can be compared, and how each compares with the rest. One pass over each
//! column counts its sets; everything else follows from these counts.

use super::levels::Levels;
use super::measured::{Measured, Test, Whole};
use super::parallel;
use super::sample::{Column, Sample};
use crate::insight::query::NONE;
use crate::insight::stats::benjamini_hochberg::q_values;

/// What is known of the items that have a value.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Total {
    pub n: u64,
    /// The sum of the items' numbers.
    pub sum: u64,
    /// A fingerprint of which items they are.
    pub print: u64,
}

impl Total {
    pub fn add(&mut self, other: Total) {
        self.n += other.n;
        self.sum += other.sum;
        self.print = self.print.wrapping_add(other.print);
    }
}

/// A value that is compared with the rest.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    /// Its column, as an index.
    pub column: usize,
    /// Its value's id there.
    pub value: u32,
    pub total: Total,
    /// Values of the same items.
    pub aliases: Vec<(usize, u32)>,
    pub test: Test,
    pub q: f64,
}

/// A number that stands for an item in fingerprints (splitmix64).
pub(super) fn print_of(item: usize) -> u64 {
    let mut z = (item as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The columns with numbers in bins, and of each the totals by value.
pub(super) fn columns<'a>(
    sample: &'a Sample,
    measured: &Measured<'_>,
    threads: usize,
) -> Vec<(Levels<'a>, Vec<Total>)> {
    parallel::map(threads, sample.columns.len(), |index| {
        let column = &sample.columns[index];
        let by_set = by_set(column, measured);
        let counts: Vec<u64> = by_set.iter().map(|total| total.n).collect();
        let levels = Levels::counted(column, &counts);
        let mut by_value = vec![Total::default(); levels.values.len()];
        for (set, total) in levels.sets.iter().zip(&by_set) {
            for id in set {
                by_value[*id as usize].add(*total);
            }
        }
        (levels, by_value)
    })
}

fn by_set(column: &Column, measured: &Measured<'_>) -> Vec<Total> {
    let mut totals = vec![Total::default(); column.sets.len()];
    let mut add = |item: usize, code: u32, number: u64| {
        totals[code as usize].add(Total { n: 1, sum: number, print: print_of(item) });
    };
    match measured {
        Measured::Latency(ranks) => {
            for (item, (code, rank)) in column.codes.iter().zip(ranks).enumerate() {
                add(item, *code, u64::from(*rank));
            }
        }
        Measured::Failure(failed) => {
            for (item, (code, failed)) in column.codes.iter().zip(*failed).enumerate() {
                add(item, *code, u64::from(*failed));
            }
        }
    }
    totals
}

/// All values with enough items on both sides, tested: one of several with the same members, one
/// of the two of a two-valued key, in the order of key and value.
pub(super) fn candidates(
    columns: &[(Levels<'_>, Vec<Total>)],
    measured: &Measured<'_>,
    whole: &Whole,
    support: u64,
) -> Vec<Candidate> {
    let mut found = Vec::new();
    for (index, (levels, totals)) in columns.iter().enumerate() {
        if !levels.comparable() {
            continue;
        }
        let enough = |total: &Total| total.n >= support && whole.n - total.n >= support;
        let mut values: Vec<u32> = levels.present().filter(|v| enough(&totals[*v as usize])).collect();
        if let (&[a, b], 2) = (&values[..], levels.present().count())
            && totals[a as usize].n + totals[b as usize].n == whole.n
        {
            let effect = |value: u32| {
                let total = totals[value as usize];
                measured.effect(total.n, total.sum, whole)
            };
            let name = |value: u32| (levels.values[value as usize] == NONE, &levels.values[value as usize]);
            let keep_a = match effect(a).total_cmp(&0.0) {
                std::cmp::Ordering::Equal => name(a) < name(b),
                order => order.is_gt(),
            };
            values = vec![if keep_a { a } else { b }];
        }
        found.extend(values.into_iter().map(|value| (index, value, totals[value as usize])));
    }
    let name = |column: usize, value: u32| {
        let levels = &columns[column].0;
        (levels.key, &levels.values[value as usize])
    };
    // Of the same items the one in the first column stands for all, but "has none" for none other.
    found.sort_by(|(a, v, s), (b, w, t)| {
        let (x, y) = (name(*a, *v), name(*b, *w));
        (s.n, s.print, x.1 == NONE, a, x).cmp(&(t.n, t.print, y.1 == NONE, b, y))
    });
    let mut candidates: Vec<Candidate> = found
        .chunk_by(|(.., s), (.., t)| (s.n, s.print) == (t.n, t.print))
        .filter_map(|same| {
            let (&(column, value, total), others) = same.split_first()?;
            let test = measured.test(total.n, total.sum, whole);
            let aliases = others.iter().map(|(column, value, _)| (*column, *value)).collect();
            Some(Candidate { column, value, total, aliases, test, q: 1.0 })
        })
        .collect();
    candidates.sort_by(|a, b| name(a.column, a.value).cmp(&name(b.column, b.value)));
    let p: Vec<f64> = candidates.iter().map(|candidate| candidate.test.p).collect();
    for (candidate, q) in candidates.iter_mut().zip(q_values(&p)) {
        candidate.q = q;
    }
    candidates
}
