//! What a rollout that somebody else carries out has beside stages, gates and indicators: a workload
//! of Kubernetes with its traffic, revisions, objects, analysis runs and events.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Action, SafeText};

/// A workload on Kubernetes, as it is now. A summary has traffic and replicas only.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Workload {
    /// What kind of object carries it: `Rollout`, `Canary`.
    pub kind: SafeText,
    /// Shares of traffic, or of pods where nothing routes traffic; none where there are no steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic: Option<Traffic>,
    /// Pods by what is wanted and what is there.
    pub replicas: Replicas,
    /// What else is worth knowing and has no place of its own: header routes, mirrors, which of ping and
    /// pong is stable, the workload that is referred to, a restart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<Fact>,
    /// Revisions, the newest first, at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revisions: Vec<RevisionView>,
    /// Its objects as a tree, each after the one that owns it; at most 500.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<ObjectView>,
    /// Analysis runs, the newest first, at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<RunView>,
    /// What happened to it in the cluster, the newest first, at most 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub happenings: Vec<Happening>,
    /// Which of this is not known, and why: forbidden to list, not watched now; in one sentence.
    #[serde(default, skip_serializing_if = "SafeText::is_empty")]
    pub remark: SafeText,
}

impl Workload {
    /// The workload as a list shows it.
    #[must_use]
    pub fn summary(self) -> Self {
        Self { kind: self.kind, traffic: self.traffic, replicas: self.replicas, ..Self::default() }
    }
}

/// Shares of traffic that the candidate gets, in percent of [`Traffic::max`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Traffic {
    /// What the present step sets.
    pub set: f64,
    /// What is in force, as far as it is known.
    pub actual: Option<f64>,
    /// The share that is all of it: 100, unless the router counts otherwise.
    pub max: f64,
    /// The share that is mirrored to the candidate, whose answers nobody sees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mirrored: Option<f64>,
    /// Whether the router confirmed it; none where it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<bool>,
}

/// Pods, by what is wanted and what is there. What is not known is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Replicas {
    /// That are wanted.
    pub desired: Option<u32>,
    /// That are there.
    pub current: Option<u32>,
    /// That are of the candidate.
    pub updated: Option<u32>,
    /// That are ready.
    pub ready: Option<u32>,
    /// That are available: ready for long enough.
    pub available: Option<u32>,
}

/// A line of what is worth knowing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fact {
    /// What it is about: `header route`.
    pub name: SafeText,
    /// What it is.
    pub value: SafeText,
}

/// One revision of the workload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RevisionView {
    /// Its number, as the cluster counts; 0 when it has none.
    pub number: u64,
    /// What tells it from others: the hash of its pod template.
    pub hash: SafeText,
    /// Its images, of containers in order.
    pub images: Vec<SafeText>,
    /// What it is now: `stable`, `canary`, `active`, `preview`, `ping`, `pong`.
    pub roles: Vec<SafeText>,
    /// Its pods.
    pub replicas: Replicas,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
}

/// How an object does, in a word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ObjectState {
    /// As it should be.
    Good,
    /// On its way.
    Working,
    /// Waits for somebody, or for a time.
    Waiting,
    /// Not as it should be.
    Bad,
    /// Scaled down, or ended.
    Off,
    /// It cannot be told.
    #[default]
    Unknown,
}

/// One object in the tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ObjectView {
    /// How deep it lies: the rollout is 0.
    pub depth: u8,
    /// `Rollout`, `Revision`, `ReplicaSet`, `Pod`, `AnalysisRun`, `Experiment`, `Job`.
    pub kind: SafeText,
    /// Its name; of a revision, its number.
    pub name: SafeText,
    /// How it does.
    pub state: ObjectState,
    /// The cluster's own word for that: `CrashLoopBackOff`.
    pub status: SafeText,
    /// What else is said of it: `stable,active`, `ready 1/1, restarts 3`, `delay 29s`.
    pub detail: SafeText,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
}

/// An analysis run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunView {
    /// Its name.
    pub name: SafeText,
    /// Why it runs: `step 3`, `background`, `before promotion`, `after promotion`, `experiment`.
    pub role: SafeText,
    /// Whether the rollout waits for it, or is judged by it, now.
    pub current: bool,
    /// The cluster's word: `Pending`, `Running`, `Successful`, `Failed`, `Error`, `Inconclusive`.
    pub phase: SafeText,
    /// How it does.
    pub state: ObjectState,
    /// Why, in the cluster's words.
    pub message: SafeText,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub completed_at: Option<DateTime<Utc>>,
    /// Its metrics, in the order of its spec.
    pub metrics: Vec<MetricView>,
}

/// One metric of an analysis run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MetricView {
    /// Its name.
    pub name: SafeText,
    /// The cluster's word.
    pub phase: SafeText,
    /// How it does.
    pub state: ObjectState,
    /// Why, in the cluster's words.
    pub message: SafeText,
    /// Who is asked: `prometheus`, `web`, `job`, ...
    pub provider: SafeText,
    /// What is asked, with its arguments filled in where the cluster tells them.
    pub query: SafeText,
    /// When a measurement is good; empty when nothing is said.
    pub success: SafeText,
    /// When it is bad; empty when nothing is said.
    pub failure: SafeText,
    /// Numbers in these conditions that a value is compared with.
    pub limits: Vec<f64>,
    /// Whether it counts for nothing.
    pub dry_run: bool,
    /// Measurements that were good.
    pub successful: u32,
    /// That were bad, and how many may be.
    pub failed: Tally,
    /// That were neither, and how many may be.
    pub inconclusive: Tally,
    /// That could not be made in a row, and how many may be.
    pub errors: Tally,
    /// How many are to be made; without end, when absent.
    pub count: Option<u32>,
    /// The newest measurements, oldest first, at most 60.
    pub measurements: Vec<Measurement>,
}

/// How many there were of something, and how many there may be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tally {
    /// How many there were.
    pub now: u32,
    /// How many there may be; any number, when absent.
    pub limit: Option<u32>,
}

/// One measurement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Measurement {
    /// When it was finished.
    pub at: Option<DateTime<Utc>>,
    /// The cluster's word.
    pub phase: SafeText,
    /// What was measured, as it was told.
    pub value: SafeText,
    /// The same as a number, where it is one.
    pub number: Option<f64>,
    /// What was wrong.
    pub message: SafeText,
}

/// Something that happened to it in the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Happening {
    /// When it last did.
    pub at: DateTime<Utc>,
    /// How often.
    pub count: u32,
    /// Whether the cluster calls it a warning.
    pub warning: bool,
    /// In a word: `RolloutPaused`.
    pub what: SafeText,
    /// In a sentence.
    pub text: SafeText,
    /// Who says so: the controller's name.
    pub by: SafeText,
}

/// An action that was sent to the cluster and not yet seen to be taken up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pending {
    /// Which action.
    pub action: Action,
    /// Who sent it.
    pub by: SafeText,
    /// When.
    pub at: DateTime<Utc>,
    /// Whether it was given up to wait: it may be taken up still.
    pub unconfirmed: bool,
    /// What is waited for, in one sentence.
    pub detail: SafeText,
}

/// Whether an action can be done now, where the phase alone does not tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Offer {
    /// Which action.
    pub action: Action,
    /// Why it cannot be done; it can, when absent. Names the rule that is missing, where the cluster forbids it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_not: Option<SafeText>,
}
