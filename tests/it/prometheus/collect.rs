//! What a real Prometheus has, as what canary and baseline did in each slice.

use std::fmt::Write as _;

use rolldeck::{
    domain::sli::{SliKind, SliQueries},
    judge::evidence::{Amount, Counts},
    source::{
        SliSource as _, SourceError,
        prometheus::{Limits, Options, Prometheus as Source},
    },
};

use super::{T, TOTAL, at, errors, events, of_kind, one, source};
use crate::support::prometheus::{Native, Prometheus, Series, Setup};

/// A counter that grows by so much each minute, with a sample each 15 seconds from 15 s before [`T`] on.
fn counter(name: &str, labels: &[(&str, &str)], minutes: usize, each_minute: f64) -> Series {
    let steps = (0..=4 * minutes + 1).map(|step| 1000.0 + step as f64 * each_minute / 4.0);
    Series::new(name, labels).each(T - 15, 15, steps)
}

fn requests(service: &str, track: &str, code: &str, minutes: usize, each_minute: f64) -> Series {
    let labels = [("service", service), ("track", track), ("code", code), ("pod", "1")];
    counter("http_requests_total", &labels, minutes, each_minute)
}

#[tokio::test]
async fn events_of_both_arms_are_counted_slice_by_slice() {
    let server = Prometheus::start();
    server
        .write(&[
            requests("shop", "canary", "200", 5, 96.0),
            requests("shop", "canary", "500", 5, 4.0),
            requests("shop", "baseline", "200", 5, 900.0),
            requests("other", "canary", "500", 5, 7.0),
            requests("shop", "stable", "500", 5, 7.0),
        ])
        .await;
    let answer = one(&source(server.url()), errors("shop", 5)).await.unwrap();
    // No request of the baseline failed, so that it has no series of failed ones: that is zero, not nothing.
    let minute = |minute| (minute, Some((4.0, 100.0)), Some((0.0, 900.0)));
    assert_eq!(events(&answer.slices), [minute(0), minute(1), minute(2), minute(3), minute(4)]);
    assert_eq!((answer.spent, answer.remark.as_str()), (None, ""));
}

#[tokio::test]
async fn an_arm_that_stops_has_no_slices_and_a_service_that_is_not_there_has_none_at_all() {
    let server = Prometheus::start();
    server.write(&[requests("shop", "canary", "200", 2, 60.0), requests("shop", "baseline", "200", 6, 600.0)]).await;
    let source = source(server.url());
    let answers = source.collect(&[errors("shop", 6), errors("nobody", 6)]).await;
    let [shop, nobody] = answers.as_slice() else { panic!() };
    let slices = events(&shop.as_ref().unwrap().slices);
    let of_canary: Vec<i64> = slices.iter().filter(|slice| slice.1.is_some()).map(|slice| slice.0).collect();
    assert_eq!(of_canary, [0, 1], "{slices:?}");
    assert_eq!(slices.len(), 6);
    assert!(nobody.as_ref().unwrap().slices.is_empty(), "nothing is an answer too");
}

#[tokio::test]
async fn services_with_hostile_names_get_their_own_numbers_and_nobody_else_s() {
    let names = [
        "a",
        "a.b",
        "a+b",
        ".*",
        "a\"b",
        "a\\b",
        "a|b",
        "(a",
        "[a]",
        "a{1}",
        "^a$",
        "$service",
        "a`b",
        "a'b",
        "\u{e4}\u{4e16}",
    ];
    let server = Prometheus::start();
    let mut series = Vec::new();
    for (number, name) in (1..).zip(names) {
        series.push(requests(name, "canary", "200", 2, f64::from(number) * 60.0));
        series.push(requests(name, "baseline", "500", 2, f64::from(number) * 600.0));
    }
    server.write(&series).await;
    let wanted: Vec<_> = names.iter().map(|name| errors(name, 2)).collect();
    let answers = source(server.url()).collect(&wanted).await;
    for ((number, name), answer) in (1..).zip(names).zip(answers) {
        let answer = answer.unwrap();
        let (few, many) = (f64::from(number) * 60.0, f64::from(number) * 600.0);
        assert_eq!(events(&answer.slices)[0], (0, Some((0.0, few)), Some((many, many))), "{name}");
        assert_eq!(answer.remark.as_str(), "", "{name}");
    }
}

#[tokio::test]
async fn a_thousand_services_are_taken_apart_again() {
    let server = Prometheus::start();
    let name = |n: usize| format!("warehouse-{}-picking-{n:04}", ["west", "east", "north"][n % 3]);
    let series: Vec<Series> = (0..1000).map(|n| requests(&name(n), "canary", "200", 2, 4.0 * n as f64)).collect();
    server.write(&series).await;
    let wanted: Vec<_> = (0..1000).map(|n| errors(&name(n), 2)).collect();
    let answers = source(server.url()).collect(&wanted).await;
    for (n, answer) in answers.into_iter().enumerate() {
        let slices = events(&answer.unwrap().slices);
        let total = 4.0 * n as f64;
        let expected = if n == 0 { None } else { Some((0, Some((0.0, total)), None)) };
        assert_eq!(slices.first().copied(), expected, "{n}");
    }
}

#[tokio::test]
async fn classic_and_native_histograms_give_the_same_durations() {
    const CLASSIC: &str = r#"sum by (service, track, le) (increase(request_seconds_bucket{service=~"$service", track=~"$track"}[$window]))"#;
    const NATIVE: &str =
        r#"sum by (service, track) (increase(native_seconds{service=~"$service", track=~"$track"}[$window]))"#;
    let server = Prometheus::start();
    let mut series = Vec::new();
    for (track, scale) in [("canary", 1.0), ("baseline", 10.0)] {
        // Each minute 40 up to 0.25 s, 8 more up to 0.5 s, 4 more up to 1 s, 2 slower.
        for (le, count) in [("0.25", 40.0), ("0.5", 48.0), ("1", 52.0), ("+Inf", 54.0)] {
            let labels = [("service", "shop"), ("track", track), ("le", le)];
            series.push(counter("request_seconds_bucket", &labels, 3, count * scale));
        }
        let mut native = Series::new("native_seconds", &[("service", "shop"), ("track", track)]);
        for step in 0..=13_u64 {
            let scale = step * scale as u64;
            // Schema 0: bounds are powers of two; bucket -2 is (0.125, 0.25].
            let buckets = vec![10 * scale, 2 * scale, scale, scale / 2];
            let histogram = Native { schema: 0, sum: scale as f64, zero: 0, first: -2, buckets };
            native = native.native(T - 15 + 15 * i64::try_from(step).unwrap(), histogram);
        }
        series.push(native);
    }
    server.write(&series).await;
    let source = source(server.url());
    let ask = |query: &str, unit: &str| {
        let queries = SliQueries { histogram: Some(query.to_owned()), ..SliQueries::default() };
        of_kind(SliKind::Latency, unit, "shop", 3, queries)
    };
    let answer = one(&source, ask(CLASSIC, "ms")).await.unwrap();
    assert_eq!((answer.slices.len(), answer.remark.as_str()), (3, ""));
    let durations =
        |counts: [f64; 4]| Amount::Durations { bounds: vec![250.0, 500.0, 1000.0], counts: counts.to_vec() };
    assert_eq!(answer.slices[1].canary, Some(durations([40.0, 8.0, 4.0, 2.0])));
    assert_eq!(answer.slices[1].baseline, Some(durations([400.0, 80.0, 40.0, 20.0])));

    let answer = one(&source, ask(NATIVE, "ms")).await.unwrap();
    assert_eq!((answer.slices.len(), answer.remark.as_str()), (3, ""));
    let Some(Amount::Durations { bounds, counts }) = &answer.slices[1].baseline else { panic!("{answer:?}") };
    let below = |bound: f64| -> f64 {
        bounds.iter().zip(counts).filter(|(upper, _)| **upper <= bound).map(|(_, count)| count).sum()
    };
    assert_eq!([below(250.0), below(500.0), below(1000.0), below(2000.0)], [400.0, 480.0, 520.0, 540.0]);
}

#[tokio::test]
async fn what_is_spent_counts_the_whole_service_over_its_period() {
    // 29 days of one sample an hour: 1000 requests an hour of the baseline, one in 500 fails.
    let mut text = "# TYPE http_requests counter\n".to_owned();
    for (track, code, each) in [("baseline", "200", 998), ("baseline", "500", 2), ("canary", "200", 10)] {
        for hour in 0..=29 * 24 {
            let time = T - 29 * 86400 + hour * 3600;
            writeln!(
                text,
                "http_requests_total{{service=\"shop\",track=\"{track}\",code=\"{code}\"}} {} {time}",
                hour * each
            )
            .unwrap();
        }
    }
    text.push_str("# EOF\n");
    let server = Prometheus::start_with(&Setup { backfill: Some(&text), ..Setup::default() });
    let mut wanted = errors("shop", 0);
    wanted.spent = true;
    wanted.spec.period = 28.0 * 86400.0;
    let answer = one(&source(server.url()), wanted).await.unwrap();
    let Counts { bad, total } = answer.spent.unwrap();
    let (hours, near) = (28.0 * 24.0, |a: f64, b: f64| (a / b - 1.0).abs() < 0.005);
    assert!(near(bad, hours * 2.0) && near(total, hours * 1010.0), "{bad} of {total}");
}

#[tokio::test]
async fn gauges_and_values_that_are_none() {
    let server = Prometheus::start();
    let gauge = |track: &str, values: &[f64]| {
        Series::new("load", &[("service", "shop"), ("track", track)]).each(T + 60, 60, values.iter().copied())
    };
    server.write(&[gauge("canary", &[1.0, 2.5, f64::INFINITY]), gauge("baseline", &[1.0, f64::NAN, 3.0])]).await;
    let query = r#"avg by (service, track) (load{service=~"$service", track=~"$track"})"#;
    let queries = SliQueries { value: Some(query.to_owned()), ..SliQueries::default() };
    let answer = one(&source(server.url()), of_kind(SliKind::Gauge, "cores", "shop", 3, queries)).await.unwrap();
    let values: Vec<_> = answer.slices.iter().map(|slice| (slice.canary.clone(), slice.baseline.clone())).collect();
    let value = |value| Some(Amount::Value(value));
    assert_eq!(values, [(value(1.0), value(1.0)), (value(2.5), None), (None, value(3.0))]);
    assert!(answer.remark.as_str().contains("2 values are not finite numbers"), "{}", answer.remark);
}

#[tokio::test]
async fn a_query_that_the_server_refuses_says_why_in_its_words() {
    let server = Prometheus::start_with(&Setup { flags: &["--query.max-samples=50"], ..Setup::default() });
    server.write(&[requests("shop", "canary", "200", 60, 60.0), requests("shop", "baseline", "200", 60, 60.0)]).await;
    let source = source(server.url());
    let mut wanted = errors("shop", 5);
    wanted.queries.total = Some(TOTAL.replace("increase", "no_such_function"));
    let error = one(&source, wanted).await.unwrap_err();
    assert!(matches!(error, SourceError::Refused { .. }), "{error}");
    assert!(error.to_string().contains("unknown function with name \"no_such_function\""), "{error}");

    let error = one(&source, errors("shop", 60)).await.unwrap_err();
    assert!(matches!(error, SourceError::Refused { .. }), "{error}");
    assert!(error.to_string().contains("too many samples"), "{error}");
}

#[tokio::test]
async fn a_label_explosion_is_refused_and_asked_for_in_smaller_parts_afterwards() {
    let server = Prometheus::start();
    let mut series = Vec::new();
    for service in ["shop", "cart"] {
        for user in 0..400 {
            let user = user.to_string();
            let labels = [("service", service), ("track", "canary"), ("user", user.as_str())];
            series.push(counter("http_requests_total", &labels, 1, 60.0));
        }
    }
    server.write(&series).await;
    let mut options = Options::new("metrics", server.url().clone());
    options.limits = Limits { series: 500, ..Limits::default() };
    let source = Source::new(options).unwrap();
    let exploding = |service: &str| {
        let mut wanted = errors(service, 1);
        wanted.queries.total = Some(TOTAL.replace("track)", "track, user)"));
        wanted
    };
    let answers = source.collect(&[exploding("shop"), exploding("cart")]).await;
    for answer in answers {
        let error = answer.unwrap_err();
        assert!(matches!(error, SourceError::Refused { .. }), "{error}");
        assert!(error.to_string().contains("more than 500 series: let the query keep fewer labels"), "{error}");
    }
    let error = one(&source, exploding("shop")).await;
    assert!(error.is_ok(), "400 series alone are not too many: {error:?}");
}

#[tokio::test]
async fn a_server_that_dies_is_unreachable_and_said_to_be_so() {
    let mut server = Prometheus::start();
    let source = source(server.url());
    assert!(one(&source, errors("shop", 1)).await.unwrap().slices.is_empty());
    assert!(source.probe(at(T)).await.is_ok());
    server.kill();
    let error = one(&source, errors("shop", 1)).await.unwrap_err();
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error}");
    assert!(error.to_string().starts_with("metrics cannot be asked: "), "{error}");
    assert!(matches!(source.probe(at(T)).await, Err(SourceError::Unreachable { .. })));
}
