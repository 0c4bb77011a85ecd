//! Verification of a stored audit trail: of a data directory or a database with no server, and of a store
//! that is in use.

mod export;

use std::path::Path;

pub use self::export::{OfflineExportError, export_data_dir, export_database};
use super::{
    AUDIT_PAGE_MAX, AUDIT_SEAL, AuditFilter, Store, StoreError, VERIFIER_KEY, key,
    postgres::{Address, Postgres},
    seen,
    sqlite::Sqlite,
    view::{self, View},
};
use crate::audit::{
    Checkpoint, Signer, Verifier, Witness,
    verify::{Report, Verification},
};

/// Times that a directory is read again when a server began to write to it meanwhile.
const TRIES: u32 = 5;

/// Verifies the trail of a data directory, whether a server runs on it or not, with the key beside
/// it, or else with the public key that the database names.
///
/// # Errors
/// [`StoreError`] when it cannot be read; what is wrong with entries and checkpoints is in the report.
pub async fn verify_data_dir(dir: &Path) -> Result<Report, StoreError> {
    let mut tries = 1;
    loop {
        let seen = remembered(Some(dir));
        let mut reader = Sqlite::open_read_only(dir).await?;
        let found = verify_once(Some(dir), seen, &mut reader.view()).await;
        if reader.was_disturbed() && tries < TRIES {
            tries += 1;
            continue;
        }
        return found;
    }
}

/// Verifies the trail of a PostgreSQL database, whether a server runs on it or not, with the key in a directory
/// where there is one, or else with the public key that the database names.
///
/// # Errors
/// [`StoreError`] when it cannot be read; what is wrong with entries and checkpoints is in the report.
pub async fn verify_database(address: &Address, key_dir: Option<&Path>) -> Result<Report, StoreError> {
    let seen = remembered(key_dir);
    let mut reader = Postgres::open_read_only(address).await?;
    verify_once(key_dir, seen, &mut reader.view()).await
}

/// What the server remembers beside its key, to be read before the store: a server that runs writes the store first.
/// That it cannot be read is no reason not to look.
fn remembered(key_dir: Option<&Path>) -> Option<Witness> {
    key_dir.and_then(|dir| seen::read(dir).ok().flatten())
}

/// The key in a directory, and the one that the store names.
async fn key_of(
    key_dir: Option<&Path>,
    reader: &mut dyn View,
    notes: &[String],
) -> Result<(Option<Verifier>, Option<Verifier>), StoreError> {
    let named = view::meta(reader, VERIFIER_KEY).await?.and_then(|key| key.parse::<Verifier>().ok());
    // A key that cannot be read, or not by this person, is no reason not to look.
    let seed = key_dir.and_then(|dir| key::read(dir).ok().flatten());
    let own = seed.map(|seed| {
        // The log's name is in its verifier key and in each checkpoint; only the key proves anything.
        let origin = named.as_ref().map(|key| key.origin().to_owned());
        let origin = origin.or_else(|| Some(Checkpoint::parse(notes.last()?).ok()?.origin));
        Signer::new(&origin.unwrap_or_default(), &seed).verifier()
    });
    Ok((own, named))
}

async fn verify_once(
    key_dir: Option<&Path>,
    seen: Option<Witness>,
    reader: &mut dyn View,
) -> Result<Report, StoreError> {
    let notes = view::checkpoints(reader).await?;
    let (own, named) = key_of(key_dir, reader, &notes).await?;
    let remark = match (&own, &named) {
        (Some(own), Some(named)) if own != named => Some(format!(
            "the database names key {}, and {} beside it is {}",
            named.fingerprint(),
            key::FILE,
            own.fingerprint()
        )),
        (None, Some(named)) => {
            let named = named.fingerprint();
            Some(format!("key {named} is the database's own word, as {} could not be read: compare it", key::FILE))
        }
        _ => None,
    };
    let mismatch = own.is_some() && remark.is_some();
    let mut verification = Verification::new(own.or(named));
    for note in &notes {
        verification.checkpoint(note);
    }
    if let Some(seal) = view::meta(reader, AUDIT_SEAL).await? {
        verification.seal(seal);
    }
    if let Some(seen) = seen {
        verification.remembered(seen.checkpoint().clone());
    }
    let range = view::range(reader).await?;
    let whole = range.is_some();
    if let Some(range) = range {
        verification.range(range);
    }
    reader.entries(&mut |entry| entry.show(&mut verification)).await?;
    let mut report = verification.finish();
    if !whole {
        report.ok = false;
        report.detail.push_str("; the tree kept beside the entries is missing or malformed");
    }
    if let Some(damage) = reader.damage().await? {
        report.ok = false;
        report.detail.push_str("; the database is damaged, so that questions to it may be answered wrongly: ");
        report.detail.push_str(&damage);
    }
    if let Some(remark) = remark {
        report.ok &= !mismatch;
        report.detail.push_str("; ");
        report.detail.push_str(&remark);
    }
    Ok(report)
}

/// Verifies the trail of a store that may be in use meanwhile: what is added while this reads is
/// read too. Whoever uses it names the checkpoint that it signed last, which the store cannot take back.
///
/// # Errors
/// [`StoreError`] when it cannot be read; what is wrong with entries and checkpoints is in the report.
pub async fn verify_store(store: &dyn Store, key: Verifier, signed: Option<&str>) -> Result<Report, StoreError> {
    let mut verification = Verification::new(Some(key));
    if let Some(note) = signed {
        verification.checkpoint(note);
    }
    // Checkpoints first: each entry that they cover is there when the entries are read.
    for note in store.checkpoints(0).await? {
        verification.checkpoint(&note);
    }
    let mut after = 0;
    loop {
        let page = store.audit(&AuditFilter { after, limit: AUDIT_PAGE_MAX / 10, ..AuditFilter::default() }).await?;
        let Some(last) = page.last() else { break };
        after = last.seq;
        for entry in &page {
            entry.show(&mut verification);
        }
    }
    Ok(verification.finish())
}
