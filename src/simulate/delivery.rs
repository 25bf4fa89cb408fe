//! A delivery as it goes over the wire, and the signing of it.

use std::fmt;

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use crate::work::key::Source;
use crate::work::time::Time;

/// One HTTP POST of a sender.
#[derive(Clone, PartialEq, Eq)]
pub struct Delivery {
    /// When it was sent, by the sender's clock.
    pub at: Time,
    /// The item that it speaks of, written like a key. Deliveries of one item should be posted in
    /// the order in which they come.
    pub item: String,
    /// Who sends it.
    pub source: Source,
    /// Its headers, in lower case. They can hold a token.
    pub headers: Vec<(&'static str, String)>,
    /// Its body, compact JSON.
    pub body: Bytes,
}

/// The path that a source's deliveries are posted to.
pub fn path(source: Source) -> &'static str {
    match source {
        Source::Github => "/github",
        Source::Jenkins => "/jenkins",
        Source::Gitlab => "/gitlab",
        Source::Jira => "/jira",
        Source::Cdevents => "/cdevents",
        Source::Custom => "/custom",
    }
}

impl Delivery {
    /// Every delivery is posted.
    pub const METHOD: &'static str = "POST";

    /// The path it is posted to.
    pub fn path(&self) -> &'static str {
        path(self.source)
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
    }
}

/// Neither headers nor body: they hold a token and a payload.
impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("at", &self.at)
            .field("item", &self.item)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Signs as the senders do.
#[derive(Clone)]
pub struct Signer {
    github: Option<Hmac<Sha256>>,
    jenkins: Option<SecretString>,
}

impl Signer {
    /// With GitHub's secret and Jenkins' token, or without.
    pub fn new(github: Option<&SecretString>, jenkins: Option<&SecretString>) -> Self {
        // An HMAC takes a key of any length, so `ok` loses nothing.
        let github = github.and_then(|secret| Hmac::new_from_slice(secret.expose_secret().as_bytes()).ok());
        Self { github, jenkins: jenkins.cloned() }
    }

    /// The headers of a delivery by GitHub.
    pub fn github(&self, event: &'static str, delivery: String, body: &[u8]) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            ("content-type", "application/json".to_owned()),
            ("user-agent", "GitHub-Hookshot/5a1d2c3".to_owned()),
            ("x-github-delivery", delivery),
            ("x-github-event", event.to_owned()),
            ("x-github-hook-id", "471100815".to_owned()),
            ("x-github-hook-installation-target-type", "organization".to_owned()),
        ];
        if let Some(mac) = &self.github {
            let signature = mac.clone().chain_update(body).finalize().into_bytes();
            headers.push(("x-hub-signature-256", format!("sha256={}", hex::encode(signature))));
        }
        headers
    }

    /// The headers of a delivery by Jenkins.
    pub fn jenkins(&self) -> Vec<(&'static str, String)> {
        let mut headers = vec![("content-type", "application/json;charset=UTF-8".to_owned())];
        if let Some(token) = &self.jenkins {
            headers.push(("authorization", format!("Bearer {}", token.expose_secret())));
        }
        headers
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_as_github_documents_it() {
        let signer = Signer::new(Some(&"It's a Secret to Everybody".into()), None);
        let headers = signer.github("ping", String::new(), b"Hello, World!");
        let signature =
            headers.iter().find(|(name, _)| *name == "x-hub-signature-256").map(|(_, v)| v.as_str());
        assert_eq!(
            signature,
            Some("sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17")
        );
    }

    #[test]
    fn tells_no_token_when_it_is_printed() {
        let signer = Signer::new(None, Some(&"jenkins-token-1".into()));
        let delivery = Delivery {
            at: Time::MIN,
            item: "jenkins:host/job/build/1".to_owned(),
            source: Source::Jenkins,
            headers: signer.jenkins(),
            body: Bytes::from_static(b"payload"),
        };
        assert_eq!(delivery.header("authorization"), Some("Bearer jenkins-token-1"));
        let printed = format!("{delivery:?} {signer:?}");
        assert!(!printed.contains("token-1") && !printed.contains("payload"), "{printed}");
    }
}
