//! A Kubernetes cluster without a server: its control plane runs in this process, with the journal in
//! the user's data directory, or in another process of the same user that has the journal open.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use color_eyre::Result;
use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use super::{exit::Failure, plane, session::Session, sli, sources, storage::Storage};
use crate::{
    backend::{Backend, BackendError, BackendResult, Code, Memory, Problem, lazy::Lazy, local::Local, remote::Remote},
    clock::Clock,
    control::{Control, Declared, Policy},
    domain::{
        SafeText, Via, hex,
        plan::{ArmsBy, REPORTED},
    },
    driver::{
        Driver,
        kubernetes::{self, client::ClusterOptions, cluster::Cluster},
    },
    server::serve_privately,
    settings::{ClusterEndpoint, Endpoint, edit::private_directory},
    source::SliSource,
    store::StoreError,
};

/// How long the process that has the journal is waited for: it may be starting, or ending.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is tried meanwhile.
const TRY_EVERY: Duration = Duration::from_millis(100);
/// How long the cluster may take to say who this user is; the system's name does until then.
const IDENTITY: Duration = Duration::from_secs(5);

/// Control planes that this process opened, to be closed before it ends.
#[derive(Debug, Clone, Default)]
pub struct Opened(Arc<Mutex<Vec<(Control, CancellationToken)>>>);

impl Opened {
    fn note(&self, control: Control, stop: CancellationToken) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((control, stop));
    }

    /// Ends all of them: what was acknowledged is on disk and signed.
    pub async fn close(&self) {
        let opened = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for (control, stop) in opened {
            stop.cancel();
            control.shutdown().await;
        }
    }
}

/// What opens a cluster's control plane.
#[derive(Debug, Clone)]
struct Opener {
    name: String,
    cluster: ClusterEndpoint,
    dir: PathBuf,
    user: String,
    via: Via,
    clock: Arc<dyn Clock>,
    opened: Opened,
    judged: Judged,
    pauses: bool,
}

/// What the judge has for a cluster's rollouts.
#[derive(Debug, Clone, Default)]
pub struct Judged {
    /// Where indicators come from.
    pub sources: Vec<Arc<dyn SliSource>>,
    /// Which ones.
    pub declared: Option<Declared>,
}

/// The indicators that a cluster's context names, and the source that has them.
///
/// # Errors
/// When the file or a source cannot be used, and says what to do.
pub fn judged(session: &Session, endpoint: &Endpoint) -> Result<Judged> {
    let Some(file) = &endpoint.slis else { return Ok(Judged::default()) };
    let settings = session.settings()?;
    let lent = sli::file::lend(session, file, None)?;
    let usage = |text: String| Failure::Usage(format!("{}: {text}", file.display()));
    let mut telemetry = lent.telemetry.unwrap_or_default();
    // A context with one metrics server need not say which.
    let only = settings.sources.keys().next().filter(|_| settings.sources.len() == 1);
    if let Some(only) = only.filter(|_| telemetry.source.as_str() == REPORTED) {
        telemetry.source = SafeText::new(only);
    }
    if !settings.sources.contains_key(telemetry.source.as_str()) {
        let text = format!("the config has no [sources.{}] to ask about them: name it there", telemetry.source);
        return Err(usage(text).into());
    }
    telemetry.arms = ArmsBy::Release;
    let declared = Declared { telemetry, slis: lent.slis };
    declared.check().map_err(usage)?;
    Ok(Judged { sources: sources::all(&settings)?, declared: Some(declared) })
}

/// The driver of a cluster.
///
/// # Errors
/// When there is no such context, or it cannot be read.
pub async fn driver(name: &str, cluster: &ClusterEndpoint, clock: &Arc<dyn Clock>) -> Result<Arc<dyn Driver>> {
    let options = ClusterOptions {
        kubernetes_context: Some(cluster.context.clone()),
        namespaces: cluster.namespaces.clone(),
        ..ClusterOptions::new(name, cluster.kubeconfig.clone())
    };
    let opened = Cluster::open(options, Arc::clone(clock)).await;
    Ok(Arc::new(opened.map_err(|error| Failure::Failed(error.to_string()))?))
}

/// The backend of a cluster's context: opened when it is first asked.
pub fn backend(
    session: &Session,
    endpoint: &Endpoint,
    cluster: &ClusterEndpoint,
    via: Via,
) -> Result<Arc<dyn Backend>> {
    let opener = Opener {
        name: endpoint.name.clone(),
        cluster: cluster.clone(),
        dir: directory(session, &endpoint.name, cluster)?,
        user: plane::user(&session.env),
        via,
        clock: Arc::clone(&session.clock),
        opened: session.opened.clone(),
        judged: judged(session, endpoint)?,
        pauses: via == Via::Tui || session.pauses,
    };
    let open = move || -> futures_util::future::BoxFuture<'static, _> {
        let opener = opener.clone();
        Box::pin(async move { opener.open().await })
    };
    let data = session.settings()?.paths.data_dir;
    // Where the journal lies is what tells clusters and users of one name apart.
    let place = directory(session, &endpoint.name, cluster)?.display().to_string();
    let memory = Memory::new(&data, &place, Arc::clone(&session.clock));
    Ok(Arc::new(Lazy::new(&endpoint.server, Box::new(open)).remembering(memory)))
}

/// Where the journal of a cluster's context lies: of this cluster, and of this user there. A name alone is
/// not enough, for contexts of several kubeconfigs may have the same.
///
/// # Errors
/// When the settings cannot be read.
pub fn directory(session: &Session, name: &str, cluster: &ClusterEndpoint) -> Result<PathBuf> {
    // A context of a kubeconfig may have any name: what a file's name cannot hold is written as its code.
    let mut safe = String::new();
    for c in name.chars() {
        if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') && !safe.is_empty() {
            safe.push(c);
        } else {
            // Writing to a String cannot fail.
            let _ = write!(safe, "%{:x}", u32::from(c));
        }
    }
    safe.truncate(100);
    // What cannot be read has no server and no user; whoever connects says why.
    let contexts = kubernetes::client::contexts(&cluster.kubeconfig).unwrap_or_default();
    let context = contexts.into_iter().find(|context| context.name == cluster.context);
    let mut hash = Sha256::new().chain_update(&cluster.context);
    if let Some(context) = context {
        for part in [context.server, Some(context.cluster), context.user] {
            hash.update([0]);
            hash.update(part.unwrap_or_default());
        }
    }
    safe.push('-');
    safe.push_str(&hex(&hash.finalize()[..4]));
    Ok(session.settings()?.paths.data_dir.join("contexts").join(safe))
}

/// The socket through which other programs of this user reach the process that has the journal open.
pub fn socket(dir: &Path) -> PathBuf {
    dir.join("socket")
}

impl Opener {
    async fn open(&self) -> BackendResult<Arc<dyn Backend>> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            match self.here().await {
                Ok(backend) => return Ok(backend),
                Err(report) if matches!(report.downcast_ref(), Some(StoreError::Locked { .. })) => {}
                Err(report) => return Err(self.failed(format!("{report:#}"))),
            }
            match self.there().await {
                Ok(backend) => return Ok(backend),
                Err(error @ BackendError::Problem(_)) => return Err(error),
                Err(error) if tokio::time::Instant::now() >= deadline => {
                    let why = format!("another rolldeck of yours has the journal open and does not answer: {error}");
                    return Err(self.failed(why));
                }
                Err(_) => tokio::time::sleep(TRY_EVERY).await,
            }
        }
    }

    fn failed(&self, why: String) -> BackendError {
        BackendError::Unreachable { place: self.name.clone(), why: SafeText::new(why).to_string() }
    }

    /// In this process.
    async fn here(&self) -> Result<Arc<dyn Backend>> {
        private_directory(&self.dir)?;
        let cluster = driver(&self.name, &self.cluster, &self.clock).await?;
        let drivers = vec![Arc::clone(&cluster)];
        let Judged { sources, declared } = self.judged.clone();
        let carries = plane::Carries { sources, drivers, declared, pauses: self.pauses, policy: Policy::default() };
        let control = plane::open(&self.clock, &Storage::Directory(self.dir.clone()), false, carries).await?;
        // The name that the cluster knows; it is asked at once, and not waited for without end.
        let named = tokio::time::timeout(IDENTITY, cluster.identity()).await.ok().flatten();
        let user = named.unwrap_or_else(|| SafeText::new(&self.user));
        let stop = CancellationToken::new();
        self.opened.note(control.clone(), stop.clone());
        let clock = Arc::clone(&self.clock);
        if let Err(error) = serve_privately(control.clone(), &socket(&self.dir), user.clone(), clock, stop) {
            tracing::warn!("other programs of this user cannot join: {error}");
        }
        Ok(Arc::new(Local::new(control, Local::person(user.as_str(), self.via))))
    }

    /// In the process that has the journal open.
    async fn there(&self) -> BackendResult<Arc<dyn Backend>> {
        let remote = Remote::on_socket(&socket(&self.dir), self.via).map_err(|error| self.failed(error.to_string()))?;
        let info = remote.info().await?;
        // Whoever has it open acts under that name: nobody else may.
        let cluster = driver(&self.name, &self.cluster, &self.clock).await;
        let cluster = cluster.map_err(|error| self.failed(format!("{error:#}")))?;
        let own = tokio::time::timeout(IDENTITY, cluster.identity()).await.ok().flatten();
        if let Some(own) = own.filter(|own| *own != info.actor) {
            let text = format!(
                "another rolldeck has the journal of this context open as {}, and you are {own}: end it first, or set ROLLDECK_DATA_DIR",
                info.actor
            );
            return Err(Problem::new(Code::Forbidden, text).into());
        }
        Ok(Arc::new(remote))
    }
}
