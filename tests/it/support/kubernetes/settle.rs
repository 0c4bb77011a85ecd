//! What Argo's controller says of a rollout after a step of its reconciliation: counts, weights, phase, conditions.

use serde_json::{Value, json};

use super::reconcile::Work;

impl Work<'_> {
    pub fn finish(&mut self, hash: &str, replicas: u64, revision: u64, counts: [u64; 4], blue_green: bool) {
        let [all, available, updated, updated_available] = counts;
        let steps = self.steps().len() as u64;
        let at_end = steps == 0 || self.status["currentStepIndex"].as_u64() == Some(steps);
        let switched = !blue_green || self.status["blueGreen"]["activeSelector"] == hash;
        let settled = self.available(hash) >= replicas && updated_available >= replicas;
        if !self.is("abort") && at_end && switched && settled && !self.stable_is(hash) {
            self.status["stableRS"] = json!(hash);
            self.drop(&["promoteFull"]);
        }
        for (field, number) in [
            ("HPAReplicas", all),
            ("replicas", all),
            ("readyReplicas", available),
            ("availableReplicas", available),
            ("updatedReplicas", updated),
        ] {
            self.status[field] = json!(number);
            if number == 0 {
                self.drop(&[field]);
            }
        }
        if self.status["canary"].is_null() {
            self.status["canary"] = json!({});
        }
        if self.status["blueGreen"].is_null() {
            self.status["blueGreen"] = json!({});
        }
        if self.rollout["spec"]["strategy"]["canary"]["trafficRouting"].is_object() {
            let weight = if self.stable_is(hash) { 0 } else { self.weight };
            let stable = self.status["stableRS"].clone();
            self.status["canary"]["weights"] = json!({
                "canary": {"weight": weight, "podTemplateHash": hash},
                "stable": {"weight": 100 - weight, "podTemplateHash": stable},
            });
        }
        let generation = self.rollout["metadata"]["generation"].as_i64().unwrap_or_default();
        self.status["observedGeneration"] = json!(generation.to_string());
        self.status["selector"] = json!(format!(
            "app={}",
            self.rollout["spec"]["selector"]["matchLabels"]["app"].as_str().unwrap_or_default()
        ));
        let (phase, message) = self.phase(hash, replicas, revision, updated, updated_available, all);
        self.status["phase"] = json!(phase);
        self.drop(&["message"]);
        if !message.is_empty() {
            self.status["message"] = json!(message);
        }
        self.conditions(phase, &message);
    }

    /// The phase by argo-rollouts v1.9.1 utils/rollout/rolloututil.go.
    fn phase(
        &self,
        hash: &str,
        replicas: u64,
        revision: u64,
        updated: u64,
        available: u64,
        all: u64,
    ) -> (&'static str, String) {
        let progressing = |text: &str| ("Progressing", text.to_owned());
        if self.is("abort") && !self.stable_is(hash) {
            let run = &self.status["canary"]["currentStepAnalysisRunStatus"];
            let why = match (run["status"].as_str(), run["message"].as_str()) {
                (Some("Failed" | "Error"), Some(message)) => {
                    format!(": Step-based analysis phase error/failed: {message}")
                }
                _ => String::new(),
            };
            return ("Degraded", format!("RolloutAborted: Rollout aborted update to revision {revision}{why}"));
        }
        if self.rollout["spec"]["paused"] == true {
            return ("Paused", "manually paused".to_owned());
        }
        if let Some(reason) = self.status["pauseConditions"][0]["reason"].as_str() {
            return ("Paused", reason.to_owned());
        }
        let restart = &self.rollout["spec"]["restartAt"];
        if restart.is_string() && *restart != self.status["restartedAt"] {
            return progressing("rollout is restarting");
        }
        if updated < replicas {
            return progressing("more replicas need to be updated");
        }
        if available < updated {
            return progressing("updated replicas are still becoming available");
        }
        if self.rollout["spec"]["strategy"]["blueGreen"].is_object() {
            if self.status["blueGreen"]["activeSelector"] != hash {
                return progressing("active service cutover pending");
            }
        } else if all > updated && !self.rollout["spec"]["strategy"]["canary"]["trafficRouting"].is_object() {
            return progressing("old replicas are pending termination");
        }
        if !self.stable_is(hash) {
            return progressing("waiting for all steps to complete");
        }
        ("Healthy", String::new())
    }

    fn conditions(&mut self, phase: &str, message: &str) {
        let healthy = phase == "Healthy";
        let (status, reason, text) = match phase {
            "Degraded" => ("False", "RolloutAborted", message.replacen("RolloutAborted: ", "", 1)),
            "Paused" => ("Unknown", "RolloutPaused", "Rollout is paused".to_owned()),
            "Healthy" => ("True", "NewReplicaSetAvailable", "ReplicaSet has successfully progressed.".to_owned()),
            _ => ("True", "ReplicaSetUpdated", "ReplicaSet is progressing.".to_owned()),
        };
        let wanted = [
            ("Progressing", status, reason, text),
            ("Available", "True", "AvailableReason", "Rollout has minimum availability".to_owned()),
            ("Healthy", if healthy { "True" } else { "False" }, "RolloutHealthy", String::new()),
        ];
        let old = self.status["conditions"].as_array().cloned().unwrap_or_default();
        let conditions: Vec<Value> = wanted
            .into_iter()
            .map(|(kind, status, reason, message)| {
                let same = old.iter().find(|one| {
                    one["type"] == kind
                        && one["status"] == status
                        && one["reason"] == reason
                        && one["message"] == message
                });
                same.cloned().unwrap_or_else(|| {
                    json!({
                        "type": kind, "status": status, "reason": reason, "message": message,
                        "lastTransitionTime": self.now, "lastUpdateTime": self.now,
                    })
                })
            })
            .collect();
        self.status["conditions"] = json!(conditions);
    }
}
