//! Connections that are slow, broken, strange or many: each gets an answer or is cut, none of
//! them harms another, and memory stays bounded.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;
use tokio::task::JoinSet;

use crate::support::payloads::issue;
use crate::support::program::Program;
use crate::support::sender::{Answer, Delivery, GITHUB_SECRET, JENKINS_TOKEN, Sender, fresh_id, signature};
use crate::support::server::Server;
use crate::support::wire::{Wire, head, whole};

fn body(number: u64) -> Vec<u8> {
    issue("opened", number, 0, None).to_string().into_bytes()
}

/// The server still takes deliveries.
async fn works(server: &Server) {
    let answer = server.sender().github_bytes("issues", &fresh_id(), body(1)).await;
    assert_eq!(answer.is(), (202, "recorded"), "{answer:?}");
}

#[tokio::test]
async fn a_head_that_does_not_end_is_cut() {
    let server = Server::start_with(&[("INGEST__HEADER_TIMEOUT", "300ms")]).await;
    let begun = Instant::now();
    // One says nothing, one stops in the middle, one has said all but the end.
    for start in ["", "POST /gith", "POST /github HTTP/1.1\r\nHost: test\r\n"] {
        let mut wire = Wire::to(server.ingest()).await;
        wire.send(start).await;
        let rest = wire.rest().await;
        assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 408"), "{start:?}: {rest}");
    }
    // And one keeps sending, a little at a time: the limit is for the whole head.
    let mut wire = Wire::to(server.ingest()).await;
    wire.send("POST /github HTTP/1.1\r\n").await;
    let dripping = async {
        while wire.try_send("X-A: b\r\n").await.is_ok() && wire.is_quiet(Duration::from_millis(50)).await {}
    };
    tokio::time::timeout(Duration::from_secs(10), dripping).await.expect("cut though it never stops");
    assert!(begun.elapsed() >= Duration::from_millis(4 * 250), "each was given its time");
    works(&server).await;
}

#[tokio::test]
async fn who_does_not_take_the_answers_is_cut_and_gives_the_place_back() {
    let limits = [("INGEST__HEADER_TIMEOUT", "300ms"), ("INGEST__MAX_CONNECTIONS", "1")];
    let server = Server::start_with(&limits).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(server.ingest()).await.unwrap();
    let many = "GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n".repeat(1000);
    // Once the answers have nowhere to go the server reads no further, and that would be all.
    let asking = async { while stream.write_all(many.as_bytes()).await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(60), asking).await.expect("cut");
    works(&server).await;
}

#[tokio::test]
async fn a_connection_that_is_not_used_any_more_is_closed() {
    let server = Server::start_with(&[("INGEST__HEADER_TIMEOUT", "300ms")]).await;
    let mut wire = Wire::to(server.ingest()).await;
    wire.send(whole(&fresh_id(), &body(12))).await;
    assert_eq!(wire.answer().await.0, 202);
    assert_eq!(wire.rest().await, "");
}

#[tokio::test]
async fn a_body_that_does_not_end_is_answered_and_cut() {
    let server = Server::start_with(&[("INGEST__BODY_TIMEOUT", "300ms")]).await;
    let (id, body) = (fresh_id(), body(12));
    let mut wire = Wire::to(server.ingest()).await;
    wire.send(&whole(&id, &body)[..whole(&id, &body).len() - 10]).await;
    let (code, text) = wire.answer().await;
    assert_eq!(code, 408, "{text}");
    assert!(text.contains("\"rejected\"") && text.contains("ingest.body_timeout"), "{text}");
    assert_eq!(wire.rest().await, "");
    // Nothing of it was kept: the whole delivery counts when it comes.
    let answer = server.sender().github_bytes("issues", &id, body).await;
    assert_eq!(answer.is(), (202, "recorded"));
}

#[tokio::test]
async fn a_body_that_breaks_off_leaves_nothing() {
    let server = Server::start().await;
    let (id, body) = (fresh_id(), body(12));
    let bytes = whole(&id, &body);
    for cut in [1, 10, body.len() - 1, body.len()] {
        // The sender is gone …
        let mut wire = Wire::to(server.ingest()).await;
        wire.send(&bytes[..bytes.len() - cut]).await;
        drop(wire);
        // … or says that this was all.
        let mut wire = Wire::to(server.ingest()).await;
        wire.send(&bytes[..bytes.len() - cut]).await;
        wire.finish().await;
        let rest = wire.rest().await;
        assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 400"), "{rest}");
    }
    // A chunk without an end, too.
    let mut wire = Wire::to(server.ingest()).await;
    wire.send(format!("{}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n", head(&id, &body), body.len())).await;
    wire.send(&body).await;
    wire.finish().await;
    let rest = wire.rest().await;
    assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 400"), "{rest}");

    assert_eq!(server.metric("valuestream_quarantine_size").await, 0.0);
    let answer = server.sender().github_bytes("issues", &id, body).await;
    assert_eq!(answer.is(), (202, "recorded"), "the first time that it is seen whole");
}

#[tokio::test]
async fn who_has_said_everything_still_gets_the_answer() {
    let server = Server::start().await;
    let mut wire = Wire::to(server.ingest()).await;
    wire.send(whole(&fresh_id(), &body(12))).await;
    wire.finish().await;
    assert_eq!(wire.answer().await.0, 202);
}

#[tokio::test]
async fn requests_sent_without_waiting_are_answered_in_turn() {
    let server = Server::start().await;
    let mut wire = Wire::to(server.ingest()).await;
    let id = fresh_id();
    wire.send([whole(&id, &body(12)), whole(&id, &body(12)), whole(&fresh_id(), &body(13))].concat()).await;
    let mut codes = Vec::new();
    for _ in 0..3 {
        codes.push(wire.answer().await.0);
    }
    assert_eq!(codes, [202, 200, 202]);
}

#[tokio::test]
async fn what_is_not_http_is_turned_away() {
    let server = Server::start().await;
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut noise = || (0..2000).map(|_| rng.random()).collect::<Vec<u8>>();
    let strange = [
        noise(),
        noise(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        b"HELO mail.example.org\r\n\r\n".to_vec(),
        b"POST /github HTTP/9.9\r\n\r\n".to_vec(),
        b"POST /github HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello".to_vec(),
        b"POST /github HTTP/1.1\r\nContent-Length: -1\r\n\r\n".to_vec(),
        b"POST /github HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n".to_vec(),
        b"POST /github HTTP/1.1\r\nBad Header\r\n\r\n".to_vec(),
    ];
    for bytes in strange {
        // Alone, and behind a request that is as it should be.
        let mut wire = Wire::to(server.ingest()).await;
        wire.send(&bytes).await;
        wire.finish().await;
        let rest = wire.rest().await;
        assert!(
            rest.is_empty() || rest.starts_with("HTTP/1.1 4"),
            "{:?}: {rest}",
            bytes.escape_ascii().to_string()
        );

        let mut wire = Wire::to(server.ingest()).await;
        wire.send([whole(&fresh_id(), &body(12)), bytes].concat()).await;
        wire.finish().await;
        assert_eq!(wire.answer().await.0, 202);
        let rest = wire.rest().await;
        assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 4"), "{rest}");
    }
    works(&server).await;
}

#[tokio::test]
async fn a_head_without_measure_is_turned_away() {
    let server = Server::start().await;
    let much = "a".repeat(1 << 20);
    for head in [
        format!("POST /github?{much} HTTP/1.1\r\nHost: test\r\n\r\n"),
        format!("POST /github HTTP/1.1\r\nHost: test\r\nX-Much: {much}\r\n\r\n"),
        format!("POST /github HTTP/1.1\r\nHost: test\r\n{}\r\n", "X-Many: a\r\n".repeat(100_000)),
    ] {
        let mut wire = Wire::to(server.ingest()).await;
        let _ = wire.try_send(&head).await;
        let rest = wire.rest().await;
        let turned_away = ["", "HTTP/1.1 400", "HTTP/1.1 414", "HTTP/1.1 431"];
        assert!(turned_away.contains(&&rest[..rest.len().min(12)]), "{rest}");
    }
    works(&server).await;
}

#[tokio::test]
async fn a_body_in_chunks_is_taken_and_limited_while_it_is_read() {
    let server = Server::start_with(&[("INGEST__MAX_BODY_BYTES", "2000")]).await;
    let (id, body) = (fresh_id(), body(12));
    let mut wire = Wire::to(server.ingest()).await;
    wire.send(format!("{}Transfer-Encoding: chunked\r\n\r\n", head(&id, &body))).await;
    for chunk in body.chunks(100) {
        wire.send(format!("{:x}\r\n", chunk.len())).await;
        wire.send(chunk).await;
        wire.send("\r\n").await;
    }
    wire.send("0\r\n\r\n").await;
    assert_eq!(wire.answer().await.0, 202);

    let mut wire = Wire::to(server.ingest()).await;
    let endless = "x".repeat(1500);
    wire.send(format!("{}Transfer-Encoding: chunked\r\n\r\n", head(&fresh_id(), b""))).await;
    wire.send(format!("5dc\r\n{endless}\r\n")).await;
    assert!(wire.is_quiet(Duration::from_millis(200)).await, "so far it is within the limit");
    wire.send(format!("5dc\r\n{endless}\r\n")).await;
    let (code, text) = wire.answer().await;
    assert_eq!(code, 413, "{text}");
    works(&server).await;
}

#[tokio::test]
async fn who_asks_first_is_told_to_go_on_or_not_to() {
    let server = Server::start_with(&[("INGEST__MAX_BODY_BYTES", "2000")]).await;
    let body = body(12);
    let asking = |length: usize| {
        format!("{}Content-Length: {length}\r\nExpect: 100-continue\r\n\r\n", head(&fresh_id(), &body))
    };
    let mut wire = Wire::to(server.ingest()).await;
    wire.send(asking(body.len())).await;
    assert_eq!(wire.answer().await.0, 100);
    wire.send(&body).await;
    assert_eq!(wire.answer().await.0, 202);

    // Too much, or from a stranger: the answer comes without the body.
    let mut wire = Wire::to(server.ingest()).await;
    wire.send(asking(2001)).await;
    assert_eq!(wire.answer().await.0, 413);
    let mut wire = Wire::to(server.ingest()).await;
    wire.send(asking(body.len()).replace("X-Hub-Signature-256", "X-Nothing")).await;
    assert_eq!(wire.answer().await.0, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_turned_away_while_sending_is_told_why() {
    let server = Server::start_with(&[("INGEST__MAX_BODY_BYTES", "1000000")]).await;
    let body = "x".repeat(8_000_000);
    let (sender, id) = (server.sender(), fresh_id());
    let unsigned = sender.post("/github").header("content-type", "application/json").body(body.clone());
    let answer = Answer::read(unsigned.send().await.expect("an answer, not a reset")).await;
    assert_eq!(answer.is(), (401, "unauthorized"));
    let answer = sender.deliver(&Delivery::Github { event: "issues", id, body }).await;
    assert_eq!(answer.expect("an answer, not a reset").is(), (413, "rejected"));
    works(&server).await;
}

/// Many large bodies at once: what there is no room for is told to come again, nothing else
/// fails, and the process does not grow by what all of them would take.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_large_bodies_do_not_fill_the_memory() {
    const MIB: usize = 1 << 20;
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(
        &folder.path().join("store.db"),
        &[
            ("INGEST__MAX_BODY_BYTES", &(6 * MIB).to_string()),
            ("INGEST__MAX_BUFFERED_BYTES", &(16 * MIB).to_string()),
        ],
    );
    let mut payload = issue("opened", 12, 0, None);
    payload["issue"]["body"] = json!("x".repeat(5 * MIB));
    let understood = payload.to_string();
    // The same with its end missing: signed, and of no use.
    let broken = understood[..understood.len() - 2].to_owned();
    let signed = [understood, broken]
        .map(|body| (signature(GITHUB_SECRET, body.as_bytes()), bytes::Bytes::from(body)));
    let before = program.peak_memory();

    let sender = program.sender();
    let mut requests = JoinSet::new();
    for n in 0..40 {
        let (signature, body) = &signed[usize::from(n % 10 == 9)];
        let request = sender
            .post("/github")
            .header("content-type", "application/json")
            .header("x-github-event", "issues")
            .header("x-github-delivery", fresh_id())
            .header("x-hub-signature-256", signature)
            .body(body.clone());
        requests.spawn(async move { Answer::try_read(request.send().await?).await });
    }
    let mut codes: BTreeMap<u16, usize> = BTreeMap::new();
    for answer in requests.join_all().await {
        let answer = answer.expect("an answer, not a reset");
        assert!(matches!(answer.code, 202 | 422 | 503), "{answer:?}");
        assert_eq!(answer.retry_after.is_some(), answer.code == 503, "{answer:?}");
        *codes.entry(answer.code).or_default() += 1;
    }
    println!("{codes:?}");
    assert!(codes.contains_key(&503) && codes.contains_key(&202), "{codes:?}");
    if let (Some(before), Some(after)) = (before, program.peak_memory()) {
        println!("{} MiB more at the worst", (after - before) >> 20);
        assert!(after - before < 100 << 20, "{} MiB more", (after - before) >> 20);
    }
    // All the room is there again.
    for (signature, body) in &signed {
        let request = sender
            .post("/github")
            .header("content-type", "application/json")
            .header("x-github-event", "issues")
            .header("x-github-delivery", fresh_id())
            .header("x-hub-signature-256", signature)
            .body(body.clone());
        assert!(matches!(Answer::read(request.send().await.unwrap()).await.code, 202 | 422));
    }
    assert_eq!(program.terminate(), Some(0));
}

#[tokio::test]
async fn connections_above_the_bound_wait_for_their_turn() {
    let server = Server::start_with(&[("INGEST__MAX_CONNECTIONS", "2")]).await;
    let (mut first, mut second) = (Wire::to(server.ingest()).await, Wire::to(server.ingest()).await);
    for wire in [&mut first, &mut second] {
        wire.send(whole(&fresh_id(), &body(12))).await;
        assert_eq!(wire.answer().await.0, 202);
    }
    let mut third = Wire::to(server.ingest()).await;
    third.send(whole(&fresh_id(), &body(13))).await;
    assert!(third.is_quiet(Duration::from_millis(300)).await, "both places are taken");
    drop(first);
    assert_eq!(third.answer().await.0, 202);
    drop((second, third));

    // Many, each on a connection of its own.
    let mut requests = JoinSet::new();
    for number in 0..50 {
        let mut bytes = whole(&fresh_id(), &body(number));
        let at = bytes.iter().position(|b| *b == b'\n').unwrap() + 1;
        bytes.splice(at..at, *b"Connection: close\r\n");
        let address = server.ingest();
        requests.spawn(async move {
            let mut wire = Wire::to(address).await;
            wire.send(bytes).await;
            wire.answer().await.0
        });
    }
    assert_eq!(requests.join_all().await, [202; 50]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_queue_has_no_place_for_is_not_half_done() {
    let server =
        Server::start_with(&[("INGEST__QUEUE", "1"), ("INGEST__BATCH", "1"), ("INGEST__GATHER", "0s")]).await;
    async fn send(sender: Sender, number: u64) -> usize {
        let delivery = Delivery::github("issues", &issue("closed", number, 60, Some(60)));
        let mut refused = 0;
        loop {
            let answer = sender.deliver(&delivery).await.unwrap();
            match answer.is() {
                (503, "unavailable") => {
                    assert!(answer.retry_after.is_some() && answer.reason.contains("waiting"), "{answer:?}");
                    refused += 1;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                // Never a duplicate: what was refused left nothing.
                (202, "recorded") => return refused,
                _ => panic!("{answer:?}"),
            }
        }
    }
    let sender = server.sender();
    let requests: JoinSet<usize> = (0..64).map(|number| send(sender.clone(), number)).collect();
    let refused = requests.join_all().await.iter().sum::<usize>();
    assert!(refused > 0, "64 at once found a place each");
    assert_eq!(
        server.metric("valuestream_deliveries_total{source=\"github\",status=\"recorded\"}").await,
        64.0
    );
    let unavailable =
        server.metric("valuestream_deliveries_total{source=\"github\",status=\"unavailable\"}").await;
    assert_eq!(unavailable, refused as f64);
    assert_eq!(
        server
            .metric("webhooks_event_end_total{event_source=\"github\",event_type=\"issue\",error=\"false\"}")
            .await,
        64.0
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_token_or_signature_reaches_the_log_however_much_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store.db");
    let program = Program::start(&store, &[("LOG__LEVEL", "trace")]);
    let sender = program.sender();
    let hidden = "hunter2-hunter2-hunter2";
    for path in ["github", "jenkins", "gitlab", "jira", "cdevents", "custom", "customhttp", "elsewhere"] {
        let path = format!("/{path}?token={hidden}&access_token={hidden}");
        let headers = vec![
            ("authorization", format!("Bearer {hidden}")),
            ("x-gitlab-token", hidden.to_owned()),
            ("webhook-signature", format!("v1,{hidden}")),
            ("x-hub-signature", format!("sha256={hidden}")),
        ];
        let answer = sender.send(&path, &headers, b"{}").await;
        assert!(answer.code == 401 || answer.code == 404, "{path}: {answer:?}");
        assert!(!answer.reason.contains("hunter2"), "{answer:?}");
    }
    // Those that are right, too.
    let path = format!("/jenkins?token={JENKINS_TOKEN}");
    assert_eq!(sender.send(&path, &[], b"{\"build\": 5}").await.code, 422);
    assert_eq!(program.terminate(), Some(0));
    let log = std::fs::read_to_string(store.with_extension("log")).unwrap();
    assert!(log.contains("turned away"), "the log was written: {log}");
    assert!(!log.contains("hunter2") && !log.contains(JENKINS_TOKEN), "{log}");
}
