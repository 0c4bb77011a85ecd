//! A context: a server by name, as kubeconfig has them, and the endpoint that one comes to.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{Paths, SecretError, read_token_file, secret::read_pem};
use crate::domain::{TokenText, address};

/// A server, as the config file has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Context {
    /// Its URL.
    pub server: String,
    /// The file with the token. Relative to the config's directory; `~/` is the home directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// Certificates of authorities to trust beside the system's (PEM).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// What widens a change is locked until armed.
    #[serde(default)]
    pub protected: bool,
    /// Refuse every change here.
    #[serde(default)]
    pub read_only: bool,
    /// The file with the indicators of rollouts whose plan declares none: an OpenSLO or Sloth file, or one
    /// with the `slis:` of a plan. Relative to the config's directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slis: Option<PathBuf>,
}

impl Context {
    /// The same with its paths made absolute.
    #[must_use]
    pub fn placed(mut self, paths: &Paths) -> Self {
        for path in [&mut self.token_file, &mut self.ca_file, &mut self.slis] {
            *path = path.take().map(|path| place(path, paths));
        }
        self
    }
}

/// A path of the config made absolute: `~/` is the home directory, others start from the config's.
pub(super) fn place(path: PathBuf, paths: &Paths) -> PathBuf {
    match path.strip_prefix("~") {
        Ok(rest) => directories::BaseDirs::new().map_or_else(|| path.clone(), |base| base.home_dir().join(rest)),
        Err(_) => paths.config_dir.join(path),
    }
}

/// Where a token comes from.
#[derive(Debug, Clone)]
pub enum TokenSource {
    /// There is none: a server on loopback without tokens.
    None,
    /// A file of this user alone; `-` is standard input.
    File(PathBuf),
    /// `ROLLDECK_TOKEN`: others of this user's processes can see it.
    Env(SecretString),
}

impl TokenSource {
    /// Reads the token.
    ///
    /// # Errors
    /// [`SecretError`], which says what to do and never shows the token.
    pub fn read(&self) -> Result<Option<TokenText>, SecretError> {
        match self {
            Self::None => Ok(None),
            Self::File(path) => read_token_file(path).map(Some),
            Self::Env(text) => {
                use secrecy::ExposeSecret as _;
                TokenText::parse(text.expose_secret())
                    .map(Some)
                    .map_err(|source| SecretError::Token { place: "ROLLDECK_TOKEN".to_owned(), source })
            }
        }
    }
}

/// A server and how to reach it.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The context's name, or the host where no context is used.
    pub name: String,
    /// Whether the name is that of a context.
    pub is_context: bool,
    /// The URL, checked.
    pub server: String,
    /// Where the token comes from.
    pub token: TokenSource,
    /// Certificates of authorities to trust beside the system's (PEM).
    pub ca_file: Option<PathBuf>,
    /// What widens a change is locked until armed.
    pub protected: bool,
    /// Refuse every change.
    pub read_only: bool,
    /// The file with the indicators of rollouts whose plan declares none.
    pub slis: Option<PathBuf>,
}

impl Endpoint {
    /// The bytes of the CA file, where there is one.
    ///
    /// # Errors
    /// [`SecretError::Read`] when it cannot be read.
    pub fn ca(&self) -> Result<Option<Vec<u8>>, SecretError> {
        self.ca_file.as_deref().map(read_pem).transpose()
    }
}

/// Whether a text is the URL of a server: `http` only on this machine.
///
/// # Errors
/// What is wrong with it, and what was expected.
pub fn check_server(text: &str) -> Result<(), String> {
    let url = address::server_url(text).map_err(|error| error.to_string())?;
    if url.scheme() == "http" && !address::is_loopback(&url) {
        return Err(format!("{url} is neither on this machine nor https: use an https:// URL"));
    }
    Ok(())
}

/// Whether a text can name a context.
///
/// # Errors
/// What was expected.
pub fn check_name(name: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !name.is_empty() && name.len() <= 63 && name.chars().all(fits) {
        Ok(())
    } else {
        Err("the name of a context is 1 to 63 of a-z, A-Z, 0-9, '-', '_' and '.'".to_owned())
    }
}

/// The host and port of a checked URL.
pub(super) fn host(server: &str) -> String {
    address::server_url(server).map_or_else(
        |_| server.to_owned(),
        |url| match (url.host_str(), url.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (Some(host), None) => host.to_owned(),
            (None, _) => server.to_owned(),
        },
    )
}
