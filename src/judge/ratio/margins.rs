//! How much worse is too much, and how much is not worth holding back for, as differences of shares.

use super::{Measure, Terms};
use crate::judge::events::TOLERATED;

/// Of an error budget, so much more is too much.
const BUDGET_FAIL: f64 = 0.5;
/// Of the baseline's share, so much more is too much.
const RELATIVE_FAIL: f64 = 0.1;
/// Of the baseline's conversions, so many fewer are not worth holding back for.
const CONVERSION_PASS: f64 = 0.05;
/// Of the baseline's share, so much more is not worth holding back for, without an objective.
const RELATIVE_PASS: f64 = 0.5;
/// But never less than this: the budget of an objective of 99.9 %. A baseline without errors leaves
/// nothing to be relative to.
const PASS_LEAST: f64 = 0.001;
/// And never more than one point, unless failing needs more: half of a large share is not a small thing.
const PASS_MOST: f64 = 0.01;

/// Margins of harm; nothing passes a count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Margins {
    /// Proven to be worse by more than this fails.
    pub(super) fail: f64,
    /// Proven to be worse by less than this passes.
    pub(super) pass: f64,
}

impl Margins {
    /// Beside a baseline with that share of bad events.
    pub(super) fn beside(baseline: f64, terms: &Terms) -> Self {
        if let Some(limit) = terms.limit.filter(|limit| limit.is_finite()) {
            let limit = limit.abs() / terms.scale;
            return Self { fail: limit, pass: limit };
        }
        if terms.measure == Measure::Count {
            return Self { fail: (TOLERATED - 1.0) * baseline, pass: 0.0 };
        }
        // Of a share near all, what is missing is what matters, whichever kind of event that is.
        let base = if terms.measure == Measure::Conversion { 1.0 - baseline } else { baseline.min(1.0 - baseline) };
        let relative = RELATIVE_FAIL * base;
        let budget =
            terms.objective.filter(|objective| (0.0..1.0).contains(objective)).map(|objective| 1.0 - objective);
        match (budget, terms.measure) {
            (Some(budget), _) => Self { fail: relative.max(BUDGET_FAIL * budget), pass: budget },
            (None, Measure::Conversion) => Self { fail: relative, pass: CONVERSION_PASS * base },
            (None, _) => {
                let pass = (RELATIVE_PASS * base).clamp(PASS_LEAST, PASS_MOST);
                Self { fail: relative, pass: pass.max(relative) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::sli::Direction, judge::ratio::Alphas};

    #[test]
    fn margins_are_those_of_the_table() {
        let of = |measure, objective, limit, scale| Terms {
            measure,
            direction: Direction::HigherIsWorse,
            objective,
            limit,
            scale,
            noun: "requests",
            alphas: Alphas::default(),
        };
        for (baseline, terms, fail, pass) in [
            (0.0, of(Measure::Share, Some(0.999), None, 1.0), 0.0005, 0.001),
            (0.02, of(Measure::Share, Some(0.999), None, 1.0), 0.002, 0.001),
            (0.01, of(Measure::Share, None, None, 1.0), 0.001, 0.005),
            (0.0, of(Measure::Share, None, None, 1.0), 0.0, 0.001),
            (0.05, of(Measure::Share, None, None, 1.0), 0.005, 0.01),
            (0.4, of(Measure::Share, None, None, 1.0), 0.04, 0.04),
            (0.99, of(Measure::Share, None, None, 1.0), 0.001, 0.005),
            (0.97, of(Measure::Conversion, None, None, 1.0), 0.003, 0.0015),
            (0.02, of(Measure::Share, Some(0.999), Some(0.01), 1.0), 0.01, 0.01),
            (0.02, of(Measure::Share, None, Some(-2.0), 100.0), 0.02, 0.02),
            (3.0, of(Measure::Count, None, None, 1.0), 0.3, 0.0),
        ] {
            let found = Margins::beside(baseline, &terms);
            assert!((found.fail - fail).abs() < 1e-12 && (found.pass - pass).abs() < 1e-12, "{terms:?}: {found:?}");
        }
    }
}
