//! Questions that every database is asked in the same words.

use chrono::{DateTime, Utc};
use sqlx::{Database, Encode, QueryBuilder, Type};

use super::{AUDIT_PAGE_MAX, AuditFilter, StoredEntry, append::integer};
use crate::audit::filter::Column;

/// A row of the table `audit`.
pub(super) type Row = (i64, Vec<u8>, Vec<u8>, i64, String, String, Option<String>);

/// How far the trail goes that is older than `$1`, and how many entries of it have their content.
pub(super) const AUDIT_BEFORE: &str = "WITH bound (through) AS (SELECT coalesce( \
         (SELECT min(seq) - 1 FROM audit WHERE at >= $1), (SELECT coalesce(max(seq), 0) FROM audit))) \
     SELECT through, (SELECT count(*) FROM audit WHERE seq <= through AND action <> 'expired') FROM bound";
/// Checkpoints of more than `$1` entries.
pub(super) const CHECKPOINTS_AFTER: &str = "SELECT note FROM checkpoints WHERE size > $1 ORDER BY size";
/// What is kept under the key `$1`.
pub(super) const META: &str = "SELECT value FROM meta WHERE key = $1";
/// The bytes of the artifact `$1`.
pub(super) const ARTIFACT: &str = "SELECT bytes FROM artifacts WHERE id = $1";
/// The whole trail.
pub(super) const ENTRIES: &str = "SELECT seq, bytes, leaf, at, actor, action, rollout FROM audit ORDER BY seq";
/// The tree beside it.
pub(super) const RANGE: &str = "SELECT size, hashes FROM audit_range WHERE id = 1";
/// How many entries there are, and the number of the last.
pub(super) const EXTENT: &str = "SELECT count(*), coalesce(max(seq), 0) FROM audit";
/// The leaves of the trail.
pub(super) const LEAVES: &str = "SELECT seq, leaf FROM audit ORDER BY seq";
/// What has content up to `$1`.
pub(super) const WITH_CONTENT: &str =
    "SELECT seq, leaf FROM audit WHERE seq <= $1 AND action <> 'expired' ORDER BY seq";

/// The entries that a filter asks for, in the order of its `newest`.
pub(super) fn audit<DB: Database>(filter: &AuditFilter) -> QueryBuilder<DB>
where
    String: Encode<'static, DB> + Type<DB>,
    i64: Encode<'static, DB> + Type<DB>,
{
    let mut query =
        QueryBuilder::<DB>::new("SELECT seq, bytes, leaf, at, actor, action, rollout FROM audit WHERE seq > ");
    query.push_bind(integer(filter.after));
    if filter.before > 0 {
        query.push(" AND seq < ").push_bind(integer(filter.before));
    }
    for (column, value) in [("rollout", &filter.rollout), ("actor", &filter.actor), ("action", &filter.action)] {
        if let Some(value) = value {
            one_of(&mut query, column, std::slice::from_ref(value));
        }
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
            let column = match column {
                Column::Actor => "actor",
                Column::Action => "action",
                Column::Rollout => "rollout",
            };
            one_of(&mut query, column, values);
        }
    }
    query.push(if filter.newest { " ORDER BY seq DESC LIMIT " } else { " ORDER BY seq LIMIT " });
    let limit = if filter.limit == 0 { AUDIT_PAGE_MAX } else { filter.limit.min(AUDIT_PAGE_MAX) };
    query.push_bind(i64::from(limit));
    query
}

/// Demands that a column is one of some values. A NUL is in no column, and PostgreSQL takes none to look for.
fn one_of<DB: Database>(query: &mut QueryBuilder<DB>, column: &'static str, values: &[String])
where
    String: Encode<'static, DB> + Type<DB>,
{
    let possible: Vec<&String> = values.iter().filter(|value| !value.contains('\0')).collect();
    if possible.is_empty() {
        query.push(" AND 1 = 0");
        return;
    }
    query.push(" AND ").push(column).push(" IN (");
    let mut list = query.separated(", ");
    for value in possible {
        list.push_bind(value.clone());
    }
    query.push(")");
}

/// Entries as they are answered: ascending.
pub(super) fn ascending(rows: Vec<Row>, filter: &AuditFilter) -> Vec<StoredEntry> {
    let mut entries: Vec<StoredEntry> = rows.into_iter().map(entry).collect();
    if filter.newest {
        entries.reverse();
    }
    entries
}

/// An entry as it is stored. Columns that cannot be are replaced by ones that fail verification
/// rather than hide the entry, and all others of its page, from whoever looks for it.
pub(super) fn entry((seq, bytes, leaf, at, actor, action, rollout): Row) -> StoredEntry {
    StoredEntry {
        seq: u64::try_from(seq).unwrap_or_default(),
        bytes,
        leaf: leaf.try_into().unwrap_or([0; 32]),
        at: DateTime::<Utc>::from_timestamp_micros(at).unwrap_or_default(),
        actor,
        action,
        rollout,
    }
}

/// The answer to [`AUDIT_BEFORE`].
pub(super) fn before((through, with_content): (i64, i64)) -> (u64, u64) {
    (u64::try_from(through).unwrap_or_default(), u64::try_from(with_content).unwrap_or_default())
}
