//! Canary against baseline: evidence in, verdict out.
//!
//! [`judge`] makes one verdict of one indicator's [`evidence::Evidence`]; the method is chosen by what
//! the indicator is made of:
//!
//! | kind | method |
//! |---|---|
//! | ratio | a confidence sequence on the difference of shares ([`ratio`], [`sequence`]), below its floors an e-process on counts ([`events`]) |
//! | count | the e-process |
//! | latency | quantile bands ([`latency`], [`quantile`]), and the share slower than the threshold as a ratio |
//! | gauge | ranks of independent points ([`series`]) |
//! | any, where a plan asks for it | as Kayenta does ([`kayenta`]) |
//!
//! What one evaluation finds becomes a verdict by [`standing`]; where there is an objective its budget is
//! read beside it ([`burn`]). [`ledger`] keeps what was measured, and [`overall`](mod@overall) decides about the
//! rollout. All of it is a function of its input: the same evidence comes to the same bytes, so that
//! whoever doubts an automatic act can judge again.

pub mod act;
pub mod burn;
pub mod burst;
pub mod counter;
pub mod events;
pub mod evidence;
mod find;
pub mod gates;
pub mod histogram;
pub mod interval;
pub mod kayenta;
pub mod latency;
pub mod ledger;
pub mod overall;
pub mod quantile;
pub mod ratio;
pub mod restart;
pub mod sequence;
pub mod series;
mod shown;
pub mod split;
pub mod standing;
pub mod words;

use self::{
    evidence::{Data, Evidence, Judgement, SCHEMA},
    standing::Seen,
};
use crate::domain::{
    SafeText, SliArm, Verdict,
    sli::{Interval, SliPoint, TelemetryState},
};

pub use self::shown::shown;

/// The verdict of one indicator.
#[must_use]
pub fn judge(evidence: &Evidence) -> Judgement {
    let found = find::find(evidence);
    let seen = Seen { at: evidence.at, newest: found.newest, verdict: found.verdict, is_over: found.is_over };
    let (verdict, mut after) = standing::conclude(&evidence.before, seen);
    let burn = find::budget(evidence, found.e_value, &mut after);
    let over_for = after.over_since.map(|since| (evidence.at - since).num_milliseconds() as f64 / 1000.0);
    let why = found.why.sentence(over_for.filter(|_| found.is_over == Some(true)), evidence.slice);
    let why = match found.verdict {
        Verdict::Fail if verdict == Verdict::Watch => format!("{why}; fails when it is found again"),
        Verdict::Pass | Verdict::Watch | Verdict::Insufficient if after.failed => {
            format!("failed before, {} of {} clean since: {why}", after.clean, standing::LEAVE)
        }
        Verdict::NoData if after.failed => format!("failed before, and {why}"),
        _ => why,
    };
    Judgement {
        found: found.verdict,
        verdict,
        why: SafeText::new(why),
        method: SafeText::new(found.method),
        canary: finite_arm(found.canary),
        baseline: finite_arm(found.baseline),
        difference: finite(found.difference),
        ratio: finite(found.ratio),
        interval: found.interval.filter(|Interval { low, high }| low.is_finite() && high.is_finite()),
        limit: finite(found.limit),
        e_value: found.e_value.map(|evidence| evidence.min(f64::MAX)).filter(|evidence| !evidence.is_nan()),
        burn,
        after,
        path: Vec::new(),
    }
}

/// The chart of a ratio's verdict, slice by slice; empty for what is judged otherwise. It costs more
/// than the verdict, and is for a screen that shows it: a ledger keeps a trace of its own.
#[must_use]
pub fn path(evidence: &Evidence) -> Vec<SliPoint> {
    match &evidence.data {
        Data::Events { slices } if evidence.telemetry.state == TelemetryState::Ok => {
            ratio::path(&ratio::Terms::of(&evidence.spec), slices, &evidence.history)
        }
        _ => Vec::new(),
    }
}

/// Whether evidence is of a form that can be judged here.
#[must_use]
pub fn is_known(evidence: &Evidence) -> bool {
    evidence.schema == SCHEMA
}

/// JSON has no infinity: what is without end is left out.
fn finite(value: Option<f64>) -> Option<f64> {
    value.filter(|value| value.is_finite())
}

fn finite_arm(arm: SliArm) -> SliArm {
    SliArm { value: finite(arm.value), samples: finite(arm.samples) }
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
