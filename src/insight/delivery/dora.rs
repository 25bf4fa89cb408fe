//! DORA's metrics, of the deployments that ended in the range and the changes that arrived with
//! them. What counts as what is said in [`super::deployments`], [`super::changes`] and
//! [`super::failures`].

use super::deployments::Fate;
use super::samples::Samples;
use super::{Delivery, History};
use crate::insight::query::{Query, Tier};
use crate::insight::report::{At, Basis, Dora, Metric, MetricName, ServiceDora};
use crate::insight::stats::quantile::quantile;
use crate::work::time::{Time, seconds};

/// The report. `basis.tier` is best [`super::tier`] of the query.
pub fn dora(delivery: &Delivery, query: &Query, basis: Basis, now: Time) -> Dora {
    Dora { basis, metrics: metrics(delivery, query, now), services: services(delivery, query) }
}

/// The five, and the deploy failure rate.
pub fn metrics(delivery: &Delivery, query: &Query, now: Time) -> Vec<Metric> {
    let History { deployments, failures, .. } = &*delivery.history;
    let mut frequency = Samples::default();
    let mut failed_changes = Samples::default();
    let mut recovery = Samples::default();
    let mut rework = Samples::default();
    let mut failed_deploys = Samples::default();
    let (mut failed, mut put_right) = (0, 0);
    let share = |yes: bool| Some(f64::from(u8::from(yes)));
    for (at, ended) in (0u32..).zip(deployments.all()) {
        if !delivery.counts(ended) {
            continue;
        }
        frequency.know(ended.end);
        if ended.fate == Fate::Aborted {
            rework.add(ended.end, None);
            failed_deploys.add(ended.end, None);
            continue;
        }
        let change_failure = failures.change_failure(deployments, at);
        rework.add(ended.end, share(failures.rework(deployments, at)));
        failed_deploys.add(ended.end, share(!ended.succeeded()));
        if ended.succeeded() {
            frequency.add(ended.end, Some(1.0));
            failed_changes.add(ended.end, share(change_failure));
        }
        if !ended.succeeded() || change_failure {
            let recovered = failures.recovered(delivery.population, deployments, at);
            recovery.add(ended.end, recovered.map(|right| seconds(right.since(ended.end))));
            if ended.end >= query.from && ended.end < query.to {
                *(if ended.succeeded() { &mut put_right } else { &mut failed }) += 1;
            }
        }
    }
    let metric = |samples: &Samples, name, definition: &str| {
        samples.metric(query, now, name, &definition.replace("production", tier_word(query)))
    };
    let mut recovery = metric(
        &recovery,
        MetricName::FailedDeploymentRecoveryTime,
        "Median time from the end of a failed deployment until its incident was closed or the next \
         deployment of the service and environment succeeded, whichever came first.",
    );
    recovery.unresolved = Some(recovery.of - recovery.n);
    if recovery.of > 0 {
        recovery
            .notes
            .push(format!("Failed deploys: {failed}. Succeeded, but had to be put right: {put_right}."));
    }
    vec![
        metric(
            &frequency,
            MetricName::DeploymentFrequency,
            "Successful production deployments divided by all days of the range, those without any included.",
        ),
        lead_time(delivery, query, now),
        metric(
            &failed_changes,
            MetricName::ChangeFailureRate,
            "Share of successful production deployments that caused an incident, were rolled back, or were \
             followed by a hotfix or revert within 24 hours.",
        ),
        recovery,
        metric(
            &rework,
            MetricName::ReworkRate,
            "Share of production deployments that are a hotfix, a revert, a rollback or the answer to an \
             incident.",
        ),
        metric(
            &failed_deploys,
            MetricName::DeployFailureRate,
            "Share of production deployments that failed; aborted ones are left out.",
        ),
    ]
}

/// How definitions call the deployments that are counted.
pub fn tier_word(query: &Query) -> &'static str {
    match super::tier(query) {
        Tier::Production => "production",
        Tier::Staging => "staging",
        Tier::Development => "development",
        Tier::Other => "untiered",
        Tier::Any => "(any tier)",
    }
}

fn lead_time(delivery: &Delivery, query: &Query, now: Time) -> Metric {
    let History { deployments, changes, .. } = &*delivery.history;
    let in_range = |at: Time| at >= query.from && at < query.to;
    let mut samples = Samples::default();
    let (mut commits, mut openings, mut unusable, mut waiting) = (0, 0, 0, 0);
    for change in changes.all().iter().filter(|change| delivery.counts_change(change.row)) {
        let Some(by) = change.by else {
            // It belongs where it was merged, since nobody knows when it arrived.
            samples.add(change.merged, None);
            if in_range(change.merged) {
                *(if change.wrong_order { &mut unusable } else { &mut waiting }) += 1;
            }
            continue;
        };
        let arrived = deployments.get(by).end;
        let lead = change.lead_time(deployments);
        samples.add(arrived, lead.map(seconds));
        if in_range(arrived) {
            *(match lead {
                None => &mut unusable,
                Some(_) if change.by_commit => &mut commits,
                Some(_) => &mut openings,
            }) += 1;
        }
    }
    let mut metric = samples.metric(
        query,
        now,
        MetricName::LeadTimeForChanges,
        &format!(
            "Median time from the first commit of a change (the opening of its pull request where no commit \
             is known) to the end of the first successful {} deployment that contains it.",
            tier_word(query)
        ),
    );
    if metric.n > 0 {
        metric.notes.push(format!(
            "From the first commit: {commits} changes. From the opening of the pull request: {openings}."
        ));
    }
    if waiting > 0 {
        metric.notes.push(format!("Merged in the range and in no known deployment: {waiting} changes."));
    }
    if unusable > 0 {
        metric
            .notes
            .push(format!("Left out, without a beginning or in the wrong order: {unusable} changes."));
    }
    let mut brings = vec![false; deployments.all().len()];
    for by in changes.all().iter().filter_map(|change| change.by) {
        brings[by as usize] = true;
    }
    let (mut all, mut with) = (0, 0);
    for (ended, brings) in deployments.all().iter().zip(brings) {
        if ended.succeeded() && in_range(ended.end) && delivery.counts(ended) {
            all += 1;
            with += u64::from(brings);
        }
    }
    if all > 0 {
        metric.notes.push(format!("Deployments that brought a known change: {with} of {all}."));
    }
    metric
}

/// A service and environment, being counted.
struct Count {
    row: ServiceDora,
    leads: Vec<f64>,
}

/// The services and environments, the busiest first.
fn services(delivery: &Delivery, query: &Query) -> Vec<ServiceDora> {
    let History { deployments, changes, failures } = &*delivery.history;
    let mut counts: Vec<Option<Count>> = deployments.lines().iter().map(|_| None).collect();
    let in_range = |at: Time| at >= query.from && at < query.to;
    let new = |line: u32| {
        let line = &deployments.lines()[line as usize];
        let row = ServiceDora {
            service: delivery.population.text(line.service).to_owned(),
            name: delivery.population.text(line.name).to_owned(),
            environment: delivery.population.text(line.environment).to_owned(),
            tier: super::tier(query),
            deployments: 0,
            succeeded: 0,
            failed: 0,
            change_failures: 0,
            changes: 0,
            lead_time_p50_seconds: None,
            last: None,
        };
        Count { row, leads: Vec::new() }
    };
    for (at, ended) in (0u32..).zip(deployments.all()) {
        if !in_range(ended.end) || !delivery.counts(ended) {
            continue;
        }
        let row = &mut counts[ended.line as usize].get_or_insert_with(|| new(ended.line)).row;
        row.deployments += 1;
        row.succeeded += u64::from(ended.succeeded());
        row.failed += u64::from(ended.fate == Fate::Failed);
        row.change_failures += u64::from(failures.change_failure(deployments, at));
        (row.last, row.tier) = (Some(At(ended.end)), ended.tier);
    }
    for change in changes.all().iter().filter(|change| delivery.counts_change(change.row)) {
        let Some(ended) = change.by.map(|by| deployments.get(by)) else { continue };
        if let Some(lead) = change.lead_time(deployments).filter(|_| in_range(ended.end)) {
            let count = counts[ended.line as usize].get_or_insert_with(|| new(ended.line));
            count.leads.push(seconds(lead));
        }
    }
    let finished = counts.into_iter().flatten().map(|mut count| {
        count.leads.sort_unstable_by(f64::total_cmp);
        count.row.changes = count.leads.len() as u64;
        count.row.lead_time_p50_seconds = quantile(&count.leads, 0.5);
        count.row
    });
    let mut rows: Vec<ServiceDora> = finished.collect();
    // Lines come by name, and the sort is stable.
    rows.sort_by_key(|row| std::cmp::Reverse(row.deployments));
    rows.truncate(query.limit);
    rows
}
