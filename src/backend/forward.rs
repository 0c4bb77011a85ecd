//! What a backend asks of another: one list of its methods, for all that stand before one.

/// Hands the methods of [`super::Backend`] to a macro, but for `place`, `memory` and `act`, which each that stands
/// before another says for itself.
macro_rules! methods {
    ($with:ident) => {
        $with! {
            fn info(&self) -> ServerInfo;
            fn view(&self, after: Option<Cursor>, wait: Duration) -> RolloutsPage;
            fn rollout(&self, id: &RolloutId, tag: Option<String>, wait: Duration) -> Tagged<Rollout>;
            fn start(&self, request: StartRequest, conditions: Conditions) -> ActionReply;
            fn audit(&self, query: AuditQuery) -> AuditPage;
            fn checkpoint(&self) -> CheckpointView;
            fn witness(&self, from: Option<u64>) -> WitnessView;
            fn proof(&self, from: u64, to: u64) -> ProofView;
            fn verify(&self) -> VerifyReport;
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
    };
}

pub(super) use methods;
