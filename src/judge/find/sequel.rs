//! A series, look after look: what was found stands until there are enough newer points for another
//! look, so that nobody tests the same points until they say something.

use chrono::{DateTime, Utc};

use super::{Found, Why, is_over};
use crate::{
    domain::{
        SafeText, Verdict,
        sli::{Direction, Scoring, SliKind},
    },
    judge::{
        evidence::{Counts, Data, Earlier, Evidence, Point, Segment, Slice},
        histogram::Histogram,
        series::{self, merge::POINTS_NEEDED},
    },
};

/// Looks at the series if there is enough that is new, and repeats what was found otherwise.
pub(super) fn find(evidence: &Evidence) -> Found {
    let spec = &evidence.spec;
    let points = points(evidence);
    let earlier = evidence.before.earlier.as_ref();
    if let Some(earlier) = earlier.filter(|earlier| newer(&points, Some(earlier.through)) < earlier.needs) {
        return repeated(earlier, spec.direction);
    }
    let from = earlier.and_then(|earlier| earlier.from);
    let found = series::judge(&points, from, spec);
    let Some(through) = found.through else {
        if let Some(earlier) = earlier {
            return repeated(earlier, spec.direction);
        }
        return Found {
            canary: found.canary,
            baseline: found.baseline,
            newest: evidence.telemetry.newest,
            ..Found::without_numbers(found.verdict, found.method, found.why.to_string())
        };
    };
    let looked_at = newer(&points, from);
    let next = match (spec.scoring, found.verdict) {
        // Kayenta judges all points since the beginning at each look.
        (Scoring::Kayenta, _) => (None, POINTS_NEEDED as u32),
        // Twice as many for each further look that is needed, so that there are few.
        (_, Verdict::Insufficient) => (from, looked_at),
        _ => (Some(through), POINTS_NEEDED as u32),
    };
    let earlier = Earlier {
        from: next.0,
        through,
        needs: next.1,
        verdict: found.verdict,
        why: found.why,
        method: SafeText::new(found.method),
        canary: found.canary,
        baseline: found.baseline,
        difference: found.difference,
        ratio: found.ratio,
        interval: found.interval,
        limit: found.limit,
    };
    Found { earlier: Some(earlier.clone()), ..repeated(&earlier, spec.direction) }
}

fn repeated(earlier: &Earlier, direction: Direction) -> Found {
    let Earlier { canary, baseline, difference, ratio, interval, limit, .. } = *earlier;
    Found {
        verdict: earlier.verdict,
        method: earlier.method.clone(),
        why: Why::Said(earlier.why.to_string()),
        canary,
        baseline,
        difference,
        ratio,
        interval,
        limit,
        e_value: None,
        is_over: is_over(direction, difference, limit),
        newest: Some(earlier.through),
        earlier: None,
    }
}

/// How many points after a moment the arm has that has fewer.
fn newer(points: &[Point], after: Option<DateTime<Utc>>) -> u32 {
    let newer = points.iter().filter(|point| after.is_none_or(|after| point.at > after));
    let canary = newer.clone().filter(|point| point.canary.is_some()).count();
    canary.min(newer.filter(|point| point.baseline.is_some()).count()) as u32
}

/// The values that are compared, slice by slice: of events their share, of durations the share that is
/// slower than the threshold, or p95 of each segment where nobody knows that.
fn points(evidence: &Evidence) -> Vec<Point> {
    let spec = &evidence.spec;
    let is_of_good = spec.kind == SliKind::Ratio && spec.direction == Direction::LowerIsWorse;
    let share =
        |Counts { bad, total }: Counts| (total > 0.0).then(|| if is_of_good { 1.0 - bad / total } else { bad / total });
    let of_slice = |slice: &Slice| Point { at: slice.at, canary: share(slice.canary), baseline: share(slice.baseline) };
    match &evidence.data {
        Data::Values { points } => points.clone(),
        Data::Events { slices } => slices.iter().map(of_slice).collect(),
        Data::Durations { slow, .. } if !slow.is_empty() => slow.iter().map(of_slice).collect(),
        Data::Durations { bounds, segments, .. } => {
            let p95 = |counts: &[f64]| {
                let histogram = Histogram::new(bounds.clone(), counts.to_vec()).ok()?;
                histogram.quantile(0.95).map(|estimate| estimate.value)
            };
            let of_segment = |segment: &Segment| Point {
                at: segment.at,
                canary: p95(&segment.canary),
                baseline: p95(&segment.baseline),
            };
            segments.iter().map(of_segment).collect()
        }
    }
}
