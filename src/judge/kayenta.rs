//! The judge that agrees with Kayenta's `NetflixACAJudge`: labels, effect sizes and scores.
//!
//! For those who have such configurations and want the same answers. It keeps what is weak in the
//! original too: no minimum of points, an interval of an absolute tolerance, independence of points
//! taken for granted, an error that counts for nothing. [`super::series`] is the judge without those;
//! this one is asked for by name.
//!
//! The words are Kayenta's: the *control* is the baseline, the *experiment* is the canary.
//!
//! One difference: where each arm has but one value, Kayenta adds random noise; the noise here is
//! always the same, so that a judgement can be repeated ([`label`]).

pub mod clean;
pub mod effect;
pub mod interval;
pub mod label;
pub mod pairs;
pub mod rank;
pub mod score;
pub mod windows;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::SafeText;
use clean::{NanStrategy, Outliers, Statistics};
use effect::Effect;
use interval::Shift;
use label::{Direction, Label, MannWhitney, Rule};
use score::{GroupScore, Scored, SummaryScore, Thresholds};

/// The judge's name, as results carry it.
pub const NAME: &str = "NetflixACAJudge-v1.0";

/// What is to be judged: metrics with both arms, the weights of their groups, and thresholds.
#[derive(Debug, Clone, PartialEq)]
pub struct Analysis {
    /// From which score on the whole is what.
    pub thresholds: Thresholds,
    /// Weights of groups, in percent.
    pub groups: BTreeMap<SafeText, f64>,
    /// The metrics.
    pub metrics: Vec<Metric>,
}

/// A metric: how it is to be judged, and both arms.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metric {
    /// Its name.
    pub name: SafeText,
    /// The groups that it counts in.
    pub groups: Vec<SafeText>,
    /// In which direction a difference counts.
    pub direction: Direction,
    /// Whether a failure fails the whole.
    pub critical: bool,
    /// Whether an arm without data is a failure.
    pub must_have_data: bool,
    /// Whether it is only shown, and does not count.
    pub muted: bool,
    /// What becomes of missing values.
    pub nan: NanStrategy,
    /// What becomes of outliers.
    pub outliers: Outliers,
    /// From which effect on a difference counts.
    pub effect: Effect,
    /// The baseline's points, not a number where one is missing.
    pub control: Vec<f64>,
    /// The canary's points.
    pub experiment: Vec<f64>,
}

/// What is concluded of a metric, with the numbers behind it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MetricResult {
    /// Its name.
    pub name: SafeText,
    /// The groups that it counts in.
    pub groups: Vec<SafeText>,
    /// The label.
    pub label: Label,
    /// Why, where there is more to say than the label.
    pub reason: Option<SafeText>,
    /// Whether it fails the whole: a critical metric that failed critically, or has no data.
    pub critical: bool,
    /// Whether it does not count.
    pub muted: bool,
    /// The mean of the experiment over that of the control; 1 where nothing was compared, none where
    /// it cannot be computed.
    pub ratio: Option<f64>,
    /// The effect by the metric's measure, which gates the label.
    pub effect: Option<f64>,
    /// The estimated shift of the experiment against the control.
    pub estimate: Option<f64>,
    /// Where that shift lies.
    pub interval: Option<crate::domain::sli::Interval>,
    /// The control as it was compared.
    pub control: Statistics,
    /// The experiment as it was compared.
    pub experiment: Statistics,
}

/// What is concluded of an analysis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Judgement {
    /// [`NAME`].
    pub judge: SafeText,
    /// Of each metric, muted ones too, in the order they came.
    pub results: Vec<MetricResult>,
    /// Of each group, in the order in which metrics name them.
    pub groups: Vec<GroupScore>,
    /// Of the whole.
    pub score: SummaryScore,
}

/// An analysis that makes no sense.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum AnalysisError {
    /// A factor that fences nothing off.
    #[error("metric {metric}: the factor of outliers is {factor}, and must be above 0")]
    Factor {
        /// The metric.
        metric: SafeText,
        /// What it has.
        factor: f64,
    },
}

/// Judges an analysis as `NetflixACAJudge-v1.0` does.
///
/// # Errors
/// [`AnalysisError`], of which a metric whose test fails is none: that has the label `Error`.
pub fn judge(analysis: &Analysis) -> Result<Judgement, AnalysisError> {
    let results = analysis.metrics.iter().map(judge_metric).collect::<Result<Vec<_>, _>>()?;
    let scored: Vec<Scored> = results
        .iter()
        .filter(|result| !result.muted)
        .map(|result| Scored {
            name: &result.name,
            groups: &result.groups,
            label: result.label,
            critical: result.critical,
        })
        .collect();
    let groups = score::groups(&scored);
    let score = score::summary(&scored, &groups, &analysis.groups, analysis.thresholds);
    Ok(Judgement { judge: SafeText::new(NAME), groups, score, results })
}

fn judge_metric(metric: &Metric) -> Result<MetricResult, AnalysisError> {
    if let Outliers::Remove { factor } = metric.outliers
        && (factor.is_nan() || factor <= 0.0)
    {
        return Err(AnalysisError::Factor { metric: metric.name.clone(), factor });
    }
    let control = clean::clean(&metric.control, metric.nan, metric.outliers);
    let experiment = clean::clean(&metric.experiment, metric.nan, metric.outliers);
    let rule = Rule {
        direction: metric.direction,
        nan: metric.nan,
        critical: metric.critical,
        must_have_data: metric.must_have_data,
        effect: metric.effect,
    };
    let classified = label::classify(&experiment, &control, &rule, MannWhitney::NETFLIX);
    Ok(MetricResult {
        name: metric.name.clone(),
        groups: metric.groups.clone(),
        label: classified.label,
        reason: classified.reason.map(SafeText::new),
        critical: classified.critical,
        muted: metric.muted,
        ratio: classified.ratio,
        effect: classified.effect,
        estimate: classified.shift.map(|shift| shift.estimate),
        interval: classified.shift.map(|Shift { low, high, .. }| crate::domain::sli::Interval { low, high }),
        control: Statistics::of(&control),
        experiment: Statistics::of(&experiment),
    })
}
