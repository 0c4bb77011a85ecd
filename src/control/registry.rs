//! Snapshots: what rollouts lean on.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};
use std::{collections::BTreeMap, sync::Arc};

use super::{
    authorize::{self, Wish},
    core::Core,
    journal::Draft,
};
use crate::{
    domain::{Digest, Outcome, Principal, Role, SafeText, Snapshot, Subject, SubjectKind},
    store::Write,
    wire::{Code, Problem, SnapshotReply, SnapshotRequest},
};

/// Most metadata of a snapshot.
const METADATA_MAX: usize = 64;

impl Core {
    pub(super) fn add_snapshot(
        &mut self,
        who: &Principal,
        request: &SnapshotRequest,
        artifact: Option<Vec<u8>>,
    ) -> Result<SnapshotReply, Problem> {
        let why = if request.known_good { Some(authorize::reason(&request.reason)?) } else { None };
        let version = SafeText::new(request.version.trim());
        if version.is_empty() {
            return Err(
                Problem::new(Code::Invalid, "a snapshot needs a version that people know it by").in_field("version")
            );
        }
        if request.metadata.len() > METADATA_MAX {
            return Err(Problem::new(Code::Invalid, format!("a snapshot has at most {METADATA_MAX} metadata"))
                .in_field("metadata"));
        }
        let metadata: BTreeMap<String, SafeText> =
            request.metadata.iter().map(|(k, v)| (SafeText::new(k).to_string(), SafeText::new(v))).collect();
        let digest = digest_of(&version, &metadata, artifact.as_deref());
        let subject = Subject {
            kind: SubjectKind::Snapshot,
            target: request.group.as_ref().map(|g| SafeText::new(g.as_str())),
            name: SafeText::new(digest.as_str()),
        };
        let here = match &request.group {
            Some(group) => authorize::holds_for(who, group),
            None => authorize::holds_everywhere(who),
        };
        let needed = if request.known_good { Role::Commander } else { Role::Operator };
        let wish = Wish {
            who,
            needed,
            here,
            target: request.group.as_ref(),
            subject: subject.clone(),
            verb: "snapshot_add",
            why: why.as_ref(),
            dry_run: false,
        };
        self.allow(wish)?;
        self.check_reserve("snapshot add")?;
        let now = self.now();
        let before = self.snapshots.get(&digest).cloned();
        if let Some(known) = &before
            && known.group != request.group
        {
            return Err(Problem::new(
                Code::Invalid,
                format!(
                    "{} is there already, for {}",
                    digest.short(),
                    known.group.as_ref().map_or("any group", |g| g.as_str())
                ),
            )
            .in_field("group"));
        }
        let mut snapshot = before.clone().unwrap_or_else(|| Snapshot {
            digest: digest.clone(),
            version,
            group: request.group.clone(),
            known_good: false,
            known_good_at: None,
            size: artifact.as_ref().map(|bytes| bytes.len() as u64),
            metadata,
            added_by: who.id.clone(),
            added_at: now,
        });
        if request.known_good && !snapshot.known_good {
            snapshot.known_good = true;
            snapshot.known_good_at = Some(now);
        }
        let outcome = if before.as_ref() == Some(&snapshot) { Outcome::NoOp } else { Outcome::Applied };
        if outcome == Outcome::Applied {
            if let (None, Some(bytes)) = (&before, artifact) {
                self.batch.push(Write::Artifact(digest.clone(), Arc::from(bytes)));
            }
            self.batch.push(Write::Snapshot(snapshot.clone()));
            self.snapshots.insert(digest, snapshot.clone());
            // Pictures show versions of snapshots, and units may wait for a known-good one.
            self.dirty.extend(self.rollouts.keys().cloned());
            for waiter in self.waiters.values() {
                waiter.notify_one();
            }
        }
        let effect = match (&before, request.known_good) {
            (None, false) => format!("{} added", snapshot.version),
            (None, true) => format!("{} added, known good", snapshot.version),
            (Some(_), true) => format!("{} is known good", snapshot.version),
            (Some(_), false) => format!("{} was there already", snapshot.version),
        };
        let audit = self.journal(Draft {
            reason: why.map(|r| SafeText::new(r.as_str())),
            effect: Some(SafeText::new(effect)),
            ..Draft::new(who.actor(), "snapshot_add", subject, outcome)
        });
        Ok(SnapshotReply { outcome, snapshot, audit: Some(audit) })
    }
}

/// The artifact of a snapshot request, decoded.
pub(super) fn decode_artifact(request: &SnapshotRequest) -> Result<Option<Vec<u8>>, Problem> {
    request.artifact.as_ref().map(|text| STANDARD.decode(text)).transpose().map_err(|error| {
        Problem::new(Code::Invalid, format!("the artifact is not base64: {error}")).in_field("artifact")
    })
}

/// The digest of an artifact, or of version and metadata where there is none.
fn digest_of(version: &SafeText, metadata: &BTreeMap<String, SafeText>, artifact: Option<&[u8]>) -> Digest {
    let hash = if let Some(bytes) = artifact {
        Sha256::digest(bytes)
    } else {
        let described = serde_json::json!({ "version": version, "metadata": metadata });
        Sha256::digest(serde_json_canonicalizer::to_vec(&described).unwrap_or_default())
    };
    Digest::of(hash.into())
}
