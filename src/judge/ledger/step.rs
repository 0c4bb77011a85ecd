//! What was counted since the step began, in bounded room: slices one by one at first, those before
//! merged into one for each start of fresh evidence.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};

use super::{
    super::{
        evidence::{Counts, Data, Point, Segment, Slice, Spec},
        histogram::{Histogram, common_bounds},
        restart,
        words::{figure, three_digits},
    },
    Pair,
    admit::Sound,
};
use crate::domain::sli::SliKind;

/// The latest slices of events that are kept one by one.
pub const SINGLE: usize = 180;
/// Slices from one start of fresh evidence to the next: what is merged into one.
const EPOCH: u32 = restart::EVERY;
/// Merged slices, and segments of durations, that are kept; beyond, the oldest two become one.
pub const MERGED: usize = restart::KEPT;
/// Points of a gauge that are kept, the latest.
pub const POINTS: usize = 240;
/// How far from the threshold a bucket's bound may be to stand for it, as a share: native histograms
/// of schema 3 have bounds 9 % apart.
const NEAR: f64 = 0.05;
/// Observations of one slice from which the baseline's usual p95 is taken.
const USUAL_MIN: f64 = 100.0;

/// What counts, by the kind of indicator.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Counted {
    Events(Events),
    Durations { bounds: Vec<f64>, segments: Vec<Segment>, slow: Events },
    Values(VecDeque<Point>),
}

/// Slices of events, oldest first: merged ones, then single ones.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Events {
    slices: Vec<Slice>,
    merged: usize,
}

/// Beyond what a duration is slow: the bound that stands for the threshold, found once and kept.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Slow {
    bound: Option<f64>,
    /// The bound nearest to the baseline's p95, which stands for the threshold where there is none: only to
    /// tell how bursty slow ones are.
    usual: Option<f64>,
    /// The bounds below and above the threshold, where none is close enough to stand for it.
    around: Option<(Option<f64>, Option<f64>)>,
    /// Whether later histograms lost that bound: then nobody knows any more.
    lost: bool,
    /// Whether later histograms had no bound in common with those before, so that it was begun anew.
    anew: Option<DateTime<Utc>>,
}

impl Counted {
    pub(super) fn new(kind: SliKind) -> Self {
        match kind {
            SliKind::Ratio | SliKind::Count => Self::Events(Events::default()),
            SliKind::Latency => Self::Durations { bounds: Vec::new(), segments: Vec::new(), slow: Events::default() },
            SliKind::Gauge => Self::Values(VecDeque::new()),
        }
    }

    /// Counts a slice; events and durations only where both arms have some.
    pub(super) fn add(&mut self, at: DateTime<Utc>, pair: &Pair, slow: &mut Slow) {
        match self {
            Self::Events(events) => {
                if let Some((Some(canary), Some(baseline))) = slow.counts(pair) {
                    events.add(Slice { at, merged: 1, canary, baseline });
                }
            }
            Self::Durations { bounds, segments, slow: slower } => {
                let (Some(Sound::Durations(canary)), Some(Sound::Durations(baseline))) = (&pair.canary, &pair.baseline)
                else {
                    return;
                };
                match slow.counts(pair) {
                    Some((Some(canary), Some(baseline))) => slower.add(Slice { at, merged: 1, canary, baseline }),
                    _ if slow.lost => *slower = Events::default(),
                    _ => {}
                }
                if !add_durations(bounds, segments, at, canary, baseline) {
                    slow.anew = Some(at);
                }
            }
            Self::Values(points) => {
                let of = |sound: &Option<Sound>| match sound {
                    Some(Sound::Value(value)) => Some(*value),
                    _ => None,
                };
                if points.len() == POINTS {
                    points.pop_front();
                }
                points.push_back(Point { at, canary: of(&pair.canary), baseline: of(&pair.baseline) });
            }
        }
    }

    /// Slices of events that were not merged.
    pub(super) fn single_slices(&self) -> &[Slice] {
        match self {
            Self::Events(events) | Self::Durations { slow: events, .. } => &events.slices[events.merged..],
            Self::Values(_) => &[],
        }
    }

    /// Whether anything counts.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Events(events) => events.slices.is_empty(),
            Self::Durations { segments, .. } => segments.is_empty(),
            Self::Values(points) => {
                !(points.iter().any(|p| p.canary.is_some()) && points.iter().any(|p| p.baseline.is_some()))
            }
        }
    }

    /// As evidence: points of a gauge up to where both arms' data go.
    pub(super) fn data(self, horizon: Option<DateTime<Utc>>) -> Data {
        match self {
            Self::Events(events) => Data::Events { slices: events.slices },
            Self::Durations { bounds, segments, slow } => Data::Durations { bounds, segments, slow: slow.slices },
            Self::Values(points) => {
                let points = points.into_iter().filter(|point| horizon.is_some_and(|to| point.at < to)).collect();
                Data::Values { points }
            }
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Events(events) => events.bytes(),
            Self::Durations { bounds, segments, slow } => {
                let counts: usize = segments.iter().map(|s| s.canary.capacity() + s.baseline.capacity()).sum();
                (bounds.capacity() + counts) * size_of::<f64>()
                    + segments.capacity() * size_of::<Segment>()
                    + slow.bytes()
            }
            Self::Values(points) => points.capacity() * size_of::<Point>(),
        }
    }
}

impl Events {
    fn add(&mut self, slice: Slice) {
        self.slices.push(slice);
        let epoch = EPOCH as usize;
        if self.slices.len() - self.merged < SINGLE + epoch {
            return;
        }
        let one = self.slices[self.merged..self.merged + epoch].iter().copied().reduce(together);
        self.slices.splice(self.merged..self.merged + epoch, one);
        self.merged += 1;
        if self.merged > MERGED {
            let oldest = together(self.slices[0], self.slices[1]);
            self.slices.splice(..2, [oldest]);
            self.merged -= 1;
        }
    }

    fn bytes(&self) -> usize {
        self.slices.capacity() * size_of::<Slice>()
    }
}

/// Two neighbours as one, the older one first.
fn together(older: Slice, newer: Slice) -> Slice {
    Slice {
        at: older.at,
        merged: older.merged.saturating_add(newer.merged),
        canary: older.canary.plus(newer.canary),
        baseline: older.baseline.plus(newer.baseline),
    }
}

/// Adds to the latest segment, or to a new one. Says no where the bounds have nothing in common with
/// those before, so that what was counted until then is given up.
fn add_durations(
    bounds: &mut Vec<f64>,
    segments: &mut Vec<Segment>,
    at: DateTime<Utc>,
    canary: &Histogram,
    baseline: &Histogram,
) -> bool {
    let goes_on = common(bounds, segments, canary, baseline);
    let (Some(canary), Some(baseline)) = (canary.rebucket(bounds), baseline.rebucket(bounds)) else {
        return false;
    };
    let new = || Segment { at, merged: 0, canary: vec![0.0; bounds.len() + 1], baseline: vec![0.0; bounds.len() + 1] };
    if segments.last().is_none_or(|last| last.merged >= EPOCH) {
        segments.push(new());
    }
    if segments.len() > MERGED {
        let newer = segments.remove(1);
        let oldest = &mut segments[0];
        oldest.merged = oldest.merged.saturating_add(newer.merged);
        sum(&mut oldest.canary, &newer.canary);
        sum(&mut oldest.baseline, &newer.baseline);
    }
    if let Some(last) = segments.last_mut() {
        last.merged += 1;
        sum(&mut last.canary, canary.counts());
        sum(&mut last.baseline, baseline.counts());
    }
    goes_on
}

/// Puts all segments on the bounds at which they and both histograms know their counts.
fn common(bounds: &mut Vec<f64>, segments: &mut Vec<Segment>, canary: &Histogram, baseline: &Histogram) -> bool {
    if segments.is_empty() {
        *bounds = common_bounds(&[canary, baseline]);
        return true;
    }
    if canary.bounds() == bounds && baseline.bounds() == bounds {
        return true;
    }
    let kept: Option<Vec<(Histogram, Histogram)>> = segments
        .iter()
        .map(|segment| {
            let of = |counts: &[f64]| Histogram::new(bounds.clone(), counts.to_vec()).ok();
            Some((of(&segment.canary)?, of(&segment.baseline)?))
        })
        .collect();
    let kept = kept.unwrap_or_default();
    let all: Vec<&Histogram> =
        kept.iter().flat_map(|(canary, baseline)| [canary, baseline]).chain([canary, baseline]).collect();
    let shared = common_bounds(&all);
    let some_have = |histogram: &Histogram| !histogram.bounds().is_empty() && histogram.total() > 0.0;
    let is_lost = shared.is_empty() && (some_have(canary) || some_have(baseline));
    let moved: Option<Vec<(Histogram, Histogram)>> =
        kept.iter().map(|(canary, baseline)| Some((canary.rebucket(&shared)?, baseline.rebucket(&shared)?))).collect();
    match moved {
        Some(moved) if !is_lost && moved.len() == segments.len() => {
            for (segment, (canary, baseline)) in segments.iter_mut().zip(moved) {
                segment.canary = canary.counts().to_vec();
                segment.baseline = baseline.counts().to_vec();
            }
            *bounds = shared;
            true
        }
        _ => {
            segments.clear();
            *bounds = common_bounds(&[canary, baseline]);
            false
        }
    }
}

fn sum(into: &mut [f64], counts: &[f64]) {
    for (sum, count) in into.iter_mut().zip(counts) {
        *sum += count;
    }
}

impl Slow {
    /// The events of a slice: those that were declared, or those slower than the threshold. None for a
    /// gauge, and where nobody knows how many were slow.
    pub(super) fn counts(&self, pair: &Pair) -> Option<(Option<Counts>, Option<Counts>)> {
        let of = |sound: &Option<Sound>| match sound {
            Some(Sound::Events(counts)) => Some(*counts),
            Some(Sound::Durations(histogram)) => slower(histogram, self.bound.filter(|_| !self.lost)?),
            Some(Sound::Value(_)) | None => None,
        };
        let (canary, baseline) = (of(&pair.canary), of(&pair.baseline));
        (canary.is_some() || baseline.is_some()).then_some((canary, baseline))
    }

    /// The baseline's events of a slice before the step, to tell how bursty they are: where nobody knows how
    /// many were slower than the threshold, those slower than its p95 usually is.
    pub(super) fn of_baseline(&self, pair: &Pair) -> Option<Counts> {
        match &pair.baseline {
            Some(Sound::Events(counts)) => Some(*counts),
            Some(Sound::Durations(histogram)) => slower(histogram, self.bound.filter(|_| !self.lost).or(self.usual)?),
            Some(Sound::Value(_)) | None => None,
        }
    }

    /// Finds the bound that stands for the threshold, and gives it up when histograms lose it: those
    /// that happen to know the count at another one would be the fast ones.
    pub(super) fn settle(&mut self, spec: &Spec, pair: &Pair) {
        if self.usual.is_none()
            && let Some(Sound::Durations(baseline)) = &pair.baseline
            && baseline.total() >= USUAL_MIN
        {
            self.usual = baseline.quantile(0.95).and_then(|p95| {
                let bounds = baseline.bounds().iter().copied();
                bounds.min_by(|a, b| (a - p95.value).abs().total_cmp(&(b - p95.value).abs()))
            });
        }
        if self.lost || spec.threshold.is_none() {
            return;
        }
        let histograms: Vec<&Histogram> = [&pair.canary, &pair.baseline]
            .into_iter()
            .filter_map(|sound| match sound {
                Some(Sound::Durations(histogram)) => Some(histogram),
                _ => None,
            })
            .collect();
        match self.bound {
            None => match nearest(spec, &histograms) {
                Ok(bound) => (self.bound, self.around) = (Some(bound), None),
                Err(around) => self.around = around.or(self.around),
            },
            Some(bound) => {
                if let Some(histogram) = histograms.iter().find(|h| slower(h, bound).is_none()) {
                    self.lost = true;
                    self.around = nearest(spec, &[histogram]).err().flatten();
                }
            }
        }
    }

    /// What is to be said of the threshold, where it is not judged as it was declared.
    pub(super) fn remark(&self, spec: &Spec) -> Option<String> {
        let anew = self.anew.map(|at| {
            let time = at.format("%H:%M:%SZ");
            format!("the buckets changed altogether, so that durations are counted anew from {time} on")
        });
        let place = spec.threshold.and_then(|threshold| self.place(threshold, spec.unit.as_str()));
        match (anew, place) {
            (Some(anew), Some(place)) => Some(format!("{anew}; {place}")),
            (anew, place) => anew.or(place),
        }
    }

    fn place(&self, threshold: f64, unit: &str) -> Option<String> {
        const UNJUDGED: &str = "the share of slow requests is not judged";
        match (self.bound, self.lost) {
            (_, true) => {
                let around = around(self.around, unit);
                Some(format!(
                    "the buckets no longer have a bound at the threshold {threshold} {unit}{around}: {UNJUDGED}"
                ))
            }
            (Some(bound), _) if is_near(bound, threshold, 1e-9) => None,
            (Some(bound), _) => {
                let nearest = "the bucket bound nearest to the threshold";
                Some(format!("slow is beyond {}, {nearest} {threshold} {unit}", figure(bound, unit)))
            }
            (None, _) => {
                let around = around(Some(self.around?), unit);
                Some(format!("no bucket bound is near the threshold {threshold} {unit}{around}: {UNJUDGED}"))
            }
        }
    }
}

fn around(found: Option<(Option<f64>, Option<f64>)>, unit: &str) -> String {
    // A bound of a native histogram is a power of two with all its digits.
    match found {
        Some((Some(below), Some(above))) => format!(" (they have {} and {})", three_digits(below), figure(above, unit)),
        Some((Some(last), None)) => format!(" (the last is {})", figure(last, unit)),
        Some((None, Some(first))) => format!(" (the first is {})", figure(first, unit)),
        Some((None, None)) | None => String::new(),
    }
}

fn is_near(bound: f64, threshold: f64, share: f64) -> bool {
    (bound - threshold).abs() <= share * threshold.abs()
}

/// The bounds below and above a threshold, where there are any.
type Around = (Option<f64>, Option<f64>);

/// The bound nearest to the threshold, where one is near enough; otherwise those around it, where
/// there are any.
fn nearest(spec: &Spec, histograms: &[&Histogram]) -> Result<f64, Option<Around>> {
    let threshold = spec.threshold.ok_or(None)?;
    let bounds = histograms.iter().flat_map(|h| h.bounds().iter().copied());
    let below = bounds.clone().filter(|bound| *bound <= threshold).max_by(f64::total_cmp);
    let above = bounds.filter(|bound| *bound > threshold).min_by(f64::total_cmp);
    let near =
        [below, above].into_iter().flatten().min_by(|a, b| (a - threshold).abs().total_cmp(&(b - threshold).abs()));
    match near {
        Some(bound) if is_near(bound, threshold, NEAR) => Ok(bound),
        Some(_) => Err(Some((below, above))),
        None => Err(None),
    }
}

/// How many observations were slower, where that is known exactly.
fn slower(histogram: &Histogram, bound: f64) -> Option<Counts> {
    let parted = histogram.rebucket(&[bound])?;
    Some(Counts { bad: *parted.counts().last()?, total: parted.total() })
}
