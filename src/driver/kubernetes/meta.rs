//! An object's metadata, as far as a driver needs it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::read;
use crate::domain::SafeText;

/// Labels and annotations of one object that are kept, at most.
const PAIRS_MAX: usize = 64;

/// Marks by which tools that keep a spec as it is in Git know their objects.
pub const FROM_GIT: [(&str, &str); 3] = [
    ("argocd.argoproj.io/tracking-id", "Argo CD"),
    ("kustomize.toolkit.fluxcd.io/name", "Flux"),
    ("helm.toolkit.fluxcd.io/name", "Flux"),
];

/// What identifies an object and says where it comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Meta {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Tells it from another of the same name.
    pub uid: String,
    /// Goes up with each change of its spec.
    pub generation: Option<i64>,
    /// Changes with each write; opaque.
    pub resource_version: String,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
    /// When its deletion was asked for.
    pub deleted_at: Option<DateTime<Utc>>,
    /// Its labels, as they may be shown; at most 64.
    pub labels: BTreeMap<String, SafeText>,
    /// Its annotations but for the large one that kubectl keeps, exactly; at most 64.
    pub annotations: BTreeMap<String, String>,
    /// What owns it.
    pub owners: Vec<Owner>,
    /// Who wrote which of the fields that were asked for.
    pub writers: Vec<Writer>,
}

/// What owns an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Its identity.
    pub uid: String,
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Whether it is the one that controls it.
    pub controller: bool,
}

/// A writer of an object: an entry of its managed fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writer {
    /// The field manager.
    pub manager: SafeText,
    /// When it last wrote.
    pub at: Option<DateTime<Utc>>,
    /// Which of the fields that were asked for it last wrote, such as `spec.paused`.
    pub fields: Vec<&'static str>,
}

impl Meta {
    /// Reads the metadata of an object. Of who wrote what, only the fields in `watched` are looked for,
    /// written with dots: `status.abort`.
    #[must_use]
    pub fn read(object: &Value, watched: &[&'static str]) -> Self {
        let pairs = |pointer: &str| {
            let map = read::at(object, pointer).and_then(Value::as_object);
            map.into_iter().flatten().filter_map(|(key, value)| Some((key.clone(), value.as_str()?)))
        };
        Self {
            namespace: read::text(object, "/metadata/namespace").unwrap_or_default(),
            name: read::text(object, "/metadata/name").unwrap_or_default(),
            uid: read::text(object, "/metadata/uid").unwrap_or_default(),
            generation: read::integer(object, "/metadata/generation"),
            resource_version: read::text(object, "/metadata/resourceVersion").unwrap_or_default(),
            created_at: read::time(object, "/metadata/creationTimestamp"),
            deleted_at: read::time(object, "/metadata/deletionTimestamp"),
            labels: pairs("/metadata/labels").map(|(key, text)| (key, SafeText::new(text))).take(PAIRS_MAX).collect(),
            annotations: pairs("/metadata/annotations")
                .filter(|(key, _)| key != "kubectl.kubernetes.io/last-applied-configuration")
                .map(|(key, text)| (key, text.to_owned()))
                .take(PAIRS_MAX)
                .collect(),
            owners: read::list(object, "/metadata/ownerReferences")
                .iter()
                .map(|owner| Owner {
                    uid: read::text(owner, "/uid").unwrap_or_default(),
                    kind: read::text(owner, "/kind").unwrap_or_default(),
                    name: read::text(owner, "/name").unwrap_or_default(),
                    controller: read::is(owner, "/controller"),
                })
                .collect(),
            writers: read::list(object, "/metadata/managedFields")
                .iter()
                .map(|entry| Writer {
                    manager: read::shown(entry, "/manager"),
                    at: read::time(entry, "/time"),
                    fields: watched.iter().filter(|field| owns(entry, field)).copied().collect(),
                })
                .filter(|writer| !writer.fields.is_empty())
                .collect(),
        }
    }

    /// Whether the object of that identity controls this one.
    #[must_use]
    pub fn is_controlled_by(&self, uid: &str) -> bool {
        !uid.is_empty() && self.owners.iter().any(|owner| owner.controller && owner.uid == uid)
    }

    /// Whether the object of that identity owns this one.
    #[must_use]
    pub fn is_owned_by(&self, uid: &str) -> bool {
        !uid.is_empty() && self.owners.iter().any(|owner| owner.uid == uid)
    }

    /// Whoever last wrote a field that was watched.
    #[must_use]
    pub fn writer(&self, field: &str) -> Option<&Writer> {
        self.writers.iter().filter(|writer| writer.fields.contains(&field)).max_by_key(|writer| writer.at)
    }
}

/// Whether an entry of managed fields has a field, written with dots.
fn owns(entry: &Value, field: &str) -> bool {
    let mut at = entry.get("fieldsV1");
    for part in field.split('.') {
        at = at.and_then(|value| value.get(format!("f:{part}")));
    }
    at.is_some()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whoever_wrote_a_field_last_is_named() {
        let object = json!({"metadata": {"name": "shop", "managedFields": [
            {"manager": "argocd", "time": "2026-05-01T10:00:00Z", "fieldsV1": {"f:spec": {"f:paused": {}, "f:replicas": {}}}},
            {"manager": "kubectl-edit", "time": "2026-05-01T11:00:00Z", "fieldsV1": {"f:spec": {"f:paused": {}}}},
            {"manager": "controller", "time": "2026-05-01T12:00:00Z", "subresource": "status", "fieldsV1": {"f:status": {"f:abort": {}}}},
            {"manager": "other", "fieldsV1": {"f:metadata": {}}},
        ]}});
        let meta = Meta::read(&object, &["spec.paused", "status.abort"]);
        assert_eq!(meta.writer("spec.paused").unwrap().manager.as_str(), "kubectl-edit");
        assert_eq!(meta.writer("status.abort").unwrap().manager.as_str(), "controller");
        assert_eq!(meta.writer("spec.replicas"), None);
        assert_eq!(meta.writers.len(), 3, "writers of nothing that matters are not kept");
    }

    #[test]
    fn an_owner_is_known_by_identity_and_an_empty_identity_owns_nothing() {
        let object = json!({"metadata": {"ownerReferences": [{"uid": "u1", "kind": "Rollout", "name": "shop", "controller": true}, {"name": "x"}]}});
        let meta = Meta::read(&object, &[]);
        assert!(meta.is_controlled_by("u1") && meta.is_owned_by("u1"));
        assert!(!meta.is_controlled_by("u2") && !meta.is_owned_by(""));
    }

    #[test]
    fn metadata_of_no_shape_at_all_is_empty() {
        for object in [json!(null), json!({"metadata": 7}), json!({"metadata": {"labels": [1], "managedFields": {}}})] {
            assert_eq!(Meta::read(&object, &["spec.paused"]), Meta::default());
        }
    }
}
