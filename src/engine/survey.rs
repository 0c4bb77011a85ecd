//! One look over all units: how many are healthy, what is in the way, which gates breached.
//!
//! Transitions and sentences are made from the same look, so that the screen never says something
//! else than what the machine decided on.

use chrono::{DateTime, Utc};

use super::{
    Context,
    judged::{self, Ruling},
    state::{Memory, State, Unit},
    words,
};
use crate::domain::{GateName, Plan, SafeText, Truth, UnitKey, plan::PlanStage};

/// Checks in a row that must find a gate false, once it had held, before it counts as breached.
pub(super) const BREACH_CHECKS: u32 = 3;

/// Which condition of a unit: one of the plan's gates, or the health that its check itself reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    Health,
    Gate(usize),
}

/// Units of one kind: how many, and the first of them.
#[derive(Debug, Default)]
pub(super) struct Tally<'a> {
    pub(super) units: Vec<&'a UnitKey>,
    /// What was found on the first, and where.
    pub(super) first: Option<(Condition, SafeText)>,
    /// Since when the longest is so.
    pub(super) since: Option<DateTime<Utc>>,
}

impl<'a> Tally<'a> {
    fn add(&mut self, unit: &'a Unit, found: Option<(Condition, &SafeText)>, since: Option<DateTime<Utc>>) {
        if self.units.is_empty() {
            self.first = found.map(|(condition, why)| (condition, why.clone()));
        }
        self.units.push(&unit.key);
        self.since = match (self.since, since) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }

    pub(super) fn is_empty(&self) -> bool {
        self.units.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.units.len()
    }

    pub(super) fn names(&self) -> String {
        words::names(self.units.iter().copied())
    }
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Survey<'a> {
    /// Units that the present stage selects.
    pub(super) total: usize,
    /// Of these, healthy on the candidate.
    pub(super) healthy: usize,
    /// Of these, healthy on a candidate that is claimed and not measured.
    pub(super) claimed: usize,
    /// Whether every unit of this stage and of those before it is healthy and meets its stage's gates, and
    /// every gate that is asked of the rollout as a whole reads true.
    pub(super) passing: bool,
    /// Whether nothing but a judge that fell silent keeps it from passing.
    pub(super) awaits_judge: bool,
    /// The present stage's gates that are asked of the rollout as a whole.
    pub(super) rulings: Vec<Ruling<'a>>,
    /// The stage's deadline, where one of them is not true at it.
    pub(super) overdue: Option<DateTime<Utc>>,
    /// Units that failed.
    pub(super) failed: Tally<'a>,
    /// Due units that nothing fresh is heard of.
    pub(super) silent: Tally<'a>,
    /// Units on which something that had held is unknown now.
    pub(super) unknown: Tally<'a>,
    /// Units on which something is still unknown at the deadline.
    pub(super) late: Tally<'a>,
    /// Units on which something is false, breach or not.
    pub(super) falses: Tally<'a>,
    /// Units on which something that never held is unknown, in time.
    pub(super) not_known: Tally<'a>,
    /// Units that a breach was found on and not answered yet.
    pub(super) breached: Tally<'a>,
    /// Where units are on which a breach is new.
    pub(super) breaching: Vec<usize>,
    /// Units of this stage that are not on the candidate yet.
    pub(super) under_way: Tally<'a>,
    /// Due units that a freeze keeps from being told.
    pub(super) held: usize,
}

impl<'a> Survey<'a> {
    /// Whether it cannot go on by itself.
    pub(super) fn is_degraded(&self) -> bool {
        let of_units = [&self.failed, &self.silent, &self.unknown, &self.late];
        self.overdue.is_some() || of_units.iter().any(|tally| !tally.is_empty())
    }

    /// `gate errors is true`, `gates errors and budget are true`: what is waited for of the gates that are
    /// asked of the rollout as a whole; none when all are.
    pub(super) fn awaited(&self) -> Option<String> {
        let not_true = self.rulings.iter().filter(|ruling| ruling.truth != Truth::True);
        let mut names: Vec<&str> = not_true.map(|ruling| ruling.gate.as_str()).collect();
        let last = names.pop()?;
        Some(match names.len() {
            0 => format!("gate {last} is true"),
            _ => format!("gates {} and {last} are true", names.join(", ")),
        })
    }

    /// The weightiest of the gates that are asked of the rollout as a whole and are not true: one that is
    /// false, or else the first.
    pub(super) fn ruling(&self) -> Option<&Ruling<'a>> {
        let not_true = || self.rulings.iter().filter(|ruling| ruling.truth != Truth::True);
        not_true().find(|ruling| ruling.truth == Truth::False).or_else(|| not_true().next())
    }
}

/// The gates that a stage names, or all of the plan's where it names none, as places in the plan's list.
/// One that the plan does not know gets a place that no unit has a memory for, and so never passes.
pub(super) fn stage_gates(plan: &Plan, stage: &PlanStage) -> Vec<usize> {
    match &stage.gates {
        None => (0..plan.gates.len()).collect(),
        Some(named) => named
            .iter()
            .map(|name| plan.gates.iter().position(|(known, _)| known == name).unwrap_or(usize::MAX))
            .collect(),
    }
}

/// Those of a stage's gates that are asked of each unit.
pub(super) fn unit_gates(plan: &Plan, stage: &PlanStage) -> Vec<usize> {
    let by_unit = |at: &usize| plan.gates.get(*at).is_none_or(|(_, rule)| rule.is_by_unit());
    stage_gates(plan, stage).into_iter().filter(by_unit).collect()
}

/// Which gates count on the units of which stage, while the rollout is in one.
pub(super) struct Watch {
    /// By stage: what its own units must meet.
    own: Vec<Vec<usize>>,
    /// By stage: what is watched on its units for a breach: its own gates and those of the present stage.
    watched: Vec<Vec<usize>>,
    /// How many gates the plan has.
    gates: usize,
}

impl Watch {
    pub(super) fn new(plan: &Plan, current: usize) -> Self {
        let own: Vec<_> = plan.stages.iter().take(current + 1).map(|stage| unit_gates(plan, stage)).collect();
        let now = own.last().cloned().unwrap_or_default();
        let watched = own
            .iter()
            .map(|gates| {
                let mut all = gates.clone();
                all.extend(now.iter().filter(|gate| !gates.contains(gate)));
                all
            })
            .collect();
        Self { own, watched, gates: plan.gates.len() }
    }

    pub(super) fn own(&self, stage: usize) -> &[usize] {
        self.own.get(stage).map_or(&[], Vec::as_slice)
    }

    /// Whether a unit has a memory for every gate that its stage names, so that none is passed over.
    fn is_complete(&self, stage: usize, unit: &Unit) -> bool {
        unit.gates.len() >= self.gates && self.own(stage).iter().all(|at| *at < self.gates)
    }

    fn watched(&self, unit: &Unit) -> &[usize] {
        unit.stage.and_then(|stage| self.watched.get(stage)).map_or(&[], Vec::as_slice)
    }

    /// What is watched on a unit: its health first, then gates.
    pub(super) fn conditions<'u>(&'u self, unit: &'u Unit) -> impl Iterator<Item = (Condition, &'u Memory)> {
        let gates = self.watched(unit).iter();
        std::iter::once((Condition::Health, &unit.health))
            .chain(gates.filter_map(|at| unit.gates.get(*at).map(|memory| (Condition::Gate(*at), memory))))
    }
}

/// When the deadline of the present stage is for a unit: a unit that was told late, because a
/// freeze held it or its agent did not ask, has as long as the others had. None without a
/// deadline, for units of other stages, and while paused.
pub(super) fn limit(state: &State, unit: &Unit, plan: &Plan) -> Option<DateTime<Utc>> {
    if state.paused.is_some() || unit.stage != state.stage {
        return None;
    }
    let deadline = plan.stages.get(state.stage?)?.deadline?;
    let clock = state.stage_memory()?.clock?;
    let start = unit.order.as_ref().map_or(clock, |order| order.at.max(clock));
    Some(words::later(start, deadline))
}

/// Whether a memory is a breach now that was not one before.
pub(super) fn breaches(memory: &Memory, limit: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
    memory.breached.is_none()
        && memory.truth == Truth::False
        && if memory.held { memory.falses >= BREACH_CHECKS } else { limit.is_some_and(|limit| limit <= now) }
}

/// The name of a condition in a sentence.
pub(super) fn condition_name(plan: &Plan, condition: Condition) -> String {
    match condition {
        Condition::Health => "the check".to_owned(),
        Condition::Gate(at) => plan.gates.get(at).map_or("a gate".to_owned(), |(name, _)| format!("gate {name}")),
    }
}

/// The plan's name of a condition; none for the check's own health.
pub(super) fn gate_name(plan: &Plan, condition: Condition) -> Option<&GateName> {
    match condition {
        Condition::Health => None,
        Condition::Gate(at) => plan.gates.get(at).map(|(name, _)| name),
    }
}

/// Looks over all units of the stages that were entered.
pub(super) fn survey<'a>(state: &'a State, context: &Context<'a>) -> Survey<'a> {
    let mut found = Survey::default();
    let Some(current) = state.stage else { return found };
    let watch = Watch::new(context.plan, current);
    let now = context.now;
    found.passing = true;
    for (at, unit) in state.units.iter().enumerate() {
        let Some(stage) = unit.stage.filter(|stage| *stage <= current) else { continue };
        let healthy = unit.is_healthy();
        if stage == current {
            found.total += 1;
            found.healthy += usize::from(healthy);
            let is_claimed = healthy && unit.measured.is_none() && context.plan.snapshot.is_some();
            found.claimed += usize::from(is_claimed);
        }
        let is_quiet = healthy
            && unit.silent.is_none()
            && watch.conditions(unit).all(|(_, memory)| memory.truth == Truth::True && memory.breached.is_none())
            && watch.is_complete(stage, unit);
        if is_quiet {
            continue;
        }
        let own_gates_hold =
            || watch.own(stage).iter().all(|at| unit.gates.get(*at).is_some_and(|memory| memory.truth == Truth::True));
        found.passing &= healthy && own_gates_hold();
        let limit = limit(state, unit, context.plan);
        if watch.conditions(unit).any(|(_, memory)| breaches(memory, limit, now)) {
            found.breaching.push(at);
        }
        look_at(&mut found, unit, &watch, limit, now, context);
    }
    found.rulings = judged::rulings(state, context.plan, current, now);
    if found.ruling().is_some() {
        found.awaits_judge = found.passing && found.rulings.iter().all(|r| r.truth == Truth::True || r.is_stale);
        found.passing = false;
        found.overdue = judged::limit(state, context.plan).filter(|limit| *limit <= now);
    }
    found
}

/// What is in the way on one unit.
fn look_at<'a>(
    found: &mut Survey<'a>,
    unit: &'a Unit,
    watch: &Watch,
    limit: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
    context: &Context<'_>,
) {
    let is_late = limit.is_some_and(|limit| limit <= now);
    let awaits = unit.awaits_order();
    let is_held = awaits && context.held.contains_key(&unit.key);
    if is_held {
        found.held += 1;
    }
    if let Some(fault) = &unit.fault {
        found.failed.add(unit, None, Some(fault.at));
    }
    if let Some(since) = unit.silent {
        found.silent.add(unit, None, Some(since));
    }
    if unit.health.since.is_none() {
        // No check came after the apply yet: its gates say nothing either.
        if unit.fault.is_none() {
            found.under_way.add(unit, None, unit.order.as_ref().map(|order| order.at));
            if is_late && !is_held {
                found.late.add(unit, None, limit);
            }
        }
        return;
    }
    let (mut unknown, mut late, mut not_known, mut wrong, mut breached) = (None, None, None, None, None);
    for (condition, memory) in watch.conditions(unit) {
        let seen = Some((condition, &memory.why, memory.since));
        if memory.breached.is_some() {
            breached = breached.or(seen);
        }
        match memory.truth {
            Truth::True => {}
            Truth::False => wrong = wrong.or(seen),
            Truth::Unknown if memory.held => unknown = unknown.or(seen),
            Truth::Unknown if is_late => late = late.or(seen),
            Truth::Unknown => not_known = not_known.or(seen),
        }
    }
    for (tally, seen) in [
        (&mut found.unknown, unknown),
        (&mut found.late, late),
        (&mut found.not_known, not_known),
        (&mut found.falses, wrong),
        (&mut found.breached, breached),
    ] {
        if let Some((condition, why, since)) = seen {
            tally.add(unit, Some((condition, why)), since);
        }
    }
}
