//! Senders: they live the lives of items, send what happens to either replica or to both, some of it twice,
//! and try elsewhere whenever a replica refuses, fails or is gone.

use std::time::Duration;

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::sync::watch;
use valuestream::work::key::{Key, Source};

use super::replica::Addresses;
use crate::kill::{Life, life};
use crate::mixed::harness::Told;
use crate::mixed::organisation::History;
use crate::support::sender::{Delivery, Sender, fresh_id};

/// How long a sender waits for an answer, as GitHub does.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a sender has done.
#[derive(Default)]
pub struct Seen {
    /// Everything that was answered with 2xx, once each.
    pub deliveries: Vec<Delivery>,
    /// Items whose trace is known.
    pub roots: Vec<(Key, Key)>,
    pub recorded: usize,
    pub duplicates: usize,
    pub ignored: usize,
    /// Recorded by nobody's word, although it was sent once only: a commit whose answer was lost.
    pub stored_unanswered: usize,
    /// Answered with 503.
    pub put_off: usize,
    /// Not answered at all.
    pub unanswered: usize,
}

impl Seen {
    pub fn add(&mut self, other: Seen) {
        self.deliveries.extend(other.deliveries);
        self.roots.extend(other.roots);
        self.recorded += other.recorded;
        self.duplicates += other.duplicates;
        self.ignored += other.ignored;
        self.stored_unanswered += other.stored_unanswered;
        self.put_off += other.put_off;
        self.unanswered += other.unanswered;
    }
}

/// A sender of webhooks.
pub struct Client {
    rng: ChaCha8Rng,
    sender: Sender,
    addresses: Addresses,
    seen: Seen,
}

/// What one try or several came to.
#[derive(Clone, Copy, PartialEq)]
enum Outcome {
    Recorded,
    Duplicate,
    Ignored,
}

impl Client {
    pub fn new(seed: u64, addresses: Addresses) -> Self {
        let sender = Sender::to(([127, 0, 0, 1], 0).into());
        Self { rng: ChaCha8Rng::seed_from_u64(seed), sender, addresses, seen: Seen::default() }
    }

    /// Sends until it is answered with 2xx, to one replica after the other.
    async fn insist(
        sender: &Sender,
        addresses: &Addresses,
        delivery: &Delivery,
        first: usize,
    ) -> (Outcome, usize, usize) {
        let (mut put_off, mut unanswered) = (0, 0);
        for at in first.. {
            let address = addresses.borrow()[at % 2];
            let Some(address) = address else {
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            };
            match tokio::time::timeout(PATIENCE, sender.at(address).deliver(delivery)).await {
                Ok(Ok(answer)) => match answer.is() {
                    (202, "recorded") => return (Outcome::Recorded, put_off, unanswered),
                    (200, "duplicate") => return (Outcome::Duplicate, put_off, unanswered),
                    (200, "ignored") => return (Outcome::Ignored, put_off, unanswered),
                    (503, "unavailable") => {
                        assert!(answer.retry_after.is_some(), "{answer:?}");
                        put_off += 1;
                    }
                    _ => panic!("{delivery:?}: {answer:?}"),
                },
                Ok(Err(_)) | Err(_) => unanswered += 1,
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        unreachable!("tried for ever")
    }

    /// Sends one delivery in one of several ways; it must count once.
    async fn send(&mut self, delivery: &Delivery) {
        let (first, how) = (self.rng.random_range(0..2), self.rng.random_range(0..8));
        let insist = |at| Self::insist(&self.sender, &self.addresses, delivery, at);
        let tries = match how {
            0 => {
                let (a, b) = tokio::join!(insist(0), insist(1));
                vec![a, b]
            }
            1 => vec![insist(first).await, insist(first + 1).await],
            _ => vec![insist(first).await],
        };
        let is = |wanted| tries.iter().filter(|(outcome, ..)| *outcome == wanted).count();
        let (recorded, ignored) = (is(Outcome::Recorded), is(Outcome::Ignored));
        assert!(recorded <= 1, "recorded twice: {delivery:?}");
        assert!(ignored == 0 || ignored == tries.len(), "{delivery:?}");
        self.seen.put_off += tries.iter().map(|(_, put_off, _)| put_off).sum::<usize>();
        self.seen.unanswered += tries.iter().map(|(.., unanswered)| unanswered).sum::<usize>();
        self.seen.recorded += recorded;
        self.seen.ignored += ignored;
        self.seen.duplicates += is(Outcome::Duplicate);
        self.seen.stored_unanswered += usize::from(recorded + ignored == 0);
        self.seen.deliveries.push(delivery.clone());
    }

    async fn pause(&mut self) {
        let pause = self.rng.random_range(5..40);
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }

    /// Lives one life after another until it is told to stop.
    pub async fn live(mut self, number: u64, going_on: watch::Receiver<bool>) -> Seen {
        for n in 0.. {
            // A pull request comes after the issue that it closes, never alone.
            if n % 4 == 0 && !*going_on.borrow() {
                break;
            }
            let Life { mut deliveries, key, root, .. } = life(number, n);
            if self.rng.random_bool(0.2) {
                deliveries.shuffle(&mut self.rng);
            }
            for delivery in &deliveries {
                self.send(delivery).await;
                self.pause().await;
            }
            self.seen.roots.push((key, root));
        }
        self.seen
    }

    /// Tells the history of a generated organisation, what is near in time in any order.
    pub async fn tell(mut self, seed: u64) -> Seen {
        let told = History::new(seed, 6, 10).told;
        let mut deliveries: Vec<Delivery> = told.iter().filter_map(sent).collect();
        for near in deliveries.chunks_mut(12) {
            near.shuffle(&mut self.rng);
        }
        for delivery in &deliveries {
            self.send(delivery).await;
            self.pause().await;
        }
        self.seen
    }
}

/// A delivery as it is sent. Custom events get an identity from each request, so they are left out.
fn sent(told: &Told) -> Option<Delivery> {
    let body = told.body.clone();
    Some(match told.source {
        Source::Github => Delivery::Github { event: told.event, id: fresh_id(), body },
        Source::Jenkins => Delivery::Jenkins { body },
        Source::Gitlab => {
            let headers = vec![("x-gitlab-event", told.event.to_owned()), ("idempotency-key", fresh_id())];
            Delivery::Of { source: told.source, headers, body }
        }
        Source::Jira => {
            let headers = vec![("x-atlassian-webhook-identifier", fresh_id())];
            Delivery::Of { source: told.source, headers, body }
        }
        Source::Cdevents => Delivery::Of { source: told.source, headers: Vec::new(), body },
        Source::Custom => return None,
    })
}
