#![expect(clippy::float_cmp, reason = "sums of whole numbers are exact")]

use proptest::prelude::*;

use super::*;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

/// Readings every `step` seconds from 0.
fn every(step: i64, values: &[f64]) -> Vec<Sample> {
    (0..).zip(values).map(|(i, value)| Sample { at: at(step * i), value: *value }).collect()
}

/// `start+stepxcount` as Prometheus' test files write it: one more value than `count`.
fn ramp(start: f64, step: f64, count: u32) -> Vec<f64> {
    (0..=count).map(|i| step.mul_add(f64::from(i), start)).collect()
}

fn near(found: Option<f64>, expected: f64) {
    let found = found.unwrap();
    assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{found} instead of {expected}");
}

const MINUTE: i64 = 60;

#[test]
fn a_drop_counts_what_the_counter_reached_since_it_began_anew() {
    let found = growth(&every(15, &[100.0, 130.0, 5.0, 5.0, 9.0, 0.0]), at(100)).unwrap();
    let amounts: Vec<f64> = found.increases.iter().map(|increase| increase.amount).collect();
    assert_eq!(amounts, [30.0, 5.0, 0.0, 4.0, 0.0]);
    assert_eq!((found.total, found.resets), (39.0, 2));
    assert_eq!((found.increases[1].since, found.increases[1].at), (at(15), at(30)));
    assert!(found.increases[1].reset && found.increases[4].reset);
}

#[test]
fn what_was_counted_before_anybody_looked_is_no_increase() {
    for readings in [&[][..], &[7e6][..]] {
        assert_eq!(growth(&every(15, readings), at(100)).unwrap(), Growth::default());
    }
}

#[test]
fn nonsense_is_refused_with_what_to_do_and_changes_nothing() {
    let now = at(1000);
    for (sample, error, hint) in [
        (Sample { at: at(10), value: -1.0 }, CounterError::Negative { at: at(10), value: -1.0 }, "gauge"),
        (
            Sample { at: at(10), value: f64::INFINITY },
            CounterError::NotFinite { at: at(10), value: f64::INFINITY },
            "no count",
        ),
        (Sample { at: at(1031), value: 1.0 }, CounterError::Future { at: at(1031), ahead: 31 }, "clock"),
        (Sample { at: at(5), value: 1.0 }, CounterError::OutOfOrder { at: at(5), after: at(5) }, "twice"),
        (Sample { at: at(4), value: 1.0 }, CounterError::OutOfOrder { at: at(4), after: at(5) }, "mixed"),
    ] {
        let mut counter = Counter::default();
        assert_eq!(counter.take(Sample { at: at(5), value: 2.0 }, now), Ok(None));
        let before = counter;
        let refused = counter.take(sample, now).unwrap_err();
        assert_eq!(refused, error);
        assert!(refused.to_string().contains(hint), "{refused}");
        assert_eq!(counter, before);
    }
    let nan = growth(&every(15, &[1.0, f64::NAN, 3.0]), now).unwrap_err();
    assert!(matches!(nan, CounterError::NotFinite { value, .. } if value.is_nan()), "{nan}");
}

#[test]
fn a_clock_may_be_half_a_minute_ahead() {
    let mut counter = Counter::default();
    assert_eq!(counter.take(Sample { at: at(1030), value: 1.0 }, at(1000)), Ok(None));
}

// prometheus/prometheus, promql/promqltest/testdata/functions.test, "Tests for resets()".
#[test]
fn resets_are_counted_as_prometheus_counts_them() {
    let foo = every(5 * MINUTE, &[1.0, 2.0, 3.0, 0.0, 1.0, 0.0, 0.0, 1.0, 2.0, 0.0]);
    let bar = every(5 * MINUTE, &[1.0, 2.0, 3.0, 4.0, 5.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    let biz = every(5 * MINUTE, &[0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
    for (range, expected) in [
        (5, [None, None, None]),
        (10, [Some(0); 3]),
        (20, [Some(1), Some(0), Some(0)]),
        (30, [Some(1), Some(0), Some(0)]),
        (32, [Some(2), Some(1), Some(0)]),
        (50, [Some(3), Some(1), Some(0)]),
    ] {
        let range = TimeDelta::minutes(range);
        let found = [&foo, &bar, &biz].map(|series| promql::resets(series, at(50 * MINUTE), range));
        assert_eq!(found, expected, "{range}");
    }
}

// The same file, "Tests for increase()" and "Test for increase() with counter reset"; the last rows
// from native_histograms.test, "extrapolation below zero is prevented", which has the float too.
#[test]
fn increase_stretches_to_the_ends_of_the_range_as_prometheus_does() {
    let twice = [ramp(0.0, 18.0, 5), ramp(0.0, 18.0, 5)].concat();
    let jump = [vec![15.0], vec![2490.0; 56]].concat();
    for (step, values, when, range, expected) in [
        (300, ramp(0.0, 10.0, 10), 3000, 3000, 100.0),
        (300, twice.clone(), 3000, 3000, 160.0),
        (300, ramp(10.0, 10.0, 10), 3000, 3000, 100.0),
        (300, ramp(1.0, 10.0, 10), 3000, 3000, 100.0),
        (300, ramp(0.0, 10.0, 10), 3000, 6000, 100.0),
        (300, twice, 3000, 6000, 162.0),
        (300, ramp(10.0, 10.0, 10), 3000, 6000, 105.0),
        (300, ramp(1.0, 10.0, 10), 3000, 6000, 101.0),
        (300, vec![0.0, 1.0, 2.0, 3.0, 2.0, 3.0, 4.0], 1800, 1800, 7.0),
        (60, jump.clone(), 3300, 5400, 2490.0),
        (60, jump.clone(), 3270, 5400, 2_512.916_666_666_666_5),
        (60, jump.clone(), 3300, 3315, 2486.25),
        (60, jump, 3270, 3285, 2509.375),
    ] {
        near(promql::increase(&every(step, &values), at(when), TimeDelta::seconds(range)), expected);
    }
}

// functions.test, "Tests for rate()".
#[test]
fn rate_is_per_second_and_knows_resets() {
    let minutes = TimeDelta::minutes;
    let middle = every(5 * MINUTE, &[ramp(0.0, 27.0, 4), ramp(0.0, 27.0, 5)].concat());
    near(promql::rate(&middle, at(3000), minutes(50)), 0.08);
    let end = every(5 * MINUTE, &[ramp(0.0, 10.0, 9), vec![0.0, 10.0]].concat());
    assert_eq!(promql::rate(&end, at(3000), minutes(5)), None);
    near(promql::rate(&end, at(3000), minutes(6)), 0.0);
    near(promql::rate(&every(5 * MINUTE, &ramp(0.0, 80.0, 10)), at(3000), minutes(50)), 0.266_666_666_666_666_66);
    near(promql::rate(&every(5 * MINUTE, &ramp(0.0, 10.0, 10)), at(2700), minutes(10)), 0.033_333_333_333_333_33);
    near(promql::rate(&every(5 * MINUTE, &ramp(0.0, 20.0, 10)), at(2700), minutes(10)), 0.066_666_666_666_666_67);
}

// functions.test, "Zero cutoff for left-side extrapolation".
#[test]
fn rate_is_not_stretched_to_before_the_counter_was_zero() {
    let expected = [0.5, 0.55, 0.6, 0.6, 0.6, 0.6];
    for (minute, early) in expected.into_iter().enumerate() {
        let series = every(4 * MINUTE, &ramp(60.0 * minute as f64, 240.0, 10));
        near(promql::rate(&series, at(600), TimeDelta::minutes(20)), early);
        near(promql::rate(&series, at(3000), TimeDelta::minutes(20)), 0.6);
    }
}

// functions.test, "Tests for delta()".
#[test]
fn delta_knows_no_resets() {
    for (values, expected) in [([0.0, 50.0, 100.0, 150.0, 200.0], 200.0), ([200.0, 150.0, 100.0, 50.0, 0.0], -200.0)] {
        near(promql::delta(&every(5 * MINUTE, &values), at(1200), TimeDelta::minutes(20)), expected);
    }
}

#[test]
fn a_range_is_open_to_the_left() {
    let series = every(60, &[1.0, 2.0, 3.0]);
    let found = promql::select(&series, at(120), TimeDelta::seconds(60));
    assert_eq!(found.iter().map(|sample| sample.at).collect::<Vec<_>>(), [at(120)]);
    assert_eq!(promql::increase(&series, at(120), TimeDelta::seconds(60)), None);
    assert_eq!(promql::increase(&series, at(120), TimeDelta::seconds(-60)), None);
}

proptest! {
    #[test]
    fn growth_is_never_negative_and_is_the_sum_of_its_parts(values in prop::collection::vec(0.0..1e9f64, 0..50)) {
        let found = growth(&every(15, &values), at(10_000)).unwrap();
        prop_assert!(found.increases.iter().all(|increase| increase.amount >= 0.0));
        prop_assert_eq!(found.increases.iter().map(|increase| increase.amount).sum::<f64>(), found.total);
        prop_assert_eq!(found.increases.len(), values.len().saturating_sub(1));
        let drops = values.windows(2).filter(|pair| pair[1] < pair[0]).count();
        prop_assert_eq!(found.resets as usize, drops);
    }

    #[test]
    fn growth_of_a_counter_that_never_drops_is_its_last_reading_less_its_first(
        steps in prop::collection::vec(0u32..1000, 1..50),
    ) {
        let mut sum = 0.0;
        let values: Vec<f64> = steps.iter().map(|step| { sum += f64::from(*step); sum }).collect();
        let found = growth(&every(15, &values), at(10_000)).unwrap();
        prop_assert_eq!(found.total, values[values.len() - 1] - values[0]);
        prop_assert_eq!(found.resets, 0);
    }
}
