//! A release as stages: the gates before and after, and the shares of traffic or the checks between them.

use std::fmt;

use chrono::{DateTime, Utc};

use super::{
    events::{Cause, Told},
    gates::{self, Moment},
    object::{Canary, CanaryPhase, Hook, Strategy},
};
use crate::{
    domain::{Exposure, Stage, StageName, StageState},
    driver::kubernetes::name,
};

/// Stages that checks are shown as, at most: of more checks, several make one.
const STAGES_OF_CHECKS: i64 = 20;

/// One part of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leg {
    /// Somebody must say yes before anything begins.
    ConfirmRollout,
    /// The candidate's pods are made, and asked whether traffic may come.
    Start,
    /// The candidate has this share of traffic.
    Weight(i64),
    /// The checks from the first to the last of these are made.
    Checks(i64, i64),
    /// Somebody must say yes before it is promoted.
    ConfirmPromotion,
    /// All traffic goes to the candidate.
    Full,
    /// The primary takes the candidate over.
    Promotion,
}

impl fmt::Display for Leg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConfirmRollout => f.write_str("confirm-rollout"),
            Self::Start => f.write_str("start"),
            Self::Weight(weight) => write!(f, "weight-{weight}"),
            Self::Checks(first, last) if first == last => write!(f, "check-{first}"),
            Self::Checks(first, last) => write!(f, "checks-{first}-{last}"),
            Self::ConfirmPromotion => f.write_str("confirm-promotion"),
            Self::Full => f.write_str("full"),
            Self::Promotion => f.write_str("promotion"),
        }
    }
}

/// Where a release is among its legs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// None is under way.
    Idle,
    /// In this one, in this state.
    In(usize, StageState),
    /// Behind all of them.
    Done,
    /// It went back; from this one, where that is known.
    Back(Option<usize>),
}

/// The stages of a Canary, and the name of the one it is in.
#[must_use]
pub fn stages(canary: &Canary, told: Option<&Told>) -> (Vec<Stage>, Option<StageName>) {
    let legs = legs(canary);
    let at = at(canary, &legs, told);
    let mut names: Vec<String> = Vec::new();
    for leg in &legs {
        names.push(name::unlike(&leg.to_string(), names.iter().map(String::as_str)));
    }
    // The checks of all shares and rounds are the same ones: they are told where they are made next.
    let next_analysed = |from: usize| (from..legs.len()).find(|leg| is_analysed(legs[*leg]));
    let told_of = match at {
        At::Idle => next_analysed(0),
        At::In(index, _) if is_analysed(legs[index]) => Some(index),
        At::In(index, _) => next_analysed(index),
        At::Back(index) => index,
        At::Done => None,
    };
    let stages = legs.iter().enumerate().map(|(index, leg)| {
        let state = state(at, index);
        let moment = match state {
            StageState::Waiting => Moment::Ahead,
            StageState::Passed | StageState::RolledBack => Moment::Behind,
            StageState::Failed => Moment::Failed,
            _ => Moment::Here,
        };
        let tells = !is_analysed(*leg) || told_of == Some(index);
        Stage {
            flag: None,
            name: name::stage(&names[index]),
            state,
            selects: selects(canary, *leg).into(),
            exposure: exposure(canary, *leg, state),
            gates: Some(if tells { gates::gates(canary, told, *leg, moment) } else { Vec::new() }),
            entered_at: match state {
                StageState::Waiting => None,
                _ => entered_at(canary, *leg, told, state),
            },
            hold_until: None,
            finished_at: match state {
                StageState::Passed | StageState::RolledBack => {
                    legs.get(index + 1).and_then(|next| entered_at(canary, *next, told, StageState::Passed))
                }
                StageState::Failed => canary.status.phase_since,
                _ => None,
            },
        }
    });
    let current = match at {
        At::In(index, _) => Some(name::stage(&names[index])),
        At::Idle | At::Done | At::Back(_) => None,
    };
    (stages.collect(), current)
}

const fn is_analysed(leg: Leg) -> bool {
    matches!(leg, Leg::Weight(_) | Leg::Checks(..))
}

/// What a release of this Canary goes through.
fn legs(canary: &Canary) -> Vec<Leg> {
    let has = |hook: Hook| canary.hooks(&hook).next().is_some();
    let mut legs = Vec::new();
    if has(Hook::ConfirmRollout) {
        legs.push(Leg::ConfirmRollout);
    }
    legs.push(Leg::Start);
    let strategy = canary.strategy();
    legs.extend(canary.weights().into_iter().map(Leg::Weight));
    let checks = canary.iterations();
    // At least one check to a stage, and no more stages than are looked at.
    let step = (checks.max(1) - 1) / STAGES_OF_CHECKS + 1;
    let firsts = (0..STAGES_OF_CHECKS).filter_map(|stage| stage.checked_mul(step)?.checked_add(1));
    legs.extend(
        firsts
            .take_while(|first| *first <= checks)
            .map(|first| Leg::Checks(first, first.saturating_add(step - 1).min(checks))),
    );
    if strategy != Strategy::Skipped && has(Hook::ConfirmPromotion) {
        legs.push(Leg::ConfirmPromotion);
    }
    let splits = !canary.provider.is_empty() && canary.provider != "kubernetes";
    if strategy == Strategy::BlueGreen && (splits || canary.status.iterations > checks) {
        legs.push(Leg::Full);
    }
    legs.push(Leg::Promotion);
    legs
}

fn at(canary: &Canary, legs: &[Leg], told: Option<&Told>) -> At {
    use CanaryPhase as P;
    let find = |wanted: Leg| legs.iter().position(|leg| *leg == wanted);
    let start = find(Leg::Start).unwrap_or(0);
    let last_analysed = || legs.iter().rposition(|leg| is_analysed(*leg)).unwrap_or(start);
    let Ok(phase) = canary.status.phase else { return At::Idle };
    match phase {
        P::New | P::Initializing | P::Initialized | P::Terminating | P::Terminated => At::Idle,
        P::Waiting => At::In(find(Leg::ConfirmRollout).unwrap_or(start), StageState::Ready),
        P::Progressing => {
            let waits = matches!(told.and_then(|told| told.halt.as_ref()), Some((Cause::Gate(..), _)));
            let state = if waits { StageState::Ready } else { StageState::Progressing };
            At::In(reached(canary, legs, canary.status.weight, canary.status.iterations).unwrap_or(start), state)
        }
        P::WaitingPromotion => At::In(find(Leg::ConfirmPromotion).unwrap_or_else(last_analysed), StageState::Ready),
        P::Promoting | P::Finalising => At::In(legs.len() - 1, StageState::Progressing),
        P::Succeeded => At::Done,
        P::Failed => {
            let weight = told.and_then(|told| told.weights.first()).map_or(0, |(weight, _)| *weight);
            let iteration = told.and_then(|told| told.iterations.first()).map_or(0, |(iteration, _)| *iteration);
            // Without the Events of its end nobody knows how far it came: later ones may have been dropped too.
            let known = told.is_some_and(|told| told.rolled_back.is_some() || told.failure.is_some());
            At::Back(known.then(|| reached(canary, legs, weight, iteration).unwrap_or(start)))
        }
    }
}

/// The leg of a share or of a number of checks; none before the first.
fn reached(canary: &Canary, legs: &[Leg], weight: i64, iterations: i64) -> Option<usize> {
    let index = legs.iter().rposition(|leg| match leg {
        Leg::Weight(share) => weight > 0 && *share <= weight,
        Leg::Checks(first, _) => iterations >= *first,
        Leg::Full => canary.iterations() > 0 && iterations > canary.iterations(),
        _ => false,
    });
    // A share below the first of the plan is one of an older plan.
    index.or_else(|| (weight > 0).then(|| legs.iter().position(|leg| is_analysed(*leg))).flatten())
}

fn state(at: At, index: usize) -> StageState {
    match at {
        At::Done => StageState::Passed,
        At::In(here, state) if here == index => state,
        At::In(here, _) if index < here => StageState::Passed,
        At::Back(Some(here)) if here == index => StageState::Failed,
        At::Back(Some(here)) if index < here => StageState::RolledBack,
        At::Idle | At::In(..) | At::Back(_) => StageState::Waiting,
    }
}

fn selects(canary: &Canary, leg: Leg) -> String {
    let analysis = canary.analysis.as_ref();
    match leg {
        Leg::ConfirmRollout => "a gate, before anything begins".to_owned(),
        Leg::Start => match analysis {
            Some(analysis) if analysis.mirror && canary.strategy() == Strategy::Weights => {
                "the candidate's pods; then requests mirrored to them".to_owned()
            }
            _ => "the candidate's pods".to_owned(),
        },
        Leg::Weight(weight) => format!("{weight} % of traffic"),
        Leg::Checks(first, last) => {
            let which = if first == last { format!("check {first}") } else { format!("checks {first} to {last}") };
            format!("{which} of {}", canary.iterations())
        }
        Leg::ConfirmPromotion => "a gate, before promotion".to_owned(),
        Leg::Full => "all traffic".to_owned(),
        Leg::Promotion => match analysis.map_or(0, |analysis| analysis.step_weight_promotion) {
            0 => format!("{} takes the candidate over", canary.primary()),
            step => format!("{} takes the candidate over, then its traffic in steps of {step} %", canary.primary()),
        },
    }
}

/// What a stage has of its own: of a share, how much of it; of checks, how many were made.
fn exposure(canary: &Canary, leg: Leg, state: StageState) -> Exposure {
    let (size, made) = match leg {
        Leg::Weight(weight) => (weight, weight),
        Leg::Checks(first, last) => (last - first + 1, canary.status.iterations - first + 1),
        Leg::Full => (100, 100),
        Leg::ConfirmRollout | Leg::Start | Leg::ConfirmPromotion | Leg::Promotion => (1, 0),
    };
    let units = match state {
        StageState::Passed => size,
        StageState::Progressing | StageState::Holding | StageState::Ready => made.clamp(0, size),
        StageState::Waiting | StageState::Failed | StageState::RolledBack => 0,
    };
    let count = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
    Exposure { percent: units as f64 * 100.0 / size.max(1) as f64, units: count(units), units_total: count(size) }
}

fn entered_at(canary: &Canary, leg: Leg, told: Option<&Told>, state: StageState) -> Option<DateTime<Utc>> {
    let now = |phases: &[CanaryPhase]| {
        let here = canary.status.phase.as_ref().is_ok_and(|phase| phases.contains(phase));
        canary.status.phase_since.filter(|_| here)
    };
    match leg {
        Leg::Weight(weight) => told.and_then(|told| told.weight_at(weight)),
        Leg::Checks(first, _) => told.and_then(|told| told.iteration_at(first)),
        Leg::ConfirmRollout => now(&[CanaryPhase::Waiting]),
        Leg::Start if state == StageState::Progressing => now(&[CanaryPhase::Progressing]),
        Leg::ConfirmPromotion => now(&[CanaryPhase::WaitingPromotion]),
        Leg::Promotion => now(&[CanaryPhase::Promoting]),
        Leg::Start | Leg::Full => None,
    }
}

#[cfg(test)]
mod tests;
