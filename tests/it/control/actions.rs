//! Acting on rollouts.

use chrono::TimeDelta;
use rolldeck::{
    domain::{Action, BlockerKind, Outcome, Phase, Role},
    wire::{ActionRequest, Code, Conditions, ReasonRequest, WindowRequest},
};

use super::world::{WHY, World, mira, person, pick, request};

const STAGES: &str = "  - canary: 1 site\n  - fleet: all\n";

async fn rolling() -> (World, rolldeck::domain::Digest, rolldeck::domain::Digest) {
    let world = World::new().await;
    let old = world.snapshot("1.0", false).await;
    let new = world.snapshot("2.0", false).await;
    world.sites(&["a", "b", "c"], &old).await;
    world.start(&new, STAGES).await.unwrap();
    (world, old, new)
}

#[tokio::test]
async fn a_change_goes_out_stage_by_stage_and_comes_back_to_what_was_pinned() {
    let (world, old, new) = rolling().await;
    let order = world.ask("a", 0).await.expect("the canary is told");
    assert_eq!((&order.snapshot, order.previous.as_ref()), (&new, Some(&old)));
    assert!(world.ask("b", 0).await.is_none(), "the second stage has not begun");
    world.obey("a", &order).await;
    world.until(Phase::AwaitingPromotion).await;
    assert_eq!(world.act(Action::Promote).await.unwrap().outcome, Outcome::Applied);
    for site in ["b", "c"] {
        let order = world.ask(site, 0).await.expect("promoted");
        world.obey(site, &order).await;
    }
    world.until(Phase::AwaitingPromotion).await;
    world.act(Action::Promote).await.unwrap();
    world.until(Phase::Completed).await;
    let good = world.control.snapshots(&mira()).await.unwrap().snapshots;
    assert!(good.iter().any(|s| s.digest == new && s.known_good), "it completed healthy");

    world.act(Action::Rollback).await.unwrap();
    for site in ["a", "b", "c"] {
        let order = world.ask(site, 1).await.expect("told to go back");
        assert_eq!(order.snapshot, old);
        world.obey(site, &order).await;
    }
    world.until(Phase::RolledBack).await;
}

#[tokio::test]
async fn pause_while_paused_is_a_no_op_that_is_journalled_once() {
    let (world, ..) = rolling().await;
    assert_eq!(world.act(Action::Pause).await.unwrap().outcome, Outcome::Applied);
    let again = world.act(Action::Pause).await.unwrap();
    assert_eq!(again.outcome, Outcome::NoOp);
    assert!(world.ask("a", 0).await.is_none(), "nothing is told while paused");
    world.act(Action::Resume).await.unwrap();
    assert!(world.ask("a", 0).await.is_some());
}

#[tokio::test]
async fn what_widens_needs_the_revision_that_was_seen_and_what_stops_does_not() {
    let (world, ..) = rolling().await;
    let seen = world.show().await.revision;
    let order = world.ask("a", 0).await.unwrap();
    world.obey("a", &order).await;
    world.until(Phase::AwaitingPromotion).await;
    let missing = world.act_as(&mira(), Action::Promote, Conditions::default()).await.unwrap_err();
    assert_eq!(missing.code, Code::RevisionRequired);
    let stale = Conditions { revision: Some(seen), idempotency_key: None };
    let refused = world.act_as(&mira(), Action::Promote, stale.clone()).await.unwrap_err();
    assert_eq!(refused.code, Code::RevisionMismatch);
    assert!(refused.changed.is_some() && refused.revision.is_some(), "{refused:?}");
    assert_eq!(world.act_as(&mira(), Action::Pause, stale).await.unwrap().outcome, Outcome::Applied);
}

#[tokio::test]
async fn the_same_key_acts_once_and_another_body_under_it_is_refused() {
    let (world, ..) = rolling().await;
    let key = Conditions { revision: None, idempotency_key: Some("k-1".to_owned()) };
    let first = world.control.act(&mira(), &pick(), request(Action::Pause), key.clone()).await.unwrap();
    let again = world.control.act(&mira(), &pick(), request(Action::Pause), key.clone()).await.unwrap();
    assert!(!first.replayed && again.replayed);
    assert_eq!(first.body, again.body);
    let other = world.control.act(&mira(), &pick(), request(Action::Rollback), key.clone()).await.unwrap_err();
    assert_eq!(other.code, Code::IdempotencyMismatch);
    let world = world.restart().await;
    let after = world.control.act(&mira(), &pick(), request(Action::Pause), key).await.unwrap();
    assert!(after.replayed, "a restart forgets no key");
    assert_eq!(first.body, after.body);
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_by_someone_who_has_looked_again_since() {
    let (world, ..) = rolling().await;
    let order = world.ask("a", 0).await.unwrap();
    world.obey("a", &order).await;
    let seen = world.until(Phase::AwaitingPromotion).await.revision;
    let promote = |saw: &str| ActionRequest { saw: Some(saw.to_owned()), ..request(Action::Promote) };
    let under = |revision| Conditions { revision: Some(revision), idempotency_key: Some("k-lost".to_owned()) };
    let first = world.control.act(&mira(), &pick(), promote("1 of 2 units"), under(seen)).await.unwrap();
    let now = world.show().await.revision;
    let again = world.control.act(&mira(), &pick(), promote("2 of 2 units"), under(now)).await.unwrap();
    assert!(again.replayed);
    assert_eq!(first.body, again.body);
    let dry = ActionRequest { dry_run: true, ..request(Action::Promote) };
    let key = Conditions { revision: None, idempotency_key: Some("k-lost".to_owned()) };
    assert_eq!(world.control.act(&mira(), &pick(), dry, key).await.unwrap().body.outcome, Outcome::Intended);
}

#[tokio::test]
async fn a_window_is_changed_once_under_one_key_and_a_refused_change_is_in_the_trail() {
    let world = World::new().await;
    let wanted = |reason: &str| WindowRequest {
        on_enter: rolldeck::domain::OnEnter::Hold,
        scope: "dc-west".parse().unwrap(),
        reason: reason.to_owned(),
        contact: Some(reason.to_owned()),
        from: None,
        until: None,
        ticket: None,
        ..WindowRequest::default()
    };
    let added = world.control.add_window(&mira(), wanted("pilot window on site"), Conditions::default()).await.unwrap();
    let id = added.window.window.id.as_str();
    let key = Conditions { revision: None, idempotency_key: Some("k-window".to_owned()) };
    let longer = || wanted("the pilot takes a day longer");
    let first = world.control.change_window(&mira(), id, longer(), key.clone()).await.unwrap();
    assert_eq!(first, world.control.change_window(&mira(), id, longer(), key).await.unwrap());
    assert_eq!(first.window.window.revision, 2);
    let stale = Conditions { revision: Some(rolldeck::domain::Revision("1".into())), idempotency_key: None };
    let refused = world.control.change_window(&mira(), id, longer(), stale.clone()).await.unwrap_err();
    assert_eq!(refused.code, Code::RevisionMismatch);
    let stranger = person("ben", Role::Viewer, &["dc-west"]);
    let forbidden = world.control.change_window(&stranger, id, longer(), stale).await.unwrap_err();
    assert_eq!(forbidden.code, Code::Forbidden, "who may nothing is not told of revisions");
    let page = world.control.audit(&mira(), Default::default()).await.unwrap();
    let changes: Vec<_> = page.entries.iter().filter(|e| e.action.as_str() == "window_change").collect();
    let outcomes: Vec<_> = changes.iter().map(|e| e.outcome).collect();
    assert_eq!(outcomes, [Outcome::Applied, Outcome::Refused, Outcome::Refused]);
    assert_eq!(refused.audit, Some(changes[1].seq));
}

#[tokio::test]
async fn a_short_reason_changes_nothing_and_says_the_rule() {
    let (world, ..) = rolling().await;
    let mut short = request(Action::Pause);
    short.reason = "  too short ".to_owned();
    let problem = world.control.act(&mira(), &pick(), short, Conditions::default()).await.unwrap_err();
    assert_eq!(problem.code, Code::ReasonRequired);
    assert!(problem.detail.as_str().contains("at least 10"), "{problem}");
    assert_ne!(world.show().await.phase, Phase::Paused);
}

#[tokio::test]
async fn a_freeze_holds_what_widens_and_never_pause_or_rollback() {
    let (world, ..) = rolling().await;
    let order = world.ask("a", 0).await.unwrap();
    world.obey("a", &order).await;
    world.until(Phase::AwaitingPromotion).await;
    let window = WindowRequest {
        on_enter: rolldeck::domain::OnEnter::Hold,
        scope: "dc-west".parse().unwrap(),
        reason: "pilot window on site".to_owned(),
        from: None,
        until: Some(rolldeck::clock::system().now() + TimeDelta::hours(1)),
        ticket: None,
        ..WindowRequest::default()
    };
    let window = world.control.add_window(&mira(), window, Conditions::default()).await.unwrap();
    let blocked = world.act(Action::Promote).await.unwrap_err();
    assert_eq!(blocked.code, Code::Blocked);
    assert!(blocked.blockers.iter().any(|b| b.kind == BlockerKind::Freeze), "{blocked:?}");
    assert!(blocked.next_transition.is_some());
    assert!(world.show().await.freeze.is_some());
    assert_eq!(world.act(Action::Pause).await.unwrap().outcome, Outcome::Applied);
    assert_eq!(world.act(Action::Resume).await.unwrap_err().code, Code::Blocked);
    let lift = ReasonRequest { reason: "the pilot window ended early".to_owned(), ticket: None, saw: None };
    world.control.lift_window(&mira(), window.window.window.id.as_str(), lift).await.unwrap();
    world.act(Action::Resume).await.unwrap();
    world.act(Action::Promote).await.unwrap();
}

#[tokio::test]
async fn a_freeze_that_begins_after_a_promotion_holds_the_units_not_yet_told() {
    let (world, ..) = rolling().await;
    let window = WindowRequest {
        on_enter: rolldeck::domain::OnEnter::Hold,
        scope: "target=dc-west,site=a".parse().unwrap(),
        reason: "stocktaking at site a".to_owned(),
        from: None,
        until: None,
        ticket: None,
        ..WindowRequest::default()
    };
    let window = world.control.add_window(&mira(), window, Conditions::default()).await.unwrap();
    assert!(world.ask("a", 0).await.is_none(), "a freeze covers it");
    world.act(Action::Rollback).await.unwrap();
    let lift = ReasonRequest { reason: "stocktaking has ended".to_owned(), ticket: None, saw: None };
    world.control.lift_window(&mira(), window.window.window.id.as_str(), lift).await.unwrap();
    assert!(world.ask("a", 0).await.is_none(), "it was rolled back before it was told");
}

#[tokio::test]
async fn a_viewer_and_an_operator_of_another_target_change_nothing() {
    let (world, ..) = rolling().await;
    for who in [person("vera", Role::Viewer, &["*"]), person("otto", Role::Operator, &["dc-east"])] {
        let problem = world.act_as(&who, Action::Pause, Conditions::default()).await.unwrap_err();
        assert_eq!(problem.code, Code::Forbidden);
        assert!(problem.audit.is_some(), "a refused action is journalled");
    }
    assert_ne!(world.show().await.phase, Phase::Paused);
}

#[tokio::test]
async fn a_second_rollout_over_the_same_units_waits_for_the_first() {
    let (world, _, new) = rolling().await;
    let problem = world.start(&new, STAGES).await.unwrap_err();
    assert_eq!(problem.code, Code::Blocked);
    world.act(Action::Rollback).await.unwrap();
    let before = world.show().await.revision;
    world.start(&new, STAGES).await.unwrap();
    assert_ne!(world.show().await.revision, before, "an address never sees the same revision twice");
}

#[tokio::test]
async fn a_dry_run_says_what_would_happen_and_leaves_no_trace() {
    let (world, ..) = rolling().await;
    let entries = world.control.figures().audit_entries;
    let mut ask = request(Action::Rollback);
    ask.dry_run = true;
    ask.reason = String::new();
    let reply = world.control.act(&mira(), &pick(), ask, Conditions::default()).await.unwrap().body;
    assert_eq!(reply.outcome, Outcome::Intended);
    assert!(!reply.effect.summary.is_empty());
    assert!(reply.audit.is_none());
    assert_eq!(world.control.figures().audit_entries, entries);
    let _ = WHY;
}
