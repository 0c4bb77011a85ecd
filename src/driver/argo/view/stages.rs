//! The plan of a rollout as stages with gates: each weight begins a stage, and the steps after it are its
//! gates. A blue-green rollout has two: beside the stable version, and in its place.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{
    super::{
        act::journey,
        analysis::{Run, holds, state},
        object::{BlueGreen, Canary, RunStatus, Strategy},
        step::{CanaryScale, Step},
    },
    Sight,
    situation::{Situation, is_promoted},
    time,
};
use crate::{
    domain::{
        Exposure, Gate, GateKind, GateState, SafeText, Sli, Stage, StageName, StageState,
        workload::{Happening, ObjectState},
    },
    driver::kubernetes::{happening, name},
};

/// The event that says that a step is done, and how its text begins.
const STEP_COMPLETED: (&str, &str) = ("RolloutStepCompleted", "Rollout step ");

/// A stretch of a canary's steps that keep one weight.
struct Part {
    name: String,
    /// The weight that it keeps; none before any is set.
    weight: Option<u32>,
    /// The first step of it, counted from 0.
    begins: usize,
    /// The first step after it.
    ends: usize,
}

/// The stages, and the one that it is in.
pub(super) fn stages(sight: &Sight<'_>) -> (Vec<Stage>, Option<StageName>) {
    let (stages, current) = match &sight.rollout.strategy {
        Strategy::Canary(plan) => canary(sight, plan),
        Strategy::BlueGreen(plan) => blue_green(sight, plan),
        Strategy::Unknown => (Vec::new(), None),
    };
    let current = current.and_then(|index| stages.get(index)).map(|stage| stage.name.clone());
    (stages, current)
}

/// When which step was last done, counted from 1, as far as events still tell.
pub(super) fn completed(happenings: &[Happening], since: DateTime<Utc>) -> BTreeMap<usize, DateTime<Utc>> {
    let mut times = BTreeMap::new();
    // The newest come first.
    for happening in happenings.iter().rev() {
        let (what, begins) = STEP_COMPLETED;
        let number = happening::alone(happening.text.as_str())
            .strip_prefix(begins)
            .filter(|_| happening.what.as_str() == what && happening.at >= since)
            .and_then(|rest| rest.split('/').next()?.parse().ok());
        if let Some(number) = number {
            times.insert(number, happening.at);
        }
    }
    times
}

fn parts(plan: &Canary) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let steps = &plan.steps;
    for (index, step) in steps.iter().enumerate() {
        match step {
            Step::SetWeight(weight) => {
                let taken = parts.iter().map(|part| part.name.as_str());
                let name = name::unlike(&format!("weight-{weight}"), taken);
                parts.push(Part { name, weight: Some(*weight), begins: index, ends: index + 1 });
            }
            _ => match parts.last_mut() {
                Some(part) => part.ends = index + 1,
                None => parts.push(Part { name: "start".to_owned(), weight: None, begins: index, ends: index + 1 }),
            },
        }
    }
    if parts.last().and_then(|part| part.weight).is_none_or(|weight| weight < plan.max_weight) {
        let end = steps.len();
        parts.push(Part { name: "full".to_owned(), weight: Some(plan.max_weight), begins: end, ends: end });
    }
    parts
}

fn canary(sight: &Sight<'_>, plan: &Canary) -> (Vec<Stage>, Option<usize>) {
    let rollout = sight.rollout;
    let parts = parts(plan);
    let index = rollout.status.step_index.unwrap_or(0);
    let under_way = sight.situation.is_under_way(rollout);
    let current = parts.iter().rposition(|part| part.begins <= index).filter(|_| under_way);
    let failed =
        failed_step(sight).and_then(|step| parts.iter().position(|part| (part.begins..part.ends).contains(&step)));
    let stages = parts.iter().enumerate().map(|(place, part)| {
        let state = match current {
            _ if is_promoted(rollout) => StageState::Passed,
            None => gone_back(sight, place, failed),
            Some(current) if place < current => StageState::Passed,
            Some(current) if place > current => StageState::Waiting,
            Some(_) => at_work(sight.situation),
        };
        let mut gates: Vec<Gate> = (part.begins..part.ends)
            .filter(|step| !matches!(plan.steps.get(*step), Some(Step::SetWeight(_))))
            .map(|step| gate(sight, step))
            .collect();
        if current == Some(place) {
            gates.extend(background(sight, plan));
        }
        Stage {
            flag: None,
            name: name::stage(&part.name),
            state,
            selects: selects(plan, part),
            exposure: reached(sight, part.weight.map(|weight| journey::pods(rollout, weight)), state),
            gates: Some(gates),
            entered_at: entered(sight, part.begins, state),
            hold_until: hold(sight, state),
            finished_at: sight
                .completed
                .get(&part.ends)
                .copied()
                .filter(|_| state == StageState::Passed && part.ends > 0),
        }
    });
    (stages.collect(), current)
}

fn selects(plan: &Canary, part: &Part) -> SafeText {
    let what = if plan.router.is_some() { "the traffic" } else { "the pods" };
    match part.weight {
        None => "nothing yet".into(),
        Some(weight) if weight >= plan.max_weight => SafeText::new(format!("all of {what}")),
        Some(weight) if plan.max_weight == 100 => SafeText::new(format!("{weight}% of {what}")),
        Some(weight) => SafeText::new(format!("{weight} of {} of {what}", plan.max_weight)),
    }
}

fn blue_green(sight: &Sight<'_>, plan: &BlueGreen) -> (Vec<Stage>, Option<usize>) {
    let rollout = sight.rollout;
    let status = &rollout.status;
    let switched = !status.active_hash.is_empty() && status.active_hash == status.pod_hash;
    let current = sight.situation.is_under_way(rollout).then_some(usize::from(switched));
    let failed = [&status.pre_promotion_run, &status.post_promotion_run]
        .iter()
        .position(|run| run.as_ref().is_some_and(|run| state(&run.phase) == ObjectState::Bad));
    let of = |place: usize| match current {
        _ if is_promoted(rollout) => StageState::Passed,
        None => gone_back(sight, place, failed),
        Some(current) if place < current => StageState::Passed,
        Some(current) if place > current => StageState::Waiting,
        Some(_) => at_work(sight.situation),
    };
    let analysis = |name: &str, templates: Option<&Vec<SafeText>>, run: Option<&RunStatus>, place: usize| {
        let templates = templates?;
        let expression = format!("analysis: {}", joined(templates));
        let told = match of(place) {
            StageState::Waiting => (GateState::Waiting, String::new(), None),
            StageState::Passed => (GateState::Pass, String::new(), None),
            _ if current.is_none() && run.is_none() => (GateState::Waiting, String::new(), None),
            _ => judged(sight, run),
        };
        Some(made(name, GateKind::Verdict, expression, told))
    };
    let mut preview: Vec<Gate> = Vec::new();
    preview.extend(analysis(
        "pre-promotion-analysis",
        plan.pre_promotion.as_ref(),
        status.pre_promotion_run.as_ref(),
        0,
    ));
    if !plan.auto_promotion || plan.auto_promotion_seconds.is_some() {
        let expression = match plan.auto_promotion_seconds {
            Some(seconds) => format!("pause: {seconds}s"),
            None => "pause".to_owned(),
        };
        let told = match of(0) {
            StageState::Passed => (GateState::Pass, String::new(), None),
            _ if current.is_none() => (GateState::Waiting, String::new(), None),
            _ => paused(sight),
        };
        preview.push(made("pause", GateKind::Check, expression, told));
    }
    let active =
        analysis("post-promotion-analysis", plan.post_promotion.as_ref(), status.post_promotion_run.as_ref(), 1);
    let pods = plan.preview_replicas.unwrap_or(rollout.replicas);
    let stage = |place: usize, name: &str, selects: &str, pods: u32, gates: Vec<Gate>| Stage {
        flag: None,
        name: name::stage(name),
        state: of(place),
        selects: SafeText::new(selects),
        exposure: reached(sight, Some(pods), of(place)),
        gates: Some(gates),
        entered_at: (place == 0).then_some(sight.created_at).filter(|_| of(place) != StageState::Waiting),
        hold_until: hold(sight, of(place)),
        finished_at: None,
    };
    let stages = vec![
        stage(0, "preview", "no traffic", pods, preview),
        stage(1, "active", "all of the traffic", rollout.replicas, active.into_iter().collect()),
    ];
    (stages, current)
}

/// How the stage is that a rollout is in.
const fn at_work(situation: Situation) -> StageState {
    match situation {
        Situation::Timed { .. } => StageState::Holding,
        Situation::Waits | Situation::Inconclusive => StageState::Ready,
        Situation::Degraded | Situation::Invalid => StageState::Failed,
        _ => StageState::Progressing,
    }
}

/// How a stage is of an update that was given up, or of which nothing can be told.
fn gone_back(sight: &Sight<'_>, place: usize, failed: Option<usize>) -> StageState {
    if !matches!(sight.situation, Situation::Aborted { .. }) {
        return StageState::Waiting;
    }
    // The controller forgets how far it was; an analysis that failed as a step still says it.
    match (failed, place) {
        (Some(failed), place) if place < failed => StageState::RolledBack,
        (Some(failed), place) if place == failed => StageState::Failed,
        (None, 0) => StageState::RolledBack,
        _ => StageState::Waiting,
    }
}

/// The step whose analysis made the controller give up.
fn failed_step(sight: &Sight<'_>) -> Option<usize> {
    let run = sight.rollout.status.step_run.as_ref().filter(|run| state(&run.phase) == ObjectState::Bad)?;
    match sight.run(&run.name)?.role {
        super::super::analysis::RunRole::Step(index) => index.map(|index| index as usize),
        _ => None,
    }
}

/// How much of its own pods a stage has.
fn reached(sight: &Sight<'_>, pods: Option<u32>, state: StageState) -> Exposure {
    let total = pods.unwrap_or(0);
    let units = match state {
        StageState::Waiting | StageState::RolledBack => 0,
        // Behind us is not yet as far as it: pods may be missing again.
        StageState::Passed if !is_promoted(sight.rollout) => total,
        _ => sight.available.unwrap_or(sight.rollout.status.updated).min(total),
    };
    let percent = if total == 0 { 0.0 } else { f64::from(units) * 100.0 / f64::from(total) };
    Exposure { percent, units, units_total: total }
}

fn entered(sight: &Sight<'_>, begins: usize, state: StageState) -> Option<DateTime<Utc>> {
    if state == StageState::Waiting {
        return None;
    }
    if begins == 0 { Some(sight.created_at) } else { sight.completed.get(&begins).copied() }
}

fn hold(sight: &Sight<'_>, state: StageState) -> Option<DateTime<Utc>> {
    match sight.situation {
        Situation::Timed { until } if state == StageState::Holding => until,
        _ => None,
    }
}

/// How a gate stands: its state, why, and since when.
type Told = (GateState, String, Option<DateTime<Utc>>);

fn made(name: &str, kind: GateKind, expression: String, (state, detail, since): Told) -> Gate {
    Gate {
        name: name::gate(name),
        kind,
        expression: SafeText::new(expression),
        state,
        detail: SafeText::new(detail),
        since,
    }
}

/// A step of a canary as a gate.
fn gate(sight: &Sight<'_>, index: usize) -> Gate {
    let rollout = sight.rollout;
    let Some(step) = rollout.steps().get(index) else {
        return made("step", GateKind::Check, String::new(), (GateState::Unknown, String::new(), None));
    };
    let kind = match step {
        Step::Analysis { .. } | Step::Experiment { .. } => GateKind::Verdict,
        _ => GateKind::Check,
    };
    let at = rollout.status.step_index.unwrap_or(0);
    let done = is_promoted(rollout) || index < at;
    let told = if is_promoted(rollout) || (done && sight.situation.is_under_way(rollout)) {
        (GateState::Pass, String::new(), sight.completed.get(&(index + 1)).copied())
    } else if failed_step(sight) == Some(index) {
        judged(sight, rollout.status.step_run.as_ref())
    } else if index == at && sight.situation.is_under_way(rollout) {
        present(sight, step, index)
    } else {
        (GateState::Waiting, String::new(), None)
    };
    made(&format!("step-{}-{}", index + 1, step.word()), kind, expression(step), told)
}

/// What a step asks for, in one line with what is in it.
fn expression(step: &Step) -> String {
    match step {
        Step::Analysis { templates } if !templates.is_empty() => format!("analysis: {}", joined(templates)),
        Step::Experiment { templates, duration, analyses } => {
            let shown = templates.iter().map(|template| match template.weight {
                Some(weight) => format!("{} ({} at {weight}%)", template.name, template.of),
                None => format!("{} ({})", template.name, template.of),
            });
            let of = shown.collect::<Vec<_>>().join(", ");
            let length = if duration.is_empty() { String::new() } else { format!(" for {duration}") };
            let judged = if analyses.is_empty() { String::new() } else { format!(", judged by {}", joined(analyses)) };
            format!("experiment: {of}{length}{judged}")
        }
        Step::SetHeaderRoute { name, matches } if matches.is_empty() => format!("setHeaderRoute: {name} ends"),
        Step::SetHeaderRoute { name, matches } => format!("setHeaderRoute: {name} ({})", joined(matches)),
        Step::SetMirrorRoute { name, matches: 0, .. } => format!("setMirrorRoute: {name} ends"),
        Step::SetMirrorRoute { name, percentage: Some(share), .. } => format!("setMirrorRoute: {name} ({share}%)"),
        Step::SetCanaryScale(CanaryScale::MatchTrafficWeight) => "setCanaryScale: as the traffic's weight".to_owned(),
        Step::Invalid { keys } => format!("invalid: {}", joined(keys)),
        other => other.line(),
    }
}

fn joined(texts: &[SafeText]) -> String {
    texts.iter().map(SafeText::as_str).collect::<Vec<_>>().join(", ")
}

/// How the step stands that a rollout is at.
fn present(sight: &Sight<'_>, step: &Step, index: usize) -> Told {
    let status = &sight.rollout.status;
    match step {
        Step::Pause(_) => paused(sight),
        Step::Analysis { .. } => judged(sight, status.step_run.as_ref()),
        Step::Experiment { .. } => {
            let found =
                sight.tree.iter().flat_map(|tree| &tree.experiments).find(|one| one.meta.name == status.experiment);
            match found {
                None if status.experiment.is_empty() => (GateState::NotYet, "not begun yet".to_owned(), None),
                None => (GateState::NotYet, format!("{} runs", status.experiment), None),
                Some(experiment) => {
                    let why = experiment.runs.iter().find(|run| state(&run.phase) != ObjectState::Good).map(Run::why);
                    let why = why.filter(|why| !why.is_empty()).unwrap_or_else(|| experiment.message.clone());
                    (ended(&experiment.phase), said(&experiment.phase, &why), experiment.meta.created_at)
                }
            }
        }
        Step::Plugin { .. } => match status.plugins.iter().rev().find(|plugin| plugin.index == index) {
            Some(plugin) => {
                (ended(plugin.phase.as_str()), said(plugin.phase.as_str(), &plugin.message), plugin.started_at)
            }
            None => (GateState::NotYet, "not begun yet".to_owned(), None),
        },
        Step::Invalid { .. } => (GateState::Unknown, "the controller knows no such step".to_owned(), None),
        Step::SetWeight(_) | Step::SetCanaryScale(_) | Step::SetHeaderRoute { .. } | Step::SetMirrorRoute { .. } => {
            (GateState::NotYet, "being done".to_owned(), None)
        }
    }
}

/// How a pause of the plan stands.
fn paused(sight: &Sight<'_>) -> Told {
    let since = sight.rollout.status.pauses.first().and_then(|pause| pause.since);
    let detail = match sight.situation {
        Situation::Timed { until: Some(until) } => format!("ends at {}", time(until, sight.now)),
        _ if sight.rollout.status.pauses.is_empty() => "not begun yet".to_owned(),
        _ => match since {
            Some(since) => format!("waits for a person since {}", time(since, sight.now)),
            None => "waits for a person".to_owned(),
        },
    };
    (GateState::NotYet, detail, since)
}

/// How an analysis run stands that has to succeed.
fn judged(sight: &Sight<'_>, run: Option<&RunStatus>) -> Told {
    let Some(run) = run else { return (GateState::NotYet, "not begun yet".to_owned(), None) };
    let found = sight.run(&run.name);
    let worst = worst(sight, found).map(|sli| sli.why.clone());
    let told = match found {
        Some(found) if run.is_completed() => found.why(),
        _ => worst.unwrap_or_else(|| run.message.clone()),
    };
    (ended(&run.phase), said(&run.phase, &told), found.and_then(|run| run.started_at))
}

/// The analysis beside the steps.
fn background(sight: &Sight<'_>, plan: &Canary) -> Option<Gate> {
    let background = plan.background.as_ref()?;
    let expression = format!("analysis: {}", joined(&background.templates));
    let index = sight.rollout.status.step_index.unwrap_or(0);
    let told = match sight.rollout.status.background_run.as_ref() {
        None if index < background.starting_step as usize => {
            (GateState::Waiting, format!("begins at step {}", background.starting_step.saturating_add(1)), None)
        }
        None => (GateState::Waiting, "not begun yet".to_owned(), None),
        Some(run) if run.is_completed() => judged(sight, Some(run)),
        Some(run) => {
            let found = sight.run(&run.name);
            let since = found.and_then(|run| run.started_at);
            match worst(sight, found) {
                // It need not end before the next step: it holds as long as nothing is wrong.
                Some(sli) if !holds(sli) && sli.observed_at.is_some() => {
                    (GateState::Pass, sli.why.as_str().to_owned(), since)
                }
                Some(sli) => (GateState::Unknown, sli.why.as_str().to_owned(), since),
                None => (GateState::Unknown, "runs; what it measures is not known here".to_owned(), since),
            }
        }
    };
    Some(made("background-analysis", GateKind::Verdict, expression, told))
}

/// The indicator of a run that needs somebody most.
fn worst<'a>(sight: &'a Sight<'_>, run: Option<&Run>) -> Option<&'a Sli> {
    let names: Vec<&SafeText> = run?.metrics.iter().map(|metric| &metric.view.name).collect();
    let of_run = sight.slis.iter().filter(|sli| names.contains(&&sli.name) && sli.required);
    of_run.min_by_key(|sli| sli.need())
}

/// The gate's state that a phase of an analysis, an experiment or a plugin comes to.
fn ended(phase: &str) -> GateState {
    match phase {
        "Successful" => GateState::Pass,
        "Failed" | "Error" => GateState::Breached,
        "Inconclusive" => GateState::Unknown,
        _ => GateState::NotYet,
    }
}

fn said(phase: &str, why: &SafeText) -> String {
    let phase = if phase.is_empty() { "not begun yet" } else { phase };
    if why.is_empty() { phase.to_owned() } else { format!("{phase}: {why}") }
}
