//! Deploys and changes that never were: so many services, each of which deploys what was merged since
//! the time before, now and then in vain.

use valuestream::sources::DeliveryId;
use valuestream::store::{Committed, Content, Delivery, Rules, Store};
use valuestream::work::attr::Attr;
use valuestream::work::event::{Cycle, Event, Facts, Outcome, Run, Said};
use valuestream::work::key::Source;
use valuestream::work::lattice::{Instant, Latest, Stamp};

use crate::items::end;

/// How many services deploy.
const SERVICES: u64 = 90;
/// How many items are committed at once.
const BATCH: u64 = 512;
/// From one deploy of a service to the next, in seconds.
const APART: i64 = 36_000;

/// Deploy `n`, and the change that it brings.
fn both(n: u64) -> [Event; 2] {
    let (service, nth) = (n % SERVICES, n / SERVICES);
    let ended = end().plus(-(nth as i64 * APART + service as i64 * 60 + 1) * 1_000_000);
    let began = ended.plus(-600_000_000);
    let merged = began.plus(-1_800_000_000);
    let opened = merged.plus(-((n % 90) as i64 + 1) * 3_600_000_000);
    let key = |what: &str| format!("github:github.com/acme/service-{service}/{what}/{n}").parse().unwrap();

    let stamp = Stamp::stated(Some(ended), 2);
    let outcome = if n.is_multiple_of(11) { Outcome::Failure } else { Outcome::Success };
    let mut deploy = Facts::run(Run {
        started: Some(Instant::stated(began)),
        ended: Some(Instant::stated(ended)),
        outcome: Some(Latest::new(stamp, outcome)),
        ..Run::default()
    });
    deploy.attr(stamp, Attr::Environment, Some("production".to_owned()));

    let mut cycle = Cycle { opened: Some(Instant::stated(opened)), ..Cycle::default() };
    cycle.closed.insert(merged, Latest::new(Stamp::stated(Some(merged), 2), Outcome::Merged));
    [
        Event { key: key("pull_request"), facts: Facts::cycle(cycle) },
        Event { key: key("deploy"), facts: deploy },
    ]
}

/// Commits `n` deploys, and as many changes.
pub async fn commit<S: Store>(store: &S, n: u64, rules: &Rules) {
    for from in (0..n).step_by(BATCH as usize) {
        let delivery = |n: u64| {
            let mut id = [0; 16];
            id[..8].copy_from_slice(&n.to_be_bytes());
            Delivery {
                source: Source::Github,
                id: DeliveryId(id),
                received_at: end(),
                content: Content::Said(Said { events: both(n).into(), ..Said::default() }),
            }
        };
        let committed =
            store.commit((from..(from + BATCH).min(n)).map(delivery).collect(), rules).await.unwrap();
        assert!(committed.iter().all(|one| matches!(one, Committed::Recorded(_))));
    }
}
