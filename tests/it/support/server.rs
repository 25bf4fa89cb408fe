//! The whole program within the test's process, on ports of its own and a store of its own.

use std::path::Path;

use valuestream::app::App;
use valuestream::config::Config;

use super::console::Console;
use super::receiver::Receiver;
use super::sender::{
    CDEVENTS_TOKEN, CUSTOM_KEY, GITHUB_SECRET, GITLAB_TOKEN, JENKINS_TOKEN, JIRA_SECRET, Sender,
};

/// Settings for a test: every listener on a free port, every source on, quick to settle.
pub fn settings(store: &Path) -> Vec<(String, String)> {
    [
        ("INGEST__LISTEN", "127.0.0.1:0"),
        ("CONSOLE__LISTEN", "127.0.0.1:0"),
        ("STORE__URL", &format!("sqlite://{}", store.display())),
        ("SOURCES__GITHUB__SECRETS", GITHUB_SECRET),
        ("SOURCES__JENKINS__SECRETS", JENKINS_TOKEN),
        ("SOURCES__GITLAB__SECRETS", GITLAB_TOKEN),
        ("SOURCES__JIRA__SECRETS", JIRA_SECRET),
        ("SOURCES__CDEVENTS__SECRETS", CDEVENTS_TOKEN),
        ("SOURCES__CUSTOM__SECRETS", CUSTOM_KEY),
        ("EXPORT__SETTLE", "0s"),
    ]
    .map(|(key, value)| (format!("VALUESTREAM__{key}"), value.to_owned()))
    .to_vec()
}

fn changed(mut settings: Vec<(String, String)>, changes: &[(&str, &str)]) -> Vec<(String, String)> {
    for (name, value) in changes {
        let name = format!("VALUESTREAM__{name}");
        settings.retain(|(known, _)| *known != name);
        settings.push((name, (*value).to_owned()));
    }
    settings
}

/// A running program.
pub struct Server {
    app: App,
    settings: Vec<(String, String)>,
    /// Removed with the store in it when the server is dropped.
    pub folder: tempfile::TempDir,
}

impl Server {
    /// Starts with the usual settings, spans going nowhere.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts with spans going to `receiver`.
    pub async fn exporting(receiver: &Receiver) -> Self {
        Self::start_with(&[("EXPORT__ENDPOINT", &receiver.endpoint())]).await
    }

    /// Starts with some settings changed (names without the prefix).
    pub async fn start_with(changes: &[(&str, &str)]) -> Self {
        Self::on(tempfile::tempdir().unwrap(), changes).await
    }

    /// Starts on the store in a folder, which may be there already.
    pub async fn on(folder: tempfile::TempDir, changes: &[(&str, &str)]) -> Self {
        let settings = changed(settings(&folder.path().join("store.db")), changes);
        Self::run(folder, settings).await
    }

    async fn run(folder: tempfile::TempDir, settings: Vec<(String, String)>) -> Self {
        let config = Config::load(None, settings.iter().cloned()).unwrap();
        config.validate().unwrap();
        let app = App::start(&config).await.unwrap();
        Self { app, settings, folder }
    }

    /// Stops, and starts again on the same store.
    pub async fn restart(self, changes: &[(&str, &str)]) -> Self {
        let Self { app, settings, folder } = self;
        app.stop().await;
        Self::run(folder, changed(settings, changes)).await
    }

    /// Stops as SIGTERM does.
    pub async fn stop(self) -> tempfile::TempDir {
        self.app.stop().await;
        self.folder
    }

    /// A sender that knows the secrets.
    pub fn sender(&self) -> Sender {
        Sender::to(self.app.ingest)
    }

    /// Where deliveries are taken.
    pub fn ingest(&self) -> std::net::SocketAddr {
        self.app.ingest
    }

    /// Where the console is.
    pub fn console_address(&self) -> std::net::SocketAddr {
        self.app.console
    }

    /// What a console route answers.
    pub async fn console(&self, path: &str) -> (u16, String) {
        Console::at(self.app.console).get(path).await
    }

    /// The value of one line of `/metrics`.
    pub async fn metric(&self, series: &str) -> f64 {
        Console::at(self.app.console).metric(series).await
    }

    /// Waits until a line of `/metrics` has a value.
    pub async fn metric_becomes(&self, series: &str, value: f64) {
        Console::at(self.app.console).metric_becomes(series, value).await;
    }
}
