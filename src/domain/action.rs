//! The one table of actions: menu, keys, help, palette, command line and audit read it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Phase;

/// What a person can do to a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Stop where it is; no further unit is told.
    Pause,
    /// Go on from where it was paused.
    Resume,
    /// Let the next stage begin.
    Promote,
    /// Go through all stages without waiting for a person; gates still hold.
    PromoteFull,
    /// Bring every unit back to the snapshot pinned at start.
    Rollback,
    /// Tell the failed units again.
    Retry,
    /// Start all pods anew, without another version.
    Restart,
    /// End the analysis that runs: what has not failed by then counts as passed.
    Terminate,
}

/// What is known of an action everywhere it is offered.
#[derive(Debug, Clone, Copy)]
pub struct ActionSpec {
    /// The action.
    pub action: Action,
    /// Its name in JSON, in the audit trail and on the command line (`promote_full` is `promote --full` there).
    pub verb: &'static str,
    /// The words on a button, before the object: `Roll back`.
    pub label: &'static str,
    /// One sentence of what it does.
    pub summary: &'static str,
    /// The letter in the action menu.
    pub letter: char,
    /// Whether it widens what gets the candidate. What widens can be held by windows, locks and
    /// stale data; what does not, never is.
    pub widens: bool,
}

/// Every action, in the order of the menu: what stops comes first.
pub const ACTIONS: [ActionSpec; 8] = [
    ActionSpec {
        action: Action::Pause,
        verb: "pause",
        label: "Pause",
        summary: "stop where it is; no further unit is told",
        letter: 'p',
        widens: false,
    },
    ActionSpec {
        action: Action::Rollback,
        verb: "rollback",
        label: "Roll back",
        summary: "bring every unit back to what it ran before",
        letter: 'b',
        widens: false,
    },
    ActionSpec {
        action: Action::Promote,
        verb: "promote",
        label: "Promote",
        summary: "let the next stage begin",
        letter: 'm',
        widens: true,
    },
    ActionSpec {
        action: Action::Resume,
        verb: "resume",
        label: "Resume",
        summary: "go on from where it was paused",
        letter: 'u',
        widens: true,
    },
    ActionSpec {
        action: Action::Retry,
        verb: "retry",
        label: "Retry",
        summary: "tell the failed units again",
        letter: 't',
        widens: true,
    },
    ActionSpec {
        action: Action::PromoteFull,
        verb: "promote_full",
        label: "Promote fully",
        summary: "go through all stages without waiting for a person; gates still hold",
        letter: 'f',
        widens: true,
    },
    ActionSpec {
        action: Action::Restart,
        verb: "restart",
        label: "Restart",
        summary: "start all pods anew, stable ones too, without another version",
        letter: 's',
        widens: true,
    },
    ActionSpec {
        action: Action::Terminate,
        verb: "terminate",
        label: "End analysis",
        summary: "end the analysis that runs; what has not failed by then counts as passed, and the rollout goes on",
        letter: 'e',
        widens: true,
    },
];

impl Action {
    /// What is known of it.
    #[must_use]
    pub fn spec(self) -> &'static ActionSpec {
        // The table has a row for each variant; a test says so.
        ACTIONS.iter().find(|spec| spec.action == self).unwrap_or(&ACTIONS[0])
    }

    /// Its name in JSON and in the audit trail.
    #[must_use]
    pub fn verb(self) -> &'static str {
        self.spec().verb
    }

    /// Whether it widens what gets the candidate.
    #[must_use]
    pub fn widens(self) -> bool {
        self.spec().widens
    }

    /// What it does to a rollout, for a sentence: `promote fully`.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Promote => "promote",
            Self::PromoteFull => "promote fully",
            Self::Rollback => "roll back",
            Self::Retry => "retry",
            Self::Restart => "restart",
            Self::Terminate => "end an analysis",
        }
    }

    /// The phases in which it changes something, by the design's table. What a driver of Kubernetes
    /// carries out depends on more than the phase: [`super::Rollout::offers`] says it for each rollout.
    #[must_use]
    pub const fn applies_in(self, phase: Phase) -> bool {
        use Phase as P;
        match self {
            Self::Pause => matches!(phase, P::Pending | P::Progressing | P::AwaitingPromotion | P::Degraded),
            Self::Resume => matches!(phase, P::Paused),
            Self::Promote => matches!(phase, P::AwaitingPromotion),
            Self::PromoteFull => matches!(phase, P::Progressing | P::AwaitingPromotion),
            Self::Rollback => !matches!(phase, P::RolledBack | P::Aborted | P::RollingBack),
            Self::Retry => matches!(phase, P::Degraded | P::RollbackFailed),
            // The fleet has neither: an agent restarts what it runs by its own means.
            Self::Restart | Self::Terminate => false,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.verb())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_exactly_one_row_with_its_json_name_and_its_own_letter() {
        for (index, spec) in ACTIONS.iter().enumerate() {
            assert_eq!(serde_json::to_value(spec.action).unwrap(), spec.verb);
            for other in &ACTIONS[index + 1..] {
                assert_ne!(spec.action, other.action);
                assert_ne!(spec.letter, other.letter);
            }
        }
        for action in [
            Action::Pause,
            Action::Resume,
            Action::Promote,
            Action::PromoteFull,
            Action::Rollback,
            Action::Retry,
            Action::Restart,
            Action::Terminate,
        ] {
            assert_eq!(action.spec().action, action);
        }
    }
}
