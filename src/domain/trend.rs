//! The recent past of a rollout's worst indicator in a few bytes, so that a list of a thousand
//! rollouts can show where each is heading without carrying their series.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    SafeText,
    sli::{Sli, SliPoint},
};

/// Buckets of a trend.
pub const BUCKETS: u8 = 16;
/// Seconds of a bucket. Buckets lie on the clock, so that those of all rollouts turn over together.
pub const BUCKET: i64 = 120;
/// The highest level.
pub const LEVEL_MAX: u8 = 7;
/// The level at which the limit is reached.
pub const LEVEL_LIMIT: u8 = 4;

/// How much worse than its baseline the worst indicator was, lately.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Trend {
    /// The indicator's name.
    pub sli: SafeText,
    /// The beginning of the newest bucket; each is two minutes long.
    pub at: DateTime<Utc>,
    /// The levels, oldest first, at most 16: 0 is no worse than the baseline, 4 reaches the limit (where
    /// none is known: twice the baseline), 7 is almost twice the limit and beyond. None is a gap.
    pub levels: Vec<Option<u8>>,
}

impl Trend {
    /// Of the indicator that needs somebody most; none without a series.
    #[must_use]
    pub fn of(slis: &[Sli]) -> Option<Self> {
        let worst = slis.iter().min_by_key(|sli| sli.need())?;
        let points = worst.series.as_deref()?;
        let number = |point: &SliPoint| point.at.timestamp().div_euclid(BUCKET);
        let newest = points.iter().map(number).max()?;
        let oldest = newest + 1 - i64::from(BUCKETS);
        let path = worst.has_path();
        let levels = (oldest..=newest)
            .map(|bucket| {
                let inside = points.iter().filter(|point| number(point) == bucket);
                let (sum, count) = inside
                    .filter_map(|point| worst.harm(point.difference_along(path)?))
                    .fold((0.0, 0.0), |(sum, count), harm| (sum + harm, count + 1.0));
                (count > 0.0).then(|| level(sum / count, worst.scale()))
            })
            .collect();
        Some(Self { sli: worst.name.clone(), at: DateTime::from_timestamp(newest * BUCKET, 0)?, levels })
    }
}

/// The level of a harm, against what is too much.
fn level(harm: f64, limit: f64) -> u8 {
    // A difference of two decimals is a hair off: what is at the limit counts as there.
    let share = harm / limit * f64::from(LEVEL_LIMIT) + 1e-9;
    // Not a number only where both are infinite: as bad as can be.
    if share.is_nan() { LEVEL_MAX } else { share.clamp(0.0, f64::from(LEVEL_MAX)) as u8 }
}

#[cfg(test)]
mod tests;
