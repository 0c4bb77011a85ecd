//! Committing: one transaction a batch, and how far the audit trail goes.

use std::path::Path;

use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};

use super::{
    fault::fault,
    load::SqliteView,
    open::{Durability, writing},
    schema,
};
use crate::{
    audit::CompactRange,
    store::{
        StoreError, Write,
        append::{self, Refused, integer},
        query,
        table::{self, Change, Table, Value},
        view,
    },
};

/// The connection that writes, and the trail as it has become durable.
#[derive(Debug)]
pub(super) struct Writer {
    connection: SqliteConnection,
    range: CompactRange,
    /// Whether something was begun that did not come to its end.
    spoilt: bool,
}

impl Writer {
    /// Connects to a file that is there, brings its schema up to date, and reads how far the trail goes.
    pub(super) async fn connect(path: &Path, durability: Durability) -> Result<Self, StoreError> {
        let failed = |error| fault(path, "opening the database", error);
        let mut connection = SqliteConnection::connect_with(&writing(path, durability)).await.map_err(failed)?;
        schema::check(&mut connection, path).await?;
        schema::migrate(&mut connection, path).await?;
        let (range, _) = view::end(&mut SqliteView { connection: &mut connection, path }).await?;
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
        let range = append::extended(&self.range, batch)
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

    async fn write(&mut self, batch: &[Write], range: &CompactRange) -> Result<(), Fault> {
        let connection = &mut self.connection;
        // Not the driver's transactions: after an error by which SQLite has already rolled back
        // they are not usable again. Here the whole connection is dropped instead.
        sqlx::query("BEGIN IMMEDIATE").execute(&mut *connection).await?;
        for write in batch {
            match table::change(write).map_err(Fault::Refused)? {
                Change::Put(table, row) => {
                    let places: Vec<String> = (1..=row.len()).map(|n| format!("${n}")).collect();
                    let sql = table.insert(&format!("VALUES ({})", places.join(", ")));
                    run(connection, sql, row).await?;
                }
                Change::Forget(table, keys) => run(connection, forget(table), keys).await?,
                Change::Expire { through, reason } => expire(connection, through, reason).await?,
            }
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

fn forget(table: &Table) -> String {
    let keys = table.columns[..table.keys].iter().enumerate();
    let keys: Vec<String> = keys.map(|(n, (name, _))| format!("{name} = ${}", n + 1)).collect();
    format!("DELETE FROM {} WHERE {}", table.name, keys.join(" AND "))
}

/// Runs a statement of our own making with these values.
async fn run(connection: &mut SqliteConnection, sql: String, values: Vec<Value>) -> Result<(), Fault> {
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for value in values {
        query = match value {
            Value::Text(text) => query.bind(text),
            Value::Maybe(text) => query.bind(text),
            Value::Integer(integer) => query.bind(integer),
            Value::Bytes(bytes) => query.bind(bytes),
        };
    }
    query.execute(connection).await?;
    Ok(())
}

/// Puts tombstones in place of the contents up to an entry. What is taken away is overwritten on the disk too.
async fn expire(connection: &mut SqliteConnection, through: u64, reason: &str) -> Result<(), Fault> {
    sqlx::query("PRAGMA secure_delete = ON").execute(&mut *connection).await?;
    let old: Vec<(i64, Vec<u8>)> =
        sqlx::query_as(query::WITH_CONTENT).bind(integer(through)).fetch_all(&mut *connection).await?;
    for (seq, leaf) in old {
        let Some(bytes) = append::tombstone(seq, leaf, reason).map_err(Fault::Refused)? else { continue };
        sqlx::query("UPDATE audit SET bytes = $1, actor = '', action = 'expired', rollout = NULL WHERE seq = $2")
            .bind(bytes)
            .bind(seq)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
