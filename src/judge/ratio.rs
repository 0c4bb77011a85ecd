//! The verdict of one ratio or one count, from its slices since the step began.
//!
//! # How a ratio is judged
//! The difference of shares, harm positive, is estimated over the slices as strata, with its variance
//! scaled for bursts ([`super::burst`]), from each of several starts ([`super::restart`]).
//! - **Fail**: from any start whose data reach the floors, the lower edge at `alpha.fail` times the
//!   start's weight is beyond the fail margin; or the count e-process over all starts reaches
//!   `1 / alpha.fail` with floors of its own ([`super::events`]), and the difference seen is beyond the
//!   fail margin. The e-process speaks at any number of events, not only below the sequence's floors: it
//!   finds a threefold error rate in half of the time. Neither knows of the other's alpha; in simulation
//!   (`tests/bench/judge.rs`) both together stay below one, because the e-process also discounts what the
//!   canary's own slices show of bursts ([`super::burst::Jumps`]).
//! - **Watch**: the same at `alpha.watch`, with no margin for the sequence; unless its whole interval is within
//!   the fail margin, so that a trifle that much traffic proves does not hold a promotion for ever.
//! - **Pass**: since the step began, the upper edge at `alpha.pass` is below the pass margin, and nothing is
//!   worth watching. Below the floors the edge is exact instead, so that a healthy service with hardly an
//!   error can pass.
//! - **Insufficient**: none of these. Where a floor is not reached, it says which and what is missing.
//!
//! A pass is more careful about bursts than a failure: see [`Bursts::cautious`](super::burst::Bursts::cautious).
//! What it cannot know is that bursts many times stronger than it assumes are to come, where the history
//! had none: 50 % of canaries that were bad by a whole pass margin, in bursts with a correlation of 0.02,
//! passed once in a simulated hour (and 92 % failed in it); at 0.005, which is assumed, 0.6 %.
//!
//! # What is shown
//! Everything inside is oriented so that positive is harm; what is shown is canary minus baseline in the
//! indicator's unit. Of the interval, the edge towards harm is the one that a pass looks at, at `alpha.pass`,
//! and the other the one that a failure looks at, at `alpha.fail` times the start's weight. (For either
//! direction, both are those of a failure.) At all looks, both together hold with a chance of at least
//! `1 - alpha.fail - alpha.pass`. Where a later start decides, values and interval are of the slices since then, so
//! that the picture is the rule. Where the e-process decides, its evidence is the rule, and the interval
//! may still reach below the limit.

use chrono::{DateTime, Utc};

use super::evidence::{Counts, Slice, Spec};
use crate::domain::{
    SliArm, Verdict,
    sli::{Direction, Family, Interval, SliKind, SliPoint},
};

mod margins;
mod marks;
mod path;
mod why;

use margins::Margins;
use marks::Marks;

/// Events of the rarer kind that the canary needs before the sequence is believed.
pub const CANARY_EVENTS_MIN: f64 = 10.0;
/// Events of the rarer kind of both arms.
pub const ALL_EVENTS_MIN: f64 = 20.0;
/// Events of the rarer kind of the canary, divided by its design effect.
pub const EFFECTIVE_EVENTS_MIN: f64 = 5.0;
/// Whole slices with both arms.
pub const SLICES_MIN: f64 = 5.0;

/// More events than any source counts in a slice, and few enough for their squares to be added up.
const COUNT_MAX: f64 = 1e15;

/// How often each conclusion may be wrong, over all looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Alphas {
    /// Failing equal versions.
    pub fail: f64,
    /// Watching equal versions.
    pub watch: f64,
    /// Passing a version that is worse by the pass margin.
    pub pass: f64,
}

impl Default for Alphas {
    fn default() -> Self {
        Self { fail: 0.01, watch: 0.05, pass: 0.05 }
    }
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// A share of which the bad events matter: errors, slow requests.
    Share,
    /// A share of which the good events matter: conversions. Margins are relative to these.
    Conversion,
    /// Events against exposure. They never pass: no event is no evidence of health.
    Count,
}

/// What is asked of the numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Terms {
    /// What is counted.
    pub measure: Measure,
    /// Which direction of the shown value is worse.
    pub direction: Direction,
    /// The objective of its SLO, above 0 and below 1.
    pub objective: Option<f64>,
    /// The difference that is too much, in the shown unit, whatever its sign.
    pub limit: Option<f64>,
    /// What a share of 1 is shown as: 100 for per cent.
    pub scale: f64,
    /// What the events are called.
    pub noun: &'static str,
    /// How sure to be.
    pub alphas: Alphas,
}

impl Terms {
    /// Those of an indicator. A distribution's are those of the share slower than its threshold: its own
    /// limit, in its own unit, says nothing of shares.
    #[must_use]
    pub fn of(spec: &Spec) -> Self {
        let of_business = spec.family == Family::Business && spec.direction == Direction::LowerIsWorse;
        let measure = match spec.kind {
            SliKind::Count => Measure::Count,
            SliKind::Ratio if of_business => Measure::Conversion,
            _ => Measure::Share,
        };
        let is_ratio = matches!(spec.kind, SliKind::Ratio | SliKind::Count);
        let in_percent = is_ratio && matches!(spec.unit.as_str(), "percent" | "%");
        Self {
            measure,
            direction: if is_ratio { spec.direction } else { Direction::HigherIsWorse },
            objective: spec.objective,
            limit: spec.limit.filter(|_| is_ratio),
            scale: if in_percent { 100.0 } else { 1.0 },
            noun: if matches!(spec.family, Family::Availability | Family::Latency) { "requests" } else { "events" },
            alphas: Alphas::default(),
        }
    }

    /// Counts that can be: what is not a number says nothing, and the rounding of a source that
    /// extrapolates may find more bad events than events.
    fn usable(&self, counts: Counts) -> Option<Counts> {
        let Counts { bad, total } = counts;
        let possible = (0.0..=COUNT_MAX).contains(&bad) && total > 0.0 && total <= COUNT_MAX;
        possible.then(|| if self.measure == Measure::Count { counts } else { Counts { bad: bad.min(total), total } })
    }

    /// What is shown of so many events.
    fn value(&self, counts: Counts) -> Option<f64> {
        (counts.total > 0.0).then(|| {
            let bad = counts.bad / counts.total;
            let is_good_share = self.measure != Measure::Count && self.direction == Direction::LowerIsWorse;
            self.scale * if is_good_share { 1.0 - bad } else { bad }
        })
    }

    fn arm(&self, counts: Counts) -> SliArm {
        let samples = if self.measure == Measure::Count { counts.bad } else { counts.total };
        SliArm { value: self.value(counts), samples: Some(samples) }
    }

    /// What is shown of a difference of shares of bad events. (Of a count, `bad` is what is counted.)
    fn shown(&self, of_bad: f64) -> f64 {
        let turned = self.measure != Measure::Count && self.direction == Direction::LowerIsWorse;
        self.scale * if turned { -of_bad } else { of_bad }
    }

    fn shown_interval(&self, of_bad: Interval) -> Interval {
        let (one, other) = (self.shown(of_bad.low), self.shown(of_bad.high));
        Interval { low: one.min(other), high: one.max(other) }
    }

    /// Which signs of a difference of bad shares are harm.
    fn harms(&self) -> &'static [f64] {
        match (self.measure, self.direction) {
            (_, Direction::Either) => &[1.0, -1.0],
            (Measure::Count, Direction::LowerIsWorse) => &[-1.0],
            _ => &[1.0],
        }
    }

    /// The alphas of one direction of harm.
    fn one_way(&self) -> Alphas {
        let ways = self.harms().len() as f64;
        let Alphas { fail, watch, pass } = self.alphas;
        Alphas { fail: fail / ways, watch: watch / ways, pass: pass / ways }
    }
}

/// How a verdict was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// By the confidence sequence.
    Sequence,
    /// By the count e-process, because the events are too few for a sequence, or speak clearer.
    Events,
    /// By exact intervals of both arms, because the events are too few for a sequence.
    Exact,
}

impl Method {
    /// As it is shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sequence => "sequence",
            Self::Events => "events",
            Self::Exact => "exact",
        }
    }
}

/// What there must be enough of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Floor {
    /// Events of the rarer kind of the canary.
    CanaryEvents,
    /// Those of both arms.
    AllEvents,
    /// Those of the canary, divided by the design effect of bursts.
    EffectiveEvents,
    /// Whole slices with both arms.
    Slices,
}

/// A floor that is not reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Missing {
    /// Which.
    pub floor: Floor,
    /// What there is.
    pub have: f64,
    /// What there must be.
    pub need: f64,
    /// Whether the rarer kind are the bad events.
    pub of_bad: bool,
}

/// What the numbers come to.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The conclusion of this look alone.
    pub verdict: Verdict,
    /// How it was reached.
    pub method: Method,
    /// The canary as shown; a count's `samples` are its events.
    pub canary: SliArm,
    /// The baseline as shown.
    pub baseline: SliArm,
    /// The canary's events that decided.
    pub canary_counts: Counts,
    /// The baseline's.
    pub baseline_counts: Counts,
    /// Canary minus baseline.
    pub difference: Option<f64>,
    /// Canary over baseline.
    pub ratio: Option<f64>,
    /// Where the true difference lies.
    pub interval: Option<Interval>,
    /// The difference beyond which it fails.
    pub limit: Option<f64>,
    /// The difference within which it passes.
    pub pass_limit: Option<f64>,
    /// Whether the difference seen is beyond the limit, proven or not.
    pub over: bool,
    /// The evidence of the count e-process, over all starts.
    pub e_value: Option<f64>,
    /// The first floor of the sequence that is not reached.
    pub missing: Option<Missing>,
    /// Slices that decided: fewer than there are, when a later start did.
    pub slices: f64,
    /// The beginning of the start that decided, when it is later than the step.
    pub since: Option<DateTime<Utc>>,
    /// Whether verdicts are slow because the baseline's events come in bursts.
    pub bursty: bool,
    terms: Terms,
}

/// Judges the slices of a step, oldest first, with the baseline's slices before it.
#[must_use]
pub fn judge(terms: &Terms, slices: &[Slice], history: &[Counts]) -> Finding {
    let marks = Marks::new(terms, slices, history);
    let step = marks.step();
    if step.sums.canary.total <= 0.0 || step.sums.baseline.total <= 0.0 {
        return marks.no_data();
    }
    let (e_value, by_events) = marks.evidence();
    let missing = step.missing();
    let found = if terms.measure == Measure::Count {
        by_events.unwrap_or((Verdict::Insufficient, Method::Events, step))
    } else {
        // The sequence first: where both say the same, its interval can be shown as the rule.
        let harm = [marks.harm(marks.slices()), by_events]
            .into_iter()
            .flatten()
            .min_by_key(|(verdict, method, _)| (*verdict != Verdict::Fail, *method != Method::Sequence));
        harm.unwrap_or_else(|| match marks.passes() {
            Some(method) => (Verdict::Pass, method, step),
            None if missing.is_some() => (Verdict::Insufficient, Method::Events, step),
            None => (Verdict::Insufficient, Method::Sequence, step),
        })
    };
    marks.finding(found, e_value, missing)
}

/// The chart of it: for each slice, both arms' values in it, and the difference of all slices until then
/// with its interval. Slices that lack an arm are gaps.
///
/// Costs more than the verdict (see `tests/bench/judge.rs`): for a screen that shows it, not for a list.
#[must_use]
pub fn path(terms: &Terms, slices: &[Slice], history: &[Counts]) -> Vec<SliPoint> {
    path::points(&Marks::new(terms, slices, history), slices)
}

#[cfg(test)]
mod tests;
