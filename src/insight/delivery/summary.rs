//! The cards of the page: how long issues take until they are closed, and until users have them;
//! then DORA's metrics.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::samples::Samples;
use super::{Delivery, dora};
use crate::insight::cohort::{Cohort, Sieve};
use crate::insight::query::{Query, QueryError};
use crate::insight::report::{Basis, LeftOut, Metric, MetricName, Summary};
use crate::work::key::Kind;
use crate::work::time::{Time, seconds};

/// The report. Issues count by the time of their close, whatever kind was asked about. `select` gives
/// the items that a question is about, as [`Cohort::select`] does, or remembers them.
pub fn summary(
    delivery: &Delivery,
    query: &Query,
    basis: Basis,
    now: Time,
    select: impl Fn(&Query) -> Result<Arc<Cohort>, QueryError>,
) -> Result<Summary, QueryError> {
    let population = delivery.population;
    let mut cards = issues(delivery, query, now, select)?;
    cards.extend(dora::metrics(delivery, query, now));
    let sieve = Sieve::new(population, "filter", &query.filters, query.tier)?;
    let (mut finished, mut open) = (BTreeMap::new(), BTreeMap::new());
    for kind in Kind::ALL {
        let (n, left_out) = Cohort::count(population, &Query { kind, ..query.clone() })?;
        finished.insert(kind, n + without_start(&left_out));
        let is_open = |row: &u32| population.life(*row).open && sieve.passes(*row);
        open.insert(kind, population.of_kind(kind).filter(is_open).count() as u64);
    }
    Ok(Summary { basis, cards, finished, open })
}

/// Items that count, but for how long they took.
fn without_start(left_out: &LeftOut) -> u64 {
    left_out.start_unknown + left_out.clamped
}

/// Lead time and delivery time of issues.
fn issues(
    delivery: &Delivery,
    query: &Query,
    now: Time,
    select: impl Fn(&Query) -> Result<Arc<Cohort>, QueryError>,
) -> Result<Vec<Metric>, QueryError> {
    let population = delivery.population;
    let of_issues = Query { kind: Kind::Issue, ..query.clone() };
    let (mut lead, mut arrival) = (Samples::default(), Samples::default());
    let merges = last_merges(delivery);
    let (mut unknown, mut unmerged, mut waiting, mut wrong_order) = (0, 0, 0, 0);
    for query in [&of_issues, &of_issues.previous()] {
        let asked = query.from == of_issues.from;
        let cohort = select(query)?;
        if asked {
            unknown = without_start(&cohort.left_out);
        }
        for ((row, took), end) in cohort.rows.iter().zip(&cohort.seconds).zip(&cohort.ends) {
            let end = *end;
            lead.add(end, Some(*took));
            let merged = merges.get(row);
            let took = merged.and_then(|(_, _, arrived)| *arrived);
            let took = took.zip(population.life(*row).opened).map(|(arrived, opened)| arrived.since(opened));
            arrival.add(end, took.filter(|took| *took >= 0).map(seconds));
            if asked {
                match (merged, took) {
                    (None, _) => unmerged += 1,
                    (_, None) => waiting += 1,
                    (_, Some(took)) => wrong_order += u64::from(took < 0),
                }
            }
        }
    }
    let mut lead = lead.metric(
        query,
        now,
        MetricName::IssueLeadTime,
        "Median time from the creation of an issue to its last close; what was not planned or a duplicate is \
         left out.",
    );
    let mut arrival = arrival.metric(
        query,
        now,
        MetricName::DeliveryTime,
        &format!(
            "Median time from the creation of a closed issue to the end of the first successful {} deployment \
             with the last merge of its pull requests.",
            dora::tier_word(query)
        ),
    );
    for metric in [&mut lead, &mut arrival] {
        metric.of += unknown;
        if unknown > 0 {
            metric.notes.push(format!("Closed, and when they were opened is not known: {unknown} issues."));
        }
    }
    for (n, what) in [
        (unmerged, "Without a merged pull request"),
        (waiting, "Merged, and in no known deployment"),
        (wrong_order, "Deployed before they were created"),
    ] {
        if n > 0 {
            arrival.notes.push(format!("{what}: {n} issues."));
        }
    }
    Ok(vec![lead, arrival])
}

/// A merge, whether it is still on its way, and when it arrived.
type Merge = (Time, bool, Option<Time>);

/// For each issue the last merge of its pull requests; of those at the same instant, the one that
/// arrived last.
fn last_merges(delivery: &Delivery) -> HashMap<u32, Merge> {
    let population = delivery.population;
    let mut last: HashMap<u32, Merge> = HashMap::new();
    for change in delivery.history.changes.all() {
        let arrived = change.by.map(|by| delivery.history.deployments.get(by).end);
        let merge = (change.merged, arrived.is_none(), arrived);
        let near = population.parent(change.row).into_iter();
        let near = near.chain(population.linked(change.row).iter().copied());
        for issue in near.filter(|row| population.kind(*row) == Kind::Issue) {
            let known = last.entry(issue).or_insert(merge);
            *known = (*known).max(merge);
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insight::cohort::basis;
    use crate::insight::delivery::tier;
    use crate::insight::population::testing::{Seen, population, seen};
    use crate::work::event::Outcome::*;
    use crate::work::testing::at;

    fn report(items: &[Seen], from: i64, to: i64) -> Summary {
        let query = Query { from: at(from), ..Query::new(at(to)) };
        let population = population(items);
        let delivery = Delivery::alone(&population, &query).unwrap();
        let select = |query: &Query| Cohort::select(&population, query).map(Arc::new);
        summary(&delivery, &query, basis(&query, tier(&query), at(to), 0), at(to), select).unwrap()
    }

    fn card(summary: &Summary, name: MetricName) -> &Metric {
        summary.cards.iter().find(|card| card.name == name).unwrap()
    }

    #[test]
    fn the_cards_come_in_their_order() {
        use MetricName::*;
        let names: Vec<_> = report(&[], 0, 100).cards.iter().map(|card| card.name).collect();
        let dora = [DeploymentFrequency, LeadTimeForChanges, ChangeFailureRate, FailedDeploymentRecoveryTime];
        let all = [&[IssueLeadTime, DeliveryTime][..], &dora, &[ReworkRate, DeployFailureRate]].concat();
        assert_eq!(names, all);
    }

    #[test]
    fn issue_lead_time_says_of_how_many_it_could_have_been() {
        let mut unknown = seen("issue/4").lived(0, 900, Completed);
        unknown.0.life.start_known = false;
        let items = [
            seen("issue/1").lived(500, 600, Completed),
            seen("issue/2").lived(500, 800, Completed),
            seen("issue/3").lived(500, 900, NotPlanned),
            unknown,
            seen("issue/5").lived(0, 40, Completed),
        ];
        let summary = report(&items, 500, 1_000);
        let lead = card(&summary, MetricName::IssueLeadTime);
        // 100 and 300; issue 5 closed in the period before.
        assert_eq!((lead.value, lead.p90, lead.n, lead.of), (Some(200.0), Some(280.0), 2, 3));
        assert_eq!(lead.previous, Some(40.0));
        // Slices of 500/12 seconds: 600 is in the third, 800 in the eighth.
        let points: Vec<_> = (0..).zip(&lead.sparkline).filter_map(|(at, p)| p.map(|p| (at, p))).collect();
        assert_eq!(points, [(2, 100.0), (7, 300.0)]);
        assert_eq!((summary.finished[&Kind::Issue], summary.open[&Kind::Issue]), (3, 0));
    }

    #[test]
    fn an_issue_is_delivered_when_its_last_merge_is_deployed() {
        let deploy = |id: u32, end: i64| seen(&format!("deploy/{id}")).lived(end - 10, end, Success);
        let items = [
            seen("issue/1").lived(0, 600, Completed),
            seen("pull_request/11").merged(50, 100).below(&["issue/1"]),
            seen("pull_request/12").merged(50, 500).linked(&["issue/1"]),
            deploy(21, 40),
            // With the first merge only.
            deploy(22, 200),
            deploy(23, 700),
            // Merged, not deployed yet; without a merge; open; deployed before it was created.
            seen("issue/2").lived(0, 900, Completed),
            seen("pull_request/13").merged(50, 800).below(&["issue/2"]),
            seen("issue/3").lived(0, 900, Completed),
            seen("issue/4"),
            seen("issue/5").lived(850, 900, Completed),
            seen("pull_request/14").merged(50, 150).below(&["issue/5"]),
        ];
        let summary = report(&items, 0, 1_000);
        let delivery = card(&summary, MetricName::DeliveryTime);
        assert_eq!((delivery.value, delivery.n, delivery.of), (Some(700.0), 1, 4));
        assert_eq!(
            delivery.notes,
            [
                "Without a merged pull request: 1 issues.",
                "Merged, and in no known deployment: 1 issues.",
                "Deployed before they were created: 1 issues."
            ]
        );
        assert_eq!((summary.finished[&Kind::Deploy], summary.open[&Kind::Issue]), (3, 1));
        assert_eq!(summary.finished[&Kind::PullRequest], 4);
    }

    #[test]
    fn of_nothing_there_is_no_figure() {
        let summary = report(&[seen("issue/1")], 0, 1_000);
        for card in &summary.cards {
            assert_eq!((card.value, card.n, card.of), (None, 0, 0), "{card:?}");
        }
        assert_eq!((summary.finished[&Kind::Issue], summary.open[&Kind::Issue]), (0, 1));
    }
}
