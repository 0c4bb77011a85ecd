//! Canaries of Flagger: objects of our own making, and a small controller that ticks once per call as
//! flagger v1.36.1 (pkg/controller/scheduler.go) does once per interval.

use serde_json::{Value, json};

use super::{
    StandIn, now,
    parts::{THEN, pod_hash, template},
};

/// The field manager of its writes.
pub const MANAGER: &str = "flagger";

/// A canary in the making: `canary("shop", "basket").weights(10, 50).phase("Progressing").weight(20).objects()`.
#[derive(Debug, Clone)]
pub struct Canary {
    namespace: String,
    name: String,
    analysis: Value,
    spec: Value,
    status: Value,
    primary: String,
    candidate: String,
}

/// A canary of a deployment with 5 steps of 10 %, which is initialized.
pub fn canary(namespace: &str, name: &str) -> Canary {
    Canary {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        analysis: json!({
            "interval": "1m", "threshold": 5, "maxWeight": 50, "stepWeight": 10,
            "metrics": [{"name": "request-success-rate", "interval": "1m", "thresholdRange": {"min": 99}}],
        }),
        spec: json!({"provider": "nginx", "progressDeadlineSeconds": 60}),
        status: json!({"phase": "Initialized", "canaryWeight": 0, "failedChecks": 0, "iterations": 0}),
        primary: format!("{name}:1.0.0"),
        candidate: format!("{name}:1.0.0"),
    }
}

impl Canary {
    /// By steps of so many percent, up to so many.
    pub fn weights(mut self, step: u64, max: u64) -> Self {
        self.analysis["stepWeight"] = json!(step);
        self.analysis["maxWeight"] = json!(max);
        self
    }

    /// Blue-green, after so many rounds.
    pub fn iterations(mut self, rounds: u64) -> Self {
        for field in ["stepWeight", "maxWeight"] {
            self.analysis.as_object_mut().unwrap().remove(field);
        }
        self.analysis["iterations"] = json!(rounds);
        self
    }

    /// By header, after so many rounds.
    pub fn header(mut self, name: &str, rounds: u64) -> Self {
        self.analysis["match"] = json!([{"headers": {name: {"exact": "insider"}}}]);
        self.iterations(rounds)
    }

    pub fn threshold(mut self, threshold: u64) -> Self {
        self.analysis["threshold"] = json!(threshold);
        self
    }

    /// A webhook: its type, its address.
    pub fn webhook(mut self, kind: &str, url: &str) -> Self {
        let mut all = self.analysis["webhooks"].as_array().cloned().unwrap_or_default();
        all.push(json!({"name": kind, "type": kind, "url": url}));
        self.analysis["webhooks"] = json!(all);
        self
    }

    pub fn images(mut self, primary: &str, candidate: &str) -> Self {
        (self.primary, self.candidate) = (primary.to_owned(), candidate.to_owned());
        self
    }

    /// Its phase; what it is of is noted as Flagger would have.
    pub fn phase(mut self, phase: &str) -> Self {
        self.status["phase"] = json!(phase);
        self
    }

    pub fn weight(mut self, weight: u64) -> Self {
        self.status["canaryWeight"] = json!(weight);
        self
    }

    pub fn rounds(mut self, done: u64) -> Self {
        self.status["iterations"] = json!(done);
        self
    }

    pub fn failed_checks(mut self, failed: u64) -> Self {
        self.status["failedChecks"] = json!(failed);
        self
    }

    pub fn suspended(mut self) -> Self {
        self.spec["suspend"] = json!(true);
        self
    }

    pub fn skipping_analysis(mut self) -> Self {
        self.spec["skipAnalysis"] = json!(true);
        self
    }

    /// The canary alone.
    pub fn build(&self) -> Value {
        self.objects().swap_remove(0)
    }

    /// The canary first, its target, the primary, and their services.
    pub fn objects(&self) -> Vec<Value> {
        let phase = self.status["phase"].as_str().unwrap_or_default();
        let (old, new) = (template(&self.name, &self.primary), template(&self.name, &self.candidate));
        let mut status = self.status.clone();
        let (applied, promoted) = match phase {
            "" | "Initializing" => (None, None),
            "Initialized" | "Succeeded" => (Some(&new), Some(&new)),
            _ => (Some(&new), Some(&old)),
        };
        for (field, of) in [("lastAppliedSpec", applied), ("lastPromotedSpec", promoted)] {
            if let Some(of) = of {
                status[field] = json!(pod_hash(of));
            }
        }
        status["lastTransitionTime"] = json!(THEN);
        status["conditions"] = conditions(phase, THEN);
        let mut spec = self.spec.clone();
        spec["targetRef"] = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": self.name});
        spec["service"] = json!({"port": 80});
        spec["analysis"] = self.analysis.clone();
        let canary = json!({
            "apiVersion": "flagger.app/v1beta1", "kind": "Canary",
            "metadata": {
                "name": self.name, "namespace": self.namespace, "creationTimestamp": THEN, "generation": 1,
                "uid": format!("uid-{}-{}-canary", self.namespace, self.name), "labels": {"app": self.name},
            },
            "spec": spec, "status": status,
        });
        let deployment = |name: &str, template: &Value, replicas: u64| {
            json!({
                "apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": {"name": name, "namespace": self.namespace, "creationTimestamp": THEN, "generation": 1},
                "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template},
                "status": {
                    "replicas": replicas, "readyReplicas": replicas, "availableReplicas": replicas,
                    "updatedReplicas": replicas, "observedGeneration": 1,
                },
            })
        };
        let busy = ["Progressing", "Waiting", "WaitingPromotion", "Promoting"].contains(&phase);
        let promoted = if phase == "Succeeded" { &new } else { &old };
        let mut objects = vec![
            canary,
            deployment(&self.name, &new, if busy { 2 } else { 0 }),
            deployment(&primary(&self.name), &of_primary(&self.name, promoted), 2),
        ];
        for suffix in ["", "-canary", "-primary"] {
            objects.push(json!({
                "apiVersion": "v1", "kind": "Service",
                "metadata": {"name": format!("{}{suffix}", self.name), "namespace": self.namespace},
                "spec": {"ports": [{"port": 80}], "selector": {"app": format!("{}{suffix}", self.name)}},
            }));
        }
        objects
    }
}

/// The one condition, with the texts of flagger v1.36.1 pkg/canary/status.go.
fn conditions(phase: &str, now: &str) -> Value {
    let (status, message) = match phase {
        "Initialized" => ("True", "Deployment initialization completed."),
        "Progressing" => ("Unknown", "New revision detected, progressing canary analysis."),
        "Waiting" => ("Unknown", "Waiting for approval."),
        "WaitingPromotion" => ("Unknown", "Waiting for approval."),
        "Promoting" => ("Unknown", "Canary analysis completed, starting primary rolling update."),
        "Finalising" => ("Unknown", "Canary analysis completed, routing all traffic to primary."),
        "Succeeded" => ("True", "Canary analysis completed successfully, promotion finished."),
        "Failed" => ("False", "Canary analysis failed, Deployment scaled to zero."),
        _ => return json!([]),
    };
    json!([{
        "type": "Promoted", "status": status, "reason": phase, "message": message, "lastTransitionTime": now,
        "lastUpdateTime": now,
    }])
}

/// Whether a gate of this type lets the canary through: one that is not there does.
fn passes(stand_in: &StandIn, canary: &Value, kind: &str) -> bool {
    let hooks = canary["spec"]["analysis"]["webhooks"].as_array().map_or(&[][..], Vec::as_slice);
    hooks.iter().filter(|hook| hook["type"] == kind).all(|hook| {
        let url: url::Url = hook["url"].as_str().unwrap_or_default().parse().unwrap();
        let host = url.host_str().unwrap_or_default();
        let home = canary["metadata"]["namespace"].as_str().unwrap_or_default();
        let (service, namespace) = host.split_once('.').unwrap_or((host, home));
        let body = json!({"name": canary["metadata"]["name"], "namespace": home});
        let code = stand_in.ask_gate(namespace, service, url.path(), &body);
        code.is_some_and(|code| code <= 202)
    })
}

fn has(canary: &Value, kind: &str) -> bool {
    canary["spec"]["analysis"]["webhooks"].as_array().into_iter().flatten().any(|hook| hook["type"] == kind)
}

/// One interval of a canary: its phase afterwards. `checks` says whether its metrics are good.
pub fn tick(stand_in: &StandIn, namespace: &str, name: &str, checks: bool) -> String {
    let canary = stand_in.get("canaries", namespace, name).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let phase = text(&canary["status"]["phase"]);
    if canary["spec"]["suspend"] == true {
        return phase;
    }
    let target = text(&canary["spec"]["targetRef"]["name"]);
    let new = stand_in.get("deployments", namespace, &target).unwrap()["spec"]["template"].clone();
    let applied = pod_hash(&new);
    let status = &canary["status"];
    let (number, analysis) = (|field: &str| status[field].as_u64().unwrap_or(0), &canary["spec"]["analysis"]);
    let limit = analysis["threshold"].as_u64().filter(|threshold| *threshold > 0).unwrap_or(1);
    let (weight, done, failed) = (number("canaryWeight"), number("iterations"), number("failedChecks"));
    let rounds = analysis["iterations"].as_u64();
    let busy = ["Progressing", "Waiting", "WaitingPromotion"].contains(&phase.as_str());
    let rolls_back = busy && has(&canary, "rollback") && passes(stand_in, &canary, "rollback");
    let to = |phase: &str| json!({"phase": phase, "canaryWeight": 0, "iterations": 0, "failedChecks": 0});
    let mut change = match phase.as_str() {
        "" => to("Initializing"),
        "Initializing" => json!({"phase": "Initialized", "lastAppliedSpec": applied, "lastPromotedSpec": applied}),
        "Initialized" | "Succeeded" | "Failed" => {
            // The promoted template is not a new one, whoever puts it back.
            if status["lastAppliedSpec"] == applied || status["lastPromotedSpec"] == applied {
                return phase;
            }
            let mut begun = to(if passes(stand_in, &canary, "confirm-rollout") { "Progressing" } else { "Waiting" });
            begun["lastAppliedSpec"] = json!(applied);
            begun
        }
        // Who waits to begin is not asked about a rollback (fluxcd/flagger#1432).
        "Waiting" if passes(stand_in, &canary, "confirm-rollout") => to("Progressing"),
        "Waiting" => return phase,
        "Progressing" | "WaitingPromotion" if rolls_back || failed >= limit => to("Failed"),
        "Progressing" if canary["spec"]["skipAnalysis"] == true => {
            promote(stand_in, namespace, &target, &new);
            let mut end = to("Succeeded");
            end["lastPromotedSpec"] = json!(applied);
            end
        }
        "Progressing" | "WaitingPromotion" if !checks => json!({"failedChecks": failed + 1}),
        "WaitingPromotion" if passes(stand_in, &canary, "confirm-promotion") => json!({"phase": "Promoting"}),
        "WaitingPromotion" => return phase,
        "Progressing" => {
            let max = analysis["maxWeight"].as_u64().unwrap_or(100);
            let step = analysis["stepWeight"].as_u64().unwrap_or(max);
            let over = rounds.map_or(weight >= max, |rounds| done >= rounds);
            if over && passes(stand_in, &canary, "confirm-promotion") {
                json!({"phase": "Promoting"})
            } else if over {
                // The weight is shown as none though traffic is still split.
                json!({"phase": "WaitingPromotion", "canaryWeight": 0, "iterations": rounds.unwrap_or(1).saturating_sub(1)})
            } else if rounds.is_some() {
                json!({"iterations": done + 1})
            } else if passes(stand_in, &canary, "confirm-traffic-increase") {
                json!({"canaryWeight": (weight + step).min(max)})
            } else {
                return phase;
            }
        }
        "Promoting" => {
            promote(stand_in, namespace, &target, &new);
            to("Finalising")
        }
        "Finalising" => {
            let mut end = to("Succeeded");
            end["lastPromotedSpec"] = json!(applied);
            end
        }
        _ => return phase,
    };
    let now = now();
    change["lastTransitionTime"] = json!(now);
    let next = change["phase"].as_str().map_or(phase.clone(), str::to_owned);
    if next != phase {
        change["conditions"] = conditions(&next, &now);
        let wanted = match next.as_str() {
            "Progressing" => Some(2),
            "Succeeded" | "Failed" | "Initialized" => Some(0),
            _ => None,
        };
        if let Some(replicas) = wanted {
            stand_in.edit("deployments", namespace, &target, MANAGER, |deployment| {
                deployment["spec"]["replicas"] = json!(replicas);
            });
        }
    }
    stand_in.edit("canaries", namespace, name, MANAGER, |canary| {
        if !canary["status"].is_object() {
            canary["status"] = json!({});
        }
        super::patch::merge(&mut canary["status"], &change);
    });
    next
}

fn primary(target: &str) -> String {
    format!("{target}-primary")
}

/// The template of the primary: that of its target, with a label of its own.
fn of_primary(target: &str, template: &Value) -> Value {
    let mut template = template.clone();
    template["metadata"]["labels"]["app"] = json!(primary(target));
    template
}

/// The primary becomes what the candidate is.
fn promote(stand_in: &StandIn, namespace: &str, target: &str, template: &Value) {
    stand_in.edit("deployments", namespace, &primary(target), MANAGER, |deployment| {
        deployment["spec"]["template"] = of_primary(target, template);
    });
}
