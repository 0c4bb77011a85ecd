//! What is worth knowing of a rollout and has no place of its own.

use super::{
    super::{
        object::{Canary, Strategy},
        phase,
        step::Step,
        weight,
    },
    Sight, time,
};
use crate::domain::{SafeText, workload::Fact};

/// Facts that are shown, at most.
const FACTS_MAX: usize = 40;

/// They, each as a line.
pub(super) fn facts(sight: &Sight<'_>) -> Vec<Fact> {
    let rollout = sight.rollout;
    let status = &rollout.status;
    let mut facts = Vec::new();
    let mut add = |name: &str, value: String| {
        if !value.is_empty() && facts.len() < FACTS_MAX {
            facts.push(Fact { name: name.into(), value: SafeText::new(value) });
        }
    };
    add("step", weight::step_text(rollout));
    if status.promote_full {
        add("promotion", "all steps are skipped".to_owned());
    }
    if let Some(reference) = &rollout.workload {
        let scaled = if reference.scale_down.is_empty() {
            String::new()
        } else {
            format!(", scaled down {}", reference.scale_down)
        };
        add("workload", format!("{} {}{scaled}", reference.kind, reference.name));
    }
    match &rollout.strategy {
        Strategy::Canary(plan) => canary(sight, plan, &mut add),
        Strategy::BlueGreen(plan) => {
            add("active service", plan.active_service.as_str().to_owned());
            add("preview service", plan.preview_service.as_str().to_owned());
        }
        Strategy::Unknown => {}
    }
    for image in sight.tree.iter().flat_map(super::Tree::images) {
        let (image, tags) = image;
        let tags = tags.into_iter().collect::<Vec<_>>().join(", ");
        add("image", if tags.is_empty() { image.as_str().to_owned() } else { format!("{image} ({tags})") });
    }
    if let Some(at) = rollout.restart_at.filter(|_| phase::is_restarting(rollout)) {
        let how = if at > sight.now { "due at" } else { "under way since" };
        add("restart", format!("{how} {}", time(at, sight.now)));
    } else if let Some(at) = status.restarted_at {
        add("restart", format!("done, asked for at {}", time(at, sight.now)));
    }
    facts
}

fn canary(sight: &Sight<'_>, plan: &Canary, add: &mut impl FnMut(&str, String)) {
    let rollout = sight.rollout;
    let status = &rollout.status;
    if let Some(router) = &plan.router {
        add("router", if router.is_empty() { "none is named".to_owned() } else { router.as_str().to_owned() });
    }
    add("stable service", plan.stable_service.as_str().to_owned());
    add("canary service", plan.canary_service.as_str().to_owned());
    if plan.ping_pong {
        let (stable, canary) = if status.stable_ping_pong == "ping" { ("ping", "pong") } else { ("pong", "ping") };
        add("ping and pong", format!("{stable} is stable, {canary} the canary"));
    }
    if plan.dynamic_stable_scale {
        add("stable pods", "scaled down as the canary's weight grows".to_owned());
    }
    if let Some(weights) = status.weights.as_ref().filter(|weights| weights.additional > 0) {
        add("weight of experiments", format!("{} of {}", weights.additional, plan.max_weight));
    }
    for experiment in sight.tree.iter().flat_map(|tree| &tree.experiments) {
        if experiment.meta.name == status.experiment {
            let message =
                if experiment.message.is_empty() { String::new() } else { format!(": {}", experiment.message) };
            add("experiment", format!("{} {}{message}", experiment.meta.name, experiment.phase));
        }
    }
    for plugin in &status.plugins {
        let message = if plugin.message.is_empty() { String::new() } else { format!(": {}", plugin.message) };
        add(
            "plugin",
            format!("step {}, {} {} {}{message}", plugin.index + 1, plugin.name, plugin.operation, plugin.phase),
        );
    }
    if status.abort || rollout.is_fully_promoted() {
        return;
    }
    // Routes by name: a later step of the same name replaces or removes it.
    let mut named: Vec<(&str, &SafeText)> = Vec::new();
    let done = status.step_index.unwrap_or(0).saturating_add(1);
    for step in plan.steps.iter().take(done).rev() {
        let (what, name, value) = match step {
            Step::SetHeaderRoute { name, matches } => {
                let matches: Vec<&str> = matches.iter().map(SafeText::as_str).collect();
                ("header route", name, (!matches.is_empty()).then(|| matches.join(", ")))
            }
            Step::SetMirrorRoute { name, matches, percentage } => {
                let share = percentage.map_or_else(|| "all".to_owned(), |share| format!("{share}%"));
                ("mirror", name, (*matches > 0).then(|| format!("{share} of what matches")))
            }
            _ => continue,
        };
        if !named.contains(&(what, name)) {
            named.push((what, name));
            if let Some(value) = value {
                add(what, format!("{name}: {value}"));
            }
        }
    }
}
