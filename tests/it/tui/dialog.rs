//! The rules of the dialog, one test each: no action without a reason, none by accident, and the way
//! back always open.

use rolldeck::{
    backend::{BackendError, Code, Problem},
    domain::{Action, BlockerKind, Phase, Revision, Role, Rollout},
    tui::{
        intent::Intent as I,
        message::{Answer, Command, Input, Message},
    },
};

use super::{
    desk::{Desk, options, unreachable},
    fleet::{applied, blocker, breach, freeze, preview, rollout},
};

const REASON: &str = "errors rise on the canary, INC-2231";

fn waiting() -> Rollout {
    rollout("dc-west/pick-assist", Phase::AwaitingPromotion, 12)
}

fn desk(protected: bool, role: Role, rollout: Rollout) -> Desk {
    Desk::with(&options(protected, false), role, false, vec![rollout], (80, 24))
}

/// The dialog of an action is open, on the screen, and past its guard; its preview came.
fn opened(desk: &mut Desk, action: I, now: &Rollout) {
    desk.press(I::ActionMenu).wait(500).press(action).paint().wait(400);
    if let Some(key) = asked(desk) {
        desk.answer(Answer::Previewed(key, Ok(preview(now))));
    }
}

/// The key of the newest preview that was asked for.
fn asked(desk: &Desk) -> Option<String> {
    desk.commands.iter().rev().find_map(|c| match c {
        Command::Preview { key, request, .. } => {
            assert!(request.dry_run, "a preview is a dry run");
            Some(key.clone())
        }
        _ => None,
    })
}

#[test]
fn the_narrowest_screen_shows_how_to_leave_a_dialog_how_much_is_written_and_that_its_button_is_locked() {
    let now = rollout("hubs-dach/dock-scheduler", Phase::AwaitingPromotion, 12);
    let mut desk = Desk::with(&options(false, false), Role::Operator, false, vec![now.clone()], (60, 16));
    opened(&mut desk, I::Rollback, &now);
    let screen = desk.screen();
    for part in ["esc keep as it is", " 0 / 500", "] locked", "only the button sends: a paste does not; enter moves on"]
    {
        assert!(screen.contains(part), "{part} in {screen}");
    }
}

#[test]
fn a_screen_of_eighty_columns_has_the_title_of_the_menu_whole() {
    let mut desk = desk(false, Role::Operator, rollout("stores-nordic/self-checkout", Phase::AwaitingPromotion, 12));
    desk.press(I::ActionMenu);
    let screen = desk.screen();
    assert!(screen.contains(" actions for stores-nordic/self-checkout: nothing is sent from here "), "{screen}");
}

#[test]
fn what_a_dialog_still_needs_is_read_to_its_end_on_eighty_columns() {
    let mut desk = desk(false, Role::Commander, waiting());
    desk.command("freeze x==");
    let screen = desk.screen();
    let words: Vec<&str> = screen.split(|c: char| c.is_whitespace() || c == '│').filter(|it| !it.is_empty()).collect();
    let said = words.join(" ");
    assert!(said.contains("needs: \"=\" is not a pattern of names: use letters"), "{screen}");
    assert!(said.contains("and the wildcards * and ?"), "{screen}");
}

/// From the reason to the commit button, and a press.
fn commit(desk: &mut Desk) {
    desk.keys(&[I::NextPane, I::NextPane, I::Open]);
}

#[test]
fn pause_is_sent_at_once_with_its_reason_and_names_no_revision() {
    let mut desk = desk(true, Role::Operator, waiting());
    opened(&mut desk, I::Pause, &waiting());
    desk.write(REASON);
    commit(&mut desk);
    let acts = desk.acts();
    let [Command::Act { id, request, conditions }] = acts.as_slice() else { panic!("{acts:?}\n{}", desk.screen()) };
    assert_eq!(id.to_string(), "dc-west/pick-assist");
    assert_eq!((request.action, request.reason.as_str(), request.dry_run), (Action::Pause, REASON, false));
    assert!(conditions.idempotency_key.is_some() && conditions.revision.is_none(), "stopping must not lose a race");
    assert!(request.saw.as_deref().unwrap().contains("revision r118"), "{:?}", request.saw);
}

#[test]
fn going_back_is_open_while_locked_stale_frozen_and_without_a_preview() {
    let mut sick = breach();
    sick.freeze = Some(Box::new(freeze()));
    let mut desk = desk(true, Role::Operator, sick);
    desk.polls = false;
    desk.answer(Answer::View(Err(unreachable())));
    desk.wait(120_000);
    assert!(desk.screen().contains("LOST"), "{}", desk.screen());
    desk.press(I::ActionMenu).wait(500).press(I::Rollback).paint().wait(400);
    desk.write(REASON);
    commit(&mut desk);
    assert_eq!(desk.acts().len(), 1, "{}", desk.screen());
}

#[test]
fn a_reason_that_is_too_short_sends_nothing_and_keeps_what_was_typed() {
    let mut desk = desk(false, Role::Operator, waiting());
    opened(&mut desk, I::Pause, &waiting());
    desk.write("too short");
    commit(&mut desk);
    assert!(desk.acts().is_empty());
    let screen = desk.screen();
    assert!(
        screen.contains("needs at least 10") && screen.contains("too short") && screen.contains("9 / 500"),
        "{screen}"
    );
}

#[test]
fn enter_in_the_reason_field_only_moves_on_to_the_safe_button() {
    let mut desk = desk(false, Role::Operator, waiting());
    opened(&mut desk, I::Pause, &waiting());
    desk.write(REASON).wait(500);
    desk.press(I::Open);
    assert!(desk.acts().is_empty());
    assert!(desk.screen().contains("[> Keep it as it is <]"), "{}", desk.screen());
    desk.wait(500);
    desk.press(I::Open);
    assert!(desk.acts().is_empty() && desk.app.dialog().is_none(), "the safe button changes nothing");
}

#[test]
fn a_held_enter_never_reaches_the_button() {
    let mut desk = desk(false, Role::Operator, waiting());
    opened(&mut desk, I::Pause, &waiting());
    desk.write(REASON);
    desk.keys(&[I::NextPane, I::NextPane]);
    // Terminals repeat a held key every 30 to 100 ms; the first one was pressed long before.
    desk.send(Message::Input(Input::Intent(I::NextPane)));
    desk.send(Message::Input(Input::Intent(I::PreviousPane)));
    desk.wait(20);
    let mut desk2 = desk;
    for _ in 0..40 {
        desk2.wait(90);
        desk2.press(I::Open);
        if desk2.acts().len() > 1 {
            break;
        }
    }
    // The first press is honest; none of the repeats after it sends anything more.
    assert_eq!(desk2.acts().len(), 1);

    let mut desk = super::dialog::desk(false, Role::Operator, waiting());
    opened(&mut desk, I::Pause, &waiting());
    desk.write(REASON);
    desk.wait(500);
    // Enter is held down from the reason field on: it moves on once, and its repeats press nothing.
    for _ in 0..40 {
        desk.press(I::Open);
        desk.wait(60);
        desk.press(I::NextPane);
    }
    assert!(desk.acts().is_empty(), "{}", desk.screen());
}

#[test]
fn a_paste_neither_submits_nor_brings_line_breaks_or_control_characters() {
    let mut desk = desk(false, Role::Operator, waiting());
    opened(&mut desk, I::Pause, &waiting());
    desk.paste("canary is sick\nsecond line\u{1b}[2J\u{202e}end\n");
    assert!(desk.acts().is_empty());
    assert!(desk.screen().contains("canary is sick second line[2Jend"), "{}", desk.screen());
    desk.keys(&[I::NextPane, I::NextPane]);
    desk.paste("\n\n\n");
    assert!(desk.acts().is_empty());
    assert!(desk.screen().contains("a paste was dropped"), "{}", desk.screen());
}

#[test]
fn what_was_typed_before_the_dialog_was_seen_is_discarded() {
    let mut desk = desk(false, Role::Operator, waiting());
    desk.press(I::ActionMenu).wait(500).press(I::Pause);
    // Not painted yet: an impatient hand goes on typing.
    desk.write("ls -l; make all").press(I::NextPane).press(I::NextPane).press(I::Open);
    desk.paint();
    desk.wait(240);
    desk.write("still too early").press(I::Open);
    assert!(desk.screen().contains(" 0 / 500"), "{}", desk.screen());
    desk.wait(20);
    desk.write("in time");
    assert!(desk.screen().contains(" 7 / 500"), "{}", desk.screen());
    assert!(desk.acts().is_empty());
}

#[test]
fn a_frame_that_was_on_its_way_before_the_dialog_opened_does_not_start_its_clock() {
    let mut desk = desk(false, Role::Operator, waiting());
    desk.press(I::ActionMenu).wait(500);
    desk.app.take_dirty();
    desk.press(I::Pause);
    // The menu's frame is written only now.
    desk.send(Message::Painted);
    desk.wait(1000);
    desk.write("typed blind");
    assert!(desk.screen().contains(" 0 / 500"), "{}", desk.screen());
}

#[test]
fn what_widens_waits_three_seconds_and_esc_stops_it() {
    let mut desk = desk(false, Role::Operator, waiting());
    opened(&mut desk, I::Promote, &waiting());
    desk.write(REASON);
    commit(&mut desk);
    assert!(desk.acts().is_empty());
    assert!(desk.screen().contains("SENDING in 3s, esc stops it"), "{}", desk.screen());
    desk.wait(2900);
    desk.press(I::Back);
    desk.wait(10_000);
    assert!(desk.acts().is_empty());
    assert!(desk.screen().contains("stopped: nothing was sent"), "{}", desk.screen());
    // So does going to the button that stops it: nobody is sent past while they reach for it.
    desk.keys(&[I::Right, I::Open]);
    assert!(desk.screen().contains("SENDING in 3s, esc stops it"), "{}", desk.screen());
    desk.wait(2900).press(I::Left).wait(10_000);
    assert!(desk.acts().is_empty(), "{}", desk.screen());
    // Pressed again and left alone it is sent, on the revision that was looked at.
    desk.keys(&[I::Right, I::Open]);
    desk.wait(3100);
    let acts = desk.acts();
    let [Command::Act { conditions, .. }] = acts.as_slice() else { panic!("{acts:?}\n{}", desk.screen()) };
    assert_eq!(conditions.revision, Some(Revision("r118".into())));
}

#[test]
fn ctrl_c_twice_stops_what_is_about_to_be_sent_instead_of_leaving() {
    let mut desk = desk(false, Role::Operator, waiting());
    opened(&mut desk, I::Promote, &waiting());
    desk.write(REASON);
    commit(&mut desk);
    desk.press(I::QuitNow);
    desk.wait(5000);
    assert!(desk.acts().is_empty() && !desk.commands.iter().any(|c| matches!(c, Command::Quit)));
}

#[test]
fn a_protected_context_is_locked_until_armed_and_locks_again_by_itself() {
    let mut desk = desk(true, Role::Operator, waiting());
    opened(&mut desk, I::Promote, &waiting());
    desk.write(REASON);
    commit(&mut desk);
    assert!(desk.acts().is_empty());
    assert!(desk.screen().contains("locked: A arms it"), "{}", desk.screen());
    desk.press(I::Back).wait(300);
    desk.press(I::Arm);
    assert!(desk.row(0).contains("ARMED 10m"), "{}", desk.row(0));
    opened(&mut desk, I::Promote, &waiting());
    // What was typed is still there.
    assert!(desk.screen().contains(REASON), "{}", desk.screen());
    commit(&mut desk);
    desk.wait(3100);
    assert_eq!(desk.acts().len(), 1, "{}", desk.screen());
    // Five minutes without a key lock it again.
    desk.taken();
    desk.wait(300_000);
    assert!(desk.row(0).contains("LOCKED"), "{}", desk.row(0));
}

#[test]
fn suspending_losing_the_connection_and_another_context_disarm() {
    for way in 0..3 {
        let mut desk = desk(true, Role::Operator, waiting());
        desk.command("arm 5m");
        assert!(desk.app.is_armed(), "{}", desk.screen());
        match way {
            0 => drop(desk.send(Message::Resumed)),
            1 => drop(desk.answer(Answer::View(Err(unreachable())))),
            _ => drop(desk.command("ctx lab").command("ctx prod-eu")),
        }
        assert!(!desk.app.is_armed(), "{way}");
    }
}

#[test]
fn stale_or_lost_data_holds_what_widens() {
    let mut desk = desk(true, Role::Operator, waiting());
    desk.press(I::Arm);
    opened(&mut desk, I::Promote, &waiting());
    desk.write(REASON);
    desk.polls = false;
    desk.wait(14_000);
    commit(&mut desk);
    desk.wait(4000);
    assert!(desk.acts().is_empty(), "the link is slow\n{}", desk.screen());
    // The backend answers again, and yet the units have been silent for longer than thirty seconds.
    desk.wait(20_000);
    desk.changed(vec![], vec![]);
    desk.press(I::Open);
    desk.wait(4000);
    assert!(desk.acts().is_empty(), "{}", desk.screen());
    assert!(desk.screen().contains("not been heard of for too long"), "{}", desk.screen());
}

#[test]
fn when_the_rollout_moves_the_dialog_says_what_changed_and_looks_again_before_it_widens() {
    let mut desk = desk(false, Role::Operator, waiting());
    opened(&mut desk, I::Promote, &waiting());
    desk.write(REASON);
    commit(&mut desk);
    let mut moved = waiting();
    moved.revision = Revision("r119".into());
    moved.current_stage = Some("wave1".parse().unwrap());
    desk.changed(vec![moved.clone()], vec![]);
    desk.wait(5000);
    assert!(desk.acts().is_empty(), "what counted down was stopped");
    let screen = desk.screen();
    assert!(screen.contains("stage canary -> wave1") && screen.contains("revision r118 ->"), "{screen}");
    // The button only looks again, then commits as before.
    desk.taken();
    desk.keys(&[I::Right, I::Open]);
    assert!(desk.acts().is_empty());
    let key = asked(&desk).expect("a new preview was asked for");
    desk.answer(Answer::Previewed(key, Ok(preview(&moved))));
    desk.keys(&[I::Open]);
    desk.wait(3100);
    let acts = desk.acts();
    let [Command::Act { conditions, .. }] = acts.as_slice() else { panic!("{acts:?}\n{}", desk.screen()) };
    assert_eq!(conditions.revision, Some(Revision("r119".into())));
}

#[test]
fn when_the_rollout_moves_pause_is_still_sent_by_the_next_press() {
    let mut desk = desk(false, Role::Operator, waiting());
    opened(&mut desk, I::Pause, &waiting());
    desk.write(REASON);
    let mut moved = waiting();
    moved.revision = Revision("r119".into());
    desk.changed(vec![moved], vec![]);
    assert!(desk.screen().contains("revision r118 -> r119"), "{}", desk.screen());
    commit(&mut desk);
    assert_eq!(desk.acts().len(), 1);
}

#[test]
fn viewers_and_read_only_sessions_see_every_action_and_why_not() {
    let mut viewer = desk(false, Role::Viewer, waiting());
    viewer.press(I::ActionMenu);
    let screen = viewer.screen();
    assert_eq!(screen.matches("your role here is viewer").count(), 8, "{screen}");
    viewer.press(I::Pause);
    assert!(viewer.app.dialog().is_none());
    let mut locked = Desk::with(&options(false, true), Role::Commander, false, vec![waiting()], (80, 24));
    locked.command("rollback dc-west/pick-assist");
    assert!(locked.app.dialog().is_none());
    let screen = locked.screen();
    assert!(screen.contains("this session is read-only") && screen.contains("READ-ONLY"), "{screen}");
}

#[test]
fn an_action_that_does_not_apply_says_why_and_opens_nothing() {
    let mut desk = desk(false, Role::Operator, waiting());
    desk.command("resume");
    assert!(desk.app.dialog().is_none());
    assert!(desk.screen().contains("not while it is awaiting promotion"), "{}", desk.screen());
}

#[test]
fn a_freeze_holds_what_widens_and_says_which() {
    let mut frozen = waiting();
    frozen.freeze = Some(Box::new(freeze()));
    let mut desk = desk(false, Role::Operator, frozen.clone());
    desk.press(I::ActionMenu);
    assert!(desk.screen().contains("HELD: frozen by w-12ab until 14:00Z: pilot window"), "{}", desk.screen());
    desk.press(I::Back);
    opened(&mut desk, I::Promote, &frozen);
    desk.write(REASON);
    commit(&mut desk);
    desk.wait(4000);
    assert!(desk.acts().is_empty());
}

#[test]
fn the_outcome_the_audit_entry_and_the_new_phase_are_shown_at_once() {
    let mut desk = desk(false, Role::Operator, waiting());
    opened(&mut desk, I::Pause, &waiting());
    desk.write(REASON);
    commit(&mut desk);
    let mut paused = waiting();
    paused.phase = Phase::Paused;
    paused.blockers = vec![blocker(BlockerKind::Paused, "paused by mira")];
    let key = desk.app.dialog().unwrap().key.clone();
    desk.answer(Answer::Acted(key, Ok(applied(&paused, 9321, "pause"))));
    assert!(desk.app.dialog().is_none());
    let screen = desk.screen();
    assert!(screen.contains("applied: pause changes 12 units, now PAUSED, audit #9321"), "{screen}");
    assert!(screen.contains("= PAUSED") || screen.contains("PAUSED   dc-west"), "{screen}");
    // The reason is not offered for the next action as a draft, but can be brought back.
    opened(&mut desk, I::Resume, &paused);
    assert!(desk.screen().contains(" 0 / 500"), "{}", desk.screen());
    desk.press(I::HistoryOlder);
    assert!(desk.screen().contains(REASON), "{}", desk.screen());
}

#[test]
fn a_refusal_shows_its_blockers_and_loses_nothing_that_was_typed() {
    let mut desk = desk(false, Role::Operator, waiting());
    opened(&mut desk, I::Pause, &waiting());
    desk.write(REASON);
    commit(&mut desk);
    let mut problem = Problem::new(Code::Blocked, "a window holds it");
    problem.blockers = vec![blocker(BlockerKind::Freeze, "frozen until 14:00Z")];
    problem.audit = Some(9400);
    let key = desk.app.dialog().unwrap().key.clone();
    desk.answer(Answer::Acted(key.clone(), Err(BackendError::Problem(Box::new(problem)))));
    let screen = desk.screen();
    for part in ["REFUSED, nothing was changed", "frozen until 14:00Z", "audit #9400", REASON] {
        assert!(screen.contains(part), "{part}\n{screen}");
    }
    assert_eq!(desk.app.dialog().unwrap().key, key);
}

#[test]
fn a_lost_answer_is_unconfirmed_and_asked_again_only_with_the_same_key_and_words() {
    let mut desk = desk(false, Role::Operator, waiting());
    opened(&mut desk, I::Pause, &waiting());
    desk.write(REASON);
    commit(&mut desk);
    let first = format!("{:?}", desk.acts()[0]);
    let key = desk.app.dialog().unwrap().key.clone();
    desk.answer(Answer::AskedAgain(key.clone(), 2));
    assert!(desk.screen().contains("asked again 2 times with the same key"), "{}", desk.screen());
    desk.answer(Answer::Acted(key.clone(), Err(unreachable())));
    assert!(desk.screen().contains("UNCONFIRMED, it may have been done or not"), "{}", desk.screen());
    // Nothing can be changed any more: another body under the same key would be another action.
    desk.write("another reason altogether");
    desk.taken();
    desk.keys(&[I::NextPane, I::Open]);
    let acts = desk.acts();
    assert_eq!(acts.len(), 1, "{}", desk.screen());
    assert_eq!(format!("{:?}", acts[0]), first);
}

#[test]
fn a_request_that_is_still_worked_on_is_not_called_refused() {
    let mut desk = desk(false, Role::Operator, waiting());
    opened(&mut desk, I::Pause, &waiting());
    desk.write(REASON);
    commit(&mut desk);
    let key = desk.app.dialog().unwrap().key.clone();
    let problem = Problem::new(Code::InProgress, "the same key is being worked on");
    desk.answer(Answer::Acted(key, Err(BackendError::Problem(Box::new(problem)))));
    let screen = desk.screen();
    assert!(screen.contains("UNCONFIRMED") && !screen.contains("REFUSED"), "{screen}");
}

#[test]
fn a_draft_is_kept_for_each_rollout_and_action_through_the_session() {
    let other = rollout("osl/ui-shell", Phase::AwaitingPromotion, 3);
    let mut desk = Desk::with(&options(false, false), Role::Operator, false, vec![waiting(), other.clone()], (80, 24));
    opened(&mut desk, I::Pause, &waiting());
    desk.write("half a reason").press(I::Back);
    desk.press(I::Down);
    opened(&mut desk, I::Pause, &other);
    assert!(desk.screen().contains(" 0 / 500"), "{}", desk.screen());
    desk.press(I::Back).press(I::Up);
    opened(&mut desk, I::Pause, &waiting());
    assert!(desk.screen().contains("half a reason"), "{}", desk.screen());
}

#[test]
fn a_freeze_is_added_with_scope_span_and_reason_and_sent_at_once() {
    let mut desk = desk(false, Role::Commander, waiting());
    desk.press(I::ActionMenu).wait(400).press(I::AddWindow).paint().wait(400);
    assert!(desk.screen().contains("dc-west"), "the selected rollout's target is proposed\n{}", desk.screen());
    desk.keys(&[I::NextPane, I::NextPane]);
    desk.write("never");
    assert!(desk.screen().contains("is no time"), "{}", desk.screen());
    for _ in 0..5 {
        desk.send(Message::Input(Input::Edit(tui_input::InputRequest::DeletePrevChar)));
    }
    desk.write("+2h");
    desk.keys(&[I::NextPane, I::NextPane]);
    desk.write("a customer visits the site");
    commit(&mut desk);
    let acts = desk.acts();
    let [Command::AddWindow { request, .. }] = acts.as_slice() else { panic!("{acts:?}\n{}", desk.screen()) };
    assert_eq!(request.scope.to_string(), "target=dc-west");
    let left = request.until.unwrap() - desk.moment().wall;
    assert!((7190..=7200).contains(&left.num_seconds()), "{left}");
    assert_eq!(request.from, None);
}

#[test]
fn lifting_a_freeze_widens_and_so_waits() {
    let mut desk = desk(false, Role::Commander, waiting());
    desk.answer(Answer::Windows(Ok(super::fleet::windows())));
    desk.press(I::ViewWindows).press(I::ActionMenu).wait(400).press(I::LiftWindow).paint().wait(400);
    desk.write("the pilot is over early");
    commit(&mut desk);
    assert!(desk.acts().is_empty());
    desk.wait(3100);
    let acts = desk.acts();
    let [Command::LiftWindow { id, .. }] = acts.as_slice() else { panic!("{acts:?}\n{}", desk.screen()) };
    assert_eq!(id, "w-12ab");
}

#[test]
fn the_command_line_twin_says_the_same_with_the_reason_quoted() {
    let mut desk = Desk::with(&options(false, false), Role::Operator, false, vec![waiting()], (200, 60));
    opened(&mut desk, I::PromoteFull, &waiting());
    desk.write("it's all green now");
    let screen = desk.screen();
    let twin = "rolldeck promote dc-west/pick-assist --full --if-revision r118 --context prod-eu";
    assert!(screen.contains(twin) && screen.contains(r"--reason 'it'\''s all green now'"), "{screen}");
}

#[test]
fn what_can_be_done_is_said_of_the_rollout_that_is_on_the_screen_where_its_row_is_behind() {
    let before = rollout("dc-west/pick-assist", Phase::Progressing, 13);
    let mut desk = desk(false, Role::Operator, before);
    desk.press(I::Open).watched(waiting());
    desk.press(I::ActionMenu);
    assert!(!desk.screen().contains("not while it is progressing"), "{}", desk.screen());
    desk.wait(500).press(I::Promote).paint();
    assert!(desk.app.dialog().is_some(), "{}", desk.screen());
}

#[test]
fn an_answer_to_what_was_never_sent_does_not_open_the_way_past_a_lock() {
    let now = waiting();
    let mut desk = desk(true, Role::Operator, now.clone());
    opened(&mut desk, I::Promote, &now);
    let key = asked(&desk).unwrap();
    desk.write(REASON);
    desk.answer(Answer::Acted(key, Err(unreachable())));
    let screen = desk.screen();
    assert!(screen.contains("UNCONFIRMED") && !screen.contains("Ask again"), "{screen}");
    desk.keys(&[I::NextPane, I::NextPane, I::NextPane]);
    for _ in 0..4 {
        desk.wait(400).press(I::Open).press(I::NextPane);
    }
    desk.wait(5000);
    assert!(desk.acts().is_empty(), "{:?}", desk.acts());
}
