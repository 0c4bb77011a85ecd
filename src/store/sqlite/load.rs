//! Reading everything at the start, in one view of the database.

use std::path::Path;

use futures_util::TryStreamExt as _;
use serde::de::DeserializeOwned;
use sqlx::{SqliteConnection, SqlitePool};

use super::{
    commit,
    fault::{damaged, fault},
};
use crate::{
    domain::{LaneName, SiteName, TargetName, UnitId},
    store::{Loaded, RecordKind, StoreError},
};

pub(super) async fn load(readers: &SqlitePool, path: &Path) -> Result<Loaded, StoreError> {
    let failed = |error| fault(path, "reading the state", error);
    let mut transaction = readers.begin().await.map_err(failed)?;
    let connection = &mut *transaction;
    let mut loaded = Loaded::default();
    for (id, body) in rows(connection, "SELECT id, body FROM rollouts ORDER BY id").await.map_err(failed)? {
        let key = id.parse().map_err(|_| strange(path, "rollout", &id))?;
        loaded.rollouts.push((key, read(path, "rollout", &id, &body)?));
    }
    for (id, body) in rows(connection, "SELECT id, body FROM units ORDER BY id").await.map_err(failed)? {
        let key = unit(&id).ok_or_else(|| strange(path, "unit", &id))?;
        loaded.units.push((key, read(path, "unit", &id, &body)?));
    }
    for (id, body) in rows(connection, "SELECT id, body FROM windows ORDER BY id").await.map_err(failed)? {
        loaded.windows.push(read(path, "window", &id, &body)?);
    }
    for kind in RecordKind::ALL {
        let all = sqlx::query_as::<_, (String, String)>("SELECT id, body FROM records WHERE kind = $1 ORDER BY id")
            .bind(kind.as_str())
            .fetch_all(&mut *connection)
            .await
            .map_err(failed)?;
        for (id, body) in all {
            let document = read(path, kind.as_str(), &id, &body)?;
            loaded.records.push((kind, id, document));
        }
    }
    for (id, body) in rows(connection, "SELECT id, body FROM snapshots ORDER BY id").await.map_err(failed)? {
        loaded.snapshots.push(read(path, "snapshot", &id, &body)?);
    }
    for (id, body) in rows(connection, "SELECT id, body FROM tokens ORDER BY id").await.map_err(failed)? {
        loaded.tokens.push(read(path, "token", &id, &body)?);
    }
    for (key, body) in rows(connection, "SELECT key, body FROM idempotency ORDER BY at").await.map_err(failed)? {
        loaded.idempotency.push(read(path, "answer to the idempotency key", &key, &body)?);
    }
    loaded.meta = rows(connection, "SELECT key, value FROM meta").await.map_err(failed)?.into_iter().collect();
    loaded.leaves = leaves(connection, path).await?;
    loaded.successions = sqlx::query_scalar(
        "SELECT note FROM checkpoints WHERE note LIKE '%' || char(10) || 'rolldeck-succession %' ORDER BY size",
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(failed)?;
    loaded.checkpoint = sqlx::query_scalar("SELECT note FROM checkpoints ORDER BY size DESC LIMIT 1")
        .fetch_optional(connection)
        .await
        .map_err(failed)?;
    transaction.rollback().await.map_err(failed)?;
    Ok(loaded)
}

async fn rows(connection: &mut SqliteConnection, sql: &'static str) -> Result<Vec<(String, String)>, sqlx::Error> {
    sqlx::query_as(sql).fetch_all(connection).await
}

fn read<T: DeserializeOwned>(path: &Path, what: &str, id: &str, body: &str) -> Result<T, StoreError> {
    serde_json::from_str(body)
        .map_err(|error| damaged(path, format!("the {what} {} cannot be read: {error}", shown(id))))
}

fn strange(path: &Path, what: &str, id: &str) -> StoreError {
    damaged(path, format!("{} names no {what}", shown(id)))
}

/// An id as it may be shown, whatever somebody wrote into the database.
fn shown(id: &str) -> String {
    format!("{:?}", id.chars().take(80).collect::<String>())
}

/// Reads `GROUP/SITE/LANE`.
fn unit(id: &str) -> Option<UnitId> {
    let mut parts = id.split('/');
    let (group, site, lane) = (parts.next()?, parts.next()?, parts.next()?);
    let unit = UnitId {
        group: TargetName::new(group).ok()?,
        site: SiteName::new(site).ok()?,
        lane: LaneName::new(lane).ok()?,
    };
    parts.next().is_none().then_some(unit)
}

/// Most entries that may be gone without it being called damage.
const GONE_MAX: u64 = 1_000_000;

/// All leaves. An entry that is gone leaves its place empty rather than stop the start: the way
/// back must stay open, and verification names it.
async fn leaves(connection: &mut SqliteConnection, path: &Path) -> Result<Vec<[u8; 32]>, StoreError> {
    let size = commit::range(connection, path).await?.size();
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM audit")
        .fetch_one(&mut *connection)
        .await
        .map_err(|error| fault(path, "reading the audit trail", error))?;
    let count = u64::try_from(count).unwrap_or_default();
    if size.saturating_sub(count) > GONE_MAX {
        return Err(damaged(path, format!("its audit trail has {count} entries and says that it has {size}")));
    }
    let mut leaves = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    let mut rows = sqlx::query_as::<_, (i64, Vec<u8>)>("SELECT seq, leaf FROM audit ORDER BY seq").fetch(connection);
    while let Some((seq, leaf)) =
        rows.try_next().await.map_err(|error| fault(path, "reading the audit trail", error))?
    {
        let place = u64::try_from(seq).ok().filter(|seq| (1..=size).contains(seq));
        let place = place.ok_or_else(|| damaged(path, format!("an audit entry has the number {seq}")))?;
        leaves.resize(usize::try_from(place - 1).unwrap_or(usize::MAX), [0; 32]);
        leaves.push(leaf.try_into().unwrap_or([0; 32]));
    }
    leaves.resize(usize::try_from(size).unwrap_or(usize::MAX), [0; 32]);
    Ok(leaves)
}
