use proptest::prelude::*;
use serde_json::json;

use super::{
    super::samples::{blue_green, canary, children, with},
    *,
};
use crate::domain::{BlockerKind, GateState, Phase, StageState};

fn now() -> DateTime<Utc> {
    "2026-05-01T10:05:00Z".parse().unwrap()
}

fn changed(object: Value, changes: &[(&str, Value)]) -> Value {
    changes.iter().fold(object, |object, (pointer, value)| with(object, pointer, value.clone()))
}

fn seen(object: &Value, children: Option<&Children>) -> Sighting {
    sighting(&Rollout::read(object), children, &Grants::default(), now())
}

fn alone(object: &Value) -> domain::Rollout {
    seen(object, None).rollout
}

/// The stages, each as `name state [gate state, ...]`.
fn stages(rollout: &domain::Rollout) -> Vec<String> {
    let line = |stage: &domain::Stage| {
        let gates: Vec<String> = stage.gates().iter().map(|gate| format!("{} {:?}", gate.name, gate.state)).collect();
        format!("{} {:?} [{}]", stage.name, stage.state, gates.join(", "))
    };
    rollout.stages.iter().map(line).collect()
}

fn said(rollout: &domain::Rollout) -> Vec<&str> {
    rollout.blockers.iter().map(|blocker| blocker.summary.as_str()).collect()
}

#[test]
fn each_weight_begins_a_stage_and_the_steps_after_it_are_its_gates() {
    let rollout = alone(&canary());
    assert_eq!(
        stages(&rollout),
        [
            "weight-20 Ready [step-2-pause NotYet]",
            "weight-60 Waiting [step-4-pause Waiting, step-5-analysis Waiting]",
            "full Waiting []",
        ]
    );
    assert_eq!(rollout.current_stage.as_ref().map(domain::StageName::as_str), Some("weight-20"));
    let first = &rollout.stages[0];
    assert_eq!((first.selects.as_str(), first.exposure.units, first.exposure.units_total), ("20% of the pods", 1, 1));
    assert_eq!(first.gates()[0].detail.as_str(), "waits for a person since 10:00Z");
    assert_eq!(rollout.stages[1].gates()[1].expression.as_str(), "analysis: success-rate");
}

#[test]
fn stages_are_told_apart_and_steps_before_the_first_weight_have_one_of_their_own() {
    let of = |steps: Value, index: u32| {
        let object = changed(
            canary(),
            &[
                ("/spec/strategy/canary/steps", steps),
                ("/status/currentStepIndex", json!(index)),
                ("/status/pauseConditions", json!([])),
                ("/status/controllerPause", json!(false)),
                ("/status/phase", json!("Progressing")),
            ],
        );
        stages(&alone(&object))
    };
    assert_eq!(
        of(
            json!([{"setCanaryScale": {"replicas": 1}}, {"pause": {}}, {"setWeight": 20}, {"setWeight": 20}, {"setWeight": 100}, {"pause": {}}]),
            3
        ),
        [
            "start Passed [step-1-set-canary-scale Pass, step-2-pause Pass]",
            "weight-20 Passed []",
            "weight-20.2 Progressing []",
            "weight-100 Waiting [step-6-pause Waiting]",
        ]
    );
    assert_eq!(of(json!([]), 0), ["full Progressing []"]);
    assert_eq!(of(json!([{"pause": {}}]), 1), ["start Passed [step-1-pause Pass]", "full Progressing []"]);
    assert_eq!(of(json!([{"setWait": 1}]), 0), ["start Progressing [step-1-invalid Unknown]", "full Waiting []"]);
}

#[test]
fn a_blue_green_rollout_has_a_stage_beside_the_stable_version_and_one_in_its_place() {
    let rollout = alone(&blue_green());
    assert_eq!(rollout.strategy.as_str(), "blue-green");
    assert_eq!(
        stages(&rollout),
        [
            "preview Ready [pre-promotion-analysis Pass, pause NotYet]",
            "active Waiting [post-promotion-analysis Waiting]"
        ]
    );
    assert!(rollout.exposure.percent.abs() < f64::EPSILON, "nobody is sent to the preview");
    assert_eq!(rollout.exposure.units, 5, "its pods are there all the same");
    let aborted = changed(blue_green(), &[("/status/abort", json!(true)), ("/status/phase", json!("Degraded"))]);
    let unbegun =
        changed(aborted, &[("/status/blueGreen", json!({"activeSelector": "d41d8", "previewSelector": "6f8c7"}))]);
    assert_eq!(
        stages(&alone(&unbegun)),
        [
            "preview RolledBack [pre-promotion-analysis Waiting, pause Waiting]",
            "active Waiting [post-promotion-analysis Waiting]"
        ]
    );
    let switched = changed(
        blue_green(),
        &[
            (
                "/status/blueGreen",
                json!({"activeSelector": "6f8c7", "postPromotionAnalysisRunStatus": {"name": "p", "status": "Running"}}),
            ),
            ("/status/phase", json!("Progressing")),
            ("/status/pauseConditions", json!([])),
            ("/status/controllerPause", json!(false)),
        ],
    );
    let rollout = alone(&switched);
    assert_eq!(
        stages(&rollout),
        [
            "preview Passed [pre-promotion-analysis Pass, pause Pass]",
            "active Progressing [post-promotion-analysis NotYet]"
        ]
    );
    assert!((rollout.exposure.percent - 100.0).abs() < f64::EPSILON);
    let timed = changed(blue_green(), &[("/spec/strategy/blueGreen/autoPromotionSeconds", json!(600))]);
    let sighting = seen(&timed, None);
    assert!(sighting.advances, "it switches by itself");
    assert_eq!(said(&sighting.rollout), ["the switch to the new version waits: ends at 10:10Z"]);
    let next = sighting.rollout.next.unwrap();
    assert_eq!(
        (next.at, next.what.as_str()),
        (Some("2026-05-01T10:10:00Z".parse().unwrap()), "the new version is switched to")
    );
}

#[test]
fn what_holds_a_rollout_is_said_with_numbers_and_in_the_order_of_weight() {
    use BlockerKind as K;
    let timed = vec![("/status/currentStepIndex", json!(3))];
    let going = || {
        vec![
            ("/status/phase", json!("Progressing")),
            ("/status/message", json!("more replicas need to be updated")),
            ("/status/pauseConditions", json!([])),
            ("/status/controllerPause", json!(false)),
        ]
    };
    let mut analysing = going();
    analysing.extend([
        ("/status/currentStepIndex", json!(4)),
        ("/status/canary", json!({"currentStepAnalysisRunStatus": {"name": "basket-6f8c7-2", "status": "Running"}})),
    ]);
    let paused = vec![
        ("/spec/paused", json!(true)),
        ("/status/message", json!("manually paused")),
        (
            "/metadata/managedFields",
            json!([
        {"manager": "kubectl-edit", "time": "2026-05-01T10:03:00Z", "fieldsV1": {"f:spec": {"f:paused": {}}}}]),
        ),
    ];
    let inconclusive = vec![
        ("/status/message", json!("InconclusiveAnalysisRun")),
        (
            "/status/pauseConditions",
            json!([{"reason": "InconclusiveAnalysisRun", "startTime": "2026-05-01T10:04:00Z"}]),
        ),
        (
            "/status/canary",
            json!({"currentStepAnalysisRunStatus": {"name": "x", "status": "Inconclusive", "message": "too few requests"}}),
        ),
    ];
    for (changes, phase, kind, first, next) in [
        (
            vec![],
            Phase::AwaitingPromotion,
            K::Gate,
            "step 2 of 5 (pause) waits for a person since 10:00Z",
            "a person promotes it: step 3 of 5 (setWeight: 60) begins",
        ),
        (
            timed,
            Phase::AwaitingPromotion,
            K::Hold,
            "step 4 of 5 (pause: 10m) ends at 10:10Z",
            "step 5 of 5 (analysis) begins",
        ),
        (paused, Phase::Paused, K::Paused, "paused by kubectl-edit since 10:03Z (spec.paused)", "a person resumes it"),
        (
            inconclusive,
            Phase::AwaitingPromotion,
            K::Gate,
            "an analysis is inconclusive, and a person decides: too few requests",
            "a person promotes it, or rolls it back",
        ),
        (
            going(),
            Phase::Progressing,
            K::InProgress,
            "step 2 of 5 (pause) is under way: more replicas need to be updated",
            "",
        ),
        (
            [going(), vec![("/status/availableReplicas", json!(3))]].concat(),
            Phase::Progressing,
            K::InProgress,
            "2 of 5 pods not available",
            "",
        ),
        (analysing, Phase::Progressing, K::InProgress, "step 5 of 5 (analysis) runs", ""),
        (
            vec![("/metadata/generation", json!(5))],
            Phase::Progressing,
            K::InProgress,
            "its controller has not seen the newest spec yet: generation 5, seen 4",
            "",
        ),
        (
            vec![("/status/pauseConditions", json!([]))],
            Phase::Progressing,
            K::InProgress,
            "its pause was answered, and its controller has not noticed yet",
            "",
        ),
        (
            vec![("/status", json!(null))],
            Phase::Pending,
            K::InProgress,
            "no controller has taken it up yet: it has no status",
            "",
        ),
        (
            vec![("/status/phase", json!(3))],
            Phase::Unknown,
            K::NoData,
            "its phase cannot be told: status.phase is missing or unreadable",
            "",
        ),
        (vec![("/status/phase", json!("Healthy"))], Phase::Unknown, K::NoData, "CanaryPauseStep", ""),
        (
            vec![
                ("/status/phase", json!("Degraded")),
                ("/status/message", json!("ProgressDeadlineExceeded: ReplicaSet \"x\" has timed out progressing.")),
            ],
            Phase::Degraded,
            K::Failure,
            "no progress within 600 s (ProgressDeadlineExceeded): ReplicaSet \"x\" has timed out progressing.",
            "",
        ),
    ] {
        let rollout = alone(&changed(canary(), &changes));
        let blocker = &rollout.blockers[0];
        assert_eq!((rollout.phase, blocker.kind, blocker.summary.as_str()), (phase, kind, first), "{changes:?}");
        assert_eq!(rollout.next.as_ref().map_or("", |next| next.what.as_str()), next, "{changes:?}");
        assert!(rollout.blockers.is_sorted_by_key(|blocker| blocker.kind));
    }
    let by_somebody = alone(&changed(canary(), &[("/spec/paused", json!(true))]));
    assert_eq!(said(&by_somebody), ["paused (spec.paused)", "step 2 of 5 (pause) waits for a person since 10:00Z"]);
}

#[test]
fn the_message_of_a_pause_with_an_end_says_when_that_is() {
    let rollout = alone(&changed(canary(), &[("/status/currentStepIndex", json!(3))]));
    assert_eq!(rollout.message.as_str(), "CanaryPauseStep: ends at 10:10Z");
    assert_eq!(rollout.stages[1].hold_until, Some("2026-05-01T10:10:00Z".parse().unwrap()));
    assert_eq!(rollout.stages[1].state, StageState::Holding);
    let other_day = alone(&changed(
        canary(),
        &[
            ("/status/currentStepIndex", json!(3)),
            ("/status/pauseConditions", json!([{"reason": "CanaryPauseStep", "startTime": "2026-04-30T10:00:07Z"}])),
        ],
    ));
    assert_eq!(other_day.message.as_str(), "CanaryPauseStep: ends at 2026-04-30 10:10:07Z");
}

#[test]
fn an_abort_is_over_only_when_its_version_gets_no_traffic_any_more() {
    let abort = |more: &[(&str, Value)]| {
        let base = [
            ("/status/abort", json!(true)),
            ("/status/abortedAt", json!("2026-05-01T10:01:00Z")),
            ("/status/phase", json!("Degraded")),
            ("/status/message", json!("RolloutAborted: Rollout aborted update to revision 2: metric is bad")),
            ("/status/currentStepIndex", json!(0)),
            ("/status/pauseConditions", json!([])),
            ("/status/controllerPause", json!(false)),
        ];
        changed(changed(canary(), &base), more)
    };
    let weights = |canary: u32| {
        vec![
            ("/spec/strategy/canary/trafficRouting", json!({"nginx": {}})),
            ("/status/canary", json!({"weights": {"canary": {"weight": canary}, "stable": {"weight": 100 - canary}}})),
        ]
    };
    for (more, phase, words) in [
        (
            vec![("/status/updatedReplicas", json!(0))],
            Phase::Aborted,
            "the spec still names revision 2 until it is undone",
        ),
        (vec![], Phase::RollingBack, "it goes back to the revision d41d8"),
        (weights(0), Phase::Aborted, "the spec still names revision 2 until it is undone"),
        (weights(20), Phase::RollingBack, "it goes back to the revision d41d8"),
        (
            vec![("/spec/paused", json!(true))],
            Phase::Degraded,
            "1 pod of revision 2 (6f8c7) stay, and get traffic until spec.paused is ended",
        ),
        (
            vec![("/spec/paused", json!(true)), ("/status/updatedReplicas", json!(0))],
            Phase::Aborted,
            "the spec still names",
        ),
        (vec![("/status/stableRS", json!("6f8c7"))], Phase::Degraded, "its version is stable all the same"),
    ] {
        let sighting = seen(&abort(&more), None);
        let rollout = &sighting.rollout;
        assert_eq!(rollout.phase, phase, "{more:?}");
        assert!(rollout.message.as_str().contains(words), "{}", rollout.message);
        assert!(!sighting.advances, "{more:?}");
        assert_eq!(rollout.current_stage, None, "{more:?}");
    }
    let done = alone(&abort(&[("/status/updatedReplicas", json!(0))]));
    assert_eq!(said(&done)[0], "revision 2 (6f8c7) was aborted at 10:01Z: metric is bad");
    assert_eq!(done.stages[0].state, StageState::RolledBack);
    let back = alone(&abort(&weights(20)));
    assert_eq!(said(&back)[1], "20 of 100 of the traffic still goes to revision 2 (6f8c7)");
}

#[test]
fn what_is_measured_is_shown_as_indicators_and_holds_what_it_fails() {
    let object = changed(
        canary(),
        &[
            (
                "/status/canary",
                json!({"currentBackgroundAnalysisRunStatus": {"name": "basket-6f8c7-2", "status": "Running"}}),
            ),
            ("/spec/strategy/canary/analysis", json!({"templates": [{"templateName": "success-rate"}]})),
        ],
    );
    let mut objects = children();
    let rollout = seen(&object, Some(&objects)).rollout;
    let sli = &rollout.slis[0];
    assert_eq!(
        (sli.name.as_str(), sli.canary.value, sli.limit, sli.verdict),
        ("success-rate", Some(0.9962), Some(0.99), Verdict::Pass)
    );
    assert_eq!(rollout.verdict.label, Verdict::Pass);
    let gate = rollout.stages[0].gates().iter().find(|gate| gate.name.as_str() == "background-analysis").unwrap();
    assert_eq!(gate.state, GateState::Pass);
    assert_eq!(gate.detail.as_str(), "success rate 0.9962 is at least 0.99 (1 of 3 failures allowed)");
    let workload = rollout.workload.unwrap();
    assert_eq!(
        (workload.runs.len(), workload.runs[0].current, workload.runs[0].role.as_str()),
        (1, true, "background")
    );
    let failed = &mut objects.objects.get_mut(&Kind::ANALYSIS_RUN).unwrap()[0]["status"]["metricResults"][0];
    failed["failed"] = json!(3);
    failed["measurements"]
        .as_array_mut()
        .unwrap()
        .push(json!({"phase": "Failed", "value": "[0.9869]", "finishedAt": "2026-05-01T10:04:00Z"}));
    let rollout = seen(&object, Some(&objects)).rollout;
    assert!(
        said(&rollout).contains(&"success rate 0.9869 is below 0.99 (3 of 3 failures allowed)"),
        "{:?}",
        said(&rollout)
    );
    // Without its objects nothing is made up, and what the status says of the run is said.
    let rollout = alone(&object);
    assert_eq!((rollout.verdict.label, rollout.slis.len()), (Verdict::NoData, 0));
    assert!(rollout.verdict.why.as_str().contains("not watched now"), "{}", rollout.verdict.why);
}

#[test]
fn a_template_that_its_controller_has_not_seen_is_not_said_to_be_out() {
    let done = changed(canary(), &[("/status/stableRS", json!("6f8c7")), ("/status/currentStepIndex", json!(5))]);
    assert!((alone(&done).exposure.percent - 100.0).abs() < 1e-9);
    let unseen = alone(&with(done, "/metadata/generation", json!(99)));
    assert!(unseen.exposure.percent.abs() < 1e-9 && unseen.exposure.units == 0, "{:?}", unseen.exposure);
    assert_ne!(unseen.stable, unseen.candidate, "what runs is not what is only written down");
}

#[test]
fn versions_are_image_tags_and_else_what_the_cluster_counts() {
    let versions = |rollout: &domain::Rollout| {
        let text = |version: &VersionRef| version.version.as_ref().map(ToString::to_string).unwrap_or_default();
        (text(&rollout.candidate), text(&rollout.stable))
    };
    let both = |candidate: &str, stable: &str| (candidate.to_owned(), stable.to_owned());
    assert_eq!(versions(&seen(&canary(), Some(&children())).rollout), both("1.5.0", "1.4.2"));
    assert_eq!(versions(&alone(&canary())), both("1.5.0", "d41d8"));
    let untagged = with(canary(), "/spec/template/spec/containers/0/image", json!("registry.example/basket"));
    assert_eq!(versions(&alone(&untagged)), both("rev 2", "d41d8"));
    let referring = changed(
        canary(),
        &[
            ("/spec/template", json!(null)),
            ("/spec/workloadRef", json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "basket"})),
        ],
    );
    let mut objects = Children::default();
    objects.objects.insert(
        Kind::DEPLOYMENT,
        vec![
            json!({"metadata": {"name": "basket"}, "spec": {"template": {"spec": {"containers": [{"image": "x:7"}]}}}}),
        ],
    );
    assert_eq!(versions(&seen(&referring, Some(&objects)).rollout), both("7", "d41d8"));
    let finished = with(with(canary(), "/status/stableRS", json!("6f8c7")), "/status/phase", json!("Healthy"));
    let finished = changed(
        finished,
        &[
            ("/status/pauseConditions", json!([])),
            ("/status/controllerPause", json!(false)),
            ("/status/currentStepIndex", json!(5)),
        ],
    );
    let rollout = alone(&finished);
    assert_eq!(
        (versions(&rollout), rollout.phase, rollout.blockers.len()),
        (both("1.5.0", "1.5.0"), Phase::Completed, 0)
    );
    assert!(rollout.stages.iter().all(|stage| stage.state == StageState::Passed), "{:?}", stages(&rollout));
    assert!(seen(&finished, None).arms.is_none() && seen(&canary(), None).arms.is_some());
}

#[test]
fn a_rollout_that_never_ran_has_passed_nothing_and_one_without_pods_has_none() {
    let refused = changed(
        canary(),
        &[("/status", json!({"phase": "Degraded", "message": "InvalidSpec: x", "observedGeneration": "4"}))],
    );
    let rollout = alone(&refused);
    assert_eq!(rollout.stages[0].state, StageState::Failed, "{:?}", stages(&rollout));
    assert_eq!((rollout.stable.version.as_ref(), rollout.exposure.units), (None, 0));
    let first = changed(
        canary(),
        &[
            ("/status/stableRS", json!("6f8c7")),
            ("/status/currentStepIndex", json!(5)),
            ("/status/phase", json!("Progressing")),
            ("/status/availableReplicas", json!(0)),
            ("/status/updatedReplicas", json!(5)),
            ("/status/pauseConditions", json!([])),
            ("/status/controllerPause", json!(false)),
        ],
    );
    let rollout = alone(&first);
    let last = rollout.stages.last().unwrap();
    assert_eq!((last.state, last.exposure.units, last.exposure.units_total), (StageState::Passed, 0, 5));
}

#[test]
fn who_answers_for_it_is_read_from_the_annotation_and_then_from_labels() {
    assert_eq!(alone(&canary()).owner.as_str(), "web-shop");
    let annotated = with(canary(), "/metadata/annotations", json!({"rolldeck.dev/owner": "team-basket"}));
    assert_eq!(alone(&annotated).owner.as_str(), "team-basket");
    assert_eq!(alone(&with(canary(), "/metadata/labels", json!({"team": "blue"}))).owner.as_str(), "blue");
    assert!(alone(&with(canary(), "/metadata/labels", json!(null))).owner.is_empty());
}

#[test]
fn events_of_a_rollout_and_of_its_objects_are_its_timeline_and_tell_when_steps_were_done() {
    let event = |kind: &str, name: &str, uid: &str, reason: &str, message: &str, at: &str| {
        json!({"involvedObject": {"kind": kind, "name": name, "uid": uid}, "type": "Normal", "reason": reason, "message": message,
            "lastTimestamp": at, "source": {"component": "rollouts-controller"}})
    };
    let mut objects = children();
    objects.objects.insert(
        Kind::EVENT,
        vec![
            event(
                "Rollout",
                "basket",
                "r-1",
                "RolloutStepCompleted",
                "Rollout step 2/5 completed (pause)",
                "2026-05-01T09:00:00Z",
            ),
            event(
                "Rollout",
                "basket",
                "r-1",
                "RolloutStepCompleted",
                "Rollout step 1/5 completed (setWeight: 20)",
                "2026-05-01T09:59:30Z",
            ),
            event(
                "Rollout",
                "basket",
                "r-1",
                "RolloutStepCompleted",
                "Rollout step 2/5 completed (pause)",
                "2026-05-01T10:01:00Z",
            ),
            event("Pod", "basket-6f8c7-a", "basket-6f8c7-a", "BackOff", "Back-off restarting", "2026-05-01T10:02:00Z"),
            event(
                "Rollout",
                "basket",
                "another",
                "RolloutPaused",
                "of an older one of that name",
                "2026-05-01T10:03:00Z",
            ),
            event("Pod", "stranger", "stranger", "BackOff", "no pod of ours", "2026-05-01T10:03:00Z"),
        ],
    );
    let rollout = seen(&with(canary(), "/status/currentStepIndex", json!(3)), Some(&objects)).rollout;
    let told: Vec<_> = rollout
        .workload
        .as_ref()
        .unwrap()
        .happenings
        .iter()
        .map(|happening| happening.text.as_str().to_owned())
        .collect();
    assert_eq!(told.len(), 4, "{told:?}");
    assert_eq!(told[0], "Pod basket-6f8c7-a: Back-off restarting");
    assert_eq!(rollout.stages[0].finished_at, Some("2026-05-01T10:01:00Z".parse().unwrap()), "the one of this update");
    assert_eq!(rollout.stages[1].entered_at, Some("2026-05-01T10:01:00Z".parse().unwrap()));
    assert_eq!(rollout.stages[0].entered_at, Some(rollout.created_at));
}

#[test]
fn what_has_no_place_of_its_own_is_told_as_facts() {
    let object = changed(
        canary(),
        &[
            ("/spec/strategy/canary/trafficRouting", json!({"istio": {}})),
            (
                "/spec/strategy/canary/steps/0",
                json!({"setHeaderRoute": {"name": "phones", "match": [{"headerName": "X-Agent", "headerValue": {"exact": "iphone"}}]}}),
            ),
            ("/spec/strategy/canary/canaryService", json!("basket-canary")),
            ("/spec/strategy/canary/pingPong", json!({})),
            (
                "/status/canary",
                json!({"stablePingPong": "ping", "weights": {"canary": {"weight": 20}, "stable": {"weight": 70}, "additional": [{"weight": 10}], "verified": false},
            "stepPluginStatuses": [{"index": 1, "name": "acme/step", "operation": "Run", "phase": "Running", "message": "soon"}]}),
            ),
            ("/spec/restartAt", json!("2026-05-01T11:00:00Z")),
        ],
    );
    let workload = seen(&object, Some(&children())).rollout.workload.unwrap();
    let facts: Vec<String> = workload.facts.iter().map(|fact| format!("{}: {}", fact.name, fact.value)).collect();
    for fact in [
        "step: 1/5",
        "router: istio",
        "canary service: basket-canary",
        "ping and pong: ping is stable, pong the canary",
        "weight of experiments: 10 of 100",
        "plugin: step 2, acme/step Run Running: soon",
        "header route: phones: X-Agent = iphone",
        "image: registry.example/basket:1.5.0 (canary, pong)",
        "restart: due at 11:00Z",
    ] {
        assert!(facts.iter().any(|told| told == fact), "{fact}: {facts:#?}");
    }
    let traffic = workload.traffic.unwrap();
    assert_eq!((traffic.actual, traffic.verified), (Some(20.0), Some(false)));
    let reference = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "basket", "scaleDown": "onsuccess"});
    let workload = alone(&with(canary(), "/spec/workloadRef", reference)).workload.unwrap();
    assert!(workload.facts.iter().any(|fact| fact.value.as_str() == "Deployment basket, scaled down onsuccess"));
    assert!(workload.remark.as_str().contains("not watched now"));
}

#[test]
fn only_what_goes_on_without_anybody_advances() {
    let going = [
        ("/status/phase", json!("Progressing")),
        ("/status/pauseConditions", json!([])),
        ("/status/controllerPause", json!(false)),
    ];
    let degraded = [
        ("/status/phase", json!("Degraded")),
        ("/status/message", json!("ProgressDeadlineExceeded: x")),
        ("/status/pauseConditions", json!([])),
        ("/status/controllerPause", json!(false)),
    ];
    for (changes, advances) in [
        (vec![], false),
        (vec![("/status/currentStepIndex", json!(3))], true),
        (going.to_vec(), true),
        ([going.to_vec(), vec![("/spec/paused", json!(true))]].concat(), false),
        ([going.to_vec(), vec![("/status/stableRS", json!("6f8c7"))]].concat(), false),
        (degraded.to_vec(), true),
        (vec![("/status/phase", json!("Degraded")), ("/status/message", json!("InvalidSpec: x"))], false),
        (vec![("/metadata/generation", json!(5))], true),
        (vec![("/status/phase", json!([]))], false),
    ] {
        assert_eq!(seen(&changed(canary(), &changes), None).advances, advances, "{changes:?}");
    }
}

proptest! {
    #[test]
    fn no_counts_make_an_exposure_of_more_than_all(
        replicas in any::<i64>(), updated in any::<u32>(), available in any::<u32>(), weight in any::<u32>(), index in any::<u32>(), routed in any::<bool>(),
    ) {
        let mut object = changed(canary(), &[
            ("/spec/replicas", json!(replicas)), ("/status/updatedReplicas", json!(updated)), ("/status/availableReplicas", json!(available)),
            ("/spec/strategy/canary/steps/0", json!({"setWeight": weight})), ("/status/currentStepIndex", json!(index)),
        ]);
        if routed {
            object = changed(object, &[("/spec/strategy/canary/trafficRouting", json!({"nginx": {}})),
                ("/status/canary", json!({"weights": {"canary": {"weight": weight}}}))]);
        }
        for objects in [None, Some(&children())] {
            let rollout = seen(&object, objects).rollout;
            prop_assert!((0.0..=100.0).contains(&rollout.exposure.percent));
            for stage in &rollout.stages {
                prop_assert!(stage.exposure.units <= stage.exposure.units_total);
            }
        }
    }
}
