//! What is past its age goes, with all that hangs on it, and nothing else does.

use super::*;

const DAY: i64 = 24 * 3600;

/// Issues, builds and deploys are kept for a day, pull requests and identities for two, jobs for one.
fn short() -> Rules {
    let micros = |days: i64| days * DAY * 1_000_000;
    let kinds = [
        (Kind::Issue, micros(1)),
        (Kind::PullRequest, micros(2)),
        (Kind::Build, micros(1)),
        (Kind::Job, micros(1)),
        (Kind::Deploy, micros(1)),
    ];
    Rules { retention: Retention::new(kinds, Some(micros(2))), ..rules() }
}

/// Walks over all items, `limit` at a time; how many went of each kind.
async fn expire<S: Store>(store: &S, now: i64, limit: usize, exporting: bool) -> BTreeMap<Kind, usize> {
    let (mut after, mut gone) = (i64::MIN, BTreeMap::new());
    loop {
        let expired = store.expire(after, limit, at(now), &short(), exporting).await.unwrap();
        for (kind, items) in expired.items {
            *gone.entry(kind).or_default() += items;
        }
        match expired.reached {
            Some(reached) => after = reached,
            None => return gone,
        }
    }
}

/// Walks over deliveries, references and moments; how many of each went.
async fn forget<S: Store>(store: &S, now: i64, limit: usize, rules: &Rules) -> (usize, usize, usize) {
    let (mut mark, mut gone) = (None, (0, 0, 0));
    loop {
        let forgotten = store.forget(mark, limit, at(now), rules).await.unwrap();
        let Forgotten { reached, deliveries, refs, moments } = forgotten;
        gone = (gone.0 + deliveries, gone.1 + refs, gone.2 + moments);
        match reached {
            Some(reached) => mark = Some(reached),
            None => return gone,
        }
    }
}

async fn built<S: Store>(store: &S, id: u8, ended: i64) -> Key {
    let key = acme(&format!("build/{id}.1"));
    let event = run(key.clone(), ended - 60, Some((ended, Outcome::Success)));
    commit_one(store, delivery(id, ended, says(event))).await;
    key
}

async fn observe_all<S: Store>(store: &S, now: i64) {
    let stale = store.stale(i64::MIN, 100, &rules()).await.unwrap();
    store.observed(&stale, at(now)).await.unwrap();
}

async fn is_there<S: Store>(store: &S, key: &Key) -> bool {
    store.item(key).await.unwrap().0.is_some()
}

pub(in crate::store) async fn what_is_past_its_age_goes_with_all_that_is_kept_of_it<S: Store>(store: S) {
    let old = built(&store, 1, 100).await;
    let young = built(&store, 2, DAY).await;
    commit_one(&store, delivery(3, 0, says(cycle(acme("issue/3"), 0, &[], &[])))).await;
    store.seal(at(2 * DAY), 10, &main_backend(), &rules()).await.unwrap();
    observe_all(&store, DAY).await;
    assert!(store.item(&old).await.unwrap().1.is_some(), "pinned");
    let waiting = store.stats().await.unwrap().backlog["main"].entries;

    assert_eq!(expire(&store, DAY + 99, 2, true).await, BTreeMap::new(), "not yet");
    assert_eq!(expire(&store, DAY + 101, 2, true).await, BTreeMap::from([(Kind::Build, 1)]));
    assert_eq!(store.item(&old).await.unwrap(), (None, None), "nor is its place settled any more");
    assert!(is_there(&store, &young).await && is_there(&store, &acme("issue/3")).await);
    let stats = store.stats().await.unwrap();
    assert_eq!((stats.items, stats.due, stats.stale), (2, 0, 0));
    assert_eq!(stats.open.get(&Kind::Issue), Some(&1));
    assert_eq!(stats.backlog["main"].entries, waiting, "what is on its way stays on its way");
    let page = store.observations(i64::MIN, 10).await.unwrap();
    let kept: Vec<Key> = page.observations.into_iter().map(|(_, observation)| observation.key).collect();
    assert_eq!(kept, [young, acme("issue/3")]);
    assert_eq!(expire(&store, DAY + 101, 100, true).await, BTreeMap::new());
}

pub(in crate::store) async fn what_is_open_or_waits_to_be_exported_does_not_go<S: Store>(store: S) {
    let closed = built(&store, 1, 100).await;
    commit_one(&store, delivery(2, 0, says(cycle(acme("issue/2"), 0, &[], &[])))).await;
    let reopened = cycle(acme("issue/3"), 0, &[(60, Outcome::Completed)], &[90]);
    commit_one(&store, delivery(3, 0, says(reopened))).await;
    let year = 365 * DAY;
    assert_eq!(expire(&store, year, 100, true).await, BTreeMap::new(), "the build waits for its export");
    assert_eq!(store.stats().await.unwrap().due, 2);
    // With no backend it would wait for ever.
    assert_eq!(expire(&store, year, 100, false).await, BTreeMap::from([(Kind::Build, 1)]));
    assert!(!is_there(&store, &closed).await);
    let stats = store.stats().await.unwrap();
    assert_eq!((stats.items, stats.due, stats.open[&Kind::Issue]), (2, 1, 2));
}

pub(in crate::store) async fn without_an_age_nothing_goes<S: Store>(store: S) {
    built(&store, 1, 100).await;
    let expired = store.expire(i64::MIN, 10, at(3000 * DAY), &rules(), false).await.unwrap();
    assert_eq!(expired.items, BTreeMap::new());
    assert_eq!(forget(&store, 3000 * DAY, 10, &rules()).await, (0, 0, 0));
    assert_eq!(store.stats().await.unwrap().items, 1);
}

pub(in crate::store) async fn what_comes_again_after_it_went_is_not_exported_again<S: Store>(store: S) {
    let key = built(&store, 1, 100).await;
    store.seal(at(200), 10, &main_backend(), &short()).await.unwrap();
    let sent = store.lease("main", 10).await.unwrap();
    store.settle("main", vec![Settlement::Sent(vec![sent[0].id])], at(200)).await.unwrap();
    assert_eq!(expire(&store, 2 * DAY, 10, true).await.len(), 1);

    // Somebody has it told once more, by a delivery with an identity of its own.
    let again = run(key.clone(), 40, Some((100, Outcome::Success)));
    commit_one(&store, delivery(9, 2 * DAY, says(again))).await;
    assert!(is_there(&store, &key).await);
    let sealed = store.seal(at(2 * DAY + 100), 10, &main_backend(), &short()).await.unwrap();
    assert_eq!((sealed.items, sealed.spans), (1, 0));
    assert_eq!(sealed.omitted, BTreeMap::from([(Kind::Build, 1)]));
    assert_eq!(store.lease("main", 10).await.unwrap(), []);
    let stats = store.stats().await.unwrap();
    assert_eq!((stats.due, stats.backlog["main"].entries), (0, 0));
    assert_eq!(store.item(&key).await.unwrap().1, None, "what is not exported settles nothing");
    assert_eq!(expire(&store, 2 * DAY + 200, 10, true).await.len(), 1, "and it goes again");
}

pub(in crate::store) async fn of_an_item_that_came_back_what_is_new_is_exported<S: Store>(store: S) {
    let both = [(100, Outcome::Completed), (3 * DAY, Outcome::Completed)];
    let reopened = cycle(acme("issue/1"), 0, &both, &[2 * DAY]);
    commit_one(&store, delivery(1, 3 * DAY, says(reopened))).await;
    let sealed = store.seal(at(3 * DAY + 100), 10, &main_backend(), &short()).await.unwrap();
    assert_eq!((sealed.spans, sealed.omitted[&Kind::Issue]), (1, 1));
    let spans = spans(&store, "main").await;
    assert_eq!(spans[0].span_id, SpanId::of(&acme("issue/1"), 1, &[]).0, "the second episode");
    assert_eq!(store.seal(at(4 * DAY), 10, &main_backend(), &short()).await.unwrap(), Sealed::default());
}

pub(in crate::store) async fn the_numbers_of_what_went_are_not_given_again<S: Store>(store: S) {
    let sha = Ref::commit("ec26c3e57ca3a959ca5aad62de7213c562f8c821").unwrap();
    let mut said = says(run(acme("build/1.1"), 0, Some((60, Outcome::Success))));
    said.refs = vec![(sha.clone(), Pointer::Item(acme("build/1.1")))];
    commit_one(&store, delivery(1, 60, said)).await;
    assert_eq!(expire(&store, 2 * DAY, 10, false).await.len(), 1);
    // The reference is still there; it must not lead to whoever comes next.
    let stranger = cycle(acme("pull_request/2"), 0, &[], &[]);
    commit_one(&store, delivery(2, 2 * DAY, says(stranger))).await;
    let job = related(run(acme("job/3"), 2 * DAY, None), Relation::Commit, vec![Target::Ref(sha)]);
    commit_one(&store, delivery(3, 2 * DAY, says(job))).await;
    assert_eq!(store.root(&acme("job/3")).await.unwrap(), acme("job/3"));
}

pub(in crate::store) async fn the_identities_of_old_deliveries_are_forgotten<S: Store>(store: S) {
    for id in 1..=5 {
        built(&store, id, i64::from(id) * DAY).await;
    }
    let later = 6 * DAY + 10;
    assert_eq!(forget(&store, later, 2, &short()).await.0, 3, "of the days one to three");
    assert_eq!(forget(&store, later, 2, &short()).await.0, 0);
    let again = |id: u8| {
        let ended = i64::from(id) * DAY;
        let event = run(acme(&format!("build/{id}.1")), ended - 60, Some((ended, Outcome::Success)));
        delivery(id, later, says(event))
    };
    let before = store.item(&acme("build/1.1")).await.unwrap().0;
    assert!(matches!(commit_one(&store, again(1)).await, Committed::Recorded(_)));
    assert_eq!(store.item(&acme("build/1.1")).await.unwrap().0, before, "which changes nothing");
    assert_eq!(commit_one(&store, again(5)).await, Committed::Duplicate);
}

pub(in crate::store) async fn references_to_what_went_are_forgotten<S: Store>(store: S) {
    let sha = |n: u8| Ref::commit(&format!("{n:040x}")).unwrap();
    for id in 1..=6u8 {
        let key = acme(&format!("build/{id}.1"));
        let ended = if id <= 4 { 60 } else { 10 * DAY };
        let mut said = says(run(key.clone(), ended - 60, Some((ended, Outcome::Success))));
        let project = (
            Ref::project(Source::Github, "api"),
            Pointer::Project("github.com".to_owned(), "acme/api".to_owned()),
        );
        said.refs = vec![(sha(id), Pointer::Item(key)), project];
        commit_one(&store, delivery(id, 60, said)).await;
    }
    assert_eq!(forget(&store, 10 * DAY, 3, &short()).await.1, 0, "all of them are there");
    assert_eq!(expire(&store, 10 * DAY, 3, false).await, BTreeMap::from([(Kind::Build, 4)]));
    assert_eq!(forget(&store, 10 * DAY, 3, &short()).await.1, 4);
    assert_eq!(forget(&store, 10 * DAY, 3, &short()).await.1, 0);
    // Those that are left still lead to what is left.
    let job = |n: u8| {
        let event = run(acme(&format!("job/{n}")), 10 * DAY, None);
        says(related(event, Relation::Commit, vec![Target::Ref(sha(n))]))
    };
    commit_one(&store, delivery(20, 10 * DAY, job(1))).await;
    commit_one(&store, delivery(21, 10 * DAY, job(5))).await;
    assert_eq!(store.root(&acme("job/1")).await.unwrap(), acme("job/1"));
    assert_eq!(store.root(&acme("job/5")).await.unwrap(), acme("build/5.1"));
}

pub(in crate::store) async fn moments_of_what_went_are_forgotten_those_that_it_had_left_too<S: Store>(
    store: S,
) {
    let merged = |id: u8, key: &str, closed: &[(i64, Outcome)], reopened: &[i64]| {
        delivery(id, 0, says(cycle(acme(key), 0, closed, reopened)))
    };
    commit_one(&store, merged(1, "pull_request/1", &[(60, Outcome::Merged)], &[])).await;
    // It was merged again: where it stood before is left behind.
    let twice = [(60, Outcome::Merged), (900, Outcome::Merged)];
    commit_one(&store, merged(2, "pull_request/1", &twice, &[600])).await;
    commit_one(&store, merged(3, "pull_request/2", &[(10 * DAY, Outcome::Merged)], &[])).await;
    assert_eq!(forget(&store, 10 * DAY, 1, &short()).await.2, 0, "both are there");
    assert_eq!(expire(&store, 10 * DAY, 3, false).await, BTreeMap::from([(Kind::PullRequest, 1)]));
    assert_eq!(forget(&store, 10 * DAY, 1, &short()).await.2, 2);
    assert_eq!(forget(&store, 10 * DAY, 1, &short()).await.2, 0);
    let findings = store.check(&[], &nobody()).await.unwrap().findings;
    assert!(!findings.iter().any(|finding| finding.about == "moments"), "{findings:?}");
}

pub(in crate::store) async fn an_observation_of_what_went_meanwhile_is_not_taken<S: Store>(store: S) {
    built(&store, 1, 100).await;
    let seen = store.stale(i64::MIN, 10, &rules()).await.unwrap();
    assert_eq!(expire(&store, 2 * DAY, 10, false).await.len(), 1);
    assert_eq!(store.observed(&seen, at(2 * DAY)).await.unwrap(), Noted::default());
    assert_eq!(store.observations(i64::MIN, 10).await.unwrap(), ObservationPage::default());
}

pub(in crate::store) async fn one_walk_deletes_whatever_is_past_its_age<S: Store>(store: S) {
    for id in 1..=3 {
        built(&store, id, 100).await;
    }
    let metrics = crate::telemetry::Metrics::new();
    let walk = async |now| {
        let walked = crate::store::housekeeping::walk(&store, &short(), false, &metrics, at(now)).await;
        walked.unwrap().unwrap()
    };
    let tidied = walk(10 * DAY).await;
    assert_eq!((tidied.items, tidied.deliveries), (BTreeMap::from([(Kind::Build, 3)]), 3));
    assert!(metrics.encode().contains("valuestream_items_deleted_total{kind=\"build\"} 3"));
    assert_eq!(walk(10 * DAY).await, Default::default());
}
