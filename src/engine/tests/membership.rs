//! What stages select, in words that a plan's author would use.

use super::world::unit;
use crate::{
    domain::{
        Plan, SafeText, UnitKey,
        plan::{Advance, BreachResponse, PlanStage, PlanTelemetry, Selection},
        rollout::CheckState,
    },
    engine::{BeginError, Member, begin, preview_begin},
};

fn plan(stages: &[Selection]) -> Plan {
    let stage = |(index, selects): (usize, &Selection)| PlanStage {
        name: format!("stage{index}").parse().unwrap(),
        selects: *selects,
        hold: std::time::Duration::from_mins(30),
        advance: Advance::Manual,
        gates: None,
        slis: None,
        deadline: None,
        flag: None,
    };
    Plan {
        rollout: "pick-assist".parse().unwrap(),
        target: "dc-west".parse().unwrap(),
        snapshot: Some(super::world::candidate()),
        owner: SafeText::new("team-picking"),
        gates: Vec::new(),
        slis: Vec::new(),
        telemetry: PlanTelemetry::default(),
        stages: stages.iter().enumerate().map(stage).collect(),
        on_breach: BreachResponse::Rollback,
        on_breach_of: std::collections::BTreeMap::new(),
        approvals: Vec::new(),
    }
}

fn members(units: impl IntoIterator<Item = UnitKey>) -> Vec<Member> {
    units.into_iter().map(|unit| Member { unit, present: Some(super::world::old()) }).collect()
}

fn now() -> chrono::DateTime<chrono::Utc> {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

/// How many units each stage selects; the last number is of those that none selects.
fn drawn(stages: &[Selection], units: impl IntoIterator<Item = UnitKey>) -> Result<Vec<usize>, BeginError> {
    let plan = plan(stages);
    let state = begin(&plan, &members(units), now())?.state;
    let mut counts = vec![0; stages.len() + 1];
    for unit in state.units.iter() {
        counts[unit.stage.unwrap_or(stages.len())] += 1;
    }
    Ok(counts)
}

#[test]
fn counts_are_further_sites_and_shares_are_of_all_sites_rounded_up() {
    use Selection as S;
    let single = |count: usize| (0..count).map(|site| unit(site, 0));
    let double = |count: usize| (0..count).flat_map(|site| [unit(site, 0), unit(site, 1)]);
    let cases: [(&[S], Vec<UnitKey>, Vec<usize>); 8] = [
        (&[S::Sites(1), S::Sites(10), S::All], single(12).collect(), vec![1, 10, 1, 0]),
        (&[S::Sites(1), S::Sites(10)], single(4).collect(), vec![1, 3, 0]),
        (&[S::Sites(1), S::All], double(3).collect(), vec![2, 4, 0]),
        (&[S::Units(1), S::Sites(1), S::All], double(3).collect(), vec![1, 1, 4, 0]),
        (&[S::Percent(10.0), S::Percent(50.0), S::All], single(5).collect(), vec![1, 2, 2, 0]),
        (&[S::Percent(25.0)], single(8).collect(), vec![2, 6]),
        (&[S::Percent(14.7)], single(1_000).collect(), vec![147, 853]),
        (&[S::Units(3), S::Percent(100.0)], double(3).collect(), vec![3, 3, 0]),
    ];
    for (stages, units, expected) in cases {
        assert_eq!(drawn(stages, units).unwrap(), expected, "{stages:?}");
    }
}

#[test]
fn a_site_is_taken_in_the_order_of_names_with_all_its_lanes() {
    let plan = plan(&[Selection::Sites(1), Selection::All]);
    let state = begin(&plan, &members([unit(2, 0), unit(1, 1), unit(1, 0), unit(1, 1)]), now()).unwrap().state;
    let first: Vec<String> = state.members(&plan).map(|(unit, stage)| format!("{unit} {}", stage.unwrap())).collect();
    assert_eq!(first, ["osl1/main stage0", "osl1/west stage0", "osl2/main stage1"]);
}

#[test]
fn a_stage_whose_share_is_used_up_is_refused_with_the_counts_and_an_exhausted_fleet_is_not() {
    let says = |stages: &[Selection], count: usize| {
        drawn(stages, (0..count).map(|site| unit(site, 0))).unwrap_err().to_string()
    };
    assert!(says(&[Selection::All], 0).contains("dc-west has no units yet"));
    let small = drawn(&[Selection::Sites(3), Selection::Sites(10), Selection::All], (0..3).map(|site| unit(site, 0)));
    assert_eq!(small.unwrap(), [3, 0, 0, 0], "and none is left over");
    assert_eq!(
        says(&[Selection::Sites(3), Selection::Percent(10.0)], 20),
        "stage stage1 would select nothing: 10% is no more than the 3 of 20 units that the stages before it take"
    );
    for nothing in [Selection::Percent(f64::NAN), Selection::Percent(-1.0), Selection::Sites(0), Selection::Units(0)] {
        assert!(drawn(&[nothing], [unit(0, 0)]).is_err(), "{nothing:?}");
    }
}

#[test]
fn the_preview_of_a_begin_names_stages_and_units_that_have_nothing_to_go_back_to() {
    let mut members = members((0..5).map(|site| unit(site, 0)));
    members[1].present = None;
    members[2].present = Some(super::world::candidate());
    let said = preview_begin(&plan(&[Selection::Sites(1), Selection::Sites(3)]), &members, now()).unwrap();
    assert_eq!(said.units, 4);
    assert_eq!(
        said.changes[0].as_str(),
        "stage stage0: 1 unit at 1 site, hold 30m, then a person promotes (osl0/main)"
    );
    assert_eq!(said.unchanged[0].as_str(), "1 unit is in no stage: not touched");
    let warnings: Vec<&str> =
        said.checks.iter().filter(|c| c.state == CheckState::Warn).map(|c| c.text.as_str()).collect();
    assert_eq!(
        warnings,
        [
            "1 unit is without a snapshot to go back to, left as is by a rollback: osl1/main",
            "1 unit is on 0c0c0c0c0c0c already: osl2/main",
        ]
    );
}
