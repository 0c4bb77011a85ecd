//! Writing the audit trail: numbers, canonical bytes, leaves, checkpoints.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta, Utc};

use super::core::Core;
use crate::{
    audit,
    domain::{
        Actor, AuditEntry, Blocker, Outcome, SafeText, Scope, Subject, SubjectKind,
        audit::{FieldChange, RevisionChange, SCHEMA},
    },
    store::{StoredEntry, Write},
    wire::WitnessView,
};

/// A checkpoint is signed after this many new entries at the latest.
const CHECKPOINT_ENTRIES: u64 = 256;
/// A checkpoint is signed this long after a new entry at the latest.
const CHECKPOINT_AFTER: TimeDelta = TimeDelta::seconds(60);

/// An entry before it has a number and a time.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) actor: Actor,
    pub(super) action: SafeText,
    pub(super) subject: Subject,
    pub(super) outcome: Outcome,
    pub(super) intent: Option<u64>,
    pub(super) reason: Option<SafeText>,
    pub(super) ticket: Option<SafeText>,
    pub(super) revision: RevisionChange,
    pub(super) effect: Option<SafeText>,
    pub(super) saw: Option<SafeText>,
    pub(super) blockers: Vec<Blocker>,
    pub(super) changes: Vec<FieldChange>,
    pub(super) approved_by: Vec<SafeText>,
    pub(super) override_id: Option<SafeText>,
    pub(super) because: Option<u64>,
    pub(super) scope: Option<Scope>,
    pub(super) idempotency_key: Option<SafeText>,
    pub(super) correlation_id: Option<SafeText>,
    pub(super) evidence: Option<String>,
}

impl Draft {
    pub(super) fn new(actor: Actor, action: &str, subject: Subject, outcome: Outcome) -> Self {
        Self {
            actor,
            action: SafeText::new(action),
            subject,
            outcome,
            intent: None,
            reason: None,
            ticket: None,
            revision: RevisionChange { before: None, after: None },
            effect: None,
            saw: None,
            blockers: Vec::new(),
            changes: Vec::new(),
            approved_by: Vec::new(),
            override_id: None,
            because: None,
            scope: None,
            idempotency_key: None,
            correlation_id: None,
            evidence: None,
        }
    }
}

impl Core {
    /// Adds an entry to the trail; it is durable with the batch that it is part of.
    pub(super) fn journal(&mut self, draft: Draft) -> AuditEntry {
        let entry = AuditEntry {
            seq: self.tree.size() + 1,
            id: self.clock.id(),
            at: self.now(),
            actor: draft.actor,
            action: draft.action,
            subject: draft.subject,
            outcome: draft.outcome,
            intent: draft.intent,
            reason: draft.reason,
            ticket: draft.ticket,
            override_id: draft.override_id,
            revision: draft.revision,
            effect: draft.effect,
            saw: draft.saw,
            blockers: draft.blockers,
            changes: draft.changes,
            approved_by: draft.approved_by,
            because: draft.because,
            scope: draft.scope,
            idempotency_key: draft.idempotency_key,
            correlation_id: draft.correlation_id,
            evidence: draft.evidence,
            schema: SCHEMA,
        };
        let bytes = audit::canonical(&entry);
        let leaf = audit::leaf_hash(&bytes);
        self.tree.append(leaf);
        let rollout = (entry.subject.kind == SubjectKind::Rollout)
            .then(|| entry.subject.target.as_ref().map(|target| format!("{target}/{}", entry.subject.name)))
            .flatten();
        self.batch.push(Write::Audit(StoredEntry {
            seq: entry.seq,
            bytes,
            leaf,
            at: entry.at,
            actor: entry.actor.id.to_string(),
            action: entry.action.to_string(),
            rollout,
        }));
        self.urgent = true;
        entry
    }

    /// Signs a checkpoint when one is due (or when `now_please`); it is durable with the batch.
    pub(super) fn checkpoint_if_due(&mut self, now_please: bool) {
        let size = self.tree.size();
        let covered = self.checkpoint.as_ref().map_or(0, |(covered, ..)| *covered);
        let new = size.saturating_sub(covered);
        let now_please = std::mem::take(&mut self.sign_now) || now_please;
        let due = self.checkpoint_due().is_some_and(|at| at <= self.now());
        if new > 0 && (now_please || new >= CHECKPOINT_ENTRIES || due) {
            let at = self.now();
            let note = self.signer.sign(size, &self.tree.root());
            self.batch.push(Write::Checkpoint { size, at, note: note.clone() });
            self.checkpoint = Some((size, at, note));
        }
    }

    /// What somebody needs who remembers a checkpoint of `from` entries: the newest one that is signed.
    pub(super) fn witness(&self, from: Option<u64>) -> WitnessView {
        let newest = self.checkpoint.as_ref();
        let size = newest.map_or(0, |(size, ..)| *size);
        let hashes = from.and_then(|from| self.tree.consistency(from, size));
        WitnessView {
            note: newest.map(|(_, _, note)| note.clone()),
            key: SafeText::new(self.signer.verifier_key()),
            successions: self.successions.clone(),
            proof: hashes.map(|hashes| hashes.iter().map(|hash| SafeText::new(STANDARD.encode(hash))).collect()),
        }
    }

    /// When a checkpoint has to be signed, if nothing else happens.
    pub(super) fn checkpoint_due(&self) -> Option<DateTime<Utc>> {
        let size = self.tree.size();
        match &self.checkpoint {
            Some((covered, at, _)) => (size > *covered).then(|| *at + CHECKPOINT_AFTER),
            None => (size > 0).then(|| self.now()),
        }
    }
}
