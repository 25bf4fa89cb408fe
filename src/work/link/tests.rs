use super::*;
use crate::work::event::{Event, Outcome};
use crate::work::testing::{World, acme, at, cycle, item, key, related, run};

const SHA: &str = "ec26c3e57ca3a959ca5aad62de7213c562f8c821";

fn sha() -> Ref {
    Ref::commit(SHA).unwrap()
}

fn ancestors(place: &Place) -> Vec<Key> {
    place.ancestors.iter().map(|a| a.key.clone()).collect()
}

fn pull_request(id: u32, closes: &[&str]) -> Event {
    let targets = closes.iter().map(|issue| Target::Key(acme(issue))).collect();
    related(cycle(acme(&format!("pull_request/{id}")), 0, &[], &[]), Relation::Closes, targets)
}

#[test]
fn an_explicit_reference_binds_to_an_item_never_seen() {
    let mut world = World::default();
    let change = world.see(pull_request(2, &["issue/1", "issue/7"]));
    let place = world.export(&change);
    assert_eq!(place.root, acme("issue/1"));
    assert_eq!(ancestors(&place), [acme("issue/1")]);
    let links: Vec<&Key> = place.links.iter().map(|link| &link.key).collect();
    assert_eq!(links, [&acme("issue/7")]);
}

#[test]
fn a_hint_binds_only_to_an_item_that_was_seen() {
    let mut world = World::default();
    let hinting = related(
        cycle(acme("pull_request/2"), 0, &[], &[]),
        Relation::BranchNumber,
        vec![Target::Hint(acme("issue/12"))],
    );
    let change = world.see(hinting);
    assert_eq!(place(&change, &mut world).unwrap().root, change.key);
    world.see(cycle(acme("issue/12"), 0, &[], &[]));
    assert_eq!(place(&change, &mut world).unwrap().root, acme("issue/12"));
}

#[test]
fn a_build_finds_its_issue_through_the_commit_of_a_pull_request() {
    let mut world = World::default();
    world.see(pull_request(2, &["issue/1"]));
    world.point(sha(), Pointer::Item(acme("pull_request/2")));
    let build = related(
        run(acme("build/5.1"), 10, Some((20, Outcome::Success))),
        Relation::Commit,
        vec![Target::Ref(sha())],
    );
    let place = world.export(&item(build));
    assert_eq!(ancestors(&place), [acme("pull_request/2"), acme("issue/1")]);
    assert_eq!(place.root, acme("issue/1"));
}

#[test]
fn a_relation_learned_after_the_trace_was_exported_becomes_a_link() {
    let mut world = World::default();
    world.see(pull_request(2, &[]));
    world.point(sha(), Pointer::Item(acme("pull_request/2")));
    let build = related(run(acme("build/5.1"), 10, None), Relation::Commit, vec![Target::Ref(sha())]);
    assert_eq!(world.export(&item(build)).root, acme("pull_request/2"));

    let change = world.see(pull_request(2, &["issue/1"]));
    let place = world.export(&change);
    assert_eq!(place.root, change.key, "the build's span says so already");
    assert!(place.ancestors.is_empty());
    assert_eq!(place.at(at(0)).links[0].key, acme("issue/1"));
}

#[test]
fn a_job_stands_in_for_a_run_that_was_never_seen() {
    let mut world = World::default();
    world.see(pull_request(2, &["issue/1"]));
    world.point(sha(), Pointer::Item(acme("pull_request/2")));
    let job = related(run(acme("job/9"), 10, None), Relation::Run, vec![Target::Key(acme("build/5.1"))]);
    let job = related(job, Relation::Commit, vec![Target::Ref(sha())]);
    let place = world.export(&item(job));
    assert_eq!(ancestors(&place), [acme("build/5.1"), acme("pull_request/2"), acme("issue/1")]);
    assert_eq!(world.pins[&acme("build/5.1")].parent, Some(acme("pull_request/2")));
}

#[test]
fn a_branch_taken_up_again_leads_to_the_pull_request_that_was_open() {
    let mut world = World::default();
    let branch = Ref::branch("github.com", "acme/api", "patch-1").unwrap();
    world.see(cycle(acme("pull_request/2"), 0, &[(50, Outcome::Merged)], &[]));
    world.see(cycle(acme("pull_request/3"), 1_000, &[(1_100, Outcome::Merged)], &[]));
    world.point(branch.clone(), Pointer::Item(acme("pull_request/2")));
    world.point(branch.clone(), Pointer::Item(acme("pull_request/3")));
    let mut root = |started| {
        let build = related(
            run(acme("build/5.1"), started, None),
            Relation::Branch,
            vec![Target::Ref(branch.clone())],
        );
        place(&item(build), &mut world).unwrap().root
    };
    assert_eq!(root(20), acme("pull_request/2"));
    assert_eq!(root(1_050), acme("pull_request/3"));
    assert_eq!(root(5_000), acme("build/5.1"), "both had ended by then");
}

#[test]
fn closing_a_pull_requests_number_closes_no_issue() {
    let mut world = World::default();
    world.see(pull_request(1, &[]));
    let change = world.see(pull_request(2, &["issue/1"]));
    assert_eq!(place(&change, &mut world).unwrap().root, change.key);
}

#[test]
fn the_parent_span_is_the_episode_that_was_going_on() {
    let mut world = World::default();
    world.see(cycle(acme("issue/1"), 0, &[(10, Outcome::Completed)], &[20]));
    let change = world.see(pull_request(2, &["issue/1"]));
    let place = world.export(&change);
    assert_eq!(place.at(at(5)).parent, Some((acme("issue/1"), 0)));
    assert_eq!(place.at(at(25)).parent, Some((acme("issue/1"), 1)));
}

fn merged(id: u32, at_second: i64) -> Event {
    cycle(acme(&format!("pull_request/{id}")), 0, &[(at_second, Outcome::Merged)], &[])
}

/// A deployment of pull request 2, and what its episodes tell of the change's arrival.
fn arrivals(closed: &[(i64, Outcome)], under_way: &[i64]) -> Vec<crate::work::span::Span> {
    let mut world = World::default();
    world.see(merged(2, 50));
    let change = vec![Target::Key(acme("pull_request/2"))];
    let mut event = related(cycle(acme("deploy/1"), 60, closed, &[]), Relation::PullRequest, change);
    let crate::work::event::Life::Cycle(life) = &mut event.facts.life else { unreachable!() };
    life.under_way = under_way.iter().map(|second| at(*second)).collect();
    let deploy = world.see(event);
    let place = world.export(&deploy);
    let episodes = deploy.episodes();
    let of = |episode| crate::work::span::arrivals(&deploy, episode, &place, &Default::default());
    episodes.iter().flat_map(of).collect()
}

#[test]
fn a_deployment_that_succeeds_again_brings_nothing_again() {
    let twice = arrivals(&[(80, Outcome::Success), (120, Outcome::Success)], &[100]);
    assert_eq!(twice.iter().map(|span| span.end).collect::<Vec<_>>(), [at(80)]);
}

#[test]
fn what_a_second_try_brings_is_another_span_than_what_the_first_one_did() {
    let whole = arrivals(&[(120, Outcome::Success)], &[]);
    // The failure before and the second try are told only now.
    let retried = arrivals(&[(80, Outcome::Failure), (120, Outcome::Success)], &[100]);
    assert_eq!((whole.len(), retried.len()), (1, 1));
    assert_eq!(whole[0].parent, retried[0].parent);
    assert_ne!(whole[0].span_id, retried[0].span_id);
}

#[test]
fn the_export_of_a_deploy_settles_the_changes_that_it_brings() {
    let mut world = World::default();
    let mut named = Vec::new();
    for id in [2, 3] {
        let hint = vec![Target::Hint(acme(&format!("issue/{id}0")))];
        named.push(Target::Key(world.see(related(merged(id, 50), Relation::BranchNumber, hint)).key));
    }
    let deploy = run(acme("deploy/1"), 60, Some((80, Outcome::Success)));
    let deploy = world.see(related(deploy, Relation::PullRequest, named));
    let brought = world.export(&deploy).ships;
    assert_eq!(brought.len(), 2);
    // The issues are seen too late: the last stages of the changes are exported.
    for issue in ["issue/20", "issue/30"] {
        world.see(cycle(acme(issue), 0, &[], &[]));
    }
    for (root, change) in brought {
        let place = world.export(&change.item);
        assert_eq!((place.root, place.links.len()), (root, 1), "{}", change.item.key);
    }
}

#[test]
fn what_does_not_stand_higher_is_a_link_and_no_circle() {
    let mut world = World::default();
    let pointing = |from: &str, to: &str| {
        related(cycle(acme(from), 0, &[], &[]), Relation::Token, vec![Target::Key(acme(to))])
    };
    let one = world.see(pointing("pull_request/1", "pull_request/2"));
    world.see(pointing("pull_request/2", "pull_request/1"));
    let place = world.export(&one);
    assert!(place.ancestors.is_empty());
    let links: Vec<(Relation, &Key)> = place.links.iter().map(|link| (link.relation, &link.key)).collect();
    assert_eq!(links, [(Relation::Token, &acme("pull_request/2"))]);
}

#[test]
fn a_token_names_an_issue_of_jira_by_project_and_number() {
    let mut world = World::default();
    let jira = key("jira:acme.atlassian.net/PROJ/issue/PROJ-12");
    let project = Ref::project(Source::Jira, "proj");
    world.point(project.clone(), Pointer::Project("acme.atlassian.net".to_owned(), "PROJ".to_owned()));
    let token = Target::Token { project, kind: Kind::Issue, id: "12".to_owned() };
    let pull = cycle(acme("pull_request/1"), 0, &[], &[]);
    let pull = world.see(related(pull, Relation::Token, vec![token]));
    assert_eq!(ancestors(&world.export(&pull)), [jira]);
}
