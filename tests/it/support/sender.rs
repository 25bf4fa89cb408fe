//! The senders' side of a webhook.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use valuestream::sources::verify::webhook;
use valuestream::work::key::Source;

/// The secret that tests configure for GitHub.
pub const GITHUB_SECRET: &str = "It's a Secret to Everybody";
/// The token that tests configure for Jenkins.
pub const JENKINS_TOKEN: &str = "a-token-for-jenkins-in-tests";

/// The token that tests configure for GitLab.
pub const GITLAB_TOKEN: &str = "a-token-for-gitlab-in-tests";
/// The secret that tests configure for Jira.
pub const JIRA_SECRET: &str = "a-secret-for-jira-in-tests";
/// The token that tests configure for CDEvents.
pub const CDEVENTS_TOKEN: &str = "a-token-for-cdevents-in-tests";
/// The signing key that tests configure for custom events.
pub const CUSTOM_KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A client that follows nothing and uses no proxy.
pub fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

/// What GitHub puts into `X-Hub-Signature-256`.
pub fn signature(secret: &str, body: &[u8]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap().chain_update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// The headers of Standard Webhooks for a message signed with `key`, `age` seconds ago.
pub fn webhook(key: &str, id: &str, age: i64, body: &[u8]) -> [(&'static str, String); 3] {
    let at = valuestream::clock::now().micros() / 1_000_000 - age;
    let signature = webhook::sign(&webhook::key(key).unwrap(), id, at, body).unwrap();
    [("webhook-id", id.to_owned()), ("webhook-timestamp", at.to_string()), ("webhook-signature", signature)]
}

/// The headers that let a body in at the route of a source; tell it apart from every other delivery.
pub fn credentials(source: Source, body: &[u8]) -> Vec<(&'static str, String)> {
    match source {
        Source::Github => vec![
            ("x-github-event", "issues".to_owned()),
            ("x-github-delivery", fresh_id()),
            ("x-hub-signature-256", signature(GITHUB_SECRET, body)),
        ],
        Source::Jenkins => vec![("authorization", format!("Bearer {JENKINS_TOKEN}"))],
        Source::Gitlab => vec![("x-gitlab-token", GITLAB_TOKEN.to_owned())],
        Source::Jira => vec![("x-hub-signature", signature(JIRA_SECRET, body))],
        Source::Cdevents => vec![("authorization", format!("Bearer {CDEVENTS_TOKEN}"))],
        Source::Custom => webhook(CUSTOM_KEY, &fresh_id(), 0, body).to_vec(),
    }
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub code: u16,
    /// `status` of the body.
    pub status: String,
    /// `reason` of the body, empty if there is none.
    pub reason: String,
    /// `keys` of the body.
    pub keys: Vec<String>,
    /// The header `Retry-After`.
    pub retry_after: Option<String>,
}

impl Answer {
    /// Reads an answer, which must be JSON with a status.
    pub async fn read(response: reqwest::Response) -> Self {
        Self::try_read(response).await.unwrap()
    }

    /// The same for an answer that may break off; what arrives whole must be JSON with a status.
    pub async fn try_read(response: reqwest::Response) -> Result<Self, reqwest::Error> {
        let code = response.status().as_u16();
        let retry_after = response.headers().get("retry-after").map(|v| v.to_str().unwrap().to_owned());
        let text = response.text().await?;
        let body: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{code} {text:?}: {e}"));
        let keys = body["keys"].as_array().into_iter().flatten();
        Ok(Self {
            code,
            status: body["status"].as_str().unwrap().to_owned(),
            reason: body["reason"].as_str().unwrap_or_default().to_owned(),
            keys: keys.map(|key| key.as_str().unwrap().to_owned()).collect(),
            retry_after,
        })
    }

    /// Code and status, to compare with.
    pub fn is(&self) -> (u16, &str) {
        (self.code, &self.status)
    }
}

/// A delivery that can be sent again as it is.
#[derive(Clone, Debug)]
pub enum Delivery {
    /// GitHub's.
    Github {
        /// The event.
        event: &'static str,
        /// The delivery's id.
        id: String,
        /// The payload.
        body: String,
    },
    /// A notification of Jenkins'.
    Jenkins {
        /// The payload.
        body: String,
    },
    /// One of any other sender's.
    Of {
        /// Whose.
        source: Source,
        /// What it is known by, and what it is.
        headers: Vec<(&'static str, String)>,
        /// The payload.
        body: String,
    },
}

impl Delivery {
    /// A delivery of GitHub's with an id of its own.
    pub fn github(event: &'static str, payload: &Value) -> Self {
        Self::Github { event, id: fresh_id(), body: payload.to_string() }
    }

    /// A notification of Jenkins'.
    pub fn jenkins(payload: &Value) -> Self {
        Self::Jenkins { body: payload.to_string() }
    }

    /// A delivery of Jira's with an id of its own.
    pub fn jira(payload: &Value) -> Self {
        let headers = vec![("x-atlassian-webhook-identifier", fresh_id())];
        Self::Of { source: Source::Jira, headers, body: payload.to_string() }
    }

    /// A custom event.
    pub fn custom(payload: &Value) -> Self {
        Self::Of { source: Source::Custom, headers: Vec::new(), body: payload.to_string() }
    }
}

/// Sends deliveries.
#[derive(Clone)]
pub struct Sender {
    client: reqwest::Client,
    address: SocketAddr,
}

static DELIVERIES: AtomicU64 = AtomicU64::new(0);

/// A delivery id that was not used before in this process.
pub fn fresh_id() -> String {
    format!("72d3162e-cc78-11e3-81ab-{:012x}", DELIVERIES.fetch_add(1, Ordering::Relaxed))
}

impl Sender {
    /// To a listener.
    pub fn to(address: SocketAddr) -> Self {
        Self { client: client(), address }
    }

    /// To nobody yet, with a connection of its own for each request.
    pub fn each_time_anew() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
        Self { client, address: ([127, 0, 0, 1], 0).into() }
    }

    /// The same sender, to a listener that has come up elsewhere.
    pub fn at(&self, address: SocketAddr) -> Self {
        Self { client: self.client.clone(), address }
    }

    /// A request to a route, to be completed.
    pub fn post(&self, path: &str) -> reqwest::RequestBuilder {
        self.client.post(format!("http://{}{path}", self.address))
    }

    /// Sends a delivery; an error is what a sender sees of a server that goes away.
    pub async fn deliver(&self, delivery: &Delivery) -> Result<Answer, reqwest::Error> {
        let request = match delivery {
            Delivery::Github { event, id, body } => self
                .post("/github")
                .header("content-type", "application/json")
                .header("x-github-event", *event)
                .header("x-github-delivery", id)
                .header("x-hub-signature-256", signature(GITHUB_SECRET, body.as_bytes()))
                .body(body.clone()),
            Delivery::Jenkins { body } => self
                .post("/jenkins")
                .bearer_auth(JENKINS_TOKEN)
                .header("content-type", "application/json;charset=UTF-8")
                .body(body.clone()),
            Delivery::Of { source, headers, body } => {
                let mut request = self.post(&format!("/{source}")).header("content-type", "application/json");
                for (name, value) in credentials(*source, body.as_bytes()).into_iter().chain(headers.clone())
                {
                    request = request.header(name, value);
                }
                request.body(body.clone())
            }
        };
        Answer::try_read(request.send().await?).await
    }

    /// A signed GitHub delivery with an id of its own.
    pub async fn github(&self, event: &str, payload: &Value) -> Answer {
        self.github_bytes(event, &fresh_id(), payload.to_string().into_bytes()).await
    }

    /// A signed GitHub delivery with a given id and body.
    pub async fn github_bytes(&self, event: &str, id: &str, body: Vec<u8>) -> Answer {
        let request = self
            .post("/github")
            .header("content-type", "application/json")
            .header("x-github-event", event)
            .header("x-github-delivery", id)
            .header("x-hub-signature-256", signature(GITHUB_SECRET, &body))
            .body(body);
        Answer::read(request.send().await.unwrap()).await
    }

    /// A delivery to the route of a source, with headers; its media type is JSON unless they say
    /// otherwise.
    pub async fn send(&self, path: &str, headers: &[(&'static str, String)], body: &[u8]) -> Answer {
        let mut request = self.post(path);
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        Answer::read(request.body(body.to_vec()).send().await.unwrap()).await
    }

    /// A Jenkins notification.
    pub async fn jenkins(&self, payload: &Value) -> Answer {
        self.deliver(&Delivery::jenkins(payload)).await.unwrap()
    }
}
