//! The real program over either store, one process or two, under the same load in turns.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::thread;

use crate::load::{self, Measured};
use crate::payload::{self, Kind, SECRET};
use crate::postgres::Postgres;

/// What is compared.
const SETUPS: [&str; 3] = ["sqlite, 1 process", "postgres, 1 replica", "postgres, 2 replicas"];

struct Replica {
    child: Child,
    ingest: SocketAddr,
}

impl Replica {
    fn start(url: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_valuestream"))
            .arg("serve")
            .env("VALUESTREAM__INGEST__LISTEN", "127.0.0.1:0")
            .env("VALUESTREAM__CONSOLE__LISTEN", "127.0.0.1:0")
            .env("VALUESTREAM__SOURCES__GITHUB__SECRETS", SECRET)
            .env("VALUESTREAM__SOURCES__JENKINS__SECRETS", SECRET)
            .env("VALUESTREAM__STORE__URL", url)
            .env("VALUESTREAM__LOG__FORMAT", "json")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let ingest = loop {
            let line = lines.next().unwrap().unwrap();
            let Ok(told) = serde_json::from_str::<serde_json::Value>(&line) else { continue };
            if let Some(address) = told.pointer("/fields/ingest").or(told.get("ingest")) {
                break address.as_str().unwrap().parse().unwrap();
            }
        };
        // What it says later must not fill the pipe.
        thread::spawn(move || lines.for_each(drop));
        Self { child, ingest }
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn run(rounds: usize, deliveries: usize, connections: usize) {
    let Some(server) = Postgres::start() else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    println!(
        "{:<14} {:<22} {:>10} {:>7} {:>9} {:>9}",
        "delivery", "store", "durable/s", "ratio", "p50 ms", "p99 ms"
    );
    for kind in [Kind::PullRequest, Kind::Jenkins] {
        let mut measured: [Vec<Measured>; 3] = Default::default();
        for round in 0..rounds {
            let requests = payload::requests(kind, deliveries, round * deliveries);
            for (setup, measured) in measured.iter_mut().enumerate() {
                let folder = tempfile::tempdir().unwrap();
                let url = match setup {
                    0 => format!("sqlite://{}", folder.path().join("store.db").display()),
                    _ => runtime.block_on(server.database()),
                };
                let replicas: Vec<Replica> = (0..setup.max(1)).map(|_| Replica::start(&url)).collect();
                measured.push(drive(&replicas, &requests, connections));
            }
        }
        let median = |setup: usize, value: fn(&Measured) -> f64| {
            let mut values: Vec<f64> = measured[setup].iter().map(value).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        let baseline = median(0, |m| m.per_second);
        for (setup, name) in SETUPS.iter().enumerate() {
            println!(
                "{:<14} {name:<22} {:>10.0} {:>7.2} {:>9.2} {:>9.2}",
                kind.name(),
                median(setup, |m| m.per_second),
                median(setup, |m| m.per_second) / baseline,
                median(setup, |m| m.p50),
                median(setup, |m| m.p99)
            );
        }
    }
}

/// All replicas at the same time, each with its share of the connections and of the deliveries.
fn drive(replicas: &[Replica], requests: &[Vec<u8>], connections: usize) -> Measured {
    let share = requests.len().div_ceil(replicas.len());
    let parts: Vec<Measured> = thread::scope(|scope| {
        let driven: Vec<_> = replicas
            .iter()
            .zip(requests.chunks(share))
            .map(|(replica, part)| {
                scope.spawn(move || load::drive(replica.ingest, part, connections / replicas.len()))
            })
            .collect();
        driven.into_iter().map(|part| part.join().unwrap()).collect()
    });
    let worst = |value: fn(&Measured) -> f64| parts.iter().map(value).fold(0.0, f64::max);
    // As fast as the slowest share: together they are done when the last one is.
    let slowest = parts.iter().map(|part| part.per_second).fold(f64::INFINITY, f64::min);
    Measured {
        per_second: slowest * replicas.len() as f64,
        p50: worst(|m| m.p50),
        p99: worst(|m| m.p99),
        longest: worst(|m| m.longest),
    }
}
