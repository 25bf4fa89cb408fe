//! Builds the parts, starts them, and stops them in the order in which nothing is lost: no more
//! connections, every request that was begun is answered, the queue is committed, the exporters
//! settle what they have sent, the store is closed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{Config, ConfigError, StoreUrl};
use crate::console::{self, Console, Gate};
use crate::export::backend::{Backend, BackendError};
use crate::export::client::Client;
use crate::export::outbox::Exporter;
use crate::export::sealer;
use crate::ingest::body::Room;
use crate::ingest::committer::{Committer, Grouping};
use crate::ingest::receive::{self, Ingest, Understanding};
use crate::ingest::server::{self, Limits, Listener};
use crate::insight::desk::Desk;
use crate::insight::live::{self, Live};
use crate::listener::failures::Failures;
use crate::sources::jenkins::JenkinsOptions;
use crate::sources::verify::Access;
use crate::store::postgres::PostgresStore;
use crate::store::sqlite::{self, Found, SqliteStore};
use crate::store::{AnyStore, Rules, Store, StoreError, housekeeping};
use crate::telemetry::Metrics;
use crate::work::key::Source;

/// Why the program cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration is of no use.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A backend cannot be used as configured.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A glob of the configuration is not one.
    #[error("sources.jenkins.deploy_jobs: {0}")]
    Glob(#[from] globset::Error),
    /// A port is taken, or not allowed.
    #[error("{key} = {address}: {source}")]
    Listen {
        /// Which listener.
        key: &'static str,
        /// Where it was to listen.
        address: SocketAddr,
        /// Why it cannot.
        source: std::io::Error,
    },
}

/// The running program.
pub struct App {
    /// Where deliveries are taken.
    pub ingest: SocketAddr,
    /// Where the console is.
    pub console: SocketAddr,
    store: Arc<AnyStore>,
    drain: Duration,
    draining: Arc<AtomicBool>,
    grace: Duration,
    stop_ingest: CancellationToken,
    stop_followers: CancellationToken,
    stop_console: CancellationToken,
    ingest_task: JoinHandle<usize>,
    committer_task: JoinHandle<()>,
    console_task: JoinHandle<usize>,
    /// What goes on beside the listeners: insight, housekeeping, sealing, exporting.
    followers: TaskTracker,
    desk: Arc<Desk<AnyStore>>,
}

/// Opens the store that the configuration names.
pub async fn open_store(config: &Config) -> Result<AnyStore, StartError> {
    Ok(match &config.store.url {
        StoreUrl::Sqlite(path) => AnyStore::Sqlite(SqliteStore::open(path, config.store.cache_bytes as u64)?),
        StoreUrl::Postgres(url) => {
            AnyStore::Postgres(PostgresStore::open(url, &config.database_access()?).await?)
        }
    })
}

/// Opens the store for a command that looks after it; one that is not there is not created.
pub async fn existing_store(config: &Config) -> Result<AnyStore, StartError> {
    Ok(match &config.store.url {
        StoreUrl::Sqlite(path) => {
            existing_file(path)?;
            AnyStore::Sqlite(SqliteStore::open(path, config.store.cache_bytes as u64)?)
        }
        StoreUrl::Postgres(url) => {
            AnyStore::Postgres(PostgresStore::open_existing(url, &config.database_access()?).await?)
        }
    })
}

/// Whether there is a store in this file.
pub fn existing_file(path: &Path) -> Result<(), StoreError> {
    let problem = match sqlite::found(path) {
        Found::Store => return Ok(()),
        Found::Nothing if !path.exists() => "there is no such file",
        Found::Nothing => "the file is empty",
        Found::Strange => "this is a database of another program",
    };
    let reason = format!("{problem}: is this the store.url that the server runs with?");
    Err(StoreError::Open { url: format!("sqlite://{}", path.display()), reason })
}

/// Answers questions about the store that the configuration names, as it is now, without a server.
/// The store is to be closed by the caller.
pub async fn offline(config: &Config) -> Result<(Desk<AnyStore>, Arc<AnyStore>), StartError> {
    let rules = rules(config)?;
    let live = Arc::new(Live::new(config.insight()?));
    let store = Arc::new(existing_store(config).await?);
    live.load_all(&*store, &rules).await?;
    Ok((Desk::new(store.clone(), live, config.insight.trace_url.clone()), store))
}

/// What commits and seals need of the configuration.
pub fn rules(config: &Config) -> Result<Rules, ConfigError> {
    let settle = i64::try_from(config.export.settle.as_micros()).unwrap_or(i64::MAX);
    let environments = Arc::new(config.environments()?);
    Ok(Rules { tagger: Arc::new(config.tagger()?), environments, settle, retention: config.retention() })
}

/// How deliveries are understood.
pub fn understanding(config: &Config, rules: &Rules) -> Result<Understanding, StartError> {
    Ok(Understanding {
        conventions: Arc::new(config.conventions()?),
        people: config.people,
        tagger: rules.tagger.clone(),
        jenkins: JenkinsOptions::new(
            &config.sources.jenkins.default_host,
            &config.sources.jenkins.deploy_jobs,
        )?,
    })
}

fn access(config: &Config) -> Result<Vec<(Source, Access)>, ConfigError> {
    let of = |source| -> Result<Access, ConfigError> {
        let secrets = config.secrets(source)?;
        Ok(match (secrets.is_empty(), config.allow_unsigned(source)) {
            (false, _) => Access::Secrets(secrets),
            (true, true) => Access::Unsigned,
            (true, false) => Access::Off,
        })
    };
    Source::ALL.into_iter().map(|source| Ok((source, of(source)?))).collect()
}

/// An address to try a listener by: one that listens everywhere is on this machine, too.
fn reachable(mut listener: SocketAddr) -> SocketAddr {
    match listener.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => listener.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => listener.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    listener
}

async fn bind(key: &'static str, address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let listener = TcpListener::bind(address).await;
    let bound = listener.and_then(|listener| Ok((listener.local_addr()?, listener)));
    let (local, listener) = bound.map_err(|source| StartError::Listen { key, address, source })?;
    Ok((listener, local))
}

impl App {
    /// Starts everything; ready to take deliveries when it returns.
    pub async fn start(config: &Config) -> Result<Self, StartError> {
        let rules = rules(config)?;
        let understanding = understanding(config, &rules)?;
        let access = access(config)?;
        let backends = config.backends()?;
        let clients = backends.iter().map(Client::new).collect::<Result<Vec<_>, _>>()?;
        let (ingest_tls, console_tls) = (config.ingest_tls()?, config.console_tls()?);
        let scheme = if ingest_tls.is_some() { "https" } else { "http" };
        let gate = Gate::new(&config.console, config.console_tokens()?);
        let store = Arc::new(open_store(config).await?);
        let metrics = Metrics::new();
        let (ingest_listener, ingest_address) = bind("ingest.listen", config.ingest.listen).await?;
        let (console_listener, console_address) = bind("console.listen", config.console.listen).await?;

        let grouping =
            Grouping { queue: config.ingest.queue, batch: config.ingest.batch, gather: config.ingest.gather };
        let (counted, commits) = watch::channel(0);
        let (committer, committer_task) =
            Committer::start(store.clone(), rules.clone(), grouping, metrics.clone(), counted);
        let ingest = Ingest {
            access,
            understanding,
            max_body_bytes: config.ingest.max_body_bytes,
            body_timeout: config.ingest.body_timeout,
            room: Room::new(config.ingest.max_buffered_bytes),
            committer,
            metrics: metrics.clone(),
            warned_at: AtomicI64::new(0),
            failures: Failures::new(config.ingest.failures_per_minute),
        };
        let limits = Limits {
            connections: config.ingest.max_connections,
            header_timeout: config.ingest.header_timeout,
        };
        let grace = config.ingest.shutdown;
        let draining = Arc::new(AtomicBool::new(false));
        let stop_ingest = CancellationToken::new();
        let ingest_task = tokio::spawn(server::serve(
            Listener::new(ingest_listener, ingest_tls),
            receive::router(Arc::new(ingest)),
            limits,
            stop_ingest.clone(),
            grace,
        ));

        let followers = TaskTracker::new();
        let stop_followers = CancellationToken::new();
        let live = Arc::new(Live::new(config.insight()?));
        let desk = Arc::new(Desk::new(store.clone(), live.clone(), config.insight.trace_url.clone()));
        followers.spawn(live::follow(live, store.clone(), rules.clone(), commits, stop_followers.clone()));
        followers.spawn(housekeeping::run(
            store.clone(),
            rules.clone(),
            !backends.is_empty(),
            metrics.clone(),
            stop_followers.clone(),
        ));
        start_exports(&followers, &stop_followers, backends, clients, &store, rules, &metrics);

        let console = Console {
            store: store.clone(),
            ingest: format!("{scheme}://{}", reachable(ingest_address)),
            reports: desk.clone(),
            metrics,
            gate,
            draining: draining.clone(),
        };
        let stop_console = CancellationToken::new();
        let console_task = tokio::spawn(server::serve(
            Listener::new(console_listener, console_tls),
            console::router(Arc::new(console)),
            Limits { connections: 128, header_timeout: config.ingest.header_timeout },
            stop_console.clone(),
            Duration::from_secs(2),
        ));
        Ok(Self {
            ingest: ingest_address,
            console: console_address,
            store,
            drain: config.ingest.drain,
            draining,
            grace,
            stop_ingest,
            stop_followers,
            stop_console,
            ingest_task,
            committer_task,
            console_task,
            followers,
            desk,
        })
    }

    /// Who answers questions about the items.
    pub fn desk(&self) -> &Desk<AnyStore> {
        &self.desk
    }

    /// How many items have changed and are not in the answers yet.
    pub async fn behind(&self) -> Result<i64, StoreError> {
        Ok(self.store.stats().await?.stale)
    }

    /// Says that it is not ready, goes on for as long as configured, and then stops everything, within the
    /// configured time. What could not be finished by then was not
    /// answered either, so its sender knows.
    pub async fn stop(self) {
        self.draining.store(true, Ordering::Relaxed);
        if !self.drain.is_zero() {
            tracing::info!(drain = ?self.drain, "not ready any more; deliveries are taken for a while yet");
            tokio::time::sleep(self.drain).await;
        }
        self.stop_ingest.cancel();
        self.stop_followers.cancel();
        let finishing = async {
            let left = self.ingest_task.await.unwrap_or_default();
            if left > 0 {
                tracing::warn!(connections = left, "connections did not end in time and are cut");
            }
            // The routes held the last `Committer`; without it the queue runs dry and the task ends.
            let _ = self.committer_task.await;
            self.followers.close();
            self.followers.wait().await;
        };
        if tokio::time::timeout(self.grace, finishing).await.is_err() {
            tracing::warn!("the shutdown took longer than ingest.shutdown; leaving");
        }
        self.stop_console.cancel();
        let _ = self.console_task.await;
        self.store.close().await;
    }
}

fn start_exports<S: Store>(
    tasks: &TaskTracker,
    stop: &CancellationToken,
    backends: Vec<Backend>,
    clients: Vec<Client>,
    store: &Arc<S>,
    rules: Rules,
    metrics: &Metrics,
) {
    if backends.is_empty() {
        tracing::warn!("no export.endpoint: finished items are kept, and sent once there is one");
        return;
    }
    let filled = Arc::new(Notify::new());
    let names = backends.iter().map(|backend| backend.name.clone()).collect();
    tasks.spawn(sealer::run(store.clone(), rules, names, metrics.clone(), filled.clone(), stop.clone()));
    for (backend, client) in backends.into_iter().zip(clients) {
        tracing::info!(backend = backend.name, endpoint = %backend.endpoint, protocol = ?backend.protocol, "exporting");
        let exporter = Exporter::new(store.clone(), backend, client, metrics.clone());
        tasks.spawn(exporter.run(filled.clone(), stop.clone()));
    }
}
