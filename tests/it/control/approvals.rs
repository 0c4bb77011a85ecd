//! What needs a second person waits for one, is done once, and as whoever asked.

use chrono::TimeDelta;
use rolldeck::{
    control::{AuditQuery, Policy},
    domain::{Action, Approvable, ApprovalState, AuditEntry, BlockerKind, Operation, Outcome, Phase, Role, SafeText},
    wire::{
        ActionReply, ActionRequest, ApprovalChange, ApprovalReply, Code, Conditions, Problem, ReasonRequest,
        WindowRequest,
    },
};

use super::world::{WHY, World, mira, person, pick, request};

const TWO: &str = "  - canary: 1 site\n  - fleet: all\n";

fn demands(what: &[Approvable]) -> Policy {
    Policy { approvals: what.iter().copied().collect(), ..Policy::default() }
}

/// A rollout that waits to be promoted, where promotions need a second person.
async fn waiting(policy: Policy) -> World {
    let world = World::demanding(policy).await;
    let old = world.snapshot("1.0.0", true).await;
    world.sites(&["a", "b"], &old).await;
    let new = world.snapshot("1.1.0", false).await;
    world.start(&new, TWO).await.unwrap();
    let order = world.ask("a", 1).await.expect("an order");
    world.obey("a", &order).await;
    world.until(Phase::AwaitingPromotion).await;
    world
}

async fn ask(world: &World, who: &str, key: &str) -> Result<ActionReply, Problem> {
    let conditions = Conditions { revision: Some(world.show().await.revision), idempotency_key: Some(key.to_owned()) };
    world.act_as(&person(who, Role::Operator, &["dc-*"]), Action::Promote, conditions).await
}

async fn decide(world: &World, who: &str, id: &SafeText, change: ApprovalChange) -> Result<ApprovalReply, Problem> {
    let who = person(who, Role::Operator, &["dc-*"]);
    let reason = ReasonRequest { reason: WHY.to_owned(), ticket: None, saw: None };
    world.control.decide_approval(&who, id.as_str(), change, reason).await
}

async fn trail(world: &World) -> Vec<AuditEntry> {
    world.control.audit(&mira(), AuditQuery::default()).await.unwrap().entries
}

fn promotions() -> Policy {
    demands(&[Approvable::Operation(Operation::Promote)])
}

#[tokio::test]
async fn what_needs_two_people_is_done_once_the_second_agrees_and_as_the_first() {
    let world = waiting(promotions()).await;
    let asked = ask(&world, "ana", "k1").await.unwrap();
    assert_eq!(asked.outcome, Outcome::Intended);
    let approval = asked.approval.expect("it waits").approval;
    let again = ask(&world, "ana", "k1").await.unwrap();
    assert_eq!(again.approval.expect("the same").approval.id, approval.id, "a lost answer is not a second request");
    assert_eq!(world.show().await.phase, Phase::AwaitingPromotion, "nothing is done yet");

    let page = world.control.approvals(&person("ben", Role::Operator, &["dc-*"])).await.unwrap();
    assert_eq!(page.approvals.len(), 1);
    assert_eq!(page.approvals[0].yours, Some(true));
    assert!(!page.approvals[0].approval.preview.changes.is_empty(), "the second person sees what it will do");
    let own = world.control.approvals(&person("Ana", Role::Commander, &["*"])).await.unwrap();
    assert_eq!(own.approvals[0].yours, Some(false), "another token of the same name is the same person");

    let reply = decide(&world, "ben", &approval.id, ApprovalChange::Approve).await.unwrap();
    assert_eq!(reply.outcome, Outcome::Applied);
    assert_eq!(reply.approval.state, ApprovalState::Approved);
    let entry = reply.done.expect("it was done").audit.expect("it is in the trail");
    assert_eq!((entry.actor.id.as_str(), entry.intent), ("ana", Some(approval.intent)));
    assert_eq!(entry.approved_by, vec![SafeText::new("ben")]);
    assert_eq!(world.show().await.phase, Phase::Progressing);
    let twice = decide(&world, "cleo", &approval.id, ApprovalChange::Approve).await.unwrap_err();
    assert_eq!(twice.code, Code::Blocked, "it does not wait any more");
}

#[tokio::test]
async fn nobody_agrees_to_what_they_asked_for_and_nobody_without_the_role_or_the_target() {
    let world = waiting(promotions()).await;
    let id = ask(&world, "ana", "k1").await.unwrap().approval.expect("it waits").approval.id;
    let own = decide(&world, "ana", &id, ApprovalChange::Approve).await.unwrap_err();
    assert_eq!(own.code, Code::Forbidden);
    assert!(own.audit.is_some(), "the attempt is in the trail");
    for (who, targets) in [(Role::Viewer, "*"), (Role::Operator, "dc-east")] {
        let who = person("vera", who, &[targets]);
        let reason = ReasonRequest { reason: WHY.to_owned(), ticket: None, saw: None };
        let refused = world.control.decide_approval(&who, id.as_str(), ApprovalChange::Approve, reason).await;
        assert_eq!(refused.unwrap_err().code, Code::Forbidden, "{targets}");
    }
    assert_eq!(world.show().await.phase, Phase::AwaitingPromotion);
}

#[tokio::test]
async fn what_was_agreed_to_on_another_revision_is_not_done() {
    let world = waiting(promotions()).await;
    let id = ask(&world, "ana", "k1").await.unwrap().approval.expect("it waits").approval.id;
    world.act(Action::Pause).await.unwrap();
    world.act(Action::Resume).await.unwrap();
    let refused = decide(&world, "ben", &id, ApprovalChange::Approve).await.unwrap_err();
    assert_eq!(refused.code, Code::RevisionMismatch);
    let page = world.control.approvals(&mira()).await.unwrap();
    assert!(page.approvals[0].approval.decision.as_ref().unwrap().failed.is_some(), "it does not wait for ever");
    let outcome = trail(&world).await.into_iter().rfind(|entry| entry.intent.is_some()).unwrap();
    assert_eq!(outcome.outcome, Outcome::Refused, "the intent has an outcome: {outcome:?}");
}

#[tokio::test]
async fn who_agreed_to_what_a_freeze_holds_by_now_is_in_the_trail_and_it_waits_on() {
    let world = waiting(promotions()).await;
    let id = ask(&world, "ana", "k1").await.unwrap().approval.expect("it waits").approval.id;
    let freeze = WindowRequest {
        scope: "dc-west".parse().unwrap(),
        reason: "a freeze in between".to_owned(),
        ..WindowRequest::default()
    };
    let window = world.control.add_window(&mira(), freeze, Conditions::default()).await.unwrap().window.window.id;
    let ben = person("ben", Role::Operator, &["dc-*"]);
    let agree = || ReasonRequest { reason: WHY.to_owned(), ticket: None, saw: Some("ben's screen".to_owned()) };
    let held = world.control.decide_approval(&ben, id.as_str(), ApprovalChange::Approve, agree()).await.unwrap_err();
    assert_eq!((held.code, held.blocking_windows.len()), (Code::Blocked, 1));
    let entries = trail(&world).await;
    let made = entries.iter().rfind(|entry| entry.action.as_str() == "promote").unwrap();
    assert_eq!((made.actor.id.as_str(), made.outcome), ("ana", Outcome::Refused));
    assert_eq!(made.approved_by, ["ben".into()], "ana did nothing then: ben did");
    let tried = entries.last().unwrap();
    assert_eq!((tried.actor.id.as_str(), tried.action.as_str()), ("ben", "approve"));
    assert_eq!((tried.outcome, Some(tried.seq)), (Outcome::Refused, held.audit));
    assert!(tried.effect.as_ref().unwrap().as_str().contains("it waits on"), "{:?}", tried.effect);
    assert_eq!(tried.saw.as_ref().map(SafeText::as_str), Some("ben's screen"));
    assert_eq!(made.saw, None, "that was on ben's screen, and not on ana's");
    assert_eq!(world.control.approvals(&mira()).await.unwrap().approvals[0].state, ApprovalState::Waiting);
    let lift = ReasonRequest { reason: WHY.to_owned(), ticket: None, saw: None };
    world.control.lift_window(&mira(), window.as_str(), lift).await.unwrap();
    let done = world.control.decide_approval(&ben, id.as_str(), ApprovalChange::Approve, agree()).await.unwrap();
    assert_eq!((done.outcome, done.audit.saw.as_ref().map(SafeText::as_str)), (Outcome::Applied, Some("ben's screen")));
}

#[tokio::test]
async fn what_waits_is_refused_taken_back_or_expires_and_the_trail_says_which() {
    let world = waiting(Policy { approval_lasts: TimeDelta::milliseconds(300), ..promotions() }).await;
    let id = ask(&world, "ana", "k1").await.unwrap().approval.expect("it waits").approval.id;
    let other = decide(&world, "ben", &id, ApprovalChange::Withdraw).await.unwrap_err();
    assert_eq!(other.code, Code::Forbidden, "only the asker takes it back");
    let twin = ask(&world, "cleo", "k2").await;
    if let Err(twin) = twin {
        assert!(twin.blockers.iter().any(|b| b.kind == BlockerKind::Approval), "one of a kind waits: {twin:?}");
        assert!(twin.audit.is_some(), "that cleo wanted it too is in the trail");
    }
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    while !trail(&world).await.iter().any(|e| e.effect.as_ref().is_some_and(|t| t.as_str().contains("in time"))) {
        assert!(tokio::time::Instant::now() < deadline, "nobody said that it expired");
        tokio::task::yield_now().await;
    }
    let late = decide(&world, "ben", &id, ApprovalChange::Approve).await.unwrap_err();
    assert_eq!(late.code, Code::Blocked);
    assert!(late.detail.as_str().contains("expired"), "{}", late.detail);

    let world = waiting(promotions()).await;
    let id = ask(&world, "ana", "k1").await.unwrap().approval.expect("it waits").approval.id;
    let no = decide(&world, "ben", &id, ApprovalChange::Reject).await.unwrap();
    assert_eq!(no.approval.state, ApprovalState::Rejected);
    let id = ask(&world, "ana", "k3").await.unwrap().approval.expect("it waits").approval.id;
    let back = decide(&world, "ana", &id, ApprovalChange::Withdraw).await.unwrap();
    assert_eq!(back.approval.state, ApprovalState::Withdrawn);
    assert_eq!(world.show().await.phase, Phase::AwaitingPromotion);
}

#[tokio::test]
async fn what_waits_survives_a_restart_and_going_back_never_waits() {
    let world = waiting(promotions()).await;
    let id = ask(&world, "ana", "k1").await.unwrap().approval.expect("it waits").approval.id;
    let world = world.restart().await;
    assert_eq!(world.control.approvals(&mira()).await.unwrap().approvals[0].state, ApprovalState::Waiting);
    assert_eq!(world.act(Action::Pause).await.unwrap().outcome, Outcome::Applied);
    assert_eq!(world.act(Action::Rollback).await.unwrap().outcome, Outcome::Applied);
    let late = decide(&world, "ben", &id, ApprovalChange::Approve).await.unwrap_err();
    assert_eq!(late.code, Code::RevisionMismatch);
}

#[tokio::test]
async fn a_plan_and_an_asker_can_demand_a_second_person_too() {
    let world = World::new().await;
    let old = world.snapshot("1.0.0", true).await;
    world.sites(&["a", "b"], &old).await;
    let new = world.snapshot("1.1.0", false).await;
    world.start(&new, &format!("{TWO}approvals: [promote-full]\n")).await.unwrap();
    let full = world.act(Action::PromoteFull).await.unwrap();
    assert!(full.approval.is_some(), "the plan demands it");
    let retry = ActionRequest { dry_run: true, ..request(Action::PromoteFull) };
    let said = world.control.act(&mira(), &pick(), retry, Conditions::default()).await.unwrap().body.effect;
    assert!(said.checks.iter().any(|c| c.text.as_str().contains("second person")), "{said:?}");

    let order = world.ask("a", 1).await.expect("an order");
    world.obey("a", &order).await;
    world.until(Phase::AwaitingPromotion).await;
    let asks = ActionRequest { ask: true, ..request(Action::Promote) };
    let conditions = Conditions { revision: Some(world.show().await.revision), idempotency_key: None };
    let reply = world.control.act(&mira(), &pick(), asks, conditions).await.unwrap().body;
    assert!(reply.approval.is_some(), "whoever asks wants one");
    let refused = world.start(&new, &format!("{TWO}approvals: [pause]\n")).await.unwrap_err();
    assert!(refused.detail.as_str().contains("going back is always open"), "{}", refused.detail);
}
