//! A stage's gates as they are shown: each with the sentence of what holds it, and on which units where
//! it is asked of units.

use chrono::{DateTime, Utc};

use super::{
    judged,
    state::{Memory, State, Unit},
    survey::{self, BREACH_CHECKS},
    words,
};
use crate::domain::{Gate, GateState, Plan, SafeText, Truth, UnitKey};

/// The gates of a stage, in the order that the stage or the plan names them.
pub(super) fn of_stage(state: &State, plan: &Plan, index: usize, now: DateTime<Utc>) -> Vec<Gate> {
    let Some(stage) = plan.stages.get(index) else { return Vec::new() };
    let has_begun = state.stages.get(index).is_some_and(|memory| memory.entered_at.is_some());
    let mut rulings = judged::rulings(state, plan, index, now).into_iter().peekable();
    survey::stage_gates(plan, stage)
        .into_iter()
        .filter_map(|at| plan.gates.get(at).map(|gate| (at, gate)))
        .filter_map(|(at, (name, rule))| {
            // Rulings come in the same order, without those that the stage does not ask for.
            let ruling = rulings.next_if(|ruling| ruling.gate == name);
            let (state, detail, since) = match ruling {
                None if !rule.is_by_unit() => return None,
                _ if !has_begun => {
                    (GateState::Waiting, words::text(format!("stage {} has not begun", stage.name)), None)
                }
                None => Reading::of(state, index, at).conclude(),
                Some(ruling) => ruling.shown(),
            };
            let expression = SafeText::new(rule.shown());
            Some(Gate { name: name.clone(), kind: rule.kind(), expression, state, detail, since })
        })
        .collect()
}

/// What units of a stage say of one gate.
#[derive(Default)]
struct Reading<'a> {
    total: usize,
    passing: Kind<'a>,
    breached: Kind<'a>,
    wrong: Kind<'a>,
    unknown: Kind<'a>,
    unmeasured: Kind<'a>,
}

/// Units of which one thing is so.
#[derive(Default)]
struct Kind<'a> {
    units: Vec<&'a UnitKey>,
    first: Option<&'a Memory>,
    earliest: Option<DateTime<Utc>>,
    latest: Option<DateTime<Utc>>,
}

impl<'a> Kind<'a> {
    fn add(&mut self, unit: &'a Unit, memory: Option<&'a Memory>) {
        self.units.push(&unit.key);
        self.first = self.first.or(memory);
        if let Some(since) = memory.and_then(|memory| memory.breached.or(memory.since)) {
            self.earliest = Some(self.earliest.map_or(since, |at| at.min(since)));
            self.latest = Some(self.latest.map_or(since, |at| at.max(since)));
        }
    }

    /// `gap 12.4s is not < 10s on osl2/main`.
    fn sentence(&self) -> Option<String> {
        let why = self.first.map(|memory| &memory.why)?;
        Some(format!("{why} on {}", words::names(self.units.iter().copied())))
    }
}

impl<'a> Reading<'a> {
    fn of(state: &'a State, stage: usize, gate: usize) -> Self {
        let mut reading = Self::default();
        for unit in state.units.iter().filter(|unit| unit.stage == Some(stage)) {
            reading.total += 1;
            let memory = unit.gates.get(gate).filter(|memory| memory.since.is_some());
            let kind = match memory {
                Some(memory) if memory.breached.is_some() => &mut reading.breached,
                Some(memory) if memory.truth == Truth::True => &mut reading.passing,
                Some(memory) if memory.truth == Truth::False => &mut reading.wrong,
                Some(_) => &mut reading.unknown,
                None => &mut reading.unmeasured,
            };
            kind.add(unit, memory);
        }
        reading
    }

    fn conclude(&self) -> (GateState, SafeText, Option<DateTime<Utc>>) {
        let true_on = format!("true on {} of {}", self.passing.units.len(), words::units(self.total));
        if let Some(sentence) = self.breached.sentence() {
            return (GateState::Breached, words::text(sentence), self.breached.earliest);
        }
        if let Some(mut sentence) = self.wrong.sentence() {
            if let Some(memory) = self.wrong.first.filter(|memory| memory.held) {
                let row = memory.falses.min(BREACH_CHECKS);
                sentence = format!("{sentence}, check {row} of {BREACH_CHECKS} in a row");
            }
            return (GateState::NotYet, words::text(sentence), self.wrong.earliest);
        }
        if let Some(sentence) = self.unknown.sentence() {
            return (GateState::Unknown, words::text(sentence), self.unknown.earliest);
        }
        if self.unmeasured.units.is_empty() {
            return (GateState::Pass, words::text(true_on), self.passing.latest);
        }
        let waiting = words::names(self.unmeasured.units.iter().copied());
        (GateState::NotYet, words::text(format!("{true_on}, not measured yet on {waiting}")), None)
    }
}
