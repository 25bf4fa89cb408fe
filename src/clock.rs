//! The only place that reads the wall clock.

use jiff::Timestamp;

use crate::work::time::Time;

/// Now.
pub fn timestamp() -> Timestamp {
    Timestamp::now()
}

/// Now, or the earliest instant that a [`Time`] can be if the machine's clock is far off.
pub fn now() -> Time {
    Time::from_micros(timestamp().as_microsecond()).unwrap_or(Time::MIN)
}
