//! That the objects of our own making are ones that a cluster would take.

use serde_json::{Value, json};

use super::{Api, JSON, Who, facts};
use crate::support::kubernetes::{
    flagger::canary,
    kinds::{RESOURCES, of_object},
    parts::event,
    rollouts::{Rollout, rollout},
};

facts![what_the_builders_make_is_taken_by_the_cluster, events_are_taken_by_the_cluster];

/// One of each.
fn rollouts(namespace: &str) -> Vec<(&'static str, Rollout)> {
    let basket = || rollout(namespace, "basket").label("argo-rollouts.argoproj.io/controller-instance-id", "nobody");
    let steps = json!([
        {"setWeight": 20}, {"pause": {"duration": "10m"}}, {"setCanaryScale": {"replicas": 2}},
        {"analysis": {"templates": [{"templateName": "error-rate"}]}},
        {"experiment": {"duration": "20m", "templates": [{"name": "baseline", "specRef": "stable"}]}},
        {"setHeaderRoute": {"name": "insider", "match": [{"headerName": "x", "headerValue": {"exact": "y"}}]}},
        {"setMirrorRoute": {"name": "mirror", "percentage": 35}}, {"plugin": {"name": "a/b"}}, {"setWeight": 60},
        {"pause": {}},
    ]);
    vec![
        ("healthy", basket()),
        ("first revision", basket().revision(1)),
        ("progressing", basket().progressing_at(0)),
        ("paused", basket().canary(steps.clone()).paused_at(1).paused_since("2026-01-01T12:00:00Z")),
        ("paused by a person", basket().user_paused()),
        ("paused by both", basket().paused_at(1).user_paused()),
        ("inconclusive", basket().canary(steps.clone()).inconclusive_at(3)),
        (
            "analysis",
            basket().canary(steps.clone()).progressing_at(3).analysis("Step", Some(3), "Running", &[0.01, 0.02]),
        ),
        ("background", basket().paused_at(1).analysis("Background", None, "Running", &[0.01])),
        ("experiment", basket().canary(steps).progressing_at(4).experiment(4, "Running")),
        ("aborted", basket().aborted("")),
        ("aborted by analysis", basket().analysis("Step", Some(1), "Failed", &[0.2]).aborted("the error rate is 20 %")),
        ("aborted while paused", basket().user_paused().aborted("")),
        ("too long", basket().too_long()),
        ("invalid", basket().invalid("spec.strategy is required")),
        ("in full", basket().progressing_at(1).promoting_in_full()),
        ("weights", basket().weights(20, 80).paused_at(1)),
        ("ping pong", basket().ping_pong("ping").paused_at(1)),
        ("of a deployment", basket().of_deployment("basket-web").paused_at(1)),
        ("behind", basket().paused_at(1).generation(3, Some("2"))),
        ("0.9", basket().paused_at(1).of_version_0_9()),
        ("blue-green", basket().blue_green(false).paused_at(0).analysis("PrePromotion", None, "Successful", &[0.01])),
        ("blue-green aborted", basket().blue_green(true).aborted("")),
        ("blue-green healthy", basket().blue_green(true).analysis("PostPromotion", None, "Running", &[0.01])),
    ]
}

/// Creates an object without storing it; the status where that is written by itself, too.
async fn taken(api: &Api, what: &str, object: &Value) {
    let resource = &RESOURCES[of_object(object)];
    let group = if resource.group.is_empty() {
        "api/v1".to_owned()
    } else {
        format!("apis/{}/{}", resource.group, resource.version)
    };
    let path = format!("/{group}/namespaces/{}/{}", api.namespace, resource.plural);
    let mut made = object.clone();
    for field in ["uid", "resourceVersion", "creationTimestamp", "generation"] {
        made["metadata"].as_object_mut().unwrap().remove(field);
    }
    let custom = resource.status && resource.custom();
    let query = if custom { "" } else { "?dryRun=All" };
    let answer = api.ask(Who::Admin, "POST", &format!("{path}{query}"), JSON, made.to_string()).await;
    assert_eq!((answer.code, answer.warnings.as_slice()), (201, &[][..]), "{what}: {answer:?}\n{made}");
    if custom {
        let path = format!("{path}/{}", object["metadata"]["name"].as_str().unwrap());
        let answer = api.merge(&format!("{path}/status?dryRun=All"), json!({"status": object["status"]})).await;
        assert_eq!(
            (answer.code, answer.warnings.as_slice()),
            (200, &[][..]),
            "{what}: {answer:?}\n{}",
            object["status"]
        );
        assert_eq!(answer.body["status"], object["status"], "{what}: nothing of it is unknown");
        assert_eq!(api.ask(Who::Admin, "DELETE", &path, JSON, "").await.code, 200);
    }
}

async fn what_the_builders_make_is_taken_by_the_cluster(api: &Api) {
    for (what, rollout) in rollouts(&api.namespace) {
        for object in rollout.objects() {
            taken(api, what, &object).await;
        }
    }
    let basket = || canary(&api.namespace, "basket").suspended();
    for (what, canary) in [
        ("initialized", basket()),
        ("new", basket().phase("")),
        ("progressing", basket().images("basket:1", "basket:2").phase("Progressing").weight(20).failed_checks(2)),
        ("rounds", basket().iterations(10).phase("Progressing").rounds(3)),
        ("header", basket().header("x-canary", 10).phase("Progressing").rounds(3)),
        ("gates", basket().webhook("confirm-promotion", "http://tester.shop/gate/check").phase("WaitingPromotion")),
        ("failed", basket().threshold(2).phase("Failed")),
        ("skipping", basket().skipping_analysis().phase("Succeeded")),
    ] {
        for object in canary.objects() {
            taken(api, what, &object).await;
        }
    }
}

async fn events_are_taken_by_the_cluster(api: &Api) {
    let object = rollout(&api.namespace, "basket").build();
    taken(api, "event", &event(&object, 1, "Normal", "RolloutPaused", "Rollout is paused (CanaryPauseStep)")).await;
}
