//! What a write changes in which table: the same rows in every database, and the SQL that all of them read.

use std::fmt::Write as _;

use serde::Serialize;

use super::{
    Write,
    append::{Refused, integer},
};

/// A value of a column.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Value {
    Text(String),
    Maybe(Option<String>),
    Integer(i64),
    Bytes(Vec<u8>),
}

/// What values a column has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// A text, or nothing.
    Maybe,
    Integer,
    Bytes,
}

/// What becomes of a row whose keys are there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// The new one takes its place.
    Replace,
    /// The same again says nothing new.
    Keep,
    /// It cannot be.
    Refuse,
}

/// A table: its columns, those that name a row first.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: &'static [(&'static str, Kind)],
    pub(super) keys: usize,
    pub(super) again: Again,
}

/// What a write comes to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change<'a> {
    /// A row, whole.
    Put(&'static Table, Vec<Value>),
    /// The row with these keys goes.
    Forget(&'static Table, Vec<Value>),
    /// Tombstones take the place of the contents up to an entry.
    Expire { through: u64, reason: &'a str },
}

const fn bodies(name: &'static str) -> Table {
    Table { name, columns: &[("id", Kind::Text), ("body", Kind::Text)], keys: 1, again: Again::Replace }
}

static ROLLOUTS: Table = bodies("rollouts");
static UNITS: Table = bodies("units");
static WINDOWS: Table = bodies("windows");
static SNAPSHOTS: Table = bodies("snapshots");
static TOKENS: Table = bodies("tokens");
static RECORDS: Table = Table {
    name: "records",
    columns: &[("kind", Kind::Text), ("id", Kind::Text), ("body", Kind::Text)],
    keys: 2,
    again: Again::Replace,
};
static ARTIFACTS: Table =
    Table { name: "artifacts", columns: &[("id", Kind::Text), ("bytes", Kind::Bytes)], keys: 1, again: Again::Keep };
static IDEMPOTENCY: Table = Table {
    name: "idempotency",
    columns: &[
        ("principal", Kind::Text),
        ("rollout", Kind::Text),
        ("key", Kind::Text),
        ("at", Kind::Integer),
        ("body", Kind::Text),
    ],
    keys: 3,
    again: Again::Replace,
};
static AUDIT: Table = Table {
    name: "audit",
    columns: &[
        ("seq", Kind::Integer),
        ("bytes", Kind::Bytes),
        ("leaf", Kind::Bytes),
        ("at", Kind::Integer),
        ("actor", Kind::Text),
        ("action", Kind::Text),
        ("rollout", Kind::Maybe),
    ],
    keys: 1,
    again: Again::Refuse,
};
static CHECKPOINTS: Table = Table {
    name: "checkpoints",
    columns: &[("size", Kind::Integer), ("note", Kind::Text), ("at", Kind::Integer)],
    keys: 2,
    again: Again::Keep,
};
static META: Table =
    Table { name: "meta", columns: &[("key", Kind::Text), ("value", Kind::Text)], keys: 1, again: Again::Replace };

/// What a write changes.
pub(super) fn change(write: &Write) -> Result<Change<'_>, Refused> {
    let text = |text: &str| Value::Text(text.to_owned());
    Ok(match write {
        Write::Rollout(id, body) => Change::Put(&ROLLOUTS, vec![Value::Text(id.to_string()), json(body)?]),
        Write::Unit(id, body) => Change::Put(&UNITS, vec![Value::Text(id.to_string()), json(body)?]),
        Write::Window(window) => Change::Put(&WINDOWS, vec![Value::Text(window.id.to_string()), json(window)?]),
        Write::ForgetWindow(id) => Change::Forget(&WINDOWS, vec![Value::Text(id.to_string())]),
        Write::Record(kind, id, body) => Change::Put(&RECORDS, vec![text(kind.as_str()), text(id), json(body)?]),
        Write::ForgetRecord(kind, id) => Change::Forget(&RECORDS, vec![text(kind.as_str()), text(id)]),
        Write::Snapshot(snapshot) => {
            Change::Put(&SNAPSHOTS, vec![Value::Text(snapshot.digest.to_string()), json(snapshot)?])
        }
        Write::Token(token) => Change::Put(&TOKENS, vec![text(&token.id), json(token)?]),
        Write::Artifact(digest, bytes) => {
            Change::Put(&ARTIFACTS, vec![text(digest.as_str()), Value::Bytes(bytes.to_vec())])
        }
        Write::Idempotency(record) => Change::Put(
            &IDEMPOTENCY,
            vec![
                text(&record.principal),
                text(&record.rollout),
                text(&record.key),
                Value::Integer(record.at.timestamp_micros()),
                json(record)?,
            ],
        ),
        Write::ForgetIdempotency { principal, rollout, key } => {
            Change::Forget(&IDEMPOTENCY, vec![text(principal), text(rollout), text(key)])
        }
        Write::Audit(entry) => Change::Put(
            &AUDIT,
            vec![
                Value::Integer(integer(entry.seq)),
                Value::Bytes(entry.bytes.clone()),
                Value::Bytes(entry.leaf.to_vec()),
                Value::Integer(entry.at.timestamp_micros()),
                text(&entry.actor),
                text(&entry.action),
                Value::Maybe(entry.rollout.clone()),
            ],
        ),
        Write::Expire { through, reason } => Change::Expire { through: *through, reason },
        Write::Checkpoint { size, at, note } => Change::Put(
            &CHECKPOINTS,
            vec![Value::Integer(integer(*size)), text(note), Value::Integer(at.timestamp_micros())],
        ),
        Write::Meta(key, value) => Change::Put(&META, vec![text(key), text(value)]),
    })
}

fn json(value: &impl Serialize) -> Result<Value, Refused> {
    Ok(Value::Text(serde_json::to_string(value)?))
}

impl Table {
    /// The statement that puts rows, which `rows` says in SQL (`VALUES (...)` or a `SELECT`).
    pub(super) fn insert(&self, rows: &str) -> String {
        let mut sql = format!("INSERT INTO {} ({}) {rows}", self.name, self.names(self.columns.len()));
        match self.again {
            Again::Refuse => {}
            Again::Keep => sql.push_str(" ON CONFLICT DO NOTHING"),
            Again::Replace => {
                let _ = write!(sql, " ON CONFLICT ({}) DO UPDATE SET ", self.names(self.keys));
                for (n, (column, _)) in self.columns[self.keys..].iter().enumerate() {
                    let comma = if n == 0 { "" } else { ", " };
                    let _ = write!(sql, "{comma}{column} = excluded.{column}");
                }
            }
        }
        sql
    }

    /// The names of the first so many columns, with commas.
    pub(super) fn names(&self, count: usize) -> String {
        let names: Vec<&str> = self.columns[..count].iter().map(|(name, _)| *name).collect();
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_replaces_is_kept_or_refused_as_its_table_says() {
        assert_eq!(
            IDEMPOTENCY.insert("VALUES ($1, $2, $3, $4, $5)"),
            "INSERT INTO idempotency (principal, rollout, key, at, body) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (principal, rollout, key) DO UPDATE SET at = excluded.at, body = excluded.body"
        );
        assert!(CHECKPOINTS.insert("").ends_with("ON CONFLICT DO NOTHING"));
        assert!(!AUDIT.insert("").contains("CONFLICT"), "an entry of the trail never takes another's place");
    }
}
