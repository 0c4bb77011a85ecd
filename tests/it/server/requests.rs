//! What is wrong with a request is said as a problem with its code, whichever part of the stack sees it.

use serde_json::json;

use super::world::{Call, WHY, World, act, plan};

#[tokio::test]
async fn whatever_is_wrong_with_a_request_is_a_problem_with_its_code() {
    let world = World::new().await;
    world.rollout().await;
    let digest = format!("sha256:{}", "0".repeat(64));
    let rollouts = || Call::post("/api/v1/rollouts").header("idempotency-key", "k");
    let actions = || Call::post("/api/v1/rollouts/dc-west/pick-assist/actions");
    let windows = || Call::post("/api/v1/windows");
    let report = || Call::post("/agent/v1/groups/dc-west/sites/s1/lanes/main/report");
    let good = json!({"action": "promote", "reason": WHY});
    let cases = [
        // Paths and methods.
        (Call::get("/"), 404, "not-found"),
        (Call::get("/api/v1/nothing"), 404, "not-found"),
        (Call::get("/api/v2/rollouts"), 404, "not-found"),
        (Call::get("/api/v1/rollouts/dc-west"), 404, "not-found"),
        (Call::new("DELETE", "/api/v1/rollouts"), 405, "invalid"),
        (Call::new("PATCH", "/healthz"), 405, "invalid"),
        (Call::get("/api/v1/rollouts/dc-west/none"), 404, "not-found"),
        (Call::get("/api/v1/rollouts/-dc/none"), 400, "invalid"),
        (Call::get("/api/v1/rollouts/dc-west/%1b%5b2J"), 400, "invalid"),
        (Call::get("/api/v1/rollouts/dc-west/%ff"), 400, "invalid"),
        // Queries.
        (Call::get("/api/v1/rollouts?wiat=1"), 400, "invalid"),
        (Call::get("/api/v1/rollouts?wait=-1"), 400, "invalid"),
        (Call::get("/api/v1/rollouts?wait=1&wait=2"), 400, "invalid"),
        (Call::get("/api/v1/audit?limit=0"), 400, "invalid"),
        (Call::get("/api/v1/audit?limit=100000"), 400, "invalid"),
        (Call::get("/api/v1/audit?since=yesterday"), 400, "invalid"),
        (Call::get("/api/v1/audit?rollout=pick-assist"), 400, "invalid"),
        (Call::get("/api/v1/audit/proof?from=1"), 400, "invalid"),
        (Call::get("/api/v1/audit/proof?from=2&to=1"), 400, "invalid"),
        (Call::get("/api/v1/windows/state?at=now"), 400, "invalid"),
        // Bodies.
        (rollouts().body("text/plain", "plan"), 400, "invalid"),
        (rollouts().json(&json!({})).without("content-type"), 400, "invalid"),
        (rollouts().body("application/json", ""), 400, "invalid"),
        (rollouts().body("application/json", "{"), 400, "invalid"),
        (rollouts().body("application/json", "[]"), 400, "invalid"),
        (rollouts().body("application/json", "{}{}"), 400, "invalid"),
        (rollouts().body("application/json", &"[".repeat(10_000)), 400, "invalid"),
        (rollouts().json(&json!({"plan": "stages: [", "reason": WHY})), 400, "invalid"),
        (rollouts().json(&json!({"plan": {"rollout": 1}, "reason": WHY})), 400, "invalid"),
        (rollouts().json(&json!({"plan": plan(&digest), "reason": WHY})).without("idempotency-key"), 400, "invalid"),
        (rollouts().json(&json!({"plan": plan(&digest), "reason": WHY})), 400, "invalid"),
        (rollouts().json(&json!({"plan": plan(&digest)})), 400, "reason-required"),
        // Actions.
        (actions().json(&json!({"action": "explode", "reason": WHY})), 400, "invalid"),
        (actions().json(&json!({"action": "pause", "reason": WHY, "force": true})), 400, "invalid"),
        (actions().json(&json!({"action": "pause"})), 400, "reason-required"),
        (actions().json(&json!({"action": "pause", "reason": " too short "})), 400, "reason-required"),
        (actions().json(&json!({"action": "pause", "reason": "x".repeat(501)})), 400, "reason-required"),
        (actions().json(&json!({"action": "rollback", "reason": "bring it\u{1b}[2J back"})), 400, "reason-required"),
        (actions().json(&good), 428, "revision-required"),
        (actions().json(&good).header("if-match", "\"r999\""), 400, "invalid"),
        (actions().json(&good).header("if-match", "\"r999\"").header("idempotency-key", "k"), 412, "revision-mismatch"),
        (actions().json(&good).header("if-match", "*"), 400, "invalid"),
        (actions().json(&good).header("if-match", "r1"), 400, "invalid"),
        (actions().json(&good).header("if-match", "W/\"r1\""), 400, "invalid"),
        (actions().json(&good).header("if-match", "\"r1\", \"r2\""), 400, "invalid"),
        (actions().json(&good).again("if-match", "\"r1\"").again("if-match", "\"r2\""), 400, "invalid"),
        (act("pause").header("idempotency-key", ""), 400, "invalid"),
        (act("pause").header("idempotency-key", "two words"), 400, "invalid"),
        (act("pause").header("idempotency-key", &"k".repeat(256)), 400, "invalid"),
        (act("pause").header("rolldeck-via", "browser"), 400, "invalid"),
        // Windows.
        (windows().json(&json!({"scope": "dc-west"})), 400, "reason-required"),
        (windows().json(&json!({"scope": "place=x", "reason": WHY})), 400, "invalid"),
        (windows().json(&json!({"scope": "dc-west", "reason": WHY, "from": "soon"})), 400, "invalid"),
        (Call::post("/api/v1/windows/w-none/lift").json(&json!({"reason": WHY})), 404, "not-found"),
        (Call::post("/api/v1/windows/w-none/lift").json(&json!({})), 400, "reason-required"),
        (Call::post("/api/v1/windows/%1b/lift").json(&json!({"reason": WHY})), 404, "not-found"),
        (
            Call::new("PUT", "/api/v1/windows/w-none").json(&json!({"scope": "dc-west", "reason": WHY})),
            404,
            "not-found",
        ),
        // Snapshots.
        (Call::post("/api/v1/snapshots").json(&json!({})), 400, "invalid"),
        (Call::post("/api/v1/snapshots").json(&json!({"version": "1", "artifact": "not base64!"})), 400, "invalid"),
        (Call::post("/api/v1/snapshots").json(&json!({"version": "1", "known_good": true})), 400, "reason-required"),
        // Agents.
        (Call::get("/agent/v1/groups/dc-west/sites/%2e%2e%2f/lanes/main/desired"), 400, "invalid"),
        (Call::get("/agent/v1/groups/dc-west/sites/s1/lanes/main/desired?label=ring"), 400, "invalid"),
        (Call::get("/agent/v1/groups/dc-west/sites/s1/lanes/main/desired?generation=old"), 400, "invalid"),
        (report().json(&json!({"generation": 0, "state": "splendid"})), 400, "invalid"),
        (report().json(&json!({"generation": -1, "state": "idle"})), 400, "invalid"),
        (report().json(&json!({"generation": 77, "state": "healthy"})), 412, "revision-mismatch"),
        (Call::get("/agent/v1/snapshots/sha256:00/artifact"), 400, "invalid"),
        (Call::get(&format!("/agent/v1/snapshots/{digest}/artifact")), 404, "not-found"),
        // Too much of it.
        (Call::get("/healthz").header("x-filler", &"a".repeat(17_000)), 413, "too-large"),
        (Call::get(&format!("/healthz?{}", "a".repeat(9_000))), 413, "too-large"),
        (rollouts().body("application/json", &" ".repeat(1024 * 1024 + 1)), 413, "too-large"),
        (report().body("application/json", &" ".repeat(1024 * 1024 + 1)), 413, "too-large"),
    ];
    for (call, status, code) in cases {
        let said = format!("{call:?}").chars().take(400).collect::<String>();
        let reply = world.send(call).await;
        assert_eq!(
            (reply.status.as_u16(), reply.json["code"].as_str()),
            (status, Some(code)),
            "{said}\n{}",
            reply.text
        );
        reply.is_problem(status, code);
    }
}

#[tokio::test]
async fn a_problem_says_which_part_of_the_request_it_is_about() {
    let world = World::new().await;
    let start = |body: &str| Call::post("/api/v1/rollouts").body("application/json", body);
    for (call, field, words) in [
        (start("{\"plan\": \"x\",\n  \"dry_run\": \"maybe\"}"), "dry_run", "line 2"),
        (act("explode"), "action", "explode"),
        (start("x").body("text/html", "x"), "Content-Type", "application/json"),
        (act("pause").header("idempotency-key", "a b"), "Idempotency-Key", "ASCII"),
        (act("promote").header("if-match", "r7"), "If-Match", "\"r7\""),
        (Call::get("/api/v1/audit?limit=0"), "limit", "1000"),
        (Call::get("/api/v1/audit?since=yesterday"), "query", "since"),
        (Call::get("/api/v1/rollouts/dc west/x"), "path", "a target"),
    ] {
        let call = if field == "path" { Call::get("/api/v1/rollouts/dc%20west/x") } else { call };
        let reply = world.send(call).await;
        assert_eq!(reply.json["field"], field, "{}", reply.text);
        assert!(reply.json["detail"].as_str().unwrap().contains(words), "{words:?} is not in {}", reply.text);
    }
}

#[tokio::test]
async fn a_wrong_method_says_which_ones_there_are() {
    let world = World::new().await;
    let reply = world.send(Call::new("DELETE", "/api/v1/windows")).await;
    reply.is_problem(405, "invalid");
    assert!(reply.header("allow").contains("POST"), "{:?}", reply.headers);
}

#[tokio::test]
async fn an_artifact_may_be_larger_than_any_other_body() {
    let world = World::new().await;
    let artifact = "QUJD".repeat(1024 * 1024);
    let call = Call::post("/api/v1/snapshots").json(&json!({"version": "big", "artifact": artifact}));
    let reply = world.send(call).await;
    assert_eq!(reply.status, 201, "{}", reply.text.chars().take(300).collect::<String>());
    let digest = reply.json["snapshot"]["digest"].as_str().unwrap();
    let bytes = world.get(&format!("/agent/v1/snapshots/{digest}/artifact")).await;
    assert_eq!((bytes.status.as_u16(), bytes.text.len()), (200, 3 * 1024 * 1024));
    assert_eq!(bytes.header("content-type"), "application/octet-stream");
}
