//! From the judgements of all indicators to a decision about the rollout.
//!
//! Indicators vote by family, one vote each, so that four ways to measure one thing are not four
//! witnesses. A rollback needs two families that fail, or a critical indicator that fails and burns its
//! budget at the paging rate, twice in a row, with a sound cohort, fresh telemetry and a baseline that
//! has no trouble of its own. A promotion needs every required indicator to pass. Missing data holds
//! and halts; it never rolls anything back, and silence never promotes.

mod holds;
mod incident;
mod score;
mod votes;

#[cfg(test)]
mod tests;

use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::votes::Voter;
use super::{
    evidence::{Evidence, Judgement},
    words,
};
use crate::domain::{SafeText, sli::Family, sli::OverallVerdict};

pub use self::{
    incident::{INCIDENT_BURN, INCIDENT_EVIDENCE, INCIDENT_RATIO},
    score::Score,
    votes::CORRELATED,
};

/// Families that must fail for a rollback.
pub const FAMILIES: usize = 2;
/// Evaluations in a row in which they must.
pub const IN_A_ROW: u32 = 2;
/// The least time between two evaluations that count as two, unless slices are shorter than a minute.
pub const APART: TimeDelta = TimeDelta::seconds(30);
/// How long a required indicator may have no data before that halts.
pub const SILENCE: TimeDelta = TimeDelta::minutes(10);
/// How old a `watch` must be before it holds no promotion of its own.
pub const WATCH: TimeDelta = TimeDelta::minutes(5);
/// The share of required indicators without data that halts.
pub const MISSING: f64 = 0.5;

/// What is to be done with a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Every unit goes back.
    Rollback,
    /// Nothing goes on until it is looked at, or passes.
    Halt,
    /// The next stage may begin.
    Promote,
    /// It goes on being measured.
    Continue,
    /// The step's time is up without an answer: a person decides.
    Ask,
}

/// What a reason is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReasonKind {
    /// An indicator fails.
    Failed,
    /// An error budget burns.
    Burn,
    /// The arms do not get the traffic that they should.
    Split,
    /// The baseline is worse than it was: trouble that is not the release's.
    Incident,
    /// The newest value is too old.
    Stale,
    /// The source cannot be read.
    Error,
    /// The source has nothing.
    Empty,
    /// An indicator failed in this step, and nobody acknowledged it.
    Held,
    /// An indicator looks worse; not proven.
    Watch,
    /// Too little to say.
    Insufficient,
    /// The step, or the source, is too young.
    Warming,
    /// The step has not run as long as it must.
    Dwell,
    /// There is nothing that a promotion could stand on.
    Unasked,
}

/// One reason for what is decided, or for what is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reason {
    /// What it is about.
    pub kind: ReasonKind,
    /// Whether it stops everything, rather than only the next promotion.
    pub halts: bool,
    /// Which indicator, where it is one's.
    pub indicator: Option<SafeText>,
    /// In one sentence with numbers.
    pub text: SafeText,
}

/// The step as it runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// When it began.
    pub since: DateTime<Utc>,
    /// How long it must run before anything is promoted, in seconds.
    pub dwell: f64,
    /// After how long somebody is asked, in seconds; never, when absent.
    pub ends: Option<f64>,
}

/// Two indicators that moved together before the step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Correlated {
    /// The one.
    pub one: SafeText,
    /// The other.
    pub other: SafeText,
    /// From -1 to 1: [`super::ledger::Ledger::correlation`].
    pub correlation: f64,
}

/// What is remembered of a rollout from one evaluation to the next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Memory {
    /// Evaluations in a row that found what a rollback needs.
    pub rows: u32,
    /// When the last of them was.
    pub last: Option<DateTime<Utc>>,
}

/// All that a decision is made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Situation {
    /// When.
    pub at: DateTime<Utc>,
    /// The step as it runs.
    pub step: Step,
    /// What is known of each indicator.
    pub indicators: Vec<Evidence>,
    /// Those that moved together, where somebody measured it.
    pub correlated: Vec<Correlated>,
    /// What is remembered from the evaluation before.
    pub before: Memory,
}

/// What all of it comes to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Conclusion {
    /// What is to be done.
    pub decision: Decision,
    /// Why, in one sentence.
    pub why: SafeText,
    /// All that speaks against going on, what weighs most first.
    pub reasons: Vec<Reason>,
    /// The families that fail.
    pub failed: Vec<Family>,
    /// As it is shown.
    pub verdict: OverallVerdict,
    /// Indicators that the score leaves out, because there is no evidence of them.
    pub unscored: Vec<SafeText>,
    /// What is to be remembered.
    pub after: Memory,
}

impl ReasonKind {
    /// Whether it says that something is worse, rather than that somebody does not know.
    #[must_use]
    pub const fn is_of_harm(self) -> bool {
        matches!(self, Self::Failed | Self::Burn | Self::Incident | Self::Held | Self::Watch)
    }
}

impl Decision {
    /// As it is written in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rollback => "rollback",
            Self::Halt => "halt",
            Self::Promote => "promote",
            Self::Continue => "continue",
            Self::Ask => "ask",
        }
    }
}

impl Reason {
    fn new(kind: ReasonKind, halts: bool, indicator: Option<&SafeText>, text: impl AsRef<str>) -> Self {
        Self { kind, halts, indicator: indicator.cloned(), text: SafeText::new(text) }
    }
}

/// Decides about a rollout, from its indicators and the judgement of each, in the same order.
#[must_use]
pub fn overall(situation: &Situation, judgements: &[Judgement]) -> Conclusion {
    let all = votes::voters(&situation.indicators, judgements);
    let voters: Vec<Voter<'_>> = all.iter().copied().filter(|voter| !voter.evidence.spec.observe_only).collect();
    let incident = incident::of_baseline(&voters);
    let mut reasons = holds::halts(situation, &voters, incident.as_ref());
    let halts = reasons.len();
    reasons.extend(holds::waits(situation, &voters));
    let is_sound = !reasons.iter().any(|reason| reason.kind == ReasonKind::Split) && !holds::is_blind(&voters);
    let failing = votes::failing(&voters, incident.is_some());
    let convicted = if is_sound { votes::convicted(&failing, &situation.correlated) } else { None };
    let after = remember(situation, convicted.is_some());

    let time_is_up = situation.step.ends.is_some_and(|ends| age(situation) >= ends);
    let (decision, why) = match (convicted, reasons.first()) {
        (Some(why), _) if after.rows >= IN_A_ROW => {
            (Decision::Rollback, format!("{why}; found in {} evaluations in a row", after.rows))
        }
        (Some(why), _) => (Decision::Halt, format!("{why}; one more evaluation that finds it rolls back")),
        (None, None) => (Decision::Promote, holds::promotes(situation, &voters)),
        (None, Some(first)) if halts > 0 => (Decision::Halt, more(first, halts)),
        (None, Some(first)) if time_is_up => {
            let ends = words::span(situation.step.ends.unwrap_or_default());
            (Decision::Ask, format!("the step's time ({ends}) is up: {}", more(first, reasons.len())))
        }
        (None, Some(first)) => (Decision::Continue, more(first, reasons.len())),
    };
    let Score { points, unscored } = score::of(&all);
    Conclusion {
        decision,
        why: SafeText::new(why),
        failed: votes::families(&voters),
        verdict: score::verdict(&voters, points),
        reasons,
        unscored,
        after,
    }
}

/// The first of so many reasons.
fn more(first: &Reason, count: usize) -> String {
    match count {
        0 | 1 => first.text.to_string(),
        count => format!("{} (and {} more)", first.text, count - 1),
    }
}

/// Counts evaluations that found what a rollback needs. Two within half a minute, or half a slice where
/// that is less, are one.
fn remember(situation: &Situation, is_found: bool) -> Memory {
    if !is_found {
        return Memory::default();
    }
    let Memory { rows, last } = situation.before;
    let shortest = situation.indicators.iter().map(|evidence| evidence.slice).fold(f64::INFINITY, f64::min);
    let apart = TimeDelta::try_milliseconds((shortest * 500.0) as i64).unwrap_or(APART).min(APART);
    match last {
        Some(last) if rows > 0 && situation.at - last < apart => Memory { rows, last: Some(last) },
        _ => Memory { rows: rows.saturating_add(1), last: Some(situation.at) },
    }
}

/// How long the step runs, in seconds.
fn age(situation: &Situation) -> f64 {
    (situation.at - situation.step.since).num_milliseconds() as f64 / 1000.0
}
