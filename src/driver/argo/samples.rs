//! Rollouts for tests, as a controller of 1.9 leaves them.

use serde_json::{Value, json};

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
