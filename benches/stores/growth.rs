//! What a delivery costs a store as it grows. Pull requests of two thousand repositories are opened,
//! in the order in which they would be; at every power of ten the same three things are measured: new
//! ones, deliveries that merge old ones anywhere in the store, and sealing those.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use valuestream::sources::DeliveryId;
use valuestream::store::postgres::{Access, PostgresStore};
use valuestream::store::sqlite::SqliteStore;
use valuestream::store::{Content, Delivery, Rules, Store};
use valuestream::work::attr::Attr;
use valuestream::work::event::{Cycle, Event, Facts, Outcome, Pointer, Ref, Said};
use valuestream::work::key::{Key, Source};
use valuestream::work::lattice::{self, Latest, Stamp};
use valuestream::work::tags::Tagger;
use valuestream::work::time::Time;

use crate::postgres::Postgres;

/// How many deliveries share a transaction: about what a busy server gathers.
const BATCH: usize = 64;
/// While the store is only filled.
const FILL: usize = 4_096;
/// How many deliveries are measured.
const MEASURED: usize = 16_384;
const REPOSITORIES: usize = 2_000;

fn rules() -> Rules {
    Rules {
        tagger: Arc::new(Tagger::default()),
        environments: Arc::default(),
        settle: 0,
        retention: Default::default(),
    }
}

fn opened_at(n: usize) -> Time {
    // Six hundred a minute.
    Time::parse("2024-01-01T00:00:00Z").unwrap().plus(n as i64 * 100_000)
}

fn key(n: usize) -> Key {
    let (repository, number) = (n % REPOSITORIES, n / REPOSITORIES + 1);
    format!("github:github.com/acme-{}/service-{repository}/pull_request/{number}", repository % 40)
        .parse()
        .unwrap()
}

/// SplitMix64: any number makes another, evenly spread.
fn mix(mut n: u64) -> u64 {
    n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

/// The identity of delivery `n`: as GitHub's, with the time first.
fn id(n: usize) -> DeliveryId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&(n as u64).to_be_bytes());
    id[8..].copy_from_slice(&mix(n as u64).to_be_bytes());
    DeliveryId(id)
}

/// Delivery `at` opens pull request `n`, or closes it.
fn delivery(at: usize, n: usize, closes: bool) -> Delivery {
    let opened = opened_at(n);
    let when = if closes { opened.plus(3_600_000_000) } else { opened };
    let stamp = Stamp::stated(Some(when), 2);
    let mut cycle = Cycle { opened: Some(lattice::Instant::stated(opened)), ..Cycle::default() };
    if closes {
        cycle.closed.insert(when, Latest::new(stamp, Outcome::Merged));
    }
    let mut facts = Facts::cycle(cycle);
    let sha = format!("{:016x}{:016x}{:08x}", mix(n as u64), mix(n as u64 + 1), n as u32);
    facts.attr(stamp, Attr::RefHeadRevision, Some(sha.as_str()));
    facts.attr(stamp, Attr::RefHeadName, Some("feature/faster-checkout"));
    facts.attr(stamp, Attr::ChangeTitle, Some("Let the basket survive a change of currency"));
    facts.attr(stamp, Attr::RepositoryUrl, Some("https://github.com/acme/service"));
    let key = key(n);
    let refs = Ref::commit(&sha).map(|sha| (sha, Pointer::Item(key.clone()))).into_iter().collect();
    let said = Said { events: vec![Event { key, facts }], refs, ..Said::default() };
    Delivery { source: Source::Github, id: id(at), received_at: when, content: Content::Said(said) }
}

pub fn run(items: usize, folder: Option<&Path>) {
    let temporary = tempfile::tempdir().unwrap();
    let folder = folder.unwrap_or(temporary.path());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    println!(
        "\n{:<10} {:>10} {:>12} {:>12} {:>12} {:>12} {:>12}",
        "store", "items", "filled in s", "new, us", "old, us", "seal, us", "bytes/item"
    );
    runtime.block_on(async {
        let path = folder.join("growth.db");
        let store = SqliteStore::open(&path, 256 << 20).unwrap();
        let size = async || file(&path) + file(&path.with_extension("db-wal"));
        grow("sqlite", &store, items, size).await;
        store.close().await;
        remove(&path);
        if let Some(server) = Postgres::start() {
            server.execute("postgres", "ALTER SYSTEM SET shared_buffers = '1GB'").await;
            server.execute("postgres", "ALTER SYSTEM SET max_wal_size = '4GB'").await;
            let mut server = server;
            server.stop();
            server.restart();
            let url = server.database().await;
            let access = Access { password: None, authorities: None, connections: 4 };
            let store = PostgresStore::open(&url.parse().unwrap(), &access).await.unwrap();
            let client = server.connect(url.rsplit_once('/').unwrap().1).await;
            let size = async || {
                let row = client.query_one("SELECT pg_database_size(current_database())", &[]).await.unwrap();
                row.get::<_, i64>(0) as u64
            };
            grow("postgres", &store, items, size).await;
            store.close().await;
        }
    });
}

fn file(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |file| file.len())
}

fn remove(path: &Path) {
    let wal = |suffix: &str| PathBuf::from(format!("{}{suffix}", path.display()));
    for file in [path.to_owned(), wal("-wal"), wal("-shm")] {
        let _ = std::fs::remove_file(file);
    }
}

async fn grow<S: Store>(name: &str, store: &S, items: usize, size: impl AsyncFn() -> u64) {
    let (mut there, mut delivered) = (0, 0);
    let mut goal = 10_000;
    while goal <= items {
        let begun = Instant::now();
        while there + 2 * MEASURED < goal.max(2 * MEASURED + 1) {
            let batch = FILL.min(goal - there);
            commit(store, (0..batch).map(|n| delivery(delivered + n, there + n, false)).collect()).await;
            there += batch;
            delivered += batch;
        }
        let filled = begun.elapsed().as_secs_f64();
        let new = measure(store, |n| delivery(delivered + n, there + n, false)).await;
        there += MEASURED;
        delivered += MEASURED;
        let old = measure(store, |n| {
            let which = mix((delivered + n) as u64) as usize % there;
            delivery(delivered + n, which, true)
        })
        .await;
        delivered += MEASURED;
        let sealed = seal(store, opened_at(there).plus(7_200_000_000)).await;
        println!(
            "{name:<10} {there:>10} {filled:>12.0} {new:>12.1} {old:>12.1} {sealed:>12.1} {:>12}",
            size().await / there as u64
        );
        goal *= 10;
    }
}

async fn commit<S: Store>(store: &S, batch: Vec<Delivery>) {
    store.commit(batch, &rules()).await.unwrap();
}

/// Microseconds for an item that is sealed, in slices as the server does it.
async fn seal<S: Store>(store: &S, now: Time) -> f64 {
    let backends = ["main".to_owned()];
    let (begun, mut items) = (Instant::now(), 0);
    loop {
        let sealed = store.seal(now, BATCH, &backends, &rules()).await.unwrap();
        items += sealed.items;
        if sealed.items == 0 {
            assert!(items > MEASURED / 2, "{items} were due");
            return begun.elapsed().as_secs_f64() * 1e6 / items as f64;
        }
    }
}

/// Microseconds for a delivery, in batches as a busy server has them.
async fn measure<S: Store>(store: &S, delivery: impl Fn(usize) -> Delivery) -> f64 {
    let batches: Vec<Vec<Delivery>> =
        (0..MEASURED).step_by(BATCH).map(|from| (from..from + BATCH).map(&delivery).collect()).collect();
    let begun = Instant::now();
    for batch in batches {
        commit(store, batch).await;
    }
    begun.elapsed().as_secs_f64() * 1e6 / MEASURED as f64
}
