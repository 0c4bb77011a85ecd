//! What is done about the trail itself: passing it on to another key, and letting old contents expire.
//! Both are entries of the trail, and a checkpoint is signed at once.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Control, authorize, core::Core, journal::Draft, unavailable};
use crate::{
    audit::{Signer, Succession, tombstone},
    domain::{AuditEntry, Outcome, Principal, Reason, Role, SafeText, Subject, SubjectKind, audit::FieldChange},
    store::{VERIFIER_KEY, Write},
    wire::{Code, Problem},
};

/// Contents of entries that are younger than this never expire.
pub const KEPT_AT_LEAST: TimeDelta = TimeDelta::days(30);

fn subject(name: &str) -> Subject {
    Subject { kind: SubjectKind::Server, target: None, name: SafeText::new(name) }
}

impl Control {
    /// Takes away the content of the entries that are older than `before`; their places and leaves stay, so
    /// that the tree verifies as it did. The entry that tells of it; none when there was nothing to take.
    pub async fn expire_audit(
        &self,
        who: &Principal,
        before: DateTime<Utc>,
        reason: &str,
    ) -> Result<Option<AuditEntry>, Problem> {
        let why = authorize::reason(reason)?;
        if before > self.shared.clock.now() - KEPT_AT_LEAST {
            let text = "entries of the last 30 days are kept as they are: name an earlier time";
            return Err(Problem::new(Code::Invalid, text).in_field("before"));
        }
        let found = self.shared.store.audit_before(before).await.map_err(|error| unavailable(&error))?;
        let who = who.clone();
        self.decide(move |core| core.expire_audit(&who, found, before, &why)).await
    }

    /// Passes the trail on to another key: from the entry that tells of it on, the new one signs. Whoever
    /// keeps the key must have put it where it is found before, and only then let go of the old one.
    pub async fn rotate_audit_key(&self, who: &Principal, seed: [u8; 32], reason: &str) -> Result<AuditEntry, Problem> {
        let why = authorize::reason(reason)?;
        let who = who.clone();
        self.decide(move |core| core.rotate_audit_key(&who, &seed, &why)).await
    }
}

impl Core {
    fn allow_retention(&mut self, who: &Principal, verb: &str) -> Result<(), Problem> {
        if who.role.covers(Role::Commander) && authorize::holds_everywhere(who) {
            return Ok(());
        }
        let entry = self.journal(Draft::new(who.actor(), verb, subject("audit trail"), Outcome::Refused));
        let text = "the trail itself is for a commander of all targets (*)";
        Err(Problem { audit: Some(entry.seq), ..Problem::new(Code::Forbidden, text) })
    }

    fn expire_audit(
        &mut self,
        who: &Principal,
        (through, with_content): (u64, u64),
        before: DateTime<Utc>,
        why: &Reason,
    ) -> Result<Option<AuditEntry>, Problem> {
        self.allow_retention(who, tombstone::EXPIRED)?;
        if with_content == 0 {
            return Ok(None);
        }
        let changes = vec![FieldChange {
            field: SafeText::new(tombstone::THROUGH),
            before: None,
            after: Some(SafeText::new(through.to_string())),
        }];
        let day = before.format("%Y-%m-%d %H:%MZ");
        let entry = self.journal(Draft {
            reason: Some(SafeText::new(why.as_str())),
            effect: Some(SafeText::new(format!(
                "the content of {with_content} entries from before {day} is gone, through entry {through}"
            ))),
            changes,
            ..Draft::new(who.actor(), tombstone::EXPIRED, subject("audit trail"), Outcome::Applied)
        });
        self.batch.push(Write::Expire { through, reason: why.as_str().to_owned() });
        self.checkpoint_if_due(true);
        Ok(Some(entry))
    }

    fn rotate_audit_key(&mut self, who: &Principal, seed: &[u8; 32], why: &Reason) -> Result<AuditEntry, Problem> {
        self.allow_retention(who, "audit_key_rotated")?;
        let next = Signer::new(self.signer.origin(), seed);
        let (old_key, new_key) = (self.signer.verifier_key(), next.verifier_key());
        if old_key == new_key {
            return Err(Problem::new(Code::Invalid, "it is the key that signs already"));
        }
        let changes = vec![FieldChange {
            field: SafeText::new("key"),
            before: Some(SafeText::new(&old_key)),
            after: Some(SafeText::new(&new_key)),
        }];
        let entry = self.journal(Draft {
            reason: Some(SafeText::new(why.as_str())),
            effect: Some(SafeText::new(format!(
                "key {} signs checkpoints from now on, in place of {}",
                next.verifier().fingerprint(),
                self.signer.verifier().fingerprint()
            ))),
            changes,
            ..Draft::new(who.actor(), "audit_key_rotated", subject("audit key"), Outcome::Applied)
        });
        // The last that the old key answers for is the entry of its own succession.
        let (size, at) = (self.tree.size(), self.now());
        let note = Succession::sign(&self.signer, &next, size, &self.tree.root());
        self.batch.push(Write::Checkpoint { size, at, note: note.clone() });
        self.batch.push(Write::Meta(VERIFIER_KEY.to_owned(), new_key));
        self.successions.push(note.clone());
        self.checkpoint = Some((size, at, note));
        self.options.signing_seed = *seed;
        self.signer = next;
        Ok(entry)
    }
}
