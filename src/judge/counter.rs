//! Cumulative counters: readings in, increases out.
//!
//! A counter only grows, until the process behind it starts anew. So a reading below the one before
//! is a reset, and all of it happened since. The first reading of a series has no increase: what it
//! counted, it counted before anybody looked.
//!
//! [`growth`] and [`Counter`] are exact: what was counted between two readings, nothing added.
//! [`promql`] has what Prometheus would answer to `increase` and `rate`, which extrapolate to the
//! ends of their range.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

pub mod promql;

#[cfg(test)]
mod tests;

/// How far a clock may be ahead of ours before its readings are refused.
pub const AHEAD: TimeDelta = TimeDelta::seconds(30);

/// One reading of a counter.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// When.
    pub at: DateTime<Utc>,
    /// What it counted since its process began.
    pub value: f64,
}

/// Why a reading is not taken.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum CounterError {
    /// A count below zero.
    #[error("the counter is {value} at {at}, and a counter is never below 0; a gauge is asked for as `value`")]
    Negative {
        /// When.
        at: DateTime<Utc>,
        /// What it reads.
        value: f64,
    },
    /// Not a number, or without end.
    #[error("the counter is {value} at {at}, which is no count; look at what exports it")]
    NotFinite {
        /// When.
        at: DateTime<Utc>,
        /// What it reads.
        value: f64,
    },
    /// A time that is not yet.
    #[error("a reading is {ahead} s in the future, at {at}; set the clock of what reports it")]
    Future {
        /// When.
        at: DateTime<Utc>,
        /// How far ahead, in seconds.
        ahead: i64,
    },
    /// A time that is not after the reading before.
    #[error("a reading of {at} came after one of {after}; two series are mixed, or one was sent twice")]
    OutOfOrder {
        /// When.
        at: DateTime<Utc>,
        /// When the reading before was.
        after: DateTime<Utc>,
    },
}

/// What was counted from one reading to the next.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Increase {
    /// When the earlier reading was.
    pub since: DateTime<Utc>,
    /// When the later one was.
    pub at: DateTime<Utc>,
    /// How much.
    pub amount: f64,
    /// Whether the counter began anew between them; what it counted before that is lost.
    pub reset: bool,
}

/// A counter that is read again and again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Counter {
    last: Option<Sample>,
}

impl Counter {
    /// Takes the next reading: what was counted since the one before, none for the first. A reading
    /// that is refused changes nothing.
    pub fn take(&mut self, sample: Sample, now: DateTime<Utc>) -> Result<Option<Increase>, CounterError> {
        let Sample { at, value } = sample;
        if !value.is_finite() {
            return Err(CounterError::NotFinite { at, value });
        }
        if value < 0.0 {
            return Err(CounterError::Negative { at, value });
        }
        let ahead = at.signed_duration_since(now);
        if ahead > AHEAD {
            return Err(CounterError::Future { at, ahead: ahead.num_seconds() });
        }
        if let Some(last) = self.last
            && at <= last.at
        {
            return Err(CounterError::OutOfOrder { at, after: last.at });
        }
        let last = self.last.replace(sample);
        Ok(last.map(|last| {
            let reset = value < last.value;
            let amount = if reset { value } else { value - last.value };
            Increase { since: last.at, at, amount, reset }
        }))
    }

    /// The newest reading that was taken.
    #[must_use]
    pub fn last(&self) -> Option<Sample> {
        self.last
    }
}

/// What a series of readings comes to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Growth {
    /// From reading to reading, oldest first; one fewer than there are readings.
    pub increases: Vec<Increase>,
    /// All of it.
    pub total: f64,
    /// How often the counter began anew.
    pub resets: u32,
}

/// What was counted over readings, which are oldest first. The first reading that cannot be taken
/// refuses them all.
pub fn growth(samples: &[Sample], now: DateTime<Utc>) -> Result<Growth, CounterError> {
    let mut counter = Counter::default();
    let mut growth = Growth::default();
    for sample in samples {
        if let Some(increase) = counter.take(*sample, now)? {
            growth.total += increase.amount;
            growth.resets += u32::from(increase.reset);
            growth.increases.push(increase);
        }
    }
    Ok(growth)
}
