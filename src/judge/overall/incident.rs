//! Trouble of the baseline's own: a shared incident, in which both versions suffer, is no reason to
//! send one of them back.

use super::votes::Voter;
use crate::{
    domain::sli::{Direction, SliKind, TelemetryState},
    judge::{
        burst::{Against, Bursts},
        events::{self, Harm},
        evidence::{Counts, Evidence, Slice},
        words,
    },
};

/// The rate at which a baseline that burns its budget has an incident.
pub const INCIDENT_BURN: f64 = 3.0;
/// Evidence that the baseline is worse than before the step, from which on it has one.
pub const INCIDENT_EVIDENCE: f64 = 100.0;
/// How many times as bad as the baseline a canary must be in an incident, to be sent back none the less.
pub const INCIDENT_RATIO: f64 = 2.0;

/// Bad events of the baseline without which it burns nothing.
const BURN_EVENTS: f64 = 10.0;
/// The ratio of rates that is no incident: errors drift within an hour.
const DRIFT: f64 = 1.5;
/// Slices that are compared with those before the step.
const RECENT: usize = 15;

/// An incident, and what says so.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Incident {
    pub(super) indicator: String,
    pub(super) text: String,
}

/// The baseline's trouble, where it has any.
pub(super) fn of_baseline(voters: &[Voter<'_>]) -> Option<Incident> {
    voters.iter().filter(|voter| voter.evidence.telemetry.state == TelemetryState::Ok).find_map(|voter| {
        let text = burns(voter).or_else(|| is_worse(voter.evidence))?;
        Some(Incident { indicator: voter.name().to_owned(), text })
    })
}

/// Whether the canary is so much worse than a baseline in trouble, that it has trouble of its own.
pub(super) fn exceeds(voter: &Voter<'_>) -> bool {
    harm_ratio(voter).is_some_and(|ratio| ratio >= INCIDENT_RATIO)
}

fn burns(voter: &Voter<'_>) -> Option<String> {
    let burn = voter.judgement.burn?;
    let rate = burn.baseline.filter(|rate| *rate >= INCIDENT_BURN)?;
    let bad: f64 = voter.evidence.latest.iter().map(|slice| slice.baseline.bad).sum();
    (bad >= BURN_EVENTS).then(|| {
        let times = words::three_digits(rate);
        format!("the baseline burns its budget {times}x as well: an incident that is not the release's alone")
    })
}

/// Whether the baseline of the latest slices is worse than the same baseline before the step.
fn is_worse(evidence: &Evidence) -> Option<String> {
    let recent = recent(evidence);
    let against = if evidence.spec.kind == SliKind::Count { Against::Exposure } else { Against::Events };
    let bursts = Bursts::measure(evidence.history.iter().map(|counts| (*counts, 1)), against);
    let now = recent.iter().map(|slice| slice.baseline).fold(Counts::default(), Counts::plus);
    let before = evidence.history.iter().copied().fold(Counts::default(), Counts::plus);
    let (harm, of) = telling(evidence, before);
    let hit = recent.iter().filter(|slice| slice.baseline.bad > 0.0).count() as f64;
    let expected = of(before) * now.total / before.total;
    let enough = of(now).max(expected) >= events::FAIL_EVENTS && hit >= events::FAIL_SLICES;
    if !(enough && before.total > 0.0 && now.total > 0.0) {
        return None;
    }
    let effect = |counts: Counts, slices: usize| bursts.effect(counts.total / slices.max(1) as f64, against);
    let (now_effect, before_effect) = (effect(now, recent.len()), effect(before, evidence.history.len()));
    let (now_total, before_total) = (now.total / now_effect, before.total / before_effect);
    let mut found = events::LikelihoodRatios::default();
    let share = now_total / (now_total + before_total);
    found.add(of(now) / now_effect, of(before) / before_effect, share, DRIFT, harm);
    (found.ln() >= INCIDENT_EVIDENCE.ln()).then(|| {
        let share = |counts: Counts| words::percent(counts.bad / counts.total);
        format!(
            "the baseline itself is worse than before the step ({} bad against {}): an incident that is not the release's alone",
            share(now),
            share(before)
        )
    })
}

/// The events that tell best, and what of them would be harm: the rarer kind of a ratio, because with 97 % of
/// visitors not converted, hardly more can be; those that are counted otherwise.
fn telling(evidence: &Evidence, usual: Counts) -> (Harm, fn(Counts) -> f64) {
    let spec = &evidence.spec;
    match spec.kind {
        SliKind::Count if spec.direction == Direction::LowerIsWorse => (Harm::Fewer, |counts| counts.bad),
        SliKind::Ratio | SliKind::Latency if usual.bad > usual.total / 2.0 => {
            (Harm::Fewer, |counts| counts.total - counts.bad)
        }
        _ => (Harm::More, |counts| counts.bad),
    }
}

/// The latest slices of the step.
fn recent(evidence: &Evidence) -> Vec<Slice> {
    let of_step = evidence.latest.iter().filter(|slice| slice.at >= evidence.since);
    let mut recent: Vec<Slice> = of_step.rev().take(RECENT).copied().collect();
    recent.reverse();
    recent
}

/// How many times as bad the canary is; without end where the baseline has nothing bad.
fn harm_ratio(voter: &Voter<'_>) -> Option<f64> {
    let evidence = voter.evidence;
    let (canary, baseline) = recent(evidence).iter().fold((Counts::default(), Counts::default()), |sums, slice| {
        (sums.0.plus(slice.canary), sums.1.plus(slice.baseline))
    });
    if canary.total > 0.0 && baseline.total > 0.0 {
        let (harm, of) = telling(evidence, baseline);
        let (of_canary, of_baseline) = (of(canary) / canary.total, of(baseline) / baseline.total);
        let (more, less) = match harm {
            Harm::More => (of_canary, of_baseline),
            Harm::Fewer => (of_baseline, of_canary),
        };
        return match (more > 0.0, less > 0.0) {
            (_, true) => Some(more / less),
            (true, false) => Some(f64::INFINITY),
            (false, false) => None,
        };
    }
    let ratio = voter.judgement.ratio.filter(|ratio| *ratio > 0.0)?;
    Some(match evidence.spec.direction {
        Direction::HigherIsWorse => ratio,
        Direction::LowerIsWorse => 1.0 / ratio,
        Direction::Either => ratio.max(1.0 / ratio),
    })
}
