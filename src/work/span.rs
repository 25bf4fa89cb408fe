//! From an item to its spans: one for each finished episode, and one for each step of a job.
//! A pure projection of the item, of where [`super::link`] placed it, and of its tags.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::attr::{Attr, Value};
use super::event::{Happening, Life, Outcome, Role};
use super::ids::{SpanId, TraceId};
use super::item::{Episode, Item, run_episode};
use super::key::{Key, Kind};
use super::link::Place;
use super::ship;
use super::stage;
use super::tags::Tags;
use super::time::Time;

/// OpenTelemetry's span kinds, those that are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanKind {
    /// Builds: a pipeline run serves a request.
    Server,
    /// Everything else.
    Internal,
}

/// A span's attributes, by name.
pub type Attributes = BTreeMap<Cow<'static, str>, Value>;

/// Something that happened during a span.
#[derive(Clone, Debug, PartialEq)]
pub struct SpanEvent {
    /// When.
    pub at: Time,
    /// What.
    pub name: &'static str,
    /// More about it.
    pub attributes: Attributes,
}

/// A pointer to a related span.
#[derive(Clone, Debug, PartialEq)]
pub struct SpanLink {
    /// Its trace.
    pub trace_id: TraceId,
    /// Its span.
    pub span_id: SpanId,
    /// How it is related.
    pub attributes: Attributes,
}

/// A finished span, ready to be sent. Only the resource is missing, which is the source's.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// The trace it belongs to.
    pub trace_id: TraceId,
    /// Its own id.
    pub span_id: SpanId,
    /// Its parent in the same trace.
    pub parent: Option<SpanId>,
    /// The kind of item, or `step`.
    pub name: &'static str,
    /// What OpenTelemetry calls its kind.
    pub kind: SpanKind,
    /// When it began.
    pub start: Time,
    /// When it ended; never before `start`.
    pub end: Time,
    /// What describes it.
    pub attributes: Attributes,
    /// What happened during it.
    pub events: Vec<SpanEvent>,
    /// What it is related to besides its parent.
    pub links: Vec<SpanLink>,
    /// `Some` with a description if the status is ERROR, else the status stays unset.
    pub error: Option<String>,
}

/// Another item's span, seen from the one being placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related {
    /// The root of the other's trace.
    pub root: Key,
    /// The other.
    pub key: Key,
    /// The other's episode.
    pub episode: u32,
    /// How it is related (`closes`, `commit` …).
    pub relation: &'static str,
}

/// Where an item's span stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The root of its trace; itself if it has no parent.
    pub root: Key,
    /// Its parent and the parent's episode.
    pub parent: Option<(Key, u32)>,
    /// What else it belongs to.
    pub links: Vec<Related>,
    /// When the first commit of a pull request was made, where pushes tell.
    pub first_commit: Option<Time>,
}

impl Placement {
    /// An item that stands alone.
    pub fn alone(key: &Key) -> Self {
        Self { root: key.clone(), parent: None, links: Vec::new(), first_commit: None }
    }
}

/// What a span says about how its item ended, in the terms of its kind.
fn outcome_attributes(kind: Kind, outcome: Outcome, attributes: &mut Attributes) {
    let name = Value::from(outcome.as_str());
    match kind {
        Kind::Build => {
            attributes.insert("cicd.pipeline.result".into(), name.clone());
        }
        Kind::Job => {
            attributes.insert("cicd.pipeline.task.run.result".into(), name.clone());
        }
        Kind::Deploy => {
            attributes.insert("cicd.pipeline.result".into(), name.clone());
            let status = match outcome {
                Outcome::Success => Some("succeeded"),
                outcome if outcome.is_error() => Some("failed"),
                _ => None,
            };
            if let Some(status) = status {
                attributes.insert("deployment.status".into(), status.into());
            }
        }
        Kind::PullRequest => {
            let state = if outcome == Outcome::Merged { "merged" } else { "closed" };
            attributes.insert("vcs.change.state".into(), state.into());
        }
        Kind::Issue => {
            attributes.insert("issue.state".into(), "closed".into());
        }
        Kind::Sprint => {}
    }
    attributes.insert("valuestream.outcome".into(), name);
    if outcome.is_error() {
        attributes.insert("error.type".into(), outcome.as_str().into());
    }
}

/// All spans of an item's episode; none while it is open.
pub fn project(item: &Item, episode: &Episode, placement: &Placement, tags: &Tags) -> Vec<Span> {
    let Some((end, outcome)) = episode.end else {
        return Vec::new();
    };
    let kind = item.key.kind();
    let trace_id = TraceId::of(&placement.root);
    let span_id = SpanId::of(&item.key, episode.index, &[]);

    let mut attributes: Attributes = BTreeMap::new();
    // Tags first: a tag never hides what the conventions define.
    attributes.extend(tags.iter().map(|(key, value)| (Cow::Owned(key.clone()), Value::from(value.as_str()))));
    // An empty text is an attribute that was taken back, such as the milestone.
    for (attr, latest) in item.facts.attrs.iter().filter(|(_, l)| l.value != Value::Str(String::new())) {
        attributes.insert(attr.name().into(), latest.value.clone());
    }
    if let Some(labels) = item.facts.marks.labels.as_ref().filter(|labels| !labels.value.is_empty()) {
        let name = if kind == Kind::Issue { "issue.labels" } else { "valuestream.labels" };
        attributes.insert(name.into(), Value::List(labels.value.iter().cloned().collect()));
    }
    outcome_attributes(kind, outcome, &mut attributes);
    attributes.insert("valuestream.key".into(), item.key.as_str().into());
    if matches!(item.facts.life, Life::Cycle(_)) {
        attributes.insert("valuestream.reopen_count".into(), i64::from(episode.index).into());
    }
    if let Life::Run(run) = &item.facts.life
        && let Some(queued) = run.queued
        && queued.at <= episode.start
        && episode.start_known
    {
        let seconds = episode.start.since(queued.at) / 1_000_000;
        attributes.insert("valuestream.queue_seconds".into(), seconds.into());
    }
    if !episode.start_known {
        attributes.insert("valuestream.start_unknown".into(), true.into());
    }
    if episode.clamped {
        attributes.insert("valuestream.clamped".into(), true.into());
    }

    let mut links = Vec::new();
    if let Some(before) = episode.index.checked_sub(1) {
        links.push(SpanLink {
            trace_id,
            span_id: SpanId::of(&item.key, before, &[]),
            attributes: relation("episode_before"),
        });
    }
    links.extend(placement.links.iter().map(|other| SpanLink {
        trace_id: TraceId::of(&other.root),
        span_id: SpanId::of(&other.key, other.episode, &[]),
        attributes: relation(other.relation),
    }));

    let main = Span {
        trace_id,
        span_id,
        parent: placement.parent.as_ref().map(|(key, episode)| SpanId::of(key, *episode, &[])),
        name: kind.as_str(),
        kind: if kind == Kind::Build { SpanKind::Server } else { SpanKind::Internal },
        start: episode.start,
        end,
        attributes,
        events: events_within(item, episode, end),
        links,
        error: outcome.is_error().then(|| outcome.as_str().to_owned()),
    };
    let mut spans = vec![main];
    let stages = stage::stages(item, episode, placement.first_commit);
    spans.extend(stages.into_iter().map(|stage| {
        let part: Vec<&str> = stage.part.iter().map(String::as_str).collect();
        let mut attributes = tagged(&item.key, tags);
        attributes.extend(stage.attributes);
        Span {
            trace_id,
            span_id: SpanId::of(&item.key, episode.index, &part),
            parent: Some(span_id),
            name: stage.name,
            kind: SpanKind::Internal,
            start: stage.start,
            end: stage.end,
            attributes,
            events: Vec::new(),
            links: Vec::new(),
            error: None,
        }
    }));
    spans.extend(steps(item, episode, trace_id, span_id));
    spans
}

/// The last stage of each change that a deploy brings to users: from the merge until the deploy's end.
/// It hangs below the pull request, in the pull request's trace, and has the deploy's tags. Told by the
/// first episode of the deploy that succeeded, and under an id with that episode in it: whatever is
/// learned of other episodes later, no id is used twice.
pub fn arrivals(deploy: &Item, episode: &Episode, place: &Place, tags: &Tags) -> Vec<Span> {
    let Some((end, Outcome::Success)) = episode.end.filter(|_| !episode.clamped) else { return Vec::new() };
    if ship::arrival(deploy).is_none_or(|first| first.index != episode.index) {
        return Vec::new();
    }
    let deploy_id = SpanId::of(&deploy.key, episode.index, &[]);
    let number = episode.index.to_string();
    let arrived = place.ships.iter().filter(|(_, change)| change.merged <= end);
    arrived
        .map(|(root, change)| {
            let pull = &change.item;
            let merged_in = pull.episodes().last().map_or(0, |episode| episode.index);
            let mut attributes = tagged(&pull.key, tags);
            for attr in [Attr::Environment, Attr::DeploymentName, Attr::DeploymentId] {
                if let Some(latest) = deploy.facts.attrs.get(&attr) {
                    attributes.insert(attr.name().into(), latest.value.clone());
                }
            }
            Span {
                trace_id: TraceId::of(root),
                span_id: SpanId::of(&pull.key, merged_in, &["deploy", deploy.key.as_str(), &number]),
                parent: Some(SpanId::of(&pull.key, merged_in, &[])),
                name: "pull_request.deploy",
                kind: SpanKind::Internal,
                start: change.merged,
                end,
                attributes,
                events: Vec::new(),
                links: vec![SpanLink {
                    trace_id: TraceId::of(&place.root),
                    span_id: deploy_id,
                    attributes: relation("deploy"),
                }],
                error: None,
            }
        })
        .collect()
}

/// What every span of an item has: its tags, and whose it is.
fn tagged(key: &Key, tags: &Tags) -> Attributes {
    let mut attributes: Attributes =
        tags.iter().map(|(key, value)| (Cow::Owned(key.clone()), Value::from(value.as_str()))).collect();
    attributes.insert("valuestream.key".into(), key.as_str().into());
    attributes
}

fn relation(name: &'static str) -> Attributes {
    BTreeMap::from([("valuestream.relation".into(), Value::from(name))])
}

/// What happened during an episode; the first takes what happened before it too. What came after
/// the end, such as a label on a closed issue, belongs to the item but not to this interval of
/// work, and what came in the second in which the next one begins belongs to that: nothing is told
/// twice.
fn events_within(item: &Item, episode: &Episode, end: Time) -> Vec<SpanEvent> {
    let episodes = item.episodes();
    let until = episodes.get(episode.index as usize + 1).map(|next| next.start);
    let mine = |at: Time| {
        (episode.index == 0 || at >= episode.start) && at <= end && until.is_none_or(|until| at < until)
    };
    item.facts.happenings.iter().filter(|h| mine(h.at)).map(span_event).collect()
}

fn span_event(happening: &Happening) -> SpanEvent {
    let mut attributes: Attributes = BTreeMap::new();
    if let (Some(name), Some(detail)) = (happening.what.detail_name(), &happening.detail) {
        attributes.insert(name.into(), detail.as_str().into());
    }
    if let Some(role) = happening.role {
        let name = match role {
            Role::Author => "author",
            Role::Bot => "bot",
            Role::Other => "other",
        };
        attributes.insert("valuestream.role".into(), name.into());
    }
    if let Some(person) = &happening.person {
        attributes.insert("user.name".into(), person.as_str().into());
    }
    SpanEvent { at: happening.at, name: happening.what.as_str(), attributes }
}

/// A job's steps as child spans. A step that was skipped is told as an outcome, never as a
/// failure; one without times is not told at all.
fn steps(item: &Item, episode: &Episode, trace_id: TraceId, job: SpanId) -> Vec<Span> {
    let step_span = |(number, step): (&u32, &super::event::Step)| {
        let ran = run_episode(&step.run, Kind::Job)?;
        let (end, outcome) = ran.end?;
        let number = number.to_string();
        let mut attributes: Attributes = BTreeMap::new();
        if let Some(name) = &step.name {
            attributes.insert(Attr::TaskName.name().into(), name.value.as_str().into());
        }
        attributes.insert(Attr::TaskRunId.name().into(), number.as_str().into());
        outcome_attributes(Kind::Job, outcome, &mut attributes);
        attributes.insert("valuestream.key".into(), item.key.as_str().into());
        if ran.clamped {
            attributes.insert("valuestream.clamped".into(), true.into());
        }
        Some(Span {
            trace_id,
            span_id: SpanId::of(&item.key, episode.index, &["step", &number]),
            parent: Some(job),
            name: "step",
            kind: SpanKind::Internal,
            start: ran.start,
            end,
            attributes,
            events: Vec::new(),
            links: Vec::new(),
            error: outcome.is_error().then(|| outcome.as_str().to_owned()),
        })
    };
    item.facts.steps.iter().filter_map(step_span).collect()
}

#[cfg(test)]
mod tests {
    use super::super::event::{Cycle, Event, Life};
    use super::super::testing::{World, acme, at, cycle, stamp};
    use super::*;

    #[test]
    fn a_deploy_under_way_again_brings_a_change_once() {
        let mut world = World::default();
        world.see(cycle(acme("deploy/1"), 0, &[(10, Outcome::Success)], &[]));
        world.see(cycle(acme("pull_request/2"), 0, &[(50, Outcome::Merged)], &[]));
        let mut again: Event = cycle(
            acme("deploy/3"),
            60,
            &[(70, Outcome::Failure), (90, Outcome::Success), (99, Outcome::Success)],
            &[],
        );
        let Life::Cycle(Cycle { under_way, .. }) = &mut again.facts.life else { unreachable!() };
        *under_way = [at(80), at(95)].into_iter().collect();
        again.facts.attr(stamp(0), Attr::RefHeadRevision, Some("c"));
        let deploy = world.see(again);
        let place = world.export(&deploy);
        let episodes = deploy.episodes();
        assert_eq!(episodes.len(), 3);
        let told: Vec<usize> =
            episodes.iter().map(|episode| arrivals(&deploy, episode, &place, &Tags::new()).len()).collect();
        assert_eq!(told, [0, 1, 0], "by the first that succeeded");
        let stage = &arrivals(&deploy, &episodes[1], &place, &Tags::new())[0];
        assert_eq!((stage.name, stage.start, stage.end), ("pull_request.deploy", at(50), at(90)));
        assert_eq!(stage.parent, Some(SpanId::of(&acme("pull_request/2"), 0, &[])));
    }
}
