//! Two stores over one database: what one does counts for the other, and what only one may do is
//! done by one.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::super::super::contract::{delivery, rules};
use super::server::{Postgres, miscounted};
use super::*;
use crate::work::event::{Life, Outcome, Said};
use crate::work::testing::{acme, at, cycle, run};

/// Two replicas, and a connection past them; `None` where there is no server.
pub(super) async fn pair() -> Option<(PostgresStore, PostgresStore, tokio_postgres::Client)> {
    let server = Postgres::shared()?;
    let url = server.database().await;
    let past = server.connect(url.rsplit('/').next().unwrap()).await;
    Some((open(&url).await, open(&url).await, past))
}

fn identified(number: u32, said: Said) -> Delivery {
    let mut delivery = delivery(0, 0, said);
    delivery.id.0[..4].copy_from_slice(&number.to_be_bytes());
    delivery
}

fn says(event: crate::work::event::Event) -> Said {
    Said { events: vec![event], ..Said::default() }
}

pub(super) fn opened(number: u32) -> Delivery {
    identified(number, says(cycle(acme(&format!("issue/{number}")), 0, &[], &[])))
}

fn ended(number: u32) -> Delivery {
    identified(number, says(run(acme(&format!("build/{number}.1")), 0, Some((60, Outcome::Success)))))
}

fn backends() -> [String; 1] {
    ["main".to_owned()]
}

/// So many entries in the outbox.
async fn sealed(store: &PostgresStore, entries: u32) {
    store.commit((0..entries).map(ended).collect(), &rules()).await.unwrap();
    let sealed = store.seal(at(100), 1000, &backends(), &rules()).await.unwrap();
    assert_eq!(sealed.items, entries as usize);
}

fn ids(leased: &[Leased]) -> Vec<i64> {
    leased.iter().map(|entry| entry.id).collect()
}

const EXPIRE: &str = "UPDATE outbox SET leased_until = now() - interval '1 second'";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_by_two_replicas_to_the_same_new_items_lose_nothing() {
    let Some((one, other, past)) = pair().await else { return };
    let stores = [Arc::new(one), Arc::new(other)];
    let start = Arc::new(tokio::sync::Barrier::new(100));
    let tasks = (0..100u32).map(|n| {
        let (store, start) = (stores[n as usize % 2].clone(), start.clone());
        tokio::spawn(async move {
            // Two items, in an order of its own.
            let reopened = |issue: u32| cycle(acme(&format!("issue/{issue}")), 0, &[], &[i64::from(n) + 1]);
            let mut events = vec![reopened(1), reopened(2)];
            if n % 3 == 0 {
                events.reverse();
            }
            start.wait().await;
            store.commit(vec![identified(n, Said { events, ..Said::default() })], &rules()).await
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        assert!(matches!(task.await.unwrap().unwrap().as_slice(), [Committed::Recorded(_)]));
    }
    for issue in ["issue/1", "issue/2"] {
        let Life::Cycle(life) = stores[0].item(&acme(issue)).await.unwrap().0.unwrap().facts.life else {
            panic!("an issue");
        };
        assert_eq!(life.reopened.iter().count(), 100);
    }
    assert_eq!(miscounted(&past).await, [] as [String; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_replica_has_seen_is_a_duplicate_to_the_other() {
    let Some((one, other, past)) = pair().await else { return };
    one.commit(vec![opened(1)], &rules()).await.unwrap();
    assert_eq!(other.commit(vec![opened(1)], &rules()).await.unwrap(), [Committed::Duplicate]);
    for number in 2..40 {
        let (rules, again) = (rules(), rules());
        let (a, b) = tokio::join!(
            one.commit(vec![opened(number)], &rules),
            other.commit(vec![opened(number)], &again)
        );
        let both = [a.unwrap().remove(0), b.unwrap().remove(0)];
        let recorded = both.iter().filter(|outcome| matches!(outcome, Committed::Recorded(_))).count();
        assert_eq!((recorded, both.contains(&Committed::Duplicate)), (1, true), "{both:?}");
    }
    assert_eq!(miscounted(&past).await, [] as [String; 0]);
}

#[tokio::test]
async fn what_one_replica_has_leased_the_other_gets_when_the_lease_has_run_out() {
    let Some((one, other, past)) = pair().await else { return };
    sealed(&one, 3).await;
    let first = one.lease("main", 2).await.unwrap();
    let second = other.lease("main", 10).await.unwrap();
    assert_eq!((first.len(), second.len()), (2, 1));
    assert_eq!(other.lease("main", 10).await.unwrap(), []);
    past.batch_execute(EXPIRE).await.unwrap();
    // Whoever lives renews what it holds.
    one.database.renew_once().await.unwrap();
    assert_eq!(ids(&other.lease("main", 10).await.unwrap()), ids(&second));
    past.batch_execute(EXPIRE).await.unwrap();
    assert_eq!(other.lease("main", 10).await.unwrap().len(), 3);
    // A clean end gives back at once.
    other.close().await;
    assert_eq!(one.lease("main", 10).await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_lease_that_the_replica_was_never_told_of_is_not_renewed() {
    let Some((one, other, past)) = pair().await else { return };
    sealed(&one, 2).await;
    let told = one.lease("main", 1).await.unwrap();
    // As a commit leaves it whose answer was lost.
    let lost = "UPDATE outbox SET holder = $1, leased_until = now() - interval '1 second'";
    past.execute(lost, &[&one.database.me]).await.unwrap();
    one.database.renew_once().await.unwrap();
    let taken = other.lease("main", 10).await.unwrap();
    assert_eq!(taken.len(), 1, "or it would be held for as long as that replica lives");
    assert_ne!(ids(&taken), ids(&told));
    // What was settled is not held on to either.
    one.settle("main", vec![Settlement::Retry(ids(&told))], at(100)).await.unwrap();
    assert!(one.database.held().is_empty());
}

#[tokio::test]
async fn who_has_lost_a_lease_only_has_a_say_about_what_was_sent() {
    let Some((one, other, past)) = pair().await else { return };
    sealed(&one, 2).await;
    let leased = ids(&one.lease("main", 10).await.unwrap());
    past.batch_execute(EXPIRE).await.unwrap();
    assert_eq!(ids(&other.lease("main", 10).await.unwrap()), leased);
    for verdict in [
        Settlement::Retry(leased.clone()),
        Settlement::Untried(leased.clone()),
        Settlement::Rejected(leased.clone(), "too late".to_owned()),
    ] {
        one.settle("main", vec![verdict], at(100)).await.unwrap();
    }
    assert_eq!(one.lease("main", 10).await.unwrap(), [], "the other one still has it");
    assert_eq!(one.rejected(0, 10).await.unwrap(), []);
    one.settle("main", vec![Settlement::Sent(leased.clone())], at(100)).await.unwrap();
    other.settle("main", vec![Settlement::Rejected(leased, "again".to_owned())], at(100)).await.unwrap();
    let backlog = other.stats().await.unwrap().backlog["main"].clone();
    assert_eq!((backlog.entries, backlog.rejected), (0, 0));
    assert_eq!(miscounted(&past).await, [] as [String; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_one_replica_seals_at_a_time_and_each_item_is_sealed_once() {
    let Some((one, other, mut past)) = pair().await else { return };
    one.commit((0..60).map(ended).collect(), &rules()).await.unwrap();
    let turn = past.transaction().await.unwrap();
    turn.query("SELECT 1 FROM roles WHERE name = 'seal' FOR UPDATE", &[]).await.unwrap();
    let idle = one.seal(at(100), 10, &backends(), &rules()).await.unwrap();
    assert_eq!(idle, Sealed::default(), "somebody else is at it");
    turn.rollback().await.unwrap();
    let all = async |store: &PostgresStore| {
        let mut items = 0;
        while store.stats().await.unwrap().due > 0 {
            items += store.seal(at(100), 7, &backends(), &rules()).await.unwrap().items;
        }
        items
    };
    let (mine, others) = tokio::join!(all(&one), all(&other));
    assert_eq!(mine + others, 60);
    let keys = past.query_one("SELECT count(*), count(DISTINCT key) FROM outbox", &[]).await.unwrap();
    assert_eq!((keys.get::<_, i64>(0), keys.get::<_, i64>(1)), (60, 60));
    assert_eq!(miscounted(&past).await, [] as [String; 0]);
}

#[tokio::test]
async fn one_replica_observes_until_it_resigns_or_is_not_heard_of() {
    let Some((one, other, past)) = pair().await else { return };
    assert!(one.observes().await.unwrap());
    assert!(!other.observes().await.unwrap());
    assert!(one.observes().await.unwrap(), "and goes on");
    past.batch_execute("UPDATE roles SET held_until = now() - interval '1 second'").await.unwrap();
    assert!(other.observes().await.unwrap());
    assert!(!one.observes().await.unwrap());
    other.close().await;
    assert!(one.observes().await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_observation_of_another_replica_is_missed() {
    let Some((one, other, _past)) = pair().await else { return };
    let url = Postgres::shared().unwrap();
    let third = open(&url.url(one_database(&one).await.as_str())).await;
    let mut reached = third.observed_elsewhere(None, 0).await.unwrap().reached;
    assert_eq!(reached, Some(0));
    let (rules_one, rules_other) = (rules(), rules());
    let observe = async |store: &PostgresStore, first: u32, rules: &Rules| {
        for number in first..first + 40 {
            let again = number % 7;
            let reopened = cycle(acme(&format!("issue/{again}")), 0, &[], &[i64::from(number)]);
            let batch = vec![opened(number), identified(10_000 + number, says(reopened))];
            store.commit(batch, rules).await.unwrap();
            // Both at the same time, as at the moment in which the role changes hands.
            let stale = store.stale(i64::MIN, 100, rules).await.unwrap();
            store.observed(&stale, at(0)).await.unwrap();
        }
    };
    let mut seen = BTreeMap::new();
    let mut follow = async || {
        loop {
            let page = third.observed_elsewhere(reached, 5).await.unwrap();
            if page.reached.is_none() {
                return;
            }
            reached = page.reached;
            seen.extend(page.observations);
        }
    };
    let both = async { tokio::join!(observe(&one, 100, &rules_one), observe(&other, 200, &rules_other)) };
    tokio::pin!(both);
    loop {
        tokio::select! {
            _ = &mut both => break,
            () = follow() => tokio::task::yield_now().await,
        }
    }
    let rest = one.stale(i64::MIN, 1000, &rules()).await.unwrap();
    one.observed(&rest, at(0)).await.unwrap();
    follow().await;
    let all = one.observations(i64::MIN, 1000).await.unwrap().observations;
    assert_eq!(all.len(), 87);
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), all);
}

async fn one_database(store: &PostgresStore) -> String {
    let client = store.database.client().await.unwrap();
    client.query_one("SELECT current_database()::text", &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn replicas_whose_clocks_differ_seal_at_the_same_time() {
    let Some((one, hasty, _past)) = pair().await else { return };
    assert_eq!(one.database.ahead(), 0, "one machine, one clock");
    // Its clock is an hour ahead, so the database's is behind.
    let hour = 3600;
    hasty.database.epoch.fetch_sub(hour * 1_000_000, Ordering::Relaxed);
    let received = |number, seconds| Delivery { received_at: at(seconds), ..ended(number) };
    let sealed = async |store: &PostgresStore, seconds| {
        store.seal(at(seconds), 10, &backends(), &rules()).await.unwrap().items
    };
    // What the hasty one takes is due in ten seconds and not in an hour …
    hasty.commit(vec![received(1, hour)], &rules()).await.unwrap();
    assert_eq!((sealed(&one, 7).await, sealed(&one, 13).await), (0, 1));
    // … and it lets what others take settle.
    one.commit(vec![received(2, 20)], &rules()).await.unwrap();
    assert_eq!((sealed(&hasty, hour + 27).await, sealed(&hasty, hour + 33).await), (0, 1));
}

/// What a delivery says: of which issue, when, what, and to which replica.
type Told = (u32, i64, u8, bool);

fn story() -> impl Strategy<Value = Vec<Told>> {
    proptest::collection::vec((0..4u32, 1..50i64, 0..3u8, any::<bool>()), 1..40)
}

fn told(number: u32, &(issue, second, what, _): &Told) -> Delivery {
    let key = acme(&format!("issue/{issue}"));
    let event = match what {
        0 => cycle(key, second % 5, &[], &[]),
        1 => cycle(key, 0, &[(second, Outcome::Completed)], &[]),
        _ => cycle(key, 0, &[], &[second]),
    };
    identified(number, says(event))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn batches_over_two_replicas_at_the_same_time_give_the_items_of_one_process(
        story in story(),
        size in 1..8usize,
    ) {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let Some((one, other, past)) = pair().await else { return };
            let folder = tempfile::tempdir().unwrap();
            let alone =
                crate::store::sqlite::SqliteStore::open(&folder.path().join("one.db"), 1 << 20).unwrap();
            let deliveries: Vec<Delivery> = (0..).zip(&story).map(|(n, entry)| told(n, entry)).collect();
            alone.commit(deliveries.clone(), &rules()).await.unwrap();
            let (mine, others): (Vec<_>, Vec<_>) =
                deliveries.into_iter().zip(&story).partition(|(_, entry)| entry.3);
            let commit = async |store: &PostgresStore, part: Vec<(Delivery, &Told)>| {
                let part: Vec<Delivery> = part.into_iter().map(|(delivery, _)| delivery).collect();
                for batch in part.chunks(size) {
                    store.commit(batch.to_vec(), &rules()).await.unwrap();
                }
            };
            tokio::join!(commit(&one, mine), commit(&other, others));
            let keys: Vec<Key> = (0..4).map(|issue| acme(&format!("issue/{issue}"))).collect();
            assert_eq!(one.items(&keys).await.unwrap(), alone.items(&keys).await.unwrap());
            let open = |stats: Stats| stats.open.values().sum::<i64>();
            assert_eq!(open(one.stats().await.unwrap()), open(alone.stats().await.unwrap()));
            assert_eq!(miscounted(&past).await, [] as [String; 0]);
            alone.close().await;
        });
    }
}
