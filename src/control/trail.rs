//! Reading the audit trail, and what proves it.

use std::collections::VecDeque;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};

use super::{AuditQuery, Control, authorize, unavailable};
use crate::{
    audit::{Hash, Tombstone},
    domain::{
        Actor, AuditEntry, Outcome, Principal, SafeText, Subject, SubjectKind, UnitId,
        audit::{RevisionChange, SCHEMA},
    },
    store::{StoredEntry, offline},
    wire::{AuditPage, CheckpointView, Code, Problem, ProofView, TrailFault, VerifyReport, WitnessView},
};

/// Most audit entries in one answer.
const AUDIT_MAX: u32 = 1000;
/// Most audit entries that are looked at for one answer: who looks for what is rare asks on.
const SEARCHED_MAX: usize = 20_000;

impl Control {
    async fn stored_entries(&self, who: &Principal, mut query: AuditQuery) -> Result<Vec<StoredEntry>, Problem> {
        authorize::may_read(who)?;
        query.limit = if query.limit == 0 { AUDIT_MAX } else { query.limit.min(AUDIT_MAX) };
        self.shared.store.audit(&query).await.map_err(|error| unavailable(&error))
    }

    /// Audit entries, ascending. Entries about targets that the caller may not see are left out, and
    /// the page is filled with further ones: a short page that does not say how far was looked is the end.
    pub async fn audit(&self, who: &Principal, mut query: AuditQuery) -> Result<AuditPage, Problem> {
        query.limit = if query.limit == 0 { AUDIT_MAX } else { query.limit.min(AUDIT_MAX) };
        let wanted = query.limit as usize;
        let expression = query.expression.clone().unwrap_or_default();
        let mut entries = VecDeque::new();
        // Whoever asks for all of them is shown where one is missing.
        let all = expression.is_empty() && is_unconditional(&query) && authorize::holds_everywhere(who);
        let mut shown = Vec::new();
        let (mut searched, mut searched_to) = (0, None);
        while entries.len() < wanted {
            if searched >= SEARCHED_MAX {
                searched_to = Some(if query.newest { query.before } else { query.after });
                break;
            }
            let page = self.stored_entries(who, query.clone()).await?;
            searched += page.len();
            let is_last = page.len() < query.limit as usize;
            let (Some(first), Some(last)) = (page.first().map(|e| e.seq), page.last().map(|e| e.seq)) else { break };
            let mut seen: Vec<AuditEntry> = Vec::new();
            let mut expected = if query.newest || !all { None } else { Some(query.after + 1) };
            for stored in page {
                if let Some(from) = expected.filter(|from| *from < stored.seq) {
                    seen.push(missing(from, &stored));
                }
                expected = all.then_some(stored.seq + 1);
                shown.push((stored.seq, stored.leaf));
                let read = serde_json::from_slice::<AuditEntry>(&stored.bytes);
                let fault = stored.fault();
                match (read, fault) {
                    (Ok(entry), None) => {
                        if sees_entry(who, &entry) && expression.matches(&entry) {
                            seen.push(entry);
                        }
                    }
                    // What it says now is not told as if it were so.
                    (Ok(entry), Some(fault)) => {
                        let stand_in = changed(&stored, &fault);
                        if sees_entry(who, &entry) && (expression.matches(&entry) || expression.matches(&stand_in)) {
                            seen.push(stand_in);
                        }
                    }
                    (Err(_), fault) => {
                        // What was changed to what is no entry at all is said to be that.
                        let fault = fault.filter(|_| Tombstone::read(&stored.bytes).is_some());
                        let stand_in = fault.map_or_else(|| unreadable(&stored), |fault| changed(&stored, &fault));
                        if authorize::holds_everywhere(who) && expression.matches(&stand_in) {
                            seen.push(stand_in);
                        }
                    }
                }
            }
            let room = wanted - entries.len();
            if query.newest {
                seen.into_iter().rev().take(room).for_each(|entry| entries.push_front(entry));
                query.before = first;
            } else {
                entries.extend(seen.into_iter().take(room));
                query.after = last;
            }
            if is_last {
                break;
            }
            query.limit = AUDIT_MAX;
        }
        let mut entries = Vec::from(entries);
        let (checkpoint, others) =
            self.decide(move |core| Ok((core.checkpoint.clone(), core.others_than_in_memory(&shown)))).await?;
        for entry in &mut entries {
            if others.contains(&entry.seq) && entry.outcome != Outcome::Unconfirmed {
                let why = "this entry was changed while the server ran: run `rolldeck audit verify`";
                *entry = stand_in(entry.seq, entry.at, entry.actor.id.as_str(), entry.action.as_str(), "CHANGED", why);
            }
        }
        let checkpoint = checkpoint.map(|(_, _, note)| self.checkpoint_view(note)).transpose()?;
        Ok(AuditPage { entries, checkpoint, searched_to })
    }

    /// Audit entries as they are stored, with their leaves, ascending: what an export is made of.
    /// Needs a role that holds everywhere, for a part of the trail proves nothing.
    pub async fn audit_stored(&self, who: &Principal, query: AuditQuery) -> Result<Vec<StoredEntry>, Problem> {
        if !authorize::holds_everywhere(who) {
            return Err(Problem::new(
                Code::Forbidden,
                "an export of the trail needs a role that holds for all targets (*)",
            ));
        }
        self.stored_entries(who, query).await
    }

    /// All signed checkpoints, ascending, and the key's verifier line.
    pub async fn checkpoints(&self, who: &Principal) -> Result<(Vec<String>, String), Problem> {
        authorize::may_read(who)?;
        let notes = self.shared.store.checkpoints(0).await.map_err(|error| unavailable(&error))?;
        Ok((notes, self.shared.verifier.to_string()))
    }

    /// A checkpoint that covers every entry there is.
    pub async fn checkpoint(&self, who: &Principal) -> Result<CheckpointView, Problem> {
        authorize::may_read(who)?;
        let note = self
            .decide(|core| {
                core.checkpoint_if_due(true);
                Ok(core.checkpoint.clone())
            })
            .await?;
        let (_, _, note) = note.ok_or_else(|| Problem::new(Code::NotFound, "the audit trail is empty"))?;
        self.checkpoint_view(note)
    }

    fn checkpoint_view(&self, note: String) -> Result<CheckpointView, Problem> {
        let mut lines = note.lines().skip(1);
        let size = lines.next().and_then(|size| size.parse().ok());
        let root = lines.next().map(SafeText::new);
        let (Some(size), Some(root)) = (size, root) else {
            return Err(Problem::new(
                Code::Unavailable,
                "the stored checkpoint cannot be read: run `rolldeck audit verify`",
            ));
        };
        Ok(CheckpointView { size, root, key: SafeText::new(self.shared.verifier.to_string()), note })
    }

    /// A consistency proof between two sizes of the tree.
    pub async fn proof(&self, who: &Principal, from: u64, to: u64) -> Result<ProofView, Problem> {
        authorize::may_read(who)?;
        let hashes: Option<Vec<Hash>> = self.decide(move |core| Ok(core.tree.consistency(from, to))).await?;
        let hashes = hashes.ok_or_else(|| {
            Problem::new(
                Code::Invalid,
                format!("a proof is from a size to a greater or equal one that the trail has, got {from} to {to}"),
            )
        })?;
        let hashes = hashes.iter().map(|hash| SafeText::new(STANDARD.encode(hash))).collect();
        Ok(ProofView { from, to, hashes })
    }

    /// Proofs that entries are in the tree of `size` entries, in the order in which they are named.
    pub async fn inclusion(&self, who: &Principal, seqs: Vec<u64>, size: u64) -> Result<Vec<Vec<Hash>>, Problem> {
        authorize::may_read(who)?;
        let proofs = self.decide(move |core| {
            Ok(seqs.iter().map(|seq| core.tree.inclusion(seq.checked_sub(1)?, size)).collect::<Option<Vec<_>>>())
        });
        proofs.await?.ok_or_else(|| {
            Problem::new(Code::Invalid, format!("an entry was named that is not among the first {size}"))
        })
    }

    /// What somebody needs who remembers a checkpoint of `from` entries, or none yet: one that covers every
    /// entry there is.
    pub async fn witness(&self, who: &Principal, from: Option<u64>) -> Result<WitnessView, Problem> {
        authorize::may_read(who)?;
        self.decide(move |core| {
            core.checkpoint_if_due(true);
            Ok(core.witness(from))
        })
        .await
    }

    /// The same for an agent, whose unit is asked for: the newest checkpoint that was signed anyway.
    pub async fn witness_of_agent(
        &self,
        who: &Principal,
        unit: &UnitId,
        from: Option<u64>,
    ) -> Result<WitnessView, Problem> {
        authorize::speaks_for(who, unit)?;
        self.decide(move |core| Ok(core.witness(from))).await
    }

    /// What was found of the trail that is not as it was written, for whoever runs it.
    pub async fn trail_fault(&self) -> Option<TrailFault> {
        self.decide(|core| Ok(core.fault().cloned())).await.ok().flatten()
    }

    /// Reads every stored entry again and holds it against its leaf and the checkpoints.
    pub async fn verify(&self, who: &Principal) -> Result<VerifyReport, Problem> {
        authorize::may_read(who)?;
        // What is being written now is covered by a checkpoint first, so that all of it can be proven.
        self.decide(|core| {
            core.checkpoint_if_due(true);
            Ok(())
        })
        .await?;
        let signed = self.decide(|core| Ok(core.checkpoint.as_ref().map(|(.., note)| note.clone()))).await?;
        let key = self.shared.verifier.clone();
        let report = offline::verify_store(&*self.shared.store, key, signed.as_deref()).await;
        let mut report = VerifyReport::from(report.map_err(|error| unavailable(&error))?);
        // What is in the store was in memory before: there cannot be more.
        let (size, fault) = self.decide(|core| Ok((core.tree.size(), core.fault().cloned()))).await?;
        if report.entries > size && report.first_bad.is_none() {
            report.ok = false;
            report.first_bad = Some(size + 1);
            report.detail = SafeText::new(format!(
                "entry {} was added by something else than the server, which has {size}; {}",
                size + 1,
                report.detail
            ));
        }
        // What was signed over since is in order by itself, and still not what was written.
        if let (true, Some(fault)) = (report.ok, fault) {
            report.ok = false;
            report.proven = report.proven.min(fault.after);
            report.differs_after = Some(fault.after);
            report.detail = SafeText::new(format!("{}; what is stored now: {}", fault.why, report.detail));
        }
        Ok(report)
    }
}

/// Whether a caller may see an entry: one about a target that its role holds for, or about none.
fn sees_entry(who: &Principal, entry: &AuditEntry) -> bool {
    match &entry.subject.target {
        Some(target) => target.as_str().parse().is_ok_and(|target| authorize::holds_for(who, &target)),
        None => entry.subject.kind != SubjectKind::Token || authorize::holds_everywhere(who),
    }
}

/// Whether a query names nothing that an entry is to be like.
fn is_unconditional(query: &AuditQuery) -> bool {
    let named = [&query.rollout, &query.actor, &query.action];
    named.iter().all(|name| name.is_none()) && query.since.is_none() && query.until.is_none()
}

/// What stands in for an entry whose bytes were changed to what is no entry any more, so that one
/// such hides no other, and for one whose content has expired. Only what it is found by is told of it, and verification names it.
fn unreadable(stored: &StoredEntry) -> AuditEntry {
    if let Some(left) = Tombstone::read(&stored.bytes) {
        let why = format!("its content has expired: {}", left.reason);
        let entry = stand_in(stored.seq, stored.at, &stored.actor, &stored.action, "EXPIRED", &why);
        return AuditEntry { outcome: Outcome::Applied, ..entry };
    }
    let why = "this entry was changed and cannot be read: run `rolldeck audit verify`";
    stand_in(stored.seq, stored.at, &stored.actor, &stored.action, "UNREADABLE", why)
}

/// What stands in for an entry that is not what was written.
fn changed(stored: &StoredEntry, fault: &str) -> AuditEntry {
    let why = format!("this entry {fault}: run `rolldeck audit verify`");
    stand_in(stored.seq, stored.at, &stored.actor, &stored.action, "CHANGED", &why)
}

/// What stands in for the entries from `from` on that are not there any more, before one that is.
fn missing(from: u64, next: &StoredEntry) -> AuditEntry {
    let last = next.seq.saturating_sub(1);
    let which =
        if from == last { "this entry is missing".to_owned() } else { format!("entries {from} to {last} are missing") };
    stand_in(from, next.at, "", "", "MISSING", &format!("{which}: run `rolldeck audit verify`"))
}

fn stand_in(seq: u64, at: DateTime<Utc>, actor: &str, action: &str, name: &str, why: &str) -> AuditEntry {
    AuditEntry {
        seq,
        id: format!("{}{seq}", AuditEntry::STAND_IN),
        at,
        actor: Actor::system(actor),
        action: SafeText::new(action),
        subject: Subject { kind: SubjectKind::Server, target: None, name: SafeText::new(name) },
        outcome: Outcome::Unconfirmed,
        intent: None,
        reason: Some(SafeText::new(why)),
        ticket: None,
        override_id: None,
        revision: RevisionChange { before: None, after: None },
        effect: None,
        saw: None,
        blockers: Vec::new(),
        changes: Vec::new(),
        approved_by: Vec::new(),
        because: None,
        scope: None,
        idempotency_key: None,
        correlation_id: None,
        evidence: None,
        schema: SCHEMA,
    }
}
