//! The whole table: every action in every phase, with every role, frozen and not.

use chrono::{TimeZone as _, Utc};

use super::*;

const ACTIONS: [Action; 6] =
    [Action::Pause, Action::Resume, Action::Promote, Action::PromoteFull, Action::Rollback, Action::Retry];

fn freeze(window: &str, until: Option<i64>) -> Freeze {
    Freeze {
        window: SafeText::new(window),
        scope: SafeText::new("target=dc-west"),
        reason: SafeText::new("pilot week"),
        by: SafeText::new("ines"),
        since: Utc.timestamp_opt(1_800_000_000, 0).unwrap(),
        until: until.map(|s| Utc.timestamp_opt(s, 0).unwrap()),
        ..Freeze::default()
    }
}

fn ask(action: impl Into<Option<Action>>, phase: impl Into<Option<Phase>>, role: Role, freezes: &[Freeze]) -> Decision {
    decide(&Question { action: action.into(), phase: phase.into(), role, freezes })
}

#[test]
fn each_action_is_allowed_in_its_phases_and_where_it_changes_nothing() {
    use Phase as P;
    let table: &[(Action, &[Phase])] = &[
        (Action::Pause, &[P::Pending, P::Progressing, P::AwaitingPromotion, P::Degraded, P::Paused]),
        (Action::Resume, &[P::Paused, P::Pending, P::Progressing, P::AwaitingPromotion, P::Degraded]),
        (Action::Promote, &[P::AwaitingPromotion]),
        (Action::PromoteFull, &[P::Progressing, P::AwaitingPromotion]),
        (Action::Rollback, &P::ALL),
        (Action::Retry, &[P::Degraded, P::RollbackFailed]),
    ];
    for (action, allowed) in table {
        for phase in Phase::ALL {
            let decision = ask(*action, phase, Role::Operator, &[]);
            if allowed.contains(&phase) {
                assert_eq!(decision, Decision::Allowed, "{action} while {phase}");
            } else {
                let Decision::Refused(blockers) = decision else { panic!("{action} while {phase}: {decision:?}") };
                assert_eq!(blockers[0].kind, BlockerKind::Phase);
                assert!(blockers[0].summary.as_str().ends_with(phase.as_str()), "{:?}", blockers[0]);
            }
        }
    }
    assert_eq!(ask(None, None, Role::Operator, &[]), Decision::Allowed, "start");
}

#[test]
fn a_viewer_and_an_agent_act_on_nothing_whatever_the_phase() {
    for role in [Role::Viewer, Role::Agent] {
        assert_eq!(ask(None, None, role, &[]), Decision::Forbidden(Role::Operator));
        for action in ACTIONS {
            for phase in Phase::ALL {
                assert_eq!(ask(action, phase, role, &[freeze("w-1", None)]), Decision::Forbidden(Role::Operator));
            }
        }
    }
    assert_eq!(ask(Action::Pause, Phase::Progressing, Role::Commander, &[]), Decision::Allowed);
}

#[test]
fn a_window_holds_what_widens_and_never_the_way_back() {
    let freezes = [freeze("w-1", Some(1_800_003_600)), freeze("w-2", None)];
    for action in ACTIONS {
        for phase in Phase::ALL {
            let open = ask(action, phase, Role::Operator, &[]);
            let frozen = ask(action, phase, Role::Operator, &freezes);
            let back = !action.widens() || (action, phase) == (Action::Retry, Phase::RollbackFailed);
            // What changes nothing widens nothing either.
            let back = back || !action.applies_in(phase);
            if back || open != Decision::Allowed {
                assert_eq!(frozen, open, "{action} while {phase}");
            } else {
                let Decision::NeedsOverride(blockers) = frozen else { panic!("{action} while {phase}: {frozen:?}") };
                assert_eq!(blockers.len(), 2, "one for each window");
            }
        }
    }
    assert!(matches!(ask(None, None, Role::Commander, &freezes), Decision::NeedsOverride(_)), "start");
}

#[test]
fn a_blocker_says_which_window_until_when_why_and_whose() {
    let Decision::NeedsOverride(blockers) = ask(
        Action::Promote,
        Phase::AwaitingPromotion,
        Role::Operator,
        &[freeze("w-1", Some(1_800_003_600)), freeze("w-2", None)],
    ) else {
        panic!("it is held")
    };
    assert_eq!(
        blockers[0].summary.as_str(),
        "window w-1 holds promote on target=dc-west until 2027-01-15 09:00 UTC: pilot week (ines)"
    );
    assert_eq!(blockers[0].until, Some(Utc.timestamp_opt(1_800_003_600, 0).unwrap()));
    assert_eq!(
        blockers[1].summary.as_str(),
        "window w-2 holds promote on target=dc-west until it is lifted: pilot week (ines)"
    );
}

#[test]
fn a_refusal_says_from_where_it_would_be_possible() {
    let Decision::Refused(blockers) = ask(Action::Retry, Phase::Paused, Role::Operator, &[]) else { panic!() };
    assert_eq!(blockers[0].summary.as_str(), "retry is possible from degraded, rollback_failed; the rollout is paused");
}
