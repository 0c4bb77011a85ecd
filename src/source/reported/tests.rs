//! What reports of many units come to.

use crate::domain::{
    SafeText,
    plan::ArmsBy,
    sli::{Direction, Family, Scoring, SliQueries},
};
use crate::judge::evidence::Spec;

use super::*;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

fn rollout() -> RolloutId {
    "dc-west/pick-assist".parse().unwrap()
}

fn counter(good: f64, total: f64) -> SliReading {
    SliReading::Counter { good, total }
}

fn gauge(value: f64) -> SliReading {
    SliReading::Gauge { value }
}

/// Pools reports of one indicator: when, who, on which side, what; in slices of 10 seconds.
fn pooled(reports: &[(i64, &str, Arm, SliReading)]) -> Reported {
    let reported = Reported::default();
    for (seconds, site, arm, value) in reports {
        let unit = format!("{site}/main").try_into().unwrap();
        let slis = BTreeMap::from([("success".to_owned(), *value)]);
        reported.observe(&Reading {
            rollout: &rollout(),
            slice: 10,
            at: at(*seconds),
            unit: &unit,
            arm: *arm,
            slis: &slis,
        });
    }
    reported
}

fn asked(reported: &Reported, from: i64, to: i64) -> Vec<(i64, Option<Amount>, Option<Amount>)> {
    let spec = Spec {
        name: SafeText::new("success"),
        kind: SliKind::Ratio,
        family: Family::Availability,
        unit: SafeText::new("ratio"),
        direction: Direction::LowerIsWorse,
        critical: false,
        required: true,
        observe_only: false,
        objective: None,
        period: 2_592_000.0,
        threshold: None,
        limit: None,
        scoring: Scoring::Sequential,
    };
    let wanted = Wanted {
        rollout: rollout(),
        spec,
        queries: SliQueries::default(),
        service: SafeText::default(),
        arms: ArmsBy::Track,
        canary: Vec::new(),
        baseline: Vec::new(),
        slice: 10,
        from: at(from),
        to: at(to),
        spent: false,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let answers = runtime.block_on(reported.collect(&[wanted]));
    let answer = answers.into_iter().next().unwrap().unwrap();
    let seconds = |observed: &Observed| (observed.at - at(0)).num_seconds();
    answer.slices.iter().map(|o| (seconds(o), o.canary.clone(), o.baseline.clone())).collect()
}

#[expect(clippy::unnecessary_wraps, reason = "as a slice holds it")]
fn events(bad: f64, total: f64) -> Option<Amount> {
    Some(Amount::Events(Counts { bad, total }))
}

#[test]
fn counters_count_what_they_grew_by_and_a_reset_counts_from_zero() {
    use Arm::Canary;
    let reported = pooled(&[
        (0, "a", Canary, counter(1000.0, 1000.0)),
        (5, "a", Canary, counter(1090.0, 1100.0)),
        (8, "a", Canary, counter(9.0, 10.0)),
        (12, "a", Canary, counter(20.0, 21.0)),
    ]);
    assert_eq!(asked(&reported, 0, 20), [(0, events(11.0, 110.0), None), (10, events(0.0, 11.0), None)]);
}

#[test]
fn a_slice_that_nobody_reported_in_is_a_gap_and_one_without_events_is_a_zero() {
    use Arm::Canary;
    let reported = pooled(&[
        (0, "a", Canary, counter(5.0, 5.0)),
        (2, "a", Canary, counter(5.0, 5.0)),
        (25, "a", Canary, counter(6.0, 6.0)),
    ]);
    assert_eq!(asked(&reported, 0, 30), [(0, events(0.0, 0.0), None), (20, events(0.0, 1.0), None)]);
}

#[test]
fn a_gauge_is_the_mean_of_its_readings_on_each_side() {
    use Arm::{Baseline, Canary};
    let reported = pooled(&[
        (0, "a", Canary, gauge(200.0)),
        (5, "c", Canary, gauge(220.0)),
        (5, "b", Baseline, gauge(180.0)),
        (15, "b", Baseline, gauge(181.0)),
    ]);
    assert_eq!(
        asked(&reported, 0, 20),
        [(0, Some(Amount::Value(210.0)), Some(Amount::Value(180.0))), (10, None, Some(Amount::Value(181.0)))]
    );
    assert_eq!(reported.names(&rollout()), [("success".to_owned(), SliKind::Gauge)]);
}

#[test]
fn what_was_counted_while_a_unit_changed_sides_is_on_neither() {
    use Arm::{Baseline, Canary};
    let reported = pooled(&[
        (0, "a", Baseline, counter(100.0, 100.0)),
        (3, "a", Baseline, counter(200.0, 200.0)),
        (6, "a", Canary, counter(250.0, 300.0)),
        (9, "a", Canary, counter(345.0, 400.0)),
    ]);
    assert_eq!(asked(&reported, 0, 10), [(0, events(5.0, 100.0), events(0.0, 100.0))]);
    // A restart with the new version is a reset: what it counted before belongs to nobody known.
    let restarted = pooled(&[(0, "a", Baseline, counter(100.0, 100.0)), (5, "a", Canary, counter(7.0, 9.0))]);
    assert_eq!(asked(&restarted, 0, 10), []);
}

#[test]
fn nonsense_is_no_data() {
    use Arm::Canary;
    for value in [
        counter(f64::NAN, 1.0),
        counter(2.0, 1.0),
        counter(-1.0, 5.0),
        counter(1.0, f64::INFINITY),
        gauge(f64::NAN),
        gauge(f64::NEG_INFINITY),
    ] {
        let reported = pooled(&[(0, "a", Canary, value), (5, "a", Canary, value)]);
        assert_eq!(asked(&reported, 0, 10), [], "{value:?}");
    }
    let more_good_than_events =
        pooled(&[(0, "a", Canary, counter(90.0, 100.0)), (5, "a", Canary, counter(100.0, 105.0))]);
    assert_eq!(asked(&more_good_than_events, 0, 10), []);
}

#[test]
fn memory_is_bounded_whatever_is_reported() {
    let reported = Reported::default();
    let unit: UnitKey = "a/main".to_owned().try_into().unwrap();
    let say = |name: &str, seconds: i64| {
        let slis = BTreeMap::from([(name.to_owned(), gauge(1.0))]);
        reported.observe(&Reading {
            rollout: &rollout(),
            slice: 10,
            at: at(seconds),
            unit: &unit,
            arm: Arm::Canary,
            slis: &slis,
        });
    };
    for n in 0..100 {
        say(&format!("sli-{n}"), n);
    }
    assert_eq!((reported.names(&rollout()).len(), reported.dropped()), (NAMES, 68));
    for n in 0..5000 {
        say("success", n);
        say("sli-0", n);
    }
    let kept = reported.lock().rollouts[&rollout()]["sli-0"].buckets.len();
    assert_eq!(kept, SLICES);
    reported.forget(&rollout());
    assert_eq!(reported.names(&rollout()), []);
}
