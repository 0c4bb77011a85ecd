//! What a release of Flagger's is asked before it goes on: metrics with their ranges, webhooks with what
//! their "no" means, and how many checks may fail.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    events::{Cause, Told},
    object::{Canary, CanaryPhase, Hook, Metric, Webhook},
    stages::Leg,
};
use crate::{
    domain::{Gate, GateState, SafeText, rollout::GateKind},
    driver::kubernetes::name,
};

/// How far the Event and the status of one check may lie apart.
const SAME_CHECK: TimeDelta = TimeDelta::seconds(2);
/// Gates of one stage that are told, at most.
const GATES_MAX: usize = 60;

/// When a stage is, as its gates see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Its turn has not come.
    Ahead,
    /// It is under way.
    Here,
    /// It is over, and was passed.
    Behind,
    /// It failed.
    Failed,
}

/// The gates of a leg.
pub(super) fn gates(canary: &Canary, told: Option<&Told>, leg: Leg, moment: Moment) -> Vec<Gate> {
    let hooks: &[Hook] = match leg {
        Leg::ConfirmRollout => &[Hook::ConfirmRollout],
        Leg::Start => &[Hook::PreRollout, Hook::ConfirmTrafficIncrease, Hook::Rollback],
        Leg::Weight(_) => &[Hook::Rollout, Hook::ConfirmTrafficIncrease, Hook::Rollback],
        Leg::Checks(..) | Leg::Full => &[Hook::Rollout, Hook::Rollback],
        Leg::ConfirmPromotion => &[Hook::ConfirmPromotion, Hook::Rollout, Hook::Rollback],
        Leg::Promotion => &[],
    };
    let measures = matches!(leg, Leg::Weight(_) | Leg::Checks(..) | Leg::Full | Leg::ConfirmPromotion);
    // Shares are raised by Flagger's own count where there are checks instead.
    let raises = !canary.weights().is_empty();
    let mut gates: Vec<Gate> = Vec::new();
    let mut add = |called: &str, gate: Gate| {
        if gates.len() < GATES_MAX {
            let called = name::unlike(name::gate(called).as_str(), gates.iter().map(|gate| gate.name.as_str()));
            gates.push(Gate { name: name::gate(&called), ..gate });
        }
    };
    let Some(analysis) = &canary.analysis else { return gates };
    for hook in hooks {
        if *hook == Hook::ConfirmTrafficIncrease && !raises {
            continue;
        }
        for webhook in canary.hooks(hook) {
            add(&format!("{}-{}", hook.as_str(), webhook.name), hook_gate(canary, told, webhook, moment));
        }
    }
    if measures {
        for metric in &analysis.metrics {
            add(metric.name.as_str(), metric_gate(canary, told, metric, moment));
        }
        add("failed-checks", failed_checks(canary, told, moment));
    }
    gates
}

fn gate(kind: GateKind, expression: String, state: GateState, detail: String, moment: Moment) -> Gate {
    let (state, detail) = match moment {
        Moment::Ahead => (GateState::Waiting, String::new()),
        Moment::Behind => (GateState::Pass, detail),
        Moment::Here | Moment::Failed => (state, detail),
    };
    Gate {
        name: name::gate(""),
        kind,
        expression: SafeText::new(expression),
        state,
        detail: SafeText::new(detail),
        since: None,
    }
}

/// The range a metric must keep to, as a condition: `request-success-rate >= 99 over 1m`.
#[must_use]
pub fn condition(metric: &Metric) -> String {
    let over = format!(" over {}", metric.interval);
    let name = &metric.name;
    match (metric.min, metric.max) {
        (Some(min), Some(max)) => format!("{min} <= {name} <= {max}{over}"),
        (Some(min), None) => format!("{name} >= {min}{over}"),
        (None, Some(max)) => format!("{name} <= {max}{over}"),
        (None, None) => match limit_of_old(metric) {
            (Some(min), _) => format!("{name} >= {min}{over}"),
            (None, max) => format!("{name} <= {}{over}", max.unwrap_or(0.0)),
        },
    }
}

/// The least and the greatest value of a metric whose limit is given the old way: the success rate must not be
/// below it, all else not above; 0 where none is given.
fn limit_of_old(metric: &Metric) -> (Option<f64>, Option<f64>) {
    let limit = metric.threshold.unwrap_or(0.0);
    if metric.name.as_str() == "request-success-rate" { (Some(limit), None) } else { (None, Some(limit)) }
}

/// The numbers that a metric is held against.
#[must_use]
pub fn limits(metric: &Metric) -> Vec<f64> {
    let (min, max) = match (metric.min, metric.max) {
        (None, None) => limit_of_old(metric),
        range => range,
    };
    min.into_iter().chain(max).collect()
}

fn metric_gate(canary: &Canary, told: Option<&Told>, metric: &Metric, moment: Moment) -> Gate {
    let halt = told.and_then(|told| if moment == Moment::Failed { told.failure.as_ref() } else { told.halt.as_ref() });
    let worse = if moment == Moment::Failed { GateState::Breached } else { GateState::NotYet };
    let (state, detail) = match halt {
        Some((Cause::Metric(reading), at)) if reading.metric == metric.name => {
            (worse, format!("{} at {}", reading.text, at.format("%H:%M:%S")))
        }
        Some((Cause::NoValues(name), at)) if *name == metric.name => {
            (GateState::Unknown, format!("no values at {}", at.format("%H:%M:%S")))
        }
        Some((Cause::Query(Some(name), why), at)) if *name == metric.name => {
            (GateState::Unknown, format!("it could not be asked for at {}: {why}", at.format("%H:%M:%S")))
        }
        Some(_) => (GateState::Unknown, "not told: Flagger stops at the first check that fails".to_owned()),
        None => match went_on(canary, told) {
            Some(at) if moment != Moment::Failed => {
                (GateState::Pass, format!("kept to its range when it last went on, at {}", at.format("%H:%M:%S")))
            }
            _ => (GateState::Unknown, "Flagger tells a value only when it is out of its range".to_owned()),
        },
    };
    gate(GateKind::Verdict, condition(metric), state, detail, moment)
}

/// When it last went on, where no check failed since: an Event of a failure may have been dropped, and then only
/// the status, written once more, says that there was one.
fn went_on(canary: &Canary, told: Option<&Told>) -> Option<DateTime<Utc>> {
    let at = told?.advanced_at?;
    let written = canary.status.written_at;
    (canary.status.failed_checks == 0 || written.is_none_or(|written| written - at <= SAME_CHECK)).then_some(at)
}

fn failed_checks(canary: &Canary, told: Option<&Told>, moment: Moment) -> Gate {
    let (failed, threshold) = (canary.status.failed_checks, canary.threshold());
    let expression = format!("failed checks < {threshold}");
    let (state, detail) = match moment {
        Moment::Failed => {
            // The count is 0 again once it was rolled back.
            let why = told.and_then(|told| told.rolled_back.as_ref()).map(|(why, _)| why.as_str().to_owned());
            match why {
                Some(why) if why.starts_with("failed checks") => (GateState::Breached, why),
                other => (GateState::Unknown, other.unwrap_or_default()),
            }
        }
        _ if failed >= threshold => {
            (GateState::Breached, format!("{failed} of {threshold} failed: it is rolled back with the next check"))
        }
        _ => (GateState::Pass, format!("{failed} of {threshold} failed")),
    };
    gate(GateKind::Check, expression, state, detail, moment)
}

/// What a "no" of a hook means, or of a rollback hook a "yes".
const fn meaning(hook: &Hook) -> &'static str {
    match hook {
        Hook::ConfirmRollout => "while it says no, nothing begins",
        Hook::PreRollout => "a no is a failed check, and no traffic comes",
        Hook::Rollout => "a no is a failed check",
        Hook::ConfirmTrafficIncrease => "while it says no, the share stays as it is",
        Hook::ConfirmPromotion => {
            "while it says no, it is not promoted; its metrics are still checked, and can still fail it"
        }
        Hook::Rollback => "a yes rolls it back",
        Hook::PostRollout | Hook::Event | Hook::Other(_) => "it is only told",
    }
}

fn hook_gate(canary: &Canary, told: Option<&Told>, webhook: &Webhook, moment: Moment) -> Gate {
    let (hook, name) = (&webhook.hook, &webhook.name);
    let expression = format!("{}: {}", address(&webhook.url), meaning(hook));
    let halt = told.and_then(|told| if moment == Moment::Failed { told.failure.as_ref() } else { told.halt.as_ref() });
    let passed = told.and_then(|told| told.passed_at(hook, name));
    let clock = |at: DateTime<Utc>| at.format("%H:%M:%S").to_string();
    let (state, detail) = match (hook, halt) {
        (Hook::Rollback, _) => match (passed, told.and_then(|told| told.no_rollback.iter().find(|(n, _)| n == name))) {
            (Some(at), _) => (GateState::Breached, format!("asked for a rollback at {}", clock(at))),
            (None, Some((_, at))) => (GateState::Pass, format!("asked for no rollback at {}", clock(*at))),
            (None, None) => (GateState::Unknown, "its answer is not told".to_owned()),
        },
        (_, Some((Cause::Gate(kind, called), at))) if kind == hook && called == name => {
            (GateState::NotYet, format!("says no since {}", clock(*at)))
        }
        (_, Some((Cause::Check(kind, called, why), at))) if kind == hook && called == name => {
            let worse = if moment == Moment::Failed { GateState::Breached } else { GateState::NotYet };
            (worse, format!("failed at {}: {why}", clock(*at)))
        }
        _ => match passed.or_else(|| went_on(canary, told).filter(|_| *hook == Hook::Rollout)) {
            Some(at) => (GateState::Pass, format!("said yes at {}", clock(at))),
            // Flagger is in these phases for no other reason.
            None if waits_for(canary, hook) && canary.hooks(hook).count() == 1 => {
                (GateState::NotYet, "says no".to_owned())
            }
            None => (GateState::Unknown, "its answer is not told".to_owned()),
        },
    };
    gate(GateKind::Check, expression, state, detail, moment)
}

/// Whether the phase itself says that a hook of this kind says no.
#[must_use]
pub fn waits_for(canary: &Canary, hook: &Hook) -> bool {
    matches!(
        (&canary.status.phase, hook),
        (Ok(CanaryPhase::Waiting), Hook::ConfirmRollout) | (Ok(CanaryPhase::WaitingPromotion), Hook::ConfirmPromotion)
    )
}

/// Where a webhook is, without what may be a secret: user, password and query.
#[must_use]
pub fn address(url: &str) -> String {
    match url::Url::parse(url) {
        Ok(parsed) => {
            let host = parsed.host_str().unwrap_or_default();
            let port = parsed.port().map_or_else(String::new, |port| format!(":{port}"));
            format!("{}://{host}{port}{}", parsed.scheme(), parsed.path())
        }
        Err(_) => "an address that cannot be read".to_owned(),
    }
}
