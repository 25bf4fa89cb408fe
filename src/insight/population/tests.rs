use proptest::prelude::*;

use super::testing::{Seen, population, seen, settings};
use super::*;
use crate::work::event::Outcome;
use crate::work::key::Kind;
use crate::work::testing::acme;

fn tags(population: &Population, kind_and_id: &str, key: &str) -> Vec<String> {
    let row = population.find(&acme(kind_and_id)).unwrap();
    let dimension = population.dimension(key).unwrap();
    let mut names: Vec<_> = dimension.names(dimension.codes().get(row)).map(str::to_owned).collect();
    names.sort();
    names
}

/// An issue with two pull requests, a build of the first, a deploy of each.
fn delivery() -> Vec<Seen> {
    vec![
        seen("issue/1").tag("team", "payments"),
        seen("pull_request/2").below(&["issue/1"]).tag("language", "python"),
        seen("pull_request/3").below(&["issue/1"]).tag("language", "go"),
        seen("build/4.1").below(&["pull_request/2", "issue/1"]),
        seen("deploy/5").below(&["pull_request/2", "issue/1"]).tag("deploy.type", "mutable"),
        seen("deploy/6").below(&["pull_request/3", "issue/1"]).tag("deploy.type", "container"),
    ]
}

#[test]
fn a_deploys_type_counts_for_what_it_ships_and_not_for_another_deploy() {
    let population = population(&delivery());
    assert_eq!(tags(&population, "issue/1", "deploy.type"), ["container", "mutable"]);
    assert_eq!(tags(&population, "pull_request/2", "deploy.type"), ["mutable"]);
    assert_eq!(tags(&population, "deploy/5", "deploy.type"), ["mutable"]);
    assert_eq!(tags(&population, "deploy/6", "deploy.type"), ["container"]);
    // The build has none below it, so it takes those of the rest of its trace.
    assert_eq!(tags(&population, "build/4.1", "deploy.type"), ["container", "mutable"]);
}

#[test]
fn tags_are_passed_down_and_an_own_one_overrules() {
    let population = population(&delivery());
    assert_eq!(tags(&population, "deploy/5", "team"), ["payments"]);
    assert_eq!(tags(&population, "deploy/5", "language"), ["python"]);
    assert_eq!(tags(&population, "issue/1", "language"), ["go", "python"]);
}

#[test]
fn a_trait_is_of_the_item_alone() {
    let population =
        population(&[seen("issue/1"), seen("deploy/5").below(&["issue/1"]).with("environment", "staging")]);
    assert_eq!(tags(&population, "issue/1", "environment"), [""; 0]);
    assert_eq!(tags(&population, "deploy/5", "environment"), ["staging"]);
}

#[test]
fn what_changes_its_parent_takes_its_subtree_along() {
    let mut population = population(&delivery());
    let moved = seen("pull_request/2").below(&["issue/9"]).tag("language", "python");
    population.apply(&[moved.0]);
    assert_eq!(tags(&population, "issue/1", "deploy.type"), ["container"]);
    // Issue 9 was only named so far; its trace is there all the same.
    let nine = population.find(&acme("issue/9")).unwrap();
    assert!(!population.is_known(nine));
    assert_eq!(population.root(population.find(&acme("build/4.1")).unwrap()), nine);
    population.apply(&[seen("issue/9").tag("team", "search").0]);
    assert_eq!(tags(&population, "deploy/5", "team"), ["search"]);
    assert_eq!(tags(&population, "issue/9", "deploy.type"), ["mutable"]);
}

#[test]
fn a_deploy_counts_for_every_change_that_it_is_linked_to() {
    let mut all = delivery();
    all.push(seen("pull_request/7").below(&["issue/8"]));
    all.push(
        seen("deploy/10")
            .below(&["pull_request/3", "issue/1"])
            .linked(&["pull_request/7"])
            .tag("deploy.type", "baked"),
    );
    let mut population = population(&all);
    assert_eq!(tags(&population, "pull_request/7", "deploy.type"), ["baked"]);
    assert_eq!(tags(&population, "issue/8", "deploy.type"), ["baked"]);
    let unlinked = seen("deploy/10").below(&["pull_request/3", "issue/1"]).tag("deploy.type", "baked");
    population.apply(&[unlinked.0]);
    assert_eq!(tags(&population, "pull_request/7", "deploy.type"), [""; 0]);
}

#[test]
fn an_unseen_parent_is_hung_where_its_child_says() {
    let population = population(&[seen("job/1").below(&["build/4.1", "pull_request/2", "issue/1"])]);
    let [job, build, pull, issue] =
        ["job/1", "build/4.1", "pull_request/2", "issue/1"].map(|k| population.find(&acme(k)).unwrap());
    assert_eq!([job, build, pull].map(|row| population.parent(row)), [Some(build), Some(pull), Some(issue)]);
    assert_eq!(population.of_kind(Kind::Build).count(), 0);
    assert_eq!(population.of_kind(Kind::Job).collect::<Vec<_>>(), [job]);
}

#[test]
fn a_parent_of_the_wrong_kind_closes_no_circle() {
    let population =
        population(&[seen("issue/1").below(&["pull_request/2"]), seen("pull_request/2").below(&["issue/1"])]);
    assert_eq!(population.parent(population.find(&acme("issue/1")).unwrap()), None);
}

#[test]
fn a_trace_is_found_by_its_id() {
    let population = population(&delivery());
    let id = TraceId::of(&acme("issue/1"));
    assert_eq!(population.roots_of_trace(&id), [population.find(&acme("issue/1")).unwrap()]);
    assert_eq!(population.roots_of_trace(&TraceId::of(&acme("pull_request/2"))), [0; 0]);
}

#[test]
fn what_an_item_lasted_is_not_guessed() {
    let closed = seen("issue/1").lived(0, 60, Outcome::Completed).0.life;
    assert_eq!(duration(&closed), Some(60_000_000));
    assert_eq!(duration(&Lived { start_known: false, ..closed }), None);
    assert_eq!(duration(&Lived { clamped: true, ..closed }), None);
    assert_eq!(duration(&Lived { open: true, ..closed }), None);
}

#[test]
fn an_incident_is_known_by_its_label() {
    let population = population(&[
        seen("issue/1").with(LABEL, "Incident").with(LABEL, "bug"),
        seen("issue/2").with(LABEL, "bug"),
    ]);
    let incident = population.incident();
    let rows = ["issue/1", "issue/2"].map(|k| population.find(&acme(k)).unwrap());
    assert_eq!(rows.map(incident), [true, false]);
}

/// Everything that shows of a population, by key.
fn shown(population: &Population) -> Vec<String> {
    let row = |row: u32| {
        let key = population.key(row).unwrap();
        let parent = population.parent(row).and_then(|parent| population.key(parent));
        let tags: Vec<_> = ["team", "language", "deploy.type"]
            .iter()
            .map(|tag| {
                let dimension = population.dimension(tag).unwrap();
                let mut names: Vec<_> =
                    dimension.names(dimension.codes().get(row)).map(str::to_owned).collect();
                names.sort();
                names.join("+")
            })
            .collect();
        format!("{key} below {parent:?} {tags:?} {:?}", population.life(row))
    };
    let mut lines: Vec<_> = (0..population.rows() as u32).map(row).collect();
    lines.sort();
    lines
}

proptest! {
    /// Observations may come in any order and in any batches; the last of each item counts.
    #[test]
    fn neither_order_nor_batches_show(
        order in Just((0..9usize).collect::<Vec<_>>()).prop_shuffle(),
        batch in 1..9usize,
        stale in prop::collection::vec(0..4usize, 0..4),
    ) {
        let mut all = delivery();
        all.push(seen("deploy/7").below(&["build/4.1", "pull_request/2", "issue/1"]).linked(&["pull_request/3"]).tag("deploy.type", "baked"));
        all.push(seen("pull_request/8").tag("team", "search"));
        all.push(seen("job/9").below(&["build/4.1", "pull_request/2", "issue/1"]));
        let wanted = population(&all);

        let mut other = Population::new(settings(&[]));
        // Some were seen elsewhere before.
        for at in stale {
            let mut before = all[at].0.clone();
            before.ancestors = Vec::new();
            before.tags = vec![("team".to_owned(), "nobody".to_owned())];
            other.apply(&[before]);
        }
        let shuffled: Vec<_> = order.iter().map(|at| all[*at].0.clone()).collect();
        for batch in shuffled.chunks(batch) {
            other.apply(batch);
        }
        prop_assert_eq!(shown(&other), shown(&wanted));
    }
}

#[test]
fn a_tag_that_the_configuration_does_not_name_is_one_to_slice_by() {
    let items = [
        seen("issue/1"),
        seen("pull_request/2").below(&["issue/1"]).tag("zone", "eu").tag("area", "shop"),
        seen("deploy/3").below(&["pull_request/2"]).tag("zone", "us"),
        seen("issue/4").tag("outcome", "none"),
    ];
    let forward = population(&items);
    assert_eq!(tags(&forward, "issue/1", "zone"), ["eu", "us"]);
    assert_eq!(tags(&forward, "deploy/3", "area"), ["shop"]);
    assert!(forward.dimension("outcome").is_none());
    let mut backwards = Population::new(settings(&[]));
    for item in items.iter().rev() {
        backwards.apply(std::slice::from_ref(&item.0));
    }
    let keys = |population: &Population| -> Vec<String> {
        population.dimensions().iter().map(|dimension| dimension.key.clone()).collect()
    };
    assert_eq!(keys(&forward), keys(&backwards));
    for key in keys(&forward) {
        assert_eq!(tags(&forward, "issue/1", &key), tags(&backwards, "issue/1", &key), "{key}");
    }
}

#[test]
fn keys_without_end_are_counted_and_not_sliced_by() {
    let before = population(&[]).dimensions().len();
    let items: Vec<Seen> =
        (0..100).map(|n| seen(&format!("issue/{n}")).tag(&format!("key{n}"), "x").tag("team", "a")).collect();
    let mut population = population(&items);
    assert_eq!(population.dimensions().len(), before + MAX_FURTHER_KEYS);
    assert_eq!(population.unsliced_keys(), 36);
    population.apply(&[items[99].0.clone()]);
    assert_eq!(population.unsliced_keys(), 36, "each is counted once");
    assert_eq!(tags(&population, "issue/99", "team"), ["a"]);
}

/// What is over at this second.
fn over_before(seconds: i64) -> impl Fn(Kind, &Lived) -> bool {
    move |_, life| !life.open && life.closed.is_some_and(|(end, _)| end < crate::work::testing::at(seconds))
}

#[test]
fn what_is_over_is_in_no_answer_and_its_tags_count_for_nobody() {
    let ended = |seen: Seen, end| seen.lived(0, end, Outcome::Success);
    let mut seen = delivery();
    seen[4] = ended(seen[4].clone(), 100).to("api", "production");
    seen[5] = ended(seen[5].clone(), 200).to("api", "production");
    let mut population = population(&seen);
    assert_eq!(population.drop_over(over_before(100)), 0);
    let version = population.version();
    assert_eq!(population.drop_over(over_before(150)), 1);
    assert!(population.version() > version, "what was remembered of it is out of date");
    assert_eq!(tags(&population, "issue/1", "deploy.type"), ["container"]);
    let gone = population.find(&acme("deploy/5")).unwrap();
    assert!(!population.is_known(gone) && population.deploy(gone).is_none());
    assert_eq!(population.of_kind(Kind::Deploy).count(), 1);
    let root = population.root(population.find(&acme("issue/1")).unwrap());
    assert!(!population.members(root).contains(&gone), "it is not in the trace either");
    let left = population.find(&acme("deploy/6")).unwrap();
    assert_eq!(population.deploys().iter().map(|deploy| deploy.row).collect::<Vec<_>>(), [left]);
    assert_eq!(population.deploy(left).map(|deploy| deploy.row), Some(left));
    assert_eq!(population.drop_over(over_before(150)), 0);
}

#[test]
fn what_went_leaves_those_below_it_where_they_were() {
    let seen = [
        seen("issue/1").tag("team", "payments"),
        seen("pull_request/2").below(&["issue/1"]).tag("language", "go").lived(0, 10, Outcome::Merged),
        seen("build/4.1").below(&["pull_request/2", "issue/1"]),
    ];
    let mut population = population(&seen);
    assert_eq!(population.drop_over(over_before(50)), 1);
    assert_eq!(tags(&population, "build/4.1", "team"), ["payments"]);
    assert_eq!(tags(&population, "build/4.1", "language"), [""; 0]);
    // It comes back when something is said of it.
    population.apply(&[seen[1].0.clone()]);
    assert_eq!(tags(&population, "build/4.1", "language"), ["go"]);
    assert!(population.change(population.find(&acme("pull_request/2")).unwrap()).is_some());
}

#[test]
fn what_is_over_when_it_is_seen_is_not_taken_in() {
    let mut population = population(&[seen("build/1.1"), seen("build/2.1")]);
    let closed = |id: &str, end| seen(id).lived(0, end, Outcome::Success).0;
    let news = [closed("build/1.1", 10), closed("build/3.1", 10), closed("build/4.1", 90)];
    assert_eq!(population.apply_living(&news, over_before(50)), 1, "one that was open");
    assert_eq!(population.find(&acme("build/3.1")), None);
    let known: Vec<_> = population.of_kind(Kind::Build).filter_map(|row| population.key(row)).collect();
    assert_eq!(known, [acme("build/2.1"), acme("build/4.1")]);
}

proptest! {
    /// Whatever is taken out, what is left is as if the rest alone had been there.
    #[test]
    fn taking_out_whole_traces_leaves_what_the_others_alone_would_be(gone in prop::collection::vec(any::<bool>(), 6)) {
        let trace = |n: usize, end: i64| {
            let [issue, change, deploy] = [format!("issue/{n}"), format!("pull_request/{n}"), format!("deploy/{n}")];
            let deploy_type = if n.is_multiple_of(2) { "mutable" } else { "container" };
            vec![
                seen(&issue).tag("team", "payments").lived(0, end, Outcome::Completed),
                seen(&change).below(&[&issue]).tag("language", "go").lived(0, end, Outcome::Merged),
                seen(&deploy).below(&[&change, &issue]).tag("deploy.type", deploy_type).lived(0, end, Outcome::Success),
            ]
        };
        let all: Vec<Seen> = gone.iter().enumerate().flat_map(|(n, gone)| trace(n, if *gone { 10 } else { 90 })).collect();
        let mut whole = population(&all);
        let went = whole.drop_over(over_before(50));
        prop_assert_eq!(went, 3 * gone.iter().filter(|gone| **gone).count());
        let rest: Vec<Seen> = gone.iter().enumerate().filter(|(_, gone)| !**gone).flat_map(|(n, _)| trace(n, 90)).collect();
        let alone = population(&rest);
        for kind in Kind::ALL {
            let keys = |population: &Population| -> Vec<_> { population.of_kind(kind).filter_map(|row| population.key(row)).collect() };
            prop_assert_eq!(keys(&whole), keys(&alone));
        }
        for seen in &rest {
            let name = format!("{}/{}", seen.0.key.kind(), seen.0.key.id());
            for key in ["team", "language", "deploy.type"] {
                prop_assert_eq!(tags(&whole, &name, key), tags(&alone, &name, key));
            }
        }
        let mut deploys: Vec<_> = whole.deploys().iter().filter_map(|deploy| whole.key(deploy.row)).collect();
        deploys.sort();
        let mut expected: Vec<_> = alone.deploys().iter().filter_map(|deploy| alone.key(deploy.row)).collect();
        expected.sort();
        prop_assert_eq!(deploys, expected);
    }
}
