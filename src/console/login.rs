//! Logging in and out: a form with the token, for people in a browser. Works without a script. What
//! another site sends has been turned away before it comes here ([`super::guard::same_site`]).

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, Limited};
use rand::RngExt;

use super::Console;
use super::api::problem::{Problem, ProblemType};
use super::guard::{later, too_many};
use super::origin::{is_led_here, local};
use super::page::login;
use super::pages::{failed, html};
use super::session::{Begun, Sessions};
use crate::clock;
use crate::listener::Peer;
use crate::listener::failures::Attempt;
use crate::telemetry::AccessResult;
use crate::work::time::Time;

/// Where people log in.
pub(super) const LOGIN: &str = "/login";
/// Where they log out.
pub(super) const LOGOUT: &str = "/logout";

/// The longest form.
const LONGEST: usize = 8 * 1024;
/// How long a form may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Leads a browser that wanted an address to the login, and back afterwards.
pub(super) fn invite(wanted: &Uri) -> Response {
    let path = local(wanted.path_and_query().map_or("/", |wanted| wanted.as_str()));
    to(&at_login(path))
}

fn at_login(next: &str) -> String {
    match next {
        "/" => LOGIN.to_owned(),
        next => format!(
            "{LOGIN}?{}",
            form_urlencoded::Serializer::new(String::new()).append_pair("next", next).finish()
        ),
    }
}

/// 303 to an address within the console.
fn to(path: &str) -> Response {
    let location = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}

/// The first value of a name, in a query or in a form.
fn value(pairs: &[u8], name: &str) -> String {
    form_urlencoded::parse(pairs)
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

/// There is nothing to log in to where no token is asked for.
fn no_login() -> Response {
    failed(&Problem::new(ProblemType::NoSuchRoute, "nobody has to log in here: there is no console.token"))
}

/// `GET /login`.
pub(super) async fn form<S, R>(
    State(console): State<Arc<Console<S, R>>>,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Response {
    if console.gate.sessions.is_none() {
        return no_login();
    }
    let next = value(raw.unwrap_or_default().as_bytes(), "next");
    let next = local(&next);
    if console.gate.session(&headers, clock::now()).is_some() {
        return to(next);
    }
    let mut response = html(StatusCode::OK, login::render(next, None));
    // Somebody who follows a link from elsewhere comes without the cookie, whether there is one or
    // not: when they come again by themselves it shows.
    if is_led_here(&headers)
        && let Ok(again) = HeaderValue::from_str(&format!("0; url={}", at_login(next)))
    {
        response.headers_mut().insert(HeaderName::from_static("refresh"), again);
    }
    response
}

/// `POST /login`.
pub(super) async fn begin<S, R>(State(console): State<Arc<Console<S, R>>>, request: Request) -> Response {
    let gate = &console.gate;
    let Some(sessions) = &gate.sessions else { return no_login() };
    let peer = Peer::of(request.extensions());
    let given = match read(request).await {
        Ok(given) => given,
        Err(response) => return response,
    };
    let (token, next) = (value(&given, "token"), value(&given, "next"));
    let next = local(&next);
    let now = clock::now();
    match gate.failures.attempt(peer.0, now, || begun(sessions, &token, now)) {
        Attempt::Right(begun) => {
            console.metrics.access(AccessResult::LoggedIn);
            with_cookie(to(next), &gate.cookie(&begun.cookie, begun.lifetime))
        }
        Attempt::Wrong => {
            console.metrics.access(AccessResult::Wrong);
            html(StatusCode::FORBIDDEN, login::render(next, Some(WRONG)))
        }
        Attempt::Refused(wait) => {
            console.metrics.access(AccessResult::Throttled);
            let page = login::render(next, Some(&too_many(wait)));
            later(html(StatusCode::TOO_MANY_REQUESTS, page), wait)
        }
    }
}

const WRONG: &str = "This is not a token of this console (console.token).";

fn begun(sessions: &Sessions, token: &str, now: Time) -> Option<Begun> {
    // Who pastes a token pastes the end of the line, too.
    sessions.begin(token.trim().as_bytes(), rand::rng().random(), now)
}

/// `POST /logout`.
pub(super) async fn end<S, R>(State(console): State<Arc<Console<S, R>>>, request: Request) -> Response {
    let gate = &console.gate;
    let Some(sessions) = &gate.sessions else { return no_login() };
    let now = clock::now();
    let session = gate.session(request.headers(), now);
    let given = match read(request).await {
        Ok(given) => given,
        Err(response) => return response,
    };
    if let Some(session) = session {
        if !session.sent(&value(&given, "form")) {
            console.metrics.access(AccessResult::CrossSite);
            let detail = "the form is not of this session: open the console again and log out there";
            return failed(&Problem::new(ProblemType::CrossSite, detail));
        }
        sessions.end(session, now);
    }
    with_cookie(to(LOGIN), &gate.cookie("", 0))
}

fn with_cookie(mut response: Response, cookie: &str) -> Response {
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// The form in a request's body.
async fn read(request: Request<Body>) -> Result<Vec<u8>, Response> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response());
    }
    let body = Limited::new(request.into_body(), LONGEST).collect();
    match tokio::time::timeout(PATIENCE, body).await {
        Ok(Ok(body)) => Ok(body.to_bytes().to_vec()),
        Ok(Err(_)) => Err(StatusCode::PAYLOAD_TOO_LARGE.into_response()),
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT.into_response()),
    }
}
