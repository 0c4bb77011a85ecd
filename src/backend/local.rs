//! A control plane in this process, spoken to as one caller.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{
    ActionReply, ActionRequest, ApprovalChange, ApprovalReply, ApprovalsPage, AuditPage, AuditQuery, Backend,
    BackendError, BackendResult, CalendarPage, CheckpointView, CheckpointsPage, Conditions, Cursor, FlagReply,
    FlagRequest, FlagsPage, ImportReply, OverrideChange, OverrideReply, OverrideRequest, OverridesPage, Problem,
    ProofView, ReasonRequest, RolloutsPage, ServerInfo, SitesPage, SnapshotReply, SnapshotRequest, SnapshotsPage,
    StartRequest, Tagged, TokenReply, TokenRequest, TokensPage, VerifyReport, WindowReply, WindowRequest,
    WindowsImport, WindowsPage, WindowsQuery, WindowsState, WitnessView,
};
use crate::{
    control::Control,
    domain::{ActorKind, Digest, FlagKey, Principal, Role, Rollout, RolloutId, SafeText, Via},
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

    async fn witness(&self, from: Option<u64>) -> BackendResult<WitnessView> {
        self.control.witness(&self.who, from).await.map_err(problem)
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

    async fn change_window(
        &self,
        id: &str,
        request: WindowRequest,
        conditions: Conditions,
    ) -> BackendResult<WindowReply> {
        self.control.change_window(&self.who, id, request, conditions).await.map_err(problem)
    }

    async fn windows_state(&self, query: WindowsQuery) -> BackendResult<WindowsState> {
        self.control.windows_state(&self.who, query).await.map_err(problem)
    }

    async fn calendar(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> BackendResult<CalendarPage> {
        self.control.calendar(&self.who, from, until).await.map_err(problem)
    }

    async fn import_windows(&self, request: WindowsImport, conditions: Conditions) -> BackendResult<ImportReply> {
        self.control.import_windows(&self.who, request, conditions).await.map_err(problem)
    }

    async fn overrides(&self) -> BackendResult<OverridesPage> {
        self.control.overrides(&self.who).await.map_err(problem)
    }

    async fn add_override(&self, request: OverrideRequest, conditions: Conditions) -> BackendResult<OverrideReply> {
        self.control.add_override(&self.who, request, conditions).await.map_err(problem)
    }

    async fn change_override(
        &self,
        id: &str,
        change: OverrideChange,
        request: ReasonRequest,
    ) -> BackendResult<OverrideReply> {
        self.control.change_override(&self.who, id, change, request).await.map_err(problem)
    }

    async fn approvals(&self) -> BackendResult<ApprovalsPage> {
        self.control.approvals(&self.who).await.map_err(problem)
    }

    async fn decide_approval(
        &self,
        id: &str,
        change: ApprovalChange,
        request: ReasonRequest,
    ) -> BackendResult<ApprovalReply> {
        self.control.decide_approval(&self.who, id, change, request).await.map_err(problem)
    }

    async fn flags(&self) -> BackendResult<FlagsPage> {
        self.control.flags(&self.who).await.map_err(problem)
    }

    async fn put_flag(&self, key: &FlagKey, request: FlagRequest, conditions: Conditions) -> BackendResult<FlagReply> {
        Ok(self.control.put_flag(&self.who, key, request, conditions).await.map_err(problem)?.body)
    }

    async fn kill_flag(&self, key: &FlagKey, request: ReasonRequest) -> BackendResult<FlagReply> {
        self.control.kill_flag(&self.who, key, request).await.map_err(problem)
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
