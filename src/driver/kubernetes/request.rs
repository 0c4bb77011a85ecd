//! What is sent to a cluster, as values: so that what an order comes to can be decided, shown and
//! tested without one.

use std::fmt;

use serde_json::Value;

/// A kind of object, as its API names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind {
    /// `argoproj.io`; empty of the core API.
    pub group: &'static str,
    /// `v1alpha1`.
    pub version: &'static str,
    /// `rollouts`.
    pub plural: &'static str,
    /// `Rollout`.
    pub kind: &'static str,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $group:literal $version:literal $plural:literal $kind:literal;)*) => {
        impl Kind {
            $($(#[$doc])* pub const $name: Self = Self { group: $group, version: $version, plural: $plural, kind: $kind };)*
        }
    };
}

kinds! {
    /// Argo's rollouts.
    ROLLOUT = "argoproj.io" "v1alpha1" "rollouts" "Rollout";
    /// Argo's analysis runs.
    ANALYSIS_RUN = "argoproj.io" "v1alpha1" "analysisruns" "AnalysisRun";
    /// Argo's experiments.
    EXPERIMENT = "argoproj.io" "v1alpha1" "experiments" "Experiment";
    /// Flagger's canaries.
    CANARY = "flagger.app" "v1beta1" "canaries" "Canary";
    /// Flagger's metric templates.
    METRIC_TEMPLATE = "flagger.app" "v1beta1" "metrictemplates" "MetricTemplate";
    /// Replica sets.
    REPLICA_SET = "apps" "v1" "replicasets" "ReplicaSet";
    /// Deployments.
    DEPLOYMENT = "apps" "v1" "deployments" "Deployment";
    /// Daemon sets.
    DAEMON_SET = "apps" "v1" "daemonsets" "DaemonSet";
    /// Pods.
    POD = "" "v1" "pods" "Pod";
    /// Pod templates.
    POD_TEMPLATE = "" "v1" "podtemplates" "PodTemplate";
    /// Events.
    EVENT = "" "v1" "events" "Event";
    /// Services.
    SERVICE = "" "v1" "services" "Service";
}

/// A rule that the cluster must grant for a request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rule {
    /// `get`, `list`, `watch`, `patch`, `create`.
    pub verb: &'static str,
    /// Of what.
    pub kind: Kind,
    /// `status`, `proxy`.
    pub subresource: Option<&'static str>,
    /// In which namespace; in all of them, when empty.
    pub namespace: String,
}

impl fmt::Display for Rule {
    /// As it is written in a role: `patch rollouts.argoproj.io/status in shop`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.kind.plural)?;
        if !self.kind.group.is_empty() {
            write!(f, ".{}", self.kind.group)?;
        }
        if let Some(subresource) = self.subresource {
            write!(f, "/{subresource}")?;
        }
        if self.namespace.is_empty() { write!(f, " in all namespaces") } else { write!(f, " in {}", self.namespace) }
    }
}

/// One request that changes something.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Of which kind the object is.
    pub kind: Kind,
    /// Its namespace.
    pub namespace: String,
    /// Its name; empty where the cluster makes one.
    pub name: String,
    /// `status`, or a path such as `proxy/gate/open`.
    pub subresource: Option<String>,
    /// What is sent.
    pub body: Body,
    /// What the object that comes back must have: an answer of 200 alone is not believed.
    pub expects: Vec<Expect>,
}

/// What a request sends.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// A merge patch (RFC 7386). With `metadata.resourceVersion` it is refused where the object changed.
    Merge(Value),
    /// A JSON patch (RFC 6902): a list of operations.
    Json(Value),
    /// A new object.
    Create(Value),
    /// A document for what lies behind a proxy.
    Post(Value),
}

/// A condition on the object that comes back.
#[derive(Debug, Clone, PartialEq)]
pub struct Expect {
    /// A JSON pointer.
    pub pointer: String,
    /// What lies there; null where nothing, or null, is expected.
    pub value: Value,
}

impl Expect {
    /// Whether an object fulfils it.
    #[must_use]
    pub fn holds(&self, object: &Value) -> bool {
        object.pointer(&self.pointer).unwrap_or(&Value::Null) == &self.value
    }
}

impl Request {
    /// The rule that it needs.
    #[must_use]
    pub fn rule(&self) -> Rule {
        let subresource = match self.subresource.as_deref() {
            Some("status") => Some("status"),
            Some(path) if path == "proxy" || path.starts_with("proxy/") => Some("proxy"),
            _ => None,
        };
        let verb = match self.body {
            Body::Merge(_) | Body::Json(_) => "patch",
            Body::Create(_) | Body::Post(_) => "create",
        };
        Rule { verb, kind: self.kind, subresource, namespace: self.namespace.clone() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_missing_rule_is_named_as_a_role_writes_it() {
        let status = Request {
            kind: Kind::ROLLOUT,
            namespace: "shop".to_owned(),
            name: "basket".to_owned(),
            subresource: Some("status".to_owned()),
            body: Body::Merge(json!({"status": {"abort": true}})),
            expects: vec![Expect { pointer: "/status/abort".to_owned(), value: json!(true) }],
        };
        assert_eq!(status.rule().to_string(), "patch rollouts.argoproj.io/status in shop");
        assert!(status.expects[0].holds(&json!({"status": {"abort": true}})));
        assert!(!status.expects[0].holds(&json!({"status": {}})), "a 200 that changed nothing is noticed");
        let gate = Request {
            kind: Kind::SERVICE,
            subresource: Some("proxy/gate/open".to_owned()),
            body: Body::Post(json!({})),
            ..status
        };
        assert_eq!(gate.rule().to_string(), "create services/proxy in shop");
    }
}
