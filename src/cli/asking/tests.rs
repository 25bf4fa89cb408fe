//! `report` and `analyze` from their arguments to what they print, over a console on a real port.

use std::collections::BTreeSet;

use clap::{CommandFactory, Parser};
use serde_json::Value;

use super::*;
use crate::cli::{Cli, Command, analyze, report};
use crate::console::api::testing::running::Running;
use crate::console::api::testing::{Fake, HOSTILE};
use crate::insight::query::{Filter, Measure};
use crate::store::StoreError;
use crate::work::key::Kind;

const TOKEN: &str = "a-token-for-the-console";

/// Every command with a question.
const COMMANDS: [&str; 15] = [
    "report summary",
    "report latency",
    "report groups --group team",
    "report trend",
    "report dora",
    "report stages",
    "report pull-requests",
    "report wip",
    "report stuck",
    "report quality",
    "report items",
    "report tags",
    "analyze latency",
    "analyze failures",
    "analyze key deploy.type --value mutable",
];

/// What a command line prints if `reports` answers.
async fn told<R: Reports>(reports: &R, line: &str) -> Result<String, CliError> {
    let cli = Cli::try_parse_from(std::iter::once("valuestream").chain(line.split(' ')));
    match cli.unwrap_or_else(|error| panic!("{line}: {error}")).command {
        Command::Report(command) => {
            let (question, asking) = report::question(&command);
            asking.answer(&question, reports).await
        }
        Command::Analyze(command) => {
            let (question, asking) = analyze::question(&command)?;
            asking.answer(&question, reports).await
        }
        other => panic!("{other:?}"),
    }
}

fn remote(server: &Running, token: Option<&str>) -> Remote {
    Remote::new(&format!("http://{}/", server.address), token.map(Into::into)).unwrap()
}

fn without_controls(text: &str) {
    assert!(text.chars().all(|c| !c.is_control() || "\r\n".contains(c)), "{text:?}");
}

#[tokio::test]
async fn tables_are_for_people() {
    let mut text = String::new();
    for line in COMMANDS {
        let told = told(&Fake::default(), line).await.unwrap();
        without_controls(&told);
        text += &format!("$ valuestream {line}\n{told}\n");
    }
    insta::assert_snapshot!("tables", text);
}

#[tokio::test]
async fn csv_is_for_programs() {
    let mut text = String::new();
    for line in COMMANDS {
        let told = told(&Fake::default(), &format!("{line} --format csv")).await.unwrap();
        without_controls(&told);
        let mut reader = csv::Reader::from_reader(told.as_bytes());
        let columns = reader.headers().unwrap().len();
        assert!(columns > 1 && !told.contains("issues that ended"), "{line}: {told}");
        for row in reader.records() {
            let row = row.unwrap();
            assert!(
                row.len() == columns && row.iter().all(|cell| !cell.starts_with(['=', '+', '@'])),
                "{line}: {row:?}"
            );
        }
        text += &format!("$ valuestream {line} --format csv\n{}\n", told.replace("\r\n", "\n"));
    }
    insta::assert_snapshot!("csv", text);
}

#[tokio::test]
async fn json_is_what_the_api_answers_also_by_way_of_it() {
    let server = Running::open().await;
    for line in COMMANDS {
        let line = format!("{line} --format json");
        let here = told(&Fake::default(), &line).await.unwrap();
        let there = told(&remote(&server, None), &line).await.unwrap();
        assert_eq!(here, there, "{line}");
        without_controls(&here);
        assert!(here.starts_with("{\n  \"") && here.ends_with("}\n"), "{line}: indented");
    }
    let api = server.client.get(format!("http://{}/api/v1/groups?group=team", server.address));
    let api: Value = serde_json::from_str(&api.send().await.unwrap().text().await.unwrap()).unwrap();
    let cli = told(&Fake::default(), "report groups --group team --format json").await.unwrap();
    let cli: Value = serde_json::from_str(&cli).unwrap();
    assert_eq!(cli, api);
    assert_eq!(cli["groups"][1]["value"], HOSTILE, "escaped, and still the same");
}

#[tokio::test]
async fn options_ask_what_parameters_ask() {
    let server = Running::open().await;
    let line = "report trend --kind pull_request --from 2026-03-01 --to 2026-04-01 --filter team=a --filter language!=go \
                --tier any --group team --interval day --slower 5 --faster 6.5 --overlay x=y --limit 7 --cursor next";
    told(&remote(&server, None), line).await.unwrap();
    let asked = server.fake.asked.lock().unwrap().0.take().unwrap();
    let raw = "kind=pull_request&from=2026-03-01&to=2026-04-01&filter=team=a&filter=language!=go&tier=any&group=team\
               &interval=day&slower=5&faster=6.5&overlay=x=y&limit=7&cursor=next";
    assert_eq!(asked, Query::read(Some(raw), clock::now()).unwrap());

    told(&remote(&server, None), "analyze failures").await.unwrap();
    let asked = server.fake.asked.lock().unwrap().0.take().unwrap();
    assert_eq!((asked.kind, asked.measure), (Kind::Deploy, Some(Measure::Failure)));
    told(&remote(&server, None), "analyze failures --kind build").await.unwrap();
    assert_eq!(server.fake.asked.lock().unwrap().0.take().unwrap().kind, Kind::Build);
    told(&remote(&server, None), "analyze key a/b --value c=d --overlay a/b=e --measure failure")
        .await
        .unwrap();
    let (asked, key) = server.fake.asked.lock().unwrap().clone();
    let asked = asked.unwrap();
    assert_eq!((key.as_str(), asked.measure), ("a/b", Some(Measure::Failure)));
    assert_eq!(asked.overlay, [Filter::include("a/b", "c=d"), Filter::include("a/b", "e")]);
}

#[test]
fn every_parameter_of_the_api_is_an_option() {
    let cli = Cli::command();
    let options = |path: [&str; 2]| -> BTreeSet<String> {
        let command = cli.find_subcommand(path[0]).unwrap().find_subcommand(path[1]).unwrap();
        command.get_arguments().filter_map(|argument| argument.get_long()).map(str::to_owned).collect()
    };
    for name in Query::PARAMETERS {
        // A report does not compare, and `latency` and `failures` say by their name what they compare.
        let has = options(["report", "items"]).contains(*name);
        assert_eq!(has, *name != "measure", "{name}");
        assert!(options(["analyze", "key"]).contains(*name), "{name}");
    }
}

#[tokio::test]
async fn what_the_server_complains_about_is_told_in_its_words() {
    let server = Running::start(Some(TOKEN), false).await;
    let fails = async |token, line: &str| told(&remote(&server, token), line).await.unwrap_err().to_string();
    let text = fails(None, "report summary").await;
    assert!(text.contains("--token") && text.contains("VALUESTREAM__CONSOLE__TOKEN"), "{text}");
    assert!(fails(Some("wrong"), "report summary").await.contains("--token"));
    assert!(told(&remote(&server, Some(TOKEN)), "report summary").await.is_ok());
    for (error, says) in [
        (ReportError::Loading, "still being loaded"),
        (ReportError::NotFound("there is no key \u{1b}x".to_owned()), "there is no key \u{fffd}x"),
        (ReportError::Store(StoreError::Unavailable("disk I/O error".to_owned())), "disk I/O error"),
        (ReportError::Store(StoreError::Corrupt("x".to_owned())), "the log of the server"),
    ] {
        *server.fake.error.lock().unwrap() = Some(error);
        let text = fails(Some(TOKEN), "analyze key team").await;
        assert!(text.contains(says), "{text}");
    }
    let text = fails(Some(TOKEN), "report groups").await;
    assert!(text.contains("--group"), "{text}");
    let text = fails(Some(TOKEN), "report wip --kind epic").await;
    assert!(text.contains("kind=\"epic\"") && text.contains("pull_request"), "{text}");
    let text = fails(Some(TOKEN), "analyze key a=b").await;
    assert!(text.contains("--value"), "{text}");
}

#[tokio::test]
async fn whoever_is_not_the_console_of_a_server_is_told_from_it() {
    let server = Running::open().await;
    let elsewhere = |url: String| async move {
        told(&Remote::new(&url, None).unwrap(), "report summary").await.unwrap_err().to_string()
    };
    let text = elsewhere(format!("http://{}/other", server.address)).await;
    assert!(text.contains("404") && text.contains("is this the console"), "{text}");
    // The port is taken, and nobody listens there.
    let place = tokio::net::TcpSocket::new_v4().unwrap();
    place.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let text = elsewhere(format!("http://{}", place.local_addr().unwrap())).await;
    assert!(text.contains("is the server running"), "{text}");
    for url in
        ["", "127.0.0.1:5001", "ftp://127.0.0.1", "http://", "http://h/?a=b", "http://h/#a", "http://u:p@h"]
    {
        let error = Remote::new(url, None).err().unwrap_or_else(|| panic!("{url}")).to_string();
        assert!(error.contains("--url") && !error.contains("u:p"), "{error}");
    }
}
