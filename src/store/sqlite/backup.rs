//! A copy of the store while a server runs on it. `VACUUM INTO` reads the store as it is at one moment,
//! within a read transaction: whoever writes does not wait for it, and what is written meanwhile is not in
//! the copy. It is preferred to SQLite's backup interface, which begins anew whenever somebody commits
//! unless it copies all at once, and takes the empty pages along that deleting leaves behind.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags};
use tokio_util::sync::CancellationToken;

use super::BUSY;
use crate::show::Show;

/// After how many steps of SQLite's own it says how far it is, and looks whether it is to stop.
const STEPS: i32 = 10_000;
/// What is shown of sizes: mebibytes.
const MIB: u64 = 1 << 20;

/// Why there is no copy. Nothing is left of it.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is a file already.
    #[error("{} is there already: name another file, or replace it with --force", .0.display())]
    Exists(PathBuf),
    /// The file named is the store.
    #[error("{} is the store itself: name another file", .0.display())]
    Itself(PathBuf),
    /// The store cannot be read.
    #[error("the store cannot be copied: {}", super::reason(.0))]
    Store(#[from] rusqlite::Error),
    /// The copy cannot be written.
    #[error("{}: {problem}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why not.
        problem: io::Error,
    },
    /// Somebody stopped it.
    #[error("stopped: there is no copy")]
    Stopped,
    /// The copy does not hold what it should.
    #[error("the copy is not sound and was thrown away: {0}: see `valuestream check-store`")]
    Unsound(String),
}

/// What was copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backup {
    /// The size of the copy.
    pub bytes: u64,
    /// How many items are in it.
    pub items: u64,
}

/// Copies the store at `store` to `target`: beside it at first, and there under its name only once it is
/// whole, checked and on disk. Nobody else can read it. `show` is told how far it is; once `stop` is
/// cancelled it leaves nothing behind.
pub fn backup(
    store: &Path,
    target: &Path,
    replace: bool,
    show: &Arc<dyn Show>,
    stop: &CancellationToken,
) -> Result<Backup, BackupError> {
    let copied = copy(store, target, replace, show, stop);
    // Whatever it was that broke off, it did so because it was told to.
    copied.map_err(|error| if stop.is_cancelled() { BackupError::Stopped } else { error })
}

fn copy(
    store: &Path,
    target: &Path,
    replace: bool,
    show: &Arc<dyn Show>,
    stop: &CancellationToken,
) -> Result<Backup, BackupError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |problem| BackupError::File { path, problem }
    };
    if let (Ok(store), Ok(there)) = (store.canonicalize(), target.canonicalize())
        && store == there
    {
        return Err(BackupError::Itself(target.to_owned()));
    }
    if !replace && target.symlink_metadata().is_ok() {
        return Err(BackupError::Exists(target.to_owned()));
    }
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // A folder of its own, which goes with whatever SQLite leaves beside the copy, as a journal on a full
    // disk. Of what is temporary nobody else can read anything.
    let place =
        tempfile::Builder::new().prefix(".valuestream-backup-").tempdir_in(folder).map_err(at(folder))?;
    let copy = tempfile::NamedTempFile::new_in(place.path()).map_err(at(place.path()))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(store, flags)?;
    connection.busy_timeout(BUSY)?;
    let name = copy
        .path()
        .to_str()
        .ok_or_else(|| at(folder)(io::Error::new(io::ErrorKind::InvalidInput, "the path has to be UTF-8")))?;
    let schema = super::schema(&connection)?;
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let bytes = (number("page_count")? - number("freelist_count")?) * number("page_size")?;
    show.begin("copying, MiB", Some(bytes.max(0).unsigned_abs() / MIB));
    let (seen, stopped, path) = (show.clone(), stop.clone(), copy.path().to_owned());
    connection.progress_handler(
        STEPS,
        Some(move || {
            seen.done(path.metadata().map_or(0, |copy| copy.len()) / MIB);
            stopped.is_cancelled()
        }),
    )?;
    connection.execute("VACUUM INTO ?1", [name])?;
    show.begin("reading the copy", None);
    let items = sound(copy.path(), schema, show, stop)?;
    if stop.is_cancelled() {
        return Err(BackupError::Stopped);
    }

    copy.as_file().sync_all().map_err(at(copy.path()))?;
    let bytes = copy.as_file().metadata().map_err(at(copy.path()))?.len();
    let kept = if replace { copy.persist(target) } else { copy.persist_noclobber(target) };
    kept.map_err(|failed| match failed.error.kind() {
        io::ErrorKind::AlreadyExists => BackupError::Exists(target.to_owned()),
        _ => at(target)(failed.error),
    })?;
    // The name is on disk once the folder is.
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(at(folder))?;
    Ok(Backup { bytes, items })
}

/// Whether the copy is whole; how many items are in it.
fn sound(
    copy: &Path,
    schema: i64,
    show: &Arc<dyn Show>,
    stop: &CancellationToken,
) -> Result<u64, BackupError> {
    let unsound = |error: rusqlite::Error| BackupError::Unsound(error.to_string());
    let mut connection =
        Connection::open_with_flags(copy, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(unsound)?;
    let (seen, stopped) = (show.clone(), stop.clone());
    let look = move || {
        seen.goes_on();
        stopped.is_cancelled()
    };
    connection.progress_handler(STEPS, Some(look)).map_err(unsound)?;
    let said: String =
        connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(unsound)?;
    if said != "ok" {
        return Err(BackupError::Unsound(said));
    }
    let copied = super::schema(&connection).map_err(unsound)?;
    if copied != schema {
        return Err(BackupError::Unsound(format!("it has schema {copied}, the store has {schema}")));
    }
    let items: i64 =
        connection.query_row("SELECT count(*) FROM items", [], |row| row.get(0)).map_err(unsound)?;
    Ok(items.unsigned_abs())
}
