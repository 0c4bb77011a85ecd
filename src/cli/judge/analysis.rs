//! A Kayenta analysis: metrics with both arms, judged with Kayenta's labels and scores.

use std::collections::BTreeMap;

use color_eyre::Result;
use serde::Deserialize;

use super::Document;
use crate::{
    cli::{output::Table, session::Session},
    domain::SafeText,
    judge::{
        kayenta::{
            Analysis, Judgement, Metric,
            clean::{NanStrategy, Outliers},
            effect::Effect,
            judge,
            label::Direction,
            score::Thresholds,
        },
        words::three_digits,
    },
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AnalysisDocument {
    #[expect(dead_code, reason = "it says which judge, and there is but one to say")]
    judge: JudgeName,
    thresholds: Thresholds,
    #[serde(default, alias = "groupWeights")]
    groups: BTreeMap<SafeText, f64>,
    metrics: Vec<MetricDocument>,
}

#[derive(Debug, Deserialize)]
enum JudgeName {
    #[serde(rename = "kayenta", alias = "NetflixACAJudge-v1.0")]
    Kayenta,
}

/// A metric as it is written: the words of Kayenta's own configuration are understood too.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MetricDocument {
    name: SafeText,
    #[serde(default)]
    groups: Vec<SafeText>,
    #[serde(default)]
    direction: Direction,
    #[serde(default)]
    critical: bool,
    #[serde(default, alias = "mustHaveData")]
    must_have_data: bool,
    #[serde(default)]
    muted: bool,
    #[serde(default, alias = "nanStrategy")]
    nan: NanStrategy,
    #[serde(default)]
    outliers: Outliers,
    #[serde(default, alias = "effectSize")]
    effect: Effect,
    control: Vec<Option<f64>>,
    experiment: Vec<Option<f64>>,
}

impl From<AnalysisDocument> for Analysis {
    fn from(document: AnalysisDocument) -> Self {
        let values = |points: Vec<Option<f64>>| points.into_iter().map(|point| point.unwrap_or(f64::NAN)).collect();
        let metrics = document.metrics.into_iter().map(|metric| Metric {
            name: metric.name,
            groups: metric.groups,
            direction: metric.direction,
            critical: metric.critical,
            must_have_data: metric.must_have_data,
            muted: metric.muted,
            nan: metric.nan,
            outliers: metric.outliers,
            effect: metric.effect,
            control: values(metric.control),
            experiment: values(metric.experiment),
        });
        Self { thresholds: document.thresholds, groups: document.groups, metrics: metrics.collect() }
    }
}

pub fn run(session: &Session, document: &Document) -> Result<()> {
    let analysis: AnalysisDocument = document.parse()?;
    if analysis.metrics.is_empty() {
        return Err(document.wrong("metrics: there is none to judge").into());
    }
    let judgement = judge(&analysis.into()).map_err(|error| document.wrong(&error.to_string()))?;
    session.print(&judgement, || table(&judgement))
}

fn table(judgement: &Judgement) -> String {
    let mut metrics = Table::new(&["METRIC", "LABEL", "RATIO", "SHIFT", "BETWEEN", "POINTS", "GROUPS", "WHY"]);
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), three_digits);
    for result in &judgement.results {
        let mut why: Vec<&str> = result.reason.iter().map(SafeText::as_str).collect();
        why.extend(result.critical.then_some("critical"));
        why.extend(result.muted.then_some("muted: does not count"));
        let groups: Vec<&str> = result.groups.iter().map(SafeText::as_str).collect();
        metrics.row([
            result.name.to_string(),
            format!("{:?}", result.label),
            number(result.ratio),
            number(result.estimate),
            result.interval.map_or_else(
                || "-".to_owned(),
                |interval| format!("{} to {}", three_digits(interval.low), three_digits(interval.high)),
            ),
            format!("{} and {}", result.experiment.count, result.control.count),
            if groups.is_empty() { "-".to_owned() } else { groups.join(", ") },
            if why.is_empty() { "-".to_owned() } else { why.join("; ") },
        ]);
    }
    let mut groups = Table::new(&["GROUP", "SCORE"]);
    for group in &judgement.groups {
        let score = if group.no_data { "no data".to_owned() } else { three_digits(group.score) };
        groups.row([group.name.to_string(), score]);
    }
    let score = &judgement.score;
    let why = score.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{}\n{}\nscore {} {:?}{why}\n", metrics.text(0), groups.text(0), score.score, score.classification)
}
