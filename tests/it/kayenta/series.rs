//! Which series belong together, and which span each judgement looks at:
//! `MetricSetMixerServiceSpec.groovy`, `MetricSetSpec.groovy`, `SetupAndExecuteCanariesStageTest.java`.

use chrono::{DateTime, TimeDelta, Utc};
use rolldeck::{
    domain::SafeText,
    judge::kayenta::{
        pairs::{Pair, PairError, Series, Tags, pair},
        windows::{Schedule, Span},
    },
};

fn tags(given: &[(&str, &str)]) -> Tags {
    given.iter().map(|(key, value)| (SafeText::new(key), SafeText::new(value))).collect()
}

fn series(name: &str, given: &[(&str, &str)], values: &[f64]) -> Series {
    Series { name: SafeText::new(name), tags: tags(given), values: values.to_vec(), ..Series::default() }
}

fn names(given: &[&str]) -> Vec<SafeText> {
    given.iter().map(SafeText::new).collect()
}

const CPU: &[(&str, &str)] = &[("tagName", "tagValue")];
const ERRORS: &[(&str, &str)] = &[("tagNameA", "tagValueA"), ("tagNameB", "tagValueB")];

/// `MetricSetMixerServiceSpec.groovy` "lists of metric sets are paired properly" (seven rows) and "mixing
/// should succeed if metric set names, tags and # of values all match".
#[test]
fn series_pair_by_name_and_tags_as_in_kayenta() {
    let control_cpu = || series("cpu", CPU, &[1.0, 3.0, 5.0, 7.0]);
    let experiment_cpu = || series("cpu", CPU, &[2.0, 4.0, 6.0, 8.0]);
    let empty_cpu = || series("cpu", CPU, &[]);
    let control_errors = || series("errors", ERRORS, &[10.0, 20.0, 30.0]);
    let experiment_errors = || series("errors", ERRORS, &[60.0, 70.0, 80.0]);
    let untagged = || series("errors", &[], &[70.0, 80.0, 90.0]);
    let odd: &[f64] = &[1.0, 3.0, 5.0, 7.0];
    let (tens, sixties): (&[f64], &[f64]) = (&[10.0, 20.0, 30.0], &[60.0, 70.0, 80.0]);
    let table: Vec<(&[&str], Vec<Series>, Vec<Series>, Vec<(&[f64], &[f64])>)> = vec![
        (&["cpu"], vec![control_cpu()], vec![experiment_cpu()], vec![(odd, &[2.0, 4.0, 6.0, 8.0])]),
        (&["cpu"], vec![control_cpu()], vec![empty_cpu()], vec![(odd, &[])]),
        (&["errors"], vec![control_errors()], vec![experiment_errors()], vec![(tens, sixties)]),
        (&["errors"], vec![control_errors()], vec![untagged()], vec![(tens, &[])]),
        (&["errors"], vec![untagged()], vec![control_errors()], vec![(&[], tens)]),
        (
            &["cpu", "errors"],
            vec![control_cpu(), control_errors()],
            vec![empty_cpu(), experiment_errors()],
            vec![(odd, &[]), (tens, sixties)],
        ),
        (
            &["cpu", "errors"],
            vec![control_errors(), control_cpu()],
            vec![empty_cpu(), experiment_errors()],
            vec![(odd, &[]), (tens, sixties)],
        ),
        (
            &["cpu", "errors"],
            vec![control_cpu(), control_errors()],
            vec![experiment_errors(), experiment_cpu()],
            vec![(odd, &[2.0, 4.0, 6.0, 8.0]), (tens, sixties)],
        ),
    ];
    for (configured, control, experiment, expected) in table {
        let pairs = pair(&names(configured), &control, &experiment).unwrap();
        let got: Vec<(&[f64], &[f64])> =
            pairs.iter().map(|pair| (pair.control.as_slice(), pair.experiment.as_slice())).collect();
        assert_eq!(got, expected);
        for (Pair { name, tags: given, .. }, configured) in pairs.iter().zip(configured) {
            assert_eq!(name.as_str(), *configured);
            assert_eq!(*given, tags(if *configured == "cpu" { CPU } else { ERRORS }));
        }
    }
}

/// `MetricSetMixerServiceSpec.groovy`: sides without series, other tags, no names.
#[test]
fn series_that_do_not_belong_together_stop_the_analysis_and_say_why() {
    let one = |name, key| vec![series(name, &[(key, "tagValueA")], &[])];
    let error = pair(&names(&["metric1"]), &one("metric1", "tagKeyA"), &one("metric1", "tagKeyB")).unwrap_err();
    assert!(error.to_string().contains("tagKeyA") && error.to_string().contains("tagKeyB"), "{error}");
    for (control, experiment, side) in
        [(vec![], one("metric1", "a"), "control"), (one("metric1", "a"), vec![], "experiment")]
    {
        let error = pair(&names(&["metric1"]), &control, &experiment).unwrap_err();
        assert!(matches!(error, PairError::Missing { side: missing, .. } if missing == side), "{error}");
    }
    let error = pair(&names(&["metric1"]), &one("", "a"), &one("metric1", "a")).unwrap_err();
    assert_eq!(error, PairError::Unnamed { side: "control" });
    let error = pair(&names(&["metric1"]), &one("metric1", "a"), &one("", "a")).unwrap_err();
    assert_eq!(error, PairError::Unnamed { side: "experiment" });
}

/// `MetricSetMixerServiceSpec.groovy` "Mixing data sets with no data should back-fill both to all NaNs".
#[test]
fn missing_points_are_filled_up_at_the_end() {
    let minutes = |values: &[f64], end: i64| Series { end: 60_000 * end, step: 60_000, ..series("cpu", CPU, values) };
    for (values, end, count) in [(&[][..], 4, 4), (&[1.0, 2.0], 4, 4), (&[1.0, 2.0, 3.0], 2, 3), (&[], 0, 0)] {
        let pairs = pair(&names(&["cpu"]), &[minutes(values, end)], &[minutes(&[], 4)]).unwrap();
        let control = &pairs[0].control;
        assert_eq!(control.len(), count);
        assert_eq!(control[..values.len()], *values);
        assert!(control[values.len()..].iter().all(|value| value.is_nan()));
        assert_eq!(pairs[0].experiment.len(), 4);
    }
    // A side that is missing for some tags is filled up to what its other series should have.
    let other = Series { tags: tags(&[("tagName", "other")]), ..minutes(&[5.0; 4], 4) };
    let pairs = pair(&names(&["cpu"]), &[minutes(&[1.0; 4], 4), other], &[minutes(&[2.0; 4], 4)]).unwrap();
    assert_eq!(pairs.len(), 2);
    assert!(pairs[0].experiment.iter().all(|value| value.is_nan()) && pairs[0].experiment.len() == 4);
}

#[test]
fn a_senseless_step_does_not_fill_the_memory() {
    let endless = Series { start: i64::MIN, end: i64::MAX, step: 1, ..series("cpu", CPU, &[1.0]) };
    let backwards = Series { step: -5, ..endless.clone() };
    let pairs = pair(&names(&["cpu"]), &[endless], &[backwards]).unwrap();
    assert!(pairs[0].control.len() <= 1 << 20);
    assert_eq!(pairs[0].experiment, [1.0]);
}

/// `SetupAndExecuteCanariesStageTest.java`: growing windows, with a warm-up, with a start, sliding ones,
/// and a control that is looked at earlier.
#[test]
fn judgements_look_at_the_spans_that_kayenta_looks_at() {
    let minutes = TimeDelta::minutes;
    let now: DateTime<Utc> = "2018-12-17T20:56:39.689Z".parse().unwrap();
    let schedule = Schedule {
        start: None,
        interval: minutes(3),
        look_back: None,
        begin_after: TimeDelta::zero(),
        control_offset: TimeDelta::zero(),
    };
    let earlier = now - minutes(5);
    for number in 1..6 {
        let passed = minutes(3 * i64::from(number));
        let at = |schedule: Schedule| schedule.judgement(number, now).unwrap().experiment;
        assert_eq!(at(schedule), Span { start: now, end: now + passed });
        let warm = Schedule { begin_after: minutes(4), ..schedule };
        assert_eq!(at(warm), Span { start: now + minutes(4), end: now + passed + minutes(4) });
        let started = Schedule { start: Some(earlier), ..schedule };
        assert_eq!(at(started), Span { start: earlier, end: earlier + passed });
        let both = Schedule { start: Some(earlier), ..warm };
        assert_eq!(at(both), Span { start: earlier, end: earlier + passed });
        let sliding = Schedule { interval: minutes(5), look_back: Some(minutes(5)), ..schedule };
        let end = now + minutes(5 * i64::from(number));
        assert_eq!(at(sliding), Span { start: end - minutes(5), end });
    }
    let offset = Schedule { start: Some(now), control_offset: minutes(5), ..schedule };
    let spans = offset.judgement(1, now).unwrap();
    assert_eq!((spans.experiment.start, spans.control.start), (now, now - minutes(5)));
    assert_eq!(spans.control.end, spans.experiment.end - minutes(5));
    let endless = Schedule { interval: TimeDelta::MAX, ..schedule };
    assert_eq!(endless.judgement(u32::MAX, now), None);
}
