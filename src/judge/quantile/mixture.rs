//! Evidence that a share is not what it is said to be: the beta-binomial mixture of Howard, Ramdas,
//! `McAuliffe` and Sekhon ("Time-uniform, nonparametric, nonasymptotic confidence sequences", 2021).

use statrs::function::{beta::checked_beta_reg, gamma::ln_gamma};

/// The error for which the mixture is tightest at its variance.
const TIGHTEST_ALPHA: f64 = 0.05;

/// Bisection steps: as many as a double has digits, and a few.
const BISECTIONS: u32 = 60;

/// Against which shares evidence is gathered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sides {
    /// Shares that are lower.
    One,
    /// All others.
    Two,
}

/// A mixture of the likelihoods of all lower shares (or all others) over that of one share. As long as
/// the true share is not lower (or is that one), it is expected to stay at or below 1 however long it
/// is watched, and reaches `1 / alpha` with a chance of at most `alpha`.
///
/// In the terms of its authors: the sum `s` with the range `g = 1 - share` down and `h = share` up, and
/// the intrinsic time `v = n g h`. With `k` hits of `n`, `s = n h - k`, and `(v - g s) / g` is simply `k`,
/// `(v + h s) / h` is `n - k`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mixture {
    share: f64,
    ln_hit: f64,
    ln_miss: f64,
    /// Hits and misses that are taken to have been seen before.
    before: (f64, f64),
    normal: f64,
    sides: Sides,
}

impl Mixture {
    /// Prepares the mixture against a share between 0 and 1, tightest at a variance of hits.
    #[must_use]
    pub fn new(share: f64, variance: f64, sides: Sides) -> Self {
        let a = match sides {
            Sides::One => 2.0 * TIGHTEST_ALPHA,
            Sides::Two => TIGHTEST_ALPHA,
        };
        let reach = -2.0 * f64::ln(a);
        let rho = variance / (reach + (1.0 + reach).ln());
        let spread = share * (1.0 - share);
        let r = (rho - spread).max(1e-3 * spread);
        let mut mixture = Self {
            share,
            ln_hit: share.ln(),
            ln_miss: (-share).ln_1p(),
            before: (r / (1.0 - share), r / share),
            normal: 0.0,
            sides,
        };
        mixture.normal = mixture.ln_beta(0.0, 0.0) + mixture.ln_lower(0.0, 0.0);
        mixture
    }

    /// The logarithm of the evidence from hits and misses, which need not be whole.
    #[must_use]
    pub fn ln(&self, hits: f64, misses: f64) -> f64 {
        self.most(hits, misses, self.ln_beta(hits, misses)) + self.ln_lower(hits, misses)
    }

    /// Whether the evidence reaches `1 / alpha`.
    #[must_use]
    pub fn proves(&self, hits: f64, misses: f64, alpha: f64) -> bool {
        let limit = -alpha.ln();
        // Most looks end at one of these, without an incomplete beta function, which takes ten times as
        // long as the rest: hits are as many as they should be; all of the mixture is too little; or so
        // much is enough that the part at higher shares does not matter.
        let fewer = hits < self.share * (hits + misses);
        if !fewer {
            return false;
        }
        let ln_beta = self.ln_beta(hits, misses);
        let most = self.most(hits, misses, ln_beta);
        let possible = most >= limit;
        if !possible {
            return false;
        }
        let higher = self.higher_at_most(hits, misses, ln_beta);
        if higher < 1.0 && most + (-higher).ln_1p() >= limit {
            return true;
        }
        most + self.ln_lower(hits, misses) >= limit
    }

    /// How many hits fewer than expected, of so many trials, would reach `1 / alpha`; all that are
    /// expected, where even none at all would not.
    #[must_use]
    pub fn bound(&self, trials: f64, alpha: f64) -> f64 {
        let expected = trials * self.share;
        let (mut low, mut high) = (0.0, expected);
        let reaches = |fewer: f64| self.ln(expected - fewer, trials - expected + fewer) >= -alpha.ln();
        if !reaches(high) {
            return high;
        }
        for _ in 0..BISECTIONS {
            let middle = f64::midpoint(low, high);
            if reaches(middle) { high = middle } else { low = middle }
        }
        f64::midpoint(low, high)
    }

    /// How many hits of so many trials are the least evidence. The logarithm is convex in the hits.
    pub(super) fn least_at(&self, trials: f64) -> f64 {
        let (mut low, mut high) = (0.0, trials);
        for _ in 0..BISECTIONS {
            let third = (high - low) / 3.0;
            let (left, right) = (low + third, high - third);
            if self.ln(left, trials - left) <= self.ln(right, trials - right) { high = right } else { low = left }
        }
        f64::midpoint(low, high)
    }

    /// The evidence if the mixture were of all shares, with the weight of the lower ones.
    fn most(&self, hits: f64, misses: f64, ln_beta: f64) -> f64 {
        ln_beta - hits * self.ln_hit - misses * self.ln_miss - self.normal
    }

    fn ln_beta(&self, hits: f64, misses: f64) -> f64 {
        let (a, b) = (self.before.0 + hits, self.before.1 + misses);
        ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b)
    }

    /// No less than the part of the mixture that lies at higher shares: its density falls at least as fast
    /// beyond the share as it does there, because its logarithm is concave.
    fn higher_at_most(&self, hits: f64, misses: f64, ln_beta: f64) -> f64 {
        if self.sides == Sides::Two {
            return 0.0;
        }
        let (a, b) = (self.before.0 + hits - 1.0, self.before.1 + misses - 1.0);
        let slope = b / (1.0 - self.share) - a / self.share;
        if !(a >= 0.0 && b >= 0.0 && slope > 0.0) {
            return 1.0;
        }
        (a * self.ln_hit + b * self.ln_miss - ln_beta).exp() / slope
    }

    /// The logarithm of the part of the mixture that lies at lower shares.
    fn ln_lower(&self, hits: f64, misses: f64) -> f64 {
        if self.sides == Sides::Two {
            return 0.0;
        }
        let (a, b) = (self.before.0 + hits, self.before.1 + misses);
        checked_beta_reg(a, b, self.share).map_or(f64::NEG_INFINITY, |part| part.min(1.0).ln())
    }
}
