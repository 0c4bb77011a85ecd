//! A rollout of Argo as Rolldeck shows it: its phase, stages, gates, blockers, indicators and objects.

mod blockers;
mod facts;
mod situation;
mod stages;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Timelike as _, Utc};
use serde_json::Value;

use self::situation::Situation;
use super::{
    act::{journey, offers::offers},
    analysis::{self, Run},
    object::{Rollout, RunStatus, Strategy, images},
    phase::{self, Standing},
    revision::revision,
    tree::Tree,
    weight,
};
use crate::{
    domain::{
        self, Exposure, Next, SafeText, Sli, Verdict, VersionRef, Workload,
        sli::OverallVerdict,
        workload::{Happening, Replicas, Traffic},
    },
    driver::{
        Arms, Sighting,
        kubernetes::{children::Children, grants::Grants, happening, image, name, read, request::Kind},
    },
};

/// The annotation that says who answers for a rollout.
const OWNER: &str = "rolldeck.dev/owner";
/// The labels that say it where no annotation does.
const OWNER_LABELS: [&str; 2] = ["app.kubernetes.io/part-of", "team"];
/// Unreadable fields that are named, at most.
const NAMED_MAX: usize = 5;

/// A rollout with all that is worked out of it once.
struct Sight<'a> {
    rollout: &'a Rollout,
    standing: Standing,
    situation: Situation,
    /// Its objects, where they are known.
    tree: Option<Tree>,
    slis: Vec<Sli>,
    /// How many of the candidate's pods are available, where it is known.
    available: Option<u32>,
    /// When the present update began, or the last one.
    created_at: DateTime<Utc>,
    /// When which step was done, counted from 1.
    completed: BTreeMap<usize, DateTime<Utc>>,
    now: DateTime<Utc>,
}

/// A rollout as it is shown. Its objects are shown as far as they are known; nothing is looked up.
#[must_use]
pub fn sighting(rollout: &Rollout, children: Option<&Children>, grants: &Grants, now: DateTime<Utc>) -> Sighting {
    let tree = children.map(|children| Tree::of(rollout, children));
    let happenings = children.map_or_else(Vec::new, |children| happenings(rollout, children, tree.as_ref()));
    let sight = Sight::new(rollout, tree, &happenings, now);
    let (stages, current_stage) = stages::stages(&sight);
    let (candidate, stable) = versions(&sight, children);
    let seen = domain::Rollout {
        target: name::target(&rollout.meta.namespace),
        name: name::rollout(&rollout.meta.name),
        driver: "argo".into(),
        revision: revision(rollout),
        phase: sight.situation.phase(),
        message: SafeText::new(message(&sight)),
        strategy: strategy(rollout).into(),
        stable,
        candidate,
        exposure: exposure(&sight),
        stages,
        current_stage,
        blockers: blockers::blockers(&sight),
        verdict: verdict(&sight),
        trend: None,
        freeze: None,
        next: next(&sight),
        owner: owner(rollout),
        failures: Some(Vec::new()),
        units: Some(Vec::new()),
        workload: Some(Box::new(workload(&sight, children, happenings))),
        pending: None,
        offers: offers(rollout, grants),
        correlation_id: SafeText::default(),
        created_at: sight.created_at,
        updated_at: updated_at(rollout).unwrap_or(sight.created_at),
        observed_at: None,
        slis: sight.slis,
    };
    Sighting {
        labels: rollout.meta.labels.clone(),
        advances: sight.situation.advances(rollout),
        arms: arms(rollout),
        elsewhere: Vec::new(),
        rollout: seen,
    }
}

impl<'a> Sight<'a> {
    fn new(rollout: &'a Rollout, tree: Option<Tree>, happenings: &[Happening], now: DateTime<Utc>) -> Self {
        let standing = phase::standing(rollout);
        let slis = tree.as_ref().map_or_else(Vec::new, |tree| analysis::slis(&tree.current_runs(rollout), now));
        let created_at = created_at(rollout, tree.as_ref()).unwrap_or(now);
        let known = tree.as_ref().and_then(|tree| tree.candidate_available(rollout));
        Self {
            situation: Situation::of(rollout, &standing),
            standing,
            slis,
            available: known.or_else(|| weight::updated_available(rollout)),
            completed: stages::completed(happenings, created_at),
            created_at,
            rollout,
            tree,
            now,
        }
    }

    /// The runs that it waits for, or is judged by, now.
    fn runs(&self) -> Vec<&Run> {
        self.tree.as_ref().map_or_else(Vec::new, |tree| tree.current_runs(self.rollout))
    }

    /// The run of a name.
    fn run(&self, name: &str) -> Option<&Run> {
        self.runs().into_iter().find(|run| run.meta.name == name)
    }

    /// What its status says of these runs.
    fn run_states(&self) -> impl Iterator<Item = &RunStatus> {
        let status = &self.rollout.status;
        let all = [&status.step_run, &status.pre_promotion_run, &status.post_promotion_run, &status.background_run];
        all.into_iter().flatten()
    }
}

/// A time for a sentence: `12:31Z`, with seconds and the date where they matter.
fn time(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let clock = if at.second() == 0 { "%H:%MZ" } else { "%H:%M:%SZ" };
    if at.date_naive() == now.date_naive() {
        at.format(clock).to_string()
    } else {
        at.format(&format!("%Y-%m-%d {clock}")).to_string()
    }
}

/// What the cluster says of a rollout and of its objects, each of these named.
fn happenings(rollout: &Rollout, children: &Children, tree: Option<&Tree>) -> Vec<Happening> {
    let others: BTreeSet<&str> = tree.map(Tree::identities).unwrap_or_default();
    let told = children.of(Kind::EVENT).iter().filter_map(|event| {
        let (kind, name, uid) = happening::about(event);
        if uid == rollout.meta.uid || (uid.is_empty() && kind == Kind::ROLLOUT.kind && name == rollout.meta.name) {
            return Some(event.clone());
        }
        others.contains(uid).then(|| {
            let mut named = event.clone();
            let text = read::text(event, "/message").or_else(|| read::text(event, "/note")).unwrap_or_default();
            named["message"] = Value::String(format!("{kind} {name}: {text}"));
            named
        })
    });
    happening::happenings(&told.collect::<Vec<_>>())
}

const fn strategy(rollout: &Rollout) -> &'static str {
    match rollout.strategy {
        Strategy::Canary(_) => "canary",
        Strategy::BlueGreen(_) => "blue-green",
        Strategy::Unknown => "unknown",
    }
}

/// Why it is where it is: the controller's words, and what follows from them.
fn message(sight: &Sight<'_>) -> String {
    let rollout = sight.rollout;
    let said = sight.standing.message.as_str();
    let step = || journey::step(rollout, rollout.status.step_index.unwrap_or(0));
    match sight.situation {
        Situation::Untouched => format!("no controller has taken it up yet: {said}"),
        Situation::Unknown if said.is_empty() => "called healthy, and another version stable".to_owned(),
        Situation::Aborted { held: true, .. } => format!("{said}; {}", blockers::trap(sight)),
        Situation::Aborted { serves: true, .. } => {
            format!("{said}; it goes back to {}", journey::revision(stable_number(sight), &rollout.status.stable_hash))
        }
        Situation::Aborted { .. } => {
            format!("{said}; the spec still names revision {} until it is undone", rollout.revision_number())
        }
        Situation::AbortedForNothing => format!("{said}; its version is stable all the same"),
        Situation::Timed { until: Some(until) } => format!("{said}: ends at {}", time(until, sight.now)),
        Situation::Waits if !rollout.steps().is_empty() => format!("{said}: {} waits for a person", step()),
        Situation::Waits => format!("{said}: waits for a person"),
        Situation::Inconclusive => format!("{said}: a person decides"),
        Situation::Paused if !rollout.status.pauses.is_empty() => format!("{said}, and {}", journey::waits(rollout)),
        _ => said.to_owned(),
    }
}

/// What is concluded of its analyses: by what they measured, or by what its status says of them.
fn verdict(sight: &Sight<'_>) -> OverallVerdict {
    let worst = sight.run_states().filter(|run| !run.name.is_empty()).min_by_key(|run| match run.phase.as_str() {
        "Failed" => 0,
        "Error" => 1,
        "Inconclusive" => 2,
        "Successful" => 4,
        _ => 3,
    });
    let Some(run) = worst.filter(|_| sight.slis.is_empty()) else { return analysis::verdict(&sight.slis) };
    let label = match run.phase.as_str() {
        "Failed" => Verdict::Fail,
        "Inconclusive" => Verdict::Insufficient,
        "Successful" => Verdict::Pass,
        _ => Verdict::NoData,
    };
    let why = if run.message.is_empty() {
        format!("{} is {}; what it measures is not watched now", run.name, run.phase)
    } else {
        run.message.as_str().to_owned()
    };
    OverallVerdict { label, score: None, why: SafeText::new(why) }
}

/// What happens next, or who must act.
fn next(sight: &Sight<'_>) -> Option<Next> {
    let rollout = sight.rollout;
    let index = rollout.status.step_index.unwrap_or(0);
    let following = || match rollout.strategy {
        Strategy::BlueGreen(_) => "the new version is switched to".to_owned(),
        _ if index + 1 < rollout.steps().len() => format!("{} begins", journey::step(rollout, index + 1)),
        _ => "all pods become the new version".to_owned(),
    };
    let next = |at: Option<DateTime<Utc>>, what: String| Some(Next { at, what: SafeText::new(what) });
    match sight.situation {
        Situation::Timed { until } => next(until, following()),
        Situation::Waits => next(None, format!("a person promotes it: {}", following())),
        Situation::Inconclusive => next(None, "a person promotes it, or rolls it back".to_owned()),
        Situation::Paused => next(None, "a person resumes it".to_owned()),
        Situation::Aborted { held: true, .. } => next(None, "a person ends the pause".to_owned()),
        Situation::Aborted { serves: false, .. } => next(None, "a person undoes it, or tries it again".to_owned()),
        Situation::AbortedForNothing => next(None, "a person retries it, which takes the mark away".to_owned()),
        Situation::Invalid => next(None, "somebody corrects the spec".to_owned()),
        Situation::Completed => {
            let at = rollout.restart_at.filter(|at| phase::is_restarting(rollout) && *at > sight.now)?;
            next(Some(at), "its pods are made anew".to_owned())
        }
        _ => None,
    }
}

fn stable_number(sight: &Sight<'_>) -> u64 {
    sight.tree.as_ref().and_then(|tree| tree.stable(sight.rollout)).map_or(0, |set| set.number)
}

/// The candidate's version and the stable one: the tags of their images, else the revision's number or hash.
fn versions(sight: &Sight<'_>, children: Option<&Children>) -> (VersionRef, VersionRef) {
    let rollout = sight.rollout;
    let tree = sight.tree.as_ref();
    let of_set = |set: Option<&super::tree::Set>| set.map(|set| set.set.images.clone()).unwrap_or_default();
    let stable_images = of_set(tree.and_then(|tree| tree.stable(rollout)));
    let mut candidate_images = rollout.images.clone();
    if candidate_images.is_empty() {
        candidate_images = of_set(tree.and_then(|tree| tree.candidate(rollout)));
    }
    if candidate_images.is_empty() {
        candidate_images = referred(rollout, children);
    }
    let version = |number: u64, hash: &str| match (number, hash) {
        (0, "") => None,
        (0, hash) => Some(SafeText::new(hash)),
        (number, _) => Some(SafeText::new(format!("rev {number}"))),
    };
    let candidate = image::version(&candidate_images, &stable_images)
        .or_else(|| version(rollout.revision_number(), &rollout.status.pod_hash));
    let stable = if situation::is_promoted(rollout) && !is_unseen(rollout) {
        candidate.clone()
    } else {
        let number = stable_number(sight);
        image::version(&stable_images, &candidate_images).or_else(|| version(number, &rollout.status.stable_hash))
    };
    (VersionRef { version: candidate, snapshot: None }, VersionRef { version: stable, snapshot: None })
}

/// Whether the controller has yet to see the newest spec: what its status calls promoted is what came before.
fn is_unseen(rollout: &Rollout) -> bool {
    super::phase::stale(rollout) == Some(super::phase::Stale::Spec)
}

/// The images of the workload that a rollout refers to.
fn referred(rollout: &Rollout, children: Option<&Children>) -> Vec<SafeText> {
    let Some((reference, children)) = rollout.workload.as_ref().zip(children) else { return Vec::new() };
    let of_kind = |kind: &Kind| kind.kind == reference.kind;
    let lists = children.objects.iter().filter(|(kind, _)| of_kind(kind)).flat_map(|(_, list)| list);
    let found = lists.into_iter().find(|object| object["metadata"]["name"] == reference.name.as_str());
    found.map(|object| images(object, "/spec/template")).unwrap_or_default()
}

/// How far the candidate reaches: by the traffic that it gets, or by its pods.
fn exposure(sight: &Sight<'_>) -> Exposure {
    let rollout = sight.rollout;
    let status = &rollout.status;
    if rollout.is_fully_promoted() && is_unseen(rollout) {
        return Exposure { percent: 0.0, units: 0, units_total: rollout.replicas };
    }
    // Where it is not known which pods are the ones that are not available: it is these.
    let least = || match rollout.strategy {
        Strategy::Canary(_) => status.updated.saturating_sub(status.replicas.saturating_sub(status.available)),
        Strategy::BlueGreen(_) | Strategy::Unknown => status.updated,
    };
    let units = sight.available.unwrap_or_else(least);
    let of_pods = || f64::from(units.min(rollout.replicas)) * 100.0 / f64::from(rollout.replicas.max(1));
    let switched = !status.active_hash.is_empty() && status.active_hash == status.pod_hash;
    let percent = match &rollout.strategy {
        _ if status.pod_hash.is_empty() => 0.0,
        _ if rollout.is_fully_promoted() => 100.0,
        Strategy::BlueGreen(_) => {
            if switched {
                100.0
            } else {
                0.0
            }
        }
        // Once all steps are done the weight is said to be all of it, whatever the pods are.
        Strategy::Canary(plan) if rollout.step().is_some() || plan.router.is_some() => {
            let actual = weight::actual_weight(rollout, sight.available);
            actual.map_or_else(of_pods, |actual| f64::from(actual) * 100.0 / f64::from(plan.max_weight.max(1)))
        }
        Strategy::Canary(_) | Strategy::Unknown => of_pods(),
    };
    Exposure { percent: percent.clamp(0.0, 100.0), units, units_total: rollout.replicas }
}

fn workload(sight: &Sight<'_>, children: Option<&Children>, happenings: Vec<Happening>) -> Workload {
    let rollout = sight.rollout;
    let status = &rollout.status;
    let told = |count: u32| status.present.then_some(count);
    let set = weight::set_weight(rollout).filter(|_| !rollout.steps().is_empty() || is_routed(rollout));
    let traffic = set.map(|set| Traffic {
        set: f64::from(set),
        actual: weight::actual_weight(rollout, sight.available).map(f64::from),
        max: f64::from(journey::max_weight(rollout)),
        mirrored: weight::mirrored(rollout).map(f64::from),
        verified: status.weights.as_ref().and_then(|weights| weights.verified),
    });
    let (objects, left_out) = match &sight.tree {
        Some(tree) => tree.objects(rollout, &sight.standing, sight.now),
        None => (Vec::new(), 0),
    };
    Workload {
        kind: Kind::ROLLOUT.kind.into(),
        traffic,
        replicas: Replicas {
            desired: Some(rollout.replicas),
            current: told(status.replicas),
            updated: told(status.updated),
            ready: told(status.ready),
            available: told(status.available),
        },
        facts: facts::facts(sight),
        revisions: sight.tree.as_ref().map(Tree::revisions).unwrap_or_default(),
        runs: sight.tree.as_ref().map(|tree| tree.run_views(rollout)).unwrap_or_default(),
        objects,
        happenings,
        remark: SafeText::new(remark(rollout, children, left_out)),
    }
}

fn is_routed(rollout: &Rollout) -> bool {
    matches!(&rollout.strategy, Strategy::Canary(plan) if plan.router.is_some())
}

/// What of it is not known or not shown, and why.
fn remark(rollout: &Rollout, children: Option<&Children>, left_out: usize) -> String {
    let mut remarks = Vec::new();
    match children {
        None => remarks.push("its objects are not watched now".to_owned()),
        Some(children) if !children.remark.is_empty() => remarks.push(children.remark.as_str().to_owned()),
        Some(_) => {}
    }
    if left_out > 0 {
        remarks.push(format!("{left_out} more objects are not shown"));
    }
    if !rollout.missing.is_empty() {
        let named: Vec<&str> = rollout.missing.iter().take(NAMED_MAX).map(SafeText::as_str).collect();
        let more = rollout.missing.len().saturating_sub(NAMED_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        remarks.push(format!("missing or unreadable: {}{more}", named.join(", ")));
    }
    remarks.join("; ")
}

fn owner(rollout: &Rollout) -> SafeText {
    let annotation = rollout.meta.annotations.get(OWNER).map(SafeText::new).filter(|owner| !owner.is_empty());
    let label = || OWNER_LABELS.iter().find_map(|key| rollout.meta.labels.get(*key).cloned());
    annotation.or_else(label).unwrap_or_default()
}

fn arms(rollout: &Rollout) -> Option<Arms> {
    let status = &rollout.status;
    let both = !status.pod_hash.is_empty() && !status.stable_hash.is_empty() && !rollout.is_fully_promoted();
    both.then(|| Arms { canary: SafeText::new(&status.pod_hash), baseline: SafeText::new(&status.stable_hash) })
}

/// When the present update began: an update that is under way is not completed since; else when its
/// replica set was made.
fn created_at(rollout: &Rollout, tree: Option<&Tree>) -> Option<DateTime<Utc>> {
    let begun = rollout.condition("Completed").filter(|condition| condition.status == "False");
    let begun = begun.filter(|_| !rollout.is_fully_promoted()).and_then(|condition| condition.since);
    let set = || tree.and_then(|tree| tree.candidate(rollout)).and_then(|set| set.set.meta.created_at);
    begun.or_else(set).or(rollout.meta.created_at)
}

/// When something of it last changed that is more than a count.
fn updated_at(rollout: &Rollout) -> Option<DateTime<Utc>> {
    let status = &rollout.status;
    let conditions = status.conditions.iter().filter_map(|condition| condition.since);
    let pauses = status.pauses.iter().filter_map(|pause| pause.since);
    conditions.chain(pauses).chain(status.aborted_at).chain(status.restarted_at).max()
}

#[cfg(test)]
mod tests;
