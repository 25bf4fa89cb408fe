//! `valuestream serve`: runs until SIGTERM or SIGINT.

use tokio::signal::unix::{SignalKind, signal};

use super::CliError;
use crate::app::App;
use crate::config::Config;
use crate::telemetry;

pub(super) async fn run(config: &Config) -> Result<(), CliError> {
    telemetry::init_logs(&config.log)?;
    for warning in config.validate()? {
        tracing::warn!("{warning}");
    }
    // Asked for before anything starts, so that no signal is missed.
    let mut terminate = signal(SignalKind::terminate()).map_err(CliError::Runtime)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(CliError::Runtime)?;
    let app = App::start(config).await?;
    tracing::info!(ingest = %app.ingest, console = %app.console, version = env!("CARGO_PKG_VERSION"), "ready");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping: finishing what is in flight");
    app.stop().await;
    tracing::info!("stopped");
    Ok(())
}
