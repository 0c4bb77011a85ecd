//! Whole rollouts with known truth, from slices to decisions: a clean one is not sent back, a broken one is,
//! and trouble that is not the release's own rolls nothing back. (`tests/bench` has the tables of how often.)

use chrono::{DateTime, TimeDelta, Utc};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use rand_distr::{Distribution as _, Normal, Poisson};

use super::{
    evidence::{Amount, Counts, Evidence, Judgement, Observed, Spec},
    judge,
    ledger::{Given, Ledger},
    overall::{Conclusion, Decision, Memory, Situation, Step, overall},
};
use crate::domain::{
    SafeText,
    sli::{Direction, Family, Scoring, SliKind},
};

const SLICE: i64 = 60;

fn minute(number: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600 + SLICE * number, 0).unwrap()
}

/// What is wrong, from the step's 20th minute on.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    Nothing,
    /// The canary has ten times the errors, and one in ten of its requests is slow.
    Broken,
    /// Both arms have ten times the errors.
    Shared,
    /// The source does not answer.
    Silent,
    /// The canary's series are gone.
    CanaryGone,
}

const ONSET: i64 = 20;
const BOUNDS: [f64; 10] = [25.0, 50.0, 75.0, 100.0, 150.0, 200.0, 250.0, 300.0, 400.0, 500.0];

fn indicators() -> Vec<Spec> {
    let one = |name: &str, kind, family, objective| Spec {
        name: SafeText::new(name),
        kind,
        family,
        unit: SafeText::new(if kind == SliKind::Latency { "ms" } else { "ratio" }),
        direction: Direction::HigherIsWorse,
        critical: name == "errors",
        required: kind != SliKind::Count,
        observe_only: false,
        objective,
        period: 30.0 * 86_400.0,
        threshold: (kind == SliKind::Latency).then_some(300.0),
        limit: None,
        scoring: Scoring::Sequential,
    };
    vec![
        one("errors", SliKind::Ratio, Family::Availability, Some(0.99)),
        one("database errors", SliKind::Ratio, Family::Availability, None),
        one("latency", SliKind::Latency, Family::Latency, Some(0.99)),
        one("conversion", SliKind::Ratio, Family::Business, None),
        one("restarts", SliKind::Count, Family::Health, None),
        one("cpu", SliKind::Gauge, Family::Saturation, None),
        one("cost", SliKind::Gauge, Family::Cost, None),
        one("wrong answers", SliKind::Ratio, Family::Quality, None),
    ]
}

struct World {
    random: StdRng,
    fault: Fault,
}

impl World {
    fn poisson(&mut self, mean: f64) -> f64 {
        if mean > 0.0 { Poisson::new(mean).unwrap().sample(&mut self.random) } else { 0.0 }
    }

    /// An arm in one minute: its requests, and whether it is the one that is broken.
    fn amount(&mut self, spec: &Spec, requests: f64, is_broken: bool) -> Amount {
        match spec.kind {
            SliKind::Latency => {
                let median: f64 = if is_broken { 105.0 } else { 60.0 };
                let spread = Normal::new(median.ln(), 0.55).unwrap();
                let mut counts = vec![0.0; BOUNDS.len() + 1];
                for _ in 0..requests as usize {
                    let took: f64 = spread.sample(&mut self.random).exp();
                    counts[BOUNDS.partition_point(|bound| *bound < took)] += 1.0;
                }
                Amount::Durations { bounds: BOUNDS.to_vec(), counts }
            }
            SliKind::Gauge => Amount::Value(10.0 + self.random.random_range(-1.0..1.0)),
            SliKind::Count => {
                let bad = self.poisson(0.02 * requests / 1000.0);
                Amount::Events(Counts { bad, total: requests })
            }
            SliKind::Ratio => {
                let rate = match spec.name.as_str() {
                    "errors" if is_broken => 0.05,
                    "errors" => 0.005,
                    "conversion" => 0.3,
                    _ => 0.01,
                };
                let bad = self.poisson(rate * requests).min(requests);
                Amount::Events(Counts { bad, total: requests })
            }
        }
    }

    fn slice(&mut self, spec: &Spec, number: i64) -> Observed {
        let faulty = number >= ONSET;
        let (canary_broken, baseline_broken) = match self.fault {
            Fault::Broken => (faulty, false),
            Fault::Shared => (faulty, faulty),
            Fault::Nothing | Fault::Silent | Fault::CanaryGone => (false, false),
        };
        let (of_canary, of_baseline) = (self.poisson(200.0), self.poisson(800.0));
        let gone = self.fault == Fault::CanaryGone && faulty || number < 0;
        Observed {
            at: minute(number),
            canary: (!gone).then(|| self.amount(spec, of_canary, canary_broken)),
            baseline: Some(self.amount(spec, of_baseline, baseline_broken)),
        }
    }
}

/// What was decided, minute by minute.
fn roll_out(seed: u64, fault: Fault, minutes: i64) -> Vec<Conclusion> {
    let mut world = World { random: StdRng::seed_from_u64(seed), fault };
    let mut ledgers: Vec<Ledger> =
        indicators().into_iter().map(|spec| Ledger::new(spec, SLICE as u32, TimeDelta::seconds(180))).collect();
    let mut before = Memory::default();
    for ledger in &mut ledgers {
        ledger.begin_step(minute(0));
    }
    // What was said of a minute is said again of it.
    let mut told: Vec<Vec<Observed>> = vec![Vec::new(); ledgers.len()];
    let mut conclusions = Vec::new();
    for now in 1..=minutes {
        for (ledger, told) in ledgers.iter_mut().zip(&mut told) {
            let wanted = ledger.wanted(minute(now));
            let spec = ledger.spec().clone();
            let next = told.last().map_or(-60, |last| (last.at - minute(0)).num_minutes() + 1);
            told.extend((next..now).map(|number| world.slice(&spec, number)));
            let slices: Vec<Observed> =
                told.iter().filter(|slice| slice.at >= wanted.from && slice.at < wanted.to).cloned().collect();
            let answer = if fault == Fault::Silent && now >= ONSET {
                Err("no answer in 10 s")
            } else {
                Ok(Given { slices: &slices, ..Given::default() })
            };
            ledger.take(minute(now), answer);
        }
        let evidence: Vec<Evidence> = ledgers.iter().map(|ledger| ledger.evidence(minute(now))).collect();
        let judgements: Vec<Judgement> = evidence.iter().map(judge).collect();
        for (ledger, judgement) in ledgers.iter_mut().zip(&judgements) {
            ledger.commit(judgement);
        }
        let step = Step { since: minute(0), dwell: 600.0, ends: None };
        let situation = Situation { at: minute(now), step, indicators: evidence, correlated: Vec::new(), before };
        let conclusion = overall(&situation, &judgements);
        before = conclusion.after;
        conclusions.push(conclusion);
    }
    conclusions
}

fn first(conclusions: &[Conclusion], decision: Decision) -> Option<i64> {
    (1..).zip(conclusions).find(|(_, conclusion)| conclusion.decision == decision).map(|(minute, _)| minute)
}

#[test]
fn clean_rollouts_are_not_sent_back_and_get_to_go_on() {
    for seed in 0..6 {
        let conclusions = roll_out(seed, Fault::Nothing, 45);
        assert_eq!(first(&conclusions, Decision::Rollback), None, "seed {seed}");
        assert!(first(&conclusions, Decision::Promote).is_some(), "seed {seed}: {}", conclusions[44].why);
    }
}

#[test]
fn a_broken_canary_is_sent_back_within_minutes() {
    for seed in 10..14 {
        let conclusions = roll_out(seed, Fault::Broken, ONSET + 10);
        let at = first(&conclusions, Decision::Rollback);
        assert!(at.is_some_and(|at| at > ONSET && at <= ONSET + 8), "seed {seed}: {at:?}");
        let sent = &conclusions[at.unwrap() as usize - 1];
        assert!(sent.failed.contains(&Family::Availability), "seed {seed}: {}", sent.why);
        let promoted_late = conclusions[ONSET as usize + 3..].iter().any(|c| c.decision == Decision::Promote);
        assert!(!promoted_late, "seed {seed}");
    }
}

#[test]
fn trouble_of_both_arms_halts_and_sends_nothing_back() {
    for seed in 20..23 {
        let conclusions = roll_out(seed, Fault::Shared, ONSET + 15);
        assert_eq!(first(&conclusions, Decision::Rollback), None, "seed {seed}");
        assert_eq!(conclusions.last().unwrap().decision, Decision::Halt, "seed {seed}");
    }
}

#[test]
fn silence_halts_and_sends_nothing_back() {
    for (seed, fault) in [(30, Fault::Silent), (31, Fault::CanaryGone)] {
        let conclusions = roll_out(seed, fault, ONSET + 15);
        assert_eq!(first(&conclusions, Decision::Rollback), None, "{fault:?}");
        let last = conclusions.last().unwrap();
        assert_eq!(last.decision, Decision::Halt, "{fault:?}");
        assert!(last.reasons.iter().any(|reason| reason.halts && !reason.kind.is_of_harm()), "{fault:?}: {}", last.why);
    }
}
