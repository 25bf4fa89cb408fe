//! Whatever comes is survived, and the order in which it comes does not show.

use super::*;
use crate::sources::testing::hostile::{
    Deep, cut_short, order_does_not_show, replaced, survived, without_some,
};

/// Stories of one item each.
fn stories() -> Vec<Vec<Value>> {
    vec![
        vec![
            event("change.created", 0, json!({"description": "a"})),
            event("change.updated", 1, json!({})),
            event("change.reviewed", 1, json!({})),
            with(event("change.merged", 2, json!({})), "/customData", json!({"team": "x", "sha": SHA})),
            event("change.abandoned", 2, json!({})),
        ],
        vec![
            event("pipelinerun.queued", 0, json!({"pipelineName": "a"})),
            event("pipelinerun.started", 0, json!({"pipelineName": "b", "uri": "https://ci/7"})),
            event("pipelinerun.finished", 0, json!({"outcome": "error", "errors": "x"})),
            event("pipelinerun.finished", 1, json!({"outcome": "success"})),
        ],
        ["ticket.created", "ticket.updated", "ticket.closed", "ticket.closed"]
            .iter()
            .zip([0, 1, 1, 5])
            .map(|(name, minute)| ticket(name, minute))
            .collect(),
        ["incident.detected", "incident.reported", "incident.resolved"]
            .map(|name| incident(name, 1))
            .to_vec(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn neither_order_nor_repetition_shows(
        story in 0_usize..4,
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
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
    fn an_event_with_one_value_replaced_or_removed_is_survived(
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        new in prop::option::of(odd()),
        wrapped in any::<bool>(),
    ) {
        let mut all = stories().concat();
        all.extend([service("service.rolledback", 0), event("taskrun.finished", 0, json!({"pipelineRun": {"id": "1"}}))]);
        let mut body = which.get(&all).clone();
        body["customData"] = json!({"team": "x", "sha": SHA, "vstrace-trace-id": "x"});
        let body = match new {
            Some(new) => replaced(body, at, new),
            None => without_some(body, at),
        };
        survive(if wrapped { json!({"id": "1", "data": body}) } else { body }.to_string().as_bytes());
    }

    #[test]
    fn an_event_cut_short_is_survived(at in any::<prop::sample::Index>()) {
        survive(&cut_short(&ticket("ticket.closed", 0), at));
    }
}

fn odd() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(json!([])),
        Just(json!({})),
        any::<i64>().prop_map(Value::from),
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
            "9999-12-31T23:59:60Z",
            "2026-01-02T10:00:60Z",
            "+99999-01-01T00:00:00Z",
            "dev.cdevents.",
            "dev.cdevents.change.created.0.3.0",
            "dev.cdevents.change.created.",
            "0.3.0",
            "0.4.1",
        ])
        .prop_map(Value::from),
        Just(json!("x".repeat(5_000))),
        Just(json!("/".repeat(5_000))),
    ]
}

/// Whatever is sent is used, ignored or wrong; what is used makes items and spans.
fn survive(body: &[u8]) {
    for headers in [HeaderMap::new(), headers(&[("ce-id", "1"), ("ce-source", "/x"), ("ce-type", "x")])] {
        survived(Settings::default().parse(Source::Cdevents, &headers, body).content);
    }
}

#[test]
fn deep_nesting_does_not_overflow_the_stack() {
    let Deep { lists, maps, .. } = Deep::new();
    let body = with(event("change.created", 0, json!({})), "/customData", json!({}));
    for deep in [&lists, &maps] {
        for pointer in [
            "/context/id",
            "/context/links",
            "/subject",
            "/subject/content",
            "/subject/content/x",
            "/unread",
            "/customData/a",
        ] {
            let body = with(body.clone(), pointer, json!("HOLE")).to_string().replace("\"HOLE\"", deep);
            survive(body.as_bytes());
            survive(format!(r#"{{"data":{body}}}"#).as_bytes());
            survive(format!(r#"{{"data":{deep}}}"#).as_bytes());
        }
        let custom = with(body.clone(), "/customData", json!("HOLE")).to_string().replace("\"HOLE\"", deep);
        let delivery = Settings::default().parse(Source::Cdevents, &HeaderMap::new(), custom.as_bytes());
        used(delivery.content);
    }
}

#[test]
fn huge_ids_and_lists_are_survived() {
    let huge = json!("é".repeat(500_000));
    for pointer in [
        "/context/id",
        "/context/source",
        "/subject/id",
        "/subject/source",
        "/subject/content/artifactId",
        "/subject/content/environment/id",
    ] {
        survive(with(service("service.deployed", 0), pointer, huge.clone()).to_string().as_bytes());
    }
    let many: Vec<String> = (0..100_000).map(|n| format!("label{n}")).collect();
    let body = with(ticket("ticket.created", 0), "/subject/content/labels", json!(many));
    let said = used(parse(&with(body, "/subject/content/assignees", json!(many))));
    assert!(one(&said).1.marks.labels.as_ref().unwrap().value.len() <= 256);
}
