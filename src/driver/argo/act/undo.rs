//! Which revision an undo goes back to, and the template it puts back (argo-rollouts, `cmd/undo/undo.go`).

use serde_json::{Map, Value};

use super::{Way, blocker, journey};
use crate::{
    domain::{Blocker, SafeText, rollout::BlockerKind},
    driver::{
        argo::object::{POD_HASH, REVISION, Rollout, images},
        kubernetes::{read, request::Kind},
    },
};

/// The annotation with the labels and annotations that the controller put on a replica set's pods for the time
/// that it is the canary, or the stable one (argo-rollouts, `utils/replicaset/canary.go`).
const EPHEMERAL: &str = "rollout.argoproj.io/ephemeral-metadata";
/// The annotation with the time at which an old replica set is scaled down.
const SCALE_DOWN: &str = "scale-down-deadline";

/// A revision that is still in the cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Past<'a> {
    /// Its number; 0 when it has none.
    pub number: u64,
    /// The hash of its pod template.
    pub hash: String,
    /// The replica set that keeps it.
    pub replica_set: &'a Value,
}

impl Past<'_> {
    /// Its images, of containers in order.
    pub fn images(&self) -> Vec<SafeText> {
        images(self.replica_set, "/spec/template")
    }

    /// `revision 11 (5d4b9)`.
    pub fn name(&self) -> String {
        journey::revision(self.number, &self.hash)
    }

    /// Whether its pods are still there, only to be scaled down later.
    pub fn is_kept_warm(&self) -> bool {
        read::text(self.replica_set, &format!("/metadata/annotations/{SCALE_DOWN}")).is_some()
    }

    /// The template that made it: without the hash, and without what the controller put on its pods for a
    /// while, which would make it another revision.
    pub fn template(&self) -> Option<Value> {
        let mut template = read::at(self.replica_set, "/spec/template")?.clone();
        let mut drop = |map: &str, key: &str| {
            if let Some(map) = template.pointer_mut(&format!("/metadata/{map}")).and_then(Value::as_object_mut) {
                map.remove(key);
            }
        };
        drop("labels", POD_HASH);
        let annotation = format!("/metadata/annotations/{}", EPHEMERAL.replace('/', "~1"));
        let ephemeral =
            read::text(self.replica_set, &annotation).and_then(|text| serde_json::from_slice(text.as_bytes()).ok());
        if let Some(Value::Object(ephemeral)) = ephemeral {
            for map in ["labels", "annotations"] {
                for key in ephemeral.get(map).and_then(Value::as_object).into_iter().flat_map(Map::keys) {
                    drop(map, key);
                }
            }
        }
        without_nulls(&mut template);
        Some(template)
    }
}

/// Takes fields out that are null: a built-in kind shows them (`creationTimestamp`), another refuses them.
fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(without_nulls);
        }
        Value::Array(list) => list.iter_mut().for_each(without_nulls),
        _ => {}
    }
}

/// The revisions of a rollout that are in the cluster, the newest first. Others' replica sets are left out.
pub fn history<'a>(rollout: &Rollout, replica_sets: &'a [Value]) -> Vec<Past<'a>> {
    let is_ours = |set: &&Value| {
        let owners = read::list(set, "/metadata/ownerReferences");
        !rollout.meta.uid.is_empty()
            && owners.iter().any(|owner| {
                read::is(owner, "/controller")
                    && read::text(owner, "/uid").as_deref() == Some(rollout.meta.uid.as_str())
            })
    };
    let escaped = REVISION.replace('/', "~1");
    let mut history: Vec<Past<'a>> = replica_sets
        .iter()
        .filter(is_ours)
        .map(|set| Past {
            number: read::text(set, &format!("/metadata/annotations/{escaped}"))
                .and_then(|number| number.parse().ok())
                .unwrap_or(0),
            hash: read::text(set, &format!("/metadata/labels/{POD_HASH}")).unwrap_or_default(),
            replica_set: set,
        })
        .collect();
    history.sort_by(|a, b| b.number.cmp(&a.number).then_with(|| a.hash.cmp(&b.hash)));
    history
}

/// The revision that an undo goes back to.
///
/// The one before the present one is the newest of the others, as upstream has it. Of an update that was
/// aborted it is the stable one instead: the newest of the others may be one that was aborted before. One
/// that somebody gave up (`avoid`) is gone back to by its number only.
///
/// # Errors
/// What is missing, in a sentence.
pub fn find<'a>(
    rollout: &Rollout,
    replica_sets: &'a [Value],
    way: Way,
    avoid: &[SafeText],
) -> Result<Past<'a>, Blocker> {
    let mut history = history(rollout, replica_sets);
    let known: Vec<String> =
        history.iter().filter(|past| past.number > 0).map(|past| past.number.to_string()).collect();
    let status = &rollout.status;
    let is_given_up = |hash: &str| avoid.iter().any(|given_up| given_up.as_str() == hash);
    let others_given_up = history.iter().any(|past| past.hash != status.pod_hash && is_given_up(&past.hash));
    let at = history.iter().position(|past| match way {
        Way::Number(number) => past.number == number,
        Way::Previous => past.hash != status.pod_hash && !is_given_up(&past.hash),
        Way::Stable => past.hash == status.stable_hash && !is_given_up(&past.hash),
    });
    let known = if known.is_empty() { "there is none".to_owned() } else { format!("there are {}", known.join(", ")) };
    let missing = match way {
        Way::Number(number) => format!("revision {number} is not in its history: {known}"),
        Way::Previous | Way::Stable if others_given_up => {
            "what it would go back to was given up before: name a revision with --to".to_owned()
        }
        Way::Previous => format!("there is no revision before {} in its history", journey::present(rollout)),
        Way::Stable => format!("its stable revision {} is not in its history: {known}", status.stable_hash),
    };
    at.map(|at| history.swap_remove(at)).ok_or_else(|| blocker(BlockerKind::NoData, missing))
}

/// Where the template is that an undo replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Of which kind the object is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Where in it the template is.
    pub pointer: &'static str,
}

/// The object whose template a rollout uses: itself, or the one it refers to.
///
/// # Errors
/// A kind that cannot be undone, in a sentence.
pub fn place(rollout: &Rollout) -> Result<Place, Blocker> {
    let Some(workload) = &rollout.workload else {
        return Ok(Place { kind: Kind::ROLLOUT, name: rollout.meta.name.clone(), pointer: "/spec/template" });
    };
    let (kind, pointer) = match workload.kind.as_str() {
        "Deployment" => (Kind::DEPLOYMENT, "/spec/template"),
        "ReplicaSet" => (Kind::REPLICA_SET, "/spec/template"),
        "PodTemplate" => (Kind::POD_TEMPLATE, "/template"),
        other => {
            return Err(blocker(
                BlockerKind::Phase,
                format!("its template is that of a {other}, which cannot be put back from here"),
            ));
        }
    };
    Ok(Place { kind, name: workload.name.clone(), pointer })
}
