//! Pairs of values, and strata: what the [`cells`](super::cells) of every two columns say.

use super::cells::Cells;
use super::levels::Levels;
use super::measured::{Measured, Test, Whole};
use super::parallel;
use super::singles::{Candidate, Total};
use super::tracks::Track;
use crate::insight::stats::benjamini_hochberg::q_values;

/// Strata with fewer items than this on a side are left out.
pub(super) const STRATUM: u64 = 3;
/// Items taken at a time: what all columns say of so many stays in the cache while every two columns
/// are passed over.
pub(super) const BLOCK: usize = 4_096;
/// Two columns are taken by a thread together with others until they have so many cells.
const CELLS_AT_ONCE: usize = 1 << 18;
/// So many portions of work for each thread, so that none waits long for another.
const PORTIONS: usize = 4;

/// Two values together, tested against the rest; `test.p` is the greatest of the three tests'.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    /// The candidates, as indices.
    pub of: [usize; 2],
    pub n: u64,
    pub test: Test,
    pub q: f64,
}

/// What is left of a single value's effect within the strata of another key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Adjusted {
    /// The candidate, as an index.
    pub candidate: usize,
    /// The other key's column.
    pub column: usize,
    pub effect: f64,
}

/// What to look for.
pub(super) struct Search<'a> {
    pub columns: &'a [(Levels<'a>, Vec<Total>)],
    pub candidates: &'a [Candidate],
    /// Candidates whose effect within strata is wanted, as indices.
    pub watched: &'a [usize],
    pub measured: &'a Measured<'a>,
    pub whole: &'a Whole,
    /// The least number of items in each of the four cells of a pair.
    pub support: u64,
    /// How many items are taken at a time: [`BLOCK`].
    pub block: usize,
    pub threads: usize,
}

/// All pairs that can be tested, and the adjusted effects of the watched candidates, both in a fixed
/// order.
pub(super) fn search(search: &Search<'_>) -> (Vec<Pair>, Vec<Adjusted>) {
    let tracks = parallel::map(search.threads, search.columns.len(), |index| {
        let (levels, totals) = &search.columns[index];
        Track::new(index, levels, totals, search.candidates, search.measured)
    });
    let portions = portions(search, &tracks);
    let found = parallel::map(search.threads, portions.len(), |portion| {
        let mut all: Vec<Cells> =
            portions[portion].iter().map(|(a, b)| Cells::new(&tracks[*a], &tracks[*b])).collect();
        let items = search.whole.n as usize;
        for start in (0..items).step_by(search.block.max(1)) {
            let range = start..items.min(start + search.block);
            for (cells, (a, b)) in all.iter_mut().zip(&portions[portion]) {
                cells.add(&tracks[*a], &tracks[*b], search.measured, range.clone());
            }
        }
        let (mut pairs, mut adjusted) = (Vec::new(), Vec::new());
        for (cells, (a, b)) in all.iter_mut().zip(&portions[portion]) {
            cells.add_mixed(&tracks[*a], &tracks[*b], search.measured);
            test_pairs(search, &tracks[*a], &tracks[*b], cells, &mut pairs);
            adjust(search, (*a, &tracks[*a]), (*b, &tracks[*b]), cells, &mut adjusted);
        }
        (pairs, adjusted)
    });
    let (pairs, adjusted): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    let mut pairs: Vec<Pair> = pairs.into_iter().flatten().collect();
    let p: Vec<f64> = pairs.iter().map(|pair| pair.test.p).collect();
    for (pair, q) in pairs.iter_mut().zip(q_values(&p)) {
        pair.q = q;
    }
    (pairs, adjusted.into_iter().flatten().collect())
}

/// Every two columns that have something to say about each other, in portions.
fn portions(search: &Search<'_>, tracks: &[Track]) -> Vec<Vec<(usize, usize)>> {
    let has_candidates: Vec<bool> =
        tracks.iter().map(|track| track.tracked.iter().any(|tracked| tracked.candidate.is_some())).collect();
    let is_watched = |column: usize| search.watched.iter().any(|w| search.candidates[*w].column == column);
    let watched: Vec<bool> = (0..tracks.len()).map(is_watched).collect();
    let useful = |a: usize, b: usize| {
        let different = search.columns[a].0.key != search.columns[b].0.key;
        different
            && (has_candidates[a] && has_candidates[b]
                || watched[a] && tracks[b].stratifies
                || watched[b] && tracks[a].stratifies)
    };
    let two: Vec<(usize, usize)> = (0..tracks.len())
        .flat_map(|a| (a + 1..tracks.len()).map(move |b| (a, b)))
        .filter(|(a, b)| useful(*a, *b))
        .collect();
    let most = two.len().div_ceil(search.threads.max(1) * PORTIONS);
    let mut portions: Vec<Vec<(usize, usize)>> = Vec::new();
    let mut cells = 0;
    for (a, b) in two {
        let more = tracks[a].width() * tracks[b].width();
        match portions.last_mut() {
            Some(portion) if portion.len() < most && cells + more <= CELLS_AT_ONCE => {
                cells += more;
                portion.push((a, b));
            }
            _ => {
                cells = more;
                portions.push(vec![(a, b)]);
            }
        }
    }
    portions
}

fn test_pairs(search: &Search<'_>, a: &Track, b: &Track, cells: &Cells, pairs: &mut Vec<Pair>) {
    let (measured, whole, least) = (search.measured, search.whole, search.support);
    for (code_a, first) in (1..).zip(&a.tracked) {
        let Some(of_a) = first.candidate else { continue };
        for (code_b, second) in (1..).zip(&b.tracked) {
            let Some(of_b) = second.candidate else { continue };
            let cell = cells.at(code_a, code_b);
            let (only_first, only_second) = (first.whole.n - cell.n, second.whole.n - cell.n);
            let neither = whole.n - cell.n - only_first - only_second;
            if [cell.n, only_first, only_second, neither].iter().any(|n| *n < least) {
                continue;
            }
            // Against the rest, against the first without the second, and the other way round.
            let (in_first, in_second) = match measured {
                Measured::Latency(_) => (cell.first, cell.second),
                Measured::Failure(_) => (cell.sum, cell.sum),
            };
            let tests = [(cell.sum, whole), (in_first, &first.whole), (in_second, &second.whole)];
            let effects = tests.map(|(sum, whole)| measured.effect(cell.n, sum, whole));
            let mut test = measured.test(cell.n, cell.sum, whole);
            if effects.iter().all(|effect| *effect > 0.0) || effects.iter().all(|effect| *effect < 0.0) {
                for (sum, whole) in &tests[1..] {
                    let other = measured.test(cell.n, *sum, whole);
                    if other.p > test.p {
                        (test.p, test.method) = (other.p, other.method);
                    }
                }
            } else {
                test.p = 1.0;
            }
            let of = [of_a.min(of_b), of_a.max(of_b)];
            pairs.push(Pair { of, n: cell.n, test, q: 1.0 });
        }
    }
}

/// What is left of watched candidates of either column within the levels of the other.
fn adjust(
    search: &Search<'_>,
    (a, track_a): (usize, &Track),
    (b, track_b): (usize, &Track),
    cells: &Cells,
    adjusted: &mut Vec<Adjusted>,
) {
    for &index in search.watched {
        let candidate = &search.candidates[index];
        let swapped = candidate.column == b;
        if !swapped && candidate.column != a {
            continue;
        }
        let (own, other, column) = if swapped { (track_b, track_a, a) } else { (track_a, track_b, b) };
        let Some(own_code) = own.code_of(candidate.value).filter(|_| other.stratifies) else { continue };
        let strata = (1..).zip(&other.tracked).filter_map(|(code, level)| {
            let cell = if swapped { cells.at(code, own_code) } else { cells.at(own_code, code) };
            let sum = match search.measured {
                Measured::Latency(_) if swapped => cell.first,
                Measured::Latency(_) => cell.second,
                Measured::Failure(_) => cell.sum,
            };
            let enough = cell.n >= STRATUM && level.whole.n - cell.n >= STRATUM;
            enough.then_some((cell.n, sum, level.whole))
        });
        if let Some(effect) = search.measured.adjusted(strata) {
            adjusted.push(Adjusted { candidate: index, column, effect });
        }
    }
}
