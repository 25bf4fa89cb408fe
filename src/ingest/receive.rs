//! One delivery, from its request to its reply: the source is on, the method is POST, the secret
//! is there, type and size are right; then the body is read and verified, understood by its
//! source, and handed to the committer. The order matters: a stranger is turned away before its
//! body is read, and nothing unverified is parsed.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use axum::routing::any;
use tokio::task::JoinError;

use super::body::{self, Room, Unread};
use super::committer::Committer;
use super::reply::Reply;
use crate::clock;
use crate::listener::Peer;
use crate::listener::failures::Failures;
use crate::sources::jenkins::JenkinsOptions;
use crate::sources::verify::{self, Access, Denied, Head};
use crate::sources::{self, Context, Parsed};
use crate::store::{Content, Delivery, Quarantined};
use crate::telemetry::Metrics;
use crate::work::convention::Conventions;
use crate::work::key::Source;
use crate::work::tags::Tagger;
use crate::work::time::Time;

/// Bodies larger than this are verified and parsed on a thread where they hold nobody up.
const LARGE: usize = 256 * 1024;
/// How often a sender that is turned away is told of in the log, in microseconds.
const WARN_EVERY: i64 = 60_000_000;

/// How a source's deliveries are understood, apart from the request.
#[derive(Clone, Debug)]
pub struct Understanding {
    /// Whether people's logins are kept.
    pub people: bool,
    /// Which words are tags.
    pub tagger: Arc<Tagger>,
    /// What texts say that items belong to.
    pub conventions: Arc<Conventions>,
    /// How Jenkins' messages are read.
    pub jenkins: JenkinsOptions,
}

impl Understanding {
    /// The context for a delivery received now.
    pub fn context(&self, received_at: Time) -> Context<'_> {
        Context {
            people: self.people,
            received_at,
            tagger: &self.tagger,
            conventions: &self.conventions,
            jenkins: &self.jenkins,
        }
    }
}

/// What receiving needs; shared by all requests.
pub struct Ingest {
    /// Who may deliver, by source.
    pub access: Vec<(Source, Access)>,
    /// How deliveries are understood.
    pub understanding: Understanding,
    /// The largest body, in bytes.
    pub max_body_bytes: usize,
    /// How long a body may take.
    pub body_timeout: Duration,
    /// The memory for bodies.
    pub room: Room,
    /// Where deliveries are handed in.
    pub committer: Committer,
    /// The counts.
    pub metrics: Metrics,
    /// When the last turned-away sender was logged.
    pub warned_at: AtomicI64,
    /// Who was wrong about a secret.
    pub failures: Failures,
}

/// The ingest listener's routes.
pub fn router(ingest: Arc<Ingest>) -> Router {
    let mut router =
        Router::new().route("/healthz", any(async || Reply::Healthy)).fallback(async || Reply::NotFound);
    for source in Source::ALL {
        let route = any(move |State(ingest): State<Arc<Ingest>>, request: Request| async move {
            let (head, mut body) = request.into_parts();
            let asks_first = head.headers.contains_key(header::EXPECT);
            let reply = ingest.receive(source, head, &mut body).await;
            // Whoever asks before sending the body reads the answer first.
            if !body.is_end_stream() && !asks_first {
                tokio::spawn(body::discard(body, ingest.body_timeout));
            }
            if let Some(status) = reply.delivery_status() {
                ingest.metrics.delivery(source, status);
            }
            reply
        });
        if source == Source::Custom {
            // Its name in the original ValueStream.
            router = router.route("/customhttp", route.clone());
        }
        router = router.route(&format!("/{source}"), route);
    }
    router.with_state(ingest)
}

/// What a body turned out to be.
enum Understood {
    Denied(Denied),
    Parsed(sources::Delivery),
}

impl Ingest {
    async fn receive(self: &Arc<Self>, source: Source, head: Parts, body: &mut Body) -> Reply {
        let access =
            self.access.iter().find(|(on, _)| *on == source).map_or(&Access::Off, |(_, access)| access);
        if matches!(access, Access::Off) {
            return Reply::Off(source.as_str());
        }
        if head.method != Method::POST {
            return Reply::MethodNotAllowed;
        }
        // The time of receipt is that of the head: a slow body does not make a signature old.
        let received_at = clock::now();
        let peer = Peer::of(&head.extensions);
        if let Err(denied) = verify::before_body(source, access, claims(&head, received_at)) {
            return self.denied(source, denied, peer, received_at);
        }
        if let Err(reason) = media_type(source, &head.headers) {
            return Reply::UnsupportedMediaType(reason);
        }
        let arriving = self.committer.arriving();
        let held = match body::read(body, self.max_body_bytes, self.body_timeout, &self.room).await {
            Ok(held) => held,
            Err(Unread::TooLarge) => return Reply::TooLarge(self.max_body_bytes),
            Err(Unread::TooSlow) => return Reply::TooSlow,
            Err(Unread::Truncated) => return Reply::Truncated,
            Err(Unread::NoRoom) => {
                return Reply::Unavailable(
                    "too many large deliveries at the same time: try again later".to_owned(),
                );
            }
        };
        let understand = move |ingest: &Ingest, access: &Access, head: &Parts, body: &[u8]| {
            if let Err(denied) = verify::verify(source, access, claims(head, received_at), body) {
                return Understood::Denied(denied);
            }
            let request = sources::Request { headers: &head.headers, body };
            Understood::Parsed(sources::parse(source, request, &ingest.understanding.context(received_at)))
        };
        let understood = if held.bytes.len() <= LARGE {
            understand(self, access, &head, &held.bytes)
        } else {
            let (ingest, access, head, body) =
                (self.clone(), access.clone(), head.clone(), held.bytes.clone());
            let task = tokio::task::spawn_blocking(move || understand(&ingest, &access, &head, &body));
            match task.await {
                Ok(understood) => understood,
                Err(error) => return broken(&error),
            }
        };
        let parsed = match understood {
            Understood::Denied(denied) => return self.denied(source, denied, peer, received_at),
            Understood::Parsed(parsed) => parsed,
        };
        let (content, reason) = match parsed.content {
            Ok(Parsed::Ignored { reason }) => return Reply::Ignored(reason),
            Ok(Parsed::Used(said)) => (Content::Said(said), None),
            Err(error) => {
                let reason = error.to_string();
                tracing::warn!(%source, event = parsed.event_type, reason, "a delivery cannot be understood and is quarantined");
                let kept = Quarantined {
                    reason: reason.clone(),
                    headers: kept_headers(&head.headers),
                    body: held.bytes.to_vec(),
                };
                (Content::Quarantined(kept), Some(reason))
            }
        };
        // What was understood is small. What is quarantined is the body: it takes its room until it
        // is on disk.
        let held = reason.is_some().then_some(held);
        let delivery = Delivery { source, id: parsed.id, received_at, content };
        let reply = Reply::from(self.committer.commit(delivery, arriving).await);
        drop(held);
        tracing::debug!(%source, event = parsed.event_type, status = reply.status(), "delivery");
        match (reply, reason) {
            (Reply::Quarantined(_), Some(reason)) => Reply::Quarantined(reason),
            (reply, _) => reply,
        }
    }

    /// Turns a sender away, and says so more shortly if its address does this often; tells of it in the log now and then, since a wrong secret at the sender
    /// is the commonest mistake of all.
    fn denied(&self, source: Source, denied: Denied, peer: Peer, received_at: Time) -> Reply {
        let now = received_at.micros();
        let last = self.warned_at.load(Ordering::Relaxed);
        if (now - last).abs() > WARN_EVERY
            && self.warned_at.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        {
            tracing::warn!(%source, reason = %denied, "a delivery was turned away; further ones within a minute are only counted");
        }
        match self.failures.count(peer.0, received_at) {
            None => Reply::Unauthorized(denied),
            Some(wait) => Reply::Throttled(denied, wait),
        }
    }
}

/// What a request brings along to be believed.
fn claims(head: &Parts, now: Time) -> Head<'_> {
    Head { headers: &head.headers, query: head.uri.query(), now }
}

fn broken(error: &JoinError) -> Reply {
    tracing::error!(%error, "a large delivery could not be parsed; please report it");
    Reply::Unavailable("the delivery could not be parsed now".to_owned())
}

/// Whether the media type is one that the source sends. Jenkins may leave it out.
fn media_type(source: Source, headers: &HeaderMap) -> Result<(), String> {
    if let Some(encoding) = headers.get(header::CONTENT_ENCODING)
        && encoding != "identity"
    {
        return Err("compressed bodies are not accepted: send it as it is".to_owned());
    }
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return match source {
            Source::Jenkins => Ok(()),
            _ => Err("the header Content-Type is missing: send application/json".to_owned()),
        };
    };
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let further = match source {
        Source::Github => Some("application/x-www-form-urlencoded"),
        Source::Cdevents => Some("application/cloudevents+json"),
        _ => None,
    };
    let is = |media_type: &str| essence.eq_ignore_ascii_case(media_type);
    if is("application/json") || further.is_some_and(is) {
        return Ok(());
    }
    if source == Source::Cdevents && is("application/cloudevents-batch+json") {
        return Err("batches are not accepted: send each event in a request of its own".to_owned());
    }
    let further = further.map(|further| format!(" or {further}")).unwrap_or_default();
    Err(format!("the media type must be application/json{further}"))
}

/// The headers that are kept with a quarantined delivery: what tells what it is, no credentials.
/// Those of a proxy in front are not known by name, so whatever sounds like one is left out.
fn kept_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    const SECRET: [&str; 9] =
        ["authorization", "cookie", "token", "secret", "password", "credential", "api-key", "apikey", "jwt"];
    headers
        .iter()
        .filter(|(name, _)| !SECRET.iter().any(|word| name.as_str().contains(word)))
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .take(64)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_credential_is_kept_with_a_quarantined_delivery() {
        let names = [
            "authorization",
            "proxy-authorization",
            "cookie",
            "x-gitlab-token",
            "x-forwarded-access-token",
            "x-api-key",
            "cf-access-jwt-assertion",
            "x-client-secret",
        ];
        let kept = [
            "content-type",
            "x-github-event",
            "x-github-delivery",
            "x-gitlab-event",
            "x-gitlab-instance",
            "idempotency-key",
            "x-atlassian-webhook-identifier",
            "webhook-id",
            "webhook-timestamp",
            "ce-id",
            "ce-source",
            "ce-type",
            "ce-specversion",
            "ce-time",
        ];
        let headers: HeaderMap = names
            .iter()
            .chain(&kept)
            .map(|name| (name.parse::<axum::http::HeaderName>().unwrap(), "value".parse().unwrap()))
            .collect();
        let mut left: Vec<String> = kept_headers(&headers).into_iter().map(|(name, _)| name).collect();
        left.sort();
        let mut expected = kept.map(str::to_owned);
        expected.sort();
        assert_eq!(left, expected);
    }
}
