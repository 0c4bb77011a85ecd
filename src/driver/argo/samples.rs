//! Rollouts for tests, as a controller of 1.9 leaves them.

use serde_json::{Value, json};

use crate::{
    domain::SafeText,
    driver::kubernetes::{children::Children, request::Kind},
};

/// A canary that waits for somebody at its second step: 1 of 5 pods is new.
pub fn canary() -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {
            "name": "basket", "namespace": "shop", "uid": "r-1", "generation": 4, "resourceVersion": "77",
            "creationTimestamp": "2026-05-01T08:00:00Z",
            "labels": {"app.kubernetes.io/part-of": "web-shop"},
            "annotations": {"rollout.argoproj.io/revision": "2"}
        },
        "spec": {
            "replicas": 5,
            "selector": {"matchLabels": {"app": "basket"}},
            "strategy": {"canary": {"steps": [
                {"setWeight": 20}, {"pause": {}}, {"setWeight": 60}, {"pause": {"duration": "10m"}},
                {"analysis": {"templates": [{"templateName": "success-rate"}]}}
            ]}},
            "template": {
                "metadata": {"labels": {"app": "basket"}},
                "spec": {"containers": [{"name": "basket", "image": "registry.example/basket:1.5.0"}]}
            }
        },
        "status": {
            "phase": "Paused", "message": "CanaryPauseStep", "observedGeneration": "4",
            "currentStepIndex": 1, "currentStepHash": "5f6d8", "currentPodHash": "6f8c7", "stableRS": "d41d8",
            "controllerPause": true,
            "pauseConditions": [{"reason": "CanaryPauseStep", "startTime": "2026-05-01T10:00:00Z"}],
            "replicas": 5, "updatedReplicas": 1, "readyReplicas": 5, "availableReplicas": 5, "HPAReplicas": 5,
            "selector": "app=basket", "blueGreen": {}, "canary": {},
            "conditions": [
                {"type": "Available", "status": "True", "reason": "AvailableReason", "message": "Rollout has minimum availability",
                 "lastUpdateTime": "2026-05-01T08:01:00Z", "lastTransitionTime": "2026-05-01T08:01:00Z"},
                {"type": "Paused", "status": "True", "reason": "RolloutPaused", "message": "Rollout is paused",
                 "lastUpdateTime": "2026-05-01T10:00:00Z", "lastTransitionTime": "2026-05-01T10:00:00Z"},
                {"type": "Progressing", "status": "Unknown", "reason": "RolloutPaused", "message": "Rollout is paused",
                 "lastUpdateTime": "2026-05-01T10:00:00Z", "lastTransitionTime": "2026-05-01T10:00:00Z"}
            ]
        }
    })
}

/// A blue-green rollout whose new version waits for somebody behind the preview service.
pub fn blue_green() -> Value {
    let mut rollout = canary();
    rollout["spec"]["strategy"] = json!({"blueGreen": {
        "activeService": "basket", "previewService": "basket-preview", "autoPromotionEnabled": false,
        "prePromotionAnalysis": {"templates": [{"templateName": "smoke"}]},
        "postPromotionAnalysis": {"templates": [{"templateName": "success-rate"}]}
    }});
    rollout["status"]["message"] = json!("BlueGreenPause");
    rollout["status"]["pauseConditions"] = json!([{"reason": "BlueGreenPause", "startTime": "2026-05-01T10:00:00Z"}]);
    rollout["status"]["blueGreen"] = json!({
        "activeSelector": "d41d8", "previewSelector": "6f8c7",
        "prePromotionAnalysisRunStatus": {"name": "basket-6f8c7-2-pre", "status": "Successful"}
    });
    rollout["status"]["replicas"] = json!(10);
    rollout["status"]["updatedReplicas"] = json!(5);
    let status = rollout["status"].as_object_mut().unwrap();
    status.remove("currentStepIndex");
    status.remove("currentStepHash");
    rollout
}

/// Puts a value at a JSON pointer; null takes away what lies there.
pub fn with(mut object: Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let mut at = &mut object;
    for part in parent.split('/').skip(1) {
        at = match part.parse::<usize>() {
            Ok(index) if at.is_array() => &mut at[index],
            _ => &mut at[part],
        };
    }
    match (key.parse::<usize>(), value.is_null()) {
        (Ok(index), false) if at.is_array() => at[index] = value,
        (_, true) => {
            at.as_object_mut().map(|map| map.remove(key));
        }
        _ => at[key] = value,
    }
    object
}

/// The objects of [`canary`]: a replica set of each version, pods, and an analysis that runs beside the steps.
pub fn children() -> Children {
    let meta = |name: &str, uid: &str, owner: &str, number: u32, hash: &str, created: &str| {
        json!({"name": name, "namespace": "shop", "uid": uid, "generation": 1, "creationTimestamp": created,
            "labels": {"app": "basket", "rollouts-pod-template-hash": hash},
            "annotations": {"rollout.argoproj.io/revision": number.to_string()},
            "ownerReferences": [{"uid": owner, "kind": "Rollout", "name": "basket", "controller": true}]})
    };
    let set = |name: &str, uid: &str, number: u32, hash: &str, tag: &str, pods: u32, created: &str| {
        json!({"metadata": meta(name, uid, "r-1", number, hash, created),
            "spec": {"replicas": pods, "template": {"spec": {"containers": [{"image": format!("registry.example/basket:{tag}")}]}}},
            "status": {"observedGeneration": 1, "replicas": pods, "readyReplicas": pods, "availableReplicas": pods}})
    };
    let pod = |name: &str, owner: &str, hash: &str, created: &str| {
        json!({"metadata": meta(name, name, owner, 0, hash, created), "spec": {"containers": [{"name": "basket"}]},
            "status": {"phase": "Running", "containerStatuses": [{"ready": true, "restartCount": 0, "state": {"running": {}}}]}})
    };
    let mut run = json!({"metadata": meta("basket-6f8c7-2", "a-1", "r-1", 2, "6f8c7", "2026-05-01T10:00:00Z"),
    "spec": {"metrics": [{"name": "success-rate", "interval": "1m", "failureLimit": 3,
        "provider": {"prometheus": {"query": "up"}}, "successCondition": "result[0] >= 0.99"}]},
    "status": {"phase": "Running", "startedAt": "2026-05-01T10:00:00Z", "metricResults": [{
        "name": "success-rate", "phase": "Running", "successful": 2, "failed": 1, "count": 3,
        "measurements": [
            {"phase": "Successful", "value": "[0.9951]", "finishedAt": "2026-05-01T10:01:00Z"},
            {"phase": "Failed", "value": "[0.9869]", "finishedAt": "2026-05-01T10:02:00Z"},
            {"phase": "Successful", "value": "[0.9962]", "finishedAt": "2026-05-01T10:03:00Z"}
        ]}]}});
    run["metadata"]["labels"]["rollout-type"] = json!("Background");
    let objects = [
        (
            Kind::REPLICA_SET,
            vec![
                set("basket-6f8c7", "s-2", 2, "6f8c7", "1.5.0", 1, "2026-05-01T09:59:00Z"),
                set("basket-d41d8", "s-1", 1, "d41d8", "1.4.2", 4, "2026-05-01T08:00:00Z"),
            ],
        ),
        (
            Kind::POD,
            vec![
                pod("basket-6f8c7-a", "s-2", "6f8c7", "2026-05-01T09:59:01Z"),
                pod("basket-d41d8-a", "s-1", "d41d8", "2026-05-01T08:00:02Z"),
                pod("basket-d41d8-b", "s-1", "d41d8", "2026-05-01T08:00:01Z"),
            ],
        ),
        (Kind::ANALYSIS_RUN, vec![run]),
    ];
    Children { objects: objects.into_iter().collect(), remark: SafeText::default() }
}
