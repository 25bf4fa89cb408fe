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

contract_tests!(Some(fresh()));

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

/// Runs a statement on the writing thread.
async fn sql(store: &SqliteStore, statement: &'static str) {
    let run = move |transaction: &Transaction<'_>| Ok(transaction.execute(statement, [])?);
    store.write(run).await.unwrap();
}

#[tokio::test]
async fn a_store_from_before_insight_has_every_item_observed_at_its_next_start() {
    let (store, folder) = fresh();
    let build = |id: u8| {
        let sha = Ref::commit("ec26c3e57ca3a959ca5aad62de7213c562f8c821").unwrap();
        let ran = crate::work::testing::run(acme(&format!("build/{id}.1")), 0, None);
        let relation = crate::work::event::Relation::Commit;
        let event = crate::work::testing::related(ran, relation, vec![crate::work::event::Target::Ref(sha)]);
        delivery(id, 0, Said { events: vec![event], ..Said::default() })
    };
    store.commit(vec![opened(1), opened(2), build(3)], &rules()).await.unwrap();
    store.close().await;
    // The items as they are, in the schema as it was.
    let (now, before) = (folder.path().join("store.db"), folder.path().join("before.db"));
    let old = Connection::open(&before).unwrap();
    old.execute_batch(MIGRATIONS[0]).unwrap();
    old.pragma_update(None, "user_version", 1).unwrap();
    old.execute("ATTACH ?1 AS later", [now.to_str().unwrap()]).unwrap();
    old.execute_batch(
        "INSERT INTO items SELECT * FROM later.items; INSERT INTO tallies SELECT * FROM later.tallies",
    )
    .unwrap();
    drop(old);

    let store = SqliteStore::open(&before, 1 << 20).unwrap();
    assert_eq!(store.stats().await.unwrap().stale, 3);
    let stale = store.stale(0, 10, &rules()).await.unwrap();
    let keys: Vec<String> = stale.iter().map(|s| s.observation.as_ref().unwrap().key.to_string()).collect();
    assert_eq!(keys, [acme("build/3.1"), acme("issue/1"), acme("issue/2")].map(|key| key.to_string()));
    assert_eq!(store.observed(&stale, at(0)).await.unwrap().settled, 3);
    // What was unresolved then is looked at once more.
    assert_eq!(store.observed(&[], at(3600)).await.unwrap().revisited, 0);
    assert_eq!(store.observed(&[], at(24 * 3600)).await.unwrap().revisited, 1);
    let last = store.stale(0, 10, &rules()).await.unwrap();
    store.observed(&last, at(24 * 3600)).await.unwrap();
    assert_eq!(store.observed(&[], at(30 * 24 * 3600)).await.unwrap(), Noted::default());
}

#[tokio::test]
async fn what_another_process_writes_is_stale_here() {
    let (server, folder) = fresh();
    server.commit(vec![opened(1)], &rules()).await.unwrap();
    let before = server.stale(0, 10, &rules()).await.unwrap();
    let command = SqliteStore::open(&folder.path().join("store.db"), 1 << 20).unwrap();
    let closed = cycle(acme("issue/1"), 0, &[(60, crate::work::event::Outcome::Completed)], &[]);
    command
        .commit(vec![delivery(2, 60, Said { events: vec![closed], ..Said::default() })], &rules())
        .await
        .unwrap();
    command.close().await;
    assert_eq!(server.observed(&before, at(60)).await.unwrap().settled, 0);
    let after = server.stale(0, 10, &rules()).await.unwrap();
    assert!(!after[0].observation.as_ref().unwrap().life.open);
    assert_eq!(server.observed(&after, at(60)).await.unwrap().settled, 1);
}

#[tokio::test]
async fn a_stale_item_that_cannot_be_read_is_taken_off_and_holds_nothing_up() {
    let (store, _folder) = fresh();
    store.commit(vec![opened(1), opened(2), opened(3)], &rules()).await.unwrap();
    let whole = store.stale(0, 10, &rules()).await.unwrap();
    store.observed(&whole[..1], at(0)).await.unwrap();
    sql(&store, "UPDATE stale SET version = version + 1000").await;
    sql(&store, "INSERT INTO stale SELECT id, 999, 0 FROM items WHERE id = 1").await;
    sql(&store, "UPDATE items SET state = x'01ff' WHERE id IN (1, 2)").await;
    sql(&store, "INSERT INTO stale VALUES (77, 1, 0)").await;
    let stale = store.stale(0, 10, &rules()).await.unwrap();
    let readable: Vec<bool> = stale.iter().map(|stale| stale.observation.is_some()).collect();
    assert_eq!(readable, [false, false, true, false]);
    assert_eq!(store.observed(&stale, at(0)).await.unwrap().settled, 4);
    assert_eq!(store.stats().await.unwrap().stale, 0);
    let page = store.observations(0, 10).await.unwrap();
    let items: Vec<i64> = page.observations.iter().map(|(item, _)| *item).collect();
    assert_eq!(items, [1, 3], "what was observed before stays");

    let items = store.items(&[acme("issue/1"), acme("issue/3")]).await.unwrap();
    assert_eq!(items.iter().map(Option::is_some).collect::<Vec<_>>(), [false, true]);
}

#[tokio::test]
async fn an_observation_that_cannot_be_read_is_left_out_and_the_page_goes_on_after_it() {
    let (store, _folder) = fresh();
    store.commit(vec![opened(1), opened(2)], &rules()).await.unwrap();
    let stale = store.stale(0, 10, &rules()).await.unwrap();
    store.observed(&stale, at(0)).await.unwrap();
    sql(&store, "UPDATE observations SET state = x'09' WHERE item = 1").await;
    let first = store.observations(0, 1).await.unwrap();
    assert_eq!((first.observations.len(), first.reached), (0, Some(1)));
    let second = store.observations(1, 1).await.unwrap();
    assert_eq!((second.observations.len(), second.reached), (1, Some(2)));
}

#[tokio::test]
async fn nothing_is_written_while_there_is_nothing_to_observe() {
    let (store, _folder) = fresh();
    let fingerprint = [7; 32];
    store.observed_with(fingerprint).await.unwrap();
    // With the writer gone, whatever needs it fails.
    locked(&store.jobs).take();
    assert_eq!(store.observed(&[], at(0)).await.unwrap(), Noted::default());
    assert!(!store.observed_with(fingerprint).await.unwrap());
    assert!(matches!(store.observed_with([8; 32]).await, Err(StoreError::Closed)));
}
