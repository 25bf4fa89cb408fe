//! From told deliveries to exported spans: through the real parsers and the real store, in whatever
//! order, with whatever repetitions, in whatever batches.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use rand::RngExt;
use rand::seq::{IndexedRandom, SliceRandom};
use rand_chacha::ChaCha8Rng;
use valuestream::config::Config;
use valuestream::export::encode;
use valuestream::insight::environment::Environments;
use valuestream::insight::query::Tier;
use valuestream::sources::jenkins::JenkinsOptions;
use valuestream::sources::{self, Context, Parsed, Request};
use valuestream::store::sqlite::SqliteStore;
use valuestream::store::{Committed, Content, Delivery, Rules, Store};
use valuestream::work::convention::Conventions;
use valuestream::work::key::{Key, Source};
use valuestream::work::link::Pin;
use valuestream::work::tags::Tagger;
use valuestream::work::time::Time;

use crate::support::payloads::time;
use crate::support::show::attribute;

/// One delivery, as its sender makes it.
#[derive(Clone, Debug)]
pub struct Told {
    pub source: Source,
    /// The value of the header that names the event, where there is one.
    pub event: &'static str,
    pub body: String,
}

/// A delivery on its way.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// Which one it is.
    pub told: usize,
    /// Under which of its ids it comes: 0 the first time, and if it is sent again as it was; more if
    /// the same is delivered anew.
    pub copy: usize,
}

/// In the order in which it happened, each once.
pub fn straight(count: usize) -> Vec<Arrival> {
    (0..count).map(|told| Arrival { told, copy: 0 }).collect()
}

/// In an order of its own, some more than once.
pub fn shuffled(arrivals: &[Arrival], rng: &mut ChaCha8Rng) -> Vec<Arrival> {
    let mut all = arrivals.to_vec();
    for copy in [0, 1] {
        let again: Vec<Arrival> = arrivals.sample(rng, arrivals.len() / 6).copied().collect();
        all.extend(again.into_iter().map(|arrival| Arrival { copy, ..arrival }));
    }
    all.shuffle(rng);
    all
}

/// Cut into batches.
pub fn batches(arrivals: Vec<Arrival>, longest: usize, rng: &mut ChaCha8Rng) -> Vec<Vec<Arrival>> {
    let mut rest = arrivals.into_iter().peekable();
    let mut batches = Vec::new();
    while rest.peek().is_some() {
        let size = rng.random_range(1..=longest);
        batches.push(rest.by_ref().take(size).collect());
    }
    batches
}

/// The header that identifies a delivery, and the one that names the event.
fn headers(told: &Told, id: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut add = |name: &'static str, value: &str| {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    };
    match told.source {
        Source::Github => {
            add("x-github-event", told.event);
            add("x-github-delivery", id);
        }
        Source::Gitlab => {
            add("x-gitlab-event", told.event);
            add("idempotency-key", id);
        }
        Source::Jira => add("x-atlassian-webhook-identifier", id),
        Source::Custom => add("webhook-id", id),
        Source::Jenkins | Source::Cdevents => {}
    }
    headers
}

/// An export: each entry of the outbox, one episode's spans.
pub type Exported = Vec<(Key, Vec<Span>)>;

/// A store of its own, and how deliveries and spans go in and out of it.
pub struct World {
    store: SqliteStore,
    rules: Rules,
    tagger: Arc<Tagger>,
    _folder: tempfile::TempDir,
    /// How many deliveries have come; each comes a minute after the one before, later than anything
    /// that they tell of.
    come: i64,
}

/// When the first delivery comes.
const FIRST: i64 = 200_000;

fn at(minute: i64) -> Time {
    Time::parse(&time(minute)).unwrap()
}

impl World {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("mixed.db"), 8 << 20).unwrap();
        let config = Config::load(None, std::iter::empty::<(String, String)>()).unwrap();
        let tagger = Arc::new(config.tagger().unwrap());
        let production = ["prod*".to_owned()];
        let environments = Environments::new(&[(Tier::Production, &production)]).unwrap();
        let rules = Rules {
            tagger: tagger.clone(),
            environments: Arc::new(environments),
            settle: 0,
            retention: Default::default(),
        };
        Self { store, rules, tagger, _folder: folder, come: 0 }
    }

    fn delivery(&mut self, told: &Told, arrival: Arrival) -> Option<Delivery> {
        self.come += 1;
        let received_at = at(FIRST + self.come);
        let (conventions, jenkins) = (Conventions::default(), JenkinsOptions::default());
        let context = Context {
            people: true,
            received_at,
            tagger: &self.tagger,
            conventions: &conventions,
            jenkins: &jenkins,
        };
        let headers = headers(told, &format!("{}.{}", arrival.told, arrival.copy));
        let request = Request { headers: &headers, body: told.body.as_bytes() };
        let parsed = sources::parse(told.source, request, &context);
        match parsed.content {
            Ok(Parsed::Used(said)) => Some(Delivery {
                source: told.source,
                id: parsed.id,
                received_at,
                content: Content::Said(said),
            }),
            Ok(Parsed::Ignored { .. }) => None,
            Err(error) => panic!("{error}: {told:?}"),
        }
    }

    /// Commits a batch in one transaction; says how many of it were new.
    pub async fn commit(&mut self, told: &[Told], batch: &[Arrival]) -> usize {
        let deliveries: Vec<Delivery> =
            batch.iter().filter_map(|arrival| self.delivery(&told[arrival.told], *arrival)).collect();
        let committed = self.store.commit(deliveries, &self.rules).await.unwrap();
        for outcome in &committed {
            assert!(matches!(outcome, Committed::Recorded(_) | Committed::Duplicate), "{outcome:?}");
        }
        committed.iter().filter(|outcome| matches!(outcome, Committed::Recorded(_))).count()
    }

    /// Seals all that is due once the `come`th delivery has come, `slice` items at a time, and gives
    /// what was exported by that.
    pub async fn seal(&self, come: i64, slice: usize) -> Exported {
        let backends = ["main".to_owned()];
        while self.store.seal(at(FIRST + come), slice, &backends, &self.rules).await.unwrap().items > 0 {}
        let leased = self.store.lease("main", 100_000).await.unwrap();
        leased.into_iter().map(|entry| (entry.key, encode::decode(&entry.spans).unwrap())).collect()
    }

    /// Seals everything.
    pub async fn seal_all(&self, slice: usize) -> Exported {
        self.seal(self.come + 1, slice).await
    }

    /// How many deliveries have come.
    pub fn come(&self) -> i64 {
        self.come
    }

    /// What is settled about items.
    pub async fn pins<'k>(&self, keys: impl IntoIterator<Item = &'k Key>) -> BTreeMap<Key, Pin> {
        let mut pins = BTreeMap::new();
        for key in keys {
            if let (_, Some(pin)) = self.store.item(key).await.unwrap() {
                pins.insert(key.clone(), pin);
            }
        }
        pins
    }

    pub async fn close(self) {
        self.store.close().await;
    }
}

/// What all of `batches` become if everything is there before the first span is made.
pub async fn exported(told: &[Told], batches: &[Vec<Arrival>], slice: usize) -> Exported {
    let mut world = World::new();
    for batch in batches {
        world.commit(told, batch).await;
    }
    let exported = world.seal_all(slice).await;
    world.close().await;
    exported
}

/// Spans by their ids. No id may come twice.
pub fn by_id(exported: &Exported) -> BTreeMap<Vec<u8>, (Key, Span)> {
    let mut all = BTreeMap::new();
    for (key, spans) in exported {
        for span in spans {
            let before = all.insert(span.span_id.clone(), (key.clone(), span.clone()));
            if let Some((other, before)) = before {
                panic!("a span id twice, of {key} and of {other}: {before:?}");
            }
        }
    }
    all
}

/// A span in lines, each of which can differ by itself. Where a link leads to what is not exported, the
/// trace is left out: an item that was never seen has a place only if one below it gave it one.
fn lines(span: &Span, all: &BTreeMap<Vec<u8>, (Key, Span)>) -> BTreeSet<String> {
    let mut lines: BTreeSet<String> = [
        format!("name {} {:?}", span.name, span.kind()),
        format!("trace {}", hex::encode(&span.trace_id)),
        format!("parent {}", hex::encode(&span.parent_span_id)),
        format!("from {} to {}", span.start_time_unix_nano, span.end_time_unix_nano),
        format!("status {:?}", span.status),
    ]
    .into();
    lines.extend(span.attributes.iter().map(|attribute| format!("{attribute:?}")));
    lines.extend(span.events.iter().map(|event| format!("{event:?}")));
    lines.extend(span.links.iter().map(|link| {
        let (to, how) = (hex::encode(&link.span_id), attribute(&link.attributes, "valuestream.relation"));
        let there = all.contains_key(&link.span_id).then(|| hex::encode(&link.trace_id));
        format!("link to {to} in {there:?}: {how:?}")
    }));
    lines
}

/// What differs between two exports, in words; nothing if they are the same.
pub fn difference(one: &Exported, other: &Exported) -> Option<String> {
    let (one, other) = (by_id(one), by_id(other));
    let ids: BTreeSet<&Vec<u8>> = one.keys().chain(other.keys()).collect();
    let mut text = String::new();
    for id in ids {
        let told = |all: &BTreeMap<Vec<u8>, (Key, Span)>| all.get(id).map(|(_, span)| lines(span, all));
        let (mine, theirs) = (told(&one).unwrap_or_default(), told(&other).unwrap_or_default());
        if mine != theirs {
            let (key, span) = one.get(id).or(other.get(id)).unwrap();
            text.push_str(&format!("{} of {key}:\n", span.name));
            mine.difference(&theirs).for_each(|line| text.push_str(&format!("  - {line}\n")));
            theirs.difference(&mine).for_each(|line| text.push_str(&format!("  + {line}\n")));
        }
    }
    (!text.is_empty()).then_some(text)
}
