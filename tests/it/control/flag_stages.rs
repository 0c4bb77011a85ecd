//! Plans whose stages set flags: nothing is deployed, or beside a snapshot; held by the same windows, in the same
//! trail, and as it was after a rollback.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use rolldeck::{
    control::{AuditQuery, NamedPlace, Policy},
    domain::{
        Action, Approvable, AuditEntry, BlockerKind, FactValue, FlagKey, Operation, Outcome, Phase, Principal, Report,
        ReportState, Role, SafeText, flag::HeldFlag,
    },
    wire::{ActionReply, Code, Conditions, FlagRequest, FlagView, Problem, ReasonRequest, StartRequest, WindowRequest},
};
use serde_json::{Value, json};

use super::world::{WHY, World, mira, person, pick, unit};

const LANES: &str = "  - canary: 1 site\n    flag: {key: dim-lights, variant: on}\n  - rest: all\n    flag: {key: dim-lights, variant: on}\n";

fn key() -> FlagKey {
    "dim-lights".parse().unwrap()
}

fn definition() -> Value {
    json!({
        "kind": "ops", "owner": "team-picking", "enabled": true, "variants": {"on": true, "off": false},
        "default_variant": "off", "off_variant": "off",
        "rules": [{"id": "gold", "when": "plan == \"gold\"", "serve": {"variant": "on"}}],
    })
}

async fn put(world: &World, definition: &Value) -> FlagView {
    let request: FlagRequest = serde_json::from_value(json!({"definition": definition, "reason": WHY})).unwrap();
    let known = world.control.flags(&mira()).await.unwrap().flags;
    let revision = known.iter().find(|view| view.flag.key == key()).map(|view| view.flag.revision);
    let revision = revision.map(|revision| serde_json::from_value(json!(revision.to_string())).unwrap());
    let conditions = Conditions { revision, ..Conditions::default() };
    world.control.put_flag(&mira(), &key(), request, conditions).await.unwrap().body.flag
}

async fn flag(world: &World) -> FlagView {
    world.control.flags(&mira()).await.unwrap().flags.into_iter().find(|view| view.flag.key == key()).unwrap()
}

async fn start_as(world: &World, who: &Principal, stages: &str) -> Result<ActionReply, Problem> {
    let plan = format!("rollout: pick-assist\ntarget: dc-west\ngates:\n  good: ok\nstages:\n{stages}");
    let request = StartRequest {
        plan: Value::String(plan),
        reason: WHY.to_owned(),
        ticket: None,
        dry_run: false,
        override_id: None,
        saw: None,
    };
    world.control.begin(who, request, Conditions::default()).await.map(|reply| reply.body)
}

async fn start(world: &World, stages: &str) -> Result<ActionReply, Problem> {
    start_as(world, &mira(), stages).await
}

/// What a caller at a site gets that says nothing of itself.
fn served(world: &World, site: &str) -> String {
    let here = NamedPlace { group: Some("dc-west".parse().unwrap()), site: Some(site.parse().unwrap()), lane: None };
    let from = world.control.standpoint(&mira(), &here).unwrap();
    let flags = world.control.flag_set();
    flags.evaluate(&key(), &from, &serde_json::Map::new()).unwrap().outcome.unwrap().variant.to_owned()
}

/// A site's agent checks, and holds the flag at this revision.
async fn checks(world: &World, site: &str, revision: u64, variant: &str) {
    let order = world.control.sites(&mira()).await.unwrap().sites;
    let lane = &order.iter().find(|known| known.site.as_str() == site).unwrap().lanes[0];
    let report = Report {
        generation: lane.generation,
        state: ReportState::Healthy,
        measured: None,
        claimed: None,
        facts: [("ok".to_owned(), FactValue::Bool(true))].into(),
        slis: BTreeMap::new(),
        category: None,
        output_tail: "".into(),
        check_interval: 60.0,
        labels: BTreeMap::new(),
        flags: [(key(), HeldFlag { revision, variant: Some(variant.into()) })].into(),
        checked_at: Some(Utc::now()),
        evaluated: BTreeMap::new(),
        audit_broken: None,
    };
    world.control.report(&mira(), &unit(site), report).await.unwrap();
}

async fn trail(world: &World, action: &str) -> Vec<AuditEntry> {
    let query = AuditQuery { action: Some(action.to_owned()), ..AuditQuery::default() };
    world.control.audit(&mira(), query).await.unwrap().entries
}

/// Sites a, b and c, and the flag, at its first revision.
async fn lit(world: World) -> World {
    let old = world.snapshot("1.0", false).await;
    world.sites(&["a", "b", "c"], &old).await;
    put(&world, &definition()).await;
    world
}

#[tokio::test]
async fn a_plan_widens_a_flag_site_by_site_and_a_rollback_brings_it_back_but_for_what_others_changed() {
    let world = lit(World::new().await).await;
    let reply = start(&world, LANES).await.unwrap();
    assert!(reply.effect.changes[0].as_str().contains("sets dim-lights=on"), "{:?}", reply.effect);
    world.until(Phase::Progressing).await;
    assert_eq!([served(&world, "a"), served(&world, "b")], ["on", "off"]);
    let view = flag(&world).await;
    assert_eq!((view.flag.revision, view.rollout.clone()), (2, Some(pick())));
    assert_eq!(view.flag.changed_by.as_str(), "dc-west/pick-assist");
    assert_eq!(world.ask("a", 0).await, None, "nothing is deployed");
    let shown = world.show().await;
    assert_eq!(shown.candidate.version.as_ref().unwrap().as_str(), "dim-lights=on");
    assert_eq!(shown.stable.version.as_ref().unwrap().as_str(), "dim-lights r1");
    assert_eq!(shown.stages[0].flag.as_ref().unwrap().to_string(), "dim-lights=on");

    // The revision before it says nothing of the stage.
    checks(&world, "a", 1, "off").await;
    assert_eq!(world.show().await.phase, Phase::Progressing);
    checks(&world, "a", 2, "on").await;
    world.until(Phase::AwaitingPromotion).await;

    // Meanwhile somebody changes something else of it.
    let mut other = serde_json::to_value(&flag(&world).await.flag.definition).unwrap();
    other["owner"] = json!("team-lights");
    put(&world, &other).await;
    let promoted = world.act(Action::Promote).await.unwrap().audit.unwrap();
    assert_eq!(["a", "b", "c"].map(|site| served(&world, site)), ["on", "on", "on"]);
    let widened = trail(&world, "flag_widen").await;
    let last = widened.last().unwrap();
    assert_eq!((widened.len(), last.outcome, last.subject.name.as_str()), (2, Outcome::Applied, "dim-lights"));
    assert_eq!(last.because, Some(promoted.seq), "it says by whose decision");
    assert_eq!(last.correlation_id, promoted.correlation_id);
    assert!(last.effect.as_ref().unwrap().as_str().starts_with("dim-lights=on for 3 units of dc-west/pick-assist"));
    assert!(format!("{:?}", last.changes).contains("3 units: dc-west/a/main, dc-west/b/main, dc-west/c/main"));

    let back = world.act(Action::Rollback).await.unwrap().audit.unwrap();
    assert_eq!(["a", "b", "c"].map(|site| served(&world, site)), ["off", "off", "off"]);
    let restored = flag(&world).await.flag;
    let mut expected = definition();
    expected["owner"] = json!("team-lights");
    assert_eq!(serde_json::to_value(&restored.definition).unwrap(), expected);
    let entry = trail(&world, "flag_restore").await.remove(0);
    assert_eq!((entry.because, entry.outcome), (Some(back.seq), Outcome::Applied));
    for site in ["a", "b", "c"] {
        assert_eq!(world.show().await.phase, Phase::RollingBack);
        checks(&world, site, restored.revision, "off").await;
    }
    world.until(Phase::RolledBack).await;
    assert_eq!(flag(&world).await.rollout, None);
}

#[tokio::test]
async fn what_a_plan_came_to_is_there_after_a_restart_and_still_goes_back() {
    let world = lit(World::new().await).await;
    start(&world, LANES).await.unwrap();
    checks(&world, "a", 2, "on").await;
    world.until(Phase::AwaitingPromotion).await;
    let world = world.restart().await;
    assert_eq!([served(&world, "a"), served(&world, "b")], ["on", "off"]);
    world.act(Action::Rollback).await.unwrap();
    assert_eq!(served(&world, "a"), "off");
    assert_eq!(serde_json::to_value(&flag(&world).await.flag.definition).unwrap(), definition());
}

#[tokio::test]
async fn a_flag_is_widened_beside_a_snapshot_which_other_rollouts_do_not_lose() {
    let world = lit(World::new().await).await;
    let new = world.snapshot("2.0", false).await;
    world.start(&new, "  - all-of-it: all\n    advance: automatic\n").await.unwrap();
    for site in ["a", "b", "c"] {
        let order = world.ask(site, 0).await.unwrap();
        world.obey(site, &order).await;
    }
    world.until(Phase::Completed).await;
    // The rollout that widens a flag afterwards leaves the way back of the release open.
    let plan = format!("rollout: lights\ntarget: dc-west\nstages:\n{LANES}");
    let request = json!({"plan": plan, "reason": WHY});
    world.control.begin(&mira(), serde_json::from_value(request).unwrap(), Conditions::default()).await.unwrap();
    assert_eq!(served(&world, "a"), "on");
    world.act(Action::Rollback).await.expect("the release can still be brought back");
    assert_eq!(served(&world, "a"), "on", "and the flag is another thing");
}

#[tokio::test]
async fn a_plan_that_cannot_set_its_flag_does_not_begin_and_says_why() {
    let world = lit(World::new().await).await;
    let stage = |flag: &str| format!("  - canary: 1 site\n    flag: {flag}\n");
    for (flag, field, said) in [
        ("{key: no-such, variant: on}", "plan.stages[0].flag.key", "there is no flag no-such"),
        (
            "{key: dim-lights, variant: blue}",
            "plan.stages[0].flag.variant",
            "none of the variants of dim-lights: off, on",
        ),
    ] {
        let problem = start(&world, &stage(flag)).await.unwrap_err();
        assert_eq!((problem.code, problem.field.as_ref().unwrap().as_str()), (Code::Invalid, field));
        assert!(problem.detail.as_str().contains(said), "{}", problem.detail);
    }
    let ours = stage("{key: dim-lights, variant: on}");
    let local = person("ana", Role::Operator, &["dc-west"]);
    assert_eq!(start_as(&world, &local, &ours).await.unwrap_err().code, Code::Forbidden, "the flag counts everywhere");

    let with = |field: &str, value: Value| {
        let mut changed = definition();
        changed[field] = value;
        changed
    };
    put(&world, &with("scope", json!("target=dc-west,site=b"))).await;
    let problem = start(&world, &ours).await.unwrap_err();
    assert!(problem.detail.as_str().contains("the scope of flag dim-lights leaves out a/main"), "{}", problem.detail);
    start_as(&world, &local, &ours).await.expect_err("it is out of its scope");

    put(&world, &definition()).await;
    for (changed, said) in [
        (with("expires_at", json!("2020-01-01T00:00:00Z")), "a flag past its day is not widened"),
        (with("enabled", json!(false)), "is switched off, and serves off to all"),
    ] {
        put(&world, &changed).await;
        let problem = start(&world, &ours).await.unwrap_err();
        assert_eq!((problem.code, problem.blockers[0].kind), (Code::Blocked, BlockerKind::Hold));
        assert!(problem.detail.as_str().contains(said), "{}", problem.detail);
        assert!(problem.audit.is_some(), "a refusal is in the trail");
    }
    put(&world, &definition()).await;
    let why = ReasonRequest { reason: WHY.to_owned(), ticket: None, saw: None };
    world.control.kill_flag(&mira(), &key(), why).await.unwrap();
    let problem = start(&world, &ours).await.unwrap_err();
    assert!(problem.detail.as_str().contains("was killed by mira"), "{}", problem.detail);
}

#[tokio::test]
async fn a_kill_is_not_held_by_a_plan_and_holds_its_next_stage_until_it_is_taken_back() {
    let world = lit(World::new().await).await;
    start(&world, LANES).await.unwrap();
    checks(&world, "a", 2, "on").await;
    world.until(Phase::AwaitingPromotion).await;
    let why = ReasonRequest { reason: WHY.to_owned(), ticket: None, saw: None };
    world.control.kill_flag(&mira(), &key(), why).await.unwrap();
    assert_eq!(served(&world, "a"), "off");
    checks(&world, "a", 3, "off").await;
    let degraded = world.until(Phase::Degraded).await;
    assert!(degraded.failures.unwrap()[0].output_tail.as_str().contains("holds off of dim-lights, and not on"));
    let request: FlagRequest = serde_json::from_value(json!({
        "definition": flag(&world).await.flag.definition, "reason": WHY, "revive": true
    }))
    .unwrap();
    let seen = Conditions { revision: Some(serde_json::from_value(json!("3")).unwrap()), ..Conditions::default() };
    world.control.put_flag(&mira(), &key(), request, seen).await.unwrap();
    checks(&world, "a", 4, "on").await;
    world.until(Phase::AwaitingPromotion).await;
}

fn noon() -> DateTime<Utc> {
    "2026-03-10T12:00:00Z".parse().unwrap()
}

#[tokio::test]
async fn a_window_over_flags_holds_the_stages_that_set_them_and_an_override_lets_one_through() {
    let world = lit(World::at(noon()).await).await;
    let window = WindowRequest {
        scope: "dc-west".parse().unwrap(),
        reason: WHY.to_owned(),
        from: Some(noon()),
        until: Some(noon() + TimeDelta::hours(2)),
        actions: vec![Operation::FlagWiden],
        ..WindowRequest::default()
    };
    let window = world.control.add_window(&mira(), window, Conditions::default()).await.unwrap().window;
    let held = start(&world, LANES).await.unwrap_err();
    assert_eq!(held.code, Code::Blocked, "{}", held.detail);
    assert_eq!(held.blocking_windows[0].window, window.window.id);
    assert_eq!(served(&world, "a"), "off");

    let offer = held.override_offer.expect("how to pass it");
    let asked = json!({
        "windows": offer.windows, "actions": offer.actions, "rollout": offer.rollout, "candidate": offer.candidate,
        "reason": WHY, "uses": 1,
    });
    let request = serde_json::from_value(asked).unwrap();
    let record = world.control.add_override(&mira(), request, Conditions::default()).await.unwrap();
    let plan = format!("rollout: pick-assist\ntarget: dc-west\ngates:\n  good: ok\nstages:\n{LANES}");
    let request = json!({"plan": plan, "reason": WHY, "override": record.record.record.id});
    let began = world.control.begin(&mira(), serde_json::from_value(request).unwrap(), Conditions::default()).await;
    assert_eq!(began.unwrap().body.audit.unwrap().override_id, Some(record.record.record.id.clone()));
    assert_eq!([served(&world, "a"), served(&world, "b")], ["on", "off"]);
    assert_eq!(trail(&world, "flag_widen").await[0].override_id, Some(record.record.record.id));

    // It let one stage through. The next one waits for the window's end, and then begins when somebody promotes.
    checks(&world, "a", 2, "on").await;
    world.until(Phase::AwaitingPromotion).await;
    assert_eq!(world.act(Action::Promote).await.unwrap_err().code, Code::Blocked);
    world.set(noon() + TimeDelta::hours(2)).await;
    checks(&world, "a", 2, "on").await;
    world.until(Phase::AwaitingPromotion).await;
    world.act(Action::Promote).await.unwrap();
    assert_eq!(served(&world, "c"), "on");
    // Going back is held by nothing.
    let window =
        WindowRequest { scope: "dc-west".parse().unwrap(), reason: WHY.to_owned(), ..WindowRequest::default() };
    world.control.add_window(&mira(), window, Conditions::default()).await.unwrap();
    world.act(Action::Rollback).await.unwrap();
    assert_eq!(served(&world, "a"), "off");
}

#[tokio::test]
async fn where_widening_a_flag_takes_two_the_plan_that_does_it_waits_for_the_second() {
    let what = Approvable::Operation(Operation::FlagWiden);
    let policy = Policy { approvals: [what].into(), ..Policy::default() };
    let world = lit(World::demanding(policy).await).await;
    let asked = start_as(&world, &person("ana", Role::Operator, &["*"]), LANES).await.unwrap();
    assert_eq!(asked.outcome, Outcome::Intended);
    assert_eq!(served(&world, "a"), "off");
    let approval = asked.approval.expect("it waits").approval;
    assert!(format!("{:?}", approval.preview.changes).contains("sets dim-lights=on"), "the second person sees it");
    let why = ReasonRequest { reason: WHY.to_owned(), ticket: None, saw: None };
    let ben = person("ben", Role::Operator, &["*"]);
    let agree = rolldeck::wire::ApprovalChange::Approve;
    world.control.decide_approval(&ben, approval.id.as_str(), agree, why).await.unwrap();
    assert_eq!(served(&world, "a"), "on");
    assert_eq!(trail(&world, "flag_widen").await[0].approved_by, [SafeText::new("ben")]);
}
