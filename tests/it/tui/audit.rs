//! The audit view: what is proven and by what, where it breaks, how entries are looked for, and what is said
//! of one in full.

use rolldeck::{
    backend::{AuditPage, Broken, Rewritten, Witnessed, witness::Remembered},
    domain::{Outcome, Role, audit::FieldChange},
    tui::{
        intent::Intent as I,
        message::{Answer, Command},
    },
};

use super::{
    desk::{Desk, options},
    fleet::{ago, entry, nine, trail, verified},
};

/// What this dashboard remembered is still so.
pub fn seen() -> Witnessed {
    Witnessed {
        remembered: Some(Remembered { size: 9300, key: "9c1f41ab".into(), at: ago(60 * 19) }),
        proven_to: 9316,
        key: Some("9c1f41ab".into()),
        broken: None,
        fault: None,
        remark: None,
    }
}

/// It is not, from entry 9312 on, or altogether.
pub fn rewritten(holds_to: Option<u64>) -> Witnessed {
    let why = Rewritten::NotAnExtension { from: 9314, to: 9316 };
    let message = "the 9316 entries of now do not begin with the 9314 that were there: history was rewritten".into();
    Witnessed { proven_to: holds_to.unwrap_or(0), key: None, broken: Some(Broken { why, holds_to, message }), ..seen() }
}

/// An intent, its outcome, and a change of a window that somebody else agreed to.
pub fn told() -> AuditPage {
    let mut page = trail();
    let mut change = entry(9313, "window_change", "a.lind", "the pilot ends an hour earlier");
    change.changes = vec![
        FieldChange {
            field: "until".into(),
            before: Some("2026-03-26T14:00:00Z".into()),
            after: Some("2026-03-26T13:00:00Z".into()),
        },
        FieldChange { field: "scope.lanes".into(), before: None, after: Some("[\"pick\"]".into()) },
    ];
    change.approved_by = vec!["mira".into()];
    change.override_id = Some("o-12".into());
    let mut intent = entry(9316, "rollback", "k.berg", "errors rise");
    intent.outcome = Outcome::Intended;
    let mut outcome = entry(9317, "rollback", "k.berg", "errors rise");
    outcome.intent = Some(9316);
    page.entries.insert(3, change);
    page.entries.insert(5, intent);
    page.entries.insert(6, outcome);
    page
}

fn desk(size: (u16, u16)) -> Desk {
    opened(Desk::with(&options(false, false), Role::Commander, false, nine(), size))
}

/// The audit view with the page on it.
pub fn opened(mut desk: Desk) -> Desk {
    desk.press(I::ViewAudit);
    let of = |command: &Command| if let Command::Audit(query) = command { Some(query.clone()) } else { None };
    let query = desk.commands.iter().rev().find_map(of).unwrap();
    desk.answer(Answer::Audit(query, Ok(told())));
    desk
}

fn select(desk: &mut Desk, seq: u64) {
    desk.press(I::Top);
    for _ in 0..20 {
        let here = |line: &str| line.starts_with('>') && line.contains(&format!(" {seq} "));
        if desk.screen().lines().any(here) {
            return;
        }
        desk.press(I::Down);
    }
    panic!("#{seq} is not in the list\n{}", desk.screen());
}

#[test]
fn the_header_says_what_is_proven_by_which_key_what_is_not_and_what_was_seen_before() {
    let mut desk = desk((120, 40));
    desk.answer(Answer::Witnessed(Ok(seen())));
    let screen = desk.screen();
    for said in ["proven #1-#9316", "unproven #9317-#9319", "key 9c1f41ab", "checked <1m ago", "#1-#9300 at 25 Mar"] {
        assert!(screen.contains(said), "{said}: {screen}");
    }
    let line = |seq: &str| screen.lines().find(|l| l.contains(seq) && l.contains("Z")).unwrap().to_owned();
    assert!(line(" 9312").contains('✓') && line(" 9318").contains('?'), "{screen}");
}

#[test]
fn a_line_across_the_table_stands_where_history_was_rewritten_and_the_banner_is_on_every_screen() {
    for size in [(80, 24), (120, 40), (200, 60)] {
        let mut desk = desk(size);
        desk.answer(Answer::Witnessed(Ok(rewritten(Some(9312)))));
        let screen = desk.screen();
        let lines: Vec<&str> = screen.lines().collect();
        let broken = lines.iter().position(|line| line.contains("TRAIL BROKEN #9312 -> #9313")).expect(&screen);
        let at = |seq: &str| lines.iter().position(|line| line.contains(seq) && line.contains(":31Z")).unwrap_or(99);
        assert!(at(" 9313 ") < broken && broken < at(" 9312 "), "{screen}");
        for view in [I::ViewOverview, I::ViewDetail, I::ViewSites, I::ViewWindows, I::ViewFlags, I::ViewAudit] {
            desk.press(view);
            assert!(desk.row(1).contains("AUDIT TRAIL BROKEN at #9313"), "{view:?}: {}", desk.screen());
        }
    }
    let mut small = Desk::with(&options(false, false), Role::Operator, false, nine(), (52, 14));
    small.answer(Answer::Witnessed(Ok(rewritten(None))));
    assert!(small.screen().contains("AUDIT TRAIL BROKEN at #1"), "{}", small.screen());
}

#[test]
fn the_reason_and_what_it_is_about_are_read_on_a_narrow_screen_too() {
    for (size, said) in
        [((60, 20), "the pi"), ((80, 24), "the pilot ends an hour"), ((100, 30), "the pilot ends an hour earlier")]
    {
        let mut desk = desk(size);
        select(&mut desk, 9313);
        let screen = desk.screen();
        let head = screen.lines().find(|line| line.contains("ACTION")).expect(&screen);
        assert!(head.contains("ON") && head.contains("REASON"), "{screen}");
        let line = screen.lines().find(|line| line.contains("window_c")).expect(&screen);
        assert!(line.contains("9313") && line.contains("a.lind") && line.contains(said), "{screen}");
    }
}

#[test]
fn a_break_stands_over_a_lost_backend_and_what_the_backend_says_of_itself_does_not_take_it_back() {
    let mut desk = desk((120, 40));
    desk.answer(Answer::Witnessed(Ok(rewritten(Some(9312)))));
    desk.answer(Answer::Verified(Ok(verified(None))));
    assert!(desk.row(1).contains("AUDIT TRAIL BROKEN at #9313"), "{}", desk.screen());
    desk.answer(Answer::View(Err(super::desk::unreachable())));
    assert!(desk.row(1).contains("AUDIT TRAIL BROKEN") && desk.row(1).contains("more"), "{}", desk.screen());
}

#[test]
fn an_entry_in_full_says_what_changed_field_by_field_who_agreed_and_what_let_it_pass() {
    let mut desk = desk((120, 40));
    select(&mut desk, 9313);
    let screen = desk.screen();
    for said in [
        "until: 2026-03-26T14:00:00Z -> 2026-03-26T13:00:00Z",
        "scope.lanes: - -> [\"pick\"]",
        "o-12 let it pass",
        "mira beside a.lind",
        "degraded at canary, 12 of 148 units",
    ] {
        assert!(screen.contains(said), "{said}: {screen}");
    }
}

#[test]
fn an_intent_and_its_outcome_name_one_another() {
    let mut desk = desk((120, 40));
    select(&mut desk, 9316);
    assert!(desk.screen().contains("#9317 at "), "{}", desk.screen());
    select(&mut desk, 9317);
    assert!(desk.screen().contains("#9316 at ") && desk.screen().contains("this is its outcome"), "{}", desk.screen());
}

#[test]
fn a_filter_is_completed_asked_of_the_backend_and_says_where_it_is_wrong() {
    let mut desk = desk((120, 40));
    desk.press(I::Filter);
    desk.write("outc").press(I::NextPane);
    desk.write("ref").press(I::NextPane);
    assert!(desk.screen().contains("/outcome:refused"), "{}", desk.screen());
    desk.write(" actor:mi").press(I::NextPane).press(I::Open);
    let asked = |desk: &Desk| {
        let of = |command: &Command| if let Command::Audit(query) = command { Some(query.clone()) } else { None };
        desk.commands.iter().rev().find_map(of).unwrap()
    };
    let expression = asked(&desk).expression.unwrap();
    let mut refused = entry(9318, "promote", "mira", "go on");
    assert!(expression.matches(&refused));
    refused.actor.id = "k.berg".into();
    assert!(!expression.matches(&refused));
    // A mistake names the part and where it is, and keeps what was typed.
    desk.press(I::Filter);
    desk.write(" since:someday").press(I::Open);
    let screen = desk.screen();
    assert!(screen.contains("at character 34") && screen.contains("since:someday"), "{screen}");
}

#[test]
fn the_trail_is_held_against_what_was_seen_at_once_and_then_every_minute_without_a_frame() {
    let mut desk = Desk::with(&options(false, false), Role::Operator, false, nine(), (120, 40));
    let asks = |desk: &mut Desk| desk.taken().iter().filter(|c| matches!(c, Command::Witness)).count();
    desk.wait(1000);
    desk.answer(Answer::Witnessed(Ok(seen())));
    asks(&mut desk);
    desk.wait(59_000);
    let before = asks(&mut desk);
    desk.wait(60_000);
    assert_eq!(before + asks(&mut desk), 2);
    desk.paint();
    desk.answer(Answer::Witnessed(Ok(seen())));
    assert!(!desk.app.is_dirty(), "nothing new, no frame");
}
