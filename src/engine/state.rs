//! What is remembered of a rollout: its phase, its stages with what was judged in them, and each unit of
//! its frozen membership.
//!
//! Nothing here decides.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::units::Units;
use crate::domain::{
    Digest, FailureCategory, FlagKey, GateName, Phase, Plan, SafeBlock, SafeText, StageName, Truth, UnitKey,
    plan::{Advance, PlanStage, StageFlag},
};

/// What the engine keeps of one rollout. Serialised as it is into the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    pub(super) phase: Phase,
    pub(super) revision: u64,
    /// The stage it is in, by its place in the plan; none before the first began.
    pub(super) stage: Option<usize>,
    /// Whether somebody let it go through all stages without waiting for a person.
    pub(super) full: bool,
    pub(super) paused: Option<Paused>,
    /// One for each stage of the plan.
    pub(super) stages: Vec<StageMemory>,
    pub(super) back: Option<GoingBack>,
    /// The flags that were brought back to what they were, and the revision at which they are.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) restored: BTreeMap<FlagKey, u64>,
    /// The membership, in the order of names.
    pub(super) units: Units,
    /// When time alone next changes something, while nothing else does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) look_at: Option<DateTime<Utc>>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
}

/// Why it stands still.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Paused {
    /// The phase that a resume returns to.
    pub(super) from: Phase,
    pub(super) at: DateTime<Utc>,
    /// The breach that paused it, or that came while it was paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) breach: Option<SafeText>,
}

/// What is remembered of a stage.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StageMemory {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) entered_at: Option<DateTime<Utc>>,
    /// What its deadline counts from: when it was entered, or last resumed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) clock: Option<DateTime<Utc>>,
    /// Since when all its gates hold on all its units, without a break.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) holding_since: Option<DateTime<Utc>>,
    /// When it had held for long enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) passed_at: Option<DateTime<Utc>>,
    /// What the judge last said of those of its gates that are not asked of units.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) judged: BTreeMap<GateName, JudgedGate>,
    /// Whether the judge asked to pause, was heard, and did not stop asking since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) pause_asked: bool,
}

/// What the judge said of a gate that is asked of the rollout as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct JudgedGate {
    pub(super) truth: Truth,
    /// Whether it was ever true in this stage.
    #[serde(default)]
    pub(super) held: bool,
    #[serde(default, skip_serializing_if = "SafeText::is_empty")]
    pub(super) why: SafeText,
    /// Since when its truth is what it is.
    pub(super) since: DateTime<Utc>,
    /// When it was last said.
    pub(super) at: DateTime<Utc>,
}

/// A way back that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct GoingBack {
    /// Where every unit goes; to its own pinned snapshot, when absent.
    pub(super) to: Option<Digest>,
    pub(super) since: DateTime<Utc>,
    /// Why, in one sentence.
    pub(super) cause: SafeText,
    /// Whether it is a way back of flags only: no unit is given an order.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) flags: bool,
}

/// What is remembered of a unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Unit {
    pub(super) key: UnitKey,
    /// The stage that selects it.
    pub(super) stage: Option<usize>,
    /// What it ran when the rollout began.
    pub(super) pinned: Option<Digest>,
    /// Whether it was ever told the candidate.
    #[serde(default)]
    pub(super) exposed: bool,
    /// What it was told last; none when it is to be told anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) order: Option<Order>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) measured: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) claimed: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) fault: Option<Fault>,
    /// Since when nothing fresh was heard of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) silent: Option<DateTime<Utc>>,
    /// Whether it was seen to run what it is brought back to.
    #[serde(default)]
    pub(super) returned: bool,
    /// The check command's own word: the gate that every unit has.
    #[serde(default)]
    pub(super) health: Memory,
    /// One for each gate of the plan, in the plan's order.
    #[serde(default)]
    pub(super) gates: Vec<Memory>,
    /// That its stage's flag is set for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) flag: Option<FlagTold>,
}

/// That a flag is set for a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FlagTold {
    /// The flag's revision from which on it is; none for as long as that is only asked for.
    pub(super) revision: Option<u64>,
}

/// An order that a unit was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) generation: u64,
    /// None of a plan that brings flags only.
    pub(super) snapshot: Option<Digest>,
    /// Whether it leads back rather than to the candidate.
    pub(super) back: bool,
    pub(super) at: DateTime<Utc>,
    pub(super) progress: UnitProgress,
}

/// How far a unit is with its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum UnitProgress {
    /// It was answered to an agent that has not said since that it has it.
    Told,
    Applying,
    Applied,
    /// A check came after the apply; `health` says how it went.
    Checked,
    Failed,
}

/// Why a unit did not do what it was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Fault {
    pub(super) category: FailureCategory,
    #[serde(default, skip_serializing_if = "SafeBlock::is_empty")]
    pub(super) output_tail: SafeBlock,
    pub(super) at: DateTime<Utc>,
    /// A check found it, so that a later check can clear it; else only a retry does.
    #[serde(default)]
    pub(super) by_check: bool,
}

/// What is remembered of one gate on one unit, since its last order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Memory {
    pub(super) truth: Truth,
    /// Whether it was ever true.
    #[serde(default)]
    pub(super) held: bool,
    /// Checks in a row that found it false.
    #[serde(default)]
    pub(super) falses: u32,
    #[serde(default, skip_serializing_if = "SafeText::is_empty")]
    pub(super) why: SafeText,
    /// Since when its truth is what it is; none before the first reading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) since: Option<DateTime<Utc>>,
    /// When it breached; a resume or a new order forgets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) breached: Option<DateTime<Utc>>,
}

impl Default for Memory {
    fn default() -> Self {
        Self { truth: Truth::Unknown, held: false, falses: 0, why: SafeText::default(), since: None, breached: None }
    }
}

impl Memory {
    /// Takes a reading.
    pub(super) fn observe(&mut self, truth: Truth, why: SafeText, now: DateTime<Utc>) {
        if self.truth != truth || self.since.is_none() {
            self.since = Some(now);
        }
        self.truth = truth;
        self.why = why;
        self.held |= truth == Truth::True;
        // An unknown check breaks the row: three in a row are three that were measured.
        self.falses = if truth == Truth::False { self.falses.saturating_add(1) } else { 0 };
    }

    /// What was read of it is too old to stand on.
    pub(super) fn grow_stale(&mut self, why: &SafeText, now: DateTime<Utc>) {
        if self.since.is_some() && self.truth != Truth::Unknown {
            self.observe(Truth::Unknown, why.clone(), now);
        }
    }
}

impl Unit {
    /// A unit as it is when the rollout begins.
    pub(super) fn new(key: UnitKey, stage: Option<usize>, pinned: Option<Digest>, gates: usize) -> Self {
        Self {
            key,
            stage,
            pinned,
            exposed: false,
            order: None,
            measured: None,
            claimed: None,
            fault: None,
            silent: None,
            returned: false,
            health: Memory::default(),
            gates: vec![Memory::default(); gates],
            flag: None,
        }
    }

    /// Whether nothing changed that decides on a transition. A deadline counts from the order, and a
    /// unit that a freeze keeps from hearing its order again is not late, but one that has it is.
    pub(super) fn is_judged_as(&self, before: &Self, has_deadline: bool) -> bool {
        fn alike(one: &Memory, other: &Memory) -> bool {
            (one.truth, one.held, one.falses, one.breached, one.since.is_some())
                == (other.truth, other.held, other.falses, other.breached, other.since.is_some())
        }
        let order = |unit: &Self| unit.order.as_ref().map(|order| (order.at, unit.awaits_order()));
        (self.returned, self.silent, self.is_healthy()) == (before.returned, before.silent, before.is_healthy())
            && self.fault == before.fault
            && (!has_deadline || order(self) == order(before))
            && alike(&self.health, &before.health)
            && self.gates.len() == before.gates.len()
            && self.gates.iter().zip(&before.gates).all(|(one, other)| alike(one, other))
    }

    /// Whether nothing but the words and times of its readings differs, where it is judged as before.
    pub(super) fn differs_in_words(&self, before: &Self) -> bool {
        let readings = |unit: &Self| (unit.health.clone(), unit.gates.clone());
        let mut same = self.clone();
        (same.health, same.gates) = readings(before);
        same == *before
    }

    /// A new order begins without readings.
    pub(super) fn forget_readings(&mut self) {
        self.health = Memory::default();
        self.gates.iter_mut().for_each(|memory| *memory = Memory::default());
    }

    /// Whether a stage up to `current` selects it.
    pub(super) fn is_due(&self, current: Option<usize>) -> bool {
        matches!((self.stage, current), (Some(own), Some(current)) if own <= current)
    }

    /// Whether it is to be given an order when it asks: it has none, or never said that it has it.
    pub(super) fn awaits_order(&self) -> bool {
        self.order.as_ref().is_none_or(|order| order.progress == UnitProgress::Told)
    }

    /// Where a way back leads it; none when it is left as it is.
    pub(super) fn way_back<'a>(&'a self, back: &'a GoingBack) -> Option<&'a Digest> {
        if self.exposed && !back.flags { back.to.as_ref().or(self.pinned.as_ref()) } else { None }
    }

    /// Whether a way back leads it anywhere.
    pub(super) fn goes_back(&self, back: &GoingBack) -> bool {
        self.exposed && (back.flags || self.way_back(back).is_some())
    }

    /// Whether its check says that it is well on the candidate.
    pub(super) fn is_healthy(&self) -> bool {
        self.fault.is_none()
            && self.health.truth == Truth::True
            && self.order.as_ref().is_some_and(|order| !order.back && order.progress == UnitProgress::Checked)
    }

    /// Whether the candidate has reached it, or is on its way there.
    pub(super) fn counts_as_exposed(&self) -> bool {
        use FailureCategory as C;
        let untouched = self
            .fault
            .as_ref()
            .is_some_and(|fault| matches!(fault.category, C::Preflight | C::Download | C::RefusedBySite | C::Held));
        self.exposed && !self.returned && !untouched
    }
}

impl State {
    /// Where it is.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Goes up with plan, phase, stage, membership and candidate, and with nothing else.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The stage that it is in, or ended in; none before the first began.
    #[must_use]
    pub fn stage<'a>(&self, plan: &'a Plan) -> Option<&'a PlanStage> {
        plan.stages.get(self.stage?)
    }

    /// When the stage that it is in began: what is judged of it is what was measured since.
    #[must_use]
    pub fn stage_entered_at(&self) -> Option<DateTime<Utc>> {
        self.stage_memory()?.entered_at
    }

    /// Whether it is in a stage and not on the way back, paused or not: what is judged counts.
    #[must_use]
    pub fn is_judged(&self) -> bool {
        self.is_climbing()
    }

    /// Whether a stage of the plan, by its place in it, begins without anybody asking once the one before it
    /// has passed.
    #[must_use]
    pub fn begins_by_itself(&self, plan: &Plan, stage: usize) -> bool {
        let before = stage.checked_sub(1).and_then(|before| plan.stages.get(before));
        before.is_none_or(|before| self.full || before.advance == Advance::Automatic)
    }

    /// Whether the unit is of the membership that was frozen at start.
    #[must_use]
    pub fn has(&self, unit: &UnitKey) -> bool {
        self.find(unit).is_some()
    }

    /// The membership in the order of names, each with the stage that selects it.
    pub fn members<'a>(&'a self, plan: &'a Plan) -> impl Iterator<Item = (&'a UnitKey, Option<&'a StageName>)> {
        self.units.iter().map(|unit| {
            let stage = unit.stage.and_then(|at| plan.stages.get(at)).map(|stage| &stage.name);
            (&unit.key, stage)
        })
    }

    /// The flag that a unit's stage sets.
    #[must_use]
    pub fn flag_of<'a>(&self, unit: &UnitKey, plan: &'a Plan) -> Option<&'a StageFlag> {
        let unit = self.units.get(self.find(unit)?)?;
        plan.stages.get(unit.stage?)?.flag.as_ref()
    }

    /// What the units ran when it began, and are brought back to; of those that ran anything.
    pub fn pinned(&self) -> impl Iterator<Item = &Digest> {
        self.units.iter().filter_map(|unit| unit.pinned.as_ref())
    }

    pub(super) fn find(&self, unit: &UnitKey) -> Option<usize> {
        self.units.find(unit)
    }

    /// The unit at a place that [`State::find`] gave, to be changed.
    pub(super) fn unit_mut(&mut self, at: usize) -> Option<&mut Unit> {
        self.units.get_mut(at)
    }

    pub(super) fn stage_memory(&self) -> Option<&StageMemory> {
        self.stage.and_then(|at| self.stages.get(at))
    }

    pub(super) fn stage_memory_mut(&mut self) -> Option<&mut StageMemory> {
        self.stage.and_then(|at| self.stages.get_mut(at))
    }

    /// Whether gates are watched and stages can pass, paused or not.
    pub(super) fn is_climbing(&self) -> bool {
        matches!(self.phase, Phase::Progressing | Phase::AwaitingPromotion | Phase::Degraded | Phase::Paused)
            && self.stage.is_some()
    }
}
