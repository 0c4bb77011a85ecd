//! Discovery, get and list.

use serde_json::{Value, json};

use super::{Api, JSON, Who, facts};

facts![
    it_says_which_version_it_is_and_that_it_lives,
    discovery_names_the_kinds_and_which_have_a_status_of_their_own,
    a_path_that_nothing_serves_is_no_status,
    what_is_not_there_is_named,
    a_list_comes_in_pages_of_one_version,
    labels_select_by_equality_and_by_sets,
    fields_select_by_name_only,
    built_in_kinds_say_once_what_the_items_of_a_list_are,
    options_that_contradict_each_other_are_refused,
    a_version_that_is_not_there_yet_is_waited_for_and_then_refused,
    an_event_is_listed_by_what_it_is_about_in_both_of_its_apis,
];

async fn it_says_which_version_it_is_and_that_it_lives(api: &Api) {
    let version = api.get("/version").await;
    assert_eq!((version.code, version.body["major"].as_str()), (200, Some("1")));
    assert!(version.body["gitVersion"].as_str().unwrap().starts_with("v1."));
    assert_eq!(api.get("/livez").await.body, Value::from("ok"));
    assert_eq!(api.ask(Who::Nobody, "GET", "/version", JSON, "").await.code, 200);
}

async fn discovery_names_the_kinds_and_which_have_a_status_of_their_own(api: &Api) {
    let groups = api.get("/apis").await;
    assert_eq!(groups.body["kind"], "APIGroupList");
    let groups: Vec<_> = groups.body["groups"].as_array().unwrap().iter().map(|group| group["name"].clone()).collect();
    for group in
        ["argoproj.io", "flagger.app", "apps", "events.k8s.io", "authentication.k8s.io", "authorization.k8s.io"]
    {
        assert!(groups.contains(&json!(group)), "{group}: {groups:?}");
    }
    let group = api.get("/apis/flagger.app").await;
    assert_eq!(group.body["preferredVersion"], json!({"groupVersion": "flagger.app/v1beta1", "version": "v1beta1"}));
    for (path, name, has) in [
        ("/apis/argoproj.io/v1alpha1", "rollouts", true),
        ("/apis/argoproj.io/v1alpha1", "analysisruns", false),
        ("/apis/argoproj.io/v1alpha1", "experiments", false),
        ("/apis/flagger.app/v1beta1", "canaries", true),
        ("/apis/apps/v1", "deployments", true),
        ("/api/v1", "pods", true),
        ("/api/v1", "events", false),
    ] {
        let answer = api.get(path).await;
        assert_eq!(answer.body["kind"], "APIResourceList", "{path}");
        let resources = answer.body["resources"].as_array().unwrap();
        let named = |name: &str| resources.iter().find(|resource| resource["name"] == name);
        let resource = named(name).unwrap_or_else(|| panic!("{name} in {path}"));
        assert_eq!(resource["namespaced"], true);
        assert!(resource["verbs"].as_array().unwrap().contains(&json!("watch")));
        assert_eq!(named(&format!("{name}/status")).is_some(), has, "{name}/status");
    }
}

async fn a_path_that_nothing_serves_is_no_status(api: &Api) {
    for path in ["/apis/nope.io/v1", "/nope", &api.argo("nopes"), "/apis/argoproj.io/v1alpha1/rollouts/a"] {
        let answer = api.get(path).await;
        assert_eq!((answer.code, answer.body), (404, Value::from("404 page not found\n")), "{path}");
    }
}

async fn what_is_not_there_is_named(api: &Api) {
    let answer = api.get(&api.argo("rollouts/nope")).await;
    let expected = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "rollouts.argoproj.io \"nope\" not found", "reason": "NotFound",
        "details": {"name": "nope", "group": "argoproj.io", "kind": "rollouts"}, "code": 404,
    });
    assert_eq!((answer.code, answer.body), (404, expected));
    let pods = api.get(&format!("/api/v1/namespaces/{}/pods/nope", api.namespace)).await;
    assert_eq!((pods.code, pods.message()), (404, "pods \"nope\" not found"));
}

async fn a_list_comes_in_pages_of_one_version(api: &Api) {
    for name in ["page-a", "page-b", "page-c"] {
        api.rollout_with(name, json!({"fact": "pages"})).await;
    }
    let path = api.argo("rollouts?labelSelector=fact%3Dpages&limit=2");
    let first = api.get(&path).await;
    assert_eq!(first.names(), ["page-a", "page-b"]);
    assert_eq!(first.body["kind"], "RolloutList");
    let token = first.body["metadata"]["continue"].as_str().unwrap().to_owned();
    assert!(!token.is_empty());
    // What is made meanwhile is not in the pages that follow: they are of the same version.
    api.rollout_with("page-d", json!({"fact": "pages"})).await;
    let second = api.get(&format!("{path}&continue={token}")).await;
    assert_eq!(second.names(), ["page-c"]);
    assert_eq!(second.version(), first.version());
    assert_eq!(second.body["metadata"]["continue"], "");
    let whole = api.get(&api.argo("rollouts?labelSelector=fact%3Dpages&limit=2&resourceVersion=0")).await;
    assert!(whole.names().len() >= 3, "what comes from the cache comes whole: {:?}", whole.names());
    let bad = api.get(&api.argo("rollouts?limit=1&continue=bogus")).await;
    assert_eq!(bad.code, 400);
    assert!(bad.message().starts_with("invalid continue token: continue key is not valid: "), "{}", bad.message());
    let limit = api.get(&api.argo("rollouts?limit=x")).await;
    assert_eq!((limit.code, limit.message()), (400, "strconv.ParseInt: parsing \"x\": invalid syntax"));
}

async fn labels_select_by_equality_and_by_sets(api: &Api) {
    for (name, tier) in [("label-a", "gold"), ("label-b", "iron")] {
        api.rollout_with(name, json!({"fact": "labels", "tier": tier})).await;
    }
    api.rollout_with("label-c", json!({"fact": "labels"})).await;
    for (selector, names) in [
        ("tier=gold", vec!["label-a"]),
        ("tier==gold", vec!["label-a"]),
        ("tier!=gold", vec!["label-b", "label-c"]),
        ("tier", vec!["label-a", "label-b"]),
        ("!tier", vec!["label-c"]),
        ("tier%20in%20(gold,iron)", vec!["label-a", "label-b"]),
        ("tier%20notin%20(gold)", vec!["label-b", "label-c"]),
        ("tier=gold,tier=iron", vec![]),
    ] {
        let answer = api.get(&api.argo(&format!("rollouts?labelSelector=fact=labels,{selector}"))).await;
        assert_eq!(answer.names(), names, "{selector}");
    }
    let bad = api.get(&api.argo("rollouts?labelSelector=app%20in%20a")).await;
    assert_eq!((bad.code, bad.message()), (400, "unable to parse requirement: found 'a' expected: '('"));
}

async fn fields_select_by_name_only(api: &Api) {
    for name in ["field-a", "field-b"] {
        api.rollout_with(name, json!({"fact": "fields"})).await;
    }
    let one = api.get(&api.argo("rollouts?fieldSelector=metadata.name%3Dfield-b")).await;
    assert_eq!(one.names(), ["field-b"]);
    let others = api.get(&api.argo("rollouts?labelSelector=fact=fields&fieldSelector=metadata.name!%3Dfield-b")).await;
    assert_eq!(others.names(), ["field-a"]);
    let bad = api.get(&api.argo("rollouts?fieldSelector=spec.x%3Db")).await;
    assert_eq!((bad.code, bad.message()), (400, "field label not supported: spec.x"));
}

async fn built_in_kinds_say_once_what_the_items_of_a_list_are(api: &Api) {
    let services = format!("/api/v1/namespaces/{}/services", api.namespace);
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "listed"}, "spec": {"ports": [{"port": 80}]}});
    api.create(&services, service).await;
    let list = api.get(&format!("{services}?fieldSelector=metadata.name%3Dlisted")).await;
    assert_eq!((list.body["kind"].as_str(), list.body["apiVersion"].as_str()), (Some("ServiceList"), Some("v1")));
    assert_eq!((&list.body["items"][0]["kind"], &list.body["items"][0]["apiVersion"]), (&Value::Null, &Value::Null));
    api.rollout_with("listed", json!({"fact": "listed"})).await;
    let list = api.get(&api.argo("rollouts?labelSelector=fact%3Dlisted")).await;
    assert_eq!(list.body["items"][0]["kind"], "Rollout", "a custom kind says it of each");
}

async fn options_that_contradict_each_other_are_refused(api: &Api) {
    for (query, message) in [
        (
            "resourceVersionMatch=Exact",
            "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided",
        ),
        (
            "sendInitialEvents=true",
            "ListOptions.meta.k8s.io \"\" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list",
        ),
        (
            "watch=true&sendInitialEvents=true",
            "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        ),
        (
            "watch=true&resourceVersionMatch=NotOlderThan",
            "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        ),
    ] {
        let answer = api.get(&api.argo(&format!("rollouts?{query}"))).await;
        assert_eq!((answer.code, answer.message()), (422, message));
    }
    let nonsense = api.get(&api.argo("rollouts?resourceVersion=abc")).await;
    let text = "invalid resource version: resourceVersion: Invalid value: \"abc\": strconv.ParseUint: parsing \"abc\": invalid syntax";
    assert_eq!((nonsense.code, nonsense.message()), (400, text));
    let watch = api.get(&api.argo("rollouts?watch=true&resourceVersion=abc")).await;
    assert_eq!(watch.code, 500, "of a watch it is an error of the server");
}

async fn a_version_that_is_not_there_yet_is_waited_for_and_then_refused(api: &Api) {
    let answer = api.get(&api.argo("rollouts?resourceVersion=99999999")).await;
    assert_eq!(answer.code, 504);
    assert!(answer.message().starts_with("Timeout: Too large resource version: 99999999, current: "), "{answer:?}");
    assert_eq!(answer.body["details"]["causes"][0]["reason"], "ResourceVersionTooLarge");
    assert_eq!(answer.retry_after.as_deref(), Some("1"));
}

async fn an_event_is_listed_by_what_it_is_about_in_both_of_its_apis(api: &Api) {
    let namespace = &api.namespace;
    let path = format!("/api/v1/namespaces/{namespace}/events");
    let event = |name: &str, uid: &str| {
        json!({
            "apiVersion": "v1", "kind": "Event", "metadata": {"name": name, "namespace": namespace},
            "involvedObject": {
                "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "basket", "namespace": namespace, "uid": uid,
            },
            "reason": "RolldeckPromote", "message": "on call says so", "type": "Normal", "count": 1, "action": "promote",
            "reportingComponent": "rolldeck", "reportingInstance": "laptop",
            "firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-01T00:00:00Z",
        })
    };
    api.create(&path, event("one", "uid-1")).await;
    api.create(&path, event("two", "uid-2")).await;
    let listed = api.get(&format!("{path}?fieldSelector=involvedObject.uid%3Duid-1")).await;
    assert_eq!(listed.names(), ["one"]);
    assert_eq!(listed.body["items"][0]["reportingComponent"], "rolldeck");
    let newer = format!("/apis/events.k8s.io/v1/namespaces/{namespace}/events?fieldSelector=regarding.uid%3Duid-2");
    let listed = api.get(&newer).await;
    assert_eq!((listed.names(), listed.body["apiVersion"].as_str()), (vec!["two"], Some("events.k8s.io/v1")));
    assert_eq!(listed.body["items"][0]["regarding"]["name"], "basket");
    assert_eq!(listed.body["items"][0]["note"], "on call says so");
    let bad = api.get(&format!("{path}?fieldSelector=bogus%3D1")).await;
    assert_eq!((bad.code, bad.message()), (400, "field label not supported: bogus"));
    let elsewhere =
        json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": "x", "namespace": "other"}}).to_string();
    let answer = api.ask(Who::Admin, "POST", &path, JSON, elsewhere).await;
    let text = "the namespace of the provided object does not match the namespace sent on the request";
    assert_eq!((answer.code, answer.message()), (400, text));
}
