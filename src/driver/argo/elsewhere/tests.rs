use serde_json::{Value, json};

use super::*;
use crate::driver::argo::samples::{self, with};

fn at(object: &Value, changes: &[(&str, Value)]) -> Value {
    changes.iter().fold(object.clone(), |object, (pointer, value)| with(object, pointer, value.clone()))
}

/// The object, with somebody who wrote a field.
fn by(object: &Value, manager: &str, field: &str) -> Value {
    let (group, name) = field.split_once('.').unwrap();
    let fields = json!({format!("f:{group}"): {format!("f:{name}"): {}}});
    let entry = json!({"manager": manager, "time": "2026-05-01T12:00:00Z", "fieldsV1": fields});
    with(object.clone(), "/metadata/managedFields", json!([entry]))
}

fn found(before: &Value, after: &Value) -> Vec<(String, String)> {
    elsewhere(&Rollout::read(before), &Rollout::read(after))
        .into_iter()
        .map(|found| (found.what.as_str().to_owned(), found.by.as_str().to_owned()))
        .collect()
}

#[test]
fn what_somebody_else_did_is_told_with_who_wrote_it() {
    let waits = samples::canary();
    let running = at(
        &waits,
        &[
            ("/status/pauseConditions", Value::Null),
            ("/status/controllerPause", Value::Null),
            ("/status/currentStepIndex", json!(2)),
        ],
    );
    let aborted = at(&running, &[("/status/abort", json!(true)), ("/status/abortedAt", json!("2026-05-01T11:00:00Z"))]);
    let is = |value: bool| json!(value);
    for (before, changes, field, what) in [
        (&running, vec![("/spec/paused", is(true))], "spec.paused", "pause"),
        (&at(&running, &[("/spec/paused", is(true))]), vec![("/spec/paused", is(false))], "spec.paused", "resume"),
        (&running, vec![("/spec/restartAt", json!("2026-05-01T12:00:00Z"))], "spec.restartAt", "restart"),
        (&running, vec![("/spec/replicas", json!(9))], "spec.replicas", "scale"),
        (&running, vec![("/status/abort", is(true))], "status.abort", "abort"),
        (&aborted, vec![("/status/abort", is(false))], "status.abort", "retry"),
        (&running, vec![("/status/promoteFull", is(true))], "status.promoteFull", "promote_full"),
        (&running, vec![("/status/currentStepIndex", json!(3))], "status.currentStepIndex", "promote"),
        (&running, vec![("/status/currentPodHash", json!("7777"))], "spec.template", "new_revision"),
        (&running, vec![("/status/currentPodHash", json!("d41d8"))], "spec.template", "rollback"),
        (&running, vec![("/status/currentStepHash", json!("other"))], "spec.strategy", "new_plan"),
    ] {
        let after = at(before, &changes);
        let told = |manager: &str| found(before, &by(&after, manager, field));
        assert_eq!(told("kubectl-edit"), [(what.to_owned(), "kubectl-edit".to_owned())], "{what}");
        assert_eq!(told("kubectl-argo-rollouts"), [(what.to_owned(), "kubectl-argo-rollouts".to_owned())], "{what}");
        assert!(told("rolldeck").is_empty(), "{what}: our own");
        assert!(told("rolldeck/ana").is_empty(), "{what}: our own");
        if !field.starts_with("spec") {
            assert!(told("rollouts-controller").is_empty(), "{what}: the controller does that by itself");
        }
    }
}

#[test]
fn an_answer_to_a_pause_is_told_without_a_name_as_it_leaves_none() {
    let waits = samples::canary();
    let answered = at(&waits, &[("/status/pauseConditions", Value::Null)]);
    assert_eq!(found(&waits, &answered), [("promote".to_owned(), String::new())]);
    // Both writes seen as one: an endless pause does not end by itself.
    let next = at(&answered, &[("/status/controllerPause", Value::Null), ("/status/currentStepIndex", json!(2))]);
    assert_eq!(found(&waits, &next), [("promote".to_owned(), String::new())]);
    assert!(found(&answered, &next).is_empty(), "told once");
    let green = samples::blue_green();
    let switched = at(&green, &[("/status/pauseConditions", Value::Null), ("/status/controllerPause", Value::Null)]);
    assert_eq!(found(&green, &switched), [("promote".to_owned(), String::new())]);
}

#[test]
fn what_the_controller_does_by_itself_is_nothing_from_elsewhere() {
    let waits = samples::canary();
    let timed = at(&waits, &[("/status/currentStepIndex", json!(3))]);
    let over = at(
        &timed,
        &[
            ("/status/pauseConditions", Value::Null),
            ("/status/controllerPause", Value::Null),
            ("/status/currentStepIndex", json!(4)),
        ],
    );
    assert!(found(&timed, &over).is_empty(), "a pause of ten minutes is over");
    let gave_up = at(
        &waits,
        &[
            ("/status/abort", json!(true)),
            ("/status/abortedAt", json!("2026-05-01T11:00:00Z")),
            ("/status/pauseConditions", Value::Null),
            ("/status/currentStepIndex", json!(0)),
        ],
    );
    assert!(found(&waits, &gave_up).is_empty(), "nobody knows who: an analysis that failed writes the same");
    assert!(found(&waits, &by(&gave_up, "rollouts-controller", "status.abort")).is_empty());
    assert_eq!(found(&waits, &by(&gave_up, "kubectl-argo-rollouts", "status.abort")).len(), 1);
    let scaled = by(&at(&waits, &[("/spec/replicas", json!(9))]), "kube-controller-manager", "spec.replicas");
    assert!(found(&waits, &scaled).is_empty(), "scaled by load");
    let new = at(&waits, &[("/status", Value::Null)]);
    assert!(found(&new, &waits).is_empty(), "the first word of the controller");
    let other = at(&waits, &[("/metadata/uid", json!("r-2")), ("/spec/paused", json!(true))]);
    assert!(found(&waits, &other).is_empty(), "another one of the same name");
    assert!(found(&waits, &waits).is_empty());
}
