//! A rollout as it is shown: by the API, the dashboard and the command line alike.

use std::fmt;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Action, Digest, Effect, FailureCategory, GateName, LaneName, Overridable, Phase, RolloutId, RolloutName, SafeBlock,
    SafeText, SiteName, Sli, StageName, StageState, TargetName, Trend, Workload,
    plan::StageFlag,
    sli::OverallVerdict,
    workload::{Offer, Pending},
};

/// Changes with plan, phase, stage, membership and candidate, and with nothing else. Opaque.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Revision(pub SafeText);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A version by its two names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VersionRef {
    /// What people call it; `mixed` when units differ; none when there is none.
    pub version: Option<SafeText>,
    /// What it is; none when there is none, or several.
    pub snapshot: Option<Digest>,
}

/// How far the candidate reaches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Exposure {
    /// Share of `units_total`, 0 to 100.
    pub percent: f64,
    /// Units that have the candidate (measured or claimed), or are being told.
    pub units: u32,
    /// Units there are.
    pub units_total: u32,
}

/// What kind of condition a gate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GateKind {
    /// A CEL expression over facts.
    Expression,
    /// Something that is reported.
    Check,
    /// The verdicts of SLIs.
    Verdict,
    /// What is left of an SLI's error budget.
    Budget,
}

/// Whether a gate holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GateState {
    /// Not evaluated: its stage has not begun.
    Waiting,
    /// True: of an expression, for every unit of the stage.
    Pass,
    /// False, and not a breach (yet).
    NotYet,
    /// Some fact is missing or too old, or there is not enough to judge.
    Unknown,
    /// False three times in a row after it had held, or still false at the deadline.
    Breached,
}

/// A condition of a stage, as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gate {
    /// Its name in the plan.
    pub name: GateName,
    /// What kind of condition.
    pub kind: GateKind,
    /// As written in the plan.
    pub expression: SafeText,
    /// Whether it holds.
    pub state: GateState,
    /// One sentence with numbers: what holds it, on which units.
    pub detail: SafeText,
    /// Since when it is in this state.
    pub since: Option<DateTime<Utc>>,
}

/// One step of the plan, as it is now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Stage {
    /// Its name.
    pub name: StageName,
    /// Where it is.
    pub state: StageState,
    /// What it selects, as in the plan: `10 sites`.
    pub selects: SafeText,
    /// Its own units: how many have the candidate, of how many it selects.
    pub exposure: Exposure,
    /// Its gates; left out of a summary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gates: Option<Vec<Gate>>,
    /// When it began.
    pub entered_at: Option<DateTime<Utc>>,
    /// Until when its minimum hold runs.
    pub hold_until: Option<DateTime<Utc>>,
    /// When it passed or ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// The flag that is set for its units when it begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flag: Option<StageFlag>,
}

impl Stage {
    /// The gates, none in a summary.
    #[must_use]
    pub fn gates(&self) -> &[Gate] {
        self.gates.as_deref().unwrap_or_default()
    }
}

/// What kind of reason holds a promotion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BlockerKind {
    /// A unit failed to do what it was told.
    Failure,
    /// A gate breached.
    Breach,
    /// A gate is false or unknown.
    Gate,
    /// Facts or reports are missing.
    NoData,
    /// A window.
    Freeze,
    /// Somebody paused it.
    Paused,
    /// The stage's units are not all there yet.
    InProgress,
    /// The minimum hold of the stage runs.
    Hold,
    /// It is not in a phase in which this can be done.
    Phase,
    /// A second person has to agree.
    Approval,
    /// An override that does not fit.
    Override,
}

/// One reason why the next promotion may not happen now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Blocker {
    /// What kind.
    pub kind: BlockerKind,
    /// One sentence.
    pub summary: SafeText,
    /// Since when.
    pub since: Option<DateTime<Utc>>,
    /// When it ends by itself.
    pub until: Option<DateTime<Utc>>,
}

/// The freeze that covers a rollout now: a window that denies, or one that alone allows and is not open.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Freeze {
    /// The window's id.
    pub window: SafeText,
    /// Its revision.
    #[serde(default)]
    pub revision: u64,
    /// Whether it denies, or alone allows and is not open now.
    #[serde(default, skip_serializing_if = "Effect::is_deny")]
    pub effect: Effect,
    /// Who may let something pass it.
    #[serde(default)]
    pub overridable: Overridable,
    /// What it covers.
    pub scope: SafeText,
    /// Why.
    pub reason: SafeText,
    /// Who made it.
    pub by: SafeText,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Until when; until lifted, when absent.
    pub until: Option<DateTime<Utc>>,
}

/// What happens next by itself, or who must act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Next {
    /// When, where that is known.
    pub at: Option<DateTime<Utc>>,
    /// What, in a few words.
    pub what: SafeText,
}

/// A unit that did not do what it was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// The site.
    pub site: SiteName,
    /// The lane.
    pub lane: LaneName,
    /// Why.
    pub category: FailureCategory,
    /// The end of what the command printed.
    pub output_tail: SafeBlock,
    /// When it was reported.
    pub at: DateTime<Utc>,
}

/// One unit of a rollout, as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnitView {
    /// The site.
    pub site: SiteName,
    /// The lane.
    pub lane: LaneName,
    /// The stage that selects it.
    pub stage: Option<StageName>,
    /// In a word: `baseline`, `told`, `applying`, `applied`, `healthy`, `unhealthy`, `failed`, `reverting`, `reverted`, `left_as_is`.
    pub state: SafeText,
    /// The snapshot that was measured there.
    pub measured: Option<Digest>,
    /// The snapshot that the agent claims, where it measures none.
    pub claimed: Option<Digest>,
    /// What it is brought back to.
    pub pinned: Option<Digest>,
    /// When it was last heard of.
    pub seen_at: Option<DateTime<Utc>>,
    /// Whether it was heard of within three check intervals.
    pub reachable: bool,
}

/// One change over one target, in stages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rollout {
    /// Where it happens.
    pub target: TargetName,
    /// What it is called there.
    pub name: RolloutName,
    /// What carries it out: `fleet`, `argo`, `flagger`.
    pub driver: SafeText,
    /// What an action is compared against.
    pub revision: Revision,
    /// Where it is.
    pub phase: Phase,
    /// Why it is there, in one sentence.
    pub message: SafeText,
    /// How it goes about it: `staged`.
    pub strategy: SafeText,
    /// What runs where the candidate does not.
    pub stable: VersionRef,
    /// What is being rolled out.
    pub candidate: VersionRef,
    /// How far the candidate reaches.
    pub exposure: Exposure,
    /// The steps.
    pub stages: Vec<Stage>,
    /// The name of the stage it is in.
    pub current_stage: Option<StageName>,
    /// Why the next promotion may not happen now; the weightiest first.
    pub blockers: Vec<Blocker>,
    /// Indicators.
    pub slis: Vec<Sli>,
    /// What is concluded of them all.
    pub verdict: OverallVerdict,
    /// The recent past of the worst indicator; of a summary, which has no series.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trend: Option<Trend>,
    /// The freeze that covers it now.
    pub freeze: Option<Box<Freeze>>,
    /// What happens next.
    pub next: Option<Next>,
    /// Who answers for it.
    pub owner: SafeText,
    /// Units that failed, the newest first, at most 50; left out of a summary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failures: Option<Vec<Failure>>,
    /// Units, at most 1 000; left out of a summary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units: Option<Vec<UnitView>>,
    /// What it is in the cluster that carries it out; none of a fleet's rollout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<Box<Workload>>,
    /// An action that was sent, and not yet seen to be taken up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<Pending>,
    /// Which actions can be done, where the phase alone does not tell; empty of a fleet's rollout.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offers: Vec<Offer>,
    /// Ties together all audit entries of this rollout.
    pub correlation_id: SafeText,
    /// When it was begun.
    pub created_at: DateTime<Utc>,
    /// When its phase or stage last changed.
    pub updated_at: DateTime<Utc>,
    /// When its units were last heard of.
    pub observed_at: Option<DateTime<Utc>>,
}

impl Rollout {
    /// Its address.
    #[must_use]
    pub fn id(&self) -> RolloutId {
        RolloutId { target: self.target.clone(), name: self.name.clone() }
    }

    /// The rollout as a list shows it: without gates, failures and units, and a trend instead of series.
    #[must_use]
    pub fn summary(mut self) -> Self {
        self.trend = Trend::of(&self.slis).or(self.trend);
        for stage in &mut self.stages {
            stage.gates = None;
        }
        for sli in &mut self.slis {
            sli.series = None;
        }
        self.failures = None;
        self.units = None;
        self.workload = self.workload.map(|workload| Box::new(workload.summary()));
        self
    }

    /// Whether an action can be done now, or why not.
    ///
    /// # Errors
    /// Why it cannot, in a sentence.
    pub fn offers(&self, action: Action) -> Result<(), SafeText> {
        match self.offers.iter().find(|offer| offer.action == action) {
            Some(offer) => offer.why_not.clone().map_or(Ok(()), Err),
            None if self.offers.is_empty() && action.applies_in(self.phase) => Ok(()),
            None if self.offers.is_empty() => Err(SafeText::new(format!("not while it is {}", self.phase.words()))),
            None => Err(SafeText::new(format!("{} cannot {}", self.driver, action.words()))),
        }
    }
}

/// How a line of a preview's checks stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckState {
    /// In order.
    Pass,
    /// Allowed, and worth knowing.
    Warn,
    /// Forbids it.
    Block,
}

/// One line of a preview's checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// How it stands.
    pub state: CheckState,
    /// What was checked, in one sentence.
    pub text: SafeText,
}

/// What an action does, said before it is done and recorded after.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Preview {
    /// In one sentence; what the audit entry keeps.
    pub summary: SafeText,
    /// What changes.
    pub changes: Vec<SafeText>,
    /// What does not change, where people might think so.
    pub unchanged: Vec<SafeText>,
    /// What was checked.
    pub checks: Vec<Check>,
    /// How many units are told something.
    pub units: u32,
}
