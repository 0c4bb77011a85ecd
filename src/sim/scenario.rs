//! Scenarios as data: which groups of sites there are, what is rolled out over them, by whom and
//! why, and what goes wrong. All times are seconds of the simulation.

mod large;
mod live;
mod mixed;
mod names;

use crate::domain::Action;

/// A scenario.
#[derive(Debug, Clone)]
pub(super) struct Scenario {
    /// The groups.
    pub(super) groups: Vec<Group>,
    /// Between two checks of a unit.
    pub(super) check_interval: f64,
    /// How much measurements vary from check to check: 1 as in life, 0 not at all.
    pub(super) noise: f64,
    /// Whether its services have a metrics server, whose indicators are judged.
    pub(super) telemetry: bool,
    /// Whether there are windows ahead, and flags.
    pub(super) changes: bool,
}

/// A group of sites, and what is rolled out over it, one after another.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) region: &'static str,
    pub(super) sites: Vec<String>,
    pub(super) lanes: &'static [&'static str],
    /// The version that runs everywhere at first.
    pub(super) stable: String,
    pub(super) stories: Vec<Story>,
}

/// One rollout: its plan, and who does what.
#[derive(Debug, Clone)]
pub(super) struct Story {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) owner: &'static str,
    pub(super) stages: Vec<PlannedStage>,
    /// What becomes of units that run the candidate.
    pub(super) trouble: Trouble,
    pub(super) steps: Vec<Step>,
}

/// A stage of a plan.
#[derive(Debug, Clone)]
pub(super) struct PlannedStage {
    pub(super) name: &'static str,
    /// As in a plan: `1 site`, `50%`, `all`.
    pub(super) selects: &'static str,
    pub(super) hold: f64,
    pub(super) automatic: bool,
}

/// What becomes of a unit that runs a candidate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Trouble {
    /// Nothing.
    None,
    /// So long after the apply its numbers go bad, within 20 s.
    Decays { after: f64 },
    /// So long after the apply its agent falls silent, for so long.
    Mutes { after: f64, lasts: f64 },
    /// The apply fails on every so-manieth unit; the others are well.
    FailsOn { every: usize },
    /// Its checks find nothing, and its telemetry does: so long after the rollout began so many times as
    /// many requests fail, and take so many times as long.
    Regresses { after: f64, errors: f64, slow: f64 },
    /// It goes bad as in `Decays`, and every so-manieth unit cannot go back.
    Stuck { after: f64, every: usize },
}

/// What somebody does, or waits for.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Begins the rollout.
    Start { by: Person, reason: &'static str },
    /// Waits until a person must promote.
    UntilReady,
    /// Waits until it has entered the stage of this number, from 0, and so many units run the candidate.
    UntilReached { stage: usize, units: u32 },
    /// Waits until it has ended.
    UntilEnded,
    /// Acts on it.
    Act { action: Action, by: Person, reason: &'static str },
    /// Freezes its target.
    Freeze { by: Person, reason: &'static str, lasts: f64 },
    /// The scene is set: the demo may be shown. What follows happens before the viewer's eyes.
    Set,
}

/// Somebody who works there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) id: &'static str,
    pub(super) commands: bool,
}

/// On call for picking.
pub(super) const BERG: Person = Person { id: "k.berg", commands: false };
/// On call for stores.
pub(super) const ROOS: Person = Person { id: "j.roos", commands: false };
/// Incident commander, release manager.
pub(super) const LIND: Person = Person { id: "a.lind", commands: true };
/// Site lead.
pub(super) const ADAMS: Person = Person { id: "m.adams", commands: false };

type Build = fn() -> Scenario;

/// Every scenario, by name; the first is the default.
pub(super) const SCENARIOS: [(&str, Build); 6] = [
    ("mixed", mixed::mixed),
    ("healthy", live::healthy),
    ("incident", live::incident),
    ("quiet", live::quiet),
    ("busy", live::busy),
    ("large", large::large),
];

/// The scenario of that name.
pub(super) fn find(name: &str) -> Option<Scenario> {
    SCENARIOS.iter().find(|(known, _)| *known == name).map(|(_, build)| build())
}

pub(super) fn stage(name: &'static str, selects: &'static str) -> PlannedStage {
    PlannedStage { name, selects, hold: 0.0, automatic: false }
}

impl PlannedStage {
    pub(super) fn hold(mut self, seconds: f64) -> Self {
        self.hold = seconds;
        self
    }

    pub(super) fn automatic(mut self) -> Self {
        self.automatic = true;
        self
    }
}

/// A rollout that ran through before anybody looks.
pub(super) fn finished(name: &str, version: &str, owner: &'static str, by: Person, reason: &'static str) -> Story {
    Story {
        name: name.to_owned(),
        version: version.to_owned(),
        owner,
        stages: vec![stage("canary", "1 site").automatic(), stage("fleet", "all").automatic()],
        trouble: Trouble::None,
        steps: vec![Step::Start { by, reason }, Step::UntilEnded],
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_reason_in_every_scenario_is_one_that_the_control_plane_takes() {
        for (name, build) in SCENARIOS {
            for step in build().groups.iter().flat_map(|g| &g.stories).flat_map(|s| &s.steps) {
                if let Step::Start { reason, .. } | Step::Act { reason, .. } | Step::Freeze { reason, .. } = step {
                    assert!(crate::domain::Reason::new(reason).is_ok(), "{name}: {reason}");
                }
            }
        }
    }

    #[test]
    fn sites_and_versions_are_told_apart_and_every_story_sets_its_scene_once() {
        for (name, build) in SCENARIOS {
            for group in build().groups {
                let sites: BTreeSet<_> = group.sites.iter().collect();
                assert_eq!(sites.len(), group.sites.len(), "{name}: {}", group.name);
                let mut versions: BTreeSet<_> = group.stories.iter().map(|s| &s.version).collect();
                versions.insert(&group.stable);
                assert_eq!(versions.len(), group.stories.len() + 1, "{name}: {}", group.name);
                let set = group.stories.iter().flat_map(|s| &s.steps).filter(|s| matches!(s, Step::Set)).count();
                assert!(set <= 1, "{name}: {}", group.name);
            }
        }
    }

    #[test]
    fn the_demo_has_a_fleet_that_fills_a_screen_and_no_more() {
        let units: usize = mixed::mixed().groups.iter().map(|g| g.sites.len() * g.lanes.len()).sum();
        assert!((60..=150).contains(&units), "{units}");
    }
}
