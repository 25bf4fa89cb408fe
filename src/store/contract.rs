//! The suite that every store passes. Each test is a promise of [`Store`]; a backend runs them all
//! through [`contract_tests!`].

mod checking;
mod expiring;
mod observing;

use std::sync::Arc;

pub(super) use self::checking::*;
pub(super) use self::expiring::*;
pub(super) use self::observing::*;
use super::*;
use crate::insight::environment::Environments;
use crate::insight::query::Tier;
use crate::work::event::{Outcome, Pointer, Ref, Relation, Said, Target};
use crate::work::ids::{SpanId, TraceId};
use crate::work::testing::{acme, at, cycle, related, run};

/// Who is not told how far a check is.
pub(super) fn nobody() -> Arc<dyn Show> {
    Arc::new(())
}

/// A delivery that says `said`, known by `id`, received `seconds` after the start.
pub(super) fn delivery(id: u8, seconds: i64, said: Said) -> Delivery {
    Delivery {
        source: Source::Github,
        id: DeliveryId([id; 16]),
        received_at: at(seconds),
        content: Content::Said(said),
    }
}

fn says(event: crate::work::event::Event) -> Said {
    Said { events: vec![event], ..Said::default() }
}

/// Ten seconds to settle, no rules for tags.
pub(super) fn rules() -> Rules {
    let production = ["prod*".to_owned()];
    let environments = Environments::new(&[(Tier::Production, &production)]).unwrap();
    Rules {
        tagger: Arc::new(Tagger::default()),
        environments: Arc::new(environments),
        settle: 10_000_000,
        retention: Retention::default(),
    }
}

fn main_backend() -> Vec<String> {
    vec!["main".to_owned()]
}

async fn commit_one<S: Store>(store: &S, delivery: Delivery) -> Committed {
    store.commit(vec![delivery], &rules()).await.unwrap().remove(0)
}

async fn spans<S: Store>(store: &S, backend: &str) -> Vec<opentelemetry_proto::tonic::trace::v1::Span> {
    let leased = store.lease(backend, 100).await.unwrap();
    leased.iter().flat_map(|entry| crate::export::encode::decode(&entry.spans).unwrap()).collect()
}

pub(super) async fn a_delivery_counts_once<S: Store>(store: S) {
    let opened = || delivery(1, 0, says(cycle(acme("issue/1"), 0, &[], &[])));
    let first = commit_one(&store, opened()).await;
    assert!(matches!(&first, Committed::Recorded(r) if r.keys == [acme("issue/1")] && r.turns.len() == 1));
    assert_eq!(commit_one(&store, opened()).await, Committed::Duplicate);
    // Within one batch too.
    let again = |id| delivery(id, 0, says(cycle(acme("issue/2"), 0, &[], &[])));
    let batch = store.commit(vec![again(2), again(2)], &rules()).await.unwrap();
    assert!(matches!(batch.as_slice(), [Committed::Recorded(_), Committed::Duplicate]));
    assert_eq!(store.stats().await.unwrap().items, 2);
}

pub(super) async fn an_item_is_what_all_its_deliveries_say<S: Store>(store: S) {
    let opened = delivery(1, 0, says(cycle(acme("issue/1"), 0, &[], &[])));
    let closed = delivery(2, 0, says(cycle(acme("issue/1"), 0, &[(60, Outcome::Completed)], &[])));
    let reopened = delivery(3, 0, says(cycle(acme("issue/1"), 0, &[], &[90])));
    // Two in one batch, one after.
    store.commit(vec![reopened, closed], &rules()).await.unwrap();
    assert_eq!(store.stats().await.unwrap().open.get(&Kind::Issue), Some(&1));
    commit_one(&store, opened).await;
    let (item, pin) = store.item(&acme("issue/1")).await.unwrap();
    assert_eq!(item.unwrap().episodes().len(), 2);
    assert_eq!(pin, None);
    let stats = store.stats().await.unwrap();
    assert_eq!((stats.items, stats.due, stats.open[&Kind::Issue]), (1, 1, 1));
}

pub(super) async fn a_closed_item_is_sealed_once_it_has_settled<S: Store>(store: S) {
    commit_one(&store, delivery(1, 100, says(cycle(acme("issue/1"), 0, &[(60, Outcome::Completed)], &[]))))
        .await;
    assert_eq!(store.seal(at(109), 10, &main_backend(), &rules()).await.unwrap(), Sealed::default());
    let sealed = store.seal(at(110), 10, &main_backend(), &rules()).await.unwrap();
    assert_eq!((sealed.items, sealed.spans), (1, 1));
    assert_eq!(store.seal(at(200), 10, &main_backend(), &rules()).await.unwrap(), Sealed::default());
    assert_eq!(store.stats().await.unwrap().due, 0);

    let spans = spans(&store, "main").await;
    assert_eq!(spans.len(), 1);
    assert_eq!(spans[0].trace_id, TraceId::of(&acme("issue/1")).0);
    assert_eq!(spans[0].span_id, SpanId::of(&acme("issue/1"), 0, &[]).0);
    assert!(spans[0].parent_span_id.is_empty());
}

pub(super) async fn a_clock_that_is_set_back_holds_nothing_up<S: Store>(store: S) {
    let year = 365 * 24 * 3600;
    commit_one(&store, delivery(1, year, says(cycle(acme("issue/1"), 0, &[(60, Outcome::Completed)], &[]))))
        .await;
    assert_eq!(store.seal(at(0), 10, &main_backend(), &rules()).await.unwrap().items, 1);
}

pub(super) async fn every_backend_gets_every_span_at_its_own_pace<S: Store>(store: S) {
    let backends = vec!["a".to_owned(), "b".to_owned()];
    for id in 1..=3 {
        let ended = run(acme(&format!("build/{id}.1")), 0, Some((60, Outcome::Success)));
        commit_one(&store, delivery(id, 0, says(ended))).await;
    }
    assert_eq!(store.seal(at(100), 10, &backends, &rules()).await.unwrap().items, 3);

    let first = store.lease("a", 2).await.unwrap();
    let rest = store.lease("a", 10).await.unwrap();
    assert_eq!((first.len(), rest.len()), (2, 1), "what is leased is not leased again");
    assert_eq!(store.lease("a", 10).await.unwrap(), []);
    let ids = |leased: &[Leased]| leased.iter().map(|e| e.id).collect::<Vec<_>>();
    let verdicts =
        vec![Settlement::Sent(ids(&first)), Settlement::Rejected(ids(&rest), "too old".to_owned())];
    store.settle("a", verdicts, at(120)).await.unwrap();
    assert_eq!(store.lease("a", 10).await.unwrap(), []);

    let stats = store.stats().await.unwrap();
    assert_eq!((stats.backlog["a"].entries, stats.backlog["a"].rejected), (0, 1));
    assert_eq!(stats.backlog["b"].entries, 3);
    assert_eq!(stats.backlog["b"].oldest, Some(at(100).micros()));
    assert_eq!(store.lease("b", 10).await.unwrap().len(), 3);
}

pub(super) async fn what_was_tried_least_comes_first<S: Store>(store: S) {
    for id in 1..=2 {
        let ended = run(acme(&format!("build/{id}.1")), 0, Some((60, Outcome::Success)));
        commit_one(&store, delivery(id, 0, says(ended))).await;
    }
    store.seal(at(100), 10, &main_backend(), &rules()).await.unwrap();
    let poison = store.lease("main", 1).await.unwrap();
    store.settle("main", vec![Settlement::Retry(vec![poison[0].id])], at(100)).await.unwrap();
    let next = store.lease("main", 1).await.unwrap();
    assert_ne!(next[0].id, poison[0].id);
    store.settle("main", vec![Settlement::Untried(vec![next[0].id])], at(100)).await.unwrap();
    let order: Vec<i64> = store.lease("main", 2).await.unwrap().iter().map(|e| e.id).collect();
    assert_eq!(order, [next[0].id, poison[0].id]);
}

pub(super) async fn rejected_exports_are_kept_until_they_are_dealt_with<S: Store>(store: S) {
    commit_one(&store, delivery(1, 0, says(run(acme("build/1.1"), 0, Some((60, Outcome::Failure)))))).await;
    store.seal(at(100), 10, &main_backend(), &rules()).await.unwrap();
    let before = store.lease("main", 1).await.unwrap();
    let reject = Settlement::Rejected(vec![before[0].id], "invalid".to_owned());
    store.settle("main", vec![reject], at(120)).await.unwrap();

    let rejected = store.rejected(0, 10).await.unwrap();
    assert_eq!(rejected.len(), 1);
    let entry = &rejected[0];
    assert_eq!((entry.key.as_str(), entry.reason.as_str()), (acme("build/1.1").as_str(), "invalid"));
    assert_eq!((entry.rejected_at, entry.spans), (at(120).micros(), 1));

    assert_eq!(store.retry_rejected(&[entry.id]).await.unwrap(), 1);
    assert_eq!(store.rejected(0, 10).await.unwrap(), []);
    let again = store.lease("main", 1).await.unwrap();
    assert_eq!((&again[0].key, &again[0].spans), (&before[0].key, &before[0].spans));
    let stats = store.stats().await.unwrap();
    assert_eq!((stats.backlog["main"].entries, stats.backlog["main"].rejected), (1, 0));

    let reject = Settlement::Rejected(vec![again[0].id], "invalid".to_owned());
    store.settle("main", vec![reject], at(140)).await.unwrap();
    let id = store.rejected(0, 10).await.unwrap()[0].id;
    assert_eq!(store.drop_rejected(&[id + 1, id]).await.unwrap(), 1, "of those that there are");
    assert_eq!(store.rejected(0, 10).await.unwrap(), []);
    let stats = store.stats().await.unwrap();
    assert_eq!((stats.backlog["main"].entries, stats.backlog["main"].rejected), (0, 0));
}

pub(super) async fn an_exported_span_stands_and_what_comes_late_is_counted<S: Store>(store: S) {
    commit_one(&store, delivery(1, 0, says(cycle(acme("issue/1"), 0, &[(60, Outcome::Completed)], &[]))))
        .await;
    store.seal(at(100), 10, &main_backend(), &rules()).await.unwrap();
    let mut titled = cycle(acme("issue/1"), 0, &[], &[]);
    let stamp = crate::work::testing::stamp(70);
    titled.facts.attr(stamp, crate::work::attr::Attr::IssueTitle, Some("late"));
    match commit_one(&store, delivery(2, 100, says(titled.clone()))).await {
        Committed::Recorded(recorded) => assert_eq!(recorded.late, [Kind::Issue]),
        other => panic!("{other:?}"),
    }
    // Said again it changes nothing, and is not late.
    match commit_one(&store, delivery(3, 100, says(titled))).await {
        Committed::Recorded(recorded) => assert_eq!(recorded.late, []),
        other => panic!("{other:?}"),
    }
    assert_eq!(store.seal(at(500), 10, &main_backend(), &rules()).await.unwrap().items, 0);

    // A new episode is a new span of the same trace, linked to the one before.
    let again = cycle(acme("issue/1"), 0, &[(300, Outcome::Completed)], &[200]);
    commit_one(&store, delivery(4, 300, says(again))).await;
    assert_eq!(store.seal(at(500), 10, &main_backend(), &rules()).await.unwrap().spans, 1);
    let spans = spans(&store, "main").await;
    assert_eq!(spans.len(), 2);
    assert_eq!(spans[0].trace_id, spans[1].trace_id);
    assert_eq!(spans[1].links[0].span_id, spans[0].span_id);
}

pub(super) async fn the_place_in_the_trace_is_found_late_and_then_stands<S: Store>(store: S) {
    let sha = Ref::commit("ec26c3e57ca3a959ca5aad62de7213c562f8c821").unwrap();
    let build = related(
        run(acme("build/5.1"), 10, Some((20, Outcome::Success))),
        Relation::Commit,
        vec![Target::Ref(sha.clone())],
    );
    commit_one(&store, delivery(1, 0, says(build))).await;
    // The pull request arrives while the build settles, with the commit that the build names.
    let change = Said {
        events: vec![cycle(acme("pull_request/2"), 0, &[], &[])],
        refs: vec![(sha, Pointer::Item(acme("pull_request/2")))],
        ..Said::default()
    };
    commit_one(&store, delivery(2, 5, change)).await;
    assert_eq!(store.root(&acme("build/5.1")).await.unwrap(), acme("pull_request/2"));
    store.seal(at(100), 10, &main_backend(), &rules()).await.unwrap();
    let built = spans(&store, "main").await;
    assert_eq!(built[0].trace_id, TraceId::of(&acme("pull_request/2")).0);
    assert_eq!(built[0].parent_span_id, SpanId::of(&acme("pull_request/2"), 0, &[]).0);

    // What the pull request closes is learned too late for its trace.
    let closed = related(
        cycle(acme("pull_request/2"), 0, &[(200, Outcome::Merged)], &[]),
        Relation::Closes,
        vec![Target::Key(acme("issue/1"))],
    );
    commit_one(&store, delivery(3, 200, says(closed))).await;
    store.seal(at(300), 10, &main_backend(), &rules()).await.unwrap();
    let merged = spans(&store, "main").await;
    assert_eq!(merged[0].trace_id, built[0].trace_id);
    assert!(merged[0].parent_span_id.is_empty());
    assert_eq!(merged[0].links[0].trace_id, TraceId::of(&acme("issue/1")).0);
}

pub(super) async fn the_quarantine_keeps_until_it_is_released_or_dropped<S: Store>(store: S) {
    let kept = Quarantined {
        reason: "issue.created_at is missing".to_owned(),
        headers: vec![("x-github-event".to_owned(), "issues".to_owned())],
        body: vec![b'{', 0xff, b'}'],
    };
    let bad = |id| Delivery {
        source: Source::Github,
        id: DeliveryId([id; 16]),
        received_at: at(7),
        content: Content::Quarantined(kept.clone()),
    };
    assert_eq!(commit_one(&store, bad(1)).await, Committed::Quarantined);
    assert_eq!(commit_one(&store, bad(1)).await, Committed::Duplicate);
    assert_eq!(commit_one(&store, bad(2)).await, Committed::Quarantined);

    let listed = store.quarantine(0, 10).await.unwrap();
    assert_eq!(listed.len(), 2);
    assert_eq!((listed[0].bytes, listed[0].received_at), (3, at(7).micros()));
    assert_eq!(store.quarantine(listed[0].id, 10).await.unwrap().len(), 1);
    assert_eq!(store.quarantined(listed[0].id).await.unwrap(), Some((Source::Github, at(7), kept.clone())));

    let understood = delivery(1, 7, says(cycle(acme("issue/1"), 0, &[], &[])));
    let released = store.release(listed[0].id, understood, &rules()).await.unwrap();
    assert!(matches!(released, Committed::Recorded(_)), "{released:?}");
    assert_eq!(store.drop_quarantined(&[listed[1].id, 999]).await.unwrap(), 1);
    assert_eq!(store.quarantine(0, 10).await.unwrap(), []);
    assert_eq!(store.stats().await.unwrap().quarantined, 0);
    assert!(store.item(&acme("issue/1")).await.unwrap().0.is_some());
}

pub(super) async fn commits_at_the_same_time_lose_nothing<S: Store>(store: S) {
    let store = Arc::new(store);
    let tasks: Vec<_> = (0..50u8)
        .map(|id| {
            let store = store.clone();
            tokio::spawn(async move {
                // All of one item, each with a reopening of its own.
                let said = says(cycle(acme("issue/1"), 0, &[], &[i64::from(id) + 1]));
                commit_one(&*store, delivery(id, 0, said)).await
            })
        })
        .collect();
    for task in tasks {
        assert!(matches!(task.await.unwrap(), Committed::Recorded(_)));
    }
    let (item, _) = store.item(&acme("issue/1")).await.unwrap();
    let crate::work::event::Life::Cycle(life) = item.unwrap().facts.life else { panic!("an issue") };
    assert_eq!(life.reopened.iter().count(), 50);
}

/// Runs every promise against the store that `$open` gives.
macro_rules! contract_tests {
    ($open:expr) => {
        contract_tests!($open;
            a_delivery_counts_once,
            an_item_is_what_all_its_deliveries_say,
            a_closed_item_is_sealed_once_it_has_settled,
            a_clock_that_is_set_back_holds_nothing_up,
            every_backend_gets_every_span_at_its_own_pace,
            what_was_tried_least_comes_first,
            rejected_exports_are_kept_until_they_are_dealt_with,
            an_exported_span_stands_and_what_comes_late_is_counted,
            the_place_in_the_trace_is_found_late_and_then_stands,
            the_quarantine_keeps_until_it_is_released_or_dropped,
            commits_at_the_same_time_lose_nothing,
            whatever_is_said_of_an_item_makes_it_stale_until_it_is_observed,
            an_item_that_changes_between_reading_and_writing_stays_stale,
            an_observation_that_comes_late_undoes_none_that_is_newer,
            stale_items_and_observations_come_in_pages,
            sealing_makes_stale_because_it_settles_the_place,
            an_observation_knows_the_ancestors_that_are_known_by_then,
            an_unresolved_item_is_looked_at_again_a_few_times_and_then_left,
            a_change_gives_an_unresolved_item_new_chances,
            a_revisit_waits_for_no_clock_that_was_set_back,
            other_rules_make_everything_stale_once,
            other_rules_make_every_item_stale_slice_by_slice,
            the_last_delivery_of_each_source_is_known_even_if_it_was_a_duplicate,
            several_items_are_read_at_once,
            what_is_past_its_age_goes_with_all_that_is_kept_of_it,
            what_is_open_or_waits_to_be_exported_does_not_go,
            without_an_age_nothing_goes,
            what_comes_again_after_it_went_is_not_exported_again,
            of_an_item_that_came_back_what_is_new_is_exported,
            the_numbers_of_what_went_are_not_given_again,
            the_identities_of_old_deliveries_are_forgotten,
            references_to_what_went_are_forgotten,
            moments_of_what_went_are_forgotten_those_that_it_had_left_too,
            an_observation_of_what_went_meanwhile_is_not_taken,
            one_walk_deletes_whatever_is_past_its_age,
            a_store_in_use_agrees_with_itself,
            counts_that_are_off_are_named_and_set_right,
        );
    };
    ($open:expr; $($promise:ident,)*) => {
        $(
            #[tokio::test]
            async fn $promise() {
                // Where a server is missing, there is nothing to open.
                let Some((store, _keep)) = $open else { return };
                crate::store::contract::$promise(store).await;
            }
        )*
    };
}
pub(super) use contract_tests;
