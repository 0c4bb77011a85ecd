//! What a rollout is made of, each as one object: replica sets, pods, analysis runs, experiments, events. Their fields
//! are those of the controllers of argo-rollouts v1.9.1 and Kubernetes 1.34; their content is our own.

use serde_json::{Value, json};

/// When everything of a test happened, unless it says otherwise.
pub const THEN: &str = "2026-01-01T00:00:00Z";

/// The hash of a pod template, as it is in labels and names: of letters and digits that a cluster uses.
pub fn pod_hash(template: &Value) -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    // FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv), as Kubernetes uses it for the same.
    let mut hash = template
        .to_string()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mut name = String::new();
    while name.len() < 10 {
        name.push(char::from(LETTERS[(hash % 27) as usize]));
        hash /= 27;
    }
    name
}

/// The template of pods with one container of that image.
pub fn template(app: &str, image: &str) -> Value {
    json!({"metadata": {"labels": {"app": app}}, "spec": {"containers": [{"name": "app", "image": image}]}})
}

/// What says that `owner` owns and controls an object.
pub fn owned_by(owner: &Value) -> Value {
    json!([{
        "apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"], "controller": true, "blockOwnerDeletion": true,
    }])
}

/// A replica set of a rollout, with so many pods of which so many are available.
pub fn replica_set(rollout: &Value, template: &Value, revision: u64, replicas: u64, available: u64) -> Value {
    let hash = pod_hash(template);
    let mut labels = template["metadata"]["labels"].clone();
    labels["rollouts-pod-template-hash"] = json!(hash);
    let mut template = template.clone();
    template["metadata"]["labels"] = labels.clone();
    let name = format!("{}-{hash}", rollout["metadata"]["name"].as_str().unwrap());
    json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": name, "namespace": rollout["metadata"]["namespace"], "uid": format!("uid-{name}"), "generation": 1,
            "creationTimestamp": THEN, "labels": labels, "ownerReferences": owned_by(rollout),
            "annotations": {
                "rollout.argoproj.io/revision": revision.to_string(),
                "rollout.argoproj.io/desired-replicas": rollout["spec"]["replicas"].as_u64().unwrap_or(1).to_string(),
            },
        },
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template},
        "status": scaled(replicas, available),
    })
}

/// Pods of the candidate and of the stable version at a weight of the candidate, as argo-rollouts v1.9.1 was seen to have
/// them without a router: of all there are, or of one more, the share that is nearest; each has one at least.
pub fn split(replicas: u64, weight: u64) -> (u64, u64) {
    if weight == 0 || replicas == 0 {
        return (0, replicas);
    }
    if weight >= 100 {
        return (replicas, 0);
    }
    let mut best: Option<(u64, (u64, u64))> = None;
    for all in [replicas, replicas + 1] {
        for candidate in [all * weight / 100, (all * weight).div_ceil(100)] {
            if all < 2 {
                continue;
            }
            let candidate = candidate.clamp(1, all - 1);
            // In thousandths of a percent.
            let off = (candidate * 100_000 / all).abs_diff(weight * 1000);
            if best.is_none_or(|(least, _)| off < least) {
                best = Some((off, (candidate, all - candidate)));
            }
        }
    }
    best.map_or((0, replicas), |(_, split)| split)
}

/// The status of a replica set.
pub fn scaled(replicas: u64, available: u64) -> Value {
    json!({
        "replicas": replicas, "fullyLabeledReplicas": replicas, "readyReplicas": available,
        "availableReplicas": available, "observedGeneration": 1,
    })
}

/// One pod of a replica set; `serial` tells it from the others.
pub fn pod(set: &Value, serial: u64, ready: bool) -> Value {
    let name = format!("{}-{serial:05}", set["metadata"]["name"].as_str().unwrap());
    let image = &set["spec"]["template"]["spec"]["containers"][0]["image"];
    let state = if ready {
        json!({"running": {"startedAt": THEN}})
    } else {
        json!({"waiting": {"reason": "ContainerCreating"}})
    };
    let status = if ready { "True" } else { "False" };
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name, "namespace": set["metadata"]["namespace"], "uid": format!("uid-{name}"),
            "creationTimestamp": THEN, "labels": set["spec"]["template"]["metadata"]["labels"],
            "ownerReferences": owned_by(set),
        },
        "spec": set["spec"]["template"]["spec"],
        "status": {
            "phase": if ready { "Running" } else { "Pending" }, "startTime": THEN,
            "conditions": [{"type": "Ready", "status": status, "lastTransitionTime": THEN}],
            "containerStatuses": [{
                "name": "app", "image": image, "ready": ready, "restartCount": 0, "started": ready, "state": state,
            }],
        },
    })
}

/// An analysis run of a rollout, with a metric `error-rate` of a Prometheus that was measured to be these.
///
/// `kind` is `Step`, `Background`, `PrePromotion` or `PostPromotion`; `index` the step's.
pub fn analysis_run(rollout: &Value, kind: &str, index: Option<u64>, phase: &str, values: &[f64]) -> Value {
    let (hash, revision) =
        (&rollout["status"]["currentPodHash"], &rollout["metadata"]["annotations"]["rollout.argoproj.io/revision"]);
    let suffix = match (kind, index) {
        ("PrePromotion", _) => "-pre".to_owned(),
        ("PostPromotion", _) => "-post".to_owned(),
        (_, Some(index)) => format!("-{index}"),
        _ => String::new(),
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let name = format!("{}-{}-{}{suffix}", text(&rollout["metadata"]["name"]), text(hash), text(revision));
    let good = |value: f64| value < 0.05;
    let measurements: Vec<Value> = values
        .iter()
        .map(|value| {
            json!({
                "phase": if good(*value) { "Successful" } else { "Failed" }, "value": format!("[{value}]"),
                "startedAt": THEN, "finishedAt": THEN,
            })
        })
        .collect();
    let failed = values.iter().filter(|value| !good(**value)).count();
    let message = if phase == "Failed" {
        format!("Metric \"error-rate\" assessed Failed due to failed ({failed}) > failureLimit (0)")
    } else {
        String::new()
    };
    let mut labels =
        json!({"app": rollout["metadata"]["name"], "rollout-type": kind, "rollouts-pod-template-hash": hash});
    if let Some(index) = index {
        labels["step-index"] = json!(index.to_string());
    }
    let done = ["Successful", "Failed", "Error", "Inconclusive"].contains(&phase);
    let mut summary = json!({"count": 1});
    if done {
        summary[phase.to_lowercase()] = json!(1);
    }
    let mut status = json!({
        "phase": phase, "startedAt": THEN, "dryRunSummary": {}, "runSummary": summary,
        "metricResults": [{
            "name": "error-rate", "phase": phase, "message": message, "count": values.len(),
            "successful": values.len() - failed, "failed": failed, "measurements": measurements,
            "metadata": {"ResolvedPrometheusQuery": "sum(rate(errors[1m])) / sum(rate(requests[1m]))"},
        }],
    });
    if !message.is_empty() {
        status["message"] = json!(message);
    }
    if done {
        status["completedAt"] = json!(THEN);
    }
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "AnalysisRun",
        "metadata": {
            "name": name, "namespace": rollout["metadata"]["namespace"], "uid": format!("uid-{name}"), "generation": 1,
            "creationTimestamp": THEN, "labels": labels, "ownerReferences": owned_by(rollout),
            "annotations": {"rollout.argoproj.io/revision": revision},
        },
        "spec": {
            "args": [{"name": "service", "value": rollout["metadata"]["name"]}],
            "metrics": [{
                "name": "error-rate", "interval": "1m", "count": 5, "failureLimit": 0, "successCondition": "result[0] < 0.05",
                "provider": {"prometheus": {
                    "address": "http://prometheus.monitoring:9090",
                    "query": "sum(rate(errors[1m])) / sum(rate(requests[1m]))",
                }},
            }],
        },
        "status": status,
    })
}

/// An experiment of a rollout's step, with a baseline and a candidate.
pub fn experiment(rollout: &Value, index: u64, phase: &str) -> Value {
    let hash = rollout["status"]["currentPodHash"].as_str().unwrap_or_default();
    let revision = &rollout["metadata"]["annotations"]["rollout.argoproj.io/revision"];
    let owner = rollout["metadata"]["name"].as_str().unwrap();
    let name = format!("{owner}-{hash}-{}-{index}", revision.as_str().unwrap_or_default());
    let template = |name: &str| json!({"name": name, "replicas": 1, "template": rollout["spec"]["template"], "selector": rollout["spec"]["selector"]});
    let state = |name: &str| {
        json!({
            "name": name, "status": phase, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1,
            "availableReplicas": 1, "lastTransitionTime": THEN,
        })
    };
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Experiment",
        "metadata": {
            "name": name, "namespace": rollout["metadata"]["namespace"], "uid": format!("uid-{name}"), "generation": 1,
            "creationTimestamp": THEN, "labels": {"rollouts-pod-template-hash": hash}, "ownerReferences": owned_by(rollout),
            "annotations": {"rollout.argoproj.io/revision": revision},
        },
        "spec": {"duration": "20m", "templates": [template("baseline"), template("candidate")]},
        "status": {
            "phase": phase, "availableAt": THEN, "analysisRuns": [],
            "templateStatuses": [state("baseline"), state("candidate")],
            "conditions": [{
                "type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable",
                "message": format!("Experiment \"{name}\" is running."), "lastTransitionTime": THEN, "lastUpdateTime": THEN,
            }],
        },
    })
}

/// An event about an object, as the controllers write them.
pub fn event(object: &Value, serial: u64, kind: &str, reason: &str, message: &str) -> Value {
    let name = object["metadata"]["name"].as_str().unwrap();
    json!({
        "apiVersion": "v1", "kind": "Event",
        "metadata": {"name": format!("{name}.{serial:016x}"), "namespace": object["metadata"]["namespace"]},
        "involvedObject": {
            "apiVersion": object["apiVersion"], "kind": object["kind"], "name": name,
            "namespace": object["metadata"]["namespace"], "uid": object["metadata"]["uid"],
        },
        "type": kind, "reason": reason, "message": message, "count": 1, "firstTimestamp": THEN, "lastTimestamp": THEN,
        "source": {"component": "rollouts-controller"}, "reportingComponent": "rollouts-controller", "reportingInstance": "",
    })
}
