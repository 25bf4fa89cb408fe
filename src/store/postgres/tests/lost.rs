//! Answers that are lost: what was asked for has happened, is found to have happened, and is told as such.

use super::super::super::contract::{delivery, rules};
use super::proxy::Proxy;
use super::server::{Postgres, miscounted};
use super::*;
use crate::work::event::{Outcome, Said};
use crate::work::testing::{acme, at, run};

/// A store behind a proxy, and a connection past it.
async fn behind_a_proxy() -> Option<(PostgresStore, Proxy, tokio_postgres::Client)> {
    let server = Postgres::shared()?;
    let url = server.database().await;
    let database = url.rsplit('/').next().unwrap();
    let proxy = Proxy::start(server.port).await;
    let past = server.connect(database).await;
    let store = open(&format!("postgres://vs@127.0.0.1:{}/{database}", proxy.port)).await;
    Some((store, proxy, past))
}

/// What is said by an operation whose commit happens, and whose answer is lost.
async fn unanswered<T>(proxy: &Proxy, operation: impl Future<Output = T>) -> T {
    let (lost, said) = tokio::join!(proxy.lose_an_answer(), operation);
    assert!(lost, "there was no commit");
    said
}

fn built(id: u8) -> Delivery {
    let event = run(acme(&format!("build/{id}.1")), 0, Some((60, Outcome::Success)));
    delivery(id, 0, Said { events: vec![event], ..Said::default() })
}

fn bad(id: u8) -> Delivery {
    let kept = Quarantined { reason: "bad".to_owned(), headers: Vec::new(), body: b"{".to_vec() };
    Delivery { content: Content::Quarantined(kept), ..delivery(id, 0, Said::default()) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happened_without_an_answer_is_told_as_it_happened() {
    let Some((store, proxy, past)) = behind_a_proxy().await else { return };
    let (rules, main) = (rules(), ["main".to_owned()]);
    let committed = unanswered(&proxy, store.commit(vec![built(1)], &rules)).await.unwrap();
    assert_eq!(committed, [Committed::Duplicate], "tried again, and found to be there");

    store.commit((2..=5).map(built).collect(), &rules).await.unwrap();
    store.seal(at(100), 100, &main, &rules).await.unwrap();
    let ids: Vec<i64> = store.lease("main", 10).await.unwrap().iter().map(|entry| entry.id).collect();
    assert_eq!(ids.len(), 5);
    let verdict = vec![Settlement::Rejected(ids, "no".to_owned())];
    unanswered(&proxy, store.settle("main", verdict, at(100))).await.unwrap();
    assert_eq!(store.rejected(0, 10).await.unwrap().len(), 5);
    assert_eq!(unanswered(&proxy, store.retry_rejected(&[])).await.unwrap(), 5);
    assert_eq!(store.rejected(0, 10).await.unwrap(), []);
    assert_eq!(store.retry_rejected(&[]).await.unwrap(), 0);

    store.commit((11..=13).map(bad).collect(), &rules).await.unwrap();
    let kept: Vec<i64> = store.quarantine(0, 10).await.unwrap().iter().map(|entry| entry.id).collect();
    let [first, rest @ ..] = kept.as_slice() else { panic!("there are three") };
    let released = unanswered(&proxy, store.release(*first, built(11), &rules)).await.unwrap();
    // It depends on whether the first try is done when the second one begins.
    assert!(matches!(released, Committed::Recorded(_) | Committed::Duplicate), "{released:?}");
    assert!(store.item(&acme("build/11.1")).await.unwrap().0.is_some());
    assert_eq!(unanswered(&proxy, store.drop_quarantined(&[rest, &[999]].concat())).await.unwrap(), 2);
    assert_eq!(store.quarantine(0, 10).await.unwrap(), []);

    assert_eq!(miscounted(&past).await, [] as [String; 0], "told, counted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_that_may_have_been_corrected_are_not_corrected_twice() {
    let Some((store, proxy, past)) = behind_a_proxy().await else { return };
    store.commit((1..=3).map(built).collect(), &rules()).await.unwrap();
    past.batch_execute("UPDATE tallies SET n = n + 4 WHERE name = 'items'").await.unwrap();
    let drift = BTreeMap::from([("items".to_owned(), -4)]);
    let said = unanswered(&proxy, store.repair_counts(&drift)).await;
    assert!(said.unwrap_err().to_string().contains("check again"));
    assert_eq!(store.stats().await.unwrap().items, 3);
}
