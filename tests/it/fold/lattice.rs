//! Facts are a lattice: joining them is associative and commutative, and twice is once.

use super::*;

fn instant() -> impl Strategy<Value = Instant> {
    (trust(), 0..4i64).prop_map(|(trust, minute)| Instant { trust, at: at(minute) })
}

fn trust() -> impl Strategy<Value = Trust> {
    select(vec![Trust::Receipt, Trust::Near, Trust::Derived, Trust::Stated])
}

fn latest<T: fmt::Debug + Clone + 'static>(
    value: impl Strategy<Value = T>,
) -> impl Strategy<Value = Latest<T>> {
    let stamp = (trust(), proptest::option::of(0..3i64), 0..3u8).prop_map(|(trust, minute, step)| Stamp {
        trust,
        at: minute.map(at),
        step,
    });
    (stamp, value).prop_map(|(stamp, value)| Latest::new(stamp, value))
}

fn outcome() -> impl Strategy<Value = Outcome> {
    select(vec![Outcome::Unknown, Outcome::Completed, Outcome::Merged, Outcome::Success, Outcome::Failure])
}

fn run() -> impl Strategy<Value = Run> {
    use proptest::option::of;
    (of(instant()), of(instant()), of(instant()), of(latest(0..4i64)), of(latest(outcome()))).prop_map(
        |(queued, started, ended, duration, outcome)| Run { queued, started, ended, duration, outcome },
    )
}

fn cycle() -> impl Strategy<Value = Cycle> {
    use proptest::collection::vec;
    use proptest::option::of;
    let times = || vec((0..5i64).prop_map(at), 0..4).prop_map(Bounded::from_iter);
    (of(instant()), vec((0..5i64, latest(outcome())), 0..4), times(), times(), of(instant())).prop_map(
        |(opened, closings, reopened, under_way, withdrawn)| {
            let mut closed = BoundedMap::default();
            closings.into_iter().for_each(|(minute, outcome)| closed.insert(at(minute), outcome));
            Cycle { opened, closed, reopened, under_way, withdrawn }
        },
    )
}

/// Facts of one shape, about everything that facts can be about, from so few values that they
/// often contradict each other.
fn facts(runs: bool) -> impl Strategy<Value = Facts> {
    use proptest::collection::{btree_map, btree_set, vec};
    use proptest::option::of;
    let life = if runs { run().prop_map(Facts::run).boxed() } else { cycle().prop_map(Facts::cycle).boxed() };
    let word = || select(vec!["a", "b", "c"]).prop_map(str::to_owned);
    let attrs =
        btree_map(select(vec![Attr::IssueTitle, Attr::Environment, Attr::ChangeId]), latest(word()), 0..3);
    let happenings =
        vec((0..3i64, select(vec![What::Edited, What::Labeled, What::Reviewed]), of(word())), 0..4);
    let targets = vec(select(vec!["issue/1", "pull_request/2"]), 0..2);
    let relations = btree_map(select(vec![Relation::Run, Relation::Closes]), latest(targets), 0..2);
    let steps = vec((0..3u32, of(latest(word())), run()), 0..3);
    let marks = (
        of(latest(word())),
        of(latest(btree_set(word(), 0..3))),
        of(latest(btree_map(word(), word(), 0..3))),
    );
    (life, attrs, happenings, relations, steps, marks).prop_map(
        |(mut facts, attrs, happenings, relations, steps, (language, labels, parameters))| {
            facts.attrs =
                attrs.into_iter().map(|(attr, l)| (attr, Latest::new(l.stamp, l.value.into()))).collect();
            for (minute, what, detail) in happenings {
                facts.happenings.insert(Happening { at: at(minute), what, detail, role: None, person: None });
            }
            for (relation, Latest { stamp, value }) in relations {
                let key = |id: &str| format!("github:github.com/acme/api/{id}").parse().unwrap();
                facts.relate(stamp, relation, value.into_iter().map(|id| Target::Key(key(id))).collect());
            }
            for (number, name, run) in steps {
                facts.steps.insert(number, Step { name, run });
            }
            facts.marks.language = language;
            facts.marks.labels = labels;
            facts.marks.parameters = parameters;
            facts
        },
    )
}

fn joined<T: Join + Clone>(a: &T, b: &T) -> T {
    let mut joined = a.clone();
    joined.join(b.clone());
    joined
}

/// Commutative, associative, idempotent.
fn is_lattice<T: Join + Clone + PartialEq + fmt::Debug>(a: &T, b: &T, c: &T) -> Result<(), TestCaseError> {
    prop_assert_eq!(joined(a, b), joined(b, a));
    prop_assert_eq!(joined(&joined(a, b), c), joined(a, &joined(b, c)));
    prop_assert_eq!(&joined(a, a), a);
    prop_assert_eq!(joined(&joined(a, b), b), joined(a, b));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn facts_are_a_lattice(
        (a, b, c) in any::<bool>().prop_flat_map(|runs| (facts(runs), facts(runs), facts(runs))),
    ) {
        is_lattice(&a, &b, &c)?;
    }

    #[test]
    fn bounds_do_not_break_the_lattice(sets in proptest::array::uniform3(
        proptest::collection::vec((0..2 * BOUND as u16, latest(0..4u8)), 0..2 * BOUND)
    )) {
        let [a, b, c] = sets.clone().map(|set| Bounded::from_iter(set.into_iter().map(|(n, _)| n)));
        is_lattice(&a, &b, &c)?;
        prop_assert!(joined(&a, &b).iter().count() <= BOUND);
        let [a, b, c] = sets.map(|set| {
            let mut map = BoundedMap::default();
            set.into_iter().for_each(|(key, value)| map.insert(key, value));
            map
        });
        is_lattice(&a, &b, &c)?;
        prop_assert!(joined(&a, &b).iter().count() <= BOUND);
    }
}
