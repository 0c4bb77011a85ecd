//! A Rollout of Argo as the cluster sent it: what is used of it, and what could not be read.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::step::Step;
use crate::{
    domain::{SafeText, hex},
    driver::kubernetes::{meta::Meta, read},
};

/// The annotation with the number of a revision.
pub const REVISION: &str = "rollout.argoproj.io/revision";
/// The annotation with the generation of the workload that a rollout refers to.
pub const WORKLOAD_GENERATION: &str = "rollout.argoproj.io/workload-generation";
/// The label with the hash of a pod template.
pub const POD_HASH: &str = "rollouts-pod-template-hash";

/// The fields whose writers are worth knowing: what people and other tools act by.
pub const WATCHED: [&str; 11] = [
    "spec.paused",
    "spec.restartAt",
    "spec.strategy",
    "spec.template",
    "spec.replicas",
    "spec.workloadRef",
    "status.abort",
    "status.promoteFull",
    "status.pauseConditions",
    "status.currentStepIndex",
    "status.controllerPause",
];

/// Steps, conditions and plugins that are kept of one rollout, at most.
const ENTRIES_MAX: usize = 200;
/// Containers whose images are kept, at most.
const IMAGES_MAX: usize = 32;

/// A rollout of Argo: what is used of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Rollout {
    /// Its metadata; who wrote [`WATCHED`] fields is in it.
    pub meta: Meta,
    /// Pods that are wanted; 1 where nothing is said.
    pub replicas: u32,
    /// Whether a person paused it.
    pub paused: bool,
    /// When its pods are to be made anew.
    pub restart_at: Option<DateTime<Utc>>,
    /// Seconds without progress after which it is called degraded; 600 where nothing is said.
    pub progress_deadline: u32,
    /// The labels by which its pods are selected, as `key=value,key=value`; empty where it refers to another workload.
    pub selector: String,
    /// The images of its own template, of containers in order; none where it refers to another workload.
    pub images: Vec<SafeText>,
    /// The workload that it takes its template from.
    pub workload: Option<WorkloadRef>,
    /// How it goes about an update.
    pub strategy: Strategy,
    /// What the controller says.
    pub status: Status,
    /// A short digest over its strategy and its template: changes with the plan, and with nothing else.
    pub plan: String,
    /// Fields that are there and cannot be read, or that must be there and are not, written with dots.
    pub missing: Vec<SafeText>,
}

/// Another object whose template a rollout uses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkloadRef {
    /// `apps/v1`.
    pub api_version: String,
    /// `Deployment`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// When that object is scaled down: `never`, `onsuccess`, `progressively`.
    pub scale_down: SafeText,
}

/// How a rollout goes about an update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Strategy {
    /// Step by step.
    Canary(Canary),
    /// The new version beside the old one, and then at once.
    BlueGreen(BlueGreen),
    /// Neither is written, or both are unreadable.
    Unknown,
}

/// A canary's plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Canary {
    /// Its steps.
    pub steps: Vec<Step>,
    /// What routes its traffic: `istio`, `nginx`; none where pods alone make its share.
    pub router: Option<SafeText>,
    /// The weight that is all of the traffic.
    pub max_weight: u32,
    /// The service that leads to the canary's pods.
    pub canary_service: SafeText,
    /// The service that leads to the stable pods.
    pub stable_service: SafeText,
    /// The analysis that runs beside the steps.
    pub background: Option<Background>,
    /// Whether two services take turns in being the stable one.
    pub ping_pong: bool,
    /// Whether the stable pods are scaled down as the canary's weight grows.
    pub dynamic_stable_scale: bool,
    /// Seconds after which the canary's pods go when it is aborted; only where traffic is routed.
    pub abort_scale_down_delay: Option<u32>,
}

/// An analysis that runs beside the steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Background {
    /// The names of its templates.
    pub templates: Vec<SafeText>,
    /// The step at which it begins, counted from 0.
    pub starting_step: u32,
}

/// The plan of a blue-green rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlueGreen {
    /// The service that people use.
    pub active_service: SafeText,
    /// The service that leads to the new version before that.
    pub preview_service: SafeText,
    /// The pods of the new version before the switch; as many as wanted, when absent.
    pub preview_replicas: Option<u32>,
    /// Whether it switches by itself.
    pub auto_promotion: bool,
    /// After how many seconds it switches by itself.
    pub auto_promotion_seconds: Option<u32>,
    /// The templates of the analysis before the switch; none where there is no such analysis.
    pub pre_promotion: Option<Vec<SafeText>>,
    /// The templates of the analysis after the switch; none where there is no such analysis.
    pub post_promotion: Option<Vec<SafeText>>,
}

/// What the controller says of a rollout.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "the cluster writes them as they are, each for itself")]
pub struct Status {
    /// Whether it says anything yet.
    pub present: bool,
    /// The controller's word; empty before 1.0.
    pub phase: String,
    /// Why.
    pub message: SafeText,
    /// The generation that it has seen, as a text; a hash before 0.10.
    pub observed_generation: String,
    /// The generation of the workload referred to that it has seen, as a text.
    pub workload_observed_generation: String,
    /// The step that it is at, counted from 0; the number of steps when all are done.
    pub step_index: Option<usize>,
    /// Tells these steps from others.
    pub step_hash: String,
    /// The hash of the template that is being rolled out.
    pub pod_hash: String,
    /// The hash of the template that is stable.
    pub stable_hash: String,
    /// Why it waits.
    pub pauses: Vec<PauseCondition>,
    /// Whether the controller itself paused it. With no reason left, somebody answered and it has not noticed yet.
    pub controller_pause: bool,
    /// Whether the update was given up.
    pub abort: bool,
    /// When.
    pub aborted_at: Option<DateTime<Utc>>,
    /// Whether the rest of the steps is skipped.
    pub promote_full: bool,
    /// Pods that are there.
    pub replicas: u32,
    /// Of the new version.
    pub updated: u32,
    /// That are ready.
    pub ready: u32,
    /// That are available.
    pub available: u32,
    /// When a restart last finished.
    pub restarted_at: Option<DateTime<Utc>>,
    /// What holds, and since when.
    pub conditions: Vec<Condition>,
    /// The weights that were set on the router.
    pub weights: Option<Weights>,
    /// The analysis of the present step.
    pub step_run: Option<RunStatus>,
    /// The analysis beside the steps.
    pub background_run: Option<RunStatus>,
    /// The analysis before the switch.
    pub pre_promotion_run: Option<RunStatus>,
    /// The analysis after the switch.
    pub post_promotion_run: Option<RunStatus>,
    /// The experiment of the present step; empty where there is none.
    pub experiment: String,
    /// Which of the two services is stable: `ping`, `pong`; empty where they take no turns.
    pub stable_ping_pong: String,
    /// What its plugins did.
    pub plugins: Vec<PluginStatus>,
    /// The hash of the template that the active service leads to.
    pub active_hash: String,
    /// The hash of the template that the preview service leads to.
    pub preview_hash: String,
}

/// Why a rollout waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PauseCondition {
    /// `CanaryPauseStep`, `BlueGreenPause`, `InconclusiveAnalysisRun`, `InconclusiveExperiment`.
    pub reason: String,
    /// Since when.
    pub since: Option<DateTime<Utc>>,
}

/// What holds of a rollout, and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// `Progressing`, `InvalidSpec`, `Paused`, ...
    pub kind: String,
    /// `True`, `False`, `Unknown`.
    pub status: String,
    /// In a word.
    pub reason: String,
    /// In a sentence.
    pub message: SafeText,
    /// When it last changed.
    pub since: Option<DateTime<Utc>>,
    /// When it was last written.
    pub updated_at: Option<DateTime<Utc>>,
}

/// The weights that were set on the router.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weights {
    /// The canary's.
    pub canary: u32,
    /// The stable version's.
    pub stable: u32,
    /// Of experiments, summed up.
    pub additional: u32,
    /// Whether the router confirmed it; none where it does not say.
    pub verified: Option<bool>,
}

/// What a rollout says of an analysis run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunStatus {
    /// The run's name.
    pub name: String,
    /// `Pending`, `Running`, `Successful`, `Failed`, `Error`, `Inconclusive`.
    pub phase: String,
    /// Why.
    pub message: SafeText,
}

/// What a rollout says of a step that a plugin carries out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginStatus {
    /// The step, counted from 0.
    pub index: usize,
    /// The plugin's name.
    pub name: SafeText,
    /// `Run`, `Terminate`, `Abort`.
    pub operation: SafeText,
    /// `Running`, `Successful`, `Failed`, `Error`.
    pub phase: SafeText,
    /// Why.
    pub message: SafeText,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
}

impl RunStatus {
    /// Whether it ended.
    #[must_use]
    pub fn is_completed(&self) -> bool {
        matches!(self.phase.as_str(), "Successful" | "Failed" | "Error" | "Inconclusive")
    }
}

impl Rollout {
    /// Reads one. Nothing makes it fail: what cannot be read is as if absent, and named in
    /// [`Rollout::missing`].
    #[must_use]
    pub fn read(object: &Value) -> Self {
        let meta = Meta::read(object, &WATCHED);
        let mut reader = Reader { object, missing: Vec::new() };
        for (absent, field) in [
            (meta.namespace.is_empty(), "metadata.namespace"),
            (meta.name.is_empty(), "metadata.name"),
            (meta.uid.is_empty(), "metadata.uid"),
            (meta.generation.is_none(), "metadata.generation"),
        ] {
            if absent {
                reader.note(field);
            }
        }
        let replicas = reader.count("/spec/replicas").unwrap_or(1);
        let paused = reader.flag("/spec/paused");
        let restart_at = reader.time("/spec/restartAt");
        let progress_deadline = reader.count("/spec/progressDeadlineSeconds").unwrap_or(600);
        let strategy = strategy(&mut reader);
        let status = status(&mut reader);
        let workload = reader.map("/spec/workloadRef").map(|reference| WorkloadRef {
            api_version: read::text(reference, "/apiVersion").unwrap_or_default(),
            kind: read::text(reference, "/kind").unwrap_or_default(),
            name: read::text(reference, "/name").unwrap_or_default(),
            scale_down: read::shown(reference, "/scaleDown"),
        });
        Self {
            meta,
            replicas,
            paused,
            restart_at,
            progress_deadline,
            selector: selector(object),
            images: images(object, "/spec/template"),
            workload,
            strategy,
            status,
            plan: plan(object),
            missing: reader.missing,
        }
    }

    /// The number of the revision that is being rolled out, or was last; 0 when it has none yet.
    #[must_use]
    pub fn revision_number(&self) -> u64 {
        revision_of(&self.meta)
    }

    /// The steps; none of a blue-green rollout.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        match &self.strategy {
            Strategy::Canary(canary) => &canary.steps,
            Strategy::BlueGreen(_) | Strategy::Unknown => &[],
        }
    }

    /// The step that it is at; none without steps, and after the last one.
    #[must_use]
    pub fn step(&self) -> Option<&Step> {
        self.steps().get(self.status.step_index.unwrap_or(0))
    }

    /// Whether the version that is wanted is the stable one.
    #[must_use]
    pub fn is_fully_promoted(&self) -> bool {
        self.status.stable_hash == self.status.pod_hash
    }

    /// The condition of a type.
    #[must_use]
    pub fn condition(&self, kind: &str) -> Option<&Condition> {
        self.status.conditions.iter().find(|condition| condition.kind == kind)
    }
}

/// The number of an object's revision; 0 where it has none.
#[must_use]
pub fn revision_of(meta: &Meta) -> u64 {
    meta.annotations.get(REVISION).and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// The images of a pod template, of containers in order.
#[must_use]
pub fn images(object: &Value, template: &str) -> Vec<SafeText> {
    let containers = read::list(object, &format!("{template}/spec/containers"));
    containers.iter().take(IMAGES_MAX).map(|container| read::shown(container, "/image")).collect()
}

fn selector(object: &Value) -> String {
    let labels = read::at(object, "/spec/selector/matchLabels").and_then(Value::as_object);
    let pairs = labels.into_iter().flatten().filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?)));
    pairs.collect::<Vec<_>>().join(",")
}

fn plan(object: &Value) -> String {
    let mut digest = Sha256::new();
    for pointer in ["/spec/strategy", "/spec/template", "/spec/workloadRef"] {
        // Objects are kept sorted by key, so that equal ones are written alike.
        digest.update(object.pointer(pointer).unwrap_or(&Value::Null).to_string());
        digest.update([0]);
    }
    hex(&digest.finalize()[..4])
}

/// Reads fields of one object, and notes those that are there and cannot be read.
struct Reader<'a> {
    object: &'a Value,
    missing: Vec<SafeText>,
}

impl<'a> Reader<'a> {
    fn note(&mut self, field: &str) {
        if self.missing.len() < ENTRIES_MAX {
            self.missing.push(SafeText::new(field));
        }
    }

    /// What a field is read as; noted where it is there and is not that.
    fn field<T>(&mut self, pointer: &str, read: impl FnOnce(&'a Value) -> Option<T>) -> Option<T> {
        let value = read::at(self.object, pointer)?;
        let found = read(value);
        if found.is_none() {
            self.note(&pointer[1..].replace('/', "."));
        }
        found
    }

    fn flag(&mut self, pointer: &str) -> bool {
        self.field(pointer, Value::as_bool).unwrap_or_default()
    }

    fn text(&mut self, pointer: &str) -> String {
        self.field(pointer, Value::as_str).unwrap_or_default().to_owned()
    }

    /// A text that may also be written as a number.
    fn word(&mut self, pointer: &str) -> String {
        let read = |value: &Value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        self.field(pointer, read).unwrap_or_default()
    }

    /// A number of at least 0 that fits in 31 bits, as all of Kubernetes' counts do.
    fn count(&mut self, pointer: &str) -> Option<u32> {
        self.field(pointer, |value| {
            read::whole(value)
                .and_then(|number| i32::try_from(number).ok())
                .and_then(|number| u32::try_from(number).ok())
        })
    }

    fn time(&mut self, pointer: &str) -> Option<DateTime<Utc>> {
        let object = self.object;
        self.field(pointer, |_| read::time(object, pointer))
    }

    fn map(&mut self, pointer: &str) -> Option<&'a Value> {
        self.field(pointer, |value| value.is_object().then_some(value))
    }

    fn list(&mut self, pointer: &str) -> &'a [Value] {
        let list = self.field(pointer, Value::as_array).map_or(&[][..], Vec::as_slice);
        &list[..list.len().min(ENTRIES_MAX)]
    }

    fn run(&mut self, pointer: &str) -> Option<RunStatus> {
        self.map(pointer).map(|run| RunStatus {
            name: read::text(run, "/name").unwrap_or_default(),
            phase: read::text(run, "/status").unwrap_or_default(),
            message: read::shown(run, "/message"),
        })
    }

    fn templates(&mut self, pointer: &str) -> Vec<SafeText> {
        self.list(pointer).iter().map(|template| read::shown(template, "/templateName")).collect()
    }
}

fn strategy(reader: &mut Reader<'_>) -> Strategy {
    if reader.map("/spec/strategy/canary").is_some() {
        let at = |rest: &str| format!("/spec/strategy/canary/{rest}");
        let list = reader.list(&at("steps"));
        let mut steps = Vec::with_capacity(list.len());
        for (index, step) in list.iter().enumerate() {
            let step = Step::read(step);
            if matches!(step, Step::Invalid { .. }) {
                reader.note(&format!("spec.strategy.canary.steps[{index}]"));
            }
            steps.push(step);
        }
        let router = reader.map(&at("trafficRouting"));
        let background = reader.map(&at("analysis")).map(|_| Background {
            templates: reader.templates(&at("analysis/templates")),
            starting_step: reader.count(&at("analysis/startingStep")).unwrap_or(0),
        });
        return Strategy::Canary(Canary {
            steps,
            router: router.map(router_name),
            max_weight: reader.count(&at("trafficRouting/maxTrafficWeight")).filter(|max| *max > 0).unwrap_or(100),
            canary_service: read::shown(reader.object, &at("canaryService")),
            stable_service: read::shown(reader.object, &at("stableService")),
            background,
            ping_pong: reader.map(&at("pingPong")).is_some(),
            dynamic_stable_scale: reader.flag(&at("dynamicStableScale")),
            abort_scale_down_delay: reader.count(&at("abortScaleDownDelaySeconds")),
        });
    }
    if reader.map("/spec/strategy/blueGreen").is_some() {
        let at = |rest: &str| format!("/spec/strategy/blueGreen/{rest}");
        let analysis = |reader: &mut Reader<'_>, name: &str| {
            reader.map(&at(name)).map(|_| reader.templates(&at(&format!("{name}/templates"))))
        };
        return Strategy::BlueGreen(BlueGreen {
            active_service: read::shown(reader.object, &at("activeService")),
            preview_service: read::shown(reader.object, &at("previewService")),
            preview_replicas: reader.count(&at("previewReplicaCount")),
            auto_promotion: reader.field(&at("autoPromotionEnabled"), Value::as_bool).unwrap_or(true),
            auto_promotion_seconds: reader.count(&at("autoPromotionSeconds")).filter(|seconds| *seconds > 0),
            pre_promotion: analysis(reader, "prePromotionAnalysis"),
            post_promotion: analysis(reader, "postPromotionAnalysis"),
        });
    }
    reader.note("spec.strategy");
    Strategy::Unknown
}

/// What routes traffic: the key beside those that are about all routers.
fn router_name(routing: &Value) -> SafeText {
    let keys = routing.as_object().into_iter().flatten().map(|(key, _)| key.as_str());
    let mut names: Vec<String> = keys
        .filter(|key| !matches!(*key, "managedRoutes" | "maxTrafficWeight" | "plugins"))
        .map(str::to_owned)
        .collect();
    names.extend(
        read::at(routing, "/plugins").and_then(Value::as_object).into_iter().flatten().map(|(key, _)| key.clone()),
    );
    SafeText::new(names.join(", "))
}

fn status(reader: &mut Reader<'_>) -> Status {
    let Some(_) = reader.map("/status") else { return Status::default() };
    let weights = reader.map("/status/canary/weights").is_some().then(|| Weights {
        canary: reader.count("/status/canary/weights/canary/weight").unwrap_or(0),
        stable: reader.count("/status/canary/weights/stable/weight").unwrap_or(0),
        additional: reader
            .list("/status/canary/weights/additional")
            .iter()
            .filter_map(|part| read::count(part, "/weight"))
            .fold(0, u32::saturating_add),
        verified: reader.field("/status/canary/weights/verified", Value::as_bool),
    });
    Status {
        present: true,
        phase: reader.text("/status/phase"),
        message: SafeText::new(reader.text("/status/message")),
        observed_generation: reader.word("/status/observedGeneration"),
        workload_observed_generation: reader.word("/status/workloadObservedGeneration"),
        step_index: reader.count("/status/currentStepIndex").map(|index| index as usize),
        step_hash: reader.text("/status/currentStepHash"),
        pod_hash: reader.text("/status/currentPodHash"),
        stable_hash: reader.text("/status/stableRS"),
        pauses: reader
            .list("/status/pauseConditions")
            .iter()
            .map(|pause| PauseCondition {
                reason: read::text(pause, "/reason").unwrap_or_default(),
                since: read::time(pause, "/startTime"),
            })
            .collect(),
        controller_pause: reader.flag("/status/controllerPause"),
        abort: reader.flag("/status/abort"),
        aborted_at: reader.time("/status/abortedAt"),
        promote_full: reader.flag("/status/promoteFull"),
        replicas: reader.count("/status/replicas").unwrap_or(0),
        updated: reader.count("/status/updatedReplicas").unwrap_or(0),
        ready: reader.count("/status/readyReplicas").unwrap_or(0),
        available: reader.count("/status/availableReplicas").unwrap_or(0),
        restarted_at: reader.time("/status/restartedAt"),
        conditions: reader
            .list("/status/conditions")
            .iter()
            .map(|condition| Condition {
                kind: read::text(condition, "/type").unwrap_or_default(),
                status: read::text(condition, "/status").unwrap_or_default(),
                reason: read::text(condition, "/reason").unwrap_or_default(),
                message: read::shown(condition, "/message"),
                since: read::time(condition, "/lastTransitionTime"),
                updated_at: read::time(condition, "/lastUpdateTime"),
            })
            .collect(),
        weights,
        step_run: reader.run("/status/canary/currentStepAnalysisRunStatus"),
        background_run: reader.run("/status/canary/currentBackgroundAnalysisRunStatus"),
        pre_promotion_run: reader.run("/status/blueGreen/prePromotionAnalysisRunStatus"),
        post_promotion_run: reader.run("/status/blueGreen/postPromotionAnalysisRunStatus"),
        experiment: reader.text("/status/canary/currentExperiment"),
        stable_ping_pong: reader.text("/status/canary/stablePingPong"),
        plugins: reader
            .list("/status/canary/stepPluginStatuses")
            .iter()
            .map(|plugin| PluginStatus {
                index: read::count(plugin, "/index").unwrap_or(0) as usize,
                name: read::shown(plugin, "/name"),
                operation: read::shown(plugin, "/operation"),
                phase: read::shown(plugin, "/phase"),
                message: read::shown(plugin, "/message"),
                started_at: read::time(plugin, "/startedAt"),
            })
            .collect(),
        active_hash: reader.text("/status/blueGreen/activeSelector"),
        preview_hash: reader.text("/status/blueGreen/previewSelector"),
    }
}

#[cfg(test)]
mod tests;
