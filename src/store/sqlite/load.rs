//! One view of a SQLite database.

use std::path::Path;

use futures_util::TryStreamExt as _;
use sqlx::{SqliteConnection, SqlitePool};

use super::fault::fault;
use crate::store::{Loaded, StoreError, StoredEntry, load, query, view::View};

/// A connection on which a transaction was begun, or to which nobody else writes.
pub(super) struct SqliteView<'a> {
    pub(super) connection: &'a mut SqliteConnection,
    pub(super) path: &'a Path,
}

pub(super) async fn load(readers: &SqlitePool, path: &Path) -> Result<Loaded, StoreError> {
    let failed = |error| fault(path, "reading the state", error);
    let mut transaction = readers.begin().await.map_err(failed)?;
    let loaded = load::load(&mut SqliteView { connection: &mut transaction, path }).await?;
    transaction.rollback().await.map_err(failed)?;
    Ok(loaded)
}

#[async_trait::async_trait]
impl View for SqliteView<'_> {
    fn place(&self) -> String {
        self.path.display().to_string()
    }

    async fn pairs(
        &mut self,
        sql: &'static str,
        of: Option<&'static str>,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let query = sqlx::query_as(sql);
        let query = if let Some(of) = of { query.bind(of) } else { query };
        let rows = query.fetch_all(&mut *self.connection).await;
        rows.map_err(|error| fault(self.path, "reading the state", error))
    }

    async fn texts(&mut self, sql: &'static str, of: Option<&'static str>) -> Result<Vec<String>, StoreError> {
        let query = sqlx::query_scalar(sql);
        let query = if let Some(of) = of { query.bind(of) } else { query };
        let rows = query.fetch_all(&mut *self.connection).await;
        rows.map_err(|error| fault(self.path, "reading the database", error))
    }

    async fn range(&mut self) -> Result<Option<(i64, Vec<u8>)>, StoreError> {
        let row = sqlx::query_as(query::RANGE).fetch_optional(&mut *self.connection).await;
        row.map_err(|error| fault(self.path, "reading the tree of the audit trail", error))
    }

    async fn extent(&mut self) -> Result<(i64, i64), StoreError> {
        let row = sqlx::query_as(query::EXTENT).fetch_one(&mut *self.connection).await;
        row.map_err(|error| fault(self.path, "reading the audit trail", error))
    }

    async fn leaves(
        &mut self,
        each: &mut (dyn FnMut(i64, Vec<u8>) -> Result<(), StoreError> + Send),
    ) -> Result<(), StoreError> {
        let failed = |error| fault(self.path, "reading the audit trail", error);
        let mut rows = sqlx::query_as::<_, (i64, Vec<u8>)>(query::LEAVES).fetch(&mut *self.connection);
        while let Some((seq, leaf)) = rows.try_next().await.map_err(failed)? {
            each(seq, leaf)?;
        }
        Ok(())
    }

    async fn damage(&mut self) -> Result<Option<String>, StoreError> {
        let found: String = sqlx::query_scalar("PRAGMA integrity_check(1)")
            .fetch_one(&mut *self.connection)
            .await
            .map_err(|error| fault(self.path, "checking the database", error))?;
        Ok((found != "ok").then(|| found.replace('\n', "; ")))
    }

    async fn entries(&mut self, each: &mut (dyn FnMut(StoredEntry) + Send)) -> Result<(), StoreError> {
        let failed = |error| fault(self.path, "reading the audit trail", error);
        let mut rows = sqlx::query_as::<_, query::Row>(query::ENTRIES).fetch(&mut *self.connection);
        while let Some(row) = rows.try_next().await.map_err(failed)? {
            each(query::entry(row));
        }
        Ok(())
    }
}
