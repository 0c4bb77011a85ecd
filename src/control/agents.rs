//! What agents ask and report.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};
use tokio::sync::Notify;

use super::{authorize, core::Core, journal::Draft, judging};
use crate::{
    domain::{
        Facts, FlagKey, Initiator, Operation, Outcome, Place, Principal, Report, ReportState, RolloutId, SafeText,
        Subject, SubjectKind, UnitId, flag::SiteRef,
    },
    driver::fleet::{Heard, UNITS_MAX},
    engine::{self, Context, Event, Progress, Reading, UnitReport},
    source::reported::{Arm, Reading as Pooled},
    wire::{Code, Desired, Problem},
};

/// Seconds that an apply command may take where the plan says nothing else.
const APPLY_DEADLINE: u64 = 600;

/// Most labels of a unit, and most facts and indicators of a report.
const LABELS_MAX: usize = 32;
const FACTS_MAX: usize = 128;
/// Most flags that a report says are held.
const FLAGS_MAX: usize = 500;

/// The answer to an agent's question.
pub(super) enum Asked {
    /// An order.
    Told(Desired),
    /// None now: wait for this, then ask again.
    Wait(Arc<Notify>),
}

impl Core {
    /// Whether a rollout would tell the unit something now.
    pub(super) fn has_order_for(&self, id: &RolloutId, unit: &UnitId) -> bool {
        self.rollouts.get(id).is_some_and(|record| {
            let context = Context { now: self.now(), plan: &record.stored.plan, held: &record.held };
            engine::wants(&record.stored.state, &unit.key(), &context)
        })
    }

    /// An agent asks what its unit is to run; `known` is the number of the last order that it has.
    pub(super) fn asked(
        &mut self,
        who: &Principal,
        unit: &UnitId,
        labels: &BTreeMap<String, SafeText>,
        known: u64,
    ) -> Result<Asked, Problem> {
        authorize::speaks_for(who, unit)?;
        if labels.len() > LABELS_MAX {
            return Err(
                Problem::new(Code::Invalid, format!("a unit has at most {LABELS_MAX} labels")).in_field("label")
            );
        }
        let now = self.now();
        let unknown = self.fleet.get(unit).is_none();
        if unknown && self.fleet.len() >= UNITS_MAX {
            return Err(Problem::new(
                Code::Unavailable,
                format!("this control plane takes {UNITS_MAX} units and has them"),
            ));
        }
        if self.fleet.enrol(unit, labels, now) {
            self.touched_units.insert(unit.clone());
            self.flags.units_moved();
            if unknown {
                let subject = Subject {
                    kind: SubjectKind::Unit,
                    target: Some(SafeText::new(unit.group.as_str())),
                    name: SafeText::new(unit.key().to_string()),
                };
                self.journal(Draft {
                    reason: Some(SafeText::new("its first poll")),
                    ..Draft::new(who.actor(), "enrolled", subject, Outcome::Applied)
                });
            } else {
                // Other labels may lie in another freeze.
                for id in self.rollouts_of(unit) {
                    if self.hold_again(&id) {
                        self.step(&id, &Event::Tick);
                    }
                    self.dirty.insert(id);
                }
            }
        }
        let last = self.fleet.get(unit).map_or(0, |u| u.generation);
        // An agent that remembers more than the server (a restored backup) is not given old numbers.
        let generation = last.max(known) + 1;
        for id in self.rollouts_of(unit) {
            if self.has_order_for(&id, unit) && self.standing(&id, unit) != Some(last) {
                self.step(&id, &Event::Asked { unit: unit.key(), generation });
            }
        }
        if self.fleet.get(unit).is_some_and(|u| u.generation == last) {
            self.bootstrap(unit, generation, who);
        }
        let order = self.fleet.get(unit).and_then(|u| {
            let order = u.order.as_ref()?;
            // Told before, and not known to the agent: it is said again under its number.
            let lost = u.generation == last && known < last && self.may_hear_again(unit);
            (u.generation != last || lost).then(|| (u.generation, order.clone()))
        });
        let Some((generation, order)) = order else {
            let waiter = self.waiters.entry(unit.clone()).or_default();
            return Ok(Asked::Wait(Arc::clone(waiter)));
        };
        let known = self.snapshots.get(&order.snapshot);
        let artifact = known
            .filter(|s| s.size.is_some())
            .map(|s| SafeText::new(format!("/agent/v1/snapshots/{}/artifact", s.digest)));
        Ok(Asked::Told(Desired {
            generation,
            version: known.map(|s| s.version.clone()).unwrap_or_default(),
            snapshot: order.snapshot,
            previous: order.previous,
            artifact,
            deadline: APPLY_DEADLINE,
        }))
    }

    fn standing(&self, id: &RolloutId, unit: &UnitId) -> Option<u64> {
        let record = self.rollouts.get(id)?;
        let context = Context { now: self.now(), plan: &record.stored.plan, held: &record.held };
        engine::standing(&record.stored.state, &unit.key(), &context)
    }

    /// Whether an order that the agent does not know, because it got lost on the way or the agent lost
    /// its memory, may be said again now. One that no agent ever acknowledged is held by a pause or a
    /// freeze that came since; one that was acknowledged has happened, and is what the unit is to run.
    fn may_hear_again(&self, unit: &UnitId) -> bool {
        self.rollouts_of(unit).iter().all(|id| {
            self.rollouts.get(id).is_none_or(|record| {
                record.stored.state.phase().is_terminal()
                    || !engine::is_unheard(&record.stored.state, &unit.key())
                    || self.has_order_for(id, unit)
            })
        })
    }

    /// Gives a unit that was never told anything the newest known-good snapshot of its group.
    fn bootstrap(&mut self, unit: &UnitId, generation: u64, who: &Principal) {
        let now = self.now();
        let Some(known) = self.fleet.get(unit).filter(|u| u.order.is_none()) else { return };
        let in_open_rollout = self
            .rollouts_of(unit)
            .iter()
            .any(|id| self.rollouts.get(id).is_some_and(|r| !r.stored.state.phase().is_terminal()));
        let place = Place {
            target: &unit.group,
            rollout: None,
            site: Some(&unit.site),
            lane: Some(&unit.lane),
            stage: None,
            labels: Some(&known.labels),
        };
        if in_open_rollout || !self.windows.freezes(&place, Operation::Advance, Initiator::Agent).is_empty() {
            return;
        }
        let newest = self
            .snapshots
            .values()
            .filter(|s| s.known_good && s.group.as_ref().is_none_or(|group| *group == unit.group))
            .max_by_key(|s| s.known_good_at);
        let Some(snapshot) = newest.map(|s| s.digest.clone()) else { return };
        let previous = known.present().cloned();
        if previous.as_ref() == Some(&snapshot) {
            return;
        }
        self.fleet.tell(unit, generation, snapshot.clone(), previous, now);
        self.touched_units.insert(unit.clone());
        let subject = Subject {
            kind: SubjectKind::Unit,
            target: Some(SafeText::new(unit.group.as_str())),
            name: SafeText::new(unit.key().to_string()),
        };
        self.journal(Draft {
            reason: Some(SafeText::new(format!(
                "it had no desired snapshot and is given {}, the newest known good of {}",
                snapshot.short(),
                unit.group
            ))),
            ..Draft::new(who.actor(), "bootstrapped", subject, Outcome::Applied)
        });
    }

    /// An agent reports.
    pub(super) fn heard(&mut self, who: &Principal, unit: &UnitId, mut report: Report) -> Result<(), Problem> {
        authorize::speaks_for(who, unit)?;
        let Some(known) = self.fleet.get(unit) else {
            return Err(Problem::new(
                Code::NotFound,
                format!("{unit} is not enrolled: an agent enrols its unit by asking for its desired state first"),
            ));
        };
        if report.generation != known.generation {
            return Err(Problem::new(
                Code::RevisionMismatch,
                format!(
                    "generation {} is not the present one of {unit}, which is {}",
                    report.generation, known.generation
                ),
            )
            .in_field("generation"));
        }
        if report.facts.len() > FACTS_MAX || report.slis.len() > FACTS_MAX {
            return Err(Problem::new(Code::Invalid, format!("a report has at most {FACTS_MAX} facts and indicators")));
        }
        // A report whose acknowledgement was lost is sent again: it is one check, not two in a row.
        let repeated = known.report.as_ref().is_some_and(|last| {
            last.checked_at.is_some()
                && (last.checked_at, last.generation, last.state)
                    == (report.checked_at, report.generation, report.state)
        });
        if repeated {
            return Ok(());
        }
        if report.flags.len() > FLAGS_MAX {
            return Err(Problem::new(Code::Invalid, format!("a report names at most {FLAGS_MAX} flags")));
        }
        report.labels.clear();
        self.figures.reports += 1;
        let now = self.now();
        let order = known.order.clone();
        // An agent may not call a success what it measured to be something else.
        let differs = match (&report.measured, &order) {
            (Some(measured), Some(order)) => *measured != order.snapshot,
            _ => false,
        };
        if report.state == ReportState::Healthy && differs {
            report.state = ReportState::Unhealthy;
        }
        let held = known.report.as_ref().map_or(!report.flags.is_empty(), |last| last.flags != report.flags);
        let before = known.report.as_ref().and_then(|last| last.audit_broken.clone());
        self.asked_at_site(unit, std::mem::take(&mut report.evaluated));
        if held {
            self.flags.units_moved();
        }
        if report.audit_broken != before {
            self.heard_of_trail(who, unit, report.audit_broken.as_ref());
        }
        if self.fleet.hear(unit, report.clone(), now) == Some(Heard::Progress) {
            self.touched_units.insert(unit.clone());
        }
        // A gate may ask for flags: by what the unit's agent holds of them, not by what it should.
        let facts = crate::gate::with_flags(&report.facts, &report.flags);
        for id in self.rollouts_of(unit) {
            let Some(record) = self.rollouts.get_mut(&id) else { continue };
            let runs = report.measured.as_ref().or(report.claimed.as_ref());
            let has_candidate = judging::has_candidate(record, &unit.key(), runs, Some(&report.flags));
            let arm = if has_candidate { Arm::Canary } else { Arm::Baseline };
            if record.stored.state.is_judged() {
                self.reported.observe(&Pooled {
                    rollout: &id,
                    slice: judging::slice(&record.stored.plan.telemetry),
                    at: now,
                    unit: &unit.key(),
                    arm,
                    slis: &report.slis,
                });
            }
            let plan = &record.stored.plan;
            let progress = if plan.snapshot.is_some() { progress(&report) } else { check(&report) };
            let readings = if matches!(progress, Some(Progress::Healthy | Progress::Unhealthy)) {
                read_gates(record, &facts)
            } else {
                Vec::new()
            };
            let wanted = record.stored.state.flag_of(&unit.key(), plan);
            let flag = wanted.and_then(|wanted| report.flags.get(&wanted.key).cloned());
            if let Some(progress) = progress {
                let said = UnitReport {
                    generation: report.generation,
                    progress,
                    measured: report.measured.clone(),
                    claimed: report.claimed.clone(),
                    readings,
                    flag,
                };
                self.step(&id, &Event::Reported { unit: unit.key(), report: said });
            }
            self.dirty.insert(id);
        }
        Ok(())
    }
}

impl Core {
    /// Clients of the site asked its agent for flags: they are in use there, although nobody asked the server.
    fn asked_at_site(&mut self, unit: &UnitId, evaluated: BTreeMap<FlagKey, DateTime<Utc>>) {
        let now = self.now();
        let site = Some(SiteRef { group: unit.group.clone(), site: unit.site.clone() });
        for (key, at) in evaluated.into_iter().take(FLAGS_MAX) {
            if self.flags.get(&key).is_some() {
                // Its clock may be ahead of ours.
                self.flags.usage.site(&site).count(&key, at.min(now), 0);
            }
        }
    }

    /// An agent holds the trail against what it remembers of it, and found that it does not go on from that,
    /// or that it does again.
    fn heard_of_trail(&mut self, who: &Principal, unit: &UnitId, broken: Option<&SafeText>) {
        let subject = Subject {
            kind: SubjectKind::Unit,
            target: Some(SafeText::new(unit.group.as_str())),
            name: SafeText::new(unit.key().to_string()),
        };
        let (action, outcome, reason) = match broken {
            Some(why) => ("audit_inconsistent", Outcome::Failed, why.clone()),
            None => (
                "audit_consistent",
                Outcome::Applied,
                SafeText::new("the trail goes on from what this agent remembers of it again"),
            ),
        };
        self.touched_units.insert(unit.clone());
        self.journal(Draft { reason: Some(reason), ..Draft::new(who.actor(), action, subject, outcome) });
    }
}

fn read_gates(record: &super::core::Record, facts: &Facts) -> Vec<Reading> {
    record
        .gates
        .iter()
        .map(|(gate, expression)| {
            let evaluation = expression.evaluate(facts);
            Reading { gate: gate.clone(), truth: evaluation.truth, why: evaluation.why }
        })
        .collect()
}

/// What a report's check says where no snapshot was ordered: the unit's own, whatever it was told before.
fn check(report: &Report) -> Option<Progress> {
    let is_check = report.checked_at.is_some();
    match report.state {
        ReportState::Applying | ReportState::Applied => None,
        ReportState::Healthy => Some(Progress::Healthy),
        ReportState::Idle if is_check && report.category.is_none() => Some(Progress::Healthy),
        ReportState::Idle if !is_check => None,
        ReportState::Idle | ReportState::Unhealthy | ReportState::Failed => Some(Progress::Unhealthy),
    }
}

fn progress(report: &Report) -> Option<Progress> {
    Some(match report.state {
        ReportState::Idle => return None,
        ReportState::Applying => Progress::Applying,
        ReportState::Applied => Progress::Applied,
        ReportState::Healthy => Progress::Healthy,
        ReportState::Unhealthy => Progress::Unhealthy,
        ReportState::Failed => Progress::Failed {
            category: report.category.unwrap_or(crate::domain::FailureCategory::Apply),
            output_tail: report.output_tail.clone(),
        },
    })
}
