//! Counts of rare events: how likely so many are, and what may lie behind them.

use statrs::function::gamma::{checked_gamma_lr, checked_gamma_ur};

/// Bisection steps: as many as a double has digits, and a few.
const BISECTIONS: u32 = 60;
/// Beyond so many, chance no longer plays a part that a double could tell.
const MOST: f64 = 1e12;

/// The chance of at least so many events where so many are expected. 1 for what is no count, so that it
/// is proof of nothing.
#[must_use]
pub fn at_least(many: f64, expected: f64) -> f64 {
    if !(many.is_finite() && expected.is_finite()) || many <= 0.0 {
        return 1.0;
    }
    if expected <= 0.0 {
        return 0.0;
    }
    if many > MOST || expected > MOST {
        return f64::from(u8::from(many <= expected));
    }
    checked_gamma_lr(many, expected).unwrap_or(1.0)
}

/// The smallest and the largest mean under which so many events are no surprise, each at an error of
/// `alpha`: the exact bounds of Garwood (1936). None for what is no count.
#[must_use]
pub fn bounds(many: f64, alpha: f64) -> Option<(f64, f64)> {
    if !((0.0..=MOST).contains(&many) && alpha > 0.0 && alpha < 0.5) {
        return None;
    }
    let low = if many > 0.0 { solve(0.0, many, |mean| at_least(many, mean) >= alpha) } else { 0.0 };
    let fewer = |mean: f64| checked_gamma_ur(many + 1.0, mean).is_ok_and(|chance| chance <= alpha);
    let mut reach = many + 1.0;
    while !fewer(reach) {
        reach *= 2.0;
    }
    Some((low, solve(many, reach, fewer)))
}

/// Where a condition comes true between two means.
fn solve(mut low: f64, mut high: f64, holds: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..BISECTIONS {
        let middle = f64::midpoint(low, high);
        if holds(middle) { high = middle } else { low = middle }
    }
    f64::midpoint(low, high)
}
