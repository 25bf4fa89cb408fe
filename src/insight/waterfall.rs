//! One delivery as a waterfall: the members of a trace as bars, with what happened on the way, and
//! the times in which nothing but the root went on.

use std::collections::{BTreeMap, HashMap};

use super::describe;
use super::population::{Population, Reach};
use super::report::{At, Trace, TraceEvent, TraceSpan, Wait};
use crate::work::event::Life;
use crate::work::ids::TraceId;
use crate::work::item::{Episode, Item};
use crate::work::key::Key;
use crate::work::time::{Time, seconds};

/// The most members that are drawn.
pub const MAX_MEMBERS: usize = 1_000;
/// The most events of one bar.
const MAX_EVENTS: usize = 64;

/// The members of a trace that are drawn, parents before children, siblings by when they began; and
/// how many are not.
pub fn members(population: &Population, root: u32) -> (Vec<u32>, u64) {
    let all = population.members(root);
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for row in all.iter().skip(1) {
        if let Some(parent) = population.parent(*row) {
            children.entry(parent).or_default().push(*row);
        }
    }
    for siblings in children.values_mut() {
        siblings.sort_by_key(|row| (population.life(*row).opened, population.key(*row)));
    }
    let mut ordered = Vec::with_capacity(all.len());
    let mut next = vec![root];
    while let Some(row) = next.pop() {
        ordered.push(row);
        next.extend(children.get(&row).into_iter().flatten().rev());
    }
    let omitted = ordered.len().saturating_sub(MAX_MEMBERS);
    ordered.truncate(MAX_MEMBERS);
    (ordered, omitted as u64)
}

/// The waterfall of the members `rows`, of which `items` says all that is known, in their order.
/// `address` is where the tracing backend shows the trace.
pub fn waterfall(
    population: &Population,
    rows: &[u32],
    items: &[Option<Item>],
    omitted: u64,
    now: Time,
    address: impl FnOnce(&str) -> Option<String>,
) -> Option<Trace> {
    let root = population.key(*rows.first()?)?;
    let trace_id = TraceId::of(&root).to_string();
    let mut depths: HashMap<u32, u32> = HashMap::new();
    let mut spans = Vec::new();
    for (row, item) in rows.iter().zip(items) {
        let above = population.parent(*row).and_then(|parent| depths.get(&parent));
        let depth = above.map_or(0, |above| above + 1);
        depths.insert(*row, depth);
        let Some(key) = population.key(*row) else { continue };
        let links = population.linked(*row).iter().filter_map(|row| population.key(*row)).collect();
        match item {
            Some(item) => spans.extend(bars(item, depth, links, now)),
            None => spans.push(unseen(key, depth)),
        }
    }
    let from = spans.iter().filter_map(|span| span.start).min();
    let ends = spans.iter().filter(|span| span.start.is_some()).map(|span| span.end.unwrap_or(At(now)));
    let to = ends.max();
    Some(Trace {
        backend_url: address(&trace_id),
        title: items.first()?.as_ref().and_then(describe::title),
        waits: waits(&spans, from, to),
        tags: tags(population, rows[0]),
        trace_id,
        root,
        from,
        to,
        spans,
        omitted,
    })
}

/// An item that others name and nobody told of.
fn unseen(key: Key, depth: u32) -> TraceSpan {
    TraceSpan {
        name: key.kind().as_str().to_owned(),
        kind: key.kind(),
        key,
        episode: 0,
        step: None,
        depth,
        title: None,
        url: None,
        start: None,
        end: None,
        seconds: None,
        outcome: None,
        error: false,
        queued_seconds: None,
        events: Vec::new(),
        links: Vec::new(),
    }
}

/// One bar for each episode of an item, and one for each step of a job.
fn bars(item: &Item, depth: u32, links: Vec<Key>, now: Time) -> Vec<TraceSpan> {
    let episodes = item.episodes();
    if episodes.is_empty() {
        return vec![TraceSpan { title: describe::title(item), links, ..unseen(item.key.clone(), depth) }];
    }
    let last = episodes.len() - 1;
    let mut bars = Vec::new();
    for (at, episode) in episodes.iter().enumerate() {
        let until = episodes.get(at + 1).map(|next| next.start);
        let from = (at > 0).then_some(episode.start);
        bars.push(TraceSpan {
            url: describe::url(item),
            title: describe::title(item),
            queued_seconds: queued(item, episode),
            events: events(item, from, until),
            links: links.clone(),
            ..bar(unseen(item.key.clone(), depth), episode, now)
        });
        if at == last {
            bars.extend(steps(item, depth + 1, now));
        }
    }
    bars
}

fn bar(span: TraceSpan, episode: &Episode, now: Time) -> TraceSpan {
    let start = episode.start_known.then_some(episode.start);
    let end = episode.end.map(|(end, _)| end);
    let outcome = episode.end.map(|(_, outcome)| outcome);
    TraceSpan {
        episode: episode.index,
        start: start.or(end).map(At),
        end: end.map(At),
        seconds: start.map(|start| seconds(end.unwrap_or(now).since(start).max(0))),
        error: outcome.is_some_and(|outcome| outcome.is_error()),
        outcome: outcome.map(|outcome| outcome.as_str().to_owned()),
        ..span
    }
}

fn queued(item: &Item, episode: &Episode) -> Option<f64> {
    let Life::Run(run) = &item.facts.life else { return None };
    let waited = episode.start.since(run.queued?.at);
    (episode.start_known && waited > 0).then(|| seconds(waited))
}

fn steps(item: &Item, depth: u32, now: Time) -> Vec<TraceSpan> {
    let steps = item.facts.steps.iter().filter_map(|(number, step)| {
        let ran = Item { key: item.key.clone(), facts: crate::work::event::Facts::run(step.run.clone()) };
        let episode = ran.episodes().into_iter().next()?;
        Some(TraceSpan {
            name: "step".to_owned(),
            step: Some(*number),
            title: step.name.as_ref().map(|name| name.value.clone()),
            ..bar(unseen(item.key.clone(), depth), &episode, now)
        })
    });
    steps.collect()
}

/// What happened from one episode's beginning until the next one's.
fn events(item: &Item, from: Option<Time>, until: Option<Time>) -> Vec<TraceEvent> {
    let within = |at: Time| from.is_none_or(|from| at >= from) && until.is_none_or(|until| at < until);
    let happened = item.facts.happenings.iter().filter(|happening| within(happening.at));
    let event = |happening: &crate::work::event::Happening| TraceEvent {
        at: At(happening.at),
        name: happening.what.as_str().to_owned(),
        detail: happening.detail.clone(),
    };
    happened.take(MAX_EVENTS).map(event).collect()
}

/// The times between the first beginning and the last end in which nothing but the root went on.
fn waits(spans: &[TraceSpan], from: Option<At>, to: Option<At>) -> Vec<Wait> {
    let (Some(from), Some(to)) = (from, to) else { return Vec::new() };
    let root = spans.first().map(|span| &span.key);
    let mut busy: Vec<(At, At)> = spans
        .iter()
        .filter(|span| Some(&span.key) != root)
        .filter_map(|span| Some((span.start?, span.end.unwrap_or(to))))
        .collect();
    if busy.is_empty() {
        return Vec::new();
    }
    busy.sort_unstable();
    let mut waits = Vec::new();
    let mut reached = from;
    for (start, end) in busy.into_iter().chain([(to, to)]) {
        if start > reached {
            let seconds = seconds(start.0.since(reached.0));
            waits.push(Wait { from: reached, to: start, seconds });
        }
        reached = reached.max(end);
    }
    waits
}

/// An item's tags, with those that it has from its trace.
pub fn tags(population: &Population, row: u32) -> BTreeMap<String, Vec<String>> {
    let tags = population.dimensions().iter().filter(|dimension| dimension.reach == Reach::Trace);
    let named = tags.map(|dimension| {
        let mut names: Vec<String> = dimension.names(dimension.codes().get(row)).map(str::to_owned).collect();
        names.sort();
        (dimension.key.clone(), names)
    });
    named.filter(|(_, names)| !names.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::population::testing::{population, seen};
    use super::*;
    use crate::work::event::{Event, Happening, Outcome, Step, What};
    use crate::work::key::Kind;
    use crate::work::lattice::{Instant, Latest};
    use crate::work::testing::{acme, at, cycle, item, run, stamp};

    fn told(event: Event) -> Option<Item> {
        Some(item(event))
    }

    /// An issue from 0 to 1000, a pull request from 100 to 600 and again from 700 to 800 (reopened),
    /// a build that was never told of with a job of one step, and an open deploy.
    fn story() -> Trace {
        let population = population(&[
            seen("issue/1").lived(0, 1_000, Outcome::Completed).tag("team", "payments"),
            seen("pull_request/2").lived(100, 800, Outcome::Merged).below(&["issue/1"]),
            seen("job/3").lived(200, 300, Outcome::Failure).below(&[
                "build/9.1",
                "pull_request/2",
                "issue/1",
            ]),
            seen("deploy/4").opened(1_100).below(&["pull_request/2", "issue/1"]).linked(&["pull_request/7"]),
        ]);
        let mut job = run(acme("job/3"), 200, Some((300, Outcome::Failure)));
        let Life::Run(life) = &mut job.facts.life else { unreachable!() };
        life.queued = Some(Instant::stated(at(150)));
        let Life::Run(step) = run(acme("job/3"), 210, Some((290, Outcome::Failure))).facts.life else {
            unreachable!()
        };
        job.facts
            .steps
            .insert(1, Step { name: Some(Latest::new(stamp(0), "Run tests".to_owned())), run: step });
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
        waterfall(&population, &rows, &items, omitted, at(1_200), address).unwrap()
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
                (2, "build", 0, None, None, false),
                (3, "job", 0, Some(100.0), Some(50.0), true),
                (4, "step", 0, Some(80.0), None, true),
                (2, "deploy", 0, Some(100.0), None, false),
            ]
        );
        assert_eq!(trace.spans[6].links, [acme("pull_request/7")]);
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
}
