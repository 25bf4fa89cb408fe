#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use clap::Parser;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::*;

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    args: Args,
}

fn args(more: &[&str]) -> Args {
    let line = ["simulate", "--until", "2026-03-31T18:00:00Z"];
    let few: &[&str] = if more.contains(&"--issues") { &[] } else { &["--issues", "12"] };
    Command::try_parse_from(line.iter().chain(few).chain(more)).unwrap().args
}

/// How the server answers.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    /// Busy at the first try of each delivery, then it takes it.
    BusyOnce,
    /// Busy for the first tries of every job that is queued, then it takes it.
    BusyForQueued,
    /// Takes what GitHub sends, and knows no Jenkins.
    GithubOnly,
    /// Every signature is wrong.
    WrongSecret,
    /// Always fails.
    Broken,
}

/// A server, and what it has taken.
struct Server {
    manner: Manner,
    /// How often each delivery was tried.
    tries: Mutex<BTreeMap<Vec<u8>, u32>>,
    /// What was taken, in order.
    taken: Mutex<Vec<(String, Value)>>,
}

async fn answer(State(server): State<Arc<Server>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let tries = {
        let mut tries = server.tries.lock().unwrap();
        let tries = tries.entry(body.to_vec()).or_default();
        *tries += 1;
        *tries
    };
    let said =
        |status: StatusCode, word: &str| (status, json!({ "status": word, "reason": "because" }).to_string());
    match server.manner {
        Manner::BusyForQueued if tries <= 4 && is_queued(&body) => {
            ([(header::RETRY_AFTER, "0")], said(StatusCode::SERVICE_UNAVAILABLE, "busy")).into_response()
        }
        Manner::BusyOnce if tries == 1 => {
            ([(header::RETRY_AFTER, "0")], said(StatusCode::SERVICE_UNAVAILABLE, "busy")).into_response()
        }
        Manner::WrongSecret => said(StatusCode::UNAUTHORIZED, "unauthorized").into_response(),
        Manner::GithubOnly if uri.path() == "/jenkins" => {
            said(StatusCode::NOT_FOUND, "not_found").into_response()
        }
        Manner::Broken => said(StatusCode::INTERNAL_SERVER_ERROR, "").into_response(),
        Manner::BusyOnce | Manner::BusyForQueued | Manner::GithubOnly => {
            let verified = match headers.get("x-hub-signature-256") {
                Some(signature) => {
                    let signature = signature.to_str().unwrap().strip_prefix("sha256=").unwrap();
                    let mac = Hmac::<Sha256>::new_from_slice(b"s3cret").unwrap().chain_update(&body);
                    mac.verify_slice(&hex::decode(signature).unwrap()).is_ok()
                }
                None => headers.get("authorization").is_some_and(|token| token == "Bearer t0ken"),
            };
            if !verified {
                return said(StatusCode::UNAUTHORIZED, "unauthorized").into_response();
            }
            let body = serde_json::from_slice(&body).unwrap();
            server.taken.lock().unwrap().push((uri.path().to_owned(), body));
            said(StatusCode::ACCEPTED, "recorded").into_response()
        }
    }
}

fn is_queued(body: &Bytes) -> bool {
    let body: Value = serde_json::from_slice(body).unwrap();
    body["action"] == "queued"
}

/// Starts a server; gives its address.
async fn serve(manner: Manner) -> (Arc<Server>, String) {
    let server = Arc::new(Server { manner, tries: Mutex::default(), taken: Mutex::default() });
    let router = Router::new().fallback(answer).with_state(Arc::clone(&server));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (server, address)
}

#[tokio::test]
async fn every_delivery_arrives_once_though_the_server_is_busy_at_first() {
    let (server, address) = serve(Manner::BusyOnce).await;
    let args = args(&["--target", &address, "--github-secret", "s3cret", "--jenkins-token", "t0ken"]);
    let tally = simulate(&args).await.unwrap();

    let simulation = Simulation::new(args.settings(Time::MIN));
    let expected: BTreeMap<Vec<u8>, u32> =
        simulation.deliveries().map(|delivery| (delivery.body.to_vec(), 2)).collect();
    assert!(expected.len() > 200);
    assert_eq!(*server.tries.lock().unwrap(), expected);
    let total = expected.len() as u64;
    assert_eq!((tally.taken(), tally.refused(), tally.unsent, tally.retries), (total, 0, 0, total));
    assert!(summary::table(&tally, Duration::from_secs(1)).contains("recorded"));
    verdict(&args, tally).unwrap();
}

#[tokio::test]
async fn what_waits_for_a_busy_server_is_not_overtaken_by_its_own_item() {
    let (server, address) = serve(Manner::BusyForQueued).await;
    let args = args(&["--target", &address, "--github-secret", "s3cret", "--jenkins-token", "t0ken"]);
    let tally = simulate(&args).await.unwrap();
    assert!(tally.retries > 0);
    let told = jobs(&server);
    assert!(!told.is_empty());
    for phases in told.values() {
        assert_eq!(phases, &["queued", "in_progress", "completed"]);
    }
}

/// What each job of GitHub Actions was said to be at, in the order in which it was taken.
fn jobs(server: &Server) -> BTreeMap<u64, Vec<String>> {
    let mut jobs = BTreeMap::<u64, Vec<String>>::new();
    for (_, body) in server.taken.lock().unwrap().iter() {
        if let Some(job) = body.pointer("/workflow_job/id").and_then(Value::as_u64) {
            jobs.entry(job).or_default().push(body["action"].as_str().unwrap().to_owned());
        }
    }
    jobs
}

#[tokio::test]
async fn duplicates_and_shuffling_reach_the_server() {
    let (server, address) = serve(Manner::GithubOnly).await;
    let args = args(&["--target", &address, "--github-secret", "s3cret", "--shuffle", "--duplicates", "100"]);
    simulate(&args).await.unwrap();
    let tries = server.tries.lock().unwrap();
    let github: BTreeSet<Vec<u8>> = Simulation::new(args.settings(Time::MIN))
        .deliveries()
        .filter(|delivery| delivery.path() == "/github")
        .map(|delivery| delivery.body.to_vec())
        .collect();
    assert!(github.iter().all(|body| tries[body] == 2));
    let late = |phases: &Vec<String>| phases.first().is_some_and(|first| first == "completed");
    assert!(jobs(&server).values().any(late), "what is shuffled is out of order");
}

#[tokio::test]
async fn a_source_that_is_off_fails_the_command_and_says_what_to_do() {
    let (_, address) = serve(Manner::GithubOnly).await;
    let args = args(&["--target", &address, "--github-secret", "s3cret", "--issues", "40"]);
    let tally = simulate(&args).await.unwrap();
    assert!(tally.taken() > 200, "GitHub's are still taken");
    assert!(tally.unsent > 0, "Jenkins' are given up after a while");
    let lost = tally.refused() + tally.unsent;
    let Err(error @ SimulateError::NotTaken { count, .. }) = verdict(&args, tally) else { panic!() };
    assert_eq!(count, lost);
    let error = error.to_string();
    assert!(error.contains("404: the source jenkins is off: set sources.jenkins.secrets"), "{error}");
    assert!(!error.contains("github is off"), "{error}");
}

#[tokio::test]
async fn a_wrong_secret_fails_the_command_and_says_which_option() {
    let (_, address) = serve(Manner::WrongSecret).await;
    let error =
        run(args(&["--target", &address, "--github-secret", "wrong-one"])).await.unwrap_err().to_string();
    assert!(
        error.contains(
            "401: the server's sources.github.secrets does not hold the secret given with --github-secret (because)"
        ),
        "{error}"
    );
    assert!(!error.contains("wrong-one"), "{error}");
}

#[tokio::test]
async fn a_server_that_fails_for_good_fails_the_command() {
    let (server, address) = serve(Manner::Broken).await;
    let args = args(&["--target", &address, "--issues", "1", "--connections", "64"]);
    let error = run(args).await.unwrap_err().to_string();
    assert!(error.contains("500: the server failed, several times over"), "{error}");
    assert!(server.tries.lock().unwrap().values().all(|tries| *tries == 5));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_said_to_be_not_there() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = run(args(&["--target", &address])).await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot reach {address} (")), "{error}");
    assert!(error.contains("valuestream serve"), "{error}");
}

#[test]
fn what_cannot_be_meant_is_refused_on_the_command_line() {
    for wrong in [
        ["--target", "127.0.0.1:5000"],
        ["--target", "ftp://127.0.0.1"],
        ["--until", "yesterday"],
        ["--organisation", "a/b"],
        ["--duplicates", "101"],
        ["--connections", "0"],
    ] {
        assert!(Command::try_parse_from(["simulate"].into_iter().chain(wrong)).is_err(), "{wrong:?}");
    }
    let args = Command::try_parse_from(["simulate"]).unwrap().args;
    assert_eq!((args.seed, args.issues, args.days, args.connections), (1, 200, 90, 16));
}

#[test]
fn help_shows_an_example_and_no_secret() {
    use clap::CommandFactory;
    let help = Command::command().render_long_help().to_string();
    assert!(help.contains("valuestream simulate --target http://127.0.0.1:5000"), "{help}");
    assert!(help.contains("VALUESTREAM_SIMULATE_GITHUB_SECRET"), "{help}");
    let printed = format!("{:?}", args(&["--github-secret", "s3cret"]));
    assert!(!printed.contains("s3cret"), "{printed}");
}
