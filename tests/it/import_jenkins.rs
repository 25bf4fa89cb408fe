//! `valuestream import jenkins` from its arguments to the store of a server that runs beside it.

use std::net::SocketAddr;
use std::process::Output;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{Response, header};
use serde_json::{Value, json};

use crate::support::program::{Program, run};
use crate::support::server::settings;

/// 2026-05-01T00:00:00Z in milliseconds.
const T: i64 = 1_777_593_600_000;

/// A Jenkins with one job of two builds, which knows one user.
async fn jenkins() -> SocketAddr {
    let build = |number: i64| {
        json!({
            "_class": "hudson.model.FreeStyleBuild", "number": number, "timestamp": T + number * 60_000, "duration": 9_000,
            "result": "SUCCESS", "building": false, "actions": [{}, {"parameters": null}], "queueId": number,
            "url": format!("https://ci.example.org/job/api/{number}/"),
        })
    };
    let answer = move |request: Request| async move {
        let answer = Response::builder();
        // ann:11aa22bb
        if request.headers().get(header::AUTHORIZATION).is_none_or(|told| told != "Basic YW5uOjExYWEyMmJi") {
            return answer.status(401).body(Body::empty()).unwrap();
        }
        let told = match request.uri().path() {
            "/ci/api/json" => json!({"jobs": [{"name": "api", "displayName": "api", "lastBuild": build(2)}]}),
            "/ci/job/api/api/json" => json!({"allBuilds": [build(2), build(1)]}),
            _ => return answer.status(404).body(Body::empty()).unwrap(),
        };
        answer.body(told.to_string().into()).unwrap()
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    address
}

fn text(output: &Output) -> (String, String) {
    let read = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (read(&output.stdout), read(&output.stderr))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_comes_into_the_store_of_a_running_server_once() {
    let folder = tempfile::tempdir().unwrap();
    let (store, state, token) =
        (folder.path().join("store.db"), folder.path().join("state"), folder.path().join("token"));
    std::fs::write(&token, "11aa22bb\n").unwrap();
    let url = format!("http://{}/ci", jenkins().await);
    let program = Program::start(&store, &[]);
    let mut environment = settings(&store);
    environment.push(("XDG_STATE_HOME".to_owned(), state.to_str().unwrap().to_owned()));
    let import = |further: &[&str], secret: &[(&str, &str)]| {
        let secret = secret.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let environment: Vec<_> = environment.iter().cloned().chain(secret).collect();
        let arguments = ["import", "jenkins", "--url", &url, "--since", "2026-05-01"];
        run(&[&arguments, further].concat(), &environment)
    };
    let as_ann = ["--user", "ann", "--token-file", token.to_str().unwrap()];
    let counted = import(&[&as_ann[..], &["--dry-run"]].concat(), &[]);
    let (out, err) = text(&counted);
    assert!(
        counted.status.success() && out.contains("builds  2") && out.contains("Nothing was imported"),
        "{out}{err}"
    );

    for (run, expected) in
        [("build  2    0", "8 events recorded, 0 already"), ("build  0    2", "0 events recorded, 8 already")]
            .into_iter()
            .enumerate()
    {
        let imported = match run {
            0 => import(&as_ann, &[]),
            _ => import(&["--user", "ann"], &[("JENKINS_TOKEN", "11aa22bb")]),
        };
        let (out, err) = text(&imported);
        assert!(
            imported.status.success() && out.contains(expected.0) && out.contains(expected.1),
            "{out}{err}"
        );
        assert!(!err.contains("11aa22bb"), "{err}");
    }
    let found = loop {
        let (code, body) =
            program.console().get("/api/v1/items?kind=build&from=2026-04-30&to=2026-05-03").await;
        let found: Value = serde_json::from_str(&body).unwrap();
        // Observed a moment after it was committed.
        if code == 200 && found["total"] == 2 {
            break found;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(found["items"][0]["seconds"], 9.0);
    assert_eq!(
        std::fs::read_dir(state.join("valuestream")).unwrap().count(),
        0,
        "nothing is left to go on with"
    );

    let refused = |further: &[&str], secret: &[(&str, &str)], reason: &str| {
        let output = import(further, secret);
        let (_, err) = text(&output);
        assert!(!output.status.success() && err.contains(reason) && !err.contains("11aa22bb"), "{err}");
    };
    refused(&["--user", "ann"], &[], "JENKINS_TOKEN");
    refused(&[], &[("JENKINS_TOKEN", "11aa22bb")], "--user");
    refused(&["--user", "eve"], &[("JENKINS_TOKEN", "11aa22bb")], "(401)");
    refused(&[&as_ann[..], &["--job", "web"]].concat(), &[], "web (404)");
    refused(&["--job", "https://ci.example.org/job/api"], &[], "such as acme/api");
}
