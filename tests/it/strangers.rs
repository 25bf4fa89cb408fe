//! Who does not know the secrets: what they are told, how often, and what it costs.

use std::path::Path;

use crate::support::payloads::issue;
use crate::support::sender::{Answer, GITHUB_SECRET, JENKINS_TOKEN, fresh_id, signature};
use crate::support::server::Server;

/// A delivery with a signature made with some secret.
async fn delivered(server: &Server, secret: &str) -> Answer {
    let body = issue("opened", 12, 0, None).to_string();
    let request = server
        .sender()
        .post("/github")
        .header("content-type", "application/json")
        .header("x-github-event", "issues")
        .header("x-github-delivery", fresh_id())
        .header("x-hub-signature-256", signature(secret, body.as_bytes()))
        .body(body);
    Answer::read(request.send().await.unwrap()).await
}

#[tokio::test]
async fn wrong_signatures_are_throttled_and_a_right_one_from_the_same_address_is_taken() {
    let server = Server::start_with(&[("INGEST__FAILURES_PER_MINUTE", "3")]).await;
    for _ in 0..3 {
        assert_eq!(delivered(&server, "wrong").await.is(), (401, "unauthorized"));
    }
    let refused = delivered(&server, "wrong").await;
    assert_eq!(refused.is(), (429, "throttled"));
    assert!(refused.reason.contains("is the secret at the sender the configured one?"), "{refused:?}");
    let wait: u64 = refused.retry_after.unwrap().parse().unwrap();
    assert!((1..=20).contains(&wait), "{wait}");
    // Another source, and no signature at all: the address is the same.
    let sender = server.sender();
    assert_eq!(sender.send("/jenkins?token=wrong", &[], b"{}").await.is(), (429, "throttled"));
    assert_eq!(sender.send("/gitlab", &[], b"{}").await.is(), (429, "throttled"));

    for _ in 0..5 {
        assert_eq!(delivered(&server, GITHUB_SECRET).await.code, 202);
    }
    let right = format!("/jenkins?token={JENKINS_TOKEN}");
    assert_eq!(sender.send(&right, &[], b"{}").await.code, 422, "let in, and not understood");
    let counted = async |source: &str, status: &str| {
        let series = format!("valuestream_deliveries_total{{source=\"{source}\",status=\"{status}\"}}");
        server.metric(&series).await
    };
    assert_eq!(counted("github", "unauthorized").await, 3.0);
    assert_eq!((counted("github", "throttled").await, counted("jenkins", "throttled").await), (1.0, 1.0));
}

#[tokio::test]
async fn every_answer_of_ingest_is_for_programs_and_for_once() {
    let server = Server::start().await;
    let (sender, client) = (server.sender(), crate::support::sender::client());
    let get = |path: &str| client.get(format!("http://{}{path}", server.ingest()));
    let bad = sender.post("/github").header("content-type", "application/json").body("{}");
    for request in [get("/healthz"), get("/"), get("/github"), sender.post("/nothing"), bad] {
        let response = request.send().await.unwrap();
        for (name, value) in [
            ("content-type", "application/json"),
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(response.headers()[name], value, "{} {name}", response.url());
        }
    }
}

/// All Rust files below a folder, as one text.
fn sources(folder: &Path) -> String {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let text = |path: std::path::PathBuf| match path.extension() {
        _ if path.is_dir() => sources(&path),
        Some(extension) if extension == "rs" => std::fs::read_to_string(path).unwrap(),
        _ => String::new(),
    };
    entries.map(text).collect()
}

#[test]
fn every_test_that_the_threat_model_names_is_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/security.md")).unwrap();
    let code = sources(&root.join("src")) + &sources(&root.join("tests"));
    let words = page.split('`').skip(1).step_by(2);
    let is_name = |word: &&str| {
        word.matches('_').count() >= 3
            && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    let named: Vec<&str> = words.filter(is_name).filter(|word| !word.starts_with("valuestream_")).collect();
    assert!(named.len() > 50, "{named:?}");
    for name in named {
        assert!(code.contains(&format!("fn {name}(")), "docs/security.md names {name}, which there is not");
    }
}
