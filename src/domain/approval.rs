//! Approvals: what waits for a second person.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Actor, Preview, Revision, SafeText, Subject};

/// Something that one person asked for and another has to agree to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Approval {
    /// `a-` and a short id.
    pub id: SafeText,
    /// What is to be done: an action's verb, `override`, `flag_enable`.
    pub action: SafeText,
    /// To what.
    pub subject: Subject,
    /// The revision that it is asked for on: on another one it does not count.
    pub revision: Option<Revision>,
    /// What it will do, as the asker saw it.
    pub preview: Preview,
    /// What was on the asker's screen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saw: Option<SafeText>,
    /// Who asked.
    pub requested_by: Actor,
    /// When.
    pub requested_at: DateTime<Utc>,
    /// Why.
    pub reason: SafeText,
    /// A ticket's id.
    pub ticket: Option<SafeText>,
    /// Until when somebody may agree.
    pub expires_at: DateTime<Utc>,
    /// What became of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// The `seq` of the entry that says it was asked for.
    pub intent: u64,
}

impl Approval {
    /// Where it is at an instant.
    #[must_use]
    pub fn state(&self, at: DateTime<Utc>) -> ApprovalState {
        match &self.decision {
            Some(decision) => decision.state,
            None if at >= self.expires_at => ApprovalState::Expired,
            None => ApprovalState::Waiting,
        }
    }
}

/// What became of what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Decision {
    /// What was decided: approved, rejected or withdrawn.
    pub state: ApprovalState,
    /// By whom.
    pub by: SafeText,
    /// When.
    pub at: DateTime<Utc>,
    /// Why.
    pub reason: SafeText,
    /// Whether what was agreed to was done then, and if not, why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<SafeText>,
}

/// Where an approval is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalState {
    /// A second person is to decide.
    Waiting,
    /// A second person agreed.
    Approved,
    /// A second person refused.
    Rejected,
    /// Whoever asked took it back.
    Withdrawn,
    /// Nobody decided in time.
    Expired,
}
