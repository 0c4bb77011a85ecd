//! The list: order, selection, filter, and that ten thousand rows cost what twelve do.

use rolldeck::{
    domain::{Phase, Role, Rollout},
    tui::{intent::Intent as I, view},
};

use super::{
    desk::{Desk, options},
    fleet::{breach, id, nine, rollout},
};

fn desk(rollouts: Vec<Rollout>) -> Desk {
    Desk::with(&options(false, false), Role::Operator, false, rollouts, (80, 24))
}

/// The addresses on the screen, from the top.
fn shown(desk: &Desk) -> Vec<String> {
    desk.screen()
        .lines()
        .skip(4)
        .take_while(|line| !line.starts_with("──"))
        .filter_map(|line| line.split_whitespace().find(|word| word.contains('/')).map(str::to_owned))
        .collect()
}

#[test]
fn the_narrowest_screen_says_of_each_rollout_for_how_long_it_is_so() {
    let mut rollouts = nine();
    rollouts.push(rollout("stores-nordic/self-checkout", Phase::Progressing, 20));
    let desk = Desk::with(&options(false, false), Role::Operator, false, rollouts, (60, 16));
    let screen = desk.screen();
    let head = screen.lines().find(|line| line.contains("STATE")).unwrap().trim_end();
    assert!(head.contains("WORST SIGNAL ") && head.ends_with(" FOR"), "{screen}");
    let cut = screen.lines().find(|line| line.contains("stores-nordic/")).unwrap().trim_end();
    let age = cut.split_whitespace().last().unwrap();
    assert!(age.ends_with(['s', 'm', 'h', 'd']) && age.len() <= 4, "{cut:?} in {screen}");
}

#[test]
fn the_worst_is_first_and_what_is_quiet_is_last() {
    let order = shown(&desk(nine()));
    assert_eq!(
        order,
        [
            "dc-west/pick-assist",
            "ams/edge-fw",
            "osl/ui-shell",
            "dc-north/router",
            "osl/media-gw",
            "ber/planner",
            "lab/nav-map",
            "ber/tz-data",
            "ams/auth-svc"
        ]
    );
}

#[test]
fn the_selection_stays_with_its_rollout_when_rows_move() {
    let mut desk = desk(nine());
    desk.keys(&[I::Down, I::Down]);
    let mut worse = rollout("ber/planner", Phase::RollbackFailed, 0);
    worse.message = "stuck".into();
    desk.changed(vec![worse], vec![]);
    assert_eq!(shown(&desk)[0], "ber/planner");
    let line = desk.screen().lines().find(|line| line.starts_with('>')).unwrap().to_owned();
    assert!(line.contains("osl/ui-shell"), "{line}");
}

#[test]
fn rows_do_not_move_under_moving_hands_unless_a_class_changed() {
    let mut calm: Vec<Rollout> =
        ["a/one", "a/two", "a/three"].iter().map(|at| rollout(at, Phase::Progressing, 5)).collect();
    for (index, rollout) in calm.iter_mut().enumerate() {
        rollout.exposure.percent = 50.0 - 10.0 * index as f64;
    }
    let mut desk = desk(calm.clone());
    assert_eq!(shown(&desk), ["a/one", "a/two", "a/three"]);
    desk.press(I::Down);
    calm[2].exposure.percent = 90.0;
    desk.changed(vec![calm[2].clone()], vec![]);
    assert_eq!(shown(&desk), ["a/one", "a/two", "a/three"]);
    assert!(desk.screen().contains("order changed, s sorts"), "{}", desk.screen());
    // Three seconds without a key, and the order settles.
    desk.wait(3100);
    assert_eq!(shown(&desk), ["a/three", "a/one", "a/two"]);
    assert!(!desk.screen().contains("order changed"));
}

#[test]
fn a_rollout_that_vanishes_under_the_cursor_stays_as_a_ghost_until_the_cursor_leaves() {
    let mut desk = desk(nine());
    desk.press(I::Down);
    desk.changed(vec![], vec![id("ams/edge-fw")]);
    let line = desk.screen().lines().find(|line| line.starts_with('>')).unwrap().to_owned();
    assert!(line.contains("GONE") && line.contains("ams/edge-fw"), "{line}");
    assert!(desk.screen().contains(" 8 rollouts"), "{}", desk.screen());
    desk.press(I::ActionMenu);
    assert!(desk.screen().contains("this rollout is gone"), "{}", desk.screen());
    desk.press(I::Back).press(I::Down);
    assert!(!desk.screen().contains("ams/edge-fw"), "{}", desk.screen());
}

#[test]
fn a_rollout_that_goes_wrong_is_announced_without_stealing_the_cursor_and_one_key_goes_there() {
    let mut desk = desk(nine());
    desk.press(I::Bottom);
    let mut sick = breach();
    sick.name = "tz-data".parse().unwrap();
    sick.target = "ber".parse().unwrap();
    desk.changed(vec![sick], vec![]);
    let screen = desk.screen();
    assert!(screen.contains("new: ber/tz-data BREACH at 12:04Z"), "{screen}");
    assert!(screen.lines().any(|l| l.starts_with('>') && l.contains("ams/auth-svc")), "{screen}");
    desk.press(I::Newest);
    let screen = desk.screen();
    assert!(screen.lines().any(|l| l.starts_with('>') && l.contains("ber/tz-data")), "{screen}");
    assert!(!screen.contains("new: "), "{screen}");
}

#[test]
fn the_filter_narrows_while_it_is_typed_and_esc_brings_the_old_one_back() {
    let mut desk = desk(nine());
    desk.press(I::Filter);
    desk.write("osl");
    assert_eq!(shown(&desk), ["osl/ui-shell", "osl/media-gw"]);
    desk.write(" paused");
    assert_eq!(shown(&desk), ["osl/media-gw"]);
    desk.press(I::Back);
    assert_eq!(shown(&desk).len(), 9);
    desk.press(I::Filter);
    desk.write("nothing-has-this");
    assert!(desk.screen().contains("no rollout has 'nothing-has-this' in it"), "{}", desk.screen());
    desk.press(I::Open).press(I::Back);
    assert_eq!(shown(&desk).len(), 9);
}

#[test]
fn of_ten_thousand_rollouts_only_the_visible_ones_are_formatted() {
    let many: Vec<Rollout> =
        (0..10_000).map(|n| rollout(&format!("dc-{}/change-{n:05}", n % 40), Phase::Progressing, n % 300)).collect();
    let mut desk = desk(many);
    desk.keys(&[I::PageDown, I::Bottom, I::Up]);
    let before = view::formatted();
    let screen = desk.screen();
    let formatted = view::formatted() - before;
    // Other tests draw at the same time; they draw a few dozen rows each, not thousands.
    assert!(formatted < 2_000, "{formatted} rows were formatted");
    assert!(screen.contains("10000 rollouts"), "{screen}");
    desk.press(I::Filter);
    desk.write("change-09999");
    assert_eq!(shown(&desk), ["dc-39/change-09999"]);
}

#[test]
fn keys_go_to_the_first_the_middle_and_the_last_row_of_the_screen_and_scroll_below_a_row() {
    let many = (0..60).map(|n| rollout(&format!("dc-west/change-{n:02}"), Phase::Progressing, 20)).collect();
    let mut desk = desk(many);
    let selected = |desk: &Desk| -> String {
        let screen = desk.screen();
        let row = screen.lines().find(|line| line.starts_with('>')).unwrap_or_else(|| panic!("none\n{screen}"));
        row.split_whitespace().find(|word| word.contains('/')).unwrap().to_owned()
    };
    desk.keys(&[I::PageDown, I::PageDown]);
    let rows = shown(&desk);
    let last = rows.len() - 1;
    for (key, at) in [(I::ScreenTop, 0), (I::ScreenBottom, last), (I::ScreenMiddle, last / 2)] {
        desk.press(key);
        assert_eq!(selected(&desk), rows[at], "{key:?}");
        assert_eq!(shown(&desk), rows, "{key:?} scrolls nothing");
    }
    let row = selected(&desk);
    for (key, at) in [(I::RowToTop, 0), (I::RowToBottom, last), (I::RowToMiddle, rows.len() / 2)] {
        desk.press(key);
        assert_eq!((selected(&desk), &shown(&desk)[at]), (row.clone(), &row), "{key:?}");
    }
    desk.keys(&[I::Bottom, I::RowToTop]);
    assert_eq!(shown(&desk).last(), Some(&selected(&desk)), "the list stays full");
    desk.keys(&[I::ViewSites, I::RowToTop]);
    assert!(desk.screen().contains("only the list of rollouts scrolls below its row"), "{}", desk.screen());
}
