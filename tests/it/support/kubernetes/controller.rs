//! A small controller in place of Argo's: it carries rollouts out on the stand-in, one reconciliation at a time, as
//! argo-rollouts v1.9.1 was seen to do. Like that one it reads a cached copy, writes its status by a merge patch without a
//! version, and looks at a rollout again only when something wakes it: so a promotion can be lost.
//!
//! It knows canaries (weights, pauses, analyses, experiments) and blue-green with its pause; abort, retry, full promotion,
//! restart and undo. Pods come up at once, unless a test holds them back.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::{
    StandIn, now,
    parts::{self, pod_hash},
    patch::merge,
    reconcile::{self, Sets},
};

/// The field manager of its writes.
pub const MANAGER: &str = "rollouts-controller";

type Place = (String, String);

/// The controller.
#[derive(Debug, Clone, Default)]
pub struct Argo {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// The version up to which it has seen a rollout: nothing up to there wakes it.
    seen: BTreeMap<Place, String>,
    /// Rollouts that it does not look at, as if it were slow.
    held: BTreeSet<Place>,
    /// Rollouts whose next change from outside lands between its read and its write.
    racing: BTreeSet<Place>,
    /// How analyses of a rollout end, unless it is said otherwise: `Successful`; `Running` for not at all.
    outcomes: BTreeMap<Place, String>,
    /// Rollouts whose new pods do not become available.
    unready: BTreeSet<Place>,
    serial: u64,
}

/// What it decided from the copy that it read.
#[derive(Debug, Clone)]
pub struct Decided {
    place: Place,
    status: Value,
    metadata: Value,
    scale: Vec<(Value, u64)>,
    runs: Vec<Value>,
}

fn place(namespace: &str, name: &str) -> Place {
    (namespace.to_owned(), name.to_owned())
}

/// A controller that runs; it stops when this is dropped.
#[derive(Debug)]
pub struct Running(JoinHandle<()>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Argo {
    /// How the analyses of a rollout end from now on: `Successful`, `Failed`, `Error`, `Inconclusive`; `Running` for
    /// not at all.
    pub fn analyses_end(&self, namespace: &str, name: &str, phase: &str) {
        self.state.lock().unwrap().outcomes.insert(place(namespace, name), phase.to_owned());
        self.wake(namespace, name);
    }

    /// It looks at a rollout again though nothing changed, as it does when the time of a pause has passed.
    pub fn wake(&self, namespace: &str, name: &str) {
        self.state.lock().unwrap().seen.remove(&place(namespace, name));
    }

    /// It does not look at a rollout until it is let: `observedGeneration` stays behind.
    pub fn hold(&self, namespace: &str, name: &str) {
        self.state.lock().unwrap().held.insert(place(namespace, name));
    }

    /// It looks at a rollout again.
    pub fn let_go(&self, namespace: &str, name: &str) {
        self.state.lock().unwrap().held.remove(&place(namespace, name));
    }

    /// New pods of a rollout do not become available, or do again.
    pub fn pods_come_up(&self, namespace: &str, name: &str, come_up: bool) {
        let mut state = self.state.lock().unwrap();
        if come_up {
            state.unready.remove(&place(namespace, name))
        } else {
            state.unready.insert(place(namespace, name))
        };
        state.seen.remove(&place(namespace, name));
    }

    /// The next change to a rollout that is not its own lands between its read and its write, and is lost on it.
    pub fn miss_next(&self, namespace: &str, name: &str) {
        self.state.lock().unwrap().racing.insert(place(namespace, name));
    }

    /// Reads a rollout, and decides what to write.
    pub fn look(&self, stand_in: &StandIn, namespace: &str, name: &str) -> Option<Decided> {
        let rollout = stand_in.get("rollouts", namespace, name)?;
        let state = self.state.lock().unwrap();
        let here = place(namespace, name);
        let sets = Sets {
            all: stand_in
                .all("replicasets", namespace)
                .into_iter()
                .filter(|set| set["metadata"]["ownerReferences"][0]["uid"] == rollout["metadata"]["uid"])
                .collect(),
            runs: stand_in
                .all("analysisruns", namespace)
                .into_iter()
                .chain(stand_in.all("experiments", namespace))
                .filter(|run| run["metadata"]["ownerReferences"][0]["uid"] == rollout["metadata"]["uid"])
                .collect(),
        };
        let outcome = state.outcomes.get(&here).map_or("Successful", String::as_str);
        let next = reconcile::next(&rollout, &sets, outcome, !state.unready.contains(&here), &now());
        Some(Decided { place: here, status: next.status, metadata: next.metadata, scale: next.scale, runs: next.runs })
    }

    /// Writes what it decided, whatever was written meanwhile, and takes the outcome for what it has seen; whether
    /// anything changed.
    pub fn write(&self, stand_in: &StandIn, decided: Decided) -> bool {
        let (namespace, name) = decided.place.clone();
        let Some(before) = stand_in.get("rollouts", &namespace, &name) else { return false };
        for run in decided.runs {
            stand_in.put(run);
        }
        for (set, replicas) in decided.scale {
            self.scale(stand_in, set, replicas, &decided.place);
        }
        let after = stand_in.edit("rollouts", &namespace, &name, MANAGER, |rollout| {
            if !rollout["status"].is_object() {
                rollout["status"] = json!({});
            }
            merge(&mut rollout["status"], &decided.status);
            merge(&mut rollout["metadata"], &decided.metadata);
        });
        let version = after["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
        self.state.lock().unwrap().seen.insert(decided.place, version);
        before["metadata"]["resourceVersion"] != after["metadata"]["resourceVersion"]
    }

    fn scale(&self, stand_in: &StandIn, mut set: Value, replicas: u64, here: &Place) {
        let namespace = here.0.as_str();
        let (ready, first) = {
            let mut state = self.state.lock().unwrap();
            let first = state.serial;
            state.serial += replicas;
            (!state.unready.contains(here), first)
        };
        let name = set["metadata"]["name"].as_str().unwrap().to_owned();
        let known = stand_in.get("replicasets", namespace, &name);
        let settled = known.as_ref().and_then(|known| known["status"]["availableReplicas"].as_u64()).unwrap_or(0);
        let available = if ready { replicas } else { settled.min(replicas) };
        set["spec"]["replicas"] = json!(replicas);
        set["status"] = parts::scaled(replicas, available);
        let set = stand_in.put(set);
        let mut pods: Vec<Value> = stand_in
            .all("pods", namespace)
            .into_iter()
            .filter(|pod| pod["metadata"]["ownerReferences"][0]["name"] == name)
            .collect();
        while pods.len() as u64 > replicas {
            let gone = pods.pop().unwrap();
            stand_in.delete("pods", namespace, gone["metadata"]["name"].as_str().unwrap());
        }
        for (index, pod) in pods.iter().enumerate() {
            let is = pod["status"]["phase"] == "Running";
            let should = (index as u64) < available;
            if is != should {
                let mut pod = parts::pod(&set, first, should);
                pod["metadata"]["name"] = pods[index]["metadata"]["name"].clone();
                pod["metadata"]["uid"] = pods[index]["metadata"]["uid"].clone();
                stand_in.put(pod);
            }
        }
        for index in pods.len() as u64..replicas {
            stand_in.put(parts::pod(&set, first + index, index < available));
        }
    }

    /// Looks at a rollout if something woke it, and writes; whether anything changed.
    pub fn reconcile(&self, stand_in: &StandIn, namespace: &str, name: &str) -> bool {
        let Some(rollout) = stand_in.get("rollouts", namespace, name) else { return false };
        let here = place(namespace, name);
        let version = rollout["metadata"]["resourceVersion"].as_str().unwrap_or_default();
        {
            let mut state = self.state.lock().unwrap();
            if state.held.contains(&here) || state.seen.get(&here).is_some_and(|seen| seen == version) {
                return false;
            }
            // The write that it was in the middle of brings back what was changed, and it never hears of it.
            if state.racing.remove(&here) {
                state.seen.insert(here, version.to_owned());
                return false;
            }
        }
        self.look(stand_in, namespace, name).is_some_and(|decided| self.write(stand_in, decided))
    }

    /// Reconciles a rollout until nothing more changes by itself.
    ///
    /// # Panics
    /// When that never ends.
    pub fn settle(&self, stand_in: &StandIn, namespace: &str, name: &str) {
        for _ in 0..200 {
            if !self.reconcile(stand_in, namespace, name) {
                return;
            }
            // Its own write wakes it again: there may be a next step.
            if !self.waits(stand_in, namespace, name) {
                self.state.lock().unwrap().seen.remove(&place(namespace, name));
            }
        }
        panic!("{namespace}/{name} never settles");
    }

    /// Whether a rollout waits for somebody, so that its own write is not to be followed by another.
    fn waits(&self, stand_in: &StandIn, namespace: &str, name: &str) -> bool {
        let Some(decided) = self.look(stand_in, namespace, name) else { return true };
        let Some(rollout) = stand_in.get("rollouts", namespace, name) else { return true };
        let mut status = rollout["status"].clone();
        merge(&mut status, &decided.status);
        status == rollout["status"] && decided.runs.is_empty() && decided.scale.is_empty()
    }

    /// Settles every rollout that changes, from now on.
    pub fn start(&self, stand_in: &Arc<StandIn>) -> Running {
        let (argo, stand_in) = (self.clone(), Arc::downgrade(stand_in));
        Running(tokio::spawn(async move {
            let Some(mut changed) = stand_in.upgrade().map(|stand_in| stand_in.changes()) else { return };
            loop {
                changed.mark_unchanged();
                let Some(cluster) = stand_in.upgrade() else { return };
                for rollout in cluster.all("rollouts", "") {
                    let metadata = &rollout["metadata"];
                    if let (Some(namespace), Some(name)) = (metadata["namespace"].as_str(), metadata["name"].as_str()) {
                        argo.settle(&cluster, namespace, name);
                    }
                }
                drop(cluster);
                if changed.changed().await.is_err() {
                    return;
                }
            }
        }))
    }
}

/// The pod template that a rollout wants, and its hash.
pub fn wanted(rollout: &Value) -> (Value, String) {
    let template = rollout["spec"]["template"].clone();
    let hash = pod_hash(&template);
    (template, hash)
}
