//! The faults: which there are, how often each comes in a run, and how each is brought about. A fault counts
//! when it has happened, not when it was planned.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::sync::watch;
use tokio::task::block_in_place;

use super::replica::{Addresses, Replica};
use crate::support::postgres::Postgres;
use crate::support::receiver::{Answer, Receiver};

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    AnswerToCommitLost,
    CommitLost,
    ConnectionCut,
    SessionTerminated,
    DatabaseSilent,
    ConnectionsRefused,
    BackendUnavailable,
    BackendBusy,
    BackendHangs,
    BackendHangsUp,
    BackendSlow,
    BackendDown,
    SpansRejected,
    ReplicaKilled,
    ReplicaTerminated,
    DatabaseKilled,
    DatabaseStopped,
    TerminatedWithoutDatabase,
    TerminatedInSilence,
    ClockStepped,
}

use Fault::*;

/// How often each comes in one round.
const ROUND: [(Fault, usize); 20] = [
    (AnswerToCommitLost, 42),
    (CommitLost, 20),
    (ConnectionCut, 42),
    (SessionTerminated, 20),
    (DatabaseSilent, 14),
    (ConnectionsRefused, 10),
    (BackendUnavailable, 8),
    (BackendBusy, 6),
    (BackendHangs, 2),
    (BackendHangsUp, 6),
    (BackendSlow, 4),
    (BackendDown, 4),
    (SpansRejected, 8),
    (ReplicaKilled, 12),
    (ReplicaTerminated, 6),
    (DatabaseKilled, 4),
    (DatabaseStopped, 3),
    (TerminatedWithoutDatabase, 2),
    (TerminatedInSilence, 2),
    (ClockStepped, 8),
];

/// At least so many faults, shuffled, in the proportions of a round.
pub fn deck(faults: usize, rng: &mut ChaCha8Rng) -> Vec<Fault> {
    let mut deck = Vec::new();
    while deck.len() < faults {
        deck.extend(ROUND.iter().flat_map(|(fault, times)| std::iter::repeat_n(*fault, *times)));
    }
    deck.shuffle(rng);
    deck
}

/// Two replicas over one database, and all that can be done to them.
pub struct World {
    pub postgres: Postgres,
    pub database: String,
    pub replicas: [Replica; 2],
    pub receiver: Receiver,
    /// What the receiver says to the next requests.
    answers: Arc<Mutex<VecDeque<Answer>>>,
    pub addresses: Addresses,
    pub rng: ChaCha8Rng,
    pub counts: BTreeMap<Fault, usize>,
    /// Planned, but nothing came along for it to happen to.
    pub idle: usize,
    deadlocks: i64,
}

impl World {
    /// Everything up and well; `None` where there is no PostgreSQL.
    pub async fn new(seed: u64, folder: &Path) -> Option<Self> {
        let postgres = Postgres::start()?;
        let url = postgres.database().await;
        let database = url.rsplit('/').next().unwrap().to_owned();
        let receiver = Receiver::start().await;
        let answers: Arc<Mutex<VecDeque<Answer>>> = Arc::default();
        let next = answers.clone();
        receiver.answer(move |_| next.lock().unwrap().pop_front().unwrap_or(Answer::Accept));
        let endpoint = receiver.endpoint();
        let settings = [
            ("EXPORT__ENDPOINT", endpoint.as_str()),
            ("EXPORT__PROTOCOL", "http/protobuf"),
            ("EXPORT__TIMEOUT", "2s"),
            ("EXPORT__BATCH", "24"),
            ("EXPORT__SETTLE", "1s"),
        ];
        let (tell, addresses) = watch::channel([None, None]);
        let at = (postgres.port, database.as_str());
        // At the same time, over an empty database.
        let (one, other) = tokio::join!(
            Replica::new(0, folder, at, &settings, tell.clone()),
            Replica::new(1, folder, at, &settings, tell.clone()),
        );
        Some(Self {
            postgres,
            database,
            replicas: [one, other],
            receiver,
            answers,
            addresses,
            rng: ChaCha8Rng::seed_from_u64(seed),
            counts: BTreeMap::new(),
            idle: 0,
            deadlocks: 0,
        })
    }

    /// A connection past the proxies.
    pub async fn past(&self) -> tokio_postgres::Client {
        self.postgres.connect(&self.database).await
    }

    /// How many deadlocks the database has found since it was made, crashes included.
    pub async fn deadlocks(&self) -> i64 {
        let sql = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
        self.deadlocks + self.past().await.query_one(sql, &[]).await.unwrap().get::<_, i64>(0)
    }

    fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(self.rng.random_range(from..to))
    }

    async fn while_gone(&mut self) {
        let pause = self.millis(20, 900);
        tokio::time::sleep(pause).await;
    }

    async fn database_goes(&mut self, killed: bool) {
        self.deadlocks = self.deadlocks().await;
        block_in_place(|| if killed { self.postgres.kill() } else { self.postgres.stop() });
    }

    fn database_returns(&mut self) {
        block_in_place(|| self.postgres.restart());
        for replica in &self.replicas {
            replica.proxy.leads_to(self.postgres.port);
        }
    }

    fn answers(&mut self, answer: Answer, most: usize) {
        let times = self.rng.random_range(1..=most);
        self.answers.lock().unwrap().extend(std::iter::repeat_n(answer, times));
    }

    /// Brings a fault about, and mends what does not mend by itself.
    pub async fn inject(&mut self, fault: Fault) {
        let it = self.rng.random_range(0..2);
        let happened = match fault {
            AnswerToCommitLost => self.replicas[it].proxy.lose_an_answer().await,
            CommitLost => self.replicas[it].proxy.lose_a_commit().await,
            ConnectionCut => {
                let bytes = self.rng.random_range(0..20_000);
                self.replicas[it].proxy.cut_after(bytes).await
            }
            SessionTerminated => self.terminate_a_session().await,
            DatabaseSilent => {
                let length = self.millis(50, 1500);
                self.replicas[it].proxy.fall_silent(length);
                tokio::time::sleep(length).await;
                true
            }
            ConnectionsRefused => {
                let length = self.millis(100, 1000);
                self.replicas[it].proxy.refuse(length);
                // Or there would be no new ones.
                self.terminate_a_session().await;
                tokio::time::sleep(length).await;
                true
            }
            BackendUnavailable => self.says(Answer::status(503), 3),
            BackendBusy => {
                let headers = vec![("retry-after", "1".to_owned())];
                self.says(Answer::Http { status: 429, headers, body: Vec::new() }, 2)
            }
            BackendHangs => self.says(Answer::Hang, 1),
            BackendHangsUp => self.says(Answer::Close, 3),
            SpansRejected => {
                self.says(Answer::Partial { rejected: 1, message: "too long, says chaos".to_owned() }, 1)
            }
            BackendSlow => {
                // Slow enough that whoever sends may die before it has noted down what it sent.
                let next = self.answers.clone();
                self.receiver.answer(move |_| {
                    std::thread::sleep(Duration::from_millis(150));
                    next.lock().unwrap().pop_front().unwrap_or(Answer::Accept)
                });
                self.while_gone().await;
                self.replicas[it].kill();
                self.well();
                self.replicas[it].start();
                *self.counts.entry(ReplicaKilled).or_default() += 1;
                true
            }
            BackendDown => {
                self.receiver.stop().await;
                self.while_gone().await;
                self.receiver.restart().await;
                true
            }
            ReplicaKilled => {
                self.replicas[it].kill();
                self.while_gone().await;
                self.replicas[it].start();
                true
            }
            ReplicaTerminated => {
                self.replicas[it].terminate();
                self.while_gone().await;
                self.replicas[it].start();
                true
            }
            DatabaseKilled | DatabaseStopped => {
                self.database_goes(fault == DatabaseKilled).await;
                self.while_gone().await;
                self.database_returns();
                true
            }
            TerminatedWithoutDatabase => {
                self.database_goes(true).await;
                self.replicas[it].terminate();
                self.database_returns();
                self.replicas[it].start();
                true
            }
            TerminatedInSilence => {
                self.replicas[it].proxy.fall_silent(Duration::from_secs(60));
                self.while_gone().await;
                self.replicas[it].terminate();
                self.replicas[it].proxy.heal();
                self.replicas[it].start();
                true
            }
            ClockStepped => {
                let step = [-3600, -600, -30, 0, 30, 600, 3600][self.rng.random_range(0..7)];
                self.replicas[it].step_clock(step)
            }
        };
        if happened {
            *self.counts.entry(fault).or_default() += 1;
        } else {
            self.idle += 1;
        }
        let pause = self.millis(0, 120);
        tokio::time::sleep(pause).await;
    }

    fn says(&mut self, answer: Answer, most: usize) -> bool {
        self.answers(answer, most);
        true
    }

    /// The receiver takes what comes, after what it is still to say.
    fn well(&self) {
        let next = self.answers.clone();
        self.receiver.answer(move |_| next.lock().unwrap().pop_front().unwrap_or(Answer::Accept));
    }

    async fn terminate_a_session(&self) -> bool {
        let one = "SELECT count(pg_terminate_backend(pid)) FROM (
                       SELECT pid FROM pg_stat_activity
                       WHERE datname = current_database() AND application_name = 'valuestream'
                       ORDER BY state = 'active' DESC, random() LIMIT 1) AS one";
        self.past().await.query_one(one, &[]).await.unwrap().get::<_, i64>(0) > 0
    }

    /// No fault is under way any more. The clocks stay wrong.
    pub fn heal(&self) {
        self.replicas.iter().for_each(|replica| replica.proxy.heal());
        self.answers.lock().unwrap().clear();
    }

    /// The faults that happened, a line for each kind.
    pub fn table(&self) -> String {
        let mut text = String::new();
        for (fault, count) in &self.counts {
            let _ = writeln!(text, "{count:>6}  {fault:?}");
        }
        let _ = writeln!(text, "{:>6}  in all ({} found nothing to happen to)", self.total(), self.idle);
        text
    }

    pub fn total(&self) -> usize {
        self.counts.values().sum()
    }
}
