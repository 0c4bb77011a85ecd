//! What PostgreSQL's errors mean to whoever runs Rolldeck.

use std::{io, time::Duration};

use crate::store::StoreError;

/// What is left when the server's disk is full.
const NOTHING: &str = "free some on the database's server; until then nothing is changed";

/// Says in the words of the store what went wrong while something was being done.
pub(super) fn fault(place: &str, doing: &'static str, error: sqlx::Error) -> StoreError {
    let place = place.to_owned();
    match &error {
        sqlx::Error::Database(database) => {
            let code = database.code().unwrap_or_default().into_owned();
            let said = database.message().to_owned();
            of_code(place, doing, &code, &said, error)
        }
        sqlx::Error::Io(io) => of_io(place, io),
        sqlx::Error::PoolTimedOut => StoreError::Unreachable { place, detail: no_answer() },
        sqlx::Error::Tls(why) => StoreError::Unfit { place, detail: tls(&**why) },
        sqlx::Error::Configuration(why) => StoreError::Unfit { place, detail: format!("cannot be asked: {why}") },
        sqlx::Error::Protocol(why) => {
            StoreError::Unreachable { place, detail: format!("what answers there is no PostgreSQL: {why}") }
        }
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => StoreError::Damaged {
            place,
            detail: format!("a value of another type than its column's, found while {doing}"),
        },
        _ => StoreError::Failed { place, doing, source: Box::new(error) },
    }
}

/// An error that the server told.
fn of_code(place: String, doing: &'static str, code: &str, said: &str, error: sqlx::Error) -> StoreError {
    let again = "it goes on by itself once that is over";
    match code {
        // The class of insufficient resources: the disk, and too many connections.
        "53100" => StoreError::Full { place, left: NOTHING },
        "53300" => StoreError::Unreachable { place, detail: format!("{said}: it takes no more connections; {again}") },
        "57P01" | "57P02" | "57P03" => StoreError::Unreachable { place, detail: format!("{said}; {again}") },
        "57014" | "55P03" => StoreError::Unreachable {
            place,
            detail: format!("{said}, while {doing}: it is overloaded, or something holds it"),
        },
        "28P01" | "28000" => StoreError::Forbidden {
            place,
            detail: format!("{said}: name the user in the URL, and give its password in PGPASSWORD or PGPASSFILE"),
        },
        "42501" => StoreError::Forbidden {
            place,
            detail: format!("{said}: let the user own the database (CREATE DATABASE ... OWNER ...)"),
        },
        "3D000" => StoreError::Unfit { place, detail: format!("cannot be used: {said}; make it with createdb") },
        "25006" => StoreError::Unfit { place, detail: only_reads() },
        // Pages that do not hold together; a table or column that is gone.
        "XX001" | "XX002" | "42P01" | "42703" => {
            StoreError::Damaged { place, detail: format!("{said}, found while {doing}") }
        }
        code if code.starts_with("08") => StoreError::Unreachable { place, detail: format!("{said}; {again}") },
        _ => StoreError::Failed { place, doing, source: Box::new(error) },
    }
}

fn of_io(place: String, error: &io::Error) -> StoreError {
    if let Some(why) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return StoreError::Unfit { place, detail: tls(why) };
    }
    StoreError::Unreachable { place, detail: format!("{error}; is PostgreSQL running, and reachable from here?") }
}

fn tls(why: &(dyn std::error::Error + 'static)) -> String {
    let cause = why.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    format!(
        "cannot be talked to over TLS: {why}{cause}; name the authority of its certificate with ?sslrootcert=FILE, \
         and a weaker ?sslmode= only where nobody listens in"
    )
}

/// What a standby is told to be.
pub(super) fn only_reads() -> String {
    "can only be read, as a standby is: name the primary".to_owned()
}

fn no_answer() -> String {
    "no answer in time; is PostgreSQL running, and reachable from here?".to_owned()
}

/// Nothing came back for so long.
pub(super) fn silent(place: &str, doing: &'static str, waited: Duration) -> StoreError {
    StoreError::Unreachable {
        place: place.to_owned(),
        detail: format!("no answer within {}s while {doing}", waited.as_secs()),
    }
}

/// Whether the way to the server is lost, and not what was asked of it refused.
pub(super) fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_) | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => {
            error.code().is_some_and(|code| code.starts_with("08") || code.starts_with("57P"))
        }
        _ => false,
    }
}
