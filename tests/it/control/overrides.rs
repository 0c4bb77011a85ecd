//! Exceptions to windows: scoped, counted, agreed to by a second person, over in time, and in the trail.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use rolldeck::{
    clock,
    control::{AuditQuery, Policy},
    domain::{
        Action, Approvable, AuditEntry, BlockerKind, Digest, FactValue, Holder, OnEnter, Operation, Outcome,
        Overridable, OverrideState, Phase, Principal, ReportState, Role, SafeText, StageName, TokenText,
        overrides::Override,
    },
    wire::{
        ActionReply, ActionRequest, ApprovalChange, Code, Conditions, OverrideChange, OverrideReply, OverrideRequest,
        OverrideView, Problem, ReasonRequest, StartRequest, TokenRequest, WindowRequest,
    },
};

use super::world::{WHY, World, mira, person, pick, request};

const THREE: &str = "  - canary: 1 site\n  - batch: 1 site\n  - fleet: all\n";

struct Frozen {
    world: World,
    window: SafeText,
    old: Digest,
    new: Digest,
}

async fn freeze(world: &World, request: WindowRequest) -> SafeText {
    let request = WindowRequest { reason: "the pilot week of dc-west".to_owned(), ..request };
    world.control.add_window(&mira(), request, Conditions::default()).await.unwrap().window.window.id
}

fn over_west() -> WindowRequest {
    WindowRequest { scope: "dc-west".parse().unwrap(), ..WindowRequest::default() }
}

/// A rollout over sites a to d that waits to be promoted from its canary, a, and is frozen since.
async fn frozen_by(window: WindowRequest, policy: Policy) -> Frozen {
    let world = World::demanding(policy).await;
    let old = world.snapshot("1.0", false).await;
    let new = world.snapshot("2.0", false).await;
    world.sites(&["a", "b", "c", "d"], &old).await;
    world.start(&new, THREE).await.unwrap();
    let order = world.ask("a", 0).await.expect("the canary is told");
    world.obey("a", &order).await;
    world.until(Phase::AwaitingPromotion).await;
    let window = freeze(&world, window).await;
    Frozen { world, window, old, new }
}

async fn frozen() -> Frozen {
    frozen_by(over_west(), Policy::default()).await
}

fn wish(window: &SafeText) -> OverrideRequest {
    OverrideRequest {
        windows: vec![window.to_string()],
        actions: vec![Operation::Promote],
        rollout: Some(pick()),
        reason: "orders are lost without the correction".to_owned(),
        ..OverrideRequest::default()
    }
}

impl Frozen {
    async fn ask_as(&self, who: &Principal, request: OverrideRequest) -> Result<OverrideReply, Problem> {
        self.world.control.add_override(who, request, Conditions::default()).await
    }

    async fn ask(&self, request: OverrideRequest) -> Override {
        self.ask_as(&mira(), request).await.unwrap().record.record
    }

    async fn act_as(&self, who: &Principal, action: Action, named: Option<&SafeText>) -> Result<ActionReply, Problem> {
        let revision = Some(self.world.show().await.revision);
        let request = ActionRequest { override_id: named.map(ToString::to_string), ..request(action) };
        let conditions = Conditions { revision, idempotency_key: None };
        self.world.control.act(who, &pick(), request, conditions).await.map(|reply| reply.body)
    }

    async fn promote(&self, named: &SafeText) -> Result<ActionReply, Problem> {
        self.act_as(&mira(), Action::Promote, Some(named)).await
    }

    async fn change(&self, who: &Principal, id: &SafeText, change: OverrideChange) -> Result<OverrideReply, Problem> {
        let reason = ReasonRequest { reason: WHY.to_owned(), ticket: None, saw: None };
        self.world.control.change_override(who, id.as_str(), change, reason).await
    }

    async fn agree_as(&self, who: &Principal, asked: &OverrideView) -> Result<(), Problem> {
        let approval = asked.approval.clone().expect("it waits for an approval");
        let reason = ReasonRequest { reason: WHY.to_owned(), ticket: None, saw: None };
        self.world.control.decide_approval(who, approval.as_str(), ApprovalChange::Approve, reason).await.map(|_| ())
    }

    async fn shown(&self, id: &SafeText) -> OverrideView {
        let page = self.world.control.overrides(&mira()).await.unwrap();
        page.overrides.into_iter().find(|view| view.record.id == *id).expect("it is listed")
    }

    async fn until_state(&self, id: &SafeText, state: OverrideState) {
        until("the override is so", || async { self.shown(id).await.state == state }).await;
    }

    async fn trail(&self) -> Vec<AuditEntry> {
        self.world.control.audit(&mira(), AuditQuery::default()).await.unwrap().entries
    }

    /// That this is refused because the override does not fit, and that the trail says so.
    async fn is_refused(&self, refused: Result<ActionReply, Problem>, why: &str) {
        let problem = refused.expect_err(why);
        assert_eq!(problem.code, Code::Blocked, "{problem:?}");
        let said = problem.blockers.iter().find(|blocker| blocker.kind == BlockerKind::Override);
        let said = said.unwrap_or_else(|| panic!("no override among {:?}", problem.blockers));
        assert!(said.summary.as_str().contains(why), "{} does not say {why:?}", said.summary);
        let trail = self.trail().await;
        let entry = trail.iter().find(|entry| Some(entry.seq) == problem.audit).expect("it is journalled");
        assert_eq!(entry.outcome, Outcome::Refused);
        let named = entry.override_id.as_ref().expect("the trail finds it by the override that was named");
        assert!(
            said.summary.as_str().starts_with(&format!("override {named} ")) || said.summary.as_str().contains(why)
        );
        assert!(entry.blockers.iter().any(|blocker| blocker.summary == said.summary), "{entry:#?}");
        assert_eq!(self.world.show().await.phase, Phase::AwaitingPromotion, "nothing was done");
    }
}

async fn until<F: Future<Output = bool>>(what: &str, mut met: impl FnMut() -> F) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while !met().await {
        assert!(tokio::time::Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Somebody with a token of their own.
async fn with_token(world: &World, name: &str, role: Role, targets: &[&str]) -> Principal {
    held_token(world, name, role, targets, None).await
}

/// The holder of a token that says who holds it.
async fn held_token(world: &World, name: &str, role: Role, targets: &[&str], holder: Option<Holder>) -> Principal {
    let token = TokenText::new(clock::secret().unwrap()[..5].try_into().unwrap(), &clock::secret().unwrap());
    let request = TokenRequest {
        id: token.id(),
        name: name.to_owned(),
        secret_hash: token.hash(),
        role,
        holder,
        targets: targets.iter().map(|t| (*t).to_owned()).collect(),
        binding: None,
    };
    world.control.add_token(&mira(), request).await.unwrap();
    Principal { credential: Some(SafeText::new(token.id())), ..person(name, role, targets) }
}

async fn revoke(world: &World, who: &Principal) {
    let reason = ReasonRequest { reason: WHY.to_owned(), ticket: None, saw: None };
    world.control.revoke_token(&mira(), who.credential.as_ref().unwrap().as_str(), reason).await.unwrap();
}

#[tokio::test]
async fn whoever_asks_for_a_site_finds_who_asked_for_an_exception_there_too() {
    let frozen = frozen().await;
    let here = OverrideRequest { scope: Some("site=osl1".parse().unwrap()), ..wish(&frozen.window) };
    frozen.ask(here).await;
    frozen.ask(wish(&frozen.window)).await;
    let of = async |filter: &str| {
        let expression = Some(rolldeck::backend::EntryFilter::parse(filter, &chrono::Utc::now()).unwrap());
        let query = rolldeck::control::AuditQuery { expression, ..Default::default() };
        let entries = frozen.world.control.audit(&mira(), query).await.unwrap().entries;
        entries.into_iter().map(|entry| entry.scope.unwrap().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(of("action:override_add site:osl1").await, ["site=osl1", "target=dc-west"]);
    assert_eq!(of("action:override_add site:osl2").await, ["target=dc-west"]);
}

#[tokio::test]
async fn a_freeze_says_what_to_ask_for_and_an_override_lets_one_stage_pass_once() {
    let frozen = frozen().await;
    let held = frozen.act_as(&mira(), Action::Promote, None).await.unwrap_err();
    assert_eq!((held.code, held.status), (Code::Blocked, 409));
    assert_eq!(held.blocking_windows.len(), 1);
    assert_eq!(held.blocking_windows[0].window, frozen.window);
    let offer = held.override_offer.expect("it can be passed");
    assert_eq!((offer.href.as_str(), offer.rollout, offer.two_person), ("/api/v1/overrides", Some(pick()), false));

    let asked = wish(&offer.windows[0]);
    let record = frozen.ask(OverrideRequest { actions: offer.actions, ..asked }).await;
    assert_eq!(record.candidate.as_ref().map(SafeText::as_str), Some(frozen.new.as_str()));
    assert_eq!((record.windows[0].revision, record.uses_max), (1, 1));
    assert_eq!(record.expires_at - record.requested_at, TimeDelta::hours(4));

    let reply = frozen.promote(&record.id).await.unwrap();
    let entry = reply.audit.unwrap();
    assert_eq!((reply.outcome, entry.override_id.as_ref()), (Outcome::Applied, Some(&record.id)));
    let used = frozen.shown(&record.id).await;
    assert_eq!((used.state, used.uses_left), (OverrideState::UsedUp, 0));
    assert_eq!((used.record.uses[0].entry, used.record.uses[0].by.as_str()), (entry.seq, "mira"));
    assert_eq!(used.record.uses[0].stage.as_ref().map(SafeText::as_str), Some("batch"));
    let covered = frozen.world.control.checkpoint(&mira()).await.unwrap().size;
    assert!(covered >= entry.seq, "it is signed for at once");

    let order = frozen.world.ask("b", 0).await.expect("the units of the stage are let through");
    assert_eq!(order.snapshot, frozen.new);
    frozen.world.obey("b", &order).await;
    frozen.world.until(Phase::AwaitingPromotion).await;
    frozen.is_refused(frozen.promote(&record.id).await, "it is used up: 1 of 1").await;
    assert!(frozen.act_as(&mira(), Action::Promote, None).await.is_err(), "the next stage is frozen as before");

    let world = frozen.world.restart().await;
    let page = world.control.overrides(&mira()).await.unwrap();
    assert_eq!(page.overrides[0].record, used.record, "a restart forgets no use");
}

#[tokio::test]
async fn an_override_that_does_not_fit_is_refused_says_why_and_loses_no_use() {
    let frozen = frozen().await;
    let soon = Utc::now() + TimeDelta::hours(1);
    let early = frozen.ask(OverrideRequest { not_before: Some(soon), ..wish(&frozen.window) }).await;
    let short = Some(Utc::now() + TimeDelta::milliseconds(300));
    let late = frozen.ask(OverrideRequest { expires_at: short, ..wish(&frozen.window) }).await;
    let other = frozen.ask(OverrideRequest { actions: vec![Operation::Resume], ..wish(&frozen.window) }).await;
    let back = frozen.ask(wish(&frozen.window)).await;
    frozen.change(&mira(), &back.id, OverrideChange::Withdraw).await.unwrap();
    let scope = Some("dc-west,site=elsewhere".parse().unwrap());
    let elsewhere = frozen.ask(OverrideRequest { scope, ..wish(&frozen.window) }).await;
    frozen.until_state(&late.id, OverrideState::Expired).await;
    for (record, why) in [
        (&early, "it counts from"),
        (&late, "it expired at"),
        (&other, "it is for resume, not for promote"),
        (&back, "mira took it back"),
        (&elsewhere, "which does not cover what window"),
    ] {
        frozen.is_refused(frozen.promote(&record.id).await, why).await;
        assert_eq!(frozen.shown(&record.id).await.record.uses, [], "{why}");
    }
    frozen.is_refused(frozen.promote(&"o-nothing".into()).await, "there is no override o-nothing").await;

    let second = freeze(&frozen.world, over_west()).await;
    let first_only = frozen.ask(wish(&frozen.window)).await;
    let refused = frozen.promote(&first_only.id).await;
    let windows: Vec<_> = refused.as_ref().unwrap_err().blocking_windows.iter().map(|f| f.window.clone()).collect();
    assert_eq!(windows, std::slice::from_ref(&second), "what it does lift does not hold it");
    frozen.is_refused(refused, &format!("it does not name window {second}")).await;
    let both = OverrideRequest { windows: vec![frozen.window.to_string(), second.to_string()], ..wish(&second) };
    let both = frozen.ask(both).await;
    assert_eq!(frozen.promote(&both.id).await.unwrap().outcome, Outcome::Applied);
}

#[tokio::test]
async fn a_window_that_was_changed_since_holds_again() {
    let frozen = frozen().await;
    let record = frozen.ask(wish(&frozen.window)).await;
    let longer = WindowRequest {
        reason: "the pilot takes a week more".to_owned(),
        contact: Some("#pilot".to_owned()),
        ..over_west()
    };
    frozen.world.control.change_window(&mira(), frozen.window.as_str(), longer, Conditions::default()).await.unwrap();
    frozen.is_refused(frozen.promote(&record.id).await, "was changed since: it names revision 1").await;
    let anew = frozen.ask(wish(&frozen.window)).await;
    assert_eq!(frozen.promote(&anew.id).await.unwrap().outcome, Outcome::Applied);
}

#[tokio::test]
async fn a_window_that_was_changed_while_somebody_asked_is_not_lifted_unseen() {
    let frozen = frozen().await;
    let named = |revision: u64| vec![format!("{}@{revision}", frozen.window)];
    let seen = OverrideRequest { windows: named(1), ..wish(&frozen.window) };
    let strict = WindowRequest { overridable: Overridable::TwoPerson, ..over_west() };
    let strict = WindowRequest { reason: "two people from now on".to_owned(), ..strict };
    frozen.world.control.change_window(&mira(), frozen.window.as_str(), strict, Conditions::default()).await.unwrap();
    let refused = frozen.ask_as(&mira(), seen).await.unwrap_err();
    assert_eq!(
        (refused.code, refused.revision.as_ref().map(ToString::to_string)),
        (Code::RevisionMismatch, Some("2".into()))
    );
    let entry = frozen.trail().await.into_iter().find(|entry| Some(entry.seq) == refused.audit).unwrap();
    assert_eq!((entry.action.as_str(), entry.outcome), ("override_add", Outcome::Refused));
    assert!(entry.effect.unwrap().as_str().contains("at revision 1 when you looked and is at 2 now"));
    let asked = frozen.ask(OverrideRequest { windows: named(2), ..wish(&frozen.window) }).await;
    assert_eq!(asked.windows[0].revision, 2);
    for wrong in ["w-1@", "w-1@two", "w-1@1@1"] {
        let wrong = OverrideRequest { windows: vec![wrong.to_owned()], ..wish(&frozen.window) };
        assert_eq!(frozen.ask_as(&mira(), wrong).await.unwrap_err().code, Code::Invalid);
    }
}

#[tokio::test]
async fn it_is_for_the_candidate_that_was_looked_at_and_for_no_later_one() {
    let frozen = frozen().await;
    let record = frozen.ask(OverrideRequest { uses: Some(9), ..wish(&frozen.window) }).await;
    frozen.world.act(Action::Rollback).await.unwrap();
    let order = frozen.world.ask("a", 1).await.expect("going back is always open");
    frozen.world.obey("a", &order).await;
    frozen.world.until(Phase::RolledBack).await;
    let lift = ReasonRequest { reason: WHY.to_owned(), ticket: None, saw: None };
    frozen.world.control.lift_window(&mira(), frozen.window.as_str(), lift).await.unwrap();
    let third = frozen.world.snapshot("3.0", false).await;
    frozen.world.start(&third, THREE).await.unwrap();
    let order = frozen.world.ask("a", 2).await.expect("the canary is told");
    frozen.world.obey("a", &order).await;
    frozen.world.until(Phase::AwaitingPromotion).await;
    freeze(&frozen.world, over_west()).await;
    frozen.is_refused(frozen.promote(&record.id).await, "it is for the candidate sha256:").await;
    assert_eq!(frozen.shown(&record.id).await.uses_left, 9);
}

#[tokio::test]
async fn a_start_passes_a_freeze_with_the_snapshot_that_the_override_names_and_no_other() {
    let world = World::new().await;
    let old = world.snapshot("1.0", false).await;
    let (new, other) = (world.snapshot("2.0", false).await, world.snapshot("2.1", false).await);
    world.sites(&["a", "b", "c"], &old).await;
    let window = freeze(&world, over_west()).await;
    let frozen = Frozen { world, window, old, new };
    let begin = async |snapshot: &Digest, named: Option<&SafeText>| {
        let plan = format!(
            "rollout: pick-assist\ntarget: dc-west\nsnapshot: {snapshot}\nowner: team-picking\ngates:\n  good: ok\nstages:\n{THREE}"
        );
        let request = serde_json::json!({"plan": plan, "reason": WHY, "override": named});
        let request: StartRequest = serde_json::from_value(request).unwrap();
        frozen.world.control.begin(&mira(), request, Conditions::default()).await.map(|reply| reply.body)
    };
    let held = begin(&frozen.new, None).await.unwrap_err();
    let offer = held.override_offer.expect("it can be passed");
    assert_eq!(offer.candidate.as_ref().map(SafeText::as_str), Some(frozen.new.as_str()));
    let unpinned = OverrideRequest { actions: vec![Operation::Start], ..wish(&frozen.window) };
    let problem = frozen.ask_as(&mira(), unpinned.clone()).await.unwrap_err();
    assert_eq!(problem.field.as_ref().map(SafeText::as_str), Some("candidate"));
    let record = frozen.ask(OverrideRequest { candidate: Some(frozen.new.to_string()), ..unpinned }).await;
    let refused = begin(&other, Some(&record.id)).await.unwrap_err();
    assert!(refused.blockers[0].summary.as_str().contains("it is for the candidate"), "{refused:?}");
    let begun = begin(&frozen.new, Some(&record.id)).await.unwrap();
    assert_eq!(begun.audit.unwrap().override_id, Some(record.id));
    let order = frozen.world.ask("a", 0).await.expect("the first stage is let through");
    frozen.world.obey("a", &order).await;
    frozen.world.until(Phase::AwaitingPromotion).await;
    assert!(frozen.act_as(&mira(), Action::Promote, None).await.is_err(), "and no other");
}

#[tokio::test]
async fn what_was_let_through_is_held_again_when_the_override_expires_or_is_taken_back() {
    for taken_back in [false, true] {
        let frozen = frozen().await;
        let expires_at = Some(Utc::now() + TimeDelta::milliseconds(if taken_back { 3_600_000 } else { 1500 }));
        let request = OverrideRequest { expires_at, uses: Some(2), ..wish(&frozen.window) };
        let record = frozen.ask(request).await;
        frozen.promote(&record.id).await.unwrap();
        let order = frozen.world.ask("b", 0).await.expect("told while it counts");
        frozen.world.obey("b", &order).await;
        frozen.world.until(Phase::AwaitingPromotion).await;
        frozen.promote(&record.id).await.unwrap();
        assert!(frozen.world.ask("c", 0).await.is_some(), "told while it counts");
        if taken_back {
            frozen.change(&mira(), &record.id, OverrideChange::Withdraw).await.unwrap();
        } else {
            until("it is over", || async { Utc::now() > record.expires_at }).await;
        }
        assert!(frozen.world.ask("d", 0).await.is_none(), "not told any more, taken back: {taken_back}");
        frozen.world.act(Action::Pause).await.unwrap();
        frozen.world.act(Action::Rollback).await.expect("going back is always open");
    }
}

#[tokio::test]
async fn when_an_override_expires_a_window_does_again_what_it_does_when_it_begins() {
    let pausing = WindowRequest { on_enter: OnEnter::Pause, ..over_west() };
    let frozen = frozen_by(pausing, Policy::default()).await;
    frozen.world.until(Phase::Paused).await;
    let expires_at = Some(Utc::now() + TimeDelta::milliseconds(1500));
    let request = OverrideRequest { actions: vec![Operation::Resume], expires_at, ..wish(&frozen.window) };
    let record = frozen.ask(request).await;
    let reply = frozen.act_as(&mira(), Action::Resume, Some(&record.id)).await.unwrap();
    assert_eq!(reply.rollout.unwrap().phase, Phase::AwaitingPromotion);
    frozen.world.until(Phase::Paused).await;
    assert!(Utc::now() >= record.expires_at, "not before it expired");
    let paused = frozen.trail().await.into_iter().rev().find(|entry| entry.action.as_str() == "pause").unwrap();
    assert_eq!(paused.actor.id.as_str(), "window");
}

#[tokio::test]
async fn budget_gates_phases_and_roles_stay_whatever_an_override_says() {
    let frozen = frozen().await;
    let request =
        OverrideRequest { uses: Some(9), actions: vec![Operation::Promote, Operation::Retry], ..wish(&frozen.window) };
    let record = frozen.ask(request).await;
    let viewer = person("vera", Role::Viewer, &["*"]);
    let forbidden = frozen.act_as(&viewer, Action::Promote, Some(&record.id)).await.unwrap_err();
    assert_eq!(forbidden.code, Code::Forbidden);
    let stale = Conditions { revision: Some("r0".parse_revision()), idempotency_key: None };
    let named = ActionRequest { override_id: Some(record.id.to_string()), ..super::world::request(Action::Promote) };
    let moved = frozen.world.control.act(&mira(), &pick(), named, stale).await.unwrap_err();
    assert_eq!(moved.code, Code::RevisionMismatch);
    let phase = frozen.act_as(&mira(), Action::Retry, Some(&record.id)).await.unwrap_err();
    assert_eq!(phase.blockers[0].kind, BlockerKind::Phase);
    frozen.promote(&record.id).await.unwrap();
    let order = frozen.world.ask("b", 0).await.unwrap();
    for state in [ReportState::Applying, ReportState::Applied] {
        frozen.world.say("b", order.generation, state, None, &[]).await.unwrap();
    }
    let bad = [("ok", FactValue::Bool(false))];
    let measured = Some(order.snapshot.clone());
    frozen.world.say("b", order.generation, ReportState::Healthy, measured, &bad).await.unwrap();
    let gate = frozen.promote(&record.id).await.unwrap_err();
    assert!(gate.blockers.iter().all(|blocker| blocker.kind != BlockerKind::Freeze), "{gate:?}");
    assert_eq!(frozen.shown(&record.id).await.uses_left, 8, "what is refused or forbidden uses nothing");
}

trait ParseRevision {
    fn parse_revision(&self) -> rolldeck::domain::Revision;
}

impl ParseRevision for str {
    fn parse_revision(&self) -> rolldeck::domain::Revision {
        rolldeck::domain::Revision(self.into())
    }
}

#[tokio::test]
async fn what_stops_a_change_is_not_refused_for_an_override_and_uses_none() {
    let frozen = frozen().await;
    let record = frozen.ask(wish(&frozen.window)).await;
    for named in [SafeText::new("o-nothing"), record.id.clone()] {
        frozen.act_as(&mira(), Action::Pause, Some(&named)).await.unwrap();
    }
    let nothing = frozen.act_as(&mira(), Action::Rollback, Some(&record.id)).await.unwrap();
    assert_eq!(nothing.audit.unwrap().override_id, None);
    assert_eq!(frozen.shown(&record.id).await.uses_left, 1);
}

#[tokio::test]
async fn where_nothing_holds_it_an_override_is_not_used() {
    let frozen = frozen().await;
    let record = frozen.ask(wish(&frozen.window)).await;
    let lift = ReasonRequest { reason: WHY.to_owned(), ticket: None, saw: None };
    frozen.world.control.lift_window(&mira(), frozen.window.as_str(), lift).await.unwrap();
    let reply = frozen.promote(&record.id).await.unwrap();
    assert_eq!((reply.outcome, reply.audit.unwrap().override_id), (Outcome::Applied, None));
    assert_eq!(frozen.shown(&record.id).await.uses_left, 1);
}

#[tokio::test]
async fn a_stage_that_a_freeze_holds_half_way_goes_on_under_an_override_without_another_phase() {
    let frozen = frozen().await;
    let lift = ReasonRequest { reason: WHY.to_owned(), ticket: None, saw: None };
    frozen.world.control.lift_window(&mira(), frozen.window.as_str(), lift).await.unwrap();
    frozen.world.act(Action::Promote).await.unwrap();
    let window = freeze(&frozen.world, over_west()).await;
    assert!(frozen.world.ask("b", 0).await.is_none(), "held before it was told");
    let record = frozen.ask(OverrideRequest { actions: vec![Operation::Resume], uses: Some(2), ..wish(&window) }).await;
    let reply = frozen.act_as(&mira(), Action::Resume, Some(&record.id)).await.unwrap();
    assert_eq!((reply.outcome, reply.audit.unwrap().override_id), (Outcome::Applied, Some(record.id.clone())));
    assert!(frozen.world.ask("b", 0).await.is_some(), "it goes on");
    let again = frozen.act_as(&mira(), Action::Resume, Some(&record.id)).await.unwrap();
    assert_eq!(again.outcome, Outcome::NoOp);
    assert_eq!(frozen.shown(&record.id).await.uses_left, 1, "what changes nothing uses nothing");
}

#[tokio::test]
async fn what_is_asked_for_is_refused_with_its_field_where_it_says_too_little_or_too_much() {
    let frozen = frozen().await;
    let good = || wish(&frozen.window);
    let now = Utc::now();
    let table: Vec<(&str, OverrideRequest, Code)> = vec![
        ("windows", OverrideRequest { windows: Vec::new(), ..good() }, Code::Invalid),
        ("windows", OverrideRequest { windows: vec!["*".to_owned()], ..good() }, Code::Invalid),
        ("windows", OverrideRequest { windows: vec!["w-*".to_owned()], ..good() }, Code::Invalid),
        ("windows", OverrideRequest { windows: vec!["all".to_owned()], ..good() }, Code::Invalid),
        ("windows", OverrideRequest { windows: vec!["w-nothing".to_owned()], ..good() }, Code::NotFound),
        ("actions", OverrideRequest { actions: Vec::new(), ..good() }, Code::Invalid),
        ("actions", OverrideRequest { actions: vec![Operation::Advance], ..good() }, Code::Invalid),
        ("actions", OverrideRequest { actions: vec![Operation::FlagWiden], ..good() }, Code::Invalid),
        ("rollout", OverrideRequest { rollout: None, ..good() }, Code::Invalid),
        ("rollout", OverrideRequest { flag: Some("slotting".parse().unwrap()), ..good() }, Code::Invalid),
        ("candidate", OverrideRequest { candidate: Some(frozen.old.to_string()), ..good() }, Code::Invalid),
        ("reason", OverrideRequest { reason: "too short".to_owned(), ..good() }, Code::ReasonRequired),
        ("reason", OverrideRequest { reason: "eleven char".to_owned(), ..good() }, Code::ReasonRequired),
        ("uses", OverrideRequest { uses: Some(0), ..good() }, Code::Invalid),
        ("uses", OverrideRequest { uses: Some(101), ..good() }, Code::Invalid),
        ("expires_at", OverrideRequest { expires_at: Some(now), ..good() }, Code::Invalid),
        ("expires_at", OverrideRequest { expires_at: Some(now + TimeDelta::hours(25)), ..good() }, Code::Invalid),
        ("not_before", OverrideRequest { not_before: Some(now + TimeDelta::days(91)), ..good() }, Code::Invalid),
    ];
    for (field, request, code) in table {
        let problem = frozen.ask_as(&mira(), request).await.expect_err(field);
        assert_eq!((problem.code, problem.field.as_ref().map(SafeText::as_str)), (code, Some(field)), "{problem:?}");
    }
    assert!(frozen.world.control.overrides(&mira()).await.unwrap().overrides.is_empty());
    let viewer = person("vera", Role::Viewer, &["*"]);
    assert_eq!(frozen.ask_as(&viewer, good()).await.unwrap_err().code, Code::Forbidden);
    let elsewhere = person("eli", Role::Commander, &["dc-east"]);
    assert_eq!(frozen.ask_as(&elsewhere, good()).await.unwrap_err().code, Code::Forbidden);
}

#[tokio::test]
async fn a_window_for_nobody_is_passed_by_nobody_not_even_by_breaking_glass() {
    let until = Some(Utc::now() + TimeDelta::days(7));
    let never = WindowRequest { overridable: Overridable::Never, until, ..over_west() };
    let frozen = frozen_by(never, Policy::default()).await;
    let held = frozen.act_as(&mira(), Action::Promote, None).await.unwrap_err();
    assert_eq!(held.override_offer, None, "nothing is offered that nobody may have");
    for break_glass in [false, true] {
        let request = OverrideRequest { break_glass, ..wish(&frozen.window) };
        let problem = frozen.ask_as(&mira(), request).await.unwrap_err();
        assert_eq!(problem.code, Code::Blocked);
        let trail = frozen.trail().await;
        let entry = trail.iter().find(|entry| Some(entry.seq) == problem.audit).expect("it is journalled");
        assert_eq!(entry.outcome, Outcome::Refused);
        assert!(entry.effect.as_ref().unwrap().as_str().contains("lets nobody pass"), "{entry:?}");
    }
}

#[tokio::test]
async fn an_ended_window_is_not_named_and_a_lost_answer_is_not_asked_twice() {
    let frozen = frozen().await;
    let key = Conditions { revision: None, idempotency_key: Some("k-1".to_owned()) };
    let first = frozen.world.control.add_override(&mira(), wish(&frozen.window), key.clone()).await.unwrap();
    let again = frozen.world.control.add_override(&mira(), wish(&frozen.window), key).await.unwrap();
    assert_eq!(first, again);
    assert_eq!(frozen.world.control.overrides(&mira()).await.unwrap().overrides.len(), 1);
    let lift = ReasonRequest { reason: WHY.to_owned(), ticket: None, saw: None };
    frozen.world.control.lift_window(&mira(), frozen.window.as_str(), lift).await.unwrap();
    let problem = frozen.ask_as(&mira(), wish(&frozen.window)).await.unwrap_err();
    assert!(problem.code == Code::Blocked && problem.audit.is_some(), "{problem:?}");
}

#[tokio::test]
async fn two_people_are_two_the_one_who_agreed_uses_it_not_and_both_must_still_be_allowed() {
    let two = WindowRequest { overridable: Overridable::TwoPerson, ..over_west() };
    let frozen = frozen_by(two, Policy::default()).await;
    assert!(frozen.act_as(&mira(), Action::Promote, None).await.unwrap_err().override_offer.unwrap().two_person);
    let ana = with_token(&frozen.world, "ana", Role::Operator, &["dc-*"]).await;
    let ana_too = with_token(&frozen.world, "Ana", Role::Commander, &["*"]).await;
    let ines = with_token(&frozen.world, "ines", Role::Commander, &["dc-*"]).await;
    let noor = with_token(&frozen.world, "noor", Role::Commander, &["dc-*"]).await;
    let olga = with_token(&frozen.world, "olga", Role::Operator, &["*"]).await;
    let eli = with_token(&frozen.world, "eli", Role::Commander, &["dc-east"]).await;

    let asked = frozen.ask_as(&ana, wish(&frozen.window)).await.unwrap().record;
    assert_eq!((asked.state, asked.record.approvals_needed), (OverrideState::Waiting, 1));
    let id = asked.record.id.clone();
    frozen.is_refused(frozen.act_as(&ana, Action::Promote, Some(&id)).await, "waits for a second person").await;
    for (who, code) in [(&ana, Code::Forbidden), (&ana_too, Code::Forbidden), (&olga, Code::Forbidden)] {
        assert_eq!(frozen.agree_as(who, &asked).await.unwrap_err().code, code, "{}", who.id);
    }
    assert!(frozen.agree_as(&eli, &asked).await.is_err(), "a commander of other targets");
    frozen.agree_as(&ines, &asked).await.unwrap();
    let agreed = frozen.shown(&id).await;
    assert_eq!((agreed.state, agreed.record.approvals[0].by.as_str()), (OverrideState::Active, "ines"));

    frozen.is_refused(frozen.act_as(&ines, Action::Promote, Some(&id)).await, "ines agreed to it").await;
    revoke(&frozen.world, &ines).await;
    frozen.is_refused(frozen.act_as(&ana, Action::Promote, Some(&id)).await, "the token of ines").await;
    let asked = frozen.ask_as(&ana, wish(&frozen.window)).await.unwrap().record;
    frozen.agree_as(&noor, &asked).await.unwrap();
    let id = asked.record.id;
    let reply = frozen.act_as(&ana, Action::Promote, Some(&id)).await.unwrap();
    let entry = reply.audit.unwrap();
    assert_eq!(entry.approved_by, [SafeText::new("noor")], "the trail says who allowed it");
    assert_eq!(frozen.shown(&id).await.uses_left, 0);

    let asked = frozen.ask_as(&ana, wish(&frozen.window)).await.unwrap().record;
    revoke(&frozen.world, &ana).await;
    assert!(frozen.agree_as(&noor, &asked).await.is_err(), "who asked may not any more");
}

#[tokio::test]
async fn a_machine_is_nobodys_second_person_and_a_token_made_since_countersigns_nothing() {
    let two = WindowRequest { overridable: Overridable::TwoPerson, ..over_west() };
    let frozen = frozen_by(two, Policy::default()).await;
    let taker = with_token(&frozen.world, "ana", Role::Commander, &["*"]).await;
    let bot = held_token(&frozen.world, "bot", Role::Commander, &["*"], Some(Holder::Automation)).await;
    let ines = held_token(&frozen.world, "ines", Role::Commander, &["*"], Some(Holder::Human)).await;
    let asked = frozen.ask_as(&taker, wish(&frozen.window)).await.unwrap().record;
    let refused = frozen.agree_as(&bot, &asked).await.unwrap_err();
    assert_eq!(refused.code, Code::Forbidden);
    assert!(refused.audit.is_some() && refused.detail.as_str().contains("is a machine"), "{}", refused.detail);
    let page = frozen.world.control.approvals(&bot).await.unwrap();
    assert_eq!(page.approvals[0].yours, Some(false));
    frozen.agree_as(&ines, &asked).await.unwrap();

    let glass = OverrideRequest { break_glass: true, ..wish(&frozen.window) };
    let taken = frozen.ask_as(&taker, glass).await.unwrap().record.record;
    let minted = with_token(&frozen.world, "somebody-else", Role::Commander, &["*"]).await;
    for (who, why) in [(&bot, "is a machine"), (&minted, "made after"), (&taker, "somebody else")] {
        let refused = frozen.change(who, &taken.id, OverrideChange::Countersign).await.unwrap_err();
        assert_eq!(refused.code, Code::Forbidden, "{}", who.id);
        assert!(refused.audit.is_some() && refused.detail.as_str().contains(why), "{}", refused.detail);
    }
    assert!(frozen.shown(&taken.id).await.record.awaits_countersign(), "it stays open until a person gives it");
    frozen.change(&ines, &taken.id, OverrideChange::Countersign).await.unwrap();
    assert!(!frozen.shown(&taken.id).await.record.awaits_countersign());
}

#[tokio::test]
async fn one_commander_over_all_that_the_windows_hold_is_enough_where_they_and_the_server_say_so() {
    let frozen = frozen_by(
        WindowRequest { scope: "target=dc-*".parse().unwrap(), ..WindowRequest::default() },
        Policy::default(),
    )
    .await;
    let state = async |who: &Principal| frozen.ask_as(who, wish(&frozen.window)).await.unwrap().record.state;
    assert_eq!(state(&person("ines", Role::Commander, &["dc-*"])).await, OverrideState::Active);
    assert_eq!(state(&person("west", Role::Commander, &["dc-west"])).await, OverrideState::Waiting);
    assert_eq!(state(&person("olga", Role::Operator, &["*"])).await, OverrideState::Waiting);
    let demanding = Policy { approvals: [Approvable::Override].into(), ..Policy::default() };
    let frozen = frozen_by(over_west(), demanding).await;
    assert_eq!(frozen.ask_as(&mira(), wish(&frozen.window)).await.unwrap().record.state, OverrideState::Waiting);
}

#[tokio::test]
async fn breaking_glass_waits_for_nobody_raises_an_alert_and_is_open_until_somebody_else_stands_by_it() {
    let two = WindowRequest { overridable: Overridable::TwoPerson, ..over_west() };
    let policy = Policy {
        break_glass: vec!["mira".into(), "ines".into()],
        countersign_within: TimeDelta::milliseconds(400),
        ..Policy::default()
    };
    let frozen = frozen_by(two, policy).await;
    let glass = || OverrideRequest { break_glass: true, ..wish(&frozen.window) };
    for who in [person("olga", Role::Operator, &["*"]), person("noor", Role::Commander, &["*"])] {
        let problem = frozen.ask_as(&who, glass()).await.unwrap_err();
        assert_eq!(problem.code, Code::Forbidden, "{}", who.id);
        assert!(problem.audit.is_some());
    }
    let taken = frozen.ask_as(&mira(), glass()).await.unwrap();
    assert_eq!((taken.audit.action.as_str(), taken.record.state), ("override_break_glass", OverrideState::Active));
    let id = taken.record.record.id.clone();
    frozen.promote(&id).await.unwrap();
    let own = frozen.change(&mira(), &id, OverrideChange::Countersign).await.unwrap_err();
    assert_eq!(own.code, Code::Forbidden);
    let said = || async {
        let trail = frozen.trail().await;
        trail.iter().filter(|entry| entry.action.as_str() == "override_overdue").count()
    };
    until("it is overdue", || async { said().await == 1 }).await;
    assert!(frozen.shown(&id).await.record.awaits_countersign(), "open, although it is used up");
    let ines = person("ines", Role::Commander, &["*"]);
    assert_eq!(frozen.change(&ines, &id, OverrideChange::Countersign).await.unwrap().outcome, Outcome::Applied);
    assert!(!frozen.shown(&id).await.record.awaits_countersign());
    assert_eq!(frozen.change(&ines, &id, OverrideChange::Countersign).await.unwrap().outcome, Outcome::NoOp);
    assert_eq!(said().await, 1, "it is said once");
    let plain = frozen.ask(OverrideRequest { break_glass: true, ..wish(&frozen.window) }).await;
    let forbids = Policy { approvals: [Approvable::BreakGlass].into(), ..Policy::default() };
    assert!(plain.countersign_until.is_some());
    let frozen = frozen_by(over_west(), forbids).await;
    let request = OverrideRequest { break_glass: true, ..wish(&frozen.window) };
    assert_eq!(frozen.ask_as(&mira(), request).await.unwrap_err().code, Code::Blocked);
}

#[tokio::test]
async fn many_who_race_for_the_last_uses_get_exactly_as_many_as_there_are() {
    let world = World::new().await;
    let old = world.snapshot("1.0", false).await;
    let new = world.snapshot("2.0", false).await;
    let sites = ["a", "b", "c", "d", "e", "f"];
    world.sites(&sites, &old).await;
    let stages: String = sites.iter().map(|site| format!("  - stage-{site}: 1 site\n")).collect();
    world.start(&new, &stages).await.unwrap();
    let order = world.ask("a", 0).await.unwrap();
    world.obey("a", &order).await;
    world.until(Phase::AwaitingPromotion).await;
    let window = freeze(&world, over_west()).await;
    let frozen = Frozen { world, window, old, new };
    let record = frozen.ask(OverrideRequest { uses: Some(3), ..wish(&frozen.window) }).await;
    let mut won = 0;
    for site in &sites[1..] {
        let revision = Some(frozen.world.show().await.revision);
        let racing = (0..24).map(|n| {
            let control = frozen.world.control.clone();
            let who = person(&format!("racer-{n}"), Role::Operator, &["dc-west"]);
            let named = ActionRequest { override_id: Some(record.id.to_string()), ..request(Action::Promote) };
            let conditions = Conditions { revision: revision.clone(), idempotency_key: Some(format!("{site}-{n}")) };
            tokio::spawn(async move { control.act(&who, &pick(), named, conditions).await })
        });
        let mut here = 0;
        for race in racing.collect::<Vec<_>>() {
            match race.await.unwrap() {
                Ok(reply) => {
                    assert_eq!(reply.body.outcome, Outcome::Applied);
                    here += 1;
                }
                Err(problem) => {
                    assert!(matches!(problem.code, Code::Blocked | Code::RevisionMismatch), "{problem:?}");
                }
            }
        }
        assert!(here <= 1, "one stage, one winner");
        won += here;
        if here == 1 {
            let order = frozen.world.ask(site, 0).await.expect("it was let through");
            frozen.world.obey(site, &order).await;
            frozen.world.until(Phase::AwaitingPromotion).await;
        }
    }
    assert_eq!(won, 3);
    assert_eq!(frozen.shown(&record.id).await.record.uses.len(), 3);
    let stage: Option<StageName> = frozen.world.show().await.current_stage;
    assert_eq!(stage.map(|stage| stage.to_string()).as_deref(), Some("stage-d"));
}
