//! The metrics server of a simulation: what it says of each rollout is drawn from a known truth, by
//! slice, arm and indicator, the same for the same seed whenever it is asked. SIMULATED, as all here.

use std::{
    collections::BTreeMap,
    sync::{PoisonError, RwLock},
};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use rand::{Rng, SeedableRng as _, rngs::StdRng};
use rand_distr::{Distribution as _, Normal, Poisson};

use crate::{
    domain::{
        RolloutId,
        sli::{Direction, SliKind, SliQueries},
    },
    judge::evidence::{Amount, Counts, Observed},
    source::{Answer, SliSource, SourceError, Wanted},
};

/// Its name, as the plans of scenarios say it.
pub(super) const NAME: &str = "simulated";
/// The length of a slice, in seconds: twelve times as fast as life, so that a demo is no vigil.
pub(super) const SLICE: u32 = 5;
/// Requests a second of a whole service, and the canary's share of them.
const RATE: f64 = 300.0;
const SHARE: f64 = 0.1;
/// What is bad in a healthy service: five of a thousand requests.
const ERRORS: f64 = 0.005;
/// Half of the requests take less than that, in seconds; the logarithm's spread.
const MEDIAN: f64 = 0.08;
const SPREAD: f64 = 0.5;
/// Buckets of durations: each nine percent wider than the one before, from 10 ms.
const BUCKETS: u32 = 64;
const WIDTH: f64 = 1.09;
/// What a gauge stands at, and how far it strays.
const LEVEL: f64 = 0.6;
const STRAY: f64 = 0.02;

/// How a candidate does worse than what ran before, as its telemetry shows it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Truth {
    /// Since when.
    pub(super) from: DateTime<Utc>,
    /// How many times as many requests fail.
    pub(super) errors: f64,
    /// How many times as long requests take.
    pub(super) slow: f64,
}

/// The server.
#[derive(Debug)]
pub(super) struct Telemetry {
    seed: u64,
    /// Without noise every slice is what is expected of it, so that nothing changes.
    noise: bool,
    truths: RwLock<BTreeMap<RolloutId, Truth>>,
}

impl Telemetry {
    pub(super) fn new(seed: u64, noise: bool) -> Self {
        Self { seed, noise, truths: RwLock::default() }
    }

    /// Says what is true of a rollout's candidate; of others, that it is as good as what ran before.
    pub(super) fn tell(&self, rollout: RolloutId, truth: Truth) {
        self.truths.write().unwrap_or_else(PoisonError::into_inner).insert(rollout, truth);
    }

    fn answer(&self, wanted: &Wanted) -> Answer {
        let truths = self.truths.read().unwrap_or_else(PoisonError::into_inner);
        let truth = truths.get(&wanted.rollout);
        let length = TimeDelta::seconds(i64::from(wanted.slice.max(1)));
        let mut slices = Vec::new();
        let mut at = wanted.from;
        while at < wanted.to {
            let fault = truth.filter(|truth| truth.from <= at);
            let draw = |is_canary: bool| self.amount(wanted, at, is_canary, fault.filter(|_| is_canary));
            slices.push(Observed { at, canary: Some(draw(true)), baseline: Some(draw(false)) });
            at += length;
        }
        // A service that is in order spent two fifths of its budget.
        let objective = wanted.spec.objective.filter(|_| wanted.spent);
        let spent = objective.map(|objective| {
            let total = RATE * wanted.spec.period;
            Counts { bad: total * (1.0 - objective) * 0.4, total }
        });
        Answer { slices, spent, ..Answer::default() }
    }

    fn amount(&self, wanted: &Wanted, at: DateTime<Utc>, is_canary: bool, fault: Option<&Truth>) -> Amount {
        let mut chance = Chance { rng: self.sequence(wanted, at, is_canary), noise: self.noise };
        let share = if is_canary { SHARE } else { 1.0 - SHARE };
        let requests = chance.events(RATE * f64::from(wanted.slice) * share);
        let (errors, slow) = fault.map_or((1.0, 1.0), |truth| (truth.errors, truth.slow));
        match wanted.spec.kind {
            SliKind::Ratio | SliKind::Count => {
                let bad = chance.events(requests * (ERRORS * errors).min(1.0)).min(requests);
                Amount::Events(Counts { bad, total: requests })
            }
            SliKind::Latency => {
                let bounds: Vec<f64> = (0..BUCKETS).map(|n| 0.01 * WIDTH.powi(n.cast_signed())).collect();
                let below = |bound: f64| normal((bound / (MEDIAN * slow)).ln() / SPREAD);
                let mut last = 0.0;
                let mut counts: Vec<f64> = Vec::with_capacity(bounds.len() + 1);
                for bound in &bounds {
                    let share = below(*bound);
                    counts.push(chance.events(requests * (share - last)));
                    last = share;
                }
                counts.push(chance.events(requests * (1.0 - last)));
                Amount::Durations { bounds, counts }
            }
            SliKind::Gauge => {
                let worse = if wanted.spec.direction == Direction::LowerIsWorse { 1.0 / slow } else { slow };
                Amount::Value(((LEVEL * worse + chance.stray(STRAY)) * 1000.0).round() / 1000.0)
            }
        }
    }

    /// A sequence of its own for each slice, so that what is asked twice is answered alike.
    fn sequence(&self, wanted: &Wanted, at: DateTime<Utc>, is_canary: bool) -> StdRng {
        let name = format!("{}/{}/{}/{is_canary}", wanted.rollout, wanted.spec.name, at.timestamp());
        StdRng::seed_from_u64(super::unit::seed_of(&name, self.seed))
    }
}

/// What chance makes of what is expected.
struct Chance<R> {
    rng: R,
    noise: bool,
}

impl<R: Rng> Chance<R> {
    /// So many events, where so many are expected.
    fn events(&mut self, expected: f64) -> f64 {
        match Poisson::new(expected) {
            Ok(poisson) if self.noise && expected > 0.0 => poisson.sample(&mut self.rng),
            _ => expected.max(0.0).round(),
        }
    }

    fn stray(&mut self, spread: f64) -> f64 {
        match Normal::new(0.0, spread) {
            Ok(normal) if self.noise => normal.sample(&mut self.rng),
            _ => 0.0,
        }
    }
}

/// The share of a standard normal distribution below a value.
fn normal(value: f64) -> f64 {
    statrs::function::erf::erfc(-value / std::f64::consts::SQRT_2) / 2.0
}

#[async_trait]
impl SliSource for Telemetry {
    fn name(&self) -> &str {
        NAME
    }

    fn check(&self, _: &SliQueries) -> Result<(), String> {
        Ok(())
    }

    async fn collect(&self, wanted: &[Wanted]) -> Vec<Result<Answer, SourceError>> {
        wanted.iter().map(|wanted| Ok(self.answer(wanted))).collect()
    }
}
