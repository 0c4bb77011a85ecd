//! What a Canary says about an order that was sent: from the order and the Canary as it is now alone, so that it
//! serves after a crash too. Flagger looks at a Canary once in its interval; until then there is nothing to see.

use super::{
    act::Stand,
    object::{Canary, CanaryPhase},
    revision::revision,
};
use crate::{
    domain::{Action, SafeText},
    driver::{Order, kubernetes::uptake::Look},
};

/// What a Canary says about an order that was sent.
#[must_use]
pub fn look(canary: &Canary, order: &Order) -> Look {
    let phase = match &canary.status.phase {
        Ok(phase) => *phase,
        Err(why) => return waiting(why),
    };
    let present = revision(canary);
    let (then, now) = (Stand::of(&order.revision), Stand::of(&present));
    let same = then.candidate == now.candidate;
    let within = format!("Flagger looks once in {}s", canary.interval().as_secs());
    match order.action {
        Action::Pause if canary.suspended => taken("it is suspended"),
        Action::Pause => waiting("it is not suspended"),
        Action::Resume if canary.suspended => waiting("it is still suspended"),
        Action::Resume => taken("it is not suspended"),
        Action::Promote | Action::PromoteFull if !same => superseded(canary, &then, &now),
        Action::Promote | Action::PromoteFull if phase == CanaryPhase::Failed => {
            no_op("it failed since, and went back")
        }
        Action::Promote if then.at == now.at => waiting(format!("it is where it was; {within}")),
        Action::Promote => taken(went_on(canary, phase)),
        Action::PromoteFull
            if matches!(phase, CanaryPhase::Promoting | CanaryPhase::Finalising | CanaryPhase::Succeeded) =>
        {
            taken(went_on(canary, phase))
        }
        Action::PromoteFull if canary.skips_analysis => {
            waiting(format!("its analysis is to be skipped; {within}, and its pods must be ready"))
        }
        Action::PromoteFull => waiting("skipAnalysis is not set"),
        Action::Rollback if !same => {
            no_op(format!("it is about {} now, and not about what was to go back", now.candidate))
        }
        Action::Rollback => match phase {
            CanaryPhase::Failed => taken("it went back: all traffic is on the primary"),
            CanaryPhase::Succeeded | CanaryPhase::Finalising | CanaryPhase::Promoting => {
                no_op("it was promoted before it could go back")
            }
            _ if canary.suspended => waiting("it is suspended, and Flagger does not look"),
            _ => waiting(format!("it has not gone back yet; {within}")),
        },
        Action::Retry if phase != CanaryPhase::Failed => taken(went_on(canary, phase)),
        Action::Retry if canary.status.phase_since.is_some_and(|since| since > order.at) => {
            taken("it began again, and failed again")
        }
        Action::Retry => waiting(format!("it has not begun again; {within}")),
        Action::Restart | Action::Terminate => no_op("Flagger has no such thing"),
    }
}

fn went_on(canary: &Canary, phase: CanaryPhase) -> String {
    let weight = match canary.status.weight {
        0 => String::new(),
        weight => format!(", at {weight} % of the traffic"),
    };
    let phase = if phase == CanaryPhase::New { "new" } else { phase.as_str() };
    format!("its phase is {phase} now{weight}")
}

fn superseded(canary: &Canary, then: &Stand<'_>, now: &Stand<'_>) -> Look {
    // The candidate begins with the hash of the template.
    let was_promoted = !canary.status.last_promoted.is_empty()
        && then.candidate.split('-').next() == Some(canary.status.last_promoted.as_str());
    if was_promoted {
        taken(format!("{} was promoted; it is about {} now", then.candidate, now.candidate))
    } else {
        no_op(format!("it is about {} now: whether it was taken up before cannot be told any more", now.candidate))
    }
}

fn taken(words: impl AsRef<str>) -> Look {
    Look::TakenUp(SafeText::new(words))
}

fn waiting(words: impl AsRef<str>) -> Look {
    Look::Waiting(SafeText::new(words))
}

fn no_op(words: impl AsRef<str>) -> Look {
    Look::NoOp(SafeText::new(words))
}
