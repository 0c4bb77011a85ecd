//! Ready-made indicators, and what a plan's declaration of one comes to.
//!
//! A plan says `use: request_success_rate`, and has what it means, how it is judged and what a source is
//! asked. Everything that a declaration leaves open is filled in by [`resolve`]: from the ready-made
//! indicator, or else from the plan's own queries, or else from its kind.
//!
//! # What the templates ask for
//! Every metric carries two labels: `service`, and the one that tells the arms apart. That is `track`
//! (`canary`, `baseline`), `release` (a version) or `site`, as the plan's `telemetry.arms` says. Where scraped
//! metrics have neither, relabelling adds them, once for all indicators. One request then answers
//! for all rollouts that use the same indicator.
//!
//! Names are those that most exporters use: `http_requests_total` with `code`,
//! `http_request_duration_seconds` in seconds, kube-state-metrics' `kube_deployment_*`, OpenTelemetry's
//! `db_client_operation_duration_seconds`, `process_cpu_seconds_total` of the client libraries and
//! Prometheus' own `up`. Where nothing is usual, [`Metric::means`] says what is expected. Metrics of other
//! names need queries of their own (`bad`, `total`, ...) beside `use`, which keeps all the rest.

mod entries;
mod error;
mod resolve;

use crate::domain::{
    plan::{ArmsBy, Direction},
    sli::{Family, SliKind, SliQueries},
};

pub use error::{CatalogError, CatalogProblem};
pub use resolve::{PERIOD, resolve};

/// A ready-made indicator.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReadyMade {
    /// What a plan names it by.
    pub name: &'static str,
    /// What it means, in one sentence.
    pub means: &'static str,
    /// What it is made of, asked of a metrics server.
    pub kind: SliKind,
    /// What it speaks for.
    pub family: Family,
    /// The unit of its values.
    pub unit: &'static str,
    /// Which direction is worse.
    pub direction: Direction,
    /// The objective of its SLO, unless the plan says another.
    pub objective: Option<f64>,
    /// The value up to which a duration is good, unless the plan says another.
    pub threshold: Option<f64>,
    /// Whether a promotion needs it to pass, unless the plan says that it does not.
    pub required: bool,
    /// Whether it is shown only, and never votes.
    pub observe_only: bool,
    /// The metrics that its templates ask for; none, where only agents report it.
    pub metrics: &'static [Metric],
    /// What agents report of it; none, where only a metrics server knows it.
    pub reported: Option<Reported>,
    /// Its templates, for any arms.
    templates: Templates,
}

/// A metric that templates ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// The labels that it needs beside the service's and the arms'.
    pub labels: &'static [&'static str],
    /// What it holds.
    pub means: &'static str,
}

/// What agents report under an indicator's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reported {
    /// What it is made of then.
    pub kind: SliKind,
    /// The unit of its values then.
    pub unit: &'static str,
    /// Which direction is worse then.
    pub direction: Direction,
    /// What the check command prints under `slis`: `{good, total}` or `{value}`.
    pub form: &'static str,
    /// What these are.
    pub means: &'static str,
}

/// Templates with `@by` for the labels that series are told apart by, and `@arms` for the matchers of both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Templates {
    good: Option<&'static str>,
    bad: Option<&'static str>,
    total: Option<&'static str>,
    histogram: Option<&'static str>,
    value: Option<&'static str>,
}

/// All ready-made indicators, those of a service first.
#[must_use]
pub fn all() -> &'static [ReadyMade] {
    entries::ALL
}

/// The ready-made indicator of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static ReadyMade> {
    entries::ALL.iter().find(|ready| ready.name == name)
}

/// The name that was probably meant.
#[must_use]
pub fn nearest(name: &str) -> Option<&'static str> {
    let lower: String = name.chars().take(64).collect::<String>().to_lowercase().replace(['-', ' ', '.'], "_");
    let distance = |ready: &ReadyMade| {
        // `success_rate` means the one that ends with it, however much is missing.
        let part = lower.len() >= 4 && ready.name.contains(&lower);
        if part { 0 } else { strsim::damerau_levenshtein(&lower, ready.name) }
    };
    entries::ALL
        .iter()
        .map(|ready| (distance(ready), ready.name))
        .filter(|(distance, name)| *distance <= name.len() / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

impl ReadyMade {
    /// What a source is asked for it, where arms are told apart in this way; nothing, where only agents report it.
    #[must_use]
    pub fn queries(&self, arms: ArmsBy) -> SliQueries {
        let (label, placeholder) = arms_label(arms);
        let fill = |template: Option<&'static str>| {
            template.map(|text| {
                text.replace("@by", &format!("service, {label}"))
                    .replace("@arms", &format!("service=~\"$service\", {label}=~\"{placeholder}\""))
            })
        };
        let Templates { good, bad, total, histogram, value } = self.templates;
        SliQueries {
            good: fill(good),
            bad: fill(bad),
            total: fill(total),
            histogram: fill(histogram),
            value: fill(value),
        }
    }
}

/// The label that ready-made templates tell arms apart by, and its placeholder.
#[must_use]
pub const fn arms_label(arms: ArmsBy) -> (&'static str, &'static str) {
    match arms {
        ArmsBy::Track => ("track", "$track"),
        ArmsBy::Release => ("release", "$release"),
        ArmsBy::Cohort => ("site", "$cohort"),
    }
}

#[cfg(test)]
mod tests;
