//! Backends that are down, slow, picky or gone for a day: nothing is lost, nothing is held up.

use std::collections::BTreeSet;

use tonic::Code;

use crate::support::payloads::issue;
use crate::support::program;
use crate::support::receiver::{Answer, Received, Receiver};
use crate::support::server::{Server, settings};
use crate::support::show;

async fn close_issues(server: &Server, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let answer = server.sender().github("issues", &issue("closed", number, 61, Some(61))).await;
        assert_eq!(answer.code, 202, "{answer:?}");
    }
}

fn keys(spans: &[Received]) -> BTreeSet<String> {
    spans.iter().map(show::key).collect()
}

fn is_issue(span: &opentelemetry_proto::tonic::trace::v1::Span, number: u64) -> bool {
    show::attribute(&span.attributes, "issue.number") == Some(number.to_string())
}

#[tokio::test]
async fn spans_wait_for_a_backend_that_is_down_across_restarts() {
    let mut receiver = Receiver::start().await;
    receiver.stop().await;
    let server = Server::exporting(&receiver).await;
    close_issues(&server, 0..20).await;
    server.metric_becomes("valuestream_outbox_items{backend=\"default\"}", 20.0).await;
    let server = server.restart(&[]).await;
    assert_eq!(server.metric("valuestream_outbox_items{backend=\"default\"}").await, 20.0);
    receiver.restart().await;
    let spans = receiver.wait_until(|spans| keys(spans).len() == 20).await;
    server.metric_becomes("valuestream_outbox_items{backend=\"default\"}", 0.0).await;
    assert_eq!(spans.len(), 20, "each once");
}

#[tokio::test]
async fn without_a_backend_spans_are_kept_until_there_is_one() {
    let server = Server::start().await;
    close_issues(&server, 0..3).await;
    assert_eq!(server.metric("valuestream_due_items").await, 3.0);
    let receiver = Receiver::start().await;
    let server = server.restart(&[("EXPORT__ENDPOINT", &receiver.endpoint())]).await;
    receiver.wait_until(|spans| keys(spans).len() == 3).await;
    server.metric_becomes("valuestream_due_items", 0.0).await;
}

#[tokio::test]
async fn one_rejected_span_is_set_aside_and_holds_nothing_up() {
    let receiver = Receiver::start().await;
    receiver.answer_if_any(|span| is_issue(span, 7), Answer::status(400));
    // All of them in one batch.
    let server =
        Server::start_with(&[("EXPORT__ENDPOINT", &receiver.endpoint()), ("EXPORT__SETTLE", "1day")]).await;
    close_issues(&server, 0..20).await;
    let server = server.restart(&[("EXPORT__SETTLE", "0s")]).await;
    let spans = receiver.wait_until(|spans| keys(spans).len() == 19).await;
    server.metric_becomes("valuestream_rejected_exports{backend=\"default\"}", 1.0).await;
    assert_eq!(spans.len(), 19, "each once");

    // It is listed with the reason, and passes once the backend takes it.
    let folder = server.stop().await;
    let environment = settings(&folder.path().join("store.db"));
    let listed = program::run(&["exports", "list"], &environment);
    let text = String::from_utf8(listed.stdout).unwrap();
    assert!(text.contains("github:github.com/acme/api/issue/7") && text.contains("400"), "{text}");
    let retried = program::run(&["exports", "retry", "--all"], &environment);
    assert_eq!(String::from_utf8(retried.stdout).unwrap(), "1 back in the outbox\n");
    receiver.answer(|_| Answer::Accept);
    let server = Server::on(folder, &[("EXPORT__ENDPOINT", &receiver.endpoint())]).await;
    receiver.wait_until(|spans| keys(spans).len() == 20).await;
    server.metric_becomes("valuestream_rejected_exports{backend=\"default\"}", 0.0).await;
}

#[tokio::test]
async fn a_partial_success_is_believed_and_nothing_is_sent_twice() {
    let receiver = Receiver::start().await;
    receiver.script([Answer::Partial { rejected: 1, message: "attribute too long".to_owned() }]);
    let server = Server::exporting(&receiver).await;
    close_issues(&server, 7..8).await;
    server.metric_becomes("valuestream_rejected_exports{backend=\"default\"}", 1.0).await;
    close_issues(&server, 8..9).await;
    receiver.wait_until(|spans| keys(spans).len() == 1).await;
    assert_eq!(receiver.requests().len(), 2);
}

#[tokio::test]
async fn a_backend_that_asks_for_time_gets_it() {
    let receiver = Receiver::start().await;
    receiver.script([
        Answer::Http { status: 429, headers: vec![("retry-after", "1".to_owned())], body: Vec::new() },
        Answer::status(503),
        Answer::Close,
    ]);
    let server = Server::start_with(&[
        ("EXPORT__ENDPOINT", &receiver.endpoint()),
        ("EXPORT__PROTOCOL", "http/protobuf"),
    ])
    .await;
    close_issues(&server, 0..1).await;
    let spans = receiver.wait_until(|spans| !spans.is_empty()).await;
    assert_eq!((spans.len(), receiver.requests().len()), (1, 4));
    let exports =
        |result: &str| format!("valuestream_exports_total{{backend=\"default\",result=\"{result}\"}}");
    server.metric_becomes(&exports("sent"), 1.0).await;
    assert_eq!(server.metric(&exports("retry")).await, 3.0);
}

#[tokio::test]
async fn a_backend_that_hangs_is_tried_again() {
    let receiver = Receiver::start().await;
    receiver.script([Answer::Hang]);
    let server =
        Server::start_with(&[("EXPORT__ENDPOINT", &receiver.endpoint()), ("EXPORT__TIMEOUT", "200ms")]).await;
    close_issues(&server, 0..1).await;
    receiver.wait_until(|spans| !spans.is_empty()).await;
    assert!(receiver.requests().len() >= 2);
    drop(server);
}

#[tokio::test]
async fn wrong_credentials_cost_no_span() {
    let receiver = Receiver::start().await;
    receiver.script([Answer::grpc(Code::Unauthenticated, "no such key")]);
    let server =
        Server::start_with(&[("EXPORT__ENDPOINT", &receiver.endpoint()), ("EXPORT__PROTOCOL", "grpc")]).await;
    close_issues(&server, 0..1).await;
    receiver.wait_until(|spans| !spans.is_empty()).await;
    assert_eq!(server.metric("valuestream_rejected_exports{backend=\"default\"}").await, 0.0);
}

#[tokio::test]
async fn what_a_backend_chokes_on_does_not_hold_up_the_rest() {
    let receiver = Receiver::start().await;
    // For ever, and in a way that says "try again".
    receiver.answer_if_any(|span| is_issue(span, 3), Answer::status(503));
    let server =
        Server::start_with(&[("EXPORT__ENDPOINT", &receiver.endpoint()), ("EXPORT__SETTLE", "1day")]).await;
    close_issues(&server, 0..6).await;
    let server = server.restart(&[("EXPORT__SETTLE", "0s")]).await;
    receiver.wait_until(|spans| keys(spans).len() == 5).await;
    server.metric_becomes("valuestream_outbox_items{backend=\"default\"}", 1.0).await;
}

#[tokio::test]
async fn each_backend_has_its_own_pace() {
    let (quick, mut down) = (Receiver::start().await, Receiver::start().await);
    down.stop().await;
    let server = Server::start_with(&[
        ("EXPORT__ENDPOINT", &quick.endpoint()),
        ("EXPORT__BACKENDS__OTHER__ENDPOINT", &down.endpoint()),
    ])
    .await;
    close_issues(&server, 0..5).await;
    quick.wait_until(|spans| keys(spans).len() == 5).await;
    assert_eq!(server.metric("valuestream_outbox_items{backend=\"other\"}").await, 5.0);
    down.restart().await;
    let late = down.wait_until(|spans| keys(spans).len() == 5).await;
    // The same content for everybody, whenever it is sent.
    let sorted = |mut spans: Vec<Received>| {
        spans.sort_by_key(show::key);
        spans.into_iter().map(|r| r.span).collect::<Vec<_>>()
    };
    assert_eq!(sorted(late), sorted(quick.spans()));
}
