//! `increase`, `rate`, `delta` and `resets` as Prometheus 3 evaluates them, for replays and for
//! comparing what we counted with what a server says. Verdicts use [`super::growth`].
//!
//! The rules are those of `extrapolatedRate` in Prometheus' `promql/functions.go`: a range is open
//! to the left; two readings at least; the result is stretched to the ends of the range, but where
//! an end is further than 1.1 mean distances of readings from the nearest reading, only by half a
//! mean distance; and a counter is never stretched to before the moment in which it was 0.

use chrono::{DateTime, TimeDelta, Utc};

use super::Sample;

/// The readings of a range that ends at `at`: those after its beginning, up to and with its end.
#[must_use]
pub fn select(samples: &[Sample], at: DateTime<Utc>, range: TimeDelta) -> &[Sample] {
    let begins = at - range;
    let from = samples.partition_point(|sample| sample.at <= begins);
    let to = samples.partition_point(|sample| sample.at <= at);
    samples.get(from..to).unwrap_or_default()
}

/// `increase(counter[range])` at a time; none where Prometheus answers nothing. Readings are oldest first.
#[must_use]
pub fn increase(samples: &[Sample], at: DateTime<Utc>, range: TimeDelta) -> Option<f64> {
    extrapolated(samples, at, range, true)
}

/// `rate(counter[range])` at a time, per second.
#[must_use]
pub fn rate(samples: &[Sample], at: DateTime<Utc>, range: TimeDelta) -> Option<f64> {
    increase(samples, at, range).map(|increase| increase / seconds(range))
}

/// `delta(gauge[range])` at a time.
#[must_use]
pub fn delta(samples: &[Sample], at: DateTime<Utc>, range: TimeDelta) -> Option<f64> {
    extrapolated(samples, at, range, false)
}

/// `resets(counter[range])` at a time.
#[must_use]
pub fn resets(samples: &[Sample], at: DateTime<Utc>, range: TimeDelta) -> Option<u32> {
    let samples = select(samples, at, range);
    if samples.is_empty() {
        return None;
    }
    let drops = samples.windows(2).filter(|pair| matches!(pair, [a, b] if b.value < a.value)).count();
    Some(drops as u32)
}

fn extrapolated(samples: &[Sample], at: DateTime<Utc>, range: TimeDelta, counter: bool) -> Option<f64> {
    let samples = select(samples, at, range);
    let ([first, .., last], true) = (samples, range > TimeDelta::zero()) else { return None };
    let mut result = last.value - first.value;
    if counter {
        // What was lost in a reset is what the counter had reached before it.
        result += samples
            .windows(2)
            .filter_map(|pair| match pair {
                [a, b] if b.value < a.value => Some(a.value),
                _ => None,
            })
            .sum::<f64>();
    }
    let sampled = seconds(last.at.signed_duration_since(first.at));
    let mean = sampled / (samples.len() - 1) as f64;
    let within = |gap: f64| if gap >= mean * 1.1 { mean / 2.0 } else { gap };
    let mut to_start = within(seconds(first.at.signed_duration_since(at - range)));
    let to_end = within(seconds(at.signed_duration_since(last.at)));
    if counter && result > 0.0 && first.value >= 0.0 {
        to_start = to_start.min(sampled * (first.value / result));
    }
    Some(result * ((sampled + to_start + to_end) / sampled))
}

fn seconds(span: TimeDelta) -> f64 {
    span.num_milliseconds() as f64 / 1000.0
}
