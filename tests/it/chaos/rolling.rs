//! Replicas replaced one after another while deliveries come in through what stands in front of them: it asks
//! `/readyz`, and sends to those that are ready. A replica that is told to stop says so first (`ingest.drain`), so
//! that no connection is refused, and none closed without an answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_postgres::Client as Past;

use super::check::Oracle;
use super::replica::Replica;
use crate::kill::life;
use crate::support::console::Console;
use crate::support::postgres::{Postgres, miscounted};
use crate::support::receiver::Receiver;
use crate::support::sender::{Delivery, Sender, client};

const ROUNDS: usize = 3;
const CLIENTS: u64 = 6;
/// How many deliveries are taken between two restarts.
const BETWEEN: usize = 60;

/// What stands in front of the replicas.
#[derive(Clone)]
struct Front {
    addresses: watch::Receiver<[Option<SocketAddr>; 2]>,
    ready: Arc<[AtomicBool; 2]>,
    next: Arc<AtomicUsize>,
    sender: Sender,
}

impl Front {
    /// Passes a delivery on; says what was answered. Panics if a sender would have been left without an answer.
    async fn pass(&self, delivery: &Delivery) -> (u16, String) {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let mut order = [turn % 2, (turn + 1) % 2];
        order.sort_by_key(|at| !self.ready[*at].load(Ordering::Relaxed));
        let address = order.iter().find_map(|at| self.addresses.borrow()[*at]).expect("one is there");
        // Once, and to the end: nothing is tried again.
        match self.sender.at(address).deliver(delivery).await {
            Ok(answer) => (answer.code, answer.status),
            Err(error) => panic!("refused, or left without an answer: {error:?}"),
        }
    }
}

/// Asks the consoles whether they are ready.
async fn probe(consoles: watch::Receiver<[Option<SocketAddr>; 2]>, ready: Arc<[AtomicBool; 2]>) {
    let client = client();
    loop {
        for at in 0..2 {
            let address = consoles.borrow()[at];
            let is = match address {
                Some(address) => {
                    let answer = client
                        .get(format!("http://{address}/readyz"))
                        .timeout(Duration::from_secs(1))
                        .send()
                        .await;
                    answer.is_ok_and(|answer| answer.status().is_success())
                }
                None => false,
            };
            ready[at].store(is, Ordering::Relaxed);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn drained(past: &Past) {
    for _ in 0..1200 {
        let sql =
            "SELECT (SELECT count(*) FROM items WHERE due_at IS NOT NULL) + (SELECT count(*) FROM outbox)";
        if past.query_one(sql, &[]).await.unwrap().get::<_, i64>(0) == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not everything was exported");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_rolling_restart_refuses_and_loses_nothing() {
    let Some(postgres) = Postgres::start() else { return };
    let url = postgres.database().await;
    let database = url.rsplit('/').next().unwrap();
    let receiver = Receiver::start().await;
    let folder = tempfile::tempdir().unwrap();
    let (tell, addresses) = watch::channel([None, None]);
    let endpoint = receiver.endpoint();
    // Many times what the front takes to ask both.
    let settings = [("EXPORT__ENDPOINT", endpoint.as_str()), ("INGEST__DRAIN", "3s")];
    let at = (postgres.port, database);
    let mut replicas = [
        Replica::new(0, folder.path(), at, &settings, tell.clone()).await,
        Replica::new(1, folder.path(), at, &settings, tell.clone()).await,
    ];
    let (consoles, asked) = watch::channel([Some(replicas[0].console()), Some(replicas[1].console())]);
    let ready: Arc<[AtomicBool; 2]> = Arc::default();
    let mut probing = JoinSet::new();
    probing.spawn(probe(asked, ready.clone()));
    let sender = Sender::each_time_anew();
    let front = Front { addresses, ready: ready.clone(), next: Arc::default(), sender };

    let (answered, mut count) = watch::channel(0usize);
    let (answered, (go_on, going_on)) = (Arc::new(answered), watch::channel(true));
    let clients: JoinSet<Vec<Delivery>> = (0..CLIENTS)
        .map(|client| {
            let (front, answered, going_on) = (front.clone(), answered.clone(), going_on.clone());
            async move {
                let mut sent = Vec::new();
                for n in 0.. {
                    if n % 4 == 0 && !*going_on.borrow() {
                        break;
                    }
                    for delivery in life(client, n).deliveries {
                        let (code, status) = front.pass(&delivery).await;
                        assert!(code == 202 || (code, &*status) == (200, "duplicate"), "{code} {status}");
                        sent.push(delivery);
                        answered.send_modify(|count| *count += 1);
                    }
                }
                sent
            }
        })
        .collect();
    for round in 0..ROUNDS {
        for it in 0..2 {
            let enough = *count.borrow() + BETWEEN;
            let under_load = count.wait_for(|count| *count >= enough);
            tokio::time::timeout(Duration::from_secs(60), under_load).await.unwrap().unwrap();
            // Nobody takes down one before the other one is up.
            let other_is_ready = async {
                while !ready[1 - it].load(Ordering::Relaxed) {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(60), other_is_ready).await.unwrap();
            // What stands in front does not know; it finds out by itself.
            replicas[it].terminate_quietly();
            replicas[it].start();
            consoles.send_modify(|all| all[it] = Some(replicas[it].console()));
            assert_eq!(Console::at(replicas[it].console()).get("/readyz").await.0, 200, "round {round}");
        }
    }
    go_on.send_replace(false);
    let sent = clients.join_all().await.concat();
    let past = postgres.connect(database).await;
    drained(&past).await;
    let mut oracle = Oracle::new();
    oracle.fold(&sent).await;
    let stored: i64 = past.query_one("SELECT count(*) FROM deliveries", &[]).await.unwrap().get(0);
    assert_eq!(stored as usize, oracle.ids.len());
    assert_eq!(sent.len(), oracle.ids.len(), "each once");
    assert_eq!(miscounted(&past).await, [] as [String; 0]);
    super::tell(&format!(
        "\nrolling restart: {} restarts, {} deliveries, none refused, none left without an answer, none lost\n",
        2 * ROUNDS,
        sent.len(),
    ));
}
