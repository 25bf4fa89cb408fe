//! One backend's share of the outbox, sent at the backend's own pace: lease, send, settle. No
//! transaction is open while a request is under way. What passes is deleted, what may pass later
//! is kept for ever, what will never pass is set aside with the reason.

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::backend::Backend;
use super::client::Client;
use super::encode;
use super::verdict::Verdict;
use crate::clock;
use crate::store::{Leased, Settlement, Store};
use crate::telemetry::{ExportResult, Metrics};

/// The first wait after a failure; each further one in a row doubles it.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// The longest wait between two tries at a backend that is down.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// The longest wait between two tries at a backend that refuses our credentials or our path:
/// somebody has to change something first.
const LONGEST_REFUSED_WAIT: Duration = Duration::from_secs(300);
/// How often the outbox is looked at when nobody says that there is something in it.
const IDLE: Duration = Duration::from_secs(1);

/// Sends one backend's share of the outbox.
pub struct Exporter<S> {
    store: Arc<S>,
    backend: Backend,
    client: Client,
    metrics: Metrics,
    /// How many entries are leased at once: halved by a failure, doubled by a success, so that
    /// what a backend chokes on is soon alone.
    window: usize,
    /// Failures in a row.
    failures: u32,
}

/// What to do next.
enum Next {
    /// There may be more.
    GoOn,
    /// Nothing to send.
    Idle,
    /// Not before this long.
    Wait(Duration),
}

impl<S: Store> Exporter<S> {
    /// An exporter for `backend`, whose requests `client` sends.
    pub fn new(store: Arc<S>, backend: Backend, client: Client, metrics: Metrics) -> Self {
        let window = backend.batch_spans.max(1);
        metrics.add_backend(&backend.name);
        Self { store, backend, client, metrics, window, failures: 0 }
    }

    /// Sends until `stop`; `filled` says that there is something in the outbox.
    pub async fn run(mut self, filled: Arc<Notify>, stop: CancellationToken) {
        loop {
            // Registered before the look into the outbox, so that what is put there in between
            // is not missed.
            let notified = filled.notified();
            let wait = match self.round(stop.clone()).await {
                Next::GoOn if !stop.is_cancelled() => continue,
                Next::GoOn => return,
                Next::Idle => {
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = notified => continue,
                        () = tokio::time::sleep(IDLE) => continue,
                    }
                }
                Next::Wait(wait) => wait,
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Leases, sends and settles once.
    async fn round(&mut self, stop: CancellationToken) -> Next {
        let leased = match self.store.lease(&self.backend.name, self.window).await {
            Ok(leased) if leased.is_empty() => return Next::Idle,
            Ok(leased) => leased,
            Err(error) => {
                tracing::warn!(%error, backend = self.backend.name, "the outbox cannot be read; trying again");
                return Next::Wait(FIRST_WAIT);
            }
        };
        let mut settlements = Vec::new();
        let next = self.send_all(leased, &mut settlements).await;
        // Until this is durable the entries stay leased; else they would be sent twice.
        let mut wait = FIRST_WAIT;
        while let Err(error) = self.store.settle(&self.backend.name, settlements.clone(), clock::now()).await
        {
            tracing::warn!(%error, backend = self.backend.name, "what was sent cannot be noted down; trying again");
            tokio::select! {
                () = stop.cancelled() => return Next::GoOn,
                () = tokio::time::sleep(wait) => wait = (wait * 2).min(LONGEST_WAIT),
            }
        }
        next
    }

    /// Sends entries in requests of at most the configured number of spans. A request that is
    /// rejected whole is sent again in halves, until what the backend rejects stands alone.
    async fn send_all(&mut self, leased: Vec<Leased>, settlements: &mut Vec<Settlement>) -> Next {
        let mut groups = self.grouped(leased);
        groups.reverse();
        while let Some(mut group) = groups.pop() {
            let request = encode::request(group.iter().map(|e| (e.source.as_str(), e.spans.as_slice())));
            let verdict = match request {
                Ok(request) => self.client.send(request).await,
                Err(unreadable) => {
                    let entry = group.remove(unreadable.position.min(group.len() - 1));
                    settlements.push(self.rejected(vec![entry], unreadable.to_string()));
                    if !group.is_empty() {
                        groups.push(group);
                    }
                    continue;
                }
            };
            match verdict {
                Verdict::Sent => {
                    self.succeeded();
                    settlements.push(self.sent(&group));
                }
                Verdict::Partial { rejected, message } => {
                    self.succeeded();
                    let spans = span_count(&group);
                    let reason = match rejected >= spans {
                        true => format!("rejected: {message}"),
                        // Sending them again to find out which would double those it took.
                        false => {
                            format!("{rejected} of {spans} spans in the request were rejected: {message}")
                        }
                    };
                    settlements.push(self.rejected(group, reason));
                }
                Verdict::Reject { divisible: true, .. } if group.len() > 1 => {
                    let half = group.split_off(group.len() / 2);
                    groups.push(half);
                    groups.push(group);
                }
                Verdict::Reject { reason, .. } => settlements.push(self.rejected(group, reason)),
                Verdict::Retry { after, reason } => {
                    let wait = after.unwrap_or_else(|| self.backoff(LONGEST_WAIT));
                    if self.failures == 1 {
                        tracing::warn!(
                            backend = self.backend.name,
                            reason,
                            ?wait,
                            "spans cannot be sent now; they are kept and sent later"
                        );
                    }
                    self.keep(group, groups, settlements);
                    return Next::Wait(wait);
                }
                Verdict::Refused { reason } => {
                    let wait = self.backoff(LONGEST_REFUSED_WAIT);
                    tracing::error!(
                        backend = self.backend.name,
                        reason,
                        ?wait,
                        "the backend refuses us; check its endpoint and headers, spans are kept meanwhile"
                    );
                    self.keep(group, groups, settlements);
                    return Next::Wait(wait);
                }
            }
        }
        Next::GoOn
    }

    fn grouped(&self, leased: Vec<Leased>) -> Vec<Vec<Leased>> {
        let mut groups: Vec<Vec<Leased>> = Vec::new();
        let (mut spans, most) = (0, self.backend.batch_spans as u64);
        for entry in leased {
            let count = u64::from(entry.span_count);
            match groups.last_mut() {
                Some(group) if spans + count <= most => {
                    group.push(entry);
                    spans += count;
                }
                _ => {
                    groups.push(vec![entry]);
                    spans = count;
                }
            }
        }
        groups
    }

    fn succeeded(&mut self) {
        if self.failures > 0 {
            tracing::info!(
                backend = self.backend.name,
                failures = self.failures,
                "the backend takes spans again"
            );
        }
        self.failures = 0;
        self.window = (self.window * 2).min(self.backend.batch_spans.max(1));
    }

    /// How long to wait after one more failure: doubled each time, and anything between half and
    /// all of that, so that several senders do not come back at once.
    fn backoff(&mut self, longest: Duration) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let full = FIRST_WAIT.saturating_mul(1 << self.failures.min(16)).min(longest);
        rand::rng().random_range(full / 2..=full)
    }

    fn sent(&self, group: &[Leased]) -> Settlement {
        self.metrics.exported(&self.backend.name, ExportResult::Sent, group.len() as u64);
        Settlement::Sent(group.iter().map(|entry| entry.id).collect())
    }

    fn rejected(&self, group: Vec<Leased>, reason: String) -> Settlement {
        self.metrics.exported(&self.backend.name, ExportResult::Rejected, group.len() as u64);
        tracing::error!(
            backend = self.backend.name,
            reason,
            first = group.first().map(|entry| entry.key.as_str()),
            entries = group.len(),
            "spans were rejected and set aside; see `valuestream exports list`"
        );
        Settlement::Rejected(group.iter().map(|entry| entry.id).collect(), reason)
    }

    /// Keeps what was tried, and gives back what was not.
    fn keep(&mut self, tried: Vec<Leased>, rest: Vec<Vec<Leased>>, settlements: &mut Vec<Settlement>) {
        self.metrics.exported(&self.backend.name, ExportResult::Retry, tried.len() as u64);
        self.window = (tried.len() / 2).max(1);
        settlements.push(Settlement::Retry(tried.iter().map(|entry| entry.id).collect()));
        let untried: Vec<i64> = rest.iter().flatten().map(|entry| entry.id).collect();
        if !untried.is_empty() {
            settlements.push(Settlement::Untried(untried));
        }
    }
}

fn span_count(group: &[Leased]) -> u64 {
    group.iter().map(|entry| u64::from(entry.span_count)).sum()
}
