//! Questions asked while it runs.

use std::path::Path;

use chrono::{DateTime, Utc};
use sqlx::SqlitePool;

use super::fault::fault;
use crate::{
    domain::Digest,
    store::{AuditFilter, StoreError, StoredEntry, append::integer, query},
};

pub(super) async fn audit(
    readers: &SqlitePool,
    path: &Path,
    filter: &AuditFilter,
) -> Result<Vec<StoredEntry>, StoreError> {
    let rows = query::audit::<sqlx::Sqlite>(filter).build_query_as().fetch_all(readers).await;
    let rows = rows.map_err(|error| fault(path, "reading the audit trail", error))?;
    Ok(query::ascending(rows, filter))
}

pub(super) async fn audit_before(
    readers: &SqlitePool,
    path: &Path,
    at: DateTime<Utc>,
) -> Result<(u64, u64), StoreError> {
    let row = sqlx::query_as(query::AUDIT_BEFORE).bind(at.timestamp_micros()).fetch_one(readers).await;
    row.map(query::before).map_err(|error| fault(path, "reading the audit trail", error))
}

pub(super) async fn checkpoints(readers: &SqlitePool, path: &Path, after: u64) -> Result<Vec<String>, StoreError> {
    let notes = sqlx::query_scalar(query::CHECKPOINTS_AFTER).bind(integer(after)).fetch_all(readers).await;
    notes.map_err(|error| fault(path, "reading the checkpoints", error))
}

pub(super) async fn meta(readers: &SqlitePool, path: &Path, key: &str) -> Result<Option<String>, StoreError> {
    let value = sqlx::query_scalar(query::META).bind(key.to_owned()).fetch_optional(readers).await;
    value.map_err(|error| fault(path, "reading the database", error))
}

pub(super) async fn artifact(
    readers: &SqlitePool,
    path: &Path,
    digest: &Digest,
) -> Result<Option<Vec<u8>>, StoreError> {
    let bytes = sqlx::query_scalar(query::ARTIFACT).bind(digest.as_str().to_owned()).fetch_optional(readers).await;
    bytes.map_err(|error| fault(path, "reading an artifact", error))
}
