//! Requests as upstream sends them, and the traps one by one.

mod properties;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::{
    domain::{Action, RollbackTo, SafeText, action::ACTIONS, rollout::CheckState},
    driver::{
        Order, OrderError, Proposal,
        argo::{
            self, Rollout,
            samples::{self, with},
        },
        kubernetes::{
            children::Children,
            grants::Grants,
            request::{Body, Kind, Request},
            uptake::{Look, passes_soon},
        },
    },
};

use properties::every_state;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn now() -> DateTime<Utc> {
    at("2026-05-01T12:00:00Z")
}

fn read(object: &Value) -> Rollout {
    Rollout::read(object)
}

/// An order made on an object as it is.
fn order(object: &Value, action: Action) -> Order {
    Order {
        avoid: Vec::new(),
        id: "shop/basket".parse().unwrap(),
        action,
        to: None,
        revision: argo::revision(&read(object)),
        by: SafeText::new("ana"),
        reason: SafeText::new("because"),
        at: now(),
    }
}

fn to(object: &Value, number: u64) -> Order {
    Order { to: Some(RollbackTo::Revision(number)), ..order(object, Action::Rollback) }
}

fn replica_set(number: u64, hash: &str, image: &str) -> Value {
    json!({
        "metadata": {
            "name": format!("basket-{hash}"), "namespace": "shop",
            "labels": {"app": "basket", "rollouts-pod-template-hash": hash},
            "annotations": {"rollout.argoproj.io/revision": number.to_string()},
            "ownerReferences": [{"kind": "Rollout", "name": "basket", "uid": "r-1", "controller": true}],
        },
        "spec": {"replicas": 5, "template": {
            "metadata": {"creationTimestamp": null, "labels": {"app": "basket", "rollouts-pod-template-hash": hash}},
            "spec": {"containers": [{"name": "basket", "image": image}]},
        }},
    })
}

/// Revisions 1 (stable of the samples) and 2 (their candidate), an older one, and somebody else's.
fn replica_sets() -> Vec<Value> {
    let mut foreign = replica_set(9, "ffff", "other:9");
    foreign["metadata"]["ownerReferences"][0]["uid"] = json!("r-9");
    vec![
        replica_set(1, "d41d8", "registry.example/basket:1.4.0"),
        replica_set(2, "6f8c7", "registry.example/basket:1.5.0"),
        foreign,
    ]
}

fn sent(object: &Value, action: Action) -> Vec<Request> {
    argo::requests(object, &replica_sets(), &order(object, action), now()).unwrap()
}

/// Where a request goes and what it says, without the guard on the version.
fn plain(request: &Request) -> (&str, Value) {
    let body = match &request.body {
        Body::Merge(body) => {
            let mut body = body.clone();
            body.as_object_mut().unwrap().remove("metadata");
            body
        }
        Body::Json(body) | Body::Create(body) | Body::Post(body) => body.clone(),
    };
    (request.subresource.as_deref().unwrap_or("main"), body)
}

fn plainly(requests: &[Request]) -> Vec<(&str, Value)> {
    requests.iter().map(plain).collect()
}

fn unpause(tests: &[(&str, Value)]) -> Value {
    let mut patch = vec![json!({"op": "test", "path": "/metadata/uid", "value": "r-1"})];
    patch.extend(tests.iter().map(|(path, value)| json!({"op": "test", "path": path, "value": value})));
    patch.push(json!({"op": "add", "path": "/spec/paused", "value": false}));
    Value::Array(patch)
}

fn unpause_after_promotion() -> Value {
    unpause(&[("/metadata/generation", json!(4)), ("/status/currentPodHash", json!("6f8c7"))])
}

fn refusal(result: Result<impl std::fmt::Debug, OrderError>) -> String {
    match result {
        Err(OrderError::Refused(blockers)) => blockers[0].summary.as_str().to_owned(),
        other => panic!("not refused: {other:?}"),
    }
}

fn propose(object: &Value, order: &Order) -> Result<Proposal, OrderError> {
    let mut children = Children::default();
    children.objects.insert(Kind::REPLICA_SET, replica_sets());
    argo::propose(&read(object), Some(&children), order, &Grants::default(), now())
}

/// All that a preview says.
fn said(object: &Value, order: &Order) -> String {
    let preview = propose(object, order).unwrap().preview;
    let mut lines = vec![preview.summary.as_str().to_owned()];
    lines.extend(preview.changes.iter().map(|line| format!("changes: {line}")));
    lines.extend(preview.unchanged.iter().map(|line| format!("same: {line}")));
    lines.extend(preview.checks.iter().map(|check| format!("{:?}: {}", check.state, check.text)));
    lines.join("\n")
}

fn running(object: Value) -> Value {
    let object = with(object, "/status/pauseConditions", Value::Null);
    let object = with(object, "/status/controllerPause", Value::Null);
    with(with(object, "/status/phase", json!("Progressing")), "/status/currentStepIndex", json!(2))
}

fn user_paused(object: Value) -> Value {
    with(object, "/spec/paused", json!(true))
}

fn aborted(object: Value) -> Value {
    let object = running(object);
    let object = with(with(object, "/status/abort", json!(true)), "/status/abortedAt", json!("2026-05-01T11:00:00Z"));
    with(with(object, "/status/currentStepIndex", json!(0)), "/status/phase", json!("Degraded"))
}

fn finished(object: Value) -> Value {
    let object = with(running(object), "/status/stableRS", json!("6f8c7"));
    with(with(object, "/status/currentStepIndex", json!(5)), "/status/phase", json!("Healthy"))
}

fn inconclusive(object: Value) -> Value {
    let run = json!({"name": "basket-6f8c7-2-4", "status": "Inconclusive"});
    let object =
        with(with(object, "/status/currentStepIndex", json!(4)), "/status/canary/currentStepAnalysisRunStatus", run);
    with(
        object,
        "/status/pauseConditions",
        json!([{"reason": "InconclusiveAnalysisRun", "startTime": "2026-05-01T10:00:00Z"}]),
    )
}

/// The new spec was stored, and the controller has not seen it.
fn behind(object: Value) -> Value {
    with(object, "/metadata/generation", json!(5))
}

#[test]
fn what_is_sent_is_what_the_plugin_sends() {
    // argo-rollouts, pkg/kubectl-argo-rollouts/cmd/{pause,promote,abort,retry}: patches and their order. An abort
    // also takes a full promotion back, and one of a rollout that a person paused ends that pause.
    let answer = json!({"status": {"pauseConditions": null}});
    let skip = |index: u32| json!({"status": {"pauseConditions": null, "currentStepIndex": index}});
    let leave =
        |index: u32| json!({"status": {"pauseConditions": null, "controllerPause": false, "currentStepIndex": index}});
    let full = json!({"status": {"promoteFull": true}});
    let abort = json!({"status": {"abort": true, "promoteFull": false}});
    let paused = |is: bool| json!({"spec": {"paused": is}});
    let no_steps = |object: Value| {
        let object = with(running(object), "/spec/strategy/canary/steps", json!([]));
        with(object, "/status/currentStepIndex", Value::Null)
    };
    let canary = samples::canary;
    let blue_green = samples::blue_green;
    for (case, object, action, expected) in [
        ("pause", running(canary()), Action::Pause, vec![("main", paused(true))]),
        ("resume", user_paused(running(canary())), Action::Resume, vec![("main", paused(false))]),
        ("a pause step", canary(), Action::Promote, vec![("status", answer.clone())]),
        (
            "a pause step, user-paused",
            user_paused(canary()),
            Action::Promote,
            vec![("status", answer.clone()), ("main", unpause_after_promotion())],
        ),
        ("a running step", running(canary()), Action::Promote, vec![("status", skip(3))]),
        (
            "the last step",
            with(running(canary()), "/status/currentStepIndex", json!(4)),
            Action::Promote,
            vec![("status", skip(5))],
        ),
        (
            "no index yet",
            with(running(canary()), "/status/currentStepIndex", Value::Null),
            Action::Promote,
            vec![("status", skip(1))],
        ),
        (
            "a running step, user-paused",
            user_paused(running(canary())),
            Action::Promote,
            vec![("status", skip(3)), ("main", unpause_after_promotion())],
        ),
        ("an inconclusive step", inconclusive(canary()), Action::Promote, vec![("status", leave(5))]),
        (
            "inconclusive and not paused by the controller",
            with(inconclusive(canary()), "/status/controllerPause", Value::Null),
            Action::Promote,
            vec![("status", answer.clone())],
        ),
        ("blue-green", blue_green(), Action::Promote, vec![("status", answer.clone())]),
        (
            "blue-green, user-paused only",
            user_paused(running(blue_green())),
            Action::Promote,
            vec![("main", paused(false))],
        ),
        ("no steps, user-paused", user_paused(no_steps(canary())), Action::Promote, vec![("main", paused(false))]),
        ("no steps", no_steps(canary()), Action::Promote, vec![]),
        ("past all steps", with(running(canary()), "/status/currentStepIndex", json!(5)), Action::Promote, vec![]),
        ("full", canary(), Action::PromoteFull, vec![("status", full.clone())]),
        (
            "full, user-paused",
            user_paused(canary()),
            Action::PromoteFull,
            vec![("status", full.clone()), ("main", unpause_after_promotion())],
        ),
        ("full, blue-green", blue_green(), Action::PromoteFull, vec![("status", full)]),
        ("abort", running(canary()), Action::Rollback, vec![("status", abort.clone())]),
        ("abort, blue-green", blue_green(), Action::Rollback, vec![("status", abort)]),
        ("retry", aborted(canary()), Action::Retry, vec![("status", json!({"status": {"abort": false}}))]),
        ("restart", canary(), Action::Restart, vec![("main", json!({"spec": {"restartAt": "2026-05-01T12:00:00Z"}}))]),
    ] {
        let requests = sent(&object, action);
        assert_eq!(plainly(&requests), expected, "{case}");
        assert!(requests.iter().all(|request| request.name == "basket" && request.namespace == "shop"), "{case}");
    }
}

#[test]
fn where_there_is_no_status_subresource_all_is_one_patch() {
    // argo-rollouts, cmd/promote/promote.go: the unified patches.
    for (object, action, expected) in [
        (
            canary_paused_by_user(),
            Action::Promote,
            json!({"spec": {"paused": false}, "status": {"pauseConditions": null}}),
        ),
        (
            user_paused(running(samples::canary())),
            Action::Promote,
            json!({"spec": {"paused": false}, "status": {"pauseConditions": null, "currentStepIndex": 3}}),
        ),
        (inconclusive(samples::canary()), Action::Promote, json!({"status": {"pauseConditions": null}})),
        (
            canary_paused_by_user(),
            Action::PromoteFull,
            json!({"spec": {"paused": false}, "status": {"promoteFull": true}}),
        ),
        (running(samples::canary()), Action::Rollback, json!({"status": {"abort": true, "promoteFull": false}})),
        (
            user_paused(running(samples::canary())),
            Action::Rollback,
            json!({"spec": {"paused": false}, "status": {"abort": true, "promoteFull": false}}),
        ),
        (aborted(samples::canary()), Action::Retry, json!({"status": {"abort": false}})),
    ] {
        let order = order(&object, action);
        let requests = argo::requests_without_status(&object, &[], &order, now()).unwrap();
        assert_eq!(plainly(&requests), [("main", expected)], "{action}");
        assert!(!requests[0].expects.is_empty());
    }
}

fn canary_paused_by_user() -> Value {
    user_paused(samples::canary())
}

#[test]
fn t1_a_promotion_that_was_not_noticed_is_nudged_and_not_sent_again() {
    for object in [samples::canary(), samples::blue_green()] {
        let promotion = order(&object, Action::Promote);
        assert!(matches!(argo::look(&read(&object), &promotion), Look::Waiting(_)));
        let swallowed = with(object.clone(), "/status/pauseConditions", Value::Null);
        assert!(matches!(argo::look(&read(&swallowed), &promotion), Look::Swallowed(_)));
        let nudge = argo::nudge(&read(&swallowed));
        assert_eq!(nudge.body, Body::Merge(json!({"metadata": {"annotations": {"rolldeck.dev/nudge": "77"}}})));
        assert_eq!(nudge.subresource, None);
        // Somebody who finds it like that and promotes has it looked at again: no step is skipped.
        assert_eq!(sent(&swallowed, Action::Promote), [nudge]);
        assert!(said(&swallowed, &order(&swallowed, Action::Promote)).contains("no further step is skipped"));
    }
}

#[test]
fn t2_an_abort_ends_a_persons_pause_too_and_says_what_stays_where_that_is_forbidden() {
    let object = user_paused(running(samples::canary()));
    let requests = sent(&object, Action::Rollback);
    assert_eq!(
        plainly(&requests),
        [
            ("status", json!({"status": {"abort": true, "promoteFull": false}})),
            ("main", unpause(&[("/status/abort", json!(true))])),
        ],
        "the pause ends only where the abort is in force: else it would go on"
    );
    let order = order(&object, Action::Rollback);
    assert!(said(&object, &order).contains("changes: the pause that a person made ends"));
    let mut grants = Grants::default();
    let rules = argo::rules(&read(&object), Action::Rollback);
    assert_eq!(rules[0].to_string(), "patch rollouts.argoproj.io/status in shop");
    assert_eq!(rules[1].to_string(), "patch rollouts.argoproj.io in shop");
    grants.note(rules[1].clone(), false);
    let proposal = argo::propose(&read(&object), None, &order, &grants, now()).unwrap();
    let warning = proposal.preview.checks.iter().find(|check| check.state == CheckState::Warn).unwrap();
    assert!(warning.text.as_str().contains("its pods stay as they are"), "{}", warning.text);
    let offers = argo::offers(&read(&object), &grants);
    let rollback = offers.iter().find(|offer| offer.action == Action::Rollback).unwrap();
    assert_eq!(rollback.why_not, None, "half a way back is better than none");
    // Aborted by somebody else while paused: the pods have not gone back, and a roll back brings them.
    let held = user_paused(aborted(samples::canary()));
    assert!(matches!(argo::look(&read(&held), &order), Look::Waiting(_)));
    assert_eq!(sent(&held, Action::Rollback).len(), 2);
}

#[test]
fn t3_a_full_promotion_right_after_an_undo_waits_for_the_controller() {
    let object = behind(finished(samples::canary()));
    let order = order(&object, Action::PromoteFull);
    let error = argo::requests(&object, &[], &order, now()).unwrap_err();
    assert!(passes_soon(&error), "{error}");
    assert_eq!(error.to_string(), "its controller has not seen the newest spec yet: generation 5, seen 4");
    // Seen: it has a number and a hash of its own now, and is still what was on the screen.
    let mut seen = with(
        with(behind(samples::canary()), "/status/observedGeneration", json!("5")),
        "/status/currentPodHash",
        json!("aaaa"),
    );
    seen["metadata"]["annotations"] = json!({"rollout.argoproj.io/revision": "3"});
    let requests = argo::requests(&seen, &[], &order, now()).unwrap();
    assert_eq!(plainly(&requests), [("status", json!({"status": {"promoteFull": true}}))]);
    // A newer one than that is another one.
    let newer = with(with(seen, "/metadata/generation", json!(6)), "/status/observedGeneration", json!("6"));
    assert!(matches!(argo::requests(&newer, &[], &order, now()), Err(OrderError::Moved { .. })));
}

#[test]
fn t3_an_abort_takes_a_full_promotion_back() {
    let object = with(running(samples::canary()), "/status/promoteFull", json!(true));
    assert_eq!(
        plainly(&sent(&object, Action::Rollback)),
        [("status", json!({"status": {"abort": true, "promoteFull": false}}))]
    );
    let ignored = with(object.clone(), "/status/abort", json!(true));
    assert!(matches!(argo::look(&read(&ignored), &order(&object, Action::Rollback)), Look::Waiting(_)));
}

#[test]
fn t4_an_answer_is_believed_only_where_the_object_changed() {
    for (object, action) in
        every_state().into_iter().flat_map(|object| ACTIONS.iter().map(move |spec| (object.clone(), spec.action)))
    {
        for request in argo::requests(&object, &replica_sets(), &order(&object, action), now()).unwrap_or_default() {
            assert!(!request.expects.is_empty(), "{action}: {request:?}");
            if request.kind == Kind::ROLLOUT {
                assert!(
                    !request.expects.iter().all(|expect| expect.holds(&object)),
                    "{action}: holds before it was sent: {request:?}"
                );
            }
        }
    }
}

#[test]
fn t5_ending_an_analysis_says_that_what_has_not_failed_counts_as_passed() {
    let run = json!({"name": "basket-6f8c7-2-4", "status": "Running"});
    let background = json!({"name": "basket-6f8c7-2", "status": "Running"});
    let object = with(running(samples::canary()), "/status/currentStepIndex", json!(4));
    let object = with(object, "/status/canary/currentBackgroundAnalysisRunStatus", background);
    assert_eq!(sent(&object, Action::Terminate)[0].name, "basket-6f8c7-2");
    let object = with(object, "/status/canary/currentStepAnalysisRunStatus", run);
    let requests = sent(&object, Action::Terminate);
    assert_eq!(plainly(&requests), [("main", json!({"spec": {"terminate": true}}))]);
    assert_eq!((requests[0].kind, requests[0].name.as_str()), (Kind::ANALYSIS_RUN, "basket-6f8c7-2-4"));
    let said = said(&object, &order(&object, Action::Terminate));
    assert!(said.contains("Warn: what has not failed by now counts as passed"), "{said}");
    assert!(said.contains("changes: step 5 of 5 (analysis) passes, and it goes on"), "{said}");
    assert!(said.contains("to stop the rollout, roll back"), "{said}");
    let order = order(&samples::canary(), Action::Terminate);
    assert_eq!(refusal(argo::requests(&samples::canary(), &[], &order, now())), "no analysis runs");
}

#[test]
fn t6_no_reason_rides_on_a_status_patch_and_no_annotation_precedes_it() {
    for action in [Action::Promote, Action::PromoteFull, Action::Rollback] {
        for request in sent(&running(samples::canary()), action) {
            let Body::Merge(body) = &request.body else { panic!("{request:?}") };
            assert_eq!(
                body["metadata"],
                json!({"resourceVersion": "77"}),
                "an annotation would be dropped, or wake the controller"
            );
        }
    }
}

#[test]
fn t7_resume_is_never_a_promotion_and_a_promotion_names_the_step_it_skips() {
    for object in every_state() {
        for request in argo::requests(&object, &[], &order(&object, Action::Resume), now()).unwrap_or_default() {
            assert_eq!(plain(&request), ("main", json!({"spec": {"paused": false}})));
        }
    }
    let object = user_paused(running(samples::canary()));
    let said = said(&object, &order(&object, Action::Promote));
    assert!(said.contains("changes: step 3 of 5 (setWeight: 60) is skipped while it runs"), "{said}");
    assert!(said.contains("To go on without skipping a step, resume"), "{said}");
    let waits = order(&samples::canary(), Action::Resume);
    let why = refusal(argo::requests(&samples::canary(), &[], &waits, now()));
    assert_eq!(why, "no person paused it: it waits at step 2 of 5 (pause); promote lets it go on");
}

#[test]
fn t8_no_order_lands_on_another_revision_or_a_widening_one_on_another_step() {
    let screen = samples::canary();
    let mut other = with(screen.clone(), "/status/currentPodHash", json!("7777"));
    other["metadata"]["annotations"] = json!({"rollout.argoproj.io/revision": "3"});
    let step = with(screen.clone(), "/status/currentStepIndex", json!(3));
    for spec in ACTIONS.iter().filter(|spec| !matches!(spec.action, Action::Retry | Action::Terminate)) {
        let order = order(&screen, spec.action);
        let error = argo::requests(&other, &replica_sets(), &order, now()).unwrap_err();
        let OrderError::Moved { present, what } = error else { panic!("{}: {error:?}", spec.verb) };
        assert_eq!(argo::candidate(&present), "3-7777");
        assert_eq!(what, "it is at revision 3 (7777) now, not at revision 2 (6f8c7) as it was on the screen");
        let moved = argo::requests(&step, &replica_sets(), &order, now());
        match moved {
            Err(OrderError::Moved { what, .. }) => {
                assert!(spec.widens, "{}: a stop must not lose a race", spec.verb);
                assert_eq!(what, "it moved on: it waits at step 4 of 5 (pause: 10m) now");
            }
            Ok(_) => assert!(!spec.widens, "{}", spec.verb),
            other => panic!("{}: {other:?}", spec.verb),
        }
        for request in argo::requests(&screen, &replica_sets(), &order, now()).unwrap_or_default().iter().take(1) {
            let guarded = match &request.body {
                Body::Merge(body) => body["metadata"]["resourceVersion"] == "77",
                Body::Json(patch) => {
                    patch.as_array().unwrap().iter().any(|op| op["path"] == "/metadata/resourceVersion")
                }
                _ => false,
            };
            assert!(guarded, "{}: {request:?}", spec.verb);
        }
    }
}

#[test]
fn t9_a_finished_rollout_is_undone_and_never_aborted_and_what_was_aborted_is_not_promoted() {
    let done = finished(samples::canary());
    let requests = sent(&done, Action::Rollback);
    assert!(matches!(&requests[..], [Request { body: Body::Json(_), subresource: None, .. }]), "{requests:?}");
    for action in [Action::Promote, Action::PromoteFull] {
        assert!(sent(&done, action).is_empty());
        assert!(propose(&done, &order(&done, action)).unwrap().no_op, "nothing to promote is no success");
    }
    let given_up = aborted(samples::canary());
    for action in [Action::Promote, Action::PromoteFull] {
        assert!(
            refusal(argo::requests(&given_up, &[], &order(&given_up, action), now())).starts_with("it was aborted")
        );
    }
    for object in [samples::canary(), done] {
        let why = refusal(argo::requests(&object, &[], &order(&object, Action::Retry), now()));
        assert_eq!(why, "it was not aborted: there is nothing to retry");
    }
}

#[test]
fn t10_an_abort_and_a_retry_say_that_the_spec_still_names_the_candidate() {
    let still = "same: the spec still names revision 2 (6f8c7) (registry.example/basket:1.5.0) until it is undone, or another is set";
    let object = running(samples::canary());
    let abort = said(&object, &order(&object, Action::Rollback));
    assert!(abort.contains(still), "{abort}");
    assert!(abort.contains("changes: weight 60 -> 0: all traffic goes to revision 1 (d41d8)"), "{abort}");
    let object = with(aborted(samples::canary()), "/status/message", json!("RolloutAborted: metric \"errors\" failed"));
    let retry = said(&object, &order(&object, Action::Retry));
    assert!(retry.contains(still), "{retry}");
    assert!(retry.contains("metric \"errors\" failed; nothing of that has changed by a retry"), "{retry}");
}

#[test]
fn t11_after_a_write_of_its_spec_a_rollout_is_not_taken_up_before_its_controller_saw_it() {
    let object = running(samples::canary());
    let pause = order(&object, Action::Pause);
    let stored = with(with(object, "/spec/paused", json!(true)), "/metadata/generation", json!(5));
    assert!(matches!(argo::look(&read(&stored), &pause), Look::Waiting(_)));
    let seen = with(stored, "/status/observedGeneration", json!("5"));
    assert!(matches!(argo::look(&read(&seen), &pause), Look::TakenUp(_)));
}

#[test]
fn t13_the_fallback_for_old_clusters_is_asked_for_by_itself_and_makes_the_same_decision() {
    for object in every_state() {
        for spec in &ACTIONS {
            let order = order(&object, spec.action);
            let usual = argo::requests(&object, &replica_sets(), &order, now());
            let old = argo::requests_without_status(&object, &replica_sets(), &order, now());
            assert_eq!(usual.is_ok(), old.is_ok());
            assert_eq!(usual.as_ref().map(Vec::is_empty), old.as_ref().map(Vec::is_empty));
            for request in old.iter().flatten() {
                assert_eq!(request.subresource, None, "{}: {request:?}", spec.verb);
            }
        }
    }
}

#[test]
fn t14_generations_are_texts_and_the_strategy_is_read_from_the_spec() {
    // observedGeneration as a hash, as a controller of 0.9 writes it: it is taken as seen.
    let object = with(samples::canary(), "/status/observedGeneration", json!("58ff9d5cd7"));
    assert_eq!(sent(&object, Action::Promote).len(), 1);
    let both = with(samples::blue_green(), "/status/canary", json!({}));
    assert_eq!(plainly(&sent(&both, Action::Promote)), [("status", json!({"status": {"pauseConditions": null}}))]);
    let neither = with(samples::canary(), "/spec/strategy", json!({}));
    let why = refusal(argo::requests(&neither, &[], &order(&neither, Action::Promote), now()));
    assert_eq!(why, "its strategy cannot be read: spec.strategy has neither canary nor blueGreen");
    assert_eq!(sent(&neither, Action::Rollback).len(), 1, "going back needs no strategy");
}

fn undo_patch(request: &Request) -> &[Value] {
    let Body::Json(Value::Array(patch)) = &request.body else { panic!("{request:?}") };
    patch
}

#[test]
fn an_undo_puts_back_the_template_without_what_the_controller_added_to_it() {
    // argo-rollouts, cmd/undo/undo_test.go: TestUndoCmd, TestUndoCmdToRevision.
    let object = finished(samples::canary());
    let mut sets = replica_sets();
    sets[0]["metadata"]["annotations"]["rollout.argoproj.io/ephemeral-metadata"] =
        json!("{\"labels\":{\"role\":\"stable\"}}");
    sets[0]["spec"]["template"]["metadata"]["labels"]["role"] = json!("stable");
    let requests = argo::requests(&object, &sets, &order(&object, Action::Rollback), now()).unwrap();
    let template = json!({
        "metadata": {"labels": {"app": "basket"}},
        "spec": {"containers": [{"name": "basket", "image": "registry.example/basket:1.4.0"}]},
    });
    assert_eq!(
        undo_patch(&requests[0]),
        [
            json!({"op": "test", "path": "/metadata/uid", "value": "r-1"}),
            json!({"op": "test", "path": "/metadata/resourceVersion", "value": "77"}),
            json!({"op": "replace", "path": "/spec/template", "value": template}),
        ]
    );
    assert!(requests[0].expects[0].holds(&json!({"metadata": {"generation": 5}})));
    let said = said(&object, &order(&object, Action::Rollback));
    assert!(
        said.starts_with("undo revision 2 (6f8c7): back to revision 1 (d41d8), registry.example/basket:1.4.0"),
        "{said}"
    );
    assert!(said.contains("changes: images: registry.example/basket:1.5.0 -> registry.example/basket:1.4.0"), "{said}");
    let paused = user_paused(object);
    let requests = sent(&paused, Action::Rollback);
    assert_eq!(undo_patch(&requests[0]).last(), Some(&json!({"op": "add", "path": "/spec/paused", "value": false})));
}

#[test]
fn the_revision_before_is_the_newest_other_one_and_of_an_aborted_update_the_stable_one() {
    let mut sets = replica_sets();
    sets.push(replica_set(3, "bbbb", "registry.example/basket:1.6.0"));
    let image = |requests: Vec<Request>| {
        undo_patch(&requests[0]).iter().find(|op| op["op"] == "replace").unwrap()["value"]["spec"]["containers"][0]["image"].clone()
    };
    // 1 is stable, 2 was aborted, 3 is the candidate and was aborted too: 2 is no way back.
    let mut given_up = with(aborted(samples::canary()), "/status/currentPodHash", json!("bbbb"));
    given_up["metadata"]["annotations"] = json!({"rollout.argoproj.io/revision": "3"});
    let undo = argo::requests(&given_up, &sets, &order(&given_up, Action::Rollback), now()).unwrap();
    assert_eq!(image(undo), "registry.example/basket:1.4.0");
    let undo = argo::requests(&given_up, &sets, &to(&given_up, 2), now()).unwrap();
    assert_eq!(image(undo), "registry.example/basket:1.5.0", "unless somebody wants it");
    let done = with(given_up, "/status/stableRS", json!("bbbb"));
    let done = with(done, "/status/abort", Value::Null);
    let undo = argo::requests(&done, &sets, &order(&done, Action::Rollback), now()).unwrap();
    assert_eq!(image(undo), "registry.example/basket:1.5.0");
    // Who gave 2 up does not find it deployed again by going back once more.
    let mut once_more = order(&done, Action::Rollback);
    once_more.avoid = vec!["6f8c7".into()];
    let undo = argo::requests(&done, &sets, &once_more, now()).unwrap();
    assert_eq!(image(undo), "registry.example/basket:1.4.0");
    once_more.avoid.push("d41d8".into());
    let refused = refusal(argo::requests(&done, &sets, &once_more, now()));
    assert!(refused.contains("--to"), "{refused}");
}

#[test]
fn going_back_waits_for_no_controller() {
    let done = finished(samples::canary());
    let unseen = with(done, "/metadata/generation", json!(99));
    let unseen = with(unseen, "/spec/template/spec/containers/0/image", json!("registry.example/basket:1.6.0"));
    let undo = argo::requests(&unseen, &replica_sets(), &order(&unseen, Action::Rollback), now()).unwrap();
    assert!(!undo.is_empty(), "what is stable is put back");
}

#[test]
fn an_undo_to_what_is_there_changes_nothing_and_a_revision_that_is_gone_is_said_so() {
    // argo-rollouts, cmd/undo/undo_test.go: TestUndoCmdToRevisionSkipCurrent, …NotFoundError, TestUndoCmdNoRevisionError.
    let object = finished(samples::canary());
    assert!(argo::requests(&object, &replica_sets(), &to(&object, 2), now()).unwrap().is_empty());
    let proposal = propose(&object, &to(&object, 2)).unwrap();
    assert!(proposal.no_op);
    assert!(proposal.preview.summary.as_str().contains("its template is that of revision 2 (6f8c7) already"));
    let why = refusal(argo::requests(&object, &replica_sets(), &to(&object, 7), now()));
    assert_eq!(why, "revision 7 is not in its history: there are 2, 1");
    assert!(
        refusal(argo::requests(&object, &replica_sets(), &to(&object, 9), now())).starts_with("revision 9"),
        "another rollout's"
    );
    let why = refusal(argo::requests(&object, &[], &order(&object, Action::Rollback), now()));
    assert_eq!(why, "there is no revision before revision 2 (6f8c7) in its history");
    let snapshot =
        Order { to: Some(format!("sha256:{}", "a".repeat(64)).parse().unwrap()), ..order(&object, Action::Rollback) };
    assert!(refusal(argo::requests(&object, &[], &snapshot, now())).contains("by its number"));
}

#[test]
fn an_undo_of_a_workload_referred_to_is_sent_to_that_and_only_where_it_is_as_it_was_read() {
    // argo-rollouts, cmd/undo/undo_test.go: TestUndoCmdToRevisionOfWorkloadRef.
    let refers = |kind: &str| {
        let object = with(
            finished(samples::canary()),
            "/spec/workloadRef",
            json!({"apiVersion": "apps/v1", "kind": kind, "name": "basket"}),
        );
        let mut object = with(object, "/spec/template", Value::Null);
        object["metadata"]["annotations"] =
            json!({"rollout.argoproj.io/revision": "2", "rollout.argoproj.io/workload-generation": "7"});
        with(object, "/status/workloadObservedGeneration", json!("7"))
    };
    let object = refers("Deployment");
    let mut related = replica_sets();
    let requests = argo::requests(&object, &related, &order(&object, Action::Rollback), now()).unwrap();
    assert_eq!((requests.len(), requests[0].kind, requests[0].name.as_str()), (1, Kind::DEPLOYMENT, "basket"));
    assert_eq!(undo_patch(&requests[0])[0], json!({"op": "test", "path": "/metadata/generation", "value": 7}));
    related.push(json!({"kind": "Deployment", "metadata": {"name": "basket", "uid": "d-1", "resourceVersion": "500", "generation": 7}}));
    let requests = argo::requests(&object, &related, &order(&object, Action::Rollback), now()).unwrap();
    let paths: Vec<&Value> = undo_patch(&requests[0]).iter().map(|op| &op["path"]).collect();
    assert_eq!(paths, ["/metadata/uid", "/metadata/resourceVersion", "/spec/template"]);
    assert!(requests[0].expects[0].holds(&json!({"metadata": {"generation": 8}})));
    let paused = user_paused(object);
    let requests = argo::requests(&paused, &related, &order(&paused, Action::Rollback), now()).unwrap();
    assert_eq!(requests[1].kind, Kind::ROLLOUT, "a pause of the Rollout ends in the Rollout");
    assert_eq!(argo::rules(&read(&paused), Action::Rollback)[0].to_string(), "patch deployments.apps in shop");
    assert_eq!(sent(&refers("ReplicaSet"), Action::Rollback)[0].kind, Kind::REPLICA_SET);
    let template = refers("PodTemplate");
    let requests = sent(&template, Action::Rollback);
    assert_eq!(undo_patch(&requests[0]).last().unwrap()["path"], "/template");
    let other = refers("StatefulSet");
    let why = refusal(argo::requests(&other, &related, &order(&other, Action::Rollback), now()));
    assert_eq!(why, "its template is that of a StatefulSet, which cannot be put back from here");
}

#[test]
fn an_abort_that_came_about_is_not_followed_by_an_undo_that_nobody_ordered() {
    let screen = running(samples::canary());
    let order_then = order(&screen, Action::Rollback);
    let since = aborted(samples::canary());
    assert!(argo::requests(&since, &replica_sets(), &order_then, now()).unwrap().is_empty());
    assert!(matches!(argo::look(&read(&since), &order_then), Look::TakenUp(_)));
    let requests = sent(&since, Action::Rollback);
    assert!(matches!(requests[0].body, Body::Json(_)), "who sees that it was aborted orders the undo");
}

#[test]
fn a_first_deployment_has_nothing_to_go_back_to() {
    let object = with(running(samples::canary()), "/status/stableRS", Value::Null);
    let why = refusal(argo::requests(&object, &[], &order(&object, Action::Rollback), now()));
    assert!(why.contains("first deployment"), "{why}");
    let new = with(samples::canary(), "/status", Value::Null);
    assert!(passes_soon(&argo::requests(&new, &[], &order(&new, Action::Promote), now()).unwrap_err()));
    assert_eq!(sent(&new, Action::Pause).len(), 1, "a pause waits for nobody");
}

#[test]
fn a_preview_tells_weights_steps_and_pods() {
    let object = samples::canary();
    let said = said(&object, &order(&object, Action::Promote));
    for line in [
        "promote revision 2 (6f8c7) to step 3 of 5 (setWeight: 60): weight 20 -> 60",
        "changes: step 2 of 5 (pause) ends",
        "changes: step 3 of 5 (setWeight: 60) begins",
        "changes: weight 20 -> 60: about 3 of 5 pods",
        "changes: it stops next at step 4 of 5 (pause: 10m)",
    ] {
        assert!(said.contains(line), "{line}\n{said}");
    }
    assert_eq!(propose(&object, &order(&object, Action::Promote)).unwrap().preview.units, 2);
    let full = self::said(&object, &order(&object, Action::PromoteFull));
    assert!(full.contains("changes: 4 of 5 steps are skipped, from step 2 of 5 (pause) on"), "{full}");
    assert!(full.contains("weight 20 -> 100"), "{full}");
    let green = samples::blue_green();
    let switch = self::said(&green, &order(&green, Action::Promote));
    assert!(
        switch.contains("changes: service basket leads to revision 2 (6f8c7) instead of revision 1 (d41d8)"),
        "{switch}"
    );
    let git = with(object, "/metadata/labels", json!({"kustomize.toolkit.fluxcd.io/name": "apps"}));
    assert!(self::said(&git, &order(&git, Action::Pause)).contains("Flux keeps this Rollout as it is in Git"));
}

#[test]
fn a_retry_says_where_a_blue_green_rollout_would_switch_without_waiting() {
    // Seen of a controller of 1.9.1: pods that an abort left for 30 s are switched to at once by a retry.
    let object = aborted(samples::blue_green());
    let order = order(&object, Action::Retry);
    let told = |sets: Option<Vec<Value>>| {
        let children = sets.map(|sets| Children { objects: [(Kind::REPLICA_SET, sets)].into(), ..Children::default() });
        let proposal = argo::propose(&read(&object), children.as_ref(), &order, &Grants::default(), now()).unwrap();
        proposal.preview.checks.iter().any(|check| check.text.as_str().contains("switched to at once"))
    };
    let mut warm = replica_sets();
    warm[1]["metadata"]["annotations"]["scale-down-deadline"] = json!("2026-05-01T12:00:30Z");
    assert!(told(Some(warm)) && told(None));
    assert!(!told(Some(replica_sets())));
}

#[test]
fn a_button_says_what_is_missing() {
    let object = samples::canary();
    let mut grants = Grants::default();
    for rule in argo::rules(&read(&object), Action::Promote) {
        grants.note(rule, false);
    }
    let offers = argo::offers(&read(&object), &grants);
    assert_eq!(offers.len(), ACTIONS.len());
    let why = |action: Action| {
        let offer = offers.iter().find(|offer| offer.action == action).unwrap();
        offer.why_not.as_ref().map(|why| why.as_str().to_owned())
    };
    assert_eq!(why(Action::Promote).as_deref(), Some("it needs patch rollouts.argoproj.io/status in shop"));
    assert_eq!(why(Action::Pause), None);
    assert_eq!(
        why(Action::Resume).as_deref(),
        Some("no person paused it: it waits at step 2 of 5 (pause); promote lets it go on")
    );
    assert_eq!(why(Action::Terminate).as_deref(), Some("no analysis runs"));
    let error = argo::propose(&read(&object), None, &order(&object, Action::Promote), &grants, now()).unwrap_err();
    assert_eq!(error.to_string(), "the cluster forbids it: it needs patch rollouts.argoproj.io/status in shop");
}
