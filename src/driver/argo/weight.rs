//! How far a canary is: its step, the weight that is set, and the weight that is in force.
//!
//! The rules are those of argo-rollouts, `utils/replicaset/canary.go` and
//! `pkg/kubectl-argo-rollouts/info/rollout_info.go`.

use super::{
    object::{Canary, Rollout, Strategy},
    step::Step,
};

/// The step of a canary as `done/all`: `1/8`; empty where it has none.
#[must_use]
pub fn step_text(rollout: &Rollout) -> String {
    match rollout.status.step_index {
        Some(index) if !rollout.steps().is_empty() => format!("{index}/{}", rollout.steps().len()),
        _ => String::new(),
    }
}

/// The weight that the plan sets now; none where nothing sets weights.
#[must_use]
pub fn set_weight(rollout: &Rollout) -> Option<u32> {
    let plan = canary(rollout)?;
    if rollout.status.abort {
        return Some(0);
    }
    if rollout.step().is_none() {
        return Some(plan.max_weight);
    }
    Some(planned(&plan.steps, rollout.status.step_index.unwrap_or(0)))
}

/// The weight that is in force: of a router what was set on it, else the canary's share of the pods
/// that are available. None where nothing sets weights, and where it is not known how many of the
/// canary's pods are available.
#[must_use]
pub fn actual_weight(rollout: &Rollout, canary_available: Option<u32>) -> Option<u32> {
    let plan = canary(rollout)?;
    if rollout.step().is_none() {
        return Some(plan.max_weight);
    }
    if rollout.status.available == 0 {
        return Some(0);
    }
    if plan.router.is_some() {
        return rollout.status.weights.as_ref().map_or_else(|| set_weight(rollout), |weights| Some(weights.canary));
    }
    let share = u64::from(canary_available?) * u64::from(plan.max_weight) / u64::from(rollout.status.available);
    Some(u32::try_from(share).unwrap_or(u32::MAX))
}

/// How many of the candidate's pods are available, as far as the rollout alone tells: all of them
/// where all pods are. None where some pods are not, and it may be any.
#[must_use]
pub fn updated_available(rollout: &Rollout) -> Option<u32> {
    let status = &rollout.status;
    match &rollout.strategy {
        _ if status.updated == 0 => Some(0),
        _ if rollout.is_fully_promoted() => Some(status.available.min(status.updated)),
        // A canary counts the pods of both versions as available, blue-green only those that are active.
        Strategy::Canary(_) if status.available == 0 => Some(0),
        Strategy::Canary(_) if status.available >= status.replicas => Some(status.updated),
        Strategy::Canary(_) | Strategy::BlueGreen(_) | Strategy::Unknown => None,
    }
}

/// The weight at a step: that of the nearest step at or before it that sets one, else 0.
#[must_use]
pub fn planned(steps: &[Step], index: usize) -> u32 {
    let mut until = steps.iter().take(index.saturating_add(1)).rev();
    until.find_map(|step| if let Step::SetWeight(weight) = step { Some(*weight) } else { None }).unwrap_or(0)
}

/// The share of requests that is mirrored now, in percent; none where nothing is.
#[must_use]
pub fn mirrored(rollout: &Rollout) -> Option<u32> {
    if rollout.status.abort || rollout.is_fully_promoted() {
        return None;
    }
    let done = rollout.status.step_index.unwrap_or(0).saturating_add(1);
    // Routes by name: a later step of the same name replaces or removes it.
    let mut seen = Vec::new();
    let mut share = None;
    for step in rollout.steps().iter().take(done).rev() {
        if let Step::SetMirrorRoute { name, matches, percentage } = step
            && !seen.contains(&name)
        {
            seen.push(name);
            if *matches > 0 {
                share = share.max(Some(percentage.unwrap_or(100).min(100)));
            }
        }
    }
    share
}

fn canary(rollout: &Rollout) -> Option<&Canary> {
    match &rollout.strategy {
        Strategy::Canary(plan) => Some(plan),
        Strategy::BlueGreen(_) | Strategy::Unknown => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{
        super::samples::{blue_green, canary, with},
        *,
    };

    fn read(changes: &[(&str, Value)]) -> Rollout {
        Rollout::read(&changes.iter().fold(canary(), |object, (at, value)| with(object, at, value.clone())))
    }

    #[test]
    fn the_weight_that_is_set_is_that_of_the_nearest_step_before() {
        // Rules of argo-rollouts, utils/replicaset/canary.go (GetCurrentSetWeight) and info/rollout_info.go.
        let routed = ("/spec/strategy/canary/trafficRouting", json!({"nginx": {}}));
        let of_1000 = ("/spec/strategy/canary/trafficRouting", json!({"nginx": {}, "maxTrafficWeight": 1000}));
        let weights = |canary: u32| {
            ("/status/canary", json!({"weights": {"canary": {"weight": canary}, "stable": {"weight": 100 - canary}}}))
        };
        for (changes, available, step, set, actual) in [
            (vec![], Some(1), "1/5", Some(20), Some(20)),
            (vec![], None, "1/5", Some(20), None),
            (vec![("/status/currentStepIndex", json!(0))], Some(0), "0/5", Some(20), Some(0)),
            (vec![("/status/currentStepIndex", json!(3))], Some(3), "3/5", Some(60), Some(60)),
            (vec![("/status/currentStepIndex", json!(5))], Some(5), "5/5", Some(100), Some(100)),
            (vec![("/status/currentStepIndex", json!(9))], Some(5), "9/5", Some(100), Some(100)),
            (vec![("/status/currentStepIndex", json!(null))], Some(0), "", Some(20), Some(0)),
            (vec![("/spec/strategy/canary/steps/0", json!({"pause": {}}))], Some(1), "1/5", Some(0), Some(20)),
            (vec![("/spec/strategy/canary/steps", json!([]))], Some(1), "", Some(100), Some(100)),
            (vec![("/status/availableReplicas", json!(0))], Some(0), "1/5", Some(20), Some(0)),
            (vec![("/status/availableReplicas", json!(6))], Some(1), "1/5", Some(20), Some(16)),
            (
                vec![("/status/abort", json!(true)), ("/status/currentStepIndex", json!(0))],
                Some(1),
                "0/5",
                Some(0),
                Some(20),
            ),
            (vec![routed.clone(), weights(5)], None, "1/5", Some(20), Some(5)),
            (vec![routed.clone()], None, "1/5", Some(20), Some(20)),
            (vec![of_1000, ("/status/currentStepIndex", json!(5))], None, "5/5", Some(1000), Some(1000)),
        ] {
            let rollout = read(&changes);
            let got = (step_text(&rollout), set_weight(&rollout), actual_weight(&rollout, available));
            assert_eq!(got, (step.to_owned(), set, actual), "{changes:?}");
        }
        let rollout = Rollout::read(&blue_green());
        assert_eq!(
            (step_text(&rollout), set_weight(&rollout), actual_weight(&rollout, Some(5))),
            (String::new(), None, None)
        );
    }

    #[test]
    fn absurd_numbers_do_not_overflow() {
        let most = json!(i32::MAX);
        let rollout = read(&[
            ("/spec/strategy/canary/trafficRouting", json!({"maxTrafficWeight": i32::MAX})),
            ("/status/availableReplicas", json!(1)),
            ("/status/updatedReplicas", most.clone()),
        ]);
        assert_eq!(actual_weight(&rollout, Some(u32::MAX)), Some(20), "what is routed is not counted in pods");
        let rollout = read(&[("/status/availableReplicas", json!(1))]);
        assert_eq!(actual_weight(&rollout, Some(u32::MAX)), Some(u32::MAX));
        let rollout = read(&[("/status/currentStepIndex", most)]);
        assert_eq!((set_weight(&rollout), mirrored(&rollout)), (Some(100), None));
    }

    #[test]
    fn without_its_objects_no_number_is_made_up() {
        assert_eq!(updated_available(&read(&[])), Some(1), "all pods are available, so the new ones are");
        assert_eq!(updated_available(&read(&[("/status/availableReplicas", json!(4))])), None);
        assert_eq!(
            updated_available(&read(&[("/status/updatedReplicas", json!(0)), ("/status/availableReplicas", json!(4))])),
            Some(0)
        );
        assert_eq!(updated_available(&Rollout::read(&blue_green())), None);
    }

    #[test]
    fn a_mirror_that_was_taken_away_mirrors_nothing() {
        let set = |percentage: Value| json!({"setMirrorRoute": {"name": "m", "percentage": percentage, "match": [{"path": {"prefix": "/"}}]}});
        let steps = |index: u32, steps: Value| {
            read(&[("/spec/strategy/canary/steps", steps), ("/status/currentStepIndex", json!(index))])
        };
        assert_eq!(mirrored(&steps(0, json!([set(json!(35)), {"pause": {}}]))), Some(35));
        assert_eq!(mirrored(&steps(1, json!([set(json!(null)), {"pause": {}}]))), Some(100));
        assert_eq!(mirrored(&steps(1, json!([set(json!(35)), {"setMirrorRoute": {"name": "m"}}]))), None);
        assert_eq!(mirrored(&steps(0, json!([{"pause": {}}, set(json!(35))]))), None);
    }
}
