use super::*;
use crate::work::event::{Cycle, Event, Facts, Happening, Outcome, Role, Run, What};
use crate::work::key::Key;
use crate::work::lattice::{Instant, Latest};
use crate::work::link::{Ancestor, Link};
use crate::work::testing::{acme, at, cycle, item, key, related, run, stamp};

/// Where an item is that stands alone.
fn alone(item: &Item) -> Place {
    Place {
        root: item.key.clone(),
        ancestors: Vec::new(),
        links: Vec::new(),
        ships: Vec::new(),
        first_commit: None,
        pins: Vec::new(),
    }
}

fn seen(event: Event) -> Observation {
    let item = item(event);
    let place = alone(&item);
    observe(&item, &place, &Tagger::default())
}

fn change(event: Event) -> Change {
    match seen(event).detail {
        Detail::Change(change) => change,
        other => panic!("{other:?}"),
    }
}

fn deployed(event: Event) -> Deployed {
    match seen(event).detail {
        Detail::Deploy(deployed) => deployed,
        other => panic!("{other:?}"),
    }
}

fn happened(mut event: Event, seconds: i64, what: What, role: Option<Role>) -> Event {
    let happening = Happening { at: at(seconds), what, detail: None, role, person: None };
    event.facts.happenings.insert(happening);
    event
}

fn described<V: Into<Value>>(mut event: Event, attr: Attr, value: V) -> Event {
    event.facts.attr(stamp(0), attr, Some(value));
    event
}

fn labelled(mut event: Event, labels: &[&str]) -> Event {
    let labels = labels.iter().map(|label| (*label).to_owned()).collect();
    event.facts.marks.labels = Some(Latest::new(stamp(0), labels));
    event
}

fn flagged(mut event: Event, parameters: &[(&str, &str)]) -> Event {
    let parameters = parameters.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    event.facts.marks.parameters = Some(Latest::new(stamp(0), parameters));
    event
}

fn pull_request() -> Event {
    cycle(acme("pull_request/2"), 0, &[], &[])
}

fn pairs(pairs: &[(String, String)]) -> Vec<String> {
    pairs.iter().map(|(key, value)| format!("{key}={value}")).collect()
}

#[test]
fn a_pull_request_is_ready_from_the_first_moment_that_it_is_no_draft() {
    let draft = || described(pull_request(), Attr::ChangeDraft, true);
    let turned = |event, seconds, what| happened(event, seconds, what, None);
    let to_draft = |event, seconds| turned(event, seconds, What::ConvertedToDraft);
    let to_ready = |event, seconds| turned(event, seconds, What::ReadyForReview);
    for (story, event, ready) in [
        ("never a draft", pull_request(), Some(0)),
        ("a draft until now", draft(), None),
        ("a draft at first", to_ready(pull_request(), 10), Some(10)),
        ("made a draft, not ready since", to_draft(draft(), 10), Some(0)),
        ("made a draft, then ready again", to_ready(to_draft(pull_request(), 10), 20), Some(0)),
        ("a draft at first and once more", to_ready(to_draft(to_ready(draft(), 10), 20), 30), Some(10)),
        ("ready, and a draft again now", to_draft(to_ready(draft(), 10), 20), Some(10)),
        ("both within one second", to_draft(to_ready(draft(), 10), 10), Some(10)),
    ] {
        assert_eq!(change(event).ready, ready.map(at), "{story}");
    }
}

#[test]
fn a_pull_request_whose_opening_is_not_known_is_not_ready_when_it_ended() {
    let mut event = cycle(acme("pull_request/2"), 0, &[(50, Outcome::Closed)], &[]);
    let Life::Cycle(life) = &mut event.facts.life else { unreachable!() };
    life.opened = None;
    assert_eq!(change(event).ready, None);
}

#[test]
fn the_first_review_is_that_of_a_human_who_is_not_the_author() {
    let reviewed = |event, seconds, role| happened(event, seconds, What::Reviewed, role);
    let event = reviewed(pull_request(), 40, Some(Role::Other));
    let event = reviewed(event, 10, Some(Role::Author));
    let event = reviewed(event, 20, Some(Role::Bot));
    let event = reviewed(event, 25, None);
    let event = happened(event, 30, What::ReviewDismissed, Some(Role::Other));
    assert_eq!(change(event.clone()).reviewed, Some(at(40)));
    assert_eq!(change(reviewed(event, 35, Some(Role::Other))).reviewed, Some(at(35)));
    assert_eq!(change(reviewed(pull_request(), 20, Some(Role::Bot))).reviewed, None);
}

#[test]
fn an_issue_is_answered_by_the_first_comment_of_somebody_else_before_it_was_closed() {
    let commented = |event, seconds, role| happened(event, seconds, What::Commented, Some(role));
    let responded = |event| match seen(event).detail {
        Detail::Issue(handled) => handled.responded,
        other => panic!("{other:?}"),
    };
    let issue = || cycle(acme("issue/1"), 0, &[(50, Outcome::Completed)], &[60]);
    let early = commented(commented(issue(), 10, Role::Author), 20, Role::Bot);
    assert_eq!(responded(early.clone()), None);
    assert_eq!(responded(commented(early.clone(), 70, Role::Other)), None, "only when it was opened again");
    assert_eq!(responded(commented(early, 30, Role::Other)), Some(at(30)));
}

#[test]
fn the_last_approval_before_the_merge_counts() {
    let approved = |event: Event, seconds| {
        let mut event = happened(event, seconds, What::Reviewed, Some(Role::Other));
        let review = event.facts.happenings.iter().last().cloned().unwrap();
        event.facts.happenings.insert(Happening { detail: Some("approved".to_owned()), ..review });
        event
    };
    let merged = cycle(acme("pull_request/2"), 0, &[(50, Outcome::Merged)], &[]);
    let twice = approved(approved(approved(merged, 10), 20), 60);
    assert_eq!(change(twice).approved, Some(at(20)));
    assert_eq!(change(approved(pull_request(), 10)).approved, None, "not merged");
}

#[test]
fn merged_is_only_what_was_merged_at_last() {
    let closed = |closed: &[(i64, Outcome)], reopened: &[i64]| {
        change(cycle(acme("pull_request/2"), 0, closed, reopened)).merged
    };
    assert_eq!(closed(&[], &[]), None);
    assert_eq!(closed(&[(9, Outcome::Closed)], &[]), None);
    assert_eq!(closed(&[(9, Outcome::Closed), (30, Outcome::Merged)], &[20]), Some(at(30)));
}

#[test]
fn a_fix_says_so_in_its_title_its_branch_or_a_label() {
    let titled = |title: &str| change(described(pull_request(), Attr::ChangeTitle, title)).fix;
    let on = |branch: &str| change(described(pull_request(), Attr::RefHeadName, branch)).fix;
    for title in ["Revert \"Faster\"", "revert: faster", "Hotfix: slow", "HOTFIX", "hotfix(api): slow"] {
        assert!(titled(title), "{title}");
    }
    for title in ["Reverting is hard", "Do not revert", "Fix hotfix docs", "é", ""] {
        assert!(!titled(title), "{title}");
    }
    assert!(on("hotfix/slow") && on("revert-12-faster") && on("hotfix"));
    assert!(!on("feature/hotfix") && !on("hotfixture"));
    assert!(change(labelled(pull_request(), &["bug", "Hotfix"])).fix);
    assert!(!change(labelled(pull_request(), &["no-hotfix"])).fix);
}

#[test]
fn the_size_of_a_change_is_known_if_both_sides_are() {
    let added = described(pull_request(), Attr::ChangeAdditions, 10);
    assert_eq!(change(added.clone()).lines, None);
    let both = described(added, Attr::ChangeDeletions, 2);
    let both = described(described(both, Attr::ChangeFiles, 3), Attr::ChangeCommits, -1);
    let change = change(both);
    assert_eq!((change.lines, change.files, change.commits), (Some(12), Some(3), None));
}

#[test]
fn comments_are_those_counted_or_those_seen_and_unknown_where_nobody_counts() {
    assert_eq!(change(pull_request()).comments, None);
    let counted = |n| described(pull_request(), Attr::ChangeComments, n);
    assert_eq!(change(counted(0)).comments, Some(0));
    let commented = |mut event: Event| {
        event.facts.happened(Some(at(9)), What::Commented, None, None, None);
        event.facts.happened(Some(at(10)), What::Commented, None, None, None);
        event
    };
    assert_eq!(change(commented(pull_request())).comments, Some(2));
    assert_eq!(change(commented(counted(1))).comments, Some(2));
    assert_eq!(change(commented(counted(7))).comments, Some(7));
}

#[test]
fn a_deployment_of_github_says_what_goes_where() {
    let event = cycle(acme("deploy/8"), 0, &[(60, Outcome::Success)], &[]);
    let event = described(event, Attr::RepositoryUrl, "https://github.com/Acme/API/");
    let event = described(event, Attr::RefHeadRevision, "ec26c3e");
    let event = described(described(event, Attr::Environment, "eu"), Attr::ProductionEnvironment, true);
    let expected = Deployed {
        service: "github.com/acme/api".to_owned(),
        environment: "eu".to_owned(),
        production: true,
        sha: Some("ec26c3e".to_owned()),
        rollback: false,
        hotfix: false,
        name: "api".to_owned(),
        repository: None,
    };
    let event = described(event, Attr::DeploymentName, "api");
    assert_eq!(deployed(event.clone()), expected);
    assert!(deployed(described(event, Attr::RefHeadName, "hotfix/slow")).hotfix);
    assert!(!deployed(cycle(acme("deploy/8"), 0, &[], &[])).production, "not said");
}

#[test]
fn a_deploy_is_flagged_by_its_parameters() {
    let flags = |parameters: &[(&str, &str)]| {
        let deployed = deployed(flagged(run(acme("deploy/8"), 0, None), parameters));
        (deployed.rollback, deployed.hotfix)
    };
    assert_eq!(flags(&[("ROLLBACK", "True"), ("hotfix", "false")]), (true, false));
    assert_eq!(flags(&[("rollback", ""), ("hotfix", "yes")]), (false, true));
    assert_eq!(flags(&[("type", "rollback")]), (false, false));
}

#[test]
fn a_deploy_of_jenkins_is_of_the_repository_it_checks_out_else_of_its_job() {
    let deploy = || run(key("jenkins:ci.acme.org/Ops/deploy-api/deploy/7"), 0, None);
    assert_eq!(deployed(deploy()).service, "ci.acme.org/Ops/deploy-api");
    assert_eq!(deployed(deploy()).environment, "");
    // Written otherwise than GitHub writes it, and the same.
    let cloned = described(deploy(), Attr::RepositoryUrl, "https://github.com/ACME/api");
    let told = described(pull_request(), Attr::RepositoryUrl, "https://github.com/Acme/api");
    assert_eq!(deployed(cloned).service, repository(&item(told)));
    let untold = item(cycle(key("github:github.com/Acme/api/issue/1"), 0, &[], &[]));
    assert_eq!(repository(&untold), "github.com/acme/api");
}

#[test]
fn a_deploy_that_names_no_repository_is_of_that_of_what_it_brings() {
    use crate::work::ship::Shipped;
    let deploy = |source: &str| item(run(key(&format!("{source}/deploy/7")), 0, None));
    let merged = |repository: &str| {
        item(cycle(
            key(&format!("github:github.com/{repository}/pull_request/2")),
            0,
            &[(9, Outcome::Merged)],
            &[],
        ))
    };
    let told = |deploy: &Item, above: Option<&str>, ships: &[&str]| {
        let above = above.map(merged).map(|item| Ancestor { key: item.key.clone(), item: Some(item) });
        let ships = ships.iter().map(|of| (acme("issue/1"), Shipped { item: merged(of), merged: at(9) }));
        let place = Place { ancestors: above.into_iter().collect(), ships: ships.collect(), ..alone(deploy) };
        let observation = observe(deploy, &place, &Tagger::default());
        let Detail::Deploy(deployed) = observation.detail else { unreachable!() };
        let of = observation.traits.into_iter().find(|(key, _)| key == "repository");
        (deployed.service, deployed.repository, of.unwrap().1)
    };
    let job = deploy("jenkins:ci/ship");
    let own = "ci/ship".to_owned();
    let api = "github.com/acme/api".to_owned();
    let found = (own.clone(), Some(api.clone()), api.clone());
    assert_eq!(told(&job, None, &["acme/api", "acme/api"]), found);
    assert_eq!(told(&job, Some("acme/api"), &[]), found);
    let unknown = (own.clone(), None, own);
    assert_eq!(told(&job, None, &["acme/api", "acme/web"]), unknown);
    assert_eq!(told(&job, Some("acme/web"), &["acme/api"]), unknown);
    assert_eq!(told(&job, None, &[]), unknown);
    let github = deploy("github:github.com/acme/api");
    assert_eq!(told(&github, None, &["acme/web"]), (api.clone(), None, api), "its key says");
}

#[test]
fn an_item_lived_from_its_first_opening_to_its_last_close() {
    let life = |event| seen(event).life;
    let open = life(cycle(acme("issue/1"), 0, &[(10, Outcome::Completed)], &[20]));
    let expected = Lived {
        opened: Some(at(0)),
        closed: None,
        start_known: true,
        clamped: false,
        reopened: 1,
        open: true,
    };
    assert_eq!(open, expected);
    let twice = &[(10, Outcome::Completed), (30, Outcome::NotPlanned)];
    let closed = life(cycle(acme("issue/1"), 0, twice, &[20]));
    assert_eq!(
        closed,
        Lived { closed: Some((at(30), Outcome::NotPlanned)), reopened: 1, open: false, ..expected }
    );

    let backwards = life(run(acme("build/1.1"), 100, Some((40, Outcome::Success))));
    assert!(backwards.clamped && !backwards.open);
    assert_eq!(backwards.closed, Some((at(100), Outcome::Success)));

    let ended = Run { ended: Some(Instant::stated(at(60))), ..Run::default() };
    let headless = life(Event { key: acme("build/1.1"), facts: Facts::run(ended) });
    assert_eq!((headless.opened, headless.start_known), (Some(at(60)), false));
    assert_eq!(headless.closed, Some((at(60), Outcome::Unknown)));

    let nothing = life(Event { key: acme("issue/1"), facts: Facts::cycle(Cycle::default()) });
    assert_eq!(nothing.closed, None);
}

#[test]
fn a_run_says_when_it_was_asked_for() {
    let queued =
        Run { queued: Some(Instant::stated(at(0))), started: Some(Instant::stated(at(5))), ..Run::default() };
    let detail = seen(Event { key: acme("job/1"), facts: Facts::run(queued) }).detail;
    assert_eq!(detail, Detail::Run(Ran { queued: Some(at(0)) }));
    assert_eq!(seen(cycle(acme("build/1.1"), 0, &[], &[])).detail, Detail::Run(Ran { queued: None }));
    assert_eq!(seen(cycle(acme("sprint/1"), 0, &[], &[])).detail, Detail::None);
}

#[test]
fn traits_are_those_of_the_kind_and_labels_one_by_one() {
    let issue = described(cycle(acme("issue/1"), 0, &[], &[]), Attr::IssueType, "Bug");
    let mut issue = labelled(issue, &["team:payments", "slow"]);
    // Taken back: it is in no milestone any more.
    let none = Latest::new(stamp(9), Value::Str(String::new()));
    issue.facts.attrs.insert(Attr::IssueMilestone, none);
    let observation = seen(issue);
    assert_eq!(
        pairs(&observation.traits),
        [
            "source=github",
            "repository=github.com/acme/api",
            "issue.type=Bug",
            "label=slow",
            "label=team:payments"
        ]
    );
    assert_eq!(pairs(&observation.tags), ["team=payments"]);

    let job = described(run(acme("job/1"), 0, None), Attr::PipelineName, "CI");
    let traits = pairs(&seen(described(job, Attr::TaskName, "test")).traits);
    assert_eq!(traits[2..], ["pipeline=CI", "job=test"]);
}

#[test]
fn an_observation_says_where_the_item_is_but_not_what_it_follows() {
    let build = item(run(acme("build/1.2"), 0, None));
    let ancestor = |kind_and_id| Ancestor { key: acme(kind_and_id), item: None };
    let link = |relation, id: &str| Link { relation, root: acme("issue/1"), key: acme(id), item: None };
    let place = Place {
        ancestors: vec![ancestor("pull_request/2"), ancestor("issue/1")],
        links: vec![link(Relation::Commit, "pull_request/3"), link(Relation::Follows, "build/1.1")],
        ..alone(&build)
    };
    let observation = observe(&build, &place, &Tagger::default());
    let keys = |keys: &[&str]| keys.iter().map(|key| acme(key)).collect::<Vec<Key>>();
    assert_eq!(observation.ancestors, keys(&["pull_request/2", "issue/1"]));
    assert_eq!(observation.links, keys(&["pull_request/3"]));
}

#[test]
fn an_item_is_unresolved_while_what_it_points_at_above_it_is_unseen() {
    let change = || item(pull_request());
    let pointing = |relation, target: Key| {
        item(related(run(acme("build/1.1"), 0, None), relation, vec![Target::Key(target)]))
    };
    let build = pointing(Relation::PullRequest, acme("pull_request/2"));
    let below = |parent: Option<Item>| Place {
        ancestors: vec![Ancestor { key: acme("pull_request/2"), item: parent }],
        ..alone(&build)
    };
    assert!(unresolved(&build, &alone(&build)));
    assert!(unresolved(&build, &below(None)), "its parent was never seen");
    assert!(!unresolved(&build, &below(Some(change()))));

    let linked = |relation, other| Place {
        links: vec![Link { relation, root: acme("issue/1"), key: acme("pull_request/2"), item: other }],
        ..alone(&build)
    };
    assert!(!unresolved(&build, &linked(Relation::PullRequest, Some(change()))), "exported before");
    assert!(unresolved(&build, &linked(Relation::PullRequest, None)));
    assert!(unresolved(&build, &linked(Relation::Follows, Some(change()))));

    for nowhere in [
        item(run(acme("build/1.1"), 0, None)),
        pointing(Relation::Follows, acme("pull_request/2")),
        pointing(Relation::Closes, acme("job/3")),
        item(related(
            cycle(acme("issue/1"), 0, &[], &[]),
            Relation::Token,
            vec![Target::Key(acme("issue/2"))],
        )),
    ] {
        assert!(!unresolved(&nowhere, &alone(&nowhere)), "{nowhere:?}");
    }
}

#[test]
fn the_fingerprint_is_that_of_the_rules_and_of_this_module() {
    let other = Tagger::new(&["tier".to_owned()], &[]).unwrap();
    assert_ne!(fingerprint(&Tagger::default()), fingerprint(&other));
    assert_ne!(fingerprint(&other), other.fingerprint());
    assert_eq!(fingerprint(&other), fingerprint(&other.clone()));
}
