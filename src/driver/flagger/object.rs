//! A Canary as Flagger keeps it: what is used of it, with the defaults that Flagger itself fills in.
//!
//! Fields and defaults as in `pkg/apis/flagger/v1beta1/canary.go` and `status.go` of fluxcd/flagger
//! v1.36. Numbers are declared `number`, so that `3.0` is one too, and some of them are negative.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::{
    domain::{SafeText, duration, hex},
    driver::kubernetes::{meta::Meta, read, request::Kind},
};

/// Fields of a Canary of which it is known who wrote them last.
pub const WATCHED: [&str; 6] = [
    "spec.suspend",
    "spec.skipAnalysis",
    "spec.analysis",
    "status.phase",
    "status.failedChecks",
    "status.canaryWeight",
];

/// The interval when none is given, or none that can be read.
const INTERVAL: Duration = Duration::from_mins(1);
/// The shortest interval that Flagger keeps to.
const INTERVAL_MIN: Duration = Duration::from_secs(10);
/// How long a deployment may make no progress when nothing is said, in seconds.
const PROGRESS_DEADLINE: u32 = 600;
/// All of the traffic.
pub const TOTAL_WEIGHT: i64 = 100;
/// How many checks Flagger makes with its `kubernetes` provider when nothing is said.
const ITERATIONS_OF_KUBERNETES: i64 = 10;
/// Metrics, webhooks, weights and tracked configs of one Canary that are kept, at most.
const LIST_MAX: usize = 100;

/// A Canary.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Canary {
    /// What identifies it. Writers are known of [`WATCHED`].
    pub meta: Meta,
    /// The workload that holds the candidate: `X`.
    pub target: Reference,
    /// What scales the target.
    pub autoscaler: Option<Reference>,
    /// The name of the service in front: the target's, unless said otherwise.
    pub service: String,
    /// What splits traffic: `istio`, `nginx`, `kubernetes`; empty where the controller's own setting holds.
    pub provider: String,
    /// Whether somebody suspended it: Flagger then does nothing at all, not even roll back.
    pub suspended: bool,
    /// Whether `spec.skipAnalysis` is set. It stays set until somebody unsets it.
    pub skips_analysis: bool,
    /// Whether the target gets its traffic and replicas back when the Canary is deleted.
    pub reverts_on_deletion: bool,
    /// How long a workload may make no progress, in seconds.
    pub progress_deadline: u32,
    /// How the candidate is analysed; none where nothing is said, and then nothing is analysed.
    pub analysis: Option<Analysis>,
    /// A short digest over its spec but for `suspend` and `skipAnalysis`: changes with the plan, and with nothing else.
    pub plan: String,
    /// Where it is.
    pub status: Status,
}

/// Another object that is referred to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reference {
    /// `apps/v1`.
    pub api_version: String,
    /// `Deployment`, `DaemonSet` or `Service`; as written.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its namespace; empty for the Canary's own.
    pub namespace: String,
}

impl Reference {
    /// Which kind of object it is, where it is one that a driver reads.
    #[must_use]
    pub fn known_kind(&self) -> Option<Kind> {
        match self.kind.as_str() {
            "Deployment" => Some(Kind::DEPLOYMENT),
            "DaemonSet" => Some(Kind::DAEMON_SET),
            "Service" => Some(Kind::SERVICE),
            _ => None,
        }
    }

    fn read(object: &Value, pointer: &str) -> Option<Self> {
        let object = read::at(object, pointer)?;
        Some(Self {
            api_version: read::text(object, "/apiVersion").unwrap_or_default(),
            kind: read::text(object, "/kind").unwrap_or_default(),
            name: read::text(object, "/name").unwrap_or_default(),
            namespace: read::text(object, "/namespace").unwrap_or_default(),
        })
    }
}

/// How a candidate is analysed: `spec.analysis`, or `spec.canaryAnalysis` as it once was called.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Analysis {
    /// Which of the two names it has: a pointer such as `/spec/analysis`.
    pub pointer: &'static str,
    /// How often Flagger looks, and so how long an action may wait to be noticed: 60 s by default, 10 s at least.
    pub interval: Duration,
    /// After how many failed checks it goes back; 1 at least.
    pub threshold: i64,
    /// The greatest share the candidate gets before it is promoted, where one is set.
    pub max_weight: Option<i64>,
    /// By how much its share grows; 0 where it does not.
    pub step_weight: i64,
    /// The shares one after the other, at most 100.
    pub step_weights: Vec<i64>,
    /// By how much the primary's share grows on promotion; 0 for all at once.
    pub step_weight_promotion: i64,
    /// How many checks are made without moving traffic; 0 where traffic is moved.
    pub iterations: i64,
    /// Whether requests are mirrored to the candidate first.
    pub mirror: bool,
    /// The share that is mirrored, where it is not all.
    pub mirror_weight: Option<i64>,
    /// The requests that go to the candidate (A/B), each as one line.
    pub matches: Vec<SafeText>,
    /// Whether a cookie keeps users on the version they had.
    pub session_affinity: bool,
    /// What is measured, in order.
    pub metrics: Vec<Metric>,
    /// Who is asked, in order.
    pub webhooks: Vec<Webhook>,
}

/// One metric of an analysis.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metric {
    /// Its name: `request-success-rate` and `request-duration` are built in.
    pub name: SafeText,
    /// Over how long it is measured, as written; `1m` when nothing is said.
    pub interval: SafeText,
    /// The least value that is good.
    pub min: Option<f64>,
    /// The greatest value that is good.
    pub max: Option<f64>,
    /// The old way to give a limit: the least success rate, the greatest value of all else.
    pub threshold: Option<f64>,
    /// A query of its own, the old way.
    pub query: SafeText,
    /// The template of its query.
    pub template: Option<Reference>,
}

/// The kinds of webhooks, by when they are called and what a "no" does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hook {
    /// Before anything begins; no: it waits.
    ConfirmRollout,
    /// Before the first traffic; no: a failed check.
    PreRollout,
    /// With each check; no: a failed check.
    Rollout,
    /// Before each step of traffic; no: it stays where it is.
    ConfirmTrafficIncrease,
    /// Before the promotion; no: it waits.
    ConfirmPromotion,
    /// With each check; *yes*: it is rolled back.
    Rollback,
    /// When it is over; only told.
    PostRollout,
    /// With each event; only told.
    Event,
    /// One that is not known here.
    Other(SafeText),
}

impl Hook {
    fn of(text: &str) -> Self {
        match text {
            "confirm-rollout" => Self::ConfirmRollout,
            "pre-rollout" => Self::PreRollout,
            // Flagger takes one without a type for this.
            "rollout" | "" => Self::Rollout,
            "confirm-traffic-increase" => Self::ConfirmTrafficIncrease,
            "confirm-promotion" => Self::ConfirmPromotion,
            "rollback" => Self::Rollback,
            "post-rollout" => Self::PostRollout,
            "event" => Self::Event,
            other => Self::Other(SafeText::new(other)),
        }
    }

    /// As it is written in the Canary.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::ConfirmRollout => "confirm-rollout",
            Self::PreRollout => "pre-rollout",
            Self::Rollout => "rollout",
            Self::ConfirmTrafficIncrease => "confirm-traffic-increase",
            Self::ConfirmPromotion => "confirm-promotion",
            Self::Rollback => "rollback",
            Self::PostRollout => "post-rollout",
            Self::Event => "event",
            Self::Other(text) => text.as_str(),
        }
    }
}

/// One webhook of an analysis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its place in the list, for a patch of this one.
    pub index: usize,
    /// When it is called.
    pub hook: Hook,
    /// Its name.
    pub name: SafeText,
    /// Where it is, exactly. It may hold a secret: never shown whole.
    pub url: String,
}

/// Where Flagger says a Canary is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum CanaryPhase {
    /// Flagger has not looked at it yet.
    #[default]
    New,
    /// The primary is being made.
    Initializing,
    /// The primary is there, and nothing was released since.
    Initialized,
    /// A new revision waits for a confirm-rollout gate.
    Waiting,
    /// It is being analysed.
    Progressing,
    /// It passed, and waits for a confirm-promotion gate.
    WaitingPromotion,
    /// The primary takes the candidate over.
    Promoting,
    /// Traffic is back on the primary.
    Finalising,
    /// Promoted.
    Succeeded,
    /// Traffic is back on the primary, which stayed as it was.
    Failed,
    /// It was deleted, and the target is being given back what it had.
    Terminating,
    /// So it was.
    Terminated,
}

impl CanaryPhase {
    /// Every phase, in the order in which a release goes through them.
    pub const ALL: [Self; 12] = [
        Self::New,
        Self::Initializing,
        Self::Initialized,
        Self::Waiting,
        Self::Progressing,
        Self::WaitingPromotion,
        Self::Promoting,
        Self::Finalising,
        Self::Succeeded,
        Self::Failed,
        Self::Terminating,
        Self::Terminated,
    ];

    /// As Flagger writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "",
            Self::Initializing => "Initializing",
            Self::Initialized => "Initialized",
            Self::Waiting => "Waiting",
            Self::Progressing => "Progressing",
            Self::WaitingPromotion => "WaitingPromotion",
            Self::Promoting => "Promoting",
            Self::Finalising => "Finalising",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Terminating => "Terminating",
            Self::Terminated => "Terminated",
        }
    }

    /// Whether a release is under way: from its detection until the canary is scaled down.
    #[must_use]
    pub const fn is_under_way(self) -> bool {
        matches!(self, Self::Waiting | Self::Progressing | Self::WaitingPromotion | Self::Promoting | Self::Finalising)
    }
}

/// The status of a Canary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Where it is; else the sentence that says what is wrong with the field.
    pub phase: Result<CanaryPhase, SafeText>,
    /// The candidate's share as Flagger last wrote it. 0 in most phases, although traffic may be split: see
    /// [`Canary::split`].
    pub weight: i64,
    /// Checks that failed.
    pub failed_checks: i64,
    /// Checks that were made; -1 is possible while it waits for promotion.
    pub iterations: i64,
    /// The hash of the target's pod template that was last taken up.
    pub last_applied: String,
    /// The hash of the one that was last promoted.
    pub last_promoted: String,
    /// The config maps and secrets that the pods use, with their digests, at most 100.
    pub tracked_configs: BTreeMap<String, String>,
    /// When Flagger last wrote the status. It does so with each interval while the phase is `Failed`.
    pub written_at: Option<DateTime<Utc>>,
    /// Since when it is in its phase, where the condition says so.
    pub phase_since: Option<DateTime<Utc>>,
    /// Since when a release is under way, where the condition says so.
    pub begun_at: Option<DateTime<Utc>>,
    /// What the condition says, where it is about this phase.
    pub message: SafeText,
}

impl Default for Status {
    fn default() -> Self {
        Self::read(&Value::Null)
    }
}

/// By which strategy a candidate is brought in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Strategy {
    /// Its share of traffic grows.
    Weights,
    /// Requests that match go to it, and it is checked a number of times.
    AbTesting,
    /// It is checked a number of times beside the live one, and then gets all traffic.
    BlueGreen,
    /// Nothing is analysed: it is promoted as soon as it is ready.
    Skipped,
}

impl Strategy {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Weights => "canary",
            Self::AbTesting => "a/b",
            Self::BlueGreen => "blue-green",
            Self::Skipped => "no analysis",
        }
    }
}

/// Where a share of traffic is known from, while the status does not say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Split {
    /// The status says this share.
    Status(i64),
    /// The status says 0, and traffic is split all the same: this share, as the plan has it.
    Plan(i64),
    /// Traffic is split by what requests have in them, not by shares.
    Matching,
    /// Nothing is split.
    None,
}

impl Canary {
    /// Reads a Canary of any shape: what is missing or absurd is taken as Flagger takes it, or as absent.
    #[must_use]
    pub fn read(object: &Value) -> Self {
        let target = Reference::read(object, "/spec/targetRef").unwrap_or_default();
        Self {
            meta: Meta::read(object, &WATCHED),
            service: read::text(object, "/spec/service/name")
                .filter(|name| !name.is_empty())
                .unwrap_or_else(|| target.name.clone()),
            target,
            autoscaler: Reference::read(object, "/spec/autoscalerRef"),
            provider: read::text(object, "/spec/provider").unwrap_or_default(),
            suspended: read::is(object, "/spec/suspend"),
            skips_analysis: read::is(object, "/spec/skipAnalysis"),
            reverts_on_deletion: read::is(object, "/spec/revertOnDeletion"),
            progress_deadline: read::count(object, "/spec/progressDeadlineSeconds").unwrap_or(PROGRESS_DEADLINE),
            analysis: ["/spec/analysis", "/spec/canaryAnalysis"].into_iter().find_map(|at| Analysis::read(object, at)),
            plan: plan(object),
            status: Status::read(object),
        }
    }

    /// The workload that serves: `X-primary`.
    #[must_use]
    pub fn primary(&self) -> String {
        format!("{}-primary", self.target.name)
    }

    /// How often Flagger looks: 60 s where nothing is said.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.analysis.as_ref().map_or(INTERVAL, |analysis| analysis.interval)
    }

    /// After how many failed checks it goes back.
    #[must_use]
    pub fn threshold(&self) -> i64 {
        self.analysis.as_ref().map_or(1, |analysis| analysis.threshold)
    }

    /// The webhooks of a kind.
    pub fn hooks(&self, hook: &Hook) -> impl Iterator<Item = &Webhook> {
        let webhooks = self.analysis.as_ref().map_or(&[][..], |analysis| &analysis.webhooks);
        webhooks.iter().filter(move |webhook| webhook.hook == *hook)
    }

    /// Whether the target holds another template than the one that was promoted: after a failure, the rejected one.
    #[must_use]
    pub fn holds_rejected(&self) -> bool {
        self.status.last_applied.is_empty() || self.status.last_applied != self.status.last_promoted
    }

    /// By which strategy it goes, as far as the Canary itself tells.
    #[must_use]
    pub fn strategy(&self) -> Strategy {
        let Some(analysis) = self.analysis.as_ref().filter(|_| !self.skips_analysis) else {
            return Strategy::Skipped;
        };
        if self.provider == "kubernetes" {
            Strategy::BlueGreen
        } else if analysis.iterations < 1 {
            Strategy::Weights
        } else if analysis.matches.is_empty() {
            Strategy::BlueGreen
        } else {
            Strategy::AbTesting
        }
    }

    /// How many checks are made: 0 where traffic grows instead.
    #[must_use]
    pub fn iterations(&self) -> i64 {
        let set = self.analysis.as_ref().map_or(0, |analysis| analysis.iterations);
        match self.strategy() {
            Strategy::BlueGreen if set < 1 => ITERATIONS_OF_KUBERNETES,
            Strategy::BlueGreen | Strategy::AbTesting => set,
            Strategy::Weights | Strategy::Skipped => 0,
        }
    }

    /// The shares of traffic that the candidate gets one after the other, at most 100; empty where it gets none,
    /// as in [`Strategy::BlueGreen`], or where nothing makes them grow.
    #[must_use]
    pub fn weights(&self) -> Vec<i64> {
        match (&self.analysis, self.strategy()) {
            (Some(analysis), Strategy::Weights) => analysis.weights(),
            _ => Vec::new(),
        }
    }

    /// How traffic is split now. In the phases in which Flagger writes a share of 0 although the router still
    /// splits, the share is the last one of the plan.
    #[must_use]
    pub fn split(&self) -> Split {
        use CanaryPhase as P;
        let Ok(phase) = self.status.phase else { return Split::None };
        match (phase, self.strategy()) {
            (P::Progressing | P::WaitingPromotion | P::Promoting, _) if self.status.weight > 0 => {
                Split::Status(self.status.weight)
            }
            (P::Progressing, Strategy::Weights) => Split::Status(0),
            (P::WaitingPromotion | P::Promoting, Strategy::Weights) => {
                self.weights().last().map_or(Split::None, |last| Split::Plan(*last))
            }
            (P::Progressing, Strategy::AbTesting) if self.status.iterations < 1 => Split::None,
            (P::Progressing | P::WaitingPromotion | P::Promoting, Strategy::AbTesting) => Split::Matching,
            // All traffic goes to the candidate once its last check was made, and until the primary is like it.
            (P::Promoting, Strategy::BlueGreen) if self.provider != "kubernetes" => Split::Plan(TOTAL_WEIGHT),
            (P::Progressing, Strategy::BlueGreen)
                if self.provider != "kubernetes" && self.status.iterations > self.iterations() =>
            {
                Split::Plan(TOTAL_WEIGHT)
            }
            _ => Split::None,
        }
    }
}

impl Analysis {
    fn read(object: &Value, pointer: &'static str) -> Option<Self> {
        let object = read::at(object, pointer).filter(|analysis| analysis.is_object())?;
        let integer = |pointer: &str| read::integer(object, pointer);
        Some(Self {
            pointer,
            interval: read::text(object, "/interval")
                .and_then(|text| duration::parse(&text).ok())
                .unwrap_or(INTERVAL)
                .max(INTERVAL_MIN),
            threshold: integer("/threshold").unwrap_or_default().max(1),
            max_weight: integer("/maxWeight").filter(|weight| *weight > 0),
            step_weight: integer("/stepWeight").unwrap_or_default(),
            step_weights: read::list(object, "/stepWeights").iter().filter_map(read::whole).take(LIST_MAX).collect(),
            step_weight_promotion: integer("/stepWeightPromotion").unwrap_or_default().max(0),
            iterations: integer("/iterations").unwrap_or_default(),
            mirror: read::is(object, "/mirror"),
            mirror_weight: integer("/mirrorWeight").filter(|weight| *weight > 0),
            matches: read::list(object, "/match").iter().take(LIST_MAX).map(rule).collect(),
            session_affinity: read::at(object, "/sessionAffinity").is_some(),
            metrics: read::list(object, "/metrics").iter().take(LIST_MAX).map(Metric::read).collect(),
            webhooks: read::list(object, "/webhooks")
                .iter()
                .take(LIST_MAX)
                .enumerate()
                .map(|(index, webhook)| Webhook {
                    index,
                    hook: Hook::of(&read::text(webhook, "/type").unwrap_or_default()),
                    name: read::shown(webhook, "/name"),
                    url: read::text(webhook, "/url").unwrap_or_default(),
                })
                .collect(),
        })
    }

    /// The shares of traffic one after the other, as `nextStepWeight` and `maxWeight` of Flagger's
    /// `pkg/controller/scheduler.go` make them.
    fn weights(&self) -> Vec<i64> {
        let limit = match self.step_weights.last() {
            Some(last) => *last,
            None => self.max_weight.unwrap_or(TOTAL_WEIGHT),
        }
        .min(TOTAL_WEIGHT);
        let mut weights = Vec::new();
        let mut weight = 0;
        while weight < limit && weights.len() < LIST_MAX {
            let step = self.step_after(weight);
            if step <= 0 {
                break;
            }
            weight = weight.saturating_add(step).min(TOTAL_WEIGHT);
            weights.push(weight);
        }
        weights
    }

    fn step_after(&self, weight: i64) -> i64 {
        if self.step_weight > 0 || self.step_weights.is_empty() {
            return self.step_weight;
        }
        let room = TOTAL_WEIGHT - weight;
        if weight == 0 {
            return self.step_weights[0].min(room);
        }
        let next = self.step_weights.windows(2).find(|pair| pair[0] == weight);
        next.map_or(room, |pair| pair[1].saturating_sub(weight).min(room))
    }
}

impl Metric {
    fn read(object: &Value) -> Self {
        let number = |pointer: &str| read::at(object, pointer).and_then(Value::as_f64).filter(|n| n.is_finite());
        Self {
            name: read::shown(object, "/name"),
            interval: Some(read::shown(object, "/interval"))
                .filter(|text| !text.is_empty())
                .unwrap_or_else(|| SafeText::new("1m")),
            min: number("/thresholdRange/min"),
            max: number("/thresholdRange/max"),
            threshold: number("/threshold"),
            query: read::shown(object, "/query"),
            template: Reference::read(object, "/templateRef"),
        }
    }
}

impl Status {
    fn read(object: &Value) -> Self {
        let phase = match read::at(object, "/status/phase") {
            None => Ok(CanaryPhase::New),
            Some(Value::String(text)) => CanaryPhase::ALL
                .into_iter()
                .find(|phase| phase.as_str() == text)
                .ok_or_else(|| SafeText::new(format!("status.phase is {text:?}, which is no phase of Flagger's"))),
            Some(_) => Err(SafeText::new("status.phase is no text")),
        };
        let name = phase.as_ref().map_or("", |phase| phase.as_str());
        let promoted = read::list(object, "/status/conditions")
            .iter()
            .find(|condition| read::at(condition, "/type").and_then(Value::as_str) == Some("Promoted"))
            // The condition is of another phase while a write of Flagger's is under way, or by another version of it.
            .filter(|condition| read::at(condition, "/reason").and_then(Value::as_str) == Some(name));
        let configs = read::at(object, "/status/trackedConfigs").and_then(Value::as_object);
        Self {
            weight: read::integer(object, "/status/canaryWeight").unwrap_or_default(),
            failed_checks: read::integer(object, "/status/failedChecks").unwrap_or_default(),
            iterations: read::integer(object, "/status/iterations").unwrap_or_default(),
            last_applied: read::text(object, "/status/lastAppliedSpec").unwrap_or_default(),
            last_promoted: read::text(object, "/status/lastPromotedSpec").unwrap_or_default(),
            tracked_configs: configs
                .into_iter()
                .flatten()
                .filter_map(|(name, digest)| Some((name.clone(), digest.as_str()?.to_owned())))
                .take(LIST_MAX)
                .collect(),
            written_at: read::time(object, "/status/lastTransitionTime"),
            phase_since: promoted.and_then(|condition| read::time(condition, "/lastUpdateTime")),
            // Unknown is what it says from the first phase of a release to the last.
            begun_at: promoted
                .filter(|condition| read::at(condition, "/status").and_then(Value::as_str) == Some("Unknown"))
                .and_then(|condition| read::time(condition, "/lastTransitionTime")),
            message: promoted.map(|condition| read::shown(condition, "/message")).unwrap_or_default(),
            phase,
        }
    }
}

/// A digest over what is planned.
fn plan(object: &Value) -> String {
    let mut digest = Sha256::new();
    for (name, value) in read::at(object, "/spec").and_then(Value::as_object).into_iter().flatten() {
        if name != "suspend" && name != "skipAnalysis" {
            digest.update(name);
            digest.update(value.to_string());
        }
    }
    hex(&digest.finalize()[..8])
}

/// A rule of A/B testing on one line: `headers.x-canary.exact = insider`, its parts joined by `, `.
fn rule(value: &Value) -> SafeText {
    fn parts(at: &str, value: &Value, into: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    parts(&if at.is_empty() { name.clone() } else { format!("{at}.{name}") }, value, into);
                }
            }
            Value::String(text) => into.push(format!("{at} = {text}")),
            other => into.push(format!("{at} = {other}")),
        }
    }
    let mut found = Vec::new();
    parts("", value, &mut found);
    SafeText::new(found.join(", "))
}

#[cfg(test)]
mod tests;
