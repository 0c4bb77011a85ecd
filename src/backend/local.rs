//! A control plane in this process, spoken to as one caller.

use std::time::Duration;

use super::{
    ActionReply, ActionRequest, AuditPage, AuditQuery, Backend, BackendError, BackendResult, CheckpointView,
    CheckpointsPage, Conditions, Cursor, Problem, ProofView, ReasonRequest, RolloutsPage, ServerInfo, SitesPage,
    SnapshotReply, SnapshotRequest, SnapshotsPage, StartRequest, Tagged, TokenReply, TokenRequest, TokensPage,
    VerifyReport, WindowReply, WindowRequest, WindowsPage,
};
use crate::{
    control::Control,
    domain::{ActorKind, Digest, Principal, Role, Rollout, RolloutId, SafeText, Via},
};

/// A control plane and who speaks to it.
#[derive(Debug, Clone)]
pub struct Local {
    control: Control,
    who: Principal,
}

impl Local {
    /// The control plane, spoken to as `who`.
    #[must_use]
    pub fn new(control: Control, who: Principal) -> Self {
        Self { control, who }
    }

    /// The person at this machine, who may everything here: named by the operating system's user.
    #[must_use]
    pub fn person(name: &str, via: Via) -> Principal {
        Principal {
            id: SafeText::new(name),
            kind: ActorKind::Human,
            role: Role::Commander,
            targets: vec!["*".to_owned()],
            binding: None,
            credential: None,
            via,
            source: None,
        }
    }
}

fn problem(problem: Problem) -> BackendError {
    problem.into()
}

#[async_trait::async_trait]
impl Backend for Local {
    fn place(&self) -> String {
        "this process".to_owned()
    }

    async fn info(&self) -> BackendResult<ServerInfo> {
        Ok(ServerInfo {
            version: SafeText::new(env!("CARGO_PKG_VERSION")),
            simulated: self.control.simulated(),
            actor: self.who.id.clone(),
            role: self.who.role,
            targets: self.who.targets.iter().map(SafeText::new).collect(),
        })
    }

    async fn view(&self, after: Option<Cursor>, wait: Duration) -> BackendResult<RolloutsPage> {
        self.control.rollouts(&self.who, after, wait).await.map_err(problem)
    }

    async fn rollout(&self, id: &RolloutId, tag: Option<String>, wait: Duration) -> BackendResult<Tagged<Rollout>> {
        self.control.rollout(&self.who, id, tag.as_deref(), wait).await.map_err(problem)
    }

    async fn start(&self, request: StartRequest, conditions: Conditions) -> BackendResult<ActionReply> {
        Ok(self.control.begin(&self.who, request, conditions).await.map_err(problem)?.body)
    }

    async fn act(&self, id: &RolloutId, request: ActionRequest, conditions: Conditions) -> BackendResult<ActionReply> {
        Ok(self.control.act(&self.who, id, request, conditions).await.map_err(problem)?.body)
    }

    async fn audit(&self, query: AuditQuery) -> BackendResult<AuditPage> {
        self.control.audit(&self.who, query).await.map_err(problem)
    }

    async fn checkpoint(&self) -> BackendResult<CheckpointView> {
        self.control.checkpoint(&self.who).await.map_err(problem)
    }

    async fn proof(&self, from: u64, to: u64) -> BackendResult<ProofView> {
        self.control.proof(&self.who, from, to).await.map_err(problem)
    }

    async fn verify(&self) -> BackendResult<VerifyReport> {
        self.control.verify(&self.who).await.map_err(problem)
    }

    async fn windows(&self) -> BackendResult<WindowsPage> {
        self.control.windows(&self.who).await.map_err(problem)
    }

    async fn add_window(&self, request: WindowRequest, conditions: Conditions) -> BackendResult<WindowReply> {
        self.control.add_window(&self.who, request, conditions).await.map_err(problem)
    }

    async fn lift_window(&self, id: &str, request: ReasonRequest) -> BackendResult<WindowReply> {
        self.control.lift_window(&self.who, id, request).await.map_err(problem)
    }

    async fn sites(&self) -> BackendResult<SitesPage> {
        self.control.sites(&self.who).await.map_err(problem)
    }

    async fn snapshots(&self) -> BackendResult<SnapshotsPage> {
        self.control.snapshots(&self.who).await.map_err(problem)
    }

    async fn add_snapshot(&self, request: SnapshotRequest) -> BackendResult<SnapshotReply> {
        self.control.add_snapshot(&self.who, request).await.map_err(problem)
    }

    async fn artifact(&self, digest: &Digest) -> BackendResult<Vec<u8>> {
        self.control.artifact(&self.who, digest).await.map_err(problem)
    }

    async fn checkpoints(&self) -> BackendResult<CheckpointsPage> {
        let (notes, key) = self.control.checkpoints(&self.who).await.map_err(problem)?;
        Ok(CheckpointsPage { notes, key: SafeText::new(key) })
    }

    async fn tokens(&self) -> BackendResult<TokensPage> {
        self.control.tokens_page(&self.who).map_err(problem)
    }

    async fn add_token(&self, request: TokenRequest) -> BackendResult<TokenReply> {
        self.control.add_token(&self.who, request).await.map_err(problem)
    }

    async fn revoke_token(&self, id: &str, request: ReasonRequest) -> BackendResult<TokenReply> {
        self.control.revoke_token(&self.who, id, request).await.map_err(problem)
    }
}
