//! Finding one's way: filters, orders, the command line's completions, the help.

use proptest::prelude::*;
use rolldeck::{
    backend::{Cursor, RolloutsPage},
    domain::{Phase, Role, Rollout, RolloutId},
    tui::{
        app::rollouts::Rollouts,
        intent::Intent as I,
        message::{Answer, Command},
    },
};

use super::{
    consent,
    desk::{Desk, options, start},
    flags,
    fleet::{nine, rollout, sites, windows},
};

fn desk(size: (u16, u16)) -> Desk {
    Desk::with(&options(false, false), Role::Commander, false, nine(), size)
}

/// The addresses on the screen, from the top.
fn shown(desk: &Desk) -> Vec<String> {
    let words = |line: &str| {
        // What is typed, and how many were found, have the sign too.
        line.split_whitespace()
            .find(|word| word.contains('/') && word.starts_with(char::is_alphabetic))
            .map(str::to_owned)
    };
    desk.screen().lines().skip(4).take_while(|line| !line.starts_with("──")).filter_map(words).collect()
}

/// The line that has the cursor.
fn selected(desk: &Desk) -> String {
    desk.screen().lines().find(|line| line.starts_with('>')).unwrap_or_default().to_owned()
}

fn many(count: usize) -> Vec<Rollout> {
    let of = |n: usize| rollout(&format!("dc-{}/change-{n:05}", n % 40), Phase::Progressing, (n % 300) as i64);
    (0..count).map(of).collect()
}

fn list(rollouts: Vec<Rollout>) -> Rollouts {
    let mut list = Rollouts::default();
    let page = RolloutsPage::All { rollouts, cursor: Cursor("c".into()), as_of: start(), carriers: vec![] };
    list.take(page, true, false);
    list.move_to(0, 20);
    list
}

#[test]
fn letters_may_lie_apart_and_what_was_found_is_underlined() {
    let mut desk = desk((100, 30));
    desk.press(I::Filter);
    desk.write("mdiagw");
    assert_eq!(shown(&desk), ["osl/media-gw"]);
    assert_eq!(desk.underlined(), ["m", "dia", "gw"], "{}", desk.screen());
    desk.press(I::Back).press(I::Filter);
    desk.write("state:paused");
    assert_eq!((shown(&desk), desk.underlined()), (vec!["osl/media-gw".to_owned()], vec!["PAUSED".to_owned()]));
    desk.press(I::Back).press(I::Filter);
    desk.write("site:osl !paused");
    assert_eq!(shown(&desk), ["osl/ui-shell"]);
    desk.press(I::Back).press(I::Filter);
    desk.write("'mdiagw");
    assert_eq!(shown(&desk), [""; 0]);
}

#[test]
fn wide_text_is_underlined_where_it_is() {
    let mut wide = rollout("osl/media-gw", Phase::Paused, 3);
    wide.owner = "日本語チーム".into();
    let mut desk = Desk::with(&options(false, false), Role::Operator, false, vec![wide], (200, 30));
    desk.press(I::Filter);
    desk.write("語ム");
    assert_eq!(desk.underlined(), ["語", "ム"], "{}", desk.screen());
}

#[test]
fn the_cursor_stays_with_its_rollout_while_it_is_shown_and_comes_back_to_it() {
    let mut desk = desk((100, 30));
    desk.keys(&[I::Down, I::Down, I::Down, I::Down]);
    assert!(selected(&desk).contains("osl/media-gw"));
    desk.press(I::Filter);
    desk.write("osl");
    assert!(selected(&desk).contains("osl/media-gw"), "{}", desk.screen());
    desk.write("/ui");
    assert!(selected(&desk).contains("osl/ui-shell"), "{}", desk.screen());
    desk.press(I::Back);
    assert!(selected(&desk).contains("osl/media-gw"), "{}", desk.screen());
    desk.press(I::Filter);
    desk.write("ui-sh").press(I::Open).press(I::Back);
    assert!(selected(&desk).contains("osl/ui-shell"), "kept: what it found stays selected");
    assert_eq!(shown(&desk).len(), 9);
}

#[test]
fn what_is_not_shown_is_not_acted_on() {
    let mut desk = desk((100, 30));
    desk.press(I::Filter);
    desk.write("nothing-has-this").press(I::Open);
    desk.press(I::ActionMenu);
    assert!(desk.screen().contains("actions for no rollout"), "{}", desk.screen());
}

#[test]
fn how_many_rows_are_shown_is_said_while_it_is_typed_and_as_long_as_it_holds() {
    let mut desk = Desk::with(&options(false, false), Role::Operator, false, many(1000), (100, 30));
    desk.press(I::Filter);
    desk.write("'change-0001");
    assert!(desk.screen().contains("10/1 000"), "{}", desk.screen());
    desk.press(I::Open);
    assert!(desk.screen().contains("filter 'change-0001 10/1 000"), "{}", desk.screen());
    desk.press(I::Back);
    assert!(!desk.screen().contains("1 000"), "{}", desk.screen());
}

#[test]
fn a_letter_more_looks_only_at_the_rows_that_are_left() {
    let mut list = list(many(10_000));
    let mut looks = Vec::new();
    for text in ["d", "dc-7", "dc-7/", "dc-7/change-0000", "dc-7/change-00007", "dc-7/change-00007 run"] {
        let (before, left) = (list.looked(), list.shown_len() as u64);
        list.set_filter(text);
        assert!(list.looked() - before <= left, "{text}: {} of {left}", list.looked() - before);
        looks.push(list.looked() - before);
    }
    assert_eq!(list.shown_len(), 1);
    assert!(looks.iter().skip(2).sum::<u64>() < 5_000, "{looks:?}");
    // What comes in is looked at alone.
    let before = list.looked();
    let page = RolloutsPage::Changed {
        changed: vec![rollout("dc-7/change-00007", Phase::Paused, 1)],
        removed: vec![],
        cursor: Cursor("d".into()),
        as_of: start(),
        carriers: vec![],
    };
    list.take(page, false, false);
    assert_eq!((list.looked() - before, list.shown_len()), (1, 0), "it is not running any more");
}

#[test]
fn every_list_can_be_filtered_and_sorted() {
    let mut desk = desk((120, 40));
    desk.answer(Answer::Windows(Ok(windows())));
    desk.answer(Answer::Overrides(Ok(consent::overrides())));
    desk.answer(Answer::Approvals(Ok(consent::approvals())));
    for (view, answer) in [
        (I::ViewSites, Some(Answer::Sites(Ok(sites())))),
        (I::ViewFlags, Some(Answer::Flags(Ok(flags::page())))),
        (I::ViewOverrides, None),
        (I::ViewApprovals, None),
        (I::ViewWindows, None),
    ] {
        desk.press(view);
        if view == I::ViewWindows {
            desk.press(I::NextPane);
        }
        if let Some(answer) = answer {
            desk.answer(answer);
        }
        desk.press(I::Filter);
        assert!(!desk.screen().contains("nothing to filter"), "{view:?}");
        desk.write("'zzz");
        assert!(desk.screen().contains(" 0/"), "{view:?}: {}", desk.screen());
        desk.press(I::Back);
        assert!(!selected(&desk).is_empty() || view == I::ViewFlags, "{view:?}: {}", desk.screen());
        desk.press(I::Sort);
        assert!(desk.screen().contains("sort by"), "{view:?}: {}", desk.screen());
        desk.press(I::Down).press(I::Open);
        assert!(desk.screen().contains("sort name"), "{view:?}: {}", desk.screen());
        desk.press(I::ReverseSort);
        assert!(desk.screen().contains("sort name reversed"), "{view:?}: {}", desk.screen());
    }
}

#[test]
fn a_list_is_sorted_by_what_was_chosen_for_the_session_and_ties_go_by_name() {
    let mut desk = desk((100, 30));
    desk.press(I::Sort);
    assert!(desk.screen().contains("attention") && desk.screen().contains("(now)"), "{}", desk.screen());
    desk.keys(&[I::Down, I::Open]);
    let mut names = shown(&desk);
    let by_name = names.clone();
    names.sort();
    assert_eq!(by_name, names);
    desk.press(I::ReverseSort);
    names.reverse();
    assert_eq!(shown(&desk), names);
    assert!(desk.screen().contains("sort name reversed"), "{}", desk.screen());
    desk.press(I::ViewSites).press(I::ViewOverview);
    assert!(desk.screen().contains("sort name reversed"), "kept by view: {}", desk.screen());
    desk.command("sort owner");
    desk.wait(20_000);
    assert!(desk.screen().contains("sort owner") && !desk.screen().contains("reversed"), "{}", desk.screen());
    desk.command("sort sideways");
    assert!(desk.screen().contains("sort by what? attention, name, state"), "{}", desk.screen());
}

#[test]
fn a_list_out_of_order_is_put_into_order_by_the_key_that_sorts() {
    let mut calm: Vec<Rollout> =
        ["a/one", "a/two", "a/three"].iter().map(|at| rollout(at, Phase::Progressing, 5)).collect();
    for (index, rollout) in calm.iter_mut().enumerate() {
        rollout.exposure.percent = 50.0 - 10.0 * index as f64;
    }
    let mut desk = Desk::with(&options(false, false), Role::Operator, false, calm.clone(), (80, 24));
    desk.press(I::Down);
    calm[2].exposure.percent = 90.0;
    desk.changed(vec![calm[2].clone()], vec![]);
    assert!(desk.screen().contains("order changed, s sorts"), "{}", desk.screen());
    desk.press(I::Sort);
    assert_eq!(shown(&desk), ["a/three", "a/one", "a/two"]);
    assert!(!desk.screen().contains("sort by"), "{}", desk.screen());
    desk.press(I::Sort);
    assert!(desk.screen().contains("sort by"), "{}", desk.screen());
}

#[test]
fn completions_stand_above_the_line_with_help_keys_and_reasons() {
    let mut desk = desk((100, 30));
    desk.press(I::CommandLine);
    let screen = desk.screen();
    assert!(screen.contains("rollouts") && screen.contains("all rollouts"), "{screen}");
    desk.write("hold");
    let screen = desk.screen();
    assert!(screen.contains("hold the display") && screen.contains(" z "), "{screen}");
    desk.press(I::Back).press(I::CommandLine);
    desk.write("disarm");
    assert!(desk.screen().contains("no: it is not armed"), "{}", desk.screen());
    desk.press(I::Back).press(I::CommandLine);
    desk.write("pivot");
    assert!(desk.screen().contains("no: works where flags are"), "{}", desk.screen());
}

#[test]
fn an_action_is_offered_for_every_rollout_with_the_reason_where_it_cannot_be() {
    let mut desk = desk((120, 40));
    desk.press(I::CommandLine);
    desk.write("pause ");
    let screen = desk.screen();
    assert!(screen.contains("pause") && screen.contains("ber/planner") && screen.contains("no: "), "{screen}");
    desk.write("brpl").press(I::NextPane);
    assert!(desk.screen().contains(":pause ber/planner"), "{}", desk.screen());
    desk.press(I::Open);
    assert!(desk.app.dialog().is_some() && desk.acts().is_empty());
}

#[test]
fn up_goes_through_what_was_typed_before_on_an_empty_line_and_through_completions_else() {
    let mut desk = desk((100, 30));
    desk.command("sort name").command("sort age");
    desk.press(I::CommandLine).press(I::HistoryOlder);
    assert!(desk.screen().contains(":sort age"), "{}", desk.screen());
    desk.press(I::HistoryOlder);
    assert!(desk.screen().contains(":sort name"), "{}", desk.screen());
    desk.press(I::HistoryNewer);
    assert!(desk.screen().contains(":sort age"), "{}", desk.screen());
    desk.press(I::HistoryNewer);
    desk.write("wind").press(I::HistoryNewer);
    assert!(desk.screen().contains(":windows"), "{}", desk.screen());
    desk.press(I::Open);
    assert!(desk.row(0).contains("WINDOWS"), "{}", desk.screen());
}

#[test]
fn the_beginning_of_one_command_is_enough_and_that_of_two_is_not() {
    let mut desk = desk((100, 30));
    desk.command("appr");
    assert!(desk.row(0).contains("APPROVALS"), "{}", desk.screen());
    desk.command("pro");
    assert!(desk.app.dialog().is_none());
    assert!(desk.screen().contains("'pro' is no command"), "{}", desk.screen());
    desk.command("view-sites");
    assert!(desk.row(0).contains("SITES"), "{}", desk.screen());
    desk.command("zoom in");
    assert!(desk.screen().contains("nothing follows 'zoom'"), "{}", desk.screen());
}

#[test]
fn of_ten_thousand_rollouts_the_best_are_completed() {
    let mut desk = Desk::with(&options(false, false), Role::Operator, false, many(10_000), (100, 30));
    desk.press(I::CommandLine);
    desk.write("open ");
    assert!(desk.screen().contains("10 000"), "{}", desk.screen());
    desk.write("c09999").press(I::NextPane);
    assert!(desk.screen().contains(":open dc-39/change-09999"), "{}", desk.screen());
}

#[test]
fn wide_columns_show_what_the_usual_ones_leave_out() {
    let mut desk = desk((80, 24));
    assert!(!desk.screen().contains("OWNER"), "{}", desk.screen());
    desk.press(I::Wide);
    assert!(desk.screen().contains("OWNER"), "{}", desk.screen());
    desk.press(I::Wide);
    assert!(!desk.screen().contains("OWNER"), "{}", desk.screen());
    desk.press(I::ViewAudit).press(I::Wide);
    assert!(desk.screen().contains("there are no more columns here"), "{}", desk.screen());
    let mut desk = Desk::with(&options(false, false), Role::Operator, false, nine(), (200, 60));
    desk.press(I::Wide);
    let screen = desk.screen();
    assert!(["OWNER", "FROM", "STAGE ", "BY"].iter().all(|title| screen.contains(title)), "{screen}");
}

#[test]
fn views_are_gone_back_to_and_forward_again() {
    let mut desk = desk((100, 30));
    desk.press(I::ViewSites).press(I::ViewAudit).press(I::LastView).press(I::LastView);
    assert!(desk.row(0).contains("ROLLOUTS"), "{}", desk.row(0));
    desk.press(I::ViewForward);
    assert!(desk.row(0).contains("SITES"), "{}", desk.row(0));
    desk.press(I::ViewForward).press(I::ViewForward);
    assert!(desk.row(0).contains("AUDIT"), "{}", desk.row(0));
    desk.press(I::Back).press(I::ViewFlags).press(I::ViewForward);
    assert!(desk.row(0).contains("FLAGS"), "another way was taken: {}", desk.row(0));
}

#[test]
fn a_held_display_says_how_far_behind_it_is_and_by_how_much() {
    let calm = || ["a/one", "a/two"].iter().map(|at| rollout(at, Phase::Progressing, 5)).collect::<Vec<_>>();
    let mut desk = Desk::with(&options(false, false), Role::Operator, false, calm(), (100, 30));
    desk.press(I::HoldDisplay);
    desk.wait(12_000);
    desk.changed(vec![rollout("a/one", Phase::Paused, 0), rollout("a/new", Phase::Paused, 0)], vec![]);
    desk.all(calm());
    assert!(desk.row(1).contains("HOLD 10s behind, 2 changes"), "{}", desk.row(1));
    desk.press(I::HoldDisplay);
    assert!(!desk.row(1).contains("HOLD"), "{}", desk.row(1));
}

#[test]
fn the_help_says_why_a_key_does_nothing_and_begins_the_command_that_is_chosen() {
    let mut desk = desk((120, 40));
    desk.press(I::Help);
    desk.write("give the pane");
    assert!(desk.screen().contains("works on a rollout"), "{}", desk.screen());
    desk.press(I::Open);
    assert!(desk.screen().contains("works on a rollout"), "{}", desk.screen());
    desk.press(I::Help);
    desk.write("command :open").press(I::Open);
    assert!(desk.screen().contains(":open"), "{}", desk.screen());
    desk.press(I::Back).press(I::Help);
    desk.write("filter name:word");
    assert!(desk.screen().contains("state: rollout: version:"), "{}", desk.screen());
}

#[test]
fn whoever_types_the_name_of_a_thing_finds_what_sets_it() {
    for (typed, found) in [
        ("theme", "set theme NAME"),
        ("colours", "set theme NAME"),
        ("keymap", "set keymap NAME"),
        ("vim", "set keymap NAME"),
        ("zone", "set zone utc|mine|site|NAME"),
        ("timez", "set zone utc|mine|site|NAME"),
        ("mouse", "set mouse on|off"),
        ("bell", "set notify off|bell|osc9"),
        ("calendar", "windows"),
        ("quit", "q "),
    ] {
        let mut desk = desk((120, 30));
        desk.press(I::CommandLine);
        desk.write(typed);
        assert!(desk.screen().lines().any(|line| line.trim_start().starts_with(found)), "{typed}: {}", desk.screen());
    }
    let mut desk = desk((120, 30));
    desk.press(I::CommandLine);
    desk.write("theme").press(I::NextPane);
    desk.write("li");
    assert!(desk.screen().contains(":set theme li"), "{}", desk.screen());
    desk.press(I::NextPane).press(I::Open);
    let asked = desk.commands.iter().any(|command| matches!(command, Command::Theme(name) if name == "light"));
    assert!(asked, "{}", desk.screen());
    desk.command("theme");
    assert!(desk.screen().contains("'theme' is no command: set theme NAME does it"), "{}", desk.screen());
    desk.command("set zone");
    assert!(desk.screen().contains("set zone to what? utc, mine, site or NAME"), "{}", desk.screen());
}

/// Words that make a line of the command line.
fn words() -> impl Strategy<Value = String> {
    let names: Vec<String> = I::ALL.iter().map(|intent| intent.id().to_owned()).collect();
    prop_oneof![
        3 => prop::sample::select(names),
        2 => prop::sample::select(vec![
            "pause", "rollback", "promote", "promote_full", "resume", "retry", "restart", "terminate", "freeze",
            "lift", "flag kill", "flag widen", "arm", "disarm", "open", "follow", "ctx", "set theme", "sort", "verify",
        ])
        .prop_map(str::to_owned),
        1 => "[a-z]{1,4}",
    ]
}

fn argument() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just(String::new()),
        2 => prop::sample::select(vec![" ber/planner", " osl/media-gw", " w-1", " map-tiles-v2 100", " 10m", " lab", " name"])
            .prop_map(str::to_owned),
        1 => "[ -~]{0,8}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn whatever_the_palette_runs_changes_nothing_without_a_dialog(
        lines in prop::collection::vec((words(), argument(), 0_usize..4), 1..12),
    ) {
        let mut desk = Desk::with(&options(false, false), Role::Commander, true, nine(), (100, 30));
        desk.answer(Answer::Windows(Ok(windows())));
        desk.answer(Answer::Approvals(Ok(consent::approvals())));
        for (word, argument, tabs) in lines {
            desk.press(I::CommandLine);
            desk.write(&word).write(&argument);
            for _ in 0..tabs {
                desk.press(I::NextPane);
            }
            desk.screen();
            desk.press(I::Open);
            prop_assert!(desk.acts().is_empty(), "{word}{argument}");
            desk.screen();
            desk.taken();
            // Out of whatever it opened: what is typed next is a line again.
            desk.paint().wait(400);
            for _ in 0..3 {
                desk.press(I::Back);
            }
            prop_assert!(desk.app.dialog().is_none() && desk.acts().is_empty());
        }
    }

    #[test]
    fn a_filter_shows_what_fits_and_keeps_what_is_selected(
        steps in prop::collection::vec((0_usize..5, "[a-z0-9/!']{0,3}", 0_usize..60), 1..30),
    ) {
        let mut list = list(many(60));
        let mut text = String::new();
        for (step, typed, at) in steps {
            let before: Option<RolloutId> = list.selected().map(|row| row.id().clone());
            match step {
                0 => {
                    list.move_to(at, 20);
                    continue;
                }
                1 => {
                    text.pop();
                    list.set_filter(&text);
                }
                2 => {
                    let phase = if at % 2 == 0 { Phase::Paused } else { Phase::Progressing };
                    let changed = rollout(&format!("dc-{}/change-{at:05}", at % 40), phase, 1);
                    let page = RolloutsPage::Changed {
                        changed: vec![changed], removed: vec![], cursor: Cursor("d".into()), as_of: start(),
                        carriers: vec![],
                    };
                    list.take(page, true, false);
                }
                _ => {
                    text.push_str(&typed);
                    list.set_filter(&text);
                }
            }
            // One that is new: the same, looked for from nothing.
            let rollouts = list.iter().map(|row| (*row.rollout).clone()).collect();
            let mut fresh = self::list(rollouts);
            fresh.set_filter(&text);
            let ids = |list: &Rollouts| -> Vec<RolloutId> {
                (0..list.shown_len()).filter_map(|at| list.at(at)).map(|row| row.id().clone()).collect()
            };
            prop_assert_eq!(ids(&list), ids(&fresh), "{}", &text);
            if let Some(before) = before.filter(|before| ids(&list).contains(before)) {
                prop_assert_eq!(list.selected().map(|row| row.id()), Some(&before), "{}", &text);
            }
            let at = list.at(list.cursor()).map(|row| row.id().clone());
            prop_assert_eq!(list.selected().map(|row| row.id().clone()), at, "the cursor is on what is selected");
        }
    }
}

#[test]
fn every_name_of_an_intent_can_be_typed() {
    for intent in I::ALL {
        let mut desk = desk((100, 30));
        desk.command(intent.id());
        assert!(!desk.screen().contains("is no command"), "{}: {}", intent.id(), desk.screen());
        let quits = desk.commands.iter().any(|command| matches!(command, Command::Quit));
        assert_eq!(quits, matches!(intent, I::Quit | I::QuitNow), "{}", intent.id());
    }
}
