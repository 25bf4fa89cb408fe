//! The commands as people run them: what they print, what they leave behind, and how they end.

mod quarantine;

use std::net::TcpListener;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};
use valuestream::sources::DeliveryId;
use valuestream::store::postgres::{Access, PostgresStore};
use valuestream::store::sqlite::SqliteStore;
use valuestream::store::{Committed, Content, Delivery as Stored, Quarantined, Rules, Store};
use valuestream::work::key::Source;
use valuestream::work::time::Time;

use crate::support::every_source::of_every_source;
use crate::support::payloads::{issue, pull_request, time};
use crate::support::postgres::Postgres;
use crate::support::program::run;
use crate::support::receiver::{Answer, Receiver};
use crate::support::sender::{CUSTOM_KEY, GITHUB_SECRET, JENKINS_TOKEN, credentials, fresh_id, webhook};
use crate::support::server::{Server, settings};

const ISSUE: &str = "github:github.com/acme/api/issue/12";
const PULL_REQUEST: &str = "github:github.com/acme/api/pull_request/15";

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// What a command prints that must succeed.
#[track_caller]
fn succeeds(arguments: &[&str], environment: &[(String, String)]) -> String {
    let output = run(arguments, environment);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}{}", out(&output), err(&output));
    out(&output)
}

/// What a command that must fail says of it: one line, and nothing on standard output.
#[track_caller]
fn fails(arguments: &[&str], environment: &[(String, String)]) -> String {
    let output = run(arguments, environment);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}{}", out(&output), err(&output));
    assert_eq!(out(&output), "", "{arguments:?}");
    let text = err(&output);
    assert!(text.starts_with("valuestream: ") && text.lines().count() == 1, "{arguments:?}: {text}");
    text
}

fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| (format!("VALUESTREAM__{name}"), (*value).to_owned())).collect()
}

/// The commands that a command's help lists.
fn listed(help: &str) -> Vec<&str> {
    let listed =
        help.split("Commands:\n").nth(1).and_then(|rest| rest.split("\n\n").next()).unwrap_or_default();
    let names = listed.lines().filter_map(|line| line.trim().split(' ').next());
    names.filter(|name| *name != "help").collect()
}

#[test]
fn the_help_of_every_command_shows_an_example_of_it() {
    let mut commands = vec![String::new()];
    let mut looked_at = 0;
    while let Some(command) = commands.pop() {
        let arguments: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let text = succeeds(&arguments, &[]);
        let example = text.split("Example").nth(1).unwrap_or_else(|| panic!("{command}: {text}"));
        assert!(example.contains(&format!("valuestream{command}")), "{command}: {example}");
        commands.extend(listed(&text).into_iter().map(|name| format!("{command} {name}")));
        looked_at += 1;
    }
    assert!(looked_at >= 13, "only {looked_at}");
}

#[test]
fn check_config_shows_what_is_in_force_and_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("valuestream.toml");
    std::fs::write(&file, "[ingest]\nqueue = 77\n[sources.jenkins]\nsecrets = [\"a-secret-of-the-file\"]\n")
        .unwrap();
    let file = file.to_str().unwrap();
    let environment = variables(&[
        ("SOURCES__GITHUB__SECRETS", "a-secret-of-the-environment,another-secret-of-it"),
        ("CONSOLE__TOKEN", "a-token-for-the-console"),
        ("EXPORT__ENDPOINT", "https://otlp.example.org"),
        ("EXPORT__HEADERS", "x-api-key=a-key-for-the-backend"),
        ("INGEST__BATCH", "5"),
    ]);
    let text = succeeds(&["check-config", "--config", file], &environment);
    for hidden in ["secret-of", "a-token-for", "a-key-for"] {
        assert!(!text.contains(hidden), "{text}");
    }
    let line = |start: &str| {
        text.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{start}: {text}"))
    };
    assert!(line("queue = 77").contains(file), "{text}");
    assert!(
        text.lines()
            .any(|line| line.starts_with("batch = 5 ") && line.contains("VALUESTREAM__INGEST__BATCH")),
        "{text}"
    );
    assert!(line("token = \"***\"").contains("VALUESTREAM__CONSOLE__TOKEN"), "{text}");
    assert!(line("settle = \"10s\"") == "settle = \"10s\"", "a default has no origin to tell: {text}");
}

#[test]
fn what_check_config_prints_is_a_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("valuestream.toml");
    let environment =
        variables(&[("INGEST__QUEUE", "77"), ("SOURCES__JENKINS__DEPLOY_JOBS", "ops/*,**/release")]);
    let printed = succeeds(&["check-config"], &environment);
    std::fs::write(&file, &printed).unwrap();
    let values = |text: &str| -> Vec<String> {
        text.lines().map(|line| line.split(" #").next().unwrap().trim_end().to_owned()).collect()
    };
    let again = succeeds(&["check-config", "--config", file.to_str().unwrap()], &[]);
    assert_eq!(values(&again), values(&printed));
}

#[test]
fn check_config_names_key_and_origin_of_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("valuestream.toml");
    let path = file.to_str().unwrap();
    for (pair, key) in [
        (("INGEST__QUEU", "3"), "ingest.queu"),
        (("INGEST__QUEUE", "many"), "ingest.queue"),
        (("INGEST__QUEUE", "0"), "ingest.queue"),
        (("INGEST__MAX_BUFFERED_BYTES", "10"), "ingest.max_buffered_bytes"),
        (("INGEST__BODY_TIMEOUT", "10"), "ingest.body_timeout"),
        (("STORE__URL", "mysql://localhost/x"), "store.url"),
        (("EXPORT__ENDPOINT", "ftp://example.org"), "export.endpoint"),
        (("EXPORT__PROTOCOL", "carrier-pigeon"), "export.protocol"),
        (("LOG__LEVEL", "loud"), "log.level"),
    ] {
        let text = fails(&["check-config"], &variables(&[pair]));
        assert!(text.contains(key) && text.contains(&format!("VALUESTREAM__{}", pair.0)), "{pair:?}: {text}");
        // Nor does the server start with it.
        let served = run(&["serve"], &variables(&[pair]));
        assert_eq!(served.status.code(), Some(1), "{pair:?}");
    }
    for (content, key) in [
        ("[ingest]\nqueu = 3\n", "ingest.queu"),
        ("[ingest]\nqueue = \"many\"\n", "ingest.queue"),
        ("[store]\nurl = 5\n", "store.url"),
        ("[[tags.rules]]\nprojet = \"acme/*\"\ntags = {}\n", "tags.rules"),
        ("[ingest\n", "line 1"),
    ] {
        std::fs::write(&file, content).unwrap();
        let output = run(&["check-config", "--config", path], &[]);
        assert_eq!(output.status.code(), Some(1), "{content}");
        let text = err(&output);
        assert!(text.contains(key) && text.contains(path), "{content}: {text}");
    }
    let open = fails(&["check-config"], &variables(&[("CONSOLE__LISTEN", "0.0.0.0:5001")]));
    assert!(open.contains("console.listen") && open.contains("VALUESTREAM__CONSOLE__TOKEN"), "{open}");
    let file_gone =
        fails(&["check-config"], &variables(&[("SOURCES__GITHUB__SECRET_FILE", "/nowhere/secret")]));
    assert!(file_gone.contains("sources.github.secret_file: /nowhere/secret"), "{file_gone}");
    let missing = fails(&["check-config", "--config", "/nowhere/valuestream.toml"], &[]);
    assert!(missing.contains("/nowhere/valuestream.toml"), "{missing}");
    // A secret in the wrong place is not repeated.
    let secret =
        fails(&["check-config"], &variables(&[("SOURCES__GITHUB__SECRET", "whoever-reads-this-knows")]));
    assert!(!secret.contains("whoever"), "{secret}");
}

#[tokio::test]
async fn id_prints_what_anyone_can_compute() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = settings(&folder.path().join("store.db"));
    let alone = "00-dc165dd78f4a17ba2b0f38d1fd61fa6d-d209dbc3c842c121-01\n";
    assert_eq!(succeeds(&["id", ISSUE], &nowhere), alone);
    let placed = succeeds(&["id", PULL_REQUEST, "--root", ISSUE], &nowhere);
    assert_eq!(placed[..36], alone[..36], "in the issue's trace");
    let again = succeeds(&["id", ISSUE, "--episode", "1"], &nowhere);
    assert!(again[..36] == alone[..36] && again != alone);

    // Not knowing the store, it says that it takes the item for the root.
    let output = run(&["id", PULL_REQUEST], &nowhere);
    assert_eq!(output.status.code(), Some(0));
    assert!(err(&output).contains("--root"), "{}", err(&output));
    assert_ne!(out(&output), placed);
    // With the store it knows, while the server runs and after.
    let server = Server::start().await;
    let environment = settings(&server.folder.path().join("store.db"));
    server.sender().github("pull_request", &pull_request("opened", 15, 10, None)).await;
    assert_eq!(succeeds(&["id", PULL_REQUEST], &environment), placed);
    let folder = server.stop().await;
    assert_eq!(succeeds(&["id", PULL_REQUEST], &environment), placed);
    drop(folder);

    let nonsense = run(&["id", "nonsense"], &nowhere);
    assert_eq!(nonsense.status.code(), Some(2), "told like any wrong argument");
}

#[test]
fn a_store_that_is_not_there_is_an_error_and_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let environment = settings(&folder.path().join("store.db"));
    for command in [
        "quarantine list",
        "quarantine list --json",
        "quarantine show 1",
        "quarantine retry --all",
        "quarantine drop 1",
        "exports list",
        "exports retry --all",
        "backup copy.db",
        "check-store",
    ] {
        let text = fails(&command.split(' ').collect::<Vec<_>>(), &environment);
        assert!(text.contains("store.db") && text.contains("store.url"), "{command}: {text}");
    }
    succeeds(&["id", ISSUE], &environment);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was made");
}

/// The usual settings, over a database.
fn on_postgres(url: &str) -> Vec<(String, String)> {
    let mut settings = settings(Path::new("nowhere"));
    settings.retain(|(name, _)| !name.ends_with("STORE__URL"));
    settings.push(("VALUESTREAM__STORE__URL".to_owned(), url.to_owned()));
    settings
}

#[tokio::test]
async fn exports_are_listed_by_backend() {
    let receiver = Receiver::start().await;
    let server = Server::exporting(&receiver).await;
    let environment = settings(&server.folder.path().join("store.db"));
    look_after_exports(&receiver, &server, &environment).await;
}

#[tokio::test]
async fn exports_that_replicas_share_are_listed_and_retried_in_the_same_way() {
    let Some(postgres) = Postgres::shared() else { return };
    let (url, receiver) = (postgres.database().await, Receiver::start().await);
    let endpoint = receiver.endpoint();
    let server = Server::start_with(&[("STORE__URL", &url), ("EXPORT__ENDPOINT", &endpoint)]).await;
    let environment = on_postgres(&url);
    look_after_exports(&receiver, &server, &environment).await;
    assert_eq!(succeeds(&["exports", "retry", "--all"], &environment), "1 back in the outbox\n");
    // Rejected anew, it is set aside anew, under a number of its own.
    server.metric_becomes("valuestream_exports_total{backend=\"default\",result=\"rejected\"}", 2.0).await;
    server.metric_becomes("valuestream_rejected_exports{backend=\"default\"}", 1.0).await;
    assert!(succeeds(&["exports", "list"], &environment).contains(ISSUE));
}

/// Has an export rejected, and lists it.
async fn look_after_exports(receiver: &Receiver, server: &Server, environment: &[(String, String)]) {
    receiver.answer_if_any(|_| true, Answer::status(400));
    assert!(succeeds(&["exports", "list"], environment).starts_with("nothing was rejected\n"));
    server.sender().github("issues", &issue("closed", 12, 60, Some(60))).await;
    server.metric_becomes("valuestream_rejected_exports{backend=\"default\"}", 1.0).await;
    let table = succeeds(&["exports", "list"], environment);
    assert!(table.contains(ISSUE) && table.contains("default: 0 waiting"), "{table}");
    let json = succeeds(&["exports", "list", "--json"], environment);
    let entry: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&entry["key"], &entry["backend"], &entry["episode"]),
        (&json!(ISSUE), &json!("default"), &json!(0))
    );
    assert_eq!(run(&["exports", "retry"], environment).status.code(), Some(2), "which ones?");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn healthcheck_tells_a_live_server_from_a_dead_one() {
    let folder = tempfile::tempdir().unwrap();
    let program = crate::support::program::Program::start(&folder.path().join("store.db"), &[]);
    for url in [
        format!("http://{}/healthz", program.console),
        format!("http://{}/readyz", program.console),
        format!("http://{}/healthz", program.ingest),
    ] {
        assert_eq!(succeeds(&["healthcheck", "--url", &url], &[]), "");
    }
    let wrong = fails(&["healthcheck", "--url", &format!("http://{}/nothing", program.console)], &[]);
    assert!(wrong.contains("404"), "{wrong}");
    let url = format!("http://{}/healthz", program.console);
    assert_eq!(program.terminate(), Some(0));
    assert!(fails(&["healthcheck", "--url", &url], &[]).contains("is the server running?"));
    // One that accepts and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/healthz", silent.local_addr().unwrap());
    fails(&["healthcheck", "--url", &url, "--timeout", "1"], &[]);
}
