//! What is done to an arm before it is compared: missing values, outliers, and its statistics.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What becomes of a missing value (not a number).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NanStrategy {
    /// It is left out.
    #[default]
    Remove,
    /// It becomes zero.
    Replace,
}

/// What becomes of outliers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "strategy", rename_all = "snake_case", deny_unknown_fields)]
pub enum Outliers {
    /// They stay.
    #[default]
    Keep,
    /// What lies outside the widened fences goes: [`Fences::widened`].
    Remove {
        /// How many interquartile ranges beyond the quartiles; above 0.
        #[serde(default = "usual_factor", alias = "outlierFactor")]
        factor: f64,
    },
}

fn usual_factor() -> f64 {
    3.0
}

/// Between what values must lie to stay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fences {
    /// What is below goes.
    pub low: f64,
    /// What is above goes.
    pub high: f64,
}

/// An arm in five numbers; zeros, when it is empty.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Statistics {
    /// The smallest value.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// The arithmetic mean.
    pub mean: f64,
    /// The sample standard deviation, over n - 1; 0 for a single value.
    pub std: f64,
    /// How many values.
    pub count: usize,
}

impl Fences {
    /// Tukey's: the quartiles, moved outwards by so many interquartile ranges.
    #[must_use]
    pub fn tukey(values: &[f64], factor: f64) -> Self {
        let (q1, q3) = (percentile(values, 25.0), percentile(values, 75.0));
        let iqr = q3 - q1;
        Self { low: q1 - factor * iqr, high: q3 + factor * iqr }
    }

    /// The same, widened to the first and the 99th percentile where those lie further out. So of up to
    /// a hundred values at most one a side is outside: a second outlier survives.
    #[must_use]
    pub fn widened(values: &[f64], factor: f64) -> Self {
        let tukey = Self::tukey(values, factor);
        Self { low: smaller(percentile(values, 1.0), tukey.low), high: larger(percentile(values, 99.0), tukey.high) }
    }

    /// Whether a value lies outside. None does where a fence is no number.
    #[must_use]
    pub fn exclude(&self, value: f64) -> bool {
        value > self.high || value < self.low
    }
}

/// The values that are compared.
#[must_use]
pub fn clean(values: &[f64], nan: NanStrategy, outliers: Outliers) -> Vec<f64> {
    let mut kept: Vec<f64> = match nan {
        NanStrategy::Remove => values.iter().copied().filter(|value| !value.is_nan()).collect(),
        NanStrategy::Replace => values.iter().map(|value| if value.is_nan() { 0.0 } else { *value }).collect(),
    };
    if let Outliers::Remove { factor } = outliers {
        let fences = Fences::widened(&kept, factor);
        kept.retain(|value| !fences.exclude(*value));
    }
    kept
}

/// A percentile (0 to 100) by linear interpolation between order statistics: type 7 of Hyndman and
/// Fan (1996), which is R's default. Not a number for no values.
#[must_use]
pub fn percentile(values: &[f64], percent: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let (Some(first), Some(last)) = (sorted.first(), sorted.last()) else { return f64::NAN };
    let position = (sorted.len() - 1) as f64 * (percent / 100.0);
    if position <= 0.0 {
        return *first;
    }
    let below = position.floor();
    match (sorted.get(below as usize), sorted.get(below as usize + 1)) {
        (Some(low), Some(high)) => low + (position - below) * (high - low),
        _ => *last,
    }
}

/// The arithmetic mean, corrected by what rounding left in the sum. Not a number for no values.
#[must_use]
pub fn mean(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let rough = values.iter().sum::<f64>() / count;
    rough + values.iter().map(|value| value - rough).sum::<f64>() / count
}

impl Statistics {
    /// Of an arm as it is compared.
    #[must_use]
    pub fn of(values: &[f64]) -> Self {
        if values.is_empty() {
            return Self::default();
        }
        let mean = mean(values);
        let std = if values.len() < 2 {
            0.0
        } else {
            let count = values.len() as f64;
            let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
            let rest: f64 = values.iter().map(|value| value - mean).sum();
            ((squares - rest * rest / count) / (count - 1.0)).sqrt()
        };
        Self {
            min: values.iter().copied().fold(f64::INFINITY, f64::min),
            max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            mean,
            std,
            count: values.len(),
        }
    }
}

/// The smaller of two; not a number if either is not, unlike [`f64::min`].
fn smaller(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.min(b) }
}

fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}
