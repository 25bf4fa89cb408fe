//! The two stores side by side: how many deliveries a second become durable with SQLite, with one
//! replica over PostgreSQL and with two; and what a delivery costs a store of ten thousand items and
//! of ten million.
//!
//! `cargo bench --bench stores` runs it up to a million items; `-- --items 10000000` goes further and
//! needs some tens of gigabytes below `--folder`. PostgreSQL is started by the benchmark itself, with
//! its defaults but for the size of its cache; nothing is pinned to a core: the database, the
//! replicas and the load share the machine, for every backend.

#![allow(missing_docs, dead_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

#[path = "stores/growth.rs"]
mod growth;
#[path = "ingest/load.rs"]
mod load;
#[path = "ingest/payload.rs"]
mod payload;
#[path = "../tests/it/support/postgres.rs"]
mod postgres;
#[path = "stores/replicas.rs"]
mod replicas;

use std::path::PathBuf;

use clap::Parser;

#[derive(Parser)]
struct Options {
    /// Rounds of the comparison; the median is printed
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Deliveries in each measurement
    #[arg(long, default_value_t = 12_000)]
    deliveries: usize,
    /// Connections of the load
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// How far the stores grow
    #[arg(long, default_value_t = 1_000_000)]
    items: usize,
    /// Where the SQLite store lies
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Leave out the comparison of replicas
    #[arg(long)]
    no_replicas: bool,
    /// Leave out the growth
    #[arg(long)]
    no_growth: bool,
    /// A short version of everything
    #[arg(long)]
    quick: bool,
    /// `cargo bench` says this
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let mut options = Options::parse();
    if options.quick {
        options.rounds = 1;
        options.deliveries = 4_000;
        options.items = 20_000;
    }
    if !options.no_replicas {
        replicas::run(options.rounds, options.deliveries, options.connections);
    }
    if !options.no_growth {
        growth::run(options.items, options.folder.as_deref());
    }
}
