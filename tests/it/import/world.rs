//! A store of its own, into which a recorded repository is imported or delivered.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use opentelemetry_proto::tonic::trace::v1::Span;
use secrecy::SecretString;
use serde_json::Value;
use valuestream::app;
use valuestream::config::Config;
use valuestream::export::encode;
use valuestream::import::github::client::Api;
use valuestream::import::github::walk::{self, Plan, Scope};
use valuestream::import::wait::Clock;
use valuestream::import::{ImportError, Intake, Payload, Progress, Tally};
use valuestream::ingest::receive::Understanding;
use valuestream::show::Show;
use valuestream::store::sqlite::SqliteStore;
use valuestream::store::{Rules, Store};
use valuestream::work::item::Item;
use valuestream::work::key::Source;
use valuestream::work::time::Time;

use super::server::GithubApi;

/// A clock that is set on by whoever waits.
pub struct Patience {
    now: Mutex<Timestamp>,
    waits: Mutex<Vec<Duration>>,
}

impl Patience {
    pub fn new() -> Arc<Self> {
        let now = Mutex::new("2026-04-01T00:00:00Z".parse().unwrap());
        Arc::new(Self { now, waits: Mutex::default() })
    }

    /// How long was waited so far.
    pub fn waits(&self) -> Vec<Duration> {
        self.waits.lock().unwrap().clone()
    }
}

impl Clock for Patience {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        *self.now.lock().unwrap() += SignedDuration::try_from(duration).unwrap();
        self.waits.lock().unwrap().push(duration);
        Box::pin(tokio::task::yield_now())
    }
}

/// What was said meanwhile.
#[derive(Default)]
pub struct Said(Mutex<Vec<String>>);

impl Said {
    pub fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Show for Said {
    fn say(&self, line: &str) {
        self.0.lock().unwrap().push(line.to_owned());
    }
    fn begin(&self, _: &str, _: Option<u64>) {}
    fn done(&self, _: u64) {}
}

/// A store, and what goes in and out of it.
pub struct World {
    pub store: SqliteStore,
    pub clock: Arc<Patience>,
    pub said: Arc<Said>,
    rules: Rules,
    understanding: Understanding,
    folder: tempfile::TempDir,
}

/// Keys of everything that the recorded repository has.
pub const KEYS: [&str; 10] = [
    "issue/12",
    "issue/13",
    "pull_request/15",
    "build/501.1",
    "build/501.2",
    "build/502.1",
    "job/901",
    "job/903",
    "deploy/701",
    "deploy/release-801",
];

impl World {
    pub fn new() -> Self {
        Self::with(&[])
    }

    /// With some settings.
    pub fn with(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("import.db"), 8 << 20).unwrap();
        let settings = settings.iter().map(|(k, v)| (format!("VALUESTREAM__{k}"), (*v).to_owned()));
        let config = Config::load(None, settings).unwrap();
        let rules = app::rules(&config).unwrap();
        let understanding = app::understanding(&config, &rules).unwrap();
        Self { store, clock: Patience::new(), said: Arc::default(), rules, understanding, folder }
    }

    pub fn api(&self, server: &GithubApi) -> Arc<Api> {
        let token = SecretString::from("a-token");
        Arc::new(Api::new(&server.url(), Some(&token), self.clock.clone(), self.said.clone()).unwrap())
    }

    pub fn progress_file(&self) -> PathBuf {
        self.folder.path().join("progress.json")
    }

    /// Imports acme/api since March.
    pub async fn import(&self, server: &GithubApi) -> Result<Tally, ImportError> {
        self.import_of(server, &acme_api()).await
    }

    pub async fn import_of(&self, server: &GithubApi, scope: &Scope) -> Result<Tally, ImportError> {
        Ok(self.import_since(server, scope, since()).await?.0)
    }

    /// Imports, and says how much was left out as well.
    pub async fn import_since(
        &self,
        server: &GithubApi,
        scope: &Scope,
        since: Time,
    ) -> Result<(Tally, u64), ImportError> {
        self.import_noting(server, scope, since, &self.progress_file()).await
    }

    /// Imports acme/api with its progress in this file.
    pub async fn import_with(&self, server: &GithubApi, path: &Path) -> Result<Tally, ImportError> {
        Ok(self.import_noting(server, &acme_api(), since(), path).await?.0)
    }

    async fn import_noting(
        &self,
        server: &GithubApi,
        scope: &Scope,
        since: Time,
        path: &Path,
    ) -> Result<(Tally, u64), ImportError> {
        let mut progress = Progress::open(path, "acme/api", since)?;
        let mut intake = Intake::new(&self.store, Source::Github, &self.understanding, &self.rules);
        let left_out = walk::import(&self.api(server), scope, &mut intake, &mut progress).await?;
        progress.finish()?;
        Ok((intake.tally().clone(), left_out))
    }

    pub async fn plan(&self, server: &GithubApi) -> Plan {
        walk::plan(&self.api(server), &acme_api(), since()).await.unwrap()
    }

    /// Delivers the recorded webhooks.
    pub async fn deliver(&self) -> Tally {
        self.deliver_all(&serde_json::from_str::<Vec<Value>>(include_str!("recorded/webhooks.json")).unwrap())
            .await
    }

    /// Delivers webhooks, each with its event and its payload.
    pub async fn deliver_all(&self, hooks: &[Value]) -> Tally {
        let mut intake = Intake::new(&self.store, Source::Github, &self.understanding, &self.rules);
        for (n, hook) in hooks.iter().enumerate() {
            let mut headers = HeaderMap::new();
            let mut add = |name: &'static str, value: &str| {
                headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
            };
            add("x-github-event", hook["event"].as_str().unwrap());
            add("x-github-delivery", &format!("webhook {n} of {}", hooks.len()));
            let payload = Payload { headers, body: hook["payload"].to_string().into_bytes() };
            intake.take(vec![vec![payload]]).await.unwrap();
        }
        intake.tally().clone()
    }

    /// Everything that is known of the items.
    pub async fn items(&self) -> BTreeMap<&'static str, Item> {
        let mut items = BTreeMap::new();
        for key in KEYS {
            let whole = format!("github:github.com/acme/api/{key}").parse().unwrap();
            if let (Some(item), _) = self.store.item(&whole).await.unwrap() {
                items.insert(key, item);
            }
        }
        items
    }

    /// All spans, by the item and the episode that they are exported with.
    pub async fn exported(&self) -> BTreeMap<(String, Vec<u8>), Vec<Span>> {
        let backends = ["a backend".to_owned()];
        let later = Time::parse("2099-01-01T00:00:00Z").unwrap();
        while self.store.seal(later, 100, &backends, &self.rules).await.unwrap().items > 0 {}
        let leased = self.store.lease(&backends[0], 1_000).await.unwrap();
        let exported = leased.into_iter().map(|entry| {
            let spans = encode::decode(&entry.spans).unwrap();
            ((entry.key.to_string(), spans[0].span_id.clone()), spans)
        });
        exported.collect()
    }
}

pub fn acme_api() -> Scope {
    Scope::Repositories(vec!["acme/api".to_owned()])
}

pub fn since() -> Time {
    Time::parse("2026-03-01T00:00:00Z").unwrap()
}
