//! What windows hold of rollouts: units, starts, actions, whole targets; for what and for whom.
//!
//! Each decision names what would be done and who would do it. A unit is told by whoever let its stage
//! begin: a person's promote carries its stage, and what begins by itself is automation.

use std::{collections::BTreeMap, sync::Arc};

use chrono::TimeDelta;

use super::core::{Core, Record, Stored};
use crate::{
    domain::{
        Action, Freeze, Initiator, Operation, Place, Plan, RolloutId, StageName, UnitId, UnitKey, plan::PlanStage,
    },
    engine::{self, Event},
};

/// What a window is asked: what would be done, and by whom.
pub(super) type Asked = (Operation, Initiator);

impl Stored {
    /// The place of the present stage in the plan; none before the first began.
    pub(super) fn present(&self) -> Option<usize> {
        let present = self.state.stage(&self.plan)?;
        self.plan.stages.iter().position(|stage| stage.name == present.name)
    }

    /// What windows are asked about the units of each stage.
    fn asked_of_stages(&self) -> BTreeMap<&StageName, Asked> {
        let present = self.present();
        let asked = |(at, stage): (usize, &'_ PlanStage)| {
            let has_begun = present.is_some_and(|present| at <= present);
            match self.let_on.get(&stage.name) {
                Some(by) => (Operation::Advance, *by),
                None if has_begun || self.state.begins_by_itself(&self.plan, at) => {
                    (Operation::Advance, Initiator::Automation)
                }
                None => (Operation::Promote, Initiator::Human),
            }
        };
        self.plan.stages.iter().enumerate().map(|(at, stage)| (&stage.name, asked((at, stage)))).collect()
    }

    /// What windows are asked about what is under way, and about what comes next.
    pub(super) fn asked_now(&self) -> Vec<Asked> {
        let asked = self.asked_of_stages();
        let present = self.present();
        let next = present.map_or(0, |present| present + 1);
        let of = |at: usize| self.plan.stages.get(at).and_then(|stage| asked.get(&stage.name)).copied();
        let mut all: Vec<Asked> = present.and_then(of).into_iter().chain(of(next)).collect();
        all.dedup();
        all
    }
}

impl Core {
    /// Lets windows that were to begin or end by now do so, and overrides expire: nothing is decided before that.
    pub(super) fn turn_windows(&mut self) {
        let now = self.now();
        self.tick_overrides(now);
        let is_due = self.windows.next_transition().is_some_and(|at| at <= now);
        // A clock that was set back is looked at anew.
        if is_due || now < self.windows.now() - TimeDelta::seconds(1) {
            self.urgent = true;
            self.windows_changed();
        }
    }

    /// Works out again what the windows hold, after one was changed, began or ended.
    pub(super) fn windows_changed(&mut self) {
        let now = self.now();
        self.windows.advance(now);
        self.find_urging();
        self.dirty.extend(self.carried.keys().cloned());
        let ids: Vec<RolloutId> = self.rollouts.keys().cloned().collect();
        for id in ids {
            if self.hold_again(&id) {
                self.moved.insert(id.clone());
                self.dirty.insert(id.clone());
            }
            if self.rollouts.get(&id).is_some_and(|r| !r.stored.state.phase().is_terminal()) {
                self.enter_windows(&id);
                self.step(&id, &Event::Tick);
            }
        }
    }

    /// Works out again which units of a rollout are held; `true` when that changed.
    pub(super) fn hold_again(&mut self, id: &RolloutId) -> bool {
        let Some(record) = self.rollouts.get(id) else { return false };
        let open = !self.windows.is_empty() && !record.stored.state.phase().is_terminal();
        let held = if open { self.units_held(id, record) } else { BTreeMap::new() };
        let Some(record) = self.rollouts.get_mut(id) else { return false };
        let changed = *record.held != held;
        if changed {
            record.held = Arc::new(held);
        }
        changed
    }

    fn units_held(&self, id: &RolloutId, record: &Record) -> BTreeMap<UnitKey, Freeze> {
        let asked = record.stored.asked_of_stages();
        let plan = &record.stored.plan;
        let members = record.stored.state.members(plan);
        members
            .filter_map(|(unit, stage)| {
                let asked = *asked.get(stage?)?;
                let mut freezes = self.freezes_of_unit(id, unit, stage, asked);
                if sets_flag(plan, stage) {
                    freezes.extend(self.freezes_of_unit(id, unit, stage, (Operation::FlagWiden, asked.1)));
                }
                Some((unit.clone(), freezes.into_iter().next()?))
            })
            .collect()
    }

    /// Notes who lets a stage begin or go on, and works out again what is held.
    pub(super) fn let_on(&mut self, id: &RolloutId, stage: Option<StageName>, by: Initiator) {
        if let (Some(stage), Some(record)) = (stage, self.rollouts.get_mut(id)) {
            record.stored.let_on.insert(stage, by);
            self.touched_rollouts.insert(id.clone());
        }
        if self.hold_again(id) {
            self.moved.insert(id.clone());
        }
    }

    /// Where a unit of a rollout is while it is in a stage, as windows and flags see it.
    pub(super) fn place_of_unit<'a>(
        &'a self,
        id: &'a RolloutId,
        unit: &'a UnitKey,
        stage: Option<&'a StageName>,
    ) -> Place<'a> {
        let known = UnitId { group: id.target.clone(), site: unit.site.clone(), lane: unit.lane.clone() };
        Place {
            target: &id.target,
            rollout: Some(&id.name),
            site: Some(&unit.site),
            lane: Some(&unit.lane),
            stage,
            labels: self.fleet.get(&known).map(|unit| &unit.labels),
        }
    }

    /// The freezes that hold a unit of a rollout, the one that ends last first.
    pub(super) fn freezes_of_unit(
        &self,
        id: &RolloutId,
        unit: &UnitKey,
        stage: Option<&StageName>,
        (operation, by): Asked,
    ) -> Vec<Freeze> {
        let place = self.place_of_unit(id, unit, stage);
        self.let_pass(id, &place, operation, self.windows.freezes(&place, operation, by))
    }

    /// The freezes that hold a whole rollout, whatever its units.
    pub(super) fn freezes_of_rollout(
        &self,
        id: &RolloutId,
        stage: Option<&StageName>,
        (operation, by): Asked,
    ) -> Vec<Freeze> {
        let place = Place { target: &id.target, rollout: Some(&id.name), site: None, lane: None, stage, labels: None };
        self.let_pass(id, &place, operation, self.windows.freezes(&place, operation, by))
    }

    /// Freezes that hold a start: when all units of the first stage are held, or the rollout itself.
    pub(super) fn freezes_at_start(
        &self,
        id: &RolloutId,
        plan: &Plan,
        state: &engine::State,
        by: Initiator,
    ) -> Vec<Freeze> {
        let first = plan.stages.first().map(|stage| &stage.name);
        let units = state.members(plan).filter(|(_, stage)| *stage == first).map(|(unit, _)| (unit, first));
        let mut freezes = self.freezes_over(id, first, units, (Operation::Start, by));
        if sets_flag(plan, first) {
            let units = state.members(plan).filter(|(_, stage)| *stage == first);
            add_new(&mut freezes, self.freezes_over(id, first, units, (Operation::FlagWiden, by)));
        }
        freezes
    }

    /// Freezes that hold an action: when every unit that it would tell is held, or the rollout itself.
    /// Of what is always open there are none.
    pub(super) fn freezes_over_action(&self, id: &RolloutId, action: Action, by: Initiator) -> Vec<Freeze> {
        let Some((record, operation)) = self.rollouts.get(id).zip(Operation::of(action)) else { return Vec::new() };
        let stored = &record.stored;
        let wanted = self.stage_let_on(id, action);
        let from = wanted.as_ref().and_then(|name| stored.plan.stages.iter().position(|stage| stage.name == *name));
        let beyond = action == Action::PromoteFull;
        let concerns = |stage: Option<&StageName>| {
            let at = stage.and_then(|name| stored.plan.stages.iter().position(|stage| stage.name == *name));
            match from {
                Some(from) if beyond => at.is_some_and(|at| at >= from),
                Some(from) => at == Some(from),
                None => true,
            }
        };
        let units = || stored.state.members(&stored.plan).filter(|(_, stage)| concerns(*stage));
        let mut freezes = self.freezes_over(id, wanted.as_ref(), units(), (operation, by));
        if sets_flag(&stored.plan, wanted.as_ref()) {
            add_new(&mut freezes, self.freezes_over(id, wanted.as_ref(), units(), (Operation::FlagWiden, by)));
        }
        freezes
    }

    /// The freezes of the rollout, and those of these units when each of them is held: none when one is free.
    fn freezes_over<'a>(
        &self,
        id: &RolloutId,
        stage: Option<&StageName>,
        units: impl Iterator<Item = (&'a UnitKey, Option<&'a StageName>)>,
        asked: Asked,
    ) -> Vec<Freeze> {
        let mut all = self.freezes_of_rollout(id, stage, asked);
        for (unit, stage) in units {
            let freezes = self.freezes_of_unit(id, unit, stage, asked);
            if freezes.is_empty() {
                return Vec::new();
            }
            add_new(&mut all, freezes);
        }
        all
    }

    /// The freeze that is shown of an open rollout: over what is under way or comes next, as a whole or on
    /// some unit.
    pub(super) fn freeze_shown(&self, id: &RolloutId, record: &Record) -> Option<Freeze> {
        let stored = &record.stored;
        if stored.state.phase().is_terminal() {
            return None;
        }
        let stage = stored.state.stage(&stored.plan).map(|stage| &stage.name);
        let whole = stored
            .asked_now()
            .into_iter()
            .find_map(|asked| self.freezes_of_rollout(id, stage, asked).into_iter().next());
        whole.or_else(|| record.held.values().next().cloned())
    }
}

/// Whether a stage sets a flag: then what holds that holds the stage.
pub(super) fn sets_flag(plan: &Plan, stage: Option<&StageName>) -> bool {
    plan.stages.iter().any(|known| Some(&known.name) == stage && known.flag.is_some())
}

/// Adds freezes, each window once.
fn add_new(all: &mut Vec<Freeze>, freezes: Vec<Freeze>) {
    for freeze in freezes {
        if !all.iter().any(|known| known.window == freeze.window) {
            all.push(freeze);
        }
    }
}
