//! The real binary in a process of its own, to be killed.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::console::Console;
use super::sender::Sender;
use super::server::settings;

/// How long a program that was told to end may take: reached only where it never would.
const GONE_WITHIN: Duration = Duration::from_secs(120);

/// A running `valuestream serve`.
pub struct Program {
    child: Child,
    /// Where deliveries are taken.
    pub ingest: SocketAddr,
    /// Where the console is.
    pub console: SocketAddr,
}

/// The binary, with a clean environment.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_valuestream"));
    command.args(arguments).env_clear();
    command
}

/// Runs a command to its end.
pub fn run(arguments: &[&str], environment: &[(String, String)]) -> Output {
    command(arguments).envs(environment.iter().cloned()).output().unwrap()
}

impl Program {
    /// Starts on a store, with some settings changed, and waits until it is ready.
    pub fn start(store: &Path, changes: &[(&str, &str)]) -> Self {
        Self::start_as(command(&["serve"]), store, &store.with_extension("log"), changes)
    }

    /// Starts through a command that ends up as `valuestream serve` under the same process id.
    pub fn start_as(mut command: Command, store: &Path, log: &Path, changes: &[(&str, &str)]) -> Self {
        let changes = changes.iter().map(|(k, v)| (format!("VALUESTREAM__{k}"), (*v).to_owned()));
        let mut child = command
            .envs(settings(store))
            .env("VALUESTREAM__LOG__FORMAT", "json")
            .envs(changes)
            .stderr(std::fs::File::create(log).unwrap())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let text = std::fs::read_to_string(log).unwrap();
            let ready = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
            if let Some(ready) = ready.into_iter().find(|line| line["message"] == "ready") {
                let address = |name: &str| ready[name].as_str().unwrap().parse().unwrap();
                return Self { child, ingest: address("ingest"), console: address("console") };
            }
            if let Some(status) = child.try_wait().unwrap() {
                panic!("the program ended with {status}:\n{text}");
            }
            assert!(Instant::now() < deadline, "not ready:\n{text}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// A sender that knows the secrets.
    pub fn sender(&self) -> Sender {
        Sender::to(self.ingest)
    }

    /// What its console shows.
    pub fn console(&self) -> Console {
        Console::at(self.console)
    }

    /// The most memory that the process ever held, in bytes; `None` where there is no `/proc`.
    pub fn peak_memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM; waits for the end and gives the exit code.
    pub fn terminate(mut self) -> Option<i32> {
        let killed = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(killed.success());
        let deadline = Instant::now() + GONE_WITHIN;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "told to end, and still there after {GONE_WITHIN:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
