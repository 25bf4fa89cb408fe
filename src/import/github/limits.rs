//! What an answer of GitHub's API asks of whoever asked: to go on, to wait and until when, to try
//! again, or to give up and what to do about it. Pure.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

use super::client::ApiError;

/// The longest that GitHub is believed to ask for; the primary limit starts anew each hour.
const LONGEST_WAIT: Duration = Duration::from_secs(3_700);
/// The shortest wait for a limit.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
/// How long GitHub's documentation says to wait for a secondary limit that names no time.
const SECONDARY_WAIT: Duration = Duration::from_secs(60);

/// What an answer asks for.
#[derive(Debug, PartialEq)]
pub(super) enum Verdict {
    /// It is there.
    Taken,
    /// There is nothing (deleted, switched off, or nothing was ever pushed to it).
    Gone,
    /// Nothing more is answered for so long.
    Limited {
        /// How long.
        wait: Duration,
        /// Which limit it is.
        limit: Limit,
    },
    /// The server has trouble.
    Trouble(String),
    /// It will never be answered.
    Refused(ApiError),
}

/// A limit on requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    /// So many requests an hour.
    Primary,
    /// Too many at a time, or too much work for the server.
    Secondary,
}

/// A header as text.
fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// How long until the primary limit starts anew, if nothing is left of it. By the server's own clock,
/// where it says: this machine's may be off.
pub(super) fn exhausted(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let number = |name| text(headers, name)?.parse::<i64>().ok();
    if number("x-ratelimit-remaining")? > 0 {
        return None;
    }
    let reset = Timestamp::from_second(number("x-ratelimit-reset")?).ok()?;
    let wait = reset.duration_since(server_time(headers, now)) + SignedDuration::from_secs(1);
    // Never at once: who asks again without a pause is asked for a longer one.
    Some(Duration::try_from(wait).unwrap_or_default().clamp(SHORTEST_WAIT, LONGEST_WAIT))
}

fn server_time(headers: &HeaderMap, now: Timestamp) -> Timestamp {
    text(headers, DATE.as_str()).and_then(http_date).unwrap_or(now)
}

fn http_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

/// What an answer asks for. `message` is GitHub's own, `asked` what was asked for.
pub(super) fn verdict(
    status: StatusCode,
    headers: &HeaderMap,
    message: &str,
    asked: &str,
    now: Timestamp,
) -> Verdict {
    let retry_after = || {
        let value = text(headers, RETRY_AFTER.as_str())?;
        let wait = match value.parse::<u64>() {
            Ok(seconds) => Duration::from_secs(seconds),
            Err(_) => Duration::try_from(http_date(value)?.duration_since(server_time(headers, now))).ok()?,
        };
        Some(wait.clamp(SHORTEST_WAIT, LONGEST_WAIT))
    };
    let asked = || asked.to_owned();
    match status {
        StatusCode::OK => Verdict::Taken,
        // 409: the commits of a repository that is empty.
        StatusCode::NO_CONTENT | StatusCode::GONE | StatusCode::CONFLICT => Verdict::Gone,
        StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS => Verdict::Refused(ApiError::Blocked { asked: asked() }),
        status if status.is_redirection() => Verdict::Refused(ApiError::Moved { asked: asked() }),
        StatusCode::UNAUTHORIZED => Verdict::Refused(ApiError::Unauthorized),
        StatusCode::NOT_FOUND => Verdict::Refused(ApiError::NotFound { asked: asked() }),
        StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS => {
            let said = message.to_ascii_lowercase();
            let secondary = said.contains("secondary rate limit") || said.contains("abuse");
            let primary = exhausted(headers, now).filter(|_| !secondary);
            match (retry_after(), primary) {
                (Some(wait), primary) => {
                    let limit = if primary.is_some() { Limit::Primary } else { Limit::Secondary };
                    Verdict::Limited { wait, limit }
                }
                (None, Some(wait)) => Verdict::Limited { wait, limit: Limit::Primary },
                (None, None) if secondary || status == StatusCode::TOO_MANY_REQUESTS => {
                    Verdict::Limited { wait: SECONDARY_WAIT, limit: Limit::Secondary }
                }
                (None, None) if said.contains("access blocked") => {
                    Verdict::Refused(ApiError::Blocked { asked: asked() })
                }
                (None, None) => {
                    let sso = headers.contains_key("x-github-sso");
                    Verdict::Refused(ApiError::Forbidden { asked: asked(), sso })
                }
            }
        }
        status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => match retry_after() {
            Some(wait) => Verdict::Limited { wait, limit: Limit::Secondary },
            None => Verdict::Trouble(format!("answers {status}")),
        },
        status => Verdict::Refused(ApiError::Unexpected { asked: asked(), status: status.as_u16() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn judged(status: u16, pairs: &[(&'static str, &'static str)], message: &str) -> Verdict {
        let now = "2026-01-01T12:00:00Z".parse().unwrap();
        verdict(StatusCode::from_u16(status).unwrap(), &headers(pairs), message, "acme/api issues", now)
    }

    fn wait(seconds: u64, limit: Limit) -> Verdict {
        Verdict::Limited { wait: Duration::from_secs(seconds), limit }
    }

    #[test]
    fn the_primary_limit_is_waited_for_by_the_servers_clock() {
        // 2026-01-01T12:10:00Z
        let spent = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1767269400")];
        for status in [403, 429] {
            assert_eq!(judged(status, &spent, "API rate limit exceeded"), wait(601, Limit::Primary));
        }
        let dated = [&spent[..], &[("date", "Thu, 01 Jan 2026 12:09:00 GMT")]].concat();
        assert_eq!(judged(403, &dated, "API rate limit exceeded"), wait(61, Limit::Primary));
        let passed = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1")];
        assert_eq!(judged(403, &passed, "API rate limit exceeded"), wait(1, Limit::Primary));
    }

    #[test]
    fn a_secondary_limit_is_waited_for_as_long_as_it_says_else_a_minute() {
        let message = "You have exceeded a secondary rate limit.";
        assert_eq!(judged(403, &[("retry-after", "30")], message), wait(30, Limit::Secondary));
        assert_eq!(judged(429, &[], ""), wait(60, Limit::Secondary));
        let left = [("x-ratelimit-remaining", "4000"), ("x-ratelimit-reset", "1767269400")];
        assert_eq!(judged(403, &left, message), wait(60, Limit::Secondary));
        let date = [("retry-after", "Thu, 01 Jan 2026 12:00:20 GMT")];
        assert_eq!(judged(429, &date, ""), wait(20, Limit::Secondary));
        assert_eq!(judged(429, &[("retry-after", "999999")], ""), wait(3_700, Limit::Secondary));
        assert_eq!(judged(503, &[("retry-after", "5")], ""), wait(5, Limit::Secondary));
    }

    #[test]
    fn what_a_token_may_not_do_is_no_limit() {
        let asked = || "acme/api issues".to_owned();
        let message = "Resource not accessible by personal access token";
        let left = [("x-ratelimit-remaining", "4999"), ("x-ratelimit-reset", "1767269400")];
        let forbidden = |sso| Verdict::Refused(ApiError::Forbidden { asked: asked(), sso });
        assert_eq!(judged(403, &left, message), forbidden(false));
        assert_eq!(judged(403, &[("x-github-sso", "required; url=https://x")], ""), forbidden(true));
        assert_eq!(judged(401, &[], "Bad credentials"), Verdict::Refused(ApiError::Unauthorized));
        assert_eq!(judged(404, &[], ""), Verdict::Refused(ApiError::NotFound { asked: asked() }));
        assert_eq!(judged(301, &[], ""), Verdict::Refused(ApiError::Moved { asked: asked() }));
        assert_eq!(judged(410, &[], ""), Verdict::Gone);
        assert_eq!(judged(409, &[], "Git Repository is empty."), Verdict::Gone);
        let blocked = Verdict::Refused(ApiError::Blocked { asked: asked() });
        assert_eq!(judged(451, &[], "Repository access blocked"), blocked);
        assert_eq!(judged(403, &left, "Repository access blocked"), blocked);
        assert!(matches!(judged(502, &[], ""), Verdict::Trouble(_)));
        assert!(matches!(judged(422, &[], ""), Verdict::Refused(ApiError::Unexpected { status: 422, .. })));
    }
}
