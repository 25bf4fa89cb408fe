//! The group commit. Deliveries wait in one bounded queue; a task takes all that are there, waits
//! a moment for those that are just being read, and hands them to the store as one transaction; a
//! further one at the same time, where the store gains by it, once there is a batch that is full, or
//! once those under way are overdue. Each is answered only when that transaction is durable.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::store::{Committed, Delivery, Rules, Store, StoreError};
use crate::telemetry::Metrics;

/// Why a delivery was not committed. Nothing of it was kept.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NotCommitted {
    /// Too many deliveries wait already.
    #[error("{0} deliveries are waiting to be stored: try again later")]
    QueueFull(usize),
    /// The store could not take the batch.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The server is shutting down.
    #[error("the server is shutting down")]
    ShuttingDown,
}

/// How commits are grouped.
#[derive(Clone, Copy, Debug)]
pub struct Grouping {
    /// How many deliveries may wait.
    pub queue: usize,
    /// The most deliveries in one commit.
    pub batch: usize,
    /// How long a commit waits for deliveries that are just being read.
    pub gather: Duration,
}

/// How long the next batch waits for a commit that is under way: about ten times what one takes over a far
/// database. Whatever one waits for (a row that somebody else has locked, a connection gone silent), the others
/// need not.
const OVERDUE: Duration = Duration::from_millis(250);

type Waiting = (Delivery, oneshot::Sender<Result<Committed, NotCommitted>>);

/// Where deliveries are handed in.
#[derive(Clone)]
pub struct Committer {
    queue: mpsc::Sender<Waiting>,
    capacity: usize,
    /// Requests that were begun and not handed in yet: the company that is worth waiting for.
    arriving: Arc<AtomicUsize>,
}

/// Marks a request that is being read. Dropping it says that it is not coming any more.
pub struct Arriving(Arc<AtomicUsize>);

impl Drop for Arriving {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Committer {
    /// Starts the committing task. It ends when every `Committer` is gone and the queue is empty.
    /// `commits` counts its commits, for those who want to know when there is something new.
    pub fn start<S: Store>(
        store: Arc<S>,
        rules: Rules,
        grouping: Grouping,
        metrics: Metrics,
        commits: watch::Sender<u64>,
    ) -> (Self, JoinHandle<()>) {
        let (queue, waiting) = mpsc::channel(grouping.queue);
        let arriving = Arc::new(AtomicUsize::new(0));
        let lanes = store.commits_at_once().max(1);
        let sink = Ruled { store, rules };
        let group = Group { sink, overdue: OVERDUE, metrics, commits, failing: AtomicBool::new(false) };
        let task = tokio::spawn(run(Arc::new(group), lanes, grouping, waiting, arriving.clone()));
        (Self { queue, capacity: grouping.queue, arriving }, task)
    }

    /// Says that a request is being read, so that a commit may wait for it.
    pub fn arriving(&self) -> Arriving {
        self.arriving.fetch_add(1, Ordering::Relaxed);
        Arriving(self.arriving.clone())
    }

    /// Hands a delivery in and waits until it is durable.
    pub async fn commit(&self, delivery: Delivery, arriving: Arriving) -> Result<Committed, NotCommitted> {
        let (answer, result) = oneshot::channel();
        let queued = self.queue.try_send((delivery, answer));
        drop(arriving);
        match queued {
            Ok(()) => result.await.map_err(|_| NotCommitted::ShuttingDown)?,
            Err(mpsc::error::TrySendError::Full(_)) => Err(NotCommitted::QueueFull(self.capacity)),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(NotCommitted::ShuttingDown),
        }
    }
}

/// Where batches go.
trait Sink: Send + Sync + 'static {
    fn commit(&self, batch: Vec<Delivery>)
    -> impl Future<Output = Result<Vec<Committed>, StoreError>> + Send;
}

/// A store, and the rules by which it folds.
struct Ruled<S> {
    store: Arc<S>,
    rules: Rules,
}

impl<S: Store> Sink for Ruled<S> {
    fn commit(
        &self,
        batch: Vec<Delivery>,
    ) -> impl Future<Output = Result<Vec<Committed>, StoreError>> + Send {
        self.store.commit(batch, &self.rules)
    }
}

async fn run<S: Sink>(
    group: Arc<Group<S>>,
    lanes: usize,
    grouping: Grouping,
    mut waiting: mpsc::Receiver<Waiting>,
    arriving: Arc<AtomicUsize>,
) {
    let free = Arc::new(Semaphore::new(lanes));
    // The same without those that are overdue.
    let in_time = Arc::new(Semaphore::new(lanes));
    // While all lanes are taken, those who wait become one batch.
    while let Ok(lane) = free.clone().acquire_owned().await {
        let mut batch: Vec<Waiting> = Vec::with_capacity(grouping.batch);
        if waiting.recv_many(&mut batch, grouping.batch).await == 0 {
            drop(lane);
            break;
        }
        gather(&mut batch, &mut waiting, &arriving, grouping).await;
        // A larger batch costs each of its deliveries less. So while a commit is under way, and not overdue,
        // a second one is begun only once it is full.
        while batch.len() < grouping.batch {
            let room = grouping.batch - batch.len();
            tokio::select! {
                biased;
                _ = in_time.acquire_many(lanes as u32) => break,
                more = waiting.recv_many(&mut batch, room) => if more == 0 { break },
            }
        }
        let group = group.clone();
        if lanes == 1 {
            group.commit(batch).await;
        } else {
            let turn = in_time.clone().try_acquire_owned();
            tokio::spawn(async move {
                let commit = group.commit(batch);
                tokio::pin!(commit);
                let overdue = tokio::time::timeout(group.overdue, &mut commit).await.is_err();
                drop(turn);
                if overdue {
                    commit.await;
                }
                drop(lane);
            });
        }
    }
    // The last batches are under way.
    let _ = free.acquire_many(lanes as u32).await;
}

/// What all batches have in common.
struct Group<S> {
    sink: S,
    overdue: Duration,
    metrics: Metrics,
    commits: watch::Sender<u64>,
    failing: AtomicBool,
}

impl<S: Sink> Group<S> {
    /// Commits a batch, and answers each delivery of it.
    async fn commit(&self, batch: Vec<Waiting>) {
        let (deliveries, answers): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        let size = deliveries.len();
        let begun = Instant::now();
        match self.sink.commit(deliveries).await {
            Ok(outcomes) => {
                self.metrics.committed(begun.elapsed(), size);
                self.commits.send_modify(|n| *n += 1);
                if self.failing.swap(false, Ordering::Relaxed) {
                    tracing::info!("the store takes deliveries again");
                }
                for (answer, outcome) in answers.into_iter().zip(outcomes) {
                    self.metrics.recorded(&outcome);
                    // Whoever asked may have hung up; the delivery is stored all the same.
                    let _ = answer.send(Ok(outcome));
                }
            }
            Err(error) => {
                // Once per failure, not once per delivery: a full disk lasts.
                if !self.failing.swap(true, Ordering::Relaxed) {
                    tracing::error!(%error, deliveries = size, "the store cannot take deliveries; senders are told to try again");
                }
                for answer in answers {
                    let _ = answer.send(Err(error.clone().into()));
                }
            }
        }
    }
}

/// Waits for company while there is some to be had and the time is not up.
async fn gather(
    batch: &mut Vec<Waiting>,
    waiting: &mut mpsc::Receiver<Waiting>,
    arriving: &AtomicUsize,
    grouping: Grouping,
) {
    let deadline = Instant::now() + grouping.gather;
    while batch.len() < grouping.batch && arriving.load(Ordering::Relaxed) > 0 {
        let room = grouping.batch - batch.len();
        match tokio::time::timeout_at(deadline, waiting.recv_many(batch, room)).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
    }
}

#[cfg(test)]
mod tests;
