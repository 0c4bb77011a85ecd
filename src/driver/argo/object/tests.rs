use serde_json::json;

use super::{
    super::samples::{blue_green, canary, with},
    *,
};

#[test]
fn a_canary_is_read_with_its_plan_and_what_the_controller_says() {
    let rollout = Rollout::read(&canary());
    assert!(rollout.missing.is_empty(), "{:?}", rollout.missing);
    assert_eq!((rollout.revision_number(), rollout.replicas, rollout.paused), (2, 5, false));
    assert_eq!(rollout.steps().len(), 5);
    assert_eq!(rollout.step().map(Step::line).as_deref(), Some("pause"));
    assert_eq!((rollout.status.pod_hash.as_str(), rollout.status.stable_hash.as_str()), ("6f8c7", "d41d8"));
    assert!(!rollout.is_fully_promoted());
    assert_eq!(rollout.images, [SafeText::new("registry.example/basket:1.5.0")]);
    assert_eq!(rollout.selector, "app=basket");
    assert_eq!(rollout.status.pauses[0].reason, "CanaryPauseStep");
    assert!(rollout.status.controller_pause && rollout.status.present);
    assert_eq!(rollout.condition("Paused").unwrap().reason, "RolloutPaused");
}

#[test]
fn a_blue_green_rollout_is_read_by_its_spec_though_both_strategies_have_a_status() {
    let rollout = Rollout::read(&blue_green());
    let Strategy::BlueGreen(plan) = &rollout.strategy else { panic!("{:?}", rollout.strategy) };
    assert!(!plan.auto_promotion);
    assert_eq!(plan.pre_promotion.as_deref(), Some(&[SafeText::new("smoke")][..]));
    assert_eq!(rollout.status.active_hash, "d41d8");
    assert!(rollout.status.pre_promotion_run.unwrap().is_completed());
    assert!(rollout.status.step_index.is_none());
    let silent = with(blue_green(), "/spec/strategy/blueGreen/autoPromotionEnabled", json!(null));
    let Strategy::BlueGreen(plan) = Rollout::read(&silent).strategy else { panic!() };
    assert!(plan.auto_promotion, "it switches by itself unless somebody says no");
}

#[test]
fn what_cannot_be_read_is_named_and_hides_nothing_else() {
    for (pointer, value, field) in [
        ("/spec/paused", json!("yes"), "spec.paused"),
        ("/spec/replicas", json!(-3), "spec.replicas"),
        ("/spec/replicas", json!(1e300), "spec.replicas"),
        ("/spec/restartAt", json!("soon"), "spec.restartAt"),
        ("/spec/strategy", json!({"canary": 7}), "spec.strategy.canary"),
        ("/spec/strategy", json!({}), "spec.strategy"),
        ("/spec/strategy/canary/steps", json!({"setWeight": 20}), "spec.strategy.canary.steps"),
        ("/spec/strategy/canary/steps/1", json!({"setWait": 2}), "spec.strategy.canary.steps[1]"),
        ("/status", json!("Healthy"), "status"),
        ("/status/phase", json!(["Healthy"]), "status.phase"),
        ("/status/abort", json!(1), "status.abort"),
        ("/status/currentStepIndex", json!(99_999_999_999_i64), "status.currentStepIndex"),
        ("/status/pauseConditions", json!("none"), "status.pauseConditions"),
        ("/status/canary", json!({"weights": {"canary": {"weight": "a lot"}}}), "status.canary.weights.canary.weight"),
        ("/metadata/generation", json!(null), "metadata.generation"),
        ("/metadata/uid", json!(null), "metadata.uid"),
    ] {
        let rollout = Rollout::read(&with(canary(), pointer, value.clone()));
        assert!(
            rollout.missing.iter().any(|missing| missing.as_str() == field),
            "{pointer} {value}: {:?}",
            rollout.missing
        );
        assert_eq!(rollout.meta.name, "basket", "{pointer}");
        assert_eq!(rollout.images.len(), 1, "{pointer}");
    }
}

#[test]
fn no_shape_at_all_is_read_as_nothing() {
    for object in [json!(null), json!([]), json!("Rollout"), json!({"spec": [], "status": null, "metadata": 3})] {
        let rollout = Rollout::read(&object);
        assert_eq!(rollout.strategy, Strategy::Unknown);
        assert_eq!((rollout.replicas, rollout.status.present), (1, false));
        assert!(rollout.missing.iter().any(|field| field.as_str() == "metadata.name"), "{:?}", rollout.missing);
    }
}

#[test]
fn what_routes_the_traffic_is_named() {
    for (routing, name) in [
        (json!({"istio": {"virtualService": {"name": "v"}}}), "istio"),
        (json!({"managedRoutes": [], "maxTrafficWeight": 1000, "nginx": {}}), "nginx"),
        (json!({"plugins": {"argoproj-labs/gatewayAPI": {}}}), "argoproj-labs/gatewayAPI"),
        (json!({}), ""),
    ] {
        let rollout = Rollout::read(&with(canary(), "/spec/strategy/canary/trafficRouting", routing.clone()));
        let Strategy::Canary(plan) = rollout.strategy else { panic!() };
        assert_eq!(plan.router.as_ref().map(SafeText::as_str), Some(name), "{routing}");
        assert_eq!(plan.max_weight, if routing["maxTrafficWeight"].is_null() { 100 } else { 1000 });
    }
}

#[test]
fn a_rollout_that_refers_to_a_workload_has_no_template_of_its_own() {
    let reference = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "basket", "scaleDown": "onsuccess"});
    let object = with(with(canary(), "/spec/template", json!(null)), "/spec/workloadRef", reference);
    let rollout = Rollout::read(&object);
    assert_eq!(rollout.workload.unwrap().name, "basket");
    assert!(rollout.images.is_empty() && rollout.missing.is_empty());
}

#[test]
fn the_plan_changes_with_strategy_and_template_and_with_nothing_else() {
    let plan = |object: Value| Rollout::read(&object).plan;
    let now = plan(canary());
    assert_eq!(now, plan(with(canary(), "/spec/replicas", json!(50))));
    assert_eq!(now, plan(with(canary(), "/status/phase", json!("Healthy"))));
    assert_ne!(now, plan(with(canary(), "/spec/strategy/canary/steps/0/setWeight", json!(25))));
    assert_ne!(now, plan(with(canary(), "/spec/template/spec/containers/0/image", json!("x:2"))));
}
