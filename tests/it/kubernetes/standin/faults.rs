//! What a test can make go wrong, and what it can look at afterwards. Only the stand-in does this.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Api, JSON, MERGE, Who};
use crate::support::kubernetes::{Fault, Tell};

/// Asks without an expectation: none where no answer came.
async fn try_patch(api: &Api, path: &str, body: Value) -> Option<u16> {
    let request = api.request(Who::Admin, "PATCH", path, MERGE, body.to_string().into_bytes());
    let response = api.clients[&Who::Admin].send(request).await.ok()?;
    let code = response.status().as_u16();
    response.into_body().collect_bytes().await.ok().map(|_| code)
}

#[tokio::test]
async fn faults_happen_where_and_as_often_as_they_were_ordered() {
    let api = Api::stand_in().await;
    let (path, stand_in) = (api.rollout("basket").await, api.stand_in.as_ref().unwrap());
    stand_in.fault("patch */rollouts/basket/status", Fault::TooManyRequests(3), 1);
    stand_in.fault("list *", Fault::Fails(500), None);
    let abort = json!({"status": {"abort": true}});
    let refused = api.merge(&format!("{path}/status"), abort.clone()).await;
    assert_eq!(
        (refused.code, refused.retry_after.as_deref(), refused.body["reason"].as_str()),
        (429, Some("3"), Some("TooManyRequests"))
    );
    assert_eq!(api.merge(&path, json!({})).await.code, 200, "another path");
    assert_eq!(api.merge(&format!("{path}/status"), abort).await.code, 200, "once");
    for _ in 0..3 {
        assert_eq!(api.get(&api.argo("rollouts")).await.code, 500);
    }
    stand_in.heal();
    assert_eq!(api.get(&api.argo("rollouts")).await.code, 200);
    stand_in.fault("get *", Fault::Late(Duration::from_millis(1)), 1);
    assert_eq!(api.get(&path).await.code, 200);
}

#[tokio::test]
async fn an_answer_is_lost_before_or_after_it_was_done() {
    let api = Api::stand_in().await;
    let (path, stand_in) = (api.rollout("basket").await, api.stand_in.as_ref().unwrap());
    let paused = || stand_in.get("rollouts", "facts", "basket").unwrap()["spec"]["paused"].clone();
    for (fault, done) in [(Fault::Reset, false), (Fault::AnswerLost, true), (Fault::AnswerCut, true)] {
        api.merge(&path, json!({"spec": {"paused": false}})).await;
        stand_in.fault("patch *", fault.clone(), 1);
        assert_eq!(try_patch(&api, &path, json!({"spec": {"paused": true}})).await, None, "{fault:?}");
        assert_eq!(paused(), json!(done), "{fault:?}");
    }
}

#[tokio::test]
async fn watches_break_at_an_end_in_the_middle_and_never() {
    let api = Api::stand_in().await;
    let (path, stand_in) = (api.rollout("basket").await, api.stand_in.as_ref().unwrap());
    let (watched, one) = (api.argo("rollouts?watch=true&allowWatchBookmarks=true"), "*/rollouts");
    for (tell, broken) in [(Tell::End, false), (Tell::Break, true)] {
        let mut watch = api.watch(&watched).await;
        watch.expect("ADDED", "basket").await;
        assert_eq!(stand_in.tell_watches(one, tell), 1);
        assert_eq!(watch.next().await.is_some_and(|end| end.is_err()), broken, "{tell:?}");
    }
    let mut watch = api.watch(&watched).await;
    watch.expect("ADDED", "basket").await;
    stand_in.tell_watches(one, Tell::Bookmark);
    watch.expect("BOOKMARK", "").await;
    stand_in.tell_watches(one, Tell::Expire);
    assert_eq!(watch.event().await.1["code"], 410);
    assert!(watch.next().await.is_none());

    let mut watch = api.watch(&watched).await;
    watch.expect("ADDED", "basket").await;
    stand_in.tell_watches(one, Tell::BreakInNext);
    api.merge(&path, json!({"spec": {"paused": true}})).await;
    assert!(watch.next().await.unwrap().is_err(), "half an event, and no end");

    let mut watch = api.watch(&watched).await;
    watch.expect("ADDED", "basket").await;
    stand_in.tell_watches(one, Tell::BeSilent);
    api.merge(&path, json!({"spec": {"paused": false}})).await;
    // Another watch got it, so that this one would have.
    let mut other = api.watch(&watched).await;
    assert_eq!(other.expect("ADDED", "basket").await["spec"]["paused"], false);
    assert_eq!(stand_in.watches().len(), 2);
    assert!(futures_util::FutureExt::now_or_never(watch.next()).is_none());
    drop((watch, other));
    stand_in.wait_until("watches that nobody reads are closed", |stand_in| stand_in.watches().is_empty()).await;
}

#[tokio::test]
async fn a_cluster_goes_away_and_comes_back_with_what_it_had() {
    let api = Api::stand_in().await;
    let (path, stand_in) = (api.rollout("basket").await, api.stand_in.as_ref().unwrap());
    let mut watch = api.watch(&api.argo("rollouts?watch=true")).await;
    watch.expect("ADDED", "basket").await;
    stand_in.refuse();
    assert!(watch.next().await.unwrap().is_err());
    assert_eq!(try_patch(&api, &path, json!({})).await, None);
    stand_in.accept().await;
    assert_eq!(api.get(&path).await.code, 200);
}

#[tokio::test]
async fn changes_that_are_forgotten_expire_lists_and_watches() {
    let api = Api::stand_in().await;
    for name in ["a", "b", "c"] {
        api.rollout(name).await;
    }
    let stand_in = api.stand_in.as_ref().unwrap();
    let page = api.get(&api.argo("rollouts?limit=1")).await;
    assert_eq!(page.body["metadata"]["remainingItemCount"], 2);
    let token = page.body["metadata"]["continue"].as_str().unwrap();
    api.rollout("d").await;
    stand_in.compact();
    let next = api.get(&api.argo(&format!("rollouts?limit=1&continue={token}"))).await;
    assert_eq!((next.code, next.body["reason"].as_str()), (410, Some("Expired")));
    let exact = format!("rollouts?resourceVersion={}&resourceVersionMatch=Exact", page.version());
    let exact = api.get(&api.argo(&exact)).await;
    let text = "The resourceVersion for the provided list is too old.";
    assert_eq!((exact.code, exact.message()), (410, text));
    let mut watch = api.watch(&api.argo(&format!("rollouts?watch=true&resourceVersion={}", page.version()))).await;
    assert_eq!(watch.event().await.1["code"], 410);
}

#[tokio::test]
async fn kinds_are_absent_forbidden_or_changed_when_a_test_says_so() {
    let api = Api::stand_in().await;
    let (path, stand_in) = (api.rollout("basket").await, api.stand_in.as_ref().unwrap());
    let mut watch = api.watch(&api.argo("rollouts?watch=true")).await;
    watch.expect("ADDED", "basket").await;
    stand_in.remove_kind("rollouts");
    assert!(watch.next().await.is_none());
    assert_eq!(api.get(&path).await.body, Value::from("404 page not found\n"));
    let kinds = api.get("/apis/argoproj.io/v1alpha1").await.body.to_string();
    assert!(!kinds.contains("\"rollouts\"") && kinds.contains("analysisruns"), "{kinds}");
    stand_in.restore_kind("rollouts");
    stand_in.forbid_kind("rollouts");
    let answer = api.get(&path).await;
    let text = "rollouts.argoproj.io \"basket\" is forbidden: User \"admin\" cannot get resource \"rollouts\" in API group \"argoproj.io\" in the namespace \"facts\"";
    assert_eq!((answer.code, answer.message()), (403, text));
    stand_in.restore_kind("rollouts");
    stand_in.retype("rollouts", "/spec/replicas", json!({"min": 1}));
    assert_eq!(api.get(&path).await.body["spec"]["replicas"], json!({"min": 1}));
    assert_eq!(stand_in.get("rollouts", "facts", "basket").unwrap()["spec"]["replicas"], 1);
}

#[tokio::test]
async fn what_was_asked_for_is_kept_word_for_word() {
    let api = Api::stand_in().await;
    let (path, stand_in) = (api.rollout("basket").await, api.stand_in.as_ref().unwrap());
    stand_in.forget_log();
    api.merge(&format!("{path}?fieldManager=rolldeck"), json!({"spec": {"paused": true}})).await;
    api.ask(Who::Nobody, "GET", &api.argo("rollouts?limit=500"), JSON, "").await;
    let log = stand_in.log();
    let [patch, list] = log.as_slice() else { panic!("{log:?}") };
    assert_eq!(
        (patch.verb.as_str(), patch.method.as_str(), patch.path.as_str(), patch.code),
        ("patch", "PATCH", path.as_str(), 200)
    );
    assert_eq!(patch.body, json!({"spec": {"paused": true}}));
    assert_eq!(
        (patch.content_type.as_str(), patch.user_agent.as_str(), patch.user.as_str()),
        (MERGE, "facts/1.0 (test)", "admin")
    );
    assert_eq!(patch.parameter("fieldManager"), Some("rolldeck"));
    assert_eq!((list.verb.as_str(), list.code, list.user.as_str()), ("list", 403, "facts-nobody"));
    assert_eq!((stand_in.count("list"), stand_in.count("watch")), (1, 0));
}

#[tokio::test]
async fn an_edit_of_somebody_else_is_seen_with_its_manager() {
    let api = Api::stand_in().await;
    let (path, stand_in) = (api.rollout("basket").await, api.stand_in.as_ref().unwrap());
    let mut watch = api.watch(&api.argo("rollouts?watch=true")).await;
    watch.expect("ADDED", "basket").await;
    stand_in.edit("rollouts", "facts", "basket", "kubectl-argo-rollouts", |rollout| {
        rollout["status"]["abort"] = json!(true);
    });
    assert_eq!(watch.expect("MODIFIED", "basket").await["status"]["abort"], true);
    let answer = api.get(&path).await;
    assert!(answer.managed_by("kubectl-argo-rollouts", Some("status")).is_object(), "{answer:?}");
    stand_in.delete("rollouts", "facts", "basket");
    watch.expect("DELETED", "basket").await;
}

#[tokio::test]
async fn a_gate_behind_the_proxy_opens_and_closes() {
    let api = Api::stand_in().await;
    let stand_in = api.stand_in.as_ref().unwrap();
    stand_in.load_tester("facts", "loadtester");
    // flagger v1.36.1 pkg/loadtester/server.go
    for (path, code) in [
        ("gate/check", 403),
        ("gate/open", 202),
        ("gate/check", 200),
        ("gate/halt", 403),
        ("gate/approve", 200),
        ("rollback/check", 403),
        ("rollback/open", 202),
        ("rollback/check", 200),
        ("gate/close", 202),
        ("gate/check", 403),
    ] {
        let address = format!("/api/v1/namespaces/facts/services/http:loadtester:80/proxy/{path}");
        let answer = api.ask(Who::Admin, "POST", &address, JSON, r#"{"name":"podinfo","namespace":"shop"}"#).await;
        assert_eq!(answer.code, code, "{path}");
    }
    let asked = json!({"name": "podinfo", "namespace": "shop"});
    assert_eq!(stand_in.ask_gate("facts", "loadtester", "/rollback/check", &asked), Some(200));
}
