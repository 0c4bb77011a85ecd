//! Create, update, patch, delete.

use serde_json::{Value, json};

use super::{Api, JSON, JSON_PATCH, MERGE, Who, facts};

facts![
    what_is_created_has_an_identity_and_no_status,
    what_is_there_cannot_be_created_again,
    a_main_patch_of_the_status_is_ignored_without_a_word,
    a_status_patch_of_anything_else_is_ignored_without_a_word,
    only_a_change_of_the_spec_counts_as_a_generation,
    a_kind_without_a_status_of_its_own_counts_every_change,
    a_missing_object_and_a_missing_subresource_look_alike,
    a_stale_version_is_a_conflict_and_a_fresh_one_is_none,
    a_json_patch_applies_whole_or_not_at_all,
    a_json_patch_that_tests_for_nothing_without_saying_so_gets_no_answer,
    a_patch_of_another_type_is_refused,
    a_patch_that_is_no_json_is_refused,
    the_selector_of_a_rollout_never_changes,
    a_field_of_another_type_is_refused_by_name,
    an_unknown_field_is_dropped_with_a_warning,
    a_dry_run_answers_and_stores_nothing,
    who_wrote_a_field_is_told_by_field_manager_or_user_agent,
    who_patches_annotations_through_the_status_manages_what_is_not_there,
    a_whole_object_is_only_taken_in_its_newest_version,
    the_status_of_an_experiment_can_be_taken_away,
    what_has_a_finalizer_waits_for_it,
    a_canary_takes_what_flagger_would_and_no_other_phase,
];

async fn what_is_created_has_an_identity_and_no_status(api: &Api) {
    let mut object = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
        "metadata": {"name": "created", "labels": {"argo-rollouts.argoproj.io/controller-instance-id": "nobody"}},
        "spec": {"replicas": 1}, "status": {"phase": "Healthy"},
    });
    let made = api.create(&api.argo("rollouts"), object.clone()).await.body;
    assert_eq!(made["status"], Value::Null);
    assert_eq!(
        (made["metadata"]["generation"].as_i64(), made["metadata"]["namespace"].as_str()),
        (Some(1), Some(api.namespace.as_str()))
    );
    for field in ["uid", "creationTimestamp", "resourceVersion"] {
        assert!(made["metadata"][field].is_string(), "{field}: {made}");
    }
    object["metadata"]["namespace"] = json!("elsewhere");
    let answer = api.ask(Who::Admin, "POST", &api.argo("rollouts"), JSON, object.to_string()).await;
    let text = "the namespace of the provided object does not match the namespace sent on the request";
    assert_eq!((answer.code, answer.message()), (400, text));
    let other = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Experiment", "metadata": {"name": "q"}});
    let answer = api.ask(Who::Admin, "POST", &api.argo("rollouts"), JSON, other.to_string()).await;
    let text = "Experiment.argoproj.io \"q\" is invalid: kind: Invalid value: \"Experiment\": must be Rollout";
    assert_eq!((answer.code, answer.message()), (422, text));
    let nowhere = api
        .ask(
            Who::Admin,
            "POST",
            "/apis/argoproj.io/v1alpha1/namespaces/no-such/rollouts",
            JSON,
            json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": "q"}}).to_string(),
        )
        .await;
    assert_eq!((nowhere.code, nowhere.message()), (404, "namespaces \"no-such\" not found"));
    let named = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Experiment", "metadata": {"generateName": "made-"}, "spec": {"templates": []}});
    let made = api.create(&api.argo("experiments"), named).await.body;
    assert!(made["metadata"]["name"].as_str().unwrap().starts_with("made-"));
}

async fn what_is_there_cannot_be_created_again(api: &Api) {
    api.rollout("twice").await;
    let again =
        json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": "twice"}, "spec": {}});
    let answer = api.ask(Who::Admin, "POST", &api.argo("rollouts"), JSON, again.to_string()).await;
    assert_eq!((answer.code, answer.body["reason"].as_str()), (409, Some("AlreadyExists")));
    assert_eq!(answer.message(), "rollouts.argoproj.io \"twice\" already exists");
}

async fn a_main_patch_of_the_status_is_ignored_without_a_word(api: &Api) {
    let path = api.rollout("main-status").await;
    let before = api.get(&path).await;
    let answer = api.merge(&path, json!({"status": {"abort": true}})).await;
    assert_eq!((answer.code, &answer.body["status"]), (200, &Value::Null));
    assert_eq!(answer.version(), before.version(), "nothing was stored");
    let answer = api.merge(&path, json!({"spec": {"paused": true}, "status": {"abort": true}})).await;
    assert_eq!(
        (answer.code, &answer.body["status"], &answer.body["spec"]["paused"]),
        (200, &Value::Null, &json!(true))
    );
}

async fn a_status_patch_of_anything_else_is_ignored_without_a_word(api: &Api) {
    let path = api.rollout("status-main").await;
    let patch = json!({
        "metadata": {"annotations": {"a": "b"}, "labels": {"l": "m"}},
        "spec": {"paused": true}, "status": {"abort": true},
    });
    let answer = api.merge(&format!("{path}/status"), patch).await;
    assert_eq!((answer.code, &answer.body["status"]), (200, &json!({"abort": true})));
    assert_eq!(answer.body["spec"]["paused"], Value::Null);
    assert_eq!(answer.body["metadata"]["annotations"], Value::Null);
    assert_eq!(answer.body["metadata"]["labels"]["l"], Value::Null);
}

async fn only_a_change_of_the_spec_counts_as_a_generation(api: &Api) {
    let path = api.rollout("counted").await;
    let generation = |body: &Value| body["metadata"]["generation"].as_i64().unwrap();
    let answer = api.merge(&path, json!({"metadata": {"annotations": {"a": "b"}}})).await;
    assert_eq!(generation(&answer.body), 1);
    let answer = api.merge(&format!("{path}/status"), json!({"status": {"observedGeneration": "1"}})).await;
    assert_eq!(generation(&answer.body), 1);
    let answer = api.merge(&path, json!({"spec": {"paused": true}})).await;
    assert_eq!(generation(&answer.body), 2);
    assert_eq!(answer.body["status"]["observedGeneration"], "1", "the controller's count stays behind");
    let same = api.merge(&path, json!({"spec": {"paused": true}})).await;
    assert_eq!((generation(&same.body), same.version()), (2, answer.version()), "what changes nothing is not stored");
}

async fn a_kind_without_a_status_of_its_own_counts_every_change(api: &Api) {
    // A run that is over is left alone by its controller.
    let run = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "AnalysisRun",
        "metadata": {"name": "run", "labels": {"argo-rollouts.argoproj.io/controller-instance-id": "nobody"}},
        "spec": {"metrics": []}, "status": {"phase": "Running"},
    });
    let made = api.create(&api.argo("analysisruns"), run).await.body;
    assert_eq!(made["status"]["phase"], "Running", "its status is taken as it comes");
    let path = api.argo("analysisruns/run");
    let answer = api.merge(&path, json!({"status": {"phase": "Failed"}})).await;
    assert_eq!(
        (answer.body["status"]["phase"].as_str(), answer.body["metadata"]["generation"].as_i64()),
        (Some("Failed"), Some(2))
    );
    let answer = api.merge(&path, json!({"spec": {"terminate": true}})).await;
    assert_eq!(answer.body["metadata"]["generation"], 3);
}

async fn a_missing_object_and_a_missing_subresource_look_alike(api: &Api) {
    let run = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "AnalysisRun",
        "metadata": {"name": "alike", "labels": {"argo-rollouts.argoproj.io/controller-instance-id": "nobody"}},
        "spec": {"metrics": []},
    });
    api.create(&api.argo("analysisruns"), run).await;
    for (path, message) in [
        ("rollouts/nope/status", "rollouts.argoproj.io \"nope\" not found"),
        ("rollouts/nope", "rollouts.argoproj.io \"nope\" not found"),
        ("analysisruns/alike/status", "analysisruns.argoproj.io \"alike\" not found"),
    ] {
        let answer = api.merge(&api.argo(path), json!({"status": {"phase": "x"}})).await;
        assert_eq!((answer.code, answer.message(), answer.body["reason"].as_str()), (404, message, Some("NotFound")));
    }
}

async fn a_stale_version_is_a_conflict_and_a_fresh_one_is_none(api: &Api) {
    let path = api.rollout("versioned").await;
    let text = "Operation cannot be fulfilled on rollouts.argoproj.io \"versioned\": the object has been modified; please apply your changes to the latest version and try again";
    for (path, patch) in [
        (path.clone(), json!({"spec": {"paused": true}})),
        (format!("{path}/status"), json!({"status": {"abort": true}})),
    ] {
        let fresh = api.get(&api.argo("rollouts/versioned")).await.version().to_owned();
        let with = |version: &str| {
            let mut patch = patch.clone();
            patch["metadata"]["resourceVersion"] = json!(version);
            patch
        };
        let stale = api.merge(&path, with("1")).await;
        assert_eq!((stale.code, stale.body["reason"].as_str(), stale.message()), (409, Some("Conflict"), text));
        assert_eq!(api.merge(&path, with(&fresh)).await.code, 200);
        assert_eq!(api.merge(&path, with(&fresh)).await.code, 409, "it is not fresh any more");
        let nonsense = api.merge(&path, with("zz")).await;
        assert_eq!((nonsense.code, nonsense.message()), (500, "strconv.ParseUint: parsing \"zz\": invalid syntax"));
    }
}

async fn a_json_patch_applies_whole_or_not_at_all(api: &Api) {
    let path = api.rollout("patched").await;
    let status = format!("{path}/status");
    let step = |index: i64| json!({"op": "test", "path": "/status/currentStepIndex", "value": index});
    let abort = json!({"op": "add", "path": "/status/abort", "value": true});
    let no_status = api.json_patch(&status, json!([abort])).await;
    assert_eq!(no_status.code, 422, "there is no status yet to add to");
    api.merge(&status, json!({"status": {"currentStepIndex": 1, "pauseConditions": [{"reason": "CanaryPauseStep", "startTime": "2026-01-01T00:00:00Z"}]}})).await;
    let answer = api.json_patch(&status, json!([abort, step(7)])).await;
    let text = "the server rejected our request due to an error in our request";
    assert_eq!((answer.code, answer.message(), &answer.body["details"]), (422, text, &json!({})));
    assert_eq!(api.get(&path).await.body["status"]["abort"], Value::Null, "not even what came before");
    for (operations, code) in [
        (json!([{"op": "remove", "path": "/status/abort"}]), 422),
        (json!([{"op": "replace", "path": "/status/abort", "value": false}]), 200),
        (json!([{"op": "test", "path": "/status/promoteFull", "value": null}]), 200),
        (json!([{"op": "test", "path": "/status/promoteFull", "value": false}]), 422),
        (json!([{"op": "test", "path": "/status/canary/weights", "value": null}]), 422),
        (json!([{"op": "bogus", "path": "/status/abort", "value": 1}]), 422),
        (json!([{"op": "remove", "path": "/status/pauseConditions/7"}]), 422),
        (json!([{"op": "remove", "path": "/status/pauseConditions/0"}]), 200),
        (json!([{"op": "test", "path": "/status/pauseConditions", "value": []}]), 200),
        (
            json!([{"op": "add", "path": "/status/pauseConditions/-", "value": {"reason": "CanaryPauseStep", "startTime": "2026-01-01T00:00:00Z"}}]),
            200,
        ),
        (json!([{"op": "copy", "from": "/status/currentStepIndex", "path": "/status/replicas"}]), 200),
        (json!([{"op": "move", "from": "/status/replicas", "path": "/status/readyReplicas"}]), 200),
        (json!([{"op": "copy", "from": "/status/promoteFull", "path": "/status/replicas"}]), 200),
        (json!([{"op": "add", "path": "/status/message"}]), 200),
        (json!([{"op": "add", "path": "/status/pauseConditions/9", "value": {}}]), 422),
        (json!([step(1), abort]), 200),
    ] {
        let answer = api.json_patch(&status, operations.clone()).await;
        assert_eq!(answer.code, code, "{operations}: {answer:?}");
    }
    let after = api.get(&path).await.body["status"].clone();
    assert_eq!((&after["abort"], &after["readyReplicas"], &after["replicas"]), (&json!(true), &json!(1), &Value::Null));
    let name = json!([{"op": "replace", "path": "/metadata/name", "value": "x"}]);
    let answer = api.json_patch(&path, name).await;
    let text = "the name of the object (x) does not match the name on the URL (patched)";
    assert_eq!((answer.code, answer.message()), (400, text));
}

async fn a_json_patch_that_tests_for_nothing_without_saying_so_gets_no_answer(api: &Api) {
    let path = api.rollout("crashing").await;
    api.merge(&format!("{path}/status"), json!({"status": {"currentStepIndex": 1}})).await;
    let test = json!([{"op": "test", "path": "/status/promoteFull"}]).to_string();
    let request = api.request(Who::Admin, "PATCH", &format!("{path}/status"), JSON_PATCH, test.into_bytes());
    assert!(api.clients[&Who::Admin].send(request).await.is_err());
    let said = json!([{"op": "test", "path": "/status/promoteFull", "value": null}]);
    assert_eq!(api.json_patch(&format!("{path}/status"), said).await.code, 200);
}

async fn a_patch_of_another_type_is_refused(api: &Api) {
    let path = api.rollout("typed").await;
    let text = "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";
    for kind in ["application/strategic-merge-patch+json", "application/json"] {
        let answer = api.ask(Who::Admin, "PATCH", &path, kind, r#"{"spec":{"paused":true}}"#).await;
        assert_eq!((answer.code, answer.message()), (415, text), "{kind}");
    }
    let services = format!("/api/v1/namespaces/{}/services", api.namespace);
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "typed"}, "spec": {"ports": [{"port": 80}]}});
    api.create(&services, service).await;
    let patch = json!({"metadata": {"labels": {"a": "b"}}}).to_string();
    let answer = api
        .ask(Who::Admin, "PATCH", &format!("{services}/typed"), "application/strategic-merge-patch+json", patch)
        .await;
    assert_eq!((answer.code, &answer.body["metadata"]["labels"]["a"]), (200, &json!("b")), "built-in kinds take it");
}

async fn a_patch_that_is_no_json_is_refused(api: &Api) {
    let path = api.rollout("broken").await;
    for kind in [MERGE, JSON_PATCH] {
        let answer = api.ask(Who::Admin, "PATCH", &path, kind, "{bad").await;
        assert_eq!((answer.code, answer.body["reason"].as_str()), (400, Some("BadRequest")), "{kind}");
        assert!(answer.message().starts_with("error decoding patch: "), "{}", answer.message());
    }
}

async fn the_selector_of_a_rollout_never_changes(api: &Api) {
    let path = api.rollout("selected").await;
    let answer = api.merge(&path, json!({"spec": {"selector": {"matchLabels": {"app": "other"}}}})).await;
    let text = "Rollout.argoproj.io \"selected\" is invalid: spec.selector: Invalid value: \"object\": .spec.selector is immutable";
    assert_eq!((answer.code, answer.message()), (422, text));
    let cause = json!({"reason": "FieldValueInvalid", "message": "Invalid value: \"object\": .spec.selector is immutable", "field": "spec.selector"});
    assert_eq!(
        answer.body["details"],
        json!({"name": "selected", "group": "argoproj.io", "kind": "Rollout", "causes": [cause]})
    );
}

async fn a_field_of_another_type_is_refused_by_name(api: &Api) {
    let path = api.rollout("mistyped").await;
    let rest = "<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation";
    let answer = api.merge(&path, json!({"spec": {"paused": "yes"}})).await;
    let text = format!(
        "Rollout.argoproj.io \"mistyped\" is invalid: [spec.paused: Invalid value: \"string\": spec.paused in body must be of type boolean: \"string\", {rest}]"
    );
    assert_eq!((answer.code, answer.message()), (422, text.as_str()));
    let answer = api.merge(&format!("{path}/status"), json!({"status": {"currentStepIndex": "one"}})).await;
    let text = format!(
        "Rollout.argoproj.io \"mistyped\" is invalid: [status.currentStepIndex: Invalid value: \"string\": currentStepIndex in body must be of type integer: \"string\", {rest}]"
    );
    assert_eq!((answer.code, answer.message()), (422, text.as_str()));
}

async fn an_unknown_field_is_dropped_with_a_warning(api: &Api) {
    let path = api.rollout("unknown").await;
    let before = api.get(&path).await;
    let answer = api.merge(&path, json!({"spec": {"unknownField": 1}})).await;
    assert_eq!((answer.code, answer.version()), (200, before.version()));
    assert_eq!(answer.warnings, ["299 - \"unknown field \\\"spec.unknownField\\\"\""]);
}

async fn a_dry_run_answers_and_stores_nothing(api: &Api) {
    let path = api.rollout("dry").await;
    let before = api.get(&path).await;
    let answer = api.merge(&format!("{path}?dryRun=All"), json!({"spec": {"paused": true}})).await;
    assert_eq!(
        (answer.code, &answer.body["spec"]["paused"], &answer.body["metadata"]["generation"]),
        (200, &json!(true), &json!(2))
    );
    assert_eq!(answer.version(), before.version());
    assert_eq!(api.get(&path).await.body, before.body);
    let made =
        json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": "never"}, "spec": {}});
    let answer = api.create(&api.argo("rollouts?dryRun=All"), made).await;
    assert_eq!(answer.body["metadata"]["resourceVersion"], Value::Null);
    assert_eq!(api.get(&api.argo("rollouts/never")).await.code, 404);
    let bad = api.merge(&format!("{path}?dryRun=Some"), json!({})).await;
    let text =
        "PatchOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: [\"Some\"]: supported values: \"All\"";
    assert_eq!((bad.code, bad.message()), (422, text));
    let invalid = api.merge(&format!("{path}?dryRun=All"), json!({"spec": {"paused": "yes"}})).await;
    assert_eq!(invalid.code, 422, "it is checked all the same");
}

async fn who_wrote_a_field_is_told_by_field_manager_or_user_agent(api: &Api) {
    let path = api.rollout("managed").await;
    api.merge(&format!("{path}?fieldManager=rolldeck"), json!({"spec": {"paused": true}})).await;
    api.merge(&format!("{path}/status?fieldManager=rolldeck"), json!({"status": {"abort": true}})).await;
    let answer = api.merge(&path, json!({"metadata": {"annotations": {"note": "x"}}})).await;
    let main = answer.managed_by("rolldeck", None);
    assert_eq!(main["fieldsV1"], json!({"f:spec": {"f:paused": {}}}), "{}", answer.body["metadata"]["managedFields"]);
    assert_eq!(
        (&main["operation"], &main["fieldsType"], &main["apiVersion"]),
        (&json!("Update"), &json!("FieldsV1"), &json!("argoproj.io/v1alpha1"))
    );
    let status = answer.managed_by("rolldeck", Some("status"));
    assert_eq!(status["fieldsV1"], json!({"f:status": {".": {}, "f:abort": {}}}));
    let agent = answer.managed_by("facts", None);
    assert_eq!(
        agent["fieldsV1"]["f:metadata"]["f:annotations"],
        json!({".": {}, "f:note": {}}),
        "the first word of the client's name"
    );
    let taken = api.merge(&format!("{path}?fieldManager=other"), json!({"spec": {"paused": false}})).await;
    assert_eq!(taken.managed_by("other", None)["fieldsV1"], json!({"f:spec": {"f:paused": {}}}));
    assert_eq!(taken.managed_by("rolldeck", None), &Value::Null, "who wrote last has it");
}

async fn who_patches_annotations_through_the_status_manages_what_is_not_there(api: &Api) {
    let path = api.rollout("ghost").await;
    let patch = json!({"metadata": {"annotations": {"x": "y"}}, "status": {"abort": true}});
    let answer = api.merge(&format!("{path}/status?fieldManager=ghost"), patch).await;
    let fields = &answer.managed_by("ghost", Some("status"))["fieldsV1"];
    assert_eq!(fields["f:metadata"]["f:annotations"], json!({".": {}, "f:x": {}}));
    assert_eq!(fields["f:spec"], Value::Null);
    assert_eq!(answer.body["metadata"]["annotations"], Value::Null);
}

async fn a_whole_object_is_only_taken_in_its_newest_version(api: &Api) {
    let path = api.rollout("whole").await;
    let mut object = api.get(&path).await.body;
    let put = async |object: &Value| api.ask(Who::Admin, "PUT", &path, JSON, object.to_string()).await;
    object["spec"]["replicas"] = json!(2);
    let answer = put(&object).await;
    assert_eq!((answer.code, answer.body["metadata"]["generation"].as_i64()), (200, Some(2)));
    assert_eq!(put(&object).await.code, 409, "another write came between");
    object["metadata"].as_object_mut().unwrap().remove("resourceVersion");
    let answer = put(&object).await;
    let text = "rollouts.argoproj.io \"whole\" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update";
    assert_eq!((answer.code, answer.message()), (422, text));
    object["metadata"]["name"] = json!("other");
    let answer = put(&object).await;
    let text = "the name of the object (other) does not match the name on the URL (whole)";
    assert_eq!((answer.code, answer.message()), (400, text));
}

async fn the_status_of_an_experiment_can_be_taken_away(api: &Api) {
    let experiment = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Experiment",
        "metadata": {"name": "retried", "labels": {"argo-rollouts.argoproj.io/controller-instance-id": "nobody"}},
        "spec": {"templates": []}, "status": {"phase": "Failed"},
    });
    let made = api.create(&api.argo("experiments"), experiment).await;
    assert_eq!(made.body["status"]["phase"], "Failed");
    let answer = api.merge(&api.argo("experiments/retried"), json!({"status": null})).await;
    assert_eq!((answer.code, &answer.body["status"]), (200, &Value::Null));
}

async fn what_has_a_finalizer_waits_for_it(api: &Api) {
    let path = api.rollout("held").await;
    api.merge(&path, json!({"metadata": {"finalizers": ["rolldeck.example/hold"]}})).await;
    let answer = api.ask(Who::Admin, "DELETE", &path, JSON, "").await;
    assert_eq!(answer.code, 200);
    assert!(answer.body["metadata"]["deletionTimestamp"].is_string(), "{answer:?}");
    assert_eq!(api.get(&path).await.code, 200);
    assert_eq!(api.merge(&path, json!({"metadata": {"finalizers": null}})).await.code, 200);
    assert_eq!(api.get(&path).await.code, 404);
}

async fn a_canary_takes_what_flagger_would_and_no_other_phase(api: &Api) {
    let canaries = format!("/apis/flagger.app/v1beta1/namespaces/{}/canaries", api.namespace);
    let canary = json!({
        "apiVersion": "flagger.app/v1beta1", "kind": "Canary", "metadata": {"name": "gated"},
        "spec": {
            // No controller touches one that is suspended.
            "suspend": true, "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "gated"}, "service": {"port": 80},
            "analysis": {"interval": "1m", "threshold": 5, "iterations": 3, "webhooks": [
                {"name": "gate", "type": "confirm-promotion", "url": "http://tester.shop/gate/halt"},
            ]},
        },
    });
    api.create(&canaries, canary).await;
    let (path, status) = (format!("{canaries}/gated"), format!("{canaries}/gated/status"));
    let bogus = api.merge(&status, json!({"status": {"phase": "Bogus"}})).await;
    let rest = "<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation";
    let text = format!(
        "Canary.flagger.app \"gated\" is invalid: [status.phase: Unsupported value: \"Bogus\": supported values: \"\", \"Initializing\", \"Initialized\", \"Waiting\", \"Progressing\", \"WaitingPromotion\", \"Promoting\", \"Finalising\", \"Succeeded\", \"Failed\", \"Terminating\", \"Terminated\", {rest}]"
    );
    assert_eq!((bogus.code, bogus.message()), (422, text.as_str()));
    for patch in
        [json!({"phase": "Progressing", "canaryWeight": 10}), json!({"failedChecks": 5}), json!({"canaryWeight": 12.5})]
    {
        let answer = api.merge(&status, json!({"status": patch})).await;
        assert_eq!(answer.code, 200, "{patch}: {answer:?}");
    }
    let url = "/spec/analysis/webhooks/0/url";
    let open = |from: &str| {
        json!([
            {"op": "test", "path": url, "value": from},
            {"op": "replace", "path": url, "value": "http://tester.shop/gate/approve"},
        ])
    };
    assert_eq!(api.json_patch(&path, open("http://tester.shop/gate/halt")).await.code, 200);
    assert_eq!(api.json_patch(&path, open("http://tester.shop/gate/halt")).await.code, 422, "it is another one now");
    assert_eq!(api.merge(&path, json!({"spec": {"skipAnalysis": true}})).await.code, 200);
}
