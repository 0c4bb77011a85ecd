//! Keys of the dashboard: what may follow a first one, what they all do, and another map while it runs.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use rolldeck::{
    domain::Role,
    tui::{
        intent::Intent,
        keymap::{Keymap, Press},
        message::{Command, Message},
    },
};

use super::{
    desk::{Desk, options},
    fleet::nine,
};

fn desk() -> Desk {
    Desk::with(&options(false, false), Role::Commander, false, nine(), (100, 30))
}

/// Begins a sequence with a key, as the loop does.
fn begin(desk: &mut Desk, map: &str, key: KeyEvent) {
    let mut resolver = Keymap::load(Some(map), None).0.resolver();
    let contexts = desk.app.contexts();
    assert_eq!(resolver.press(&contexts, key, desk.elapsed), Press::Pending);
    desk.send(Message::Sequence(resolver.sequence(&contexts).map(Box::new)));
}

fn letter(c: char) -> KeyEvent {
    KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)
}

#[test]
fn what_may_follow_is_shown_to_who_hesitates_and_to_nobody_else() {
    let mut desk = desk();
    desk.paint();
    begin(&mut desk, "default", letter('g'));
    assert!(!desk.app.is_dirty(), "a sequence that is typed at once costs no frame");
    desk.wait(290);
    assert!(!desk.screen().contains("g ..."));
    desk.wait(20);
    assert!(desk.app.is_dirty());
    let screen = desk.screen();
    for text in ["g ...", "first", "the next view by number", "the view before this one"] {
        assert!(screen.contains(text), "no {text:?} in\n{screen}");
    }
    assert!(screen.contains("ROLLOUTS"), "it hides a corner and no more\n{screen}");
    // The key that follows takes it away.
    desk.press(Intent::Top);
    assert!(!desk.screen().contains("g ..."));
}

#[test]
fn it_goes_when_the_sequence_is_forgotten_or_taken_back() {
    let mut desk = desk();
    begin(&mut desk, "default", letter('g'));
    desk.wait(1100);
    assert!(desk.screen().contains("g ..."));
    desk.paint();
    desk.wait(200);
    assert!(!desk.screen().contains("g ...") && desk.app.is_dirty(), "after the time that the keymap gives");

    begin(&mut desk, "emacs", KeyEvent::new(KeyCode::Char('x'), KeyModifiers::CONTROL));
    desk.wait(400);
    let screen = desk.screen();
    assert!(screen.contains("^x ...") && screen.contains("give the pane the whole screen"), "{screen}");
    desk.paint();
    desk.send(Message::Sequence(None));
    assert!(!desk.screen().contains("^x ...") && desk.app.is_dirty());
}

#[test]
fn on_the_smallest_screen_it_stays_within_the_body() {
    let mut desk = Desk::with(&options(false, false), Role::Commander, false, nine(), (60, 16));
    begin(&mut desk, "emacs", KeyEvent::new(KeyCode::Char('x'), KeyModifiers::CONTROL));
    desk.wait(400);
    let screen = desk.screen();
    assert!(screen.contains("^x ..."), "{screen}");
    assert!(desk.row(0).contains("ROLLOUTS") && desk.row(15).contains("enter open"), "{screen}");
}

#[test]
fn back_takes_back_a_sequence_in_a_view_and_still_stops_what_a_dialog_sends() {
    use rolldeck::tui::keymap::ContextName as C;
    let esc = KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE);
    let at = Duration::from_secs(1);
    let mut resolver = Keymap::load(None, None).0.resolver();
    assert_eq!(resolver.press(&[C::List, C::Global], letter('g'), at), Press::Pending);
    assert_eq!(resolver.press(&[C::List, C::Global], esc, at), Press::Cancelled);
    assert_eq!(resolver.press(&[C::List, C::Global], esc, at), Press::Intent(Intent::Back));
    let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    for contexts in [&[C::Dialog][..], &[C::Text], &[C::Menu]] {
        assert_eq!(resolver.press(contexts, interrupt, at), Press::Pending);
        assert_eq!(resolver.press(contexts, esc, at), Press::Intent(Intent::Back), "{contexts:?}");
    }
}

#[test]
fn every_key_can_be_read_in_the_dashboard_with_what_is_wrong_with_the_map() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("keymaps")).unwrap();
    let text = "extends = \"vim\"\n[global]\n\"F9\" = \"refesh\"\n\"F8\" = \"refresh\"\n[list]\n\"R\" = \"sort\"\n";
    std::fs::write(dir.path().join("keymaps/mine.toml"), text).unwrap();
    let mut desk = desk();
    desk.send(Message::Keymap(Box::new(Keymap::load(Some("mine"), Some(dir.path())).0)));
    assert!(desk.screen().contains("'refesh' is no intent"), "{}", desk.screen());
    desk.command("keys");
    let screen = desk.screen();
    for text in ["keys of the mine map: 1 mistake", "mine.toml:3: global.\"F9\"", "note: ", "[always]", "quit-now"] {
        assert!(screen.contains(text), "no {text:?} in\n{screen}");
    }
    desk.press(Intent::Bottom);
    assert!(desk.screen().contains("history-newer"), "{}", desk.screen());
    desk.press(Intent::Back);
    assert!(!desk.screen().contains("keys of the mine map"));
}

#[test]
fn another_keymap_is_asked_for_by_name_and_a_broken_one_leaves_the_keys_as_they_are() {
    let mut desk = desk();
    desk.press(Intent::CommandLine).write("set keymap e").press(Intent::NextPane).press(Intent::Open);
    let taken = desk.taken();
    assert!(taken.iter().any(|command| matches!(command, Command::Keymap(name) if name == "emacs")), "{taken:?}");

    desk.send(Message::Keymap(Box::new(Keymap::load(Some("emacs"), None).0)));
    assert!(desk.taken().iter().any(|command| matches!(command, Command::Keys(map) if map.name() == "emacs")));
    assert!(desk.screen().contains("keymap emacs"));

    desk.send(Message::Keymap(Box::new(Keymap::load(Some("emax"), None).0)));
    assert_eq!(desk.taken().len(), 0);
    assert!(desk.screen().contains("'emacs' is near; what was in force stays"), "{}", desk.screen());
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("keymaps")).unwrap();
    std::fs::write(dir.path().join("keymaps/mine.toml"), "[global\n\"F9\" = \"refresh\"\n").unwrap();
    desk.send(Message::Keymap(Box::new(Keymap::load(Some("mine"), Some(dir.path())).0)));
    assert_eq!(desk.taken().len(), 0);
    assert!(desk.row(28).contains("mine.toml:1: "), "{}", desk.screen());
    desk.command("keys");
    assert!(desk.screen().contains("keys of the emacs map"), "{}", desk.screen());
}

#[test]
fn views_can_be_gone_through_in_their_order_and_back() {
    let mut desk = desk();
    let mut seen = Vec::new();
    for _ in 0..8 {
        seen.push(desk.app.contexts()[0]);
        desk.press(Intent::NextView);
    }
    assert_eq!(seen.first(), desk.app.contexts().first(), "round");
    desk.press(Intent::PreviousView);
    assert!(desk.screen().contains("APPROVALS"), "{}", desk.screen());
    desk.keys(&[Intent::PreviousView, Intent::PreviousView, Intent::PreviousView]);
    assert!(matches!(desk.app.contexts()[0], rolldeck::tui::keymap::ContextName::Windows), "{}", desk.screen());
}
