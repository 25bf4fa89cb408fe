//! Where the time goes: the stages of the pull requests that were merged in the range, and queue and
//! run of the builds below them (of all builds, or jobs, that ended in the range, if those are asked
//! about). A stage whose ends are in the wrong order is not known, and counted.
//!
//! Flow efficiency is of the pull requests of which pickup, review and deploy are known, one figure
//! for all of them: (coding + review) / (coding + pickup + review + deploy), coding where it is
//! known. Builds run beside these stages, so their time is in there already and is not added again.

use super::{Delivery, changes, dora::tier_word, seconds};
use crate::insight::cohort::{Sieve, quantiles};
use crate::insight::population::{Population, counts};
use crate::insight::query::{Query, QueryError};
use crate::insight::report::{Basis, Stage, StageName, Stages};
use crate::work::event::Outcome;
use crate::work::key::Kind;
use crate::work::time::Time;

/// A stage, being measured.
#[derive(Debug, Default)]
struct Measured {
    seconds: Vec<f64>,
    of: u64,
    wrong_order: u64,
}

impl Measured {
    /// One item more; gives how long it took, in microseconds.
    fn add(&mut self, from: Option<Time>, to: Option<Time>) -> Option<i64> {
        self.of += 1;
        let took = to?.since(from?);
        if took < 0 {
            self.wrong_order += 1;
            return None;
        }
        self.seconds.push(seconds(took));
        Some(took)
    }

    /// One item more, whose stage is known to be in the wrong order.
    fn wrong(&mut self) {
        self.of += 1;
        self.wrong_order += 1;
    }

    fn told(mut self, stage: StageName, active: bool, definition: &str) -> Stage {
        self.seconds.sort_unstable_by(f64::total_cmp);
        Stage {
            stage,
            active,
            quantiles: quantiles(&self.seconds),
            total_seconds: self.seconds.iter().sum(),
            n: self.seconds.len() as u64,
            of: self.of,
            wrong_order: self.wrong_order,
            definition: definition.to_owned(),
        }
    }
}

/// The report.
pub fn stages(population: &Population, query: &Query, basis: Basis) -> Result<Stages, QueryError> {
    let delivery = Delivery::new(population, query)?;
    let in_range = |at: Time| at >= query.from && at < query.to;
    let [mut coding, mut pickup, mut review, mut deploy]: [Measured; 4] = Default::default();
    let (mut merged, mut merged_unreviewed, mut abandoned) = (0, 0, 0);
    let (mut active, mut total, mut flow_n) = (0, 0, 0);
    let mut chosen = vec![false; population.rows()];

    for row in population.of_kind(Kind::PullRequest).filter(|row| delivery.counts_change(*row)) {
        let life = population.life(row);
        let Some(end) = changes::merged(population, row) else {
            let closed = life.closed.filter(|(end, outcome)| in_range(*end) && *outcome != Outcome::Merged);
            abandoned += u64::from(closed.is_some() && !life.open);
            continue;
        };
        if !in_range(end) {
            continue;
        }
        merged += 1;
        chosen[row as usize] = true;
        let change = population.change(row).copied().unwrap_or_default();
        merged_unreviewed += u64::from(change.reviewed.is_none());
        let coded = coding.add(change.first_commit, change.ready);
        let picked = pickup.add(change.ready, change.reviewed);
        let reviewed = review.add(change.reviewed, Some(end));
        let arrived = delivery.changes.get(row);
        let deployed = if arrived.is_some_and(|change| change.wrong_order) {
            deploy.wrong();
            None
        } else {
            deploy.add(Some(end), arrived.and_then(|it| it.by).map(|by| delivery.deployments.get(by).end))
        };
        if let (Some(picked), Some(reviewed), Some(deployed)) = (picked, reviewed, deployed) {
            let coded = coded.unwrap_or(0);
            active += coded + reviewed;
            total += coded + picked + reviewed + deployed;
            flow_n += 1;
        }
    }
    let (queue, run) = runs(population, query, &chosen)?;
    let told = vec![
        coding.told(StageName::Coding, true, "First commit until ready for review; needs push events."),
        pickup.told(
            StageName::Pickup,
            false,
            "First ready for review until the first review by a human who is not the author.",
        ),
        review.told(StageName::Review, true, "First review until the merge."),
        deploy.told(
            StageName::Deploy,
            false,
            &format!(
                "Merge until the end of the first successful {} deployment that contains it.",
                tier_word(query)
            ),
        ),
        queue.told(StageName::BuildQueue, false, "A build or job asked for until it starts."),
        run.told(StageName::BuildRun, true, "Start of a build or job until its end."),
    ];
    let flow_efficiency = (total > 0).then(|| active as f64 / total as f64);
    Ok(Stages { basis, stages: told, merged_unreviewed, merged, abandoned, flow_efficiency, flow_n })
}

/// Queue and run of the builds below the chosen pull requests, or of those that were asked about.
fn runs(population: &Population, query: &Query, chosen: &[bool]) -> Result<(Measured, Measured), QueryError> {
    let sieve = Sieve::new(population, "filter", &query.filters, query.tier)?;
    let kind = if query.kind == Kind::Job { Kind::Job } else { Kind::Build };
    let wanted = |row: u32, end: Time| match query.kind {
        Kind::Build | Kind::Job => end >= query.from && end < query.to && sieve.passes(row),
        _ => population.parent(row).is_some_and(|parent| chosen[parent as usize]),
    };
    let (mut queue, mut run) = (Measured::default(), Measured::default());
    for row in population.of_kind(kind) {
        let life = population.life(row);
        let Some((end, outcome)) = life.closed.filter(|_| !life.open) else { continue };
        if !counts(kind, outcome) || !wanted(row, end) {
            continue;
        }
        let start = life.opened.filter(|_| life.start_known);
        queue.add(population.run(row).and_then(|run| run.queued), start);
        // An interval that had to be clamped was negative, or longer than can be believed.
        match life.clamped {
            true => run.wrong(),
            false => drop(run.add(start, Some(end))),
        }
    }
    Ok((queue, run))
}
