//! A backend that is opened when it is first asked, and opened again after it was lost: a control
//! plane that another process of this user may have open at the moment.

use std::{fmt, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use tokio::sync::Mutex;

use super::{
    ActionReply, ActionRequest, ApprovalChange, ApprovalReply, ApprovalsPage, AuditPage, AuditQuery, Backend,
    BackendError, BackendResult, CalendarPage, CheckpointView, CheckpointsPage, Conditions, Cursor, FlagReply,
    FlagRequest, FlagsPage, ImportReply, Memory, OverrideChange, OverrideReply, OverrideRequest, OverridesPage,
    ProofView, ReasonRequest, RolloutsPage, ServerInfo, SitesPage, SnapshotReply, SnapshotRequest, SnapshotsPage,
    StartRequest, Tagged, TokenReply, TokenRequest, TokensPage, VerifyReport, WindowReply, WindowRequest,
    WindowsImport, WindowsPage, WindowsQuery, WindowsState, WitnessView,
};
use crate::domain::{Digest, FlagKey, Rollout, RolloutId};

/// How a backend is opened.
pub type Open = Box<dyn Fn() -> BoxFuture<'static, BackendResult<Arc<dyn Backend>>> + Send + Sync>;

/// A backend that is opened when it is needed.
pub struct Lazy {
    place: String,
    open: Open,
    opened: Mutex<Option<Arc<dyn Backend>>>,
    memory: Option<Memory>,
}

impl fmt::Debug for Lazy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lazy").field("place", &self.place).finish_non_exhaustive()
    }
}

impl Lazy {
    /// A backend that is opened by `open`; for people, it is at `place`.
    #[must_use]
    pub fn new(place: impl Into<String>, open: Open) -> Self {
        Self { place: place.into(), open, opened: Mutex::new(None), memory: None }
    }

    /// The same, remembering what the audit trail was like.
    #[must_use]
    pub fn remembering(self, memory: Memory) -> Self {
        Self { memory: Some(memory), ..self }
    }

    async fn backend(&self) -> BackendResult<Arc<dyn Backend>> {
        let mut opened = self.opened.lock().await;
        if let Some(backend) = &*opened {
            return Ok(Arc::clone(backend));
        }
        let backend = (self.open)().await?;
        *opened = Some(Arc::clone(&backend));
        Ok(backend)
    }

    /// A backend that does not answer is opened again by whoever asks next. What was asked is not asked
    /// again here: whether a change was made is for its sender to find out, with the same key.
    async fn noted<T>(&self, asked: &Arc<dyn Backend>, answer: BackendResult<T>) -> BackendResult<T> {
        if matches!(answer, Err(BackendError::Unreachable { .. })) {
            let mut opened = self.opened.lock().await;
            if opened.as_ref().is_some_and(|backend| Arc::ptr_eq(backend, asked)) {
                *opened = None;
            }
        }
        answer
    }
}

/// Each method asks the backend behind it.
macro_rules! through {
    ($($(#[$doc:meta])* fn $name:ident(&self $(, $argument:ident: $type:ty)*) -> $answer:ty;)*) => {
        #[async_trait::async_trait]
        impl Backend for Lazy {
            fn place(&self) -> String {
                self.place.clone()
            }
            fn memory(&self) -> Option<&Memory> {
                self.memory.as_ref()
            }
            $(
                async fn $name(&self $(, $argument: $type)*) -> BackendResult<$answer> {
                    let backend = self.backend().await?;
                    let answer = backend.$name($($argument),*).await;
                    self.noted(&backend, answer).await
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
    fn act(&self, id: &RolloutId, request: ActionRequest, conditions: Conditions) -> ActionReply;
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
