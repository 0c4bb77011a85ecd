//! Where a rollout is and where a promotion takes it, in words and numbers.

use crate::driver::argo::{
    object::{Rollout, Strategy},
    step::Step,
    weight::planned,
};

/// `revision 12 (6f8c7)`.
pub fn present(rollout: &Rollout) -> String {
    revision(rollout.revision_number(), &rollout.status.pod_hash)
}

/// `revision 12 (6f8c7)`; either may be missing.
pub fn revision(number: u64, hash: &str) -> String {
    match (number, hash) {
        (0, "") => "a revision that is not known".to_owned(),
        (0, hash) => format!("the revision {hash}"),
        (number, "") => format!("revision {number}"),
        (number, hash) => format!("revision {number} ({hash})"),
    }
}

/// A step by its place and what it does: `step 3 of 8 (setWeight: 40)`. The index is counted from 0.
pub fn step(rollout: &Rollout, index: usize) -> String {
    let steps = rollout.steps();
    match steps.get(index) {
        Some(step) => format!("step {} of {} ({})", index + 1, steps.len(), step.line()),
        None => format!("the end of its {} steps", steps.len()),
    }
}

/// Why it waits, as `it waits at step 2 of 8 (pause)`.
pub fn waits(rollout: &Rollout) -> String {
    let reason = rollout.status.pauses.first().map_or("", |pause| pause.reason.as_str());
    match reason {
        "BlueGreenPause" => "it waits before the switch to the new version".to_owned(),
        "InconclusiveAnalysisRun" => "it waits as an analysis was inconclusive".to_owned(),
        "InconclusiveExperiment" => "it waits as an experiment was inconclusive".to_owned(),
        _ => format!("it waits at {}", step(rollout, rollout.status.step_index.unwrap_or(0))),
    }
}

/// What is to be known of where it is, in one sentence.
pub fn state(rollout: &Rollout) -> String {
    let status = &rollout.status;
    let place = if status.abort {
        "it was aborted".to_owned()
    } else if rollout.is_fully_promoted() {
        "it is fully promoted".to_owned()
    } else if status.promote_full {
        "it is being promoted fully".to_owned()
    } else if !status.pauses.is_empty() {
        waits(rollout)
    } else if rollout.steps().is_empty() {
        "it goes on".to_owned()
    } else {
        format!("it is at {}", step(rollout, status.step_index.unwrap_or(0)))
    };
    if rollout.paused { format!("{place}, and a person paused it") } else { place }
}

/// The weight that is all of it.
pub fn max_weight(rollout: &Rollout) -> u32 {
    match &rollout.strategy {
        Strategy::Canary(canary) => canary.max_weight,
        Strategy::BlueGreen(_) | Strategy::Unknown => 100,
    }
}

/// The weight that the steps up to and with this one set as the plugin tells them.
pub fn weight(rollout: &Rollout, index: usize) -> u32 {
    let steps = rollout.steps();
    if index >= steps.len() {
        return max_weight(rollout);
    }
    planned(steps, index)
}

/// The first step from this one on at which it does not go on at once; none where there is no such step.
pub fn next_stop(rollout: &Rollout, from: usize) -> Option<usize> {
    let stops = |step: &Step| {
        matches!(step, Step::Pause(_) | Step::Analysis { .. } | Step::Experiment { .. } | Step::Plugin { .. })
    };
    let steps = rollout.steps();
    (from..steps.len()).find(|index| stops(&steps[*index]))
}

/// About how many of the wanted pods a weight stands for: rounded, and one at least where it is not 0.
pub fn pods(rollout: &Rollout, weight: u32) -> u32 {
    let max = u64::from(max_weight(rollout).max(1));
    let part = (u64::from(rollout.replicas) * u64::from(weight) + max / 2) / max;
    let least = u64::from(weight > 0 && rollout.replicas > 0);
    u32::try_from(part.max(least)).unwrap_or(u32::MAX)
}

/// `1 pod`, `3 pods`.
pub fn counted(count: u32) -> String {
    if count == 1 { "1 pod".to_owned() } else { format!("{count} pods") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::driver::argo::samples;

    #[test]
    fn a_step_and_its_weight_are_told_as_the_plugin_counts_them() {
        let rollout = Rollout::read(&samples::canary());
        assert_eq!(step(&rollout, 1), "step 2 of 5 (pause)");
        assert_eq!(step(&rollout, 5), "the end of its 5 steps");
        assert_eq!([0, 1, 2, 3, 4, 5].map(|index| weight(&rollout, index)), [20, 20, 60, 60, 60, 100]);
        assert_eq!([0, 2, 4, 5].map(|index| next_stop(&rollout, index)), [Some(1), Some(3), Some(4), None]);
        assert_eq!([0, 1, 20, 60, 100].map(|weight| pods(&rollout, weight)), [0, 1, 1, 3, 5]);
        assert_eq!(waits(&rollout), "it waits at step 2 of 5 (pause)");
    }

    #[test]
    fn a_router_may_count_otherwise_than_to_a_hundred() {
        let routing = json!({"nginx": {}, "maxTrafficWeight": 1000});
        let rollout = Rollout::read(&samples::with(samples::canary(), "/spec/strategy/canary/trafficRouting", routing));
        assert_eq!((weight(&rollout, 9), pods(&rollout, 600)), (1000, 3));
    }
}
