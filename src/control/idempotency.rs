//! Idempotency keys: the same key and request are answered by the first answer, and done once.

use sha2::{Digest as _, Sha256};

use super::core::Core;
use crate::{
    domain::{Digest, Principal},
    store::{IdempotencyRecord, Write},
    wire::{Code, Conditions, Problem},
};

/// Longest idempotency key.
const KEY_MAX: usize = 255;
/// What identifies a request beside its key: its body. The revision is not of it, nor what was on
/// the screen: whoever asks again for a lost answer has looked again by then, and sees what the
/// first request did.
pub(super) fn fingerprint(request: &impl serde::Serialize) -> String {
    let mut body = serde_json::to_value(request).unwrap_or_default();
    if let Some(fields) = body.as_object_mut() {
        fields.remove("saw");
    }
    let body = serde_json_canonicalizer::to_vec(&body).unwrap_or_default();
    Digest::of(Sha256::digest(body).into()).as_str().to_owned()
}

pub(super) fn check_key(conditions: &Conditions) -> Result<(), Problem> {
    match &conditions.idempotency_key {
        Some(key) if key.is_empty() || key.len() > KEY_MAX || !key.bytes().all(|b| b.is_ascii_graphic()) => {
            Err(Problem::new(
                Code::Invalid,
                format!("an Idempotency-Key is 1 to {KEY_MAX} visible ASCII characters, for example a UUID"),
            )
            .in_field("Idempotency-Key"))
        }
        _ => Ok(()),
    }
}

impl Core {
    /// The first answer to an idempotency key, where there was one. `subject` is what the key belongs
    /// to beside its principal: a rollout's address, or `windows`.
    pub(super) fn replay<T: serde::de::DeserializeOwned>(
        &self,
        who: &Principal,
        subject: &str,
        conditions: &Conditions,
        fingerprint: &str,
    ) -> Result<Option<T>, Problem> {
        let Some(key) = &conditions.idempotency_key else { return Ok(None) };
        let known = self.idempotency.get(&(who.id.to_string(), subject.to_owned(), key.clone()));
        let Some(known) = known else { return Ok(None) };
        if known.fingerprint != fingerprint {
            return Err(Problem::new(
                Code::IdempotencyMismatch,
                format!(
                    "this Idempotency-Key was used for another request on {subject}: use a new key for a new request"
                ),
            )
            .in_field("Idempotency-Key"));
        }
        serde_json::from_slice(known.body.as_bytes())
            .map(Some)
            .map_err(|_| Problem::new(Code::Unavailable, "the stored answer to this Idempotency-Key cannot be read"))
    }

    /// Keeps the answer to an idempotency key.
    pub(super) fn remember(
        &mut self,
        who: &Principal,
        subject: &str,
        conditions: &Conditions,
        fingerprint: String,
        status: u16,
        body: &impl serde::Serialize,
    ) {
        let Some(key) = &conditions.idempotency_key else { return };
        let Ok(body) = serde_json::to_string(body) else { return };
        let record = IdempotencyRecord {
            principal: who.id.to_string(),
            rollout: subject.to_owned(),
            key: key.clone(),
            fingerprint,
            status,
            body,
            at: self.now(),
        };
        self.idempotency.insert((record.principal.clone(), record.rollout.clone(), key.clone()), record.clone());
        self.batch.push(Write::Idempotency(record));
    }
}
