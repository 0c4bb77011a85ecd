//! What a verdict is made from, and what it comes to: plain values that are kept with every
//! automatic act, so that anybody can judge them again and get the same bytes.
//!
//! All numbers are of whole slices of time of one length: a minute, unless a plan says otherwise. The
//! methods count in slices what they would count in minutes. (A window, in this house, is one in
//! which changes are frozen, and nothing else.)

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::{
    SafeText, SliArm, Verdict,
    sli::{Burn, Direction, Family, Interval, Scoring, SliKind, SliPoint, TelemetryState},
};

/// The form of [`Evidence`].
pub const SCHEMA: u32 = 1;

/// What is judged: an indicator with everything that a declaration left open filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Spec {
    /// Its name.
    pub name: SafeText,
    /// What it is made of.
    pub kind: SliKind,
    /// What it speaks for.
    pub family: Family,
    /// The unit of its values.
    pub unit: SafeText,
    /// Which direction is worse.
    pub direction: Direction,
    /// Whether one failure of it, with a high burn, is enough to act.
    pub critical: bool,
    /// Whether a promotion needs it to pass.
    pub required: bool,
    /// Whether it is only shown, and never votes.
    pub observe_only: bool,
    /// The objective of its SLO, above 0 and below 1.
    pub objective: Option<f64>,
    /// The period of its error budget, in seconds.
    pub period: f64,
    /// The value up to which a duration is good, in its unit.
    pub threshold: Option<f64>,
    /// The difference of canary and baseline that is too much, in its unit; the method's own margin, when absent.
    pub limit: Option<f64>,
    /// How it is judged.
    pub scoring: Scoring,
}

/// Events of one arm. For a count, `total` is its exposure: requests, or seconds that units ran.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    /// Events of the bad kind: failed, slow, not converted.
    pub bad: f64,
    /// All events.
    pub total: f64,
}

impl Counts {
    /// Those of both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { bad: self.bad + other.bad, total: self.total + other.total }
    }

    /// Those that are not of the other.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self { bad: self.bad - other.bad, total: self.total - other.total }
    }
}

/// What one arm did in one slice.
#[derive(Debug, Clone, PartialEq)]
pub enum Amount {
    /// Events.
    Events(Counts),
    /// Durations by bucket.
    Durations {
        /// Upper bounds of the buckets but the last, ascending.
        bounds: Vec<f64>,
        /// Observations in each (not cumulative), those beyond the last bound last.
        counts: Vec<f64>,
    },
    /// A value.
    Value(f64),
}

/// One slice of both arms; none where an arm had no data.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// Its beginning.
    pub at: DateTime<Utc>,
    /// The canary's.
    pub canary: Option<Amount>,
    /// The baseline's.
    pub baseline: Option<Amount>,
}

/// Events of both arms in one slice, or in several that were merged to save room. Written as a list, in
/// the order of its fields, because a document of evidence has hundreds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "WrittenSlice", into = "WrittenSlice")]
#[schemars(with = "WrittenSlice")]
pub struct Slice {
    /// Its beginning.
    pub at: DateTime<Utc>,
    /// How many slices it stands for.
    pub merged: u32,
    /// The canary's.
    pub canary: Counts,
    /// The baseline's.
    pub baseline: Counts,
}

/// Observations by bucket, of both arms, in the slices from one start to the next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Segment {
    /// Its beginning.
    pub at: DateTime<Utc>,
    /// How many slices it stands for.
    pub merged: u32,
    /// The canary's observations in each bucket (not cumulative), the one beyond the last bound last.
    pub canary: Vec<f64>,
    /// The baseline's.
    pub baseline: Vec<f64>,
}

/// One value of both arms. Written as a list, as a [`Slice`] is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "WrittenPoint", into = "WrittenPoint")]
#[schemars(with = "WrittenPoint")]
pub struct Point {
    /// When.
    pub at: DateTime<Utc>,
    /// The canary's.
    pub canary: Option<f64>,
    /// The baseline's.
    pub baseline: Option<f64>,
}

/// When, how many slices, bad and all events of the canary, and of the baseline.
type WrittenSlice = (DateTime<Utc>, u32, f64, f64, f64, f64);
/// When, the canary's value, the baseline's.
type WrittenPoint = (DateTime<Utc>, Option<f64>, Option<f64>);

impl From<WrittenSlice> for Slice {
    fn from((at, merged, canary_bad, canary_total, baseline_bad, baseline_total): WrittenSlice) -> Self {
        let canary = Counts { bad: canary_bad, total: canary_total };
        let baseline = Counts { bad: baseline_bad, total: baseline_total };
        Self { at, merged, canary, baseline }
    }
}

impl From<Slice> for WrittenSlice {
    fn from(slice: Slice) -> Self {
        let Slice { at, merged, canary, baseline } = slice;
        (at, merged, canary.bad, canary.total, baseline.bad, baseline.total)
    }
}

impl From<WrittenPoint> for Point {
    fn from((at, canary, baseline): WrittenPoint) -> Self {
        Self { at, canary, baseline }
    }
}

impl From<Point> for WrittenPoint {
    fn from(point: Point) -> Self {
        (point.at, point.canary, point.baseline)
    }
}

/// What was measured since the step began, by the kind of indicator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Data {
    /// Of a ratio or a count: oldest first.
    Events {
        /// The slices.
        slices: Vec<Slice>,
    },
    /// Of a distribution.
    Durations {
        /// Upper bounds of the buckets but the last, ascending, in the indicator's unit.
        bounds: Vec<f64>,
        /// One for each start, oldest first.
        segments: Vec<Segment>,
        /// Those slower than the threshold, where there is one.
        slow: Vec<Slice>,
    },
    /// Of a gauge: oldest first.
    Values {
        /// The points.
        points: Vec<Point>,
    },
}

/// How what the source gives is to be taken, with what it said.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Telemetry {
    /// In a word.
    pub state: TelemetryState,
    /// In a sentence: what went wrong, how often in a row, how old the newest value is.
    pub detail: SafeText,
    /// Evaluations in a row that could not be read.
    pub errors: u32,
    /// The end of the newest slice with data of both arms.
    pub newest: Option<DateTime<Utc>>,
    /// How old the newest may become, in seconds, before it is stale.
    pub max_lag: f64,
}

/// What is remembered of an indicator from one evaluation to the next: a verdict of fail is entered
/// after two in a row, and left after ten that do not fail.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is entered and left by rules of its own; none excludes another"
)]
pub struct Standing {
    /// Evaluations in a row that failed.
    pub fails: u32,
    /// Evaluations in a row that did not.
    pub clean: u32,
    /// Whether fail was entered and not left.
    pub failed: bool,
    /// Whether fail was entered since the step began: that holds its gates until somebody acknowledges it,
    /// whatever was found after.
    pub held: bool,
    /// Since when what is concluded is `watch` without a break.
    pub watched_since: Option<DateTime<Utc>>,
    /// Since when it is beyond its limit without a break.
    pub over_since: Option<DateTime<Utc>>,
    /// Evaluations in a row at the halting and the paging burn, and whether they were entered.
    pub halts: u32,
    /// As above, of the paging burn.
    pub pages: u32,
    /// Whether the halting burn was entered and not left.
    pub halted: bool,
    /// Whether the paging burn was entered and not left.
    pub paged: bool,
    /// Since when the burn is below the level at which the halting burn is left.
    pub cooling_since: Option<DateTime<Utc>>,
    /// As above, of the paging burn.
    pub page_cooling_since: Option<DateTime<Utc>>,
    /// When the newest slice that was judged ended: one is judged once.
    pub judged: Option<DateTime<Utc>>,
    /// When the newest slice ended from which the burn was read.
    pub burned: Option<DateTime<Utc>>,
}

/// All that a verdict is made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// [`SCHEMA`].
    pub schema: u32,
    /// What is judged.
    pub spec: Spec,
    /// When.
    pub at: DateTime<Utc>,
    /// When the step began.
    pub since: DateTime<Utc>,
    /// The beginning of the first slice that counts: after the step's warm-up.
    pub counts_from: DateTime<Utc>,
    /// The length of a slice, in seconds.
    pub slice: f64,
    /// How the numbers are to be taken.
    pub telemetry: Telemetry,
    /// The baseline's slices before the step, oldest first, at most 60: how bursty its events are.
    pub history: Vec<Counts>,
    /// Events of canary and baseline in the latest 30 slices, oldest first, whatever the step: how its
    /// budget burns.
    pub latest: Vec<Slice>,
    /// Bad and all events of the whole service over the budget's period, where the source knows them.
    pub spent: Option<Counts>,
    /// What was measured since the step began.
    pub data: Data,
    /// What is remembered from the evaluation before.
    pub before: Standing,
}

/// What evidence comes to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Judgement {
    /// What this evaluation found.
    pub found: Verdict,
    /// What is concluded: what was found, with two in a row to enter fail and ten to leave it.
    pub verdict: Verdict,
    /// Why, in one sentence with numbers.
    pub why: SafeText,
    /// How it was found.
    pub method: SafeText,
    /// Of the candidate.
    pub canary: SliArm,
    /// Of what it is compared with.
    pub baseline: SliArm,
    /// Canary minus baseline.
    pub difference: Option<f64>,
    /// Canary over baseline.
    pub ratio: Option<f64>,
    /// Where the true difference lies.
    pub interval: Option<Interval>,
    /// The difference that is too much.
    pub limit: Option<f64>,
    /// How strongly it speaks against no difference: beyond 100 is proof. Of event methods.
    pub e_value: Option<f64>,
    /// How the budget burns, where there is an objective.
    pub burn: Option<Burn>,
    /// What is to be remembered.
    pub after: Standing,
    /// The difference and its band, slice by slice.
    pub path: Vec<SliPoint>,
}
