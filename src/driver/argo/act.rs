//! What an action comes to, from the Rollout alone: which of the things that `kubectl argo rollouts` does is
//! done, or why none is. Offers, previews, rules and requests all follow this one decision.

pub(super) mod journey;
pub mod offers;
pub mod propose;
pub mod requests;
pub mod rules;
#[cfg(test)]
mod tests;
mod undo;

use super::{
    object::{Rollout, RunStatus, Strategy},
    revision::{Unseen, unseen},
};
use crate::{
    domain::{Action, Blocker, RollbackTo, SafeText, rollout::BlockerKind},
    driver::{blocked, blocker, kubernetes::request::Rule},
};

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Deed {
    /// Nothing: it is so already. Why, in one sentence.
    Nothing(String),
    /// An answer to a pause lies there already, and the controller has not noticed: it is made to look again.
    Nudge,
    /// A person's pause.
    Pause,
    /// The end of a person's pause, and nothing else.
    Resume,
    /// The next step.
    Promote(Promotion),
    /// All steps.
    PromoteFull,
    /// The candidate is given up.
    Abort,
    /// Another revision's template is put into the spec.
    Undo(Way),
    /// An update that was given up begins again.
    Retry,
    /// All pods are made anew.
    Restart,
    /// An analysis run is ended.
    Terminate(RunStatus),
}

/// What a promotion writes into the status (argo-rollouts, `cmd/promote/promote.go`, `getPatches`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Promotion {
    /// The pause is answered; the controller completes the step.
    AnswersPause,
    /// The pause is answered and the step left, as it would pause again.
    LeavesInconclusive {
        /// The step that is next.
        next: usize,
    },
    /// The step that runs is left.
    SkipsStep {
        /// The step that is next.
        next: usize,
    },
    /// Nothing: only a person's pause ends.
    Unpauses,
}

/// Which revision an undo goes back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The one that is stable.
    Stable,
    /// The newest one before the present one.
    Previous,
    /// The one of that number.
    Number(u64),
}

/// What an action comes to. `as_ordered` says whether the rollout is exactly as it was when that was
/// ordered: a roll back that was an abort then must not become an undo because the abort came about.
fn decide(rollout: &Rollout, action: Action, to: Option<&RollbackTo>, as_ordered: bool) -> Result<Deed, Blocker> {
    let status = &rollout.status;
    match action {
        Action::Pause if rollout.paused => nothing("a person paused it already"),
        Action::Pause if status.abort && !rollout.is_fully_promoted() => {
            blocked("it was aborted: a pause now would hold its pods where they are, and not let them go back")
        }
        Action::Pause => Ok(Deed::Pause),
        Action::Resume if rollout.paused => Ok(Deed::Resume),
        Action::Resume if !status.pauses.is_empty() => {
            blocked(format!("no person paused it: {}; promote lets it go on", journey::waits(rollout)))
        }
        Action::Resume => nothing("it is not paused"),
        Action::Promote => promote(rollout),
        Action::PromoteFull => promote_full(rollout),
        Action::Rollback => rollback(rollout, to, as_ordered),
        Action::Retry if !status.abort => blocked("it was not aborted: there is nothing to retry"),
        Action::Retry => caught_up(rollout).map(|()| Deed::Retry),
        Action::Restart => match rollout.restart_at {
            Some(at) if status.restarted_at != Some(at) => {
                nothing(format!("a restart is under way, or due, since {}", at.format("%Y-%m-%d %H:%M:%SZ")))
            }
            _ => Ok(Deed::Restart),
        },
        Action::Terminate => match running(rollout) {
            Some(run) => Ok(Deed::Terminate(run.clone())),
            None => blocked("no analysis runs"),
        },
    }
}

fn promote(rollout: &Rollout) -> Result<Deed, Blocker> {
    let status = &rollout.status;
    if status.abort {
        return blocked("it was aborted: a promotion would be stored and change nothing; retry begins it again");
    }
    caught_up(rollout)?;
    if rollout.strategy == Strategy::Unknown {
        return blocked("its strategy cannot be read: spec.strategy has neither canary nor blueGreen");
    }
    if rollout.is_fully_promoted() {
        return nothing(format!("{} is promoted: nothing waits", journey::present(rollout)));
    }
    if status.promote_full {
        return nothing("it is being promoted fully already");
    }
    if status.controller_pause && status.pauses.is_empty() {
        return Ok(Deed::Nudge);
    }
    let steps = rollout.steps().len();
    let index = status.step_index.unwrap_or(0);
    let next = (index + 1).min(steps);
    let is_inconclusive = status.step_run.as_ref().is_some_and(|run| run.phase == "Inconclusive");
    let promotion = if steps > 0 && is_inconclusive && !status.pauses.is_empty() && status.controller_pause {
        Promotion::LeavesInconclusive { next }
    } else if !status.pauses.is_empty() {
        Promotion::AnswersPause
    } else if index < steps {
        Promotion::SkipsStep { next }
    } else if rollout.paused {
        Promotion::Unpauses
    } else if steps > 0 {
        return nothing("all steps are done: it waits until its pods are available");
    } else {
        return nothing("it does not wait to be promoted: its pods or analyses are not ready yet");
    };
    Ok(Deed::Promote(promotion))
}

fn promote_full(rollout: &Rollout) -> Result<Deed, Blocker> {
    let status = &rollout.status;
    if status.abort {
        return blocked("it was aborted: retry begins it again, and then it can be promoted fully");
    }
    caught_up(rollout)?;
    if rollout.is_fully_promoted() {
        return nothing(format!("{} is the stable one: there is nothing to promote", journey::present(rollout)));
    }
    if status.promote_full && !rollout.paused {
        return nothing("it is being promoted fully already");
    }
    Ok(Deed::PromoteFull)
}

fn rollback(rollout: &Rollout, to: Option<&RollbackTo>, as_ordered: bool) -> Result<Deed, Blocker> {
    let status = &rollout.status;
    // Going back is always open: it waits for no controller to have caught up.
    let undo = |way| Ok(Deed::Undo(way));
    match to {
        Some(RollbackTo::Revision(number)) => return undo(Way::Number(*number)),
        Some(RollbackTo::Snapshot(_)) => {
            return blocked("it goes back to revisions: name one by its number, such as --to 11");
        }
        None => {}
    }
    if status.pod_hash.is_empty() {
        return Err(blocker(BlockerKind::InProgress, "its controller has not said yet which revision it has"));
    }
    if rollout.is_fully_promoted() {
        // T9: to abort it would move nothing, and leave it degraded.
        // Of a template that the controller has not seen, what runs is what is stable.
        undo(if unseen(rollout).is_some() { Way::Stable } else { Way::Previous })
    } else if status.stable_hash.is_empty() {
        blocked("it is its first deployment: there is nothing to go back to, and its controller ignores an abort")
    } else if !status.abort || rollout.paused {
        // T2: aborted while a person's pause holds it, it goes back only once that is ended.
        Ok(Deed::Abort)
    } else if as_ordered {
        undo(Way::Stable)
    } else {
        nothing("it was aborted already")
    }
}

/// The analysis run that runs: that of the step or of the switch before that beside the steps.
fn running(rollout: &Rollout) -> Option<&RunStatus> {
    let status = &rollout.status;
    let runs = [&status.step_run, &status.pre_promotion_run, &status.post_promotion_run, &status.background_run];
    runs.into_iter().flatten().find(|run| !run.is_completed() && !run.name.is_empty())
}

/// Why it was aborted, as the controller says it.
fn aborted_for(rollout: &Rollout) -> Option<SafeText> {
    let condition = rollout.condition("Progressing").filter(|condition| condition.reason == "RolloutAborted");
    let message = condition.map_or(&rollout.status.message, |condition| &condition.message);
    (!message.is_empty()).then(|| message.clone())
}

/// Whether the controller has seen what is wanted: a promotion that comes before is dropped (T3).
fn caught_up(rollout: &Rollout) -> Result<(), Blocker> {
    let status = &rollout.status;
    if !status.present {
        return Err(blocker(BlockerKind::InProgress, "its controller has not said anything of it yet"));
    }
    match unseen(rollout) {
        None => Ok(()),
        Some(Unseen::Own(generation)) => Err(blocker(
            BlockerKind::InProgress,
            format!(
                "its controller has not seen the newest spec yet: generation {generation}, seen {}",
                status.observed_generation
            ),
        )),
        Some(Unseen::Workload(generation)) => Err(blocker(
            BlockerKind::InProgress,
            format!(
                "its controller has not seen the newest spec of the workload yet: generation {generation}, seen {}",
                status.workload_observed_generation
            ),
        )),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it stands beside refusals, as another answer of the same decision")]
fn nothing(why: impl Into<String>) -> Result<Deed, Blocker> {
    Ok(Deed::Nothing(why.into()))
}

/// What a missing rule says to whoever lacks it.
fn lacks(rule: &Rule) -> String {
    format!("it needs {rule}")
}
