//! A Canary as Rolldeck shows it: Flagger's phases, shares and checks in the words that all drivers share.

use chrono::{DateTime, Utc};

use super::{
    blockers::blockers,
    events::{Cause, Told},
    object::{Canary, CanaryPhase, Split, Strategy},
    revision::revision,
    sides::Sides,
    stages::stages,
    workload,
};
use crate::{
    domain::{
        Exposure, Phase, Rollout, SafeText, Sli, SliArm, Verdict, VersionRef, duration,
        rollout::Next,
        sli::{Direction, Family, OverallVerdict, TelemetryState},
    },
    driver::{
        Arms, Sighting,
        kubernetes::{children::Children, grants::Grants, image, name},
    },
};

/// What is shown of a Canary, with its objects where they are at hand. Its `elsewhere` is empty.
#[must_use]
pub fn sighting(canary: &Canary, children: Option<&Children>, grants: &Grants, now: DateTime<Utc>) -> Sighting {
    let revision = revision(canary);
    // What is sent is decided from the object alone.
    let offers = super::offers(canary, grants);
    let told =
        children.map(|children| Told::read(canary, children.of(crate::driver::kubernetes::request::Kind::EVENT)));
    let told = told.as_ref();
    // Which provider holds where none is named is told by an Event, if at all.
    let mut known = canary.clone();
    if known.provider.is_empty() && told.is_some_and(|told| told.splits_nothing) {
        "kubernetes".clone_into(&mut known.provider);
    }
    let canary = &known;
    let sides = children.map(|children| Sides::find(canary, children)).unwrap_or_default();
    let (stages, current_stage) = stages(canary, told);
    let slis = slis(canary, told);
    let status = &canary.status;
    let id = name::id(&canary.meta.namespace, &canary.meta.name);
    let rollout = Rollout {
        target: id.target,
        name: id.name,
        driver: SafeText::new("flagger"),
        revision,
        phase: phase(canary),
        message: SafeText::new(message(canary, told, &sides)),
        strategy: SafeText::new(canary.strategy().words()),
        stable: VersionRef { version: stable(canary, &sides), snapshot: None },
        candidate: VersionRef { version: candidate(canary, &sides), snapshot: None },
        exposure: exposure(canary, told),
        stages,
        current_stage,
        blockers: blockers(canary, told, &sides, now),
        verdict: verdict(canary, &slis),
        slis,
        trend: None,
        freeze: None,
        next: next(canary, told),
        owner: SafeText::default(),
        failures: None,
        units: None,
        workload: Some(Box::new(workload::workload(canary, children, told, &sides))),
        pending: None,
        offers,
        correlation_id: SafeText::default(),
        created_at: status.begun_at.or(canary.meta.created_at).unwrap_or(now),
        updated_at: updated_at(canary).unwrap_or(now),
        observed_at: Some(now),
    };
    Sighting {
        advances: advances(canary),
        labels: canary.meta.labels.clone(),
        arms: Some(Arms { canary: SafeText::new(&canary.target.name), baseline: SafeText::new(canary.primary()) })
            .filter(|_| !canary.target.name.is_empty()),
        elsewhere: Vec::new(),
        rollout,
    }
}

/// Where a Canary is, in the words that all drivers share.
#[must_use]
pub fn phase(canary: &Canary) -> Phase {
    use CanaryPhase as P;
    let Ok(phase) = canary.status.phase else { return Phase::Unknown };
    match phase {
        P::New | P::Initializing | P::Waiting | P::Progressing | P::WaitingPromotion | P::Promoting | P::Finalising
            if canary.suspended =>
        {
            Phase::Paused
        }
        P::New | P::Initializing => Phase::Pending,
        P::Initialized | P::Succeeded => Phase::Completed,
        P::Waiting | P::WaitingPromotion => Phase::AwaitingPromotion,
        P::Progressing | P::Promoting | P::Finalising | P::Terminating => Phase::Progressing,
        P::Failed if canary.holds_rejected() => Phase::Aborted,
        P::Failed => Phase::RolledBack,
        P::Terminated => Phase::Aborted,
    }
}

/// Whether it goes on by itself.
fn advances(canary: &Canary) -> bool {
    use CanaryPhase as P;
    matches!(canary.status.phase, Ok(P::Progressing | P::Promoting | P::Finalising)) && !canary.suspended
}

/// When its phase or share last changed. While it is analysed Flagger writes the status with each check; in other
/// phases it does so too, and only the condition says since when they are.
fn updated_at(canary: &Canary) -> Option<DateTime<Utc>> {
    let status = &canary.status;
    let written = || status.written_at.or(canary.meta.created_at);
    if status.phase == Ok(CanaryPhase::Progressing) { written() } else { status.phase_since.or_else(written) }
}

fn exposure(canary: &Canary, told: Option<&Told>) -> Exposure {
    let share = workload::share(canary, told).map_or(0, |(share, _)| share).clamp(0, 100);
    Exposure { percent: share as f64, units: u32::try_from(share).unwrap_or(0), units_total: 100 }
}

/// What runs in the target: its image's tag, or else the hash of its template.
fn candidate(canary: &Canary, sides: &Sides) -> Option<SafeText> {
    let beside = sides.primary.as_ref().map_or(&[][..], |primary| &primary.images);
    let tag = sides.target.as_ref().and_then(|target| image::version(&target.images, beside));
    tag.or_else(|| hash(&canary.status.last_applied))
}

/// What serves: the tag of the primary's image, or else the hash of the template that was promoted.
fn stable(canary: &Canary, sides: &Sides) -> Option<SafeText> {
    let beside = sides.target.as_ref().map_or(&[][..], |target| &target.images);
    let tag = sides.primary.as_ref().and_then(|primary| image::version(&primary.images, beside));
    tag.or_else(|| hash(&canary.status.last_promoted))
}

fn hash(hash: &str) -> Option<SafeText> {
    (!hash.is_empty()).then(|| SafeText::new(format!("spec {hash}")))
}

/// How far the analysis is: `20 % of traffic, up to 50 %` or `3 of 10 checks made`.
#[must_use]
pub fn progress(canary: &Canary) -> String {
    let checks = canary.iterations();
    match canary.strategy() {
        Strategy::Weights => {
            let last = canary.weights().last().copied().unwrap_or(0);
            format!("{} % of traffic, up to {last} %", canary.status.weight)
        }
        Strategy::AbTesting | Strategy::BlueGreen => {
            format!("{} of {checks} checks made", canary.status.iterations.clamp(0, checks))
        }
        Strategy::Skipped => "nothing is analysed".to_owned(),
    }
}

fn message(canary: &Canary, told: Option<&Told>, sides: &Sides) -> String {
    let said = of_phase(canary, told, sides);
    if canary.suspended && phase(canary) == Phase::Paused {
        return format!("suspended, nothing is checked and nothing rolled back; before that: {said}");
    }
    said
}

fn of_phase(canary: &Canary, told: Option<&Told>, sides: &Sides) -> String {
    use CanaryPhase as P;
    let status = &canary.status;
    let phase = match &status.phase {
        Ok(phase) => *phase,
        Err(why) => return why.as_str().to_owned(),
    };
    let failed = match status.failed_checks {
        0 => String::new(),
        failed => format!(", {failed} of {} checks failed", canary.threshold()),
    };
    match phase {
        P::New => "Flagger has not looked at it yet".to_owned(),
        P::Initializing => format!("Flagger makes {} out of {}", canary.primary(), canary.target.name),
        P::Initialized => "taken over by Flagger; nothing was released since".to_owned(),
        P::Waiting => "a new version waits for approval; nothing of it runs yet".to_owned(),
        P::Progressing if canary.skips_analysis || canary.analysis.is_none() => {
            "its analysis is skipped: it is promoted as soon as its pods are ready".to_owned()
        }
        P::Progressing => match told.and_then(|told| told.not_ready.as_ref()) {
            Some((text, _)) => format!("{}{failed}; {text}", progress(canary)),
            None => format!("{}{failed}", progress(canary)),
        },
        P::WaitingPromotion => {
            let split = match (workload::share(canary, told), canary.split()) {
                (Some((share, how)), Split::Plan(_)) => {
                    format!("; {share} % of traffic are on the candidate still ({how})")
                }
                (_, Split::Matching) => "; requests that match are on the candidate still".to_owned(),
                _ => String::new(),
            };
            format!("the analysis passed, and it waits for approval{split}{failed}")
        }
        P::Promoting => {
            let pods = sides.primary.as_ref().and_then(super::sides::Side::available);
            let pods = pods.map_or_else(String::new, |(there, wanted)| format!(", {there} of {wanted} pods available"));
            format!("{} takes the candidate over{pods}", canary.primary())
        }
        P::Finalising => format!("all traffic is back on {}; the candidate's pods are scaled down", canary.primary()),
        P::Succeeded => "promoted".to_owned(),
        P::Failed => {
            let why = told.and_then(|told| told.rolled_back.as_ref()).map(|(why, _)| format!(": {why}"));
            let last = match told.and_then(|told| told.failure.as_ref()) {
                Some((Cause::Metric(reading), _)) => format!(", the last by {}", reading.text),
                _ => String::new(),
            };
            let holds = if canary.holds_rejected() {
                format!("; {} still holds the rejected version", canary.target.name)
            } else {
                format!("; {} was put back to what was promoted", canary.target.name)
            };
            format!("rolled back{}{last}{holds}", why.unwrap_or_default())
        }
        P::Terminating => format!("it is being deleted; {} gets its pods and traffic back", canary.target.name),
        P::Terminated => "it was deleted".to_owned(),
    }
}

fn next(canary: &Canary, told: Option<&Told>) -> Option<Next> {
    use CanaryPhase as P;
    let phase = canary.status.phase.as_ref().ok()?;
    let interval = duration::print(canary.interval());
    let what = if canary.suspended {
        match phase {
            P::Terminating | P::Terminated => return None,
            _ => "nothing, until somebody resumes it".to_owned(),
        }
    } else {
        match phase {
            P::Waiting | P::WaitingPromotion => format!("somebody says yes; Flagger asks again within {interval}"),
            P::Progressing => match told.and_then(|told| told.halt.as_ref()) {
                Some((Cause::Gate(..), _)) => format!("somebody says yes; Flagger asks again within {interval}"),
                _ => format!("the next check within {interval}"),
            },
            P::Promoting => format!("traffic goes back to {} once its pods are ready", canary.primary()),
            P::Finalising => "the candidate's pods are scaled down".to_owned(),
            P::Failed => "nothing, until its target gets another template".to_owned(),
            P::New | P::Initializing => format!("Flagger looks at it within {interval}"),
            P::Initialized | P::Succeeded | P::Terminating | P::Terminated => return None,
        }
    };
    Some(Next { at: None, what: SafeText::new(what) })
}

/// The metric that halted it, as far as an Event says it: Flagger tells no value that is good.
fn slis(canary: &Canary, told: Option<&Told>) -> Vec<Sli> {
    let halt = told.and_then(|told| match canary.status.phase {
        Ok(CanaryPhase::Failed) => told.failure.as_ref(),
        _ => told.halt.as_ref(),
    });
    let Some((Cause::Metric(reading), at)) = halt else { return Vec::new() };
    let family = match reading.metric.as_str() {
        "request-success-rate" => Some(Family::Availability),
        "request-duration" => Some(Family::Latency),
        _ => None,
    };
    let direction = if reading.below { Direction::LowerIsWorse } else { Direction::HigherIsWorse };
    let finite = |value: f64| Some(value).filter(|value| value.is_finite());
    vec![Sli {
        name: reading.metric.clone(),
        unit: SafeText::new(reading.unit),
        direction: SafeText::new(direction.as_str()),
        family,
        critical: false,
        required: true,
        method: SafeText::new("Flagger's threshold"),
        canary: SliArm { value: finite(reading.value), samples: None },
        baseline: SliArm::default(),
        difference: None,
        ratio: None,
        interval: None,
        limit: None,
        verdict: Verdict::Fail,
        why: SafeText::new(format!("{}: halted by Flagger", reading.text)),
        over_since: None,
        telemetry: TelemetryState::Ok,
        burn: None,
        observed_at: Some(*at),
        series: None,
    }]
}

fn verdict(canary: &Canary, slis: &[Sli]) -> OverallVerdict {
    let (label, why) = match slis.first() {
        Some(sli) => (Verdict::Fail, sli.why.as_str().to_owned()),
        None if canary.status.failed_checks > 0 => {
            (Verdict::Watch, format!("{} of {} checks failed", canary.status.failed_checks, canary.threshold()))
        }
        None => (Verdict::NoData, "Flagger tells a value only when it is out of its range".to_owned()),
    };
    OverallVerdict { label, score: None, why: SafeText::new(why) }
}

#[cfg(test)]
mod tests;
