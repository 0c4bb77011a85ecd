//! Traffic with known truth: bad events of two arms, independent or in bursts.

use chrono::{DateTime, TimeDelta, Utc};
use rand::{SeedableRng, rngs::StdRng};
use rand_distr::{Beta, Binomial, Distribution};

use super::evidence::{Counts, Slice};

/// What two arms are like, slice for slice.
#[derive(Debug, Clone, Copy)]
pub struct Truth {
    /// Requests of the canary in a slice.
    pub canary: u32,
    /// Requests of the baseline in a slice.
    pub baseline: u32,
    /// The share of them that is bad.
    pub rate: f64,
    /// How many times as large the canary's is, from `onset` on.
    pub factor: f64,
    /// The slice from which it is.
    pub onset: u32,
    /// The correlation of requests of one slice and arm: 0 for independent ones. The arms' bursts are
    /// independent of each other, which is the worst case: shared ones cancel in the difference.
    pub correlation: f64,
}

/// A rollout under that truth: the same seed gives the same.
pub struct Rollout {
    truth: Truth,
    random: StdRng,
    minute: u32,
}

impl Rollout {
    /// One rollout of many.
    pub fn new(truth: Truth, seed: u64) -> Self {
        Self { truth, random: StdRng::seed_from_u64(seed), minute: 0 }
    }

    /// The baseline's slices before.
    pub fn history(&mut self, slices: u32) -> Vec<Counts> {
        (0..slices).map(|_| self.arm(self.truth.baseline, self.truth.rate)).collect()
    }

    /// The next slice.
    pub fn slice(&mut self) -> Slice {
        let factor = if self.minute >= self.truth.onset { self.truth.factor } else { 1.0 };
        let at = DateTime::<Utc>::UNIX_EPOCH + TimeDelta::minutes(i64::from(self.minute));
        self.minute += 1;
        let canary = self.arm(self.truth.canary, (self.truth.rate * factor).min(1.0));
        let baseline = self.arm(self.truth.baseline, self.truth.rate);
        Slice { at, merged: 1, canary, baseline }
    }

    fn arm(&mut self, total: u32, rate: f64) -> Counts {
        let correlation = self.truth.correlation;
        let rate = if correlation > 0.0 && rate > 0.0 && rate < 1.0 {
            let size = 1.0 / correlation - 1.0;
            Beta::new(rate * size, (1.0 - rate) * size).unwrap().sample(&mut self.random)
        } else {
            rate
        };
        let bad = Binomial::new(u64::from(total), rate).unwrap().sample(&mut self.random);
        Counts { bad: bad as f64, total: f64::from(total) }
    }
}
