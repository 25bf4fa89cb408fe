//! From a cohort to the plain columns that correlations are computed from. Only what occurs in the
//! cohort is in them: values and sets get new, dense numbers.

use std::collections::HashMap;

use super::cohort::Cohort;
use super::correlate::sample::{Column, Sample};
use super::population::{Dimension, Population};
use super::query::{Measure, NONE};
use crate::work::key::Kind;

/// The sample of a cohort. For failures only what failed or succeeded is in it. A key of which all
/// items have the same tells nothing and is left out, unless it is the one that is asked for.
pub fn sample(population: &Population, cohort: &Cohort, measure: Measure, wanted: Option<&str>) -> Sample {
    let mut sample = Sample::default();
    match measure {
        Measure::Latency => {
            sample.rows = cohort.rows.clone();
            sample.seconds = cohort.seconds.clone();
        }
        Measure::Failure => {
            for (row, seconds) in cohort.rows.iter().zip(&cohort.seconds) {
                if let Some(failed) = population.failed(*row) {
                    sample.rows.push(*row);
                    sample.seconds.push(*seconds);
                    sample.failed.push(failed);
                }
            }
        }
    }
    let columns = population.dimensions().iter().filter_map(|dimension| {
        column(dimension, &sample.rows).filter(|column| column.sets.len() > 1 || wanted == Some(&column.key))
    });
    sample.columns = columns.collect();
    if sample.rows.first().is_some_and(|row| population.kind(*row) == Kind::PullRequest) {
        sample.columns.extend(sizes(population, &sample.rows));
    }
    sample
}

/// A key's column; `None` if there are no rows.
fn column(dimension: &Dimension, rows: &[u32]) -> Option<Column> {
    let gathered = dimension.codes().gather(rows);
    let mut dense: Vec<Option<u32>> = vec![None; dimension.sets().len()];
    let mut column = Column { key: dimension.key.clone(), ..Column::default() };
    let mut ids: HashMap<Option<u32>, u32> = HashMap::new();
    column.codes.reserve(gathered.len());
    for set in gathered {
        let code = match dense[set as usize] {
            Some(code) => code,
            None => {
                let mut named = |id: Option<u32>, name: &str| {
                    *ids.entry(id).or_insert_with(|| {
                        column.values.push(name.to_owned());
                        column.values.len() as u32 - 1
                    })
                };
                let members = &dimension.sets()[set as usize];
                let mut set_ids: Vec<u32> =
                    members.iter().map(|id| named(Some(*id), &dimension.values()[*id as usize])).collect();
                if set_ids.is_empty() {
                    set_ids.push(named(None, NONE));
                }
                set_ids.sort_unstable();
                let code = column.sets.len() as u32;
                column.sets.push(set_ids);
                dense[set as usize] = Some(code);
                code
            }
        };
        column.codes.push(code);
    }
    (!rows.is_empty()).then_some(column)
}

/// The keys of how large pull requests are.
pub const SIZES: [&str; 3] = ["change.lines", "change.files", "change.commits"];

/// How large pull requests are: numbers, which correlations put into quartiles.
fn sizes(population: &Population, rows: &[u32]) -> Vec<Column> {
    type Size = fn(&super::observation::Change) -> Option<u32>;
    let sizes: [Size; 3] = [|c| c.lines, |c| c.files, |c| c.commits];
    let column = |(key, size): (&str, Size)| {
        let mut column = Column { key: key.to_owned(), ..Column::default() };
        let mut codes: HashMap<Option<u32>, u32> = HashMap::new();
        for row in rows {
            let size = population.change(*row).and_then(size);
            let code = *codes.entry(size).or_insert_with(|| {
                let name = size.map_or_else(|| NONE.to_owned(), |size| size.to_string());
                let code = column.values.len() as u32;
                column.values.push(name);
                column.sets.push(vec![code]);
                code
            });
            column.codes.push(code);
        }
        (column.sets.len() > 1).then_some(column)
    };
    SIZES.into_iter().zip(sizes).filter_map(column).collect()
}

#[cfg(test)]
mod tests {
    use super::super::population::testing::{population, seen};
    use super::super::query::Query;
    use super::*;
    use crate::work::event::Outcome;
    use crate::work::testing::at;

    #[test]
    fn what_occurs_is_numbered_anew_and_what_is_missing_is_a_value() {
        let done = |id: &str, seconds| seen(id).lived(0, seconds, Outcome::Completed);
        let population = population(&[
            done("issue/1", 30).tag("team", "elsewhere-first"),
            done("issue/2", 10).tag("team", "a").tag("language", "go"),
            done("issue/3", 20).tag("language", "go"),
        ]);
        let query = Query { from: at(0), ..Query::new(at(30)) };
        let cohort = Cohort::select(&population, &query).unwrap();
        let sample = sample(&population, &cohort, Measure::Latency, None);
        assert_eq!(sample.seconds, [10.0, 20.0]);
        // Both are in go, so only the team can tell them apart.
        assert_eq!(sample.columns.len(), 1);
        let team = &sample.columns[0];
        assert_eq!(
            (&team.values[..], &team.sets[..], &team.codes[..]),
            (&["a".to_owned(), NONE.to_owned()][..], &[vec![0], vec![1]][..], &[0, 1][..])
        );
    }

    #[test]
    fn for_failures_only_what_failed_or_succeeded_counts() {
        let population = population(&[
            seen("deploy/1").lived(0, 10, Outcome::Success),
            seen("deploy/2").lived(0, 20, Outcome::Failure),
            seen("deploy/3").lived(0, 30, Outcome::Unknown),
        ]);
        let query = Query { from: at(0), kind: Kind::Deploy, ..Query::new(at(100)) };
        let cohort = Cohort::select(&population, &query).unwrap();
        assert_eq!(sample(&population, &cohort, Measure::Failure, None).failed, [false, true]);
        assert_eq!(cohort.len(), 3);
    }

    #[test]
    fn the_size_of_pull_requests_is_a_column() {
        let sized =
            |id: &str, files| seen(id).lived(0, 10, Outcome::Merged).change(|change| change.files = files);
        let population = population(&[sized("pull_request/1", Some(3)), sized("pull_request/2", None)]);
        let query = Query { from: at(0), kind: Kind::PullRequest, ..Query::new(at(100)) };
        let cohort = Cohort::select(&population, &query).unwrap();
        let sample = sample(&population, &cohort, Measure::Latency, None);
        let files = sample.columns.iter().find(|column| column.key == "change.files").unwrap();
        assert_eq!(files.values, ["3", NONE]);
    }
}
