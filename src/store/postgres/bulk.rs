//! A batch as few statements: the rows of a table go in one, however many they are, so that a commit takes as many
//! round trips as it has tables.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, PgConnection};

use crate::store::{
    Write,
    append::Refused,
    table::{self, Again, Change, Kind, Table, Value},
};

/// A statement over many rows.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step<'a> {
    /// Rows, whole.
    Put(&'static Table, Vec<Vec<Value>>),
    /// Rows with these keys go.
    Forget(&'static Table, Vec<Vec<Value>>),
    /// Tombstones take the place of the contents up to an entry.
    Expire { through: u64, reason: &'a str },
}

/// What becomes of the rows of a table, by their keys.
type Rows = BTreeMap<Vec<Value>, Option<Vec<Value>>>;

/// What a batch comes to. Of what is written of one row the last counts, as if all were written one after the other.
pub(super) fn steps(batch: &[Write]) -> Result<Vec<Step<'_>>, Refused> {
    let mut steps = Vec::new();
    let mut tables: BTreeMap<&'static str, (&'static Table, Rows)> = BTreeMap::new();
    for write in batch {
        match table::change(write)? {
            Change::Put(table, row) => {
                let rows = &mut tables.entry(table.name).or_insert_with(|| (table, Rows::new())).1;
                let keys = row[..table.keys].to_vec();
                match table.again {
                    Again::Keep => {
                        rows.entry(keys).or_insert(Some(row));
                    }
                    Again::Replace | Again::Refuse => {
                        rows.insert(keys, Some(row));
                    }
                }
            }
            Change::Forget(table, keys) => {
                let rows = &mut tables.entry(table.name).or_insert_with(|| (table, Rows::new())).1;
                rows.insert(keys, None);
            }
            Change::Expire { through, reason } => {
                flush(&mut tables, &mut steps);
                steps.push(Step::Expire { through, reason });
            }
        }
    }
    flush(&mut tables, &mut steps);
    Ok(steps)
}

fn flush(tables: &mut BTreeMap<&'static str, (&'static Table, Rows)>, steps: &mut Vec<Step<'_>>) {
    for (table, rows) in std::mem::take(tables).into_values() {
        let (mut put, mut forgotten) = (Vec::new(), Vec::new());
        for (keys, row) in rows {
            match row {
                Some(row) => put.push(row),
                None => forgotten.push(keys),
            }
        }
        if !forgotten.is_empty() {
            steps.push(Step::Forget(table, forgotten));
        }
        if !put.is_empty() {
            steps.push(Step::Put(table, put));
        }
    }
}

/// Puts rows.
pub(super) async fn put(
    connection: &mut PgConnection,
    table: &Table,
    rows: Vec<Vec<Value>>,
) -> Result<(), sqlx::Error> {
    let sql = table.insert(&format!("SELECT * FROM {}", unnest(table, table.columns.len())));
    run(connection, sql, table, table.columns.len(), rows).await
}

/// Lets rows go.
pub(super) async fn forget(
    connection: &mut PgConnection,
    table: &Table,
    keys: Vec<Vec<Value>>,
) -> Result<(), sqlx::Error> {
    let names = table.names(table.keys);
    let sql = format!("DELETE FROM {} WHERE ({names}) IN (SELECT * FROM {})", table.name, unnest(table, table.keys));
    run(connection, sql, table, table.keys, keys).await
}

/// The first so many columns as arrays that become rows.
fn unnest(table: &Table, count: usize) -> String {
    let arrays = table.columns[..count].iter().enumerate().map(|(n, (_, kind))| {
        let of = match kind {
            Kind::Text | Kind::Maybe => "text",
            Kind::Integer => "int8",
            Kind::Bytes => "bytea",
        };
        format!("${}::{of}[]", n + 1)
    });
    format!("unnest({})", arrays.collect::<Vec<_>>().join(", "))
}

/// The values of a column.
enum Column {
    Texts(Vec<Option<String>>),
    Integers(Vec<i64>),
    Bytes(Vec<Vec<u8>>),
}

/// Runs a statement of our own making over these rows.
async fn run(
    connection: &mut PgConnection,
    sql: String,
    table: &Table,
    count: usize,
    rows: Vec<Vec<Value>>,
) -> Result<(), sqlx::Error> {
    let mut columns: Vec<Column> = table.columns[..count]
        .iter()
        .map(|(_, kind)| match kind {
            Kind::Text | Kind::Maybe => Column::Texts(Vec::with_capacity(rows.len())),
            Kind::Integer => Column::Integers(Vec::with_capacity(rows.len())),
            Kind::Bytes => Column::Bytes(Vec::with_capacity(rows.len())),
        })
        .collect();
    for row in rows {
        for (column, value) in columns.iter_mut().zip(row) {
            match (column, value) {
                (Column::Texts(all), Value::Text(text)) => all.push(Some(text)),
                (Column::Texts(all), Value::Maybe(text)) => all.push(text),
                (Column::Integers(all), Value::Integer(integer)) => all.push(integer),
                (Column::Bytes(all), Value::Bytes(bytes)) => all.push(bytes),
                // The table would not be what its columns say: the row is short then, and the database refuses it.
                _ => {}
            }
        }
    }
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for column in columns {
        query = match column {
            Column::Texts(all) => query.bind(all),
            Column::Integers(all) => query.bind(all),
            Column::Bytes(all) => query.bind(all),
        };
    }
    query.execute(connection).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::store::RecordKind;

    fn rollout(name: &str, n: u64) -> Write {
        Write::Rollout(format!("dc-west/{name}").parse().unwrap(), json!({ "n": n }))
    }

    fn record(n: u64) -> Write {
        Write::Record(RecordKind::Flag, "f".into(), json!(n))
    }

    fn forget_record() -> Write {
        Write::ForgetRecord(RecordKind::Flag, "f".into())
    }

    fn told(steps: &[Step<'_>]) -> Vec<String> {
        let told = |verb: &str, table: &Table, rows: &[Vec<Value>]| format!("{verb} {} {}", rows.len(), table.name);
        steps
            .iter()
            .map(|step| match step {
                Step::Put(table, rows) => told("put", table, rows),
                Step::Forget(table, rows) => told("forget", table, rows),
                Step::Expire { through, .. } => format!("expire {through}"),
            })
            .collect()
    }

    #[test]
    fn a_batch_takes_as_many_statements_as_it_has_tables() {
        let batch: Vec<Write> =
            (0..200).flat_map(|n| [rollout(&format!("r{n}"), n), Write::Meta(n.to_string(), String::new())]).collect();
        assert_eq!(told(&steps(&batch).unwrap()), ["put 200 meta", "put 200 rollouts"]);
    }

    #[test]
    fn what_is_written_of_one_row_twice_is_what_the_last_one_says() {
        let batch = [rollout("a", 1), rollout("b", 1), rollout("a", 2)];
        let steps = steps(&batch).unwrap();
        let [Step::Put(_, rows)] = &steps[..] else { panic!("{steps:?}") };
        let bodies: Vec<&Value> = rows.iter().map(|row| &row[1]).collect();
        assert_eq!(bodies, [&Value::Text("{\"n\":2}".into()), &Value::Text("{\"n\":1}".into())]);
    }

    #[test]
    fn what_is_forgotten_and_written_again_stays_and_the_other_way_round_goes() {
        assert_eq!(told(&steps(&[record(1), forget_record()]).unwrap()), ["forget 1 records"]);
        assert_eq!(told(&steps(&[forget_record(), record(1)]).unwrap()), ["put 1 records"]);
    }

    #[test]
    fn contents_expire_after_what_was_written_before_and_before_what_is_written_after() {
        let expire = Write::Expire { through: 3, reason: "old".into() };
        let batch = [rollout("a", 1), expire, rollout("a", 2)];
        assert_eq!(told(&steps(&batch).unwrap()), ["put 1 rollouts", "expire 3", "put 1 rollouts"]);
    }
}
