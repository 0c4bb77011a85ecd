//! `rolldeck audit rotate-key` and `audit expire`: what is done to a trail at rest, where it is kept.

use std::path::PathBuf;

use color_eyre::Result;

use super::{Expire, RotateKey};
use crate::{
    backend::{BackendError, local::Local},
    cli::{
        exit::{Failure, say},
        plane,
        session::{self, Session},
        storage::{Storage, is_of_sqlite},
    },
    control::Control,
    domain::{AuditEntry, Via},
    store::{StoreError, key},
};

/// Passes the trail on to a new key.
///
/// # Errors
/// When a server runs on the directory, or the key cannot be made; then the old one goes on signing.
pub async fn rotate(session: &Session, args: RotateKey) -> Result<()> {
    let reason = session::reason(args.reason.as_deref())?;
    let (control, storage) = open(session, args.data, args.database.as_deref()).await?;
    let dir = storage.dir();
    let who = Local::person(&plane::user(&session.env), Via::Cli);
    // The new key is on disk before anything says that it signs: after a crash whichever is named is there.
    let rotated = match key::prepare_next(dir) {
        Ok(seed) => control
            .rotate_audit_key(&who, seed, reason.as_str())
            .await
            .map_err(|problem| BackendError::from(problem).into()),
        Err(error) => Err(error.into()),
    };
    control.shutdown().await;
    let entry = match rotated {
        Ok(entry) => entry,
        Err(error) => {
            key::forget_next(dir)?;
            return Err(error);
        }
    };
    key::promote_next(dir)?;
    done(session, &entry)?;
    session.note(
        "whoever follows this trail goes on to the new key by themselves; the old one is gone from this directory, \
         so end its copies in backups too if others may have read it",
    );
    Ok(())
}

/// Lets old contents expire.
///
/// # Errors
/// When a server runs on the directory, or the time is within the last 30 days.
pub async fn expire(session: &Session, args: Expire) -> Result<()> {
    let reason = session::reason(args.reason.as_deref())?;
    let before = args.before.past(session.clock.now());
    let (control, _) = open(session, args.data, args.database.as_deref()).await?;
    let who = Local::person(&plane::user(&session.env), Via::Cli);
    let expired = control.expire_audit(&who, before, reason.as_str()).await;
    control.shutdown().await;
    if let Some(entry) = expired.map_err(BackendError::from)? {
        done(session, &entry)
    } else {
        say(&format!("there is no content from before {} left to expire", before.format("%Y-%m-%d %H:%MZ")));
        Ok(())
    }
}

async fn open(session: &Session, data: Option<PathBuf>, database: Option<&str>) -> Result<(Control, Storage)> {
    if session.settings()?.read_only {
        return Err(Failure::Usage("--read-only: nothing was changed".to_owned()).into());
    }
    let storage = Storage::find(session, data, database)?;
    if let Storage::Directory(dir) = &storage
        && !is_of_sqlite(dir)
    {
        return Err(StoreError::Missing { place: dir.join(crate::store::sqlite::FILE).display().to_string() }.into());
    }
    match plane::open(&session.clock, &storage, false, plane::Carries::default()).await {
        Ok(control) => Ok((control, storage)),
        Err(error) if matches!(error.downcast_ref(), Some(StoreError::Locked { .. })) => {
            let text = format!("a server runs on {storage}: end it first, this is done on a trail at rest");
            Err(Failure::Failed(text).into())
        }
        Err(error) => Err(error),
    }
}

fn done(session: &Session, entry: &AuditEntry) -> Result<()> {
    session.print(entry, || {
        let effect = entry.effect.as_ref().map_or("done", |effect| effect.as_str());
        format!("{effect} (entry {})\n", entry.seq)
    })
}
