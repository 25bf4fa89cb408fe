//! What no sender sends: for tests that whatever comes is survived, and that the order in which it
//! comes does not show.

use axum::http::HeaderMap;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::Value;

use super::{Settings, wrong};
use crate::sources::{ParseError, Parsed};
use crate::work::event::{Event, Ref};
use crate::work::item::Item;
use crate::work::key::{Key, Source};
use crate::work::link::place;
use crate::work::span::{Span, project};
use crate::work::tags::Tags;
use crate::work::testing::World;

/// What is used makes items and references that can be stored; the rest was refused. Says whether it
/// was used.
pub(in crate::sources) fn survived(content: Result<Parsed, ParseError>) -> bool {
    let Ok(Parsed::Used(said)) = content else { return false };
    for event in said.events {
        assert_eq!(event.key.as_str().parse::<Key>().as_ref(), Ok(&event.key));
        for episode in Item::new(event).episodes() {
            assert!(episode.end.is_none_or(|(end, _)| end >= episode.start));
        }
    }
    for (reference, _) in said.refs {
        assert_eq!(Ref::from_stored(reference.as_str()), Some(reference));
    }
    true
}

/// A body that is no JSON object is wrong, and the reason says how.
pub(in crate::sources) fn what_is_no_json_is_named(source: Source) {
    for (body, reason) in [
        (&b""[..], "the body is not JSON: it is empty"),
        (b"[]", "the body is not JSON: it does not begin with {"),
        (b"{\"id\"", "the body is not JSON: EOF"),
        (b"\xff", "the body is not UTF-8 from byte 0"),
    ] {
        let said = wrong(Settings::default().parse(source, &HeaderMap::new(), body).content);
        assert!(said.starts_with(reason), "{said} instead of {reason}");
    }
}

/// Any JSON, in which some of the texts and names are of those that a parser looks for.
pub(in crate::sources) fn any_json(
    texts: &'static [&'static str],
    names: &'static [&'static str],
) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        select(texts).prop_map(Value::from),
    ];
    let names = prop_oneof![4 => select(names).prop_map(str::to_owned), 1 => "\\PC{0,6}"];
    leaf.prop_recursive(4, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::vec((names.clone(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// The JSON pointers to every value in `value`, what is inside before what it is in.
pub(in crate::sources) fn pointers(value: &Value) -> Vec<String> {
    fn descend(value: &Value, at: &str, found: &mut Vec<String>) {
        let mut member = |name: &str, value: &Value| {
            let pointer = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
            descend(value, &pointer, found);
            found.push(pointer);
        };
        match value {
            Value::Object(map) => map.iter().for_each(|(name, value)| member(name, value)),
            Value::Array(list) => {
                list.iter().enumerate().for_each(|(i, value)| member(&i.to_string(), value))
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    descend(value, "", &mut found);
    found
}

/// One of a body's values replaced.
pub(in crate::sources) fn replaced(mut body: Value, at: Index, new: Value) -> Value {
    let found = pointers(&body);
    *body.pointer_mut(at.get(&found).as_str()).unwrap() = new;
    body
}

/// One of a body's members gone; the body as it is, where that would be an element of a list.
pub(in crate::sources) fn without_some(mut body: Value, at: Index) -> Value {
    let found = pointers(&body);
    let (parent, name) = at.get(&found).rsplit_once('/').unwrap();
    if let Some(Value::Object(map)) = body.pointer_mut(parent) {
        map.remove(name);
    }
    body
}

/// A body cut short anywhere.
pub(in crate::sources) fn cut_short(body: &Value, at: Index) -> Vec<u8> {
    let mut bytes = body.to_string().into_bytes();
    bytes.truncate(at.index(bytes.len()));
    bytes
}

/// JSON that is deeper than any stack.
pub(in crate::sources) struct Deep {
    /// Lists that nobody closes.
    pub(in crate::sources) open: String,
    /// Lists in lists.
    pub(in crate::sources) lists: String,
    /// Objects in objects.
    pub(in crate::sources) maps: String,
}

impl Deep {
    pub(in crate::sources) fn new() -> Self {
        const DEPTH: usize = 200_000;
        let open = "[".repeat(DEPTH);
        let lists = format!("{open}{}", "]".repeat(DEPTH));
        Self { open, lists, maps: format!("{}1{}", r#"{"a":"#.repeat(DEPTH), "}".repeat(DEPTH)) }
    }
}

/// What events of one item make of it, folded in the order given.
pub(in crate::sources) fn fold<'e>(events: impl IntoIterator<Item = &'e Event>) -> Item {
    let mut events = events.into_iter();
    let mut item = Item::new(events.next().unwrap().clone());
    events.for_each(|event| item.fold(event.facts.clone()));
    item
}

/// Folds events of one item as they are, and with some of them in any order before all of them
/// backwards: the item and its spans are the same.
pub(in crate::sources) fn order_does_not_show(events: &[Event], some: &[Index]) -> Result<(), TestCaseError> {
    let spans = |item: &Item| -> Vec<Span> {
        let place = place(item, &mut World::default()).unwrap();
        let episodes = item.episodes();
        episodes.iter().flat_map(|e| project(item, e, &place.at(e.start), &Tags::new())).collect()
    };
    let expected = fold(events);
    let item = fold(some.iter().map(|at| at.get(events)).chain(events.iter().rev()));
    prop_assert_eq!(&item, &expected);
    prop_assert_eq!(spans(&item), spans(&expected));
    prop_assert!(spans(&item).iter().all(|span| span.end >= span.start));
    Ok(())
}
