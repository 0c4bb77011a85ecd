//! That the objects of a rollout are watched while somebody looks, and no others.

use serde_json::{Value, json};

use super::{Desk, waiting};
use crate::support::kubernetes::{ADMIN, Allow, StandIn, User};

fn replica_set(name: &str, owner: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {"name": name, "namespace": "shop", "labels": {"app": "basket", "rollouts-pod-template-hash": "6f8c7"},
            "annotations": {"rollout.argoproj.io/revision": "12"},
            "ownerReferences": [{"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "basket", "uid": owner, "controller": true}]},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "basket"}},
            "template": {"metadata": {"labels": {"app": "basket"}}, "spec": {"containers": [{"name": "app", "image": "shop/app:2"}]}}},
        "status": {"replicas": 1, "readyReplicas": 1, "availableReplicas": 1},
    })
}

fn pod(name: &str, owner: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "labels": {"app": "basket"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "x", "uid": owner, "controller": true}]},
        "spec": {"containers": [{"name": "app", "image": "shop/app:2"}]},
        "status": {"phase": "Running", "containerStatuses": [{"name": "app", "ready": true, "restartCount": 0, "state": {"running": {}}}]},
    })
}

fn uid(object: &Value) -> &str {
    object["metadata"]["uid"].as_str().unwrap()
}

/// A rollout with a replica set and a pod, and others' objects with the same labels.
async fn shop() -> StandIn {
    let stand_in = StandIn::start().await;
    let rollout = stand_in.put(waiting("basket"));
    let own = stand_in.put(replica_set("basket-6f8c7", uid(&rollout)));
    stand_in.put(pod("basket-6f8c7-a", uid(&own)));
    let other = stand_in.put(replica_set("stray", "another"));
    stand_in.put(pod("stray-a", uid(&other)));
    stand_in.put(waiting("cart"));
    stand_in
}

fn objects(desk: &Desk) -> Vec<String> {
    let workload = desk.told.rollouts["shop/basket"].rollout.workload.as_ref();
    workload
        .map(|workload| workload.objects.iter().map(|object| object.name.as_str().to_owned()).collect())
        .unwrap_or_default()
}

#[tokio::test]
async fn objects_are_watched_while_somebody_looks_and_strays_are_left_out() {
    let stand_in = shop().await;
    let mut desk = Desk::open(&stand_in).await;
    desk.ready().await;
    stand_in.wait_until("both kinds are watched", |s| s.watches().len() == 2).await;
    assert!(!objects(&desk).contains(&"basket-6f8c7-a".to_owned()));
    desk.attend(&["shop/basket"]);
    let has = |name: &'static str| {
        move |told: &super::Told| {
            let workload = told.rollouts["shop/basket"].rollout.workload.as_ref();
            workload.is_some_and(|workload| workload.objects.iter().any(|object| object.name.as_str() == name))
        }
    };
    desk.until("its pod is told", has("basket-6f8c7-a")).await;
    assert!(!objects(&desk).iter().any(|name| name.starts_with("stray")), "{:?}", objects(&desk));
    stand_in.wait_until("its objects are watched", |s| s.watches().iter().any(|path| path.ends_with("/pods"))).await;
    let lists = stand_in.count("list");
    let set = stand_in.get("replicasets", "shop", "basket-6f8c7").unwrap();
    stand_in.put(pod("basket-6f8c7-b", uid(&set)));
    desk.until("another pod is told", has("basket-6f8c7-b")).await;
    assert_eq!(stand_in.count("list"), lists);
    assert!(!stand_in.log().iter().any(|asked| asked.query.iter().any(|(_, value)| value.contains("app=cart"))));
}

#[tokio::test]
async fn objects_that_may_not_be_listed_are_said_in_a_line() {
    let stand_in = shop().await;
    let rules = vec![
        Allow::new("get,list,watch", "argoproj.io", "*", None),
        Allow::new("get,list,watch", "flagger.app", "*", None),
        Allow::new("get,list,watch", "apps", "replicasets", None),
    ];
    stand_in.user("viewer", User::new("viewer", rules));
    let mut desk = Desk::open_as(&stand_in, "viewer", &[]).await;
    desk.ready().await;
    desk.attend(&["shop/basket"]);
    desk.until("it is said", |told| {
        let workload = told.rollouts["shop/basket"].rollout.workload.as_ref();
        workload.is_some_and(|workload| workload.remark.as_str().contains("pods"))
    })
    .await;
    assert!(objects(&desk).contains(&"basket-6f8c7".to_owned()), "{:?}", objects(&desk));
}

#[tokio::test]
async fn whoever_is_in_trouble_is_watched_though_nobody_looks() {
    let stand_in = shop().await;
    let mut desk = Desk::open_as(&stand_in, ADMIN, &[]).await;
    desk.ready().await;
    stand_in.edit("rollouts", "shop", "basket", "controller", |o| {
        o["status"]["phase"] = json!("Degraded");
        o["status"]["message"] = json!("ProgressDeadlineExceeded: it did not come up");
        o["status"]["pauseConditions"] = json!(null);
        o["status"]["controllerPause"] = json!(false);
    });
    stand_in.wait_until("its pods are watched", |s| s.watches().iter().any(|path| path.ends_with("/pods"))).await;
    assert!(!stand_in.watches().iter().any(|path| path.ends_with("/events")));
}
