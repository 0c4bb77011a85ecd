//! What the dashboard and the command line talk to: a control plane in this process, or one over HTTP.

pub mod asking;
mod forward;
pub mod lazy;
pub mod local;
pub mod read_only;
pub mod remote;
pub mod witness;

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::domain::{Digest, FlagKey, Rollout, RolloutId};

pub use crate::{
    audit::{EntryFilter, EntryFilterError, Rewritten},
    control::{AuditQuery, Tagged},
    wire::{
        ActionReply, ActionRequest, ApprovalChange, ApprovalReply, ApprovalView, ApprovalsPage, AuditPage,
        CalendarPage, CalendarSpan, CarrierView, CheckpointView, CheckpointsPage, Code, Conditions, Conflict, Cursor,
        FlagPlace, FlagReply, FlagRequest, FlagView, FlagsPage, ImportFormat, ImportReply, ImportedAs, LaneView,
        Openness, OverrideChange, OverrideOffer, OverrideReply, OverrideRequest, OverrideView, OverridesPage, Problem,
        ProofView, ReasonRequest, RolloutsPage, ServerInfo, SiteView, SitesPage, SnapshotReply, SnapshotRequest,
        SnapshotsPage, StartRequest, TokenReply, TokenRequest, TokenView, TokensPage, TrailFault, VerifyReport,
        WindowReply, WindowRequest, WindowView, WindowsImport, WindowsPage, WindowsQuery, WindowsState, WitnessView,
    },
};

pub use witness::{Broken, Memory, Witnessed};

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BackendError {
    /// It answered with a problem.
    #[error(transparent)]
    Problem(#[from] Box<Problem>),
    /// It did not answer: refused, timed out, or closed in the middle. Without secrets.
    #[error("{place} does not answer: {why}")]
    Unreachable {
        /// Its URL, without secrets.
        place: String,
        /// What happened.
        why: String,
    },
    /// It answered what is no answer, or too much of it.
    #[error("{place} answered what rolldeck does not understand: {why}")]
    Nonsense {
        /// Its URL, without secrets.
        place: String,
        /// What was wrong with it.
        why: String,
    },
}

/// How the text of [`BackendError::Unreachable`] begins when there never was a connection.
pub const NOT_CONNECTED: &str = "cannot connect";

impl BackendError {
    /// Whether a change may have reached the backend although its answer was lost. It is asked for
    /// again with the same idempotency key, and is unconfirmed until then.
    #[must_use]
    pub fn may_have_been_sent(&self) -> bool {
        match self {
            Self::Problem(problem) => problem.code == Code::InProgress,
            Self::Unreachable { why, .. } => !why.starts_with(NOT_CONNECTED),
            Self::Nonsense { .. } => true,
        }
    }

    /// The word of the problem that it answered with.
    #[must_use]
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Problem(problem) => Some(problem.code),
            _ => None,
        }
    }
}

impl From<Problem> for BackendError {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

/// The answer of a change.
pub type BackendResult<T> = Result<T, BackendError>;

/// A control plane, wherever it runs.
#[async_trait::async_trait]
pub trait Backend: Send + Sync + std::fmt::Debug {
    /// Where it is, for people: a URL, or `this process`.
    fn place(&self) -> String;
    /// What it is, and who the caller is to it.
    async fn info(&self) -> BackendResult<ServerInfo>;
    /// Everything, or what changed since `after`, held for up to `wait`.
    async fn view(&self, after: Option<Cursor>, wait: Duration) -> BackendResult<RolloutsPage>;
    /// One rollout; held for up to `wait` while it still has the tag.
    async fn rollout(&self, id: &RolloutId, tag: Option<String>, wait: Duration) -> BackendResult<Tagged<Rollout>>;
    /// Begins a rollout.
    async fn start(&self, request: StartRequest, conditions: Conditions) -> BackendResult<ActionReply>;
    /// Acts on a rollout.
    async fn act(&self, id: &RolloutId, request: ActionRequest, conditions: Conditions) -> BackendResult<ActionReply>;
    /// Audit entries, ascending.
    async fn audit(&self, query: AuditQuery) -> BackendResult<AuditPage>;
    /// The newest checkpoint.
    async fn checkpoint(&self) -> BackendResult<CheckpointView>;
    /// What somebody needs who remembers a checkpoint of that many entries, or none yet.
    async fn witness(&self, from: Option<u64>) -> BackendResult<WitnessView>;
    /// Where it is remembered what this trail was like.
    fn memory(&self) -> Option<&Memory> {
        None
    }
    /// Holds the trail against what is remembered of it, and remembers it; nothing where that is not done.
    async fn witnessed(&self) -> BackendResult<Witnessed> {
        match self.memory() {
            Some(memory) => memory.look(self).await,
            None => Ok(Witnessed::default()),
        }
    }
    /// A consistency proof.
    async fn proof(&self, from: u64, to: u64) -> BackendResult<ProofView>;
    /// Verifies the whole trail at the backend.
    async fn verify(&self) -> BackendResult<VerifyReport>;
    /// All windows.
    async fn windows(&self) -> BackendResult<WindowsPage>;
    /// Adds a freeze.
    async fn add_window(&self, request: WindowRequest, conditions: Conditions) -> BackendResult<WindowReply>;
    /// Lifts a freeze.
    async fn lift_window(&self, id: &str, request: ReasonRequest) -> BackendResult<WindowReply>;
    /// Changes a window: the whole of it.
    async fn change_window(
        &self,
        id: &str,
        request: WindowRequest,
        conditions: Conditions,
    ) -> BackendResult<WindowReply>;
    /// What is open and what is held at an instant.
    async fn windows_state(&self, query: WindowsQuery) -> BackendResult<WindowsState>;
    /// Spans of windows between two instants, and what is planned and meets them.
    async fn calendar(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> BackendResult<CalendarPage>;
    /// Adds windows that are written in another form: all of them or none.
    async fn import_windows(&self, request: WindowsImport, conditions: Conditions) -> BackendResult<ImportReply>;
    /// All overrides.
    async fn overrides(&self) -> BackendResult<OverridesPage>;
    /// Asks for an override.
    async fn add_override(&self, request: OverrideRequest, conditions: Conditions) -> BackendResult<OverrideReply>;
    /// Countersigns an override, or takes it back.
    async fn change_override(
        &self,
        id: &str,
        change: OverrideChange,
        request: ReasonRequest,
    ) -> BackendResult<OverrideReply>;
    /// What waits for a second person, and what became of it.
    async fn approvals(&self) -> BackendResult<ApprovalsPage>;
    /// Agrees to what waits, refuses it, or takes it back.
    async fn decide_approval(
        &self,
        id: &str,
        change: ApprovalChange,
        request: ReasonRequest,
    ) -> BackendResult<ApprovalReply>;
    /// All flags, with what each unit gets and has.
    async fn flags(&self) -> BackendResult<FlagsPage>;
    /// Adds or changes a flag: the whole of it.
    async fn put_flag(&self, key: &FlagKey, request: FlagRequest, conditions: Conditions) -> BackendResult<FlagReply>;
    /// Switches a flag off everywhere, now.
    async fn kill_flag(&self, key: &FlagKey, request: ReasonRequest) -> BackendResult<FlagReply>;
    /// The fleet's sites.
    async fn sites(&self) -> BackendResult<SitesPage>;
    /// All snapshots.
    async fn snapshots(&self) -> BackendResult<SnapshotsPage>;
    /// Adds a snapshot, or marks one known good.
    async fn add_snapshot(&self, request: SnapshotRequest) -> BackendResult<SnapshotReply>;
    /// The bytes of a snapshot's artifact.
    async fn artifact(&self, digest: &Digest) -> BackendResult<Vec<u8>>;
    /// All signed checkpoints, ascending, and the verifier key that they were signed with.
    async fn checkpoints(&self) -> BackendResult<CheckpointsPage>;
    /// All tokens, without secrets.
    async fn tokens(&self) -> BackendResult<TokensPage>;
    /// Adds a token of which only the hash is told.
    async fn add_token(&self, request: TokenRequest) -> BackendResult<TokenReply>;
    /// Revokes a token.
    async fn revoke_token(&self, id: &str, request: ReasonRequest) -> BackendResult<TokenReply>;
}
