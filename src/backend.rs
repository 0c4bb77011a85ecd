//! What the dashboard and the command line talk to: a control plane in this process, or one over HTTP.

pub mod lazy;
pub mod local;
pub mod read_only;
pub mod remote;

use std::time::Duration;

use crate::domain::{Digest, Rollout, RolloutId};

pub use crate::{
    control::{AuditQuery, Tagged},
    wire::{
        ActionReply, ActionRequest, AuditPage, CarrierView, CheckpointView, CheckpointsPage, Code, Conditions, Cursor,
        LaneView, Problem, ProofView, ReasonRequest, RolloutsPage, ServerInfo, SiteView, SitesPage, SnapshotReply,
        SnapshotRequest, SnapshotsPage, StartRequest, TokenReply, TokenRequest, TokenView, TokensPage, VerifyReport,
        WindowReply, WindowRequest, WindowView, WindowsPage,
    },
};

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
