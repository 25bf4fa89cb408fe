use super::super::population::testing::{Seen, of, population, seen};
use super::*;
use crate::insight::delivery::{History, Scope};
use crate::work::event::{Event, Happening, Move, Outcome, Role, Step, What};
use crate::work::lattice::{Instant, Latest};
use crate::work::testing::{acme, at, cycle, item, key, run, stamp};

fn told(event: Event) -> Option<Item> {
    Some(item(event))
}

/// An issue from 0 to 1000, a pull request from 100 to 600 and again from 700 to 800 (reopened),
/// and deployed at 1050, a build that was never told of with a job of one step, and an open deploy.
fn story() -> Trace {
    let population = population(&[
        seen("issue/1").lived(0, 1_000, Outcome::Completed).tag("team", "payments"),
        seen("pull_request/2").lived(100, 800, Outcome::Merged).below(&["issue/1"]),
        seen("job/3").lived(200, 300, Outcome::Failure).below(&["build/9.1", "pull_request/2", "issue/1"]),
        seen("deploy/4").opened(1_100).below(&["pull_request/2", "issue/1"]).linked(&["pull_request/7"]),
        // Of other traces: with the second one the change arrived.
        seen("deploy/8").lived(0, 5, Outcome::Success),
        seen("deploy/9").lived(850, 1_050, Outcome::Success),
    ]);
    let mut job = run(acme("job/3"), 200, Some((300, Outcome::Failure)));
    let Life::Run(life) = &mut job.facts.life else { unreachable!() };
    life.queued = Some(Instant::stated(at(150)));
    let Life::Run(step) = run(acme("job/3"), 210, Some((290, Outcome::Failure))).facts.life else {
        unreachable!()
    };
    job.facts.steps.insert(1, Step { name: Some(Latest::new(stamp(0), "Run tests".to_owned())), run: step });
    let mut pull =
        cycle(acme("pull_request/2"), 100, &[(600, Outcome::Closed), (800, Outcome::Merged)], &[700]);
    for (seconds, what) in [(150, What::Reviewed), (750, What::Labeled)] {
        let happening = Happening { at: at(seconds), what, detail: None, role: None, person: None };
        pull.facts.happenings.insert(happening);
    }
    let root = population.find(&acme("issue/1")).unwrap();
    let (rows, omitted) = members(&population, root);
    let items: Vec<Option<Item>> = rows
        .iter()
        .map(|row| match population.key(*row).unwrap().kind() {
            Kind::Issue => told(cycle(acme("issue/1"), 0, &[(1_000, Outcome::Completed)], &[])),
            Kind::PullRequest => told(pull.clone()),
            Kind::Job => told(job.clone()),
            Kind::Deploy => told(cycle(acme("deploy/4"), 1_100, &[], &[])),
            Kind::Build | Kind::Sprint => None,
        })
        .collect();
    let address = |id: &str| Some(format!("http://jaeger/{id}"));
    let history = History::of(&population, &Scope::production()).unwrap();
    let arrival = |row: u32| history.arrival(row);
    waterfall(&population, &rows, &items, omitted, at(1_200), arrival, address).unwrap()
}

#[test]
fn a_trace_is_drawn_with_its_parents_before_their_children() {
    let trace = story();
    let bars: Vec<_> = trace
        .spans
        .iter()
        .map(|s| (s.depth, s.name.as_str(), s.episode, s.seconds, s.queued_seconds, s.error))
        .collect();
    assert_eq!(
        bars,
        [
            (0, "issue", 0, Some(1_000.0), None, false),
            (1, "pull_request", 0, Some(500.0), None, false),
            (1, "pull_request", 1, Some(100.0), None, false),
            (2, "pull_request.deploy", 1, Some(250.0), None, false),
            (2, "build", 0, None, None, false),
            (3, "job", 0, Some(100.0), Some(50.0), true),
            (4, "job.queue", 0, Some(50.0), None, false),
            (4, "step", 0, Some(80.0), None, true),
            (2, "deploy", 0, Some(100.0), None, false),
        ]
    );
    let ships = TraceLink { relation: "ships".to_owned(), key: acme("pull_request/7") };
    assert_eq!(trace.spans[8].links, [ships]);
    assert_eq!(trace.backend_url.unwrap(), format!("http://jaeger/{}", TraceId::of(&acme("issue/1"))));
    assert_eq!((trace.from, trace.to), (Some(At(at(0))), Some(At(at(1_200)))));
}

#[test]
fn events_stand_in_the_episode_in_which_they_happened() {
    let trace = story();
    let events = |at: usize| trace.spans[at].events.iter().map(|e| e.name.as_str()).collect::<Vec<_>>();
    assert_eq!((events(1), events(2)), (vec!["reviewed"], vec!["labeled"]));
}

#[test]
fn what_is_between_is_waiting() {
    let waits: Vec<_> =
        story().waits.iter().map(|w| (w.from.0.since(at(0)) / 1_000_000, w.seconds)).collect();
    assert_eq!(waits, [(0, 100.0), (600, 100.0), (800, 300.0)]);
}

/// A pull request without an issue, its population and what is known of it.
fn alone(seen: Seen, event: Event, more: &[Seen]) -> Trace {
    let population = population(&[std::slice::from_ref(&seen), more].concat());
    let row = population.find(&seen.0.key).unwrap();
    let history = History::of(&population, &Scope::production()).unwrap();
    let arrival = |row: u32| history.arrival(row);
    waterfall(&population, &[row], &[told(event)], 0, at(1_000), arrival, |_| None).unwrap()
}

fn stages(trace: &Trace) -> Vec<(&str, Option<&str>, Option<f64>, bool)> {
    let stages = trace.spans.iter().filter(|span| span.stage.is_some());
    stages.map(|s| (&*s.name, s.title.as_deref(), s.seconds, s.end.is_some())).collect()
}

fn reviewed(mut event: Event, seconds: i64) -> Event {
    event.facts.happenings.insert(Happening {
        at: at(seconds),
        what: What::Reviewed,
        detail: Some("approved".to_owned()),
        role: Some(Role::Other),
        person: None,
    });
    event
}

#[test]
fn a_pull_request_has_its_stages_right_below_it_until_it_is_deployed() {
    let pull = seen("pull_request/2").merged(100, 600).change(|it| it.first_commit = Some(at(40)));
    let event = reviewed(cycle(acme("pull_request/2"), 100, &[(600, Outcome::Merged)], &[]), 400);
    let deploys = [
        seen("deploy/1").lived(10, 20, Outcome::Success),
        seen("deploy/2").lived(700, 790, Outcome::Failure),
        seen("deploy/3").lived(800, 900, Outcome::Success),
        seen("deploy/4").lived(950, 990, Outcome::Success),
    ];
    let trace = alone(pull, event, &deploys);
    assert_eq!(
        stages(&trace),
        [
            ("pull_request.coding", None, Some(60.0), true),
            ("pull_request.pickup", None, Some(300.0), true),
            ("pull_request.merge", None, Some(200.0), true),
            ("pull_request.review", None, Some(200.0), true),
            ("pull_request.deploy", Some("api to production"), Some(300.0), true),
        ]
    );
    let depths: Vec<u32> = trace.spans.iter().map(|span| span.depth).collect();
    assert_eq!(depths, [0, 1, 1, 1, 1, 1]);
    let deploy = TraceLink { relation: "deploy".to_owned(), key: acme("deploy/3") };
    assert_eq!(trace.spans[5].links, [deploy]);
    assert_eq!((trace.from, trace.to), (Some(At(at(40))), Some(At(at(900)))));
    assert_eq!(trace.waits, [], "stages are no work of others");
}

#[test]
fn what_is_open_is_shown_in_the_stage_that_it_is_in() {
    let waiting =
        alone(seen("pull_request/2").opened(100), cycle(acme("pull_request/2"), 100, &[], &[]), &[]);
    assert_eq!(stages(&waiting), [("pull_request.pickup", None, Some(900.0), false)]);
    let jira = key("jira:acme.atlassian.net/PROJ/issue/PROJ-1");
    let mut issue = cycle(jira.clone(), 0, &[], &[]);
    let step = Move { from: Some("To Do".to_owned()), to: "Doing".to_owned(), category: None };
    issue.facts.moves.insert(at(300), Latest::new(stamp(300), step));
    let sprint = jira.sibling(Kind::Sprint, "7").unwrap();
    let unseen = jira.sibling(Kind::Issue, "PROJ-9").unwrap();
    issue.facts.relate(stamp(0), Relation::Sprint, vec![Target::Key(sprint.clone())]);
    issue.facts.relate(stamp(0), Relation::BlockedBy, vec![Target::Key(unseen)]);
    let trace = alone(of(jira), issue, &[of(sprint.clone())]);
    assert_eq!(
        stages(&trace),
        [
            ("issue.status", Some("To Do"), Some(300.0), true),
            ("issue.status", Some("Doing"), Some(700.0), false)
        ]
    );
    let links = &trace.spans[0].links;
    assert_eq!(*links, [TraceLink { relation: "sprint".to_owned(), key: sprint }], "what was seen");
}
