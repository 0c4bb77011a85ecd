//! What is shown of a Canary in each phase and strategy, what holds it, and that nothing makes it panic.

use std::collections::BTreeMap;

use proptest::{prelude::prop, prop_assert, proptest};
use serde_json::{Value, json};

use super::*;
use crate::{
    domain::{Action, Blocker, BlockerKind, action::ACTIONS},
    driver::{
        flagger::samples::{self, event},
        kubernetes::request::{Kind, Rule},
    },
};

fn now() -> DateTime<Utc> {
    "2026-05-01T10:06:00Z".parse().unwrap()
}

fn see(object: &Value, children: Option<&Children>) -> Sighting {
    sighting(&Canary::read(object), children, &Grants::default(), now())
}

fn with_events(events: Vec<Value>) -> Children {
    Children { objects: BTreeMap::from([(Kind::EVENT, events)]), remark: SafeText::default() }
}

fn whole() -> Children {
    Children {
        objects: BTreeMap::from([
            (
                Kind::DEPLOYMENT,
                vec![
                    samples::deployment("basket", "registry.example:5000/basket:1.5.0", 1, 2),
                    samples::deployment("basket-primary", "registry.example:5000/basket:1.4.0", 3, 3),
                    samples::deployment("other", "other:9", 1, 1),
                ],
            ),
            (
                Kind::REPLICA_SET,
                vec![
                    samples::replica_set("basket", "aaa", 1, 0, 0),
                    samples::replica_set("basket", "bbb", 2, 10, 2),
                    samples::replica_set("basket-primary", "ccc", 1, 0, 3),
                ],
            ),
            (Kind::POD, vec![samples::pod("bbb", "basket-bbb-1"), samples::pod("ccc", "basket-primary-ccc-1")]),
            (
                Kind::METRIC_TEMPLATE,
                vec![json!({"metadata": {"name": "queue", "namespace": "shop"}, "spec": {
                    "provider": {"type": "datadog"},
                    "query": "max:queue{ns:{{ namespace }},app:{{target}}}\n  over {{- interval -}} {{ variables.x }}"}})],
            ),
        ]),
        remark: SafeText::default(),
    }
}

fn summaries(blockers: &[Blocker]) -> Vec<(BlockerKind, &str)> {
    blockers.iter().map(|blocker| (blocker.kind, blocker.summary.as_str())).collect()
}

#[test]
fn each_phase_of_flaggers_has_its_place_and_its_sentence() {
    for (state, phase, advances, message) in [
        ("", Phase::Pending, false, "Flagger has not looked at it yet"),
        ("Initializing", Phase::Pending, false, "Flagger makes basket-primary out of basket"),
        ("Initialized", Phase::Completed, false, "taken over by Flagger; nothing was released since"),
        ("Waiting", Phase::AwaitingPromotion, false, "a new version waits for approval; nothing of it runs yet"),
        ("Progressing", Phase::Progressing, true, "20 % of traffic, up to 50 %"),
        (
            "WaitingPromotion",
            Phase::AwaitingPromotion,
            false,
            "the analysis passed, and it waits for approval; 50 % of traffic are on the candidate still (by the plan; the status says 0 in this phase)",
        ),
        ("Promoting", Phase::Progressing, true, "basket-primary takes the candidate over"),
        (
            "Finalising",
            Phase::Progressing,
            true,
            "all traffic is back on basket-primary; the candidate's pods are scaled down",
        ),
        ("Succeeded", Phase::Completed, false, "promoted"),
        ("Failed", Phase::Aborted, false, "rolled back; basket still holds the rejected version"),
        ("Terminating", Phase::Progressing, false, "it is being deleted; basket gets its pods and traffic back"),
        ("Terminated", Phase::Aborted, false, "it was deleted"),
    ] {
        let seen = see(&samples::in_phase(samples::weights(), state), None);
        assert_eq!(
            (seen.rollout.phase, seen.advances, seen.rollout.message.as_str()),
            (phase, advances, message),
            "{state}"
        );
    }
}

#[test]
fn each_strategy_says_how_far_it_is_and_who_gets_what() {
    for (object, strategy, message, share, traffic) in [
        (samples::weights(), "canary", "20 % of traffic, up to 50 %", 20, Some(20.0)),
        (samples::ab_testing(), "a/b", "2 of 4 checks made", 0, None),
        (samples::blue_green(), "blue-green", "2 of 4 checks made", 0, Some(0.0)),
        (samples::kubernetes(), "blue-green", "2 of 4 checks made", 0, None),
    ] {
        let rollout = see(&object, None).rollout;
        assert_eq!((rollout.strategy.as_str(), rollout.message.as_str()), (strategy, message));
        assert_eq!((rollout.exposure.units, rollout.exposure.units_total), (share, 100), "{strategy}");
        assert_eq!(rollout.workload.unwrap().traffic.and_then(|traffic| traffic.actual), traffic, "{strategy}");
    }
    let ab = see(&samples::ab_testing(), None).rollout.workload.unwrap();
    let rule = ab.facts.iter().find(|fact| fact.name.as_str() == "requests to the candidate").unwrap();
    assert_eq!(rule.value.as_str(), "headers.x-canary.exact = insider");
    let mut mirrored = samples::blue_green();
    mirrored["spec"]["analysis"]["mirror"] = json!(true);
    assert_eq!(see(&mirrored, None).rollout.workload.unwrap().traffic.unwrap().mirrored, Some(100.0));
}

#[test]
fn versions_are_the_tags_of_both_workloads_and_hashes_where_those_are_not_at_hand() {
    let rollout = see(&samples::weights(), Some(&whole())).rollout;
    assert_eq!(rollout.candidate.version.unwrap().as_str(), "1.5.0");
    assert_eq!(rollout.stable.version.unwrap().as_str(), "1.4.0");
    let rollout = see(&samples::weights(), None).rollout;
    assert_eq!(rollout.candidate.version.unwrap().as_str(), "spec 7666bfb85f");
    assert_eq!(rollout.stable.version.unwrap().as_str(), "spec 5b4554b4d");
}

#[test]
fn a_halted_advance_names_the_metric_with_its_numbers() {
    let mut object = samples::weights();
    object["status"]["failedChecks"] = json!(2);
    let children = with_events(vec![
        event(90, "Advance basket.shop canary weight 20"),
        event(120, "Halt basket.shop advancement success rate 98.69% < 99%"),
    ]);
    let rollout = see(&object, Some(&children)).rollout;
    assert_eq!(
        summaries(&rollout.blockers),
        [
            (BlockerKind::Breach, "success rate 98.69% < 99% at 10:02:00; 2 of 5 checks failed, rolled back at 5"),
            (BlockerKind::InProgress, "20 % of traffic, up to 50 %, a check every 30s"),
        ]
    );
    let sli = &rollout.slis[0];
    assert_eq!(
        (sli.name.as_str(), sli.canary.value, sli.verdict),
        ("request-success-rate", Some(98.69), Verdict::Fail)
    );
    assert_eq!((sli.unit.as_str(), sli.direction.as_str()), ("%", "lower_is_worse"));
    assert_eq!(rollout.verdict.label, Verdict::Fail);
    let metric = &rollout.workload.unwrap().runs[0].metrics[0];
    assert_eq!((metric.measurements[0].number, metric.limits.as_slice()), (Some(98.69), &[99.0][..]));
}

#[test]
fn failed_checks_without_an_event_are_not_explained_away() {
    let mut object = samples::weights();
    object["status"]["failedChecks"] = json!(3);
    for (children, why) in [
        (None, "its Events say why, and are read while somebody looks at it"),
        (Some(with_events(Vec::new())), "no Event says why: a cluster drops those of an object that has many"),
        (
            Some(with_events(vec![
                event(70, "Halt basket.shop advancement success rate 98.69% < 99%"),
                event(90, "Advance basket.shop canary weight 20"),
            ])),
            "one of them by success rate 98.69% < 99% at 10:01:10",
        ),
    ] {
        let rollout = see(&object, children.as_ref()).rollout;
        let expected = format!("3 of 5 checks failed, rolled back at 5; {why}");
        assert_eq!(summaries(&rollout.blockers)[0], (BlockerKind::Breach, expected.as_str()));
        assert_eq!(rollout.slis, []);
        assert_eq!(rollout.verdict.label, Verdict::Watch);
    }
}

#[test]
fn what_else_halts_it_is_told_apart() {
    for (text, failed, kind, said) in [
        (
            "Halt advancement no values found for istio metric request-success-rate probably basket.shop is not receiving traffic",
            1,
            BlockerKind::NoData,
            "there are no values for request-success-rate at 10:02:00: the candidate may get no traffic; 1 of 5 checks failed, rolled back at 5",
        ),
        (
            "Halt basket.shop advancement external check load failed timeout",
            5,
            BlockerKind::Breach,
            "the rollout hook load failed at 10:02:00: timeout; 5 of 5 checks failed: it is rolled back with the next one",
        ),
        (
            "Prometheus query failed: connection refused",
            1,
            BlockerKind::NoData,
            "a metric could not be asked for at 10:02:00: connection refused; 1 of 5 checks failed, rolled back at 5",
        ),
        (
            "Halt basket.shop advancement waiting for traffic increase approval more",
            0,
            BlockerKind::Gate,
            "the confirm-traffic-increase gate more says no: the share stays as it is",
        ),
        (
            "canary deployment basket.shop not ready: waiting for rollout to finish: 1 out of 2 new replicas have been updated",
            0,
            BlockerKind::InProgress,
            "canary deployment basket.shop not ready: waiting for rollout to finish: 1 out of 2 new replicas have been updated",
        ),
    ] {
        let mut object = samples::weights();
        object["status"]["failedChecks"] = json!(failed);
        let rollout = see(&object, Some(&with_events(vec![event(120, text)]))).rollout;
        assert_eq!(summaries(&rollout.blockers)[0], (kind, said));
    }
}

#[test]
fn suspended_is_said_apart_from_the_phase_and_that_nothing_is_rolled_back_either() {
    let mut object = samples::weights();
    object["spec"]["suspend"] = json!(true);
    object["metadata"]["managedFields"] = json!([
        {"manager": "kubectl-edit", "time": "2026-05-01T10:03:00Z", "fieldsV1": {"f:spec": {"f:suspend": {}}}}]);
    let seen = see(&object, None);
    assert_eq!((seen.rollout.phase, seen.advances), (Phase::Paused, false));
    assert_eq!(
        seen.rollout.message.as_str(),
        "suspended, nothing is checked and nothing rolled back; before that: 20 % of traffic, up to 50 %"
    );
    let paused = &seen.rollout.blockers[0];
    assert_eq!(
        summaries(std::slice::from_ref(paused)),
        [(
            BlockerKind::Paused,
            "suspended by kubectl-edit: nothing goes on, and nothing is rolled back either: no check is made"
        )]
    );
    assert_eq!(paused.since.unwrap().format("%T").to_string(), "10:03:00");
    let facts = seen.rollout.workload.unwrap().facts;
    assert!(facts.iter().any(|fact| fact.value.as_str().starts_with("Progressing")), "{facts:?}");
    let rollout = see(&samples::in_phase(object, "Succeeded"), None).rollout;
    assert_eq!(rollout.phase, Phase::Completed);
    assert!(rollout.blockers[0].summary.as_str().ends_with("a new version will not be rolled out"));
}

#[test]
fn traffic_that_stays_split_while_it_waits_for_promotion_is_shown_with_how_it_is_known() {
    let object = samples::in_phase(samples::weights(), "WaitingPromotion");
    for (events, share, how) in [
        (Vec::new(), 50, "by the plan"),
        (vec![event(200, "Advance basket.shop canary weight 40")], 40, "by the last of its Events"),
    ] {
        let rollout = see(&object, Some(&with_events(events))).rollout;
        assert_eq!(rollout.exposure.units, share);
        assert_eq!(rollout.workload.as_ref().unwrap().traffic.unwrap().actual, Some(f64::from(share)));
        assert!(rollout.message.as_str().contains(how), "{}", rollout.message);
    }
    let promoting = samples::in_phase(samples::weights(), "Promoting");
    let lowered = with_events(vec![event(301, "Advance basket.shop primary weight 70")]);
    assert_eq!(see(&promoting, Some(&lowered)).rollout.exposure.units, 30);
}

#[test]
fn a_failed_release_says_what_the_target_holds() {
    let object = samples::in_phase(samples::weights(), "Failed");
    let why = event(300, "Rolling back basket.shop failed checks threshold reached 5");
    let mut children = whole();
    children.objects.insert(Kind::EVENT, vec![why]);
    let first = |object: &Value, children: &Children| {
        let rollout = see(object, Some(children)).rollout;
        (rollout.phase, rollout.blockers[0].summary.as_str().to_owned())
    };
    assert_eq!(
        first(&object, &children),
        (
            Phase::Aborted,
            "rolled back (failed checks threshold reached 5); basket still holds the rejected version 1.5.0 (applied 7666bfb85f, promoted is 5b4554b4d), scaled to 0: only another template is tried again".to_owned()
        )
    );
    // Flagger keeps what is in the target up to date while it is failed.
    let mut back = object.clone();
    back["status"]["lastAppliedSpec"] = json!("5b4554b4d");
    assert_eq!(first(&back, &children).0, Phase::RolledBack);
    let newer = |second: u32| {
        let mut children = children.clone();
        children.objects.get_mut(&Kind::REPLICA_SET).unwrap().push(samples::replica_set("basket", "ddd", 3, second, 0));
        children
    };
    assert!(
        first(&object, &newer(350)).1.ends_with("Flagger takes it up within 30s"),
        "{:?}",
        first(&object, &newer(350))
    );
    let mut suspended = object.clone();
    suspended["spec"]["suspend"] = json!(true);
    assert!(first(&suspended, &newer(350)).1.ends_with("Flagger does not take it up while it is suspended"));
    let late = sighting(
        &Canary::read(&object),
        Some(&newer(350)),
        &Grants::default(),
        "2026-05-01T12:00:00Z".parse().unwrap(),
    );
    let said = late.rollout.blockers[0].summary.as_str().to_owned();
    assert!(said.contains("Flagger has not taken it up, and should have within 30s"), "{said}");
}

#[test]
fn what_can_be_done_is_offered_and_a_missing_rule_is_named() {
    let object = samples::weights();
    let mut grants = Grants::default();
    let see = |grants: &Grants| sighting(&Canary::read(&object), None, grants, now()).rollout;
    assert_eq!(see(&grants).offers.len(), ACTIONS.len());
    assert_eq!(see(&grants).offers(Action::Pause), Ok(()));
    assert!(see(&grants).offers(Action::Restart).is_err(), "Flagger restarts nothing");
    grants.note(Rule { verb: "patch", kind: Kind::CANARY, subresource: None, namespace: "shop".to_owned() }, false);
    assert_eq!(see(&grants).offers(Action::Pause).unwrap_err().as_str(), "it needs patch canaries.flagger.app in shop");
}

#[test]
fn a_plan_that_never_gets_anywhere_says_so() {
    for (analysis, said) in [
        (
            json!({"threshold": 5}),
            "its share never grows: the analysis has neither stepWeight, stepWeights nor iterations",
        ),
        (json!({"stepWeights": [10, 10, 40]}), "its share stops at 10 %, short of 40 %: it is never promoted"),
        (json!({"stepWeight": 50, "maxWeight": 120}), "its share stops at 100 %, short of 120 %: it is never promoted"),
    ] {
        let mut object = samples::weights();
        object["spec"]["analysis"] = analysis;
        let rollout = see(&object, None).rollout;
        assert_eq!(summaries(&rollout.blockers)[0], (BlockerKind::Gate, said));
    }
    assert!(
        !summaries(&see(&samples::weights(), None).rollout.blockers).iter().any(|(kind, _)| *kind == BlockerKind::Gate)
    );
}

#[test]
fn a_controller_that_splits_no_traffic_is_believed_over_a_plan_of_shares() {
    let mut object = samples::weights();
    object["spec"].as_object_mut().unwrap().remove("provider");
    object["status"]["canaryWeight"] = json!(0);
    let warned =
        with_events(vec![event(60, "Progressive traffic is not supported when using the kubernetes provider")]);
    let told = see(&object, Some(&warned)).rollout;
    assert_eq!((told.strategy.as_str(), told.message.as_str()), ("blue-green", "0 of 10 checks made"));
    let untold = see(&object, None).rollout;
    assert_eq!(untold.strategy.as_str(), "canary");
    assert_eq!(told.revision, untold.revision, "what is known of it is no other revision");
}

#[test]
fn its_objects_are_a_tree_and_its_metrics_say_how_they_are_asked_for() {
    let workload = see(&samples::weights(), Some(&whole())).rollout.workload.unwrap();
    let lines: Vec<String> = workload
        .objects
        .iter()
        .map(|object| {
            format!(
                "{}{} {} {} [{}]",
                "  ".repeat(object.depth.into()),
                object.kind,
                object.name,
                object.status,
                object.detail
            )
        })
        .collect();
    assert_eq!(
        lines,
        [
            "Canary basket Progressing []",
            "  Deployment basket Progressing [canary, available 1/2]",
            "    ReplicaSet basket-bbb Healthy [available 2/2]",
            "      Pod basket-bbb-1 Running [ready 1/1]",
            "    ReplicaSet basket-aaa ScaledDown [available 0/0]",
            "  Deployment basket-primary Healthy [stable, available 3/3]",
            "    ReplicaSet basket-primary-ccc Healthy [available 3/3]",
            "      Pod basket-primary-ccc-1 Running [ready 1/1]",
        ]
    );
    assert_eq!((workload.replicas.desired, workload.replicas.updated), (Some(5), Some(1)));
    let roles: Vec<_> =
        workload.revisions.iter().map(|revision| (revision.hash.as_str(), revision.roles.len())).collect();
    assert_eq!(roles, [("bbb", 1), ("aaa", 0), ("ccc", 1)]);
    let queue = &workload.runs[0].metrics[1];
    assert_eq!(
        (queue.provider.as_str(), queue.query.as_str(), queue.success.as_str()),
        ("datadog", "max:queue{ns:shop,app:basket} over 1m {{ variables.x }}", "queue depth <= 100 over 1m")
    );
    assert_eq!(workload.runs[0].metrics[0].query.as_str(), "built into Flagger");
    let unread = see(&samples::weights(), None).rollout.workload.unwrap();
    assert!(unread.objects.is_empty() && !unread.remark.is_empty(), "what is not read is said");
}

#[test]
fn a_daemon_set_is_counted_by_its_nodes() {
    let mut object = samples::weights();
    object["spec"]["targetRef"]["kind"] = json!("DaemonSet");
    let set = json!({
        "metadata": {"name": "basket", "namespace": "shop", "uid": "ds"},
        "spec": {"template": {"spec": {"containers": [{"image": "basket:1.5.0"}]}}},
        "status": {"desiredNumberScheduled": 4, "updatedNumberScheduled": 4, "numberReady": 3, "numberAvailable": 3},
    });
    let children = Children { objects: BTreeMap::from([(Kind::DAEMON_SET, vec![set])]), remark: SafeText::default() };
    let rollout = see(&object, Some(&children)).rollout;
    assert_eq!(rollout.candidate.version.unwrap().as_str(), "1.5.0");
    assert!(rollout.blockers.iter().any(|blocker| blocker.summary.as_str() == "3 of 4 pods of basket are available"));
}

#[test]
fn times_that_flagger_writes_with_each_interval_are_no_changes() {
    let mut object = samples::in_phase(samples::weights(), "Failed");
    let before = see(&object, None).rollout;
    object["status"]["lastTransitionTime"] = json!("2026-05-01T11:00:00Z");
    let after = see(&object, None).rollout;
    assert_eq!((before.updated_at, before.revision), (after.updated_at, after.revision));
    assert_eq!(see(&samples::weights(), None).rollout.created_at.to_rfc3339(), "2026-05-01T10:00:00+00:00");
}

#[test]
fn what_is_missing_is_named_and_hides_nothing_else() {
    let rollout = see(&json!({"metadata": {"name": "basket", "namespace": "shop"}, "spec": {}}), None).rollout;
    assert_eq!(rollout.phase, Phase::Pending);
    assert!(summaries(&rollout.blockers).iter().any(|(_, said)| said.starts_with("spec.targetRef.name is missing")));
    let mut object = samples::weights();
    object["status"]["phase"] = json!("Dancing");
    let rollout = see(&object, None).rollout;
    assert_eq!(
        (rollout.phase, rollout.message.as_str()),
        (Phase::Unknown, "status.phase is \"Dancing\", which is no phase of Flagger's")
    );
    assert_eq!(rollout.stages.len(), 9);
    assert_eq!(see(&json!(null), None).rollout.id().to_string(), "nameless/nameless");
}

#[test]
fn hostile_text_is_harmless_wherever_it_comes_in() {
    let evil = "\u{1b}[2Jx\u{202e}\n";
    let mut object = samples::weights();
    object["spec"]["targetRef"]["name"] = json!(evil);
    object["spec"]["provider"] = json!(evil);
    object["spec"]["analysis"]["metrics"][0]["name"] = json!(evil);
    object["spec"]["analysis"]["webhooks"][0]["name"] = json!(evil);
    object["spec"]["analysis"]["webhooks"][0]["url"] = json!(evil);
    object["status"]["lastAppliedSpec"] = json!(evil);
    object["status"]["trackedConfigs"] = json!({evil: evil});
    object["status"]["failedChecks"] = json!(1);
    let mut children = whole();
    children.objects.insert(Kind::EVENT, vec![event(120, &format!("Halt basket.shop advancement {evil} 1 < 2"))]);
    let seen = see(&object, Some(&children));
    let shown = serde_json::to_string(&seen.rollout).unwrap();
    for bad in ["\\u001b", "\u{202e}", "\\n"] {
        assert!(!shown.contains(bad), "{bad:?}");
    }
}

proptest! {
    #[test]
    fn no_object_makes_it_panic(
        object in samples::any_value(), spec in samples::any_value(), status in samples::any_value(),
        events in prop::collection::vec(samples::any_value(), 0..4), others in prop::collection::vec(samples::any_value(), 0..4),
    ) {
        let children = Children {
            objects: BTreeMap::from([(Kind::EVENT, events), (Kind::DEPLOYMENT, others.clone()), (Kind::REPLICA_SET, others.clone()), (Kind::POD, others)]),
            remark: SafeText::default(),
        };
        let mut like = samples::weights();
        like["spec"] = spec;
        let mut half = samples::weights();
        half["status"] = status;
        for object in [object, like, half] {
            for children in [None, Some(&children)] {
                let rollout = see(&object, children).rollout;
                prop_assert!((0.0..=100.0).contains(&rollout.exposure.percent));
                if let Some(current) = &rollout.current_stage {
                    prop_assert!(rollout.stages.iter().any(|stage| stage.name == *current));
                }
                for (index, stage) in rollout.stages.iter().enumerate() {
                    prop_assert!(!rollout.stages[..index].iter().any(|other| other.name == stage.name), "{}", stage.name);
                }
            }
        }
    }
}
