//! The difference of two arms with an interval that holds at all looks at once: the asymptotic
//! confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2024), over strata.
//!
//! An edge of it may be looked at as often as one likes: the chance that the true difference is ever
//! beyond it is at most alpha. The guarantee is asymptotic, so whoever decides by it asks for a number
//! of events first (the floors of [`crate::judge::ratio`]).

use super::evidence::Counts;

/// The number of events of both arms at which the interval is tightest. It costs 6 % of width at 5 000
/// events, 3 % at 100 000, 12 % at a million and 20 % at ten million.
pub const TIGHTEST_AT: f64 = 20_000.0;

/// Strata from which on the scatter between them is believed.
pub const STRATA_MIN: f64 = 10.0;

/// A baseline mean within so many standard errors of zero is none to divide by.
const RELATIVE_MIN: f64 = 3.0;

/// Whether an interval leaves out one side or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sides {
    /// One edge, the other is infinite.
    One,
    /// Both edges.
    Two,
}

/// Events of one arm in one stratum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Arm {
    /// Events of the bad kind.
    pub bad: f64,
    /// All events.
    pub total: f64,
    /// How much more its share varies than that of independent events would (`burst`); 1 for those.
    pub design_effect: f64,
}

/// Both arms where they are comparable: in one slice of time, under one weight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stratum {
    /// The candidate's.
    pub canary: Arm,
    /// What it is compared with.
    pub baseline: Arm,
}

/// Values of one arm: revenue or cost per request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mean {
    /// Their mean.
    pub mean: f64,
    /// Their sample variance.
    pub variance: f64,
    /// How many they are.
    pub total: f64,
    /// As of [`Arm`].
    pub design_effect: f64,
}

/// Canary minus baseline, and how well it is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    /// Canary minus baseline.
    pub difference: f64,
    /// The variance of that estimate: the square of its standard error.
    pub variance: f64,
    /// Events of both arms.
    pub events: f64,
}

/// A relative change was asked for, and the baseline is too close to zero to divide by.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error(
    "the baseline's mean {mean} is less than 3 standard errors ({error}) from zero: compare the absolute difference"
)]
pub struct NearZero {
    /// The baseline's mean.
    pub mean: f64,
    /// Its standard error.
    pub error: f64,
}

impl Arm {
    /// Independent events.
    #[must_use]
    pub const fn new(bad: f64, total: f64) -> Self {
        Self { bad, total, design_effect: 1.0 }
    }

    /// The share that is bad; none without events.
    fn share(self) -> Option<f64> {
        (self.total > 0.0).then(|| self.bad / self.total)
    }

    /// The variance of that share.
    fn variance(self, share: f64) -> f64 {
        self.design_effect * share * (1.0 - share) / self.total
    }
}

impl Mean {
    fn squared_error(self) -> f64 {
        self.design_effect * self.variance / self.total
    }
}

impl Difference {
    /// Of the shares in any number of strata, each weighted by `n_c n_b / (n_c + n_b)`, as Mantel and
    /// Haenszel weight them. Arms are compared within strata only: where the weight of the canary and
    /// the base rate change together, pooled shares show a difference of versions that are equal.
    ///
    /// From [`STRATA_MIN`] strata on, the variance is no less than the scatter between them says.
    /// Strata that lack an arm say nothing; none without any that has both.
    #[must_use]
    pub fn of_shares(strata: &[Stratum]) -> Option<Self> {
        let mut sums = Pooling::default();
        let mut within = 0.0;
        for Stratum { canary, baseline } in strata {
            let (Some(of_canary), Some(of_baseline)) = (canary.share(), baseline.share()) else { continue };
            let weight = sums.add(of_canary - of_baseline, canary.total, baseline.total);
            within += weight * weight * (canary.variance(of_canary) + baseline.variance(of_baseline));
        }
        sums.difference(within)
    }

    /// Of two means.
    #[must_use]
    pub fn of_means(canary: Mean, baseline: Mean) -> Option<Self> {
        (canary.total > 0.0 && baseline.total > 0.0).then(|| Self {
            difference: canary.mean - baseline.mean,
            variance: canary.squared_error() + baseline.squared_error(),
            events: canary.total + baseline.total,
        })
    }

    /// The relative change of a mean, `canary / baseline - 1`, by the delta method.
    ///
    /// # Errors
    /// When the baseline's mean is less than 3 standard errors from zero, or an arm has no values: the
    /// quotient's distribution has no use then.
    pub fn relative(canary: Mean, baseline: Mean) -> Result<Self, NearZero> {
        let error = baseline.squared_error().sqrt();
        let far = baseline.mean.abs() >= RELATIVE_MIN * error && baseline.mean != 0.0;
        if !(far && canary.total > 0.0 && baseline.total > 0.0) {
            return Err(NearZero { mean: baseline.mean, error });
        }
        let square = baseline.mean * baseline.mean;
        Ok(Self {
            difference: canary.mean / baseline.mean - 1.0,
            variance: canary.squared_error() / square
                + baseline.squared_error() * canary.mean * canary.mean / (square * square),
            events: canary.total + baseline.total,
        })
    }

    /// From the estimate to an edge of the interval that holds at all looks with a chance of 1 - alpha.
    /// None where nothing varies, where nothing was seen, and where alpha is not between 0 and 0.5.
    #[must_use]
    pub fn half_width(&self, alpha: f64, sides: Sides) -> Option<f64> {
        let (tuning, root) = self.tuned(alpha, sides)?;
        let reach = match sides {
            Sides::One => (1.0 + root / (2.0 * alpha)).ln(),
            Sides::Two => (root / alpha).ln(),
        };
        let squared = self.variance * 2.0 * (tuning + 1.0) / tuning * reach;
        (squared.is_finite() && squared > 0.0).then(|| squared.sqrt())
    }

    /// The evidence against no difference, in either direction, tuned for `alpha`: at least `1 / alpha`
    /// exactly when the interval of both sides leaves out zero.
    #[must_use]
    pub fn e_value(&self, alpha: f64) -> Option<f64> {
        let (tuning, root) = self.tuned(alpha, Sides::Two)?;
        let squared = self.difference * self.difference / self.variance;
        // Finite, because verdicts are written down as JSON, which knows no infinity.
        Some(((tuning * squared / (2.0 * (tuning + 1.0))).exp() / root).min(f64::MAX))
    }

    /// The level at which that evidence rejects, valid at all looks.
    #[must_use]
    pub fn p_value(&self, alpha: f64) -> Option<f64> {
        self.e_value(alpha).map(|e| (1.0 / e).min(1.0))
    }

    /// `N rho^2` and `sqrt(N rho^2 + 1)`.
    fn tuned(&self, alpha: f64, sides: Sides) -> Option<(f64, f64)> {
        let known = self.variance > 0.0 && self.variance.is_finite() && self.events > 0.0;
        if !known || !(0.0..0.5).contains(&alpha) || alpha == 0.0 {
            return None;
        }
        let tuning = self.events * rho_squared(alpha, sides);
        Some((tuning, (tuning + 1.0).sqrt()))
    }
}

/// What makes the interval tightest at [`TIGHTEST_AT`] events.
fn rho_squared(alpha: f64, sides: Sides) -> f64 {
    let a = match sides {
        Sides::One => 2.0 * alpha,
        Sides::Two => alpha,
    };
    let reach = -2.0 * a.ln();
    (reach + (1.0 + reach).ln()) / TIGHTEST_AT
}

/// An edge at one level, prepared for many differences.
#[derive(Debug, Clone, Copy)]
pub struct Edge {
    alpha: f64,
    /// No edge is closer to the estimate than so many squared standard errors.
    closest: f64,
}

impl Edge {
    /// The edge of the one-sided interval at `alpha`.
    #[must_use]
    pub fn new(alpha: f64) -> Self {
        Self { alpha, closest: 2.0 * (1.0 + 1.0 / (2.0 * alpha)).ln() }
    }

    /// Whether the difference is proven to be greater than `margin`; without variance nothing is.
    #[must_use]
    pub fn is_above(&self, difference: &Difference, margin: f64) -> bool {
        let lead = difference.difference - margin;
        // Most looks end here, without a logarithm.
        lead > 0.0
            && lead * lead > self.closest * difference.variance
            && difference.half_width(self.alpha, Sides::One).is_some_and(|half| lead > half)
    }

    /// The half width of it.
    #[must_use]
    pub fn half_width(&self, difference: &Difference) -> Option<f64> {
        difference.half_width(self.alpha, Sides::One)
    }
}

/// The parts of a weighted mean of differences that do not depend on the arms' variances.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Pooling {
    weight: f64,
    weighted: f64,
    squares: f64,
    squares_weighted: f64,
    squares_squared: f64,
    strata: f64,
    events: f64,
}

impl Pooling {
    /// Adds a stratum, and says its weight.
    fn add(&mut self, difference: f64, canary: f64, baseline: f64) -> f64 {
        let weight = canary * baseline / (canary + baseline);
        let square = weight * weight;
        self.weight += weight;
        self.weighted += weight * difference;
        self.squares += square;
        self.squares_weighted += square * difference;
        self.squares_squared += square * difference * difference;
        self.strata += 1.0;
        self.events += canary + baseline;
        weight
    }

    fn since(&self, earlier: &Self) -> Self {
        Self {
            weight: self.weight - earlier.weight,
            weighted: self.weighted - earlier.weighted,
            squares: self.squares - earlier.squares,
            squares_weighted: self.squares_weighted - earlier.squares_weighted,
            squares_squared: self.squares_squared - earlier.squares_squared,
            strata: self.strata - earlier.strata,
            events: self.events - earlier.events,
        }
    }

    /// The pooled difference, given the sum of the strata's squared weights times variances.
    fn difference(&self, within: f64) -> Option<Difference> {
        if self.weight <= 0.0 {
            return None;
        }
        let difference = self.weighted / self.weight;
        let between = if self.strata >= STRATA_MIN {
            self.squares_squared - 2.0 * difference * self.squares_weighted + difference * difference * self.squares
        } else {
            0.0
        };
        let variance = within.max(between) / (self.weight * self.weight);
        Some(Difference { difference, variance, events: self.events })
    }
}

/// Running sums over the slices of one step, so that the difference since any start is two lookups and
/// a subtraction.
///
/// Within a step the weight is one, so that an arm's variance is taken from its share of all slices
/// seen: shares of single slices say nothing of a variance where a slice has two requests. Where
/// the base rate drifts within the step, that errs towards wider intervals.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Sums {
    pooling: Pooling,
    /// Sum of squared weights over events, by arm.
    canary_spread: f64,
    baseline_spread: f64,
    /// The canary's events.
    pub canary: Counts,
    /// The baseline's events.
    pub baseline: Counts,
}

impl Sums {
    /// Adds a slice. One that lacks an arm is not compared, and counts for neither.
    pub fn add(&mut self, canary: Counts, baseline: Counts) {
        if canary.total <= 0.0 || baseline.total <= 0.0 {
            return;
        }
        let difference = canary.bad / canary.total - baseline.bad / baseline.total;
        let weight = self.pooling.add(difference, canary.total, baseline.total);
        self.canary_spread += weight * weight / canary.total;
        self.baseline_spread += weight * weight / baseline.total;
        self.canary = self.canary.plus(canary);
        self.baseline = self.baseline.plus(baseline);
    }

    /// What came after `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            pooling: self.pooling.since(&earlier.pooling),
            canary_spread: self.canary_spread - earlier.canary_spread,
            baseline_spread: self.baseline_spread - earlier.baseline_spread,
            canary: self.canary.minus(earlier.canary),
            baseline: self.baseline.minus(earlier.baseline),
        }
    }

    /// The difference, with the arms' design effects; none without events of both arms.
    #[must_use]
    pub fn difference(&self, canary_effect: f64, baseline_effect: f64) -> Option<Difference> {
        let spread = |counts: Counts| {
            let share = counts.bad / counts.total;
            share * (1.0 - share)
        };
        if self.canary.total <= 0.0 || self.baseline.total <= 0.0 {
            return None;
        }
        let within = canary_effect * spread(self.canary) * self.canary_spread
            + baseline_effect * spread(self.baseline) * self.baseline_spread;
        self.pooling.difference(within)
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "zero variance is exact")]
mod tests;
