//! Every verdict of the OTLP client, over both protocols, against a real receiver.

mod tls;

use std::path::{Path, PathBuf};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use tonic::Code;
use valuestream::config::{BackendSettings, Config};
use valuestream::export::backend::{Backend, Compression, Headers};
use valuestream::export::client::Client;
use valuestream::export::encode;
use valuestream::export::verdict::Verdict;
use valuestream::work::attr::Value;
use valuestream::work::ids::{SpanId, TraceId};
use valuestream::work::span::{Span, SpanKind};
use valuestream::work::time::Time;

use crate::support::certificates::Authority;
use crate::support::receiver::{Answer, Receiver, Via};

const BOTH: [&str; 2] = ["grpc", "http/protobuf"];

fn settings(receiver: &Receiver, protocol: &str) -> BackendSettings {
    BackendSettings {
        endpoint: Some(receiver.endpoint().parse().unwrap()),
        protocol: Some(protocol.parse().unwrap()),
        // Reached only by what should not take long at all.
        timeout: Duration::from_secs(20),
        compression: Compression::None,
        ..defaults()
    }
}

fn defaults() -> BackendSettings {
    Config::load(None, [("", ""); 0]).unwrap().export.main
}

fn headers<const N: usize>(headers: [(&str, &str); N]) -> Headers {
    Headers::new(headers.map(|(name, value)| (name.to_owned(), value.to_owned()))).unwrap()
}

fn backend(settings: &BackendSettings) -> Backend {
    Backend::new("test", settings).unwrap().unwrap()
}

fn client(settings: &BackendSettings) -> Client {
    Client::new(&backend(settings)).unwrap()
}

fn span(name: &'static str) -> Span {
    Span {
        trace_id: TraceId([1; 16]),
        span_id: SpanId([2; 8]),
        parent: None,
        name,
        kind: SpanKind::Internal,
        start: Time::parse("2019-05-15T15:20:33Z").unwrap(),
        end: Time::parse("2019-06-15T15:20:33Z").unwrap(),
        attributes: [("valuestream.key".into(), Value::from("k"))].into(),
        events: Vec::new(),
        links: Vec::new(),
        error: None,
    }
}

fn request(names: &[&'static str]) -> ExportTraceServiceRequest {
    let spans: Vec<_> = names.iter().map(|name| span(name)).collect();
    let stored = encode::encode(&spans);
    encode::request([("github", stored.as_slice())]).unwrap()
}

/// What a fresh client makes of one answer.
async fn verdict_on(protocol: &str, answer: Answer) -> Verdict {
    let receiver = Receiver::start().await;
    receiver.script([answer]);
    client(&settings(&receiver, protocol)).send(request(&["issue", "build", "job"])).await
}

fn http(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Answer {
    let headers = vec![("content-type", content_type.to_owned())];
    Answer::Http { status, headers, body: body.into() }
}

#[track_caller]
fn retry(verdict: Verdict) -> (Option<Duration>, String) {
    match verdict {
        Verdict::Retry { after, reason } => (after, reason),
        other => panic!("not to be retried: {other:?}"),
    }
}

#[track_caller]
fn refused(verdict: Verdict) -> String {
    match verdict {
        Verdict::Refused { reason } => reason,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn spans_arrive_with_their_resource() {
    for (protocol, via) in BOTH.into_iter().zip([Via::Grpc, Via::Http]) {
        for compression in [Compression::None, Compression::Gzip] {
            let receiver = Receiver::start().await;
            let settings = BackendSettings { compression, ..settings(&receiver, protocol) };
            let client = client(&settings);
            assert_eq!(client.send(request(&["issue", "build"])).await, Verdict::Sent);
            assert_eq!(client.send(request(&["deploy"])).await, Verdict::Sent);

            let received = receiver.wait_until(|spans| spans.len() == 3).await;
            let names: Vec<_> = received.iter().map(|received| received.span.name.as_str()).collect();
            assert_eq!(names, ["issue", "build", "deploy"]);
            assert_eq!(received[0].service, "github");
            assert_eq!(received[0].namespace, "valuestream");
            assert_eq!(received[0].scope, ("valuestream".to_owned(), env!("CARGO_PKG_VERSION").to_owned()));
            assert_eq!(received[0].span, request(&["issue"]).resource_spans[0].scope_spans[0].spans[0]);
            for request in receiver.requests() {
                assert_eq!(
                    (request.via, request.compressed),
                    (via, compression == Compression::Gzip),
                    "{protocol}"
                );
            }
        }
    }
}

#[tokio::test]
async fn headers_go_with_every_request() {
    for protocol in BOTH {
        let receiver = Receiver::start().await;
        let headers = headers([("Authorization", "Basic YTpi"), ("x-scope-orgid", "acme")]);
        let client = client(&BackendSettings { headers, ..settings(&receiver, protocol) });
        for _ in 0..2 {
            assert_eq!(client.send(request(&["issue"])).await, Verdict::Sent);
        }
        for request in receiver.requests() {
            assert_eq!(request.headers["authorization"], "Basic YTpi", "{protocol}");
            assert_eq!(request.headers["x-scope-orgid"], "acme", "{protocol}");
            let agent = request.headers["user-agent"].to_str().unwrap();
            assert!(agent.starts_with("valuestream/"), "{agent}");
        }
        assert_eq!(receiver.requests().len(), 2);
    }
}

#[tokio::test]
async fn a_partial_success_is_no_success() {
    for protocol in BOTH {
        let answer = Answer::Partial { rejected: 2, message: "too old".to_owned() };
        let expected = Verdict::Partial { rejected: 2, message: "too old".to_owned() };
        assert_eq!(verdict_on(protocol, answer).await, expected);
        // More than were sent cannot have been rejected.
        let answer = Answer::Partial { rejected: 99, message: String::new() };
        let expected = Verdict::Partial { rejected: 3, message: String::new() };
        assert_eq!(verdict_on(protocol, answer).await, expected);
    }
    let body = r#"{"partialSuccess": {"rejectedSpans": "1", "errorMessage": "too old"}}"#;
    let expected = Verdict::Partial { rejected: 1, message: "too old".to_owned() };
    assert_eq!(
        verdict_on("http/protobuf", http(200, "application/json; charset=utf-8", body)).await,
        expected
    );
}

#[tokio::test]
async fn a_warning_beside_a_success_is_a_success() {
    for protocol in BOTH {
        for rejected in [0, -1] {
            let answer = Answer::Partial { rejected, message: "use gzip".to_owned() };
            assert_eq!(verdict_on(protocol, answer).await, Verdict::Sent);
        }
    }
}

#[tokio::test]
async fn any_success_status_is_a_success() {
    for answer in [
        Answer::status(202),
        Answer::status(204),
        http(200, "application/json", "{}"),
        http(200, "text/plain", "ok"),
        http(200, "application/x-protobuf", "\u{1}not protobuf"),
    ] {
        assert_eq!(verdict_on("http/protobuf", answer.clone()).await, Verdict::Sent, "{answer:?}");
    }
}

#[tokio::test]
async fn a_web_page_is_no_receiver() {
    let reason = refused(verdict_on("http/protobuf", http(200, "text/html; charset=utf-8", "<html>")).await);
    assert!(reason.contains("not an OTLP endpoint"), "{reason}");
    for status in [200, 404] {
        refused(verdict_on("grpc", http(status, "text/html", "<html>")).await);
    }
}

#[tokio::test]
async fn load_is_waited_out() {
    for status in [429, 502, 503, 504] {
        assert_eq!(retry(verdict_on("http/protobuf", Answer::status(status)).await).0, None, "{status}");
    }
    let headers = vec![("retry-after", "7".to_owned())];
    let answer = Answer::Http { status: 429, headers, body: b"slow down".to_vec() };
    // What a proxy in front of a gRPC server answers.
    let (after, reason) = retry(verdict_on("grpc", answer.clone()).await);
    assert_eq!((after, reason.starts_with("HTTP 429")), (Some(Duration::from_secs(7)), true), "{reason}");
    retry(verdict_on("grpc", http(503, "text/html", "<html>")).await);
    let expected =
        Verdict::Retry { after: Some(Duration::from_secs(7)), reason: "HTTP 429: slow down".to_owned() };
    assert_eq!(verdict_on("http/protobuf", answer).await, expected);

    for code in [
        Code::Cancelled,
        Code::DeadlineExceeded,
        Code::Aborted,
        Code::OutOfRange,
        Code::Unavailable,
        Code::DataLoss,
    ] {
        let (after, reason) = retry(verdict_on("grpc", Answer::grpc(code, "busy")).await);
        assert_eq!((after, reason), (None, format!("gRPC {code:?}: busy")));
    }
}

#[tokio::test]
async fn an_exhausted_resource_passes_only_if_the_backend_says_when() {
    let delay = Duration::from_millis(2_250);
    let answer = |retry_delay| Answer::Grpc {
        code: Code::ResourceExhausted,
        message: "quota".to_owned(),
        retry_delay,
    };
    let expected = Verdict::Retry { after: Some(delay), reason: "gRPC ResourceExhausted: quota".to_owned() };
    assert_eq!(verdict_on("grpc", answer(Some(delay))).await, expected);
    let expected = Verdict::Reject { reason: "gRPC ResourceExhausted: quota".to_owned(), divisible: true };
    assert_eq!(verdict_on("grpc", answer(None)).await, expected);
}

#[tokio::test]
async fn what_a_smaller_batch_could_mend_is_divisible() {
    for status in [400, 413, 422, 500] {
        for protocol in BOTH {
            let verdict = verdict_on(protocol, Answer::status(status)).await;
            assert!(matches!(verdict, Verdict::Reject { divisible: true, .. }), "{protocol} {verdict:?}");
        }
    }
    let verdict = verdict_on("grpc", Answer::grpc(Code::InvalidArgument, "bad span")).await;
    let reason = "gRPC InvalidArgument: bad span".to_owned();
    assert_eq!(verdict, Verdict::Reject { reason, divisible: true });
    let verdict = verdict_on("grpc", Answer::grpc(Code::FailedPrecondition, "")).await;
    assert!(matches!(verdict, Verdict::Reject { divisible: false, .. }), "{verdict:?}");
}

#[tokio::test]
async fn one_bad_span_is_found_by_dividing() {
    for protocol in BOTH {
        let receiver = Receiver::start().await;
        receiver.answer_if_any(|span| span.name == "deploy", Answer::status(400));
        let client = client(&settings(&receiver, protocol));
        let rejected = |verdict| matches!(verdict, Verdict::Reject { divisible: true, .. });
        assert!(rejected(client.send(request(&["issue", "deploy"])).await));
        assert!(rejected(client.send(request(&["deploy"])).await));
        assert_eq!(client.send(request(&["issue"])).await, Verdict::Sent);
        assert_eq!(receiver.spans().len(), 1);
    }
}

#[tokio::test]
async fn a_wrong_configuration_is_not_the_spans_fault() {
    for status in [401, 403, 404, 405, 415] {
        for protocol in BOTH {
            let reason = refused(verdict_on(protocol, Answer::status(status)).await);
            assert!(reason.contains(&status.to_string()), "{protocol}: {reason}");
        }
    }
    for code in [Code::Unauthenticated, Code::PermissionDenied, Code::Unimplemented] {
        refused(verdict_on("grpc", Answer::grpc(code, "no")).await);
    }
}

#[tokio::test]
async fn a_redirect_is_told_and_not_followed() {
    let receiver = Receiver::start().await;
    let headers = vec![("location", format!("{}/v1/traces", receiver.endpoint()))];
    receiver.script([Answer::Http { status: 307, headers, body: Vec::new() }]);
    refused(client(&settings(&receiver, "http/protobuf")).send(request(&["issue"])).await);
    assert_eq!(receiver.requests().len(), 1);
}

#[tokio::test]
async fn the_reason_is_the_backends_own_word() {
    // google.rpc.Status { code: 3, message: "span 7 has no name" }
    let status = b"\x08\x03\x12\x12span 7 has no name".to_vec();
    for answer in [
        http(400, "application/x-protobuf", status),
        http(400, "application/json", r#"{"code": 3, "message": "span 7 has no name"}"#),
        http(400, "text/plain", "span 7\r\nhas no name\n"),
    ] {
        let expected = Verdict::Reject { reason: "HTTP 400: span 7 has no name".to_owned(), divisible: true };
        assert_eq!(verdict_on("http/protobuf", answer).await, expected);
    }
}

#[tokio::test]
async fn no_reason_repeats_a_header() {
    let echo = "unknown key hunter2-hunter2, sent as Bearer hunter2-hunter2".to_owned();
    let answers = [
        ("grpc", Answer::grpc(Code::Unauthenticated, &echo)),
        ("http/protobuf", http(401, "text/plain", echo)),
    ];
    for (protocol, answer) in answers {
        let receiver = Receiver::start().await;
        receiver.script([answer]);
        let headers = headers([("authorization", "Bearer hunter2-hunter2")]);
        let client = client(&BackendSettings { headers, ..settings(&receiver, protocol) });
        let reason = refused(client.send(request(&["issue"])).await);
        assert!(reason.contains("unknown key") && !reason.contains("hunter2"), "{reason}");
        assert!(!format!("{client:?}").contains("hunter2"), "{client:?}");
    }
}

#[tokio::test]
async fn an_endless_answer_is_not_read() {
    for status in [200, 400] {
        let receiver = Receiver::start().await;
        receiver.script([Answer::Endless { status }]);
        // Were it read, this timeout would end it.
        let settings =
            BackendSettings { timeout: Duration::from_secs(3), ..settings(&receiver, "http/protobuf") };
        match client(&settings).send(request(&["issue"])).await {
            Verdict::Sent => assert_eq!(status, 200),
            Verdict::Reject { reason, .. } => assert_eq!((status, reason.chars().count()), (400, 300)),
            other => panic!("{other:?}"),
        }
    }
    // All were taken; only the warning was too long.
    for protocol in BOTH {
        let answer = Answer::Partial { rejected: 0, message: "x".repeat(1024 * 1024) };
        assert_eq!(verdict_on(protocol, answer).await, Verdict::Sent, "{protocol}");
    }
}

#[tokio::test]
async fn silence_ends_with_the_timeout() {
    for protocol in BOTH {
        let receiver = Receiver::start().await;
        receiver.script([Answer::Hang]);
        let settings =
            BackendSettings { timeout: Duration::from_millis(300), ..settings(&receiver, protocol) };
        let client = client(&settings);
        let (_, reason) = retry(client.send(request(&["issue"])).await);
        assert_eq!(reason, "no answer within 300ms", "{protocol}");
        receiver.wait_for_requests(1).await;
    }
}

#[tokio::test]
async fn a_broken_connection_is_made_anew() {
    for protocol in BOTH {
        let mut receiver = Receiver::start().await;
        let client = client(&settings(&receiver, protocol));
        assert_eq!(client.send(request(&["issue"])).await, Verdict::Sent);
        receiver.script([Answer::Close]);
        retry(client.send(request(&["issue"])).await);
        assert_eq!(client.send(request(&["issue"])).await, Verdict::Sent, "{protocol}");

        receiver.stop().await;
        let (_, reason) = retry(client.send(request(&["issue"])).await);
        assert!(!reason.is_empty());
        receiver.restart().await;
        // The connection that the stop broke may take one more request to be found out.
        let mut verdict = client.send(request(&["deploy"])).await;
        if verdict != Verdict::Sent {
            verdict = client.send(request(&["deploy"])).await;
        }
        assert_eq!(verdict, Verdict::Sent, "{protocol}");
        assert_eq!(receiver.spans().last().unwrap().span.name, "deploy", "{protocol}");
    }
}

#[tokio::test]
async fn a_backend_that_is_not_there_yet_is_retried() {
    for protocol in BOTH {
        let mut receiver = Receiver::start().await;
        receiver.stop().await;
        let client = client(&settings(&receiver, protocol));
        let (after, reason) = retry(client.send(request(&["issue"])).await);
        assert_eq!(after, None);
        assert!(reason.to_lowercase().contains("refused"), "{protocol}: {reason}");
    }
}

#[test]
fn a_client_outside_of_a_runtime_is_an_error_and_no_panic() {
    let settings = BackendSettings { endpoint: Some("http://localhost:4317".parse().unwrap()), ..defaults() };
    let error = Client::new(&backend(&settings)).unwrap_err().to_string();
    assert!(error.contains("runtime"), "{error}");
}
