//! Laws that hold for any deliveries, and a second, slower way to find what contains what.

use std::collections::HashSet;

use proptest::prelude::*;

use super::changes::Merged;
use super::deployments::Deployments;
use super::*;
use crate::insight::cohort::basis;
use crate::insight::population::testing::{Seen, population, seen};
use crate::insight::report::{Dora, Metric, MetricName, Stages, Summary, Unit};
use crate::work::event::Outcome;
use crate::work::key::Key;
use crate::work::testing::{at, key};
use crate::work::time::Time;

/// What all times are multiples of: a few hours, so that ends meet and days pass.
const STEP: i64 = 5 * 3_600;
const REPOSITORIES: [&str; 2] = ["github.com/acme/api", "github.com/acme/web"];

/// A number of steps, and how many more of them something took.
fn interval() -> impl Strategy<Value = (i64, i64)> {
    (0..60i64, 0..12i64)
}

/// The key of the nth of a kind: they take turns in belonging to one repository or the other.
fn nth(kind: &str, n: usize) -> Key {
    key(&format!("github:{}/{kind}/{}", REPOSITORIES[n % 2], n / 2))
}

/// Gives items their keys, and the repositories that these are of.
fn placed(items: Vec<Seen>, kind: &str) -> Vec<Seen> {
    let place = |(n, item): (usize, Seen)| {
        let mut item = item.of_repository(REPOSITORIES[n % 2]).deploy(|it| {
            it.service = REPOSITORIES[n % 2].to_owned();
        });
        item.0.key = nth(kind, n);
        item
    };
    items.into_iter().enumerate().map(place).collect()
}

/// The first four pull requests and the first two issues, some of which there may not be.
fn origin(n: usize) -> Key {
    if n < 4 { nth("pull_request", n) } else { nth("issue", n - 4) }
}

fn deploy() -> impl Strategy<Value = Seen> {
    let particulars = (0..3usize, interval(), 0..6usize, prop::option::of(0..4usize));
    let relations = (prop::option::of(0..6usize), prop::option::of(0..6usize), 0..10usize);
    (particulars, relations).prop_map(|((to, (from, took), outcome, sha), (below, linked, flag))| {
        use Outcome::*;
        let outcome = [Success, Success, Success, Failure, Timeout, Cancellation][outcome];
        let environment = ["production", "prod-eu", "staging"][to];
        let mut deploy = seen("deploy/0")
            .lived(from * STEP, (from + took) * STEP, outcome)
            .to("", environment)
            .deploy(|it| (it.rollback, it.hotfix) = (flag == 0, flag == 1));
        if let Some(sha) = sha {
            deploy = deploy.sha(&format!("c{sha}"));
        }
        deploy.0.ancestors = below.into_iter().map(origin).collect();
        deploy.0.links = linked.into_iter().map(origin).collect();
        deploy
    })
}

fn pull() -> impl Strategy<Value = Seen> {
    let issue = prop::option::of(0..4usize);
    (interval(), prop::option::of(0..60i64), 0..4usize, issue).prop_map(
        |((from, took), moment, flags, issue)| {
            let pull = seen("pull_request/0");
            let pull = match flags {
                0 => pull.lived(from * STEP, (from + took) * STEP, Outcome::Closed),
                _ => pull.merged(from * STEP, (from + took) * STEP),
            };
            let mut pull = pull.change(|change| {
                change.fix = flags == 1;
                change.first_commit = moment.filter(|_| flags > 1).map(|steps| at(steps * STEP));
                change.reviewed = moment.map(|steps| at((steps + 2) * STEP));
            });
            pull.0.ancestors = issue.into_iter().map(|issue| nth("issue", issue)).collect();
            pull
        },
    )
}

fn issue() -> impl Strategy<Value = Seen> {
    (interval(), any::<bool>(), any::<bool>()).prop_map(|((from, took), open, incident)| {
        let issue = match open {
            true => seen("issue/0").opened(from * STEP),
            false => seen("issue/0").lived(from * STEP, (from + took) * STEP, Outcome::Completed),
        };
        if incident { issue.with("label", "incident") } else { issue }
    })
}

fn items() -> impl Strategy<Value = Vec<Seen>> {
    let deploys = prop::collection::vec(deploy(), 0..16);
    let pulls = prop::collection::vec(pull(), 0..8);
    (deploys, pulls, prop::collection::vec(issue(), 0..6)).prop_map(|(deploys, pulls, issues)| {
        [placed(deploys, "deploy"), placed(pulls, "pull_request"), placed(issues, "issue")].concat()
    })
}

/// The same items in two orders.
fn in_two_orders() -> impl Strategy<Value = (Vec<Seen>, Vec<Seen>)> {
    items().prop_flat_map(|items| (Just(items.clone()), Just(items).prop_shuffle()))
}

fn any_query() -> impl Strategy<Value = Query> {
    (0..40i64, 1..60i64, any::<bool>()).prop_map(|(from, length, any)| Query {
        from: at(from * STEP),
        tier: any.then_some(Tier::Any),
        ..Query::new(at((from + length) * STEP))
    })
}

fn reports(items: &[Seen], query: &Query) -> (Dora, Stages, Summary) {
    let population = population(items);
    let delivery = Delivery::alone(&population, query).unwrap();
    let now = at(80 * STEP);
    let basis = || basis(query, tier(query), now, 0);
    (
        dora(&delivery, query, basis(), now),
        stages(&delivery, query, basis()).unwrap(),
        summary(&delivery, query, basis(), now, |query| {
            crate::insight::cohort::Cohort::select(&population, query).map(std::sync::Arc::new)
        })
        .unwrap(),
    )
}

/// The first deployment that contains a change, by going through all of them.
fn slowly(
    population: &Population,
    deployments: &Deployments,
    changes: &[Merged],
    change: &Merged,
) -> Option<Option<Time>> {
    let all = deployments.all();
    let repositories: HashSet<_> = changes.iter().map(|change| population.repository(change.row)).collect();
    let counts = |at: usize| all[at].fresh() && all[at].tier == Tier::Production;
    let explicit = |at: &usize| {
        let deploy = all[*at].row;
        let near = population.parent(deploy).into_iter().chain(population.linked(deploy).iter().copied());
        near.into_iter().any(|near| {
            let service = Some(deployments.line(&all[*at]).repository);
            let ours = population.repository(change.row) == service || !repositories.contains(&service);
            near == change.row
                || Some(near) == population.parent(change.row) && ours && all[*at].start >= change.merged
        })
    };
    let by_time = |at: &usize| {
        let line = deployments.line(&all[*at]);
        // The start of the first success of the line, and of all fresh ones before this one.
        let before = (line.all.start..*at).filter(|before| all[*before].succeeded());
        let mut starts = before.enumerate().filter(|(nth, at)| *nth == 0 || all[*at].fresh());
        let since = starts.by_ref().map(|(_, at)| all[at].start).max();
        population.repository(change.row) == Some(line.repository)
            && since.is_some_and(|since| since < change.merged)
            && change.merged <= all[*at].start
    };
    let said: Vec<usize> = (0..all.len()).filter(|at| counts(*at)).filter(explicit).collect();
    let in_time: Vec<usize> = said.iter().copied().filter(|at| all[*at].end >= change.merged).collect();
    if !said.is_empty() && in_time.is_empty() {
        return None;
    }
    let by_time = (0..all.len()).filter(|at| counts(*at)).filter(by_time);
    Some(in_time.into_iter().chain(by_time).map(|at| all[at].end).min())
}

proptest! {
    #[test]
    fn figures_keep_within_their_bounds(items in items(), query in any_query()) {
        let (dora, stages, summary) = reports(&items, &query);
        for metric in dora.metrics.iter().chain(&summary.cards) {
            prop_assert!(metric.n <= metric.of, "{metric:?}");
            prop_assert!((12..=26).contains(&metric.sparkline.len()));
            if metric.unit != Unit::PerDay {
                prop_assert_eq!(metric.value.is_some(), metric.n > 0, "{:?}", metric);
            }
            let figures = [metric.value, metric.p90, metric.previous];
            for figure in figures.into_iter().chain(metric.sparkline.iter().copied()).flatten() {
                prop_assert!(figure.is_finite() && figure >= 0.0, "{metric:?}");
                prop_assert!(metric.unit != Unit::Share || figure <= 1.0, "{metric:?}");
            }
        }
        for stage in &stages.stages {
            prop_assert!(stage.n + stage.wrong_order <= stage.of, "{stage:?}");
            prop_assert!(stage.quantiles.is_none_or(|quantiles| quantiles.min_seconds >= 0.0));
        }
        prop_assert!(stages.flow_efficiency.is_none_or(|share| (0.0..=1.0).contains(&share)));
        prop_assert!(stages.merged_unreviewed <= stages.merged && stages.flow_n <= stages.merged);
    }

    #[test]
    fn the_order_of_observations_does_not_show(
        (items, shuffled) in in_two_orders(),
        query in any_query(),
    ) {
        prop_assert_eq!(reports(&items, &query), reports(&shuffled, &query));
    }

    #[test]
    fn services_add_up_to_the_totals(items in items(), query in any_query()) {
        let (dora, ..) = reports(&items, &query);
        let metric = |name| -> &Metric { dora.metrics.iter().find(|metric| metric.name == name).unwrap() };
        let sum = |of: fn(&crate::insight::report::ServiceDora) -> u64| dora.services.iter().map(of).sum::<u64>();
        let failing = metric(MetricName::DeployFailureRate);
        prop_assert_eq!(sum(|service| service.deployments), failing.of);
        prop_assert_eq!(sum(|service| service.succeeded + service.failed), failing.n);
        prop_assert_eq!(sum(|service| service.succeeded), metric(MetricName::DeploymentFrequency).n);
        prop_assert_eq!(sum(|service| service.changes), metric(MetricName::LeadTimeForChanges).n);
        let rate = metric(MetricName::ChangeFailureRate);
        let failures = sum(|service| service.change_failures) as f64;
        prop_assert_eq!(rate.value, (rate.n > 0).then(|| failures / rate.n as f64));
        let distinct: HashSet<_> = dora.services.iter().map(|s| (&s.service, &s.name, &s.environment)).collect();
        prop_assert_eq!(distinct.len(), dora.services.len());
    }

    #[test]
    fn the_quick_way_finds_what_the_slow_way_finds(items in items()) {
        let population = population(&items);
        let delivery = Delivery::alone(&population, &Query::new(at(0))).unwrap();
        for change in delivery.history.changes.all() {
            let found = change.by.map(|by| delivery.history.deployments.get(by).end);
            let expected = slowly(&population, &delivery.history.deployments, delivery.history.changes.all(), change);
            prop_assert_eq!((!change.wrong_order).then_some(found), expected, "{:?}", change);
        }
    }
}
