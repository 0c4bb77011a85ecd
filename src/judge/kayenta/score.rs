//! From labels to group scores, a summary score and its classification, with every quirk of
//! Kayenta's weighted sum.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::label::Label;
use crate::domain::SafeText;

/// From which share of metrics without data on, in percent, the whole is worth nothing.
const TOO_MANY_WITHOUT_DATA: f64 = 50.0;

/// From which score on a result is what.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// At least this is a pass.
    pub pass: f64,
    /// At least this, and less than a pass, is marginal.
    pub marginal: f64,
}

/// What is concluded of a summary score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Classification {
    /// At least the threshold for a pass.
    Pass,
    /// At least that for a marginal result.
    Marginal,
    /// Less.
    Fail,
}

/// A metric as it is scored.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored<'a> {
    /// Its name.
    pub name: &'a SafeText,
    /// The groups that it counts in, in each of them wholly.
    pub groups: &'a [SafeText],
    /// Its label.
    pub label: Label,
    /// Whether it fails the whole, if its label is no pass.
    pub critical: bool,
}

/// The score of a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GroupScore {
    /// Its name.
    pub name: SafeText,
    /// 0 to 100: the share of passes among the metrics that say something; 0 where none does.
    pub score: f64,
    /// Whether none does. Then it counts 100 in the summary.
    pub no_data: bool,
    /// How many metrics have which label.
    pub labels: BTreeMap<Label, usize>,
}

/// The score of the whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SummaryScore {
    /// 0 to 100, to two decimals; more or less where the weights add up to more or less.
    pub score: f64,
    /// What that is.
    pub classification: Classification,
    /// Why it is worth nothing, where that is no matter of weights.
    pub reason: Option<SafeText>,
}

/// What the last of several judgements means for the analysis as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standalone {
    /// Whether it passed.
    pub passed: bool,
    /// Why, in a few words.
    pub why: &'static str,
}

/// The groups, in the order in which metrics name them.
#[must_use]
pub fn groups(metrics: &[Scored]) -> Vec<GroupScore> {
    let mut groups: Vec<GroupScore> = Vec::new();
    let mut places: BTreeMap<&SafeText, usize> = BTreeMap::new();
    for metric in metrics {
        for name in metric.groups {
            let place = *places.entry(name).or_insert_with(|| {
                groups.push(GroupScore { name: name.clone(), score: 0.0, no_data: true, labels: BTreeMap::new() });
                groups.len() - 1
            });
            if let Some(group) = groups.get_mut(place) {
                *group.labels.entry(metric.label).or_default() += 1;
            }
        }
    }
    for group in &mut groups {
        let of = |label| group.labels.get(&label).copied().unwrap_or(0);
        let passed = of(Label::Pass);
        let total = passed + of(Label::High) + of(Label::Low) + of(Label::NodataFailMetric);
        group.no_data = total == 0;
        group.score = if total == 0 { 0.0 } else { passed as f64 / total as f64 * 100.0 };
    }
    groups
}

/// The score of the whole, of metrics that are not muted and their groups.
///
/// A critical failure, or half of the metrics without data, make it 0. Otherwise groups count by
/// their weights in percent; those without one share evenly what the others leave of 100. A group
/// without data counts 100, and weights are not made to add up.
#[must_use]
pub fn summary(
    metrics: &[Scored],
    groups: &[GroupScore],
    weights: &BTreeMap<SafeText, f64>,
    thresholds: Thresholds,
) -> SummaryScore {
    let without_data = metrics.iter().filter(|metric| metric.label == Label::Nodata).count();
    let nothing = if let Some(metric) = metrics.iter().find(|metric| metric.critical && metric.label != Label::Pass) {
        Some(format!("{} is critical and {:?}", metric.name, metric.label))
    } else if without_data as f64 / metrics.len() as f64 * 100.0 >= TOO_MANY_WITHOUT_DATA {
        Some(format!("{without_data} of {} metrics have no data, and half are too many", metrics.len()))
    } else {
        None
    };
    let score = if nothing.is_some() { 0.0 } else { weighted(groups, weights) };
    let classification = if score >= thresholds.pass {
        Classification::Pass
    } else if score >= thresholds.marginal {
        Classification::Marginal
    } else {
        Classification::Fail
    };
    SummaryScore { score, classification, reason: nothing.map(SafeText::new) }
}

fn weighted(groups: &[GroupScore], weights: &BTreeMap<SafeText, f64>) -> f64 {
    let unweighted = groups.iter().filter(|group| !weights.contains_key(&group.name)).count();
    let rest = (100.0 - weights.values().sum::<f64>()) / unweighted as f64;
    let sum = groups.iter().fold(0.0, |sum, group| {
        let score = if group.no_data { 100.0 } else { group.score };
        sum + score * (weights.get(&group.name).copied().unwrap_or(rest) / 100.0)
    });
    two_decimals(sum)
}

/// What the scores of several judgements mean together: only the last one counts, and a score that
/// just reaches the marginal threshold fails here, though by itself it is marginal.
#[must_use]
pub fn standalone(scores: &[f64], marginal: Option<f64>, pass: Option<f64>) -> Standalone {
    let (passed, why) = match (scores.last(), marginal, pass) {
        (None, ..) => (false, "no judgement gave a score"),
        (Some(_), None, None) => (true, "no threshold was asked for"),
        (Some(score), Some(marginal), _) if *score <= marginal => (false, "the last score is not above marginal"),
        (Some(_), _, None) => (true, "no threshold for a pass was asked for"),
        (Some(score), _, Some(pass)) if *score < pass => (false, "the last score is below a pass"),
        _ => (true, "the last score reaches a pass"),
    };
    Standalone { passed, why }
}

/// Rounds half away from zero at the second decimal of the number as it is written, not of the
/// binary fraction: 0.125 and 1.005 both go up, though the latter is stored as a little less.
fn two_decimals(value: f64) -> f64 {
    if !value.is_finite() {
        return value;
    }
    let text = format!("{}", value.abs());
    let Some((whole, decimals)) = text.split_once('.') else { return value };
    let Some(rounded) = decimals.as_bytes().get(2) else { return value };
    let kept = format!("{whole}.{}", &decimals[..2]);
    let size = match (kept.parse::<f64>(), *rounded >= b'5') {
        (Ok(kept), false) => kept,
        // One hundredth more, in integers, so that it is the nearest number again.
        (Ok(kept), true) => ((kept * 100.0).round() + 1.0) / 100.0,
        (Err(_), _) => return value,
    };
    size.copysign(value)
}
