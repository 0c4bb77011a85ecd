//! Canaries and their objects for tests, as Flagger 1.36 leaves them.

use serde_json::{Value, json};

/// When the release began.
pub const BEGUN: &str = "2026-05-01T10:00:00Z";

/// A canary by weights, at 20 of 50 %, with one hook of each kind but events.
pub fn weights() -> Value {
    json!({
        "apiVersion": "flagger.app/v1beta1",
        "kind": "Canary",
        "metadata": {
            "name": "basket", "namespace": "shop", "uid": "c-1", "generation": 3, "resourceVersion": "71",
            "creationTimestamp": "2026-04-01T08:00:00Z", "labels": {"team": "checkout"}
        },
        "spec": {
            "provider": "istio",
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "basket"},
            "service": {"port": 80},
            "analysis": {
                "interval": "30s", "threshold": 5, "maxWeight": 50, "stepWeight": 10,
                "metrics": [
                    {"name": "request-success-rate", "thresholdRange": {"min": 99}, "interval": "1m"},
                    {"name": "queue depth", "templateRef": {"name": "queue"}, "thresholdRange": {"max": 100}},
                ],
                "webhooks": [
                    {"name": "ask", "type": "confirm-rollout", "url": "http://loadtester.test/gate/check"},
                    {"name": "smoke", "type": "pre-rollout", "url": "http://user:secret@loadtester.test/?token=secret"},
                    {"name": "load", "url": "http://loadtester.test/"},
                    {"name": "more", "type": "confirm-traffic-increase", "url": "http://loadtester.test/gate/check"},
                    {"name": "sign", "type": "confirm-promotion", "url": "http://loadtester.test/gate/check"},
                    {"name": "panic", "type": "rollback", "url": "http://loadtester.test/rollback/check"},
                    {"name": "tell", "type": "post-rollout", "url": "http://loadtester.test/"},
                ]
            }
        },
        "status": {
            "phase": "Progressing", "canaryWeight": 20, "failedChecks": 0, "iterations": 0,
            "lastAppliedSpec": "7666bfb85f", "lastPromotedSpec": "5b4554b4d", "lastTransitionTime": "2026-05-01T10:02:00Z",
            "trackedConfigs": {}, "conditions": [condition("Progressing", "Unknown", "2026-05-01T10:01:00Z", BEGUN)]
        }
    })
}

/// A/B testing, after the second of four checks.
pub fn ab_testing() -> Value {
    let mut canary = weights();
    let analysis = &mut canary["spec"]["analysis"];
    analysis["iterations"] = json!(4);
    analysis["match"] = json!([{"headers": {"x-canary": {"exact": "insider"}}}]);
    canary["status"]["canaryWeight"] = json!(0);
    canary["status"]["iterations"] = json!(2);
    canary
}

/// Blue-green behind a mesh, after the second of four checks.
pub fn blue_green() -> Value {
    let mut canary = ab_testing();
    canary["spec"]["analysis"].as_object_mut().unwrap().remove("match");
    canary
}

/// Blue-green with nothing that splits traffic, after the second of four checks.
pub fn kubernetes() -> Value {
    let mut canary = blue_green();
    canary["spec"]["provider"] = json!("kubernetes");
    canary
}

/// The same in another phase, as Flagger writes it: since when, and with shares and checks set back.
pub fn in_phase(mut canary: Value, phase: &str) -> Value {
    let status = match phase {
        "Initialized" | "Succeeded" => "True",
        "Failed" => "False",
        _ => "Unknown",
    };
    let at = "2026-05-01T10:05:00Z";
    let since = if status == "Unknown" { BEGUN } else { at };
    let checks = canary["spec"]["analysis"]["iterations"].as_i64().unwrap_or(0);
    let written = &mut canary["status"];
    written["conditions"] = json!([condition(phase, status, at, since)]);
    written["phase"] = json!(phase);
    if phase != "Progressing" && phase != "Waiting" {
        written["canaryWeight"] = json!(0);
        written["iterations"] = json!(if phase == "WaitingPromotion" { checks - 1 } else { 0 });
    }
    if phase == "Initialized" || phase == "Succeeded" {
        written["lastPromotedSpec"] = written["lastAppliedSpec"].clone();
    }
    canary
}

fn condition(phase: &str, status: &str, updated: &str, since: &str) -> Value {
    json!({"type": "Promoted", "status": status, "reason": phase, "message": "As Flagger says.",
        "lastUpdateTime": updated, "lastTransitionTime": since})
}

/// An Event of Flagger's about it, so many seconds after 10:00.
pub fn event(second: u32, text: &str) -> Value {
    json!({
        "metadata": {"name": format!("basket.{second}"), "namespace": "shop"},
        "involvedObject": {"kind": "Canary", "name": "basket", "namespace": "shop", "uid": "c-1"},
        "type": if text.starts_with("Halt") { "Warning" } else { "Normal" }, "reason": "Synced", "message": text, "count": 1,
        "source": {"component": "flagger"}, "lastTimestamp": time(second),
    })
}

/// A time so many seconds after 10:00.
pub fn time(second: u32) -> String {
    format!("2026-05-01T10:{:02}:{:02}Z", second / 60, second % 60)
}

/// A deployment with so many of its pods available.
pub fn deployment(name: &str, image: &str, available: u32, desired: u32) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": "shop", "uid": format!("d-{name}"), "generation": 2,
            "creationTimestamp": "2026-04-01T08:00:00Z", "annotations": {"deployment.kubernetes.io/revision": "2"}},
        "spec": {"replicas": desired, "template": {"spec": {"containers": [{"name": "main", "image": image}]}}},
        "status": {"observedGeneration": 2, "replicas": desired, "updatedReplicas": desired,
            "readyReplicas": available, "availableReplicas": available},
    })
}

/// A replica set of a deployment, made so many seconds after 10:00.
pub fn replica_set(of: &str, hash: &str, revision: u32, second: u32, replicas: u32) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {"name": format!("{of}-{hash}"), "namespace": "shop", "uid": format!("r-{hash}"), "generation": 1,
            "creationTimestamp": time(second), "labels": {"pod-template-hash": hash},
            "annotations": {"deployment.kubernetes.io/revision": revision.to_string()},
            "ownerReferences": [{"kind": "Deployment", "name": of, "uid": format!("d-{of}"), "controller": true}]},
        "spec": {"replicas": replicas, "template": {"spec": {"containers": [{"name": "main", "image": format!("basket:{hash}")}]}}},
        "status": {"observedGeneration": 1, "replicas": replicas, "readyReplicas": replicas, "availableReplicas": replicas},
    })
}

/// A pod of a replica set.
pub fn pod(of: &str, name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "uid": format!("p-{name}"), "creationTimestamp": BEGUN,
            "ownerReferences": [{"kind": "ReplicaSet", "name": of, "uid": format!("r-{of}"), "controller": true}]},
        "spec": {"containers": [{"name": "main"}]},
        "status": {"phase": "Running", "containerStatuses": [{"name": "main", "ready": true, "restartCount": 0, "state": {"running": {}}}]},
    })
}

/// Any JSON, with the fields that are read of a Canary and its objects in it.
pub fn any_value() -> impl proptest::strategy::Strategy<Value = Value> {
    use proptest::{
        prelude::{Just, any, prop},
        prop_oneof,
        strategy::Strategy as _,
    };
    let field = prop::sample::select(
        &[
            "metadata",
            "spec",
            "status",
            "analysis",
            "canaryAnalysis",
            "targetRef",
            "name",
            "namespace",
            "kind",
            "phase",
            "stepWeights",
            "stepWeight",
            "maxWeight",
            "iterations",
            "metrics",
            "webhooks",
            "match",
            "thresholdRange",
            "min",
            "conditions",
            "type",
            "url",
            "canaryWeight",
            "failedChecks",
            "interval",
            "threshold",
            "suspend",
            "provider",
            "reason",
            "lastUpdateTime",
            "lastTransitionTime",
            "message",
            "involvedObject",
            "lastTimestamp",
            "template",
            "containers",
            "image",
            "replicas",
            "availableReplicas",
            "ownerReferences",
            "uid",
            "trackedConfigs",
        ][..],
    );
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        prop::sample::select(
            &[
                "Progressing",
                "Failed",
                "WaitingPromotion",
                "10s",
                "kubernetes",
                "Canary",
                "basket",
                "Promoted",
                BEGUN,
                "Unknown"
            ][..]
        )
        .prop_map(Value::from),
        Just(Value::from("Halt basket.shop advancement success rate 1% < 2%")),
    ];
    leaf.prop_recursive(4, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(field.clone().prop_map(str::to_owned), inner, 0..8)
                .prop_map(|map| map.into_iter().collect()),
        ]
    })
}
