//! From a status, gRPC's or HTTP's, to a [`Verdict`]: the tables of the OTLP specification, and
//! the reading of what backends put beside a status (`google.rpc.Status`, `RetryInfo`,
//! `Retry-After`).

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use prost::Message;
use tonic::Code;

use super::verdict::Verdict;

/// The longest wait that a backend can ask for; more is taken for a mistake.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);
const RETRY_INFO: &str = "/google.rpc.RetryInfo";

/// `google.rpc.Status`, the body of an HTTP error and the `grpc-status-details-bin` trailer.
#[derive(Clone, PartialEq, Message)]
pub(super) struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    pub(super) message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Detail>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
struct Detail {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<Delay>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, Copy, PartialEq, Message)]
struct Delay {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

/// The wait that a status' details ask for; `None` if they hold no `RetryInfo`.
fn retry_info(details: &[u8]) -> Option<Duration> {
    let status = RpcStatus::decode(details).ok()?;
    let detail = status.details.iter().find(|detail| detail.type_url.ends_with(RETRY_INFO))?;
    let delay = RetryInfo::decode(detail.value.as_slice()).ok()?.retry_delay.unwrap_or_default();
    let seconds = u64::try_from(delay.seconds).unwrap_or(0);
    let nanos = u32::try_from(delay.nanos).unwrap_or(0).min(999_999_999);
    Some(Duration::new(seconds, nanos).min(LONGEST_WAIT))
}

/// What a `Retry-After` asks for at `now`: seconds, or an HTTP date.
pub(crate) fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    let wait = match value.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let at = DateTimeParser::new().parse_timestamp(value).ok()?;
            Duration::try_from(at.duration_since(now)).unwrap_or_default()
        }
    };
    Some(wait.min(LONGEST_WAIT))
}

/// A status that a gRPC server answered with.
pub(super) fn of_grpc(code: Code, message: &str, details: &[u8]) -> Verdict {
    let after = retry_info(details);
    let reason = format!("gRPC {code:?}: {message}");
    match code {
        Code::Ok => Verdict::Sent,
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => Verdict::Retry { after, reason },
        // With RetryInfo it is load and passes; without, it is a quota or a size and does not.
        Code::ResourceExhausted if after.is_some() => Verdict::Retry { after, reason },
        Code::ResourceExhausted | Code::InvalidArgument | Code::Internal | Code::Unknown => {
            Verdict::Reject { reason, divisible: true }
        }
        Code::Unauthenticated | Code::PermissionDenied | Code::Unimplemented | Code::NotFound => {
            Verdict::Refused { reason }
        }
        Code::AlreadyExists | Code::FailedPrecondition => Verdict::Reject { reason, divisible: false },
    }
}

/// A status that an HTTP server, or whatever stands before it, answered with.
pub(super) fn of_http(status: u16, after: Option<Duration>, message: &str) -> Verdict {
    let mut reason = format!("HTTP {status}");
    if !message.trim().is_empty() {
        reason = format!("{reason}: {message}");
    }
    match status {
        200..=299 => Verdict::Sent,
        429 | 502 | 503 | 504 => Verdict::Retry { after, reason },
        // About the endpoint, the token, the account or the encoding, not about these spans.
        300..=399 => {
            Verdict::Refused { reason: format!("{reason} (a redirect; configure where it leads to)") }
        }
        401..=407 | 411 | 415 | 421 | 426 | 501 | 505 => Verdict::Refused { reason },
        // Too large, malformed, or the server stumbles over one span among many.
        _ => Verdict::Reject { reason, divisible: true },
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn details(delay: Option<Delay>) -> Vec<u8> {
        let info = RetryInfo { retry_delay: delay }.encode_to_vec();
        let other = Detail { type_url: "type.googleapis.com/google.rpc.Help".into(), value: vec![1] };
        let detail = Detail { type_url: format!("type.googleapis.com{RETRY_INFO}"), value: info };
        RpcStatus { code: 8, message: String::new(), details: vec![other, detail] }.encode_to_vec()
    }

    #[test]
    fn a_retry_info_is_the_wait_within_reason() {
        let wait = |seconds, nanos| retry_info(&details(Some(Delay { seconds, nanos })));
        assert_eq!(wait(2, 500_000_000), Some(Duration::from_millis(2_500)));
        assert_eq!(wait(-2, -1), Some(Duration::ZERO));
        assert_eq!(wait(i64::MAX, i32::MAX), Some(LONGEST_WAIT));
        assert_eq!(retry_info(&details(None)), Some(Duration::ZERO));
        assert_eq!(retry_info(&[]), None);
        assert_eq!(retry_info(b"\xffnonsense"), None);
    }

    #[test]
    fn a_retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "1994-11-06T08:49:00Z".parse().unwrap();
        assert_eq!(retry_after(" 120 ", now), Some(Duration::from_secs(120)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now), Some(Duration::from_secs(37)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:00:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(retry_after("Mon, 06 Nov 2034 08:00:00 GMT", now), Some(LONGEST_WAIT));
        assert_eq!(retry_after("soon", now), None);
        assert_eq!(retry_after("-1", now), None);
    }

    #[test]
    fn grpc_statuses_follow_the_table_of_otlp() {
        use Code::*;
        for code in [Cancelled, DeadlineExceeded, Aborted, OutOfRange, Unavailable, DataLoss] {
            assert!(matches!(of_grpc(code, "m", &[]), Verdict::Retry { after: None, .. }), "{code:?}");
        }
        for code in [InvalidArgument, ResourceExhausted, Internal, Unknown] {
            assert!(matches!(of_grpc(code, "m", &[]), Verdict::Reject { divisible: true, .. }), "{code:?}");
        }
        for code in [AlreadyExists, FailedPrecondition] {
            assert!(matches!(of_grpc(code, "m", &[]), Verdict::Reject { divisible: false, .. }), "{code:?}");
        }
        for code in [Unauthenticated, PermissionDenied, Unimplemented, NotFound] {
            assert!(matches!(of_grpc(code, "m", &[]), Verdict::Refused { .. }), "{code:?}");
        }
        let wait = details(Some(Delay { seconds: 3, nanos: 0 }));
        for code in [ResourceExhausted, Unavailable] {
            let after = Some(Duration::from_secs(3));
            let reason = format!("gRPC {code:?}: m");
            assert_eq!(of_grpc(code, "m", &wait), Verdict::Retry { after, reason });
        }
    }

    #[test]
    fn http_statuses_follow_the_table_of_otlp() {
        for status in [429, 502, 503, 504] {
            let after = Some(Duration::from_secs(1));
            assert!(matches!(of_http(status, after, ""), Verdict::Retry { after: Some(_), .. }), "{status}");
        }
        for status in [400, 408, 413, 422, 431, 500] {
            assert!(matches!(of_http(status, None, ""), Verdict::Reject { divisible: true, .. }), "{status}");
        }
        for status in [301, 307, 401, 402, 403, 404, 405, 415, 501] {
            assert!(matches!(of_http(status, None, ""), Verdict::Refused { .. }), "{status}");
        }
        for status in [200, 202, 204] {
            assert_eq!(of_http(status, None, ""), Verdict::Sent, "{status}");
        }
    }
}
