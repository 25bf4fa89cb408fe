//! With which deployment a change arrives.

use super::*;

#[test]
fn a_change_arrives_once_where_it_arrives_first() {
    let line = |from: u32, environment: &str, ends: [i64; 2]| {
        let to = |id, end| deploy(id, end, Success).to(API, environment);
        [to(from, ends[0]), to(from + 1, ends[1])]
    };
    let items = [line(1, "prod-us", [1, 20]), line(3, "prod-eu", [2, 10])].concat();
    let items = [items, vec![pull(101, 3, 4)]].concat();
    let dora = asked(&items, &ten_days());
    // 3 to 10.
    let lead = metric(&dora, MetricName::LeadTimeForChanges);
    assert_eq!((lead.value, lead.n), (hours(7.0), 1));
    // Asked about one environment, it is when it arrived there: 3 to 20.
    let us = Query { filters: vec![Filter::include("environment", "prod-us")], ..ten_days() };
    let lead_us = asked(&items, &us);
    assert_eq!(metric(&lead_us, MetricName::LeadTimeForChanges).value, hours(17.0));
}

#[test]
fn the_first_deployment_ever_brings_only_what_it_is_said_to_bring() {
    let first = deploy(1, 10, Success);
    let changes = [pull(101, 2, 3), pull(102, 4, 5)];
    let with = |first: Seen| [changes.to_vec(), vec![first]].concat();
    assert_eq!(value(&with(first.clone()), MetricName::LeadTimeForChanges), (None, 0, 2));
    // 2 to 10.
    let below = first.below(&["pull_request/101"]);
    assert_eq!(value(&with(below), MetricName::LeadTimeForChanges), (hours(8.0), 1, 2));
}

#[test]
fn a_deployment_contains_what_it_is_said_to_contain_in_any_of_these_ways() {
    let first = deploy(1, 10, Success);
    let [ours, other] = [pull(101, 2, 3).below(&["issue/7"]), pull(102, 2, 3).below(&["issue/7"])];
    let n = |deploy: &Seen| {
        let items = [ours.clone(), other.clone(), deploy.clone()];
        value(&items, MetricName::LeadTimeForChanges).1
    };
    assert_eq!(n(&first), 0);
    assert_eq!(n(&first.clone().below(&["pull_request/101", "issue/7"])), 1);
    assert_eq!(n(&first.clone().below(&["build/4.1", "pull_request/101", "issue/7"])), 1);
    assert_eq!(n(&first.clone().linked(&["pull_request/101"])), 1);
    assert_eq!(n(&first.clone().linked(&["pull_request/101", "pull_request/102"])), 2);
    // Of the issue itself: whatever was merged for it before.
    assert_eq!(n(&first.clone().below(&["issue/7"])), 2);
    assert_eq!(n(&first.clone().linked(&["issue/7"])), 2);
    assert_eq!(n(&deploy(1, 3, Success).below(&["issue/7"])), 0);
    assert_eq!(n(&first.clone().below(&["issue/8"])), 0);
    // Not if it failed, or is a rollback.
    assert_eq!(n(&deploy(1, 10, Failure).below(&["pull_request/101", "issue/7"])), 0);
    let back = first.below(&["pull_request/101", "issue/7"]).deploy(|it| it.rollback = true);
    assert_eq!(n(&back), 0);
}

#[test]
fn an_issue_of_two_repositories_is_deployed_for_each_by_itself() {
    let items = [
        pull(101, 2, 3).below(&["issue/7"]),
        of_web(pull(102, 2, 3)).below(&["issue/7"]),
        deploy(1, 10, Success).below(&["issue/7"]),
    ];
    assert_eq!(value(&items, MetricName::LeadTimeForChanges), (hours(8.0), 1, 2));
}

#[test]
fn the_first_of_what_is_said_and_what_follows_from_the_time_counts() {
    let items = [
        deploy(1, 1, Success),
        deploy(2, 10, Success),
        deploy(3, 20, Success).below(&["pull_request/101"]),
        pull(101, 2, 3),
        // At the very start of 2, and a second after.
        pull(102, 2, 9),
        seen("pull_request/103").merged(2 * HOUR, 9 * HOUR + 1),
    ];
    let population = population(&items);
    let delivery = Delivery::alone(&population, &ten_days()).unwrap();
    let end = |id: &str| {
        let change = delivery.history.changes.get(population.find(&acme(id)).unwrap()).unwrap();
        delivery.history.deployments.get(change.by.unwrap()).end
    };
    let ends = ["pull_request/101", "pull_request/102", "pull_request/103"].map(end);
    assert_eq!(ends, [hour(10), hour(10), hour(20)]);
}

#[test]
fn a_deployment_that_ended_before_the_merge_is_the_wrong_order_and_no_lead_time() {
    let items = [
        deploy(1, 1, Success),
        deploy(2, 10, Success).below(&["pull_request/101"]),
        deploy(3, 20, Success),
        pull(101, 2, 11),
    ];
    let dora = asked(&items, &ten_days());
    let lead = metric(&dora, MetricName::LeadTimeForChanges);
    assert_eq!((lead.value, lead.n, lead.of), (None, 0, 1));
    assert!(lead.notes.iter().any(|note| note.contains("wrong order: 1")), "{:?}", lead.notes);
}
