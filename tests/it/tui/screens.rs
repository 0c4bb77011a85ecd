//! What screens say, beyond their look: help, commands, audit filter, small terminals, hostile text.

use rolldeck::{
    domain::{Phase, Role},
    tui::{
        intent::Intent as I,
        message::{Answer, Command, Message},
    },
};

use super::{
    desk::{Desk, options},
    fleet::{breach, nine, rollout, sites, trail, verified, windows},
};

fn desk(size: (u16, u16)) -> Desk {
    Desk::with(&options(false, false), Role::Commander, false, nine(), size)
}

#[test]
fn the_help_lists_the_keys_of_the_map_can_be_searched_and_does_what_it_lists() {
    let mut desk = desk((100, 40));
    desk.press(I::Help);
    let screen = desk.screen();
    assert!(screen.contains("actions for the selection") && screen.contains("half a page up"), "{screen}");
    desk.write("audit trail");
    let screen = desk.screen();
    assert!(screen.contains("audit trail") && !screen.contains("half a page up"), "{screen}");
    desk.press(I::Open);
    assert!(desk.row(0).contains("AUDIT"), "{}", desk.screen());
}

#[test]
fn the_command_line_completes_rollouts_and_opens_only_the_dialog() {
    let mut desk = desk((100, 30));
    desk.press(I::CommandLine);
    desk.write("pau").press(I::NextPane);
    desk.write(" ber/pl").press(I::NextPane);
    assert!(desk.screen().contains(":pause ber/planner"), "{}", desk.screen());
    desk.press(I::Open);
    assert!(desk.app.dialog().is_some() && desk.acts().is_empty());
    desk.paint().wait(400);
    desk.press(I::Back);
    desk.command("no-such-thing");
    assert!(desk.screen().contains("'no-such-thing' is no command"), "{}", desk.screen());
    desk.command("osl/ui-shell");
    assert!(desk.screen().contains("osl/ui-shell  4.12.0 <- 4.11.3"), "{}", desk.screen());
    desk.command("set chart sideways");
    assert!(desk.screen().contains("difference, ratio or raw"), "{}", desk.screen());
    desk.command("set chart raw");
    desk.press(I::CommandLine);
    desk.write("set ch").press(I::NextPane);
    assert!(desk.screen().contains(":set chart difference"), "{}", desk.screen());
    desk.press(I::Back);
    desk.command("set theme light");
    assert!(desk.commands.iter().any(|c| matches!(c, Command::Theme(name) if name == "light")));
}

#[test]
fn a_broken_trail_names_the_entry_and_nothing_after_it_counts_as_proven() {
    let mut desk = desk((120, 30));
    desk.press(I::ViewAudit);
    let query = desk.commands.iter().rev().find_map(|c| if let Command::Audit(q) = c { Some(q.clone()) } else { None });
    desk.answer(Answer::Audit(query.unwrap(), Ok(trail())));
    assert!(desk.screen().contains("not checked yet: V verifies"), "{}", desk.screen());
    desk.press(I::VerifyAudit);
    assert!(desk.commands.iter().any(|c| matches!(c, Command::Verify)));
    desk.answer(Answer::Verified(Ok(verified(Some(9315)))));
    let screen = desk.screen();
    assert!(screen.contains("BROKEN at #9315") && screen.contains("proven #1-#9314"), "{screen}");
    let line = |seq: &str| screen.lines().skip(4).find(|l| l.contains(seq)).unwrap().to_owned();
    assert!(line("9312").contains('✓') && line("9315").contains("✗") && line("9318").contains('?'), "{screen}");
}

#[test]
fn a_terminal_that_is_too_small_gets_a_sentence_and_the_worst_thing() {
    let desk = Desk::with(&options(false, false), Role::Operator, false, nine(), (52, 14));
    let screen = desk.screen();
    assert!(screen.contains("needs 60x16, has 52x14"), "{screen}");
    assert!(screen.contains("BREACH dc-west/pick-assist"), "{screen}");
    assert!(screen.contains("a actions  q quit"), "{screen}");
}

#[test]
fn a_failed_unit_shows_what_its_command_printed() {
    let mut desk = desk((120, 40));
    desk.command("open dc-west/pick-assist");
    desk.watched(breach());
    // It opens on its units: nobody has to look for the output.
    let screen = desk.screen();
    assert!(screen.contains("> units 6"), "{screen}");
    assert!(screen.contains("no room left, exit 1") && screen.contains("? SILENT"), "{screen}");
    desk.press(I::Zoom);
    let screen = desk.screen();
    assert!(screen.contains("applied when last heard of"), "{screen}");
    assert!(screen.contains("claimed 020202020202") && screen.contains("measured 010101010101"), "{screen}");
}

#[test]
fn hostile_and_wide_text_moves_no_column() {
    let mut odd = rollout("dc-west/pick-assist", Phase::Degraded, 6);
    odd.message = "日本語のメッセージ\u{202e}gnp.exe\u{1b}[2J".into();
    odd.owner = "チーム・ピッキング・オペレーション".into();
    odd.candidate.version = Some("e\u{301}\u{200b}v1".into());
    odd.blockers = vec![super::fleet::blocker(
        rolldeck::domain::BlockerKind::NoData,
        "无数据无数据无数据无数据无数据无数据无数据",
    )];
    for size in [(80, 24), (120, 40), (200, 60)] {
        let mut desk = Desk::with(&options(false, false), Role::Operator, false, vec![odd.clone()], size);
        for view in [I::ViewOverview, I::ViewDetail] {
            desk.press(view);
            let screen = desk.screen();
            assert!(!screen.contains('\u{1b}') && !screen.contains('\u{202e}'), "{screen}");
            for line in screen.lines() {
                let width = unicode_width::UnicodeWidthStr::width(line);
                assert!(width <= usize::from(size.0), "{width} columns: {line}");
            }
        }
    }
}

#[test]
fn the_cursor_is_on_what_has_the_keys() {
    let mut desk = desk((80, 24));
    assert_eq!(desk.place(), Some((0, 4)));
    desk.press(I::Down);
    assert_eq!(desk.place(), Some((0, 5)));
    desk.press(I::CommandLine).write("ab");
    assert_eq!(desk.place(), Some((3, 22)));
}

#[test]
fn leaving_asks_only_when_something_is_under_way() {
    let mut calm = desk((80, 24));
    calm.press(I::Quit);
    assert!(matches!(calm.taken().as_slice(), [Command::Quit]));
    let mut armed = Desk::with(&options(true, false), Role::Commander, false, nine(), (80, 24));
    armed.press(I::Arm).press(I::Quit);
    assert!(armed.taken().iter().all(|c| !matches!(c, Command::Quit)));
    armed.press(I::Back).press(I::Quit).press(I::Open);
    assert!(matches!(armed.taken().as_slice(), [Command::Quit]));
}

#[test]
fn sites_and_windows_are_asked_for_when_they_are_looked_at() {
    let mut desk = desk((120, 30));
    desk.press(I::ViewSites);
    assert!(desk.taken().iter().any(|c| matches!(c, Command::Sites)));
    desk.answer(Answer::Sites(Ok(sites())));
    let screen = desk.screen();
    assert!(screen.contains("5 lanes: 1 silent, 1 differ") && screen.contains("?020202020202"), "{screen}");
    desk.press(I::Filter);
    desk.write("drift");
    assert!(desk.screen().contains("osl2/a") && !desk.screen().contains("osl2/b"), "{}", desk.screen());
    desk.press(I::Open);
    desk.press(I::ViewWindows);
    assert!(desk.taken().iter().any(|c| matches!(c, Command::Windows)));
    desk.answer(Answer::Windows(Ok(windows())));
    assert!(desk.screen().contains("2 hold now, 4 in all"), "{}", desk.screen());
    desk.send(Message::Resized { width: 120, height: 30 });
}
