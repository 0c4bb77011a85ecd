//! Finds a cluster: kubeconfig files merged as kubectl merges them, a context of theirs or the service
//! account of a pod, and a client with its credential, certificates and proxy.
//!
//! Files are read again, and a credential plugin is run again, when the cluster says that it does not know
//! who asks: whoever logs in again need not start Rolldeck again.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use kube::{
    Client, Config,
    client::AuthError,
    config::{ExecInteractiveMode, KubeConfigOptions, Kubeconfig, KubeconfigError},
};
use tokio::{sync::Mutex, time::Instant};

use crate::wire::client::install_ring;

mod error;
mod stack;

pub use error::ClientError;
use stack::StackError;

/// The name of a context that stands for the service account of the pod in which Rolldeck runs.
pub const IN_CLUSTER: &str = "in-cluster";
/// How long an answer may take, unless somebody says otherwise.
pub const TIMEOUT: Duration = Duration::from_secs(10);
/// How often a cluster is asked whether it is there: with an answer that takes as long as it may, a dead
/// connection is noticed within 20 s.
pub const HEARTBEAT: Duration = Duration::from_secs(10);
/// The file by which a pod of a cluster is known.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";
/// A client is not built again sooner than this after it failed to be: plugins open browsers.
const AGAIN: Duration = Duration::from_secs(10);
/// How long a credential plugin may take.
const PLUGIN: Duration = Duration::from_mins(1);

/// Which cluster, and what of it.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// What people call it.
    pub name: String,
    /// Kubeconfig files, merged as kubectl does: of what several define, the first counts. When there are
    /// several, those that are not there are passed over.
    pub kubeconfig: Vec<PathBuf>,
    /// The context in them; the current one, when absent. [`IN_CLUSTER`] is the pod's own service account,
    /// which also serves where none of the files is there.
    pub kubernetes_context: Option<String>,
    /// The namespaces that are watched; all of them, when empty.
    pub namespaces: Vec<String>,
    /// How long an answer may take.
    pub timeout: Duration,
    /// How often the cluster is asked whether it is there.
    pub heartbeat: Duration,
}

impl ClusterOptions {
    /// The current context of these files, and all its namespaces.
    #[must_use]
    pub fn new(name: impl Into<String>, kubeconfig: Vec<PathBuf>) -> Self {
        Self {
            name: name.into(),
            kubeconfig,
            kubernetes_context: None,
            namespaces: Vec::new(),
            timeout: TIMEOUT,
            heartbeat: HEARTBEAT,
        }
    }
}

/// A context of kubeconfig files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubernetesContext {
    /// Its name.
    pub name: String,
    /// The cluster that it names.
    pub cluster: String,
    /// Where that is; none where the files do not say.
    pub server: Option<String>,
    /// The user that it names.
    pub user: Option<String>,
    /// The namespace that it names.
    pub namespace: Option<String>,
    /// Whether it is the current one.
    pub current: bool,
}

/// The contexts of kubeconfig files, in their order.
///
/// # Errors
/// [`ClientError`] when there is no file, or one is no kubeconfig.
pub fn contexts(kubeconfig: &[PathBuf]) -> Result<Vec<KubernetesContext>, ClientError> {
    let merged = read(kubeconfig)?;
    let current = merged.current_context.as_deref();
    let server = |cluster: &str| {
        let named = merged.clusters.iter().find(|named| named.name == cluster)?;
        named.cluster.as_ref()?.server.clone()
    };
    Ok(merged
        .contexts
        .iter()
        .filter_map(|named| {
            let context = named.context.as_ref()?;
            Some(KubernetesContext {
                name: named.name.clone(),
                cluster: context.cluster.clone(),
                server: server(&context.cluster),
                user: context.user.clone(),
                namespace: context.namespace.clone(),
                current: current == Some(named.name.as_str()),
            })
        })
        .collect())
}

/// Where a cluster is and who asks, read from files.
#[derive(Clone)]
struct Found {
    config: Config,
    context: String,
    /// The proxy that the kubeconfig names.
    proxy: Option<String>,
    /// What is run for the credential.
    command: String,
}

/// A cluster's client, built when it is needed, and again when its credential is refused.
pub struct Connection {
    options: ClusterOptions,
    context: String,
    server: String,
    built: Mutex<Built>,
}

#[derive(Default)]
struct Built {
    client: Option<Arc<Client>>,
    failed: Option<(Instant, ClientError)>,
    renewed: Option<Instant>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Neither the configuration nor the client: both know the credential.
        f.debug_struct("Connection")
            .field("context", &self.context)
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// Reads the files and finds the context. Asks nothing of the cluster, and runs no plugin.
    ///
    /// # Errors
    /// [`ClientError`] when a file is missing or wrong, or the context is.
    pub async fn open(options: ClusterOptions) -> Result<Self, ClientError> {
        install_ring();
        let found = find(&options).await?;
        let server = found.config.cluster_url.to_string();
        // Whatever stands before an @ may be a secret.
        let server = server.rsplit('@').next().unwrap_or_default().trim_end_matches('/').to_owned();
        let server = server.trim_start_matches("https://").to_owned();
        Ok(Self { options, context: found.context, server, built: Mutex::default() })
    }

    /// Which cluster, and what of it.
    #[must_use]
    pub fn options(&self) -> &ClusterOptions {
        &self.options
    }

    /// The context that was found.
    #[must_use]
    pub fn context(&self) -> &str {
        &self.context
    }

    /// The cluster's address, without credentials.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The client. The first call, and the first after [`Connection::renew`], reads the files and runs the
    /// credential plugin.
    ///
    /// # Errors
    /// [`ClientError`]; it is not tried again within ten seconds.
    pub async fn client(&self) -> Result<Arc<Client>, ClientError> {
        let mut built = self.built.lock().await;
        if let Some(client) = &built.client {
            return Ok(Arc::clone(client));
        }
        if let Some((at, error)) = &built.failed
            && at.elapsed() < AGAIN
        {
            return Err(error.clone());
        }
        let made = match find(&self.options).await {
            Ok(found) => build(found).await,
            Err(error) => Err(error),
        };
        match made {
            Ok(client) => {
                let client = Arc::new(client);
                built.client = Some(Arc::clone(&client));
                built.failed = None;
                Ok(client)
            }
            Err(error) => {
                built.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    /// Has the next call build another client, after the cluster refused the credential of this one. Of many
    /// who notice at once, the first does it.
    pub async fn renew(&self, refused: &Arc<Client>) {
        let mut built = self.built.lock().await;
        let same = built.client.as_ref().is_some_and(|client| Arc::ptr_eq(client, refused));
        let lately = built.renewed.is_some_and(|at| at.elapsed() < AGAIN);
        if same && !lately {
            built.client = None;
            built.renewed = Some(Instant::now());
        }
    }
}

/// The files that are there, merged.
fn read(files: &[PathBuf]) -> Result<Kubeconfig, ClientError> {
    let mut merged: Option<Kubeconfig> = None;
    for path in files.iter().filter(|path| !path.as_os_str().is_empty()) {
        let next = match Kubeconfig::read_from(path) {
            Ok(next) => next,
            Err(KubeconfigError::ReadConfig(error, _))
                if files.len() > 1 && error.kind() == std::io::ErrorKind::NotFound =>
            {
                continue;
            }
            Err(KubeconfigError::ReadConfig(error, _)) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(ClientError::NoKubeconfig(path.display().to_string()));
            }
            Err(error) => return Err(ClientError::of_file(path, &error)),
        };
        merged = Some(match merged {
            Some(merged) => merged.merge(next).map_err(|_| ClientError::Merge(listed(files)))?,
            None => next,
        });
    }
    merged
        .ok_or_else(|| ClientError::NoKubeconfig(if files.is_empty() { "any place".to_owned() } else { listed(files) }))
}

fn listed(files: &[PathBuf]) -> String {
    files.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

async fn find(options: &ClusterOptions) -> Result<Found, ClientError> {
    let named = options.kubernetes_context.as_deref();
    let any = options.kubeconfig.iter().any(|path| path.exists());
    if named == Some(IN_CLUSTER) || (named.is_none() && !any && Path::new(SERVICE_ACCOUNT).exists()) {
        let config = Config::incluster().map_err(|error| ClientError::InCluster(error.to_string()))?;
        return Ok(Found { config, context: IN_CLUSTER.to_owned(), proxy: None, command: String::new() });
    }
    let mut merged = read(&options.kubeconfig)?;
    let files = || listed(&options.kubeconfig);
    let known = || {
        let names: Vec<&str> = merged.contexts.iter().map(|context| context.name.as_str()).take(20).collect();
        if names.is_empty() { "are none".to_owned() } else { format!("are: {}", names.join(", ")) }
    };
    let name = match named.or(merged.current_context.as_deref().filter(|name| !name.is_empty())) {
        Some(name) => name.to_owned(),
        None => return Err(ClientError::NoCurrent { files: files(), known: known() }),
    };
    let Some(context) = merged.contexts.iter().find(|context| context.name == name) else {
        return Err(ClientError::NoContext { name, files: files(), known: known() });
    };
    let (cluster, user) =
        context.context.as_ref().map(|context| (context.cluster.clone(), context.user.clone())).unwrap_or_default();
    let proxy = merged.clusters.iter().find(|named| named.name == cluster).and_then(|named| {
        let proxy = named.cluster.as_ref()?.proxy_url.clone()?;
        (!proxy.is_empty()).then_some(proxy)
    });
    let mut command = String::new();
    let plugin = merged.auth_infos.iter_mut().find(|named| Some(&named.name) == user.as_ref());
    if let Some(plugin) = plugin.and_then(|named| named.auth_info.as_mut()?.exec.as_mut()) {
        command = plugin.command.clone().unwrap_or_default();
        // The terminal is the dashboard's: a plugin that asks there would garble it and hear nothing.
        if plugin.interactive_mode == Some(ExecInteractiveMode::Always) {
            return Err(ClientError::Plugin {
                context: name,
                command,
                why: "asks questions on the terminal, which is not possible here".to_owned(),
            });
        }
        plugin.interactive_mode = Some(ExecInteractiveMode::Never);
    }
    let wanted = KubeConfigOptions { context: Some(name.clone()), cluster: None, user: None };
    let config = Config::from_custom_kubeconfig(merged, &wanted)
        .await
        .map_err(|error| ClientError::of_context(&name, &error))?;
    Ok(Found { config, context: name, proxy, command })
}

/// Builds the client away from the tasks that paint and poll: a plugin takes its time.
async fn build(found: Found) -> Result<Client, ClientError> {
    let Found { config, context, proxy, command } = found;
    // A client spawns its worker on the runtime that it is built in.
    let building = tokio::task::spawn_blocking(move || stack::build(&config, proxy.as_deref()));
    match tokio::time::timeout(PLUGIN, building).await {
        Ok(Ok(Ok(client))) => Ok(client),
        Ok(Ok(Err(error))) => Err(stacked(&context, &command, &error)),
        Ok(Err(_)) => Err(ClientError::Context { context, why: "its client cannot be built".to_owned() }),
        Err(_) => {
            let why = format!("gave no credential within {} s", PLUGIN.as_secs());
            Err(ClientError::Plugin { context, command, why })
        }
    }
}

fn stacked(context: &str, command: &str, error: &StackError) -> ClientError {
    let why = |why: &str| ClientError::Context { context: context.to_owned(), why: why.to_owned() };
    match error {
        StackError::Proxy(text) => why(text),
        StackError::Kube(error) => match error.as_ref() {
            kube::Error::Auth(error) => ClientError::of_credential(context, command, error),
            kube::Error::InferKubeconfig(error) => ClientError::of_context(context, error),
            // The cause may repeat a line of the key.
            kube::Error::RustlsTls(_) => why("its certificates or its key cannot be used for TLS"),
            _ => why("its certificates, credential or headers cannot be used"),
        },
    }
}

/// What went wrong with the credential of a request, where that is why it failed.
#[must_use]
pub fn credential_error(connection: &Connection, error: &AuthError) -> ClientError {
    ClientError::of_credential(&connection.context, "that is configured", error)
}

#[cfg(test)]
mod tests;
