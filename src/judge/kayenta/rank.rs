//! The rank statistic of two samples, as a function of a shift between them.
//!
//! Ranks of `x - shift` and `y` together, equal values sharing the mean of their ranks:
//!
//! ```text
//! dz      = (sum of the ranks of x) - m(m+1)/2 - mn/2
//! sigma^2 = mn/12 * ((m+n+1) - sum over ties of (t^3 - t) / ((m+n)(m+n-1)))
//! f(q)    = (dz - sign(dz)/2) / sigma - q
//! ```
//!
//! as R's `wilcox.test` has it in its normal approximation, with the continuity correction. Both
//! samples are sorted once, so that an evaluation is one merge, in time proportional to m + n. All
//! sums are of halves of integers and so exact: the result is the same to the last bit as that of
//! ranking the joint sample anew.

use core::cmp::Ordering;

/// Every observation is tied with every other: the ranks have no variance, and say nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("all observations are tied, so their ranks say nothing")]
pub struct Tied;

/// Two sorted samples.
#[derive(Debug, Clone, PartialEq)]
pub struct RankStatistic {
    x: Vec<f64>,
    y: Vec<f64>,
}

/// What a shift gives.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Ranks {
    /// Sum of the ranks of x.
    sum: f64,
    /// Sum of t^3 - t over the groups of equal values.
    ties: f64,
}

impl RankStatistic {
    /// Of two samples in any order. A value that is not a number ranks last, with infinity.
    #[must_use]
    pub fn new(x: &[f64], y: &[f64]) -> Self {
        let sorted = |values: &[f64]| {
            let mut values: Vec<f64> = values.iter().copied().map(last_if_nan).collect();
            values.sort_unstable_by(f64::total_cmp);
            values
        };
        Self { x: sorted(x), y: sorted(y) }
    }

    /// The first sample, sorted.
    #[must_use]
    pub fn x(&self) -> &[f64] {
        &self.x
    }

    /// The second sample, sorted.
    #[must_use]
    pub fn y(&self) -> &[f64] {
        &self.y
    }

    /// Where the shift between the samples can lie at all: from the smallest to the largest
    /// difference of a pair; none without a pair.
    #[must_use]
    pub fn range(&self) -> Option<(f64, f64)> {
        let (x_min, x_max) = (self.x.first()?, self.x.last()?);
        let (y_min, y_max) = (self.y.first()?, self.y.last()?);
        Some((x_min - y_max, x_max - y_min))
    }

    /// The standardised statistic at a shift of `x`, less a quantile of the normal distribution. It
    /// never rises with the shift, as long as ties between the samples do not change its variance.
    ///
    /// # Errors
    /// [`Tied`], when everything is.
    pub fn standardised(&self, shift: f64, quantile: f64) -> Result<f64, Tied> {
        let (m, n) = (self.x.len() as f64, self.y.len() as f64);
        let ranks = self.ranks(shift);
        let dz = ranks.sum - m * (m + 1.0) / 2.0 - m * n / 2.0;
        let correction = match dz.partial_cmp(&0.0) {
            Some(Ordering::Greater) => 0.5,
            Some(Ordering::Less) => -0.5,
            _ => 0.0,
        };
        let all = m + n;
        let sigma = ((m * n / 12.0) * ((all + 1.0) - ranks.ties / (all * (all - 1.0)))).sqrt();
        // A variance below nothing is rounding; one that is no number comes from a single observation.
        if sigma > 0.0 { Ok((dz - correction) / sigma - quantile) } else { Err(Tied) }
    }

    /// The chance that an observation of x is larger than one of y, ties counting half: the common
    /// language effect size (Vargha and Delaney, 2000). None without a pair.
    #[must_use]
    pub fn superiority(&self) -> Option<f64> {
        let (m, n) = (self.x.len() as f64, self.y.len() as f64);
        (m * n > 0.0).then(|| (2.0 * self.ranks(0.0).sum - m * (m + 1.0)) / (2.0 * m * n))
    }

    fn ranks(&self, shift: f64) -> Ranks {
        let mut ranks = Ranks { sum: 0.0, ties: 0.0 };
        let mut xs = self.x.iter().map(|x| last_if_nan(x - shift)).peekable();
        let mut ys = self.y.iter().copied().peekable();
        let mut before = 0_usize;
        loop {
            let value = match (xs.peek(), ys.peek()) {
                (Some(x), Some(y)) => {
                    if x.total_cmp(y).is_le() {
                        *x
                    } else {
                        *y
                    }
                }
                (Some(value), None) | (None, Some(value)) => *value,
                (None, None) => return ranks,
            };
            let same = |other: &f64| other.total_cmp(&value).is_eq();
            let mut of_x = 0_usize;
            while xs.next_if(same).is_some() {
                of_x += 1;
            }
            let mut tied = of_x;
            while ys.next_if(same).is_some() {
                tied += 1;
            }
            // The mean of the ranks before + 1 to before + tied.
            ranks.sum += of_x as f64 * (before as f64 + f64::midpoint(tied as f64, 1.0));
            if tied > 1 {
                let t = tied as f64;
                ranks.ties += t * t * t - t;
            }
            before += tied;
        }
    }
}

fn last_if_nan(value: f64) -> f64 {
    if value.is_nan() { f64::INFINITY } else { value }
}
