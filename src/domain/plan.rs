//! A rollout's plan: its stages, gates, and what a breach does.

use std::{collections::BTreeMap, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Digest, GateName, RolloutId, RolloutName, SafeText, StageName, TargetName};

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
    /// The gates that hold for it; all of the plan's, when absent.
    pub gates: Option<Vec<GateName>>,
    /// Indicators that are shown for it; all, when absent.
    pub slis: Option<Vec<SafeText>>,
    /// How long its gates have to become true; no limit, when absent.
    pub deadline: Option<Duration>,
}

/// A plan, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The rollout's name.
    pub rollout: RolloutName,
    /// Where it happens.
    pub target: TargetName,
    /// What is rolled out.
    pub snapshot: Digest,
    /// Who answers for it.
    pub owner: SafeText,
    /// Expressions by gate, in the plan's order.
    pub gates: Vec<(GateName, String)>,
    /// The steps, at least one.
    pub stages: Vec<PlanStage>,
    /// What a breach does, for gates that are not named in `on_breach_of`.
    pub on_breach: BreachResponse,
    /// What a breach of one gate does.
    pub on_breach_of: BTreeMap<GateName, BreachResponse>,
}

impl Plan {
    /// The address of the rollout that it describes.
    #[must_use]
    pub fn id(&self) -> RolloutId {
        RolloutId { target: self.target.clone(), name: self.rollout.clone() }
    }
}
