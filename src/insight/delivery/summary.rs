//! The cards of the page: how long issues take until they are closed, and until users have them;
//! then DORA's metrics.

use std::collections::{BTreeMap, HashMap};

use super::samples::Samples;
use super::{Delivery, dora, seconds};
use crate::insight::cohort::{Cohort, Sieve};
use crate::insight::population::Population;
use crate::insight::query::{Query, QueryError};
use crate::insight::report::{Basis, Metric, MetricName, Summary};
use crate::work::key::Kind;
use crate::work::time::Time;

/// The report. Issues count by the time of their close, whatever kind was asked about.
pub fn summary(
    population: &Population,
    query: &Query,
    basis: Basis,
    now: Time,
) -> Result<Summary, QueryError> {
    let delivery = Delivery::new(population, query)?;
    let mut cards = issues(&delivery, query, now)?;
    cards.extend(dora::metrics(&delivery, &delivery.failures(), query, now));
    let sieve = Sieve::new(population, "filter", &query.filters, query.tier)?;
    let (mut finished, mut open) = (BTreeMap::new(), BTreeMap::new());
    for kind in Kind::ALL {
        let cohort = Cohort::select(population, &Query { kind, ..query.clone() })?;
        finished.insert(kind, cohort.len() as u64 + without_start(&cohort));
        let is_open = |row: &u32| population.life(*row).open && sieve.passes(*row);
        open.insert(kind, population.of_kind(kind).filter(is_open).count() as u64);
    }
    Ok(Summary { basis, cards, finished, open })
}

/// Items that count, but for how long they took.
fn without_start(cohort: &Cohort) -> u64 {
    cohort.left_out.start_unknown + cohort.left_out.clamped
}

/// Lead time and delivery time of issues.
fn issues(delivery: &Delivery, query: &Query, now: Time) -> Result<Vec<Metric>, QueryError> {
    let population = delivery.population;
    let of_issues = Query { kind: Kind::Issue, ..query.clone() };
    let (mut lead, mut arrival) = (Samples::default(), Samples::default());
    let merges = last_merges(delivery);
    let (mut unknown, mut unmerged, mut waiting, mut wrong_order) = (0, 0, 0, 0);
    for query in [&of_issues, &of_issues.previous()] {
        let asked = query.from == of_issues.from;
        let cohort = Cohort::select(population, query)?;
        if asked {
            unknown = without_start(&cohort);
        }
        for (row, took) in cohort.rows.iter().zip(&cohort.seconds) {
            let life = population.life(*row);
            let (Some(opened), Some((end, _))) = (life.opened, life.closed) else { continue };
            lead.add(end, Some(*took));
            let merged = merges.get(row);
            let took = merged.and_then(|(_, _, arrived)| *arrived).map(|arrived| arrived.since(opened));
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
    for change in delivery.changes.all() {
        let arrived = change.by.map(|by| delivery.deployments.get(by).end);
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
