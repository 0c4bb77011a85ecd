//! Opening: the directory, its lock, the file and what is checked of it before anything else.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::Read as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
    time::Duration,
};

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use tokio::sync::Mutex;

use super::{
    FILE, Sqlite, Writing,
    commit::Writer,
    fault::{damaged, io_fault},
    reserve::Reserve,
};
use crate::store::StoreError;

/// How much a commit survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// A crash and a power cut: every commit is synced to the disk before it is answered.
    Full,
    /// A crash of the process, not one of the machine. For data that can be made again, as that of tests.
    Relaxed,
}

/// Connections that read.
const READERS: u32 = 4;
/// How long a connection waits for another before it gives up.
const BUSY: Duration = Duration::from_secs(5);
/// The write-ahead log is cut back to this many bytes after it had grown.
const LOG_MAX: &str = "16777216";

pub(super) async fn open(dir: &Path, durability: Durability) -> Result<Sqlite, StoreError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|error| io_fault(dir, "making the data directory", error))?;
    let lock = lock(dir).await?;
    let path = dir.join(FILE);
    let reserve = Reserve::new(dir, durability == Durability::Full);
    file(dir, &path, &reserve)?;
    let mut connected = Writer::connect(&path, durability).await;
    if matches!(connected, Err(StoreError::Full { .. })) && reserve.release()? {
        connected = Writer::connect(&path, durability).await;
    }
    let mut writer = connected?;
    writer.check(&path).await?;
    reserve.make()?;
    if reserve.is_given_up() {
        writer.save_room(&path).await?;
    }
    // Made when first asked: a read-only connection of its own each.
    let readers = SqlitePoolOptions::new()
        .max_connections(READERS)
        .connect_lazy_with(SqliteConnectOptions::new().filename(&path).read_only(true).busy_timeout(BUSY));
    Ok(Sqlite { path, durability, writer: Mutex::new(Writing::Open { writer, lock }), readers, reserve })
}

/// Options of the connection that writes.
pub(super) fn writing(path: &Path, durability: Durability) -> SqliteConnectOptions {
    let synchronous = match durability {
        Durability::Full => SqliteSynchronous::Full,
        Durability::Relaxed => SqliteSynchronous::Off,
    };
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .foreign_keys(true)
        .busy_timeout(BUSY)
        .pragma("journal_size_limit", LOG_MAX)
}

/// Takes the directory for this process, until the file is dropped.
async fn lock(dir: &Path) -> Result<File, StoreError> {
    let path = dir.join("lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(|error| io_fault(&path, "opening the lock", error))?;
    let mut tries = 0;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            // A reader looks for an instant whether somebody holds it; a server holds on.
            Err(TryLockError::WouldBlock) if tries < 10 => {
                tries += 1;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(TryLockError::WouldBlock) => return Err(StoreError::Locked { place: dir.display().to_string() }),
            Err(TryLockError::Error(error)) => return Err(io_fault(&path, "taking the lock", error)),
        }
    }
}

/// Makes the file where there is none, and refuses one that cannot be a database of ours, or that
/// is gone from a directory that was in use: an empty one must not pass for an old one.
fn file(dir: &Path, path: &Path, reserve: &Reserve) -> Result<(), StoreError> {
    let doing = "opening the database";
    let failed = |error| io_fault(path, doing, error);
    let empty = match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => return Err(damaged(path, "it is a directory")),
        Ok(metadata) => metadata.len() == 0,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
        Err(error) => return Err(failed(error)),
    };
    if empty && reserve.is_there() {
        return Err(damaged(
            path,
            "it is missing or empty, and the directory was in use: to begin anew, use an empty directory",
        ));
    }
    if empty {
        OpenOptions::new().create(true).append(true).mode(0o600).open(path).map_err(failed)?;
        return File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed);
    }
    is_database(path)
}

/// Looks at the first bytes.
pub(super) fn is_database(path: &Path) -> Result<(), StoreError> {
    let mut head = [0; 16];
    let mut file = File::open(path).map_err(|error| io_fault(path, "opening the database", error))?;
    match file.read_exact(&mut head) {
        Ok(()) if head == *b"SQLite format 3\0" => Ok(()),
        Ok(()) => Err(damaged(path, "it is not a SQLite database")),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Err(damaged(path, "it is not a SQLite database, or was cut short"))
        }
        Err(error) => Err(io_fault(path, "opening the database", error)),
    }
}
