//! The fold does not depend on the order: generated lives of every kind of item, told through the
//! real parsers in any order, with repetitions and in parts, give the same items and the same
//! bytes of spans.

mod lattice;
mod lives;

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

use lives::{Told, issue_life, life};

use crate::story;
use crate::support::payloads::*;
use crate::support::receiver::{Received, Receiver};
use crate::support::sender::Delivery;
use crate::support::server::Server;

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
