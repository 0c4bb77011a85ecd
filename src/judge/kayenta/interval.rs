//! The interval and the estimate of the shift between two samples, found as R finds them.
//!
//! R's `wilcox.test` looks for the roots of the rank statistic, a function of steps, with `zeroin`
//! (Brent, *Algorithms for Minimization without Derivatives*, 1973) to an absolute tolerance of
//! 1e-4. So what it gives carries a residue of the search: an end lies up to 1e-4 beside the step,
//! and for values much smaller than that the ends are nothing but residue, even in the wrong order.
//! That is kept here, because it decides labels that are to agree; [`super::super::series`] does not.

use statrs::distribution::{ContinuousCDF as _, Normal};

use super::rank::{RankStatistic, Tied};

/// Tolerance of the search, in the unit of the values.
const TOLERANCE: f64 = 1e-4;
/// Most steps of the search after its first.
const STEPS: usize = 1000;

/// A shift and where it lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shift {
    /// Lower end of the confidence interval.
    pub low: f64,
    /// Upper end of it.
    pub high: f64,
    /// The Hodges-Lehmann estimate, or what the search leaves of it.
    pub estimate: f64,
}

/// The quantile of the standard normal distribution below which `share` of it lies.
#[must_use]
pub fn normal_quantile(share: f64) -> f64 {
    Normal::standard().inverse_cdf(share.clamp(0.0, 1.0))
}

/// By how much x is larger than y, at a two-sided confidence such as 0.98.
///
/// Where the statistic at an end of the range is already beyond the quantile, that end is the
/// answer. The estimate is searched for without that short cut.
///
/// # Errors
/// [`Tied`], when all observations are tied somewhere along the search, or a sample is empty.
pub fn shift(ranks: &RankStatistic, confidence: f64) -> Result<Shift, Tied> {
    let (min, max) = ranks.range().ok_or(Tied)?;
    let quantile = normal_quantile((1.0 - confidence) / 2.0);
    let end = |quantile: f64| {
        let below = ranks.standardised(min, quantile)?;
        let above = ranks.standardised(max, quantile)?;
        if below <= 0.0 {
            Ok(min)
        } else if above >= 0.0 {
            Ok(max)
        } else {
            zeroin((min, below), (max, above), |shift| ranks.standardised(shift, quantile))
        }
    };
    let estimate = || {
        let (below, above) = (ranks.standardised(min, 0.0)?, ranks.standardised(max, 0.0)?);
        zeroin((min, below), (max, above), |shift| ranks.standardised(shift, 0.0))
    };
    Ok(Shift { low: end(-quantile)?, high: end(quantile)?, estimate: estimate()? })
}

/// Brent's search for a zero between two points and their values, as R has it.
fn zeroin<E>(
    (start, at_start): (f64, f64),
    (end, at_end): (f64, f64),
    mut function: impl FnMut(f64) -> Result<f64, E>,
) -> Result<f64, E> {
    // `best` is the newest approximation, `previous` the one before it, `other` lies on the other
    // side of the zero; f_... are the values there.
    let (mut previous, mut f_previous) = (start, at_start);
    let (mut best, mut f_best) = (end, at_end);
    let (mut other, mut f_other) = (start, at_start);
    if is_zero(f_previous) {
        return Ok(previous);
    }
    if is_zero(f_best) {
        return Ok(best);
    }
    for _ in 0..=STEPS {
        let last_step = best - previous;
        if f_other.abs() < f_best.abs() {
            (previous, best, other) = (best, other, best);
            (f_previous, f_best, f_other) = (f_best, f_other, f_best);
        }
        let tolerance = 2.0 * f64::EPSILON * best.abs() + TOLERANCE / 2.0;
        let half = (other - best) / 2.0;
        if half.abs() <= tolerance || is_zero(f_best) {
            return Ok(best);
        }
        let mut step = half;
        if last_step.abs() >= tolerance && f_previous.abs() > f_best.abs() {
            let width = other - best;
            let (mut p, mut q) = if is_zero(previous - other) {
                // Two points: the secant.
                let t1 = f_best / f_previous;
                (width * t1, 1.0 - t1)
            } else {
                // Three: inverse quadratic interpolation.
                let q = f_previous / f_other;
                let t1 = f_best / f_other;
                let t2 = f_best / f_previous;
                (t2 * (width * q * (q - t1) - (best - previous) * (t1 - 1.0)), (q - 1.0) * (t1 - 1.0) * (t2 - 1.0))
            };
            if p > 0.0 {
                q = -q;
            } else {
                p = -p;
            }
            // Taken only where it stays well inside, and closes in faster than halving.
            if p < 0.75 * width * q - (tolerance * q).abs() / 2.0 && p < (last_step * q / 2.0).abs() {
                step = p / q;
            }
        }
        if step.abs() < tolerance {
            step = if step > 0.0 { tolerance } else { -tolerance };
        }
        (previous, f_previous) = (best, f_best);
        best += step;
        f_best = function(best)?;
        if (f_best > 0.0 && f_other > 0.0) || (f_best < 0.0 && f_other < 0.0) {
            (other, f_other) = (previous, f_previous);
        }
    }
    Ok(best)
}

/// Whether a value is nothing, which steps of a rank statistic often are exactly.
fn is_zero(value: f64) -> bool {
    value.abs() <= f64::from_bits(1)
}
