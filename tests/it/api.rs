//! The API and the commands that ask it, of the whole program.

use serde_json::Value;

use crate::support::console::Console;
use crate::support::program::{Program, run};

const TOKEN: &str = "a-token-for-the-console";

/// What a route answers, as JSON, with its code and media type.
async fn json(console: &Console, path: &str, headers: &[(&str, &str)]) -> (u16, String, Value) {
    let response = console.ask(path, headers).await;
    let media_type = response.headers()["content-type"].to_str().unwrap().to_owned();
    let code = response.status().as_u16();
    (code, media_type, serde_json::from_str(&response.text().await.unwrap()).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_serves_its_api_to_names_of_its_own_machine() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(&folder.path().join("store.db"), &[]);
    let console = program.console();
    let (code, media_type, document) = json(&console, "/api/v1/openapi.json", &[]).await;
    assert_eq!((code, media_type.as_str(), &document["openapi"]), (200, "application/json", &"3.1.0".into()));
    let (code, media_type, problem) = json(&console, "/api/v1/latency?kind=epic", &[]).await;
    assert_eq!(
        (code, media_type.as_str(), &problem["parameter"]),
        (400, "application/problem+json", &"kind".into())
    );
    let rebound = [("host", "rebound.example")];
    assert_eq!(json(&console, "/api/v1/openapi.json", &rebound).await.0, 421);
    assert_eq!(console.ask("/healthz", &rebound).await.status(), 200, "probes ask under any name");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_ask_a_running_server() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(&folder.path().join("store.db"), &[("CONSOLE__TOKEN", TOKEN)]);
    let url = format!("http://{}", program.console);
    let ask = |arguments: &[&str], environment: &[(String, String)]| {
        let output = run(&[arguments, &["--url", &url]].concat(), environment);
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let with_token = [("VALUESTREAM__CONSOLE__TOKEN".to_owned(), TOKEN.to_owned())];
    for command in [&["report", "summary"][..], &["analyze", "latency"], &["analyze", "key", "team"]] {
        let (code, text) = ask(command, &[]);
        assert!(code == Some(1) && text.contains("VALUESTREAM__CONSOLE__TOKEN"), "{command:?}: {text}");
        let (_, text) = ask(command, &with_token);
        assert!(!text.contains("TOKEN") && !text.contains(TOKEN), "{command:?}: {text}");
    }
    let (code, text) = ask(&["report", "wip", "--filter", "team"], &with_token);
    assert!(code == Some(1) && text.contains("filter=\"team\": write key=value"), "{text}");
    assert_eq!(program.terminate(), Some(0));
    let (code, text) = ask(&["report", "summary"], &with_token);
    assert!(code == Some(1) && text.contains("is the server running"), "{text}");
}
