//! What questions cost: loading at start, selecting, grouping, correlating, and a whole page, for
//! ten thousand, a hundred thousand and a million finished items of 25 tags; and what it costs to find
//! out what became of so many deploys and changes.
//!
//! `taskset -c 0 cargo bench --bench insight` runs everything on one core; `-- --items 10000` chooses
//! sizes. Each figure is the median of the rounds. Baselines, measured in the same run: for whatever
//! walks over one column, one pass over a million codes that adds seconds up by value, the least
//! that a group-by must do; for correlations, as many passes as there are columns and pairs of columns.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

#[path = "insight/deliveries.rs"]
mod deliveries;
#[path = "insight/items.rs"]
mod items;

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use valuestream::config::Config;
use valuestream::console::{self, Console};
use valuestream::insight::cohort::{Cohort, basis};
use valuestream::insight::correlate::{self, Options as Correlating};
use valuestream::insight::delivery::{History, Scope};
use valuestream::insight::desk::Desk;
use valuestream::insight::live::Live;
use valuestream::insight::population::Population;
use valuestream::insight::query::{DAY, Measure, Query, Tier};
use valuestream::insight::reports::Reports;
use valuestream::insight::{groups, latency, sampling, trend};
use valuestream::store::sqlite::SqliteStore;
use valuestream::store::{Rules, Store};
use valuestream::telemetry::Metrics;

#[derive(Parser)]
struct Options {
    /// How many items, one measurement for each
    #[arg(long, value_delimiter = ',', default_value = "10000,100000,1000000")]
    items: Vec<usize>,
    /// How many deploys, with as many changes
    #[arg(long, default_value_t = 27_000)]
    deploys: u64,
    /// Rounds; the median is printed
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// `cargo bench` says this
    #[arg(long, hide = true)]
    bench: bool,
}

fn median(rounds: usize, mut work: impl FnMut() -> Duration) -> f64 {
    let mut times: Vec<f64> = (0..rounds).map(|_| work().as_secs_f64() * 1e3).collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let begun = Instant::now();
    black_box(work());
    begun.elapsed()
}

fn line(what: &str, milliseconds: f64, baseline: Option<f64>) {
    let ratio = baseline.map(|baseline| format!("{:8.1}", milliseconds / baseline)).unwrap_or_default();
    println!("{what:<44} {milliseconds:>10.2} ms {ratio}");
}

/// The memory that the process takes, in MiB.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: f64 = line.and_then(|l| l.split_whitespace().next()?.parse().ok()).unwrap_or_default();
    kib / 1024.0
}

fn main() {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    for n in options.items.iter().copied() {
        runtime.block_on(measure(n, options.rounds));
    }
    runtime.block_on(measure_deliveries(options.deploys, options.rounds));
}

/// The store's rules, and a store of its own in `folder`.
fn fresh(folder: &Path, config: &Config) -> (SqliteStore, Rules) {
    let rules = Rules {
        tagger: Arc::new(config.tagger().unwrap()),
        environments: Arc::new(config.environments().unwrap()),
        settle: 0,
        retention: Default::default(),
    };
    (SqliteStore::open(&folder.join("insight.db"), 32 << 20).unwrap(), rules)
}

/// The history of all deploys and changes, and the reports that are made of it: the first that is asked
/// for makes it, the others find it.
async fn measure_deliveries(n: u64, rounds: usize) {
    let config = Config::load(None, items::environment()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (store, rules) = fresh(folder.path(), &config);
    deliveries::commit(&store, n, &rules).await;
    items::observe(&store, &rules).await;
    let store = Arc::new(store);
    let live = Arc::new(Live::new(config.insight().unwrap()));
    live.load_all(&*store, &rules).await.unwrap();
    println!("\n{n} deploys, and as many changes");
    let history = || History::of(&live.read(), &Scope::production());
    line("history of all deploys and changes", median(rounds, || timed(history)), None);
    let mut counts = Vec::new();
    for _ in 0..rounds.max(100) {
        let begun = Instant::now();
        black_box(store.stats().await.unwrap());
        counts.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    counts.sort_by(f64::total_cmp);
    line("the store's counts", counts[counts.len() / 2], None);
    let mut times: [Vec<f64>; 4] = Default::default();
    for round in 0..rounds {
        // A desk of its own has nothing remembered.
        let desk = Desk::new(store.clone(), live.clone(), None);
        let mut query = query();
        (query.group, query.from) = (None, query.to.plus(-(100 + round as i64) * DAY));
        macro_rules! ask {
            ($at:literal, $name:ident) => {{
                let begun = Instant::now();
                black_box(desk.$name(&query).await.unwrap());
                times[$at].push(begun.elapsed().as_secs_f64() * 1e3);
            }};
        }
        ask!(0, summary);
        ask!(1, dora);
        ask!(2, stages);
        let desk = Desk::new(store.clone(), live.clone(), None);
        let begun = Instant::now();
        black_box(tokio::try_join!(desk.summary(&query), desk.dora(&query), desk.stages(&query)).unwrap());
        times[3].push(begun.elapsed().as_secs_f64() * 1e3);
    }
    let names = [
        "  report: summary, the first",
        "  report: dora, after it",
        "  report: stages, after it",
        "  the three at once",
    ];
    for (name, mut times) in names.into_iter().zip(times) {
        times.sort_by(f64::total_cmp);
        line(name, times[times.len() / 2], None);
    }
}

async fn measure(n: usize, rounds: usize) {
    let config = Config::load(None, items::environment()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (store, rules) = fresh(folder.path(), &config);
    let begun = Instant::now();
    items::commit(&store, n, &rules).await;
    let committed = begun.elapsed();
    let begun = Instant::now();
    items::observe(&store, &rules).await;
    let observed = begun.elapsed();
    println!("\n{n} items of 25 tags");
    println!("{:<44} {:>13} {:>8}", "", "median", "baseline");
    let micros = |time: Duration| time.as_secs_f64() * 1e6 / n as f64;
    println!("{:<44} {:>10.1} µs", "commit, each", micros(committed));
    println!("{:<44} {:>10.1} µs", "observe, each", micros(observed));

    let store = Arc::new(store);
    let before = resident();
    let live = Arc::new(Live::new(config.insight().unwrap()));
    let begun = Instant::now();
    live.load_all(&*store, &rules).await.unwrap();
    line("load at start", begun.elapsed().as_secs_f64() * 1e3, None);
    println!(
        "{:<44} {:>10.1} MiB ({:.1} of it counted)",
        "memory",
        resident() - before,
        live.read().bytes() as f64 / 1048576.0
    );
    assert_eq!(live.read().rows(), n);
    {
        let population = live.read();
        walks(&population, rounds);
    }
    page(n, store, live, &config, rounds).await;
}

fn query() -> Query {
    let mut query = Query::new(items::end());
    query.from = query.to.plus(-400 * DAY);
    query.group = Some("team".to_owned());
    query
}

fn walks(population: &Population, rounds: usize) {
    let query = query();
    let cohort = Cohort::select(population, &query).unwrap();
    let codes = population.dimension("team").unwrap().codes().gather(&cohort.rows);
    let pass = || {
        let mut sums = [0.0; 256];
        for (code, seconds) in codes.iter().zip(&cohort.seconds) {
            sums[(*code & 255) as usize] += seconds;
        }
        sums
    };
    let baseline = median(rounds, || timed(pass));
    line("baseline: one pass over one column", baseline, None);
    let basis = || basis(&query, Tier::Any, query.to, 0);
    line("select and sort", median(rounds, || timed(|| Cohort::select(population, &query))), Some(baseline));
    let histogram = || latency::latency(population, &cohort, &query, basis());
    line("histogram and quantiles", median(rounds, || timed(histogram)), Some(baseline));
    let grouped = || groups::groups(population, &cohort, &query, basis());
    line("group by one key", median(rounds, || timed(grouped)), Some(baseline));
    let lines = || trend::trend(population, &cohort, &query, basis());
    line("trend by week of eight groups", median(rounds, || timed(lines)), Some(baseline));
    line(
        "keys and their values",
        median(rounds, || timed(|| groups::tags(population, &cohort, basis()))),
        None,
    );

    let sample = sampling::sample(population, &cohort, Measure::Latency, None);
    let columns = sample.columns.len() as f64;
    let passes = baseline * (columns + columns * (columns - 1.0) / 2.0);
    let took = median(rounds, || timed(|| sampling::sample(population, &cohort, Measure::Latency, None)));
    line("correlations: gather the columns", took, Some(passes));
    let correlated = || correlate::correlate(&sample, Measure::Latency, None, &Correlating::default());
    line("correlations: singles and pairs", median(rounds, || timed(correlated)), Some(passes));
    println!("{:<44} {:>10.2} ms", "  (baseline: a pass per column and pair)", passes);
}

/// Each report that the page takes, of a question that was not asked before.
async fn reports(desk: &Desk<SqliteStore>, rounds: usize) {
    macro_rules! each {
        ($($name:ident),*) => {$({
            let mut times = Vec::new();
            for round in 0..rounds {
                let mut query = query();
                query.from = query.to.plus(-(500 + round as i64) * DAY);
                // The items are known from the report before it; so they are on the page.
                desk.latency(&query).await.unwrap();
                let begun = Instant::now();
                black_box(desk.$name(&query).await.unwrap());
                times.push(begun.elapsed().as_secs_f64() * 1e3);
            }
            times.sort_by(f64::total_cmp);
            line(concat!("  report: ", stringify!($name)), times[times.len() / 2], None);
        })*};
    }
    each!(summary, groups, trend, dora, stages, wip, quality, tags, items);
}

/// The page over HTTP: the first time after a change, and then again.
async fn page(n: usize, store: Arc<SqliteStore>, live: Arc<Live>, config: &Config, rounds: usize) {
    let desk = Desk::new(store.clone(), live, None);
    reports(&desk, rounds).await;
    let console = Console {
        store,
        ingest: String::new(),
        reports: Arc::new(desk),
        metrics: Metrics::new(),
        gate: console::Gate::new(&config.console, Vec::new()),
        draining: Arc::default(),
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = console::router(Arc::new(console));
    let stop = tokio_util::sync::CancellationToken::new();
    let limits =
        valuestream::ingest::server::Limits { connections: 8, header_timeout: Duration::from_secs(10) };
    let serving = tokio::spawn(valuestream::ingest::server::serve(
        listener,
        router,
        limits,
        stop.clone(),
        Duration::ZERO,
    ));
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::new();
    let mut first = Vec::new();
    let mut again = Vec::new();
    for round in 0..rounds {
        // Another range is another question: nothing of it is remembered.
        let from = items::end().plus(-(400 + round as i64) * DAY);
        let url = format!("http://{address}/?from={from}&to={}", items::end());
        for times in [&mut first, &mut again] {
            let begun = Instant::now();
            let answer = client.get(&url).send().await.unwrap();
            assert_eq!(answer.status(), 200);
            black_box(answer.bytes().await.unwrap());
            times.push(begun.elapsed().as_secs_f64() * 1e3);
        }
    }
    for (what, mut times) in [("the page, first time", first), ("the page, again", again)] {
        times.sort_by(f64::total_cmp);
        line(what, times[times.len() / 2], None);
    }
    let _ = n;
    stop.cancel();
    let _ = serving.await;
}
