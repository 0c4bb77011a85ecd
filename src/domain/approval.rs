//! Approvals: what waits for a second person.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Actor, Operation, Preview, Revision, SafeText, Subject};

/// What a plan or a server may demand a second person for. What stops a change or takes it back is none:
/// going back is always open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub enum Approvable {
    /// Something that widens a change.
    Operation(Operation),
    /// An override, also of windows that one person may pass.
    Override,
    /// An override without waiting: then it is none, and nobody may take it.
    BreakGlass,
}

impl Approvable {
    /// Its name: an operation's, `override` or `break_glass`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operation(operation) => operation.as_str(),
            Self::Override => "override",
            Self::BreakGlass => "break_glass",
        }
    }
}

impl fmt::Display for Approvable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl From<Approvable> for String {
    fn from(approvable: Approvable) -> Self {
        approvable.as_str().to_owned()
    }
}

/// Why a text names nothing that a second person can be demanded for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApprovableError {
    /// It happens by itself: there is nobody to ask.
    #[error("advance is what nobody asks for: demand a second person for promote, or let stages advance by hand")]
    Advance,
    /// It is no such word.
    #[error("{0}; override and break_glass can be named too")]
    Word(#[from] super::operation::OperationError),
}

impl FromStr for Approvable {
    type Err = ApprovableError;
    fn from_str(text: &str) -> Result<Self, ApprovableError> {
        match text.trim().replace('-', "_").as_str() {
            "override" => Ok(Self::Override),
            "break_glass" => Ok(Self::BreakGlass),
            "advance" => Err(ApprovableError::Advance),
            word => Ok(Self::Operation(word.parse()?)),
        }
    }
}

impl TryFrom<String> for Approvable {
    type Error = ApprovableError;
    fn try_from(text: String) -> Result<Self, ApprovableError> {
        text.parse()
    }
}

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
