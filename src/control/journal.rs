//! Writing the audit trail: numbers, canonical bytes, leaves, checkpoints.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta, Utc};

use super::core::{Core, Mandate};
use crate::{
    audit,
    domain::{
        Actor, ActorKind, AuditEntry, Blocker, Digest, Outcome, Override, Phase, RolloutId, SafeText, Scope, Subject,
        SubjectKind, UnitId,
        audit::{FieldChange, RevisionChange, SCHEMA},
    },
    store::{AUDIT_SEAL, StoredEntry, Write},
    wire::WitnessView,
};

/// A checkpoint is signed after this many new entries at the latest.
const CHECKPOINT_ENTRIES: u64 = 256;
/// A checkpoint is signed this long after a new entry at the latest.
const CHECKPOINT_AFTER: TimeDelta = TimeDelta::seconds(60);

/// Actions by which units of a rollout are told something.
const MANDATES: [&str; 6] = ["start", "promote", "promote_full", "resume", "retry", "rollback"];

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
        let asked = draft.actor.kind != ActorKind::System;
        // What is made again as whoever asked is not what they look at now.
        let looks = asked && self.agreed.as_ref().is_none_or(|agreed| agreed.by == draft.actor.id);
        let saw = draft.saw.or_else(|| self.saw.clone().filter(|_| looks));
        let scope = draft.scope.or_else(|| self.scope_of(&draft.subject));
        let mut approved_by = draft.approved_by;
        // Whatever becomes of what is made again as whoever asked, it was a second person who set it going.
        if let Some(agreed) = self.agreed.as_ref().filter(|agreed| asked && agreed.by != draft.actor.id)
            && !approved_by.contains(&agreed.by)
        {
            approved_by.insert(0, agreed.by.clone());
        }
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
            saw,
            blockers: draft.blockers,
            changes: draft.changes,
            approved_by,
            because: draft.because,
            scope,
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
        self.note_mandate(&entry);
        entry
    }

    /// Decides about what somebody asks for who had this on the screen: every entry of theirs says so.
    pub(super) fn seeing<T>(&mut self, saw: Option<&String>, decide: impl FnOnce(&mut Self) -> T) -> T {
        self.saw = saw.map(SafeText::new);
        let decided = decide(self);
        self.saw = None;
        decided
    }

    /// Keeps who let a rollout go on, or back, for the entries of the units that are told something by it.
    fn note_mandate(&mut self, entry: &AuditEntry) {
        if entry.subject.kind != SubjectKind::Rollout || entry.outcome != Outcome::Applied {
            return;
        }
        let Some(target) = &entry.subject.target else { return };
        let Ok(id) = format!("{target}/{}", entry.subject.name).parse::<RolloutId>() else { return };
        let Some(record) = self.rollouts.get_mut(&id) else { return };
        let back = record.stored.state.phase() == Phase::RollingBack;
        let lets = if entry.actor.kind == ActorKind::System {
            // What brought it back, and not what followed from that.
            back && record.stored.mandate.as_ref().is_none_or(|mandate| !mandate.back)
        } else {
            MANDATES.contains(&entry.action.as_str())
        };
        if !lets {
            return;
        }
        record.stored.mandate = Some(Mandate {
            seq: entry.seq,
            by: entry.actor.id.clone(),
            action: entry.action.clone(),
            back,
            approved_by: entry.approved_by.clone(),
            override_id: entry.override_id.clone(),
        });
        self.touched_rollouts.insert(id);
    }

    /// Tells that a unit is to run something else: what changed on a site, by which decision, and who
    /// allowed it.
    pub(super) fn journal_told(&mut self, id: &RolloutId, unit: &UnitId, to: &Digest, from: Option<&Digest>) {
        let version = |digest: &Digest| match self.snapshots.get(digest) {
            Some(known) => format!("{} ({})", known.version, digest.short()),
            None => digest.short().to_owned(),
        };
        let ordered = self.fleet.get(unit).and_then(|unit| unit.order.as_ref()).map(|order| &order.snapshot);
        let effect = match (from, ordered) {
            (Some(from), _) if from != to => format!("runs {} instead of {}", version(to), version(from)),
            // What it runs says nothing of what it was on the way to.
            (Some(_), Some(ordered)) if ordered != to => {
                format!(
                    "goes back to {} from {}, which it was told and was not seen to run",
                    version(to),
                    version(ordered)
                )
            }
            (Some(_), _) => format!("stays with {}", version(to)),
            (None, _) => format!("runs {}", version(to)),
        };
        let Some(record) = self.rollouts.get(id) else { return };
        let (mandate, correlation_id) = (record.stored.mandate.clone(), record.stored.correlation_id.clone());
        let reason = match &mandate {
            Some(mandate) => format!("{id}: {} by {}, entry {}", mandate.action, mandate.by, mandate.seq),
            None => id.to_string(),
        };
        let subject = Subject {
            kind: SubjectKind::Unit,
            target: Some(SafeText::new(unit.group.as_str())),
            name: SafeText::new(unit.key().to_string()),
        };
        // Nobody has to see at once what a whole fleet is told one after the other.
        let urgent = self.urgent;
        self.journal(Draft {
            reason: Some(SafeText::new(reason)),
            effect: Some(SafeText::new(effect)),
            because: mandate.as_ref().map(|mandate| mandate.seq),
            approved_by: mandate.as_ref().map(|mandate| mandate.approved_by.clone()).unwrap_or_default(),
            override_id: mandate.and_then(|mandate| mandate.override_id),
            correlation_id: Some(correlation_id),
            ..Draft::new(Actor::system("engine"), "told", subject, Outcome::Applied)
        });
        self.urgent = urgent;
    }

    /// Where a window, an override or a flag holds, for its entry to say.
    fn scope_of(&self, subject: &Subject) -> Option<Scope> {
        let name = &subject.name;
        // One that names no scope holds everywhere.
        match subject.kind {
            SubjectKind::Window => self.windows.get(name.as_str()).map(|window| window.scope.clone()),
            SubjectKind::Override => self.overrides.get(name).map(where_it_counts).or_else(|| self.proposed_for(name)),
            SubjectKind::Flag => match self.flags.get(&name.as_str().parse().ok()?) {
                Some(entry) => Some(entry.flag().definition.scope.clone().unwrap_or_else(everywhere)),
                None => self.proposed_for(name),
            },
            _ => None,
        }
    }

    /// Names where something is to hold that is asked for and not there yet, so that the entries about it say so:
    /// whoever asks for a place finds who asked, who was refused and who allowed it.
    pub(super) fn proposes(&mut self, name: SafeText, scope: Scope) {
        self.proposed = Some((name, scope));
    }

    fn proposed_for(&self, name: &SafeText) -> Option<Scope> {
        self.proposed.as_ref().filter(|(proposed, _)| proposed == name).map(|(_, scope)| scope.clone())
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

    /// Signs for the trail as it becomes durable with this batch, so that what something else adds to it is not taken
    /// for what was written before a crash.
    pub(super) fn seal(&mut self) {
        let size = self.tree.size();
        if size == self.sealed {
            return;
        }
        // The one with which the key was passed on is signed by the key that is to answer for it.
        let signed = self.checkpoint.as_ref().filter(|(covered, ..)| *covered == size);
        let note = signed.map_or_else(|| self.signer.sign(size, &self.tree.root()), |(.., note)| note.clone());
        self.batch.push(Write::Meta(AUDIT_SEAL.to_owned(), note));
        self.sealed = size;
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
            fault: self.fault().cloned(),
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

/// Where an override counts: where it says, or else wherever what it is for can be.
pub(super) fn where_it_counts(record: &Override) -> Scope {
    match (&record.scope, &record.rollout) {
        (Some(scope), _) => scope.clone(),
        (None, Some(id)) => Scope { targets: vec![id.target.to_string()], ..Scope::default() },
        (None, None) => everywhere(),
    }
}

/// The scope that covers every place, as it is read back from its text.
pub(super) fn everywhere() -> Scope {
    Scope { targets: vec!["*".to_owned()], ..Scope::default() }
}
