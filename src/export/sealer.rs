//! Turns what is due into spans, in small slices, so that a delivery never waits long for the
//! writing thread.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::store::{Rules, Store};
use crate::telemetry::Metrics;

/// How many items are sealed in one transaction.
const SLICE: usize = 64;
/// How often the store is asked whether anything is due.
const TICK: Duration = Duration::from_millis(250);

/// Seals until `stop`, and tells the exporters through `filled`.
pub async fn run<S: Store>(
    store: Arc<S>,
    rules: Rules,
    backends: Vec<String>,
    metrics: Metrics,
    filled: Arc<Notify>,
    stop: CancellationToken,
) {
    let mut failing = false;
    while !stop.is_cancelled() {
        match store.seal(clock::now(), SLICE, &backends, &rules).await {
            Ok(sealed) => {
                failing = false;
                metrics.sealed(&sealed);
                if sealed.items > 0 {
                    filled.notify_waiters();
                }
                if sealed.items == SLICE {
                    tokio::task::yield_now().await;
                    continue;
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    tracing::error!(%error, "finished items cannot be sealed; trying again");
                }
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(TICK) => {}
        }
    }
}
