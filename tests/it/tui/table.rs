//! Every screen there is, on seeded data, in one table: what is checked of each screen walks through it. A new
//! view, overlay, dialog or stage of a dialog does not compile here until it has a line, and a line is not
//! enough until the table reaches it.

use std::{collections::BTreeSet, time::Duration};

use rolldeck::{
    domain::Role,
    tui::{
        app::{
            App, Overlay, View,
            detail::Pane,
            dialog::{Stage, Subject},
            line::Kind,
        },
        intent::Intent as I,
        message::{Answer, Command},
    },
};

use super::{
    audit, calendar, cluster, consent,
    desk::{Desk, options, unreachable},
    flags,
    fleet::{breach, freeze, nine, preview, sites, trail, verified, windows},
    follow, recover,
};

pub const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];

/// A screen, and how it comes about on a terminal of some size.
pub struct Screen {
    pub name: &'static str,
    pub of: fn((u16, u16)) -> Desk,
}

macro_rules! screens {
    ($($name:ident = $of:expr;)*) => {
        pub const SCREENS: &[Screen] = &[$(Screen { name: stringify!($name), of: $of },)*];
    };
}

screens! {
    overview = |size| fleet(size, false);
    overview_protected = |size| waited_for(fleet(size, true));
    overview_loading = |size| Desk::bare(&options(false, false), size);
    overview_empty = |size| {
        let mut desk = Desk::bare(&options(false, false), size);
        desk.all(Vec::new());
        desk
    };
    overview_lost = |size| lost(fleet(size, true));
    overview_held = |size| after(fleet(size, false), &[I::HoldDisplay]);
    overview_filtered = |size| {
        let mut desk = after(fleet(size, false), &[I::Filter]);
        desk.write("osl");
        desk
    };
    overview_command = |size| {
        let mut desk = after(fleet(size, false), &[I::CommandLine]);
        desk.write("pause ber/pl");
        desk
    };
    overview_read_only = |size| Desk::with(&options(true, true), Role::Viewer, false, nine(), size);
    overview_armed = |size| after(fleet(size, true), &[I::Arm]);
    overview_clusters = |size| clusters(size);
    detail = |size| detail(size);
    detail_gates = |size| on(detail(size), Pane::Gates);
    detail_slis = |size| on(detail(size), Pane::Slis);
    detail_slis_ratio = |size| after(on(detail(size), Pane::Slis), &[I::ChartMode]);
    detail_slis_raw = |size| after(on(detail(size), Pane::Slis), &[I::ChartMode, I::ChartMode]);
    detail_slis_zoomed = |size| after(on(detail(size), Pane::Slis), &[I::Zoom]);
    detail_timeline = |size| on(detail(size), Pane::Timeline);
    detail_lost = |size| lost(detail(size));
    workload_canary = |size| on(workload(&cluster::canary(), size), Pane::Analysis);
    workload_failing = |size| workload(&cluster::failing(), size);
    workload_aborted = |size| workload(&cluster::aborted(), size);
    workload_objects = |size| on(workload(&cluster::canary(), size), Pane::Objects);
    workload_revisions = |size| on(workload(&cluster::canary(), size), Pane::Revisions);
    sites = |size| {
        let mut desk = after(fleet(size, false), &[I::ViewSites]);
        desk.answer(Answer::Sites(Ok(sites())));
        desk
    };
    audit = |size| audited(size);
    audit_broken = |size| {
        let mut desk = audited(size);
        desk.answer(Answer::Verified(Ok(verified(Some(9315)))));
        desk
    };
    audit_rewritten = |size| {
        let mut desk = audited(size);
        desk.answer(Answer::Witnessed(Ok(audit::rewritten(Some(9312)))));
        desk
    };
    calendar = |size| calendar::calendar(size);
    windows = |size| after(calendar::calendar(size), &[I::NextPane]);
    flags = |size| flags::looked_at(fleet(size, false));
    flags_by_stage = |size| after(flags::looked_at(fleet(size, false)), &[I::Pivot]);
    overrides = |size| after(waited_for(fleet(size, false)), &[I::ViewOverrides]);
    approvals = |size| after(waited_for(fleet(size, false)), &[I::ViewApprovals]);
    follow = |size| follow::followed(size);
    recover_question = |size| recover::opened(size, Role::Operator, false);
    recover = |size| recover::answered(size);
    recover_lost = |size| lost(recover::answered(size));
    contexts = |size| {
        let mut desk = fleet(size, true);
        desk.command("ctx");
        desk
    };
    help = |size| after(fleet(size, false), &[I::Help]);
    menu = |size| after(fleet(size, true), &[I::ActionMenu]);
    choice = |size| after(fleet(size, false), &[I::Sort]);
    menu_of_flags = |size| after(flags::looked_at(fleet(size, true)), &[I::ActionMenu]);
    raw = |size| after(fleet(size, false), &[I::Raw]);
    clusters = |size| {
        let mut desk = clusters(size);
        desk.command("clusters");
        desk
    };
    leave = |size| after(fleet(size, true), &[I::Arm, I::Quit]);
    dialog = |size| dialog(size, true);
    dialog_counting = |size| committed(size, I::Promote);
    dialog_sending = |size| committed(size, I::Pause);
    dialog_unconfirmed = |size| {
        let mut desk = committed(size, I::Pause);
        let key = desk.app.dialog().unwrap().key.clone();
        desk.answer(Answer::Acted(key, Err(unreachable())));
        desk
    };
    dialog_held = |size| consent::promotion(size, Role::Commander, vec![freeze()]);
    dialog_add_window = |size| opened(fleet(size, false), I::AddWindow);
    dialog_lift_window = |size| opened(after(calendar::calendar(size), &[I::NextPane]), I::LiftWindow);
    dialog_flag_kill = |size| opened(flags::looked_at(fleet(size, true)), I::FlagKill);
    dialog_flag_widen = |size| {
        let mut desk = opened(flags::looked_at(fleet(size, true)), I::FlagWiden);
        if let Some(key) = flags::asked(&desk) {
            desk.answer(Answer::FlagPreviewed(key, Ok(flags::intended("fast-path"))));
        }
        desk
    };
    dialog_override = |size| consent::override_dialog(size);
    dialog_countersign = |size| {
        let desk = after(waited_for(fleet(size, false)), &[I::ViewOverrides]);
        // The one that was taken without waiting.
        let here = |desk: &Desk| desk.screen().lines().any(|line| line.starts_with('>') && line.contains("o-5"));
        opened(down_to(desk, here), I::Countersign)
    };
    dialog_approve = |size| opened(after(waited_for(fleet(size, false)), &[I::ViewApprovals]), I::Approve);
}

/// The screen of that name.
pub fn screen(name: &str, size: (u16, u16)) -> Desk {
    let found = SCREENS.iter().find(|screen| screen.name == name);
    (found.unwrap_or_else(|| panic!("no screen is called {name}")).of)(size)
}

/// Nine rollouts, one of each kind, and what the narrow overview does not ask for.
pub fn fleet(size: (u16, u16), protected: bool) -> Desk {
    let mut desk = Desk::with(&options(protected, false), Role::Commander, true, nine(), size);
    desk.answer(Answer::Windows(Ok(windows())));
    if size.1 >= 40 {
        desk.watched(breach());
        desk.answer(Answer::Timeline(breach().id(), Ok(trail())));
    }
    desk
}

fn waited_for(mut desk: Desk) -> Desk {
    desk.answer(Answer::Overrides(Ok(consent::overrides())));
    desk.answer(Answer::Approvals(Ok(consent::approvals())));
    desk
}

fn after(mut desk: Desk, keys: &[I]) -> Desk {
    desk.keys(keys);
    desk
}

/// With the keys on a pane of the rollout.
fn on(mut desk: Desk, wanted: Pane) -> Desk {
    for _ in 0..8 {
        if desk.app.pane() == Some(wanted) {
            return desk;
        }
        desk.keys(&[I::NextPane]);
    }
    panic!("no {wanted:?}:\n{}", desk.screen());
}

fn lost(mut desk: Desk) -> Desk {
    desk.answer(Answer::View(Err(unreachable())));
    desk.answer(Answer::RetryIn(Duration::from_secs(4)));
    desk
}

/// The rollout that has everything wrong with it, opened.
pub fn detail(size: (u16, u16)) -> Desk {
    let mut desk = fleet(size, false);
    desk.press(I::Open);
    desk.watched(breach());
    desk.answer(Answer::Timeline(breach().id(), Ok(trail())));
    desk
}

fn workload(rollout: &rolldeck::domain::Rollout, size: (u16, u16)) -> Desk {
    let mut desk = Desk::bare(&options(false, false), size);
    desk.carriers = vec![cluster::carrier("prod", 0, &[])];
    desk.answer(Answer::Info(Ok(super::desk::info(Role::Commander, false))));
    desk.all(vec![rollout.clone()]);
    desk.commands.clear();
    desk.polls = true;
    desk.press(I::Open);
    desk.watched(rollout.clone());
    desk.answer(Answer::Timeline(rollout.id(), Ok(trail())));
    desk
}

fn clusters(size: (u16, u16)) -> Desk {
    let remarks = ["cannot list analysisruns in shop: forbidden", "canaries.flagger.app is not installed"];
    let mut desk = Desk::bare(&options(false, false), size);
    desk.carriers =
        vec![cluster::carrier("prod", 0, &remarks), cluster::carrier("lab", 70, &["does not answer: timed out"])];
    desk.beats = false;
    desk.all(cluster::all());
    desk
}

fn audited(size: (u16, u16)) -> Desk {
    let mut desk = audit::opened(fleet(size, false));
    desk.answer(Answer::Witnessed(Ok(audit::seen())));
    desk.answer(Answer::Verified(Ok(verified(None))));
    desk.keys(&[I::Down]);
    desk
}

fn previewed(desk: &mut Desk) {
    let key = desk.app.dialog().unwrap().key.clone();
    desk.answer(Answer::Previewed(key, Ok(preview(&breach()))));
}

fn opened(mut desk: Desk, action: I) -> Desk {
    desk.press(I::ActionMenu).wait(300).press(action).paint().wait(300);
    desk
}

fn dialog(size: (u16, u16), protected: bool) -> Desk {
    let mut desk = opened(fleet(size, protected), I::Rollback);
    previewed(&mut desk);
    desk.write("canary error rate is 3.4 times the base");
    desk.keys(&[I::NextPane, I::NextPane]);
    desk
}

/// With the selection moved down until it is where it is wanted.
fn down_to(mut desk: Desk, here: impl Fn(&Desk) -> bool) -> Desk {
    for _ in 0..20 {
        if here(&desk) {
            return desk;
        }
        desk.keys(&[I::Down]);
    }
    panic!("it is not in the list:\n{}", desk.screen());
}

/// A dialog whose button was pressed, with no answer yet.
fn committed(size: (u16, u16), action: I) -> Desk {
    // Something that can be promoted, and paused.
    let here = |desk: &Desk| desk.app.subject().is_some_and(|id| id.to_string() == "osl/ui-shell");
    let mut desk = opened(down_to(fleet(size, false), here), action);
    previewed(&mut desk);
    desk.write("the numbers are as good as they get");
    for _ in 0..8 {
        if desk.app.dialog().is_some_and(|dialog| dialog.focus == rolldeck::tui::app::dialog::Focus::Commit) {
            break;
        }
        desk.keys(&[I::NextPane]);
    }
    desk.wait(400).press(I::Open);
    desk
}

/// A word for every variant of an enum, and the list of them all. The match is whole, so that a new variant
/// does not compile without one.
macro_rules! kinds {
    ($of:ident, $all:ident, $type:ty { $($pattern:pat => $word:literal,)* }) => {
        fn $of(of: &$type) -> &'static str {
            match of { $($pattern => $word,)* }
        }
        const $all: &[&str] = &[$($word,)*];
    };
}

kinds!(view, VIEWS, View {
    View::Overview => "overview",
    View::Detail => "detail",
    View::Sites => "sites",
    View::Audit => "audit",
    View::Windows => "windows",
    View::Flags => "flags",
    View::Overrides => "overrides",
    View::Approvals => "approvals",
    View::Follow => "follow",
    View::Recover => "recover",
    View::Contexts => "contexts",
});

kinds!(overlay, OVERLAYS, Overlay {
    Overlay::None => "none",
    Overlay::Dialog(_) => "dialog",
    Overlay::Menu { .. } => "menu",
    Overlay::Choice(_) => "choice",
    Overlay::Help { .. } => "help",
    Overlay::Raw { .. } => "raw",
    Overlay::Clusters { .. } => "clusters",
    Overlay::Leave { .. } => "leave",
});

kinds!(pane, PANES, Pane {
    Pane::Gates => "gates",
    Pane::Slis => "slis",
    Pane::Units => "units",
    Pane::Timeline => "timeline",
    Pane::Analysis => "analysis",
    Pane::Objects => "objects",
    Pane::Revisions => "revisions",
});

kinds!(subject, SUBJECTS, Subject {
    Subject::Action { .. } => "action",
    Subject::AddWindow => "add window",
    Subject::LiftWindow(_) => "lift window",
    Subject::Flag(_) => "flag",
    Subject::Override(_) => "override",
    Subject::ChangeOverride { .. } => "change of an override",
    Subject::Decide { .. } => "decision",
});

kinds!(stage, STAGES, Stage {
    Stage::Editing => "editing",
    Stage::Counting { .. } => "counting",
    Stage::Sending { .. } => "sending",
    Stage::Unconfirmed { .. } => "unconfirmed",
});

kinds!(line, LINES, Kind {
    Kind::Command => "command",
    Kind::Filter => "filter",
});

fn seen(of: impl Fn(&App) -> Option<&'static str>) -> BTreeSet<&'static str> {
    SCREENS.iter().filter_map(|screen| of(&(screen.of)((120, 40)).app)).collect()
}

#[test]
fn no_view_no_overlay_and_no_dialog_is_missing_from_the_table() {
    let all = |list: &[&'static str]| list.iter().copied().collect::<BTreeSet<_>>();
    assert_eq!(seen(|app| Some(view(&app.view()))), all(VIEWS));
    assert_eq!(seen(|app| Some(overlay(app.overlay()))), all(OVERLAYS));
    assert_eq!(seen(|app| app.pane().map(|of| pane(&of))), all(PANES));
    assert_eq!(seen(|app| app.dialog().map(|dialog| subject(&dialog.subject))), all(SUBJECTS));
    assert_eq!(seen(|app| app.dialog().map(|dialog| stage(&dialog.stage))), all(STAGES));
    assert_eq!(seen(|app| app.line().map(|now| line(&now.kind))), all(LINES));
}

#[test]
fn every_screen_is_another_one() {
    for size in SIZES {
        let mut before: Vec<(&str, String)> = Vec::new();
        for screen in SCREENS {
            let text = (screen.of)(size).screen();
            if let Some((name, _)) = before.iter().find(|(_, other)| *other == text) {
                panic!("{} is {name} at {size:?}:\n{text}", screen.name);
            }
            before.push((screen.name, text));
        }
    }
}

#[test]
fn the_first_row_of_every_screen_says_where_one_is() {
    for size in SIZES {
        for screen in SCREENS {
            let desk = (screen.of)(size);
            let word = view(&desk.app.view()).to_uppercase();
            let word = match word.as_str() {
                "OVERVIEW" => "ROLLOUTS",
                "DETAIL" => "ROLLOUT",
                "FOLLOW" => "SITE",
                other => other,
            };
            let row = desk.row(0);
            assert!(row.trim_start().starts_with(word), "{} at {size:?}: {row:?} has no {word}", screen.name);
        }
    }
}

#[test]
fn nothing_was_sent_on_the_way_to_any_screen_but_those_that_are_about_it() {
    for screen in SCREENS {
        let desk = (screen.of)((120, 40));
        let sent = desk.commands.iter().any(|command| matches!(command, Command::Act { .. }));
        assert_eq!(sent, matches!(screen.name, "dialog_sending" | "dialog_unconfirmed"), "{}", screen.name);
    }
}
