//! A store that keeps everything in memory, for what does not outlive its process: the demo and pictures. It
//! never waits, so that what happens on it happens in the same order each time.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{
    AUDIT_PAGE_MAX, AuditFilter, Document, IdempotencyRecord, Loaded, RecordKind, Store, StoreError, StoredEntry,
    TokenRecord, Write,
};
use crate::{
    audit::{filter::Column, leaf_hash},
    domain::{Digest, RolloutId, SafeText, Snapshot, UnitId, Window},
};

/// What it is called where a place is named.
const PLACE: &str = "memory";

/// The store.
#[derive(Debug, Default)]
pub struct Memory(Mutex<Kept>);

#[derive(Debug, Default, Clone)]
struct Kept {
    rollouts: BTreeMap<RolloutId, Document>,
    units: BTreeMap<UnitId, Document>,
    windows: BTreeMap<SafeText, Window>,
    records: BTreeMap<(RecordKind, String), Document>,
    snapshots: BTreeMap<Digest, Snapshot>,
    artifacts: BTreeMap<Digest, Arc<[u8]>>,
    tokens: BTreeMap<String, TokenRecord>,
    idempotency: BTreeMap<(String, String, String), IdempotencyRecord>,
    entries: Vec<StoredEntry>,
    /// Each with how many entries it covers.
    checkpoints: BTreeMap<u64, String>,
    meta: BTreeMap<String, String>,
}

/// Why a batch is not taken.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("audit entry {got} cannot follow entry {last}")]
    Gap { last: u64, got: u64 },
    #[error("audit entry {0} does not hash to its leaf")]
    Leaf(u64),
    #[error("nothing expires in memory")]
    Expire,
}

impl Memory {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn apply(&mut self, write: &Write) -> Result<(), Refused> {
        match write.clone() {
            Write::Rollout(id, body) => drop(self.rollouts.insert(id, body)),
            Write::Unit(id, body) => drop(self.units.insert(id, body)),
            Write::Window(window) => drop(self.windows.insert(window.id.clone(), *window)),
            Write::ForgetWindow(id) => drop(self.windows.remove(&id)),
            Write::Record(kind, id, body) => drop(self.records.insert((kind, id), body)),
            Write::ForgetRecord(kind, id) => drop(self.records.remove(&(kind, id))),
            Write::Snapshot(snapshot) => drop(self.snapshots.insert(snapshot.digest.clone(), snapshot)),
            Write::Artifact(digest, bytes) => drop(self.artifacts.insert(digest, bytes)),
            Write::Token(token) => drop(self.tokens.insert(token.id.clone(), token)),
            Write::Idempotency(record) => {
                let key = (record.principal.clone(), record.rollout.clone(), record.key.clone());
                self.idempotency.insert(key, record);
            }
            Write::ForgetIdempotency { principal, rollout, key } => {
                drop(self.idempotency.remove(&(principal, rollout, key)));
            }
            Write::Audit(entry) => {
                let last = self.entries.len() as u64;
                if entry.seq != last + 1 {
                    return Err(Refused::Gap { last, got: entry.seq });
                }
                if leaf_hash(&entry.bytes) != entry.leaf {
                    return Err(Refused::Leaf(entry.seq));
                }
                self.entries.push(entry);
            }
            Write::Expire { .. } => return Err(Refused::Expire),
            Write::Checkpoint { size, note, .. } => drop(self.checkpoints.insert(size, note)),
            Write::Meta(key, value) => drop(self.meta.insert(key, value)),
        }
        Ok(())
    }
}

/// Whether an entry is one that is wanted, as far as its columns say.
pub(super) fn matches(filter: &AuditFilter, entry: &StoredEntry) -> bool {
    let is = |wanted: &Option<String>, value: &str| wanted.as_ref().is_none_or(|wanted| wanted == value);
    let rollout = entry.rollout.as_deref().unwrap_or_default();
    let columns = entry.seq > filter.after
        && (filter.before == 0 || entry.seq < filter.before)
        && is(&filter.actor, &entry.actor)
        && is(&filter.action, &entry.action)
        && is(&filter.rollout, rollout)
        && filter.since.is_none_or(|since| entry.at >= since)
        && filter.until.is_none_or(|until| entry.at < until);
    let Some(expression) = filter.expression.as_ref().filter(|_| columns) else { return columns };
    let (since, until) = expression.bounds();
    since.is_none_or(|since| entry.at >= since)
        && until.is_none_or(|until| entry.at <= until)
        && expression.columns().all(|(column, values)| {
            let value = match column {
                Column::Actor => &entry.actor,
                Column::Action => &entry.action,
                Column::Rollout => rollout,
            };
            values.iter().any(|wanted| wanted == value)
        })
}

#[async_trait]
impl Store for Memory {
    async fn load(&self) -> Result<Loaded, StoreError> {
        let kept = self.kept().clone();
        Ok(Loaded {
            rollouts: kept.rollouts.into_iter().collect(),
            units: kept.units.into_iter().collect(),
            windows: kept.windows.into_values().collect(),
            records: kept.records.into_iter().map(|((kind, id), body)| (kind, id, body)).collect(),
            snapshots: kept.snapshots.into_values().collect(),
            tokens: kept.tokens.into_values().collect(),
            idempotency: kept.idempotency.into_values().collect(),
            leaves: kept.entries.iter().map(|entry| entry.leaf).collect(),
            range: None,
            checkpoint: kept.checkpoints.into_values().next_back(),
            // One key signs for as long as a process lasts.
            successions: Vec::new(),
            meta: kept.meta,
        })
    }

    async fn commit(&self, batch: &[Write]) -> Result<(), StoreError> {
        let mut kept = self.kept();
        // As a whole or not at all: only what can be refused needs to be looked at before.
        let entries = kept.entries.len();
        for write in batch.iter().filter(|write| matches!(write, Write::Audit(_) | Write::Expire { .. })) {
            if let Err(refused) = kept.apply(write) {
                kept.entries.truncate(entries);
                return Err(StoreError::failed(PLACE.as_ref(), "committing", refused));
            }
        }
        for write in batch.iter().filter(|write| !matches!(write, Write::Audit(_) | Write::Expire { .. })) {
            kept.apply(write).map_err(|refused| StoreError::failed(PLACE.as_ref(), "committing", refused))?;
        }
        Ok(())
    }

    async fn meta(&self, key: &str) -> Result<Option<String>, StoreError> {
        Ok(self.kept().meta.get(key).cloned())
    }

    async fn audit(&self, filter: &AuditFilter) -> Result<Vec<StoredEntry>, StoreError> {
        let limit = if filter.limit == 0 { AUDIT_PAGE_MAX } else { filter.limit.min(AUDIT_PAGE_MAX) } as usize;
        let kept = self.kept();
        let wanted = kept.entries.iter().filter(|entry| matches(filter, entry));
        if !filter.newest {
            return Ok(wanted.take(limit).cloned().collect());
        }
        let mut newest: Vec<StoredEntry> = wanted.rev().take(limit).cloned().collect();
        newest.reverse();
        Ok(newest)
    }

    async fn audit_before(&self, at: DateTime<Utc>) -> Result<(u64, u64), StoreError> {
        let before = self.kept().entries.iter().take_while(|entry| entry.at < at).count() as u64;
        Ok((before, before))
    }

    async fn checkpoints(&self, after: u64) -> Result<Vec<String>, StoreError> {
        Ok(self.kept().checkpoints.range(after + 1..).map(|(_, note)| note.clone()).collect())
    }

    async fn artifact(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.kept().artifacts.get(digest).map(|bytes| bytes.to_vec()))
    }

    async fn release_reserve(&self) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn close(&self) {}
}
