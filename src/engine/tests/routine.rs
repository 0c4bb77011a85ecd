//! Which steps need not survive a crash, and what does.

use super::world::{World, candidate, gate, old, unit};
use crate::{
    domain::{
        Plan, SafeText, Truth,
        plan::{Advance, BreachResponse, GateRule, PlanStage, PlanTelemetry, Selection},
    },
    engine::{Event, Member, Progress, Reading, UnitReport},
};

fn world() -> World {
    let stage = PlanStage {
        name: "fleet".parse().unwrap(),
        selects: Selection::All,
        hold: std::time::Duration::from_mins(30),
        advance: Advance::Manual,
        gates: None,
        slis: None,
        deadline: None,
        flag: None,
    };
    let plan = Plan {
        rollout: "pick-assist".parse().unwrap(),
        target: "dc-west".parse().unwrap(),
        snapshot: Some(candidate()),
        owner: SafeText::new("team-picking"),
        gates: vec![(gate(0), GateRule::Expression("gap < 10s".to_owned()))],
        slis: Vec::new(),
        telemetry: PlanTelemetry::default(),
        stages: vec![stage],
        on_breach: BreachResponse::Rollback,
        on_breach_of: std::collections::BTreeMap::new(),
        approvals: Vec::new(),
    };
    let members = [0, 1].map(|site| Member { unit: unit(site, 0), present: Some(old()) });
    World::begin(plan, members.to_vec()).unwrap()
}

#[test]
fn a_reading_in_other_words_is_routine_and_one_that_counts_is_not() {
    let mut world = world();
    world.step(&Event::Tick);
    world.step(&Event::Asked { unit: unit(0, 0), generation: 1 });
    let mut check = |truth, why: &str, progress| {
        let readings = vec![Reading { gate: gate(0), truth, why: SafeText::new(why) }];
        let measured = Some(candidate());
        let report = UnitReport { generation: 1, progress, measured, claimed: None, readings, flag: None };
        let before = world.state.clone();
        let step = world.step(&Event::Reported { unit: unit(0, 0), report });
        (step.routine, step.state != before)
    };
    let took_it = check(Truth::Unknown, "", Progress::Applied);
    assert_eq!(took_it, (false, true), "that an order was taken up must not be forgotten");
    assert_eq!(check(Truth::True, "gap 1.2s", Progress::Healthy), (false, true));
    assert_eq!(check(Truth::True, "gap 1.3s", Progress::Healthy), (true, true));
    assert_eq!(check(Truth::False, "gap 12s", Progress::Healthy), (false, true));
    assert_eq!(check(Truth::False, "gap 13s", Progress::Healthy), (false, true), "checks in a row are counted");
}
