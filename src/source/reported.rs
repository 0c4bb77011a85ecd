//! Indicators as agents report them, pooled into canary and baseline. In memory only, and bounded:
//! one hour in buckets of 15 seconds.
//!
//! Counters are cumulative per unit: what counts is how much they grew since the unit's last report,
//! a smaller one than before is a reset and counts from zero. What grew while the unit went from one
//! side to the other belongs to neither. The value of a counter is its share of
//! good events over the last five minutes. The value of a gauge is the mean of the units' newest
//! values that are not older than three of their own reporting intervals.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    domain::{
        SafeText, Sli, SliArm, SliReading, UnitKey,
        plan::{Direction, PlanSli},
        sli::{SliPoint, TelemetryState},
    },
    judge,
};

/// Seconds of a bucket.
const BUCKET: i64 = 15;
/// How many buckets are kept: one hour.
const BUCKETS: usize = 240;
/// Buckets that a counter's present value is taken over: five minutes.
const WINDOW: i64 = 20;
/// Most indicators of a rollout; further ones are dropped and counted.
const NAMES: usize = 32;

/// Most units of an indicator; further ones are dropped and counted.
const UNITS: usize = 10_000;
/// Shortest interval that a unit is taken to report in: two reports in a row, as after an apply,
/// are no promise to go on like that.
const INTERVAL_MIN: TimeDelta = TimeDelta::seconds(5);

/// Which side of a comparison a unit is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arm {
    /// It runs the candidate.
    Canary,
    /// It does not.
    Baseline,
}

/// What one side did in one bucket.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    good: f64,
    total: f64,
    gauge: f64,
    readings: f64,
}

impl Sums {
    fn add(&mut self, other: Self) {
        self.good += other.good;
        self.total += other.total;
        self.gauge += other.gauge;
        self.readings += other.readings;
    }

    fn value(&self, counter: bool) -> Option<f64> {
        if counter {
            (self.total > 0.0).then(|| self.good / self.total)
        } else {
            (self.readings > 0.0).then(|| self.gauge / self.readings)
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Bucket {
    /// Its number since 1970.
    number: i64,
    canary: Sums,
    baseline: Sums,
}

/// What was last heard of one unit.
#[derive(Debug, Clone, Copy)]
struct Last {
    at: DateTime<Utc>,
    /// Seconds between its last two reports.
    interval: TimeDelta,
    arm: Arm,
    reading: SliReading,
}

#[derive(Debug, Default)]
struct History {
    counter: bool,
    buckets: VecDeque<Bucket>,
    units: BTreeMap<UnitKey, Last>,
    observed_at: Option<DateTime<Utc>>,
}

/// All indicators of one rollout.
#[derive(Debug, Default)]
pub struct Reported {
    histories: BTreeMap<String, History>,
    dropped: u64,
}

impl Reported {
    /// Takes what a unit reported. Readings that are no finite numbers are passed over: no data.
    pub fn observe(&mut self, at: DateTime<Utc>, unit: &UnitKey, arm: Arm, slis: &BTreeMap<String, SliReading>) {
        for (name, reading) in slis {
            let sound = match reading {
                SliReading::Counter { good, total } => {
                    good.is_finite() && total.is_finite() && *good >= 0.0 && *good <= *total
                }
                SliReading::Gauge { value } => value.is_finite(),
            };
            if !sound {
                continue;
            }
            let name = SafeText::new(name).to_string();
            if !self.histories.contains_key(&name) && self.histories.len() >= NAMES {
                self.dropped += 1;
                continue;
            }
            if !self.histories.entry(name).or_default().observe(at, unit, arm, *reading) {
                self.dropped += 1;
            }
        }
    }

    /// Whether nobody reported any.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.histories.is_empty()
    }

    /// How many readings were dropped because a rollout has at most 32 indicators of at most 10 000 units.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The declared indicators in their order, then all others that are reported.
    #[must_use]
    pub fn slis(&self, at: DateTime<Utc>, declared: &[PlanSli]) -> Vec<Sli> {
        let named = declared.iter().map(|sli| (sli.clone(), self.histories.get(sli.name.as_str())));
        let others = self
            .histories
            .iter()
            .filter(|(name, _)| !declared.iter().any(|sli| sli.name.as_str() == *name))
            .map(|(name, history)| (PlanSli::new(name), Some(history)));
        named.chain(others).map(|(declared, history)| describe(&declared, history, at)).collect()
    }
}

impl History {
    /// Whether there was room for it.
    fn observe(&mut self, at: DateTime<Utc>, unit: &UnitKey, arm: Arm, reading: SliReading) -> bool {
        let last = self.units.get(unit).copied();
        if last.is_none() && self.units.len() >= UNITS {
            return false;
        }
        let sums = match reading {
            SliReading::Counter { good, total } => {
                self.counter = true;
                match last.map(|l| (l.arm, l.reading)) {
                    // The first report has no past to have grown from.
                    None | Some((_, SliReading::Gauge { .. })) => Sums::default(),
                    Some((before, SliReading::Counter { good: good_before, total: total_before }))
                        if total >= total_before && good >= good_before =>
                    {
                        let (good, total) = (good - good_before, total - total_before);
                        // More good ones than there were is nonsense, and no data.
                        if before == arm && good <= total {
                            Sums { good, total, ..Sums::default() }
                        } else {
                            Sums::default()
                        }
                    }
                    Some((_, SliReading::Counter { .. })) => Sums { good, total, ..Sums::default() },
                }
            }
            SliReading::Gauge { value } => {
                self.counter = false;
                Sums { gauge: value, readings: 1.0, ..Sums::default() }
            }
        };
        let interval = last.map_or(INTERVAL_MIN, |l| (at - l.at).clamp(INTERVAL_MIN, TimeDelta::minutes(5)));
        self.units.insert(unit.clone(), Last { at, interval, arm, reading });
        self.observed_at = self.observed_at.max(Some(at));
        if let Some(bucket) = self.bucket(at.timestamp().div_euclid(BUCKET)) {
            match arm {
                Arm::Canary => bucket.canary.add(sums),
                Arm::Baseline => bucket.baseline.add(sums),
            }
        }
        true
    }

    /// The bucket of that number; none when it is older than all that are kept.
    fn bucket(&mut self, number: i64) -> Option<&mut Bucket> {
        let newest = self.buckets.back().map(|b| b.number);
        if newest.is_none_or(|newest| newest < number) {
            self.buckets.push_back(Bucket { number, ..Bucket::default() });
            while self.buckets.len() > BUCKETS {
                self.buckets.pop_front();
            }
        }
        self.buckets.iter_mut().rev().find(|b| b.number == number)
    }

    fn arm(&self, arm: Arm, at: DateTime<Utc>) -> SliArm {
        let present = at.timestamp().div_euclid(BUCKET);
        let mut sums = Sums::default();
        if self.counter {
            for bucket in self.buckets.iter().filter(|b| b.number > present - WINDOW) {
                sums.add(side(bucket, arm));
            }
        } else {
            for last in self.units.values().filter(|l| l.arm == arm && at - l.at <= l.interval * 3) {
                if let SliReading::Gauge { value } = last.reading {
                    sums.gauge += value;
                    sums.readings += 1.0;
                }
            }
        }
        let samples = if self.counter { sums.total } else { sums.readings };
        SliArm { value: sums.value(self.counter), samples: Some(samples) }
    }

    /// One point a bucket of the last hour that was begun since the first one; a silent one is a gap.
    fn series(&self, at: DateTime<Utc>) -> Vec<SliPoint> {
        let Some(first) = self.buckets.front().map(|b| b.number) else { return Vec::new() };
        let present = at.timestamp().div_euclid(BUCKET);
        let first = first.max(present + 1 - i64::try_from(BUCKETS).unwrap_or(i64::MAX));
        let by_number: BTreeMap<i64, &Bucket> = self.buckets.iter().map(|b| (b.number, b)).collect();
        (first..=present)
            .filter_map(|number| {
                let bucket = by_number.get(&number);
                Some(SliPoint {
                    at: DateTime::from_timestamp(number * BUCKET, 0)?,
                    canary: bucket.and_then(|b| b.canary.value(self.counter)),
                    baseline: bucket.and_then(|b| b.baseline.value(self.counter)),
                    difference: None,
                    interval: None,
                })
            })
            .collect()
    }
}

fn side(bucket: &Bucket, arm: Arm) -> Sums {
    match arm {
        Arm::Canary => bucket.canary,
        Arm::Baseline => bucket.baseline,
    }
}

fn describe(declared: &PlanSli, history: Option<&History>, at: DateTime<Utc>) -> Sli {
    let nothing = SliArm { value: None, samples: Some(0.0) };
    let canary = history.map_or(nothing, |h| h.arm(Arm::Canary, at));
    let baseline = history.map_or(nothing, |h| h.arm(Arm::Baseline, at));
    let counted = history.is_some_and(|h| h.counter);
    let unit = if declared.unit.is_empty() && counted { SafeText::new("ratio") } else { declared.unit.clone() };
    let (verdict, why) = judge::compare(unit.as_str(), &canary, &baseline);
    let direction = match declared.direction {
        // What agents count are good events: fewer of them is worse.
        Direction::Either if counted => Direction::LowerIsWorse,
        direction => direction,
    };
    Sli {
        name: declared.name.clone(),
        unit,
        direction: SafeText::new(direction.as_str()),
        family: declared.family,
        critical: declared.critical,
        required: declared.required,
        method: SafeText::new(judge::METHOD),
        canary,
        baseline,
        difference: canary.value.zip(baseline.value).map(|(c, b)| c - b),
        ratio: None,
        interval: None,
        limit: declared.limit,
        verdict,
        why,
        over_since: None,
        telemetry: if history.is_some() { TelemetryState::Ok } else { TelemetryState::Empty },
        burn: None,
        observed_at: history.and_then(|h| h.observed_at),
        series: Some(history.map(|h| h.series(at)).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests;
