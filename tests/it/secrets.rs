//! No secret comes out again: not in the log however much it says, not in what commands print, not in
//! an answer.

use crate::support::certificates::Authority;
use crate::support::payloads::issue;
use crate::support::program::{Program, command, run};
use crate::support::sender::{GITHUB_SECRET, client, fresh_id};

/// All secrets here have this in them.
const MARK: &str = "hunter2";

/// Where each secret of the configuration comes from, in one place or the other.
fn settings(folder: &std::path::Path) -> Vec<(String, String)> {
    let file = |name: &str, content: &str| {
        let path = folder.join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let mut settings = vec![
        ("CONSOLE__TOKEN".to_owned(), format!("{MARK}-console-token")),
        ("CONSOLE__TOKEN_FILE".to_owned(), file("tokens", &format!("{MARK}-token-of-the-file\n"))),
        ("EXPORT__ENDPOINT".to_owned(), format!("http://127.0.0.1:9/?key={MARK}")),
        ("EXPORT__HEADERS".to_owned(), format!("authorization=Bearer%20{MARK}-header")),
        ("EXPORT__HEADERS_FILE".to_owned(), file("headers", &format!("x-key: {MARK}-header-of-the-file\n"))),
    ];
    for source in ["JENKINS", "GITLAB", "JIRA", "CDEVENTS", "CUSTOM"] {
        let name = format!("secrets-{source}");
        settings.push((format!("SOURCES__{source}__SECRETS"), format!("{MARK}-secret-of-{source}")));
        settings.push((
            format!("SOURCES__{source}__SECRET_FILE"),
            file(&name, &format!("{MARK}-secret-of-the-file-of-{source}\n")),
        ));
    }
    settings
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_reaches_the_log_an_answer_or_the_screen() {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    let store = folder.path().join("store.db");
    let settings = settings(folder.path());
    let (certificate, key) = authority.server_files();
    let own_key = std::fs::read_to_string(&key).unwrap();
    let own_key = own_key.lines().nth(1).unwrap();
    let mut changes: Vec<(&str, &str)> =
        settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    changes.extend([
        ("LOG__LEVEL", "trace"),
        ("INGEST__TLS_CERTIFICATE", certificate.to_str().unwrap()),
        ("INGEST__TLS_KEY", key.to_str().unwrap()),
    ]);
    let program = Program::start(&store, &changes);
    let mut said = String::new();

    // The console: right and wrong, by header and by form, and a session.
    let (client, console) = (client(), format!("http://{}", program.console));
    let wrong = format!("{MARK}-wrong");
    for token in [&wrong, &format!("{MARK}-console-token"), &format!("{MARK}-token-of-the-file")] {
        for path in ["/api/v1/summary", "/", "/metrics"] {
            for request in [
                client.get(format!("{console}{path}")).bearer_auth(token),
                client.get(format!("{console}{path}")).basic_auth("x", Some(token)),
            ] {
                said += &request.send().await.unwrap().text().await.unwrap();
            }
        }
        let form = client.post(format!("{console}/login")).body(format!("token={token}&next=/items"));
        let response = form.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap();
        said += &format!("{:?}", response.headers());
        if let Some(cookie) = response.headers().get("set-cookie") {
            let cookie = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
            let (_, value) = cookie.split_once('=').unwrap();
            let page = client.get(format!("{console}/items")).header("cookie", &cookie);
            let page = page.send().await.unwrap();
            assert_eq!(page.status(), 200);
            assert!(!page.text().await.unwrap().contains(value));
            let log = std::fs::read_to_string(store.with_extension("log")).unwrap();
            assert!(!log.contains(value), "a session is as good as a token");
        }
    }
    // Deliveries: right and wrong, in every place that a token can stand.
    let (https, ingest) = (authority.client(), format!("https://{}", program.ingest));
    for source in ["jenkins", "gitlab", "jira", "cdevents", "custom", "elsewhere"] {
        let right = format!("{MARK}-secret-of-{}", source.to_uppercase());
        for token in [&wrong, &right] {
            let request = https
                .post(format!("{ingest}/{source}?token={token}"))
                .bearer_auth(token)
                .header("x-gitlab-token", token)
                .header("x-hub-signature", format!("sha256={token}"))
                .header("content-type", "application/json")
                .body("{\"build\": 5}");
            said += &request.send().await.unwrap().text().await.unwrap();
        }
    }
    let body = issue("closed", 12, 60, Some(60)).to_string();
    let request = https
        .post(format!("{ingest}/github"))
        .header("content-type", "application/json")
        .header("x-github-event", "issues")
        .header("x-github-delivery", fresh_id())
        .header("x-hub-signature-256", crate::support::sender::signature(GITHUB_SECRET, body.as_bytes()));
    assert_eq!(request.body(body).send().await.unwrap().status(), 202);
    // Commands: what is right, and what fails.
    let environment: Vec<_> =
        changes.iter().map(|(name, value)| (format!("VALUESTREAM__{name}"), (*value).to_owned())).collect();
    let store_url = ("VALUESTREAM__STORE__URL".to_owned(), format!("sqlite://{}", store.display()));
    let environment = [environment, vec![store_url]].concat();
    for arguments in [
        &["check-config"][..],
        &["quarantine", "list"],
        &["exports", "list"],
        &["report", "summary", "--url", &console],
        &["report", "summary", "--url", &console, "--token", &wrong],
        &["healthcheck", "--url", &console],
    ] {
        let output = run(arguments, &environment);
        let printed =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(!printed.contains(MARK), "{arguments:?}: {printed}");
        said += &printed;
    }
    // A configuration in which each of the secrets is of no use.
    for (name, value) in &settings {
        let broken = format!("{value} {value}\u{7f}");
        let output = command(&["check-config"]).env(format!("VALUESTREAM__{name}"), broken).output().unwrap();
        let printed = String::from_utf8(output.stderr).unwrap() + &String::from_utf8(output.stdout).unwrap();
        assert!(!printed.contains(MARK) || name.ends_with("_FILE"), "{name}: {printed}");
    }
    assert_eq!(program.terminate(), Some(0));
    let log = std::fs::read_to_string(store.with_extension("log")).unwrap();
    assert!(log.contains("turned away") && log.contains("exporting"), "the log was written: {log}");
    assert!(said.contains("unauthorized") && said.contains("token = \"***\""), "{said}");
    for (place, text) in [("the log", &log), ("an answer", &said)] {
        assert!(!text.contains(MARK), "{place}: {text}");
        assert!(!text.contains(own_key) && !text.contains(GITHUB_SECRET), "{place}: {text}");
    }
}
