//! The OpenFeature Remote Evaluation Protocol: what it answers to whom, in which form, and how soon a change
//! is told. `tests/it/openfeature.rs` asks with the clients that other people wrote.

use std::time::Duration;

use axum::body::BodyDataStream;
use futures_util::StreamExt as _;
use rolldeck::domain::{Binding, Role};
use serde_json::{Value, json};

use super::{
    flags::{added, definition, kill, put, with},
    world::{Call, Reply, WHY, World},
};

const ALL: &str = "/ofrep/v1/evaluate/flags";

fn one(key: &str, context: Value) -> Call {
    Call::post(&format!("{ALL}/{key}")).json(&json!({ "context": context }))
}

fn all(context: Value) -> Call {
    Call::post(ALL).json(&json!({ "context": context }))
}

fn binding(site: &str, lane: Option<&str>) -> Option<Binding> {
    Some(serde_json::from_value(json!({"group": "dc-west", "site": site, "lane": lane})).unwrap())
}

/// A flag that says where it is asked from.
fn by_site() -> Value {
    with(json!({
        "variants": {"one": "first", "two": "second", "none": "nowhere"},
        "default_variant": "none",
        "off_variant": "none",
        "rules": [
            {"id": "at-s1", "when": "site == 's1' && lane == 'main'", "serve": {"variant": "one"}},
            {"id": "at-s2", "when": "site == 's2'", "serve": {"variant": "two"}},
        ],
    }))
}

/// One flag for each type and each reason.
async fn flags(world: &World) {
    let split = json!([{"variant": "on", "weight": 1}, {"variant": "off", "weight": 1}]);
    for (key, fields) in [
        ("static-bool", json!({"rules": []})),
        (
            "match-text",
            json!({
            "variants": {"a": "A", "b": "B"}, "default_variant": "a", "off_variant": "a",
            "rules": [{"id": "gold", "when": "plan == 'gold'", "serve": {"variant": "b"}}]}),
        ),
        ("whole", json!({"variants": {"on": 7, "off": 0}, "rules": [], "default_variant": "on"})),
        ("fraction", json!({"variants": {"on": 1, "off": 0.5}, "rules": [], "default_variant": "on"})),
        (
            "object",
            json!({
            "variants": {"on": {"a": [1, 2.5], "b": null}, "off": {}}, "rules": [], "default_variant": "on"}),
        ),
        ("split", json!({"rules": [{"id": "half", "serve": {"split": split}}]})),
        ("disabled", json!({"enabled": false, "default_variant": "on"})),
        ("elsewhere", json!({"scope": "target=dc-east"})),
    ] {
        added(world, key, &with(fields)).await;
    }
}

#[tokio::test]
async fn every_answer_has_every_field_with_the_reason_and_the_type_of_its_flag() {
    let world = World::new().await;
    flags(&world).await;
    for (key, context, value, variant, reason) in [
        ("static-bool", json!({}), "false", "off", "STATIC"),
        ("match-text", json!({"plan": "gold"}), "\"B\"", "b", "TARGETING_MATCH"),
        ("match-text", json!({"plan": "tin"}), "\"A\"", "a", "DEFAULT"),
        ("whole", json!({}), "7", "on", "STATIC"),
        ("fraction", json!({}), "1.0", "on", "STATIC"),
        ("object", json!({}), "{\"a\":[1,2.5],\"b\":null}", "on", "STATIC"),
        ("disabled", json!({"pilot": true}), "false", "off", "DISABLED"),
        ("elsewhere", json!({"pilot": true, "target": "dc-east"}), "false", "off", "DEFAULT"),
    ] {
        let reply = world.send(one(key, context.clone())).await;
        assert_eq!((reply.status.as_u16(), reply.header("content-type")), (200, "application/json"), "{}", reply.text);
        assert!(reply.text.contains(&format!("\"value\":{value},")), "{key} {context}: {}", reply.text);
        assert_eq!(reply.json["key"], key);
        assert_eq!(
            (&reply.json["variant"], &reply.json["reason"]),
            (&json!(variant), &json!(reason)),
            "{}",
            reply.text
        );
        assert_eq!(
            (&reply.json["metadata"]["version"], &reply.json["metadata"]["owner"]),
            (&json!("1"), &json!("team-picking"))
        );
    }
    let split = world.send(one("split", json!({"targetingKey": "jon@company.com"}))).await;
    assert_eq!((&split.json["reason"], &split.json["metadata"]["rule"]), (&json!("SPLIT"), &json!("half")));
    let killed = world.send(kill("whole")).await;
    assert_eq!(killed.status, 200);
    let reply = world.send(one("whole", json!({}))).await;
    assert_eq!((&reply.json["value"], &reply.json["reason"]), (&json!(0), &json!("DISABLED")));
}

#[tokio::test]
async fn what_is_wrong_is_said_in_the_protocols_own_words() {
    let world = World::new().await;
    flags(&world).await;
    let said = |reply: &Reply, status: u16, code: &str| {
        assert_eq!(
            (reply.status.as_u16(), reply.header("content-type")),
            (status, "application/json"),
            "{}",
            reply.text
        );
        assert_eq!(reply.json["errorCode"], code, "{}", reply.text);
        assert!(reply.json["errorDetails"].as_str().is_some_and(|text| text.len() > 10), "{}", reply.text);
    };
    for context in [json!({}), json!({"targetingKey": ""}), json!({"targetingKey": null})] {
        let reply = world.send(one("split", context)).await;
        said(&reply, 400, "TARGETING_KEY_MISSING");
        assert_eq!(reply.json["key"], "split");
    }
    for key in ["nothing", "Not%20A%20Key", "ns/flag", "ns%2Fflag", "%ff", "%1b%5b2J", &"x".repeat(300)] {
        let reply = world.send(one(key, json!({}))).await;
        said(&reply, 404, "FLAG_NOT_FOUND");
        assert!(!reply.text.contains('\u{1b}') && !reply.text.contains("\\u001b"), "{}", reply.text);
    }
    for (body, code) in [
        ("{", "PARSE_ERROR"),
        ("[1]", "PARSE_ERROR"),
        ("\"x\"", "PARSE_ERROR"),
        (r#"{"context": []}"#, "INVALID_CONTEXT"),
        (r#"{"context": {"targetingKey": 7}}"#, "INVALID_CONTEXT"),
    ] {
        let reply = world.send(Call::post(&format!("{ALL}/split")).body("application/json", body)).await;
        said(&reply, 400, code);
        assert_eq!(reply.json["key"], "split");
        let bulk = world.send(Call::post(ALL).body("application/json", body)).await;
        said(&bulk, 400, code);
    }
    said(&world.send(Call::post(ALL).body("text/plain", "{}")).await, 400, "GENERAL");
    said(&world.send(Call::post(&format!("{ALL}?site=s1")).json(&json!({}))).await, 400, "GENERAL");
    world.send(Call::post(ALL).body("application/json", &" ".repeat(70_000))).await.is_problem(413, "too-large");
    // Nothing that may be left out is missed.
    for body in ["", "{}", r#"{"context": null}"#] {
        let reply = world.send(Call::post(&format!("{ALL}/whole")).body("application/json; charset=utf-8", body)).await;
        assert_eq!((reply.status.as_u16(), &reply.json["value"]), (200, &json!(7)), "{}", reply.text);
    }
    // In a bulk answer, one flag's want of a key is that flag's alone.
    let bulk = world.send(all(json!({}))).await;
    assert_eq!(bulk.status, 200, "{}", bulk.text);
    for flag in bulk.json["flags"].as_array().unwrap() {
        assert_eq!(flag["errorCode"].is_string(), flag["key"] == "split", "{flag}");
    }
}

#[tokio::test]
async fn the_credential_says_where_a_caller_stands_whatever_it_claims() {
    let world = World::new().await;
    let present = world.snapshot("1.0.0").await;
    world.site("s1", &present).await;
    added(&world, "where", &by_site()).await;
    let s1 = world.token("kiosk", Role::Agent, &["dc-west"], binding("s1", Some("main"))).await;
    let s2 = world.token("press", Role::Agent, &["dc-west"], binding("s2", None)).await;
    let s1_any = world.token("shelf", Role::Agent, &["dc-west"], binding("s1", None)).await;
    let ops = world.token("ana", Role::Operator, &["dc-*"], None).await;
    let east = world.token("eve", Role::Operator, &["dc-east"], None).await;
    let viewer = world.token("cleo", Role::Viewer, &["*"], None).await;
    let claim = json!({"site": "s2", "lane": "other", "target": "dc-east", "stage": "x", "labels": {"a": "b"}});

    for (call, value) in [
        (one("where", claim.clone()).bearer(&s1), "first"),
        (one("where", claim.clone()).header("x-api-key", s1.expose()), "first"),
        (one("where", json!({"site": "s1"})).bearer(&s2), "second"),
        // The only lane that the site has.
        (one("where", json!({})).bearer(&s1_any), "first"),
        // Nobody's place is believed.
        (one("where", claim.clone()).bearer(&viewer), "nowhere"),
        (one("where", claim.clone()).bearer(&ops), "nowhere"),
        (Call::post(&format!("{ALL}/where?group=dc-west&site=s1&lane=main")).json(&json!({})).bearer(&ops), "first"),
        (Call::post(&format!("{ALL}/where?group=dc-west&site=s2")).json(&json!({})).bearer(&ops), "second"),
        (Call::post(&format!("{ALL}/where?group=dc-west&site=s1&lane=b")).json(&json!({})).bearer(&s1_any), "nowhere"),
    ] {
        let reply = world.send(call.clone()).await;
        assert_eq!((reply.status.as_u16(), &reply.json["value"]), (200, &json!(value)), "{call:?}: {}", reply.text);
    }
    for (path, token) in [
        ("?group=dc-west&site=s2", &s1),
        ("?group=dc-west&site=s1&lane=other", &s1),
        ("?group=dc-west&site=s1", &east),
        ("?group=dc-west&site=s1", &viewer),
    ] {
        let reply = world.send(Call::post(&format!("{ALL}{path}")).json(&json!({})).bearer(token)).await;
        reply.is_problem(403, "forbidden");
    }
    world.send(one("where", json!({}))).await.is_problem(401, "unauthenticated");
    world
        .send(one("where", json!({})).header("x-api-key", "rolldeck_nonsense"))
        .await
        .is_problem(401, "unauthenticated");
    let bulk = world.send(all(claim).bearer(&s1)).await;
    assert_eq!(bulk.json["metadata"], json!({"group": "dc-west", "site": "s1", "lane": "main"}));
    world.send(Call::get("/api/v1/flags").bearer(&s1)).await.is_problem(403, "forbidden");
}

#[tokio::test]
async fn what_is_known_of_the_unit_counts_its_labels_and_its_stage_of_an_open_rollout() {
    let world = World::new().await;
    let begun = world.rollout().await;
    assert_eq!(begun["current_stage"], "canary", "{begun}");
    let canary = begun["units"].as_array().unwrap().iter().find(|unit| unit["stage"] == "canary").unwrap();
    let site = canary["site"].as_str().unwrap().to_owned();
    let rules = json!([{"id": "in-canary", "when": "stage == 'canary'", "serve": {"variant": "on"}}]);
    added(&world, "new-path", &with(json!({ "rules": rules }))).await;
    let ask = |site: &str| Call::post(&format!("{ALL}/new-path?group=dc-west&site={site}")).json(&json!({}));
    for other in ["s1", "s2", "s3"] {
        let reply = world.send(ask(other)).await;
        assert_eq!(reply.json["value"], json!(other == site), "{other}: {}", reply.text);
    }
    let page = world.get("/api/v1/flags").await.json;
    let places = page["flags"][0]["places"].as_array().unwrap();
    let shown = places.iter().find(|place| place["site"] == json!(site)).unwrap();
    assert_eq!((&shown["stage"], &shown["wanted"]), (&json!("canary"), &json!("on")));
}

#[tokio::test]
async fn the_tag_of_a_bulk_answer_covers_the_context_and_the_place_and_stays_while_nothing_changes() {
    let world = World::new().await;
    flags(&world).await;
    let ask = |context: Value, tag: &str| all(context).header("if-none-match", tag);
    let gold = world.send(all(json!({"targetingKey": "k", "plan": "gold"}))).await;
    let tag = gold.header("etag").to_owned();
    assert!(tag.starts_with('"') && tag.len() > 20, "{tag}");
    let same = world.send(ask(json!({"targetingKey": "k", "plan": "gold"}), &tag)).await;
    assert_eq!((same.status.as_u16(), same.text.as_str(), same.header("etag")), (304, "", tag.as_str()));
    // The same targeting key with another attribute: a tag over the configuration alone would call it the same.
    let tin = world.send(ask(json!({"targetingKey": "k", "plan": "tin"}), &tag)).await;
    assert_eq!(tin.status, 200);
    let value = |reply: &Reply, key: &str| {
        let flags = reply.json["flags"].as_array().unwrap();
        flags.iter().find(|flag| flag["key"] == key).unwrap()["value"].clone()
    };
    assert_eq!((value(&gold, "match-text"), value(&tin, "match-text")), (json!("B"), json!("A")));
    let keys: Vec<&str> = gold.json["flags"].as_array().unwrap().iter().map(|f| f["key"].as_str().unwrap()).collect();
    assert!(keys.is_sorted() && keys.len() == 8, "{keys:?}");
    world.send(kill("whole")).await;
    let changed = world.send(ask(json!({"targetingKey": "k", "plan": "gold"}), &tag)).await;
    assert_eq!((changed.status.as_u16(), value(&changed, "whole")), (200, json!(0)));
    let odd = world.send(ask(json!({}), "not a tag")).await;
    assert_eq!(odd.status, 200, "a tag that is none is not known: {}", odd.text);
}

/// What a stream says next, whole events only.
async fn next(stream: &mut BodyDataStream, seen: &mut String) -> Option<String> {
    loop {
        if let Some(end) = seen.find("\n\n") {
            let event = seen[..end].to_owned();
            seen.drain(..end + 2);
            return Some(event);
        }
        let chunk = tokio::time::timeout(Duration::from_secs(30), stream.next()).await.expect("something in time")?;
        seen.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
    }
}

/// The first event that tells of a change.
async fn told(stream: &mut BodyDataStream, seen: &mut String) -> Value {
    loop {
        let event = next(stream, seen).await.expect("the stream goes on");
        if let Some(data) = event.lines().find_map(|line| line.strip_prefix("data:")) {
            assert!(event.lines().any(|line| line.trim_start_matches("event:").trim() == "message"), "{event}");
            assert!(event.lines().any(|line| line.starts_with("id:")), "{event}");
            return serde_json::from_str(data.trim()).unwrap();
        }
    }
}

fn stream_of(bulk: &Reply) -> String {
    let stream = &bulk.json["eventStreams"][0];
    assert_eq!((&stream["type"], &stream["inactivityDelaySec"]), (&json!("sse"), &json!(120)), "{}", bulk.text);
    stream["endpoint"]["requestUri"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_stream_tells_those_who_can_see_a_change_and_lets_in_without_a_token() {
    let world = World::new().await;
    for (key, site) in [("here", "s1"), ("there", "s2")] {
        let scope = format!("target=dc-west,site={site}");
        added(&world, key, &with(json!({"scope": scope, "default_variant": "on"}))).await;
    }
    let ana = world.token("ana", Role::Commander, &["*"], None).await;
    let token = world.token("kiosk", Role::Agent, &["dc-west"], binding("s1", Some("main"))).await;
    let bulk = world.send(all(json!({})).bearer(&token)).await;
    let uri = stream_of(&bulk);
    assert!(!uri.contains("rolldeck_") && !uri.contains(token.expose()), "{uri}");
    assert_eq!(stream_of(&world.send(all(json!({"a": 1})).bearer(&token)).await), uri, "clients keep their stream");

    let (status, headers, mut stream) = world.open(Call::get(&uri)).await;
    assert_eq!((status.as_u16(), headers["content-type"].to_str().unwrap()), (200, "text/event-stream"));
    let mut seen = String::new();
    let opening = next(&mut stream, &mut seen).await.unwrap();
    assert!(opening.contains("retry:") && opening.contains("id:") && !opening.contains("data:"), "{opening}");

    // What this site cannot see is not told: the first thing told is what comes after it.
    let elsewhere =
        put("there", &with(json!({"scope": "target=dc-west,site=s2", "default_variant": "on", "owner": "b"})));
    assert_eq!(world.send(elsewhere.header("if-match", "\"1\"").bearer(&ana)).await.status, 200);
    let unseen = world.send(all(json!({})).bearer(&token)).await;
    assert!(uri.contains("since="));
    assert_eq!(world.send(kill("here").bearer(&ana)).await.status, 200);
    let event = told(&mut stream, &mut seen).await;
    assert_eq!(event["type"], "refetchEvaluation");
    assert!(event["lastModified"].is_i64() && event["etag"].is_string(), "{event}");
    drop((stream, unseen));

    // Whoever was away is told at once, by what it knew: in the URL, or as a browser says it.
    for call in [Call::get(&uri), Call::get("/ofrep/v1/events").header("last-event-id", "0123").bearer(&token)] {
        let (status, _, mut stream) = world.open(call).await;
        assert_eq!(status, 200);
        assert_eq!(told(&mut stream, &mut String::new()).await["etag"], event["etag"]);
    }
}

#[tokio::test]
async fn a_stream_ends_with_its_token_and_a_ticket_that_is_none_opens_none() {
    let world = World::new().await;
    added(&world, "here", &definition()).await;
    let ana = world.token("ana", Role::Commander, &["*"], None).await;
    let token = world.token("kiosk", Role::Agent, &["dc-west"], binding("s1", Some("main"))).await;
    let uri = stream_of(&world.send(all(json!({})).bearer(&token)).await);
    let (_, _, mut stream) = world.open(Call::get(&uri)).await;
    let mut seen = String::new();
    next(&mut stream, &mut seen).await.unwrap();
    let id = token.id();
    let revoke = Call::post(&format!("/api/v1/tokens/{id}/revoke")).json(&json!({"reason": WHY})).bearer(&ana);
    let reply = world.send(revoke).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    world.send(kill("here").bearer(&ana)).await;
    assert_eq!(next(&mut stream, &mut seen).await, None, "a revoked token's stream ends");
    world.get(&uri).await.is_problem(401, "unauthenticated");
    world.get("/ofrep/v1/events").await.is_problem(401, "unauthenticated");
    world.get("/ofrep/v1/events?ticket=e30.AAAA").await.is_problem(401, "unauthenticated");
    let forged = uri.replacen("ticket=", "ticket=x", 1);
    world.get(&forged).await.is_problem(401, "unauthenticated");
}

#[tokio::test]
async fn one_credential_cannot_take_all_the_streams() {
    let world = World::new().await;
    let token = world.token("kiosk", Role::Agent, &["dc-west"], binding("s1", None)).await;
    let other = world.token("press", Role::Agent, &["dc-west"], binding("s2", None)).await;
    let mut open = Vec::new();
    loop {
        let (status, _, stream) = world.open(Call::get("/ofrep/v1/events").bearer(&token)).await;
        if status != 200 {
            assert_eq!(status, 503);
            break;
        }
        open.push(stream);
        assert!(open.len() <= 2000, "there is no bound");
    }
    let (status, ..) = world.open(Call::get("/ofrep/v1/events").bearer(&other)).await;
    assert_eq!(status, 200, "others still get in");
    open.pop();
    let (status, ..) = world.open(Call::get("/ofrep/v1/events").bearer(&token)).await;
    assert_eq!(status, 200, "a place is free again once its stream is gone");
}

#[tokio::test]
async fn a_web_page_of_another_origin_may_ask_for_flags_with_a_token_of_its_own_and_for_nothing_else() {
    let world = World::new().await;
    added(&world, "here", &definition()).await;
    let page = |call: Call| call.header("origin", "https://shop.example").header("sec-fetch-site", "cross-site");
    // Without any token, whoever asks from this machine is let in: a page must not ask through it.
    world.send(page(all(json!({})))).await.is_problem(403, "forbidden");
    let token = world.token("kiosk", Role::Agent, &["dc-west"], binding("s1", None)).await;
    let before = world.send(page(Call::new("OPTIONS", ALL))).await;
    assert_eq!((before.status.as_u16(), before.header("access-control-allow-origin")), (204, "*"));
    assert!(before.header("access-control-allow-headers").contains("authorization"));
    let reply = world.send(page(all(json!({}))).bearer(&token)).await;
    assert_eq!((reply.status.as_u16(), reply.header("access-control-allow-origin")), (200, "*"), "{}", reply.text);
    assert!(reply.header("access-control-expose-headers").contains("etag"));
    let kill = world.send(page(kill("here")).bearer(&token)).await;
    kill.is_problem(403, "forbidden");
    assert_eq!(kill.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn a_place_takes_its_flags_away_as_a_file_for_flagd_and_asks_for_it_again_by_its_tag() {
    let world = World::new().await;
    let present = world.snapshot("1.0.0").await;
    world.site("s1", &present).await;
    added(&world, "where", &by_site()).await;
    let ana = world.token("ana", Role::Commander, &["*"], None).await;
    let agent = world.token("kiosk", Role::Agent, &["dc-west"], binding("s1", Some("main"))).await;
    let mine = "/agent/v1/groups/dc-west/sites/s1/lanes/main/flags";
    let theirs = "/api/v1/flags/export?group=dc-west&site=s1&lane=main";
    let kept = world.send(Call::get(mine).bearer(&agent)).await;
    assert_eq!((kept.status.as_u16(), kept.header("content-type")), (200, "application/json"), "{}", kept.text);
    let flag = &kept.json["flags"]["where"];
    assert_eq!((&flag["state"], &flag["variants"]["one"]), (&json!("ENABLED"), &json!("first")), "{}", kept.text);
    let exported = world.send(Call::get(theirs).bearer(&ana)).await;
    assert_eq!((exported.text == kept.text, exported.header("etag")), (true, kept.header("etag")));
    let again = world.send(Call::get(mine).header("if-none-match", kept.header("etag")).bearer(&agent)).await;
    assert_eq!((again.status.as_u16(), again.text.as_str()), (304, ""));
    let held =
        world.send(Call::get(&format!("{mine}?wait=20")).header("if-none-match", kept.header("etag")).bearer(&agent));
    let (held, killed) = tokio::join!(held, world.send(kill("where").bearer(&ana)));
    assert_eq!(killed.status, 200);
    assert_eq!(held.status, 200, "{}", held.text);
    assert_ne!(held.header("etag"), kept.header("etag"));
    world
        .send(Call::get("/agent/v1/groups/dc-west/sites/s2/lanes/main/flags").bearer(&agent))
        .await
        .is_problem(403, "forbidden");
    world.send(Call::get("/api/v1/flags/export").bearer(&ana)).await.is_problem(400, "invalid");
}

#[tokio::test]
async fn when_a_flag_was_last_evaluated_is_known_for_each_site() {
    let world = World::new().await;
    let present = world.snapshot("1.0.0").await;
    world.site("s1", &present).await;
    world.site("s2", &present).await;
    added(&world, "where", &by_site()).await;
    let at_s1 = format!("{ALL}/where?group=dc-west&site=s1");
    for _ in 0..3 {
        world.send(Call::post(&at_s1).json(&json!({}))).await;
    }
    world.send(Call::post(&format!("{ALL}?group=dc-west&site=s1")).json(&json!({}))).await;
    let flag = world.get("/api/v1/flags").await.json["flags"][0].clone();
    let place = |site: &str| flag["places"].as_array().unwrap().iter().find(|p| p["site"] == site).unwrap().clone();
    assert_eq!(place("s1")["evaluations"], 4);
    assert_eq!(place("s1")["last_evaluated_at"], flag["last_evaluated_at"]);
    assert!(flag["last_evaluated_at"].is_string());
    assert_eq!((&place("s2")["evaluations"], &place("s2")["last_evaluated_at"]), (&json!(0), &Value::Null));
}

#[tokio::test]
async fn what_a_units_agent_keeps_is_shown_beside_what_it_is_to_have() {
    let world = World::new().await;
    let present = world.snapshot("1.0.0").await;
    world.site("s1", &present).await;
    added(&world, "where", &by_site()).await;
    let report = json!({
        "generation": 0, "state": "idle", "measured": present, "flags": {"where": {"revision": 1, "variant": "one"}},
    });
    assert_eq!(world.send(Call::post(&super::world::report("s1")).json(&report)).await.status, 204);
    world.send(kill("where")).await;
    let flag = world.get("/api/v1/flags").await.json["flags"][0].clone();
    let place = &flag["places"][0];
    assert_eq!((&flag["revision"], &place["wanted"]), (&json!(2), &json!("none")));
    assert_eq!((&place["held_revision"], &place["actual"]), (&json!(1), &json!("one")), "it has not heard of the kill");
}

#[tokio::test]
async fn no_body_and_no_key_whatever_they_are_make_it_fail() {
    let world = World::new().await;
    flags(&world).await;
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let pieces = [
        "{",
        "}",
        "[",
        "]",
        "\"",
        ":",
        ",",
        "context",
        "targetingKey",
        "null",
        "1e999",
        "-0",
        "\\u0000",
        "\\ud800",
        "plan",
        "gold",
        "9007199254740993",
        "\u{202e}",
        " ",
        "\n",
        "true",
    ];
    for _ in 0..400 {
        let body: String = (0..random() % 12).map(|_| pieces[(random() % pieces.len() as u64) as usize]).collect();
        let key: String = (0..random() % 6).map(|_| format!("%{:02x}", random() % 256)).collect();
        for path in [ALL.to_owned(), format!("{ALL}/split"), format!("{ALL}/{key}")] {
            let reply = world.send(Call::post(&path).body("application/json", &body)).await;
            assert!(matches!(reply.status.as_u16(), 200 | 400 | 404 | 405), "{path} {body:?}: {}", reply.text);
        }
    }
}
