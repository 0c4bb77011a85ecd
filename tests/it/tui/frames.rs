//! Frames that the gallery has no place for: in ASCII, on the smallest terminal, and in states that no screen of
//! the table is in.

use std::time::Duration;

use rolldeck::tui::{intent::Intent as I, message::Answer};

use super::{
    consent,
    desk::unreachable,
    fleet::{breach, sites},
    table::{SIZES, detail, fleet, screen},
};

const USUAL: (u16, u16) = SIZES[0];

fn snap(name: &str, size: (u16, u16), screen: &str) {
    let (width, height) = size;
    insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(format!("tui_{name}_{width}x{height}"), screen);
    });
}

#[test]
fn screens_in_ascii() {
    for (name, of, sizes) in [
        ("overview", "overview", 2),
        ("detail", "detail", 2),
        ("slis", "detail_slis", 3),
        ("slis_ratio", "detail_slis_ratio", 2),
        ("slis_raw", "detail_slis_raw", 2),
        ("menu", "menu", 1),
        ("dialog", "dialog", 1),
        ("dialog_held", "dialog_held", 1),
        ("audit", "audit", 1),
        ("flags", "flags", 1),
        ("follow", "follow", 1),
    ] {
        for size in SIZES.into_iter().take(sizes) {
            snap(&format!("{name}_ascii"), size, &screen(of, size).ascii());
        }
    }
}

#[test]
fn screens_on_the_smallest_terminal() {
    for (name, of) in
        [("overview", "overview"), ("slis", "detail_slis"), ("calendar", "calendar"), ("follow", "follow")]
    {
        snap(name, (60, 16), &screen(of, (60, 16)).screen());
    }
}

#[test]
fn a_context_that_is_locked() {
    let mut desk = fleet(USUAL, true);
    snap("overview_styled", USUAL, &desk.styled());
    desk.press(I::ViewWindows).press(I::NextPane);
    snap("windows_ascii", USUAL, &desk.ascii());
    desk.press(I::ViewSites);
    desk.answer(Answer::Sites(Ok(sites())));
    snap("sites_ascii", USUAL, &desk.ascii());
    desk.answer(Answer::Overrides(Ok(consent::overrides())));
    desk.answer(Answer::Approvals(Ok(consent::approvals())));
    desk.press(I::ViewApprovals);
    snap("approvals_ascii", USUAL, &desk.ascii());
    desk.press(I::ActionMenu).wait(300).press(I::Approve).paint();
    snap("dialog_approve", USUAL, &desk.screen());
}

/// What refuses, what fell silent, what is old: each in a chart of its own.
#[test]
fn charts_of_indicators_that_are_not_well() {
    let mut desk = screen("detail_slis_zoomed", USUAL);
    for (downs, name) in [(1, "error"), (1, "no_data"), (1, "stale"), (2, "warming")] {
        for _ in 0..downs {
            desk.press(I::Down);
        }
        snap(&format!("slis_{name}"), USUAL, &desk.screen());
    }
}

#[test]
fn indicators_of_a_lost_backend_and_those_that_nobody_reports() {
    let mut desk = screen("detail_slis", USUAL);
    desk.answer(Answer::View(Err(unreachable())));
    desk.answer(Answer::RetryIn(Duration::from_secs(4)));
    snap("slis_lost", USUAL, &desk.screen());
    desk.polls = false;
    desk.wait(180_000);
    snap("slis_long_lost", USUAL, &desk.screen());
    let mut none = breach();
    none.slis.clear();
    let mut desk = detail(USUAL);
    desk.watched(none);
    desk.keys(&[I::PreviousPane]);
    snap("slis_none", USUAL, &desk.screen());
}

#[test]
fn dialogs_of_flags_with_a_reason() {
    for (name, to_reason) in [("dialog_flag_kill", [].as_slice()), ("dialog_flag_widen", &[I::NextPane, I::NextPane])] {
        for size in SIZES.into_iter().take(2) {
            let mut dialog = screen(name, size);
            dialog.keys(to_reason).write("the fast path drops labels");
            snap(name, size, &dialog.screen());
        }
    }
}

#[test]
fn a_chosen_window_in_the_calendar() {
    let mut desk = screen("calendar", USUAL);
    desk.press(I::NextMatch);
    snap("calendar_ascii", USUAL, &desk.ascii());
    snap("calendar_styled", USUAL, &desk.styled());
}

#[test]
fn help_where_another_view_was_left() {
    let mut desk = fleet(USUAL, false);
    desk.keys(&[I::ViewSites, I::ViewOverview, I::Help]);
    snap("help", USUAL, &desk.screen());
}
