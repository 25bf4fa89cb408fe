//! Chaos: two replicas of the real binary over one real PostgreSQL, senders that insist, a real OTLP
//! receiver, and everything between and below them broken again and again, by chance and by a seed. At the
//! end nothing that was answered may be missing, nothing may have counted twice, and every item must be what
//! one undisturbed process makes of the same deliveries.
//!
//! `VALUESTREAM_SEED` gives the seed, `VALUESTREAM_FAULTS` the number of faults.

mod check;
mod disk;
mod faults;
mod load;
mod proxy;
mod replica;
mod rolling;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tokio::sync::watch;
use tokio::task::JoinSet;
use valuestream::insight::observation::Observation;
use valuestream::show::Show;
use valuestream::store::postgres::{Access, PostgresStore};
use valuestream::store::{Rules, Stale, Store};

use self::check::Oracle;
use self::faults::{World, deck};
use self::load::{Client, Seen};
use crate::support::postgres::miscounted;
use crate::support::program;

/// How many faults a run has if nobody asks for more.
const FAULTS: usize = 200;
/// How many times the faults stop for all to be looked at.
const QUIET_POINTS: usize = 2;
/// How many commits, and as many answers, are lost before anything worse happens.
const LOST: usize = 8;
/// How many senders live lives at the same time.
const CLIENTS: u64 = 4;
/// How long everything may take to be exported once all is well: a lease of the dead runs for half a minute,
/// and a backend that was down is left alone for a while.
const DRAINED_WITHIN: Duration = Duration::from_secs(120);

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap())
}

/// Tells what is to be told even where the output of tests is captured.
fn tell(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Tells how to do a run again, if it fails.
struct Seeded(&'static str, u64);

impl Drop for Seeded {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tell(&format!("{} failed with VALUESTREAM_SEED={}\n", self.0, self.1));
        }
    }
}

/// A seed: the one that is asked for, or another one each time.
fn seed(name: &'static str) -> (u64, Seeded) {
    let seed = from_environment("VALUESTREAM_SEED").unwrap_or_else(rand::random);
    (seed, Seeded(name, seed))
}

/// Waits until all that is finished has been exported and all that changed has been observed.
async fn drained(world: &World) {
    let past = world.past().await;
    let counts = "SELECT (SELECT count(*) FROM items WHERE due_at IS NOT NULL), (SELECT count(*) FROM outbox),
                         (SELECT count(*) FROM items) - (SELECT count(*) FROM observations)
                           + (SELECT count(*) FROM stale),
                         (SELECT string_agg(DISTINCT concat_ws(' ', attempts, holder, leased_until), ', ') FROM outbox)";
    let begun = tokio::time::Instant::now();
    loop {
        let row = past.query_one(counts, &[]).await.unwrap();
        let left: [i64; 3] = [row.get(0), row.get(1), row.get(2)];
        if left == [0; 3] {
            return;
        }
        assert!(
            begun.elapsed() < DRAINED_WITHIN,
            "due, in the outbox, not observed: {left:?}, held by {:?}",
            row.get::<_, Option<String>>(3)
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Has commits and their answers lost, one at a time: each is tried again, and no sender is told of it.
async fn lose_some(world: &mut World, clients: impl Fn(u64) -> Client) -> Seen {
    let (go_on, going_on) = watch::channel(true);
    let sending: JoinSet<Seen> = (0..CLIENTS).map(|n| clients(n).live(900 + n, going_on.clone())).collect();
    for _ in 0..LOST {
        assert!(world.replicas[0].proxy.lose_an_answer().await);
        assert!(world.replicas[1].proxy.lose_a_commit().await);
    }
    go_on.send_replace(false);
    let mut seen = Seen::default();
    sending.join_all().await.into_iter().for_each(|one| seen.add(one));
    assert_eq!((seen.put_off, seen.unanswered), (0, 0), "put off, unanswered");
    seen
}

/// Waits until a replica that lives has the role of observing: one that was killed may stand there still.
async fn somebody_observes(past: &tokio_postgres::Client) {
    let until =
        "SELECT coalesce(extract(epoch FROM held_until)::bigint, 0) FROM roles WHERE name = 'observe'";
    let held = async || past.query_one(until, &[]).await.unwrap().get::<_, i64>(0);
    let (before, begun) = (held().await, tokio::time::Instant::now());
    while held().await <= before {
        assert!(begun.elapsed() < DRAINED_WITHIN, "nobody renews the role");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// What insight keeps of each item is what would be made of it now. Of its place in the trace no more is known
/// than when it was observed; that is looked at again after a while.
async fn every_observation_is_up_to_date(store: &PostgresStore, rules: &Rules) {
    let kept: BTreeMap<i64, Observation> =
        store.observations(i64::MIN, 1_000_000).await.unwrap().observations.into_iter().collect();
    store.observed_with([0; 32]).await.unwrap();
    let made = store.stale(i64::MIN, 1_000_000, rules).await.unwrap();
    assert_eq!(made.len(), kept.len());
    for Stale { item, observation, .. } in made {
        let (mut kept, mut now) = (kept[&item].clone(), observation.unwrap());
        for one in [&mut kept, &mut now] {
            (one.ancestors, one.links) = Default::default();
        }
        assert_eq!(kept, now);
    }
}

/// What a command says about the store of the replicas.
fn command(world: &World, arguments: &[&str]) -> String {
    let url = ("VALUESTREAM__STORE__URL".to_owned(), world.postgres.url(&world.database));
    let output = tokio::task::block_in_place(|| program::run(arguments, &[url]));
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What was set aside is found, and passes when it is sent again.
async fn retry_what_was_rejected(world: &World) -> usize {
    let past = world.past().await;
    let set_aside: i64 = past.query_one("SELECT count(*) FROM rejected", &[]).await.unwrap().get(0);
    let listed = command(world, &["exports", "list", "--json"]);
    assert_eq!(listed.lines().count() as i64, set_aside);
    assert!(listed.lines().all(|line| line.contains("too long, says chaos")), "{listed}");
    let retried = command(world, &["exports", "retry", "--all"]);
    assert_eq!(retried, format!("{set_aside} back in the outbox\n"));
    drained(world).await;
    set_aside as usize
}

/// The store of the replicas, past the proxies.
async fn store_of(world: &World) -> PostgresStore {
    let access = Access { password: None, authorities: None, connections: 4 };
    let url = world.postgres.url(&world.database).parse().unwrap();
    PostgresStore::open(&url, &access).await.unwrap()
}

/// All is well, and as it must be.
async fn look(world: &World, oracle: &Oracle, seen: &Seen) -> String {
    drained(world).await;
    let set_aside = retry_what_was_rejected(world).await;
    let past = world.past().await;
    assert_eq!(miscounted(&past).await, [] as [String; 0], "told, counted");
    let column = async |sql: &str| past.query(sql, &[]).await.unwrap();
    let ids: BTreeSet<Vec<u8>> =
        column("SELECT id FROM deliveries").await.iter().map(|row| row.get(0)).collect();
    assert_eq!(ids.len(), oracle.ids.len(), "deliveries");
    assert_eq!(ids, oracle.ids, "each delivery that was answered is there once, and no other");
    let keys: BTreeSet<String> = column("SELECT key FROM items").await.iter().map(|row| row.get(0)).collect();
    assert_eq!(keys, oracle.keys.iter().map(|key| key.as_str().to_owned()).collect());

    let store = store_of(world).await;
    let items = oracle.compare(&store).await;
    let quietly: Arc<dyn Show> = Arc::new(());
    assert_eq!(store.check(&["default".to_owned()], &quietly).await.unwrap().findings, []);
    for (key, root) in &seen.roots {
        assert_eq!(items[key].1.as_ref().map(|pin| &pin.root), Some(root), "{key}");
    }
    store.close().await;
    let spans = world.receiver.spans();
    let came = check::one_content_each(&spans, &items);
    check::every_episode_arrived(&spans, &items);
    format!(
        "{} deliveries recorded, {} of them known only by a duplicate since the answer was lost; {} duplicates, \
         {} ignored, {} put off, {} unanswered; {} items, {} spans, {} sent twice, {set_aside} entries set aside and retried",
        ids.len(),
        seen.stored_unanswered,
        seen.duplicates,
        seen.ignored,
        seen.put_off,
        seen.unanswered,
        items.len(),
        came.ids,
        came.twice,
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whatever_breaks_nothing_that_was_answered_is_lost_or_told_otherwise() {
    let (seed, _seeded) = seed("chaos");
    let begun = std::time::Instant::now();
    let folder = tempfile::Builder::new().prefix("valuestream-chaos-").tempdir().unwrap();
    let Some(mut world) = World::new(seed, folder.path()).await else { return };
    let faults = from_environment("VALUESTREAM_FAULTS").map_or(FAULTS, |faults| faults as usize);
    let deck = deck(faults, &mut ChaCha8Rng::seed_from_u64(seed));
    let (mut oracle, mut seen) = (Oracle::new(), Seen::default());
    let mut summary = String::new();
    // An hour apart from the beginning.
    world.replicas[1].step_clock(3600);
    let addresses = world.addresses.clone();
    let first = lose_some(&mut world, |n| Client::new(seed ^ (1000 + n), addresses.clone())).await;
    oracle.fold(&first.deliveries).await;
    seen.add(first);
    for (phase, part) in (0..).zip(deck.chunks(deck.len().div_ceil(QUIET_POINTS))) {
        let (go_on, going_on) = watch::channel(true);
        let client = |n: u64| Client::new(seed ^ (phase * 100 + n + 1), world.addresses.clone());
        let mut clients: JoinSet<Seen> =
            (0..CLIENTS).map(|n| client(n).live(1000 + phase * 100 + n, going_on.clone())).collect();
        if phase == 0 {
            clients.spawn(client(99).tell(seed));
        }
        for fault in part {
            world.inject(*fault).await;
        }
        go_on.send_replace(false);
        world.heal();
        let mut phase_seen = Seen::default();
        clients.join_all().await.into_iter().for_each(|one| phase_seen.add(one));
        oracle.fold(&phase_seen.deliveries).await;
        seen.add(phase_seen);
        summary = look(&world, &oracle, &seen).await;
    }
    let deadlocks = world.deadlocks().await;
    tell(&format!(
        "\nchaos, seed {seed}, {:.0?}: {summary}; {deadlocks} deadlocks\n{}",
        begun.elapsed(),
        world.table()
    ));
    assert_eq!(deadlocks, 0);
    assert!(world.total() * 10 >= faults * 9, "most of what was planned came about:\n{}", world.table());
    assert!(seen.recorded > faults, "{summary}");
    somebody_observes(&world.past().await).await;
    for replica in &mut world.replicas {
        replica.terminate();
    }
    // The other role is taken for a walk now and then: one who was killed on it may still stand there.
    let left = "SELECT count(*) FROM roles WHERE name = 'observe' AND holder IS NOT NULL";
    let left: i64 = world.past().await.query_one(left, &[]).await.unwrap().get(0);
    assert_eq!(left, 0, "whoever ends cleanly leaves nothing behind");
    let store = store_of(&world).await;
    every_observation_is_up_to_date(&store, &oracle.rules).await;
    store.close().await;
}
