//! Requests and answers about overrides, approvals, flags and the calendar of windows.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::{
    Approval, ApprovalState, AuditEntry, Flag, FlagDefinition, FlagKey, FlagReason, FlagStage, Freeze, Initiator,
    LaneName, Operation, Outcome, Override, OverrideKind, OverrideState, RolloutId, RolloutName, SafeText, Scope,
    SiteName, StageName, TargetName, Window,
};

/// What of the windows is asked: at an instant, and for a place, an operation and an initiator where these are named.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WindowsQuery {
    /// The instant; now, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<DateTime<Utc>>,
    /// The target; with it, the answer says whether it is open there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<TargetName>,
    /// The rollout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<RolloutName>,
    /// The site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<SiteName>,
    /// The lane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<LaneName>,
    /// The stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<StageName>,
    /// What is to be done; promote, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Operation>,
    /// Who does it; a person, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initiator: Option<Initiator>,
}

/// Whether changes may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Openness {
    /// No window holds them.
    Open,
    /// A window does.
    Closed,
}

/// The answer of `GET /windows/state`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WindowsState {
    /// The instant.
    pub at: DateTime<Utc>,
    /// Windows that hold then.
    pub active: Vec<Window>,
    /// Whether the place that was asked about is open; none when none was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Openness>,
    /// The windows that close it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decided_by: Vec<Freeze>,
    /// When that next changes; without a place, when a window next begins or ends.
    pub next_transition: Option<DateTime<Utc>>,
    /// The version of the time zone database that it was worked out with.
    #[serde(default)]
    pub tzdb: SafeText,
    /// Of an instant in the past: what this answer stands on, and what cannot be known of it any more. Of a target without
    /// any site or rollout: that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<SafeText>,
}

/// The answer of `GET /windows/calendar?from=&until=`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CalendarPage {
    /// From when.
    pub from: DateTime<Utc>,
    /// Until when.
    pub until: DateTime<Utc>,
    /// Spans of windows that touch it, by their beginning.
    pub spans: Vec<CalendarSpan>,
    /// What is planned and meets a window.
    pub conflicts: Vec<Conflict>,
    /// The version of the time zone database.
    pub tzdb: SafeText,
    /// Whether there were more spans than an answer holds.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
    /// Where it begins in the past: what this answer stands on, and what cannot be known of it any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<SafeText>,
}

/// One span of a window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CalendarSpan {
    /// The window's id: `GET /windows` says the rest.
    pub window: SafeText,
    /// When it begins.
    pub from: DateTime<Utc>,
    /// When it ends; open-ended, when absent.
    pub until: Option<DateTime<Utc>>,
}

/// What is planned and meets a window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Conflict {
    /// The rollout.
    pub rollout: RolloutId,
    /// What would happen then: a stage that begins, a hold that ends.
    pub what: SafeText,
    /// When.
    pub at: DateTime<Utc>,
    /// The window's id.
    pub window: SafeText,
    /// When it could go on.
    pub until: Option<DateTime<Utc>>,
}

/// The body of `POST /windows/import`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WindowsImport {
    /// What the text is: `ical`, `argocd` or `gitlab`.
    pub format: ImportFormat,
    /// The file as it is.
    pub text: String,
    /// What the windows hold, where the file does not say it.
    #[serde(default)]
    pub scope: Option<Scope>,
    /// Why; checked by control.
    #[serde(default)]
    pub reason: String,
    /// A ticket's id.
    #[serde(default)]
    pub ticket: Option<String>,
    /// Say what would be added or replaced, and do nothing.
    #[serde(default)]
    pub dry_run: bool,
    /// What was on the actor's screen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saw: Option<String>,
}

/// What windows can be imported from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImportFormat {
    /// iCalendar (RFC 5545).
    Ical,
    /// The sync windows of an Argo CD `AppProject`, YAML or JSON.
    Argocd,
    /// GitLab's freeze periods, as its API answers them.
    Gitlab,
}

/// What an import made of a window of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImportedAs {
    /// It was not there.
    New,
    /// The same event said something else before.
    Replaced,
    /// It is there already.
    Unchanged,
}

/// The answer of an import: all of it or nothing was done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ImportReply {
    /// `applied`, `no_op` where all of it is there already, or `intended` for a dry run.
    pub outcome: Outcome,
    /// The windows.
    pub windows: Vec<super::WindowView>,
    /// What became of each of the windows, in their order.
    #[serde(default)]
    pub imported: Vec<ImportedAs>,
    /// What was left out of them, and why that changes nothing.
    pub remarks: Vec<SafeText>,
}

/// The body of `POST /overrides`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OverrideRequest {
    /// The windows that it is to lift, each with the revision that was looked at: `w-12ab@3`. Where a window was
    /// changed since, that is refused. An id alone is the window as it is now.
    pub windows: Vec<String>,
    /// For what.
    pub actions: Vec<Operation>,
    /// The rollout that may pass.
    #[serde(default)]
    pub rollout: Option<RolloutId>,
    /// For a rollout that has not begun: the snapshot that it is to bring.
    #[serde(default)]
    pub candidate: Option<String>,
    /// The flag that may pass.
    #[serde(default)]
    pub flag: Option<FlagKey>,
    /// Where; everywhere, when absent.
    #[serde(default)]
    pub scope: Option<Scope>,
    /// What it is for.
    #[serde(default)]
    pub kind: OverrideKind,
    /// Why; checked by control.
    #[serde(default)]
    pub reason: String,
    /// A ticket's id.
    #[serde(default)]
    pub ticket: Option<String>,
    /// From when it counts; now, when absent.
    #[serde(default)]
    pub not_before: Option<DateTime<Utc>>,
    /// Until when; 4 hours after it begins, when absent.
    #[serde(default)]
    pub expires_at: Option<DateTime<Utc>>,
    /// How often it can be used; once, when absent.
    #[serde(default)]
    pub uses: Option<u32>,
    /// Do not wait for a second person: somebody countersigns later.
    #[serde(default)]
    pub break_glass: bool,
    /// What was on the actor's screen.
    #[serde(default)]
    pub saw: Option<String>,
}

/// What to ask for to pass the windows that hold something: the beginning of an [`OverrideRequest`], which
/// says a reason too. The same request is then made again with the override's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OverrideOffer {
    /// Where to ask.
    pub href: SafeText,
    /// The windows, as they are now: `w-12ab@3`.
    pub windows: Vec<SafeText>,
    /// For what.
    pub actions: Vec<Operation>,
    /// The rollout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<RolloutId>,
    /// The snapshot that a rollout which has not begun is to bring.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate: Option<SafeText>,
    /// The flag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flag: Option<SafeText>,
    /// Whether a second person has to agree in any case.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub two_person: bool,
}

/// An override and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OverrideView {
    /// The override.
    #[serde(flatten)]
    pub record: Override,
    /// Where it is now.
    pub state: OverrideState,
    /// How often it can still be used.
    pub uses_left: u32,
    /// The approval that it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<SafeText>,
    /// Why one that is active lifts nothing any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_not: Option<SafeText>,
}

/// The answer of `GET /overrides`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OverridesPage {
    /// Those that can be used first, then those that wait, then the past ones; the newest first.
    pub overrides: Vec<OverrideView>,
}

/// The answer of a change to an override.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OverrideReply {
    /// What became of it.
    pub outcome: Outcome,
    /// The override as it is now; its field in JSON is `override`.
    #[serde(rename = "override")]
    pub record: OverrideView,
    /// The entry in the audit trail.
    pub audit: AuditEntry,
}

/// What somebody does about an override that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OverrideChange {
    /// Stands by one that was taken without waiting.
    Countersign,
    /// Takes it back.
    Withdraw,
}

impl OverrideChange {
    /// The last segment of its path.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Countersign => "countersign",
            Self::Withdraw => "withdraw",
        }
    }
}

/// An approval, where it is, and whether the caller may decide it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalView {
    /// The approval.
    #[serde(flatten)]
    pub approval: Approval,
    /// Where it is now.
    pub state: ApprovalState,
    /// Whether the caller may agree to it; none when it does not wait any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yours: Option<bool>,
    /// Why the caller may not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_not: Option<SafeText>,
}

/// The answer of `GET /approvals`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalsPage {
    /// Those that wait first, by when they expire; then the others, the newest first.
    pub approvals: Vec<ApprovalView>,
}

/// What somebody does about an approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalChange {
    /// Agrees: it is done.
    Approve,
    /// Refuses.
    Reject,
    /// Takes it back: whoever asked.
    Withdraw,
}

impl ApprovalChange {
    /// The last segment of its path.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Withdraw => "withdraw",
        }
    }
}

/// The answer of a decision about an approval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalReply {
    /// What became of it: `applied` when it was decided, and what was agreed to was done.
    pub outcome: Outcome,
    /// The approval as it is now.
    pub approval: ApprovalView,
    /// The entry of the decision in the audit trail.
    pub audit: AuditEntry,
    /// The answer that whoever asked would have got, where it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<super::ActionReply>,
}

/// The body of `PUT /flags/{key}`: the whole definition.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct FlagRequest {
    /// What the flag is to be.
    pub definition: FlagDefinition,
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
    /// Bring it back after a kill; without it, a killed flag stays killed.
    #[serde(default)]
    pub revive: bool,
    /// Say what would change, and change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

/// A flag as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FlagView {
    /// The flag.
    #[serde(flatten)]
    pub flag: Flag,
    /// How it stands in its life.
    pub stage: FlagStage,
    /// Why it is stale, due or expired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<SafeText>,
    /// When it was last evaluated anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_evaluated_at: Option<DateTime<Utc>>,
    /// What each unit is to have, and has.
    pub places: Vec<FlagPlace>,
    /// The plan that widens it now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<RolloutId>,
}

/// What one unit gets of a flag.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FlagPlace {
    /// The site's group.
    pub group: TargetName,
    /// The site.
    pub site: SiteName,
    /// The lane.
    pub lane: LaneName,
    /// The stage of the rollout that covers the unit now, as the server decides it for callers there; none
    /// where no rollout does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<StageName>,
    /// The variant that a caller without attributes of its own gets there; none where that depends on the
    /// targeting key.
    pub wanted: Option<SafeText>,
    /// Why.
    pub reason: FlagReason,
    /// The rule that matched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<SafeText>,
    /// The revision of the flag that the site's agent holds; none when it did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_revision: Option<u64>,
    /// The variant that it serves by that; none when it did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual: Option<SafeText>,
    /// When it was last evaluated for this site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_evaluated_at: Option<DateTime<Utc>>,
    /// How often it was evaluated for this site since the server began.
    #[serde(default)]
    pub evaluations: u64,
}

/// The answer of `GET /flags`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FlagsPage {
    /// Flags by key.
    pub flags: Vec<FlagView>,
    /// The server's time of this answer.
    pub as_of: DateTime<Utc>,
}

/// The answer of a change to a flag.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FlagReply {
    /// What became of it; `intended` for a dry run, and while a second person has to agree.
    pub outcome: Outcome,
    /// The flag as it is now; for a dry run, as it would be.
    pub flag: FlagView,
    /// What it does, in one sentence.
    pub effect: SafeText,
    /// The entry in the audit trail; none for a dry run.
    pub audit: Option<AuditEntry>,
    /// Windows that hold it; only for a dry run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocking_windows: Vec<Freeze>,
    /// What it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Box<ApprovalView>>,
}
