//! What a Canary has beside stages and gates: traffic, pods, metrics with their queries, its objects as a tree.

use std::fmt::Write as _;

use serde_json::Value;

use super::{
    events::{Cause, Told},
    gates,
    object::{Canary, CanaryPhase, Metric, Split, Strategy, TOTAL_WEIGHT},
    sides::{self, Side, Sides},
};
use crate::{
    domain::{
        SafeText, Workload, duration,
        workload::{
            Fact, Measurement, MetricView, ObjectState, ObjectView, Replicas, RevisionView, RunView, Tally, Traffic,
        },
    },
    driver::kubernetes::{children::Children, pod::Pod, read, request::Kind},
};

/// Objects of one Canary that are shown, at most.
const OBJECTS_MAX: usize = 500;
/// Revisions of one Canary that are shown, at most.
const REVISIONS_MAX: usize = 20;

/// The workload of a Canary.
#[must_use]
pub fn workload(canary: &Canary, children: Option<&Children>, told: Option<&Told>, sides: &Sides) -> Workload {
    let pods = children.map(|children| children.of(Kind::POD).iter().map(Pod::read).collect()).unwrap_or_default();
    Workload {
        kind: SafeText::new("Canary"),
        traffic: traffic(canary, told),
        replicas: replicas(sides),
        facts: facts(canary, told, sides),
        revisions: revisions(sides),
        objects: children.map(|_| tree(canary, sides, pods)).unwrap_or_default(),
        runs: children.and_then(|children| run(canary, children, told)).into_iter().collect(),
        happenings: told.map(|told| told.happenings.clone()).unwrap_or_default(),
        remark: match children {
            Some(children) => children.remark.clone(),
            None => SafeText::new("its workloads, pods and Events are read while somebody looks at it"),
        },
    }
}

/// The share of traffic that the candidate has now, and how that is known; none where no shares are split.
#[must_use]
pub fn share(canary: &Canary, told: Option<&Told>) -> Option<(i64, &'static str)> {
    match canary.split() {
        Split::Status(weight) => Some((weight, "by the status")),
        Split::Plan(plan) => {
            let told = told.filter(|_| canary.strategy() == Strategy::Weights);
            let lowered = told.and_then(|told| told.primary_weight).map(|(primary, _)| TOTAL_WEIGHT - primary);
            let raised = told.and_then(|told| told.weights.first()).map(|(weight, _)| *weight);
            match lowered.or(raised) {
                Some(weight) => Some((weight, "by the last of its Events; the status says 0 in this phase")),
                None => Some((plan, "by the plan; the status says 0 in this phase")),
            }
        }
        Split::Matching => None,
        Split::None if canary.provider == "kubernetes" => None,
        Split::None => {
            matches!(canary.strategy(), Strategy::Weights | Strategy::BlueGreen).then_some((0, "by the phase"))
        }
    }
}

fn traffic(canary: &Canary, told: Option<&Told>) -> Option<Traffic> {
    let (share, _) = share(canary, told)?;
    let analysis = canary.analysis.as_ref()?;
    let checks = canary.iterations();
    // While traffic grows, a share of 0 is mirrored for one interval only, and nothing says in which.
    let mirrors = analysis.mirror
        && canary.strategy() == Strategy::BlueGreen
        && canary.status.phase == Ok(CanaryPhase::Progressing)
        && (1..=checks).contains(&canary.status.iterations);
    Some(Traffic {
        set: share as f64,
        actual: Some(share as f64),
        max: TOTAL_WEIGHT as f64,
        mirrored: mirrors.then(|| analysis.mirror_weight.unwrap_or(TOTAL_WEIGHT) as f64),
        verified: None,
    })
}

/// The pods of both sides together; those that are updated are the candidate's.
fn replicas(sides: &Sides) -> Replicas {
    let sum = |of: fn(&Replicas) -> Option<u32>| {
        let mut known = [&sides.target, &sides.primary].into_iter().flatten().filter_map(|side| of(&side.replicas));
        let first = known.next()?;
        Some(known.fold(first, u32::saturating_add))
    };
    Replicas {
        desired: sum(|replicas| replicas.desired),
        current: sum(|replicas| replicas.current),
        updated: sides.target.as_ref().and_then(|target| target.replicas.available),
        ready: sum(|replicas| replicas.ready),
        available: sum(|replicas| replicas.available),
    }
}

fn facts(canary: &Canary, told: Option<&Told>, sides: &Sides) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut add = |name: &str, value: String| {
        facts.push(Fact { name: SafeText::new(name), value: SafeText::new(value) });
    };
    let status = &canary.status;
    if let Ok(phase) = status.phase {
        let said = if status.message.is_empty() { String::new() } else { format!(": {}", status.message) };
        add(
            "phase of Flagger",
            format!("{}{said}", if phase == CanaryPhase::New { "none yet" } else { phase.as_str() }),
        );
    }
    if canary.suspended {
        add("suspended", "yes: Flagger does nothing to it, no check and no rollback either".to_owned());
    }
    if canary.skips_analysis {
        add("analysis", "skipped (spec.skipAnalysis), in every later release too until it is unset".to_owned());
    } else if canary.analysis.is_none() {
        add("analysis", "none is set: each release is promoted as soon as its pods are ready".to_owned());
    }
    add("target", format!("{} {}, live copy {}", canary.target.kind, canary.target.name, canary.primary()));
    add("service", canary.service.clone());
    let provider = match (canary.provider.as_str(), told.is_some_and(|told| told.splits_nothing)) {
        ("", true) => "kubernetes, by the controller's setting".to_owned(),
        ("", false) => "the controller's setting".to_owned(),
        (provider, _) => provider.to_owned(),
    };
    add("provider", provider);
    if let Some(analysis) = &canary.analysis {
        add(
            "checks",
            format!("every {}, rolled back at {} failed ones", duration::print(analysis.interval), analysis.threshold),
        );
        if !analysis.matches.is_empty() {
            let rules: Vec<&str> = analysis.matches.iter().map(SafeText::as_str).collect();
            let said = rules.join(" or ");
            match canary.strategy() {
                Strategy::AbTesting => add("requests to the candidate", said),
                _ => add("match", format!("ignored by this strategy: {said}")),
            }
        }
        if analysis.mirror {
            add("mirror", format!("{} % of requests", analysis.mirror_weight.unwrap_or(TOTAL_WEIGHT)));
        }
        if analysis.session_affinity {
            add("session affinity", "a cookie keeps users on the version they had".to_owned());
        }
    }
    if let Some((share, how)) = share(canary, told).filter(|_| matches!(canary.split(), Split::Plan(_))) {
        add("share of traffic", format!("{share} %, {how}"));
    }
    if let Some(scaler) = &canary.autoscaler {
        add("autoscaler", format!("{} {}", scaler.kind, scaler.name));
    }
    if canary.reverts_on_deletion {
        add("on deletion", format!("{} gets its pods and traffic back, whatever it holds", canary.target.name));
    }
    if !status.last_applied.is_empty() {
        let promoted = match status.last_promoted.as_str() {
            "" => "none".to_owned(),
            promoted => promoted.to_owned(),
        };
        add("spec", format!("last applied {}, last promoted {promoted}", status.last_applied));
    }
    if !status.tracked_configs.is_empty() {
        let names: Vec<&str> = status.tracked_configs.keys().map(String::as_str).collect();
        add("tracked configs", names.join(", "));
    }
    if sides.primary.is_none() && sides.target.is_some() {
        add("primary", format!("{} is not there", canary.primary()));
    }
    facts
}

/// The templates that each side had, the candidate's first.
fn revisions(sides: &Sides) -> Vec<RevisionView> {
    let mut all = Vec::new();
    for (side, role) in [(&sides.target, "canary"), (&sides.primary, "stable")] {
        let Some(side) = side else { continue };
        for (index, set) in side.replica_sets.iter().enumerate() {
            all.push(RevisionView {
                number: sides::revision(set),
                hash: set.meta.labels.get("pod-template-hash").cloned().unwrap_or_default(),
                images: set.images.clone(),
                roles: if index == 0 { vec![SafeText::new(role)] } else { Vec::new() },
                replicas: set.replicas,
                created_at: set.meta.created_at,
            });
        }
        if side.replica_sets.is_empty() {
            all.push(RevisionView {
                number: side.revision(),
                hash: SafeText::default(),
                images: side.images.clone(),
                roles: vec![SafeText::new(role)],
                replicas: side.replicas,
                created_at: side.meta.created_at,
            });
        }
    }
    all.truncate(REVISIONS_MAX);
    all
}

/// The Canary, each side, its replica sets, their pods. Pods come by creation, then by name.
fn tree(canary: &Canary, sides: &Sides, mut pods: Vec<Pod>) -> Vec<ObjectView> {
    pods.sort_by(|a, b| (a.meta.created_at, &a.meta.name).cmp(&(b.meta.created_at, &b.meta.name)));
    let view = |depth: u8, kind: &str, name: &str, state, status: SafeText, detail: String, created_at| ObjectView {
        depth,
        kind: SafeText::new(kind),
        name: SafeText::new(name),
        state,
        status,
        detail: SafeText::new(detail),
        created_at,
    };
    let own_pods = |uid: &str, depth: u8| -> Vec<ObjectView> {
        pods.iter()
            .filter(|pod| pod.meta.is_owned_by(uid))
            .map(|pod| {
                let more = if pod.message.is_empty() { String::new() } else { format!(", {}", pod.message) };
                let detail = format!("{}{more}", pod.detail());
                view(depth, "Pod", &pod.meta.name, pod.state, pod.status.clone(), detail, pod.meta.created_at)
            })
            .collect()
    };
    let (state, status) = match &canary.status.phase {
        Ok(phase) => (own_state(canary, *phase), SafeText::new(phase.as_str())),
        Err(_) => (ObjectState::Unknown, SafeText::new("Unknown")),
    };
    let detail = if canary.suspended { "suspended" } else { "" };
    let meta = &canary.meta;
    let mut objects = vec![view(0, "Canary", &meta.name, state, status, detail.to_owned(), meta.created_at)];
    for (side, role) in [(&sides.target, "canary"), (&sides.primary, "stable")] {
        let Some(side) = side else { continue };
        let of = |replicas: &Replicas| match (replicas.available, replicas.desired) {
            (Some(available), Some(desired)) => format!("available {available}/{desired}"),
            _ => String::new(),
        };
        let join = |role: &str, counts: String| {
            [role.to_owned(), counts].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
        };
        let said = join(role, of(&side.replicas));
        objects.push(view(1, side.kind, &side.meta.name, side.state, side.status.clone(), said, side.meta.created_at));
        for set in &side.replica_sets {
            let status = SafeText::new(set.health.as_str());
            let said = join("", of(&set.replicas));
            let (name, created) = (&set.meta.name, set.meta.created_at);
            objects.push(view(2, "ReplicaSet", name, set.health.state(), status, said, created));
            objects.extend(own_pods(&set.meta.uid, 3));
        }
        // Those of a daemon set are its own.
        objects.extend(own_pods(&side.meta.uid, 2));
    }
    objects.truncate(OBJECTS_MAX);
    objects
}

fn own_state(canary: &Canary, phase: CanaryPhase) -> ObjectState {
    use CanaryPhase as P;
    match phase {
        P::Failed => ObjectState::Bad,
        P::Terminated => ObjectState::Off,
        P::Initialized | P::Succeeded => ObjectState::Good,
        P::Waiting | P::WaitingPromotion => ObjectState::Waiting,
        _ if canary.suspended => ObjectState::Waiting,
        P::New | P::Initializing | P::Progressing | P::Promoting | P::Finalising | P::Terminating => {
            ObjectState::Working
        }
    }
}

/// The analysis as a run: what is measured, how it is asked for, and what failed last. Values that are good are
/// told nowhere.
fn run(canary: &Canary, children: &Children, told: Option<&Told>) -> Option<RunView> {
    let analysis = canary.analysis.as_ref().filter(|analysis| !analysis.metrics.is_empty())?;
    let under_way = matches!(canary.status.phase, Ok(CanaryPhase::Progressing | CanaryPhase::WaitingPromotion));
    let failed = canary.status.phase == Ok(CanaryPhase::Failed);
    let (phase, state) = if failed {
        ("Failed", ObjectState::Bad)
    } else if under_way && canary.suspended {
        ("Suspended", ObjectState::Waiting)
    } else if under_way {
        ("Running", ObjectState::Working)
    } else {
        ("Pending", ObjectState::Off)
    };
    let mut message = String::new();
    if under_way {
        // Writing to a String cannot fail.
        let _ = write!(message, "{} of {} checks failed", canary.status.failed_checks, canary.threshold());
    }
    if let Some((why, _)) = told.and_then(|told| told.rolled_back.as_ref()) {
        let _ = write!(message, "{}{why}", if message.is_empty() { "" } else { "; " });
    }
    Some(RunView {
        name: SafeText::new("analysis"),
        role: SafeText::new(if canary.iterations() > 0 { "checks" } else { "steps of traffic" }),
        current: under_way,
        phase: SafeText::new(phase),
        state,
        message: SafeText::new(message),
        started_at: canary.status.phase_since.filter(|_| canary.status.phase == Ok(CanaryPhase::Progressing)),
        completed_at: canary.status.phase_since.filter(|_| failed),
        metrics: analysis.metrics.iter().map(|metric| metric_view(canary, children, told, metric)).collect(),
    })
}

fn metric_view(canary: &Canary, children: &Children, told: Option<&Told>, metric: &Metric) -> MetricView {
    let template = metric.template.as_ref().and_then(|template| {
        let namespace = if template.namespace.is_empty() { &canary.meta.namespace } else { &template.namespace };
        children.of(Kind::METRIC_TEMPLATE).iter().find(|object| {
            read::text(object, "/metadata/name").as_deref() == Some(&template.name)
                && read::text(object, "/metadata/namespace").is_none_or(|space| space == *namespace)
        })
    });
    let (provider, query) = match (template, &metric.template) {
        (Some(object), _) => (read::shown(object, "/spec/provider/type"), rendered(canary, metric, object)),
        (None, Some(template)) => (
            SafeText::default(),
            SafeText::new(format!("by the metric template {}, which is not at hand", template.name)),
        ),
        (None, None) if !metric.query.is_empty() => (SafeText::new("prometheus"), metric.query.clone()),
        (None, None) => (SafeText::new("prometheus"), SafeText::new("built into Flagger")),
    };
    let failure = told.and_then(|told| told.failure.as_ref());
    let mut view = MetricView {
        name: metric.name.clone(),
        phase: SafeText::default(),
        state: ObjectState::Unknown,
        message: SafeText::default(),
        provider,
        query,
        success: SafeText::new(gates::condition(metric)),
        failure: SafeText::default(),
        limits: gates::limits(metric),
        dry_run: false,
        successful: 0,
        failed: Tally::default(),
        inconclusive: Tally::default(),
        errors: Tally::default(),
        count: None,
        measurements: Vec::new(),
    };
    match failure {
        Some((Cause::Metric(reading), at)) if reading.metric == metric.name => {
            view.phase = SafeText::new("Failed");
            view.state = ObjectState::Bad;
            view.message = reading.text.clone();
            view.measurements.push(Measurement {
                at: Some(*at),
                phase: SafeText::new("Failed"),
                value: SafeText::new(format!("{}{}", reading.value, reading.unit)),
                number: Some(reading.value).filter(|value| value.is_finite()),
                message: reading.text.clone(),
            });
        }
        Some((Cause::NoValues(name), _)) if *name == metric.name => {
            view.phase = SafeText::new("NoValues");
            view.state = ObjectState::Bad;
            view.message = SafeText::new("there are no values: it may get no traffic");
        }
        Some((Cause::Query(Some(name), why), _)) if *name == metric.name => {
            view.phase = SafeText::new("Error");
            view.state = ObjectState::Bad;
            view.message = why.clone();
        }
        _ => view.message = SafeText::new("Flagger tells a value only when it is out of its range"),
    }
    view
}

/// The query of a metric template with the names filled in that Flagger fills in; other actions of its template
/// language stay as they are written.
fn rendered(canary: &Canary, metric: &Metric, template: &Value) -> SafeText {
    let query = read::text(template, "/spec/query").unwrap_or_default();
    let mut made = String::new();
    let mut rest = query.as_str();
    while let Some((before, after)) = rest.split_once("{{") {
        made.push_str(before);
        let Some((action, after)) = after.split_once("}}") else {
            made.push_str("{{");
            rest = after;
            break;
        };
        match action.trim().trim_matches('-').trim() {
            "name" => made.push_str(&canary.meta.name),
            "namespace" => made.push_str(&canary.meta.namespace),
            "target" => made.push_str(&canary.target.name),
            "service" => made.push_str(&canary.service),
            "interval" => made.push_str(metric.interval.as_str()),
            _ => {
                made.push_str("{{");
                made.push_str(action);
                made.push_str("}}");
            }
        }
        rest = after;
    }
    made.push_str(rest);
    SafeText::new(made.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The replica set of the target's present template, where it was made after the release failed: a template
/// that Flagger has yet to take up.
#[must_use]
pub fn newer_template<'a>(
    canary: &Canary,
    target: Option<&'a Side>,
) -> Option<&'a crate::driver::kubernetes::replica_set::ReplicaSet> {
    let failed_at = canary.status.phase_since.filter(|_| canary.status.phase == Ok(CanaryPhase::Failed))?;
    target?.current().filter(|set| set.meta.created_at.is_some_and(|created| created > failed_at))
}
