//! The interval and the estimate of the shift between two samples, solved exactly.
//!
//! Between the differences of pairs the rank statistic is constant, so its roots are differences of
//! pairs: the interval ends at two of their order statistics, and the estimate is their median (Hodges
//! and Lehmann). The normal approximation, the continuity correction and the variance with ties are those
//! of [`super::super::kayenta::rank`], and the result is what its search would find if it had no
//! tolerance. That makes it good for values of any magnitude.
//!
//! The differences are not written out: the sorted samples make a matrix whose rows and columns are
//! sorted, in which a rank is counted in one walk along its border, in time proportional to m + n.

use super::super::kayenta::{
    interval::{Shift, normal_quantile},
    rank::RankStatistic,
};

/// Halvings of the value, before the search halves the numbers that can be represented: these end.
const HALVINGS: usize = 16;

/// By how much x is larger than y, at a two-sided confidence such as 0.98; none without a pair.
///
/// Where there are too few points for the confidence, an end is that of the range.
#[must_use]
pub fn exact(ranks: &RankStatistic, confidence: f64) -> Option<Shift> {
    let (min, max) = ranks.range()?;
    let (x, y) = (ranks.x(), ranks.y());
    let (m, n) = (x.len() as f64, y.len() as f64);
    let all = m + n;
    let ties = tied(x) + tied(y);
    let sigma = (m * n / 12.0 * ((all + 1.0) - ties / (all * (all - 1.0)))).sqrt();
    let pairs = x.len() * y.len();
    let differences = Differences { x, y, min, max, pairs };
    // So many pairs must lie above the low end, or below the high one.
    let beyond = (m * n / 2.0 + 0.5 - normal_quantile((1.0 - confidence) / 2.0) * sigma).floor() + 1.0;
    let (low, high) = if beyond <= m * n {
        let beyond = beyond as usize;
        (differences.nth(pairs - beyond).0, differences.nth(beyond - 1).0)
    } else {
        (min, max)
    };
    let estimate = match differences.nth((pairs - 1) / 2) {
        (lower, upper) if pairs.is_multiple_of(2) => f64::midpoint(lower, upper),
        (middle, _) => middle,
    };
    Some(Shift { low, high, estimate })
}

/// Sum of t^3 - t over the groups of equal values of a sorted sample.
fn tied(sorted: &[f64]) -> f64 {
    sorted
        .chunk_by(|a, b| a.total_cmp(b).is_eq())
        .map(|group| {
            let t = group.len() as f64;
            t * t * t - t
        })
        .sum()
}

/// All differences of a value of x and one of y, both sorted.
struct Differences<'a> {
    x: &'a [f64],
    y: &'a [f64],
    min: f64,
    max: f64,
    pairs: usize,
}

impl Differences<'_> {
    /// The difference of that rank, from 0, and the next one; the last has itself as the next.
    fn nth(&self, rank: usize) -> (f64, f64) {
        // What is sought lies above `low` and not above `high`.
        let (mut low, mut high) = (self.min.next_down(), self.max);
        let (mut to_low, mut to_high) = (0, self.pairs);
        let few = 2 * (self.x.len() + self.y.len());
        for step in 0.. {
            if to_high - to_low <= few {
                break;
            }
            let middle = if step < HALVINGS { f64::midpoint(low, high) } else { between(low, high) };
            if middle <= low || middle >= high {
                if step < HALVINGS {
                    continue;
                }
                // No number lies between: all that are left are the same.
                break;
            }
            let to_middle = self.up_to(middle);
            if to_middle > rank {
                (high, to_high) = (middle, to_middle);
            } else {
                (low, to_low) = (middle, to_middle);
            }
        }
        let after_high = || if to_high < self.pairs { self.above(high) } else { high };
        if to_high - to_low > few {
            return (high, if rank + 1 < to_high { high } else { after_high() });
        }
        let mut left = self.within(low, high);
        let place = (rank - to_low).min(left.len().saturating_sub(1));
        if left.is_empty() {
            return (high, after_high());
        }
        let (_, found, larger) = left.select_nth_unstable_by(place, f64::total_cmp);
        let next = larger.iter().copied().reduce(f64::min);
        (*found, next.unwrap_or_else(after_high))
    }

    /// The smallest difference above a value; infinite if there is none.
    fn above(&self, value: f64) -> f64 {
        let mut first = 0;
        let mut least = f64::INFINITY;
        for x in self.x {
            while self.y.get(first).is_some_and(|y| x - y > value) {
                first += 1;
            }
            // The last one passed is the smallest of this row that is above.
            if let Some(y) = first.checked_sub(1).and_then(|last| self.y.get(last)) {
                least = least.min(x - y);
            }
        }
        least
    }

    /// How many differences are no larger than a value.
    fn up_to(&self, value: f64) -> usize {
        let mut first = 0;
        let mut count = 0;
        for x in self.x {
            while self.y.get(first).is_some_and(|y| x - y > value) {
                first += 1;
            }
            count += self.y.len() - first;
        }
        count
    }

    /// The differences above one value and not above another.
    fn within(&self, low: f64, high: f64) -> Vec<f64> {
        let mut first = 0;
        let mut found = Vec::new();
        for x in self.x {
            while self.y.get(first).is_some_and(|y| x - y > high) {
                first += 1;
            }
            found.extend(self.y.iter().skip(first).map(|y| x - y).take_while(|difference| *difference > low));
        }
        found
    }
}

/// The number in the middle of all that can be represented between two.
fn between(low: f64, high: f64) -> f64 {
    const SIGN: u64 = 1 << 63;
    let place = |value: f64| {
        let bits = value.to_bits();
        if bits & SIGN == 0 { bits | SIGN } else { !bits }
    };
    let (low, high) = (place(low), place(high));
    let middle = low + high.saturating_sub(low) / 2;
    f64::from_bits(if middle & SIGN == 0 { !middle } else { middle & !SIGN })
}
