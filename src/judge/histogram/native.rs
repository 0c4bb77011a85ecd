//! Native histograms as the Prometheus HTTP API gives them, with the results of Prometheus'
//! `histogram_quantile` and `histogram_fraction` (`promql/quantile.go`).
//!
//! The API tells neither the schema nor which kind of buckets it is. Both are seen from the bounds:
//! exponential ones (schemas -4 to 8) are powers of two of one width, custom ones (schema -53, made
//! from classic histograms) are not. Custom bounds that are powers of two, of which neither the
//! first nor the last bucket holds anything, cannot be told from exponential ones; that changes
//! where inside a bucket a value is taken to lie, and no bound.
//!
//! Inside an exponential bucket values are spread evenly in their logarithm; inside a custom one,
//! and inside the zero bucket, evenly.

use serde::{Deserialize, Deserializer};

use super::{Histogram, HistogramError, thin};

/// Bounds of the finest schema, 8, from one power of two to the next.
pub(super) const FINEST: i64 = 256;

/// A native histogram, in the form of `{"count": "...", "sum": "...", "buckets": [[rule, "lower",
/// "upper", "count"], ...]}`, buckets ascending. Empty buckets are left out by the API.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct NativeHistogram {
    /// All observations, NaN ones among them.
    #[serde(deserialize_with = "number")]
    pub count: f64,
    /// Their sum.
    #[serde(deserialize_with = "number")]
    pub sum: f64,
    /// Absent when there is none.
    #[serde(default)]
    pub buckets: Vec<NativeBucket>,
}

/// One bucket.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(from = "(u8, Number, Number, Number)")]
pub struct NativeBucket {
    /// Which of its bounds belong to it: 0 the upper, 1 the lower, 2 neither, 3 both.
    pub rule: u8,
    /// Where it begins.
    pub lower: f64,
    /// Where it ends.
    pub upper: f64,
    /// Observations in it (not cumulative).
    pub count: f64,
}

/// A number that the API writes as text, so that it can be `NaN` or `+Inf`.
struct Number(f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Text(String),
            Number(f64),
        }
        match Form::deserialize(deserializer)? {
            Form::Number(number) => Ok(Self(number)),
            Form::Text(text) => text.parse().map(Self).map_err(serde::de::Error::custom),
        }
    }
}

fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Number::deserialize(deserializer).map(|number| number.0)
}

impl From<(u8, Number, Number, Number)> for NativeBucket {
    fn from((rule, lower, upper, count): (u8, Number, Number, Number)) -> Self {
        Self { rule, lower: lower.0, upper: upper.0, count: count.0 }
    }
}

impl NativeBucket {
    /// Whether it is an exponential histogram's bucket around zero.
    #[expect(clippy::float_cmp, reason = "the same number is written twice, once with a sign")]
    fn around_zero(&self) -> bool {
        self.rule == 3 && self.lower == -self.upper
    }

    /// Whether it is the last that an exponential histogram can have.
    #[expect(clippy::float_cmp, reason = "it is that number and no other")]
    fn overflows(&self) -> bool {
        self.upper == f64::INFINITY && self.lower == f64::MAX
    }
}

/// What is known of a histogram as a whole.
#[derive(Debug, Clone, Copy)]
struct Shape {
    custom: bool,
    negative: bool,
    positive: bool,
}

impl Shape {
    /// The bucket with its end at zero, where only one side of zero has observations.
    fn trimmed(self, mut bucket: NativeBucket) -> NativeBucket {
        if bucket.lower <= 0.0 && bucket.upper >= 0.0 {
            match (self.negative, self.positive) {
                (false, true) => bucket.lower = 0.0,
                (true, false) => bucket.upper = 0.0,
                _ => {}
            }
        }
        bucket
    }
}

impl NativeHistogram {
    /// `histogram_count`.
    #[must_use]
    pub fn count(&self) -> f64 {
        self.count
    }

    /// `histogram_sum`.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// `histogram_avg`: NaN without observations.
    #[must_use]
    pub fn average(&self) -> f64 {
        self.sum / self.count
    }

    /// Whether its buckets were made from a classic histogram's (schema -53).
    #[must_use]
    pub fn is_custom(&self) -> bool {
        let mut width = None;
        self.buckets.iter().any(|bucket| {
            if bucket.around_zero() || bucket.overflows() {
                return false;
            }
            let ends = if bucket.lower > 0.0 {
                grid(bucket.lower).zip(grid(bucket.upper))
            } else {
                grid(-bucket.upper).zip(grid(-bucket.lower))
            };
            let Some(wide) = ends.map(|(near, far)| far - near) else { return true };
            !(wide > 0 && *width.get_or_insert(wide) == wide && (wide as u64).is_power_of_two())
        })
    }

    fn shape(&self) -> Shape {
        Shape {
            custom: self.is_custom(),
            negative: self.buckets.iter().any(|bucket| !bucket.around_zero() && bucket.lower < 0.0),
            positive: self.buckets.iter().any(|bucket| !bucket.around_zero() && bucket.upper > 0.0),
        }
    }

    /// `histogram_quantile(q, ...)`: NaN without observations, and where the quantile falls among
    /// observations that are NaN; infinite for a quantile beyond 0 or 1.
    #[must_use]
    pub fn quantile(&self, q: f64) -> f64 {
        if q < 0.0 {
            return f64::NEG_INFINITY;
        }
        if q > 1.0 {
            return f64::INFINITY;
        }
        if self.count == 0.0 || q.is_nan() {
            return f64::NAN;
        }
        // Observations that are NaN are in no bucket, so that only the way up is known; else the
        // shorter way is taken, which rounds less.
        let up = self.sum.is_nan() || q < 0.5;
        let mut rank = if up { q * self.count } else { (1.0 - q) * self.count };
        let mut reached = 0.0;
        let mut found = None;
        let mut walk = |bucket: &NativeBucket| {
            if bucket.count != 0.0 {
                reached += bucket.count;
            }
            found = Some(*bucket);
            bucket.count != 0.0 && reached >= rank
        };
        if up {
            let _ = self.buckets.iter().any(&mut walk);
        } else {
            let _ = self.buckets.iter().rev().any(&mut walk);
        }
        let shape = self.shape();
        let Some(mut bucket) = found else { return f64::NAN };
        if !shape.custom {
            bucket = shape.trimmed(bucket);
        } else if bucket.lower == f64::NEG_INFINITY {
            if bucket.upper <= 0.0 {
                return bucket.upper;
            }
            bucket.lower = 0.0;
        } else if bucket.upper == f64::INFINITY {
            return bucket.lower;
        }
        let reached = reached.min(self.count);
        if reached < rank {
            return if self.sum.is_nan() { f64::NAN } else { bucket.upper };
        }
        rank = if up { rank - (reached - bucket.count) } else { reached - rank };
        let part = rank / bucket.count;
        if shape.custom || (bucket.lower <= 0.0 && bucket.upper >= 0.0) {
            return bucket.lower + (bucket.upper - bucket.lower) * part;
        }
        let (lower, upper) = (bucket.lower.abs().log2(), bucket.upper.abs().log2());
        if bucket.lower > 0.0 {
            return (lower + (upper - lower) * part).exp2();
        }
        -(upper + (lower - upper) * (1.0 - part)).exp2()
    }

    /// `histogram_fraction(lower, upper, ...)`: the share of all observations between two values.
    /// Those that are NaN lie between none.
    #[must_use]
    pub fn fraction(&self, lower: f64, upper: f64) -> f64 {
        if self.count == 0.0 || lower.is_nan() || upper.is_nan() {
            return f64::NAN;
        }
        if lower >= upper {
            return 0.0;
        }
        // Custom buckets are kept where positive exponential ones are, which makes a bucket across 0
        // begin at 0 here, though not for quantiles.
        let shape = self.shape();
        let shape =
            Shape { negative: shape.negative && !shape.custom, positive: shape.positive || shape.custom, ..shape };
        let held: f64 = self.buckets.iter().map(|bucket| bucket.count).sum();
        let all = if self.sum.is_nan() { held } else { self.count };
        let rank = |value| self.rank_of(value, shape).unwrap_or(all).min(all);
        (rank(upper) - rank(lower)) / self.count
    }

    /// How many observations lie below a value, interpolated; none beyond all buckets.
    fn rank_of(&self, value: f64, shape: Shape) -> Option<f64> {
        let mut before = 0.0;
        for bucket in &self.buckets {
            let bucket = shape.trimmed(*bucket);
            if bucket.lower >= value {
                return Some(before);
            }
            if bucket.upper > value {
                let part = if bucket.lower == f64::NEG_INFINITY {
                    1.0
                } else if shape.custom || (bucket.lower <= 0.0 && bucket.upper >= 0.0) {
                    (value - bucket.lower) / (bucket.upper - bucket.lower)
                } else {
                    let [lower, upper, value] = [bucket.lower, bucket.upper, value].map(|end| end.abs().log2());
                    (value - lower) / (upper - lower)
                };
                return Some(before + bucket.count * part);
            }
            before += bucket.count;
        }
        None
    }
}

impl Histogram {
    /// Takes a native histogram. Gaps between its buckets become empty ones; observations that are
    /// NaN count as slower than every bound. A resolution that no verdict needs is made coarser.
    #[expect(clippy::float_cmp, reason = "bounds are copied, not computed")]
    pub fn from_native(native: &NativeHistogram) -> Result<Self, HistogramError> {
        if !native.count.is_finite() || native.count < 0.0 {
            return Err(HistogramError::Count { bound: f64::INFINITY, count: native.count });
        }
        let shape = native.shape();
        let mut bounds: Vec<f64> = Vec::with_capacity(native.buckets.len() + 1);
        let mut below: Vec<f64> = Vec::with_capacity(native.buckets.len() + 1);
        let mut held = 0.0;
        for bucket in &native.buckets {
            let bucket = if shape.custom { *bucket } else { shape.trimmed(*bucket) };
            let NativeBucket { lower, upper, count, .. } = bucket;
            if !count.is_finite() || count < 0.0 {
                return Err(HistogramError::Count { bound: upper, count });
            }
            let after = bounds.last().copied().unwrap_or(f64::NEG_INFINITY);
            let ordered = lower >= after && upper >= lower && upper > f64::NEG_INFINITY;
            if !ordered {
                return Err(HistogramError::Bound { bound: if lower < after { lower } else { upper }, after });
            }
            if lower > after {
                bounds.push(lower);
                below.push(held);
            }
            held += count;
            if upper == lower {
                // A zero bucket without width: its observations are at its bound.
                if let Some(last) = below.last_mut() {
                    *last = held;
                }
            } else if upper < f64::INFINITY {
                bounds.push(upper);
                below.push(held);
            }
        }
        let all = native.count.max(held);
        let mut kept = bounds.clone();
        thin(&mut kept);
        let mut at = bounds.iter().zip(&below);
        let mut before = 0.0;
        let mut counts: Vec<f64> = Vec::with_capacity(kept.len() + 1);
        for bound in &kept {
            if let Some((_, reached)) = at.by_ref().find(|(of, _)| *of == bound) {
                counts.push(reached - before);
                before = *reached;
            }
        }
        counts.push(all - before);
        Self::new(kept, counts)
    }
}

/// Where a positive bound lies on the grid of exponential buckets, in steps of the finest schema from
/// 1; none when it is not on it.
pub(super) fn grid(bound: f64) -> Option<i64> {
    if !(bound > 0.0 && bound.is_finite()) {
        return None;
    }
    let steps = bound.log2() * FINEST as f64;
    let whole = steps.round();
    ((steps - whole).abs() < 1e-6).then_some(whole as i64)
}
