//! How far an import got: a small file, written after each commit and deleted when
//! all is done. It holds the scope, the fixed beginning and a cursor for each listing; nothing secret.
//! Deliveries that are committed but not yet noted here are recognised by their identity, so an
//! interruption at any point neither doubles nor skips anything.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::ImportError;
use crate::work::time::Time;

/// What the file holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    /// What is imported, in words that are the same each time: the source, its address, the
    /// projects, the store, and since when as it was asked for.
    scope: String,
    /// Since when, in microseconds since the epoch. "180d" is resolved once, so that a resumed
    /// import means the same.
    since: Time,
    /// Cursors by listing, as the source writes them.
    reached: BTreeMap<String, String>,
}

/// How far an import got.
#[derive(Debug)]
pub struct Progress {
    path: PathBuf,
    state: State,
    resumed: bool,
    _lock: Lock,
}

/// Held as long as an import runs, so that no other one forgets meanwhile what it remembers. It lies
/// beside the file, which is another one after each write, and goes with whoever holds it.
#[derive(Debug)]
struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    fn take(progress: &Path) -> Result<Self, ImportError> {
        let mut path = progress.as_os_str().to_owned();
        path.push(".lock");
        let path = PathBuf::from(path);
        loop {
            let open = File::options().create(true).truncate(false).write(true).open(&path);
            let file = open.map_err(|error| failed(progress, error))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(ImportError::UnderWay { path }),
                Err(TryLockError::Error(error)) => return Err(failed(progress, error)),
            }
            // Whoever held it may have removed it between the opening and the locking.
            let ours = file.metadata().map_err(|error| failed(progress, error))?;
            match std::fs::metadata(&path) {
                Ok(there) if (there.dev(), there.ino()) == (ours.dev(), ours.ino()) => {
                    return Ok(Self { path, _file: file });
                }
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(progress, error)),
                _ => {}
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // One that stays is as good: nobody holds it.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Progress {
    /// Where the progress of `scope` is kept if nobody says otherwise: the user's state folder
    /// (`$XDG_STATE_HOME`, else `~/.local/state`), else the working directory.
    pub fn usual_path(scope: &str) -> PathBuf {
        let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let state = folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state")));
        let folder = state.map(|state| state.join("valuestream")).unwrap_or_default();
        folder.join(format!("import-{}.json", &hex::encode(Sha256::digest(scope))[..16]))
    }

    /// Goes on from what `path` holds, or begins anew if there is nothing.
    pub fn open(path: &Path, scope: &str, since: Time) -> Result<Self, ImportError> {
        if path.metadata().is_ok_and(|there| !there.is_file()) {
            return Err(failed(path, "is something else than a file"));
        }
        std::fs::create_dir_all(folder(path)).map_err(|error| failed(path, error))?;
        let lock = Lock::take(path)?;
        let fresh = || State { scope: scope.to_owned(), since, reached: BTreeMap::new() };
        let (state, resumed) = match std::fs::read(path) {
            Ok(bytes) => {
                let state: State = serde_json::from_slice(&bytes)
                    .map_err(|error| failed(path, format!("cannot be read ({error}): delete it")))?;
                if state.scope != scope {
                    return Err(failed(path, format!("is that of another import ({})", state.scope)));
                }
                (state, true)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => (fresh(), false),
            Err(error) => return Err(failed(path, error)),
        };
        let progress = Self { path: path.to_owned(), state, resumed, _lock: lock };
        // Found out now rather than after the first hundred requests.
        progress.write()?;
        Ok(progress)
    }

    /// Whether it goes on from an interrupted run.
    pub fn resumed(&self) -> bool {
        self.resumed
    }

    /// Forgets how far it got: what was committed is no longer there.
    pub fn begin_anew(&mut self) -> Result<(), ImportError> {
        self.state.reached.clear();
        self.resumed = false;
        self.write()
    }

    /// Since when history is wanted.
    pub fn since(&self) -> Time {
        self.state.since
    }

    /// How far a listing was committed.
    pub fn cursor(&self, listing: &str) -> Option<&str> {
        self.state.reached.get(listing).map(String::as_str)
    }

    /// Remembers how far a listing is committed.
    pub fn reached(&mut self, listing: &str, cursor: &str) -> Result<(), ImportError> {
        self.state.reached.insert(listing.to_owned(), cursor.to_owned());
        self.write()
    }

    /// All is done: the next run begins anew.
    pub fn finish(self) -> Result<(), ImportError> {
        std::fs::remove_file(&self.path).map_err(|error| failed(&self.path, error))
    }

    /// Whole or not at all, whatever happens meanwhile.
    fn write(&self) -> Result<(), ImportError> {
        let folder = folder(&self.path);
        let written = || -> std::io::Result<()> {
            std::fs::create_dir_all(folder)?;
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            serde_json::to_writer(&mut file, &self.state)?;
            file.flush()?;
            file.persist(&self.path)?;
            Ok(())
        };
        written().map_err(|error| failed(&self.path, error))
    }
}

/// Where a file is.
fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn failed(path: &Path, reason: impl ToString) -> ImportError {
    ImportError::Progress { path: path.to_owned(), reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Time {
        Time::parse(text).unwrap()
    }

    #[test]
    fn an_interrupted_import_goes_on_where_it_stopped_and_a_finished_one_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/progress.json");
        let (first, second) = (at("2026-01-01T00:00:00Z"), at("2026-01-02T00:00:00Z"));
        let mut progress = Progress::open(&path, "acme since 180d", first).unwrap();
        assert!(!progress.resumed());
        progress.reached("acme/api issues", "2026-03-01T00:00:00Z").unwrap();
        drop(progress);

        let progress = Progress::open(&path, "acme since 180d", second).unwrap();
        assert!(progress.resumed());
        assert_eq!(progress.since(), first, "the beginning does not slide");
        assert_eq!(progress.cursor("acme/api issues"), Some("2026-03-01T00:00:00Z"));
        assert_eq!(progress.cursor("acme/api runs"), None);
        progress.finish().unwrap();
        assert_eq!(Progress::open(&path, "acme since 180d", second).unwrap().since(), second);
    }

    #[test]
    fn the_progress_of_another_import_is_not_taken_for_ones_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("progress.json");
        let since = at("2026-01-01T00:00:00Z");
        Progress::open(&path, "acme", since).unwrap();
        let error = Progress::open(&path, "other", since).unwrap_err().to_string();
        assert!(error.contains("another import (acme)") && error.contains("--progress"), "{error}");
        std::fs::write(&path, "{").unwrap();
        assert!(Progress::open(&path, "acme", since).unwrap_err().to_string().contains("delete it"));
        assert_ne!(Progress::usual_path("acme"), Progress::usual_path("other"));
        let error = Progress::open(folder.path(), "acme", since).unwrap_err().to_string();
        assert!(error.contains("something else than a file") && error.contains("--progress"), "{error}");
    }

    #[test]
    fn of_two_imports_of_the_same_the_second_waits_for_its_turn() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("progress.json");
        let since = at("2026-01-01T00:00:00Z");
        let mut first = Progress::open(&path, "acme", since).unwrap();
        first.reached("acme/api issues", "2026-03-01T00:00:00Z").unwrap();
        let error = Progress::open(&path, "acme", since).unwrap_err().to_string();
        assert!(error.contains("under way") && error.contains("wait until"), "{error}");
        Progress::open(&folder.path().join("another.json"), "acme", since).unwrap();
        drop(first);
        // Nor does a lock that was left behind stand in the way.
        std::fs::write(folder.path().join("progress.json.lock"), "").unwrap();
        let second = Progress::open(&path, "acme", since).unwrap();
        assert_eq!(second.cursor("acme/api issues"), Some("2026-03-01T00:00:00Z"));
        second.finish().unwrap();
        let left: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
        assert_eq!(left, ["another.json"]);
    }
}
