//! From series to what canary and baseline did in each slice.
//!
//! - Events are added up over an arm's series, and rounded to whole ones, since `increase` extrapolates.
//! - No series of bad events where there are events in the same slice means that none was bad: a counter
//!   of errors has no series before its first error.
//! - No series of good events means that all were bad only where the same service has some in another
//!   slice or on the other arm; else the query is more likely to be wrong than every request.
//! - A slice in which a number is not finite or below zero has no amount, and neither has one with more
//!   bad events than events, beyond what extrapolation explains.
//! - A gauge's value is the mean over an arm's series.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    batch::Role,
    found::{Found, Line},
    remarks::Remarks,
};
use crate::{
    domain::sli::SliKind,
    judge::{
        evidence::{Amount, Counts},
        histogram::{self, Histogram, HistogramError, classic},
    },
};

/// By how much extrapolation may make a part larger than the whole: a share, and events.
const EXTRAPOLATION: (f64, f64) = (0.05, 2.0);

/// Sums by slice; none where a number was not finite, or below zero.
type Sums = BTreeMap<i64, Option<f64>>;

/// What a query has of one slice.
#[derive(Debug, Clone, Copy)]
enum Cell {
    /// There is no such query.
    NoQuery,
    /// It has no series then.
    Nothing,
    /// A number that is none.
    Unsound,
    /// A number.
    Number(f64),
}

impl Cell {
    fn of(sums: Option<&Sums>, at: i64) -> Self {
        match sums.map(|sums| sums.get(&at)) {
            None => Self::NoQuery,
            Some(None) => Self::Nothing,
            Some(Some(None)) => Self::Unsound,
            Some(Some(Some(number))) => Self::Number(*number),
        }
    }
}

/// What is known of one arm: its series by role.
pub struct Arm<'f> {
    kind: SliKind,
    /// What `$service` stands for where the template has it.
    service: &'f str,
    values: Vec<&'f str>,
    found: Vec<(Role, &'f Found)>,
}

impl<'f> Arm<'f> {
    /// Puts together what there is of an arm.
    pub fn new(kind: SliKind, service: &'f str, values: Vec<&'f str>, found: Vec<(Role, &'f Found)>) -> Self {
        Self { kind, service, values, found }
    }

    /// The amounts of its slices, by their beginning. `nanoseconds` are those in the indicator's unit, where
    /// it is one of time.
    pub fn amounts(&self, nanoseconds: Option<u64>, remarks: &mut Remarks) -> BTreeMap<i64, Amount> {
        match self.kind {
            SliKind::Ratio | SliKind::Count => {
                let events = self.events(remarks).into_iter();
                events.map(|(at, counts)| (at, Amount::Events(counts))).collect()
            }
            SliKind::Latency => {
                let histograms = self.durations(nanoseconds, remarks).into_iter();
                histograms.map(|(at, histogram)| (at, histogram.into())).collect()
            }
            SliKind::Gauge => self.means(remarks),
        }
    }

    fn found(&self, role: Role) -> Option<&'f Found> {
        self.found.iter().find(|(of, _)| *of == role).map(|(_, found)| *found)
    }

    fn lines(&self, found: &'f Found) -> Vec<&'f Line> {
        found.lines(self.service, &self.values).collect()
    }

    /// Sums over the arm's series; none when there is no such query.
    fn sums(&self, role: Role, remarks: &mut Remarks) -> Option<Sums> {
        let found = self.found(role)?;
        let mut sums = Sums::new();
        for line in self.lines(found) {
            remarks.histograms_for_numbers |= !line.histograms.is_empty();
            for (at, value) in &line.samples {
                let sum = sums.entry(*at).or_insert(Some(0.0));
                *sum = sum.zip(remarks.sound_count(*value)).map(|(sum, value)| sum + value);
            }
        }
        Some(sums)
    }

    /// Bad and all events of each slice with any.
    pub fn events(&self, remarks: &mut Remarks) -> BTreeMap<i64, Counts> {
        let [bad, good, total] = [Role::Bad, Role::Good, Role::Total].map(|role| self.sums(role, remarks));
        let slices: BTreeSet<i64> = match &total {
            Some(total) => total.keys().copied().collect(),
            None => good.iter().chain(&bad).flat_map(BTreeMap::keys).copied().collect(),
        };
        // The query for good events is right: the service has some, though maybe not here.
        let proven = self.found(Role::Good).is_some_and(|found| found.has_service(self.service));
        let counts = |at: i64, remarks: &mut Remarks| {
            let [bad, good, total] = [&bad, &good, &total].map(|sums| Cell::of(sums.as_ref(), at));
            self.counts(bad, good, total, proven, remarks)
        };
        slices.into_iter().filter_map(|at| Some((at, counts(at, remarks)?))).collect()
    }

    fn counts(&self, bad: Cell, good: Cell, total: Cell, proven: bool, remarks: &mut Remarks) -> Option<Counts> {
        use Cell::{NoQuery, Nothing, Number, Unsound};
        let none_good = |all: f64, bad: f64, remarks: &mut Remarks| {
            if !proven && all > 0.0 {
                remarks.no_good += 1;
            }
            proven.then_some((bad, all))
        };
        let (bad, all) = match (bad, good, total) {
            (Unsound, ..) | (_, Unsound, _) | (.., Unsound | Nothing) | (NoQuery, NoQuery, _) => return None,
            (Number(bad), _, Number(all)) => (bad, all),
            (Nothing, _, Number(all)) => (0.0, all),
            (NoQuery, Number(good), Number(all)) => (all - good, all),
            (NoQuery, Nothing, Number(all)) => none_good(all, all, remarks)?,
            (Number(bad), Number(good), NoQuery) => (bad, good + bad),
            (_, Number(good), NoQuery) => (0.0, good),
            (Number(bad), _, NoQuery) => none_good(bad, bad, remarks)?,
            (_, _, NoQuery) => return None,
        };
        if self.kind == SliKind::Count {
            // Its exposure is no number of events, and may be smaller than they are many.
            return (all > 0.0).then(|| Counts { bad: bad.max(0.0).round(), total: all });
        }
        let (bad, all) = (bad.round(), all.round());
        if all < 1.0 {
            return None;
        }
        let slack = all.mul_add(EXTRAPOLATION.0, EXTRAPOLATION.1);
        if bad > all + slack || bad < -slack {
            remarks.more_than_all += 1;
            return None;
        }
        Some(Counts { bad: bad.clamp(0.0, all), total: all })
    }

    fn means(&self, remarks: &mut Remarks) -> BTreeMap<i64, Amount> {
        let mut sums: BTreeMap<i64, (Option<f64>, f64)> = BTreeMap::new();
        let lines = self.found(Role::Value).map(|found| self.lines(found)).unwrap_or_default();
        for line in lines {
            remarks.histograms_for_numbers |= !line.histograms.is_empty();
            for (at, value) in &line.samples {
                let (sum, count) = sums.entry(*at).or_insert((Some(0.0), 0.0));
                *sum = sum.zip(remarks.sound(*value)).map(|(sum, value)| sum + value);
                *count += 1.0;
            }
        }
        let values = sums.into_iter().filter_map(|(at, (sum, count))| Some((at, Amount::Value(sum? / count))));
        values.collect()
    }

    /// Durations of each slice with any, in the indicator's unit.
    pub fn durations(&self, nanoseconds: Option<u64>, remarks: &mut Remarks) -> BTreeMap<i64, Histogram> {
        let Some(found) = self.found(Role::Histogram) else { return BTreeMap::new() };
        let mut classic: BTreeMap<i64, Vec<classic::Bucket>> = BTreeMap::new();
        let mut parts: BTreeMap<i64, Vec<Result<Histogram, HistogramError>>> = BTreeMap::new();
        for line in self.lines(found) {
            for (at, native) in &line.histograms {
                parts.entry(*at).or_default().push(Histogram::from_native(native));
            }
            let le = line.le.as_deref().and_then(|le| le.parse().ok());
            for (at, count) in &line.samples {
                let bucket = classic::Bucket { le: le.unwrap_or(f64::NAN), count: *count };
                classic.entry(*at).or_default().push(bucket);
            }
        }
        for (at, buckets) in classic {
            parts.entry(at).or_default().push(Histogram::from_classic(&buckets).map(|(histogram, _)| histogram));
        }
        // Base units are what metrics are in, unless their names say otherwise.
        let scale =
            nanoseconds.map(|own| (found.unit.unwrap_or(1_000_000_000), own)).filter(|(theirs, own)| theirs != own);
        let mut durations = BTreeMap::new();
        for (at, parts) in parts {
            let whole = parts.into_iter().collect::<Result<Vec<_>, _>>().and_then(|parts| {
                let merged = match parts.as_slice() {
                    [one] => one.clone(),
                    several => histogram::merge(&several.iter().collect::<Vec<_>>())?,
                };
                in_whole_events(&merged, scale)
            });
            match whole {
                Ok(histogram) if histogram.total() > 0.0 => {
                    durations.insert(at, histogram);
                }
                Ok(_) => {}
                Err(error) => remarks.bad_histogram(&error),
            }
        }
        durations
    }
}

/// The histogram with bounds in another unit (nanoseconds in theirs, and in ours), and counts at or below each bound rounded, so that what is
/// rounded away in one bucket is not lost to all.
fn in_whole_events(histogram: &Histogram, scale: Option<(u64, u64)>) -> Result<Histogram, HistogramError> {
    let bounds = match scale {
        None => histogram.bounds().to_vec(),
        Some((theirs, own)) => {
            histogram.bounds().iter().map(|bound| tidy(bound * (theirs as f64 / own as f64))).collect()
        }
    };
    let (mut reached, mut before) = (0.0, 0.0);
    let counts = histogram.counts().iter().map(|count| {
        reached += count;
        let whole = f64::round(reached);
        let own = whole - before;
        before = whole;
        own
    });
    Histogram::new(bounds, counts.collect())
}

/// Without the last digit, in which a multiplication leaves its error: a bound of 0.3 s is one of 300 ms.
fn tidy(bound: f64) -> f64 {
    format!("{bound:.14e}").parse().unwrap_or(bound)
}

#[cfg(test)]
mod tests;
