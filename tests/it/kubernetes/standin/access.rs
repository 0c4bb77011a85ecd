//! Who may what, and how it is said.

use serde_json::{Value, json};

use super::{Api, JSON, MERGE, Who, facts};

facts![
    whoever_may_only_patch_the_status_aborts_and_cannot_unpause,
    what_may_not_be_listed_is_said_with_its_place,
    a_rule_is_missing_before_an_object_is,
    everybody_may_ask_who_they_are,
    everybody_may_ask_what_they_may,
    a_token_that_is_not_known_is_unauthorized,
    a_service_is_reached_by_who_may_create_its_proxy,
];

async fn whoever_may_only_patch_the_status_aborts_and_cannot_unpause(api: &Api) {
    let path = api.rollout("limited").await;
    let patch = json!({"status": {"abort": true}}).to_string();
    let answer = api.ask(Who::StatusOnly, "PATCH", &format!("{path}/status"), MERGE, patch).await;
    assert_eq!((answer.code, &answer.body["status"]["abort"]), (200, &json!(true)));
    let patch = json!({"spec": {"paused": false}}).to_string();
    let answer = api.ask(Who::StatusOnly, "PATCH", &path, MERGE, patch).await;
    let message = format!(
        "rollouts.argoproj.io \"limited\" is forbidden: User \"{}\" cannot patch resource \"rollouts\" in API group \"argoproj.io\" in the namespace \"{}\"",
        Who::StatusOnly.name(),
        api.namespace
    );
    let expected = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message, "reason": "Forbidden",
        "details": {"name": "limited", "group": "argoproj.io", "kind": "rollouts"}, "code": 403,
    });
    assert_eq!((answer.code, answer.body), (403, expected));
}

async fn what_may_not_be_listed_is_said_with_its_place(api: &Api) {
    let (nobody, namespace) = (Who::Nobody.name(), &api.namespace);
    for (path, message) in [
        (
            "/apis/argoproj.io/v1alpha1/rollouts".to_owned(),
            format!(
                "rollouts.argoproj.io is forbidden: User \"{nobody}\" cannot list resource \"rollouts\" in API group \"argoproj.io\" at the cluster scope"
            ),
        ),
        (
            format!("/api/v1/namespaces/{namespace}/pods?watch=true"),
            format!(
                "pods is forbidden: User \"{nobody}\" cannot watch resource \"pods\" in API group \"\" in the namespace \"{namespace}\""
            ),
        ),
    ] {
        let answer = api.ask(Who::Nobody, "GET", &path, JSON, "").await;
        assert_eq!((answer.code, answer.message()), (403, message.as_str()));
    }
    let path = api.argo("rollouts/any/status");
    let answer = api.ask(Who::Nobody, "PATCH", &path, MERGE, "{}").await;
    assert!(answer.message().contains("cannot patch resource \"rollouts/status\" in API group"), "{answer:?}");
}

async fn a_rule_is_missing_before_an_object_is(api: &Api) {
    for path in [api.argo("rollouts/nope"), "/apis/nope.io/v1/things".to_owned()] {
        assert_eq!(api.ask(Who::Nobody, "GET", &path, JSON, "").await.code, 403, "{path}");
    }
}

async fn everybody_may_ask_who_they_are(api: &Api) {
    let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}).to_string();
    let answer = api.ask(Who::Nobody, "POST", path, JSON, review).await;
    let user = &answer.body["status"]["userInfo"];
    assert_eq!((answer.code, user["username"].as_str()), (201, Some(Who::Nobody.name())));
    assert!(user["groups"].as_array().unwrap().contains(&json!("system:authenticated")));
    assert_eq!(api.get(path).await.code, 405);
}

async fn everybody_may_ask_what_they_may(api: &Api) {
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let namespace = api.namespace.as_str();
    for (who, verb, subresource, place, allowed) in [
        (Who::StatusOnly, "patch", "status", namespace, true),
        (Who::StatusOnly, "patch", "", namespace, false),
        (Who::StatusOnly, "get", "", namespace, true),
        (Who::StatusOnly, "patch", "status", "", false),
        (Who::Nobody, "get", "", namespace, false),
        (Who::Admin, "patch", "status", "", true),
    ] {
        let attributes = json!({
            "verb": verb, "group": "argoproj.io", "resource": "rollouts", "subresource": subresource, "namespace": place,
        });
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": attributes},
        });
        let answer = api.ask(who, "POST", path, JSON, review.to_string()).await;
        assert_eq!((answer.code, &answer.body["status"]["allowed"]), (201, &json!(allowed)), "{who:?}: {attributes}");
    }
    let empty =
        json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {}}).to_string();
    assert_eq!(api.ask(Who::Nobody, "POST", path, JSON, empty).await.code, 422);
    let path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
    let review = |spec: Value| {
        json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": spec}).to_string()
    };
    let answer = api.ask(Who::StatusOnly, "POST", path, JSON, review(json!({"namespace": namespace}))).await;
    assert_eq!((answer.code, &answer.body["status"]["incomplete"]), (201, &json!(false)));
    let rule = json!({"verbs": ["patch"], "apiGroups": ["argoproj.io"], "resources": ["rollouts/status"]});
    assert!(answer.body["status"]["resourceRules"].as_array().unwrap().contains(&rule), "{answer:?}");
    let answer = api.ask(Who::StatusOnly, "POST", path, JSON, review(json!({}))).await;
    assert_eq!((answer.code, answer.message()), (400, "no namespace on request"));
}

async fn a_token_that_is_not_known_is_unauthorized(api: &Api) {
    let Some(stand_in) = &api.stand_in else {
        // A real server is asked by who is known: there is no telling it another token.
        return;
    };
    let client = super::client(&stand_in.kubeconfig("expired", "default")).await;
    let request = api.request(Who::Admin, "GET", &api.argo("rollouts"), JSON, Vec::new());
    let response = client.send(request).await.unwrap();
    assert_eq!(response.status().as_u16(), 401);
    let body: Value = serde_json::from_slice(&response.into_body().collect_bytes().await.unwrap()).unwrap();
    let expected = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": "Unauthorized",
        "reason": "Unauthorized", "code": 401,
    });
    assert_eq!(body, expected);
}

async fn a_service_is_reached_by_who_may_create_its_proxy(api: &Api) {
    let services = format!("/api/v1/namespaces/{}/services", api.namespace);
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "tester"},
        "spec": {"ports": [{"port": 80}], "selector": {"app": "none"}},
    });
    api.create(&services, service).await;
    let post = async |who: Who, service: &str| {
        let path = format!("{services}/{service}/proxy/gate/open");
        let answer = api.ask(who, "POST", &path, JSON, r#"{"name":"x","namespace":"y"}"#).await;
        (answer.code, answer.message().to_owned())
    };
    let forbidden = format!(
        "services \"http:tester:80\" is forbidden: User \"{}\" cannot create resource \"services/proxy\" in API group \"\" in the namespace \"{}\"",
        Who::Nobody.name(),
        api.namespace
    );
    assert_eq!(post(Who::Nobody, "http:tester:80").await, (403, forbidden));
    assert_eq!(
        post(Who::Admin, "http:tester:80").await,
        (503, "no endpoints available for service \"tester\"".to_owned())
    );
    assert_eq!(post(Who::Admin, "tester").await.0, 503);
    assert_eq!(
        post(Who::Admin, "http:tester:81").await,
        (503, "no service port 81 found for service \"tester\"".to_owned())
    );
    assert_eq!(post(Who::Admin, "http:nope:80").await, (404, "services \"nope\" not found".to_owned()));
}
