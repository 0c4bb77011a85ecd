//! The schema by numbered migrations, and how a database of ours is told from another.

use sqlx::{
    PgConnection,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
};

use super::fault::fault;
use crate::store::StoreError;

fn migrator() -> Migrator {
    let start = sqlx::SqlStr::from_static(include_str!("../migrations/postgres/0001_start.sql"));
    Migrator::with_migrations(vec![Migration::new(1, "start".into(), MigrationType::Simple, start, false)])
}

/// The newest schema that this Rolldeck knows.
fn known() -> i64 {
    migrator().iter().map(|migration| migration.version).max().unwrap_or_default()
}

/// What is in the schema that the connection works in: tables and the like, those of the migrator among them, and
/// what is said of the table `meta`. What extensions brought is not counted.
const FOUND: &str = "SELECT count(*), count(*) FILTER (WHERE c.relname = '_sqlx_migrations'), \
     coalesce(max(obj_description(c.oid, 'pg_class')) FILTER (WHERE c.relname = 'meta'), '') \
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT EXISTS ( \
         SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')";

/// Refuses a database that is another program's, or newer. Which schema it has; none where there is nothing yet.
/// Changes nothing.
pub(super) async fn check(connection: &mut PgConnection, place: &str) -> Result<Option<i64>, StoreError> {
    let failed = |error| fault(place, "checking the database", error);
    let (tables, migrations, marker): (i64, i64, String) =
        sqlx::query_as(FOUND).fetch_one(&mut *connection).await.map_err(failed)?;
    // The table of the migrator alone is a first start that was cut off before the first migration.
    if tables == migrations {
        return Ok(None);
    }
    if marker != "rolldeck" {
        return Err(StoreError::Unfit {
            place: place.to_owned(),
            detail: "has tables of another program: give Rolldeck a database of its own".to_owned(),
        });
    }
    let damaged =
        || StoreError::Damaged { place: place.to_owned(), detail: "it does not say which schema it has".to_owned() };
    if migrations == 0 {
        return Err(damaged());
    }
    let found: Option<i64> = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations")
        .fetch_one(&mut *connection)
        .await
        .map_err(failed)?;
    let found = found.ok_or_else(damaged)?;
    if found > known() {
        return Err(StoreError::TooNew { place: place.to_owned(), found, known: known() });
    }
    Ok(Some(found))
}

/// Brings the schema up to what this Rolldeck knows.
pub(super) async fn migrate(connection: &mut PgConnection, place: &str) -> Result<(), StoreError> {
    let doing = "bringing the schema up to date";
    migrator().run_direct(None, connection, false).await.map_err(|error| match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => fault(place, doing, error),
        MigrateError::VersionMissing(found) => StoreError::TooNew { place: place.to_owned(), found, known: known() },
        MigrateError::VersionMismatch(version) | MigrateError::Dirty(version) => StoreError::Damaged {
            place: place.to_owned(),
            detail: format!("its schema {version} is not the one that was made"),
        },
        error => StoreError::Failed { place: place.to_owned(), doing, source: Box::new(error) },
    })
}
