//! Stories told by hand, with figures worked out by hand. Times are hours after the beginning.

mod arrivals;

use super::*;
use crate::insight::cohort::basis;
use crate::insight::population::testing::{Seen, population, seen};
use crate::insight::query::{DAY, Filter};
use crate::insight::report::{Dora, Metric, MetricName, ServiceDora};
use crate::work::event::Outcome::{self, *};
use crate::work::testing::{acme, at, key};
use crate::work::time::Time;

mod failures;
mod ships;

const HOUR: i64 = 3_600;
const API: &str = "github.com/acme/api";
const WEB: &str = "github.com/acme/web";

fn hour(hours: i64) -> Time {
    at(hours * HOUR)
}

/// A deploy of acme/api to production that took an hour.
fn deploy(id: u32, end: i64, outcome: Outcome) -> Seen {
    seen(&format!("deploy/{id}")).lived((end - 1) * HOUR, end * HOUR, outcome).to(API, "production")
}

fn pull(id: u32, opened: i64, merged: i64) -> Seen {
    seen(&format!("pull_request/{id}")).merged(opened * HOUR, merged * HOUR)
}

/// The same of acme/web.
fn of_web(mut seen: Seen) -> Seen {
    let text = seen.0.key.to_string().replace("/api/", "/web/");
    seen.0.key = key(&text);
    seen.of_repository(WEB)
}

fn incident(id: u32, opened: i64, closed: i64) -> Seen {
    seen(&format!("issue/{id}")).lived(opened * HOUR, closed * HOUR, Completed).with("label", "incident")
}

fn fix(pull: Seen) -> Seen {
    pull.change(|change| change.fix = true)
}

/// Ten days from the beginning, seen from their end.
fn ten_days() -> Query {
    Query { from: hour(0), ..Query::new(hour(240)) }
}

fn asked(items: &[Seen], query: &Query) -> Dora {
    seen_at(items, query, query.to)
}

fn seen_at(items: &[Seen], query: &Query, now: Time) -> Dora {
    let population = population(items);
    let delivery = Delivery::alone(&population, query).unwrap();
    dora(&delivery, query, basis(query, tier(query), now, 0), now)
}

fn metric(dora: &Dora, name: MetricName) -> &Metric {
    dora.metrics.iter().find(|metric| metric.name == name).unwrap()
}

fn value(items: &[Seen], name: MetricName) -> (Option<f64>, u64, u64) {
    let dora = asked(items, &ten_days());
    let metric = metric(&dora, name);
    (metric.value, metric.n, metric.of)
}

fn hours(hours: f64) -> Option<f64> {
    Some(hours * HOUR as f64)
}

/// Ten deployments of one service:
///
/// | | end | | |
/// |---|---|---|---|
/// | 1 | 1 | ok | commit a, the first ever |
/// | 2 | 12 | ok | b, with change 101 |
/// | 3 | 14 | failed | c |
/// | 4 | 16 | ok | c, with change 102; rolled back |
/// | 5 | 18 | ok | b again: a rollback away from 4 |
/// | 6 | 21 | ok | b once more: a redeploy; followed by a fix 19 hours later |
/// | 7 | 40 | ok | e, with change 103, which is a revert |
/// | 8 | 71 | ok | f, said to be a hotfix, 31 hours after 7; causes an incident at 75 |
/// | 9 | 91 | ok | g, nothing known in it |
/// | 10 | 96 | stopped | |
fn story() -> Vec<Seen> {
    vec![
        deploy(1, 1, Success).sha("a"),
        deploy(2, 12, Success).sha("b"),
        deploy(3, 14, Failure).sha("c"),
        deploy(4, 16, Success).sha("c"),
        deploy(5, 18, Success).sha("b"),
        deploy(6, 21, Success).sha("b"),
        deploy(7, 40, Success).sha("e"),
        deploy(8, 71, Success).sha("f").deploy(|it| it.hotfix = true),
        deploy(9, 91, Success).sha("g"),
        deploy(10, 96, Cancellation).sha("h"),
        pull(101, 2, 10),
        pull(102, 5, 12).change(|change| change.first_commit = Some(hour(4))),
        fix(pull(103, 29, 30)),
        // Not deployed yet.
        pull(104, 95, 100),
        incident(201, 75, 80),
    ]
}

#[test]
fn deployments_are_counted_a_day_with_the_days_without_any() {
    // 1, 2, 4 to 9: eight in ten days.
    assert_eq!(value(&story(), MetricName::DeploymentFrequency), (Some(0.8), 8, 8));
}

#[test]
fn lead_time_is_from_the_commit_else_the_opening_to_the_first_deployment_with_the_change() {
    let dora = asked(&story(), &ten_days());
    let lead = metric(&dora, MetricName::LeadTimeForChanges);
    // 101: 2 to 12. 102: 4 to 16. 103: 29 to 40, since neither rollback nor redeploy brought it.
    // Sorted 10, 11, 12; the 90th percentile lies 0.8 of the way from 11 to 12. 104 has not arrived.
    assert_eq!((lead.value, lead.p90, lead.n, lead.of), (hours(11.0), hours(11.8), 3, 4));
    let notes = lead.notes.join(" ");
    assert!(notes.contains("first commit: 1 changes. From the opening of the pull request: 2."), "{notes}");
    assert!(notes.contains("in no known deployment: 1 changes"), "{notes}");
    assert!(notes.contains("known change: 3 of 8"), "{notes}");
}

#[test]
fn a_change_fails_by_an_incident_a_rollback_away_from_it_or_a_fix_within_a_day() {
    // 4 was rolled back, 6 fixed, 8 caused the incident; 7 was fixed too late to be blamed.
    assert_eq!(value(&story(), MetricName::ChangeFailureRate), (Some(3.0 / 8.0), 8, 8));
}

#[test]
fn recovery_is_the_next_success_or_the_end_of_the_incident() {
    let dora = asked(&story(), &ten_days());
    let recovery = metric(&dora, MetricName::FailedDeploymentRecoveryTime);
    // 3: 14 to 16. 4: 16 to 18. 6: 21 to 40. 8: 71 to 80, before the next success at 91.
    // Sorted 2, 2, 9, 19.
    assert_eq!((recovery.value, recovery.n, recovery.of), (hours(5.5), 4, 4));
    assert_eq!(recovery.unresolved, Some(0));
    assert_eq!(recovery.notes, ["Failed deploys: 1. Succeeded, but had to be put right: 3."]);
}

#[test]
fn rework_is_every_rollback_and_fix_of_all_that_was_not_aborted() {
    // 5, 7 and 8 of nine.
    assert_eq!(value(&story(), MetricName::ReworkRate), (Some(3.0 / 9.0), 9, 10));
    // 3 of nine.
    assert_eq!(value(&story(), MetricName::DeployFailureRate), (Some(1.0 / 9.0), 9, 10));
}

#[test]
fn the_table_of_services_adds_up() {
    let dora = asked(&story(), &ten_days());
    let expected = ServiceDora {
        service: API.to_owned(),
        name: "api".to_owned(),
        environment: "production".to_owned(),
        tier: Tier::Production,
        deployments: 10,
        succeeded: 8,
        failed: 1,
        change_failures: 3,
        changes: 3,
        lead_time_p50_seconds: hours(11.0),
        last: Some(crate::insight::report::At(hour(96))),
    };
    assert_eq!(dora.services, [expected]);
}

#[test]
fn services_and_environments_do_not_mix() {
    let items = [
        deploy(1, 1, Success).sha("a"),
        deploy(2, 5, Success).sha("b"),
        // The other service deploys what would be a rollback here, and the other environment too.
        of_web(deploy(3, 6, Success)).to(WEB, "production").sha("a"),
        deploy(4, 7, Success).to(API, "prod-eu").sha("a"),
        deploy(5, 8, Success).to(API, "staging").sha("a"),
        // Merged between 1 and 2 of acme/api; acme/web has only its first deployment.
        pull(101, 2, 3),
        of_web(pull(102, 2, 3)),
    ];
    let dora = asked(&items, &ten_days());
    let rows: Vec<_> =
        dora.services.iter().map(|s| (&*s.service, &*s.environment, s.deployments, s.changes)).collect();
    assert_eq!(rows, [(API, "production", 2, 1), (API, "prod-eu", 1, 0), (WEB, "production", 1, 0)]);
    assert_eq!(metric(&dora, MetricName::ReworkRate).value, Some(0.0));
    assert_eq!(metric(&dora, MetricName::LeadTimeForChanges).n, 1);
    let staging = asked(&items, &Query { tier: Some(Tier::Staging), ..ten_days() });
    assert_eq!(staging.services.len(), 1);
    assert!(staging.metrics[0].definition.contains("staging"), "{}", staging.metrics[0].definition);
    let any = asked(&items, &Query { tier: Some(Tier::Any), limit: 2, ..ten_days() });
    assert_eq!((any.services.len(), metric(&any, MetricName::DeploymentFrequency).n), (2, 5));
}

#[test]
fn the_range_holds_its_beginning_and_not_its_end() {
    let items = [deploy(1, 10, Success), deploy(2, 20, Success), deploy(3, 30, Success)];
    let n = |from, to| {
        let query = Query { from: hour(from), to: hour(to), ..ten_days() };
        metric(&asked(&items, &query), MetricName::DeploymentFrequency).n
    };
    assert_eq!((n(10, 30), n(10, 31), n(11, 20)), (2, 3, 0));
}

#[test]
fn nothing_deployed_is_zero_a_day_and_nothing_known_is_no_figure() {
    let items = [deploy(1, 1, Success)];
    let quiet = Query { from: hour(24), to: hour(72), ..ten_days() };
    let dora = asked(&items, &quiet);
    let frequency = metric(&dora, MetricName::DeploymentFrequency);
    assert_eq!(frequency.value, Some(0.0));
    assert_eq!(frequency.sparkline, vec![Some(0.0); 12]);
    assert_eq!(metric(&dora, MetricName::ChangeFailureRate).value, None);
    // The two days before have the first deployment.
    assert_eq!(frequency.previous, Some(0.5));
    let early = Query { from: hour(-48), to: hour(0), ..ten_days() };
    let frequency = asked(&items, &early).metrics.remove(0);
    assert_eq!((frequency.value, frequency.previous), (None, None));
}

#[test]
fn days_to_come_do_not_thin_out_the_frequency() {
    let items = [deploy(1, 10, Success), deploy(2, 20, Success)];
    let query = Query { to: hour(240), ..ten_days() };
    let told = seen_at(&items, &query, hour(48));
    assert_eq!(told.metrics[0].value, Some(1.0));
    assert_eq!(told.metrics[0].sparkline[11], None);
}

#[test]
fn the_period_before_is_told_with_each_metric() {
    let query = Query { from: hour(20), to: hour(100), ..ten_days() };
    let dora = asked(&story(), &query);
    // From -60 to 20 there are 1, 2, 4 and 5 that succeeded, 3 failed, and 4 was rolled back.
    let previous = |name| metric(&dora, name).previous;
    assert_eq!(previous(MetricName::DeploymentFrequency), Some(4.0 / (80.0 / 24.0)));
    assert_eq!(previous(MetricName::ChangeFailureRate), Some(0.25));
    assert_eq!(previous(MetricName::DeployFailureRate), Some(0.2));
    // 101 and 102.
    assert_eq!(previous(MetricName::LeadTimeForChanges), hours(11.0));
}

#[test]
fn a_sparkline_has_a_point_a_week_and_gaps_where_nothing_was() {
    let day = 24;
    let items = [
        deploy(1, 1, Success),
        deploy(2, 3 * day, Failure),
        deploy(3, 4 * day, Success),
        deploy(4, 50 * day, Success),
    ];
    let query = Query { from: hour(0), ..Query::new(hour(90 * day)) };
    let dora = asked(&items, &query);
    assert_eq!(query.to.since(query.from), 90 * DAY);
    // 90 days make 12 points of seven and a half: day 50 is in the seventh.
    let rates = &metric(&dora, MetricName::DeployFailureRate).sparkline;
    let mut expected = vec![None; 12];
    (expected[0], expected[6]) = (Some(1.0 / 3.0), Some(0.0));
    assert_eq!(rates, &expected);
    let frequency = &metric(&dora, MetricName::DeploymentFrequency).sparkline;
    assert_eq!((frequency[0], frequency[1], frequency[6]), (Some(2.0 / 7.5), Some(0.0), Some(1.0 / 7.5)));
}

#[test]
fn filters_choose_deployments_and_changes_but_not_what_was_current() {
    let items = [
        deploy(1, 1, Success).sha("a").tag("team", "x"),
        deploy(2, 5, Success).sha("b").tag("team", "y"),
        deploy(3, 9, Success).sha("a").tag("team", "x"),
        pull(101, 2, 3).tag("team", "x"),
        pull(102, 2, 3).tag("team", "y"),
    ];
    let query = Query { filters: vec![Filter::include("team", "x")], ..ten_days() };
    let dora = asked(&items, &query);
    // 3 is a rollback since 2 was in between, whoever asks.
    assert_eq!(metric(&dora, MetricName::ReworkRate).value, Some(0.5));
    assert_eq!(metric(&dora, MetricName::DeploymentFrequency).n, 2);
    // The change of team x came with the deployment of team y.
    let lead = metric(&dora, MetricName::LeadTimeForChanges);
    assert_eq!((lead.value, lead.n, lead.of), (hours(3.0), 1, 1));
    let unknown = Query { filters: vec![Filter::include("colour", "red")], ..ten_days() };
    assert!(Delivery::alone(&population(&items), &unknown).is_err());
}

#[test]
fn of_nothing_there_is_no_figure() {
    let open = [seen("deploy/1").to(API, "production"), seen("pull_request/2"), seen("issue/3")];
    for items in [&[][..], &open] {
        let dora = asked(items, &ten_days());
        assert_eq!(dora.services, []);
        for metric in &dora.metrics {
            assert_eq!(
                (metric.value, metric.previous, metric.n, metric.of),
                (None, None, 0, 0),
                "{metric:?}"
            );
            assert_eq!(metric.sparkline, [None; 12]);
        }
    }
}

#[test]
fn a_beginning_that_is_not_known_makes_no_lead_time() {
    let mut change = pull(101, 2, 3);
    change.0.life.start_known = false;
    let items = [deploy(1, 1, Success), deploy(2, 5, Success), change];
    assert_eq!(value(&items, MetricName::LeadTimeForChanges), (None, 0, 1));
}
