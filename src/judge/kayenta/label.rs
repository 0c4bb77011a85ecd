//! The label of one metric: the ladder of decisions, of which the first that applies holds.

use core::cmp::Ordering;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    clean::NanStrategy,
    effect::{Effect, mean_ratio},
    interval::{Shift, normal_quantile, shift},
    rank::RankStatistic,
};

/// What is concluded of a metric, spelt as Kayenta spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Label {
    /// Not different in a direction that counts.
    Pass,
    /// The experiment is higher.
    High,
    /// The experiment is lower.
    Low,
    /// An arm is empty; it counts for nothing but the share of such metrics.
    Nodata,
    /// An arm is empty, and the metric must have data: a failure.
    NodataFailMetric,
    /// It could not be computed; it counts for nothing.
    Error,
}

/// In which direction a difference counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Only upwards.
    Increase,
    /// Only downwards.
    Decrease,
    /// Both ways.
    #[default]
    Either,
}

/// How sure the test has to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MannWhitney {
    /// The band around 0 that the interval must leave, as a share of the estimated shift. So it is
    /// no tolerated difference: it asks for a higher significance.
    pub tolerance: f64,
    /// Two-sided confidence of the interval.
    pub confidence: f64,
}

impl MannWhitney {
    /// Of `NetflixACAJudge-v1.0`.
    pub const NETFLIX: Self = Self { tolerance: 0.25, confidence: 0.98 };
}

/// How a metric is to be judged.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Rule {
    /// In which direction a difference counts.
    pub direction: Direction,
    /// What was done to missing values, which decides what an empty arm means.
    pub nan: NanStrategy,
    /// Whether a failure fails the whole.
    pub critical: bool,
    /// Whether an empty arm is a failure.
    pub must_have_data: bool,
    /// From which effect on a difference counts.
    pub effect: Effect,
}

/// What is concluded of a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Classified {
    /// The label.
    pub label: Label,
    /// Why, where there is more to say than the label.
    pub reason: Option<&'static str>,
    /// The mean of the experiment over that of the control; 1 where nothing was compared, none where
    /// it cannot be computed.
    pub ratio: Option<f64>,
    /// What the gate was asked with, in the rule's measure; none where nothing was compared.
    pub effect: Option<f64>,
    /// By how much the experiment is higher; none where nothing was compared.
    pub shift: Option<Shift>,
    /// Whether it fails the whole.
    pub critical: bool,
}

impl Classified {
    fn without_test(label: Label, reason: Option<&'static str>, critical: bool) -> Self {
        Self { label, reason, ratio: Some(1.0), effect: None, shift: None, critical }
    }
}

/// Labels a metric by both arms, cleaned.
#[must_use]
pub fn classify(experiment: &[f64], control: &[f64], rule: &Rule, test: MannWhitney) -> Classified {
    if experiment.is_empty() || control.is_empty() {
        return match (rule.nan, rule.must_have_data && !rule.critical) {
            (NanStrategy::Replace, _) => Classified::without_test(Label::Pass, None, false),
            (NanStrategy::Remove, true) => {
                Classified::without_test(Label::NodataFailMetric, Some("an arm that must have data has none"), false)
            }
            (NanStrategy::Remove, false) => {
                Classified::without_test(Label::Nodata, Some("an arm has no data"), rule.critical)
            }
        };
    }
    let ranks = RankStatistic::new(experiment, control);
    if ranks.x() == ranks.y() {
        return Classified::without_test(Label::Pass, Some("both arms are identical"), false);
    }
    if let (Some(x), Some(y)) = (single(ranks.x()), single(ranks.y())) {
        if same(x, y) {
            return Classified::without_test(Label::Pass, None, false);
        }
        let (experiment, control) = (noisy(experiment), noisy(control));
        return compare(&experiment, &control, &RankStatistic::new(&experiment, &control), rule, test);
    }
    compare(experiment, control, &ranks, rule, test)
}

/// The only value of a sorted arm, if it has but one.
fn single(sorted: &[f64]) -> Option<f64> {
    let (first, last) = (sorted.first()?, sorted.last()?);
    same(*first, *last).then_some(*first)
}

fn same(a: f64, b: f64) -> bool {
    a.partial_cmp(&b).is_some_and(Ordering::is_eq)
}

fn compare(experiment: &[f64], control: &[f64], ranks: &RankStatistic, rule: &Rule, test: MannWhitney) -> Classified {
    let Ok(shift) = shift(ranks, test.confidence) else {
        return Classified {
            label: Label::Error,
            reason: Some("the test cannot be computed: all observations are tied"),
            ratio: None,
            effect: None,
            shift: None,
            critical: false,
        };
    };
    let effect = rule.effect.of(experiment, control, ranks);
    let band = test.tolerance * shift.estimate.abs();
    let (up, down) = match rule.direction {
        Direction::Increase => (true, false),
        Direction::Decrease => (false, true),
        Direction::Either => (true, true),
    };
    let (label, critical, reason) = if up && shift.low > band && rule.effect.increases(effect, false) {
        (Label::High, rule.critical && rule.effect.increases(effect, true), Some("the experiment is higher"))
    } else if down && shift.high < -band && rule.effect.decreases(effect, false) {
        (Label::Low, rule.critical && rule.effect.decreases(effect, true), Some("the experiment is lower"))
    } else {
        (Label::Pass, false, None)
    };
    Classified { label, reason, ratio: mean_ratio(experiment, control), effect, shift: Some(shift), critical }
}

/// Values that were all the same, spread by a hundred-thousandth of themselves, so that ranks can
/// be told apart; zeros stay zeros.
///
/// Kayenta draws the spread anew each time. Here it is always the expected normal sample, its
/// quantiles at (i - 1/2)/n, so that a judgement can be repeated to the last bit.
fn noisy(values: &[f64]) -> Vec<f64> {
    normal_sample(values.len()).zip(values).map(|(normal, value)| value + 1e-5 * value * normal).collect()
}

/// So many quantiles of the standard normal distribution, evenly spread.
pub(super) fn normal_sample(count: usize) -> impl Iterator<Item = f64> {
    (0..count).map(move |i| normal_quantile((i as f64 + 0.5) / count as f64))
}
