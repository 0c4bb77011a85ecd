//! May this action run now?
//!
//! The order of the questions is: the role, then the phase, then the windows. A window holds what
//! widens a change and never what takes it back. What an override lets pass is in [`overriding`].

pub mod overriding;

use crate::domain::{Action, Blocker, BlockerKind, Freeze, Phase, Role, SafeText};

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
///
/// An action that would change nothing, such as pause while paused, is allowed: the engine answers
/// that nothing was to be done.
#[must_use]
pub fn decide(question: &Question<'_>) -> Decision {
    if !question.role.covers(Role::Operator) {
        return Decision::Forbidden(Role::Operator);
    }
    if let (Some(action), Some(phase)) = (question.action, question.phase)
        && !action.applies_in(phase)
    {
        return if is_no_op(action, phase) {
            Decision::Allowed
        } else {
            Decision::Refused(vec![wrong_phase(action, phase)])
        };
    }
    if may_be_held(question.action, question.phase) && !question.freezes.is_empty() {
        return Decision::NeedsOverride(
            question.freezes.iter().map(|f| held_by(question.action.map_or("start", Action::verb), f)).collect(),
        );
    }
    Decision::Allowed
}

/// Whether what the action aims at is there already, as far as the phase tells. The engine has the
/// last word.
const fn is_no_op(action: Action, phase: Phase) -> bool {
    match action {
        Action::Pause => matches!(phase, Phase::Paused),
        Action::Rollback => matches!(phase, Phase::RollingBack | Phase::RolledBack | Phase::Aborted),
        Action::Resume => {
            matches!(phase, Phase::Pending | Phase::Progressing | Phase::AwaitingPromotion | Phase::Degraded)
        }
        Action::Promote | Action::PromoteFull | Action::Retry | Action::Restart | Action::Terminate => false,
    }
}

/// Whether a window may hold it: all that widens the change. A retry after a failed rollback tells
/// units to go back, and going back is always open.
fn may_be_held(action: Option<Action>, phase: Option<Phase>) -> bool {
    match action {
        Some(Action::Retry) => phase != Some(Phase::RollbackFailed),
        Some(action) => action.widens(),
        None => true,
    }
}

/// What a window that holds something is to whoever asked for it; `verb` is what they asked for.
#[must_use]
pub fn held_by(verb: &str, freeze: &Freeze) -> Blocker {
    let until = freeze
        .until
        .map_or_else(|| "until it is lifted".to_owned(), |at| format!("until {}", at.format("%Y-%m-%d %H:%M UTC")));
    Blocker {
        kind: BlockerKind::Freeze,
        summary: SafeText::new(format!(
            "window {} holds {verb} on {} {until}: {} ({})",
            freeze.window, freeze.scope, freeze.reason, freeze.by
        )),
        since: Some(freeze.since),
        until: freeze.until,
    }
}

fn wrong_phase(action: Action, phase: Phase) -> Blocker {
    let from: Vec<&str> = Phase::ALL.into_iter().filter(|p| action.applies_in(*p)).map(Phase::as_str).collect();
    Blocker {
        kind: BlockerKind::Phase,
        summary: SafeText::new(format!("{action} is possible from {}; the rollout is {phase}", from.join(", "))),
        since: None,
        until: None,
    }
}

#[cfg(test)]
mod tests;
