//! What stages a release has, and in which one it is.

use serde_json::{Value, json};

use super::*;
use crate::{
    domain::{Gate, GateState},
    driver::flagger::samples,
};

fn read(object: &Value, events: &[Value]) -> (Vec<Stage>, Option<StageName>) {
    let canary = Canary::read(object);
    let told = Told::read(&canary, events);
    stages(&canary, Some(&told))
}

fn names(stages: &[Stage]) -> Vec<&str> {
    stages.iter().map(|stage| stage.name.as_str()).collect()
}

fn states(stages: &[Stage]) -> String {
    stages
        .iter()
        .map(|stage| match stage.state {
            StageState::Waiting => '.',
            StageState::Progressing => '>',
            StageState::Holding => 'h',
            StageState::Ready => '?',
            StageState::Passed => '+',
            StageState::Failed => '!',
            StageState::RolledBack => '<',
        })
        .collect()
}

#[test]
fn each_strategy_has_its_stages() {
    let bare = |mut object: Value| {
        object["spec"]["analysis"]["webhooks"] = json!([]);
        object
    };
    let skipped = |mut object: Value| {
        object["spec"]["skipAnalysis"] = json!(true);
        object
    };
    for (object, expected) in [
        (
            samples::weights(),
            "confirm-rollout start weight-10 weight-20 weight-30 weight-40 weight-50 confirm-promotion promotion",
        ),
        (bare(samples::weights()), "start weight-10 weight-20 weight-30 weight-40 weight-50 promotion"),
        (samples::ab_testing(), "confirm-rollout start check-1 check-2 check-3 check-4 confirm-promotion promotion"),
        (
            samples::blue_green(),
            "confirm-rollout start check-1 check-2 check-3 check-4 confirm-promotion full promotion",
        ),
        (bare(samples::kubernetes()), "start check-1 check-2 check-3 check-4 promotion"),
        // A confirm-rollout gate is asked all the same.
        (skipped(samples::weights()), "confirm-rollout start promotion"),
    ] {
        let (stages, _) = read(&object, &[]);
        assert_eq!(names(&stages).join(" "), expected);
    }
    let mut many = bare(samples::kubernetes());
    many["spec"]["analysis"]["iterations"] = json!(50);
    let (stages, _) = read(&many, &[]);
    assert_eq!(names(&stages)[..3], ["start", "checks-1-3", "checks-4-6"]);
    assert_eq!(stages[17].name.as_str(), "checks-49-50");
    many["spec"]["analysis"]["iterations"] = json!(i64::MAX);
    assert!(read(&many, &[]).0.len() <= 25, "absurd numbers make no more stages");
}

#[test]
fn a_release_is_in_the_stage_that_its_share_or_its_checks_say() {
    let with = |mut object: Value, weight: i64, iterations: i64| {
        object["status"]["canaryWeight"] = json!(weight);
        object["status"]["iterations"] = json!(iterations);
        object
    };
    for (object, current, expected) in [
        (with(samples::weights(), 0, 0), "start", "+>......."),
        (with(samples::weights(), 10, 0), "weight-10", "++>......"),
        (with(samples::weights(), 50, 0), "weight-50", "++++++>.."),
        // Of another plan than the present one.
        (with(samples::weights(), 35, 0), "weight-30", "++++>...."),
        (with(samples::weights(), 5, 0), "weight-10", "++>......"),
        (with(samples::ab_testing(), 0, 0), "start", "+>......"),
        (with(samples::ab_testing(), 0, 3), "check-3", "++++>..."),
        (with(samples::blue_green(), 0, 4), "check-4", "+++++>..."),
        (with(samples::blue_green(), 0, 5), "full", "+++++++>."),
    ] {
        let (stages, now) = read(&object, &[]);
        assert_eq!((now.unwrap().as_str(), states(&stages).as_str()), (current, expected));
    }
}

#[test]
fn each_phase_has_its_stage() {
    for (phase, current, expected) in [
        ("", None, "........."),
        ("Initializing", None, "........."),
        ("Initialized", None, "........."),
        ("Waiting", Some("confirm-rollout"), "?........"),
        ("Progressing", Some("weight-20"), "+++>....."),
        ("WaitingPromotion", Some("confirm-promotion"), "+++++++?."),
        ("Promoting", Some("promotion"), "++++++++>"),
        ("Finalising", Some("promotion"), "++++++++>"),
        ("Succeeded", None, "+++++++++"),
        ("Failed", None, "........."),
        ("Terminating", None, "........."),
        ("Terminated", None, "........."),
    ] {
        let (stages, now) = read(&samples::in_phase(samples::weights(), phase), &[]);
        assert_eq!((now.as_ref().map(StageName::as_str), states(&stages).as_str()), (current, expected), "{phase}");
    }
}

#[test]
fn where_a_failed_release_came_to_is_told_by_its_events_and_not_guessed() {
    let failed = samples::in_phase(samples::weights(), "Failed");
    let far = [
        samples::event(60, "Advance basket.shop canary weight 10"),
        samples::event(90, "Advance basket.shop canary weight 20"),
        samples::event(120, "Halt basket.shop advancement success rate 90.00% < 99%"),
        samples::event(300, "Rolling back basket.shop failed checks threshold reached 5"),
    ];
    let (stages, current) = read(&failed, &far);
    assert_eq!((states(&stages).as_str(), current), ("<<<!.....", None));
    assert_eq!(stages[3].entered_at.unwrap().format("%T").to_string(), "10:01:30");
    assert_eq!(stages[3].finished_at.unwrap().format("%T").to_string(), "10:05:00");
    let gates = stages[3].gates();
    assert_eq!(gate(gates, "request-success-rate").state, GateState::Breached);
    assert_eq!(gate(gates, "failed-checks").detail.as_str(), "failed checks threshold reached 5");
    // Later Events may have been dropped with the ones of its end.
    assert_eq!(states(&read(&failed, &far[..2]).0), ".........");
    let early = [samples::event(300, "Rolling back basket.shop progress deadline exceeded deployment stuck")];
    assert_eq!(states(&read(&failed, &early).0), "<!.......");
}

fn gate<'a>(gates: &'a [Gate], name: &str) -> &'a Gate {
    gates.iter().find(|gate| gate.name.as_str() == name).unwrap_or_else(|| panic!("{name}: {gates:?}"))
}

#[test]
fn gates_say_what_a_no_means_and_never_an_address_with_its_secrets() {
    let object = samples::weights();
    let (stages, _) = read(
        &object,
        &[
            samples::event(61, "Confirm-traffic-increase check more passed"),
            samples::event(62, "Halt basket.shop advancement queue depth 120.00 > 100"),
            samples::event(62, "Rollback hook panic not signaling a rollback"),
        ],
    );
    let here = stages.iter().find(|stage| stage.name.as_str() == "weight-20").unwrap().gates();
    for (name, state, expression, detail) in [
        (
            "request-success-rate",
            GateState::Unknown,
            "request-success-rate >= 99 over 1m",
            "not told: Flagger stops at the first check that fails",
        ),
        ("queue-depth", GateState::NotYet, "queue depth <= 100 over 1m", "queue depth 120.00 > 100 at 10:01:02"),
        (
            "rollout-load",
            GateState::Unknown,
            "http://loadtester.test/: a no is a failed check",
            "its answer is not told",
        ),
        (
            "confirm-traffic-increase-more",
            GateState::Pass,
            "http://loadtester.test/gate/check: while it says no, the share stays as it is",
            "said yes at 10:01:01",
        ),
        (
            "rollback-panic",
            GateState::Pass,
            "http://loadtester.test/rollback/check: a yes rolls it back",
            "asked for no rollback at 10:01:02",
        ),
        ("failed-checks", GateState::Pass, "failed checks < 5", "0 of 5 failed"),
    ] {
        let gate = gate(here, name);
        assert_eq!((gate.state, gate.expression.as_str(), gate.detail.as_str()), (state, expression, detail), "{name}");
    }
    let start = stages.iter().find(|stage| stage.name.as_str() == "start").unwrap().gates();
    assert_eq!(
        gate(start, "pre-rollout-smoke").expression.as_str().split(": ").next(),
        Some("http://loadtester.test/")
    );
    // The same checks are not told again of each share.
    assert!(
        stages
            .iter()
            .filter(|stage| stage.name.as_str().starts_with("weight-"))
            .filter(|stage| !stage.gates().is_empty())
            .count()
            == 1
    );
}

#[test]
fn what_passed_before_a_check_failed_is_not_said_to_pass_now() {
    let mut object = samples::weights();
    let on = [samples::event(90, "Advance basket.shop canary weight 20")];
    let state = |object: &Value| {
        let (stages, _) = read(object, &on);
        gate(stages[3].gates(), "request-success-rate").state
    };
    assert_eq!(state(&object), GateState::Pass);
    // The Event of the failure was dropped; the status was written all the same, half a minute later.
    object["status"]["failedChecks"] = json!(1);
    assert_eq!(state(&object), GateState::Unknown);
    object["status"]["lastTransitionTime"] = json!(samples::time(90));
    assert_eq!(state(&object), GateState::Pass, "one that failed before it went on");
}

#[test]
fn the_gate_that_a_phase_waits_for_says_no_where_there_is_only_one() {
    let object = samples::in_phase(samples::weights(), "WaitingPromotion");
    let (stages, _) = read(&object, &[]);
    let gates = stages.iter().find(|stage| stage.name.as_str() == "confirm-promotion").unwrap().gates();
    assert_eq!(gate(gates, "confirm-promotion-sign").state, GateState::NotYet);
    let mut two = object;
    two["spec"]["analysis"]["webhooks"]
        .as_array_mut()
        .unwrap()
        .push(json!({"name": "sign", "type": "confirm-promotion"}));
    let (stages, _) = read(&two, &[]);
    let gates = stages.iter().find(|stage| stage.name.as_str() == "confirm-promotion").unwrap().gates();
    assert_eq!(gate(gates, "confirm-promotion-sign").state, GateState::Unknown);
    assert_eq!(
        gate(gates, "confirm-promotion-sign.2").expression.as_str().split(": ").next(),
        Some("an address that cannot be read")
    );
}

#[test]
fn a_gate_for_more_traffic_that_says_no_waits_for_a_person() {
    let events = [samples::event(70, "Halt basket.shop advancement waiting for traffic increase approval more")];
    let (stages, current) = read(&samples::weights(), &events);
    assert_eq!((states(&stages).as_str(), current.unwrap().as_str()), ("+++?.....", "weight-20"));
}
