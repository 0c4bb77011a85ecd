use chrono::TimeDelta;
use proptest::prelude::*;

use super::{merge::correlation, *};
use crate::domain::sli::{Family, SliKind};

fn spec(direction: Direction, limit: Option<f64>) -> Spec {
    Spec {
        name: "cpu".into(),
        kind: SliKind::Gauge,
        family: Family::Saturation,
        unit: "ratio".into(),
        direction,
        critical: false,
        required: true,
        observe_only: false,
        objective: None,
        period: 2_592_000.0,
        threshold: None,
        limit,
        scoring: Scoring::Sequential,
    }
}

fn at(minute: usize) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap() + TimeDelta::minutes(i64::try_from(minute).unwrap())
}

fn points(canary: &[f64], baseline: &[f64]) -> Vec<Point> {
    (0..canary.len().max(baseline.len()))
        .map(|minute| Point {
            at: at(minute),
            canary: canary.get(minute).copied(),
            baseline: baseline.get(minute).copied(),
        })
        .collect()
}

fn found(canary: &[f64], baseline: &[f64], direction: Direction, limit: Option<f64>) -> Found {
    judge(&points(canary, baseline), None, &spec(direction, limit))
}

/// So many values around a centre, in no order that says anything of the next.
fn around(centre: f64, spread: f64, count: usize, seed: u64) -> Vec<f64> {
    let mut state = seed;
    (0..count)
        .map(|_| {
            // Knuth's MMIX generator; the upper half of it is good enough for shuffled points.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            centre + spread * ((state >> 32) as f64 / f64::from(u32::MAX) - 0.5)
        })
        .collect()
}

use Direction::{Either, HigherIsWorse, LowerIsWorse};

#[test]
fn a_verdict_takes_certainty_a_bad_direction_and_a_shift_that_matters() {
    let baseline = around(0.60, 0.10, 60, 1);
    let same = around(0.60, 0.10, 60, 2);
    let higher = around(0.80, 0.10, 60, 3);
    let little = around(0.63, 0.04, 60, 4);
    let lower = around(0.40, 0.10, 60, 5);
    for (canary, direction, limit, verdict) in [
        (&same, HigherIsWorse, None, Verdict::Pass),
        (&same, Either, None, Verdict::Pass),
        (&higher, HigherIsWorse, None, Verdict::Fail),
        (&higher, Either, None, Verdict::Fail),
        (&higher, LowerIsWorse, None, Verdict::Pass),
        (&lower, LowerIsWorse, None, Verdict::Fail),
        (&lower, Either, None, Verdict::Fail),
        (&lower, HigherIsWorse, None, Verdict::Pass),
        // Certain, and less than a tenth of the baseline: worth a look.
        (&little, HigherIsWorse, None, Verdict::Watch),
        // An own limit decides what matters, and passing has to be shown.
        (&little, HigherIsWorse, Some(0.01), Verdict::Fail),
        (&little, HigherIsWorse, Some(0.10), Verdict::Pass),
        (&little, HigherIsWorse, Some(0.035), Verdict::Watch),
        (&higher, HigherIsWorse, Some(0.30), Verdict::Pass),
        (&same, HigherIsWorse, Some(0.05), Verdict::Pass),
        (&same, HigherIsWorse, Some(0.001), Verdict::Insufficient),
        (&lower, Either, Some(0.10), Verdict::Fail),
        // A limit that cannot be one is none.
        (&higher, HigherIsWorse, Some(f64::NAN), Verdict::Fail),
        (&same, HigherIsWorse, Some(-1.0), Verdict::Pass),
    ] {
        let found = found(canary, &baseline, direction, limit);
        assert_eq!(found.verdict, verdict, "{direction:?} {limit:?}: {}", found.why);
        assert_eq!(found.through, Some(at(59)));
    }
}

#[test]
fn the_sentence_says_what_was_compared_and_what_is_too_much() {
    let baseline = around(0.60, 0.10, 60, 1);
    let passed = found(&around(0.60, 0.10, 60, 2), &baseline, HigherIsWorse, None);
    assert_eq!(passed.why.as_str(), "median 59.2% against 60.4%, shift -0.38% (-1.83% to 0.92%), 60 and 60 points");
    let failed = found(&around(0.80, 0.10, 60, 3), &baseline, HigherIsWorse, Some(0.05));
    assert_eq!(
        failed.why.as_str(),
        "median 80.0% against 60.4%, shift 20.4% (19.1% to 21.7%), limit 5.00%, 60 and 60 points"
    );
    let mut with_bad = baseline.clone();
    with_bad.extend([f64::NAN, f64::INFINITY]);
    let counted = found(&with_bad, &baseline, HigherIsWorse, None);
    assert!(counted.why.as_str().ends_with("60 and 60 points, 2 left out that are no numbers"), "{}", counted.why);
}

#[test]
fn too_few_points_or_none_are_no_verdict_and_say_what_is_missing() {
    let ten = around(5.0, 1.0, 10, 1);
    let far = around(50.0, 1.0, 10, 2);
    let bad = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e301];
    for (canary, baseline, verdict, why) in [
        (&far[..], &ten[..], Verdict::Fail, "10 and 10 points"),
        (&far[..9], &ten[..], Verdict::Insufficient, "9 and 10 points, 10 of each needed"),
        (&far[..], &ten[..1], Verdict::Insufficient, "10 and 1 points, 10 of each needed"),
        (&[], &ten[..], Verdict::NoData, "no point of the canary; baseline median"),
        (&far[..], &[], Verdict::NoData, "no point of the baseline"),
        (&[], &[], Verdict::NoData, "no point of the canary; no point of the baseline"),
        (&bad, &ten[..], Verdict::NoData, "no point of the canary that is a number (4 are none)"),
    ] {
        let found = found(canary, baseline, HigherIsWorse, None);
        assert_eq!(found.verdict, verdict, "{}", found.why);
        assert!(found.why.as_str().contains(why), "{}", found.why);
        assert_eq!(found.through.is_some(), verdict == Verdict::Fail);
    }
}

#[test]
fn points_that_were_judged_are_not_judged_again() {
    let all = points(&around(0.80, 0.10, 25, 3), &around(0.60, 0.10, 25, 1));
    let spec = spec(HigherIsWorse, None);
    let first = judge(&all[..15], None, &spec);
    assert_eq!((first.verdict, first.through), (Verdict::Fail, Some(at(14))));
    let none_new = judge(&all[..15], first.through, &spec);
    assert_eq!(none_new.verdict, Verdict::NoData);
    let some_new = judge(&all[..20], first.through, &spec);
    assert_eq!((some_new.verdict, some_new.through), (Verdict::Insufficient, None));
    assert!(some_new.why.as_str().contains("5 and 5 points since the last judgement"), "{}", some_new.why);
    let second = judge(&all, first.through, &spec);
    assert_eq!((second.verdict, second.through), (Verdict::Fail, Some(at(24))));
}

#[test]
fn stretches_do_not_overlap_and_leave_nothing_out() {
    for (passed, expected) in [
        (0, None),
        (9, None),
        (10, Some((0, 10))),
        (19, Some((0, 10))),
        (20, Some((10, 20))),
        (39, Some((10, 20))),
        (40, Some((20, 40))),
        (80, Some((40, 80))),
        (139, Some((40, 80))),
        (140, Some((80, 140))),
        (200, Some((140, 200))),
        (100_000, Some((99_920, 99_980))),
    ] {
        assert_eq!(stretch(passed), expected, "{passed}");
    }
    let mut last = (0, 0);
    for passed in 0..2000 {
        if let Some(found) = stretch(passed)
            && found != last
        {
            assert_eq!((found.0, found.1), (last.1, passed));
            last = found;
        }
    }
}

#[test]
fn within_a_step_looking_more_often_changes_nothing() {
    let all = points(&around(0.80, 0.10, 45, 3), &around(0.60, 0.10, 45, 1));
    let spec = spec(HigherIsWorse, None);
    let at_minute = |minutes: usize| judge_step(&all[..minutes], at(0), 60.0, &spec);
    let early = at_minute(7);
    assert_eq!((early.verdict, early.through), (Verdict::Insufficient, None));
    assert_eq!(early.why.as_str(), "7 of the first 10 points in time have passed");
    assert_eq!(early.canary.samples, Some(7.0));
    assert_eq!(at_minute(0).verdict, Verdict::NoData);
    for (minutes, through) in [(10, 9), (19, 9), (20, 19), (39, 19), (40, 39), (45, 39)] {
        let found = at_minute(minutes);
        assert_eq!((found.verdict, found.through), (Verdict::Fail, Some(at(through))), "{minutes}");
    }
    assert_eq!(at_minute(25), at_minute(20));
    // What was before the step does not count, and neither does a stretch with too many gaps.
    assert_eq!(judge_step(&all, at(36), 60.0, &spec).verdict, Verdict::Insufficient);
    let gaps: Vec<Point> = all.iter().copied().filter(|point| (point.at - at(0)).num_minutes() % 3 == 0).collect();
    assert_eq!(judge_step(&gaps[..5], at(0), 60.0, &spec).why.as_str(), "4 and 4 points, 10 of each needed");
    for slice in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(!judge_step(&all, at(0), slice, &spec).why.is_empty());
    }
    let kayenta = Spec { scoring: Scoring::Kayenta, ..spec };
    assert_eq!(judge_step(&all, at(0), 60.0, &kayenta).canary.samples, Some(45.0));
}

#[test]
fn arms_without_variance_are_compared_and_never_divided_by() {
    for (canary, baseline, verdict) in [(5.0, 5.0, Verdict::Pass), (6.0, 5.0, Verdict::Fail), (0.0, 0.0, Verdict::Pass)]
    {
        let found = found(&[canary; 60], &[baseline; 60], HigherIsWorse, None);
        assert_eq!((found.verdict, found.difference), (verdict, Some(canary - baseline)), "{}", found.why);
    }
    // From nothing to something: there is no ratio, and any certain rise matters.
    let risen = found(&around(3.0, 1.0, 60, 1), &[0.0; 60], HigherIsWorse, None);
    assert_eq!((risen.verdict, risen.ratio), (Verdict::Fail, None));
}

/// Of what Kayenta passes through its search's tolerance, below 1e-3, and its own test of it has an
/// interval whose low end is above the high one.
#[test]
fn small_values_are_judged_like_large_ones() {
    for scale in [1e-290, 1e-9, 1e-5, 1.0, 1e12, 1e290] {
        let scaled = |values: Vec<f64>| values.into_iter().map(|value| value * scale).collect::<Vec<_>>();
        let baseline = scaled(around(0.60, 0.10, 60, 1));
        let higher = found(&scaled(around(0.80, 0.10, 60, 3)), &baseline, HigherIsWorse, None);
        let same = found(&scaled(around(0.60, 0.10, 60, 2)), &baseline, HigherIsWorse, None);
        assert_eq!((higher.verdict, same.verdict), (Verdict::Fail, Verdict::Pass), "{scale}");
        let interval = higher.interval.unwrap();
        assert!(interval.low < interval.high, "{interval:?}");
    }
}

#[test]
fn points_that_follow_each_other_are_merged_or_refused() {
    // Each value is held for four minutes.
    let held = |values: Vec<f64>| values.into_iter().flat_map(|value| [value; 4]).collect::<Vec<_>>();
    let (canary, baseline) = (held(around(0.62, 0.10, 30, 7)), held(around(0.60, 0.10, 30, 8)));
    assert!(correlation(&canary) > 0.6);
    let merged = found(&canary, &baseline, HigherIsWorse, None);
    assert!(merged.why.as_str().contains("120 and 120 points merged to"), "{}", merged.why);
    // A slow drift never becomes independent.
    let drift: Vec<f64> = (0..60).map(|minute| f64::from(minute) / 60.0).collect();
    let refused = found(&drift, &drift, HigherIsWorse, None);
    assert_eq!((refused.verdict, refused.through), (Verdict::Insufficient, None));
    assert!(refused.why.as_str().contains("lag-1 correlation 0.95"), "{}", refused.why);
}

#[test]
fn merging_takes_the_fewest_neighbours_and_the_newest_points() {
    let steps: Vec<f64> = around(0.0, 1.0, 40, 9).into_iter().flat_map(|value| [value, value]).collect();
    let odd = [&[100.0], &steps[..]].concat();
    let merged = merge(&odd, &steps).unwrap();
    assert_eq!((merged.by, merged.canary.len()), (2, 40));
    assert_eq!(merged.canary, merged.baseline);
    let independent = around(0.0, 1.0, 40, 10);
    assert_eq!(merge(&independent, &independent).unwrap().by, 1);
}

#[test]
fn correlation_is_between_neighbours_and_none_without_variance() {
    for (values, expected) in [
        (&[1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0][..], -0.875),
        (&[1.0, 2.0, 3.0, 4.0, 5.0], 0.4),
        (&[5.0; 9], 0.0),
        (&[], 0.0),
        (&[1.0], 0.0),
    ] {
        assert!((correlation(values) - expected).abs() < 1e-12, "{values:?}");
    }
}

/// Asked for by name: Kayenta's label, its floors that are none included.
#[test]
fn in_kayentas_scoring_the_label_decides_whatever_the_number_of_points() {
    for (canary, baseline, direction, verdict, why) in [
        (&[10.0; 5][..], &[1.0; 5][..], HigherIsWorse, Verdict::Fail, "High: mean 1000% against 100%"),
        (&[10.0; 5], &[1.0; 5], LowerIsWorse, Verdict::Pass, "Pass: "),
        (&[1.0; 5], &[10.0; 5], Either, Verdict::Fail, "Low: "),
        (&[1.0; 5], &[1.0; 5], Either, Verdict::Pass, "identical"),
        (&[2.0], &[1.0], Either, Verdict::Insufficient, "Error: "),
        (&[], &[1.0], Either, Verdict::NoData, "no point of the canary"),
    ] {
        let spec = Spec { scoring: Scoring::Kayenta, ..spec(direction, None) };
        let found = judge(&points(canary, baseline), None, &spec);
        assert_eq!((found.verdict, found.method), (verdict, METHOD_KAYENTA), "{}", found.why);
        assert!(found.why.as_str().contains(why), "{}", found.why);
    }
}

fn values(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<f64>> {
    // Both smooth values and ones that are often the same, as gauges are.
    prop_oneof![
        proptest::collection::vec(-100.0..100.0, count.clone()),
        proptest::collection::vec((-5_i32..6).prop_map(f64::from), count),
    ]
}

fn anything() -> impl Strategy<Value = Vec<f64>> {
    let value = prop_oneof![
        3 => -1e3..1e3,
        1 => prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(-0.0), Just(f64::MAX)],
        2 => any::<f64>(),
    ];
    proptest::collection::vec(value, 0..80)
}

fn mirrored(verdict: Verdict, found: &Found, other: &Found) -> bool {
    let close = |a: f64, b: f64| (a + b).abs() <= 1e-9;
    verdict == other.verdict
        && match (found.interval, other.interval) {
            (Some(a), Some(b)) => close(a.low, b.high) && close(a.high, b.low),
            (None, None) => true,
            _ => false,
        }
}

proptest! {
    #[test]
    fn swapping_the_arms_turns_harm_round(canary in values(5..70), baseline in values(5..70), limit in 0.1..50.0) {
        let forth = found(&canary, &baseline, HigherIsWorse, Some(limit));
        let back = found(&baseline, &canary, LowerIsWorse, Some(limit));
        prop_assert!(mirrored(forth.verdict, &forth, &back), "{} / {}", forth.why, back.why);
        let either = found(&canary, &baseline, Either, Some(limit));
        prop_assert_eq!(either.verdict, found(&baseline, &canary, Either, Some(limit)).verdict);
    }

    #[test]
    fn what_is_added_to_both_arms_changes_nothing(
        canary in values(10..50), baseline in values(10..50), more in -1e4..1e4, limit in 0.1..50.0,
    ) {
        let moved = |values: &[f64]| values.iter().map(|value| value + more).collect::<Vec<_>>();
        let here = found(&canary, &baseline, HigherIsWorse, Some(limit));
        let there = found(&moved(&canary), &moved(&baseline), HigherIsWorse, Some(limit));
        prop_assert_eq!(here.verdict, there.verdict, "{} / {}", here.why, there.why);
        if let (Some(a), Some(b)) = (here.interval, there.interval) {
            prop_assert!((a.low - b.low).abs() < 1e-9 && (a.high - b.high).abs() < 1e-9);
        }
    }

    #[test]
    fn the_unit_of_both_arms_changes_nothing(
        canary in values(10..50), baseline in values(10..50), exponent in -280_i32..280,
    ) {
        let scale = 10_f64.powi(exponent);
        let scaled = |values: &[f64]| values.iter().map(|value| value * scale).collect::<Vec<_>>();
        for direction in [HigherIsWorse, LowerIsWorse, Either] {
            let here = found(&canary, &baseline, direction, None);
            let there = found(&scaled(&canary), &scaled(&baseline), direction, None);
            prop_assert_eq!(here.verdict, there.verdict, "{} / {}", here.why, there.why);
        }
    }

    #[test]
    fn the_interval_is_that_of_the_differences_written_out(x in values(1..40), y in values(1..40)) {
        let ranks = RankStatistic::new(&x, &y);
        let shift = shift::exact(&ranks, CONFIDENCE).unwrap();
        let mut all: Vec<f64> = x.iter().flat_map(|x| y.iter().map(move |y| x - y)).collect();
        all.sort_by(f64::total_cmp);
        let middle = (all[(all.len() - 1) / 2], all[all.len() / 2]);
        prop_assert!((shift.estimate - f64::midpoint(middle.0, middle.1)).abs() <= 0.0);
        prop_assert!(shift.low <= shift.estimate && shift.estimate <= shift.high);
        // Beside an end, between the differences, the statistic is on either side of the quantile.
        let quantile = 2.326_347_874_040_841;
        let gap = |at: f64, up: bool| {
            let next = if up { all.iter().find(|d| **d > at) } else { all.iter().rev().find(|d| **d < at) };
            next.map(|next| ranks.standardised(f64::midpoint(at, *next), 0.0).unwrap())
        };
        if let Some(statistic) = gap(shift.low, true) { prop_assert!(statistic <= quantile); }
        if let Some(statistic) = gap(shift.low, false) { prop_assert!(statistic > quantile); }
        if let Some(statistic) = gap(shift.high, false) { prop_assert!(statistic >= -quantile); }
        if let Some(statistic) = gap(shift.high, true) { prop_assert!(statistic < -quantile); }
    }

    #[test]
    fn less_than_ten_points_never_fail(canary in values(0..10), baseline in values(0..70)) {
        let verdict = found(&canary, &baseline, Either, Some(0.0)).verdict;
        prop_assert!(matches!(verdict, Verdict::Insufficient | Verdict::NoData));
    }

    #[test]
    fn whatever_comes_there_is_a_verdict_with_numbers_that_can_be_written(
        canary in anything(), baseline in anything(), limit in proptest::option::of(any::<f64>()), kayenta in any::<bool>(),
    ) {
        let scoring = if kayenta { Scoring::Kayenta } else { Scoring::Sequential };
        let found = judge(&points(&canary, &baseline), None, &Spec { scoring, ..spec(Either, limit) });
        prop_assert!(!found.why.is_empty());
        prop_assert!(found.interval.is_none_or(|i| i.low.is_finite() && i.high.is_finite()) || kayenta);
        prop_assert!(found.difference.is_none_or(f64::is_finite) || kayenta);
    }
}

/// Two versions that are the same, judged once by 60 independent points: the reference has 0.1 to 0.4 of a
/// hundred, in both directions together.
#[test]
fn what_is_the_same_hardly_ever_fails() {
    let runs = 2000;
    let alarms = (0..runs)
        .filter(|run| {
            let (canary, baseline) = (around(1.0, 1.0, 60, 2 * run + 1), around(1.0, 1.0, 60, 2 * run + 2));
            found(&canary, &baseline, Either, Some(0.0)).verdict == Verdict::Fail
        })
        .count();
    assert!(alarms <= 16, "{alarms} of {runs}");
}
