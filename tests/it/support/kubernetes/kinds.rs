//! The kinds that the stand-in serves, and what their definitions say of fields.

use serde_json::Value;

/// What a field of a custom kind must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    Boolean,
    Integer,
    Number,
    Text,
    List,
    Object,
}

/// One kind, as its API serves it.
#[derive(Debug)]
pub struct Resource {
    pub group: &'static str,
    pub version: &'static str,
    pub plural: &'static str,
    pub kind: &'static str,
    pub namespaced: bool,
    /// Whether it has a `/status` of its own.
    pub status: bool,
    pub short: &'static [&'static str],
    /// The fields of `spec` and `status` that its definition knows; none of kinds that are built in.
    pub fields: &'static [(&'static str, Type)],
}

impl Resource {
    /// `rollouts.argoproj.io`, or `pods`.
    pub fn qualified(&self) -> String {
        qualified(self.plural, self.group)
    }

    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }

    /// Whether it comes from a custom definition.
    pub fn custom(&self) -> bool {
        matches!(self.group, "argoproj.io" | "flagger.app")
    }

    /// Whether writes are counted in `metadata.generation`.
    pub fn counts_generations(&self) -> bool {
        self.custom() || self.group == "apps"
    }
}

/// `rollouts.argoproj.io`, or `pods`.
pub fn qualified(plural: &str, group: &str) -> String {
    if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") }
}

use Type::{Boolean, Integer, List, Number, Object, Text};

// The fields and their types: argo-rollouts v1.9.1 manifests/crds, flagger v1.36.1
// artifacts/flagger/crd.yaml.
const ROLLOUT: &[(&str, Type)] = &[
    ("/spec/analysis", Object),
    ("/spec/minReadySeconds", Integer),
    ("/spec/paused", Boolean),
    ("/spec/progressDeadlineAbort", Boolean),
    ("/spec/progressDeadlineSeconds", Integer),
    ("/spec/replicas", Integer),
    ("/spec/restartAt", Text),
    ("/spec/revisionHistoryLimit", Integer),
    ("/spec/rollbackWindow", Object),
    ("/spec/selector", Object),
    ("/spec/strategy", Object),
    ("/spec/template", Object),
    ("/spec/workloadRef", Object),
    ("/status/HPAReplicas", Integer),
    ("/status/abort", Boolean),
    ("/status/abortedAt", Text),
    ("/status/alb", Object),
    ("/status/albs", List),
    ("/status/availableReplicas", Integer),
    ("/status/blueGreen", Object),
    ("/status/canary", Object),
    ("/status/collisionCount", Integer),
    ("/status/conditions", List),
    ("/status/controllerPause", Boolean),
    ("/status/currentPodHash", Text),
    ("/status/currentStepHash", Text),
    ("/status/currentStepIndex", Integer),
    ("/status/message", Text),
    ("/status/observedGeneration", Text),
    ("/status/pauseConditions", List),
    ("/status/phase", Text),
    ("/status/promoteFull", Boolean),
    ("/status/readyReplicas", Integer),
    ("/status/replicas", Integer),
    ("/status/restartedAt", Text),
    ("/status/selector", Text),
    ("/status/stableRS", Text),
    ("/status/updatedReplicas", Integer),
    ("/status/workloadObservedGeneration", Text),
];
const ANALYSIS_RUN: &[(&str, Type)] = &[
    ("/spec/args", List),
    ("/spec/dryRun", List),
    ("/spec/measurementRetention", List),
    ("/spec/metrics", List),
    ("/spec/terminate", Boolean),
    ("/spec/ttlStrategy", Object),
    ("/status/completedAt", Text),
    ("/status/dryRunSummary", Object),
    ("/status/message", Text),
    ("/status/metricResults", List),
    ("/status/phase", Text),
    ("/status/runSummary", Object),
    ("/status/startedAt", Text),
];
const EXPERIMENT: &[(&str, Type)] = &[
    ("/spec/analyses", List),
    ("/spec/analysisRunMetadata", Object),
    ("/spec/dryRun", List),
    ("/spec/duration", Text),
    ("/spec/measurementRetention", List),
    ("/spec/progressDeadlineSeconds", Integer),
    ("/spec/scaleDownDelaySeconds", Integer),
    ("/spec/templates", List),
    ("/spec/terminate", Boolean),
    ("/status/analysisRuns", List),
    ("/status/availableAt", Text),
    ("/status/conditions", List),
    ("/status/message", Text),
    ("/status/phase", Text),
    ("/status/templateStatuses", List),
];
const CANARY: &[(&str, Type)] = &[
    ("/spec/analysis", Object),
    ("/spec/autoscalerRef", Object),
    ("/spec/ingressRef", Object),
    ("/spec/metricsServer", Text),
    ("/spec/progressDeadlineSeconds", Number),
    ("/spec/provider", Text),
    ("/spec/revertOnDeletion", Boolean),
    ("/spec/routeRef", Object),
    ("/spec/service", Object),
    ("/spec/skipAnalysis", Boolean),
    ("/spec/suspend", Boolean),
    ("/spec/targetRef", Object),
    ("/spec/upstreamRef", Object),
    ("/status/canaryWeight", Number),
    ("/status/conditions", List),
    ("/status/failedChecks", Number),
    ("/status/iterations", Number),
    ("/status/lastAppliedSpec", Text),
    ("/status/lastPromotedSpec", Text),
    ("/status/lastTransitionTime", Text),
    ("/status/phase", Text),
    ("/status/previousSessionAffinityCookie", Text),
    ("/status/sessionAffinityCookie", Text),
    ("/status/trackedConfigs", Object),
];

/// What Flagger's definition allows as a phase (flagger v1.36.1 artifacts/flagger/crd.yaml).
pub const CANARY_PHASES: [&str; 12] = [
    "",
    "Initializing",
    "Initialized",
    "Waiting",
    "Progressing",
    "WaitingPromotion",
    "Promoting",
    "Finalising",
    "Succeeded",
    "Failed",
    "Terminating",
    "Terminated",
];

const fn of(group: &'static str, version: &'static str, plural: &'static str, kind: &'static str) -> Resource {
    Resource { group, version, plural, kind, namespaced: true, status: false, short: &[], fields: &[] }
}

const ARGO: (&str, &str) = ("argoproj.io", "v1alpha1");
const FLAGGER: (&str, &str) = ("flagger.app", "v1beta1");

/// What is served. `events` are served by two APIs, and stored once.
pub static RESOURCES: &[Resource] = &[
    Resource { status: true, short: &["ro"], fields: ROLLOUT, ..of(ARGO.0, ARGO.1, "rollouts", "Rollout") },
    Resource { short: &["ar"], fields: ANALYSIS_RUN, ..of(ARGO.0, ARGO.1, "analysisruns", "AnalysisRun") },
    Resource { short: &["exp"], fields: EXPERIMENT, ..of(ARGO.0, ARGO.1, "experiments", "Experiment") },
    Resource { short: &["at"], ..of(ARGO.0, ARGO.1, "analysistemplates", "AnalysisTemplate") },
    Resource {
        namespaced: false,
        short: &["cat"],
        ..of(ARGO.0, ARGO.1, "clusteranalysistemplates", "ClusterAnalysisTemplate")
    },
    Resource { status: true, fields: CANARY, ..of(FLAGGER.0, FLAGGER.1, "canaries", "Canary") },
    Resource { status: true, ..of(FLAGGER.0, FLAGGER.1, "metrictemplates", "MetricTemplate") },
    Resource { status: true, ..of(FLAGGER.0, FLAGGER.1, "alertproviders", "AlertProvider") },
    Resource { status: true, short: &["rs"], ..of("apps", "v1", "replicasets", "ReplicaSet") },
    Resource { status: true, short: &["deploy"], ..of("apps", "v1", "deployments", "Deployment") },
    Resource { status: true, short: &["ds"], ..of("apps", "v1", "daemonsets", "DaemonSet") },
    Resource { status: true, short: &["po"], ..of("", "v1", "pods", "Pod") },
    Resource { status: true, short: &["svc"], ..of("", "v1", "services", "Service") },
    of("", "v1", "podtemplates", "PodTemplate"),
    Resource { short: &["ev"], ..of("", "v1", EVENTS, "Event") },
    Resource { namespaced: false, status: true, short: &["ns"], ..of("", "v1", "namespaces", "Namespace") },
];

/// The plural of both kinds of events.
pub const EVENTS: &str = "events";
/// The newer of the two APIs that serve events.
pub const EVENTS_GROUP: &str = "events.k8s.io";

/// The place of a kind in [`RESOURCES`] by its plural, which is unique among them.
pub fn by_plural(plural: &str) -> usize {
    RESOURCES
        .iter()
        .position(|resource| resource.plural == plural)
        .unwrap_or_else(|| panic!("the stand-in serves no {plural}"))
}

/// The place of an object's kind in [`RESOURCES`].
pub fn of_object(object: &Value) -> usize {
    let (version, kind) = (object["apiVersion"].as_str(), object["kind"].as_str());
    RESOURCES
        .iter()
        .position(|resource| Some(resource.kind) == kind && version == Some(resource.api_version().as_str()))
        .unwrap_or_else(|| panic!("the stand-in serves no {kind:?} of {version:?}"))
}

/// The place of a kind in [`RESOURCES`] by its address.
pub fn find(group: &str, version: &str, plural: &str) -> Option<usize> {
    if (group, version, plural) == (EVENTS_GROUP, "v1", EVENTS) {
        return Some(by_plural(EVENTS));
    }
    RESOURCES
        .iter()
        .position(|resource| (resource.group, resource.version, resource.plural) == (group, version, plural))
}

impl Type {
    /// The name that a schema has for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Text => "string",
            Self::List => "array",
            Self::Object => "object",
        }
    }

    pub fn admits(self, value: &Value) -> bool {
        match self {
            Self::Boolean => value.is_boolean(),
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Number => value.is_number(),
            Self::Text => value.is_string(),
            Self::List => value.is_array(),
            Self::Object => value.is_object(),
        }
    }
}

/// The name that a schema has for the type of a value.
pub fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
