//! Questions asked while it runs.

use std::path::Path;

use chrono::{DateTime, Utc};
use sqlx::{QueryBuilder, SqlitePool};

use super::{commit::integer, fault::fault};
use crate::{
    audit::filter::Column,
    domain::Digest,
    store::{AUDIT_PAGE_MAX, AuditFilter, StoreError, StoredEntry},
};

/// A row of the table `audit`.
pub(super) type Row = (i64, Vec<u8>, Vec<u8>, i64, String, String, Option<String>);

pub(super) async fn audit(
    readers: &SqlitePool,
    path: &Path,
    filter: &AuditFilter,
) -> Result<Vec<StoredEntry>, StoreError> {
    let mut query = QueryBuilder::<sqlx::Sqlite>::new(
        "SELECT seq, bytes, leaf, at, actor, action, rollout FROM audit WHERE seq > ",
    );
    query.push_bind(integer(filter.after));
    if filter.before > 0 {
        query.push(" AND seq < ").push_bind(integer(filter.before));
    }
    if let Some(rollout) = &filter.rollout {
        query.push(" AND rollout = ").push_bind(rollout.clone());
    }
    if let Some(actor) = &filter.actor {
        query.push(" AND actor = ").push_bind(actor.clone());
    }
    if let Some(action) = &filter.action {
        query.push(" AND action = ").push_bind(action.clone());
    }
    if let Some(since) = filter.since {
        query.push(" AND at >= ").push_bind(since.timestamp_micros());
    }
    if let Some(until) = filter.until {
        query.push(" AND at < ").push_bind(until.timestamp_micros());
    }
    if let Some(expression) = &filter.expression {
        let (since, until) = expression.bounds();
        if let Some(since) = since {
            query.push(" AND at >= ").push_bind(since.timestamp_micros());
        }
        if let Some(until) = until {
            // Instants may be finer than what is stored.
            query.push(" AND at <= ").push_bind(until.timestamp_micros());
        }
        for (column, values) in expression.columns() {
            query.push(match column {
                Column::Actor => " AND actor IN (",
                Column::Action => " AND action IN (",
                Column::Rollout => " AND rollout IN (",
            });
            let mut list = query.separated(", ");
            for value in values {
                list.push_bind(value.clone());
            }
            query.push(")");
        }
    }
    query.push(if filter.newest { " ORDER BY seq DESC LIMIT " } else { " ORDER BY seq LIMIT " });
    let limit = if filter.limit == 0 { AUDIT_PAGE_MAX } else { filter.limit.min(AUDIT_PAGE_MAX) };
    query.push_bind(i64::from(limit));
    let rows: Vec<Row> = query
        .build_query_as()
        .fetch_all(readers)
        .await
        .map_err(|error| fault(path, "reading the audit trail", error))?;
    let mut entries: Vec<StoredEntry> = rows.into_iter().map(entry).collect();
    if filter.newest {
        entries.reverse();
    }
    Ok(entries)
}

pub(super) async fn audit_before(
    readers: &SqlitePool,
    path: &Path,
    at: DateTime<Utc>,
) -> Result<(u64, u64), StoreError> {
    let (through, with_content): (i64, i64) = sqlx::query_as(
        "WITH bound (through) AS (SELECT coalesce( \
             (SELECT min(seq) - 1 FROM audit WHERE at >= $1), (SELECT coalesce(max(seq), 0) FROM audit))) \
         SELECT through, (SELECT count(*) FROM audit WHERE seq <= through AND action <> 'expired') FROM bound",
    )
    .bind(at.timestamp_micros())
    .fetch_one(readers)
    .await
    .map_err(|error| fault(path, "reading the audit trail", error))?;
    Ok((u64::try_from(through).unwrap_or_default(), u64::try_from(with_content).unwrap_or_default()))
}

/// An entry as it is stored. Columns that cannot be are replaced by ones that fail verification
/// rather than hide the entry, and all others of its page, from whoever looks for it.
pub(super) fn entry((seq, bytes, leaf, at, actor, action, rollout): Row) -> StoredEntry {
    StoredEntry {
        seq: u64::try_from(seq).unwrap_or_default(),
        bytes,
        leaf: leaf.try_into().unwrap_or([0; 32]),
        at: DateTime::from_timestamp_micros(at).unwrap_or_default(),
        actor,
        action,
        rollout,
    }
}

pub(super) async fn checkpoints(readers: &SqlitePool, path: &Path, after: u64) -> Result<Vec<String>, StoreError> {
    sqlx::query_scalar("SELECT note FROM checkpoints WHERE size > $1 ORDER BY size")
        .bind(integer(after))
        .fetch_all(readers)
        .await
        .map_err(|error| fault(path, "reading the checkpoints", error))
}

pub(super) async fn meta(readers: &SqlitePool, path: &Path, key: &str) -> Result<Option<String>, StoreError> {
    sqlx::query_scalar("SELECT value FROM meta WHERE key = $1")
        .bind(key.to_owned())
        .fetch_optional(readers)
        .await
        .map_err(|error| fault(path, "reading the database", error))
}

pub(super) async fn artifact(
    readers: &SqlitePool,
    path: &Path,
    digest: &Digest,
) -> Result<Option<Vec<u8>>, StoreError> {
    sqlx::query_scalar("SELECT bytes FROM artifacts WHERE id = $1")
        .bind(digest.as_str().to_owned())
        .fetch_optional(readers)
        .await
        .map_err(|error| fault(path, "reading an artifact", error))
}
