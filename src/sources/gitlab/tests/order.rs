//! The hooks of one item make the same item, whatever their order and however often they come.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::export::encode::encode;
use crate::work::event::{Event, Facts};
use crate::work::item::Item;
use crate::work::span::{self, Placement};
use crate::work::tags::Tags;

fn said(event: &str, body: &Value) -> Vec<Event> {
    used(gitlab(event, body)).events
}

fn attributes(body: Value, new: &[(&str, Value)]) -> Value {
    new.iter()
        .fold(body, |body, (name, value)| with(body, &format!("/object_attributes/{name}"), value.clone()))
}

fn stories() -> Vec<Vec<Event>> {
    let later = |text: &str| ("updated_at", json!(text));
    let issue = [
        said("Issue Hook", &issue()),
        said(
            "Issue Hook",
            &attributes(
                action(issue(), "close"),
                &[("closed_at", json!("2026-01-05 10:00:00 UTC")), later("2026-01-05 10:00:00 UTC")],
            ),
        ),
        said("Issue Hook", &attributes(action(issue(), "reopen"), &[later("2026-01-06 10:00:00 UTC")])),
        said("Issue Hook", &attributes(action(issue(), "close"), &[later("2026-01-07 10:00:00 UTC")])),
        said("Note Hook", &note("Issue")),
    ];
    let change = [
        said("Merge Request Hook", &merge_request()),
        said(
            "Merge Request Hook",
            &attributes(
                action(merge_request(), "update"),
                &[("oldrev", json!(BEFORE)), later("2026-01-03 11:00:00 UTC")],
            ),
        ),
        said("Merge Request Hook", &action(merge_request(), "approved")),
        said(
            "Merge Request Hook",
            &attributes(action(merge_request(), "merge"), &[later("2026-01-04 10:00:00 UTC")]),
        ),
        said("Note Hook", &note("MergeRequest")),
    ];
    let running = attributes(pipeline(), &[("status", json!("running")), ("finished_at", json!(null))]);
    let running = with(running, "/builds/0/status", json!("running"));
    let pending =
        attributes(running.clone(), &[("status", json!("pending")), ("queued_duration", json!(null))]);
    let again = attributes(
        pipeline(),
        &[("status", json!("failed")), ("finished_at", json!("2026-01-03 11:05:00 UTC"))],
    );
    let mut skipped = with(job(), "/build_status", json!("skipped"));
    for field in ["/build_started_at", "/build_finished_at", "/build_queued_duration", "/build_duration"] {
        skipped = with(skipped, field, json!(null));
    }
    let build = [
        said("Pipeline Hook", &pipeline()),
        said("Pipeline Hook", &running),
        said("Pipeline Hook", &with(pending, "/builds/0/started_at", json!(null))),
        said("Pipeline Hook", &again),
        said("Job Hook", &job()),
        said("Job Hook", &skipped),
    ];
    let deploy = ["created", "running", "failed", "success"].iter().enumerate().map(|(minute, status)| {
        let at = json!(format!("2026-01-04 10:0{minute}:00 UTC"));
        said("Deployment Hook", &with(with(deployment(), "/status", json!(status)), "/status_changed_at", at))
    });
    vec![issue.concat(), change.concat(), build.concat(), deploy.collect::<Vec<_>>().concat()]
}

fn fold<'e>(events: impl IntoIterator<Item = &'e Event>) -> BTreeMap<String, Facts> {
    let mut items: BTreeMap<String, Item> = BTreeMap::new();
    for event in events {
        match items.get_mut(event.key.as_str()) {
            Some(item) => item.fold(event.facts.clone()),
            None => drop(items.insert(event.key.to_string(), Item::new(event.clone()))),
        }
    }
    items.into_iter().map(|(key, item)| (key, item.facts)).collect()
}

/// The bytes of all spans.
fn bytes(items: &BTreeMap<String, Facts>) -> Vec<u8> {
    let mut spans = Vec::new();
    for (key, facts) in items {
        let item = Item { key: key.parse().unwrap(), facts: facts.clone() };
        for episode in item.episodes() {
            spans.extend(span::project(&item, &episode, &Placement::alone(&item.key), &Tags::new()));
        }
    }
    encode(&spans)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn neither_order_nor_repetition_shows(
        which in 0usize..4,
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..24),
        shuffle in any::<u64>(),
    ) {
        let story = &stories()[which];
        let whole = fold(story);
        // Everything once in some order, with anything again in between.
        let mut events: Vec<&Event> = story.iter().collect();
        let mut seed = shuffle;
        for i in (1..events.len()).rev() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            events.swap(i, (seed >> 33) as usize % (i + 1));
        }
        for again in &order {
            let event = again.get(story);
            events.insert(again.index(events.len() + 1), event);
        }
        let other = fold(events);
        prop_assert_eq!(&other, &whole);
        prop_assert_eq!(bytes(&other), bytes(&whole));
    }
}

#[test]
fn the_stories_end_as_they_should() {
    let ends = |facts: &Facts, key: &str| {
        let item = Item { key: key.parse().unwrap(), facts: facts.clone() };
        item.episodes().iter().map(|e| (e.start, e.end)).collect::<Vec<_>>()
    };
    let mut seen = BTreeMap::new();
    for story in stories() {
        for (key, facts) in fold(&story) {
            seen.insert(key.rsplit_once("api/").unwrap().1.to_owned(), ends(&facts, &key));
        }
    }
    use crate::work::event::Outcome::*;
    let time = |text: &str| at(&format!("2026-01-{text}Z"));
    assert_eq!(
        seen["issue/12"],
        [
            (time("02T10:00:00"), Some((time("05T10:00:00"), Completed))),
            (time("06T10:00:00"), Some((time("07T10:00:00"), Completed))),
        ]
    );
    assert_eq!(seen["pull_request/7"], [(time("03T10:00:00"), Some((time("04T10:00:00"), Merged)))]);
    assert_eq!(
        seen["build/31"],
        [(time("03T10:01:10"), Some((time("03T10:05:00"), Failure)))],
        "the later word"
    );
    assert_eq!(seen["job/381"], [(time("03T10:01:15"), Some((time("03T10:03:15"), Success)))]);
    assert_eq!(seen["job/382"], []);
    assert_eq!(seen["deploy/15"], [(time("04T10:00:00"), Some((time("04T10:03:00"), Success)))]);
}
