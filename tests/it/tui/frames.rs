//! Whole frames of every screen, at three sizes, without colour; and in ASCII.

use rolldeck::{
    domain::Role,
    tui::{
        intent::Intent as I,
        message::{Answer, Command},
    },
};

use super::{
    calendar, consent,
    desk::{Desk, options, unreachable},
    flags,
    fleet::{breach, nine, preview, sites, trail, verified, windows},
    follow,
};

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];

fn desk(size: (u16, u16), protected: bool) -> Desk {
    let mut desk = Desk::with(&options(protected, false), Role::Commander, true, nine(), size);
    desk.answer(Answer::Windows(Ok(windows())));
    if size.1 >= 40 {
        desk.watched(breach());
        desk.answer(Answer::Timeline(breach().id(), Ok(trail())));
    }
    desk
}

fn detail(size: (u16, u16)) -> Desk {
    let mut desk = desk(size, false);
    desk.press(I::Open);
    desk.watched(breach());
    desk.answer(Answer::Timeline(breach().id(), Ok(trail())));
    desk
}

fn audit(desk: &mut Desk) {
    desk.press(I::ViewAudit);
    let query = desk.commands.iter().rev().find_map(|c| if let Command::Audit(q) = c { Some(q.clone()) } else { None });
    desk.answer(Answer::Audit(query.unwrap(), Ok(super::audit::told())));
    desk.answer(Answer::Witnessed(Ok(super::audit::seen())));
    desk.answer(Answer::Verified(Ok(verified(None))));
    desk.keys(&[I::Down]);
}

fn dialog(desk: &mut Desk) {
    desk.press(I::ActionMenu).wait(300).press(I::Rollback).paint().wait(300);
    let key = desk.app.dialog().unwrap().key.clone();
    desk.answer(Answer::Previewed(key, Ok(preview(&breach()))));
    desk.write("canary error rate is 3.4 times the base");
    desk.keys(&[I::NextPane, I::NextPane]);
}

fn snap(name: &str, size: (u16, u16), screen: &str) {
    let (width, height) = size;
    insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(format!("tui_{name}_{width}x{height}"), screen);
    });
}

#[test]
fn overview() {
    for size in SIZES {
        snap("overview", size, &desk(size, false).screen());
    }
    snap("overview_ascii", (80, 24), &desk((80, 24), false).ascii());
    snap("overview_ascii", (120, 40), &desk((120, 40), false).ascii());
    snap("overview_styled", (80, 24), &desk((80, 24), true).styled());
    snap("overview", (60, 16), &desk((60, 16), false).screen());
}

#[test]
fn overview_of_a_lost_backend() {
    let mut desk = desk((80, 24), true);
    desk.answer(Answer::View(Err(unreachable())));
    desk.answer(Answer::RetryIn(std::time::Duration::from_secs(4)));
    snap("lost", (80, 24), &desk.screen());
    snap("lost_styled", (80, 24), &desk.styled());
}

#[test]
fn rollout_in_detail() {
    for size in SIZES {
        snap("detail", size, &detail(size).screen());
    }
    snap("detail_ascii", (80, 24), &detail((80, 24)).ascii());
    snap("detail_ascii", (120, 40), &detail((120, 40)).ascii());
    let mut gates = detail((80, 24));
    gates.keys(&[I::NextPane, I::NextPane]);
    snap("detail_gates", (80, 24), &gates.screen());
}

/// The indicators' pane has the keys.
fn indicators(size: (u16, u16)) -> Desk {
    let mut desk = detail(size);
    desk.keys(&[I::PreviousPane]);
    desk
}

#[test]
fn indicators_and_their_charts() {
    for size in SIZES {
        snap("slis", size, &indicators(size).screen());
        snap("slis_ascii", size, &indicators(size).ascii());
        snap("slis_styled", size, &indicators(size).styled());
    }
    snap("slis", (60, 16), &indicators((60, 16)).screen());
    for (mode, name) in [(1, "ratio"), (2, "raw")] {
        for size in [(80, 24), (120, 40)] {
            let mut desk = indicators(size);
            for _ in 0..mode {
                desk.press(I::ChartMode);
            }
            snap(&format!("slis_{name}"), size, &desk.screen());
            snap(&format!("slis_{name}_ascii"), size, &desk.ascii());
        }
    }
    for size in SIZES {
        let mut desk = indicators(size);
        desk.press(I::Zoom);
        snap("slis_zoomed", size, &desk.screen());
        // What refuses, what fell silent, what is old: each in a chart of its own.
        for (downs, name) in [(1, "error"), (1, "no_data"), (1, "stale"), (2, "warming")] {
            for _ in 0..downs {
                desk.press(I::Down);
            }
            if size == (80, 24) {
                snap(&format!("slis_{name}"), size, &desk.screen());
            }
        }
    }
}

#[test]
fn indicators_of_a_lost_backend_and_those_that_nobody_reports() {
    let mut desk = indicators((80, 24));
    desk.answer(Answer::View(Err(unreachable())));
    desk.answer(Answer::RetryIn(std::time::Duration::from_secs(4)));
    snap("slis_lost", (80, 24), &desk.screen());
    desk.polls = false;
    desk.wait(180_000);
    snap("slis_long_lost", (80, 24), &desk.screen());
    let mut none = breach();
    none.slis.clear();
    let mut desk = detail((80, 24));
    desk.watched(none);
    desk.keys(&[I::PreviousPane]);
    snap("slis_none", (80, 24), &desk.screen());
}

#[test]
fn action_menu_and_dialog() {
    let mut menu = desk((80, 24), true);
    menu.press(I::ActionMenu);
    snap("menu", (80, 24), &menu.screen());
    snap("menu_ascii", (80, 24), &menu.ascii());
    for size in SIZES {
        let mut desk = desk(size, true);
        dialog(&mut desk);
        snap("dialog", size, &desk.screen());
    }
    let mut desk = desk((80, 24), true);
    dialog(&mut desk);
    snap("dialog_ascii", (80, 24), &desk.ascii());
    snap("dialog_styled", (80, 24), &desk.styled());
    let mut window = super::frames::desk((80, 24), false);
    window.press(I::ActionMenu).wait(300).press(I::AddWindow).paint();
    snap("dialog_freeze", (80, 24), &window.screen());
}

#[test]
fn audit_trail() {
    for size in SIZES {
        let mut desk = desk(size, false);
        audit(&mut desk);
        snap("audit", size, &desk.screen());
        desk.answer(Answer::Witnessed(Ok(super::audit::rewritten(Some(9312)))));
        snap("audit_rewritten", size, &desk.screen());
    }
    let mut desk = desk((80, 24), false);
    audit(&mut desk);
    snap("audit_ascii", (80, 24), &desk.ascii());
    desk.answer(Answer::Verified(Ok(verified(Some(9315)))));
    snap("audit_broken", (80, 24), &desk.screen());
}

#[test]
fn flags_by_site_and_lane_and_by_stage() {
    for size in SIZES {
        snap("flags", size, &flags::looked_at(desk(size, false)).screen());
        let mut staged = flags::looked_at(desk(size, false));
        staged.press(I::Pivot);
        snap("flags_by_stage", size, &staged.screen());
    }
    snap("flags_ascii", (80, 24), &flags::looked_at(desk((80, 24), false)).ascii());
    snap("flags_styled", (80, 24), &flags::looked_at(desk((80, 24), false)).styled());
    let mut menu = flags::looked_at(desk((80, 24), true));
    menu.press(I::ActionMenu);
    snap("flags_menu", (80, 24), &menu.screen());
    for (verb, name) in [(I::FlagKill, "kill"), (I::FlagWiden, "widen")] {
        for size in [(80, 24), (120, 40)] {
            let mut dialog = flags::looked_at(desk(size, true));
            dialog.press(I::ActionMenu).wait(300).press(verb).paint().wait(300);
            if let Some(key) = flags::asked(&dialog) {
                dialog.answer(Answer::FlagPreviewed(key, Ok(flags::intended("fast-path"))));
            }
            if verb == I::FlagWiden {
                dialog.keys(&[I::NextPane, I::NextPane]);
            }
            dialog.write("the fast path drops labels");
            snap(&format!("dialog_flag_{name}"), size, &dialog.screen());
        }
    }
}

#[test]
fn windows_sites_contexts_and_help() {
    for size in SIZES {
        let mut desk = desk(size, false);
        desk.press(I::ViewWindows).press(I::NextPane);
        snap("windows", size, &desk.screen());
        desk.press(I::ViewSites);
        desk.answer(Answer::Sites(Ok(sites())));
        snap("sites", size, &desk.screen());
        desk.press(I::ViewOverview).press(I::Help);
        snap("help", size, &desk.screen());
    }
    let mut desk = desk((80, 24), true);
    desk.command("ctx");
    snap("contexts", (80, 24), &desk.screen());
    desk.press(I::ViewWindows).press(I::NextPane);
    snap("windows_ascii", (80, 24), &desk.ascii());
    desk.press(I::ViewSites);
    desk.answer(Answer::Sites(Ok(sites())));
    snap("sites_ascii", (80, 24), &desk.ascii());
}

#[test]
fn calendar_of_windows() {
    for size in SIZES {
        let desk = calendar::calendar(size);
        snap("calendar", size, &desk.screen());
    }
    let mut desk = calendar::calendar((80, 24));
    desk.press(I::NextMatch);
    snap("calendar_ascii", (80, 24), &desk.ascii());
    snap("calendar_styled", (80, 24), &desk.styled());
    snap("calendar", (60, 16), &calendar::calendar((60, 16)).screen());
}

#[test]
fn overrides_and_approvals() {
    for size in SIZES {
        let mut desk = desk(size, false);
        desk.answer(Answer::Overrides(Ok(consent::overrides())));
        desk.answer(Answer::Approvals(Ok(consent::approvals())));
        desk.press(I::ViewOverrides);
        snap("overrides", size, &desk.screen());
        desk.press(I::ViewApprovals);
        snap("approvals", size, &desk.screen());
        snap("dialog_override", size, &consent::override_dialog(size).screen());
    }
    let mut desk = desk((80, 24), true);
    desk.answer(Answer::Overrides(Ok(consent::overrides())));
    desk.answer(Answer::Approvals(Ok(consent::approvals())));
    snap("overview_waits", (80, 24), &desk.screen());
    desk.press(I::ViewOverrides);
    snap("overrides_styled", (80, 24), &desk.styled());
    desk.press(I::ViewApprovals);
    snap("approvals_ascii", (80, 24), &desk.ascii());
    desk.press(I::ActionMenu).wait(300).press(I::Approve).paint();
    snap("dialog_approve", (80, 24), &desk.screen());
    let held = consent::promotion((80, 24), Role::Commander, vec![super::fleet::freeze()]);
    snap("dialog_held", (80, 24), &held.screen());
    snap("dialog_held_ascii", (80, 24), &held.ascii());
}

#[test]
fn site_of_a_pilot_window() {
    for size in SIZES {
        snap("follow", size, &follow::followed(size).screen());
    }
    snap("follow_ascii", (80, 24), &follow::followed((80, 24)).ascii());
    snap("follow_styled", (80, 24), &follow::followed((80, 24)).styled());
    snap("follow", (60, 16), &follow::followed((60, 16)).screen());
}

#[test]
fn loading_and_nothing_there() {
    let desk = Desk::bare(&options(false, false), (80, 24));
    snap("loading", (80, 24), &desk.screen());
    let mut empty = Desk::bare(&options(false, false), (80, 24));
    empty.all(Vec::new());
    snap("empty", (80, 24), &empty.screen());
}
