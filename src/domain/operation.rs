//! What a window may hold, and who does it: the words that windows and overrides share.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Action, ActorKind};

/// Something that widens what people get, and that a window may therefore hold. What stops or takes
/// back (pause, rollback, a flag kill, a flag switched off) is none: going back is always open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// A rollout begins.
    Start,
    /// A unit is told, or a stage begins, without anybody asking.
    Advance,
    /// The next stage begins because somebody says so.
    Promote,
    /// All stages, without waiting for a person.
    PromoteFull,
    /// A paused rollout goes on.
    Resume,
    /// Failed units are told again.
    Retry,
    /// All pods start anew.
    Restart,
    /// An analysis ends early.
    Terminate,
    /// A flag is switched on, or brought back after a kill.
    FlagEnable,
    /// A flag serves something else in more places.
    FlagWiden,
    /// A flag is changed in any other way.
    FlagChange,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Start,
        Self::Advance,
        Self::Promote,
        Self::PromoteFull,
        Self::Resume,
        Self::Retry,
        Self::Restart,
        Self::Terminate,
        Self::FlagEnable,
        Self::FlagWiden,
        Self::FlagChange,
    ];

    /// Its name in JSON, on the command line and in the audit trail.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Advance => "advance",
            Self::Promote => "promote",
            Self::PromoteFull => "promote_full",
            Self::Resume => "resume",
            Self::Retry => "retry",
            Self::Restart => "restart",
            Self::Terminate => "terminate",
            Self::FlagEnable => "flag_enable",
            Self::FlagWiden => "flag_widen",
            Self::FlagChange => "flag_change",
        }
    }

    /// What an action is to a window; none for what is always open.
    #[must_use]
    pub const fn of(action: Action) -> Option<Self> {
        match action {
            Action::Pause | Action::Rollback => None,
            Action::Resume => Some(Self::Resume),
            Action::Promote => Some(Self::Promote),
            Action::PromoteFull => Some(Self::PromoteFull),
            Action::Retry => Some(Self::Retry),
            Action::Restart => Some(Self::Restart),
            Action::Terminate => Some(Self::Terminate),
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why a text names nothing that a window may hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OperationError {
    /// It is never held.
    #[error("{0} is never held: going back is always open")]
    AlwaysOpen(String),
    /// It is no such word.
    #[error("{got:?} is nothing that a window holds: use {}", Operation::ALL.map(Operation::as_str).join(", "))]
    Unknown {
        /// The beginning of what was given.
        got: String,
    },
}

impl std::str::FromStr for Operation {
    type Err = OperationError;
    fn from_str(text: &str) -> Result<Self, OperationError> {
        let word = text.trim().replace('-', "_");
        if matches!(word.as_str(), "pause" | "rollback" | "abort" | "flag_kill" | "flag_disable") {
            return Err(OperationError::AlwaysOpen(word));
        }
        let got = || OperationError::Unknown { got: text.chars().take(40).collect() };
        Self::ALL.into_iter().find(|operation| operation.as_str() == word).ok_or_else(got)
    }
}

/// Who begins something, as windows tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Initiator {
    /// A person.
    Human,
    /// A machine with a credential of its own, or Rolldeck itself: an unattended advance.
    Automation,
    /// A site's agent.
    Agent,
}

impl Initiator {
    /// Its name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Automation => "automation",
            Self::Agent => "agent",
        }
    }
}

impl From<ActorKind> for Initiator {
    fn from(kind: ActorKind) -> Self {
        match kind {
            ActorKind::Human => Self::Human,
            ActorKind::Automation | ActorKind::System => Self::Automation,
            ActorKind::Agent => Self::Agent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::action::ACTIONS;

    #[test]
    fn every_operation_reads_back_and_what_stops_a_change_is_never_one() {
        for operation in Operation::ALL {
            assert_eq!(serde_json::to_value(operation).unwrap(), operation.as_str());
            assert_eq!(operation.as_str().parse::<Operation>().unwrap(), operation);
        }
        for spec in ACTIONS {
            assert_eq!(Operation::of(spec.action).is_some(), spec.widens, "{}", spec.verb);
        }
        for always in ["pause", "rollback", "flag-kill"] {
            assert!(matches!(always.parse::<Operation>(), Err(OperationError::AlwaysOpen(_))), "{always}");
        }
        assert!("promotion".parse::<Operation>().is_err());
    }
}
