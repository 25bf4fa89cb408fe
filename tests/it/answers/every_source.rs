//! What is the same at the route of every source.

use super::*;

/// Whether a delivery was let in, whatever was made of it then.
fn let_in(answer: &Answer) -> bool {
    matches!(answer.code, 200 | 202 | 422)
}

#[tokio::test]
async fn what_every_source_cannot_understand_is_quarantined_once_it_is_let_in() {
    let server = Server::start().await;
    let sender = server.sender();
    for (n, source) in Source::ALL.into_iter().enumerate() {
        let (path, body) = (format!("/{source}"), format!("{{\"n\": {n}, \"broken"));
        let answer = sender.send(&path, &credentials(source, body.as_bytes()), body.as_bytes()).await;
        assert_eq!(answer.is(), (422, "quarantined"), "{source}: {answer:?}");
        assert!(answer.reason.contains("JSON"), "{source}: {answer:?}");
    }
    assert_eq!(server.metric("valuestream_quarantine_size").await, 6.0);
}

#[tokio::test]
async fn whoever_does_not_know_the_secret_is_turned_away_at_every_route() {
    let server = Server::start_with(&[
        ("SOURCES__GITLAB__SECRETS", &format!("{GITLAB_TOKEN},{CUSTOM_KEY}")),
        ("SOURCES__CDEVENTS__SECRETS", &format!("{CDEVENTS_TOKEN},{CUSTOM_KEY}")),
    ])
    .await;
    let sender = server.sender();
    let body = b"{}";
    let old = |source: Source| (source, webhook(CUSTOM_KEY, "msg_1", 301, body).to_vec(), "5 minutes");
    let other = |source: Source| {
        (source, webhook("whsec_YW5vdGhlciBrZXk=", "msg_1", 0, body).to_vec(), "is the secret at the sender")
    };
    let one = |source, name, value: &str, reason| (source, vec![(name, value.to_owned())], reason);
    let wrong = "is the secret at the sender";
    let bearer = format!("Bearer {CDEVENTS_TOKEN}");
    let mut forged = webhook(CUSTOM_KEY, "msg_1", 0, b"{} ").to_vec();
    forged.push(("x-gitlab-token", GITLAB_TOKEN.to_owned()));
    let sha1 = format!("sha1={}", "0".repeat(40));
    let strangers = [
        one(Source::Gitlab, "x-gitlab-token", "another", wrong),
        one(Source::Gitlab, "authorization", &format!("Bearer {GITLAB_TOKEN}"), "no signature or token"),
        (Source::Gitlab, forged, wrong),
        old(Source::Gitlab),
        other(Source::Gitlab),
        one(Source::Jira, "x-hub-signature", &signature("another", body), wrong),
        one(Source::Jira, "x-hub-signature", &sha1, "too weak"),
        one(Source::Jira, "x-hub-signature", "sha256=", "malformed"),
        one(Source::Jira, "x-hub-signature-256", &signature(JIRA_SECRET, body), "no signature or token"),
        one(Source::Cdevents, "authorization", "Bearer another", wrong),
        one(Source::Cdevents, "authorization", "Basic YTpi", "malformed"),
        old(Source::Cdevents),
        other(Source::Cdevents),
        one(Source::Custom, "authorization", &bearer, wrong),
        old(Source::Custom),
        other(Source::Custom),
    ];
    let nothing = Source::ALL.map(|source| (source, Vec::new(), "no signature or token"));
    for (source, headers, reason) in strangers.into_iter().chain(nothing) {
        let answer = sender.send(&format!("/{source}"), &headers, body).await;
        assert_eq!(answer.is(), (401, "unauthorized"), "{source} {headers:?}: {answer:?}");
        assert!(answer.reason.contains(reason), "{source} {headers:?}: {answer:?}");
    }
    // What a stranger is not told for the asking: whether a token in the address would do.
    let asked = sender.send(&format!("/cdevents?token={CDEVENTS_TOKEN}"), &[], body).await;
    assert_eq!(asked.is(), (401, "unauthorized"));
    assert_eq!(server.metric("valuestream_quarantine_size").await, 0.0);
}

#[tokio::test]
async fn either_way_of_showing_that_one_knows_the_secret_lets_in() {
    let both = |token: &str| format!("{token},{CUSTOM_KEY}");
    let server = Server::start_with(&[
        ("SOURCES__GITLAB__SECRETS", &both(GITLAB_TOKEN)),
        ("SOURCES__CDEVENTS__SECRETS", &both(CDEVENTS_TOKEN)),
        ("SOURCES__CUSTOM__SECRETS", &both("a-token-for-custom-events")),
    ])
    .await;
    let (sender, body) = (server.sender(), b"not JSON at all");
    let (cdevents, custom) =
        (format!("Bearer {CDEVENTS_TOKEN}"), "Bearer a-token-for-custom-events".to_owned());
    for (path, token) in [
        ("/gitlab", ("x-gitlab-token", GITLAB_TOKEN.to_owned())),
        ("/cdevents", ("authorization", cdevents)),
        ("/custom", ("authorization", custom.clone())),
        ("/customhttp", ("authorization", custom)),
    ] {
        let signed = webhook(CUSTOM_KEY, &fresh_id(), 299, body).to_vec();
        for headers in [vec![token], signed] {
            let answer = sender.send(path, &headers, body).await;
            assert!(let_in(&answer), "{path} {headers:?}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn every_route_tells_wrong_method_type_and_size_apart() {
    let server = Server::start_with(&[("INGEST__MAX_BODY_BYTES", "2000")]).await;
    let sender = server.sender();
    for path in ["/github", "/jenkins", "/gitlab", "/jira", "/cdevents", "/custom", "/customhttp"] {
        let source = Source::ALL.into_iter().find(|s| path.contains(s.as_str())).unwrap();
        let get = client().get(format!("http://{}{path}", server.ingest())).send().await.unwrap();
        assert_eq!(Answer::read(get).await.is(), (405, "rejected"), "{path}");

        let of_type = async |media_type: &str| {
            let mut headers = credentials(source, b"rubbish");
            headers.push(("content-type", media_type.to_owned()));
            sender.send(path, &headers, b"rubbish").await
        };
        for media_type in ["text/plain", "application/xml", "application/jsonp", ""] {
            let answer = of_type(media_type).await;
            assert_eq!(answer.is(), (415, "rejected"), "{path} {media_type}");
            assert!(answer.reason.contains("application/json"), "{answer:?}");
        }
        for (media_type, taken) in [
            ("application/json", true),
            ("Application/JSON; charset=UTF-8", true),
            ("application/x-www-form-urlencoded", source == Source::Github),
            ("application/cloudevents+json; charset=utf-8", source == Source::Cdevents),
            ("application/cloudevents-batch+json", false),
        ] {
            let answer = of_type(media_type).await;
            assert_eq!(let_in(&answer), taken, "{path} {media_type}: {answer:?}");
            assert!(taken || answer.is() == (415, "rejected"), "{path} {media_type}: {answer:?}");
        }
        if source == Source::Cdevents {
            assert!(
                of_type("application/cloudevents-batch+json").await.reason.contains("request of its own")
            );
        }
        let long = [b' '; 2001];
        let answer = sender.send(path, &credentials(source, &long), &long).await;
        assert_eq!(answer.is(), (413, "rejected"), "{path}");
        let mut request = sender.post(path).body("rubbish");
        for (name, value) in credentials(source, b"rubbish") {
            request = request.header(name, value);
        }
        let answer = Answer::read(request.send().await.unwrap()).await;
        assert_eq!(answer.code == 415, source != Source::Jenkins, "{path} without a type: {answer:?}");
    }
}

#[tokio::test]
async fn every_source_without_a_secret_is_off_until_it_is_opened() {
    let off = ["GITHUB", "JENKINS", "GITLAB", "JIRA", "CDEVENTS", "CUSTOM"];
    let keys =
        off.map(|name| (format!("SOURCES__{name}__SECRETS"), format!("SOURCES__{name}__ALLOW_UNSIGNED")));
    let none: Vec<(&str, &str)> = keys.iter().map(|(secrets, _)| (secrets.as_str(), "")).collect();
    let server = Server::start_with(&none).await;
    let paths = ["/github", "/jenkins", "/gitlab", "/jira", "/cdevents", "/custom", "/customhttp"];
    for path in paths {
        let answer = server.sender().send(path, &[], b"rubbish").await;
        assert_eq!(answer.is(), (404, "off"), "{path}");
        assert!(answer.reason.contains("configure sources."), "{answer:?}");
    }
    let open: Vec<(&str, &str)> = keys.iter().map(|(_, open)| (open.as_str(), "true")).collect();
    let server = server.restart(&open).await;
    for path in paths {
        let answer = server.sender().send(path, &[], b"rubbish").await;
        assert!(let_in(&answer), "{path}: {answer:?}");
    }
}

/// Sets the value at a JSON pointer of a payload.
fn with(mut payload: Value, pointer: &str, value: Value) -> Value {
    *payload.pointer_mut(pointer).unwrap() = value;
    payload
}

#[tokio::test]
async fn every_source_is_told_what_became_of_its_deliveries() {
    let server = Server::start().await;
    let sender = server.sender();
    // What each is not interested in, and a field that it cannot do without.
    let changed = |source, payload: &Value| match source {
        Source::Github => (
            with(payload.clone(), "/action", json!("locked")),
            with(payload.clone(), "/issue/created_at", json!(null)),
        ),
        Source::Jenkins => (
            with(payload.clone(), "/build/phase", json!("DREAMT")),
            with(payload.clone(), "/build/number", json!(null)),
        ),
        Source::Gitlab => (
            with(payload.clone(), "/object_attributes/action", json!("dreamt")),
            with(payload.clone(), "/object_attributes/created_at", json!(null)),
        ),
        Source::Jira => (
            with(payload.clone(), "/webhookEvent", json!("worklog_created")),
            with(payload.clone(), "/issue/fields/created", json!(null)),
        ),
        Source::Cdevents => (
            with(payload.clone(), "/context/type", json!("dev.cdevents.pipelinerun.started.9.9.9")),
            with(payload.clone(), "/subject/id", json!(null)),
        ),
        Source::Custom => {
            (with(payload.clone(), "/type", json!("deploy")), with(payload.clone(), "/id", json!(null)))
        }
    };
    for (source, headers, payload) in of_every_source() {
        let deliver = async |payload: &Value, id: &str| {
            let body = payload.to_string().into_bytes();
            // The same secret with an identity of the test's choice.
            let mut all = match source {
                Source::Custom => webhook(CUSTOM_KEY, id, 0, &body).to_vec(),
                _ => credentials(source, &body),
            };
            let identity =
                ["x-github-delivery", "idempotency-key", "x-atlassian-webhook-identifier", "ce-id"];
            all.retain(|(name, _)| {
                name.starts_with("webhook-") || !headers.iter().any(|(kept, _)| kept == name)
            });
            let own = headers.iter().filter(|(name, _)| !name.starts_with("webhook-"));
            all.extend(own.map(|(name, value)| {
                (*name, if identity.contains(name) { id.to_owned() } else { (*value).to_owned() })
            }));
            // What stands in the envelope counts before what stands in the event.
            all.retain(|(name, _)| *name != "ce-type");
            sender.send(&format!("/{source}"), &all, &body).await
        };
        let first = deliver(&payload, "first").await;
        assert_eq!(first.is(), (202, "recorded"), "{source}: {first:?}");
        assert!(first.keys[0].starts_with(&format!("{source}:")), "{source}: {first:?}");
        let again = deliver(&payload, "first").await;
        assert_eq!(again.is(), (200, "duplicate"), "{source}: {again:?}");
        let (ignored, wrong) = changed(source, &payload);
        // A custom event is always about something.
        if source != Source::Custom {
            let ignored = deliver(&ignored, "second").await;
            assert_eq!(ignored.is(), (200, "ignored"), "{source}: {ignored:?}");
            assert!(!ignored.reason.is_empty(), "{source}");
        }
        let wrong = deliver(&wrong, "third").await;
        assert_eq!(wrong.is(), (422, "quarantined"), "{source}: {wrong:?}");
    }
    assert_eq!(server.metric("valuestream_quarantine_size").await, 6.0);
}
