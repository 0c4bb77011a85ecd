//! Indicators: what a plan declares of them, and how they are shown, canary against baseline.

use std::time::Duration;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SafeText;

mod state;

pub use state::SliState;

/// The least objective under which every rule on the burn of its budget can fire: somebody is called at ten
/// times what the budget allows, and at the most it burns `1 / (1 - objective)` times as fast.
pub const OBJECTIVE_MIN: f64 = 0.9;

/// What kind of numbers an indicator is made of, and so how it is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SliKind {
    /// A share of many events: success rate, conversion.
    Ratio,
    /// Few events against exposure: restarts, security alerts.
    Count,
    /// A distribution of durations, as histogram buckets.
    Latency,
    /// A value that goes up and down: CPU, cost.
    Gauge,
}

/// What an indicator speaks for. Each family has one vote in a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Requests succeed.
    Availability,
    /// Requests are fast.
    Latency,
    /// There is room: CPU, memory, queues.
    Saturation,
    /// Units and replicas are healthy.
    Health,
    /// People reach what they came for.
    Business,
    /// What it costs.
    Cost,
    /// Whether it is attacked, or lets somebody in.
    Security,
    /// Whether answers are right.
    Quality,
    /// Deployments arrive and come back.
    Delivery,
}

/// Which direction of an indicator is worse.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// More is worse: errors, latency.
    HigherIsWorse,
    /// Less is worse: success, throughput.
    LowerIsWorse,
    /// Any change is worth a look.
    #[default]
    Either,
}

/// How an indicator is judged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scoring {
    /// By methods that stay valid however often people look.
    #[default]
    Sequential,
    /// As Kayenta's `NetflixACAJudge` does.
    Kayenta,
}

/// Where an indicator's numbers are asked for. Templates in the source's own language; which of them
/// are needed depends on the kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SliQueries {
    /// Good events.
    pub good: Option<String>,
    /// Bad events.
    pub bad: Option<String>,
    /// All events, or the exposure of a count.
    pub total: Option<String>,
    /// Histogram buckets of durations.
    pub histogram: Option<String>,
    /// A gauge's value.
    pub value: Option<String>,
}

impl SliQueries {
    /// Whether nothing is asked for: the indicator is what agents report.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// An indicator that a plan declares.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanSli {
    /// Its name, and the name under which agents report it.
    pub name: SafeText,
    /// The ready-made indicator that it is taken from.
    pub uses: Option<SafeText>,
    /// The unit of its values: `ratio`, `ms`, ...; empty when nothing was said.
    pub unit: SafeText,
    /// Which direction is worse.
    pub direction: Direction,
    /// Whether one failure of it, with a high burn, is enough to act.
    pub critical: bool,
    /// The difference of canary and baseline that is too much, in its unit.
    pub limit: Option<f64>,
    /// What it is made of; what the ready-made one or the queries say, when absent.
    pub kind: Option<SliKind>,
    /// What it speaks for; what the ready-made one or the kind says, when absent.
    pub family: Option<Family>,
    /// Whether a promotion needs it to pass.
    pub required: bool,
    /// Whether it is only shown, and never votes.
    pub observe_only: bool,
    /// The objective of its SLO, above 0 and below 1: 0.999.
    pub objective: Option<f64>,
    /// The period of its error budget; 30 days when absent.
    pub period: Option<Duration>,
    /// The value up to which a duration is good, in its unit.
    pub threshold: Option<f64>,
    /// How it is judged.
    pub scoring: Scoring,
    /// Where its numbers are asked for; empty for what agents report.
    pub queries: SliQueries,
}

impl PlanSli {
    /// An indicator of which nothing but the name is known.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: SafeText::new(name),
            uses: None,
            unit: SafeText::default(),
            direction: Direction::default(),
            critical: false,
            limit: None,
            kind: None,
            family: None,
            required: true,
            observe_only: false,
            objective: None,
            period: None,
            threshold: None,
            scoring: Scoring::default(),
            queries: SliQueries::default(),
        }
    }
}

/// What is concluded of an indicator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Not worse than the margin allows.
    Pass,
    /// Looks worse; not proven.
    Watch,
    /// Worse.
    Fail,
    /// Too little to say.
    Insufficient,
    /// Nothing was measured.
    NoData,
}

/// How what a source gives is to be taken. A value of zero is `ok`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TelemetryState {
    /// Values come, and are fresh.
    Ok,
    /// The step, or the source, is too young.
    #[default]
    Warming,
    /// The source answers, and has nothing.
    Empty,
    /// The newest value is too old.
    Stale,
    /// The source cannot be asked, refuses, or answers nonsense.
    Error,
}

/// One side of a comparison.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SliArm {
    /// In the indicator's unit; none without data.
    pub value: Option<f64>,
    /// How many events or readings it stands on.
    pub samples: Option<f64>,
}

/// Two ends of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// One moment of a comparison; a side without data then is a gap.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SliPoint {
    /// When.
    pub at: DateTime<Utc>,
    /// The canary's value.
    pub canary: Option<f64>,
    /// The baseline's value.
    pub baseline: Option<f64>,
    /// Canary minus baseline, of all that was seen since the step began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<f64>,
    /// Where the true difference lies, by what was seen until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
}

/// How an error budget burns, in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BurnLevel {
    /// Below what halts.
    Ok,
    /// Three times as fast as the budget allows, over 30 slices: nothing goes on.
    Halt,
    /// Ten times as fast, over 5 slices: somebody is called.
    Page,
    /// Too few requests or errors to say.
    TooLittle,
    /// Nothing is measured.
    Unknown,
}

/// How fast an error budget burns, and what is left of it. A rate of 1 uses exactly the budget over
/// the period.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Burn {
    /// The objective: 0.999.
    pub objective: f64,
    /// Of the canary, over the latest slice.
    pub short: Option<f64>,
    /// Of the canary, over 5 slices.
    pub middle: Option<f64>,
    /// Of the canary, over 30 slices.
    pub long: Option<f64>,
    /// Of the baseline, over 5 slices.
    pub baseline: Option<f64>,
    /// In a word.
    pub level: BurnLevel,
    /// The share of the period's budget that is left: 0 and below is spent; none when it is not known.
    pub budget_left: Option<f64>,
    /// Seconds until the budget is empty at the present rate.
    pub empty_in: Option<f64>,
}

/// An indicator, canary against baseline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sli {
    /// Its name.
    pub name: SafeText,
    /// The unit of its values: `ratio`, `ms`, ...
    pub unit: SafeText,
    /// Which direction is worse: `higher_is_worse`, `lower_is_worse`, or `either`.
    pub direction: SafeText,
    /// What it speaks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<Family>,
    /// Whether one failure of it, with a high burn, is enough to act.
    pub critical: bool,
    /// Whether a promotion needs it to pass.
    #[serde(default)]
    pub required: bool,
    /// By which method it was concluded; empty before anything was measured.
    pub method: SafeText,
    /// Units with the candidate.
    pub canary: SliArm,
    /// Units without it.
    pub baseline: SliArm,
    /// Canary minus baseline.
    pub difference: Option<f64>,
    /// Canary over baseline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
    /// Where the true difference lies.
    pub interval: Option<Interval>,
    /// The difference that is too much.
    pub limit: Option<f64>,
    /// What is concluded.
    pub verdict: Verdict,
    /// Why, in one sentence with numbers.
    pub why: SafeText,
    /// Since when it is beyond its limit without a break.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over_since: Option<DateTime<Utc>>,
    /// How what its source gives is to be taken.
    #[serde(default)]
    pub telemetry: TelemetryState,
    /// Its error budget, where it has an objective.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burn: Option<Box<Burn>>,
    /// When it was last measured.
    pub observed_at: Option<DateTime<Utc>>,
    /// The past, oldest first; left out of a summary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<Vec<SliPoint>>,
}

/// What is concluded of a rollout as a whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OverallVerdict {
    /// The conclusion.
    pub label: Verdict,
    /// 0 to 100, where a method gives one.
    pub score: Option<f64>,
    /// Why, in one sentence.
    pub why: SafeText,
}

impl Direction {
    /// Every direction.
    pub const ALL: [Self; 3] = [Self::HigherIsWorse, Self::LowerIsWorse, Self::Either];

    /// As it is written in a plan and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HigherIsWorse => "higher_is_worse",
            Self::LowerIsWorse => "lower_is_worse",
            Self::Either => "either",
        }
    }
}

impl Scoring {
    /// Every way.
    pub const ALL: [Self; 2] = [Self::Sequential, Self::Kayenta];

    /// As it is written in a plan and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sequential => "sequential",
            Self::Kayenta => "kayenta",
        }
    }
}

impl Verdict {
    /// As it is written in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Watch => "watch",
            Self::Fail => "fail",
            Self::Insufficient => "insufficient",
            Self::NoData => "no_data",
        }
    }
}

impl SliKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Ratio, Self::Count, Self::Latency, Self::Gauge];

    /// As it is written in a plan and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ratio => "ratio",
            Self::Count => "count",
            Self::Latency => "latency",
            Self::Gauge => "gauge",
        }
    }
}

impl Family {
    /// Every family.
    pub const ALL: [Self; 9] = [
        Self::Availability,
        Self::Latency,
        Self::Saturation,
        Self::Health,
        Self::Business,
        Self::Cost,
        Self::Security,
        Self::Quality,
        Self::Delivery,
    ];

    /// As it is written in a plan and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Availability => "availability",
            Self::Latency => "latency",
            Self::Saturation => "saturation",
            Self::Health => "health",
            Self::Business => "business",
            Self::Cost => "cost",
            Self::Security => "security",
            Self::Quality => "quality",
            Self::Delivery => "delivery",
        }
    }
}
