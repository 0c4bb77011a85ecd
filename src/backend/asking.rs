//! A backend whose actions ask for a second person where a context says so, also where its server does
//! not demand it.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};

use super::{
    ActionReply, ActionRequest, ApprovalChange, ApprovalReply, ApprovalsPage, AuditPage, AuditQuery, Backend,
    BackendResult, CalendarPage, CheckpointView, CheckpointsPage, Conditions, Cursor, FlagReply, FlagRequest,
    FlagsPage, ImportReply, OverrideChange, OverrideReply, OverrideRequest, OverridesPage, ProofView, ReasonRequest,
    RolloutsPage, ServerInfo, SitesPage, SnapshotReply, SnapshotRequest, SnapshotsPage, StartRequest, Tagged,
    TokenReply, TokenRequest, TokensPage, VerifyReport, WindowReply, WindowRequest, WindowsImport, WindowsPage,
    WindowsQuery, WindowsState, WitnessView,
};
use crate::domain::{Digest, FlagKey, Operation, Rollout, RolloutId};

/// A backend, and for what somebody else is asked.
#[derive(Debug)]
pub struct Asking {
    /// What is asked.
    pub backend: Arc<dyn Backend>,
    /// What needs a second person.
    pub operations: BTreeSet<Operation>,
}

/// Each method asks the backend behind it.
macro_rules! through {
    ($(fn $name:ident(&self $(, $argument:ident: $type:ty)*) -> $answer:ty;)*) => {
        #[async_trait::async_trait]
        impl Backend for Asking {
            fn place(&self) -> String {
                self.backend.place()
            }
            async fn act(
                &self,
                id: &RolloutId,
                mut request: ActionRequest,
                conditions: Conditions,
            ) -> BackendResult<ActionReply> {
                request.ask |= Operation::of(request.action).is_some_and(|what| self.operations.contains(&what));
                self.backend.act(id, request, conditions).await
            }
            $(
                async fn $name(&self $(, $argument: $type)*) -> BackendResult<$answer> {
                    self.backend.$name($($argument),*).await
                }
            )*
        }
    };
}

through! {
    fn info(&self) -> ServerInfo;
    fn view(&self, after: Option<Cursor>, wait: Duration) -> RolloutsPage;
    fn rollout(&self, id: &RolloutId, tag: Option<String>, wait: Duration) -> Tagged<Rollout>;
    fn start(&self, request: StartRequest, conditions: Conditions) -> ActionReply;
    fn audit(&self, query: AuditQuery) -> AuditPage;
    fn checkpoint(&self) -> CheckpointView;
    fn proof(&self, from: u64, to: u64) -> ProofView;
    fn verify(&self) -> VerifyReport;
    fn witness(&self, from: Option<u64>) -> WitnessView;
    fn windows(&self) -> WindowsPage;
    fn add_window(&self, request: WindowRequest, conditions: Conditions) -> WindowReply;
    fn lift_window(&self, id: &str, request: ReasonRequest) -> WindowReply;
    fn change_window(&self, id: &str, request: WindowRequest, conditions: Conditions) -> WindowReply;
    fn windows_state(&self, query: WindowsQuery) -> WindowsState;
    fn calendar(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> CalendarPage;
    fn import_windows(&self, request: WindowsImport, conditions: Conditions) -> ImportReply;
    fn overrides(&self) -> OverridesPage;
    fn add_override(&self, request: OverrideRequest, conditions: Conditions) -> OverrideReply;
    fn change_override(&self, id: &str, change: OverrideChange, request: ReasonRequest) -> OverrideReply;
    fn approvals(&self) -> ApprovalsPage;
    fn decide_approval(&self, id: &str, change: ApprovalChange, request: ReasonRequest) -> ApprovalReply;
    fn flags(&self) -> FlagsPage;
    fn put_flag(&self, key: &FlagKey, request: FlagRequest, conditions: Conditions) -> FlagReply;
    fn kill_flag(&self, key: &FlagKey, request: ReasonRequest) -> FlagReply;
    fn sites(&self) -> SitesPage;
    fn snapshots(&self) -> SnapshotsPage;
    fn add_snapshot(&self, request: SnapshotRequest) -> SnapshotReply;
    fn artifact(&self, digest: &Digest) -> Vec<u8>;
    fn checkpoints(&self) -> CheckpointsPage;
    fn tokens(&self) -> TokensPage;
    fn add_token(&self, request: TokenRequest) -> TokenReply;
    fn revoke_token(&self, id: &str, request: ReasonRequest) -> TokenReply;
}
