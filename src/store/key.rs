//! The seed of the key that signs checkpoints: a file beside the database and not in it, so that
//! whoever can edit the one cannot by that sign for the other.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use super::StoreError;
use crate::domain::hex;

/// The file's name in the data directory.
pub const FILE: &str = "audit.key";

/// The name of a key that is about to take over: beside the other until the trail says that it signs.
pub const NEXT: &str = "audit.key.next";

/// Makes the key that is to take over, and puts it beside the other.
///
/// # Errors
/// [`StoreError::Failed`] when it cannot be written.
pub fn prepare_next(dir: &Path) -> Result<[u8; 32], StoreError> {
    forget_next(dir)?;
    create(dir, NEXT)
}

/// Lets the prepared key take over.
///
/// # Errors
/// [`StoreError::Failed`] when it cannot be put in place; the next start does it then.
pub fn promote_next(dir: &Path) -> Result<(), StoreError> {
    let next = dir.join(NEXT);
    let moved = fs::rename(&next, path(dir)).and_then(|()| File::open(dir)?.sync_all());
    moved.map_err(|error| StoreError::failed(&next, "letting the new key that signs checkpoints take over", error))
}

/// Removes a key that is not to take over.
///
/// # Errors
/// [`StoreError::Failed`] when it cannot be removed.
pub fn forget_next(dir: &Path) -> Result<(), StoreError> {
    let next = dir.join(NEXT);
    match fs::remove_file(&next) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(StoreError::failed(&next, "removing a key that was prepared", error))
        }
        _ => Ok(()),
    }
}

/// After a crash in the middle of passing the trail on: of the two keys the one stays that the trail names.
///
/// # Errors
/// As [`read_or_create`].
pub fn settle(dir: &Path, is_named: impl FnOnce(&[u8; 32]) -> bool) -> Result<(), StoreError> {
    match read_file(&dir.join(NEXT))? {
        Some(seed) if is_named(&seed) => promote_next(dir),
        Some(_) => forget_next(dir),
        None => Ok(()),
    }
}

/// Where the key of a data directory is.
#[must_use]
pub fn path(dir: &Path) -> PathBuf {
    dir.join(FILE)
}

/// Reads the seed, or makes one where there is none: 64 hex digits, readable by its owner only.
///
/// # Errors
/// [`StoreError::Key`] when it can be read by others or is not a seed, [`StoreError::Failed`] when
/// it cannot be read or written.
pub fn read_or_create(dir: &Path) -> Result<[u8; 32], StoreError> {
    match read(dir)? {
        Some(seed) => Ok(seed),
        None => create(dir, FILE),
    }
}

/// Reads the seed for a trail whose database names the verifier key `named`; makes one only where
/// it names none. A lost key is never replaced in silence: with another one nothing that the lost
/// one signed can be proven, which is what whoever rewrote the trail would want.
///
/// # Errors
/// As [`read_or_create`], and [`StoreError::Key`] when the key of a trail is gone.
pub fn of_trail(dir: &Path, named: Option<&str>) -> Result<[u8; 32], StoreError> {
    if named.is_none_or(str::is_empty) {
        return read_or_create(dir);
    }
    read(dir)?.ok_or_else(|| StoreError::Key {
        place: path(dir).display().to_string(),
        detail: "is gone, and signed the audit trail: put it back from a backup; if it is lost for good, \
                 `rolldeck serve --new-audit-key` goes on with another, and what the lost one signed is not proven any more",
    })
}

/// A key that is not the one which signed the trail so far.
pub(crate) fn not_the_same() -> StoreError {
    StoreError::Key {
        place: FILE.to_owned(),
        detail: "is not the key that signed the audit trail so far: put that one back from a backup; if it is lost \
                 for good, move this one away, and `rolldeck serve --new-audit-key` goes on with another, and what \
                 the lost one signed is not proven any more",
    }
}

/// Reads the seed; none where there is no file.
///
/// # Errors
/// As [`read_or_create`].
pub fn read(dir: &Path) -> Result<Option<[u8; 32]>, StoreError> {
    read_file(&path(dir))
}

fn read_file(path: &Path) -> Result<Option<[u8; 32]>, StoreError> {
    let wrong = |detail| StoreError::Key { place: path.display().to_string(), detail };
    let failed = |source: std::io::Error| StoreError::failed(path, "reading the key that signs checkpoints", source);
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    if fs::metadata(path).map_err(failed)?.permissions().mode() & 0o077 != 0 {
        return Err(wrong(
            "can be read or written by others than its owner, and signs the audit trail: `chmod 600` it, \
             and move it away for a new one if others may have read it",
        ));
    }
    let seed = unhex(text.trim_ascii());
    seed.map(Some).ok_or_else(|| {
        wrong(
            "does not hold 64 hex digits: restore it from a backup; with a new key the checkpoints \
             that it signed do not verify any more",
        )
    })
}

fn create(dir: &Path, name: &str) -> Result<[u8; 32], StoreError> {
    let path = dir.join(name);
    let failed = |source: std::io::Error| StoreError::failed(&path, "making the key that signs checkpoints", source);
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| failed(std::io::Error::other(error)))?;
    // Written whole under another name first: a crash leaves no half of a key behind. The file is
    // made with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(dir).map_err(failed)?;
    let line = format!("{}\n", hex(&seed));
    file.write_all(line.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    file.persist_noclobber(&path).map_err(|error| failed(error.error))?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed)?;
    Ok(seed)
}

fn unhex(text: &[u8]) -> Option<[u8; 32]> {
    let digits: Option<Vec<u8>> =
        text.iter().map(|&c| char::from(c).to_digit(16).and_then(|value| u8::try_from(value).ok())).collect();
    let bytes: Vec<u8> = digits?.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect();
    // An odd digit too many still makes 33 bytes.
    if text.len() == 64 { bytes.try_into().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_for_its_owner_only_and_read_back() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path()).unwrap(), None);
        let seed = read_or_create(dir.path()).unwrap();
        assert_ne!(seed, [0; 32]);
        assert_eq!(read_or_create(dir.path()).unwrap(), seed);
        assert_eq!(fs::metadata(path(dir.path())).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left behind");
        let other = tempfile::tempdir().unwrap();
        assert_ne!(read_or_create(other.path()).unwrap(), seed);
    }

    #[test]
    fn the_lost_key_of_a_trail_is_not_replaced_in_silence() {
        let dir = tempfile::tempdir().unwrap();
        let error = of_trail(dir.path(), Some("rolldeck/audit+00000000+AAAA")).unwrap_err().to_string();
        assert!(error.contains("backup") && error.contains("--new-audit-key"), "{error}");
        assert!(!path(dir.path()).exists());
        let seed = of_trail(dir.path(), None).unwrap();
        assert_eq!(of_trail(dir.path(), Some("rolldeck/audit+00000000+AAAA")).unwrap(), seed);
    }

    #[test]
    fn after_a_crash_in_the_middle_of_a_rotation_the_key_that_the_trail_names_signs() {
        let dir = tempfile::tempdir().unwrap();
        let old = read_or_create(dir.path()).unwrap();
        settle(dir.path(), |_| panic!("there is no other")).unwrap();
        // Before the trail said so.
        let next = prepare_next(dir.path()).unwrap();
        assert_ne!(old, next);
        settle(dir.path(), |seed| *seed == old).unwrap();
        assert_eq!((read(dir.path()).unwrap(), dir.path().join(NEXT).exists()), (Some(old), false));
        // After it, and before the files were changed.
        let next = prepare_next(dir.path()).unwrap();
        settle(dir.path(), |seed| *seed == next).unwrap();
        assert_eq!((read(dir.path()).unwrap(), dir.path().join(NEXT).exists()), (Some(next), false));
        assert_eq!(fs::metadata(path(dir.path())).unwrap().permissions().mode() & 0o777, 0o600);
        // One that was left behind is not taken for new.
        prepare_next(dir.path()).unwrap();
        assert_ne!(prepare_next(dir.path()).unwrap(), next);
    }

    #[test]
    fn a_key_that_others_can_read_is_refused_with_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        read_or_create(dir.path()).unwrap();
        for mode in [0o640, 0o604, 0o660] {
            fs::set_permissions(path(dir.path()), fs::Permissions::from_mode(mode)).unwrap();
            let error = read_or_create(dir.path()).unwrap_err().to_string();
            assert!(error.contains("chmod 600"), "{error}");
        }
    }

    #[test]
    fn a_file_that_is_no_key_is_refused_and_never_replaced_or_shown() {
        let dir = tempfile::tempdir().unwrap();
        read_or_create(dir.path()).unwrap();
        for content in ["", "abc", &"g".repeat(64), &"a".repeat(63), &"a".repeat(65), &"0123456789abcdef".repeat(5)] {
            fs::write(path(dir.path()), content).unwrap();
            let error = read_or_create(dir.path()).unwrap_err();
            assert!(matches!(error, StoreError::Key { .. }), "{error}");
            assert!(content.is_empty() || !format!("{error}{error:?}").contains(content));
            assert_eq!(fs::read_to_string(path(dir.path())).unwrap(), content);
        }
    }
}
