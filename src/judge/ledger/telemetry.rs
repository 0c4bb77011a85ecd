//! How what the source gives is to be taken: an error, an empty answer, old data and a young step are
//! four different things.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Ledger, seconds,
    step::{Counted, Slow},
};
use crate::{
    domain::{SafeText, sli::TelemetryState},
    judge::evidence::Telemetry,
};

/// Evaluations in a row that could not be read, before which the last good state stays.
pub const ERRORS: u32 = 4;

/// Slices without anything that a source may begin with.
const EMPTY: i32 = 3;

impl Ledger {
    pub(super) fn telemetry(&self, now: DateTime<Utc>, counted: &Counted, slow: &Slow) -> Telemetry {
        let (state, sentence) = self.state(now, counted);
        let mut parts = Vec::new();
        if self.errors > 0 && state != TelemetryState::Error {
            parts.push(format!("{} in a row could not be read: {}", self.errors, self.error));
        }
        parts.extend(Some(sentence).filter(|text| !text.is_empty()));
        parts.extend(Some(self.remark.clone()).filter(|text| !text.is_empty()));
        parts.extend(slow.remark(&self.spec));
        Telemetry {
            state,
            detail: SafeText::new(parts.join("; ")),
            errors: self.errors,
            newest: self.newest,
            max_lag: seconds(self.max_lag),
        }
    }

    fn state(&self, now: DateTime<Utc>, counted: &Counted) -> (TelemetryState, String) {
        if self.errors >= ERRORS {
            return (TelemetryState::Error, format!("{} in a row: {}", self.errors, self.error));
        }
        let age = self.newest.map(|newest| now - newest);
        if let Some(age) = age.filter(|age| *age > self.max_lag) {
            let limit = self.max_lag.num_seconds();
            let text = format!("the newest value is {} s old, limit {limit} s{}", age.num_seconds(), self.laggard(now));
            return (TelemetryState::Stale, text);
        }
        if !counted.is_empty() {
            return (TelemetryState::Ok, String::new());
        }
        let Some((since, from)) = self.since.zip(self.counts_from()) else {
            return (TelemetryState::Warming, "no step has begun".to_owned());
        };
        if now < from + self.slice {
            let (step, first) = ((now - since).num_seconds().max(0), (from + self.slice - since).num_seconds());
            return (
                TelemetryState::Warming,
                format!("the step is {step} s old, the first slice that counts ends at {first} s"),
            );
        }
        if age.is_some() || !self.answered || now < from + self.slice * EMPTY {
            return (TelemetryState::Warming, format!("waiting for the first slice of the step{}", self.missing()));
        }
        (TelemetryState::Empty, format!("the source answers, and has nothing{}", self.missing()))
    }

    /// Which arm lacks what the other has.
    fn missing(&self) -> &'static str {
        match (self.newest_canary, self.newest_baseline) {
            (None, Some(_)) => " of the canary",
            (Some(_), None) => " of the baseline",
            (None, None) => " of either arm",
            (Some(_), Some(_)) => " in which both arms have data",
        }
    }

    /// Which arm is behind, where one is.
    fn laggard(&self, now: DateTime<Utc>) -> String {
        let (Some(canary), Some(baseline)) = (self.newest_canary, self.newest_baseline) else { return String::new() };
        let age = |newest: DateTime<Utc>| (now - newest).max(TimeDelta::zero()).num_seconds();
        match (now - canary > self.max_lag, now - baseline > self.max_lag) {
            (true, false) => format!(" (the canary's; the baseline's is {} s old)", age(baseline)),
            (false, true) => format!(" (the baseline's; the canary's is {} s old)", age(canary)),
            _ => String::new(),
        }
    }
}
