//! The status of a rollout in the making, with the texts of argo-rollouts v1.9.1.

use serde_json::{Value, json};

use super::{
    parts::{THEN, pod_hash, template},
    rollouts::{Rollout, State, Strategy},
};

impl Rollout {
    fn phase(&self) -> (&'static str, String) {
        let aborted = |why: &str| {
            let why = if why.is_empty() { String::new() } else { format!(": {why}") };
            ("Degraded", format!("RolloutAborted: Rollout aborted update to revision {}{why}", self.revision))
        };
        match &self.state {
            State::Aborted(why) => aborted(why),
            State::TooLong => ("Degraded", format!("ProgressDeadlineExceeded: {}", self.too_late())),
            State::Invalid(why) => ("Degraded", format!("InvalidSpec: {why}")),
            _ if self.user_paused => ("Paused", "manually paused".to_owned()),
            State::Healthy => ("Healthy", String::new()),
            State::Paused(_) => ("Paused", self.reason().to_owned()),
            State::Inconclusive(_) => ("Paused", "InconclusiveAnalysisRun".to_owned()),
            State::Progressing(_) => ("Progressing", "more replicas need to be updated".to_owned()),
        }
    }

    fn too_late(&self) -> String {
        format!("ReplicaSet \"{}-{}\" has timed out progressing.", self.name, self.hash(&self.candidate))
    }

    fn reason(&self) -> &'static str {
        match (&self.state, &self.strategy) {
            (State::Inconclusive(_), _) => "InconclusiveAnalysisRun",
            (_, Strategy::BlueGreen { .. }) => "BlueGreenPause",
            _ => "CanaryPauseStep",
        }
    }

    fn hash(&self, image: &str) -> String {
        pod_hash(&template(&self.name, image))
    }

    fn conditions(&self) -> Value {
        let condition = |kind: &str, status: &str, reason: &str, message: &str| {
            json!({
                "type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": THEN,
                "lastUpdateTime": THEN,
            })
        };
        let healthy = self.state == State::Healthy;
        let is = if healthy { "True" } else { "False" };
        let mut conditions = vec![
            condition(
                "Healthy",
                is,
                "RolloutHealthy",
                if healthy { "Rollout is healthy" } else { "Rollout is not healthy" },
            ),
            condition("Completed", is, "RolloutCompleted", "RolloutCompleted"),
            condition("Available", "True", "AvailableReason", "Rollout has minimum availability"),
        ];
        match &self.state {
            State::Healthy => conditions.push(condition(
                "Progressing",
                "True",
                "NewReplicaSetAvailable",
                &format!("ReplicaSet \"{}-{}\" has successfully progressed.", self.name, self.hash(&self.candidate)),
            )),
            State::Progressing(_) => {
                conditions.push(condition("Progressing", "True", "ReplicaSetUpdated", "ReplicaSet is progressing."));
            }
            State::Paused(_) | State::Inconclusive(_) => {
                conditions.push(condition("Progressing", "Unknown", "RolloutPaused", "Rollout is paused"));
                conditions.push(condition("Paused", "True", "RolloutPaused", "Rollout is paused"));
            }
            State::Aborted(_) => {
                let message = self.phase().1.replacen("RolloutAborted: ", "", 1);
                conditions.push(condition("Progressing", "False", "RolloutAborted", &message));
            }
            State::TooLong => {
                conditions.push(condition("Progressing", "False", "ProgressDeadlineExceeded", &self.too_late()));
            }
            State::Invalid(why) => conditions = vec![condition("InvalidSpec", "True", "InvalidSpec", why)],
        }
        json!(conditions)
    }

    pub fn status(&self) -> Value {
        let (canary, stable) = self.pods();
        let (hash, stable_hash) = (self.hash(&self.candidate), self.hash(&self.stable));
        let stable_hash = if self.state == State::Healthy { hash.clone() } else { stable_hash };
        let (phase, message) = self.phase();
        let observed = self.observed.clone().unwrap_or_else(|| self.generation.to_string());
        let mut status = json!({
            "HPAReplicas": canary + stable, "replicas": canary + stable, "updatedReplicas": canary,
            "readyReplicas": self.available() + stable, "availableReplicas": self.available() + stable,
            "blueGreen": {}, "canary": {}, "conditions": self.conditions(), "currentPodHash": hash,
            "stableRS": stable_hash, "selector": format!("app={}", self.name),
            "observedGeneration": observed, "phase": phase,
        });
        if canary == 0 {
            // What is none is left out.
            status.as_object_mut().unwrap().remove("updatedReplicas");
        }
        if !message.is_empty() {
            status["message"] = json!(message);
        }
        if let Strategy::BlueGreen { .. } = self.strategy {
            status["blueGreen"] = json!({"activeSelector": stable_hash, "previewSelector": hash});
        } else if self.steps() > 0 {
            status["currentStepIndex"] = json!(self.step());
            status["currentStepHash"] = json!(pod_hash(&json!(self.strategy_steps())));
        }
        if matches!(self.state, State::Paused(_) | State::Inconclusive(_)) {
            status["controllerPause"] = json!(true);
            status["pauseConditions"] = json!([{"reason": self.reason(), "startTime": self.pause_since}]);
        }
        if matches!(self.state, State::Aborted(_)) {
            status["abort"] = json!(true);
            status["abortedAt"] = json!(THEN);
        }
        if self.promote_full {
            status["promoteFull"] = json!(true);
        }
        if let Some((canary, stable)) = self.weights {
            let of = |weight: u64, service: &str, hash: &str| json!({"weight": weight, "serviceName": format!("{}-{service}", self.name), "podTemplateHash": hash});
            status["canary"]["weights"] =
                json!({"canary": of(canary, "canary", &hash), "stable": of(stable, "stable", &stable_hash)});
        }
        if let Some(stable) = &self.stable_ping_pong {
            status["canary"]["stablePingPong"] = json!(stable);
        }
        if let State::Invalid(_) = self.state {
            // It never got as far as to have anything.
            status = json!({"phase": phase, "message": message, "conditions": self.conditions(), "observedGeneration": observed});
        }
        if self.legacy {
            for field in ["phase", "message", "promoteFull", "abortedAt"] {
                status.as_object_mut().unwrap().remove(field);
            }
            status["observedGeneration"] = json!("7f5c8d9b6");
        }
        status
    }
}
