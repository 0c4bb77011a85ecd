//! May this action run now?

use crate::domain::{Action, Blocker, Freeze, Phase, Role};

/// What is asked of the guard.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The action; none for the start of a rollout.
    pub action: Option<Action>,
    /// Where the rollout is; none before its start.
    pub phase: Option<Phase>,
    /// The role of whoever asks, on this target.
    pub role: Role,
    /// Freezes that cover the rollout's target, or every unit that the action would tell.
    pub freezes: &'a [Freeze],
}

/// The guard's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Go ahead.
    Allowed,
    /// A window forbids it; an override of these windows would lift that.
    NeedsOverride(Vec<Blocker>),
    /// It is forbidden.
    Refused(Vec<Blocker>),
    /// The role does not cover it; what role would.
    Forbidden(Role),
}

/// Decides. Pause and rollback are never held by a window.
#[must_use]
pub fn decide(question: &Question<'_>) -> Decision {
    let _ = question;
    todo!()
}
