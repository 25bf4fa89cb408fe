//! How often an address was wrong about a secret. What is right costs nothing, and what is refused
//! neither. The memory is fixed: addresses are hashed, with a key of this process, to counters, and
//! two that share one share an allowance of failures.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::work::time::Time;

/// How many counters there are: 64 KiB of them.
const SLOTS: usize = 4096;
/// The window of the allowance, in microseconds.
const WINDOW: i64 = 60_000_000;

/// The failures of the last minute.
pub struct Failures {
    /// What one failure costs of the window, in microseconds; `None` if there is no limit.
    cost: Option<i64>,
    /// Until when the failures so far have used the window up (GCRA), in microseconds.
    used_until: Box<[Mutex<i64>]>,
    hasher: RandomState,
}

/// What became of a secret that somebody brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt<T> {
    /// It is right, and stands for this.
    Right(T),
    /// It is wrong, and that was counted.
    Wrong,
    /// Nobody looked: there were too many wrong ones before, and there may be the next after this time.
    Refused(Duration),
}

impl Failures {
    /// So many wrong ones a minute; 0 is no limit.
    pub fn new(per_minute: u32) -> Self {
        Self {
            cost: (per_minute > 0).then(|| WINDOW / i64::from(per_minute)),
            used_until: (0..SLOTS).map(|_| Mutex::new(0)).collect(),
            hasher: RandomState::new(),
        }
    }

    /// Has `look` say at `now` what a secret stands for, unless the address was wrong too often. Attempts of
    /// one address are looked at one after the other, so that many at once are not more than are allowed.
    pub fn attempt<T>(&self, from: IpAddr, now: Time, look: impl FnOnce() -> Option<T>) -> Attempt<T> {
        let Some(cost) = self.cost else { return look().map_or(Attempt::Wrong, Attempt::Right) };
        let now = now.micros();
        let mut used = self.used_until[self.slot(from)].lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back must not make the wait longer.
        let after = (*used).clamp(now, now.saturating_add(WINDOW)) + cost;
        let wait = after - WINDOW - now;
        if wait > 0 {
            return Attempt::Refused(Duration::from_micros(wait.unsigned_abs()));
        }
        if let Some(right) = look() {
            return Attempt::Right(right);
        }
        *used = after;
        Attempt::Wrong
    }

    /// Counts a failure that is known already. If there were too many before it, for how long the next will be
    /// one too many.
    pub fn count(&self, from: IpAddr, now: Time) -> Option<Duration> {
        match self.attempt(from, now, || None::<()>) {
            Attempt::Refused(wait) => Some(wait),
            Attempt::Right(()) | Attempt::Wrong => None,
        }
    }

    fn slot(&self, from: IpAddr) -> usize {
        // Whoever has an address of IPv6 has all of its /64.
        let hash = match from.to_canonical() {
            IpAddr::V4(ip) => self.hasher.hash_one(ip.octets()),
            IpAddr::V6(ip) => self.hasher.hash_one(&ip.octets()[..8]),
        };
        usize::try_from(hash % SLOTS as u64).unwrap_or_default()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Time {
        Time::from_micros(1_700_000_000_000_000 + seconds * 1_000_000).unwrap()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// Whether each of so many failures in the same instant was still within the allowance.
    fn within(failures: &Failures, from: &str, seconds: i64, times: usize) -> Vec<bool> {
        (0..times).map(|_| failures.count(ip(from), at(seconds)).is_none()).collect()
    }

    #[test]
    fn so_many_a_minute_are_answered_and_then_one_by_one() {
        let failures = Failures::new(6);
        assert_eq!(within(&failures, "192.0.2.1", 0, 8), [true, true, true, true, true, true, false, false]);
        assert_eq!(failures.count(ip("192.0.2.1"), at(3)), Some(Duration::from_secs(7)));
        assert_eq!(within(&failures, "192.0.2.1", 10, 2), [true, false], "what is refused costs nothing");
        assert_eq!(within(&failures, "192.0.2.1", 1_000, 7), [true, true, true, true, true, true, false]);
    }

    #[test]
    fn another_address_has_an_allowance_of_its_own() {
        // Two addresses may share a counter, but not this many of them.
        let failures = Failures::new(1);
        let addresses = (0..100).map(|n| IpAddr::from([192, 0, 2, n]));
        let refused = addresses.filter(|from| failures.count(*from, at(0)).is_some()).count();
        assert!(refused < 20, "{refused}");
    }

    #[test]
    fn a_network_of_ipv6_is_one_and_ipv4_is_the_same_in_both_forms() {
        let failures = Failures::new(1);
        assert_eq!(within(&failures, "2001:db8:1:2::1", 0, 1), [true]);
        assert_eq!(within(&failures, "2001:db8:1:2:ffff::9", 0, 1), [false]);
        let failures = Failures::new(1);
        assert_eq!(within(&failures, "192.0.2.1", 0, 1), [true]);
        assert_eq!(within(&failures, "::ffff:192.0.2.1", 0, 1), [false]);
    }

    #[test]
    fn a_clock_that_is_set_back_makes_nobody_wait_longer() {
        let failures = Failures::new(60);
        within(&failures, "192.0.2.1", 1_000_000, 61);
        assert_eq!(failures.count(ip("192.0.2.1"), at(0)), Some(Duration::from_secs(1)));
    }

    #[test]
    fn however_many_addresses_fail_the_memory_stays_the_same() {
        let failures = Failures::new(1);
        for n in 0..100_000_u32 {
            let _ = failures.count(IpAddr::V4(n.into()), at(0));
        }
        assert_eq!(failures.used_until.len(), SLOTS);
    }

    #[test]
    fn nobody_looks_at_what_comes_after_too_many_wrong_ones() {
        let failures = Failures::new(2);
        let from = ip("192.0.2.1");
        let guess = |seconds, right: bool| failures.attempt(from, at(seconds), || right.then_some(7));
        for _ in 0..100 {
            assert_eq!(guess(0, true), Attempt::Right(7), "what is right costs nothing");
        }
        assert_eq!([guess(0, false), guess(0, false)], [Attempt::Wrong, Attempt::Wrong]);
        let wait = Duration::from_secs(30);
        for _ in 0..2 {
            let unseen = failures.attempt(from, at(0), || -> Option<()> { unreachable!("it is looked at") });
            assert_eq!(unseen, Attempt::Refused(wait), "being refused costs nothing");
        }
        assert_eq!(guess(30, true), Attempt::Right(7));
        assert_eq!([guess(30, false), guess(30, true)], [Attempt::Wrong, Attempt::Refused(wait)]);
        let other = ["192.0.2.2", "192.0.2.3"].map(|other| failures.attempt(ip(other), at(0), || Some(7)));
        assert!(other.contains(&Attempt::Right(7)), "of another address");
    }

    #[test]
    fn many_guesses_at_once_are_not_more_than_are_allowed() {
        let failures = Failures::new(5);
        let looked = std::sync::atomic::AtomicUsize::new(0);
        let start = std::sync::Barrier::new(8);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    start.wait();
                    for _ in 0..50 {
                        failures.attempt(ip("192.0.2.1"), at(0), || {
                            looked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                            std::thread::yield_now();
                            None::<()>
                        });
                    }
                });
            }
        });
        assert_eq!(looked.into_inner(), 5);
    }

    #[test]
    fn zero_is_no_limit() {
        let failures = Failures::new(0);
        assert!(within(&failures, "192.0.2.1", 0, 1_000).into_iter().all(|within| within));
    }
}
