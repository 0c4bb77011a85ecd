//! Gates that are asked of the rollout as a whole: which of them a stage has, what the judge last said
//! of them, for how long that counts, and what the judge's own demands do.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{
    Demand, FactBy, Judged,
    state::{JudgedGate, State},
    survey,
    transition::Work,
    words,
};
use crate::domain::{
    GateName, GateState, Plan, SafeText, Truth,
    plan::{BreachResponse, FailResponse, GateRule},
};

/// The least time for which what was judged counts: three evaluations that come every 30 seconds.
const PATIENCE_MIN: Duration = Duration::from_secs(90);

/// For how long what was judged counts, when nothing comes after it.
fn patience(plan: &Plan) -> Duration {
    plan.telemetry.max_lag.max(plan.telemetry.slice.saturating_mul(3)).max(PATIENCE_MIN)
}

/// A gate that is asked of the rollout as a whole, as it stands now.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ruling<'a> {
    pub(super) gate: &'a GateName,
    /// What counts now: of a judge that fell silent, nothing is known.
    pub(super) truth: Truth,
    /// Whether it was ever judged in this stage.
    pub(super) is_judged: bool,
    /// Whether it was ever true in this stage.
    pub(super) held: bool,
    /// Whether it was true, and was not said again for too long.
    pub(super) is_stale: bool,
    pub(super) why: SafeText,
    pub(super) since: Option<DateTime<Utc>>,
}

impl Ruling<'_> {
    /// `gate errors is false: 0.41% against 0.12%`, where it is not true.
    pub(super) fn sentence(&self) -> String {
        let name = self.gate;
        if !self.is_judged {
            return format!("gate {name} is not judged yet");
        }
        let how = match self.truth {
            Truth::True => "true",
            Truth::False => "false",
            Truth::Unknown => "unknown",
        };
        if self.why.is_empty() {
            format!("gate {name} is {how}")
        } else {
            format!("gate {name} is {how}: {}", self.why)
        }
    }

    /// As a gate is shown.
    pub(super) fn shown(self) -> (GateState, SafeText, Option<DateTime<Utc>>) {
        let state = match self.truth {
            Truth::True => GateState::Pass,
            Truth::Unknown if self.is_judged => GateState::Unknown,
            Truth::False | Truth::Unknown => GateState::NotYet,
        };
        let detail = if self.is_judged { self.why } else { words::text("not judged yet") };
        (state, detail, self.since)
    }
}

/// Whether a stage leaves a unit that has not been told the candidate, to compare with.
pub(super) fn leaves_units(state: &State, stage: usize) -> bool {
    state.units.iter().any(|unit| unit.stage.is_none_or(|own| own > stage))
}

/// Those of a stage's gates that are asked of the rollout as a whole, as places in the plan's list. A
/// verdict is not among them where nothing is left to compare with, unless the stage names it.
pub(super) fn gates(state: &State, plan: &Plan, index: usize) -> Vec<usize> {
    let Some(stage) = plan.stages.get(index) else { return Vec::new() };
    let rule = |at: usize| plan.gates.get(at).map(|(_, rule)| rule);
    let mut places = survey::stage_gates(plan, stage);
    places.retain(|at| rule(*at).is_some_and(|rule| !rule.is_by_unit()));
    let is_verdict = |at: usize| matches!(rule(at), Some(GateRule::Verdict(_)));
    if stage.gates.is_none() && places.iter().any(|at| is_verdict(*at)) && !leaves_units(state, index) {
        places.retain(|at| !is_verdict(*at));
    }
    places
}

/// How each of a stage's gates stands that are asked of the rollout as a whole. In a stage that is over,
/// and of a rollout that is, they stand as they were last judged.
pub(super) fn rulings<'a>(state: &State, plan: &'a Plan, index: usize, now: DateTime<Utc>) -> Vec<Ruling<'a>> {
    let is_present = state.is_climbing() && state.stage == Some(index);
    let memory = state.stages.get(index);
    gates(state, plan, index)
        .into_iter()
        .filter_map(|at| plan.gates.get(at))
        .map(|(gate, _)| {
            let Some(said) = memory.and_then(|memory| memory.judged.get(gate)) else {
                let (truth, why) = (Truth::Unknown, SafeText::default());
                return Ruling { gate, truth, is_judged: false, held: false, is_stale: false, why, since: None };
            };
            let ends = counts_until(said, plan);
            let is_stale = is_present && said.truth == Truth::True && ends <= now;
            let (truth, why, since) = if is_stale {
                let why = words::text(format!("not judged since {}", words::time(said.at, now)));
                (Truth::Unknown, why, ends)
            } else {
                (said.truth, said.why.clone(), said.since)
            };
            Ruling { gate, truth, is_judged: true, held: said.held, is_stale, why, since: Some(since) }
        })
        .collect()
}

fn counts_until(said: &JudgedGate, plan: &Plan) -> DateTime<Utc> {
    words::later(said.at, patience(plan))
}

/// When the first of the present stage's gates stops being true by itself, because nothing was said after it.
pub(super) fn ends(state: &State, plan: &Plan) -> Option<DateTime<Utc>> {
    let judged = &state.stage_memory()?.judged;
    judged.values().filter(|said| said.truth == Truth::True).map(|said| counts_until(said, plan)).min()
}

/// The deadline of the present stage for gates that are asked of the rollout as a whole: from when the
/// last of its units was told. None without a deadline, before that, and while paused.
pub(super) fn limit(state: &State, plan: &Plan) -> Option<DateTime<Utc>> {
    if state.paused.is_some() {
        return None;
    }
    let deadline = state.stage(plan)?.deadline?;
    let mut start = state.stage_memory()?.clock?;
    for unit in state.units.iter().filter(|unit| unit.stage == state.stage) {
        start = start.max(unit.order.as_ref()?.at);
    }
    Some(words::later(start, deadline))
}

/// What a failed judgement does by itself in the present stage.
pub(super) fn fail_response(state: &State, plan: &Plan) -> Option<FailResponse> {
    let index = state.stage?;
    if plan.telemetry.on_fail.is_some() {
        return plan.telemetry.on_fail;
    }
    let answers = gates(state, plan, index).into_iter().filter_map(|at| match plan.gates.get(at)? {
        (name, GateRule::Verdict(_)) => Some(plan.on_breach_of.get(name).copied().unwrap_or(plan.on_breach)),
        _ => None,
    });
    answers.fold(None, |strongest, answer| match (strongest, answer) {
        (Some(FailResponse::Rollback), _) | (_, BreachResponse::Rollback) => Some(FailResponse::Rollback),
        (_, BreachResponse::Pause) => Some(FailResponse::Pause),
    })
}

impl Work<'_> {
    /// Takes what the judge says. Whether anything changed that decides, rather than words alone.
    pub(super) fn judged(&mut self, judged: &Judged) -> bool {
        if !self.state.is_climbing() {
            return false;
        }
        let is_present = self.state.stage(self.context.plan).is_some_and(|stage| stage.name == judged.stage);
        let heard = is_present && self.hear(judged);
        let acted = self.obey(&judged.demand, is_present);
        heard || acted
    }

    fn hear(&mut self, judged: &Judged) -> bool {
        let (plan, now) = (self.context.plan, self.now());
        let Some(index) = self.state.stage else { return false };
        let standing = |state: &State| -> Vec<(Truth, bool)> {
            rulings(state, plan, index, now).iter().map(|ruling| (ruling.truth, ruling.is_judged)).collect()
        };
        let before = standing(&self.state);
        let places = gates(&self.state, plan, index);
        let Some(memory) = self.state.stages.get_mut(index) else { return false };
        for (name, _) in places.into_iter().filter_map(|at| plan.gates.get(at)) {
            let said = judged.readings.iter().find(|reading| reading.gate == *name);
            let (truth, why) = said.map_or_else(
                || (Truth::Unknown, words::text("not evaluated in the last judgement")),
                |reading| (reading.truth, reading.why.clone()),
            );
            let last = memory.judged.get(name);
            let since = last.filter(|last| last.truth == truth).map_or(now, |last| last.since);
            let held = truth == Truth::True || last.is_some_and(|last| last.held);
            memory.judged.insert(name.clone(), JudgedGate { truth, held, why, since, at: now });
        }
        before != standing(&self.state)
    }

    fn obey(&mut self, demand: &Demand, is_present: bool) -> bool {
        let memory = self.state.stage_memory_mut().filter(|_| is_present);
        match (demand, memory) {
            (Demand::Nothing, Some(memory)) => std::mem::take(&mut memory.pause_asked),
            (Demand::Pause(why), Some(memory)) if !memory.pause_asked => {
                memory.pause_asked = true;
                if let Some(paused) = &mut self.state.paused {
                    // Whoever resumes is told of it, and has answered it then.
                    paused.breach.get_or_insert_with(|| why.clone());
                } else {
                    self.in_the_name_of(FactBy::Judge, |work| work.pause_for("judge_paused", why.as_str()));
                }
                true
            }
            // What was found out a moment before the stage changed is as true of the release as it was.
            (Demand::Rollback(why), _) => {
                self.in_the_name_of(FactBy::Judge, |work| work.go_back(None, "rollback_started", why.as_str()));
                true
            }
            (Demand::Nothing | Demand::Pause(_), _) => false,
        }
    }
}
