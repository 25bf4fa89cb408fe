//! `valuestream quarantine`, over either store.

use super::*;

/// Puts into a store a delivery that an older version could not understand and this one can, one that
/// this version has no use for, and two that nobody can understand.
async fn with_quarantine<S: Store>(store: S) {
    let kept = |event: &str, id: &str, body: &str| Quarantined {
        reason: "an older version could not".to_owned(),
        headers: [("content-type", "application/json"), ("x-github-event", event), ("x-github-delivery", id)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        body: body.as_bytes().to_vec(),
    };
    let entries = [
        kept("issues", "understood", &issue("closed", 12, 60, Some(60)).to_string()),
        kept("star", "not-used", "{\"action\":\"created\"}"),
        kept("issues", "broken", "{\"action\":\"opened\",\u{1b}[31m"),
        kept(
            "issues",
            "untimed",
            &json!({"action": "opened", "issue": {"number": 1}, "repository": {"full_name": "a/b"}})
                .to_string(),
        ),
    ];
    let batch = entries.into_iter().enumerate().map(|(n, quarantined)| Stored {
        source: Source::Github,
        id: DeliveryId([n as u8; 16]),
        received_at: Time::parse(&time(n as i64)).unwrap(),
        content: Content::Quarantined(quarantined),
    });
    let config = valuestream::config::Config::load(None, Vec::<(String, String)>::new()).unwrap();
    let rules: Rules = valuestream::app::rules(&config).unwrap();
    let committed = store.commit(batch.collect(), &rules).await.unwrap();
    assert_eq!(committed, vec![Committed::Quarantined; 4]);
    store.close().await;
}

#[tokio::test]
async fn the_quarantine_is_listed_shown_tried_again_and_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    with_quarantine(SqliteStore::open(&path, 1 << 20).unwrap()).await;
    look_after_quarantine(&settings(&path));

    // What was understood is an item like any other: exported, and known if it comes again.
    let receiver = Receiver::start().await;
    let server = Server::on(folder, &[("EXPORT__ENDPOINT", &receiver.endpoint())]).await;
    let spans = receiver.wait_until(|spans| !spans.is_empty()).await;
    assert_eq!(crate::support::show::key(&spans[0]), ISSUE);
    let body = issue("closed", 12, 60, Some(60)).to_string().into_bytes();
    assert_eq!(server.sender().github_bytes("issues", "understood", body).await.is(), (200, "duplicate"));
    assert_eq!(server.metric("valuestream_quarantine_size").await, 0.0);
}

#[tokio::test]
async fn a_quarantine_that_replicas_share_is_looked_after_in_the_same_way() {
    let Some(postgres) = Postgres::shared() else { return };
    let url = postgres.database().await;
    let access = Access { password: None, authorities: None, connections: 4 };
    with_quarantine(PostgresStore::open(&url.parse().unwrap(), &access).await.unwrap()).await;
    look_after_quarantine(&on_postgres(&url));
    let server = Server::start_with(&[("STORE__URL", &url)]).await;
    let body = issue("closed", 12, 60, Some(60)).to_string().into_bytes();
    assert_eq!(server.sender().github_bytes("issues", "understood", body).await.is(), (200, "duplicate"));
}

/// Lists, shows, tries again and drops what [`with_quarantine`] put in.
#[track_caller]
fn look_after_quarantine(environment: &[(String, String)]) {
    let table = succeeds(&["quarantine", "list"], environment);
    assert_eq!(table.lines().count(), 5, "{table}");
    assert!(table.contains("github") && table.contains("2026-03-02T09:02:00Z"), "{table}");
    let json = succeeds(&["quarantine", "list", "--json"], environment);
    let entries: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(entries.iter().map(|entry| entry["id"].as_i64().unwrap()).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(entries[0]["reason"], "an older version could not");

    let shown = succeeds(&["quarantine", "show", "3"], environment);
    assert!(
        shown.contains("x-github-delivery: broken") && shown.contains("{\"action\":\"opened\","),
        "{shown}"
    );
    assert!(!shown.contains('\u{1b}'), "nothing that the terminal would act on");
    assert!(fails(&["quarantine", "show", "9"], environment).contains("quarantine list"));

    // One that is not understood stays.
    let text = succeeds(&["quarantine", "retry", "4"], environment);
    assert!(
        text.contains("4: ") && text.ends_with("0 understood, 0 not used and dropped, 1 left\n"),
        "{text}"
    );
    let text = succeeds(&["quarantine", "retry", "--all"], environment);
    assert!(text.ends_with("1 understood, 1 not used and dropped, 2 left\n"), "{text}");
    let left = succeeds(&["quarantine", "list", "--json"], environment);
    assert_eq!(left.lines().count(), 2, "{left}");
    assert_eq!(succeeds(&["quarantine", "drop", "3"], environment), "1 dropped\n");
    assert_eq!(succeeds(&["quarantine", "drop", "--all"], environment), "1 dropped\n");
    assert_eq!(succeeds(&["quarantine", "list"], environment), "nothing in quarantine\n");
}

#[tokio::test]
async fn what_any_source_sent_can_be_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let batch = of_every_source().into_iter().enumerate().map(|(n, (source, headers, body))| Stored {
        source,
        id: DeliveryId([n as u8; 16]),
        received_at: Time::parse(&time(n as i64)).unwrap(),
        content: Content::Quarantined(Quarantined {
            reason: "an older version could not".to_owned(),
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            body: body.to_string().into_bytes(),
        }),
    });
    let config = valuestream::config::Config::load(None, Vec::<(String, String)>::new()).unwrap();
    let store = SqliteStore::open(&path, 1 << 20).unwrap();
    store.commit(batch.collect(), &valuestream::app::rules(&config).unwrap()).await.unwrap();
    store.close().await;
    let text = succeeds(&["quarantine", "retry", "--all"], &settings(&path));
    assert_eq!(text, "6 understood, 0 not used and dropped, 0 left\n");

    // Each is known by what its sender identifies it with: it is no news when it comes once more.
    let server = Server::on(folder, &[]).await;
    for (source, headers, body) in of_every_source() {
        let body = body.to_string().into_bytes();
        let mut all = credentials(source, &body);
        all.retain(|(name, _)| !headers.iter().any(|(kept, _)| kept == name));
        all.extend(headers.iter().map(|(name, value)| (*name, (*value).to_owned())));
        if source == Source::Custom {
            all = webhook(CUSTOM_KEY, "msg_1", 0, &body).to_vec();
        }
        let answer = server.sender().send(&format!("/{source}"), &all, &body).await;
        assert_eq!(answer.is(), (200, "duplicate"), "{source}: {answer:?}");
    }
}

#[tokio::test]
async fn the_quarantine_can_be_looked_after_while_the_server_runs() {
    let server = Server::start().await;
    let environment = settings(&server.folder.path().join("store.db"));
    let secret = format!("{{\"action\": \"opened\", \"text\": \"{}\"", "x".repeat(100));
    server.sender().github_bytes("issues", &fresh_id(), secret.into_bytes()).await;
    server.sender().jenkins(&json!({"build": {"phase": 5}})).await;
    let table = succeeds(&["quarantine", "list"], &environment);
    assert!(table.contains("not JSON") && table.contains("build.phase"), "{table}");
    // No credential was kept with it.
    for id in ["1", "2"] {
        let shown = succeeds(&["quarantine", "show", id], &environment);
        assert!(!shown.contains(JENKINS_TOKEN) && !shown.contains(GITHUB_SECRET), "{shown}");
        assert!(!shown.contains("authorization"), "{shown}");
    }
    assert_eq!(succeeds(&["quarantine", "drop", "--all"], &environment), "2 dropped\n");
    assert_eq!(server.metric("valuestream_quarantine_size").await, 0.0);
    let answer = server.sender().github("issues", &issue("opened", 12, 0, None)).await;
    assert_eq!(answer.is(), (202, "recorded"));
}
