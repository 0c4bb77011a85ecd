//! The control plane: observe, judge, guard, act, journal. The only place where an action becomes
//! real; the dashboard, the command line, the API and automation all come through here.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};

use crate::{
    clock::Clock,
    domain::{Principal, Report, Rollout, RolloutId, SafeText, UnitId},
    store::{Store, StoreError, TokenRecord},
    wire::{
        ActionReply, ActionRequest, AuditPage, CheckpointView, Conditions, Cursor, Desired, Problem, ProofView,
        ReasonRequest, RolloutsPage, SitesPage, SnapshotReply, SnapshotRequest, SnapshotsPage, StartRequest,
        VerifyReport, WindowReply, WindowRequest, WindowsPage, WindowsState,
    },
};

/// A handle on a running control plane. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Control {
    // the author of control fills this
}

/// How a control plane is set up.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whether all it carries out is simulated; said by the API and on every screen.
    pub simulated: bool,
    /// The seed of the Ed25519 key that signs checkpoints.
    pub signing_seed: [u8; 32],
    /// The origin line of checkpoints, such as `rolldeck.example/audit`.
    pub origin: String,
}

/// An answer that may be unchanged.
#[derive(Debug, Clone, PartialEq)]
pub enum Tagged<T> {
    /// What it is now, and its entity tag (without quotes).
    Fresh(Box<T>, String),
    /// It still has the tag that was named.
    Unchanged,
}

/// The answer to an action with how it is to be sent: a replay repeats the first answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply<T> {
    /// The answer.
    pub body: T,
    /// Whether an idempotency key made it a replay.
    pub replayed: bool,
}

/// Which audit entries a caller wants.
pub type AuditQuery = crate::store::AuditFilter;

impl Control {
    /// Loads the state and starts working.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn start(store: Arc<dyn Store>, clock: Arc<dyn Clock>, options: Options) -> Result<Self, StoreError> {
        let _ = (store, clock, options);
        todo!()
    }
    /// Finishes what is under way, signs a checkpoint, closes the store.
    pub async fn shutdown(&self) {
        todo!()
    }

    /// Everything, or what changed since `after`, held for up to `wait`; at most one answer a second per cursor.
    pub async fn rollouts(
        &self,
        who: &Principal,
        after: Option<Cursor>,
        wait: Duration,
    ) -> Result<RolloutsPage, Problem> {
        let _ = (who, after, wait);
        todo!()
    }
    /// One rollout with all that is shown of it; held for up to `wait` while it still has the tag.
    pub async fn rollout(
        &self,
        who: &Principal,
        id: &RolloutId,
        tag: Option<&str>,
        wait: Duration,
    ) -> Result<Tagged<Rollout>, Problem> {
        let _ = (who, id, tag, wait);
        todo!()
    }
    /// Begins a rollout.
    pub async fn begin(
        &self,
        who: &Principal,
        request: StartRequest,
        conditions: Conditions,
    ) -> Result<Reply<ActionReply>, Problem> {
        let _ = (who, request, conditions);
        todo!()
    }
    /// Acts on a rollout.
    pub async fn act(
        &self,
        who: &Principal,
        id: &RolloutId,
        request: ActionRequest,
        conditions: Conditions,
    ) -> Result<Reply<ActionReply>, Problem> {
        let _ = (who, id, request, conditions);
        todo!()
    }

    /// Audit entries, ascending.
    pub async fn audit(&self, who: &Principal, query: AuditQuery) -> Result<AuditPage, Problem> {
        let _ = (who, query);
        todo!()
    }
    /// The stored bytes of audit entries, ascending: what an export is made of.
    pub async fn audit_bytes(&self, who: &Principal, query: AuditQuery) -> Result<Vec<Vec<u8>>, Problem> {
        let _ = (who, query);
        todo!()
    }
    /// All signed checkpoints, ascending, and the key's verifier line.
    pub async fn checkpoints(&self, who: &Principal) -> Result<(Vec<String>, String), Problem> {
        let _ = who;
        todo!()
    }
    /// A checkpoint that covers every entry there is.
    pub async fn checkpoint(&self, who: &Principal) -> Result<CheckpointView, Problem> {
        let _ = who;
        todo!()
    }
    /// A consistency proof between two sizes of the tree.
    pub async fn proof(&self, who: &Principal, from: u64, to: u64) -> Result<ProofView, Problem> {
        let _ = (who, from, to);
        todo!()
    }
    /// Reads every stored entry again and holds it against its leaf and the checkpoints.
    pub async fn verify(&self, who: &Principal) -> Result<VerifyReport, Problem> {
        let _ = who;
        todo!()
    }

    /// All windows.
    pub async fn windows(&self, who: &Principal) -> Result<WindowsPage, Problem> {
        let _ = who;
        todo!()
    }
    /// What holds at an instant (now, when none is named).
    pub async fn windows_state(&self, who: &Principal, at: Option<DateTime<Utc>>) -> Result<WindowsState, Problem> {
        let _ = (who, at);
        todo!()
    }
    /// Adds a freeze.
    pub async fn add_window(
        &self,
        who: &Principal,
        request: WindowRequest,
        conditions: Conditions,
    ) -> Result<WindowReply, Problem> {
        let _ = (who, request, conditions);
        todo!()
    }
    /// Changes a freeze.
    pub async fn change_window(
        &self,
        who: &Principal,
        id: &str,
        request: WindowRequest,
        conditions: Conditions,
    ) -> Result<WindowReply, Problem> {
        let _ = (who, id, request, conditions);
        todo!()
    }
    /// Lifts a freeze.
    pub async fn lift_window(&self, who: &Principal, id: &str, request: ReasonRequest) -> Result<WindowReply, Problem> {
        let _ = (who, id, request);
        todo!()
    }

    /// The fleet's sites.
    pub async fn sites(&self, who: &Principal) -> Result<SitesPage, Problem> {
        let _ = who;
        todo!()
    }
    /// All snapshots.
    pub async fn snapshots(&self, who: &Principal) -> Result<SnapshotsPage, Problem> {
        let _ = who;
        todo!()
    }
    /// Adds a snapshot, or marks one known good.
    pub async fn add_snapshot(&self, who: &Principal, request: SnapshotRequest) -> Result<SnapshotReply, Problem> {
        let _ = (who, request);
        todo!()
    }
    /// The bytes of a snapshot's artifact.
    pub async fn artifact(&self, who: &Principal, digest: &crate::domain::Digest) -> Result<Vec<u8>, Problem> {
        let _ = (who, digest);
        todo!()
    }

    /// An agent's poll: enrols the unit on its first one, then holds the request for up to `wait`
    /// until there is an order with another generation than the one it has. `None` when there is none.
    pub async fn desired(
        &self,
        who: &Principal,
        unit: &UnitId,
        labels: BTreeMap<String, SafeText>,
        generation: u64,
        wait: Duration,
    ) -> Result<Option<Desired>, Problem> {
        let _ = (who, unit, labels, generation, wait);
        todo!()
    }
    /// An agent's report. Durable before it answers, where it changes more than facts.
    pub async fn report(&self, who: &Principal, unit: &UnitId, report: Report) -> Result<(), Problem> {
        let _ = (who, unit, report);
        todo!()
    }

    /// Adds a token whose secret was hashed by the caller; journalled.
    pub async fn add_token(&self, who: &Principal, token: TokenRecord) -> Result<(), Problem> {
        let _ = (who, token);
        todo!()
    }
    /// Revokes a token; journalled.
    pub async fn revoke_token(&self, who: &Principal, id: &str, request: ReasonRequest) -> Result<(), Problem> {
        let _ = (who, id, request);
        todo!()
    }
    /// All tokens, without secrets (revoked ones too). Kept in memory, so that each request can ask.
    #[must_use]
    pub fn tokens(&self) -> Arc<Vec<TokenRecord>> {
        todo!()
    }
    /// Counts a refused credential from a source; journalled as one entry a source and minute.
    pub fn credential_refused(&self, source: &str) {
        let _ = source;
    }
    /// Whether it can still take actions: its writer works and the store answers.
    #[must_use]
    pub fn ready(&self) -> bool {
        true
    }
    /// Whether what it carries out is simulated.
    #[must_use]
    pub fn simulated(&self) -> bool {
        todo!()
    }
    /// Figures for `/metrics`.
    #[must_use]
    pub fn figures(&self) -> Figures {
        todo!()
    }
}

/// Figures for those who run it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures {
    /// Rollouts by phase.
    pub rollouts: BTreeMap<&'static str, u64>,
    /// Units heard of within three check intervals.
    pub units_reachable: u64,
    /// All units.
    pub units: u64,
    /// Audit entries.
    pub audit_entries: u64,
    /// Synced commits since start.
    pub commits: u64,
    /// Requests that shared them.
    pub committed_requests: u64,
    /// Reports since start.
    pub reports: u64,
    /// Actions by verb and outcome since start.
    pub actions: BTreeMap<(String, &'static str), u64>,
    /// Things dropped from bounded memory since start, by what.
    pub dropped: BTreeMap<&'static str, u64>,
}
