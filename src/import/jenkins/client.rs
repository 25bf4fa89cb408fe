//! Jenkins' JSON API: the address of an object and the tree of what is wanted of it in, its JSON out.
//! Waits where Jenkins asks for it, and tries again what can pass by itself. Every address is made of
//! the one that was given and of names: none that Jenkins answers is followed, so that the token goes
//! to the host that it was given for and to no other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;

use crate::export::status::retry_after;
use crate::export::verdict::causes;
use crate::import::http::{self, Unread};
use crate::import::wait::{Clock, backoff};
use crate::show::Show;
use crate::web;

/// How long one answer may take: a Jenkins reads old builds from its disk.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often one request is tried while the server is away or has too much to do.
const ATTEMPTS: u32 = 10;
/// How often one is tried that makes the server fail: a broken job does so each time.
const ATTEMPTS_AT_FAILURE: u32 = 3;
/// The wait after the first failure, and the longest that is believed to be asked for.
const WAITS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(3_600));

/// What Jenkins leaves in the parts of a path.
const SEGMENT: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'!')
    .remove(b'(')
    .remove(b')');

/// A name as a part of a path.
pub(super) fn segment(name: &str) -> impl std::fmt::Display {
    utf8_percent_encode(name, &SEGMENT)
}

/// Why the API could not be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// The address cannot be one.
    #[error(
        "--url {0}: write where Jenkins is, with the path before /job, such as https://ci.example.org/jenkins"
    )]
    Address(String),
    /// The client cannot be built.
    #[error("the client for Jenkins' API cannot be set up: {0}")]
    Setup(String),
    /// User and token are not accepted.
    #[error(
        "Jenkins does not accept the user and the token (401): make an API token on the user's page (Security) and give it with JENKINS_TOKEN or --token-file, and the user's id with --user"
    )]
    Unauthorized,
    /// The user lacks a right.
    #[error(
        "Jenkins refuses {asked} (403): {}",
        if *.anonymous { "give --user and JENKINS_TOKEN" } else { "the user needs the permissions Overall/Read and Job/Read" }
    )]
    Forbidden {
        /// What was asked for.
        asked: String,
        /// Whether nobody was named as the user.
        anonymous: bool,
    },
    /// It is not there, or the user must not know of it.
    #[error(
        "Jenkins knows no {asked} (404): check --url (with the path before /job) and the name (org/repo/main, a branch's slash as %2F); what the user must not see is not there either"
    )]
    NotFound {
        /// What was asked for.
        asked: String,
    },
    /// It is elsewhere.
    #[error(
        "{asked} is said to be at {to}: if that is right, use that address as --url; the token was not sent there"
    )]
    Moved {
        /// What was asked for.
        asked: String,
        /// Where.
        to: String,
    },
    /// A status that makes no sense here.
    #[error("Jenkins answers {status} to {asked}: is --url the address of a Jenkins?")]
    Unexpected {
        /// What was asked for.
        asked: String,
        /// The status.
        status: u16,
    },
    /// An answer that is not in the documented shape.
    #[error(
        "the answer to {asked} is not one of Jenkins' API ({reason}): is --url the address of a Jenkins?"
    )]
    Shape {
        /// What was asked for.
        asked: String,
        /// What is wrong.
        reason: String,
    },
    /// The server fails at it each time.
    #[error("{asked}: Jenkins fails at it ({status}), {ATTEMPTS_AT_FAILURE} times: its log says why")]
    Failing {
        /// What was asked for.
        asked: String,
        /// The status.
        status: u16,
    },
    /// Tried often enough.
    #[error("{asked}: {reason}, {ATTEMPTS} times: run the command again later, it goes on from here")]
    GivenUp {
        /// What was asked for.
        asked: String,
        /// The last failure.
        reason: String,
    },
}

impl ApiError {
    /// Whether it says nothing of other jobs: these can be imported without this one.
    pub(super) fn is_about_one_job(&self) -> bool {
        match self {
            Self::Forbidden { .. } | Self::NotFound { .. } | Self::Shape { .. } | Self::Failing { .. } => {
                true
            }
            Self::Address(_)
            | Self::Setup(_)
            | Self::Unauthorized
            | Self::Moved { .. }
            | Self::Unexpected { .. }
            | Self::GivenUp { .. } => false,
        }
    }
}

/// Jenkins' API.
pub struct Api {
    http: reqwest::Client,
    base: Url,
    authorization: Option<HeaderValue>,
    clock: Arc<dyn Clock>,
    show: Arc<dyn Show>,
    requests: AtomicU64,
}

/// What one attempt came to, if not to an answer.
enum Attempt {
    /// It will never be answered.
    Never(ApiError),
    /// It can be later; what is wrong, and for how long the server asks.
    Later { reason: String, failing: Option<u16>, wait: Option<Duration> },
}

impl Api {
    /// The Jenkins at `base`, asked by a user with an API token, or by anybody.
    pub fn new(
        base: &str,
        access: Option<(&str, &SecretString)>,
        clock: Arc<dyn Clock>,
        show: Arc<dyn Show>,
    ) -> Result<Self, ApiError> {
        let bad = |problem: &str| ApiError::Address(problem.to_owned());
        let base: Url = format!("{}/", base.trim_end_matches('/'))
            .parse()
            .map_err(|error| bad(&format!("is not an address ({error})")))?;
        if !matches!(base.scheme(), "http" | "https") || !base.has_host() {
            return Err(bad("is neither http:// nor https://"));
        }
        // Not shown: there may be a password in it.
        if !base.username().is_empty() || base.password().is_some() {
            return Err(bad("has a name or a password in it, which --user and JENKINS_TOKEN are for"));
        }
        if base.query().is_some() || base.fragment().is_some() {
            return Err(bad("has something behind the path"));
        }
        if base.scheme() == "http" && access.is_some() && !web::is_loopback(&base) {
            show.say("the token goes over plain http: use https:// if this Jenkins has it");
        }
        let http = http::client(&base, PATIENCE).map_err(|error| ApiError::Setup(causes(&error)))?;
        let authorization = access.map(authorization).transpose()?;
        Ok(Self { http, base, authorization, clock, show, requests: AtomicU64::new(0) })
    }

    /// How many requests were made, counting those that had to be repeated.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Who is told.
    pub(super) fn show(&self) -> &dyn Show {
        &*self.show
    }

    /// The address of an object; `path` is relative and ends with a slash, or is empty.
    pub(super) fn address(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The `tree` of an object.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        tree: &str,
        asked: &str,
    ) -> Result<T, ApiError> {
        let mut url: Url = self
            .address(&format!("{path}api/json"))
            .parse()
            .map_err(|_| ApiError::Address(asked.to_owned()))?;
        url.query_pairs_mut().append_pair("tree", tree);
        let mut failures = 0;
        loop {
            let (reason, failing, wait) = match self.attempt(url.clone(), asked).await {
                Ok(body) => {
                    let shape = |error: serde_json::Error| ApiError::Shape {
                        asked: asked.to_owned(),
                        reason: format!("line {}, column {}", error.line(), error.column()),
                    };
                    return serde_json::from_slice(&body).map_err(shape);
                }
                Err(Attempt::Never(error)) => return Err(error),
                Err(Attempt::Later { reason, failing, wait }) => (reason, failing, wait),
            };
            failures += 1;
            let asked = || asked.to_owned();
            match failing {
                Some(status) if failures >= ATTEMPTS_AT_FAILURE => {
                    return Err(ApiError::Failing { asked: asked(), status });
                }
                _ if failures >= ATTEMPTS => return Err(ApiError::GivenUp { asked: asked(), reason }),
                _ => {}
            }
            let wait = wait.unwrap_or_default().max(backoff(WAITS.0, failures)).min(WAITS.1);
            self.show.say(&format!("{}: {reason}; trying again in {} s", asked(), wait.as_secs()));
            self.clock.sleep(wait).await;
        }
    }

    async fn attempt(&self, url: Url, asked: &str) -> Result<Vec<u8>, Attempt> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let mut request = self.http.get(url);
        if let Some(value) = &self.authorization {
            request = request.header(AUTHORIZATION, value.clone());
        }
        let later = |reason| Attempt::Later { reason, failing: None, wait: None };
        let failed = |error: reqwest::Error| later(causes(&error.without_url()));
        let mut response = request.send().await.map_err(failed)?;
        let status = response.status();
        if status != StatusCode::OK {
            return Err(self.refused(status, response.headers(), asked));
        }
        http::body(&mut response).await.map_err(|unread| match unread {
            Unread::TooLarge => {
                let reason = "it is too large".to_owned();
                Attempt::Never(ApiError::Shape { asked: asked.to_owned(), reason })
            }
            Unread::Failed(error) => failed(error),
        })
    }

    fn refused(&self, status: StatusCode, headers: &HeaderMap, asked: &str) -> Attempt {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let asked = asked.to_owned();
        Attempt::Never(match status {
            StatusCode::UNAUTHORIZED => ApiError::Unauthorized,
            StatusCode::FORBIDDEN => ApiError::Forbidden { asked, anonymous: self.authorization.is_none() },
            StatusCode::NOT_FOUND => ApiError::NotFound { asked },
            status if status.is_redirection() => {
                ApiError::Moved { asked, to: self.place(header(LOCATION).unwrap_or_default()) }
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => {
                return self.later(status, headers);
            }
            status if status.is_server_error() => return self.later(status, headers),
            status => ApiError::Unexpected { asked, status: status.as_u16() },
        })
    }

    fn later(&self, status: StatusCode, headers: &HeaderMap) -> Attempt {
        let after = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let wait = after.and_then(|value| retry_after(value, self.clock.now()));
        let failing = (status == StatusCode::INTERNAL_SERVER_ERROR && wait.is_none()).then_some(500);
        Attempt::Later { reason: format!("Jenkins answers {status}"), failing, wait }
    }

    /// Where a redirection leads, as far as people need it: a query can hold what is secret.
    fn place(&self, location: &str) -> String {
        let Ok(url) = self.base.join(location) else { return "no address".to_owned() };
        let path = url.path().split("/api/json").next().unwrap_or_default();
        format!("{}{path}", url.origin().ascii_serialization())
    }
}

fn authorization((user, token): (&str, &SecretString)) -> Result<HeaderValue, ApiError> {
    let plain = STANDARD.encode(format!("{user}:{}", token.expose_secret()));
    let mut value = HeaderValue::from_str(&format!("Basic {plain}")).map_err(|_| ApiError::Unauthorized)?;
    value.set_sensitive(true);
    Ok(value)
}
