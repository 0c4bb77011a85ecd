//! What one evaluation finds of one indicator: its telemetry considered, by the method of its kind.

mod distribution;
mod points;

use chrono::{DateTime, Utc};

use super::{
    burn::{self, Budget, Objective},
    evidence::{Counts, Data, Evidence, Standing},
    ratio,
};
use crate::domain::{
    SafeText, SliArm, Verdict,
    sli::{Burn, BurnLevel, Direction, Interval, Scoring, SliKind, TelemetryState},
};

/// What is found, before what was found earlier is considered.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) verdict: Verdict,
    pub(super) method: SafeText,
    pub(super) why: Why,
    pub(super) canary: SliArm,
    pub(super) baseline: SliArm,
    pub(super) difference: Option<f64>,
    pub(super) ratio: Option<f64>,
    pub(super) interval: Option<Interval>,
    pub(super) limit: Option<f64>,
    pub(super) e_value: Option<f64>,
    /// Whether the difference seen is beyond the limit.
    pub(super) is_over: Option<bool>,
    /// The end of the newest slice that this is judged from.
    pub(super) newest: Option<DateTime<Utc>>,
}

/// Why: some sentences know only later for how long it has been so.
#[derive(Debug, Clone)]
pub(super) enum Why {
    Said(String),
    /// Of a ratio, and what it is a ratio of, where that is not the indicator itself.
    Ratio(String, Box<ratio::Finding>),
}

impl Why {
    pub(super) fn sentence(&self, over_for: Option<f64>, slice: f64) -> String {
        match self {
            Self::Said(why) => why.clone(),
            Self::Ratio(of_what, finding) => format!("{of_what}{}", finding.why(over_for, slice)),
        }
    }
}

impl Found {
    /// Nothing but a verdict and why.
    fn without_numbers(verdict: Verdict, method: &str, why: String) -> Self {
        Self {
            verdict,
            method: SafeText::new(method),
            why: Why::Said(why),
            canary: SliArm::default(),
            baseline: SliArm::default(),
            difference: None,
            ratio: None,
            interval: None,
            limit: None,
            e_value: None,
            is_over: None,
            newest: None,
        }
    }

    fn of_ratio(finding: ratio::Finding, newest: Option<DateTime<Utc>>) -> Self {
        Self {
            verdict: finding.verdict,
            method: SafeText::new(finding.method.as_str()),
            canary: finding.canary,
            baseline: finding.baseline,
            difference: finding.difference,
            ratio: finding.ratio,
            interval: finding.interval,
            limit: finding.limit,
            e_value: finding.e_value,
            is_over: finding.limit.map(|_| finding.over),
            newest,
            why: Why::Ratio(String::new(), Box::new(finding)),
        }
    }
}

/// What this evaluation finds.
pub(super) fn find(evidence: &Evidence) -> Found {
    let telemetry = &evidence.telemetry;
    let detail = telemetry.detail.as_str();
    let spec = &evidence.spec;
    let blocks = if spec.required && !spec.observe_only { ", blocks promotion" } else { "" };
    let silent = |why: String| Found::without_numbers(Verdict::NoData, method(evidence), why);
    match telemetry.state {
        TelemetryState::Error => {
            let row = format!("{} in a row", telemetry.errors);
            let error = detail.strip_prefix(&row).map_or(detail, |rest| rest.trim_start_matches([':', ' ']));
            silent(format!("error: {row}{blocks}: {error}"))
        }
        TelemetryState::Stale => silent(format!("stale{blocks}: {detail}")),
        TelemetryState::Empty => silent(format!("no data{blocks}: {detail}")),
        TelemetryState::Warming => {
            Found::without_numbers(Verdict::Insufficient, method(evidence), format!("warming up: {detail}"))
        }
        TelemetryState::Ok => measure(evidence),
    }
}

fn measure(evidence: &Evidence) -> Found {
    let (spec, newest) = (&evidence.spec, evidence.telemetry.newest);
    match (&evidence.data, spec.kind, spec.scoring) {
        (Data::Events { slices }, SliKind::Ratio | SliKind::Count, Scoring::Sequential) => {
            Found::of_ratio(ratio::judge(&ratio::Terms::of(spec), slices, &evidence.history), newest)
        }
        (Data::Durations { bounds, segments, slow }, SliKind::Latency, Scoring::Sequential) => {
            distribution::find(evidence, bounds, segments, slow)
        }
        (Data::Events { .. }, SliKind::Ratio | SliKind::Count, Scoring::Kayenta)
        | (Data::Durations { .. }, SliKind::Latency, Scoring::Kayenta)
        | (Data::Values { .. }, SliKind::Gauge, _) => points::find(evidence),
        _ => Found::without_numbers(
            Verdict::NoData,
            method(evidence),
            format!("what was measured is not of a {}", spec.kind.as_str()),
        ),
    }
}

/// The method that would be used, where nothing can be judged.
fn method(evidence: &Evidence) -> &'static str {
    match (evidence.spec.scoring, evidence.spec.kind) {
        (Scoring::Kayenta, _) => super::series::METHOD_KAYENTA,
        (_, SliKind::Ratio) => ratio::Method::Sequence.as_str(),
        (_, SliKind::Count) => ratio::Method::Events.as_str(),
        (_, SliKind::Latency) => super::latency::METHOD,
        (_, SliKind::Gauge) => super::series::METHOD,
    }
}

/// Whether a difference is beyond its limit.
fn is_over(direction: Direction, difference: Option<f64>, limit: Option<f64>) -> Option<bool> {
    let (difference, limit) = (difference?, limit?.abs());
    Some(match direction {
        Direction::HigherIsWorse => difference > limit,
        Direction::LowerIsWorse => -difference > limit,
        Direction::Either => difference.abs() > limit,
    })
}

/// How the budget burns, and what is left of it; none without an objective under which the rules could
/// fire. Slices that were seen before do not count again.
pub(super) fn budget(evidence: &Evidence, e_value: Option<f64>, after: &mut Standing) -> Option<Burn> {
    let spec = &evidence.spec;
    let objective = Objective::new(spec.objective?).ok()?;
    if !matches!(spec.kind, SliKind::Ratio | SliKind::Latency) {
        return None;
    }
    let reading = burn::read(objective, &evidence.latest, evidence.slice, evidence.since, e_value, evidence.at);
    let mut state = burn::State::of(&evidence.before);
    let newest = evidence.latest.last().map(|slice| slice.at);
    if newest.is_some() && newest > evidence.before.burned {
        state = burn::step(&state, &reading, evidence.at);
        after.burned = newest;
    }
    state.remember(after);
    let both = evidence.latest.iter().fold(Counts::default(), |all, slice| all.plus(slice.canary).plus(slice.baseline));
    let service = objective.burn(both.bad, both.total);
    let mut shown = reading.shown(&state, Budget::over_period(objective, evidence.spent), spec.period, service);
    if evidence.telemetry.state == TelemetryState::Error && shown.level == BurnLevel::Ok {
        shown.level = BurnLevel::Unknown;
    }
    let finite = |value: Option<f64>| value.filter(|value| value.is_finite());
    shown.short = finite(shown.short);
    shown.middle = finite(shown.middle);
    shown.long = finite(shown.long);
    shown.baseline = finite(shown.baseline);
    shown.budget_left = finite(shown.budget_left);
    shown.empty_in = finite(shown.empty_in);
    Some(shown)
}
