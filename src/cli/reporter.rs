//! Posts custom events to a server: what `event` and `exec` have in common. An event is tried again
//! while the server is away or busy, under one id, so that it counts once however often it arrives.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use rand::RngExt;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::CliError;
use super::output::printable;
use crate::clock;
use crate::sources::verify::webhook;
use crate::sources::{self, Context, Parsed, Request};
use crate::work::event::{Relation, Target};
use crate::work::key::{Key, Source};
use crate::work::time::Time;

/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(10);
/// The first wait between attempts, and the longest.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Where events go, and who says that they are from us.
#[derive(Debug, Args)]
#[command(next_help_heading = "Server")]
pub(super) struct ServerArgs {
    /// Where the server takes custom events
    #[arg(long, env = "VALUESTREAM_URL", default_value = "http://127.0.0.1:5000/custom")]
    url: String,
    /// One of its sources.custom.secrets: a token, or a key that begins with whsec_ to sign with. Better in
    /// the environment or in a file, since others can read arguments
    #[arg(long, env = "VALUESTREAM_TOKEN", hide_env_values = true)]
    token: Option<SecretString>,
    /// A file with it, in the first line
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    token_file: Option<PathBuf>,
    /// How long to try again while the server is away or busy
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    patience: Duration,
}

/// What is said about an item whenever it is spoken of.
#[derive(Debug, Args)]
#[command(next_help_heading = "Item")]
pub(super) struct ItemArgs {
    /// What it is: issue, pull_request, build, job, deploy, or a word of your own
    #[arg(long = "type", value_name = "TYPE")]
    kind: String,
    /// Whose it is: a team, a product or a repository, such as acme/shop
    #[arg(long)]
    namespace: Option<String>,
    /// What it belongs to: a key, or a vstrace-… token. Within `valuestream exec`, what that runs
    #[arg(long, env = "VALUESTREAM_KEY", hide_env_values = true)]
    parent: Option<String>,
    /// Something to slice by; can be given several times
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = tag)]
    tags: Vec<(String, String)>,
    /// What people call it
    #[arg(long)]
    name: Option<String>,
    /// Where a deploy goes
    #[arg(long)]
    environment: Option<String>,
    /// What is built or deployed
    #[arg(long)]
    service: Option<String>,
    /// The commit
    #[arg(long)]
    sha: Option<String>,
    /// The branch or tag
    #[arg(long = "ref", value_name = "REF")]
    reference: Option<String>,
    /// The repository, such as https://github.com/acme/shop
    #[arg(long)]
    repository: Option<String>,
    /// Where people can look at it
    #[arg(long, value_name = "URL")]
    link: Option<String>,
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    humantime_serde::re::humantime::parse_duration(text)
        .map_err(|_| "write a number with a unit, such as 30s or 5m".to_owned())
}

fn tag(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write KEY=VALUE, such as team=payments".to_owned()),
    }
}

impl ItemArgs {
    /// Where the item with an id stands: what the server will read out of the events about it, read
    /// here by the same code.
    pub fn place(&self, id: &str) -> Result<Place, CliError> {
        let mut event = self.event(id, None, "start", clock::now());
        if let Some(parent) = &self.parent {
            event.insert("parent".to_owned(), parent.as_str().into());
        }
        let body = serde_json::to_vec(&event).unwrap_or_default();
        let (headers, tagger, conventions, jenkins) = Default::default();
        let context = Context {
            people: false,
            received_at: clock::now(),
            tagger: &tagger,
            conventions: &conventions,
            jenkins: &jenkins,
        };
        let request = Request { headers: &headers, body: &body };
        let event = match sources::parse(Source::Custom, request, &context).content {
            Ok(Parsed::Used(said)) => said.events.into_iter().next(),
            Ok(Parsed::Ignored { .. }) => None,
            Err(error) => return Err(CliError::Failed(error.to_string())),
        };
        let event = event.ok_or_else(|| {
            CliError::Failed(format!(
                "an event of type {:?} speaks of no item: name another --type",
                self.kind
            ))
        })?;
        let named = event.facts.relations.get(&Relation::Token).map(|targets| targets.value.as_slice());
        let parent = named.unwrap_or_default().iter().find_map(|target| match target {
            Target::Key(parent) if *parent != event.key => Some(parent.clone()),
            _ => None,
        });
        Ok(Place { key: event.key, parent })
    }

    /// What it belongs to, unless that is the item itself.
    pub fn parent(&self, key: &Key) -> Option<&str> {
        self.parent.as_deref().filter(|parent| !parent.is_empty() && *parent != key.as_str())
    }

    /// An event about the item with an id. With its key its parent is told, too.
    pub fn event(&self, id: &str, key: Option<&Key>, action: &str, at: Time) -> Map<String, Value> {
        let mut event = Map::new();
        let mut say = |name: &str, value: Option<&str>| {
            if let Some(value) = value {
                event.insert(name.to_owned(), value.into());
            }
        };
        say("id", Some(id));
        say("type", Some(&self.kind));
        say("action", Some(action));
        say("at", Some(&at.to_string()));
        say("namespace", self.namespace.as_deref());
        say("parent", key.and_then(|key| self.parent(key)));
        say("name", self.name.as_deref());
        say("environment", self.environment.as_deref());
        say("service", self.service.as_deref());
        say("sha", self.sha.as_deref());
        say("ref", self.reference.as_deref());
        say("repository", self.repository.as_deref());
        say("url", self.link.as_deref());
        if !self.tags.is_empty() {
            let tags: Map<String, Value> =
                self.tags.iter().map(|(key, value)| (key.clone(), value.as_str().into())).collect();
            event.insert("tags".to_owned(), tags.into());
        }
        event
    }
}

/// Where an item stands.
pub(super) struct Place {
    /// Its key.
    pub key: Key,
    /// What it was said to belong to, if that can be told without the store.
    pub parent: Option<Key>,
}

/// An id that nobody else has.
pub(super) fn fresh_id() -> String {
    format!("{:016x}", rand::rng().random::<u64>())
}

/// Posts events.
pub(super) struct Reporter {
    client: reqwest::Client,
    url: Url,
    secret: Option<Secret>,
    patience: Duration,
}

enum Secret {
    Token(SecretString),
    /// A signing key, as it is written.
    Key(SecretString),
}

/// The body of an answer, as far as it is one of ours.
#[derive(Default, Deserialize)]
#[serde(default)]
struct AnswerBody {
    status: Option<String>,
    reason: Option<String>,
    keys: Vec<String>,
}

/// What the server made of an event.
#[derive(Debug)]
pub(super) enum Posted {
    /// It is kept; the keys of the items that it is about, none if it was known already.
    Taken(Vec<String>),
    /// It is of no use, for this reason.
    Unused(String),
}

/// Why one attempt did not succeed.
enum Attempt {
    /// It can succeed later, perhaps after a time that the server names.
    Later(String, Option<Duration>),
    /// It never will.
    Never(String),
}

impl Reporter {
    pub fn new(args: &ServerArgs) -> Result<Self, CliError> {
        let bad = |problem: &str| {
            CliError::Failed(format!(
                "--url {problem}: write where the server takes custom events, such as http://127.0.0.1:5000/custom"
            ))
        };
        let url = Url::parse(&args.url).map_err(|error| bad(&format!("is not an address ({error})")))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(bad("is neither http:// nor https://"));
        }
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
            return Err(bad(
                "has a name, a password or a query in it; the token goes into VALUESTREAM_TOKEN",
            ));
        }
        let failed = |error: reqwest::Error| CliError::Failed(error.to_string());
        Ok(Self {
            client: client(&url).map_err(failed)?,
            url,
            secret: secret(args)?,
            patience: args.patience,
        })
    }

    /// Posts an event, and tries again for as long as patience lasts. The error is a line for people.
    pub async fn post(&self, event: &Map<String, Value>) -> Result<Posted, String> {
        // Strings always serialize.
        let body = serde_json::to_vec(event).unwrap_or_default();
        let id = format!("msg_{}", fresh_id());
        let begun = Instant::now();
        let mut backoff = BACKOFF.0;
        loop {
            let (reason, asked) = match self.attempt(&id, &body).await {
                Ok(posted) => return Ok(posted),
                Err(Attempt::Never(reason)) => return Err(format!("{}: {reason}", self.url)),
                Err(Attempt::Later(reason, asked)) => (reason, asked),
            };
            let wait = asked.unwrap_or(backoff).max(backoff).mul_f64(rand::rng().random_range(0.75..1.25));
            let left = self.patience.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return Err(format!("{}: {reason}", self.url));
            }
            // One last attempt when patience ends, rather than none in its second half.
            tokio::time::sleep(wait.min(left)).await;
            backoff = (backoff * 2).min(BACKOFF.1);
        }
    }

    async fn attempt(&self, id: &str, body: &[u8]) -> Result<Posted, Attempt> {
        let mut request = self.client.post(self.url.clone()).header(CONTENT_TYPE, "application/json");
        request = request.header(webhook::ID, id);
        match &self.secret {
            None => {}
            Some(Secret::Token(token)) => request = request.bearer_auth(token.expose_secret()),
            Some(Secret::Key(key)) => {
                let now = clock::timestamp().as_second();
                let key = webhook::key(key.expose_secret()).unwrap_or_default();
                let signature = webhook::sign(&key, id, now, body).unwrap_or_default();
                request = request.header(webhook::TIMESTAMP, now).header(webhook::SIGNATURE, signature);
            }
        }
        let silent = |error: reqwest::Error| {
            let cause = crate::export::verdict::causes(&error.without_url());
            Attempt::Later(format!("no answer: is the server running there? {cause}"), None)
        };
        let response = request.body(body.to_vec()).send().await.map_err(silent)?;
        let status = response.status();
        let after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let text = response.bytes().await.map_err(silent)?;
        let answer: Option<AnswerBody> = serde_json::from_slice(&text).ok();
        if status.is_success() {
            let Some(answer) = answer.filter(|answer| answer.status.is_some()) else {
                let reason = "answers, but not as a ValueStream server does: is the address right?";
                return Err(Attempt::Never(reason.to_owned()));
            };
            return Ok(match (answer.status.as_deref(), answer.reason) {
                (Some("ignored"), reason) => Posted::Unused(printable(&reason.unwrap_or_default())),
                _ => Posted::Taken(answer.keys),
            });
        }
        let reason = answer.and_then(|answer| answer.reason).unwrap_or_default();
        let reason = printable(format!("{status} {reason}").trim());
        let again = status.is_server_error()
            || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT);
        if again {
            return Err(Attempt::Later(reason, after.map(Duration::from_secs)));
        }
        Err(Attempt::Never(match status {
            StatusCode::UNAUTHORIZED => format!("{reason} (set VALUESTREAM_TOKEN)"),
            _ => reason,
        }))
    }
}

/// A client that asks nobody but the server of `url`.
pub(super) fn client(url: &Url) -> Result<reqwest::Client, reqwest::Error> {
    crate::web::client(url).timeout(ATTEMPT).build()
}

fn secret(args: &ServerArgs) -> Result<Option<Secret>, CliError> {
    let secret = match (&args.token, &args.token_file) {
        (Some(token), _) => token.clone(),
        (None, None) => return Ok(None),
        (None, Some(path)) => {
            let failed =
                |problem: String| CliError::Failed(format!("--token-file {}: {problem}", path.display()));
            let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
            match text.lines().next().map(str::trim) {
                Some(line) if !line.is_empty() => line.into(),
                _ => return Err(failed("the first line is empty".to_owned())),
            }
        }
    };
    let text = secret.expose_secret();
    if text.is_empty() {
        return Ok(None);
    }
    if webhook::is_key(text) {
        return match webhook::key(text) {
            Some(_) => Ok(Some(Secret::Key(secret))),
            None => Err(CliError::Failed(
                "the token begins with whsec_, but is no signing key: base64 must follow".to_owned(),
            )),
        };
    }
    if !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(CliError::Failed(
            "the token must have only visible ASCII characters and no spaces, since it is sent in a header"
                .to_owned(),
        ));
    }
    Ok(Some(Secret::Token(secret)))
}
