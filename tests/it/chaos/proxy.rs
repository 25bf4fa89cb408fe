//! What stands between a replica and its database: passes bytes on, and breaks the way on request. It can
//! let a commit through and lose the answer, lose the commit itself, cut a connection in the middle of a
//! message, fall silent, and turn new connections away.

use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// What the driver sends to end a transaction.
const COMMIT: &[u8] = b"COMMIT\0";

/// What is to happen next on the way.
#[derive(Default)]
struct Plan {
    /// The next commit is let through, its answer is not.
    lose_answer: bool,
    /// The next commit is not let through.
    lose_commit: bool,
    /// After so many more bytes, in whichever direction, the connection is cut.
    cut_after: Option<usize>,
    silent_until: Option<Instant>,
    refusing_until: Option<Instant>,
}

/// The way itself, shared with its connections.
struct Way {
    database: AtomicU16,
    plan: Mutex<Plan>,
}

/// What becomes of some bytes.
enum Passage {
    Whole,
    /// So many of them, and then the connection is cut.
    Part(usize),
    /// All of them, and then only the client is cut off.
    Unanswered,
}

impl Way {
    async fn silence(&self) {
        loop {
            let until = self.plan.lock().unwrap().silent_until;
            match until.filter(|until| *until > Instant::now()) {
                Some(until) => tokio::time::sleep_until(until).await,
                None => return,
            }
        }
    }

    fn refuses(&self) -> bool {
        self.plan.lock().unwrap().refusing_until.is_some_and(|until| until > Instant::now())
    }

    fn passage(&self, bytes: &[u8], up: bool) -> Passage {
        let mut plan = self.plan.lock().unwrap();
        if up && bytes.windows(COMMIT.len()).any(|window| window == COMMIT) {
            if std::mem::take(&mut plan.lose_answer) {
                return Passage::Unanswered;
            }
            if std::mem::take(&mut plan.lose_commit) {
                return Passage::Part(0);
            }
        }
        match plan.cut_after {
            Some(left) if left < bytes.len() => {
                plan.cut_after = None;
                Passage::Part(left)
            }
            Some(left) => {
                plan.cut_after = Some(left - bytes.len());
                Passage::Whole
            }
            None => Passage::Whole,
        }
    }

    /// Passes on what comes until it ends; says whether the other side is to live on for a moment.
    async fn pass(
        &self,
        from: &mut (impl AsyncReadExt + Unpin),
        to: &mut (impl AsyncWriteExt + Unpin),
        up: bool,
    ) -> bool {
        let mut buffer = vec![0; 16 << 10];
        loop {
            let Ok(count @ 1..) = from.read(&mut buffer).await else { return false };
            self.silence().await;
            let (most, end) = match self.passage(&buffer[..count], up) {
                Passage::Whole => (count, None),
                Passage::Part(most) => (most, Some(false)),
                Passage::Unanswered => (count, Some(true)),
            };
            if to.write_all(&buffer[..most]).await.is_err() {
                return false;
            }
            if let Some(lives_on) = end {
                return lives_on;
            }
        }
    }

    async fn connection(self: Arc<Self>, client: TcpStream) {
        self.silence().await;
        let port = self.database.load(Ordering::Relaxed);
        let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { return };
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        let lives_on = tokio::select! {
            lives_on = self.pass(&mut from_client, &mut to_server, true) => lives_on,
            _ = self.pass(&mut from_server, &mut to_client, false) => false,
        };
        drop((from_client, to_client));
        if lives_on {
            // So that the server reads the commit before it sees that nobody waits for an answer.
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
}

/// One replica's way to the database.
pub struct Proxy {
    pub port: u16,
    way: Arc<Way>,
    _tasks: JoinSet<()>,
}

impl Proxy {
    pub async fn start(database: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let way = Arc::new(Way { database: AtomicU16::new(database), plan: Mutex::default() });
        let mut tasks = JoinSet::new();
        let accepting = way.clone();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let Ok((client, _)) = listener.accept().await else { continue };
                if !accepting.refuses() {
                    connections.spawn(accepting.clone().connection(client));
                }
                while connections.try_join_next().is_some() {}
            }
        });
        Self { port, way, _tasks: tasks }
    }

    /// Where the database is now.
    pub fn leads_to(&self, database: u16) {
        self.way.database.store(database, Ordering::Relaxed);
    }

    fn plan(&self, change: impl FnOnce(&mut Plan)) {
        change(&mut self.way.plan.lock().unwrap());
    }

    /// Waits until what was planned has happened; takes it back if nothing comes along.
    async fn happens(&self, pending: impl Fn(&Plan) -> bool) -> bool {
        for _ in 0..300 {
            if !pending(&self.way.plan.lock().unwrap()) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.plan(|plan| *plan = Plan::default());
        false
    }

    /// The next commit happens, and nobody hears of it.
    pub async fn lose_an_answer(&self) -> bool {
        self.plan(|plan| plan.lose_answer = true);
        self.happens(|plan| plan.lose_answer).await
    }

    /// The next commit does not happen.
    pub async fn lose_a_commit(&self) -> bool {
        self.plan(|plan| plan.lose_commit = true);
        self.happens(|plan| plan.lose_commit).await
    }

    /// A connection is cut after so many bytes.
    pub async fn cut_after(&self, bytes: usize) -> bool {
        self.plan(|plan| plan.cut_after = Some(bytes));
        self.happens(|plan| plan.cut_after.is_some()).await
    }

    /// No byte passes for a while.
    pub fn fall_silent(&self, length: Duration) {
        self.plan(|plan| plan.silent_until = Some(Instant::now() + length));
    }

    /// New connections are turned away for a while.
    pub fn refuse(&self, length: Duration) {
        self.plan(|plan| plan.refusing_until = Some(Instant::now() + length));
    }

    /// From now on all is well.
    pub fn heal(&self) {
        self.plan(|plan| *plan = Plan::default());
    }
}
