//! Overrides over HTTP: what a refusal offers, how it is asked for and used, and who wins a race for it.

use std::sync::Arc;

use futures_util::future::join_all;
use rolldeck::{
    backend::{ActionRequest, Backend as _, BackendError, Code, Conditions, remote::Remote},
    domain::{Role, TokenText, Via},
    server::Server,
};
use serde_json::{Value, json};
use tokio::{sync::Barrier, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::world::{Call, Reply, WHY, World, act, desired, options, report};

const ROLLOUT: &str = "/api/v1/rollouts/dc-west/pick-assist";

/// A rollout whose canary is through, frozen since; the window's id.
async fn frozen(world: &World, window: Value) -> String {
    world.rollout().await;
    let order = world.get(&desired("s1", 0)).await.json;
    for state in ["applying", "applied", "healthy"] {
        let body = json!({"generation": order["generation"], "state": state, "measured": order["snapshot"],
            "facts": {"ok": true}});
        assert_eq!(world.send(Call::post(&report("s1")).json(&body)).await.status, 204);
    }
    for _ in 0..200 {
        if world.get(ROLLOUT).await.json["phase"] == "awaiting_promotion" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let reply = world.send(Call::post("/api/v1/windows").json(&window)).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    reply.json["window"]["id"].as_str().unwrap().to_owned()
}

fn window() -> Value {
    json!({"scope": "dc-west", "reason": "the pilot week of dc-west"})
}

/// A promotion of what is there now, under an override where one is named.
fn promote(revision: &Value, key: &str, named: Option<&str>) -> Call {
    let body = json!({"action": "promote", "reason": WHY, "override": named});
    let revision = format!("\"{}\"", revision.as_str().unwrap());
    Call::post(&format!("{ROLLOUT}/actions")).header("if-match", &revision).header("idempotency-key", key).json(&body)
}

async fn revision(world: &World) -> Value {
    world.get(ROLLOUT).await.json["revision"].clone()
}

fn asking(offer: &Value) -> Call {
    let mut body = offer.clone();
    let fields = body.as_object_mut().unwrap();
    for of_the_offer in ["href", "two_person"] {
        fields.remove(of_the_offer);
    }
    fields.insert("reason".to_owned(), "orders are lost without the correction".into());
    Call::post(offer["href"].as_str().unwrap()).json(&body)
}

#[tokio::test]
async fn a_refusal_offers_what_to_ask_for_and_the_retry_carries_the_id_of_what_was_given() {
    let world = World::new().await;
    let id = frozen(&world, window()).await;
    let revision = revision(&world).await;
    let refused = world.send(promote(&revision, "k1", None)).await;
    refused.is_problem(409, "blocked");
    assert_eq!(refused.json["blocking_windows"][0]["window"], id);
    assert_eq!(refused.json["blocking_windows"][0]["revision"], 1);
    assert_eq!(refused.json["override_offer"]["windows"], json!([format!("{id}@1")]));
    assert!(refused.json["audit"].is_u64());

    let asked = world.send(asking(&refused.json["override_offer"])).await;
    assert_eq!((asked.status.as_u16(), &asked.json["outcome"]), (201, &json!("applied")), "{}", asked.text);
    let given = &asked.json["override"];
    assert_eq!((&given["state"], &given["uses_left"]), (&json!("active"), &json!(1)));
    let named = given["id"].as_str().unwrap();
    let passed = world.send(promote(&revision, "k2", Some(named))).await;
    assert_eq!((passed.status.as_u16(), &passed.json["audit"]["override"]), (200, &json!(named)), "{}", passed.text);
    let again = world.send(promote(&revision, "k2", Some(named))).await;
    assert_eq!(again.header("idempotent-replayed"), "true", "a lost answer is no second use");
    let listed = world.get("/api/v1/overrides").await.json["overrides"][0].clone();
    assert_eq!((&listed["state"], listed["uses"].as_array().unwrap().len()), (&json!("used_up"), 1));
    assert_eq!(listed["uses"][0]["entry"], passed.json["audit"]["seq"]);
    let taken_back =
        world.send(Call::post(&format!("/api/v1/overrides/{named}/withdraw")).json(&json!({"reason": WHY}))).await;
    assert_eq!((taken_back.status.as_u16(), &taken_back.json["override"]["state"]), (200, &json!("withdrawn")));
    let own = Call::post(&format!("/api/v1/overrides/{named}/countersign")).json(&json!({"reason": WHY}));
    world.send(own).await.is_problem(409, "blocked");
    let none = Call::post("/api/v1/overrides/o-none/withdraw").json(&json!({"reason": WHY}));
    world.send(none).await.is_problem(404, "not-found");
}

#[tokio::test]
async fn a_window_with_an_end_says_when_it_is_over_beside_what_an_override_lacks() {
    let world = World::new().await;
    let ends = json!({"scope": "dc-west", "reason": "the pilot week of dc-west", "until": "2126-01-01T00:00:00Z"});
    let id = frozen(&world, ends).await;
    let revision = revision(&world).await;
    let wish = json!({"windows": [id], "actions": ["resume"], "rollout": "dc-west/pick-assist",
        "reason": "orders are lost without the correction"});
    let asked = world.send(Call::post("/api/v1/overrides").json(&wish)).await;
    assert_eq!(asked.status, 201, "{}", asked.text);
    let named = asked.json["override"]["id"].as_str().unwrap();
    let refused = world.send(promote(&revision, "k1", Some(named))).await;
    refused.is_problem(409, "blocked");
    assert_eq!(refused.json["blockers"][0]["kind"], "override");
    let plain = world.send(promote(&revision, "k2", None)).await;
    assert_eq!(plain.json["next_transition"], "2126-01-01T00:00:00Z", "{}", plain.text);
    for (field, value) in [("windows", json!(["*"])), ("uses", json!(0)), ("actions", json!([]))] {
        let mut bad = wish.clone();
        bad[field] = value;
        let problem = world.send(Call::post("/api/v1/overrides").json(&bad)).await;
        problem.is_problem(400, "invalid");
        assert_eq!(problem.json["field"], field);
    }
    let mut short = wish.clone();
    short["reason"] = json!("eleven char");
    world.send(Call::post("/api/v1/overrides").json(&short)).await.is_problem(400, "reason-required");
    for never_held in ["pause", "rollback", "flag_kill"] {
        let mut bad = wish.clone();
        bad["actions"] = json!([never_held]);
        world.send(Call::post("/api/v1/overrides").json(&bad)).await.is_problem(400, "invalid");
    }
}

#[tokio::test]
async fn of_two_operators_who_race_for_the_last_use_one_wins_and_the_other_is_told_why() {
    let world = World::new().await;
    let id = frozen(&world, window()).await;
    let revision = revision(&world).await;
    let wish = json!({"windows": [id], "actions": ["promote"], "rollout": "dc-west/pick-assist", "uses": 1,
        "reason": "orders are lost without the correction"});
    let commander = world.token("kim", Role::Commander, &["*"], None).await;
    let asked = world.send(Call::post("/api/v1/overrides").bearer(&commander).json(&wish)).await;
    assert_eq!(asked.status, 201, "{}", asked.text);
    let named = asked.json["override"]["id"].as_str().unwrap().to_owned();
    let ana = world.token("ana", Role::Operator, &["dc-*"], None).await;
    let ben = world.token("ben", Role::Operator, &["dc-west"], None).await;
    let racers: Vec<(usize, &TokenText)> = (0..40).map(|n| (n, if n % 2 == 0 { &ana } else { &ben })).collect();
    let calls =
        racers.iter().map(|(n, token)| world.send(promote(&revision, &format!("k{n}"), Some(&named)).bearer(token)));
    let replies: Vec<Reply> = join_all(calls).await;
    let won = replies.iter().filter(|reply| reply.status == 200).count();
    assert_eq!(won, 1, "{:?}", replies.iter().map(|reply| reply.status).collect::<Vec<_>>());
    for lost in replies.iter().filter(|reply| reply.status != 200) {
        assert!(matches!(lost.status.as_u16(), 409 | 412), "{}", lost.text);
        assert!(lost.json["audit"].is_u64(), "what was refused is in the trail: {}", lost.text);
    }
    let listed = world.send(Call::get("/api/v1/overrides").bearer(&commander)).await.json["overrides"][0].clone();
    assert_eq!(listed["uses"].as_array().unwrap().len(), 1);
    let agent_like = world.token("vera", Role::Viewer, &["dc-east"], None).await;
    let elsewhere = world.send(Call::get("/api/v1/overrides").bearer(&agent_like)).await;
    assert_eq!(elsewhere.json["overrides"], json!([]), "who sees not the target sees not its overrides");
    let stopped = world.send(act("pause").bearer(&ana)).await;
    assert_eq!(stopped.status, 200, "{}", stopped.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn over_sockets_two_operators_with_a_client_each_never_both_have_the_last_use() {
    let world = World::new().await;
    let id = frozen(&world, window()).await;
    let present = revision(&world).await;
    let server = Server::bind(world.control.clone(), options()).unwrap();
    let url = server.url();
    let shutdown = CancellationToken::new();
    let serving = tokio::spawn(server.run(shutdown.clone()));
    let kim = world.token("kim", Role::Commander, &["*"], None).await;
    let wish = json!({"windows": [format!("{id}@1")], "actions": ["promote"], "rollout": "dc-west/pick-assist",
        "reason": "orders are lost without the correction"});
    let asked = world.send(Call::post("/api/v1/overrides").bearer(&kim).json(&wish)).await;
    assert_eq!(asked.status, 201, "{}", asked.text);
    let named = asked.json["override"]["id"].as_str().unwrap().to_owned();
    let start = Arc::new(Barrier::new(16));
    let mut racing = JoinSet::new();
    for (name, token) in [
        ("ana", world.token("ana", Role::Operator, &["dc-*"], None).await),
        ("ben", world.token("ben", Role::Operator, &["dc-*"], None).await),
    ] {
        for number in 0..8 {
            // A connection of its own for each.
            let client = Remote::new(&url, Some(&token), None, Via::Cli).unwrap();
            let request: ActionRequest =
                serde_json::from_value(json!({"action": "promote", "reason": WHY, "override": named})).unwrap();
            let conditions = Conditions {
                revision: serde_json::from_value(present.clone()).unwrap(),
                idempotency_key: Some(format!("{name}-{number}")),
            };
            let start = Arc::clone(&start);
            racing.spawn(async move {
                start.wait().await;
                client.act(&"dc-west/pick-assist".parse().unwrap(), request, conditions).await
            });
        }
    }
    let mut won = 0;
    for reply in racing.join_all().await {
        match reply {
            Ok(reply) => {
                won += 1;
                assert_eq!(reply.audit.unwrap().override_id.unwrap().as_str(), named);
            }
            Err(BackendError::Problem(lost)) => {
                assert!(matches!(lost.code, Code::RevisionMismatch | Code::Blocked), "{lost:?}");
                assert!(lost.audit.is_some(), "the trail has each of them: {lost:?}");
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(won, 1);
    let filter = format!("/api/v1/audit?filter=override:{named}%20action:promote&limit=100");
    let trail = world.send(Call::get(&filter).bearer(&kim)).await;
    let outcome =
        |word: &str| trail.json["entries"].as_array().unwrap().iter().filter(|entry| entry["outcome"] == word).count();
    assert_eq!((outcome("applied"), outcome("refused")), (1, 15), "and all are found by it: {}", trail.text);
    shutdown.cancel();
    serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_window_changed_since_it_was_looked_at_is_not_lifted_and_the_answer_names_what_is_there() {
    let world = World::new().await;
    let id = frozen(&world, window()).await;
    let changed = json!({"scope": "dc-west", "reason": "two people from now on", "overridable": "two_person"});
    let change = Call::new("PUT", &format!("/api/v1/windows/{id}")).json(&changed);
    assert_eq!(world.send(change).await.status, 200);
    let wish = json!({"windows": [format!("{id}@1")], "actions": ["promote"], "rollout": "dc-west/pick-assist",
        "reason": "orders are lost without the correction"});
    let refused = world.send(Call::post("/api/v1/overrides").json(&wish)).await;
    refused.is_problem(412, "revision-mismatch");
    assert_eq!((&refused.json["revision"], &refused.json["field"]), (&json!("2"), &json!("windows")));
    assert!(refused.json["audit"].is_u64());
}
