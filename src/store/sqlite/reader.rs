//! Reading a data directory from outside: while a server runs on it, after it was killed, or from
//! a copy on a read-only disk. Makes and changes no file in the directory.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    time::SystemTime,
};

use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use super::{
    FILE,
    fault::{damaged, fault, io_fault},
    load::SqliteView,
    open::is_database,
    schema,
};
use crate::store::{StoreError, view::View};

/// A database opened for reading, as it was at one instant.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    connection: SqliteConnection,
    /// What the files were like when they were opened without SQLite's own locks.
    unlocked: Option<[Stamp; 2]>,
    /// Where a copy lies, until it is not needed any more.
    _copy: Option<tempfile::TempDir>,
}

/// Size and time of change of a file; none where there is no file.
type Stamp = Option<(u64, Option<SystemTime>)>;

fn stamps(path: &Path) -> [Stamp; 2] {
    let stamp = |path: &Path| fs::metadata(path).ok().map(|metadata| (metadata.len(), metadata.modified().ok()));
    [stamp(path), stamp(&log_of(path))]
}

/// The write-ahead log beside a database.
fn log_of(path: &Path) -> PathBuf {
    path.with_file_name(format!("{FILE}-wal"))
}

pub(super) async fn open(dir: &Path) -> Result<Reader, StoreError> {
    let path = dir.join(FILE);
    match fs::metadata(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(StoreError::Missing { place: path.display().to_string() });
        }
        Err(error) => return Err(io_fault(&path, "opening the database", error)),
        Ok(metadata) if metadata.len() == 0 => return Err(damaged(&path, "it is empty")),
        Ok(_) => is_database(&path)?,
    }
    let served = is_served(dir);
    let stamps = stamps(&path);
    let options = SqliteConnectOptions::new().read_only(true);
    let (options, copy) = if served {
        // The server keeps the log's index, which a reader can share.
        (options.filename(&path), None)
    } else if stamps[1].is_some_and(|(size, _)| size > 0) {
        // It was killed and left a log. Reading it means to recover it, which is done on a copy.
        let copy = copied(&path).map_err(|error| io_fault(&path, "copying the database to read it", error))?;
        (SqliteConnectOptions::new().filename(copy.path().join(FILE)), Some(copy))
    } else {
        (options.filename(&path).immutable(true), None)
    };
    let connection = SqliteConnection::connect_with(&options).await;
    let mut connection = connection.map_err(|error| fault(&path, "opening the database", error))?;
    schema::check(&mut connection, &path).await?;
    sqlx::query("BEGIN").execute(&mut connection).await.map_err(|error| fault(&path, "opening the database", error))?;
    Ok(Reader { path, connection, unlocked: (!served).then_some(stamps), _copy: copy })
}

/// Whether a process serves the directory.
fn is_served(dir: &Path) -> bool {
    let Ok(lock) = File::open(dir.join("lock")) else { return false };
    matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock))
}

fn copied(path: &Path) -> std::io::Result<tempfile::TempDir> {
    let copy = tempfile::tempdir()?;
    fs::copy(path, copy.path().join(FILE))?;
    fs::copy(log_of(path), log_of(&copy.path().join(FILE)))?;
    Ok(copy)
}

impl Reader {
    /// Whether a server began to write while this read what it thought was at rest: what was read
    /// is then worth nothing, and is to be read again.
    #[must_use]
    pub fn was_disturbed(&self) -> bool {
        self.unlocked.is_some_and(|before| before != stamps(&self.path))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it reads.
    pub(in crate::store) fn view(&mut self) -> impl View {
        SqliteView { connection: &mut self.connection, path: &self.path }
    }
}
