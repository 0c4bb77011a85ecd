//! Using an override: tried on what is asked for, consumed with the decision that it allows, and what it
//! let through remembered with the rollout.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    super::{authorize, core::Core, held::Asked},
    no_override,
};
use crate::{
    domain::{
        Action, Blocker, BlockerKind, Freeze, Operation, Overridable, Override, Phase, Place, Principal, Revision,
        RolloutId, SafeText, StageName, UnitKey, Use, WindowRef,
    },
    guard::overriding::{self, Occasion, Subject},
    wire::OverrideOffer,
};

/// An override that the present decision is tried with.
#[derive(Debug)]
pub(in super::super) struct Trial {
    record: Override,
    /// The stages that it would let through; all of them, when empty.
    stages: Vec<StageName>,
    /// Whether it lifted anything.
    lifted: AtomicBool,
}

/// What a use of an override let through, kept with the rollout: the override itself says which windows
/// and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct Passage {
    /// The override's id.
    #[serde(rename = "override")]
    pub(in super::super) override_id: SafeText,
    /// The stages; all of them, when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    stages: Vec<StageName>,
}

fn is_of(stages: &[StageName], place: &Place<'_>) -> bool {
    stages.is_empty() || place.stage.is_none_or(|stage| stages.contains(stage))
}

impl Trial {
    /// The override's id.
    pub(in super::super) fn id(&self) -> &SafeText {
        &self.record.id
    }

    /// Whether anything was lifted: where nothing was, it is not used.
    pub(in super::super) fn is_needed(&self) -> bool {
        self.lifted.load(Ordering::Relaxed)
    }

    /// Who agreed to it.
    pub(in super::super) fn agreed(&self) -> impl Iterator<Item = SafeText> {
        self.record.approvals.iter().map(|consent| consent.by.clone())
    }

    /// What a use of it lets through.
    pub(in super::super) fn passage(&self) -> Passage {
        Passage { override_id: self.record.id.clone(), stages: self.stages.clone() }
    }

    /// The windows that it names, in words.
    pub(in super::super) fn windows_named(&self) -> String {
        let ids: Vec<&str> = self.windows().map(SafeText::as_str).collect();
        let one = if ids.len() == 1 { "window" } else { "windows" };
        format!("{one} {}", ids.join(", "))
    }

    /// The windows that it names.
    pub(in super::super) fn windows(&self) -> impl Iterator<Item = &SafeText> {
        self.record.windows.iter().map(|named| &named.id)
    }

    /// Drops the freezes that it lifts over a place.
    pub(in super::super) fn lift(&self, place: &Place<'_>, freezes: &mut Vec<Freeze>) {
        if !is_of(&self.stages, place) {
            return;
        }
        freezes.retain(|freeze| {
            let lifts = overriding::lifts(&self.record, place, freeze).is_ok();
            if lifts {
                self.lifted.store(true, Ordering::Relaxed);
            }
            !lifts
        });
    }

    /// Why it does not lift these.
    pub(in super::super) fn why_not(&self, place: &Place<'_>, freezes: &[Freeze]) -> Vec<Blocker> {
        let unfit = freezes.iter().filter_map(|freeze| overriding::lifts(&self.record, place, freeze).err());
        unfit.map(|unfit| unfit.blocker(&self.record.id)).collect()
    }
}

impl Core {
    /// The override that a request names, when it can be used for this at all. It is consumed by
    /// [`Core::use_override`], once what it is tried on goes through.
    ///
    /// # Errors
    /// Why it cannot be used; whoever asks journals that.
    pub(in super::super) fn try_override(
        &self,
        who: &Principal,
        named: &str,
        occasion: &Occasion<'_>,
        stages: Vec<StageName>,
    ) -> Result<Trial, Vec<Blocker>> {
        let id = SafeText::new(named.trim());
        let blocked = |summary: String| {
            vec![Blocker { kind: BlockerKind::Override, summary: SafeText::new(summary), since: None, until: None }]
        };
        let Some(record) = self.overrides.get(&id) else { return Err(blocked(no_override(&id).detail.to_string())) };
        overriding::fits(record, occasion).map_err(|unfit| vec![unfit.blocker(&id)])?;
        if record.approvals.iter().any(|agreed| authorize::is_person(who, &agreed.by, agreed.with.as_ref())) {
            return Err(blocked(format!(
                "override {id} does not let it pass: {} agreed to it, so somebody else has to use it",
                who.id
            )));
        }
        if let Some(why_not) = self.not_authorized(record) {
            return Err(blocked(format!("override {id} does not let it pass: {why_not}")));
        }
        Ok(Trial { record: record.clone(), stages, lifted: AtomicBool::new(false) })
    }

    /// Consumes a use, in the same transaction as the decision that it allowed, whose entry is named.
    pub(in super::super) fn use_override(
        &mut self,
        trial: &Trial,
        who: &Principal,
        operation: Operation,
        revision: Option<Revision>,
        entry: u64,
    ) {
        let Some(mut record) = self.overrides.get(trial.id()).cloned() else { return };
        let stages: Vec<&str> = trial.stages.iter().map(StageName::as_str).collect();
        record.uses.push(Use {
            at: self.now(),
            by: who.id.clone(),
            action: operation,
            revision,
            stage: (!stages.is_empty()).then(|| SafeText::new(stages.join(", "))),
            entry,
        });
        record.revision += 1;
        self.put_override(record);
    }

    /// Gives a use back whose order was refused where it was to be carried out: nothing was done.
    pub(in super::super) fn give_back(&mut self, id: &SafeText, entry: u64) {
        let Some(mut record) = self.overrides.get(id).cloned() else { return };
        let before = record.uses.len();
        record.uses.retain(|used| used.entry != entry);
        if record.uses.len() == before {
            return;
        }
        if record.uses.is_empty()
            && let Some(carried) = record.rollout.as_ref().and_then(|rollout| self.carried.get_mut(rollout))
        {
            carried.stored.let_through.retain(|passage| passage.override_id != *id);
        }
        record.revision += 1;
        self.put_override(record);
    }

    /// Drops the freezes that an override lifts: those whose use let this stage of the rollout through and
    /// that still count, and the one that the present decision is tried with. A start is let through by the
    /// last only.
    pub(in super::super) fn let_pass(
        &self,
        id: &RolloutId,
        place: &Place<'_>,
        operation: Operation,
        mut freezes: Vec<Freeze>,
    ) -> Vec<Freeze> {
        if freezes.is_empty() {
            return freezes;
        }
        if operation != Operation::Start {
            let fleets = self.rollouts.get(id).map(|record| &record.stored.let_through);
            let through = fleets.or_else(|| self.carried.get(id).map(|carried| &carried.stored.let_through));
            let now = self.now();
            for passage in through.into_iter().flatten().filter(|passage| is_of(&passage.stages, place)) {
                if let Some(record) = self.overrides.get(&passage.override_id).filter(|record| record.lasts(now)) {
                    freezes.retain(|freeze| overriding::lifts(record, place, freeze).is_err());
                }
            }
        }
        // What passes already needs no further use.
        if let Some(trial) = &self.trial {
            trial.lift(place, &mut freezes);
        }
        freezes
    }

    /// Looks at something under an override that it is tried with.
    pub(in super::super) fn under_trial<T>(
        &mut self,
        trial: Option<Trial>,
        look: impl FnOnce(&Self) -> T,
    ) -> (T, Option<Trial>) {
        self.trial = trial;
        let seen = look(self);
        (seen, self.trial.take())
    }

    /// Notes whether the override that is tried lifts anything over these units, also where others of them
    /// are free: whoever names it wants all of them to go on.
    pub(in super::super) fn look_through<'a>(
        &self,
        id: &RolloutId,
        (operation, by): Asked,
        units: impl Iterator<Item = (&'a UnitKey, Option<&'a StageName>)>,
    ) {
        if self.trial.is_none() {
            return;
        }
        for (unit, stage) in units {
            for operation in [operation, Operation::Advance] {
                self.freezes_of_unit(id, unit, stage, (operation, by));
            }
        }
    }

    /// The stage of a fleet's rollout that an action lets begin or go on.
    pub(in super::super) fn stage_let_on(&self, id: &RolloutId, action: Action) -> Option<StageName> {
        let stored = &self.rollouts.get(id)?.stored;
        let stages = &stored.plan.stages;
        let present = stored.state.stage(&stored.plan).and_then(|now| stages.iter().position(|s| s.name == now.name));
        let promotes = matches!(action, Action::Promote | Action::PromoteFull);
        let wanted = match present {
            Some(present) if promotes && stored.state.phase() == Phase::AwaitingPromotion => present + 1,
            present => present.unwrap_or(0),
        };
        stages.get(wanted).map(|stage| stage.name.clone())
    }

    /// The stages of what a driver carries out that an action lets go on: the present one, and the next where
    /// it is promoted. All of them, where a driver goes through them at once, or tells of none.
    pub(in super::super) fn stages_let_on(&self, id: &RolloutId, action: Action) -> Vec<StageName> {
        let Some(rollout) = self.carried.get(id).map(|carried| &carried.sighting.rollout) else { return Vec::new() };
        let names = || rollout.stages.iter().map(|stage| &stage.name);
        let present = rollout.current_stage.as_ref().and_then(|now| names().position(|name| name == now));
        match (action, present) {
            (Action::PromoteFull, _) | (_, None) => Vec::new(),
            (Action::Promote, Some(present)) => names().skip(present).take(2).cloned().collect(),
            (_, Some(present)) => names().skip(present).take(1).cloned().collect(),
        }
    }

    /// Consumes a use on what a driver carries out, and lets through what it lifts. A window that paused it
    /// does so again once the override does not count any more.
    pub(in super::super) fn pass_order_under(
        &mut self,
        id: &RolloutId,
        trial: &Trial,
        who: &Principal,
        operation: Operation,
        entry: u64,
    ) {
        self.use_override(trial, who, operation, self.revision(id), entry);
        let now = self.now();
        if let Some(carried) = self.carried.get_mut(id) {
            add_passage(&mut carried.stored.let_through, trial.passage(), &self.overrides, now);
            carried.asked_at = None;
            for window in trial.windows() {
                carried.stored.forget_entries(window);
            }
        }
        self.touched_rollouts.insert(id.clone());
        self.dirty.insert(id.clone());
    }

    /// Consumes a use on a fleet's rollout, and lets through what it lifts.
    pub(in super::super) fn pass_under(
        &mut self,
        id: &RolloutId,
        trial: &Trial,
        who: &Principal,
        operation: Operation,
        entry: u64,
    ) {
        self.use_override(trial, who, operation, self.revision(id), entry);
        let now = self.now();
        if let Some(record) = self.rollouts.get_mut(id) {
            add_passage(&mut record.stored.let_through, trial.passage(), &self.overrides, now);
        }
        self.touched_rollouts.insert(id.clone());
        self.dirty.insert(id.clone());
        if self.hold_again(id) {
            self.moved.insert(id.clone());
        }
        // A window that it lifts begins over the rollout anew, once the override does not count any more.
        self.note_windows(id);
    }
}

/// Adds what a use let through, and forgets what does not count any more.
fn add_passage(
    through: &mut Vec<Passage>,
    passage: Passage,
    overrides: &BTreeMap<SafeText, Override>,
    now: DateTime<Utc>,
) {
    through
        .retain(|known| *known != passage && overrides.get(&known.override_id).is_some_and(|record| record.lasts(now)));
    through.push(passage);
}

/// What to ask for to pass what holds something; none where nobody may pass it.
pub(in super::super) fn offer(
    operation: Operation,
    subject: Subject<'_>,
    freezes: &[Freeze],
) -> Option<Box<OverrideOffer>> {
    let can_be = |freeze: &Freeze| freeze.overridable != Overridable::Never;
    if freezes.is_empty() || operation == Operation::Advance || !freezes.iter().all(can_be) {
        return None;
    }
    let mut windows: Vec<SafeText> = Vec::new();
    for freeze in freezes {
        let named = SafeText::new(WindowRef::from(freeze).to_string());
        if !windows.contains(&named) {
            windows.push(named);
        }
    }
    let (rollout, candidate, flag) = match subject {
        Subject::Rollout { id, candidate } => {
            let candidate = (operation == Operation::Start).then(|| SafeText::new(candidate));
            (Some(id.clone()), candidate, None)
        }
        Subject::Flag(key) => (None, None, Some(SafeText::new(key))),
    };
    let two_person = freezes.iter().any(|freeze| freeze.overridable == Overridable::TwoPerson);
    Some(Box::new(OverrideOffer {
        href: SafeText::new("/api/v1/overrides"),
        windows,
        actions: vec![operation],
        rollout,
        candidate,
        flag,
        two_person,
    }))
}
