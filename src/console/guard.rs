//! Who is let in, and what browsers are told about every answer. With a token, requests must bring
//! it, or the cookie of a session that began with it; a browser without either is led to the login.
//! Without one, the console trusts whoever can reach it; but a page that somebody opens in a
//! browser of this machine can reach it too, once its own name points here (DNS rebinding). Such
//! a request says in `Host` whom it takes us for, so it is refused.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use secrecy::SecretString;

use super::api::problem::{Problem, ProblemType};
use super::page::assets;
use super::session::{Session, Sessions};
use super::{Console, api, login, origin, wants_html};
use crate::clock;
use crate::config::{ConsoleConfig, PublicUrl};
use crate::listener::Peer;
use crate::listener::failures::{Attempt, Failures};
use crate::telemetry::AccessResult;
use crate::work::time::Time;

/// What every answer carries. Nothing is loaded from elsewhere, nothing of us is put into other
/// pages, and addresses of ours, which say what was asked, are not told to the sites linked to (with
/// `no-referrer` browsers would not even tell us that a form is ours).
const HEADERS: [(HeaderName, HeaderValue); 7] = [
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(assets::CONTENT_SECURITY_POLICY)),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
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

/// What browsers that came over https are told, if they may be: this host for a year with https only.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// The name of the cookie. With `__Host-` a browser takes it only over https and from this very host.
const COOKIE: &str = "valuestream-session";
const SECURE_COOKIE: &str = "__Host-valuestream-session";

/// Who may ask, as it is configured.
pub struct Gate {
    /// The tokens and their sessions; `None` if there is no token.
    pub(super) sessions: Option<Sessions>,
    /// Who was wrong about a token, which holds off even the right one.
    pub(super) failures: Failures,
    /// The origin under which people reach the console, if that is configured.
    public: Option<String>,
    /// Whether people come over https.
    encrypted: bool,
    /// Whether browsers are told to come over https only.
    hsts: bool,
    /// Where it listens, as configured: one of the names under which it may be asked without a token.
    listen: IpAddr,
    /// Whether it may be asked without a token under any name.
    allow_open: bool,
}

impl Gate {
    /// As configured, with these tokens.
    pub fn new(console: &ConsoleConfig, tokens: Vec<SecretString>) -> Self {
        Self {
            sessions: Sessions::new(tokens, console.session_lifetime),
            failures: Failures::new(console.failures_per_minute),
            public: console.public_url.as_ref().map(PublicUrl::origin),
            encrypted: console.is_encrypted(),
            hsts: console.hsts,
            listen: console.listen.ip(),
            allow_open: console.allow_open,
        }
    }

    /// Whether another site had a browser send a request.
    fn is_foreign(&self, request: &Request) -> bool {
        origin::is_cross_site(request.headers(), request.uri(), self.public.as_deref(), self.encrypted)
    }

    /// The session that a request's cookie stands for, if there is one that holds.
    pub(super) fn session(&self, headers: &HeaderMap, now: Time) -> Option<Session> {
        let sessions = self.sessions.as_ref()?;
        let cookies = headers.get_all(header::COOKIE).iter();
        // Pair by pair: another program under the same name may have set one that is no ASCII.
        let pairs = cookies.flat_map(|value| value.as_bytes().split(|byte| *byte == b';'));
        let texts = pairs.filter_map(|pair| std::str::from_utf8(pair).ok()?.trim().split_once('='));
        let ours = texts.filter(|(name, _)| *name == self.cookie_name()).take(MANY);
        ours.filter_map(|(_, value)| sessions.of(value, now)).next()
    }

    fn cookie_name(&self) -> &'static str {
        if self.encrypted { SECURE_COOKIE } else { COOKIE }
    }

    /// What sets the cookie for so many seconds; 0 takes it away.
    pub(super) fn cookie(&self, value: &str, seconds: i64) -> String {
        let secure = if self.encrypted { "; Secure" } else { "" };
        let name = self.cookie_name();
        format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
    }
}

/// More cookies of one name than this are no browser's.
const MANY: usize = 4;

/// Puts the headers on an answer. What does not say how long it may be kept is not kept.
pub(super) async fn sealed<S, R>(
    State(console): State<Arc<Console<S, R>>>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, value);
    }
    if console.gate.encrypted && console.gate.hsts {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Turns away what another site had a browser send, if it is to change anything.
pub(super) async fn same_site<S, R>(
    State(console): State<Arc<Console<S, R>>>,
    request: Request,
    next: Next,
) -> Response {
    if !origin::only_reads(request.method()) && console.gate.is_foreign(&request) {
        console.metrics.access(AccessResult::CrossSite);
        return refused(request.uri().path(), ProblemType::CrossSite, CROSS_SITE);
    }
    next.run(request).await
}

/// Lets a request pass, or says why not. One of a session has the [`Session`] as an extension.
pub(super) async fn admit<S, R>(
    State(console): State<Arc<Console<S, R>>>,
    mut request: Request,
    next: Next,
) -> Response {
    let gate = &console.gate;
    let path = request.uri().path();
    let Some(sessions) = &gate.sessions else {
        if gate.allow_open || is_for_us(request.uri(), request.headers(), gate.listen) {
            return next.run(request).await;
        }
        console.metrics.access(AccessResult::WrongHost);
        return refused(path, ProblemType::WrongHost, WRONG_HOST);
    };
    let now = clock::now();
    // First the session: who has one is not held off by what others at the same address bring.
    if let Some(session) = gate.session(request.headers(), now) {
        request.extensions_mut().insert(session);
        return next.run(request).await;
    }
    let Some(authorization) = request.headers().get(header::AUTHORIZATION) else {
        if !for_programs(path) && opens_a_page(&request) {
            return login::invite(request.uri());
        }
        console.metrics.access(AccessResult::Missing);
        return unauthorized(path);
    };
    let look = || presented(authorization.as_bytes()).filter(|given| sessions.knows(given));
    match gate.failures.attempt(Peer::of(request.extensions()).0, now, look) {
        Attempt::Right(_) => next.run(request).await,
        Attempt::Wrong => {
            console.metrics.access(AccessResult::Wrong);
            unauthorized(path)
        }
        Attempt::Refused(wait) => {
            console.metrics.access(AccessResult::Throttled);
            later(refused(path, ProblemType::TooManyFailures, &too_many(wait)), wait)
        }
    }
}

/// Whether a browser opens an address, as opposed to a script or a program that asks for it.
fn opens_a_page(request: &Request) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD) && wants_html(request)
}

const WRONG_HOST: &str = "without console.token this console answers only under localhost, 127.0.0.1, [::1] or the \
     address of console.listen: use one of these, or set console.token, or console.allow_open = true if \
     something in front of it asks who is there";
const UNAUTHORIZED: &str =
    "send console.token as Authorization: Bearer, or as the password of Basic; a browser logs in at /login";
const CROSS_SITE: &str = "another site had the browser send this: open the console itself; if it is behind a proxy that \
     changes its name, set console.public_url to the address that people use";

/// What somebody is told whose token was not looked at.
pub(super) fn too_many(wait: Duration) -> String {
    format!(
        "too many wrong tokens from this address: no other is looked at for {} s; whoever is logged in stays so",
        rounded_up(wait)
    )
}

/// Says after how long to come again.
pub(super) fn later(mut response: Response, wait: Duration) -> Response {
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(rounded_up(wait)));
    response
}

/// In whole seconds, and at least one.
fn rounded_up(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

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

/// What a program can bring instead.
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
#[allow(clippy::unwrap_used)]
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
        const TOKEN: &str = "s3cret: with a colon";
        let brings = |value: &str| presented(value.as_bytes()).is_some_and(|given| given == TOKEN.as_bytes());
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
    }

    fn gate(settings: &[(&str, &str)]) -> Gate {
        let environment =
            settings.iter().map(|(key, value)| (format!("VALUESTREAM__CONSOLE__{key}"), *value));
        let config = crate::config::Config::load(None, environment).unwrap();
        Gate::new(&config.console, config.console_tokens().unwrap())
    }

    #[test]
    fn the_cookie_is_for_https_only_where_people_come_over_https() {
        let plain = gate(&[("TOKEN", "t")]).cookie("v", 60);
        assert_eq!(plain, "valuestream-session=v; Path=/; Max-Age=60; HttpOnly; SameSite=Strict");
        for setting in [("PUBLIC_URL", "https://vs.example"), ("TLS_CERTIFICATE", "tls.crt")] {
            let secure = gate(&[("TOKEN", "t"), setting]).cookie("v", 60);
            assert_eq!(
                secure,
                "__Host-valuestream-session=v; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure"
            );
        }
        assert_eq!(gate(&[("TOKEN", "t"), ("PUBLIC_URL", "http://vs.example")]).cookie("v", 60), plain);
    }

    #[test]
    fn the_session_is_found_among_other_cookies() {
        let now = clock::now();
        for gate in [gate(&[("TOKEN", "t")]), gate(&[("TOKEN", "t"), ("PUBLIC_URL", "https://vs.example")])] {
            let value = gate.sessions.as_ref().unwrap().begin(b"t", [0; 16], now).unwrap().cookie;
            let name = gate.cookie_name();
            let found = |cookies: &[String]| {
                let value =
                    |text: &String| (header::COOKIE, HeaderValue::from_bytes(text.as_bytes()).unwrap());
                gate.session(&cookies.iter().map(value).collect(), now).is_some()
            };
            assert!(found(&[format!("{name}={value}")]));
            assert!(found(&[format!("a=b;  {name}={value} ;c")]));
            assert!(found(&["a=b".to_owned(), format!("{name}={value}")]));
            assert!(found(&[format!("{name}=forged; {name}={value}")]), "one that somebody else set");
            assert!(found(&[format!("a=ü; {name}={value}")]), "beside one that is no ASCII");
            assert!(
                !found(&[format!("x{name}={value}")]) && !found(std::slice::from_ref(&value)) && !found(&[])
            );
        }
        let secure = gate(&[("TOKEN", "t"), ("PUBLIC_URL", "https://vs.example")]);
        let value = secure.sessions.as_ref().unwrap().begin(b"t", [0; 16], now).unwrap().cookie;
        let headers = [(header::COOKIE, HeaderValue::from_str(&format!("{COOKIE}={value}")).unwrap())]
            .into_iter()
            .collect();
        assert_eq!(secure.session(&headers, now), None, "one that could come from the clear");
    }
}
