//! What SQLite's errors mean to whoever runs Rolldeck.

use std::{io, path::Path};

use crate::store::StoreError;

/// Primary result codes of SQLite.
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const IO_ERROR: i32 = 10;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const CANNOT_OPEN: i32 = 14;
const NOT_A_DATABASE: i32 = 26;
/// With less room than this, in bytes, a file that cannot be written or made is a full disk.
const NO_ROOM: u64 = 256 * 1024;

/// What is left on a full disk.
const RESERVED: &str = "free some; pause and rollback still work from the reserve";

/// Says in the words of the store what went wrong while something was being done.
pub(super) fn fault(path: &Path, doing: &'static str, error: sqlx::Error) -> StoreError {
    let place = path.display().to_string();
    let code = match &error {
        sqlx::Error::Database(error) => error.code().and_then(|code| code.parse::<i32>().ok()).map(|code| code & 0xff),
        sqlx::Error::Io(error) if error.kind() == io::ErrorKind::StorageFull => Some(FULL),
        _ => None,
    };
    match code {
        Some(BUSY | LOCKED) => StoreError::Locked { place },
        Some(CORRUPT) => StoreError::Damaged { place, detail: format!("malformed inside, found while {doing}") },
        Some(NOT_A_DATABASE) => StoreError::Damaged { place, detail: "it is not a SQLite database".to_owned() },
        Some(FULL) => StoreError::Full { place, left: RESERVED },
        // The index of the log has no error of its own for it.
        Some(IO_ERROR | CANNOT_OPEN) if room(path).is_some_and(|room| room < NO_ROOM) => {
            StoreError::Full { place, left: RESERVED }
        }
        _ => match error {
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => StoreError::Damaged {
                place,
                detail: format!("a value of another type than its column's, found while {doing}"),
            },
            error => StoreError::Failed { place, doing, source: Box::new(error) },
        },
    }
}

/// Bytes left on the disk of a file.
pub(super) fn room(path: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(path.parent()?).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// An I/O error while something was being done.
pub(super) fn io_fault(path: &Path, doing: &'static str, error: io::Error) -> StoreError {
    if error.kind() == io::ErrorKind::StorageFull {
        return StoreError::Full { place: path.display().to_string(), left: RESERVED };
    }
    StoreError::failed(path, doing, error)
}

/// Something in the database that only damage explains.
pub(super) fn damaged(path: &Path, detail: impl Into<String>) -> StoreError {
    StoreError::Damaged { place: path.display().to_string(), detail: detail.into() }
}
