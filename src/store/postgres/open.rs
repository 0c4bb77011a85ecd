//! Opening: what a server must be like, the lock that one process holds, and whose turn it is to write.

use std::time::Duration;

use sqlx::{
    Connection as _, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::time::{Instant, timeout};

use super::{
    address::Address,
    commit::Writer,
    fault::{fault, only_reads, silent},
    schema,
    view::PostgresView,
};
use crate::store::{StoreError, view};

/// `ROLLDECK`: the number of the lock, of which each database of a server has its own.
const LOCK: i64 = 0x524f_4c4c_4445_434b;
/// Connections that read.
const READERS: u32 = 4;
/// The oldest server that is known to do.
const OLDEST: i32 = 130_000;
/// How long a connection may take to come about.
pub(super) const CONNECTING: Duration = Duration::from_secs(5);
/// How long one answer may take. Longer than what the server itself is told to give up after.
pub(super) const ANSWERING: Duration = Duration::from_secs(40);
/// How long a server may work on one statement, in its own words.
const WORKING: &str = "30s";
/// The lock of a process that has just died, or of a connection that was just lost, is soon free.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);
const LOCK_EVERY: Duration = Duration::from_millis(50);

/// Settings of the session that writes: a machine that vanished does not hold the lock for longer than half a minute.
const WRITING: [(&str, &str); 7] = [
    // That the migrator's table is there already is no news.
    ("client_min_messages", "warning"),
    ("statement_timeout", WORKING),
    ("lock_timeout", "10s"),
    ("idle_in_transaction_session_timeout", "60s"),
    ("tcp_keepalives_idle", "10"),
    ("tcp_keepalives_interval", "5"),
    ("tcp_keepalives_count", "3"),
];
/// Settings of those that read.
const READING: [(&str, &str); 2] = [("statement_timeout", WORKING), ("default_transaction_read_only", "on")];

/// What is asked of a server before anything else: version, encoding, whether it is a standby, the schema of the
/// search path, `fsync` and `full_page_writes`.
type Asked = (i32, String, bool, Option<String>, String, String);
const ASK: &str = "SELECT current_setting('server_version_num')::int4, current_setting('server_encoding'), \
     pg_is_in_recovery(), current_schema()::text, current_setting('fsync'), current_setting('full_page_writes')";

/// Connections that read, made when first asked.
pub(super) fn readers(address: &Address) -> PgPool {
    PgPoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(CONNECTING)
        .connect_lazy_with(address.options(READING))
}

/// A connection that reads and whose database is one of ours.
pub(super) async fn reader(address: &Address) -> Result<PgConnection, StoreError> {
    let place = address.place();
    let mut connection = connect(place, &address.options(READING)).await?;
    fit(&mut connection, place, false).await?;
    match schema::check(&mut connection, place).await? {
        Some(_) => Ok(connection),
        None => Err(StoreError::Unfit {
            place: place.to_owned(),
            detail: "has nothing of Rolldeck in it: name the database that `rolldeck serve --database` uses".to_owned(),
        }),
    }
}

/// What was last known of the database by who wants to write to it again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    /// How many commits there were before the one of which it is not known what became.
    pub(super) commits: i64,
}

/// Connects as `owner`, takes the lock, brings the schema up to date, and reads how far the trail goes. With
/// `known`, only when nobody else wrote since.
///
/// # Errors
/// [`StoreError::Locked`] while another process has it, [`StoreError::Replaced`] when what is known is not what is
/// stored.
pub(super) async fn writer(address: &Address, owner: &str, known: Option<Known>) -> Result<Writer, StoreError> {
    let place = address.place();
    let mut connection = connect(place, &address.options(WRITING)).await?;
    let doing = "opening the database";
    let opening = async {
        fit(&mut connection, place, known.is_none()).await?;
        durable(&mut connection, place).await?;
        lock(&mut connection, place).await?;
        // After the lock: two that start at once do not both make the tables.
        schema::check(&mut connection, place).await?;
        schema::migrate(&mut connection, place).await?;
        let commits = own(&mut connection, place, owner, known).await?;
        let (range, _) = view::end(&mut PostgresView { connection: &mut connection, place }).await?;
        Ok((commits, range))
    };
    let (commits, range) = match timeout(ANSWERING, opening).await {
        Ok(opened) => opened?,
        Err(_) => return Err(silent(place, doing, ANSWERING)),
    };
    Ok(Writer::new(connection, range, commits))
}

async fn connect(place: &str, options: &PgConnectOptions) -> Result<PgConnection, StoreError> {
    match timeout(CONNECTING, PgConnection::connect_with(options)).await {
        Ok(connected) => connected.map_err(|error| fault(place, "connecting", error)),
        Err(_) => Err(silent(place, "connecting", CONNECTING)),
    }
}

/// Refuses a server that cannot keep what it is to keep, and warns where it might lose it; `first` says it aloud.
async fn fit(connection: &mut PgConnection, place: &str, first: bool) -> Result<(), StoreError> {
    let (version, encoding, standby, schema, fsync, full_pages): Asked =
        sqlx::query_as(ASK).fetch_one(connection).await.map_err(|error| fault(place, "asking what it is", error))?;
    let unfit = |detail: String| Err(StoreError::Unfit { place: place.to_owned(), detail });
    if version < OLDEST {
        let found = version / 10_000;
        return unfit(format!("is PostgreSQL {found}, and {} is the oldest that Rolldeck can use", OLDEST / 10_000));
    }
    if encoding != "UTF8" {
        return unfit(format!(
            "is kept in {encoding}, and names and reasons are UTF-8: make one with ENCODING 'UTF8' TEMPLATE template0"
        ));
    }
    if schema.is_none() {
        return unfit("has no schema of its user's search path: make one, or set search_path for the user".to_owned());
    }
    if first && standby {
        return unfit(only_reads());
    }
    if first && fsync == "off" {
        tracing::warn!(
            "{place}: fsync is off on that server: a power cut there loses what was acknowledged, and may damage all \
             of it; switch it on in postgresql.conf"
        );
    }
    if first && full_pages == "off" {
        tracing::warn!("{place}: full_page_writes is off on that server: a power cut there may damage the database");
    }
    Ok(())
}

/// Lets no commit be answered before it is durable, whatever the server or the user was set to. A stronger setting
/// than `on` is left as it is.
async fn durable(connection: &mut PgConnection, place: &str) -> Result<(), StoreError> {
    let sql =
        "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";
    let set = sqlx::query(sql).execute(connection).await;
    set.map(|_| ()).map_err(|error| fault(place, "asking for synced commits", error))
}

async fn lock(connection: &mut PgConnection, place: &str) -> Result<(), StoreError> {
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        let locked: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
            .bind(LOCK)
            .fetch_one(&mut *connection)
            .await
            .map_err(|error| fault(place, "taking the lock", error))?;
        if locked {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(StoreError::Locked { place: place.to_owned() });
        }
        tokio::time::sleep(LOCK_EVERY).await;
    }
}

/// Makes `owner` the one who writes. How many commits there were; what a lost connection still has under way is
/// waited for.
async fn own(connection: &mut PgConnection, place: &str, owner: &str, known: Option<Known>) -> Result<i64, StoreError> {
    let failed = |error| fault(place, "taking over", error);
    let mut transaction = connection.begin().await.map_err(failed)?;
    let row: Option<(String, i64)> = sqlx::query_as("SELECT owner, commits FROM writer WHERE id = 1 FOR UPDATE")
        .fetch_optional(&mut *transaction)
        .await
        .map_err(failed)?;
    let (before, commits) = row.ok_or_else(|| StoreError::Damaged {
        place: place.to_owned(),
        detail: "it does not say who writes to it".to_owned(),
    })?;
    if let Some(Known { commits: known }) = known
        && (before != owner || !(known..=known + 1).contains(&commits))
    {
        return Err(StoreError::Replaced { place: place.to_owned() });
    }
    if before != owner {
        sqlx::query("UPDATE writer SET owner = $1 WHERE id = 1")
            .bind(owner.to_owned())
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
    }
    transaction.commit().await.map_err(failed)?;
    Ok(commits)
}
