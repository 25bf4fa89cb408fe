//! Whatever the order in which deliveries come, and however often, they make the same item and the
//! same spans.

use super::comments::issue_comment;
use super::issue_links::{dependencies, sub_issues};
use super::releases::release;
use super::*;
use crate::export::encode::encode;
use crate::work::event::Event;
use crate::work::item::Item;
use crate::work::span::{Placement, project};
use crate::work::tags::Tags;

fn folded(events: &[Event]) -> Item {
    let mut item = Item::new(events[0].clone());
    events[1..].iter().for_each(|event| item.fold(event.facts.clone()));
    item
}

fn spans(item: &Item) -> Vec<u8> {
    let placement = Placement::alone(&item.key);
    let spans: Vec<_> =
        item.episodes().iter().flat_map(|episode| project(item, episode, &placement, &Tags::new())).collect();
    encode(&spans)
}

/// Every order of `rest` after `done`.
fn orders(done: &mut Vec<Event>, rest: &mut Vec<Event>, see: &mut dyn FnMut(&[Event])) {
    if rest.is_empty() {
        see(done);
    }
    for at in 0..rest.len() {
        let next = rest.remove(at);
        done.push(next);
        orders(done, rest, see);
        if let Some(next) = done.pop() {
            rest.insert(at, next);
        }
    }
}

fn same_in_any_order(deliveries: &[(&str, Value)]) -> Item {
    let mut events: Vec<Event> =
        deliveries.iter().map(|(event, body)| used(github(event, body)).events.remove(0)).collect();
    assert!(events.windows(2).all(|pair| pair[0].key == pair[1].key));
    let expected = folded(&events);
    let bytes = spans(&expected);
    let mut seen = 0;
    orders(&mut Vec::new(), &mut events, &mut |order| {
        seen += 1;
        let once = folded(order);
        assert_eq!(once, expected);
        assert_eq!(spans(&once), bytes);
        let twice: Vec<Event> = order.iter().chain(order.iter().rev()).cloned().collect();
        assert_eq!(folded(&twice), expected);
    });
    assert_eq!(seen, (1..=deliveries.len()).product::<usize>());
    expected
}

#[test]
fn an_issue_with_comments_links_and_an_end_is_the_same_in_any_order() {
    let closed = with(issue(), "/issue/closed_at", json!("2026-01-05T10:00:00Z"));
    let closed = with(closed, "/issue/updated_at", json!("2026-01-05T10:00:00Z"));
    let closed = action(with(closed, "/issue/state", json!("closed")), "closed");
    let again = with(closed.clone(), "/issue/updated_at", json!("2026-01-06T10:00:00Z"));
    let again = action(with(again, "/issue/state", json!("open")), "reopened");
    let item = same_in_any_order(&[
        ("issues", issue()),
        ("issue_comment", issue_comment()),
        ("sub_issues", sub_issues("sub_issue_added")),
        ("issue_dependencies", dependencies("blocked_by_added", 3)),
        ("issues", closed),
        ("issues", again),
    ]);
    assert_eq!(item.episodes().len(), 2);
    assert_eq!(targets(&item.facts, Relation::PartOf).len(), 1);
    assert_eq!(targets(&item.facts, Relation::BlockedBy).len(), 1);
}

#[test]
fn a_release_is_the_same_in_any_order() {
    let item = same_in_any_order(&[
        ("release", release("prereleased")),
        ("release", release("published")),
        ("release", release("released")),
        ("release", with(release("deleted"), "/release/updated_at", json!("2026-02-01T00:00:00Z"))),
    ]);
    assert_eq!(item.episodes().len(), 1);
}
