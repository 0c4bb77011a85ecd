//! Text from outside comes back harmless, wherever it was put in.

use rolldeck::domain::text::is_hostile;
use serde_json::{Value, json};

use super::world::{Call, WHY, World, act, desired, report};

const NASTY: &str = "a\u{1b}[2J\u{1b}]0;x\u{7}b\u{202e}c\u{e0041}d\u{200b}e\u{9b}31mf\rg";

/// Every string in an answer, with where it stands.
fn strings(value: &Value, place: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::String(text) => found.push((place.to_owned(), text.clone())),
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                strings(item, &format!("{place}[{i}]"), found);
            }
        }
        Value::Object(map) => {
            for (key, value) in map {
                found.push((format!("{place} key"), key.clone()));
                strings(value, &format!("{place}.{key}"), found);
            }
        }
        _ => {}
    }
}

fn is_harmless(what: &str, value: &Value) {
    let mut found = Vec::new();
    strings(value, "", &mut found);
    for (place, text) in found {
        // A signed note and a command's output have lines.
        let many_lines = place.ends_with("note") || place.ends_with("output_tail");
        let bad = text.chars().find(|c| is_hostile(*c) && !(many_lines && *c == '\n'));
        assert_eq!(bad, None, "{what} {place}: {text:?}");
    }
}

#[tokio::test]
async fn hostile_text_in_any_field_comes_back_harmless() {
    let world = World::new().await;
    world.rollout().await;
    let actions = "/api/v1/rollouts/dc-west/pick-assist/actions";
    let nasty_plan = format!("rollout: {NASTY}\ntarget: dc-west\n");
    let start = |body: Value| Call::post("/api/v1/rollouts").header("idempotency-key", "k").json(&body);
    let encoded = "%1b%5b2J%e2%80%ae%f3%a0%81%81";
    let calls = [
        act("pause").json(&json!({"action": "pause", "reason": WHY, "ticket": NASTY, "saw": NASTY})),
        Call::post(actions).json(&json!({"action": NASTY, "reason": WHY})),
        Call::post(actions).json(&json!({"action": "pause", "reason": NASTY})),
        Call::post(actions).json(&json!({"action": "rollback", "reason": WHY, "to": NASTY})),
        Call::post(actions).json(&json!({"action": "pause", "reason": WHY, "override": NASTY})),
        Call::post(actions).json(&json!({"action": "pause", "reason": WHY, NASTY: 1})),
        start(json!({"plan": nasty_plan, "reason": WHY})),
        start(json!({"plan": {NASTY: NASTY}, "reason": WHY})),
        start(json!({"plan": NASTY, "reason": WHY, "ticket": NASTY})),
        Call::post("/api/v1/rollouts").body(&format!("text/{}", "\u{202e}"), "x"),
        Call::post("/api/v1/rollouts").body("application/json", &format!("{{\"plan\": {NASTY}")),
        Call::post("/api/v1/windows").json(&json!({"scope": NASTY, "reason": WHY})),
        Call::post("/api/v1/windows").json(&json!({"scope": "dc-east", "reason": WHY, "ticket": NASTY})),
        Call::post("/api/v1/snapshots").json(&json!({"version": NASTY, "metadata": {"k": NASTY, NASTY: "v"}})),
        Call::post("/api/v1/snapshots").json(&json!({"version": NASTY, "metadata": {"k": NASTY}})),
        Call::post("/api/v1/snapshots").json(&json!({"version": "1", "artifact": NASTY})),
        Call::get(&format!("{}&label=ring={encoded}", desired("s9", 0))),
        Call::get(&format!("{}&label={encoded}=1", desired("s9", 0))),
        Call::get(&format!("/agent/v1/groups/{encoded}/sites/s/lanes/l/desired")),
        Call::post(&report("s1")).json(&json!({
            "generation": 0, "state": "failed", "category": "apply", "output_tail": NASTY,
            "facts": {NASTY: true}, "slis": {NASTY: {"value": 1}}, "labels": {"ring": NASTY},
        })),
        Call::post(&report("s1")).json(&json!({"generation": 0, "state": NASTY})),
        Call::get(&format!("/api/v1/rollouts?after={encoded}")),
        Call::get(&format!("/api/v1/rollouts?{encoded}=1")),
        Call::get(&format!("/api/v1/rollouts/{encoded}/x")),
        Call::get(&format!("/api/v1/audit?actor={encoded}")),
        Call::get(&format!("/api/v1/audit?rollout={encoded}")),
        Call::get(&format!("/api/v1/windows/state?at={encoded}")),
        Call::get(&format!("/agent/v1/snapshots/{encoded}/artifact")),
        Call::get(&format!("/{encoded}")),
    ];
    for call in calls {
        let what = format!("{call:?}").chars().take(300).collect::<String>();
        let reply = world.send(call).await;
        assert_ne!(reply.status, 503, "{what}\n{}", reply.text);
        is_harmless(&what, &reply.json);
    }
    for path in [
        "/api/v1/rollouts",
        "/api/v1/rollouts/dc-west/pick-assist",
        "/api/v1/audit?limit=1000",
        "/api/v1/windows",
        "/api/v1/snapshots",
        "/api/v1/sites",
    ] {
        let reply = world.get(path).await;
        assert_eq!(reply.status, 200, "{path}");
        is_harmless(path, &reply.json);
    }
    assert!(world.get("/metrics").await.text.chars().all(|c| c == '\n' || !is_hostile(c)));
}
