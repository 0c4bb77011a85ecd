//! Metrics of analysis runs as indicators: the last value against what the conditions ask for.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Metric, Run, condition};
use crate::domain::{
    SafeText, Sli, SliArm, Verdict,
    sli::{Direction, OverallVerdict, SliPoint, SliState, TelemetryState},
    workload::{Measurement, Tally},
};

/// How the controller comes to its verdicts, as indicators name it.
const METHOD: &str = "argo analysis";

/// The indicators of the runs that judge a rollout now.
#[must_use]
pub fn slis(runs: &[&Run], now: DateTime<Utc>) -> Vec<Sli> {
    let mut names = BTreeSet::new();
    let mut slis = Vec::new();
    for run in runs {
        for metric in &run.metrics {
            let mut sli = metric.sli(run, now);
            // Two runs may measure the same: then it is said which one it is of.
            if !names.insert(sli.name.clone()) {
                sli.name = SafeText::new(format!("{} ({})", sli.name, run.role.words()));
                names.insert(sli.name.clone());
            }
            slis.push(sli);
        }
    }
    slis
}

/// What is concluded of a rollout's indicators: that of the one that needs somebody most.
#[must_use]
pub fn verdict(slis: &[Sli]) -> OverallVerdict {
    let Some(worst) = slis.iter().filter(|sli| sli.required).min_by_key(|sli| sli.need()) else {
        let why =
            if slis.is_empty() { "no analysis judges it now" } else { "what is analysed counts for nothing: dry run" };
        return OverallVerdict { label: Verdict::NoData, score: None, why: why.into() };
    };
    OverallVerdict { label: worst.verdict, score: None, why: worst.why.clone() }
}

impl Metric {
    fn sli(&self, run: &Run, now: DateTime<Utc>) -> Sli {
        let view = &self.view;
        let last = self.last();
        let (verdict, telemetry) = self.verdict(run, now);
        let limit = self.success.first().or(self.failure.first());
        let worse = match (self.success.first(), self.failure.first()) {
            (Some(good), _) => good.lower_is_worse(),
            (None, Some(bad)) => bad.lower_is_worse().map(|lower_is_good| !lower_is_good),
            (None, None) => None,
        };
        let direction = match worse {
            Some(true) => Direction::LowerIsWorse,
            Some(false) => Direction::HigherIsWorse,
            None => Direction::Either,
        };
        let measured = f64::from(view.successful) + f64::from(view.failed.now) + f64::from(view.inconclusive.now);
        Sli {
            name: view.name.clone(),
            unit: SafeText::default(),
            direction: SafeText::new(direction.as_str()),
            family: None,
            critical: false,
            required: !view.dry_run,
            method: METHOD.into(),
            canary: SliArm {
                value: last.and_then(|measurement| measurement.number),
                samples: last.is_some().then_some(measured),
            },
            baseline: SliArm::default(),
            difference: None,
            ratio: None,
            interval: None,
            limit: limit.map(|comparison| comparison.number),
            verdict,
            why: SafeText::new(self.why()),
            over_since: self.bad_since(),
            telemetry,
            burn: None,
            observed_at: last.and_then(|measurement| measurement.at),
            series: Some(self.series()),
        }
    }

    /// The newest measurement that came to an end.
    fn last(&self) -> Option<&Measurement> {
        self.view.measurements.iter().rev().find(|measurement| is_over(measurement))
    }

    /// Since when all measurements were bad.
    fn bad_since(&self) -> Option<DateTime<Utc>> {
        let ended = self.view.measurements.iter().rev().filter(|measurement| is_over(measurement));
        ended
            .take_while(|measurement| measurement.phase.as_str() == "Failed")
            .last()
            .and_then(|measurement| measurement.at)
    }

    fn series(&self) -> Vec<SliPoint> {
        let points =
            self.view.measurements.iter().filter(|measurement| is_over(measurement)).filter_map(|measurement| {
                Some(SliPoint {
                    at: measurement.at?,
                    canary: measurement.number,
                    baseline: None,
                    difference: None,
                    interval: None,
                })
            });
        points.collect()
    }

    fn verdict(&self, run: &Run, now: DateTime<Utc>) -> (Verdict, TelemetryState) {
        let last = self.last();
        let ended = matches!(self.view.phase.as_str(), "Successful" | "Failed" | "Error" | "Inconclusive");
        let word =
            if ended { self.view.phase.as_str() } else { last.map_or("", |measurement| measurement.phase.as_str()) };
        let verdict = match word {
            "Failed" if ended => Verdict::Fail,
            "Failed" => Verdict::Watch,
            "Successful" if last.is_some() => Verdict::Pass,
            "Inconclusive" => Verdict::Insufficient,
            _ => Verdict::NoData,
        };
        let telemetry = match (word, last) {
            ("Error", _) => TelemetryState::Error,
            (_, None) if ended || run.completed_at.is_some() => TelemetryState::Empty,
            (_, None) => TelemetryState::Warming,
            (_, Some(measurement)) if !ended && self.is_late(measurement, now) => TelemetryState::Stale,
            _ => TelemetryState::Ok,
        };
        (verdict, telemetry)
    }

    /// Whether three measurements are missing since.
    fn is_late(&self, last: &Measurement, now: DateTime<Utc>) -> bool {
        let Some((interval, at)) = self.interval.zip(last.at) else { return false };
        // A measurement takes its time, and the controller looks only so often.
        now - at > TimeDelta::seconds(i64::from(interval).saturating_mul(3).saturating_add(10))
    }

    /// What it comes to, in one sentence with numbers.
    pub(super) fn why(&self) -> String {
        let view = &self.view;
        let name = view.name.as_str().replace(['-', '_'], " ");
        let said = match self.last() {
            None if view.phase.as_str() == "Successful" => format!("{name} was ended before it was measured"),
            None => format!("{name} has no measurement yet"),
            Some(last) if last.phase.as_str() == "Error" || view.phase.as_str() == "Error" => {
                let message = [&last.message, &view.message].into_iter().find(|text| !text.is_empty());
                let message = message.map(|text| format!(": {text}")).unwrap_or_default();
                format!("{name} could not be measured {}{message}", in_a_row(view.errors))
            }
            Some(last) => {
                let allowed = match last.phase.as_str() {
                    "Inconclusive" => of_limit(view.inconclusive, "inconclusive", "inconclusive"),
                    _ => of_limit(view.failed, "failure", "failures"),
                };
                let made = match view.count {
                    Some(count) if count > 1 && view.phase.as_str() == "Running" => {
                        let made =
                            view.successful.saturating_add(view.failed.now).saturating_add(view.inconclusive.now);
                        format!(", {made} of {count} measurements")
                    }
                    _ => String::new(),
                };
                format!("{} ({allowed}{made})", self.reading(&name, last))
            }
        };
        if view.dry_run { format!("dry run: {said}") } else { said }
    }

    /// The last value, and where it lies: `success rate 0.9869 is below 0.99`.
    fn reading(&self, name: &str, last: &Measurement) -> String {
        let Some(value) = last.number else {
            let (value, phase) = (last.value.as_str(), last.phase.as_str());
            return match (phase, value.is_empty()) {
                ("Successful", true) => format!("{name} succeeded"),
                ("Successful", false) => format!("{name} is {value}, as it should be"),
                ("Inconclusive", _) => format!("{name} is {value}, which neither succeeds nor fails"),
                (_, true) => format!("{name} failed"),
                (_, false) => format!("{name} is {value}, which fails {}", self.failed_condition()),
            };
        };
        let good = |holds: bool| self.success.iter().find(|comparison| comparison.holds(value) == holds);
        let bad = |holds: bool| self.failure.iter().find(|comparison| comparison.holds(value) == holds);
        let told: Vec<_> = match last.phase.as_str() {
            "Successful" => good(true).or_else(|| bad(false)).into_iter().collect(),
            "Inconclusive" => good(false).into_iter().chain(bad(false)).collect(),
            _ => bad(true).or_else(|| good(false)).into_iter().collect(),
        };
        let shown = condition::beside(value, told.first().map_or(value, |comparison| comparison.number));
        match (told.is_empty(), last.phase.as_str()) {
            (true, "Failed") => format!("{name} is {shown}, which fails {}", self.failed_condition()),
            (true, _) => format!("{name} is {shown}"),
            (false, _) => {
                let words: Vec<String> = told.iter().map(|comparison| comparison.words(value)).collect();
                format!("{name} {shown} is {}", words.join(" and "))
            }
        }
    }

    fn failed_condition(&self) -> &str {
        if self.view.failure.is_empty() { self.view.success.as_str() } else { self.view.failure.as_str() }
    }
}

fn is_over(measurement: &Measurement) -> bool {
    matches!(measurement.phase.as_str(), "Successful" | "Failed" | "Error" | "Inconclusive")
}

fn of_limit(tally: Tally, one: &str, many: &str) -> String {
    let noun = if tally.now == 1 { one } else { many };
    match tally.limit {
        None => format!("{} {noun}, any number allowed", tally.now),
        Some(limit) if tally.now > limit => format!("{} {noun}, {limit} allowed", tally.now),
        Some(limit) => format!("{} of {limit} {many} allowed", tally.now),
    }
}

fn in_a_row(errors: Tally) -> String {
    let times = match errors.now {
        0 | 1 => "last time".to_owned(),
        times => format!("{times} times in a row"),
    };
    match errors.limit {
        Some(limit) if errors.now > limit => format!("{times}, {limit} allowed"),
        Some(limit) => format!("{times} ({} of {limit} errors allowed)", errors.now),
        None => times,
    }
}

/// Whether an indicator keeps a rollout from going on.
#[must_use]
pub(in crate::driver::argo) fn holds(sli: &Sli) -> bool {
    sli.required && matches!(sli.state(), SliState::Fail | SliState::Error | SliState::Watch | SliState::Stale)
}
