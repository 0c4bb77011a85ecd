//! What the dashboard does beside its screen: copying, calling, editing and remembering, and in which zone
//! its times are.

use std::time::Duration;

use ratatui::{Terminal, backend::TestBackend};
use rolldeck::{
    backend::{BackendError, RolloutsPage},
    domain::{Phase, Role},
    settings::{Clipboard, Links, Notify, Occasion},
    tui::{
        Options,
        app::zone::{Mine, Zone},
        capability::{Depth, Glyphs},
        hyperlink::Hyperlinks,
        intent::Intent as I,
        message::{Answer, Command, Cost, Input, Message, ScreenPart, TerminalRequest},
        theme::Theme,
        view,
    },
};
use tui_input::InputRequest;

use super::{
    desk::{Desk, capability, options},
    fleet::{applied, breach, nine, preview, rollout},
};

const REASON: &str = "errors rise on the canary, INC-2231";

fn with(change: impl FnOnce(&mut Options)) -> Desk {
    let mut options = options(false, false);
    change(&mut options);
    Desk::with(&options, Role::Operator, false, nine(), (100, 30))
}

fn letter(desk: &mut Desk, letter: char) {
    desk.send(Message::Input(Input::Edit(InputRequest::InsertChar(letter))));
}

fn copied(desk: &mut Desk) -> Option<String> {
    desk.taken().into_iter().find_map(|command| match command {
        Command::Terminal(TerminalRequest::Clipboard(text)) => Some(text),
        _ => None,
    })
}

/// The dialog of a pause on the selected rollout is open and takes keys.
fn dialog(desk: &mut Desk) {
    desk.press(I::ActionMenu).wait(500).press(I::Pause).paint().wait(400);
    assert!(desk.app.dialog().is_some(), "{}", desk.screen());
}

#[test]
fn the_copy_menu_shows_what_it_would_send_and_never_says_that_it_arrived() {
    let mut desk = with(|_| {});
    let id = desk.app.subject().unwrap().to_string();
    desk.press(I::Copy);
    let screen = desk.ascii();
    for part in [&id, &format!("rolldeck show {id}"), "i  id", "no: [links] of the config names none"] {
        assert!(screen.contains(part), "{part} in {screen}");
    }
    letter(&mut desk, 'i');
    assert_eq!(copied(&mut desk).as_deref(), Some(id.as_str()));
    let screen = desk.ascii();
    assert!(screen.contains(&format!("sent to the terminal (rollout): {id}")), "it stays for a mouse: {screen}");
    assert!(!screen.to_lowercase().contains("copied"), "{screen}");
    desk.press(I::Copy).press(I::Down).press(I::Open);
    assert_eq!(copied(&mut desk), None, "a line that cannot be chosen sends nothing");
}

#[test]
fn keys_of_no_line_do_nothing_and_esc_leaves_the_choice() {
    let mut desk = with(|_| {});
    desk.press(I::Copy);
    for c in "xzpb".chars() {
        letter(&mut desk, c);
    }
    desk.paste("i");
    assert_eq!(copied(&mut desk), None);
    desk.press(I::Back);
    assert!(!desk.ascii().contains("copy: sent"), "{}", desk.ascii());
    assert!(desk.acts().is_empty());
}

#[test]
fn a_row_and_the_view_are_asked_for_as_they_are_painted() {
    let mut desk = with(|_| {});
    for (key, part) in [('r', ScreenPart::Row), ('v', ScreenPart::View)] {
        desk.press(I::Copy);
        letter(&mut desk, key);
        let commands = desk.taken();
        assert!(commands.iter().any(|c| matches!(c, Command::CopyScreen(p) if *p == part)), "{commands:?}");
    }
}

#[test]
fn a_clipboard_that_is_off_gets_nothing_and_the_text_is_shown_all_the_same() {
    let mut desk = with(|options| options.preferences.tui.clipboard = Clipboard::Off);
    let id = desk.app.subject().unwrap().to_string();
    desk.press(I::Copy);
    letter(&mut desk, 'i');
    assert_eq!(copied(&mut desk), None);
    assert!(
        desk.ascii().contains(&format!("the clipboard is off in [tui] of the config; rollout: {id}")),
        "{}",
        desk.ascii()
    );
}

#[test]
fn in_a_dialog_the_command_line_is_copied_and_in_its_fields_the_letter_is_typed() {
    let mut desk = with(|_| {});
    dialog(&mut desk);
    letter(&mut desk, 'y');
    assert_eq!(copied(&mut desk), None);
    assert_eq!(desk.app.dialog().unwrap().reason.text(), "y");
    desk.press(I::NextPane).press(I::Copy);
    let twin = copied(&mut desk).unwrap();
    assert!(twin.starts_with("rolldeck pause ") && twin.contains("--reason y"), "{twin}");
    assert!(desk.app.dialog().is_some(), "the dialog stays open");
}

fn deck_links() -> Links {
    let text = "links = { rollout = \"https://deck.example/r/{target}/{name}\" }";
    let mut tables: std::collections::BTreeMap<String, Links> = toml::from_str(text).unwrap();
    tables.remove("links").unwrap()
}

#[test]
fn a_link_is_offered_where_the_config_names_a_host() {
    let mut desk = with(|options| {
        options.preferences.links.insert("prod-eu".to_owned(), deck_links());
    });
    let id = desk.app.subject().unwrap();
    desk.press(I::Copy);
    letter(&mut desk, 'l');
    assert_eq!(copied(&mut desk), Some(format!("https://deck.example/r/{}/{}", id.target, id.name)));
}

#[test]
fn every_rollout_of_the_list_links_to_its_own_page_and_nothing_else_is_a_link() {
    let mut desk = with(|options| {
        options.preferences.links.insert("prod-eu".to_owned(), deck_links());
    });
    let hyperlinks = Hyperlinks::default();
    desk.app.link_names(hyperlinks.clone());
    let theme = Theme::built_in("dark", &capability(Depth::Mono, Glyphs::Ascii));
    let mut terminal = Terminal::new(TestBackend::new(100, 30)).unwrap();
    terminal.draw(|frame| view::draw(&desk.app, &theme, frame)).unwrap();
    let buffer = terminal.backend().buffer();
    let mut linked = std::collections::BTreeMap::<String, String>::new();
    for y in 0..30 {
        let mut row = std::collections::BTreeMap::<String, String>::new();
        for x in 0..100 {
            let cell = &buffer[(x, y)];
            if let Some(url) = Hyperlinks::number_of(cell.underline_color).and_then(|n| hyperlinks.url(n)) {
                row.entry(url.to_string()).or_default().push_str(cell.symbol());
            }
        }
        linked.extend(row);
    }
    assert_eq!(linked.len(), nine().len(), "{linked:?}");
    for (url, text) in linked {
        assert_eq!(url, format!("https://deck.example/r/{text}"));
    }
}

/// What the terminal was asked for to call somebody.
fn calls(desk: &mut Desk) -> Vec<TerminalRequest> {
    let of = |command| match command {
        Command::Terminal(request) => Some(request),
        _ => None,
    };
    desk.taken().into_iter().filter_map(of).collect()
}

#[test]
fn nobody_is_called_for_what_was_there_at_the_start_and_the_bell_rings_once_for_a_storm() {
    let mut desk = with(|_| {});
    assert_eq!(calls(&mut desk), []);
    let sick = ["dc-west/a", "dc-west/b", "dc-west/c"].map(|at| {
        let mut sick = breach();
        let id = super::fleet::id(at);
        (sick.target, sick.name) = (id.target, id.name);
        sick
    });
    desk.changed(sick.to_vec(), vec![]);
    assert_eq!(calls(&mut desk), [TerminalRequest::Bell]);
    desk.changed(vec![rollout("dc-west/d", Phase::AwaitingPromotion, 1)], vec![]);
    desk.changed(vec![rollout("dc-west/e", Phase::AwaitingPromotion, 1)], vec![]);
    assert_eq!(calls(&mut desk), [], "not so soon again");
    desk.wait(15_000);
    assert_eq!(calls(&mut desk), [TerminalRequest::Bell]);
    desk.wait(60_000);
    assert_eq!(calls(&mut desk), [], "nothing new");
}

#[test]
fn a_notification_says_what_it_is_for_and_comes_though_the_display_is_held() {
    let mut desk = with(|options| options.preferences.tui.notify = Notify::Osc9);
    desk.press(I::HoldDisplay);
    desk.changed(vec![rollout("dc-west/d", Phase::AwaitingPromotion, 1)], vec![]);
    let told = calls(&mut desk);
    assert_eq!(told, [TerminalRequest::Notification("dc-west/d WAITING".into())]);
    desk.wait(15_000).press(I::HoldDisplay);
    desk.wait(15_000);
    assert_eq!(calls(&mut desk), [], "told once, not again when the display goes on");
}

#[test]
fn a_lost_connection_and_ones_own_outcome_call_where_that_was_chosen() {
    let mut desk = with(|options| {
        options.preferences.tui.notify = Notify::Osc9;
        options.preferences.tui.notify_on = vec![Occasion::Lost, Occasion::Answered];
    });
    desk.polls = false;
    let error = || BackendError::Unreachable { place: "x".into(), why: "connection refused".into() };
    desk.answer(Answer::View(Err(error())));
    assert_eq!(calls(&mut desk), [TerminalRequest::Notification("prod-eu: connection lost".into())]);
    desk.wait(20_000);
    desk.answer(Answer::View(Err(error())));
    assert_eq!(calls(&mut desk), [], "it is still lost");
    desk.all(nine());
    assert_eq!(calls(&mut desk), [TerminalRequest::Notification("prod-eu: connected again".into())]);
    desk.wait(20_000);
    let now = nine().remove(0);
    desk.answer(Answer::Acted("some-key".into(), Ok(applied(&now, 7, "pause"))));
    let told = calls(&mut desk);
    assert!(
        matches!(told.as_slice(), [TerminalRequest::Notification(text)] if text.as_str().contains("applied")),
        "{told:?}"
    );
}

#[test]
fn the_bell_can_be_switched_off_while_it_runs() {
    let mut desk = with(|_| {});
    desk.command("set notify off");
    desk.changed(vec![rollout("dc-west/d", Phase::AwaitingPromotion, 1)], vec![]);
    assert_eq!(calls(&mut desk), []);
    desk.command("set notify osc9");
    desk.changed(vec![rollout("dc-west/e", Phase::AwaitingPromotion, 1)], vec![]);
    assert_eq!(calls(&mut desk).len(), 1);
    desk.command("set notify loudly");
    assert!(desk.ascii().contains("off, bell or osc9"), "{}", desk.ascii());
}

/// The editor's key, text and notes, as they were asked for.
fn edited(desk: &mut Desk) -> Option<(String, String)> {
    desk.taken().into_iter().find_map(|command| match command {
        Command::Edit { key, text, .. } => Some((key, text)),
        _ => None,
    })
}

#[test]
fn a_reason_goes_to_the_editor_and_back_and_nothing_is_sent_by_it() {
    let mut desk = with(|_| {});
    dialog(&mut desk);
    desk.write("errors").press(I::Editor);
    let (key, text) = edited(&mut desk).unwrap();
    assert_eq!(text, "errors");
    desk.wait(60_000);
    desk.send(Message::Edited(key.clone(), Ok("errors rise\non the canary\x1b[2J".to_owned())));
    let reason = desk.app.dialog().unwrap().reason.text().to_owned();
    assert_eq!(reason, "errors rise on the canary[2J", "line breaks are blanks, controls are gone");
    assert!(desk.acts().is_empty());
    // Keys that were still meant for the editor come before the dialog is on the screen again.
    desk.keys(&[I::NextPane, I::NextPane, I::Open]);
    assert!(desk.acts().is_empty(), "{:?}", desk.acts());
    desk.send(Message::Edited(key, Err("cannot start vi".into())));
    assert_eq!(desk.app.dialog().unwrap().reason.text(), reason, "an editor that fails loses nothing");
    assert!(desk.ascii().contains("cannot start vi"), "{}", desk.ascii());
}

#[test]
fn what_changed_while_the_editor_was_open_holds_the_dialog_as_ever() {
    let mut desk = with(|_| {});
    let waiting = rollout("dc-west/pick-assist", Phase::AwaitingPromotion, 12);
    desk.all(vec![waiting.clone()]);
    desk.press(I::ActionMenu).wait(500).press(I::Promote).paint().wait(400);
    let preview_key = desk.commands.iter().rev().find_map(|c| match c {
        Command::Preview { key, .. } => Some(key.clone()),
        _ => None,
    });
    desk.answer(Answer::Previewed(preview_key.unwrap(), Ok(preview(&waiting))));
    desk.press(I::Editor);
    let (key, _) = edited(&mut desk).unwrap();
    let mut moved = waiting;
    moved.revision = rolldeck::domain::Revision("r119".into());
    desk.changed(vec![moved], vec![]);
    desk.send(Message::Edited(key, Ok(REASON.to_owned()))).paint().wait(400);
    desk.keys(&[I::NextPane, I::NextPane, I::Open]);
    desk.wait(5_000);
    assert!(desk.acts().is_empty(), "{:?}", desk.acts());
    assert_eq!(desk.app.dialog().unwrap().reason.text(), REASON);
}

#[test]
fn a_text_that_comes_back_for_a_dialog_that_is_gone_goes_into_no_other() {
    let mut desk = with(|_| {});
    dialog(&mut desk);
    desk.press(I::Editor);
    let (key, _) = edited(&mut desk).unwrap();
    desk.press(I::Back);
    dialog(&mut desk);
    desk.send(Message::Edited(key, Ok(REASON.to_owned())));
    assert_eq!(desk.app.dialog().unwrap().reason.text(), "");
}

#[test]
fn reasons_are_kept_when_they_are_used_and_walked_through_without_losing_what_was_typed() {
    let mut desk = with(|_| {});
    for reason in ["customers call about the carts", REASON] {
        dialog(&mut desk);
        desk.app.dialog().unwrap();
        for _ in 0..desk.app.dialog().unwrap().reason.text().len() {
            desk.send(Message::Input(Input::Edit(InputRequest::DeletePrevChar)));
        }
        desk.write(reason);
        desk.keys(&[I::NextPane, I::NextPane, I::Open]);
        let commands = desk.taken();
        let kept: Vec<&String> =
            commands.iter().filter_map(|c| if let Command::Remember(kept) = c { Some(kept) } else { None }).collect();
        assert_eq!(kept, [reason], "{commands:?}");
        desk.press(I::Back);
    }
    desk.press(I::Down);
    dialog(&mut desk);
    let text = |desk: &Desk| desk.app.dialog().unwrap().reason.text().to_owned();
    desk.write("half a thou");
    desk.press(I::HistoryOlder);
    assert_eq!(text(&desk), REASON);
    desk.press(I::HistoryOlder).press(I::HistoryOlder);
    assert_eq!(text(&desk), "customers call about the carts");
    desk.press(I::HistoryNewer).press(I::HistoryNewer);
    assert_eq!(text(&desk), "half a thou");
}

#[test]
fn every_time_follows_the_zone_and_says_it() {
    let mut desk = with(|options| {
        options.preferences.mine = Mine::Named("Europe/Oslo".parse().unwrap());
        options.preferences.zone = Zone::Mine(options.preferences.mine);
    });
    assert!(desk.row(0).contains("13:04+01"), "{}", desk.row(0));
    desk.press(I::TimeZone);
    assert!(desk.row(0).contains("12:04Z"), "{}", desk.row(0));
    assert!(desk.ascii().contains("times are in UTC"));
    desk.press(I::TimeZone);
    assert!(desk.ascii().contains("times are in Europe/Oslo (yours)"), "{}", desk.ascii());
    desk.command("set zone Asia/Kolkata");
    assert!(desk.row(0).contains("17:34+05:30"), "{}", desk.row(0));
    desk.command("set zone Europe/Olso");
    assert!(desk.ascii().contains("'Europe/Olso' is no zone"), "{}", desk.ascii());
    assert!(desk.row(0).contains("+05:30"), "an unknown one changes nothing");
    desk.command("set zone site");
    assert!(desk.ascii().contains("has no zone of its own"), "{}", desk.ascii());
}

#[test]
fn a_page_that_is_first_rings_for_nothing_after_the_context_changed_too() {
    let mut desk = with(|_| {});
    desk.command("ctx lab");
    desk.taken();
    let page = RolloutsPage::All {
        rollouts: vec![breach().summary()],
        cursor: rolldeck::backend::Cursor("c1".into()),
        as_of: desk.moment().wall,
        carriers: Vec::new(),
    };
    desk.send(Message::Answer(2, Box::new(Answer::View(Ok(page)))));
    assert_eq!(calls(&mut desk), []);
}

#[test]
fn what_the_dashboard_costs_is_said_also_of_a_terminal_that_answers_nothing() {
    let mut desk = with(|_| {});
    desk.command("perf");
    assert!(desk.taken().iter().any(|command| matches!(command, Command::Measure)));
    let cost = Cost {
        since: Duration::from_secs(400),
        frames: 12,
        bytes: 5120,
        lately: 1884,
        first: 2831,
        last: 312,
        took: Some(Duration::from_micros(240)),
        round_trip: Some(Duration::from_millis(151)),
    };
    desk.send(Message::Measured(Box::new(cost.clone())));
    let screen = desk.screen();
    for text in [
        "cost until 12:0",
        "6m",
        "frames       12 ",
        "5120, 31 a second over the last minute",
        "2831 bytes",
        "312 bytes, written in 0.2 ms",
        "151.0 ms",
    ] {
        assert!(screen.contains(text), "no {text:?} in\n{screen}");
    }
    let new = Cost { since: Duration::from_secs(20), round_trip: None, took: None, ..cost };
    desk.send(Message::Measured(Box::new(new)));
    let screen = desk.screen();
    for text in ["94 a second since it was opened", "312 bytes, not written yet", "the terminal does not answer"] {
        assert!(screen.contains(text), "no {text:?} in\n{screen}");
    }
    desk.press(I::Back);
    assert!(!desk.screen().contains("round trip"), "{}", desk.screen());
}
