//! `valuestream demo` as people run it: what it says, what it serves, and that nothing of it is left.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use tempfile::TempDir;

use crate::support::console::Console;
use crate::support::program::command;

/// What a demo of so few issues finds depends on the seed.
const FEW: [&str; 4] = ["--issues", "400", "--seed", "1"];

/// A demo under way, in a folder for temporary files of its own. Killed if the test fails.
struct Demo {
    child: Child,
    folder: TempDir,
}

impl Demo {
    fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let child = command(&["demo"])
            .args(arguments)
            .env("TMPDIR", folder.path())
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self { child, folder }
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Reads standard error up to a line with this text; gives all lines up to there.
    fn complains_until(&mut self, text: &str) -> String {
        read_until(self.child.stderr.as_mut().unwrap(), text)
    }

    /// Reads standard output up to a line with this text; gives all lines up to there.
    fn says_until(&mut self, text: &str) -> String {
        read_until(self.child.stdout.as_mut().unwrap(), text)
    }

    /// Waits for the end: how it ended, what else it said on both outputs, and what it has left.
    fn end(mut self) -> (ExitStatus, String, String, Vec<String>) {
        let (mut out, mut err) = (String::new(), String::new());
        self.child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        let status = self.child.wait().unwrap();
        (status, out, err, left(self.folder.path()))
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Byte by byte, so that what comes after is still there.
fn read_until(from: &mut impl Read, text: &str) -> String {
    let mut read = String::new();
    let mut lines = BufReader::with_capacity(1, from);
    while !read.lines().last().is_some_and(|line| line.contains(text)) {
        assert!(lines.read_line(&mut read).unwrap() > 0, "no {text:?} in {read}");
    }
    read
}

fn left(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_demo_says_what_is_planted_and_minds_nobodys_settings() {
    // Each of these would make a server fail, or leave something behind, if it were minded.
    let environment = [
        ("VALUESTREAM__STORE__URL", "sqlite:///nowhere/valuestream.db"),
        ("VALUESTREAM__INGEST__LISTEN", "nowhere"),
        ("VALUESTREAM__CONSOLE__LISTEN", "0.0.0.0:1"),
        ("VALUESTREAM__SOURCES__GITHUB__SECRETS", "another secret"),
        ("VALUESTREAM__TAGS__KEYS", "colour"),
        ("VALUESTREAM__NO__SUCH_KEY", "1"),
        ("VALUESTREAM_SIMULATE_GITHUB_SECRET", "another secret"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "nowhere"),
    ];
    let demo = Demo::start(&[&["--once", "--port", "0"], &FEW[..]].concat(), &environment);
    let (status, out, err, left) = demo.end();
    assert_eq!(status.code(), Some(0), "{out}{err}");
    let after = |head: &str| out.split(head).nth(1).and_then(|rest| rest.trim_start().lines().next());
    let slow = after("What slow issues have in common:\n").unwrap();
    let planted = "Issues with deploy.type = mutable and language = python take ";
    assert!(slow.starts_with(planted) && slow.contains(" times as long: p50 "), "{out}");
    let failing = after("What failed deploys have in common:\n").unwrap();
    let planted = "Deploys with deploy.type = mutable fail ";
    assert!(failing.starts_with(planted) && failing.contains(" times as often: "), "{out}");
    assert!(out.contains("The page: http://127.0.0.1:") && out.contains("/?from=200d\n"), "{out}");
    assert!(err.starts_with("posting 400 issues, "), "{err}");
    assert_eq!(left, [""; 0]);
}

#[tokio::test]
async fn a_demo_serves_its_page_until_it_is_stopped_though_its_port_is_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let mut demo = Demo::start(&["--port", &port, "--issues", "50", "--days", "30"], &[]);
    let complaint = demo.complains_until("taken");
    assert!(complaint.contains(&format!("port {port} is taken")), "{complaint}");
    let said = demo.says_until("Ctrl-C ends it");
    let address = said.split("The page: http://").nth(1).and_then(|rest| rest.split_once('/')).unwrap();
    assert_ne!(address.0, format!("127.0.0.1:{port}"));
    let query = address.1.lines().next().unwrap();
    assert_eq!(query, "?from=48d");
    let (status, page) = Console::at(address.0.parse().unwrap()).get(&format!("/{query}")).await;
    assert_eq!(status, 200, "{page}");
    demo.signal("-TERM");
    let (status, _, err, left) = demo.end();
    assert_eq!(status.code(), Some(0), "{err}");
    assert_eq!(left, [""; 0]);
}

#[test]
fn a_demo_that_is_stopped_while_it_posts_leaves_nothing_behind() {
    for signal in ["-TERM", "-INT"] {
        let mut demo = Demo::start(&["--port", "0", "--issues", "3000"], &[]);
        demo.complains_until("deliveries to http://");
        assert_eq!(left(demo.folder.path()).len(), 1);
        demo.signal(signal);
        let (status, out, err, left) = demo.end();
        assert_eq!((status.code(), &*out), (Some(1), ""), "{err}");
        assert!(err.lines().last().unwrap().contains("stopped before the demo was ready"), "{err}");
        assert_eq!(left, [""; 0]);
    }
}

#[test]
fn a_demo_that_cannot_begin_says_what_to_do() {
    let mut demo = command(&["demo", "--once"]);
    let output = demo.env("TMPDIR", "/dev/null").output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("/dev/null") && text.contains("set TMPDIR"), "{text}");
}
