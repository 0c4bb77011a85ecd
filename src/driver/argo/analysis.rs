//! Analysis runs: their metrics with what was measured, what is allowed, and what came of it.
//!
//! What counts as what follows argo-rollouts, `analysis/analysis.go`: a metric without a count and without
//! an interval is measured once; failures, inconclusive measurements and errors in a row are each
//! allowed up to a limit, 0, 0 and 4 where nothing is said.

mod condition;
mod sli;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

use self::condition::Comparison;
use super::{
    object::{POD_HASH, revision_of},
    step::go_seconds,
};
use crate::{
    domain::{
        SafeText,
        workload::{Measurement, MetricView, ObjectState, RunView, Tally},
    },
    driver::kubernetes::{meta::Meta, read},
};

pub(in crate::driver::argo) use sli::holds;
pub use sli::{slis, verdict};

/// Metrics and jobs that are kept of one run, at most.
const METRICS_MAX: usize = 50;
/// Measurements that are kept of one metric, at most: the newest.
const MEASUREMENTS_MAX: usize = 60;
/// Errors in a row that are allowed where nothing is said (argo-rollouts, `utils/defaults/defaults.go`).
const ERRORS_ALLOWED: i64 = 4;

/// An analysis run.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Its metadata.
    pub meta: Meta,
    /// The number of the revision that it judges; 0 when it has none.
    pub number: u64,
    /// The hash of the pod template that it judges; empty of one that an experiment began.
    pub hash: String,
    /// Why it runs.
    pub role: RunRole,
    /// The controller's word; empty before it began.
    pub phase: String,
    /// Why.
    pub message: SafeText,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub completed_at: Option<DateTime<Utc>>,
    /// Its metrics, in the order of its spec.
    pub metrics: Vec<Metric>,
    /// The jobs that measured something, oldest first.
    pub jobs: Vec<Job>,
}

/// Why an analysis runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunRole {
    /// As a step, counted from 0.
    Step(Option<u32>),
    /// Beside the steps.
    Background,
    /// Before the new version is used.
    BeforePromotion,
    /// After that.
    AfterPromotion,
    /// As a part of an experiment, or for a reason that is not known.
    Other,
}

/// A metric of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// As it is shown.
    pub view: MetricView,
    /// Seconds between two measurements; none where it is measured once.
    interval: Option<u32>,
    /// Errors in all, also those that were no row.
    errors: u32,
    success: Vec<Comparison>,
    failure: Vec<Comparison>,
}

/// A job that measured something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its name.
    pub name: SafeText,
    /// What came of it, in the controller's word.
    pub phase: SafeText,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
}

/// The state that a phase of an analysis or an experiment comes to.
#[must_use]
pub fn state(phase: &str) -> ObjectState {
    match phase {
        "Successful" => ObjectState::Good,
        "Running" => ObjectState::Working,
        "Pending" | "Inconclusive" => ObjectState::Waiting,
        "Failed" | "Error" => ObjectState::Bad,
        _ => ObjectState::Unknown,
    }
}

impl Run {
    /// Reads one.
    #[must_use]
    pub fn read(object: &Value) -> Self {
        let meta = Meta::read(object, &[]);
        let label = |key: &str| meta.labels.get(key).map(SafeText::as_str);
        let role = match label("rollout-type") {
            Some("Step") => RunRole::Step(label("step-index").and_then(|index| index.parse().ok())),
            Some("Background") => RunRole::Background,
            Some("PrePromotion") => RunRole::BeforePromotion,
            Some("PostPromotion") => RunRole::AfterPromotion,
            _ => RunRole::Other,
        };
        let arguments = arguments(object);
        let metrics = read::list(object, "/spec/metrics").iter().take(METRICS_MAX);
        Self {
            number: revision_of(&meta),
            hash: label(POD_HASH).unwrap_or_default().to_owned(),
            role,
            phase: read::text(object, "/status/phase").unwrap_or_default(),
            message: read::shown(object, "/status/message"),
            started_at: read::time(object, "/status/startedAt"),
            completed_at: read::time(object, "/status/completedAt"),
            metrics: metrics.map(|metric| Metric::read(object, metric, &arguments)).collect(),
            jobs: jobs(object),
            meta,
        }
    }

    /// It as it is shown; `current` says whether the rollout waits for it, or is judged by it, now.
    #[must_use]
    pub fn view(&self, current: bool) -> RunView {
        RunView {
            name: SafeText::new(&self.meta.name),
            role: self.role.words(),
            current,
            phase: SafeText::new(&self.phase),
            state: state(&self.phase),
            message: self.message.clone(),
            started_at: self.started_at,
            completed_at: self.completed_at,
            metrics: self.metrics.iter().map(|metric| metric.view.clone()).collect(),
        }
    }

    /// What was measured in all, in the plugin's signs: `✔ 4,✖ 2`.
    #[must_use]
    pub fn tally(&self) -> String {
        let sum =
            |of: fn(&Metric) -> u32| self.metrics.iter().fold(0_u32, |sum, metric| sum.saturating_add(of(metric)));
        let counts = [
            ("✔", sum(|metric| metric.view.successful)),
            ("✖", sum(|metric| metric.view.failed.now)),
            ("?", sum(|metric| metric.view.inconclusive.now)),
            ("⚠", sum(|metric| metric.errors)),
        ];
        let parts: Vec<String> =
            counts.iter().filter(|(_, count)| *count > 0).map(|(sign, count)| format!("{sign} {count}")).collect();
        parts.join(",")
    }

    /// The metric that decided how it ended, in a sentence with numbers; else what the controller says.
    #[must_use]
    pub fn why(&self) -> SafeText {
        let decisive = |metric: &&Metric| !metric.view.dry_run && metric.view.phase.as_str() == self.phase;
        match self.metrics.iter().find(decisive) {
            Some(metric) if state(&self.phase) != ObjectState::Good => SafeText::new(metric.why()),
            _ => self.message.clone(),
        }
    }
}

impl RunRole {
    /// It in words: `step 3`, counted from 1 as the controller's events do.
    #[must_use]
    pub fn words(self) -> SafeText {
        match self {
            Self::Step(Some(index)) => SafeText::new(format!("step {}", u64::from(index) + 1)),
            Self::Step(None) => "step".into(),
            Self::Background => "background".into(),
            Self::BeforePromotion => "before promotion".into(),
            Self::AfterPromotion => "after promotion".into(),
            Self::Other => "experiment".into(),
        }
    }
}

impl Metric {
    fn read(run: &Value, spec: &Value, arguments: &BTreeMap<String, String>) -> Self {
        let name = read::text(spec, "/name").unwrap_or_default();
        let result = read::list(run, "/status/metricResults")
            .iter()
            .find(|result| read::text(result, "/name").as_deref() == Some(&name))
            .unwrap_or(&Value::Null);
        let filled = |pointer: &str| fill(&read::text(spec, pointer).unwrap_or_default(), arguments);
        let limit = |pointer: &str| limit(spec, pointer, arguments);
        let interval = Some(filled("/interval")).filter(|text| !text.is_empty());
        let (success, failure) = (filled("/successCondition"), filled("/failureCondition"));
        let (good, bad) = (condition::comparisons(&success), condition::comparisons(&failure));
        let both: Vec<Comparison> = good.iter().chain(&bad).cloned().collect();
        let (provider, asked) = provider(spec, arguments);
        let resolved = read::text(result, "/metadata/ResolvedPrometheusQuery");
        let count = |pointer: &str| read::count(result, pointer).unwrap_or(0);
        let phase = read::shown(result, "/phase");
        let measurements = read::list(result, "/measurements");
        let from = measurements.len().saturating_sub(MEASUREMENTS_MAX);
        let mut limits: Vec<f64> = Vec::new();
        for comparison in &both {
            if !limits.iter().any(|limit| limit.to_bits() == comparison.number.to_bits()) {
                limits.push(comparison.number);
            }
        }
        let view = MetricView {
            state: state(phase.as_str()),
            message: read::shown(result, "/message"),
            provider: SafeText::new(provider),
            query: SafeText::new(resolved.unwrap_or(asked)),
            success: SafeText::new(success),
            failure: SafeText::new(failure),
            limits,
            dry_run: read::is(result, "/dryRun") || is_dry(run, &name),
            successful: count("/successful"),
            // A negative limit switches it off.
            failed: Tally { now: count("/failed"), limit: u32::try_from(limit("/failureLimit").unwrap_or(0)).ok() },
            inconclusive: Tally {
                now: count("/inconclusive"),
                limit: Some(allowed(limit("/inconclusiveLimit").unwrap_or(0))),
            },
            errors: Tally {
                now: count("/consecutiveError"),
                limit: Some(allowed(limit("/consecutiveErrorLimit").unwrap_or(ERRORS_ALLOWED))),
            },
            count: match limit("/count") {
                None | Some(0) if interval.is_none() => Some(1),
                None | Some(0) => None,
                Some(count) => u32::try_from(count).ok(),
            },
            measurements: measurements[from..]
                .iter()
                .map(|measurement| self::measurement(measurement, &both))
                .collect(),
            name: SafeText::new(name),
            phase,
        };
        Self {
            view,
            interval: interval.as_deref().and_then(go_seconds),
            errors: count("/error"),
            success: good,
            failure: bad,
        }
    }
}

fn allowed(limit: i64) -> u32 {
    u32::try_from(limit.max(0)).unwrap_or(u32::MAX)
}

fn measurement(measurement: &Value, comparisons: &[Comparison]) -> Measurement {
    let value = read::text(measurement, "/value").unwrap_or_default();
    Measurement {
        at: read::time(measurement, "/finishedAt").or_else(|| read::time(measurement, "/startedAt")),
        phase: read::shown(measurement, "/phase"),
        number: condition::measured(&value, comparisons),
        value: SafeText::new(value),
        message: read::shown(measurement, "/message"),
    }
}

fn jobs(run: &Value) -> Vec<Job> {
    let results = read::list(run, "/status/metricResults").iter();
    let measurements = results.flat_map(|result| read::list(result, "/measurements"));
    let jobs = measurements.filter_map(|measurement| {
        let name = read::text(measurement, "/metadata/job-name")?;
        Some(Job {
            name: SafeText::new(name),
            phase: read::shown(measurement, "/phase"),
            started_at: read::time(measurement, "/startedAt"),
        })
    });
    jobs.take(METRICS_MAX).collect()
}

/// The values of a run's arguments; those from secrets have none here.
fn arguments(run: &Value) -> BTreeMap<String, String> {
    let list = read::list(run, "/spec/args").iter().take(METRICS_MAX);
    list.filter_map(|argument| Some((read::text(argument, "/name")?, read::text(argument, "/value")?))).collect()
}

/// A text with `{{args.NAME}}` replaced by the argument's value, where there is one.
fn fill(text: &str, arguments: &BTreeMap<String, String>) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("{{") {
        filled.push_str(&rest[..start]);
        let inside = &rest[start + 2..];
        let Some(end) = inside.find("}}") else {
            filled.push_str(&rest[start..]);
            return filled;
        };
        let value = inside[..end].trim().strip_prefix("args.").and_then(|name| arguments.get(name.trim()));
        match value {
            Some(value) => filled.push_str(value),
            None => filled.push_str(&rest[start..start + 2 + end + 2]),
        }
        rest = &inside[end + 2..];
    }
    filled.push_str(rest);
    filled
}

/// A limit or a count, of a number or a text; 0 of a text that is none, as the controller takes it.
fn limit(spec: &Value, pointer: &str, arguments: &BTreeMap<String, String>) -> Option<i64> {
    match read::at(spec, pointer)? {
        Value::String(text) => Some(fill(text, arguments).trim().parse().unwrap_or(0)),
        other => read::whole(other),
    }
}

/// Whether a metric counts for nothing, by the run's spec.
fn is_dry(run: &Value, name: &str) -> bool {
    let rules = read::list(run, "/spec/dryRun").iter();
    rules.filter_map(|rule| read::text(rule, "/metricName")).any(|rule| {
        // The rule is a pattern; of patterns only the one for all is common.
        rule == name || matches!(rule.as_str(), "*" | ".*")
    })
}

/// Who is asked, and what, with arguments filled in.
fn provider(spec: &Value, arguments: &BTreeMap<String, String>) -> (String, String) {
    let Some((name, config)) = read::at(spec, "/provider").and_then(Value::as_object).and_then(|map| map.iter().next())
    else {
        return (String::new(), String::new());
    };
    let asked = match name.as_str() {
        "web" => {
            let path = read::text(config, "/jsonPath").unwrap_or_default();
            format!("{} {path}", read::text(config, "/url").unwrap_or_default())
        }
        "cloudWatch" => read::list(config, "/metricDataQueries")
            .iter()
            .filter_map(|query| read::text(query, "/expression"))
            .collect::<Vec<_>>()
            .join("; "),
        "plugin" => config.as_object().and_then(|map| map.keys().next().cloned()).unwrap_or_default(),
        "kayenta" => read::text(config, "/canaryConfigName").unwrap_or_default(),
        _ => read::text(config, "/query").unwrap_or_default(),
    };
    (name.clone(), fill(asked.trim(), arguments))
}

#[cfg(test)]
mod tests;
