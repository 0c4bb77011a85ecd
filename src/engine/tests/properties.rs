//! What holds whatever happens.

use std::collections::BTreeSet;

use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};

use super::world::{Happening, World, candidate, happenings, is_back, worlds};
use crate::{
    domain::{Action, GateKind, GateState, Phase, UnitKey},
    engine::{Answer, Demand, Effect, Event, FactBy, Judged, State, Step, due, preview, view, wants},
};

/// Facts that are no transition by themselves.
const REMARKS: [&str; 2] = ["gate_breached", "unit_failed"];

/// Units that the stages entered so far select.
fn selected(world: &World, state: &State) -> BTreeSet<UnitKey> {
    let entered: Vec<_> = world
        .plan
        .stages
        .iter()
        .zip(&state.stages)
        .filter(|(_, m)| m.entered_at.is_some())
        .map(|(s, _)| &s.name)
        .collect();
    let is_entered = |stage: &Option<_>| stage.is_some_and(|stage| entered.contains(&stage));
    state.members(&world.plan).filter(|(_, stage)| is_entered(stage)).map(|(unit, _)| unit.clone()).collect()
}

fn candidate_tells(step: &Step) -> Vec<UnitKey> {
    let told = |effect: &Effect| match effect {
        Effect::Tell { unit, snapshot, .. } if *snapshot == candidate() => Some(unit.clone()),
        _ => None,
    };
    step.effects.iter().filter_map(told).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_exposure_stays_within_the_entered_stages_and_nobody_is_told_who_may_not_be(
        mut world in worlds(), story in happenings(),
    ) {
        for happening in &story {
            let event = world.event(happening);
            let before = world.state.clone();
            let step = world.step(&event);
            let selected = selected(&world, &world.state);
            prop_assert!(world.told.is_subset(&selected));
            prop_assert!(view(&world.state, &world.context()).exposure.units as usize <= selected.len());
            if !is_back(&before) {
                for unit in candidate_tells(&step) {
                    prop_assert!(!world.held.contains_key(&unit), "{unit} is held");
                    prop_assert!(
                        matches!(before.phase(), Phase::Progressing | Phase::AwaitingPromotion | Phase::Degraded),
                        "told in {}", before.phase()
                    );
                }
            }
            for effect in &step.effects {
                if let Effect::Tell { unit, snapshot, .. } = effect && is_back(&before) {
                    prop_assert!(world.told.contains(unit), "{unit} never had the candidate");
                    let pinned = world.members.iter().find(|m| m.unit == *unit).and_then(|m| m.present.clone());
                    let named = before.back.as_ref().and_then(|back| back.to.clone());
                    prop_assert_eq!(named.or(pinned), Some(snapshot.clone()));
                }
            }
        }
    }

    #[test]
    fn whatever_happens_each_change_of_phase_or_stage_has_one_fact_and_one_revision(
        mut world in worlds(), story in happenings(),
    ) {
        for happening in &story {
            let event = world.event(happening);
            let before = world.state.clone();
            let step = world.step(&event);
            let after = &world.state;
            let changes = (after.revision() - before.revision()) as usize;
            let mut facts: Vec<&str> = step.facts.iter().map(|f| f.what).filter(|w| !REMARKS.contains(w)).collect();
            match (&event, &step.answer) {
                (Event::Act { action, .. }, Answer::Done) => {
                    prop_assert_eq!(step.facts[0].what, action.verb(), "the action's fact is the first");
                    // These two can change what is to come without changing phase or stage.
                    if matches!(action, Action::PromoteFull | Action::Retry) && changes + 1 == facts.len() {
                        facts.remove(0);
                    }
                }
                (_, Answer::Done) => {}
                (Event::Act { .. }, _) => {
                    prop_assert_eq!(&before, after);
                    prop_assert!(step.facts.is_empty() && step.effects.is_empty());
                }
                (event, answer) => prop_assert!(false, "{event:?} answers {answer:?}"),
            }
            prop_assert_eq!(changes, facts.len(), "{:?}", facts);
            prop_assert_eq!(changes == 0, (before.phase(), before.stage) == (after.phase(), after.stage));
            prop_assert!(step.facts.iter().all(|fact| !fact.detail.is_empty()));
        }
    }

    #[test]
    fn what_is_unknown_never_advances_and_never_rolls_back(mut world in worlds(), story in happenings()) {
        for happening in &story {
            let event = world.event(happening);
            let says_nothing = matches!(
                happening,
                Happening::KnowsNothing { .. } | Happening::Silent { .. } | Happening::JudgeKnowsNothing
            );
            if says_nothing {
                // What time alone brings about is done first.
                world.step(&Event::Tick);
            }
            let before = world.state.clone();
            world.step(&event);
            if says_nothing && !is_back(&before) {
                let after = &world.state;
                prop_assert_eq!(before.stage, after.stage);
                prop_assert!(!is_back(after));
                let is_ahead = matches!(after.phase(), Phase::AwaitingPromotion | Phase::Completed);
                prop_assert!(!is_ahead || before.phase() == after.phase());
            }
        }
    }

    #[test]
    fn a_stage_passes_only_when_all_its_units_are_healthy_and_all_its_gates_true(
        mut world in worlds(), story in happenings(),
    ) {
        for happening in &story {
            let event = world.event(happening);
            world.step(&event);
            if matches!(event, Event::Reported { .. } | Event::Silent { .. } | Event::Judged(_) | Event::Tick)
                && world.state.phase() == Phase::AwaitingPromotion
            {
                let shown = view(&world.state, &world.context());
                let stage = shown.stages.iter().find(|stage| Some(&stage.name) == shown.current_stage.as_ref()).unwrap();
                prop_assert!(stage.gates().iter().all(|gate| gate.state == GateState::Pass), "{:?}", stage);
                let own = shown.units.iter().filter(|unit| unit.stage.as_ref() == Some(&stage.name));
                for unit in own {
                    prop_assert_eq!(unit.state.as_str(), "healthy");
                    prop_assert!(unit.reachable);
                }
            }
        }
    }

    #[test]
    fn the_way_back_is_open_wherever_it_stands_and_ends_when_all_units_obey(
        mut world in worlds(), story in happenings(), at in 0_usize..90,
    ) {
        for happening in story.iter().take(at) {
            let event = world.event(happening);
            world.step(&event);
        }
        let step = world.step(&Event::Act { action: Action::Rollback, to: None });
        if !matches!(world.state.phase(), Phase::RolledBack | Phase::Aborted | Phase::RollingBack) {
            prop_assert!(false, "{:?} leads to {}", step.answer, world.state.phase());
        }
        // A failure on the way needs a person, who retries.
        world.all_obey();
        world.step(&Event::Act { action: Action::Retry, to: None });
        world.all_obey();
        if world.state.phase() != Phase::Aborted {
            prop_assert_eq!(world.state.phase(), Phase::RolledBack);
            for unit in view(&world.state, &world.context()).units {
                prop_assert!(
                    matches!(unit.state.as_str(), "baseline" | "reverted" | "left_as_is"),
                    "{}/{} is {}", unit.site, unit.lane, unit.state
                );
            }
        }
    }

    #[test]
    fn what_is_wanted_shown_previewed_and_stored_agrees_with_what_a_step_does(
        mut world in worlds(), story in happenings(),
    ) {
        for happening in &story {
            let event = world.event(happening);
            let context = world.context();
            match &event {
                Event::Asked { unit, .. } => {
                    let wanted = wants(&world.state, unit, &context);
                    let step = world.step(&event);
                    prop_assert_eq!(wanted, !step.effects.is_empty());
                    prop_assert_eq!(step.effects.iter().filter(|e| matches!(e, Effect::Tell { .. })).count(), usize::from(wanted));
                }
                Event::Act { action, to } => {
                    let said = preview(&world.state, *action, to.as_ref(), &context);
                    let blocked = said.checks.iter().any(|c| c.state == crate::domain::rollout::CheckState::Block);
                    let step = world.step(&event);
                    prop_assert_eq!(blocked, matches!(step.answer, Answer::Refused(_)));
                    prop_assert_eq!(said.changes.is_empty(), step.answer != Answer::Done);
                }
                _ => {
                    world.step(&event);
                }
            }
            let context = world.context();
            let stored = serde_json::to_string(&world.state).unwrap();
            prop_assert_eq!(&serde_json::from_str::<State>(&stored).unwrap(), &world.state);
            let shown = view(&world.state, &context);
            prop_assert!(!shown.message.is_empty(), "{:?}", shown);
            prop_assert!(shown.blockers.is_sorted_by_key(|blocker| blocker.kind));
            prop_assert_eq!(shown.revision, world.state.revision());
            prop_assert_eq!(shown.units.len(), world.members.len());
            let at = due(&world.state, &context);
            let ticked = world.clone().step(&Event::Tick);
            let later = due(&ticked.state, &context);
            prop_assert!(later.is_none_or(|at| at > world.now), "a tick at {} is due again at {:?}", world.now, later);
            if at.is_none_or(|at| at > world.now) {
                prop_assert!(ticked.facts.is_empty(), "no tick was due, and it changed {:?}", ticked.facts);
            }
        }
    }

    #[test]
    fn the_judge_acts_only_on_a_demand_once_and_where_there_is_something_to_stop(
        mut world in worlds(), story in happenings(),
    ) {
        let mut rollbacks = 0;
        for happening in &story {
            let event = world.event(happening);
            let before = world.state.clone();
            let step = world.step(&event);
            let after = &world.state;
            let acts: Vec<&str> = step.facts.iter().filter(|f| f.by == FactBy::Judge).map(|f| f.what).collect();
            rollbacks += acts.iter().filter(|what| **what == "rollback_started").count();
            match &event {
                Event::Judged(Judged { demand: Demand::Nothing, .. }) => {
                    prop_assert_eq!(&acts, &[] as &[&str]);
                    prop_assert_eq!(is_back(after), is_back(&before) , "nothing was asked for");
                    prop_assert_eq!(after.phase() == Phase::Paused, before.phase() == Phase::Paused);
                }
                Event::Judged(Judged { demand: Demand::Rollback(_), .. }) if before.is_judged() => {
                    prop_assert_eq!(acts, ["rollback_started"]);
                    prop_assert!(is_back(after), "whoever paused it");
                }
                Event::Judged(Judged { demand: Demand::Pause(_), .. }) if before.is_judged() => {
                    prop_assert!(matches!(acts.as_slice(), [] | ["judge_paused"]));
                    prop_assert!(acts.is_empty() || before.phase() != Phase::Paused);
                    prop_assert_eq!(is_back(after), is_back(&before), "a pause is no rollback");
                    // Asked again for the same, it has been answered.
                    let again = world.clone().step(&event);
                    prop_assert!(again.facts.iter().all(|fact| fact.by == FactBy::Engine));
                    let mut resumed = world.clone();
                    resumed.step(&Event::Act { action: Action::Resume, to: None });
                    let again = resumed.step(&event);
                    prop_assert!(again.facts.iter().all(|fact| fact.by == FactBy::Engine), "whoever resumed has answered it");
                }
                _ => prop_assert_eq!(&acts, &[] as &[&str]),
            }
        }
        prop_assert!(rollbacks <= 1);
    }

    #[test]
    fn what_was_judged_never_breaches_and_opens_its_own_stage_only_while_it_is_true(
        mut world in worlds(), story in happenings(),
    ) {
        for happening in &story {
            let event = world.event(happening);
            let before = world.state.clone();
            let step = world.step(&event);
            let shown = view(&world.state, &world.context());
            for gate in shown.stages.iter().flat_map(crate::domain::Stage::gates) {
                prop_assert!(gate.kind == GateKind::Expression || gate.state != GateState::Breached, "{:?}", gate);
            }
            let by_itself = !matches!(event, Event::Act { .. });
            let entered = world.state.stage.filter(|stage| Some(*stage) > before.stage && *stage > 0);
            if let Some(entered) = entered.filter(|_| by_itself) {
                // Several stages at once is for stages without units; what was left last is looked at.
                let left = &shown.stages[entered - 1];
                let judged = left.gates().iter().filter(|gate| gate.kind != GateKind::Expression);
                for gate in judged {
                    prop_assert_eq!(gate.state, GateState::Pass, "{} was left by {:?}", left.name, event);
                }
            }
            if step.routine && matches!(event, Event::Judged(_)) {
                let after = &world.state;
                prop_assert!(step.facts.is_empty() && step.effects.is_empty());
                let seen = |state: &State| (state.phase(), state.stage, state.revision(), state.look_at);
                prop_assert_eq!(seen(&before), seen(after));
                let context = world.context();
                let gates = |state: &State| -> Vec<GateState> {
                    view(state, &context).stages.iter().flat_map(|stage| stage.gates().to_vec()).map(|gate| gate.state).collect()
                };
                prop_assert_eq!(gates(&before), gates(after), "what differs is words");
            }
        }
    }

    #[test]
    fn a_world_in_which_all_goes_well_completes(mut world in worlds()) {
        let act = Event::Act { action: Action::PromoteFull, to: None };
        world.step(&Event::Tick);
        world.step(&act);
        for _ in 0..world.plan.stages.len() {
            world.all_obey();
            let hold = Happening::Time { minutes: 31 };
            let event = world.event(&hold);
            world.step(&event);
            world.all_pass();
        }
        prop_assert_eq!(world.state.phase(), Phase::Completed);
    }
}

/// The properties above say something only if random stories get everywhere.
#[test]
fn random_stories_reach_every_phase_and_every_kind_of_fact() {
    let mut runner = TestRunner::deterministic();
    let (mut phases, mut facts, mut by_judge) = (BTreeSet::new(), BTreeSet::new(), false);
    for _ in 0..1_500 {
        let mut world = worlds().new_tree(&mut runner).unwrap().current();
        for happening in happenings().new_tree(&mut runner).unwrap().current() {
            let event = world.event(&happening);
            let step = world.step(&event);
            phases.insert(world.state.phase());
            facts.extend(step.facts.iter().map(|fact| fact.what));
            by_judge |= step.facts.iter().any(|fact| fact.by == FactBy::Judge && fact.what == "rollback_started");
        }
    }
    assert!(by_judge, "no story has a rollback by the judge");
    for phase in Phase::ALL.into_iter().filter(|phase| *phase != Phase::Unknown) {
        assert!(phases.contains(&phase), "no story reaches {phase}: {phases:?}");
    }
    for what in [
        "stage_entered",
        "stage_passed",
        "stage_reopened",
        "gate_breached",
        "unit_failed",
        "degraded",
        "recovered",
        "paused",
        "rollback_started",
        "rollback_failed",
        "rolled_back",
        "completed",
        "pause",
        "resume",
        "promote",
        "promote_full",
        "rollback",
        "retry",
        "judge_paused",
    ] {
        assert!(facts.contains(what), "no story brings about {what}: {facts:?}");
    }
}
