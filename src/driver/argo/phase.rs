//! Which phase a rollout is in, and why: what `kubectl argo rollouts` says, a status that is not up to
//! date included.
//!
//! The rules and their order are those of argo-rollouts, `utils/rollout/rolloututil.go`
//! (`GetRolloutPhase`, `CalculateRolloutPhase`); the messages are its words.

use super::{
    object::{Rollout, Strategy, WORKLOAD_GENERATION},
    step::Step,
};
use crate::domain::SafeText;

/// What must be readable before the controller's word can be taken.
const NEEDED: [&str; 6] = [
    "status",
    "status.phase",
    "status.observedGeneration",
    "status.controllerPause",
    "status.pauseConditions",
    "status.abort",
];

/// What must be readable too where the controller gives no word.
const NEEDED_TO_CALCULATE: [&str; 13] = [
    "spec.paused",
    "spec.restartAt",
    "spec.replicas",
    "spec.strategy.canary.trafficRouting",
    "spec.strategy.blueGreen.postPromotionAnalysis",
    "status.restartedAt",
    "status.replicas",
    "status.updatedReplicas",
    "status.availableReplicas",
    "status.currentPodHash",
    "status.stableRS",
    "status.conditions",
    "status.blueGreen.activeSelector",
];

/// Where a rollout is, in the controller's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RolloutPhase {
    /// As it should be.
    Healthy,
    /// It cannot go on by itself.
    Degraded,
    /// On its way.
    Progressing,
    /// It waits.
    Paused,
    /// It cannot be told.
    Unknown,
}

impl RolloutPhase {
    /// The controller's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "Healthy",
            Self::Degraded => "Degraded",
            Self::Progressing => "Progressing",
            Self::Paused => "Paused",
            Self::Unknown => "Unknown",
        }
    }

    fn read(word: &str) -> Option<Self> {
        [Self::Healthy, Self::Degraded, Self::Progressing, Self::Paused]
            .into_iter()
            .find(|phase| phase.as_str() == word)
    }
}

/// Why what the status says is not up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stale {
    /// The controller has not seen the newest spec.
    Spec,
    /// The controller has not seen that its pause was answered.
    Pause,
    /// The controller has not seen the newest workload that is referred to.
    Workload,
}

impl Stale {
    /// What is waited for, in the plugin's words.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::Spec => "waiting for rollout spec update to be observed",
            Self::Pause => "waiting for rollout to unpause",
            Self::Workload => "waiting for rollout spec update to be observed for the reference workload",
        }
    }
}

/// A rollout's phase, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The phase.
    pub phase: RolloutPhase,
    /// Why; empty where there is nothing to say.
    pub message: SafeText,
    /// Why the status is not up to date, where it is not. The phase is then [`RolloutPhase::Progressing`].
    pub stale: Option<Stale>,
}

impl Standing {
    fn new(phase: RolloutPhase, message: impl AsRef<str>) -> Self {
        Self { phase, message: SafeText::new(message), stale: None }
    }
}

/// The phase of a rollout. Where something that decides it cannot be read, it is unknown, and the
/// message names the field.
#[must_use]
pub fn standing(rollout: &Rollout) -> Standing {
    if let Some(unreadable) = unreadable(rollout) {
        return unreadable;
    }
    match stale(rollout) {
        Some(stale) => Standing { stale: Some(stale), ..Standing::new(RolloutPhase::Progressing, stale.message()) },
        None => observed(rollout),
    }
}

/// Why the status of a rollout is not up to date.
#[must_use]
pub fn stale(rollout: &Rollout) -> Option<Stale> {
    if !is_generation_observed(rollout) {
        return Some(Stale::Spec);
    }
    if rollout.status.controller_pause && rollout.status.pauses.is_empty() {
        return Some(Stale::Pause);
    }
    (!is_workload_observed(rollout)).then_some(Stale::Workload)
}

/// The phase that the status tells of, up to date or not.
#[must_use]
pub fn observed(rollout: &Rollout) -> Standing {
    let word = rollout.status.phase.as_str();
    if word.is_empty() {
        return calculated(rollout);
    }
    match RolloutPhase::read(word) {
        Some(phase) => Standing::new(phase, &rollout.status.message),
        None => {
            Standing::new(RolloutPhase::Unknown, format!("status.phase says {word}, which is no phase that is known"))
        }
    }
}

fn unreadable(rollout: &Rollout) -> Option<Standing> {
    let calculates = rollout.status.phase.is_empty();
    // Only a number is compared with the generation; before 0.10 there is a hash.
    let compares = rollout.status.observed_generation.parse::<i64>().is_ok();
    let decides = |field: &str| {
        NEEDED.contains(&field)
            || (calculates && NEEDED_TO_CALCULATE.contains(&field))
            || (compares && field == "metadata.generation")
            || (field.starts_with("spec.strategy")
                && rollout.strategy == Strategy::Unknown
                && rollout.status.phase != RolloutPhase::Degraded.as_str())
    };
    let field = rollout.missing.iter().find(|field| decides(field.as_str()))?;
    Some(Standing::new(RolloutPhase::Unknown, format!("its phase cannot be told: {field} is missing or unreadable")))
}

fn is_generation_observed(rollout: &Rollout) -> bool {
    match (rollout.status.observed_generation.parse::<i64>(), rollout.meta.generation) {
        // A larger one is a hash that happens to have digits only.
        (Ok(observed), Some(generation)) => observed >= generation,
        _ => true,
    }
}

fn is_workload_observed(rollout: &Rollout) -> bool {
    let generation = |text: &str| text.parse::<i32>().ok();
    if rollout.workload.is_none() {
        return true;
    }
    let wanted = rollout.meta.annotations.get(WORKLOAD_GENERATION).and_then(|text| generation(text));
    let observed = generation(&rollout.status.workload_observed_generation);
    wanted.zip(observed).is_none_or(|(wanted, observed)| wanted == observed)
}

/// The phase as it follows from spec and status, where the controller gives no word: before 1.0.
fn calculated(rollout: &Rollout) -> Standing {
    use RolloutPhase::{Degraded, Healthy, Paused, Progressing};
    let status = &rollout.status;
    for condition in &status.conditions {
        if condition.kind == "InvalidSpec" {
            return Standing::new(Degraded, format!("InvalidSpec: {}", condition.message));
        }
        if matches!(condition.reason.as_str(), "RolloutAborted" | "ProgressDeadlineExceeded") {
            return Standing::new(Degraded, format!("{}: {}", condition.reason, condition.message));
        }
    }
    if rollout.paused {
        return Standing::new(Paused, "manually paused");
    }
    if let Some(pause) = status.pauses.first() {
        return Standing::new(Paused, &pause.reason);
    }
    if is_restarting(rollout) {
        return Standing::new(Progressing, "rollout is restarting");
    }
    if status.updated < rollout.replicas {
        return Standing::new(Progressing, "more replicas need to be updated");
    }
    if status.available < status.updated {
        return Standing::new(Progressing, "updated replicas are still becoming available");
    }
    let promoted = !status.stable_hash.is_empty() && rollout.is_fully_promoted();
    match &rollout.strategy {
        Strategy::BlueGreen(_) if status.active_hash.is_empty() || status.active_hash != status.pod_hash => {
            Standing::new(Progressing, "active service cutover pending")
        }
        Strategy::BlueGreen(plan) if !promoted => {
            let ended = status.post_promotion_run.as_ref().is_some_and(super::object::RunStatus::is_completed);
            let analysed = plan.post_promotion.is_none() || ended;
            let what = if analysed {
                "waiting for post-promotion verification to complete"
            } else {
                "waiting for analysis to complete"
            };
            Standing::new(Progressing, what)
        }
        Strategy::Canary(plan) if plan.router.is_none() && status.replicas > status.updated => {
            Standing::new(Progressing, "old replicas are pending termination")
        }
        Strategy::Canary(_) if !promoted => Standing::new(Progressing, "waiting for all steps to complete"),
        _ => Standing::new(Healthy, ""),
    }
}

/// Whether its pods are being made anew, or are to be.
#[must_use]
pub fn is_restarting(rollout: &Rollout) -> bool {
    rollout.restart_at.is_some() && rollout.restart_at != rollout.status.restarted_at
}

/// Whether it waits at a pause of its plan that ends by itself; the pause's seconds.
#[must_use]
pub fn timed_pause(rollout: &Rollout) -> Option<u32> {
    match rollout.step() {
        Some(Step::Pause(pause)) => pause.seconds,
        _ => None,
    }
}

#[cfg(test)]
mod tests;
