//! Committing: one transaction a batch, which only the owner of the database gets through.

use std::time::Duration;

use sqlx::PgConnection;
use tokio::time::timeout;

use super::{
    bulk::{self, Step},
    fault::{fault, is_lost, silent},
    open::{ANSWERING, Known},
};
use crate::{
    audit::CompactRange,
    store::{
        StoreError, Write,
        append::{self, Refused, integer},
        query,
    },
};

/// Contents that expire in one statement.
const TOGETHER: usize = 1000;

/// The connection that writes, and the trail as it has become durable.
#[derive(Debug)]
pub(super) struct Writer {
    connection: PgConnection,
    range: CompactRange,
    /// How many commits there were.
    commits: i64,
}

/// Why a batch is not there, or may be.
#[derive(Debug)]
pub(super) enum Fault {
    /// It was refused before anything was begun: the connection is as it was.
    Refused(StoreError),
    /// The server said no, or cannot: nothing of it is there.
    Failed(StoreError),
    /// The connection was lost before the end was asked for: nothing of it is there.
    Lost(StoreError),
    /// The end was asked for, and the answer was lost.
    Unknown(StoreError),
}

/// What a transaction broke off with.
enum Broken {
    Sql(sqlx::Error),
    Refused(Refused),
    Silent,
    /// Somebody else writes.
    Replaced,
}

impl From<sqlx::Error> for Broken {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl Writer {
    pub(super) fn new(connection: PgConnection, range: CompactRange, commits: i64) -> Self {
        Self { connection, range, commits }
    }

    /// What it knows of the database.
    pub(super) fn known(&self) -> Known {
        Known { commits: self.commits }
    }

    /// Whether a commit that was tried when so much was known has been made.
    pub(super) fn is_past(&self, known: Known) -> bool {
        self.commits == known.commits + 1
    }

    pub(super) fn into_connection(self) -> PgConnection {
        self.connection
    }

    /// Makes the batch durable, as a whole or not at all. After any fault but [`Fault::Refused`] it must not be used
    /// again.
    pub(super) async fn commit(&mut self, place: &str, owner: &str, batch: &[Write]) -> Result<(), Fault> {
        let refused =
            |doing, refused: Refused| StoreError::Failed { place: place.to_owned(), doing, source: Box::new(refused) };
        let range = append::extended(&self.range, batch)
            .map_err(|error| Fault::Refused(refused("appending to the audit trail", error)))?;
        let steps = bulk::steps(batch).map_err(|error| Fault::Refused(refused("committing", error)))?;
        self.write(owner, steps, &range).await.map_err(|broken| match broken {
            Broken::Sql(error) if is_lost(&error) => Fault::Lost(fault(place, "committing", error)),
            Broken::Sql(error) => Fault::Failed(fault(place, "committing", error)),
            Broken::Refused(error) => Fault::Failed(refused("committing", error)),
            Broken::Silent => Fault::Lost(silent(place, "committing", ANSWERING)),
            Broken::Replaced => Fault::Failed(StoreError::Replaced { place: place.to_owned() }),
        })?;
        match within(ANSWERING, sqlx::raw_sql("COMMIT").execute(&mut self.connection)).await {
            Ok(_) => {}
            Err(Broken::Sql(error)) if !is_lost(&error) => {
                return Err(Fault::Failed(fault(place, "committing", error)));
            }
            Err(Broken::Sql(error)) => return Err(Fault::Unknown(fault(place, "committing", error))),
            Err(_) => return Err(Fault::Unknown(silent(place, "committing", ANSWERING))),
        }
        self.range = range;
        self.commits += 1;
        Ok(())
    }

    /// All of a transaction but its end.
    async fn write(&mut self, owner: &str, steps: Vec<Step<'_>>, range: &CompactRange) -> Result<(), Broken> {
        let connection = &mut self.connection;
        within(ANSWERING, sqlx::raw_sql("BEGIN").execute(&mut *connection)).await?;
        // The row is held until the end: whoever takes over waits for what becomes of this, and this finds out when
        // somebody has taken over.
        let fence = sqlx::query("UPDATE writer SET commits = commits + 1 WHERE id = 1 AND owner = $1 AND commits = $2")
            .bind(owner.to_owned())
            .bind(self.commits);
        if within(ANSWERING, fence.execute(&mut *connection)).await?.rows_affected() != 1 {
            return Err(Broken::Replaced);
        }
        for step in steps {
            match step {
                Step::Put(table, rows) => within(ANSWERING, bulk::put(connection, table, rows)).await?,
                Step::Forget(table, keys) => within(ANSWERING, bulk::forget(connection, table, keys)).await?,
                Step::Expire { through, reason } => expire(connection, through, reason).await?,
            }
        }
        if *range != self.range {
            let sql = "UPDATE audit_range SET size = $1, hashes = $2 WHERE id = 1 AND size = $3";
            let grown =
                sqlx::query(sql).bind(integer(range.size())).bind(range.to_bytes()).bind(integer(self.range.size()));
            if within(ANSWERING, grown.execute(&mut *connection)).await?.rows_affected() != 1 {
                return Err(Broken::Replaced);
            }
        }
        Ok(())
    }
}

/// An answer of the server, or that it did not come.
async fn within<T>(limit: Duration, answer: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, Broken> {
    match timeout(limit, answer).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Broken::Silent),
    }
}

/// Puts tombstones in place of the contents up to an entry. What they were stays in the server's files until it is
/// vacuumed, and in what was archived of its log.
async fn expire(connection: &mut PgConnection, through: u64, reason: &str) -> Result<(), Broken> {
    let old = sqlx::query_as(query::WITH_CONTENT).bind(integer(through)).fetch_all(&mut *connection);
    let mut old: Vec<(i64, Vec<u8>)> = within(ANSWERING, old).await?;
    while !old.is_empty() {
        let rest = old.split_off(old.len().min(TOGETHER));
        let (mut places, mut tombstones) = (Vec::new(), Vec::new());
        for (seq, leaf) in std::mem::replace(&mut old, rest) {
            if let Some(bytes) = append::tombstone(seq, leaf, reason).map_err(Broken::Refused)? {
                places.push(seq);
                tombstones.push(bytes);
            }
        }
        let expired = sqlx::query(
            "UPDATE audit SET bytes = expired.bytes, actor = '', action = 'expired', rollout = NULL \
             FROM unnest($1::int8[], $2::bytea[]) AS expired (seq, bytes) WHERE audit.seq = expired.seq",
        );
        within(ANSWERING, expired.bind(places).bind(tombstones).execute(&mut *connection)).await?;
    }
    Ok(())
}
