//! How often an address was wrong about a secret. Only what failed comes here: a secret that is
//! right is never asked who else at its address was wrong, so a proxy's address may stand for
//! everybody. The memory is fixed: addresses are hashed, with a key of this process, to counters,
//! and two that share one share an allowance of failures, nothing else.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::work::time::Time;

/// How many counters there are: 32 KiB of them.
const SLOTS: usize = 4096;
/// The window of the allowance, in microseconds.
const WINDOW: i64 = 60_000_000;

/// The failures of the last minute.
pub struct Failures {
    /// What one failure costs of the window, in microseconds; `None` if there is no limit.
    cost: Option<i64>,
    /// Until when the failures so far have used the window up (GCRA), in microseconds.
    used_until: Box<[AtomicI64]>,
    hasher: RandomState,
}

impl Failures {
    /// So many a minute may be told what was wrong with them; 0 is no limit.
    pub fn new(per_minute: u32) -> Self {
        Self {
            cost: (per_minute > 0).then(|| WINDOW / i64::from(per_minute)),
            used_until: (0..SLOTS).map(|_| AtomicI64::new(0)).collect(),
            hasher: RandomState::new(),
        }
    }

    /// Counts a failure at `now`. If there were too many before it, for how long the next will be
    /// refused out of hand, too.
    pub fn count(&self, from: IpAddr, now: Time) -> Option<Duration> {
        let (cost, now) = (self.cost?, now.micros());
        // A clock that was set back must not make the wait longer.
        let begin = |used: i64| used.clamp(now, now.saturating_add(WINDOW));
        let slot = &self.used_until[self.slot(from)];
        let counted = slot.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            Some(begin(used) + cost).filter(|used| *used <= now + WINDOW)
        });
        let used = counted.err()?;
        let left = begin(used) + cost - WINDOW - now;
        Some(Duration::from_micros(left.unsigned_abs()))
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
    fn zero_is_no_limit() {
        let failures = Failures::new(0);
        assert!(within(&failures, "192.0.2.1", 0, 1_000).into_iter().all(|within| within));
    }
}
