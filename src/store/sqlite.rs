//! SQLite: one file in a data directory, one connection that writes, a few that read.
//!
//! ```text
//! <data>/rolldeck.db      the database (WAL), mode 0600
//! <data>/lock             held by the process that serves it
//! <data>/reserve          room that is given up when the disk is full
//! <data>/audit.key        the seed of the signing key, see `store::key`
//! ```

mod commit;
mod fault;
mod load;
mod open;
mod query;
mod reader;
mod reserve;
mod schema;

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use sqlx::{Connection as _, SqlitePool};
use tokio::sync::Mutex;

use self::{commit::Writer, reserve::Reserve};
pub use self::{open::Durability, reader::Reader};
use super::{AuditFilter, Loaded, Store, StoreError, StoredEntry, Write};
use crate::domain::Digest;

/// The database's name in the data directory.
pub const FILE: &str = "rolldeck.db";

/// A store in a SQLite database that this process alone writes to.
#[derive(Debug)]
pub struct Sqlite {
    path: PathBuf,
    durability: Durability,
    writer: Mutex<Writing>,
    readers: SqlitePool,
    reserve: Reserve,
}

/// The one that writes.
#[derive(Debug)]
enum Writing {
    /// Ready.
    Open { writer: Writer, lock: File },
    /// A commit failed or was given up half way. Its connection is dropped with all that it had
    /// begun, and the next commit opens another and reads again how far the trail goes.
    Again { lock: File },
    /// Closed.
    Closed,
}

impl Sqlite {
    /// Opens the database of a data directory, making both where there is nothing.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another process has it, [`StoreError::Damaged`] and
    /// [`StoreError::TooNew`] when it is not what it should be, [`StoreError::Full`] and
    /// [`StoreError::Failed`] when it cannot be made.
    pub async fn open(dir: &Path, durability: Durability) -> Result<Self, StoreError> {
        open::open(dir, durability).await
    }

    /// Opens the database of a data directory for reading, whether a server runs on it or not.
    /// Makes and changes no file there.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is none, otherwise as [`open`](Self::open).
    pub async fn open_read_only(dir: &Path) -> Result<Reader, StoreError> {
        reader::open(dir).await
    }
}

#[async_trait::async_trait]
impl Store for Sqlite {
    async fn load(&self) -> Result<Loaded, StoreError> {
        load::load(&self.readers, &self.path).await
    }

    async fn commit(&self, batch: &[Write]) -> Result<(), StoreError> {
        if batch.is_empty() {
            return Ok(());
        }
        let mut writing = self.writer.lock().await;
        // What is taken out here is only put back whole: whoever gives up waiting for this commit
        // leaves `Again` behind.
        let (mut writer, lock) = match std::mem::replace(&mut *writing, Writing::Closed) {
            Writing::Open { writer, lock } => (writer, lock),
            Writing::Again { lock } => {
                let lock_kept = lock.try_clone();
                *writing = Writing::Again { lock };
                let lock = lock_kept.map_err(|e| StoreError::failed(&self.path, "keeping the lock", e))?;
                let mut writer = Writer::connect(&self.path, self.durability).await?;
                if self.reserve.is_given_up() {
                    writer.save_room(&self.path).await?;
                }
                (writer, lock)
            }
            Writing::Closed => return Err(StoreError::failed(&self.path, "writing to a closed store", "it is closed")),
        };
        *writing = Writing::Again { lock };
        let result = writer.commit(&self.path, batch).await;
        // A batch that was refused before anything was begun leaves the connection as it was.
        if !writer.spoilt()
            && let Writing::Again { lock } = std::mem::replace(&mut *writing, Writing::Closed)
        {
            *writing = Writing::Open { writer, lock };
        }
        if result.is_ok() {
            self.reserve.restore_now_and_then();
        }
        result
    }

    async fn meta(&self, key: &str) -> Result<Option<String>, StoreError> {
        query::meta(&self.readers, &self.path, key).await
    }

    async fn audit(&self, filter: &AuditFilter) -> Result<Vec<StoredEntry>, StoreError> {
        query::audit(&self.readers, &self.path, filter).await
    }

    async fn audit_before(&self, at: DateTime<Utc>) -> Result<(u64, u64), StoreError> {
        query::audit_before(&self.readers, &self.path, at).await
    }

    async fn checkpoints(&self, after: u64) -> Result<Vec<String>, StoreError> {
        query::checkpoints(&self.readers, &self.path, after).await
    }

    async fn artifact(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        query::artifact(&self.readers, &self.path, digest).await
    }

    async fn release_reserve(&self) -> Result<bool, StoreError> {
        self.reserve.release()
    }

    async fn close(&self) {
        let mut writing = self.writer.lock().await;
        self.readers.close().await;
        // The lock goes last: until then nobody else may open the file.
        if let Writing::Open { writer, lock } = std::mem::replace(&mut *writing, Writing::Closed) {
            if let Err(error) = writer.into_connection().close().await {
                tracing::warn!(%error, "the database was not closed cleanly; nothing committed is lost");
            }
            drop(lock);
        }
    }
}
