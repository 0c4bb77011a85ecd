//! Starts, actions and windows: once, on the revision that was looked at, and repeatable after a lost answer.

use serde_json::{Value, json};

use super::world::{Call, Reply, WHY, World, act, start};

async fn entries(world: &World, action: &str) -> usize {
    let reply = world.get(&format!("/api/v1/audit?action={action}")).await;
    reply.json["entries"].as_array().unwrap().len()
}

fn replayed(reply: &Reply) -> bool {
    reply.header("idempotent-replayed") == "true"
}

#[tokio::test]
async fn a_start_that_is_asked_for_again_is_answered_again_and_done_once() {
    let world = World::new().await;
    let old = world.snapshot("1.0.0").await;
    world.site("s1", &old).await;
    world.site("s2", &old).await;
    let new = world.snapshot("1.1.0").await;
    let first = world.send(start(&new, "k1")).await;
    assert_eq!((first.status.as_u16(), replayed(&first)), (201, false), "{}", first.text);
    let second = world.send(start(&new, "k1")).await;
    assert_eq!((second.status.as_u16(), replayed(&second)), (201, true), "{}", second.text);
    assert_eq!(first.text, second.text);
    let other = world.send(
        Call::post("/api/v1/rollouts")
            .header("idempotency-key", "k1")
            .json(&json!({"plan": super::world::plan(&new), "reason": "another reason altogether"})),
    );
    other.await.is_problem(422, "idempotency-mismatch");
    world.send(start(&new, "k2")).await.is_problem(409, "blocked");
    assert_eq!(entries(&world, "start").await, 2, "one applied, one refused");
}

#[tokio::test]
async fn a_dry_run_of_a_start_needs_no_reason_and_no_key_and_does_nothing() {
    let world = World::new().await;
    let old = world.snapshot("1.0.0").await;
    world.site("s1", &old).await;
    world.site("s2", &old).await;
    let body = json!({"plan": super::world::plan(&old), "dry_run": true});
    let reply = world.send(Call::post("/api/v1/rollouts").json(&body)).await;
    assert_eq!((reply.status.as_u16(), &reply.json["outcome"]), (200, &json!("intended")), "{}", reply.text);
    assert_eq!(reply.json["audit"], Value::Null);
    assert_eq!(world.get("/api/v1/rollouts").await.json["rollouts"], json!([]));
}

#[tokio::test]
async fn an_action_that_is_asked_for_again_is_answered_again_and_done_once() {
    let world = World::new().await;
    let rollout = world.rollout().await;
    let pause = act("pause").header("idempotency-key", "p1");
    let first = world.send(pause.clone()).await;
    assert_eq!((first.status.as_u16(), &first.json["outcome"]), (200, &json!("applied")), "{}", first.text);
    assert_eq!(first.json["rollout"]["phase"], "paused");
    assert_ne!(first.json["rollout"]["revision"], rollout["revision"]);
    let second = world.send(pause).await;
    assert!(replayed(&second));
    assert_eq!(first.text, second.text);
    world.send(act("rollback").header("idempotency-key", "p1")).await.is_problem(422, "idempotency-mismatch");
    let third = world.send(act("pause")).await;
    assert_eq!((third.status.as_u16(), &third.json["outcome"], replayed(&third)), (200, &json!("no_op"), false));
    assert_eq!(entries(&world, "pause").await, 2);
}

#[tokio::test]
async fn what_widens_needs_the_revision_that_was_looked_at_and_what_stops_does_not() {
    let world = World::new().await;
    let begun = world.rollout().await;
    let seen = format!("\"{}\"", begun["revision"].as_str().unwrap());
    let paused = world.send(act("pause").header("if-match", "\"r999\"")).await;
    assert_eq!(paused.status, 200, "a pause must not lose a race: {}", paused.text);
    let stale = world.send(act("resume").header("if-match", &seen).header("idempotency-key", "r1")).await;
    stale.is_problem(412, "revision-mismatch");
    assert_eq!(stale.json["revision"], paused.json["rollout"]["revision"]);
    assert!(stale.json["changed"].is_string(), "{}", stale.text);
    let now = format!("\"{}\"", paused.json["rollout"]["revision"].as_str().unwrap());
    let fresh = world.send(act("resume").header("if-match", &now).header("idempotency-key", "r1")).await;
    assert_eq!(fresh.status, 200, "a refusal stores nothing under its key: {}", fresh.text);
    let back = world.send(act("rollback")).await;
    assert_eq!((back.status.as_u16(), &back.json["outcome"]), (200, &json!("applied")), "{}", back.text);
}

#[tokio::test]
async fn a_dry_run_says_what_would_happen_and_leaves_no_trace() {
    let world = World::new().await;
    world.rollout().await;
    let before = world.get("/api/v1/audit?limit=1000").await.json["entries"].as_array().unwrap().len();
    for action in ["pause", "resume", "promote", "promote_full", "rollback", "retry"] {
        let call = Call::post("/api/v1/rollouts/dc-west/pick-assist/actions")
            .json(&json!({"action": action, "dry_run": true}));
        let reply = world.send(call).await;
        assert_eq!((reply.status.as_u16(), &reply.json["outcome"]), (200, &json!("intended")), "{}", reply.text);
        assert!(reply.json["effect"]["summary"].as_str().is_some_and(|s| !s.is_empty()), "{}", reply.text);
    }
    let after = world.get("/api/v1/audit?limit=1000").await.json["entries"].as_array().unwrap().len();
    assert_eq!(before, after);
}

#[tokio::test]
async fn a_freeze_blocks_what_widens_says_until_when_and_can_be_lifted() {
    let world = World::new().await;
    world.rollout().await;
    let body = json!({"scope": "dc-west", "reason": WHY, "until": "2099-01-01T00:00:00Z"});
    let added = world.send(Call::post("/api/v1/windows").header("idempotency-key", "w1").json(&body)).await;
    assert_eq!(added.status, 201, "{}", added.text);
    let id = added.json["window"]["id"].as_str().unwrap().to_owned();
    assert_eq!(added.json["window"]["state"], "active");
    let state = world.get("/api/v1/windows/state").await.json;
    assert_eq!(state["active"][0]["id"], id.as_str());
    assert_eq!(state["next_transition"], "2099-01-01T00:00:00Z");
    let state = world.get("/api/v1/windows/state?at=2099-06-01T00:00:00Z").await.json;
    assert_eq!(state["active"], json!([]));

    let paused = world.send(act("pause")).await;
    assert_eq!(paused.status, 200, "{}", paused.text);
    let now = format!("\"{}\"", paused.json["rollout"]["revision"].as_str().unwrap());
    let resume = act("resume").header("if-match", &now).header("idempotency-key", "r1");
    let blocked = world.send(resume.clone()).await;
    blocked.is_problem(409, "blocked");
    assert_eq!(blocked.json["blockers"][0]["kind"], "freeze", "{}", blocked.text);
    assert_eq!(blocked.json["next_transition"], "2099-01-01T00:00:00Z");

    let body = json!({"scope": "dc-east", "reason": WHY, "until": "2099-01-01T00:00:00Z"});
    let put = Call::new("PUT", &format!("/api/v1/windows/{id}")).json(&body);
    let changed = world.send(put.clone().header("if-match", "\"1\"")).await;
    assert_eq!((changed.status.as_u16(), &changed.json["window"]["scope"]), (200, &json!("target=dc-east")));
    world.send(put.header("if-match", "\"1\"")).await.is_problem(412, "revision-mismatch");
    let lift = Call::post(&format!("/api/v1/windows/{id}/lift")).json(&json!({"reason": WHY}));
    let lifted = world.send(lift).await;
    assert_eq!((lifted.status.as_u16(), &lifted.json["window"]["state"]), (200, &json!("lifted")), "{}", lifted.text);
    assert_eq!(world.send(resume).await.status, 200);
}

#[tokio::test]
async fn the_audit_trail_can_be_read_proven_and_exported() {
    let world = World::new().await;
    world.rollout().await;
    let early = world.get("/api/v1/audit/checkpoint").await.json["size"].as_u64().unwrap();
    world.send(act("pause")).await;
    let late = world.get("/api/v1/audit/checkpoint").await;
    let size = late.json["size"].as_u64().unwrap();
    assert!(size > early, "{}", late.text);
    let proof = world.get(&format!("/api/v1/audit/proof?from={early}&to={size}")).await;
    assert!(!proof.json["hashes"].as_array().unwrap().is_empty(), "{}", proof.text);
    let report = world.get("/api/v1/audit/verify").await.json;
    assert_eq!((&report["ok"], &report["entries"], &report["proven"]), (&json!(true), &json!(size), &json!(size)));

    let newest = world.get("/api/v1/audit?newest=true&limit=1").await.json;
    assert_eq!(newest["entries"][0]["action"], "pause");
    let of_rollout = world.get("/api/v1/audit?rollout=dc-west/pick-assist&actor=local&action=start").await.json;
    assert_eq!(of_rollout["entries"].as_array().unwrap().len(), 1);

    let export = world.get("/api/v1/audit/export").await;
    assert_eq!((export.status.as_u16(), export.header("content-type")), (200, "application/jsonl"));
    let found = rolldeck::audit::export::verify(export.text.as_bytes(), None).unwrap();
    assert!(found.ok, "{found:?}");
    assert_eq!(found.entries, size);
    let changed = export.text.replacen(WHY, "because nobody looks", 1);
    let found = rolldeck::audit::export::verify(changed.as_bytes(), None).unwrap();
    assert!(!found.ok && found.first_bad.is_some(), "{found:?}");
}
