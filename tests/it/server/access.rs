//! Who gets in, and who may do what.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rolldeck::domain::{Binding, Holder, Role, TokenText};
use serde_json::json;

use super::world::{Call, WHY, World, act, desired, local, report};

fn site(name: &str) -> Binding {
    Binding { group: "dc-west".parse().unwrap(), site: name.parse().unwrap(), lane: None }
}

#[tokio::test]
async fn each_role_may_do_its_own_work_and_no_more() {
    let world = World::new().await;
    world.rollout().await;
    let commander = world.token("cora", Role::Commander, &["*"], None).await;
    let operator = world.token("otto", Role::Operator, &["dc-*"], None).await;
    let elsewhere = world.token("elsa", Role::Operator, &["dc-east"], None).await;
    let viewer = world.token("vera", Role::Viewer, &["*"], None).await;
    let agent = world.token("s1", Role::Agent, &["dc-west"], Some(site("s1"))).await;
    let who = [&commander, &operator, &elsewhere, &viewer, &agent];
    let freeze = json!({"scope": "dc-west", "reason": WHY});
    let promote = act("promote").header("if-match", "\"r999\"").header("idempotency-key", "k");
    let known_good = json!({"version": "1.2.0", "group": "dc-west", "known_good": true, "reason": WHY});
    let token =
        json!({"id": "t-0000000001", "name": "x", "secret_hash": "0".repeat(64), "role": "viewer", "targets": ["*"]});
    let report_now = Call::post(&report("s1")).json(&json!({"generation": 0, "state": "idle"}));
    // What each is answered: commander, operator, operator of another target, viewer, agent of s1.
    let cases = [
        (Call::get("/api/v1/rollouts"), [200, 200, 200, 200, 403]),
        (Call::get("/api/v1/rollouts/dc-west/pick-assist"), [200, 200, 403, 200, 403]),
        (Call::get("/api/v1/audit"), [200, 200, 200, 200, 403]),
        (Call::get("/api/v1/audit/export"), [200, 403, 403, 200, 403]),
        (Call::get("/api/v1/windows"), [200, 200, 200, 200, 403]),
        (Call::get("/api/v1/sites"), [200, 200, 200, 200, 403]),
        (Call::get("/api/v1/snapshots"), [200, 200, 200, 200, 403]),
        (Call::get("/api/v1/tokens"), [200, 403, 403, 403, 403]),
        (Call::get("/api/v1/server"), [200, 200, 200, 200, 200]),
        (act("pause"), [200, 200, 403, 403, 403]),
        (promote, [412, 412, 403, 403, 403]),
        (Call::post("/api/v1/windows").json(&freeze), [201, 201, 403, 403, 403]),
        (Call::post("/api/v1/snapshots").json(&known_good), [201, 403, 403, 403, 403]),
        (Call::post("/api/v1/tokens").json(&token), [201, 403, 403, 403, 403]),
        (Call::get(&desired("s1", 0)), [403, 403, 403, 403, 204]),
        (Call::get(&desired("s2", 0)), [403, 403, 403, 403, 403]),
        (report_now, [403, 403, 403, 403, 204]),
        (Call::get("/healthz"), [200; 5]),
    ];
    for (call, expected) in cases {
        for (token, expected) in who.iter().zip(expected) {
            let reply = world.send(call.clone().bearer(token)).await;
            assert_eq!(reply.status, expected, "{} {call:?}\n{}", token.id(), reply.text);
            if expected == 403 {
                reply.is_problem(403, "forbidden");
            }
        }
        if format!("{call:?}").contains("healthz") {
            continue;
        }
        let reply = world.send(call).await;
        reply.is_problem(401, "unauthenticated");
        assert!(reply.header("www-authenticate").starts_with("Bearer"), "{:?}", reply.headers);
    }
}

#[tokio::test]
async fn a_refused_credential_is_answered_the_same_whatever_is_wrong_with_it_and_is_counted() {
    let world = World::new().await;
    let good = world.token("vera", Role::Viewer, &["*"], None).await;
    let other = TokenText::new([9; 5], &[9; 32]);
    let damaged = good.expose().replace('a', "b").replace('0', "1");
    let mut details = std::collections::BTreeSet::new();
    for credential in [
        format!("Bearer {}", other.expose()),
        format!("Bearer {damaged}"),
        format!("Bearer {}", good.hash()),
        format!("Basic {}", good.expose()),
        good.expose().to_owned(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
    ] {
        let reply = world.send(Call::get("/api/v1/rollouts").header("authorization", &credential)).await;
        reply.is_problem(401, "unauthenticated");
        assert!(!reply.text.contains(good.expose()) && !reply.text.contains(&damaged), "{}", reply.text);
        details.insert(reply.json["detail"].to_string());
    }
    let twice = Call::get("/api/v1/rollouts").bearer(&good).again("authorization", "Bearer x");
    world.send(twice).await.is_problem(401, "unauthenticated");
    assert_eq!(world.send(Call::get("/api/v1/rollouts").bearer(&good)).await.status, 200);
    // No refusal says whether an id is known.
    assert!(details.iter().all(|detail| !detail.contains("t-")), "{details:?}");

    let id = good.id();
    let revoke = rolldeck::wire::ReasonRequest { reason: WHY.to_owned(), ticket: None, saw: None };
    world.control.revoke_token(&local(), &id, revoke).await.unwrap();
    world.send(Call::get("/api/v1/rollouts").bearer(&good)).await.is_problem(401, "unauthenticated");
    // The last token is gone, and with it nobody gets in: it does not fall open again.
    world.get("/api/v1/rollouts").await.is_problem(401, "unauthenticated");
}

#[tokio::test]
async fn without_tokens_only_this_machine_itself_gets_in() {
    let world = World::new().await;
    let call = || Call::get("/api/v1/rollouts");
    assert_eq!(world.send(call()).await.status, 200);
    assert_eq!(world.send(call().header("host", "[::1]:7890")).await.status, 200);
    let info = world.get("/api/v1/server").await.json;
    assert_eq!((&info["actor"], &info["role"]), (&json!("local"), &json!("commander")));
    for refused in [
        call().header("host", "evil.example:7890"),
        call().header("host", "127.0.0.1.evil.example"),
        call().without("host"),
        call().header("x-forwarded-for", "203.0.113.7"),
        call().header("forwarded", "for=203.0.113.7"),
        call().from("203.0.113.7"),
    ] {
        world.send(refused).await.is_problem(403, "forbidden");
    }
}

#[tokio::test]
async fn a_web_page_may_not_change_anything() {
    let world = World::new().await;
    world.rollout().await;
    for refused in [
        act("pause").header("origin", "http://evil.example"),
        act("pause").header("origin", "null"),
        act("pause").header("origin", "http://localhost:8000"),
        act("pause").header("sec-fetch-site", "cross-site"),
    ] {
        world.send(refused).await.is_problem(403, "forbidden");
    }
    assert_eq!(world.send(act("pause").header("origin", "http://localhost:7890")).await.status, 200);
}

#[tokio::test]
async fn a_token_is_added_and_revoked_over_http_and_its_text_is_never_shown() {
    let world = World::new().await;
    let commander = world.token("cora", Role::Commander, &["*"], None).await;
    let made = TokenText::new([5; 5], &[6; 32]);
    let body = json!({
        "id": made.id(), "name": "otto", "secret_hash": made.hash(), "role": "operator", "targets": ["dc-*"],
    });
    let reply = world.send(Call::post("/api/v1/tokens").json(&body).bearer(&commander)).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    assert_eq!(reply.json["token"]["name"], "otto");
    let info = world.send(Call::get("/api/v1/server").bearer(&made)).await.json;
    assert_eq!(
        (&info["actor"], &info["role"], &info["targets"]),
        (&json!("otto"), &json!("operator"), &json!(["dc-*"]))
    );
    let list = world.send(Call::get("/api/v1/tokens").bearer(&commander)).await;
    assert!(list.text.contains("otto") && !list.text.contains(&made.hash()), "{}", list.text);
    let path = format!("/api/v1/tokens/{}/revoke", made.id());
    let reply = world.send(Call::post(&path).json(&json!({"reason": WHY})).bearer(&commander)).await;
    assert!(reply.json["token"]["revoked_at"].is_string(), "{}", reply.text);
    world.send(Call::get("/api/v1/server").bearer(&made)).await.is_problem(401, "unauthenticated");

    for (field, value) in [
        ("id", json!("x")),
        ("secret_hash", json!(made.expose())),
        ("name", json!("\u{1b}")),
        ("targets", json!([])),
        ("targets", json!(["dc west"])),
        ("role", json!("agent")),
    ] {
        let mut bad = body.clone();
        bad[field] = value;
        let reply = world.send(Call::post("/api/v1/tokens").json(&bad).bearer(&commander)).await;
        if field == "name" {
            // It is replaced by something visible, which is a name.
            continue;
        }
        reply.is_problem(400, "invalid");
    }
}

#[tokio::test]
async fn what_a_client_says_it_is_stands_in_the_audit_trail() {
    let world = World::new().await;
    world.rollout().await;
    let operator = world.token("otto", Role::Operator, &["*"], None).await;
    let reply = world.send(act("pause").bearer(&operator).header("rolldeck-via", "tui").from("203.0.113.7")).await;
    let actor = &reply.json["audit"]["actor"];
    assert_eq!(actor["id"], "otto", "{}", reply.text);
    assert_eq!(actor["via"], "tui");
    assert_eq!(actor["kind"], "human");
    assert_eq!(actor["role"], "operator");
    assert_eq!(actor["credential"], operator.id());
    assert_eq!(actor["source"], "203.0.113.7");
}

#[tokio::test]
async fn a_window_for_automation_holds_a_pipeline_whatever_it_says_it_is_and_no_person() {
    let world = World::new().await;
    world.rollout().await;
    assert_eq!(world.send(act("pause")).await.status, 200);
    let revision = world.get("/api/v1/rollouts/dc-west/pick-assist").await.json["revision"].clone();
    let unattended = json!({"scope": "dc-west", "reason": WHY, "initiators": ["automation"]});
    assert_eq!(world.send(Call::post("/api/v1/windows").json(&unattended)).await.status, 201);
    let holder = async |name, holder| world.held_token(name, Role::Operator, &["dc-*"], None, holder).await;
    let pipeline = holder("pipeline", Some(Holder::Automation)).await;
    let person = holder("ana", Some(Holder::Human)).await;
    let unknown = holder("someone", None).await;
    let resume = |token: &TokenText, key: &str, via: &str| {
        let seen = format!("\"{}\"", revision.as_str().unwrap());
        act("resume").header("if-match", &seen).header("idempotency-key", key).header("rolldeck-via", via).bearer(token)
    };
    for via in ["tui", "cli", "api"] {
        let held = world.send(resume(&pipeline, via, via)).await;
        held.is_problem(409, "blocked");
        assert_eq!(held.json["blockers"][0]["kind"], "freeze");
    }
    // Of a token that says nothing it is as its client claims.
    world.send(resume(&unknown, "claims-api", "api")).await.is_problem(409, "blocked");
    let passed = world.send(resume(&person, "by-hand", "api")).await;
    assert_eq!(
        (passed.status.as_u16(), &passed.json["audit"]["actor"]["kind"]),
        (200, &json!("human")),
        "{}",
        passed.text
    );
    let agent = json!({"id": "t-0000000002", "name": "x", "secret_hash": "0".repeat(64), "role": "agent",
        "targets": ["dc-west"], "binding": {"group": "dc-west", "site": "s1", "lane": null}, "holder": "human"});
    let commander = world.token("cora", Role::Commander, &["*"], None).await;
    let refused = world.send(Call::post("/api/v1/tokens").bearer(&commander).json(&agent)).await;
    refused.is_problem(400, "invalid");
    assert_eq!(refused.json["field"], "holder");
}

#[tokio::test]
async fn a_calendar_subscribes_with_a_token_for_its_password_and_to_nothing_else() {
    let world = World::new().await;
    let vera = world.token("vera", Role::Viewer, &["*"], None).await;
    let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
    let ask = |path: &str, credential: &str| Call::get(path).header("authorization", credential);
    let feed = "/api/v1/windows.ics";
    let password = basic(&format!("vera:{}", vera.expose()));
    let read = world.send(ask(feed, &password)).await;
    assert_eq!(
        (read.status.as_u16(), read.header("content-type")),
        (200, "text/calendar; charset=utf-8"),
        "{}",
        read.text
    );
    assert_eq!(world.send(Call::get(feed).bearer(&vera)).await.status, 200);
    for wrong in [basic("vera:guess"), basic("no password"), "Basic ***".to_owned(), "Basic".to_owned()] {
        let refused = world.send(ask(feed, &wrong)).await;
        refused.is_problem(401, "unauthenticated");
    }
    let asked = world.get(feed).await;
    asked.is_problem(401, "unauthenticated");
    let challenges: Vec<_> = asked.headers.get_all("www-authenticate").iter().collect();
    assert!(challenges.iter().any(|challenge| challenge.as_bytes().starts_with(b"Basic ")), "{challenges:?}");
    // A browser that remembers a password is let in to the calendar, and to nothing that could be changed.
    world.send(ask("/api/v1/windows", &password)).await.is_problem(401, "unauthenticated");
}
