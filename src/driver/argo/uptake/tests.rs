use serde_json::{Value, json};

use super::*;
use crate::{
    domain::Revision,
    driver::argo::samples::{self, with},
};

fn order(screen: &Value, action: Action) -> Order {
    Order {
        avoid: Vec::new(),
        id: "shop/basket".parse().unwrap(),
        action,
        to: None,
        revision: revision(&Rollout::read(screen)),
        by: SafeText::new("ana"),
        reason: SafeText::new("because"),
        at: "2026-05-01T12:00:00Z".parse().unwrap(),
    }
}

fn at(object: &Value, changes: &[(&str, Value)]) -> Value {
    changes.iter().fold(object.clone(), |object, (pointer, value)| with(object, pointer, value.clone()))
}

/// The look in a letter, and its sentence.
fn told(object: &Value, order: &Order) -> (char, String) {
    let look = look(&Rollout::read(object), order);
    let letter = match look {
        Look::TakenUp(_) => 't',
        Look::Waiting(_) => 'w',
        Look::Swallowed(_) => 's',
        Look::NoOp(_) => 'n',
    };
    (letter, look.words().as_str().to_owned())
}

fn wrote(object: Value, manager: &str, field: &str, time: &str) -> Value {
    let (group, name) = field.split_once('.').unwrap();
    let fields = json!({format!("f:{group}"): {format!("f:{name}"): {}}});
    with(object, "/metadata/managedFields", json!([{"manager": manager, "time": time, "fieldsV1": fields}]))
}

const RUNNING: [(&str, Value); 2] =
    [("/status/pauseConditions", Value::Null), ("/status/controllerPause", Value::Null)];

#[test]
fn each_order_is_done_when_the_controller_was_seen_to_react_and_not_before() {
    use Action as A;

    let screen = samples::canary();
    let running = at(&screen, &RUNNING);
    let null = Value::Null;
    let other = [("/status/currentPodHash", json!("7777")), ("/status/currentStepIndex", json!(0))];
    let is = |value: bool| json!(value);
    let aborted = [("/status/abort", is(true)), ("/status/abortedAt", json!("2026-05-01T11:00:00Z"))];
    let given_up = at(&running, &aborted);
    for (screen, action, changes, letter, words) in [
        (&screen, A::Promote, vec![], 'w', "it is as it was"),
        (&screen, A::Promote, vec![("/spec/paused", is(true))], 'w', "it moved, and the step is the same"),
        (&screen, A::Promote, vec![("/status/pauseConditions", null.clone())], 's', "the promotion is stored"),
        (&screen, A::Promote, RUNNING.to_vec(), 't', "it is at step 2 of 5 (pause)"),
        (
            &screen,
            A::Promote,
            vec![("/status/currentStepIndex", json!(3))],
            't',
            "it waits at step 4 of 5 (pause: 10m)",
        ),
        (
            &screen,
            A::Promote,
            vec![("/status/currentStepIndex", json!(3)), ("/spec/paused", is(true))],
            'w',
            "a person's pause",
        ),
        (&screen, A::Promote, vec![("/status/stableRS", json!("6f8c7"))], 't', "revision 2 (6f8c7) is the stable one"),
        (&screen, A::Promote, aborted.to_vec(), 'n', "it was aborted since"),
        (&screen, A::Promote, other.to_vec(), 'n', "it is at revision 2 (7777) now: whether"),
        (
            &screen,
            A::Promote,
            vec![("/status/currentPodHash", json!("7777")), ("/status/stableRS", json!("6f8c7"))],
            't',
            "6f8c7 became the stable one",
        ),
        (&running, A::Promote, vec![("/status/currentStepIndex", json!(2))], 't', "it is at step 3 of 5"),
        (&screen, A::PromoteFull, vec![], 'w', "it is not being promoted fully"),
        (&screen, A::PromoteFull, vec![("/status/promoteFull", is(true))], 's', "the full promotion is stored"),
        (
            &running,
            A::PromoteFull,
            vec![("/status/promoteFull", is(true)), ("/status/currentStepIndex", json!(5))],
            't',
            "it goes on",
        ),
        (
            &running,
            A::PromoteFull,
            vec![("/status/promoteFull", is(true)), ("/spec/paused", is(true))],
            'w',
            "a person's pause",
        ),
        (&running, A::PromoteFull, vec![("/status/stableRS", json!("6f8c7"))], 't', "is the stable one"),
        (&running, A::PromoteFull, aborted.to_vec(), 'n', "it was aborted since"),
        (&running, A::Rollback, vec![], 'w', "it is not aborted"),
        (&running, A::Rollback, vec![("/status/abort", is(true))], 's', "the abort is stored"),
        (&running, A::Rollback, aborted.to_vec(), 't', "it was aborted: 1 pod of revision 2 (6f8c7) left"),
        (
            &running,
            A::Rollback,
            vec![aborted[0].clone(), aborted[1].clone(), ("/spec/paused", is(true))],
            'w',
            "a person's pause keeps its pods",
        ),
        (
            &running,
            A::Rollback,
            vec![aborted[0].clone(), aborted[1].clone(), ("/status/promoteFull", is(true))],
            'w',
            "not taken up while",
        ),
        (&running, A::Rollback, vec![("/metadata/generation", json!(5))], 'w', "its controller has not seen"),
        (&running, A::Rollback, other.to_vec(), 't', "it is on its way to revision 2 (7777)"),
        (
            &running,
            A::Rollback,
            vec![("/status/currentPodHash", json!("d41d8"))],
            't',
            "it went back to revision 2 (d41d8), which is stable",
        ),
        (&running, A::Pause, vec![], 'w', "it is not paused yet"),
        (&running, A::Pause, vec![("/spec/paused", is(true))], 't', "it is paused"),
        (&running, A::Pause, vec![("/spec/paused", is(true)), ("/metadata/generation", json!(5))], 'w', "it is stored"),
        (&running, A::Pause, other.to_vec(), 'n', "it is at revision 2 (7777) now"),
        (&running, A::Resume, vec![], 't', "no person's pause holds it"),
        (&running, A::Resume, vec![("/spec/paused", is(true))], 'w', "still holds it"),
        (&given_up, A::Retry, vec![], 'w', "it is still aborted"),
        (&given_up, A::Retry, vec![("/status/abort", is(false))], 's', "the retry is stored"),
        (
            &given_up,
            A::Retry,
            vec![("/status/abort", null.clone()), ("/status/abortedAt", null.clone())],
            't',
            "it began again",
        ),
        (
            &given_up,
            A::Retry,
            vec![("/status/abortedAt", json!("2026-05-01T12:03:00Z"))],
            't',
            "it began again, and was aborted again",
        ),
        (&running, A::Restart, vec![], 'w', "no restart is asked for"),
        (
            &running,
            A::Restart,
            vec![("/spec/restartAt", json!("2026-04-01T12:00:00Z"))],
            'w',
            "no restart is asked for",
        ),
        (
            &running,
            A::Restart,
            vec![("/spec/restartAt", json!("2026-05-01T12:00:00Z"))],
            't',
            "pods are being made anew",
        ),
        (
            &running,
            A::Restart,
            vec![
                ("/spec/restartAt", json!("2026-05-01T12:00:00Z")),
                ("/status/restartedAt", json!("2026-05-01T12:00:00Z")),
            ],
            't',
            "all pods were made anew",
        ),
        (&running, A::Terminate, vec![], 't', "no analysis runs"),
        (
            &running,
            A::Terminate,
            vec![("/status/canary/currentStepAnalysisRunStatus", json!({"name": "a", "status": "Running"}))],
            'w',
            "analysis a still runs",
        ),
    ] {
        let object = at(screen, &changes);
        let (told, sentence) = told(&object, &order(screen, action));
        assert_eq!(told, letter, "{action} {changes:?}: {sentence}");
        assert!(sentence.contains(words), "{action} {changes:?}: {sentence}");
    }
}

#[test]
fn an_undo_to_a_revision_is_done_once_another_template_is_there() {
    let mut done = at(&samples::canary(), &RUNNING);
    done["status"]["stableRS"] = json!("6f8c7");
    let order = Order { to: Some(RollbackTo::Revision(1)), ..order(&done, Action::Rollback) };
    assert_eq!(told(&done, &order).0, 'w');
    let stored = with(done.clone(), "/metadata/generation", json!(5));
    assert_eq!(told(&stored, &order), ('w', "its controller has not seen the newest spec yet".to_owned()));
    let mut seen = with(stored, "/status/observedGeneration", json!("5"));
    seen["status"]["currentPodHash"] = json!("d41d8");
    seen["metadata"]["annotations"] = json!({"rollout.argoproj.io/revision": "3"});
    let (letter, words) = told(&seen, &order);
    assert_eq!(
        (letter, words.as_str()),
        ('t', "it is on its way to revision 3 (d41d8); asked for was the template of revision 1")
    );
    // Somebody else released in the meantime.
    let (letter, words) = told(&wrote(seen.clone(), "kubectl-edit", "spec.template", "2026-05-01T12:01:00Z"), &order);
    assert_eq!((letter, words.as_str()), ('n', "kubectl-edit set another template since: it is at revision 3 (d41d8)"));
    assert_eq!(told(&wrote(seen.clone(), "rolldeck", "spec.template", "2026-05-01T12:00:01Z"), &order).0, 't');
    assert_eq!(
        told(&wrote(seen, "kubectl-edit", "spec.template", "2026-05-01T11:00:00Z"), &order).0,
        't',
        "before the order"
    );
}

#[test]
fn an_undo_of_what_was_aborted_is_not_done_because_it_was_aborted() {
    let running = at(&samples::canary(), &RUNNING);
    let aborted = at(&running, &[("/status/abort", json!(true)), ("/status/abortedAt", json!("2026-05-01T11:00:00Z"))]);
    let undo = order(&aborted, Action::Rollback);
    assert_eq!(told(&aborted, &undo), ('w', "it is at the revision that it was at".to_owned()));
    let stored = with(aborted.clone(), "/metadata/generation", json!(5));
    assert_eq!(told(&stored, &undo), ('w', "its controller has not seen the newest spec yet".to_owned()));
    let back = at(&running, &[("/status/currentPodHash", json!("d41d8"))]);
    assert_eq!(told(&back, &undo).0, 't');
    // Held by a person's pause, the way back was only to be let go on.
    let held = with(aborted.clone(), "/spec/paused", json!(true));
    let order = order(&held, Action::Rollback);
    assert_eq!(told(&held, &order).0, 'w');
    assert_eq!(told(&aborted, &order).0, 't');
}

#[test]
fn who_ended_a_pause_since_is_named() {
    let running = at(&samples::canary(), &RUNNING);
    let resumed = wrote(running.clone(), "argocd-controller", "spec.paused", "2026-05-01T12:01:00Z");
    let (letter, words) = told(&resumed, &order(&running, Action::Pause));
    assert_eq!((letter, words.as_str()), ('n', "argocd-controller ended the pause since"));
    let again = with(resumed, "/spec/paused", json!(true));
    assert_eq!(told(&again, &order(&running, Action::Resume)).0, 'n');
}

#[test]
fn an_order_with_a_revision_of_another_form_is_never_taken_for_done() {
    let screen = samples::canary();
    for text in ["", "3", "7-x:9w-0", "nonsense"] {
        for action in [Action::Promote, Action::PromoteFull, Action::Retry, Action::Terminate] {
            let order = Order { revision: Revision(SafeText::new(text)), ..order(&screen, action) };
            assert_eq!(told(&screen, &order).0, 'n', "{action} {text:?}");
        }
    }
}
