//! The same with very many open items in the store: speed, time to start, memory, bytes on disk;
//! and how fast finished items leave for a backend.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use valuestream::clock;
use valuestream::sources::jenkins::JenkinsOptions;
use valuestream::sources::{self, Context, Parsed};
use valuestream::store::sqlite::SqliteStore;
use valuestream::store::{Content, Delivery, Rules, Store};
use valuestream::work::convention::Conventions;
use valuestream::work::key::Source;
use valuestream::work::tags::Tagger;

use super::load::{self, Measured};
use super::payload::{self, Kind};
use super::server::{Mode, Server};

const SMALL: usize = 1_000;
const CONNECTIONS: usize = 64;

pub fn run(items: usize, deliveries: usize, rounds: usize) {
    let folder = tempfile::tempdir().unwrap();
    let (small, large) = (folder.path().join("small.db"), folder.path().join("large.db"));
    fill(&small, SMALL);
    let begun = Instant::now();
    fill(&large, items);
    let bytes = std::fs::metadata(&large).unwrap().len();
    println!(
        "\n{items} open pull requests written in {:.0} s: {} bytes on disk for each",
        begun.elapsed().as_secs_f64(),
        bytes / items as u64
    );

    println!(
        "\n{:>9} {:>9} {:>11} {:>11} {:>11} {:>9} {:>9} {:>10}",
        "items", "ready ms", "RSS KiB", "then", "durable/s", "p50 ms", "p99 ms", "longest ms"
    );
    let mut first = 10_000_000;
    for _ in 0..rounds {
        for (path, items) in [(&small, SMALL), (&large, items)] {
            // New pull requests each time, so that both stores grow by the same.
            let requests = payload::requests(Kind::PullRequest, deliveries, first);
            first += deliveries;
            let server = Server::start(Mode::Durable, Some(path));
            let before = server.memory("VmRSS");
            let Measured { per_second, p50, p99, longest } =
                load::drive(server.ingest, &requests, CONNECTIONS);
            println!(
                "{items:>9} {:>9.0} {before:>11.0} {:>11.0} {per_second:>11.0} {p50:>9.2} {p99:>9.2} {longest:>10.1}",
                server.ready_after.as_secs_f64() * 1e3,
                server.memory("VmRSS")
            );
        }
    }
    export(&folder.path().join("export.db"), deliveries);
}

/// Fills a store with open pull requests, as their deliveries would.
fn fill(path: &Path, items: usize) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = SqliteStore::open(path, 256 << 20).unwrap();
        let rules = Rules {
            tagger: Arc::new(Tagger::default()),
            environments: Arc::default(),
            settle: 0,
            retention: Default::default(),
        };
        for from in (0..items).step_by(1_000) {
            let batch = (from..items.min(from + 1_000)).map(opened).collect();
            store.commit(batch, &rules).await.unwrap();
        }
        store.close().await;
    });
}

/// What the opening of pull request `n` says.
fn opened(n: usize) -> Delivery {
    let body = payload::pull_request(n * 2);
    let mut headers = HeaderMap::new();
    headers.insert("x-github-event", "pull_request".parse().unwrap());
    headers.insert("x-github-delivery", payload::guid(n * 2).parse().unwrap());
    let (tagger, conventions, jenkins) =
        (Tagger::default(), Conventions::default(), JenkinsOptions::default());
    let context = Context {
        people: false,
        received_at: clock::now(),
        tagger: &tagger,
        conventions: &conventions,
        jenkins: &jenkins,
    };
    let parsed = sources::parse(
        Source::Github,
        sources::Request { headers: &headers, body: body.as_bytes() },
        &context,
    );
    let Ok(Parsed::Used(said)) = parsed.content else { panic!("{:?}", parsed.content) };
    Delivery {
        source: Source::Github,
        id: parsed.id,
        received_at: clock::now(),
        content: Content::Said(said),
    }
}

/// How fast what is due is sealed and sent over OTLP/HTTP to a receiver that decodes it.
fn export(path: &Path, deliveries: usize) {
    let requests = payload::requests(Kind::PullRequest, deliveries, 0);
    let server = Server::start_with(Mode::Durable, Some(path), &[("VALUESTREAM__EXPORT__SETTLE", "0s")]);
    load::drive(server.ingest, &requests, CONNECTIONS);
    drop(server);

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let taken = Arc::new(AtomicUsize::new(0));
    let address: SocketAddr = runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/v1/traces", post(take)).with_state(taken.clone());
        let limits =
            valuestream::ingest::server::Limits { connections: 16, header_timeout: Duration::from_secs(10) };
        tokio::spawn(valuestream::ingest::server::serve(
            listener,
            router,
            limits,
            Default::default(),
            Duration::ZERO,
        ));
        address
    });
    let endpoint = format!("http://{address}");
    let begun = Instant::now();
    let settings = [
        ("VALUESTREAM__EXPORT__ENDPOINT", endpoint.as_str()),
        ("VALUESTREAM__EXPORT__COMPRESSION", "none"),
        ("VALUESTREAM__EXPORT__SETTLE", "0s"),
    ];
    let _server = Server::start_with(Mode::Durable, Some(path), &settings);
    while taken.load(Ordering::Relaxed) < deliveries / 2 {
        std::thread::sleep(Duration::from_millis(5));
        assert!(begun.elapsed() < Duration::from_secs(300), "{} arrived", taken.load(Ordering::Relaxed));
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "\n{} finished items sealed and exported in {seconds:.2} s: {:.0} a second",
        deliveries / 2,
        (deliveries / 2) as f64 / seconds
    );
}

async fn take(State(taken): State<Arc<AtomicUsize>>, body: Bytes) {
    let request = ExportTraceServiceRequest::decode(body).unwrap();
    let spans = request.resource_spans.iter().flat_map(|r| &r.scope_spans).map(|s| s.spans.len()).sum();
    taken.fetch_add(spans, Ordering::Relaxed);
}
