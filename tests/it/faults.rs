//! A disk that is full, a file that may not grow, a store that may not be written: senders are
//! told to come again, nothing is half done, and when the fault is gone everything goes on
//! without a restart. Each fault needs some right or tool; where it is missing the test says so
//! and ends.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::support::payloads::issue;
use crate::support::program::{Program, command};
use crate::support::receiver::Receiver;
use crate::support::sender::{Answer, Delivery};
use crate::support::show;

const BINARY: &str = env!("CARGO_BIN_EXE_valuestream");

/// Whether a shell command works here.
fn works(script: &str, arguments: &[&str]) -> bool {
    let output = Command::new("sh").args(["-c", script]).args(arguments).output();
    output.is_ok_and(|output| output.status.success())
}

fn closed(number: u64) -> Delivery {
    Delivery::github("issues", &issue("closed", number, 60, Some(60)))
}

/// A delivery was not taken: the sender is told when to come again, and why.
fn refused(answer: &Answer, why: &str) {
    assert_eq!(answer.is(), (503, "unavailable"), "{answer:?}");
    assert!(answer.retry_after.is_some(), "{answer:?}");
    assert!(
        answer.reason.contains("the store cannot be read or written") && answer.reason.contains(why),
        "{answer:?}"
    );
}

/// A program with a store that stops taking deliveries once enough have come.
struct Faulty {
    program: Program,
    receiver: Receiver,
    taken: Vec<Delivery>,
    refused: Vec<Delivery>,
}

impl Faulty {
    /// Sends until the store takes nothing any more, not even the probe of `/readyz`.
    async fn until_it_fails(program: Program, receiver: Receiver, why: &str) -> Self {
        let mut faulty = Self { program, receiver, taken: Vec::new(), refused: Vec::new() };
        let sender = faulty.program.sender();
        for number in 0..5000 {
            let delivery = closed(number);
            let answer = sender.deliver(&delivery).await.unwrap();
            if answer.code == 202 {
                faulty.taken.push(delivery);
                continue;
            }
            refused(&answer, why);
            faulty.refused.push(delivery);
            if faulty.refused.len() >= 5 && faulty.program.console().get("/readyz").await.0 == 503 {
                return faulty;
            }
        }
        panic!("the store never failed: {} taken, {} refused", faulty.taken.len(), faulty.refused.len());
    }

    /// While the fault lasts the program lives and says what is wrong.
    async fn says(&self, why: &str) {
        let console = self.program.console();
        let (code, text) = console.get("/readyz").await;
        assert_eq!(code, 503, "{text}");
        assert!(text.contains("the store cannot be read or written") && text.contains(why), "{text}");
        assert_eq!(console.get("/healthz").await.0, 200);
        assert_eq!(console.get("/metrics").await.0, 200);
    }

    /// Once the fault is gone it is ready by itself, what was refused is recorded as if it came
    /// for the first time, and every span arrives, once.
    async fn recovers(self) {
        let console = self.program.console();
        for _ in 0..600 {
            if console.get("/readyz").await.0 == 200 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(console.get("/readyz").await.0, 200);
        let sender = self.program.sender();
        for delivery in &self.refused {
            let answer = sender.deliver(delivery).await.unwrap();
            assert_eq!(answer.is(), (202, "recorded"), "nothing of it was kept before");
        }
        for delivery in &self.taken {
            assert_eq!(sender.deliver(delivery).await.unwrap().is(), (200, "duplicate"));
        }
        let count = self.taken.len() + self.refused.len();
        let spans = self.receiver.wait_until(|spans| spans.len() >= count).await;
        console.metric_becomes("valuestream_outbox_items{backend=\"default\"}", 0.0).await;
        let keys: BTreeSet<String> = spans.iter().map(show::key).collect();
        assert_eq!((keys.len(), self.receiver.spans().len()), (count, count), "each once");
        println!("{} taken, {} refused and taken later", self.taken.len(), self.refused.len());
        assert_eq!(self.program.terminate(), Some(0));
    }
}

/// A file system of its own for the program, seen by no one else.
struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    const MOUNT: &str = "mount -t tmpfs -o size=4m,\"$1\" none \"$0\"";

    /// `None`, with a note, where it takes a right that is not there.
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let script = format!("unshare -rm sh -c '{}' \"$0\" rw", Self::MOUNT);
        if !works(&script, &[folder.path().to_str().unwrap()]) {
            println!("skipped: no right to mount a file system of one's own");
            return None;
        }
        Some(Self { folder })
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("store.db")
    }

    /// The binary with that file system mounted, `rw` or `ro`.
    fn serve(&self, how: &str) -> Command {
        let mut command = Command::new("unshare");
        let script = format!("{} && exec \"$2\" serve", Self::MOUNT);
        command.args(["-rm", "sh", "-c", &script]).arg(self.folder.path()).args([how, BINARY]);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_loses_nothing_and_needs_no_restart() {
    let Some(disk) = SmallDisk::new() else { return };
    let receiver = Receiver::start().await;
    let logs = tempfile::tempdir().unwrap();
    let program = Program::start_as(
        disk.serve("rw"),
        &disk.store(),
        &logs.path().join("log"),
        &[("EXPORT__ENDPOINT", &receiver.endpoint())],
    );
    // The disk as the program sees it.
    let inside = format!("/proc/{}/root{}", program.id(), disk.folder.path().display());
    let ballast = Path::new(&inside).join("ballast");
    std::fs::write(&ballast, vec![0; 3 << 20]).unwrap();

    let faulty = Faulty::until_it_fails(program, receiver, "full").await;
    faulty.says("full").await;
    std::fs::remove_file(ballast).unwrap();
    faulty.recovers().await;
    // Told once, not for each delivery.
    let log = std::fs::read_to_string(logs.path().join("log")).unwrap();
    let told = log.lines().filter(|line| line.contains("cannot take deliveries")).count();
    assert!((1..5).contains(&told), "{told} times:\n{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_may_not_grow_loses_nothing_and_needs_no_restart() {
    if !works("prlimit --version", &[]) {
        println!("skipped: no prlimit to lift the limit with");
        return;
    }
    let receiver = Receiver::start().await;
    let (folder, logs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    // In blocks of 512 or 1024 bytes, as the shell likes it.
    let script = "trap '' XFSZ; ulimit -S -f 1000; exec \"$0\" serve";
    let mut limited = Command::new("sh");
    limited.args(["-c", script, BINARY]).env_clear();
    let program = Program::start_as(
        limited,
        &folder.path().join("store.db"),
        &logs.path().join("log"),
        &[("EXPORT__ENDPOINT", &receiver.endpoint())],
    );
    let id = program.id().to_string();
    let faulty = Faulty::until_it_fails(program, receiver, "").await;
    faulty.says("").await;
    assert!(works("prlimit --pid \"$0\" --fsize=unlimited:", &[&id]));
    faulty.recovers().await;
}

/// Files that not even root may write.
struct Immutable(Vec<PathBuf>);

impl Immutable {
    fn new(files: Vec<PathBuf>) -> Option<Self> {
        let immutable = Self(files);
        immutable.set("+i").then_some(immutable)
    }

    fn set(&self, flag: &str) -> bool {
        let status = Command::new("chattr").arg(flag).args(&self.0).output();
        status.is_ok_and(|output| output.status.success())
    }
}

impl Drop for Immutable {
    fn drop(&mut self) {
        self.set("-i");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_may_not_be_written_for_a_while_loses_nothing() {
    let receiver = Receiver::start().await;
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store.db");
    let program = Program::start(&store, &[("EXPORT__ENDPOINT", &receiver.endpoint())]);
    let first = closed(100_000);
    assert_eq!(program.sender().deliver(&first).await.unwrap().code, 202);
    let files = ["store.db", "store.db-wal"].map(|name| folder.path().join(name));
    let Some(immutable) = Immutable::new(files.to_vec()) else {
        println!("skipped: no right to make a file immutable, or no file system that can");
        return;
    };
    let mut faulty = Faulty::until_it_fails(program, receiver, "").await;
    faulty.taken.push(first);
    faulty.says("").await;
    drop(immutable);
    faulty.recovers().await;
}

#[test]
fn a_store_that_can_never_be_written_is_told_of_at_the_start() {
    let cannot_start = |mut command: Command, store: &Path| {
        let settings = crate::support::server::settings(store);
        let output = command.envs(settings).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains("store.url") && text.contains(store.to_str().unwrap()), "{text}");
        text
    };
    let text = cannot_start(command(&["serve"]), Path::new("/nowhere/at/all/store.db"));
    assert!(text.contains("create it"), "it says what to do: {text}");
    // A folder, and something that is not a database.
    let folder = tempfile::tempdir().unwrap();
    cannot_start(command(&["serve"]), folder.path());
    let other = folder.path().join("other.db");
    std::fs::write(&other, "not a database, ".repeat(1000)).unwrap();
    cannot_start(command(&["serve"]), &other);
    assert_eq!(std::fs::read_to_string(&other).unwrap(), "not a database, ".repeat(1000), "left as it was");
    if let Some(disk) = SmallDisk::new() {
        cannot_start(disk.serve("ro"), &disk.store());
    }
}
