//! The controllers that play Argo's and Flagger's part.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::support::kubernetes::{
    StandIn,
    controller::Argo,
    flagger::{canary, tick},
    parts::{split, template},
    rollouts::rollout,
};

const NAMESPACE: &str = "shop";

/// A rollout that a controller just made healthy.
async fn healthy(spec: impl FnOnce(&mut Value)) -> (StandIn, Argo) {
    let stand_in = StandIn::start().await;
    let mut object = rollout(NAMESPACE, "basket").build();
    object["status"] = json!({});
    object["metadata"]["annotations"] = json!({});
    object["spec"]["template"] = template("basket", "basket:1");
    spec(&mut object["spec"]);
    stand_in.put(object);
    let argo = Argo::default();
    argo.settle(&stand_in, NAMESPACE, "basket");
    assert_eq!(phase(&stand_in), "Healthy");
    (stand_in, argo)
}

fn get(stand_in: &StandIn) -> Value {
    stand_in.get("rollouts", NAMESPACE, "basket").unwrap()
}

/// Phase and message.
fn phase(stand_in: &StandIn) -> String {
    let status = &get(stand_in)["status"];
    let text = |field: &str| status[field].as_str().unwrap_or_default();
    [text("phase"), text("message")].join(" ").trim().to_owned()
}

fn step(stand_in: &StandIn) -> Option<u64> {
    get(stand_in)["status"]["currentStepIndex"].as_u64()
}

/// As `kubectl argo rollouts` does.
fn edit(stand_in: &StandIn, argo: &Argo, edit: impl FnOnce(&mut Value)) {
    stand_in.edit("rollouts", NAMESPACE, "basket", "kubectl-argo-rollouts", edit);
    argo.settle(stand_in, NAMESPACE, "basket");
}

fn image(rollout: &mut Value, image: &str) {
    rollout["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image);
}

fn promote(rollout: &mut Value) {
    rollout["status"].as_object_mut().unwrap().remove("pauseConditions");
}

/// Pods by image.
fn pods(stand_in: &StandIn) -> Vec<(String, usize)> {
    let mut images: Vec<String> = stand_in
        .all("pods", NAMESPACE)
        .iter()
        .map(|pod| pod["spec"]["containers"][0]["image"].as_str().unwrap().to_owned())
        .collect();
    images.sort();
    let count = |image: &String| images.iter().filter(|one| *one == image).count();
    let mut counts: Vec<(String, usize)> = images.iter().map(|image| (image.clone(), count(image))).collect();
    counts.dedup();
    counts
}

fn two(one: (&str, usize), other: (&str, usize)) -> Vec<(String, usize)> {
    vec![(one.0.to_owned(), one.1), (other.0.to_owned(), other.1)]
}

#[test]
fn pods_are_split_as_argo_splits_them() {
    // Seen with argo-rollouts v1.9.1: replicas, weight, pods of the candidate, pods of both.
    for (replicas, weight, candidate, all) in [
        (1, 50, 1, 2),
        (3, 50, 2, 4),
        (4, 20, 1, 5),
        (4, 60, 3, 5),
        (5, 1, 1, 6),
        (5, 20, 1, 5),
        (5, 99, 5, 6),
        (7, 33, 2, 7),
        (10, 25, 3, 11),
        (20, 10, 2, 20),
        (4, 0, 0, 4),
        (4, 100, 4, 4),
    ] {
        assert_eq!(split(replicas, weight), (candidate, all - candidate), "{replicas} at {weight} %");
    }
}

#[tokio::test]
async fn a_canary_goes_its_steps_and_waits_where_it_is_paused() {
    let (stand_in, argo) = healthy(|spec| {
        spec["replicas"] = json!(5);
        spec["strategy"]["canary"]["steps"] =
            json!([{"setWeight": 20}, {"pause": {}}, {"setWeight": 60}, {"pause": {"duration": "1h"}}]);
    })
    .await;
    edit(&stand_in, &argo, |rollout| image(rollout, "basket:2"));
    assert_eq!((phase(&stand_in), step(&stand_in)), ("Paused CanaryPauseStep".to_owned(), Some(1)));
    assert_eq!(pods(&stand_in), two(("basket:1", 4), ("basket:2", 1)));
    let paused = get(&stand_in);
    assert_eq!(
        (&paused["status"]["controllerPause"], &paused["status"]["observedGeneration"]),
        (&json!(true), &json!("3"))
    );
    assert_ne!(paused["status"]["stableRS"], paused["status"]["currentPodHash"]);
    assert_eq!(paused["metadata"]["annotations"]["rollout.argoproj.io/revision"], "2");
    edit(&stand_in, &argo, promote);
    assert_eq!((phase(&stand_in), step(&stand_in)), ("Paused CanaryPauseStep".to_owned(), Some(3)));
    assert_eq!(pods(&stand_in), two(("basket:1", 2), ("basket:2", 3)));
    // The hour has passed.
    edit(&stand_in, &argo, |rollout| {
        rollout["status"]["pauseConditions"][0]["startTime"] = json!("2026-01-01T00:00:00Z");
    });
    assert_eq!((phase(&stand_in), step(&stand_in)), ("Healthy".to_owned(), Some(4)));
    assert_eq!(pods(&stand_in), [("basket:2".to_owned(), 5)]);
    assert_eq!(get(&stand_in)["status"]["controllerPause"], Value::Null);
}

#[tokio::test]
async fn a_promotion_between_read_and_write_is_lost_until_something_wakes_the_controller() {
    let (stand_in, argo) = healthy(|_| {}).await;
    edit(&stand_in, &argo, |rollout| image(rollout, "basket:2"));
    argo.miss_next(NAMESPACE, "basket");
    edit(&stand_in, &argo, promote);
    argo.settle(&stand_in, NAMESPACE, "basket");
    let status = get(&stand_in)["status"].clone();
    assert_eq!(
        (&status["controllerPause"], &status["pauseConditions"], &status["phase"]),
        (&json!(true), &Value::Null, &json!("Paused"))
    );
    edit(&stand_in, &argo, |rollout| rollout["metadata"]["annotations"]["nudge"] = json!("1"));
    assert_eq!(phase(&stand_in), "Healthy");
}

#[tokio::test]
async fn a_decision_on_an_old_copy_overwrites_only_what_it_changes() {
    let (stand_in, argo) = healthy(|_| {}).await;
    stand_in.edit("rollouts", NAMESPACE, "basket", "kubectl", |rollout| image(rollout, "basket:2"));
    let decided = argo.look(&stand_in, NAMESPACE, "basket").unwrap();
    stand_in.edit("rollouts", NAMESPACE, "basket", "kubectl", |rollout| rollout["status"]["abort"] = json!(true));
    assert!(argo.write(&stand_in, decided));
    assert_eq!(get(&stand_in)["status"]["abort"], true, "a merge patch leaves it");
    argo.settle(&stand_in, NAMESPACE, "basket");
    assert!(!phase(&stand_in).contains("Degraded"), "and nobody looks at it: its write was the last thing it knows of");
}

#[tokio::test]
async fn an_abort_brings_back_the_stable_version_and_a_retry_begins_again() {
    let (stand_in, argo) = healthy(|_| {}).await;
    edit(&stand_in, &argo, |rollout| image(rollout, "basket:2"));
    edit(&stand_in, &argo, |rollout| rollout["status"]["abort"] = json!(true));
    assert_eq!(phase(&stand_in), "Degraded RolloutAborted: Rollout aborted update to revision 2");
    assert_eq!((step(&stand_in), pods(&stand_in)), (Some(0), vec![("basket:1".to_owned(), 4)]));
    assert!(get(&stand_in)["status"]["abortedAt"].is_string());
    edit(&stand_in, &argo, |rollout| rollout["status"]["abort"] = json!(false));
    assert_eq!((phase(&stand_in), step(&stand_in)), ("Paused CanaryPauseStep".to_owned(), Some(1)));
    edit(&stand_in, &argo, |rollout| rollout["status"]["abort"] = json!(true));
    edit(&stand_in, &argo, |rollout| image(rollout, "basket:1"));
    assert_eq!(phase(&stand_in), "Healthy", "undone");
    assert_eq!(get(&stand_in)["metadata"]["annotations"]["rollout.argoproj.io/revision"], "3");
}

#[tokio::test]
async fn an_abort_of_what_a_person_paused_leaves_the_candidate_its_pods() {
    let (stand_in, argo) = healthy(|_| {}).await;
    edit(&stand_in, &argo, |rollout| image(rollout, "basket:2"));
    edit(&stand_in, &argo, |rollout| rollout["spec"]["paused"] = json!(true));
    assert_eq!(phase(&stand_in), "Paused manually paused");
    edit(&stand_in, &argo, |rollout| rollout["status"]["abort"] = json!(true));
    assert_eq!(phase(&stand_in), "Degraded RolloutAborted: Rollout aborted update to revision 2");
    assert_eq!(pods(&stand_in), two(("basket:1", 4), ("basket:2", 1)));
    edit(&stand_in, &argo, |rollout| rollout["spec"]["paused"] = json!(false));
    assert_eq!(pods(&stand_in), [("basket:1".to_owned(), 4)]);
}

#[tokio::test]
async fn a_full_promotion_skips_what_is_left_and_forgets_an_abort() {
    let (stand_in, argo) = healthy(|_| {}).await;
    edit(&stand_in, &argo, |rollout| image(rollout, "basket:2"));
    argo.pods_come_up(NAMESPACE, "basket", false);
    edit(&stand_in, &argo, |rollout| rollout["status"]["promoteFull"] = json!(true));
    assert_eq!(phase(&stand_in), "Progressing updated replicas are still becoming available");
    edit(&stand_in, &argo, |rollout| rollout["status"]["abort"] = json!(true));
    assert_eq!(
        (&get(&stand_in)["status"]["abort"], &get(&stand_in)["status"]["promoteFull"]),
        (&Value::Null, &json!(true))
    );
    argo.pods_come_up(NAMESPACE, "basket", true);
    argo.settle(&stand_in, NAMESPACE, "basket");
    assert_eq!((phase(&stand_in), &get(&stand_in)["status"]["promoteFull"]), ("Healthy".to_owned(), &Value::Null));
}

#[tokio::test]
async fn an_analysis_decides_and_a_terminated_one_counts_as_good() {
    let (stand_in, argo) = healthy(|spec| {
        spec["strategy"]["canary"]["steps"] =
            json!([{"setWeight": 20}, {"analysis": {"templates": [{"templateName": "t"}]}}, {"pause": {}}]);
    })
    .await;
    argo.analyses_end(NAMESPACE, "basket", "Running");
    edit(&stand_in, &argo, |rollout| image(rollout, "basket:2"));
    assert_eq!(step(&stand_in), Some(1));
    let run = stand_in.all("analysisruns", NAMESPACE).swap_remove(0);
    assert_eq!(run["metadata"]["name"], get(&stand_in)["status"]["canary"]["currentStepAnalysisRunStatus"]["name"]);
    assert_eq!(run["metadata"]["labels"]["step-index"], "1");
    argo.analyses_end(NAMESPACE, "basket", "Failed");
    argo.settle(&stand_in, NAMESPACE, "basket");
    assert!(phase(&stand_in).starts_with("Degraded RolloutAborted: Rollout aborted update to revision 2: Step-based analysis phase error/failed: Metric \"error-rate\" assessed Failed"), "{}", phase(&stand_in));
    argo.analyses_end(NAMESPACE, "basket", "Running");
    edit(&stand_in, &argo, |rollout| rollout["status"]["abort"] = json!(false));
    let name = get(&stand_in)["status"]["canary"]["currentStepAnalysisRunStatus"]["name"].as_str().unwrap().to_owned();
    assert!(name.ends_with("-2-1.1"), "a retry has a run of its own: {name}");
    stand_in.edit("analysisruns", NAMESPACE, &name, "rolldeck", |run| run["spec"]["terminate"] = json!(true));
    argo.wake(NAMESPACE, "basket");
    argo.settle(&stand_in, NAMESPACE, "basket");
    assert_eq!((phase(&stand_in), step(&stand_in)), ("Paused CanaryPauseStep".to_owned(), Some(2)));
    argo.analyses_end(NAMESPACE, "basket", "Inconclusive");
    edit(&stand_in, &argo, |rollout| image(rollout, "basket:3"));
    assert_eq!((phase(&stand_in), step(&stand_in)), ("Paused InconclusiveAnalysisRun".to_owned(), Some(1)));
}

#[tokio::test]
async fn a_blue_green_rollout_waits_for_its_promotion_and_keeps_the_old_pods_for_a_while() {
    let (stand_in, argo) = healthy(|spec| {
        spec["strategy"] =
            json!({"blueGreen": {"activeService": "a", "previewService": "p", "autoPromotionEnabled": false}});
    })
    .await;
    edit(&stand_in, &argo, |rollout| image(rollout, "basket:2"));
    assert_eq!(phase(&stand_in), "Paused BlueGreenPause");
    assert_eq!(pods(&stand_in), two(("basket:1", 4), ("basket:2", 4)));
    let status = get(&stand_in)["status"].clone();
    assert_eq!(
        (&status["blueGreen"]["previewSelector"], &status["blueGreen"]["activeSelector"]),
        (&status["currentPodHash"], &status["stableRS"])
    );
    edit(&stand_in, &argo, promote);
    assert_eq!(phase(&stand_in), "Healthy");
    assert_eq!(pods(&stand_in).len(), 2);
}

#[tokio::test]
async fn a_controller_that_is_slow_leaves_the_observed_generation_behind() {
    let (stand_in, argo) = healthy(|_| {}).await;
    argo.hold(NAMESPACE, "basket");
    edit(&stand_in, &argo, |rollout| image(rollout, "basket:2"));
    let lagging = get(&stand_in);
    assert_eq!(
        (&lagging["metadata"]["generation"], &lagging["status"]["observedGeneration"]),
        (&json!(3), &json!("2"))
    );
    argo.let_go(NAMESPACE, "basket");
    edit(&stand_in, &argo, |rollout| rollout["spec"]["restartAt"] = json!("2026-01-02T00:00:00Z"));
    let status = get(&stand_in)["status"].clone();
    assert_eq!((&status["observedGeneration"], &status["restartedAt"]), (&json!("4"), &json!("2026-01-02T00:00:00Z")));
}

#[tokio::test]
async fn a_controller_that_runs_carries_on_by_itself() {
    let (stand_in, argo) = healthy(|_| {}).await;
    let stand_in = Arc::new(stand_in);
    let running = argo.start(&stand_in);
    stand_in.edit("rollouts", NAMESPACE, "basket", "kubectl", |rollout| image(rollout, "basket:2"));
    stand_in.wait_until("the pause", |stand_in| phase(stand_in) == "Paused CanaryPauseStep").await;
    stand_in.edit("rollouts", NAMESPACE, "basket", "kubectl", promote);
    stand_in.wait_until("the end", |stand_in| phase(stand_in) == "Healthy").await;
    drop(running);
}

#[tokio::test]
async fn a_canary_of_flagger_advances_a_step_in_each_interval() {
    let stand_in = StandIn::start().await;
    stand_in.load_tester("test", "tester");
    let gate = json!({"name": "basket", "namespace": NAMESPACE});
    let ask = |path: &str| stand_in.ask_gate("test", "tester", path, &gate);
    let object = canary(NAMESPACE, "basket")
        .weights(20, 40)
        .threshold(2)
        .webhook("confirm-promotion", "http://tester.test/gate/check")
        .webhook("rollback", "http://tester.test/rollback/check");
    stand_in.put_all(object.objects());
    let go = |checks: bool| tick(&stand_in, NAMESPACE, "basket", checks);
    let number =
        |field: &str| stand_in.get("canaries", NAMESPACE, "basket").unwrap()["status"][field].as_u64().unwrap();
    let release = |image: &str| {
        stand_in.edit("deployments", NAMESPACE, "basket", "kubectl", |target| {
            target["spec"]["template"] = template("basket", image);
        });
    };
    assert_eq!(go(true), "Initialized", "nothing is new");
    release("basket:2");
    assert_eq!((go(true), number("canaryWeight")), ("Progressing".to_owned(), 0));
    assert_eq!((go(true), number("canaryWeight")), ("Progressing".to_owned(), 20));
    assert_eq!((go(false), number("failedChecks")), ("Progressing".to_owned(), 1));
    assert_eq!((go(true), number("canaryWeight")), ("Progressing".to_owned(), 40));
    assert_eq!((go(true), number("canaryWeight")), ("WaitingPromotion".to_owned(), 0));
    assert_eq!(go(true), "WaitingPromotion", "the gate is closed");
    ask("gate/open");
    assert_eq!([go(true), go(true), go(true)], ["Promoting", "Finalising", "Succeeded"]);
    let primary = stand_in.get("deployments", NAMESPACE, "basket-primary").unwrap();
    assert_eq!(primary["spec"]["template"]["spec"]["containers"][0]["image"], "basket:2");
    assert_eq!(go(true), "Succeeded");

    release("basket:3");
    go(true);
    stand_in.edit("canaries", NAMESPACE, "basket", "rolldeck", |canary| canary["spec"]["suspend"] = json!(true));
    ask("rollback/open");
    assert_eq!(go(true), "Progressing", "who is suspended does not even go back");
    stand_in.edit("canaries", NAMESPACE, "basket", "rolldeck", |canary| canary["spec"]["suspend"] = json!(false));
    assert_eq!(go(true), "Failed");
    ask("rollback/close");
    assert_eq!(go(true), "Failed", "the same template is not tried again");
    release("basket:4");
    assert_eq!([go(true), go(false), go(false), go(true)], ["Progressing", "Progressing", "Progressing", "Failed"]);
    release("basket:5");
    go(true);
    stand_in.edit("canaries", NAMESPACE, "basket", "rolldeck", |canary| canary["spec"]["skipAnalysis"] = json!(true));
    assert_eq!(go(true), "Succeeded");
}
