//! Which deliveries wait for which commits. Nothing here goes by the clock: what is held up is held up until it
//! is let go, and a commit is overdue at once or never.

use super::*;
use crate::sources::DeliveryId;
use crate::store::Content;
use crate::work::event::Said;
use crate::work::key::Source;
use crate::work::time::Time;

const AT_ONCE: Duration = Duration::from_millis(1);
const NEVER: Duration = Duration::from_secs(3600);
/// How long anything may take to happen: reached only where it never does.
const PATIENCE: Duration = Duration::from_secs(60);

/// The first byte of what a delivery is known by: whoever has it is committed once it is let go.
const HELD: u8 = 99;

/// Takes note of each batch, and holds some up.
struct Slow {
    begun: std::sync::Mutex<Vec<Vec<u8>>>,
    let_go: Semaphore,
}

impl Slow {
    /// Waits until so many batches have been begun; gives them.
    async fn begun(&self, count: usize) -> Vec<Vec<u8>> {
        let reached = async {
            while self.begun.lock().unwrap().len() < count {
                tokio::time::sleep(AT_ONCE).await;
            }
        };
        tokio::time::timeout(PATIENCE, reached).await.expect("another batch is never begun");
        self.begun.lock().unwrap().clone()
    }
}

impl Sink for Arc<Slow> {
    async fn commit(&self, batch: Vec<Delivery>) -> Result<Vec<Committed>, StoreError> {
        let numbers: Vec<u8> = batch.iter().map(|delivery| delivery.id.0[0]).collect();
        self.begun.lock().unwrap().push(numbers.clone());
        if numbers.contains(&HELD) {
            self.let_go.acquire().await.unwrap().forget();
        }
        Ok(vec![Committed::Duplicate; batch.len()])
    }
}

fn delivery(number: u8) -> Delivery {
    Delivery {
        source: Source::Github,
        id: DeliveryId([number; 16]),
        received_at: Time::from_micros(1_700_000_000_000_000).unwrap(),
        content: Content::Said(Said::default()),
    }
}

fn start(lanes: usize, batch: usize, overdue: Duration) -> (Arc<Slow>, Committer, JoinHandle<()>) {
    let slow = Arc::new(Slow { begun: std::sync::Mutex::default(), let_go: Semaphore::new(0) });
    let group = Group {
        sink: slow.clone(),
        overdue,
        metrics: Metrics::new(),
        commits: watch::channel(0).0,
        failing: AtomicBool::new(false),
    };
    let (queue, waiting) = mpsc::channel(64);
    let arriving = Arc::new(AtomicUsize::new(0));
    let grouping = Grouping { queue: 64, batch, gather: Duration::ZERO };
    let task = tokio::spawn(run(Arc::new(group), lanes, grouping, waiting, arriving.clone()));
    (slow, Committer { queue, capacity: 64, arriving }, task)
}

type Handed = JoinHandle<Result<Committed, NotCommitted>>;

/// Hands a delivery in; it is in the queue.
async fn hand_in(committer: &Committer, number: u8) -> Handed {
    let committer = committer.clone();
    let (sent, is_sent) = oneshot::channel();
    let task = tokio::spawn(async move {
        let arriving = committer.arriving();
        let commit = committer.commit(delivery(number), arriving);
        tokio::pin!(commit);
        // As far as it goes without being answered: it is queued then.
        let first =
            std::future::poll_fn(|context| std::task::Poll::Ready(commit.as_mut().poll(context))).await;
        let _ = sent.send(());
        match first {
            std::task::Poll::Ready(outcome) => outcome,
            std::task::Poll::Pending => commit.await,
        }
    });
    is_sent.await.unwrap();
    task
}

async fn answered(handed: Handed) {
    tokio::time::timeout(PATIENCE, handed).await.expect("never answered").unwrap().unwrap();
}

#[tokio::test]
async fn a_commit_that_hangs_holds_nobody_else_up() {
    let (slow, committer, running) = start(4, 8, AT_ONCE);
    let held = hand_in(&committer, HELD).await;
    slow.begun(1).await;
    for number in 1..10 {
        answered(hand_in(&committer, number).await).await;
    }
    assert!(!held.is_finished());
    slow.let_go.add_permits(1);
    answered(held).await;
    drop(committer);
    running.await.unwrap();
}

#[tokio::test]
async fn while_a_commit_is_in_time_what_comes_meanwhile_becomes_one_batch() {
    let (slow, committer, _running) = start(4, 8, NEVER);
    let mut all = vec![hand_in(&committer, HELD).await];
    slow.begun(1).await;
    for number in 2..=6 {
        all.push(hand_in(&committer, number).await);
    }
    slow.let_go.add_permits(1);
    for one in all {
        answered(one).await;
    }
    assert_eq!(slow.begun(2).await, [vec![HELD], vec![2, 3, 4, 5, 6]]);
}

#[tokio::test]
async fn a_full_batch_waits_for_no_other() {
    let (slow, committer, _running) = start(2, 3, NEVER);
    let held = hand_in(&committer, HELD).await;
    slow.begun(1).await;
    let mut full = Vec::new();
    for number in 2..=4 {
        full.push(hand_in(&committer, number).await);
    }
    for one in full {
        answered(one).await;
    }
    assert_eq!(slow.begun(2).await, [vec![HELD], vec![2, 3, 4]]);
    assert!(!held.is_finished());
}

#[tokio::test]
async fn with_all_lanes_hanging_the_rest_waits_and_the_end_waits_for_all() {
    let (slow, committer, running) = start(2, 8, AT_ONCE);
    let mut all = Vec::new();
    for count in 1..=2 {
        all.push(hand_in(&committer, HELD).await);
        slow.begun(count).await;
    }
    all.push(hand_in(&committer, 1).await);
    drop(committer);
    assert_eq!(slow.begun(2).await.len(), 2, "there are two lanes");
    slow.let_go.add_permits(2);
    for one in all {
        answered(one).await;
    }
    tokio::time::timeout(PATIENCE, running).await.expect("it ends").unwrap();
    assert_eq!(slow.begun(3).await[2], [1]);
}

#[tokio::test]
async fn a_store_with_one_writer_is_given_one_batch_at_a_time() {
    let (slow, committer, _running) = start(1, 8, AT_ONCE);
    let mut all = vec![hand_in(&committer, HELD).await];
    slow.begun(1).await;
    all.push(hand_in(&committer, 1).await);
    all.push(hand_in(&committer, 2).await);
    slow.let_go.add_permits(1);
    for one in all {
        answered(one).await;
    }
    assert_eq!(slow.begun(2).await, [vec![HELD], vec![1, 2]]);
}
