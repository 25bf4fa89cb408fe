//! GitHub's REST API: one page asked for, its JSON and the address of the next one back. Waits for
//! the limits, tries again what can pass by itself, counts requests. The token goes to the host that
//! it was given for and to no other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, LINK};
use reqwest::{Response, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::sync::{Mutex, Semaphore};

use super::limits::{self, Limit, Verdict};
use crate::export::verdict::causes;
use crate::import::http::{self, Unread};
use crate::import::wait::{Clock, backoff};
use crate::show::Show;
use crate::web;

/// The version of the API whose shapes are read.
const API_VERSION: &str = "2022-11-28";
/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many requests are under way at a time. GitHub asks for few.
pub(super) const CONCURRENT: usize = 3;
/// How often one request is tried while the server has trouble or says that it is too much.
const ATTEMPTS: u32 = 10;
/// The wait after the first failure.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);

/// What the rights of a token are called, for those whose token lacks them.
const RIGHTS: &str = "a fine-grained token needs read access to Metadata, Issues, Pull requests, Contents, \
                      Actions and Deployments of the repository; a classic one the scope `repo` \
                      (`public_repo` for public ones), and `read:org` for --org";

/// Why the API could not be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// The address cannot be one.
    #[error(
        "--api-url {0}: write where GitHub's API is, such as https://api.github.com or https://HOST/api/v3"
    )]
    Address(String),
    /// The client cannot be built.
    #[error("the client for GitHub's API cannot be set up: {0}")]
    Setup(String),
    /// The token is not one.
    #[error(
        "GitHub does not accept the token (401): it is wrong, expired or revoked. Make a new one and give it with GITHUB_TOKEN or --token-file; {RIGHTS}"
    )]
    Unauthorized,
    /// The token lacks a right.
    #[error(
        "GitHub refuses {asked} (403): {}; {RIGHTS}",
        if *.sso { "authorize the token for the organisation's single sign-on" } else { "the token lacks a right" }
    )]
    Forbidden {
        /// What was asked for.
        asked: String,
        /// Whether it is because of single sign-on.
        sso: bool,
    },
    /// It is not there, or the token must not know of it.
    #[error(
        "GitHub knows no {asked} (404): check the name. What a token must not see is not there either; {RIGHTS}"
    )]
    NotFound {
        /// What was asked for.
        asked: String,
    },
    /// It is elsewhere.
    #[error("{asked} has moved: was it renamed? Give its present name")]
    Moved {
        /// What was asked for.
        asked: String,
    },
    /// GitHub shows it to nobody.
    #[error("GitHub shows {asked} to nobody: it has blocked access to it")]
    Blocked {
        /// What was asked for.
        asked: String,
    },
    /// A status that makes no sense here.
    #[error("GitHub answers {status} to {asked}: is --api-url GitHub's API?")]
    Unexpected {
        /// What was asked for.
        asked: String,
        /// The status.
        status: u16,
    },
    /// An answer that is not in the documented shape.
    #[error("GitHub's answer to {asked} is not what its documentation says: {reason}")]
    Shape {
        /// What was asked for.
        asked: String,
        /// What is wrong.
        reason: String,
    },
    /// The next page is somewhere else.
    #[error("the next page of {asked} is said to be at another host ({host}): the token is not sent there")]
    Elsewhere {
        /// What was asked for.
        asked: String,
        /// Where.
        host: String,
    },
    /// Tried often enough.
    #[error("{asked}: {reason}, {ATTEMPTS} times: run the command again later, it goes on from here")]
    GivenUp {
        /// What was asked for.
        asked: String,
        /// The last failure.
        reason: String,
        /// Whether it is the answers that are of no use: then it may be about this one thing.
        answered: bool,
    },
}

/// A page of the API.
#[derive(Debug)]
pub(super) struct Page {
    /// What it says.
    pub(super) body: Value,
    /// Where the next one is.
    pub(super) next: Option<Url>,
}

/// GitHub's API.
pub struct Api {
    http: reqwest::Client,
    base: Url,
    token: Option<HeaderValue>,
    clock: Arc<dyn Clock>,
    show: Arc<dyn Show>,
    /// Before this nothing is asked.
    closed_until: Mutex<Option<Timestamp>>,
    slots: Semaphore,
    requests: AtomicU64,
}

impl Api {
    /// The API at `base`, asked with `token`, or as anybody.
    pub fn new(
        base: &str,
        token: Option<&SecretString>,
        clock: Arc<dyn Clock>,
        show: Arc<dyn Show>,
    ) -> Result<Self, ApiError> {
        let bad = || ApiError::Address(base.to_owned());
        // A base without a slash at its end would lose its last part.
        let url: Url = format!("{}/", base.trim_end_matches('/')).parse().map_err(|_| bad())?;
        if !url.username().is_empty() || url.password().is_some() {
            // Which is not repeated.
            return Err(ApiError::Address("has a name or a password in it".to_owned()));
        }
        let plain = matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.query().is_none()
            && url.fragment().is_none();
        if !plain {
            return Err(bad());
        }
        if url.scheme() == "http" && !web::is_loopback(&url) && token.is_some() {
            return Err(ApiError::Address(format!("{base} would carry the token in the clear")));
        }
        let http = http::client(&url, PATIENCE).map_err(|error| ApiError::Setup(causes(&error)))?;
        let token = token
            .map(|token| HeaderValue::from_str(&format!("Bearer {}", token.expose_secret().trim())))
            .transpose()
            .map_err(|_| ApiError::Unauthorized)?
            .map(|mut value| {
                value.set_sensitive(true);
                value
            });
        Ok(Self {
            http,
            base: url,
            token,
            clock,
            show,
            closed_until: Mutex::new(None),
            slots: Semaphore::new(CONCURRENT),
            requests: AtomicU64::new(0),
        })
    }

    /// How many requests were made, counting those that had to be repeated.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Who is told.
    pub(super) fn show(&self) -> &dyn Show {
        &*self.show
    }

    /// Now.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The address of a path below the API's, with its query.
    pub(super) fn url(&self, path: &str) -> Result<Url, ApiError> {
        self.base.join(path).map_err(|_| ApiError::Address(path.to_owned()))
    }

    /// One page; `None` if what it was about is gone.
    pub(super) async fn page(&self, url: Url, asked: &str) -> Result<Option<Page>, ApiError> {
        let mut failures = 0;
        loop {
            let slot = self.slots.acquire().await;
            self.open().await;
            self.requests.fetch_add(1, Ordering::Relaxed);
            let answer = self.ask(url.clone()).await;
            drop(slot);
            let (reason, answered) = match answer {
                Ok((status, headers, body)) => {
                    let message = || {
                        let body: Option<Value> = serde_json::from_slice(&body).ok();
                        body.and_then(|body| Some(body.get("message")?.as_str()?.to_owned()))
                            .unwrap_or_default()
                    };
                    let now = self.clock.now();
                    let verdict = match status {
                        StatusCode::OK => Verdict::Taken,
                        status => limits::verdict(status, &headers, &message(), asked, now),
                    };
                    match verdict {
                        Verdict::Taken => {
                            if let Some(wait) = limits::exhausted(&headers, now) {
                                self.close(wait, Limit::Primary).await;
                            }
                            match serde_json::from_slice(&body) {
                                Ok(body) => {
                                    return Ok(Some(Page { body, next: self.next(&headers, asked)? }));
                                }
                                Err(error) => (format!("answers what is not JSON ({error})"), true),
                            }
                        }
                        Verdict::Gone => return Ok(None),
                        Verdict::Refused(error) => return Err(error),
                        Verdict::Limited { wait, limit } => {
                            failures += 1;
                            if failures >= ATTEMPTS {
                                let reason = "GitHub says that it is too much".to_owned();
                                return Err(ApiError::GivenUp {
                                    asked: asked.to_owned(),
                                    reason,
                                    answered: false,
                                });
                            }
                            self.close(wait, limit).await;
                            continue;
                        }
                        Verdict::Trouble(reason) => (reason, true),
                    }
                }
                Err(reason) => (reason, false),
            };
            failures += 1;
            if failures >= ATTEMPTS {
                return Err(ApiError::GivenUp { asked: asked.to_owned(), reason, answered });
            }
            let wait = backoff(FIRST_BACKOFF, failures);
            self.show.say(&format!("{asked}: {reason}; trying again in {} s", wait.as_secs()));
            self.clock.sleep(wait).await;
        }
    }

    async fn ask(&self, url: Url) -> Result<(StatusCode, HeaderMap, Vec<u8>), String> {
        let mut request = self
            .http
            .get(url)
            .header(ACCEPT, "application/vnd.github+json")
            .header("x-github-api-version", API_VERSION);
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, token.clone());
        }
        let failed = |error: reqwest::Error| causes(&error.without_url());
        let mut response: Response = request.send().await.map_err(failed)?;
        let body = http::body(&mut response).await.map_err(|unread| match unread {
            Unread::TooLarge => "the answer is too large".to_owned(),
            Unread::Failed(error) => failed(error),
        })?;
        Ok((response.status(), response.headers().clone(), body))
    }

    /// Waits until something may be asked.
    async fn open(&self) {
        loop {
            let until = *self.closed_until.lock().await;
            let wait = until.map(|until| until.duration_since(self.clock.now()));
            match wait.and_then(|wait| Duration::try_from(wait).ok()).filter(|wait| !wait.is_zero()) {
                Some(wait) => self.clock.sleep(wait).await,
                None => return,
            }
        }
    }

    /// Nothing is asked for so long; whoever closes says so once.
    async fn close(&self, wait: Duration, limit: Limit) {
        let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::ZERO);
        let Ok(until) = self.clock.now().checked_add(wait) else { return };
        let mut closed = self.closed_until.lock().await;
        if closed.is_some_and(|before| before >= until) {
            return;
        }
        let told = closed.is_some_and(|before| before > self.clock.now());
        *closed = Some(until);
        if !told && !wait.is_zero() {
            let until = until.round(jiff::Unit::Second).unwrap_or(until);
            let why = match limit {
                Limit::Primary => "the requests of this hour are used up",
                Limit::Secondary => "GitHub asks for a pause",
            };
            self.show.say(&format!("{why}: waiting until {until}"));
        }
    }

    /// The address of the next page, if it is on the API's own host.
    fn next(&self, headers: &HeaderMap, asked: &str) -> Result<Option<Url>, ApiError> {
        let links = headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
        let Some(next) = links.flat_map(|links| links.split(',')).find_map(next_of) else { return Ok(None) };
        let shape = |reason: &str| ApiError::Shape { asked: asked.to_owned(), reason: reason.to_owned() };
        let next = self.base.join(next).map_err(|_| shape("the next page's address is none"))?;
        if next.origin() == self.base.origin() {
            return Ok(Some(next));
        }
        let host = next.host_str().unwrap_or("none").to_owned();
        Err(ApiError::Elsewhere { asked: asked.to_owned(), host })
    }
}

/// The address in one member of a `Link` header, if it is the next page's.
fn next_of(link: &str) -> Option<&str> {
    let (address, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
    let next = parameters.split(';').any(|parameter| {
        let parameter = parameter.trim();
        parameter.eq_ignore_ascii_case("rel=\"next\"") || parameter.eq_ignore_ascii_case("rel=next")
    });
    next.then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_cannot_be_the_apis_is_refused_and_no_password_repeated() {
        struct Nobody;
        impl Show for Nobody {
            fn say(&self, _: &str) {}
            fn begin(&self, _: &str, _: Option<u64>) {}
            fn done(&self, _: u64) {}
        }
        let token = SecretString::from("a-token");
        let refused = |base: &str| {
            let api =
                Api::new(base, Some(&token), Arc::new(crate::import::wait::WallClock), Arc::new(Nobody));
            api.err().map(|error| error.to_string())
        };
        for base in ["", "api.github.com", "ftp://x", "https://x/?a=b", "http://ghe.example/api/v3"] {
            assert!(refused(base).unwrap().contains("write where GitHub's API is"), "{base}");
        }
        let message = refused("https://bo:hunter2@api.github.com").unwrap();
        assert!(message.contains("a password") && !message.contains("hunter2"), "{message}");
        for base in ["https://ghe.example/api/v3", "https://ghe.example/api/v3/", "http://127.0.0.1:9"] {
            assert_eq!(refused(base), None, "{base}");
        }
    }

    #[test]
    fn the_next_page_is_found_among_the_links() {
        let links = r#"<https://api.github.com/x?page=1>; rel="prev", <https://api.github.com/x?page=3>; rel="next", <https://api.github.com/x?page=9>; rel="last""#;
        assert_eq!(links.split(',').find_map(next_of), Some("https://api.github.com/x?page=3"));
        assert_eq!(next_of(r#"<https://api.github.com/x?page=9>; rel="last""#), None);
        assert_eq!(next_of("nonsense"), None);
    }
}
