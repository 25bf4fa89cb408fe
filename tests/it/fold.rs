//! The fold does not depend on the order: generated lives of every kind of item, told through the
//! real parsers in any order, with repetitions and in parts, give the same items and the same
//! bytes of spans.

use std::collections::BTreeMap;
use std::fmt;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use rand::SeedableRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use valuestream::config::Config;
use valuestream::export::encode;
use valuestream::sources::jenkins::JenkinsOptions;
use valuestream::sources::{self, Context, Parsed, Request};
use valuestream::work::attr::Attr;
use valuestream::work::convention::Conventions;
use valuestream::work::event::{
    Cycle, Event, Facts, Happening, Outcome, Relation, Run, Said, Step, Target, What,
};
use valuestream::work::item::Item;
use valuestream::work::key::{Key, Source};
use valuestream::work::lattice::{BOUND, Bounded, BoundedMap, Instant, Join, Latest, Stamp, Trust};
use valuestream::work::span::{self, Placement};
use valuestream::work::tags::{Tagger, Tags};
use valuestream::work::time::Time;

use crate::story;
use crate::support::payloads::*;
use crate::support::receiver::{Received, Receiver};
use crate::support::sender::Delivery;
use crate::support::server::Server;

/// One delivery of a life.
#[derive(Clone)]
struct Told {
    source: Source,
    event: &'static str,
    payload: Value,
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.event, self.payload)
    }
}

fn github(event: &'static str, payload: Value) -> Told {
    Told { source: Source::Github, event, payload }
}

fn jenkins_told(payload: Value) -> Told {
    Told { source: Source::Jenkins, event: "", payload }
}

/// What an issue looks like while its life goes on, as GitHub's snapshots show it.
#[derive(Clone)]
struct Issue {
    minute: i64,
    closed: Option<(i64, &'static str)>,
    labels: Vec<&'static str>,
    title: usize,
    told: Vec<Told>,
    /// The intervals that it was open for, in minutes.
    intervals: Vec<(i64, Option<i64>)>,
}

impl Issue {
    fn tell(&mut self, action: &str, more: Value) {
        let mut payload = issue(action, 12, self.minute, self.closed.map(|(at, _)| at));
        payload["issue"]["title"] = json!(format!("title {}", self.title));
        payload["issue"]["state_reason"] = json!(self.closed.map(|(_, reason)| reason));
        let labels: Vec<Value> = self.labels.iter().map(|name| json!({ "name": name })).collect();
        payload["issue"]["labels"] = json!(labels);
        payload.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        self.told.push(github("issues", payload));
    }

    /// A step of its life; those that make no sense now are left out.
    fn step(&mut self, gap: i64, step: usize) {
        self.minute += gap;
        match step {
            0 => {
                self.title += 1;
                self.tell("edited", json!({"changes": {"title": {"from": "before"}}}));
            }
            1 => {
                let label = ["bug", "team:payments", "language/go"][self.told.len() % 3];
                if !self.labels.contains(&label) {
                    self.labels.push(label);
                }
                self.tell("labeled", json!({"label": {"name": label}}));
            }
            2 => {
                if let Some(label) = self.labels.pop() {
                    self.tell("unlabeled", json!({"label": {"name": label}}));
                }
            }
            3 => self.tell("assigned", json!({"assignee": {"login": "grace", "id": 8}})),
            4 if self.closed.is_some() => {
                self.closed = None;
                self.intervals.push((self.minute, None));
                self.tell("reopened", json!({}));
            }
            _ if self.closed.is_none() => {
                let reason = ["completed", "not_planned", "duplicate"][self.told.len() % 3];
                self.closed = Some((self.minute, reason));
                self.intervals.last_mut().unwrap().1 = Some(self.minute);
                self.tell("closed", json!({}));
            }
            _ => {}
        }
    }
}

fn issue_life(gaps: impl Strategy<Value = i64> + Clone) -> impl Strategy<Value = Issue> {
    // Closing and reopening more often than they would come by chance.
    let step = select(vec![0, 1, 1, 2, 3, 4, 4, 4, 5, 5, 5]);
    proptest::collection::vec((gaps, step), 0..14).prop_map(|steps| {
        let mut issue = Issue {
            minute: 0,
            closed: None,
            labels: vec!["bug"],
            title: 0,
            told: Vec::new(),
            intervals: vec![(0, None)],
        };
        issue.tell("opened", json!({}));
        steps.into_iter().for_each(|(gap, step)| issue.step(gap, step));
        issue
    })
}

fn pull_request_life() -> impl Strategy<Value = Vec<Told>> {
    let step = select(vec!["synchronize", "labeled", "review", "draft", "close", "close", "merge", "edited"]);
    proptest::collection::vec((0..3i64, step), 0..14).prop_map(|steps| {
        let (mut minute, mut commits, mut merged, mut closed, mut draft) = (10, 1, None, None, false);
        let mut labels: Vec<Value> = Vec::new();
        let mut told = Vec::new();
        let mut body = "Fixes #12".to_owned();
        for (gap, step) in std::iter::once((0, "opened")).chain(steps) {
            minute += gap;
            let mut more = json!({});
            let action = match step {
                _ if merged.is_some() && step != "labeled" => continue,
                "synchronize" => {
                    more = json!({"before": format!("{:040x}", commits), "after": format!("{:040x}", commits + 1)});
                    commits += 1;
                    "synchronize"
                }
                "labeled" => {
                    let label = format!("team/{}", labels.len());
                    more = json!({"label": {"name": label}});
                    labels.push(json!({"name": label}));
                    "labeled"
                }
                "review" => "submitted",
                "draft" => {
                    draft = !draft;
                    if draft { "converted_to_draft" } else { "ready_for_review" }
                }
                "close" if closed.is_some() => {
                    closed = None;
                    "reopened"
                }
                "close" => {
                    closed = Some(minute);
                    "closed"
                }
                "merge" if closed.is_some() => continue,
                "merge" => {
                    merged = Some(minute);
                    "closed"
                }
                "edited" => {
                    body = format!("Fixes #{}", 12 + minute % 3);
                    "edited"
                }
                other => other,
            };
            let mut payload = pull_request(action, 15, minute, merged);
            let pr = &mut payload["pull_request"];
            if let (Some(at), None) = (closed, merged) {
                pr["closed_at"] = json!(time(at));
                pr["state"] = json!("closed");
            }
            pr["head"]["sha"] = json!(format!("{commits:040x}"));
            pr["commits"] = json!(commits);
            pr["draft"] = json!(draft);
            pr["labels"] = json!(labels);
            pr["body"] = json!(body);
            payload.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
            let event = if action == "submitted" { "pull_request_review" } else { "pull_request" };
            if action == "submitted" {
                let state = ["approved", "changes_requested", "commented"][commits % 3];
                payload["review"] = review(15, minute, state)["review"].clone();
                for lacking in ["merged", "additions", "deletions", "changed_files", "commits"] {
                    payload["pull_request"].as_object_mut().unwrap().remove(lacking);
                }
            }
            told.push(github(event, payload));
        }
        told
    })
}

/// The Notification plugin's phases and the Statistics Gatherer's two messages about one build;
/// any of them may be missing.
fn jenkins_life() -> impl Strategy<Value = Vec<Told>> {
    let status = select(vec!["SUCCESS", "UNSTABLE", "FAILURE", "ABORTED", "NOT_BUILT"]);
    (status, 0..2i64, 0..3i64, 0..2i64, any::<bool>(), any::<bool>())
        .prop_map(|(status, wait, duration, cleanup, deploys, without_executor)| {
            let (start, end) = (5 + wait, 5 + wait + duration);
            let parameters = json!({
                "type": if deploys { "deploy" } else { "ci" }, "team": "payments", "environment": "production",
                "ghprbPullId": "15", "ghprbActualCommit": HEAD_SHA, "ghprbGhRepository": "acme/api",
            });
            let notified = |phase: &str, minute: i64, duration: i64, status: Option<&str>, commit: &str| {
                let mut payload = jenkins("acme/ship", 7, phase, minute, duration, status);
                payload["build"]["parameters"] = parameters.clone();
                payload["build"]["scm"] = json!({
                    "url": "https://github.com/acme/api.git", "branch": "origin/12-basket", "commit": commit,
                    "changes": [], "culprits": [],
                });
                payload
            };
            // What is checked out at the start can be what the build before had.
            let mut queued = notified("QUEUED", 5, 0, None, MERGE_SHA);
            if without_executor {
                queued["build"]["timestamp"] = json!(0);
            }
            let statistics = |result: &str, start: i64, end: i64, duration: i64| {
                json!({
                    "ciUrl": "https://ci.example.org/", "jobName": "ship", "fullJobName": "acme/ship", "number": 7,
                    "slaveInfo": {"slaveName": "agent-1", "executor": "0", "label": "linux"},
                    "startTime": millis(start), "endTime": millis(end), "startedUserId": "ada", "result": result,
                    "duration": duration * 60_000, "parameters": parameters, "queueTime": wait * 60_000,
                    "scmInfo": {"url": "https://github.com/acme/api.git", "branch": "origin/12-basket", "commit": HEAD_SHA},
                    "buildUrl": "job/acme/job/ship/7/", "contextId": 0, "buildCause": "Started by an SCM change",
                })
            };
            [
                queued,
                notified("STARTED", start, 0, None, MERGE_SHA),
                notified("COMPLETED", end, duration, Some(status), HEAD_SHA),
                notified("FINALIZED", end + cleanup, duration, Some(status), HEAD_SHA),
                statistics("INPROGRESS", start, start, 0),
                statistics(status, end, end, duration),
            ]
            .map(jenkins_told)
            .to_vec()
        })
        .prop_flat_map(|all| subsequence(all, 1..=6))
}

fn deploy_life() -> impl Strategy<Value = Vec<Told>> {
    let state = select(vec![
        "queued",
        "pending",
        "in_progress",
        "waiting",
        "success",
        "failure",
        "error",
        "inactive",
    ]);
    proptest::collection::vec((0..2i64, state), 0..8).prop_map(|states| {
        let mut minute = 62;
        let mut told = vec![github("deployment", deployment(70, minute))];
        for (gap, state) in states {
            minute += gap;
            told.push(github("deployment_status", deployment_status(70, 62, minute, state)));
        }
        told
    })
}

fn workflow_life() -> impl Strategy<Value = Vec<Told>> {
    let conclusion = select(vec!["success", "failure", "cancelled", "skipped", "timed_out", "neutral"]);
    (conclusion, 0..2i64, 0..3i64).prop_map(|(conclusion, wait, length)| {
        let (start, end) = (12 + wait, 12 + wait + length);
        let mut in_progress = workflow_run("in_progress", 500, 12, None);
        in_progress["workflow_run"]["updated_at"] = json!(time(start));
        let job = |action: &str, steps: bool| {
            let mut payload = workflow_job(900, 500, start, end);
            payload["action"] = json!(action);
            let job = &mut payload["workflow_job"];
            job["conclusion"] = json!((action == "completed").then_some(conclusion));
            if action != "completed" {
                job["completed_at"] = json!(null);
                job["runner_id"] = json!(0);
            }
            match action {
                "queued" => job["started_at"] = job["created_at"].clone(),
                "in_progress" => {
                    for step in job["steps"].as_array_mut().unwrap() {
                        step["conclusion"] = json!(null);
                        step["completed_at"] = json!(null);
                    }
                }
                _ => {}
            }
            if !steps {
                job["steps"] = json!([]);
            }
            github("workflow_job", payload)
        };
        vec![
            github("workflow_run", workflow_run("requested", 500, 12, None)),
            github("workflow_run", in_progress),
            job("queued", false),
            job("in_progress", true),
            job("completed", true),
            github("workflow_run", workflow_run("completed", 500, 12, Some((end, conclusion)))),
        ]
    })
}

fn life() -> impl Strategy<Value = Vec<Told>> {
    prop_oneof![
        3 => issue_life(0..3i64).prop_map(|issue| issue.told),
        3 => pull_request_life(),
        2 => jenkins_life(),
        2 => deploy_life(),
        1 => workflow_life(),
    ]
}

/// A life, and an order of arrival: every delivery at least once, some more often.
fn arrivals() -> impl Strategy<Value = (Vec<Told>, Vec<usize>)> {
    life().prop_flat_map(|told| {
        let count = told.len();
        let repeated = proptest::collection::vec(0..count, 0..=count);
        let order = repeated
            .prop_flat_map(move |again| Just((0..count).chain(again).collect::<Vec<usize>>()).prop_shuffle());
        (Just(told), order)
    })
}

fn tagger() -> Tagger {
    Config::load(None, std::iter::empty::<(String, String)>()).unwrap().tagger().unwrap()
}

fn at(minute: i64) -> Time {
    Time::parse(&time(minute)).unwrap()
}

/// What a delivery says that arrives at `received`.
fn said(told: &Told, received: Time, tagger: &Tagger) -> Said {
    let mut headers = HeaderMap::new();
    if told.source == Source::Github {
        headers.insert(HeaderName::from_static("x-github-event"), HeaderValue::from_static(told.event));
    }
    let body = told.payload.to_string();
    let jenkins = JenkinsOptions::default();
    let conventions = Conventions::default();
    let context =
        Context { people: true, received_at: received, tagger, conventions: &conventions, jenkins: &jenkins };
    let request = Request { headers: &headers, body: body.as_bytes() };
    match sources::parse(told.source, request, &context).content {
        Ok(Parsed::Used(said)) => said,
        Ok(Parsed::Ignored { .. }) => Said::default(),
        Err(error) => panic!("{error}: {told:?}"),
    }
}

type Items = BTreeMap<Key, Item>;

fn fold(items: &mut Items, events: impl IntoIterator<Item = Event>) {
    for event in events {
        match items.get_mut(&event.key) {
            Some(item) => item.fold(event.facts),
            None => {
                items.insert(event.key.clone(), Item::new(event));
            }
        }
    }
}

/// The bytes of all spans, by item.
fn bytes(items: &Items, tagger: &Tagger) -> BTreeMap<Key, Vec<u8>> {
    let spans = |item: &Item| {
        let tags = tagger.tags(item, &Tags::new());
        let alone = Placement::alone(&item.key);
        let spans: Vec<_> =
            item.episodes().iter().flat_map(|episode| span::project(item, episode, &alone, &tags)).collect();
        encode::encode(&spans)
    };
    items.iter().map(|(key, item)| (key.clone(), spans(item))).collect()
}

/// The deliveries in the given order, each arriving a minute after the one before, later than
/// anything that they tell of.
fn arrived(told: &[Told], order: &[usize], tagger: &Tagger) -> Vec<Vec<Event>> {
    let events = |(n, index): (usize, &usize)| said(&told[*index], at(10_000 + n as i64), tagger).events;
    order.iter().enumerate().map(events).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_and_any_repetition_give_the_same_item_and_the_same_bytes(
        (told, order) in arrivals(),
    ) {
        let tagger = tagger();
        let in_order: Vec<usize> = (0..told.len()).collect();
        let (mut ordered, mut shuffled) = (Items::new(), Items::new());
        fold(&mut ordered, arrived(&told, &in_order, &tagger).concat());
        fold(&mut shuffled, arrived(&told, &order, &tagger).concat());
        prop_assert_eq!(&shuffled, &ordered);
        prop_assert_eq!(bytes(&shuffled, &tagger), bytes(&ordered, &tagger));
    }

    #[test]
    fn parts_that_were_folded_apart_join_to_the_same_item(
        (told, order) in arrivals(),
        halves in proptest::collection::vec(any::<bool>(), 64),
    ) {
        let tagger = tagger();
        let (mut whole, mut left, mut right) = (Items::new(), Items::new(), Items::new());
        for (n, events) in arrived(&told, &order, &tagger).into_iter().enumerate() {
            fold(&mut whole, events.clone());
            fold(if halves[n % halves.len()] { &mut left } else { &mut right }, events);
        }
        let join = |mut mine: Items, theirs: Items| {
            fold(&mut mine, theirs.into_values().map(|item| Event { key: item.key, facts: item.facts }));
            mine
        };
        let (ahead, behind) = (join(left.clone(), right.clone()), join(right.clone(), left.clone()));
        prop_assert_eq!(&ahead, &whole);
        prop_assert_eq!(&behind, &whole);
        // What is there already changes nothing.
        prop_assert_eq!(&join(join(ahead, left), right), &whole);
    }

    /// Not only the same in any order, but right: an issue was open when it was open.
    #[test]
    fn an_issues_episodes_are_the_intervals_in_which_it_was_open(
        (issue, order) in issue_life(1..3i64).prop_flat_map(|issue| {
            let order: Vec<usize> = (0..issue.told.len()).collect();
            (Just(issue), Just(order).prop_shuffle())
        }).prop_filter("one that was closed", |(issue, _)| issue.told.len() > 1),
    ) {
        let tagger = tagger();
        let mut items = Items::new();
        fold(&mut items, arrived(&issue.told, &order, &tagger).concat());
        let item = items.into_values().next().unwrap();
        let intervals: Vec<_> = item
            .episodes()
            .iter()
            .map(|episode| (episode.start, episode.end.map(|(end, _)| end)))
            .collect();
        let lived: Vec<_> =
            issue.intervals.iter().map(|(start, end)| (at(*start), end.map(at))).collect();
        prop_assert_eq!(intervals, lived);
    }
}

impl fmt::Debug for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.told).finish()
    }
}

fn instant() -> impl Strategy<Value = Instant> {
    (trust(), 0..4i64).prop_map(|(trust, minute)| Instant { trust, at: at(minute) })
}

fn trust() -> impl Strategy<Value = Trust> {
    select(vec![Trust::Receipt, Trust::Near, Trust::Derived, Trust::Stated])
}

fn latest<T: fmt::Debug + Clone + 'static>(
    value: impl Strategy<Value = T>,
) -> impl Strategy<Value = Latest<T>> {
    let stamp = (trust(), proptest::option::of(0..3i64), 0..3u8).prop_map(|(trust, minute, step)| Stamp {
        trust,
        at: minute.map(at),
        step,
    });
    (stamp, value).prop_map(|(stamp, value)| Latest::new(stamp, value))
}

fn outcome() -> impl Strategy<Value = Outcome> {
    select(vec![Outcome::Unknown, Outcome::Completed, Outcome::Merged, Outcome::Success, Outcome::Failure])
}

fn run() -> impl Strategy<Value = Run> {
    use proptest::option::of;
    (of(instant()), of(instant()), of(instant()), of(latest(0..4i64)), of(latest(outcome()))).prop_map(
        |(queued, started, ended, duration, outcome)| Run { queued, started, ended, duration, outcome },
    )
}

fn cycle() -> impl Strategy<Value = Cycle> {
    use proptest::collection::vec;
    use proptest::option::of;
    let times = || vec((0..5i64).prop_map(at), 0..4).prop_map(Bounded::from_iter);
    (of(instant()), vec((0..5i64, latest(outcome())), 0..4), times(), times(), of(instant())).prop_map(
        |(opened, closings, reopened, under_way, withdrawn)| {
            let mut closed = BoundedMap::default();
            closings.into_iter().for_each(|(minute, outcome)| closed.insert(at(minute), outcome));
            Cycle { opened, closed, reopened, under_way, withdrawn }
        },
    )
}

/// Facts of one shape, about everything that facts can be about, from so few values that they
/// often contradict each other.
fn facts(runs: bool) -> impl Strategy<Value = Facts> {
    use proptest::collection::{btree_map, btree_set, vec};
    use proptest::option::of;
    let life = if runs { run().prop_map(Facts::run).boxed() } else { cycle().prop_map(Facts::cycle).boxed() };
    let word = || select(vec!["a", "b", "c"]).prop_map(str::to_owned);
    let attrs =
        btree_map(select(vec![Attr::IssueTitle, Attr::Environment, Attr::ChangeId]), latest(word()), 0..3);
    let happenings =
        vec((0..3i64, select(vec![What::Edited, What::Labeled, What::Reviewed]), of(word())), 0..4);
    let targets = vec(select(vec!["issue/1", "pull_request/2"]), 0..2);
    let relations = btree_map(select(vec![Relation::Run, Relation::Closes]), latest(targets), 0..2);
    let steps = vec((0..3u32, of(latest(word())), run()), 0..3);
    let marks = (
        of(latest(word())),
        of(latest(btree_set(word(), 0..3))),
        of(latest(btree_map(word(), word(), 0..3))),
    );
    (life, attrs, happenings, relations, steps, marks).prop_map(
        |(mut facts, attrs, happenings, relations, steps, (language, labels, parameters))| {
            facts.attrs =
                attrs.into_iter().map(|(attr, l)| (attr, Latest::new(l.stamp, l.value.into()))).collect();
            for (minute, what, detail) in happenings {
                facts.happenings.insert(Happening { at: at(minute), what, detail, role: None, person: None });
            }
            for (relation, Latest { stamp, value }) in relations {
                let key = |id: &str| format!("github:github.com/acme/api/{id}").parse().unwrap();
                facts.relate(stamp, relation, value.into_iter().map(|id| Target::Key(key(id))).collect());
            }
            for (number, name, run) in steps {
                facts.steps.insert(number, Step { name, run });
            }
            facts.marks.language = language;
            facts.marks.labels = labels;
            facts.marks.parameters = parameters;
            facts
        },
    )
}

fn joined<T: Join + Clone>(a: &T, b: &T) -> T {
    let mut joined = a.clone();
    joined.join(b.clone());
    joined
}

/// Commutative, associative, idempotent.
fn is_lattice<T: Join + Clone + PartialEq + fmt::Debug>(a: &T, b: &T, c: &T) -> Result<(), TestCaseError> {
    prop_assert_eq!(joined(a, b), joined(b, a));
    prop_assert_eq!(joined(&joined(a, b), c), joined(a, &joined(b, c)));
    prop_assert_eq!(&joined(a, a), a);
    prop_assert_eq!(joined(&joined(a, b), b), joined(a, b));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn facts_are_a_lattice(
        (a, b, c) in any::<bool>().prop_flat_map(|runs| (facts(runs), facts(runs), facts(runs))),
    ) {
        is_lattice(&a, &b, &c)?;
    }

    #[test]
    fn bounds_do_not_break_the_lattice(sets in proptest::array::uniform3(
        proptest::collection::vec((0..2 * BOUND as u16, latest(0..4u8)), 0..2 * BOUND)
    )) {
        let [a, b, c] = sets.clone().map(|set| Bounded::from_iter(set.into_iter().map(|(n, _)| n)));
        is_lattice(&a, &b, &c)?;
        prop_assert!(joined(&a, &b).iter().count() <= BOUND);
        let [a, b, c] = sets.map(|set| {
            let mut map = BoundedMap::default();
            set.into_iter().for_each(|(key, value)| map.insert(key, value));
            map
        });
        is_lattice(&a, &b, &c)?;
        prop_assert!(joined(&a, &b).iter().count() <= BOUND);
    }
}

/// What the story's items looked like before they came to look as they do at its end.
fn contradictions() -> Vec<Delivery> {
    let mut before = issue("edited", 12, 30, None);
    before["issue"]["title"] = json!("Checkout?");
    before["issue"]["labels"] = json!([{"name": "team:unknown"}]);
    let mut draft = pull_request("labeled", 15, 45, None);
    draft["pull_request"]["draft"] = json!(true);
    draft["pull_request"]["body"] = json!("Fixes #11, I think");
    draft["label"] = json!({"name": "wip"});
    let mut started = jenkins("deploy-api", 3, "STARTED", 90, 0, None);
    started["build"]["parameters"] =
        json!({"type": "deploy", "environment": "staging", "deploy_type": "mutable"});
    vec![
        Delivery::github("issues", &before),
        Delivery::github("pull_request", &draft),
        Delivery::jenkins(&started),
    ]
}

/// Tells the story in an order of its own, with some of it twice, and gives the spans that a
/// receiver gets of it.
async fn spans_of_the_story(shuffled: Option<u64>) -> Vec<Received> {
    let receiver = Receiver::start().await;
    let server =
        Server::start_with(&[("EXPORT__ENDPOINT", &receiver.endpoint()), ("EXPORT__SETTLE", "1day")]).await;
    let mut deliveries = story::story();
    deliveries.splice(1..1, contradictions());
    if let Some(seed) = shuffled {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let again: Vec<_> = deliveries.sample(&mut rng, 5).cloned().collect();
        deliveries.extend(again);
        deliveries.shuffle(&mut rng);
    }
    let sender = server.sender();
    for delivery in deliveries {
        let answer = sender.deliver(&delivery).await.unwrap();
        assert!(matches!(answer.code, 202 | 200), "{answer:?}");
    }
    let server = server.restart(&[("EXPORT__SETTLE", "0s")]).await;
    receiver.wait_until(|spans| spans.len() >= story::SPANS).await;
    server.metric_becomes("valuestream_outbox_items{backend=\"default\"}", 0.0).await;
    let mut spans = receiver.spans();
    spans.sort_by(|a, b| a.span.span_id.cmp(&b.span.span_id));
    spans
}

#[tokio::test]
async fn through_the_whole_program_the_order_does_not_show_either() {
    let ordered = spans_of_the_story(None).await;
    assert_eq!(ordered.len(), story::SPANS);
    for seed in 0..4 {
        assert_eq!(spans_of_the_story(Some(seed)).await, ordered, "seed {seed}");
    }
}
