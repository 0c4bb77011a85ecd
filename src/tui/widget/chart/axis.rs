//! The horizontal axis: buckets that lie on the clock, so that a chart moves only when one closes.

use chrono::{DateTime, TimeDelta, Utc};

use super::Point;

/// So many buckets of one length; the last one holds the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Axis {
    step: i64,
    newest: i64,
    slots: usize,
}

impl Axis {
    /// Buckets from one instant to another, of a length that changes rarely while the span grows.
    pub fn over(from: DateTime<Utc>, until: DateTime<Utc>, slots: usize) -> Self {
        let slots = slots.max(1);
        let span = (until - from).num_seconds().max(1);
        // In steps, so that all buckets change their length seldom while a span grows.
        let grain = match span {
            ..=600 => 60,
            601..=1800 => 120,
            1801..=7200 => 300,
            _ => 3600,
        };
        let span = up_to(span, grain);
        let count = i64::try_from(slots).unwrap_or(i64::MAX);
        let step = (span + count - 1) / count;
        Self { step, newest: until.timestamp().div_euclid(step), slots }
    }

    fn slot(&self, at: DateTime<Utc>) -> Option<usize> {
        let back = self.newest - at.timestamp().div_euclid(self.step);
        usize::try_from(back).ok().and_then(|back| self.slots.checked_sub(back + 1))
    }

    /// The column of an instant, for columns of that many buckets.
    pub fn column(&self, at: DateTime<Utc>, across: usize) -> Option<usize> {
        self.slot(at).map(|slot| slot / across.max(1))
    }

    /// When the first bucket begins.
    pub fn start(&self) -> DateTime<Utc> {
        let oldest = self.newest + 1 - i64::try_from(self.slots).unwrap_or(i64::MAX);
        DateTime::from_timestamp(oldest.saturating_mul(self.step), 0).unwrap_or_default()
    }

    /// Round instants to be named, at least so many buckets apart, none in the first or the last of them.
    pub fn ticks(&self, apart: usize) -> Vec<DateTime<Utc>> {
        const ROUND: [i64; 12] = [60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400];
        let least = i64::try_from(apart).unwrap_or(i64::MAX).saturating_mul(self.step);
        let Some(every) = ROUND.into_iter().find(|round| *round >= least) else { return Vec::new() };
        let start = self.start().timestamp();
        let end = (self.newest + 1).saturating_mul(self.step);
        let first = start.div_euclid(every) + 1;
        let last = (end - 1).div_euclid(every);
        (first..=last).filter_map(|n| DateTime::from_timestamp(n * every, 0)).collect()
    }

    /// Means by bucket. Readings may be further apart than buckets: a bucket that nobody was to fill
    /// repeats the one before. One that was asked and had no value is a gap, and so is what nobody asked
    /// for longer than usual.
    pub fn means(&self, points: &[Point], pick: impl Fn(&Point) -> Option<f64>) -> Vec<Option<f64>> {
        let mut cells = vec![Bucket::default(); self.slots];
        for point in points {
            let Some(slot) = self.slot(point.at) else { continue };
            cells[slot].asked = true;
            if let Some(value) = pick(point).filter(|v| v.is_finite()) {
                cells[slot].count += 1;
                // The mean as it grows: a sum could overflow.
                cells[slot].mean +=
                    value / f64::from(cells[slot].count) - cells[slot].mean / f64::from(cells[slot].count);
            }
        }
        let reach = self.reach(points);
        (0..self.slots)
            .map(|at| {
                let from = (at.saturating_sub(reach)..=at).rev().find(|slot| cells[*slot].asked)?;
                (cells[from].count > 0).then_some(cells[from].mean)
            })
            .collect()
    }

    /// How many buckets one reading stands for: what is usual between two of them.
    fn reach(&self, points: &[Point]) -> usize {
        let mut apart: Vec<TimeDelta> = points.windows(2).map(|pair| pair[1].at - pair[0].at).collect();
        apart.sort_unstable();
        let usual = apart.get(apart.len() / 2).map_or(0, TimeDelta::num_seconds);
        // Half as long again, because not everybody is punctual; more would draw over what is missing.
        usize::try_from((usual.max(1) * 3 / 2 + self.step - 1) / self.step - 1).unwrap_or(0)
    }
}

/// What fell into one bucket.
#[derive(Debug, Clone, Copy, Default)]
struct Bucket {
    asked: bool,
    mean: f64,
    count: u32,
}

fn up_to(value: i64, step: i64) -> i64 {
    (value + step - 1) / step * step
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(values: &[Option<f64>], apart: i64) -> Vec<Point> {
        let start = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let at = |n: usize| start + TimeDelta::seconds(apart * i64::try_from(n).unwrap());
        values.iter().enumerate().map(|(n, v)| Point { at: at(n), line: *v, ..Point::at(start) }).collect()
    }

    fn filled(values: &[Option<f64>], apart: i64, slots: usize) -> Vec<Option<f64>> {
        let points = points(values, apart);
        let axis = Axis::over(points[0].at, points[points.len() - 1].at, slots);
        axis.means(&points, |p| p.line).into_iter().skip_while(Option::is_none).collect()
    }

    #[test]
    fn a_reading_without_a_value_is_a_gap_and_one_that_is_only_rare_is_none() {
        let silent = filled(&[Some(1.0), Some(1.0), None, None, Some(2.0), Some(2.0)], 10, 60);
        let gaps = silent.iter().filter(|v| v.is_none()).count();
        assert!((18..=22).contains(&gaps), "twenty seconds were silent, {gaps} buckets are: {silent:?}");
        let rare = filled(&[Some(1.0), Some(2.0), Some(3.0), Some(4.0)], 20, 60);
        assert!(rare.iter().all(Option::is_some), "{rare:?}");
    }

    #[test]
    fn what_nobody_asked_for_longer_than_usual_is_a_gap() {
        let mut points = points(&[Some(1.0); 12], 60);
        points.drain(5..8);
        let axis = Axis::over(points[0].at, points[points.len() - 1].at, 66);
        let gaps = axis.means(&points, |p| p.line).iter().skip_while(|v| v.is_none()).filter(|v| v.is_none()).count();
        assert!((8..=16).contains(&gaps), "three minutes of eleven are missing, {gaps} of 66 buckets are");
    }

    #[test]
    fn a_chart_moves_only_when_a_bucket_closes() {
        let from = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let until = |seconds: i64| from + TimeDelta::minutes(30) + TimeDelta::seconds(seconds);
        let moves: Vec<Axis> = (0..100).map(|s| Axis::over(from + TimeDelta::seconds(s), until(s), 72)).collect();
        let mut different = moves.clone();
        different.dedup();
        assert!(different.len() <= 5, "100 seconds are four buckets of 25: {different:?}");
        assert!(moves.iter().all(|axis| axis.step == 25), "{moves:?}");
    }

    #[test]
    fn named_instants_are_round_and_apart() {
        let from: DateTime<Utc> = "2026-03-26T11:34:31Z".parse().unwrap();
        let axis = Axis::over(from, from + TimeDelta::minutes(30), 72);
        let ticks: Vec<String> = axis.ticks(20).iter().map(|at| at.format("%H:%M").to_string()).collect();
        assert_eq!(ticks, ["11:40", "11:50", "12:00"]);
    }
}
