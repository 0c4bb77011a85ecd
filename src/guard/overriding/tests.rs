//! What an override lets pass, and all that it does not.

use chrono::{TimeDelta, TimeZone as _};
use proptest::prelude::*;

use super::*;
use crate::domain::{Consent, Use, WindowRef};

fn at(minute: i64) -> DateTime<Utc> {
    Utc.timestamp_opt(1_800_000_000, 0).unwrap() + TimeDelta::minutes(minute)
}

fn pick() -> RolloutId {
    "dc-west/pick-assist".parse().unwrap()
}

const CANDIDATE: &str = "sha256:aaaa";

/// For promote on pick-assist, past window w-1 at revision 3, once, from minute 0 to 240.
fn record() -> Override {
    Override {
        id: "o-1".into(),
        revision: 1,
        windows: vec![WindowRef { id: "w-1".into(), revision: 3 }],
        actions: vec![Operation::Promote],
        rollout: Some(pick()),
        candidate: Some(CANDIDATE.into()),
        not_before: at(0),
        expires_at: at(240),
        uses_max: 1,
        ..Override::default()
    }
}

fn freeze(window: &str, revision: u64) -> Freeze {
    Freeze { window: window.into(), revision, ..Freeze::default() }
}

fn one_use() -> Use {
    Use { at: at(1), by: "mira".into(), action: Operation::Promote, revision: None, stage: None, entry: 7 }
}

fn agreed(by: &str) -> Consent {
    Consent { by: by.into(), at: at(1), reason: "looked at it together".into(), ..Consent::default() }
}

/// What differs, the override, what is wanted, at which minute, past what, and what it says.
type Case<'a> = (&'a str, &'a Override, Operation, i64, &'a [Freeze], &'a str);

fn whole(target: &crate::domain::TargetName) -> Place<'_> {
    Place { target, rollout: None, site: None, lane: None, stage: None, labels: None }
}

fn ask(record: &Override, operation: Operation, minute: i64, freezes: &[Freeze]) -> Result<(), Vec<Unfit>> {
    let id = pick();
    let occasion = Occasion { operation, subject: Subject::Rollout { id: &id, candidate: CANDIDATE }, at: at(minute) };
    overriding(record, &occasion, &whole(&id.target), freezes)
}

#[test]
fn it_lifts_what_it_names_and_says_in_one_sentence_why_it_does_not_lift_the_rest() {
    let freezes = [freeze("w-1", 3)];
    assert_eq!(ask(&record(), Operation::Promote, 0, &freezes), Ok(()));
    assert_eq!(ask(&record(), Operation::Promote, 239, &freezes), Ok(()));
    let waiting = Override { approvals_needed: 1, ..record() };
    let agreed_to = Override { approvals: vec![agreed("ines")], ..waiting.clone() };
    assert_eq!(ask(&agreed_to, Operation::Promote, 2, &freezes), Ok(()));
    let taken = Override { break_glass: true, ..waiting.clone() };
    assert_eq!(ask(&taken, Operation::Promote, 2, &freezes), Ok(()), "break-glass waits for nobody");
    let later = Override { not_before: at(60), ..record() };
    let used = Override { uses: vec![one_use()], ..record() };
    let back = Override { withdrawn: Some(agreed("ines")), ..record() };
    let other = Override { rollout: Some("dc-west/drive-assist".parse().unwrap()), ..record() };
    let of_a_flag = Override { rollout: None, flag: Some("slotting".into()), ..record() };
    let second = Override { candidate: Some("sha256:bbbb".into()), ..record() };
    let table: &[Case<'_>] = &[
        ("early", &later, Operation::Promote, 59, &freezes, "it counts from 2027-01-15 09:00 UTC"),
        ("late", &record(), Operation::Promote, 240, &freezes, "it expired at 2027-01-15 12:00 UTC"),
        ("used", &used, Operation::Promote, 2, &freezes, "it is used up: 1 of 1"),
        ("alone", &waiting, Operation::Promote, 2, &freezes, "it waits for a second person to agree"),
        ("taken back", &back, Operation::Promote, 2, &freezes, "ines took it back at 2027-01-15 08:01 UTC"),
        ("another action", &record(), Operation::PromoteFull, 2, &freezes, "it is for promote, not for promote_full"),
        ("another rollout", &other, Operation::Promote, 2, &freezes, "it is for dc-west/drive-assist"),
        ("a flag's", &of_a_flag, Operation::Promote, 2, &freezes, "it is for flag slotting"),
        (
            "another candidate",
            &second,
            Operation::Promote,
            2,
            &freezes,
            "it is for the candidate sha256:bbbb, and sha256:aaaa is there now",
        ),
        ("another window", &record(), Operation::Promote, 2, &[freeze("w-2", 3)], "it does not name window w-2"),
        (
            "a changed window",
            &record(),
            Operation::Promote,
            2,
            &[freeze("w-1", 4)],
            "window w-1 was changed since: it names revision 3, and revision 4 holds",
        ),
        (
            "a window for nobody",
            &record(),
            Operation::Promote,
            2,
            &[Freeze { overridable: Overridable::Never, ..freeze("w-1", 3) }],
            "window w-1 lets nobody pass, whatever the role",
        ),
        (
            "a window for two",
            &record(),
            Operation::Promote,
            2,
            &[Freeze { overridable: Overridable::TwoPerson, ..freeze("w-1", 3) }],
            "it waits for a second person to agree",
        ),
    ];
    for (what, record, operation, minute, freezes, why) in table {
        let unfit = ask(record, *operation, *minute, freezes).expect_err(what);
        assert_eq!(unfit.iter().map(ToString::to_string).collect::<Vec<_>>(), [*why], "{what}");
        let blocker = unfit[0].blocker(&record.id);
        assert_eq!(blocker.kind, BlockerKind::Override);
        assert_eq!(blocker.summary.as_str(), format!("override o-1 does not let it pass: {why}"));
    }
}

#[test]
fn of_two_windows_the_one_that_is_not_named_still_holds() {
    let unfit = ask(&record(), Operation::Promote, 2, &[freeze("w-1", 3), freeze("w-2", 1)]).unwrap_err();
    assert_eq!(unfit, [Unfit::NotNamed("w-2".into())]);
}

#[test]
fn one_for_a_site_opens_neither_another_site_nor_the_whole_target() {
    let scoped = Override { scope: Some("site=oslo-*".parse().unwrap()), ..record() };
    let id = pick();
    let (oslo, bergen) = ("oslo-1".parse().unwrap(), "bergen-1".parse().unwrap());
    let place = |site| Place { site: Some(site), ..whole(&id.target) };
    assert_eq!(lifts(&scoped, &place(&oslo), &freeze("w-1", 3)), Ok(()));
    for place in [place(&bergen), whole(&id.target)] {
        assert!(matches!(lifts(&scoped, &place, &freeze("w-1", 3)), Err(Unfit::Scope { .. })));
    }
}

#[test]
fn one_for_a_flag_is_for_that_flag_only() {
    let of_a_flag = Override {
        rollout: None,
        candidate: None,
        flag: Some("slotting".into()),
        actions: vec![Operation::FlagWiden],
        ..record()
    };
    let occasion = |key| Occasion { operation: Operation::FlagWiden, subject: Subject::Flag(key), at: at(2) };
    assert_eq!(fits(&of_a_flag, &occasion("slotting")), Ok(()));
    assert_eq!(fits(&of_a_flag, &occasion("routing")), Err(Unfit::Subject("flag slotting".to_owned())));
    let of_a_rollout = Override { actions: vec![Operation::FlagWiden], ..record() };
    assert!(matches!(fits(&of_a_rollout, &occasion("slotting")), Err(Unfit::Subject(_))));
    let of_nothing = Override { flag: None, ..of_a_flag };
    assert!(fits(&of_nothing, &occasion("slotting")).is_err());
}

prop_compose! {
    fn any_record()(
        named in prop::collection::vec((0_u8..4, 1_u64..4), 0..4),
        actions in prop::collection::vec(prop::sample::select(Operation::ALL.to_vec()), 0..4),
        not_before in 0_i64..100,
        lasts in 0_i64..200,
        uses_max in 0_u32..4,
        used in 0_usize..5,
        approvals_needed in 0_u32..2,
        approved in any::<bool>(),
        break_glass in any::<bool>(),
        withdrawn in any::<bool>(),
        other in any::<bool>(),
        other_candidate in any::<bool>(),
        scope in prop::option::of(prop::sample::select(vec!["dc-west", "dc-east", "site=oslo-1", "*"])),
    ) -> Override {
        Override {
            windows: named.iter().map(|(id, revision)| WindowRef { id: format!("w-{id}").into(), revision: *revision })
                .collect(),
            actions,
            rollout: Some(if other { "dc-west/drive-assist".parse().unwrap() } else { pick() }),
            candidate: Some(if other_candidate { "sha256:bbbb" } else { CANDIDATE }.into()),
            scope: scope.map(|text| text.parse().unwrap()),
            not_before: at(not_before),
            expires_at: at(not_before + lasts),
            uses_max,
            uses: vec![one_use(); used],
            approvals_needed,
            approvals: if approved { vec![agreed("ines")] } else { Vec::new() },
            break_glass,
            withdrawn: withdrawn.then(|| agreed("ines")),
            ..record()
        }
    }
}

fn any_freeze() -> impl Strategy<Value = Freeze> {
    let overridable = prop::sample::select(vec![Overridable::Single, Overridable::TwoPerson, Overridable::Never]);
    (0_u8..4, 1_u64..4, overridable)
        .prop_map(|(id, revision, overridable)| Freeze { overridable, ..freeze(&format!("w-{id}"), revision) })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn what_passes_was_named_whole_in_time_counted_agreed_to_and_can_be_passed_at_all(
        record in any_record(),
        operation in prop::sample::select(Operation::ALL.to_vec()),
        minute in -10_i64..320,
        freezes in prop::collection::vec(any_freeze(), 0..4),
    ) {
        let passed = ask(&record, operation, minute, &freezes);
        if let Err(unfit) = &passed {
            prop_assert!(!unfit.is_empty());
            return Ok(());
        }
        prop_assert!(record.withdrawn.is_none());
        prop_assert!(at(minute) >= record.not_before && at(minute) < record.expires_at);
        prop_assert!(record.uses.len() < record.uses_max as usize);
        prop_assert!(record.break_glass || record.approvals.len() >= record.approvals_needed as usize);
        prop_assert!(record.actions.contains(&operation));
        prop_assert_eq!(record.rollout.as_ref(), Some(&pick()));
        prop_assert_eq!(record.candidate.as_ref().map(SafeText::as_str), Some(CANDIDATE));
        for freeze in &freezes {
            prop_assert!(freeze.overridable != Overridable::Never);
            prop_assert!(record.windows.iter().any(|w| w.id == freeze.window && w.revision == freeze.revision));
            prop_assert!(
                freeze.overridable != Overridable::TwoPerson || record.break_glass || !record.approvals.is_empty()
            );
            prop_assert!(record.scope.as_ref().is_none_or(|scope| scope.covers(&whole(&pick().target))));
        }
    }

    #[test]
    fn it_is_never_used_more_often_than_it_may_be(mut record in any_record(), tries in 0_usize..12) {
        record.uses.truncate(record.uses_max as usize);
        let before = record.uses.len();
        let mut passed = 0;
        for _ in 0..tries {
            if ask(&record, Operation::Promote, 1, &[]).is_ok() {
                record.uses.push(one_use());
                passed += 1;
            }
        }
        prop_assert!(before + passed <= record.uses_max as usize);
        prop_assert_eq!(record.uses_left() as usize, record.uses_max as usize - record.uses.len());
    }
}
