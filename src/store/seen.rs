//! What a server remembers of its own audit trail, apart from the store that keeps it: the last checkpoint that it
//! signed, in a file beside its key. An older store that was put back, or a trail that was cut off cleanly, is
//! noticed by it at the next start. Agents keep what they saw in such a file too.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{audit::Witness, domain::pretty};

/// The file's name in the directory that has the key.
pub const FILE: &str = "audit.seen";
/// Longest file that is read, in bytes.
const FILE_MAX: u64 = 64 * 1024;

#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    /// The C2SP verifier key that signed it.
    key: String,
    /// The signed note.
    note: String,
}

/// Where the file of a directory is.
#[must_use]
pub fn path(dir: &Path) -> PathBuf {
    dir.join(FILE)
}

/// What a server remembers; none where nothing is.
///
/// # Errors
/// When the file cannot be read, or is not what was written there.
pub fn read(dir: &Path) -> io::Result<Option<Witness>> {
    read_from(&path(dir))
}

/// Remembers a checkpoint in place of the one before.
///
/// # Errors
/// When it cannot be written.
pub fn write(dir: &Path, witness: &Witness) -> io::Result<()> {
    write_to(&path(dir), witness)
}

/// The checkpoint that a file has; none where there is no file.
///
/// # Errors
/// When the file cannot be read, or is not what was written there.
pub fn read_from(path: &Path) -> io::Result<Option<Witness>> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
        Ok(metadata) if metadata.len() > FILE_MAX => return Err(io::Error::other("it is too long")),
        Ok(_) => {}
    }
    let kept: Kept = serde_json::from_slice(&fs::read(path)?)?;
    let key = kept.key.parse().map_err(io::Error::other)?;
    Witness::new(key, &kept.note).map(Some).map_err(io::Error::other)
}

/// Puts a checkpoint into a file, in place of the one before. It is on disk when this returns.
///
/// # Errors
/// When it cannot be written.
pub fn write_to(path: &Path, witness: &Witness) -> io::Result<()> {
    let kept = Kept { key: witness.key().to_string(), note: witness.note().to_owned() };
    let dir = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    file.write_all(pretty::json(&kept)?.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(dir)?.sync_all()
}

/// Puts what is remembered aside, as evidence, under a name with the number of entries that it covers; that name.
///
/// # Errors
/// When it cannot be renamed.
pub fn put_aside(dir: &Path, covers: u64) -> io::Result<PathBuf> {
    let aside = dir.join(format!("{FILE}-{covers}"));
    fs::rename(path(dir), &aside)?;
    Ok(aside)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Signer, Tree, leaf_hash};

    fn witness(count: u8) -> Witness {
        let signer = Signer::new("rolldeck.test/audit", &[1; 32]);
        let tree = Tree::new((0..count).map(|n| leaf_hash(&[n])).collect());
        Witness::new(signer.verifier(), &signer.sign(tree.size(), &tree.root())).unwrap()
    }

    #[test]
    fn what_was_signed_is_read_back_and_put_aside_as_evidence_and_never_taken_for_nothing() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path()).unwrap(), None);
        write(dir.path(), &witness(3)).unwrap();
        write(dir.path(), &witness(5)).unwrap();
        assert_eq!(read(dir.path()).unwrap(), Some(witness(5)));
        let aside = put_aside(dir.path(), 5).unwrap();
        assert!(aside.ends_with("audit.seen-5") && aside.exists());
        assert_eq!(read(dir.path()).unwrap(), None);
        // A note that was changed is no memory, and is not passed over in silence.
        let text = fs::read_to_string(&aside).unwrap().replace("\\n5\\n", "\\n4\\n");
        fs::write(path(dir.path()), text).unwrap();
        assert!(read(dir.path()).is_err());
    }
}
