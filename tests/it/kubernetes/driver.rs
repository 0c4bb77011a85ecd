//! The driver of a cluster, against the stand-in: what it tells, and what becomes of orders.

mod children;
mod health;
mod orders;
mod watch;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, Utc};
use rolldeck::{
    clock,
    domain::{Action, RolloutId},
    driver::{
        Driver, Health, Order, Seen, Sighting,
        kubernetes::{client::ClusterOptions, cluster::Cluster},
    },
};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::support::{
    kubernetes::{ADMIN, StandIn},
    pty::SOON,
};

/// A driver that watches a stand-in, and what it told.
struct Desk {
    cluster: Arc<Cluster>,
    told: Told,
    feed: mpsc::Receiver<Vec<Seen>>,
    folder: tempfile::TempDir,
    _stop: DropGuard,
}

/// What was told.
#[derive(Debug, Default)]
struct Told {
    rollouts: BTreeMap<String, Sighting>,
    health: Health,
    /// In the order in which it was: `seen shop/basket`, `gone shop/basket`, `health`.
    story: Vec<String>,
}

impl Told {
    fn remarks(&self) -> String {
        self.health.remarks.iter().map(|remark| remark.as_str()).collect::<Vec<_>>().join("\n")
    }

    fn count(&self, what: &str) -> usize {
        self.story.iter().filter(|told| *told == what).count()
    }
}

impl Desk {
    async fn open(stand_in: &StandIn) -> Self {
        Self::open_as(stand_in, ADMIN, &[]).await
    }

    async fn open_as(stand_in: &StandIn, token: &str, namespaces: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = stand_in.write_kubeconfig(folder.path(), token, "default");
        let options = ClusterOptions {
            namespaces: namespaces.iter().map(|name| (*name).to_owned()).collect(),
            timeout: Duration::from_millis(1500),
            heartbeat: Duration::from_millis(100),
            ..ClusterOptions::new("test", vec![path])
        };
        let cluster = Arc::new(Cluster::open(options, clock::system()).await.unwrap());
        let (feed, told) = mpsc::channel(8);
        let stop = CancellationToken::new();
        let (watching, ends) = (Arc::clone(&cluster), stop.clone());
        tokio::spawn(async move { watching.watch(feed, ends).await });
        Self { cluster, told: Told::default(), feed: told, folder, _stop: stop.drop_guard() }
    }

    /// Takes up what is told until something is so.
    async fn until(&mut self, what: &str, holds: impl Fn(&Told) -> bool) -> &Told {
        let deadline = tokio::time::Instant::now() + SOON;
        while !holds(&self.told) {
            let batch = tokio::time::timeout_at(deadline, self.feed.recv()).await;
            let Ok(Some(batch)) = batch else { panic!("{what}: not in time; told was {:#?}", self.told) };
            for seen in batch {
                match seen {
                    Seen::Rollout(sighting) => {
                        let id = sighting.rollout.id().to_string();
                        self.told.story.push(format!("seen {id}"));
                        self.told.rollouts.insert(id, *sighting);
                    }
                    Seen::Gone(id) => {
                        self.told.story.push(format!("gone {id}"));
                        self.told.rollouts.remove(&id.to_string());
                    }
                    Seen::Health(health) => {
                        self.told.story.push("health".to_owned());
                        self.told.health = health;
                    }
                }
            }
        }
        &self.told
    }

    /// Until all that is there was told.
    async fn ready(&mut self) {
        self.until("all is told", |told| told.health.as_of.is_some()).await;
    }

    /// An order for what is on the screen.
    fn order(&self, id: &str, action: Action) -> Order {
        Order {
            avoid: Vec::new(),
            id: id.parse().unwrap(),
            action,
            to: None,
            revision: self.told.rollouts[id].rollout.revision.clone(),
            by: "alice@example.com".into(),
            reason: "the canary looks well".into(),
            at: Utc::now(),
        }
    }

    fn attend(&self, ids: &[&str]) {
        let ids: BTreeSet<RolloutId> = ids.iter().map(|id| id.parse().unwrap()).collect();
        self.cluster.attend(ids);
    }
}

/// Reads the time of a health.
fn as_of(told: &Told) -> DateTime<Utc> {
    told.health.as_of.unwrap()
}

/// A canary that waits at its first pause.
fn waiting(name: &str) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
        "metadata": {"name": name, "namespace": "shop", "generation": 4,
            "annotations": {"rollout.argoproj.io/revision": "12"}},
        "spec": {
            "replicas": 5, "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "app", "image": "shop/app:2"}]}},
            "strategy": {"canary": {"steps": [{"setWeight": 20}, {"pause": {}}, {"setWeight": 60}, {"pause": {}}]}},
        },
        "status": {
            "observedGeneration": "4", "phase": "Paused", "message": "CanaryPauseStep", "currentStepIndex": 1,
            "currentStepHash": "h1", "currentPodHash": "6f8c7", "stableRS": "5d4b9", "controllerPause": true,
            "pauseConditions": [{"reason": "CanaryPauseStep", "startTime": "2026-05-01T10:00:00Z"}],
            "replicas": 5, "updatedReplicas": 1, "readyReplicas": 5, "availableReplicas": 5,
            "selector": format!("app={name}"), "canary": {}, "blueGreen": {},
            "conditions": [],
        },
    })
}

/// A canary of Flagger that is analysed.
fn canary(name: &str) -> Value {
    json!({
        "apiVersion": "flagger.app/v1beta1", "kind": "Canary",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "service": {"port": 80}, "analysis": {"interval": "10s", "threshold": 5, "maxWeight": 50, "stepWeight": 10}},
        "status": {"phase": "Progressing", "canaryWeight": 20, "failedChecks": 0, "iterations": 0,
            "lastAppliedSpec": "7d9f", "lastPromotedSpec": "5c6b", "lastTransitionTime": "2026-05-01T10:00:00Z"},
    })
}

fn status(object: &Value) -> &Value {
    &object["status"]
}
