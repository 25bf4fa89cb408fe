//! Whatever is sent, it is used, ignored or told to be wrong: nothing panics, and nothing
//! overflows the stack.

use proptest::prelude::*;

use super::*;
use crate::work::item::Item;
use crate::work::key::Key;

fn survive(event: &str, body: &[u8]) {
    let settings = Settings { people: true, ..Settings::default() };
    for headers in [headers(&[("X-Gitlab-Event", event)]), headers(&[])] {
        if let Ok(Parsed::Used(said)) = settings.parse(Source::Gitlab, &headers, body).content {
            for event in said.events {
                assert!(event.key.as_str().parse::<Key>().is_ok());
                Item::new(event).episodes();
            }
        }
    }
}

/// The pointers to every value in `value`.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    let mut descend = |name: &str, value: &Value| {
        let pointer = format!("{at}/{name}");
        pointers(value, &pointer, found);
        found.push(pointer);
    };
    match value {
        Value::Object(map) => map.iter().for_each(|(name, value)| descend(name, value)),
        Value::Array(list) => list.iter().enumerate().for_each(|(i, value)| descend(&i.to_string(), value)),
        _ => {}
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            "",
            "0001-01-01 00:00:00 UTC",
            "2026-01-02 10:00:00 UTC",
            "99999999999999999999",
            "open",
            "close",
            "/",
            "//",
            "https://",
            "https:///x",
            "refs/merge-requests//head",
            "refs/merge-requests/0/x",
            "refs/heads/",
            "é/é",
            "skipped",
            "canceled",
            "running",
            "0000",
            "a/b/../c",
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec(("(id|title|previous|current|name|username|\\PC{0,4})", inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_bytes_are_survived(which in 0usize..10, body in prop::collection::vec(any::<u8>(), 0..200)) {
        survive(all()[which].0, &body);
    }

    #[test]
    fn a_payload_with_one_value_replaced_or_cut_short_is_survived(
        which in 0usize..10,
        at in any::<prop::sample::Index>(),
        new in any_value(),
        cut in any::<prop::sample::Index>(),
    ) {
        let (event, mut body) = all()[which].clone();
        let mut found = Vec::new();
        pointers(&body, "", &mut found);
        let pointer = at.get(&found);
        *body.pointer_mut(pointer).unwrap() = new;
        let body = body.to_string();
        survive(event, body.as_bytes());
        survive(event, &body.as_bytes()[..cut.index(body.len())]);
    }

    #[test]
    fn a_payload_without_some_field_is_survived(which in 0usize..10, at in any::<prop::sample::Index>()) {
        let (event, mut body) = all()[which].clone();
        let mut found = Vec::new();
        pointers(&body, "", &mut found);
        let pointer: &String = at.get(&found);
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        if let Some(Value::Object(map)) = body.pointer_mut(parent) {
            map.remove(name);
        }
        survive(event, body.to_string().as_bytes());
    }
}

#[test]
fn deep_nesting_does_not_overflow_the_stack() {
    const DEPTH: usize = 200_000;
    let (lists, maps) = ("[".repeat(DEPTH), format!("{}1{}", r#"{"a":"#.repeat(DEPTH), "}".repeat(DEPTH)));
    for (event, body) in all() {
        let mut found = Vec::new();
        pointers(&body, "", &mut found);
        found.retain(|pointer| pointer.matches('/').count() <= 2);
        found.extend(["/unread", "/environment", "/changes"].map(str::to_owned));
        for pointer in
            found.iter().filter(|pointer| !pointer.ends_with(|c: char| c.is_ascii_digit())).step_by(9)
        {
            let body = with(body.clone(), pointer, json!("HOLE")).to_string();
            for deep in [&lists, &maps] {
                survive(event, body.replacen("\"HOLE\"", deep, 1).as_bytes());
            }
        }
        survive(event, lists.as_bytes());
        survive(event, maps.as_bytes());
    }
}
