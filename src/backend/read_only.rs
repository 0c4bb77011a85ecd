//! A backend through which nothing is changed, whatever asks: `--read-only`, and contexts that are.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};

use super::{
    ActionReply, ActionRequest, ApprovalChange, ApprovalReply, ApprovalsPage, AuditPage, AuditQuery, Backend,
    BackendResult, CalendarPage, CheckpointView, CheckpointsPage, Code, Conditions, Cursor, FlagReply, FlagRequest,
    FlagsPage, ImportReply, Memory, OverrideChange, OverrideReply, OverrideRequest, OverridesPage, Problem, ProofView,
    ReasonRequest, RolloutsPage, ServerInfo, SitesPage, SnapshotReply, SnapshotRequest, SnapshotsPage, StartRequest,
    Tagged, TokenReply, TokenRequest, TokensPage, VerifyReport, WindowReply, WindowRequest, WindowsImport, WindowsPage,
    WindowsQuery, WindowsState, WitnessView, Witnessed,
};
use crate::domain::{Digest, FlagKey, Rollout, RolloutId};

/// A backend without its changes. What only says what would happen goes through.
#[derive(Debug)]
pub struct ReadOnly(pub Arc<dyn Backend>);

fn refused<T>() -> BackendResult<T> {
    let text = "read-only here (--read-only, ROLLDECK_READ_ONLY, or read_only in the config): nothing was sent";
    Err(Problem::new(Code::Forbidden, text).into())
}

#[async_trait::async_trait]
impl Backend for ReadOnly {
    fn place(&self) -> String {
        self.0.place()
    }
    async fn info(&self) -> BackendResult<ServerInfo> {
        self.0.info().await
    }
    async fn view(&self, after: Option<Cursor>, wait: Duration) -> BackendResult<RolloutsPage> {
        self.0.view(after, wait).await
    }
    async fn rollout(&self, id: &RolloutId, tag: Option<String>, wait: Duration) -> BackendResult<Tagged<Rollout>> {
        self.0.rollout(id, tag, wait).await
    }
    async fn start(&self, request: StartRequest, conditions: Conditions) -> BackendResult<ActionReply> {
        if request.dry_run { self.0.start(request, conditions).await } else { refused() }
    }
    async fn act(&self, id: &RolloutId, request: ActionRequest, conditions: Conditions) -> BackendResult<ActionReply> {
        if request.dry_run { self.0.act(id, request, conditions).await } else { refused() }
    }
    async fn audit(&self, query: AuditQuery) -> BackendResult<AuditPage> {
        self.0.audit(query).await
    }
    async fn checkpoint(&self) -> BackendResult<CheckpointView> {
        self.0.checkpoint().await
    }
    async fn witness(&self, from: Option<u64>) -> BackendResult<WitnessView> {
        self.0.witness(from).await
    }
    fn memory(&self) -> Option<&Memory> {
        self.0.memory()
    }
    async fn witnessed(&self) -> BackendResult<Witnessed> {
        self.0.witnessed().await
    }
    async fn proof(&self, from: u64, to: u64) -> BackendResult<ProofView> {
        self.0.proof(from, to).await
    }
    async fn verify(&self) -> BackendResult<VerifyReport> {
        self.0.verify().await
    }
    async fn windows(&self) -> BackendResult<WindowsPage> {
        self.0.windows().await
    }
    async fn add_window(&self, _: WindowRequest, _: Conditions) -> BackendResult<WindowReply> {
        refused()
    }
    async fn lift_window(&self, _: &str, _: ReasonRequest) -> BackendResult<WindowReply> {
        refused()
    }
    async fn change_window(&self, _: &str, _: WindowRequest, _: Conditions) -> BackendResult<WindowReply> {
        refused()
    }
    async fn windows_state(&self, query: WindowsQuery) -> BackendResult<WindowsState> {
        self.0.windows_state(query).await
    }
    async fn calendar(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> BackendResult<CalendarPage> {
        self.0.calendar(from, until).await
    }
    async fn import_windows(&self, request: WindowsImport, conditions: Conditions) -> BackendResult<ImportReply> {
        if request.dry_run { self.0.import_windows(request, conditions).await } else { refused() }
    }
    async fn overrides(&self) -> BackendResult<OverridesPage> {
        self.0.overrides().await
    }
    async fn add_override(&self, _: OverrideRequest, _: Conditions) -> BackendResult<OverrideReply> {
        refused()
    }
    async fn change_override(&self, _: &str, _: OverrideChange, _: ReasonRequest) -> BackendResult<OverrideReply> {
        refused()
    }
    async fn approvals(&self) -> BackendResult<ApprovalsPage> {
        self.0.approvals().await
    }
    async fn decide_approval(&self, _: &str, _: ApprovalChange, _: ReasonRequest) -> BackendResult<ApprovalReply> {
        refused()
    }
    async fn flags(&self) -> BackendResult<FlagsPage> {
        self.0.flags().await
    }
    async fn put_flag(&self, key: &FlagKey, request: FlagRequest, conditions: Conditions) -> BackendResult<FlagReply> {
        if request.dry_run { self.0.put_flag(key, request, conditions).await } else { refused() }
    }
    async fn kill_flag(&self, _: &FlagKey, _: ReasonRequest) -> BackendResult<FlagReply> {
        refused()
    }
    async fn sites(&self) -> BackendResult<SitesPage> {
        self.0.sites().await
    }
    async fn snapshots(&self) -> BackendResult<SnapshotsPage> {
        self.0.snapshots().await
    }
    async fn add_snapshot(&self, _: SnapshotRequest) -> BackendResult<SnapshotReply> {
        refused()
    }
    async fn artifact(&self, digest: &Digest) -> BackendResult<Vec<u8>> {
        self.0.artifact(digest).await
    }
    async fn checkpoints(&self) -> BackendResult<CheckpointsPage> {
        self.0.checkpoints().await
    }
    async fn tokens(&self) -> BackendResult<TokensPage> {
        self.0.tokens().await
    }
    async fn add_token(&self, _: TokenRequest) -> BackendResult<TokenReply> {
        refused()
    }
    async fn revoke_token(&self, _: &str, _: ReasonRequest) -> BackendResult<TokenReply> {
        refused()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        backend::{BackendError, remote::Remote},
        domain::Via,
    };

    #[tokio::test]
    async fn no_change_leaves_a_read_only_backend_and_a_dry_run_does() {
        // Nobody listens there: what is sent fails in another way than what is refused.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let backend = ReadOnly(Arc::new(Remote::new(&url, None, None, Via::Tui).unwrap()));
        let id: RolloutId = "dc-west/pick-assist".parse().unwrap();
        let act = |dry_run: bool| {
            let request = json!({"action": "pause", "reason": "looks wrong to me", "dry_run": dry_run});
            backend.act(&id, serde_json::from_value(request).unwrap(), Conditions::default())
        };
        assert_eq!(act(false).await.unwrap_err().code(), Some(Code::Forbidden));
        assert!(matches!(act(true).await.unwrap_err(), BackendError::Unreachable { .. }));
        let window = json!({"scope": "dc-west", "reason": "pilot week here"});
        let window = serde_json::from_value(window).unwrap();
        let refused = backend.add_window(window, Conditions::default()).await.unwrap_err();
        assert_eq!(refused.code(), Some(Code::Forbidden));
        let snapshot = backend.add_snapshot(SnapshotRequest::default()).await.unwrap_err();
        assert_eq!(snapshot.code(), Some(Code::Forbidden));
    }
}
