//! The staged rollout as a pure state machine: state, event and context in; state, effects and
//! facts out. It never reads a clock, never evaluates an expression, never does I/O.
//!
//! [`step`] is total: whatever event comes in whatever state, there is an answer. An action that
//! may not be done answers [`Answer::Refused`] and changes nothing.
//!
//! What the design leaves open is decided so:
//! - Stopping does not disable safety: while paused, reports are taken, gates are watched, holds run
//!   on, and a breach whose response is `rollback` rolls back. The deadline is not judged while
//!   paused, and counts anew from the resume, which also forgives a breach that paused it.
//! - A check that exits other than 0, or that measures another snapshot, is a false reading of a
//!   gate that every unit has: its health. It breaches as gates do, and is answered as gates are
//!   that have no response of their own. Measuring another snapshot is a failure (`verify`) too.
//! - A unit that only claims the candidate can pass, since checks need not measure; the message says
//!   how many do. One that neither measures nor claims is unknown.
//! - A stage passes when its own units and those of the stages before it are healthy and meet the
//!   gates of their stages, and nothing that had held became unknown.
//! - Verdict and budget gates are asked of the rollout as a whole in its present stage, and begin
//!   anew with each. A stage passes only while all of its own read true; one that is false or unknown
//!   holds it, in phase `progressing`, and reopens a stage that had passed. It never breaches. Still
//!   not true at the stage's deadline, it degrades (somebody has to decide), and nothing is rolled back.
//!   A judge that falls silent makes them unknown, without breaking a hold that it confirms later.
//! - A verdict is not asked for where a stage leaves no unit to compare with, unless the stage names
//!   the gate.
//! - What the judge demands is done once, in a stage and not on the way back. A rollback is done while
//!   paused too. A pause that a person resumed is not repeated before the judge stopped asking for it.
//! - A stage's flag is set for its units when it begins, as far as no freeze holds them, and for the others
//!   when they are free. A unit is on the candidate only once its agent holds that revision of the flag; one
//!   that then holds another variant is false. What could not be set is a failed unit, told again by a retry.
//!   A plan without a snapshot has no orders: its units are told by the flag, and back when their agents hold
//!   it as it was restored.
//! - A stage whose every unit a freeze holds is not entered by itself; a person's promote, which the
//!   guard has let through, does enter it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::domain::{
    Action, Blocker, Digest, Exposure, Failure, FailureCategory, FlagKey, Freeze, GateName, Next, Phase, Plan, Preview,
    SafeBlock, SafeText, Stage, StageName, Truth, UnitKey, UnitView, flag::HeldFlag, plan::FailResponse,
    plan::StageFlag,
};

mod act;
mod back;
mod flags;
mod gates;
mod judged;
mod membership;
mod orders;
mod preview;
mod settle;
mod state;
mod survey;
mod transition;
mod units;
mod view;
mod words;

#[cfg(test)]
mod tests;

pub use state::State;

/// A unit of the membership that is frozen when a rollout begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Which unit.
    pub unit: UnitKey,
    /// What it runs now: pinned as what rollback returns it to.
    pub present: Option<Digest>,
}

/// What the world is like at the moment of a step.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The time.
    pub now: DateTime<Utc>,
    /// The rollout's plan.
    pub plan: &'a Plan,
    /// Units that a freeze holds now, and the freeze.
    pub held: &'a BTreeMap<UnitKey, Freeze>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Time went by (at [`due`], or whenever a window began or ended).
    Tick,
    /// Somebody acts; whether they may was decided before.
    Act {
        /// What they do.
        action: Action,
        /// For a rollback: bring the units to this snapshot instead of the pinned ones.
        to: Option<Digest>,
    },
    /// An agent asks for its desired state and can take an order now; `generation` is the number
    /// that an order given in answer to this gets.
    Asked {
        /// The unit.
        unit: UnitKey,
        /// The number of the order.
        generation: u64,
    },
    /// An agent reported.
    Reported {
        /// The unit.
        unit: UnitKey,
        /// What it said of which order.
        report: UnitReport,
    },
    /// The unit's facts became too old, or its agent fell silent.
    Silent {
        /// The unit.
        unit: UnitKey,
    },
    /// The indicators were judged. It is to be said at every evaluation, changed or not: what was not
    /// said again for long is unknown.
    Judged(Judged),
    /// A window began over what is under way, and demands something of it. It is obeyed once, at once, and
    /// whatever nobody can do any more is not done.
    Windowed(Demand),
    /// What became of an [`Effect::SetFlag`]: the flag's revision that it made, or why it was not set.
    FlagSet {
        /// The flag, and what it was to serve.
        flag: StageFlag,
        /// The revision, or why there is none.
        outcome: Result<u64, SafeText>,
    },
    /// What became of an [`Effect::RestoreFlag`].
    FlagRestored {
        /// The flag.
        key: FlagKey,
        /// The revision at which it is as it was.
        revision: u64,
    },
}

/// What the judge says of a rollout at one evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The stage that was judged ([`State::stage`]). Of another than the present one, nothing counts but
    /// a demand to roll back.
    pub stage: StageName,
    /// The plan's verdict and budget gates; one missing is unknown.
    pub readings: Vec<Reading>,
    /// What it asks for as a whole.
    pub demand: Demand,
}

/// What the judge, or a window, asks for as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Demand {
    /// Nothing: gates hold what they hold.
    Nothing,
    /// To stop where it is, with why.
    Pause(SafeText),
    /// To bring every unit back, with why.
    Rollback(SafeText),
}

impl Demand {
    /// What a failed judgement demands, where the plan answers it so ([`fail_response`]).
    #[must_use]
    pub fn of_failure(response: Option<FailResponse>, why: SafeText) -> Self {
        match response {
            Some(FailResponse::Rollback) => Self::Rollback(why),
            Some(FailResponse::Pause) => Self::Pause(why),
            Some(FailResponse::Hold) | None => Self::Nothing,
        }
    }
}

/// What a report means for the engine.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitReport {
    /// The order it is about.
    pub generation: u64,
    /// How far it is.
    pub progress: Progress,
    /// The snapshot that was measured, never the claimed one.
    pub measured: Option<Digest>,
    /// The snapshot that was claimed.
    pub claimed: Option<Digest>,
    /// The gates of the plan evaluated over the facts of this check; one missing is unknown.
    pub readings: Vec<Reading>,
    /// What the agent holds of the flag that the unit's stage sets.
    pub flag: Option<HeldFlag>,
}

/// One gate evaluated on one unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Which gate.
    pub gate: GateName,
    /// Whether it holds.
    pub truth: Truth,
    /// Which part decided it, with numbers.
    pub why: SafeText,
}

/// How far a unit is with an order.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// Working on it.
    Applying,
    /// Applied, not measured yet.
    Applied,
    /// A check after the apply exited 0.
    Healthy,
    /// A check after the apply exited otherwise.
    Unhealthy,
    /// Not done.
    Failed {
        /// Why.
        category: FailureCategory,
        /// What the command printed.
        output_tail: SafeBlock,
    },
}

/// What the world must do.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Give the unit this order.
    Tell {
        /// The unit.
        unit: UnitKey,
        /// The number of the order.
        generation: u64,
        /// What it is to run.
        snapshot: Digest,
        /// What it ran before.
        previous: Option<Digest>,
    },
    /// Set a flag for these units, those for whom the rollout set it before included; to be answered with
    /// [`Event::FlagSet`].
    SetFlag {
        /// The flag, and what it is to serve.
        flag: StageFlag,
        /// The stage that the new ones are of.
        stage: StageName,
        /// The units.
        units: Vec<UnitKey>,
    },
    /// Bring a flag back to what it was when the rollout began; to be answered with [`Event::FlagRestored`].
    RestoreFlag {
        /// The flag.
        key: FlagKey,
    },
    /// The candidate completed healthy: mark it known good.
    MarkKnownGood {
        /// The candidate.
        snapshot: Digest,
    },
}

/// A transition that goes into the audit trail: each has exactly one.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// What happened, as the audit's `action`: `stage_entered`, `stage_passed`, `gate_breached`,
    /// `rollback_started`, `judge_paused`, `rolled_back`, `completed`, `degraded`, `recovered`, ...
    /// For a person's action the action's verb: control merges it with who and why.
    pub what: &'static str,
    /// One sentence.
    pub detail: SafeText,
    /// Who did it, where no person did.
    pub by: FactBy,
}

/// Which part of Rolldeck did something by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FactBy {
    /// The engine, by the plan.
    #[default]
    Engine,
    /// The judge, by its evidence.
    Judge,
    /// A window that began.
    Window,
}

impl FactBy {
    /// The name of the part, as the audit has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Engine => "engine",
            Self::Judge => "judge",
            Self::Window => "window",
        }
    }
}

/// What became of an event.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Something changed, or the event was not a question.
    Done,
    /// An action that changed nothing, such as pause while paused.
    NoOp,
    /// An action that is not possible in this state.
    Refused(Vec<Blocker>),
}

/// The result of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The state after it.
    pub state: State,
    /// What the world must do.
    pub effects: Vec<Effect>,
    /// What goes into the audit trail.
    pub facts: Vec<Fact>,
    /// What became of the event.
    pub answer: Answer,
    /// Whether the state differs in nothing but the words of readings and since when they are so:
    /// the next report says them again, so that they need not survive a crash.
    pub routine: bool,
}

/// Why a rollout cannot begin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BeginError {
    /// The target has no unit.
    #[error("{0} has no units yet: start an agent there first (rolldeck agent --group {0} ...)")]
    NoUnits(crate::domain::TargetName),
    /// A stage's share is reached before it begins.
    #[error(
        "stage {stage} would select nothing: {selects} is no more than the {taken} of {members} units that the stages before it take"
    )]
    NothingFurther {
        /// The stage.
        stage: StageName,
        /// What it selects, as in the plan.
        selects: String,
        /// Units that the stages before it take.
        taken: usize,
        /// How many units there are.
        members: usize,
    },
}

/// All that is shown of a state.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// `r` and a number that goes up with plan, phase, stage, membership and candidate only.
    pub revision: u64,
    /// Where it is.
    pub phase: Phase,
    /// Why, in one sentence.
    pub message: SafeText,
    /// The stages with their gates.
    pub stages: Vec<Stage>,
    /// The stage it is in.
    pub current_stage: Option<StageName>,
    /// What holds the next promotion, the weightiest first; freezes from [`Context::held`] among them.
    pub blockers: Vec<Blocker>,
    /// How far the candidate reaches.
    pub exposure: Exposure,
    /// The units (`seen_at` and `reachable` are filled in by control).
    pub units: Vec<UnitView>,
    /// Units that failed.
    pub failures: Vec<Failure>,
    /// What happens next.
    pub next: Option<Next>,
    /// When phase or stage last changed.
    pub updated_at: DateTime<Utc>,
}

/// Begins a rollout: freezes the membership, pins what each unit runs.
///
/// It stays `pending` until the next step (a [`Event::Tick`] does), and for as long as it is paused
/// or a freeze holds every unit of its first stage. Its one fact is `start`. Units that nobody has
/// heard of for long are to be told as [`Event::Silent`] right after.
///
/// # Errors
/// [`BeginError`] when there is nothing to roll out to.
pub fn begin(plan: &Plan, members: &[Member], now: DateTime<Utc>) -> Result<Step, BeginError> {
    membership::begin(plan, members, now)
}

/// What a begin would do, in words.
///
/// # Errors
/// As [`begin`].
pub fn preview_begin(plan: &Plan, members: &[Member], now: DateTime<Utc>) -> Result<Preview, BeginError> {
    preview::of_begin(plan, members, now)
}

/// One step of the machine.
///
/// The first fact of a person's action is the action's own, named by its verb; what follows from it
/// by itself in the same step has facts of its own. An action that is refused or changes nothing
/// gives back the state as it was, without facts.
#[must_use]
pub fn step(state: &State, event: &Event, context: &Context<'_>) -> Step {
    let mut work = transition::Work::new(state, context);
    let answer = match event {
        Event::Tick => Answer::Done,
        Event::Act { action, to } => work.act(*action, to.as_ref()),
        Event::Asked { unit, generation } => {
            work.asked(unit, *generation);
            work.settle_after(unit, state);
            return work.done(Answer::Done);
        }
        Event::Reported { unit, report } => {
            work.reported(unit, report);
            let settled = work.settle_after(unit, state);
            let routine = !settled && work.differs_in_words(unit, state);
            return Step { routine, ..work.done(Answer::Done) };
        }
        Event::Silent { unit } => {
            work.silence(unit);
            work.settle_after(unit, state);
            return work.done(Answer::Done);
        }
        Event::Judged(judged) => {
            let counts = work.judged(judged);
            let routine = !work.settle_if(counts, state);
            return Step { routine, ..work.done(Answer::Done) };
        }
        Event::Windowed(demand) => {
            if !work.obey_window(demand) {
                return Step { routine: true, ..work.done(Answer::NoOp) };
            }
            Answer::Done
        }
        Event::FlagSet { flag, outcome } => {
            work.flag_set(flag, outcome);
            Answer::Done
        }
        Event::FlagRestored { key, revision } => {
            work.flag_restored(key, *revision);
            Answer::Done
        }
    };
    if answer == Answer::Done {
        work.settle();
    }
    work.done(answer)
}

/// The number of an order that the unit was given, never said that it has, and would be given again:
/// it is said again under the same number, so that an agent whose first report is still on its way
/// is not told the same thing anew for ever.
#[must_use]
pub fn standing(state: &State, unit: &UnitKey, context: &Context<'_>) -> Option<u64> {
    orders::standing(state, unit, context)
}

/// Whether the unit was given an order that it never said it has.
#[must_use]
pub fn is_unheard(state: &State, unit: &UnitKey) -> bool {
    orders::is_unheard(state, unit)
}

/// Whether the unit would be given an order if it asked now. One that was told and never reported
/// wants to be told again: an agent that polls with that order's number has it, and is not to be
/// asked for ([`Event::Asked`]) until it says otherwise.
#[must_use]
pub fn wants(state: &State, unit: &UnitKey, context: &Context<'_>) -> bool {
    orders::wants(state, unit, context)
}

/// What a failed judgement does by itself in the present stage: what the plan's `on_fail` says, or else
/// what `on_breach` says of the stage's verdict gates (of several, what goes back is stronger than what
/// stops). None where neither is there, and outside of stages: then a failure is only shown.
#[must_use]
pub fn fail_response(state: &State, plan: &Plan) -> Option<FailResponse> {
    judged::fail_response(state, plan)
}

/// What an action would do, in words; the checks say what forbids it here (the guard adds its own).
#[must_use]
pub fn preview(state: &State, action: Action, to: Option<&Digest>, context: &Context<'_>) -> Preview {
    preview::of_action(state, action, to, context)
}

/// When a [`Event::Tick`] would change something by itself: the end of a hold, a deadline. Windows
/// that begin or end are not in it.
#[must_use]
pub fn due(state: &State, context: &Context<'_>) -> Option<DateTime<Utc>> {
    settle::due(state, context)
}

/// All that is shown of a state.
#[must_use]
pub fn view(state: &State, context: &Context<'_>) -> View {
    view::view(state, context)
}
