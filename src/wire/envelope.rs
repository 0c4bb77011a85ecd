//! Requests and answers of the HTTP API, as the contract names their fields.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ApprovalView;
use crate::domain::{
    Action, AuditEntry, Digest, Effect, Freeze, Initiator, LaneName, OnEnter, Operation, Outcome, Overridable, Preview,
    Report, Revision, RollbackTo, Rollout, RolloutId, SafeText, Schedule, Scope, SiteName, Snapshot, TargetName,
    Window, WindowState,
};

/// Where a client is in the stream of changes. Opaque.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Cursor(pub SafeText);

/// The answer of `GET /rollouts`: everything, or what changed since a cursor.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum RolloutsPage {
    /// All rollouts: no cursor was given, or one that is not known any more. Replaces what was there.
    All {
        /// Summaries.
        rollouts: Vec<Rollout>,
        /// To ask from.
        cursor: Cursor,
        /// The server's time of this answer; all of it is true as of then.
        as_of: DateTime<Utc>,
        /// How those do that carry rollouts out elsewhere; none where there are none.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        carriers: Vec<CarrierView>,
    },
    /// What changed; nothing, when the wait ran out.
    Changed {
        /// Summaries of new and changed rollouts.
        changed: Vec<Rollout>,
        /// Rollouts that are gone.
        removed: Vec<RolloutId>,
        /// To ask from.
        cursor: Cursor,
        /// The server's time of this answer.
        as_of: DateTime<Utc>,
        /// How those do that carry rollouts out elsewhere; none where there are none.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        carriers: Vec<CarrierView>,
    },
}

// An untagged enum is read into a tree of values first: of ten thousand rollouts that is many times what
// is kept of them.
impl<'de> Deserialize<'de> for RolloutsPage {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Either {
            rollouts: Option<Vec<Rollout>>,
            changed: Option<Vec<Rollout>>,
            removed: Option<Vec<RolloutId>>,
            cursor: Cursor,
            as_of: DateTime<Utc>,
            #[serde(default)]
            carriers: Vec<CarrierView>,
        }
        let Either { rollouts, changed, removed, cursor, as_of, carriers } = Either::deserialize(deserializer)?;
        match (rollouts, changed, removed) {
            (Some(rollouts), ..) => Ok(Self::All { rollouts, cursor, as_of, carriers }),
            (None, Some(changed), Some(removed)) => Ok(Self::Changed { changed, removed, cursor, as_of, carriers }),
            (None, Some(_), None) => Err(serde::de::Error::missing_field("removed")),
            (None, None, _) => Err(serde::de::Error::custom("there are neither rollouts nor changed ones in it")),
        }
    }
}

/// How something does that carries rollouts out elsewhere: a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CarrierView {
    /// Where it is.
    pub place: SafeText,
    /// Until when all that is shown of it is true; none before it was read once.
    pub as_of: Option<DateTime<Utc>>,
    /// What is wrong or missing, each in one line; empty when nothing is.
    pub remarks: Vec<SafeText>,
}

/// The body of `POST /rollouts`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct StartRequest {
    /// The plan, as an object or as YAML text.
    pub plan: serde_json::Value,
    /// Why; checked by control.
    #[serde(default)]
    pub reason: String,
    /// A ticket's id.
    #[serde(default)]
    pub ticket: Option<String>,
    /// An override's id.
    #[serde(default, rename = "override")]
    pub override_id: Option<String>,
    /// What was on the actor's screen.
    #[serde(default)]
    pub saw: Option<String>,
    /// Say what would happen, and do nothing.
    #[serde(default)]
    pub dry_run: bool,
}

/// The body of `POST /rollouts/{target}/{name}/actions`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ActionRequest {
    /// What to do.
    pub action: Action,
    /// Why; checked by control.
    #[serde(default)]
    pub reason: String,
    /// A ticket's id.
    #[serde(default)]
    pub ticket: Option<String>,
    /// For a rollback: to this snapshot instead of the pinned ones, or to this revision of a workload.
    #[serde(default)]
    pub to: Option<RollbackTo>,
    /// An override's id.
    #[serde(default, rename = "override")]
    pub override_id: Option<String>,
    /// What was on the actor's screen.
    #[serde(default)]
    pub saw: Option<String>,
    /// Ask for a second person's agreement, also where nothing demands it.
    #[serde(default)]
    pub ask: bool,
    /// Say what would happen, and do nothing.
    #[serde(default)]
    pub dry_run: bool,
}

/// The conditions of a change, from the request's headers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conditions {
    /// `If-Match`.
    pub revision: Option<Revision>,
    /// `Idempotency-Key`.
    pub idempotency_key: Option<String>,
}

/// The answer of an action or a start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ActionReply {
    /// What became of it; `intended` for a dry run.
    pub outcome: Outcome,
    /// What it does.
    pub effect: Preview,
    /// The entry in the audit trail; none for a dry run.
    pub audit: Option<AuditEntry>,
    /// The rollout as it is now; none when it was only proposed.
    pub rollout: Option<Rollout>,
    /// Windows that hold it; only for a dry run, for a refusal is a problem.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocking_windows: Vec<Freeze>,
    /// What it waits for: with the outcome `intended`, a second person has to agree first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Box<ApprovalView>>,
}

/// The answer of `GET /audit`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AuditPage {
    /// Ascending by `seq`.
    pub entries: Vec<AuditEntry>,
    /// The newest signed checkpoint.
    pub checkpoint: Option<CheckpointView>,
    /// How far was looked, where that was not to the end: ask on from there. The `seq` of the last entry
    /// that was looked at; with `newest`, of the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub searched_to: Option<u64>,
}

/// A signed checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckpointView {
    /// How many entries it covers.
    pub size: u64,
    /// The root of the tree, base64.
    pub root: SafeText,
    /// The C2SP signed note, as it is.
    pub note: String,
    /// The public key that signed it, as a C2SP verifier key.
    pub key: SafeText,
}

/// The answer of `GET /audit/checkpoints`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckpointsPage {
    /// C2SP signed notes as they are, ascending by size.
    pub notes: Vec<String>,
    /// The public key that signed them, as a C2SP verifier key.
    pub key: SafeText,
}

/// The answer of `GET /audit/proof`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProofView {
    /// The smaller size.
    pub from: u64,
    /// The greater size.
    pub to: u64,
    /// Hashes of the consistency proof, base64.
    pub hashes: Vec<SafeText>,
}

/// The answer of `GET /audit/witness?from=`, and of an agent's: what somebody who remembers a checkpoint
/// needs to hold a newer one against it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WitnessView {
    /// The newest checkpoint, a C2SP signed note as it is; none while the trail is empty.
    pub note: Option<String>,
    /// The public key that signed it, as a C2SP verifier key.
    pub key: SafeText,
    /// Notes by which one key passed the log on to the next, ascending by size.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub successions: Vec<String>,
    /// Hashes of the consistency proof from the size that was named, base64; none where the trail has not
    /// as many entries, or no size was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Vec<SafeText>>,
    /// What the server itself found of its trail that is not as it was written; none where it found nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<TrailFault>,
}

/// What a server found of its own trail that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TrailFault {
    /// The last entry before it: 0 when nothing is known to be as it was.
    pub after: u64,
    /// What was found, in words.
    pub why: SafeText,
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VerifyReport {
    /// Whether nothing is wrong, and a signed checkpoint proves what it covers.
    pub ok: bool,
    /// How many entries were read.
    pub entries: u64,
    /// How many a signed checkpoint proves.
    pub proven: u64,
    /// Of how many the content has expired, so that only their place in the trail is left.
    #[serde(default)]
    pub expired: u64,
    /// The `seq` of the first entry that does not hash to its leaf, or is missing.
    pub first_bad: Option<u64>,
    /// The size of the last checkpoint before the tree differs, where no single entry is to blame.
    pub differs_after: Option<u64>,
    /// What was found, in one sentence.
    pub detail: SafeText,
}

impl From<crate::audit::verify::Report> for VerifyReport {
    fn from(report: crate::audit::verify::Report) -> Self {
        let crate::audit::verify::Report { ok, entries, proven, expired, first_bad, differs_after, detail } = report;
        Self { ok, entries, proven, expired, first_bad, differs_after, detail: SafeText::new(detail) }
    }
}

/// The answer of `GET /windows`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WindowsPage {
    /// Windows, those that hold first, then those to come, then the past ones.
    pub windows: Vec<WindowView>,
}

/// A window and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WindowView {
    /// The window.
    #[serde(flatten)]
    pub window: Window,
    /// Where it is now.
    pub state: WindowState,
    /// When it next begins or ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_transition: Option<DateTime<Utc>>,
}

/// The body of `POST /windows` and `PUT /windows/{id}`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WindowRequest {
    /// What it holds.
    pub scope: Scope,
    /// Why this is done, for the audit trail; checked by control. Of a new window, what is shown to whoever is
    /// blocked too.
    #[serde(default)]
    pub reason: String,
    /// What is shown to whoever is blocked; when absent, of a new window the reason, and of one that is changed
    /// what was shown before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown_reason: Option<String>,
    /// When it begins; now, when absent.
    #[serde(default)]
    pub from: Option<DateTime<Utc>>,
    /// When it ends; open-ended, when absent.
    #[serde(default)]
    pub until: Option<DateTime<Utc>>,
    /// What people call it.
    #[serde(default)]
    pub name: Option<String>,
    /// Whether it freezes, or alone allows.
    #[serde(default)]
    pub effect: Effect,
    /// When it holds, in civil time; then without `from` and `until`.
    #[serde(default)]
    pub schedule: Option<Schedule>,
    /// What it is about; all that widens a change, when empty.
    #[serde(default)]
    pub actions: Vec<Operation>,
    /// Whose doing it is about; everybody's, when empty.
    #[serde(default)]
    pub initiators: Vec<Initiator>,
    /// What is done with what is under way.
    #[serde(default)]
    pub on_enter: OnEnter,
    /// Who may let something pass it.
    #[serde(default)]
    pub overridable: Overridable,
    /// Whether it is switched off.
    #[serde(default)]
    pub disabled: bool,
    /// Whom to ask.
    #[serde(default)]
    pub contact: Option<String>,
    /// A ticket's id.
    #[serde(default)]
    pub ticket: Option<String>,
    /// For a change that shortens a freeze which cannot be shortened by one person: an override's id.
    #[serde(default, rename = "override")]
    pub override_id: Option<String>,
    /// What was on the actor's screen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saw: Option<String>,
}

/// The body of a request that needs nothing but a reason.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReasonRequest {
    /// Why; checked by control.
    #[serde(default)]
    pub reason: String,
    /// A ticket's id.
    #[serde(default)]
    pub ticket: Option<String>,
    /// What was on the actor's screen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saw: Option<String>,
}

/// The answer of a change to a window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WindowReply {
    /// What became of it.
    pub outcome: Outcome,
    /// The window as it is now.
    pub window: WindowView,
    /// The entry in the audit trail.
    pub audit: AuditEntry,
}

/// The answer of `GET /sites`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SitesPage {
    /// Sites of the fleet with their lanes.
    pub sites: Vec<SiteView>,
}

/// A site.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SiteView {
    /// Its group.
    pub group: TargetName,
    /// Its name.
    pub site: SiteName,
    /// Its lanes.
    pub lanes: Vec<LaneView>,
}

/// A lane of a site.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LaneView {
    /// Its name.
    pub lane: LaneName,
    /// Its labels.
    pub labels: BTreeMap<String, SafeText>,
    /// What it is to run.
    pub desired: Option<Digest>,
    /// The number of the last order.
    pub generation: u64,
    /// The last report, without its output.
    pub report: Option<Report>,
    /// When it was last heard of.
    pub seen_at: Option<DateTime<Utc>>,
    /// Whether that is within three check intervals.
    pub reachable: bool,
    /// What measured state and order differ in, in a word; none when they agree.
    pub drift: Option<SafeText>,
}

/// The answer of `GET /snapshots`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SnapshotsPage {
    /// Snapshots, the newest first.
    pub snapshots: Vec<Snapshot>,
}

/// The body of `POST /snapshots`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SnapshotRequest {
    /// What people call it.
    pub version: String,
    /// The site group it is for; any, when absent.
    #[serde(default)]
    pub group: Option<TargetName>,
    /// The artifact, base64; without it the digest is over version and metadata.
    #[serde(default)]
    pub artifact: Option<String>,
    /// Whatever is to be kept with it.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// Mark it known good; needs a reason and the role of a commander.
    #[serde(default)]
    pub known_good: bool,
    /// Why it is known good.
    #[serde(default)]
    pub reason: String,
    /// What was on the actor's screen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saw: Option<String>,
}

/// The answer of `POST /snapshots`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SnapshotReply {
    /// `applied`, or `no_op` when it was there already.
    pub outcome: Outcome,
    /// The snapshot as it is now.
    pub snapshot: Snapshot,
    /// The entry in the audit trail.
    pub audit: Option<AuditEntry>,
}

/// What a unit is told: the answer of an agent's poll.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Desired {
    /// The number of the order.
    pub generation: u64,
    /// What it is to run.
    pub snapshot: Digest,
    /// What people call that.
    pub version: SafeText,
    /// What it ran before.
    pub previous: Option<Digest>,
    /// Where the artifact is, relative to the server; none when the snapshot has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<SafeText>,
    /// Seconds that the apply command may take.
    pub deadline: u64,
}

/// What the backend says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServerInfo {
    /// Rolldeck's version there.
    pub version: SafeText,
    /// Whether what it shows is simulated.
    pub simulated: bool,
    /// Who the caller is to it.
    pub actor: SafeText,
    /// What the caller may.
    pub role: crate::domain::Role,
    /// Targets that the role holds for.
    pub targets: Vec<SafeText>,
}
