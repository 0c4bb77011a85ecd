//! The calendar of change windows: what its bars say, where its keys go, and when it asks.

use chrono::{DateTime, TimeDelta, Utc};
use rolldeck::{
    backend::{BackendError, CalendarPage, CalendarSpan, Code, Conflict, Problem, WindowView, WindowsPage},
    domain::{Effect, OnEnter, Operation, Overridable, Role, Schedule, WindowState},
    tui::{
        intent::Intent as I,
        message::{Answer, Command, Message},
    },
};

use super::{
    desk::{Desk, options, start},
    fleet::{id, nine, window},
};

pub fn at(text: &str) -> DateTime<Utc> {
    format!("2026-03-{text}:00Z").parse().unwrap()
}

/// A freeze, working hours in which alone changes are allowed, nights without automation, a quarter's end.
pub fn windows() -> WindowsPage {
    let mut pilot =
        window("w-12ab", WindowState::Active, "target=dc-north,site=osl2", "pilot window", Some(at("26T14:00")));
    pilot.window.overridable = Overridable::TwoPerson;
    pilot.window.revision = 3;
    pilot.next_transition = Some(at("26T14:00"));
    let mut hours = window("w-31", WindowState::Active, "ber", "working hours of the shops", None);
    hours.window.effect = Effect::Allow;
    hours.window.schedule = Some(Schedule {
        zone: "Europe/Berlin".into(),
        start: "2026-03-02T09:00:00".parse().unwrap(),
        end: Some("2026-03-02T16:30:00".parse().unwrap()),
        duration: None,
        rrule: Some("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR".into()),
        rdate: vec![],
        exdate: vec![],
    });
    hours.next_transition = Some(at("26T15:30"));
    let mut nights = window("w-40", WindowState::Upcoming, "ams", "no unattended advance at night", None);
    nights.window.actions = vec![Operation::Advance];
    nights.window.on_enter = OnEnter::Pause;
    nights.next_transition = Some(at("26T22:00"));
    let mut quarter = window("w-90", WindowState::Upcoming, "*", "quarter end", Some(at("30T06:00")));
    quarter.window.overridable = Overridable::Never;
    quarter.window.from = at("27T20:00");
    quarter.next_transition = Some(at("27T20:00"));
    let mut off = window("w-05", WindowState::Disabled, "osl", "stocktaking, moved", None);
    off.window.enabled = false;
    let over = window("w-01", WindowState::Ended, "osl", "school run", Some(at("26T11:00")));
    WindowsPage { windows: vec![pilot, hours, nights, quarter, off, over] }
}

fn span(window: &str, from: &str, until: Option<&str>) -> CalendarSpan {
    CalendarSpan { window: window.into(), from: at(from), until: until.map(at) }
}

pub fn page(from: DateTime<Utc>, until: DateTime<Utc>) -> CalendarPage {
    CalendarPage {
        note: None,
        from,
        until,
        spans: vec![
            span("w-31", "26T08:00", Some("26T15:30")),
            span("w-12ab", "26T11:54", Some("26T14:00")),
            span("w-40", "26T22:00", Some("27T05:00")),
            span("w-31", "27T08:00", Some("27T15:30")),
            span("w-90", "27T20:00", Some("30T06:00")),
        ],
        conflicts: vec![Conflict {
            rollout: id("ber/planner"),
            what: "hold of canary ends".into(),
            at: at("27T21:10"),
            window: "w-90".into(),
            until: Some(at("30T06:00")),
        }],
        tzdb: "2026a".into(),
        truncated: false,
    }
}

/// The last range that was asked for.
pub fn asked(desk: &Desk) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    desk.commands.iter().rev().find_map(|command| match command {
        Command::Calendar { from, until } => Some((*from, *until)),
        _ => None,
    })
}

/// The calendar is open, with all that it asked for.
pub fn calendar(size: (u16, u16)) -> Desk {
    let mut desk = Desk::with(&options(false, false), Role::Commander, false, nine(), size);
    desk.answer(Answer::Windows(Ok(windows())));
    desk.press(I::ViewWindows);
    answered(&mut desk);
    desk.answer(Answer::Windows(Ok(windows())));
    answered(&mut desk);
    desk.answer(Answer::Overrides(Ok(super::consent::overrides())));
    desk
}

/// Answers the last question about a range, when there is one.
pub fn answered(desk: &mut Desk) {
    if let Some((from, until)) = asked(desk) {
        desk.answer(Answer::Calendar(from, until, Ok(page(from, until))));
    }
    desk.taken();
}

fn bar(desk: &Desk, scope: &str) -> String {
    let screen = desk.ascii();
    screen.lines().find(|line| line.get(1..).is_some_and(|line| line.starts_with(scope))).unwrap_or_default().to_owned()
}

#[test]
fn bars_tell_a_freeze_from_working_hours_and_from_what_is_for_some_only_without_colour() {
    let desk = calendar((80, 24));
    let screen = desk.ascii();
    assert!(screen.contains("2 hold now, 6 in all") && screen.contains("1 conflict ahead   UTC (t)"), "{screen}");
    assert!(screen.contains("Thu 26 Mar") && screen.contains("Fri 27 Mar"), "{screen}");
    // 45 minutes a cell: 11:15 to 14:15 are touched by the freeze of 11:54 to 14:00.
    assert!(bar(&desk, "dc-north/osl2").contains("####"), "{screen}");
    let hours = bar(&desk, "ber");
    assert!(hours.contains("-=========-") && hours.contains('.') && !hours.contains('#'), "{hours}\n{screen}");
    assert!(bar(&desk, "ams").contains('%') && !bar(&desk, "ams").contains('#'), "{screen}");
    let quarter = bar(&desk, "everything");
    assert!(quarter.contains("#!##"), "the conflict is marked where it is: {quarter}\n{screen}");
    assert!(screen.contains("27 Mar 21:10Z ber/planner"), "{screen}");
    assert!(screen.contains("now 12:04Z"), "{screen}");
    // Nothing else is asked while nothing changes.
    let mut desk = desk;
    desk.taken();
    desk.wait(9_000);
    assert!(asked(&desk).is_none());
}

#[test]
fn the_record_says_when_what_whom_and_who_can() {
    let mut desk = calendar((120, 40));
    // The rows are by name: ams, ber, dc-north/osl2, everything; it begins on what holds now.
    let screen = desk.ascii();
    for part in [
        "dc-north/osl2  11:54Z - 14:00Z  FREEZE  w-12ab  FROZEN",
        "ends 14:00Z (in 1h56m)",
        "pilot window   set by a.lind",
        "all that widens a change",
        "pause, rollback and a flag kill, always",
        "two people: an operator asks, a commander who is somebody else agrees   used 3 times, o-7 can be used",
    ] {
        assert!(screen.contains(part), "{part}\n{screen}");
    }
    desk.press(I::Up);
    let screen = desk.ascii();
    assert!(screen.contains("every week on Mon, Tue, Wed, Thu, Fri, 09:00 - 16:30 Europe/Berlin"), "{screen}");
    assert!(screen.contains("at all times outside of it"), "{screen}");
    desk.press(I::Up);
    let screen = desk.ascii();
    assert!(screen.contains("unattended advance") && screen.contains("what is under way is PAUSED"), "{screen}");
    desk.press(I::Bottom);
    assert!(desk.ascii().contains("NOBODY, whatever the role"), "{}", desk.ascii());
}

#[test]
fn keys_move_through_time_to_the_next_conflict_and_back_to_now_and_ask_only_for_another_range() {
    let mut desk = calendar((80, 24));
    desk.press(I::Right).press(I::Down).press(I::Left);
    assert!(asked(&desk).is_none(), "a step inside of the range asks for nothing");
    desk.press(I::PageDown);
    let (from, until) = asked(&desk).unwrap();
    assert!(from > at("26T00:00") && until - from == TimeDelta::days(2), "{from} {until}");
    answered(&mut desk);
    desk.press(I::CalendarNow);
    assert_eq!(asked(&desk), Some((at("26T00:00"), at("28T00:00"))));
    answered(&mut desk);
    desk.press(I::NextMatch);
    let screen = desk.ascii();
    assert!(screen.contains("everything  27 Mar 20:00Z - 30 Mar 06:00Z  FREEZE  w-90"), "{screen}");
    // A step finer shows a day and a third; coarser ones more.
    desk.press(I::CalendarNow).press(I::ZoomIn);
    let (from, until) = asked(&desk).unwrap();
    assert_eq!(until - from, TimeDelta::days(1));
    answered(&mut desk);
    for _ in 0..9 {
        desk.press(I::ZoomOut);
    }
    assert!(desk.ascii().contains("no finer or coarser step"), "{}", desk.ascii());
    let (from, until) = asked(&desk).unwrap();
    assert_eq!(until - from, TimeDelta::days(14));
}

#[test]
fn the_range_follows_the_size_of_the_screen_and_the_zone_and_changes_of_windows_are_asked_for() {
    for (size, days) in [((80, 24), 2), ((120, 40), 4), ((200, 60), 14)] {
        let mut desk = Desk::with(&options(false, false), Role::Viewer, false, nine(), size);
        desk.press(I::ViewWindows);
        let (from, until) = asked(&desk).unwrap();
        assert_eq!((from, until - from), (at("26T00:00"), TimeDelta::days(days)), "{size:?}");
    }
    let mut desk = calendar((80, 24));
    desk.size = (120, 40);
    desk.send(Message::Resized { width: 120, height: 40 });
    assert_eq!(asked(&desk).map(|(from, until)| until - from), Some(TimeDelta::days(4)));
    answered(&mut desk);
    // The same windows again are no news; others are.
    desk.answer(Answer::Windows(Ok(windows())));
    assert!(asked(&desk).is_none());
    let mut fewer = windows();
    fewer.windows.truncate(2);
    desk.answer(Answer::Windows(Ok(fewer)));
    assert!(asked(&desk).is_some());
    // An answer to another question than the last one is nobody's.
    let mut desk = calendar((80, 24));
    desk.press(I::PageDown);
    desk.answer(Answer::Calendar(at("01T00:00"), at("02T00:00"), Err(super::desk::unreachable())));
    assert!(!desk.ascii().contains("calendar not to be had"), "{}", desk.ascii());
}

#[test]
fn what_the_server_has_not_said_looks_like_no_open_day() {
    let mut desk = calendar((80, 24));
    assert!(!bar(&desk, "dc-north/osl2").contains('?'), "{}", desk.ascii());
    // Two days on, and the answer does not come.
    desk.press(I::PageDown).press(I::PageDown);
    let screen = desk.ascii();
    assert!(screen.contains("asking for the calendar"), "{screen}");
    assert!(bar(&desk, "dc-north/osl2").contains("????"), "{screen}");
    let (from, until) = asked(&desk).unwrap();
    desk.answer(Answer::Calendar(from, until, Err(super::desk::unreachable())));
    let screen = desk.ascii();
    assert!(screen.contains("calendar not to be had") && bar(&desk, "ber").contains("????"), "{screen}");
    // An answer that was cut off ends where its spans do.
    let mut desk = calendar((80, 24));
    desk.press(I::PageDown).press(I::PageDown);
    let (from, until) = asked(&desk).unwrap();
    let cut = CalendarPage { truncated: true, ..page(from, until) };
    desk.answer(Answer::Calendar(from, until, Ok(cut)));
    assert!(desk.ascii().contains("more spans than an answer holds"), "{}", desk.ascii());
}

#[test]
fn times_are_in_the_zone_that_is_named_and_that_of_the_windows_schedule_is_one_of_them() {
    let mut desk = calendar((120, 40));
    // The row of the working hours: t goes over the viewer's zone to the window's.
    desk.press(I::Up);
    desk.press(I::TimeZone).press(I::TimeZone);
    let screen = desk.ascii();
    assert!(screen.contains("Europe/Berlin (the window's) (t)"), "{screen}");
    assert_eq!(asked(&desk).map(|(from, _)| from), Some(at("25T23:00")), "its day begins at its midnight");
    answered(&mut desk);
    let screen = desk.ascii();
    assert!(screen.contains("ber  09:00+01 - 16:30+01  ALLOW"), "{screen}");
    desk.press(I::TimeZone);
    assert!(desk.ascii().contains("UTC (t)"), "{}", desk.ascii());
}

#[test]
fn all_windows_stay_within_reach_also_those_that_are_off_or_over() {
    let mut desk = calendar((80, 24));
    assert!(!desk.ascii().contains("stocktaking"), "{}", desk.ascii());
    desk.press(I::NextPane);
    let screen = desk.ascii();
    for part in ["w-05", "OFF", "w-01", "ended", "w-90"] {
        assert!(screen.contains(part), "{part}\n{screen}");
    }
    desk.press(I::NextPane);
    assert!(desk.ascii().contains("now 12:04Z"), "{}", desk.ascii());
}

#[test]
fn a_calendar_that_is_not_to_be_had_says_why_and_the_list_is_there_all_the_same() {
    let mut desk = Desk::with(&options(false, false), Role::Viewer, false, nine(), (100, 30));
    desk.answer(Answer::Windows(Ok(windows())));
    desk.press(I::ViewWindows);
    let (from, until) = asked(&desk).unwrap();
    let problem = Problem::new(Code::NotFound, "this server has no calendar");
    desk.answer(Answer::Calendar(from, until, Err(BackendError::from(problem))));
    let screen = desk.ascii();
    assert!(screen.contains("calendar not to be had: this server has no calendar"), "{screen}");
    desk.taken();
    desk.wait(12_000);
    assert!(asked(&desk).is_none(), "a refusal is not asked for again and again");
    desk.press(I::NextPane);
    assert!(desk.ascii().contains("w-12ab"), "{}", desk.ascii());
    desk.press(I::Refresh);
    assert!(asked(&desk).is_some(), "by hand it is");
}

#[test]
fn windows_are_asked_for_again_when_one_of_them_begins_or_ends() {
    let mut desk = calendar((80, 24));
    // The freeze ends at 14:00Z.
    let left = (at("26T14:00") - start()).num_milliseconds().cast_unsigned();
    desk.polls = false;
    desk.taken();
    desk.wait(left - 1000);
    assert!(!desk.taken().iter().any(|c| matches!(c, Command::Windows)));
    desk.wait(2000);
    assert!(desk.taken().iter().any(|c| matches!(c, Command::Windows)));
}

#[test]
fn hostile_scopes_and_reasons_break_no_row() {
    for size in [(60, 16), (80, 24), (120, 40), (200, 60)] {
        let mut desk = Desk::with(&options(false, false), Role::Commander, false, nine(), size);
        let mut odd: Vec<WindowView> = windows().windows;
        for view in &mut odd {
            view.window.reason = "日本語\u{202e}gnp\u{1b}[2J".repeat(9).into();
            view.window.created_by = "チーム\u{200b}".repeat(20).into();
            view.window.scope.sites = vec!["s".repeat(200)];
        }
        desk.answer(Answer::Windows(Ok(WindowsPage { windows: odd })));
        desk.press(I::ViewWindows);
        answered(&mut desk);
        for _ in 0..5 {
            for line in desk.screen().lines() {
                let width = unicode_width::UnicodeWidthStr::width(line);
                assert!(width <= usize::from(size.0), "{width} columns: {line}");
                assert!(!line.contains('\u{1b}') && !line.contains('\u{202e}'), "{line}");
            }
            desk.press(I::Down);
        }
    }
}

#[test]
fn what_is_lifted_is_the_window_that_the_calendar_speaks_of() {
    let mut desk = calendar((120, 40));
    desk.press(I::Bottom);
    desk.press(I::ActionMenu).wait(300).press(I::LiftWindow);
    assert!(desk.screen().contains("LIFT FREEZE w-90"), "{}", desk.screen());
    // Also before any key was pressed.
    let mut desk = calendar((120, 40));
    desk.press(I::Raw);
    assert!(desk.screen().contains("window w-12ab"), "{}", desk.screen());
}

#[test]
fn thousands_of_windows_are_drawn_in_a_moment() {
    let mut desk = calendar((200, 60));
    let many: Vec<WindowView> = (0..2000)
        .map(|n| window(&format!("w-{n}"), WindowState::Active, &format!("target=t{}", n % 500), "many", None))
        .collect();
    desk.answer(Answer::Windows(Ok(WindowsPage { windows: many })));
    let (from, until) = asked(&desk).unwrap();
    let spans = (0..2000).map(|n| span(&format!("w-{n}"), "26T12:00", None)).collect();
    desk.answer(Answer::Calendar(from, until, Ok(CalendarPage { spans, ..page(from, until) })));
    let screen = desk.ascii();
    assert!(screen.contains("t0") && screen.contains("2000 hold now"), "{screen}");
    desk.press(I::Bottom);
    assert!(desk.ascii().contains("t99"), "{}", desk.ascii());
}
