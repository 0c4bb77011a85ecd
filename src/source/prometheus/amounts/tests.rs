#![expect(clippy::float_cmp, reason = "these values come out exactly")]

use super::*;
use crate::{
    domain::sli::SliQueries,
    source::{
        Wanted,
        prometheus::{
            answer::{Data, Native, Sample, Series},
            batch::{
                Batch,
                tests::{BAD, T, TOTAL, wanted},
            },
        },
    },
};

const HISTOGRAM: &str =
    r#"sum by (service, track, le) (increase(seconds_bucket{service=~"$service", track=~"$track"}[$window]))"#;
const VALUE: &str = r#"avg by (service, track) (load{service=~"$service", track=~"$track"})"#;

/// A series with a value at the end of each slice from the first on; none leaves one out.
fn series(labels: &[(&str, &str)], values: &[Option<f64>]) -> Series {
    let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let samples =
        (1..).zip(values).filter_map(|(slice, value)| Some(Sample { at: (T + slice * 60) as f64, value: (*value)? }));
    Series { labels, samples: samples.collect(), histograms: Vec::new() }
}

fn canary(more: &[(&str, &str)], values: &[f64]) -> Series {
    let labels: Vec<_> = [("service", "a"), ("track", "canary")].iter().chain(more).copied().collect();
    series(&labels, &values.iter().copied().map(Some).collect::<Vec<_>>())
}

/// What an arm did, when each query was answered with these series.
fn read(wanted: &Wanted, arm: &str, answers: &[(Role, Vec<Series>)]) -> (BTreeMap<i64, Amount>, String) {
    let wanted_one = std::slice::from_ref(wanted);
    let batch = Batch::new(wanted_one);
    let uses = batch.uses[0].as_ref().unwrap();
    let mut found: Vec<(Role, Found)> = Vec::new();
    for (role, place) in &uses.slices {
        let question = &batch.questions[*place];
        let piece = question.pieces(1.0, 1 << 20).unwrap().remove(0);
        let series = answers.iter().find(|(of, _)| of == role).map(|(_, series)| series.clone()).unwrap_or_default();
        let mut one = Found::default();
        let data = Data { series, said: Vec::new() };
        one.add(question, question.template.as_ref().unwrap(), &piece, data).unwrap();
        found.push((*role, one));
    }
    let mut remarks = Remarks::default();
    let found = found.iter().map(|(role, found)| (*role, found)).collect();
    let unit = (wanted.spec.unit.as_str() == "ms").then_some(1_000_000);
    let amounts = Arm::new(wanted.spec.kind, "a", vec![arm], found).amounts(unit, &mut remarks);
    let amounts = amounts.into_iter().map(|(at, amount)| ((at - T) / 60, amount)).collect();
    (amounts, remarks.say().to_string())
}

fn of_kind(kind: SliKind, unit: &str, queries: &[(Role, &str)]) -> Wanted {
    let text = |role: Role| queries.iter().find(|(of, _)| *of == role).map(|(_, text)| (*text).to_owned());
    let mut wanted = wanted("a", 0..4);
    wanted.spec.kind = kind;
    wanted.spec.unit = unit.into();
    wanted.queries = SliQueries {
        good: text(Role::Good),
        bad: text(Role::Bad),
        total: text(Role::Total),
        histogram: text(Role::Histogram),
        value: text(Role::Value),
    };
    wanted
}

fn counts(bad: f64, total: f64) -> Amount {
    Amount::Events(Counts { bad, total })
}

/// `bad` and `total`, or `good` and `total`, of four slices, and what comes of them.
type EventCase<'c> = (&'c str, Option<Vec<f64>>, Vec<f64>, [Option<(f64, f64)>; 4], &'c str);

#[test]
fn bad_events_and_all_events_become_whole_counts() {
    let n = f64::NAN;
    let cases: [EventCase; 8] = [
        (
            "rounded",
            Some(vec![1.2, 0.4, 2.6, 0.0]),
            vec![100.3, 99.7, 50.0, 10.0],
            [Some((1.0, 100.0)), Some((0.0, 100.0)), Some((3.0, 50.0)), Some((0.0, 10.0))],
            "",
        ),
        (
            "no series of errors yet is no error",
            None,
            vec![100.0, 100.0, 0.0, 1.0],
            [Some((0.0, 100.0)), Some((0.0, 100.0)), None, Some((0.0, 1.0))],
            "",
        ),
        (
            "no traffic is no data",
            Some(vec![0.0; 4]),
            vec![0.0, 0.3, 5.0, 0.0],
            [None, None, Some((0.0, 5.0)), None],
            "",
        ),
        ("no total is no data", Some(vec![5.0; 4]), vec![], [None; 4], ""),
        (
            "not finite",
            Some(vec![n, 1.0, f64::INFINITY, 1.0]),
            vec![10.0, n, 10.0, 10.0],
            [None, None, None, Some((1.0, 10.0))],
            "3 values are not finite numbers",
        ),
        (
            "below zero",
            Some(vec![-1.0, 1.0, 1.0, 1.0]),
            vec![10.0, -10.0, 10.0, 10.0],
            [None, None, Some((1.0, 10.0)), Some((1.0, 10.0))],
            "2 counts are below zero",
        ),
        (
            "extrapolation makes a part larger than the whole",
            Some(vec![10.4, 11.0, 103.0, 1000.0]),
            vec![10.0, 10.0, 100.0, 100.0],
            [Some((10.0, 10.0)), Some((10.0, 10.0)), Some((100.0, 100.0)), None],
            "1 slice has more bad or good events",
        ),
        ("beyond what is whole", Some(vec![1e300; 4]), vec![1e300; 4], [Some((1e300, 1e300)); 4], ""),
    ];
    for (name, bad, total, expected, says) in cases {
        let wanted = of_kind(SliKind::Ratio, "ratio", &[(Role::Bad, BAD), (Role::Total, TOTAL)]);
        let bad = bad.map(|bad| canary(&[], &bad)).into_iter().collect();
        let (amounts, remark) = read(&wanted, "canary", &[(Role::Bad, bad), (Role::Total, vec![canary(&[], &total)])]);
        for (slice, expected) in (0..).zip(expected) {
            let expected = expected.map(|(bad, total)| counts(bad, total));
            assert_eq!(amounts.get(&slice), expected.as_ref(), "{name}, slice {slice}");
        }
        assert!(if says.is_empty() { remark.is_empty() } else { remark.contains(says) }, "{name}: {remark}");
        assert!(read(&wanted, "baseline", &[]).0.is_empty());
    }
}

#[test]
fn good_events_are_taken_from_all_to_say_the_bad_ones() {
    let wanted = of_kind(SliKind::Ratio, "ratio", &[(Role::Good, BAD), (Role::Total, TOTAL)]);
    let of = |good: Vec<Series>| {
        let total = vec![canary(&[], &[100.0; 4])];
        read(&wanted, "canary", &[(Role::Good, good), (Role::Total, total)])
    };
    let (amounts, remark) = of(vec![canary(&[], &[99.2, 100.4, 104.0, 200.0])]);
    let expected = [(0, counts(1.0, 100.0)), (1, counts(0.0, 100.0)), (2, counts(0.0, 100.0))];
    assert_eq!(amounts, expected.into_iter().collect());
    assert!(remark.contains("1 slice has more bad or good events"), "{remark}");
    // A canary that fails every request has no series of good ones; that the query is right shows on the baseline.
    let baseline = series(&[("service", "a"), ("track", "baseline")], &[Some(100.0)]);
    let (amounts, remark) = of(vec![baseline]);
    assert_eq!(amounts[&0], counts(100.0, 100.0));
    assert_eq!((amounts.len(), remark.as_str()), (4, ""));
    // A query that is wrong has none at all, and is no total failure.
    let (amounts, remark) = of(Vec::new());
    assert!(amounts.is_empty());
    assert!(remark.contains("is the query right?"), "{remark}");
}

#[test]
fn good_and_bad_events_make_all_events() {
    let wanted = of_kind(SliKind::Ratio, "ratio", &[(Role::Good, TOTAL), (Role::Bad, BAD)]);
    let good = series(&[("service", "a"), ("track", "canary")], &[Some(90.0), None, Some(90.0), Some(0.0)]);
    let bad = series(&[("service", "a"), ("track", "canary")], &[Some(10.0), Some(10.0), None, Some(0.0)]);
    let (amounts, _) = read(&wanted, "canary", &[(Role::Good, vec![good]), (Role::Bad, vec![bad])]);
    let expected = [(0, counts(10.0, 100.0)), (1, counts(10.0, 10.0)), (2, counts(0.0, 90.0))];
    assert_eq!(amounts, expected.into_iter().collect());
}

#[test]
fn the_exposure_of_a_count_stays_as_it_is_and_may_be_smaller_than_the_events() {
    let wanted = of_kind(SliKind::Count, "", &[(Role::Bad, BAD), (Role::Total, TOTAL)]);
    let answers =
        [(Role::Bad, vec![canary(&[], &[7.3, 1.0])]), (Role::Total, vec![canary(&[], &[3.25, 0.4, 0.5, 0.0])])];
    let (amounts, remark) = read(&wanted, "canary", &answers);
    let expected = [(0, counts(7.0, 3.25)), (1, counts(1.0, 0.4)), (2, counts(0.0, 0.5))];
    assert_eq!((amounts, remark.as_str()), (expected.into_iter().collect(), ""));
}

#[test]
fn several_series_of_an_arm_are_added_up_and_gauges_averaged() {
    let wanted = of_kind(SliKind::Ratio, "ratio", &[(Role::Bad, BAD), (Role::Total, TOTAL)]);
    let total = vec![canary(&[("pod", "1")], &[10.0, 10.0]), canary(&[("pod", "2")], &[5.4, f64::NAN])];
    let (amounts, _) = read(&wanted, "canary", &[(Role::Total, total)]);
    assert_eq!(amounts, [(0, counts(0.0, 15.0))].into_iter().collect(), "a sum with an unknown part is unknown");
    let wanted = of_kind(SliKind::Gauge, "cores", &[(Role::Value, VALUE)]);
    let values = vec![canary(&[("pod", "1")], &[1.0, -2.0, 3.0]), canary(&[("pod", "2")], &[2.0, -1.0, f64::INFINITY])];
    let (amounts, remark) = read(&wanted, "canary", &[(Role::Value, values)]);
    assert_eq!(amounts, [(0, Amount::Value(1.5)), (1, Amount::Value(-1.5))].into_iter().collect());
    assert!(remark.contains("1 value is not a finite number"), "{remark}");
}

#[test]
fn cumulative_buckets_become_counts_in_the_indicator_s_unit() {
    let bucket = |le: &str, values: &[f64]| canary(&[("le", le)], values);
    let wanted = of_kind(SliKind::Latency, "ms", &[(Role::Histogram, HISTOGRAM)]);
    let answers = vec![
        bucket("+Inf", &[10.2, 4.0, 0.0]),
        bucket("0.3", &[9.0, 3.0, 0.0]),
        // Extrapolated on its own, a smaller bucket can hold more than a larger one.
        bucket("0.1", &[4.0, 3.4, 0.0]),
    ];
    let (amounts, remark) = read(&wanted, "canary", &[(Role::Histogram, answers)]);
    let durations = |counts: [f64; 3]| Amount::Durations { bounds: vec![100.0, 300.0], counts: counts.to_vec() };
    let expected = [(0, durations([4.0, 5.0, 1.0])), (1, durations([3.0, 0.0, 1.0]))];
    assert_eq!((amounts, remark.as_str()), (expected.into_iter().collect(), ""));
}

#[test]
fn a_metric_in_milliseconds_is_not_taken_for_seconds() {
    let query = HISTOGRAM.replace("seconds_bucket", "istio_request_duration_milliseconds_bucket");
    for (unit, bound) in [("ms", 300.0), ("", 300.0)] {
        let wanted = of_kind(SliKind::Latency, unit, &[(Role::Histogram, &query)]);
        let answers = vec![canary(&[("le", "300")], &[9.0]), canary(&[("le", "+Inf")], &[10.0])];
        let (amounts, _) = read(&wanted, "canary", &[(Role::Histogram, answers)]);
        assert_eq!(amounts[&0], Amount::Durations { bounds: vec![bound], counts: vec![9.0, 1.0] });
    }
    for (bound, shown) in [(0.3, 300.0), (1.001, 1001.0), (0.057, 57.0), (2.5, 2500.0)] {
        assert_eq!(tidy(bound * 1000.0), shown);
    }
}

#[test]
fn native_histograms_become_counts_by_their_own_buckets() {
    let histogram = serde_json::from_value(serde_json::json!({
        "count": "7", "sum": "3",
        "buckets": [[3, "-0.001", "0.001", "1"], [0, "0.25", "0.5", "4.2"], [0, "1", "2", "1.8"]]
    }));
    let wanted = of_kind(SliKind::Latency, "ms", &[(Role::Histogram, HISTOGRAM)]);
    let native = Native { at: (T + 60) as f64, histogram: histogram.unwrap() };
    let answers = vec![Series { histograms: vec![native], ..canary(&[], &[]) }];
    let (amounts, remark) = read(&wanted, "canary", &[(Role::Histogram, answers)]);
    let Some(Amount::Durations { bounds, counts }) = amounts.get(&0) else { panic!("{amounts:?} {remark}") };
    assert_eq!(counts.iter().sum::<f64>(), 7.0);
    let below = |value: f64| -> f64 {
        bounds.iter().zip(counts).filter(|(bound, _)| **bound <= value).map(|(_, count)| count).sum()
    };
    assert_eq!((below(1.0), below(250.0), below(500.0), below(1000.0), below(2000.0)), (1.0, 1.0, 5.0, 5.0, 7.0));
}

#[test]
fn buckets_that_are_no_histogram_say_so() {
    let wanted = of_kind(SliKind::Latency, "s", &[(Role::Histogram, HISTOGRAM)]);
    let of = |answers: Vec<Series>| read(&wanted, "canary", &[(Role::Histogram, answers)]);
    let bucket = |le: &str| canary(&[("le", le)], &[3.0]);
    let (amounts, remark) = of(vec![bucket("0.1")]);
    assert!(amounts.is_empty() && remark.contains("+Inf"), "{remark}");
    let (amounts, remark) = of(vec![canary(&[], &[3.0])]);
    assert!(amounts.is_empty() && remark.contains("no usable buckets"), "{remark}");
    let (amounts, remark) = of((0..300).map(|n| bucket(&format!("{n}.5"))).chain([bucket("+Inf")]).collect());
    assert!(amounts.is_empty() && remark.contains("at most 200"), "{remark}");
    let (amounts, _) = of(vec![canary(&[("le", "1")], &[f64::NAN]), canary(&[("le", "+Inf")], &[1.0])]);
    assert!(amounts.is_empty());
}

#[test]
fn samples_of_the_future_and_of_other_times_are_refused() {
    let one = [wanted("a", 0..4)];
    let batch = Batch::new(&one);
    let question = &batch.questions[0];
    let piece = question.pieces(1.0, 1 << 20).unwrap().remove(0);
    for (at, says) in [
        (T + 4 * 60, ""),
        (T + 4 * 60 + 31, "later than"),
        (T + 4 * 60 + 7, "not asked about"),
        (T + 90, "not asked about"),
        (T, "not asked about"),
        (-1, "not asked about"),
    ] {
        let mut series = canary(&[], &[]);
        series.samples = vec![Sample { at: at as f64, value: 1.0 }];
        let data = Data { series: vec![series], said: Vec::new() };
        let added = Found::default().add(question, question.template.as_ref().unwrap(), &piece, data);
        match added {
            Ok(()) => assert_eq!(says, "", "{at}"),
            Err(why) => assert!(!says.is_empty() && why.contains(says), "{at}: {why}"),
        }
    }
}

#[test]
fn series_that_nobody_asked_for_are_counted_and_left_out() {
    let one = [wanted("a", 0..4)];
    let batch = Batch::new(&one);
    let question = &batch.questions[0];
    let piece = question.pieces(1.0, 1 << 20).unwrap().remove(0);
    let others = [
        series(&[("service", "b"), ("track", "canary")], &[Some(1.0)]),
        series(&[("service", "a"), ("track", "stable")], &[Some(1.0)]),
        series(&[("service", "a")], &[Some(1.0)]),
        series(&[], &[Some(1.0)]),
    ];
    let mut found = Found::default();
    let data = Data { series: others.to_vec(), said: Vec::new() };
    found.add(question, question.template.as_ref().unwrap(), &piece, data).unwrap();
    assert_eq!(found.strangers, 4);
    assert!(!found.has_service("a"));
}
