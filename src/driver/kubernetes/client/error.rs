//! Why there is no client of a cluster. One sentence each, which names the file or the context and what to
//! do, and never repeats what is in a credential or what a plugin printed.

use std::path::Path;

use kube::{client::AuthError, config::KubeconfigError};

/// Why there is no client of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// None of the files is there, and no service account.
    #[error("there is no kubeconfig at {0}, and this is no pod of a cluster: name a kubeconfig")]
    NoKubeconfig(String),
    /// A file cannot be read.
    #[error("cannot read the kubeconfig {path}: {why}")]
    Read {
        /// Which.
        path: String,
        /// Why, as the system says it.
        why: String,
    },
    /// A file is none.
    #[error("{path} is not a kubeconfig{place}: compare it with `kubectl config view --kubeconfig {path}`")]
    Parse {
        /// Which.
        path: String,
        /// Where in it, with a space before, or nothing.
        place: String,
    },
    /// The files do not go together.
    #[error("the kubeconfigs {0} are of different kinds or versions, and cannot be merged")]
    Merge(String),
    /// A context that is not in the files.
    #[error("there is no context {name:?} in {files}; there {known}")]
    NoContext {
        /// Which.
        name: String,
        /// Where it was looked for.
        files: String,
        /// `are: a, b`.
        known: String,
    },
    /// No context was named, here or in the files.
    #[error("{files} has no current context: name one; there {known}")]
    NoCurrent {
        /// Where it was looked for.
        files: String,
        /// `are: a, b`.
        known: String,
    },
    /// What a context refers to is missing, or cannot be used.
    #[error("the context {context:?} cannot be used: {why}")]
    Context {
        /// Which.
        context: String,
        /// What is wrong with it.
        why: String,
    },
    /// A credential plugin was not found, failed, or said nothing of use.
    #[error(
        "the credential plugin {command:?} of the context {context:?} {why}: run `kubectl --context {context} version` to see what it says"
    )]
    Plugin {
        /// Of which context.
        context: String,
        /// What is run.
        command: String,
        /// How it failed.
        why: String,
    },
    /// The files of a pod's service account cannot be used.
    #[error("the service account of this pod cannot be used: {0}")]
    InCluster(String),
}

impl ClientError {
    /// A failure to read one file.
    #[must_use]
    pub fn of_file(path: &Path, error: &KubeconfigError) -> Self {
        let path = path.display().to_string();
        match error {
            KubeconfigError::ReadConfig(why, _) => Self::Read { path, why: why.to_string() },
            KubeconfigError::KindMismatch | KubeconfigError::ApiVersionMismatch => Self::Merge(path),
            KubeconfigError::Parse(error) => {
                let place = error.location().filter(|spot| spot.line() > 0);
                let place = place.map(|spot| format!(" (line {}, column {})", spot.line(), spot.column()));
                Self::Parse { path, place: place.unwrap_or_default() }
            }
            _ => Self::Parse { path, place: String::new() },
        }
    }

    /// A context whose parts cannot be used.
    #[must_use]
    pub fn of_context(context: &str, error: &KubeconfigError) -> Self {
        let why = match error {
            KubeconfigError::LoadClusterOfContext(cluster) => format!("there is no cluster {cluster:?}"),
            KubeconfigError::MissingClusterUrl => "its cluster has no `server`".to_owned(),
            KubeconfigError::ParseClusterUrl(error) => format!("the `server` of its cluster is no URL ({error})"),
            KubeconfigError::ParseProxyUrl(error) => format!("the URL of the proxy is none ({error})"),
            KubeconfigError::ParseNoProxy(error) => format!("NO_PROXY cannot be read ({error})"),
            // These name a file or a position in base64, never what is in it.
            KubeconfigError::LoadCertificateAuthority(error) => {
                format!("the certificate authority of its cluster: {error}")
            }
            KubeconfigError::LoadClientCertificate(error) => format!("the client certificate of its user: {error}"),
            KubeconfigError::LoadClientKey(error) => format!("the client key of its user: {error}"),
            KubeconfigError::ParseCertificates(_) => {
                "the certificate authority of its cluster is not in the PEM format".to_owned()
            }
            _ => "its cluster or user is incomplete".to_owned(),
        };
        Self::Context { context: context.to_owned(), why }
    }

    /// A credential that could not be had.
    #[must_use]
    pub fn of_credential(context: &str, command: &str, error: &AuthError) -> Self {
        let context = context.to_owned();
        let plugin = |why: String| Self::Plugin { context: context.clone(), command: command.to_owned(), why };
        match error {
            AuthError::AuthExecStart(error) => plugin(format!("cannot be run ({error})")),
            // What it printed may hold the token.
            AuthError::AuthExecRun { out, .. } => plugin(format!("failed ({})", out.status)),
            AuthError::AuthExecParse(_) | AuthError::ExecPluginFailed | AuthError::UnrefreshableTokenResponse => {
                plugin("gave no credential".to_owned())
            }
            AuthError::MalformedTokenExpirationDate(_) => plugin("gave a credential with no date".to_owned()),
            AuthError::MissingCommand => {
                Self::Context { context, why: "its credential plugin has no command".to_owned() }
            }
            AuthError::ReadTokenFile(error, path) => {
                Self::Context { context, why: format!("the token file {} cannot be read: {error}", path.display()) }
            }
            AuthError::InvalidBasicAuth(_) | AuthError::InvalidBearerToken(_) => {
                Self::Context { context, why: "its token or password has characters that none may have".to_owned() }
            }
            AuthError::AuthExec(_) => Self::Context {
                context,
                why: "its `auth-provider` is not supported: use a credential plugin".to_owned(),
            },
            _ => Self::Context { context, why: "its credential cannot be used".to_owned() },
        }
    }
}
