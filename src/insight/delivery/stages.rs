//! Where the time goes: how long the issues that were closed in the range waited for an answer, the
//! stages of the pull requests that were merged in the range, and queue and
//! run of the builds below them (of all builds, or jobs, that ended in the range, if those are asked
//! about). A stage whose ends are in the wrong order is not known, and counted.
//!
//! Flow efficiency is of the pull requests of which pickup, review and deploy are known, one figure
//! for all of them: (coding + review) / (coding + pickup + review + deploy), coding where it is
//! known. Builds run beside these stages, so their time is in there already and is not added again.

use super::{Delivery, changes, dora::tier_word};
use crate::insight::cohort::Sieve;
use crate::insight::population::{Population, counts};
use crate::insight::query::{Query, QueryError};
use crate::insight::report::{Basis, Stage, StageName, Stages};
use crate::insight::stats::quantile::summary;
use crate::work::event::Outcome;
use crate::work::key::Kind;
use crate::work::time::{Time, seconds};

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
            quantiles: summary(&self.seconds),
            total_seconds: self.seconds.iter().sum(),
            n: self.seconds.len() as u64,
            of: self.of,
            wrong_order: self.wrong_order,
            definition: definition.to_owned(),
        }
    }
}

/// The report.
pub fn stages(delivery: &Delivery, query: &Query, basis: Basis) -> Result<Stages, QueryError> {
    let population = delivery.population;
    let in_range = |at: Time| at >= query.from && at < query.to;
    let [mut coding, mut pickup, mut review, mut merge, mut deploy]: [Measured; 5] = Default::default();
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
        merge.add(change.approved, Some(end));
        let arrived = delivery.history.changes.get(row);
        let deployed = if arrived.is_some_and(|change| change.wrong_order) {
            deploy.wrong();
            None
        } else {
            deploy.add(
                Some(end),
                arrived.and_then(|it| it.by).map(|by| delivery.history.deployments.get(by).end),
            )
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
        responses(population, query)?.told(
            StageName::FirstResponse,
            false,
            "Creation of a closed issue until the first comment by a human who is not the author, before it \
             was closed.",
        ),
        coding.told(StageName::Coding, true, "First commit until ready for review; needs push events."),
        pickup.told(
            StageName::Pickup,
            false,
            "First ready for review until the first review by a human who is not the author.",
        ),
        review.told(StageName::Review, true, "First review until the merge."),
        merge.told(
            StageName::Merge,
            false,
            "Last approval by a human who is not the author until the merge; a part of the review.",
        ),
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

/// How long the issues that were closed in the range waited for their first response.
fn responses(population: &Population, query: &Query) -> Result<Measured, QueryError> {
    let sieve = Sieve::new(population, "filter", &query.filters, query.tier)?;
    let mut response = Measured::default();
    for row in population.of_kind(Kind::Issue) {
        let life = population.life(row);
        let Some((end, outcome)) = life.closed.filter(|_| !life.open) else { continue };
        if end >= query.from && end < query.to && counts(Kind::Issue, outcome) && sieve.passes(row) {
            response.add(life.opened.filter(|_| life.start_known), population.responded(row));
        }
    }
    Ok(response)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insight::cohort::basis;
    use crate::insight::delivery::tier;
    use crate::insight::observation::{Detail, Handled};
    use crate::insight::population::testing::{Seen, population, seen};
    use crate::work::testing::at;

    fn report(items: &[Seen], kind: Kind) -> Stages {
        let query = Query { kind, from: at(0), ..Query::new(at(100_000)) };
        let population = population(items);
        let delivery = Delivery::alone(&population, &query).unwrap();
        stages(&delivery, &query, basis(&query, tier(&query), query.to, 0)).unwrap()
    }

    fn stage(stages: &Stages, name: StageName) -> (Option<f64>, u64, u64, u64) {
        let stage = stages.stages.iter().find(|stage| stage.stage == name).unwrap();
        assert_eq!(stage.n, stage.quantiles.map_or(0, |quantiles| quantiles.n));
        (stage.quantiles.map(|quantiles| quantiles.p50_seconds), stage.n, stage.of, stage.wrong_order)
    }

    /// Committed at 100, ready at 400, reviewed at 1000, merged at 1500.
    fn reviewed(id: u32) -> Seen {
        seen(&format!("pull_request/{id}")).merged(200, 1_500).change(|change| {
            change.first_commit = Some(at(100));
            change.ready = Some(at(400));
            change.reviewed = Some(at(1_000));
        })
    }

    fn deployed(id: u32, pull: &str, end: i64) -> Seen {
        seen(&format!("deploy/{id}")).lived(end - 100, end, Outcome::Success).below(&[pull])
    }

    #[test]
    fn a_pull_request_is_coded_picked_up_reviewed_and_deployed() {
        let stages = report(&[reviewed(1), deployed(2, "pull_request/1", 2_300)], Kind::PullRequest);
        assert_eq!(stage(&stages, StageName::Coding), (Some(300.0), 1, 1, 0));
        assert_eq!(stage(&stages, StageName::Pickup), (Some(600.0), 1, 1, 0));
        assert_eq!(stage(&stages, StageName::Review), (Some(500.0), 1, 1, 0));
        assert_eq!(stage(&stages, StageName::Deploy), (Some(800.0), 1, 1, 0));
        assert_eq!((stages.merged, stages.merged_unreviewed, stages.abandoned), (1, 0, 0));
        // 300 + 500 of 300 + 600 + 500 + 800.
        assert_eq!((stages.flow_efficiency, stages.flow_n), (Some(800.0 / 2_200.0), 1));
    }

    #[test]
    fn flow_efficiency_is_one_figure_for_all_and_does_without_the_coding() {
        let mut second = reviewed(3);
        second = second.change(|change| change.first_commit = None);
        let items = [
            reviewed(1),
            deployed(2, "pull_request/1", 2_300),
            second,
            deployed(4, "pull_request/3", 1_700),
            // Not deployed: not in it.
            reviewed(5),
        ];
        let stages = report(&items, Kind::PullRequest);
        // 800 of 2200, and 500 of 600 + 500 + 200.
        assert_eq!((stages.flow_efficiency, stages.flow_n), (Some(1_300.0 / 3_500.0), 2));
        assert_eq!(stage(&stages, StageName::Coding), (Some(300.0), 2, 3, 0));
        assert_eq!(stage(&stages, StageName::Deploy).1, 2);
    }

    #[test]
    fn without_a_review_neither_pickup_nor_review_is_known() {
        let items = [reviewed(1), seen("pull_request/2").merged(0, 50)];
        let stages = report(&items, Kind::Issue);
        assert_eq!((stages.merged, stages.merged_unreviewed), (2, 1));
        assert_eq!(stage(&stages, StageName::Pickup), (Some(600.0), 1, 2, 0));
        assert_eq!(stage(&stages, StageName::Review), (Some(500.0), 1, 2, 0));
        assert_eq!((stages.flow_efficiency, stages.flow_n), (None, 0));
    }

    #[test]
    fn the_wrong_order_is_counted_and_not_taken_for_zero() {
        let early =
            |id: u32, change: fn(&mut crate::insight::observation::Change)| reviewed(id).change(change);
        let items = [
            // Reviewed while it was a draft.
            early(1, |change| change.reviewed = Some(at(300))),
            // Reviewed after the merge.
            early(2, |change| change.reviewed = Some(at(1_600))),
            // Ready before its first commit.
            early(3, |change| change.first_commit = Some(at(500))),
            // Deployed before the merge.
            reviewed(4),
            deployed(5, "pull_request/4", 1_400),
        ];
        let stages = report(&items, Kind::PullRequest);
        assert_eq!(stage(&stages, StageName::Coding), (Some(300.0), 3, 4, 1));
        assert_eq!(stage(&stages, StageName::Pickup), (Some(600.0), 3, 4, 1));
        // 1200, 500 and 500.
        assert_eq!(stage(&stages, StageName::Review), (Some(500.0), 3, 4, 1));
        assert_eq!(stage(&stages, StageName::Deploy), (None, 0, 4, 1));
    }

    #[test]
    fn a_draft_that_was_never_ready_has_no_pickup() {
        let draft = reviewed(1).change(|change| change.ready = None);
        let stages = report(&[draft], Kind::PullRequest);
        assert_eq!(stage(&stages, StageName::Coding), (None, 0, 1, 0));
        assert_eq!(stage(&stages, StageName::Pickup), (None, 0, 1, 0));
        assert_eq!(stage(&stages, StageName::Review), (Some(500.0), 1, 1, 0));
    }

    #[test]
    fn what_was_closed_without_a_merge_has_no_stages() {
        let items = [seen("pull_request/1").lived(0, 50, Outcome::Closed), seen("pull_request/2")];
        let stages = report(&items, Kind::PullRequest);
        assert_eq!((stages.merged, stages.abandoned), (0, 1));
        assert!(stages.stages.iter().all(|stage| stage.of == 0));
    }

    #[test]
    fn builds_count_below_merged_pull_requests_or_if_they_are_asked_about() {
        let build = |id: &str, queued, from, to| seen(id).lived(from, to, Outcome::Success).queued(queued);
        let mut clamped = build("build/6.1", 10, 20, 20).below(&["pull_request/1"]);
        clamped.0.life.clamped = true;
        let items = [
            reviewed(1),
            build("build/2.1", 500, 530, 600).below(&["pull_request/1"]),
            // Started before it was asked for.
            build("build/3.1", 500, 490, 600).below(&["pull_request/1"]),
            // Stopped.
            seen("build/4.1").lived(1, 2, Outcome::Cancellation).below(&["pull_request/1"]),
            build("build/5.1", 0, 10, 1_000),
            clamped,
            build("job/7", 500, 501, 503).below(&["build/2.1", "pull_request/1"]),
        ];
        let of_pulls = report(&items, Kind::PullRequest);
        // 30, and 10 of the clamped one; 70 and 110.
        assert_eq!(stage(&of_pulls, StageName::BuildQueue), (Some(20.0), 2, 3, 1));
        assert_eq!(stage(&of_pulls, StageName::BuildRun), (Some(90.0), 2, 3, 1));
        // And 10 and 990.
        let of_builds = report(&items, Kind::Build);
        assert_eq!(stage(&of_builds, StageName::BuildQueue), (Some(10.0), 3, 4, 1));
        assert_eq!(stage(&of_builds, StageName::BuildRun), (Some(110.0), 3, 4, 1));
        let of_jobs = report(&items, Kind::Job);
        assert_eq!(stage(&of_jobs, StageName::BuildRun), (Some(2.0), 1, 1, 0));
    }

    #[test]
    fn closed_issues_say_how_long_they_waited_for_an_answer() {
        let issue = |id: u32, opened, responded: Option<i64>| {
            let mut issue = seen(&format!("issue/{id}")).lived(opened, 900, Outcome::Completed);
            issue.0.detail = Detail::Issue(Handled { responded: responded.map(at) });
            issue
        };
        let mut open = issue(5, 0, Some(10));
        open.0.life = seen("issue/5").0.life;
        let mut dropped = issue(6, 0, Some(10));
        dropped.0.life.closed = Some((at(900), Outcome::NotPlanned));
        let items = [
            issue(1, 100, Some(400)),
            issue(2, 100, None),
            // Answered before it was opened, as clocks go.
            issue(3, 100, Some(50)),
            issue(4, 0, Some(500)),
            open,
            dropped,
        ];
        assert_eq!(stage(&report(&items, Kind::Issue), StageName::FirstResponse), (Some(400.0), 2, 4, 1));
    }

    #[test]
    fn what_was_approved_waits_to_be_merged() {
        let approved = reviewed(1).change(|change| change.approved = Some(at(1_200)));
        let stages = report(&[approved, reviewed(2)], Kind::PullRequest);
        assert_eq!(stage(&stages, StageName::Merge), (Some(300.0), 1, 2, 0));
        assert_eq!(stage(&stages, StageName::Review), (Some(500.0), 2, 2, 0), "of which it is a part");
    }
}
