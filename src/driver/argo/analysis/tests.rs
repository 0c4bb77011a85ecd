use chrono::TimeZone as _;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::domain::{Verdict, sli::TelemetryState};

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 5, 1, 10, 5, 0).unwrap()
}

/// A run with one metric and what was measured of it: phase and value, a minute apart, the last one at 10:05.
fn run(metric: &Value, result: &Value, measurements: &[(&str, &str)]) -> Value {
    let count = measurements.len();
    let minutes = measurements.iter().enumerate().map(|(index, (phase, value))| {
        json!({"phase": phase, "value": value, "finishedAt": now() - chrono::TimeDelta::minutes(i64::try_from(count - 1 - index).unwrap())})
    });
    let mut spec = json!({"name": "success-rate", "interval": "1m", "provider": {"prometheus": {"query": "up"}},
        "successCondition": "result[0] >= 0.99", "failureLimit": 3});
    let mut told = json!({"name": "success-rate", "phase": "Running", "measurements": minutes.collect::<Vec<_>>()});
    for (into, from) in [(&mut spec, metric), (&mut told, result)] {
        for (key, value) in from.as_object().into_iter().flatten() {
            into[key] = value.clone();
        }
    }
    json!({
        "metadata": {"name": "basket-6f8c7-2-1", "uid": "a-1", "annotations": {"rollout.argoproj.io/revision": "2"},
            "labels": {"rollout-type": "Step", "step-index": "1", "rollouts-pod-template-hash": "6f8c7"}},
        "spec": {"metrics": [spec], "args": [{"name": "service", "value": "basket"}, {"name": "limit", "value": "2"}]},
        "status": {"phase": "Running", "startedAt": "2026-05-01T10:00:00Z", "metricResults": [told]}
    })
}

#[test]
fn an_indicator_says_its_value_its_limit_and_what_is_allowed() {
    use TelemetryState as T;
    use Verdict as V;
    let none = json!({});
    let bad = [("Failed", "[0.9869]")];
    let failing =
        json!({"failureCondition": "result < 0.5", "successCondition": "result >= 0.95", "inconclusiveLimit": 1});
    for (metric, result, measurements, verdict, telemetry, why) in [
        (
            &none,
            json!({"failed": 3}),
            &bad[..],
            V::Watch,
            T::Ok,
            "success rate 0.9869 is below 0.99 (3 of 3 failures allowed)",
        ),
        (
            &none,
            json!({"failed": 4, "phase": "Failed"}),
            &bad[..],
            V::Fail,
            T::Ok,
            "success rate 0.9869 is below 0.99 (4 failures, 3 allowed)",
        ),
        (
            &json!({"failureLimit": -1}),
            json!({"failed": 4}),
            &bad[..],
            V::Watch,
            T::Ok,
            "success rate 0.9869 is below 0.99 (4 failures, any number allowed)",
        ),
        (
            &json!({"count": 5}),
            json!({"successful": 2}),
            &[("Successful", "[0.9951]")],
            V::Pass,
            T::Ok,
            "success rate 0.9951 is at least 0.99 (0 of 3 failures allowed, 2 of 5 measurements)",
        ),
        (
            &none,
            json!({"successful": 1, "phase": "Successful"}),
            &[("Successful", "[1]")],
            V::Pass,
            T::Ok,
            "success rate 1 is at least 0.99 (0 of 3 failures allowed)",
        ),
        (
            &failing,
            json!({"inconclusive": 2, "phase": "Inconclusive"}),
            &[("Inconclusive", "0.7")],
            V::Insufficient,
            T::Ok,
            "success rate 0.7 is below 0.95 and at least 0.5 (2 inconclusive, 1 allowed)",
        ),
        (
            &failing,
            json!({"failed": 1}),
            &[("Failed", "0.1")],
            V::Watch,
            T::Ok,
            "success rate 0.1 is below 0.5 (1 of 3 failures allowed)",
        ),
        (
            &none,
            json!({"consecutiveError": 5, "error": 5, "phase": "Error", "message": "HTTP 500"}),
            &[("Error", "")],
            V::NoData,
            T::Error,
            "success rate could not be measured 5 times in a row, 4 allowed: HTTP 500",
        ),
        (
            &none,
            json!({"consecutiveError": 2}),
            &[("Successful", "[1]"), ("Error", "")],
            V::NoData,
            T::Error,
            "success rate could not be measured 2 times in a row (2 of 4 errors allowed)",
        ),
        (&none, json!({"phase": "Pending"}), &[], V::NoData, T::Warming, "success rate has no measurement yet"),
        (
            &none,
            json!({"phase": "Successful"}),
            &[],
            V::NoData,
            T::Empty,
            "success rate was ended before it was measured",
        ),
        (
            &json!({"successCondition": "result == \"ok\""}),
            json!({"failed": 1}),
            &[("Failed", "down")],
            V::Watch,
            T::Ok,
            "success rate is down, which fails result == \"ok\" (1 of 3 failures allowed)",
        ),
        (
            &json!({"successCondition": "", "provider": {"job": {}}}),
            json!({"failed": 1, "phase": "Failed"}),
            &[("Failed", "")],
            V::Fail,
            T::Ok,
            "success rate failed (1 of 3 failures allowed)",
        ),
        (
            &none,
            json!({"failed": 3}),
            &[("Failed", "[NaN]")],
            V::Watch,
            T::Ok,
            "success rate is [NaN], which fails result[0] >= 0.99 (3 of 3 failures allowed)",
        ),
        (
            &none,
            json!({"failed": 1}),
            &[("Failed", "[0.98999999]")],
            V::Watch,
            T::Ok,
            "success rate 0.98999999 is below 0.99 (1 of 3 failures allowed)",
        ),
        (
            &none,
            json!({"failed": 3, "dryRun": true}),
            &bad[..],
            V::Watch,
            T::Ok,
            "dry run: success rate 0.9869 is below 0.99 (3 of 3 failures allowed)",
        ),
    ] {
        let read = Run::read(&run(metric, &result, measurements));
        let sli = &slis(&[&read], now())[0];
        assert_eq!((sli.verdict, sli.telemetry, sli.why.as_str()), (verdict, telemetry, why), "{metric} {result}");
        assert_eq!(sli.required, result["dryRun"].is_null());
    }
}

#[test]
fn limits_and_counts_are_those_that_the_controller_takes() {
    // Rules of argo-rollouts, analysis/analysis.go and pkg/apis/rollouts/v1alpha1/analysis_types.go (EffectiveCount).
    let once = json!({"interval": null, "failureLimit": null});
    let endless = json!({});
    for (metric, count, failed, inconclusive, errors) in [
        (once, Some(1), Some(0), 0, 4),
        (endless, None, Some(3), 0, 4),
        (json!({"count": 0, "interval": null}), Some(1), Some(3), 0, 4),
        (json!({"count": 0}), None, Some(3), 0, 4),
        (json!({"count": "5", "failureLimit": "1"}), Some(5), Some(1), 0, 4),
        (json!({"failureLimit": "{{args.limit}}", "count": "{{ args.limit }}"}), Some(2), Some(2), 0, 4),
        (json!({"failureLimit": "{{args.none}}"}), None, Some(0), 0, 4),
        (json!({"failureLimit": -1, "inconclusiveLimit": 7, "consecutiveErrorLimit": 0}), None, None, 7, 0),
        (json!({"failureLimit": 1e300, "inconclusiveLimit": -9, "count": -1}), None, Some(0), 0, 4),
    ] {
        let view = &Run::read(&run(&metric, &json!({}), &[])).metrics[0].view;
        assert_eq!(
            (view.count, view.failed.limit, view.inconclusive.limit, view.errors.limit),
            (count, failed, Some(inconclusive), Some(errors)),
            "{metric}"
        );
    }
}

#[test]
fn what_is_asked_is_shown_with_its_arguments() {
    for (metric, result, provider, query) in [
        (
            json!({"provider": {"prometheus": {"query": "up{app=\"{{args.service}}\"}"}}}),
            json!({}),
            "prometheus",
            "up{app=\"basket\"}",
        ),
        (json!({}), json!({"metadata": {"ResolvedPrometheusQuery": "up{a=\"b\"}"}}), "prometheus", "up{a=\"b\"}"),
        (
            json!({"provider": {"web": {"url": "http://{{ args.service }}/rate", "jsonPath": "{$.value}"}}}),
            json!({}),
            "web",
            "http://basket/rate {$.value}",
        ),
        (json!({"provider": {"datadog": {"query": "{{args.secret}}"}}}), json!({}), "datadog", "{{args.secret}}"),
        (json!({"provider": {"job": {"spec": {}}}}), json!({}), "job", ""),
        (json!({"provider": {"plugin": {"acme/meter": {}}}}), json!({}), "plugin", "acme/meter"),
        (
            json!({"provider": {"cloudWatch": {"metricDataQueries": [{"expression": "a/b"}, {"id": "a"}]}}}),
            json!({}),
            "cloudWatch",
            "a/b",
        ),
        (json!({"provider": 7}), json!({}), "", ""),
        (json!({"provider": {"prometheus": {"query": "{{args.service"}}}), json!({}), "prometheus", "{{args.service"),
    ] {
        let view = &Run::read(&run(&metric, &result, &[])).metrics[0].view;
        assert_eq!((view.provider.as_str(), view.query.as_str()), (provider, query), "{metric}");
    }
}

#[test]
fn a_chart_has_all_that_was_measured_and_gaps_for_what_is_no_number() {
    let read = Run::read(&run(
        &json!({}),
        &json!({"failed": 2}),
        &[("Successful", "[1]"), ("Failed", "[NaN]"), ("Failed", "[0.9]"), ("Running", "")],
    ));
    let sli = &slis(&[&read], now())[0];
    let values: Vec<_> = sli.series.iter().flatten().map(|point| point.canary).collect();
    assert_eq!(values, [Some(1.0), None, Some(0.9)]);
    assert_eq!(sli.over_since, Some(now() - chrono::TimeDelta::minutes(2)));
    assert_eq!((sli.canary.value, sli.limit, sli.direction.as_str()), (Some(0.9), Some(0.99), "lower_is_worse"));
    assert_eq!(read.metrics[0].view.limits, [0.99]);
}

#[test]
fn a_metric_that_is_not_measured_any_more_is_stale() {
    let read = Run::read(&run(&json!({}), &json!({}), &[("Successful", "[1]")]));
    let state = |minutes: i64| slis(&[&read], now() + chrono::TimeDelta::minutes(minutes))[0].telemetry;
    assert_eq!((state(3), state(4)), (TelemetryState::Ok, TelemetryState::Stale));
}

#[test]
fn the_worst_indicator_speaks_for_all_and_a_dry_run_for_none() {
    let good = Run::read(&run(&json!({}), &json!({"phase": "Successful", "successful": 1}), &[("Successful", "[1]")]));
    let bad = Run::read(&run(&json!({}), &json!({"phase": "Failed", "failed": 4}), &[("Failed", "[0.5]")]));
    let both = slis(&[&good, &bad], now());
    assert_eq!(both[1].name.as_str(), "success-rate (step 2)", "two of a name are told apart");
    assert_eq!(verdict(&both).label, Verdict::Fail);
    assert_eq!(verdict(&both).why, both[1].why);
    assert_eq!(verdict(&[]).label, Verdict::NoData);
    let dry =
        Run::read(&run(&json!({}), &json!({"phase": "Failed", "failed": 4, "dryRun": true}), &[("Failed", "[0.5]")]));
    assert_eq!(verdict(&slis(&[&dry], now())).label, Verdict::NoData);
}

#[test]
fn a_run_says_why_it_runs_and_which_metric_decided() {
    let object = run(&json!({}), &json!({"phase": "Failed", "failed": 4}), &[("Failed", "[0.5]")]);
    let mut failed = object.clone();
    failed["status"]["phase"] = json!("Failed");
    failed["status"]["message"] = json!("Metric \"success-rate\" assessed Failed due to failed (4) > failureLimit (3)");
    let read = Run::read(&failed);
    assert_eq!(read.why().as_str(), "success rate 0.5 is below 0.99 (4 failures, 3 allowed)");
    assert_eq!((read.number, read.hash.as_str(), read.role), (2, "6f8c7", RunRole::Step(Some(1))));
    assert_eq!((read.view(true).role.as_str(), read.tally().as_str()), ("step 2", "✖ 4"));
    for (label, words) in [
        ("Background", "background"),
        ("PrePromotion", "before promotion"),
        ("PostPromotion", "after promotion"),
        ("", "experiment"),
    ] {
        let mut object = object.clone();
        object["metadata"]["labels"]["rollout-type"] = json!(label);
        assert_eq!(Run::read(&object).role.words().as_str(), words);
    }
}

#[test]
fn jobs_are_named_by_what_they_measured() {
    let mut object = run(&json!({"provider": {"job": {}}}), &json!({}), &[]);
    object["status"]["metricResults"][0]["measurements"] = json!([
        {"phase": "Running", "startedAt": "2026-05-01T10:00:00Z", "metadata": {"job-name": "u.job.1", "job-namespace": "shop"}}]);
    let read = Run::read(&object);
    assert_eq!((read.jobs[0].name.as_str(), read.jobs[0].phase.as_str()), ("u.job.1", "Running"));
}

proptest! {
    #[test]
    fn no_figures_make_an_indicator_panic(
        failed in any::<i64>(), limit in any::<i64>(), count in any::<i64>(), interval in "[0-9]{1,12}[smh]", value in any::<String>(),
    ) {
        let object = run(
            &json!({"failureLimit": limit, "count": count, "interval": interval, "consecutiveErrorLimit": limit}),
            &json!({"failed": failed, "successful": count, "inconclusive": limit, "consecutiveError": failed}),
            &[("Failed", &value), ("Successful", &value)],
        );
        let read = Run::read(&object);
        let _ = (read.view(true), read.tally(), read.why(), verdict(&slis(&[&read], now())));
    }
}
