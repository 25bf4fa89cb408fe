//! Whether all is as it must be: what the database holds and what the receiver got, held against the very
//! same deliveries understood by the parsers in this process and folded by one embedded store.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use prost::Message;
use valuestream::app;
use valuestream::clock;
use valuestream::config::Config;
use valuestream::ingest::receive::Understanding;
use valuestream::sources::{self, Parsed, Request};
use valuestream::store::sqlite::SqliteStore;
use valuestream::store::{Committed, Content, Delivery as Stored, Rules, Store};
use valuestream::work::ids::{SpanId, TraceId};
use valuestream::work::item::Item;
use valuestream::work::key::{Key, Source};
use valuestream::work::link::Pin;

use crate::support::receiver::Received;
use crate::support::sender::Delivery;
use crate::support::server::settings;
use crate::support::show;

/// How many keys are asked for at once.
const PAGE: usize = 500;

/// The deliveries as one process sees them.
pub struct Oracle {
    store: SqliteStore,
    pub rules: Rules,
    understanding: Understanding,
    _folder: tempfile::TempDir,
    pub ids: BTreeSet<Vec<u8>>,
    pub keys: BTreeSet<Key>,
}

fn request(delivery: &Delivery) -> (Source, HeaderMap, &[u8]) {
    let mut map = HeaderMap::new();
    let mut add = |name: &'static str, value: &str| {
        map.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    };
    let (source, body) = match delivery {
        Delivery::Github { event, id, body } => {
            add("x-github-event", event);
            add("x-github-delivery", id);
            (Source::Github, body)
        }
        Delivery::Jenkins { body } => (Source::Jenkins, body),
        Delivery::Of { source, headers, body } => {
            headers.iter().for_each(|(name, value)| add(name, value));
            (*source, body)
        }
    };
    (source, map, body.as_bytes())
}

impl Oracle {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("oracle.db");
        let config = Config::load(None, settings(&path)).unwrap();
        let rules = app::rules(&config).unwrap();
        let understanding = app::understanding(&config, &rules).unwrap();
        let store = SqliteStore::open(&path, 8 << 20).unwrap();
        Self { store, rules, understanding, _folder: folder, ids: BTreeSet::new(), keys: BTreeSet::new() }
    }

    /// Folds deliveries in.
    pub async fn fold(&mut self, deliveries: &[Delivery]) {
        for batch in deliveries.chunks(200) {
            let mut understood = Vec::new();
            for delivery in batch {
                let (source, headers, body) = request(delivery);
                let received_at = clock::now();
                let context = self.understanding.context(received_at);
                let parsed = sources::parse(source, Request { headers: &headers, body }, &context);
                match parsed.content {
                    Ok(Parsed::Used(said)) => {
                        self.ids.insert(parsed.id.0.to_vec());
                        let content = Content::Said(said);
                        understood.push(Stored { source, id: parsed.id, received_at, content });
                    }
                    Ok(Parsed::Ignored { .. }) => {}
                    Err(error) => panic!("{error}: {delivery:?}"),
                }
            }
            for outcome in self.store.commit(understood, &self.rules).await.unwrap() {
                match outcome {
                    Committed::Recorded(recorded) => self.keys.extend(recorded.keys),
                    Committed::Duplicate => {}
                    other => panic!("{other:?}"),
                }
            }
        }
    }

    /// Holds the items of another store against those of one process; gives them with what is settled.
    pub async fn compare(&self, store: &impl Store) -> BTreeMap<Key, (Item, Option<Pin>)> {
        let keys: Vec<Key> = self.keys.iter().cloned().collect();
        let mut all = BTreeMap::new();
        for page in keys.chunks(PAGE) {
            let mine = self.store.items(page).await.unwrap();
            let theirs = store.items(page).await.unwrap();
            for ((key, mine), theirs) in page.iter().zip(mine).zip(theirs) {
                let theirs = theirs.unwrap_or_else(|| panic!("{key} is lost"));
                assert_eq!(Some(&theirs), mine.as_ref(), "{key} is not what one process makes of it");
                let (_, pin) = store.item(key).await.unwrap();
                all.insert(key.clone(), (theirs, pin));
            }
        }
        all
    }
}

/// What came of the spans.
#[derive(Debug, Default)]
pub struct Spans {
    pub ids: usize,
    pub twice: usize,
}

/// Every span has one content, and stands in the trace that is settled for its item.
pub fn one_content_each(spans: &[Received], items: &BTreeMap<Key, (Item, Option<Pin>)>) -> Spans {
    let mut contents: BTreeMap<&[u8], Vec<u8>> = BTreeMap::new();
    let mut twice = 0;
    for received in spans {
        let span = &received.span;
        let bytes = span.encode_to_vec();
        let key: Key = show::key(received).parse().unwrap_or_else(|e| panic!("{e}: {span:?}"));
        let (_, pin) = items.get(&key).unwrap_or_else(|| panic!("nothing was said of {key}"));
        let pin = pin.as_ref().unwrap_or_else(|| panic!("{key} has spans and no place"));
        assert_eq!(span.trace_id, TraceId::of(&pin.root).0, "{key} is in two traces: {span:?}");
        match contents.get(span.span_id.as_slice()) {
            Some(before) => {
                assert_eq!(*before, bytes, "sent again with other content: {span:?}");
                twice += 1;
            }
            None => {
                contents.insert(&span.span_id, bytes);
            }
        }
    }
    Spans { ids: contents.len(), twice }
}

/// Every episode that ended has reached the receiver, and no other has.
pub fn every_episode_arrived(spans: &[Received], items: &BTreeMap<Key, (Item, Option<Pin>)>) {
    let kinds: BTreeSet<&str> = items.keys().map(|key| key.kind().as_str()).collect();
    let arrived: BTreeSet<Vec<u8>> = spans
        .iter()
        .filter(|received| kinds.contains(received.span.name.as_str()))
        .map(|received| received.span.span_id.clone())
        .collect();
    let mut expected: BTreeMap<Vec<u8>, String> = BTreeMap::new();
    for (key, (item, _)) in items {
        for episode in item.episodes().iter().filter(|episode| episode.end.is_some()) {
            let id = SpanId::of(key, episode.index, &[]).0.to_vec();
            expected.insert(id, format!("{key} #{}", episode.index));
        }
    }
    for (id, name) in &expected {
        assert!(arrived.contains(id), "{name} never arrived");
    }
    for id in &arrived {
        assert!(expected.contains_key(id), "{} should not have become a span", hex::encode(id));
    }
}
