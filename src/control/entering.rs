//! What a window does when it begins: it may pause what is under way, or bring it back. Once for each time
//! that it begins, so that a person who decides otherwise meanwhile has the last word.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::core::Core;
use crate::{
    domain::{Action, Freeze, Initiator, OnEnter, Operation, Phase, RolloutId, SafeText, StageName},
    driver::Order,
    engine::{Demand, Event},
};

/// What a window asked of a driver and did not get is asked for again after this.
const AGAIN: TimeDelta = TimeDelta::seconds(60);

/// One time that a window holds: its id, and since when.
fn entry(freeze: &Freeze) -> SafeText {
    SafeText::new(format!("{}@{}", freeze.window, freeze.since.timestamp()))
}

impl Core {
    /// Finds the windows that ask for more than to hold.
    pub(super) fn find_urging(&mut self) {
        let urges = self.windows.iter().filter(|window| window.on_enter != OnEnter::Hold && window.lifted.is_none());
        self.urging = urges.map(|window| (window.id.clone(), (window.on_enter, window.created_at))).collect();
    }

    /// The freezes over what is under way of a rollout whose windows ask for more than to hold.
    fn urging_over(&self, id: &RolloutId) -> Vec<(Freeze, OnEnter)> {
        let Some(record) = self.rollouts.get(id).filter(|_| !self.urging.is_empty()) else { return Vec::new() };
        let stored = &record.stored;
        if stored.state.phase().is_terminal() {
            return Vec::new();
        }
        let stage = stored.state.stage(&stored.plan).map(|stage| &stage.name);
        let last = stored.present().unwrap_or(0);
        let begun: BTreeSet<&StageName> = stored.plan.stages.iter().take(last + 1).map(|stage| &stage.name).collect();
        let mut freezes = Vec::new();
        for asked in stored.asked_now() {
            freezes.extend(self.freezes_of_rollout(id, stage, asked));
            for (unit, stage) in stored.state.members(&stored.plan) {
                if stage.is_some_and(|stage| begun.contains(stage)) {
                    freezes.extend(self.freezes_of_unit(id, unit, stage, asked));
                }
            }
        }
        let mut found: BTreeMap<SafeText, (Freeze, OnEnter)> = BTreeMap::new();
        for freeze in freezes {
            if let Some((on_enter, _)) = self.urging.get(&freeze.window) {
                found.entry(freeze.window.clone()).or_insert((freeze, *on_enter));
            }
        }
        found.into_values().collect()
    }

    /// Notes what holds a rollout already, when it begins or comes to another stage: that did not begin over it.
    pub(super) fn note_windows(&mut self, id: &RolloutId) {
        let present: BTreeSet<SafeText> = self.urging_over(id).iter().map(|(freeze, _)| entry(freeze)).collect();
        if let Some(record) = self.rollouts.get_mut(id).filter(|record| record.stored.entered != present) {
            record.stored.entered = present;
            self.touched_rollouts.insert(id.clone());
        }
    }

    /// Lets the windows that began over a rollout do what they ask for; of several, the most.
    pub(super) fn enter_windows(&mut self, id: &RolloutId) {
        let over = self.urging_over(id);
        let known = self.rollouts.get(id).map(|record| record.stored.entered.clone()).unwrap_or_default();
        let new = over.iter().filter(|(freeze, _)| !known.contains(&entry(freeze)));
        let demand = match new.max_by_key(|(_, on_enter)| *on_enter == OnEnter::AbortAndRestore) {
            Some((freeze, OnEnter::AbortAndRestore)) => Demand::Rollback(began(freeze)),
            Some((freeze, _)) => Demand::Pause(began(freeze)),
            None => Demand::Nothing,
        };
        self.note_windows(id);
        if demand != Demand::Nothing {
            self.step(id, &Event::Windowed(demand));
        }
    }

    /// What windows that began ask of what a driver carries out, and was not done yet: for each, the order.
    pub(super) fn orders_of_windows(&mut self, driver: usize) -> Vec<Order> {
        let now = self.now();
        let mut due = Vec::new();
        if self.urging.is_empty() || !self.options.pauses {
            return due;
        }
        for (id, carried) in self.carried.iter().filter(|(_, carried)| carried.driver == driver) {
            if carried.asked_at.is_some_and(|asked| now - asked <= AGAIN) {
                continue;
            }
            let mut over = self.urging_over_carried(id);
            over.retain(|(freeze, on_enter)| {
                !carried.stored.has_entered(&entry(freeze), &freeze.window) && self.is_asked(id, freeze, *on_enter)
            });
            let Some((freeze, on_enter)) =
                over.into_iter().max_by_key(|(_, on_enter)| *on_enter == OnEnter::AbortAndRestore)
            else {
                continue;
            };
            let back = on_enter == OnEnter::AbortAndRestore;
            due.push(Order {
                id: id.clone(),
                action: if back { Action::Rollback } else { Action::Pause },
                to: None,
                avoid: if back { carried.avoid() } else { Vec::new() },
                revision: carried.sighting.rollout.revision.clone(),
                by: SafeText::new(format!("window {}", freeze.window)),
                reason: began(&freeze),
                at: now,
            });
        }
        for order in &due {
            if let Some(carried) = self.carried.get_mut(&order.id) {
                carried.asked_at = Some(now);
            }
        }
        due
    }

    fn urging_over_carried(&self, id: &RolloutId) -> Vec<(Freeze, OnEnter)> {
        let by_itself = (Operation::Advance, Initiator::Automation);
        let by_hand = (Operation::Promote, Initiator::Human);
        let mut found: BTreeMap<SafeText, (Freeze, OnEnter)> = BTreeMap::new();
        for asked in [by_itself, by_hand] {
            for freeze in self.freezes_of_carried(id, asked) {
                if let Some((on_enter, _)) = self.urging.get(&freeze.window) {
                    found.entry(freeze.window.clone()).or_insert((freeze, *on_enter));
                }
            }
        }
        found.into_values().collect()
    }

    /// Whether there is anything to pause, or to bring back: a candidate that came while the window held
    /// already (an undo makes one too) is not brought back by it.
    fn is_asked(&self, id: &RolloutId, freeze: &Freeze, on_enter: OnEnter) -> bool {
        let Some(carried) = self.carried.get(id) else { return false };
        let phase = carried.sighting.rollout.phase;
        if on_enter == OnEnter::Pause {
            return carried.sighting.advances && phase != Phase::Paused;
        }
        let made = self.urging.get(&freeze.window).map_or(DateTime::<Utc>::MIN_UTC, |(_, made)| *made);
        let began = freeze.since.max(made);
        let is_under_way =
            matches!(phase, Phase::Progressing | Phase::AwaitingPromotion | Phase::Degraded | Phase::Paused);
        is_under_way && carried.stored.candidate_since.is_none_or(|since| since < began)
    }

    /// Notes that a window had its way with what a driver carries out.
    pub(super) fn entered_carried(&mut self, id: &RolloutId, window: &SafeText) {
        let entries: Vec<SafeText> = self
            .urging_over_carried(id)
            .iter()
            .filter(|(freeze, _)| freeze.window == *window)
            .map(|(freeze, _)| entry(freeze))
            .collect();
        if let Some(carried) = self.carried.get_mut(id) {
            carried.stored.paused_by.extend(entries);
        }
    }
}

/// Why a window does what it does.
fn began(freeze: &Freeze) -> SafeText {
    SafeText::new(format!("window {} began: {} ({})", freeze.window, freeze.reason, freeze.by))
}
