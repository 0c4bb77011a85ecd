//! What an action comes to, from the Canary alone. Flagger has no actions of its own: there is `suspend`,
//! `skipAnalysis`, the gates of its load tester, and the template of the target.

mod afterwards;
mod gate;
mod offers;
mod propose;
mod requests;
mod rules;
#[cfg(test)]
mod tests;

pub use afterwards::afterwards;
pub use offers::offers;
pub use propose::propose;
pub use requests::requests;
pub use rules::rules;

use self::gate::Gate;
use super::{
    object::{Canary, CanaryPhase, Hook, Webhook},
    revision::revision,
};
use crate::{
    domain::{Action, Blocker, Revision, RollbackTo, rollout::BlockerKind},
    driver::{blocked, blocker, kubernetes::request::Kind},
};

/// The annotation by which the owner of a Canary allows that a roll back writes its failed checks, which is
/// nowhere documented: `"true"`.
pub const ALLOW_STATUS_ROLLBACK: &str = "rolldeck.dev/allow-status-rollback";

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Deed {
    /// Nothing: it is so already. Why, in one sentence.
    Nothing(String),
    /// Flagger does nothing more with it.
    Suspend,
    /// Flagger goes on with it.
    Resume,
    /// Its gates are told to say yes.
    Open(Vec<Gate>),
    /// Its analysis is skipped; where it waits for gates before that, they are told to say yes.
    Skip(Vec<Gate>),
    /// A gate is told to ask for a roll back.
    AskBack(Gate),
    /// So many checks are written down as failed.
    FailChecks(i64),
    /// The target's template is touched, so that it counts as a new release.
    Touch(Kind),
}

/// What an action comes to.
fn decide(canary: &Canary, action: Action, to: Option<&RollbackTo>) -> Result<Deed, Blocker> {
    let phase = || canary.status.phase.clone().map_err(|why| blocker(BlockerKind::NoData, why));
    match action {
        Action::Pause if canary.suspended => nothing("it is suspended already"),
        Action::Pause => Ok(Deed::Suspend),
        Action::Resume if canary.suspended => Ok(Deed::Resume),
        Action::Resume => match phase() {
            Ok(CanaryPhase::Waiting | CanaryPhase::WaitingPromotion) => {
                blocked("nobody suspended it: it waits for a gate; promote opens it, where it can be opened from here")
            }
            _ => nothing("it is not suspended"),
        },
        Action::Promote => promote(canary, phase()?),
        Action::PromoteFull => promote_full(canary, phase()?),
        Action::Rollback => rollback(canary, phase()?, to),
        Action::Retry => retry(canary, phase()?),
        Action::Restart => blocked(format!(
            "Flagger restarts nothing: what changes the pods of {} is a release, and goes to {} by its analysis",
            canary.target.name,
            canary.primary()
        )),
        Action::Terminate => blocked("an analysis of Flagger cannot be ended by itself: promote fully skips it"),
    }
}

fn promote(canary: &Canary, phase: CanaryPhase) -> Result<Deed, Blocker> {
    use CanaryPhase as P;
    awake(canary)?;
    let hook = match phase {
        P::Waiting => Hook::ConfirmRollout,
        P::WaitingPromotion => Hook::ConfirmPromotion,
        P::Progressing if canary.hooks(&Hook::ConfirmTrafficIncrease).next().is_some() => Hook::ConfirmTrafficIncrease,
        P::Progressing => {
            return blocked("it waits for no gate: Flagger takes the next step by itself, and cannot be told to");
        }
        P::Promoting | P::Finalising => return nothing("it is being promoted already"),
        P::New | P::Initializing | P::Initialized | P::Succeeded => return nothing("no release is under way"),
        P::Failed => return blocked("it failed and went back: retry begins it again"),
        P::Terminating | P::Terminated => return blocked("it is being deleted"),
    };
    gates(canary, &hook).map(Deed::Open)
}

fn promote_full(canary: &Canary, phase: CanaryPhase) -> Result<Deed, Blocker> {
    use CanaryPhase as P;
    awake(canary)?;
    match phase {
        P::Promoting | P::Finalising => nothing("it is being promoted already"),
        // Set without a release, it would skip the analysis of the next one.
        P::New | P::Initializing | P::Initialized | P::Succeeded => nothing("no release is under way"),
        P::Failed => blocked("it failed and went back: retry begins it again"),
        P::Terminating | P::Terminated => blocked("it is being deleted"),
        // The tick ends at this gate, before it is looked whether the analysis is skipped.
        P::Waiting => gates(canary, &Hook::ConfirmRollout).map(Deed::Skip),
        P::Progressing | P::WaitingPromotion if canary.skips_analysis => nothing("its analysis is skipped already"),
        P::Progressing | P::WaitingPromotion => Ok(Deed::Skip(Vec::new())),
    }
}

fn rollback(canary: &Canary, phase: CanaryPhase, to: Option<&RollbackTo>) -> Result<Deed, Blocker> {
    use CanaryPhase as P;
    let target = format!("{} {}", canary.target.kind, canary.target.name);
    if to.is_some() {
        return blocked(format!("Flagger keeps no revisions: put the template that you want back into {target}"));
    }
    match phase {
        P::Progressing | P::WaitingPromotion => {}
        P::Failed => return nothing("it failed and went back already"),
        P::Waiting => {
            return blocked(
                "nothing of it runs yet: it waits for its confirm-rollout gate, and goes nowhere while that says no",
            );
        }
        P::Promoting | P::Finalising => {
            return blocked(format!(
                "{} is taking it over, and Flagger does not go back from there: put the old template back into {target}",
                canary.primary()
            ));
        }
        P::New | P::Initializing | P::Initialized | P::Succeeded => {
            return blocked(format!(
                "no release is under way, and Flagger keeps no earlier one: put the old template back into {target}"
            ));
        }
        P::Terminating | P::Terminated => return blocked("it is being deleted"),
    }
    let mut refused = Vec::new();
    for webhook in canary.hooks(&Hook::Rollback) {
        match gate::of(webhook) {
            Ok(gate) => return Ok(Deed::AskBack(gate)),
            Err(why) => refused.push(why),
        }
    }
    if canary.meta.annotations.get(ALLOW_STATUS_ROLLBACK).is_some_and(|text| text == "true") {
        return Ok(Deed::FailChecks(canary.threshold()));
    }
    let why = refused.into_iter().next().unwrap_or_else(|| "it has no rollback webhook".to_owned());
    blocked(format!(
        "{why}, and Flagger has no other way to be told to go back. Pause suspends it. With the annotation {ALLOW_STATUS_ROLLBACK}: \"true\" on the Canary, Rolldeck writes its failed checks to their threshold instead"
    ))
}

fn retry(canary: &Canary, phase: CanaryPhase) -> Result<Deed, Blocker> {
    if phase != CanaryPhase::Failed {
        return blocked("it has not failed: there is nothing to retry");
    }
    awake(canary)?;
    match canary.target.known_kind() {
        Some(kind @ (Kind::DEPLOYMENT | Kind::DAEMON_SET)) => Ok(Deed::Touch(kind)),
        _ => blocked(format!("its target is a {}, which has no template to touch", canary.target.kind)),
    }
}

/// The gates of a kind that can be opened from here; those that always say yes are left out.
fn gates(canary: &Canary, hook: &Hook) -> Result<Vec<Gate>, Blocker> {
    let asked: Vec<&Webhook> = canary.hooks(hook).filter(|webhook| !gate::is_always_open(webhook)).collect();
    let mut gates = Vec::new();
    for webhook in &asked {
        let gate = gate::of(webhook).map_err(|why| blocker(BlockerKind::Gate, why))?;
        if !gates.contains(&gate) {
            gates.push(gate);
        }
    }
    if gates.is_empty() {
        return Err(blocker(BlockerKind::Gate, format!("it has no {} gate that could be opened", hook.as_str())));
    }
    Ok(gates)
}

/// Whether Flagger looks at it at all.
fn awake(canary: &Canary) -> Result<(), Blocker> {
    if canary.suspended {
        return Err(blocker(BlockerKind::Paused, "it is suspended, and Flagger notices nothing: resume it first"));
    }
    Ok(())
}

/// Where a Canary is, or was: as much of a revision as tells whether it went on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stand<'a> {
    /// The candidate.
    pub candidate: &'a str,
    /// The phase and the step, as `Progressing.20`.
    pub at: &'a str,
}

impl<'a> Stand<'a> {
    /// Reads a revision.
    pub fn of(revision: &'a Revision) -> Self {
        let (candidate, rest) = revision.0.as_str().split_once(':').unwrap_or((revision.0.as_str(), ""));
        let at = rest.split_once('-').map_or(rest, |(at, _)| at);
        // Whether it is suspended, or skips its analysis, is no step.
        Self { candidate, at: at.trim_end_matches(['s', 'k']) }
    }
}

/// The mark of where a Canary is now, to be left on it.
fn mark(canary: &Canary) -> String {
    let revision = revision(canary);
    let stand = Stand::of(&revision);
    format!("{}:{}", stand.candidate, stand.at)
}

/// How long it may take until Flagger notices something.
fn noticed(canary: &Canary) -> String {
    format!("Flagger notices with its next check, within {}s", canary.interval().as_secs())
}

#[expect(clippy::unnecessary_wraps, reason = "it stands beside refusals, as another answer of the same decision")]
fn nothing(why: impl Into<String>) -> Result<Deed, Blocker> {
    Ok(Deed::Nothing(why.into()))
}
