//! How many deliveries a second become durable, against a server of the same shape that only reads
//! the body, verifies and parses.
//!
//! `cargo bench --bench ingest` runs everything; `-- --quick` a short version; `-- --help` lists
//! what can be chosen. The server runs in a process of its own on core 0, the load on core 1 (with
//! `taskset`, where there is one). Baseline and durable server take turns in every round, so that
//! a noisy machine is noisy for both; the medians of the rounds are printed.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

#[path = "ingest/load.rs"]
mod load;
#[path = "ingest/payload.rs"]
mod payload;
#[path = "ingest/scale.rs"]
mod scale;
#[path = "ingest/server.rs"]
mod server;

use clap::Parser;

use load::Measured;
use payload::Kind;
use server::{Mode, Server};

#[derive(Parser)]
struct Options {
    /// Internal: be the server
    #[arg(long, hide = true)]
    child: Option<Mode>,
    /// Internal: the server's store
    #[arg(long, hide = true)]
    store: Option<std::path::PathBuf>,
    /// Internal: the load generator runs on its own core already
    #[arg(long, hide = true)]
    pinned: bool,
    /// Rounds; the median is printed
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Deliveries in each measurement
    #[arg(long, default_value_t = 12_000)]
    deliveries: usize,
    /// Connections, one measurement for each
    #[arg(long, value_delimiter = ',', default_value = "1,16,64,256")]
    connections: Vec<usize>,
    /// Items in the store for the measurements of scale
    #[arg(long, default_value_t = 1_000_000)]
    items: usize,
    /// Leave out the measurements of scale
    #[arg(long)]
    no_scale: bool,
    /// A short version of everything
    #[arg(long)]
    quick: bool,
    /// `cargo bench` says this
    #[arg(long, hide = true)]
    bench: bool,
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let mut options = Options::parse();
    if let Some(mode) = options.child {
        return server::run(mode, options.store.as_deref());
    }
    if !options.pinned && server::pin_self() {
        return;
    }
    if options.quick {
        options.rounds = 1;
        options.deliveries = 4_000;
        options.connections = vec![64];
        options.items = 20_000;
    }
    println!(
        "{:<12} {:>5} {:>11} {:>11} {:>6} {:>9} {:>9} {:>9} {:>9} {:>8}",
        "delivery",
        "conns",
        "baseline/s",
        "durable/s",
        "ratio",
        "base p50",
        "p50 ms",
        "base p99",
        "p99 ms",
        "per sync"
    );
    for kind in [Kind::PullRequest, Kind::Jenkins] {
        for &connections in &options.connections {
            compare(kind, connections, &options);
        }
    }
    if !options.no_scale {
        scale::run(options.items, options.deliveries, options.rounds);
    }
}

/// One line of the table.
fn compare(kind: Kind, connections: usize, options: &Options) {
    let mut rounds: Vec<(Measured, Measured, f64)> = Vec::new();
    for round in 0..options.rounds {
        let requests = payload::requests(kind, options.deliveries, round * options.deliveries);
        let baseline = Server::start(Mode::Parse, None);
        let parsed = load::drive(baseline.ingest, &requests, connections);
        drop(baseline);
        let folder = tempfile::tempdir().unwrap();
        let durable = Server::start(Mode::Durable, Some(&folder.path().join("store.db")));
        let stored = load::drive(durable.ingest, &requests, connections);
        let per_sync = durable.deliveries_per_commit();
        rounds.push((parsed, stored, per_sync));
    }
    let of = |value: fn(&(Measured, Measured, f64)) -> f64| median(rounds.iter().map(value).collect());
    println!(
        "{:<12} {:>5} {:>11.0} {:>11.0} {:>6.2} {:>9.2} {:>9.2} {:>9.2} {:>9.2} {:>8.1}",
        kind.name(),
        connections,
        of(|r| r.0.per_second),
        of(|r| r.1.per_second),
        of(|r| r.1.per_second / r.0.per_second),
        of(|r| r.0.p50),
        of(|r| r.1.p50),
        of(|r| r.0.p99),
        of(|r| r.1.p99),
        of(|r| r.2)
    );
}
