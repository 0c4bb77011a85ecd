//! Rollouts that a cluster carries out: what is offered, what was sent, how fresh it is, and whole frames.

use rolldeck::{
    backend::{ActionReply, CarrierView},
    domain::{Action, Outcome, Phase, Role, RollbackTo, Rollout, SafeText, workload::ObjectState},
    tui::{
        intent::Intent as I,
        message::{Answer, Command},
        view,
    },
};

use super::{
    cluster::{all, canary, carrier, failing, flagger, object, offers, seconds, sent},
    desk::{Desk, options},
    fleet::{applied, preview, rollout, trail},
};

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];
const FORBIDDEN: &str = "the cluster forbids it: needs patch on rollouts.argoproj.io/status in shop";

fn on(protected: bool, rollouts: Vec<Rollout>, carriers: Vec<CarrierView>, size: (u16, u16)) -> Desk {
    let mut desk = Desk::bare(&options(protected, false), size);
    desk.carriers = carriers;
    desk.answer(Answer::Info(Ok(super::desk::info(Role::Commander, false))));
    desk.all(rollouts);
    desk.commands.clear();
    desk.polls = true;
    desk
}

fn desk(rollouts: Vec<Rollout>) -> Desk {
    on(false, rollouts, vec![carrier("prod", 0, &[])], (80, 24))
}

/// The rollout is opened and known in full, with what happened to it.
fn opened(rollout: &Rollout, size: (u16, u16)) -> Desk {
    let mut desk = on(false, vec![rollout.clone()], vec![carrier("prod", 0, &[])], size);
    desk.press(I::Open);
    desk.watched(rollout.clone());
    desk.answer(Answer::Timeline(rollout.id(), Ok(trail())));
    desk
}

fn snap(name: &str, size: (u16, u16), screen: &str) {
    let (width, height) = size;
    insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(format!("tui_workload_{name}_{width}x{height}"), screen);
    });
}

fn row(desk: &Desk, of: &str) -> String {
    let screen = desk.screen();
    screen.lines().find(|line| line.contains(of)).unwrap_or_else(|| panic!("no {of} in\n{screen}")).to_owned()
}

/// The newest preview that was asked for.
fn asked(desk: &Desk) -> (String, Option<RollbackTo>) {
    let found = desk.commands.iter().rev().find_map(|command| match command {
        Command::Preview { key, request, .. } => Some((key.clone(), request.to.clone())),
        _ => None,
    });
    found.expect("no preview was asked for")
}

fn dialog(desk: &mut Desk, action: I) {
    desk.press(I::ActionMenu).wait(500).press(action).paint().wait(400);
}

#[test]
fn frames_of_states_that_the_gallery_does_not_have() {
    for size in SIZES {
        for (name, rollout) in [("paused", canary()), ("flagger", flagger())] {
            snap(name, size, &opened(&rollout, size).screen());
        }
    }
    snap("failing_ascii", (80, 24), &opened(&failing(), (80, 24)).ascii());
    let mut zoomed = opened(&failing(), (120, 40));
    zoomed.press(I::Zoom);
    snap("analysis_zoomed", (120, 40), &zoomed.screen());
    let mut tree = opened(&canary(), (80, 24));
    tree.keys(&[I::NextPane, I::NextPane, I::NextPane, I::NextPane, I::NextPane]);
    snap("timeline", (80, 24), &tree.screen());
}

#[test]
fn frames_of_remarks_of_clusters_and_of_an_action_that_is_forbidden() {
    let remarks = [
        "cannot list analysisruns in shop: forbidden, needs list on analysisruns.argoproj.io",
        "canaries.flagger.app is not installed",
        "cannot list events in search: forbidden",
    ];
    let mut forbidden = canary();
    forbidden.offers = offers(&[(Action::Promote, FORBIDDEN), (Action::Retry, "nothing was given up")]);
    for size in SIZES {
        let mut desk = on(false, vec![forbidden.clone(), flagger()], vec![carrier("prod", 0, &remarks)], size);
        snap("remarks", size, &desk.screen());
        desk.keys(&[I::ActionMenu, I::Down, I::Down]);
        snap("menu", size, &desk.screen());
    }
    let mut desk = Desk::bare(&options(false, false), (80, 24));
    desk.carriers = vec![carrier("prod", 0, &remarks), carrier("lab", 70, &["does not answer: timed out"])];
    desk.beats = false;
    desk.all(all());
    snap("one_lost", (80, 24), &desk.screen());
    desk.command("clusters");
    snap("clusters", (80, 24), &desk.screen());
}

#[test]
fn frames_of_the_choice_of_a_revision() {
    for size in SIZES {
        let mut desk = opened(&canary(), size);
        dialog(&mut desk, I::Rollback);
        let (key, _) = asked(&desk);
        desk.answer(Answer::Previewed(key, Ok(preview(&canary()))));
        desk.keys(&[I::PreviousPane, I::PreviousPane, I::Right]);
        let (key, _) = asked(&desk);
        desk.answer(Answer::Previewed(key, Ok(preview(&canary()))));
        snap("back_to", size, &desk.screen());
    }
}

#[test]
fn what_a_cluster_forbids_is_said_before_the_key_is_pressed_and_opens_no_dialog() {
    let mut r = canary();
    // By its phase alone it could be promoted.
    assert!(Action::Promote.applies_in(r.phase));
    r.offers = offers(&[(Action::Promote, FORBIDDEN)]);
    let mut desk = on(false, vec![r.clone()], vec![carrier("prod", 0, &[])], (200, 60));
    desk.press(I::ActionMenu);
    let line = row(&desk, "Promote  ");
    assert!(line.contains("no: the cluster forbids it: needs patch on rollouts.argoproj.io/status"), "{line}");
    desk.wait(400).press(I::Promote);
    assert!(desk.app.dialog().is_none(), "{}", desk.screen());
    // What the phase alone would refuse is offered where the driver says so.
    r.phase = Phase::Completed;
    r.offers = offers(&[]);
    desk.changed(vec![r], vec![]);
    assert!(!Action::Retry.applies_in(Phase::Completed));
    dialog(&mut desk, I::Retry);
    assert!(desk.app.dialog().is_some(), "{}", desk.screen());
}

#[test]
fn restart_and_the_end_of_an_analysis_are_named_only_where_they_can_be_done_at_all() {
    for (name, rollout, named) in [
        ("argo", canary(), true),
        ("flagger", flagger(), false),
        ("fleet", super::fleet::rollout("osl/ui", Phase::Progressing, 1), false),
    ] {
        let mut desk = desk(vec![rollout]);
        desk.press(I::ActionMenu);
        let screen = desk.screen();
        assert_eq!(screen.contains("Restart"), named, "{name}\n{screen}");
        assert_eq!(screen.contains("End analysis"), named, "{name}\n{screen}");
        desk.wait(300).press(I::Restart).paint();
        assert_eq!(desk.app.dialog().is_some(), named, "{name}");
    }
    // Every line of a menu that grew can be reached, and the cursor stays in one that shrank.
    let mut desk = desk(vec![canary(), rollout("osl/ui", Phase::Progressing, 1)]);
    desk.keys(&[I::ActionMenu, I::Bottom]);
    assert!(row(&desk, "Lift freeze").contains('>'), "{}", desk.screen());
    desk.keys(&[I::Up, I::Up, I::Up]);
    assert!(row(&desk, "Restart ").contains('>'), "{}", desk.screen());
}

#[test]
fn what_was_sent_and_not_taken_up_is_said_with_its_age_wherever_the_rollout_is() {
    let mut desk = on(false, vec![sent(canary(), 4, false)], vec![carrier("prod", 0, &[])], (130, 40));
    let line = row(&desk, "shop/checkout ");
    assert!(line.contains("SENT promote by mira 4s ago"), "{line}");
    desk.wait(2_000);
    assert!(row(&desk, "shop/checkout ").contains("SENT promote by mira 6s ago"), "{}", desk.screen());
    desk.press(I::Open);
    desk.watched(sent(canary(), 4, false));
    let line = row(&desk, "SENT");
    assert!(line.contains("not yet taken up: the controller has not left step 4"), "{line}");
    desk.watched(sent(canary(), 90, true));
    let line = row(&desk, "UNCONFIRMED");
    assert!(line.contains("promote by mira 1m ago, it may be taken up still"), "{line}");
    desk.watched(canary());
    assert!(!desk.screen().contains("UNCONFIRMED") && !desk.screen().contains("SENT"), "{}", desk.screen());
}

fn promoted(desk: &mut Desk, reply: ActionReply) {
    dialog(desk, I::Promote);
    let (key, _) = asked(desk);
    desk.answer(Answer::Previewed(key, Ok(preview(&canary()))));
    desk.write("analysis is good, go on").keys(&[I::NextPane, I::NextPane, I::Open]).wait(3_500);
    assert_eq!(desk.acts().len(), 1, "{}", desk.screen());
    let key = desk.app.dialog().unwrap().key.clone();
    desk.answer(Answer::Acted(key, Ok(reply)));
    assert!(desk.app.dialog().is_none());
}

#[test]
fn an_action_that_nobody_saw_taken_up_is_no_success_and_stays_said_until_it_is_resolved() {
    let mut desk = desk(vec![canary()]);
    let mut reply = applied(&sent(canary(), 30, true), 9321, "promote");
    reply.outcome = Outcome::Unconfirmed;
    reply.audit.as_mut().unwrap().effect = Some("sent; the controller has not left step 4 yet".into());
    promoted(&mut desk, reply);
    let said = row(&desk, "UNCONFIRMED: sent; the controller has not left step 4 yet");
    assert!(said.contains('?') && !said.contains('✓'), "{said}");
    desk.changed(vec![sent(canary(), 30, true)], vec![]);
    desk.wait(120_000);
    assert!(desk.screen().contains("UNCONFIRMED: sent"), "{}", desk.screen());
    // Something else may be said in between, and goes.
    desk.press(I::ChartMode);
    assert!(desk.screen().contains("charts: "), "{}", desk.screen());
    desk.wait(25_000);
    assert!(desk.screen().contains("UNCONFIRMED: sent"), "{}", desk.screen());
    desk.changed(vec![canary()], vec![]);
    assert!(!desk.screen().contains("UNCONFIRMED"), "{}", desk.screen());
    assert!(desk.screen().contains("not waited for any more"), "{}", desk.screen());
}

#[test]
fn an_action_that_was_taken_up_says_what_was_seen_of_it() {
    let mut desk = desk(vec![canary()]);
    let mut reply = applied(&canary(), 9321, "promote");
    reply.audit.as_mut().unwrap().effect = Some("the controller left step 4 for step 5".into());
    promoted(&mut desk, reply);
    assert!(desk.screen().contains("applied: the controller left step 4 for step 5"), "{}", desk.screen());
}

#[test]
fn a_rollback_goes_to_the_revision_that_was_chosen_and_its_preview_is_of_that_one() {
    let mut done = canary();
    done.phase = Phase::Completed;
    let mut desk = desk(vec![done.clone()]);
    dialog(&mut desk, I::Rollback);
    // A summary has no revisions: they are asked for while the dialog is open.
    assert!(desk.commands.iter().any(|c| matches!(c, Command::Watch(Some(id)) if *id == done.id())));
    let (first, to) = asked(&desk);
    assert_eq!(to, None);
    desk.watched(done.clone());
    assert!(desk.screen().contains("the previous: 11  checkout:2.3.9, stable"), "{}", desk.screen());
    // From the reason over the ticket to the choice: the next older one, and the one before it.
    desk.keys(&[I::PreviousPane, I::PreviousPane, I::Right, I::Right]);
    let (second, to) = asked(&desk);
    assert_eq!(to, Some(RollbackTo::Revision(9)));
    assert!(desk.screen().contains("< 9  checkout:2.3.8, made 6d ago >"), "{}", desk.screen());
    // The answer to the question before is not taken for one to this.
    assert_ne!(first, second);
    desk.answer(Answer::Previewed(first, Ok(preview(&done))));
    assert!(desk.screen().contains("asking what it would do"), "{}", desk.screen());
    desk.answer(Answer::Previewed(second, Ok(preview(&done))));
    assert!(!desk.screen().contains("asking what it would do"), "{}", desk.screen());
    desk.keys(&[I::NextPane, I::NextPane]);
    assert!(desk.screen().contains("--to 9"), "{}", desk.screen());
    desk.write("2.3.9 loses carts, 2.3.8 does not").keys(&[I::NextPane, I::NextPane, I::Open]);
    let acts = desk.acts();
    let [Command::Act { request, conditions, .. }] = acts.as_slice() else { panic!("{acts:?}\n{}", desk.screen()) };
    assert_eq!((request.action, &request.to), (Action::Rollback, &Some(RollbackTo::Revision(9))));
    assert!(conditions.revision.is_none(), "stopping must not lose a race");
}

#[test]
fn a_rollback_that_names_no_revision_sends_none() {
    let mut desk = opened(&canary(), (120, 40));
    dialog(&mut desk, I::Rollback);
    assert!(desk.screen().contains("the stable version, this candidate is given up"), "{}", desk.screen());
    // There and back again.
    desk.keys(&[I::PreviousPane, I::PreviousPane, I::Right, I::Left, I::Left, I::NextPane, I::NextPane]);
    desk.write("errors rise on the canary").keys(&[I::NextPane, I::NextPane, I::Open]);
    let acts = desk.acts();
    let [Command::Act { request, .. }] = acts.as_slice() else { panic!("{acts:?}\n{}", desk.screen()) };
    assert_eq!(request.to, None);
}

#[test]
fn a_cluster_that_says_that_all_is_as_it_was_keeps_its_rollouts_fresh_and_costs_no_frame() {
    let mut desk = desk(all());
    desk.press(I::Bottom).paint();
    for _ in 0..30 {
        desk.wait(9_000).paint();
        desk.changed(vec![], vec![]);
        assert!(!desk.app.is_dirty(), "a heartbeat asked for a frame");
        assert!(!desk.screen().contains("STALE"), "{}", desk.screen());
    }
}

#[test]
fn a_lost_cluster_is_lost_though_the_backend_answers_and_nothing_is_widened_on_what_it_told() {
    let mut desk = on(false, all(), vec![carrier("prod", 0, &[])], (120, 40));
    desk.beats = false;
    desk.wait(44_000);
    assert!(!desk.screen().contains("LOST") && !desk.screen().contains("STALE"), "{}", desk.screen());
    desk.wait(8_000);
    assert!(desk.row(0).contains("LOST 50s"), "{}", desk.row(0));
    assert!(desk.row(1).contains("LOST prod 50s ago: all that is shown of it is from 12:04:31Z"), "{}", desk.row(1));
    assert!(row(&desk, "shop/checkout ").contains("STALE 50s"), "{}", desk.screen());
    desk.press(I::ActionMenu);
    let line = row(&desk, "Promote  ");
    assert!(line.contains("HELD: STALE: its cluster was last heard of 50s ago"), "{line}");
    // Going back is open all the same, and says how old what is seen is.
    desk.wait(400).press(I::Rollback).paint().wait(400);
    assert!(desk.screen().contains("STALE: its cluster was last heard of"), "{}", desk.screen());
    desk.write("errors rise on the canary").keys(&[I::NextPane, I::NextPane, I::Open]);
    assert_eq!(desk.acts().len(), 1, "{}", desk.screen());
    let Command::Act { request, .. } = desk.acts()[0] else { panic!() };
    assert!(request.saw.as_deref().unwrap().contains("cluster LOST"), "{:?}", request.saw);
    // It is back.
    desk.beats = true;
    desk.changed(vec![], vec![]);
    assert!(!desk.screen().contains("LOST"), "{}", desk.screen());
}

#[test]
fn one_lost_cluster_of_several_and_a_fleet_beside_it_leave_the_others_as_they_are() {
    let mut lost = flagger();
    lost.observed_at = Some(seconds(300));
    let mut live = canary();
    live.observed_at = Some(seconds(1));
    let own = rollout("osl/ui", Phase::Progressing, 1);
    let carriers = vec![carrier("prod", 1, &[]), carrier("lab", 300, &[])];
    let mut desk = Desk::bare(&options(false, false), (120, 40));
    (desk.carriers, desk.beats) = (carriers, false);
    desk.all(vec![lost, live, own]);
    assert!(desk.row(0).contains("live"), "{}", desk.row(0));
    assert!(desk.row(1).contains("LOST lab 5m ago"), "{}", desk.row(1));
    assert!(row(&desk, "search/query ").contains("STALE 5m"), "{}", desk.screen());
    for fresh in ["shop/checkout ", "osl/ui "] {
        assert!(!row(&desk, fresh).contains("STALE"), "{}", desk.screen());
    }
}

#[test]
fn an_empty_cluster_is_told_from_one_that_was_not_read_yet() {
    let unread = CarrierView { place: "prod".into(), as_of: None, remarks: vec!["does not answer: timed out".into()] };
    let mut desk = on(false, vec![], vec![unread], (80, 24));
    let screen = desk.screen();
    assert!(screen.contains("prod told of no rollout yet") && screen.contains("prod: does not answer"), "{screen}");
    assert!(!screen.contains("nothing is rolling out") && !screen.contains("no rollout is in"), "{screen}");
    desk.carriers = vec![carrier("prod", 0, &[])];
    desk.changed(vec![], vec![]);
    assert!(desk.screen().contains("no rollout is in prod"), "{}", desk.screen());
}

#[test]
fn a_freeze_says_whether_the_controller_goes_on_all_the_same() {
    for (phase, next, says) in [
        (Phase::Progressing, true, "argo goes on by itself all the same"),
        (Phase::AwaitingPromotion, true, "argo goes on by itself all the same"),
        (Phase::AwaitingPromotion, false, "argo waits: nothing goes on by itself"),
        (Phase::Paused, false, "argo waits: nothing goes on by itself"),
    ] {
        let mut frozen = canary();
        frozen.phase = phase;
        frozen.freeze = Some(Box::new(super::fleet::freeze()));
        if !next {
            frozen.next = None;
        }
        let desk = opened(&frozen, (120, 40));
        assert!(desk.screen().contains(says), "{phase} {next}\n{}", desk.screen());
    }
}

#[test]
fn what_was_on_the_screen_goes_into_the_audit_trail_with_stage_weight_and_verdict() {
    let mut desk = opened(&failing(), (120, 40));
    dialog(&mut desk, I::Pause);
    desk.write("success rate falls").keys(&[I::NextPane, I::NextPane, I::Open]);
    let Command::Act { request, .. } = desk.acts()[0] else { panic!() };
    let saw = request.saw.clone().unwrap();
    assert!(
        saw.starts_with(
            "progressing at weight-25, 20% of traffic (set 25%), 5% mirrored, verified, 2 of 10 pods, verdict fail, \
             revision 12-6f8c7:3ab1, data 0s old, live"
        ),
        "{saw}"
    );
}

#[test]
fn five_hundred_pods_cost_what_is_visible_of_them_and_a_fold_hides_them() {
    let mut many = canary();
    let told = many.workload.as_mut().unwrap();
    told.objects = vec![
        object(0, "Rollout", "checkout", ObjectState::Good, "Healthy", ""),
        object(1, "ReplicaSet", "checkout-6f8c7", ObjectState::Good, "Healthy", "500/500"),
    ];
    told.objects.extend(
        (0..500).map(|n| object(2, "Pod", &format!("checkout-6f8c7-{n}"), ObjectState::Good, "Running", "ready 1/1")),
    );
    let mut desk = opened(&many, (80, 24));
    desk.keys(&[I::NextPane, I::NextPane, I::NextPane]);
    let before = view::objects_formatted();
    let screen = desk.screen();
    let formatted = view::objects_formatted() - before;
    assert!((2..=20).contains(&formatted), "{formatted}\n{screen}");
    assert!(screen.contains("objects 502"), "{screen}");
    desk.press(I::Bottom);
    assert!(desk.screen().contains("checkout-6f8c7-499"), "{}", desk.screen());
    desk.press(I::Top).press(I::Down).press(I::Open);
    let screen = desk.screen();
    assert!(!screen.contains("checkout-6f8c7-0 ") && screen.contains("+ rs checkout-6f8c7"), "{screen}");
    desk.press(I::Open);
    assert!(desk.screen().contains("checkout-6f8c7-0 "), "{}", desk.screen());
    // In another pane nothing of it is formatted.
    desk.keys(&[I::NextPane]);
    let before = view::objects_formatted();
    desk.screen();
    assert_eq!(view::objects_formatted(), before);
}

#[test]
fn every_state_of_an_object_is_told_by_a_sign_or_a_word_and_not_by_colour() {
    let states = [
        ObjectState::Good,
        ObjectState::Working,
        ObjectState::Waiting,
        ObjectState::Bad,
        ObjectState::Off,
        ObjectState::Unknown,
    ];
    let mut seen = Vec::new();
    for state in states {
        let mut r = canary();
        r.workload.as_mut().unwrap().objects = vec![object(0, "Pod", "one", state, "", "")];
        let mut desk = opened(&r, (80, 24));
        desk.keys(&[I::NextPane, I::NextPane, I::NextPane]);
        let ascii = desk.ascii();
        let line = ascii.lines().find(|line| line.contains("pod one")).unwrap_or_else(|| panic!("{ascii}")).to_owned();
        assert!(!seen.contains(&line), "{state:?}: {line}");
        seen.push(line);
    }
}

#[test]
fn hostile_names_and_messages_reach_no_cell() {
    const HOSTILE: &str = "a\u{1b}[31m\u{7}b\u{202e}c\u{200b}d\u{e0041}\u{9b}2J\r\nend";
    let bad = || SafeText::new(HOSTILE);
    let mut r = sent(failing(), 5, true);
    r.message = bad();
    r.driver = bad();
    r.offers = offers(&[(Action::Promote, HOSTILE)]);
    r.pending.as_mut().unwrap().detail = bad();
    let told = r.workload.as_mut().unwrap();
    (told.kind, told.remark) = (bad(), bad());
    told.facts[0].name = bad();
    told.facts[0].value = bad();
    told.revisions[0].images = vec![bad(), SafeText::new(format!("x/{HOSTILE}@{HOSTILE}"))];
    told.revisions[0].roles = vec![bad()];
    told.objects[1] = object(255, HOSTILE, HOSTILE, ObjectState::Bad, HOSTILE, HOSTILE);
    told.runs[0].message = bad();
    told.runs[0].metrics[0].query = bad();
    told.runs[0].metrics[0].success = bad();
    told.runs[0].metrics[0].limits = vec![f64::NAN, f64::INFINITY, -1e308, 1e308];
    told.runs[0].metrics[0].measurements[0].number = Some(f64::NEG_INFINITY);
    told.happenings[0].text = bad();
    for size in [(60, 16), (80, 24), (120, 40), (200, 60)] {
        let mut desk = opened(&r, size);
        desk.carriers = vec![carrier(HOSTILE, 0, &[HOSTILE, HOSTILE, HOSTILE])];
        desk.changed(vec![], vec![]);
        for _ in 0..7 {
            for zoom in 0..2 {
                let screen = desk.screen();
                let hostile = |c: char| c != '\n' && rolldeck::domain::text::is_hostile(c);
                assert!(!screen.contains(hostile), "{size:?} {zoom}\n{screen}");
                desk.press(I::Zoom);
            }
            desk.press(I::NextPane);
        }
        desk.command("clusters");
        desk.screen();
        desk.press(I::Back).press(I::ActionMenu);
        desk.screen();
    }
}

#[test]
fn a_bare_workload_is_shown_as_far_as_it_goes() {
    let mut r = canary();
    r.workload = Some(Box::default());
    r.stages.clear();
    r.current_stage = None;
    r.phase = Phase::Unknown;
    r.message = "status.currentStepIndex is missing".into();
    for size in SIZES {
        let mut desk = opened(&r, size);
        for _ in 0..7 {
            let screen = desk.screen();
            assert!(screen.contains("status.currentStepIndex is missing"), "{screen}");
            desk.press(I::NextPane);
        }
    }
}
