//! Stories of what deploys link to because they bring it, and of several services in one repository.

use super::*;

/// A deploy of one of the services of acme/api.
fn of_service(name: &str, deploy: Seen) -> Seen {
    deploy.deploy(|it| it.name = name.to_owned())
}

/// A deploy by a Jenkins job that says which service it deploys, and of which repository what it
/// brought is, if it brought something.
fn by_job(id: u32, end: i64, name: &str, brought: Option<&str>) -> Seen {
    let mut deploy = deploy(id, end, Success).to("ci.acme.org/ops/ship", "production").deploy(|it| {
        it.name = name.to_owned();
        it.repository = brought.map(str::to_owned);
    });
    deploy.0.key = key(&format!("jenkins:ci.acme.org/ops/ship/deploy/{id}"));
    deploy
}

fn rows(dora: &Dora) -> Vec<(&str, &str, u64, u64)> {
    dora.services.iter().map(|s| (&*s.service, &*s.name, s.deployments, s.changes)).collect()
}

/// When the changes arrived, in the order of their ids.
fn arrivals(items: &[Seen]) -> Vec<Option<i64>> {
    let population = population(items);
    let delivery = Delivery::alone(&population, &ten_days()).unwrap();
    let ends = delivery.history.changes.all().iter().map(|change| {
        change.by.map(|by| delivery.history.deployments.get(by).end.since(hour(0)) / (HOUR * 1_000_000))
    });
    ends.collect()
}

#[test]
fn services_of_one_repository_are_lines_of_their_own_and_all_bring_its_changes() {
    let items = [
        of_service("api", deploy(1, 1, Success)).sha("a"),
        of_service("worker", deploy(2, 3, Success)).sha("a"),
        pull(101, 4, 5),
        of_service("worker", deploy(3, 8, Success)).sha("b"),
        of_service("api", deploy(4, 10, Success)).sha("b"),
        // Would be a rollback, if it were on the other line.
        of_service("worker", deploy(5, 12, Failure)).sha("c"),
    ];
    let dora = asked(&items, &ten_days());
    assert_eq!(rows(&dora), [(API, "worker", 3, 1), (API, "api", 2, 0)]);
    assert_eq!(metric(&dora, MetricName::ReworkRate).value, Some(0.0));
    assert_eq!(arrivals(&items), [Some(8)]);
}

#[test]
fn an_incident_speaks_against_the_last_of_a_repositorys_services() {
    let items = [
        of_service("api", deploy(1, 5, Success)),
        of_service("worker", deploy(2, 8, Success)),
        incident(201, 9, 10),
    ];
    let dora = asked(&items, &ten_days());
    let failing: Vec<_> = dora.services.iter().map(|s| (&*s.name, s.change_failures)).collect();
    assert_eq!(failing, [("api", 0), ("worker", 1)]);
}

#[test]
fn a_job_deploys_changes_of_the_repository_that_any_deploy_of_its_line_brought() {
    let items = [
        // The first brings nothing that is known, and is on the same line.
        by_job(1, 1, "api", None),
        by_job(2, 10, "api", Some(API)),
        by_job(3, 2, "web", Some(WEB)),
        pull(101, 4, 5),
        of_web(pull(102, 4, 5)),
        incident(201, 11, 12),
    ];
    assert_eq!(arrivals(&items), [Some(10), None]);
    let dora = asked(&items, &ten_days());
    let rows: Vec<_> = dora.services.iter().map(|s| (&*s.name, s.deployments, s.change_failures)).collect();
    assert_eq!(rows, [("api", 2, 1), ("web", 1, 0)]);
}

#[test]
fn a_job_that_deploys_several_repositories_under_one_name_brings_by_time_of_none() {
    let items = [
        by_job(1, 1, "all", Some(API)),
        by_job(2, 10, "all", Some(WEB)),
        pull(101, 4, 5),
        of_web(pull(102, 4, 5)),
    ];
    assert_eq!(arrivals(&items), [None, None]);
}

/// What the links say is what follows from the times: figures are the same with them and without.
#[test]
fn what_deploys_link_because_they_bring_it_changes_no_lead_time() {
    let ships = |links: bool| {
        let linked = |deploy: Seen, to: &[&str]| if links { deploy.linked(to) } else { deploy };
        [
            deploy(1, 1, Success).sha("a"),
            pull(101, 2, 3),
            // It tried to bring it.
            linked(deploy(2, 5, Failure).sha("b"), &["pull_request/101"]),
            pull(102, 5, 6),
            linked(deploy(3, 8, Success).sha("c"), &["pull_request/101", "pull_request/102"]),
            // A rollback and a redeploy bring nothing, and link nothing.
            deploy(4, 10, Success).sha("a"),
            deploy(5, 11, Success).sha("a"),
            linked(
                deploy(6, 7, Success).to(API, "staging").sha("c"),
                &["pull_request/101", "pull_request/102"],
            ),
        ]
    };
    assert_eq!(arrivals(&ships(true)), [Some(8), Some(8)]);
    assert_eq!(asked(&ships(true), &ten_days()), asked(&ships(false), &ten_days()));
}

/// An item is observed when it changes. What came to be known of deploys before it since then is not
/// in its links: the first deployment counts all the same.
#[test]
fn links_from_before_an_earlier_deployment_was_known_do_not_make_a_change_late() {
    let items = [
        deploy(1, 1, Success).sha("a"),
        pull(101, 2, 3),
        deploy(2, 5, Success).sha("b").linked(&["pull_request/101"]),
        deploy(3, 9, Success).sha("c").linked(&["pull_request/101"]),
    ];
    assert_eq!(arrivals(&items), [Some(5)]);
}

#[test]
fn a_failed_attempt_to_bring_a_fix_is_rework_and_the_fix_speaks_against_what_was_there() {
    let items = [
        deploy(1, 1, Success).sha("a"),
        deploy(2, 5, Success).sha("b"),
        fix(pull(101, 6, 7)),
        deploy(3, 9, Failure).sha("c").linked(&["pull_request/101"]),
        deploy(4, 11, Success).sha("d").linked(&["pull_request/101"]),
        // The fix has arrived: what is observed late and links it still is no fix.
        deploy(5, 13, Success).sha("e").linked(&["pull_request/101"]),
    ];
    let dora = asked(&items, &ten_days());
    assert_eq!(metric(&dora, MetricName::ReworkRate).value, Some(2.0 / 5.0));
    // Of the four successes the second alone: the first was replaced before, the others came after.
    assert_eq!(metric(&dora, MetricName::ChangeFailureRate).value, Some(1.0 / 4.0));
}
