//! What the page is about in these tests: a simulated organisation, posted once through the real
//! signed routes. Each test then has a server of its own over a copy of that store.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;
use valuestream::cli::simulate::post::{Poster, Progress};
use valuestream::insight::report::Summary;
use valuestream::simulate::{Settings, Simulation, Talk};
use valuestream::work::key::Kind;
use valuestream::work::time::Time;

use crate::support::console::Console;
use crate::support::sender::{GITHUB_SECRET, JENKINS_TOKEN, client};
use crate::support::server::Server;

/// The tags that rules have to name, besides those that are always known.
const TAGS: (&str, &str) = ("TAGS__KEYS", "size,region");
/// The range that holds everything that was posted.
const RANGE: &str = "from=2026-01-01&to=2026-04-05";
const UNTIL: &str = "2026-04-01T12:00:00Z";
const ISSUES: u32 = 300;
/// How long the server may take to take everything in, in a debug build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// A server with something to show.
pub struct Site {
    server: Server,
    /// What the API says.
    pub console: Console,
}

impl Site {
    /// With the simulated organisation.
    pub async fn of_an_organisation() -> Self {
        static STORE: OnceCell<Vec<u8>> = OnceCell::const_new();
        let store = STORE.get_or_init(organisation).await;
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("store.db"), store).unwrap();
        Self::at(Server::on(folder, &[TAGS]).await, &[]).await
    }

    /// With nothing yet, and some settings changed.
    pub async fn empty(changes: &[(&str, &str)]) -> Self {
        let token = changes.iter().find(|(name, _)| *name == "CONSOLE__TOKEN");
        let authorization = token.map(|(_, token)| format!("Bearer {token}"));
        let headers: Vec<_> = authorization.iter().map(|value| ("authorization", value.as_str())).collect();
        Self::at(Server::start_with(changes).await, &headers).await
    }

    /// Waits until what is stored has been read, asking with these headers.
    async fn at(server: Server, headers: &[(&str, &str)]) -> Self {
        let console = Console::at(server.console_address());
        while console.ask("/api/v1/summary", headers).await.status() == 503 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Self { console, server }
    }

    /// Its server.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// `http://127.0.0.1:PORT`.
    pub fn origin(&self) -> String {
        format!("http://{}", self.server.console_address())
    }

    /// The address of a page over everything that was posted, with some parameters more.
    pub fn page(&self, path: &str, more: &str) -> String {
        let and = if more.is_empty() { "" } else { "&" };
        format!("{}{path}?{RANGE}{and}{more}", self.origin())
    }

    /// A report of the API to the question that a page's address puts.
    pub async fn report<T: DeserializeOwned>(&self, report: &str, page: &Url) -> T {
        let question = page.query().unwrap_or_default();
        let (status, text) = self.console.get(&format!("/api/v1/{report}?{question}")).await;
        assert_eq!(status, 200, "{report}?{question}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Waits until all that was posted is in the figures: there is nothing left to take in, and the
    /// report, which may be as old as it was dear, has as many finished issues as there must be.
    pub async fn caught_up(&self, issues: u64) {
        let everything = Url::parse(&self.page("/", "")).unwrap();
        let waited = tokio::time::timeout(PATIENCE, async {
            while self.console.metric("valuestream_insight_behind_items").await > 0.0
                || self.report::<Summary>("summary", &everything).await.finished[&Kind::Issue] < issues
            {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        waited.await.expect("what was posted does not get into the figures");
    }
}

/// The store of a server that has taken in a whole organisation.
async fn organisation() -> Vec<u8> {
    let site = Site::empty(&[TAGS]).await;
    // Makes sure that there is a TLS provider, which every client asks for.
    drop(client());
    let simulation = Simulation::new(Settings {
        seed: 1,
        issues: ISSUES,
        until: Time::parse(UNTIL).unwrap(),
        days: 75,
        organisation: "acme".to_owned(),
        github_secret: Some(SecretString::from(GITHUB_SECRET)),
        jenkins_token: Some(SecretString::from(JENKINS_TOKEN)),
        talk: Talk::Terse,
    });
    let target = Url::parse(&format!("http://{}", site.server.ingest())).unwrap();
    let progress = Arc::new(Progress::default());
    Poster::new(&target, 64, true).unwrap().post(simulation.deliveries(), &progress).await;
    let tally = progress.tally();
    assert_eq!((tally.refused(), tally.unsent), (0, 0), "{tally:?}");
    site.caught_up(u64::from(ISSUES) / 2).await;
    let folder = site.server.stop().await;
    std::fs::read(folder.path().join("store.db")).unwrap()
}
