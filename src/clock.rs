//! The only place that reads the wall clock.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::work::time::Time;

/// Now, or the nearest instant that a [`Time`] can be if the machine's clock is far off.
pub fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let micros = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
    Time::from_micros(micros).unwrap_or(Time::MIN)
}
