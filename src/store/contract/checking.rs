//! A store that only ever was used agrees with itself, whatever was done with it.

use super::*;

async fn check<S: Store>(store: &S) -> Checked {
    store.check(&main_backend(), &nobody()).await.unwrap()
}

pub(in crate::store) async fn a_store_in_use_agrees_with_itself<S: Store>(store: S) {
    assert_eq!(check(&store).await, Checked::default());
    for id in 1..=6u8 {
        let event = match id % 3 {
            0 => cycle(acme(&format!("issue/{id}")), 0, &[(60, Outcome::Completed)], &[90]),
            1 => cycle(acme(&format!("pull_request/{id}")), 0, &[], &[]),
            _ => run(acme(&format!("build/{id}.1")), 0, Some((60, Outcome::Success))),
        };
        commit_one(&store, delivery(id, 0, says(event))).await;
        if id == 4 {
            store.seal(at(20), 10, &main_backend(), &rules()).await.unwrap();
            let stale = store.stale(i64::MIN, 10, &rules()).await.unwrap();
            store.observed(&stale, at(20)).await.unwrap();
        }
    }
    let kept = Quarantined { reason: "odd".to_owned(), headers: vec![], body: vec![1] };
    let odd = Delivery { content: Content::Quarantined(kept), ..delivery(9, 0, Said::default()) };
    commit_one(&store, odd).await;
    let leased = store.lease("main", 1).await.unwrap();
    let reject = Settlement::Rejected(vec![leased[0].id], "no".to_owned());
    store.settle("main", vec![reject], at(20)).await.unwrap();
    let checked = check(&store).await;
    assert_eq!(checked.findings, []);
    assert_eq!((checked.rows["items"], checked.rows["rejected"], checked.rows["quarantine"]), (6, 1, 1));

    // What waits for a backend that nobody configures any more is to be known, and is not wrong.
    let others = store.check(&[], &nobody()).await.unwrap();
    assert_eq!(others.wrong, 0);
    assert!(others.findings[0].about.contains("main") && others.findings[0].severity == Severity::Note);
}

pub(in crate::store) async fn counts_that_are_off_are_named_and_set_right<S: Store>(store: S) {
    commit_one(&store, delivery(1, 0, says(cycle(acme("issue/1"), 0, &[], &[])))).await;
    // To set right what is right makes it wrong.
    let off = BTreeMap::from([
        ("items".to_owned(), 4),
        ("open:issue".to_owned(), -1),
        ("outbox:old".to_owned(), 2),
    ]);
    store.repair_counts(&off).await.unwrap();
    let checked = check(&store).await;
    let about: Vec<&str> = checked.findings.iter().map(|finding| finding.about.as_str()).collect();
    assert_eq!(about, ["count \"items\"", "count \"open:issue\"", "count \"outbox:old\""]);
    assert_eq!(checked.findings[0].problem, "says 5, and there are 1");
    // What comes in meanwhile stays counted.
    commit_one(&store, delivery(2, 0, says(cycle(acme("issue/2"), 0, &[], &[])))).await;
    store.repair_counts(&checked.drift).await.unwrap();
    assert_eq!(check(&store).await.findings, []);
    let stats = store.stats().await.unwrap();
    assert_eq!((stats.items, stats.open[&Kind::Issue], stats.backlog["old"].entries), (2, 2, 0));
}
