//! Tables of windows over instants.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeZone as _, Utc};
use proptest::prelude::*;

use super::*;
use crate::domain::{OnEnter, Schedule, SiteName, TargetName, window::Lifted};

fn t(second: i64) -> DateTime<Utc> {
    Utc.timestamp_opt(1_800_000_000 + second, 0).unwrap()
}

fn window(id: &str, scope: &str, from: i64, until: Option<i64>) -> Window {
    Window {
        id: SafeText::new(id),
        revision: 1,
        scope: scope.parse().unwrap(),
        reason: SafeText::new("pilot week"),
        ticket: None,
        from: t(from),
        until: until.map(t),
        on_enter: OnEnter::Hold,
        created_by: SafeText::new("ines"),
        created_at: t(0),
        lifted: None,
        enabled: true,
        ..Window::default()
    }
}

/// What closes a place to what goes on by itself.
fn freezes_over(windows: &[Window], place: &Place<'_>, at: DateTime<Utc>) -> Vec<Freeze> {
    freezes_at(windows, place, Operation::Advance, Initiator::Automation, at)
}

fn freeze_over(windows: &[Window], place: &Place<'_>, at: DateTime<Utc>) -> Option<Freeze> {
    freezes_over(windows, place, at).into_iter().next()
}

fn next_transition(windows: &[Window], at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    Calendar::new(windows.to_vec(), at).next_transition()
}

fn lifted(mut window: Window, at: i64) -> Window {
    window.lifted = Some(Lifted { at: t(at), by: SafeText::new("omar"), reason: SafeText::new("pilot is over") });
    window
}

/// What it is, the window, and its state at some instants.
type Case<'a> = (&'a str, &'a Window, &'a [(i64, WindowState)]);

#[test]
fn a_window_holds_from_its_first_instant_until_just_before_its_last() {
    use WindowState::{Active, Ended, Lifted, Upcoming};
    let bounded = window("w-1", "dc-west", 10, Some(20));
    let open = window("w-2", "dc-west", 10, None);
    let cases: &[Case<'_>] = &[
        ("bounded", &bounded, &[(9, Upcoming), (10, Active), (19, Active), (20, Ended), (99, Ended)]),
        ("open-ended", &open, &[(9, Upcoming), (10, Active), (999_999, Active)]),
        (
            "lifted in the middle",
            &lifted(bounded.clone(), 15),
            &[(9, Upcoming), (14, Active), (15, Lifted), (20, Lifted), (99, Lifted)],
        ),
        (
            "lifted before it began",
            &lifted(bounded.clone(), 5),
            &[(4, Upcoming), (5, Lifted), (10, Lifted), (20, Lifted)],
        ),
        ("lifted after its end", &lifted(bounded.clone(), 30), &[(19, Active), (20, Ended), (30, Ended)]),
        ("open-ended, lifted", &lifted(open.clone(), 30), &[(29, Active), (30, Lifted)]),
        ("empty", &window("w-3", "dc-west", 10, Some(10)), &[(9, Ended), (10, Ended)]),
        ("backwards", &window("w-4", "dc-west", 10, Some(5)), &[(4, Ended), (7, Ended), (12, Ended)]),
    ];
    for (what, window, instants) in cases {
        for (at, expected) in *instants {
            assert_eq!(state(window, t(*at)), *expected, "{what} at {at}");
        }
    }
}

#[test]
fn of_several_freezes_the_one_that_ends_last_is_named() {
    let windows = [
        window("w-short", "dc-west", 0, Some(20)),
        window("w-long", "dc-*", 5, Some(50)),
        window("w-elsewhere", "dc-east", 0, None),
        window("w-site", "site=sea-1", 0, None),
        lifted(window("w-lifted", "dc-west", 0, None), 3),
    ];
    let target: TargetName = "dc-west".parse().unwrap();
    let site: SiteName = "sea-1".parse().unwrap();
    let labels = BTreeMap::new();
    let whole = Place { target: &target, rollout: None, site: None, lane: None, stage: None, labels: None };
    let one = Place { site: Some(&site), labels: Some(&labels), ..whole };
    let named = |place: &Place<'_>, at| freeze_over(&windows, place, t(at)).map(|f| f.window.to_string());
    for (at, expected) in [(-1, None), (0, Some("w-short")), (5, Some("w-long")), (49, Some("w-long")), (50, None)] {
        let expected = if at == 0 { Some("w-lifted") } else { expected };
        assert_eq!(named(&whole, at).as_deref(), expected, "the target at {at}");
    }
    assert_eq!(named(&one, 49).as_deref(), Some("w-site"));
    let freeze = freeze_over(&windows, &whole, t(10)).unwrap();
    assert_eq!(
        (freeze.scope.as_str(), freeze.by.as_str(), freeze.reason.as_str()),
        ("target=dc-*", "ines", "pilot week")
    );
    assert_eq!((freeze.since, freeze.until), (t(5), Some(t(50))));
    let all: Vec<_> = freezes_over(&windows, &one, t(10)).into_iter().map(|f| f.window.to_string()).collect();
    assert_eq!(all, ["w-site", "w-long", "w-short"]);
}

#[test]
fn the_next_transition_is_the_first_beginning_or_end_after_an_instant() {
    let windows = [
        window("w-1", "dc-west", 10, Some(20)),
        lifted(window("w-2", "dc-west", 12, Some(99)), 40),
        lifted(window("w-3", "dc-west", 30, None), 5),
        window("w-4", "dc-west", 60, Some(50)),
    ];
    for (at, expected) in
        [(0, Some(5)), (5, Some(10)), (10, Some(12)), (12, Some(20)), (20, Some(40)), (40, None), (99, None)]
    {
        assert_eq!(next_transition(&windows, t(at)), expected.map(t), "after {at}");
    }
    assert_eq!(next_transition(&[], t(0)), None);
}

#[test]
fn two_halves_of_each_day_never_open_and_hundreds_beside_them_are_not_gone_through_one_by_one() {
    let daily = |id: &str, start: &str, end: &str| Window {
        schedule: Some(Schedule {
            zone: "Europe/London".into(),
            start: start.parse().unwrap(),
            end: Some(end.parse().unwrap()),
            duration: None,
            rrule: Some("FREQ=DAILY".into()),
            rdate: Vec::new(),
            exdate: Vec::new(),
        }),
        ..window(id, "dc-west", 0, None)
    };
    let mut windows = vec![
        daily("w-a", "2026-11-23T00:00:00", "2026-11-23T12:00:00"),
        daily("w-b", "2026-11-23T12:00:00", "2026-11-24T00:00:00"),
    ];
    let target: TargetName = "dc-west".parse().unwrap();
    let place = Place { target: &target, rollout: None, site: None, lane: None, stage: None, labels: None };
    let next = |windows: &[Window]| next_change(windows, &place, Operation::Promote, Initiator::Human, t(0));
    assert_eq!(next(&windows), None);
    for minute in 0..40 {
        let (from, until) = (format!("2026-11-23T09:{minute:02}:00"), format!("2026-11-23T09:{minute:02}:30"));
        windows.push(daily(&format!("w-{minute}"), &from, &until));
    }
    assert_eq!(next(&windows), None);
    // The one that is lifted opens its half; t(0) is on 2027-01-15 at 08:00.
    windows[1] = lifted(windows[1].clone(), -10);
    assert_eq!(next(&windows).unwrap().to_rfc3339(), "2027-01-15T12:00:00+00:00");
}

proptest! {
    #[test]
    fn between_two_transitions_nothing_changes(
        spans in proptest::collection::vec((0_i64..60, proptest::option::of(0_i64..60), proptest::option::of(0_i64..60)), 0..6),
        at in -5_i64..65,
    ) {
        let windows: Vec<Window> = spans
            .into_iter()
            .enumerate()
            .map(|(n, (from, until, lift))| {
                let w = window(&format!("w-{n}"), "dc-west", from, until);
                lift.map_or(w.clone(), |lift| lifted(w, lift))
            })
            .collect();
        let target: TargetName = "dc-west".parse().unwrap();
        let place = Place { target: &target, rollout: None, site: None, lane: None, stage: None, labels: None };
        let until = next_transition(&windows, t(at)).map_or(80, |next| (next - t(0)).num_seconds());
        let now = freezes_over(&windows, &place, t(at));
        for later in at..until {
            prop_assert_eq!(&freezes_over(&windows, &place, t(later)), &now);
        }
        prop_assert_eq!(freeze_over(&windows, &place, t(at)), now.into_iter().next());
    }
}
