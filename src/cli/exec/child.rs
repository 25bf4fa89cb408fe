//! The command itself: it has this process's terminal, gets the signals that this one gets, and how
//! it ended is told the way shells tell it.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::{Pid, Signal};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::work::event::Outcome;

/// The signals that are passed on.
const PASSED_ON: [(SignalKind, Signal); 4] = [
    (SignalKind::hangup(), Signal::HUP),
    (SignalKind::interrupt(), Signal::INT),
    (SignalKind::quit(), Signal::QUIT),
    (SignalKind::terminate(), Signal::TERM),
];

/// What comes so soon after the command's end may be what ended it.
const SAME: Duration = Duration::from_millis(300);

/// The signals that this process gets.
pub(super) struct Signals {
    received: mpsc::UnboundedReceiver<Signal>,
    passed_on: bool,
}

impl Signals {
    /// From now on signals do not end this process.
    pub fn listen() -> io::Result<Self> {
        let ignored = ignored();
        let (sender, received) = mpsc::unbounded_channel();
        for (kind, number) in PASSED_ON {
            // What was to be ignored from the start, as with nohup, stays ignored, by the command too.
            if ignored & (1 << (number.as_raw() - 1)) != 0 {
                continue;
            }
            let mut stream = signal(kind)?;
            let sender = sender.clone();
            tokio::spawn(
                async move { while stream.recv().await.is_some() && sender.send(number).is_ok() {} },
            );
        }
        Ok(Self { received, passed_on: false })
    }

    /// Whether one came and was passed on.
    pub fn passed_on(&self) -> bool {
        self.passed_on
    }

    /// Waits for one that comes after the command's end. What a key on the terminal sends, comes to both,
    /// and can be noticed here after the command has ended of it.
    pub async fn further(&mut self) {
        tokio::time::sleep(SAME).await;
        while self.received.try_recv().is_ok() {}
        if self.received.recv().await.is_none() {
            std::future::pending().await
        }
    }
}

/// The signals that this process ignores, as bits from the lowest. Linux tells; elsewhere none.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}

/// Whether a key on the terminal sends its signal to this process's group, and so to the command, too.
fn in_foreground() -> bool {
    let Ok(terminal) = std::fs::File::open("/dev/tty") else { return false };
    rustix::termios::tcgetpgrp(&terminal).is_ok_and(|group| group == rustix::process::getpgrp())
}

pub(super) fn command(words: &[OsString]) -> Command {
    let mut words = words.iter();
    let mut command = Command::new(words.next().map(OsString::as_os_str).unwrap_or_default());
    command.args(words);
    command
}

/// Starts it; the error is how it ended already.
pub(super) fn spawn(command: &mut Command) -> Result<Running, Ending> {
    let name = command.as_std().get_program().to_string_lossy().into_owned();
    match command.spawn() {
        Ok(child) => Ok(Running(child)),
        Err(error) => Err(Ending::NotRun { name, error }),
    }
}

/// A command that runs.
pub(super) struct Running(Child);

impl Running {
    /// Waits for its end, passing signals on meanwhile. May be cancelled and called again.
    pub async fn wait(&mut self, signals: &mut Signals) -> Ending {
        loop {
            tokio::select! {
                ended = self.0.wait() => return match ended {
                    Ok(status) => Ending::Ended(status),
                    Err(error) => Ending::Lost(error),
                },
                Some(signal) = signals.received.recv() => {
                    signals.passed_on = true;
                    // A second one means more to some programs than the first.
                    if !(matches!(signal, Signal::INT | Signal::QUIT) && in_foreground()) {
                        self.send(signal);
                    }
                }
            }
        }
    }

    fn send(&self, signal: Signal) {
        // Without an id it has ended and been waited for.
        let pid = self.0.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        if let Some(pid) = pid {
            // It can have ended just now.
            let _ = rustix::process::kill_process(pid, signal);
        }
    }
}

/// Whether a signal ended it that asks programs to stop, rather than one that says that it broke.
fn stopped(status: ExitStatus) -> bool {
    PASSED_ON.iter().any(|(_, signal)| status.signal() == Some(signal.as_raw()))
}

/// How it ended.
#[derive(Debug)]
pub(super) enum Ending {
    /// It ran.
    Ended(ExitStatus),
    /// It could not be run.
    NotRun {
        /// The command.
        name: String,
        /// Why not.
        error: io::Error,
    },
    /// It ran, and the system does not tell how it ended.
    Lost(io::Error),
}

impl Ending {
    /// The exit code that a shell would have of it.
    pub fn code(&self) -> u8 {
        match self {
            Ending::Ended(status) => {
                let code = status.code().or_else(|| Some(128 + status.signal()?)).unwrap_or(255);
                u8::try_from(code).unwrap_or(255)
            }
            Ending::NotRun { error, .. } if error.kind() == io::ErrorKind::NotFound => 127,
            Ending::NotRun { .. } => 126,
            Ending::Lost(_) => 255,
        }
    }

    /// How that is called of a work item.
    pub fn outcome(&self, told_to_stop: bool) -> Outcome {
        match self {
            Ending::Ended(status) if status.success() => Outcome::Success,
            Ending::Ended(status) if told_to_stop || stopped(*status) => Outcome::Cancellation,
            Ending::Ended(_) => Outcome::Failure,
            Ending::NotRun { .. } | Ending::Lost(_) => Outcome::Error,
        }
    }

    /// What went wrong, in a few words.
    pub fn error(&self) -> Option<String> {
        match self {
            Ending::Ended(status) => match (status.code(), status.signal()) {
                (Some(0), _) => None,
                (Some(code), _) => Some(format!("exit code {code}")),
                (None, Some(signal)) => Some(format!("killed by signal {signal}")),
                (None, None) => Some("ended in an unknown way".to_owned()),
            },
            Ending::NotRun { .. } | Ending::Lost(_) => self.problem(),
        }
    }

    /// What the command itself cannot have told of.
    pub fn problem(&self) -> Option<String> {
        match self {
            Ending::Ended(_) => None,
            Ending::NotRun { name, error } => Some(format!("{name}: cannot be run: {error}")),
            Ending::Lost(error) => Some(format!("cannot tell how the command ended: {error}")),
        }
    }
}
