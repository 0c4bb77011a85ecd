//! Never lie about freshness: what a slow, lost or returning backend looks like, and how silent idle is.

use std::time::Duration;

use rolldeck::{
    domain::{Phase, Role},
    tui::{
        intent::Intent as I,
        message::{Answer, Command, Message},
    },
};

use super::{
    desk::{Desk, info, options, start, unreachable},
    fleet::{nine, rollout},
};

fn desk() -> Desk {
    let mut desk = Desk::with(&options(false, false), Role::Operator, false, nine(), (120, 40));
    desk.polls = false;
    desk
}

#[test]
fn fresh_data_says_live_without_seconds_and_the_screen_is_silent_until_the_minute_turns() {
    let mut desk = desk();
    assert!(desk.row(0).contains("12:04Z  live"), "{}", desk.row(0));
    // The selected rollout's countdown may tick; that of a calm one is silent.
    desk.press(I::Bottom);
    desk.wait(4_000);
    let before = desk.screen();
    for _ in 0..6 {
        desk.wait(3_500);
        desk.changed(vec![], vec![]);
        assert_eq!(desk.screen(), before);
    }
    desk.wait(8_000);
    desk.changed(vec![], vec![]);
    assert!(desk.row(0).contains("12:05Z  live"), "{}", desk.row(0));
}

#[test]
fn a_poll_that_brings_nothing_new_asks_for_no_frame() {
    let mut desk = desk();
    desk.paint();
    assert!(!desk.app.is_dirty());
    desk.wait(500).changed(vec![], vec![]);
    assert!(!desk.app.is_dirty());
    desk.changed(vec![rollout("new/one", Phase::Progressing, 0)], vec![]);
    assert!(desk.app.is_dirty());
}

#[test]
fn a_late_answer_is_slow_and_three_missed_ones_are_lost_though_nothing_failed() {
    let mut desk = desk();
    desk.wait(13_500);
    assert!(desk.row(0).contains("slow 10s"), "{}", desk.row(0));
    desk.wait(17_000);
    let screen = desk.screen();
    assert!(desk.row(0).contains("LOST 30s"), "{}", desk.row(0));
    assert!(desk.row(1).contains("everything below is from 12:04:31Z"), "{}", desk.row(1));
    // Old values never keep full ink.
    assert!(screen.lines().any(|l| l.contains("ber/planner") && l.contains("STALE")), "{screen}");
    assert!(screen.lines().any(|l| l.contains("ams/auth-svc") && l.contains("~completed")), "{screen}");
}

#[test]
fn a_lost_backend_shows_a_banner_with_a_countdown_and_the_program_goes_on() {
    let mut desk = desk();
    desk.wait(2_000);
    desk.answer(Answer::View(Err(unreachable())));
    desk.answer(Answer::RetryIn(Duration::from_secs(8)));
    let banner = desk.row(1);
    assert!(
        banner.contains("LOST") && banner.contains("retry in 8s") && banner.contains("connection refused"),
        "{banner}"
    );
    desk.wait(3_000);
    assert!(desk.row(1).contains("retry in 5s"), "{}", desk.row(1));
    desk.wait(600_000);
    assert!(desk.row(0).contains("LOST 10m"), "{}", desk.row(0));
    assert!(!desk.commands.iter().any(|c| matches!(c, Command::Quit)));
}

#[test]
fn an_empty_list_of_a_lost_backend_does_not_look_like_health() {
    let mut desk = Desk::with(&options(false, false), Role::Operator, false, vec![], (80, 24));
    assert!(desk.screen().contains("nothing is rolling out"), "{}", desk.screen());
    desk.answer(Answer::View(Err(unreachable())));
    let screen = desk.screen();
    assert!(!screen.contains("nothing is rolling out") && screen.contains("nobody can say what is now"), "{screen}");
}

#[test]
fn on_its_return_the_backend_says_what_changed_while_blind() {
    let mut desk = desk();
    desk.answer(Answer::View(Err(unreachable())));
    desk.wait(60_000);
    let mut all = nine();
    all.retain(|r| r.name.as_str() != "auth-svc");
    all.iter_mut().find(|r| r.name.as_str() == "planner").unwrap().message = "other".into();
    desk.all(all);
    let screen = desk.screen();
    assert!(screen.contains("connected again after 1m: 1 rollout changed, 1 is gone meanwhile"), "{screen}");
    assert!(screen.lines().any(|l| l.contains("ber/planner") && l.contains("STALE")), "{screen}");
}

#[test]
fn units_that_nobody_heard_of_make_a_rollout_stale_with_its_age() {
    let mut desk = desk();
    for _ in 0..20 {
        desk.wait(5_000);
        desk.changed(vec![], vec![]);
    }
    let screen = desk.screen();
    let planner = screen.lines().find(|l| l.contains("ber/planner")).unwrap();
    assert!(planner.contains("STALE 1m"), "{planner}");
    // What has ended is not judged: nobody decides on it.
    let done = screen.lines().find(|l| l.contains("ams/auth-svc")).unwrap();
    assert!(!done.contains("STALE"), "{done}");
}

#[test]
fn answers_of_the_context_before_are_dropped() {
    let mut desk = desk();
    desk.command("ctx lab");
    assert!(desk.commands.iter().any(|c| matches!(c, Command::Connect(name) if name == "lab")));
    // Still of generation 1.
    desk.all(nine());
    assert!(desk.screen().contains("asking https://lab.example"), "{}", desk.screen());
    assert!(!desk.screen().contains("pick-assist"));
}

#[test]
fn a_held_display_stands_still_and_catches_up() {
    let mut desk = desk();
    desk.press(I::HoldDisplay);
    desk.changed(vec![rollout("new/one", Phase::Degraded, 0)], vec![]);
    assert!(!desk.screen().contains("new/one"));
    assert!(desk.row(0).contains("HOLD"), "{}", desk.row(0));
    desk.press(I::HoldDisplay);
    assert!(desk.screen().contains("new/one"), "{}", desk.screen());
}

#[test]
fn a_held_display_knows_that_the_backend_lives_and_keeps_no_answer_to_an_action() {
    let mut desk = Desk::with(&options(false, false), Role::Operator, false, nine(), (120, 40));
    desk.press(I::HoldDisplay);
    desk.wait(60_000);
    assert!(desk.row(0).contains("12:05Z  live  HOLD 1m"), "{}", desk.row(0));
    // What widens is not decided on an old picture; what stops is, and its answer comes at once.
    desk.press(I::ActionMenu);
    assert!(desk.screen().contains("HELD: the display is held"), "{}", desk.screen());
    desk.press(I::Pause).paint().wait(300);
    desk.write("errors rise on the canary").keys(&[I::NextPane, I::NextPane, I::Open]);
    let key = desk.app.dialog().unwrap().key.clone();
    let now = rollout("dc-west/pick-assist", Phase::Paused, 0);
    desk.answer(Answer::Acted(key, Ok(super::fleet::applied(&now, 9321, "pause"))));
    assert!(desk.screen().contains("audit #9321"), "{}", desk.screen());
    // It keeps what comes only up to a bound, then goes on by itself.
    for n in 0..310 {
        desk.changed(vec![rollout("new/one", Phase::Degraded, n)], vec![]);
    }
    assert!(desk.screen().contains("new/one"), "{}", desk.screen());
    assert!(desk.row(0).contains("live") && !desk.row(0).contains("HOLD"), "{}", desk.row(0));
}

#[test]
fn a_simulated_backend_is_labelled_on_every_screen_and_size() {
    let mut desk = desk();
    desk.answer(Answer::Info(Ok(info(Role::Operator, true))));
    for view in [I::ViewOverview, I::ViewDetail, I::ViewSites, I::ViewAudit, I::ViewWindows] {
        desk.press(view);
        for size in [(200, 60), (120, 40), (80, 24), (60, 16), (40, 10)] {
            desk.size = size;
            desk.send(Message::Resized { width: size.0, height: size.1 });
            assert!(desk.screen().contains("SIMULATED"), "{view:?} {size:?}\n{}", desk.screen());
        }
    }
    assert_eq!(desk.moment().wall, start());
}
