//! The flags of stages: which units they are set for, when, and what agents say that they hold of them.
//!
//! Whether a flag may be changed is not decided here: it is asked for as an effect, and what became of that
//! comes back as an event.

use std::collections::BTreeSet;

use super::{
    Effect, Progress, UnitReport,
    orders::{Identity, report_of_candidate},
    state::{Fault, FlagTold, Order, Unit, UnitProgress},
    transition::Work,
    words,
};
use crate::domain::{FailureCategory, FlagKey, Phase, Plan, SafeText, UnitKey, plan::StageFlag};

/// The flag that a unit's stage sets.
fn flag_of<'p>(unit: &Unit, plan: &'p Plan) -> Option<&'p StageFlag> {
    plan.stages.get(unit.stage?)?.flag.as_ref()
}

/// Whether a unit's agent holds its stage's flag as it was set for it.
pub(super) fn identity(unit: &Unit, report: &UnitReport, plan: &Plan) -> Identity {
    let Some(wanted) = flag_of(unit, plan) else { return Identity::Same };
    let key = &wanted.key;
    let Some(set) = unit.flag.and_then(|told| told.revision) else {
        return Identity::Unsaid(words::text(format!("{key} is not set for it yet")));
    };
    match &report.flag {
        Some(held) if held.revision >= set => match &held.variant {
            Some(variant) if *variant == wanted.variant => Identity::Same,
            Some(variant) => {
                Identity::Other(words::text(format!("holds {variant} of {key}, and not {}", wanted.variant)))
            }
            None => Identity::Other(words::text(format!(
                "what it holds of {key} depends on who asks, and is not {} for all",
                wanted.variant
            ))),
        },
        Some(held) => Identity::Unsaid(words::text(format!(
            "its agent holds revision {} of {key}, and not {set} yet",
            held.revision
        ))),
        None => Identity::Unsaid(words::text(format!("its agent says nothing of {key}"))),
    }
}

impl Work<'_> {
    /// Asks for the flags of the stages that were entered to be set for those of their units that nothing holds.
    pub(super) fn tell_flags(&mut self) {
        if !matches!(self.state.phase, Phase::Progressing | Phase::AwaitingPromotion | Phase::Degraded) {
            return;
        }
        let (plan, now, current) = (self.context.plan, self.now(), self.state.stage);
        let held = self.context.held;
        let flags_only = plan.snapshot.is_none();
        for (at, stage) in plan.stages.iter().enumerate().take(current.map_or(0, |current| current + 1)) {
            let Some(flag) = &stage.flag else { continue };
            let is_new = |unit: &Unit| {
                unit.stage == Some(at) && unit.flag.is_none() && unit.fault.is_none() && !held.contains_key(&unit.key)
            };
            let count = self.state.units.change(is_new, |unit| {
                unit.flag = Some(FlagTold { revision: None });
                if flags_only {
                    unit.order = Some(Order {
                        generation: 0,
                        snapshot: None,
                        back: false,
                        at: now,
                        progress: UnitProgress::Told,
                    });
                    unit.exposed = true;
                    unit.returned = false;
                    unit.forget_readings();
                }
            });
            if count > 0 {
                let units = self.flagged(flag);
                self.effect(Effect::SetFlag { flag: flag.clone(), stage: stage.name.clone(), units });
            }
        }
    }

    /// The units that a flag is set for, or is to be.
    fn flagged(&self, flag: &StageFlag) -> Vec<UnitKey> {
        let plan = self.context.plan;
        let is_one = |unit: &&super::state::Unit| unit.flag.is_some() && flag_of(unit, plan) == Some(flag);
        self.state.units.iter().filter(is_one).map(|unit| unit.key.clone()).collect()
    }

    /// A flag was set, or was not.
    pub(super) fn flag_set(&mut self, flag: &StageFlag, outcome: &Result<u64, SafeText>) {
        let (plan, now) = (self.context.plan, self.now());
        let asked =
            |unit: &Unit| unit.flag.is_some_and(|told| told.revision.is_none()) && flag_of(unit, plan) == Some(flag);
        self.state.units.change(asked, |unit| match outcome {
            Ok(revision) => unit.flag = Some(FlagTold { revision: Some(*revision) }),
            Err(why) => {
                unit.flag = None;
                let output_tail = format!("{flag} is not set: {why}").as_str().into();
                unit.fault = Some(Fault { category: FailureCategory::Held, output_tail, at: now, by_check: false });
            }
        });
    }

    /// Asks for every flag that was set to be brought back to what it was.
    pub(super) fn restore_flags(&mut self) {
        let plan = self.context.plan;
        let set: BTreeSet<FlagKey> = self
            .state
            .units
            .iter()
            // One that was told anew and refused may have it from before.
            .filter(|unit| unit.flag.is_some() || (unit.exposed && plan.snapshot.is_none()))
            .filter_map(|unit| flag_of(unit, plan))
            .map(|flag| flag.key.clone())
            .collect();
        for key in set {
            self.effect(Effect::RestoreFlag { key });
        }
    }

    /// A flag is as it was.
    pub(super) fn flag_restored(&mut self, key: &FlagKey, revision: u64) {
        self.state.restored.insert(key.clone(), revision);
    }

    /// An agent reported on a unit that only a flag was set for.
    pub(super) fn reported_of_flag(&mut self, at: usize, report: &UnitReport) {
        let (now, plan) = (self.now(), self.context.plan);
        let is_judged = self.state.is_climbing() || self.state.phase == Phase::Completed;
        let is_back = self.state.back.is_some();
        if !matches!(report.progress, Progress::Healthy | Progress::Unhealthy) {
            return;
        }
        let restored = self.state.units.get(at).and_then(|unit| self.state.restored.get(&flag_of(unit, plan)?.key));
        let restored = restored.copied().unwrap_or(0);
        let Some(unit) = self.state.unit_mut(at) else { return };
        if is_back {
            // One whose agent keeps no flags has nothing to give back.
            unit.returned |= unit.exposed && report.flag.as_ref().is_none_or(|held| held.revision >= restored);
            return;
        }
        let Some(order) = unit.order.as_ref().filter(|_| is_judged) else { return };
        let told = order.progress == UnitProgress::Told;
        if told && matches!(identity(unit, report, plan), Identity::Unsaid(_)) {
            return;
        }
        let key = unit.key.clone();
        let failure = report_of_candidate(unit, report, plan, now);
        if let Some(failure) = failure.filter(|_| self.state.phase != Phase::Completed) {
            self.fact("unit_failed", &format!("{key} failed: {failure}"));
        }
    }
}
