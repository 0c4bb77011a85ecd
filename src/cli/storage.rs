//! Where a control plane keeps what it has: a data directory, or a PostgreSQL database with a directory for its key.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use color_eyre::Result;

use super::{exit::Failure, session::Session};
use crate::{
    settings::Paths,
    store::{
        key,
        postgres::{Address, AddressError},
        sqlite,
    },
};

/// What stands in for `--database`, and may have a password in it.
pub const VARIABLE: &str = "ROLLDECK_DATABASE";

/// Where it keeps what it has.
#[derive(Debug, Clone)]
pub enum Storage {
    /// In a directory: a SQLite database, and the key that signs its audit trail.
    Directory(PathBuf),
    /// In a database; the key is in a directory.
    Database {
        /// The database.
        address: Box<Address>,
        /// What has the key.
        dir: PathBuf,
    },
}

impl Storage {
    /// What `--data` and `--database` name, or else the environment, or else the platform's data directory.
    ///
    /// # Errors
    /// When the URL is none, or has a password on the argument list.
    pub fn find(session: &Session, data: Option<PathBuf>, database: Option<&str>) -> Result<Self> {
        let address = address(session, database)?;
        let dir = match data {
            Some(dir) => dir,
            None => Paths::find(session.global.config.as_deref(), &session.env)?.data_dir,
        };
        Ok(match address {
            Some(address) => Self::Database { address: Box::new(address), dir },
            None => Self::Directory(dir),
        })
    }

    /// The directory, of the database or of the key.
    pub fn dir(&self) -> &Path {
        match self {
            Self::Directory(dir) | Self::Database { dir, .. } => dir,
        }
    }

    /// Refuses to sign the new trail of a database with the key of another one: two trails under one name are what
    /// a forger would make of one.
    ///
    /// # Errors
    /// When the directory is that of a SQLite database.
    pub fn is_free_for_a_new_trail(&self) -> Result<(), Failure> {
        match self {
            Self::Database { address, dir } if is_of_sqlite(dir) && key::path(dir).exists() => {
                Err(Failure::Failed(format!(
                    "{address} is new, and the key in {} signs the trail of the SQLite database there: name another \
                     directory for the key of this one, with --data DIR",
                    dir.display()
                )))
            }
            _ => Ok(()),
        }
    }
}

/// Where the directory keeps a SQLite database.
pub fn is_of_sqlite(dir: &Path) -> bool {
    dir.join(sqlite::FILE).is_file()
}

/// The database that the option names, or else the environment.
///
/// # Errors
/// When the URL is none, or has a password on the argument list.
pub fn address(session: &Session, database: Option<&str>) -> Result<Option<Address>, Failure> {
    let usage = |name: &str, error: AddressError| Failure::Usage(format!("{name}: {error}"));
    match (database, session.env.get(VARIABLE)) {
        (Some(text), _) => Address::of_argument(text).map(Some).map_err(|error| usage("--database", error)),
        (None, Some(text)) => Address::of_environment(text).map(Some).map_err(|error| usage(VARIABLE, error)),
        (None, None) => Ok(None),
    }
}

impl fmt::Display for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(dir) => write!(f, "{}", dir.display()),
            Self::Database { address, .. } => write!(f, "{address}"),
        }
    }
}
