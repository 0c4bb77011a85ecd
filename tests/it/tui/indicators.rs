//! Seeded indicators that tell one story: twenty minutes ago the canary got eight percent of the
//! traffic, and since ten minutes it answers more requests with errors than its baseline does.

use chrono::{DateTime, TimeDelta, Utc};
use rolldeck::domain::{
    Sli, SliArm, Verdict,
    sli::{Burn, BurnLevel, Family, Interval, SliPoint, TelemetryState},
};

use super::desk::start;

/// A minute's slice, so many minutes ago.
fn ago(minutes: i64) -> DateTime<Utc> {
    start() - TimeDelta::minutes(minutes)
}

/// Half an hour of slices of a minute. `harm` is what the difference comes to by the end; `onset` the
/// share of the way at which it begins; the band narrows as samples come in.
fn path(baseline: f64, harm: f64, onset: f64, doubt: f64) -> Vec<SliPoint> {
    (0..30)
        .map(|n| {
            let x = f64::from(n) / 29.0;
            let wave = (x * 23.0).sin();
            let risen = ((x - onset) / (1.0 - onset)).clamp(0.0, 1.0);
            let difference = harm * risen + wave * doubt * 0.25;
            let half = doubt * (1.0 + 3.0 / (1.0 + f64::from(n)));
            SliPoint {
                at: ago(30) + TimeDelta::minutes(i64::from(n) + 1),
                canary: Some(baseline + difference * 1.2),
                baseline: Some(baseline + (x * 31.0).sin() * doubt * 0.3),
                difference: Some(difference),
                interval: Some(Interval { low: difference - half, high: difference + half }),
            }
        })
        .collect()
}

/// What is known of an indicator of which nothing is wrong.
pub fn indicator(name: &str, unit: &str, canary: f64, baseline: f64, limit: f64, family: Family) -> Sli {
    let difference = canary - baseline;
    let doubt = limit * 0.3;
    Sli {
        name: name.into(),
        unit: unit.into(),
        direction: "higher_is_worse".into(),
        family: Some(family),
        critical: false,
        required: true,
        method: "sequence".into(),
        canary: SliArm { value: Some(canary), samples: Some(18_000.0) },
        baseline: SliArm { value: Some(baseline), samples: Some(210_000.0) },
        difference: Some(difference),
        ratio: Some(canary / baseline),
        interval: Some(Interval { low: difference - doubt, high: difference + doubt }),
        limit: Some(limit),
        verdict: Verdict::Pass,
        why: "not worse than the limit allows, 18k requests".into(),
        over_since: None,
        telemetry: TelemetryState::Ok,
        burn: None,
        observed_at: Some(start() - TimeDelta::seconds(31)),
        series: Some(path(baseline, difference, 0.3, doubt)),
    }
}

/// Errors: beyond the limit for six minutes, and they burn the budget.
pub fn errors() -> Sli {
    Sli {
        critical: true,
        verdict: Verdict::Fail,
        why: "0.41% against 0.12%, limit 2.0x for 6m, 18k requests".into(),
        over_since: Some(ago(6)),
        interval: Some(Interval { low: 0.0021, high: 0.0036 }),
        burn: Some(Box::new(Burn {
            objective: 0.999,
            short: Some(4.4),
            middle: Some(4.1),
            long: Some(3.2),
            baseline: Some(1.2),
            level: BurnLevel::Halt,
            budget_left: Some(0.62),
            empty_in: Some(9.4 * 86_400.0),
        })),
        series: Some(path(0.0012, 0.0029, 0.65, 0.000_35)),
        ..indicator("errors", "ratio", 0.0041, 0.0012, 0.0012, Family::Availability)
    }
}

/// It fell silent four minutes ago, on both sides.
pub fn silent() -> Sli {
    let mut sli = indicator("saturation", "ratio", 0.61, 0.62, 0.093, Family::Saturation);
    let at = ago(4);
    for point in sli.series.iter_mut().flatten().filter(|point| point.at > at) {
        (point.canary, point.baseline, point.difference, point.interval) = (None, None, None, None);
    }
    Sli {
        canary: SliArm { value: None, samples: Some(0.0) },
        baseline: SliArm { value: None, samples: Some(0.0) },
        difference: None,
        ratio: None,
        interval: None,
        verdict: Verdict::NoData,
        telemetry: TelemetryState::Empty,
        why: "no data of either side for 4m; holds at 12:10Z".into(),
        observed_at: Some(at),
        ..sli
    }
}

/// Its source answers with what is seven minutes old. It was a zero.
pub fn stale() -> Sli {
    let mut sli = indicator("crash_loops", "/h", 0.0, 0.0, 2.0, Family::Health);
    let at = ago(7);
    let path = path(0.0, 0.0, 0.0, 0.0).into_iter().filter(|point| point.at <= at);
    let band = Some(Interval { low: -0.2, high: 0.4 });
    sli.series = Some(path.map(|point| SliPoint { interval: band, ..point }).collect());
    Sli {
        ratio: None,
        verdict: Verdict::Pass,
        telemetry: TelemetryState::Stale,
        why: "the newest sample is 7m old, limit 3m".into(),
        observed_at: Some(at),
        ..sli
    }
}

/// Its source refuses.
pub fn refused() -> Sli {
    Sli {
        canary: SliArm::default(),
        baseline: SliArm::default(),
        difference: None,
        ratio: None,
        interval: None,
        verdict: Verdict::NoData,
        telemetry: TelemetryState::Error,
        why: "error: 4 in a row, blocks promotion: the source answers 503".into(),
        observed_at: None,
        series: Some(Vec::new()),
        direction: "lower_is_worse".into(),
        ..indicator("conversion", "ratio", 0.031, 0.031, 0.002, Family::Business)
    }
}

/// Eight indicators, one in each state; a zero among them.
pub fn story() -> Vec<Sli> {
    let latency = Sli {
        why: "212 ms against 205 ms, at most 1.10x".into(),
        ..indicator("latency_p99", "ms", 212.0, 205.0, 20.5, Family::Latency)
    };
    let heap = Sli {
        verdict: Verdict::Watch,
        critical: true,
        why: "1.1 MB/h against 1.0 MB/h, not proven".into(),
        ..indicator("heap_growth", "MB/h", 1.1, 1.0, 0.08, Family::Saturation)
    };
    let accuracy = Sli {
        critical: true,
        direction: "lower_is_worse".into(),
        canary: SliArm { value: Some(0.9959), samples: Some(412.0) },
        baseline: SliArm { value: Some(0.9988), samples: Some(4_100.0) },
        difference: Some(-0.0029),
        verdict: Verdict::Insufficient,
        why: "needs 1000 answers, has 412".into(),
        ..indicator("model_accuracy_delta", "ratio", 0.9959, 0.9988, 0.005, Family::Quality)
    };
    let young = Sli {
        canary: SliArm::default(),
        difference: None,
        ratio: None,
        interval: None,
        verdict: Verdict::Insufficient,
        telemetry: TelemetryState::Warming,
        why: "the step is 90s old, warm-up is 120s".into(),
        series: Some(Vec::new()),
        ..indicator("database_error_rate", "ratio", 0.0, 0.0001, 0.001, Family::Availability)
    };
    let zero = Sli {
        why: "none of 18k requests".into(),
        ..indicator("security_alerts", "ratio", 0.0, 0.000_02, 0.001, Family::Security)
    };
    vec![latency, silent(), errors(), heap, stale(), refused(), accuracy, young, zero]
}
