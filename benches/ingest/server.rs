//! The servers that are measured, each in a process of its own: the real program, and the
//! baseline, which shares with it the listener, the reading of the body, the verification, the
//! parsing and the answer, and has no store.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Request;
use axum::routing::any;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use valuestream::app::App;
use valuestream::clock;
use valuestream::config::Config;
use valuestream::ingest::body::{self, Room};
use valuestream::ingest::reply::Reply;
use valuestream::ingest::server::{Limits, serve};
use valuestream::sources::jenkins::JenkinsOptions;
use valuestream::sources::verify::{self, Access, Head};
use valuestream::sources::{self, Context, Parsed};
use valuestream::work::convention::Conventions;
use valuestream::work::key::Source;
use valuestream::work::tags::Tagger;

use super::payload::SECRET;

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Mode {
    Parse,
    Durable,
}

pub struct Server {
    child: Child,
    stdin: Option<ChildStdin>,
    pub ingest: SocketAddr,
    pub console: SocketAddr,
    /// From the start of the process to being ready.
    pub ready_after: Duration,
}

fn has_taskset() -> bool {
    Command::new("taskset")
        .arg("-V")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|s| s.success())
}

/// Runs this program again on core 1 and says whether it did.
pub fn pin_self() -> bool {
    if !has_taskset() || std::thread::available_parallelism().is_ok_and(|n| n.get() < 2) {
        println!("(no taskset or one core: the load and the server share what there is)");
        return false;
    }
    let myself = std::env::current_exe().unwrap();
    let status = Command::new("taskset")
        .args(["-c", "1"])
        .arg(myself)
        .arg("--pinned")
        .args(std::env::args().skip(1))
        .status();
    std::process::exit(status.unwrap().code().unwrap_or(1));
}

impl Server {
    pub fn start(mode: Mode, store: Option<&Path>) -> Self {
        Self::start_with(mode, store, &[])
    }

    pub fn start_with(mode: Mode, store: Option<&Path>, environment: &[(&str, &str)]) -> Self {
        let myself = std::env::current_exe().unwrap();
        let mut command = if has_taskset() {
            let mut command = Command::new("taskset");
            command.args(["-c", "0"]).arg(myself);
            command
        } else {
            Command::new(myself)
        };
        command.arg("--child").arg(format!("{mode:?}").to_lowercase());
        if let Some(store) = store {
            command.arg("--store").arg(store);
        }
        let begun = Instant::now();
        let mut child = command
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let ready_after = begun.elapsed();
        let (ingest, console) = line.trim().split_once(' ').unwrap();
        let stdin = child.stdin.take();
        Self { child, stdin, ingest: ingest.parse().unwrap(), console: console.parse().unwrap(), ready_after }
    }

    /// The text of `/metrics`.
    pub fn metrics(&self) -> String {
        let mut stream = std::net::TcpStream::connect(self.console).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    pub fn metric(&self, series: &str) -> f64 {
        let text = self.metrics();
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.unwrap().trim().parse().unwrap()
    }

    /// Every commit is one write to the log and one sync of it.
    pub fn deliveries_per_commit(&self) -> f64 {
        self.metric("valuestream_commit_deliveries_sum") / self.metric("valuestream_commit_deliveries_count")
    }

    /// A line of `/proc/PID/status`, in KiB.
    pub fn memory(&self, line: &str) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let value = status.lines().find_map(|l| l.strip_prefix(line)?.strip_prefix(':')).unwrap();
        value.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The child ends when its standard input does.
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}

/// What `--child` does: serves until standard input ends.
pub fn run(mode: Mode, store: Option<&Path>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        match mode {
            Mode::Durable => {
                let settings = settings(store.unwrap());
                let extra = std::env::vars().filter(|(name, _)| name.starts_with("VALUESTREAM__"));
                let config = Config::load(None, settings.into_iter().chain(extra)).unwrap();
                let app = App::start(&config).await.unwrap();
                announce(app.ingest, app.console).await;
                app.stop().await;
            }
            Mode::Parse => {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let address = listener.local_addr().unwrap();
                let limits = Limits { connections: 1024, header_timeout: Duration::from_secs(10) };
                let stop = CancellationToken::new();
                let serving =
                    tokio::spawn(serve(listener, baseline(), limits, stop.clone(), Duration::from_secs(5)));
                announce(address, address).await;
                stop.cancel();
                serving.await.unwrap();
            }
        }
    });
}

pub fn settings(store: &Path) -> Vec<(String, String)> {
    [
        ("INGEST__LISTEN", "127.0.0.1:0"),
        ("CONSOLE__LISTEN", "127.0.0.1:0"),
        ("SOURCES__GITHUB__SECRETS", SECRET),
        ("SOURCES__JENKINS__SECRETS", SECRET),
        ("STORE__URL", &format!("sqlite://{}", store.display())),
    ]
    .map(|(name, value)| (format!("VALUESTREAM__{name}"), value.to_owned()))
    .to_vec()
}

async fn announce(ingest: SocketAddr, console: SocketAddr) {
    println!("{ingest} {console}");
    let _ = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await;
}

struct Baseline {
    access: Access,
    tagger: Tagger,
    conventions: Conventions,
    jenkins: JenkinsOptions,
    room: Room,
}

fn baseline() -> Router {
    let baseline = Arc::new(Baseline {
        access: Access::Secrets(vec![SECRET.into()]),
        tagger: Tagger::default(),
        conventions: Conventions::default(),
        jenkins: JenkinsOptions::default(),
        room: Room::new(256 << 20),
    });
    let mut router = Router::new();
    for source in Source::ALL {
        let baseline = baseline.clone();
        let route = any(move |request: Request| {
            let baseline = baseline.clone();
            async move { baseline.answer(source, request).await }
        });
        router = router.route(&format!("/{source}"), route);
    }
    router
}

impl Baseline {
    async fn answer(&self, source: Source, request: Request) -> Reply {
        let (head, mut body) = request.into_parts();
        let received_at = clock::now();
        let claims = Head { headers: &head.headers, query: head.uri.query(), now: received_at };
        verify::before_body(source, &self.access, claims).unwrap();
        let Ok(held) = body::read(&mut body, 25 << 20, Duration::from_secs(30), &self.room).await else {
            panic!("unread")
        };
        verify::verify(source, &self.access, claims, &held.bytes).unwrap();
        let context = Context {
            people: false,
            received_at,
            tagger: &self.tagger,
            conventions: &self.conventions,
            jenkins: &self.jenkins,
        };
        let request = sources::Request { headers: &head.headers, body: &held.bytes };
        match sources::parse(source, request, &context).content {
            Ok(Parsed::Used(said)) => {
                Reply::Recorded(said.events.into_iter().map(|e| String::from(e.key)).collect())
            }
            other => panic!("{other:?}"),
        }
    }
}
