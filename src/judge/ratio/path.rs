//! The chart of a verdict: the difference and its interval, slice by slice.

use super::{Counts, Marks, SliPoint, Slice, Verdict};

/// A point for each slice. Where a later start would have failed, it is that start's, as it is in the verdict.
pub(super) fn points(marks: &Marks<'_>, slices: &[Slice]) -> Vec<SliPoint> {
    slices
        .iter()
        .enumerate()
        .map(|(n, slice)| {
            let terms = marks.terms();
            let value = |counts: Counts| terms.usable(counts).and_then(|counts| terms.value(counts));
            let (canary, baseline) = (value(slice.canary), value(slice.baseline));
            let mut point = SliPoint { at: slice.at, canary, baseline, difference: None, interval: None };
            if canary.is_some() && baseline.is_some() {
                let stretch = match marks.harm(n + 1) {
                    Some((Verdict::Fail, _, stretch)) => stretch,
                    _ => marks.since_step(n + 1),
                };
                point.difference = stretch.difference().map(|difference| terms.shown(difference.difference));
                point.interval = marks.interval(&stretch).map(|interval| terms.shown_interval(interval));
            }
            point
        })
        .collect()
}
