//! The schema by numbered migrations, and how a database of ours is told from another.

use std::path::Path;

use sqlx::{
    SqliteConnection,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
};

use super::fault::{damaged, fault};
use crate::store::StoreError;

/// `ROLL`, in the header of the file.
const APPLICATION_ID: i64 = 0x524f_4c4c;

fn migrator() -> Migrator {
    let start = sqlx::SqlStr::from_static(include_str!("../migrations/sqlite/0001_start.sql"));
    let records = sqlx::SqlStr::from_static(include_str!("../migrations/sqlite/0002_records.sql"));
    let retention = sqlx::SqlStr::from_static(include_str!("../migrations/sqlite/0003_retention.sql"));
    Migrator::with_migrations(vec![
        Migration::new(1, "start".into(), MigrationType::Simple, start, false),
        Migration::new(2, "records".into(), MigrationType::Simple, records, false),
        Migration::new(3, "retention".into(), MigrationType::Simple, retention, false),
    ])
}

/// The newest schema that this Rolldeck knows.
fn known() -> i64 {
    migrator().iter().map(|migration| migration.version).max().unwrap_or_default()
}

/// Refuses a database that is another program's, damaged inside, or newer. Changes nothing.
pub(super) async fn check(connection: &mut SqliteConnection, path: &Path) -> Result<(), StoreError> {
    let failed = |error| fault(path, "checking the database", error);
    let id: i64 = sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *connection).await.map_err(failed)?;
    let tables: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_schema").fetch_one(&mut *connection).await.map_err(failed)?;
    if tables == 0 {
        return Ok(());
    }
    // Tables of the migrator alone are a first start that was cut off before the first migration.
    let ours: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema WHERE tbl_name = '_sqlx_migrations'")
        .fetch_one(&mut *connection)
        .await
        .map_err(failed)?;
    if id != APPLICATION_ID && ours != tables {
        return Err(damaged(path, "it is a database of another program"));
    }
    let found: Option<i64> = if ours == 0 {
        None
    } else {
        sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations")
            .fetch_one(&mut *connection)
            .await
            .map_err(failed)?
    };
    match found {
        Some(found) if found > known() => {
            Err(StoreError::TooNew { place: path.display().to_string(), found, known: known() })
        }
        None if id == APPLICATION_ID => Err(damaged(path, "it does not say which schema it has")),
        _ => Ok(()),
    }
}

/// Reads the whole file once for damage inside.
pub(super) async fn quick_check(connection: &mut SqliteConnection, path: &Path) -> Result<(), StoreError> {
    let found: String = sqlx::query_scalar("PRAGMA quick_check(1)")
        .fetch_one(connection)
        .await
        .map_err(|error| fault(path, "checking the database", error))?;
    if found == "ok" { Ok(()) } else { Err(damaged(path, found.replace('\n', "; "))) }
}

/// Brings the schema up to what this Rolldeck knows.
pub(super) async fn migrate(connection: &mut SqliteConnection, path: &Path) -> Result<(), StoreError> {
    migrator().run_direct(None, connection, false).await.map_err(|error| match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            fault(path, "bringing the schema up to date", error)
        }
        MigrateError::VersionMissing(found) => {
            StoreError::TooNew { place: path.display().to_string(), found, known: known() }
        }
        MigrateError::VersionMismatch(version) | MigrateError::Dirty(version) => {
            damaged(path, format!("its schema {version} is not the one that was made"))
        }
        error => StoreError::failed(path, "bringing the schema up to date", error),
    })
}
