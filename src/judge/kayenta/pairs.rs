//! Which series of the control belongs to which of the experiment.
//!
//! Series pair by metric name and by equal tags. A side that is missing becomes a placeholder of
//! missing values. Where one side has a series without tags and the other has none, the former only
//! says what the metric looks like: its values are not used.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::SafeText;

/// The tags of a series.
pub type Tags = BTreeMap<SafeText, SafeText>;

/// One series of one side.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series {
    /// The metric's name.
    pub name: SafeText,
    /// What tells it from other series of the metric.
    pub tags: Tags,
    /// When it begins, in milliseconds of whatever clock.
    pub start: i64,
    /// When it ends.
    pub end: i64,
    /// How far apart its points are, in milliseconds; 0 where nobody knows.
    pub step: i64,
    /// Its points, not a number where one is missing.
    pub values: Vec<f64>,
}

/// Two series that are compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// The metric's name.
    pub name: SafeText,
    /// The tags of both.
    pub tags: Tags,
    /// The control's points.
    pub control: Vec<f64>,
    /// The experiment's points.
    pub experiment: Vec<f64>,
}

/// Why series cannot be paired. It stops the whole analysis.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PairError {
    /// A series without a name.
    #[error("a series of the {side} has no name")]
    Unnamed {
        /// `control` or `experiment`.
        side: &'static str,
    },
    /// A metric without any series on a side, not even a placeholder.
    #[error("there is no series of the {side} for {metric}")]
    Missing {
        /// `control` or `experiment`.
        side: &'static str,
        /// The metric.
        metric: SafeText,
    },
    /// Tags that cannot be compared.
    #[error("{metric} has the tags {control} in the control and {experiment} in the experiment")]
    Tags {
        /// The metric.
        metric: SafeText,
        /// The control's tag keys.
        control: String,
        /// The experiment's tag keys.
        experiment: String,
    },
}

impl Series {
    /// How many points there should be.
    fn expected(&self) -> usize {
        let span = self.end.saturating_sub(self.start);
        if self.step > 0 && span > 0 { usize::try_from(span / self.step).unwrap_or(0).min(POINTS_MAX) } else { 0 }
    }

    /// The points, with missing ones at the end where there should be more.
    fn padded(&self) -> Vec<f64> {
        let mut values = self.values.clone();
        values.resize(values.len().max(self.expected()), f64::NAN);
        values
    }

    /// The same series without any point.
    fn placeholder(&self) -> Vec<f64> {
        vec![f64::NAN; self.expected()]
    }
}

/// Most points that a placeholder is filled up to: a bad step must not fill the memory.
const POINTS_MAX: usize = 1 << 20;

/// Pairs the series of the metrics that are configured, in their order, then by tags.
///
/// # Errors
/// [`PairError`].
pub fn pair(metrics: &[SafeText], control: &[Series], experiment: &[Series]) -> Result<Vec<Pair>, PairError> {
    for (side, all) in [("control", control), ("experiment", experiment)] {
        if all.iter().any(|series| series.name.is_empty()) {
            return Err(PairError::Unnamed { side });
        }
    }
    let mut pairs = Vec::new();
    for metric in metrics {
        let of = |side: &'static str, all: &'_ [Series]| -> Result<Vec<usize>, PairError> {
            let found: Vec<usize> = (0..all.len()).filter(|i| all[*i].name == *metric).collect();
            if found.is_empty() { Err(PairError::Missing { side, metric: metric.clone() }) } else { Ok(found) }
        };
        let control: Vec<&Series> = of("control", control)?.into_iter().map(|i| &control[i]).collect();
        let experiment: Vec<&Series> = of("experiment", experiment)?.into_iter().map(|i| &experiment[i]).collect();
        pair_metric(metric, &control, &experiment, &mut pairs)?;
    }
    Ok(pairs)
}

fn pair_metric(
    metric: &SafeText,
    control: &[&Series],
    experiment: &[&Series],
    pairs: &mut Vec<Pair>,
) -> Result<(), PairError> {
    let keys = |side: &[&Series]| -> BTreeSet<SafeText> {
        side.iter().flat_map(|series| series.tags.keys().cloned()).collect()
    };
    let (control_keys, experiment_keys) = (keys(control), keys(experiment));
    if !control_keys.is_empty() && !experiment_keys.is_empty() && control_keys != experiment_keys {
        let list = |keys: &BTreeSet<SafeText>| keys.iter().map(SafeText::as_str).collect::<Vec<_>>().join(", ");
        return Err(PairError::Tags {
            metric: metric.clone(),
            control: list(&control_keys),
            experiment: list(&experiment_keys),
        });
    }
    let (Some(first_control), Some(first_experiment)) = (control.first(), experiment.first()) else { return Ok(()) };
    let untagged = |side: &[&Series]| side.iter().any(|series| series.tags.is_empty());
    let (control_untagged, experiment_untagged) = (untagged(control), untagged(experiment));
    let mut add = |tags: &Tags, control: Vec<f64>, experiment: Vec<f64>| {
        pairs.push(Pair { name: metric.clone(), tags: tags.clone(), control, experiment });
    };
    if control_untagged && !experiment_untagged {
        for series in experiment {
            add(&series.tags, first_control.placeholder(), series.padded());
        }
    } else if experiment_untagged && !control_untagged {
        for series in control {
            add(&series.tags, series.padded(), first_experiment.placeholder());
        }
    } else {
        let tags: BTreeSet<&Tags> = control.iter().chain(experiment).map(|series| &series.tags).collect();
        for tags in tags {
            let find = |side: &[&Series], first: &Series| {
                side.iter().find(|series| series.tags == *tags).map_or_else(|| first.placeholder(), |s| s.padded())
            };
            add(tags, find(control, first_control), find(experiment, first_experiment));
        }
    }
    Ok(())
}
