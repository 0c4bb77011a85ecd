//! One run of the program: its options, settings, and the backend that it talks to.

use std::sync::Arc;

use color_eyre::Result;
use serde::Serialize;

use super::{
    args::{Format, Global},
    cluster::{self, Opened},
    exit::{Failure, say},
    output,
};
use crate::{
    backend::{Backend, Memory, asking::Asking, remote::Remote},
    clock::{self, Clock},
    domain::{Reason, Via},
    settings::{Endpoint, Env, Settings},
};

/// One run of the program.
#[derive(Debug, Clone)]
pub struct Session {
    /// The options that every subcommand takes.
    pub global: Global,
    /// The environment.
    pub env: Env,
    /// Where times and ids come from.
    pub clock: Arc<dyn Clock>,
    /// Control planes that this run opened.
    pub opened: Opened,
    /// Whether it stays long enough to pause what a window says is to be paused.
    pub pauses: bool,
}

/// A backend and where it is.
#[derive(Debug)]
pub struct Connection {
    /// Where it is.
    pub endpoint: Endpoint,
    /// What it is talked to by.
    pub backend: Arc<dyn Backend>,
    /// The same over HTTP, for what only a server can do; of a cluster, once the backend was asked.
    pub remote: Remote,
}

/// What to do when nothing says where the server is.
pub const NO_CONTEXT: &str = "\
There is no context yet, so rolldeck does not know which server to ask.
  rolldeck demo                                        try it on a simulated fleet
  rolldeck serve                                       run a control plane on this machine
  rolldeck --context NAME                              a context of your kubeconfig: nothing to install
  rolldeck context add NAME --server URL --token-file FILE   add a server
  rolldeck --server http://127.0.0.1:7070 ...          ask a server just this once";

impl Session {
    /// A run with these options in this process's environment.
    pub fn new(global: Global) -> Self {
        Self { global, env: Env::of_process(), clock: clock::system(), opened: Opened::default(), pauses: false }
    }

    /// How results are printed.
    pub fn format(&self) -> Format {
        self.global.output
    }

    /// The settings.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn settings(&self) -> Result<Settings> {
        Ok(Settings::load(&self.global.overrides(), &self.env)?)
    }

    /// The backend that options, environment or config name.
    ///
    /// # Errors
    /// When none is named, or what is named cannot be used.
    pub fn connect(&self) -> Result<Connection> {
        let settings = self.settings()?;
        let endpoint = settings.endpoint_or_cluster()?.ok_or_else(|| Failure::Usage(NO_CONTEXT.to_owned()))?;
        if let Some(cluster) = &endpoint.cluster {
            let backend = cluster::backend(self, &endpoint, cluster, Via::Cli)?;
            let remote =
                Remote::on_socket(&cluster::socket(&cluster::directory(self, &endpoint.name, cluster)?), Via::Cli)?;
            return Ok(Connection { endpoint, backend, remote });
        }
        let memory = Memory::new(&settings.paths.data_dir, &endpoint.server, Arc::clone(&self.clock));
        let remote = Remote::of_endpoint(&endpoint, Via::Cli)?.remembering(memory);
        let backend = asking(&endpoint, Arc::new(remote.clone()));
        Ok(Connection { endpoint, backend, remote })
    }

    /// The same, for something that changes what is there.
    ///
    /// # Errors
    /// As [`Session::connect`], and when changes are refused here.
    pub fn connect_to_change(&self) -> Result<Connection> {
        let connection = self.connect()?;
        if connection.endpoint.read_only {
            let name = &connection.endpoint.name;
            return Err(Failure::Usage(format!(
                "{name} is read-only here (--read-only, ROLLDECK_READ_ONLY, or read_only in the config): nothing was sent"
            ))
            .into());
        }
        Ok(connection)
    }

    /// Prints a result.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn print<T: Serialize>(&self, value: &T, table: impl FnOnce() -> String) -> Result<()> {
        output::print(self.format(), value, table)
    }

    /// A remark on standard error, for people only.
    pub fn note(&self, text: &str) {
        if self.format() == Format::Table {
            say(text);
        }
    }
}

/// A backend that asks for a second person where its context says so.
pub fn asking(endpoint: &Endpoint, backend: Arc<dyn Backend>) -> Arc<dyn Backend> {
    if endpoint.approvals.is_empty() {
        return backend;
    }
    Arc::new(Asking { backend, operations: endpoint.approvals.iter().copied().collect() })
}

/// Checks a reason before anything is sent.
///
/// # Errors
/// The rule that was not kept, as a wrong usage.
pub fn reason(text: Option<&str>) -> Result<Reason> {
    Reason::new(text.unwrap_or_default()).map_err(|error| Failure::Usage(format!("--reason: {error}")).into())
}
