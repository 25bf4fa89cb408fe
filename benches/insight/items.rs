//! Issues that never were: 25 tags of two to twelve values each, latencies that are log-normal, and
//! one pair of values that makes them four times as long. They take the way of real deliveries, from
//! the commit on.

use std::collections::BTreeMap;

use valuestream::sources::DeliveryId;
use valuestream::store::{Committed, Content, Delivery, Rules, Store};
use valuestream::work::event::{Cycle, Event, Facts, Outcome, Said};
use valuestream::work::key::Source;
use valuestream::work::lattice::{Instant, Latest, Stamp};
use valuestream::work::time::Time;

/// How many tags an item has.
const TAGS: usize = 25;
/// How many deliveries are committed at once.
const BATCH: usize = 1_024;
/// How many items are observed at once.
const OBSERVED: usize = 2_048;

/// When the last of them has ended.
pub fn end() -> Time {
    Time::parse("2026-10-01T00:00:00Z").unwrap()
}

fn key(at: usize) -> String {
    match at {
        0 => "team".to_owned(),
        1 => "language".to_owned(),
        at => format!("key{at}"),
    }
}

/// The configuration that names the tags.
pub fn environment() -> Vec<(String, String)> {
    let keys: Vec<String> = (0..TAGS).map(key).collect();
    vec![("VALUESTREAM__TAGS__KEYS".to_owned(), keys.join(","))]
}

/// SplitMix64: any number makes another, evenly spread.
fn mix(mut n: u64) -> u64 {
    n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

/// Between 0 and 1.
fn unit(n: u64) -> f64 {
    (mix(n) >> 11) as f64 / (1u64 << 53) as f64
}

/// All that is said of issue `n`.
fn delivery(n: u64) -> Delivery {
    let draw = |what: u64| unit(n.wrapping_mul(64).wrapping_add(what));
    let values: Vec<u64> =
        (0..TAGS as u64).map(|at| (draw(at) * draw(at + 32).sqrt() * (2 + at % 11) as f64) as u64).collect();
    let slow = values[0] == 0 && values[1] == 0;
    // A normal variate, by the sum of four even ones.
    let normal = (60..64).map(draw).sum::<f64>() * 1.73 - 3.46;
    let hours = 30.0 * (normal * 1.1).exp() * if slow { 4.0 } else { 1.0 };
    let closed = end().plus(-((draw(59) * 180.0 * 86_400.0) as i64 + 1) * 1_000_000);
    let opened = closed.plus(-((hours * 3_600.0) as i64 + 1) * 1_000_000);

    let stamp = Stamp::stated(Some(closed), 2);
    let mut cycle = Cycle { opened: Some(Instant::stated(opened)), ..Cycle::default() };
    cycle.closed.insert(closed, Latest::new(stamp, Outcome::Completed));
    let mut facts = Facts::cycle(cycle);
    let properties: BTreeMap<String, String> =
        values.iter().enumerate().map(|(at, value)| (key(at), format!("value-{value}"))).collect();
    facts.marks.properties = Some(Latest::new(stamp, properties));
    let key = format!("github:github.com/acme/service-{}/issue/{n}", n % 200).parse().unwrap();
    let mut id = [0; 16];
    id[..8].copy_from_slice(&n.to_be_bytes());
    Delivery {
        source: Source::Github,
        id: DeliveryId(id),
        received_at: closed,
        content: Content::Said(Said { events: vec![Event { key, facts }], ..Said::default() }),
    }
}

/// Commits `n` issues.
pub async fn commit<S: Store>(store: &S, n: usize, rules: &Rules) {
    for from in (0..n).step_by(BATCH) {
        let batch = (from..(from + BATCH).min(n)).map(|n| delivery(n as u64)).collect();
        let committed = store.commit(batch, rules).await.unwrap();
        assert!(committed.iter().all(|one| matches!(one, Committed::Recorded(_))));
    }
}

/// Observes all that is stale, as the server does.
pub async fn observe<S: Store>(store: &S, rules: &Rules) {
    loop {
        let stale = store.stale(i64::MIN, OBSERVED, rules).await.unwrap();
        if stale.is_empty() {
            return;
        }
        store.observed(&stale, end()).await.unwrap();
    }
}
