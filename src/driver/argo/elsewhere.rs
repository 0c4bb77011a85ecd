//! What a person or another tool did to a Rollout between two readings of it.
//!
//! Who did it is told by the field manager of what was written. What only takes something away leaves no
//! manager: a promotion that answers a pause, for one. It is told without a name, and may be this driver's own
//! one: whoever sends orders leaves out what it sent itself.

use super::{
    act::journey,
    object::{Rollout, Strategy},
    step::Step,
};
use crate::{
    domain::SafeText,
    driver::{Elsewhere, kubernetes::meta::Writer},
};

/// Field managers that are this program: what they write is not from elsewhere.
const OURS: &str = "rolldeck";
/// Field managers that are Argo's controller: what it writes, it does by itself. Without a name of its own it is
/// known by the program's. The plugin is `kubectl-argo-rollouts`, and no controller.
const CONTROLLERS: [&str; 2] = ["rollouts-controller", "argo-rollouts"];
/// Field managers that scale by load: that is no news of a rollout.
const SCALERS: [&str; 3] = ["kube-controller-manager", "horizontal-pod-autoscaler", "keda"];

/// Whether a field manager is this program.
pub(super) fn is_ours(manager: &str) -> bool {
    manager.starts_with(OURS)
}

fn is_controller(manager: &str) -> bool {
    CONTROLLERS.iter().any(|name| manager.starts_with(name))
}

/// What was done between two readings of one Rollout, and neither by this program nor by Argo's controller.
#[must_use]
pub fn elsewhere(before: &Rollout, after: &Rollout) -> Vec<Elsewhere> {
    let mut found = Finder { after, found: Vec::new() };
    if before.meta.uid != after.meta.uid || !before.status.present {
        return found.found;
    }
    let (was, is) = (&before.status, &after.status);
    match (before.paused, after.paused) {
        (false, true) => found.written("pause", "spec.paused", "it was paused"),
        (true, false) => found.written("resume", "spec.paused", "a pause was ended"),
        _ => {}
    }
    if before.restart_at != after.restart_at && after.restart_at.is_some() {
        found.written("restart", "spec.restartAt", "its pods are to be made anew");
    }
    if before.replicas != after.replicas {
        found.scaled(before.replicas);
    }
    if was.pod_hash != is.pod_hash {
        found.new_revision(before);
        return found.found;
    }
    if !was.step_hash.is_empty() && !is.step_hash.is_empty() && was.step_hash != is.step_hash {
        found.written("new_plan", "spec.strategy", "its steps were changed, and it begins again at the first one");
        return found.found;
    }
    match (was.abort, is.abort) {
        // The controller, too, aborts; then it writes down at once when that was.
        (false, true) if found.writer("status.abort").is_some() || is.aborted_at.is_none() => {
            found.written("abort", "status.abort", &format!("{} was aborted", journey::present(after)));
        }
        // It ends an abort where it drops an update; it does not begin it again.
        (true, false)
            if !is.promote_full
                && !after.is_fully_promoted()
                && (found.writer("status.abort").is_some() || is.aborted_at.is_some()) =>
        {
            found.written("retry", "status.abort", &format!("{} was begun again", journey::present(after)));
        }
        _ => {}
    }
    if !was.promote_full && is.promote_full {
        let text = format!("{} was promoted fully", journey::present(after));
        found.written("promote_full", "status.promoteFull", &text);
    } else if !is.abort && !is.promote_full && !was.promote_full {
        found.promoted(before);
    }
    found.found
}

struct Finder<'a> {
    after: &'a Rollout,
    found: Vec<Elsewhere>,
}

impl Finder<'_> {
    fn writer(&self, field: &str) -> Option<&Writer> {
        self.after.meta.writer(field)
    }

    /// Something was written: left out where its writer is known to be this program or the controller.
    fn written(&mut self, what: &str, field: &str, text: &str) {
        let writer = self.writer(field);
        if writer.is_some_and(|writer| is_ours(writer.manager.as_str()) || is_controller(writer.manager.as_str())) {
            return;
        }
        let (by, at) = writer.map_or_else(Default::default, |writer| (writer.manager.clone(), writer.at));
        self.found.push(Elsewhere { what: SafeText::new(what), by, at, text: SafeText::new(text) });
    }

    fn scaled(&mut self, before: u32) {
        let by_load = |writer: &Writer| SCALERS.iter().any(|name| writer.manager.as_str().starts_with(name));
        if !self.writer("spec.replicas").is_some_and(by_load) {
            let after = self.after.replicas;
            self.written("scale", "spec.replicas", &format!("{before} -> {}", journey::counted(after)));
        }
    }

    fn new_revision(&mut self, before: &Rollout) {
        let (was, is) = (&before.status, &self.after.status);
        if was.pod_hash.is_empty() || is.pod_hash.is_empty() {
            return;
        }
        // Of a workload referred to, nobody knows here who wrote it.
        let field = if self.after.workload.is_some() { "spec.workloadRef" } else { "spec.template" };
        let (from, to) = (journey::present(before), journey::present(self.after));
        if is.pod_hash == was.stable_hash {
            self.written(
                "rollback",
                field,
                &format!("{to}, the template of the stable one again, took the place of {from}"),
            );
        } else {
            self.written("new_revision", field, &format!("{to} took the place of {from}"));
        }
    }

    /// A promotion: the answer to a pause that lies there, or a step that does not end by itself and was left.
    fn promoted(&mut self, before: &Rollout) {
        let (was, is) = (&before.status, &self.after.status);
        let answered = is.controller_pause && is.pauses.is_empty() && !was.pauses.is_empty();
        let index = was.step_index.unwrap_or(0);
        let advanced = is.step_index.is_some_and(|now| now > index);
        let waited_for_somebody = was.controller_pause
            && !was.pauses.is_empty()
            && matches!(before.step(), Some(Step::Pause(pause)) if pause.is_endless());
        let switched = matches!(&before.strategy, Strategy::BlueGreen(plan) if !plan.auto_promotion)
            && was.pauses.iter().any(|pause| pause.reason == "BlueGreenPause")
            && is.pauses.is_empty();
        // Who wrote the step: the controller when it ended the step itself.
        let by_somebody = advanced
            && self.writer("status.currentStepIndex").is_some_and(|writer| !is_controller(writer.manager.as_str()));
        if by_somebody {
            let text = format!("{} was left for {}", journey::step(before, index), self.place());
            self.written("promote", "status.currentStepIndex", &text);
        } else if answered || switched || (advanced && waited_for_somebody) {
            let text = format!("somebody answered: {}", journey::waits(before));
            self.found.push(Elsewhere {
                what: SafeText::new("promote"),
                by: SafeText::default(),
                at: None,
                text: SafeText::new(text),
            });
        }
    }

    fn place(&self) -> String {
        journey::step(self.after, self.after.status.step_index.unwrap_or(0))
    }
}

#[cfg(test)]
mod tests;
