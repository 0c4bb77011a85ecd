//! Fresh starts, so that a regression that begins late is found soon: evidence that began with the step
//! is diluted by all the good minutes before.
//!
//! A start begins with the step and every 15 slices after. The j-th has the weight `1 / (j (j + 1))`;
//! the weights sum to 1, so that all starts together keep the guarantee of one. Its evidence counts with its
//! weight, and its interval runs at alpha times its weight.

use super::events::ln_sum_exp;

/// Slices from one start to the next.
pub const EVERY: u32 = 15;

/// Starts that are kept: six hours of slices of a minute.
pub const KEPT: usize = 24;

/// Where a start begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Start {
    /// The position of its first slice.
    pub slice: usize,
    /// Its share of alpha.
    pub weight: f64,
}

/// The weight of the start with that number, from 1.
#[must_use]
pub fn weight(number: u32) -> f64 {
    let number = f64::from(number);
    1.0 / (number * (number + 1.0))
}

/// The starts of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Starts {
    /// The latest [`KEPT`], oldest first.
    pub kept: Vec<Start>,
    /// The weight of all that have begun, with those forgotten: it was spent, and is given to no other.
    pub begun: f64,
}

impl Starts {
    /// The starts among slices that stand for so many each, oldest first. Slices that were merged to
    /// save room should not reach over a start ([`EVERY`]): one that does delays it.
    #[must_use]
    pub fn among(merged: impl Iterator<Item = u32>) -> Self {
        let mut kept: Vec<Start> = Vec::with_capacity(KEPT);
        let (mut passed, mut due, mut number) = (0_u64, 0_u64, 0);
        for (slice, merged) in merged.enumerate() {
            if passed >= due {
                // By its place in time, not by how many came before: merging old slices gives no later
                // start back what theirs have spent.
                number = u32::try_from(passed / u64::from(EVERY)).unwrap_or(u32::MAX - 1) + 1;
                if kept.len() == KEPT {
                    kept.remove(0);
                }
                kept.push(Start { slice, weight: weight(number) });
                due = (passed / u64::from(EVERY) + 1) * u64::from(EVERY);
            }
            passed += u64::from(merged.max(1));
        }
        Self { kept, begun: 1.0 - 1.0 / (f64::from(number) + 1.0) }
    }

    /// The logarithm of the evidence of all starts, from the logarithm of each kept one's own: their
    /// weighted sum, and 1 for the weight of those that have not begun.
    #[must_use]
    pub fn ln_combined(&self, each: &[f64]) -> f64 {
        let weighted = self.kept.iter().zip(each).map(|(start, ln)| start.weight.ln() + ln);
        ln_sum_exp(weighted.chain(std::iter::once((1.0 - self.begun).ln())))
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "weights are made one way only")]
mod tests {
    use super::*;

    #[test]
    fn a_start_begins_with_the_step_and_every_fifteen_slices() {
        let starts = Starts::among([1; 46].into_iter());
        let begins: Vec<usize> = starts.kept.iter().map(|start| start.slice).collect();
        assert_eq!(begins, [0, 15, 30, 45]);
        let weights: Vec<f64> = starts.kept.iter().map(|start| start.weight).collect();
        assert_eq!(weights, [1.0 / 2.0, 1.0 / 6.0, 1.0 / 12.0, 1.0 / 20.0]);
        assert!((starts.begun - weights.iter().sum::<f64>()).abs() < 1e-15);
        assert_eq!(Starts::among(std::iter::empty()), Starts { kept: vec![], begun: 0.0 });
    }

    #[test]
    fn merged_slices_count_for_what_they_stand_for() {
        let begins = |merged: &[u32]| -> Vec<usize> {
            Starts::among(merged.iter().copied()).kept.iter().map(|start| start.slice).collect()
        };
        assert_eq!(begins(&[15, 15, 5, 5, 5, 1]), [0, 1, 2, 5]);
        assert_eq!(begins(&[10, 10, 10, 10]), [0, 2, 3], "one that reaches over a start delays it");
        assert_eq!(begins(&[0, 0]), [0], "nothing is no time at all");
        assert_eq!(begins(&[u32::MAX, 1]), [0, 1]);
        let starts = Starts::among([45, 15, 1].into_iter());
        let weights: Vec<f64> = starts.kept.iter().map(|start| start.weight).collect();
        assert_eq!(weights, [weight(1), weight(4), weight(5)], "what was merged has spent its weight");
    }

    #[test]
    fn the_latest_are_kept_and_what_was_spent_stays_spent() {
        let starts = Starts::among([1; 15 * 30].into_iter());
        assert_eq!(starts.kept.len(), KEPT);
        assert_eq!(starts.kept[0].slice, 15 * 6);
        assert_eq!(starts.kept[KEPT - 1].weight, weight(30));
        assert!((starts.begun - 30.0 / 31.0).abs() < 1e-15);
    }

    #[test]
    fn evidence_of_starts_adds_by_weight() {
        let starts = Starts::among([1; 16].into_iter());
        assert_eq!(Starts::among(std::iter::empty()).ln_combined(&[]), 0.0, "no start, no evidence");
        assert!(starts.ln_combined(&[0.0, 0.0]).abs() < 1e-15, "evidence of 1 stays 1");
        let combined = starts.ln_combined(&[0.0, 600_f64.ln()]).exp();
        assert!((combined - (0.5 + 100.0 + 1.0 / 3.0)).abs() < 1e-9, "{combined}");
        assert!(starts.ln_combined(&[900.0, 1e4]) > 9990.0, "without leaving the range of numbers");
    }
}
