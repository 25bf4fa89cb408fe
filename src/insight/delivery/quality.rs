//! How far the data can be believed: what hangs in the air, what has no beginning, and how much of
//! it has the tags that people slice by. What the store knows is given by the caller.

use std::collections::BTreeMap;

use super::changes;
use crate::insight::cohort::Sieve;
use crate::insight::population::{EMPTY, Population, Reach};
use crate::insight::query::{Query, QueryError, Tier};
use crate::insight::report::{At, Basis, Quality};
use crate::work::key::{Kind, Source};
use crate::work::time::Time;

/// What the store knows of data quality.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// Deliveries that could not be understood and wait to be dealt with.
    pub quarantined: u64,
    /// Spans that a backend refused for good and that wait to be dealt with.
    pub rejected_exports: u64,
    /// Spans that wait to be sent.
    pub outbox: u64,
    /// When each source was last heard of.
    pub last_delivery: BTreeMap<Source, Option<Time>>,
}

/// The report on what ended in the range and passes the filters, whatever its outcome. Coverage of
/// tags is of the items of `query.kind`: all keys of tags, and those traits that any of them has.
pub fn quality(
    population: &Population,
    query: &Query,
    basis: Basis,
    stored: Stored,
) -> Result<Quality, QueryError> {
    let sieve = Sieve::new(population, "filter", &query.filters, query.tier)?;
    let at = |(source, time): (Source, Option<Time>)| (source, time.map(At));
    let mut quality = Quality {
        basis,
        deploys: 0,
        unlinked_deploys: 0,
        merged: 0,
        merged_without_issue: 0,
        builds: 0,
        unlinked_builds: 0,
        start_unknown: 0,
        clamped: 0,
        untiered_deploys: 0,
        tag_coverage: BTreeMap::new(),
        unsliced_tag_keys: population.unsliced_keys(),
        quarantined: stored.quarantined,
        rejected_exports: stored.rejected_exports,
        outbox: stored.outbox,
        last_delivery: stored.last_delivery.into_iter().map(at).collect(),
    };
    let ended = |row: &u32| {
        let life = population.life(*row);
        life.closed.is_some_and(|(end, _)| !life.open && end >= query.from && end < query.to)
            && sieve.passes(*row)
    };
    for kind in Kind::ALL {
        let mut rows = Vec::new();
        for row in population.of_kind(kind).filter(ended) {
            let life = population.life(row);
            quality.start_unknown += u64::from(!life.start_known);
            quality.clamped += u64::from(life.clamped);
            match kind {
                Kind::Deploy => {
                    quality.deploys += 1;
                    quality.unlinked_deploys += u64::from(changes::origins(population, row).is_empty());
                    let tier = population.deploy(row).map(|deploy| deploy.tier);
                    quality.untiered_deploys += u64::from(tier == Some(Tier::Other));
                }
                Kind::PullRequest if changes::merged(population, row).is_some() => {
                    quality.merged += 1;
                    quality.merged_without_issue += u64::from(!near(population, row, &[Kind::Issue]));
                }
                Kind::Build => {
                    quality.builds += 1;
                    let above = [Kind::Issue, Kind::PullRequest];
                    quality.unlinked_builds += u64::from(!near(population, row, &above));
                }
                _ => {}
            }
            if kind == query.kind {
                rows.push(row);
            }
        }
        if kind == query.kind && !rows.is_empty() {
            quality.tag_coverage = coverage(population, &rows);
        }
    }
    Ok(quality)
}

/// Whether an item hangs below, or is linked to, one of these kinds.
fn near(population: &Population, row: u32, kinds: &[Kind]) -> bool {
    let mut near = population.parent(row).into_iter().chain(population.linked(row).iter().copied());
    near.any(|near| kinds.contains(&population.kind(near)))
}

/// The share of rows that have each key.
fn coverage(population: &Population, rows: &[u32]) -> BTreeMap<String, f64> {
    let shares = population.dimensions().iter().filter_map(|dimension| {
        let has = dimension.codes().gather(rows).iter().filter(|code| **code != EMPTY).count();
        let told = has > 0 || dimension.reach == Reach::Trace;
        told.then(|| (dimension.key.clone(), has as f64 / rows.len() as f64))
    });
    shares.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insight::cohort::basis;
    use crate::insight::population::testing::{Seen, population, seen};
    use crate::work::event::Outcome::*;
    use crate::work::testing::at;

    fn report(items: &[Seen], kind: Kind) -> Quality {
        let query = Query { kind, from: at(0), ..Query::new(at(1_000)) };
        let stored = Stored {
            quarantined: 1,
            rejected_exports: 2,
            outbox: 3,
            last_delivery: [(Source::Github, Some(at(7))), (Source::Jenkins, None)].into(),
        };
        quality(&population(items), &query, basis(&query, Tier::Any, at(0), 0), stored).unwrap()
    }

    #[test]
    fn what_hangs_in_the_air_is_counted() {
        let items = [
            seen("deploy/1").lived(0, 10, Success).to("a", "production"),
            seen("deploy/2")
                .lived(0, 10, Failure)
                .to("a", "somewhere")
                .below(&["build/7.1", "pull_request/4"]),
            seen("deploy/3").lived(0, 10, Success).to("a", "staging").linked(&["issue/9"]),
            // After the range.
            seen("deploy/30").lived(0, 1_000, Success).to("a", "somewhere"),
            seen("pull_request/4").merged(0, 10),
            seen("pull_request/5").merged(0, 10).below(&["issue/9"]),
            seen("pull_request/6").merged(0, 10).linked(&["issue/9"]),
            seen("pull_request/60").lived(0, 10, Closed),
            seen("build/7.1").lived(0, 10, Success).below(&["pull_request/4"]),
            seen("build/8.1").lived(0, 10, Success),
        ];
        let quality = report(&items, Kind::Issue);
        assert_eq!((quality.deploys, quality.unlinked_deploys, quality.untiered_deploys), (3, 1, 1));
        assert_eq!((quality.merged, quality.merged_without_issue), (3, 1));
        assert_eq!((quality.builds, quality.unlinked_builds), (2, 1));
    }

    #[test]
    fn what_the_store_knows_is_passed_on() {
        let quality = report(&[], Kind::Issue);
        assert_eq!((quality.quarantined, quality.rejected_exports, quality.outbox), (1, 2, 3));
        let last: Vec<_> = quality.last_delivery.into_iter().collect();
        assert_eq!(last, [(Source::Github, Some(At(at(7)))), (Source::Jenkins, None)]);
        assert_eq!(quality.tag_coverage, BTreeMap::new());
    }

    #[test]
    fn beginnings_that_cannot_be_believed_are_counted_of_all_kinds() {
        let mut unknown = seen("issue/1").lived(0, 10, Completed);
        unknown.0.life.start_known = false;
        let mut clamped = seen("job/2").lived(0, 10, Success);
        clamped.0.life.clamped = true;
        let quality = report(&[unknown, clamped, seen("issue/3").lived(0, 10, Completed)], Kind::Issue);
        assert_eq!((quality.start_unknown, quality.clamped), (1, 1));
    }

    #[test]
    fn coverage_is_of_what_ended_of_the_kind() {
        let items = [
            seen("issue/1").lived(0, 10, Completed).tag("team", "a"),
            seen("issue/2").lived(0, 10, NotPlanned),
            seen("issue/3").tag("team", "a"),
            seen("pull_request/4").merged(0, 10).tag("language", "go"),
        ];
        let coverage = report(&items, Kind::Issue).tag_coverage;
        let shown: Vec<_> = coverage.iter().map(|(key, share)| (key.as_str(), *share)).collect();
        assert_eq!(shown, [("deploy.type", 0.0), ("language", 0.0), ("repository", 1.0), ("team", 0.5)]);
    }
}
