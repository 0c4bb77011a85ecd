//! What waits for a second person, over HTTP with tokens: who may give it, who may not, and what became of it.

use std::sync::Arc;

use rolldeck::{
    backend::{ApprovalChange, Backend as _, BackendError, Code, ReasonRequest, remote::Remote},
    domain::{Outcome, Role, TokenText, Via},
    server::Server,
};
use serde_json::{Value, json};
use tokio::{sync::Barrier, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::world::{Call, Reply, WHY, World, act, options};

const ROLLOUT: &str = "/api/v1/rollouts/dc-west/pick-assist";

/// A rollout that has begun, and people with tokens.
struct People {
    world: World,
    ana: TokenText,
    ben: TokenText,
    cora: TokenText,
}

impl People {
    async fn new() -> Self {
        let world = World::new().await;
        world.rollout().await;
        let ana = world.token("ana", Role::Operator, &["dc-*"], None).await;
        let ben = world.token("ben", Role::Operator, &["dc-*"], None).await;
        let cora = world.token("cora", Role::Commander, &["*"], None).await;
        Self { world, ana, ben, cora }
    }

    /// Ana asks for a second person to let it go through all stages; the approval.
    async fn ask(&self, key: &str) -> Value {
        let revision = self.world.send(Call::get(ROLLOUT).bearer(&self.cora)).await.json["revision"].clone();
        let body = json!({"action": "promote_full", "reason": WHY, "ask": true, "saw": "canary at 1 of 3"});
        let seen = format!("\"{}\"", revision.as_str().unwrap());
        let call = Call::post(&format!("{ROLLOUT}/actions")).header("if-match", &seen).header("idempotency-key", key);
        let asked = self.world.send(call.json(&body).bearer(&self.ana)).await;
        assert_eq!((asked.status.as_u16(), &asked.json["outcome"]), (202, &json!("intended")), "{}", asked.text);
        asked.json["approval"].clone()
    }

    async fn decide(&self, who: &TokenText, approval: &Value, how: &str) -> Reply {
        let path = format!("/api/v1/approvals/{}/{how}", approval["id"].as_str().unwrap());
        self.world.send(Call::post(&path).bearer(who).json(&json!({"reason": WHY, "saw": "the same preview"}))).await
    }

    async fn listed(&self, who: &TokenText, approval: &Value) -> Value {
        let page = self.world.send(Call::get("/api/v1/approvals").bearer(who)).await.json;
        let mut all = page["approvals"].as_array().unwrap().iter();
        all.find(|other| other["id"] == approval["id"]).unwrap_or(&Value::Null).clone()
    }

    async fn entry(&self, seq: &Value) -> Value {
        let page = self.world.send(Call::get("/api/v1/audit?limit=1000").bearer(&self.cora)).await.json;
        page["entries"].as_array().unwrap().iter().find(|entry| entry["seq"] == *seq).unwrap().clone()
    }

    async fn revoke(&self, token: &TokenText) {
        let call = Call::post(&format!("/api/v1/tokens/{}/revoke", token.id())).bearer(&self.cora);
        assert_eq!(self.world.send(call.json(&json!({"reason": WHY}))).await.status, 200);
    }
}

#[tokio::test]
async fn the_second_person_sees_what_the_first_saw_and_is_another_one_with_a_token_that_is_good() {
    let people = People::new().await;
    let ana_too = people.world.token("ANA", Role::Commander, &["*"], None).await;
    let elsewhere = people.world.token("eva", Role::Operator, &["dc-east"], None).await;
    let viewer = people.world.token("vera", Role::Viewer, &["*"], None).await;
    let asked = people.ask("k1").await;
    let minted = people.world.token("nobody-yet", Role::Commander, &["*"], None).await;

    let to_ben = people.listed(&people.ben, &asked).await;
    assert_eq!((&to_ben["yours"], &to_ben["preview"]), (&json!(true), &asked["preview"]));
    assert_eq!((&to_ben["saw"], &to_ben["reason"]), (&json!("canary at 1 of 3"), &json!(WHY)));
    assert_eq!(people.listed(&people.ana, &asked).await["yours"], json!(false));
    assert_eq!(people.listed(&elsewhere, &asked).await, Value::Null, "whose target it is not sees it not");
    for (who, says) in [
        (&people.ana, "somebody else has to decide it"),
        (&ana_too, "somebody else has to decide it"),
        (&elsewhere, "needs the role operator"),
        (&viewer, "needs the role operator"),
        (&minted, "was made after"),
    ] {
        let refused = people.decide(who, &asked, "approve").await;
        refused.is_problem(403, "forbidden");
        assert!(refused.json["detail"].as_str().unwrap().contains(says), "{}", refused.text);
        let entry = people.entry(&refused.json["audit"]).await;
        assert_eq!((&entry["outcome"], &entry["saw"]), (&json!("refused"), &json!("the same preview")), "{entry}");
    }
    // Ben had the right when it was asked for, and has it no more.
    people.revoke(&people.ben).await;
    people.decide(&people.ben, &asked, "approve").await.is_problem(401, "unauthenticated");
    assert_eq!(people.listed(&people.cora, &asked).await["state"], "waiting");
    let done = people.decide(&people.cora, &asked, "approve").await;
    assert_eq!((done.status.as_u16(), &done.json["outcome"]), (200, &json!("applied")), "{}", done.text);
    let entry = &done.json["done"]["audit"];
    assert_eq!((&entry["actor"]["id"], &entry["approved_by"]), (&json!("ana"), &json!(["cora"])), "{}", done.text);
    people.decide(&people.cora, &asked, "approve").await.is_problem(409, "blocked");
}

#[tokio::test]
async fn what_was_changed_meanwhile_or_asked_for_by_somebody_who_may_not_any_more_is_not_done() {
    let people = People::new().await;
    let asked = people.ask("k1").await;
    assert_eq!(people.world.send(act("pause").bearer(&people.cora)).await.status, 200);
    let late = people.decide(&people.ben, &asked, "approve").await;
    late.is_problem(412, "revision-mismatch");
    let listed = people.listed(&people.ben, &asked).await;
    assert!(listed["state"] == "approved" && listed["decision"]["failed"].is_string(), "{listed}");
    people.decide(&people.ben, &asked, "approve").await.is_problem(409, "blocked");

    let revision = people.world.send(Call::get(ROLLOUT).bearer(&people.cora)).await.json["revision"].clone();
    let seen = format!("\"{}\"", revision.as_str().unwrap());
    let resume = act("resume").header("if-match", &seen).header("idempotency-key", "r").bearer(&people.cora);
    assert_eq!(people.world.send(resume).await.status, 200);
    let asked = people.ask("k2").await;
    people.revoke(&people.ana).await;
    let to_ben = people.listed(&people.ben, &asked).await;
    assert_eq!(to_ben["yours"], json!(false), "it says so before he tries");
    let refused = people.decide(&people.ben, &asked, "approve").await;
    refused.is_problem(409, "blocked");
    assert!(refused.json["detail"].as_str().unwrap().contains("revoked"), "{}", refused.text);
    assert_eq!(people.entry(&refused.json["audit"]).await["actor"]["id"], "ben");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_several_who_agree_at_once_over_sockets_one_does_it_and_the_others_are_told() {
    let people = People::new().await;
    let server = Server::bind(people.world.control.clone(), options()).unwrap();
    let url = server.url();
    let shutdown = CancellationToken::new();
    let serving = tokio::spawn(server.run(shutdown.clone()));
    let mut tokens = Vec::new();
    for number in 0..6 {
        tokens.push(people.world.token(&format!("person-{number}"), Role::Operator, &["dc-*"], None).await);
    }
    let asked = people.ask("k1").await;
    let id = asked["id"].as_str().unwrap().to_owned();
    let start = Arc::new(Barrier::new(tokens.len()));
    let mut racing = JoinSet::new();
    for token in tokens {
        let (client, start, id) =
            (Remote::new(&url, Some(&token), None, Via::Cli).unwrap(), Arc::clone(&start), id.clone());
        let reason = ReasonRequest { reason: WHY.to_owned(), ticket: None, saw: None };
        racing.spawn(async move {
            start.wait().await;
            client.decide_approval(&id, ApprovalChange::Approve, reason).await
        });
    }
    let mut done = 0;
    for reply in racing.join_all().await {
        match reply {
            Ok(reply) => {
                assert_eq!(reply.outcome, Outcome::Applied);
                done += 1;
            }
            Err(BackendError::Problem(late)) => {
                assert_eq!(late.code, Code::Blocked, "{late:?}");
                assert!(late.audit.is_some() && late.detail.as_str().contains("does not wait any more"), "{late:?}");
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(done, 1);
    shutdown.cancel();
    serving.await.unwrap().unwrap();
}
