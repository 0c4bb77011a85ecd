//! What is understood of Flagger's Events: each of its texts, and that no other is guessed at.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn text(text: &str) -> SafeText {
    SafeText::new(text)
}

fn metric(metric: &str, value: f64, limit: f64, below: bool, unit: &'static str, said: &str) -> Said {
    Said::Halt(Cause::Metric(Reading { metric: text(metric), value, limit, below, unit, text: text(said) }))
}

#[test]
fn a_halted_advance_says_which_check_failed_and_by_how_much() {
    // The texts of fluxcd/flagger 1.36, pkg/controller/scheduler_metrics.go and scheduler_hooks.go, with values filled in.
    for (event, meaning) in [
        (
            "Halt shop.test advancement success rate 98.69% < 99%",
            metric("request-success-rate", 98.69, 99.0, true, "%", "success rate 98.69% < 99%"),
        ),
        (
            "Halt shop.test advancement request duration 1.2s > 500ms",
            metric("request-duration", 1200.0, 500.0, false, "ms", "request duration 1.2s > 500ms"),
        ),
        (
            "Halt shop.test advancement 404 rate of all 0.50 > 1e-05",
            metric("404 rate of all", 0.5, 1e-5, false, "", "404 rate of all 0.50 > 1e-05"),
        ),
        (
            "(combined from similar events): Halt shop.test advancement lab-metric 0.10 < 0.95",
            metric("lab-metric", 0.1, 0.95, true, "", "lab-metric 0.10 < 0.95"),
        ),
        (
            "Halt advancement no values found for istio metric request-success-rate probably shop.test is not receiving traffic: no values found",
            Said::Halt(Cause::NoValues(text("request-success-rate"))),
        ),
        ("Halt advancement no values found for metric: errors", Said::Halt(Cause::NoValues(text("errors")))),
        (
            "Halt advancement no values found for custom metric: errors: no values found",
            Said::Halt(Cause::NoValues(text("errors"))),
        ),
        (
            "Prometheus query failed for errors: connection refused",
            Said::Halt(Cause::Query(Some(text("errors")), text("connection refused"))),
        ),
        (
            "Prometheus query failed: running query failed: connection refused",
            Said::Halt(Cause::Query(None, text("running query failed: connection refused"))),
        ),
        (
            "Metric query failed for errors: error response: status 500",
            Said::Halt(Cause::Query(Some(text("errors")), text("error response: status 500"))),
        ),
        (
            "Metric template errors.test error: not found",
            Said::Halt(Cause::Query(None, text("metric template errors.test error: not found"))),
        ),
        (
            "Halt shop.test advancement external check load test failed Post \"http://x/\": timeout",
            Said::Halt(Cause::Check(Hook::Rollout, text("load test"), text("Post \"http://x/\": timeout"))),
        ),
        (
            "Halt shop.test advancement pre-rollout check smoke failed forbidden",
            Said::Halt(Cause::Check(Hook::PreRollout, text("smoke"), text("forbidden"))),
        ),
        (
            "Halt shop.test advancement waiting for approval ask",
            Said::Halt(Cause::Gate(Hook::ConfirmRollout, text("ask"))),
        ),
        (
            "Halt shop.test advancement waiting for promotion approval ask",
            Said::Halt(Cause::Gate(Hook::ConfirmPromotion, text("ask"))),
        ),
        (
            "Halt shop.test advancement waiting for traffic increase approval ask",
            Said::Halt(Cause::Gate(Hook::ConfirmTrafficIncrease, text("ask"))),
        ),
    ] {
        assert_eq!(said(event), meaning, "{event}");
    }
}

#[test]
fn what_it_did_is_told_from_what_it_could_not_do() {
    for (event, meaning) in [
        ("Advance shop.test canary weight 20", Said::Weight(20)),
        ("Advance shop.test canary iteration 3/10", Said::Iteration(3)),
        ("Advance shop.test primary weight 60", Said::PrimaryWeight(60)),
        ("New revision detected! Scaling up shop.test", Said::NewRevision),
        ("New revision detected! Restarting analysis for shop.test", Said::Restarted),
        (
            "canary deployment shop.test not ready: waiting for rollout to finish: 1 out of 2 new replicas have been updated",
            Said::NotReady(text(
                "canary deployment shop.test not ready: waiting for rollout to finish: 1 out of 2 new replicas have been updated",
            )),
        ),
        (
            "Rolling back shop.test failed checks threshold reached 5",
            Said::RolledBack(text("failed checks threshold reached 5")),
        ),
        ("Rolling back shop.test manual webhook invoked", Said::RolledBack(text("manual webhook invoked"))),
        ("Rollback hook panic button not signaling a rollback", Said::NoRollback(text("panic button"))),
        ("Rollback check panic button passed", Said::Passed(Hook::Rollback, text("panic button"))),
        ("Confirm-promotion check ask passed", Said::Passed(Hook::ConfirmPromotion, text("ask"))),
        ("Progressive traffic is not supported when using the kubernetes provider", Said::NoTraffic),
    ] {
        assert_eq!(said(event), meaning, "{event}");
    }
    for event in [
        "",
        "Halt",
        "Halt shop.test advancement",
        "Halt shop.test advancement of something else",
        "Halt shop.test advancement latency high < low",
        "Halt shop.test advancement 0.5 < 1",
        "Halt shop.test advancement errors 0.5 = 1",
        "Advance shop.test canary weight much",
        "Starting canary analysis for shop.test",
        "skipping canary run as object is suspended",
    ] {
        assert_eq!(said(event), Said::Other, "{event}");
    }
}

#[test]
fn durations_are_read_as_go_writes_them() {
    for (written, read) in [
        ("500ms", Some(500.0)),
        ("1m2.5s", Some(62_500.0)),
        ("1h0m0s", Some(3_600_000.0)),
        ("250µs", Some(0.25)),
        ("-1s", Some(-1000.0)),
        ("0s", Some(0.0)),
        ("12", None),
        ("s", None),
        ("", None),
        ("1..5s", None),
        ("5days", None),
    ] {
        assert_eq!(milliseconds(written), read, "{written}");
    }
}

fn canary() -> Canary {
    Canary::read(&json!({
        "metadata": {"name": "shop", "namespace": "test", "uid": "u1"},
        "spec": {"targetRef": {"kind": "Deployment", "name": "shop"}, "analysis": {"stepWeight": 10}},
        "status": {"phase": "Progressing", "conditions": [
            {"type": "Promoted", "status": "Unknown", "reason": "Progressing", "lastTransitionTime": "2026-05-01T10:00:00Z"}]},
    }))
}

fn event(second: u32, text: &str) -> Value {
    json!({
        "involvedObject": {"kind": "Canary", "name": "shop", "namespace": "test", "uid": "u1"}, "type": "Normal",
        "reason": "Synced", "message": text, "source": {"component": "flagger"},
        "lastTimestamp": format!("2026-05-01T10:{:02}:{:02}Z", second / 60, second % 60),
    })
}

#[test]
fn a_halt_holds_until_it_goes_on() {
    let halted = [
        event(10, "Advance shop.test canary weight 10"),
        event(20, "Halt shop.test advancement success rate 90.00% < 99%"),
    ];
    let told = Told::read(&canary(), &halted);
    assert!(
        matches!(&told.halt, Some((Cause::Metric(reading), _)) if reading.text.as_str() == "success rate 90.00% < 99%")
    );
    assert_eq!(told.weight_at(10).map(|at| at.timestamp() % 60), Some(10));
    let mut on = halted.to_vec();
    on.push(event(30, "Advance shop.test canary weight 20"));
    // What is said beside it in the same second is no answer.
    on.push(event(30, "Rollback hook panic not signaling a rollback"));
    let told = Told::read(&canary(), &on);
    assert_eq!((told.halt, told.advanced_at.map(|at| at.timestamp() % 60)), (None, Some(30)));
    assert!(told.failure.is_some(), "why a check failed before is still known");
}

#[test]
fn what_came_before_the_release_says_nothing_of_it() {
    let events = [
        event(5, "Halt shop.test advancement success rate 90.00% < 99%"),
        event(10, "New revision detected! Restarting analysis for shop.test"),
    ];
    assert_eq!(Told::read(&canary(), &events).halt, None);
    let mut before = event(0, "Halt shop.test advancement success rate 90.00% < 99%");
    before["lastTimestamp"] = json!("2026-05-01T09:59:59Z");
    let told = Told::read(&canary(), &[before]);
    assert_eq!((told.halt, told.happenings.len()), (None, 1), "it is shown all the same");
}

#[test]
fn only_events_about_the_canary_itself_are_believed() {
    for (field, value) in [("kind", "Pod"), ("name", "shop2"), ("uid", "u2")] {
        let mut other = event(20, "Halt shop.test advancement success rate 90.00% < 99%");
        other["involvedObject"][field] = json!(value);
        assert_eq!(Told::read(&canary(), &[other]).halt, None, "{field}");
    }
}

#[test]
fn a_word_is_found_for_what_flagger_gives_one_reason_for_all() {
    let told = Told::read(
        &canary(),
        &[
            event(1, "Halt shop.test advancement waiting for approval ask"),
            event(2, "Advance shop.test canary weight 10"),
        ],
    );
    let words: Vec<&str> = told.happenings.iter().map(|happening| happening.what.as_str()).collect();
    assert_eq!(words, ["Advanced", "Waiting"]);
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(
        name in any::<String>(), value in any::<String>(), prefix in prop_oneof![
            Just("Halt shop.test advancement "), Just("Halt advancement no values found for "), Just("Metric query failed for "),
            Just("Rolling back "), Just("Advance "), Just("Rollback hook "), Just(""),
        ],
    ) {
        let _ = said(&format!("{prefix}{name} {value} < {value}")).word();
    }

    #[test]
    fn every_reading_is_read_back(value in -1e6..1e6_f64, limit in 0u32..1000) {
        let said = said(&format!("Halt a.b advancement my metric {value:.2} < {limit}"));
        let Said::Halt(Cause::Metric(reading)) = said else { panic!("{said:?}") };
        prop_assert!((reading.value - value).abs() < 0.006 && (reading.limit - f64::from(limit)).abs() < 1e-9);
    }
}
