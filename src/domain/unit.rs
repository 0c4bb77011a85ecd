//! Units, and what agents report of them.

use std::{collections::BTreeMap, fmt};

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Digest, FlagKey, LaneName, SafeBlock, SafeText, SiteName, TargetName, flag::HeldFlag};

/// The smallest thing a stage counts: a lane of a site in a group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct UnitId {
    /// The site group.
    pub group: TargetName,
    /// The site.
    pub site: SiteName,
    /// The lane of the site; `main` where a site has one only.
    pub lane: LaneName,
}

impl fmt::Display for UnitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}/{}", self.group, self.site, self.lane))
    }
}

/// A fact measured by a check command.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum FactValue {
    /// True or false.
    Bool(bool),
    /// A finite number; durations are in seconds.
    Number(f64),
}

/// Facts by name. A missing one is unknown.
pub type Facts = BTreeMap<String, FactValue>;

/// One reading of an indicator by an agent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SliReading {
    /// Cumulative counters; a smaller one than before is a reset.
    Counter {
        /// Events that were good.
        good: f64,
        /// All events.
        total: f64,
    },
    /// The value now.
    Gauge {
        /// In the indicator's unit.
        value: f64,
    },
}

/// Why a unit did not do what it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureCategory {
    /// The apply command refused before it changed anything (exit 3).
    Preflight,
    /// The artifact could not be had, or was not what its digest says.
    Download,
    /// The apply command failed, or ran past its deadline.
    Apply,
    /// It was applied, and is not healthy or not what was told.
    Verify,
    /// It was told to go back and could not. The worst: it needs a person.
    RevertFailed,
    /// The agent was not heard of for too long.
    LostContact,
    /// The site's own policy refused.
    RefusedBySite,
    /// A window held it.
    Held,
}

impl FailureCategory {
    /// The category as it is written in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Preflight => "preflight",
            Self::Download => "download",
            Self::Apply => "apply",
            Self::Verify => "verify",
            Self::RevertFailed => "revert_failed",
            Self::LostContact => "lost_contact",
            Self::RefusedBySite => "refused_by_site",
            Self::Held => "held",
        }
    }
}

/// How far an agent is with a generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReportState {
    /// Nothing was asked yet, or nothing is under way: facts only.
    Idle,
    /// It has the order and works on it.
    Applying,
    /// The apply command exited 0; no check has measured the result yet.
    Applied,
    /// A check after the apply measured it and exited 0.
    Healthy,
    /// A check after the apply exited otherwise, or measured another snapshot.
    Unhealthy,
    /// It could not be done; `category` says why.
    Failed,
}

/// What an agent says of its unit: idempotent on `(generation, state)`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// The order this is about; 0 before any.
    pub generation: u64,
    /// How far it is.
    pub state: ReportState,
    /// The snapshot that the check command measured to be running.
    #[serde(default)]
    pub measured: Option<Digest>,
    /// The snapshot that was applied, where the check measures none.
    #[serde(default)]
    pub claimed: Option<Digest>,
    /// What the check command said.
    #[serde(default)]
    pub facts: Facts,
    /// Indicators by name.
    #[serde(default)]
    pub slis: BTreeMap<String, SliReading>,
    /// Why it failed.
    #[serde(default)]
    pub category: Option<FailureCategory>,
    /// The end of what the command printed.
    #[serde(default)]
    pub output_tail: SafeBlock,
    /// Seconds between two checks; facts older than three of them are unknown.
    #[serde(default = "check_interval")]
    pub check_interval: f64,
    /// Labels of the unit, such as `region` and `ring`.
    #[serde(default)]
    pub labels: BTreeMap<String, SafeText>,
    /// When the check ended, by the agent's clock; for showing skew only.
    #[serde(default)]
    pub checked_at: Option<DateTime<Utc>>,
    /// The flags that it keeps for when its server is away.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub flags: BTreeMap<FlagKey, HeldFlag>,
    /// When it last answered clients of the site about each flag that they asked for, by its clock: a flag that
    /// is asked for here only is in use all the same.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub evaluated: BTreeMap<FlagKey, DateTime<Utc>>,
    /// What the agent found wrong when it held the audit trail's newest checkpoint against the last one that
    /// it remembers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit_broken: Option<SafeText>,
}

/// Seconds between two checks where nothing else is said.
#[must_use]
pub fn check_interval() -> f64 {
    5.0
}

/// The answer of a condition: an unknown value is a third truth value and never opens a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Truth {
    /// It holds.
    True,
    /// It does not.
    False,
    /// Some fact is missing or too old.
    Unknown,
}

/// A unit inside its group: what a rollout over one target counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct UnitKey {
    /// The site.
    pub site: SiteName,
    /// The lane.
    pub lane: LaneName,
}

impl fmt::Display for UnitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}", self.site, self.lane))
    }
}
impl TryFrom<String> for UnitKey {
    type Error = super::NameError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let (site, lane) = text.split_once('/').unwrap_or((&text, "main"));
        Ok(Self { site: site.parse()?, lane: lane.parse()? })
    }
}
impl From<UnitKey> for String {
    fn from(key: UnitKey) -> String {
        key.to_string()
    }
}

impl UnitId {
    /// The unit inside its group.
    #[must_use]
    pub fn key(&self) -> UnitKey {
        UnitKey { site: self.site.clone(), lane: self.lane.clone() }
    }
}
