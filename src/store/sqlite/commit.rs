//! Committing: one transaction a batch, and how far the audit trail goes.

use std::path::Path;

use serde::Serialize;
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteQueryResult};

use super::{
    fault::{damaged, fault},
    open::{Durability, writing},
    schema,
};
use crate::{
    audit::{CompactRange, Tombstone, leaf_hash},
    store::{StoreError, StoredEntry, Write},
};

/// The connection that writes, and the trail as it has become durable.
#[derive(Debug)]
pub(super) struct Writer {
    connection: SqliteConnection,
    range: CompactRange,
    /// Whether something was begun that did not come to its end.
    spoilt: bool,
}

/// A batch that must not be written.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("audit entry {got} cannot follow entry {last}")]
    Gap { last: u64, got: u64 },
    #[error("audit entry {0} does not hash to its leaf")]
    Leaf(u64),
    #[error("a value cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

impl Writer {
    /// Connects to a file that is there, brings its schema up to date, and reads how far the trail goes.
    pub(super) async fn connect(path: &Path, durability: Durability) -> Result<Self, StoreError> {
        let failed = |error| fault(path, "opening the database", error);
        let mut connection = SqliteConnection::connect_with(&writing(path, durability)).await.map_err(failed)?;
        schema::check(&mut connection, path).await?;
        schema::migrate(&mut connection, path).await?;
        let range = range(&mut connection, path).await?;
        Ok(Self { connection, range, spoilt: false })
    }

    /// Reads the whole file once for damage inside.
    pub(super) async fn check(&mut self, path: &Path) -> Result<(), StoreError> {
        schema::quick_check(&mut self.connection, path).await
    }

    /// Keeps the write-ahead log short, so that little room lasts long: it is written back into
    /// the database after a tenth of the usual number of pages.
    pub(super) async fn save_room(&mut self, path: &Path) -> Result<(), StoreError> {
        let result = sqlx::query("PRAGMA wal_autocheckpoint = 100").execute(&mut self.connection).await;
        result.map(|_| ()).map_err(|error| fault(path, "saving room", error))
    }

    /// Whether it must not be used again.
    pub(super) fn spoilt(&self) -> bool {
        self.spoilt
    }

    pub(super) fn into_connection(self) -> SqliteConnection {
        self.connection
    }

    /// Makes the batch durable, as a whole or not at all.
    pub(super) async fn commit(&mut self, path: &Path, batch: &[Write]) -> Result<(), StoreError> {
        let range = self
            .extended(batch)
            .map_err(|refused| StoreError::failed(path, "appending to the audit trail", refused))?;
        self.spoilt = true;
        let result = self.write(batch, &range).await;
        result.map_err(|error| match error {
            Fault::Sql(error) => fault(path, "committing", error),
            Fault::Refused(refused) => StoreError::failed(path, "committing", refused),
        })?;
        self.spoilt = false;
        self.range = range;
        Ok(())
    }

    /// The compact range after the batch, if its entries follow one another and are what they say.
    fn extended(&self, batch: &[Write]) -> Result<CompactRange, Refused> {
        let mut range = self.range.clone();
        for write in batch {
            if let Write::Audit(entry) = write {
                if entry.seq != range.size() + 1 {
                    return Err(Refused::Gap { last: range.size(), got: entry.seq });
                }
                if leaf_hash(&entry.bytes) != entry.leaf {
                    return Err(Refused::Leaf(entry.seq));
                }
                range.append(entry.leaf);
            }
        }
        Ok(range)
    }

    async fn write(&mut self, batch: &[Write], range: &CompactRange) -> Result<(), Fault> {
        let connection = &mut self.connection;
        // Not the driver's transactions: after an error by which SQLite has already rolled back
        // they are not usable again. Here the whole connection is dropped instead.
        sqlx::query("BEGIN IMMEDIATE").execute(&mut *connection).await?;
        for write in batch {
            apply(connection, write).await?;
        }
        if *range != self.range {
            sqlx::query("UPDATE audit_range SET size = $1, hashes = $2 WHERE id = 1")
                .bind(integer(range.size()))
                .bind(range.to_bytes())
                .execute(&mut *connection)
                .await?;
        }
        sqlx::query("COMMIT").execute(&mut *connection).await?;
        Ok(())
    }
}

enum Fault {
    Sql(sqlx::Error),
    Refused(Refused),
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

async fn apply(connection: &mut SqliteConnection, write: &Write) -> Result<(), Fault> {
    match write {
        Write::Rollout(id, body) => put(connection, PUT_ROLLOUT, id.to_string(), body).await?,
        Write::Unit(id, body) => put(connection, PUT_UNIT, id.to_string(), body).await?,
        Write::Window(window) => put(connection, PUT_WINDOW, window.id.to_string(), window.as_ref()).await?,
        Write::ForgetWindow(id) => {
            sqlx::query("DELETE FROM windows WHERE id = $1").bind(id.to_string()).execute(connection).await?
        }
        Write::Record(kind, id, body) => {
            sqlx::query(
                "INSERT INTO records (kind, id, body) VALUES ($1, $2, $3) \
                 ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
            )
            .bind(kind.as_str())
            .bind(id.clone())
            .bind(json(body)?)
            .execute(connection)
            .await?
        }
        Write::ForgetRecord(kind, id) => {
            sqlx::query("DELETE FROM records WHERE kind = $1 AND id = $2")
                .bind(kind.as_str())
                .bind(id.clone())
                .execute(connection)
                .await?
        }
        Write::Snapshot(snapshot) => put(connection, PUT_SNAPSHOT, snapshot.digest.to_string(), snapshot).await?,
        Write::Token(token) => put(connection, PUT_TOKEN, token.id.clone(), token).await?,
        Write::Artifact(digest, bytes) => {
            sqlx::query("INSERT INTO artifacts (id, bytes) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING")
                .bind(digest.as_str().to_owned())
                .bind(bytes.to_vec())
                .execute(connection)
                .await?
        }
        Write::Idempotency(record) => {
            sqlx::query(
                "INSERT INTO idempotency (principal, rollout, key, at, body) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (principal, rollout, key) DO UPDATE SET at = excluded.at, body = excluded.body",
            )
            .bind(record.principal.clone())
            .bind(record.rollout.clone())
            .bind(record.key.clone())
            .bind(record.at.timestamp_micros())
            .bind(json(record)?)
            .execute(connection)
            .await?
        }
        Write::ForgetIdempotency { principal, rollout, key } => {
            sqlx::query("DELETE FROM idempotency WHERE principal = $1 AND rollout = $2 AND key = $3")
                .bind(principal.clone())
                .bind(rollout.clone())
                .bind(key.clone())
                .execute(connection)
                .await?
        }
        Write::Audit(entry) => append(connection, entry).await?,
        Write::Expire { through, reason } => return expire(connection, *through, reason).await,
        Write::Checkpoint { size, at, note } => {
            // The same note again says nothing new.
            sqlx::query("INSERT INTO checkpoints (size, note, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
                .bind(integer(*size))
                .bind(note.clone())
                .bind(at.timestamp_micros())
                .execute(connection)
                .await?
        }
        Write::Meta(key, value) => {
            sqlx::query(
                "INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            )
            .bind(key.clone())
            .bind(value.clone())
            .execute(connection)
            .await?
        }
    };
    Ok(())
}

const PUT_ROLLOUT: &str =
    "INSERT INTO rollouts (id, body) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET body = excluded.body";
const PUT_UNIT: &str =
    "INSERT INTO units (id, body) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET body = excluded.body";
const PUT_WINDOW: &str =
    "INSERT INTO windows (id, body) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET body = excluded.body";
const PUT_SNAPSHOT: &str =
    "INSERT INTO snapshots (id, body) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET body = excluded.body";
const PUT_TOKEN: &str =
    "INSERT INTO tokens (id, body) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET body = excluded.body";

async fn put(
    connection: &mut SqliteConnection,
    sql: &'static str,
    id: String,
    body: &impl Serialize,
) -> Result<SqliteQueryResult, Fault> {
    Ok(sqlx::query(sql).bind(id).bind(json(body)?).execute(connection).await?)
}

async fn append(connection: &mut SqliteConnection, entry: &StoredEntry) -> Result<SqliteQueryResult, sqlx::Error> {
    sqlx::query("INSERT INTO audit (seq, bytes, leaf, at, actor, action, rollout) VALUES ($1, $2, $3, $4, $5, $6, $7)")
        .bind(integer(entry.seq))
        .bind(entry.bytes.clone())
        .bind(entry.leaf.to_vec())
        .bind(entry.at.timestamp_micros())
        .bind(entry.actor.clone())
        .bind(entry.action.clone())
        .bind(entry.rollout.clone())
        .execute(connection)
        .await
}

/// Puts tombstones in place of the contents up to an entry. What is taken away is overwritten on the disk too.
async fn expire(connection: &mut SqliteConnection, through: u64, reason: &str) -> Result<(), Fault> {
    sqlx::query("PRAGMA secure_delete = ON").execute(&mut *connection).await?;
    let old: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT seq, leaf FROM audit WHERE seq <= $1 AND action <> 'expired' ORDER BY seq")
            .bind(integer(through))
            .fetch_all(&mut *connection)
            .await?;
    for (seq, leaf) in old {
        let place = u64::try_from(seq).unwrap_or_default();
        // A leaf that is no hash was changed by hand, and is left for verification to name.
        let Ok(leaf) = leaf.try_into() else { continue };
        let bytes = Tombstone::new(place, &leaf, reason).bytes();
        let bytes = bytes.map_err(|_| Fault::Refused(Refused::Leaf(place)))?;
        sqlx::query("UPDATE audit SET bytes = $1, actor = '', action = 'expired', rollout = NULL WHERE seq = $2")
            .bind(bytes)
            .bind(seq)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

fn json(value: &impl Serialize) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|error| Fault::Refused(error.into()))
}

/// A count as SQLite keeps it. Counts of entries do not reach 2^63.
pub(super) fn integer(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Reads how far the trail goes, and refuses to append where something else already has.
pub(super) async fn range(connection: &mut SqliteConnection, path: &Path) -> Result<CompactRange, StoreError> {
    let failed = |error| fault(path, "reading the tree of the audit trail", error);
    let row: Option<(i64, Vec<u8>)> = sqlx::query_as("SELECT size, hashes FROM audit_range WHERE id = 1")
        .fetch_optional(&mut *connection)
        .await
        .map_err(failed)?;
    let (size, hashes) = row.ok_or_else(|| damaged(path, "the tree of the audit trail is missing"))?;
    let last: i64 =
        sqlx::query_scalar("SELECT coalesce(max(seq), 0) FROM audit").fetch_one(connection).await.map_err(failed)?;
    let range = u64::try_from(size).ok().and_then(|size| CompactRange::from_bytes(size, &hashes).ok());
    let range = range.ok_or_else(|| damaged(path, "the tree of the audit trail is malformed"))?;
    if last > size {
        return Err(damaged(path, format!("audit entry {last} was added by something else: the trail ends at {size}")));
    }
    Ok(range)
}
