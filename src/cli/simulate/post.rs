//! Posts deliveries, as fast as the server takes them. One worker per connection; all deliveries
//! of an item go to one worker, so that their order is kept. The generator runs beside them on a
//! thread of its own and is held back by the workers' short queues.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use reqwest::header::RETRY_AFTER;
use reqwest::{StatusCode, Url};
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::simulate::delivery::{Delivery, path};
use crate::work::key::Source;

/// How many deliveries may wait for a worker.
const QUEUE: usize = 32;
/// How long a delivery is tried again while the server says that it is busy.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long a server that has answered before may be away.
const ABSENCE: Duration = Duration::from_secs(30);
/// How often any other answer of 5xx is tried again.
const SERVER_ERRORS: u32 = 4;
/// After so many refusals of a source, and nothing taken, it is given up.
const REFUSALS: u64 = 50;

/// Where and how to post.
#[derive(Clone, Debug)]
pub struct Poster {
    client: reqwest::Client,
    /// Where each source's deliveries go.
    routes: [Url; Source::ALL.len()],
    connections: usize,
    keep_order: bool,
}

/// What the server said: HTTP status, and `status` of its answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The word in the answer, such as `recorded`; empty if there was none.
    pub word: String,
}

/// What became of the deliveries.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// How often each final answer was given, to deliveries of each source.
    pub answers: BTreeMap<(Answer, Source), u64>,
    /// The first reason given for each refusal.
    pub reasons: BTreeMap<(u16, Source), String>,
    /// How often a delivery was tried again.
    pub retries: u64,
    /// Deliveries that were not sent, because their source had been given up.
    pub unsent: u64,
    /// Why the server could not be reached, which ended the simulation early.
    pub unreachable: Option<String>,
}

impl Tally {
    /// How many were answered with 2xx.
    pub fn taken(&self) -> u64 {
        self.count(|answer, _| (200..300).contains(&answer.status))
    }

    /// How many were sent and not taken.
    pub fn refused(&self) -> u64 {
        self.count(|answer, _| !(200..300).contains(&answer.status))
    }

    fn count(&self, wanted: impl Fn(&Answer, Source) -> bool) -> u64 {
        self.answers.iter().filter(|((answer, source), _)| wanted(answer, *source)).map(|(_, n)| n).sum()
    }

    /// Whether a source is refused altogether.
    fn is_hopeless(&self, source: Source) -> bool {
        let of =
            |taken| self.count(|answer, of| of == source && (200..300).contains(&answer.status) == taken);
        of(true) == 0 && of(false) >= REFUSALS
    }
}

/// What can be watched while deliveries are posted.
#[derive(Debug, Default)]
pub struct Progress {
    done: AtomicU64,
    tally: Mutex<Tally>,
    given_up: [AtomicBool; Source::ALL.len()],
    stop: CancellationToken,
}

impl Progress {
    /// How many deliveries are dealt with.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// The tally so far.
    pub fn tally(&self) -> Tally {
        self.locked().clone()
    }

    fn locked(&self) -> MutexGuard<'_, Tally> {
        // Counters are whole after every statement, so a poisoned lock hides nothing.
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn given_up(&self, source: Source) -> &AtomicBool {
        &self.given_up[source as usize]
    }

    fn settle(&self, source: Source, said: Said) {
        let mut tally = self.locked();
        let refused = !(200..300).contains(&said.answer.status);
        if refused && let Some(reason) = said.reason {
            tally.reasons.entry((said.answer.status, source)).or_insert(reason);
        }
        *tally.answers.entry((said.answer, source)).or_default() += 1;
        if refused && tally.is_hopeless(source) {
            self.given_up(source).store(true, Ordering::Relaxed);
        }
    }
}

/// The final answer to one delivery.
struct Said {
    answer: Answer,
    reason: Option<String>,
}

/// The body of an answer, as far as it is one of ours.
#[derive(Default, Deserialize)]
#[serde(default)]
struct AnswerBody {
    status: Option<String>,
    reason: Option<String>,
}

impl Poster {
    /// A poster to `target`, without a path, over so many connections.
    pub fn new(target: &Url, connections: usize, keep_order: bool) -> Result<Self, reqwest::Error> {
        // A provider that is installed already is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .pool_max_idle_per_host(connections)
            .connect_timeout(Duration::from_secs(10))
            .timeout(Duration::from_secs(60));
        if target.scheme() == "http" {
            // No certificates are needed, so a machine without any will do.
            client = client.tls_certs_only([]);
        }
        if matches!(target.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")) {
            client = client.no_proxy();
        }
        let route = |source: Source| {
            let mut route = target.clone();
            route.set_path(&format!("{}{}", target.path().trim_end_matches('/'), path(source)));
            route
        };
        Ok(Self {
            client: client.build()?,
            routes: Source::ALL.map(route),
            connections: connections.max(1),
            keep_order,
        })
    }

    /// Posts all of them. Ends when every one is answered or given up, or the server is gone.
    pub async fn post<I>(&self, deliveries: I, progress: &Arc<Progress>)
    where
        I: Iterator<Item = Delivery> + Send + 'static,
    {
        let mut queues = Vec::with_capacity(self.connections);
        let mut workers = tokio::task::JoinSet::new();
        for _ in 0..self.connections {
            let (queue, mut waiting) = mpsc::channel::<Delivery>(QUEUE);
            queues.push(queue);
            let (poster, progress) = (self.clone(), Arc::clone(progress));
            workers.spawn(async move {
                while let Some(delivery) = waiting.recv().await {
                    tokio::select! {
                        biased;
                        () = progress.stop.cancelled() => break,
                        () = poster.deliver(&delivery, &progress) => {}
                    }
                    progress.done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let keep_order = self.keep_order;
        workers.spawn_blocking(move || {
            for (number, delivery) in deliveries.enumerate() {
                let worker = if keep_order { lane(&delivery.item) } else { number } % queues.len();
                // A worker that is gone has seen the stop.
                if queues[worker].blocking_send(delivery).is_err() {
                    break;
                }
            }
        });
        workers.join_all().await;
    }

    /// One delivery until its final answer.
    async fn deliver(&self, delivery: &Delivery, progress: &Progress) {
        if progress.given_up(delivery.source).load(Ordering::Relaxed) {
            progress.locked().unsent += 1;
            return;
        }
        let begun = Instant::now();
        let mut tries = 0u32;
        loop {
            let backoff = Duration::from_millis(10 << tries.min(9));
            let wait = match self.send(delivery).await {
                Ok((status, retry_after, said)) => {
                    let busy = matches!(status.as_u16(), 503 | 429) && begun.elapsed() < PATIENCE;
                    let failed = status.is_server_error() && status != 503 && tries < SERVER_ERRORS;
                    if !busy && !failed {
                        return progress.settle(delivery.source, said);
                    }
                    retry_after.unwrap_or_default().max(backoff)
                }
                Err(error) => {
                    // Who never answered is not there; who did may be starting again.
                    let known = !progress.locked().answers.is_empty();
                    let patience = if known { ABSENCE } else { Duration::from_secs(1) };
                    if begun.elapsed() >= patience {
                        progress.locked().unreachable.get_or_insert(root_cause(&error));
                        return progress.stop.cancel();
                    }
                    backoff
                }
            };
            tries += 1;
            progress.locked().retries += 1;
            tokio::time::sleep(wait).await;
        }
    }

    async fn send(
        &self,
        delivery: &Delivery,
    ) -> Result<(StatusCode, Option<Duration>, Said), reqwest::Error> {
        let mut request = self.client.post(self.routes[delivery.source as usize].clone());
        for (name, value) in &delivery.headers {
            request = request.header(*name, value);
        }
        let response = request.body(delivery.body.clone()).send().await?;
        let status = response.status();
        let retry_after =
            response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let retry_after = retry_after.map(|seconds: u64| Duration::from_secs(seconds.min(60)));
        let body: AnswerBody = serde_json::from_slice(&response.bytes().await?).unwrap_or_default();
        let answer = Answer { status: status.as_u16(), word: body.status.unwrap_or_default() };
        Ok((status, retry_after, Said { answer, reason: body.reason }))
    }
}

/// The worker of an item.
fn lane(item: &str) -> usize {
    let mut hasher = DefaultHasher::new();
    item.hash(&mut hasher);
    hasher.finish() as usize
}

/// What lies at the bottom of an error: "connection refused" rather than "error sending request".
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
