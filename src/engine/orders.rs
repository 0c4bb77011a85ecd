//! Which units are given which order when their agents ask, and what their reports mean.

use chrono::{DateTime, Utc};

use super::{
    Context, Effect, Progress, State, UnitReport, flags,
    state::{Fault, Order, Unit, UnitProgress},
    transition::Work,
    words,
};
use crate::domain::{Digest, FailureCategory, Phase, Plan, SafeText, Truth, UnitKey};

/// What a unit would be told now.
enum Want {
    Candidate(Digest),
    Back(Digest),
}

fn want(state: &State, unit: &Unit, context: &Context<'_>) -> Option<Want> {
    if !unit.awaits_order() {
        return None;
    }
    match state.phase {
        // Going back is never held by anything; one that returns late is told after the end too.
        Phase::RollingBack | Phase::RolledBack | Phase::RollbackFailed => {
            let back = state.back.as_ref()?;
            let target = unit.way_back(back).filter(|_| !unit.returned && unit.fault.is_none())?;
            Some(Want::Back(target.clone()))
        }
        Phase::Progressing | Phase::AwaitingPromotion | Phase::Degraded => {
            let is_free = unit.is_due(state.stage) && !context.held.contains_key(&unit.key);
            context.plan.snapshot.clone().filter(|_| is_free).map(Want::Candidate)
        }
        Phase::Pending | Phase::Paused | Phase::Aborted | Phase::Completed | Phase::Unknown => None,
    }
}

/// Whether the unit would be given an order if it asked now.
pub(super) fn wants(state: &State, unit: &UnitKey, context: &Context<'_>) -> bool {
    state.find(unit).and_then(|at| state.units.get(at)).is_some_and(|unit| want(state, unit, context).is_some())
}

/// The number of an order that the unit was given, that it never said it has, and that is still
/// what it would be told: to be said again rather than anew.
pub(super) fn standing(state: &State, unit: &UnitKey, context: &Context<'_>) -> Option<u64> {
    let unit = state.find(unit).and_then(|at| state.units.get(at))?;
    let order = unit.order.as_ref().filter(|order| order.progress == UnitProgress::Told)?;
    let stands = match want(state, unit, context)? {
        Want::Candidate(snapshot) => !order.back && order.snapshot == Some(snapshot),
        Want::Back(snapshot) => order.back && order.snapshot == Some(snapshot),
    };
    stands.then_some(order.generation)
}

/// Whether the unit was given an order that it never said it has.
pub(super) fn is_unheard(state: &State, unit: &UnitKey) -> bool {
    let unit = state.find(unit).and_then(|at| state.units.get(at));
    unit.and_then(|unit| unit.order.as_ref()).is_some_and(|order| order.progress == UnitProgress::Told)
}

impl Work<'_> {
    /// An agent can take an order now.
    pub(super) fn asked(&mut self, key: &UnitKey, generation: u64) {
        let now = self.now();
        let Some(at) = self.state.find(key) else { return };
        let Some(unit) = self.state.units.get(at) else { return };
        let want = want(&self.state, unit, self.context);
        if want.is_none() && unit.silent.is_none() {
            return;
        }
        let Some(unit) = self.state.unit_mut(at) else { return };
        // That it asks says that it is there; what was measured of it stays unknown until it reports.
        unit.silent = None;
        let (snapshot, back) = match want {
            None => return,
            Some(Want::Candidate(snapshot)) => (snapshot, false),
            Some(Want::Back(snapshot)) => (snapshot, true),
        };
        let previous = unit.measured.clone().or_else(|| unit.claimed.clone()).or_else(|| unit.pinned.clone());
        unit.order =
            Some(Order { generation, snapshot: Some(snapshot.clone()), back, at: now, progress: UnitProgress::Told });
        unit.fault = None;
        if !back {
            unit.exposed = true;
            unit.returned = false;
            unit.forget_readings();
        }
        self.effect(Effect::Tell { unit: key.clone(), generation, snapshot, previous });
    }

    /// Nothing fresh is known of a unit.
    pub(super) fn silence(&mut self, key: &UnitKey) {
        let now = self.now();
        let Some(at) = self.state.find(key) else { return };
        let Some(unit) = self.state.unit_mut(at) else { return };
        unit.silent.get_or_insert(now);
        let why = words::text(format!("no fresh report, noticed {}", words::time(now, now)));
        for memory in std::iter::once(&mut unit.health).chain(&mut unit.gates) {
            memory.grow_stale(&why, now);
        }
    }

    /// An agent reported.
    pub(super) fn reported(&mut self, key: &UnitKey, report: &UnitReport) {
        let (now, plan) = (self.now(), self.context.plan);
        let phase = self.state.phase;
        let is_judged = self.state.is_climbing() || phase == Phase::Completed;
        let Some(at) = self.state.find(key) else { return };
        let Some(unit) = self.state.unit_mut(at) else { return };
        unit.silent = None;
        let is_check = matches!(report.progress, Progress::Healthy | Progress::Unhealthy);
        if is_check || report.measured.is_some() {
            unit.measured.clone_from(&report.measured);
        }
        if is_check || report.claimed.is_some() {
            unit.claimed.clone_from(&report.claimed);
        }
        if plan.snapshot.is_none() {
            return self.reported_of_flag(at, report);
        }
        let Some(order) = unit.order.as_mut().filter(|order| order.generation == report.generation) else { return };
        let failure = if order.back {
            report_of_return(unit, report, now)
        } else if is_judged {
            report_of_candidate(unit, report, plan, now)
        } else {
            None
        };
        if let Some(failure) = failure.filter(|_| phase != Phase::Completed) {
            self.fact("unit_failed", &format!("{key} failed: {failure}"));
        }
    }

    /// The units that failed are to be told again; how many.
    pub(super) fn forget_faults(&mut self) -> usize {
        let is_back = self.state.back.is_some();
        let flags_only = self.context.plan.snapshot.is_none();
        self.state.units.change(
            |unit| unit.fault.is_some(),
            |unit| {
                unit.fault = None;
                unit.order = None;
                if flags_only && !is_back {
                    unit.flag = None;
                }
                // On the way back, what was last read of the candidate stays to be seen.
                if !is_back {
                    unit.forget_readings();
                }
            },
        )
    }
}

/// How the snapshot that a check found compares with what was told.
pub(super) enum Identity {
    Same,
    /// Not known, with why.
    Unsaid(SafeText),
    Other(SafeText),
}

fn identity(told: &Digest, report: &UnitReport) -> Identity {
    match (&report.measured, &report.claimed) {
        (Some(found), _) if found == told => Identity::Same,
        (Some(found), _) => {
            Identity::Other(words::text(format!("measured {} and not {}", found.short(), told.short())))
        }
        (None, Some(found)) if found == told => Identity::Same,
        (None, Some(found)) => {
            Identity::Other(words::text(format!("claims {} and not {}", found.short(), told.short())))
        }
        (None, None) => Identity::Unsaid(words::text("the check names no snapshot that it measured or applied")),
    }
}

/// What a report on an order for the candidate changes; a failure that is new comes back in words.
pub(super) fn report_of_candidate(
    unit: &mut Unit,
    report: &UnitReport,
    plan: &Plan,
    now: DateTime<Utc>,
) -> Option<String> {
    let order = unit.order.as_mut()?;
    let healthy = match &report.progress {
        Progress::Applying => {
            order.progress = order.progress.max(UnitProgress::Applying);
            return None;
        }
        Progress::Applied => {
            order.progress = order.progress.max(UnitProgress::Applied);
            return None;
        }
        Progress::Failed { category, output_tail } => {
            order.progress = UnitProgress::Failed;
            let is_new = unit.fault.as_ref().is_none_or(|fault| fault.category != *category);
            if is_new {
                unit.fault =
                    Some(Fault { category: *category, output_tail: output_tail.clone(), at: now, by_check: false });
            }
            return is_new.then(|| category.as_str().to_owned());
        }
        Progress::Healthy => true,
        Progress::Unhealthy => false,
    };
    if unit.fault.as_ref().is_some_and(|fault| !fault.by_check) {
        // It said that it could not do it: only being told again opens that.
        return None;
    }
    order.progress = UnitProgress::Checked;
    let told = order.snapshot.clone();
    let found = match told.as_ref().map_or(Identity::Same, |told| identity(told, report)) {
        Identity::Same => flags::identity(unit, report, plan),
        other => other,
    };
    let (truth, why) = match &found {
        Identity::Other(why) => (Truth::False, why.clone()),
        _ if !healthy => (Truth::False, words::text("the check command did not exit 0")),
        Identity::Unsaid(why) => (Truth::Unknown, why.clone()),
        Identity::Same if told.is_some() && report.measured.is_none() => {
            (Truth::True, words::text("healthy; claimed, not measured"))
        }
        Identity::Same => (Truth::True, words::text("healthy")),
    };
    unit.health.observe(truth, why.clone(), now);
    let is_candidate = matches!(found, Identity::Same);
    let gates = plan.gates.iter().zip(&mut unit.gates).filter(|((_, rule), _)| rule.is_by_unit());
    for ((name, _), memory) in gates {
        let (truth, why) = match report.readings.iter().find(|reading| reading.gate == *name) {
            _ if !is_candidate => (Truth::Unknown, words::text("not measured on the candidate")),
            Some(reading) => (reading.truth, reading.why.clone()),
            None => (Truth::Unknown, words::text("not evaluated in the last check")),
        };
        memory.observe(truth, why, now);
    }
    match found {
        Identity::Other(why) => {
            let is_new = unit.fault.is_none();
            if is_new {
                let category = FailureCategory::Verify;
                unit.fault = Some(Fault { category, output_tail: why.as_str().into(), at: now, by_check: true });
            }
            is_new.then(|| format!("{}: {why}", FailureCategory::Verify.as_str()))
        }
        Identity::Same => {
            unit.fault = None;
            None
        }
        Identity::Unsaid(_) => None,
    }
}

/// What a report on an order to go back changes; a failure that is new comes back in words.
fn report_of_return(unit: &mut Unit, report: &UnitReport, now: DateTime<Utc>) -> Option<String> {
    let order = unit.order.as_mut()?;
    let fault = match &report.progress {
        Progress::Applying => {
            order.progress = order.progress.max(UnitProgress::Applying);
            return None;
        }
        Progress::Applied => {
            order.progress = order.progress.max(UnitProgress::Applied);
            return None;
        }
        Progress::Failed { category, output_tail } => {
            order.progress = UnitProgress::Failed;
            (category.as_str().to_owned(), output_tail.clone(), false)
        }
        Progress::Healthy | Progress::Unhealthy => {
            order.progress = UnitProgress::Checked;
            let Some(told) = &order.snapshot else { return None };
            match identity(told, report) {
                Identity::Same => {
                    unit.returned = true;
                    unit.fault = None;
                    return None;
                }
                Identity::Unsaid(_) => return None,
                Identity::Other(why) => (why.as_str().to_owned(), why.as_str().into(), true),
            }
        }
    };
    let (why, output_tail, by_check) = fault;
    if unit.fault.is_some() || unit.returned {
        return None;
    }
    let category = FailureCategory::RevertFailed;
    unit.fault = Some(Fault { category, output_tail, at: now, by_check });
    Some(format!("{}: {why}", category.as_str()))
}
