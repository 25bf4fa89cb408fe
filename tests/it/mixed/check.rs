//! What must be true of the spans of a history, held against what is known of it.

use std::collections::{BTreeMap, BTreeSet};

use opentelemetry_proto::tonic::trace::v1::Span;
use valuestream::work::ids::{SpanId, TraceId};
use valuestream::work::key::{Key, Kind, Source};
use valuestream::work::link::Pin;

use super::harness::{Exported, by_id};
use super::truth::{Deploy, Truth};
use crate::support::payloads::millis;
use crate::support::show::attribute;

/// Every name that a span can have.
const NAMES: [&str; 17] = [
    "issue",
    "pull_request",
    "build",
    "job",
    "step",
    "deploy",
    "sprint",
    "pull_request.coding",
    "pull_request.pickup",
    "pull_request.review",
    "pull_request.merge",
    "pull_request.deploy",
    "build.queue",
    "job.queue",
    "deploy.queue",
    "issue.status",
    "issue.first_response",
];

fn nanos(minute: i64) -> u64 {
    u64::try_from(millis(minute)).unwrap() * 1_000_000
}

fn id(key: &Key, episode: u32) -> Vec<u8> {
    SpanId::of(key, episode, &[]).0.to_vec()
}

fn trace(root: &Key) -> Vec<u8> {
    TraceId::of(root).0.to_vec()
}

fn root<'k>(mut key: &'k Key, parents: &'k BTreeMap<Key, Option<Key>>) -> &'k Key {
    while let Some(Some(parent)) = parents.get(key) {
        key = parent;
    }
    key
}

/// An export beside what is known.
pub struct Check<'h> {
    truth: &'h Truth,
    parents: BTreeMap<Key, Option<Key>>,
    spans: BTreeMap<Vec<u8>, (Key, Span)>,
    /// Whether custom events are told of at all.
    custom: bool,
}

impl<'h> Check<'h> {
    pub fn new(exported: &Exported, truth: &'h Truth) -> Self {
        let custom = exported.iter().any(|(key, _)| key.source() == Source::Custom);
        Self { truth, parents: truth.all_parents(), spans: by_id(exported), custom }
    }

    fn ended(&self) -> impl Iterator<Item = (&'h Key, u32, i64, i64)> {
        let truth: &'h Truth = self.truth;
        truth.ended().filter(|(key, ..)| self.custom || key.source() != Source::Custom)
    }

    fn span(&self, key: &Key, episode: u32) -> &Span {
        let (_, span) =
            self.spans.get(&id(key, episode)).unwrap_or_else(|| panic!("{key} #{episode} has no span"));
        span
    }

    /// Every episode that ended has its span, no other has.
    pub fn every_episode_is_there_once(&self) {
        let expected: BTreeSet<Vec<u8>> = self.ended().map(|(key, n, ..)| id(key, n)).collect();
        let kinds: BTreeSet<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        for (span_id, (key, span)) in &self.spans {
            if kinds.contains(span.name.as_str()) {
                assert!(expected.contains(span_id), "{key}: not known to have ended: {span:?}");
                assert_eq!(span.name, key.kind().as_str());
            }
        }
        for (key, n, ..) in self.ended() {
            self.span(key, n);
        }
    }

    /// Each lived when it lived.
    pub fn times_are_those_of_the_senders(&self) {
        for (key, n, start, end) in self.ended() {
            let span = self.span(key, n);
            let lived = (span.start_time_unix_nano, span.end_time_unix_nano);
            assert_eq!(lived, (nanos(start), nanos(end)), "{key} #{n}");
        }
    }

    /// Each hangs below what it belongs to, in that one's trace.
    pub fn each_hangs_below_what_it_names_first(&self) {
        for (key, n, start, _) in self.ended() {
            let span = self.span(key, n);
            let parent = self.parents[key].as_ref();
            let above = parent.map_or(Vec::new(), |parent| id(parent, self.truth.episode_at(parent, start)));
            assert_eq!(span.parent_span_id, above, "{key} #{n} does not hang below {parent:?}: {span:?}");
            assert_eq!(span.trace_id, trace(root(key, &self.parents)), "{key} #{n}");
        }
    }

    /// What else it is related to is linked.
    pub fn other_relations_are_links(&self) {
        for (key, other) in &self.truth.links {
            for (_, n, start, _) in self.ended().filter(|(ended, ..)| *ended == key) {
                let linked = id(other, self.truth.episode_at(other, start));
                let there = self.span(key, n).links.iter().any(|link| link.span_id == linked);
                assert!(there, "{key} #{n} is not linked to {other}");
            }
        }
    }

    /// A deploy is linked to every change that was merged since the last one that brought something,
    /// but for those that it hangs below.
    pub fn deploys_link_what_they_bring(&self) {
        for deploy in &self.truth.deploys {
            let mut chain = BTreeSet::new();
            let mut above = self.parents[&deploy.key].as_ref();
            while let Some(key) = above {
                chain.insert(key);
                above = self.parents[key].as_ref();
            }
            for (key, n, start, _) in self.ended().filter(|(key, ..)| **key == deploy.key) {
                let brought =
                    self.truth.brings(deploy).into_iter().filter(|(_, change)| !chain.contains(change));
                let brought: BTreeSet<Vec<u8>> =
                    brought.map(|(_, change)| id(change, self.truth.episode_at(change, start))).collect();
                let ships = |attributes: &_| {
                    attribute(attributes, "valuestream.relation").as_deref() == Some("ships")
                };
                let links = &self.span(key, n).links;
                let linked: BTreeSet<Vec<u8>> = links
                    .iter()
                    .filter(|link| ships(&link.attributes))
                    .map(|link| link.span_id.clone())
                    .collect();
                assert_eq!(linked, brought, "{key} #{n} brings {:?}", self.truth.brings(deploy));
            }
        }
    }

    /// A change reaches users once, below itself, when the deploy that brought it ended.
    pub fn changes_arrive_once(&self) {
        let arrival = |(change, merged, deploy): (&Key, i64, &Deploy)| {
            let last = self.truth.episode_at(change, i64::MAX);
            (id(change, last), nanos(merged), nanos(deploy.end), trace(root(change, &self.parents)))
        };
        let mut expected: Vec<_> = self.truth.arrivals().into_iter().map(arrival).collect();
        let arrived = self.spans.values().filter(|(_, span)| span.name == "pull_request.deploy");
        let told = |span: &Span| {
            let times = (span.start_time_unix_nano, span.end_time_unix_nano);
            (span.parent_span_id.clone(), times.0, times.1, span.trace_id.clone())
        };
        let mut arrived: Vec<_> = arrived.map(|(_, span)| told(span)).collect();
        expected.sort();
        arrived.sort();
        assert_eq!(arrived, expected);
        let changes: BTreeSet<&Vec<u8>> = arrived.iter().map(|(change, ..)| change).collect();
        assert_eq!(changes.len(), arrived.len(), "a change arrives once");
    }

    /// A parent that is not there goes on; one that is there is in the same trace.
    pub fn no_parent_is_missing(&self) {
        let open: BTreeSet<Vec<u8>> = self
            .truth
            .lives
            .iter()
            .flat_map(|(key, lives)| (0..).zip(lives).map(move |(n, (_, end))| (id(key, n), *end)))
            .filter_map(|(id, end)| end.is_none().then_some(id))
            .collect();
        for (key, span) in self.spans.values().filter(|(_, span)| !span.parent_span_id.is_empty()) {
            match self.spans.get(&span.parent_span_id) {
                Some((_, parent)) => {
                    assert_eq!(parent.trace_id, span.trace_id, "{key}: {span:?} below {parent:?}");
                }
                None => assert!(open.contains(&span.parent_span_id), "{key}: nothing above {span:?}"),
            }
        }
    }

    /// A link leads to where its target is.
    pub fn links_lead_somewhere(&self) {
        for (key, span) in self.spans.values() {
            for link in &span.links {
                if let Some((other, there)) = self.spans.get(&link.span_id) {
                    assert_eq!(there.trace_id, link.trace_id, "{key} to {other}: {link:?}");
                }
            }
        }
    }

    /// Nothing negative, nothing of the last century, no name that is not known.
    pub fn all_is_plausible(&self) {
        for (key, span) in self.spans.values() {
            assert!(span.start_time_unix_nano <= span.end_time_unix_nano, "{key}: {span:?}");
            assert!(span.start_time_unix_nano > 946_684_800_000_000_000, "{key}: {span:?}");
            assert!(NAMES.contains(&span.name.as_str()), "{key}: {span:?}");
            assert!(span.events.iter().all(|event| event.time_unix_nano > 946_684_800_000_000_000), "{key}");
        }
    }

    /// All of the above.
    pub fn all(&self) {
        self.every_episode_is_there_once();
        self.times_are_those_of_the_senders();
        self.each_hangs_below_what_it_names_first();
        self.other_relations_are_links();
        self.deploys_link_what_they_bring();
        self.changes_arrive_once();
        self.no_parent_is_missing();
        self.links_lead_somewhere();
        self.all_is_plausible();
    }

    /// What was not settled when the first spans were made stands where everything that is known puts
    /// it; what was settled stands there, and is linked to where it would have stood.
    pub fn late_relations_are_links(
        &self,
        first: &BTreeMap<Key, Pin>,
        last: &BTreeMap<Key, Pin>,
        later: &Exported,
    ) {
        for (key, pin) in first {
            assert_eq!(last.get(key), Some(pin), "{key}: what was settled stands");
        }
        for (key, pin) in last {
            let above = pin.parent.as_ref().map_or(key, |parent| &last[parent].root);
            assert_eq!(&pin.root, above, "{key}: one trace with what is above");
            if !first.contains_key(key) {
                assert_eq!(pin.parent, self.parents[key], "{key} was not settled before");
            }
        }
        let later: BTreeSet<&Vec<u8>> =
            later.iter().flat_map(|(_, spans)| spans).map(|s| &s.span_id).collect();
        for (key, n, start, _) in self.ended() {
            let (span, pin) = (self.span(key, n), &last[key]);
            assert_eq!(span.trace_id, trace(&pin.root), "{key} #{n}");
            if !later.contains(&id(key, n)) {
                continue;
            }
            let episode = |other: &Key| id(other, self.truth.episode_at(other, start));
            let above = pin.parent.as_ref().map_or(Vec::new(), episode);
            assert_eq!(span.parent_span_id, above, "{key} #{n} does not hang below {:?}", pin.parent);
            let mut chain = BTreeSet::new();
            let mut next = pin.parent.as_ref();
            while let Some(above) = next {
                chain.insert(above);
                next = last[above].parent.as_ref();
            }
            if let Some(meant) = self.parents[key].as_ref().filter(|meant| !chain.contains(meant)) {
                let linked = span.links.iter().any(|link| link.span_id == episode(meant));
                assert!(linked, "{key} #{n} is not linked to {meant}, learned late: {span:?}");
            }
        }
    }
}
