//! How large a difference is: the measures that gate a label.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{clean::mean, rank::RankStatistic};

/// What the effect is measured by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// The mean of the experiment over that of the control.
    #[default]
    #[serde(alias = "meanRatio")]
    MeanRatio,
    /// The chance that a value of the experiment is larger than one of the control (common language
    /// effect size).
    Cles,
}

/// From which effect on a difference counts, and from which it is critical.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Effect {
    /// What it is measured by.
    pub measure: Measure,
    /// High needs at least this; without it, what no effect has: 1 as a ratio, 0.5 as a chance.
    #[serde(alias = "allowedIncrease")]
    pub allowed_increase: Option<f64>,
    /// Low needs at most this.
    #[serde(alias = "allowedDecrease")]
    pub allowed_decrease: Option<f64>,
    /// High of a critical metric is critical from this on.
    #[serde(alias = "criticalIncrease")]
    pub critical_increase: Option<f64>,
    /// Low of a critical metric is critical from this down.
    #[serde(alias = "criticalDecrease")]
    pub critical_decrease: Option<f64>,
}

impl Effect {
    /// The effect; none where it cannot be computed, which opens every gate.
    #[must_use]
    pub fn of(&self, experiment: &[f64], control: &[f64], ranks: &RankStatistic) -> Option<f64> {
        match self.measure {
            Measure::MeanRatio => mean_ratio(experiment, control),
            Measure::Cles => ranks.superiority(),
        }
    }

    /// Whether an effect is large enough for High, or for a critical High.
    #[must_use]
    pub fn increases(&self, effect: Option<f64>, critical: bool) -> bool {
        let limit = if critical { self.critical_increase } else { self.allowed_increase };
        effect.is_none_or(|effect| effect >= limit.unwrap_or(self.none()))
    }

    /// Whether an effect is small enough for Low, or for a critical Low.
    #[must_use]
    pub fn decreases(&self, effect: Option<f64>, critical: bool) -> bool {
        let limit = if critical { self.critical_decrease } else { self.allowed_decrease };
        effect.is_none_or(|effect| effect <= limit.unwrap_or(self.none()))
    }

    /// What the measure is where there is no effect.
    fn none(&self) -> f64 {
        match self.measure {
            Measure::MeanRatio => 1.0,
            Measure::Cles => 0.5,
        }
    }
}

/// The mean of the experiment over that of the control; none where either is 0 or no number.
#[must_use]
pub fn mean_ratio(experiment: &[f64], control: &[f64]) -> Option<f64> {
    let (experiment, control) = (mean(experiment), mean(control));
    let ratio = experiment / control;
    (control != 0.0 && experiment != 0.0 && !ratio.is_nan()).then_some(ratio)
}
