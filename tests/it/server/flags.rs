//! Flags over HTTP: who may change them, on which revision, what holds that, and what never holds a kill.

use std::time::Duration;

use rolldeck::domain::Role;
use serde_json::{Value, json};

use super::world::{Call, Reply, WHY, World, desired};

/// A flag that is on for `pilot` and off elsewhere.
pub fn definition() -> Value {
    json!({
        "kind": "ops",
        "owner": "team-picking",
        "variants": {"on": true, "off": false},
        "default_variant": "off",
        "off_variant": "off",
        "enabled": true,
        "rules": [{"id": "pilot", "when": "pilot == true", "serve": {"variant": "on"}}],
    })
}

/// The same with some fields set.
pub fn with(fields: Value) -> Value {
    let mut definition = definition();
    for (name, value) in fields.as_object().unwrap() {
        definition[name] = value.clone();
    }
    definition
}

pub fn put(key: &str, definition: &Value) -> Call {
    Call::new("PUT", &format!("/api/v1/flags/{key}")).json(&json!({"definition": definition, "reason": WHY}))
}

pub fn kill(key: &str) -> Call {
    Call::post(&format!("/api/v1/flags/{key}/kill")).json(&json!({"reason": WHY}))
}

/// Adds a flag.
pub async fn added(world: &World, key: &str, definition: &Value) -> Value {
    let reply = world.send(put(key, definition)).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json
}

async fn freeze(world: &World, scope: &str) -> String {
    let call = Call::post("/api/v1/windows").json(&json!({"scope": scope, "reason": WHY}));
    let reply = world.send(call).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    reply.json["window"]["id"].as_str().unwrap().to_owned()
}

async fn trail(world: &World, action: &str) -> Vec<Value> {
    let reply = world.get(&format!("/api/v1/audit?action={action}")).await;
    reply.json["entries"].as_array().unwrap().clone()
}

/// Three sites of `dc-west` with one lane each.
async fn sites(world: &World) {
    let present = world.snapshot("1.0.0").await;
    for site in ["s1", "s2", "s3"] {
        world.site(site, &present).await;
    }
}

fn place<'a>(flag: &'a Value, site: &str) -> &'a Value {
    flag["places"].as_array().unwrap().iter().find(|place| place["site"] == site).unwrap()
}

#[tokio::test]
async fn a_flag_is_added_listed_with_what_every_unit_gets_and_changed_on_the_revision_that_was_looked_at() {
    let world = World::new().await;
    sites(&world).await;
    let scoped = with(json!({"scope": "target=dc-west,site=s1", "rules": [{"id": "all", "serve": {"variant": "on"}}]}));
    let first = added(&world, "dim-lights", &scoped).await;
    assert_eq!((&first["outcome"], &first["flag"]["revision"]), (&json!("applied"), &json!(1)));
    assert_eq!(first["audit"]["action"], "flag_add");

    let page = world.get("/api/v1/flags").await.json;
    let flag = &page["flags"][0];
    assert_eq!(flag["key"], "dim-lights");
    assert_eq!(flag["stage"], "live");
    assert_eq!(place(flag, "s1")["wanted"], "on");
    assert_eq!((&place(flag, "s1")["reason"], &place(flag, "s1")["rule"]), (&json!("TARGETING_MATCH"), &json!("all")));
    assert_eq!((&place(flag, "s2")["wanted"], &place(flag, "s2")["reason"]), (&json!("off"), &json!("DEFAULT")));

    let wider = with(json!({"scope": "target=dc-west", "rules": scoped["rules"]}));
    world.send(put("dim-lights", &wider)).await.is_problem(428, "revision-required");
    let lost = world.send(put("dim-lights", &wider).header("if-match", "\"7\"")).await;
    lost.is_problem(412, "revision-mismatch");
    assert_eq!(lost.json["revision"], "1");
    assert!(lost.json["changed"].as_str().unwrap().contains("local"), "{}", lost.text);
    let reply = world.send(put("dim-lights", &wider).header("if-match", "\"1\"")).await;
    assert_eq!((reply.status.as_u16(), &reply.json["flag"]["revision"]), (200, &json!(2)), "{}", reply.text);
    let audit = &reply.json["audit"];
    assert_eq!(audit["revision"], json!({"before": "1", "after": "2"}));
    assert_eq!(
        audit["changes"],
        json!([{"field": "scope", "before": "\"target=dc-west,site=s1\"", "after": "\"target=dc-west\""}])
    );
    assert!(reply.json["effect"].as_str().unwrap().contains("2 of 3 units"), "{}", reply.json["effect"]);
    world.send(put("other", &wider).header("if-match", "\"1\"")).await.is_problem(412, "revision-mismatch");
}

#[tokio::test]
async fn of_two_changes_on_one_revision_one_wins_and_the_other_is_told_who_did() {
    let world = World::new().await;
    added(&world, "dim-lights", &definition()).await;
    let change = |owner: String| put("dim-lights", &with(json!({"owner": owner}))).header("if-match", "\"1\"");
    let racing = (0..8).map(|n| world.send(change(format!("team-{n}"))));
    let replies = futures_util::future::join_all(racing).await;
    let won: Vec<&Reply> = replies.iter().filter(|reply| reply.status == 200).collect();
    assert_eq!(won.len(), 1);
    for lost in replies.iter().filter(|reply| reply.status != 200) {
        lost.is_problem(412, "revision-mismatch");
        assert!(lost.json["audit"].is_u64(), "a lost race is in the trail: {}", lost.text);
    }
    let flag = &world.get("/api/v1/flags").await.json["flags"][0];
    assert_eq!((&flag["revision"], &flag["owner"]), (&json!(2), &won[0].json["flag"]["owner"]));
}

#[tokio::test]
async fn a_definition_that_is_wrong_is_refused_and_the_field_named() {
    let world = World::new().await;
    for (fields, field) in [
        (json!({"default_variant": "maybe"}), "default_variant"),
        (json!({"off_variant": "maybe"}), "off_variant"),
        (json!({"variants": {"on": true, "off": "no"}}), "variants"),
        (json!({"rules": [{"id": "a", "when": "site ==", "serve": {"variant": "on"}}]}), "rules"),
        (json!({"rules": [{"id": "a", "serve": {"variant": "maybe"}}]}), "rules"),
        (json!({"kind": "release"}), "expires_at"),
    ] {
        let reply = world.send(put("bad", &with(fields.clone()))).await;
        reply.is_problem(400, "invalid");
        let named = reply.json["field"].as_str().unwrap();
        assert!(named.starts_with("definition.") && named.contains(field), "{fields} names {named}: {}", reply.text);
    }
    for (body, what) in [
        (json!({"definition": with(json!({"surprise": 1})), "reason": WHY}), "surprise"),
        (json!({"definition": with(json!({"scope": "sites=x"})), "reason": WHY}), "scope"),
    ] {
        let reply = world.send(Call::new("PUT", "/api/v1/flags/bad").json(&body)).await;
        reply.is_problem(400, "invalid");
        assert!(reply.text.contains(what), "{}", reply.text);
    }
    world.send(put("Bad%20Key", &definition())).await.is_problem(400, "invalid");
    let silent = json!({"definition": definition(), "reason": " "});
    world.send(Call::new("PUT", "/api/v1/flags/x").json(&silent)).await.is_problem(400, "reason-required");
    assert_eq!(world.get("/api/v1/flags").await.json["flags"], json!([]));
}

#[tokio::test]
async fn flags_are_changed_by_operators_of_all_that_they_are_for_and_refusals_are_in_the_trail() {
    let world = World::new().await;
    let all = world.token("ana", Role::Operator, &["*"], None).await;
    let west = world.token("ben", Role::Operator, &["dc-west"], None).await;
    let viewer = world.token("cleo", Role::Viewer, &["*"], None).await;
    let in_west = with(json!({"scope": "target=dc-west"}));
    let in_east = with(json!({"scope": "target=dc-east"}));
    world.send(put("a", &in_west).bearer(&viewer)).await.is_problem(403, "forbidden");
    world.send(put("a", &definition()).bearer(&west)).await.is_problem(403, "forbidden");
    world.send(put("a", &in_east).bearer(&west)).await.is_problem(403, "forbidden");
    assert_eq!(world.send(put("a", &in_west).bearer(&west)).await.status, 200);
    assert_eq!(world.send(put("b", &definition()).bearer(&all)).await.status, 200);
    // What it was for counts as well as what it is to be for.
    world.send(put("b", &in_west).header("if-match", "\"1\"").bearer(&west)).await.is_problem(403, "forbidden");
    world.send(kill("b").bearer(&west)).await.is_problem(403, "forbidden");
    world.send(kill("a").bearer(&viewer)).await.is_problem(403, "forbidden");
    world.send(kill("a")).await.is_problem(401, "unauthenticated");
    let killed = world.send(kill("a").bearer(&west)).await;
    assert_eq!(killed.json["flag"]["killed"]["by"], "ben", "{}", killed.text);
    let refused = world.send(Call::get("/api/v1/audit?action=flag_kill").bearer(&all)).await;
    let outcomes: Vec<&Value> = refused.json["entries"].as_array().unwrap().iter().map(|e| &e["outcome"]).collect();
    assert_eq!(outcomes, ["refused", "refused", "applied"]);
}

#[tokio::test]
async fn a_kill_passes_every_freeze_and_bringing_it_back_does_not() {
    let world = World::new().await;
    sites(&world).await;
    let on = with(json!({"rules": [{"id": "all", "serve": {"variant": "on"}}]}));
    added(&world, "dim-lights", &on).await;
    let window = freeze(&world, "*").await;

    let off = with(json!({"rules": []}));
    let held = world.send(put("dim-lights", &with(json!({"default_variant": "on"}))).header("if-match", "\"1\"")).await;
    held.is_problem(409, "blocked");
    assert_eq!(held.json["blocking_windows"][0]["window"], json!(window), "{}", held.text);
    assert_eq!(held.json["blockers"][0]["kind"], "freeze");
    assert_eq!(place(&world.get("/api/v1/flags").await.json["flags"][0], "s1")["wanted"], "on");

    let killed = world.send(kill("dim-lights")).await;
    assert_eq!((killed.status.as_u16(), &killed.json["outcome"]), (200, &json!("applied")), "{}", killed.text);
    assert_eq!(killed.json["flag"]["revision"], 2);
    assert_eq!(place(&killed.json["flag"], "s1")["wanted"], "off");
    assert_eq!(place(&killed.json["flag"], "s1")["reason"], "DISABLED");
    let again = world.send(kill("dim-lights")).await;
    assert_eq!((&again.json["outcome"], &again.json["flag"]["revision"]), (&json!("no_op"), &json!(2)));
    assert_eq!(trail(&world, "flag_kill").await.len(), 2, "each is in the trail once");

    let back = |tag: Option<&str>| {
        let body = json!({"definition": on, "reason": WHY, "revive": true});
        let call = Call::new("PUT", "/api/v1/flags/dim-lights").json(&body);
        tag.map_or(call.clone(), |tag| call.header("if-match", tag))
    };
    world.send(back(None)).await.is_problem(428, "revision-required");
    world.send(back(Some("\"1\""))).await.is_problem(412, "revision-mismatch");
    world.send(back(Some("\"2\""))).await.is_problem(409, "blocked");
    // Without being asked for, a change does not bring it back; and what only takes back is not held.
    let narrowed = world.send(put("dim-lights", &off).header("if-match", "\"2\"")).await;
    assert_eq!(narrowed.status, 200, "{}", narrowed.text);
    assert!(narrowed.json["flag"]["killed"].is_object());
    let lift = Call::post(&format!("/api/v1/windows/{window}/lift")).json(&json!({"reason": WHY}));
    assert_eq!(world.send(lift).await.status, 200);
    let revived = world.send(back(Some("\"3\""))).await;
    assert_eq!((revived.status.as_u16(), &revived.json["flag"]["killed"]), (200, &Value::Null), "{}", revived.text);
    assert_eq!(revived.json["audit"]["action"], "flag_enable");
    assert_eq!(place(&revived.json["flag"], "s1")["wanted"], "on");
}

#[tokio::test]
async fn a_freeze_of_one_site_holds_a_change_that_reaches_it_and_no_other() {
    let world = World::new().await;
    sites(&world).await;
    let units = |sites: &[&str]| {
        let units: Vec<Value> = sites.iter().map(|s| json!({"group": "dc-west", "site": s, "lane": "main"})).collect();
        with(json!({"rules": [{"id": "pilot", "serve": {"units": {"variant": "on", "units": units}}}]}))
    };
    added(&world, "dim-lights", &units(&["s1"])).await;
    freeze(&world, "site=s2").await;
    let held = world.send(put("dim-lights", &units(&["s1", "s2"])).header("if-match", "\"1\"")).await;
    held.is_problem(409, "blocked");
    let passed = world.send(put("dim-lights", &units(&["s1", "s3"])).header("if-match", "\"1\"")).await;
    assert_eq!(passed.status, 200, "{}", passed.text);
    // A new flag that is for another site only changes nothing at the frozen one.
    added(&world, "other", &with(json!({"scope": "site=s3,target=dc-west"}))).await;
    world.send(put("third", &with(json!({"scope": "target=dc-west"})))).await.is_problem(409, "blocked");
}

#[tokio::test]
async fn a_share_of_sites_is_drawn_by_the_server_stays_as_it_is_and_grows_without_dropping_anybody() {
    let world = World::new().await;
    let present = world.snapshot("1.0.0").await;
    for n in 0..8 {
        world.site(&format!("s{n}"), &present).await;
    }
    let share = |percent: f64, members: Value| {
        let sites = json!({"variant": "on", "percent": percent, "members": members});
        with(json!({"rules": [{"id": "quarter", "serve": {"sites": sites}}]}))
    };
    let claimed = json!([{"group": "dc-west", "site": "not-there"}]);
    let first = added(&world, "dim-lights", &share(25.0, claimed)).await;
    let members = |reply: &Value| -> Vec<String> {
        let members = &reply["flag"]["rules"][0]["serve"]["sites"]["members"];
        members.as_array().unwrap().iter().map(|m| m["site"].as_str().unwrap().to_owned()).collect()
    };
    let drawn = members(&first);
    assert_eq!(drawn.len(), 2, "a quarter of eight, whatever the client claims: {drawn:?}");
    assert!(!drawn.contains(&"not-there".to_owned()));
    for n in 8..16 {
        world.site(&format!("s{n}"), &present).await;
    }
    let renamed = world
        .send(
            put("dim-lights", &{
                let mut same = share(25.0, json!([]));
                same["owner"] = json!("team-b");
                same
            })
            .header("if-match", "\"1\""),
        )
        .await;
    assert_eq!(members(&renamed.json), drawn, "new sites do not shuffle what was drawn: {}", renamed.text);
    let wider = world.send(put("dim-lights", &share(50.0, json!([]))).header("if-match", "\"2\"")).await;
    let widened = members(&wider.json);
    assert_eq!(widened.len(), 8, "{}", wider.text);
    assert!(drawn.iter().all(|site| widened.contains(site)), "{drawn:?} in {widened:?}");
    for site in &widened {
        assert_eq!(place(&wider.json["flag"], site)["wanted"], "on");
    }
}

#[tokio::test]
async fn a_flag_past_its_day_serves_what_it_served_and_is_not_widened_until_somebody_says_when_it_goes() {
    let world = World::new().await;
    sites(&world).await;
    let past = |fields: Value| {
        let mut all = with(json!({"kind": "release", "expires_at": "2020-01-01T00:00:00Z", "enabled": false}));
        for (name, value) in fields.as_object().unwrap() {
            all[name] = value.clone();
        }
        all
    };
    added(&world, "old", &past(json!({}))).await;
    let flag = &world.get("/api/v1/flags").await.json["flags"][0];
    assert_eq!(flag["stage"], "expired");
    let on = world.send(put("old", &past(json!({"enabled": true}))).header("if-match", "\"1\"")).await;
    on.is_problem(409, "blocked");
    assert!(on.json["detail"].as_str().unwrap().contains("2020-01-01"), "{}", on.text);
    let later = past(json!({"enabled": true, "expires_at": "2999-01-01T00:00:00Z"}));
    let reply = world.send(put("old", &later).header("if-match", "\"1\"")).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
}

#[tokio::test]
async fn a_dry_run_says_what_would_change_and_what_holds_it_and_leaves_nothing_behind() {
    let world = World::new().await;
    sites(&world).await;
    added(&world, "dim-lights", &definition()).await;
    freeze(&world, "*").await;
    let before = trail(&world, "flag_change").await.len();
    let body = json!({"definition": with(json!({"default_variant": "on"})), "dry_run": true});
    let reply = world.send(Call::new("PUT", "/api/v1/flags/dim-lights").json(&body)).await;
    assert_eq!((reply.status.as_u16(), &reply.json["outcome"]), (200, &json!("intended")), "{}", reply.text);
    assert_eq!(reply.json["audit"], Value::Null);
    assert_eq!(reply.json["blocking_windows"].as_array().unwrap().len(), 1);
    assert_eq!(place(&reply.json["flag"], "s1")["wanted"], "on", "as it would be");
    assert_eq!(trail(&world, "flag_change").await.len(), before);
    assert_eq!(place(&world.get("/api/v1/flags").await.json["flags"][0], "s1")["wanted"], "off");
}

#[tokio::test]
async fn a_change_that_is_asked_for_again_is_answered_again_and_done_once() {
    let world = World::new().await;
    let call = put("dim-lights", &definition()).header("idempotency-key", "k1");
    let first = world.send(call.clone()).await;
    let second = world.send(call).await;
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (200, 200), "{}", second.text);
    assert_eq!((second.header("idempotent-replayed"), &second.text), ("true", &first.text));
    let other = put("dim-lights", &with(json!({"owner": "b"}))).header("idempotency-key", "k1");
    world.send(other).await.is_problem(422, "idempotency-mismatch");
    assert_eq!(trail(&world, "flag_add").await.len(), 1);
    let same = world.send(put("dim-lights", &definition()).header("if-match", "\"1\"")).await;
    assert_eq!((&same.json["outcome"], &same.json["flag"]["revision"]), (&json!("no_op"), &json!(1)));
}

#[tokio::test]
async fn a_kill_among_thousands_of_requests_is_answered() {
    let world = World::new().await;
    let present = world.snapshot("1.0.0").await;
    world.site("s1", &present).await;
    added(&world, "dim-lights", &with(json!({"default_variant": "on"}))).await;
    // More than the writer's queue holds.
    let load: Vec<_> = (0..5000)
        .map(|_| {
            let router = world.router.clone();
            tokio::spawn(async move {
                let call = Call::get(&desired("s1", 0));
                World::through(router, call).await.status
            })
        })
        .collect();
    let killed = tokio::time::timeout(Duration::from_secs(30), world.send(kill("dim-lights"))).await.unwrap();
    assert_eq!((killed.status.as_u16(), &killed.json["outcome"]), (200, &json!("applied")), "{}", killed.text);
    for done in load {
        assert_eq!(done.await.unwrap(), 204);
    }
}
