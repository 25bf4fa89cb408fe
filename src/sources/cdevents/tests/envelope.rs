//! What an event comes in: CloudEvents in both ways or nothing, and how it is known again.

use super::*;

#[test]
fn a_bare_event_and_both_ways_of_cloudevents_say_the_same() {
    let bare = event("change.created", 0, json!({"description": "Basket"}));
    let envelope = json!({
        "specversion": "1.0", "id": "change.created-0", "source": CI, "type": "dev.cdevents.change.created.0.4.0",
        "datacontenttype": "application/json",
    });
    let binary = headers(&[
        ("ce-specversion", "1.0"),
        ("ce-id", "change.created-0"),
        ("ce-source", CI),
        ("ce-type", "dev.cdevents.change.created.0.4.0"),
        ("content-type", "application/json"),
    ]);
    let structured = headers(&[("content-type", "application/cloudevents+json; charset=utf-8")]);
    let base64 = STANDARD.encode(bare.to_string());
    let expected = deliver(&HeaderMap::new(), &bare);
    let said = used(expected.content);
    for (headers, body) in [
        (&binary, bare.clone()),
        (&structured, with(envelope.clone(), "/data", bare.clone())),
        (&HeaderMap::new(), with(envelope.clone(), "/data", bare.clone())),
        (&structured, with(envelope.clone(), "/data_base64", json!(base64))),
        (&structured, bare.clone()),
    ] {
        let delivery = deliver(headers, &body);
        assert_eq!((delivery.id, delivery.event_type), (expected.id, "change.created"));
        assert_eq!(used(delivery.content), said);
    }
}

#[test]
fn a_delivery_is_known_by_id_and_source_of_its_envelope() {
    let id = |headers: &[(&'static str, &str)], body: &Value| {
        deliver(&crate::sources::testing::headers(headers), body).id
    };
    let body = event("change.created", 0, json!({}));
    let other = event("change.created", 1, json!({}));
    assert_eq!(
        id(&[("ce-id", "1"), ("ce-source", "/s")], &body),
        id(&[("ce-id", "1"), ("ce-source", "/s")], &other)
    );
    assert_ne!(
        id(&[("ce-id", "1"), ("ce-source", "/s")], &body),
        id(&[("ce-id", "2"), ("ce-source", "/s")], &body)
    );
    assert_ne!(
        id(&[("ce-id", "1"), ("ce-source", "/s")], &body),
        id(&[("ce-id", "1"), ("ce-source", "/t")], &body)
    );
    assert_ne!(id(&[], &body), id(&[], &other));
    assert_eq!(id(&[], &body), id(&[], &with(body.clone(), "/customData", json!({"a": 1}))));
    let broken = |id| {
        let headers =
            headers(&[("ce-id", id), ("ce-source", "/s"), ("ce-type", "dev.cdevents.change.created.0.4.0")]);
        Settings::default().parse(Source::Cdevents, &headers, b"nonsense")
    };
    assert_eq!(broken("1").id, broken("1").id);
    assert_ne!(broken("1").id, broken("2").id);
    assert_eq!(broken("1").event_type, "change.created");
}

#[test]
fn what_leaves_the_source_of_its_subject_out_is_in_the_events() {
    let without_source =
        event("pipelinerun.started", 0, json!({"pipelineName": "ci", "uri": "https://ci/7"}));
    let expected = "cdevents:ci.example.org/acme/api/build/7";
    assert_eq!(key(&without_source), expected);
    for source in [CI, "", "https://CI.example.org:443/acme/api/"] {
        assert_eq!(
            key(&with(without_source.clone(), "/subject/source", json!(source))),
            expected,
            "{source}"
        );
    }
    let own = with(without_source, "/subject/source", json!("/clusterA/teamB/x"));
    assert_eq!(key(&own), "cdevents:clusterA/teamB/x/build/7");
}

#[test]
fn an_id_with_slashes_is_one_part_of_the_key() {
    let body = with(event("change.created", 0, json!({})), "/subject/id", json!("a/b c?d"));
    assert_eq!(key(&body), "cdevents:ci.example.org/acme/api/pull_request/a%2Fb%20c%3Fd");
}
