//! Agents over HTTP: a rollout from the first poll to completed, as its units carry it out.

use std::time::Duration;

use serde_json::{Value, json};

use super::world::{Call, World, act, desired, report};

/// Does what an order says: reports applying, applied, healthy.
async fn obey(world: &World, site: &str, order: &Value) {
    for state in ["applying", "applied", "healthy"] {
        let measured = if state == "healthy" { order["snapshot"].clone() } else { Value::Null };
        let body = json!({
            "generation": order["generation"], "state": state, "measured": measured, "facts": {"ok": true},
        });
        let reply = world.send(Call::post(&report(site)).json(&body)).await;
        assert_eq!((reply.status.as_u16(), reply.text.as_str()), (204, ""), "{state}");
    }
}

async fn until(world: &World, phase: &str) -> Value {
    let mut tag = String::from("\"none\"");
    for _ in 0..30 {
        let call = Call::get("/api/v1/rollouts/dc-west/pick-assist?wait=1").header("if-none-match", &tag);
        let reply = world.send(call).await;
        if reply.json["phase"] == phase {
            return reply.json;
        }
        if reply.status == 200 {
            reply.header("etag").clone_into(&mut tag);
        }
    }
    panic!("it never was {phase}: {}", world.get("/api/v1/rollouts/dc-west/pick-assist").await.text);
}

#[tokio::test]
async fn a_rollout_goes_from_canary_to_completed_through_polls_and_reports() {
    let world = World::new().await;
    world.rollout().await;
    let mut told = Vec::new();
    for site in ["s1", "s2", "s3"] {
        let reply = world.get(&desired(site, 0)).await;
        if reply.status == 200 {
            told.push((site, reply.json));
        }
    }
    assert_eq!(told.len(), 1, "the first stage takes one site: {told:?}");
    let (site, order) = &told[0];
    assert_eq!(order["version"], "1.1.0");
    let generation = order["generation"].as_u64().unwrap();
    obey(&world, site, order).await;
    assert_eq!(world.get(&desired(site, generation)).await.status, 204, "it has the order already");

    let rollout = until(&world, "awaiting_promotion").await;
    let revision = format!("\"{}\"", rollout["revision"].as_str().unwrap());
    let waiting = ["s1", "s2", "s3"].into_iter().find(|other| other != site).unwrap();
    let held = format!("{}&wait=20", desired(waiting, 0));
    let promote = act("promote").header("if-match", &revision).header("idempotency-key", "go");
    let (order, promoted) =
        tokio::time::timeout(Duration::from_secs(15), async { tokio::join!(world.get(&held), world.send(promote)) })
            .await
            .expect("a held poll is answered by the promotion");
    assert_eq!(promoted.status, 200, "{}", promoted.text);
    assert_eq!(order.status, 200, "{}", order.text);
    obey(&world, waiting, &order.json).await;
    for site in ["s1", "s2", "s3"] {
        let reply = world.get(&desired(site, generation)).await;
        if reply.status == 200 {
            obey(&world, site, &reply.json).await;
        }
    }
    let last = until(&world, "awaiting_promotion").await;
    let revision = format!("\"{}\"", last["revision"].as_str().unwrap());
    let finish = act("promote").header("if-match", &revision).header("idempotency-key", "done");
    let reply = world.send(finish).await;
    assert_eq!((reply.status.as_u16(), &reply.json["rollout"]["phase"]), (200, &json!("completed")), "{}", reply.text);
}

#[tokio::test]
async fn labels_of_a_poll_are_shown_with_the_site() {
    let world = World::new().await;
    let path = format!("{}&label=ring=1&label=region=eu-west", desired("s1", 0));
    assert_eq!(world.get(&path).await.status, 204);
    let sites = world.get("/api/v1/sites").await.json;
    assert_eq!(sites["sites"][0]["lanes"][0]["labels"], json!({"region": "eu-west", "ring": "1"}), "{sites}");
}

#[tokio::test]
async fn an_old_generation_is_refused_and_changes_nothing() {
    let world = World::new().await;
    world.rollout().await;
    let before = world.get("/api/v1/sites").await.json;
    let body = json!({"generation": 41, "state": "failed", "category": "apply"});
    world.send(Call::post(&report("s1")).json(&body)).await.is_problem(412, "revision-mismatch");
    let after = world.get("/api/v1/sites").await.json;
    assert_eq!(before["sites"][0]["lanes"][0]["report"], after["sites"][0]["lanes"][0]["report"]);
}
