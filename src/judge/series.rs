//! The judge of gauges and opaque series: by ranks, of points that are independent.
//!
//! The same test as [`super::kayenta`], without what is weak in it:
//!
//! - Fewer than ten points an arm are `insufficient`, not certain; 50 are advised.
//! - Points that follow each other are merged until they do not ([`merge`](mod@merge)).
//! - The interval is exact, so that values below 1e-3 are judged as well as others ([`shift`]).
//! - To fail, the shift must matter too: it must be beyond the indicator's limit, or without one
//!   beyond a tenth of the baseline's median.
//!
//! What it does not see: it compares what is usual. A minority of points that is far off, or of
//! units that are broken, may leave the median where it was.
//!
//! A series must not be judged twice by the same points: each further look at them is another chance
//! for an accident. There are two ways to guard that:
//!
//! - [`judge_step`] looks at stretches of time that do not overlap, counted from where the step began
//!   ([`stretch`]): of any look between two ends of stretches, the answer is the same. Nothing has to be
//!   remembered, so evidence gives the same verdict again.
//! - With [`judge`] the caller guards it: it keeps [`Found::through`] of a judgement that came about, and
//!   passes it as `since_last`, whereupon only newer points count; until there are ten of them, what was
//!   found before stands.

pub mod merge;
pub mod shift;

#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};

use self::merge::{Dependent, POINTS_NEEDED, merge};
use super::{
    evidence::{Point, Spec},
    kayenta::{
        clean::{NanStrategy, mean},
        interval::Shift,
        label::{self, Label, MannWhitney, Rule, classify},
        rank::RankStatistic,
    },
    words::{figure, three_digits},
};
use crate::domain::{
    SafeText, SliArm, Verdict,
    sli::{Direction, Interval, Scoring},
};

/// How a verdict was reached: ranks of independent points.
pub const METHOD: &str = "mann_whitney";
/// How it was reached, where Kayenta's labels were asked for.
pub const METHOD_KAYENTA: &str = "kayenta";

/// Two-sided confidence of the interval: a false alarm in one direction in a hundred, before the band.
const CONFIDENCE: f64 = 0.98;
/// The share of the estimated shift that the interval must keep away from 0, as in Kayenta.
const BAND: f64 = 0.25;
/// The share of the baseline's median beyond which a shift matters, where no limit is given.
const MARGIN: f64 = 0.1;
/// A shift that is smaller than this share of the values is what rounding makes of none.
const ROUNDING: f64 = 1e-12;
/// Slices of the first stretch, and most of any.
const STRETCH_MIN: u64 = 10;
const STRETCH_MAX: u64 = 60;
/// Larger values are no measurement, and their differences leave the range of numbers.
const VALUE_MAX: f64 = 1e300;

/// What is found of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// What is concluded of these points.
    pub verdict: Verdict,
    /// Why, in one sentence with numbers.
    pub why: SafeText,
    /// [`METHOD`] or [`METHOD_KAYENTA`].
    pub method: &'static str,
    /// The canary's median, and its points.
    pub canary: SliArm,
    /// The baseline's.
    pub baseline: SliArm,
    /// The estimated shift of the canary against the baseline.
    pub difference: Option<f64>,
    /// The canary's median over the baseline's; of Kayenta's, the means.
    pub ratio: Option<f64>,
    /// Where the shift lies.
    pub interval: Option<Interval>,
    /// The shift that is too much.
    pub limit: Option<f64>,
    /// When the newest point was taken, if the series was judged: what is to be passed as `since_last` the
    /// next time.
    pub through: Option<DateTime<Utc>>,
}

/// The values of one arm that can be compared.
struct Arm {
    values: Vec<f64>,
    sorted: Vec<f64>,
    /// How many were there, and no number.
    bad: usize,
}

impl Arm {
    fn new(values: impl Iterator<Item = f64>) -> Self {
        let (values, bad): (Vec<f64>, Vec<f64>) = values.partition(|value| value.abs() <= VALUE_MAX);
        let mut sorted = values.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        Self { values, sorted, bad: bad.len() }
    }

    fn median(&self) -> Option<f64> {
        let upper = *self.sorted.get(self.sorted.len() / 2)?;
        if !self.sorted.len().is_multiple_of(2) {
            return Some(upper);
        }
        let lower = *self.sorted.get((self.sorted.len() / 2).checked_sub(1)?)?;
        Some(f64::midpoint(lower, upper))
    }

    fn shown(&self) -> SliArm {
        SliArm { value: self.median(), samples: Some(self.values.len() as f64) }
    }

    /// The largest value, whatever its sign.
    fn size(&self) -> f64 {
        self.sorted.first().map_or(0.0, |value| value.abs()).max(self.sorted.last().map_or(0.0, |value| value.abs()))
    }
}

/// Judges a series, oldest point first: canary against baseline, by the points after `since_last`.
///
/// In Kayenta's scoring the verdict is its label's, without any of the above: `High` and `Low` fail,
/// `Nodata` is `no_data`, `Error` is `insufficient`.
#[must_use]
pub fn judge(points: &[Point], since_last: Option<DateTime<Utc>>, spec: &Spec) -> Found {
    let fresh: Vec<&Point> = points.iter().filter(|point| since_last.is_none_or(|last| point.at > last)).collect();
    let canary = Arm::new(fresh.iter().filter_map(|point| point.canary));
    let baseline = Arm::new(fresh.iter().filter_map(|point| point.baseline));
    let through = fresh.last().map(|point| point.at);
    match spec.scoring {
        Scoring::Kayenta => judge_as_kayenta(&canary, &baseline, spec, through),
        Scoring::Sequential => judge_by_ranks(&canary, &baseline, spec, through, since_last.is_some()),
    }
}

/// Judges a series by the newest whole stretch of time since the step began, oldest point first; `slice` is
/// how far apart points are, in seconds. In Kayenta's scoring, by all points since then.
#[must_use]
pub fn judge_step(points: &[Point], since: DateTime<Utc>, slice: f64, spec: &Spec) -> Found {
    let slices = |at: DateTime<Utc>| ((at - since).as_seconds_f64() / slice).floor();
    let of_step = points.iter().position(|point| point.at >= since).map_or(&points[..0], |first| &points[first..]);
    // The newest point's slice is over, or it would not be there.
    let passed = of_step.last().map_or(0.0, |newest| slices(newest.at) + 1.0);
    if spec.scoring == Scoring::Kayenta || passed.is_nan() {
        return judge(of_step, None, spec);
    }
    let Some((start, end)) = stretch(passed as u64) else {
        let found = judge(of_step, None, spec);
        let many = format!("{passed:.0} of the first {STRETCH_MIN} points in time have passed");
        return match found.verdict {
            Verdict::NoData => found,
            _ => Found {
                verdict: Verdict::Insufficient,
                why: SafeText::new(many),
                interval: None,
                difference: None,
                limit: None,
                through: None,
                ..found
            },
        };
    };
    let within = |point: &Point| (start as f64..end as f64).contains(&slices(point.at));
    let first = of_step.iter().position(within).unwrap_or(of_step.len());
    let count = of_step.iter().skip(first).take_while(|point| within(point)).count();
    judge(of_step.get(first..first + count).unwrap_or_default(), None, spec)
}

/// The newest whole stretch when so many slices have passed since the step began: from which slice on, and
/// up to which. The first two are of ten slices, so that a failure can be found twice within twenty; then
/// they double, for more certainty, up to sixty.
#[must_use]
pub fn stretch(passed: u64) -> Option<(u64, u64)> {
    let (mut start, mut end) = (0, STRETCH_MIN);
    if passed < end {
        return None;
    }
    loop {
        let next = end + end.min(STRETCH_MAX);
        if next > passed {
            return Some((start, end));
        }
        if next - end == STRETCH_MAX {
            // All that follow are of one length.
            let whole = (passed - end) / STRETCH_MAX;
            let end = end + whole * STRETCH_MAX;
            return Some((end - STRETCH_MAX, end));
        }
        (start, end) = (end, next);
    }
}

fn judge_by_ranks(canary: &Arm, baseline: &Arm, spec: &Spec, through: Option<DateTime<Utc>>, again: bool) -> Found {
    let unit = spec.unit.as_str();
    let (Some(canary_median), Some(baseline_median)) = (canary.median(), baseline.median()) else {
        return unjudged(canary, baseline, METHOD, Verdict::NoData, &silence(canary, baseline, unit));
    };
    let counts = format!("{} and {} points", canary.values.len(), baseline.values.len());
    if canary.values.len().min(baseline.values.len()) < POINTS_NEEDED {
        let fresh = if again { " since the last judgement" } else { "" };
        let why = format!("{counts}{fresh}, {POINTS_NEEDED} of each needed");
        return unjudged(canary, baseline, METHOD, Verdict::Insufficient, &why);
    }
    let merged = match merge(&canary.values, &baseline.values) {
        Ok(merged) => merged,
        Err(Dependent { correlation }) => {
            let why = format!(
                "{counts} follow each other (lag-1 correlation {}), and merged until they do not fewer than \
                 {POINTS_NEEDED} are left",
                three_digits(correlation)
            );
            return unjudged(canary, baseline, METHOD, Verdict::Insufficient, &why);
        }
    };
    let Some(shift) = shift::exact(&RankStatistic::new(&merged.canary, &merged.baseline), CONFIDENCE) else {
        return unjudged(canary, baseline, METHOD, Verdict::NoData, &silence(canary, baseline, unit));
    };
    let given = spec.limit.filter(|limit| limit.is_finite() && *limit >= 0.0);
    let limit = given.unwrap_or(MARGIN * baseline_median.abs());
    let rounding = ROUNDING * canary.size().max(baseline.size());
    let harm = Harm::of(shift, spec.direction);
    let verdict = harm.verdict(limit, given.is_some(), rounding);
    let mut why = vec![
        format!("median {} against {}", figure(canary_median, unit), figure(baseline_median, unit)),
        shown_shift(shift, unit),
    ];
    if verdict != Verdict::Pass || given.is_some() {
        why.push(format!("limit {}", figure(limit, unit)));
    }
    why.push(if merged.by > 1 {
        format!("{counts} merged to {} and {}", merged.canary.len(), merged.baseline.len())
    } else {
        counts
    });
    if canary.bad + baseline.bad > 0 {
        why.push(format!("{} left out that are no numbers", canary.bad + baseline.bad));
    }
    Found {
        verdict,
        why: SafeText::new(why.join(", ")),
        method: METHOD,
        canary: canary.shown(),
        baseline: baseline.shown(),
        difference: Some(shift.estimate),
        ratio: ratio(canary_median, baseline_median),
        interval: Some(Interval { low: shift.low, high: shift.high }),
        limit: Some(limit),
        through,
    }
}

/// A shift as harm: above 0 is worse.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Harm {
    /// The least that it is.
    least: f64,
    /// The estimate.
    estimate: f64,
    /// The most that it may be.
    most: f64,
}

impl Harm {
    fn of(Shift { low, high, estimate }: Shift, direction: Direction) -> Self {
        let up = Self { least: low, estimate, most: high };
        let down = Self { least: -high, estimate: -estimate, most: -low };
        match direction {
            Direction::HigherIsWorse => up,
            Direction::LowerIsWorse => down,
            Direction::Either => {
                Self { least: up.least.max(down.least), estimate: estimate.abs(), most: up.most.max(down.most) }
            }
        }
    }

    /// What it comes to. Failing needs certainty and a shift beyond the limit. Passing needs, where a limit
    /// was given, that the worst that may be is within it; without, that nothing speaks against it.
    fn verdict(&self, limit: f64, given: bool, rounding: f64) -> Verdict {
        let certain = self.least > BAND * self.estimate.abs() + rounding;
        if certain && self.estimate > limit + rounding {
            Verdict::Fail
        } else if given && self.most <= limit + rounding {
            Verdict::Pass
        } else if self.least > rounding {
            Verdict::Watch
        } else if given {
            Verdict::Insufficient
        } else {
            Verdict::Pass
        }
    }
}

fn judge_as_kayenta(canary: &Arm, baseline: &Arm, spec: &Spec, through: Option<DateTime<Utc>>) -> Found {
    let unit = spec.unit.as_str();
    let direction = match spec.direction {
        Direction::HigherIsWorse => label::Direction::Increase,
        Direction::LowerIsWorse => label::Direction::Decrease,
        Direction::Either => label::Direction::Either,
    };
    let rule = Rule { direction, nan: NanStrategy::Remove, critical: spec.critical, ..Rule::default() };
    let classified = classify(&canary.values, &baseline.values, &rule, MannWhitney::NETFLIX);
    let verdict = match classified.label {
        Label::Pass => Verdict::Pass,
        Label::High | Label::Low | Label::NodataFailMetric => Verdict::Fail,
        Label::Nodata => Verdict::NoData,
        Label::Error => Verdict::Insufficient,
    };
    if verdict == Verdict::NoData {
        return unjudged(canary, baseline, METHOD_KAYENTA, verdict, &silence(canary, baseline, unit));
    }
    let mut why = vec![format!(
        "{:?}: mean {} against {}",
        classified.label,
        figure(mean(&canary.values), unit),
        figure(mean(&baseline.values), unit),
    )];
    why.extend(classified.shift.map(|shift| shown_shift(shift, unit)));
    why.extend(classified.reason.filter(|_| classified.shift.is_none()).map(str::to_owned));
    why.push(format!("{} and {} points", canary.values.len(), baseline.values.len()));
    Found {
        verdict,
        why: SafeText::new(why.join(", ")),
        method: METHOD_KAYENTA,
        canary: canary.shown(),
        baseline: baseline.shown(),
        difference: classified.shift.map(|shift| shift.estimate),
        ratio: classified.ratio,
        interval: classified.shift.map(|shift| Interval { low: shift.low, high: shift.high }),
        limit: None,
        through: through.filter(|_| verdict != Verdict::Insufficient),
    }
}

fn unjudged(canary: &Arm, baseline: &Arm, method: &'static str, verdict: Verdict, why: &str) -> Found {
    Found {
        verdict,
        why: SafeText::new(why),
        method,
        canary: canary.shown(),
        baseline: baseline.shown(),
        difference: None,
        ratio: None,
        interval: None,
        limit: None,
        through: None,
    }
}

/// Which arm has nothing that can be compared.
fn silence(canary: &Arm, baseline: &Arm, unit: &str) -> String {
    let side = |arm: &Arm, name: &str| match (arm.median(), arm.bad) {
        (Some(median), _) => format!("{name} median {} of {} points", figure(median, unit), arm.values.len()),
        (None, 0) => format!("no point of the {name}"),
        (None, bad) => format!("no point of the {name} that is a number ({bad} are none)"),
    };
    format!("{}; {}", side(canary, "canary"), side(baseline, "baseline"))
}

fn shown_shift(shift: Shift, unit: &str) -> String {
    let Shift { low, high, estimate } = shift;
    format!("shift {} ({} to {})", figure(estimate, unit), figure(low, unit), figure(high, unit))
}

fn ratio(canary: f64, baseline: f64) -> Option<f64> {
    let ratio = canary / baseline;
    ratio.is_finite().then_some(ratio)
}
