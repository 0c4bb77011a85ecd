//! What a story file says.

use std::{collections::BTreeMap, time::Duration};

use rolldeck::domain::{
    Action, Digest, FailureCategory, FlagKey, GateName, GateState, OnEnter, Phase, Plan, SafeText, StageState,
    plan::{Advance, BreachResponse, FailResponse, GateRule, PlanStage, PlanTelemetry, Selection, StageFlag},
};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Story {
    pub about: String,
    /// `site/lane` and a word for the snapshot that it runs; `none` for a unit without one.
    pub units: BTreeMap<String, String>,
    pub plan: PlanFile,
    pub step: Vec<StepFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanFile {
    /// Gates that are asked of units.
    #[serde(default)]
    gates: Vec<GateName>,
    /// Gates that ask for the verdict of every required indicator.
    #[serde(default)]
    verdicts: Vec<GateName>,
    /// Gates that ask for an error budget.
    #[serde(default)]
    budgets: Vec<GateName>,
    on_fail: Option<FailResponse>,
    #[serde(default)]
    on_breach: BreachResponse,
    #[serde(default)]
    on_breach_of: BTreeMap<GateName, BreachResponse>,
    stages: Vec<StageFile>,
    /// Whether it brings no snapshot: each stage sets a flag.
    #[serde(default)]
    flags_only: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StageFile {
    name: String,
    sites: Option<u32>,
    units: Option<u32>,
    percent: Option<f64>,
    hold: Option<String>,
    #[serde(default)]
    advance: Advance,
    gates: Option<Vec<GateName>>,
    deadline: Option<String>,
    /// What flag `fast-path` is to serve to its units.
    flag: Option<String>,
}

/// One thing that happens, and what is expected then. Where several units are named, they do the
/// same one after the other; `["*"]` is all of them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepFile {
    /// When, since the beginning; the time of the step before, when absent.
    pub at: Option<String>,
    /// Time goes by.
    #[serde(default)]
    pub tick: bool,
    pub act: Option<ActFile>,
    /// Agents ask for their desired state.
    #[serde(default)]
    pub ask: Vec<String>,
    pub report: Option<ReportFile>,
    #[serde(default)]
    pub silent: Vec<String>,
    /// A window begins over these units, and the one before it ends.
    pub freeze: Option<FreezeFile>,
    pub judge: Option<JudgeFile>,
    /// The control plane ends and begins again with what it stored: not what was routine.
    #[serde(default)]
    pub restart: bool,
    /// Why a flag that is asked for in this step is not set; it is, when absent.
    pub flag_refused: Option<String>,
    #[serde(default)]
    pub expect: Expected,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActFile {
    pub action: Action,
    pub to: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FreezeFile {
    pub units: Vec<String>,
    pub until: Option<String>,
    /// What it asks for when it begins; to hold, when absent.
    #[serde(default)]
    pub on_enter: OnEnter,
}

/// The indicators are judged.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JudgeFile {
    /// Verdict and budget gates that do not read true: `false` or `unknown`.
    #[serde(default)]
    pub gates: BTreeMap<GateName, GateReading>,
    /// Why it has failed as a whole: the plan says what follows.
    pub fails: Option<String>,
    /// The stage that was judged; the present one, when absent.
    pub stage: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportFile {
    pub from: Vec<String>,
    /// `applying`, `applied`, `healthy`, `unhealthy` or `failed`.
    pub state: String,
    pub category: Option<FailureCategory>,
    #[serde(default)]
    pub output: String,
    /// The snapshot that was measured; the one that was told, when absent; `none` for none.
    pub measured: Option<String>,
    pub claimed: Option<String>,
    /// Gates that do not read true: `false` or `unknown`.
    #[serde(default)]
    pub gates: BTreeMap<GateName, GateReading>,
    /// What the agent holds of flag `fast-path`: a variant at its newest revision, `old` for what it was before the
    /// rollout, `nothing`; what it should hold, when absent.
    pub holds: Option<String>,
    /// It is about an order before the last.
    #[serde(default)]
    pub stale: bool,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub struct GateReading {
    /// `true`, `false` or `unknown`.
    pub is: rolldeck::domain::Truth,
    #[serde(default)]
    pub why: String,
}

/// What is expected after a step; what is absent is not looked at, but for facts, tells and the answer.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    pub phase: Option<Phase>,
    pub stage: Option<String>,
    /// One that is the judge's is followed by ` (judge)`, one that is a window's by ` (window)`.
    #[serde(default)]
    pub facts: Vec<String>,
    /// `site/lane snapshot`; of a flag, `fast-path=on: site/lane, site/lane`, or `fast-path as it was`.
    #[serde(default)]
    pub tells: Vec<String>,
    #[serde(default)]
    pub known_good: bool,
    /// `done`, `no_op` or `refused`.
    pub answer: Option<String>,
    /// What the preview of the step's action has in it.
    #[serde(default)]
    pub previews: Vec<String>,
    /// What the message has in it.
    #[serde(default)]
    pub says: Vec<String>,
    /// Kinds of blockers, in order.
    pub blockers: Option<Vec<rolldeck::domain::BlockerKind>>,
    /// What the blockers have in them.
    #[serde(default)]
    pub blocked_by: Vec<String>,
    pub exposure: Option<u32>,
    /// Units by what they are in a word.
    #[serde(default)]
    pub units: BTreeMap<String, String>,
    /// Gates of the present stage.
    #[serde(default)]
    pub gates: BTreeMap<GateName, GateState>,
    #[serde(default)]
    pub stages: BTreeMap<String, StageState>,
    /// Until when the hold runs, since the beginning.
    pub hold_until: Option<String>,
    /// `site/lane category`.
    pub failures: Option<Vec<String>>,
    /// When a tick is due, since the beginning; `none` for never.
    pub due: Option<String>,
    /// What happens next, in part.
    pub next: Option<String>,
    /// Whether the revision changes.
    pub new_revision: Option<bool>,
    /// Whether the step need not survive a crash.
    pub routine: Option<bool>,
}

impl PlanFile {
    pub fn plan(&self) -> Plan {
        let stages = self.stages.iter().map(|stage| {
            let selects = match (stage.sites, stage.units, stage.percent) {
                (Some(count), None, None) => Selection::Sites(count),
                (None, Some(count), None) => Selection::Units(count),
                (None, None, Some(percent)) => Selection::Percent(percent),
                (None, None, None) => Selection::All,
                _ => panic!("stage {} selects by more than one word", stage.name),
            };
            PlanStage {
                name: stage.name.parse().unwrap(),
                selects,
                hold: stage.hold.as_deref().map_or(Duration::ZERO, span),
                advance: stage.advance,
                gates: stage.gates.clone(),
                slis: None,
                deadline: stage.deadline.as_deref().map(span),
                flag: stage.flag.as_ref().map(|variant| StageFlag { key: flag(), variant: SafeText::new(variant) }),
            }
        });
        let by_unit = self.gates.iter().map(|gate| (gate.clone(), GateRule::Expression(format!("{gate}_ok"))));
        let verdicts = self.verdicts.iter().map(|gate| (gate.clone(), GateRule::Verdict(Vec::new())));
        let budget = || GateRule::Budget { sli: SafeText::new("success"), above: 0.1 };
        let budgets = self.budgets.iter().map(|gate| (gate.clone(), budget()));
        Plan {
            approvals: Vec::new(),
            rollout: "pick-assist".parse().unwrap(),
            target: "dc-west".parse().unwrap(),
            snapshot: (!self.flags_only).then(|| digest("candidate")),
            owner: SafeText::new("team-picking"),
            gates: by_unit.chain(verdicts).chain(budgets).collect(),
            slis: Vec::new(),
            telemetry: PlanTelemetry { on_fail: self.on_fail, ..PlanTelemetry::default() },
            stages: stages.collect(),
            on_breach: self.on_breach,
            on_breach_of: self.on_breach_of.clone(),
        }
    }
}

/// `90s`, `30m`, `2h`.
pub fn span(text: &str) -> Duration {
    let (count, unit) = text.split_at(text.len() - 1);
    let count: u64 = count.parse().unwrap_or_else(|_| panic!("{text:?} is no span of time"));
    Duration::from_secs(match unit {
        "s" => count,
        "m" => count * 60,
        "h" => count * 3_600,
        _ => panic!("{text:?} is no span of time"),
    })
}

/// The flag that stages set.
pub fn flag() -> FlagKey {
    "fast-path".parse().unwrap()
}

/// The digest that a word stands for.
pub fn digest(word: &str) -> Digest {
    let mut bytes = [0; 32];
    bytes.iter_mut().zip(word.bytes()).for_each(|(to, from)| *to = from);
    Digest::of(bytes)
}

/// The digest of a word, but for `none`.
pub fn maybe_digest(word: &str) -> Option<Digest> {
    (word != "none").then(|| digest(word))
}
