//! A replica: the real binary, its way to the database, and the clock that it believes.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::block_in_place;

use super::proxy::Proxy;
use crate::support::program::{Program, command};

/// Where the replicas take deliveries; `None` while one is down.
pub type Addresses = watch::Receiver<[Option<SocketAddr>; 2]>;

/// How long a shutdown may take by its own configuration.
const SHUTDOWN: &str = "5s";
/// What it takes to leave in any case: the shutdown, the console's two seconds, the store's goodbye, and
/// a slow machine.
const GONE_WITHIN: Duration = Duration::from_secs(20);

/// The library that makes a process believe in another time, if it is installed.
fn faketime() -> Option<PathBuf> {
    let mut found = vec![PathBuf::from("/usr/lib/faketime/libfaketimeMT.so.1")];
    let architectures = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    found.extend(architectures.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1")));
    let found = found.into_iter().find(|path| path.exists());
    assert!(
        found.is_some() || std::env::var_os("CI").is_none(),
        "libfaketime is not installed: apt-get install faketime"
    );
    found
}

pub struct Replica {
    index: usize,
    pub proxy: Proxy,
    program: Option<Program>,
    folder: PathBuf,
    settings: Vec<(String, String)>,
    clock: Option<PathBuf>,
    starts: u32,
    addresses: watch::Sender<[Option<SocketAddr>; 2]>,
}

impl Replica {
    /// A replica with settings beyond the usual ones; comes up at once.
    pub async fn new(
        index: usize,
        folder: &Path,
        database: (u16, &str),
        settings: &[(&str, &str)],
        addresses: watch::Sender<[Option<SocketAddr>; 2]>,
    ) -> Self {
        let (port, name) = database;
        let proxy = Proxy::start(port).await;
        let url = format!("postgres://vs@127.0.0.1:{}/{name}", proxy.port);
        let mut all: Vec<(String, String)> =
            settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        all.push(("STORE__URL".to_owned(), url));
        all.push(("INGEST__SHUTDOWN".to_owned(), SHUTDOWN.to_owned()));
        let clock = faketime().map(|_| folder.join(format!("clock-{index}")));
        let folder = folder.to_owned();
        let mut replica =
            Self { index, proxy, program: None, folder, settings: all, clock, starts: 0, addresses };
        replica.step_clock(0);
        replica.start();
        replica
    }

    /// Starts it, and waits until it is ready.
    pub fn start(&mut self) {
        self.starts += 1;
        let mut serve = command(&["serve"]);
        if let (Some(library), Some(clock)) = (faketime(), &self.clock) {
            serve
                .env("LD_PRELOAD", library)
                .env("FAKETIME_TIMESTAMP_FILE", clock)
                .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
                .env("FAKETIME_CACHE_DURATION", "1");
        }
        let log = self.folder.join(format!("replica-{}-{:03}.log", self.index, self.starts));
        let settings: Vec<(&str, &str)> = self.settings.iter().map(|(k, v)| (&**k, &**v)).collect();
        let program =
            block_in_place(|| Program::start_as(serve, &self.folder.join("unused.db"), &log, &settings));
        self.addresses.send_modify(|all| all[self.index] = Some(program.ingest));
        self.program = Some(program);
    }

    fn gone(&mut self) {
        self.addresses.send_modify(|all| all[self.index] = None);
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        let program = self.program.take().unwrap();
        block_in_place(|| program.kill());
        self.gone();
    }

    /// SIGTERM; it must end with 0 and in time.
    pub fn terminate(&mut self) {
        let program = self.program.take().unwrap();
        let begun = Instant::now();
        let code = block_in_place(|| program.terminate());
        self.gone();
        assert_eq!(code, Some(0), "replica {} ends with 0", self.index);
        assert!(begun.elapsed() < GONE_WITHIN, "replica {} took {:?}", self.index, begun.elapsed());
    }

    /// SIGTERM, of which nobody in front is told: its address stays known until it is up again elsewhere.
    pub fn terminate_quietly(&mut self) {
        let addresses = *self.addresses.borrow();
        let program = self.program.take().unwrap();
        let code = block_in_place(|| program.terminate());
        assert_eq!(code, Some(0), "replica {} ends with 0", self.index);
        assert_eq!(addresses, *self.addresses.borrow());
    }

    /// From now on, or from its next second on, its clock is wrong by so many seconds. Says whether that can
    /// be done here.
    pub fn step_clock(&self, seconds: i64) -> bool {
        let Some(clock) = &self.clock else { return false };
        let next = clock.with_extension("next");
        std::fs::write(&next, format!("{seconds:+}\n")).unwrap();
        std::fs::rename(&next, clock).unwrap();
        true
    }

    /// The console's address.
    pub fn console(&self) -> SocketAddr {
        self.program.as_ref().unwrap().console
    }
}
