//! Indicators as agents report them, pooled into canary and baseline by slices of time. In memory
//! only, and bounded: what was judged of them lives on in the judge's own ledgers.
//!
//! Counters are cumulative per unit: what counts is how much they grew since the unit's last report,
//! a smaller one than before is a reset and counts from zero. What grew while the unit went from one
//! side to the other belongs to neither. A gauge's value in a slice is the mean of its readings.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{Answer, SliSource, SourceError, Wanted};
use crate::{
    domain::{
        RolloutId, SafeText, SliReading, UnitKey,
        plan::REPORTED,
        sli::{SliKind, SliQueries},
    },
    judge::evidence::{Amount, Counts, Observed},
};

/// How many slices are kept: what an evaluation that comes late still finds.
const SLICES: usize = 128;
/// Most indicators of a rollout; further ones are dropped and counted.
const NAMES: usize = 32;
/// Most units of an indicator; further ones are dropped and counted.
const UNITS: usize = 10_000;

/// Which side of a comparison a unit is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arm {
    /// It runs the candidate.
    Canary,
    /// It does not.
    Baseline,
}

/// One report's indicators, as they are pooled.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// Whose rollout.
    pub rollout: &'a RolloutId,
    /// Seconds of the rollout's slices.
    pub slice: u32,
    /// When it was reported.
    pub at: DateTime<Utc>,
    /// Which unit.
    pub unit: &'a UnitKey,
    /// On which side it is.
    pub arm: Arm,
    /// What it says.
    pub slis: &'a BTreeMap<String, SliReading>,
}

/// What one side did in one slice.
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

    fn amount(&self, counted: bool) -> Option<Amount> {
        if self.readings == 0.0 {
            return None;
        }
        Some(if counted {
            Amount::Events(Counts { bad: self.total - self.good, total: self.total })
        } else {
            Amount::Value(self.gauge / self.readings)
        })
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Bucket {
    /// Its number since 1970, in slices.
    number: i64,
    canary: Sums,
    baseline: Sums,
}

/// One indicator of one rollout.
#[derive(Debug, Default)]
struct History {
    counted: bool,
    slice: u32,
    buckets: VecDeque<Bucket>,
    /// What each unit said last, and on which side it was.
    units: BTreeMap<UnitKey, (Arm, SliReading)>,
}

/// All that agents report.
#[derive(Debug, Default)]
pub struct Reported {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    rollouts: BTreeMap<RolloutId, BTreeMap<String, History>>,
    dropped: u64,
}

impl Reported {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Sums and last readings: whatever a panic left half done is one reading of many.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what a unit reported. Readings that are no finite numbers are passed over: no data.
    pub fn observe(&self, reading: &Reading<'_>) {
        let mut inner = self.lock();
        let mut dropped = 0;
        let histories = inner.rollouts.entry(reading.rollout.clone()).or_default();
        for (name, value) in reading.slis {
            let sound = match value {
                SliReading::Counter { good, total } => {
                    good.is_finite() && total.is_finite() && *good >= 0.0 && *good <= *total
                }
                SliReading::Gauge { value } => value.is_finite(),
            };
            if !sound {
                continue;
            }
            let name = SafeText::new(name).to_string();
            if !histories.contains_key(&name) && histories.len() >= NAMES {
                dropped += 1;
                continue;
            }
            if !histories.entry(name).or_default().observe(reading, *value) {
                dropped += 1;
            }
        }
        inner.dropped += dropped;
    }

    /// The names that are reported for a rollout, and what they are made of.
    #[must_use]
    pub fn names(&self, rollout: &RolloutId) -> Vec<(String, SliKind)> {
        let inner = self.lock();
        let histories = inner.rollouts.get(rollout);
        let kind = |history: &History| if history.counted { SliKind::Ratio } else { SliKind::Gauge };
        histories.into_iter().flatten().map(|(name, history)| (name.clone(), kind(history))).collect()
    }

    /// How many readings were dropped because a rollout has at most 32 indicators of at most 10 000 units.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    /// Forgets a rollout: it ended, or another begins under its name.
    pub fn forget(&self, rollout: &RolloutId) {
        self.lock().rollouts.remove(rollout);
    }
}

#[async_trait]
impl SliSource for Reported {
    fn name(&self) -> &str {
        REPORTED
    }

    fn check(&self, queries: &SliQueries) -> Result<(), String> {
        if queries.is_empty() {
            Ok(())
        } else {
            Err(format!(
                "agents report it, and nothing is asked: name a source in telemetry.source, or leave its queries out ({REPORTED} is the source where none is named)"
            ))
        }
    }

    async fn collect(&self, wanted: &[Wanted]) -> Vec<Result<Answer, SourceError>> {
        let inner = self.lock();
        let answer = |want: &Wanted| {
            let history = inner.rollouts.get(&want.rollout).and_then(|all| all.get(want.spec.name.as_str()));
            Answer { slices: history.map(|h| h.slices(want.from, want.to)).unwrap_or_default(), ..Answer::default() }
        };
        wanted.iter().map(|want| Ok(answer(want))).collect()
    }
}

impl History {
    /// Whether there was room for it.
    fn observe(&mut self, reading: &Reading<'_>, value: SliReading) -> bool {
        if self.slice != reading.slice {
            *self = Self { slice: reading.slice, ..Self::default() };
        }
        let last = self.units.get(reading.unit).copied();
        if last.is_none() && self.units.len() >= UNITS {
            return false;
        }
        let sums = match value {
            SliReading::Counter { good, total } => {
                self.counted = true;
                let grown = match last {
                    // The first report has no past to have grown from.
                    None | Some((_, SliReading::Gauge { .. })) => None,
                    Some((before, SliReading::Counter { good: good_before, total: total_before }))
                        if total >= total_before && good >= good_before =>
                    {
                        let (good, total) = (good - good_before, total - total_before);
                        // More good ones than there were is nonsense, and no data.
                        (before == reading.arm && good <= total).then_some((good, total))
                    }
                    Some((before, SliReading::Counter { .. })) => (before == reading.arm).then_some((good, total)),
                };
                grown.map(|(good, total)| Sums { good, total, readings: 1.0, gauge: 0.0 })
            }
            SliReading::Gauge { value } => {
                self.counted = false;
                Some(Sums { gauge: value, readings: 1.0, ..Sums::default() })
            }
        };
        self.units.insert(reading.unit.clone(), (reading.arm, value));
        let number = reading.at.timestamp().div_euclid(i64::from(self.slice.max(1)));
        if let (Some(sums), Some(bucket)) = (sums, self.bucket(number)) {
            match reading.arm {
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
            while self.buckets.len() > SLICES {
                self.buckets.pop_front();
            }
        }
        self.buckets.iter_mut().rev().find(|b| b.number == number)
    }

    /// What was reported in whole slices from one instant to another.
    fn slices(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<Observed> {
        let length = i64::from(self.slice.max(1));
        let numbers = from.timestamp().div_euclid(length)..to.timestamp().div_euclid(length);
        let within = self.buckets.iter().filter(|bucket| numbers.contains(&bucket.number));
        within
            .filter_map(|bucket| {
                Some(Observed {
                    at: DateTime::from_timestamp(bucket.number * length, 0)?,
                    canary: bucket.canary.amount(self.counted),
                    baseline: bucket.baseline.amount(self.counted),
                })
            })
            .filter(|observed| observed.canary.is_some() || observed.baseline.is_some())
            .collect()
    }
}

#[cfg(test)]
mod tests;
