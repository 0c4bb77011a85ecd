//! Secrets from files: only this user may read them, and no error shows what is in one.

use std::{io::Read as _, path::Path};

use secrecy::SecretString;

use crate::domain::{TokenError, TokenText};

/// Longest token file, in bytes.
const TOKEN_FILE_MAX: u64 = 4096;
/// Longest file of certificates or of a key, in bytes: the system's own bundle has a quarter of it.
const PEM_MAX: u64 = 1024 * 1024;

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Others could read it too.
    #[error(
        "{path} can be read by others (mode {mode:03o}): run `chmod 600 {path}`, and replace what is in it if it may have been seen"
    )]
    Open {
        /// The file.
        path: String,
        /// Its permissions.
        mode: u32,
    },
    /// It is a directory, or longer than any token.
    #[error("{0} is not a token file: it is a file with one token in it")]
    NotAFile(String),
    /// It is a directory, or not what was expected.
    #[error("{path} is not {expected}")]
    Unusable {
        /// The file.
        path: String,
        /// What it should be.
        expected: &'static str,
    },
    /// What is in it is no token.
    #[error("{place}: {source}")]
    Token {
        /// Where it came from.
        place: String,
        /// What is wrong.
        source: TokenError,
    },
}

/// Reads the token of a file that only its owner may read; `-` is standard input.
///
/// # Errors
/// [`SecretError`], which says what to do and never shows what was read.
pub fn read_token_file(path: &Path) -> Result<TokenText, SecretError> {
    let place = path.display().to_string();
    let text = if path == Path::new("-") {
        let mut text = String::new();
        let failed = |source| SecretError::Read { path: place.clone(), source };
        std::io::stdin().lock().take(TOKEN_FILE_MAX).read_to_string(&mut text).map_err(failed)?;
        text
    } else {
        read(path, TOKEN_FILE_MAX, || SecretError::NotAFile(path.display().to_string()))?
    };
    TokenText::parse(&text).map_err(|source| SecretError::Token { place, source })
}

/// Reads a secret of somebody else's making, one line, from a file that only its owner may read.
///
/// # Errors
/// [`SecretError`], which says what to do and never shows what was read.
pub fn read_secret_file(path: &Path) -> Result<SecretString, SecretError> {
    let unusable =
        || SecretError::Unusable { path: path.display().to_string(), expected: "a file with one line, the secret" };
    let text = read(path, TOKEN_FILE_MAX, unusable)?;
    let line = text.strip_suffix('\n').map_or(&*text, |line| line.strip_suffix('\r').unwrap_or(line));
    // It becomes a header of a request: what would end the header is no part of a secret.
    if line.is_empty() || line.chars().any(char::is_control) {
        return Err(unusable());
    }
    Ok(SecretString::from(line))
}

/// Reads a private key (PEM) from a file that only its owner may read.
///
/// # Errors
/// [`SecretError`], which says what to do and never shows what was read.
pub fn read_key_file(path: &Path) -> Result<SecretString, SecretError> {
    let unusable = || SecretError::Unusable {
        path: path.display().to_string(),
        expected: "a file with a private key in PEM form (-----BEGIN PRIVATE KEY-----)",
    };
    let text = read(path, PEM_MAX, unusable)?;
    if text.contains("PRIVATE KEY-----") { Ok(SecretString::from(text)) } else { Err(unusable()) }
}

/// Reads certificates (PEM), which are no secret.
///
/// # Errors
/// [`SecretError`] when they cannot be read.
pub fn read_pem(path: &Path) -> Result<Vec<u8>, SecretError> {
    let place = path.display().to_string();
    let failed = |source| SecretError::Read { path: place.clone(), source };
    let mut bytes = Vec::new();
    std::fs::File::open(path).map_err(failed)?.take(PEM_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > PEM_MAX {
        return Err(SecretError::Unusable { path: place, expected: "a file of certificates: it is larger than 1 MiB" });
    }
    Ok(bytes)
}

fn read(path: &Path, longest: u64, unusable: impl Fn() -> SecretError) -> Result<String, SecretError> {
    let place = &path.display().to_string();
    let failed = |source| SecretError::Read { path: place.to_owned(), source };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    // Of the opened file, so that it cannot be another one by then.
    let about = file.metadata().map_err(failed)?;
    if about.is_dir() || about.len() > longest {
        return Err(unusable());
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = about.permissions().mode() & 0o777;
        if about.is_file() && mode & 0o077 != 0 {
            return Err(SecretError::Open { path: place.to_owned(), mode });
        }
    }
    file.take(longest).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_token_file_is_refused_while_others_can_read_it_and_errors_show_nothing_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        let token = TokenText::new([3; 5], &[9; 32]);
        std::fs::write(&path, token.expose()).unwrap();
        for (mode, ok) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false), (0o666, false)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let read = read_token_file(&path);
            assert_eq!(read.is_ok(), ok, "{mode:o}");
            match read {
                Ok(read) => assert_eq!(read.hash(), token.hash()),
                Err(error) => {
                    assert!(error.to_string().contains("chmod 600"), "{error}");
                    assert!(!error.to_string().contains(token.expose()));
                }
            }
        }
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, "hunter2 hunter2").unwrap();
        let error = read_token_file(&path).unwrap_err().to_string();
        assert!(error.contains("not a rolldeck token") && !error.contains("hunter2"), "{error}");
        assert!(read_token_file(dir.path()).is_err());
        assert!(read_token_file(Path::new("/nowhere/at/all")).is_err());
    }
}
