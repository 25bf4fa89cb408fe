//! The console on a real port, over the answerer of the tests.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::Fake;
use crate::config::Config;
use crate::console::{self, Console, Gate};
use crate::ingest::server::{Limits, serve};
use crate::store::sqlite::SqliteStore;
use crate::telemetry::Metrics;

/// A console on a port of its own.
pub(crate) struct Running {
    pub address: SocketAddr,
    pub fake: Arc<Fake>,
    pub store: Arc<SqliteStore>,
    pub client: reqwest::Client,
    stop: CancellationToken,
    _folder: tempfile::TempDir,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Running {
    /// Without a token, for names of this machine.
    pub async fn open() -> Self {
        Self::start(None, false).await
    }

    /// With or without a token.
    pub async fn start(token: Option<&str>, allow_open: bool) -> Self {
        let allow_open = if allow_open { "true" } else { "false" };
        // As many are wrong as a test likes.
        let settings =
            [("ALLOW_OPEN", allow_open), ("TOKEN", token.unwrap_or_default()), ("FAILURES_PER_MINUTE", "0")];
        Self::configured(&settings).await
    }

    /// With some settings of the console.
    pub async fn configured(settings: &[(&str, &str)]) -> Self {
        let settings = settings.iter().map(|(key, value)| (format!("VALUESTREAM__CONSOLE__{key}"), *value));
        let settings = Config::load(None, settings).unwrap();
        crate::export::tls::install_provider();
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(&folder.path().join("store.db"), 1 << 20).unwrap());
        let fake = Arc::new(Fake::default());
        let console = Console {
            store: store.clone(),
            ingest: "http://127.0.0.1:5000".to_owned(),
            reports: fake.clone(),
            metrics: Metrics::new(),
            gate: Gate::new(&settings.console, settings.console_tokens().unwrap()),
            draining: Arc::default(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let limits = Limits { connections: 16, header_timeout: Duration::from_secs(10) };
        let stop = CancellationToken::new();
        let router = console::router(Arc::new(console));
        tokio::spawn(serve(listener, router, limits, stop.clone(), Duration::ZERO));
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        Self { address, fake, store, client, stop, _folder: folder }
    }
}
