//! The one place where phase and stage change: each change comes with its one fact, and raises the
//! revision by one.

use chrono::{DateTime, Utc};

use super::{Answer, Context, Effect, Fact, FactBy, State, Step, state::Unit, words};
use crate::domain::{Digest, Phase};

/// A step under way.
pub(super) struct Work<'a> {
    pub(super) state: State,
    pub(super) context: &'a Context<'a>,
    effects: Vec<Effect>,
    facts: Vec<Fact>,
    /// Who does what is being done.
    by: FactBy,
}

impl<'a> Work<'a> {
    pub(super) fn new(state: &State, context: &'a Context<'a>) -> Self {
        Self { state: state.clone(), context, effects: Vec::new(), facts: Vec::new(), by: FactBy::Engine }
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.context.now
    }

    /// Moves to another phase, or to another stage, or both.
    pub(super) fn transition(&mut self, phase: Phase, stage: Option<usize>, what: &'static str, detail: &str) {
        self.state.phase = phase;
        self.state.stage = stage;
        self.state.revision = self.state.revision.saturating_add(1);
        self.state.updated_at = self.now();
        self.fact(what, detail);
    }

    /// Moves to another phase of the same stage.
    pub(super) fn change_phase(&mut self, phase: Phase, what: &'static str, detail: &str) {
        self.transition(phase, self.state.stage, what, detail);
    }

    /// Says something that is no transition.
    pub(super) fn fact(&mut self, what: &'static str, detail: &str) {
        self.facts.push(Fact { what, detail: words::text(detail), by: self.by });
    }

    /// Does something in another's name.
    pub(super) fn in_the_name_of(&mut self, by: FactBy, act: impl FnOnce(&mut Self)) {
        self.by = by;
        act(self);
        self.by = FactBy::Engine;
    }

    /// Whether nothing is to be journalled or done.
    pub(super) fn says_nothing(&self) -> bool {
        self.facts.is_empty() && self.effects.is_empty()
    }

    pub(super) fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// Enters a stage of the plan.
    pub(super) fn enter_stage(&mut self, index: usize, what: &'static str, before: &str) {
        let now = self.now();
        let Some(stage) = self.context.plan.stages.get(index) else { return };
        let selected = self.state.units.iter().filter(|unit| unit.stage == Some(index)).map(|unit| &unit.key);
        let detail = format!("{before}stage {} begins: {}", stage.name, super::membership::size(selected));
        if let Some(memory) = self.state.stages.get_mut(index) {
            memory.entered_at = Some(now);
            memory.clock = Some(now);
            memory.holding_since = None;
            memory.passed_at = None;
            memory.judged.clear();
            memory.pause_asked = false;
        }
        self.transition(Phase::Progressing, Some(index), what, &detail);
    }

    /// Ends it: the last stage passed.
    pub(super) fn complete(&mut self, what: &'static str) {
        let count = self.state.units.iter().filter(|unit| unit.exposed).count();
        let detail = words::completed(self.context.plan, &words::units(count));
        if let Some(snapshot) = self.context.plan.snapshot.clone() {
            self.effect(Effect::MarkKnownGood { snapshot });
        }
        self.change_phase(Phase::Completed, what, &detail);
    }

    /// Begins the way back, to the pinned snapshots or to the one that was named.
    pub(super) fn go_back(&mut self, to: Option<Digest>, what: &'static str, cause: &str) {
        let now = self.now();
        let flags = self.context.plan.snapshot.is_none();
        let back = super::state::GoingBack { to, since: now, cause: words::text(cause), flags };
        self.state.paused = None;
        self.restore_flags();
        let count = self.state.units.iter().filter(|unit| unit.goes_back(&back)).count();
        // One that was already seen where it is to go need not be told again.
        let must_go = |unit: &Unit| {
            let runs = unit.measured.as_ref().or(unit.claimed.as_ref());
            let leads = unit.way_back(&back).is_some_and(|target| !unit.returned || runs != Some(target));
            leads || (back.flags && unit.exposed)
        };
        self.state.units.change(must_go, |unit| {
            unit.order = None;
            unit.fault = None;
            unit.returned = false;
        });
        let go = format!("{} {}", words::units(count), if count == 1 { "goes" } else { "go" });
        let detail = match &back.to {
            _ if count == 0 => format!("{cause}: no unit has anywhere to go back to"),
            Some(to) => format!("{cause}: {go} to {}", to.short()),
            None if back.flags => format!("{cause}: {go} back to {} as it was", words::flag_keys(self.context.plan)),
            None => format!("{cause}: {go} back to what ran there before"),
        };
        self.state.back = Some(back);
        self.change_phase(Phase::RollingBack, what, &detail);
    }

    pub(super) fn done(self, answer: Answer) -> Step {
        Step { state: self.state, effects: self.effects, facts: self.facts, answer, routine: false }
    }
}
