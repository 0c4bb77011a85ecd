//! What an action would do, in words, before anybody does it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{
    Answer, BeginError, Context, Event, Member, State, fail_response,
    membership::{self, draw},
    settle::are,
    state::{GoingBack, Unit},
    step, words,
};
use crate::domain::{
    Action, Digest, GateName, Phase, Plan, Preview, SafeText, UnitKey,
    plan::{Advance, FailResponse, GateRule, PlanStage},
    rollout::{Check, CheckState},
};

/// What a begin would do.
pub(super) fn of_begin(plan: &Plan, members: &[Member], now: DateTime<Utc>) -> Result<Preview, BeginError> {
    let _ = now;
    let drawn = draw(plan, members)?;
    let mut says = Says::default();
    let mut told = 0;
    for (index, stage) in plan.stages.iter().enumerate() {
        let keys: Vec<&UnitKey> =
            drawn.units.iter().filter(|(_, _, taken)| *taken == Some(index)).map(|(key, _, _)| key).collect();
        told += keys.len();
        if keys.is_empty() {
            says.warn(format!("stage {} selects nothing: the stages before it take all units", stage.name));
        } else {
            let after =
                if stage.advance == Advance::Manual { "then a person promotes" } else { "then it goes on by itself" };
            let hold = if stage.hold.is_zero() { String::new() } else { format!(", hold {}", words::span(stage.hold)) };
            let size = membership::size(keys.iter().copied());
            let sets = stage.flag.as_ref().map_or(String::new(), |flag| format!(", sets {flag}"));
            says.change(format!(
                "stage {}: {size}{sets}{hold}, {after} ({})",
                stage.name,
                words::names(keys.iter().copied())
            ));
        }
        let is_left = drawn.units.iter().any(|(_, _, taken)| taken.is_none_or(|taken| taken > index));
        if !is_left {
            without_baseline(&mut says, plan, stage);
        }
    }
    let rest = drawn.units.len() - told;
    if rest > 0 {
        says.same(format!("{} in no stage: not touched", are(rest)));
    }
    let without: Vec<&UnitKey> =
        drawn.units.iter().filter(|(_, present, _)| present.is_none()).map(|(key, _, _)| key).collect();
    if plan.snapshot.is_none() {
        says.same("no unit is told to run anything else: only flags are set".to_owned());
        says.pass(format!("a rollback brings {} back to what it is now", words::flag_keys(plan)));
    } else if without.is_empty() {
        says.pass(format!("each of {} has a snapshot that a rollback returns it to", words::units(drawn.units.len())));
    } else {
        let names = words::names(without.iter().copied());
        says.warn(format!(
            "{} without a snapshot to go back to, left as is by a rollback: {names}",
            are(without.len())
        ));
    }
    let already: Vec<&UnitKey> = drawn
        .units
        .iter()
        .filter(|(_, present, _)| present.is_some() && *present == plan.snapshot)
        .map(|(key, _, _)| key)
        .collect();
    if !already.is_empty() {
        let names = words::names(already.iter().copied());
        says.warn(format!("{} on {} already: {names}", are(already.len()), plan.candidate()));
    }
    let summary = format!("begin {} with {} on {}", plan.id(), plan.candidate(), words::units(told));
    Ok(says.preview(summary, told))
}

/// What becomes of the verdict gates of a stage that leaves no unit to compare with.
fn without_baseline(says: &mut Says, plan: &Plan, stage: &PlanStage) {
    let asks =
        |name: &GateName| plan.gates.iter().any(|(known, rule)| known == name && matches!(rule, GateRule::Verdict(_)));
    match &stage.gates {
        Some(named) => {
            for gate in named.iter().filter(|name| asks(name)) {
                says.warn(format!(
                    "stage {} asks for gate {gate} and leaves no unit to compare with: it passes only if the source has a baseline of its own",
                    stage.name
                ));
            }
        }
        None => {
            for (gate, _) in plan.gates.iter().filter(|(name, _)| asks(name)) {
                says.same(format!(
                    "stage {} does not ask for gate {gate}: it leaves no unit to compare with",
                    stage.name
                ));
            }
        }
    }
}

/// What an action would do to a rollout.
pub(super) fn of_action(state: &State, action: Action, to: Option<&Digest>, context: &Context<'_>) -> Preview {
    let mut says = Says::default();
    let trial = step(state, &Event::Act { action, to: to.cloned() }, context);
    match trial.answer {
        Answer::Refused(blockers) => {
            for blocker in blockers {
                says.checks.push(Check { state: CheckState::Block, text: blocker.summary });
            }
            return says.preview(format!("{action} is not possible now"), 0);
        }
        Answer::NoOp => {
            says.warn(format!("it is {} already: nothing changes", state.phase.words()));
            return says.preview(format!("{action} changes nothing"), 0);
        }
        Answer::Done => {}
    }
    match action {
        Action::Pause => pause(&mut says, state, context),
        Action::Resume => resume(&mut says, state, context),
        Action::Promote | Action::PromoteFull => promote(&mut says, state, action, context),
        Action::Rollback => rollback(&mut says, state, to, context),
        Action::Retry => retry(&mut says, state, context),
        // Refused above, in every phase.
        Action::Restart | Action::Terminate => says.preview(format!("{action} is not possible now"), 0),
    }
}

fn pause(says: &mut Says, state: &State, context: &Context<'_>) -> Preview {
    let waiting: Vec<&UnitKey> = keys(state, |unit| unit.is_due(state.stage) && unit.order.is_none());
    if waiting.is_empty() {
        says.change("no further unit is told".to_owned());
    } else {
        says.change(format!("{} not told: {}", are(waiting.len()), words::names(waiting.iter().copied())));
    }
    stays(says, state, context.plan);
    says.same("gates are watched on: a breach that the plan answers with a rollback still rolls back".to_owned());
    if fail_response(state, context.plan) == Some(FailResponse::Rollback) {
        says.same(
            "indicators are judged on: a failure that the plan answers with a rollback still rolls back".to_owned(),
        );
    }
    says.take("pause where it is; no further unit is told".to_owned(), 0)
}

fn resume(says: &mut Says, state: &State, context: &Context<'_>) -> Preview {
    let waiting = keys(state, |unit| unit.is_due(state.stage) && unit.awaits_order());
    let from = state.paused.as_ref().map_or(Phase::Progressing, |paused| paused.from);
    says.change(format!("it is {} again", from.words()));
    if !waiting.is_empty() {
        told(says, &context.plan.candidate(), &waiting);
    }
    if let Some(breach) = state.paused.as_ref().and_then(|paused| paused.breach.as_ref()) {
        says.warn(format!("what paused it is forgiven: {breach}"));
    }
    unreachable(says, state, &waiting);
    says.take(format!("resume: {from} again"), waiting.len())
}

fn promote(says: &mut Says, state: &State, action: Action, context: &Context<'_>) -> Preview {
    let plan = context.plan;
    let next = match (state.phase, state.stage) {
        (Phase::AwaitingPromotion, Some(index)) => index + 1,
        (_, Some(index)) => index,
        (_, None) => 0,
    };
    let (first, last) = match action {
        Action::PromoteFull => (next, plan.stages.len()),
        _ => (next, next + 1),
    };
    let untold = |unit: &Unit| unit.stage.is_some_and(|stage| (first..last).contains(&stage)) && unit.order.is_none();
    let due = keys(state, untold);
    for (index, stage) in plan.stages.iter().enumerate().take(last).skip(first) {
        let own = keys(state, |unit| unit.stage == Some(index) && unit.order.is_none());
        if own.is_empty() {
            says.change(format!("stage {} begins, with no unit left to tell", stage.name));
        } else {
            let size = membership::size(own.iter().copied());
            let names = words::names(own.iter().copied());
            says.change(format!("stage {}: {size} {} ({names})", stage.name, gets(plan, stage)));
        }
    }
    unreachable(says, state, &due);
    let without = keys(state, |unit| untold(unit) && unit.pinned.is_none());
    if plan.snapshot.is_some() && !without.is_empty() {
        let names = words::names(without.iter().copied());
        says.warn(format!("{} without a snapshot to go back to: {names}", are(without.len())));
    }
    let count = due.len();
    if action == Action::PromoteFull {
        says.change("no stage waits for a person any more; gates and holds are as before".to_owned());
    } else if next >= plan.stages.len() {
        let good = plan.snapshot.as_ref().map(|snapshot| format!(", and {} becomes known good", snapshot.short()));
        says.change(format!("the rollout completes{}", good.unwrap_or_default()));
    }
    stays(says, state, plan);
    let later = keys(state, |unit| unit.stage.is_none_or(|stage| stage >= last) && !unit.exposed);
    if !later.is_empty() {
        says.same(format!("{} of later stages or of none keep what they run", words::units(later.len())));
    }
    let summary = match (action, plan.stages.get(next)) {
        (Action::PromoteFull, _) => format!("promote through all stages: {} to be told", words::units(count)),
        (_, Some(stage)) => format!("promote to stage {}: {} to be told", stage.name, words::units(count)),
        (_, None) => "promote the last stage: the rollout completes".to_owned(),
    };
    says.take(summary, count)
}

fn rollback(says: &mut Says, state: &State, to: Option<&Digest>, context: &Context<'_>) -> Preview {
    if state.stage.is_none() {
        says.change("the rollout is aborted; no unit was told".to_owned());
        says.same(format!("{} keep what they run", words::units(state.units.len())));
        return says.take("abort before any unit was told".to_owned(), 0);
    }
    let flags = context.plan.snapshot.is_none();
    let back = GoingBack { to: to.cloned(), since: context.now, cause: SafeText::default(), flags };
    if state.units.iter().any(|unit| unit.flag.is_some()) {
        says.change(format!("{} is brought back to what it was when this began", words::flag_keys(context.plan)));
    }
    if flags {
        let going = keys(state, |unit| unit.exposed);
        unreachable(says, state, &going);
        let summary = format!("bring {} of {} back", words::flag_keys(context.plan), words::units(going.len()));
        return says.take(summary, going.len());
    }
    let mut by_target: BTreeMap<&Digest, Vec<&UnitKey>> = BTreeMap::new();
    let mut left = Vec::new();
    for unit in state.units.iter().filter(|unit| unit.exposed) {
        match unit.way_back(&back) {
            Some(target) => by_target.entry(target).or_default().push(&unit.key),
            None => left.push(&unit.key),
        }
    }
    let going: Vec<&UnitKey> = by_target.values().flatten().copied().collect();
    for (target, units) in &by_target {
        let names = words::names(units.iter().copied());
        let verb = if units.len() == 1 { "goes" } else { "go" };
        says.change(format!("{} {verb} to {} ({names})", words::units(units.len()), target.short()));
    }
    if going.is_empty() {
        says.change("the rollout ends; there is no unit to bring back".to_owned());
    }
    if !left.is_empty() {
        let names = words::names(left.iter().copied());
        says.same(format!("{} left as is, without a snapshot to go back to: {names}", are(left.len())));
        says.warn(format!("{} without a pinned snapshot; name one to bring them to it: {names}", are(left.len())));
    }
    let untouched = state.units.iter().filter(|unit| !unit.exposed).count();
    if untouched > 0 {
        says.same(format!("{} never told the candidate: not touched", are(untouched)));
    }
    unreachable(says, state, &going);
    let summary = match to {
        Some(to) => format!("bring {} to {}", words::units(going.len()), to.short()),
        None => format!("bring {} back to what they ran before", words::units(going.len())),
    };
    says.take(summary, going.len())
}

fn retry(says: &mut Says, state: &State, context: &Context<'_>) -> Preview {
    let failed = keys(state, |unit| unit.fault.is_some());
    let what = if state.back.is_some() { "to go back".to_owned() } else { context.plan.candidate() };
    told(says, &what, &failed);
    unreachable(says, state, &failed);
    let others = state.units.iter().filter(|unit| unit.exposed && unit.fault.is_none()).count();
    if others > 0 {
        says.same(format!("{} that did not fail: told nothing", words::units(others)));
    }
    says.take(format!("tell {} again", words::units(failed.len())), failed.len())
}

fn told(says: &mut Says, what: &str, units: &[&UnitKey]) {
    says.change(format!("{} told {what} when they ask: {}", are(units.len()), words::names(units.iter().copied())));
}

/// What a stage's units get.
fn gets(plan: &Plan, stage: &PlanStage) -> String {
    match (&plan.snapshot, &stage.flag) {
        (Some(snapshot), Some(flag)) => format!("told {}, with {flag} from now on", snapshot.short()),
        (Some(snapshot), None) => format!("told {}", snapshot.short()),
        (None, Some(flag)) => format!("get {flag} from now on"),
        (None, None) => "get nothing".to_owned(),
    }
}

fn stays(says: &mut Says, state: &State, plan: &Plan) {
    let count = state.units.iter().filter(|unit| unit.counts_as_exposed()).count();
    if count > 0 {
        says.same(format!("{} stays on {} that it reached", plan.candidate(), words::units(count)));
    }
}

fn unreachable(says: &mut Says, state: &State, units: &[&UnitKey]) {
    let away: Vec<&UnitKey> = units
        .iter()
        .copied()
        .filter(|key| state.find(key).and_then(|at| state.units.get(at)).is_some_and(|unit| unit.silent.is_some()))
        .collect();
    if !away.is_empty() {
        let names = words::names(away.iter().copied());
        says.warn(format!("{} unreachable now, and told on return: {names}", are(away.len())));
    } else if !units.is_empty() {
        says.pass(format!("{} of {} reachable", units.len(), words::units(units.len())));
    }
}

fn keys(state: &State, which: impl Fn(&Unit) -> bool) -> Vec<&UnitKey> {
    state.units.iter().filter(|unit| which(unit)).map(|unit| &unit.key).collect()
}

/// A preview while it is written.
#[derive(Default)]
struct Says {
    changes: Vec<SafeText>,
    unchanged: Vec<SafeText>,
    checks: Vec<Check>,
}

impl Says {
    fn change(&mut self, sentence: String) {
        self.changes.push(words::text(sentence));
    }

    fn same(&mut self, sentence: String) {
        self.unchanged.push(words::text(sentence));
    }

    fn pass(&mut self, sentence: String) {
        self.checks.push(Check { state: CheckState::Pass, text: words::text(sentence) });
    }

    fn warn(&mut self, sentence: String) {
        self.checks.push(Check { state: CheckState::Warn, text: words::text(sentence) });
    }

    fn preview(self, summary: String, units: usize) -> Preview {
        Preview {
            summary: words::text(summary),
            changes: self.changes,
            unchanged: self.unchanged,
            checks: self.checks,
            units: u32::try_from(units).unwrap_or(u32::MAX),
        }
    }

    fn take(&mut self, summary: String, units: usize) -> Preview {
        std::mem::take(self).preview(summary, units)
    }
}
