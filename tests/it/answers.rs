//! Every row of the table of answers, over a real socket.

mod every_source;

use serde_json::{Value, json};
use valuestream::work::key::Source;

use crate::support::every_source::of_every_source;
use crate::support::payloads::{issue, jenkins, pull_request};
use crate::support::sender::{
    Answer, CDEVENTS_TOKEN, CUSTOM_KEY, GITHUB_SECRET, GITLAB_TOKEN, JENKINS_TOKEN, JIRA_SECRET, client,
    credentials, fresh_id, signature, webhook,
};
use crate::support::server::Server;

const ISSUE: &str = "github:github.com/acme/api/issue/12";

#[tokio::test]
async fn a_delivery_is_recorded_with_its_keys_and_the_second_time_a_duplicate() {
    let server = Server::start().await;
    let (sender, id) = (server.sender(), fresh_id());
    let body = issue("opened", 12, 0, None).to_string().into_bytes();
    let first = sender.github_bytes("issues", &id, body.clone()).await;
    assert_eq!(first.is(), (202, "recorded"));
    assert_eq!(first.keys, [ISSUE]);
    assert_eq!(sender.github_bytes("issues", &id, body).await.is(), (200, "duplicate"));
    // After a restart, too.
    let server = server.restart(&[]).await;
    let body = issue("opened", 12, 0, None).to_string().into_bytes();
    assert_eq!(server.sender().github_bytes("issues", &id, body).await.is(), (200, "duplicate"));
}

#[tokio::test]
async fn what_is_not_used_is_ignored_with_a_reason() {
    let server = Server::start().await;
    let sender = server.sender();
    for (event, payload, reason) in [
        ("ping", json!({"zen": "Design for failure.", "hook_id": 1}), "ping"),
        ("star", json!({"action": "created"}), "star"),
        ("an_event_of_2031", json!({"action": "created"}), "an_event_of_2031"),
        ("issues", json!({"action": "an_action_of_2031", "issue": 7}), "an_action_of_2031"),
    ] {
        let answer = sender.github(event, &payload).await;
        assert_eq!(answer.is(), (200, "ignored"), "{event}: {answer:?}");
        assert!(answer.reason.contains(reason), "{answer:?}");
    }
    assert_eq!(server.metric("valuestream_quarantine_size").await, 0.0);
}

#[tokio::test]
async fn what_cannot_be_understood_is_quarantined_and_kept() {
    let server = Server::start().await;
    let sender = server.sender();
    let mut untimed = issue("opened", 12, 0, None);
    untimed["issue"].as_object_mut().unwrap().remove("created_at");
    let mut mistyped = issue("opened", 12, 0, None);
    mistyped["issue"]["number"] = json!({"a": 1});
    let mut ancient = issue("closed", 12, 5, Some(5));
    ancient["issue"]["created_at"] = json!("0001-01-01T00:00:00Z");
    let bodies = [
        (b"".to_vec(), "JSON"),
        (b"{\"action\":\"opened\",\"issue\":{".to_vec(), "JSON"),
        (b"\xff\xfe".to_vec(), "UTF-8"),
        ("[".repeat(300_000).into_bytes(), "JSON"),
        (untimed.to_string().into_bytes(), "created_at"),
        (mistyped.to_string().into_bytes(), "issue.number"),
        (ancient.to_string().into_bytes(), "issue.created_at"),
    ];
    let count = bodies.len();
    for (body, reason) in bodies {
        let answer = sender.github_bytes("issues", &fresh_id(), body).await;
        assert_eq!(answer.is(), (422, "quarantined"), "{answer:?}");
        assert!(answer.reason.contains(reason), "{reason}: {answer:?}");
    }
    assert_eq!(server.metric("valuestream_quarantine_size").await, count as f64);
}

#[tokio::test]
async fn strangers_are_turned_away_and_leave_nothing_but_a_count() {
    let server = Server::start().await;
    let body = issue("opened", 12, 0, None).to_string();
    let request = || {
        server
            .sender()
            .post("/github")
            .header("content-type", "application/json")
            .header("x-github-event", "issues")
            .header("x-github-delivery", "d-1")
            .body(body.clone())
    };
    let right = signature(GITHUB_SECRET, body.as_bytes());
    let wrong = signature("another secret altogether", body.as_bytes());
    for header in [
        None,
        Some(wrong),
        Some(right.replace("sha256", "sha1")),
        Some("sha256=".to_owned()),
        Some(right[..70].to_owned()),
    ] {
        let mut stranger = request();
        if let Some(header) = &header {
            stranger = stranger.header("x-hub-signature-256", header);
        }
        let answer = Answer::read(stranger.send().await.unwrap()).await;
        assert_eq!(answer.is(), (401, "unauthorized"), "{header:?}: {answer:?}");
    }
    assert_eq!(
        server.metric("valuestream_deliveries_total{source=\"github\",status=\"unauthorized\"}").await,
        5.0
    );
    // The delivery's id was not taken note of: the real one still counts.
    let answer = Answer::read(request().header("x-hub-signature-256", right).send().await.unwrap()).await;
    assert_eq!(answer.is(), (202, "recorded"));
}

#[tokio::test]
async fn secrets_can_be_rotated() {
    let both = format!("a-new-secret-of-some-length,{GITHUB_SECRET}");
    let server = Server::start_with(&[("SOURCES__GITHUB__SECRETS", &both)]).await;
    let body = issue("opened", 12, 0, None).to_string();
    for secret in ["a-new-secret-of-some-length", GITHUB_SECRET] {
        let request = server
            .sender()
            .post("/github")
            .header("content-type", "application/json")
            .header("x-github-event", "issues")
            .header("x-github-delivery", secret.len())
            .header("x-hub-signature-256", signature(secret, body.as_bytes()));
        assert_eq!(Answer::read(request.body(body.clone()).send().await.unwrap()).await.code, 202);
    }
}

#[tokio::test]
async fn a_form_is_taken_as_json_is() {
    let server = Server::start().await;
    let payload = issue("opened", 12, 0, None).to_string();
    let body = form_urlencoded::Serializer::new(String::new()).append_pair("payload", &payload).finish();
    let request = server
        .sender()
        .post("/github")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("x-github-event", "issues")
        .header("x-github-delivery", fresh_id())
        .header("x-hub-signature-256", signature(GITHUB_SECRET, body.as_bytes()));
    let answer = Answer::read(request.body(body).send().await.unwrap()).await;
    assert_eq!((answer.is(), answer.keys.as_slice()), ((202, "recorded"), &[ISSUE.to_owned()][..]));
}

#[tokio::test]
async fn jenkins_brings_its_token_in_any_of_three_places() {
    let server = Server::start().await;
    let sender = server.sender();
    let body = |number| jenkins("asgard", number, "STARTED", 0, 0, None).to_string();
    let requests = [
        sender.post("/jenkins").bearer_auth(JENKINS_TOKEN).body(body(1)),
        sender.post("/jenkins").basic_auth("anybody", Some(JENKINS_TOKEN)).body(body(2)),
        sender.post(&format!("/jenkins?token={JENKINS_TOKEN}")).body(body(3)),
    ];
    for request in requests {
        let answer = Answer::read(request.send().await.unwrap()).await;
        assert_eq!(answer.is(), (202, "recorded"), "{answer:?}");
    }
    for request in [
        sender.post("/jenkins").body(body(4)),
        sender.post("/jenkins").bearer_auth("another").body(body(4)),
        sender.post("/jenkins?token=").body(body(4)),
    ] {
        assert_eq!(Answer::read(request.send().await.unwrap()).await.is(), (401, "unauthorized"));
    }
}

#[tokio::test]
async fn a_notification_sent_again_is_a_duplicate_though_it_has_no_id() {
    let server = Server::start().await;
    let payload = jenkins("asgard", 1, "COMPLETED", 10, 5, Some("SUCCESS"));
    assert_eq!(server.sender().jenkins(&payload).await.is(), (202, "recorded"));
    assert_eq!(server.sender().jenkins(&payload).await.is(), (200, "duplicate"));
    let next = jenkins("asgard", 1, "FINALIZED", 10, 5, Some("SUCCESS"));
    assert_eq!(server.sender().jenkins(&next).await.is(), (202, "recorded"));
}

#[tokio::test]
async fn a_source_without_a_secret_is_off() {
    let server = Server::start_with(&[("SOURCES__JENKINS__SECRETS", "")]).await;
    let answer = server.sender().jenkins(&jenkins("asgard", 1, "STARTED", 0, 0, None)).await;
    assert_eq!(answer.is(), (404, "off"));
    let server = server.restart(&[("SOURCES__JENKINS__ALLOW_UNSIGNED", "true")]).await;
    let request =
        server.sender().post("/jenkins").body(jenkins("asgard", 1, "STARTED", 0, 0, None).to_string());
    assert_eq!(Answer::read(request.send().await.unwrap()).await.is(), (202, "recorded"));
}

#[tokio::test]
async fn wrong_method_type_and_size_are_told_apart() {
    let server = Server::start_with(&[("INGEST__MAX_BODY_BYTES", "2000")]).await;
    let url = format!("http://{}/github", server.ingest());
    let get = client().get(&url).send().await.unwrap();
    assert_eq!(get.headers()["allow"], "POST");
    assert_eq!(Answer::read(get).await.is(), (405, "rejected"));

    let signed = |body: &'static str| {
        server
            .sender()
            .post("/github")
            .header("x-github-event", "issues")
            .header("x-hub-signature-256", signature(GITHUB_SECRET, body.as_bytes()))
            .body(body)
    };
    for media_type in ["text/plain", "application/xml", "multipart/form-data"] {
        let request = signed("{}").header("content-type", media_type);
        assert_eq!(Answer::read(request.send().await.unwrap()).await.is(), (415, "rejected"), "{media_type}");
    }
    let compressed =
        signed("{}").header("content-type", "application/json").header("content-encoding", "gzip");
    assert_eq!(Answer::read(compressed.send().await.unwrap()).await.is(), (415, "rejected"));

    // With and without a length told beforehand.
    let long: &'static str = Box::leak("x".repeat(2001).into_boxed_str());
    let announced = signed(long).header("content-type", "application/json");
    assert_eq!(Answer::read(announced.send().await.unwrap()).await.is(), (413, "rejected"));
    let exact: &'static str = Box::leak(" ".repeat(2000).into_boxed_str());
    let allowed = signed(exact).header("content-type", "application/json");
    assert_eq!(Answer::read(allowed.send().await.unwrap()).await.is(), (422, "quarantined"));
    assert_eq!(
        Answer::read(client().get(format!("http://{}/nothing", server.ingest())).send().await.unwrap())
            .await
            .is(),
        (404, "not_found")
    );
}

#[tokio::test]
async fn the_ingest_listener_shows_nothing_but_that_it_lives() {
    let server = Server::start().await;
    let get = |path: &'static str| {
        let url = format!("http://{}{path}", server.ingest());
        async move { client().get(url).send().await.unwrap().status().as_u16() }
    };
    assert_eq!(get("/healthz").await, 200);
    for path in ["/metrics", "/readyz", "/api/v1/traceparent?key=x"] {
        assert_eq!(get(path).await, 404, "{path}");
    }
}

#[tokio::test]
async fn the_console_asks_for_its_token_but_not_of_probes() {
    let server = Server::start_with(&[("CONSOLE__TOKEN", "a-token-for-the-console")]).await;
    assert_eq!(server.console("/metrics").await.0, 401);
    assert_eq!(server.console("/healthz").await.0, 200);
    assert_eq!(server.console("/readyz").await.0, 200);
}

#[tokio::test]
async fn the_console_tells_the_traceparent_of_an_item() {
    let server = Server::start().await;
    let key = "github:github.com/acme/api/pull_request/15";
    server.sender().github("pull_request", &pull_request("opened", 15, 10, None)).await;
    let (status, body) = server.console(&format!("/api/v1/traceparent?key={key}")).await;
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, body["root"].as_str().unwrap(), &body["known"]), (200, ISSUE, &json!(true)));
    let (_, unseen) = server.console("/api/v1/traceparent?key=github:github.com/acme/api/build/1.1").await;
    assert!(unseen.contains("\"known\":false"), "{unseen}");
    let output = crate::support::program::run(&["id", key, "--root", ISSUE], &[]);
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), body["traceparent"].as_str().unwrap());
    assert_eq!(server.console("/api/v1/traceparent?key=nonsense").await.0, 400);
}

#[tokio::test]
async fn events_that_begin_and_end_are_counted_once_under_their_old_names() {
    let server = Server::start().await;
    let sender = server.sender();
    for payload in
        [issue("opened", 12, 0, None), issue("closed", 12, 60, Some(60)), issue("edited", 12, 60, Some(60))]
    {
        assert_eq!(sender.github("issues", &payload).await.code, 202);
    }
    let labels = "event_source=\"github\",event_type=\"issue\"";
    assert_eq!(server.metric(&format!("webhooks_event_start_total{{{labels}}}")).await, 1.0);
    assert_eq!(server.metric(&format!("webhooks_event_end_total{{{labels},error=\"false\"}}")).await, 1.0);
    assert_eq!(
        server.metric(&format!("webhooks_event_duration_sum{{{labels},error=\"false\"}}")).await,
        3_600_000.0
    );
    assert_eq!(server.metric("valuestream_items_open{kind=\"issue\"}").await, 0.0);
}
