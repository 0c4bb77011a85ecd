//! Where files lie: the platform's directories, or what the environment names instead.

use std::path::{Path, PathBuf};

use super::{Env, SettingsError};

/// The directories and files of this user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// The config file.
    pub config_file: PathBuf,
    /// What relative paths of the config, and the directories of themes and keymaps, start from.
    pub config_dir: PathBuf,
    /// What a server keeps.
    pub data_dir: PathBuf,
    /// What can be lost: logs of the dashboard, history of its command line.
    pub state_dir: PathBuf,
}

impl Paths {
    /// Finds them. `ROLLDECK_CONFIG_DIR`, `ROLLDECK_DATA_DIR` and `ROLLDECK_STATE` stand in for the
    /// platform's; a config file named on the command line brings its own directory.
    ///
    /// # Errors
    /// [`SettingsError::NoHome`] when neither the platform nor the environment names one.
    pub fn find(config: Option<&Path>, env: &Env) -> Result<Self, SettingsError> {
        let platform = directories::ProjectDirs::from("", "", "rolldeck");
        let place = |name: &str, platform: Option<&Path>| {
            env.get(name).map(PathBuf::from).or_else(|| platform.map(Path::to_owned)).ok_or(SettingsError::NoHome)
        };
        let platform = platform.as_ref();
        let config_dir = match config.and_then(Path::parent) {
            Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
            Some(parent) => parent.to_owned(),
            None => place("ROLLDECK_CONFIG_DIR", platform.map(directories::ProjectDirs::config_dir))?,
        };
        Ok(Self {
            config_file: config.map_or_else(|| config_dir.join("config.toml"), Path::to_owned),
            config_dir,
            data_dir: place("ROLLDECK_DATA_DIR", platform.map(directories::ProjectDirs::data_dir))?,
            state_dir: place(
                "ROLLDECK_STATE",
                platform.map(|dirs| dirs.state_dir().unwrap_or_else(|| dirs.data_local_dir())),
            )?,
        })
    }

    /// Where a user's theme of that name would be.
    #[must_use]
    pub fn theme_file(&self, name: &str) -> PathBuf {
        self.config_dir.join("themes").join(format!("{name}.toml"))
    }

    /// Where a user's keymap of that name would be.
    #[must_use]
    pub fn keymap_file(&self, name: &str) -> PathBuf {
        self.config_dir.join("keymaps").join(format!("{name}.toml"))
    }
}
