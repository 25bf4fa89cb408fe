//! What keeps a store in order: deleting what is past its age, copies of it while it is in use, and
//! checking it.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::{Value, json};
use valuestream::store::Store;
use valuestream::store::sqlite::SqliteStore;
use valuestream::work::key::Key;

use crate::support::payloads::issue;
use crate::support::postgres::Postgres;
use crate::support::program::{Program, run};
use crate::support::receiver::Receiver;
use crate::support::server::{Server, settings};

/// How many clients send while the store is copied.
const CLIENTS: u64 = 4;

/// Runs a command on a store; its exit code, and what it said.
fn on(store: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = run(arguments, &settings(store));
    let said = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    (status.code(), said)
}

fn issue_key(number: u64) -> Key {
    format!("github:github.com/acme/api/issue/{number}").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_a_busy_store_holds_all_that_was_acknowledged_before_it_began() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let program = Program::start(&path, &[]);
    let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (sender, stop, acknowledged) = (program.sender(), stop.clone(), acknowledged.clone());
            tokio::spawn(async move {
                let mut numbers = Vec::new();
                for n in 0.. {
                    if stop.load(Ordering::Acquire) {
                        break;
                    }
                    let number = 1 + client + CLIENTS * n;
                    let answer = sender.github("issues", &issue("opened", number, 0, None)).await;
                    assert_eq!(answer.is(), (202, "recorded"));
                    numbers.push((acknowledged.fetch_add(1, Ordering::AcqRel), number));
                }
                numbers
            })
        })
        .collect();
    while acknowledged.load(Ordering::Acquire) < 200 {
        tokio::task::yield_now().await;
    }
    // Some copies, one after another, while deliveries come in.
    let mut copies = Vec::new();
    for n in 0..4 {
        let before = acknowledged.load(Ordering::Acquire);
        let copy = folder.path().join(format!("copy-{n}.db"));
        let (store, name) = (path.clone(), copy.to_str().unwrap().to_owned());
        let done = tokio::task::spawn_blocking(move || on(&store, &["backup", &name])).await.unwrap();
        assert_eq!(done.0, Some(0), "{}", done.1);
        assert!(done.1.contains("items"), "{}", done.1);
        // Deliveries are taken on; how many came in meanwhile is up to the machine.
        while acknowledged.load(Ordering::Acquire) <= before {
            tokio::task::yield_now().await;
        }
        copies.push((before, copy));
    }
    stop.store(true, Ordering::Release);
    let mut sent: Vec<(u64, u64)> = Vec::new();
    for client in clients {
        sent.extend(client.await.unwrap());
    }
    assert_eq!(program.terminate(), Some(0));
    for (before, copy) in copies {
        assert_eq!(copy.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let (code, said) = on(&copy, &["check-store"]);
        assert_eq!(code, Some(0), "{said}");
        let store = SqliteStore::open(&copy, 1 << 20).unwrap();
        let keys: Vec<Key> =
            sent.iter().filter(|(order, _)| *order < before).map(|(_, number)| issue_key(*number)).collect();
        assert_eq!(keys.len() as u64, before);
        let missing = store.items(&keys).await.unwrap().into_iter().filter(Option::is_none).count();
        assert_eq!(missing, 0, "of {before}");
        store.close().await;
    }
    let left = std::fs::read_dir(folder.path()).unwrap().flatten();
    let temporary = left.filter(|entry| entry.file_name().to_string_lossy().starts_with('.')).count();
    assert_eq!(temporary, 0, "nothing is left lying about");
}

#[tokio::test]
async fn a_restored_copy_goes_on_where_it_was_taken() {
    let server = Server::start().await;
    let path = server.folder.path().join("store.db");
    server.sender().github("issues", &issue("opened", 1, 0, None)).await;
    let copy = server.folder.path().join("copy.db");
    assert_eq!(on(&path, &["backup", copy.to_str().unwrap()]).0, Some(0));
    server.sender().github("issues", &issue("opened", 2, 0, None)).await;
    let folder = server.stop().await;
    std::fs::rename(&copy, &path).unwrap();
    let server = Server::on(folder, &[]).await;
    assert_eq!(server.metric("valuestream_items_open{kind=\"issue\"}").await, 1.0);
    let again = server.sender().github("issues", &issue("opened", 2, 0, None)).await;
    assert_eq!(again.is(), (202, "recorded"));
}

#[tokio::test]
async fn a_copy_replaces_nothing_that_it_was_not_told_to() {
    let server = Server::start().await;
    server.sender().github("issues", &issue("opened", 1, 0, None)).await;
    let path = server.folder.path().join("store.db");
    let file = server.folder.path().join("copy.db");
    let copy = file.to_str().unwrap();
    std::fs::write(&file, "somebody's").unwrap();
    let (code, said) = on(&path, &["backup", copy]);
    assert!(code == Some(1) && said.contains("--force"), "{said}");
    assert_eq!(std::fs::read(&file).unwrap(), b"somebody's");
    assert_eq!(on(&path, &["backup", "--force", copy]).0, Some(0));
    assert!(std::fs::read(&file).unwrap().starts_with(b"SQLite format 3"));

    let (code, said) = on(&path, &["backup", "--force", path.to_str().unwrap()]);
    assert!(code == Some(1) && said.contains("the store itself"), "{said}");
    let nowhere = server.folder.path().join("nowhere/copy.db");
    let (code, said) = on(&path, &["backup", nowhere.to_str().unwrap()]);
    assert!(code == Some(1) && said.contains("nowhere"), "{said}");
    assert_eq!(server.sender().github("issues", &issue("opened", 2, 0, None)).await.is(), (202, "recorded"));
}

/// Commands that look after a store, and need nothing besides.
const COMMANDS: [&[&str]; 6] = [
    &["check-store"],
    &["backup", "/nonexistent/copy.db"],
    &["quarantine", "list"],
    &["exports", "drop", "--all"],
    &["report", "stuck"],
    &["tags", "explain", "github:github.com/acme/api/issue/1"],
];

#[tokio::test]
async fn what_is_no_store_is_refused_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.db");
    std::fs::write(&empty, "").unwrap();
    let strange = folder.path().join("strange.db");
    let connection = rusqlite::Connection::open(&strange).unwrap();
    connection.execute_batch("CREATE TABLE items (id); INSERT INTO items VALUES (1)").unwrap();
    drop(connection);
    for (path, why) in [(&empty, "the file is empty"), (&strange, "another program")] {
        let before = std::fs::read(path).unwrap();
        for command in COMMANDS {
            let (code, said) = on(path, command);
            assert!(
                code == Some(1) && said.contains(why) && said.contains("store.url"),
                "{command:?}: {said}"
            );
        }
        assert!(std::fs::read(path).unwrap() == before, "{} was changed", path.display());
    }
    let (code, said) = on(&strange, &["serve"]);
    assert!(code == Some(1) && said.contains("another program"), "{said}");
    let Some(postgres) = Postgres::shared() else { return };
    let url = postgres.database().await;
    let settings = [("VALUESTREAM__STORE__URL".to_owned(), url.clone())];
    for command in COMMANDS.into_iter().filter(|command| command[0] != "backup") {
        let Output { status, stderr, .. } = run(command, &settings);
        let said = String::from_utf8_lossy(&stderr);
        assert!(status.code() == Some(1) && said.contains("no store in it"), "{command:?}: {said}");
    }
    let database = postgres.connect(url.rsplit('/').next().unwrap()).await;
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(database.query_one(tables, &[]).await.unwrap().get::<_, i64>(0), 0);
}

#[tokio::test]
async fn numbers_that_are_none_are_told_after_the_others_are_done() {
    let server = Server::start().await;
    let path = server.folder.path().join("store.db");
    for body in ["no JSON", "{\"action\":\"opened\"}", "[]"] {
        let answer = server.sender().github_bytes("issues", body, body.as_bytes().to_vec()).await;
        assert_eq!(answer.code, 422);
    }
    let (code, said) = on(&path, &["quarantine", "retry", "3", "99", "1", "3"]);
    assert!(code == Some(1) && said.contains("0 understood, 0 not used and dropped, 2 left"), "{said}");
    assert!(said.contains("1 of these numbers are not in quarantine"), "{said}");
    let (code, said) = on(&path, &["quarantine", "drop", "1", "1"]);
    assert!(code == Some(0) && said.contains("1 dropped"), "{said}");
    let (code, said) = on(&path, &["quarantine", "drop", "1", "2"]);
    assert!(code == Some(1) && said.contains("1 dropped") && said.contains("quarantine list"), "{said}");
    assert_eq!(on(&path, &["quarantine", "retry", "--all"]).0, Some(0));
    for verb in ["retry", "drop"] {
        let (code, said) = on(&path, &["exports", verb, "7"]);
        assert!(code == Some(1) && said.contains("exports list"), "{said}");
        assert_eq!(on(&path, &["exports", verb, "--all"]).0, Some(0));
    }
}

#[tokio::test]
async fn a_database_is_copied_by_its_own_means() {
    let url = "postgres://vs@127.0.0.1:1/valuestream";
    let output = run(&["backup", "copy.db"], &[("VALUESTREAM__STORE__URL".to_owned(), url.to_owned())]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && said.contains("pg_dump"), "{said}");
}

#[tokio::test]
async fn a_check_exits_with_what_it_found_and_sets_counts_right_if_told_to() {
    let server = Server::start().await;
    let path = server.folder.path().join("store.db");
    server.sender().github("issues", &issue("opened", 1, 0, None)).await;
    server.sender().github("issues", &issue("closed", 2, 60, Some(60))).await;
    let (code, said) = on(&path, &["check-store"]);
    assert!(code == Some(0) && said.contains("2 items") && said.contains("0 wrong"), "{said}");
    let folder = server.stop().await;
    let store = SqliteStore::open(&path, 1 << 20).unwrap();
    store.repair_counts(&[("open:issue".to_owned(), 5)].into()).await.unwrap();
    store.close().await;
    let (code, said) = on(&path, &["check-store"]);
    assert!(
        code == Some(1) && said.contains("wrong: count \"open:issue\": says 6, and there are 1"),
        "{said}"
    );
    let (code, said) = on(&path, &["check-store", "--repair-counts"]);
    assert!(code == Some(0) && said.contains("1 counts set right"), "{said}");
    assert_eq!(on(&path, &["check-store"]).0, Some(0));
    drop(folder);
}

/// An issue of the year 2001.
fn long_ago(number: u64) -> Value {
    let mut payload = issue("closed", number, 60, Some(60));
    payload["issue"]["created_at"] = json!("2001-01-01T00:00:00Z");
    payload["issue"]["updated_at"] = json!("2001-01-02T00:00:00Z");
    payload["issue"]["closed_at"] = json!("2001-01-02T00:00:00Z");
    payload
}

async fn what_is_past_its_age_is_deleted(changes: &[(&str, &str)]) {
    let receiver = Receiver::start().await;
    let endpoint = receiver.endpoint();
    let changes = [changes, &[("RETENTION__ISSUE", "9years"), ("EXPORT__ENDPOINT", &endpoint)]].concat();
    let server = Server::start_with(&changes).await;
    server.sender().github("issues", &long_ago(1)).await;
    server.sender().github("issues", &issue("opened", 2, 0, None)).await;
    server.metric_becomes("valuestream_exports_omitted_total{kind=\"issue\"}", 1.0).await;
    server.metric_becomes("valuestream_insight_behind_items", 0.0).await;
    let root = issue_key(1);
    let trace = format!("/api/v1/traces/{}", valuestream::work::ids::TraceId::of(&root));
    assert_eq!(server.console(&trace).await.0, 404, "no answer shows it, whether or not it is deleted yet");
    let server = server.restart(&[]).await;
    server.metric_becomes("valuestream_items_deleted_total{kind=\"issue\"}", 1.0).await;
    assert_eq!(server.metric("valuestream_items_open{kind=\"issue\"}").await, 1.0);
    assert_eq!(receiver.spans().len(), 0, "nor was it exported");
}

#[tokio::test]
async fn a_server_deletes_what_is_past_its_age_soon_after_its_start() {
    what_is_past_its_age_is_deleted(&[]).await;
}

#[tokio::test]
async fn a_server_over_postgres_deletes_what_is_past_its_age_too() {
    let Some(postgres) = Postgres::shared() else { return };
    let url = postgres.database().await;
    what_is_past_its_age_is_deleted(&[("STORE__URL", &url)]).await;
}

#[tokio::test]
async fn what_has_been_open_for_too_long_is_reported_and_stays_open() {
    let server = Server::start().await;
    let mut forgotten = issue("opened", 1, 0, None);
    forgotten["issue"]["created_at"] = json!("2001-01-01T00:00:00Z");
    server.sender().github("issues", &forgotten).await;
    server.metric_becomes("valuestream_items_stuck{kind=\"issue\"}", 1.0).await;
    assert_eq!(server.metric("valuestream_items_stuck{kind=\"build\"}").await, 0.0);
    assert_eq!(server.metric("valuestream_items_open{kind=\"issue\"}").await, 1.0);
    let (_, told) = server.console("/api/v1/stuck").await;
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&told["total"], &told["items"][0]["key"]), (&json!(1), &json!(issue_key(1).as_str())));
    let path = server.folder.path().join("store.db");
    let (code, said) = on(&path, &["report", "stuck", "--format", "csv"]);
    assert!(code == Some(0) && said.contains(issue_key(1).as_str()), "{said}");
    let server = server.restart(&[("INSIGHT__STUCK_AFTER__ISSUE", "70years")]).await;
    server.metric_becomes("valuestream_insight_behind_items", 0.0).await;
    assert_eq!(server.metric("valuestream_items_stuck{kind=\"issue\"}").await, 0.0);
}
