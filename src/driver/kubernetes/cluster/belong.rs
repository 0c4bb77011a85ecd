//! Which objects belong to a rollout: what is to be watched to find them, and which of what was found are
//! its own. Labels find candidates, owners decide: other objects may carry the same labels.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::Value;

use super::super::{
    api::Selection,
    kind::{self, Carried},
    read,
    request::Kind,
};
use crate::driver::{argo, flagger};

/// Objects that were found, by kind.
pub type Candidates = BTreeMap<Kind, Vec<Arc<Value>>>;

/// What is to be watched for the objects of a rollout, given those that are known. A rollout that is only
/// in trouble is watched for what says why: not its events, nor what it refers to.
#[must_use]
pub fn selections(carried: &Carried, known: &Candidates, attended: bool) -> Vec<Selection> {
    let namespace = carried.meta().namespace.as_str();
    let by_labels = |kind: Kind, labels: &str| Selection {
        labels: (!labels.is_empty()).then(|| labels.to_owned()),
        ..Selection::new(kind, namespace)
    };
    let by_field = |kind: Kind, field: &str, value: &str| Selection {
        fields: Some(format!("{field}={value}")),
        ..Selection::new(kind, namespace)
    };
    let mut wanted = Vec::new();
    match carried {
        Carried::Argo(rollout, selector) => {
            for kind in [Kind::REPLICA_SET, Kind::POD, Kind::ANALYSIS_RUN, Kind::EXPERIMENT] {
                wanted.push(by_labels(kind, selector));
            }
            if attended && let Some(name) = deployment(rollout) {
                wanted.push(by_field(Kind::DEPLOYMENT, "metadata.name", name));
            }
        }
        Carried::Flagger(canary) => {
            for (kind, name) in targets(canary) {
                wanted.push(by_field(kind, "metadata.name", &name));
                let target = known.get(&kind).into_iter().flatten().find(|object| named(object, &name));
                let labels = target.and_then(|object| kind::labels(object, "/spec/selector/matchLabels"));
                if let Some(labels) = labels {
                    if kind == Kind::DEPLOYMENT {
                        wanted.push(by_labels(Kind::REPLICA_SET, &labels));
                    }
                    wanted.push(by_labels(Kind::POD, &labels));
                }
            }
            if attended {
                let namespaces: BTreeSet<String> =
                    templates(canary).into_iter().map(|(namespace, _)| namespace).collect();
                wanted.extend(namespaces.iter().map(|namespace| Selection::new(Kind::METRIC_TEMPLATE, namespace)));
            }
        }
    }
    let uid = &carried.meta().uid;
    if attended && !uid.is_empty() {
        wanted.push(by_field(Kind::EVENT, "involvedObject.uid", uid));
    }
    wanted
}

/// Those of the candidates that belong to a rollout.
#[must_use]
pub fn belonging(carried: &Carried, candidates: &Candidates) -> BTreeMap<Kind, Vec<Value>> {
    let root = &carried.meta().uid;
    let namespace = carried.meta().namespace.as_str();
    let of = |kind: Kind| candidates.get(&kind).into_iter().flatten().map(Arc::as_ref);
    let mut found: BTreeMap<Kind, Vec<Value>> = BTreeMap::new();
    let mut keep = |kind: Kind, objects: Vec<&Value>| -> BTreeSet<String> {
        let identities = objects.iter().filter_map(|object| read::text(object, "/metadata/uid")).collect();
        // A pod of two selectors is one pod.
        let mut seen = BTreeSet::new();
        let objects = objects.into_iter().filter(|object| seen.insert(read::text(object, "/metadata/name")));
        found.entry(kind).or_default().extend(objects.cloned());
        identities
    };
    let mut owners: BTreeSet<String> = BTreeSet::from([root.clone()]);
    let owned = |kind: Kind, owners: &BTreeSet<String>| -> Vec<&Value> {
        of(kind).filter(|object| is_owned(object, owners)).collect()
    };
    match carried {
        Carried::Argo(rollout, _) => {
            owners.extend(keep(Kind::EXPERIMENT, owned(Kind::EXPERIMENT, &owners)));
            keep(Kind::ANALYSIS_RUN, owned(Kind::ANALYSIS_RUN, &owners));
            let sets = keep(Kind::REPLICA_SET, owned(Kind::REPLICA_SET, &owners));
            keep(Kind::POD, owned(Kind::POD, &sets));
            if let Some(name) = deployment(rollout) {
                keep(Kind::DEPLOYMENT, of(Kind::DEPLOYMENT).filter(|object| named(object, name)).collect());
            }
        }
        Carried::Flagger(canary) => {
            let mut workloads = BTreeSet::new();
            for (kind, name) in targets(canary) {
                workloads.extend(keep(kind, of(kind).filter(|object| named(object, &name)).collect()));
            }
            workloads.extend(keep(Kind::REPLICA_SET, owned(Kind::REPLICA_SET, &workloads)));
            keep(Kind::POD, owned(Kind::POD, &workloads));
            let templates = templates(canary);
            let wanted = |object: &&Value| {
                let name = read::text(object, "/metadata/name").unwrap_or_default();
                let of = read::text(object, "/metadata/namespace").unwrap_or_else(|| namespace.to_owned());
                templates.contains(&(of, name))
            };
            keep(Kind::METRIC_TEMPLATE, of(Kind::METRIC_TEMPLATE).filter(wanted).collect());
        }
    }
    let about = |object: &&Value| read::text(object, "/involvedObject/uid").as_deref() == Some(root.as_str());
    keep(Kind::EVENT, of(Kind::EVENT).filter(about).collect());
    found
}

/// The Deployment that a rollout takes its template from.
fn deployment(rollout: &argo::Rollout) -> Option<&str> {
    let workload = rollout.workload.as_ref().filter(|workload| workload.kind == Kind::DEPLOYMENT.kind)?;
    Some(workload.name.as_str()).filter(|name| !name.is_empty())
}

/// A Canary's target and its primary.
fn targets(canary: &flagger::Canary) -> Vec<(Kind, String)> {
    let name = &canary.target.name;
    match canary.target.known_kind() {
        Some(kind) if kind != Kind::SERVICE && !name.is_empty() => {
            vec![(kind, name.clone()), (kind, format!("{name}-primary"))]
        }
        _ => Vec::new(),
    }
}

/// The metric templates that a Canary refers to, by namespace and name.
fn templates(canary: &flagger::Canary) -> BTreeSet<(String, String)> {
    let metrics = canary.analysis.iter().flat_map(|analysis| &analysis.metrics);
    metrics
        .filter_map(|metric| metric.template.as_ref())
        .filter(|template| !template.name.is_empty())
        .map(|template| {
            let own = &canary.meta.namespace;
            let namespace = if template.namespace.is_empty() { own } else { &template.namespace };
            (namespace.clone(), template.name.clone())
        })
        .collect()
}

fn named(object: &Value, name: &str) -> bool {
    read::text(object, "/metadata/name").as_deref() == Some(name)
}

/// Whether one of these owns an object.
#[must_use]
pub fn is_owned(object: &Value, owners: &BTreeSet<String>) -> bool {
    read::list(object, "/metadata/ownerReferences")
        .iter()
        .filter_map(|owner| read::text(owner, "/uid"))
        .any(|owner| !owner.is_empty() && owners.contains(&owner))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::super::kind::Flavor, *};

    fn object(name: &str, owner: &str) -> Arc<Value> {
        Arc::new(json!({"metadata": {"name": name, "namespace": "shop", "uid": format!("uid-{name}"),
            "ownerReferences": [{"uid": owner, "kind": "x", "name": "x", "controller": true}]}}))
    }

    fn names(found: &BTreeMap<Kind, Vec<Value>>, kind: Kind) -> Vec<String> {
        found.get(&kind).into_iter().flatten().filter_map(|object| read::text(object, "/metadata/name")).collect()
    }

    #[test]
    fn objects_belong_by_owner_and_not_by_label_and_those_of_experiments_do_too() {
        let rollout = Flavor::Argo.read(&json!({
            "metadata": {"namespace": "shop", "name": "basket", "uid": "u1", "generation": 1},
            "spec": {"selector": {"matchLabels": {"app": "basket"}}, "workloadRef": {"kind": "Deployment", "name": "basket"}},
        }));
        let candidates = BTreeMap::from([
            (Kind::EXPERIMENT, vec![object("exp", "u1"), object("other-exp", "u2")]),
            (Kind::ANALYSIS_RUN, vec![object("run", "u1"), object("exp-run", "uid-exp"), object("other-run", "u2")]),
            (Kind::REPLICA_SET, vec![object("rs", "u1"), object("exp-rs", "uid-exp"), object("other-rs", "u2")]),
            (
                Kind::POD,
                vec![object("pod", "uid-rs"), object("exp-pod", "uid-exp-rs"), object("stray", "uid-other-rs")],
            ),
            (Kind::DEPLOYMENT, vec![object("basket", ""), object("cart", "")]),
            (
                Kind::EVENT,
                vec![
                    Arc::new(json!({"metadata": {"name": "e1"}, "involvedObject": {"uid": "u1"}})),
                    Arc::new(json!({"metadata": {"name": "e2"}, "involvedObject": {"uid": "u2"}})),
                ],
            ),
        ]);
        let found = belonging(&rollout, &candidates);
        assert_eq!(names(&found, Kind::EXPERIMENT), ["exp"]);
        assert_eq!(names(&found, Kind::ANALYSIS_RUN), ["run", "exp-run"]);
        assert_eq!(names(&found, Kind::REPLICA_SET), ["rs", "exp-rs"]);
        assert_eq!(names(&found, Kind::POD), ["pod", "exp-pod"]);
        assert_eq!(names(&found, Kind::DEPLOYMENT), ["basket"]);
        assert_eq!(names(&found, Kind::EVENT), ["e1"]);
        let wanted = selections(&rollout, &Candidates::new(), true);
        assert!(wanted.iter().any(|s| s.kind == Kind::POD && s.labels.as_deref() == Some("app=basket")));
        assert!(wanted.iter().any(|s| s.fields.as_deref() == Some("involvedObject.uid=u1")));
        assert_eq!(selections(&rollout, &Candidates::new(), false).len(), 4);
    }

    #[test]
    fn a_canary_has_what_its_target_and_its_primary_have_once_these_are_known() {
        let canary = Flavor::Flagger.read(&json!({
            "metadata": {"namespace": "shop", "name": "basket", "uid": "c1"},
            "spec": {"targetRef": {"kind": "Deployment", "name": "basket"}, "analysis": {"metrics": [
                {"name": "m", "templateRef": {"name": "errors", "namespace": "metrics"}}]}},
        }));
        let mut known = Candidates::new();
        let kinds = |known: &Candidates| selections(&canary, known, true).iter().map(|s| s.kind).collect::<Vec<_>>();
        assert_eq!(kinds(&known), [Kind::DEPLOYMENT, Kind::DEPLOYMENT, Kind::METRIC_TEMPLATE, Kind::EVENT]);
        let deployment =
            json!({"metadata": {"name": "basket", "uid": "d1"}, "spec": {"selector": {"matchLabels": {"app": "b"}}}});
        known.insert(Kind::DEPLOYMENT, vec![Arc::new(deployment)]);
        assert!(kinds(&known).contains(&Kind::POD));
        known.insert(Kind::REPLICA_SET, vec![object("rs", "d1"), object("stray", "d9")]);
        known.insert(Kind::POD, vec![object("pod", "uid-rs"), object("lost", "uid-stray")]);
        known.insert(
            Kind::METRIC_TEMPLATE,
            ["metrics", "shop"]
                .map(|namespace| Arc::new(json!({"metadata": {"name": "errors", "namespace": namespace}})))
                .into(),
        );
        let found = belonging(&canary, &known);
        assert_eq!(names(&found, Kind::POD), ["pod"]);
        assert_eq!(found[&Kind::METRIC_TEMPLATE].len(), 1, "one of the same name elsewhere is another");
    }
}
