//! Whatever comes is survived, and the order in which it comes does not show.

use super::*;
use crate::sources::testing::hostile::{Deep, cut_short, order_does_not_show, survived};

/// Stories of one item each.
fn stories() -> Vec<Vec<Value>> {
    let story = |kind: &str, steps: &[(&str, u32)]| {
        steps.iter().map(|(action, at)| event(kind, action, *at)).collect::<Vec<_>>()
    };
    let mut odd =
        story("build", &[("start", 3), ("start", 1), ("end", 3), ("end", 9), ("event", 3), ("pause", 3)]);
    odd[0]["parent"] = json!("issue/1");
    odd[1]["branch"] = json!("vstrace-github-issue-api-36");
    odd[2]["error"] = json!("x");
    odd[3]["tags"] = json!({"a": 1});
    odd[4]["duration_seconds"] = json!(5);
    odd[5]["at"] = Value::Null;
    let mut issue =
        story("issue", &[("start", 0), ("end", 5), ("start", 5), ("end", 9), ("start", 20), ("event", 7)]);
    issue[3]["started_at"] = json!(minute(6));
    issue[3]["outcome"] = json!("not_planned");
    issue.push(without(event("issue", "start", 0), "/at"));
    vec![
        odd,
        issue,
        story("pr", &[("start", 0), ("end", 0), ("start", 0)]),
        story("training", &[("end", 3), ("end", 2), ("start", 5)]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn neither_order_nor_repetition_shows(
        story in 0_usize..4,
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..16),
    ) {
        let story = &stories()[story];
        let events: Vec<Event> = story.iter().map(|body| used(parse(body)).events.remove(0)).collect();
        order_does_not_show(&events, &order)?;
    }

    #[test]
    fn any_bytes_are_survived(body in prop::collection::vec(any::<u8>(), 0..200)) {
        survive(&body);
    }

    #[test]
    fn any_value_of_any_member_is_survived(
        members in prop::collection::vec((prop::sample::select(MEMBERS), odd()), 0..6),
        kind in prop::sample::select(vec!["issue", "pr", "build", "job", "deploy", "sprint", "x/é"]),
        action in prop::sample::select(vec!["start", "end", "event", "x"]),
    ) {
        let mut body = event(kind, action, 0);
        for (name, value) in members {
            body[name] = value;
        }
        survive(body.to_string().as_bytes());
    }

    #[test]
    fn any_parent_is_survived(text in "(vstrace-|custom(http)?-|issue|pr|-|/|:|[a-z]|[0-9]|\\PC){0,12}") {
        survive(with(event("job", "end", 0), "/parent", json!(text)).to_string().as_bytes());
    }

    #[test]
    fn an_event_cut_short_is_survived(at in any::<prop::sample::Index>()) {
        survive(&cut_short(&event("build", "start", 0), at));
    }
}

const MEMBERS: &[&str] = &[
    "id",
    "type",
    "action",
    "namespace",
    "parent",
    "ParentID",
    "error",
    "outcome",
    "result",
    "at",
    "started_at",
    "duration_seconds",
    "event",
    "name",
    "title",
    "url",
    "environment",
    "service",
    "sha",
    "commit",
    "ref",
    "branch",
    "repository",
    "tags",
    "Metadata",
    "other",
];

fn odd() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
        prop::sample::select(vec![
            "",
            " ",
            "/",
            "//",
            "://",
            "https://",
            "%",
            "a/b",
            "?",
            "#",
            "é",
            "\u{0}",
            "..",
            ".",
            "@",
            "a@/b",
            "-",
            "owner/name",
            "git@h:a/b.git",
            "refs/heads/",
            "refs/tags/",
            "origin/",
            SHA,
            "vstrace-custom-issue-",
            "9999-12-31T23:59:60Z",
            "1e9",
        ])
        .prop_map(Value::from),
        Just(json!({"a": 1, "b": [], "": "x"})),
        Just(json!([[], {}])),
        Just(json!("/".repeat(5_000))),
        Just(json!("é".repeat(5_000))),
    ]
}

/// Whatever is sent is used or wrong; what is used makes items.
fn survive(body: &[u8]) {
    survived(Settings::default().parse(Source::Custom, &HeaderMap::new(), body).content);
}

#[test]
fn deep_nesting_does_not_overflow_the_stack() {
    let Deep { open, lists, maps } = Deep::new();
    for deep in [&open, &lists, &maps] {
        for name in MEMBERS {
            let body = with(event("build", "end", 0), &format!("/{name}"), json!("HOLE"));
            survive(body.to_string().replace("\"HOLE\"", deep).as_bytes());
        }
    }
    let tags = with(event("build", "end", 0), "/tags", json!({"a": "HOLE", "b": "c"})).to_string();
    let said = used(
        Settings::default()
            .parse(Source::Custom, &HeaderMap::new(), tags.replace("\"HOLE\"", &maps).as_bytes())
            .content,
    );
    assert_eq!(one(&said).1.marks.given.len(), 1);
}
