//! Seeded data of a cluster: workloads that Argo Rollouts and Flagger carry out, in every state that matters.

use chrono::{DateTime, TimeDelta, Utc};
use rolldeck::{
    backend::CarrierView,
    domain::{
        Action, BlockerKind, Exposure, GateState, Next, Phase, Revision, Rollout, SafeText, Stage, StageState, Verdict,
        VersionRef, Workload,
        action::ACTIONS,
        sli::OverallVerdict,
        workload::{
            Fact, Happening, Measurement, MetricView, ObjectState, ObjectView, Offer, Pending, Replicas, RevisionView,
            RunView, Tally, Traffic,
        },
    },
};

use super::{
    desk::start,
    fleet::{ago, blocker, gate, rollout},
};

pub fn seconds(ago: i64) -> DateTime<Utc> {
    start() - TimeDelta::seconds(ago)
}

/// A cluster that was heard of so many seconds ago.
pub fn carrier(place: &str, silent: i64, remarks: &[&str]) -> CarrierView {
    let remarks = remarks.iter().map(SafeText::new).collect();
    CarrierView { place: place.into(), as_of: Some(seconds(silent)), remarks }
}

pub fn object(depth: u8, kind: &str, name: &str, state: ObjectState, status: &str, detail: &str) -> ObjectView {
    ObjectView {
        depth,
        kind: kind.into(),
        name: name.into(),
        state,
        status: status.into(),
        detail: detail.into(),
        created_at: Some(ago(18)),
    }
}

fn revision(number: u64, hash: &str, tag: &str, roles: &[&str], pods: (u32, u32), minutes: i64) -> RevisionView {
    RevisionView {
        number,
        hash: hash.into(),
        images: vec![format!("registry.example:5000/shop/checkout:{tag}").into()],
        roles: roles.iter().map(SafeText::new).collect(),
        replicas: Replicas { desired: Some(pods.0), available: Some(pods.1), ..Replicas::default() },
        created_at: Some(ago(minutes)),
    }
}

/// What can be done: everything but what has a reason here.
pub fn offers(held: &[(Action, &str)]) -> Vec<Offer> {
    let why = |action| held.iter().find(|(which, _)| *which == action).map(|(_, why)| SafeText::new(why));
    ACTIONS.iter().map(|spec| Offer { action: spec.action, why_not: why(spec.action) }).collect()
}

pub fn metric(name: &str, state: ObjectState, phase: &str, values: &[f64]) -> MetricView {
    let last = i64::try_from(values.len()).unwrap();
    let bad = |value: &f64| *value < 0.95;
    let measurement = |(at, value): (usize, &f64)| Measurement {
        at: Some(seconds(60 * (last - i64::try_from(at).unwrap()))),
        phase: if bad(value) { "Failed" } else { "Successful" }.into(),
        value: format!("[{value}]").into(),
        number: Some(*value),
        message: SafeText::default(),
    };
    let failed = u32::try_from(values.iter().filter(|value| bad(value)).count()).unwrap();
    MetricView {
        name: name.into(),
        phase: phase.into(),
        state,
        message: SafeText::default(),
        provider: "prometheus".into(),
        query:
            "sum(rate(http_requests_total{app=\"checkout\",code!~\"5..\"}[1m])) / sum(rate(http_requests_total[1m]))"
                .into(),
        success: "result[0] >= 0.95".into(),
        failure: SafeText::default(),
        limits: vec![0.95],
        dry_run: false,
        successful: u32::try_from(values.len()).unwrap() - failed,
        failed: Tally { now: failed, limit: Some(1) },
        inconclusive: Tally { now: 0, limit: Some(0) },
        errors: Tally { now: 0, limit: Some(4) },
        count: Some(10),
        measurements: values.iter().enumerate().map(measurement).collect(),
    }
}

fn run(name: &str, role: &str, state: ObjectState, phase: &str, metrics: Vec<MetricView>) -> RunView {
    RunView {
        name: name.into(),
        role: role.into(),
        current: true,
        phase: phase.into(),
        state,
        message: SafeText::default(),
        started_at: Some(ago(9)),
        completed_at: None,
        metrics,
    }
}

fn happening(minutes: i64, warning: bool, what: &str, text: &str) -> Happening {
    Happening {
        at: ago(minutes),
        count: if warning { 3 } else { 1 },
        warning,
        what: what.into(),
        text: text.into(),
        by: "rollouts-controller".into(),
    }
}

fn stage(name: &str, state: StageState, percent: f64) -> Stage {
    Stage {
        name: name.parse().unwrap(),
        state,
        selects: format!("{percent}% of traffic").into(),
        exposure: Exposure { percent, units: (percent / 10.0) as u32, units_total: 10 },
        gates: Some(Vec::new()),
        entered_at: (state != StageState::Waiting).then(|| ago(12)),
        hold_until: None,
        finished_at: None,
        flag: None,
    }
}

/// A canary of Argo at its second weight, in a pause that ends by itself.
pub fn canary() -> Rollout {
    let mut r = rollout("shop/checkout", Phase::AwaitingPromotion, 4);
    r.driver = "argo".into();
    r.strategy = "canary".into();
    r.revision = Revision("12-6f8c7:3ab1".into());
    r.message = "paused at step 4 of 7 (setWeight 25, pause 10m)".into();
    r.stable = VersionRef { version: Some("checkout:2.3.9".into()), snapshot: None };
    r.candidate = VersionRef { version: Some("checkout:2.4.0".into()), snapshot: None };
    r.exposure = Exposure { percent: 25.0, units: 2, units_total: 10 };
    r.stages = vec![
        stage("weight-5", StageState::Passed, 5.0),
        stage("weight-25", StageState::Ready, 25.0),
        stage("weight-50", StageState::Waiting, 50.0),
        stage("full", StageState::Waiting, 100.0),
    ];
    r.stages[1].gates = Some(vec![
        gate("step-3-analysis", GateState::Pass, "success-rate measured 0.993, good if result[0] >= 0.95"),
        gate("step-4-pause", GateState::NotYet, "a pause of 10m, or a promotion, ends it"),
    ]);
    r.current_stage = Some("weight-25".parse().unwrap());
    r.blockers = vec![blocker(BlockerKind::Hold, "step 4 pauses for 10m")];
    r.slis = Vec::new();
    r.verdict = OverallVerdict { label: Verdict::Pass, score: None, why: "no analysis fails".into() };
    r.next = Some(Next { at: Some(start() + TimeDelta::seconds(370)), what: "goes on to step 5 by itself".into() });
    r.owner = "team-shop".into();
    r.units = None;
    r.failures = None;
    r.offers = offers(&[
        (Action::Resume, "nobody paused it: promote answers a step's pause"),
        (Action::Retry, "nothing was given up"),
        (Action::Terminate, "no analysis runs"),
    ]);
    r.workload = Some(Box::new(Workload {
        kind: "Rollout".into(),
        traffic: Some(Traffic { set: 25.0, actual: Some(20.0), max: 100.0, mirrored: Some(5.0), verified: Some(true) }),
        replicas: Replicas {
            desired: Some(10),
            current: Some(12),
            updated: Some(2),
            ready: Some(12),
            available: Some(11),
        },
        facts: vec![
            Fact { name: "header route".into(), value: "X-Canary: exact yes".into() },
            Fact { name: "workload".into(), value: "Deployment/checkout".into() },
        ],
        revisions: vec![
            revision(12, "6f8c7", "2.4.0", &["canary"], (2, 2), 18),
            revision(11, "5d9b4", "2.3.9", &["stable"], (10, 9), 4000),
            revision(9, "77c1f", "2.3.8", &[], (0, 0), 9000),
        ],
        objects: vec![
            object(0, "Rollout", "checkout", ObjectState::Waiting, "Paused", "step 4/7"),
            object(1, "Revision", "12", ObjectState::Good, "", "canary"),
            object(2, "ReplicaSet", "checkout-6f8c7", ObjectState::Good, "Healthy", "canary 2/2"),
            object(3, "Pod", "checkout-6f8c7-x2x9q", ObjectState::Good, "Running", "ready 1/1"),
            object(3, "Pod", "checkout-6f8c7-b7hj4", ObjectState::Good, "Running", "ready 1/1, restarts 1"),
            object(2, "AnalysisRun", "checkout-6f8c7-12-3", ObjectState::Good, "Successful", "10 good"),
            object(1, "Revision", "11", ObjectState::Working, "", "stable"),
            object(2, "ReplicaSet", "checkout-5d9b4", ObjectState::Working, "Progressing", "stable 9/10"),
            object(3, "Pod", "checkout-5d9b4-9s2kd", ObjectState::Working, "ContainerCreating", "ready 0/1"),
            object(1, "Revision", "9", ObjectState::Off, "ScaledDown", ""),
        ],
        runs: vec![RunView {
            current: false,
            completed_at: Some(ago(5)),
            ..run(
                "checkout-6f8c7-12-3",
                "step 3",
                ObjectState::Good,
                "Successful",
                vec![metric("success-rate", ObjectState::Good, "Successful", &[0.991, 0.994, 0.99, 0.993])],
            )
        }],
        happenings: vec![
            happening(4, false, "RolloutPaused", "Rollout is paused (CanaryPauseStep)"),
            happening(5, false, "AnalysisRunSuccessful", "Step analysis run 'checkout-6f8c7-12-3' is Successful"),
            happening(11, true, "FailedScheduling", "0/9 nodes are available: 9 Insufficient cpu"),
        ],
        remark: SafeText::default(),
    }));
    r
}

/// The same while the analysis of its step fails.
pub fn failing() -> Rollout {
    let mut r = canary();
    r.phase = Phase::Progressing;
    r.message = "analysis of step 3 runs".into();
    r.next = None;
    r.verdict = OverallVerdict {
        label: Verdict::Fail,
        score: None,
        why: "success-rate failed 2 of 6, 1 allowed: 0.913, good if result[0] >= 0.95".into(),
    };
    r.blockers = vec![blocker(BlockerKind::Breach, "step-3-analysis: success-rate 0.913, good if result[0] >= 0.95")];
    r.offers = offers(&[(Action::Resume, "nobody paused it"), (Action::Retry, "nothing was given up")]);
    let told = r.workload.as_mut().unwrap();
    let failed = metric("success-rate", ObjectState::Bad, "Failed", &[0.991, 0.994, 0.961, 0.952, 0.931, 0.913]);
    let dry = MetricView {
        dry_run: true,
        ..metric("latency-p99", ObjectState::Working, "Running", &[0.97, 0.96, 0.97, 0.98, 0.97, 0.97])
    };
    told.runs = vec![RunView {
        message: "Metric \"success-rate\" assessed Failed due to failed (2) > failureLimit (1)".into(),
        ..run("checkout-6f8c7-12-3", "step 3", ObjectState::Bad, "Failed", vec![failed, dry])
    }];
    told.objects[5] = object(2, "AnalysisRun", "checkout-6f8c7-12-3", ObjectState::Bad, "Failed", "4 good, 2 failed");
    told.happenings.insert(0, happening(0, true, "AnalysisRunFailed", "Step analysis run is Failed"));
    r
}

/// Given up while a person had paused it: the trap in which its pods stay.
pub fn aborted() -> Rollout {
    let mut r = canary();
    r.phase = Phase::Degraded;
    r.message = "given up, and still paused by a person: its pods and traffic stay until it is resumed".into();
    r.next = None;
    r.blockers = vec![blocker(BlockerKind::Failure, "aborted while spec.paused: 2 pods of the candidate stay")];
    r.offers = offers(&[
        (Action::Pause, "it is paused already"),
        (Action::Promote, "it was given up: retry begins it again"),
        (Action::PromoteFull, "it was given up: retry begins it again"),
        (Action::Terminate, "no analysis runs"),
    ]);
    let told = r.workload.as_mut().unwrap();
    told.traffic = Some(Traffic { set: 0.0, actual: Some(25.0), max: 100.0, mirrored: None, verified: Some(false) });
    told.objects[0] = object(0, "Rollout", "checkout", ObjectState::Bad, "Degraded", "RolloutAborted");
    r
}

/// A canary of Flagger that a metric holds at its weight.
pub fn flagger() -> Rollout {
    let mut r = canary();
    r.target = "search".parse().unwrap();
    r.name = "query".parse().unwrap();
    r.driver = "flagger".into();
    r.phase = Phase::Progressing;
    r.revision = Revision("7c9d2:91ff".into());
    r.message = "Halt query.search advancement success rate 98.69% < 99%".into();
    r.stable.version = Some("query:88".into());
    r.candidate.version = Some("query:89".into());
    r.next = Some(Next { at: None, what: "rolled back after 3 more failed checks".into() });
    r.blockers = vec![blocker(BlockerKind::Gate, "success rate 98.69% < 99%, failed checks 2 of 5")];
    r.offers =
        offers(&[(Action::Resume, "nobody suspended it"), (Action::Promote, "no gate of its own is configured")]);
    r.offers.retain(|offer| !matches!(offer.action, Action::Restart | Action::Terminate));
    let told = r.workload.as_mut().unwrap();
    told.kind = "Canary".into();
    told.traffic = Some(Traffic { set: 10.0, actual: Some(10.0), max: 100.0, mirrored: None, verified: None });
    told.facts = vec![Fact { name: "failed checks".into(), value: "2 of 5".into() }];
    told.revisions.clear();
    told.runs.clear();
    told.objects = vec![
        object(0, "Canary", "query", ObjectState::Working, "Progressing", "weight 10"),
        object(1, "Deployment", "query", ObjectState::Good, "Healthy", "canary 2/2"),
        object(1, "Deployment", "query-primary", ObjectState::Good, "Healthy", "primary 6/6"),
    ];
    told.happenings = vec![
        happening(0, true, "Synced", "Halt query.search advancement success rate 98.69% < 99%"),
        happening(3, false, "Synced", "Advance query.search canary weight 10"),
    ];
    told.remark = "Pods are not known: cannot list pods in search".into();
    r
}

/// What was sent and not yet taken up.
pub fn sent(mut rollout: Rollout, ago: i64, unconfirmed: bool) -> Rollout {
    rollout.pending = Some(Pending {
        action: Action::Promote,
        by: "mira".into(),
        at: seconds(ago),
        unconfirmed,
        detail: "the controller has not left step 4".into(),
    });
    rollout
}

pub fn all() -> Vec<Rollout> {
    vec![canary(), flagger()]
}
