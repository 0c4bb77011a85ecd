//! The past of an indicator as it is drawn, one point for each slice, in bounded room.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::sli::{Interval, SliPoint};

/// Points that are kept, the latest.
pub const TRACE: usize = 240;

/// A point; what is missing is NaN, because half of the room of hundreds of options is padding.
#[derive(Debug, Clone, Copy)]
struct Drawn {
    at: i64,
    canary: f64,
    baseline: f64,
    difference: f64,
    low: f64,
    high: f64,
}

/// The latest points, oldest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Trace(VecDeque<Drawn>);

impl PartialEq for Drawn {
    fn eq(&self, other: &Self) -> bool {
        self.numbers().map(f64::to_bits) == other.numbers().map(f64::to_bits) && self.at == other.at
    }
}

impl Drawn {
    fn at(at: i64) -> Self {
        Self { at, canary: f64::NAN, baseline: f64::NAN, difference: f64::NAN, low: f64::NAN, high: f64::NAN }
    }

    fn numbers(&self) -> [f64; 5] {
        [self.canary, self.baseline, self.difference, self.low, self.high]
    }
}

impl Trace {
    /// What the arms did in a slice. An arm that says nothing leaves what is known of it.
    pub(super) fn observe(&mut self, at: DateTime<Utc>, canary: Option<f64>, baseline: Option<f64>) {
        if let Some(point) = self.point(at) {
            point.canary = canary.unwrap_or(point.canary);
            point.baseline = baseline.unwrap_or(point.baseline);
        }
    }

    /// What was concluded with a slice. One that was not measured has no conclusion.
    pub(super) fn conclude(&mut self, at: DateTime<Utc>, difference: Option<f64>, interval: Option<Interval>) {
        let place = self.0.binary_search_by_key(&at.timestamp(), |point| point.at);
        if let Some(point) = place.ok().and_then(|place| self.0.get_mut(place)) {
            point.difference = difference.unwrap_or(f64::NAN);
            (point.low, point.high) = interval.map_or((f64::NAN, f64::NAN), |Interval { low, high }| (low, high));
        }
    }

    /// The points, with one that has no values where slices are missing between two.
    pub(super) fn points(&self, slice: TimeDelta) -> Vec<SliPoint> {
        let mut points = Vec::with_capacity(self.0.len());
        let mut expected = None;
        for drawn in &self.0 {
            if let Some(missing) = expected.filter(|expected| *expected < drawn.at) {
                points.extend(Drawn::at(missing).shown());
            }
            points.extend(drawn.shown());
            expected = Some(drawn.at + slice.num_seconds());
        }
        points
    }

    pub(super) fn bytes(&self) -> usize {
        self.0.capacity() * size_of::<Drawn>()
    }

    /// The point of a slice; none for one that is older than all that are kept.
    fn point(&mut self, at: DateTime<Utc>) -> Option<&mut Drawn> {
        let at = at.timestamp();
        let place = match self.0.binary_search_by_key(&at, |point| point.at) {
            Ok(place) => place,
            Err(0) if self.0.len() >= TRACE => return None,
            Err(place) => {
                self.0.insert(place, Drawn::at(at));
                if self.0.len() > TRACE {
                    self.0.pop_front();
                    place - 1
                } else {
                    place
                }
            }
        };
        self.0.get_mut(place)
    }
}

impl Drawn {
    fn shown(self) -> Option<SliPoint> {
        let known = |value: f64| value.is_finite().then_some(value);
        Some(SliPoint {
            at: DateTime::from_timestamp(self.at, 0)?,
            canary: known(self.canary),
            baseline: known(self.baseline),
            difference: known(self.difference),
            interval: known(self.low).zip(known(self.high)).map(|(low, high)| Interval { low, high }),
        })
    }
}
