//! Whatever is sent, it is used, ignored or told to be wrong: nothing panics, and nothing
//! overflows the stack.

use proptest::prelude::*;

use super::*;
use crate::sources::testing::hostile::{
    Deep, any_json, cut_short, pointers, replaced, survived, without_some,
};

fn survive(event: &str, body: &[u8]) {
    let settings = Settings { people: true, ..Settings::default() };
    for headers in [headers(&[("X-Gitlab-Event", event)]), headers(&[])] {
        survived(settings.parse(Source::Gitlab, &headers, body).content);
    }
}

const TEXTS: &[&str] = &[
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
];

const NAMES: &[&str] = &["id", "title", "previous", "current", "name", "username"];

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
        new in any_json(TEXTS, NAMES),
        cut in any::<prop::sample::Index>(),
    ) {
        let (event, body) = all()[which].clone();
        let body = replaced(body, at, new);
        survive(event, body.to_string().as_bytes());
        survive(event, &cut_short(&body, cut));
    }

    #[test]
    fn a_payload_without_some_field_is_survived(which in 0usize..10, at in any::<prop::sample::Index>()) {
        let (event, body) = all()[which].clone();
        survive(event, without_some(body, at).to_string().as_bytes());
    }
}

#[test]
fn deep_nesting_does_not_overflow_the_stack() {
    let Deep { open, maps, .. } = Deep::new();
    for (event, body) in all() {
        let mut found = pointers(&body);
        found.retain(|pointer| pointer.matches('/').count() <= 2);
        found.extend(["/unread", "/environment", "/changes"].map(str::to_owned));
        for pointer in
            found.iter().filter(|pointer| !pointer.ends_with(|c: char| c.is_ascii_digit())).step_by(9)
        {
            let body = with(body.clone(), pointer, json!("HOLE")).to_string();
            for deep in [&open, &maps] {
                survive(event, body.replacen("\"HOLE\"", deep, 1).as_bytes());
            }
        }
        survive(event, open.as_bytes());
        survive(event, maps.as_bytes());
    }
}
