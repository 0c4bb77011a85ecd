use chrono::TimeDelta;

use super::*;
use crate::domain::{
    SliArm, Verdict,
    sli::{Interval, TelemetryState},
};

fn sli(name: &str, verdict: Verdict, limit: Option<f64>, series: Option<Vec<SliPoint>>) -> Sli {
    Sli {
        name: SafeText::new(name),
        unit: SafeText::new("ratio"),
        direction: SafeText::new("higher_is_worse"),
        family: None,
        critical: false,
        required: true,
        method: SafeText::new("compare"),
        canary: SliArm::default(),
        baseline: SliArm { value: Some(0.01), samples: None },
        difference: None,
        ratio: None,
        interval: None,
        limit,
        verdict,
        why: SafeText::default(),
        over_since: None,
        telemetry: TelemetryState::Ok,
        burn: None,
        observed_at: None,
        series,
    }
}

/// A point a minute that ends 2026-03-26T12:03Z.
fn minutes(differences: &[Option<f64>]) -> Vec<SliPoint> {
    let end: DateTime<Utc> = "2026-03-26T12:03:00Z".parse().unwrap();
    let len = i64::try_from(differences.len()).unwrap();
    (1..=len)
        .zip(differences)
        .map(|(n, difference)| SliPoint {
            at: end - TimeDelta::minutes(len - n),
            canary: difference.map(|d| d + 0.01),
            baseline: Some(0.01),
            difference: None,
            interval: None,
        })
        .collect()
}

#[test]
fn a_trend_is_of_the_worst_indicator_and_says_where_the_limit_is_reached() {
    let rising: Vec<Option<f64>> = (0..32).map(|n| Some(f64::from(n / 2) * 0.001)).collect();
    let slis = [
        sli("calm", Verdict::Pass, Some(0.01), Some(minutes(&[Some(0.0); 32]))),
        sli("errors", Verdict::Fail, Some(0.004), Some(minutes(&rising))),
    ];
    let trend = Trend::of(&slis).unwrap();
    assert_eq!(trend.sli.as_str(), "errors");
    assert_eq!(trend.at.to_rfc3339(), "2026-03-26T12:02:00+00:00");
    let levels: Vec<u8> = trend.levels.into_iter().map(Option::unwrap).collect();
    assert_eq!(levels, [0, 1, 2, 3, 4, 5, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7]);
}

#[test]
fn what_was_silent_is_a_gap_and_without_a_series_there_is_no_trend() {
    let mut silent = vec![Some(0.02); 32];
    silent[4..10].fill(None);
    let trend = Trend::of(&[sli("errors", Verdict::Pass, None, Some(minutes(&silent)))]).unwrap();
    // Without a limit the baseline again is level 4: 0.02 beside 0.01 is twice that.
    assert_eq!(trend.levels[..6], [Some(7), Some(7), None, None, None, Some(7)]);
    assert_eq!(Trend::of(&[sli("errors", Verdict::Pass, None, None)]), None);
    assert_eq!(Trend::of(&[sli("errors", Verdict::Pass, None, Some(Vec::new()))]), None);
    assert_eq!(Trend::of(&[]), None);
}

#[test]
fn what_was_concluded_goes_before_what_was_measured_in_one_slice() {
    let mut points = minutes(&[Some(0.9); 4]);
    for point in &mut points {
        point.difference = Some(0.001);
        point.interval = Some(Interval { low: 0.0, high: 0.002 });
    }
    let trend = Trend::of(&[sli("errors", Verdict::Pass, Some(0.004), Some(points))]).unwrap();
    assert_eq!(trend.levels.iter().flatten().copied().max(), Some(1));
}

proptest::proptest! {
    #[test]
    fn whatever_numbers_come_the_levels_are_bounded(
        values in proptest::collection::vec(proptest::num::f64::ANY, 0..80),
        limit in proptest::option::of(proptest::num::f64::ANY),
    ) {
        let differences: Vec<Option<f64>> = values.into_iter().map(Some).collect();
        if let Some(trend) = Trend::of(&[sli("errors", Verdict::Watch, limit, Some(minutes(&differences)))]) {
            proptest::prop_assert_eq!(trend.levels.len(), usize::from(BUCKETS));
            proptest::prop_assert!(trend.levels.iter().flatten().all(|level| *level <= LEVEL_MAX));
        }
    }
}
