//! One view of a PostgreSQL database.

use futures_util::TryStreamExt as _;
use sqlx::{PgConnection, PgPool};
use tokio::time::timeout;

use super::{
    fault::{fault, silent},
    open::ANSWERING,
};
use crate::store::{Loaded, StoreError, StoredEntry, load, query, view::View};

/// A connection on which a transaction was begun, or that holds the lock.
pub(super) struct PostgresView<'a> {
    pub(super) connection: &'a mut PgConnection,
    pub(super) place: &'a str,
}

/// The beginning of a view: all its questions are answered as of one instant.
pub(super) const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// A long trail may take longer to read than a statement may otherwise.
pub(super) const TAKE_TIME: &str = "SET LOCAL statement_timeout = 0";

pub(super) async fn load(readers: &PgPool, place: &str) -> Result<Loaded, StoreError> {
    let doing = "reading the state";
    // The driver's transaction: one that is given up in the middle ends before its connection is used again.
    let mut transaction = answer(place, doing, readers.begin_with(BEGIN)).await?;
    answer(place, doing, sqlx::raw_sql(TAKE_TIME).execute(&mut *transaction)).await?;
    let loaded = load::load(&mut PostgresView { connection: &mut transaction, place }).await?;
    answer(place, doing, transaction.rollback()).await?;
    Ok(loaded)
}

/// An answer of the server, or that it did not come.
pub(super) async fn answer<T>(
    place: &str,
    doing: &'static str,
    asked: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, StoreError> {
    match timeout(ANSWERING, asked).await {
        Ok(answer) => answer.map_err(|error| fault(place, doing, error)),
        Err(_) => Err(silent(place, doing, ANSWERING)),
    }
}

#[async_trait::async_trait]
impl View for PostgresView<'_> {
    fn place(&self) -> String {
        self.place.to_owned()
    }

    async fn pairs(
        &mut self,
        sql: &'static str,
        of: Option<&'static str>,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let query = sqlx::query_as(sql);
        let query = if let Some(of) = of { query.bind(of) } else { query };
        answer(self.place, "reading the state", query.fetch_all(&mut *self.connection)).await
    }

    async fn texts(&mut self, sql: &'static str, of: Option<&'static str>) -> Result<Vec<String>, StoreError> {
        let query = sqlx::query_scalar(sql);
        let query = if let Some(of) = of { query.bind(of) } else { query };
        answer(self.place, "reading the database", query.fetch_all(&mut *self.connection)).await
    }

    async fn range(&mut self) -> Result<Option<(i64, Vec<u8>)>, StoreError> {
        let row = sqlx::query_as(query::RANGE).fetch_optional(&mut *self.connection);
        answer(self.place, "reading the tree of the audit trail", row).await
    }

    async fn extent(&mut self) -> Result<(i64, i64), StoreError> {
        let row = sqlx::query_as(query::EXTENT).fetch_one(&mut *self.connection);
        answer(self.place, "reading the audit trail", row).await
    }

    async fn leaves(
        &mut self,
        each: &mut (dyn FnMut(i64, Vec<u8>) -> Result<(), StoreError> + Send),
    ) -> Result<(), StoreError> {
        let doing = "reading the audit trail";
        let mut rows = sqlx::query_as::<_, (i64, Vec<u8>)>(query::LEAVES).fetch(&mut *self.connection);
        while let Some((seq, leaf)) = answer(self.place, doing, rows.try_next()).await? {
            each(seq, leaf)?;
        }
        Ok(())
    }

    async fn entries(&mut self, each: &mut (dyn FnMut(StoredEntry) + Send)) -> Result<(), StoreError> {
        let doing = "reading the audit trail";
        let mut rows = sqlx::query_as::<_, query::Row>(query::ENTRIES).fetch(&mut *self.connection);
        while let Some(row) = answer(self.place, doing, rows.try_next()).await? {
            each(query::entry(row));
        }
        Ok(())
    }
}
