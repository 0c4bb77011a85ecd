//! The mouse, where it is on: it chooses what keys choose, and never commits.

use rolldeck::{
    domain::{Phase, Role},
    tui::{
        intent::Intent as I,
        message::{Answer, Command, Input, Message, Pointer, PointerKind, TerminalRequest},
    },
};

use super::{
    desk::{Desk, options},
    fleet::{nine, preview, rollout, sites},
};

fn desk(size: (u16, u16)) -> Desk {
    let mut desk = Desk::with(&options(false, false), Role::Commander, false, nine(), size);
    desk.command("set mouse on");
    desk.screen();
    desk
}

/// Where a text is on the screen.
fn find(desk: &Desk, text: &str) -> (u16, u16) {
    let screen = desk.screen();
    let (y, line) = screen.lines().enumerate().find(|(_, line)| line.contains(text)).expect(text);
    let before = &line[..line.find(text).unwrap()];
    (unicode_width::UnicodeWidthStr::width(before) as u16, y as u16)
}

fn pointer(desk: &mut Desk, kind: PointerKind, (x, y): (u16, u16)) {
    desk.screen();
    desk.send(Message::Input(Input::Pointer(Pointer { kind, x, y })));
}

fn click(desk: &mut Desk, text: &str) {
    let at = find(desk, text);
    pointer(desk, PointerKind::Press, at);
}

fn selected(desk: &Desk) -> String {
    desk.screen().lines().find(|line| line.starts_with('>')).unwrap_or_default().to_owned()
}

#[test]
fn the_mouse_is_the_terminals_until_it_is_asked_for_and_is_given_back() {
    let mut desk = Desk::with(&options(false, false), Role::Commander, false, nine(), (100, 30));
    let before = selected(&desk);
    click(&mut desk, "osl/media-gw");
    assert_eq!(selected(&desk), before);
    desk.command("set mouse on").command("set mouse off");
    let asked: Vec<bool> = desk
        .taken()
        .into_iter()
        .filter_map(|command| match command {
            Command::Terminal(TerminalRequest::Mouse(on)) => Some(on),
            _ => None,
        })
        .collect();
    assert_eq!(asked, [true, false]);
}

#[test]
fn a_click_selects_and_two_open() {
    let mut desk = desk((100, 30));
    click(&mut desk, "osl/media-gw");
    assert!(selected(&desk).contains("osl/media-gw"), "{}", desk.screen());
    desk.wait(100);
    click(&mut desk, "osl/media-gw");
    assert!(desk.row(0).contains("ROLLOUT ") && desk.screen().contains("osl/media-gw  4.12.0"), "{}", desk.screen());
    // Two clicks that are far apart are two clicks.
    desk.press(I::Back);
    click(&mut desk, "ber/planner");
    desk.wait(1000);
    click(&mut desk, "ber/planner");
    assert!(desk.row(0).contains("ROLLOUTS"), "{}", desk.screen());
}

#[test]
fn a_hint_does_what_its_key_does_and_a_pane_gets_the_keys() {
    let mut desk = desk((120, 40));
    click(&mut desk, "/ filter");
    assert!(desk.app.wants_text());
    desk.press(I::Back);
    click(&mut desk, "enter open");
    assert!(desk.row(0).contains("ROLLOUT "), "{}", desk.screen());
    click(&mut desk, "timeline");
    assert!(desk.screen().contains("> timeline"), "{}", desk.screen());
}

#[test]
fn the_right_button_opens_the_actions_of_its_row_and_a_line_of_them_opens_the_dialog() {
    let mut desk = desk((120, 40));
    let at = find(&desk, "ber/planner");
    pointer(&mut desk, PointerKind::Menu, at);
    assert!(desk.screen().contains("actions for ber/planner"), "{}", desk.screen());
    click(&mut desk, "Pause");
    assert!(desk.app.dialog().is_some() && desk.acts().is_empty());
}

#[test]
fn the_wheel_moves_the_list_and_scrolls_what_is_read() {
    let mut desk = desk((100, 30));
    pointer(&mut desk, PointerKind::Wheel { down: true }, (5, 5));
    assert!(selected(&desk).contains("dc-north/router"), "three rows: {}", selected(&desk));
    pointer(&mut desk, PointerKind::Wheel { down: false }, (5, 5));
    assert!(selected(&desk).contains("dc-west/pick-assist"), "{}", selected(&desk));
    desk.press(I::ViewSites).answer(Answer::Sites(Ok(sites())));
    let first = selected(&desk);
    pointer(&mut desk, PointerKind::Wheel { down: true }, (5, 5));
    assert_ne!(selected(&desk), first);
}

#[test]
fn no_click_commits_a_dialog_and_the_safe_button_leaves_it() {
    let mut desk = desk((120, 40));
    desk.command("pause ber/planner");
    let key = desk
        .taken()
        .iter()
        .find_map(|command| match command {
            Command::Preview { key, .. } => Some(key.clone()),
            _ => None,
        })
        .unwrap();
    desk.answer(Answer::Previewed(key, Ok(preview(&rollout("ber/planner", Phase::Progressing, 1)))));
    desk.paint().wait(1000);
    desk.write("customers call, INC-2231");
    for _ in 0..3 {
        for text in ["[  Pause", "[> Pause", "moves on", "press"] {
            if desk.screen().contains(text) {
                click(&mut desk, text);
                assert!(desk.acts().is_empty(), "{text}");
                desk.wait(300).paint();
            }
        }
    }
    assert!(desk.screen().contains("[> Pause"), "the click focuses it: {}", desk.screen());
    click(&mut desk, "Keep it as it is");
    assert!(desk.app.dialog().is_none() && desk.acts().is_empty());
}

#[test]
fn a_completion_is_chosen_by_a_click_and_a_choice_is_made_by_one() {
    let mut desk = desk((100, 30));
    desk.press(I::CommandLine);
    desk.write("win");
    click(&mut desk, "change windows");
    assert!(desk.screen().contains(":windows"), "{}", desk.screen());
    desk.press(I::Back).press(I::Sort);
    click(&mut desk, "A to Z");
    assert!(desk.screen().contains("sort name"), "{}", desk.screen());
}
