//! `valuestream event` and `valuestream exec` as people run them: the real binary, real commands, real
//! signals, and a server that takes note of what it is told, is away, or refuses.

mod recorder;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::net::TcpSocket;
use valuestream::work::time::Time;

use recorder::Recorder;

use crate::support::payloads::pull_request;
use crate::support::program::command;
use crate::support::sender::CUSTOM_KEY;
use crate::support::server::Server;

const ISSUE: &str = "github:github.com/acme/api/issue/12";
const PULL_REQUEST: &str = "github:github.com/acme/api/pull_request/15";
const ID: &str = "--id=7";
const DEPLOY: [&str; 3] = ["--type=deploy", "--namespace=shop", ID];

/// A valuestream that knows the server and a token, and finds `sh`.
fn valuestream(url: &str, arguments: &[&str]) -> Command {
    let mut command = command(arguments);
    command.env("PATH", std::env::var_os("PATH").unwrap());
    command.env("VALUESTREAM_URL", url).env("VALUESTREAM_TOKEN", "a-token");
    command
}

fn exec(url: &str, options: &[&str], script: &[&str]) -> Command {
    let arguments: Vec<&str> =
        ["exec"].iter().chain(&DEPLOY).chain(options).chain(&["--"]).chain(script).copied().collect();
    valuestream(url, &arguments)
}

async fn run(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A command that has said that it is ready.
struct Running {
    child: Child,
    stdout: BufReader<std::process::ChildStdout>,
}

impl Running {
    async fn start(mut command: Command) -> Self {
        let spawned = move || {
            let mut child =
                command.stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap();
            let mut stdout = BufReader::new(child.stdout.take().unwrap());
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            assert_eq!(line, "ready\n");
            Self { child, stdout }
        };
        tokio::task::spawn_blocking(spawned).await.unwrap()
    }

    fn signal(&self, name: &str) {
        let killed = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(killed.unwrap().success());
    }

    /// The exit code, and what was written.
    async fn end(mut self) -> (Option<i32>, String, String) {
        let waiting = move || {
            let (mut out, mut err) = (String::new(), String::new());
            self.stdout.read_to_string(&mut out).unwrap();
            self.child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
            (self.child.wait().unwrap().code(), out, err)
        };
        tokio::task::spawn_blocking(waiting).await.unwrap()
    }
}

fn time(value: &Value) -> Time {
    Time::parse(value.as_str().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_says_all_that_its_options_say() {
    let server = Recorder::start(&[]).await;
    let start = [
        "event",
        "start",
        "--id",
        "7",
        "--type",
        "deploy",
        "--namespace",
        "acme/shop",
        "--parent",
        ISSUE,
        "--at",
        "2026-03-02T10:00:00+01:00",
        "--tag",
        "team=payments",
        "--tag",
        "deploy.type=a=b",
        "--name",
        "Shop",
        "--environment",
        "production",
        "--service",
        "basket",
        "--sha",
        "abc",
        "--ref",
        "main",
        "--repository",
        "https://github.com/acme/shop",
        "--link",
        "https://ci/7",
    ];
    let output = run(valuestream(&server.url(), &start)).await;
    assert_eq!((output.status.code(), err(&output)), (Some(0), String::new()));
    assert!(out(&output).starts_with("custom:") && out(&output).ends_with("/deploy/7\n"), "{}", out(&output));
    assert_eq!(
        server.event("start"),
        json!({
            "id": "7", "type": "deploy", "action": "start", "namespace": "acme/shop", "parent": ISSUE,
            "at": "2026-03-02T09:00:00Z", "tags": {"team": "payments", "deploy.type": "a=b"}, "name": "Shop",
            "environment": "production", "service": "basket", "sha": "abc", "ref": "main",
            "repository": "https://github.com/acme/shop", "url": "https://ci/7",
        })
    );
    let end = |more: &[&str]| {
        let arguments: Vec<&str> =
            ["event", "end", "--id", "7", "--type", "deploy"].iter().chain(more).copied().collect();
        valuestream(&server.url(), &arguments)
    };
    for (more, error, outcome) in [
        (&[][..], None, None),
        (&["--error"], Some(json!(true)), None),
        (&["--error", "no space left"], Some(json!("no space left")), None),
        (&["--outcome", "cancellation"], None, Some("cancellation")),
    ] {
        assert_eq!(run(end(more)).await.status.code(), Some(0), "{more:?}");
        let event = server.events().pop().unwrap();
        assert_eq!(event.get("error"), error.as_ref(), "{event}");
        assert_eq!(event.get("outcome").and_then(Value::as_str), outcome, "{event}");
        assert!(valuestream::clock::now().since(time(&event["at"])) < 60_000_000, "{event}");
    }
    for wrong in [&["--tag", "team"][..], &["--at", "noon"], &["--outcome", "splendid"], &["--patience", "5"]]
    {
        assert_eq!(run(end(wrong)).await.status.code(), Some(2), "{wrong:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_is_sent_again_under_one_id_until_it_is_taken() {
    for token in ["a-token", CUSTOM_KEY] {
        let server = Recorder::start(&[503, 429]).await;
        let mut command = valuestream(&server.url(), &["event", "start", "--id", "7", "--type", "deploy"]);
        let output = run({
            command.env("VALUESTREAM_TOKEN", token);
            command
        })
        .await;
        assert_eq!(output.status.code(), Some(0), "{}", err(&output));
        let ids: Vec<_> = (0..3).map(|n| server.header(n, "webhook-id").unwrap()).collect();
        assert!(ids[0].starts_with("msg_") && ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        assert_eq!(server.header(0, "webhook-signature").is_some(), token == CUSTOM_KEY);
        assert_eq!(server.header(0, "authorization").is_some(), token != CUSTOM_KEY);
        assert_eq!(server.events().len(), 3);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_event_is_one_line_and_an_exit_code() {
    let server = Recorder::start(&[422]).await;
    let event = ["event", "start", "--id", "7", "--type", "deploy"];
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "a-token\nnot this one\n").unwrap();
    let with_file = |path: &std::path::Path| {
        let path = path.to_str().unwrap().to_owned();
        let arguments: Vec<String> =
            event.iter().map(|s| (*s).to_owned()).chain(["--token-file".into(), path]).collect();
        let mut command =
            valuestream(&server.url(), &arguments.iter().map(String::as_str).collect::<Vec<_>>());
        command.env_remove("VALUESTREAM_TOKEN");
        command
    };
    let with_token = |token: &str| {
        let mut command = valuestream(&server.url(), &event);
        command.env("VALUESTREAM_TOKEN", token);
        command
    };
    let mut away = valuestream("http://127.0.0.1:9/custom", &event);
    away.args(["--patience", "0s"]);
    for (command, reason) in [
        (with_file(&file), "422"),
        (with_token("another-hunter2"), "set VALUESTREAM_TOKEN"),
        (with_token(""), "no signature or token"),
        (with_token("whsec_hunter2"), "no signing key"),
        (with_file(&folder.path().join("nowhere")), "nowhere"),
        (valuestream("ftp://127.0.0.1/custom", &event), "--url"),
        (valuestream("http://user:hunter2@127.0.0.1/custom", &event), "--url"),
        (away, "is the server running there?"),
    ] {
        let output = run(command).await;
        let text = err(&output);
        assert_eq!((output.status.code(), out(&output)), (Some(1), String::new()), "{reason}: {text}");
        let reason_told = reason == "no signature or token" && text.contains("401") || text.contains(reason);
        assert!(reason_told && text.lines().count() == 1, "{reason}: {text}");
        assert!(text.starts_with("valuestream: ") && !text.contains("hunter2"), "{text}");
    }
    assert_eq!(run(with_file(&file)).await.status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exec_ends_as_its_command_does_and_reports_both_ends() {
    for (script, code, outcome, error) in [
        (&["sh", "-c", "echo out; echo err >&2; exit 0"][..], 0, "success", None),
        (&["sh", "-c", "exit 3"], 3, "failure", Some("exit code 3")),
        (&["sh", "-c", "exit 255"], 255, "failure", Some("exit code 255")),
        (&["sh", "-c", "kill -KILL $$"], 137, "failure", Some("killed by signal 9")),
        (&["sh", "-c", "kill -TERM $$"], 143, "cancellation", None),
        (&["/nowhere/command"], 127, "error", Some("/nowhere/command: cannot be run")),
        (&["/"], 126, "error", Some("/: cannot be run")),
    ] {
        let server = Recorder::start(&[]).await;
        let output = run(exec(&server.url(), &["--tag", "team=payments"], script)).await;
        assert_eq!(output.status.code(), Some(code), "{script:?}: {}", err(&output));
        let end = server.event("end");
        assert_eq!(end["outcome"], outcome, "{script:?}");
        assert_eq!(end.get("error").is_some(), error.is_some(), "{end}");
        if let Some(error) = error {
            assert!(end["error"].as_str().unwrap().starts_with(error), "{end}");
        }
        assert_eq!(
            (&end["id"], &end["namespace"], &end["tags"]["team"]),
            (&json!("7"), &json!("shop"), &json!("payments"))
        );
        assert!(time(&end["started_at"]) <= time(&end["at"]), "{end}");
        if code == 0 {
            assert_eq!((out(&output), err(&output)), ("out\n".to_owned(), "err\n".to_owned()));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_start_is_told_while_the_command_runs() {
    let server = Recorder::start(&[]).await;
    let script = "echo ready; while [ ! -e \"$0\" ]; do sleep 0.01; done";
    let folder = tempfile::tempdir().unwrap();
    let gate = folder.path().join("gate");
    let running =
        Running::start(exec(&server.url(), &[], &["sh", "-c", script, gate.to_str().unwrap()])).await;
    let deadline = Instant::now() + Duration::from_secs(20);
    while server.events().is_empty() {
        assert!(Instant::now() < deadline, "no start");
        tokio::task::yield_now().await;
    }
    assert_eq!(server.events()[0]["action"], "start");
    std::fs::write(&gate, "").unwrap();
    assert_eq!(running.end().await.0, Some(0));
    let (start, end) = (server.event("start"), server.event("end"));
    assert_eq!((&start["at"], &start["id"]), (&end["started_at"], &end["id"]), "one item, one span");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signals_are_passed_on_and_the_command_decides() {
    // What these tests were started without, as with nohup, they cannot ask for.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored =
        status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    let heard = |number: &i32| ignored.unwrap_or_default() & (1 << (number - 1)) == 0;
    let signals = [("HUP", 1), ("INT", 2), ("QUIT", 3), ("TERM", 15)];
    for (signal, number) in signals.into_iter().filter(|(_, number)| heard(number)) {
        let server = Recorder::start(&[]).await;
        let handled =
            format!("trap 'echo caught; exit 9' {signal}; echo ready; while :; do sleep 0.01; done");
        let running = Running::start(exec(&server.url(), &[], &["sh", "-c", &handled])).await;
        running.signal(signal);
        let (code, out, err) = running.end().await;
        assert_eq!((code, out.as_str()), (Some(9), "caught\n"), "{signal}: {err}");
        assert_eq!(server.event("end")["outcome"], "cancellation", "{signal}");

        let running =
            Running::start(exec(&server.url(), &[], &["sh", "-c", "echo ready; exec sleep 60"])).await;
        running.signal(signal);
        assert_eq!(running.end().await.0, Some(128 + number), "{signal}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_ignored_from_the_start_stays_ignored() {
    let server = Recorder::start(&[]).await;
    let script = "echo ready; while [ ! -e \"$0\" ]; do sleep 0.01; done; echo survived";
    let folder = tempfile::tempdir().unwrap();
    let gate = folder.path().join("gate");
    let mut command = exec(&server.url(), &[], &["sh", "-c", script, gate.to_str().unwrap()]);
    let mut nohup = Command::new("sh");
    nohup.args(["-c", "trap '' HUP; exec \"$@\"", "sh"]).arg(command.get_program()).args(command.get_args());
    nohup.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    std::mem::swap(&mut command, &mut nohup);
    let running = Running::start(command).await;
    running.signal("HUP");
    std::fs::write(&gate, "").unwrap();
    let (code, out, _) = running.end().await;
    assert_eq!((code, out.as_str()), (Some(0), "survived\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_at_the_start_gets_the_whole_span_at_the_end() {
    // The port is taken, and nobody listens there.
    let place = TcpSocket::new_v4().unwrap();
    place.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = place.local_addr().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let gate = folder.path().join("gate");
    let script = "echo ready; while [ ! -e \"$0\" ]; do sleep 0.01; done; exit 4";
    let url = format!("http://{address}/custom");
    let running = Running::start(exec(&url, &[], &["sh", "-c", script, gate.to_str().unwrap()])).await;
    std::fs::write(&gate, "").unwrap();
    // It has ended, and waits for somebody to tell.
    let server = Recorder::on(place.listen(16).unwrap(), &[503]);
    let (code, _, err) = running.end().await;
    assert_eq!((code, err.as_str()), (Some(4), ""), "and nothing to complain of");
    let end = server.event("end");
    assert!(time(&end["started_at"]) < time(&end["at"]), "{end}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failing_to_report_is_a_warning_and_nothing_else() {
    let server = Server::start().await;
    let real = format!("http://{}/custom", server.ingest());
    for (url, token, reason) in [
        (real.as_str(), "a-wrong-token", "401"),
        (real.as_str(), "whsec_broken", "no signing key"),
        ("http://127.0.0.1:9/custom", "a-token", "is the server running there?"),
        ("nonsense", "a-token", "--url"),
    ] {
        let mut command = exec(url, &["--patience", "50ms"], &["sh", "-c", "echo done; exit 5"]);
        command.env("VALUESTREAM_TOKEN", token);
        let output = run(command).await;
        assert_eq!((output.status.code(), out(&output).as_str()), (Some(5), "done\n"), "{reason}");
        let text = err(&output);
        assert!(text.contains("not reported: ") && text.contains(reason), "{reason}: {text}");
        assert_eq!(text.lines().count(), 1, "told once: {text}");
        assert!(!text.contains(token), "{text}");
    }
    assert_eq!(server.metric("valuestream_quarantine_size").await, 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_wants_it_to_end_is_not_kept_waiting_by_a_report() {
    // The first signals may come while it runs: it does not care.
    let script = ["sh", "-c", "trap '' TERM; echo ready; exit 6"];
    let running = Running::start(exec("http://127.0.0.1:9/custom", &["--patience", "1h"], &script)).await;
    let begun = Instant::now();
    let mut running = running;
    while running.child.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it waits on");
        running.signal("TERM");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (code, _, err) = running.end().await;
    assert!(code == Some(6) && err.contains("interrupted"), "{code:?} {err}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_is_told_where_it_stands() {
    let recorder = Recorder::start(&[]).await;
    let server = Server::start().await;
    server.sender().github("pull_request", &pull_request("opened", 15, 10, None)).await;
    let console = format!("http://{}", server.console_address());
    let show = ["sh", "-c", "echo $VALUESTREAM_KEY $TRACEPARENT ${TRACESTATE-none}"];
    for (options, root) in [
        (&[][..], None),
        (&["--root", ISSUE], Some(ISSUE)),
        (&["--parent", ISSUE], Some(ISSUE)),
        // Without the console the parent is taken for the root; the console knows better.
        (&["--parent", PULL_REQUEST], Some(PULL_REQUEST)),
        (&["--parent", PULL_REQUEST, "--console", &console], Some(ISSUE)),
        (&["--parent", PULL_REQUEST, "--console", "http://127.0.0.1:9"], Some(PULL_REQUEST)),
        (&["--parent", "vstrace-github-issue-api-12"], None),
        // Nothing hangs below what is not higher.
        (&["--parent", "custom:local/shop/deploy/6"], None),
    ] {
        let mut command = exec(&recorder.url(), options, &show);
        command.env("TRACESTATE", "vendor=1").env("TRACEPARENT", "00-0-0-01");
        let output = run(command).await;
        let told = out(&output);
        let (key, rest) = told.trim().split_once(' ').unwrap();
        let computed = run(valuestream("", &["id", key, "--root", root.unwrap_or(key)])).await;
        assert_eq!(rest, format!("{} none", out(&computed).trim()), "{options:?} {}", err(&output));
        let parent = options.iter().position(|o| *o == "--parent").map(|at| options[at + 1]);
        assert_eq!(recorder.events().pop().unwrap().get("parent").and_then(Value::as_str), parent);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nested_commands_are_of_one_trace() {
    let recorder = Recorder::start(&[]).await;
    let binary = env!("CARGO_BIN_EXE_valuestream");
    let inner = format!(
        "echo $VALUESTREAM_KEY $TRACEPARENT; {binary} exec --type job --id inner -- sh -c 'echo $VALUESTREAM_KEY $TRACEPARENT'; exit $?"
    );
    let outer = [
        "exec",
        "--type=build",
        "--id=outer",
        "--parent",
        PULL_REQUEST,
        "--root",
        ISSUE,
        "--",
        "sh",
        "-c",
        &inner,
    ];
    let output = run(valuestream(&recorder.url(), &outer)).await;
    let told = out(&output);
    let lines: Vec<(&str, &str)> = told.lines().filter_map(|line| line.split_once(' ')).collect();
    let [(outer, outer_place), (inner, inner_place)] = lines[..] else { panic!("{told} {}", err(&output)) };
    assert_eq!(outer_place[..36], inner_place[..36], "one trace");
    assert_ne!(outer_place, inner_place, "two spans");
    let parent = |id: &str| {
        let events = recorder.events();
        let end = events.iter().find(|event| event["id"] == id && event["action"] == "end").unwrap().clone();
        end["parent"].as_str().unwrap().to_owned()
    };
    assert_eq!((parent("inner").as_str(), parent("outer").as_str()), (outer, PULL_REQUEST));
    assert!(inner.ends_with("/job/inner"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_command_is_told_is_what_the_server_computes() {
    let server = Server::start().await;
    server.sender().github("pull_request", &pull_request("opened", 15, 10, None)).await;
    let console = format!("http://{}", server.console_address());
    let options = ["--parent", PULL_REQUEST, "--console", &console, "--environment", "production"];
    let show = ["sh", "-c", "echo $VALUESTREAM_KEY $TRACEPARENT"];
    let mut command = exec(&format!("http://{}/custom", server.ingest()), &options, &show);
    let output = run({
        command.env("VALUESTREAM_TOKEN", CUSTOM_KEY);
        command
    })
    .await;
    assert_eq!(err(&output), "", "reported");
    let told = out(&output);
    let (key, traceparent) = told.trim().split_once(' ').unwrap();
    let (status, body) = server.console(&format!("/api/v1/traceparent?key={key}")).await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &body["known"], &body["root"]), (200, &json!(true), &json!(ISSUE)));
    assert_eq!(body["traceparent"], traceparent);
}
