//! Why a release of Flagger's does not go on now, each reason in one sentence with its numbers.

use chrono::{DateTime, Utc};

use super::{
    events::{Cause, Told},
    object::{Canary, CanaryPhase, Hook, Strategy},
    sides::{Side, Sides},
    view::{phase, progress},
    workload::newer_template,
};
use crate::{
    domain::{Blocker, BlockerKind, Phase, SafeText, duration},
    driver::kubernetes::image,
};

/// Intervals after which Flagger should have taken a new template up.
const INTERVALS_TO_REACT: u32 = 3;

/// What holds it, the weightiest first.
pub(super) fn blockers(canary: &Canary, told: Option<&Told>, sides: &Sides, now: DateTime<Utc>) -> Vec<Blocker> {
    let mut all = Vec::new();
    let mut add = |kind, summary: String, since| {
        all.push(Blocker { kind, summary: SafeText::new(summary), since, until: None });
    };
    let since = canary.status.phase_since;
    if canary.suspended {
        let writer = canary.meta.writer("spec.suspend");
        let by = writer.map_or_else(String::new, |writer| format!(" by {}", writer.manager));
        let what = if phase(canary) == Phase::Paused {
            "nothing goes on, and nothing is rolled back either: no check is made"
        } else {
            "a new version will not be rolled out"
        };
        add(BlockerKind::Paused, format!("suspended{by}: {what}"), writer.and_then(|writer| writer.at));
    }
    if canary.target.name.is_empty() {
        add(BlockerKind::NoData, "spec.targetRef.name is missing: nobody knows what it rolls out".to_owned(), None);
    }
    if canary.meta.deleted_at.is_some() {
        add(BlockerKind::Phase, "it is being deleted".to_owned(), canary.meta.deleted_at);
    }
    match &canary.status.phase {
        Err(why) => add(BlockerKind::NoData, why.as_str().to_owned(), None),
        Ok(CanaryPhase::Failed) => {
            for (kind, summary) in failed(canary, told, sides, now) {
                add(kind, summary, since);
            }
        }
        Ok(CanaryPhase::New | CanaryPhase::Initializing) => {
            let why = told.and_then(|told| told.not_ready.as_ref()).map(|(text, _)| text.as_str().to_owned());
            let made = || format!("{} is being made", canary.primary());
            add(BlockerKind::InProgress, why.unwrap_or_else(made), since);
        }
        Ok(CanaryPhase::Waiting) => add(BlockerKind::Gate, waits(canary, &Hook::ConfirmRollout), since),
        Ok(CanaryPhase::WaitingPromotion) => {
            add(BlockerKind::Gate, waits(canary, &Hook::ConfirmPromotion), since);
            for (kind, summary, at) in checks(canary, told) {
                add(kind, summary, at);
            }
        }
        Ok(CanaryPhase::Progressing) => {
            for (kind, summary, at) in checks(canary, told) {
                add(kind, summary, at);
            }
            if !canary.suspended {
                add(BlockerKind::InProgress, under_way(canary, sides), None);
            }
        }
        Ok(CanaryPhase::Promoting) => {
            add(BlockerKind::InProgress, pods(sides.primary.as_ref(), &canary.primary()), since);
        }
        Ok(CanaryPhase::Finalising) => {
            add(BlockerKind::InProgress, "the candidate's pods are scaled down".to_owned(), since);
        }
        Ok(CanaryPhase::Initialized | CanaryPhase::Succeeded | CanaryPhase::Terminating | CanaryPhase::Terminated) => {}
    }
    all.sort_by_key(|blocker: &Blocker| blocker.kind);
    all
}

/// Which gate says no, where only one can be meant.
fn waits(canary: &Canary, hook: &Hook) -> String {
    let what = match hook {
        Hook::ConfirmRollout => "nothing of the new version runs until it says yes",
        _ => "it is not promoted until it says yes, and its checks can still fail it",
    };
    let mut hooks = canary.hooks(hook);
    match (hooks.next(), hooks.count()) {
        (Some(one), 0) => format!("the {} gate {} says no: {what}", hook.as_str(), one.name),
        (Some(_), more) => format!("one of the {} {} gates says no: {what}", more + 1, hook.as_str()),
        (None, _) => format!("it waits for a {} gate that its spec does not have any more", hook.as_str()),
    }
}

/// The check that failed, and how many may.
fn checks(canary: &Canary, told: Option<&Told>) -> Vec<(BlockerKind, String, Option<DateTime<Utc>>)> {
    let (failed, threshold) = (canary.status.failed_checks, canary.threshold());
    let count = if failed >= threshold {
        format!("{failed} of {threshold} checks failed: it is rolled back with the next one")
    } else {
        format!("{failed} of {threshold} checks failed, rolled back at {threshold}")
    };
    let halt = told.and_then(|told| told.halt.as_ref());
    let at = halt.map(|(_, at)| *at);
    let clock = at.map_or_else(String::new, |at| format!(" at {}", at.format("%H:%M:%S")));
    let mut all = match halt.map(|(cause, _)| cause) {
        Some(Cause::Metric(reading)) => vec![(BlockerKind::Breach, format!("{}{clock}; {count}", reading.text), at)],
        Some(Cause::NoValues(name)) => {
            let said = format!("there are no values for {name}{clock}: the candidate may get no traffic; {count}");
            vec![(BlockerKind::NoData, said, at)]
        }
        Some(Cause::Query(name, why)) => {
            let name = name.as_ref().map_or("a metric", SafeText::as_str);
            vec![(BlockerKind::NoData, format!("{name} could not be asked for{clock}: {why}; {count}"), at)]
        }
        Some(Cause::Check(hook, name, why)) => {
            vec![(BlockerKind::Breach, format!("the {} hook {name} failed{clock}: {why}; {count}", hook.as_str()), at)]
        }
        Some(Cause::Gate(Hook::ConfirmTrafficIncrease, name)) => {
            let said = format!("the confirm-traffic-increase gate {name} says no: the share stays as it is");
            vec![(BlockerKind::Gate, said, at)]
        }
        // Those of the phase itself are said already.
        Some(Cause::Gate(..)) | None => Vec::new(),
    };
    let explained = matches!(halt, Some((cause, _)) if cause.counts());
    if failed > 0 && !explained {
        let last = told.and_then(|told| told.failure.as_ref()).and_then(|(cause, at)| match cause {
            Cause::Metric(reading) => Some(format!("; one of them by {} at {}", reading.text, at.format("%H:%M:%S"))),
            _ => None,
        });
        let why = match (told, last) {
            (None, _) => "; its Events say why, and are read while somebody looks at it".to_owned(),
            (Some(_), Some(last)) => last,
            (Some(_), None) => "; no Event says why: a cluster drops those of an object that has many".to_owned(),
        };
        all.push((BlockerKind::Breach, format!("{count}{why}"), None));
    }
    if let Some((text, at)) = told.and_then(|told| told.not_ready.as_ref()) {
        all.push((BlockerKind::InProgress, text.as_str().to_owned(), Some(*at)));
    }
    if let Some(why) = stuck(canary) {
        all.push((BlockerKind::Gate, why, None));
    }
    all
}

/// Why its share can never reach its end, where the plan is such.
fn stuck(canary: &Canary) -> Option<String> {
    let analysis = canary.analysis.as_ref().filter(|_| canary.strategy() == Strategy::Weights)?;
    let weights = canary.weights();
    let Some(last) = weights.last() else {
        return Some(
            "its share never grows: the analysis has neither stepWeight, stepWeights nor iterations".to_owned(),
        );
    };
    let wanted = analysis.step_weights.last().copied().or(analysis.max_weight)?;
    (*last < wanted).then(|| format!("its share stops at {last} %, short of {wanted} %: it is never promoted"))
}

fn under_way(canary: &Canary, sides: &Sides) -> String {
    let interval = duration::print(canary.interval());
    match sides.target.as_ref().and_then(|target| Some((target, target.available()?))) {
        Some((target, (there, wanted))) if there < wanted => pods(Some(target), &canary.target.name),
        _ if canary.strategy() == Strategy::Skipped => "it is promoted as soon as its pods are ready".to_owned(),
        _ => format!("{}, a check every {interval}", progress(canary)),
    }
}

fn pods(side: Option<&Side>, name: &str) -> String {
    match side.and_then(Side::available) {
        Some((there, wanted)) => format!("{there} of {wanted} pods of {name} are available"),
        None => format!("the pods of {name} are being replaced"),
    }
}

fn failed(canary: &Canary, told: Option<&Told>, sides: &Sides, now: DateTime<Utc>) -> Vec<(BlockerKind, String)> {
    let status = &canary.status;
    let mut all = Vec::new();
    let why = told.and_then(|told| told.rolled_back.as_ref()).map_or_else(String::new, |(why, _)| format!(" ({why})"));
    if !canary.holds_rejected() {
        all.push((
            BlockerKind::Phase,
            format!("it was rolled back{why}, and {} was put back to what was promoted", canary.target.name),
        ));
        return all;
    }
    let promoted = sides.primary.as_ref().map_or(&[][..], |primary| &primary.images);
    let held = sides.target.as_ref().and_then(|target| image::version(&target.images, promoted));
    let held = held.map_or_else(|| format!("spec {}", status.last_applied), |version| version.as_str().to_owned());
    if let Some(set) = newer_template(canary, sides.target.as_ref()) {
        let created = set.meta.created_at.unwrap_or(now);
        let patience = canary.interval() * INTERVALS_TO_REACT;
        let late = (now - created).to_std().is_ok_and(|waited| waited > patience);
        let what = match (canary.suspended, late) {
            (true, _) => "Flagger does not take it up while it is suspended".to_owned(),
            (false, true) => {
                format!("Flagger has not taken it up, and should have within {}", duration::print(canary.interval()))
            }
            (false, false) => format!("Flagger takes it up within {}", duration::print(canary.interval())),
        };
        let at = created.format("%H:%M:%S");
        all.push((
            BlockerKind::Failure,
            format!("rolled back{why}; {} has a newer template ({held}, at {at}): {what}", canary.target.name),
        ));
        return all;
    }
    let promoted = match status.last_promoted.as_str() {
        "" => "none was promoted".to_owned(),
        promoted => format!("promoted is {promoted}"),
    };
    all.push((
        BlockerKind::Failure,
        format!(
            "rolled back{why}; {} still holds the rejected version {held} (applied {}, {promoted}), scaled to 0: only another template is tried again",
            canary.target.name, status.last_applied
        ),
    ));
    all
}
