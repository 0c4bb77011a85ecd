//! What reports of many units come to.

use crate::domain::Verdict;

use super::*;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

fn unit(site: &str) -> UnitKey {
    format!("{site}/main").try_into().unwrap()
}

fn counter(good: f64, total: f64) -> BTreeMap<String, SliReading> {
    BTreeMap::from([("success".to_owned(), SliReading::Counter { good, total })])
}

fn gauge(value: f64) -> BTreeMap<String, SliReading> {
    BTreeMap::from([("p95".to_owned(), SliReading::Gauge { value })])
}

#[test]
fn counters_count_what_they_grew_by_and_a_reset_counts_from_zero() {
    let mut reported = Reported::default();
    for (seconds, good, total) in [(0, 1000.0, 1000.0), (5, 1090.0, 1100.0), (10, 9.0, 10.0)] {
        reported.observe(at(seconds), &unit("a"), Arm::Canary, &counter(good, total));
    }
    let sli = &reported.slis(at(10), &[])[0];
    assert_eq!(sli.canary.samples, Some(110.0));
    assert_eq!(sli.canary.value, Some(99.0 / 110.0));
    assert_eq!(sli.direction.as_str(), "lower_is_worse");
}

#[test]
fn a_silent_side_is_no_data_and_not_its_last_value() {
    let mut reported = Reported::default();
    for seconds in [0, 5, 10] {
        reported.observe(at(seconds), &unit("a"), Arm::Canary, &gauge(200.0));
        reported.observe(at(seconds), &unit("b"), Arm::Baseline, &gauge(180.0));
    }
    let fresh = &reported.slis(at(12), &[])[0];
    assert_eq!((fresh.canary.value, fresh.baseline.value, fresh.difference), (Some(200.0), Some(180.0), Some(20.0)));
    let silent = &reported.slis(at(60), &[])[0];
    assert_eq!((silent.canary.value, silent.verdict), (None, Verdict::NoData));
}

#[test]
fn a_gap_in_the_series_stays_a_gap() {
    let mut reported = Reported::default();
    reported.observe(at(0), &unit("a"), Arm::Canary, &gauge(1.0));
    reported.observe(at(60), &unit("a"), Arm::Canary, &gauge(2.0));
    let series = reported.slis(at(60), &[])[0].series.clone().unwrap();
    let values: Vec<_> = series.iter().map(|p| p.canary).collect();
    assert_eq!(values, [Some(1.0), None, None, None, Some(2.0)]);
}

#[test]
fn memory_is_bounded_whatever_is_reported() {
    let mut reported = Reported::default();
    for n in 0..100 {
        let name = format!("sli-{n}");
        reported.observe(at(n), &unit("a"), Arm::Canary, &BTreeMap::from([(name, SliReading::Gauge { value: 1.0 })]));
    }
    for seconds in 0..20_000 {
        reported.observe(
            at(seconds),
            &unit("a"),
            Arm::Canary,
            &BTreeMap::from([("sli-0".to_owned(), SliReading::Gauge { value: 1.0 })]),
        );
    }
    let slis = reported.slis(at(20_000), &[]);
    assert_eq!(slis.len(), NAMES);
    assert!(slis.iter().all(|sli| sli.series.as_ref().unwrap().len() <= BUCKETS));
    assert_eq!(reported.dropped(), 68);
}

#[test]
fn nonsense_is_no_data() {
    let mut reported = Reported::default();
    for (good, total) in [(f64::NAN, 1.0), (2.0, 1.0), (-1.0, 5.0), (1.0, f64::INFINITY)] {
        reported.observe(at(0), &unit("a"), Arm::Canary, &counter(good, total));
    }
    reported.observe(at(0), &unit("a"), Arm::Canary, &gauge(f64::NAN));
    assert_eq!(reported.slis(at(0), &[]).len(), 0);
}

#[test]
fn what_the_plan_declares_is_listed_even_when_nobody_reports_it() {
    let declared = PlanSli { critical: true, ..PlanSli::new("errors") };
    let slis = Reported::default().slis(at(0), &[declared]);
    assert_eq!((slis[0].name.as_str(), slis[0].verdict), ("errors", Verdict::NoData));
}

#[test]
fn what_was_counted_while_a_unit_changed_sides_is_on_neither() {
    let mut reported = Reported::default();
    reported.observe(at(0), &unit("a"), Arm::Baseline, &counter(100.0, 100.0));
    reported.observe(at(5), &unit("a"), Arm::Baseline, &counter(200.0, 200.0));
    reported.observe(at(10), &unit("a"), Arm::Canary, &counter(250.0, 300.0));
    reported.observe(at(15), &unit("a"), Arm::Canary, &counter(345.0, 400.0));
    let sli = &reported.slis(at(15), &[])[0];
    assert_eq!((sli.baseline.value, sli.baseline.samples), (Some(1.0), Some(100.0)));
    assert_eq!((sli.canary.value, sli.canary.samples), (Some(0.95), Some(100.0)));
}

#[test]
fn more_good_events_than_events_are_no_data() {
    let mut reported = Reported::default();
    reported.observe(at(0), &unit("a"), Arm::Canary, &counter(90.0, 100.0));
    reported.observe(at(5), &unit("a"), Arm::Canary, &counter(100.0, 105.0));
    assert_eq!(reported.slis(at(5), &[])[0].canary.value, None);
}

#[test]
fn two_reports_in_a_row_do_not_make_a_gauge_flicker() {
    let mut reported = Reported::default();
    for seconds in [0, 5, 6] {
        reported.observe(at(seconds), &unit("a"), Arm::Canary, &gauge(200.0));
    }
    assert_eq!(reported.slis(at(10), &[])[0].canary.value, Some(200.0), "before the next check");
    assert_eq!(reported.slis(at(22), &[])[0].canary.value, None, "after three missed ones");
}

#[test]
fn the_past_is_one_hour_and_the_present_five_minutes() {
    let mut reported = Reported::default();
    for n in 0..1000 {
        let total = f64::from(n) * 10.0;
        // Good until the last ten minutes, then one in ten fails.
        let bad = f64::from((n - 880).max(0));
        reported.observe(at(i64::from(n) * 5), &unit("a"), Arm::Canary, &counter(total - bad, total));
    }
    let sli = &reported.slis(at(999 * 5), &[])[0];
    assert_eq!(sli.canary.value, Some(0.9));
    let series = sli.series.as_ref().unwrap();
    assert_eq!(series.len(), BUCKETS);
    assert!(series.windows(2).all(|pair| (pair[1].at - pair[0].at).num_seconds() == BUCKET), "even steps");
    assert_eq!((series[0].canary, series[0].baseline), (Some(1.0), None));
}
