//! What a distribution is held to: which quantiles, to which limit, in which direction.

use super::{FAIL_FACTOR, Found, PASS_FACTOR, QUANTILES};
use crate::{
    domain::{SafeText, sli::Direction},
    judge::{
        evidence::Spec,
        quantile::{NoQuantile, Quantile},
    },
};

/// How much slower is too much.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// So many times the baseline's.
    Factor(f64),
    /// So much more than the baseline's, in the indicator's unit.
    Difference(f64),
}

impl Default for Limit {
    fn default() -> Self {
        Self::Factor(FAIL_FACTOR)
    }
}

/// What a distribution is held to.
#[derive(Debug, Clone, PartialEq)]
pub struct Terms {
    pub(super) quantiles: Vec<Quantile>,
    pub(super) threshold: Option<f64>,
    pub(super) limit: Limit,
    pub(super) direction: Direction,
    pub(super) unit: SafeText,
}

/// Why nothing can be held to these terms.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum TermsError {
    /// None to judge.
    #[error("no quantile is asked for; leave it open for p95 and p99")]
    NoQuantiles,
    /// Not one.
    #[error(transparent)]
    Quantile(#[from] NoQuantile),
    /// A factor that allows nothing, or no number.
    #[error("a limit of {0} times the baseline's is none: it is above 1, as 1.10 is")]
    Factor(f64),
    /// A difference that allows nothing, or no number.
    #[error("a limit of {0} more than the baseline's is none: it is above 0, in the indicator's unit")]
    Difference(f64),
    /// Not a value that a duration has.
    #[error("a threshold of {0} is none: it is above 0, in the indicator's unit")]
    Threshold(f64),
}

impl Terms {
    /// What an indicator's declaration asks for: p95 and p99, with its own limit where it has one.
    pub fn of(spec: &Spec) -> Result<Self, TermsError> {
        let limit = spec.limit.map_or_else(Limit::default, Limit::Difference);
        Self::new(&QUANTILES, spec.threshold, limit, spec.direction, &spec.unit)
    }

    /// Holds quantiles to a limit, and to a threshold where there is one: the value that is good enough
    /// whatever the baseline's.
    pub fn new(
        quantiles: &[f64],
        threshold: Option<f64>,
        limit: Limit,
        direction: Direction,
        unit: &SafeText,
    ) -> Result<Self, TermsError> {
        let positive = |value: f64| value > 0.0 && value.is_finite();
        match limit {
            Limit::Factor(factor) if !(factor > 1.0 && factor.is_finite()) => return Err(TermsError::Factor(factor)),
            Limit::Difference(difference) if !positive(difference) => return Err(TermsError::Difference(difference)),
            Limit::Factor(_) | Limit::Difference(_) => {}
        }
        if let Some(threshold) = threshold.filter(|threshold| !positive(*threshold)) {
            return Err(TermsError::Threshold(threshold));
        }
        let quantiles = quantiles.iter().map(|q| Quantile::new(*q)).collect::<Result<Vec<_>, _>>()?;
        if quantiles.is_empty() {
            return Err(TermsError::NoQuantiles);
        }
        Ok(Self { quantiles, threshold, limit, direction, unit: unit.clone() })
    }
}

/// Which arm is worse where its values are higher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Worse {
    Canary,
    Baseline,
}

impl Worse {
    /// The arm that would be too high, and the one it would be too high against.
    pub(super) fn order<T>(self, canary: T, baseline: T) -> (T, T) {
        match self {
            Self::Canary => (canary, baseline),
            Self::Baseline => (baseline, canary),
        }
    }
}

impl Terms {
    pub(super) fn worse(&self) -> &'static [Worse] {
        match self.direction {
            Direction::HigherIsWorse => &[Worse::Canary],
            Direction::LowerIsWorse => &[Worse::Baseline],
            Direction::Either => &[Worse::Canary, Worse::Baseline],
        }
    }

    /// What is too much above a value.
    pub(super) fn too_much(&self, base: f64) -> f64 {
        match self.limit {
            Limit::Factor(factor) => base * factor,
            Limit::Difference(difference) => base + difference,
        }
    }

    /// What is near enough above a value.
    pub(super) fn near_enough(&self, base: f64) -> f64 {
        match self.limit {
            Limit::Factor(factor) => base * factor.max(PASS_FACTOR),
            Limit::Difference(difference) => base + difference,
        }
    }

    /// The difference that is too much.
    pub(super) fn limit_of(&self, found: &Found) -> Option<f64> {
        let lower = self.direction == Direction::LowerIsWorse;
        match self.limit {
            Limit::Difference(difference) => Some(if lower { -difference } else { difference }),
            Limit::Factor(factor) => {
                // The edge of the band is what a failure is measured against, where there is one.
                let band = found.baseline_band;
                let edge = if lower { band.low } else { band.high };
                let known = edge.is_finite() && edge > 0.0;
                let base = if known { edge } else { found.baseline?.value };
                Some(if lower { base / factor - base } else { base * factor - base })
            }
        }
    }
}
