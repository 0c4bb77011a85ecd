//! Where a quantile lies, at all looks at once, from bucket counts alone.
//!
//! How many observations lie at or below a bucket's bound is binomial. So at every bound there is a
//! test of whether the quantile lies above it, and one of whether it does not: beta-binomial mixtures
//! ([`Mixture`]), which may be looked at as often as one likes. The quantile lies in the band between
//! the last bound that it is proven to be above and the first that it is proven not to be above
//! (Howard and Ramdas, "Sequential estimation of quantiles", 2022). Nothing is assumed of how values
//! are spread inside a bucket; a coarse bucket makes a wide band.
//!
//! A band is found without the mixture's bound, which would take a root finding: the tests are made
//! at the bounds themselves, of which few are needed, since they come true in order.

use std::sync::LazyLock;

use super::histogram::{self, Estimate, Histogram};

mod mixture;

#[cfg(test)]
mod tests;

pub use mixture::{Mixture, Sides};

/// The number of observations for which bounds are tightest.
pub const TIGHTEST_AT: f64 = 1000.0;

/// Floors: the fewest effective observations of an arm with which its quantile is judged.
const FLOORS: [(f64, f64); 3] = [(0.5, 100.0), (0.05, 250.0), (0.01, 1000.0)];

/// Two neighbouring bounds that differ by more than this share hide a change that matters.
pub const COARSE: f64 = 0.15;

/// Observations from which on the distribution as a whole is compared.
pub const SHAPE_FROM: f64 = 100.0;

/// A quantile that is none.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("{0} is no quantile: it lies between 0 and 1, as 0.95 does")]
pub struct NoQuantile(pub f64);

/// Observations of one arm: how many are at or below each bound, and all.
#[derive(Debug, Clone, PartialEq)]
pub struct Arm<'a> {
    /// Upper bounds of the buckets but the last, ascending.
    pub bounds: &'a [f64],
    /// How many observations are at or below each of them.
    pub below: Vec<f64>,
    /// All observations.
    pub total: f64,
    /// How much more they vary than independent ones would (the design effect); 1 for those.
    pub effect: f64,
}

impl<'a> Arm<'a> {
    /// From the counts of each bucket (not cumulative), those beyond the last bound last.
    #[must_use]
    pub fn new(bounds: &'a [f64], counts: &[f64], effect: f64) -> Self {
        let mut below = histogram::cumulative(counts);
        below.resize(bounds.len() + 1, below.last().copied().unwrap_or(0.0));
        let total = below.pop().unwrap_or(0.0);
        // Not `max`, which would take an effect that is no number for 1 silently in the other order.
        let effect = if effect > 1.0 { effect } else { 1.0 };
        Self { bounds, below, total, effect }
    }

    /// Of a histogram.
    #[must_use]
    pub fn of(histogram: &'a Histogram, effect: f64) -> Self {
        Self::new(histogram.bounds(), histogram.counts(), effect)
    }

    /// As many independent observations as would say the same.
    #[must_use]
    pub fn effective(&self) -> f64 {
        self.total / self.effect
    }

    /// The value of a quantile; none without observations.
    #[must_use]
    pub fn estimate(&self, q: f64) -> Option<Estimate> {
        histogram::estimate(self.bounds, &self.below, self.total, q)
    }

    /// What the quantile is above if nothing is: 0 for durations.
    fn least(&self) -> f64 {
        if self.bounds.first().is_some_and(|first| *first <= 0.0) { f64::NEG_INFINITY } else { 0.0 }
    }
}

/// Where a quantile lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band {
    /// The largest bound that it is proven to be above; 0 if there is none.
    pub low: f64,
    /// The smallest bound that it is proven not to be above; infinite if there is none.
    pub high: f64,
}

/// The tests of one quantile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantile {
    q: f64,
    /// Evidence that fewer than `q` of all values are at or below a bound, so that it lies above it.
    above: Mixture,
    /// Evidence that fewer than `1 - q` of them are beyond a bound, so that it does not.
    within: Mixture,
    /// Evidence that it is not `q`.
    either: Mixture,
}

/// The two that nearly everybody asks for.
static USUAL: LazyLock<[Quantile; 2]> = LazyLock::new(|| [0.95, 0.99].map(Quantile::with));

impl Quantile {
    /// Prepares the tests of a quantile.
    pub fn new(q: f64) -> Result<Self, NoQuantile> {
        if !(q > 0.0 && q < 1.0) {
            return Err(NoQuantile(q));
        }
        let usual = USUAL.iter().find(|usual| usual.q.to_bits() == q.to_bits());
        Ok(usual.copied().unwrap_or_else(|| Self::with(q)))
    }

    fn with(q: f64) -> Self {
        Self::tightest_at(q, TIGHTEST_AT)
    }

    fn tightest_at(q: f64, observations: f64) -> Self {
        let variance = observations * q * (1.0 - q);
        Self {
            q,
            above: Mixture::new(q, variance, Sides::One),
            within: Mixture::new(1.0 - q, variance, Sides::One),
            either: Mixture::new(q, variance, Sides::Two),
        }
    }

    /// The quantile: 0.95.
    #[must_use]
    pub fn q(&self) -> f64 {
        self.q
    }

    /// As people call it: `p95`, `p99.9`.
    #[must_use]
    pub fn name(&self) -> String {
        let percent = (self.q * 1e8).round() / 1e6;
        format!("p{percent}")
    }

    /// How far the share at or below a bound must be under the quantile, of so many observations, for
    /// the quantile to be proven above it.
    #[must_use]
    pub fn margin_below(&self, observations: f64, alpha: f64) -> f64 {
        self.above.bound(observations, alpha) / observations
    }

    /// How far that share must be over the quantile for the quantile to be proven not above it.
    #[must_use]
    pub fn margin_above(&self, observations: f64, alpha: f64) -> f64 {
        self.within.bound(observations, alpha) / observations
    }

    /// The fewest observations whose band can have an upper end: all of them at or below a bound.
    #[must_use]
    pub fn fewest(&self, alpha: f64) -> u64 {
        let enough = |observations: u64| self.within.proves(0.0, observations as f64, alpha);
        let mut high = 1;
        while !enough(high) && high < u64::MAX / 2 {
            high *= 2;
        }
        let mut low = high / 2;
        while high - low > 1 {
            let middle = low.midpoint(high);
            if enough(middle) { high = middle } else { low = middle }
        }
        high
    }

    /// The band, at an error of `alpha` on each side, over all looks.
    #[must_use]
    pub fn band(&self, arm: &Arm, alpha: f64) -> Band {
        Band { low: self.low(arm, alpha), high: self.high(arm, alpha) }
    }

    /// Its lower end alone.
    #[must_use]
    pub fn low(&self, arm: &Arm, alpha: f64) -> f64 {
        let all = arm.effective();
        let proven = arm.below.partition_point(|below| {
            let below = below / arm.effect;
            self.above.proves(below, all - below, alpha)
        });
        proven.checked_sub(1).and_then(|last| arm.bounds.get(last)).copied().unwrap_or_else(|| arm.least())
    }

    /// Its upper end alone.
    #[must_use]
    pub fn high(&self, arm: &Arm, alpha: f64) -> f64 {
        let all = arm.effective();
        let open = arm.below.partition_point(|below| {
            let below = below / arm.effect;
            !self.within.proves((all - below).max(0.0), below, alpha)
        });
        arm.bounds.get(open).copied().unwrap_or(f64::INFINITY)
    }

    /// The chance, over all looks, of evidence as strong against both arms having the same quantile: 1
    /// over the infimum, over all values, of the product of both arms' evidence that it is not there.
    /// Inside a bucket the infimum over what may be there is taken. Both arms have the same bounds.
    #[must_use]
    pub fn p_value(&self, canary: &Arm, baseline: &Arm) -> f64 {
        let (canary, baseline) = (Valley::new(&self.either, canary), Valley::new(&self.either, baseline));
        let buckets = canary.arm.below.len().min(baseline.arm.below.len());
        let least = (0..=buckets).map(|bucket| canary.least(bucket) + baseline.least(bucket));
        (-least.fold(f64::INFINITY, f64::min)).exp().min(1.0)
    }

    /// Warns where the bounds around the value are too far apart to see a change that matters: the
    /// bucket it lies in.
    #[must_use]
    pub fn coarse(&self, arm: &Arm) -> Option<(f64, f64)> {
        let found = arm.estimate(self.q)?;
        if found.clipped {
            return None;
        }
        let bucket = arm.bounds.partition_point(|bound| *bound < found.value);
        let upper = *arm.bounds.get(bucket)?;
        let lower = bucket.checked_sub(1).map_or(0.0, |before| arm.bounds[before]);
        (upper > lower * (1.0 + COARSE)).then_some((lower, upper))
    }
}

/// The evidence of one arm that the quantile is not at a value, which is least where about `q` of its
/// observations are at or below it.
struct Valley<'a> {
    mixture: &'a Mixture,
    arm: &'a Arm<'a>,
    /// How many are below it where it is least.
    bottom: f64,
}

impl<'a> Valley<'a> {
    fn new(mixture: &'a Mixture, arm: &'a Arm<'a>) -> Self {
        let all = arm.effective();
        Self { mixture, arm, bottom: mixture.least_at(all) }
    }

    /// The least evidence for values in a bucket, whatever part of its observations is below them.
    fn least(&self, bucket: usize) -> f64 {
        let all = self.arm.effective();
        let at = |bound: Option<usize>| bound.and_then(|bound| self.arm.below.get(bound)).map(|b| b / self.arm.effect);
        let fewest = at(bucket.checked_sub(1)).unwrap_or(0.0);
        let most = at(Some(bucket)).unwrap_or(all);
        let below = self.bottom.max(fewest).min(most);
        self.mixture.ln(below, all - below)
    }
}

/// The fewest effective observations with which a quantile is judged: 100 for p50, 250 for p95, 1000
/// for p99, in between by the logarithm, and ten in the tail beyond p99.
#[must_use]
pub fn floor(q: f64) -> f64 {
    let tail = q.min(1.0 - q);
    let [widest, .., narrowest] = FLOORS;
    if tail <= narrowest.0 * (1.0 + 1e-9) {
        return (narrowest.0 * narrowest.1 / tail).round();
    }
    let between = FLOORS.windows(2).find_map(|pair| match pair {
        [wide, narrow] if tail >= narrow.0 => {
            let part = (wide.0 / tail).ln() / (wide.0 / narrow.0).ln();
            Some(wide.1 * (narrow.1 / wide.1).powf(part))
        }
        _ => None,
    });
    between.unwrap_or(widest.1).round()
}

/// How far the share at or below any value may be from the truth, for all values and looks at once:
/// the time-uniform inequality of Dvoretzky, Kiefer and Wolfowitz (Howard and Ramdas 2022, theorem 2),
/// `0.85 sqrt((ln(1 + ln(n / n0)) + C) / n)`. Infinite below `n0`, the observations it holds from.
#[must_use]
pub fn shape_margin(observations: f64, from: f64, level: ShapeLevel) -> f64 {
    if !(observations >= from && from >= 1.0) {
        return f64::INFINITY;
    }
    let constant = match level {
        ShapeLevel::FiveInHundred => 8.1227,
        ShapeLevel::OneInForty => 8.6226,
    };
    0.85 * (((1.0 + (observations / from).ln()).ln() + constant) / observations).sqrt()
}

/// The errors at which [`shape_margin`] is tabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShapeLevel {
    /// 0.05.
    FiveInHundred,
    /// 0.025: each of two arms, 0.05 together.
    OneInForty,
}

/// The largest difference of both arms' shares at or below a bound, where it proves (at 0.05, over all
/// looks) that the distributions differ somewhere; none otherwise. A hint, not a verdict.
#[must_use]
pub fn shifted(canary: &Arm, baseline: &Arm) -> Option<f64> {
    let margin = |arm: &Arm| shape_margin(arm.effective(), SHAPE_FROM, ShapeLevel::OneInForty);
    let both = margin(canary) + margin(baseline);
    let pairs = canary.below.iter().zip(&baseline.below);
    let gaps = pairs.map(|(c, b)| (c / canary.total - b / baseline.total).abs());
    let widest = gaps.fold(0.0, f64::max);
    (widest > both).then_some(widest)
}
