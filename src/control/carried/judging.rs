//! The judge over rollouts that are carried out elsewhere: indicators that the context declares, canary
//! against baseline told apart by the hashes of their pod templates. What it concludes is shown and
//! warned of; to go back or on is the controller's own, or a person's.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};

use super::Carried;
use crate::{
    control::{
        core::Core,
        judging::{Heard, Judging, next_look, slice},
        telemetry::Round,
    },
    domain::{
        Blocker, BlockerKind, Rollout, RolloutId, SafeText, Verdict,
        plan::{ArmsBy, PlanSli, PlanTelemetry},
        rollout::{Check, CheckState},
    },
    source::Wanted,
};

/// Indicators of every rollout that is carried out elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Declared {
    /// Where they come from.
    pub telemetry: PlanTelemetry,
    /// What is measured.
    pub slis: Vec<PlanSli>,
}

impl Declared {
    /// Whether each can be understood.
    ///
    /// # Errors
    /// Which cannot, and why.
    pub fn check(&self) -> Result<(), String> {
        Judging::declared(&self.telemetry, &self.slis).map(|_| ())
    }
}

impl Core {
    /// Begins to judge a candidate, where indicators are declared and it can be told from the stable one.
    pub(super) fn judge_candidate(&self, rollout: &Rollout) -> Judging {
        let Some(declared) = &self.options.declared else { return Judging::default() };
        let mut judging = Judging::declared(&declared.telemetry, &declared.slis).unwrap_or_else(|error| {
            // They were checked when the control plane was set up.
            tracing::error!("the indicators of {} cannot be judged: {error}", rollout.id());
            Judging::default()
        });
        judging.enter(rollout.created_at, &BTreeMap::new());
        judging
    }

    /// What is to be asked now for rollouts that are carried out elsewhere.
    pub(in crate::control) fn telemetry_of_carried(&mut self, now: DateTime<Utc>, round: &mut Round) {
        let Some(Declared { telemetry, .. }) = &self.options.declared else { return };
        for (id, carried) in &mut self.carried {
            let rollout = &carried.sighting.rollout;
            let Some(arms) = carried.sighting.arms.as_ref().filter(|_| !rollout.phase.is_terminal()) else { continue };
            let service = telemetry.service.clone().unwrap_or_else(|| SafeText::new(id.name.as_str()));
            if carried.judging.due_by(now, next_look(now, slice(telemetry))) {
                for (spec, queries, range) in carried.judging.ranges(now) {
                    let wanted = Wanted {
                        rollout: id.clone(),
                        spec,
                        queries,
                        service: service.clone(),
                        arms: ArmsBy::Release,
                        canary: vec![arms.canary.clone()],
                        baseline: vec![arms.baseline.clone()],
                        slice: slice(telemetry),
                        from: range.from,
                        to: range.to,
                        spent: range.spent,
                    };
                    round.wanted.entry(telemetry.source.clone()).or_default().push(wanted);
                }
            }
            round.next = [round.next, carried.judging.due()].into_iter().flatten().min();
        }
    }

    /// Takes what a source said of such a rollout; `false` when it is none.
    pub(in crate::control) fn carried_heard(&mut self, heard: &Heard, now: DateTime<Utc>) -> bool {
        let Some(carried) = self.carried.get_mut(&heard.wanted.rollout) else { return false };
        if carried.judging.heard(heard, now) && heard.answer.is_err() {
            self.figures.source_errors += 1;
        }
        true
    }

    /// Judges such a rollout.
    pub(in crate::control) fn judge_carried(&mut self, id: &RolloutId, now: DateTime<Utc>) {
        let Some(carried) = self.carried.get_mut(id) else { return };
        self.figures.judgements += carried.judging.look(now, Duration::ZERO, None) as u64;
        self.dirty.insert(id.clone());
    }
}

impl Carried {
    /// Adds what the judge says to what is shown: its indicators beside the controller's own analysis, and of
    /// both verdicts the weightier.
    pub(super) fn add_judged(&self, rollout: &mut Rollout) {
        let judged = self.judging.slis(None);
        if judged.is_empty() {
            return;
        }
        let verdict = self.judging.verdict(&judged);
        if verdict.label == Verdict::Fail && !rollout.phase.is_terminal() {
            rollout.blockers.push(Blocker {
                kind: BlockerKind::Breach,
                summary: SafeText::new(format!("the judge says fail, and only says it: {}", verdict.why)),
                since: None,
                until: None,
            });
        }
        if rollout.slis.is_empty() || weight(verdict.label) > weight(rollout.verdict.label) {
            rollout.verdict = verdict;
        }
        rollout.slis.extend(judged);
    }

    /// What the judge has to say of a promotion that is asked about.
    pub(in crate::control) fn warning(&self) -> Option<Check> {
        let judged = self.judging.slis(None);
        let verdict = self.judging.verdict(&judged);
        (!judged.is_empty() && matches!(verdict.label, Verdict::Fail | Verdict::Watch)).then(|| Check {
            state: CheckState::Warn,
            text: SafeText::new(format!("the judge says {}: {}", verdict.label.as_str(), verdict.why)),
        })
    }
}

/// Which of two verdicts is told.
const fn weight(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Fail => 4,
        Verdict::Watch => 3,
        Verdict::NoData => 2,
        Verdict::Insufficient => 1,
        Verdict::Pass => 0,
    }
}
