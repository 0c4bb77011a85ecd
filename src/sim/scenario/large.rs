//! A thousand rollouts: what lists, filters and long polls are measured on.

use super::{BERG, Group, Scenario, Step, Story, Trouble, stage};

/// How many rollouts.
const ROLLOUTS: usize = 1000;

pub(super) fn large() -> Scenario {
    let groups = (1..=ROLLOUTS)
        .map(|number| Group {
            name: format!("dc-{number:04}"),
            region: "eu-west",
            sites: vec!["hall-a".to_owned(), "hall-b".to_owned()],
            lanes: &["main"],
            stable: format!("1.{number}.0"),
            stories: vec![Story {
                name: "pick-assist".to_owned(),
                version: format!("1.{number}.1"),
                owner: "team-picking",
                stages: vec![stage("canary", "1 site"), stage("fleet", "all")],
                trouble: Trouble::None,
                steps: vec![Step::Start { by: BERG, reason: "Yearly release, approved by the change board" }],
            }],
        })
        .collect();
    Scenario { groups, check_interval: 60.0, noise: 1.0, telemetry: false, changes: false }
}
