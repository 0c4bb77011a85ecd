//! A rollout's plan: its stages, gates, indicators, and what a breach does.
//!
//! A plan is read from YAML text, or from JSON of the same form ([`Plan::from_value`]), and written
//! as JSON ([`Plan::to_value`]) that reads back as the same plan.
//!
//! ```yaml
//! rollout: pick-assist            # its name
//! target: dc-west                 # the site group
//! snapshot: sha256:...            # what `rolldeck snapshot add` printed
//! owner: team-picking             # optional
//! gates:                          # optional, by name
//!   telemetry: gap < 10s && drops == 0          # an expression, asked of each unit
//!   better: {verdict: all}                      # of all required indicators, of one, or of a list
//!   spare: {budget: success, above: 10%}        # what is left of an error budget
//! slis:                           # optional: indicators, canary against baseline
//!   success: {use: request_success_rate, critical: true, objective: 99.9%, period: 30d}
//!   pages:                        # beside these: family, required, observe_only, scoring
//!     {kind: latency, unit: s, direction: higher_is_worse, limit: 0.05, threshold: 300ms,
//!      histogram: 'sum by (service, track, le) (increase(page_seconds_bucket{service=~"$service", track=~"$track"}[$window]))'}
//!   crashes: {kind: count, bad: '...', total: '...'}      # or good and total, or value
//! telemetry:                      # optional: what agents report, in minutes, when absent
//!   source: prometheus            # as the server's configuration names it
//!   service: pick                 # the rollout's name, when absent
//!   arms: track                   # or release, or cohort
//!   canary: canary                # the tracks
//!   baseline: baseline
//!   slice: 1m                     # 5s to 10m
//!   max_lag: 3m
//!   on_fail: rollback             # or pause, or hold; on_breach of the verdict gates, when absent
//! stages:
//!   - canary: 1 site              # NAME: `N site(s)`, `N unit(s)`, `N lane(s)`, `P%`, `all`
//!     hold: 30m                   # optional, as are advance, gates, slis, deadline
//!     advance: automatic          # or manual, the default
//!     gates: [telemetry]          # all of the plan's, when absent; but verdicts only where a unit is left
//!                                 # to compare with
//!     deadline: 2h
//!     flag: {key: fast-path, variant: on}       # set for this stage's units when it begins
//!   - fleet: all
//! on_breach: rollback             # or pause, or a mapping by gate
//! ```
//!
//! A plan whose every stage sets a flag needs no snapshot: nothing is deployed, the flag is widened stage by
//! stage, and the gates are asked of the units whose agents hold it.

mod declared;
pub mod document;
mod error;
mod read;
mod schema;
mod write;

use std::{collections::BTreeMap, fmt, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use declared::Declared;
pub use document::SIZE_MAX;
pub use error::PlanError;
pub(crate) use error::{quoted, suggestion};
pub use read::SLI_FIELDS;
pub use schema::schema;

pub use super::sli::{Direction, PlanSli};
use super::{Approvable, Digest, FlagKey, GateKind, GateName, RolloutId, RolloutName, SafeText, StageName, TargetName};

/// What a stage selects of the membership that was frozen at start. Counts are *further* units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Selection {
    /// That many further sites, with all their lanes.
    Sites(u32),
    /// That many further units (lanes).
    Units(u32),
    /// Up to that share of the membership's sites in all, in percent, rounded up.
    Percent(f64),
    /// What remains.
    All,
}

/// Who lets the next stage begin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Advance {
    /// A person promotes.
    #[default]
    Manual,
    /// It begins as soon as this one has passed and held.
    Automatic,
}

/// What a breached gate does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BreachResponse {
    /// Every unit goes back to its pinned snapshot.
    #[default]
    Rollback,
    /// It stops where it is.
    Pause,
}

/// What a gate is made of.
#[derive(Debug, Clone, PartialEq)]
pub enum GateRule {
    /// A CEL expression, asked of each unit's facts.
    Expression(String),
    /// The verdicts of these indicators, or of all that are required, when none is named: each must pass.
    Verdict(Vec<SafeText>),
    /// The error budget of this indicator: known, and with more than this share left (0 to 1).
    Budget {
        /// The indicator. It has an objective, of its own or by the ready-made one that it is taken from;
        /// the latter is not known to a plan, and is to be checked by whoever begins it.
        sli: SafeText,
        /// The share of the period's budget that must be left.
        above: f64,
    },
}

/// By what a source's series are told apart as canary and baseline.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ArmsBy {
    /// By a label that names the track: `canary`, `baseline`.
    #[default]
    Track,
    /// By a label that names the version: the candidate's, the stable one's.
    Release,
    /// By a label that names the site: those that have the candidate, the others.
    Cohort,
}

/// What a failed judgement does by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailResponse {
    /// Every unit goes back to its pinned snapshot.
    Rollback,
    /// It stops where it is.
    Pause,
    /// Its gates hold the next stage, and nothing else happens.
    Hold,
}

/// Where indicators come from, and how they are judged.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanTelemetry {
    /// The source, by the name that the server's configuration gives it; `reported` for what agents report.
    pub source: SafeText,
    /// What `$service` stands for; the rollout's name, when absent.
    pub service: Option<SafeText>,
    /// What tells canary and baseline apart.
    pub arms: ArmsBy,
    /// The canary's track.
    pub canary: SafeText,
    /// The baseline's track.
    pub baseline: SafeText,
    /// The length of one slice of time that is counted and judged: 5 seconds to 10 minutes. What methods
    /// count in minutes, they count in these.
    pub slice: Duration,
    /// A source whose newest value is older than this holds promotions.
    pub max_lag: Duration,
    /// What a failed judgement does by itself; what `on_breach` says, when absent and a gate asks for a verdict.
    pub on_fail: Option<FailResponse>,
}

/// The source that agents' reports are: what they report under an indicator's name is that indicator.
pub const REPORTED: &str = "reported";

impl Default for PlanTelemetry {
    fn default() -> Self {
        Self {
            source: SafeText::new(REPORTED),
            service: None,
            arms: ArmsBy::default(),
            canary: SafeText::new("canary"),
            baseline: SafeText::new("baseline"),
            slice: Duration::from_mins(1),
            max_lag: Self::usual_lag(Duration::from_mins(1)),
            on_fail: None,
        }
    }
}

/// A flag that a stage sets for its units.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StageFlag {
    /// The flag.
    pub key: FlagKey,
    /// What it serves to the stage's units.
    pub variant: SafeText,
}

impl fmt::Display for StageFlag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}={}", self.key, self.variant))
    }
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanStage {
    /// Its name.
    pub name: StageName,
    /// What it selects.
    pub selects: Selection,
    /// How long its gates must hold at the least.
    pub hold: Duration,
    /// Who lets the next one begin.
    pub advance: Advance,
    /// The gates that hold for it; all of the plan's, when absent, but for verdicts where the stage leaves
    /// no unit to compare with.
    pub gates: Option<Vec<GateName>>,
    /// Indicators that are shown for it; all, when absent.
    pub slis: Option<Vec<SafeText>>,
    /// How long its gates have to become true; no limit, when absent.
    pub deadline: Option<Duration>,
    /// The flag that is set for its units when it begins.
    pub flag: Option<StageFlag>,
}

impl PlanStage {
    /// A stage with all of the plan's gates, no hold and no deadline, that waits for a person.
    #[must_use]
    pub fn new(name: StageName, selects: Selection) -> Self {
        Self {
            name,
            selects,
            hold: Duration::ZERO,
            advance: Advance::default(),
            gates: None,
            slis: None,
            deadline: None,
            flag: None,
        }
    }
}

/// A plan, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The rollout's name.
    pub rollout: RolloutName,
    /// Where it happens.
    pub target: TargetName,
    /// What is rolled out; none where every stage sets a flag, and nothing else is to change.
    pub snapshot: Option<Digest>,
    /// Who answers for it; empty, when nobody was named.
    pub owner: SafeText,
    /// What each gate is made of, in the plan's order.
    pub gates: Vec<(GateName, GateRule)>,
    /// Indicators, in the plan's order.
    pub slis: Vec<PlanSli>,
    /// Where indicators come from.
    pub telemetry: PlanTelemetry,
    /// The steps, at least one.
    pub stages: Vec<PlanStage>,
    /// What a breach does, for gates that are not named in `on_breach_of`.
    pub on_breach: BreachResponse,
    /// What a breach of one gate does.
    pub on_breach_of: BTreeMap<GateName, BreachResponse>,
    /// What of it needs a second person.
    pub approvals: Vec<Approvable>,
}

impl Plan {
    /// Reads a plan from YAML text. The expressions of its gates are kept as they are.
    ///
    /// # Errors
    /// [`PlanError`] with line, column and field.
    pub fn from_yaml(text: &str) -> Result<Self, PlanError> {
        Self::from_yaml_checked(text, |_, _| Ok(()))
    }

    /// Reads a plan from YAML text, asking `check` of each gate's expression. What it refuses
    /// becomes an error with the expression's place.
    ///
    /// # Errors
    /// [`PlanError`] with line, column and field.
    pub fn from_yaml_checked(
        text: &str,
        mut check: impl FnMut(&GateName, &str) -> Result<(), String>,
    ) -> Result<Self, PlanError> {
        read::plan(&document::from_yaml(text)?, None, &mut check)
    }

    /// Reads a plan from a document of YAML, as [`Self::from_yaml_checked`], to which indicators are lent: they
    /// stand for what it says of indicators itself.
    ///
    /// # Errors
    /// [`PlanError`] with line, column and field.
    pub fn from_node_lent(
        root: &document::Node,
        lent: &Declared,
        mut check: impl FnMut(&GateName, &str) -> Result<(), String>,
    ) -> Result<Self, PlanError> {
        read::plan(root, Some(lent), &mut check)
    }

    /// Reads a plan from JSON: an object of the same form as the YAML, or a string of YAML text.
    ///
    /// # Errors
    /// [`PlanError`] with the field, and line and column where it was text.
    pub fn from_value(value: &serde_json::Value) -> Result<Self, PlanError> {
        Self::from_value_checked(value, |_, _| Ok(()))
    }

    /// As [`Self::from_value`], asking `check` of each gate's expression.
    ///
    /// # Errors
    /// [`PlanError`] with the field, and line and column where it was text.
    pub fn from_value_checked(
        value: &serde_json::Value,
        mut check: impl FnMut(&GateName, &str) -> Result<(), String>,
    ) -> Result<Self, PlanError> {
        match value {
            serde_json::Value::String(text) => Self::from_yaml_checked(text, check),
            value => read::plan(&document::from_json(value)?, None, &mut check),
        }
    }

    /// The plan as JSON that [`Self::from_value`] reads back as the same plan.
    #[must_use]
    pub fn to_value(&self) -> serde_json::Value {
        write::plan(self)
    }

    /// The flags that its stages set, each once, in the order of the stages.
    pub fn flags(&self) -> impl Iterator<Item = &StageFlag> {
        let flag = |(at, stage): (usize, &'_ PlanStage)| {
            let is_first = !self.stages.iter().take(at).any(|before| before.flag == stage.flag);
            is_first.then_some(at)
        };
        let firsts: Vec<usize> = self.stages.iter().enumerate().filter_map(flag).collect();
        firsts.into_iter().filter_map(|at| self.stages.get(at)?.flag.as_ref())
    }

    /// What it brings, in short: the beginning of its snapshot's digest, or else its flags: `fast-path=on`.
    #[must_use]
    pub fn candidate(&self) -> String {
        match &self.snapshot {
            Some(snapshot) => snapshot.short().to_owned(),
            None => self.flags().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        }
    }

    /// The address of the rollout that it describes.
    #[must_use]
    pub fn id(&self) -> RolloutId {
        RolloutId { target: self.target.clone(), name: self.rollout.clone() }
    }
}

impl Serialize for Plan {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_value().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Plan {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_value(&serde_json::Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |n: u32| if n == 1 { "" } else { "s" };
        f.pad(&match self {
            Self::Sites(n) => format!("{n} site{}", plural(*n)),
            Self::Units(n) => format!("{n} unit{}", plural(*n)),
            Self::Percent(percent) => format!("{percent}%"),
            Self::All => "all".to_owned(),
        })
    }
}

impl Advance {
    /// Every way.
    pub const ALL: [Self; 2] = [Self::Manual, Self::Automatic];

    /// As it is written in a plan.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Automatic => "automatic",
        }
    }
}

impl BreachResponse {
    /// Every response.
    pub const ALL: [Self; 2] = [Self::Rollback, Self::Pause];

    /// As it is written in a plan.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rollback => "rollback",
            Self::Pause => "pause",
        }
    }
}

impl ArmsBy {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::Track, Self::Release, Self::Cohort];

    /// As it is written in a plan.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Track => "track",
            Self::Release => "release",
            Self::Cohort => "cohort",
        }
    }
}

impl FailResponse {
    /// Every response.
    pub const ALL: [Self; 3] = [Self::Rollback, Self::Pause, Self::Hold];

    /// As it is written in a plan.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rollback => "rollback",
            Self::Pause => "pause",
            Self::Hold => "hold",
        }
    }
}

impl PlanTelemetry {
    /// How old a source's newest value may be where a plan does not say so: 3 minutes, and 3 slices.
    #[must_use]
    pub fn usual_lag(slice: Duration) -> Duration {
        Duration::from_mins(3).max(slice.saturating_mul(3))
    }
}

impl GateRule {
    /// The rule as it is shown: the expression, or what it asks of which indicators.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Expression(expression) => expression.clone(),
            Self::Verdict(slis) if slis.is_empty() => "every required indicator passes".to_owned(),
            Self::Verdict(slis) => {
                let names: Vec<&str> = slis.iter().map(SafeText::as_str).collect();
                format!("{} {}", names.join(", "), if names.len() == 1 { "passes" } else { "pass" })
            }
            // Without the digits that the number's form adds: 0.07 is 7%.
            Self::Budget { sli, above } => format!("budget of {sli} above {}%", (above * 1e11).round() / 1e9),
        }
    }

    /// What kind of gate it is, as it is shown.
    #[must_use]
    pub const fn kind(&self) -> GateKind {
        match self {
            Self::Expression(_) => GateKind::Expression,
            Self::Verdict(_) => GateKind::Verdict,
            Self::Budget { .. } => GateKind::Budget,
        }
    }

    /// Whether it is asked of each unit, rather than of the rollout as a whole.
    #[must_use]
    pub const fn is_by_unit(&self) -> bool {
        matches!(self, Self::Expression(_))
    }
}

#[cfg(test)]
mod tests;
