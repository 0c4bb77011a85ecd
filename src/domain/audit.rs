//! The audit entry: who did what to what, when, why, having seen what, with what outcome.

use std::fmt;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Blocker, Revision, Role, SafeText, Scope};

/// The version of the entry's form.
pub const SCHEMA: u32 = 1;

/// What kind of actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// A person.
    Human,
    /// A machine with a credential of its own.
    Automation,
    /// A site's agent.
    Agent,
    /// Rolldeck itself: the engine, the judge.
    System,
}

/// The client's word for what it is, recorded as claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// The dashboard.
    Tui,
    /// The command line.
    Cli,
    /// Another client of the API.
    Api,
    /// An agent.
    Agent,
}

/// Who acted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Actor {
    /// The name it goes by.
    pub id: SafeText,
    /// What kind of actor.
    pub kind: ActorKind,
    /// The role in force then.
    pub role: Option<Role>,
    /// What the client said it is.
    pub via: Option<Via>,
    /// The token's id.
    pub credential: Option<SafeText>,
    /// The address of the connection.
    pub source: Option<SafeText>,
}

impl Actor {
    /// Rolldeck itself, under the name of the part that acted: `engine`, `judge`.
    #[must_use]
    pub fn system(id: &str) -> Self {
        Self { id: SafeText::new(id), kind: ActorKind::System, role: None, via: None, credential: None, source: None }
    }
}

/// What kind of thing was acted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SubjectKind {
    /// A rollout, by target and name.
    Rollout,
    /// A window, by id.
    Window,
    /// An override, by id.
    Override,
    /// A flag, by key.
    Flag,
    /// A snapshot, by digest.
    Snapshot,
    /// A unit, by `site/lane`.
    Unit,
    /// A token, by id.
    Token,
    /// What waits for a second person, by id.
    Approval,
    /// The server itself.
    Server,
}

/// What was acted on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Subject {
    /// What kind of thing.
    pub kind: SubjectKind,
    /// The target, where it lies in one.
    pub target: Option<SafeText>,
    /// Its name or id.
    pub name: SafeText,
}

/// As people write it: `TARGET/NAME`, or the name alone where it lies in no target.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(target) = &self.target {
            write!(f, "{target}/")?;
        }
        write!(f, "{}", self.name)
    }
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// About to be done; another entry tells the outcome.
    Intended,
    /// Done.
    Applied,
    /// Nothing was to be changed.
    NoOp,
    /// Not done, because something forbade it.
    Refused,
    /// Tried, and not done.
    Failed,
    /// Sent, and not seen to be done.
    Unconfirmed,
}

/// Revisions around an action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RevisionChange {
    /// Before it; none when the thing did not exist.
    pub before: Option<Revision>,
    /// After it; none when it does not exist any more, or nothing was done.
    pub after: Option<Revision>,
}

/// What a change did to one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FieldChange {
    /// The field, with dots for what lies inside.
    pub field: SafeText,
    /// What it was, as JSON; none when there was nothing.
    pub before: Option<SafeText>,
    /// What it is, as JSON; none when there is nothing.
    pub after: Option<SafeText>,
}

/// One entry of the audit trail. Stored as its RFC 8785 canonical bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AuditEntry {
    /// Dense, from 1.
    pub seq: u64,
    /// A UUIDv7.
    pub id: String,
    /// When it was decided.
    pub at: DateTime<Utc>,
    /// Who.
    pub actor: Actor,
    /// What was done: an action's verb, or an event of the engine such as `stage_passed`.
    pub action: SafeText,
    /// To what.
    pub subject: Subject,
    /// What became of it.
    pub outcome: Outcome,
    /// The `seq` of the intent that this is the outcome of.
    pub intent: Option<u64>,
    /// Why, in the actor's words; of the engine, in its own.
    pub reason: Option<SafeText>,
    /// A ticket's id.
    pub ticket: Option<SafeText>,
    /// The override that was used; of what was refused, the one that was named and did not let it pass.
    #[serde(rename = "override")]
    pub override_id: Option<SafeText>,
    /// Revisions of the subject.
    pub revision: RevisionChange,
    /// What it changes, in one sentence.
    pub effect: Option<SafeText>,
    /// What was on the actor's screen.
    pub saw: Option<SafeText>,
    /// What refused it.
    pub blockers: Vec<Blocker>,
    /// What it changed of a window, an override or a flag, field by field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<FieldChange>,
    /// Who agreed to it beside the actor.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approved_by: Vec<SafeText>,
    /// The `seq` of the entry of the decision that this follows from: of a unit that was told something,
    /// of what a person began or let go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<u64>,
    /// Where what was acted on holds: of a window, an override or a flag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// The client's key.
    pub idempotency_key: Option<SafeText>,
    /// Ties together all that belongs to one rollout.
    pub correlation_id: Option<SafeText>,
    /// Of an automatic act: what it was judged from, as one JSON text that can be judged again
    /// (`rolldeck judge`). Kept as text, because numbers in it need not survive a reader that rounds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// [`SCHEMA`].
    pub schema: u32,
}

impl AuditEntry {
    /// What the id begins with of what stands in for an entry that is not what was written; no other begins so.
    pub const STAND_IN: &str = "unreadable-";

    /// Whether it stands in for an entry that was changed, cannot be read, or is missing. One whose content has
    /// expired is as it is to be.
    #[must_use]
    pub fn is_stand_in(&self) -> bool {
        self.outcome == Outcome::Unconfirmed && self.id.starts_with(Self::STAND_IN)
    }
}
