//! The trail of a data directory or a database as one file that verifies by itself, with no server.

use std::{io::Write, path::Path};

use super::{AUDIT_SEAL, AuditFilter, key_of};
use crate::{
    audit::{
        Checkpoint, Hash, Keyring, Tree,
        export::{ExportError, Header, Writer},
    },
    domain::AuditEntry,
    store::{
        StoreError, StoredEntry,
        memory::matches,
        postgres::{Address, Postgres},
        sqlite::Sqlite,
        view::{self, View},
    },
};

/// Why there is no export, or only a part of one.
#[derive(Debug, thiserror::Error)]
pub enum OfflineExportError {
    /// The trail cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The export cannot be written.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// Nothing says by which key it was signed.
    #[error(
        "neither the store nor a key beside it says by which key its checkpoints are signed: nothing can be proven"
    )]
    NoKey,
    /// A server began to write while this read what it thought was at rest.
    #[error("a server was started on it meanwhile: begin again, or ask that server")]
    Disturbed,
}

/// Writes the entries of a data directory that a filter names, whether a server runs on it or not.
///
/// # Errors
/// [`OfflineExportError`]; what was written by then is not to be used.
pub async fn export_data_dir(
    dir: &Path,
    filter: &AuditFilter,
    out: impl Write + Send,
) -> Result<(), OfflineExportError> {
    let mut reader = Sqlite::open_read_only(dir).await?;
    export(Some(dir), &mut reader.view(), filter, out).await?;
    if reader.was_disturbed() { Err(OfflineExportError::Disturbed) } else { Ok(()) }
}

/// Writes the entries of a PostgreSQL database that a filter names, whether a server runs on it or not.
///
/// # Errors
/// As [`export_data_dir`].
pub async fn export_database(
    address: &Address,
    key_dir: Option<&Path>,
    filter: &AuditFilter,
    out: impl Write + Send,
) -> Result<(), OfflineExportError> {
    let mut reader = Postgres::open_read_only(address).await?;
    export(key_dir, &mut reader.view(), filter, out).await
}

async fn export(
    key_dir: Option<&Path>,
    reader: &mut dyn View,
    filter: &AuditFilter,
    out: impl Write + Send,
) -> Result<(), OfflineExportError> {
    let mut notes = view::checkpoints(reader).await?;
    // What a killed server signed with its last commit covers what no checkpoint does.
    let seal = view::meta(reader, AUDIT_SEAL).await?.filter(|seal| !notes.contains(seal));
    notes.extend(seal);
    let (own, named) = key_of(key_dir, reader, &notes).await?;
    let key = own.or(named).ok_or(OfflineExportError::NoKey)?;
    let keys = Keyring::new(key.clone(), notes.iter().map(String::as_str));
    let size = |note: &String| keys.verify(note).map_or(0, |Checkpoint { size, .. }| size);
    let last = notes.iter().map(size).max().unwrap_or(0);
    let filtered = *filter != AuditFilter { limit: filter.limit, newest: filter.newest, ..AuditFilter::default() };
    let words = filtered.then(|| filter.to_string());
    let header = Header { filter: words, ..Header::new(&key.to_string(), filtered).with_keys_of(&notes) };
    let mut tree = Tree::default();
    if filtered {
        let mut leaves: Vec<Hash> = Vec::new();
        reader
            .leaves(&mut |_, leaf| {
                leaves.push(leaf.try_into().unwrap_or_default());
                Ok(())
            })
            .await?;
        tree = Tree::new(leaves);
    }
    let mut writer = Writer::new(out, &header)?;
    let mut written = Ok(());
    reader
        .entries(&mut |entry| {
            if written.is_ok() && entry.seq <= last && is_wanted(filter, &entry) {
                let StoredEntry { seq, bytes, leaf, .. } = entry;
                let proof = if filtered { tree.inclusion(seq.saturating_sub(1), last) } else { None };
                written = match proof {
                    Some(proof) => writer.proven(seq, bytes, leaf, last, proof),
                    None => writer.entry(seq, bytes, Some(leaf)),
                };
            }
        })
        .await?;
    written?;
    writer.finish(notes)?;
    Ok(())
}

/// Whether an entry is one that the filter names; what cannot be read is nobody's to name.
fn is_wanted(filter: &AuditFilter, stored: &StoredEntry) -> bool {
    let Some(expression) = filter.expression.as_ref().filter(|expression| !expression.is_empty()) else {
        return matches(filter, stored);
    };
    matches(filter, stored)
        && serde_json::from_slice::<AuditEntry>(&stored.bytes).is_ok_and(|entry| expression.matches(&entry))
}
