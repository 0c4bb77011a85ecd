//! What a plan asks of the judge, and what of it survives a restart.

use super::world::{World, candidate, old, unit};
use crate::{
    domain::{
        Freeze, GateState, Plan, SafeText, Truth,
        plan::{BreachResponse, FailResponse},
        rollout::CheckState,
    },
    engine::{
        Demand, Event, Judged, Member, Progress, Reading, State, UnitReport, due, fail_response, preview_begin, view,
    },
};

/// A plan over three sites with two verdict gates and a budget gate, and what is written below its stages.
fn plan(stages: &str, rest: &str) -> Plan {
    let text = format!(
        "rollout: pick-assist
target: dc-west
snapshot: {}
slis: {{errors: {{objective: 99.9%}}, speed: {{}}}}
gates:
  health: runtime_healthy
  errors: {{verdict: errors}}
  speed: {{verdict: speed}}
  spare: {{budget: errors}}
stages: {stages}
{rest}
",
        candidate()
    );
    Plan::from_yaml(&text).unwrap()
}

fn members() -> Vec<Member> {
    (0..3).map(|site| Member { unit: unit(site, 0), present: Some(old()) }).collect()
}

fn world(stages: &str, rest: &str) -> World {
    let mut world = World::begin(plan(stages, rest), members()).unwrap();
    world.step(&Event::Tick);
    world
}

fn said(gate: &str, truth: Truth) -> Reading {
    Reading { gate: gate.parse().unwrap(), truth, why: SafeText::new("as it was judged") }
}

fn judge(world: &mut World, readings: Vec<Reading>) -> bool {
    let stage = world.state.stage(&world.plan).unwrap().name.clone();
    world.step(&Event::Judged(Judged { stage, readings, demand: Demand::Nothing })).routine
}

#[test]
fn what_a_failed_judgement_does_is_said_by_on_fail_or_else_by_the_stages_verdict_gates() {
    use FailResponse::{Hold, Pause, Rollback};
    for (stages, rest, expected) in [
        ("[{a: 1 site}]", "", Some(Rollback)),
        ("[{a: 1 site}]", "on_breach: pause", Some(Pause)),
        ("[{a: 1 site}]", "on_breach: {errors: pause}", Some(Rollback)),
        ("[{a: 1 site}]", "on_breach: {errors: pause, speed: pause}", Some(Pause)),
        ("[{a: 1 site, gates: [errors]}]", "on_breach: {errors: pause}", Some(Pause)),
        ("[{a: 1 site, gates: [health, spare]}]", "on_breach: pause", None),
        ("[{a: all}]", "", None),
        ("[{a: all, gates: [speed]}]", "", Some(Rollback)),
        ("[{a: 1 site}]", "telemetry: {on_fail: hold}", Some(Hold)),
        ("[{a: 1 site, gates: []}]", "telemetry: {on_fail: pause}", Some(Pause)),
        ("[{a: all}]", "telemetry: {on_fail: rollback}\non_breach: pause", Some(Rollback)),
    ] {
        let world = world(stages, rest);
        assert_eq!(fail_response(&world.state, &world.plan), expected, "{stages} {rest}");
    }
    let pending = World::begin(plan("[{a: 1 site}]", "telemetry: {on_fail: rollback}"), members()).unwrap();
    assert_eq!(fail_response(&pending.state, &pending.plan), None, "before the first stage");
    assert_eq!(pending.plan.on_breach, BreachResponse::Rollback);
}

#[test]
fn a_demand_is_what_the_plan_answers_a_failure_with() {
    let why = || SafeText::new("errors fail");
    for (response, expected) in [
        (None, Demand::Nothing),
        (Some(FailResponse::Hold), Demand::Nothing),
        (Some(FailResponse::Pause), Demand::Pause(why())),
        (Some(FailResponse::Rollback), Demand::Rollback(why())),
    ] {
        assert_eq!(Demand::of_failure(response, why()), expected);
    }
}

#[test]
fn the_preview_of_a_begin_says_where_no_verdict_can_be_found() {
    let lines = |stages: &str| {
        let said = preview_begin(&plan(stages, ""), &members(), "2026-03-01T12:00:00Z".parse().unwrap()).unwrap();
        let warnings = said.checks.iter().filter(|check| check.state == CheckState::Warn).map(|check| &check.text);
        let lines = said.unchanged.iter().chain(warnings).map(|line| line.as_str().to_owned());
        lines.filter(|line| line.contains("compare")).collect::<Vec<_>>()
    };
    assert_eq!(
        lines("[{a: 1 site}, {b: all}]"),
        [
            "stage b does not ask for gate errors: it leaves no unit to compare with",
            "stage b does not ask for gate speed: it leaves no unit to compare with",
        ]
    );
    assert_eq!(
        lines("[{a: 5 sites, gates: [health, errors]}]"),
        [
            "stage a asks for gate errors and leaves no unit to compare with: it passes only if the source has a baseline of its own"
        ],
        "a fleet that is smaller than the plan"
    );
    assert!(lines("[{a: 1 site}, {b: 1 site}]").is_empty());
}

#[test]
fn a_gate_that_a_judgement_leaves_out_is_unknown_and_one_that_the_plan_does_not_have_is_nothing() {
    let mut world = world("[{a: 1 site}]", "");
    let states = |world: &World| -> Vec<GateState> {
        view(&world.state, &world.context()).stages[0].gates().iter().map(|gate| gate.state).collect()
    };
    assert_eq!(states(&world), [GateState::NotYet; 4]);
    let all = ["errors", "speed", "spare", "other", "health"].map(|gate| said(gate, Truth::True));
    assert!(!judge(&mut world, all.to_vec()));
    let pass = GateState::Pass;
    assert_eq!(states(&world), [GateState::NotYet, pass, pass, pass], "what is asked of units is not the judge's");
    assert!(judge(&mut world, all.to_vec()));
    assert!(!judge(&mut world, vec![said("errors", Truth::True)]));
    assert_eq!(states(&world), [GateState::NotYet, pass, GateState::Unknown, GateState::Unknown]);
}

#[test]
fn the_deadline_of_what_is_judged_counts_from_when_the_last_unit_was_told() {
    let mut world = world("[{a: 2 sites, deadline: 1h, gates: [errors]}]", "");
    let start = world.now;
    let at = |minutes: i64| start + chrono::TimeDelta::minutes(minutes);
    assert_eq!(due(&world.state, &world.context()), Some(at(60)), "of the units");
    let text = SafeText::new("pilot week");
    let freeze = Freeze {
        window: text.clone(),
        scope: text.clone(),
        reason: text.clone(),
        by: text,
        since: start,
        until: None,
        ..Freeze::default()
    };
    world.held.insert(unit(1, 0), freeze);
    let healthy = |world: &mut World, site: usize, generation: u64| {
        world.step(&Event::Asked { unit: unit(site, 0), generation });
        let (progress, measured) = (Progress::Healthy, Some(candidate()));
        let report = UnitReport { generation, progress, measured, claimed: None, readings: Vec::new(), flag: None };
        world.step(&Event::Reported { unit: unit(site, 0), report });
    };
    healthy(&mut world, 0, 1);
    judge(&mut world, vec![said("errors", Truth::False)]);
    world.now = at(90);
    world.step(&Event::Tick);
    let shown = view(&world.state, &world.context());
    assert_eq!(shown.phase.as_str(), "progressing", "a freeze holds a unit, and so nothing is late: {}", shown.message);
    world.held.clear();
    healthy(&mut world, 1, 2);
    assert_eq!(due(&world.state, &world.context()), Some(at(150)));
    world.now = at(150);
    world.step(&Event::Tick);
    assert_eq!(view(&world.state, &world.context()).phase.as_str(), "degraded");
}

#[test]
fn a_state_that_was_stored_before_anything_was_judged_goes_on() {
    let mut world = world("[{a: 1 site, gates: [health]}]", "");
    world.all_obey();
    let stored = serde_json::to_string(&world.state).unwrap();
    assert!(!stored.contains("judged") && !stored.contains("pause_asked"), "as it was stored before");
    let mut loaded = world.clone();
    loaded.state = serde_json::from_str::<State>(&stored).unwrap();
    assert_eq!(loaded.state.phase().as_str(), "awaiting_promotion");
    // The same state under a plan that asks for verdicts: nothing is known of them.
    loaded.plan.stages[0].gates = Some(vec!["errors".parse().unwrap()]);
    loaded.step(&Event::Tick);
    assert_eq!(loaded.state.phase().as_str(), "progressing");
    assert!(!judge(&mut loaded, vec![said("errors", Truth::True)]));
    assert_eq!(loaded.state.phase().as_str(), "awaiting_promotion");
    let stored = serde_json::to_string(&loaded.state).unwrap();
    assert_eq!(serde_json::from_str::<State>(&stored).unwrap(), loaded.state);
}
