//! Mixed histories: a generated organisation's deliveries from several senders, in any order, with
//! repetitions and in any batches, give the same spans, ids and parents; those are what is known of the
//! history; and what is learned after the first export becomes links.

mod builds;
mod changes;
mod check;
mod deploys;
pub mod harness;
pub mod organisation;
mod truth;

use std::collections::BTreeMap;
use std::future::Future;

use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use self::check::Check;
use self::harness::{Arrival, World, batches, difference, exported, shuffled, straight};
use self::organisation::History;

fn run<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// So many cases, unless the environment asks for more.
fn config(cases: u32) -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    let cases = asked.unwrap_or(cases);
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 64, ..ProptestConfig::default() }
}

/// The seed of a history, and how many changes and deploys it has.
fn history() -> impl Strategy<Value = (u64, usize, usize)> {
    (any::<u64>(), 1..=3usize, 1..=6usize)
}

/// What reaches the store of what was sent, in the order in which it happened.
fn straightly(arrivals: &[Arrival]) -> Vec<Vec<Arrival>> {
    arrivals.chunks(64).map(<[Arrival]>::to_vec).collect()
}

proptest! {
    #![proptest_config(config(12))]

    /// Also of a history of which some deliveries never come.
    #[test]
    fn any_order_repetition_and_batches_give_the_same_spans(
        (seed, changes, deploys) in history(),
        lost in prop_oneof![Just(0.0), 0.0..0.3f64],
    ) {
        let History { told, .. } = History::new(seed, changes, deploys);
        let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 1);
        let mut arrivals = straight(told.len());
        arrivals.retain(|_| !rng.random_bool(lost));
        let expected = run(exported(&told, &straightly(&arrivals), 100));
        for longest in [1 << 16, 40, 7] {
            let order = shuffled(&arrivals, &mut rng);
            let batches = batches(order, longest, &mut rng);
            let slice = rng.random_range(1..40);
            let given = run(exported(&told, &batches, slice));
            if let Some(difference) = difference(&expected, &given) {
                panic!("{difference}");
            }
        }
    }
}

proptest! {
    #![proptest_config(config(24))]

    #[test]
    fn a_history_becomes_the_traces_that_it_is_known_to_be((seed, changes, deploys) in history()) {
        let History { told, truth } = History::new(seed, changes, deploys);
        let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 2);
        let batches = batches(shuffled(&straight(told.len()), &mut rng), 60, &mut rng);
        Check::new(&run(exported(&told, &batches, 50)), &truth).all();
    }

    #[test]
    fn what_is_learned_after_an_export_becomes_links((seed, changes, deploys) in history()) {
        let History { told, truth } = History::new(seed, changes, deploys);
        let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 3);
        let mut early = shuffled(&straight(told.len()), &mut rng);
        let late = early.split_off(rng.random_range(0..early.len()));
        run(async {
            let mut world = World::new();
            let (mut all, mut settled) = (Vec::new(), BTreeMap::new());
            // Exports now and then, while some of what has ended may still settle.
            let longest = rng.random_range(1..200);
            for batch in batches(early, longest, &mut rng) {
                world.commit(&told, &batch).await;
                let settling = if rng.random_bool(0.7) { rng.random_range(0..=world.come()) } else { 0 };
                if rng.random_bool(0.5) {
                    all.extend(world.seal(world.come() - settling, 20).await);
                    let pins = world.pins(truth.lives.keys()).await;
                    let stands = settled.iter().all(|(key, pin)| pins.get(key) == Some(pin));
                    assert!(stands, "what was settled stands: {settled:?} {pins:?}");
                    settled = pins;
                }
            }
            for batch in batches(late, 60, &mut rng) {
                world.commit(&told, &batch).await;
            }
            let later = world.seal_all(50).await;
            let last = world.pins(truth.lives.keys()).await;
            all.extend(later.iter().cloned());
            world.close().await;
            let check = Check::new(&all, &truth);
            check.every_episode_is_there_once();
            check.all_is_plausible();
            check.late_relations_are_links(&settled, &last, &later);
            check.no_parent_is_missing();
        });
    }

    /// The same delivery again says nothing; the same payload in another delivery adds nothing.
    #[test]
    fn what_was_told_before_is_not_told_again((seed, changes, deploys) in history()) {
        let History { told, .. } = History::new(seed, changes.min(1), deploys.min(2));
        run(async {
            let mut world = World::new();
            let all = straight(told.len());
            world.commit(&told, &all).await;
            let first = world.seal_all(100).await;
            prop_assert!(!first.is_empty());
            prop_assert_eq!(world.commit(&told, &all).await, 0);
            let anew: Vec<Arrival> = all.into_iter().map(|arrival| Arrival { copy: 1, ..arrival }).collect();
            world.commit(&told, &anew).await;
            prop_assert_eq!(world.seal_all(100).await, []);
            world.close().await;
            Ok(())
        })?;
    }
}
