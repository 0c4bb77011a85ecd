//! What is read of a Canary: strategies, shares, defaults, and objects of no shape.

use proptest::{
    prelude::{any, prop},
    prop_assert, proptest,
};
use serde_json::json;

use super::*;
use crate::driver::flagger::samples;

fn canary(spec: Value, status: Value) -> Canary {
    let mut object = json!({"metadata": {"name": "shop", "namespace": "test"}});
    object["spec"] = spec;
    object["status"] = status;
    Canary::read(&object)
}

fn analysed(analysis: Value) -> Canary {
    let mut spec = json!({"targetRef": {"kind": "Deployment", "name": "shop"}});
    spec["analysis"] = analysis;
    canary(spec, json!({}))
}

#[test]
fn the_strategy_follows_from_what_is_set() {
    for (spec, strategy, iterations) in [
        (json!({"analysis": {"stepWeight": 10}}), Strategy::Weights, 0),
        (json!({"analysis": {"iterations": 5}}), Strategy::BlueGreen, 5),
        (json!({"analysis": {"iterations": 5, "match": [{"headers": {}}]}}), Strategy::AbTesting, 5),
        // Without a number of checks, rules of A/B testing are ignored.
        (json!({"analysis": {"stepWeight": 10, "match": [{"headers": {}}]}}), Strategy::Weights, 0),
        (json!({"provider": "kubernetes", "analysis": {"stepWeight": 10}}), Strategy::BlueGreen, 10),
        (json!({"provider": "kubernetes", "analysis": {"iterations": 3, "match": [{}]}}), Strategy::BlueGreen, 3),
        (json!({"provider": "istio", "canaryAnalysis": {"iterations": 3.0}}), Strategy::BlueGreen, 3),
        (json!({"analysis": {"iterations": 3}, "skipAnalysis": true}), Strategy::Skipped, 0),
        (json!({}), Strategy::Skipped, 0),
        (json!({"analysis": "often"}), Strategy::Skipped, 0),
    ] {
        let canary = canary(spec.clone(), json!({}));
        assert_eq!((canary.strategy(), canary.iterations()), (strategy, iterations), "{spec}");
    }
}

#[test]
fn shares_of_traffic_grow_as_the_controller_makes_them_grow() {
    for (analysis, weights) in [
        (json!({"stepWeight": 20, "maxWeight": 60}), vec![20, 40, 60]),
        // The last step is whole, also beyond the greatest share.
        (json!({"stepWeight": 30, "maxWeight": 50}), vec![30, 60]),
        (json!({"stepWeight": 40}), vec![40, 80, 100]),
        (json!({"stepWeights": [1, 5, 20.0, "50"]}), vec![1, 5, 20, 50]),
        (json!({"stepWeights": [10, 150]}), vec![10, 100]),
        // Steps by a fixed weight win, up to the last of the list.
        (json!({"stepWeight": 25, "stepWeights": [10, 60]}), vec![25, 50, 75]),
        // These never get anywhere.
        (json!({}), vec![]),
        (json!({"stepWeight": -5}), vec![]),
        (json!({"stepWeights": [10, 10, 20]}), vec![10]),
        (json!({"stepWeights": [0, 10]}), vec![]),
    ] {
        assert_eq!(analysed(analysis.clone()).weights(), weights, "{analysis}");
    }
}

#[test]
fn what_is_not_said_is_what_the_controller_takes_it_for() {
    let canary = analysed(
        json!({"interval": "1s", "threshold": -3, "metrics": [{"name": "errors"}], "webhooks": [{"name": "load"}]}),
    );
    assert_eq!(canary.interval(), Duration::from_secs(10));
    assert_eq!(canary.threshold(), 1);
    assert_eq!((canary.service.as_str(), canary.primary().as_str()), ("shop", "shop-primary"));
    assert_eq!(canary.progress_deadline, 600);
    let analysis = canary.analysis.unwrap();
    assert_eq!(analysis.metrics[0].interval.as_str(), "1m");
    assert_eq!(analysis.webhooks[0].hook, Hook::Rollout);
    assert_eq!(analysed(json!({"interval": "soon"})).interval(), Duration::from_mins(1));
    assert_eq!(Canary::read(&json!({})).interval(), Duration::from_mins(1));
}

#[test]
fn traffic_that_is_still_split_is_not_called_none_because_the_status_says_0() {
    let weights = json!({"targetRef": {"name": "shop"}, "analysis": {"stepWeight": 10, "maxWeight": 50}});
    let ab = json!({"targetRef": {"name": "shop"}, "analysis": {"iterations": 4, "match": [{"headers": {}}]}});
    let blue = json!({"targetRef": {"name": "shop"}, "analysis": {"iterations": 4}});
    let local = json!({"provider": "kubernetes", "targetRef": {"name": "shop"}, "analysis": {"iterations": 4}});
    for (spec, status, split) in [
        (&weights, json!({"phase": "Progressing", "canaryWeight": 30.0}), Split::Status(30)),
        (&weights, json!({"phase": "Progressing"}), Split::Status(0)),
        (&weights, json!({"phase": "WaitingPromotion", "canaryWeight": 0, "iterations": -1}), Split::Plan(50)),
        (&weights, json!({"phase": "Promoting"}), Split::Plan(50)),
        (&weights, json!({"phase": "Promoting", "canaryWeight": 20}), Split::Status(20)),
        (&weights, json!({"phase": "Finalising"}), Split::None),
        (&weights, json!({"phase": "Failed"}), Split::None),
        (&ab, json!({"phase": "Progressing", "iterations": 2}), Split::Matching),
        (&ab, json!({"phase": "Progressing", "iterations": 0}), Split::None),
        (&ab, json!({"phase": "WaitingPromotion", "iterations": 3}), Split::Matching),
        (&blue, json!({"phase": "Progressing", "iterations": 2}), Split::None),
        (&blue, json!({"phase": "Progressing", "iterations": 5}), Split::Plan(100)),
        (&blue, json!({"phase": "WaitingPromotion", "iterations": 3}), Split::None),
        (&local, json!({"phase": "Progressing", "iterations": 5}), Split::None),
        (&local, json!({"phase": "Promoting"}), Split::None),
        (&weights, json!({"phase": 7}), Split::None),
    ] {
        assert_eq!(canary(spec.clone(), status.clone()).split(), split, "{spec} {status}");
    }
}

#[test]
fn a_phase_that_is_none_of_flaggers_is_said_with_its_field() {
    for (status, said) in [
        (json!({"phase": "Dancing"}), "status.phase is \"Dancing\", which is no phase of Flagger's"),
        (json!({"phase": ["Failed"]}), "status.phase is no text"),
    ] {
        assert_eq!(canary(json!({}), status).status.phase.unwrap_err().as_str(), said);
    }
    for phase in CanaryPhase::ALL {
        assert_eq!(canary(json!({}), json!({"phase": phase.as_str()})).status.phase, Ok(phase));
    }
    assert_eq!(Canary::read(&json!({})).status.phase, Ok(CanaryPhase::New));
}

#[test]
fn since_when_it_is_in_its_phase_is_not_when_the_status_was_last_written() {
    let status = json!({
        "phase": "Failed", "lastTransitionTime": "2026-05-01T12:34:00Z",
        "conditions": [{"type": "Promoted", "status": "False", "reason": "Failed", "lastUpdateTime": "2026-05-01T09:00:00Z",
            "message": "Canary analysis failed, Deployment scaled to zero."}],
    });
    let read = canary(json!({}), status.clone()).status;
    assert_eq!(read.phase_since.unwrap().to_rfc3339(), "2026-05-01T09:00:00+00:00");
    assert_eq!(read.written_at.unwrap().to_rfc3339(), "2026-05-01T12:34:00+00:00");
    let mut other = status;
    other["phase"] = json!("Progressing");
    assert_eq!(canary(json!({}), other).status.phase_since, None, "the condition is of another phase");
}

#[test]
fn rules_of_a_b_testing_are_read_on_one_line() {
    let canary = analysed(json!({"iterations": 1, "match": [
        {"headers": {"x-canary": {"exact": "insider"}}, "port": 80}, "\u{1b}[2J",
    ]}));
    let analysis = canary.analysis.unwrap();
    assert_eq!(analysis.matches[0].as_str(), "headers.x-canary.exact = insider, port = 80");
    assert!(!analysis.matches[1].as_str().contains('\u{1b}'));
}

proptest! {
    #[test]
    fn no_object_makes_it_panic(object in samples::any_value()) {
        let canary = Canary::read(&object);
        let _ = (canary.strategy(), canary.iterations(), canary.split(), canary.primary());
        prop_assert!(canary.weights().len() <= 100);
        prop_assert!(canary.threshold() >= 1);
    }

    #[test]
    fn shares_only_grow_and_stay_within_all_of_the_traffic(
        step in any::<i64>(), max in any::<i64>(), steps in prop::collection::vec(any::<i64>(), 0..6),
    ) {
        let weights = analysed(json!({"stepWeight": step, "maxWeight": max, "stepWeights": steps})).weights();
        prop_assert!(weights.windows(2).all(|pair| pair[0] < pair[1]), "{weights:?}");
        prop_assert!(weights.iter().all(|weight| (1..=100).contains(weight)), "{weights:?}");
    }
}
