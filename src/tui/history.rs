//! Reasons that were given before, kept between sessions in a file of this person alone: reasons and
//! nothing else, one on a line, the newest last.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use crate::domain::{Reason, SafeText};

/// Most reasons that are kept.
pub const REASONS_MAX: usize = 50;
/// The largest file that is read, in bytes: far more than so many reasons take.
const FILE_MAX: u64 = 256 * 1024;

/// Where reasons lie in a directory of state.
#[must_use]
pub fn file(state_dir: &Path) -> PathBuf {
    state_dir.join("reasons")
}

/// Puts a reason at the end, where it stands once; the oldest goes when they are too many.
pub fn push(reasons: &mut Vec<String>, reason: &str) {
    reasons.retain(|used| used != reason);
    reasons.push(reason.to_owned());
    let over = reasons.len().saturating_sub(REASONS_MAX);
    reasons.drain(..over);
}

/// Reads them; a file that is not there has none. What is no reason any more is left out.
///
/// # Errors
/// When the file is there and cannot be read.
pub fn load(path: &Path) -> io::Result<Vec<String>> {
    let mut bytes = Vec::new();
    match fs::File::open(path) {
        Ok(file) => file.take(FILE_MAX).read_to_end(&mut bytes)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut reasons = Vec::new();
    for line in String::from_utf8_lossy(&bytes).lines() {
        let line = SafeText::new(line);
        if Reason::new(line.as_str()).is_ok() {
            push(&mut reasons, line.as_str());
        }
    }
    Ok(reasons)
}

/// Adds one to the file, which other sessions may have added to meanwhile.
///
/// # Errors
/// When it cannot be written; it is then as it was.
pub fn add(path: &Path, reason: &str) -> io::Result<()> {
    let dir = path.parent().ok_or_else(|| io::Error::other("it has no directory"))?;
    fs::create_dir_all(dir)?;
    let mut reasons = load(path)?;
    push(&mut reasons, reason);
    // Made for this person alone, and put in the place of the old one at once.
    let mut file = tempfile::Builder::new().prefix(".reasons-").tempfile_in(dir)?;
    for reason in &reasons {
        writeln!(file, "{reason}")?;
    }
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_reason_of_another_day_is_there_once_and_only_for_its_person() {
        let dir = tempfile::tempdir().unwrap();
        let path = file(&dir.path().join("state"));
        assert_eq!(load(&path).unwrap(), Vec::<String>::new());
        for reason in ["errors since 11:58, OPS-1", "customers call about carts", "errors since 11:58, OPS-1"] {
            add(&path, reason).unwrap();
        }
        assert_eq!(load(&path).unwrap(), ["customers call about carts", "errors since 11:58, OPS-1"]);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn the_oldest_goes_when_they_are_too_many() {
        let dir = tempfile::tempdir().unwrap();
        let path = file(dir.path());
        for n in 0..REASONS_MAX + 3 {
            add(&path, &format!("the reason with number {n}")).unwrap();
        }
        let reasons = load(&path).unwrap();
        assert_eq!(reasons.len(), REASONS_MAX);
        assert_eq!(reasons[0], "the reason with number 3");
    }

    #[test]
    fn a_file_that_somebody_broke_gives_what_is_still_a_reason() {
        let dir = tempfile::tempdir().unwrap();
        let path = file(dir.path());
        fs::write(&path, b"short\n\xff\xfe\x1b[31m\n\nthis one is long enough\n").unwrap();
        let reasons = load(&path).unwrap();
        assert!(reasons.iter().any(|reason| reason == "this one is long enough"), "{reasons:?}");
        assert!(reasons.iter().all(|reason| !reason.contains('\x1b')), "{reasons:?}");
    }
}
