//! Reading a data directory from outside: while a server runs on it, after it was killed, or from
//! a copy on a read-only disk. Makes and changes no file in the directory.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    time::SystemTime,
};

use futures_util::TryStreamExt as _;
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use super::{
    FILE,
    fault::{damaged, fault, io_fault},
    open::is_database,
    query, schema,
};
use crate::{
    audit::CompactRange,
    store::{StoreError, StoredEntry},
};

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

    /// What [`Write::Meta`](crate::store::Write::Meta) kept under a key.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub async fn meta(&mut self, key: &str) -> Result<Option<String>, StoreError> {
        sqlx::query_scalar("SELECT value FROM meta WHERE key = $1")
            .bind(key.to_owned())
            .fetch_optional(&mut self.connection)
            .await
            .map_err(|error| fault(&self.path, "reading the database", error))
    }

    /// The compact range of the tree; none when it is missing or malformed.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub async fn range(&mut self) -> Result<Option<CompactRange>, StoreError> {
        let row: Option<(i64, Vec<u8>)> = sqlx::query_as("SELECT size, hashes FROM audit_range WHERE id = 1")
            .fetch_optional(&mut self.connection)
            .await
            .map_err(|error| fault(&self.path, "reading the tree of the audit trail", error))?;
        Ok(row.and_then(|(size, hashes)| CompactRange::from_bytes(u64::try_from(size).ok()?, &hashes).ok()))
    }

    /// Shows every entry in order.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read.
    pub async fn entries(&mut self, mut each: impl FnMut(&StoredEntry)) -> Result<(), StoreError> {
        let mut rows = sqlx::query_as::<_, query::Row>(
            "SELECT seq, bytes, leaf, at, actor, action, rollout FROM audit ORDER BY seq",
        )
        .fetch(&mut self.connection);
        let failed = |error| fault(&self.path, "reading the audit trail", error);
        while let Some(row) = rows.try_next().await.map_err(failed)? {
            each(&query::entry(row));
        }
        Ok(())
    }

    /// All checkpoints, ascending by size.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be read.
    pub async fn checkpoints(&mut self) -> Result<Vec<String>, StoreError> {
        sqlx::query_scalar("SELECT note FROM checkpoints ORDER BY size")
            .fetch_all(&mut self.connection)
            .await
            .map_err(|error| fault(&self.path, "reading the checkpoints", error))
    }
}
