//! Overrides and approvals: asked for from what is held, decided by dialogs with a reason, never lost sight of.

use chrono::TimeDelta;
use rolldeck::{
    backend::{
        ActionReply, ApprovalChange, ApprovalReply, ApprovalView, ApprovalsPage, BackendError, Code, OverrideChange,
        OverrideReply, OverrideView, OverridesPage, Problem,
    },
    domain::{
        Action, Actor, ActorKind, Approval, ApprovalState, Consent, Freeze, Operation, Outcome, Overridable, Override,
        OverrideKind, OverrideState, Phase, Preview, Revision, Role, Rollout, Subject, SubjectKind, WindowRef,
        approval::Decision,
        overrides::Use,
        rollout::{Check, CheckState},
    },
    tui::{
        intent::Intent as I,
        message::{Answer, Command},
    },
};

use super::{
    desk::{Desk, options, start, unreachable},
    fleet::{ago, applied, entry, freeze, id, nine, preview, rollout},
};

const REASON: &str = "the fix for INC-2231 cannot wait for 14:00";

fn consent(by: &str, reason: &str) -> Consent {
    Consent { by: by.into(), at: ago(5), reason: reason.into(), with: None }
}

pub fn exception(name: &str, who: &str) -> OverrideView {
    let record = Override {
        id: name.into(),
        revision: 1,
        windows: vec![WindowRef { id: "w-12ab".into(), revision: 3 }],
        actions: vec![Operation::Promote],
        rollout: Some(id("dc-north/router")),
        candidate: Some("sha256:0202".into()),
        kind: OverrideKind::Hotfix,
        reason: "the fix of CVE-2026-1234 cannot wait".into(),
        ticket: Some("INC-2231".into()),
        requested_by: who.into(),
        requested_at: ago(20),
        approvals_needed: 1,
        approvals: vec![consent("a.lind", "agreed on the phone, and read the diff")],
        not_before: ago(20),
        expires_at: start() + TimeDelta::minutes(220),
        uses_max: 2,
        uses: vec![Use {
            at: ago(3),
            by: who.into(),
            action: Operation::Promote,
            revision: Some(Revision("r117".into())),
            stage: Some("canary".into()),
            entry: 9318,
        }],
        ..Override::default()
    };
    view(record)
}

fn view(record: Override) -> OverrideView {
    let (state, uses_left) = (record.state(start()), record.uses_left());
    OverrideView { record, state, uses_left, approval: None, why_not: None }
}

/// One that can be used, one that waits, one that was taken without waiting, one that is over.
pub fn overrides() -> OverridesPage {
    let active = exception("o-7", "k.berg");
    let mut waiting = exception("o-8", "mira");
    waiting.record.approvals.clear();
    waiting.record.uses.clear();
    waiting.approval = Some("a-3".into());
    let mut glass = exception("o-5", "j.roos");
    glass.record.break_glass = true;
    glass.record.approvals.clear();
    glass.record.expires_at = ago(30);
    glass.record.countersign_until = Some(start() + TimeDelta::hours(19));
    let mut back = exception("o-2", "k.berg");
    back.record.withdrawn = Some(consent("k.berg", "not needed after all, it was the load balancer"));
    OverridesPage {
        overrides: [active, waiting, glass, back]
            .map(|v| OverrideView { approval: v.approval, ..view(v.record) })
            .to_vec(),
    }
}

fn actor(name: &str) -> Actor {
    Actor { role: Some(Role::Operator), ..Actor { kind: ActorKind::Human, ..Actor::system(name) } }
}

fn approval(name: &str, action: &str, who: &str, minutes: i64) -> ApprovalView {
    let approval = Approval {
        id: name.into(),
        action: action.into(),
        subject: Subject { kind: SubjectKind::Rollout, target: Some("dc-west".into()), name: "pick-assist".into() },
        revision: Some(Revision("r118".into())),
        preview: Preview {
            summary: "136 units get 4.12.0".into(),
            changes: vec!["136 further units get 4.12.0, without waiting for a person".into()],
            unchanged: vec!["gates still hold".into()],
            checks: vec![Check { state: CheckState::Warn, text: "osl2-n17 is silent".into() }],
            units: 136,
        },
        saw: Some("awaiting promotion at canary, verdict pass, data 3s old, live".into()),
        requested_by: actor(who),
        requested_at: ago(10),
        reason: "all gates pass since an hour, the shops open at six".into(),
        ticket: Some("CHG-91".into()),
        expires_at: start() + TimeDelta::minutes(minutes),
        decision: None,
        intent: 9317,
    };
    let state = approval.state(start());
    ApprovalView { approval, state, yours: Some(true), why_not: None }
}

pub fn approvals() -> ApprovalsPage {
    let first = approval("a-3", "promote_full", "k.berg", 95);
    let mut own = approval("a-4", "override", "mira", 200);
    own.yours = Some(false);
    own.why_not = Some("you asked for it: somebody else has to decide".into());
    let mut done = approval("a-1", "promote", "j.roos", -60);
    done.approval.decision = Some(Decision {
        state: ApprovalState::Approved,
        by: "a.lind".into(),
        at: ago(80),
        reason: "looked at the canary together".into(),
        failed: Some("the rollout is at another revision by now".into()),
    });
    (done.state, done.yours) = (ApprovalState::Approved, None);
    ApprovalsPage { approvals: vec![first, own, done] }
}

fn held() -> Freeze {
    Freeze { revision: 3, overridable: Overridable::TwoPerson, ..freeze() }
}

fn waiting() -> Rollout {
    let mut rollout = rollout("dc-north/router", Phase::AwaitingPromotion, 12);
    rollout.freeze = Some(Box::new(held()));
    rollout
}

fn blocked(by: Vec<Freeze>) -> ActionReply {
    ActionReply { blocking_windows: by, ..preview(&waiting()) }
}

fn asked(desk: &Desk) -> Option<(String, Option<String>)> {
    desk.commands.iter().rev().find_map(|command| match command {
        Command::Preview { key, request, .. } => Some((key.clone(), request.override_id.clone())),
        _ => None,
    })
}

/// The dialog of a promotion that these windows hold.
pub fn promotion(size: (u16, u16), role: Role, by: Vec<Freeze>) -> Desk {
    let mut desk = Desk::with(&options(false, false), role, false, vec![waiting()], size);
    desk.press(I::ActionMenu).wait(500).press(I::Promote).paint().wait(400);
    let (key, _) = asked(&desk).unwrap();
    desk.answer(Answer::Previewed(key, Ok(blocked(by))));
    desk
}

/// The dialog of an override of what holds it.
pub fn override_dialog(size: (u16, u16)) -> Desk {
    let mut desk = promotion(size, Role::Commander, vec![held()]);
    desk.keys(&[I::NextPane, I::NextPane]);
    desk.press(I::Open).paint().wait(400);
    desk
}

fn reply(view: OverrideView, seq: u64) -> OverrideReply {
    OverrideReply { outcome: Outcome::Applied, record: view, audit: entry(seq, "override_add", "mira", REASON) }
}

/// Onto the commit button, a press, and the three seconds in which it can be stopped.
fn commit(desk: &mut Desk) {
    desk.keys(&[I::NextPane, I::NextPane, I::Open]);
    desk.wait(3200);
}

#[test]
fn what_a_window_holds_says_who_can_let_it_pass_and_goes_on_once_the_override_counts() {
    let mut desk = promotion((100, 30), Role::Commander, vec![held()]);
    let screen = desk.screen();
    for part in ["HELD by w-12ab until 14:00Z: pilot window", "Ask for an override", "two people: an operator asks"] {
        assert!(screen.contains(part), "{part}\n{screen}");
    }
    desk.write("promote it now, please");
    desk.keys(&[I::NextPane, I::NextPane]);
    desk.press(I::Open).paint().wait(400);
    let screen = desk.screen();
    for part in [
        "OVERRIDE to promote dc-north/router",
        "w-12ab at revision 3",
        "any other window, also one that begins or is changed later",
        "candidate 4.12.0, once, until 16:04Z",
        "incident: something is broken now",
        "no: whoever has to agree is waited for",
        "rolldeck override ask dc-north/router --window w-12ab@3 --action promote",
    ] {
        assert!(screen.contains(part), "{part}\n{screen}");
    }
    // Eleven characters are enough for an action, and not for this.
    desk.write("fix INC-223");
    assert!(desk.screen().contains("the reason of an override has 12 characters or more"), "{}", desk.screen());
    desk.write("1 now, the shops wait");
    commit(&mut desk);
    let acts = desk.acts();
    let [Command::AddOverride { key, request }] = acts.as_slice() else { panic!("{acts:?}\n{}", desk.screen()) };
    assert_eq!(request.windows, ["w-12ab@3"], "the revision that was on the screen");
    assert_eq!(request.actions, [Operation::Promote]);
    assert_eq!(request.rollout.as_ref().unwrap().to_string(), "dc-north/router");
    assert_eq!((request.uses, request.break_glass), (Some(1), false));
    assert!(request.saw.as_deref().unwrap().contains("revision r118"));
    let (key, since) = (key.clone(), request.expires_at.unwrap() - start());
    assert!((TimeDelta::minutes(239)..=TimeDelta::minutes(241)).contains(&since), "{since}");
    // It waits for somebody: the promotion is back, with all that was typed, and says so.
    let mut given = exception("o-9", "mira");
    given.record.approvals.clear();
    given.record.uses.clear();
    given.approval = Some("a-9".into());
    desk.taken();
    desk.answer(Answer::OverrideChanged(key, Ok(reply(view(given.record.clone()), 9330))));
    desk.paint().wait(400);
    let screen = desk.screen();
    assert!(screen.contains("override o-9 WAITS for a second person"), "{screen}");
    assert!(screen.contains("promote it now, please"), "{screen}");
    assert!(desk.app.commit_lock().is_some());
    // The second person agreed: the override is filled in, and what it does is asked again.
    given.record.approvals = vec![consent("a.lind", "agreed, the shops are waiting")];
    desk.taken();
    desk.answer(Answer::Overrides(Ok(OverridesPage { overrides: vec![view(given.record)] })));
    let (preview_key, with) = asked(&desk).unwrap();
    assert_eq!(with.as_deref(), Some("o-9"));
    desk.answer(Answer::Previewed(preview_key, Ok(preview(&waiting()))));
    let screen = desk.screen();
    assert!(screen.contains("with override o-9, 2 of 2 uses left") && screen.contains("--override o-9"), "{screen}");
    assert_eq!(desk.app.commit_lock(), None);
    desk.taken();
    desk.keys(&[I::NextPane, I::Open]);
    desk.wait(3200);
    let acts = desk.acts();
    let [Command::Act { request, conditions, .. }] = acts.as_slice() else { panic!("{acts:?}\n{}", desk.screen()) };
    assert_eq!((request.action, request.override_id.as_deref()), (Action::Promote, Some("o-9")));
    assert_eq!(conditions.revision, Some(Revision("r118".into())));
}

#[test]
fn an_override_that_fits_is_used_rather_than_asked_for_again() {
    let mut desk = promotion((100, 30), Role::Operator, vec![held()]);
    desk.answer(Answer::Overrides(Ok(overrides())));
    assert!(desk.screen().contains("Use override o-7"), "{}", desk.screen());
    desk.keys(&[I::NextPane]);
    desk.press(I::AskOverride);
    assert_eq!(asked(&desk).unwrap().1.as_deref(), Some("o-7"));
    // Of another revision of the window it does not speak.
    let mut desk = promotion((100, 30), Role::Operator, vec![Freeze { revision: 4, ..held() }]);
    desk.answer(Answer::Overrides(Ok(overrides())));
    assert!(desk.screen().contains("Ask for an override"), "{}", desk.screen());
}

#[test]
fn a_window_that_nobody_may_pass_says_so_and_opens_nothing() {
    let never = Freeze { overridable: Overridable::Never, ..held() };
    let mut desk = promotion((80, 24), Role::Commander, vec![never]);
    assert!(desk.screen().contains("nobody can override w-12ab, whatever the role"), "{}", desk.screen());
    desk.keys(&[I::NextPane]);
    desk.press(I::AskOverride);
    assert!(desk.screen().contains("PROMOTE dc-north/router"), "{}", desk.screen());
    assert!(desk.acts().is_empty());
}

#[test]
fn a_refusal_that_names_windows_offers_the_override_too_and_esc_brings_the_action_back() {
    let mut open = waiting();
    open.freeze = None;
    let mut desk = Desk::with(&options(false, false), Role::Commander, false, vec![open.clone()], (100, 30));
    desk.press(I::ActionMenu).wait(500).press(I::Promote).paint().wait(400);
    let (key, _) = asked(&desk).unwrap();
    desk.answer(Answer::Previewed(key, Ok(preview(&open))));
    desk.write(REASON);
    commit(&mut desk);
    assert_eq!(desk.acts().len(), 1, "{}", desk.screen());
    let mut problem = Problem::new(Code::Blocked, "a window began");
    problem.blocking_windows = vec![held()];
    let key = desk.app.dialog().unwrap().key.clone();
    desk.answer(Answer::Acted(key, Err(BackendError::from(problem))));
    desk.press(I::AskOverride).paint().wait(400);
    assert!(desk.screen().contains("OVERRIDE to promote"), "{}", desk.screen());
    desk.keys(&[I::Back]);
    assert!(desk.screen().contains("PROMOTE dc-north/router"), "{}", desk.screen());
    assert!(desk.screen().contains(REASON), "{}", desk.screen());
}

#[test]
fn the_glass_is_broken_only_by_a_switch_that_says_what_follows() {
    let mut desk = override_dialog((120, 40));
    desk.write(REASON);
    desk.keys(&[I::PreviousPane, I::PreviousPane, I::Press]);
    let screen = desk.screen();
    assert!(screen.contains("BREAK-GLASS: it counts at once and nobody agrees first"), "{screen}");
    assert!(screen.contains("BREAK GLASS for router") && screen.contains("--break-glass"), "{screen}");
    desk.keys(&[I::NextPane, I::NextPane]);
    commit(&mut desk);
    let acts = desk.acts();
    let [Command::AddOverride { request, .. }] = acts.as_slice() else { panic!("{acts:?}\n{}", desk.screen()) };
    assert!(request.break_glass);
    // An operator asks two people's windows, and breaks no glass.
    let mut desk = promotion((120, 40), Role::Operator, vec![held()]);
    desk.keys(&[I::NextPane]);
    desk.press(I::AskOverride).paint().wait(400);
    desk.write(REASON);
    assert_eq!(desk.app.commit_lock(), None);
    desk.keys(&[I::PreviousPane, I::PreviousPane, I::Press]);
    assert!(desk.app.commit_lock().unwrap().contains("needs commander"), "{:?}", desk.app.commit_lock());
}

#[test]
fn an_expiry_and_uses_that_are_none_are_said_and_hold_the_button() {
    let mut desk = override_dialog((120, 40));
    desk.write(REASON);
    desk.keys(&[I::PreviousPane, I::PreviousPane, I::PreviousPane]);
    desk.write("x");
    assert!(desk.app.commit_lock().unwrap().contains("'1x' is no number of uses"), "{:?}", desk.app.commit_lock());
    desk.keys(&[I::PreviousPane]);
    desk.write("zz");
    assert!(desk.app.commit_lock().unwrap().contains("'4hzz' is no time"), "{:?}", desk.app.commit_lock());
}

#[test]
fn the_list_says_first_and_loudly_what_nobody_stood_by_and_is_changed_by_dialogs_only() {
    let mut desk = Desk::with(&options(false, false), Role::Commander, false, nine(), (120, 40));
    desk.command("overrides");
    assert!(desk.taken().iter().any(|c| matches!(c, Command::Overrides)));
    desk.answer(Answer::Windows(Ok(super::calendar::windows())));
    desk.answer(Answer::Overrides(Ok(overrides())));
    let screen = desk.ascii();
    let rows: Vec<&str> = screen.lines().filter(|line| line.contains(" o-")).collect();
    assert!(rows[0].contains("BREAK-GLASS") && rows[0].contains("NOT COUNTERSIGNED, 19h left  by j.roos"), "{screen}");
    for part in [
        "1 BREAK-GLASS not countersigned",
        "1 BREAK-GLASS override is not countersigned (:overrides)",
        "1/2",
        "3h40m",
        "WAITING",
        "withdrawn",
    ] {
        assert!(screen.contains(part), "{part}\n{screen}");
    }
    desk.press(I::ActionMenu).wait(300).press(I::Countersign).paint().wait(400);
    desk.write("I was on the call and stand by it");
    desk.keys(&[I::NextPane, I::NextPane, I::Open]);
    let acts = desk.acts();
    let [Command::ChangeOverride { key, id, change: OverrideChange::Countersign, request }] = acts.as_slice() else {
        panic!("{acts:?}\n{}", desk.screen())
    };
    assert_eq!((id.as_str(), request.reason.as_str()), ("o-5", "I was on the call and stand by it"));
    let key = key.clone();
    let mut signed = overrides().overrides[2].clone();
    signed.record.countersigned = Some(consent("mira", "I was on the call and stand by it"));
    desk.answer(Answer::OverrideChanged(key, Ok(reply(signed, 9331))));
    assert!(desk.app.dialog().is_none());
    assert!(!desk.ascii().contains("NOT COUNTERSIGNED"), "{}", desk.ascii());
    // What is over cannot be taken back, and what is not is taken back with a reason.
    desk.press(I::Bottom);
    desk.press(I::ActionMenu).wait(300).press(I::Withdraw);
    assert!(desk.app.dialog().is_none() && desk.screen().contains("it is over already"), "{}", desk.screen());
}

#[test]
fn what_waits_for_the_caller_is_said_on_every_screen_and_is_decided_with_a_reason() {
    let mut desk = Desk::with(&options(true, false), Role::Commander, false, nine(), (120, 40));
    desk.answer(Answer::Approvals(Ok(approvals())));
    for view in [I::ViewOverview, I::ViewDetail, I::ViewSites, I::ViewAudit, I::ViewWindows] {
        desk.press(view);
        assert!(desk.screen().contains("1 approval waits for you (:approvals)"), "{}", desk.screen());
    }
    desk.press(I::ViewApprovals);
    let screen = desk.ascii();
    for part in [
        "FOR YOU",
        "promote_full",
        "136 further units get 4.12.0, without waiting for a person",
        "gates still hold",
        "awaiting promotion at canary, verdict pass",
        "1h35m",
        "all gates pass since an hour",
        "FAILED",
    ] {
        assert!(screen.contains(part), "{part}\n{screen}");
    }
    desk.press(I::Down);
    assert!(desk.ascii().contains("may not: you asked for it"), "{}", desk.ascii());
    desk.press(I::ActionMenu).wait(300).press(I::Approve);
    assert!(desk.app.dialog().is_none(), "one's own is not approved");
    desk.press(I::Back).press(I::Up);
    // What widens waits until the context is armed, and three seconds.
    desk.press(I::ActionMenu).wait(300).press(I::Approve).paint().wait(400);
    desk.write("looked at the canary and its gates");
    desk.keys(&[I::NextPane, I::NextPane, I::Open]);
    assert!(desk.acts().is_empty() && desk.screen().contains("locked: A arms it"), "{}", desk.screen());
    desk.keys(&[I::Back]);
    desk.press(I::Arm);
    desk.press(I::ActionMenu).wait(300).press(I::Approve).paint().wait(400);
    assert!(desk.screen().contains("looked at the canary"), "nothing typed is lost: {}", desk.screen());
    commit(&mut desk);
    let acts = desk.acts();
    let [Command::DecideApproval { key, id, change: ApprovalChange::Approve, request }] = acts.as_slice() else {
        panic!("{acts:?}\n{}", desk.screen())
    };
    assert_eq!((id.as_str(), request.reason.as_str()), ("a-3", "looked at the canary and its gates"));
    let key = key.clone();
    let mut decided = approvals().approvals[0].clone();
    decided.approval.decision = Some(Decision {
        state: ApprovalState::Approved,
        by: "mira".into(),
        at: start(),
        reason: "looked at the canary and its gates".into(),
        failed: None,
    });
    (decided.state, decided.yours) = (ApprovalState::Approved, None);
    let done = applied(&rollout("dc-west/pick-assist", Phase::Progressing, 0), 9341, "promote_full");
    let reply = ApprovalReply {
        outcome: Outcome::Applied,
        approval: decided,
        audit: entry(9340, "approve", "mira", "looked at the canary and its gates"),
        done: Some(done),
    };
    desk.answer(Answer::ApprovalDecided(key, Ok(Box::new(reply))));
    let screen = desk.screen();
    assert!(screen.contains("approved: a-3 promote_full, and done: promote_full changes 12 units"), "{screen}");
    assert!(!screen.contains("waits for you"), "{screen}");
}

#[test]
fn rejecting_and_taking_back_are_sent_at_once_and_a_lost_answer_is_unconfirmed() {
    let mut desk = Desk::with(&options(false, false), Role::Commander, false, nine(), (100, 30));
    desk.answer(Answer::Approvals(Ok(approvals())));
    desk.press(I::ViewApprovals);
    desk.press(I::ActionMenu).wait(300).press(I::Reject).paint().wait(400);
    desk.write("not before the audit on site is over");
    desk.keys(&[I::NextPane, I::NextPane, I::Open]);
    let acts = desk.acts();
    let [Command::DecideApproval { key, change: ApprovalChange::Reject, .. }] = acts.as_slice() else {
        panic!("{acts:?}\n{}", desk.screen())
    };
    let key = key.clone();
    desk.answer(Answer::ApprovalDecided(key, Err(unreachable())));
    assert!(desk.screen().contains("UNCONFIRMED"), "{}", desk.screen());
    desk.wait(200);
    desk.press(I::Back).press(I::Down);
    desk.press(I::ActionMenu).wait(300).press(I::Withdraw).paint().wait(400);
    desk.write("it was asked for by mistake");
    desk.taken();
    desk.keys(&[I::NextPane, I::NextPane, I::Open]);
    let acts = desk.acts();
    assert!(
        matches!(acts.as_slice(), [Command::DecideApproval { id, change: ApprovalChange::Withdraw, .. }] if id == "a-4"),
        "{acts:?}\n{}",
        desk.screen()
    );
}

#[test]
fn an_action_that_needs_a_second_person_says_that_nothing_was_done_yet() {
    let open = rollout("dc-west/pick-assist", Phase::AwaitingPromotion, 12);
    let mut desk = Desk::with(&options(false, false), Role::Operator, false, vec![open.clone()], (100, 30));
    desk.press(I::ActionMenu).wait(500).press(I::Promote).paint().wait(400);
    let (key, _) = asked(&desk).unwrap();
    desk.answer(Answer::Previewed(key, Ok(preview(&open))));
    desk.write(REASON);
    commit(&mut desk);
    let key = desk.app.dialog().unwrap().key.clone();
    let mut waits = approval("a-12", "promote", "mira", 240);
    waits.yours = Some(false);
    let intended = ActionReply { approval: Some(Box::new(waits)), ..preview(&open) };
    desk.answer(Answer::Acted(key, Ok(intended)));
    assert!(desk.app.dialog().is_none());
    assert!(desk.screen().contains("NOT DONE YET: promote waits for a second person as a-12"), "{}", desk.screen());
}

#[test]
fn approvals_are_asked_about_with_what_changed_and_at_most_every_fifteen_seconds_while_one_waits() {
    let mut desk = Desk::with(&options(false, false), Role::Commander, false, nine(), (100, 30));
    let asks = |desk: &mut Desk| desk.taken().iter().filter(|c| matches!(c, Command::Approvals)).count();
    desk.answer(Answer::Approvals(Ok(ApprovalsPage { approvals: vec![] })));
    asks(&mut desk);
    // Quiet: once in thirty seconds, with the view's own answers.
    desk.wait(61_000);
    assert!((1..=2).contains(&asks(&mut desk)));
    desk.answer(Answer::Approvals(Ok(approvals())));
    desk.wait(61_000);
    assert!((2..=4).contains(&asks(&mut desk)));
    let mut moved = nine()[0].clone();
    moved.updated_at = start();
    desk.changed(vec![moved], vec![]);
    assert_eq!(asks(&mut desk), 1);
    // An answer that says the same changes nothing on the screen.
    desk.paint();
    desk.answer(Answer::Approvals(Ok(approvals())));
    assert!(!desk.app.is_dirty());
}

#[test]
fn a_place_has_the_room_of_reasons_until_a_reason_can_be_read() {
    let place = "stores-netherlands/self-checkout-lanes";
    for (width, has_reason) in [(80, false), (101, false), (102, false), (103, true), (120, true)] {
        let mut desk = Desk::with(&options(false, false), Role::Commander, false, nine(), (width, 30));
        let mut page = approvals();
        for view in &mut page.approvals {
            view.approval.subject.target = Some("stores-netherlands".into());
            view.approval.subject.name = "self-checkout-lanes".into();
        }
        desk.answer(Answer::Approvals(Ok(page)));
        desk.press(I::ViewApprovals);
        let screen = desk.screen();
        let head = screen.lines().find(|line| line.contains("WHERE")).unwrap();
        assert_eq!(head.contains("WHY"), has_reason, "{width}\n{screen}");
        let row = screen.lines().find(|line| line.contains("promote_full")).unwrap();
        let whole = row.contains(place);
        assert_eq!(whole, !has_reason && width > 97, "{width}\n{screen}");
        assert_eq!(row.contains("all gates pass"), has_reason, "{width}\n{screen}");
    }
}

#[test]
fn hostile_reasons_and_names_break_no_row_of_these_views() {
    let evil = "日本語\u{202e}gnp\u{1b}[2J".repeat(12);
    for size in [(60, 16), (80, 24), (120, 40), (200, 60)] {
        let mut desk = Desk::with(&options(false, false), Role::Commander, false, nine(), size);
        let mut page = approvals();
        for view in &mut page.approvals {
            view.approval.reason = evil.as_str().into();
            view.approval.action = evil.as_str().into();
            view.approval.preview.changes = vec![evil.as_str().into(); 30];
            view.why_not = Some(evil.as_str().into());
        }
        let mut exceptions = overrides();
        for view in &mut exceptions.overrides {
            view.record.reason = evil.as_str().into();
            view.record.requested_by = evil.as_str().into();
            view.record.windows = vec![WindowRef { id: evil.as_str().into(), revision: 1 }; 9];
        }
        desk.answer(Answer::Approvals(Ok(page)));
        desk.answer(Answer::Overrides(Ok(exceptions)));
        for keys in [
            &[I::ViewApprovals][..],
            &[I::ActionMenu, I::Approve],
            &[I::Back, I::ViewOverrides],
            &[I::ActionMenu, I::Countersign],
        ] {
            for key in keys {
                desk.wait(500).press(*key).paint();
            }
            for line in desk.screen().lines() {
                let width = unicode_width::UnicodeWidthStr::width(line);
                assert!(width <= usize::from(size.0), "{width} columns: {line}");
                assert!(!line.contains('\u{1b}') && !line.contains('\u{202e}'), "{line}");
            }
        }
    }
}

#[test]
fn one_that_ended_while_its_action_waits_is_said_and_waited_for_no_more() {
    let mut desk = override_dialog((100, 30));
    desk.write(REASON);
    commit(&mut desk);
    let key = desk.app.dialog().unwrap().key.clone();
    let mut given = exception("o-9", "mira");
    given.record.approvals.clear();
    given.record.uses.clear();
    desk.answer(Answer::OverrideChanged(key, Ok(reply(view(given.record.clone()), 9330))));
    given.record.withdrawn = Some(consent("mira", "not needed any more after all"));
    desk.answer(Answer::Overrides(Ok(OverridesPage { overrides: vec![view(given.record)] })));
    assert!(desk.screen().contains("override o-9 cannot be used: it is withdrawn"), "{}", desk.screen());
    assert_eq!(overrides().overrides[0].state, OverrideState::Active);
}
