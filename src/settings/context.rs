//! A context: a server by name, as kubeconfig has them, and the endpoint that one comes to.

use std::path::PathBuf;

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{Links, Paths, SecretError, read_token_file, secret::read_pem};
use crate::domain::{Operation, TokenText, action::ACTIONS, address};

/// A server, as the config file has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Context {
    /// Its URL; none of a cluster.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub server: String,
    /// Instead of a server: a context of the kubeconfig. Rolldeck then needs no server, and keeps its
    /// journal in the user's data directory. `in-cluster` is the service account of the pod it runs in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<String>,
    /// The kubeconfig of that context; the user's own, when absent. Relative to the config's directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubeconfig: Option<PathBuf>,
    /// The namespaces that are watched there; all of them, when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
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
    /// What asks for a second person here, also where the server does not demand it: `promote_full`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Operation>,
    /// Links to other places, over those of all contexts.
    #[serde(default, skip_serializing_if = "Links::is_empty")]
    pub links: Links,
}

impl Context {
    /// The same with its paths made absolute.
    #[must_use]
    pub fn placed(mut self, paths: &Paths) -> Self {
        for path in [&mut self.token_file, &mut self.ca_file, &mut self.slis, &mut self.kubeconfig] {
            *path = path.take().map(|path| place(path, paths));
        }
        self
    }

    /// Where it is, for people.
    #[must_use]
    pub fn place(&self) -> String {
        self.kubernetes.as_ref().map_or_else(|| self.server.clone(), |context| format!("kubernetes context {context}"))
    }

    /// Whether it says one place, and that as it can be.
    ///
    /// # Errors
    /// The field, and what was expected of it.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        let Some(kubernetes) = &self.kubernetes else {
            for (field, given) in
                [("kubeconfig", self.kubeconfig.is_some()), ("namespaces", !self.namespaces.is_empty())]
            {
                if given {
                    return Err((field, "it goes with `kubernetes = \"...\"`, which is missing here".to_owned()));
                }
            }
            if self.server.is_empty() {
                let text = "missing field `server`, or kubernetes = \"a context of your kubeconfig\"";
                return Err(("server", text.to_owned()));
            }
            let acts =
                |operation: &&Operation| ACTIONS.iter().any(|spec| Operation::of(spec.action) == Some(**operation));
            if let Some(other) = self.approvals.iter().find(|operation| !acts(operation)) {
                let text = format!("{other} is no action on a rollout: its server demands it with serve --approvals");
                return Err(("approvals", text));
            }
            return check_server(&self.server).map_err(|message| ("server", message));
        };
        if kubernetes.is_empty() {
            return Err(("kubernetes", "expected the name of a context of the kubeconfig, or in-cluster".to_owned()));
        }
        let server_only = [
            ("server", !self.server.is_empty()),
            ("token_file", self.token_file.is_some()),
            ("ca_file", self.ca_file.is_some()),
            // What waits lies in a journal that nobody else reads.
            ("approvals", !self.approvals.is_empty()),
        ];
        if let Some((field, _)) = server_only.into_iter().find(|(_, given)| *given) {
            let text = "a context is a server or a cluster: give server, or kubernetes, not both";
            return Err((
                field,
                if field == "server" { text } else { "it goes with a server, and this is a cluster" }.to_owned(),
            ));
        }
        let is_name = |name: &String| {
            let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            !name.is_empty() && name.len() <= 63 && name.bytes().all(fits)
        };
        match self.namespaces.iter().find(|name| !is_name(name)) {
            Some(name) => {
                let name: String = name.chars().take(40).collect();
                Err(("namespaces", format!("{name:?} is not a namespace: 1 to 63 of a-z, 0-9 and '-'")))
            }
            None => Ok(()),
        }
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

/// A cluster that is spoken to without a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterEndpoint {
    /// Kubeconfig files, merged in this order.
    pub kubeconfig: Vec<PathBuf>,
    /// The context in them.
    pub context: String,
    /// The namespaces that are watched; all of them, when empty.
    pub namespaces: Vec<String>,
}

/// A server or cluster, and how to reach it.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The context's name, or the host where no context is used.
    pub name: String,
    /// Whether the name is that of a context.
    pub is_context: bool,
    /// The URL, checked; of a cluster, what it is called.
    pub server: String,
    /// The cluster, where it is one.
    pub cluster: Option<ClusterEndpoint>,
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
    /// What asks for a second person, also where the server does not demand it.
    pub approvals: Vec<Operation>,
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
