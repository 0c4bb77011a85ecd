use serde_json::{Value, json};

use super::{
    super::samples::{blue_green, canary, with},
    *,
};

fn phase_of(object: &Value) -> (&'static str, String) {
    let standing = standing(&Rollout::read(object));
    (standing.phase.as_str(), standing.message.as_str().to_owned())
}

/// A rollout as controllers before 1.0 leave it: without a word.
fn wordless(object: Value, changes: &[(&str, Value)]) -> Value {
    let mut object = with(with(object, "/status/phase", json!(null)), "/status/message", json!(null));
    object = with(with(object, "/status/pauseConditions", json!(null)), "/status/controllerPause", json!(null));
    changes.iter().fold(object, |object, (pointer, value)| with(object, pointer, value.clone()))
}

fn counts(replicas: u32, updated: u32, available: u32) -> Vec<(&'static str, Value)> {
    vec![
        ("/status/replicas", json!(replicas)),
        ("/status/updatedReplicas", json!(updated)),
        ("/status/availableReplicas", json!(available)),
    ]
}

fn hashes(pod: &str, stable: &str) -> Vec<(&'static str, Value)> {
    vec![("/status/currentPodHash", json!(pod)), ("/status/stableRS", json!(stable))]
}

#[test]
fn without_the_controllers_word_the_phase_is_the_one_that_the_plugin_works_out() {
    // Cases of argo-rollouts, utils/rollout/rolloututil_test.go (TestRolloutStatus*), and those between them.
    let canary = |changes: &[Vec<(&'static str, Value)>]| wordless(canary(), &changes.concat());
    let green = |changes: &[Vec<(&'static str, Value)>]| wordless(blue_green(), &changes.concat());
    let condition = |kind: &str, reason: &str| {
        vec![(
            "/status/conditions",
            json!([{"type": kind, "status": "False", "reason": reason, "message": "timed out"}]),
        )]
    };
    let active = |hash: &str| vec![("/status/blueGreen", json!({"activeSelector": hash}))];
    let full = || counts(5, 5, 5);
    let restart = |done: Value| vec![("/spec/restartAt", json!("2026-05-01T09:00:00Z")), ("/status/restartedAt", done)];
    let no_post = || vec![("/spec/strategy/blueGreen", json!({}))];
    for (object, phase, message) in [
        (
            canary(&[condition("Progressing", "ProgressDeadlineExceeded")]),
            "Degraded",
            "ProgressDeadlineExceeded: timed out",
        ),
        (canary(&[condition("Progressing", "RolloutAborted")]), "Degraded", "RolloutAborted: timed out"),
        (canary(&[condition("InvalidSpec", "InvalidSpec")]), "Degraded", "InvalidSpec: timed out"),
        (
            canary(&[condition("Progressing", "RolloutAborted"), vec![("/spec/paused", json!(true))]]),
            "Degraded",
            "RolloutAborted: timed out",
        ),
        (canary(&[vec![("/spec/paused", json!(true))]]), "Paused", "manually paused"),
        (
            canary(&[vec![("/status/pauseConditions", json!([{"reason": "CanaryPauseStep"}, {"reason": "Other"}]))]]),
            "Paused",
            "CanaryPauseStep",
        ),
        (canary(&[counts(5, 4, 4)]), "Progressing", "more replicas need to be updated"),
        (canary(&[counts(5, 5, 4)]), "Progressing", "updated replicas are still becoming available"),
        (canary(&[counts(7, 5, 5)]), "Progressing", "old replicas are pending termination"),
        (canary(&[full()]), "Progressing", "waiting for all steps to complete"),
        (canary(&[full(), hashes("abc", "")]), "Progressing", "waiting for all steps to complete"),
        (canary(&[full(), hashes("abc", "abc")]), "Healthy", ""),
        (
            canary(&[
                counts(7, 5, 5),
                hashes("abc", "abc"),
                vec![("/spec/strategy/canary/trafficRouting", json!({"smi": {}}))],
            ]),
            "Healthy",
            "",
        ),
        (canary(&[full(), hashes("abc", "abc"), restart(json!(null))]), "Progressing", "rollout is restarting"),
        (canary(&[full(), hashes("abc", "abc"), restart(json!("2026-05-01T09:00:00Z"))]), "Healthy", ""),
        (canary(&[full(), hashes("abc", "abc"), restart(json!("2026-05-01T11:00:00+02:00"))]), "Healthy", ""),
        (
            canary(&[full(), hashes("abc", "abc"), restart(json!("2026-05-01T08:00:00Z"))]),
            "Progressing",
            "rollout is restarting",
        ),
        // Newly made, with hashes and no counts.
        (
            canary(&[vec![
                ("/spec/replicas", json!(null)),
                ("/status", json!({"stableRS": "abc", "currentPodHash": "abc"})),
            ]]),
            "Progressing",
            "more replicas need to be updated",
        ),
        (canary(&[vec![("/status", json!(null))]]), "Progressing", "more replicas need to be updated"),
        (green(&[full(), hashes("def", "abc"), active("abc")]), "Progressing", "active service cutover pending"),
        (green(&[full(), hashes("def", "abc"), active("")]), "Progressing", "active service cutover pending"),
        (green(&[full(), hashes("def", "abc"), active("def")]), "Progressing", "waiting for analysis to complete"),
        (
            green(&[
                full(),
                hashes("def", "abc"),
                vec![(
                    "/status/blueGreen",
                    json!({"activeSelector": "def",
                "postPromotionAnalysisRunStatus": {"name": "x", "status": "Running"}}),
                )],
            ]),
            "Progressing",
            "waiting for analysis to complete",
        ),
        (
            green(&[
                full(),
                hashes("def", "abc"),
                vec![(
                    "/status/blueGreen",
                    json!({"activeSelector": "def",
                "postPromotionAnalysisRunStatus": {"name": "x", "status": "Inconclusive"}}),
                )],
            ]),
            "Progressing",
            "waiting for post-promotion verification to complete",
        ),
        (
            green(&[full(), hashes("def", "abc"), active("def"), no_post()]),
            "Progressing",
            "waiting for post-promotion verification to complete",
        ),
        (green(&[counts(10, 5, 5), hashes("abc", "abc"), active("abc")]), "Healthy", ""),
    ] {
        assert_eq!(phase_of(&object), (phase, message.to_owned()), "{object}");
    }
}

#[test]
fn a_status_that_is_not_up_to_date_is_never_taken_for_the_truth() {
    // Cases of argo-rollouts, utils/rollout/rolloututil_test.go (Test_isGenerationObserved, TestIsUnpausing,
    // TestRolloutStatusProgressing), and of the plugin's command tests.
    let waiting = "waiting for rollout spec update to be observed";
    for (observed, generation, message) in [
        (json!("invalid"), 4, "CanaryPauseStep"),
        (json!("7d66d4485f"), 2, "CanaryPauseStep"),
        (json!("1366344857"), 2, "CanaryPauseStep"),
        (json!("10"), 9, "CanaryPauseStep"),
        (json!("10"), 10, "CanaryPauseStep"),
        (json!("10"), 11, waiting),
        (json!(10), 11, waiting),
        (json!(""), 11, "CanaryPauseStep"),
        (json!(null), 11, "CanaryPauseStep"),
    ] {
        let object = with(
            with(canary(), "/status/observedGeneration", observed.clone()),
            "/metadata/generation",
            json!(generation),
        );
        assert_eq!(phase_of(&object).1, message, "{observed} {generation}");
    }
    let answered = with(canary(), "/status/pauseConditions", json!(null));
    assert_eq!(phase_of(&answered), ("Progressing", "waiting for rollout to unpause".to_owned()));
    assert_eq!(standing(&Rollout::read(&answered)).stale, Some(Stale::Pause));
    // The newest spec comes before the pause.
    let both = with(answered, "/metadata/generation", json!(5));
    assert_eq!(phase_of(&both).1, waiting);
}

#[test]
fn a_workload_that_the_controller_has_not_seen_is_waited_for() {
    let object = |wanted: &str, observed: Value| {
        let object = with(
            canary(),
            "/spec/workloadRef",
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "basket"}),
        );
        let object = with(object, "/metadata/annotations", json!({"rollout.argoproj.io/workload-generation": wanted}));
        with(object, "/status/workloadObservedGeneration", observed)
    };
    let waiting = "waiting for rollout spec update to be observed for the reference workload";
    for (wanted, observed, message) in [
        ("2", json!("1"), waiting),
        ("2", json!("2"), "CanaryPauseStep"),
        ("2", json!("222222222222222222"), "CanaryPauseStep"),
        ("2", json!(null), "CanaryPauseStep"),
        ("two", json!("1"), "CanaryPauseStep"),
    ] {
        assert_eq!(phase_of(&object(wanted, observed.clone())).1, message, "{wanted} {observed}");
    }
    let own = with(object("2", json!("1")), "/spec/workloadRef", json!(null));
    assert_eq!(phase_of(&own).1, "CanaryPauseStep", "a rollout with a template of its own waits for no workload");
}

#[test]
fn the_controllers_word_stands_as_it_is() {
    for (phase, message) in
        [("Healthy", ""), ("Degraded", "RolloutAborted: x"), ("Progressing", "more"), ("Paused", "manually paused")]
    {
        let object = with(with(canary(), "/status/phase", json!(phase)), "/status/message", json!(message));
        assert_eq!(phase_of(&object), (phase, message.to_owned()));
    }
}

#[test]
fn a_phase_that_cannot_be_told_is_unknown_and_names_the_field() {
    for (pointer, value, field) in [
        ("/status", json!("Healthy"), "status"),
        ("/status/phase", json!(7), "status.phase"),
        ("/status/phase", json!("Sleeping"), "status.phase"),
        ("/status/abort", json!("perhaps"), "status.abort"),
        ("/status/observedGeneration", json!([4]), "status.observedGeneration"),
        ("/status/pauseConditions", json!({}), "status.pauseConditions"),
        ("/status/controllerPause", json!("yes"), "status.controllerPause"),
        ("/metadata/generation", json!(null), "metadata.generation"),
        ("/spec/strategy", json!({}), "spec.strategy"),
    ] {
        let (phase, message) = phase_of(&with(canary(), pointer, value.clone()));
        assert_eq!(phase, "Unknown", "{pointer} {value}");
        assert!(message.contains(field), "{pointer}: {message}");
    }
    // What does not decide the phase leaves it be; without the controller's word more of it does.
    let paused = with(canary(), "/status/updatedReplicas", json!("one"));
    assert_eq!(phase_of(&paused).0, "Paused");
    assert_eq!(phase_of(&wordless(paused, &[])).0, "Unknown");
    // A spec without a strategy is what the controller says of it.
    let invalid = with(with(canary(), "/spec/strategy", json!({})), "/status/phase", json!("Degraded"));
    assert_eq!(phase_of(&invalid).0, "Degraded");
}
