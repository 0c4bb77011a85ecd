//! Rollouts that a driver carries out elsewhere: what is told, guarded, sent once, and found again.

use std::{future::Future, path::Path, sync::Arc, time::Duration};

use chrono::{TimeDelta, Utc};
use rolldeck::{
    clock,
    control::{AuditQuery, Control, Options, Tagged},
    domain::{Action, AuditEntry, OnEnter, Operation, Outcome, Phase, Revision, Role, Rollout, SafeText},
    driver::{Driver, Elsewhere, Health, OrderError, Seen, Uptake},
    store::sqlite::{Durability, Sqlite},
    wire::{ActionReply, ActionRequest, Code, Conditions, OverrideRequest, Problem, RolloutsPage, WindowRequest},
};

use super::{
    puppet::{Puppet, live, rollout, shop, sighting},
    world::{WHY, mira, person},
};

const R1: &str = "2-abc:1";
const R2: &str = "2-abc:2";

async fn open(folder: &Path, puppet: &Arc<Puppet>) -> Control {
    let store = Sqlite::open(folder, Durability::Relaxed).await.unwrap();
    let options = Options {
        simulated: false,
        signing_seed: [7; 32],
        origin: "rolldeck.test/audit".to_owned(),
        sources: Vec::new(),
        drivers: vec![Arc::clone(puppet) as Arc<dyn Driver>],
        declared: None,
        pauses: true,
        policy: rolldeck::control::Policy::default(),
        beside: None,
    };
    Control::start(Arc::new(store), clock::system(), options).await.unwrap()
}

struct Stage {
    control: Control,
    puppet: Arc<Puppet>,
    folder: tempfile::TempDir,
}

async fn stage(phase: Phase) -> Stage {
    let folder = tempfile::tempdir().unwrap();
    let puppet = Puppet::new(vec![sighting(rollout(R1, phase)), live()]);
    let control = open(folder.path(), &puppet).await;
    Stage { control, puppet, folder }
}

fn request(action: Action, dry_run: bool) -> ActionRequest {
    ActionRequest {
        action,
        reason: if dry_run { String::new() } else { WHY.to_owned() },
        ticket: None,
        to: None,
        override_id: None,
        saw: Some("basket at 20 %".to_owned()),
        dry_run,
        ask: false,
    }
}

fn seen(revision: &str, key: &str) -> Conditions {
    Conditions { revision: Some(Revision(revision.into())), idempotency_key: Some(key.to_owned()) }
}

impl Stage {
    async fn act(&self, action: Action, conditions: Conditions) -> Result<ActionReply, Problem> {
        self.control.act(&mira(), &shop(), request(action, false), conditions).await.map(|reply| reply.body)
    }

    async fn shown(&self) -> Rollout {
        match self.control.rollout(&mira(), &shop(), None, Duration::ZERO).await.unwrap() {
            Tagged::Fresh(rollout, _) => *rollout,
            Tagged::Unchanged => panic!("nothing was named"),
        }
    }

    async fn trail(&self) -> Vec<AuditEntry> {
        let query = AuditQuery { rollout: Some(shop().to_string()), ..AuditQuery::default() };
        self.control.audit(&mira(), query).await.unwrap().entries
    }

    async fn until<F: Future<Output = bool>>(&self, what: &str, mut holds: impl FnMut() -> F) {
        for _ in 0..400 {
            if holds().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("it never came to this: {what}; the trail is {:#?}", self.trail().await);
    }
}

#[tokio::test]
async fn an_action_is_in_the_trail_before_it_is_sent_and_again_with_what_became_of_it() {
    let stage = stage(Phase::AwaitingPromotion).await;
    let reply = stage.act(Action::Promote, seen(R1, "k1")).await.unwrap();
    assert_eq!(reply.outcome, Outcome::Applied);
    let trail = stage.trail().await;
    let [intent, outcome] = trail.as_slice() else { panic!("{trail:#?}") };
    assert_eq!((intent.outcome, outcome.outcome), (Outcome::Intended, Outcome::Applied));
    assert_eq!(outcome.intent, Some(intent.seq));
    assert_eq!(intent.reason.as_ref().unwrap().as_str(), WHY);
    assert_eq!(intent.saw.as_ref().unwrap().as_str(), "basket at 20 %");
    assert_eq!(outcome.effect.as_ref().unwrap().as_str(), "the puppet moved");
    assert_eq!(intent.correlation_id, outcome.correlation_id);
    assert_eq!(stage.puppet.sent().len(), 1);
    assert_eq!(stage.puppet.sent()[0].by.as_str(), "mira");
    assert!(stage.shown().await.pending.is_none());
    stage.control.shutdown().await;
}

#[tokio::test]
async fn what_widens_is_refused_on_another_revision_and_what_stops_is_not() {
    let stage = stage(Phase::AwaitingPromotion).await;
    stage.puppet.tell(vec![sighting(rollout(R2, Phase::AwaitingPromotion))]);
    stage.until("the next step is seen", || async { stage.shown().await.revision.0.as_str() == R2 }).await;
    let problem = stage.act(Action::Promote, seen(R1, "k1")).await.unwrap_err();
    assert_eq!(problem.code, Code::RevisionMismatch);
    assert_eq!(problem.revision.unwrap().0.as_str(), R2);
    let missing = stage.act(Action::Promote, Conditions::default()).await.unwrap_err();
    assert_eq!(missing.code, Code::RevisionRequired);
    assert!(stage.puppet.sent().is_empty());
    stage.act(Action::Pause, seen(R1, "k2")).await.unwrap();
    stage.act(Action::Rollback, Conditions::default()).await.unwrap();
    let sent = stage.puppet.sent();
    assert_eq!(sent[0].revision.0.as_str(), R1, "the driver is told which candidate was on the screen");
    assert_eq!(sent[1].revision.0.as_str(), R2, "and the present one where nobody said it");
    stage.control.shutdown().await;
}

#[tokio::test]
async fn a_freeze_holds_a_promotion_with_both_facts_and_never_the_way_back() {
    let stage = stage(Phase::Progressing).await;
    let window = WindowRequest {
        scope: "namespace=shop,rollout=bas*,label:team=carts".parse().unwrap(),
        reason: WHY.to_owned(),
        from: None,
        until: None,
        on_enter: OnEnter::Hold,
        ticket: None,
        ..WindowRequest::default()
    };
    stage.control.add_window(&mira(), window, Conditions::default()).await.unwrap();
    stage.until("the freeze shows", || async { stage.shown().await.freeze.is_some() }).await;
    let shown = stage.shown().await;
    assert!(shown.blockers[0].summary.as_str().contains("goes on by itself all the same"), "{:?}", shown.blockers);
    let problem = stage.act(Action::Promote, seen(R1, "k1")).await.unwrap_err();
    assert_eq!(problem.code, Code::Blocked);
    assert!(!problem.blockers.is_empty() && problem.audit.is_some());
    let preview = stage.control.act(&mira(), &shop(), request(Action::Promote, true), Conditions::default()).await;
    assert!(preview.unwrap().body.effect.checks[0].text.as_str().contains("holds promote"));
    assert!(stage.puppet.sent().is_empty(), "neither was sent");
    stage.act(Action::Pause, Conditions::default()).await.unwrap();
    stage.act(Action::Rollback, Conditions::default()).await.unwrap();
    assert_eq!(stage.puppet.sent().len(), 2);
    stage.control.shutdown().await;
}

#[tokio::test]
async fn a_window_that_pauses_does_so_once_for_each_candidate() {
    let stage = stage(Phase::Progressing).await;
    let window = WindowRequest {
        scope: "shop".parse().unwrap(),
        reason: WHY.to_owned(),
        from: None,
        until: None,
        on_enter: OnEnter::Pause,
        ticket: None,
        ..WindowRequest::default()
    };
    stage.control.add_window(&mira(), window, Conditions::default()).await.unwrap();
    stage.until("it is paused", || async { stage.puppet.sent().len() == 1 }).await;
    assert_eq!(stage.puppet.sent()[0].action, Action::Pause);
    let settled = || async { stage.trail().await.iter().any(|e| e.outcome == Outcome::Applied) };
    stage.until("the outcome is in the trail", settled).await;
    let trail = stage.trail().await;
    assert!(trail.iter().all(|entry| entry.actor.id.as_str() == "window"), "{trail:#?}");
    // Somebody resumes it elsewhere: that is theirs to answer for, and no fight is begun with a machine.
    stage.puppet.tell(vec![sighting(rollout("2-abc:3", Phase::Progressing)), live()]);
    stage.until("it is seen", || async { stage.shown().await.revision.0.as_str() == "2-abc:3" }).await;
    stage.puppet.tell(vec![sighting(rollout("3-def:1", Phase::Progressing)), live()]);
    stage.until("the next candidate is paused", || async { stage.puppet.sent().len() == 2 }).await;
    assert_eq!(stage.puppet.sent()[1].revision.0.as_str(), "3-def:1");
    stage.control.shutdown().await;
}

#[tokio::test]
async fn an_action_that_nobody_saw_taken_up_is_unconfirmed_and_found_later() {
    let stage = stage(Phase::AwaitingPromotion).await;
    stage.puppet.next_becomes(Ok(Uptake::Unconfirmed("the controller did not answer".into())));
    let reply = stage.act(Action::Promote, seen(R1, "k1")).await.unwrap();
    assert_eq!(reply.outcome, Outcome::Unconfirmed);
    let pending = stage.shown().await.pending.unwrap();
    assert!(pending.unconfirmed && pending.action == Action::Promote);
    stage.puppet.is_found(Ok(Uptake::TakenUp("it is at the next step".into())));
    let found = || async { stage.trail().await.last().is_some_and(|e| e.outcome == Outcome::Applied) };
    stage.until("it was found", found).await;
    let trail = stage.trail().await;
    let intents: Vec<_> = trail.iter().map(|entry| entry.intent).collect();
    assert_eq!(intents, [None, Some(trail[0].seq), Some(trail[0].seq)]);
    assert_eq!(stage.puppet.sent().len(), 1, "it was sent once");
    assert!(stage.shown().await.pending.is_none());
    stage.control.shutdown().await;
}

#[tokio::test]
async fn an_unconfirmed_undo_is_found_by_the_candidate_that_it_makes_and_not_waited_for_beyond_that() {
    let stage = stage(Phase::Completed).await;
    stage.puppet.next_becomes(Ok(Uptake::Unconfirmed("the controller did not answer".into())));
    assert_eq!(stage.act(Action::Rollback, seen(R1, "k1")).await.unwrap().outcome, Outcome::Unconfirmed);
    stage.puppet.tell(vec![sighting(rollout("3-def:1", Phase::Progressing))]);
    stage.until("the next one is seen", || async { stage.shown().await.revision.0.as_str() == "3-def:1" }).await;
    assert!(stage.shown().await.pending.is_some(), "it is still looked for");
    stage.puppet.is_found(Ok(Uptake::TakenUp("it went back".into())));
    let found = || async { stage.trail().await.last().is_some_and(|e| e.outcome == Outcome::Applied) };
    stage.until("it was found", found).await;

    stage.puppet.is_found(Ok(Uptake::Unconfirmed("nothing is to be seen of it".into())));
    stage.puppet.next_becomes(Ok(Uptake::Unconfirmed("the controller did not answer".into())));
    stage.act(Action::Pause, Conditions::default()).await.unwrap();
    for next in ["4-abc:1", "5-fed:1"] {
        stage.puppet.tell(vec![sighting(rollout(next, Phase::Progressing))]);
        stage.until("it is seen", || async { stage.shown().await.revision.0.as_str() == next }).await;
    }
    assert!(stage.shown().await.pending.is_none(), "a pause of an older candidate is not waited for");
    stage.control.shutdown().await;
}

#[tokio::test]
async fn after_a_crash_a_promotion_is_looked_for_and_never_sent_again() {
    let stage = stage(Phase::AwaitingPromotion).await;
    stage.puppet.hold();
    let control = stage.control.clone();
    let asked =
        tokio::spawn(
            async move { control.act(&mira(), &shop(), request(Action::Promote, false), seen(R1, "k1")).await },
        );
    stage.until("it is sent", || async { stage.puppet.sent().len() == 1 }).await;
    let shown = stage.shown().await;
    assert!(!shown.pending.unwrap().unconfirmed);
    stage.control.shutdown().await;
    assert_eq!(asked.await.unwrap().unwrap_err().code, Code::Unavailable);

    let puppet = Puppet::new(vec![sighting(rollout(R2, Phase::Progressing)), live()]);
    puppet.is_found(Ok(Uptake::TakenUp("it is at the next step".into())));
    let control = open(stage.folder.path(), &puppet).await;
    let stage = Stage { control, puppet, folder: stage.folder };
    let found = || async { stage.trail().await.last().is_some_and(|e| e.outcome == Outcome::Applied) };
    stage.until("it was found", found).await;
    assert!(stage.puppet.sent().is_empty() && stage.puppet.looked_for() > 0);
    let trail = stage.trail().await;
    assert_eq!(trail.last().unwrap().intent, Some(trail[0].seq));
    assert_eq!(trail.last().unwrap().correlation_id, trail[0].correlation_id, "a restart is no other candidate");
    stage.control.shutdown().await;
}

#[tokio::test]
async fn the_same_key_is_sent_once_and_another_promotion_waits_for_the_first() {
    let stage = stage(Phase::AwaitingPromotion).await;
    stage.puppet.hold();
    let control = stage.control.clone();
    let first =
        tokio::spawn(
            async move { control.act(&mira(), &shop(), request(Action::Promote, false), seen(R1, "k1")).await },
        );
    stage.until("it is sent", || async { stage.puppet.sent().len() == 1 }).await;
    assert_eq!(stage.act(Action::Promote, seen(R1, "k1")).await.unwrap_err().code, Code::InProgress);
    let second = stage.act(Action::PromoteFull, seen(R1, "k2")).await.unwrap_err();
    assert_eq!(second.code, Code::Blocked);
    assert!(second.detail.to_string().contains("mira sent promote"), "{}", second.detail);
    stage.puppet.let_go();
    assert_eq!(first.await.unwrap().unwrap().body.outcome, Outcome::Applied);
    let again = stage.control.act(&mira(), &shop(), request(Action::Promote, false), seen(R1, "k1")).await.unwrap();
    assert!(again.replayed);
    assert_eq!(stage.puppet.sent().len(), 1);
    stage.control.shutdown().await;
}

#[tokio::test]
async fn what_the_cluster_refuses_is_said_with_its_code_and_journalled() {
    let stage = stage(Phase::AwaitingPromotion).await;
    let forbidden = OrderError::Forbidden { rule: "patch rollouts.argoproj.io/status in shop".to_owned() };
    stage.puppet.next_becomes(Err(forbidden.clone()));
    let problem = stage.act(Action::Promote, seen(R1, "k1")).await.unwrap_err();
    assert_eq!(problem.code, Code::Forbidden);
    assert!(problem.detail.to_string().contains("patch rollouts.argoproj.io/status in shop"));
    stage.puppet.next_becomes(Err(OrderError::Moved { present: Revision(R2.into()), what: "it moved".to_owned() }));
    assert_eq!(stage.act(Action::Promote, seen(R1, "k2")).await.unwrap_err().code, Code::RevisionMismatch);
    stage.puppet.next_becomes(Err(OrderError::Failed("the cluster answered 500".to_owned())));
    assert_eq!(stage.act(Action::Promote, seen(R1, "k3")).await.unwrap_err().code, Code::DriverFailed);
    stage.puppet.refuses(Some(forbidden));
    assert_eq!(stage.act(Action::Promote, seen(R1, "k4")).await.unwrap_err().code, Code::Forbidden);
    let outcomes: Vec<_> = stage.trail().await.iter().map(|entry| entry.outcome).collect();
    use Outcome::{Failed, Intended, Refused};
    assert_eq!(outcomes, [Intended, Refused, Intended, Refused, Intended, Failed, Refused]);
    assert!(stage.shown().await.pending.is_none());
    stage.control.shutdown().await;
}

#[tokio::test]
async fn what_was_done_elsewhere_is_in_the_trail_with_the_field_manager() {
    let stage = stage(Phase::AwaitingPromotion).await;
    let act = Elsewhere {
        what: "promote".into(),
        by: "kubectl-argo-rollouts".into(),
        at: None,
        text: "the pause of step 1 was lifted".into(),
    };
    stage.puppet.tell_elsewhere(rollout(R2, Phase::Progressing), act);
    stage.until("it is in the trail", || async { !stage.trail().await.is_empty() }).await;
    let trail = stage.trail().await;
    assert_eq!(trail[0].actor.id.as_str(), "field manager kubectl-argo-rollouts");
    assert!(trail[0].effect.as_ref().unwrap().as_str().starts_with("from elsewhere: "));
    assert_eq!(trail[0].revision.before.as_ref().unwrap().0.as_str(), R1);
    stage.control.shutdown().await;
}

#[tokio::test]
async fn what_an_order_did_is_not_told_again_as_somebody_elses_doing() {
    let stage = stage(Phase::AwaitingPromotion).await;
    stage.puppet.hold();
    let control = stage.control.clone();
    let asked =
        tokio::spawn(
            async move { control.act(&mira(), &shop(), request(Action::Promote, false), seen(R1, "k1")).await },
        );
    stage.until("it is sent", || async { stage.puppet.sent().len() == 1 }).await;
    let unsigned = Elsewhere { what: "promote".into(), by: "".into(), at: None, text: "a pause was lifted".into() };
    let signed = Elsewhere { what: "restart".into(), by: "kubectl".into(), at: None, text: "restarted".into() };
    stage.puppet.tell_elsewhere(rollout(R2, Phase::Progressing), unsigned.clone());
    stage.puppet.tell_elsewhere(rollout(R2, Phase::Progressing), signed);
    stage.until("the other one is told", || async { stage.trail().await.len() == 2 }).await;
    stage.puppet.let_go();
    asked.await.unwrap().unwrap();
    stage.puppet.tell_elsewhere(rollout("2-abc:3", Phase::Progressing), unsigned);
    stage.until("it is seen", || async { stage.shown().await.revision.0.as_str() == "2-abc:3" }).await;
    let actions: Vec<_> = stage.trail().await.iter().map(|entry| entry.action.to_string()).collect();
    assert_eq!(actions, ["promote", "restart", "promote"]);
    stage.control.shutdown().await;
}

#[tokio::test]
async fn a_candidate_that_was_given_up_is_not_gone_back_to_until_somebody_went_through_with_it() {
    let stage = stage(Phase::Progressing).await;
    stage.act(Action::Rollback, Conditions::default()).await.unwrap();
    stage.puppet.tell(vec![sighting(rollout("3-def:1", Phase::Completed))]);
    stage.until("it is back", || async { stage.shown().await.revision.0.as_str() == "3-def:1" }).await;
    stage.act(Action::Rollback, Conditions::default()).await.unwrap();
    let avoid = |order: usize| stage.puppet.sent()[order].avoid.clone();
    assert!(avoid(0).is_empty());
    assert_eq!(avoid(1), ["abc".into()], "the candidate that was given up");
    stage.puppet.tell(vec![sighting(rollout("4-abc:1", Phase::Completed))]);
    stage.until("it went through", || async { stage.shown().await.revision.0.as_str() == "4-abc:1" }).await;
    stage.act(Action::Rollback, Conditions::default()).await.unwrap();
    assert_eq!(avoid(2), ["def".into()]);
    stage.control.shutdown().await;
}

#[tokio::test]
async fn of_a_cluster_that_was_never_read_it_is_not_said_that_there_is_no_rollout() {
    let folder = tempfile::tempdir().unwrap();
    let remark = SafeText::new("prod does not answer: connection refused");
    let puppet = Puppet::new(vec![Seen::Health(Health { as_of: None, remarks: vec![remark] })]);
    let control = open(folder.path(), &puppet).await;
    let asked = control.rollout(&mira(), &shop(), None, Duration::ZERO).await.unwrap_err();
    assert_eq!(asked.code, Code::Unavailable);
    assert!(asked.detail.to_string().contains("connection refused"), "{}", asked.detail);
    let acted = control.act(&mira(), &shop(), request(Action::Pause, false), Conditions::default()).await;
    assert_eq!(acted.unwrap_err().code, Code::Unavailable);
    control.shutdown().await;
}

#[tokio::test]
async fn whoever_asks_first_is_not_told_that_there_is_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let puppet = Puppet::new(Vec::new());
    let control = open(folder.path(), &puppet).await;
    let asked = {
        let control = control.clone();
        tokio::spawn(async move { control.rollouts(&mira(), None, Duration::ZERO).await })
    };
    tokio::task::yield_now().await;
    puppet.tell(vec![sighting(rollout(R1, Phase::Progressing)), live()]);
    let RolloutsPage::All { rollouts, carriers, .. } = asked.await.unwrap().unwrap() else { panic!("everything") };
    assert_eq!(rollouts.len(), 1);
    assert!(rollouts[0].observed_at.is_some(), "what a driver tells has an age");
    assert_eq!(carriers[0].place.as_str(), "puppet");
    control.shutdown().await;
}

#[tokio::test]
async fn a_lost_cluster_is_told_at_once_and_what_was_seen_grows_old() {
    let stage = stage(Phase::Progressing).await;
    let RolloutsPage::All { cursor, rollouts, .. } =
        stage.control.rollouts(&mira(), None, Duration::ZERO).await.unwrap()
    else {
        panic!("everything")
    };
    let remark = SafeText::new("prod does not answer: connection refused");
    let as_of = rollouts[0].observed_at;
    stage.puppet.tell(vec![Seen::Health(Health { as_of, remarks: vec![remark.clone()] })]);
    let page = stage.control.rollouts(&mira(), Some(cursor), Duration::from_secs(20)).await.unwrap();
    let RolloutsPage::Changed { carriers, .. } = page else { panic!("a change") };
    assert_eq!(carriers[0].remarks, [remark]);
    assert_eq!(stage.shown().await.observed_at, as_of);
    stage.control.shutdown().await;
}

#[tokio::test]
async fn what_is_looked_at_is_attended_and_what_is_gone_is_not_found() {
    let stage = stage(Phase::Progressing).await;
    stage.shown().await;
    stage.until("it is attended", || async { stage.puppet.attended().contains(&shop()) }).await;
    stage.puppet.tell(vec![Seen::Gone(shop())]);
    let gone = || async {
        let shown = stage.control.rollout(&mira(), &shop(), None, Duration::ZERO).await;
        shown.is_err_and(|problem| problem.code == Code::NotFound)
    };
    stage.until("it is gone", gone).await;
    assert_eq!(stage.act(Action::Pause, Conditions::default()).await.unwrap_err().code, Code::NotFound);
    stage.control.shutdown().await;
}

#[tokio::test]
async fn a_viewer_sends_nothing() {
    let stage = stage(Phase::Progressing).await;
    let viewer = person("vera", Role::Viewer, &["*"]);
    let refused = stage.control.act(&viewer, &shop(), request(Action::Pause, false), Conditions::default()).await;
    assert_eq!(refused.unwrap_err().code, Code::Forbidden);
    assert!(stage.puppet.sent().is_empty());
    stage.control.shutdown().await;
}

#[tokio::test]
async fn what_an_override_let_go_on_is_not_paused_again_while_it_counts_and_is_afterwards() {
    let stage = stage(Phase::Progressing).await;
    let window = WindowRequest {
        scope: "shop".parse().unwrap(),
        reason: "the pilot week of the shop".to_owned(),
        on_enter: OnEnter::Pause,
        ..WindowRequest::default()
    };
    let window = stage.control.add_window(&mira(), window, Conditions::default()).await.unwrap().window.window.id;
    stage.until("it is paused", || async { stage.puppet.sent().len() == 1 }).await;
    let applied = || async { stage.trail().await.iter().any(|entry| entry.outcome == Outcome::Applied) };
    stage.until("the outcome is in the trail", applied).await;
    stage.puppet.tell(vec![sighting(rollout(R2, Phase::Paused)), live()]);
    stage.until("it is seen", || async { stage.shown().await.phase == Phase::Paused }).await;

    let held = stage.act(Action::Resume, seen(R2, "k1")).await.unwrap_err();
    assert_eq!((held.code, held.blocking_windows.len()), (Code::Blocked, 1));
    let wish = OverrideRequest {
        windows: vec![window.to_string()],
        actions: vec![Operation::Resume],
        rollout: Some(shop()),
        reason: "orders are lost without the correction".to_owned(),
        expires_at: Some(Utc::now() + TimeDelta::seconds(3)),
        ..OverrideRequest::default()
    };
    let record = stage.control.add_override(&mira(), wish, Conditions::default()).await.unwrap().record.record;
    assert_eq!(record.candidate.as_ref().map(SafeText::as_str), Some("2-abc"));
    let named = ActionRequest { override_id: Some(record.id.to_string()), ..request(Action::Resume, false) };
    let reply = stage.control.act(&mira(), &shop(), named, seen(R2, "k2")).await.unwrap().body;
    assert_eq!((reply.outcome, reply.audit.unwrap().override_id), (Outcome::Applied, Some(record.id.clone())));
    let trail = stage.trail().await;
    let intent = trail.iter().rev().find(|entry| entry.outcome == Outcome::Intended).unwrap();
    assert_eq!(intent.override_id, Some(record.id.clone()), "the use is durable with the intent");
    let uses = stage.control.overrides(&mira()).await.unwrap().overrides[0].record.uses.clone();
    assert_eq!(uses.iter().map(|used| used.entry).collect::<Vec<_>>(), [intent.seq]);

    stage.puppet.tell(vec![sighting(rollout("2-abc:3", Phase::Progressing)), live()]);
    stage.until("it goes on", || async { stage.shown().await.phase == Phase::Progressing }).await;
    assert!(stage.shown().await.freeze.is_none(), "nothing holds it while the override counts");
    let pauses = || async { stage.puppet.sent().iter().filter(|order| order.action == Action::Pause).count() };
    assert_eq!(pauses().await, 1);
    stage.until("it is paused again", || async { pauses().await == 2 }).await;
    assert!(Utc::now() >= record.expires_at, "not before the override expired");
    stage.control.shutdown().await;
}

#[tokio::test]
async fn an_order_that_the_cluster_refused_gives_the_use_back_and_one_that_may_have_been_taken_up_does_not() {
    let stage = stage(Phase::AwaitingPromotion).await;
    let window = WindowRequest {
        scope: "shop".parse().unwrap(),
        reason: "the pilot week of the shop".to_owned(),
        ..WindowRequest::default()
    };
    let window = stage.control.add_window(&mira(), window, Conditions::default()).await.unwrap().window.window.id;
    let wish = OverrideRequest {
        windows: vec![window.to_string()],
        actions: vec![Operation::Promote],
        rollout: Some(shop()),
        reason: "orders are lost without the correction".to_owned(),
        ..OverrideRequest::default()
    };
    let record = stage.control.add_override(&mira(), wish, Conditions::default()).await.unwrap().record.record;
    let left = || async { stage.control.overrides(&mira()).await.unwrap().overrides[0].uses_left };
    let named = || ActionRequest { override_id: Some(record.id.to_string()), ..request(Action::Promote, false) };
    stage.puppet.next_becomes(Err(OrderError::Refused(Vec::new())));
    stage.control.act(&mira(), &shop(), named(), seen(R1, "k1")).await.unwrap_err();
    assert_eq!(left().await, 1, "nothing was done");
    assert!(stage.shown().await.freeze.is_some(), "and nothing is let through");
    stage.puppet.next_becomes(Ok(Uptake::Unconfirmed("the controller did not answer".into())));
    let reply = stage.control.act(&mira(), &shop(), named(), seen(R1, "k2")).await.unwrap().body;
    assert_eq!((reply.outcome, left().await), (Outcome::Unconfirmed, 0));
    stage.puppet.tell(vec![sighting(rollout("3-def:1", Phase::AwaitingPromotion)), live()]);
    stage.until("the next is seen", || async { stage.shown().await.revision.0.as_str() == "3-def:1" }).await;
    let other = stage.control.act(&mira(), &shop(), named(), seen("3-def:1", "k3")).await.unwrap_err();
    assert_eq!(other.code, Code::Blocked, "another candidate");
    stage.control.shutdown().await;
}
