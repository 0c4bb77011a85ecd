//! How a replica set does, in the words of `kubectl argo rollouts`.

use serde_json::Value;

use super::{meta::Meta, read};
use crate::domain::{
    SafeText,
    workload::{ObjectState, Replicas},
};

/// Containers whose images are kept, at most.
const IMAGES_MAX: usize = 32;

/// A replica set, as far as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaSet {
    /// Its metadata.
    pub meta: Meta,
    /// The images of its template, of containers in order.
    pub images: Vec<SafeText>,
    /// Its pods; none is updated, as all are of one template.
    pub replicas: Replicas,
    /// How it does.
    pub health: Health,
}

/// How a replica set does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// All wanted pods are available.
    Healthy,
    /// Some are not yet, or its controller has not seen its newest spec.
    Progressing,
    /// None is wanted.
    ScaledDown,
    /// Pods cannot be made.
    ReplicaFailure,
}

impl Health {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "Healthy",
            Self::Progressing => "Progressing",
            Self::ScaledDown => "ScaledDown",
            Self::ReplicaFailure => "ReplicaFailure",
        }
    }

    /// The state that it comes to.
    #[must_use]
    pub const fn state(self) -> ObjectState {
        match self {
            Self::Healthy => ObjectState::Good,
            Self::Progressing => ObjectState::Working,
            Self::ScaledDown => ObjectState::Off,
            Self::ReplicaFailure => ObjectState::Bad,
        }
    }
}

impl ReplicaSet {
    /// Reads one.
    #[must_use]
    pub fn read(object: &Value) -> Self {
        let containers = read::list(object, "/spec/template/spec/containers").iter().take(IMAGES_MAX);
        // Kubernetes leaves counts of zero out of a status.
        let told = |pointer: &str| read::at(object, "/status").map(|_| read::count(object, pointer).unwrap_or(0));
        Self {
            images: containers.map(|container| read::shown(container, "/image")).collect(),
            replicas: Replicas {
                desired: read::count(object, "/spec/replicas"),
                current: told("/status/replicas"),
                updated: None,
                ready: told("/status/readyReplicas"),
                available: told("/status/availableReplicas"),
            },
            health: health(object),
            meta: Meta::read(object, &[]),
        }
    }

    /// Why its pods cannot be made, where they cannot.
    #[must_use]
    pub fn failure(object: &Value) -> Option<SafeText> {
        let conditions = read::list(object, "/status/conditions").iter();
        conditions.filter(|condition| is_failure(condition)).map(|condition| read::shown(condition, "/message")).next()
    }
}

fn is_failure(condition: &Value) -> bool {
    read::text(condition, "/type").as_deref() == Some("ReplicaFailure")
        && read::text(condition, "/status").as_deref() == Some("True")
}

/// Rules of argo-rollouts, `pkg/kubectl-argo-rollouts/info/replicaset_info.go`.
fn health(object: &Value) -> Health {
    let generation = |pointer: &str| read::integer(object, pointer).unwrap_or(0);
    let desired = read::integer(object, "/spec/replicas");
    if generation("/metadata/generation") > generation("/status/observedGeneration") {
        return Health::Progressing;
    }
    if read::list(object, "/status/conditions").iter().any(is_failure) {
        return Health::ReplicaFailure;
    }
    match desired {
        Some(desired) if read::integer(object, "/status/availableReplicas").unwrap_or(0) < desired => {
            Health::Progressing
        }
        Some(0) => Health::ScaledDown,
        _ => Health::Healthy,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_replica_set_is_called_what_the_plugin_calls_it() {
        let failure = json!([{"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}]);
        for (generation, desired, status, word) in [
            (2, json!(3), json!({"observedGeneration": 2, "replicas": 3, "availableReplicas": 3}), "Healthy"),
            (2, json!(3), json!({"observedGeneration": 1, "replicas": 3, "availableReplicas": 3}), "Progressing"),
            (2, json!(3), json!({"observedGeneration": 2, "replicas": 3, "availableReplicas": 2}), "Progressing"),
            (2, json!(3), json!({"observedGeneration": 2}), "Progressing"),
            (2, json!(0), json!({"observedGeneration": 2}), "ScaledDown"),
            (2, json!(null), json!({"observedGeneration": 2}), "Healthy"),
            (2, json!(3), json!({"observedGeneration": 2, "conditions": failure}), "ReplicaFailure"),
            (3, json!(3), json!({"observedGeneration": 2, "conditions": failure}), "Progressing"),
            (2, json!(3), json!("gone"), "Progressing"),
        ] {
            let object =
                json!({"metadata": {"generation": generation}, "spec": {"replicas": desired}, "status": status});
            assert_eq!(ReplicaSet::read(&object).health.as_str(), word, "{object}");
            assert_eq!(ReplicaSet::failure(&object).is_some(), !status["conditions"].is_null());
        }
    }

    #[test]
    fn counts_that_are_left_out_are_zero_and_counts_of_no_status_are_not_known() {
        let set = ReplicaSet::read(
            &json!({"spec": {"replicas": 1, "template": {"spec": {"containers": [{"image": "a:1"}]}}}, "status": {}}),
        );
        assert_eq!((set.replicas.desired, set.replicas.ready, set.replicas.updated), (Some(1), Some(0), None));
        assert_eq!(set.images, [SafeText::new("a:1")]);
        assert_eq!(ReplicaSet::read(&json!({})).replicas, Replicas::default());
    }
}
