//! One delivery as a waterfall: the members of a trace as bars, below each its stages, with what
//! happened on the way, and the times in which nothing but the root went on.

use std::collections::{BTreeMap, HashMap};

use super::delivery::Arrival;
use super::describe;
use super::population::{Population, Reach};
use super::report::{At, Trace, TraceEvent, TraceLink, TraceSpan, Wait};
use crate::work::attr::{Attr, Value};
use crate::work::event::{Life, Relation, Target};
use crate::work::ids::TraceId;
use crate::work::item::{Episode, Item};
use crate::work::key::{Key, Kind};
use crate::work::stage::{self, Stage};
use crate::work::time::{Time, seconds};

/// The most members that are drawn.
pub const MAX_MEMBERS: usize = 1_000;
/// The most events of one bar.
const MAX_EVENTS: usize = 64;
/// The most links of one bar that only it speaks of.
const MAX_LINKS: usize = 64;

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
/// `arrival` knows the first production deployment of a pull request's row, `address` where the tracing
/// backend shows the trace.
pub fn waterfall(
    population: &Population,
    rows: &[u32],
    items: &[Option<Item>],
    omitted: u64,
    now: Time,
    arrival: impl Fn(u32) -> Option<Arrival>,
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
        let Some(item) = item else {
            spans.push(unseen(key, depth));
            continue;
        };
        let first_commit = population.change(*row).and_then(|change| change.first_commit);
        spans.extend(bars(item, depth, first_commit, &links(population, *row, item), now));
        if let Some(arrival) = arrival(*row) {
            spans.push(arrived(population, item, &arrival, depth + 1));
        }
    }
    let (from, to) = ends(spans.iter(), now);
    let items_alone = ends(spans.iter().filter(|span| span.stage.is_none()), now);
    Some(Trace {
        backend_url: address(&trace_id),
        title: items.first()?.as_ref().and_then(describe::title),
        waits: waits(&spans, items_alone),
        tags: tags(population, rows[0]),
        trace_id,
        root,
        from,
        to,
        spans,
        omitted,
    })
}

/// When the first of some spans began, and when the last of them ended.
fn ends<'s>(spans: impl Iterator<Item = &'s TraceSpan> + Clone, now: Time) -> (Option<At>, Option<At>) {
    let begun = spans.filter_map(|span| Some((span.start?, span.end.unwrap_or(At(now)))));
    (begun.clone().map(|(start, _)| start).min(), begun.map(|(_, end)| end).max())
}

/// What an item belongs to besides its parent: what insight counts, and what it names itself.
fn links(population: &Population, row: u32, item: &Item) -> Vec<TraceLink> {
    let relations = item.facts.relations.iter();
    let named: Vec<(Relation, &Key)> = relations
        .flat_map(|(relation, targets)| targets.value.iter().map(move |target| (*relation, target)))
        .filter_map(|(relation, target)| match target {
            Target::Key(key) | Target::Hint(key) => Some((relation, key)),
            Target::Ref(_) | Target::Token { .. } => None,
        })
        .collect();
    let ships = |key: &Key| item.key.kind() == Kind::Deploy && key.kind() == Kind::PullRequest;
    let mut links: Vec<TraceLink> = Vec::new();
    for key in population.linked(row).iter().filter_map(|row| population.key(*row)) {
        let said = named.iter().find(|(_, known)| **known == key).map(|(relation, _)| relation.as_str());
        let relation = if ships(&key) { "ships" } else { said.unwrap_or("related") };
        links.push(TraceLink { relation: relation.to_owned(), key });
    }
    for (relation, key) in named.iter().filter(|(relation, _)| !relation.is_parental()) {
        let seen = population.find(key).is_some_and(|row| population.is_known(row));
        if seen && links.len() < MAX_LINKS && !links.iter().any(|link| link.key == **key) {
            links.push(TraceLink { relation: relation.as_str().to_owned(), key: (*key).clone() });
        }
    }
    links
}

/// An item that others name and nobody told of.
fn unseen(key: Key, depth: u32) -> TraceSpan {
    TraceSpan {
        name: key.kind().as_str().to_owned(),
        kind: key.kind(),
        key,
        episode: 0,
        step: None,
        stage: None,
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

/// One bar for each episode of an item with its stages, and one for each step of a job.
fn bars(
    item: &Item,
    depth: u32,
    first_commit: Option<Time>,
    links: &[TraceLink],
    now: Time,
) -> Vec<TraceSpan> {
    let episodes = item.episodes();
    if episodes.is_empty() {
        let links = links.to_vec();
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
            links: links.to_vec(),
            ..bar(unseen(item.key.clone(), depth), episode, now)
        });
        let over = stage::stages(item, episode, first_commit).into_iter().map(|stage| {
            let end = stage.end;
            (stage, Some(end))
        });
        let so_far = stage::so_far(item, episode, first_commit);
        bars.extend(over.chain(so_far).map(|(part, end)| of_stage(item, episode, part, end, depth + 1, now)));
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

fn of_stage(
    item: &Item,
    episode: &Episode,
    stage: Stage,
    end: Option<Time>,
    depth: u32,
    now: Time,
) -> TraceSpan {
    let status = match stage.attributes.get(Attr::IssueStatus.name()) {
        Some(Value::Str(status)) => Some(status.clone()),
        _ => None,
    };
    TraceSpan {
        name: stage.name.to_owned(),
        stage: stage.name.split_once('.').map(|(_, stage)| stage.to_owned()),
        episode: episode.index,
        title: status,
        start: Some(At(stage.start)),
        end: end.map(At),
        seconds: Some(seconds(end.unwrap_or(now).since(stage.start).max(0))),
        ..unseen(item.key.clone(), depth)
    }
}

/// The last stage of a pull request: on its way to users.
fn arrived(population: &Population, item: &Item, arrival: &Arrival, depth: u32) -> TraceSpan {
    let deploy = population.deploy(arrival.deploy);
    let texts = deploy.map(|deploy| (population.text(deploy.name), population.text(deploy.environment)));
    TraceSpan {
        name: "pull_request.deploy".to_owned(),
        stage: Some("deploy".to_owned()),
        episode: item.episodes().last().map_or(0, |episode| episode.index),
        title: texts.and_then(|(name, environment)| describe::deployment(name, environment)),
        start: Some(At(arrival.merged)),
        end: Some(At(arrival.end)),
        seconds: Some(seconds(arrival.end.since(arrival.merged).max(0))),
        links: population
            .key(arrival.deploy)
            .map(|key| TraceLink { relation: "deploy".to_owned(), key })
            .into_iter()
            .collect(),
        ..unseen(item.key.clone(), depth)
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

/// The times between the first beginning and the last end in which nothing but the root went on. That
/// an item waited in a stage is not that something went on.
fn waits(spans: &[TraceSpan], (from, to): (Option<At>, Option<At>)) -> Vec<Wait> {
    let (Some(from), Some(to)) = (from, to) else { return Vec::new() };
    let root = spans.first().map(|span| &span.key);
    let mut busy: Vec<(At, At)> = spans
        .iter()
        .filter(|span| Some(&span.key) != root && span.stage.is_none())
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
mod tests;
