//! Stories of what went wrong, and what put it right.

use super::*;

#[test]
fn failures_that_nothing_put_right_are_told_as_unresolved() {
    let items = [deploy(1, 1, Success), deploy(2, 5, Failure), deploy(3, 7, Failure)];
    let dora = asked(&items, &ten_days());
    let recovery = metric(&dora, MetricName::FailedDeploymentRecoveryTime);
    assert_eq!((recovery.value, recovery.n, recovery.of, recovery.unresolved), (None, 0, 2, Some(2)));
}

#[test]
fn an_incident_belongs_to_what_was_current_for_a_day_at_most() {
    let rate = |incident: Seen| {
        let items = [deploy(1, 1, Success), deploy(2, 11, Success), deploy(3, 50, Success), incident];
        let population = population(&items);
        let delivery = Delivery::alone(&population, &ten_days()).unwrap();
        let ids = (0..3u32)
            .filter(|at| delivery.history.failures.change_failure(&delivery.history.deployments, *at));
        ids.map(|at| at + 1).collect::<Vec<_>>()
    };
    assert_eq!(rate(incident(201, 5, 6)), [1]);
    assert_eq!(rate(incident(201, 11, 12)), [2]);
    // 24 hours after the end of 2, and 25.
    assert_eq!(rate(incident(201, 35, 36)), [2]);
    assert_eq!(rate(incident(201, 36, 37)), [0u32; 0]);
    assert_eq!(rate(of_web(incident(201, 12, 13))), [0u32; 0]);
    let bug = seen("issue/201").lived(12 * HOUR, 13 * HOUR, Completed).with("label", "bug");
    assert_eq!(rate(bug), [0u32; 0]);
    let typed = seen("issue/201").lived(12 * HOUR, 13 * HOUR, Completed).with("issue.type", "Incident");
    assert_eq!(rate(typed), [2], "its type says so");
    // Said to belong to the first one, of which it would not follow from the time.
    assert_eq!(rate(incident(201, 12, 13).linked(&["deploy/1"])), [1]);
}

#[test]
fn a_deployment_for_an_incident_is_rework_and_not_its_cause() {
    let items = [
        deploy(1, 1, Success),
        incident(201, 3, 30),
        pull(101, 4, 5).below(&["issue/201"]),
        deploy(2, 10, Success).below(&["pull_request/101", "issue/201"]),
    ];
    let dora = asked(&items, &ten_days());
    assert_eq!(metric(&dora, MetricName::ReworkRate).value, Some(0.5));
    assert_eq!(metric(&dora, MetricName::ChangeFailureRate).value, Some(0.5));
    // 1 to 10: the next success, before the issue was closed.
    assert_eq!(metric(&dora, MetricName::FailedDeploymentRecoveryTime).value, hours(9.0));
}

#[test]
fn an_incident_told_late_is_not_put_right_by_a_success_before_it() {
    let items = [
        deploy(1, 1, Success),
        deploy(2, 5, Success),
        deploy(3, 30, Success),
        incident(201, 10, 100).linked(&["deploy/1"]),
    ];
    // 1 to 30.
    assert_eq!(value(&items, MetricName::FailedDeploymentRecoveryTime), (hours(29.0), 1, 1));
}

#[test]
fn a_rollback_after_a_failed_attempt_blames_nobody() {
    let flagged = |seen: Seen| seen.deploy(|it| it.rollback = true);
    let failures = |back: Seen, first: Seen| {
        value(&[first, deploy(2, 5, Failure), back], MetricName::ChangeFailureRate).0
    };
    let back = flagged(deploy(3, 6, Success));
    assert_eq!(failures(back.clone().sha("a"), deploy(1, 1, Success).sha("a")), Some(0.0));
    assert_eq!(failures(back.clone(), deploy(1, 1, Success)), Some(0.0));
    // To another commit than the current one: away from that.
    assert_eq!(failures(back.sha("z"), deploy(1, 1, Success).sha("a")), Some(0.5));
    // Right after a success, whatever the commits are.
    let items = [deploy(1, 1, Success), flagged(deploy(2, 5, Success))];
    assert_eq!(value(&items, MetricName::ChangeFailureRate).0, Some(0.5));
}

#[test]
fn a_fix_is_one_only_when_it_comes_for_the_first_time() {
    let ships = |deploy: Seen| deploy.below(&["pull_request/101"]);
    let items = [
        deploy(1, 1, Success).sha("a"),
        fix(pull(101, 2, 3)),
        ships(deploy(2, 5, Success).sha("b")),
        // The same again: neither a fix of the fix, nor rework.
        ships(deploy(3, 6, Success).sha("b")),
    ];
    assert_eq!(value(&items, MetricName::ReworkRate).0, Some(1.0 / 3.0));
    // 1 alone, of three.
    assert_eq!(value(&items, MetricName::ChangeFailureRate).0, Some(1.0 / 3.0));
    // Nor where no commit tells that it is the same.
    let without: Vec<Seen> =
        items.into_iter().map(|seen| seen.deploy(|deployed| deployed.sha = None)).collect();
    assert_eq!(value(&without, MetricName::ReworkRate).0, Some(1.0 / 3.0));
}

#[test]
fn a_fix_that_was_tried_blames_what_was_current_and_nothing_earlier() {
    let items = [
        deploy(1, 1, Success),
        deploy(2, 5, Success),
        deploy(3, 10, Failure).deploy(|it| it.hotfix = true),
        deploy(4, 12, Success),
    ];
    // 2 of 1, 2 and 4.
    assert_eq!(value(&items, MetricName::ChangeFailureRate).0, Some(1.0 / 3.0));
    // 2: 5 to 12. 3: 10 to 12. The median is 4.5.
    assert_eq!(value(&items, MetricName::FailedDeploymentRecoveryTime), (hours(4.5), 2, 2));
}
