//! What is sent to Flagger in each phase, the trap that its levers stick, and what must hold of every order.

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::afterwards::{OPENED_GATE, OPENED_ROLLBACK, SKIPPED};
use crate::{
    domain::{Action, RollbackTo, SafeText, action::ACTIONS},
    driver::{
        Order, OrderError,
        flagger::{self, Canary},
        kubernetes::{
            grants::Grants,
            request::{Body, Kind, Request},
            uptake::Look,
        },
    },
};

fn now() -> DateTime<Utc> {
    "2026-05-01T12:00:00Z".parse().unwrap()
}

const GATE: &str = "http://flagger-loadtester.test/gate/check";
const ROLLBACK: &str = "http://flagger-loadtester.test/rollback/check";

/// A Canary at 20 %, with gates of the load tester.
fn canary() -> Value {
    json!({
        "metadata": {"name": "shop", "namespace": "test", "uid": "c-1", "resourceVersion": "77"},
        "spec": {
            "provider": "istio",
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"},
            "analysis": {"interval": "30s", "stepWeight": 10, "maxWeight": 50, "threshold": 5, "webhooks": [
                {"type": "confirm-rollout", "name": "begin", "url": GATE},
                {"type": "confirm-promotion", "name": "promote", "url": GATE},
                {"type": "rollback", "name": "back", "url": ROLLBACK},
            ]},
        },
        "status": {"phase": "Progressing", "canaryWeight": 20, "failedChecks": 1, "iterations": 0,
            "lastAppliedSpec": "7666bfb85f", "lastPromotedSpec": "5b4554b4d"},
    })
}

fn at(mut object: Value, changes: &[(&str, Value)]) -> Value {
    for (pointer, value) in changes {
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        object.pointer_mut(parent).unwrap()[field] = value.clone();
    }
    object
}

fn phase(phase: &str) -> Value {
    let weight = if matches!(phase, "Progressing" | "Waiting" | "Promoting") { 20 } else { 0 };
    at(canary(), &[("/status/phase", json!(phase)), ("/status/canaryWeight", json!(weight))])
}

fn without(object: Value, hook: &str) -> Value {
    let hooks: Vec<Value> = object["spec"]["analysis"]["webhooks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|h| h["type"] != hook)
        .cloned()
        .collect();
    at(object, &[("/spec/analysis/webhooks", json!(hooks))])
}

fn with_hook(object: Value, hook: &str, url: &str) -> Value {
    let mut object = without(object, hook);
    object["spec"]["analysis"]["webhooks"]
        .as_array_mut()
        .unwrap()
        .push(json!({"type": hook, "name": "mine", "url": url}));
    object
}

fn read(object: &Value) -> Canary {
    Canary::read(object)
}

fn order(object: &Value, action: Action) -> Order {
    Order {
        avoid: Vec::new(),
        id: "test/shop".parse().unwrap(),
        action,
        to: None,
        revision: flagger::revision(&read(object)),
        by: SafeText::new("ana"),
        reason: SafeText::new("because"),
        at: now(),
    }
}

fn related() -> Vec<Value> {
    vec![
        json!({"metadata": {"name": "shop-primary", "namespace": "test", "resourceVersion": "6"}}),
        json!({"metadata": {"name": "shop", "namespace": "test", "resourceVersion": "500"}}),
    ]
}

fn sent(object: &Value, action: Action) -> Vec<Request> {
    flagger::requests(object, &related(), &order(object, action), now()).unwrap()
}

/// Where each request goes and what it says.
fn plainly(requests: &[Request]) -> Vec<(String, Value)> {
    let plain = |request: &Request| {
        let place =
            format!("{} {}/{}", request.kind.plural, request.name, request.subresource.as_deref().unwrap_or("-"));
        let body = match &request.body {
            Body::Merge(body) | Body::Json(body) | Body::Create(body) | Body::Post(body) => body.clone(),
        };
        (place, body)
    };
    requests.iter().map(plain).collect()
}

fn post(path: &str) -> (String, Value) {
    (format!("services http:flagger-loadtester:80/proxy/{path}"), json!({"name": "shop", "namespace": "test"}))
}

fn main(notes: Value, spec: Value) -> (String, Value) {
    let mut body = json!({"metadata": {"resourceVersion": "77"}});
    if notes != json!({}) {
        body["metadata"]["annotations"] = notes;
    }
    if spec != json!({}) {
        body["spec"] = spec;
    }
    ("canaries shop/-".to_owned(), body)
}

fn refusal(object: &Value, action: Action) -> String {
    match flagger::requests(object, &related(), &order(object, action), now()) {
        Err(OrderError::Refused(blockers)) => blockers[0].summary.as_str().to_owned(),
        other => panic!("{action} is not refused: {other:?}"),
    }
}

fn said(object: &Value, order: &Order) -> String {
    let preview = flagger::propose(&read(object), None, order, &Grants::default(), now()).unwrap().preview;
    let mut lines = vec![preview.summary.as_str().to_owned()];
    lines.extend(preview.changes.iter().map(|line| format!("changes: {line}")));
    lines.extend(preview.unchanged.iter().map(|line| format!("same: {line}")));
    lines.extend(preview.checks.iter().map(|check| format!("{:?}: {}", check.state, check.text)));
    lines.join("\n")
}

#[test]
fn each_action_is_the_one_lever_that_flagger_has_for_it() {
    let mark = |at: &str| json!(format!("7666bfb85f:{at}"));
    let suspended = |object: Value| at(object, &[("/spec/suspend", json!(true))]);
    let open = |notes: Value| vec![main(notes, json!({})), post("gate/open")];
    let allowed = json!({"rolldeck.dev/allow-status-rollback": "true"});
    for (case, object, action, expected) in [
        ("pause", canary(), Action::Pause, vec![main(json!({}), json!({"suspend": true}))]),
        ("resume", suspended(canary()), Action::Resume, vec![main(json!({}), json!({"suspend": false}))]),
        ("begin", phase("Waiting"), Action::Promote, open(json!({OPENED_GATE: mark("Waiting.x")}))),
        ("promote", phase("WaitingPromotion"), Action::Promote, open(json!({OPENED_GATE: mark("WaitingPromotion.x")}))),
        (
            "next share",
            with_hook(canary(), "confirm-traffic-increase", GATE),
            Action::Promote,
            open(json!({OPENED_GATE: mark("Progressing.20")})),
        ),
        (
            "full",
            canary(),
            Action::PromoteFull,
            vec![main(json!({SKIPPED: mark("Progressing.20")}), json!({"skipAnalysis": true}))],
        ),
        (
            "full, before it began",
            phase("Waiting"),
            Action::PromoteFull,
            vec![
                main(
                    json!({SKIPPED: mark("Waiting.x"), OPENED_GATE: mark("Waiting.x")}),
                    json!({"skipAnalysis": true}),
                ),
                post("gate/open"),
            ],
        ),
        ("full, where nothing is under way", phase("Succeeded"), Action::PromoteFull, vec![]),
        (
            "back",
            canary(),
            Action::Rollback,
            vec![main(json!({OPENED_ROLLBACK: mark("Progressing.20")}), json!({})), post("rollback/open")],
        ),
        (
            "back, suspended",
            suspended(canary()),
            Action::Rollback,
            vec![
                main(json!({OPENED_ROLLBACK: mark("Progressing.20")}), json!({"suspend": false})),
                post("rollback/open"),
            ],
        ),
        (
            "back, while its analysis is skipped",
            at(canary(), &[("/spec/skipAnalysis", json!(true))]),
            Action::Rollback,
            vec![
                main(json!({OPENED_ROLLBACK: mark("Progressing.x")}), json!({"skipAnalysis": false})),
                post("rollback/open"),
            ],
        ),
        (
            "back, by its status",
            at(without(canary(), "rollback"), &[("/metadata/annotations", allowed.clone())]),
            Action::Rollback,
            vec![(
                "canaries shop/status".to_owned(),
                json!({"metadata": {"resourceVersion": "77"}, "status": {"failedChecks": 5}}),
            )],
        ),
        (
            "back, by its status, suspended",
            suspended(at(without(canary(), "rollback"), &[("/metadata/annotations", allowed)])),
            Action::Rollback,
            vec![
                main(json!({}), json!({"suspend": false})),
                ("canaries shop/status".to_owned(), json!({"status": {"failedChecks": 5}})),
            ],
        ),
        ("gone back already", phase("Failed"), Action::Rollback, vec![]),
        (
            "retry",
            phase("Failed"),
            Action::Retry,
            vec![(
                "deployments shop/-".to_owned(),
                json!({
                    "metadata": {"resourceVersion": "500"},
                    "spec": {"template": {"metadata": {"annotations": {"rolldeck.dev/retried-at": "2026-05-01T12:00:00Z"}}}},
                }),
            )],
        ),
    ] {
        let requests = sent(&object, action);
        assert_eq!(plainly(&requests), expected, "{case}");
        for request in requests.iter().filter(|request| request.kind != Kind::SERVICE) {
            assert!(!request.expects.is_empty(), "{case}: an answer alone is not believed");
            assert!(!request.expects.iter().all(|expect| expect.holds(&object)), "{case}: {request:?}");
        }
    }
}

#[test]
fn what_flagger_cannot_do_is_said_with_what_can_be_done() {
    for (object, action, why) in [
        (without(canary(), "rollback"), Action::Rollback, "it has no rollback webhook, and Flagger has no other way"),
        (without(canary(), "rollback"), Action::Rollback, "rolldeck.dev/allow-status-rollback: \"true\""),
        (
            with_hook(canary(), "rollback", "https://ops.example.com/rollback/check"),
            Action::Rollback,
            "none of this cluster's services",
        ),
        (phase("Succeeded"), Action::Rollback, "put the old template back into Deployment shop"),
        (phase("Promoting"), Action::Rollback, "shop-primary is taking it over"),
        (phase("Waiting"), Action::Rollback, "nothing of it runs yet"),
        (
            with_hook(phase("Waiting"), "confirm-rollout", "http://lt.test/gate/halt"),
            Action::Promote,
            "/gate/halt, which always says no",
        ),
        (
            with_hook(phase("Waiting"), "confirm-rollout", "https://ops.example.com/gate/check"),
            Action::Promote,
            "none of this cluster's services",
        ),
        (
            with_hook(phase("Waiting"), "confirm-rollout", "http://lt.test/gate/approve"),
            Action::Promote,
            "it has no confirm-rollout gate that could be opened",
        ),
        (canary(), Action::Promote, "Flagger takes the next step by itself"),
        (at(phase("Waiting"), &[("/spec/suspend", json!(true))]), Action::Promote, "resume it first"),
        (phase("WaitingPromotion"), Action::Resume, "it waits for a gate; promote opens it"),
        (canary(), Action::Retry, "it has not failed"),
        (at(phase("Failed"), &[("/spec/targetRef/kind", json!("Service"))]), Action::Retry, "its target is a Service"),
        (canary(), Action::Restart, "Flagger restarts nothing"),
        (canary(), Action::Terminate, "promote fully skips it"),
        (at(canary(), &[("/status/phase", json!("Dreaming"))]), Action::Promote, "status.phase is \"Dreaming\""),
    ] {
        let told = refusal(&object, action);
        assert!(told.contains(why), "{action}: {told}");
    }
    let undo = Order { to: Some(RollbackTo::Revision(3)), ..order(&canary(), Action::Rollback) };
    let error = flagger::requests(&canary(), &related(), &undo, now()).unwrap_err();
    assert!(error.to_string().contains("Flagger keeps no revisions"), "{error}");
    let error = flagger::requests(&phase("Failed"), &[], &order(&phase("Failed"), Action::Retry), now()).unwrap_err();
    assert!(error.to_string().contains("Deployment shop cannot be read"), "{error}");
}

#[test]
fn t12_what_sticks_is_put_back_once_it_did_its_work() {
    let noted = |object: Value, key: &str, mark: &str| at(object, &[("/metadata/annotations", json!({key: mark}))]);
    let after = |object: &Value| plainly(&flagger::afterwards(&read(object)));
    let forget = |key: &str, spec: Value| {
        let mut body = json!({"metadata": {"annotations": {key: null}}});
        if spec != json!({}) {
            body["spec"] = spec;
        }
        vec![("canaries shop/-".to_owned(), body)]
    };
    // A gate, once it went on.
    assert!(after(&noted(phase("Waiting"), OPENED_GATE, "7666bfb85f:Waiting.x")).is_empty());
    let closed = [vec![post("gate/close")], forget(OPENED_GATE, json!({}))].concat();
    assert_eq!(after(&noted(canary(), OPENED_GATE, "7666bfb85f:Waiting.x")), closed);
    assert_eq!(after(&noted(canary(), OPENED_GATE, "7666bfb85f:Progressing.10")), closed, "the next share");
    assert_eq!(after(&noted(phase("Waiting"), OPENED_GATE, "64c874cdcd:Waiting.x")), closed, "another release");
    // A rollback gate: left open, it would roll the next release back at once.
    assert!(after(&noted(canary(), OPENED_ROLLBACK, "7666bfb85f:Progressing.10")).is_empty(), "not back yet");
    let closed = [vec![post("rollback/close")], forget(OPENED_ROLLBACK, json!({}))].concat();
    assert_eq!(after(&noted(phase("Failed"), OPENED_ROLLBACK, "7666bfb85f:Progressing.10")), closed);
    assert_eq!(after(&noted(canary(), OPENED_ROLLBACK, "64c874cdcd:Progressing.10")), closed);
    // A skipped analysis: left set, no later release would be analysed.
    let skips =
        |object: Value| noted(at(object, &[("/spec/skipAnalysis", json!(true))]), SKIPPED, "7666bfb85f:Progressing.20");
    assert!(after(&skips(canary())).is_empty());
    for over in ["Succeeded", "Failed"] {
        assert_eq!(after(&skips(phase(over))), forget(SKIPPED, json!({"skipAnalysis": false})), "{over}");
    }
    assert_eq!(
        after(&noted(phase("Succeeded"), SKIPPED, "7666bfb85f:Progressing.20")),
        forget(SKIPPED, json!({})),
        "unset by somebody"
    );
    // What others opened or set is theirs.
    assert!(after(&at(phase("Succeeded"), &[("/spec/skipAnalysis", json!(true))])).is_empty());
    assert!(after(&phase("Failed")).is_empty());
}

#[test]
fn t12_a_preview_says_what_a_suspended_canary_does_not_do_and_how_long_flagger_takes() {
    let pause = said(&canary(), &order(&canary(), Action::Pause));
    assert!(pause.contains("Warn: its checks stop too"), "{pause}");
    assert!(pause.contains("same: traffic: 20 % to shop, 80 % to shop-primary"), "{pause}");
    assert!(pause.contains("with its next check, within 30s"), "{pause}");
    let waiting = phase("WaitingPromotion");
    let promote = said(&waiting, &order(&waiting, Action::Promote));
    assert!(promote.contains("Warn: the status shows a weight of 0 in this phase"), "{promote}");
    assert!(promote.contains("changes: the gate is closed again once it went on"), "{promote}");
    assert!(promote.contains("Warn: all confirm webhooks of a Canary share one gate"), "{promote}");
    let full = said(&canary(), &order(&canary(), Action::PromoteFull));
    assert!(full.contains("unset once it is promoted"), "{full}");
    assert!(full.contains("Warn: 1 of 5 checks failed so far"), "{full}");
    let back = said(&canary(), &order(&canary(), Action::Rollback));
    assert!(back.contains("same: Deployment shop still has the template that is given up"), "{back}");
}

#[test]
fn an_order_is_for_the_release_on_the_screen_alone_and_a_stop_loses_no_race() {
    let screen = canary();
    let next = at(canary(), &[("/status/lastAppliedSpec", json!("64c874cdcd"))]);
    let step = at(canary(), &[("/status/canaryWeight", json!(30))]);
    for action in [Action::Pause, Action::Rollback, Action::PromoteFull] {
        let order = order(&screen, action);
        let error = flagger::requests(&next, &related(), &order, now()).unwrap_err();
        assert!(error.to_string().starts_with("it is about 64c874cdcd now, not about 7666bfb85f"), "{error}");
        let moved = flagger::requests(&step, &related(), &order, now());
        assert_eq!(moved.is_ok(), !action.widens(), "{action}: {moved:?}");
    }
}

#[test]
fn an_order_is_done_when_flagger_was_seen_to_react() {
    use Action as A;

    let letter = |object: &Value, order: &Order| match flagger::look(&read(object), order) {
        Look::TakenUp(_) => 't',
        Look::Waiting(_) => 'w',
        Look::Swallowed(_) => 's',
        Look::NoOp(_) => 'n',
    };
    let suspended = at(canary(), &[("/spec/suspend", json!(true))]);
    let skips = at(canary(), &[("/spec/skipAnalysis", json!(true))]);
    let next = at(canary(), &[("/status/lastAppliedSpec", json!("64c874cdcd"))]);
    let promoted = at(next.clone(), &[("/status/lastPromotedSpec", json!("7666bfb85f"))]);
    let again = at(
        phase("Failed"),
        &[(
            "/status/conditions",
            json!([{"type": "Promoted", "reason": "Failed", "lastUpdateTime": "2026-05-01T12:05:00Z"}]),
        )],
    );
    for (screen, action, present, expected) in [
        (canary(), A::Pause, suspended.clone(), 't'),
        (canary(), A::Pause, canary(), 'w'),
        (suspended.clone(), A::Resume, canary(), 't'),
        (suspended.clone(), A::Resume, suspended.clone(), 'w'),
        (phase("Waiting"), A::Promote, phase("Waiting"), 'w'),
        (phase("Waiting"), A::Promote, at(phase("Waiting"), &[("/spec/suspend", json!(true))]), 'w'),
        (phase("Waiting"), A::Promote, canary(), 't'),
        (phase("WaitingPromotion"), A::Promote, phase("Promoting"), 't'),
        (phase("WaitingPromotion"), A::Promote, phase("Failed"), 'n'),
        (canary(), A::Promote, at(canary(), &[("/status/canaryWeight", json!(30))]), 't'),
        (phase("Waiting"), A::Promote, next.clone(), 'n'),
        (phase("Waiting"), A::Promote, promoted, 't'),
        (canary(), A::PromoteFull, canary(), 'w'),
        (canary(), A::PromoteFull, skips, 'w'),
        (canary(), A::PromoteFull, phase("Succeeded"), 't'),
        (canary(), A::PromoteFull, phase("Failed"), 'n'),
        (canary(), A::Rollback, canary(), 'w'),
        (canary(), A::Rollback, suspended, 'w'),
        (canary(), A::Rollback, phase("Failed"), 't'),
        (canary(), A::Rollback, phase("Succeeded"), 'n'),
        (canary(), A::Rollback, next, 'n'),
        (phase("Failed"), A::Retry, phase("Failed"), 'w'),
        (phase("Failed"), A::Retry, canary(), 't'),
        (phase("Failed"), A::Retry, again, 't'),
        (canary(), A::Restart, canary(), 'n'),
    ] {
        assert_eq!(letter(&present, &order(&screen, action)), expected, "{action}: {screen} -> {present}");
    }
}

#[test]
fn what_others_did_to_a_canary_is_told_with_who_wrote_it() {
    let by = |object: Value, manager: &str, group: &str, field: &str| {
        let fields = json!({format!("f:{group}"): {format!("f:{field}"): {}}});
        at(
            object,
            &[(
                "/metadata/managedFields",
                json!([{"manager": manager, "time": "2026-05-01T12:00:00Z", "fieldsV1": fields}]),
            )],
        )
    };
    let found = |after: &Value| {
        let found = flagger::elsewhere(&read(&canary()), &read(after));
        found
            .into_iter()
            .map(|found| (found.what.as_str().to_owned(), found.by.as_str().to_owned()))
            .collect::<Vec<_>>()
    };
    for (pointer, value, what) in [
        ("/spec/suspend", json!(true), "pause"),
        ("/spec/skipAnalysis", json!(true), "promote_full"),
        ("/spec/analysis/threshold", json!(9), "new_plan"),
        ("/status/failedChecks", json!(5), "rollback"),
    ] {
        let (group, field) = pointer[1..].split_once('/').unwrap();
        let field = field.split('/').next().unwrap();
        let after = at(canary(), &[(pointer, value)]);
        assert_eq!(
            found(&by(after.clone(), "kubectl-edit", group, field)),
            [(what.to_owned(), "kubectl-edit".to_owned())]
        );
        assert!(found(&by(after.clone(), "rolldeck", group, field)).is_empty(), "{what}");
        assert!(found(&by(after, "flagger", group, field)).is_empty(), "{what}");
    }
    let release = at(canary(), &[("/status/lastAppliedSpec", json!("64c874cdcd"))]);
    assert_eq!(found(&release), [("new_revision".to_owned(), String::new())]);
    assert!(found(&at(canary(), &[("/status/failedChecks", json!(2))])).is_empty(), "Flagger counts");
    assert!(found(&at(canary(), &[("/metadata/uid", json!("c-2")), ("/spec/suspend", json!(true))])).is_empty());
}

#[test]
fn a_button_names_the_rule_that_is_missing() {
    let object = phase("WaitingPromotion");
    let rules: Vec<String> = flagger::rules(&read(&object), Action::Promote).iter().map(ToString::to_string).collect();
    assert_eq!(rules, ["patch canaries.flagger.app in test", "create services/proxy in test"]);
    let mut grants = Grants::default();
    grants.note(flagger::rules(&read(&object), Action::Promote)[1].clone(), false);
    let offers = flagger::offers(&read(&object), &grants);
    assert_eq!(offers.len(), ACTIONS.len());
    let promote = offers.iter().find(|offer| offer.action == Action::Promote).unwrap();
    assert_eq!(promote.why_not, Some(SafeText::new("it needs create services/proxy in test")));
    let error = flagger::propose(&read(&object), None, &order(&object, Action::Promote), &grants, now()).unwrap_err();
    assert!(matches!(error, OrderError::Forbidden { .. }), "{error:?}");
    let retry = flagger::rules(&read(&phase("Failed")), Action::Retry);
    assert_eq!(retry[0].to_string(), "patch deployments.apps in test");
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3i64..99).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-zA-Z0-9:/. -]{0,20}".prop_map(Value::from),
        Just(json!([])),
        Just(json!({"a": [1]})),
        prop::sample::select(vec!["Waiting", "Progressing", "WaitingPromotion", "Promoting", "Succeeded", "Failed"])
            .prop_map(Value::from),
    ]
}

const PLACES: [&str; 14] = [
    "/metadata/annotations",
    "/metadata/resourceVersion",
    "/metadata/uid",
    "/spec/suspend",
    "/spec/skipAnalysis",
    "/spec/analysis",
    "/spec/analysis/webhooks",
    "/spec/analysis/threshold",
    "/spec/targetRef",
    "/spec/targetRef/kind",
    "/status/phase",
    "/status/canaryWeight",
    "/status/lastAppliedSpec",
    "/status/failedChecks",
];

fn any_object() -> impl Strategy<Value = Value> {
    let phases = ["", "Initialized", "Waiting", "Progressing", "WaitingPromotion", "Promoting", "Succeeded", "Failed"];
    let changes = prop::collection::vec((prop::sample::select(PLACES.to_vec()), any_value()), 0..4);
    (prop::sample::select(phases.to_vec()), changes).prop_map(|(name, changes)| {
        changes.into_iter().fold(phase(name), |mut object, (place, value)| {
            let (parent, field) = place.rsplit_once('/').unwrap();
            if let Some(parent) = object.pointer_mut(parent).and_then(Value::as_object_mut) {
                parent.insert(field.to_owned(), value);
            }
            object
        })
    })
}

proptest! {
    #[test]
    fn no_order_on_any_canary_makes_anything_panic_and_what_widens_lands_on_no_other(
        screen in any_object(), present in any_object(), action in prop::sample::select(ACTIONS.iter().map(|spec| spec.action).collect::<Vec<_>>()),
    ) {
        let order = order(&screen, action);
        let canary = read(&present);
        let requests = flagger::requests(&present, &related(), &order, now());
        let proposal = flagger::propose(&canary, None, &order, &Grants::default(), now());
        match (&requests, &proposal) {
            (Ok(requests), Ok(proposal)) => prop_assert_eq!(requests.is_empty(), proposal.no_op),
            (Err(told), Err(said)) => prop_assert_eq!(told, said),
            (told, said) => prop_assert!(matches!(told, Err(OrderError::Failed(_))), "{told:?} {said:?}"),
        }
        if action.widens() && flagger::revision(&canary) != order.revision {
            prop_assert!(requests.is_err());
        }
        if action == Action::Pause && flagger::candidate(&order.revision) == flagger::candidate(&flagger::revision(&canary)) {
            prop_assert!(requests.is_ok(), "a pause waits for nothing: {requests:?}");
        }
        let _ = flagger::look(&canary, &order);
        let _ = flagger::afterwards(&canary);
        let _ = flagger::elsewhere(&read(&screen), &canary);
        prop_assert_eq!(flagger::offers(&canary, &Grants::default()).len(), ACTIONS.len());
        let _ = flagger::rules(&canary, action);
    }
}
