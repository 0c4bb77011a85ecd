//! Scenarios with one mood: all well, an incident, nothing happening, everything at once.

use super::{
    ADAMS, BERG, Group, LIND, PlannedStage, ROOS, Scenario, Step, Story, Trouble, finished,
    names::{self, all},
    stage,
};
use crate::domain::Action;

/// Stages that a person need not promote.
fn climb() -> Vec<PlannedStage> {
    vec![
        stage("canary", "1 site").hold(10.0).automatic(),
        stage("batch", "3 sites").hold(20.0).automatic(),
        stage("fleet", "all").hold(20.0).automatic(),
    ]
}

fn story(name: &str, version: &str, owner: &'static str, trouble: Trouble, steps: Vec<Step>) -> Story {
    Story { name: name.to_owned(), version: version.to_owned(), owner, stages: climb(), trouble, steps }
}

fn group(name: &str, region: &'static str, sites: &[&str], stable: &str, stories: Vec<Story>) -> Group {
    let (name, stable) = (name.to_owned(), stable.to_owned());
    Group { name, region, sites: all(sites), lanes: &["main"], stable, stories }
}

pub(super) fn healthy() -> Scenario {
    let groups = vec![
        group(
            "dc-west",
            "us-west",
            &names::WEST,
            "2026.10.4",
            vec![story(
                "pick-assist",
                "2026.11.3",
                "team-picking",
                Trouble::None,
                vec![Step::Start { by: BERG, reason: "Faster pick paths for the peak weeks" }, Step::Set],
            )],
        ),
        group(
            "stores-benelux",
            "eu-west",
            &names::BENELUX,
            "3.7.9",
            vec![story(
                "label-print",
                "3.8.0",
                "team-stores",
                Trouble::None,
                vec![Step::Start { by: ROOS, reason: "Price labels with the new deposit line" }, Step::Set],
            )],
        ),
        group(
            "returns",
            "eu-east",
            &names::RETURNS,
            "4.1.0",
            vec![finished("grading-vision", "4.2.0", "team-returns", ADAMS, "Second camera model for shoes")],
        ),
    ];
    Scenario { groups, check_interval: 10.0, noise: 1.0, telemetry: true, changes: false }
}

pub(super) fn incident() -> Scenario {
    let wide = vec![stage("canary", "1 site").automatic(), stage("half", "50%").hold(1800.0), stage("fleet", "all")];
    let widely = |name: &str, version: &str, trouble, reason, units| Story {
        name: name.to_owned(),
        version: version.to_owned(),
        owner: "team-routing",
        stages: wide.clone(),
        trouble,
        steps: vec![Step::Start { by: BERG, reason }, Step::UntilReached { stage: 1, units }, Step::Set],
    };
    let groups = vec![
        group(
            "dc-east",
            "us-east",
            &names::EAST,
            "7.2.4",
            vec![widely(
                "route-planner",
                "7.3.0",
                Trouble::Stuck { after: 20.0, every: 4 },
                "Dock doors planned by trailer, not by order",
                5,
            )],
        ),
        group(
            "dc-west",
            "us-west",
            &names::WEST,
            "2026.10.4",
            vec![Story {
                steps: vec![
                    Step::Start { by: ROOS, reason: "New adapter firmware for all scanners" },
                    Step::UntilReached { stage: 1, units: 4 },
                    Step::Set,
                ],
                ..widely("scanner-firmware", "9.1.0", Trouble::FailsOn { every: 3 }, "", 0)
            }],
        ),
        group(
            "cold-chain",
            "eu-coast",
            &names::COLD,
            "1.13.2",
            vec![widely(
                "temp-sentinel",
                "1.14.0",
                Trouble::Mutes { after: 10.0, lasts: 300.0 },
                "Door alarms within thirty seconds",
                5,
            )],
        ),
        group(
            "returns",
            "eu-east",
            &names::RETURNS,
            "4.1.0",
            vec![finished("grading-vision", "4.2.0", "team-returns", ADAMS, "Second camera model for shoes")],
        ),
    ];
    Scenario { groups, check_interval: 5.0, noise: 1.0, telemetry: true, changes: false }
}

/// Nothing changes: what idle costs can be measured on it.
pub(super) fn quiet() -> Scenario {
    let waiting = |name: &str, version: &str| Story {
        name: name.to_owned(),
        version: version.to_owned(),
        owner: "team-docks",
        stages: vec![stage("canary", "1 site"), stage("fleet", "all")],
        trouble: Trouble::None,
        steps: vec![Step::Start { by: BERG, reason: "Slots by carrier instead of by hour" }, Step::UntilReady],
    };
    let mut paused = waiting("label-print", "3.8.0");
    paused.steps.push(Step::Act { action: Action::Pause, by: ROOS, reason: "Printer supplier on the phone" });
    let groups = vec![
        group("hubs-dach", "eu-central", &names::DACH, "2.5.0", vec![waiting("dock-scheduler", "2.6.1")]),
        group("stores-benelux", "eu-west", &names::BENELUX, "3.7.9", vec![paused]),
        group(
            "returns",
            "eu-east",
            &names::RETURNS,
            "4.1.0",
            vec![
                finished("grading-vision", "4.2.0", "team-returns", ADAMS, "Second camera model for shoes"),
                finished("parcel-sorter", "4.2.1", "team-returns", LIND, "Fewer mis-sorts on the small chute"),
            ],
        ),
    ];
    Scenario { groups, check_interval: 600.0, noise: 0.0, telemetry: false, changes: false }
}

/// Nine rollouts that change all the time.
pub(super) fn busy() -> Scenario {
    const CHANGES: [(&str, &str); 9] = [
        ("dc-north", "pick-assist"),
        ("dc-south", "route-planner"),
        ("dc-east", "slot-optimizer"),
        ("dc-west", "wave-builder"),
        ("stores-alpine", "self-checkout"),
        ("stores-coast", "label-print"),
        ("hubs-dach", "dock-scheduler"),
        ("cold-chain", "temp-sentinel"),
        ("returns", "grading-vision"),
    ];
    let groups = CHANGES
        .iter()
        .enumerate()
        .map(|(index, (target, name))| {
            let trouble = if index == 7 { Trouble::Decays { after: 45.0 } } else { Trouble::None };
            let steps =
                vec![Step::Start { by: LIND, reason: "Quarterly release, approved by the change board" }, Step::Set];
            let story = story(name, "2026.4.0", "team-release", trouble, steps);
            group(target, "eu-west", &names::WEST, "2026.3.7", vec![story])
        })
        .collect();
    Scenario { groups, check_interval: 2.0, noise: 1.0, telemetry: true, changes: false }
}
