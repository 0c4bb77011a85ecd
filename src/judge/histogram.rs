//! Observations by bucket: what the judge works on, and the two forms in which Prometheus has them.
//!
//! [`Histogram`] is the judge's own: bounds and the counts between them, whatever it was read from.
//! [`classic`] and [`native`] evaluate what Prometheus has, with Prometheus' rules and its results.
//!
//! How many observations lie at or below a bucket's bound is exact, and stays so when bounds are
//! left out. So histograms with different bounds are put together on the bounds at which all of
//! them know their count; nothing is ever interpolated to do so.

use super::evidence::Amount;

pub mod classic;
pub mod native;

#[cfg(test)]
mod tests;

/// Most bounds of a histogram. A service that has more exports a label by mistake, and would fill
/// memory with it.
pub const MAX_BOUNDS: usize = 200;

/// Why buckets are no histogram.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum HistogramError {
    /// Nothing at all.
    #[error("there are no buckets; ask for `sum by (le) (...)`")]
    NoBuckets,
    /// More bounds than any histogram needs.
    #[error("{have} bucket bounds, and at most {MAX_BOUNDS} are taken; leave out all labels but `le`")]
    TooManyBounds {
        /// How many.
        have: usize,
    },
    /// The bucket that holds all observations is not there.
    #[error("the bucket with le=\"+Inf\" is missing, so that nobody knows how many observations there are")]
    NoInfinity,
    /// A bound that is not a number, or not above the one before.
    #[error("{bound} is no bucket bound after {after}")]
    Bound {
        /// The bound.
        bound: f64,
        /// The one before.
        after: f64,
    },
    /// A count that is below zero, not a number or without end.
    #[error("{count} observations in the bucket up to {bound}, which is no count")]
    Count {
        /// The bucket's upper bound.
        bound: f64,
        /// The count.
        count: f64,
    },
    /// Bounds and counts that do not belong together.
    #[error("{counts} counts for {bounds} bounds; there is one more count than bounds")]
    Shape {
        /// How many bounds.
        bounds: usize,
        /// How many counts.
        counts: usize,
    },
    /// No bound at which all of several histograms know their count.
    #[error("the histograms have no bucket bound in common; are they of one unit?")]
    NothingInCommon,
}

/// Observations by bucket: between its bounds, and beyond the last one.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// Upper bounds of the buckets but the last, finite, ascending.
    bounds: Vec<f64>,
    /// Observations in each bucket (not cumulative); one more than bounds.
    counts: Vec<f64>,
}

impl Histogram {
    /// Takes bounds, and the counts between and beyond them.
    pub fn new(bounds: Vec<f64>, counts: Vec<f64>) -> Result<Self, HistogramError> {
        if counts.len() != bounds.len() + 1 {
            return Err(HistogramError::Shape { bounds: bounds.len(), counts: counts.len() });
        }
        if bounds.len() > MAX_BOUNDS {
            return Err(HistogramError::TooManyBounds { have: bounds.len() });
        }
        let mut after = f64::NEG_INFINITY;
        for bound in &bounds {
            if !bound.is_finite() || *bound <= after {
                return Err(HistogramError::Bound { bound: *bound, after });
            }
            after = *bound;
        }
        for (i, count) in counts.iter().enumerate() {
            if !count.is_finite() || *count < 0.0 {
                let bound = bounds.get(i).copied().unwrap_or(f64::INFINITY);
                return Err(HistogramError::Count { bound, count: *count });
            }
        }
        Ok(Self { bounds, counts })
    }

    /// Upper bounds of the buckets but the last, ascending.
    #[must_use]
    pub fn bounds(&self) -> &[f64] {
        &self.bounds
    }

    /// Observations in each bucket, those beyond the last bound last.
    #[must_use]
    pub fn counts(&self) -> &[f64] {
        &self.counts
    }

    /// All observations.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.counts.iter().sum()
    }

    /// How many observations are at or below each bound.
    #[must_use]
    pub fn below(&self) -> Vec<f64> {
        cumulative(&self.counts[..self.bounds.len()])
    }

    /// The value of a quantile between 0 and 1, by the bucket that it lies in; none without
    /// observations. Inside a bucket values are taken to be spread evenly, as Prometheus does for
    /// classic histograms; where a bucket is one of a native histogram finer than powers of two, they
    /// are spread evenly in their logarithm, as it does for those.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<Estimate> {
        estimate(&self.bounds, &self.below(), self.total(), q)
    }

    /// The share of observations up to a value; none without observations.
    #[must_use]
    pub fn share_up_to(&self, value: f64) -> Option<f64> {
        let total = self.total();
        if total <= 0.0 || value.is_nan() {
            return None;
        }
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        let before: f64 = self.counts[..bucket].iter().sum();
        let Some(upper) = self.bounds.get(bucket) else {
            // Beyond the last bound nobody knows how far: as slow as can be, unless nothing is there.
            return Some(before / total);
        };
        let lower = lower_of(&self.bounds, bucket);
        let count = self.counts[bucket];
        let part = if count == 0.0 { 0.0 } else { Spread::of(lower, *upper).part(lower, *upper, value) };
        Some(count.mul_add(part, before) / total)
    }

    /// The same observations by other bounds, ascending; none where a count is not known exactly at
    /// one of them. It is known at a bound, in a bucket that is empty, and beyond the last bound when
    /// nothing is there.
    #[must_use]
    pub fn rebucket(&self, bounds: &[f64]) -> Option<Self> {
        let below = self.below();
        let mut counts = Vec::with_capacity(bounds.len() + 1);
        let mut before = 0.0;
        for bound in bounds {
            let reached = self.known_up_to(*bound, &below)?;
            counts.push(reached - before);
            before = reached;
        }
        counts.push((self.total() - before).max(0.0));
        Self::new(bounds.to_vec(), counts).ok()
    }

    /// How many observations are at or below a value, where that is known exactly.
    #[expect(clippy::float_cmp, reason = "only at the bound itself is it known")]
    fn known_up_to(&self, value: f64, below: &[f64]) -> Option<f64> {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        if self.bounds.get(bucket).is_some_and(|bound| *bound == value) {
            return below.get(bucket).copied();
        }
        (self.counts[bucket] == 0.0).then(|| if bucket == 0 { 0.0 } else { below[bucket - 1] })
    }

    /// What was observed since an earlier reading of the same cumulative histogram, and whether it
    /// began anew between them. It did where any bucket, or the total, dropped, and where it has no
    /// bound of before; then all of it is new.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> (Self, bool) {
        let bounds = common_bounds(&[self, earlier]);
        let comparable = !bounds.is_empty() || self.bounds.is_empty();
        let (Some(now), Some(then), true) = (self.rebucket(&bounds), earlier.rebucket(&bounds), comparable) else {
            return (self.clone(), true);
        };
        if now.counts.iter().zip(&then.counts).any(|(now, then)| now < then) {
            return (self.clone(), true);
        }
        let counts = now.counts.iter().zip(&then.counts).map(|(now, then)| now - then).collect();
        (Self { bounds, counts }, false)
    }
}

impl From<Histogram> for Amount {
    fn from(histogram: Histogram) -> Self {
        Self::Durations { bounds: histogram.bounds, counts: histogram.counts }
    }
}

/// The bounds at which each of several histograms knows its count, at most [`MAX_BOUNDS`].
#[must_use]
pub fn common_bounds(histograms: &[&Histogram]) -> Vec<f64> {
    let mut bounds: Vec<f64> = histograms.iter().flat_map(|h| h.bounds.iter().copied()).collect();
    bounds.sort_by(f64::total_cmp);
    bounds.dedup();
    for histogram in histograms {
        let below = histogram.below();
        bounds.retain(|bound| histogram.known_up_to(*bound, &below).is_some());
    }
    thin(&mut bounds);
    bounds
}

/// Puts the observations of several series, arms or slices together, on the bounds that they have in
/// common.
pub fn merge(histograms: &[&Histogram]) -> Result<Histogram, HistogramError> {
    let bounds = common_bounds(histograms);
    let some_have_bounds = histograms.iter().any(|h| !h.bounds.is_empty() && h.total() > 0.0);
    if bounds.is_empty() && some_have_bounds {
        return Err(HistogramError::NothingInCommon);
    }
    let mut counts = vec![0.0; bounds.len() + 1];
    for histogram in histograms {
        let part = histogram.rebucket(&bounds).ok_or(HistogramError::NothingInCommon)?;
        for (sum, count) in counts.iter_mut().zip(&part.counts) {
            *sum += count;
        }
    }
    Ok(Histogram { bounds, counts })
}

/// A quantile's value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The value.
    pub value: f64,
    /// Whether it lies beyond the last bound, so that the value is only known to be above that bound.
    pub clipped: bool,
}

/// The value of a quantile by the counts at and below each bound; none without observations, or with
/// no bound.
pub(super) fn estimate(bounds: &[f64], below: &[f64], total: f64, q: f64) -> Option<Estimate> {
    let last = *bounds.last()?;
    if !(total > 0.0 && (0.0..=1.0).contains(&q)) {
        return None;
    }
    let rank = q * total;
    let bucket = below.partition_point(|count| *count < rank);
    let Some(upper) = bounds.get(bucket).copied() else {
        return Some(Estimate { value: last, clipped: true });
    };
    if bucket == 0 && upper <= 0.0 {
        return Some(Estimate { value: upper, clipped: false });
    }
    let before = if bucket == 0 { 0.0 } else { below[bucket - 1] };
    let count = below[bucket] - before;
    let lower = lower_of(bounds, bucket);
    let part = if count > 0.0 { (rank - before) / count } else { 0.0 };
    Some(Estimate { value: Spread::of(lower, upper).value(lower, upper, part), clipped: false })
}

/// Running sums.
pub(super) fn cumulative(counts: &[f64]) -> Vec<f64> {
    let mut sum = 0.0;
    let running = counts.iter().map(|count| {
        sum += count;
        sum
    });
    running.collect()
}

/// Where a bucket begins. The first begins at 0 when its values can only be taken to be positive.
fn lower_of(bounds: &[f64], bucket: usize) -> f64 {
    match bucket.checked_sub(1).and_then(|before| bounds.get(before)) {
        Some(lower) => *lower,
        None if bounds.first().is_some_and(|first| *first > 0.0) => 0.0,
        None => f64::NEG_INFINITY,
    }
}

/// Leaves out every other bound until there are few enough; counts at the others stay exact.
fn thin(bounds: &mut Vec<f64>) {
    while bounds.len() > MAX_BOUNDS {
        let mut place = 0;
        bounds.retain(|_| {
            place += 1;
            place % 2 == 0
        });
    }
}

/// How values are taken to be spread inside a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spread {
    Linear,
    Exponential,
}

impl Spread {
    /// What the bounds of a bucket say of how it was made: those of native histograms of schema 1 and
    /// up are powers of two with a fraction in the exponent, which nobody writes by hand. The coarser
    /// ones are powers of two, which people do write, so that they stay linear.
    fn of(lower: f64, upper: f64) -> Self {
        let fine = |bound: f64| native::grid(bound).is_some_and(|steps| steps % native::FINEST != 0);
        let on_grid = native::grid(lower).is_some() && native::grid(upper).is_some();
        if on_grid && (fine(lower) || fine(upper)) { Self::Exponential } else { Self::Linear }
    }

    /// The value at a part of the way through a bucket.
    fn value(self, lower: f64, upper: f64, part: f64) -> f64 {
        match self {
            Self::Linear => (upper - lower).mul_add(part, lower),
            Self::Exponential => lower * (upper / lower).powf(part),
        }
    }

    /// The part of the way through a bucket at which a value lies.
    fn part(self, lower: f64, upper: f64, value: f64) -> f64 {
        let part = match self {
            Self::Linear if lower == f64::NEG_INFINITY => 1.0,
            Self::Linear => (value - lower) / (upper - lower),
            Self::Exponential => (value / lower).ln() / (upper / lower).ln(),
        };
        part.clamp(0.0, 1.0)
    }
}
