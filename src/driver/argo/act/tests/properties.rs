//! Properties of acting on a Rollout: whatever its shape, whatever the order.

use proptest::prelude::*;

use super::*;

/// Every state that matters, of both strategies.
pub(super) fn every_state() -> Vec<Value> {
    let mut states = Vec::new();
    for base in [samples::canary(), samples::blue_green()] {
        for state in [
            base.clone(),
            running(base.clone()),
            aborted(base.clone()),
            finished(base.clone()),
            inconclusive(base.clone()),
        ] {
            states.push(user_paused(state.clone()));
            states.push(behind(state.clone()));
            states.push(with(state.clone(), "/status/promoteFull", json!(true)));
            states.push(with(state.clone(), "/status/pauseConditions", Value::Null));
            states.push(state);
        }
    }
    states
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-3i64..9).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z0-9:/. -]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
            prop::collection::btree_map("[a-z]{1,6}", inner, 0..3).prop_map(|map| json!(map)),
        ]
    })
}

/// Places in a Rollout where something absurd may stand.
const PLACES: [&str; 24] = [
    "/metadata/annotations",
    "/metadata/generation",
    "/metadata/resourceVersion",
    "/metadata/uid",
    "/metadata/labels",
    "/spec/paused",
    "/spec/replicas",
    "/spec/strategy",
    "/spec/strategy/canary/steps",
    "/spec/template",
    "/spec/workloadRef",
    "/spec/restartAt",
    "/status",
    "/status/abort",
    "/status/abortedAt",
    "/status/currentPodHash",
    "/status/currentStepIndex",
    "/status/controllerPause",
    "/status/pauseConditions",
    "/status/observedGeneration",
    "/status/promoteFull",
    "/status/stableRS",
    "/status/canary",
    "/status/updatedReplicas",
];

fn any_object() -> impl Strategy<Value = Value> {
    let base = prop::sample::select(every_state());
    let changes = prop::collection::vec((prop::sample::select(PLACES.to_vec()), any_value()), 0..4);
    (base, changes).prop_map(|(base, changes)| {
        changes.into_iter().fold(base, |mut object, (place, value)| {
            if let Some(at) = object.pointer_mut(place) {
                *at = value;
            }
            object
        })
    })
}

fn any_action() -> impl Strategy<Value = Action> {
    prop::sample::select(ACTIONS.iter().map(|spec| spec.action).collect::<Vec<_>>())
}

proptest! {
    // Most objects of any shape are not under way: enough of them have to be tried.
    #![proptest_config(ProptestConfig { max_global_rejects: 65_536, ..ProptestConfig::default() })]

    #[test]
    fn no_order_on_any_object_makes_anything_panic(
        screen in any_object(), present in any_object(), action in any_action(), number in proptest::option::of(0u64..4),
        sets in prop::collection::vec(any_value(), 0..3),
    ) {
        let order = Order { to: number.map(RollbackTo::Revision), ..order(&screen, action) };
        let related: Vec<Value> = replica_sets().into_iter().chain(sets).collect();
        let rollout = read(&present);
        let _ = argo::requests(&present, &related, &order, now());
        let _ = argo::requests_without_status(&present, &related, &order, now());
        let _ = argo::propose(&rollout, None, &order, &Grants::default(), now());
        let _ = argo::look(&rollout, &order);
        let _ = argo::elsewhere(&read(&screen), &rollout);
        prop_assert_eq!(argo::offers(&rollout, &Grants::default()).len(), ACTIONS.len());
        prop_assert!(!argo::rules(&rollout, action).is_empty());
    }

    #[test]
    fn what_widens_is_never_sent_to_another_revision(screen in any_object(), present in any_object(), action in any_action()) {
        let order = order(&screen, action);
        let same = argo::revision(&read(&present)) == order.revision;
        let caught_up = read(&screen).meta.generation == read(&present).meta.generation;
        if action.widens() && !same && !caught_up {
            let requests = argo::requests(&present, &replica_sets(), &order, now());
            prop_assert!(requests.is_err(), "{requests:?}");
        }
    }

    #[test]
    fn a_pause_and_an_abort_are_refused_for_candidate_and_phase_alone(screen in any_object(), present in any_object(), rollback in any::<bool>()) {
        let action = if rollback { Action::Rollback } else { Action::Pause };
        let order = order(&screen, action);
        let (then, rollout) = (read(&screen), read(&present));
        let status = &rollout.status;
        let same = argo::candidate(&order.revision) == argo::candidate(&argo::revision(&rollout));
        let under_way = !rollout.is_fully_promoted() && !status.abort && !status.pod_hash.is_empty() && !status.stable_hash.is_empty();
        prop_assume!(same && under_way && then.meta.generation == rollout.meta.generation);
        let requests = argo::requests(&present, &[], &order, now());
        prop_assert!(requests.is_ok(), "{requests:?}");
        prop_assert_eq!(requests.unwrap().is_empty(), action == Action::Pause && rollout.paused);
    }

    #[test]
    fn a_proposal_and_its_requests_agree(object in any_object(), action in any_action()) {
        let order = order(&object, action);
        let requests = argo::requests(&object, &replica_sets(), &order, now());
        match propose(&object, &order) {
            Ok(proposal) => match requests {
                Ok(requests) => prop_assert_eq!(proposal.no_op, requests.is_empty()),
                // A template that is not there is found out only when it is to be sent.
                Err(error) => prop_assert!(matches!(error, OrderError::Failed(_)), "{error:?}"),
            },
            Err(error) => prop_assert_eq!(requests.unwrap_err(), error),
        }
    }
}
