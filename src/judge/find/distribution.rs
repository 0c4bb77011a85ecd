//! A distribution of durations, judged in two ways that are one vote: by the share that is slower than
//! the threshold, and by bands of p95 and p99. It fails when either does. The share decides first, because
//! it is what an objective is about; the bands are what people know.

use super::{Found, Why, is_over};
use crate::{
    domain::Verdict,
    judge::{
        burst::{Against, Bursts},
        evidence::{Evidence, Segment, Slice},
        latency::{self, Effects, Limit, QUANTILES, Terms},
        ratio,
        words::figure,
    },
};

pub(super) fn find(evidence: &Evidence, bounds: &[f64], segments: &[Segment], slow: &[Slice]) -> Found {
    let bands = match of_bands(evidence, bounds, segments) {
        Ok(bands) => bands,
        Err(why) => Found::without_numbers(Verdict::Insufficient, latency::METHOD, why),
    };
    let Some(share) = of_share(evidence, slow) else { return bands };
    let by_share = match (share.verdict, bands.verdict) {
        (Verdict::Fail, _) => true,
        (_, Verdict::Fail) => false,
        (Verdict::Watch, _) => true,
        (_, Verdict::Watch) => false,
        (Verdict::Pass, _) => true,
        (_, Verdict::Pass) | (Verdict::NoData, _) => false,
        (Verdict::Insufficient, _) => true,
    };
    let e_value = share.e_value;
    let over = [share.is_over, bands.is_over];
    let is_over = if over.contains(&Some(true)) { Some(true) } else { share.is_over.or(bands.is_over) };
    if by_share {
        // The numbers stay the quantile's, which are in the indicator's own unit.
        let Found { verdict, method, why, .. } = share;
        Found { verdict, method, why, e_value, is_over, ..bands }
    } else {
        Found { e_value, is_over, ..bands }
    }
}

/// The share slower than the threshold, where it is known.
fn of_share(evidence: &Evidence, slow: &[Slice]) -> Option<Found> {
    if slow.is_empty() {
        return None;
    }
    let spec = &evidence.spec;
    let finding = ratio::judge(&ratio::Terms::of(spec), slow, &evidence.history);
    let found = Found::of_ratio(finding, evidence.telemetry.newest);
    let Why::Ratio(_, finding) = found.why else { return None };
    let slower = spec.threshold.map_or_else(String::new, |threshold| figure(threshold, spec.unit.as_str()));
    Some(Found { why: Why::Ratio(format!("slower than {slower}: "), finding), ..found })
}

/// The quantiles' bands.
fn of_bands(evidence: &Evidence, bounds: &[f64], segments: &[Segment]) -> Result<Found, String> {
    let spec = &evidence.spec;
    let limit = spec.limit.map_or_else(Limit::default, |limit| Limit::Difference(limit.abs()));
    let terms =
        Terms::new(&QUANTILES, spec.threshold, limit, spec.direction, &spec.unit).map_err(|error| error.to_string())?;
    let finding = latency::judge(&terms, bounds, segments, effects(evidence, segments));
    let of = finding.of();
    let (difference, limit) = (of.and_then(latency::Found::difference), of.and_then(|of| of.limit));
    let mut why = finding.why.to_string();
    if finding.verdict == Verdict::Insufficient
        && let Some(warning) = finding.warnings.first()
    {
        why = format!("{why}; {warning}");
    }
    Ok(Found {
        verdict: finding.verdict,
        canary: finding.canary(),
        baseline: finding.baseline(),
        difference,
        ratio: of.and_then(latency::Found::ratio),
        interval: of.and_then(latency::Found::interval),
        limit,
        is_over: is_over(spec.direction, difference, limit),
        newest: evidence.telemetry.newest,
        ..Found::without_numbers(finding.verdict, latency::METHOD, why)
    })
}

/// How much more the durations of an arm vary than independent ones: as the slow ones did before the step.
fn effects(evidence: &Evidence, segments: &[Segment]) -> Effects {
    let bursts = Bursts::measure(evidence.history.iter().map(|counts| (*counts, 1)), Against::Events);
    let slices: f64 = segments.iter().map(|segment| f64::from(segment.merged)).sum();
    let effect = |counts: fn(&Segment) -> &[f64]| {
        let total: f64 = segments.iter().flat_map(&counts).sum();
        bursts.effect(if slices > 0.0 { total / slices } else { 0.0 }, Against::Events)
    };
    Effects { canary: effect(|segment| &segment.canary), baseline: effect(|segment| &segment.baseline) }
}
