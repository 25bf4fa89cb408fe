//! What insight can rely on: no change is missed, however the reading of stale items, the writing
//! of observations and commits follow each other.

use super::*;
use crate::insight::observation::{self, Observation};
use crate::work::attr::Attr;

/// Everything that is stale now.
async fn stale<S: Store>(store: &S) -> Vec<Stale> {
    store.stale(0, 100, &rules()).await.unwrap()
}

/// Observes all that is stale; says how many items were.
async fn observe_all<S: Store>(store: &S, now: i64) -> usize {
    let stale = stale(store).await;
    store.observed(&stale, at(now)).await.unwrap().settled
}

async fn observations<S: Store>(store: &S) -> Vec<Observation> {
    let page = store.observations(0, 100).await.unwrap();
    page.observations.into_iter().map(|(_, observation)| observation).collect()
}

async fn open_issue<S: Store>(store: &S, delivery_id: u8, issue: u8) {
    let opened = cycle(acme(&format!("issue/{issue}")), 0, &[], &[]);
    assert!(matches!(
        commit_one(store, delivery(delivery_id, 0, says(opened))).await,
        Committed::Recorded(_)
    ));
}

/// Issue 1 is closed after so many seconds.
async fn close_issue<S: Store>(store: &S, delivery_id: u8, seconds: i64) {
    let closed = cycle(acme("issue/1"), 0, &[(seconds, Outcome::Completed)], &[]);
    commit_one(store, delivery(delivery_id, seconds, says(closed))).await;
}

/// A build that names a pull request by its commit, which nobody may know yet.
fn build_of(sha: &Ref) -> Said {
    let build = run(acme("build/5.1"), 10, Some((20, Outcome::Success)));
    says(related(build, Relation::Commit, vec![Target::Ref(sha.clone())]))
}

/// A pull request with that commit.
fn change_with(sha: &Ref) -> Said {
    let change = cycle(acme("pull_request/2"), 0, &[], &[]);
    Said {
        refs: vec![(sha.clone(), Pointer::Item(change.key.clone()))],
        events: vec![change],
        ..Said::default()
    }
}

fn sha() -> Ref {
    Ref::commit("ec26c3e57ca3a959ca5aad62de7213c562f8c821").unwrap()
}

pub(in crate::store) async fn whatever_is_said_of_an_item_makes_it_stale_until_it_is_observed<S: Store>(
    store: S,
) {
    assert_eq!(stale(&store).await, []);
    open_issue(&store, 1, 1).await;
    open_issue(&store, 2, 2).await;
    assert_eq!(store.stats().await.unwrap().stale, 2);
    let seen = stale(&store).await;
    assert_eq!(seen.iter().map(|s| s.attempt).collect::<Vec<_>>(), [0, 0]);
    assert_eq!(stale(&store).await, seen, "reading changes nothing");
    assert_eq!(observations(&store).await, []);

    let noted = store.observed(&seen, at(0)).await.unwrap();
    assert_eq!(noted, Noted { settled: 2, revisited: 0 });
    assert_eq!(store.stats().await.unwrap().stale, 0);
    let kept: Vec<Observation> = seen.into_iter().filter_map(|s| s.observation).collect();
    assert_eq!(observations(&store).await, kept);
    assert!(kept[0].life.open);

    close_issue(&store, 3, 60).await;
    let seen = stale(&store).await;
    assert_eq!(seen.len(), 1);
    assert!(observations(&store).await[0].life.open, "the one before, until there is a new one");
    store.observed(&seen, at(60)).await.unwrap();
    assert_eq!(observations(&store).await[0].life.closed, Some((at(60), Outcome::Completed)));

    // What was seen before says nothing new.
    close_issue(&store, 3, 60).await;
    assert_eq!(stale(&store).await, []);
}

pub(in crate::store) async fn an_item_that_changes_between_reading_and_writing_stays_stale<S: Store>(
    store: S,
) {
    open_issue(&store, 1, 1).await;
    open_issue(&store, 2, 2).await;
    let before = stale(&store).await;
    close_issue(&store, 3, 60).await;
    let noted = store.observed(&before, at(60)).await.unwrap();
    assert_eq!(noted.settled, 1, "only the issue that did not change");

    let after = stale(&store).await;
    assert_eq!(after.len(), 1);
    assert_eq!(after[0].item, before[0].item);
    assert_ne!(after[0].version, before[0].version);
    assert_eq!(store.observed(&after, at(60)).await.unwrap().settled, 1);
    assert_eq!(stale(&store).await, []);
    assert_eq!(observations(&store).await[0].life.closed, Some((at(60), Outcome::Completed)));
}

pub(in crate::store) async fn an_observation_that_comes_late_undoes_none_that_is_newer<S: Store>(store: S) {
    open_issue(&store, 1, 1).await;
    // Somebody reads, and is slow; meanwhile the item is observed, changes, and is observed again.
    let slow = stale(&store).await;
    assert_eq!(observe_all(&store, 0).await, 1);
    close_issue(&store, 2, 60).await;
    assert_eq!(store.observed(&slow, at(60)).await.unwrap().settled, 0);
    assert_eq!(observe_all(&store, 60).await, 1, "the change is still to be observed");
    assert_eq!(store.observed(&slow, at(61)).await.unwrap().settled, 0);
    assert_eq!(observations(&store).await[0].life.closed, Some((at(60), Outcome::Completed)));
    assert_eq!(stale(&store).await, []);
}

pub(in crate::store) async fn stale_items_and_observations_come_in_pages<S: Store>(store: S) {
    for id in 1..=5 {
        open_issue(&store, id, id).await;
    }
    let mut items = Vec::new();
    loop {
        let page = store.stale(items.last().copied().unwrap_or_default(), 2, &rules()).await.unwrap();
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 2);
        items.extend(page.iter().map(|stale| stale.item));
    }
    assert_eq!(items.len(), 5);
    assert!(items.is_sorted());

    observe_all(&store, 0).await;
    let first = store.observations(0, 3).await.unwrap();
    assert_eq!(first.observations.iter().map(|(item, _)| *item).collect::<Vec<_>>(), items[..3]);
    assert_eq!(first.reached, Some(items[2]));
    let second = store.observations(items[2], 3).await.unwrap();
    assert_eq!((second.observations.len(), second.reached), (2, Some(items[4])));
    assert_eq!(store.observations(items[4], 3).await.unwrap(), ObservationPage::default());
}

pub(in crate::store) async fn sealing_makes_stale_because_it_settles_the_place<S: Store>(store: S) {
    open_issue(&store, 1, 1).await;
    open_issue(&store, 2, 2).await;
    close_issue(&store, 3, 60).await;
    observe_all(&store, 60).await;
    assert_eq!(stale(&store).await, []);
    store.seal(at(100), 10, &main_backend(), &rules()).await.unwrap();
    let keys: Vec<Key> =
        stale(&store).await.into_iter().filter_map(|s| s.observation).map(|o| o.key).collect();
    assert_eq!(keys, [acme("issue/1")]);
}

pub(in crate::store) async fn an_observation_knows_the_ancestors_that_are_known_by_then<S: Store>(store: S) {
    commit_one(&store, delivery(1, 0, build_of(&sha()))).await;
    let seen = stale(&store).await;
    assert!(seen[0].unresolved);
    assert_eq!(seen[0].observation.as_ref().unwrap().ancestors, []);
    store.observed(&seen, at(0)).await.unwrap();

    let mut change = change_with(&sha());
    let issue = vec![Target::Key(acme("issue/1"))];
    change.events = vec![related(change.events.remove(0), Relation::Closes, issue)];
    commit_one(&store, delivery(2, 5, change)).await;
    observe_all(&store, 5).await;
    assert_eq!(observations(&store).await[0].ancestors, [], "nothing was said of the build itself");

    assert_eq!(store.observed(&[], at(10)).await.unwrap().revisited, 1);
    let again = stale(&store).await;
    assert_eq!((again.len(), again[0].attempt, again[0].unresolved), (1, 1, false));
    store.observed(&again, at(10)).await.unwrap();
    let build = &observations(&store).await[0];
    assert_eq!(
        (&build.key, &build.ancestors[..]),
        (&acme("build/5.1"), &[acme("pull_request/2"), acme("issue/1")][..])
    );
    // The pull request's own parent was never seen; the build's was, and it is looked at no more.
    let year = 365 * 24 * 3600;
    assert_eq!(store.observed(&[], at(year)).await.unwrap().revisited, 1);
    assert_eq!(stale(&store).await[0].observation.as_ref().unwrap().key, acme("pull_request/2"));
}

pub(in crate::store) async fn an_unresolved_item_is_looked_at_again_a_few_times_and_then_left<S: Store>(
    store: S,
) {
    commit_one(&store, delivery(1, 0, build_of(&sha()))).await;
    let mut now = 0;
    for (attempt, delay) in REVISITS.iter().map(|micros| micros / 1_000_000).enumerate() {
        let seen = stale(&store).await;
        assert_eq!((seen.len(), seen[0].attempt), (1, attempt as u32));
        let noted = store.observed(&seen, at(now)).await.unwrap();
        assert_eq!(noted, Noted { settled: 1, revisited: 0 });
        let early = store.observed(&[], at(now + delay - 1)).await.unwrap();
        assert_eq!((early, stale(&store).await), (Noted::default(), vec![]), "{delay} s are not over");
        now += delay;
        assert_eq!(store.observed(&[], at(now)).await.unwrap().revisited, 1, "after {delay} s");
        assert_eq!(store.observed(&[], at(now)).await.unwrap().revisited, 0);
    }
    assert_eq!(observe_all(&store, now).await, 1);
    let year = 365 * 24 * 3600;
    assert_eq!(store.observed(&[], at(now + year)).await.unwrap(), Noted::default());
}

pub(in crate::store) async fn a_change_gives_an_unresolved_item_new_chances<S: Store>(store: S) {
    commit_one(&store, delivery(1, 0, build_of(&sha()))).await;
    observe_all(&store, 0).await;
    // What is due can come together with other observations.
    open_issue(&store, 2, 1).await;
    let issue = stale(&store).await;
    assert_eq!(store.observed(&issue, at(10)).await.unwrap(), Noted { settled: 1, revisited: 1 });
    assert_eq!(stale(&store).await[0].attempt, 1);
    let mut renamed = build_of(&sha());
    renamed.events[0].facts.attr(crate::work::testing::stamp(30), Attr::PipelineName, Some("CI"));
    commit_one(&store, delivery(3, 30, renamed)).await;
    let seen = stale(&store).await;
    assert_eq!((seen.len(), seen[0].attempt), (1, 0));
}

pub(in crate::store) async fn a_revisit_waits_for_no_clock_that_was_set_back<S: Store>(store: S) {
    commit_one(&store, delivery(1, 0, build_of(&sha()))).await;
    let year = 365 * 24 * 3600;
    observe_all(&store, year).await;
    assert_eq!(store.observed(&[], at(0)).await.unwrap().revisited, 1);
}

pub(in crate::store) async fn other_rules_make_everything_stale_once<S: Store>(store: S) {
    let plain = observation::fingerprint(&Tagger::default());
    let other = observation::fingerprint(&Tagger::new(&["tier".to_owned()], &[]).unwrap());
    assert!(store.observed_with(plain).await.unwrap());
    commit_one(&store, delivery(1, 0, build_of(&sha()))).await;
    open_issue(&store, 2, 1).await;
    let before = stale(&store).await;
    store.observed(&before, at(0)).await.unwrap();
    open_issue(&store, 3, 2).await;

    assert!(!store.observed_with(plain).await.unwrap());
    assert_eq!(store.stats().await.unwrap().stale, 1);
    let old = stale(&store).await;
    assert!(store.observed_with(other).await.unwrap());
    assert!(!store.observed_with(other).await.unwrap());
    assert_eq!(store.stats().await.unwrap().stale, 3);
    // What was read under the old rules does not count.
    assert_eq!(store.observed(&old, at(1)).await.unwrap().settled, 0);
    assert_eq!(observe_all(&store, 1).await, 3);
    // The build keeps the chance it had, and gets no further one.
    assert_eq!(store.observed(&[], at(30)).await.unwrap().revisited, 1);
}

pub(in crate::store) async fn the_last_delivery_of_each_source_is_known_even_if_it_was_a_duplicate<
    S: Store,
>(
    store: S,
) {
    let last = async || store.stats().await.unwrap().last_delivery;
    assert_eq!(last().await, BTreeMap::new());
    let opened = |id, seconds| delivery(id, seconds, says(cycle(acme("issue/1"), 0, &[], &[])));
    let earlier_and_later = vec![opened(1, 50), opened(2, 20)];
    store.commit(earlier_and_later, &rules()).await.unwrap();
    assert_eq!(last().await, BTreeMap::from([(Source::Github, at(50).micros())]));
    assert_eq!(commit_one(&store, opened(1, 70)).await, Committed::Duplicate);
    let kept = Quarantined { reason: String::new(), headers: vec![], body: vec![] };
    let odd = Delivery { source: Source::Jenkins, content: Content::Quarantined(kept), ..opened(3, 60) };
    assert_eq!(commit_one(&store, odd).await, Committed::Quarantined);
    commit_one(&store, opened(4, 10)).await;
    let expected = [(Source::Github, at(70).micros()), (Source::Jenkins, at(60).micros())];
    assert_eq!(last().await, BTreeMap::from(expected));
}

pub(in crate::store) async fn several_items_are_read_at_once<S: Store>(store: S) {
    open_issue(&store, 1, 1).await;
    open_issue(&store, 2, 2).await;
    let keys = [acme("issue/2"), acme("issue/9"), acme("issue/1"), acme("issue/2")];
    let items = store.items(&keys).await.unwrap();
    let found: Vec<Option<Key>> = items.into_iter().map(|item| item.map(|item| item.key)).collect();
    let [two, _, one, again] = keys;
    assert_eq!(found, [Some(two), None, Some(one), Some(again)]);
    assert_eq!(store.items(&[]).await.unwrap(), []);
}

pub(in crate::store) async fn other_rules_make_every_item_stale_slice_by_slice<S: Store>(store: S) {
    for issue in 1..=20 {
        open_issue(&store, issue, issue).await;
    }
    assert!(store.observed_with([1; 32]).await.unwrap(), "by nothing before");
    assert_eq!(observe_all(&store, 0).await, 20);
    assert!(!store.observed_with([1; 32]).await.unwrap());
    assert_eq!(stale(&store).await, []);
    // One of them is stale already, and keeps its chances of finding a parent.
    close_issue(&store, 21, 60).await;
    assert!(store.observed_with([2; 32]).await.unwrap());
    let all = stale(&store).await;
    assert_eq!(all.len(), 20);
    assert_eq!(all.iter().filter(|one| one.attempt == 0).count(), 1);
    assert!(!store.observed_with([2; 32]).await.unwrap());
    // Several that start together, of which some have other rules: the last has its way, nobody waits for ever.
    observe_all(&store, 0).await;
    let (a, b, c) = tokio::join!(
        store.observed_with([3; 32]),
        store.observed_with([4; 32]),
        store.observed_with([3; 32])
    );
    assert!(a.unwrap() | b.unwrap() | c.unwrap());
    assert_eq!(stale(&store).await.len(), 20);
    let again = [store.observed_with([3; 32]).await.unwrap(), store.observed_with([4; 32]).await.unwrap()];
    assert!(again.contains(&true), "they cannot both have had their way");
}
