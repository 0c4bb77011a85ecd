//! The two workloads of a Canary: the target, which holds the candidate, and its primary, which serves.

use serde_json::Value;

use super::object::Canary;
use crate::{
    domain::{
        SafeText,
        workload::{ObjectState, Replicas},
    },
    driver::kubernetes::{children::Children, meta::Meta, read, replica_set::ReplicaSet, request::Kind},
};

/// The annotation with the number of a deployment's revision.
const REVISION: &str = "deployment.kubernetes.io/revision";
/// The label with the hash of a pod template.
const POD_HASH: &str = "pod-template-hash";

/// Both of them, as far as they are at hand.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sides {
    /// What holds the candidate: `X`.
    pub target: Option<Side>,
    /// What serves: `X-primary`.
    pub primary: Option<Side>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// `Deployment` or `DaemonSet`.
    pub kind: &'static str,
    /// Its metadata.
    pub meta: Meta,
    /// The images of its template, of containers in order.
    pub images: Vec<SafeText>,
    /// Its pods.
    pub replicas: Replicas,
    /// How it does.
    pub state: ObjectState,
    /// The same in a word.
    pub status: SafeText,
    /// Its replica sets, the newest revision first; none of a daemon set.
    pub replica_sets: Vec<ReplicaSet>,
}

impl Sides {
    /// Finds them among the objects of a rollout.
    #[must_use]
    pub fn find(canary: &Canary, children: &Children) -> Self {
        let kind = canary.target.known_kind();
        let find = |name: &str| {
            let kind = kind.filter(|kind| *kind != Kind::SERVICE)?;
            let object = children.of(kind).iter().find(|object| {
                read::text(object, "/metadata/name").as_deref() == Some(name)
                    && read::text(object, "/metadata/namespace").is_none_or(|space| space == canary.meta.namespace)
            })?;
            Some(Side::read(object, kind, children))
        };
        Self { target: find(&canary.target.name), primary: find(&canary.primary()) }
    }
}

impl Side {
    fn read(object: &Value, kind: Kind, children: &Children) -> Self {
        let meta = Meta::read(object, &[]);
        let told = |pointer: &str| read::at(object, "/status").map(|_| read::count(object, pointer).unwrap_or(0));
        let replicas = if kind == Kind::DAEMON_SET {
            Replicas {
                desired: told("/status/desiredNumberScheduled"),
                current: told("/status/currentNumberScheduled"),
                updated: told("/status/updatedNumberScheduled"),
                ready: told("/status/numberReady"),
                available: told("/status/numberAvailable"),
            }
        } else {
            Replicas {
                desired: read::at(object, "/spec").map(|_| read::count(object, "/spec/replicas").unwrap_or(1)),
                current: told("/status/replicas"),
                updated: told("/status/updatedReplicas"),
                ready: told("/status/readyReplicas"),
                available: told("/status/availableReplicas"),
            }
        };
        let mut replica_sets: Vec<ReplicaSet> = children
            .of(Kind::REPLICA_SET)
            .iter()
            .map(ReplicaSet::read)
            .filter(|set| set.meta.is_controlled_by(&meta.uid))
            .collect();
        replica_sets.sort_by(|a, b| (revision(b), &a.meta.name).cmp(&(revision(a), &b.meta.name)));
        let (state, status) = health(object, &replicas);
        Self {
            kind: kind.kind,
            images: read::list(object, "/spec/template/spec/containers")
                .iter()
                .take(32)
                .map(|container| read::shown(container, "/image"))
                .collect(),
            replicas,
            state,
            status: SafeText::new(status),
            replica_sets,
            meta,
        }
    }

    /// The replica set of its present template.
    #[must_use]
    pub fn current(&self) -> Option<&ReplicaSet> {
        self.replica_sets.first()
    }

    /// The hash of its present pod template.
    #[must_use]
    pub fn hash(&self) -> SafeText {
        self.current().and_then(|set| set.meta.labels.get(POD_HASH)).cloned().unwrap_or_default()
    }

    /// How many of its pods are available, of how many that are wanted.
    #[must_use]
    pub fn available(&self) -> Option<(u32, u32)> {
        Some((self.replicas.available?, self.replicas.desired?))
    }

    /// The number of its revision; 0 where it has none.
    #[must_use]
    pub fn revision(&self) -> u64 {
        number(&self.meta)
    }
}

/// The number of a replica set's revision; 0 where it has none.
#[must_use]
pub fn revision(set: &ReplicaSet) -> u64 {
    number(&set.meta)
}

fn number(meta: &Meta) -> u64 {
    meta.annotations.get(REVISION).and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// By the rules after which Flagger calls it ready (`pkg/canary/deployment_ready.go`, `daemonset_ready.go`).
fn health(object: &Value, replicas: &Replicas) -> (ObjectState, &'static str) {
    let stuck = read::list(object, "/status/conditions")
        .iter()
        .any(|condition| read::text(condition, "/reason").as_deref() == Some("ProgressDeadlineExceeded"));
    let Some(desired) = replicas.desired else { return (ObjectState::Unknown, "Unknown") };
    let unseen = read::integer(object, "/metadata/generation") > read::integer(object, "/status/observedGeneration");
    let at_least = |count: Option<u32>| count.unwrap_or(0) >= desired;
    if stuck {
        (ObjectState::Bad, "ProgressDeadlineExceeded")
    } else if unseen || !at_least(replicas.updated) || !at_least(replicas.available) {
        (ObjectState::Working, "Progressing")
    } else if desired == 0 {
        (ObjectState::Off, "ScaledDown")
    } else {
        (ObjectState::Good, "Healthy")
    }
}
