//! Whatever the order of the deliveries of one issue, and however often each comes, they make the same
//! issue, and all of them together the one that really was.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::work::event::Outcome;

/// What somebody does to an issue.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Moves it to the status of that place.
    Move(usize),
    /// Changes its text.
    Edit,
    /// Resolves it, without moving it.
    Resolve(usize),
    /// Takes its resolution away.
    Unresolve,
    /// Writes a comment (Cloud).
    Comment,
}

const STATUSES: [(&str, &str, &str); 6] = [
    ("To Do", "1", "new"),
    ("In Progress", "3", "indeterminate"),
    ("Review", "4", "indeterminate"),
    ("Done", "5", "done"),
    ("Closed", "6", "done"),
    ("Cancelled", "7", "done"),
];

const RESOLUTIONS: [(&str, Outcome); 3] =
    [("Done", Outcome::Completed), ("Won't Do", Outcome::NotPlanned), ("Duplicate", Outcome::Duplicate)];

/// How a company has set up its workflow.
#[derive(Clone, Copy, Debug)]
struct Workflow {
    cloud: bool,
    /// Whether a move to done resolves, and one back takes the resolution away.
    resolves: bool,
}

/// An issue as Jira knows it.
struct World {
    workflow: Workflow,
    now: i64,
    status: usize,
    category_changed: i64,
    resolution: Option<(usize, i64)>,
    /// When it was opened and done, in turn.
    truth: Vec<(i64, Option<i64>)>,
    deliveries: Vec<Value>,
}

impl World {
    fn new(workflow: Workflow) -> Self {
        let truth = vec![(0, None)];
        let mut world = Self {
            workflow,
            now: 0,
            status: 0,
            category_changed: 0,
            resolution: None,
            truth,
            deliveries: vec![],
        };
        let first = json!([{"field": "status", "fieldtype": "jira", "fieldId": "status", "fromString": null, "to": "1", "toString": "To Do"}]);
        world.deliver("jira:issue_created", first);
        world
    }

    fn deliver(&mut self, event: &str, items: Value) {
        let (name, id, category) = STATUSES[self.status];
        let mut body = fields(
            changed(issue(), minute(self.now), items),
            &[
                ("status", status(name, id, category)),
                ("statuscategorychangedate", json!(written(minute(self.category_changed)))),
                (
                    "resolution",
                    self.resolution.map_or(Value::Null, |(which, _)| json!({"name": RESOLUTIONS[which].0})),
                ),
                ("resolutiondate", self.resolution.map_or(Value::Null, |(_, at)| json!(written(minute(at))))),
                ("summary", json!(format!("as of {}", self.now))),
            ],
        );
        body["webhookEvent"] = json!(event);
        if !self.workflow.cloud {
            body = of_data_center(body);
        }
        self.deliveries.push(body);
    }

    fn done(&self) -> bool {
        STATUSES[self.status].2 == "done"
    }

    fn step(&mut self, step: Step, after: i64) {
        self.now += after;
        let edit = change("summary", Value::Null, json!("a"), Value::Null, json!("b"));
        match step {
            Step::Move(to) if to != self.status => {
                let (from, was_done) = (STATUSES[self.status], self.done());
                if STATUSES[to].2 != from.2 {
                    self.category_changed = self.now;
                }
                self.status = to;
                let mut items = vec![moved((from.0, from.1), (STATUSES[to].0, STATUSES[to].1))];
                match (was_done, self.done()) {
                    (false, true) => {
                        self.truth.last_mut().unwrap().1 = Some(self.now);
                        if self.workflow.resolves {
                            self.resolution = Some((0, self.now));
                            items.push(change(
                                "resolution",
                                Value::Null,
                                Value::Null,
                                json!("1"),
                                json!("Done"),
                            ));
                        }
                    }
                    (true, false) => {
                        self.truth.push((self.now, None));
                        if self.workflow.resolves {
                            self.resolution = None;
                        }
                    }
                    _ => {}
                }
                self.deliver("jira:issue_updated", Value::Array(items));
            }
            Step::Resolve(which) if self.resolution.is_none_or(|(known, _)| known != which) => {
                self.resolution = Some((which, self.now));
                let name = RESOLUTIONS[which].0;
                let item = change("resolution", Value::Null, Value::Null, json!("1"), json!(name));
                self.deliver("jira:issue_updated", json!([item]));
            }
            Step::Unresolve => {
                self.resolution = None;
                let item = change("resolution", json!("1"), json!("Done"), Value::Null, Value::Null);
                self.deliver("jira:issue_updated", json!([item]));
            }
            Step::Comment if self.workflow.cloud => {
                self.deliver("comment_created", Value::Null);
                let body = self.deliveries.last_mut().unwrap();
                body["comment"] =
                    json!({"author": user("2:bob", "Bob"), "created": written(minute(self.now))});
                let (name, id, category) = STATUSES[self.status];
                body["issue"]["fields"] = json!({"summary": "s", "status": status(name, id, category)});
            }
            _ => self.deliver("jira:issue_updated", json!([edit])),
        }
    }
}

fn steps() -> impl Strategy<Value = Vec<(Step, i64)>> {
    let step = prop_oneof![
        5 => (0..STATUSES.len()).prop_map(Step::Move),
        2 => Just(Step::Edit),
        1 => (0..RESOLUTIONS.len()).prop_map(Step::Resolve),
        1 => Just(Step::Unresolve),
        1 => Just(Step::Comment),
    ];
    prop::collection::vec((step, 1..600_i64), 0..12)
}

fn workflow() -> impl Strategy<Value = Workflow> {
    (any::<bool>(), any::<bool>()).prop_map(|(cloud, resolves)| Workflow { cloud, resolves })
}

fn fold(deliveries: &[&Value]) -> Item {
    let mut events = deliveries.iter().map(|body| said(body).events.remove(0));
    let mut item = Item::new(events.next().unwrap());
    events.for_each(|event| item.fold(event.facts));
    item
}

fn lived(workflow: Workflow, steps: &[(Step, i64)]) -> World {
    let mut world = World::new(workflow);
    steps.iter().for_each(|(step, after)| world.step(*step, *after));
    world
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn neither_order_nor_repetition_nor_loss_before_it_shows(
        workflow in workflow(),
        steps in steps(),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 1..30),
    ) {
        let world = lived(workflow, &steps);
        let picked: Vec<&Value> = picks.iter().map(|pick| pick.get(&world.deliveries)).collect();
        let mut once: Vec<&Value> = Vec::new();
        for body in &world.deliveries {
            if picked.contains(&body) {
                once.push(body);
            }
        }
        let (shuffled, ordered) = (fold(&picked), fold(&once));
        prop_assert_eq!(rmp_serde::to_vec_named(&shuffled).unwrap(), rmp_serde::to_vec_named(&ordered).unwrap());
        let episodes = shuffled.episodes();
        prop_assert_eq!(&episodes, &ordered.episodes());
        for episode in &episodes {
            prop_assert!(!episode.clamped && episode.start >= minute(0));
        }
    }

    #[test]
    fn all_deliveries_together_make_the_issue_that_was(workflow in workflow(), steps in steps(), turn in any::<prop::sample::Index>()) {
        let world = lived(workflow, &steps);
        let mut deliveries: Vec<&Value> = world.deliveries.iter().collect();
        deliveries.rotate_left(turn.index(world.deliveries.len()));
        let item = fold(&deliveries);
        let episodes: Vec<_> = item.episodes().iter().map(|e| (e.start, e.end.map(|(at, _)| at))).collect();
        let truth: Vec<_> = world.truth.iter().map(|(from, to)| (minute(*from), to.map(minute))).collect();
        prop_assert_eq!(episodes, truth);
        // The moves are all there, and each begins where the one before led to.
        let moves: Vec<_> = item.facts.moves.iter().map(|(_, m)| m.value.clone()).collect();
        prop_assert!(moves.windows(2).all(|pair| pair[1].from.as_ref() == Some(&pair[0].to)));
        prop_assert_eq!(moves.last().unwrap().to.as_str(), STATUSES[world.status].0);
        // Cloud says of each snapshot when it was closed, so what was last said of how it ended counts.
        let last = world.deliveries.iter().rfind(|body| body["webhookEvent"] != "comment_created").unwrap();
        if workflow.cloud && world.done() && world.deliveries.last() == Some(last) {
            let outcome = world.resolution.map_or(Outcome::Completed, |(which, _)| RESOLUTIONS[which].1);
            prop_assert_eq!(item.episodes().last().unwrap().end.unwrap().1, outcome);
        }
    }

    #[test]
    fn the_last_snapshot_of_cloud_alone_knows_whether_it_is_open(steps in steps()) {
        let world = lived(Workflow { cloud: true, resolves: false }, &steps);
        let last = world.deliveries.iter().rfind(|body| body["webhookEvent"] != "comment_created").unwrap();
        prop_assert_eq!(fold(&[last]).is_open(), !world.done());
    }
}
