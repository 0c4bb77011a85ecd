//! Whether the canary is slower: p95 and p99 of both arms, each with a band that holds at all looks.
//!
//! For each quantile that is asked for, over what was observed since the step began and since each later
//! start ([`super::restart`]):
//! - **fail** where the canary's is proven so far above the baseline's as is too much: the low end of
//!   its band is 1.10 times the high end of the baseline's, at 0.005 for each arm. A canary beyond the
//!   last bucket is above the last bound, and no more is known; a baseline beyond it has no high end,
//!   so that nothing can be proven slower than it.
//! - **watch** where it is proven above the baseline's, though not by so much, at 0.025 for each arm.
//! - **pass** where, since the step began, it is proven at most 1.25 times the baseline's, or within the
//!   threshold, at 0.025 for each arm.
//! - **insufficient** where none of these is proven, or observations are fewer than the quantile's floor.
//!
//! The whole fails, or is watched, with one quantile, and passes with all. Each start after the first
//! pays with its weight in alpha; a pass is claimed of the first alone, and pays nothing.
//!
//! Where less is worse, the arms change places. The share slower than a threshold is a ratio, judged as
//! one.

use std::cmp::Ordering;

use super::{
    evidence::Segment,
    histogram::Estimate,
    quantile::{self, Arm, Band, Quantile},
    restart::Starts,
    words::count,
};
use crate::domain::{SafeText, SliArm, Verdict, sli::Interval};

mod terms;
mod why;

#[cfg(test)]
mod tests;

use self::terms::Worse;
pub use self::terms::{Limit, Terms, TermsError};

/// How a verdict was reached.
pub const METHOD: &str = "quantile_band";

/// The quantiles that are judged when nothing else is said.
pub const QUANTILES: [f64; 2] = [0.95, 0.99];
/// How many times the baseline's is too much.
pub const FAIL_FACTOR: f64 = 1.10;
/// How many times the baseline's is still near enough to go on.
pub const PASS_FACTOR: f64 = 1.25;
/// The error of each arm's band where it speaks for a failure.
pub const FAIL_ALPHA: f64 = 0.005;
/// The error of each arm's band otherwise.
pub const PASS_ALPHA: f64 = 0.025;

/// How much more the observations of each arm vary than independent ones would: their design effects,
/// 1 for independent ones.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effects {
    /// Of the canary.
    pub canary: f64,
    /// Of the baseline.
    pub baseline: f64,
}

impl Effects {
    /// Independent observations.
    pub const NONE: Self = Self { canary: 1.0, baseline: 1.0 };
}

/// Observations that are missing before a quantile can be judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Missing {
    /// How many are needed, of each arm.
    pub needs: f64,
    /// How many the arm has that has fewest, as if they were independent.
    pub has: f64,
    /// Whether it is the canary that lacks them.
    pub canary: bool,
}

/// What was found of one quantile.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Which: 0.95.
    pub q: f64,
    /// As people call it: `p95`.
    pub name: String,
    /// What is concluded of it.
    pub verdict: Verdict,
    /// The canary's value.
    pub canary: Option<Estimate>,
    /// The baseline's.
    pub baseline: Option<Estimate>,
    /// Where the canary's lies, at the level of a failure.
    pub canary_band: Band,
    /// Where the baseline's lies.
    pub baseline_band: Band,
    /// The difference that is too much; negative where less is worse.
    pub limit: Option<f64>,
    /// What it lacks to be judged.
    pub missing: Option<Missing>,
    /// The start whose observations decided, from 0 for what began with the step.
    pub start: usize,
    /// Why, as a part of a sentence.
    why: String,
}

impl Found {
    /// Canary minus baseline.
    #[must_use]
    pub fn difference(&self) -> Option<f64> {
        Some(self.canary?.value - self.baseline?.value)
    }

    /// Canary over baseline.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        let ratio = self.canary?.value / self.baseline?.value;
        ratio.is_finite().then_some(ratio)
    }

    /// Where the true difference lies; none while one of its ends is open.
    #[must_use]
    pub fn interval(&self) -> Option<Interval> {
        let low = self.canary_band.low - self.baseline_band.high;
        let high = self.canary_band.high - self.baseline_band.low;
        (low.is_finite() && high.is_finite()).then_some(Interval { low, high })
    }
}

/// What was found of a distribution.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// What is concluded.
    pub verdict: Verdict,
    /// Why, in one sentence with numbers.
    pub why: SafeText,
    /// The quantile that decided, among `quantiles`.
    pub decided: Option<usize>,
    /// Each quantile, in the order asked for; empty where an arm observed nothing.
    pub quantiles: Vec<Found>,
    /// Observations of the canary since the step began.
    pub canary_samples: f64,
    /// Observations of the baseline.
    pub baseline_samples: f64,
    /// What to know when reading it: coarse buckets, values beyond the last one, a shift elsewhere.
    pub warnings: Vec<SafeText>,
}

impl Finding {
    /// The quantile that decided.
    #[must_use]
    pub fn of(&self) -> Option<&Found> {
        self.quantiles.get(self.decided?)
    }

    /// The canary, as it is shown.
    #[must_use]
    pub fn canary(&self) -> SliArm {
        let value = self.of().and_then(|of| of.canary).map(|found| found.value);
        SliArm { value, samples: Some(self.canary_samples) }
    }

    /// The baseline, as it is shown.
    #[must_use]
    pub fn baseline(&self) -> SliArm {
        let value = self.of().and_then(|of| of.baseline).map(|found| found.value);
        SliArm { value, samples: Some(self.baseline_samples) }
    }
}

/// Judges the observations since a step began, in segments from one start to the next, oldest first.
#[must_use]
pub fn judge(terms: &Terms, bounds: &[f64], segments: &[Segment], effects: Effects) -> Finding {
    let looks = looks(bounds, segments, effects);
    let whole = looks.first();
    let canary_samples = whole.map_or(0.0, |whole| whole.canary.total);
    let baseline_samples = whole.map_or(0.0, |whole| whole.baseline.total);
    let nothing = |why: String| Finding {
        verdict: Verdict::NoData,
        why: SafeText::new(why),
        decided: None,
        quantiles: Vec::new(),
        canary_samples,
        baseline_samples,
        warnings: Vec::new(),
    };
    let some = |samples: f64| samples > 0.0 && samples.is_finite();
    let whole = match (some(canary_samples), some(baseline_samples), whole) {
        (true, true, Some(whole)) => whole,
        (true, false, _) => {
            return nothing(format!("nothing was observed of the baseline, {} of the canary", count(canary_samples)));
        }
        (false, true, _) => {
            return nothing(format!("nothing was observed of the canary, {} of the baseline", count(baseline_samples)));
        }
        _ => return nothing("nothing was observed of either side".to_owned()),
    };
    let quantiles: Vec<Found> = terms.quantiles.iter().map(|of| terms.find(of, whole, &looks)).collect();
    let (verdict, decided) = conclude(&quantiles);
    let mut why: Vec<&str> = match verdict {
        Verdict::Pass => quantiles.iter().map(|found| found.why.as_str()).collect(),
        _ => decided.iter().filter_map(|at| quantiles.get(*at)).map(|found| found.why.as_str()).collect(),
    };
    let samples = format!("{} and {} observations", count(canary_samples), count(baseline_samples));
    why.push(&samples);
    Finding {
        verdict,
        why: SafeText::new(why.join(", ")),
        decided,
        canary_samples,
        baseline_samples,
        warnings: terms.warnings(whole),
        quantiles,
    }
}

/// What was observed since one start.
struct Look<'a> {
    number: usize,
    weight: f64,
    canary: Arm<'a>,
    baseline: Arm<'a>,
}

/// Each start with all that was observed since, oldest first.
fn looks<'a>(bounds: &'a [f64], segments: &[Segment], effects: Effects) -> Vec<Look<'a>> {
    let starts = Starts::among(segments.iter().map(|segment| segment.merged)).kept;
    let mut canary = vec![0.0; bounds.len() + 1];
    let mut baseline = canary.clone();
    let mut end = segments.len();
    let mut looks: Vec<Look> = Vec::with_capacity(starts.len());
    for start in starts.iter().rev() {
        for segment in segments.get(start.slice..end).unwrap_or_default() {
            add(&mut canary, &segment.canary);
            add(&mut baseline, &segment.baseline);
        }
        end = start.slice;
        looks.push(Look {
            number: start.slice,
            weight: start.weight,
            canary: Arm::new(bounds, &canary, effects.canary),
            baseline: Arm::new(bounds, &baseline, effects.baseline),
        });
    }
    looks.reverse();
    looks
}

fn add(sum: &mut [f64], counts: &[f64]) {
    for (sum, count) in sum.iter_mut().zip(counts) {
        *sum += count;
    }
}

/// The verdict of all quantiles together, and which of them decided it.
fn conclude(quantiles: &[Found]) -> (Verdict, Option<usize>) {
    for verdict in [Verdict::Fail, Verdict::Watch] {
        if let Some(at) = quantiles.iter().position(|found| found.verdict == verdict) {
            return (verdict, Some(at));
        }
    }
    if let Some(at) = quantiles.iter().position(|found| found.verdict != Verdict::Pass) {
        return (Verdict::Insufficient, Some(at));
    }
    let worst = |found: &Found| found.ratio().map_or(0.0, |ratio| ratio.max(1.0 / ratio));
    let at = (0..quantiles.len()).max_by(|a, b| worst(&quantiles[*a]).total_cmp(&worst(&quantiles[*b])));
    (Verdict::Pass, at)
}

impl Terms {
    fn find(&self, of: &Quantile, whole: &Look, looks: &[Look]) -> Found {
        let mut found = self.describe(of, whole);
        let sides = self.worse().len() as f64;
        for look in looks.iter().filter(|look| missing(of, look).is_none()) {
            for worse in self.worse() {
                let (high, base) = worse.order(&look.canary, &look.baseline);
                // No band is better than what was seen: most looks end here, without a test.
                let best = at_least(of, high);
                let base_least = at_most(of, base);
                if best.partial_cmp(&base_least) != Some(Ordering::Greater) {
                    continue;
                }
                let fails = best >= self.too_much(base_least) && {
                    let alpha = FAIL_ALPHA * look.weight / sides;
                    let (low, reach) = (of.low(high, alpha), of.high(base, alpha));
                    low > reach && low >= self.too_much(reach)
                };
                if fails {
                    let alpha = FAIL_ALPHA * look.weight / sides;
                    found.decide(Verdict::Fail, of, look, alpha);
                    found.limit = self.limit_of(&found);
                    found.why = self.why_above(&found, *worse, found.canary_band, found.baseline_band);
                    return found;
                }
                let alpha = PASS_ALPHA * look.weight / sides;
                if found.verdict != Verdict::Watch && of.low(high, alpha) > of.high(base, alpha) {
                    let bands = (of.band(&look.canary, alpha), of.band(&look.baseline, alpha));
                    found.decide(Verdict::Watch, of, look, FAIL_ALPHA * look.weight / sides);
                    found.limit = self.limit_of(&found);
                    found.why = self.why_above(&found, *worse, bands.0, bands.1);
                }
            }
        }
        if found.verdict == Verdict::Insufficient
            && found.missing.is_none()
            && let Some(why) = self.passes(of, whole)
        {
            found.verdict = Verdict::Pass;
            found.why = why;
        }
        found
    }

    /// Values and bands since the step began; insufficient until something is proven.
    fn describe(&self, of: &Quantile, whole: &Look) -> Found {
        let missing = missing(of, whole);
        let alpha = FAIL_ALPHA * whole.weight / self.worse().len() as f64;
        let mut found = Found {
            q: of.q(),
            name: of.name(),
            verdict: Verdict::Insufficient,
            canary: whole.canary.estimate(of.q()),
            baseline: whole.baseline.estimate(of.q()),
            canary_band: of.band(&whole.canary, alpha),
            baseline_band: of.band(&whole.baseline, alpha),
            limit: None,
            missing,
            start: whole.number,
            why: String::new(),
        };
        found.limit = self.limit_of(&found);
        found.why = match missing {
            Some(Missing { needs, has, canary }) => {
                let whose = if canary { "" } else { "the baseline " };
                format!("{} needs {needs:.0}, {whose}has {:.0}", found.name, has.floor())
            }
            None => self.why_open(&found),
        };
        found
    }

    /// Why it passes, where it does.
    fn passes(&self, of: &Quantile, whole: &Look) -> Option<String> {
        // A pass is claimed of what began with the step; where that is forgotten, of a start that pays.
        let paid = if whole.number == 0 { 1.0 } else { whole.weight };
        let alpha = PASS_ALPHA * paid / self.worse().len() as f64;
        let mut why = Vec::new();
        for worse in self.worse() {
            let (high, base) = worse.order(&whole.canary, &whole.baseline);
            let reach = of.high(high, alpha);
            let good = match (self.threshold, worse) {
                (Some(threshold), Worse::Canary) => reach <= threshold,
                (Some(threshold), Worse::Baseline) => of.low(&whole.canary, alpha) >= threshold,
                (None, _) => false,
            };
            let threshold = self.figure(self.threshold.unwrap_or_default());
            let low = of.low(base, alpha);
            if good && *worse == Worse::Canary {
                why.push(format!("{} at most {}, within {threshold}", of.name(), self.figure(reach)));
            } else if good {
                why.push(format!("{} at least {threshold}", of.name()));
            } else if reach <= self.near_enough(low) {
                let (most, least) = (self.figure(reach), self.figure(low));
                let (most_of, least_of) = worse.order("canary", "baseline");
                let allowed = self.allowed();
                why.push(format!(
                    "{} of the {most_of} at most {most} against at least {least} of the {least_of}, {allowed} allowed",
                    of.name()
                ));
            } else {
                return None;
            }
        }
        Some(why.join(", "))
    }
}

impl Found {
    /// Takes what one start decided.
    fn decide(&mut self, verdict: Verdict, of: &Quantile, look: &Look, alpha: f64) {
        self.verdict = verdict;
        self.canary = look.canary.estimate(of.q());
        self.baseline = look.baseline.estimate(of.q());
        self.canary_band = of.band(&look.canary, alpha);
        self.baseline_band = of.band(&look.baseline, alpha);
        self.start = look.number;
    }
}

/// What a quantile lacks to be judged on what was observed since a start.
fn missing(of: &Quantile, look: &Look) -> Option<Missing> {
    let needs = quantile::floor(of.q());
    let (canary, baseline) = (look.canary.effective(), look.baseline.effective());
    let has = canary.min(baseline);
    // What is no number is not enough either.
    let enough = has >= needs;
    (!enough).then_some(Missing { needs, has, canary: canary <= baseline })
}

/// The largest bound that a quantile seems to be above: no band has a higher low end.
fn at_least(of: &Quantile, arm: &Arm) -> f64 {
    let below = arm.below.partition_point(|below| *below < of.q() * arm.total);
    below.checked_sub(1).and_then(|last| arm.bounds.get(last)).copied().unwrap_or(f64::NEG_INFINITY)
}

/// The smallest bound that a quantile seems not to be above: no band has a lower high end.
fn at_most(of: &Quantile, arm: &Arm) -> f64 {
    let below = arm.below.partition_point(|below| *below < of.q() * arm.total);
    arm.bounds.get(below).copied().unwrap_or(f64::INFINITY)
}
