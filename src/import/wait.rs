//! Waiting, as far as an API asks for it or has to be given time to recover. The clock is passed in,
//! so that no test waits.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use jiff::Timestamp;
use rand::RngExt;

use crate::clock;

/// The longest that is waited between two attempts of something that failed.
const LONGEST_BACKOFF: Duration = Duration::from_secs(120);

/// Time, and waiting for it to pass.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
    /// Waits.
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug)]
pub struct WallClock;

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        clock::timestamp()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// How long to wait before the next attempt after `failures` failed ones: twice as long each time,
/// and up to half as long again, so that what failed together does not come back together.
pub(super) fn backoff(first: Duration, failures: u32) -> Duration {
    let doubled = first.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(LONGEST_BACKOFF);
    doubled.mul_f64(rand::rng().random_range(1.0..1.5))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wait_is_about_twice_the_one_before_up_to_a_bound() {
        let second = Duration::from_secs(1);
        for (failures, least) in [(1, 1), (2, 2), (3, 4), (7, 64), (8, 120), (4_000, 120)] {
            let wait = backoff(second, failures).as_secs_f64();
            assert!((f64::from(least)..=f64::from(least) * 1.5).contains(&wait), "{failures}: {wait}");
        }
    }
}
