//! Insight in the whole program: the same figures from the page's API, from the commands and after a
//! crash, and a clear answer to whatever is asked.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::support::console::Console;
use crate::support::payloads::issue;
use crate::support::program::{Program, run};
use crate::support::sender::{GITHUB_SECRET, JENKINS_TOKEN};
use crate::support::server::{Server, settings};

/// What every question is about.
const RANGE: &str = "from=2026-01-01&to=2026-06-01T00:00:00Z";

/// Posts an organisation's deliveries through the real routes, and waits until they are in the figures.
async fn simulate(program: &Program, issues: &str) {
    let output = run(
        &[
            "simulate",
            "--target",
            &format!("http://{}", program.ingest),
            "--github-secret",
            GITHUB_SECRET,
            "--jenkins-token",
            JENKINS_TOKEN,
            "--issues",
            issues,
            "--days",
            "90",
            "--until",
            "2026-06-01T00:00:00Z",
        ],
        &[],
    );
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    program.console().metric_becomes("valuestream_insight_behind_items", 0.0).await;
}

/// Waits until no item waits for its first second look.
async fn looked_at_again(store: &Path) {
    let store = rusqlite::Connection::open(store).unwrap();
    let waiting = || -> i64 {
        let first = "SELECT count(*) FROM revisit WHERE attempt = 1";
        store.query_row(first, [], |row| row.get(0)).unwrap()
    };
    while waiting() > 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// An answer without what says when it was made.
fn timeless(mut report: Value) -> Value {
    if let Some(basis) = report["basis"].as_object_mut() {
        basis.remove("as_of");
        basis.remove("behind");
    }
    report
}

async fn ask(console: &Console, path: &str) -> Value {
    let (code, body) = console.get(path).await;
    assert_eq!(code, 200, "{path}: {body}");
    timeless(serde_json::from_str(&body).unwrap())
}

/// Reports of the API, and the commands that give the same.
const REPORTS: [(&str, &[&str]); 11] = [
    ("summary", &["report", "summary"]),
    ("latency", &["report", "latency"]),
    ("groups?group=team", &["report", "groups", "--group", "team"]),
    ("trend?interval=week", &["report", "trend", "--interval", "week"]),
    ("dora", &["report", "dora"]),
    ("stages", &["report", "stages"]),
    ("pull-requests?interval=week", &["report", "pull-requests", "--interval", "week"]),
    ("items?limit=7", &["report", "items", "--limit", "7"]),
    ("tags", &["report", "tags"]),
    ("correlations?measure=latency", &["analyze", "latency"]),
    ("tags/language?overlay=language%3Dgo", &["analyze", "key", "language", "--value", "go"]),
];

fn address(path: &str) -> String {
    let sign = if path.contains('?') { '&' } else { '?' };
    format!("/api/v1/{path}{sign}{RANGE}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_api_and_the_commands_say_the_same_with_and_without_a_server_and_after_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store.db");
    let program = Program::start(&store, &[]);
    simulate(&program, "60").await;
    // What came before its parent is looked at again after a while, and may change once more.
    looked_at_again(&store).await;
    program.console().metric_becomes("valuestream_insight_behind_items", 0.0).await;
    let mut wanted = Vec::new();
    for (path, _) in REPORTS {
        wanted.push(ask(&program.console(), &address(path)).await);
    }
    assert!(wanted[1]["quantiles"]["n"].as_u64() > Some(40), "{}", wanted[1]);

    let url = format!("http://{}", program.console);
    let told = |command: &[&str], further: &[&str], environment: &[(String, String)]| -> Value {
        let range = ["--from", "2026-01-01", "--to", "2026-06-01T00:00:00Z", "--format", "json"];
        let output = run(&[command, &range, further].concat(), environment);
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        timeless(serde_json::from_slice(&output.stdout).unwrap())
    };
    for ((_, command), wanted) in REPORTS.iter().zip(&wanted) {
        assert_eq!(told(command, &["--url", &url], &[]), *wanted, "{command:?} --url");
    }
    program.kill();
    let of_store = settings(&store);
    for ((_, command), wanted) in REPORTS.iter().zip(&wanted) {
        assert_eq!(told(command, &[], &of_store), *wanted, "{command:?} of the store");
    }
    let program = Program::start(&store, &[]);
    for ((path, _), wanted) in REPORTS.iter().zip(&wanted) {
        // Loading takes a moment; until then the answer is 503.
        while program.console().get(&address(path)).await.0 == 503 {
            tokio::task::yield_now().await;
        }
        assert_eq!(ask(&program.console(), &address(path)).await, *wanted, "{path} after a crash");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_is_in_the_figures_a_moment_later_and_a_late_one_changes_them() {
    let server = Server::start().await;
    let sender = server.sender();
    let latency = async || {
        server.metric_becomes("valuestream_insight_behind_items", 0.0).await;
        let (code, body) = server.console("/api/v1/latency?from=2019-01-01&to=2099-01-01").await;
        assert_eq!(code, 200, "{body}");
        serde_json::from_str::<Value>(&body).unwrap()
    };
    sender.github("issues", &issue("closed", 12, 61, Some(61))).await;
    let before = latency().await;
    assert_eq!(before["quantiles"]["n"], 1, "{before}");
    // Reopened: it is work in progress again.
    sender.github("issues", &issue("reopened", 12, 90, None)).await;
    assert_eq!(latency().await["quantiles"], Value::Null);
    let (_, wip) = server.console("/api/v1/wip").await;
    let wip: Value = serde_json::from_str(&wip).unwrap();
    assert_eq!(wip["kinds"][0]["n"], 1, "{wip}");
    sender.github("issues", &issue("closed", 12, 120, Some(120))).await;
    let after = latency().await;
    assert!(after["quantiles"]["p50_seconds"].as_f64() > before["quantiles"]["p50_seconds"].as_f64());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_asked_is_answered_clearly() {
    let server = Server::start_with(&[("TAGS__KEYS", "size")]).await;
    let sender = server.sender();
    let hostile = [
        "<script>alert(1)</script>",
        "\"'><img src=x onerror=alert(1)>",
        "שלום \u{202e}abc",
        "🚀=💥!=",
        "a b&c",
    ];
    for (n, value) in hostile.iter().enumerate() {
        let mut payload = issue("closed", n as u64 + 1, 60 + n as i64, Some(60 + n as i64));
        payload["issue"]["title"] = format!("{value} title").into();
        payload["issue"]["labels"] =
            serde_json::json!([{ "name": format!("team:{value}") }, { "name": format!("size:{value}") }]);
        assert_eq!(sender.github("issues", &payload).await.is(), (202, "recorded"));
    }
    server.metric_becomes("valuestream_insight_behind_items", 0.0).await;

    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let mut queries: Vec<(String, &[u16])> = vec![
        ("".to_owned(), &[200]),
        ("from=2019-01-01&to=2099-01-01".to_owned(), &[200]),
        ("from=2099-01-01".to_owned(), &[400]),
        ("from=2026-02-01&to=2026-01-01".to_owned(), &[400]),
        ("from=2026-02-30".to_owned(), &[400]),
        ("colour=red".to_owned(), &[400]),
        ("kind=epic".to_owned(), &[400]),
        ("filter=colour=red".to_owned(), &[400]),
        ("filter=team".to_owned(), &[400]),
        ("filter=team=nobody".to_owned(), &[200]),
        ("filter=outcome=unheard".to_owned(), &[400]),
        ("slower=-1".to_owned(), &[400]),
        ("slower=NaN".to_owned(), &[400]),
        ("limit=0".to_owned(), &[400]),
        ("limit=99999999999999999999".to_owned(), &[400]),
        ("cursor=nonsense".to_owned(), &[200, 400]),
        ("kind=deploy&measure=latency&tier=any".to_owned(), &[200]),
        ("kind=build&from=2019-01-01".to_owned(), &[200]),
        ("filter=%ff".to_owned(), &[400]),
        (format!("filter=team={}", "x".repeat(2_000)), &[400]),
    ];
    for value in hostile {
        queries.push((format!("from=2019-01-01&filter={}", encode(&format!("team={value}"))), &[200]));
        queries.push((format!("from=2019-01-01&overlay={}", encode(&format!("team={value}"))), &[200]));
        queries.push((format!("from=2019-01-01&group={}", encode(value)), &[200, 400]));
    }
    let paths = [
        "/",
        "/items",
        "/tags/team",
        "/api/v1/summary",
        "/api/v1/latency",
        "/api/v1/trend",
        "/api/v1/correlations",
        "/api/v1/dora",
        "/api/v1/stages",
        "/api/v1/pull-requests",
        "/api/v1/wip",
        "/api/v1/stuck",
        "/api/v1/quality",
        "/api/v1/items",
        "/api/v1/tags",
        "/api/v1/tags/team",
    ];
    for (query, codes) in &queries {
        for path in paths {
            let (code, body) = server.console(&format!("{path}?{query}")).await;
            assert!(codes.contains(&code), "{path}?{query}: {code} {body}");
            if code == 400 {
                assert!(body.contains("detail") || body.contains("<h1"), "{path}?{query}: {body}");
            }
            if body.starts_with("<!DOCTYPE") {
                assert!(!body.contains("<script>alert") && !body.contains("<img src=x"), "{path}?{query}");
            }
        }
    }
    for (path, wanted) in [
        ("/tags/colour", 404),
        ("/api/v1/tags/colour", 404),
        ("/traces/nonsense", 404),
        ("/api/v1/nothing", 404),
        ("/traces/00000000000000000000000000000000", 404),
        ("/nothing", 404),
    ] {
        let (code, body) = server.console(path).await;
        assert_eq!(code, wanted, "{path}: {body}");
    }
}
