//! PostgreSQL: a database of a server, one connection that writes, a few that read.
//!
//! One process writes: it holds an advisory lock of the database on the connection that writes. A connection can be
//! lost, and the lock with it, so that this alone would not do: the database also names who writes to it and how
//! many commits there were, and a commit that does not find both as it left them is refused. What was in the memory
//! of a process that was cut off and replaced is never written over what its successor wrote.
//!
//! A commit whose answer was lost is not guessed at: the connection is made anew, and the number of commits says
//! what became of it.

mod address;
mod bulk;
mod commit;
mod fault;
mod open;
mod reader;
mod schema;
mod view;

use std::{fmt, time::Duration};

use chrono::{DateTime, Utc};
use sqlx::{Connection as _, PgPool};
use tokio::{sync::Mutex, time::Instant};

pub use self::{
    address::{Address, AddressError},
    reader::Reader,
};
use self::{
    commit::{Fault, Writer},
    open::Known,
    view::answer,
};
use super::{AuditFilter, Loaded, Store, StoreError, StoredEntry, Write, append::integer, query};
use crate::domain::{Digest, hex};

/// How long it is tried to find out what became of a commit whose answer was lost.
const FINDING_OUT: Duration = Duration::from_secs(15);
/// How often.
const FIND_OUT_EVERY: Duration = Duration::from_millis(250);

/// A store in a PostgreSQL database that this process alone writes to.
pub struct Postgres {
    address: Address,
    /// What this process is called in the database.
    owner: String,
    writer: Mutex<Writing>,
    readers: PgPool,
}

/// The one that writes.
#[derive(Debug)]
enum Writing {
    /// Ready.
    Open(Writer),
    /// A commit failed or was given up half way, and its connection with it. The next commit makes another, and goes
    /// on when nobody else wrote; loading does so whoever wrote, as it reads what they did.
    Again(Known),
    /// Closed.
    Closed,
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Postgres {
    /// Opens a database, making its tables where there are none.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another process has it, [`StoreError::Unreachable`], [`StoreError::Forbidden`]
    /// and [`StoreError::Unfit`] when nothing can be kept there, [`StoreError::Damaged`] and [`StoreError::TooNew`]
    /// when it is not what it should be.
    pub async fn open(address: &Address) -> Result<Self, StoreError> {
        let mut name = [0; 16];
        getrandom::fill(&mut name).map_err(|error| StoreError::Failed {
            place: address.place().to_owned(),
            doing: "opening the database",
            source: Box::new(std::io::Error::other(error)),
        })?;
        let owner = hex(&name);
        let writer = open::writer(address, &owner, None).await?;
        let readers = open::readers(address);
        Ok(Self { address: address.clone(), owner, writer: Mutex::new(Writing::Open(writer)), readers })
    }

    /// Opens a database for reading, whether a server runs on it or not. Changes nothing there.
    ///
    /// # Errors
    /// As [`open`](Self::open), and [`StoreError::Unfit`] when there is nothing of Rolldeck in it.
    pub async fn open_read_only(address: &Address) -> Result<Reader, StoreError> {
        reader::open(address).await
    }

    fn place(&self) -> &str {
        self.address.place()
    }

    async fn connect(&self, known: Option<Known>) -> Result<Writer, StoreError> {
        open::writer(&self.address, &self.owner, known).await
    }

    /// Connects anew after the answer to a commit was lost with `lost`; the writer knows what became of it.
    async fn find_out(&self, known: Known, lost: &StoreError) -> Result<Writer, StoreError> {
        let deadline = Instant::now() + FINDING_OUT;
        loop {
            match self.connect(Some(known)).await {
                Ok(writer) => return Ok(writer),
                Err(error) if matches!(error, StoreError::Replaced { .. }) || Instant::now() >= deadline => {
                    let detail = format!("{lost}, and then {error}");
                    return Err(StoreError::Unconfirmed { place: self.place().to_owned(), detail });
                }
                Err(_) => tokio::time::sleep(FIND_OUT_EVERY).await,
            }
        }
    }

    fn closed(&self, doing: &'static str) -> StoreError {
        StoreError::Failed { place: self.place().to_owned(), doing, source: "it is closed".into() }
    }
}

#[async_trait::async_trait]
impl Store for Postgres {
    async fn load(&self) -> Result<Loaded, StoreError> {
        {
            let mut writing = self.writer.lock().await;
            match *writing {
                Writing::Open(_) => {}
                // What is read is what will be decided on: nobody else may write from here on.
                Writing::Again(_) => *writing = Writing::Open(self.connect(None).await?),
                Writing::Closed => return Err(self.closed("reading from a closed store")),
            }
        }
        view::load(&self.readers, self.place()).await
    }

    async fn commit(&self, batch: &[Write]) -> Result<(), StoreError> {
        if batch.is_empty() {
            return Ok(());
        }
        let mut writing = self.writer.lock().await;
        // What is taken out here is only put back whole: whoever gives up waiting for this commit
        // leaves `Again` behind.
        let mut writer = match std::mem::replace(&mut *writing, Writing::Closed) {
            Writing::Open(writer) => {
                *writing = Writing::Again(writer.known());
                writer
            }
            Writing::Again(known) => {
                *writing = Writing::Again(known);
                let writer = self.connect(Some(known)).await?;
                *writing = Writing::Again(writer.known());
                writer
            }
            Writing::Closed => return Err(self.closed("writing to a closed store")),
        };
        let known = writer.known();
        // What is known not to be there may be tried once more: nobody else wrote, or that would be refused.
        let mut first = true;
        loop {
            match writer.commit(self.place(), &self.owner, batch).await {
                Ok(()) => {
                    *writing = Writing::Open(writer);
                    return Ok(());
                }
                Err(Fault::Refused(error)) => {
                    *writing = Writing::Open(writer);
                    return Err(error);
                }
                // A server that was restarted while nothing was written cut the connection: nobody needs to know.
                // What is left of the connection goes first, as it may still have the lock.
                Err(Fault::Lost(_)) if std::mem::take(&mut first) => {
                    drop(writer);
                    writer = self.connect(Some(known)).await?;
                }
                Err(Fault::Lost(error) | Fault::Failed(error)) => return Err(error),
                Err(Fault::Unknown(error)) => {
                    drop(writer);
                    writer = self.find_out(known, &error).await?;
                    let made = writer.is_past(known);
                    if made || !std::mem::take(&mut first) {
                        *writing = Writing::Open(writer);
                        return if made { Ok(()) } else { Err(error) };
                    }
                }
            }
        }
    }

    async fn meta(&self, key: &str) -> Result<Option<String>, StoreError> {
        let value = sqlx::query_scalar(query::META).bind(key.to_owned()).fetch_optional(&self.readers);
        answer(self.place(), "reading the database", value).await
    }

    async fn audit(&self, filter: &AuditFilter) -> Result<Vec<StoredEntry>, StoreError> {
        let mut asked = query::audit::<sqlx::Postgres>(filter);
        let rows = asked.build_query_as().fetch_all(&self.readers);
        Ok(query::ascending(answer(self.place(), "reading the audit trail", rows).await?, filter))
    }

    async fn audit_before(&self, at: DateTime<Utc>) -> Result<(u64, u64), StoreError> {
        let row = sqlx::query_as(query::AUDIT_BEFORE).bind(at.timestamp_micros()).fetch_one(&self.readers);
        answer(self.place(), "reading the audit trail", row).await.map(query::before)
    }

    async fn checkpoints(&self, after: u64) -> Result<Vec<String>, StoreError> {
        let notes = sqlx::query_scalar(query::CHECKPOINTS_AFTER).bind(integer(after)).fetch_all(&self.readers);
        answer(self.place(), "reading the checkpoints", notes).await
    }

    async fn artifact(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        let bytes = sqlx::query_scalar(query::ARTIFACT).bind(digest.as_str().to_owned()).fetch_optional(&self.readers);
        answer(self.place(), "reading an artifact", bytes).await
    }

    /// The disk is the server's: there is nothing here to give up.
    async fn release_reserve(&self) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn close(&self) {
        let mut writing = self.writer.lock().await;
        self.readers.close().await;
        // The lock goes last: until then nobody else may write.
        if let Writing::Open(writer) = std::mem::replace(&mut *writing, Writing::Closed)
            && let Err(error) = writer.into_connection().close().await
        {
            tracing::warn!(%error, "the connection was not closed cleanly; nothing committed is lost");
        }
    }
}
