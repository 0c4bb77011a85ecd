//! A series of values, one for each slice: a gauge's own, and where a plan asks for Kayenta's judge, what
//! shares and durations come to slice by slice.

use chrono::TimeDelta;

use super::{Found, is_over, method};
use crate::{
    domain::{
        SafeText, Verdict,
        sli::{Direction, Scoring, SliKind},
    },
    judge::{
        evidence::{Counts, Data, Evidence, Point, Segment, Slice},
        histogram::Histogram,
        series::{self, merge::POINTS_NEEDED},
    },
};

pub(super) fn find(evidence: &Evidence) -> Found {
    let spec = &evidence.spec;
    let points = points(evidence);
    if let Some(why) = too_few(&points, spec.scoring) {
        let newest = evidence.telemetry.newest;
        return Found { newest, ..Found::without_numbers(Verdict::Insufficient, method(evidence), why) };
    }
    let found = series::judge_step(&points, evidence.counts_from, evidence.slice, spec);
    let slice = TimeDelta::try_milliseconds((evidence.slice * 1000.0) as i64).unwrap_or_default();
    Found {
        method: SafeText::new(found.method),
        canary: found.canary,
        baseline: found.baseline,
        difference: found.difference,
        ratio: found.ratio,
        interval: found.interval,
        limit: found.limit,
        is_over: is_over(spec.direction, found.difference, found.limit),
        // Until the next stretch is over nothing new was judged.
        newest: found.through.map(|through| through + slice).or(evidence.telemetry.newest),
        ..Found::without_numbers(found.verdict, found.method, found.why.to_string())
    }
}

/// Kayenta judges two points against two, and is wrong then in one of five clean rollouts: whoever acts by
/// it waits for as many as our own judge needs.
fn too_few(points: &[Point], scoring: Scoring) -> Option<String> {
    let canary = points.iter().filter(|point| point.canary.is_some()).count();
    let baseline = points.iter().filter(|point| point.baseline.is_some()).count();
    let few = canary.min(baseline) < POINTS_NEEDED && canary.max(baseline) > 0;
    (scoring == Scoring::Kayenta && few)
        .then(|| format!("{canary} and {baseline} points, {POINTS_NEEDED} of each needed"))
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
