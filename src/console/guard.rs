//! Who is let in, and what browsers are told about every answer. With a token, requests must bring
//! it. Without one, the console trusts whoever can reach it; but a page that somebody opens in a
//! browser of this machine can reach it too, once its own name points here (DNS rebinding). Such
//! a request says in `Host` whom it takes us for, so it is refused.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::api::problem::{Problem, ProblemType};
use super::page::assets;
use super::{Console, api};

/// What every answer carries. Nothing is loaded from elsewhere, nothing of us is put into other
/// pages, and addresses of ours, which say what was asked, are not told to the sites linked to.
const HEADERS: [(HeaderName, HeaderValue); 6] = [
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(assets::CONTENT_SECURITY_POLICY)),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ),
];

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Puts the headers on an answer. What does not say how long it may be kept is not kept.
pub(super) async fn sealed(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, value);
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Lets a request pass, or says why not.
pub(super) async fn admit<S, R>(
    State(console): State<Arc<Console<S, R>>>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    let refusal = match &console.token {
        Some(token) if brings(request.headers(), token) => None,
        Some(_) => Some(unauthorized(path)),
        None if console.allow_open || is_for_us(request.uri(), request.headers(), console.listen) => None,
        None => Some(refused(path, ProblemType::WrongHost, WRONG_HOST)),
    };
    match refusal {
        Some(refusal) => refusal,
        None => next.run(request).await,
    }
}

const WRONG_HOST: &str = "without console.token this console answers only under localhost, 127.0.0.1, [::1] or the \
     address of console.listen: use one of these, or set console.token, or console.allow_open = true if \
     something in front of it asks who is there";
const UNAUTHORIZED: &str = "send console.token as Authorization: Bearer, or as the password of Basic";

/// A problem where programs ask, words where people do.
fn refused(path: &str, kind: ProblemType, detail: &str) -> Response {
    if for_programs(path) {
        return Problem::new(kind, detail).into_response();
    }
    (kind.status(), format!("{}: {detail}\n", kind.title())).into_response()
}

fn for_programs(path: &str) -> bool {
    api::is_below(path) || path == "/metrics"
}

/// A browser that opens a page asks for name and password; it must not do so for a script's request.
fn unauthorized(path: &str) -> Response {
    let scheme = match for_programs(path) {
        true => "Bearer",
        false => "Basic realm=\"ValueStream\", charset=\"UTF-8\"",
    };
    let mut response = refused(path, ProblemType::Unauthorized, UNAUTHORIZED);
    debug_assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
    response
}

/// Whether a request brings the token: `Bearer TOKEN`, or `Basic` with the token as password,
/// whatever the name.
fn brings(headers: &HeaderMap, token: &SecretString) -> bool {
    let Some(given) = headers.get(header::AUTHORIZATION).and_then(|value| presented(value.as_bytes())) else {
        return false;
    };
    // Hashes are of one length, so that comparing them does not tell how long the token is.
    let (given, token) = (Sha256::digest(given), Sha256::digest(token.expose_secret()));
    given.as_slice().ct_eq(token.as_slice()).into()
}

/// The token in an `Authorization` header.
fn presented(value: &[u8]) -> Option<Vec<u8>> {
    let space = value.iter().position(|byte| *byte == b' ')?;
    let (scheme, rest) = (&value[..space], value[space..].trim_ascii());
    if scheme.eq_ignore_ascii_case(b"bearer") {
        return Some(rest.to_vec());
    }
    if !scheme.eq_ignore_ascii_case(b"basic") {
        return None;
    }
    let user_info = BASE64.decode(rest).ok()?;
    let colon = user_info.iter().position(|byte| *byte == b':')?;
    Some(user_info[colon + 1..].to_vec())
}

/// Whether a request names this machine, or the address that we listen on, wherever it says whom
/// it wants. One that does not say is not a browser's.
fn is_for_us(uri: &Uri, headers: &HeaderMap, listen: IpAddr) -> bool {
    let hosts = headers.get_all(header::HOST).iter().map(|host| host.to_str().unwrap_or_default());
    let mut named = uri.authority().map(|authority| authority.as_str()).into_iter().chain(hosts);
    named.all(|authority| is_ours(authority, listen))
}

fn is_ours(authority: &str, listen: IpAddr) -> bool {
    let Some(host) = without_port(authority) else { return false };
    if host.eq_ignore_ascii_case("localhost") {
        return true;
    }
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let address = match bare {
        Some(bare) => bare.parse::<std::net::Ipv6Addr>().map(IpAddr::V6),
        None => host.parse::<std::net::Ipv4Addr>().map(IpAddr::V4),
    };
    address.is_ok_and(|address| {
        let address = address.to_canonical();
        address.is_loopback() || (address == listen.to_canonical() && !address.is_unspecified())
    })
}

/// `host` of `host`, `host:port`, `[address]` and `[address]:port`.
fn without_port(authority: &str) -> Option<&str> {
    let end = match authority.starts_with('[') {
        true => authority.find(']')? + 1,
        false => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, rest) = authority.split_at(end);
    let port = rest.strip_prefix(':').unwrap_or(rest);
    let is_port =
        rest.is_empty() || (rest.len() > port.len() && port.bytes().all(|byte| byte.is_ascii_digit()));
    is_port.then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_and_the_configured_address_are_ours() {
        let ours = |authority: &str| is_ours(authority, "10.0.0.7".parse().unwrap());
        for authority in [
            "localhost",
            "LOCALHOST:5001",
            "127.0.0.1",
            "127.0.0.1:5001",
            "127.255.0.3:1",
            "[::1]",
            "[::1]:5001",
            "[::ffff:127.0.0.1]:5001",
            "10.0.0.7:5001",
            "localhost:",
        ] {
            assert!(ours(authority), "{authority}");
        }
        for authority in [
            "",
            "evil.example",
            "localhost.evil.example",
            "evil.example:5001",
            "127.0.0.1.evil.example",
            "10.0.0.8",
            "0.0.0.0:5001",
            "[::]",
            "::1",
            "[::1",
            "[::1]x",
            "[127.0.0.1]",
            "localhost:5001:1",
            "localhost@evil.example",
            "evil.example@localhost:1",
            "127.1",
            "0x7f.0.0.1",
            "localhost:80a",
        ] {
            assert!(!ours(authority), "{authority}");
        }
        assert!(!is_ours("0.0.0.0", "0.0.0.0".parse().unwrap()));
    }

    #[test]
    fn everywhere_that_a_request_says_whom_it_wants_it_must_want_us() {
        let listen = "127.0.0.1".parse().unwrap();
        let headers = |hosts: &[&'static str]| -> HeaderMap {
            hosts.iter().map(|host| (header::HOST, HeaderValue::from_static(host))).collect()
        };
        let asks = |uri: &'static str, hosts| is_for_us(&Uri::from_static(uri), &headers(hosts), listen);
        assert!(asks("/", &["localhost:5001"]));
        assert!(asks("http://localhost:5001/", &["localhost:5001"]));
        assert!(!asks("http://evil.example/", &["localhost:5001"]));
        assert!(!asks("/", &["localhost:5001", "evil.example"]));
        assert!(!asks("/", &["evil.example", "localhost:5001"]));
    }

    #[test]
    fn the_token_is_found_in_both_schemes_and_nowhere_else() {
        let token = SecretString::from("s3cret: with a colon");
        let brings = |value: &str| {
            let value = HeaderValue::from_str(value).unwrap();
            super::brings(&[(header::AUTHORIZATION, value)].into_iter().collect(), &token)
        };
        let basic = |text: &str| format!("Basic {}", BASE64.encode(text));
        assert!(brings("Bearer s3cret: with a colon"));
        assert!(brings("bearer  s3cret: with a colon"));
        assert!(brings(&basic("anybody:s3cret: with a colon")));
        assert!(brings(&basic(":s3cret: with a colon")));
        for wrong in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer s3cret",
            "s3cret: with a colon",
            "Basic",
            "Basic !!",
            "Digest s3cret: with a colon",
            "Bearer s3cret: with a colon.",
            &basic("s3cret: with a colon"),
            &basic("s3cret: with a colon:"),
            &basic("a:S3cret: with a colon"),
        ] {
            assert!(!brings(wrong), "{wrong}");
        }
        assert!(!super::brings(&HeaderMap::new(), &token));
    }
}
