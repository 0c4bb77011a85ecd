//! What a demo shows: one rollout of each kind that somebody on call meets.

use super::{
    ADAMS, BERG, Group, LIND, ROOS, Scenario, Step, Story, Trouble, finished,
    names::{self, all},
    stage,
};
use crate::domain::Action;

pub(super) fn mixed() -> Scenario {
    let groups =
        vec![dc_west(), dc_east(), stores_nordic(), stores_benelux(), cold_chain(), hubs_dach(), webshop(), returns()];
    Scenario { groups, check_interval: 10.0, noise: 1.0, telemetry: true, changes: true }
}

/// A healthy one that climbs.
fn dc_west() -> Group {
    let climbing = Story {
        name: "pick-assist".to_owned(),
        version: "2026.11.3".to_owned(),
        owner: "team-picking",
        stages: vec![
            stage("canary", "1 site").automatic(),
            stage("early", "2 sites").hold(40.0).automatic(),
            stage("half", "50%").hold(60.0).automatic(),
            stage("fleet", "all").hold(60.0),
        ],
        trouble: Trouble::None,
        steps: vec![
            Step::Start { by: BERG, reason: "Faster pick paths for the peak weeks; passed two weeks on the test lane" },
            Step::UntilReached { stage: 1, units: 2 },
            Step::Set,
        ],
    };
    Group {
        name: "dc-west".to_owned(),
        region: "us-west",
        sites: all(&names::WEST),
        lanes: &["inbound", "pick"],
        stable: "2026.10.4".to_owned(),
        stories: vec![
            finished(
                "slot-optimizer",
                "2026.11.1",
                "team-slotting",
                BERG,
                "New slotting weights after the October review",
            ),
            climbing,
        ],
    }
}

/// One whose canary turns bad after a minute and is rolled back by its gates, unless somebody acts.
fn dc_east() -> Group {
    let doomed = Story {
        name: "route-planner".to_owned(),
        version: "7.3.0".to_owned(),
        owner: "team-routing",
        stages: vec![
            stage("canary", "2 sites").hold(1800.0),
            stage("batch", "4 sites").hold(1800.0),
            stage("fleet", "all"),
        ],
        trouble: Trouble::Decays { after: 60.0 },
        steps: vec![
            Step::Start {
                by: ADAMS,
                reason: "Dock doors planned by trailer, not by order; agreed with the site leads",
            },
            Step::UntilReached { stage: 0, units: 4 },
            Step::Set,
        ],
    };
    Group {
        name: "dc-east".to_owned(),
        region: "us-east",
        sites: all(&names::EAST),
        lanes: &["inbound", "outbound"],
        stable: "7.2.4".to_owned(),
        stories: vec![doomed],
    }
}

/// One that a pilot window freezes.
fn stores_nordic() -> Group {
    let frozen = Story {
        name: "self-checkout".to_owned(),
        version: "5.0.2".to_owned(),
        owner: "team-stores",
        stages: vec![
            stage("canary", "2 sites").automatic(),
            stage("tenth", "6 sites").hold(20.0).automatic(),
            stage("fleet", "all"),
        ],
        trouble: Trouble::None,
        steps: vec![
            Step::Start { by: ROOS, reason: "Receipt scanner fix that the stores have been asking for" },
            Step::UntilReached { stage: 1, units: 8 },
            Step::Freeze {
                by: LIND,
                reason: "Pilot week with the new tills: no change on live lanes until the pilot is signed off",
                lasts: 6.0 * 3600.0,
            },
            Step::Set,
        ],
    };
    Group {
        name: "stores-nordic".to_owned(),
        region: "eu-north",
        sites: all(&names::NORDIC),
        lanes: &["main"],
        stable: "5.0.1".to_owned(),
        stories: vec![frozen],
    }
}

/// One that somebody paused and forgot.
fn stores_benelux() -> Group {
    let forgotten = Story {
        name: "label-print".to_owned(),
        version: "3.8.0".to_owned(),
        owner: "team-stores",
        stages: vec![
            stage("canary", "1 site").automatic(),
            stage("batch", "5 sites").hold(1800.0),
            stage("fleet", "all"),
        ],
        trouble: Trouble::None,
        steps: vec![
            Step::Start {
                by: ROOS,
                reason: "Price labels with the new deposit line, due before the first of the month",
            },
            Step::UntilReached { stage: 1, units: 6 },
            Step::Act { action: Action::Pause, by: ROOS, reason: "Printer supplier on the phone, back in ten minutes" },
            Step::Set,
        ],
    };
    Group {
        name: "stores-benelux".to_owned(),
        region: "eu-west",
        sites: all(&names::BENELUX),
        lanes: &["main"],
        stable: "3.7.9".to_owned(),
        stories: vec![forgotten],
    }
}

/// One without data: its agents fall silent.
fn cold_chain() -> Group {
    let silent = Story {
        name: "temp-sentinel".to_owned(),
        version: "1.14.0".to_owned(),
        owner: "team-cold",
        stages: vec![stage("canary", "2 sites").hold(900.0), stage("fleet", "all")],
        trouble: Trouble::Mutes { after: 15.0, lasts: 3600.0 },
        steps: vec![
            Step::Start { by: ADAMS, reason: "Door alarms within thirty seconds, as the food inspector asked" },
            Step::UntilReached { stage: 0, units: 2 },
            Step::Set,
        ],
    };
    Group {
        name: "cold-chain".to_owned(),
        region: "eu-coast",
        sites: all(&names::COLD),
        lanes: &["main"],
        stable: "1.13.2".to_owned(),
        stories: vec![silent],
    }
}

/// One that waits for a person.
fn hubs_dach() -> Group {
    let ready = Story {
        name: "dock-scheduler".to_owned(),
        version: "2.6.1".to_owned(),
        owner: "team-docks",
        stages: vec![stage("canary", "1 site"), stage("batch", "3 sites").hold(30.0), stage("fleet", "all").hold(30.0)],
        trouble: Trouble::None,
        steps: vec![
            Step::Start { by: BERG, reason: "Slots by carrier instead of by hour; asked for by four of eight hubs" },
            Step::UntilReady,
            Step::Set,
        ],
    };
    Group {
        name: "hubs-dach".to_owned(),
        region: "eu-central",
        sites: all(&names::DACH),
        lanes: &["dock", "sorter"],
        stable: "2.5.0".to_owned(),
        stories: vec![
            finished(
                "dock-cameras",
                "2.6.0",
                "team-docks",
                LIND,
                "Cameras report plate numbers; pilot in Ulm signed off",
            ),
            ready,
        ],
    }
}

/// One that is well by its own checks, and fails thirty times as many requests as the version beside it:
/// the judge finds it, and brings it back.
fn webshop() -> Group {
    let worse = Story {
        name: "basket".to_owned(),
        version: "12.4.0".to_owned(),
        owner: "team-webshop",
        stages: vec![stage("canary", "1 site").hold(1800.0), stage("fleet", "all")],
        trouble: Trouble::Regresses { after: 30.0, errors: 30.0, slow: 1.0 },
        steps: vec![
            Step::Start { by: ROOS, reason: "Vouchers are checked while the basket is filled" },
            Step::UntilReached { stage: 0, units: 1 },
            Step::Set,
        ],
    };
    Group {
        name: "webshop".to_owned(),
        region: "eu-west",
        sites: all(&names::SHOPS),
        lanes: &["main"],
        stable: "12.3.7".to_owned(),
        stories: vec![worse],
    }
}

/// Two that are done.
fn returns() -> Group {
    Group {
        name: "returns".to_owned(),
        region: "eu-east",
        sites: all(&names::RETURNS),
        lanes: &["main"],
        stable: "4.1.0".to_owned(),
        stories: vec![
            finished(
                "grading-vision",
                "4.2.0",
                "team-returns",
                ADAMS,
                "Second camera model for shoes, reviewed with quality",
            ),
            finished(
                "parcel-sorter",
                "4.2.1",
                "team-returns",
                BERG,
                "Fewer mis-sorts on the small chute, tested in Brno",
            ),
        ],
    }
}
