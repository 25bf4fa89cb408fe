//! What goes wrong with a database: sessions cut, schemas of another version, rows that cannot be read,
//! bytes that it cannot hold, and two who lock the same rows.

use std::sync::Arc;

use super::super::super::contract::{delivery, rules};
use super::replicas::{opened, pair};
use super::server::{Postgres, miscounted};
use super::*;
use crate::work::event::{Pointer, Ref, Said};
use crate::work::testing::{acme, at, cycle};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stores_opened_at_the_same_moment_over_an_empty_database_all_come_up() {
    let Some(server) = Postgres::shared() else { return };
    for _ in 0..5 {
        let url = server.database().await;
        let (a, b, c, d) = tokio::join!(open(&url), open(&url), open(&url), open(&url));
        for (number, store) in (1..).zip([a, b, c, d]) {
            let committed = store.commit(vec![opened(number)], &rules()).await.unwrap();
            assert!(matches!(committed.as_slice(), [Committed::Recorded(_)]));
            store.close().await;
        }
    }
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused_and_left_as_it_is() {
    let Some((one, other, past)) = pair().await else { return };
    past.batch_execute("UPDATE valuestream_schema SET version = 99").await.unwrap();
    let name: String = past.query_one("SELECT current_database()::text", &[]).await.unwrap().get(0);
    let url = Postgres::shared().unwrap().url(&name);
    let refused = PostgresStore::open(&url.parse().unwrap(), &access()).await.err().unwrap();
    assert!(matches!(refused, StoreError::Newer { found: 99, .. }), "{refused}");
    one.close().await;
    other.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_are_ended_in_the_middle_are_opened_again_and_nothing_is_lost() {
    let Some((one, other, past)) = pair().await else { return };
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    let cutting = tokio::spawn(async move {
        while !stopped.load(Ordering::Relaxed) {
            past.batch_execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid()",
            )
            .await
            .unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(60)).await;
        }
        past
    });
    let mut number = 0;
    for _ in 0..40 {
        for store in [&one, &other] {
            number += 1;
            // A duplicate if the session ended between the commit and its answer.
            let committed = store.commit(vec![opened(number)], &rules()).await.unwrap();
            assert!(matches!(committed.as_slice(), [Committed::Recorded(_) | Committed::Duplicate]));
        }
    }
    stop.store(true, Ordering::Relaxed);
    let past = cutting.await.unwrap();
    assert_eq!(one.stats().await.unwrap().items, i64::from(number));
    assert_eq!(miscounted(&past).await, [] as [String; 0]);
}

#[tokio::test]
async fn one_unreadable_row_fails_only_the_deliveries_that_need_it() {
    let Some((one, other, past)) = pair().await else { return };
    one.commit(vec![opened(1)], &rules()).await.unwrap();
    past.batch_execute(r"UPDATE items SET state = '\x01ff'").await.unwrap();
    let said = Said { events: vec![cycle(acme("issue/1"), 0, &[], &[5])], ..Said::default() };
    let outcomes = other.commit(vec![delivery(200, 0, said), opened(2)], &rules()).await.unwrap();
    assert!(matches!(&outcomes[0], Committed::Failed(reason) if reason.contains("issue/1")), "{outcomes:?}");
    assert!(matches!(outcomes[1], Committed::Recorded(_)));
    // Not noted as seen: it can come again when the row is mended.
    let seen: i64 = past.query_one("SELECT count(*) FROM deliveries", &[]).await.unwrap().get(0);
    assert_eq!(seen, 2);
}

#[tokio::test]
async fn zero_bytes_in_names_stop_nobody() {
    let Some((one, _other, past)) = pair().await else { return };
    let sha = Ref::commit("ec26c3e57ca3a959ca5aad62de7213c562f8c821").unwrap();
    let key = Key::new(Source::Jenkins, "ci", "a\0b", Kind::Build, "7").unwrap();
    let refs = vec![(sha, Pointer::Project("git.example.org".to_owned(), "a\0b".to_owned()))];
    let said = Said { events: vec![cycle(key.clone(), 0, &[], &[])], refs, ..Said::default() };
    let kept = Quarantined {
        reason: "a\0b".to_owned(),
        headers: vec![("x".to_owned(), "a\0b".to_owned())],
        body: vec![0, 1],
    };
    let bad = Delivery { content: Content::Quarantined(kept), ..delivery(2, 0, Said::default()) };
    let outcomes = one.commit(vec![delivery(1, 0, said), bad], &rules()).await.unwrap();
    assert!(matches!(outcomes.as_slice(), [Committed::Recorded(_), Committed::Quarantined]), "{outcomes:?}");
    assert!(one.item(&key).await.unwrap().0.is_some());
    let (_, _, kept) = one.quarantined(1).await.unwrap().unwrap();
    assert_eq!((kept.reason.as_str(), kept.body.as_slice()), ("ab", [0, 1].as_slice()));
    assert_eq!(miscounted(&past).await, [] as [String; 0]);
}

/// The observer takes in what it saw of one item while another item is to be looked at again, and a commit
/// changes both: neither may wait for the other.
#[tokio::test]
async fn looking_again_waits_for_no_commit_that_waits_for_it() {
    let Some((one, _other, mut past)) = pair().await else { return };
    one.commit(vec![opened(1), opened(2)], &rules()).await.unwrap();
    let stale = one.stale(i64::MIN, 10, &rules()).await.unwrap();
    let (low, high) = (stale[0].item, stale[1].clone());
    let due = [low];
    past.execute("INSERT INTO revisit (due_at, item, attempt) VALUES (0, $1, 1)", &[&due[0]]).await.unwrap();
    past.batch_execute("DELETE FROM stale WHERE item < (SELECT max(item) FROM stale)").await.unwrap();
    let commit = past.transaction().await.unwrap();
    commit.batch_execute("SET LOCAL lock_timeout = '2s'").await.unwrap();
    let mark = "INSERT INTO stale (item, version, attempt) VALUES ($1, nextval('changes'), 0)
                ON CONFLICT (item) DO UPDATE SET version = excluded.version";
    commit.execute(mark, &[&low]).await.unwrap();
    let seen = vec![high.clone()];
    let observed = tokio::spawn(async move {
        let noted = one.observed(&seen, at(1)).await;
        (one, noted)
    });
    // Until it waits for us, if that is what it does.
    let watcher = pair_of(&commit).await;
    loop {
        let waiting: i64 = watcher
            .query_one("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'", &[])
            .await
            .unwrap()
            .get(0);
        if waiting > 0 || observed.is_finished() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    commit.execute(mark, &[&high.item]).await.unwrap();
    commit.commit().await.unwrap();
    let (one, noted) = observed.await.unwrap();
    assert_eq!(noted.unwrap(), Noted { settled: 1, revisited: 1 });
    assert_eq!(one.stats().await.unwrap().stale, 2);
}

#[tokio::test]
async fn marking_that_was_interrupted_goes_on_where_it_was() {
    let Some((one, other, past)) = pair().await else { return };
    one.commit((1..=10).map(opened).collect(), &rules()).await.unwrap();
    one.observed_with([5; 32]).await.unwrap();
    let stale = one.stale(i64::MIN, 100, &rules()).await.unwrap();
    one.observed(&stale, at(0)).await.unwrap();
    past.batch_execute(
        "UPDATE observed_with SET fingerprint = decode(repeat('07', 32), 'hex') || int8send(6)",
    )
    .await
    .unwrap();
    assert!(other.observed_with([7; 32]).await.unwrap());
    let stale = other.stale(i64::MIN, 100, &rules()).await.unwrap();
    assert_eq!(stale.iter().map(|one| one.item).collect::<Vec<_>>(), [7, 8, 9, 10]);
    assert!(!one.observed_with([7; 32]).await.unwrap());
}

/// Another connection to the database of this one.
async fn pair_of(transaction: &tokio_postgres::Transaction<'_>) -> tokio_postgres::Client {
    let name: String = transaction.query_one("SELECT current_database()::text", &[]).await.unwrap().get(0);
    Postgres::shared().unwrap().connect(&name).await
}
