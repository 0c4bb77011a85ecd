//! What is shown of a state: phase, stages, blockers and units, each with a sentence that has numbers.

use std::collections::BTreeMap;

use super::{
    Context, State, View,
    back::WayBack,
    gates,
    membership::{self, selects},
    settle::{self, are},
    state::{Unit, UnitProgress},
    survey::{self, Survey, Tally, survey},
    words,
};
use crate::domain::{
    Blocker, BlockerKind, Exposure, Failure, FailureCategory, Freeze, Next, Phase, SafeText, Stage, StageState, Truth,
    UnitView,
};

pub(super) fn view(state: &State, context: &Context<'_>) -> View {
    let found = survey(state, context);
    let plan = context.plan;
    let current_stage = state.stage.and_then(|index| plan.stages.get(index)).map(|stage| stage.name.clone());
    let mut failures: Vec<Failure> = state.units.iter().filter_map(|unit| failure(state, unit, context)).collect();
    failures.sort_by_key(|failure| std::cmp::Reverse(failure.at));
    View {
        revision: state.revision,
        phase: state.phase,
        message: words::text(message(state, &found, context)),
        stages: stages(state, &found, context),
        current_stage,
        blockers: blockers_found(state, &found, context),
        exposure: exposure(state.units.iter()),
        units: units(state, context),
        failures,
        next: next(state, &found, context),
        updated_at: state.updated_at,
    }
}

/// Why a unit does not do what it was told, if it does not: what it said itself, or that nothing is
/// heard of it since it was told, or that a freeze keeps it from being told beyond its stage's
/// deadline. Only the first is a fault; the others end by themselves, and roll nothing back.
fn failure(state: &State, unit: &Unit, context: &Context<'_>) -> Option<Failure> {
    let of = |category, output_tail, at| Failure {
        site: unit.key.site.clone(),
        lane: unit.key.lane.clone(),
        category,
        output_tail,
        at,
    };
    if let Some(fault) = &unit.fault {
        return Some(of(fault.category, fault.output_tail.clone(), fault.at));
    }
    if matches!(state.phase, Phase::Completed | Phase::Aborted) {
        return None;
    }
    if let Some(since) = unit.silent.filter(|_| unit.exposed && !unit.returned) {
        let text = "nothing fresh is heard of it since it was told what to run";
        return Some(of(FailureCategory::LostContact, text.into(), since));
    }
    if !state.is_climbing() {
        return None;
    }
    let limit = survey::limit(state, unit, context.plan).filter(|limit| *limit <= context.now && unit.awaits_order());
    let (limit, freeze) = limit.zip(context.held.get(&unit.key))?;
    let text =
        format!("freeze {} by {} holds it beyond its stage's deadline: {}", freeze.window, freeze.by, freeze.reason);
    Some(of(FailureCategory::Held, text.as_str().into(), limit))
}

/// What holds the next promotion, the weightiest first.
pub(super) fn blockers(state: &State, context: &Context<'_>) -> Vec<Blocker> {
    blockers_found(state, &survey(state, context), context)
}

fn blockers_found(state: &State, found: &Survey<'_>, context: &Context<'_>) -> Vec<Blocker> {
    let (plan, now) = (context.plan, context.now);
    let mut all = Vec::new();
    let mut add = |kind, summary: String, since, until| {
        all.push(Blocker { kind, summary: words::text(summary), since, until });
    };
    match state.phase {
        Phase::Aborted | Phase::RolledBack | Phase::Completed | Phase::Unknown => return all,
        Phase::RollingBack | Phase::RollbackFailed => {
            add(BlockerKind::Phase, format!("it is {}", state.phase.words()), Some(state.updated_at), None);
            return all;
        }
        Phase::Pending | Phase::Progressing | Phase::Paused | Phase::AwaitingPromotion | Phase::Degraded => {}
    }
    if !found.failed.is_empty() {
        let summary = format!("{} failed: {}", words::units(found.failed.len()), found.failed.names());
        add(BlockerKind::Failure, summary, found.failed.since, None);
    }
    for (kind, tally, how) in [
        (BlockerKind::Breach, &found.breached, "breached"),
        (BlockerKind::Gate, &found.falses, "false"),
        (BlockerKind::Gate, &found.not_known, "unknown"),
        (BlockerKind::NoData, &found.unknown, "unknown"),
        (BlockerKind::NoData, &found.late, "still unknown at the deadline"),
    ] {
        if !tally.is_empty() {
            add(kind, on_units(tally, how, plan), tally.since, None);
        }
    }
    for ruling in found.rulings.iter().filter(|ruling| ruling.truth != Truth::True) {
        // What was known and is not any more is missing data; what never was may be too little of it.
        let kind = if ruling.truth == Truth::Unknown && ruling.held { BlockerKind::NoData } else { BlockerKind::Gate };
        let late = if found.overdue.is_some() { ", beyond its deadline" } else { "" };
        add(kind, format!("{}{late}", ruling.sentence()), ruling.since, None);
    }
    if !found.silent.is_empty() {
        let summary = format!("nothing fresh is heard of {}", found.silent.names());
        add(BlockerKind::NoData, summary, found.silent.since, None);
    }
    for (freeze, count) in freezes(state, context) {
        let until = freeze.until.map_or("until lifted".to_owned(), |at| format!("until {}", words::time(at, now)));
        let summary = format!(
            "freeze {until}: {} (by {}, holds {}, window {})",
            freeze.reason,
            freeze.by,
            words::units(count),
            freeze.window
        );
        add(BlockerKind::Freeze, summary, Some(freeze.since), freeze.until);
    }
    if let Some(paused) = &state.paused {
        let why = paused.breach.as_ref().map_or(String::new(), |breach| format!(": {breach}"));
        add(BlockerKind::Paused, format!("paused since {}{why}", words::time(paused.at, now)), Some(paused.at), None);
    }
    if !found.under_way.is_empty() {
        let summary = format!(
            "{} of {} healthy, waiting for {}",
            found.healthy,
            words::units(found.total),
            found.under_way.names()
        );
        add(BlockerKind::InProgress, summary, found.under_way.since, None);
    }
    if let Some((since, until)) = hold(state, found, context) {
        add(BlockerKind::Hold, format!("hold until {}", words::time(until, now)), Some(since), Some(until));
    }
    all.sort_by_key(|blocker| blocker.kind);
    all
}

/// `gate telemetry is false on osl2/main: gap 12.4s is not < 10s`.
fn on_units(tally: &Tally<'_>, how: &str, plan: &crate::domain::Plan) -> String {
    match &tally.first {
        Some((condition, why)) => {
            format!("{} is {how} on {}: {why}", survey::condition_name(plan, *condition), tally.names())
        }
        None => format!("{how}: {}", tally.names()),
    }
}

/// The hold that runs, from and until. One that a silent judge interrupts does not run.
fn hold(
    state: &State,
    found: &Survey<'_>,
    context: &Context<'_>,
) -> Option<(chrono::DateTime<chrono::Utc>, chrono::DateTime<chrono::Utc>)> {
    let memory = state.stage_memory().filter(|memory| memory.passed_at.is_none())?;
    let stage = context.plan.stages.get(state.stage?)?;
    let since = memory.holding_since.filter(|_| state.is_climbing() && found.passing)?;
    Some((since, words::later(since, stage.hold)))
}

/// Freezes over units that are to be told next: those of the present stage that are not told yet,
/// and those of the next stage.
fn freezes<'a>(state: &State, context: &Context<'a>) -> Vec<(&'a Freeze, usize)> {
    let next = state.stage.map_or(0, |index| index + 1);
    let mut by_window: BTreeMap<&SafeText, (&Freeze, usize)> = BTreeMap::new();
    for (key, freeze) in context.held {
        let Some(unit) = state.find(key).and_then(|at| state.units.get(at)) else { continue };
        let is_next = unit.stage == Some(next) || (unit.is_due(state.stage) && unit.awaits_order());
        if is_next {
            by_window.entry(&freeze.window).or_insert((freeze, 0)).1 += 1;
        }
    }
    by_window.into_values().collect()
}

fn message(state: &State, found: &Survey<'_>, context: &Context<'_>) -> String {
    let (plan, now) = (context.plan, context.now);
    let stage = state.stage.and_then(|index| plan.stages.get(index));
    let name = stage.map_or("the first stage".to_owned(), |stage| format!("stage {}", stage.name));
    let frozen = || {
        freezes(state, context)
            .first()
            .map(|(freeze, count)| format!("{} held by freeze {}: {}", are(*count), freeze.window, freeze.reason))
    };
    let healthy = format!("{} of {} healthy", found.healthy, words::units(found.total));
    let claimed = match found.claimed {
        0 => String::new(),
        count => format!(" ({count} claimed, not measured)"),
    };
    match state.phase {
        Phase::Pending => frozen().map_or("not begun yet".to_owned(), |frozen| format!("not begun: {frozen}")),
        Phase::Progressing => {
            if let Some((_, until)) = hold(state, found, context) {
                return format!("{name}: {healthy}{claimed}, hold until {}", words::time(until, now));
            }
            let has_passed = state.stage_memory().is_some_and(|memory| memory.passed_at.is_some());
            match frozen().filter(|_| has_passed || found.held > 0) {
                Some(frozen) => format!("{name}: {healthy}{claimed}; {frozen}"),
                None => format!("{name}: {}{claimed}", settle::obstacle(found, plan)),
            }
        }
        Phase::Paused => {
            let Some(paused) = &state.paused else { return "paused".to_owned() };
            let why = paused.breach.as_ref().map_or(String::new(), |breach| format!(": {breach}"));
            format!("paused since {} in {name}{why}", words::time(paused.at, now))
        }
        Phase::AwaitingPromotion => format!("{name} passed, {healthy}{claimed}; a person must promote"),
        Phase::Degraded => format!("{name}: {}", settle::trouble(found, plan)),
        Phase::RollingBack | Phase::RolledBack | Phase::RollbackFailed => {
            let far = WayBack::of(state).map(|found| found.sentence()).unwrap_or_default();
            let cause = state.back.as_ref().map(|back| back.cause.as_str()).unwrap_or_default();
            format!("{far}; cause: {cause}")
        }
        Phase::Aborted => "aborted before any unit was told".to_owned(),
        Phase::Completed => words::completed(plan, &exposed(state)),
        Phase::Unknown => "unknown".to_owned(),
    }
}

fn exposed(state: &State) -> String {
    words::units(state.units.iter().filter(|unit| unit.counts_as_exposed()).count())
}

fn stages(state: &State, found: &Survey<'_>, context: &Context<'_>) -> Vec<Stage> {
    let plan = context.plan;
    let mut own: Vec<Vec<&Unit>> = vec![Vec::new(); plan.stages.len()];
    for unit in state.units.iter() {
        if let Some(units) = unit.stage.and_then(|index| own.get_mut(index)) {
            units.push(unit);
        }
    }
    plan.stages
        .iter()
        .zip(own)
        .enumerate()
        .map(|(index, (stage, units))| {
            let memory = state.stages.get(index).cloned().unwrap_or_default();
            let is_current = state.stage == Some(index);
            let ended_at = match state.phase {
                Phase::RollingBack | Phase::RolledBack | Phase::RollbackFailed => state.back.as_ref().map(|b| b.since),
                _ => None,
            };
            Stage {
                name: stage.name.clone(),
                state: stage_state(state, found, index, &units, context),
                selects: words::text(selects(&stage.selects)),
                exposure: exposure(units.into_iter()),
                gates: Some(gates::of_stage(state, plan, index, context.now)),
                entered_at: memory.entered_at,
                hold_until: if is_current { hold(state, found, context).map(|(_, until)| until) } else { None },
                finished_at: memory.passed_at.or(ended_at.filter(|_| memory.entered_at.is_some())),
                flag: stage.flag.clone(),
            }
        })
        .collect()
}

fn stage_state(state: &State, found: &Survey<'_>, index: usize, units: &[&Unit], context: &Context<'_>) -> StageState {
    let Some(current) = state.stage.filter(|current| index <= *current) else { return StageState::Waiting };
    match state.phase {
        Phase::RollingBack | Phase::RolledBack | Phase::RollbackFailed => return StageState::RolledBack,
        Phase::Completed => return StageState::Passed,
        _ => {}
    }
    let has_failed = |unit: &&Unit| {
        unit.fault.is_some()
            || unit.health.breached.is_some()
            || unit.gates.iter().any(|memory| memory.breached.is_some())
    };
    if units.iter().any(has_failed) {
        StageState::Failed
    } else if index < current {
        StageState::Passed
    } else if state.stage_memory().is_some_and(|memory| memory.passed_at.is_some()) {
        let goes_on = state.full
            || context.plan.stages.get(index).is_some_and(|s| s.advance == crate::domain::plan::Advance::Automatic);
        if goes_on { StageState::Holding } else { StageState::Ready }
    } else if found.passing && hold(state, found, context).is_some() {
        StageState::Holding
    } else {
        StageState::Progressing
    }
}

fn exposure<'a>(units: impl Iterator<Item = &'a Unit>) -> Exposure {
    let (mut exposed, mut total) = (0_u32, 0_u32);
    for unit in units {
        total = total.saturating_add(1);
        exposed = exposed.saturating_add(u32::from(unit.counts_as_exposed()));
    }
    let percent = if total == 0 { 0.0 } else { f64::from(exposed) * 100.0 / f64::from(total) };
    Exposure { percent, units: exposed, units_total: total }
}

fn units(state: &State, context: &Context<'_>) -> Vec<UnitView> {
    state
        .units
        .iter()
        .map(|unit| UnitView {
            site: unit.key.site.clone(),
            lane: unit.key.lane.clone(),
            stage: unit.stage.and_then(|index| context.plan.stages.get(index)).map(|stage| stage.name.clone()),
            state: words::text(unit_state(state, unit)),
            measured: unit.measured.clone(),
            claimed: unit.claimed.clone(),
            pinned: unit.pinned.clone(),
            seen_at: None,
            reachable: unit.silent.is_none(),
        })
        .collect()
}

fn unit_state(state: &State, unit: &Unit) -> &'static str {
    if !unit.exposed {
        return "baseline";
    }
    if let Some(back) = &state.back {
        return match unit.goes_back(back).then_some(unit.fault.is_some()) {
            None => "left_as_is",
            Some(_) if unit.returned => "reverted",
            Some(true) => "failed",
            Some(false) => "reverting",
        };
    }
    if unit.fault.is_some() {
        return "failed";
    }
    match unit.order.as_ref().map(|order| order.progress) {
        None | Some(UnitProgress::Told) => "told",
        Some(UnitProgress::Applying) => "applying",
        Some(UnitProgress::Failed) => "failed",
        Some(UnitProgress::Checked) if unit.health.truth == Truth::True => "healthy",
        Some(UnitProgress::Checked) if unit.health.truth == Truth::False => "unhealthy",
        Some(UnitProgress::Applied | UnitProgress::Checked) => "applied",
    }
}

fn next(state: &State, found: &Survey<'_>, context: &Context<'_>) -> Option<Next> {
    let plan = context.plan;
    let following = state.stage.map_or(0, |index| index + 1);
    let begins = match plan.stages.get(following) {
        Some(stage) => {
            let units = state.units.iter().filter(|unit| unit.stage == Some(following)).map(|unit| &unit.key);
            format!("{} begins, {}", stage.name, membership::size(units))
        }
        None => "the rollout completes".to_owned(),
    };
    let says = |at, what: String| Some(Next { at, what: words::text(what) });
    match state.phase {
        Phase::Pending => says(freeze_end(state, context), begins),
        Phase::Progressing => match hold(state, found, context) {
            Some((_, until)) => {
                let stage = state.stage.and_then(|index| plan.stages.get(index))?;
                let waits = stage.advance == crate::domain::plan::Advance::Manual && !state.full;
                says(Some(until), if waits { "a person must promote".to_owned() } else { begins })
            }
            None if found.passing => says(freeze_end(state, context), begins),
            None => {
                let at = settle::due(state, context);
                let stage = state.stage.and_then(|index| plan.stages.get(index))?;
                let when = match found.total.saturating_sub(found.healthy) {
                    0 => found.awaited().unwrap_or_else(|| "its gates hold on all its units".to_owned()),
                    1 => "1 more unit is healthy and its gates hold".to_owned(),
                    left => format!("{left} more units are healthy and its gates hold"),
                };
                let name = &stage.name;
                match at {
                    Some(_) => says(at, format!("deadline of {name}, which passes when {when}")),
                    None => says(None, format!("{name} passes when {when}")),
                }
            }
        },
        Phase::AwaitingPromotion => says(None, format!("when a person promotes, {begins}")),
        Phase::Paused => says(None, "a person resumes or rolls back".to_owned()),
        Phase::Degraded if !found.failed.is_empty() => says(None, "a person retries or rolls back".to_owned()),
        Phase::Degraded => match found.awaited().filter(|_| found.overdue.is_some()) {
            Some(awaited) => says(None, format!("a person decides; it goes on by itself when {awaited}")),
            None => says(None, "it goes on by itself when the missing facts return".to_owned()),
        },
        Phase::RollingBack => says(None, "it is rolled back when every reachable unit is back".to_owned()),
        Phase::RollbackFailed => says(None, "a person looks at the failed units, then retries".to_owned()),
        Phase::RolledBack | Phase::Aborted | Phase::Completed | Phase::Unknown => None,
    }
}

/// When the last of the freezes that hold it ends by itself.
fn freeze_end(state: &State, context: &Context<'_>) -> Option<chrono::DateTime<chrono::Utc>> {
    let freezes = freezes(state, context);
    if freezes.iter().any(|(freeze, _)| freeze.until.is_none()) {
        return None;
    }
    freezes.iter().filter_map(|(freeze, _)| freeze.until).max()
}
