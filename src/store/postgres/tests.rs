//! The contract, and what only this backend promises: that several of it share one database.

use super::super::contract::{contract_tests, nobody};
use super::*;

mod access;
mod lost;
mod replicas;
mod trouble;

#[path = "../../../tests/it/support/postgres.rs"]
#[allow(dead_code)]
mod server;

#[path = "../../../tests/it/chaos/proxy.rs"]
#[allow(dead_code)]
mod proxy;

use self::server::Postgres;

fn access() -> Access {
    Access { password: None, authorities: None, connections: 4 }
}

async fn open(url: &str) -> PostgresStore {
    PostgresStore::open(&url.parse().unwrap(), &access()).await.unwrap()
}

/// A store over a database of its own; `None` where there is no server.
async fn fresh() -> Option<(PostgresStore, String)> {
    let url = Postgres::shared()?.database().await;
    Some((open(&url).await, url))
}

contract_tests!(fresh().await);

#[tokio::test]
async fn what_cannot_be_folded_in_stays_in_quarantine() {
    use super::super::contract::{delivery, rules};
    use crate::work::testing::{acme, cycle};
    let Some((store, url)) = fresh().await else { return };
    let said = || Said { events: vec![cycle(acme("issue/1"), 0, &[], &[])], ..Said::default() };
    let kept = Quarantined { reason: "odd".to_owned(), headers: vec![], body: vec![1] };
    let odd = Delivery { content: Content::Quarantined(kept), ..delivery(9, 0, Said::default()) };
    store.commit(vec![delivery(1, 0, said()), odd], &rules()).await.unwrap();
    let id = store.quarantine(0, 10).await.unwrap()[0].id;
    let database = url.rsplit('/').next().unwrap();
    Postgres::shared().unwrap().execute(database, "UPDATE items SET state = '\\x01ff'").await;
    let released = store.release(id, delivery(9, 0, said()), &rules()).await;
    assert!(matches!(released, Err(StoreError::Corrupt(_))), "{released:?}");
    assert_eq!(store.quarantine(0, 10).await.unwrap().len(), 1);
    assert_eq!(store.stats().await.unwrap().quarantined, 1);
}

#[tokio::test]
async fn a_check_names_whatever_does_not_agree() {
    use super::super::contract::{delivery, rules};
    use crate::work::event::{Outcome, Said};
    use crate::work::testing::{acme, at, run};
    let Some((store, url)) = fresh().await else { return };
    let database = url.rsplit('/').next().unwrap().to_owned();
    let built = |id: u8| {
        let event = run(acme(&format!("build/{id}.1")), 0, Some((60, Outcome::Success)));
        delivery(id, 0, Said { events: vec![event], ..Said::default() })
    };
    let main = vec!["main".to_owned()];
    store.commit((1..=3).map(built).collect(), &rules()).await.unwrap();
    store.seal(at(100), 10, &main, &rules()).await.unwrap();
    let stale = store.stale(0, 10, &rules()).await.unwrap();
    store.observed(&stale, at(100)).await.unwrap();
    assert_eq!(store.check(&main, &nobody()).await.unwrap().findings, []);
    for (break_it, about, problem) in [
        ("UPDATE items SET state = '\\x01ff' WHERE id = 1", "item 1 ", "cannot be read"),
        ("UPDATE items SET open = true WHERE id = 2", "item 2 ", "is closed, and marked as open"),
        ("UPDATE items SET due_at = 7 WHERE id = 3", "item 3 ", "nothing to export"),
        ("UPDATE observations SET state = '\\x09' WHERE item = 2", "observation 2", "cannot be read"),
        ("INSERT INTO stale VALUES (88, 1, 0)", "stale 88", "not there"),
        ("UPDATE outbox SET spans = '\\xffff' WHERE key LIKE '%/3.1'", "outbox entry", "cannot be read"),
        ("UPDATE pins SET root = 'rootless' WHERE key LIKE '%/1.1'", "pin of ", "rootless"),
        ("INSERT INTO tallies VALUES ('items', 99, 4)", "count \"items\"", "says 7, and there are 3"),
        ("INSERT INTO refs VALUES (5, 555, '', 0)", "references", "1 point at"),
        ("INSERT INTO moments VALUES (1, 2, 666)", "moments", "1 point at"),
    ] {
        let before = store.check(&main, &nobody()).await.unwrap().findings;
        Postgres::shared().unwrap().execute(&database, break_it).await;
        let after = store.check(&main, &nobody()).await.unwrap().findings;
        let new: Vec<_> = after.iter().filter(|finding| !before.contains(finding)).collect();
        let named =
            new.iter().any(|finding| finding.about.starts_with(about) && finding.problem.contains(problem));
        assert!(named, "{break_it}: {new:?}");
    }
}

#[tokio::test]
async fn one_replica_at_a_time_deletes() {
    let Some((first, url)) = fresh().await else { return };
    let second = open(&url).await;
    assert!(first.expires().await.unwrap());
    assert!(!second.expires().await.unwrap());
    assert!(second.observes().await.unwrap(), "which says nothing of who observes");
    assert!(first.expires().await.unwrap(), "who has the role keeps it");
    first.close().await;
    assert!(second.expires().await.unwrap());
}
