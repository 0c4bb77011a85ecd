//! The objects of a rollout: which replica set is which version, with their pods, the experiments and
//! the analysis runs, in the order in which `kubectl argo rollouts get rollout` shows them.
//!
//! Whose object it is, is told by the identity of its owner and never by its name (argo-rollouts,
//! `pkg/kubectl-argo-rollouts/info`).

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::{
    analysis::{self, Job, Run},
    object::{POD_HASH, Rollout, Strategy, revision_of},
    phase::{RolloutPhase, Standing},
};
use crate::{
    domain::{
        SafeText,
        workload::{ObjectState, ObjectView, RevisionView, RunView},
    },
    driver::kubernetes::{children::Children, meta::Meta, pod::Pod, read, replica_set::ReplicaSet, request::Kind},
};

/// The annotation that says when a replica set is scaled down.
const SCALE_DOWN_AT: &str = "scale-down-deadline";
/// The annotation that says of which of an experiment's templates a replica set is.
const TEMPLATE: &str = "experiment.argoproj.io/template-name";
/// Objects that are shown, at most.
const OBJECTS_MAX: usize = 500;
/// Revisions and runs that are shown, at most: the newest.
const SHOWN_MAX: usize = 20;

/// The objects of a rollout.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tree {
    /// Its replica sets, of the newest revision first.
    pub sets: Vec<Set>,
    /// Its experiments, of the newest revision first.
    pub experiments: Vec<Experiment>,
    /// Its own analysis runs, of the newest revision first.
    pub runs: Vec<Run>,
    /// Whether replica sets are known: else that there are none says nothing.
    pub is_known: bool,
}

/// A replica set of a rollout or of an experiment, with its pods.
#[derive(Debug, Clone, PartialEq)]
pub struct Set {
    /// It itself.
    pub set: ReplicaSet,
    /// The number of its revision; 0 when it has none.
    pub number: u64,
    /// The hash of its pod template.
    pub hash: String,
    /// What it is now: `stable`, `canary`, `active`, `preview`, `ping`, `pong`.
    pub roles: Vec<&'static str>,
    /// Of which template of an experiment it is; empty of a rollout's own.
    pub template: SafeText,
    /// When it is scaled down.
    pub scale_down_at: Option<DateTime<Utc>>,
    /// Why its pods cannot be made, where they cannot.
    pub failure: Option<SafeText>,
    /// Its pods, oldest first.
    pub pods: Vec<Pod>,
}

/// An experiment with what belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Experiment {
    /// Its metadata.
    pub meta: Meta,
    /// The number of the revision that it is of.
    pub number: u64,
    /// The controller's word.
    pub phase: String,
    /// Why.
    pub message: SafeText,
    /// Its replica sets.
    pub sets: Vec<Set>,
    /// Its analysis runs.
    pub runs: Vec<Run>,
}

impl Tree {
    /// Finds the objects of a rollout among those that are there.
    #[must_use]
    pub fn of(rollout: &Rollout, children: &Children) -> Self {
        let mut pods: BTreeMap<String, Vec<Pod>> = BTreeMap::new();
        for pod in children.of(Kind::POD) {
            let pod = Pod::read(pod);
            for owner in &pod.meta.owners {
                pods.entry(owner.uid.clone()).or_default().push(pod.clone());
            }
        }
        for list in pods.values_mut() {
            list.sort_by(|a, b| (a.meta.created_at, &a.meta.name).cmp(&(b.meta.created_at, &b.meta.name)));
        }
        let mut sets: BTreeMap<String, Vec<Set>> = BTreeMap::new();
        for object in children.of(Kind::REPLICA_SET) {
            let set = Set::read(object, &mut pods);
            for owner in set.set.meta.owners.clone() {
                sets.entry(owner.uid).or_default().push(set.clone());
            }
        }
        let mut runs: BTreeMap<String, Vec<Run>> = BTreeMap::new();
        for object in children.of(Kind::ANALYSIS_RUN) {
            let run = Run::read(object);
            for owner in run.meta.owners.clone() {
                runs.entry(owner.uid).or_default().push(run.clone());
            }
        }
        let uid = rollout.meta.uid.as_str();
        let mut experiments: Vec<Experiment> = children
            .of(Kind::EXPERIMENT)
            .iter()
            .map(|object| Experiment::read(object, &mut sets, &mut runs))
            .filter(|experiment| experiment.meta.is_owned_by(uid))
            .collect();
        experiments.sort_by(|a, b| {
            let created = |one: &Experiment| (one.meta.created_at, one.meta.name.clone());
            b.number.cmp(&a.number).then_with(|| created(a).cmp(&created(b)))
        });
        let mut own = if uid.is_empty() { Vec::new() } else { sorted(sets.remove(uid).unwrap_or_default()) };
        for set in &mut own {
            set.roles = roles(rollout, &set.hash);
        }
        let runs = if uid.is_empty() { Vec::new() } else { newest_first(runs.remove(uid).unwrap_or_default()) };
        Self { sets: own, experiments, runs, is_known: children.objects.contains_key(&Kind::REPLICA_SET) }
    }

    /// The replica set of the version that is wanted.
    #[must_use]
    pub fn candidate(&self, rollout: &Rollout) -> Option<&Set> {
        self.with_hash(&rollout.status.pod_hash)
    }

    /// The replica set of the stable version.
    #[must_use]
    pub fn stable(&self, rollout: &Rollout) -> Option<&Set> {
        self.with_hash(&rollout.status.stable_hash)
    }

    fn with_hash(&self, hash: &str) -> Option<&Set> {
        self.sets.iter().find(|set| !hash.is_empty() && set.hash == hash)
    }

    /// How many of the candidate's pods are available; none where its replica set is not known.
    #[must_use]
    pub fn candidate_available(&self, rollout: &Rollout) -> Option<u32> {
        match self.candidate(rollout) {
            Some(set) => set.set.replicas.available,
            None => self.is_known.then_some(0),
        }
    }

    /// The runs that the rollout waits for, or is judged by, now: those that its status names, and those
    /// of the experiment that it names.
    #[must_use]
    pub fn current_runs(&self, rollout: &Rollout) -> Vec<&Run> {
        let status = &rollout.status;
        let named = [&status.step_run, &status.pre_promotion_run, &status.post_promotion_run, &status.background_run];
        let named: Vec<&str> = named.into_iter().flatten().map(|run| run.name.as_str()).collect();
        let own = named.iter().filter_map(|name| self.runs.iter().find(|run| run.meta.name == *name));
        let experiment = self.experiments.iter().filter(|experiment| experiment.meta.name == status.experiment);
        own.chain(experiment.flat_map(|experiment| &experiment.runs)).collect()
    }

    /// All runs as they are shown, the newest first.
    #[must_use]
    pub fn run_views(&self, rollout: &Rollout) -> Vec<RunView> {
        let current: BTreeSet<&str> = self.current_runs(rollout).iter().map(|run| run.meta.uid.as_str()).collect();
        let mut all: Vec<&Run> =
            self.runs.iter().chain(self.experiments.iter().flat_map(|experiment| &experiment.runs)).collect();
        all.sort_by_key(|run| {
            let is_current = current.contains(run.meta.uid.as_str());
            (std::cmp::Reverse((is_current, run.meta.created_at)), run.meta.name.clone())
        });
        all.iter().take(SHOWN_MAX).map(|run| run.view(current.contains(run.meta.uid.as_str()))).collect()
    }

    /// The identities of all objects in it but the rollout's own.
    #[must_use]
    pub fn identities(&self) -> BTreeSet<&str> {
        let sets = self.sets.iter().chain(self.experiments.iter().flat_map(|experiment| &experiment.sets));
        let runs = self.runs.iter().chain(self.experiments.iter().flat_map(|experiment| &experiment.runs));
        let pods = sets.clone().flat_map(|set| &set.pods).map(|pod| &pod.meta);
        let experiments = self.experiments.iter().map(|experiment| &experiment.meta);
        let all = sets.map(|set| &set.set.meta).chain(pods).chain(runs.map(|run| &run.meta)).chain(experiments);
        all.map(|meta| meta.uid.as_str()).filter(|uid| !uid.is_empty()).collect()
    }

    /// The revisions as they are shown, the newest first.
    #[must_use]
    pub fn revisions(&self) -> Vec<RevisionView> {
        let view = |set: &Set| RevisionView {
            number: set.number,
            hash: SafeText::new(&set.hash),
            images: set.set.images.clone(),
            roles: set.roles.iter().map(SafeText::new).collect(),
            replicas: set.set.replicas,
            created_at: set.set.meta.created_at,
        };
        self.sets.iter().take(SHOWN_MAX).map(view).collect()
    }

    /// The images that run now, each with what it is: `stable`, `canary`, `Σ:baseline` of an experiment.
    #[must_use]
    pub fn images(&self) -> BTreeMap<SafeText, BTreeSet<String>> {
        let mut images: BTreeMap<SafeText, BTreeSet<String>> = BTreeMap::new();
        let own =
            self.sets.iter().map(|set| (set, set.roles.iter().map(|role| (*role).to_owned()).collect::<Vec<_>>()));
        let others = self.experiments.iter().flat_map(|experiment| &experiment.sets).map(|set| {
            let tag = Some(format!("Σ:{}", set.template)).filter(|_| !set.template.is_empty());
            (set, tag.into_iter().collect())
        });
        for (set, tags) in own.chain(others) {
            if set.set.replicas.current.unwrap_or(0) > 0 {
                for image in &set.set.images {
                    images.entry(image.clone()).or_default().extend(tags.iter().cloned());
                }
            }
        }
        images
    }

    /// All of it as lines, each object after the one that owns it; and how many did not fit.
    #[must_use]
    pub fn objects(&self, rollout: &Rollout, standing: &Standing, now: DateTime<Utc>) -> (Vec<ObjectView>, usize) {
        let mut lines = Lines { views: Vec::new(), left_out: 0, now };
        let waits = matches!(standing.phase, RolloutPhase::Paused);
        lines.add(ObjectView {
            depth: 0,
            kind: "Rollout".into(),
            name: SafeText::new(&rollout.meta.name),
            state: match standing.phase {
                RolloutPhase::Healthy => ObjectState::Good,
                RolloutPhase::Degraded => ObjectState::Bad,
                _ if waits => ObjectState::Waiting,
                RolloutPhase::Unknown => ObjectState::Unknown,
                _ => ObjectState::Working,
            },
            status: standing.phase.as_str().into(),
            detail: SafeText::default(),
            created_at: rollout.meta.created_at,
        });
        for number in self.numbers() {
            let sets: Vec<&Set> = self.sets.iter().filter(|set| set.number == number).collect();
            lines.add(ObjectView {
                depth: 1,
                kind: "Revision".into(),
                name: SafeText::new(number.to_string()),
                state: sets.first().map_or(ObjectState::Off, |set| set.set.health.state()),
                status: SafeText::default(),
                detail: SafeText::default(),
                created_at: sets.first().and_then(|set| set.set.meta.created_at),
            });
            for set in sets {
                lines.set(set, 2);
            }
            for experiment in self.experiments.iter().filter(|experiment| experiment.number == number) {
                lines.experiment(experiment);
            }
            for run in self.runs.iter().filter(|run| run.number == number) {
                lines.run(run, 2);
            }
        }
        (lines.views, lines.left_out)
    }

    /// The numbers of all revisions that have something left, the newest first.
    fn numbers(&self) -> Vec<u64> {
        let sets = self.sets.iter().map(|set| set.number);
        let experiments = self.experiments.iter().map(|experiment| experiment.number);
        let all: BTreeSet<u64> = sets.chain(experiments).chain(self.runs.iter().map(|run| run.number)).collect();
        all.into_iter().rev().collect()
    }
}

impl Set {
    fn read(object: &Value, pods: &mut BTreeMap<String, Vec<Pod>>) -> Self {
        let set = ReplicaSet::read(object);
        let annotation = |key: &str| set.meta.annotations.get(key);
        let scale_down_at = annotation(SCALE_DOWN_AT).and_then(|text| DateTime::parse_from_rfc3339(text).ok());
        Self {
            number: revision_of(&set.meta),
            hash: set.meta.labels.get(POD_HASH).map(|hash| hash.as_str().to_owned()).unwrap_or_default(),
            roles: Vec::new(),
            template: annotation(TEMPLATE).map(SafeText::new).unwrap_or_default(),
            scale_down_at: scale_down_at.map(|at| at.with_timezone(&Utc)),
            failure: ReplicaSet::failure(object),
            pods: pods.remove(&set.meta.uid).unwrap_or_default(),
            set,
        }
    }

    /// How its pods do that are not ready, in words with numbers: `CrashLoopBackOff on 2 pods (7 restarts)`.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        if let Some(failure) = &self.failure {
            return Some(format!("its pods cannot be made: {failure}"));
        }
        let mut by_status: BTreeMap<&SafeText, (u32, u32, &SafeText)> = BTreeMap::new();
        for pod in self.pods.iter().filter(|pod| pod.state == ObjectState::Bad) {
            let entry = by_status.entry(&pod.status).or_insert((0, 0, &pod.message));
            entry.0 += 1;
            entry.1 = entry.1.saturating_add(pod.restarts);
        }
        let (status, (pods, restarts, message)) = by_status.into_iter().max_by_key(|(_, (pods, ..))| *pods)?;
        let pods = if pods == 1 { "1 pod".to_owned() } else { format!("{pods} pods") };
        let restarts = match restarts {
            0 => String::new(),
            1 => " (1 restart)".to_owned(),
            more => format!(" ({more} restarts)"),
        };
        let message = if message.is_empty() { String::new() } else { format!(": {message}") };
        Some(format!("{status} on {pods}{restarts}{message}"))
    }
}

impl Experiment {
    fn read(object: &Value, sets: &mut BTreeMap<String, Vec<Set>>, runs: &mut BTreeMap<String, Vec<Run>>) -> Self {
        let meta = Meta::read(object, &[]);
        Self {
            number: revision_of(&meta),
            phase: read::text(object, "/status/phase").unwrap_or_default(),
            message: read::shown(object, "/status/message"),
            sets: sorted(sets.remove(&meta.uid).unwrap_or_default()),
            runs: newest_first(runs.remove(&meta.uid).unwrap_or_default()),
            meta,
        }
    }
}

fn sorted(mut sets: Vec<Set>) -> Vec<Set> {
    sets.sort_by(|a, b| b.number.cmp(&a.number).then_with(|| a.set.meta.name.cmp(&b.set.meta.name)));
    sets
}

fn newest_first(mut runs: Vec<Run>) -> Vec<Run> {
    runs.sort_by(|a, b| {
        let within = a.meta.created_at.cmp(&b.meta.created_at).then_with(|| b.meta.name.cmp(&a.meta.name));
        b.number.cmp(&a.number).then(within)
    });
    runs
}

/// What a replica set with a hash is now (argo-rollouts, `info/replicaset_info.go`).
fn roles(rollout: &Rollout, hash: &str) -> Vec<&'static str> {
    let status = &rollout.status;
    if hash.is_empty() {
        return Vec::new();
    }
    let is_stable = status.stable_hash == hash;
    let mut roles = Vec::new();
    match &rollout.strategy {
        Strategy::Canary(plan) => {
            if is_stable {
                roles.push("stable");
            } else if status.pod_hash == hash {
                roles.push("canary");
            }
            if plan.ping_pong && !roles.is_empty() {
                let is_ping = (status.stable_ping_pong == "ping") == is_stable;
                roles.push(if is_ping { "ping" } else { "pong" });
            }
        }
        Strategy::BlueGreen(_) => {
            if is_stable {
                roles.push("stable");
            }
            if status.active_hash == hash {
                roles.push("active");
            } else if status.preview_hash == hash {
                roles.push("preview");
            }
        }
        Strategy::Unknown => {}
    }
    roles
}

/// Collects the lines of a tree.
struct Lines {
    views: Vec<ObjectView>,
    left_out: usize,
    now: DateTime<Utc>,
}

impl Lines {
    fn add(&mut self, view: ObjectView) {
        if self.views.len() < OBJECTS_MAX {
            self.views.push(view);
        } else {
            self.left_out += 1;
        }
    }

    fn set(&mut self, set: &Set, depth: u8) {
        let mut detail = set.roles.join(",");
        if let Some(at) = set.scale_down_at {
            let left = if at < self.now { "passed".to_owned() } else { span(at - self.now) };
            detail = if detail.is_empty() { format!("delay {left}") } else { format!("{detail}, delay {left}") };
        }
        self.add(ObjectView {
            depth,
            kind: "ReplicaSet".into(),
            name: SafeText::new(&set.set.meta.name),
            state: set.set.health.state(),
            status: set.set.health.as_str().into(),
            detail: SafeText::new(detail),
            created_at: set.set.meta.created_at,
        });
        for pod in &set.pods {
            self.add(ObjectView {
                depth: depth + 1,
                kind: "Pod".into(),
                name: SafeText::new(&pod.meta.name),
                state: pod.state,
                status: pod.status.clone(),
                detail: SafeText::new(pod.detail()),
                created_at: pod.meta.created_at,
            });
        }
    }

    fn experiment(&mut self, experiment: &Experiment) {
        self.add(ObjectView {
            depth: 2,
            kind: "Experiment".into(),
            name: SafeText::new(&experiment.meta.name),
            state: analysis::state(&experiment.phase),
            status: SafeText::new(&experiment.phase),
            detail: experiment.message.clone(),
            created_at: experiment.meta.created_at,
        });
        for set in &experiment.sets {
            self.set(set, 3);
        }
        for run in &experiment.runs {
            self.run(run, 3);
        }
    }

    fn run(&mut self, run: &Run, depth: u8) {
        self.add(ObjectView {
            depth,
            kind: "AnalysisRun".into(),
            name: SafeText::new(&run.meta.name),
            state: analysis::state(&run.phase),
            status: SafeText::new(&run.phase),
            detail: SafeText::new(run.tally()),
            created_at: run.meta.created_at,
        });
        for Job { name, phase, started_at } in &run.jobs {
            self.add(ObjectView {
                depth: depth + 1,
                kind: "Job".into(),
                name: name.clone(),
                state: analysis::state(phase.as_str()),
                status: phase.clone(),
                detail: SafeText::default(),
                created_at: *started_at,
            });
        }
    }
}

/// A span of time as the cluster's tools write it: `29s`, `5m30s`, `3h59m`, `2d4h` (Kubernetes,
/// `apimachinery/pkg/util/duration`).
fn span(length: TimeDelta) -> String {
    let seconds = length.num_seconds().max(0);
    let two = |whole: i64, unit: char, rest: i64, small: char| {
        if rest == 0 { format!("{whole}{unit}") } else { format!("{whole}{unit}{rest}{small}") }
    };
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        ..120 => format!("{seconds}s"),
        120..600 => two(minutes, 'm', seconds % 60, 's'),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => two(hours, 'h', minutes % 60, 'm'),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(days, 'd', hours % 24, 'h'),
        _ => format!("{days}d"),
    }
}

#[cfg(test)]
mod tests;
