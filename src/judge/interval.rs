//! Where the share of one arm lies, at all looks at once: the interval that Robbins (1970) made of the
//! uniform mixture of binomial likelihoods. Exact under independence, at any number of events.

use statrs::function::beta::checked_ln_beta;

use crate::domain::sli::Interval;

/// More steps of Newton's method than any start needs.
const STEPS_MAX: u32 = 60;

/// The shares `p` that are not refuted by `bad` of `total` events:
/// `B(1 + x, 1 + n - x) / (p^x (1 - p)^(n - x)) <= 1 / alpha`. The chance that the true share is ever
/// outside, over all looks, is at most `alpha`. Counts need not be whole: they may be scaled for bursts.
///
/// Everything from 0 to 1 where there is nothing to go by: without events, or with numbers that cannot be.
#[must_use]
pub fn share(bad: f64, total: f64, alpha: f64) -> Interval {
    Interval { low: low(bad, total, alpha), high: high(bad, total, alpha) }
}

/// The lower end of [`share`].
#[must_use]
pub fn low(bad: f64, total: f64, alpha: f64) -> f64 {
    limit(bad, total, alpha).map_or(0.0, |limit| lower(bad, total, limit))
}

/// The upper end of [`share`].
#[must_use]
pub fn high(bad: f64, total: f64, alpha: f64) -> f64 {
    limit(bad, total, alpha).map_or(1.0, |limit| 1.0 - lower(total - bad, total, limit))
}

/// What `-x ln p - (n - x) ln(1 - p)` may not exceed.
fn limit(bad: f64, total: f64, alpha: f64) -> Option<f64> {
    let possible = (0.0..=total).contains(&bad) && total > 0.0 && total.is_finite() && alpha > 0.0 && alpha < 1.0;
    let ln_beta = checked_ln_beta(1.0 + bad, 1.0 + total - bad).ok().filter(|_| possible)?;
    Some(-alpha.ln() - ln_beta)
}

/// The smallest `p` at which `-x ln p - (n - x) ln(1 - p)` is no greater than `limit`.
///
/// The function is convex and falls until `x / n`, so that Newton's method climbs to the root from any
/// point left of it, without overshooting. Three bounds of the divergence give such points, one of which
/// is close for small, one for middling, one for large shares.
fn lower(hits: f64, total: f64, limit: f64) -> f64 {
    if hits <= 0.0 {
        return 0.0;
    }
    let share = hits / total;
    let rest = 1.0 - share;
    let least = -hits * share.ln() - if rest > 0.0 { (total - hits) * rest.ln() } else { 0.0 };
    let budget = ((limit - least) / total).max(0.0);
    let mut p = (share - (2.0 * budget * share).sqrt())
        .max(share * (-1.0 - budget / share).exp())
        .max(share - budget - (budget * budget + 2.0 * budget * rest).sqrt());
    for _ in 0..STEPS_MAX {
        let q = 1.0 - p;
        if p <= 0.0 || q <= 0.0 {
            break;
        }
        let above = -hits * p.ln() - (total - hits) * q.ln() - limit;
        let slope = (total - hits) / q - hits / p;
        let step = -above / slope;
        // At the root, or at the share itself, what is left is rounding.
        if step.is_nan() || step <= p * 1e-14 {
            break;
        }
        p += step;
    }
    p.clamp(0.0, share)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// From the method's reference table, computed there with scipy.
    #[test]
    fn reference_values_are_met() {
        for (bad, total, alpha, low, high) in [
            (0.0, 100.0, 0.05, 0.0, 0.073_284_37),
            (5.0, 50.0, 0.05, 0.015_658_55, 0.287_660_47),
            (9990.0, 10_000.0, 0.01, 0.996_607_57, 0.999_870_47),
        ] {
            let found = share(bad, total, alpha);
            assert!((found.low - low).abs() < 1e-8 && (found.high - high).abs() < 1e-8, "{bad}/{total}: {found:?}");
        }
    }

    #[test]
    fn nothing_to_go_by_is_everything() {
        for (bad, total) in
            [(0.0, 0.0), (-1.0, 10.0), (11.0, 10.0), (f64::NAN, 10.0), (1.0, f64::INFINITY), (1.0, f64::NAN)]
        {
            assert_eq!(share(bad, total, 0.05), Interval { low: 0.0, high: 1.0 }, "{bad}/{total}");
        }
        for alpha in [0.0, 1.0, -1.0, f64::NAN] {
            assert_eq!(share(1.0, 10.0, alpha), Interval { low: 0.0, high: 1.0 });
        }
    }

    proptest! {
        #[test]
        fn both_ends_are_where_the_mixture_refutes(total in 1.0..1e7_f64, of in 0.0..=1.0_f64, alpha in 1e-6..0.5_f64) {
            let bad = (total * of * of * of).floor();
            let found = share(bad, total, alpha);
            prop_assert!(found.low <= bad / total && bad / total <= found.high, "{found:?}");
            let ln_mixture = |p: f64| {
                let ln = |n: f64, p: f64| if n == 0.0 { 0.0 } else { n * p.ln() };
                checked_ln_beta(1.0 + bad, 1.0 + total - bad).unwrap() - ln(bad, p) - ln(total - bad, 1.0 - p)
            };
            for end in [found.low, found.high] {
                if end > 0.0 && end < 1.0 {
                    prop_assert!((ln_mixture(end) + alpha.ln()).abs() < 1e-5, "{end}: {}", ln_mixture(end) + alpha.ln());
                }
            }
        }

        #[test]
        fn more_certainty_is_wider_and_good_mirrors_bad(total in 1..100_000_u32, of in 0.0..=1.0_f64) {
            let total = f64::from(total);
            let bad = (total * of).floor();
            let (sure, surer) = (share(bad, total, 0.05), share(bad, total, 0.01));
            prop_assert!(surer.low <= sure.low && sure.high <= surer.high);
            let mirrored = share(total - bad, total, 0.05);
            prop_assert!((mirrored.low - (1.0 - sure.high)).abs() < 1e-9);
        }
    }
}
