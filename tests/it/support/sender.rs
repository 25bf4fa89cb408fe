//! GitHub's and Jenkins' side of a webhook.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

/// The secret that tests configure for GitHub.
pub const GITHUB_SECRET: &str = "It's a Secret to Everybody";
/// The token that tests configure for Jenkins.
pub const JENKINS_TOKEN: &str = "a-token-for-jenkins-in-tests";

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
        let code = response.status().as_u16();
        let retry_after = response.headers().get("retry-after").map(|v| v.to_str().unwrap().to_owned());
        let text = response.text().await.unwrap();
        let body: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{code} {text:?}: {e}"));
        let keys = body["keys"].as_array().into_iter().flatten();
        Self {
            code,
            status: body["status"].as_str().unwrap().to_owned(),
            reason: body["reason"].as_str().unwrap_or_default().to_owned(),
            keys: keys.map(|key| key.as_str().unwrap().to_owned()).collect(),
            retry_after,
        }
    }

    /// Code and status, to compare with.
    pub fn is(&self) -> (u16, &str) {
        (self.code, &self.status)
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

    /// A request to a route, to be completed.
    pub fn post(&self, path: &str) -> reqwest::RequestBuilder {
        self.client.post(format!("http://{}{path}", self.address))
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

    /// A Jenkins notification.
    pub async fn jenkins(&self, payload: &Value) -> Answer {
        let request = self
            .post("/jenkins")
            .bearer_auth(JENKINS_TOKEN)
            .header("content-type", "application/json;charset=UTF-8")
            .body(payload.to_string());
        Answer::read(request.send().await.unwrap()).await
    }
}
