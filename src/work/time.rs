//! Instants as the senders state them: integer microseconds since the Unix epoch.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An instant in microseconds since the Unix epoch, within the range that a sender can mean.
///
/// Senders do send `0001-01-01`, `1970-01-01` and 0 for "not known"; such a value is not a
/// [`Time`] at all, so that no span can begin in 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Time(i64);

/// 2000-01-01T00:00:00Z: older than any system that sends webhooks.
const EARLIEST: i64 = 946_684_800_000_000;
/// 2100-01-01T00:00:00Z.
const LATEST: i64 = 4_102_444_800_000_000;

impl Time {
    /// The earliest instant that is believed, 2000-01-01T00:00:00Z.
    pub const MIN: Time = Time(EARLIEST);

    /// From microseconds since the epoch; `None` outside of 2000 to 2100.
    pub fn from_micros(micros: i64) -> Option<Self> {
        (EARLIEST..LATEST).contains(&micros).then_some(Self(micros))
    }

    /// From milliseconds since the epoch (Jenkins); `None` outside of 2000 to 2100.
    pub fn from_millis(millis: i64) -> Option<Self> {
        Self::from_micros(millis.checked_mul(1_000)?)
    }

    /// From a text with a date, a time and an offset; `None` if it is not one, or lies outside of
    /// 2000 to 2100. RFC 3339 (`2019-05-15T15:20:33Z`), and what senders write besides: GitLab's
    /// `2019-01-01 10:00:00 UTC` and `2019-01-01 10:00:00 +0200`, Jira's
    /// `2019-01-01T10:00:00.000+0100`.
    pub fn parse(text: &str) -> Option<Self> {
        let at: jiff::Timestamp = match text.parse() {
            Ok(at) => at,
            Err(_) => {
                let (instant, offset) = text.trim().rsplit_once(' ')?;
                let offset = if offset == "UTC" { "Z" } else { offset };
                let numeric = offset == "Z" || offset.starts_with(['+', '-']);
                numeric.then(|| format!("{instant}{offset}").parse().ok())??
            }
        };
        Self::from_micros(at.as_microsecond())
    }

    /// Microseconds since the epoch.
    pub fn micros(self) -> i64 {
        self.0
    }

    /// Nanoseconds since the epoch, as OTLP wants them.
    pub fn nanos(self) -> u64 {
        // The range is 2000 to 2100, so neither the sign nor the size can be lost.
        self.0.unsigned_abs() * 1_000
    }

    /// This instant, `micros` later (or earlier, if negative), kept within the believed range.
    pub fn plus(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros).clamp(EARLIEST, LATEST - 1))
    }

    /// Microseconds from `earlier` to this instant; negative if it is later.
    pub fn since(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }
}

impl TryFrom<i64> for Time {
    type Error = &'static str;

    fn try_from(micros: i64) -> Result<Self, Self::Error> {
        Self::from_micros(micros).ok_or("not a time in microseconds from 2000 to 2100")
    }
}

impl From<Time> for i64 {
    fn from(at: Time) -> Self {
        at.0
    }
}

/// Microseconds as seconds.
pub fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(at) => at.fmt(f),
            Err(_) => write!(f, "{} µs", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_forms_github_sends() {
        let at = Time::parse("2019-05-15T15:20:33Z").unwrap();
        assert_eq!(at.micros(), 1_557_933_633_000_000);
        assert_eq!(Time::parse("2021-08-05T10:26:08.000Z").unwrap().to_string(), "2021-08-05T10:26:08Z");
        assert_eq!(Time::parse("2019-05-15T17:20:33+02:00"), Some(at));
    }

    #[test]
    fn reads_the_forms_that_gitlab_and_jira_send() {
        let at = Time::parse("2019-01-01T10:00:00Z");
        assert!(at.is_some());
        for text in [
            "2019-01-01 10:00:00 UTC",
            "2019-01-01 12:00:00 +0200",
            "2019-01-01 05:00:00 -0500",
            "2019-01-01T11:00:00.000+0100",
            "2019-01-01T10:00:00.000+0000",
            "2019-01-01T12:00:00+02:00",
            "2019-01-01 10:00:00.000000 UTC",
        ] {
            assert_eq!(Time::parse(text), at, "{text}");
        }
        for text in
            ["2019-01-01 10:00:00", "2019-01-01", "10:00:00 UTC", "UTC", " ", "2019-01-01 10:00:00 CET"]
        {
            assert_eq!(Time::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_was_stored_is_read_as_it_was_and_nothing_else_is_a_time() {
        for at in [Time::MIN, Time(LATEST - 1)] {
            let text = serde_json::to_string(&at).unwrap();
            assert_eq!(text, at.micros().to_string());
            assert_eq!(serde_json::from_str::<Time>(&text).ok(), Some(at));
        }
        for micros in [i64::MIN, -1, 0, LATEST, i64::MAX] {
            assert!(serde_json::from_str::<Time>(&micros.to_string()).is_err(), "{micros}");
        }
    }

    #[test]
    fn what_means_not_known_is_not_a_time() {
        for text in ["", "0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "yesterday"]
        {
            assert_eq!(Time::parse(text), None, "{text}");
        }
        assert_eq!(Time::from_millis(0), None);
        assert_eq!(Time::from_millis(i64::MAX), None);
    }
}
