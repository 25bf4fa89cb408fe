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
