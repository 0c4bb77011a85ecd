//! A person's actions: from which phase to which, by the design's table.

use super::{
    Answer, Demand, FactBy, State, settle,
    state::{Memory, Paused, Unit},
    survey,
    transition::Work,
    view, words,
};
use crate::domain::{Action, Blocker, BlockerKind, Digest, Phase};

impl Work<'_> {
    pub(super) fn act(&mut self, action: Action, to: Option<&Digest>) -> Answer {
        match action {
            Action::Pause => self.pause(),
            Action::Resume => self.resume(),
            Action::Promote => self.promote(),
            Action::PromoteFull => self.promote_full(),
            Action::Rollback => self.rollback(to),
            Action::Retry => self.retry(),
            // The fleet has neither: units are told snapshots, and gates are evaluated, not run.
            Action::Restart | Action::Terminate => refused(&self.state, action, Vec::new()),
        }
    }

    fn pause(&mut self) -> Answer {
        if self.state.phase == Phase::Paused {
            return Answer::NoOp;
        }
        if !Action::Pause.applies_in(self.state.phase) {
            return refused(&self.state, Action::Pause, Vec::new());
        }
        let is_held = |unit: &&Unit| unit.is_due(self.state.stage) && unit.order.is_none();
        let held = match self.state.units.iter().filter(is_held).count() {
            0 => String::new(),
            count => format!("; {} not told yet", settle::are(count)),
        };
        let detail = format!("paused in {}{held}", place(&self.state, self.context.plan));
        self.state.paused = Some(Paused { from: self.state.phase, at: self.now(), breach: None });
        self.change_phase(Phase::Paused, Action::Pause.verb(), &detail);
        Answer::Done
    }

    fn resume(&mut self) -> Answer {
        let now = self.now();
        match self.state.phase {
            Phase::Paused => {}
            Phase::Pending | Phase::Progressing | Phase::AwaitingPromotion | Phase::Degraded => return Answer::NoOp,
            _ => return refused(&self.state, Action::Resume, Vec::new()),
        }
        let from = self.state.paused.take().map_or(Phase::Progressing, |paused| paused.from);
        let breached = |memory: &Memory| memory.breached.is_some();
        self.state.units.change(
            |unit| breached(&unit.health) || unit.gates.iter().any(breached),
            |unit| {
                for memory in std::iter::once(&mut unit.health).chain(&mut unit.gates) {
                    if memory.breached.take().is_some() {
                        memory.falses = 0;
                    }
                }
            },
        );
        if let Some(memory) = self.state.stage_memory_mut() {
            memory.clock = Some(now);
        }
        let detail = format!("goes on from {}", place(&self.state, self.context.plan));
        self.change_phase(from, Action::Resume.verb(), &detail);
        Answer::Done
    }

    fn promote(&mut self) -> Answer {
        if self.state.phase != Phase::AwaitingPromotion {
            return refused(&self.state, Action::Promote, view::blockers(&self.state, self.context));
        }
        if let Some(refusal) = self.refusal_of_judge() {
            return refusal;
        }
        self.next_stage(Action::Promote.verb());
        Answer::Done
    }

    fn promote_full(&mut self) -> Answer {
        match self.state.phase {
            Phase::Progressing if self.state.full => return Answer::NoOp,
            Phase::Progressing => {
                self.state.full = true;
                let detail = "goes through all stages without waiting for a person; gates still hold";
                self.fact(Action::PromoteFull.verb(), detail);
            }
            Phase::AwaitingPromotion => {
                if let Some(refusal) = self.refusal_of_judge() {
                    return refusal;
                }
                self.state.full = true;
                self.next_stage(Action::PromoteFull.verb());
            }
            _ => return refused(&self.state, Action::PromoteFull, view::blockers(&self.state, self.context)),
        }
        Answer::Done
    }

    /// A stage that passed by what was judged is not left when that has grown too old since.
    fn refusal_of_judge(&self) -> Option<Answer> {
        let waits = survey::survey(&self.state, self.context).ruling().is_some();
        waits.then(|| Answer::Refused(view::blockers(&self.state, self.context)))
    }

    fn next_stage(&mut self, what: &'static str) {
        let next = self.state.stage.map_or(0, |index| index + 1);
        if next < self.context.plan.stages.len() {
            self.enter_stage(next, what, "");
        } else {
            self.complete(what);
        }
    }

    fn rollback(&mut self, to: Option<&Digest>) -> Answer {
        let candidate = self.context.plan.snapshot.as_ref();
        if to.is_some() && (to == candidate || candidate.is_none()) {
            let why = match candidate {
                Some(candidate) => format!("{} is what is being rolled out: name another snapshot", candidate.short()),
                None => {
                    "it brings no snapshot: roll it back without naming one, and its flags are as they were".to_owned()
                }
            };
            return Answer::Refused(vec![phase_blocker(&self.state, &why)]);
        }
        let same = to.is_none() || self.state.back.as_ref().is_some_and(|back| back.to.as_ref() == to);
        match self.state.phase {
            Phase::RollingBack if same => Answer::NoOp,
            Phase::RollingBack | Phase::RolledBack | Phase::Aborted => {
                refused(&self.state, Action::Rollback, Vec::new())
            }
            // No stage began, and so no unit was told.
            _ if self.state.stage.is_none() => {
                self.state.paused = None;
                self.change_phase(Phase::Aborted, Action::Rollback.verb(), "aborted before any unit was told");
                Answer::Done
            }
            _ => {
                self.go_back(to.cloned(), Action::Rollback.verb(), "rolled back by hand");
                Answer::Done
            }
        }
    }

    /// Does what a window that began demands of what is under way: whether that changed anything.
    pub(super) fn obey_window(&mut self, demand: &Demand) -> bool {
        let phase = self.state.phase;
        match demand {
            Demand::Pause(why) if Action::Pause.applies_in(phase) => {
                self.in_the_name_of(FactBy::Window, |work| work.pause_for(Action::Pause.verb(), why.as_str()));
                true
            }
            Demand::Rollback(why) if self.state.is_climbing() => {
                self.in_the_name_of(FactBy::Window, |work| work.go_back(None, Action::Rollback.verb(), why.as_str()));
                true
            }
            // No stage began, and so no unit was told.
            Demand::Rollback(why) if matches!(phase, Phase::Pending | Phase::Paused) => {
                self.state.paused = None;
                let detail = format!("aborted before any unit was told: {why}");
                let end = |work: &mut Self| work.change_phase(Phase::Aborted, Action::Rollback.verb(), &detail);
                self.in_the_name_of(FactBy::Window, end);
                true
            }
            Demand::Nothing | Demand::Pause(_) | Demand::Rollback(_) => false,
        }
    }

    fn retry(&mut self) -> Answer {
        let now = self.now();
        if !Action::Retry.applies_in(self.state.phase) {
            return refused(&self.state, Action::Retry, Vec::new());
        }
        let count = self.forget_faults();
        if count == 0 {
            return Answer::NoOp;
        }
        let detail = format!("{} told again", settle::are(count));
        if self.state.phase == Phase::RollbackFailed {
            self.change_phase(Phase::RollingBack, Action::Retry.verb(), &detail);
            return Answer::Done;
        }
        if let Some(memory) = self.state.stage_memory_mut() {
            memory.clock = Some(now);
        }
        if survey::survey(&self.state, self.context).is_degraded() {
            self.fact(Action::Retry.verb(), &detail);
        } else {
            self.change_phase(Phase::Progressing, Action::Retry.verb(), &detail);
        }
        Answer::Done
    }
}

fn place(state: &State, plan: &crate::domain::Plan) -> String {
    let stage = state.stage.and_then(|index| plan.stages.get(index));
    stage.map_or("its beginning".to_owned(), |stage| format!("stage {}", stage.name))
}

/// Refuses, with what holds it and the phases in which it can be done.
fn refused(state: &State, action: Action, mut blockers: Vec<Blocker>) -> Answer {
    let fits: Vec<&str> = Phase::ALL.iter().filter(|phase| action.applies_in(**phase)).map(|p| p.words()).collect();
    let why = format!("it is {}, and {} is for a rollout that is {}", state.phase.words(), action, fits.join(", "));
    blockers.push(phase_blocker(state, &why));
    Answer::Refused(blockers)
}

fn phase_blocker(state: &State, why: &str) -> Blocker {
    Blocker { kind: BlockerKind::Phase, summary: words::text(why), since: Some(state.updated_at), until: None }
}
