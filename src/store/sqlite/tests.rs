//! The contract, and what only this backend promises.

use super::super::contract::{contract_tests, delivery, rules};
use super::*;
use crate::work::event::{Pointer, Ref, Said};
use crate::work::testing::{acme, at, cycle};

fn fresh() -> (SqliteStore, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("store.db"), 1 << 20).unwrap();
    (store, folder)
}

contract_tests!(fresh());

fn opened(id: u8) -> Delivery {
    let event = cycle(acme(&format!("issue/{id}")), 0, &[], &[]);
    delivery(id, 0, Said { events: vec![event], ..Said::default() })
}

#[tokio::test]
async fn what_was_committed_is_there_after_closing_and_opening() {
    let (store, folder) = fresh();
    store.commit(vec![opened(1)], &rules()).await.unwrap();
    store.close().await;
    assert!(matches!(store.commit(vec![opened(2)], &rules()).await, Err(StoreError::Closed)));
    assert!(!folder.path().join("store.db-wal").exists(), "a clean end leaves no log behind");
    let again = SqliteStore::open(&folder.path().join("store.db"), 1 << 20).unwrap();
    assert!(again.item(&acme("issue/1")).await.unwrap().0.is_some());
    assert_eq!(again.commit(vec![opened(1)], &rules()).await.unwrap(), [Committed::Duplicate]);
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_not_touched() {
    let (store, folder) = fresh();
    store.close().await;
    let path = folder.path().join("store.db");
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let error = SqliteStore::open(&path, 1 << 20).err().unwrap();
    assert!(matches!(error, StoreError::Newer { found: 99, .. }), "{error}");
}

#[tokio::test]
async fn a_full_disk_refuses_whole_batches_and_passes() {
    let (store, _folder) = fresh();
    store.commit(vec![opened(1)], &rules()).await.unwrap();
    // The engine's own limit on the file stands in for the disk: the error is the same one.
    let limit = |pages: i64| {
        store.write(move |transaction| {
            transaction.pragma_update(None, "max_page_count", pages).map_err(StoreError::from)
        })
    };
    limit(1).await.unwrap();
    let long =
        Content::Quarantined(Quarantined { reason: String::new(), headers: vec![], body: vec![7; 1 << 20] });
    let batch = vec![opened(2), Delivery { content: long, ..opened(3) }];
    let refused = store.commit(batch, &rules()).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    assert!(store.item(&acme("issue/2")).await.unwrap().0.is_none(), "nothing is half done");
    // The connection is opened anew after such an error, and with it the limit is gone.
    assert!(matches!(store.commit(vec![opened(2)], &rules()).await.unwrap()[0], Committed::Recorded(_)));
}

#[tokio::test]
async fn a_reference_is_found_in_whatever_era_it_was_written() {
    let (store, _folder) = fresh();
    let sha = Ref::commit("ec26c3e57ca3a959ca5aad62de7213c562f8c821").unwrap();
    for id in 1..=3 {
        let change = cycle(acme(&format!("pull_request/{id}")), 0, &[], &[]);
        let said = Said {
            refs: vec![(sha.clone(), Pointer::Item(change.key.clone()))],
            events: vec![change],
            ..Said::default()
        };
        store.commit(vec![delivery(id, 0, said)], &rules()).await.unwrap();
        store.write(|transaction| tally(transaction, "refs", lookup::ERA)).await.unwrap();
    }
    let found = store.read(move |connection| {
        use crate::work::link::Lookup;
        lookup::Lookups::new(connection).pointers(&sha)
    });
    let expected = [1, 2, 3].map(|id| Pointer::Item(acme(&format!("pull_request/{id}"))));
    assert_eq!(found.await.unwrap(), expected);
    let eras: i64 = store
        .read(|connection| {
            Ok(connection.query_row("SELECT count(DISTINCT era) FROM refs", [], |row| row.get(0))?)
        })
        .await
        .unwrap();
    assert_eq!(eras, 3);
}

#[tokio::test]
async fn one_unreadable_row_fails_only_the_deliveries_that_need_it() {
    let (store, _folder) = fresh();
    store.commit(vec![opened(1)], &rules()).await.unwrap();
    store
        .write(|transaction| {
            transaction.execute("UPDATE items SET state = x'01ff'", [])?;
            Ok(())
        })
        .await
        .unwrap();
    let event = cycle(acme("issue/1"), 0, &[], &[5]);
    let hit = delivery(7, 0, Said { events: vec![event], ..Said::default() });
    let outcomes = store.commit(vec![hit, opened(2)], &rules()).await.unwrap();
    assert!(matches!(&outcomes[0], Committed::Failed(reason) if reason.contains("issue/1")), "{outcomes:?}");
    assert!(matches!(outcomes[1], Committed::Recorded(_)));
}

#[tokio::test]
async fn the_log_is_copied_without_waiting_for_a_pause() {
    let (store, folder) = fresh();
    let wal = folder.path().join("store.db-wal");
    let mut longest = 0;
    // About 160 MiB of log, were it never started anew.
    for round in 0..640u32 {
        let kept = Quarantined { reason: String::new(), headers: vec![], body: vec![7; 256 << 10] };
        let mut id = [0; 16];
        id[..4].copy_from_slice(&round.to_be_bytes());
        let bulky = Delivery {
            source: Source::Github,
            id: DeliveryId(id),
            received_at: at(0),
            content: Content::Quarantined(kept),
        };
        store.commit(vec![bulky], &rules()).await.unwrap();
        longest = longest.max(std::fs::metadata(&wal).map_or(0, |m| m.len()));
    }
    assert!(longest < 100 << 20, "the log grew to {longest} bytes");
}
