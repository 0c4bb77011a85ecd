//! Where a rollout and its stages are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where a rollout is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Begun, no unit told yet.
    Pending,
    /// Units are being told, or gates are being watched.
    Progressing,
    /// A person stopped it.
    Paused,
    /// The stage passed; a person must promote.
    AwaitingPromotion,
    /// It cannot go on by itself: units failed, a gate breached, or facts are missing.
    Degraded,
    /// Units are being told to go back.
    RollingBack,
    /// Every reachable unit measured its old snapshot.
    RolledBack,
    /// A unit could not go back.
    RollbackFailed,
    /// Ended before any unit was told.
    Aborted,
    /// The last stage passed.
    Completed,
    /// The backend cannot say.
    Unknown,
}

impl Phase {
    /// Every phase, in the order of the design.
    pub const ALL: [Self; 11] = [
        Self::Pending,
        Self::Progressing,
        Self::Paused,
        Self::AwaitingPromotion,
        Self::Degraded,
        Self::RollingBack,
        Self::RolledBack,
        Self::RollbackFailed,
        Self::Aborted,
        Self::Completed,
        Self::Unknown,
    ];

    /// The phase as it is written in JSON and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Progressing => "progressing",
            Self::Paused => "paused",
            Self::AwaitingPromotion => "awaiting_promotion",
            Self::Degraded => "degraded",
            Self::RollingBack => "rolling_back",
            Self::RolledBack => "rolled_back",
            Self::RollbackFailed => "rollback_failed",
            Self::Aborted => "aborted",
            Self::Completed => "completed",
            Self::Unknown => "unknown",
        }
    }

    /// The phase in words, for a sentence.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::AwaitingPromotion => "awaiting promotion",
            Self::RollingBack => "rolling back",
            Self::RolledBack => "rolled back",
            Self::RollbackFailed => "rollback failed",
            other => other.as_str(),
        }
    }

    /// Whether the rollout has ended: nothing happens to it by itself any more.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::RolledBack | Self::Aborted | Self::Completed)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Where one stage is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StageState {
    /// Its turn has not come.
    Waiting,
    /// Units are being told, or its gates have not all passed yet.
    Progressing,
    /// Its gates pass; its minimum hold runs.
    Holding,
    /// Passed and held; a person must promote.
    Ready,
    /// Behind us.
    Passed,
    /// A gate breached or a unit failed in it.
    Failed,
    /// Its units were told to go back.
    RolledBack,
}
