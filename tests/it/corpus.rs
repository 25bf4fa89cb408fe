//! Real payloads through the real routes: what each of them is answered, and the spans that a
//! receiver gets of all of them. Skipped where the payloads are not at hand.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;
use valuestream::work::key::Source;

use crate::support::corpus;
use crate::support::receiver::{Received, Receiver};
use crate::support::sender::{Delivery, GITHUB_SECRET, signature};
use crate::support::server::Server;
use crate::support::show;

/// The event of a file, `<event>[.<action>].<number>`.
fn event(name: &str) -> &str {
    name.split('.').next().unwrap()
}

/// All payloads as deliveries, by `<sender>/<name>`.
fn deliveries() -> Option<Vec<(String, Delivery)>> {
    let folder = corpus::folder()?;
    let github = corpus::payloads(&folder, "github").into_iter().map(|(name, body)| {
        let event: &'static str = event(&name).to_owned().leak();
        (format!("github/{name}"), Delivery::Github { event, id: name, body })
    });
    let jenkins = corpus::payloads(&folder, "jenkins")
        .into_iter()
        .map(|(name, body)| (format!("jenkins/{name}"), Delivery::Jenkins { body }));
    let others = [Source::Gitlab, Source::Jira, Source::Cdevents].into_iter().flat_map(|source| {
        corpus::payloads(&folder, source.as_str()).into_iter().map(move |(name, body)| {
            let headers = match source {
                Source::Gitlab => vec![("idempotency-key", name.clone()), ("x-gitlab-event", hook(&body))],
                Source::Jira => vec![("x-atlassian-webhook-identifier", name.clone())],
                _ => Vec::new(),
            };
            (format!("{source}/{name}"), Delivery::Of { source, headers, body })
        })
    });
    Some(github.chain(jenkins).chain(others).collect())
}

/// What GitLab puts into `X-Gitlab-Event` for a payload.
fn hook(body: &str) -> String {
    let payload: Value = serde_json::from_str(body).unwrap();
    let kind = payload["object_kind"].as_str().unwrap_or_default();
    let words = match kind {
        "build" => "job".to_owned(),
        kind => kind.replace('_', " "),
    };
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    let words: Vec<String> = words.split(' ').filter(|word| !word.is_empty()).map(capital).collect();
    format!("{} Hook", words.join(" "))
}

#[tokio::test]
async fn every_real_payload_gets_the_answer_that_it_should() {
    let Some(deliveries) = deliveries() else { return };
    let server = Server::start().await;
    let sender = server.sender();
    let mut table = String::new();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (name, delivery) in &deliveries {
        let answer = sender.deliver(delivery).await.unwrap();
        assert!(answer.code < 500, "{name}: {answer:?}");
        let more = if answer.keys.is_empty() { answer.reason } else { answer.keys.join(" ") };
        table.push_str(&format!("{name}: {} {} {more}\n", answer.code, answer.status));
        let sender = name.split('/').next().unwrap();
        *counts.entry(format!("{sender} {} {}", answer.code, answer.status)).or_default() += 1;
    }
    insta::assert_snapshot!("answers", table);
    insta::assert_debug_snapshot!("counts", counts);
    // Sent again, nothing of it counts a second time.
    for (name, delivery) in &deliveries {
        let code = sender.deliver(delivery).await.unwrap().code;
        assert_eq!(code, 200, "{name}");
    }
}

/// Spans as text, without the times of receipt that stand in where a payload has no time.
fn shown(spans: &[Received], begun: jiff::Timestamp) -> String {
    let begun = u64::try_from(begun.as_nanosecond()).unwrap();
    let times = spans.iter().flat_map(|r| [r.span.start_time_unix_nano, r.span.end_time_unix_nano]);
    times
        .filter(|nanos| *nanos >= begun)
        .fold(show::spans(spans), |text, nanos| text.replace(&show::time(nanos), "receipt"))
}

#[tokio::test]
async fn real_payloads_become_these_spans() {
    let Some(deliveries) = deliveries() else { return };
    let begun = jiff::Timestamp::now();
    let receiver = Receiver::start().await;
    let settings = [("EXPORT__ENDPOINT", &*receiver.endpoint()), ("EXPORT__SETTLE", "1day")];
    let server = Server::start_with(&settings).await;
    let sender = server.sender();
    for (_, delivery) in &deliveries {
        sender.deliver(delivery).await.unwrap();
    }
    let server = server.restart(&[("EXPORT__SETTLE", "0s")]).await;
    server.metric_becomes("valuestream_due_items", 0.0).await;
    server.metric_becomes("valuestream_outbox_items{backend=\"default\"}", 0.0).await;
    let spans = receiver.spans();
    let ids: BTreeSet<_> = spans.iter().map(|received| received.span.span_id.clone()).collect();
    assert_eq!(ids.len(), spans.len(), "each once");
    for Received { span, .. } in &spans {
        assert!(span.end_time_unix_nano >= span.start_time_unix_nano, "{span:?}");
        assert!(span.start_time_unix_nano > 946_684_800_000_000_000, "not before 2000: {span:?}");
    }
    insta::assert_snapshot!("spans", shown(&spans, begun));
}

/// What `openssl` makes of a body; `None` where it is not installed.
fn signed_by_openssl(secret: &str, body: &[u8]) -> Option<String> {
    let mut child = Command::new("openssl")
        .args(["dgst", "-sha256", "-hmac", secret, "-hex"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    child.stdin.take().unwrap().write_all(body).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    Some(format!("sha256={}", text.trim().rsplit(' ').next().unwrap()))
}

#[test]
fn the_signatures_of_these_tests_are_those_of_others() {
    // GitHub's own example.
    let known = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    assert_eq!(signature("It's a Secret to Everybody", b"Hello, World!"), known);
    if signed_by_openssl(GITHUB_SECRET, b"Hello, World!").is_none() {
        println!("skipped: no openssl to compare with");
        return;
    }
    let Some(folder) = corpus::folder() else { return };
    let mut events = BTreeSet::new();
    for (name, body) in corpus::payloads(&folder, "github") {
        if events.insert(event(&name).to_owned()) {
            let theirs = signed_by_openssl(GITHUB_SECRET, body.as_bytes()).unwrap();
            assert_eq!(signature(GITHUB_SECRET, body.as_bytes()), theirs, "{name}");
        }
    }
    assert_eq!(events.len(), 58, "one of each event");
}
