//! Making points independent: neighbours are merged until one says little of the next.
//!
//! The test of ranks takes points for independent. Of points that follow each other it takes the same
//! evidence again and again: with a lag-1 correlation of 0.8 and 60 points an arm, a canary that is no
//! different fails in 29 of 100 single looks.

/// The lag-1 correlation below which points pass for independent.
pub const CORRELATION_MAX: f64 = 0.3;
/// Points of each arm that a judgement needs, after merging.
pub const POINTS_NEEDED: usize = 10;

/// Both arms, after merging.
#[derive(Debug, Clone, PartialEq)]
pub struct Merged {
    /// How many neighbours became one point.
    pub by: usize,
    /// The canary's means of so many neighbours.
    pub canary: Vec<f64>,
    /// The baseline's.
    pub baseline: Vec<f64>,
}

/// Points that stay dependent however many are merged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dependent {
    /// The larger lag-1 correlation of both arms, as they came.
    pub correlation: f64,
}

/// Merges neighbours in both arms, oldest first, as few as it takes. A rest that fills no whole point is
/// left out at the old end.
///
/// # Errors
/// [`Dependent`], when fewer than [`POINTS_NEEDED`] would be left.
pub fn merge(canary: &[f64], baseline: &[f64]) -> Result<Merged, Dependent> {
    let shorter = canary.len().min(baseline.len());
    let mut by = 1;
    while shorter / by >= POINTS_NEEDED {
        let (merged_canary, merged_baseline) = (means(canary, by), means(baseline, by));
        if correlation(&merged_canary).max(correlation(&merged_baseline)) < CORRELATION_MAX {
            return Ok(Merged { by, canary: merged_canary, baseline: merged_baseline });
        }
        // One more at a time while that is little; a quarter more when there are many.
        by += (by / 4).max(1);
    }
    Err(Dependent { correlation: correlation(canary).max(correlation(baseline)) })
}

fn means(values: &[f64], by: usize) -> Vec<f64> {
    let rest = values.len() % by;
    values.get(rest..).unwrap_or_default().chunks_exact(by).map(|few| few.iter().sum::<f64>() / by as f64).collect()
}

/// How much a point says of the next: the sample autocorrelation at lag 1, from -1 to 1. Points that are
/// all the same say nothing: 0.
#[must_use]
pub fn correlation(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    // Of unit size, so that squares neither overflow nor vanish.
    let size = values.iter().map(|value| (value - mean).abs()).fold(0.0, f64::max);
    if size <= 0.0 || !size.is_finite() {
        return 0.0;
    }
    let from_mean = |value: &f64| (value - mean) / size;
    let squares: f64 = values.iter().map(|value| from_mean(value).powi(2)).sum();
    let products: f64 = values.iter().zip(values.iter().skip(1)).map(|(a, b)| from_mean(a) * from_mean(b)).sum();
    products / squares
}
