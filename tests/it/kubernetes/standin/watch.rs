//! Watches.

use serde_json::json;

use super::{Api, JSON, Who, facts};

facts![
    a_watch_can_begin_with_all_that_is_there_and_says_where_that_ends,
    a_watch_without_a_version_begins_with_what_is_there,
    a_watch_from_a_version_begins_with_what_came_after_it,
    what_leaves_and_enters_a_selection_is_deleted_and_added,
    a_deletion_has_a_version_of_its_own,
    a_version_that_is_too_old_is_an_event_and_no_code,
    a_watch_ends_after_the_time_that_it_was_given,
    a_watch_of_a_version_to_come_waits_for_it,
];

async fn a_watch_can_begin_with_all_that_is_there_and_says_where_that_ends(api: &Api) {
    for name in ["initial-a", "initial-b"] {
        api.rollout_with(name, json!({"fact": "initial"})).await;
    }
    let path = api.argo(
        "rollouts?watch=true&labelSelector=fact%3Dinitial&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
    );
    let mut watch = api.watch(&path).await;
    watch.expect("ADDED", "initial-a").await;
    watch.expect("ADDED", "initial-b").await;
    let bookmark = watch.expect("BOOKMARK", "").await;
    assert_eq!(bookmark["kind"], "Rollout");
    assert_eq!(bookmark["metadata"]["annotations"], json!({"k8s.io/initial-events-end": "true"}));
    assert!(bookmark["metadata"]["resourceVersion"].as_str().unwrap().parse::<u64>().is_ok());
    api.merge(&api.argo("rollouts/initial-b"), json!({"spec": {"paused": true}})).await;
    assert_eq!(watch.expect("MODIFIED", "initial-b").await["spec"]["paused"], true);
}

async fn a_watch_without_a_version_begins_with_what_is_there(api: &Api) {
    let path = api.rollout("present").await;
    for version in ["", "&resourceVersion=0"] {
        let query = format!("rollouts?watch=true&fieldSelector=metadata.name%3Dpresent{version}");
        let mut watch = api.watch(&api.argo(&query)).await;
        let added = watch.expect("ADDED", "present").await;
        assert_eq!(added["metadata"]["resourceVersion"], api.get(&path).await.version());
    }
}

async fn a_watch_from_a_version_begins_with_what_came_after_it(api: &Api) {
    let path = api.rollout("after").await;
    let before = api.get(&api.argo("rollouts?fieldSelector=metadata.name%3Dafter")).await;
    api.merge(&path, json!({"metadata": {"annotations": {"k": "v"}}})).await;
    api.merge(&format!("{path}/status"), json!({"status": {"abort": true}})).await;
    let query = format!("rollouts?watch=true&fieldSelector=metadata.name%3Dafter&resourceVersion={}", before.version());
    let mut watch = api.watch(&api.argo(&query)).await;
    assert_eq!(watch.expect("MODIFIED", "after").await["metadata"]["annotations"]["k"], "v");
    assert_eq!(watch.expect("MODIFIED", "after").await["status"]["abort"], true);
}

async fn what_leaves_and_enters_a_selection_is_deleted_and_added(api: &Api) {
    let path = api.rollout_with("moving", json!({"fact": "moving"})).await;
    let list = api.get(&api.argo("rollouts?labelSelector=fact%3Dmoving")).await;
    let query = format!("rollouts?watch=true&labelSelector=fact%3Dmoving&resourceVersion={}", list.version());
    let mut watch = api.watch(&api.argo(&query)).await;
    let left = api.merge(&path, json!({"metadata": {"labels": {"fact": "moved"}}})).await;
    let gone = watch.expect("DELETED", "moving").await;
    assert_eq!(gone["metadata"]["labels"]["fact"], "moving", "as it was when it was seen last");
    assert_eq!(gone["metadata"]["resourceVersion"], left.version());
    api.merge(&path, json!({"metadata": {"labels": {"fact": "moving"}}})).await;
    watch.expect("ADDED", "moving").await;
}

async fn a_deletion_has_a_version_of_its_own(api: &Api) {
    let path = api.rollout("doomed").await;
    let before = api.get(&path).await;
    let list = api.get(&api.argo("rollouts?fieldSelector=metadata.name%3Ddoomed")).await;
    let query = format!("rollouts?watch=true&fieldSelector=metadata.name%3Ddoomed&resourceVersion={}", list.version());
    let mut watch = api.watch(&api.argo(&query)).await;
    let answer = api.ask(Who::Admin, "DELETE", &path, JSON, "").await;
    assert_eq!((answer.code, answer.body["status"].as_str()), (200, Some("Success")));
    assert_eq!(answer.body["details"]["uid"], before.body["metadata"]["uid"]);
    let gone = watch.expect("DELETED", "doomed").await;
    assert_ne!(gone["metadata"]["resourceVersion"], before.version());
    assert_eq!(api.ask(Who::Admin, "DELETE", &path, JSON, "").await.code, 404);
}

async fn a_version_that_is_too_old_is_an_event_and_no_code(api: &Api) {
    let mut watch = api.watch(&api.argo("rollouts?watch=true&resourceVersion=1")).await;
    let (kind, status) = watch.event().await;
    assert_eq!((kind.as_str(), status["kind"].as_str()), ("ERROR", Some("Status")));
    assert_eq!((status["code"].as_u64(), status["reason"].as_str()), (Some(410), Some("Expired")));
    assert!(status["message"].as_str().unwrap().starts_with("too old resource version: 1 ("), "{status}");
    assert!(watch.next().await.is_none());
}

async fn a_watch_ends_after_the_time_that_it_was_given(api: &Api) {
    let list = api.get(&api.argo("rollouts?labelSelector=fact%3Dnone")).await;
    let query =
        format!("rollouts?watch=true&labelSelector=fact%3Dnone&timeoutSeconds=1&resourceVersion={}", list.version());
    let mut watch = api.watch(&api.argo(&query)).await;
    assert!(watch.next().await.is_none(), "without a word");
}

async fn a_watch_of_a_version_to_come_waits_for_it(api: &Api) {
    let mut watch = api.watch(&api.argo("rollouts?watch=true&timeoutSeconds=1&resourceVersion=99999999")).await;
    assert!(watch.next().await.is_none());
}
