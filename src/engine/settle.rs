//! What follows by itself from what is known: stages begin, pass and complete, breaches are
//! answered, missing facts degrade and returning ones recover, a way back ends.

use chrono::{DateTime, Utc};

use super::{
    Context, State,
    back::WayBack,
    judged::{self, Ruling},
    state::Paused,
    survey::{self, Condition, Survey, Watch, survey},
    transition::Work,
    words,
};
use crate::domain::{Phase, Truth, UnitKey, plan::Advance, plan::BreachResponse};

impl Work<'_> {
    /// Makes every transition that is due. Each goes on to another phase or stage, so that the
    /// bound is never reached; it is there so that a mistake cannot hang the control plane.
    pub(super) fn settle(&mut self) {
        for _ in 0..self.context.plan.stages.len() + 8 {
            if !self.settle_once() {
                break;
            }
        }
        self.tell_flags();
        self.state.look_at = next_look(&self.state, self.context);
    }

    /// As [`Work::settle`], after something of one unit: nothing follows where it is judged as
    /// before and no hold or deadline ended. Most reports of a fleet are of that kind. Whether it was
    /// looked at.
    pub(super) fn settle_after(&mut self, unit: &UnitKey, before: &State) -> bool {
        let stage = self.state.stage.and_then(|index| self.context.plan.stages.get(index));
        let has_deadline = stage.is_some_and(|stage| stage.deadline.is_some());
        let at = self.state.find(unit);
        let is_same = match at.and_then(|at| Some((before.units.get(at)?, self.state.units.get(at)?))) {
            Some((before, after)) => after.is_judged_as(before, has_deadline),
            None => true,
        };
        self.settle_if(!is_same || self.state.phase == Phase::Pending, before)
    }

    /// As [`Work::settle`], where something that decides changed, or a hold or deadline ended. Whether it
    /// was looked at.
    pub(super) fn settle_if(&mut self, counts: bool, before: &State) -> bool {
        let looks = counts || before.look_at.is_some_and(|at| at <= self.now());
        if looks {
            self.settle();
        }
        looks
    }

    /// Whether a unit that is judged as before differs from what it was in the words of its readings
    /// only, and nothing was said of it.
    pub(super) fn differs_in_words(&self, unit: &UnitKey, before: &State) -> bool {
        let at = self.state.find(unit);
        let units = at.and_then(|at| Some((before.units.get(at)?, self.state.units.get(at)?)));
        self.says_nothing() && units.is_some_and(|(before, after)| after.differs_in_words(before))
    }

    /// Makes one transition, if one is due.
    fn settle_once(&mut self) -> bool {
        match self.state.phase {
            Phase::Pending => self.begin_first_stage(),
            Phase::Progressing | Phase::AwaitingPromotion | Phase::Degraded | Phase::Paused => {
                self.state.is_climbing() && self.climb()
            }
            Phase::RollingBack | Phase::RolledBack | Phase::RollbackFailed => self.look_back(),
            Phase::Aborted | Phase::Completed | Phase::Unknown => false,
        }
    }

    fn begin_first_stage(&mut self) -> bool {
        let may = may_begin(&self.state, self.context);
        if may {
            self.enter_stage(0, "stage_entered", "");
        }
        may
    }

    /// Says each gate that breached once, with its units, and does what the plan says.
    fn answer_breaches(&mut self, places: &[usize]) {
        let Some(current) = self.state.stage else { return };
        let (plan, now) = (self.context.plan, self.now());
        let watch = Watch::new(plan, current);
        let mut found: Vec<(Condition, Vec<UnitKey>, String)> = Vec::new();
        for at in places.iter().copied() {
            let Some(unit) = self.state.units.get(at) else { continue };
            let limit = survey::limit(&self.state, unit, plan);
            let new: Vec<(Condition, String)> = watch
                .conditions(unit)
                .filter(|(_, memory)| survey::breaches(memory, limit, now))
                .map(|(condition, memory)| {
                    let how =
                        if memory.held { "false in three checks in a row" } else { "still false at the deadline" };
                    (condition, format!("{} ({how})", memory.why))
                })
                .collect();
            let key = unit.key.clone();
            let Some(unit) = self.state.unit_mut(at) else { continue };
            for (condition, why) in new {
                let memory = match condition {
                    Condition::Health => Some(&mut unit.health),
                    Condition::Gate(gate) => unit.gates.get_mut(gate),
                };
                if let Some(memory) = memory {
                    memory.breached = Some(now);
                }
                match found.iter_mut().find(|(known, _, _)| *known == condition) {
                    Some((_, units, _)) => units.push(key.clone()),
                    None => found.push((condition, vec![key.clone()], why)),
                }
            }
        }
        let mut response = BreachResponse::Pause;
        let mut cause = String::new();
        for (condition, units, why) in found {
            let sentence =
                format!("{} breached on {}: {why}", survey::condition_name(plan, condition), words::names(&units));
            self.fact("gate_breached", &sentence);
            let answer = survey::gate_name(plan, condition)
                .and_then(|gate| plan.on_breach_of.get(gate))
                .copied()
                .unwrap_or(plan.on_breach);
            // What goes back is stronger than what stops, and names the cause.
            if cause.is_empty() || (answer == BreachResponse::Rollback && response == BreachResponse::Pause) {
                cause = sentence;
            }
            if answer == BreachResponse::Rollback {
                response = BreachResponse::Rollback;
            }
        }
        match response {
            BreachResponse::Rollback => self.go_back(None, "rollback_started", &cause),
            BreachResponse::Pause => self.pause_for("paused", &cause),
        }
    }

    pub(super) fn pause_for(&mut self, what: &'static str, cause: &str) {
        if let Some(paused) = &mut self.state.paused {
            paused.breach = Some(words::text(cause));
            return;
        }
        self.state.paused = Some(Paused { from: self.state.phase, at: self.now(), breach: Some(words::text(cause)) });
        self.change_phase(Phase::Paused, what, &format!("paused: {cause}"));
    }

    /// Where a rollout that is in a stage stands now.
    fn climb(&mut self) -> bool {
        let (plan, now) = (self.context.plan, self.now());
        let Some(index) = self.state.stage else { return false };
        let Some(stage) = plan.stages.get(index) else { return false };
        let found = survey(&self.state, self.context);
        if !found.breaching.is_empty() {
            let places = found.breaching;
            self.answer_breaches(&places);
            return true;
        }
        let degraded = found.is_degraded();
        let passing = found.passing && !degraded;
        let why = if degraded { trouble(&found, plan) } else { String::new() };
        let standing = format!("{} of {} healthy", found.healthy, words::units(found.total));
        let lost = if passing { String::new() } else { obstacle(&found, plan) };
        let (full, awaits_judge) = (self.state.full, found.awaits_judge);
        let Some(memory) = self.state.stage_memory_mut() else { return false };
        if passing {
            memory.holding_since.get_or_insert(now);
        } else {
            // What a judge that fell silent, or a restart, left unsaid breaks no hold that is confirmed later.
            if !awaits_judge {
                memory.holding_since = None;
            }
            memory.passed_at = None;
        }
        let has_held = passing && memory.holding_since.is_some_and(|since| words::later(since, stage.hold) <= now);
        if has_held {
            memory.passed_at.get_or_insert(now);
        }
        let passed = memory.passed_at.is_some();
        let phase = self.state.phase;
        if phase == Phase::Paused {
            return false;
        }
        let waits_for_person = stage.advance == Advance::Manual && !full;
        let next = index + 1;
        if passed && !waits_for_person {
            if next >= plan.stages.len() {
                self.complete("completed");
                return true;
            }
            if !is_wholly_held(&self.state, next, self.context) {
                self.enter_stage(next, "stage_entered", &format!("{} passed, {standing}; ", stage.name));
                return true;
            }
        }
        let target = match (degraded, passed && waits_for_person) {
            (true, _) => Phase::Degraded,
            (false, true) => Phase::AwaitingPromotion,
            (false, false) => Phase::Progressing,
        };
        if target == phase {
            return false;
        }
        let passes = format!("stage {} passed, {standing}; a person must promote", stage.name);
        match (phase, target) {
            (_, Phase::Degraded) => self.change_phase(target, "degraded", &why),
            (Phase::Degraded, Phase::AwaitingPromotion) => {
                self.change_phase(target, "recovered", &format!("recovered: {passes}"));
            }
            (Phase::Degraded, _) => {
                self.change_phase(target, "recovered", &format!("recovered: {standing} in stage {}", stage.name));
            }
            (_, Phase::AwaitingPromotion) => self.change_phase(target, "stage_passed", &passes),
            _ => {
                self.change_phase(
                    target,
                    "stage_reopened",
                    &format!("stage {} does not pass any more: {lost}", stage.name),
                );
            }
        }
        true
    }

    /// Where a rollout that goes back stands now.
    fn look_back(&mut self) -> bool {
        let Some(found) = WayBack::of(&self.state) else { return false };
        let target = found.phase(self.state.phase);
        if target == self.state.phase {
            return false;
        }
        let what = match target {
            Phase::RollbackFailed => "rollback_failed",
            Phase::RolledBack => "rolled_back",
            _ => "rollback_resumed",
        };
        let detail = found.sentence();
        self.change_phase(target, what, &detail);
        true
    }
}

/// `1 unit is`, `2 units are`.
pub(super) fn are(count: usize) -> String {
    format!("{} {}", words::units(count), if count == 1 { "is" } else { "are" })
}

/// Whether a pending rollout may enter its first stage.
pub(super) fn may_begin(state: &State, context: &Context<'_>) -> bool {
    state.phase == Phase::Pending
        && state.paused.is_none()
        && !context.plan.stages.is_empty()
        && !is_wholly_held(state, 0, context)
}

/// Whether a freeze holds every unit that a stage selects. Such a stage is not entered by itself:
/// nothing could be told in it, and its deadline would run.
pub(super) fn is_wholly_held(state: &State, stage: usize, context: &Context<'_>) -> bool {
    let mut units = state.units.iter().filter(|u| u.stage == Some(stage)).peekable();
    units.peek().is_some() && units.all(|u| context.held.contains_key(&u.key))
}

/// The weightiest reason why it cannot go on by itself.
pub(super) fn trouble(found: &Survey<'_>, plan: &crate::domain::Plan) -> String {
    if !found.failed.is_empty() {
        return format!("{} failed: {}", words::units(found.failed.len()), found.failed.names());
    }
    if !found.silent.is_empty() {
        return format!("nothing fresh is heard of {}: {}", words::units(found.silent.len()), found.silent.names());
    }
    for (tally, how) in [(&found.unknown, "unknown"), (&found.late, "not known to hold at the deadline")] {
        if tally.is_empty() {
            continue;
        }
        return match &tally.first {
            Some((condition, why)) => {
                let name = survey::condition_name(plan, *condition);
                format!("{name} is {how} on {}: {why}", tally.names())
            }
            None => format!("{} not on the candidate at the deadline: {}", are(tally.len()), tally.names()),
        };
    }
    match found.ruling().filter(|_| found.overdue.is_some()) {
        Some(ruling) => format!("still at the deadline, {}", ruling.sentence()),
        None => String::new(),
    }
}

/// What keeps a stage from passing, where that is no trouble (yet).
pub(super) fn obstacle(found: &Survey<'_>, plan: &crate::domain::Plan) -> String {
    let on_units = |tally: &survey::Tally<'_>, how: &str| {
        let (condition, why) = tally.first.as_ref()?;
        Some(format!("{} is {how} on {}: {why}", survey::condition_name(plan, *condition), tally.names()))
    };
    let healthy = format!("{} of {} healthy", found.healthy, words::units(found.total));
    let ruling = found.ruling();
    let is_false = ruling.filter(|ruling| ruling.truth == Truth::False);
    on_units(&found.falses, "false")
        .or_else(|| is_false.map(Ruling::sentence))
        .or_else(|| on_units(&found.unknown, "unknown"))
        .or_else(|| on_units(&found.not_known, "unknown"))
        .or_else(|| {
            let waiting = (!found.under_way.is_empty()).then(|| found.under_way.names())?;
            Some(format!("{healthy}, waiting for {waiting}"))
        })
        .or_else(|| ruling.map(|ruling| format!("{healthy}; {}", ruling.sentence())))
        .unwrap_or(healthy)
}

/// When a tick would change something by itself.
pub(super) fn due(state: &State, context: &Context<'_>) -> Option<DateTime<Utc>> {
    match state.phase {
        Phase::Pending => may_begin(state, context).then_some(context.now),
        Phase::Progressing | Phase::AwaitingPromotion | Phase::Degraded => state.look_at,
        _ => None,
    }
}

/// When a hold or a unit's deadline next ends, of a state that was just settled.
fn next_look(state: &State, context: &Context<'_>) -> Option<DateTime<Utc>> {
    let (plan, now) = (context.plan, context.now);
    if !matches!(state.phase, Phase::Progressing | Phase::AwaitingPromotion | Phase::Degraded) {
        return None;
    }
    let index = state.stage?;
    let stage = plan.stages.get(index)?;
    let memory = state.stages.get(index)?;
    let hold = memory.holding_since.filter(|_| memory.passed_at.is_none()).map(|at| words::later(at, stage.hold));
    // One that is over while the judge is silent ends nothing.
    let hold = hold.filter(|at| *at > now);
    let judged = judged::ends(state, plan).filter(|at| *at > now);
    let is_open = |ruling: &Ruling<'_>| ruling.truth == Truth::True;
    let waits = !judged::rulings(state, plan, index, now).iter().all(is_open);
    let overdue = judged::limit(state, plan).filter(|at| waits && *at > now);
    let limits = stage.deadline.is_some().then(|| {
        let gates = survey::unit_gates(plan, stage);
        let never_held = |unit: &super::state::Unit| {
            !unit.health.held || gates.iter().any(|at| unit.gates.get(*at).is_some_and(|memory| !memory.held))
        };
        state
            .units
            .iter()
            .filter(|unit| unit.stage == Some(index) && never_held(unit))
            .filter_map(|unit| survey::limit(state, unit, plan))
            .filter(|limit| *limit > now)
            .min()
    });
    [hold, judged, overdue, limits.flatten()].into_iter().flatten().min()
}
