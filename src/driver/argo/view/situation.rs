//! What a rollout is in the middle of: one decision that phase, message, stages, blockers and what comes
//! next all follow.

use chrono::{DateTime, TimeDelta, Utc};

use super::super::{
    object::{Rollout, Strategy},
    phase::{RolloutPhase, Stale, Standing},
    step::Step,
};
use crate::domain::Phase;

/// What a rollout is in the middle of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Situation {
    /// It cannot be told.
    Unknown,
    /// No controller has said anything of it.
    Untouched,
    /// What the controller says is not up to date.
    Behind(Stale),
    /// The update was given up.
    Aborted {
        /// Whether its version still gets traffic.
        serves: bool,
        /// Whether a person's pause keeps its pods from going.
        held: bool,
    },
    /// It was aborted when its version was stable already.
    AbortedForNothing,
    /// The controller refuses its spec.
    Invalid,
    /// It cannot go on by itself.
    Degraded,
    /// A person paused it.
    Paused,
    /// An analysis or an experiment has no answer: a person decides.
    Inconclusive,
    /// A pause of its plan that ends by itself.
    Timed {
        /// When; none where it is not said since when it waits.
        until: Option<DateTime<Utc>>,
    },
    /// A pause of its plan that somebody must end.
    Waits,
    /// It is on its way.
    Progressing,
    /// Its version is the stable one, and all is well.
    Completed,
}

impl Situation {
    /// What a rollout is in the middle of.
    pub fn of(rollout: &Rollout, standing: &Standing) -> Self {
        let status = &rollout.status;
        if standing.phase == RolloutPhase::Unknown {
            return Self::Unknown;
        }
        if let Some(stale) = standing.stale {
            return Self::Behind(stale);
        }
        if !status.present {
            return Self::Untouched;
        }
        if status.abort {
            let serves = serves(rollout);
            if rollout.is_fully_promoted() {
                return Self::AbortedForNothing;
            }
            return Self::Aborted { serves, held: rollout.paused && (serves || status.updated > 0) };
        }
        match standing.phase {
            RolloutPhase::Healthy if rollout.is_fully_promoted() => Self::Completed,
            RolloutPhase::Healthy | RolloutPhase::Unknown => Self::Unknown,
            RolloutPhase::Degraded if standing.message.as_str().starts_with("InvalidSpec") => Self::Invalid,
            RolloutPhase::Degraded => Self::Degraded,
            RolloutPhase::Progressing => Self::Progressing,
            RolloutPhase::Paused if rollout.paused => Self::Paused,
            RolloutPhase::Paused => waits(rollout),
        }
    }

    /// The phase that it is called.
    pub const fn phase(self) -> Phase {
        match self {
            Self::Unknown => Phase::Unknown,
            Self::Untouched => Phase::Pending,
            Self::Behind(_) | Self::Progressing => Phase::Progressing,
            Self::Aborted { held: true, .. } | Self::AbortedForNothing | Self::Invalid | Self::Degraded => {
                Phase::Degraded
            }
            Self::Aborted { serves: true, .. } => Phase::RollingBack,
            Self::Aborted { .. } => Phase::Aborted,
            Self::Paused => Phase::Paused,
            Self::Inconclusive | Self::Timed { .. } | Self::Waits => Phase::AwaitingPromotion,
            Self::Completed => Phase::Completed,
        }
    }

    /// Whether an update is under way, held or not.
    pub fn is_under_way(self, rollout: &Rollout) -> bool {
        !is_promoted(rollout)
            && !matches!(self, Self::Unknown | Self::Untouched | Self::Aborted { .. } | Self::Completed)
    }

    /// Whether it goes on by itself now, unless somebody pauses it.
    pub fn advances(self, rollout: &Rollout) -> bool {
        let stops = rollout.paused || is_promoted(rollout);
        match self {
            Self::Timed { .. } | Self::Progressing | Self::Behind(_) => !stops,
            // It is only called degraded: once its pods are available it goes on.
            Self::Degraded => !stops && rollout.status.pauses.is_empty(),
            _ => false,
        }
    }
}

/// What the controller waits for.
fn waits(rollout: &Rollout) -> Situation {
    let Some(pause) = rollout.status.pauses.first() else { return Situation::Waits };
    if pause.reason.starts_with("Inconclusive") {
        return Situation::Inconclusive;
    }
    match pause_seconds(rollout) {
        Some(seconds) => Situation::Timed { until: pause.since.and_then(|since| later(since, seconds)) },
        None => Situation::Waits,
    }
}

/// How long the present pause of the plan is; none where somebody must end it, and where there is none.
fn pause_seconds(rollout: &Rollout) -> Option<u32> {
    match &rollout.strategy {
        Strategy::Canary(_) => match rollout.step() {
            Some(Step::Pause(pause)) => pause.seconds,
            _ => None,
        },
        Strategy::BlueGreen(plan) => plan.auto_promotion_seconds,
        Strategy::Unknown => None,
    }
}

fn later(at: DateTime<Utc>, seconds: u32) -> Option<DateTime<Utc>> {
    at.checked_add_signed(TimeDelta::seconds(i64::from(seconds)))
}

/// Whether the version that is wanted is the stable one. Of a rollout that never ran none is.
pub(super) fn is_promoted(rollout: &Rollout) -> bool {
    !rollout.status.pod_hash.is_empty() && rollout.is_fully_promoted()
}

/// Whether the version that is wanted, and is not stable, still gets traffic.
pub(super) fn serves(rollout: &Rollout) -> bool {
    let status = &rollout.status;
    match &rollout.strategy {
        Strategy::Canary(plan) => match (&plan.router, &status.weights) {
            (Some(_), Some(weights)) => weights.canary > 0,
            _ => status.updated > 0,
        },
        Strategy::BlueGreen(_) => !status.active_hash.is_empty() && status.active_hash == status.pod_hash,
        Strategy::Unknown => false,
    }
}
