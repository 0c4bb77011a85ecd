//! Classic histograms: cumulative counts by `le`, as Prometheus has them, with the results of its
//! `histogram_quantile` and `histogram_fraction` (`promql/quantile.go`).
//!
//! Inside a bucket, values are spread evenly. A first bucket with a positive bound begins at 0. What
//! falls beyond the last finite bound is answered with that bound, and marked as clipped.

use super::{Histogram, HistogramError, MAX_BOUNDS};

/// Below this relative difference, counts of two buckets are the same, and differ by rounding only.
const SAME: f64 = 1e-12;

/// Observations at or below a bound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// The bound, inclusive; +Inf for the bucket that holds all.
    pub le: f64,
    /// How many.
    pub count: f64,
}

/// What had to be mended before counts grew from bucket to bucket, as they must.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Repair {
    /// A bucket held fewer than a smaller one, and was raised to it: buckets of different moments.
    pub forced: bool,
    /// Counts that differed by rounding were made equal.
    pub rounded: bool,
}

/// A quantile as Prometheus answers it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantile {
    /// The value: NaN without observations, infinite for a quantile beyond 0 or 1.
    pub value: f64,
    /// Whether it lies beyond the last finite bound, which is then the value.
    pub clipped: bool,
    /// What had to be mended.
    pub repair: Repair,
}

/// `histogram_quantile(q, buckets)`; buckets in any order.
#[must_use]
pub fn quantile(q: f64, buckets: &[Bucket]) -> Quantile {
    let plain = |value| Quantile { value, clipped: false, repair: Repair::default() };
    if q.is_nan() {
        return plain(f64::NAN);
    }
    if q < 0.0 {
        return plain(f64::NEG_INFINITY);
    }
    if q > 1.0 {
        return plain(f64::INFINITY);
    }
    let mut buckets = sorted(buckets);
    if !complete(&buckets) {
        return plain(f64::NAN);
    }
    let repair = mend(&mut buckets);
    let [finite @ .., all] = buckets.as_slice() else { return plain(f64::NAN) };
    let Some(last) = finite.last() else { return Quantile { repair, ..plain(f64::NAN) } };
    if all.count == 0.0 {
        return Quantile { repair, ..plain(f64::NAN) };
    }
    let rank = q * all.count;
    let place = finite.partition_point(|bucket| bucket.count < rank);
    let Some(bucket) = finite.get(place) else {
        return Quantile { value: last.le, clipped: true, repair };
    };
    let value = match place.checked_sub(1).and_then(|before| finite.get(before)) {
        None if bucket.le <= 0.0 => bucket.le,
        None => bucket.le * (rank / bucket.count),
        Some(before) => {
            let part = (rank - before.count) / (bucket.count - before.count);
            before.le + (bucket.le - before.le) * part
        }
    };
    Quantile { value, clipped: false, repair }
}

/// `histogram_fraction(lower, upper, buckets)`: the share of observations between two values.
#[must_use]
pub fn fraction(lower: f64, upper: f64, buckets: &[Bucket]) -> f64 {
    let buckets = sorted(buckets);
    let (true, Some(all)) = (complete(&buckets), buckets.last()) else { return f64::NAN };
    if all.count == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    let rank = |value| rank_of(value, &buckets).min(all.count);
    (rank(upper) - rank(lower)) / all.count
}

/// How many observations lie at or below a value, interpolated.
fn rank_of(value: f64, buckets: &[Bucket]) -> f64 {
    let mut begins = match buckets.first() {
        Some(first) if first.le > 0.0 => 0.0,
        _ => f64::NEG_INFINITY,
    };
    let mut before = 0.0;
    for bucket in buckets {
        if begins >= value {
            return before;
        }
        if bucket.le > value {
            // Nobody knows where an endless bucket begins: all of it lies below.
            if begins == f64::NEG_INFINITY {
                return bucket.count;
            }
            return before + (bucket.count - before) * (value - begins) / (bucket.le - begins);
        }
        before = bucket.count;
        begins = bucket.le;
    }
    before
}

impl Histogram {
    /// Takes classic buckets, in any order, mended as Prometheus mends them.
    pub fn from_classic(buckets: &[Bucket]) -> Result<(Self, Repair), HistogramError> {
        if buckets.is_empty() {
            return Err(HistogramError::NoBuckets);
        }
        if buckets.len() > MAX_BOUNDS + 1 {
            return Err(HistogramError::TooManyBounds { have: buckets.len() - 1 });
        }
        for Bucket { le, count } in buckets {
            if le.is_nan() {
                return Err(HistogramError::Bound { bound: *le, after: f64::NEG_INFINITY });
            }
            if !count.is_finite() || *count < 0.0 {
                return Err(HistogramError::Count { bound: *le, count: *count });
            }
        }
        let mut buckets = sorted(buckets);
        if !complete(&buckets) {
            return Err(HistogramError::NoInfinity);
        }
        let repair = mend(&mut buckets);
        let mut before = 0.0;
        let counts = buckets.iter().map(|bucket| {
            let count = bucket.count - before;
            before = bucket.count;
            count
        });
        let counts = counts.collect();
        let bounds = buckets[..buckets.len() - 1].iter().map(|bucket| bucket.le).collect();
        Ok((Self::new(bounds, counts)?, repair))
    }
}

/// Whether the bucket that holds all is there.
fn complete(buckets: &[Bucket]) -> bool {
    buckets.last().is_some_and(|last| last.le == f64::INFINITY)
}

/// By bound; buckets of one bound, written in two ways, added up.
#[expect(clippy::float_cmp, reason = "bounds that were read are the same or are not")]
fn sorted(buckets: &[Bucket]) -> Vec<Bucket> {
    let mut sorted = buckets.to_vec();
    sorted.sort_by(|a, b| a.le.total_cmp(&b.le));
    sorted.dedup_by(|next, kept| {
        let same = next.le == kept.le;
        if same {
            kept.count += next.count;
        }
        same
    });
    sorted
}

/// Makes counts grow from bucket to bucket.
#[expect(clippy::float_cmp, reason = "whatever differs at all is looked at")]
fn mend(buckets: &mut [Bucket]) -> Repair {
    let mut repair = Repair::default();
    let Some((first, rest)) = buckets.split_first_mut() else { return repair };
    let mut reached = first.count;
    for bucket in rest {
        if bucket.count == reached {
            continue;
        }
        if same(bucket.count, reached) {
            bucket.count = reached;
            repair.rounded = true;
        } else if bucket.count < reached {
            bucket.count = reached;
            repair.forced = true;
        } else {
            reached = bucket.count;
        }
    }
    repair
}

fn same(a: f64, b: f64) -> bool {
    let size = a.abs() + b.abs();
    if a == 0.0 || b == 0.0 || size < f64::MIN_POSITIVE {
        return (a - b).abs() < SAME * f64::MIN_POSITIVE;
    }
    (a - b).abs() / size < SAME
}
