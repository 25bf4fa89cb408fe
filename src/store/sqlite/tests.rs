//! The contract, and what only this backend promises.

use super::super::contract::{contract_tests, delivery, nobody, rules};
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

/// Days are all that the kinds which references lead to are kept.
fn kept_for(days: i64) -> Rules {
    let micros = days * batch::DAY;
    let kinds = Kind::ALL.map(|kind| (kind, micros));
    Rules { retention: Retention::new(kinds, None), ..rules() }
}

async fn forget_all(store: &SqliteStore, days: i64, rules: &Rules) -> usize {
    let (mut mark, mut refs) = (None, 0);
    loop {
        let forgotten = store.forget(mark, 2, at(days * 24 * 3600), rules).await.unwrap();
        refs += forgotten.refs;
        match forgotten.reached {
            Some(reached) => mark = Some(reached),
            None => return refs,
        }
    }
}

#[tokio::test]
async fn what_an_old_era_says_of_no_item_is_forgotten_and_the_empty_era_with_it() {
    let (store, _folder) = fresh();
    let sha = |n: i64| format!("{n:040x}");
    // An era for each of the days 0, 10 and 20, each with a push, an open issue and where the project is.
    for (id, day) in [(1u8, 0), (2, 10), (3, 20)] {
        let issue = cycle(acme(&format!("issue/{id}")), 0, &[], &[]);
        let said = Said {
            refs: vec![
                (Ref::push(&sha(day + 1)).unwrap(), Pointer::Ref(Ref::push(&sha(day + 2)).unwrap())),
                (Ref::issue_key(&format!("A-{id}")), Pointer::Item(issue.key.clone())),
                (Ref::issue_key(&format!("B-{id}")), Pointer::Item(acme("issue/99"))),
                (Ref::project(Source::Github, "api"), Pointer::Project("h".to_owned(), "p".to_owned())),
            ],
            events: vec![issue],
            ..Said::default()
        };
        store.commit(vec![delivery(id, day * 24 * 3600, said)], &rules()).await.unwrap();
        store.write(|transaction| tally(transaction, "refs", lookup::ERA)).await.unwrap();
    }
    let forever = Rules { retention: Retention::new([(Kind::Build, batch::DAY)], None), ..rules() };
    assert_eq!(forget_all(&store, 1000, &forever).await, 0, "what is kept for ever may need them");
    // The first era ended on day 10, the second on day 20: nobody knows when the third will.
    assert_eq!(forget_all(&store, 13, &kept_for(4)).await, 0);
    assert_eq!(forget_all(&store, 15, &kept_for(4)).await, 2, "the push, and what never was an item");
    assert_eq!(forget_all(&store, 15, &kept_for(4)).await, 0);
    assert_eq!(forget_all(&store, 1000, &kept_for(4)).await, 2);
    let eras = async || {
        let count = "SELECT count(*) FROM eras";
        store
            .read(move |connection| Ok(connection.query_row(count, [], |row| row.get::<_, i64>(0))?))
            .await
            .unwrap()
    };
    assert_eq!(eras().await, 3, "each has an issue that is still open");
    sql(&store, "DELETE FROM items WHERE id <= 2").await;
    sql(&store, "DELETE FROM refs WHERE typeof(pointer) = 'text' AND era <= 1").await;
    assert_eq!(forget_all(&store, 1000, &kept_for(4)).await, 2);
    assert_eq!(eras().await, 1, "the empty ones are not asked any more");
}

#[tokio::test]
async fn the_eras_of_a_store_from_before_begin_no_later_than_today() {
    let (store, folder) = fresh();
    sql(&store, "INSERT OR REPLACE INTO tallies (name, n) VALUES ('refs', 600000)").await;
    sql(&store, "DROP TABLE eras").await;
    store.close().await;
    let path = folder.path().join("store.db");
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 3).unwrap();
    let store = SqliteStore::open(&path, 1 << 20).unwrap();
    let eras: Vec<(i64, bool)> = store
        .read(|connection| {
            let mut statement =
                connection.prepare("SELECT era, day = unixepoch() / 86400 FROM eras ORDER BY era")?;
            Ok(statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?)
        })
        .await
        .unwrap();
    assert_eq!(eras, [(0, true), (1, true), (2, true)]);
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
async fn marking_that_was_interrupted_goes_on_where_it_was() {
    let (store, _folder) = fresh();
    store.commit((1..=10).map(opened).collect(), &rules()).await.unwrap();
    store.observed_with([5; 32]).await.unwrap();
    let stale = store.stale(0, 100, &rules()).await.unwrap();
    store.observed(&stale, at(0)).await.unwrap();
    let after_six = "UPDATE observed_with SET fingerprint =
        x'07070707070707070707070707070707070707070707070707070707070707070000000000000006'";
    sql(&store, after_six).await;
    assert!(store.observed_with([7; 32]).await.unwrap());
    let stale = store.stale(0, 100, &rules()).await.unwrap();
    assert_eq!(stale.iter().map(|one| one.item).collect::<Vec<_>>(), [7, 8, 9, 10]);
    assert!(!store.observed_with([7; 32]).await.unwrap());
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

#[tokio::test]
async fn what_cannot_be_folded_in_stays_in_quarantine() {
    let (store, _folder) = fresh();
    let kept = Quarantined { reason: "odd".to_owned(), headers: vec![], body: vec![1] };
    let odd = Delivery { content: Content::Quarantined(kept), ..opened(9) };
    store.commit(vec![opened(1), odd], &rules()).await.unwrap();
    sql(&store, "UPDATE items SET state = x'01ff'").await;
    let understood = Delivery { id: opened(9).id, ..opened(1) };
    let released = store.release(1, understood, &rules()).await;
    assert!(matches!(released, Err(StoreError::Corrupt(_))), "{released:?}");
    assert_eq!(store.quarantine(0, 10).await.unwrap().len(), 1);
    assert_eq!(store.stats().await.unwrap().quarantined, 1);
}

#[tokio::test]
async fn a_check_names_whatever_does_not_agree() {
    let (store, _folder) = fresh();
    let built = |id: u8| {
        let event = crate::work::testing::run(
            acme(&format!("build/{id}.1")),
            0,
            Some((60, crate::work::event::Outcome::Success)),
        );
        delivery(id, 0, Said { events: vec![event], ..Said::default() })
    };
    let kept = Quarantined { reason: String::new(), headers: vec![], body: vec![7] };
    let odd = Delivery { content: Content::Quarantined(kept), ..opened(99) };
    let main = vec!["main".to_owned()];
    store.commit((1..=8).map(built).chain([odd]).collect(), &rules()).await.unwrap();
    store.seal(at(100), 10, &main, &rules()).await.unwrap();
    let leased = store.lease("main", 1).await.unwrap();
    let reject = Settlement::Rejected(vec![leased[0].id], "no".to_owned());
    store.settle("main", vec![reject], at(20)).await.unwrap();
    let stale = store.stale(0, 10, &rules()).await.unwrap();
    store.observed(&stale, at(100)).await.unwrap();
    assert_eq!(store.check(&main, &nobody()).await.unwrap().findings, []);
    for (break_it, about, problem) in [
        ("UPDATE items SET state = x'01ff' WHERE id = 1", "item 1 ", "cannot be read"),
        ("UPDATE items SET key = 'no key' WHERE id = 2", "item 2 (no key)", "cannot be read"),
        ("UPDATE items SET kind = 'job' WHERE id = 3", "item 3 ", "\"job\""),
        ("UPDATE items SET open = 1 WHERE id = 4", "item 4 ", "is closed, and marked as open"),
        ("UPDATE items SET due_at = 7 WHERE id = 5", "item 5 ", "nothing to export"),
        ("UPDATE items SET sealed = 0 WHERE id = 6", "item 6 ", "not marked as waiting"),
        ("UPDATE items SET sealed = 3 WHERE id = 7", "item 7 ", "counts as exported 3 times"),
        ("UPDATE observations SET state = x'09' WHERE item = 7", "observation 7", "cannot be read"),
        (
            "INSERT INTO observations SELECT 77, state FROM observations WHERE item = 8",
            "observation 77",
            "not there",
        ),
        (
            "UPDATE observations SET state = (SELECT state FROM observations WHERE item = 8) WHERE item = 6",
            "observation 6",
            "stands at",
        ),
        ("DELETE FROM observations WHERE item = 5", "observations", "1 items are in no answer"),
        ("INSERT INTO stale VALUES (88, 1, 0)", "stale 88", "not there"),
        ("UPDATE outbox SET spans = x'ffff' WHERE id = 3", "outbox entry 3", "cannot be read"),
        ("UPDATE outbox SET span_count = 9 WHERE id = 4", "outbox entry 4", "says 9 spans"),
        ("UPDATE outbox SET source = 'fax' WHERE id = 5", "outbox entry 5", "fax"),
        ("UPDATE rejected SET key = 'lost'", "rejected entry 1", "lost"),
        ("UPDATE quarantine SET headers = '{'", "quarantine 1", "headers"),
        ("UPDATE pins SET root = 'rootless' WHERE key LIKE '%/1.1'", "pin of ", "rootless"),
        (
            "UPDATE tallies SET n = n + 3 WHERE name = 'quarantined'",
            "count \"quarantined\"",
            "says 4, and there are 1",
        ),
        ("INSERT INTO refs VALUES (0, 5, 555)", "references", "1 point at"),
        ("INSERT INTO moments VALUES (1, 2, 666)", "moments", "1 point at"),
    ] {
        let before = store.check(&main, &nobody()).await.unwrap().findings;
        sql(&store, break_it).await;
        let after = store.check(&main, &nobody()).await.unwrap().findings;
        let new: Vec<&Finding> = after.iter().filter(|finding| !before.contains(finding)).collect();
        let named =
            new.iter().any(|finding| finding.about.starts_with(about) && finding.problem.contains(problem));
        assert!(named, "{break_it}: {new:?}");
    }
}

/// Who writes down what is shown.
#[derive(Default)]
struct Witness(Mutex<Vec<String>>);

impl Show for Witness {
    fn say(&self, line: &str) {
        locked(&self.0).push(line.to_owned());
    }
    fn begin(&self, part: &str, total: Option<u64>) {
        locked(&self.0).push(format!("{part} {total:?}"));
    }
    fn done(&self, _: u64) {}
}

#[tokio::test]
async fn a_check_and_a_copy_tell_how_far_they_are_and_a_copy_can_be_stopped() {
    let (store, folder) = fresh();
    store.commit((1..=3).map(opened).collect(), &rules()).await.unwrap();
    let witness = Arc::new(Witness::default());
    let show: Arc<dyn Show> = witness.clone();
    store.check(&[], &show).await.unwrap();
    let seen = std::mem::take(&mut *locked(&witness.0));
    assert_eq!(seen[..2], ["looking at counts None", "looking at the file None"]);
    assert!(seen.contains(&"looking at items Some(3)".to_owned()), "{seen:?}");

    let (path, copy) = (folder.path().join("store.db"), folder.path().join("copies/copy.db"));
    std::fs::create_dir(folder.path().join("copies")).unwrap();
    let left = || std::fs::read_dir(folder.path().join("copies")).unwrap().count();
    let stop = tokio_util::sync::CancellationToken::new();
    stop.cancel();
    let stopped = backup::backup(&path, &copy, false, &show, &stop);
    assert!(matches!(stopped, Err(backup::BackupError::Stopped)), "{stopped:?}");
    assert_eq!(left(), 0, "nothing is left of it");
    let done = backup::backup(&path, &copy, false, &show, &Default::default()).unwrap();
    assert_eq!((done.items, left()), (3, 1));
    let seen = locked(&witness.0).clone();
    assert!(seen.iter().any(|part| part.starts_with("copying, MiB")), "{seen:?}");
    assert!(seen.contains(&"reading the copy None".to_owned()), "{seen:?}");
}

#[tokio::test]
async fn a_check_says_where_the_file_is_broken() {
    let (store, folder) = fresh();
    let long = |id: u8| {
        let mut event = cycle(acme(&format!("issue/{id}")), 0, &[], &[]);
        let title = "x".repeat(1500);
        event.facts.attr(
            crate::work::testing::stamp(1),
            crate::work::attr::Attr::IssueTitle,
            Some(title.as_str()),
        );
        delivery(id, 0, Said { events: vec![event], ..Said::default() })
    };
    store.commit((0..200).map(long).collect(), &rules()).await.unwrap();
    store.close().await;
    let path = folder.path().join("store.db");
    let root: u64 = {
        let connection = Connection::open(&path).unwrap();
        let query = "SELECT rootpage FROM sqlite_schema WHERE name = 'observations'";
        connection.query_row(query, [], |row| row.get::<_, i64>(0)).unwrap() as u64
    };
    use std::os::unix::fs::FileExt;
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(&[0xff; 512], (root - 1) * 2048).unwrap();
    let store = SqliteStore::open(&path, 1 << 20).unwrap();
    let checked = store.check(&[], &nobody()).await.unwrap();
    assert!(checked.findings.iter().any(|finding| finding.about == "the file"), "{:?}", checked.findings);
    assert!(checked.findings.iter().any(|finding| finding.about == "observations"), "{:?}", checked.findings);
    assert_eq!(checked.rows["items"], 200, "what can be read is looked at");
}
