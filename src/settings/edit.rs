//! Changing the config file: what a person wrote there, comments and order included, stays.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use toml_edit::{DocumentMut, Item, Table, value};

use super::{ConfigFile, Context, SettingsError, file};

/// The config file, being changed.
#[derive(Debug)]
pub struct ConfigEditor {
    path: PathBuf,
    read: Option<String>,
    document: DocumentMut,
}

impl ConfigEditor {
    /// Reads the file; one that is not there begins empty.
    ///
    /// # Errors
    /// [`SettingsError`] when it cannot be read, or is not a config: a bad file is not changed.
    pub fn open(path: &Path) -> Result<Self, SettingsError> {
        // A link is followed, so that a config kept elsewhere stays there.
        let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let read = file::read_text(&path)?;
        let text = read.as_deref().unwrap_or_default();
        ConfigFile::parse(&path, text)?;
        let document = text.parse::<DocumentMut>().map_err(|error| SettingsError::Io {
            doing: "read",
            path: path.display().to_string(),
            source: std::io::Error::other(error.to_string()),
        })?;
        Ok(Self { path, read, document })
    }

    /// Whether there is a context of that name.
    #[must_use]
    pub fn has_context(&self, name: &str) -> bool {
        self.document.get("contexts").and_then(Item::as_table_like).is_some_and(|contexts| contexts.contains_key(name))
    }

    /// Whether some context is the current one.
    #[must_use]
    pub fn has_current(&self) -> bool {
        self.document.contains_key("current")
    }

    /// Adds a context, or replaces the one of that name.
    pub fn set_context(&mut self, name: &str, context: &Context) {
        if !self.document.contains_key("contexts") {
            let mut contexts = Table::new();
            contexts.set_implicit(true);
            self.document.insert("contexts", Item::Table(contexts));
        }
        let path_text = |path: &PathBuf| value(path.display().to_string());
        let fields = [
            ("server", (!context.server.is_empty()).then(|| value(context.server.as_str()))),
            ("kubernetes", context.kubernetes.as_deref().map(value)),
            ("kubeconfig", context.kubeconfig.as_ref().map(path_text)),
            (
                "namespaces",
                (!context.namespaces.is_empty())
                    .then(|| value(context.namespaces.iter().collect::<toml_edit::Array>())),
            ),
            ("token_file", context.token_file.as_ref().map(path_text)),
            ("ca_file", context.ca_file.as_ref().map(path_text)),
            ("protected", context.protected.then(|| value(true))),
            ("read_only", context.read_only.then(|| value(true))),
            ("slis", context.slis.as_ref().map(path_text)),
            (
                "approvals",
                (!context.approvals.is_empty()).then(|| {
                    value(context.approvals.iter().map(|operation| operation.as_str()).collect::<toml_edit::Array>())
                }),
            ),
        ];
        let Some(contexts) = self.document["contexts"].as_table_like_mut() else { return };
        if contexts.get(name).is_none() {
            contexts.insert(name, Item::Table(Table::new()));
        }
        let Some(entry) = contexts.get_mut(name).and_then(Item::as_table_like_mut) else { return };
        for (key, field) in fields {
            match field {
                Some(field) => {
                    entry.insert(key, field);
                }
                None => {
                    entry.remove(key);
                }
            }
        }
    }

    /// Removes a context; it is no longer the current one either. Whether there was one.
    pub fn remove_context(&mut self, name: &str) -> bool {
        let removed = self
            .document
            .get_mut("contexts")
            .and_then(Item::as_table_like_mut)
            .is_some_and(|contexts| contexts.remove(name).is_some());
        if self.document.get("current").and_then(Item::as_str) == Some(name) {
            self.document.remove("current");
        }
        removed
    }

    /// Makes a context the current one.
    pub fn set_current(&mut self, name: &str) {
        self.document.insert("current", value(name));
    }

    /// Writes it: a new file beside it, synced, readable by this user alone, renamed over the old one.
    ///
    /// # Errors
    /// [`SettingsError`] when what would be written is not a config, when somebody else changed
    /// the file meanwhile, or when it cannot be written.
    pub fn save(self) -> Result<(), SettingsError> {
        let text = self.document.to_string();
        ConfigFile::parse(&self.path, &text)?;
        let failed = |source| SettingsError::Io { doing: "write", path: self.path.display().to_string(), source };
        if file::read_text(&self.path)? != self.read {
            return Err(failed(std::io::Error::other("it was changed meanwhile: try again")));
        }
        let directory = match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        private_directory(directory).map_err(failed)?;
        // Made with mode 0600.
        let mut temporary = tempfile::NamedTempFile::new_in(directory).map_err(failed)?;
        temporary.write_all(text.as_bytes()).map_err(failed)?;
        temporary.as_file().sync_all().map_err(failed)?;
        temporary.persist(&self.path).map_err(|error| failed(error.error))?;
        Ok(())
    }
}

/// Makes a directory, and those above it, that only this user may enter.
///
/// # Errors
/// When it cannot be made.
pub fn private_directory(path: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(path)
}

/// Writes a file that only this user may read, whole or not at all; never over another one.
///
/// # Errors
/// When there is one already, or it cannot be written.
pub fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
