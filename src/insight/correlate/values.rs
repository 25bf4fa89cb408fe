//! All values of one key: how many items have each, how long they took, how they ended, and how
//! they are spread over a selection and the rest.

use super::findings::contrast_of;
use super::levels::Levels;
use super::sample::Sample;
use crate::insight::report::{Outcomes, ValueDetail};
use crate::insight::stats::quantile::summary;

/// The values of a key in detail, the most frequent first, then by name; numbers in bins. The
/// selection is a range of seconds, both ends inclusive. Outcomes take what did not fail for
/// succeeded, as it is in a sample for failures.
pub fn values(sample: &Sample, key: &str, selection: Option<(f64, f64)>) -> Vec<ValueDetail> {
    let Some(levels) = sample.column(key).map(Levels::new) else { return Vec::new() };
    let selected = selection.map(|range| sample.within(range));
    let mut seconds = vec![Vec::new(); levels.values.len()];
    let mut failed = vec![0_u64; levels.values.len()];
    let mut inside = vec![0_usize; levels.values.len()];
    for (item, code) in levels.codes.iter().enumerate() {
        for id in &levels.sets[*code as usize] {
            let id = *id as usize;
            seconds[id].push(sample.seconds[item]);
            failed[id] += u64::from(sample.failed.get(item).is_some_and(|failed| *failed));
            inside[id] += usize::from(selected.as_ref().is_some_and(|range| range.contains(&item)));
        }
    }
    let mut details: Vec<ValueDetail> = levels
        .present()
        .filter_map(|id| {
            let id = id as usize;
            let n = seconds[id].len();
            let share = |with: usize, of: usize| (of > 0).then(|| with as f64 / of as f64);
            let of_selection = selected.as_ref().map(|range| range.len());
            Some(ValueDetail {
                value: levels.values[id].clone(),
                n: n as u64,
                quantiles: summary(&seconds[id])?,
                outcomes: Outcomes { failed: failed[id], succeeded: n as u64 - failed[id] },
                share_inside: of_selection.and_then(|of| share(inside[id], of)),
                share_outside: of_selection.and_then(|of| share(n - inside[id], sample.len() - of)),
                contrast: of_selection.and_then(|of| contrast_of(inside[id], of, n, sample.len())),
            })
        })
        .collect();
    details.sort_by(|a, b| b.n.cmp(&a.n).then_with(|| a.value.cmp(&b.value)));
    details
}
